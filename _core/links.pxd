# cython: language_level=3
"""Who defines what others use: the names by which a good chunk votes for the files that its code leans on.

A *name* is of two parts or more and stands as the low 24 bits of the XXH64 of its whole in stored form (`text.pxd`):
the few that a question compares hardly ever meet by chance, and a meeting costs a rank, not a wrong line. A file has
the types and functions it defines. A chunk has what looks like the use of one (a `(` follows, or it begins with a
capital and is not all capitals) and is not defined in the same file.

What a file has in the array `links` begins at `links` of its rank record and ends where the next file's begins: LEB128
number of names, the names; then for each of its chunks how many names that uses (u1), then these, chunk after chunk. A
name takes 3 bytes, low one first; those that stand together ascend.

Example, a file of two chunks that defines one name, 0x21B7C5, and whose second chunk uses two, 0x000102 and 0x020000:
    01 C5 B7 21;  00 02;  02 01 00 00 00 02
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_init, bytes_varint, read_varint
from _core.sort cimport sort_numbers
from _core.text cimport shouts

cdef enum:
    NAME_BYTES = 3
    NAME_MASK = 0xFFFFFF
    SHOWN = 1 << 24       # of an own name: a type or function, which others may vote for
    USES_MAX = 255        # names of one chunk; the smallest are kept

cdef struct Names:
    # Of the file at hand: what it defines, and what its chunk at hand uses; uint32 each. Then what is written behind
    # the names it defines: how many each chunk uses, and these.
    Bytes own
    Bytes used
    Bytes counts
    Bytes uses


cdef inline void names_init(Names* n) noexcept nogil:
    bytes_init(&n.own)
    bytes_init(&n.used)
    bytes_init(&n.counts)
    bytes_init(&n.uses)


cdef inline void names_free(Names* n) noexcept nogil:
    bytes_free(&n.own)
    bytes_free(&n.used)
    bytes_free(&n.counts)
    bytes_free(&n.uses)


cdef inline void names_define(Names* n, uint64_t hash, bint shown) noexcept nogil:
    cdef uint32_t v = <uint32_t>hash & NAME_MASK
    if shown:
        v |= SHOWN
    bytes_add(&n.own, &v, 4)


cdef inline void names_use(Names* n, uint64_t hash) noexcept nogil:
    cdef uint32_t v = <uint32_t>hash & NAME_MASK
    bytes_add(&n.used, &v, 4)


cdef inline bint looks_used(const uint8_t* text, uint32_t at, uint32_t end, uint32_t stop) noexcept nogil:
    """Does the identifier text[at:end] look like the use of a type or function? The text ends at `stop`."""
    if end < stop and (text[end] == 40 or (text[end] == 32 and end + 1 < stop and text[end + 1] == 40)):
        return True
    return 65 <= text[at] <= 90 and not shouts(text + at, end - at)


cdef inline bint _before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    return a < b


cdef inline void _write(const uint32_t* v, uint32_t n, Bytes* out) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        bytes_byte(out, <uint8_t>v[i])
        bytes_byte(out, <uint8_t>(v[i] >> 8))
        bytes_byte(out, <uint8_t>(v[i] >> 16))


cdef inline void links_file(Names* n, Bytes* out) noexcept nogil:
    """The names that the file defines, all known by now; `links_chunk` for each chunk and `links_end` follow."""
    cdef uint32_t* v = <uint32_t*>n.own.data
    cdef uint32_t i, m = 0, count = <uint32_t>(n.own.len // 4), shown = 0, left = 0
    cdef Bytes names
    bytes_init(&names)
    if not sort_numbers(v, count, _before, NULL):
        out.failed = True
    # Equal names stand together only within the shown and the others: first the distinct shown ones are written.
    for i in range(count):
        if v[i] & SHOWN and (shown == 0 or v[i] != left):
            left = v[i]
            shown += 1
            _write(&left, 1, &names)
    bytes_varint(out, shown)
    bytes_add(out, names.data, names.len)
    out.failed |= names.failed
    bytes_free(&names)
    # Then all of them, without that mark, as what its chunks do not use.
    for i in range(count):
        v[i] &= NAME_MASK
    if not sort_numbers(v, count, _before, NULL):
        out.failed = True
    for i in range(count):
        if m == 0 or v[i] != v[m - 1]:
            v[m] = v[i]
            m += 1
    n.own.len = <size_t>m * 4
    out.failed |= n.own.failed


cdef inline void links_chunk(Names* n) noexcept nogil:
    """The chunk at hand ends."""
    cdef uint32_t* v = <uint32_t*>n.used.data
    cdef const uint32_t* own = <const uint32_t*>n.own.data
    cdef uint32_t i, k = 0, m = 0, count = <uint32_t>(n.used.len // 4), owned = <uint32_t>(n.own.len // 4)
    if not sort_numbers(v, count, _before, NULL):
        n.uses.failed = True
    for i in range(count):
        if m and v[i] == v[m - 1]:
            continue
        while k < owned and own[k] < v[i]:
            k += 1
        if (k < owned and own[k] == v[i]) or m == USES_MAX:
            continue
        v[m] = v[i]
        m += 1
    bytes_byte(&n.counts, <uint8_t>m)
    _write(v, m, &n.uses)
    n.uses.failed |= n.used.failed
    n.used.len = 0


cdef inline void links_end(Names* n, Bytes* out) noexcept nogil:
    """The file ends."""
    bytes_add(out, n.counts.data, n.counts.len)
    bytes_add(out, n.uses.data, n.uses.len)
    out.failed |= n.counts.failed or n.uses.failed
    n.counts.len = n.uses.len = 0


cdef inline uint32_t name_at(const uint8_t* p, uint32_t i) noexcept nogil:
    """The i-th of the names that begin at `p`."""
    p += NAME_BYTES * <size_t>i
    return p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16


cdef inline const uint8_t* links_names(const uint8_t* p, const uint8_t* end, uint32_t* n) noexcept nogil:
    """The n names that a file's part of `links`, [p, end), begins with; NULL when they do not fit."""
    cdef uint64_t v
    n[0] = 0
    p = read_varint(p, end, &v)
    if p == NULL or v > <size_t>(end - p) // NAME_BYTES:
        return NULL
    n[0] = <uint32_t>v
    return p


cdef inline const uint8_t* links_uses(const uint8_t* p, const uint8_t* end, uint32_t chunks, uint32_t chunk,
                                      uint32_t* n) noexcept nogil:
    """The n names that a chunk uses, of a file of so many chunks, the first one being 0; NULL when they do not fit. `p`
    is behind the file's names."""
    cdef size_t before = 0
    cdef uint32_t i
    n[0] = 0
    if chunk >= chunks or <size_t>(end - p) < chunks:
        return NULL
    for i in range(chunk):
        before += p[i]
    if <size_t>(end - p) - chunks < NAME_BYTES * (before + p[chunk]):
        return NULL
    n[0] = p[chunk]
    return p + chunks + NAME_BYTES * before
