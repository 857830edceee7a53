# cython: language_level=3
"""From bytes to terms: one way for source code and for queries, so that both meet in the dictionary.

A *token* is an identifier (`[A-Za-z_][A-Za-z0-9_]*`, letters of any script), a number, or a run of CJK characters.
A token gives *terms*:
- a *part* for each piece between camelCase, snake_case and digit borders, lower-cased and stemmed (Porter2):
  `HTTPServer2` -> `http`, `server`, `2`;
- for two parts or more one *whole*: `=` and the stem of the joined parts: `JoinSet`, `join_set` -> `=joinset`;
- for a run of CJK characters its bigrams (the character itself when it stands alone).
A hexadecimal number is one term. A byte that is no UTF-8 is the character that it is in Latin-1: `gr\\xf6\\xdfe`, in a
file that nobody has converted, is found as `größe`.

In the dictionary (`make_term`) a part of over TERM_MAX bytes is its first TERM_HEAD bytes and its XXH64, eight bytes; a
whole of over six bytes is `=` and the low six bytes of its XXH64, because a large tree has millions of them, they are
only ever looked up as they are, and their text took a quarter of the index. Two names that meet (about once in 2^48
pairs) cost a rank, not a wrong line: what is shown is read from the file.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memcmp, strlen
from _core.base cimport copy_bytes
from _core.hash cimport hash64
from _core.runs cimport Runs, run_end, run_start
from _core.stem cimport stem
from _core.unicode cimport (
    utf8_decode, utf8_encode, fold_case, cp_class, cp_is_upper, CP_OTHER, CP_LETTER, CP_DIGIT, CP_CJK,
)

cdef enum:
    INITIALS_MARK = 94  # "^": how a term begins that stands for initials
    INITIALS_MIN = 3    # letters
    INITIALS_MAX = 5    # longer ones nobody types, and their terms take much of the dictionary
    TERM_MAX = 24
    TERM_HEAD = 16
    WHOLE_BYTES = 7   # of a stored whole, its `=` included; shorter ones are stored as they are
    TOKEN_MAX = 96    # bytes of a token that are looked at: what is longer is data, not a name
    TERMS_MAX = 100   # terms one token can give: a part per byte, and the whole
    TERMS_TEXT = 2048  # bytes of them: more than any token gives

cdef enum TokenKind:
    TOKEN_WORD = 1    # ASCII identifier, or decimal digits
    TOKEN_HEX = 2
    TOKEN_UNICODE = 3
    TOKEN_CJK = 4

cdef struct Token:
    const uint8_t* at
    uint32_t len      # at most TOKEN_MAX; the rest of a longer token is consumed but not part of it
    int kind

cdef struct Terms:
    # The terms of one token. text[off[i] : off[i] + len[i]]; the whole, when there is one, is the last.
    uint32_t n
    uint32_t used          # of `text`
    bint has_whole
    uint16_t[100] off
    uint16_t[100] len
    uint16_t[100] raw_off  # the part before stemming, lower-cased: what path parts and synonyms compare with
    uint16_t[100] raw_len
    uint8_t[TERMS_TEXT] text


cdef enum ByteClass:
    BYTE_OTHER = 0
    BYTE_LOWER = 1
    BYTE_UPPER = 2
    BYTE_DIGIT = 3
    BYTE_UNDERSCORE = 4
    BYTE_HIGH = 5


cdef inline const uint8_t* byte_classes() noexcept nogil:
    # One row per 32 byte values; a literal so that the table lives in the read-only data of the program.
    return <const uint8_t*>(
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" b"\3\3\3\3\3\3\3\3\3\3\0\0\0\0\0\0"
        b"\0\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2" b"\2\2\2\2\2\2\2\2\2\2\2\0\0\0\0\4"
        b"\0\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1" b"\1\1\1\1\1\1\1\1\1\1\1\0\0\0\0\0"
        b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5" b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5"
        b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5" b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5"
        b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5" b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5"
        b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5" b"\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5")


cdef inline int byte_class(uint8_t c) noexcept nogil:
    return byte_classes()[c]


cdef inline int _hex_digit(uint8_t c) noexcept nogil:
    return 48 <= c <= 57 or 97 <= (c | 32) <= 102


cdef inline uint32_t character(const uint8_t* p, const uint8_t* end, uint32_t* cp) noexcept nogil:
    """As utf8_decode, and where that finds nothing one byte of Latin-1: never 0."""
    cdef uint32_t w = utf8_decode(p, end, cp)
    if w == 0:
        cp[0] = p[0]
        return 1
    return w


cdef inline uint32_t token_cut(const uint8_t* start, const uint8_t* end) noexcept nogil:
    """How many bytes of a long token are looked at: whole characters, else the half would count as Latin-1."""
    cdef uint32_t n = TOKEN_MAX, i
    if end - start <= TOKEN_MAX:
        return <uint32_t>(end - start)
    for i in range(4):
        if start[n - i] & 0xC0 != 0x80:
            return n - i
    return n


cdef inline const uint8_t* next_token(const uint8_t* p, const uint8_t* end, Token* t) noexcept nogil:
    """The first token in [p, end): fills `t` and returns where to go on; NULL when there is none."""
    cdef int c, k
    cdef uint32_t cp, w
    cdef const uint8_t* start
    cdef const uint8_t* classes = byte_classes()
    while True:
        while p < end and classes[p[0]] == BYTE_OTHER:
            p += 1
        if p >= end:
            return NULL
        start = p
        c = classes[p[0]]
        if c != BYTE_DIGIT and c != BYTE_HIGH:
            # Nearly always: an identifier of ASCII.
            p += 1
            while p < end and BYTE_LOWER <= classes[p[0]] <= BYTE_UNDERSCORE:
                p += 1
            if p >= end or classes[p[0]] == BYTE_OTHER:
                t.kind = TOKEN_WORD
                t.at = start
                t.len = <uint32_t>(p - start) if p - start < TOKEN_MAX else TOKEN_MAX
                return p
            p = start
        if c == BYTE_DIGIT:
            if p[0] == 48 and end - p > 2 and (p[1] | 32) == 120 and _hex_digit(p[2]):
                p += 2
                while p < end and _hex_digit(p[0]):
                    p += 1
                t.kind = TOKEN_HEX
                t.at = start
                t.len = <uint32_t>(p - start) if p - start < TOKEN_MAX else TOKEN_MAX
                while p < end and BYTE_LOWER <= byte_class(p[0]) <= BYTE_UNDERSCORE:
                    p += 1  # a suffix such as UL says nothing about the number
                return p
            while p < end and byte_class(p[0]) == BYTE_DIGIT:
                p += 1
            t.kind = TOKEN_WORD
            t.at = start
            t.len = <uint32_t>(p - start) if p - start < TOKEN_MAX else TOKEN_MAX
            return p
        t.kind = TOKEN_WORD
        while p < end:
            c = byte_class(p[0])
            if c == BYTE_OTHER:
                break
            if c != BYTE_HIGH:
                if t.kind == TOKEN_CJK:
                    break
                p += 1
                continue
            w = character(p, end, &cp)
            k = cp_class(cp)
            if k == CP_OTHER or (k == CP_DIGIT and p == start):
                break
            if (k == CP_CJK) != (t.kind == TOKEN_CJK):
                if p != start:
                    break
                t.kind = TOKEN_CJK
            elif k != CP_CJK:
                t.kind = TOKEN_UNICODE
            p += w
        if p == start:  # a character that is no letter
            p += character(p, end, &cp)
            continue
        t.at = start
        t.len = token_cut(start, p)
        return p


cdef inline uint32_t next_word(const Runs* r, uint32_t at, uint32_t end, Token* t) noexcept nogil:
    """As `next_token`, in bytes [at, end) of a text whose words are marked: where to go on, 0 when there is none."""
    cdef uint32_t i, stop
    cdef uint8_t high = 0
    cdef const uint8_t* p
    at = run_start(r, at, end)
    if at == end:
        return 0
    stop = run_end(r, at + 1, end)
    if not r.ascii:  # does this word hold a letter outside ASCII?
        for i in range(at, stop):
            high |= r.text[i]
    if high < 128 and not 48 <= r.text[at] <= 57:
        t.kind = TOKEN_WORD
        t.at = r.text + at
        t.len = stop - at if stop - at < TOKEN_MAX else TOKEN_MAX
        return stop
    p = next_token(r.text + at, r.text + end, t)
    return <uint32_t>(p - r.text) if p != NULL else 0


cdef inline bint shouts(const uint8_t* name, uint32_t n) noexcept nogil:
    """No letter of ASCII is small."""
    cdef uint32_t i
    for i in range(n):
        if 97 <= name[i] <= 122:
            return False
    return True


cdef inline uint32_t make_term(uint8_t* out, const uint8_t* text, uint32_t n) noexcept nogil:
    """Writes the stored form of a term of `n` bytes to `out` (room for TERM_MAX) and returns its length."""
    cdef uint64_t h
    if n and text[0] == 61:
        if n < WHOLE_BYTES:
            copy_bytes(out, text, n)
            return n
        h = hash64(text, n)
        out[0] = 61
        memcpy(out + 1, &h, WHOLE_BYTES - 1)
        return WHOLE_BYTES
    if n <= TERM_MAX:
        copy_bytes(out, text, n)
        return n
    h = hash64(text, n)
    memcpy(out, text, TERM_HEAD)
    memcpy(out + TERM_HEAD, &h, 8)
    return TERM_MAX


cdef inline void _add_part(Terms* out, const uint8_t* raw, uint32_t n) noexcept nogil:
    """One more part, or the whole, of `n` lower-cased bytes."""
    if n == 0 or n > 2 * TOKEN_MAX or out.n >= TERMS_MAX or out.used + n + TERM_MAX > TERMS_TEXT:
        return
    out.raw_off[out.n] = <uint16_t>out.used
    out.raw_len[out.n] = <uint16_t>n
    copy_bytes(out.text + out.used, raw, n)
    out.used += n
    out.n += 1


cdef inline void part_term(Terms* out, uint32_t i) noexcept nogil:
    """The term of part `i`: stemmed, marked `=` when it is the whole, cut to TERM_MAX."""
    cdef uint8_t[2 * TOKEN_MAX + 8] work
    cdef const uint8_t* raw = out.text + out.raw_off[i]
    cdef uint32_t n = out.raw_len[i], m
    cdef bint whole = out.has_whole and i == out.n - 1
    out.off[i] = <uint16_t>out.used
    out.len[i] = 0
    if out.used + TERM_MAX > TERMS_TEXT:
        return
    work[0] = 61  # =
    copy_bytes(work + 1, raw, n)
    # A hexadecimal number is no word: 0xabed is not a form of 0xabe.
    m = n if not whole and n > 2 and raw[0] == 48 and raw[1] == 120 else stem(work + 1, n)
    if whole:
        out.len[i] = <uint16_t>make_term(out.text + out.used, work, m + 1)
    else:
        out.len[i] = <uint16_t>make_term(out.text + out.used, work + 1, m)
    out.used += out.len[i]


cdef inline void token_terms(const Token* t, Terms* out) noexcept nogil:
    """All terms of a token, parts first, then the whole."""
    cdef uint32_t i
    token_parts(t, out)
    for i in range(out.n):
        part_term(out, i)


cdef inline void token_parts(const Token* t, Terms* out) noexcept nogil:
    """What the terms of a token are made of, by `part_term`: its parts, then the whole."""
    cdef uint8_t[TOKEN_MAX] cls      # per character: lower, upper, digit, underscore
    cdef uint16_t[TOKEN_MAX + 1] at  # per character: where its lower-cased bytes start in `low`
    cdef uint8_t[2 * TOKEN_MAX + 4] low
    cdef uint8_t[2 * TOKEN_MAX] joined
    cdef uint32_t n = 0, bytes_n = 0, i, j, k, w, first, joined_n = 0
    cdef uint32_t cp
    cdef const uint8_t* p = t.at
    cdef const uint8_t* end = p + t.len
    cdef int c
    out.n = 0
    out.used = 0
    out.has_whole = False
    while p < end:
        c = byte_class(p[0])
        if c == BYTE_HIGH:
            p += character(p, end, &cp)
            k = <uint32_t>cp_class(cp)
            c = BYTE_DIGIT if k == CP_DIGIT else (BYTE_UPPER if cp_is_upper(cp) else BYTE_LOWER)
            w = utf8_encode(fold_case(cp), low + bytes_n)
        else:
            low[bytes_n] = p[0] | 32 if c == BYTE_UPPER else p[0]
            w = 1
            p += 1
        cls[n] = <uint8_t>c
        at[n] = <uint16_t>bytes_n
        n += 1
        bytes_n += w
        if bytes_n > 2 * TOKEN_MAX:
            break
    at[n] = <uint16_t>bytes_n
    if t.kind == TOKEN_HEX:
        _add_part(out, low, bytes_n)
        return
    if t.kind == TOKEN_CJK:
        for i in range(n if n == 1 else n - 1):
            j = i + 2 if i + 2 <= n else n
            _add_part(out, low + at[i], at[j] - at[i])
        return
    i = 0
    while i < n:
        c = cls[i]
        first = i
        if c == BYTE_UNDERSCORE:
            i += 1
            continue
        if c == BYTE_UPPER:
            while i < n and cls[i] == BYTE_UPPER:
                i += 1
            if i < n and cls[i] == BYTE_LOWER:
                if i - first > 1:
                    i -= 1  # the last capital of a run begins the next word: HTTPServer
                else:
                    while i < n and cls[i] == BYTE_LOWER:
                        i += 1
        else:
            while i < n and cls[i] == c:
                i += 1
        _add_part(out, low + at[first], at[i] - at[first])
        copy_bytes(joined + joined_n, low + at[first], at[i] - at[first])
        joined_n += at[i] - at[first]
    if out.n > 1:
        i = out.n
        _add_part(out, joined, joined_n)
        out.has_whole = out.n > i
