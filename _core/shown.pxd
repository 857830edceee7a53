# cython: language_level=3
"""What a candidate's chunks are worth, and which of them stand for it in the list.

The asked words' sums make `chunks`, those of the expansions `expanded`, each of the four best chunks. Which chunk is
shown is chosen by both together, and less by the words that the file's name has: they told us the file already.
"""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy
from _core.base cimport bytes_add
from _core.candidates cimport Candidate, Ranking, Result, file_path, FURTHER
from _core.cursor cimport Cursor, SCALE, accumulate
from _core.filter cimport filter_chunk
from _core.pathmatch cimport FilePath
from _core.postings cimport NO_DOC
from _core.query cimport TERMS
from _core.segment cimport ChunkRecord, Segment
from _core.store cimport store_read, store_touch

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


cdef inline void _add_expansions(Ranking* r, Candidate* c, uint32_t* hints, int32_t* sums) noexcept nogil:
    """What the expansions give each of the candidate's chunks, and `expanded`."""
    cdef Segment* s = &r.index.segments[c.segment]
    cdef uint32_t at = c.segment * r.query.n_terms, j, m = c.end - c.first
    cdef int32_t[4] best
    memset(sums, 0, <size_t>m * 4)
    memset(best, 0, sizeof(best))
    for j in range(r.n_cursors[c.segment]):
        if r.term[at + j] >= r.query.n_asked:
            accumulate(s, &r.cursors[at + j], &hints[j], c.first, c.end, sums)
    for j in range(m):
        if sums[j] > best[3] and (not r.filter.kinds or filter_chunk(r.filter, r.index, c.segment, c.first + j)):
            _keep(best, sums[j])
    c.expanded = _together(best)


cdef inline void score_chunks(Ranking* r, uint32_t* order, uint32_t n, bint further) noexcept nogil:
    """Scores all chunks of the candidates: `chunks`, `expanded` and `best` of each, and the others to `r.others`."""
    cdef uint32_t i, j, k, m, segment = NO_DOC, cap = 0
    cdef uint32_t[TERMS] hints  # candidates ascend, so a cursor need not look back
    cdef Candidate* c
    cdef Cursor* cursors
    cdef Segment* s
    cdef int32_t* sums = NULL
    cdef uint32_t word, in_name
    cdef const FilePath* p
    cdef const uint8_t* term
    cdef int32_t[4] best
    cdef bint expanded = r.query.n_terms > r.query.n_asked
    cdef Shown[FURTHER + 1] shown
    cdef const ChunkRecord* chunks
    cdef double value
    cdef int32_t v
    cdef Result next
    for i in range(n):
        c = &(<Candidate*>r.candidates.data)[order[i]]
        if c.segment != segment:
            memset(hints, 0, r.n_cursors[c.segment] * 4)
        segment = c.segment
        s = &r.index.segments[segment]
        cursors = r.cursors + segment * r.query.n_terms
        term = r.term + segment * r.query.n_terms
        if s.store.damaged:
            break
        m = c.end - c.first
        if c.end < c.first or c.end > s.n_chunks:
            s.store.damaged = True
            break
        if m == 0:
            continue
        if m > cap:
            cap = m + 256
            free(sums)
            sums = <int32_t*>malloc(<size_t>cap * 12)
            if sums == NULL:
                r.failed = True
                break
        memset(sums, 0, <size_t>m * 4)
        if not store_touch(&s.store, s.chunk_len + c.first, m):
            break
        # First the words that the file's name has: they told us the file, so they say less about which of its chunks.
        p = file_path(r, c)
        in_name = p.name if p != NULL else 0
        for k in range(2):
            for j in range(r.n_cursors[segment]):
                word = <uint32_t>1 << term[j] if term[j] < r.query.n_words else 0
                if term[j] >= r.query.n_asked or (word & in_name != 0) != (k == 0):
                    continue
                if accumulate(s, &cursors[j], &hints[j], c.first, c.end, sums):
                    c.words |= word
            if k == 0:
                memcpy(sums + m, sums, <size_t>m * 4)
        if expanded:
            _add_expansions(r, c, hints, sums + 2 * m)
        best[0] = best[1] = best[2] = best[3] = 0
        memset(shown, 0, sizeof(shown))
        chunks = NULL
        for j in range(m):
            v = sums[j]
            if expanded:
                sums[j] += sums[2 * m + j]  # from here on what brings a chunk into the list
            if sums[j] == 0:
                continue
            if v > best[3] and (not r.filter.kinds or filter_chunk(r.filter, r.index, segment, c.first + j)):
                _keep(best, v)
            # The same by what stands for the file: a chunk that defines nothing less readily.
            if chunks == NULL:
                chunks = <const ChunkRecord*>store_read(&s.store, &s.chunks[c.first], m * sizeof(ChunkRecord))
                if chunks == NULL:
                    break
            value = sums[j] - (1 - r.weights.name_again) * sums[m + j]
            if chunks[j].kinds == 0 and c.first + j != c.define:
                value *= r.weights.undefined
            if chunks[j].kinds & r.query.kinds:
                value *= r.weights.kind
            if value > shown[FURTHER].value and filter_chunk(r.filter, r.index, segment, c.first + j):
                k = FURTHER
                while k and shown[k - 1].value < value:
                    shown[k] = shown[k - 1]
                    k -= 1
                shown[k].value = value
                shown[k].chunk = c.first + j
        c.chunks = _together(best)
        _choose(r, c, shown)
        if further:
            for j in range(m):
                if sums[j] > 0 and not _chosen(c, c.first + j) and filter_chunk(
                        r.filter, r.index, segment, c.first + j):
                    next.segment = segment
                    next.file = c.file
                    next.chunk = c.first + j
                    next.candidate = NO_DOC
                    next.score = sums[j] / <double>SCALE
                    next.further = 0
                    next.line = NO_DOC
                    bytes_add(&r.others, &next, sizeof(next))
        if r.details != NULL:
            for j in range(m):
                r.details[order[i]].places += c.first + j == c.best or (
                    sums[j] > 0 and filter_chunk(r.filter, r.index, segment, c.first + j))
    free(sums)
