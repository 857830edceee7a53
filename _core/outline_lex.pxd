# cython: language_level=3
"""The lexer: the next token of any of the languages. Comments and white space are stepped over and noted per line."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from _core.languages cimport LANG_CPP, LANG_PERL, LANG_R
from _core.outline_words cimport keyword_of
from _core.outline_base cimport *
from _core.runs cimport run_end
from _core.outline_config cimport *
from _core.outline_strings cimport skip_string, skip_block, skip_heredocs, line_end
from _core.outline_marks cimport byte_at, prefixed, special_or_mark


cdef inline uint32_t directive_end(Scan* s, uint32_t p) noexcept nogil:
    """Where the newline of the preprocessor line of `p` is; backslashes continue it, a comment may span lines."""
    cdef uint8_t c
    while p < s.end:
        c = s.text[p]
        if c == 10:
            return p
        if c == 92 and byte_at(s, p + 1) == 10:
            end_line(s, SEEN_CODE)
            p += 2
        elif c == 92 and byte_at(s, p + 1) == 13 and byte_at(s, p + 2) == 10:
            end_line(s, SEEN_CODE)
            p += 3
        elif c == 47 and byte_at(s, p + 1) == 42:
            p = skip_block(s, p + 2, 0)
        elif c == 47 and byte_at(s, p + 1) == 47:
            p = line_end(s, p)
        elif c == 34:
            p = skip_string(s, p + 1, 34, STR_ON | STR_ESCAPE, SEEN_CODE, 0)
        else:
            p += 1
    return s.end


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
    if p < end:
        p += t[p] == 32  # between tokens there is one space or none, and no branch can predict which
    while p < end:
        c = t[p]
        cls = s.cls[c]
        if cls == C_IDENT:
            q = run_end(&s.out.runs, p + 1, end)
            while q < end and s.cont[t[q]]:  # what else this language has in its names
                q = run_end(&s.out.runs, q + 1, end)
            s.tok.start = p
            s.tok.len = q - p
            s.tok.line = s.line
            s.before = s.cur
            s.tok.kind = TK_IDENT
            s.tok.kw = <uint16_t>keyword_of(&s.out.keywords, t + p, q - p)
            if q < end and q - p <= 3 and (t[q] == 34 or t[q] == 39 or t[q] == 35 or s.lang == LANG_PERL):
                p = prefixed(s, p, q)
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
        if cls == C_SPACE:
            p += 1
            while p < end and s.cls[t[p]] == C_SPACE:
                p += 1
            continue
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
            q = run_end(&s.out.runs, p + 1, end)
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
            q = special_or_mark(s, p)
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
