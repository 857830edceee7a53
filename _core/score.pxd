# cython: language_level=3
"""BM25 over weighted fields, chunk by chunk. Cursors over posting lists, and the retrieval of the best chunks.

Score of a chunk = sum over the query's terms of weight * Y / (K(len) + Y), with Y the weight of the posting in halves and
K(len) = 2 * k1 * (1 - b + b * len / average length): Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25
and Beyond", 2009, with fields weighed before saturation (BM25F). A term's weight holds its idf = ln(1 + (N - df + .5) /
(df + .5)), with N and df those of the whole project. Terms are added in the order of the query, in single precision, so
a chunk has the same score whatever segment it is in and however its neighbours were scored.
"""
from libc.math cimport log
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, realloc, free
from libc.string cimport memset, memcmp
from _core.filter cimport Filter, filter_chunk
from _core.index cimport Index
from _core.merge cimport bit
from _core.postings cimport BLOCK, NO_DOC, CODES, code_weight, code_length
from _core.segment cimport Segment, List, segment_list, segment_df, list_block
from _core.store cimport store_touch
from _core.topk cimport TopK, Hit, top_threshold, top_push

cdef enum:
    WINDOW = 4096       # documents scored at a time: their sums stay in the first-level cache
    WINDOW_WORDS = 64   # one bit for each of them

cdef struct Cursor:
    List list
    uint32_t block       # the one in `docs`; blocks: the tail
    uint32_t at          # position in it
    uint32_t n           # postings in it
    uint32_t doc         # docs[at], NO_DOC at the end
    float weight
    uint32_t[BLOCK] docs
    uint8_t[BLOCK] codes

cdef struct Statistics:
    # What a score depends on beside the posting.
    float[256] k         # K by length code
    float[CODES] y       # Y by weight code


cdef inline uint32_t trailing_zeros(uint64_t v) noexcept nogil:
    """Number of the lowest set bit of v != 0."""
    cdef uint32_t n = 0
    if v & 0xFFFFFFFFULL == 0:
        n = 32
        v >>= 32
    if v & 0xFFFF == 0:
        n += 16
        v >>= 16
    if v & 0xFF == 0:
        n += 8
        v >>= 8
    while v & 1 == 0:
        n += 1
        v >>= 1
    return n


cdef inline double idf(uint64_t n, uint64_t df) noexcept nogil:
    return log(1 + (<double>n - <double>df + 0.5) / (<double>df + 0.5))


cdef inline void statistics(Index* x, double k1, double b, Statistics* s) noexcept nogil:
    cdef uint32_t i
    cdef double average = <double>x.total_len / <double>x.n_chunks if x.n_chunks and x.total_len else 1
    for i in range(256):
        s.k[i] = <float>(2 * k1 * (1 - b + b * code_length(i) / average))
    for i in range(CODES):
        s.y[i] = <float>code_weight(i)


cdef inline bint _load(Segment* s, Cursor* c, uint32_t block) noexcept nogil:
    cdef uint32_t n = c.list.df % BLOCK if block == c.list.blocks else BLOCK
    c.block = block
    c.at = 0
    c.n = n
    c.doc = NO_DOC
    if block > c.list.blocks or n == 0:
        c.n = 0
        c.block = c.list.blocks + 1
        return False
    if not list_block(s, &c.list, block, c.docs, c.codes):
        c.n = 0
        return False
    c.doc = c.docs[0]
    return True


cdef inline void cursor_open(Segment* s, uint32_t term, float weight, Cursor* c) noexcept nogil:
    """At the first posting of a term; `doc` is NO_DOC when there is none, or damage."""
    c.weight = weight
    c.doc = NO_DOC
    c.n = 0
    c.at = 0
    if segment_list(s, term, &c.list):
        _load(s, c, 0)


cdef inline void cursor_next_block(Segment* s, Cursor* c) noexcept nogil:
    _load(s, c, c.block + 1)


cdef inline void cursor_seek(Segment* s, Cursor* c, uint32_t doc) noexcept nogil:
    """To the first posting at or after `doc`, which must not lie before the cursor's."""
    cdef uint32_t lo, hi, mid
    if c.doc >= doc:
        return
    if c.docs[c.n - 1] < doc:
        # The first later block whose last document is not before `doc`; when there is none, the tail.
        lo = c.block + 1
        hi = c.list.blocks
        while lo < hi:
            mid = lo + (hi - lo) // 2
            if c.list.skips[mid].last < doc:
                lo = mid + 1
            else:
                hi = mid
        if not _load(s, c, lo):
            return
    lo = c.at
    hi = c.n
    while lo < hi:
        mid = lo + (hi - lo) // 2
        if c.docs[mid] < doc:
            lo = mid + 1
        else:
            hi = mid
    c.at = lo
    if lo < c.n:
        c.doc = c.docs[lo]
    else:
        c.doc = NO_DOC  # the tail ends before `doc`
        c.n = 0
        c.block = c.list.blocks + 1


cdef inline void accumulate(Segment* s, Cursor* c, const Statistics* st, uint32_t base, uint32_t end, float* sums,
                            uint64_t* touched) noexcept nogil:
    """Adds the postings of [base, end) to sums[doc - base] and sets their bits; leaves the cursor behind them.

    The length codes of [base, end) have been touched."""
    cdef uint32_t d, i
    cdef const uint8_t* lengths = s.chunk_len
    cdef float w = c.weight, y
    while c.doc < end:
        i = c.at
        while i < c.n and c.docs[i] < end:
            d = c.docs[i]
            y = st.y[c.codes[i]]
            sums[d - base] += w * y / (st.k[lengths[d]] + y)
            touched[(d - base) >> 6] |= <uint64_t>1 << ((d - base) & 63)
            i += 1
        c.at = i
        if i < c.n:
            c.doc = c.docs[i]
            return
        cursor_next_block(s, c)


cdef inline void best_chunks(Index* x, uint32_t segment, Cursor* cursors, uint32_t n, const Statistics* st, Filter* f,
                             TopK* top) noexcept nogil:
    """Scores every chunk of a segment that has a term of the query and offers it to `top`: exhaustive, window by window."""
    cdef Segment* s = &x.segments[segment]
    cdef float[WINDOW] sums
    cdef uint64_t[WINDOW_WORDS] touched
    cdef uint32_t base, end, i, j, d
    cdef uint64_t bits, low
    cdef float score
    memset(sums, 0, sizeof(sums))
    memset(touched, 0, sizeof(touched))
    while True:
        base = NO_DOC
        for i in range(n):
            if cursors[i].doc < base:
                base = cursors[i].doc
        if base == NO_DOC or s.store.damaged:
            return
        base &= ~<uint32_t>(WINDOW - 1)
        end = base + WINDOW if s.n_chunks - base > WINDOW else s.n_chunks
        if not store_touch(&s.store, s.chunk_len + base, end - base):
            return
        for i in range(n):
            if cursors[i].doc < end:
                accumulate(s, &cursors[i], st, base, end, sums, touched)
        for i in range(WINDOW_WORDS):
            bits = touched[i]
            touched[i] = 0
            while bits:
                low = bits & (0 - bits)
                bits ^= low
                j = i * 64 + trailing_zeros(low)
                score = sums[j]
                sums[j] = 0
                # >=: a chunk that ties with the worst one kept may still stand before it by path
                if score >= top_threshold(top):
                    d = base + j
                    if filter_chunk(f, x, segment, d):
                        top_push(top, x, score, segment, d)


cdef inline uint64_t live_df(Index* x, uint32_t segment, uint32_t term) noexcept nogil:
    """Postings of a term that are not deleted: statistics are those of the living, or an edit would shift every score."""
    cdef Segment* s = &x.segments[segment]
    cdef Cursor c
    cdef uint64_t n = 0
    cdef uint32_t i
    if x.deleted_chunks[segment] == NULL:
        return segment_df(s, term)
    cursor_open(s, term, 0, &c)
    while c.doc != NO_DOC:
        for i in range(c.n):
            n += not bit(x.deleted_chunks[segment], c.docs[i])
        cursor_next_block(s, &c)
    return n
