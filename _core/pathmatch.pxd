# cython: language_level=3
"""Which files' names and folders have the words of a question: looked up among the distinct words of all paths.

A question's word matches a path's word when their stems are equal, when one of the two as written begins with the other
(three letters or more), or one stem with the other (four or more). Folders count only with equal stems.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, realloc, free
from libc.string cimport memcmp
from _core.base cimport Bytes, bytes_add, bytes_free, read_varint
from _core.parts cimport _compare as compare_bytes
from _core.query cimport Query, Word
from _core.segment cimport Segment, PartRecord
from _core.store cimport store_touch

cdef enum:
    PREFIX_RAW = 3
    PREFIX_STEM = 4
    STEM_LOOKUP = 1
    RAW_LOOKUP = 0

cdef struct FilePath:
    uint64_t name        # bit i: word i of the question matches the file's name
    uint64_t exact       # ... with equal stems
    uint64_t folders     # ... equals a folder's word
    uint32_t hits        # words of the name that a word of the question matches

cdef struct PartMatch:
    uint32_t part
    uint32_t zero
    uint64_t match       # bit i: word i of the question matches this part
    uint64_t exact


cdef inline const uint8_t* _part(Segment* s, uint32_t i, int by, uint32_t* part, uint32_t* n) noexcept nogil:
    """Text of the i-th part in order of words (RAW_LOOKUP) or stems (STEM_LOOKUP); NULL when damaged."""
    cdef const PartRecord* r
    cdef uint32_t end
    part[0] = i
    if by == STEM_LOOKUP:
        if not store_touch(&s.store, &s.part_order[i], 4):
            return NULL
        part[0] = s.part_order[i]
        if part[0] >= s.n_parts:
            s.store.damaged = True
            return NULL
    r = &s.parts[part[0]]
    if not store_touch(&s.store, r, 2 * sizeof(PartRecord)):
        return NULL
    end = r[1].text
    if end > s.part_text_n or r.text > end or r.len > end - r.text or not store_touch(
            &s.store, s.part_text + r.text, end - r.text):
        s.store.damaged = True
        return NULL
    if by == STEM_LOOKUP:
        n[0] = end - r.text - r.len
        return s.part_text + r.text + r.len
    n[0] = r.len
    return s.part_text + r.text


cdef inline uint32_t _lower_bound(Segment* s, int by, const uint8_t* key, uint32_t n) noexcept nogil:
    """The first part, in that order, that is not before `key`."""
    cdef uint32_t lo = 0, hi = s.n_parts, mid, part, m
    cdef const uint8_t* p
    while lo < hi:
        mid = lo + (hi - lo) // 2
        p = _part(s, mid, by, &part, &m)
        if p == NULL:
            return s.n_parts
        if compare_bytes(p, m, key, n) < 0:
            lo = mid + 1
        else:
            hi = mid
    return lo


cdef inline void _mark(Bytes* found, uint32_t part, uint32_t word, bint exact) noexcept nogil:
    cdef PartMatch m
    m.part = part
    m.zero = 0
    m.match = <uint64_t>1 << word
    m.exact = m.match if exact else 0
    bytes_add(found, &m, sizeof(m))


cdef inline void _find(Segment* s, int by, uint32_t word, const uint8_t* key, uint32_t n, uint32_t shortest,
                       Bytes* found) noexcept nogil:
    """Parts equal to the key, beginning with it, or its beginnings."""
    cdef uint32_t i = _lower_bound(s, by, key, n), part, m, k
    cdef const uint8_t* p
    while i < s.n_parts:
        p = _part(s, i, by, &part, &m)
        if p == NULL or m < n or memcmp(p, key, n) != 0 or (m > n and n < shortest):
            break
        _mark(found, part, word, by == STEM_LOOKUP and m == n)
        i += 1
    for k in range(shortest, n):
        i = _lower_bound(s, by, key, k)
        while i < s.n_parts:
            p = _part(s, i, by, &part, &m)
            if p == NULL or m != k or memcmp(p, key, k) != 0:
                break
            _mark(found, part, word, False)
            i += 1


cdef inline void match_paths(Segment* s, const Query* q, FilePath* files, Bytes* named) noexcept nogil:
    """Fills files[0:n_files] (zeroed before) and appends to `named` (uint32) each file with a match in its name, once."""
    cdef Bytes found
    cdef PartMatch* m
    cdef PartMatch* other
    cdef uint32_t i, j, n, f
    cdef uint64_t v, at, left
    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef FilePath* x
    found.data = NULL
    found.len = found.cap = 0
    found.failed = False
    for i in range(q.n_words):
        _find(s, STEM_LOOKUP, i, q.words[i].stem, q.words[i].stem_len, PREFIX_STEM, &found)
        _find(s, RAW_LOOKUP, i, q.words[i].raw, q.words[i].raw_len, PREFIX_RAW, &found)
    n = <uint32_t>(found.len // sizeof(PartMatch))
    m = <PartMatch*>found.data
    for i in range(n):
        if m[i].zero:
            continue
        # A part is found once for each word and way: gather its bits in the first record, so that its files are read once.
        for j in range(i + 1, n):
            other = &m[j]
            if other.part == m[i].part:
                m[i].match |= other.match
                m[i].exact |= other.exact
                other.zero = 1
        at = s.parts[m[i].part].files
        if at > s.part_files_n:
            s.store.damaged = True
            break
        p = s.part_files + at
        left = <uint64_t>s.parts[m[i].part].n_files * 5
        if left > s.part_files_n - at:
            left = s.part_files_n - at
        if not store_touch(&s.store, p, left):
            break
        end = p + left
        f = 0
        for j in range(s.parts[m[i].part].n_files):
            p = read_varint(p, end, &v)
            if p == NULL or f + (v >> 1) >= s.n_files:
                s.store.damaged = True
                break
            f += <uint32_t>(v >> 1)
            x = &files[f]
            if v & 1:
                if x.hits == 0:
                    bytes_add(named, &f, 4)
                x.hits += 1
                x.name |= m[i].match
                x.exact |= m[i].exact
            else:
                x.folders |= m[i].exact
    bytes_free(&found)
