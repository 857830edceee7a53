# cython: language_level=3
"""Posting lists: which chunks hold a term and how weightily. Encoder, format, decoder.

A posting is a document number (a chunk of the segment) and a *weight code*: the occurrences of the term there, each
counted with the weight of its field in halves (a word of code is 2, of a comment 3, a defined name 6 more), summed
and rounded down to one of 16 steps (`impacts.pxd`).

A term with one posting has no list: its dictionary record holds `SINGLE | code << 27 | document`. A list of n >= 2
postings is

    n       as LEB128; when n >= 128, zero bytes up to a multiple of 4 follow
    skips   n // 128 records of 12 bytes: last document (<u4) of the block, where its data ends in words of 4 bytes
            counted from the end of the ranges (<u4), highest code (u1), highest impact (u1), bits a delta (u1),
            exceptions (u1). Impacts (`impacts.pxd`) with the average length of the segment's own chunks are what
            pruning asks for.
    ranges  when n >= 8,192: bounds for each 64 documents of the segment (`ranges.pxd`)
    blocks  n // 128 times: the low bits of 128 deltas, then 128 codes in as many bits as the highest one needs, both
            bit-packed in four interleaved lanes (value i in lane i % 4, so that one 128-bit register unpacks four at a
            time); then, for each delta that needs more bits, its position (u1 each), then what is missing on top
            (LEB128 each), then zero bytes up to a multiple of 4. A delta is the distance to the document before,
            minus 1; the first one of a block counts from the last document of the block before (-1 at the start).
    tail    n % 128 codes, two to a byte, the first one in the low half; then as many deltas as LEB128.

Sources: Lemire & Boytsov, "Decoding billions of integers per second through vectorization", 2012 (lanes); Zukowski et
al., "Super-Scalar RAM-CPU Cache Compression", 2006 (exceptions patched in after a branch-free unpack).

Example, three postings (document 5, code 0), (document 6, code 7), (document 300, code 1), so n and a tail only:
    03;  codes 0, 7, 1 -> 70 01;  deltas 5, 0, 293 -> 05 00 A5 02
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_reserve, bytes_varint, put_varint, read_varint, bit_width
from _core.impacts cimport CODE_BITS, Impacts
from _core.lanes cimport pack_block, running_sums, unpack_block
from _core.ranges cimport LEVELS, range_half, ranges_encode

cdef enum:
    BLOCK = 128
    NO_DOC = 0xFFFFFFFF
    PATCHES = 40         # exceptions of one block at most: more would cost decoding more than they save space
    NARROW = 1 << 24     # the sum of 128 such deltas has 32 bits

cdef struct Skip:
    uint32_t last
    uint32_t end
    uint8_t top_code
    uint8_t impact
    uint8_t doc_bits
    uint8_t patches


# --------------------------------------------------------------------------------------------------------- encoding

cdef inline uint32_t best_width(const uint32_t* deltas) noexcept nogil:
    """The number of bits that makes a block of deltas smallest, exceptions included."""
    cdef uint32_t b, i, widest = 0, best = 0, cost, least = NO_DOC, patches
    cdef uint32_t[4 * 33] count  # four of each, because most deltas need as many bits as the one before
    memset(count, 0, sizeof(count))
    for i in range(BLOCK):
        count[4 * bit_width(deltas[i]) + (i & 3)] += 1
    for b in range(33):
        count[b] = count[4 * b] + count[4 * b + 1] + count[4 * b + 2] + count[4 * b + 3]
        if count[b]:
            widest = b
    for b in range(widest + 1):
        cost = 16 * b
        patches = 0
        for i in range(b + 1, widest + 1):
            patches += count[i]
            cost += count[i] * (1 + (i - b + 6) // 7)
        if patches <= PATCHES and cost < least:
            least = cost
            best = b
    return best


cdef inline void _encode_block(const uint32_t* deltas, const uint32_t* codes, Skip* s, Bytes* out) noexcept nogil:
    cdef uint32_t[BLOCK] low
    cdef uint8_t[BLOCK] exceptions
    cdef uint32_t[4 * 64] packed
    cdef uint32_t i, b = best_width(deltas), width = bit_width(s.top_code)
    cdef uint32_t mask = 0xFFFFFFFFU if b == 32 else (<uint32_t>1 << b) - 1
    s.doc_bits = <uint8_t>b
    s.patches = 0
    for i in range(BLOCK):
        low[i] = deltas[i] & mask
        exceptions[s.patches] = <uint8_t>i
        s.patches += low[i] != deltas[i]
    pack_block(low, b, packed)
    pack_block(codes, width, packed + 4 * b)
    bytes_add(out, packed, 16 * (b + width))
    bytes_add(out, exceptions, s.patches)
    for i in range(s.patches):
        bytes_varint(out, deltas[exceptions[i]] >> b)


cdef inline void postings_encode(const uint32_t* docs, const uint8_t* codes, uint32_t n, const uint8_t* lengths,
                                 uint32_t n_docs, const Impacts* impacts, Bytes* out) noexcept nogil:
    """Appends the list of `n` >= 2 postings, documents ascending; `lengths[d]` is the length code of document d of
    `n_docs`.

    Offsets are rounded within `out`, which must lie at a multiple of 4 of the array."""
    cdef uint32_t[BLOCK] deltas
    cdef uint32_t[BLOCK] values
    cdef uint32_t blocks = n // BLOCK, b, i, v, half = range_half(n, n_docs)
    cdef uint32_t last = NO_DOC  # -1: the distance to document 0 is then 1
    cdef size_t skips, data
    cdef Skip s
    cdef uint8_t* p
    bytes_varint(out, n)
    if blocks:
        while out.len & 3:
            bytes_byte(out, 0)
    skips = out.len
    if not bytes_reserve(out, blocks * sizeof(Skip) + LEVELS + half):
        return
    out.len += blocks * sizeof(Skip)
    if half:
        out.failed |= not ranges_encode(docs, codes, n, lengths, n_docs, impacts, out.data + out.len)
        out.len += LEVELS + half
    data = out.len
    for b in range(blocks):
        memset(&s, 0, sizeof(Skip))
        for i in range(BLOCK):
            deltas[i] = docs[b * BLOCK + i] - last - 1
            last = docs[b * BLOCK + i]
            values[i] = codes[b * BLOCK + i]
            if values[i] > s.top_code:
                s.top_code = <uint8_t>values[i]
            v = impacts.of[values[i] * 256 + lengths[last]]
            if v > s.impact:
                s.impact = <uint8_t>v
        s.last = last
        _encode_block(deltas, values, &s, out)
        while (out.len - data) & 3:
            bytes_byte(out, 0)
        s.end = <uint32_t>((out.len - data) // 4)
        if out.failed:
            return
        memcpy(out.data + skips + b * sizeof(Skip), &s, sizeof(Skip))
    if not bytes_reserve(out, 6 * BLOCK):
        return
    p = out.data + out.len
    for i in range(blocks * BLOCK, n, 2):
        p[0] = codes[i] | (codes[i + 1] << 4 if i + 1 < n else 0)
        p += 1
    for i in range(blocks * BLOCK, n):
        p = put_varint(p, docs[i] - last - 1)
        last = docs[i]
    out.len = p - out.data


# --------------------------------------------------------------------------------------------------------- decoding

cdef inline bint _sums(uint32_t* docs, uint32_t before, uint64_t wide, const Skip* s) noexcept nogil:
    """Deltas to documents. `wide` is no smaller than any delta. False: they do not ascend to the last document."""
    cdef uint64_t d = <uint64_t>before + 1 & 0xFFFFFFFFU
    cdef uint32_t i
    if wide < NARROW and d <= s.last:
        return running_sums(docs, before) == s.last  # of 32 bits none is lost
    # `d` has 64 bits and only grows: when it ends at the last document, all others came before it.
    for i in range(BLOCK):
        d += docs[i]
        docs[i] = <uint32_t>d
        d += 1
    return d == <uint64_t>s.last + 1


cdef inline bint block_documents(const Skip* s, const uint8_t* data, const uint8_t* end, uint32_t before,
                                 uint32_t n_docs, uint32_t* docs) noexcept nogil:
    """The 128 documents of a block's data; `before` is the last document of the block before, NO_DOC at the start.

    False: damaged. Nothing outside [data, end) is read."""
    cdef uint32_t i, width = bit_width(s.top_code), places = 0
    cdef uint64_t high, wide = 0
    cdef const uint8_t* at
    if s.doc_bits > 32 or width > CODE_BITS or s.patches > BLOCK or (
            16 * (<size_t>s.doc_bits + width) + 2 * s.patches > <size_t>(end - data)):
        return False
    unpack_block(<const uint32_t*>data, s.doc_bits, docs)
    data += 16 * (s.doc_bits + width)
    at = data + s.patches
    for i in range(s.patches):
        if at == end:
            return False
        high = at[0]
        at += 1
        if high > 127:  # hardly ever
            at = read_varint(at - 1, end, &high)
            if at == NULL:
                return False
        wide |= high
        places |= data[i]
        docs[data[i] & (BLOCK - 1)] |= <uint32_t>(high << s.doc_bits)
    if places >= BLOCK:
        return False
    wide = (2 * wide + 1) << s.doc_bits
    return _sums(docs, before, wide, s) and s.last < n_docs


cdef inline void block_codes(const Skip* s, const uint8_t* data, uint8_t* codes) noexcept nogil:
    """The 128 codes of a block whose documents were found sound."""
    cdef uint32_t[BLOCK] values
    cdef uint32_t i
    unpack_block(<const uint32_t*>(data + 16 * s.doc_bits), bit_width(s.top_code), values)
    for i in range(BLOCK):
        codes[i] = <uint8_t>values[i]


cdef inline uint32_t block_code(const Skip* s, const uint8_t* data, uint32_t i) noexcept nogil:
    """One of them."""
    cdef uint32_t width = bit_width(s.top_code), at = (i >> 2) * width, shift = at & 31
    cdef const uint32_t* p = <const uint32_t*>data + 4 * (s.doc_bits + (at >> 5)) + (i & 3)
    cdef uint32_t v
    if width == 0:  # all codes are 0, and the block may end here
        return 0
    v = p[0] >> shift
    if shift + width > 32:
        v |= p[4] << (32 - shift)
    return v & ((<uint32_t>1 << width) - 1)


cdef inline const uint8_t* tail_decode(const uint8_t* p, const uint8_t* end, uint32_t before, uint32_t n,
                                       uint32_t n_docs, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """The last `n` < 128 postings of a list; where the list ends, or NULL when damaged."""
    cdef uint32_t i, d = before
    cdef uint64_t v
    if <size_t>(end - p) < (n + 1) // 2:
        return NULL
    for i in range(n):
        codes[i] = (p[i >> 1] >> (4 * (i & 1))) & 15
    p += (n + 1) // 2
    for i in range(n):
        p = read_varint(p, end, &v)
        if p == NULL:
            return NULL
        d += <uint32_t>v + 1
        if d >= n_docs:
            return NULL
        docs[i] = d
    return p
