# cython: language_level=3
"""What a candidate's chunks are worth, and which of them stand for it in the list.

The asked words' sums make `chunks`, those of the expansions `expanded`, each of the four best chunks. Which chunk is
shown is chosen by both together, and less by the words that the file's name has: they told us the file already.
"""
from libc.stdint cimport uint32_t, int32_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from _core.base cimport bytes_add
from _core.candidates cimport Candidate, Ranking, Result, file_path, FURTHER
from _core.cursor cimport SCALE, accumulate
from _core.filter cimport filter_chunk
from _core.pathmatch cimport FilePath
from _core.postings cimport NO_DOC
from _core.segment cimport ChunkRecord, Segment
from _core.signals cimport Weights
from _core.store cimport store_piece, store_touch

cdef enum:
    FUNCTION_CHUNKS = 3     # a line so far behind the beginning of the function that was named may belong to it


cdef struct Shown:
    # A chunk that may stand for its file.
    double value
    uint32_t chunk


cdef inline void _choose(const Ranking* r, Candidate* c, const Shown* shown) noexcept nogil:
    """`best`, `next` and `share` of a candidate from its FURTHER + 1 best chunks, best first."""
    cdef uint32_t i, n = 0
    c.best = shown[0].chunk if shown[0].value > 0 else NO_DOC
    if c.define != NO_DOC and r.query.symbol:
        c.best = c.define  # who asks for a name wants its definition
    if c.place != NO_DOC and r.query.place.line:
        c.best = c.place
        if c.define != NO_DOC and not c.define <= c.place <= c.define + FUNCTION_CHUNKS:
            c.best = c.define  # the file has changed since: the function is where it was
    for i in range(FURTHER):
        c.next[i] = NO_DOC
    for i in range(FURTHER + 1):
        if n < FURTHER and shown[i].value > 0 and shown[i].chunk != c.best and not r.query.symbol:
            c.next[n] = shown[i].chunk
            c.share[n] = shown[i].value / shown[0].value
            n += 1
    if c.best == NO_DOC and not r.filter.kinds:
        c.best = c.first  # the path alone brought it here


cdef inline bint _chosen(const Candidate* c, uint32_t chunk) noexcept nogil:
    cdef uint32_t i
    for i in range(FURTHER):
        if c.next[i] == chunk:
            return True
    return c.best == chunk


cdef inline void _keep(int32_t* best, int32_t v) noexcept nogil:
    """`v`, which is larger than the last of four, into its place among them."""
    cdef uint32_t k = 3
    while k and best[k - 1] < v:
        best[k] = best[k - 1]
        k -= 1
    best[k] = v


cdef inline double _together(const int32_t* best) noexcept nogil:
    """What a file's four best chunks are worth."""
    return (best[0] + best[1] / 2.0 + best[2] / 4.0 + best[3] / 8.0) / SCALE


cdef inline void _add_terms(Ranking* r, const uint32_t* order, uint32_t n, int32_t* sums, int32_t* named,
                            int32_t* expanded) noexcept nogil:
    """What terms give the chunks of the candidates order[0:n], all of one segment, one candidate behind the other:
    words of the file's name to `named`, expansions to `expanded`, the others to `sums`.

    Term by term: candidates ascend, so each list is read once, from its beginning to its end."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef uint32_t segment = all[order[0]].segment, at = segment * r.query.n_terms, i, k, word, hint
    cdef Segment* s = &r.index.segments[segment]
    cdef Candidate* c
    cdef int32_t* out
    cdef size_t slot
    for k in range(r.n_cursors[segment]):
        word = <uint32_t>1 << r.term[at + k] if r.term[at + k] < r.query.n_words else 0
        hint = 0
        slot = 0
        for i in range(n):
            c = &all[order[i]]
            out = sums
            if r.term[at + k] >= r.query.n_asked:
                out = expanded
            elif word & c.in_name:
                out = named
            if c.first < c.end and accumulate(s, &r.cursors[at + k], &hint, c.first, c.end, out + slot):
                c.words |= word
            slot += c.end - c.first


cdef inline void _judge(Ranking* r, Candidate* c, int32_t* sums, const int32_t* named, const int32_t* expanded,
                        Shown* shown) noexcept nogil:
    """`chunks`, `expanded` and the FURTHER + 1 chunks that may stand for the file, from what its chunks are worth. From
    then on `sums` is what brings a chunk into the list."""
    cdef Segment* s = &r.index.segments[c.segment]
    cdef uint32_t j, k, m = c.end - c.first
    cdef int32_t[4] best
    cdef int32_t[4] best_expanded
    cdef const Weights* w = r.weights
    cdef const ChunkRecord* chunks = NULL
    cdef double value, most = 1
    memset(best, 0, sizeof(best))
    memset(best_expanded, 0, sizeof(best_expanded))
    memset(shown, 0, (FURTHER + 1) * sizeof(Shown))
    for value in (w.name_again, w.undefined, w.kind):
        most *= value if value > 1 else 1
    for j in range(m):
        if sums[j] > best[3] and (not r.filter.kinds or filter_chunk(r.filter, r.index, c.segment, c.first + j)):
            _keep(best, sums[j])
        if expanded != NULL:
            if expanded[j] > best_expanded[3] and (
                    not r.filter.kinds or filter_chunk(r.filter, r.index, c.segment, c.first + j)):
                _keep(best_expanded, expanded[j])
            sums[j] += expanded[j]
        if sums[j] * most <= shown[FURTHER].value:
            continue
        # The same by what stands for the file: a chunk that defines nothing less readily.
        if chunks == NULL:
            chunks = <const ChunkRecord*>store_piece(&s.store, &s.chunks[c.first], m * sizeof(ChunkRecord))
            if chunks == NULL:
                break
        value = sums[j] - (1 - w.name_again) * named[j]
        if chunks[j].kinds == 0 and c.first + j != c.define:
            value *= w.undefined
        if chunks[j].kinds & r.query.kinds:
            value *= w.kind
        if value > shown[FURTHER].value and filter_chunk(r.filter, r.index, c.segment, c.first + j):
            k = FURTHER
            while k and shown[k - 1].value < value:
                shown[k] = shown[k - 1]
                k -= 1
            shown[k].value = value
            shown[k].chunk = c.first + j
    c.chunks = _together(best)
    c.expanded = _together(best_expanded)


cdef inline void _keep_others(Ranking* r, const Candidate* c, const int32_t* sums) noexcept nogil:
    """The candidate's chunks that are not shown for it, to `r.others`."""
    cdef uint32_t j
    cdef Result next
    for j in range(c.end - c.first):
        if sums[j] > 0 and not _chosen(c, c.first + j) and filter_chunk(
                r.filter, r.index, c.segment, c.first + j):
            next.segment = c.segment
            next.file = c.file
            next.chunk = c.first + j
            next.candidate = NO_DOC
            next.score = sums[j] / <double>SCALE
            next.further = 0
            next.line = NO_DOC
            bytes_add(&r.others, &next, sizeof(next))


cdef inline uint32_t _of_one_segment(Ranking* r, const uint32_t* order, uint32_t n, size_t* slots) noexcept nogil:
    """How many of order[0:n] are of the segment of the first, and how many chunks these have. What of them `accumulate`
    reads is touched, and which words each file's name has is noted; a segment in which that fails is damaged."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef Segment* s = &r.index.segments[all[order[0]].segment]
    cdef Candidate* c
    cdef const FilePath* p
    cdef uint32_t i
    slots[0] = 0
    for i in range(n):
        c = &all[order[i]]
        if c.segment != all[order[0]].segment:
            return i
        if c.end < c.first or c.end > s.n_chunks:
            s.store.damaged = True
            return n
        store_touch(&s.store, s.chunk_len + c.first, c.end - c.first)
        p = file_path(r, c)
        c.in_name = p.name if p != NULL else 0
        slots[0] += c.end - c.first
    return n


cdef inline void score_chunks(Ranking* r, const uint32_t* order, uint32_t n, bint further) noexcept nogil:
    """Scores all chunks of the candidates: `chunks`, `expanded` and `best` of each, and the others to `r.others`."""
    cdef bint expansions = r.query.n_terms > r.query.n_asked
    cdef Candidate* c
    cdef int32_t* sums
    cdef int32_t* at
    cdef size_t slots
    cdef uint32_t begin = 0, end, i, j
    cdef Shown[FURTHER + 1] shown
    while begin < n:
        end = begin + _of_one_segment(r, order + begin, n - begin, &slots)
        if r.index.segments[(<Candidate*>r.candidates.data)[order[begin]].segment].store.damaged:
            return
        sums = <int32_t*>calloc((3 if expansions else 2) * slots + 1, 4)
        if sums == NULL:
            r.failed = True
            return
        _add_terms(r, order + begin, end - begin, sums, sums + slots, sums + 2 * slots)
        for i in range(<uint32_t>slots):
            sums[i] += sums[slots + i]
        at = sums
        for i in range(begin, end):
            c = &(<Candidate*>r.candidates.data)[order[i]]
            if c.first == c.end:
                continue
            _judge(r, c, at, at + slots, at + 2 * slots if expansions else NULL, shown)
            _choose(r, c, shown)
            if further:
                _keep_others(r, c, at)
            if r.details != NULL:
                for j in range(c.end - c.first):
                    r.details[order[i]].places += c.first + j == c.best or (
                        at[j] > 0 and filter_chunk(r.filter, r.index, c.segment, c.first + j))
            at += c.end - c.first
        free(sums)
        begin = end
