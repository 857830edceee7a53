# cython: language_level=3
"""A Jupyter notebook as the text of its cells: JSON in, as many lines out as the file has.

A notebook is a JSON object (nbformat 4; other keys left out):

    {"cells": [{"cell_type": "code", "outputs": [...], "source": ["def f():\\n", "    return 1"]}, ...],
     "metadata": {"kernelspec": {"language": "python"}, "language_info": {"name": "python"}}}

In version 3 the cells are in "worksheets": [{"cells": [...]}], a code cell's source is called "input" and its
language stands in the cell. A source is a list of strings or one string.

What writes notebooks puts each string of a source on a line of its own. So a line of the file becomes the strings of
sources that begin on it, escapes undone, and a line with none (metadata, outputs) becomes empty: a result reads as
source and its number is that of the file's line. Several strings on one line are joined by spaces; a control character
other than a tab, the newline at the end of a string too, is a space; white space at the end of a line is dropped.

A line on which a cell's source begins ends with one more character that nothing else can end with, the cell's mark: a
space for code, a tab for prose (Markdown, and what is not run). `outline_cells.pxd` goes by it.

    {                                          (empty)
     "cells": [                                (empty)
      {"cell_type": "markdown",                (empty)
       "source": ["# Seals"]}, {               # Seals<tab>
       "cell_type": "code",                    (empty)
       "source": [                             <space>
        "def seal():\\n",                      def seal():
        "    return \\"\\u00e9\\""                 return "é"
       ]                                       (empty)

The tokenizer takes any bytes: a string ends with its line at the latest, brackets need not match. The text is never
longer than the file.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport memset
from _core.base cimport Bytes, bytes_reserve
from _core.languages cimport LANG_PYTHON, LANG_TEXT, language_by_name
from _core.outline_base cimport same_word
from _core.unicode cimport utf8_encode

cdef enum:
    CELL_CODE = 32   # the marks
    CELL_PROSE = 9
    KEYS_DEEPEST = 6
    NOT_HEX = 0x10000

cdef enum NotebookKey:
    KEY_OTHER = 0
    KEY_CELLS
    KEY_WORKSHEETS
    KEY_SOURCE
    KEY_TYPE
    KEY_METADATA
    KEY_KERNEL
    KEY_INFO
    KEY_LANGUAGE
    KEY_NAME


cdef inline int _key_of(const uint8_t* p, size_t n) noexcept nogil:
    if same_word(p, n, b"source") or same_word(p, n, b"input"): return KEY_SOURCE
    elif same_word(p, n, b"cell_type"): return KEY_TYPE
    elif same_word(p, n, b"cells"): return KEY_CELLS
    elif same_word(p, n, b"worksheets"): return KEY_WORKSHEETS
    elif same_word(p, n, b"metadata"): return KEY_METADATA
    elif same_word(p, n, b"kernelspec"): return KEY_KERNEL
    elif same_word(p, n, b"language_info"): return KEY_INFO
    elif same_word(p, n, b"language"): return KEY_LANGUAGE
    elif same_word(p, n, b"name"): return KEY_NAME
    return KEY_OTHER


cdef inline uint32_t _cell_depth(const uint8_t* key) noexcept nogil:
    """How many brackets are open right inside a cell, if what is open is a list of cells; else 0."""
    if key[1] == KEY_CELLS:
        return 3
    return 5 if key[1] == KEY_WORKSHEETS and key[3] == KEY_CELLS else 0


cdef inline bint _says_language(const uint8_t* key, uint32_t depth) noexcept nogil:
    if depth == 3 and key[1] == KEY_METADATA:
        return key[2] == KEY_KERNEL and key[3] == KEY_LANGUAGE or key[2] == KEY_INFO and key[3] == KEY_NAME
    return depth == 5 and _cell_depth(key) == 5 and key[5] == KEY_LANGUAGE


cdef inline size_t _string_end(const uint8_t* p, size_t n, size_t i) noexcept nogil:
    """Where the string whose text begins at `i` ends: its quote, the end of the line, `n`."""
    while i < n and p[i] != 34 and p[i] != 10:
        if p[i] == 92 and i + 1 < n and p[i + 1] != 10:
            i += 1
        i += 1
    return i


cdef inline uint32_t _hex(const uint8_t* p, size_t n) noexcept nogil:
    """The number of four hexadecimal digits; NOT_HEX when there are not so many."""
    cdef uint32_t v = 0
    cdef uint8_t c
    cdef int i
    if n < 4:
        return NOT_HEX
    for i in range(4):
        c = p[i] | 32
        if 48 <= p[i] <= 57:
            v = v << 4 | <uint32_t>(p[i] - 48)
        elif 97 <= c <= 102:
            v = v << 4 | <uint32_t>(c - 87)
        else:
            return NOT_HEX
    return v


cdef inline void _unescape(const uint8_t* p, size_t n, Bytes* out) noexcept nogil:
    """Appends the text of a string, for which there is room. Half a pair becomes U+FFFD; a backslash before anything
    that is no escape is dropped."""
    cdef size_t i = 0
    cdef uint32_t cp, low
    cdef uint8_t c
    while i < n:
        c = p[i]
        i += 1
        if c == 92 and i < n:
            c = p[i]
            i += 1
            cp = _hex(p + i, n - i) if c == 117 else NOT_HEX
            if cp != NOT_HEX:
                i += 4
                if 0xD800 <= cp < 0xE000:
                    low = NOT_HEX
                    if cp < 0xDC00 and n - i >= 6 and p[i] == 92 and p[i + 1] == 117:
                        low = _hex(p + i + 2, n - i - 2)
                    if 0xDC00 <= low < 0xE000:
                        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00)
                        i += 6
                    else:
                        cp = 0xFFFD
                out.len += utf8_encode(cp if cp >= 32 or cp == 9 else 32, out.data + out.len)
                continue
            if c == 116:
                c = 9
            elif c == 110 or c == 114 or c == 98 or c == 102:
                c = 32
        out.data[out.len] = c if c >= 32 or c == 9 else 32
        out.len += 1


cdef inline bint notebook_text(const uint8_t* p, size_t n, Bytes* out, int* language) noexcept nogil:
    """Replaces what is in `out`; in `language` that of the code cells: Python when unsaid, LANG_TEXT when it is none
    that is known, -1 when there is no cell, so that this is no notebook. False: no memory."""
    cdef size_t none = <size_t>-1, pending = <size_t>-2
    cdef size_t mark = none   # where the mark of the cell at hand is; `pending`: at the end of this line
    cdef size_t i = 0, end, line = 0, last = 0, last_n = 0
    cdef uint8_t[KEYS_DEEPEST + 1] key  # by the number of open brackets
    cdef uint32_t depth = 0, cell
    cdef uint8_t c, kind = CELL_CODE, begins = 0
    cdef bint cells = False
    cdef int said = -1
    language[0] = -1
    out.len = 0
    if not bytes_reserve(out, n + 8):
        return False
    memset(key, 0, sizeof(key))
    while i <= n:
        c = p[i] if i < n else 10
        i += 1
        if c == 32:
            continue
        cell = _cell_depth(key)
        if c == 10:
            while out.len > line and (out.data[out.len - 1] == 32 or out.data[out.len - 1] == 9):
                out.len -= 1
            if begins:
                if mark == pending:
                    mark = out.len
                out.data[out.len] = begins
                out.len += 1
                begins = 0
            if i <= n:
                out.data[out.len] = 10
                out.len += 1
            line = out.len
        elif c == 34:
            last = i
            end = _string_end(p, n, i)
            last_n = end - i
            i = end + 1 if end < n and p[end] == 34 else end
            if cell and key[cell] == KEY_SOURCE and (depth == cell or depth == cell + 1):
                _unescape(p + last, last_n, out)
                out.data[out.len] = 32
                out.len += 1
            elif cell and depth == cell and key[cell] == KEY_TYPE:
                kind = CELL_CODE if same_word(p + last, last_n, b"code") else CELL_PROSE
                if mark == pending:
                    begins = kind
                elif mark != none:
                    out.data[mark] = kind
            elif said <= LANG_TEXT and _says_language(key, depth):
                said = language_by_name(p + last, last_n)
                if said < 0:
                    said = LANG_TEXT
        elif c == 58:
            if depth <= KEYS_DEEPEST:
                key[depth] = <uint8_t>_key_of(p + last, last_n)
            if cell and depth == cell and key[cell] == KEY_SOURCE:
                cells = True
                if not begins:
                    begins = kind
                    mark = pending
        elif c == 44:
            if depth <= KEYS_DEEPEST:
                key[depth] = KEY_OTHER
        elif c == 123 or c == 91:
            depth += 1
            if depth <= KEYS_DEEPEST:
                key[depth] = KEY_OTHER
            if depth == cell:
                kind = CELL_CODE
                mark = none
            elif cell and depth == cell + 1 and c == 123:
                key[cell] = KEY_OTHER
        elif c == 125 or c == 93:
            if depth:
                depth -= 1
    if cells:
        language[0] = said if said >= 0 else LANG_PYTHON
    return True
