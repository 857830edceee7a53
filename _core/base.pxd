# cython: language_level=3
"""What every other part of the engine stands on: integers of fixed width, a growable buffer, small numeric helpers.

The engine is Cython without Python: every function is `noexcept nogil`, holds no object and never raises. A function
that can run out of memory says so in its return value or in `Bytes.failed`.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport realloc, free
from libc.string cimport memcpy, memset, strlen


cdef extern from * nogil:
    int __builtin_ctzll(unsigned long long)
    int __builtin_clz(unsigned int)
    void prefetch "__builtin_prefetch"(const void*)


cdef struct Bytes:
    uint8_t* data
    size_t len
    size_t cap
    bint failed  # an allocation failed: everything appended since is lost, so the content must not be used


cdef inline void bytes_init(Bytes* b) noexcept nogil:
    b.data = NULL
    b.len = 0
    b.cap = 0
    b.failed = False


cdef inline void bytes_free(Bytes* b) noexcept nogil:
    free(b.data)
    bytes_init(b)


cdef inline bint bytes_reserve(Bytes* b, size_t extra) noexcept nogil:
    """Room for `extra` more bytes. False (and `failed`) when there is no memory."""
    cdef size_t want = b.len + extra
    cdef size_t cap
    cdef void* p
    if want <= b.cap:
        return True
    cap = b.cap + b.cap // 2 + 64
    if cap < want:
        cap = want
    p = realloc(b.data, cap)
    if p == NULL:
        b.failed = True
        return False
    b.data = <uint8_t*>p
    b.cap = cap
    return True


cdef inline void copy_bytes(void* to, const void* from_, size_t n) noexcept nogil:
    """memcpy(to, from_, n) without a call for what is short: musl's takes its time to begin."""
    cdef uint8_t* t = <uint8_t*>to
    cdef const uint8_t* f = <const uint8_t*>from_
    cdef uint64_t x, y
    cdef uint32_t v, w
    if n > 32:
        memcpy(to, from_, n)
        return
    if n > 16:
        memcpy(t, f, 16)
        t += n - 16
        f += n - 16
        n = 16  # of which some may have been copied already
    if n >= 8:
        memcpy(&x, f, 8)
        memcpy(&y, f + n - 8, 8)
        memcpy(t, &x, 8)
        memcpy(t + n - 8, &y, 8)
    elif n >= 4:
        memcpy(&v, f, 4)
        memcpy(&w, f + n - 4, 4)
        memcpy(t, &v, 4)
        memcpy(t + n - 4, &w, 4)
    else:
        while n:
            n -= 1
            t[n] = f[n]


cdef inline void bytes_add(Bytes* b, const void* p, size_t n) noexcept nogil:
    if n and bytes_reserve(b, n):
        copy_bytes(b.data + b.len, p, n)
        b.len += n


cdef inline void bytes_byte(Bytes* b, uint8_t c) noexcept nogil:
    if bytes_reserve(b, 1):
        b.data[b.len] = c
        b.len += 1


cdef inline void bytes_str(Bytes* b, const char* s) noexcept nogil:
    bytes_add(b, s, strlen(s))


cdef inline void bytes_uint(Bytes* b, uint64_t v) noexcept nogil:
    """`v` in decimal."""
    cdef char[20] digits
    cdef int i = 20
    while True:
        i -= 1
        digits[i] = <char>(48 + v % 10)
        v //= 10
        if v == 0:
            break
    bytes_add(b, &digits[i], 20 - i)


cdef inline void bytes_hex16(Bytes* b, uint64_t v) noexcept nogil:
    """`v` as sixteen hexadecimal digits."""
    cdef const char* hex = b"0123456789abcdef"
    cdef int i
    for i in range(16):
        bytes_byte(b, hex[(v >> (60 - 4 * i)) & 15])


cdef inline uint8_t* put_varint(uint8_t* p, uint64_t v) noexcept nogil:
    """Writes LEB128: seven bits a byte, low ones first, the high bit says that another byte follows. Where it ends, at
    most 10 bytes on."""
    while v >= 128:
        p[0] = <uint8_t>(v | 128)
        p += 1
        v >>= 7
    p[0] = <uint8_t>v
    return p + 1


cdef inline void bytes_varint(Bytes* b, uint64_t v) noexcept nogil:
    """Appends LEB128 (`put_varint`)."""
    if bytes_reserve(b, 10):
        b.len = put_varint(b.data + b.len, v) - b.data


cdef inline const uint8_t* read_varint(const uint8_t* p, const uint8_t* end, uint64_t* v) noexcept nogil:
    """The number at `p` and where the next byte is; NULL when it does not end before `end` or has over 10 bytes."""
    cdef uint64_t x = 0
    cdef int shift = 0
    while p < end and shift < 70:
        x |= (<uint64_t>(p[0] & 127)) << (shift if shift < 64 else 63)
        if p[0] < 128:
            v[0] = x
            return p + 1
        p += 1
        shift += 7
    return NULL


cdef inline int bit_width(uint32_t v) noexcept nogil:
    """How many bits hold `v`: 0 for 0."""
    return 32 - __builtin_clz(v) if v else 0


cdef inline uint32_t first_bit(uint64_t v) noexcept nogil:
    """The number of the lowest bit that is set; `v` is not 0."""
    return <uint32_t>__builtin_ctzll(v)


cdef inline uint64_t packed_bits(const uint8_t* v) noexcept nogil:
    """Bit i of the result is v[i], for 64 bytes that are 0 or 1."""
    cdef uint64_t eight, bits = 0
    cdef uint32_t i
    for i in range(8):  # the product has byte j of `eight`, among much else, as bit 56 + j
        memcpy(&eight, v + 8 * i, 8)
        bits |= (eight * <uint64_t>0x0102040810204080 >> 56) << (8 * i)
    return bits


cdef inline const uint8_t* next_64(const uint8_t* p, size_t left, uint8_t* room) noexcept nogil:
    """Where the next 64 bytes of a text that has `left` can be read: at `p`, or at its end in `room`, zeros behind."""
    if left >= 64:
        return p
    memset(room, 0, 64)
    memcpy(room, p, left)
    return room


cdef inline bint same_bytes(const void* a, const void* b, size_t n) noexcept nogil:
    """memcmp(a, b, n) == 0 without a call: what is compared here is short."""
    cdef const uint8_t* p = <const uint8_t*>a
    cdef const uint8_t* q = <const uint8_t*>b
    cdef uint64_t x, y
    cdef uint32_t v, w
    if n >= 8:
        while n > 8:
            memcpy(&x, p, 8)
            memcpy(&y, q, 8)
            if x != y:
                return False
            p += 8
            q += 8
            n -= 8
        # the last eight, of which some may have been compared already
        memcpy(&x, p + n - 8, 8)
        memcpy(&y, q + n - 8, 8)
        return x == y
    if n >= 4:
        memcpy(&v, p, 4)
        memcpy(&w, q, 4)
        if v != w:
            return False
        memcpy(&v, p + n - 4, 4)
        memcpy(&w, q + n - 4, 4)
        return v == w
    return n == 0 or (p[0] == q[0] and p[n // 2] == q[n // 2] and p[n - 1] == q[n - 1])
