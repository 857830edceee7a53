# cython: language_level=3
"""The lexer: the next token of any of the languages. Comments and white space are stepped over and noted per line."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_config cimport *
from _core.outline_strings cimport (
    skip_string, skip_triple, skip_to, skip_block, skip_pair, skip_delimited, skip_regex, skip_heredocs, heredoc_add,
    line_end, closer_of)


cdef inline uint8_t _at(Scan* s, uint32_t p) noexcept nogil:
    """The byte at `p`, 0 behind the end."""
    return s.text[p] if p < s.end else 0


cdef inline bint _value_before(Scan* s) noexcept nogil:
    """Whether the token before ends a value, so that `/` divides and `<<` shifts."""
    if s.prev == TK_IDENT:
        return not (s.prev_kw == KW_RETURN or s.prev_kw == KW_CASE or s.prev_kw == KW_TYPEOF or s.prev_kw == KW_IN
                    or s.prev_kw == KW_OF or s.prev_kw == KW_WHEN or s.prev_kw == KW_IF or s.prev_kw == KW_UNLESS
                    or s.prev_kw == KW_AND or s.prev_kw == KW_OR or s.prev_kw == KW_NOT or s.prev_kw == KW_ELSIF
                    or s.prev_kw == KW_WHILE or s.prev_kw == KW_UNTIL or s.prev_kw == KW_YIELD
                    or s.prev_kw == KW_DELETE or s.prev_kw == KW_VOID or s.prev_kw == KW_THEN or s.prev_kw == KW_ELSE
                    or s.prev_kw == KW_AWAIT or s.prev_kw == KW_THROW)
    return s.prev == TK_NUMBER or s.prev == TK_STRING or s.prev == 41 or s.prev == 93 or s.prev == 125


cdef inline uint32_t _quoted(Scan* s, uint32_t p, uint8_t quote, int mode) noexcept nogil:
    """Behind the string whose opening quote is at `p`; a docstring counts as a comment."""
    cdef uint8_t inside = SEEN_CODE | SEEN_INSIDE
    cdef uint8_t head = 0
    if s.doc_ok:
        if s.lang == LANG_PYTHON and not s.any_code and not s.cur & SEEN_CODE:
            head = SEEN_HEAD
        inside = SEEN_COMMENT | SEEN_INSIDE | head
        s.cur |= SEEN_COMMENT | head
    else:
        s.cur |= s.mark
        if s.mark != SEEN_CODE:
            inside = s.mark | SEEN_INSIDE
    if mode & STR_TRIPLE and _at(s, p + 1) == quote and _at(s, p + 2) == quote:
        return skip_triple(s, p + 3, quote, mode & STR_ESCAPE, inside)
    return skip_string(s, p + 1, quote, mode, inside, 0)


cdef inline uint32_t _character(Scan* s, uint32_t p) noexcept nogil:
    """Behind the character literal at the quote `p`; `p` + 1 when it is not one (a lifetime, a type variable)."""
    cdef uint32_t q = p + 1
    cdef uint8_t c = _at(s, q)
    if c == 92:
        q += 2
        while q < s.end and q < p + 14 and s.text[q] != 39 and s.text[q] != 10:
            q += 1
        return q + 1 if _at(s, q) == 39 else p + 1
    if c == 39 or c == 10 or c == 0:
        return p + 1
    q += 1
    while c >= 192 and q < s.end and q < p + 5 and s.text[q] & 0xC0 == 0x80:
        q += 1
    return q + 1 if _at(s, q) == 39 else p + 1


cdef inline uint32_t _raw_hashes(Scan* s, uint32_t p, bint escape) noexcept nogil:
    """Behind `#"…"#` (any number of #) whose first # or quote is at `p`; `p` when it is not such a string."""
    cdef uint32_t q = p, hashes, i
    while _at(s, q) == 35 and q - p < 255:
        q += 1
    hashes = q - p
    if _at(s, q) != 34:
        return p
    q += 1
    s.cur |= s.mark
    while q < s.end:
        if s.text[q] == 10:
            end_line(s, s.mark | SEEN_INSIDE)
        elif s.text[q] == 92 and escape and _at(s, q + 1) != 10:
            q += 1
        elif s.text[q] == 34:
            i = 0
            while i < hashes and _at(s, q + 1 + i) == 35:
                i += 1
            if i == hashes:
                return q + 1 + hashes
        q += 1
    return s.end


cdef inline uint32_t _long_bracket(Scan* s, uint32_t p, bint comment) noexcept nogil:
    """Behind Lua's `[==[ … ]==]` at `p`; `p` when it is not one."""
    cdef uint32_t q = p + 1, level, i
    cdef uint8_t inside = s.mark | SEEN_INSIDE
    while _at(s, q) == 61:
        q += 1
    if _at(s, q) != 91 or q - p > 60:
        return p
    level = q - p - 1
    if comment:
        inside = SEEN_COMMENT | SEEN_INSIDE
        s.cur |= SEEN_COMMENT
    else:
        s.cur |= s.mark
    q += 1
    while q < s.end:
        if s.text[q] == 10:
            end_line(s, inside)
        elif s.text[q] == 93:
            i = 0
            while i < level and _at(s, q + 1 + i) == 61:
                i += 1
            if i == level and _at(s, q + 1 + i) == 93:
                return q + level + 2
        q += 1
    return s.end


cdef inline uint32_t _cpp_raw(Scan* s, uint32_t p) noexcept nogil:
    """Behind R"delimiter(…)delimiter" whose quote is at `p`."""
    cdef uint8_t[20] stop
    cdef uint32_t n = 1
    cdef uint32_t q = p + 1
    stop[0] = 41
    while n < 18 and q < s.end and s.text[q] != 40 and s.text[q] > 32:
        stop[n] = s.text[q]
        n += 1
        q += 1
    if _at(s, q) != 40:
        return skip_string(s, p + 1, 34, STR_ON, SEEN_CODE, 0)
    stop[n] = 34
    s.cur |= s.mark
    return skip_to(s, q + 1, stop, n + 1, s.mark | SEEN_INSIDE)


cdef inline uint32_t _line_comment(Scan* s, uint32_t p) noexcept nogil:
    s.cur |= SEEN_COMMENT
    return line_end(s, p)


cdef inline uint32_t _comment_lines(Scan* s, uint32_t p, const uint8_t* stop, uint32_t n) noexcept nogil:
    """Where the newline is of the first line that begins with `stop`; every line from that of `p` on is comment."""
    while p < s.end:
        s.cur |= SEEN_COMMENT
        if s.end - p >= n and memcmp(s.text + p, stop, n) == 0:
            return line_end(s, p)
        p = line_end(s, p)
        if p < s.end:
            end_line(s, SEEN_COMMENT | SEEN_INSIDE)
            p += 1
    return s.end


cdef inline uint32_t _heredoc(Scan* s, uint32_t p) noexcept nogil:
    """Behind the `<<MARK` at `p` when a here-document begins there, else `p`."""
    cdef uint32_t q = p + 2, start
    cdef bint indented = False
    cdef uint8_t c, quote = 0
    if s.lang == LANG_PHP:
        if _at(s, q) != 60:
            return p
        q += 1
        indented = True
        while _at(s, q) == 32 or _at(s, q) == 9:
            q += 1
    elif _at(s, q) == 60 or _at(s, q) == 61:
        return p
    elif _at(s, q) == 45 or (_at(s, q) == 126 and s.lang != LANG_BASH):
        indented = True
        q += 1
    elif _value_before(s) and (s.lang == LANG_RUBY or s.lang == LANG_PERL) and _at(s, p - 1) != 32:
        return p
    if s.lang == LANG_BASH:
        while _at(s, q) == 32 or _at(s, q) == 9:
            q += 1
    c = _at(s, q)
    if c == 34 or c == 39 or (c == 96 and s.lang == LANG_RUBY):
        quote = c
        q += 1
    elif c == 92 and s.lang == LANG_BASH:
        q += 1
    start = q
    if quote:
        while q < s.end and s.text[q] != quote and s.text[q] != 10:
            q += 1
        if _at(s, q) != quote:
            return p
    else:
        c = _at(s, q)
        if not (65 <= c <= 90 or 97 <= c <= 122 or c == 95):
            return p
        if s.lang == LANG_RUBY and not indented and not 65 <= c <= 90:
            return p
        while q < s.end and (s.cont[s.text[q]] or (s.lang == LANG_BASH and s.text[q] == 33)):
            q += 1
    if not heredoc_add(s, start, q - start, indented):
        return p
    return q + 1 if quote else q


cdef inline uint32_t _prefixed(Scan* s, uint32_t start, uint32_t p) noexcept nogil:
    """Behind the string that the identifier start..p is the prefix of (`r"…"`); `p` when there is none there."""
    cdef uint8_t c = _at(s, p)
    cdef uint32_t n = p - start, i
    cdef uint8_t f = s.text[start]
    cdef bint raw = False
    if s.lang == LANG_PYTHON and n <= 3 and (c == 34 or c == 39):
        for i in range(n):
            f = s.text[start + i] | 32
            if f != 114 and f != 98 and f != 102 and f != 117 and f != 116:
                return p
        return _quoted(s, p, c, s.dq)  # a backslash before the quote keeps it from closing in raw strings too
    if s.lang == LANG_RUST and n <= 2 and (c == 34 or c == 35 or c == 39):
        if s.text[p - 1] == 114 and c != 39 and (n == 1 or f == 98 or f == 99):
            return _raw_hashes(s, p, False)
        if n == 1 and f == 98 and c == 39:
            i = _character(s, p)
            return i if i > p + 1 else p
        return p
    if s.lang == LANG_CPP and c == 34 and s.text[p - 1] == 82 and n <= 3:
        return _cpp_raw(s, p)
    if s.lang == LANG_DART and n == 1 and f == 114 and (c == 34 or c == 39):
        return _quoted(s, p, c, s.dq & ~(STR_ESCAPE | STR_INTERP))
    if s.lang == LANG_R and n == 1 and f | 32 == 114 and (c == 34 or c == 39) and _at(s, p + 1) == 40:
        s.cur |= s.mark
        return skip_to(s, p + 2, <const uint8_t*>(b")\"" if c == 34 else b")'"), 2, s.mark | SEEN_INSIDE)
    if s.lang == LANG_ELIXIR or s.lang == LANG_JULIA:
        if c == 34 and s.prev != 46:
            return _quoted(s, p, 34, s.dq)
        return p
    if s.lang == LANG_PERL and n <= 2 and s.prev != TK_THIN and s.prev != 38 and s.prev_kw != KW_SUB:
        # q qq qw qr m s tr y
        if n == 1:
            raw = f == 113 or f == 109 or f == 115 or f == 121
        else:
            c = s.text[start + 1]
            raw = (f == 113 and (c == 113 or c == 119 or c == 114 or c == 120)) or (f == 116 and c == 114)
        if not raw:
            return p
        i = p
        while _at(s, i) == 32:
            i += 1
        c = _at(s, i)
        if c <= 32 or s.cont[c] or c == 44 or c == 59 or c == 41 or c == 61 or c == 62 or (c == 35 and i > p):
            return p
        if i > p and c == 45:
            return p
        s.cur |= s.mark
        i = skip_delimited(s, i + 1, c)
        if f == 115 or f == 121 or f == 116:  # s{…}{…}, tr/…/…/
            if closer_of(c) != c:
                while _at(s, i) == 32:
                    i += 1
                if i < s.end and s.text[i] > 32:
                    i = skip_delimited(s, i + 1, s.text[i])
            else:
                i = skip_delimited(s, i, c)
        return i
    return p


cdef inline uint32_t _directive_end(Scan* s, uint32_t p) noexcept nogil:
    """Where the newline of the preprocessor line of `p` is; backslashes continue it, a comment may span lines."""
    cdef uint8_t c
    while p < s.end:
        c = s.text[p]
        if c == 10:
            return p
        if c == 92 and _at(s, p + 1) == 10:
            end_line(s, SEEN_CODE)
            p += 2
        elif c == 92 and _at(s, p + 1) == 13 and _at(s, p + 2) == 10:
            end_line(s, SEEN_CODE)
            p += 3
        elif c == 47 and _at(s, p + 1) == 42:
            p = skip_block(s, p + 2, 0)
        elif c == 47 and _at(s, p + 1) == 47:
            p = line_end(s, p)
        elif c == 34:
            p = skip_string(s, p + 1, 34, STR_ON | STR_ESCAPE, SEEN_CODE, 0)
        else:
            p += 1
    return s.end


cdef inline uint32_t _special_or_mark(Scan* s, uint32_t p) noexcept nogil:
    """A byte that may begin a comment or a literal: behind it, with `tok.kind` TK_STRING or TK_IDENT for a literal or
    a quoted name and 0 for a comment; `p` itself when it is a plain mark."""
    cdef uint8_t c = s.text[p]
    cdef uint8_t d = _at(s, p + 1)
    cdef uint32_t q
    cdef uint8_t mode
    s.tok.kind = TK_STRING
    if c == 47:  # /
        if d == 47 and s.slash_comment:
            s.tok.kind = 0
            if s.lang == LANG_CSS and _at(s, p - 1) == 58:  # url(http://…)
                s.tok.kind = TK_STRING
                return p + 2
            if _at(s, p + 2) == 33 and (s.lang == LANG_RUST or s.lang == LANG_ZIG):
                s.cur |= SEEN_HEAD
            s.cur |= SEEN_COMMENT
            p = line_end(s, p)
            while s.preprocessor and p < s.end and s.text[p - 1] == 92:
                end_line(s, SEEN_COMMENT | SEEN_INSIDE)
                p = line_end(s, p + 1)
            return p
        if d == 42 and s.block_comment:
            s.tok.kind = 0
            return skip_block(s, p + 2, SEEN_HEAD if s.lang == LANG_RUST and _at(s, p + 2) == 33 else 0)
        if s.regex and p >= s.no_regex_before and not _value_before(s):
            if s.prev == 60 or d == 62 or d == 32 and (s.lang == LANG_RUBY or s.lang == LANG_PERL):  # </tag>, <tag />
                return p
            q = skip_regex(s, p + 1)
            return p if q == p + 1 else q
        if s.regex and s.prev == TK_IDENT and d != 32 and d != 61 and p > 0 and s.text[p - 1] == 32 \
                and s.lang == LANG_RUBY and p >= s.no_regex_before:  # puts /x/
            q = skip_regex(s, p + 1)
            return p if q == p + 1 else q
        return p
    if c == 34 or c == 39 or c == 96:
        mode = s.dq if c == 34 else (s.sq if c == 39 else s.bt)
        if mode & STR_CHAR:
            q = _character(s, p)
            if q == p + 1 and s.lang != LANG_JULIA:  # lifetime, 'symbol, type variable
                while q < s.end and s.cont[s.text[q]] and s.text[q] != 39:
                    q += 1
            return q
        if mode & STR_NAME:
            q = p + 1
            while q < s.end and s.text[q] != c and s.text[q] != 10:
                q += 1
            s.tok.kind = TK_IDENT
            s.tok.start = p + 1
            s.tok.len = q - p - 1
            return q + 1 if _at(s, q) == c else q
        if s.lang == LANG_PERL and c == 39 and p > 0 and s.cont[s.text[p - 1]] and d != 44 and s.cont[d]:
            return p + 1  # the old package separator
        return _quoted(s, p, c, mode)
    if c == 35:  # #
        if s.hash_comment:
            if s.lang == LANG_BASH and p > 0 and s.cls[s.text[p - 1]] != C_SPACE and s.text[p - 1] != 10 \
                    and s.text[p - 1] != 59 and s.text[p - 1] != 40 and s.text[p - 1] != 41:
                return p
            if s.lang == LANG_PHP and d == 91:
                return p
            s.tok.kind = 0
            if s.lang == LANG_JULIA and d == 61:
                return skip_pair(s, p + 2, 35, 61, 61, 35)
            return _line_comment(s, p)
        if s.lang == LANG_SWIFT and (p == 0 or s.text[p - 1] != 35):
            return _raw_hashes(s, p, False)
        return p
    if c == 45:  # -
        if s.dash_comment and d == 45:
            if s.lang == LANG_HASKELL:
                q = p + 2
                while _at(s, q) == 45:
                    q += 1
                if s.cls[_at(s, q)] == C_OPERATOR and _at(s, q) != 124 and _at(s, q) != 94:
                    return p
            s.tok.kind = 0
            if s.lang == LANG_LUA and _at(s, p + 2) == 91:
                q = _long_bracket(s, p + 2, True)
                if q != p + 2:
                    return q
            return _line_comment(s, p)
        return p
    if c == 91:  # [
        if s.lang == LANG_LUA:
            return _long_bracket(s, p, False)
        if s.lang == LANG_HASKELL:  # [quoter| … |]
            q = p + 1
            while q < s.end and s.cont[s.text[q]]:
                q += 1
            if q > p + 1 and _at(s, q) == 124 and _at(s, q + 1) != 124:
                s.cur |= s.mark
                return skip_to(s, q + 1, <const uint8_t*>b"|]", 2, s.mark | SEEN_INSIDE)
        return p
    if c == 123:  # {
        if s.lang == LANG_HASKELL and d == 45:
            s.tok.kind = 0
            return skip_pair(s, p + 2, 123, 45, 45, 125)
        if s.lang == LANG_OCAML and d == 124:
            s.cur |= s.mark
            return skip_to(s, p + 2, <const uint8_t*>b"|}", 2, s.mark | SEEN_INSIDE)
        return p
    if c == 40:  # (
        if s.lang == LANG_OCAML and d == 42 and _at(s, p + 2) != 41:
            s.tok.kind = 0
            return skip_pair(s, p + 2, 40, 42, 42, 41)
        return p
    if c == 60:  # <
        if d == 60:
            q = _heredoc(s, p)
            if q != p:
                s.cur |= s.mark
            return q
        return p
    if c == 63:  # ?
        if s.lang == LANG_PHP and d == 62:
            s.cur |= s.mark
            s.tok.kind = 59
            q = skip_to(s, p + 2, <const uint8_t*>b"<?", 2, SEEN_CODE | SEEN_INSIDE)
            while q < s.end and s.cont[s.text[q]]:  # php
                q += 1
            return q
        if s.lang == LANG_ELIXIR and d > 32 and not s.cont[_at(s, p + 2)]:
            s.cur |= s.mark
            return p + 2
        if s.lang == LANG_RUBY and d > 32 and not s.cont[_at(s, p + 2)] and not _value_before(s):
            s.cur |= s.mark
            return p + 2
        return p
    if c == 61:  # =
        if p == 0 or s.text[p - 1] == 10:
            if s.lang == LANG_RUBY and s.end - p > 6 and memcmp(s.text + p, b"=begin", 6) == 0:
                s.tok.kind = 0
                return _comment_lines(s, p, <const uint8_t*>b"=end", 4)
            if s.lang == LANG_PERL and s.cls[d] == C_IDENT:
                s.tok.kind = 0
                return _comment_lines(s, p, <const uint8_t*>b"=cut", 4)
        return p
    if c == 37:  # %
        if s.lang == LANG_ERLANG:
            s.tok.kind = 0
            return _line_comment(s, p)
        if s.lang == LANG_RUBY and not _value_before(s):
            q = p + 1
            if d == 119 or d == 87 or d == 105 or d == 73 or d == 113 or d == 81 or d == 114 or d == 120 or d == 115:
                q += 1
                d = _at(s, q)
            if d == 91 or d == 40 or d == 123 or d == 60 or d == 124 or d == 33 or d == 47:
                s.cur |= s.mark
                q = skip_delimited(s, q + 1, d)
                return q
        if s.lang == LANG_PERL and (s.cls[d] == C_IDENT or d == 36 or d == 123) and not _value_before(s):
            return p
        return p
    if c == 36:  # $
        if s.lang == LANG_CSHARP:
            q = p + 1
            if d == 64:
                q += 1
            while _at(s, q) == 36:
                q += 1
            if _at(s, q) == 34:
                if _at(s, q + 1) == 34 and _at(s, q + 2) == 34:
                    s.cur |= s.mark
                    return skip_triple(s, q + 3, 34, False, s.mark | SEEN_INSIDE)
                if d == 64:
                    return _quoted(s, q, 34, STR_ON | STR_MULTI | STR_DOUBLED | STR_INTERP)
                return _quoted(s, q, 34, STR_ON | STR_ESCAPE | STR_INTERP)
            return p
        if s.lang == LANG_SQL:
            q = p + 1
            while q < s.end and q < p + 40 and s.cont[s.text[q]]:
                q += 1
            if _at(s, q) == 36 and not 48 <= d <= 57:
                s.cur |= s.mark
                return skip_to(s, q + 1, s.text + p, q + 1 - p, s.mark | SEEN_INSIDE)
            return p
        if s.lang == LANG_BASH:
            s.cur |= s.mark
            if d == 39:
                return skip_string(s, p + 2, 39, STR_ON | STR_ESCAPE | STR_MULTI, s.mark | SEEN_INSIDE, 0)
            if d == 123:
                q = p + 2
                while q < s.end and q < p + 200 and s.text[q] != 125 and s.text[q] != 10 and s.text[q] != 34 \
                        and s.text[q] != 39:
                    q += 1
                return q + 1 if _at(s, q) == 125 else p + 2
            if d == 35 or d == 36:
                return p + 2
            return p + 1
        if s.lang == LANG_PERL or s.lang == LANG_ERLANG:
            s.cur |= s.mark
            if s.lang == LANG_ERLANG:
                return p + 3 if d == 92 and p + 3 <= s.end else (p + 2 if d > 32 else p + 1)
            s.tok.kind = TK_NUMBER
            if d == 35 or d == 36 or d == 34 or d == 39 or d == 47 or d == 38 or d == 96 or d == 59:
                return p + 2
            q = p + 1
            while q < s.end and s.cont[s.text[q]]:
                q += 1
            return q
        return p
    if c == 64:  # @
        if s.lang == LANG_CSHARP:
            q = p + 2 if d == 36 else p + 1
            if _at(s, q) == 34:
                return _quoted(s, q, 34, STR_ON | STR_MULTI | STR_DOUBLED)
            return p
        if s.lang == LANG_ELIXIR:
            q = p + 1
            while q < s.end and s.cont[s.text[q]]:
                q += 1
            if same_word(s.text + p + 1, q - p - 1, b"doc") or same_word(s.text + p + 1, q - p - 1, b"moduledoc") \
                    or same_word(s.text + p + 1, q - p - 1, b"typedoc") \
                    or same_word(s.text + p + 1, q - p - 1, b"shortdoc"):
                s.doc_ok = True
                s.cur |= SEEN_COMMENT
                return q
            return p
        if s.lang == LANG_PERL:
            s.cur |= s.mark
            s.tok.kind = TK_NUMBER
            return p + 1
        return p
    if c == 126:  # ~
        if s.lang == LANG_ELIXIR and s.cls[d] == C_IDENT:
            q = p + 1
            while q < s.end and s.cls[s.text[q]] == C_IDENT:
                q += 1
            d = _at(s, q)
            if d == 34 and _at(s, q + 1) == 34 and _at(s, q + 2) == 34 or d == 34:
                return _quoted(s, q, 34, s.dq)
            if d == 39:
                return _quoted(s, q, 39, s.sq)
            if d == 40 or d == 91 or d == 123 or d == 60 or d == 124 or d == 47:
                s.cur |= s.mark
                return skip_delimited(s, q + 1, d)
        return p
    if c == 92:  # \
        if s.lang == LANG_ZIG and d == 92:
            s.cur |= s.mark
            return line_end(s, p)
        if s.lang == LANG_CLOJURE or s.lang == LANG_BASH:
            s.cur |= s.mark
            if d == 10:
                if s.lang == LANG_BASH:  # the line goes on
                    end_line(s, 0)
                    s.tok.kind = 0
                    return p + 2
                return p + 1
            return p + 2 if p + 2 <= s.end else s.end
        return p
    if c == 59:  # ;
        if s.lang == LANG_CLOJURE:
            s.tok.kind = 0
            return _line_comment(s, p)
        return p
    return p


cdef inline void next_token(Scan* s) noexcept nogil:
    """Read the next token into `s.tok`; TK_END behind the last one."""
    cdef const uint8_t* t = s.text
    cdef uint32_t p = s.pos
    cdef uint32_t end = s.end
    cdef uint32_t q
    cdef uint8_t c, cls, d
    s.prev = s.tok.kind
    s.prev_kw = s.tok.kw
    s.first = False
    while p < end:
        c = t[p]
        cls = s.cls[c]
        if cls == C_SPACE:
            p += 1
            continue
        if cls == C_IDENT:
            q = p + 1
            while q < end and s.cont[t[q]]:
                q += 1
            s.tok.start = p
            s.tok.len = q - p
            s.tok.line = s.line
            s.before = s.cur
            s.tok.kind = TK_IDENT
            s.tok.kw = <uint16_t>keyword_of(&s.out.keywords, t + p, q - p)
            if q < end and q - p <= 3 and (t[q] == 34 or t[q] == 39 or t[q] == 35 or s.lang == LANG_PERL):
                p = _prefixed(s, p, q)
                if p != q:
                    s.tok.kind = TK_STRING
                    s.tok.kw = 0
                    s.tok.len = p - s.tok.start
                    if not s.doc_ok:
                        s.cur |= s.mark
                    s.pos = p
                    return
            s.cur |= s.mark
            s.pos = q
            return
        if cls == C_NEWLINE:
            if s.lines_mode:
                s.tok.start = p
                s.tok.len = 1
                s.tok.line = s.line
                s.tok.kind = TK_NEWLINE
                s.tok.kw = 0
                end_line(s, 0)
                p += 1
                if s.heredocs:
                    p = skip_heredocs(s, p, SEEN_CODE | SEEN_INSIDE)
                s.pos = p
                return
            end_line(s, 0)
            s.first = True
            p += 1
            if s.heredocs:
                p = skip_heredocs(s, p, SEEN_CODE | SEEN_INSIDE)
            continue
        s.tok.start = p
        s.tok.line = s.line
        s.tok.kw = 0
        s.before = s.cur
        if cls == C_DIGIT:
            q = p + 1
            while q < end:
                c = t[q]
                if s.cont[c] and c != 45 and c != 58 or c == 46 and q + 1 < end and 48 <= t[q + 1] <= 57:
                    q += 1
                elif c == 39 and s.lang == LANG_CPP and q + 1 < end and s.cont[t[q + 1]]:
                    q += 1
                else:
                    break
            s.tok.kind = TK_NUMBER
            s.tok.len = q - p
            s.cur |= s.mark
            s.pos = q
            return
        if cls == C_SPECIAL:
            s.tok.len = 0
            q = _special_or_mark(s, p)
            if q > p:
                if q > end:
                    q = end
                if s.tok.kind == 0:
                    p = q
                    if s.line != s.tok.line:
                        s.first = True
                    continue
                if s.tok.kind != TK_IDENT:
                    s.tok.len = q - s.tok.start
                if not s.doc_ok:
                    s.cur |= s.mark
                s.pos = q
                return
            if s.cls[c] == C_SPECIAL and (c == 45 or c == 37 or c == 60 or c == 61 or c == 63 or c == 126 or c == 47):
                cls = C_OPERATOR
        s.tok.kind = c
        s.cur |= s.mark
        q = p + 1
        if cls == C_OPERATOR and q < end:
            d = t[q]
            if c == 61:
                if d == 61:
                    while q < end and t[q] == 61:
                        q += 1
                    s.tok.kind = TK_OP
                elif d == 62:
                    q += 1
                    s.tok.kind = TK_ARROW
                elif d == 126:
                    q += 1
                    s.tok.kind = TK_OP
            elif d == 61 and c != 63:
                q += 1
                while q < end and t[q] == 61:
                    q += 1
                s.tok.kind = TK_OP
            elif c == 45 and d == 62:
                q += 1
                s.tok.kind = TK_THIN
            elif c == 58 and d == 58:
                q += 1
                s.tok.kind = TK_SCOPE
            elif c == 60 and d == 60:
                q += 1
                s.tok.kind = TK_OP
                if s.lang == LANG_R and q < end and t[q] == 45:
                    q += 1
                    s.tok.kind = 61
            elif c == 60 and d == 45 and s.lang == LANG_R:
                q += 1
                s.tok.kind = 61
        s.tok.len = q - p
        s.pos = q
        return
    s.pos = end
    s.tok.kind = TK_END
    s.tok.kw = 0
    s.tok.start = end
    s.tok.len = 0
    s.tok.line = s.line
