# cython: language_level=3
"""XXH64, the one hash that greppy stores or trusts: checksums of arrays, content of files, terms of the dictionary,
names of folders.

Source: Yann Collet, "XXH64", https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. A published function, so
that any xxHash library can verify a file. Not keyed: whoever controls the text can make two long terms collide, which
costs them a wrong rank in their own project and nothing else.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy

cdef enum:
    HASH_STRIPE = 32

ctypedef unsigned long long u64

cdef inline u64 _p1() noexcept nogil:
    return 0x9E3779B185EBCA87ULL
cdef inline u64 _p2() noexcept nogil:
    return 0xC2B2AE3D27D4EB4FULL
cdef inline u64 _p3() noexcept nogil:
    return 0x165667B19E3779F9ULL
cdef inline u64 _p4() noexcept nogil:
    return 0x85EBCA77C2B2AE63ULL
cdef inline u64 _p5() noexcept nogil:
    return 0x27D4EB2F165667C5ULL


cdef inline uint64_t _rotl(uint64_t x, int r) noexcept nogil:
    return (x << r) | (x >> (64 - r))


cdef inline uint64_t _read64(const uint8_t* p) noexcept nogil:
    cdef uint64_t v
    memcpy(&v, p, 8)
    return v


cdef inline uint32_t _read32(const uint8_t* p) noexcept nogil:
    cdef uint32_t v
    memcpy(&v, p, 4)
    return v


cdef inline uint64_t _round(uint64_t acc, uint64_t lane) noexcept nogil:
    return _rotl(acc + lane * _p2(), 31) * _p1()


cdef inline uint64_t _merge_round(uint64_t acc, uint64_t v) noexcept nogil:
    return (acc ^ _round(0, v)) * _p1() + _p4()


cdef inline uint64_t hash64(const void* data, size_t n) noexcept nogil:
    """XXH64 of `n` bytes with seed 0."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef const uint8_t* end = p + n
    cdef uint64_t h, v1, v2, v3, v4
    if n >= HASH_STRIPE:
        v1 = _p1() + _p2()
        v2 = _p2()
        v3 = 0
        v4 = 0 - _p1()
        while end - p >= HASH_STRIPE:
            v1 = _round(v1, _read64(p))
            v2 = _round(v2, _read64(p + 8))
            v3 = _round(v3, _read64(p + 16))
            v4 = _round(v4, _read64(p + 24))
            p += HASH_STRIPE
        h = _rotl(v1, 1) + _rotl(v2, 7) + _rotl(v3, 12) + _rotl(v4, 18)
        h = _merge_round(h, v1)
        h = _merge_round(h, v2)
        h = _merge_round(h, v3)
        h = _merge_round(h, v4)
    else:
        h = _p5()
    h += n
    while end - p >= 8:
        h = _rotl(h ^ _round(0, _read64(p)), 27) * _p1() + _p4()
        p += 8
    if end - p >= 4:
        h = _rotl(h ^ (<uint64_t>_read32(p)) * _p1(), 23) * _p2() + _p3()
        p += 4
    while p < end:
        h = _rotl(h ^ p[0] * _p5(), 11) * _p1()
        p += 1
    h ^= h >> 33
    h *= _p2()
    h ^= h >> 29
    h *= _p3()
    h ^= h >> 32
    return h
