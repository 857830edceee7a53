# cython: language_level=3
"""Stepping over literals and comments of several lines, keeping count of the lines."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp
from _core.languages cimport LANG_BASH, LANG_CSHARP, LANG_PHP, LANG_RUBY
from _core.outline_base cimport (
    Scan, Heredoc, end_line, TK_OP, TK_IDENT, SEEN_CODE, SEEN_COMMENT, SEEN_INSIDE, SEEN_HEAD)
from _core.outline_config cimport STR_ESCAPE, STR_MULTI, STR_DOUBLED, STR_INTERP


cdef enum:
    INTERPOLATION_DEEPEST = 6
    REGEX_LONGEST = 4000
    REGEX_IN_STRING = 120


cdef inline uint8_t closer_of(uint8_t c) noexcept nogil:
    """The bracket that closes `c`; `c` itself when it is not a bracket."""
    if c == 40: return 41
    elif c == 91: return 93
    elif c == 123: return 125
    elif c == 60: return 62
    return c


cdef inline bint _regex_before(const uint8_t* t, uint32_t p) noexcept nogil:
    """Whether what stands before `/` is followed by a value: a bracket, a comma or an operator."""
    cdef uint8_t c
    if p > 0 and t[p - 1] == 32:
        p -= 1
    c = t[p - 1] if p else 0
    return c == 40 or c == 44 or c == 61 or c == 58 or c == 91 or c == 123 or c == 33 or c == 38 or c == 124


cdef inline uint32_t _short_regex(Scan* s, uint32_t p) noexcept nogil:
    """Behind the regular expression whose text begins at `p`, 0 when it does not end on the line and soon."""
    cdef uint32_t stop = p + REGEX_IN_STRING if s.end - p > REGEX_IN_STRING else s.end
    cdef bint in_class = False
    cdef uint8_t c
    while p < stop and s.text[p] != 10:
        c = s.text[p]
        if c == 92:
            p += 1
        elif c == 91:
            in_class = True
        elif c == 93:
            in_class = False
        elif c == 47 and not in_class:
            return p + 1
        p += 1
    return 0


cdef inline uint32_t skip_string(
    Scan* s, uint32_t p, uint8_t quote, int mode, uint8_t inside, int level,
) noexcept nogil:
    """Behind the string whose text begins at `p`. A string that must not span lines ends before the newline.

    `inside` is what the lines that begin inside the string are taken for. Interpolations (`${…}`, `#{…}`, `\\(…)`,
    `$(…)` of the shell) may hold quotes again.
    """
    cdef const uint8_t* t = s.text
    cdef uint32_t end = s.end
    cdef uint8_t c, opener, closer
    cdef uint32_t nesting, q
    while p < end:
        c = t[p]
        if c == quote:
            if mode & STR_DOUBLED and p + 1 < end and t[p + 1] == quote:
                p += 2
                continue
            return p + 1
        if c == 10:
            if not mode & STR_MULTI:
                return p
            end_line(s, inside)
            p += 1
            continue
        if mode & STR_INTERP and level < INTERPOLATION_DEEPEST and p + 1 < end:
            opener = 0
            if c == s.interp and (t[p + 1] == 123 or (c == 92 and t[p + 1] == 40)):
                opener = t[p + 1]
            elif s.lang == LANG_BASH and c == 36 and t[p + 1] == 40:
                opener = 40
            elif s.lang == LANG_CSHARP and c == 123:
                if t[p + 1] == 123:
                    p += 2
                    continue
                opener = 123
                p -= 1
            if opener:
                closer = closer_of(opener)
                nesting = 1
                p += 2
                while p < end and nesting:
                    c = t[p]
                    if c == opener:
                        nesting += 1
                    elif c == closer:
                        nesting -= 1
                    elif c == 34 or c == 39 or c == 96:
                        if c == 39 and s.lang == LANG_BASH:  # an apostrophe in a comment or a word costs too much
                            p += 1
                            continue
                        q = skip_string(s, p + 1, c, mode if c == quote else mode & ~STR_MULTI, inside, level + 1)
                        # a quote that is not closed on its line is none (an apostrophe, a regular expression)
                        p = p + 1 if q < end and t[q] == 10 and t[q - 1] != c else q
                        continue
                    elif c == 47 and s.regex and _regex_before(t, p):
                        q = _short_regex(s, p + 1)
                        if q:
                            p = q
                            continue
                    elif c == 92 and p + 1 < end and t[p + 1] != 10:
                        p += 1
                    elif c == 10:
                        if not mode & STR_MULTI:
                            return p
                        end_line(s, inside)
                    p += 1
                continue
        if c == 92 and mode & STR_ESCAPE:
            if p + 1 < end and t[p + 1] == 10:
                end_line(s, inside)
            p += 2
            continue
        p += 1
    return end


cdef inline uint32_t skip_triple(Scan* s, uint32_t p, uint8_t quote, bint escape, uint8_t inside) noexcept nogil:
    """Behind the string in three quotes whose text begins at `p`."""
    cdef const uint8_t* t = s.text
    cdef uint8_t c
    while p < s.end:
        c = t[p]
        if c == quote and p + 2 < s.end and t[p + 1] == quote and t[p + 2] == quote:
            p += 3
            while p < s.end and t[p] == quote:  # """ends with a quote""""
                p += 1
            return p
        if c == 10:
            end_line(s, inside)
        elif c == 92 and escape:
            if p + 1 < s.end and t[p + 1] == 10:
                end_line(s, inside)
            p += 1
        p += 1
    return s.end


cdef inline uint32_t skip_to(
    Scan* s, uint32_t p, const uint8_t* stop, uint32_t n, uint8_t inside,
) noexcept nogil:
    """Behind the next `stop` (n > 0 bytes) at or after `p`; the end of the text when there is none."""
    cdef const uint8_t* t = s.text
    cdef uint8_t first = stop[0]
    while p < s.end:
        if t[p] == first and s.end - p >= n and memcmp(t + p, stop, n) == 0:
            return p + n
        if t[p] == 10:
            end_line(s, inside)
        p += 1
    return s.end


cdef inline uint32_t skip_block(Scan* s, uint32_t p, uint8_t head) noexcept nogil:
    """Behind the comment of C whose text begins at `p`."""
    cdef const uint8_t* t = s.text
    cdef uint32_t end = s.end
    cdef uint32_t nesting = 1
    cdef uint8_t c
    s.cur |= SEEN_COMMENT | head
    while p < end:
        c = t[p]
        if c == 42 and p + 1 < end and t[p + 1] == 47:
            p += 2
            nesting -= 1
            if nesting == 0:
                return p
            continue
        if c == 10:
            end_line(s, SEEN_COMMENT | SEEN_INSIDE | head)
        elif c == 47 and s.nested_comment and p + 1 < end and t[p + 1] == 42:
            nesting += 1
            p += 1
        p += 1
    return end


cdef inline uint32_t skip_pair(Scan* s, uint32_t p, uint8_t a1, uint8_t a2, uint8_t b1, uint8_t b2) noexcept nogil:
    """Behind a nested comment `a1 a2 … b1 b2` whose text begins at `p`."""
    cdef const uint8_t* t = s.text
    cdef uint32_t nesting = 1
    s.cur |= SEEN_COMMENT
    while p < s.end:
        if t[p] == 10:
            end_line(s, SEEN_COMMENT | SEEN_INSIDE)
        elif p + 1 < s.end:
            if t[p] == b1 and t[p + 1] == b2:
                nesting -= 1
                p += 1
                if nesting == 0:
                    return p + 1
            elif t[p] == a1 and t[p + 1] == a2:
                nesting += 1
                p += 1
        p += 1
    return s.end


cdef inline uint32_t skip_delimited(Scan* s, uint32_t p, uint8_t opener) noexcept nogil:
    """Behind a literal in arbitrary delimiters (`%w[…]`, `q{…}`) whose text begins at `p`; brackets nest."""
    cdef uint8_t closer = closer_of(opener)
    cdef uint32_t nesting = 1
    cdef uint8_t c
    while p < s.end:
        c = s.text[p]
        if c == 10:
            end_line(s, SEEN_CODE | SEEN_INSIDE)
        elif c == 92:
            if p + 1 < s.end and s.text[p + 1] != 10:
                p += 1
        elif c == closer:
            nesting -= 1
            if nesting == 0:
                return p + 1
        elif c == opener:
            nesting += 1
        p += 1
    return s.end


cdef inline uint32_t line_end(Scan* s, uint32_t p) noexcept nogil:
    """Where the newline of the line of `p` is, or the end."""
    cdef const uint8_t* q
    if p >= s.end:
        return s.end
    q = <const uint8_t*>memchr(s.text + p, 10, s.end - p)
    return s.end if q == NULL else <uint32_t>(q - s.text)


cdef inline uint32_t skip_regex(Scan* s, uint32_t p) noexcept nogil:
    """Behind the regular expression whose text begins at `p`; `p` itself when it does not end (soon enough)."""
    cdef uint32_t begin = p
    cdef uint32_t stop = s.end
    cdef uint32_t lines = 0
    cdef bint in_class = False
    cdef uint8_t c
    if s.end - p > REGEX_LONGEST:
        stop = p + REGEX_LONGEST
    while p < stop:
        c = s.text[p]
        if c == 10:
            if s.lang != LANG_RUBY or not (s.prev == 61 or s.prev == TK_OP or s.prev == 40 or s.prev == 44):
                break  # only in Ruby, and only where nothing but a value can be, it may span lines
            lines += 1
        if c == 92:
            p += 1
            if p < s.end and s.text[p] == 10:
                break
        elif c == 91:
            in_class = True
        elif c == 93:
            in_class = False
        elif c == 47 and not in_class:
            p += 1
            while p < s.end and s.cont[s.text[p]]:
                p += 1
            while lines:
                end_line(s, SEEN_CODE | SEEN_INSIDE)
                lines -= 1
            return p
        p += 1
    s.no_regex_before = p
    return begin


cdef inline bint _heredoc_ends(Scan* s, uint32_t p, uint32_t stop, const uint8_t* word, uint32_t n,
                               bint indented) noexcept nogil:
    """Whether the line p..stop is the end mark."""
    while indented and p < stop and (s.text[p] == 32 or s.text[p] == 9):
        p += 1
    if stop - p < n or memcmp(s.text + p, word, n) != 0:
        return False
    p += n
    if s.lang == LANG_PHP:
        return p >= stop or not s.cont[s.text[p]]
    while p < stop and (s.text[p] == 13 or s.text[p] == 32):
        p += 1
    return p >= stop


cdef inline bint heredoc_add(Scan* s, uint32_t start, uint32_t n, bint indented) noexcept nogil:
    """A here-document with that end mark begins on the next line; False when there is no such end (then it was a
    shift), which is looked for a few times only, so that the time stays linear."""
    cdef uint32_t p, stop
    if n == 0 or n > 80 or s.heredocs >= 4 or s.heredoc_misses >= 4:
        return False
    p = line_end(s, start)
    while p < s.end:
        p += 1
        stop = line_end(s, p)
        if _heredoc_ends(s, p, stop, s.text + start, n, indented):
            s.heredoc[s.heredocs].start = start
            s.heredoc[s.heredocs].len = n
            s.heredoc[s.heredocs].indented = indented
            s.heredocs += 1
            return True
        p = stop
    s.heredoc_misses += 1
    return False


cdef inline uint32_t skip_heredocs(Scan* s, uint32_t p, uint8_t inside) noexcept nogil:
    """Behind the here-documents that begin at the line start `p`, the newline of the last end mark not included
    (the line of the end mark goes on in PHP)."""
    cdef int i
    cdef uint32_t stop
    cdef Heredoc* h
    for i in range(s.heredocs):
        h = &s.heredoc[i]
        s.cur = inside
        while p < s.end:
            stop = line_end(s, p)
            if _heredoc_ends(s, p, stop, s.text + h.start, h.len, h.indented):
                if s.lang == LANG_PHP:
                    while p < stop and (s.text[p] == 32 or s.text[p] == 9):
                        p += 1
                    p += h.len
                else:
                    p = stop
                    if i + 1 < s.heredocs and p < s.end:
                        end_line(s, inside)
                        p += 1
                break
            p = stop
            if p < s.end:
                end_line(s, inside)
                p += 1
    s.heredocs = 0
    return p
