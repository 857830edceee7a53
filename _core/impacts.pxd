# cython: language_level=3
"""What a posting is worth: weight codes, length codes, and the impact that both make.

A term's occurrences in a chunk are counted with the weight of the field they stand in, in halves (`FieldWeight`), and
the sum is rounded down to one of 16 steps, the weight code. A chunk's length in terms is kept as one byte. A posting's
impact is Y / (K + Y), its score for a term of weight 1 (`score.pxd`), times 255 and rounded up.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    CODES = 16
    CODE_BITS = 4
    BM25_K1 = 150        # hundredths: the standard parameters, for which impacts are stored
    BM25_B = 60

cdef enum FieldWeight:  # in halves
    WEIGHT_CODE = 2
    WEIGHT_SIGNATURE = 3
    WEIGHT_COMMENT = 3
    WEIGHT_HEAD = 3      # a comment that speaks about the whole file
    WEIGHT_NAME = 6      # on top of the line it stands on

cdef struct Impacts:
    uint8_t[4096] of     # [weight code * 256 + length code]


cdef inline uint32_t code_weight(uint32_t code) noexcept nogil:
    """The weight, in halves, that a code stands for."""
    cdef const uint8_t* steps = <const uint8_t*>b"\x02\x03\x04\x05\x06\x08\x09\x0b\x0d\x11\x16\x1e\x2a\x40\x64\xa0"
    return steps[code & (CODES - 1)]


cdef inline uint32_t weight_code(uint32_t weight) noexcept nogil:
    """The highest code whose weight is at most `weight` (0 for what is below 2)."""
    cdef uint32_t code = 0
    while code < CODES - 1 and code_weight(code + 1) <= weight:
        code += 1
    return code


cdef inline uint32_t length_code(uint32_t n) noexcept nogil:
    """A length in terms as one byte: exact below 32, then sixteen steps for each doubling, rounded down."""
    cdef int e = 5
    if n < 32:
        return n
    while e < 18 and n >> (e + 1):
        e += 1
    if n >> (e + 1):
        return 255
    return 32 + (e - 5) * 16 + ((n >> (e - 4)) & 15)


cdef inline uint32_t code_length(uint32_t code) noexcept nogil:
    """The smallest length with that code."""
    if code < 32:
        return code
    return (16 + ((code - 32) & 15)) << (((code - 32) >> 4) + 1)


cdef inline double bm25_k(double k1, double b, uint32_t length, double average) noexcept nogil:
    """K of a chunk: what its length puts against the weight of a term, in halves like the weight."""
    return 2 * k1 * (1 - b + b * length / average)


cdef inline void impacts_init(Impacts* x, uint64_t total_len, uint32_t n_chunks) noexcept nogil:
    """Impacts under the standard parameters, for a segment of `n_chunks` chunks with `total_len` terms."""
    cdef uint32_t code, i, v
    cdef double y, average = <double>total_len / n_chunks if n_chunks and total_len else 1
    for code in range(CODES):
        y = code_weight(code)
        for i in range(256):
            v = <uint32_t>(255 * (y / (bm25_k(BM25_K1 / 100.0, BM25_B / 100.0, code_length(i), average) + y)) + 1)
            x.of[code * 256 + i] = <uint8_t>(v if v < 255 else 255)
