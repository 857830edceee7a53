# cython: language_level=3
"""Where a file is cut: chunks begin at definitions and have at most CHUNK_LINES lines; no chunk of a notebook goes over
two cells."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stddef cimport size_t
from _core.base cimport Bytes, bytes_add
from _core.outline cimport Outline, LINE_COMMENT, LINE_ATTRIBUTE, LINE_BLANK, LINE_CELL

cdef enum:
    CHUNK_LINES = 40
    CHUNK_INDENT = 8   # columns: deeper definitions begin no chunk
    CLASS_BITS = 15


cdef inline void _add_line(Bytes* cuts, uint32_t line) noexcept nogil:
    bytes_add(cuts, &line, 4)


cdef inline uint32_t _cut(const Outline* o, uint32_t begin, uint32_t start, uint32_t n, uint32_t* d,
                          Bytes* cuts) noexcept nogil:
    """Appends the first line of each chunk of the lines [start, n) to `cuts`, of the first one `begin`, and returns
    their number. `d` advances over the definitions.

    A segment begins at each definition that is indented by at most CHUNK_INDENT, pulled up over the comments and
    attributes right above it; a segment of over CHUNK_LINES lines is cut, at a blank line if there is one in its second
    half; neighbours then join while they have at most CHUNK_LINES lines together."""
    cdef uint32_t end, cut, i, j
    cdef uint32_t first = start    # the chunk being grown is [first, upto)
    cdef uint32_t upto = start
    cdef uint32_t made = 0
    cdef int c
    while start < n:
        # The next segment is [start, end): up to the next definition that begins one.
        end = n
        while d[0] < o.n_defs and o.defs[d[0]].first_line < n:
            if o.defs[d[0]].indent <= CHUNK_INDENT:
                j = o.defs[d[0]].first_line
                while j > start:
                    c = o.line_class[j - 1] & CLASS_BITS
                    if c != LINE_COMMENT and c != LINE_ATTRIBUTE:
                        break
                    j -= 1
                if j > start:
                    end = j
                    break
            d[0] += 1
        while start < end:
            cut = end
            if end - start > CHUNK_LINES:
                cut = start + CHUNK_LINES
                for i in range(start + CHUNK_LINES, start + CHUNK_LINES // 2, -1):
                    if o.line_class[i - 1] & CLASS_BITS == LINE_BLANK:
                        cut = i
                        break
            if cut - first > CHUNK_LINES and upto > first:
                _add_line(cuts, first if made else begin)
                made += 1
                first = upto
            upto = cut
            start = cut
    _add_line(cuts, first if made else begin)
    return made + 1


cdef inline uint32_t chunk_lines(const Outline* o, Bytes* cuts) noexcept nogil:
    """Appends the first line of each chunk and then n_lines to `cuts` (uint32); the number of chunks.

    Each cell of a notebook is cut by itself. The blank lines around it, which stand for outputs and metadata however
    many these are, go with its chunks, and so does a cell that has no text."""
    cdef uint32_t n = o.n_lines, d = 0, made = 0, first = 0, next, text, last
    cdef bint cells
    while first < n:
        cells = False
        next = text = last = first
        while next < n:
            if o.line_class[next] & LINE_CELL:
                cells = True
                if last > first:
                    break
            if o.line_class[next] & CLASS_BITS != LINE_BLANK:
                if last == first:
                    text = next
                last = next + 1
            next += 1
        if not cells or last == first:
            text = first
            last = next
        made += _cut(o, first, text, last, &d, cuts)
        first = next
    _add_line(cuts, n)
    return made
