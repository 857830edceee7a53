# cython: language_level=3
"""Retrieval list by list: MaxScore term at a time (Turtle & Flood, "Query evaluation: strategies and optimizations",
1995), with blocks left out by their bounds (Ding & Suel, "Faster top-k document retrieval using block-max indexes",
2011) and look-ups in all other lists at once.

The short lists come first, the shortest of them before all others. Of each, a block's postings are scored; those that
can still reach the list of the best, with all that later terms can add, are looked up in the later lists, one after the
other, and drop out as soon as they no longer can. Few do not: whoever came before has set the threshold. When a list
and all behind it cannot reach the threshold together, no document that is only in these can be among the best, and they
are not read.

Whatever has a term of these lists has then been offered. What is left, documents that only have long lists' terms, is
found by `windows.pxd`; the bounds of ranges that it works with also tell here what the long lists can still add.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t
from _core.cursor cimport Cursor, cursor_find, cursor_load, contribution, score_block, touch_lengths
from _core.filter cimport Filter, filter_chunk
from _core.index cimport Index
from _core.postings cimport BLOCK
from _core.ranges cimport RANGE, range_level
from _core.segment cimport Segment
from _core.topk cimport TopK, top_cut, top_push

cdef enum:
    CURSORS = 192

cdef struct Bounds:
    # What the terms of a question can add together, by ranges of a segment's documents.
    uint16_t* totals      # in units of `unit`, rounded up; of whole windows, so there are more than ranges
    uint32_t n            # ranges; 0: there are no such terms
    int32_t unit
    int32_t most          # of all ranges

cdef struct SegmentSearch:
    # The retrieval of the best chunks of one segment.
    Index* index
    uint32_t segment
    Cursor* cursors
    uint32_t[CURSORS] short_   # cursors that `lists.pxd` goes through, the shortest list first
    uint32_t n_short
    uint32_t[CURSORS] long_    # the others, likewise
    uint32_t n_long
    Bounds bounds              # of those
    bint exhaustive            # score everything: the oracle of pruning
    uint32_t visited           # ranges
    Filter* filter
    TopK* top


cdef struct Survivors:
    # Chunks of one block that may be among the best.
    uint32_t n
    uint32_t[BLOCK] docs
    int32_t[BLOCK] sums   # what the lists so far add
    int32_t[BLOCK] left   # what long lists not yet asked can add at most


cdef inline void _enter(const Cursor* c, const int32_t* gives, const Bounds* b, int32_t least,
                        Survivors* out) noexcept nogil:
    """Those of the block at hand that reach `least` with what the long lists can add."""
    cdef uint32_t i, n = 0
    cdef int32_t left
    cdef const uint32_t* docs = c.docs
    if b.n == 0:
        for i in range(c.n):
            out.docs[n] = docs[i]
            out.sums[n] = gives[i]
            n += gives[i] >= least
        out.n = n
        return
    for i in range(c.n):
        left = b.totals[docs[i] // RANGE] * b.unit
        out.docs[n] = docs[i]
        out.sums[n] = gives[i]
        out.left[n] = left
        n += gives[i] + left >= least
    out.n = n


cdef inline void _ask_short(Segment* s, Cursor* c, bint long_, int32_t least, uint32_t* hint,
                            Survivors* v) noexcept nogil:
    """Adds what a short list gives the survivors; those stay that reach `least`."""
    cdef uint32_t i, n = 0
    cdef int32_t sum, left = 0
    for i in range(v.n):
        sum = v.sums[i] + contribution(s, c, hint, v.docs[i])
        if long_:
            v.left[n] = left = v.left[i]
        v.docs[n] = v.docs[i]
        v.sums[n] = sum
        n += sum + left >= least
    v.n = n


cdef inline void _ask_long(Segment* s, Cursor* c, int32_t least, uint32_t* hint, Survivors* v) noexcept nogil:
    """The same of a long list, where its bounds tell that it may have something."""
    cdef uint32_t i, level, n = 0
    cdef int32_t sum, left
    for i in range(v.n):
        sum = v.sums[i]
        left = v.left[i]
        level = range_level(c.list.ranges, c.list.half, v.docs[i] // RANGE)
        if level:
            sum += contribution(s, c, hint, v.docs[i])
            left -= c.unit * c.list.levels[level]
        v.docs[n] = v.docs[i]
        v.sums[n] = sum
        v.left[n] = left
        n += sum + left >= least
    v.n = n


cdef inline bint in_lists(SegmentSearch* h, uint32_t n, uint32_t doc) noexcept nogil:
    """Is one of the first `n` short lists' terms in the document?"""
    cdef uint32_t i, hint, at
    for i in range(n):
        hint = 0
        if cursor_find(&h.index.segments[h.segment], &h.cursors[h.short_[i]], &hint, doc, &at):
            return True
    return False


cdef inline void _offer_block(SegmentSearch* h, uint32_t at, const int32_t* rest, uint32_t* hints) noexcept nogil:
    """Offers the documents of the block that short_[at] has at hand, unless they are in a list before it."""
    cdef Segment* s = &h.index.segments[h.segment]
    cdef Cursor* c = &h.cursors[h.short_[at]]
    cdef int32_t[BLOCK] gives
    cdef Survivors v
    cdef uint32_t i
    cdef int32_t least = h.top.least if h.top.least > 1 else 1  # a sum of 0 is a chunk without a term that counts
    if not touch_lengths(s, c.docs, c.n):
        return
    score_block(c, s.chunk_len, gives)
    _enter(c, gives, &h.bounds, least - rest[at + 1], &v)
    for i in range(at + 1, h.n_short):
        if v.n == 0:
            return
        _ask_short(s, &h.cursors[h.short_[i]], h.n_long > 0, least - rest[i + 1], &hints[i], &v)
    for i in range(h.n_long):
        if v.n == 0:
            return
        _ask_long(s, &h.cursors[h.long_[i]], least, &hints[h.n_short + i], &v)
    for i in range(v.n):
        # >=: a chunk that ties with the worst one kept may still stand before it by path
        if v.sums[i] >= least and not in_lists(h, at, v.docs[i]) and filter_chunk(
                h.filter, h.index, h.segment, v.docs[i]):
            top_push(h.top, h.index, v.sums[i], h.segment, v.docs[i])
            least = h.top.least if h.top.least > least else least


cdef inline void offer_lists(SegmentSearch* h) noexcept nogil:
    """Offers every chunk with a term of the short lists that can be among the best."""
    cdef Segment* s = &h.index.segments[h.segment]
    cdef uint32_t[CURSORS] hints
    cdef int32_t[CURSORS + 1] rest   # what the lists from i on can add together
    cdef uint32_t i, j, block
    cdef int32_t others
    cdef Cursor* c
    rest[h.n_short] = 0
    for i in range(h.n_short):
        j = h.n_short - 1 - i
        rest[j] = rest[j + 1] + h.cursors[h.short_[j]].most
    for i in range(h.n_short):
        top_cut(h.top, h.index)
        if rest[i] + h.bounds.most < h.top.least:
            return
        for j in range(h.n_short + h.n_long):
            hints[j] = 0
        c = &h.cursors[h.short_[i]]
        others = rest[i + 1] + h.bounds.most
        for block in range(c.n_blocks):
            top_cut(h.top, h.index)
            if block < c.list.blocks and c.unit * c.list.skips[block].impact + others < h.top.least:
                continue
            if not cursor_load(s, c, block):
                return
            _offer_block(h, i, rest, hints)
