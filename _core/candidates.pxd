# cython: language_level=3
"""Which files may be results: those of the best chunks, those whose names match, those that define what is named, the
one that the question gives as a place. And what all of ranking shares: the question's weights, the candidates.
"""
from libc.math cimport sqrt
from libc.stdint cimport uint8_t, int32_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy, memmove
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, prefetch
from _core.builder cimport last_name, name_code, name_term, one_part
from _core.cursor cimport Cursor, SCALE, cursor_open, cursor_close
from _core.filter cimport Filter, filter_file, filter_chunk
from _core.index cimport Index, SEGMENTS_MAX
from _core.merge cimport bit
from _core.numbers cimport NO_NUMBER, NumberMap, map_get, map_put
from _core.pathmatch cimport FilePath, PathMatches, match_names, matches_find
from _core.impacts cimport WEIGHT_NAME, WEIGHT_SIGNATURE, code_weight
from _core.postings cimport NO_DOC
from _core.query cimport Name, Query, TERMS, WORDS
from _core.retrieve cimport Retrieval, Work, best_chunks
from _core.score cimport idf, live_df, find_term
from _core.segment cimport (
    List, NO_TERM, ChunkRecord, FileRecord, Segment, RankRecord, segment_file, segment_path, list_close,
    segment_all_postings, segment_list, segment_term, segment_rank, segment_file_chunks, segment_chunk_file,
)
from _core.signals cimport Weights, SIGNAL_END
from _core.source cimport source_defines
from _core.store cimport store_read
from _core.text cimport Terms, Token, TERM_MAX, next_token, token_terms
from _core.topk cimport TopK, Hit, top_init, top_free, top_narrow, top_sort, path_order
from _core.whereabouts cimport Whereabouts, common_components

cdef enum:
    CHUNK_CANDIDATES = 64
    SURE = 20               # of these so many stay in any case, and all when more results are wanted
    PATH_CANDIDATES = 40
    NAMES_READ = 200        # files that are read to see whether they define a name of several parts
    NAME_CANDIDATES = 256   # a name defined in more files than this brings no candidates of its own
    TOP_SUM = 32            # chunks that count as "global top" for `top_sum`
    FURTHER = 2             # chunks of a file besides its best that are ranked with it
    VOTERS = 30             # chunks that vote by their links
    EXPANSIONS = 8          # terms that an expansion adds at most
    LARGE_PROJECT = 3000    # files from which on a project is large
    FADE_FROM = 3           # words of a question from which on `name_precision` counts less,
    FADE_WORDS = 5          # and how many more until it counts nothing

cdef struct Detail:
    # What is kept of a candidate only when somebody asks how or how much.
    uint32_t places         # its chunks that could be shown
    double[SIGNAL_END] signals

cdef struct Result:
    uint32_t segment
    uint32_t file
    uint32_t chunk
    uint32_t candidate      # its `Detail`; NO_DOC: it only fills the list up
    double score
    double further          # what it has less than its file
    uint32_t line           # of the file, the one that was asked for; NO_DOC

cdef struct Results:
    Result* items
    Detail* details         # NULL: not asked for
    uint32_t n
    bint failed             # out of memory
    bint full               # there may be more: the list of best chunks was full, or not all candidates are here
    Work work

cdef struct Candidate:
    uint32_t segment
    uint32_t file
    const RankRecord* rank
    uint32_t first, end     # its chunks
    uint32_t best           # the best of them
    uint32_t[FURTHER] next  # those behind it, NO_DOC when there are no more
    double[FURTHER] share   # ... and how good they are beside it
    uint32_t folder_words   # bit i: word i of the question equals a word of its folders
    uint32_t synonym_words  # ... has a synonym in its name
    uint32_t words          # ... is in one of its chunks
    uint32_t in_name        # ... matches its name
    uint32_t define         # the chunk that defines the asked name, NO_DOC
    int define_code         # 0 value, 1 function, 2 type
    bint abbreviated        # that chunk defines no such name, but one with these initials or with this part
    uint32_t place          # the chunk that the question gives as a place, NO_DOC
    double chunks
    double expanded
    double top_sum
    double votes
    double name_cover
    double name_precision
    double folders
    double score
    size_t slot             # where its chunks begin in `Ranking.sums`

cdef struct Voter:
    # One of the best chunks.
    uint32_t segment
    uint32_t file
    uint32_t chunk
    uint32_t n_uses
    const uint8_t* uses     # names (`links.pxd`)
    double score

cdef struct Ranking:
    Index* index
    const Query* query
    Filter* filter
    const Weights* weights
    Retrieval retrieval
    double[WORDS] path_weight
    double[WORDS] rare_weight  # `path_weight`, less for words that many names match
    double[WORDS] word_idf     # of a task word its share
    double path_total       # of path_weight
    double idf_total
    double missing          # share of the question that no chunk has, when a model answered
    float[TERMS] term_weight
    Cursor* cursors         # [segment * n_terms + i]: those of the segment's terms, in the order of the query
    uint8_t* term           # the same: which term it is
    uint32_t[SEGMENTS_MAX] n_cursors
    Voter[VOTERS] voters
    uint32_t n_voters
    Bytes candidates        # of Candidate
    PathMatches paths[SEGMENTS_MAX]
    NumberMap candidate_of[SEGMENTS_MAX]  # file -> its place in `candidates`
    int32_t* sums           # what the candidates' chunks are worth: `slots` by other words, as many by words of the
    size_t slots            # file's name, as many by expansions
    Bytes others            # of Result: the chunks of candidates behind those
    Detail* details         # of the candidates; NULL: not asked for
    bint full               # as in Results
    bint failed


cdef inline uint32_t _position(const Query* q, uint32_t i) noexcept nogil:
    """Of word i: a task word at the beginning takes none."""
    return i - 1 if q.task and i else i


cdef inline void _word_weight(Ranking* r, uint32_t i, double v) noexcept nogil:
    """What word i, of idf `v`, weighs by itself and in names."""
    if i == 0 and r.query.task:
        v *= r.weights.task_word
    r.word_idf[i] = v
    r.path_weight[i] = v / (1 + r.weights.path_decay * _position(r.query, i))


cdef inline double _rarest(const Ranking* r) noexcept nogil:
    """The idf of the rarest word; one that nothing has is as rare as can be."""
    cdef double most = 0
    cdef uint32_t i
    for i in range(r.query.n_words):
        if r.word_idf[i] <= 0:
            return idf(r.index.n_chunks, 0)
        most = r.word_idf[i] if r.word_idf[i] > most else most
    return most


cdef inline void _expansion_weights(Ranking* r, double* term_idf) noexcept nogil:
    """What expansions weigh: each at most what the rarest word does, for which it may stand, and all together at most
    what the words do. Only the EXPANSIONS rarest count, of equals the first: more cost much and give nothing."""
    cdef const Query* q = r.query
    cdef double most = _rarest(r), words = 0, added = 0, v, share = r.weights.expansion
    cdef double[EXPANSIONS] value
    cdef uint32_t[EXPANSIONS] term
    cdef uint32_t i, k, n = 0
    for i in range(q.n_words):
        v = (r.word_idf[i] if r.word_idf[i] > 0 else most) / (1 + r.weights.word_decay * _position(q, i))
        words += v
        r.missing += v if r.word_idf[i] <= 0 else 0
    r.missing = r.missing / words if q.answered and words > 0 else 0
    for i in range(q.n_asked, q.n_terms):
        v = term_idf[i] if term_idf[i] < most else most
        term_idf[i] = r.term_weight[i] = 0
        k = n
        while k and value[k - 1] < v:
            k -= 1
        if v <= 0 or k == EXPANSIONS:
            continue
        n = n + 1 if n < EXPANSIONS else n
        memmove(value + k + 1, value + k, (n - k - 1) * sizeof(double))
        memmove(term + k + 1, term + k, (n - k - 1) * 4)
        value[k] = v
        term[k] = i
    for k in range(n):
        added += value[k]
    if added > words:
        share *= words / added
    for k in range(n):
        term_idf[term[k]] = value[k] * share
        r.term_weight[term[k]] = <float>term_idf[term[k]]


cdef inline void term_weights(Ranking* r, double* term_idf) noexcept nogil:
    """idf of every term over all segments; then the weights of words in chunks and in paths."""
    cdef Index* x = r.index
    cdef const Query* q = r.query
    cdef uint32_t i, s, t, n
    cdef uint64_t df
    cdef double v
    for i in range(q.n_terms):
        df = 0
        for s in range(x.n_segments):
            t = segment_term(&x.segments[s], q.terms[i].text, q.terms[i].len)
            if t == NO_TERM:
                continue
            n = s * q.n_terms + r.n_cursors[s]
            r.cursors[n].places = NULL
            r.cursors[n].bounds = NULL
            r.term[n] = <uint8_t>i
            r.n_cursors[s] += 1
            if segment_list(&x.segments[s], t, &r.cursors[n].list):
                df += live_df(x, s, &r.cursors[n].list)
            elif not x.segments[s].store.damaged:
                r.failed = True
        v = idf(x.n_chunks, df) if df else 0
        if i < q.n_words:
            _word_weight(r, i, v)
            v = r.word_idf[i] / (1 + r.weights.word_decay * _position(q, i))
        else:
            v *= q.terms[i].weight
        r.term_weight[i] = <float>v
        term_idf[i] = v
    if q.n_terms > q.n_asked:
        _expansion_weights(r, term_idf)


cdef inline void open_cursors(Ranking* r) noexcept nogil:
    """Opens the cursors of the terms that count and forgets the others."""
    cdef uint32_t i, s, n
    cdef Cursor* all
    cdef uint8_t* term
    for s in range(r.index.n_segments):
        all = r.cursors + s * r.query.n_terms
        term = r.term + s * r.query.n_terms
        n = 0
        for i in range(r.n_cursors[s]):
            if r.term_weight[term[i]] <= 0:
                cursor_close(&all[i])
                continue
            all[n] = all[i]
            term[n] = term[i]
            if not r.index.segments[s].store.damaged and not cursor_open(
                    &r.index.segments[s], r.retrieval.saturation, r.retrieval.average, r.term_weight[term[n]],
                    &all[n]) and not r.index.segments[s].store.damaged:
                r.failed = True
            n += 1
        r.n_cursors[s] = n


cdef inline void close_cursors(Ranking* r) noexcept nogil:
    cdef uint32_t i, s
    for s in range(r.index.n_segments):
        for i in range(r.n_cursors[s]):
            cursor_close(&r.cursors[s * r.query.n_terms + i])


cdef inline void _expect(const Segment* s, const Candidate* c) noexcept nogil:
    """Has the beginnings of what will be read of a candidate fetched from memory meanwhile."""
    prefetch(s.chunk_len + c.first)
    prefetch(s.chunks + c.first)
    prefetch(s.chunks + c.first + 4)
    prefetch(s.links + c.rank.links)
    prefetch(s.links + c.rank.links + 64)


cdef inline Candidate* _candidate(Ranking* r, uint32_t segment, uint32_t file) noexcept nogil:
    """The candidate of a file, made when it is not one yet; NULL without memory or when damaged."""
    cdef Candidate c
    cdef uint32_t at = map_get(&r.candidate_of[segment], file)
    if at == NO_NUMBER:
        memset(&c, 0, sizeof(c))
        c.segment = segment
        c.file = file
        c.rank = segment_rank(&r.index.segments[segment], file)
        if c.rank == NULL or not segment_file_chunks(&r.index.segments[segment], file, &c.first, &c.end):
            return NULL
        _expect(&r.index.segments[segment], &c)
        c.best = c.first
        c.define = NO_DOC
        c.place = NO_DOC
        at = <uint32_t>(r.candidates.len // sizeof(Candidate))
        bytes_add(&r.candidates, &c, sizeof(c))
        if r.candidates.failed or not map_put(&r.candidate_of[segment], file, at):
            r.failed = True
            return NULL
    return &(<Candidate*>r.candidates.data)[at]


cdef inline void _from_chunks(Ranking* r, uint32_t k, bint all_) noexcept nogil:
    """The files of the k best chunks; `top_sum` from the first of them. In a large project fewer, unless all are
    wanted: what falls far behind the best chunk there hardly ever answers (in a small one it often does, because little
    shares the question's words)."""
    cdef TopK top
    cdef uint32_t s, i
    cdef uint32_t* order = <uint32_t*>malloc(<size_t>k * 4)
    cdef Hit* h
    cdef Candidate* c
    cdef Result other
    if not top_init(&top, k) or order == NULL:
        free(order)
        top_free(&top)
        r.failed = True
        return
    if not all_ and r.index.n_files >= LARGE_PROJECT:
        top_narrow(&top, SURE, r.weights.reach)
    for s in range(r.index.n_segments):
        if not r.failed and not r.index.segments[s].store.damaged and not best_chunks(
                r.index, s, r.cursors + s * r.query.n_terms, r.n_cursors[s], &r.retrieval, r.filter, &top):
            r.failed = True
    r.full = (top.n >= k and k < r.index.n_chunks) or (top.sure > 0 and top.least > 0)
    if not top_sort(&top, r.index, order):
        r.failed = True
    for i in range(top.n):
        h = &top.items[order[i]]
        if r.weights.plain:
            memset(&other, 0, sizeof(other))
            other.segment = h.segment
            other.file = segment_chunk_file(&r.index.segments[h.segment], h.chunk)
            other.chunk = h.chunk
            other.candidate = other.line = NO_DOC
            other.score = h.score / <double>SCALE
            bytes_add(&r.others, &other, sizeof(other))
            continue
        c = _candidate(r, h.segment, segment_chunk_file(&r.index.segments[h.segment], h.chunk))
        if c == NULL:
            break
        if i < TOP_SUM:
            c.top_sum += h.score / <double>SCALE
        if i < VOTERS and h.score > 0:
            r.voters[i].segment = h.segment
            r.voters[i].file = c.file
            r.voters[i].chunk = h.chunk
            r.voters[i].score = h.score / <double>SCALE
            r.n_voters = i + 1
    free(order)
    top_free(&top)


cdef inline const FilePath* file_path(const Ranking* r, const Candidate* c) noexcept nogil:
    """How the name of a candidate matches the question, NULL when it does not."""
    return matches_find(&r.paths[c.segment], c.file)


cdef inline double masked(const double* v, uint32_t mask) noexcept nogil:
    cdef double sum = 0
    cdef uint32_t i = 0
    while mask:
        if mask & 1:
            sum += v[i]
        mask >>= 1
        i += 1
    return sum


cdef inline double name_score(Ranking* r, const FilePath* p, Candidate* c) noexcept nogil:
    """The features that the file's name gives, into `c`; their weighted sum."""
    cdef double precision = <double>p.hits / p.parts if p.parts else 0
    cdef double fade = 1
    if precision > 1:
        precision = 1
    if r.query.n_words > FADE_FROM:
        fade = 1 - (r.query.n_words - FADE_FROM) / <double>FADE_WORDS
    c.name_precision = precision * fade if fade > 0 else 0
    c.name_cover = precision * sqrt(masked(r.rare_weight, p.name) / r.path_total) if r.path_total > 0 else 0
    return r.weights.name_cover * c.name_cover + r.weights.name_precision * c.name_precision


cdef struct PathHit:
    double score
    uint32_t segment
    uint32_t file


cdef inline void _make_room(PathHit* best, uint32_t i, uint32_t n) noexcept nogil:
    """Room at best[i] in a list that has n entries afterwards."""
    cdef uint32_t j
    for j in range(n - 1, i, -1):
        best[j] = best[j - 1]


cdef inline void _from_paths(Ranking* r) noexcept nogil:
    """The files whose names match best, PATH_CANDIDATES of them."""
    cdef Index* x = r.index
    cdef PathHit[PATH_CANDIDATES] best
    cdef uint32_t s, i, j, n = 0
    cdef uint32_t[WORDS] named   # how many names match each word
    cdef uint32_t[WORDS] exact   # ... have its stem
    cdef const FilePath* p
    cdef Candidate c
    cdef double v, rarest
    for s in range(x.n_segments):
        if not match_names(&x.segments[s], r.query, &r.paths[s]):
            r.failed = True
            return
    memset(named, 0, sizeof(named))
    memset(exact, 0, sizeof(exact))
    for s in range(x.n_segments):
        for j in range(<uint32_t>(r.paths[s].files.len // sizeof(FilePath))):
            p = &(<const FilePath*>r.paths[s].files.data)[j]
            if not bit(x.deleted_files[s], p.file):
                for i in range(r.query.n_words):
                    named[i] += (p.name >> i) & 1
                    exact[i] += (p.exact >> i) & 1
    rarest = idf(x.n_files, 1)
    for i in range(r.query.n_words):
        # A word that no chunk has but some name has: its weight comes from the paths.
        if r.word_idf[i] == 0 and exact[i]:
            _word_weight(r, i, idf(x.n_files, exact[i]))
        r.path_total += r.path_weight[i]
        r.idf_total += r.word_idf[i]
        r.rare_weight[i] = r.path_weight[i]
        if named[i] and rarest > 0:
            r.rare_weight[i] *= 1 - r.weights.name_rarity * (1 - idf(x.n_files, named[i]) / rarest)
            if r.rare_weight[i] < 0:  # of a weight above 1
                r.rare_weight[i] = 0
    for s in range(x.n_segments):
        for j in range(<uint32_t>(r.paths[s].files.len // sizeof(FilePath))):
            p = &(<const FilePath*>r.paths[s].files.data)[j]
            v = name_score(r, p, &c)
            if n == PATH_CANDIDATES and v < best[n - 1].score:
                continue
            if not filter_file(r.filter, x, s, p.file):
                continue
            # An insertion into a short sorted list; equal scores stand by path.
            i = n
            while i and (best[i - 1].score < v or (best[i - 1].score == v and path_order(
                    x, best[i - 1].segment, best[i - 1].file, s, p.file) > 0)):
                i -= 1
            if i == PATH_CANDIDATES:
                continue
            if n < PATH_CANDIDATES:
                n += 1
            _make_room(best, i, n)
            best[i].score = v
            best[i].segment = s
            best[i].file = p.file
    for i in range(n):
        if _candidate(r, best[i].segment, best[i].file) == NULL:
            break


cdef inline void _define(Ranking* r, uint32_t segment, uint32_t chunk, int code, bint add) noexcept nogil:
    cdef uint32_t file = segment_chunk_file(&r.index.segments[segment], chunk)
    cdef Candidate* c
    if not filter_chunk(r.filter, r.index, segment, chunk):
        return
    if not add and map_get(&r.candidate_of[segment], file) == NO_NUMBER:
        return
    c = _candidate(r, segment, file)
    if c == NULL:
        return
    if c.place != NO_DOC and c.define != NO_DOC:
        # Of several the one that the place lies in or behind.
        if c.define < chunk <= c.place:
            c.define = chunk
            c.define_code = code
    elif c.define == NO_DOC or code > c.define_code:
        c.define = chunk
        c.define_code = code


cdef inline uint32_t _name_term(const Name* name, bint* exact, uint8_t* out) noexcept nogil:
    """The dictionary term that leads to a name's definitions. `exact`: it leads to nothing else."""
    cdef uint32_t at = last_name(name.at, name.len)
    cdef Token t
    cdef Terms terms
    exact[0] = one_part(name.at + at, name.len - at)
    if exact[0]:
        return name_term(name.at + at, name.len - at, out)
    next_token(name.at + at, name.at + name.len, &t)
    token_terms(&t, &terms)
    memcpy(out, terms.text + terms.off[terms.n - 1], terms.len[terms.n - 1])
    return terms.len[terms.n - 1]


cdef inline void _from_names(Ranking* r) noexcept nogil:
    """The files that define a name of the question exactly.

    A name of several parts is found by its whole, where its weight says that it is defined and the source agrees."""
    cdef Index* x = r.index
    cdef uint32_t i, s, t, n, j, m, at, read
    cdef uint32_t* docs
    cdef uint8_t* codes
    cdef uint64_t df
    cdef uint32_t[SEGMENTS_MAX] term
    cdef uint8_t[TERM_MAX] text
    cdef bint exact
    cdef const Name* name
    cdef Bytes work
    cdef int kind = 0
    bytes_init(&work)
    for i in range(r.query.n_names):
        name = &r.query.names[i]
        at = last_name(name.at, name.len)
        n = _name_term(name, &exact, text)
        df = find_term(x, text, n, term)
        read = 0
        for s in range(x.n_segments):
            t = term[s]
            if t == NO_TERM:
                continue
            if not segment_all_postings(&x.segments[s], t, &docs, &codes, &m):
                r.failed |= not x.segments[s].store.damaged
                continue
            for j in range(m):
                if exact:
                    _define(r, s, docs[j], codes[j], df <= NAME_CANDIDATES)
                elif code_weight(codes[j]) >= WEIGHT_NAME + WEIGHT_SIGNATURE and read < NAMES_READ:
                    if not filter_chunk(r.filter, x, s, docs[j]):
                        continue
                    if source_defines(x, s, docs[j], name.at + at, name.len - at, False, &work, &kind,
                                      &read):
                        _define(r, s, docs[j], name_code(kind), True)
            free(docs)
            free(codes)
    bytes_free(&work)


cdef inline bint _defined(const Ranking* r) noexcept nogil:
    cdef uint32_t i
    for i in range(<uint32_t>(r.candidates.len // sizeof(Candidate))):
        if (<const Candidate*>r.candidates.data)[i].define != NO_DOC:
            return True
    return False


cdef inline void _from_initials(Ranking* r) noexcept nogil:
    """The files that define a function or type with the initials that were asked for, unless there are too many."""
    cdef Index* x = r.index
    cdef uint32_t[SEGMENTS_MAX] term
    cdef uint32_t s, i, m
    cdef uint32_t* docs
    cdef uint8_t* codes
    if find_term(x, r.query.initials, r.query.n_initials, term) > NAME_CANDIDATES:
        return
    for s in range(x.n_segments):
        if term[s] == NO_TERM:
            continue
        if not segment_all_postings(&x.segments[s], term[s], &docs, &codes, &m):
            r.failed |= not x.segments[s].store.damaged
            continue
        for i in range(m):
            _define(r, s, docs[i], codes[i], True)
        free(docs)
        free(codes)


cdef inline bint _is_part(const Ranking* r) noexcept nogil:
    """The question is one name of several parts that no chunk has as a whole: perhaps it is a part of one."""
    cdef uint32_t i
    if not r.query.symbol or r.query.n_names != 1:
        return False
    for i in range(r.query.n_words, r.query.n_terms):
        if r.query.terms[i].weight == 1 and r.term_weight[i] <= 0:
            return True
    return False


cdef inline void _from_parts(Ranking* r) noexcept nogil:
    """Which of the best chunks define a name that the question is a part of; their files say."""
    cdef const Name* name = &r.query.names[0]
    cdef const Voter* v
    cdef uint32_t i, read = 0
    cdef int kind = 0
    cdef Bytes work
    bytes_init(&work)
    for i in range(r.n_voters):
        v = &r.voters[i]
        if source_defines(r.index, v.segment, v.chunk, name.at, name.len, True, &work, &kind, &read):
            _define(r, v.segment, v.chunk, name_code(kind), False)
    bytes_free(&work)


cdef inline void _abbreviated(Ranking* r) noexcept nogil:
    """What is defined so far only has the initials, or the part."""
    cdef uint32_t i
    for i in range(<uint32_t>(r.candidates.len // sizeof(Candidate))):
        (<Candidate*>r.candidates.data)[i].abbreviated = (<Candidate*>r.candidates.data)[i].define != NO_DOC


cdef inline void _from_place(Ranking* r) noexcept nogil:
    """The files whose paths end most like the one in the question, and there the chunk of its line."""
    cdef Index* x = r.index
    cdef const Whereabouts* w = &r.query.place
    cdef const FilePath* p
    cdef const FileRecord* f
    cdef const uint8_t* path
    cdef const ChunkRecord* chunks
    cdef uint32_t s, j, k, n, same, most = 1
    cdef int round_
    cdef Candidate* c
    for round_ in range(2):  # how much the best ones agree; then these
        for s in range(x.n_segments):
            for j in range(<uint32_t>(r.paths[s].files.len // sizeof(FilePath))):
                p = &(<const FilePath*>r.paths[s].files.data)[j]
                if not filter_file(r.filter, x, s, p.file):
                    continue
                f = segment_file(&x.segments[s], p.file)
                path = segment_path(&x.segments[s], f) if f != NULL else NULL
                if path == NULL:
                    return
                same = common_components(w.path, w.path_len, path, f.path_len)
                if round_ == 0:
                    most = same if same > most else most
                elif same == most:
                    c = _candidate(r, s, p.file)
                    if c == NULL or c.first == c.end:
                        continue
                    n = c.end - c.first
                    chunks = <const ChunkRecord*>store_read(
                        &x.segments[s].store, &x.segments[s].chunks[c.first], n * sizeof(ChunkRecord))
                    if chunks == NULL:
                        return
                    k = 0
                    while k + 1 < n and chunks[k + 1].line < w.line:
                        k += 1
                    if filter_chunk(r.filter, x, s, c.first + k):
                        c.place = c.first + k


cdef inline uint32_t further_limit(uint32_t limit) noexcept nogil:
    """For how many places to rank when of those for `limit` too many have changed since."""
    return 8 * limit + SURE if limit < 1 << 28 else limit


cdef inline void find_candidates(Ranking* r, uint32_t limit, bint one_per_file) noexcept nogil:
    """All of them, from cursors that are open. A list of files is to be as long as was asked for."""
    cdef uint32_t k = limit + limit // 2
    k = k if k > CHUNK_CANDIDATES else CHUNK_CANDIDATES
    if k > r.index.n_chunks:
        k = <uint32_t>r.index.n_chunks if r.index.n_chunks else 1
    if r.weights.plain and limit < k:
        k = limit if limit else 1
    _from_chunks(r, k, r.weights.plain or one_per_file or limit > SURE)
    if r.failed or r.weights.plain:
        return
    _from_paths(r)
    if r.query.place.path_len:
        _from_place(r)
    _from_names(r)
    if r.query.n_initials and (r.query.capitals or r.term_weight[0] <= 0) and not _defined(r):
        _from_initials(r)
        _abbreviated(r)
    if _is_part(r) and not _defined(r):
        _from_parts(r)
        _abbreviated(r)
