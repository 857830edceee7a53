# cython: language_level=3
"""BM25 over weighted fields: what a chunk's score is, and how often terms occur.

Score of a chunk = sum over the query's terms of weight * Y / (K(len) + Y), with Y the weight of the posting in halves
and K(len) = 2 * k1 * (1 - b + b * len / average length): Robertson & Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond", 2009, with fields weighed before saturation (BM25F). A term's weight holds its idf = ln(1 + (N - df +
.5) / (df + .5)), with N and df those of the whole project.

A posting's contribution is rounded to a whole multiple of 1 / SCALE (`cursor.pxd`). Sums of integers do not depend on
the order of the addends: a chunk has the same score whatever segment it is in, however its neighbours were scored, and
whether blocks were skipped.
"""
from libc.math cimport log
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from _core.index cimport Index
from _core.merge cimport bit
from _core.postings cimport BLOCK
from _core.segment cimport (
    NO_TERM, Segment, List, list_block, list_block_n, list_blocks, list_close, segment_list, segment_term,
)


cdef inline double idf(uint64_t n, uint64_t df) noexcept nogil:
    return log(1 + (<double>n - <double>df + 0.5) / (<double>df + 0.5))


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
    for b in range(list_blocks(l)):
        if not list_block(s, l, b, docs, codes):
            return 0
        for i in range(list_block_n(l, b)):
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
