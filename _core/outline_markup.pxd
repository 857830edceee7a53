# cython: language_level=3
"""Documents, data and settings: headings, tables, rules, targets, stages."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from _core.languages cimport *
from _core.outline_base cimport *


cdef inline void scan_markup(Scan* s) noexcept nogil:
    cdef uint32_t p
    while s.line < s.out.n_lines:
        p = s.out.line_start[s.line]
        while p < s.out.line_start[s.line + 1]:
            if s.text[p] > 32:
                s.cur |= SEEN_CODE
                break
            p += 1
        end_line(s, 0)
