# cython: language_level=3
"""What a model answered about a question, and how that acts on a search.

An answer is a msgpack array, as `greppy/smart/answer.py` writes it: intent, entity type or nil, words, kinds or nil,
whether tests are left out, globs or nil, the question. For "how are routes registered"

    97                                array of 7
    af 66 69 6e 64 5f … 6e            "find_definition"
    a6 6d 65 74 68 6f 64              "method"
    ac 72 6f 75 74 65 72 20 61 64 64 …  "router add_…"
    c0                                nil
    c3                                true
    91 a4 2a 2e 70 79                 ["*.py"]
    b9 68 6f 77 …                     "how are routes registered"

- The words become expansions (`query.pxd`).
- Entity type and kinds say what the chunk that is shown of a file had better define. They filter nothing: a hard filter
  by them lost 0.007 of NDCG@10 on the development queries, because models guess.
- Tests are left out and globs applied, unless the person has given globs or places, and unless nothing is left.
- `find_usage`: tests and examples use things, so they are neither left out nor lowered. The other intents change
  nothing: everything tried for them was noise.

Without an answer, words that nothing in the project has are stood for by their synonyms.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset
from _core.candidates cimport Results
from _core.filter cimport Filter, Slice, filter_free
from _core.index cimport Index, SEGMENTS_MAX
from _core.outline cimport kind_by_name
from _core.query cimport Query, query_expand, query_synonyms
from _core.rank cimport rank
from _core.score cimport find_term
from _core.signals cimport Weights

cdef enum:
    ANSWER_GLOBS = 8
    ANSWER_PARTS = 7

cdef struct Answer:
    bint given            # there is one
    bint no_tests
    bint usage            # who uses it, not what defines it
    uint32_t kinds        # bit set
    uint32_t n_globs
    Slice[ANSWER_GLOBS] globs
    Slice intent
    Slice words
    Slice asked           # the question that was answered
    bint narrowed         # its filters have been applied:
    bint without_tests    # this one
    bint dropped          # they were taken back, because they left nothing


# ---------------------------------------------------------------------------------------------------------- reading

cdef inline const uint8_t* _text(const uint8_t* p, const uint8_t* end, Slice* out) noexcept nogil:
    """A string, or nil as an empty one; what follows it, NULL when it is neither."""
    cdef uint32_t n
    out.at = p
    out.len = 0
    if p == end:
        return NULL
    if p[0] == 0xC0:
        return p + 1
    if 0xA0 <= p[0] < 0xC0:
        n = p[0] & 31
        p += 1
    elif p[0] == 0xD9 and end - p >= 2:
        n = p[1]
        p += 2
    elif p[0] == 0xDA and end - p >= 3:
        n = <uint32_t>p[1] << 8 | p[2]
        p += 3
    else:
        return NULL
    if end - p < n:
        return NULL
    out.at = p
    out.len = n
    return p + n


cdef inline const uint8_t* _count(const uint8_t* p, const uint8_t* end, uint32_t* n) noexcept nogil:
    """How many strings follow, nil being none; where, NULL when neither."""
    n[0] = 0
    if p == NULL or p == end:
        return NULL
    if p[0] == 0xC0:
        return p + 1
    if not 0x90 <= p[0] < 0xA0:
        return NULL
    n[0] = p[0] & 15
    return p + 1


cdef inline void _kind(Answer* a, const Slice* name) noexcept nogil:
    cdef int kind = kind_by_name(name.at, name.len)
    if kind > 0:
        a.kinds |= <uint32_t>1 << kind


cdef inline bint answer_read(const uint8_t* p, size_t n, Answer* a) noexcept nogil:
    """The answer in [p, p + n), which must outlive it. False: it is none."""
    cdef const uint8_t* end = p + n
    cdef Slice text
    cdef uint32_t _i, count
    memset(a, 0, sizeof(Answer))
    if n == 0 or p[0] != 0x90 + ANSWER_PARTS:
        return False
    p = _text(p + 1, end, &a.intent)
    a.usage = a.intent.len == 10 and memcmp(a.intent.at, b"find_usage", 10) == 0
    p = _text(p, end, &text) if p != NULL else NULL
    if p != NULL:
        _kind(a, &text)
    p = _text(p, end, &a.words) if p != NULL else NULL
    p = _count(p, end, &count)
    for _i in range(count):
        p = _text(p, end, &text) if p != NULL else NULL
        if p != NULL:
            _kind(a, &text)
    if p == NULL or p == end or (p[0] != 0xC2 and p[0] != 0xC3):
        return False
    a.no_tests = p[0] == 0xC3
    p = _count(p + 1, end, &count)
    for _i in range(count):
        p = _text(p, end, &text) if p != NULL else NULL
        if p != NULL and text.len and text.at[0] != 33 and a.n_globs < ANSWER_GLOBS:
            a.globs[a.n_globs] = text
            a.n_globs += 1
    p = _text(p, end, &a.asked) if p != NULL else NULL
    a.given = p == end
    return a.given


# ----------------------------------------------------------------------------------------------------------- acting

cdef inline bint smart_question(const Query* q) noexcept nogil:
    """Whether other words may help: a name or a place is looked up as it is."""
    return q.n_words > 0 and not q.symbol and q.place.path_len == 0


cdef inline void smart_expand(Index* x, Query* q, const Answer* a) noexcept nogil:
    """Adds to a question, once, the words of the answer; without one, synonyms for what the project does not have."""
    cdef uint32_t[SEGMENTS_MAX] at
    cdef uint32_t i
    if q.place.path_len or (q.symbol and (a.given or q.n_words > 1)):
        return
    if a.given:
        query_expand(q, a.words.at, a.words.len)
        q.kinds = a.kinds
        q.answered = True
        return
    for i in range(q.n_words):
        if find_term(x, q.words[i].stem, q.words[i].stem_len, at) == 0:
            query_synonyms(q, i)


cdef inline bint _narrow(Filter* f, Answer* a) noexcept nogil:
    """Adds the answer's filters where the person has not said which files are meant; whether there was one to add."""
    cdef uint32_t i
    if f.n_globs or f.n_places:
        return False
    filter_free(f)  # what it knows of files holds for another filter
    a.without_tests = a.no_tests and not a.usage and not f.no_tests
    if a.without_tests:
        f.no_tests = True
    for i in range(a.n_globs):
        f.globs[i] = a.globs[i]
    f.n_globs = a.n_globs
    f.includes = a.n_globs > 0
    f.active |= a.without_tests or a.n_globs > 0
    return a.without_tests or a.n_globs > 0


cdef inline void smart_rank(Index* x, const Query* q, Filter* f, const Weights* w, Answer* a, uint32_t limit,
                            bint one_per_file, bint details, double* term_idf, Results* out) noexcept nogil:
    """`rank` as the answer, if there is one, wants it. A filter of the answer that leaves nothing is dropped; one that
    leaves something stays in `f`."""
    cdef Weights changed = w[0]
    if not a.given or not smart_question(q):
        rank(x, q, f, w, limit, one_per_file, details, term_idf, out)
        return
    if a.usage:
        changed.test = changed.example = 0
    if not a.narrowed and not a.dropped:
        a.narrowed = _narrow(f, a)
    rank(x, q, f, &changed, limit, one_per_file, details, term_idf, out)
    if out.n or out.failed or not a.narrowed:
        return
    filter_free(f)
    f.no_tests &= not a.without_tests
    f.n_globs = 0
    f.includes = False
    a.narrowed = False
    free(out.items)
    free(out.details)
    rank(x, q, f, &changed, limit, one_per_file, details, term_idf, out)
    a.dropped = out.n > 0
