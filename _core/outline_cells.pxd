# cython: language_level=3
"""Which part of the scanner reads a language; and notebooks, whose cells are read one by one."""
from libc.stdint cimport uint8_t, uint32_t
from _core.languages cimport *
from _core.notebook cimport CELL_CODE, CELL_PROSE
from _core.outline_base cimport *
from _core.outline_config cimport configure
from _core.outline_brace cimport scan_braces
from _core.outline_block cimport scan_lines
from _core.outline_markup cimport scan_markup


cdef inline void scan_text(Scan* s, int lang) noexcept nogil:
    """The text from `pos` to `end`."""
    configure(s, lang)
    if lang == LANG_C or lang == LANG_CPP or lang == LANG_CSHARP or lang == LANG_JAVA or lang == LANG_DART \
            or lang == LANG_JAVASCRIPT or lang == LANG_TYPESCRIPT or lang == LANG_GO or lang == LANG_RUST \
            or lang == LANG_KOTLIN or lang == LANG_SWIFT or lang == LANG_PHP or lang == LANG_ZIG \
            or lang == LANG_PROTOBUF:
        scan_braces(s)
    elif s.lines_mode:
        scan_lines(s)
    else:
        scan_markup(s)


cdef inline uint8_t _mark(Scan* s, uint32_t line) noexcept nogil:
    """The mark of the cell that begins on the line, 0 when none does."""
    cdef uint32_t e = s.out.line_start[line + 1]
    if e > s.out.line_start[line] and s.text[e - 1] == 10:
        e -= 1
    if e > s.out.line_start[line] and (s.text[e - 1] == CELL_CODE or s.text[e - 1] == CELL_PROSE):
        return s.text[e - 1]
    return 0


cdef inline int _language(Scan* s, uint32_t p, int code) noexcept nogil:
    """The language of the code cell whose text begins at `p`: a magic says it (`%%bash`), or else it is `code`."""
    cdef uint32_t q = p + 2
    cdef int lang
    if s.end - p < 3 or s.text[p] != 37 or s.text[p + 1] != 37:
        return code
    while q < s.end and s.text[q] > 32:
        q += 1
    lang = language_by_name(s.text + p + 2, q - p - 2)
    return lang if 0 <= lang != LANG_NOTEBOOK else code


cdef inline void _as_prose(Scan* s, uint32_t first, uint32_t end, uint32_t d) noexcept nogil:
    """The lines [first, end) are comments, but for headings; `d`: the first of these."""
    cdef Outline* o = s.out
    cdef uint32_t i
    for i in range(first, end):
        while d < o.n_defs and o.defs[d].line < i:
            d += 1
        if o.line_class[i] & ~(LINE_INSIDE | LINE_HEAD) == LINE_CODE and not (d < o.n_defs and o.defs[d].line == i):
            o.line_class[i] |= LINE_COMMENT


cdef inline void scan_cells(Scan* s, int code) noexcept nogil:
    """All of a notebook's text. What a cell leaves open ends with it: it may hold anything, and be run in any order."""
    cdef Outline* o = s.out
    cdef uint32_t first = 0, next, p, d
    cdef uint8_t mark
    while first < o.n_lines:
        mark = _mark(s, first)
        next = first + 1
        while next < o.n_lines and not _mark(s, next):
            next += 1
        s.pos = p = o.line_start[first]
        s.end = o.line_start[next]
        d = o.n_defs
        while p < s.end and s.text[p] <= 32:
            p += 1
        if p < s.end:
            s.cur = 0
            s.mark = SEEN_CODE
            s.doc_ok = False
            s.prev = s.tok.kind = TK_NEWLINE
            s.prev_kw = s.tok.kw = 0
            s.heredocs = 0
            scan_text(s, LANG_MARKDOWN if mark == CELL_PROSE else _language(s, p, code))
        while s.line < next:
            end_line(s, 0)
        s.cur = 0
        if mark == CELL_PROSE:
            _as_prose(s, first, next, d)
        if mark:
            o.line_class[first] |= LINE_CELL
        first = next
