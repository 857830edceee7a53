# cython: language_level=3
"""The best chunks of an index by BM25: which way of finding them pays for which lists.

`lists.pxd` goes through short lists, `windows.pxd` through ranges of documents where long ones have something. When so
many chunks are wanted that few could be left out, all lists are long. `exhaustive` switches all pruning off; the result
is the same.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memset
from _core.cursor cimport Cursor, SATURATIONS, average_length, saturations
from _core.filter cimport Filter
from _core.index cimport Index
from _core.impacts cimport BM25_B, BM25_K1
from _core.lists cimport SegmentSearch, offer_lists
from _core.ranges cimport count_ranges
from _core.topk cimport TopK, top_kept
from _core.windows cimport find_bounds, offer_ranges

cdef enum:
    OFFERED = 4      # about so many chunks are met for each one kept, when blocks come in no order
    ALWAYS = 5000    # postings: so few are not worth a window

cdef struct Work:
    # What retrieval did: how much pruning saved.
    uint64_t blocks       # of all lists
    uint64_t decoded      # of these; a block that was not kept counts again
    uint64_t ranges       # of documents
    uint64_t visited

cdef struct Retrieval:
    # What one query's scoring shares between segments.
    float* saturation     # see `cursor.pxd`
    bint owned            # by this query, not by the index
    bint exhaustive
    double average        # length of a chunk, over the project
    Work work


cdef inline bint retrieval_init(Retrieval* r, Index* x, double k1, double b) noexcept nogil:
    """To be freed. False: no memory."""
    # Stored impacts hold for the standard parameters only.
    r.exhaustive = k1 != BM25_K1 / 100.0 or b != BM25_B / 100.0
    r.average = average_length(x)
    memset(&r.work, 0, sizeof(Work))
    r.owned = x.saturation == NULL or r.exhaustive
    r.saturation = x.saturation
    if r.owned:
        r.saturation = <float*>malloc(SATURATIONS * sizeof(float))
        if r.saturation == NULL:
            return False
        saturations(k1, b, r.average, r.saturation)
    return True


cdef inline void retrieval_free(Retrieval* r) noexcept nogil:
    if r.owned:
        free(r.saturation)


cdef inline void _insert(const Cursor* cursors, uint32_t* order, uint32_t n, uint32_t at) noexcept nogil:
    """Cursor `at` into an order of `n` by the lengths of their lists, shortest first."""
    while n and cursors[order[n - 1]].list.df > cursors[at].list.df:
        order[n] = order[n - 1]
        n -= 1
    order[n] = at


cdef inline bint _lists_pay(const Cursor* cursors, uint32_t n, uint32_t k) noexcept nogil:
    """Are there fewer look-ups for what `lists.pxd` meets than postings to add in the short lists?"""
    cdef uint64_t postings = 0, met = <uint64_t>k * OFFERED
    cdef uint32_t i
    for i in range(n):
        if not cursors[i].ranged:
            postings += cursors[i].list.df
    met = met if met < postings else postings
    return met * n <= postings + ALWAYS


cdef inline bint best_chunks(Index* x, uint32_t segment, Cursor* cursors, uint32_t n, Retrieval* r, Filter* f,
                             TopK* top) noexcept nogil:
    """Offers to `top` every chunk of a segment that can be among the best. False: no memory."""
    cdef SegmentSearch h
    cdef uint32_t i
    cdef bint lists = not r.exhaustive and _lists_pay(cursors, n, top_kept(top)), ok = True
    h.index = x
    h.segment = segment
    h.cursors = cursors
    h.exhaustive = r.exhaustive
    h.filter = f
    h.top = top
    h.n_short = h.n_long = h.visited = 0
    h.bounds.totals = NULL
    h.bounds.n = 0
    h.bounds.most = 0
    for i in range(n):
        if lists and not cursors[i].ranged:
            _insert(cursors, h.short_, h.n_short, i)
            h.n_short += 1
        else:
            _insert(cursors, h.long_, h.n_long, i)
            h.n_long += 1
    if h.n_long:
        ok = find_bounds(&h)
    if ok and h.n_short:
        offer_lists(&h)
    if ok and h.n_long:
        offer_ranges(&h)
    free(h.bounds.totals)
    for i in range(n):
        r.work.blocks += cursors[i].n_blocks
        r.work.decoded += cursors[i].loads
    r.work.ranges += count_ranges(x.segments[segment].n_chunks)
    r.work.visited += h.visited
    return ok or x.segments[segment].store.damaged
