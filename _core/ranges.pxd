# cython: language_level=3
"""Bounds for ranges of documents: for each 64 documents of a segment the most that a long posting list has there
(Dimopoulos, Nepomnyachiy & Suel, "Optimizing top-k document retrieval strategies for block-max indexes", 2013).

Format, LEVELS + h bytes:

    levels  for each of 16 levels the impact that no posting of a range of this level exceeds (u1). Level 0 is that of
            ranges without a posting; those used end at 15, and a higher one has a higher impact.
    ranges  a level for each range (4 bits), in h bytes, h the smallest multiple of 4 of which there are enough: range i
            in the low half of byte i, range h + i in its high half.

Which ranges reach the best few is decided among high impacts. So the levels are spaced by how many ranges they have:
the highest impacts, until there are at least FINEST ranges, are level 15; each next level takes impacts until it and
those above have at least t + t * g // 16 + 1, with t what that number was before and g the smallest number for which 14
levels are enough for all ranges.

Example, a list of the documents 0 to 8,191, each as long as the average, the first 512 with code 7, the others with
code 0: eight ranges of the impact 201 and 120 of the impact 103, h = 64:
    (14 zero bytes) 67 C9;  EF eight times, EE 56 times
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from _core.impacts cimport Impacts

cdef enum:
    RANGE = 64       # documents
    RANGED = 8192    # a list of so many postings has bounds
    LEVELS = 16
    FINEST = 8


cdef inline uint32_t count_ranges(uint32_t n_docs) noexcept nogil:
    return (n_docs + RANGE - 1) // RANGE


cdef inline uint32_t range_half(uint32_t n, uint32_t n_docs) noexcept nogil:
    """h for a list of n postings in a segment of `n_docs` documents; 0 when it has no bounds."""
    return (count_ranges(n_docs) + 7) // 8 * 4 if n >= RANGED else 0


cdef inline uint64_t _target(uint64_t t, uint32_t g) noexcept nogil:
    return t + t * g // 16 + 1


cdef inline void _choose_levels(const uint32_t* count, uint32_t n, uint8_t* levels, uint8_t* level_of) noexcept nogil:
    """Levels for `n` ranges, count[v] of which have the impact v."""
    cdef uint32_t g = 0, level = LEVELS - 1, covered = 0, v = 255, _i
    cdef uint64_t t = 0
    while t < n:
        t = FINEST
        for _i in range(LEVELS - 3):
            t = _target(t, g)
        g += 1
    t = FINEST
    memset(levels, 0, LEVELS)
    while v and covered < n:
        if count[v] and levels[level] == 0:
            levels[level] = <uint8_t>v
        level_of[v] = <uint8_t>level
        covered += count[v]
        v -= 1
        if covered >= t and level > 1:
            level -= 1
            while covered >= t:
                t = _target(t, g - 1 if g else 0)


cdef inline bint ranges_encode(const uint32_t* docs, const uint8_t* codes, uint32_t n, const uint8_t* lengths,
                               uint32_t n_docs, const Impacts* impacts, uint8_t* out) noexcept nogil:
    """Writes LEVELS + h bytes. False: no memory."""
    cdef uint32_t half = range_half(n, n_docs), i, v
    cdef uint32_t[256] count
    cdef uint8_t[256] level_of
    cdef uint8_t* most = <uint8_t*>calloc(2 * <size_t>half, 1)
    cdef uint32_t used = 0
    if most == NULL:
        return False
    for i in range(n):
        v = impacts.of[codes[i] * 256 + lengths[docs[i]]]
        if v > most[docs[i] // RANGE]:
            most[docs[i] // RANGE] = <uint8_t>v
    memset(count, 0, sizeof(count))
    for i in range(2 * half):
        count[most[i]] += 1
        used += most[i] > 0
    memset(level_of, 0, sizeof(level_of))
    _choose_levels(count, used, out, level_of)
    for i in range(half):
        out[LEVELS + i] = level_of[most[i]] | level_of[most[half + i]] << 4
    free(most)
    return True


cdef inline uint32_t range_level(const uint8_t* ranges, uint32_t half, uint32_t r) noexcept nogil:
    """The level of range `r`."""
    return ranges[r] & 15 if r < half else ranges[r - half] >> 4
