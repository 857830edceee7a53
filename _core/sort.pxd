# cython: language_level=3
"""A stable sort of numbers by a comparison that needs context: what qsort cannot do portably."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy

ctypedef bint (*Before)(const void* context, uint32_t a, uint32_t b) noexcept nogil


cdef inline bint sort_numbers(uint32_t* v, uint32_t n, Before before, const void* context) noexcept nogil:
    """Bottom-up merge sort of v[0:n]; `before(context, a, b)` is true when a must stand before b. False: no memory."""
    cdef uint32_t* other
    cdef uint32_t* src = v
    cdef uint32_t* dst
    cdef uint32_t* swap
    cdef uint32_t run = 8, lo, mid, hi, i, j, k, x
    if n < 2:
        return True
    lo = 0
    while lo < n:  # insertion sort in runs of eight saves three passes
        hi = lo + run if lo + run < n else n
        for i in range(lo + 1, hi):
            x = v[i]
            j = i
            while j > lo and before(context, x, v[j - 1]):
                v[j] = v[j - 1]
                j -= 1
            v[j] = x
        lo = hi
    if n <= run:
        return True
    other = <uint32_t*>malloc(<size_t>n * 4)
    if other == NULL:
        return False
    dst = other
    while run < n:
        lo = 0
        while lo < n:
            mid = lo + run if n - lo > run else n
            hi = mid + run if n - mid > run else n
            i = lo
            j = mid
            for k in range(lo, hi):
                if j >= hi or (i < mid and not before(context, src[j], src[i])):
                    dst[k] = src[i]
                    i += 1
                else:
                    dst[k] = src[j]
                    j += 1
            lo = hi
        swap = src
        src = dst
        dst = swap
        run = run * 2 if run < n // 2 + 1 else n
    if src != v:
        memcpy(v, src, <size_t>n * 4)
    free(other)
    return True
