# cython: language_level=3
"""BM25 over weighted fields, chunk by chunk. Cursors over posting lists, and the retrieval of the best chunks.

Score of a chunk = sum over the query's terms of weight * Y / (K(len) + Y), with Y the weight of the posting in halves
and K(len) = 2 * k1 * (1 - b + b * len / average length): Robertson & Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond", 2009, with fields weighed before saturation (BM25F). A term's weight holds its idf = ln(1 + (N - df +
.5) / (df + .5)), with N and df those of the whole project.

A term's contributions are rounded to whole multiples of 1 / SCALE, one table a term (weight code by length code). Sums
of integers do not depend on the order of the addends: a chunk has the same score whatever segment it is in, however its
neighbours were scored, and whether blocks were skipped.

Retrieval works window by window of WINDOW documents. For each term and window the most the term can add there is known
from the impacts of the blocks that overlap it (Ding & Suel, "Faster top-k document retrieval using block-max indexes",
2011), or from the postings themselves when there are few. A few windows are visited by the sum of these bounds, best
first, then all others whose sum can reach the list. Within a window it is MaxScore (Turtle & Flood, "Query
evaluation: strategies and optimizations", 1995): terms whose bounds together cannot lift a chunk into the list are only
looked up for chunks that the others have brought near it. `exhaustive` switches all of that off; the result is the
same.
"""
from libc.math cimport log
from libc.stdint cimport uint8_t, uint32_t, int32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, free
from libc.string cimport memset
from _core.filter cimport Filter, filter_chunk
from _core.index cimport Index
from _core.merge cimport bit
from _core.postings cimport (
    BLOCK, BM25_B, BM25_K1, NO_DOC, CODES, Skip, bm25_k, code_weight, code_length,
)
from _core.segment cimport Segment, List, segment_list, segment_df, list_block
from _core.sort cimport sort_numbers
from _core.store cimport store_touch
from _core.topk cimport TopK, Hit, top_threshold, top_push

cdef enum:
    CURSORS = 192
    WINDOW = 2048         # documents scored at a time: their sums stay in the first-level cache
    GROUP = 64            # sums that are looked at together: one bit of a window's mask
    LOOKUP = 4            # a look-up costs as much as adding so many postings
    SCOUTS = 16           # windows visited by bound before the others follow in order
    FLAT = 32768           # a list of no more postings is decoded whole
    SCALE = 1 << 20
    CONTRIBUTIONS = 4096  # of a term: CODES times the 256 length codes

cdef struct Cursor:
    List list
    const int32_t* adds   # contributions: [weight code * 256 + length code]
    uint32_t block        # the one in `docs`; NO_DOC none
    float density         # postings a window, on average
    uint32_t n            # postings in `docs`: of that block, or all of a flat list
    bint flat
    uint32_t* docs
    uint8_t* codes
    int32_t unit          # a posting adds at most this times its impact
    int32_t* bounds       # a window: the most the term adds to a document of it
    uint32_t* first       # a window: the first block (flat: posting) that may be in it, and one entry more

cdef struct Retrieval:
    # What one query's scoring shares between segments.
    float[256] k          # K by length code
    bint exhaustive       # score everything: the oracle of pruning
    double average        # length of a chunk, over the project
    int32_t* adds         # CONTRIBUTIONS for each term


cdef inline double idf(uint64_t n, uint64_t df) noexcept nogil:
    return log(1 + (<double>n - <double>df + 0.5) / (<double>df + 0.5))


cdef inline bint retrieval_init(Retrieval* r, Index* x, double k1, double b, uint32_t n_terms) noexcept nogil:
    """K of every length; room for the contributions of `n_terms` terms. False: no memory."""
    cdef uint32_t i
    cdef double average = <double>x.total_len / <double>x.n_chunks if x.n_chunks and x.total_len else 1
    for i in range(256):
        r.k[i] = <float>bm25_k(k1, b, code_length(i), average)
    r.average = average
    # Stored impacts hold for the standard parameters only.
    r.exhaustive = k1 != BM25_K1 / 100.0 or b != BM25_B / 100.0
    r.adds = <int32_t*>malloc(<size_t>(n_terms + 1) * CONTRIBUTIONS * sizeof(int32_t))
    return r.adds != NULL


cdef inline void contributions(const Retrieval* r, float weight, int32_t* adds) noexcept nogil:
    """What a posting of each weight and length adds, for a term of that weight."""
    cdef uint32_t code, i
    cdef float y, scaled = weight * SCALE
    for code in range(CODES):
        y = <float>code_weight(code)
        for i in range(256):
            adds[code * 256 + i] = <int32_t>(scaled * y / (r.k[i] + y))


# --------------------------------------------------------------------------------------------------------- cursors

cdef inline void cursor_close(Cursor* c) noexcept nogil:
    free(c.docs)
    free(c.codes)
    free(c.bounds)
    free(c.first)
    c.docs = NULL
    c.codes = NULL
    c.bounds = NULL
    c.first = NULL


cdef inline bint cursor_open(Segment* s, uint32_t term, const int32_t* adds, Cursor* c) noexcept nogil:
    """A reader of a term's list; a short list is decoded at once. False: damage or no memory. To be closed either
    way."""
    cdef uint32_t b, room
    memset(c, 0, sizeof(Cursor))
    c.adds = adds
    c.block = NO_DOC
    if not segment_list(s, term, &c.list):
        return False
    c.flat = c.list.df <= FLAT
    room = c.list.df if c.flat and c.list.df > BLOCK else BLOCK
    c.docs = <uint32_t*>malloc(<size_t>room * 4)
    c.codes = <uint8_t*>malloc(room)
    if c.docs == NULL or c.codes == NULL:
        return False
    if c.flat:
        for b in range(c.list.blocks + (1 if c.list.df % BLOCK else 0)):
            if not list_block(s, &c.list, b, c.docs + b * BLOCK, c.codes + b * BLOCK):
                return False
        c.n = c.list.df
    return True


cdef inline bint _load(Segment* s, Cursor* c, uint32_t block) noexcept nogil:
    """Block `block` of a list that is not flat into `docs`. False: there is none, or damage."""
    if block == c.block:
        return c.n > 0
    c.block = block
    c.n = BLOCK if block < c.list.blocks else (c.list.df % BLOCK if block == c.list.blocks else 0)
    if c.n and not list_block(s, &c.list, block, c.docs, c.codes):
        c.n = 0
    return c.n > 0


cdef inline uint32_t _from(const uint32_t* docs, uint32_t lo, uint32_t hi, uint32_t doc) noexcept nogil:
    """The first of docs[lo:hi] that is not before `doc`, or hi."""
    cdef uint32_t mid
    while lo < hi:
        mid = lo + (hi - lo) // 2
        if docs[mid] < doc:
            lo = mid + 1
        else:
            hi = mid
    return lo


cdef inline uint32_t _block_of(const Cursor* c, uint32_t lo, uint32_t doc) noexcept nogil:
    """The first block from `lo` on whose last document is not before `doc`; `blocks`, the tail, when there is none."""
    cdef uint32_t hi = c.list.blocks, mid
    while lo < hi:
        mid = lo + (hi - lo) // 2
        if c.list.skips[mid].last < doc:
            lo = mid + 1
        else:
            hi = mid
    return lo


cdef inline uint64_t _add(const Cursor* c, const uint8_t* lengths, uint32_t i, uint32_t n, uint32_t base, uint32_t end,
                          int32_t* sums) noexcept nogil:
    """docs[i:n], none before `base`, as far as they lie before `end`, into the sums; the groups they are in."""
    cdef const uint32_t* docs = c.docs
    cdef const uint8_t* codes = c.codes
    cdef const int32_t* adds = c.adds
    cdef uint64_t groups = 0
    cdef uint32_t d
    if n > i and docs[n - 1] < end:
        while i < n:  # all of them: none needs to be compared with the end
            d = docs[i]
            sums[d - base] += adds[(<uint32_t>codes[i] << 8) + lengths[d]]
            groups |= <uint64_t>1 << (((d - base) // GROUP) & 63)
            i += 1
        return groups
    while i < n and docs[i] < end:
        d = docs[i]
        sums[d - base] += adds[(<uint32_t>codes[i] << 8) + lengths[d]]
        groups |= <uint64_t>1 << (((d - base) // GROUP) & 63)
        i += 1
    return groups


cdef inline uint64_t accumulate(Segment* s, Cursor* c, uint32_t hint, uint32_t base, uint32_t end,
                                int32_t* sums) noexcept nogil:
    """Adds what the term gives the documents of [base, end) to sums[doc - base]; the groups of GROUP that it touched.

    `hint`: the block, or posting of a flat list, from which on they are to be found. The length codes are touched."""
    cdef uint64_t groups = 0
    cdef uint32_t b
    if c.flat:
        return _add(c, s.chunk_len, _from(c.docs, hint, c.n, base), c.n, base, end, sums)
    b = _block_of(c, hint, base)
    while b <= c.list.blocks:
        if b and b < c.list.blocks + 1 and c.list.skips[b - 1].last >= end - 1:
            break  # the block before ends where the range ends, or after it
        if not _load(s, c, b):
            break
        groups |= _add(c, s.chunk_len, _from(c.docs, 0, c.n, base), c.n, base, end, sums)
        b += 1
    return groups


cdef inline int32_t contribution(Segment* s, Cursor* c, uint32_t hint, uint32_t doc) noexcept nogil:
    """What the term adds to one document; 0 when it is not there. `hint` as for `accumulate`."""
    cdef uint32_t i
    if c.flat:
        i = _from(c.docs, hint, c.n, doc)
    else:
        if not _load(s, c, _block_of(c, hint, doc)):
            return 0
        i = _from(c.docs, 0, c.n, doc)
    if i == c.n or c.docs[i] != doc:
        return 0
    return c.adds[(<uint32_t>c.codes[i] << 8) + s.chunk_len[doc]]


cdef inline int32_t impact_unit(const Segment* s, double average, float weight) noexcept nogil:
    """What one step of impact is worth for a term of that weight.

    Impacts were taken with the segment's own average length. Under a larger one a posting scores more, but at most by
    the ratio of the two: K falls with the average, and K / K' <= average' / average."""
    cdef double own = <double>s.total_len / s.n_chunks if s.n_chunks and s.total_len else 1
    cdef double ratio = average / own if average > own else 1
    return <int32_t>(weight * <double>SCALE * ratio * 1.000001 / 255) + 1


cdef inline bint cursor_bounds(Segment* s, Cursor* c, uint32_t windows) noexcept nogil:
    """Fills `bounds` and `first` for all windows. False: no memory."""
    cdef uint32_t i, w, last, b = 0
    cdef int32_t v
    cdef const Skip* k
    c.bounds = <int32_t*>calloc(windows + 1, 4)
    c.first = <uint32_t*>malloc((<size_t>windows + 1) * 4)
    if c.bounds == NULL or c.first == NULL:
        return False
    if c.flat:
        last = 0  # windows up to this one (not included) have their first posting
        for i in range(c.n):
            w = c.docs[i] // WINDOW
            while last <= w:
                c.first[last] = i
                last += 1
            v = c.adds[(<uint32_t>c.codes[i] << 8) + s.chunk_len[c.docs[i]]]
            if v > c.bounds[w]:
                c.bounds[w] = v
        while last <= windows:
            c.first[last] = c.n
            last += 1
        return True
    w = 0
    for b in range(c.list.blocks):
        k = &c.list.skips[b]
        v = c.unit * k.impact
        last = k.last // WINDOW
        if last >= windows:
            s.store.damaged = True
            return True
        # The block lies in the windows from that of the document after the block before, to that of its own last one.
        i = (c.list.skips[b - 1].last + 1) // WINDOW if b else 0
        while w <= i:
            c.first[w] = b
            w += 1
        while i <= last:
            if v > c.bounds[i]:
                c.bounds[i] = v
            i += 1
        while w <= last:
            c.first[w] = b
            w += 1
    i = (c.list.skips[c.list.blocks - 1].last + 1) // WINDOW
    if c.list.df % BLOCK:
        for last in range(i, windows):
            c.bounds[last] = c.unit * 255  # the tail has no impact on record
    while w <= windows:
        c.first[w] = c.list.blocks
        w += 1
    return True


# ------------------------------------------------------------------------------------------------------- retrieval

cdef inline bint _reaches(const int32_t* sums, int32_t least) noexcept nogil:
    """Is one of GROUP sums at least `least`? Without a branch, so that it becomes vector instructions."""
    cdef uint32_t i
    cdef int32_t hit = 0
    for i in range(GROUP):
        hit |= <int32_t>(sums[i] >= least)
    return hit != 0


cdef inline bint _window_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    cdef const int32_t* totals = <const int32_t*>context
    return totals[a] > totals[b]


cdef inline void _by_bound(const Cursor* cursors, uint32_t n, uint32_t w, uint32_t* order) noexcept nogil:
    """The cursors by their bounds in window `w`, smallest first."""
    cdef uint32_t i, j, x
    for i in range(1, n):
        x = order[i]
        j = i
        while j and cursors[order[j - 1]].bounds[w] > cursors[x].bounds[w]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = x


cdef inline int32_t _complete(Segment* s, Cursor* cursors, const uint32_t* order, uint32_t optional, uint32_t w,
                              uint32_t doc, int32_t score, int32_t missing, int32_t least) noexcept nogil:
    """Adds what the optional terms give `doc`, most promising first; -1 once `least` cannot be reached."""
    cdef uint32_t i
    cdef Cursor* c
    for i in range(optional, 0, -1):
        if score + missing < least:
            return -1
        c = &cursors[order[i - 1]]
        missing -= c.bounds[w]
        score += contribution(s, c, c.first[w], doc)
    return score


cdef inline void _visit(Index* x, uint32_t segment, Cursor* cursors, uint32_t* order, uint32_t n, uint32_t w,
                        bint exhaustive, int32_t* sums, Filter* f, TopK* top) noexcept nogil:
    """One window: `sums` are zeros before and after."""
    cdef Segment* s = &x.segments[segment]
    cdef uint32_t base = w * WINDOW, end, i, j, optional = 0
    cdef int32_t least = top_threshold(top), missing = 0, need, score
    cdef uint64_t groups = 0
    cdef float postings = 0
    end = base + WINDOW if s.n_chunks - base > WINDOW else s.n_chunks
    if not store_touch(&s.store, s.chunk_len + base, end - base):
        return
    _by_bound(cursors, n, w, order)
    while optional < n and not exhaustive and missing + cursors[order[optional]].bounds[w] < least:
        missing += cursors[order[optional]].bounds[w]
        optional += 1
    # Looking a term up costs more than adding its postings unless these are many beside those of the others.
    for i in range(optional, n):
        postings += cursors[order[i]].density
    while optional and cursors[order[optional - 1]].density < LOOKUP * postings:
        optional -= 1
        postings += cursors[order[optional]].density
        missing -= cursors[order[optional]].bounds[w]
    for i in range(optional, n):
        if cursors[order[i]].bounds[w] > 0:
            groups |= accumulate(s, &cursors[order[i]], cursors[order[i]].first[w], base, end, sums)
    j = 0
    while groups:
        if groups & 1:
            # `least` grows as chunks enter; a sum of 0 is a chunk without a term that counts.
            need = least - missing if least - missing > 1 else 1
            if _reaches(sums + j, need):
                for i in range(j, j + GROUP):
                    if sums[i] < need:
                        continue
                    score = _complete(s, cursors, order, optional, w, base + i, sums[i], missing, least)
                    # >=: a chunk that ties with the worst one kept may still stand before it by path
                    if score >= least and score > 0 and filter_chunk(f, x, segment, base + i):
                        top_push(top, x, score, segment, base + i)
                        least = top_threshold(top)
            memset(sums + j, 0, GROUP * sizeof(int32_t))
        groups >>= 1
        j += GROUP


cdef inline bint best_chunks(Index* x, uint32_t segment, Cursor* cursors, uint32_t n, const Retrieval* r, Filter* f,
                             TopK* top) noexcept nogil:
    """Offers to `top` every chunk of a segment that can be among the best. False: no memory."""
    cdef Segment* s = &x.segments[segment]
    cdef int32_t[WINDOW] sums
    cdef uint32_t[CURSORS] order
    cdef uint32_t windows = (s.n_chunks + WINDOW - 1) // WINDOW, i, w, m = 0
    cdef int32_t* totals = <int32_t*>calloc(windows + 1, 4)
    cdef uint32_t* by = <uint32_t*>malloc((<size_t>windows + 1) * 4)
    cdef bint ok = totals != NULL and by != NULL
    # A flat list's bounds read the lengths of its documents.
    ok = ok and store_touch(&s.store, s.chunk_len, s.n_chunks)
    for i in range(n):
        order[i] = i
        ok = ok and cursor_bounds(s, &cursors[i], windows)
    if ok:
        memset(sums, 0, sizeof(sums))
        for i in range(n):
            for w in range(windows):
                totals[w] += cursors[i].bounds[w]
        for w in range(windows):
            if totals[w] > 0:
                by[m] = w
                m += 1
        ok = sort_numbers(by, m, _window_before, totals)
        for i in range(n):
            cursors[i].density = <float>cursors[i].list.df / windows
        # The most promising windows first, so that the list is soon hard to enter; then the others in the order of
        # their documents, so that a block that lies in two windows is decoded once.
        for i in range(m if m < SCOUTS else SCOUTS):
            _visit(x, segment, cursors, order, n, by[i], r.exhaustive, sums, f, top)
            totals[by[i]] = 0
        for w in range(windows):
            if s.store.damaged:
                break
            if totals[w] > 0 and (totals[w] >= top_threshold(top) or r.exhaustive):
                _visit(x, segment, cursors, order, n, w, r.exhaustive, sums, f, top)
    free(totals)
    free(by)
    return ok or s.store.damaged


cdef inline uint64_t live_df(Index* x, uint32_t segment, uint32_t term) noexcept nogil:
    """Postings of a term that are not deleted: statistics are those of the living, or an edit would shift every
    score."""
    cdef Segment* s = &x.segments[segment]
    cdef Cursor c
    cdef uint64_t n = 0
    cdef uint32_t i, b = 0
    if x.deleted_chunks[segment] == NULL:
        return segment_df(s, term)
    if cursor_open(s, term, NULL, &c):
        if c.flat:
            for i in range(c.n):
                n += not bit(x.deleted_chunks[segment], c.docs[i])
        else:
            while _load(s, &c, b):
                for i in range(c.n):
                    n += not bit(x.deleted_chunks[segment], c.docs[i])
                b += 1
    cursor_close(&c)
    return n
