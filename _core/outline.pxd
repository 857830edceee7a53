# cython: language_level=3
"""The outline of a source file: its lines, what kind of line each is, and what is defined where.

`outline_scan` reads the text once. It is no parser: it knows what comments, strings and brackets look like in each
language and which words or shapes define something, and it gets over what it does not understand. The name of a
definition is what the text says at `name`: `Foo::bar` in C++, `M.f` in Lua, `A.B` for an Elixir module; the last part
only where it is assigned to in JavaScript.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport memset
from _core.languages cimport *
from _core.outline_base cimport *
from _core.outline_cells cimport scan_cells, scan_text


cdef inline void _finish_lines(Scan* s) noexcept nogil:
    while s.line < s.out.n_lines:
        end_line(s, 0)


cdef inline void outline_scan(const uint8_t* text, size_t n, int lang, Outline* out) noexcept nogil:
    """Fill `out` (made by `outline_init`, or used before) with the outline of `text`. Any bytes are accepted; the
    time is linear in `n`; nothing outside of text[0:n] is read. Over 4 GB, or without memory, `failed` is set.

    A notebook is given as the text of its cells (`notebook.pxd`), and `lang` with the language of its code cells: see
    `notebook_of`."""
    cdef Scan s
    out.n_defs = 0
    out.n_lines = 0
    out.failed = (n >> 8) >= 0xFFFFFF
    if out.failed or not outline_lines(out, text, n):
        return
    s.text = text
    s.pos = 0
    s.end = <uint32_t>n
    s.out = out
    s.line = 0
    s.cur = 0
    s.before = 0
    s.mark = SEEN_CODE
    s.any_code = False
    s.doc_ok = False
    s.prev = TK_NEWLINE
    s.prev_kw = 0
    s.tok.kind = TK_NEWLINE
    s.tok.kw = 0
    s.no_regex_before = 0
    s.heredocs = 0
    s.heredoc_misses = 0
    s.indent_line = out.n_lines
    s.lost = 0
    s.conds = 0
    s.guard_len = 0
    s.knr_len = 0
    s.decl_kw = 0
    s.stmt_def = -1
    s.depth = 0
    if n > 2 and text[0] == 35 and text[1] == 33 and text[2] != 91:  # a shebang is a comment in every language
        s.cur = SEEN_COMMENT
        while s.pos < s.end and text[s.pos] != 10:
            s.pos += 1
    elif n > 2 and text[0] == 0xEF and text[1] == 0xBB and text[2] == 0xBF:
        s.pos = 3
    if lang & LANG_BITS == LANG_NOTEBOOK:
        scan_cells(&s, lang >> LANG_SHIFT)
    else:
        scan_text(&s, lang)
    _finish_lines(&s)
