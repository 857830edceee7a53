# cython: language_level=3
"""Marks that may begin a comment, a string, a here-document or a regular expression, by language."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp
from _core.languages cimport *
from _core.outline_words cimport *
from _core.outline_base cimport *
from _core.outline_config cimport *
from _core.outline_strings cimport (
    skip_string, skip_triple, skip_to, skip_block, skip_pair, skip_delimited, skip_regex, heredoc_add, line_end,
    closer_of)


cdef inline uint8_t byte_at(Scan* s, uint32_t p) noexcept nogil:
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
    if mode & STR_TRIPLE and byte_at(s, p + 1) == quote and byte_at(s, p + 2) == quote:
        return skip_triple(s, p + 3, quote, mode & STR_ESCAPE, inside)
    return skip_string(s, p + 1, quote, mode, inside, 0)


cdef inline uint32_t _character(Scan* s, uint32_t p) noexcept nogil:
    """Behind the character literal at the quote `p`; `p` + 1 when it is not one (a lifetime, a type variable)."""
    cdef uint32_t q = p + 1
    cdef uint8_t c = byte_at(s, q)
    if c == 92:
        q += 2
        while q < s.end and q < p + 14 and s.text[q] != 39 and s.text[q] != 10:
            q += 1
        return q + 1 if byte_at(s, q) == 39 else p + 1
    if c == 39 or c == 10 or c == 0:
        return p + 1
    q += 1
    while c >= 192 and q < s.end and q < p + 5 and s.text[q] & 0xC0 == 0x80:
        q += 1
    return q + 1 if byte_at(s, q) == 39 else p + 1


cdef inline uint32_t _raw_hashes(Scan* s, uint32_t p, bint escape) noexcept nogil:
    """Behind `#"…"#` (any number of #) whose first # or quote is at `p`; `p` when it is not such a string."""
    cdef uint32_t q = p, hashes, i
    while byte_at(s, q) == 35 and q - p < 255:
        q += 1
    hashes = q - p
    if byte_at(s, q) != 34:
        return p
    q += 1
    s.cur |= s.mark
    while q < s.end:
        if s.text[q] == 10:
            end_line(s, s.mark | SEEN_INSIDE)
        elif s.text[q] == 92 and escape and byte_at(s, q + 1) != 10:
            q += 1
        elif s.text[q] == 34:
            i = 0
            while i < hashes and byte_at(s, q + 1 + i) == 35:
                i += 1
            if i == hashes:
                return q + 1 + hashes
        q += 1
    return s.end


cdef inline uint32_t _long_bracket(Scan* s, uint32_t p, bint comment) noexcept nogil:
    """Behind Lua's `[==[ … ]==]` at `p`; `p` when it is not one."""
    cdef uint32_t q = p + 1, level, i
    cdef uint8_t inside = s.mark | SEEN_INSIDE
    while byte_at(s, q) == 61:
        q += 1
    if byte_at(s, q) != 91 or q - p > 60:
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
            while i < level and byte_at(s, q + 1 + i) == 61:
                i += 1
            if i == level and byte_at(s, q + 1 + i) == 93:
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
    if byte_at(s, q) != 40:
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
        if byte_at(s, q) != 60:
            return p
        q += 1
        indented = True
        while byte_at(s, q) == 32 or byte_at(s, q) == 9:
            q += 1
    elif byte_at(s, q) == 60 or byte_at(s, q) == 61:
        return p
    elif byte_at(s, q) == 45 or (byte_at(s, q) == 126 and s.lang != LANG_BASH):
        indented = True
        q += 1
    elif _value_before(s) and (s.lang == LANG_RUBY or s.lang == LANG_PERL) and byte_at(s, p - 1) != 32:
        return p
    if s.lang == LANG_BASH:
        while byte_at(s, q) == 32 or byte_at(s, q) == 9:
            q += 1
    c = byte_at(s, q)
    if c == 34 or c == 39 or (c == 96 and s.lang == LANG_RUBY):
        quote = c
        q += 1
    elif c == 92 and s.lang == LANG_BASH:
        q += 1
    start = q
    if quote:
        while q < s.end and s.text[q] != quote and s.text[q] != 10:
            q += 1
        if byte_at(s, q) != quote:
            return p
    else:
        c = byte_at(s, q)
        if not (65 <= c <= 90 or 97 <= c <= 122 or c == 95):
            return p
        if s.lang == LANG_RUBY and not indented and not 65 <= c <= 90:
            return p
        while q < s.end and (s.cont[s.text[q]] or (s.lang == LANG_BASH and s.text[q] == 33)):
            q += 1
    if not heredoc_add(s, start, q - start, indented):
        return p
    return q + 1 if quote else q


cdef inline uint32_t prefixed(Scan* s, uint32_t start, uint32_t p) noexcept nogil:
    """Behind the string that the identifier start..p is the prefix of (`r"…"`); `p` when there is none there."""
    cdef uint8_t c = byte_at(s, p)
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
    if s.lang == LANG_R and n == 1 and f | 32 == 114 and (c == 34 or c == 39) and byte_at(s, p + 1) == 40:
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
        while byte_at(s, i) == 32:
            i += 1
        c = byte_at(s, i)
        if c <= 32 or s.cont[c] or c == 44 or c == 59 or c == 41 or c == 61 or c == 62 or (c == 35 and i > p):
            return p
        if i > p and c == 45:
            return p
        s.cur |= s.mark
        i = skip_delimited(s, i + 1, c)
        if f == 115 or f == 121 or f == 116:  # s{…}{…}, tr/…/…/
            if closer_of(c) != c:
                while byte_at(s, i) == 32:
                    i += 1
                if i < s.end and s.text[i] > 32:
                    i = skip_delimited(s, i + 1, s.text[i])
            else:
                i = skip_delimited(s, i, c)
        return i
    return p


cdef inline uint32_t special_or_mark(Scan* s, uint32_t p) noexcept nogil:
    """A byte that may begin a comment or a literal: behind it, with `tok.kind` TK_STRING or TK_IDENT for a literal or
    a quoted name and 0 for a comment; `p` itself when it is a plain mark."""
    cdef uint8_t c = s.text[p]
    cdef uint8_t d = byte_at(s, p + 1)
    cdef uint32_t q
    cdef uint8_t mode
    s.tok.kind = TK_STRING
    if c == 47:  # /
        if d == 47 and s.slash_comment:
            s.tok.kind = 0
            if s.lang == LANG_CSS and byte_at(s, p - 1) == 58:  # url(http://…)
                s.tok.kind = TK_STRING
                return p + 2
            if byte_at(s, p + 2) == 33 and (s.lang == LANG_RUST or s.lang == LANG_ZIG):
                s.cur |= SEEN_HEAD
            s.cur |= SEEN_COMMENT
            p = line_end(s, p)
            while s.preprocessor and p < s.end and s.text[p - 1] == 92:
                end_line(s, SEEN_COMMENT | SEEN_INSIDE)
                p = line_end(s, p + 1)
            return p
        if d == 42 and s.block_comment:
            s.tok.kind = 0
            return skip_block(s, p + 2, SEEN_HEAD if s.lang == LANG_RUST and byte_at(s, p + 2) == 33 else 0)
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
            return q + 1 if byte_at(s, q) == c else q
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
                while byte_at(s, q) == 45:
                    q += 1
                if s.cls[byte_at(s, q)] == C_OPERATOR and byte_at(s, q) != 124 and byte_at(s, q) != 94:
                    return p
            s.tok.kind = 0
            if s.lang == LANG_LUA and byte_at(s, p + 2) == 91:
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
            if q > p + 1 and byte_at(s, q) == 124 and byte_at(s, q + 1) != 124:
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
        if s.lang == LANG_OCAML and d == 42 and byte_at(s, p + 2) != 41:
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
        if s.lang == LANG_ELIXIR and d > 32 and not s.cont[byte_at(s, p + 2)]:
            s.cur |= s.mark
            return p + 2
        if s.lang == LANG_RUBY and d > 32 and not s.cont[byte_at(s, p + 2)] and not _value_before(s):
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
        if s.lang == LANG_RUBY and (not _value_before(s) or s.prev == TK_IDENT and byte_at(s, p - 1) == 32):
            q = p + 1
            if d == 119 or d == 87 or d == 105 or d == 73 or d == 113 or d == 81 or d == 114 or d == 120 or d == 115:
                q += 1
                d = byte_at(s, q)
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
            while byte_at(s, q) == 36:
                q += 1
            if byte_at(s, q) == 34:
                if byte_at(s, q + 1) == 34 and byte_at(s, q + 2) == 34:
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
            if byte_at(s, q) == 36 and not 48 <= d <= 57:
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
                return q + 1 if byte_at(s, q) == 125 else p + 2
            if d == 35 or d == 36:
                return p + 2
            return p + 1
        if s.lang == LANG_PERL or s.lang == LANG_RUBY or s.lang == LANG_ERLANG:
            s.cur |= s.mark
            if s.lang == LANG_ERLANG:
                return p + 3 if d == 92 and p + 3 <= s.end else (p + 2 if d > 32 else p + 1)
            s.tok.kind = TK_NUMBER
            if d == 34 or d == 39 or d == 47 or d == 38 or d == 96 or d == 59 or d == 36 \
                    or d == 35 and s.lang == LANG_PERL:  # the variables $' and the like
                return p + 2
            q = p + 1
            while q < s.end and s.cont[s.text[q]]:
                q += 1
            return q
        return p
    if c == 64:  # @
        if s.lang == LANG_CSHARP:
            q = p + 2 if d == 36 else p + 1
            if byte_at(s, q) == 34:
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
            d = byte_at(s, q)
            if d == 34 and byte_at(s, q + 1) == 34 and byte_at(s, q + 2) == 34 or d == 34:
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
