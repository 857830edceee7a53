# cython: language_level=3
"""Which files' names and folders have the words of a question: looked up among the distinct words of all paths.

A question's word matches a path's word when their stems are equal, when one of the two as written begins with the other
(three letters or more), or one stem with the other (four or more). Folders count only with equal stems, and so do
synonyms in names.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset
from _core.base cimport Bytes, bytes_add, bytes_free, bytes_init, read_varint, first_bit
from _core.numbers cimport NO_NUMBER
from _core.parts cimport _compare as compare_bytes
from _core.query cimport Query
from _core.segment cimport Segment, PartRecord
from _core.store cimport store_read
from _core.synonyms cimport synonyms_of

cdef enum:
    PREFIX_RAW = 3
    PREFIX_STEM = 4
    STEM_LOOKUP = 1
    RAW_LOOKUP = 0
    SPAN = 1024           # files whose names are looked at together
    SPAN_WORDS = 16       # ... a bit for each

cdef struct FilePath:
    uint32_t file
    uint32_t name        # bit i: word i of the question matches the file's name
    uint32_t exact       # ... with equal stems
    uint32_t hits        # words of the name that a word of the question matches
    uint32_t parts       # words of the name

cdef struct PartMatch:
    uint32_t part
    uint32_t match       # bit i: word i of the question matches this part
    uint32_t exact

cdef struct PathMatches:
    Bytes parts          # of PartMatch
    Bytes files          # of FilePath: those with a match in their name, ascending

cdef struct NamedList:
    # The files that have one of the matching parts in their name, being read.
    const uint8_t* at
    const uint8_t* end
    uint32_t left        # files that follow the one at hand
    uint32_t parts       # of the name of that one
    uint32_t match
    uint32_t exact


cdef inline void matches_init(PathMatches* m) noexcept nogil:
    bytes_init(&m.parts)
    bytes_init(&m.files)


cdef inline void matches_free(PathMatches* m) noexcept nogil:
    bytes_free(&m.parts)
    bytes_free(&m.files)


cdef inline const FilePath* matches_find(const PathMatches* m, uint32_t file) noexcept nogil:
    """How the name of a file matches, NULL when it does not."""
    cdef const FilePath* all = <const FilePath*>m.files.data
    cdef uint32_t lo = 0, hi = <uint32_t>(m.files.len // sizeof(FilePath)), mid
    while lo < hi:
        mid = lo + (hi - lo) // 2
        if all[mid].file < file:
            lo = mid + 1
        else:
            hi = mid
    return &all[lo] if lo < m.files.len // sizeof(FilePath) and all[lo].file == file else NULL


cdef inline const uint8_t* _part(Segment* s, uint32_t i, int by, uint32_t* part, uint32_t* n) noexcept nogil:
    """Text of the i-th part in order of words (RAW_LOOKUP) or stems (STEM_LOOKUP); NULL when damaged."""
    cdef const PartRecord* r
    cdef const uint32_t* order
    cdef const uint8_t* text
    cdef uint32_t end
    part[0] = i
    if by == STEM_LOOKUP:
        order = <const uint32_t*>store_read(&s.store, &s.part_order[i], 4)
        if order == NULL:
            return NULL
        part[0] = order[0]
        if part[0] >= s.n_parts:
            s.store.damaged = True
            return NULL
    r = <const PartRecord*>store_read(&s.store, &s.parts[part[0]], 2 * sizeof(PartRecord))
    if r == NULL:
        return NULL
    end = r[1].text
    if end > s.part_text_n or r.text > end or r.len > end - r.text:
        s.store.damaged = True
        return NULL
    text = <const uint8_t*>store_read(&s.store, s.part_text + r.text, end - r.text)
    if text == NULL:
        return NULL
    if by == STEM_LOOKUP:
        n[0] = end - r.text - r.len
        return text + r.len
    n[0] = r.len
    return text


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


cdef inline bint has_part(Segment* s, const uint8_t* stem, uint32_t n) noexcept nogil:
    """Whether a word of some path has that stem."""
    cdef uint32_t part, m = 0, i = _lower_bound(s, STEM_LOOKUP, stem, n)
    cdef const uint8_t* p = _part(s, i, STEM_LOOKUP, &part, &m) if i < s.n_parts else NULL
    return p != NULL and m == n and memcmp(p, stem, n) == 0


cdef inline void _mark(Bytes* found, uint32_t part, uint32_t word, bint exact) noexcept nogil:
    cdef PartMatch m
    m.part = part
    m.match = <uint32_t>1 << word
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


cdef inline const uint8_t* _part_files(Segment* s, const PartMatch* m, uint32_t* named, uint32_t* others,
                                       const uint8_t** end) noexcept nogil:
    """The list of a part's files, how many have it in their name, and how many behind these in a folder; NULL when
    damaged."""
    cdef const PartRecord* r = <const PartRecord*>store_read(&s.store, &s.parts[m.part], 2 * sizeof(PartRecord))
    cdef const uint8_t* p
    cdef uint64_t n
    named[0] = 0
    others[0] = 0
    if r == NULL or r[0].files > r[1].files or r[1].files > s.part_files_n:
        s.store.damaged = True
        return NULL
    n = r[1].files - r[0].files
    p = <const uint8_t*>store_read(&s.store, s.part_files + r.files, n)
    if p == NULL:
        return NULL
    end[0] = p + n
    p = read_varint(p, end[0], &n)
    if p == NULL or n > r.n_files:
        s.store.damaged = True
        return NULL
    named[0] = <uint32_t>n
    others[0] = r.n_files - <uint32_t>n
    return p


cdef inline bint _next_named(Segment* s, NamedList* l, uint32_t* file) noexcept nogil:
    """The next file of a list to `file`, which is the one at hand; NO_NUMBER behind the last. False: damaged."""
    cdef uint64_t v
    cdef uint32_t before = file[0]
    file[0] = NO_NUMBER
    if l.left == 0:
        return True
    l.left -= 1
    l.at = read_varint(l.at, l.end, &v)
    if l.at == NULL or l.at == l.end or v >= s.n_files - before:
        s.store.damaged = True
        return False
    file[0] = before + <uint32_t>v
    l.parts = l.at[0]
    l.at += 1
    return True


cdef inline uint32_t _one_each(PartMatch* all, uint32_t n) noexcept nogil:
    """A part is found once for each word and way: gathers its bits in one record, so that its files are read once. How
    many parts there are."""
    cdef uint32_t i, j, m = 0
    for i in range(n):
        for j in range(m):
            if all[j].part == all[i].part:
                all[j].match |= all[i].match
                all[j].exact |= all[i].exact
                break
        else:
            all[m] = all[i]
            m += 1
    return m


cdef inline bint _span(Segment* s, NamedList* lists, uint32_t* next, uint32_t n, uint32_t base,
                       Bytes* out) noexcept nogil:
    """Appends the files of all lists that lie in [base, base + SPAN); `next[i]`, none before `base`, is the file that
    lists[i] has at hand. False: damaged."""
    cdef FilePath[SPAN] found
    cdef uint64_t[SPAN_WORDS] bits
    cdef uint32_t i, at
    cdef uint64_t word
    cdef FilePath* x
    memset(bits, 0, sizeof(bits))
    for i in range(n):
        while next[i] - base < SPAN:  # not so of NO_NUMBER
            at = next[i] - base
            x = &found[at]
            if not (bits[at >> 6] >> (at & 63)) & 1:
                bits[at >> 6] |= <uint64_t>1 << (at & 63)
                x.file = next[i]
                x.name = x.exact = x.hits = 0
                x.parts = lists[i].parts
            x.hits += 1
            x.name |= lists[i].match
            x.exact |= lists[i].exact
            if not _next_named(s, &lists[i], &next[i]):
                return False
    for i in range(SPAN_WORDS):
        word = bits[i]
        while word:
            bytes_add(out, &found[64 * i + first_bit(word)], sizeof(FilePath))
            word &= word - 1
    return True


cdef inline bint match_names(Segment* s, const Query* q, PathMatches* out) noexcept nogil:
    """The parts that match the question, and the files that have one in their name. False: no memory.

    The parts' lists are read side by side, a span of files at a time."""
    cdef const PartMatch* all
    cdef NamedList* lists
    cdef uint32_t* next
    cdef uint32_t i, n, base, others
    for i in range(q.n_words):
        _find(s, STEM_LOOKUP, i, q.words[i].stem, q.words[i].stem_len, PREFIX_STEM, &out.parts)
        _find(s, RAW_LOOKUP, i, q.words[i].raw, q.words[i].raw_len, PREFIX_RAW, &out.parts)
    n = _one_each(<PartMatch*>out.parts.data, <uint32_t>(out.parts.len // sizeof(PartMatch)))
    out.parts.len = n * sizeof(PartMatch)
    lists = <NamedList*>malloc(n * (sizeof(NamedList) + 4) + 1)
    if out.parts.failed or lists == NULL:
        free(lists)
        return False
    next = <uint32_t*>(lists + n)
    all = <const PartMatch*>out.parts.data
    for i in range(n):
        lists[i].match = all[i].match
        lists[i].exact = all[i].exact
        lists[i].left = 0
        next[i] = 0
        lists[i].at = _part_files(s, &all[i], &lists[i].left, &others, &lists[i].end)
        if not _next_named(s, &lists[i], &next[i]):
            break
    while not s.store.damaged:
        base = NO_NUMBER
        for i in range(n):
            base = next[i] if next[i] < base else base
        if base == NO_NUMBER or not _span(s, lists, next, n, base, &out.files):
            break
    free(lists)
    return not out.files.failed


cdef inline const uint8_t* _mark_wanted(const uint8_t* p, const uint8_t* end, uint32_t n, bint named, uint32_t bits,
                                        const uint32_t* wanted, uint32_t* words) noexcept nogil:
    """Sets `bits` in words[i] for each wanted[i] among the `n` files of a part's list that begin at `p`, `named` when
    they have it in their name. `wanted` ascends and ends with NO_NUMBER: no file has that number. NULL when damaged."""
    cdef uint32_t f = 0, _k
    cdef uint64_t v
    for _k in range(n):
        if p < end and p[0] < 128:
            v = p[0]
            p += 1
        else:
            p = read_varint(p, end, &v)
            if p == NULL:
                return NULL
        f += <uint32_t>v
        p += named
        while wanted[0] < f:
            wanted += 1
            words += 1
        if wanted[0] == NO_NUMBER:
            break
        if wanted[0] == f:
            words[0] |= bits
    return p if p <= end else NULL


cdef inline const uint8_t* _behind_names(const uint8_t* p, const uint8_t* end, uint32_t n) noexcept nogil:
    """Where a part's list goes on behind its `n` files of that name; NULL when damaged."""
    cdef uint64_t v
    cdef uint32_t _k
    for _k in range(n):
        p = read_varint(p, end, &v)
        if p == NULL or p == end:
            return NULL
        p += 1
    return p


cdef inline void match_folders(Segment* s, const PathMatches* parts, const uint32_t* wanted,
                               uint32_t* folders) noexcept nogil:
    """Sets in folders[i] the words that equal a folder's of the file wanted[i] (`_mark_wanted`)."""
    cdef const PartMatch* m
    cdef uint32_t i, named, others
    cdef const uint8_t* p
    cdef const uint8_t* end = NULL
    for i in range(<uint32_t>(parts.parts.len // sizeof(PartMatch))):
        m = &(<const PartMatch*>parts.parts.data)[i]
        if not m.exact:
            continue
        p = _part_files(s, m, &named, &others, &end)
        if p == NULL or others == 0:
            continue
        p = _behind_names(p, end, named)
        if p == NULL or _mark_wanted(p, end, others, False, m.exact, wanted, folders) == NULL:
            s.store.damaged = True


cdef inline bint _asked(const Query* q, const uint8_t* stem, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(q.n_words):
        if q.words[i].stem_len == n and memcmp(q.words[i].stem, stem, n) == 0:
            return True
    return False


cdef inline bint match_synonyms(Segment* s, const Query* q, const uint32_t* wanted, uint32_t* names) noexcept nogil:
    """Sets in names[i] the words of which a synonym, not itself asked for, is in the name of the file wanted[i]
    (`_mark_wanted`). False: no memory."""
    cdef const uint8_t* p
    cdef const uint8_t* end = NULL
    cdef const uint8_t* part
    cdef Bytes found
    cdef PartMatch* all
    cdef uint32_t i, k, m, number, at, named, others
    bytes_init(&found)
    for i in range(q.n_words):
        p = synonyms_of(q.words[i].stem, q.words[i].stem_len, &end)
        while p != NULL and p < end:
            m = 0
            while p + m < end and p[m] != 32:
                m += 1
            if not _asked(q, p, m):
                k = _lower_bound(s, STEM_LOOKUP, p, m)
                while k < s.n_parts:
                    part = _part(s, k, STEM_LOOKUP, &number, &at)
                    if part == NULL or at != m or memcmp(part, p, m) != 0:
                        break
                    _mark(&found, number, i, True)
                    k += 1
            p += m + 1
    all = <PartMatch*>found.data
    for i in range(<uint32_t>(found.len // sizeof(PartMatch))):
        p = _part_files(s, &all[i], &named, &others, &end)
        if p != NULL and _mark_wanted(p, end, named, True, all[i].match, wanted, names) == NULL:
            s.store.damaged = True
    k = not found.failed
    bytes_free(&found)
    return k
