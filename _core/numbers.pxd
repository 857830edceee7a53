# cython: language_level=3
"""A small map from numbers to numbers. A query touches few of a project's files: an array over all of them would cost a
page fault for nearly each one it touches."""
from libc.stdint cimport uint32_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free

cdef enum:
    NO_NUMBER = 0xFFFFFFFFU

cdef struct NumberMap:
    uint32_t* slots   # pairs key + 1, value
    uint32_t mask
    uint32_t n


cdef inline bint map_init(NumberMap* m) noexcept nogil:
    m.mask = 511
    m.n = 0
    m.slots = <uint32_t*>calloc(2 * 512, 4)
    return m.slots != NULL


cdef inline void map_free(NumberMap* m) noexcept nogil:
    free(m.slots)
    m.slots = NULL


cdef inline uint32_t _slot(const NumberMap* m, uint32_t key) noexcept nogil:
    cdef uint32_t i = (key * 2654435761U) >> 7 & m.mask  # Knuth's multiplicative hash
    while m.slots[2 * i] and m.slots[2 * i] != key + 1:
        i = (i + 1) & m.mask
    return i


cdef inline uint32_t map_get(const NumberMap* m, uint32_t key) noexcept nogil:
    """The value of `key`, NO_NUMBER when it has none."""
    cdef uint32_t i = _slot(m, key)
    return m.slots[2 * i + 1] if m.slots[2 * i] else NO_NUMBER


cdef inline bint map_put(NumberMap* m, uint32_t key, uint32_t value) noexcept nogil:
    """Gives `key` a value. False: no memory."""
    cdef NumberMap larger
    cdef uint32_t i
    if m.n * 2 > m.mask:
        larger.mask = m.mask * 2 + 1
        larger.n = 0
        larger.slots = <uint32_t*>calloc(2 * (<size_t>larger.mask + 1), 4)
        if larger.slots == NULL:
            return False
        for i in range(m.mask + 1):
            if m.slots[2 * i]:
                map_put(&larger, m.slots[2 * i] - 1, m.slots[2 * i + 1])
        free(m.slots)
        m[0] = larger
    i = _slot(m, key)
    m.n += m.slots[2 * i] == 0
    m.slots[2 * i] = key + 1
    m.slots[2 * i + 1] = value
    return True
