# cython: language_level=3
"""Posting lists: which chunks hold a term and how weightily. Encoder, format, decoder.

A posting is a document number (a chunk of the segment) and a *weight code*: the occurrences of the term there, each
counted with the weight of its field in halves (WEIGHT_* below: a word of code is 2, of a comment 3, a defined name 6
more), summed and rounded down to one of 32 steps (`code_weight`).

A term with one posting has no list: its dictionary record holds `document | code << 27`. A list of n >= 2 postings is,
at a multiple of 4 bytes:

    skips   n // 128 records of 12 bytes: last document (<u4) of the block, where its data begins in words of 4 bytes
            counted from the end of the skips (<u4), highest code (u1), lowest length code (u1), bits a delta (u1),
            bits a code (u1). The two extremes bound the block's best score under any statistics: that is what pruning
            asks for.
    blocks  n // 128 times 128 deltas, then 128 codes, bit-packed in four interleaved lanes (value i in lane i % 4, so
            one 128-bit register unpacks four at a time; Lemire & Boytsov, "Decoding billions of integers per second
            through vectorization", 2012). A delta is the distance to the document before, minus 1; the first one of a
            block counts from the last document of the block before (from -1 at the start).
    tail    n % 128 postings, each `delta << 2 | min(code, 3)` as LEB128 and, when those two bits are 3, code - 3 as
            a byte.

Example, three postings (document 5, code 0), (document 6, code 7), (document 300, code 1), no full block, so a tail:
    delta 5 -> 14;  delta 0, code 7 -> 03 04;  delta 293, code 1 -> 1173 = 95 09
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_reserve, bytes_varint, bit_width

cdef enum:
    BLOCK = 128
    CODES = 32
    NO_DOC = 0xFFFFFFFF

cdef enum FieldWeight:  # in halves
    WEIGHT_CODE = 2
    WEIGHT_SIGNATURE = 3
    WEIGHT_COMMENT = 3
    WEIGHT_HEAD = 3      # a comment that speaks about the whole file
    WEIGHT_NAME = 6      # on top of the line it stands on

cdef struct Skip:
    uint32_t last
    uint32_t data
    uint8_t top_code
    uint8_t low_len
    uint8_t doc_bits
    uint8_t code_bits


cdef inline uint32_t code_weight(uint32_t code) noexcept nogil:
    """The weight, in halves, that a code stands for: 2..17 one by one, then four steps for each doubling, to 256."""
    if code < 16:
        return code + 2
    return (5 + ((code - 16) & 3)) << (2 + ((code - 16) >> 2))


cdef inline uint32_t weight_code(uint32_t weight) noexcept nogil:
    """The highest code whose weight is at most `weight` (0 for what is below 2)."""
    cdef uint32_t code
    if weight < 18:
        return weight - 2 if weight > 2 else 0
    code = 15
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


# --------------------------------------------------------------------------------------------------------- encoding

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


cdef inline void unpack_block(const uint32_t* p, uint32_t bits, uint32_t* out) noexcept nogil:
    """The inverse of `pack_block`."""
    cdef uint32_t g, lane, shift
    cdef uint32_t mask = 0xFFFFFFFF if bits == 32 else (<uint32_t>1 << bits) - 1
    cdef const uint32_t* q
    if bits == 0:
        memset(out, 0, 4 * BLOCK)
        return
    for g in range(32):
        shift = (g * bits) & 31
        q = p + ((g * bits) >> 5) * 4
        if shift + bits > 32:
            for lane in range(4):
                out[4 * g + lane] = ((q[lane] >> shift) | (q[4 + lane] << (32 - shift))) & mask
        else:
            for lane in range(4):
                out[4 * g + lane] = (q[lane] >> shift) & mask


cdef inline void postings_encode(const uint32_t* docs, const uint8_t* codes, uint32_t n, const uint8_t* lengths,
                                 Bytes* out) noexcept nogil:
    """Appends the list of `n` >= 2 postings, documents ascending; `lengths[d]` is the length code of document d.

    `out` must stand at a multiple of 4 and does so again afterwards."""
    cdef uint32_t[BLOCK] deltas
    cdef uint32_t[BLOCK] values
    cdef uint32_t[4 * 64] packed
    cdef uint32_t blocks = n // BLOCK, b, i, all_deltas, all_codes, v
    cdef uint32_t last = NO_DOC  # -1: the distance to document 0 is then 1
    cdef size_t skips = out.len, data
    cdef Skip s
    if not bytes_reserve(out, blocks * sizeof(Skip)):
        return
    out.len += blocks * sizeof(Skip)
    data = out.len
    for b in range(blocks):
        memset(&s, 0, sizeof(Skip))
        s.low_len = 255
        all_deltas = 0
        all_codes = 0
        for i in range(BLOCK):
            deltas[i] = docs[b * BLOCK + i] - last - 1
            last = docs[b * BLOCK + i]
            values[i] = codes[b * BLOCK + i]
            all_deltas |= deltas[i]
            all_codes |= values[i]
            if values[i] > s.top_code:
                s.top_code = <uint8_t>values[i]
            if lengths[last] < s.low_len:
                s.low_len = lengths[last]
        s.last = last
        s.data = <uint32_t>((out.len - data) // 4)
        s.doc_bits = <uint8_t>bit_width(all_deltas)
        s.code_bits = <uint8_t>bit_width(all_codes)
        pack_block(deltas, s.doc_bits, packed)
        pack_block(values, s.code_bits, packed + 4 * s.doc_bits)
        bytes_add(out, packed, 16 * (s.doc_bits + s.code_bits))
        if out.failed:
            return
        memcpy(out.data + skips + b * sizeof(Skip), &s, sizeof(Skip))
    for i in range(blocks * BLOCK, n):
        v = codes[i]
        bytes_varint(out, (<uint64_t>(docs[i] - last - 1) << 2) | (v if v < 3 else 3))
        if v >= 3:
            bytes_byte(out, <uint8_t>(v - 3))
        last = docs[i]
    while out.len & 3:
        bytes_byte(out, 0)


# --------------------------------------------------------------------------------------------------------- decoding

cdef inline bint block_decode(const Skip* s, const uint32_t* data, uint32_t before, uint32_t n_docs,
                              uint32_t* docs, uint8_t* codes) noexcept nogil:
    """128 postings; `before` is the last document of the block before, NO_DOC at the start. False: damaged.

    The caller has made sure that the block's words are inside the file."""
    cdef uint32_t[BLOCK] values
    cdef uint32_t i, d = before, over = 0
    unpack_block(data, s.doc_bits, docs)
    for i in range(BLOCK):
        d += docs[i] + 1
        docs[i] = d
        over |= <uint32_t>(d >= n_docs)
    unpack_block(data + 4 * s.doc_bits, s.code_bits, values)
    for i in range(BLOCK):
        codes[i] = <uint8_t>(values[i] & (CODES - 1))
    return not over and d == s.last


cdef inline const uint8_t* tail_decode(const uint8_t* p, const uint8_t* end, uint32_t before, uint32_t n,
                                       uint32_t n_docs, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """The last `n` < 128 postings of a list; where the list ends, or NULL when damaged."""
    cdef uint32_t i, d = before, c
    cdef uint64_t v
    cdef int shift
    for i in range(n):
        v = 0
        shift = 0
        while True:
            if p >= end or shift > 35:
                return NULL
            c = p[0]
            p += 1
            v |= (<uint64_t>(c & 127)) << shift
            shift += 7
            if c < 128:
                break
        c = v & 3
        d += <uint32_t>(v >> 2) + 1
        if d >= n_docs:
            return NULL
        if c == 3:
            if p >= end or p[0] >= CODES:
                return NULL
            c += p[0]
            p += 1
        docs[i] = d
        codes[i] = <uint8_t>(c & (CODES - 1))
    return p
