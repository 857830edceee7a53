# cython: language_level=3
"""The order of results: files first, then each file's best chunk.

1. Words and extra terms become weighted terms; the best chunks by BM25 are retrieved (`retrieve.pxd`), in large
   projects fewer of them.
2. Candidates (`candidates.pxd`): the files of those chunks, the files whose names match best, the files that define
   exactly what is named (or, when none does, a name with these initials or of which it is a part), the file of a place
   that the question names.
3. A candidate's chunks are scored exactly, its features combined with the weights of `signals.pxd`. N(v) divides by the
   largest v among the candidates. Good chunks vote for the files that define what they use (`votes.pxd`).
4. Files by that score, ties by path. Each gives its best chunk, and to a question that is no name up to FURTHER more,
   each with its file's score less the more it is worse than the best; when there are fewer places than asked for, the
   files' other chunks follow.

Expansions (`query.pxd`) bring candidates and choose among a file's chunks like words; in a file's score they are a
signal of their own, so that they cannot take the place of what was asked.

A word's weight in chunks falls with its position k in the question: idf / (1 + word_decay * k); in names likewise. A
task word (`query.pxd`) has a share of its weight and takes no position.
"""
from libc.math cimport INFINITY, log, sqrt
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, free
from libc.string cimport memset, memcpy
from _core.base cimport bytes_init, bytes_free
from _core.candidates cimport (
    Detail, Result, Results, Candidate, Ranking, term_weights, open_cursors, close_cursors, masked, name_score,
    file_path, find_candidates, FURTHER, LARGE_PROJECT,
)
from _core.cursor cimport Cursor
from _core.filter cimport Filter
from _core.index cimport Index
from _core.numbers cimport NO_NUMBER, map_free, map_init
from _core.pathmatch cimport FilePath, match_folders, match_synonyms, matches_free, matches_init
from _core.postings cimport NO_DOC
from _core.query cimport Query, TERMS
from _core.retrieve cimport retrieval_init, retrieval_free
from _core.segment cimport (
    RankRecord, FILE_TEST, FILE_EXAMPLE, FILE_COMPAT, FILE_GENERATED, FILE_HEADER, FILE_SOURCE, FILE_VENDORED,
)
from _core.shown cimport choose_chunks, score_chunks
from _core.signals cimport (
    Weights, SIGNAL_NAME_COVER, SIGNAL_NAME_PRECISION, SIGNAL_FOLDERS, SIGNAL_SYNONYMS, SIGNAL_CHUNKS,
    SIGNAL_TOP_SUM, SIGNAL_COVERAGE, SIGNAL_LINKS, SIGNAL_SYMBOL, SIGNAL_SYMBOL_TYPE, SIGNAL_ABBREVIATED,
    SIGNAL_PLACE, SIGNAL_NAMED, SIGNAL_SYMBOL_FILE, SIGNAL_DEPTH, SIGNAL_TEST, SIGNAL_EXAMPLE, SIGNAL_COMPAT,
    SIGNAL_GENERATED, SIGNAL_VENDORED, SIGNAL_HEADER, SIGNAL_OLD_VERSION,
    SIGNAL_EXPANDED, SIGNAL_FURTHER, SIGNAL_BM25, SIGNAL_END,
)
from _core.sort cimport sort_numbers
from _core.topk cimport path_order
from _core.votes cimport count_votes

cdef enum:
    SPARE = 2               # half as many places more as were asked for, and one
    KEPT_SCORES = 256
    SMALL_PROJECT = 100     # files up to which `coverage` counts nothing; in a large project it counts in full


cdef inline bint _candidate_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    """By segment and place: the order in which chunks can be scored with cursors that only go forward."""
    cdef const Candidate* all = <const Candidate*>context
    if all[a].segment != all[b].segment:
        return all[a].segment < all[b].segment
    return all[a].file < all[b].file


cdef inline uint32_t _with_chunks(const Ranking* r) noexcept nogil:
    """How many candidates have something to show."""
    cdef uint32_t i, n = 0
    cdef const Candidate* all = <const Candidate*>r.candidates.data
    for i in range(<uint32_t>(r.candidates.len // sizeof(Candidate))):
        n += all[i].first < all[i].end
    return n


cdef inline void _folders_and_synonyms(Ranking* r, const uint32_t* order, uint32_t n) noexcept nogil:
    """`folder_words` and `synonym_words` of all candidates, order[0:n] by segment and file."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef uint32_t* wanted = <uint32_t*>calloc(3 * (<size_t>n + 1), 4)
    cdef uint32_t* words = wanted + n + 1  # of folders, then of synonyms
    cdef uint32_t i, begin = 0, end, segment
    if wanted == NULL:
        r.failed = True
        return
    while begin < n:
        segment = all[order[begin]].segment
        end = begin
        while end < n and all[order[end]].segment == segment:
            wanted[end] = all[order[end]].file
            end += 1
        wanted[end] = NO_NUMBER
        match_folders(&r.index.segments[segment], &r.paths[segment], wanted + begin, words + begin)
        if r.weights.synonyms and not match_synonyms(
                &r.index.segments[segment], r.query, wanted + begin, words + n + begin):
            r.failed = True
        begin = end
    for i in range(n):
        all[order[i]].folder_words = words[i]
        all[order[i]].synonym_words = words[n + i]
    free(wanted)


cdef inline void _kin(const Ranking* r, const Candidate* c, const RankRecord* f, double* v) noexcept nogil:
    """Whether a candidate stands beside another one that says the same better: a header beside its source, a version
    beside a newer one, unless the question names the older."""
    cdef const Candidate* all = <const Candidate*>r.candidates.data
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), i, k, number
    cdef const RankRecord* g
    if not f.flags & FILE_HEADER and not f.versions:
        return
    for i in range(n):
        g = all[i].rank
        if f.flags & FILE_HEADER and g.flags & FILE_SOURCE and g.stem == f.stem:
            v[SIGNAL_HEADER] = r.weights.header
        if f.versions and g.versions == f.versions and g.version > f.version:
            v[SIGNAL_OLD_VERSION] = r.weights.old_version
    for i in range(r.query.n_words):
        number = 0
        for k in range(r.query.words[i].raw_len):
            if not 48 <= r.query.words[i].raw[k] <= 57 or number > 255:
                break
            number = 10 * number + r.query.words[i].raw[k] - 48
        else:
            if number == f.version:
                v[SIGNAL_OLD_VERSION] = 0


cdef inline void result_signals(const Results* results, const Result* p, double* out) noexcept nogil:
    """The SIGNAL_END addends of the result's score, when details were asked for."""
    memset(out, 0, SIGNAL_END * sizeof(double))
    if p.candidate == NO_DOC:
        out[SIGNAL_BM25] = p.score
    else:
        memcpy(out, results.details[p.candidate].signals, SIGNAL_END * sizeof(double))
        out[SIGNAL_FURTHER] = p.further


cdef inline void _combine(Ranking* r) noexcept nogil:
    """Scores of all candidates."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), i, k, depth
    cdef double max_chunks = 0, max_expanded = 0, max_sum = 0, max_votes = 0, large = 0, share, gap
    cdef double[SIGNAL_END] v
    cdef const Weights* w = r.weights
    cdef const RankRecord* f
    cdef Candidate* c
    cdef const FilePath* p
    cdef FilePath none
    memset(&none, 0, sizeof(none))
    for i in range(n):
        if all[i].chunks > max_chunks:
            max_chunks = all[i].chunks
        if all[i].expanded > max_expanded:
            max_expanded = all[i].expanded
        if all[i].top_sum > max_sum:
            max_sum = all[i].top_sum
        if all[i].votes > max_votes:
            max_votes = all[i].votes
    if r.index.n_files > SMALL_PROJECT:
        large = log(r.index.n_files / <double>SMALL_PROJECT) / log(LARGE_PROJECT / <double>SMALL_PROJECT)
        large = large if large < 1 else 1
    # What nothing has of the question, a model's words stand for; but never for more than its own words would count.
    gap = w.expanded + w.gap * r.missing
    gap = gap if gap < w.chunks else (w.chunks if w.chunks > w.expanded else w.expanded)
    for i in range(n):
        c = &all[i]
        f = c.rank
        p = file_path(r, c)
        if p == NULL:
            p = &none
        memset(v, 0, sizeof(v))
        name_score(r, p, c)
        v[SIGNAL_NAME_COVER] = w.name_cover * c.name_cover
        v[SIGNAL_NAME_PRECISION] = w.name_precision * c.name_precision
        c.folders = masked(r.word_idf, c.folder_words & ~p.exact) / r.idf_total if r.idf_total > 0 else 0
        v[SIGNAL_FOLDERS] = w.folders * c.folders
        if c.synonym_words and f.name_parts and r.idf_total > 0:
            share = masked(r.word_idf, c.synonym_words) / sqrt(<double>f.name_parts) / r.idf_total
            v[SIGNAL_SYNONYMS] = w.synonyms * sqrt(share if share < 1 else 1)
        if r.idf_total > 0:
            v[SIGNAL_COVERAGE] = w.coverage * (large * (masked(r.word_idf, c.words) / r.idf_total))
        if max_votes > 0:
            v[SIGNAL_LINKS] = w.links * (c.votes / max_votes)
        _kin(r, c, f, v)
        if max_chunks > 0:
            v[SIGNAL_CHUNKS] = w.chunks * (c.chunks / max_chunks)
        if max_expanded > 0:
            v[SIGNAL_EXPANDED] = gap * (c.expanded / max_expanded)
        if max_sum > 0:
            v[SIGNAL_TOP_SUM] = w.top_sum * (c.top_sum / max_sum)
        if c.define != NO_DOC:
            if c.abbreviated:
                v[SIGNAL_ABBREVIATED] = w.abbreviated
            elif r.query.symbol:
                v[SIGNAL_SYMBOL] = w.symbol
                v[SIGNAL_SYMBOL_TYPE] = w.symbol_type if c.define_code == 2 else 0
            else:
                v[SIGNAL_NAMED] = w.named * (1 if c.define_code else 0.5)
        if c.place != NO_DOC:
            v[SIGNAL_PLACE] = w.place
        if r.query.symbol and f.whole_name == r.query.whole_name and f.name_parts:
            v[SIGNAL_SYMBOL_FILE] = w.symbol_file
        depth = f.depth - <uint32_t>r.index.min_depth if f.depth > r.index.min_depth else 0
        v[SIGNAL_DEPTH] = w.depth * (depth if depth < 3 else 3)
        if f.flags & FILE_TEST:
            v[SIGNAL_TEST] = w.test
        if f.flags & FILE_EXAMPLE:
            v[SIGNAL_EXAMPLE] = w.example
        if f.flags & FILE_COMPAT:
            v[SIGNAL_COMPAT] = w.compat
        if f.flags & FILE_GENERATED:
            v[SIGNAL_GENERATED] = w.generated
        if f.flags & FILE_VENDORED:
            v[SIGNAL_VENDORED] = w.vendored
        c.score = 0
        for k in range(SIGNAL_END):
            c.score += v[k]
        if r.details != NULL:
            memcpy(r.details[i].signals, v, sizeof(v))

cdef struct Order:
    Index* index
    const Result* items


cdef inline bint _result_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    cdef const Order* o = <const Order*>context
    cdef const Result* p = &o.items[a]
    cdef const Result* q = &o.items[b]
    cdef int c
    if p.score != q.score:
        return p.score > q.score
    c = path_order(o.index, p.segment, p.file, q.segment, q.file)
    return c < 0 or (c == 0 and p.chunk < q.chunk)


cdef inline uint32_t _append_sorted(Ranking* r, const Result* items, uint32_t n, Result* out,
                                    uint32_t room) noexcept nogil:
    """The best `room` of `items` to `out`; how many."""
    cdef Order o
    cdef uint32_t* order = <uint32_t*>malloc(<size_t>n * 4 + 4)
    cdef uint32_t i
    if order == NULL:
        r.failed = True
        return 0
    o.index = r.index
    o.items = items
    for i in range(n):
        order[i] = i
    if not sort_numbers(order, n, _result_before, &o):
        r.failed = True
    if n > room:
        n = room
    for i in range(n):
        out[i] = items[order[i]]
    free(order)
    return n


cdef inline double _least(const Ranking* r, uint32_t limit) noexcept nogil:
    """The score that the best candidates have, `limit` and some to spare for files that have changed since; -inf when
    there are no more than these, or so many are wanted that it would not pay."""
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), keep = limit + limit // SPARE + 1, i, k, m = 0
    cdef const Candidate* all = <const Candidate*>r.candidates.data
    cdef double[KEPT_SCORES] best
    if (r.weights.exhaustive or r.filter.kinds or r.details != NULL or r.weights.further > 0 or keep < limit
            or keep > KEPT_SCORES or keep >= n):
        return -INFINITY
    for i in range(n):
        if all[i].first == all[i].end or (m == keep and all[i].score <= best[m - 1]):
            continue
        k = m if m < keep else keep - 1
        m = k + 1
        while k and best[k - 1] < all[i].score:
            best[k] = best[k - 1]
            k -= 1
        best[k] = all[i].score
    return best[m - 1] if m == keep else -INFINITY


cdef inline void _results(Ranking* r, uint32_t limit, bint one_per_file, double least, Results* out) noexcept nogil:
    """The places of candidates that have `least`, in order, as far as no others can stand between them."""
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), m, i, k
    cdef Candidate* c
    cdef Result* p
    cdef Result* first = <Result*>malloc((<size_t>n * (FURTHER + 1) + 1) * sizeof(Result))
    m = <uint32_t>(r.others.len // sizeof(Result)) if not one_per_file else 0
    out.n = 0
    out.items = <Result*>malloc((<size_t>n * (FURTHER + 1) + m + 1) * sizeof(Result))
    if first == NULL or out.items == NULL:
        r.failed = True
    else:
        for i in range(n):
            c = &(<Candidate*>r.candidates.data)[i]
            if c.best == NO_DOC or c.first == c.end or c.score < least:
                continue
            for k in range(1 if one_per_file else FURTHER + 1):
                if k and c.next[k - 1] == NO_DOC:
                    break
                p = &first[out.n]
                p.segment = c.segment
                p.file = c.file
                p.chunk = c.next[k - 1] if k else c.best
                p.candidate = i
                p.further = r.weights.further * (2 - c.share[k - 1]) if k else 0
                p.score = c.score + p.further
                if p.score < least:
                    break
                p.line = r.query.place.line - 1 if c.place == p.chunk and r.query.place.line else NO_DOC
                out.n += 1
        out.n = _append_sorted(r, first, out.n, out.items, out.n)
        if m and out.n < limit:
            out.n += _append_sorted(r, <const Result*>r.others.data, m, out.items + out.n, m)
    free(first)
    out.failed = r.failed


cdef inline void rank(Index* x, const Query* q, Filter* f, const Weights* w, uint32_t limit, bint one_per_file,
                      bint details, double* term_idf, Results* out) noexcept nogil:
    """All candidates in order, at least `limit` places when so many match: the caller shows the first ones that are
    still true and frees `out.items` and `out.details` (NULL unless `details`). After it, a segment's `store.damaged`
    says that the order cannot be trusted.

    `term_idf[i]` (TERMS of them) is what a match of term i in a line is worth."""
    cdef Ranking r
    cdef uint32_t* order
    cdef uint32_t i, n
    cdef double least
    memset(out, 0, sizeof(Results))
    r.index = x
    r.query = q
    r.filter = f
    r.weights = w
    r.failed = not retrieval_init(&r.retrieval, x, w.k1, w.b)
    r.retrieval.exhaustive |= w.exhaustive != 0
    n = x.n_segments * q.n_terms + 1
    r.cursors = <Cursor*>malloc(<size_t>n * (sizeof(Cursor) + 1))
    r.term = <uint8_t*>(r.cursors + n)
    r.failed |= r.cursors == NULL
    r.path_total = 0
    r.idf_total = r.missing = 0
    r.n_voters = 0
    bytes_init(&r.candidates)
    bytes_init(&r.others)
    r.details = NULL
    r.sums = NULL
    r.full = False
    for i in range(x.n_segments):
        r.n_cursors[i] = 0
        matches_init(&r.paths[i])
        r.failed |= not map_init(&r.candidate_of[i])
    if not r.failed:
        term_weights(&r, term_idf)
        open_cursors(&r)
        find_candidates(&r, limit, one_per_file)
    n = <uint32_t>(r.candidates.len // sizeof(Candidate))
    order = <uint32_t*>malloc(<size_t>n * 4 + 4)
    if details:
        out.details = r.details = <Detail*>calloc(n + 1, sizeof(Detail))
    if order == NULL or (details and r.details == NULL):
        r.failed = True
    if not r.failed:
        for i in range(n):
            order[i] = i
        if sort_numbers(order, n, _candidate_before, r.candidates.data):
            score_chunks(&r, order, n)
            _folders_and_synonyms(&r, order, n)
            if w.links:
                count_votes(&r)
            _combine(&r)
            least = _least(&r, limit)
            if r.sums != NULL:
                choose_chunks(&r, order, n, least, not one_per_file and (f.kinds or _with_chunks(&r) < limit))
            _results(&r, limit, one_per_file, least, out)
            r.full |= least > -INFINITY
        else:
            r.failed = True
    out.failed = r.failed
    out.full = r.full
    out.work = r.retrieval.work
    close_cursors(&r)
    retrieval_free(&r.retrieval)
    free(order)
    free(r.cursors)
    free(r.sums)
    for i in range(x.n_segments):
        matches_free(&r.paths[i])
        map_free(&r.candidate_of[i])
    bytes_free(&r.candidates)
    bytes_free(&r.others)
