# cython: language_level=3
"""A bit for each byte of a text: whether it belongs to a word. Where a word ends is then one count of zeros, without a
look at its letters: source has a word every eight bytes, of any length, and a loop over its letters ends in a
mispredicted branch nearly every time.

A byte is of a word when it is a letter or a digit of ASCII, `_`, or outside ASCII.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free, realloc
from _core.base cimport first_bit, packed_bits, next_64

cdef enum:
    PIECE = 64            # bytes marked at a time

cdef struct Runs:
    # All zeros is an empty one, which may be used again and again.
    const uint8_t* text
    uint64_t* words       # bit i % 64 of words[i // 64] for byte i; 0 for the byte behind the text, too
    size_t room           # words
    bint ascii            # no byte is outside ASCII


cdef inline bint runs_begin(Runs* r, const uint8_t* text, size_t n) noexcept nogil:
    """Room for a text of `n` bytes; False when there is no memory."""
    cdef void* p
    if n // PIECE + 1 > r.room:
        p = realloc(r.words, (n // PIECE + 1) * sizeof(uint64_t))
        if p == NULL:
            return False
        r.words = <uint64_t*>p
        r.room = n // PIECE + 1
    r.text = text
    r.words[n // PIECE] = 0
    r.ascii = True
    return True


cdef inline uint64_t runs_mark(Runs* r, size_t at, size_t n) noexcept nogil:
    """Marks the PIECE bytes from `at` on, fewer at the end of the text of `n` bytes; which of them are newlines."""
    cdef uint8_t[PIECE] tail
    cdef uint8_t[PIECE] words
    cdef uint8_t[PIECE] lines
    cdef const uint8_t* p = next_64(r.text + at, n - at, tail)
    cdef uint8_t c, every = 0
    cdef uint32_t i
    for i in range(PIECE):  # without a branch, so that it becomes vector instructions
        c = p[i]
        every |= c
        words[i] = (<uint8_t>((c | 32) - 97) < 26) | (<uint8_t>(c - 48) < 10) | (c == 95) | (c >> 7)
        lines[i] = c == 10
    r.words[at // PIECE] = packed_bits(words)
    r.ascii &= every < 128
    return packed_bits(lines)


cdef inline void runs_free(Runs* r) noexcept nogil:
    free(r.words)
    r.words = NULL
    r.room = 0


cdef inline uint32_t run_start(const Runs* r, uint32_t at, uint32_t end) noexcept nogil:
    """The first byte of [at, end) that is of a word, or `end`."""
    cdef uint32_t i = at // PIECE
    cdef uint64_t v = r.words[i] >> (at % PIECE)
    if v == 0:
        while v == 0:
            i += 1
            if i * PIECE >= end:
                return end
            v = r.words[i]
        at = i * PIECE
    at += first_bit(v)
    return at if at < end else end


cdef inline uint32_t run_end(const Runs* r, uint32_t at, uint32_t end) noexcept nogil:
    """The first byte of [at, end) that is of no word, or `end`; `at` may be `end`."""
    cdef uint32_t i = at // PIECE
    cdef uint64_t v = ~r.words[i] >> (at % PIECE)
    if v == 0:
        while v == 0:
            i += 1
            if i * PIECE >= end:
                return end
            v = ~r.words[i]
        at = i * PIECE
    at += first_bit(v)
    return at if at < end else end
