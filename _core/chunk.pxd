# cython: language_level=3
"""Where a file is cut: chunks begin at definitions and have at most CHUNK_LINES lines."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stddef cimport size_t
from _core.base cimport Bytes, bytes_add
from _core.outline cimport Outline, LINE_COMMENT, LINE_ATTRIBUTE, LINE_BLANK

cdef enum:
    CHUNK_LINES = 40
    CHUNK_INDENT = 8   # columns: deeper definitions begin no chunk
    CLASS_BITS = 15


cdef inline void _add_line(Bytes* cuts, uint32_t line) noexcept nogil:
    bytes_add(cuts, &line, 4)


cdef inline uint32_t chunk_lines(const Outline* o, Bytes* cuts) noexcept nogil:
    """Appends the first line of each chunk and then n_lines to `cuts` (uint32); the number of chunks.

    A segment begins at each definition that is indented by at most CHUNK_INDENT, pulled up over the comments and
    attributes right above it; a segment of over CHUNK_LINES lines is cut, at a blank line if there is one in its second
    half; neighbours then join while they have at most CHUNK_LINES lines together."""
    cdef uint32_t n = o.n_lines, d = 0, start, end, cut, i, j
    cdef uint32_t first = 0    # the chunk being grown is [first, upto)
    cdef uint32_t upto = 0
    cdef uint32_t made = 0
    cdef int c
    if n == 0:
        _add_line(cuts, 0)
        return 0
    start = 0
    while start < n:
        # The next segment is [start, end): up to the next definition that begins one.
        end = n
        while d < o.n_defs:
            if o.defs[d].indent <= CHUNK_INDENT:
                j = o.defs[d].first_line
                while j > start:
                    c = o.line_class[j - 1] & CLASS_BITS
                    if c != LINE_COMMENT and c != LINE_ATTRIBUTE:
                        break
                    j -= 1
                if j > start:
                    end = j
                    break
            d += 1
        while start < end:
            cut = end
            if end - start > CHUNK_LINES:
                cut = start + CHUNK_LINES
                for i in range(start + CHUNK_LINES, start + CHUNK_LINES // 2, -1):
                    if o.line_class[i - 1] & CLASS_BITS == LINE_BLANK:
                        cut = i
                        break
            if cut - first > CHUNK_LINES and upto > first:
                _add_line(cuts, first)
                made += 1
                first = upto
            upto = cut
            start = cut
    _add_line(cuts, first)
    _add_line(cuts, n)
    return made + 1
