# cython: language_level=3
"""Which terms of a question a piece of text has: what the best line of a chunk is chosen by, and what is coloured.

Nearly all of a text has nothing to do with the question, and taking it apart into terms is dear. So a text is first
searched for the two letters that its terms begin with, sixty-four places at a time; where such a *beginning* stands,
only the part of the identifier that begins there is stemmed and compared. `token_match`, which takes a whole token
apart, is asked where that does not do: for wholes, numbers and letters outside ASCII.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset
from _core.base cimport first_bit, packed_bits, same_bytes
from _core.hash cimport hash64
from _core.query cimport Query, TERMS
from _core.stem cimport stem
from _core.text cimport (
    Token, Terms, next_token, token_terms, byte_class, BYTE_DIGIT, BYTE_HIGH, BYTE_LOWER, BYTE_OTHER, BYTE_UPPER,
    TERM_MAX, TOKEN_MAX,
)

cdef enum:
    BEGINNING = 8         # letters of a term to look for at most: one word of the processor
    BEGINNINGS = 64       # with more, and with more pairs than PAIRS, every token is looked at
    PAIRS = 16            # distinct pairs of first letters
    PLACES = 64           # that are searched at a time
    REMEMBERED = 128

cdef struct Beginning:
    uint64_t letters      # small ones, the first one lowest
    uint64_t mask         # of those that count
    uint32_t term

cdef struct Matcher:
    const Query* query
    double[TERMS] weight      # idf; 0 for a term that no chunk has
    double most               # what a line with all of them has
    bint every_token          # a term begins outside ASCII (its letters may be written in several ways), or see above
    bint wholes               # a compound that counts is asked for
    uint32_t n_pairs
    uint8_t[2 * PAIRS] pairs  # the second letter 0: any
    uint32_t n_beginnings
    Beginning[BEGINNINGS] beginnings
    uint64_t[REMEMBERED] key  # tokens met lately, by hash, and what they match: the same few names come again and again
    uint64_t[3 * REMEMBERED] seen

cdef struct Scan:
    # A search for beginnings, forwards through [begin, end).
    const uint8_t* begin
    const uint8_t* end
    const uint8_t* at         # the `PLACES` from here on have been searched
    uint64_t places           # those of them that are still to be returned
    uint64_t begun            # bit i: beginning i stands at the place that was returned last


cdef inline void _beginning(Matcher* m, const uint8_t* p, uint32_t n, uint32_t term) noexcept nogil:
    """One more beginning to look for."""
    cdef Beginning* b = &m.beginnings[m.n_beginnings]
    cdef uint32_t i, length = 0
    cdef uint8_t second
    b.letters = b.mask = 0
    b.term = term
    while length < n and length < BEGINNING and p[length] < 128:  # others may be capitals, or in Latin-1
        b.letters |= <uint64_t>p[length] << (8 * length)
        b.mask |= <uint64_t>255 << (8 * length)
        length += 1
    if length == 0 or m.n_beginnings == BEGINNINGS - 1:
        m.every_token = True
        return
    m.n_beginnings += 1
    second = p[1] if length > 1 else 0
    for i in range(m.n_pairs):
        if m.pairs[2 * i] == p[0] and m.pairs[2 * i + 1] == second:
            return
    if m.n_pairs == PAIRS:
        m.every_token = True
        return
    m.pairs[2 * m.n_pairs] = p[0]
    m.pairs[2 * m.n_pairs + 1] = second
    m.n_pairs += 1


cdef inline void matcher_init(Matcher* m, const Query* q, const double* weights) noexcept nogil:
    """`weights`: of q.n_terms terms, what a match counts."""
    cdef uint32_t i, n
    cdef const uint8_t* p
    m.query = q
    m.every_token = m.wholes = False
    m.n_beginnings = m.n_pairs = 0
    m.most = 0
    memset(m.key, 0, sizeof(m.key))
    for i in range(q.n_terms):
        m.weight[i] = weights[i]
        m.most += weights[i]
        p = q.terms[i].text
        n = q.terms[i].len
        if n and p[0] == 61:
            # A whole is only met where its parts stand, or in a token that begins like it.
            m.wholes |= weights[i] > 0
            continue
        # Words differ from their stem in its last letter at most (retri, retry; hope, hoping), but for three.
        _beginning(m, p, n - 1 if n > 2 else n, i)
        if p[1] == 105 and p[2] == 101 and n == 3:
            _beginning(m, <const uint8_t*>(b"dy" if p[0] == 100 else (b"ly" if p[0] == 108 else b"ty")), 2, i)


# -------------------------------------------------------------------------------------------------------- searching

cdef inline void scan_init(Scan* s, const uint8_t* begin, const uint8_t* end) noexcept nogil:
    """`begin` must not lie inside a token."""
    s.begin = begin
    s.end = end
    s.at = begin - PLACES
    s.places = 0


cdef inline void scan_skip(Scan* s, const uint8_t* to) noexcept nogil:
    """Goes on at `to`, which lies behind what was returned last."""
    if to < s.at + PLACES:
        s.places &= ~<uint64_t>0 << <uint32_t>(to - s.at)
    else:
        s.at = to - PLACES
        s.places = 0


cdef inline void _search(const Matcher* m, Scan* s) noexcept nogil:
    """Where among the PLACES at s.at one of the pairs stands, in either case."""
    cdef uint8_t[PLACES + 1] text
    cdef uint8_t[PLACES] hit
    cdef uint32_t i, k
    cdef uint8_t a, b
    cdef size_t left = s.end - s.at
    if left < PLACES + 1:
        memset(text, 0, sizeof(text))
        memcpy(text, s.at, left)
    else:
        memcpy(text, s.at, sizeof(text))
    memset(hit, 0, sizeof(hit))
    # Loops without branches over arrays that nothing else points to, so that they become vector instructions.
    for i in range(PLACES + 1):
        text[i] |= 32
    for k in range(m.n_pairs):
        a = m.pairs[2 * k]
        b = m.pairs[2 * k + 1]
        if b:
            for i in range(PLACES):
                hit[i] |= (text[i] == a) & (text[i + 1] == b)
        else:
            for i in range(PLACES):
                hit[i] |= text[i] == a
    s.places = packed_bits(hit)


cdef inline uint64_t _begun(const Matcher* m, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Which beginnings stand at `p`, as bits."""
    cdef uint64_t letters = 0, bits = 0
    cdef uint32_t i
    if end - p >= 8:
        memcpy(&letters, p, 8)
    else:
        for i in range(<uint32_t>(end - p)):
            letters |= <uint64_t>p[i] << (8 * i)
    letters |= <uint64_t>0x2020202020202020
    for i in range(m.n_beginnings):
        bits |= <uint64_t>(letters & m.beginnings[i].mask == m.beginnings[i].letters) << i
    return bits


cdef inline const uint8_t* scan_next(const Matcher* m, Scan* s) noexcept nogil:
    """The next place where a part that the question asks for may begin; NULL when there is none."""
    cdef const uint8_t* p
    while True:
        while s.places:
            p = s.at + first_bit(s.places)
            s.places &= s.places - 1
            if m.every_token:
                return p
            # A part never begins with a small letter behind a letter.
            if p > s.begin and 97 <= p[0] <= 122 and 97 <= ((p - 1)[0] | 32) <= 122:
                continue
            s.begun = _begun(m, p, s.end)
            if s.begun:
                return p
        s.at += PLACES
        if s.at >= s.end:
            s.at = s.end - PLACES
            return NULL
        if not m.every_token:
            _search(m, s)
        else:
            s.places = ~<uint64_t>0
            if s.end - s.at < PLACES:
                s.places = (<uint64_t>1 << <uint32_t>(s.end - s.at)) - 1


# ---------------------------------------------------------------------------------------------------------- matching

cdef inline bint token_match(Matcher* m, const Token* t, uint64_t* seen) noexcept nogil:
    """Sets in `seen` (3 words) the terms that the token has; whether one of them is worth something."""
    cdef Terms terms
    cdef uint32_t i, j
    cdef const Query* q = m.query
    cdef uint64_t h = hash64(t.at, t.len) | 1  # 0 is an empty slot
    cdef uint64_t* known = &m.seen[3 * ((h >> 1) & (REMEMBERED - 1))]
    if m.key[(h >> 1) & (REMEMBERED - 1)] != h:
        m.key[(h >> 1) & (REMEMBERED - 1)] = h
        known[0] = known[1] = known[2] = 0
        token_terms(t, &terms)
        for i in range(terms.n):
            for j in range(q.n_terms):
                if q.terms[j].len == terms.len[i] and m.weight[j] > 0 and same_bytes(
                        q.terms[j].text, terms.text + terms.off[i], terms.len[i]):
                    known[j >> 6] |= <uint64_t>1 << (j & 63)
    seen[0] |= known[0]
    seen[1] |= known[1]
    seen[2] |= known[2]
    return (known[0] | known[1] | known[2]) != 0


cdef inline const uint8_t* _token_begin(const uint8_t* begin, const uint8_t* p) noexcept nogil:
    """Where the run of letters and digits around `p` begins, not before `begin`."""
    while p > begin and byte_class((p - 1)[0]) != BYTE_OTHER:
        p -= 1
    return p


cdef inline const uint8_t* _token_around(const uint8_t* begin, const uint8_t* at, const uint8_t* end,
                                         Token* t) noexcept nogil:
    """The first token from `begin` on that ends behind `at`: fills `t` and returns its end; NULL when there is none."""
    while begin != NULL and begin <= at:
        begin = next_token(begin, end, t)
    return begin


cdef inline const uint8_t* next_match(Matcher* m, Scan* s, Token* t, uint64_t* seen) noexcept nogil:
    """The next token with a term that is worth something, its terms added to `seen`: returns where it ends; NULL when
    there is none."""
    cdef const uint8_t* at
    cdef const uint8_t* p
    cdef const uint8_t* begin = s.begin
    while True:
        at = scan_next(m, s)
        if at == NULL:
            return NULL
        p = _token_around(_token_begin(begin, at), at, s.end, t)
        if p == NULL:
            return NULL
        begin = p
        scan_skip(s, p)
        if token_match(m, t, seen):
            return p


cdef inline uint32_t _part(const uint8_t* begin, const uint8_t* at, const uint8_t* end) noexcept nogil:
    """How long the part of an identifier is that begins at `at`, a letter; 0: none begins there."""
    cdef const uint8_t* p = at + 1
    if byte_class(at[0]) == BYTE_UPPER and (p == end or byte_class(p[0]) != BYTE_LOWER):
        if at > begin and byte_class((at - 1)[0]) == BYTE_UPPER:
            return 0  # within a run of capitals
        while p < end and byte_class(p[0]) == BYTE_UPPER:
            p += 1
        if p < end and byte_class(p[0]) == BYTE_LOWER:
            p -= 1  # the last capital of a run begins the next part: HTTPServer
        return <uint32_t>(p - at)
    while p < end and byte_class(p[0]) == BYTE_LOWER:
        p += 1
    return <uint32_t>(p - at)


cdef inline bint _is_simple(const uint8_t* token, const uint8_t* at, uint32_t n) noexcept nogil:
    """Does the part of `n` bytes at `at` belong to an identifier of ASCII that is no longer than a token may be?"""
    if byte_class(token[0]) == BYTE_DIGIT or at + n - token > TOKEN_MAX:
        return False
    while token < at:
        if byte_class(token[0]) == BYTE_HIGH:
            return False
        token += 1
    return True


cdef inline void _part_match(const Matcher* m, uint64_t begun, const uint8_t* at, uint32_t n,
                             uint64_t* seen) noexcept nogil:
    """Sets in `seen` (3 words) the terms that the part is, of those whose beginnings it has. `n` is at most
    TERM_MAX."""
    cdef uint8_t[TERM_MAX + 8] low
    cdef uint8_t[TERM_MAX + 8] stemmed
    cdef uint32_t i, j, k = 0
    cdef const Query* q = m.query
    for i in range(n):
        low[i] = at[i] | 32  # letters only
    while begun:
        j = m.beginnings[first_bit(begun)].term
        begun &= begun - 1
        # A stem is no longer than its word, and as long only when a y became an i, or nothing changed.
        if m.weight[j] <= 0 or q.terms[j].len > n or (
                q.terms[j].len == n and low[n - 1] != 121 and not same_bytes(q.terms[j].text, low, n)):
            continue
        if j >= q.n_words or q.words[j].raw_len != n or not same_bytes(q.words[j].raw, low, n):
            if k == 0:
                memcpy(stemmed, low, n)
                k = stem(stemmed, n)
            if k != q.terms[j].len or not same_bytes(q.terms[j].text, stemmed, k):
                continue
        seen[j >> 6] |= <uint64_t>1 << (j & 63)


cdef inline const uint8_t* line_terms(Matcher* m, Scan* s, const uint8_t* at, const uint8_t* begin, const uint8_t* end,
                                      uint64_t* seen) noexcept nogil:
    """Sets in `seen` (3 words) the terms of the line [begin, end) from `at` on, which `s` has just returned; returns
    what `s` returns behind the line."""
    cdef const uint8_t* token
    cdef const uint8_t* p
    cdef uint32_t n
    cdef bint letter
    cdef Token t
    while at != NULL and at < end:
        token = _token_begin(begin, at)
        letter = not m.every_token and BYTE_LOWER <= byte_class(at[0]) <= BYTE_UPPER
        n = _part(begin, at, end) if letter else 0
        if letter and n <= TERM_MAX and (at == begin or byte_class((at - 1)[0]) != BYTE_HIGH) and (
                at + n == end or byte_class(at[n]) != BYTE_HIGH) and (at + 1 == end or byte_class(at[1]) != BYTE_HIGH):
            # A compound may have a whole that counts; which parts it has otherwise does not matter.
            if _is_simple(token, at, n) and not (
                    m.wholes and (token < at or (at + n < end and byte_class(at[n]) != BYTE_OTHER))):
                # Nearly always: a part that stands for itself.
                if n:
                    _part_match(m, s.begun, at, n, seen)
                at = scan_next(m, s)
                continue
        p = _token_around(token, at, end, &t)
        if p == NULL:
            scan_skip(s, end)
        else:
            token_match(m, &t, seen)
            begin = p
            scan_skip(s, p)
        at = scan_next(m, s)
    return at


cdef inline double terms_score(const Matcher* m, const uint64_t* seen) noexcept nogil:
    """Sum of the weights of distinct terms."""
    cdef uint32_t i
    cdef uint64_t bits
    cdef double v = 0
    for i in range(3):
        bits = seen[i]
        while bits:
            v += m.weight[64 * i + first_bit(bits)]
            bits &= bits - 1
    return v


cdef inline double text_score(Matcher* m, const uint8_t* p, size_t n) noexcept nogil:
    """Sum of the weights of the distinct terms in a line, or in a name."""
    cdef uint64_t[3] seen
    cdef Scan s
    seen[0] = seen[1] = seen[2] = 0
    scan_init(&s, p, p + n)
    line_terms(m, &s, scan_next(m, &s), p, p + n, seen)
    return terms_score(m, seen)
