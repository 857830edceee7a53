# cython: language_level=3
"""What a candidate's chunks are worth, and which of them stand for it in the list.

The asked words' sums make `chunks`, those of the expansions `expanded`, each of the four best chunks. Which chunk is
shown is chosen by both together, and less by the words that the file's name has: they told us the file already. That is
done when the files are in order, for the first of them.
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
    GROUP = 8               # sums looked at together


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


cdef inline void _add_terms(Ranking* r, const uint32_t* order, uint32_t n) noexcept nogil:
    """What terms give the chunks of the candidates order[0:n], all of one segment: words of the file's name to the
    second part of `sums`, expansions to the third, the others to the first.

    Term by term: candidates ascend, so each list is read once, from its beginning to its end."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef uint32_t segment = all[order[0]].segment, at = segment * r.query.n_terms, i, k, word, hint
    cdef Segment* s = &r.index.segments[segment]
    cdef Candidate* c
    cdef int32_t* out
    for k in range(r.n_cursors[segment]):
        word = <uint32_t>1 << r.term[at + k] if r.term[at + k] < r.query.n_words else 0
        hint = 0
        for i in range(n):
            c = &all[order[i]]
            out = r.sums + c.slot
            if r.term[at + k] >= r.query.n_asked:
                out += 2 * r.slots
            elif word & c.in_name:
                out += r.slots
            if c.first < c.end and accumulate(s, &r.cursors[at + k], &hint, c.first, c.end, out):
                c.words |= word


cdef inline bint _above(const int32_t* v, int32_t least) noexcept nogil:
    """Is one of GROUP numbers larger? Without a branch, so that it becomes vector instructions."""
    cdef uint32_t i
    cdef int32_t hit = 0
    for i in range(GROUP):
        hit |= <int32_t>(v[i] > least)
    return hit != 0


cdef inline double _best_four(Ranking* r, const Candidate* c, const int32_t* sums) noexcept nogil:
    """What the four best of a candidate's chunks are worth together."""
    cdef uint32_t i, j
    cdef int32_t[4] best
    memset(best, 0, sizeof(best))
    for i in range((c.end - c.first + GROUP - 1) // GROUP):
        if not _above(sums + GROUP * i, best[3]):
            continue
        for j in range(GROUP * i, GROUP * i + GROUP):
            if sums[j] > best[3] and (
                    not r.filter.kinds or filter_chunk(r.filter, r.index, c.segment, c.first + j)):
                _keep(best, sums[j])
    return (best[0] + best[1] / 2.0 + best[2] / 4.0 + best[3] / 8.0) / SCALE


cdef inline void _shown(Ranking* r, const Candidate* c, Shown* shown) noexcept nogil:
    """The FURTHER + 1 chunks that may stand for the file."""
    cdef Segment* s = &r.index.segments[c.segment]
    cdef const int32_t* sums = r.sums + c.slot
    cdef const int32_t* named = sums + r.slots
    cdef const Weights* w = r.weights
    cdef const ChunkRecord* chunks = NULL
    cdef uint32_t i, j, k
    cdef double value, most = 1
    memset(shown, 0, (FURTHER + 1) * sizeof(Shown))
    for value in (w.name_again, w.undefined, w.kind):
        most *= value if value > 1 else 1
    for i in range((c.end - c.first + GROUP - 1) // GROUP):
        # The number stands below what could be worth enough, if only by rounding.
        if not _above(sums + GROUP * i, <int32_t>(shown[FURTHER].value / most) - (shown[FURTHER].value > 0)):
            continue
        for j in range(GROUP * i, GROUP * i + GROUP):
            if sums[j] * most <= shown[FURTHER].value:
                continue
            # The same by what stands for the file: a chunk that defines nothing less readily.
            if chunks == NULL:
                chunks = <const ChunkRecord*>store_piece(
                    &s.store, &s.chunks[c.first], (c.end - c.first) * sizeof(ChunkRecord))
                if chunks == NULL:
                    return
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


cdef inline void _keep_others(Ranking* r, const Candidate* c) noexcept nogil:
    """The candidate's chunks that are not shown for it, to `r.others`."""
    cdef const int32_t* sums = r.sums + c.slot
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


cdef inline bint _lay_out(Ranking* r, const uint32_t* order, uint32_t n) noexcept nogil:
    """Room for what the chunks of all candidates are worth, candidates in that order. What `accumulate` reads of them
    is touched, and which words each file's name has is noted. False: no memory or damage."""
    cdef Candidate* c
    cdef Segment* s
    cdef const FilePath* p
    cdef uint32_t i
    r.slots = 0
    for i in range(n):
        c = &(<Candidate*>r.candidates.data)[order[i]]
        s = &r.index.segments[c.segment]
        if c.end < c.first or c.end > s.n_chunks:
            s.store.damaged = True
            return False
        store_touch(&s.store, s.chunk_len + c.first, c.end - c.first)
        if s.store.damaged:
            return False
        p = file_path(r, c)
        c.in_name = p.name if p != NULL else 0
        c.slot = r.slots
        r.slots += (c.end - c.first + GROUP - 1) // GROUP * GROUP
    r.sums = <int32_t*>calloc((3 if r.query.n_terms > r.query.n_asked else 2) * r.slots + 1, 4)
    r.failed |= r.sums == NULL
    return r.sums != NULL


cdef inline void score_chunks(Ranking* r, const uint32_t* order, uint32_t n) noexcept nogil:
    """Scores all chunks of the candidates order[0:n], which stand by segment and file: `chunks` and `expanded` of
    each. From then on `sums` begins with what brings a chunk into the list."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef Candidate* c
    cdef int32_t* sums
    cdef uint32_t begin = 0, end, i, j
    if not _lay_out(r, order, n):
        return
    while begin < n:
        end = begin + 1
        while end < n and all[order[end]].segment == all[order[begin]].segment:
            end += 1
        _add_terms(r, order + begin, end - begin)
        begin = end
    for i in range(n):
        c = &all[order[i]]
        sums = r.sums + c.slot
        for j in range(c.end - c.first if c.in_name else 0):
            sums[j] += sums[r.slots + j]
        c.chunks = _best_four(r, c, sums)
        if r.query.n_terms > r.query.n_asked:
            c.expanded = _best_four(r, c, sums + 2 * r.slots)
            for j in range(c.end - c.first):
                sums[j] += sums[2 * r.slots + j]


cdef inline void choose_chunks(Ranking* r, const uint32_t* order, uint32_t n, double least,
                               bint further) noexcept nogil:
    """`best`, `next` and `share` of the candidates whose scores are `least` or better, whose chunks are scored; with
    `further`, the other chunks to `r.others`."""
    cdef Candidate* c
    cdef uint32_t i, j
    cdef Shown[FURTHER + 1] shown
    for i in range(n):
        c = &(<Candidate*>r.candidates.data)[order[i]]
        if c.first == c.end or c.score < least:
            continue
        _shown(r, c, shown)
        _choose(r, c, shown)
        if further:
            _keep_others(r, c)
        if r.details != NULL:
            for j in range(c.end - c.first):
                r.details[order[i]].places += c.first + j == c.best or (
                    r.sums[c.slot + j] > 0 and filter_chunk(r.filter, r.index, c.segment, c.first + j))
