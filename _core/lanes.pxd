# cython: language_level=3
"""128 numbers in as many bits each as the largest needs, four lanes side by side: packing, unpacking, running sums.

Value i stands in lane i % 4, so that one 128-bit register shifts four at a time (Lemire & Boytsov, "Decoding billions
of integers per second through vectorization", 2012). A width that the compiler knows needs neither loop nor branch:
there is a copy of the unpacking for each, in C, because Cython cannot say "for each constant". The vectors are those
of gcc and clang, not of a processor.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset

cdef extern from *:
    """
    #ifndef GREPPY_LANES
    #define GREPPY_LANES
    #include <stdint.h>
    #include <string.h>

    typedef uint32_t greppy_lanes __attribute__((vector_size(16), aligned(4), may_alias));

    static inline __attribute__((always_inline)) void greppy_unpack_width(
            const uint32_t *p, const int bits, uint32_t *out) {
        const uint32_t mask = bits == 32 ? 0xFFFFFFFFU : (1U << bits) - 1;
        int g;
    #pragma GCC unroll 32
        for (g = 0; g < 32; g++) {
            const int shift = (g * bits) & 31, word = ((g * bits) >> 5) * 4;
            greppy_lanes v = *(const greppy_lanes *)(p + word) >> shift;
            if (shift + bits > 32)
                v |= *(const greppy_lanes *)(p + word + 4) << ((32 - shift) & 31);
            *(greppy_lanes *)(out + 4 * g) = v & mask;
        }
    }

    #define GREPPY_WIDTH(n) case n: greppy_unpack_width(p, n, out); break;
    #define GREPPY_WIDTHS(n) GREPPY_WIDTH(n) GREPPY_WIDTH(n + 1) GREPPY_WIDTH(n + 2) GREPPY_WIDTH(n + 3)
    static void greppy_unpack(const uint32_t *p, uint32_t bits, uint32_t *out) {
        switch (bits) {
            GREPPY_WIDTHS(1) GREPPY_WIDTHS(5) GREPPY_WIDTHS(9) GREPPY_WIDTHS(13)
            GREPPY_WIDTHS(17) GREPPY_WIDTHS(21) GREPPY_WIDTHS(25) GREPPY_WIDTHS(29)
            default: memset(out, 0, 4 * 128);
        }
    }

    /* v[i] becomes before + the sum of v[0..i] + i + 1; the last one. */
    static inline uint32_t greppy_sums(uint32_t *v, uint32_t before) {
        greppy_lanes sum = {before, before, before, before};
        const greppy_lanes zero = {0, 0, 0, 0};
        int g;
        for (g = 0; g < 32; g++) {
            greppy_lanes x = *(greppy_lanes *)(v + 4 * g) + 1;
    #if defined(__clang__) || __GNUC__ >= 12
            x += __builtin_shufflevector(x, zero, 4, 0, 1, 2);
            x += __builtin_shufflevector(x, zero, 4, 4, 0, 1);
            x += sum;
            sum = __builtin_shufflevector(x, x, 3, 3, 3, 3);
    #else
            x += __builtin_shuffle(x, zero, (greppy_lanes){4, 0, 1, 2});
            x += __builtin_shuffle(x, zero, (greppy_lanes){4, 4, 0, 1});
            x += sum;
            sum = __builtin_shuffle(x, (greppy_lanes){3, 3, 3, 3});
    #endif
            *(greppy_lanes *)(v + 4 * g) = x;
        }
        return v[127];
    }
    #endif
    """
    void unpack_block "greppy_unpack"(const uint32_t* p, uint32_t bits, uint32_t* out) noexcept nogil
    uint32_t running_sums "greppy_sums"(uint32_t* v, uint32_t before) noexcept nogil


cdef inline void pack_block(const uint32_t* v, uint32_t bits, uint32_t* out) noexcept nogil:
    """128 values of at most `bits` bits into 4 * bits words."""
    cdef uint32_t g, lane, shift, word
    memset(out, 0, 16 * bits)
    for g in range(32):
        shift = (g * bits) & 31
        word = ((g * bits) >> 5) * 4
        for lane in range(4):
            out[word + lane] |= v[4 * g + lane] << shift
            if shift + bits > 32:
                out[word + 4 + lane] |= v[4 * g + lane] >> (32 - shift)
