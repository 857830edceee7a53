# cython: language_level=3
"""A mistyped name: when nothing is called so, the name one edit away that something is called.

An edit is a letter left out, put in or replaced, or two neighbours in each other's place (Damerau, "A technique for
computer detection and correction of spelling errors", 1964). All such variants of a name are looked up in the
dictionary, some hundreds of them, which needs no index of its own and costs nothing while names are found. Only names
are corrected: a question that is one word, or an identifier of several parts in a longer one. Of several variants the
one that most chunks have is taken, then the first one by its bytes.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from _core.base cimport Bytes, bytes_add
from _core.builder cimport name_term
from _core.index cimport Index
from _core.postings cimport WEIGHT_NAME, WEIGHT_SIGNATURE, code_weight
from _core.pathmatch cimport has_part
from _core.query cimport INITIALS_MAX, Query
from _core.merge cimport bit
from _core.segment cimport NO_TERM, Segment, segment_df, segment_postings, segment_term
from _core.text cimport TERM_MAX, TOKEN_WORD, Terms, Token, next_token, token_terms

cdef enum:
    SHORTEST = 4         # bytes of a name that is corrected
    LONGEST = 40
    TOKENS = 3           # of a question that are looked at
    READ_AT_MOST = 4096  # postings of one variant

cdef struct Best:
    uint8_t[LONGEST + 2] text
    uint32_t len        # 0: none
    uint64_t df


cdef inline uint64_t _living(Index* x, const uint8_t* term, uint32_t n, bint defining) noexcept nogil:
    """How many chunks have the term; `defining`: 0 unless one of them defines it."""
    cdef uint32_t s, t, i, m
    cdef uint32_t* docs
    cdef uint8_t* codes
    cdef uint64_t df = 0
    cdef bint defined = not defining
    for s in range(x.n_segments):
        t = segment_term(&x.segments[s], term, n)
        if t == NO_TERM:
            continue
        m = segment_df(&x.segments[s], t)
        if m > READ_AT_MOST:
            df += m
            defined = True
            continue
        docs = <uint32_t*>malloc(<size_t>m * 4 + 4)
        codes = <uint8_t*>malloc(<size_t>m + 4)
        if docs != NULL and codes != NULL and segment_postings(&x.segments[s], t, docs, codes):
            for i in range(m):
                if not bit(x.deleted_chunks[s], docs[i]):
                    df += 1
                    defined |= code_weight(codes[i]) >= WEIGHT_NAME + WEIGHT_SIGNATURE
        free(docs)
        free(codes)
    return df if defined else 0


cdef inline uint64_t _called(Index* x, const uint8_t* p, uint32_t n, bint* several) noexcept nogil:
    """How many chunks have a word that is called exactly p[:n]; 0 when nothing is called so, or it is no one word."""
    cdef uint8_t[TERM_MAX] term
    cdef const uint8_t* end = p + n
    cdef Token t
    cdef Terms terms
    cdef uint32_t m
    several[0] = False
    if next_token(p, end, &t) == NULL or t.kind != TOKEN_WORD or t.at != p or t.len != n:
        return 0
    token_terms(&t, &terms)
    if terms.has_whole:
        several[0] = True
        return _living(x, terms.text + terms.off[terms.n - 1], terms.len[terms.n - 1], True)
    m = name_term(p, n, term)
    if _living(x, term, m, False) == 0:
        return 0
    return _living(x, terms.text + terms.off[0], terms.len[0], False)


cdef inline bint _known(Index* x, const Token* t) noexcept nogil:
    """Some chunk has the word, in whole or (a word of one part) with its stem, or some path has that."""
    cdef Terms terms
    cdef uint32_t s, n
    cdef const uint8_t* p
    token_terms(t, &terms)
    n = terms.n - 1
    p = terms.text + terms.off[n]
    if _living(x, p, terms.len[n], False):
        return True
    for s in range(x.n_segments):
        if not terms.has_whole and has_part(&x.segments[s], p, terms.len[n]):
            return True
    return False


cdef inline void _try(Index* x, const uint8_t* p, uint32_t n, Best* best) noexcept nogil:
    cdef bint several
    cdef uint64_t df = _called(x, p, n, &several)
    cdef int order
    if df == 0:
        return
    if df == best.df:
        order = memcmp(p, best.text, n if n < best.len else best.len)
        if order > 0 or (order == 0 and n >= best.len):
            return
    if df >= best.df:
        memcpy(best.text, p, n)
        best.len = n
        best.df = df


cdef inline uint8_t _letter(const uint8_t* p, uint32_t n, uint32_t at, uint32_t k) noexcept nogil:
    """Letter k as it would be written at `at`: like its neighbours; the 27th is `_`."""
    if k == 26:
        return 95
    if n > 1 and 65 <= p[at if at < n else n - 1] <= 90 and 65 <= p[at - 1 if at else 1] <= 90:
        return <uint8_t>(65 + k)
    return <uint8_t>(97 + k)


cdef inline void _variants(Index* x, const uint8_t* p, uint32_t n, Best* best) noexcept nogil:
    """Tries everything one edit away from p[:n]."""
    cdef uint8_t[LONGEST + 2] v
    cdef uint32_t i, k
    cdef uint8_t c
    best.len = 0
    best.df = 0
    for i in range(n):  # left out
        memcpy(v, p, i)
        memcpy(v + i, p + i + 1, n - i - 1)
        _try(x, v, n - 1, best)
    memcpy(v, p, n)
    for i in range(n - 1):  # in each other's place
        v[i] = p[i + 1]
        v[i + 1] = p[i]
        _try(x, v, n, best)
        v[i] = p[i]
        v[i + 1] = p[i + 1]
    for i in range(n):  # replaced, its size kept
        for k in range(27):
            c = _letter(p, n, i, k)
            if k < 26:
                c = <uint8_t>(97 + k if p[i] > 90 else 65 + k)
            if c != p[i]:
                v[i] = c
                _try(x, v, n, best)
        v[i] = p[i]
    for i in range(n + 1):  # put in
        memcpy(v, p, i)
        memcpy(v + i + 1, p + i, n - i)
        for k in range(27):
            v[i] = _letter(p, n, i, k)
            _try(x, v, n + 1, best)


cdef inline bint spell(Index* x, const uint8_t* text, size_t n, const Query* q, Bytes* out) noexcept nogil:
    """The question with its mistyped names corrected in `out`; False: nothing was to be corrected, and `out` is as it
    was. A word that has initials or a place to lead to is not mistyped."""
    cdef const uint8_t* p = text
    cdef const uint8_t* end = text + n
    cdef const uint8_t* copied = text
    cdef Token t
    cdef Terms terms
    cdef Best best
    cdef uint8_t[INITIALS_MAX + 1] initials
    cdef uint32_t looked = 0
    cdef size_t was = out.len
    if q.place.line:
        return False
    if q.n_initials:
        initials[0] = 94
        memcpy(initials + 1, q.initials, q.n_initials)
        if _living(x, initials, q.n_initials + 1, False):
            return False
    while looked < TOKENS:
        p = next_token(p, end, &t)
        if p == NULL:
            break
        if t.kind != TOKEN_WORD or not SHORTEST <= t.len <= LONGEST or 48 <= t.at[0] <= 57:
            continue
        token_terms(&t, &terms)
        if not (q.symbol or terms.has_whole) or _known(x, &t):
            continue
        looked += 1
        _variants(x, t.at, t.len, &best)
        if best.len:
            bytes_add(out, copied, t.at - copied)
            bytes_add(out, best.text, best.len)
            copied = t.at + t.len
    if copied == text or out.failed:
        out.len = was
        return False
    bytes_add(out, copied, end - copied)
    return not out.failed
