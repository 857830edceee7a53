# cython: language_level=3
"""The order of results: files first, then each file's best chunk.

1. Words and extra terms become weighted terms; the best chunks by BM25 are retrieved (`score.pxd`).
2. Candidates: the files of those chunks, the files whose names match best, the files that define exactly what is named
   (or, when none does, one with these initials or of which it is a part), the file of a place that the question names.
3. A candidate's chunks are scored exactly, its features combined with the weights of `Weights` (all in one place; the
   Python door can set them). N(v) divides by the largest v among the candidates.
4. Files by that score, ties by path. Each gives its best chunk, and to a question that is no name up to FURTHER more,
   each with its file's score less the more it is worse than the best; when there are fewer places than asked for, the
   files' other chunks follow.

A word's weight in chunks falls with its position k in the question: idf / (1 + word_decay * k); in names likewise. A
task word (`query.pxd`) has a share of its weight and takes no position.
"""
from libc.math cimport log, sqrt
from libc.stdint cimport uint8_t, uint32_t, int32_t, int64_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, realloc, free
from libc.string cimport memset, memcpy
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, bytes_reserve
from _core.builder cimport last_name, name_code, name_term, one_part
from _core.filter cimport Filter, filter_file, filter_chunk
from _core.index cimport Index, SEGMENTS_MAX
from _core.links cimport NAME_BYTES, links_names, links_uses, name_at
from _core.merge cimport bit
from _core.numbers cimport NO_NUMBER, NumberMap, map_free, map_get, map_init, map_put
from _core.pathmatch cimport (
    FilePath, PathMatches, match_folders, match_names, match_synonyms, matches_free, matches_init,
)
from _core.postings cimport BM25_B, BM25_K1, NO_DOC, WEIGHT_NAME, WEIGHT_SIGNATURE, code_weight
from _core.query cimport INITIALS_MAX, Name, Query, TERMS, WORDS
from _core.score cimport (
    Cursor, Retrieval, SCALE, retrieval_init, idf, live_df, cursor_open, cursor_close, accumulate,
    best_chunks,
)
from _core.segment cimport (
    List, NO_TERM, ChunkRecord, FileRecord, Segment, RankRecord, segment_file, segment_path, list_close, segment_list,
    segment_term, segment_df, segment_postings, segment_rank, segment_file_chunks, segment_chunk_file, segment_links,
    FILE_TEST, FILE_EXAMPLE, FILE_COMPAT, FILE_GENERATED, FILE_HEADER, FILE_SOURCE, FILE_VENDORED,
)
from _core.sort cimport sort_numbers
from _core.source cimport source_defines
from _core.store cimport store_read, store_touch
from _core.text cimport Terms, Token, TERM_MAX, next_token, token_terms
from _core.topk cimport TopK, Hit, top_init, top_free, top_sort, path_order
from _core.whereabouts cimport Whereabouts, common_components

cdef enum:
    CHUNK_CANDIDATES = 64
    PATH_CANDIDATES = 40
    NAMES_READ = 200        # files that are read to see whether they define a name of several parts
    NAME_CANDIDATES = 256   # a name defined in more files than this brings no candidates of its own
    TOP_SUM = 32            # chunks that count as "global top" for `top_sum`
    FURTHER = 2             # chunks of a file besides its best that are ranked with it
    FUNCTION_CHUNKS = 3     # a line so far behind the beginning of the function that was named may belong to it
    VOTERS = 30             # chunks that vote by their links
    SIEVE = 1 << 13
    SIEVE_WORDS = 1 << 7
    DEFINERS = 2            # candidates that may define a name that is voted for
    FADE_FROM = 3           # words of a question from which on `name_precision` counts less,
    FADE_WORDS = 5          # and how many more until it counts nothing
    SMALL_PROJECT = 100     # files up to which `coverage` counts nothing,
    LARGE_PROJECT = 3000    # and from which on it counts in full

cdef struct Weights:
    double k1
    double b
    double word_decay       # of the weight of later words in chunks
    double path_decay       # ... in names
    double task_word        # share of its weight that a task word keeps
    double chunks           # N(s1 + s2/2 + s3/4 + s4/8) of the file's best chunks
    double top_sum          # N(sum of its chunks among the best TOP_SUM)
    double name_cover       # precision * sqrt(weight of the question's words that the file's name has)
    double name_rarity      # 1: a word of a name counts less the more names match it; 0: it does not matter
    double name_precision   # share of the name's words that a short question has
    double folders          # weight of the question's words that only its folders have
    double synonyms         # weight of the question's words of which a synonym is in the file's name
    double coverage         # weight of the question's words that the file has at all, in large projects
    double links            # N(votes of the best chunks for the files that define what they use)
    double symbol           # a one-word question that the file defines
    double symbol_type      # ... as a type, on top
    double symbol_file      # ... and is named after
    double abbreviated      # what defines a name with these initials or with this part, when nothing is called so
    double place            # the file that the question gives as a place
    double named            # a multi-word question's identifier that the file defines (half for values)
    double depth            # per level below the shallowest file, three at most
    double test
    double example
    double compat
    double generated
    double vendored
    double header           # when its source is a candidate as well
    double old_version      # `v1` where `v2` is a candidate as well
    double undefined        # share of its BM25 with which a chunk that defines nothing stands for its file
    double name_again       # share that words of the file's name keep there
    double further          # of a further chunk of a file: this when it is as good as the best, else up to twice this
    double plain            # not 0: the best chunks by BM25 and nothing else, what all the rest is held against
    double exhaustive       # not 0: no pruning, for tests and for measuring what it saves

cdef enum:
    # What a file's score is the sum of, in the order of adding; the weights have the same names. What only fills the
    # list up has its BM25 alone.
    SIGNAL_NAME_COVER = 0
    SIGNAL_NAME_PRECISION
    SIGNAL_FOLDERS
    SIGNAL_SYNONYMS
    SIGNAL_CHUNKS
    SIGNAL_TOP_SUM
    SIGNAL_COVERAGE
    SIGNAL_LINKS
    SIGNAL_SYMBOL
    SIGNAL_SYMBOL_TYPE
    SIGNAL_ABBREVIATED
    SIGNAL_PLACE
    SIGNAL_NAMED
    SIGNAL_SYMBOL_FILE
    SIGNAL_DEPTH
    SIGNAL_TEST
    SIGNAL_EXAMPLE
    SIGNAL_COMPAT
    SIGNAL_GENERATED
    SIGNAL_VENDORED
    SIGNAL_HEADER
    SIGNAL_OLD_VERSION
    SIGNAL_FURTHER
    SIGNAL_BM25
    SIGNAL_END

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
    bint full               # the list of best chunks was full: other files may have chunks as well

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
    uint32_t define         # the chunk that defines the asked name, NO_DOC
    int define_code         # 0 value, 1 function, 2 type
    bint abbreviated        # that chunk defines no such name, but one with these initials or with this part
    uint32_t place          # the chunk that the question gives as a place, NO_DOC
    double chunks
    double top_sum
    double votes
    double name_cover
    double name_precision
    double folders
    double score

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
    float[TERMS] term_weight
    Cursor* cursors         # [segment * n_terms + i]: those of the segment's terms, in the order of the query
    uint8_t* term           # the same: which term it is
    uint32_t[SEGMENTS_MAX] n_cursors
    Voter[VOTERS] voters
    uint32_t n_voters
    Bytes candidates        # of Candidate
    PathMatches paths[SEGMENTS_MAX]
    NumberMap candidate_of[SEGMENTS_MAX]  # file -> its place in `candidates`
    Bytes others            # of Result: the chunks of candidates behind those
    Detail* details         # of the candidates; NULL: not asked for
    bint full               # as in Results
    bint failed


cdef inline void default_weights(Weights* w) noexcept nogil:
    w.k1 = BM25_K1 / 100.0
    w.b = BM25_B / 100.0
    w.word_decay = 0.2
    w.path_decay = 0.5
    w.task_word = 0.3
    w.chunks = 1
    w.top_sum = 0.25
    w.name_cover = 1.5
    w.name_rarity = 1
    w.name_precision = 0.2
    w.folders = 1.5
    w.synonyms = 0.5
    w.coverage = 0.75
    w.links = 0.25
    w.symbol = 3
    w.symbol_type = 1
    w.symbol_file = 1.5
    w.abbreviated = 2
    w.place = 5
    w.named = 0.2
    w.depth = -0.1
    w.test = -1
    w.example = -1
    w.compat = -0.5
    w.generated = -0.5
    w.vendored = -0.5
    w.header = -0.25
    w.old_version = -1
    w.undefined = 0.6
    w.name_again = 0.4
    w.further = -1.4
    w.plain = 0
    w.exhaustive = 0


cdef inline uint32_t _position(const Query* q, uint32_t i) noexcept nogil:
    """Of word i: a task word at the beginning takes none."""
    return i - 1 if q.task and i else i


cdef inline void _word_weight(Ranking* r, uint32_t i, double v) noexcept nogil:
    """What word i, of idf `v`, weighs by itself and in names."""
    if i == 0 and r.query.task:
        v *= r.weights.task_word
    r.word_idf[i] = v
    r.path_weight[i] = v / (1 + r.weights.path_decay * _position(r.query, i))


cdef inline void _term_weights(Ranking* r, double* term_idf) noexcept nogil:
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
            r.cursors[n].docs = NULL
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


cdef inline void _open_cursors(Ranking* r) noexcept nogil:
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
                    &r.index.segments[s], &r.retrieval, r.term_weight[term[n]],
                    &all[n]) and not r.index.segments[s].store.damaged:
                r.failed = True
            n += 1
        r.n_cursors[s] = n


cdef inline void _close_cursors(Ranking* r) noexcept nogil:
    cdef uint32_t i, s
    for s in range(r.index.n_segments):
        for i in range(r.n_cursors[s]):
            cursor_close(&r.cursors[s * r.query.n_terms + i])


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
        c.best = c.first
        c.define = NO_DOC
        c.place = NO_DOC
        at = <uint32_t>(r.candidates.len // sizeof(Candidate))
        bytes_add(&r.candidates, &c, sizeof(c))
        if r.candidates.failed or not map_put(&r.candidate_of[segment], file, at):
            r.failed = True
            return NULL
    return &(<Candidate*>r.candidates.data)[at]


cdef inline void _from_chunks(Ranking* r, uint32_t k) noexcept nogil:
    """The files of the k best chunks; `top_sum` from the first of them."""
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
    for s in range(r.index.n_segments):
        if not r.failed and not r.index.segments[s].store.damaged and not best_chunks(
                r.index, s, r.cursors + s * r.query.n_terms, r.n_cursors[s], &r.retrieval, r.filter, &top):
            r.failed = True
    r.full = top.n >= k and k < r.index.n_chunks
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


cdef inline double _masked(const double* v, uint32_t mask) noexcept nogil:
    cdef double sum = 0
    cdef uint32_t i = 0
    while mask:
        if mask & 1:
            sum += v[i]
        mask >>= 1
        i += 1
    return sum


cdef inline double _name_score(Ranking* r, const FilePath* p, Candidate* c) noexcept nogil:
    """The features that the file's name gives, into `c`; their weighted sum."""
    cdef double precision = <double>p.hits / p.parts if p.parts else 0
    cdef double fade = 1
    if precision > 1:
        precision = 1
    if r.query.n_words > FADE_FROM:
        fade = 1 - (r.query.n_words - FADE_FROM) / <double>FADE_WORDS
    c.name_precision = precision * fade if fade > 0 else 0
    c.name_cover = precision * sqrt(_masked(r.rare_weight, p.name) / r.path_total) if r.path_total > 0 else 0
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
    for s in range(x.n_segments):
        for j in range(<uint32_t>(r.paths[s].files.len // sizeof(FilePath))):
            p = &(<const FilePath*>r.paths[s].files.data)[j]
            v = _name_score(r, p, &c)
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


cdef inline bint _all_postings(Segment* s, uint32_t term, uint32_t** docs, uint8_t** codes, uint32_t* n) noexcept nogil:
    """All postings of a term, to be freed. False: damaged or no memory, and nothing to free."""
    n[0] = segment_df(s, term)
    docs[0] = <uint32_t*>malloc(<size_t>n[0] * 4 + 4)
    codes[0] = <uint8_t*>malloc(<size_t>n[0] + 4)
    if docs[0] != NULL and codes[0] != NULL and segment_postings(s, term, docs[0], codes[0]):
        return True
    free(docs[0])
    free(codes[0])
    return False


cdef inline void _from_names(Ranking* r) noexcept nogil:
    """The files that define a name of the question exactly.

    A name of several parts is found by its whole, where its weight says that it is defined and the source agrees."""
    cdef Index* x = r.index
    cdef uint32_t i, s, t, n, j, m, at, read
    cdef uint32_t* docs
    cdef uint8_t* codes
    cdef uint64_t df
    cdef uint32_t[SEGMENTS_MAX] term
    cdef List list_
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
        df = 0
        read = 0
        for s in range(x.n_segments):
            term[s] = segment_term(&x.segments[s], text, n)
            if term[s] != NO_TERM:
                if segment_list(&x.segments[s], term[s], &list_):
                    df += live_df(x, s, &list_)
                list_close(&list_)
        for s in range(x.n_segments):
            t = term[s]
            if t == NO_TERM:
                continue
            if not _all_postings(&x.segments[s], t, &docs, &codes, &m):
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
    cdef uint8_t[INITIALS_MAX + 1] text
    cdef uint32_t[SEGMENTS_MAX] term
    cdef uint32_t s, i, m, n = r.query.n_initials + 1
    cdef uint32_t* docs
    cdef uint8_t* codes
    cdef uint64_t df = 0
    cdef List list_
    text[0] = 94
    memcpy(text + 1, r.query.initials, r.query.n_initials)
    for s in range(x.n_segments):
        term[s] = segment_term(&x.segments[s], text, n)
        if term[s] != NO_TERM:
            if segment_list(&x.segments[s], term[s], &list_):
                df += live_df(x, s, &list_)
            list_close(&list_)
    if df > NAME_CANDIDATES:
        return
    for s in range(x.n_segments):
        if term[s] == NO_TERM:
            continue
        if not _all_postings(&x.segments[s], term[s], &docs, &codes, &m):
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
    cdef uint32_t s, j, k, same, most = 1, first = 0, end = 0
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
                    if c == NULL or not segment_file_chunks(&x.segments[s], p.file, &first, &end) or first == end:
                        continue
                    chunks = <const ChunkRecord*>store_read(
                        &x.segments[s].store, &x.segments[s].chunks[first], (end - first) * sizeof(ChunkRecord))
                    if chunks == NULL:
                        return
                    k = 0
                    while k + 1 < end - first and chunks[k + 1].line < w.line:
                        k += 1
                    if filter_chunk(r.filter, x, s, first + k):
                        c.place = first + k


cdef inline bint _candidate_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    """By segment and place: the order in which chunks can be scored with cursors that only go forward."""
    cdef const Candidate* all = <const Candidate*>context
    if all[a].segment != all[b].segment:
        return all[a].segment < all[b].segment
    return all[a].file < all[b].file


cdef inline int64_t _sum(const int32_t* v, uint32_t n) noexcept nogil:
    cdef int64_t sum = 0
    cdef uint32_t i
    for i in range(n):
        sum += v[i]
    return sum


cdef inline uint32_t _name_words(const Ranking* r, const Candidate* c) noexcept nogil:
    """The words of the question that the name of a candidate matches, as bits."""
    cdef uint32_t at = map_get(&r.paths[c.segment].index, c.file)
    return (<const FilePath*>r.paths[c.segment].files.data)[at].name if at != NO_NUMBER else 0


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


cdef inline void _score_chunks(Ranking* r, uint32_t* order, uint32_t n, bint further) noexcept nogil:
    """Scores all chunks of the candidates: `chunks` and `best` of each, and the others to `r.others`."""
    cdef uint32_t i, j, k, m, segment = NO_DOC, cap = 0
    cdef uint32_t[TERMS] hints  # candidates ascend, so a cursor need not look back
    cdef Candidate* c
    cdef Cursor* cursors
    cdef Segment* s
    cdef int32_t* sums = NULL
    cdef int64_t sum, more
    cdef uint32_t word, in_name
    cdef const uint8_t* term
    cdef int32_t[4] best
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
            sums = <int32_t*>malloc(<size_t>cap * 8)
            if sums == NULL:
                r.failed = True
                break
        memset(sums, 0, <size_t>m * 4)
        if not store_touch(&s.store, s.chunk_len + c.first, m):
            break
        # First the words that the file's name has: they told us the file, so they say less about which of its chunks.
        in_name = _name_words(r, c)
        sum = 0
        for k in range(2):
            for j in range(r.n_cursors[segment]):
                word = <uint32_t>1 << term[j] if term[j] < r.query.n_words else 0
                if (word & in_name != 0) != (k == 0):
                    continue
                hints[j] = accumulate(s, &cursors[j], hints[j], c.first, c.end, sums)
                more = _sum(sums, m)
                if more != sum:
                    c.words |= word
                sum = more
            if k == 0:
                memcpy(sums + m, sums, <size_t>m * 4)
        best[0] = best[1] = best[2] = best[3] = 0
        memset(shown, 0, sizeof(shown))
        chunks = NULL
        for j in range(m):
            v = sums[j]
            if v == 0:
                continue
            if v > best[3] and (not r.filter.kinds or filter_chunk(r.filter, r.index, segment, c.first + j)):
                k = 3
                while k and best[k - 1] < v:
                    best[k] = best[k - 1]
                    k -= 1
                best[k] = v
            # The same by what stands for the file: a chunk that defines nothing less readily.
            if chunks == NULL:
                chunks = <const ChunkRecord*>store_read(&s.store, &s.chunks[c.first], m * sizeof(ChunkRecord))
                if chunks == NULL:
                    break
            value = v - (1 - r.weights.name_again) * sums[m + j]
            if chunks[j].kinds == 0 and c.first + j != c.define:
                value *= r.weights.undefined
            if value > shown[FURTHER].value and filter_chunk(r.filter, r.index, segment, c.first + j):
                k = FURTHER
                while k and shown[k - 1].value < value:
                    shown[k] = shown[k - 1]
                    k -= 1
                shown[k].value = value
                shown[k].chunk = c.first + j
        c.chunks = (best[0] + best[1] / 2.0 + best[2] / 4.0 + best[3] / 8.0) / SCALE
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


cdef inline uint32_t _with_chunks(const Ranking* r) noexcept nogil:
    """How many candidates have something to show."""
    cdef uint32_t i, n = 0
    cdef const Candidate* all = <const Candidate*>r.candidates.data
    for i in range(<uint32_t>(r.candidates.len // sizeof(Candidate))):
        n += all[i].first < all[i].end
    return n


cdef inline void _folders_and_synonyms(Ranking* r) noexcept nogil:
    """`folder_words` and `synonym_words` of all candidates."""
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), i, s
    cdef uint32_t* words = <uint32_t*>calloc(2 * (<size_t>n + 1), 4)
    if words == NULL:
        r.failed = True
        return
    for s in range(r.index.n_segments):
        match_folders(&r.index.segments[s], &r.paths[s], &r.candidate_of[s], words)
        if r.weights.synonyms and not match_synonyms(
                &r.index.segments[s], r.query, &r.candidate_of[s], words + n):
            r.failed = True
    for i in range(n):
        (<Candidate*>r.candidates.data)[i].folder_words = words[i]
        (<Candidate*>r.candidates.data)[i].synonym_words = words[n + i]
    free(words)


cdef struct Link:
    # A name that a voter uses, and which candidates define it.
    uint32_t name           # 1 more than it is; 0: the slot is free
    uint32_t definers
    uint32_t[DEFINERS] by


cdef struct Links:
    Link* slots
    uint32_t mask
    uint64_t[SIEVE_WORDS] sieve  # bit `name % SIEVE` for each name in a slot: nearly all names of a file end there


cdef inline Link* _link(const Links* t, uint32_t name) noexcept nogil:
    """The slot of a name, or the free one where it would go."""
    cdef uint32_t i = name & t.mask  # a name is a hash already
    while t.slots[i].name and t.slots[i].name != name + 1:
        i = (i + 1) & t.mask
    return &t.slots[i]


cdef inline void _uses(Ranking* r, Voter* v) noexcept nogil:
    """Finds the names that a voter uses; none when damaged."""
    cdef Segment* s = &r.index.segments[v.segment]
    cdef const uint8_t* end = NULL
    cdef const uint8_t* p = segment_links(s, v.file, &end)
    cdef uint32_t first = 0, stop = 0, n = 0
    v.uses = NULL
    v.n_uses = 0
    if p != NULL and segment_file_chunks(s, v.file, &first, &stop):
        p = links_names(p, end, &n)
        if p != NULL:
            v.uses = links_uses(p + NAME_BYTES * <size_t>n, end, v.chunk - first, &v.n_uses)
    if v.uses == NULL:
        s.store.damaged = True


cdef inline void _definers(const Links* t, const uint8_t* p, uint32_t n, uint32_t candidate) noexcept nogil:
    """Notes which of the names at `p` a candidate defines."""
    cdef uint32_t k, name
    cdef Link* link
    for k in range(n):
        name = name_at(p, k)
        if not (t.sieve[(name % SIEVE) >> 6] >> (name & 63)) & 1:
            continue
        link = _link(t, name)
        if link.name:
            if link.definers < DEFINERS:
                link.by[link.definers] = candidate
            link.definers += 1


cdef inline void _votes(Ranking* r) noexcept nogil:
    """`votes`: each of the best chunks gives its score, in equal parts, to the other files that define what it uses.

    A name that more than DEFINERS of the candidates define says nothing."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), i, k, d, m, name, edges, uses = 0
    cdef Links t
    cdef Link* link
    cdef const uint8_t* p
    cdef const uint8_t* end = NULL
    cdef const Voter* v
    cdef bint giving
    for i in range(r.n_voters):
        _uses(r, &r.voters[i])
        uses += r.voters[i].n_uses
    if uses == 0:
        return
    t.mask = 15
    while t.mask < 2 * uses:
        t.mask = 2 * t.mask + 1
    t.slots = <Link*>calloc(<size_t>t.mask + 1, sizeof(Link))
    if t.slots == NULL:
        r.failed = True
        return
    memset(t.sieve, 0, sizeof(t.sieve))
    for i in range(r.n_voters):
        for k in range(r.voters[i].n_uses):
            name = name_at(r.voters[i].uses, k)
            _link(&t, name).name = name + 1
            t.sieve[(name % SIEVE) >> 6] |= <uint64_t>1 << (name & 63)
    for i in range(n):
        p = segment_links(&r.index.segments[all[i].segment], all[i].file, &end)
        if p != NULL:
            p = links_names(p, end, &m)
            if p == NULL:
                r.index.segments[all[i].segment].store.damaged = True
            else:
                _definers(&t, p, m, i)
    for i in range(r.n_voters):
        v = &r.voters[i]
        edges = 0
        for giving in range(2):  # first how many there are, then each gets its part
            if giving and edges == 0:
                break
            for k in range(v.n_uses):
                link = _link(&t, name_at(v.uses, k))
                for d in range(link.definers if link.definers <= DEFINERS else 0):
                    if all[link.by[d]].file != v.file or all[link.by[d]].segment != v.segment:
                        if giving:
                            all[link.by[d]].votes += v.score / edges
                        else:
                            edges += 1
    free(t.slots)


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


cdef inline const char* signal_name(int signal) noexcept nogil:
    if signal == SIGNAL_NAME_COVER:
        return b"name_cover"
    if signal == SIGNAL_NAME_PRECISION:
        return b"name_precision"
    if signal == SIGNAL_FOLDERS:
        return b"folders"
    if signal == SIGNAL_SYNONYMS:
        return b"synonyms"
    if signal == SIGNAL_COVERAGE:
        return b"coverage"
    if signal == SIGNAL_LINKS:
        return b"links"
    if signal == SIGNAL_HEADER:
        return b"header"
    if signal == SIGNAL_OLD_VERSION:
        return b"old_version"
    if signal == SIGNAL_FURTHER:
        return b"further"
    if signal == SIGNAL_CHUNKS:
        return b"chunks"
    if signal == SIGNAL_TOP_SUM:
        return b"top_sum"
    if signal == SIGNAL_SYMBOL:
        return b"symbol"
    if signal == SIGNAL_SYMBOL_TYPE:
        return b"symbol_type"
    if signal == SIGNAL_ABBREVIATED:
        return b"abbreviated"
    if signal == SIGNAL_PLACE:
        return b"place"
    if signal == SIGNAL_NAMED:
        return b"named"
    if signal == SIGNAL_SYMBOL_FILE:
        return b"symbol_file"
    if signal == SIGNAL_DEPTH:
        return b"depth"
    if signal == SIGNAL_TEST:
        return b"test"
    if signal == SIGNAL_EXAMPLE:
        return b"example"
    if signal == SIGNAL_COMPAT:
        return b"compat"
    if signal == SIGNAL_GENERATED:
        return b"generated"
    if signal == SIGNAL_VENDORED:
        return b"vendored"
    return b"bm25"


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
    cdef double max_chunks = 0, max_sum = 0, max_votes = 0, large = 0, share
    cdef double[SIGNAL_END] v
    cdef const Weights* w = r.weights
    cdef const RankRecord* f
    cdef Candidate* c
    cdef const FilePath* p
    cdef FilePath none
    cdef uint32_t at
    memset(&none, 0, sizeof(none))
    for i in range(n):
        if all[i].chunks > max_chunks:
            max_chunks = all[i].chunks
        if all[i].top_sum > max_sum:
            max_sum = all[i].top_sum
        if all[i].votes > max_votes:
            max_votes = all[i].votes
    if r.index.n_files > SMALL_PROJECT:
        large = log(r.index.n_files / <double>SMALL_PROJECT) / log(LARGE_PROJECT / <double>SMALL_PROJECT)
        large = large if large < 1 else 1
    for i in range(n):
        c = &all[i]
        f = c.rank
        at = map_get(&r.paths[c.segment].index, c.file)
        p = &(<const FilePath*>r.paths[c.segment].files.data)[at] if at != NO_NUMBER else &none
        memset(v, 0, sizeof(v))
        _name_score(r, p, c)
        v[SIGNAL_NAME_COVER] = w.name_cover * c.name_cover
        v[SIGNAL_NAME_PRECISION] = w.name_precision * c.name_precision
        c.folders = _masked(r.word_idf, c.folder_words & ~p.exact) / r.idf_total if r.idf_total > 0 else 0
        v[SIGNAL_FOLDERS] = w.folders * c.folders
        if c.synonym_words and f.name_parts and r.idf_total > 0:
            share = _masked(r.word_idf, c.synonym_words) / sqrt(<double>f.name_parts) / r.idf_total
            v[SIGNAL_SYNONYMS] = w.synonyms * sqrt(share if share < 1 else 1)
        if r.idf_total > 0:
            v[SIGNAL_COVERAGE] = w.coverage * (large * (_masked(r.word_idf, c.words) / r.idf_total))
        if max_votes > 0:
            v[SIGNAL_LINKS] = w.links * (c.votes / max_votes)
        _kin(r, c, f, v)
        if max_chunks > 0:
            v[SIGNAL_CHUNKS] = w.chunks * (c.chunks / max_chunks)
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


cdef inline void _results(Ranking* r, uint32_t limit, bint one_per_file, Results* out) noexcept nogil:
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
            if c.best == NO_DOC or c.first == c.end:
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
    cdef uint32_t i, n, k
    memset(out, 0, sizeof(Results))
    r.index = x
    r.query = q
    r.filter = f
    r.weights = w
    k = limit + limit // 2
    k = k if k > CHUNK_CANDIDATES else CHUNK_CANDIDATES
    if k > x.n_chunks:
        k = <uint32_t>x.n_chunks if x.n_chunks else 1
    retrieval_init(&r.retrieval, x, w.k1, w.b)
    r.retrieval.exhaustive |= w.exhaustive != 0
    n = x.n_segments * q.n_terms + 1
    r.cursors = <Cursor*>malloc(<size_t>n * (sizeof(Cursor) + 1))
    r.term = <uint8_t*>(r.cursors + n)
    r.failed = r.cursors == NULL
    r.path_total = 0
    r.idf_total = 0
    r.n_voters = 0
    bytes_init(&r.candidates)
    bytes_init(&r.others)
    r.details = NULL
    r.full = False
    for i in range(x.n_segments):
        r.n_cursors[i] = 0
        if not matches_init(&r.paths[i]) or not map_init(&r.candidate_of[i]):
            r.failed = True
    if not r.failed:
        _term_weights(&r, term_idf)
        _open_cursors(&r)
        _from_chunks(&r, limit if w.plain and limit < k else k)
    if not r.failed and not w.plain:
        _from_paths(&r)
        if q.place.path_len:
            _from_place(&r)
        _from_names(&r)
        if q.n_initials and (q.capitals or r.term_weight[0] <= 0) and not _defined(&r):
            _from_initials(&r)
            _abbreviated(&r)
        if _is_part(&r) and not _defined(&r):
            _from_parts(&r)
            _abbreviated(&r)
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
            _score_chunks(&r, order, n, not one_per_file and (f.kinds or _with_chunks(&r) < limit))
            _folders_and_synonyms(&r)
            if w.links:
                _votes(&r)
            _combine(&r)
            _results(&r, limit, one_per_file, out)
        else:
            r.failed = True
    out.failed = r.failed
    out.full = r.full
    _close_cursors(&r)
    free(r.retrieval.saturation)
    free(order)
    free(r.cursors)
    for i in range(x.n_segments):
        matches_free(&r.paths[i])
        map_free(&r.candidate_of[i])
    bytes_free(&r.candidates)
    bytes_free(&r.others)
