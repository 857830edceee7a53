# cython: language_level=3
"""Documents, data, settings: headings, tables, keys, rules, targets, stages; and plain text, which has lines only."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from libc.string cimport memcmp, memchr, strlen
from _core.languages cimport *
from _core.outline_base cimport *
from _core.outline_config cimport configure
from _core.outline_strings cimport line_end, skip_block, skip_to
from _core.outline_brace cimport scan_braces


cdef inline bint _at_word(Scan* s, uint32_t p, uint32_t e, const char* word) noexcept nogil:
    """Whether `word` (lower case) is at `p`, in any letter case."""
    cdef uint32_t n = <uint32_t>strlen(word), i
    cdef uint8_t c
    if e < p or e - p < n:
        return False
    for i in range(n):
        c = s.text[p + i]
        if 65 <= c <= 90:
            c += 32
        if c != <uint8_t>word[i]:
            return False
    return True


cdef inline uint32_t _skip_blank(Scan* s, uint32_t p, uint32_t e) noexcept nogil:
    while p < e and (s.text[p] == 32 or s.text[p] == 9):
        p += 1
    return p


cdef inline uint32_t _trim(Scan* s, uint32_t p, uint32_t e) noexcept nogil:
    """The end of p..e without the white space there."""
    while e > p and s.text[e - 1] <= 32:
        e -= 1
    return e


cdef inline int32_t _nested(Scan* s, uint32_t level, uint32_t name, uint32_t stop, int kind) noexcept nogil:
    """Emit what contains everything behind it up to the next of its level or of a lower one."""
    cdef int32_t d
    while s.depth > 0 and s.scopes[s.depth].indent >= level:
        s.depth -= 1
    d = emit(s, name, stop - name, s.line, s.line, kind, DEF_EXPORTED, s.scopes[s.depth].owner)
    if d >= 0 and s.depth < SCOPES - 1:
        s.depth += 1
        s.scopes[s.depth].indent = level
        s.scopes[s.depth].owner = d
    return d


cdef inline bint _fence(Scan* s, uint32_t p, uint32_t e, uint8_t* mark) noexcept nogil:
    """Whether the line opens a code block (`mark` 0 before), or closes the one that `mark` opened."""
    cdef uint8_t c = s.text[p] if p < e else 0
    if (c == 96 or c == 126) and e - p >= 3 and s.text[p + 1] == c and s.text[p + 2] == c \
            and (mark[0] == 0 or mark[0] == c):
        mark[0] = 0 if mark[0] else c
        return True
    return False


cdef inline void _markdown_line(Scan* s, uint32_t b, uint32_t e, uint32_t previous) noexcept nogil:
    """One line b..e outside of code; `previous`: where the line before begins when it may be a heading, else b."""
    cdef uint32_t p = _skip_blank(s, b, e), q, stop
    cdef uint32_t level = 0
    if p - b > 3 or p >= e:
        return
    if s.text[p] == 35:
        q = p
        while q < e and s.text[q] == 35:
            q += 1
        level = q - p
        if level > 6 or q >= e or s.text[q] > 32:
            return
        q = _skip_blank(s, q, e)
        stop = e
        while stop > q and s.text[stop - 1] == 35:
            stop -= 1
        if stop < e and (stop == q or s.text[stop - 1] > 32):
            stop = e
        _nested(s, level, q, _trim(s, q, stop), KIND_SECTION)
    elif (s.text[p] == 61 or s.text[p] == 45) and previous < b:
        q = p
        while q < e and s.text[q] == s.text[p]:
            q += 1
        if q == e and q - p >= 2 and s.line > 0:
            q = _skip_blank(s, previous, b)
            stop = _trim(s, q, b)
            if stop > q and s.text[q] != 35 and s.text[q] != 124 and s.text[q] != 62 and s.text[q] != 45:
                s.line -= 1
                _nested(s, 1 if s.text[p] == 61 else 2, q, stop, KIND_SECTION)
                s.line += 1


cdef inline void _keyed_line(Scan* s, uint32_t b, uint32_t e) noexcept nogil:
    """YAML: a key at the left margin."""
    cdef uint32_t p = b
    cdef uint8_t quote = 0
    if s.text[p] == 34 or s.text[p] == 39:
        quote = s.text[p]
        p += 1
        b = p
    elif s.text[p] <= 32 or s.text[p] == 45 or s.text[p] == 35 or s.text[p] == 123 or s.text[p] == 91:
        return
    while p < e and (s.text[p] != quote if quote else s.text[p] != 58):
        p += 1
    if p >= e or p == b:
        return
    if quote:
        if p + 1 < e and s.text[p + 1] == 58:
            _nested(s, 1, b, p, KIND_SECTION)
    elif p + 1 >= e or s.text[p + 1] <= 32:
        _nested(s, 1, b, _trim(s, b, p), KIND_SECTION)


cdef inline void _toml_line(Scan* s, uint32_t p, uint32_t e) noexcept nogil:
    cdef uint32_t q
    if s.text[p] == 91:
        p += 1
        if p < e and s.text[p] == 91:
            p += 1
        q = p
        while q < e and s.text[q] != 93:
            q += 1
        if q < e:
            p = _skip_blank(s, p, q)
            _nested(s, 1, p, _trim(s, p, q), KIND_SECTION)
    elif s.depth == 0:
        q = p
        while q < e and s.text[q] != 61 and s.text[q] > 32:
            q += 1
        if _skip_blank(s, q, e) < e and s.text[_skip_blank(s, q, e)] == 61:
            emit(s, p, q - p, s.line, s.line, KIND_VARIABLE, DEF_EXPORTED, -1)


cdef inline void _make_line(Scan* s, uint32_t p, uint32_t e) noexcept nogil:
    """A target, a variable, a `define`."""
    cdef uint32_t q = p, r
    if _at_word(s, p, e, b"define "):
        p = _skip_blank(s, p + 7, e)
        q = p
        while q < e and s.text[q] > 32 and s.text[q] != 61:
            q += 1
        emit(s, p, q - p, s.line, s.line, KIND_MACRO, DEF_EXPORTED, -1)
        return
    if _at_word(s, p, e, b"export ") or _at_word(s, p, e, b"override "):
        while p < e and s.text[p] > 32:
            p += 1
        p = _skip_blank(s, p, e)
        q = p
    while q < e and s.text[q] > 32 and s.text[q] != 58 and s.text[q] != 61:
        if s.text[q] == 36 and q + 1 < e and s.text[q + 1] == 40:
            while q < e and s.text[q] != 41:
                q += 1
        q += 1
    if q > e:
        return
    r = _skip_blank(s, q, e)
    if r >= e or q == p:
        return
    if q > p + 1 and s.text[r] == 61 and (s.text[q - 1] == 63 or s.text[q - 1] == 43 or s.text[q - 1] == 33):
        q -= 1
    if s.text[r] == 61 or r + 1 < e and s.text[r + 1] == 61 \
            or r + 2 < e and s.text[r + 2] == 61 and s.text[r] == 58:
        emit(s, p, q - p, s.line, s.line, KIND_VARIABLE, DEF_EXPORTED, -1)
    elif s.text[r] == 58 and s.text[p] != 46:
        emit(s, p, q - p, s.line, s.line, KIND_FUNCTION, DEF_EXPORTED, -1)


cdef inline void _docker_line(Scan* s, uint32_t p, uint32_t e) noexcept nogil:
    """FROM image [AS name]"""
    cdef uint32_t q, b, stop
    if not _at_word(s, p, e, b"from "):
        return
    b = _skip_blank(s, p + 5, e)
    if _at_word(s, b, e, b"--"):
        while b < e and s.text[b] > 32:
            b += 1
        b = _skip_blank(s, b, e)
    stop = b
    while stop < e and s.text[stop] > 32:
        stop += 1
    q = _skip_blank(s, stop, e)
    if _at_word(s, q, e, b"as "):
        b = _skip_blank(s, q + 3, e)
        stop = _trim(s, b, e)
    _nested(s, 1, b, stop, KIND_SECTION)


cdef inline void _terraform_line(Scan* s, uint32_t p, uint32_t e) noexcept nogil:
    """kind "label" "name" {"""
    cdef uint32_t b = p, q, name, stop
    cdef int kind = KIND_SECTION
    e = _trim(s, p, e)
    if not (97 <= s.text[p] <= 122) or s.text[e - 1] != 123 and s.text[e - 1] != 125:
        return
    while p < e and s.cont[s.text[p]]:
        p += 1
    name = b
    stop = p
    q = _skip_blank(s, p, e)
    while q < e and s.text[q] == 34:
        name = q + 1
        q += 1
        while q < e and s.text[q] != 34:
            q += 1
        stop = q
        q = _skip_blank(s, q + 1, e) if q < e else e
    if q >= e or s.text[q] != 123:
        return
    if _at_word(s, b, e, b"variable") or _at_word(s, b, e, b"output"): kind = KIND_VARIABLE
    elif _at_word(s, b, e, b"module"): kind = KIND_MODULE
    elif _at_word(s, b, e, b"resource") or _at_word(s, b, e, b"data"): kind = KIND_STRUCT
    emit(s, name, stop - name, s.line, s.line, kind, DEF_EXPORTED, -1)


cdef inline bint _has_triple(Scan* s, uint32_t p, uint32_t e, uint8_t quote) noexcept nogil:
    """Whether an odd number of triple quotes is in the line."""
    cdef bint odd = False
    while p + 2 < e:
        if s.text[p] == quote and s.text[p + 1] == quote and s.text[p + 2] == quote:
            odd = not odd
            p += 2
        p += 1
    return odd


cdef inline void _scan_line_by_line(Scan* s) noexcept nogil:
    """Markdown, YAML, TOML, Make, Dockerfile, Terraform, text."""
    cdef int lang = s.lang
    cdef uint32_t b, e, p, previous
    cdef uint8_t fence = 0
    cdef bint continued = False, comment = False, inside, hash_comment
    cdef bint maybe_heading = False
    cdef uint8_t quote = 0
    hash_comment = (lang == LANG_YAML or lang == LANG_TOML or lang == LANG_MAKE or lang == LANG_DOCKERFILE
                    or lang == LANG_TERRAFORM)
    previous = 0
    while s.line < s.out.n_lines and s.out.line_start[s.line] < s.end:
        b = s.out.line_start[s.line]
        e = s.out.line_start[s.line + 1]
        if e > b and s.text[e - 1] == 10:
            e -= 1
        p = _skip_blank(s, b, e)
        if s.cur & SEEN_COMMENT and s.line == 0:  # the shebang
            end_line(s, 0)
            previous = b
            continue
        if p >= e or s.text[p] == 13:
            if quote or comment:
                s.cur |= SEEN_INSIDE | (SEEN_COMMENT if comment else SEEN_CODE)
            end_line(s, 0)
            maybe_heading = False
            continued = False
            previous = b
            continue
        if comment:
            s.cur |= SEEN_COMMENT | SEEN_INSIDE
            while p + 1 < e:
                if lang == LANG_TERRAFORM and s.text[p] == 42 and s.text[p + 1] == 47 \
                        or lang == LANG_MARKDOWN and s.text[p] == 45 and s.text[p + 1] == 62:
                    comment = False
                    break
                p += 1
        elif quote:
            s.cur |= SEEN_CODE | SEEN_INSIDE
            if _has_triple(s, p, e, quote):
                quote = 0
        elif hash_comment and s.text[p] == 35 and not (lang == LANG_MAKE and s.text[b] == 9):
            s.cur |= SEEN_COMMENT
        elif lang == LANG_TERRAFORM and p + 1 < e and s.text[p] == 47 and s.text[p + 1] == 47:
            s.cur |= SEEN_COMMENT
        elif lang == LANG_TERRAFORM and p + 1 < e and s.text[p] == 47 and s.text[p + 1] == 42 \
                or lang == LANG_MARKDOWN and fence == 0 and _at_word(s, p, e, b"<!--"):
            s.cur |= SEEN_COMMENT
            comment = True
            p += 2
            while p + 1 < e:
                if lang == LANG_TERRAFORM and s.text[p] == 42 and s.text[p + 1] == 47 \
                        or lang == LANG_MARKDOWN and s.text[p] == 45 and s.text[p + 1] == 62:
                    comment = False
                    break
                p += 1
        else:
            s.cur |= SEEN_CODE
            inside = continued
            p = _skip_blank(s, b, e)
            continued = _trim(s, b, e) > b and s.text[_trim(s, b, e) - 1] == 92
            if lang == LANG_MARKDOWN:
                if not _fence(s, p, e, &fence) and fence == 0:
                    _markdown_line(s, b, _trim(s, b, e), previous if maybe_heading else b)
                    maybe_heading = True
                else:
                    maybe_heading = False
            elif inside:
                pass
            elif lang == LANG_YAML:
                _keyed_line(s, b, _trim(s, b, e))
            elif lang == LANG_TOML:
                _toml_line(s, p, e)
                if _has_triple(s, p, e, 34):
                    quote = 34
                elif _has_triple(s, p, e, 39):
                    quote = 39
            elif lang == LANG_MAKE:
                if s.text[b] > 32:
                    _make_line(s, b, _trim(s, b, e))
            elif lang == LANG_DOCKERFILE:
                _docker_line(s, p, _trim(s, p, e))
            elif lang == LANG_TERRAFORM:
                if s.text[b] > 32:
                    _terraform_line(s, b, e)
        previous = b
        end_line(s, 0)


cdef inline void _scan_json(Scan* s) noexcept nogil:
    """The keys of the outermost object."""
    cdef uint32_t p = s.pos, b, q
    cdef uint32_t nesting = 0
    cdef uint8_t c
    while p < s.end:
        c = s.text[p]
        if c == 10:
            end_line(s, 0)
        elif c == 47 and p + 1 < s.end and s.text[p + 1] == 47:
            s.cur |= SEEN_COMMENT
            p = line_end(s, p)
            continue
        elif c == 47 and p + 1 < s.end and s.text[p + 1] == 42:
            p = skip_block(s, p + 2, 0)
            continue
        elif c > 32:
            s.cur |= SEEN_CODE
            if c == 123 or c == 91:
                nesting += 1
            elif (c == 125 or c == 93) and nesting:
                nesting -= 1
            elif c == 34:
                b = p + 1
                q = b
                while q < s.end and s.text[q] != 34 and s.text[q] != 10:
                    q += 2 if s.text[q] == 92 and q + 1 < s.end and s.text[q + 1] != 10 else 1
                if q < s.end and s.text[q] == 34:
                    p = q
                    if nesting == 1:
                        q = _skip_blank(s, q + 1, s.end)
                        if q < s.end and s.text[q] == 58:
                            emit(s, b, p - b, s.line, s.line, KIND_SECTION, DEF_EXPORTED, -1)
                else:
                    p = q
                    continue
        p += 1


cdef inline void _css_rule(Scan* s, uint32_t b, uint32_t e, uint32_t line) noexcept nogil:
    """The text b..e before `{` is the head of a rule that begins on `line`."""
    cdef uint32_t stop = line_end(s, b)
    cdef int kind = KIND_SECTION
    cdef int32_t d
    if stop > e:
        stop = e
    if _at_word(s, b, e, b"@mixin ") or _at_word(s, b, e, b"@function ") or _at_word(s, b, e, b"@keyframes "):
        kind = KIND_MACRO if s.text[b + 1] == 109 else KIND_FUNCTION
        while b < stop and s.text[b] > 32:
            b += 1
        b = _skip_blank(s, b, stop)
        e = b
        while e < stop and s.cont[s.text[e]]:
            e += 1
        stop = e
    stop = _trim(s, b, stop)
    while stop > b and s.text[stop - 1] == 44:
        stop -= 1
    d = emit(s, b, stop - b, line, line, kind, DEF_EXPORTED, s.scopes[s.depth].owner)
    if s.depth < SCOPES - 1:
        s.depth += 1
        s.scopes[s.depth].owner = d if d >= 0 else s.scopes[s.depth - 1].owner
    else:
        s.overflow += 1


cdef inline void _scan_css(Scan* s) noexcept nogil:
    """Rules, mixins, `$variables`."""
    cdef uint32_t p = s.pos, begin = 0, line = 0, q
    cdef bint empty = True
    cdef uint8_t c
    while p < s.end:
        c = s.text[p]
        if c == 10:
            end_line(s, 0)
        elif c == 47 and p + 1 < s.end and s.text[p + 1] == 42:
            p = skip_block(s, p + 2, 0)
            continue
        elif c == 47 and p + 1 < s.end and s.text[p + 1] == 47 and empty:
            s.cur |= SEEN_COMMENT
            p = line_end(s, p)
            continue
        elif c > 32:
            s.cur |= SEEN_CODE
            if c == 34 or c == 39:
                q = p + 1
                while q < s.end and s.text[q] != c and s.text[q] != 10:
                    q += 1
                if empty:
                    empty = False
                    begin = p
                    line = s.line
                p = q + 1 if q < s.end and s.text[q] == c else q
                continue
            if c == 123:
                if p > 0 and s.text[p - 1] == 35:  # #{…} of Sass
                    while p < s.end and s.text[p] != 125 and s.text[p] != 10:
                        p += 1
                    continue
                _css_rule(s, p if empty else begin, p, s.line if empty else line)
                empty = True
            elif c == 125:
                if s.overflow:
                    s.overflow -= 1
                elif s.depth > 0:
                    s.depth -= 1
                empty = True
            elif c == 59:
                if not empty and s.depth == 0 and (s.text[begin] == 36 or s.text[begin] == 64):
                    q = begin + 1
                    while q < p and s.cont[s.text[q]]:
                        q += 1
                    if q < p and s.text[q] == 58:
                        emit(s, begin, q - begin, line, line, KIND_VARIABLE, DEF_EXPORTED, -1)
                empty = True
            elif empty:
                empty = False
                begin = p
                line = s.line
        p += 1


cdef inline uint32_t _find(Scan* s, uint32_t p, const char* word) noexcept nogil:
    """Where the next `word` (it begins with `<`, lower case) is, or the end."""
    cdef const uint8_t* q
    while p < s.end:
        q = <const uint8_t*>memchr(s.text + p, 60, s.end - p)
        if q == NULL:
            return s.end
        p = <uint32_t>(q - s.text)
        if _at_word(s, p, s.end, word):
            return p
        p += 1
    return s.end


cdef inline uint32_t _embedded(Scan* s, uint32_t tag, const char* closing, int lang) noexcept nogil:
    """Scans the other language between the `>` at `tag` and the closing tag; where that stands."""
    cdef uint32_t end = s.end, stop = _find(s, tag, closing)
    s.pos = tag + 1 if tag < end else end
    s.end = stop
    configure(s, lang)
    s.tok.kind = 59
    if s.pos < s.end:
        if lang == LANG_CSS:
            _scan_css(s)
            s.pos = stop
        else:
            scan_braces(s)
    s.end = end
    s.depth = 0
    s.overflow = 0
    s.scopes[0].owner = -1
    return stop if stop > s.pos else s.pos


cdef inline void _scan_html(Scan* s) noexcept nogil:
    """Headings, and the definitions of the scripts and styles."""
    cdef uint32_t p = s.pos, q, stop, end = s.end
    cdef bint typescript
    while p < end:
        if s.text[p] == 10:
            end_line(s, 0)
            p += 1
        elif s.text[p] <= 32:
            p += 1
        elif s.text[p] != 60:
            s.cur |= SEEN_CODE
            p += 1
        elif _at_word(s, p, end, b"<!--"):
            s.cur |= SEEN_COMMENT
            p = skip_to(s, p + 4, <const uint8_t*>b"-->", 3, SEEN_COMMENT | SEEN_INSIDE)
        elif _at_word(s, p, end, b"<script"):
            s.cur |= SEEN_CODE
            q = p + 7
            typescript = False
            while q < end and s.text[q] != 62:
                if s.text[q] == 10:
                    end_line(s, SEEN_CODE)
                elif _at_word(s, q, end, b"lang=\"ts") or _at_word(s, q, end, b"lang='ts"):
                    typescript = True
                q += 1
            p = _embedded(s, q, b"</script", LANG_TYPESCRIPT if typescript else LANG_JAVASCRIPT)
        elif _at_word(s, p, end, b"<style"):
            s.cur |= SEEN_CODE
            q = p + 6
            while q < end and s.text[q] != 62:
                if s.text[q] == 10:
                    end_line(s, SEEN_CODE)
                q += 1
            p = _embedded(s, q, b"</style", LANG_CSS)
        elif end - p > 4 and s.text[p + 1] | 32 == 104 and 49 <= s.text[p + 2] <= 54 \
                and (s.text[p + 3] == 62 or s.text[p + 3] == 32):
            s.cur |= SEEN_CODE
            q = p + 3
            while q < end and s.text[q] != 62 and s.text[q] != 10:
                q += 1
            if q < end and s.text[q] == 62:
                q = _skip_blank(s, q + 1, end)
                stop = q
                while stop < end and s.text[stop] != 60 and s.text[stop] != 10:
                    stop += 1
                stop = _trim(s, q, stop)
                if stop > q:
                    _nested(s, s.text[p + 2] - 48, q, stop, KIND_SECTION)
            p += 4
        else:
            s.cur |= SEEN_CODE
            p += 1


cdef inline void scan_markup(Scan* s) noexcept nogil:
    """All of the text, in a language that is not made of statements; and in none."""
    s.depth = 0
    s.overflow = 0
    s.scopes[0].owner = -1
    s.scopes[0].indent = 0
    if s.lang == LANG_JSON:
        _scan_json(s)
    elif s.lang == LANG_CSS:
        _scan_css(s)
    elif s.lang == LANG_HTML or s.lang == LANG_VUE or s.lang == LANG_SVELTE:
        _scan_html(s)
    else:
        _scan_line_by_line(s)
