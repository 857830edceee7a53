# cython: language_level=3
"""Words of general programming vocabulary that say the same, by their stems: a binary search in `synonym_table.pxd`."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp
from _core.synonym_table cimport TABLE_BYTES, synonym_table


cdef inline const uint8_t* synonyms_of(const uint8_t* stem, uint32_t n, const uint8_t** end) noexcept nogil:
    """The synonyms of a stem, separated by spaces, up to `end`; NULL when there are none."""
    cdef const char* table = synonym_table()
    cdef uint32_t lo = 0, hi = TABLE_BYTES, mid, at, k
    cdef int c
    # The line is in [lo, hi), both of which are beginnings of lines (or the end).
    while lo < hi:
        mid = lo + (hi - lo) // 2
        at = mid
        while at > lo and table[at - 1] != 10:
            at -= 1
        k = at
        while table[k] != 32:
            k += 1
        c = memcmp(table + at, stem, n if n < k - at else k - at)
        if c == 0:
            c = 0 if k - at == n else (1 if k - at > n else -1)
        mid = k
        while table[mid] != 10:
            mid += 1
        if c == 0:
            end[0] = <const uint8_t*>table + mid
            return <const uint8_t*>table + k + 1
        if c > 0:
            hi = at
        else:
            lo = mid + 1
    return NULL
