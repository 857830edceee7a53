# cython: language_level=3
"""BM25 over weighted fields, chunk by chunk. Cursors over posting lists, and the retrieval of the best chunks.

Score of a chunk = sum over the query's terms of weight * Y / (K(len) + Y), with Y the weight of the posting in halves
and K(len) = 2 * k1 * (1 - b + b * len / average length): Robertson & Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond", 2009, with fields weighed before saturation (BM25F). A term's weight holds its idf = ln(1 + (N - df +
.5) / (df + .5)), with N and df those of the whole project.

A posting's contribution is rounded to a whole multiple of 1 / SCALE. Sums of integers do not depend on the order of
the addends: a chunk has the same score whatever segment it is in, however its neighbours were scored, and whether
blocks were skipped.

Of each 64 documents (a range) it is known what a term can add to them at most: from the list, or from the postings
themselves when these are few and decoded at once. The sums of these bounds tell which ranges can hold one of the best
chunks (Ding & Suel, "Faster top-k document retrieval using block-max indexes", 2011; Dimopoulos, Nepomnyachiy & Suel,
2013). The most promising ones are visited first, then all others whose bound reaches the list. Within a window of 2,048
documents it is MaxScore (Turtle & Flood, "Query evaluation: strategies and optimizations", 1995): terms whose bounds
together cannot lift a chunk into the list are only looked up for chunks that the others have brought near it, and a
block that cannot lift one into it, whatever the other terms add, is not decoded. `exhaustive` switches all of that off;
the result is the same.
"""
from libc.math cimport log
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, free
from libc.string cimport memset
from _core.filter cimport Filter, filter_chunk
from _core.index cimport Index
from _core.merge cimport bit
from _core.postings cimport (
    BLOCK, BM25_B, BM25_K1, LEVEL, NO_DOC, CODES, RANGE, RANGED, Skip, bm25_k, code_weight, code_length,
)
from _core.segment cimport NO_TERM, Segment, List, list_block, list_close, segment_list, segment_term
from _core.store cimport STORE_PAGE, store_touch
from _core.topk cimport TopK, top_cut, top_push

cdef enum:
    CURSORS = 192
    WINDOW = 2048         # documents scored at a time: their sums stay in the first-level cache
    RANGES = 32           # of a window
    RUNS = 17             # of ranges side by side in a window, and one more
    LOOKUP = 8            # a look-up costs as much as adding so many postings
    FEW = 16              # so few look-ups are not worth finding out what to look up
    SCOUTS = 64           # ranges visited by bound before the others follow in order
    TOTALS = 60000        # what the bounds of all terms together may come to in a range, in units of `Bounds.unit`
    SCALE = 1 << 20
    SATURATIONS = 4096    # CODES times the 256 length codes
    NEVER = -0x7FFFFFFF   # a threshold that everything reaches

cdef struct Cursor:
    List list
    uint32_t block        # the one in `docs`; NO_DOC none
    uint32_t n            # postings in `docs`: of that block, or all of a flat list
    bint flat
    uint32_t* docs
    int32_t* gives        # flat: what each posting adds
    uint8_t* codes        # else: the codes of the block
    float scaled          # the term's weight, in 1 / SCALE
    const float* saturation  # of the retrieval
    int32_t unit          # a posting adds at most this times its impact
    int32_t* bounds       # a window: the most the term adds to a document of it
    uint32_t* first       # a window: the first block (flat: posting) that may be in it, and one entry more

cdef struct Retrieval:
    # What one query's scoring shares between segments.
    float[256] k          # K by length code
    float[CODES] y        # weight by weight code
    float* saturation     # y / (k + y) by [weight code * 256 + length code]; NULL until a list asks for it
    bint exhaustive       # score everything: the oracle of pruning
    double average        # length of a chunk, over the project


cdef inline double idf(uint64_t n, uint64_t df) noexcept nogil:
    return log(1 + (<double>n - <double>df + 0.5) / (<double>df + 0.5))


cdef inline void retrieval_init(Retrieval* r, Index* x, double k1, double b) noexcept nogil:
    """K of every length."""
    cdef uint32_t i
    cdef double average = <double>x.total_len / <double>x.n_chunks if x.n_chunks and x.total_len else 1
    for i in range(256):
        r.k[i] = <float>bm25_k(k1, b, code_length(i), average)
    for i in range(CODES):
        r.y[i] = <float>code_weight(i)
    r.average = average
    r.saturation = NULL
    # Stored impacts hold for the standard parameters only.
    r.exhaustive = k1 != BM25_K1 / 100.0 or b != BM25_B / 100.0


cdef inline float saturated(float y, float k) noexcept nogil:
    """What a posting of weight `y` has of the most that its term can give."""
    return y / (k + y)


cdef inline bint _saturations(Retrieval* r) noexcept nogil:
    """Fills the table: one for all terms, so that it stays in the first-level cache. False: no memory."""
    cdef uint32_t code, i
    if r.saturation == NULL:
        r.saturation = <float*>malloc(SATURATIONS * sizeof(float))
        if r.saturation == NULL:
            return False
        for code in range(CODES):
            for i in range(256):
                r.saturation[code * 256 + i] = saturated(r.y[code], r.k[i])
    return True


# --------------------------------------------------------------------------------------------------------- cursors

cdef inline void cursor_close(Cursor* c) noexcept nogil:
    free(c.docs)
    free(c.bounds)
    list_close(&c.list)


cdef inline bint _touch_lengths(Segment* s, const uint32_t* docs, uint32_t n) noexcept nogil:
    """The pages with the length codes of these documents, which ascend."""
    cdef size_t first = <size_t>(s.chunk_len - s.store.base), page = <size_t>-1
    cdef uint32_t i
    if (first + docs[0]) // STORE_PAGE == (first + docs[n - 1]) // STORE_PAGE:
        return store_touch(&s.store, s.chunk_len + docs[0], 1)
    for i in range(n):
        if (first + docs[i]) // STORE_PAGE != page:
            page = (first + docs[i]) // STORE_PAGE
            if not store_touch(&s.store, s.chunk_len + docs[i], 1):
                return False
    return True


cdef inline bint _open_flat(Segment* s, const Retrieval* r, float scaled, Cursor* c) noexcept nogil:
    """Decodes all of a list: documents, and what each posting adds."""
    cdef uint8_t[BLOCK] codes
    cdef float[BLOCK] y
    cdef float[BLOCK] k
    cdef uint32_t b, i, n
    cdef uint32_t* docs = c.docs
    cdef int32_t* out = c.gives
    for b in range(c.list.blocks + (1 if c.list.df % BLOCK else 0)):
        n = BLOCK if b < c.list.blocks else c.list.df % BLOCK
        if not list_block(s, &c.list, b, docs, codes) or not _touch_lengths(s, docs, n):
            return False
        for i in range(n):
            y[i] = r.y[codes[i]]
            k[i] = r.k[s.chunk_len[docs[i]]]
        for i in range(n):  # apart from the loads, so that it becomes vector instructions
            out[i] = <int32_t>(scaled * saturated(y[i], k[i]))
        docs += n
        out += n
    c.n = c.list.df
    list_close(&c.list)  # its room serves the next one
    return True


cdef inline int32_t impact_unit(const Segment* s, double average, float weight) noexcept nogil:
    """What one step of impact is worth for a term of that weight.

    Impacts were taken with the segment's own average length. Under a larger one a posting scores more, but at most by
    the ratio of the two: K falls with the average, and K / K' <= average' / average."""
    cdef double own = <double>s.total_len / s.n_chunks if s.n_chunks and s.total_len else 1
    cdef double ratio = average / own if average > own else 1
    return <int32_t>(weight * <double>SCALE * ratio * 1.000001 / 255) + 1


cdef inline bint cursor_open(Segment* s, Retrieval* r, float weight, Cursor* c) noexcept nogil:
    """A reader of `c.list`, which becomes its own; a short list is decoded at once. False: damage or no memory. To be
    closed either way."""
    cdef uint32_t room
    cdef float scaled = weight * SCALE
    c.block = NO_DOC
    c.n = 0
    c.bounds = NULL
    c.unit = impact_unit(s, r.average, weight)
    c.flat = c.list.df < RANGED
    if c.flat:
        room = (c.list.df + BLOCK - 1) // BLOCK * BLOCK  # a block is decoded whole
        c.docs = <uint32_t*>malloc(<size_t>room * 8)
        c.gives = <int32_t*>(c.docs + room)
        return c.docs != NULL and _open_flat(s, r, scaled, c)
    c.docs = <uint32_t*>malloc(5 * BLOCK)
    if c.docs == NULL or not _saturations(r):
        return False
    c.codes = <uint8_t*>(c.docs + BLOCK)
    c.scaled = scaled
    c.saturation = r.saturation
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
    """The first of docs[lo:hi] that is not before `doc`, or hi. Without a branch that could be guessed wrongly."""
    cdef uint32_t half, n = hi - lo
    while n > 1:
        half = n >> 1
        lo += half & -<uint32_t>(docs[lo + half - 1] < doc)
        n -= half
    return lo + (n == 1 and docs[lo] < doc)


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


cdef inline uint32_t _add_flat(const Cursor* c, uint32_t i, uint32_t stop, uint32_t base, uint32_t lo, uint32_t hi,
                               int32_t* sums) noexcept nogil:
    """Those of the postings [i, stop) that lie in [lo, hi) into the sums; where it stopped."""
    cdef const uint32_t* docs = c.docs
    if i < stop and docs[i] < lo:
        i = _from(docs, i, stop, lo)
    while i < stop and docs[i] < hi:
        sums[docs[i] - base] += c.gives[i]
        i += 1
    return i


cdef inline void _add_block(const Cursor* c, const uint8_t* lengths, uint32_t base, uint32_t lo, uint32_t hi,
                            int32_t* sums) noexcept nogil:
    """Postings of the block at hand that lie in [lo, hi) into the sums."""
    cdef const uint32_t* docs = c.docs
    cdef const uint8_t* codes = c.codes
    cdef const float* saturation = c.saturation
    cdef float scaled = c.scaled
    cdef uint32_t at, i = 0, stop = c.n
    if docs[0] < lo:
        i = _from(docs, 0, c.n, lo)
    if docs[stop - 1] >= hi:
        stop = _from(docs, i, c.n, hi)
    lengths += base
    while i < stop:
        at = docs[i] - base
        sums[at] += <int32_t>(scaled * saturation[(<uint32_t>codes[i] << 8) + lengths[at]])
        i += 1


cdef inline uint32_t _add_blocks(Segment* s, Cursor* c, uint32_t b, uint32_t base, uint32_t lo, uint32_t hi,
                                 int32_t least, int32_t* sums) noexcept nogil:
    """The same from block `b` on; the block it stopped in. One whose postings all add less than `least` is left
    out."""
    while b < c.list.blocks and c.list.skips[b].last < lo:
        b += 1
    while True:
        if b == c.list.blocks or c.unit * c.list.skips[b].impact >= least:
            if not _load(s, c, b):
                return b
            _add_block(c, s.chunk_len, base, lo, hi, sums)
        if b == c.list.blocks or c.list.skips[b].last >= hi - 1:
            return b
        b += 1


cdef inline uint32_t accumulate(Segment* s, Cursor* c, uint32_t hint, uint32_t base, uint32_t end,
                                int32_t* sums) noexcept nogil:
    """Adds what the term gives the documents of [base, end) to sums[doc - base]. The length codes are touched.

    `hint`: the block, or posting of a flat list, from which on they are to be found; that for documents from `end` on
    is returned."""
    if c.flat:
        return _add_flat(c, hint, c.n, base, base, end, sums)
    return _add_blocks(s, c, _block_of(c, hint, base), base, base, end, NEVER, sums)


cdef inline int32_t contribution(Segment* s, Cursor* c, uint32_t* hint, uint32_t doc) noexcept nogil:
    """What the term adds to one document; 0 when it is not there.

    `hint`, as for `accumulate`, moves on: the next document asked for must not lie before this one."""
    cdef uint32_t i
    if c.flat:
        i = hint[0] = _from(c.docs, hint[0], c.n, doc)
        return c.gives[i] if i < c.n and c.docs[i] == doc else 0
    hint[0] = _block_of(c, hint[0], doc)
    if not _load(s, c, hint[0]):
        return 0
    i = _from(c.docs, 0, c.n, doc)
    if i == c.n or c.docs[i] != doc:
        return 0
    return <int32_t>(c.scaled * c.saturation[(<uint32_t>c.codes[i] << 8) + s.chunk_len[doc]])


cdef struct Bounds:
    # What the terms of a question can add together, by ranges of a segment's documents.
    uint16_t* totals      # in units of `unit`, rounded up; of whole windows, so up to RANGES - 1 more than there are
    uint32_t n            # ranges
    int32_t unit


cdef inline void _levels(const List* l, uint32_t first, uint8_t* out) noexcept nogil:
    """The stored bounds of RANGES ranges from `first` on, 0 for what is behind the last one."""
    cdef uint32_t i
    cdef const uint8_t* p = l.ranges + first
    if first + RANGES <= l.half:
        for i in range(RANGES):
            out[i] = p[i] & 15
    elif first >= l.half and first + RANGES <= 2 * l.half:
        p -= l.half
        for i in range(RANGES):
            out[i] = p[i] >> 4
    else:
        for i in range(RANGES):
            out[i] = 0
            if first + i < l.half:
                out[i] = p[i] & 15
            elif first + i < 2 * l.half:
                out[i] = l.ranges[first + i - l.half] >> 4


cdef inline bint cursor_bounds(Segment* s, Cursor* c, uint32_t windows, Bounds* out) noexcept nogil:
    """Fills `bounds` and `first` for all windows and adds to the totals of the ranges. False: no memory."""
    cdef uint32_t i, r, w, b, end
    cdef int32_t v, most
    cdef uint16_t level
    cdef uint8_t[RANGES] levels
    cdef uint8_t top
    c.bounds = <int32_t*>calloc(2 * (<size_t>windows + 1), 4)
    if c.bounds == NULL:
        return False
    c.first = <uint32_t*>c.bounds + windows + 1
    if c.flat:
        i = 0
        for w in range(windows):
            c.first[w] = i
            end = w * WINDOW + WINDOW
            most = 0
            while i < c.n and c.docs[i] < end:
                r = c.docs[i] // RANGE
                v = c.gives[i]
                i += 1
                while i < c.n and c.docs[i] // RANGE == r:
                    v = c.gives[i] if c.gives[i] > v else v
                    i += 1
                out.totals[r] += <uint16_t>(v // out.unit + 1)
                most = v if v > most else most
            c.bounds[w] = most
        c.first[windows] = c.n
        return True
    level = <uint16_t>((LEVEL * c.unit + out.unit - 1) // out.unit)
    b = 0
    for w in range(windows):
        _levels(&c.list, w * RANGES, levels)
        top = 0
        for i in range(RANGES):
            top = levels[i] if levels[i] > top else top
        c.bounds[w] = c.unit * LEVEL * top
        for i in range(RANGES):
            out.totals[w * RANGES + i] += level * levels[i]
        while b < c.list.blocks and c.list.skips[b].last < w * WINDOW:
            b += 1
        c.first[w] = b
    c.first[windows] = c.list.blocks
    return True


# ------------------------------------------------------------------------------------------------------- retrieval

cdef inline bint _reaches(const int32_t* sums, int32_t least) noexcept nogil:
    """Is one of RANGE sums at least `least`? Without a branch, so that it becomes vector instructions."""
    cdef uint32_t i
    cdef int32_t hit = 0
    for i in range(RANGE):
        hit |= <int32_t>(sums[i] >= least)
    return hit != 0


cdef inline uint32_t _candidates(const int32_t* sums, uint32_t ranges, int32_t least, uint32_t enough,
                                 uint16_t* out) noexcept nogil:
    """The places in these ranges of a window whose sums are at least `least`, ascending; how many. It gives up at
    `enough`."""
    cdef uint32_t j, i, n = 0
    for j in range(RANGES):
        if (ranges >> j) & 1 and _reaches(sums + j * RANGE, least):
            for i in range(j * RANGE, j * RANGE + RANGE):
                out[n] = <uint16_t>i
                n += sums[i] >= least
            if n >= enough:
                break
    return n


cdef inline uint32_t _look_up(Segment* s, Cursor* c, uint32_t w, int32_t least, int32_t* sums, uint16_t* candidates,
                              uint32_t n) noexcept nogil:
    """Adds what the term gives the candidates, and keeps those that now have `least`; how many."""
    cdef uint32_t i, at, kept = 0, hint = c.first[w]
    for i in range(n):
        at = candidates[i]
        sums[at] += contribution(s, c, &hint, w * WINDOW + at)
        candidates[kept] = <uint16_t>at
        kept += sums[at] >= least
    return kept


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


cdef inline void _add_runs(Segment* s, Cursor* c, uint32_t w, const uint32_t* runs, uint32_t n, int32_t least,
                           int32_t* sums) noexcept nogil:
    """What the term gives the documents of these runs, pairs of beginning and end, in window `w`."""
    cdef uint32_t i, at = c.first[w]
    for i in range(n):
        if c.flat:
            at = _add_flat(c, at, c.first[w + 1], w * WINDOW, runs[2 * i], runs[2 * i + 1], sums)
        else:
            at = _add_blocks(s, c, at, w * WINDOW, runs[2 * i], runs[2 * i + 1], least, sums)


cdef inline uint32_t _runs(uint32_t ranges, uint32_t base, uint32_t end, uint32_t* runs) noexcept nogil:
    """Ranges of a window as runs of documents, none behind `end`; how many."""
    cdef uint32_t j, n = 0
    cdef bint open = False
    for j in range(RANGES):
        if (ranges >> j) & 1:
            if not open:
                runs[2 * n] = base + j * RANGE
                n += 1
            runs[2 * n - 1] = base + j * RANGE + RANGE
        open = (ranges >> j) & 1
    if n and runs[2 * n - 1] > end:
        runs[2 * n - 1] = end
    return n


cdef inline void _visit(Index* x, uint32_t segment, Cursor* cursors, uint32_t* order, uint32_t n, uint32_t w,
                        uint32_t ranges, bint exhaustive, int32_t* sums, Filter* f, TopK* top) noexcept nogil:
    """Some ranges of one window: `sums` are zeros before and after."""
    cdef Segment* s = &x.segments[segment]
    cdef uint32_t base = w * WINDOW, end, i, m, optional = 0, enough, n_runs
    cdef int32_t least, missing = 0, total = 0
    cdef uint32_t[2 * RUNS] runs
    cdef uint16_t[WINDOW] candidates
    cdef Cursor* c
    cdef bint lengths = False
    end = base + WINDOW if s.n_chunks - base > WINDOW else s.n_chunks
    n_runs = _runs(ranges, base, end, runs)
    for i in range(n):
        total += cursors[i].bounds[w]
        lengths |= not cursors[i].flat and cursors[i].bounds[w] > 0
    if lengths:
        for i in range(n_runs):
            if not store_touch(&s.store, s.chunk_len + runs[2 * i], runs[2 * i + 1] - runs[2 * i]):
                return
    top_cut(top, x)
    least = top.least if top.least > 1 else 1  # a sum of 0 is a chunk without a term that counts
    _by_bound(cursors, n, w, order)
    # Terms that cannot lift a chunk into the list by themselves, all together, are optional.
    while optional < n and not exhaustive and missing + cursors[order[optional]].bounds[w] < least:
        missing += cursors[order[optional]].bounds[w]
        optional += 1
    i = n
    while i > optional:
        i -= 1
        c = &cursors[order[i]]
        if c.bounds[w] > 0:
            # A block is worth nothing unless one of its postings and all that the other terms can add reach the list.
            _add_runs(s, c, w, runs, n_runs, NEVER if exhaustive else least - (total - c.bounds[w]), sums)
    # Then the optional ones, most promising first: each is looked up for the chunks that can still reach the list, or
    # added as a whole while these are too many.
    m = 0
    while True:
        while i and cursors[order[i - 1]].bounds[w] == 0:
            i -= 1
        if i == 0:
            m = _candidates(sums, ranges, least, WINDOW + 1, candidates)
            break
        c = &cursors[order[i - 1]]
        enough = (c.first[w + 1] - c.first[w]) * (1 if c.flat else BLOCK) // LOOKUP
        if enough > FEW:
            m = _candidates(sums, ranges, least - missing, enough, candidates)
            if m < enough:
                break
        _add_runs(s, c, w, runs, n_runs, NEVER, sums)
        missing -= c.bounds[w]
        i -= 1
    while i and m:
        i -= 1
        missing -= cursors[order[i]].bounds[w]
        if cursors[order[i]].bounds[w] > 0:
            m = _look_up(s, &cursors[order[i]], w, least - missing, sums, candidates, m)
    for i in range(m):
        # >=: a chunk that ties with the worst one kept may still stand before it by path
        if sums[candidates[i]] >= top.least and filter_chunk(f, x, segment, base + candidates[i]):
            top_push(top, x, sums[candidates[i]], segment, base + candidates[i])
    for i in range(n_runs):
        memset(sums + (runs[2 * i] - base), 0, (runs[2 * i + 1] - runs[2 * i]) * sizeof(int32_t))


cdef inline uint32_t _promising(const Bounds* b) noexcept nogil:
    """A total that at least SCOUTS ranges reach, and not many more; one that none reaches when there are few ranges."""
    cdef uint32_t[256] count
    cdef uint32_t i, sum = 0
    if b.n < 4 * SCOUTS:
        return 65536
    memset(count, 0, sizeof(count))
    for i in range(b.n):
        count[b.totals[i] >> 8] += 1
    i = 255
    while i and sum + count[i] < SCOUTS:
        sum += count[i]
        i -= 1
    return (i << 8) + (i == 0)


cdef inline uint32_t _reaching(Bounds* b, uint32_t w, uint32_t least) noexcept nogil:
    """The ranges of a window whose totals are at least `least`, as bits; these are not met again."""
    cdef uint32_t i, ranges = 0
    cdef uint16_t* totals = b.totals + w * RANGES
    cdef uint16_t hit = 0, low = <uint16_t>least
    for i in range(RANGES):  # without a branch, so that it becomes vector instructions
        hit |= <uint16_t>(totals[i] >= low)
    if hit:
        for i in range(RANGES):
            ranges |= <uint32_t>(totals[i] >= low) << i
            totals[i] = 0 if totals[i] >= low else totals[i]
    return ranges


cdef inline bint best_chunks(Index* x, uint32_t segment, Cursor* cursors, uint32_t n, const Retrieval* r, Filter* f,
                             TopK* top) noexcept nogil:
    """Offers to `top` every chunk of a segment that can be among the best. False: no memory."""
    cdef Segment* s = &x.segments[segment]
    cdef int32_t[WINDOW] sums
    cdef uint32_t[CURSORS] order
    cdef uint32_t windows = (s.n_chunks + WINDOW - 1) // WINDOW, i, w, ranges, least
    cdef uint64_t most = 0
    cdef int32_t v
    cdef Bounds b
    cdef bint ok
    b.n = (s.n_chunks + RANGE - 1) // RANGE
    b.totals = <uint16_t*>calloc((<size_t>windows + 1) * RANGES, 2)
    ok = b.totals != NULL
    for i in range(n):
        order[i] = i
        v = 0
        if cursors[i].flat:
            for w in range(cursors[i].n):
                v = cursors[i].gives[w] if cursors[i].gives[w] > v else v
        else:
            v = 255 * cursors[i].unit
        most += v
    b.unit = <int32_t>(most // TOTALS + 1)
    for i in range(n):
        ok = ok and cursor_bounds(s, &cursors[i], windows, &b)
    if ok:
        memset(sums, 0, sizeof(sums))
        # The most promising ranges first, so that the list is soon hard to enter; then the others in the order of their
        # documents, so that a block is decoded once.
        least = _promising(&b)
        for w in range(windows if not r.exhaustive and least < 65536 else 0):
            ranges = _reaching(&b, w, least)
            if ranges:
                _visit(x, segment, cursors, order, n, w, ranges, False, sums, f, top)
        for w in range(windows):
            if s.store.damaged:
                break
            least = 0 if r.exhaustive else <uint32_t>(top.least // b.unit)
            ranges = _reaching(&b, w, least if least > 1 or r.exhaustive else 1)
            if ranges:
                _visit(x, segment, cursors, order, n, w, ranges, r.exhaustive, sums, f, top)
    free(b.totals)
    return ok or s.store.damaged


cdef inline uint64_t live_df(Index* x, uint32_t segment, const List* l) noexcept nogil:
    """Postings of a list that are not deleted: statistics are those of the living, or an edit would shift every
    score."""
    cdef Segment* s = &x.segments[segment]
    cdef uint32_t[BLOCK] docs
    cdef uint8_t[BLOCK] codes
    cdef uint64_t n = 0
    cdef uint32_t i, b
    if x.deleted_chunks[segment] == NULL:
        return l.df
    for b in range(l.blocks + (1 if l.df % BLOCK else 0)):
        if not list_block(s, l, b, docs, codes):
            return 0
        for i in range(BLOCK if b < l.blocks else l.df % BLOCK):
            n += not bit(x.deleted_chunks[segment], docs[i])
    return n


cdef inline uint64_t find_term(Index* x, const uint8_t* text, uint32_t n, uint32_t* at) noexcept nogil:
    """Where each segment has the postings of a term (NO_TERM: nowhere) to at[segment]; how many of them live."""
    cdef uint64_t df = 0
    cdef uint32_t s
    cdef List l
    for s in range(x.n_segments):
        at[s] = segment_term(&x.segments[s], text, n)
        if at[s] == NO_TERM:
            continue
        if segment_list(&x.segments[s], at[s], &l):
            df += live_df(x, s, &l)
        list_close(&l)
    return df
