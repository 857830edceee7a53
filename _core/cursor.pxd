# cython: language_level=3
"""A cursor: one term's posting list in one segment, read block by block, and what its postings add to a score.

All but the longest lists keep every block that they have decoded, because they are asked for documents again and again:
for the most promising ranges of documents, for the chunks that other terms have found, for the files of the best. Where
a list of some length need not be looked at, its bounds for ranges of documents (`ranges.pxd`) tell.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memset
from _core.impacts cimport BM25_B, BM25_K1, CODES, bm25_k, code_weight, code_length
from _core.index cimport Index
from _core.postings cimport BLOCK, NO_DOC, block_code, block_codes
from _core.ranges cimport RANGED
from _core.segment cimport Segment, List, list_block_n, list_blocks, list_close, list_data, list_documents
from _core.store cimport STORE_PAGE, store_touch

cdef enum:
    STEP = 8              # documents looked at together
    STRIDE = 136          # from one block that is kept to the next: BLOCK and STEP
    LAST_DOC = 0x7FFFFFFF  # behind every document, also for comparisons with a sign
    KEPT = 256            # blocks: of lists with more only the one at hand is kept
    CODED = 1 << 15       # in a block's place: its codes are there, too
    SCALE = 1 << 20
    SATURATIONS = 4096    # CODES times the 256 length codes
    NEVER = -0x7FFFFFFF   # a threshold that everything reaches
    PAGES_AT_ONCE = 16    # so many pages of length codes are checked whether each is needed or not

cdef struct Cursor:
    List list
    bint ranged           # it has bounds for ranges
    bint kept             # its decoded blocks are, in the rooms, one behind the other as they are asked for
    uint32_t n_blocks     # the tail is the last one
    uint32_t block        # the one in `docs`; NO_DOC none
    uint32_t n            # its postings
    uint32_t near         # one of them, or `n`: where `_add_block` ended
    const uint32_t* docs
    const uint8_t* codes
    const uint8_t* packed  # the data of that block, when its codes are not in `codes` yet; else NULL
    uint32_t* room        # for documents of one block, or of all
    uint8_t* code_room
    uint16_t* places      # where each block is that is kept: 1 for the first in the rooms; 0: it is not decoded yet
    uint32_t used         # of the rooms
    uint32_t loads        # blocks decoded so far
    float scaled          # the term's weight, in 1 / SCALE
    const float* saturation  # y / (k + y) by [weight code * 256 + length code]
    int32_t unit          # a posting adds at most this times its impact
    int32_t most          # what a posting can add at most
    int32_t* bounds       # a window (`windows.pxd`): the most the term adds to a document of it
    uint32_t* first       # a window: the first block that may be in it, and one entry more


cdef inline void saturations(double k1, double b, double average, float* out) noexcept nogil:
    """The table of SATURATIONS, what a posting has of the most that its term can give: one for all terms, so that it
    stays in the first-level cache."""
    cdef uint32_t code, i
    cdef float[256] k
    cdef float y
    for i in range(256):
        k[i] = <float>bm25_k(k1, b, code_length(i), average)
    for code in range(CODES):
        y = <float>code_weight(code)
        for i in range(256):
            out[code * 256 + i] = y / (k[i] + y)


cdef inline double average_length(const Index* x) noexcept nogil:
    """Of a chunk, over the project."""
    return <double>x.total_len / <double>x.n_chunks if x.n_chunks and x.total_len else 1


cdef inline bint index_saturations(Index* x) noexcept nogil:
    """Fills the table of an index that is asked more than one question. False: no memory."""
    x.saturation = <float*>malloc(SATURATIONS * sizeof(float))
    if x.saturation == NULL:
        return False
    saturations(BM25_K1 / 100.0, BM25_B / 100.0, average_length(x), x.saturation)
    return True


cdef inline int32_t impact_unit(const Segment* s, double average, float weight) noexcept nogil:
    """What one step of impact is worth for a term of that weight.

    Impacts were taken with the segment's own average length. Under a larger one a posting scores more, but at most by
    the ratio of the two: K falls with the average, and K / K' <= average' / average."""
    cdef double own = <double>s.total_len / s.n_chunks if s.n_chunks and s.total_len else 1
    cdef double ratio = average / own if average > own else 1
    return <int32_t>(weight * <double>SCALE * ratio * 1.000001 / 255) + 1


cdef inline bint touch_lengths(Segment* s, const uint32_t* docs, uint32_t n) noexcept nogil:
    """The pages with the length codes of these documents, which ascend."""
    cdef size_t first = <size_t>(s.chunk_len - s.store.base), page = <size_t>-1
    cdef uint32_t i
    if docs[n - 1] - docs[0] < PAGES_AT_ONCE * STORE_PAGE:
        return store_touch(&s.store, s.chunk_len + docs[0], docs[n - 1] - docs[0] + 1)
    for i in range(n):
        if (first + docs[i]) // STORE_PAGE != page:
            page = (first + docs[i]) // STORE_PAGE
            if not store_touch(&s.store, s.chunk_len + docs[i], 1):
                return False
    return True


cdef inline bint cursor_load(Segment* s, Cursor* c, uint32_t block) noexcept nogil:
    """Block `block` becomes the one at hand. False: there is none, or damage."""
    cdef uint32_t at, i
    cdef uint16_t place
    if block == c.block:
        return c.n > 0
    c.block = block
    c.near = 0
    c.packed = NULL
    c.n = list_block_n(&c.list, block)
    if c.n == 0:
        return False
    if c.kept:
        place = c.places[block]
        at = (place & ~CODED) - 1 if place else c.used
        c.docs = c.room + at * STRIDE
        c.codes = c.code_room + at * STRIDE
        if place:
            if not place & CODED:
                c.packed = list_data(&c.list, block)
            return True
    if not list_documents(s, &c.list, block, <uint32_t*>c.docs, <uint8_t*>c.codes, &c.packed):
        c.n = 0
        return False
    for i in range(STEP):
        (<uint32_t*>c.docs)[c.n + i] = LAST_DOC
    if c.kept:
        c.used += 1
        c.places[block] = <uint16_t>(c.used | (CODED if c.packed == NULL else 0))
    c.loads += 1
    return True


cdef inline void _codes(Cursor* c) noexcept nogil:
    """The codes of the block at hand to `codes`: looking a few documents up does not need them."""
    if c.packed == NULL:
        return
    block_codes(&c.list.skips[c.block], c.packed, <uint8_t*>c.codes)
    c.packed = NULL
    if c.kept:
        c.places[c.block] |= CODED


cdef inline int32_t _gives(float scaled, const float* saturation, uint32_t code, uint32_t length) noexcept nogil:
    """What a posting with these codes adds."""
    return <int32_t>(scaled * saturation[(code << 8) + length])


cdef inline void score_block(Cursor* c, const uint8_t* lengths, int32_t* out) noexcept nogil:
    """What each posting of the block at hand adds. The length codes are touched."""
    cdef const uint32_t* docs = c.docs
    cdef const uint8_t* codes = c.codes
    cdef const float* saturation = c.saturation
    cdef float scaled = c.scaled
    cdef uint32_t i
    _codes(c)
    for i in range(c.n):
        out[i] = _gives(scaled, saturation, codes[i], lengths[docs[i]])


cdef inline bint _most(Segment* s, Cursor* c) noexcept nogil:
    """Fills `most`: the stored impacts of blocks, what the postings of the tail do add."""
    cdef int32_t[BLOCK] gives
    cdef uint32_t i
    cdef uint8_t impact = 0
    for i in range(c.list.blocks):
        impact = c.list.skips[i].impact if c.list.skips[i].impact > impact else impact
    c.most = impact * c.unit
    if not cursor_load(s, c, c.list.blocks):
        return not s.store.damaged
    if not touch_lengths(s, c.docs, c.n):
        return False
    score_block(c, s.chunk_len, gives)
    for i in range(c.n):
        c.most = gives[i] if gives[i] > c.most else c.most
    return True


cdef inline bint cursor_open(Segment* s, const float* saturation, double average, float weight,
                             Cursor* c) noexcept nogil:
    """A reader of `c.list`, which becomes its own, for a term of that weight. False: damage or no memory. To be closed
    either way."""
    cdef uint32_t room, places
    c.block = NO_DOC
    c.n = c.near = 0
    c.packed = NULL
    c.loads = 0
    c.bounds = NULL
    c.saturation = saturation
    c.scaled = weight * SCALE
    c.unit = impact_unit(s, average, weight)
    c.ranged = c.list.df >= RANGED
    c.n_blocks = list_blocks(&c.list)
    c.kept = c.n_blocks <= KEPT
    room = c.n_blocks * STRIDE if c.kept else STRIDE
    places = (c.n_blocks + 1) & ~1U if c.kept else 0
    c.used = 0
    c.places = <uint16_t*>malloc(2 * <size_t>places + 5 * <size_t>room)
    if c.places == NULL:
        return False
    memset(c.places, 0, 2 * places)
    c.room = <uint32_t*>(c.places + places)
    c.code_room = <uint8_t*>(c.room + room)
    c.docs = c.room
    c.codes = c.code_room
    c.most = 255 * c.unit
    return c.ranged or _most(s, c)


cdef inline void cursor_close(Cursor* c) noexcept nogil:
    free(c.places)
    free(c.bounds)
    list_close(&c.list)


cdef inline uint32_t step_to(const Cursor* c, uint32_t at, uint32_t doc) noexcept nogil:
    """The first posting of the block at hand from `at` on, `n` at most, that is not before `doc`. Steps forward beat a
    binary search, because who looks up many documents looks up close ones."""
    cdef const int32_t* docs = <const int32_t*>c.docs
    cdef uint32_t k, less = 0
    while at + STEP <= c.n and docs[at + STEP - 1] < <int32_t>doc:
        at += STEP
    for k in range(STEP):  # without a branch; behind the last posting stands LAST_DOC
        less += docs[at + k] < <int32_t>doc
    return at + less


cdef inline uint32_t block_of(const Cursor* c, uint32_t lo, uint32_t doc) noexcept nogil:
    """The first block from `lo` on whose last document is not before `doc`; `blocks`, the tail, when there is none."""
    cdef uint32_t hi = c.list.blocks, mid
    if lo < hi and c.list.skips[lo].last >= doc:
        return lo
    while lo < hi:
        mid = lo + (hi - lo) // 2
        if c.list.skips[mid].last < doc:
            lo = mid + 1
        else:
            hi = mid
    return lo


cdef inline uint32_t _add_block(Cursor* c, const uint8_t* lengths, uint32_t base, uint32_t lo, uint32_t hi,
                                int32_t* sums) noexcept nogil:
    """Postings of the block at hand that lie in [lo, hi) into the sums; how many."""
    cdef const uint32_t* docs = c.docs
    cdef const uint8_t* codes = c.codes
    cdef const float* saturation = c.saturation
    cdef float scaled = c.scaled
    cdef uint32_t at, i = c.near, begin
    if i and docs[i - 1] >= lo:  # asked for what lies before, for once
        i = 0
    if docs[i] < lo:
        i = step_to(c, i, lo)
    begin = i
    lengths += base
    if docs[i] < hi:
        _codes(c)
    while docs[i] < hi:  # behind the last one stands LAST_DOC
        at = docs[i] - base
        sums[at] += _gives(scaled, saturation, codes[i], lengths[at])
        i += 1
    c.near = i
    return i - begin


cdef inline uint32_t add_blocks(Segment* s, Cursor* c, uint32_t b, uint32_t base, uint32_t lo, uint32_t hi,
                                int32_t least, int32_t* sums, uint32_t* n) noexcept nogil:
    """Adds what the term gives the documents of [lo, hi) to sums[doc - base], from block `b` on, and how many these are
    to `n`; the block it stopped in. A block whose postings all add less than `least` is left out. The length codes are
    touched."""
    while b < c.list.blocks and c.list.skips[b].last < lo:
        b += 1
    while True:
        if b == c.list.blocks or c.unit * c.list.skips[b].impact >= least:
            if not cursor_load(s, c, b):
                return b
            n[0] += _add_block(c, s.chunk_len, base, lo, hi, sums)
        if b == c.list.blocks or c.list.skips[b].last >= hi - 1:
            return b
        b += 1


cdef inline uint32_t accumulate(Segment* s, Cursor* c, uint32_t* hint, uint32_t base, uint32_t end,
                                int32_t* sums) noexcept nogil:
    """Adds what the term gives the documents of [base, end) to sums[doc - base]; how many have it. The length codes are
    touched.

    `hint`: the block from which on they are to be found; it moves on to that for documents from `end` on."""
    cdef uint32_t n = 0
    hint[0] = add_blocks(s, c, block_of(c, hint[0], base), base, base, end, NEVER, sums, &n)
    return n


cdef inline bint cursor_find(Segment* s, Cursor* c, uint32_t* hint, uint32_t doc, uint32_t* at) noexcept nogil:
    """Is the term in that document? Then its posting is number `at` of the block at hand.

    `hint`: how many postings lie before for certain; it moves on: the next document asked for must not lie before this
    one."""
    cdef uint32_t b = hint[0] // BLOCK, i = hint[0] % BLOCK
    if b < c.list.blocks and c.list.skips[b].last < doc:
        b = block_of(c, b + 1, doc)
        i = 0
    if not cursor_load(s, c, b):
        hint[0] = b * BLOCK
        return False
    i = step_to(c, i, doc)
    hint[0] = b * BLOCK + i
    at[0] = i
    return c.docs[i] == doc


cdef inline int32_t contribution(Segment* s, Cursor* c, uint32_t* hint, uint32_t doc) noexcept nogil:
    """What the term adds to one document, whose length code is touched; 0 when it is not there. `hint` as for
    `cursor_find`."""
    cdef uint32_t at, code
    if not cursor_find(s, c, hint, doc, &at):
        return 0
    code = c.codes[at] if c.packed == NULL else block_code(&c.list.skips[c.block], c.packed, at)
    return _gives(c.scaled, c.saturation, code, s.chunk_len[doc])
