# cython: language_level=3
"""A mistyped name: when nothing is called so, the name one edit away that something is called.

An edit is a letter left out, put in or replaced, or two neighbours in each other's place (Damerau, "A technique for
computer detection and correction of spelling errors", 1964). All such variants of a name are looked up in the
dictionary, some hundreds of them, which needs no index of its own and costs nothing while names are found. Only names
are corrected: a question that is one word, or an identifier of several parts in a longer one. That something is called
by a name of several parts is told by the weight of a posting alone, so five uses in one chunk pass for it. Of several
variants the one that most chunks have is taken, then the first one by its bytes.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy
from _core.base cimport Bytes, bytes_add
from _core.builder cimport name_term
from _core.index cimport Index, SEGMENTS_MAX
from _core.merge cimport bit
from _core.pathmatch cimport has_part
from _core.impacts cimport WEIGHT_NAME, WEIGHT_SIGNATURE, code_weight
from _core.query cimport Query
from _core.score cimport find_term
from _core.segment cimport NO_TERM, segment_all_postings
from _core.text cimport TERM_MAX, TOKEN_WORD, Terms, Token, next_token, token_terms

cdef enum:
    SHORTEST = 4  # bytes of a name that is corrected
    LONGEST = 40
    TOKENS = 3    # of a question that are looked at

cdef struct Best:
    uint8_t[LONGEST + 2] text
    uint32_t len        # 0: none
    uint64_t df


cdef inline bint _defines(Index* x, const uint32_t* at) noexcept nogil:
    """One of the postings of a whole, where `find_term` found them, says that the chunk defines it."""
    cdef uint32_t s, i, n
    cdef uint32_t* docs
    cdef uint8_t* codes
    cdef bint defined = False
    for s in range(x.n_segments):
        if defined or at[s] == NO_TERM or not segment_all_postings(&x.segments[s], at[s], &docs, &codes, &n):
            continue
        for i in range(n):
            defined |= code_weight(codes[i]) >= WEIGHT_NAME + WEIGHT_SIGNATURE and not bit(
                x.deleted_chunks[s], docs[i])
        free(docs)
        free(codes)
    return defined


cdef inline uint64_t _called(Index* x, const uint8_t* p, uint32_t n) noexcept nogil:
    """How many chunks have a word that is called exactly p[:n]; 0 when nothing is called so, or it is no one word."""
    cdef uint8_t[TERM_MAX] term
    cdef uint32_t[SEGMENTS_MAX] at
    cdef uint64_t df
    cdef Token t
    cdef Terms terms
    if next_token(p, p + n, &t) == NULL or t.kind != TOKEN_WORD or t.at != p or t.len != n:
        return 0
    token_terms(&t, &terms)
    if not terms.has_whole and find_term(x, term, name_term(p, n, term), at) == 0:
        return 0
    df = find_term(x, terms.text + terms.off[terms.n - 1], terms.len[terms.n - 1], at)
    return df if df == 0 or not terms.has_whole or _defines(x, at) else 0


cdef inline bint _known(Index* x, const Terms* terms) noexcept nogil:
    """Some chunk has the word, in whole or (a word of one part) with its stem, or some path has that."""
    cdef uint32_t[SEGMENTS_MAX] at
    cdef uint32_t s, n = terms.len[terms.n - 1]
    cdef const uint8_t* p = terms.text + terms.off[terms.n - 1]
    if find_term(x, p, n, at):
        return True
    for s in range(x.n_segments):
        if not terms.has_whole and has_part(&x.segments[s], p, n):
            return True
    return False


cdef inline void _try(Index* x, const uint8_t* p, uint32_t n, Best* best) noexcept nogil:
    cdef uint64_t df = _called(x, p, n)
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
    cdef uint32_t[SEGMENTS_MAX] at
    cdef uint32_t looked = 0
    cdef size_t was = out.len
    if q.place.line or (q.n_initials and find_term(x, q.initials, q.n_initials, at)):
        return False
    while looked < TOKENS:
        p = next_token(p, end, &t)
        if p == NULL:
            break
        if t.kind != TOKEN_WORD or not SHORTEST <= t.len <= LONGEST or 48 <= t.at[0] <= 57:
            continue
        token_terms(&t, &terms)
        if not (q.symbol or terms.has_whole) or _known(x, &terms):
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
