# cython: language_level=3
"""A result as text: the chunk as its file holds it now, its lines, the best of them, its definitions.

A file that has changed since it was indexed gives nothing (`source.pxd`), and the next result takes its place.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memmove
from _core.base cimport Bytes, bytes_reserve, first_bit, packed_bits, same_bytes, next_64
from _core.builder cimport LINE_BYTES, initials_term
from _core.index cimport Index
from _core.match cimport Matcher, Scan, line_terms, scan_init, scan_next, scan_skip, terms_score, text_score
from _core.postings cimport NO_DOC
from _core.query cimport Query
from _core.candidates cimport Result
from _core.segment cimport (
    Segment, FileRecord, RankRecord, ChunkRecord, Def, Defs, defs_open, defs_next, one_file, one_path,
    segment_rank, one_chunk, segment_file_chunks,
)
from _core.source cimport SOURCE_OK, SOURCE_DAMAGED, SOURCE_MEMORY, is_notebook, source_end, source_read
from _core.text cimport byte_class, BYTE_OTHER, INITIALS_MAX

cdef enum:
    PLACE_DEFS = 64
    EXACT_NAME = 1000     # more than all terms together

cdef struct PlaceDef:
    uint32_t line         # in the file, from 0
    uint32_t name         # offset in `text`
    uint32_t name_len
    uint8_t kind
    bint exported
    uint8_t depth

cdef struct Place:
    const FileRecord* file
    const RankRecord* rank
    const uint8_t* path
    Bytes text                # of the lines [first, first + n_lines)
    uint32_t first            # line number in the file, from 0
    uint32_t n_lines
    uint32_t start, end       # the chunk: lines [start, end) of the file
    uint32_t best             # line of the file to show
    int symbol                # the definition that holds the best line: index in `defs`, -1 none in this chunk
    uint8_t[256] parent       # name of what encloses the chunk's beginning
    uint32_t parent_len
    uint8_t parent_kind
    uint32_t n_defs
    PlaceDef[PLACE_DEFS] defs
    Bytes lines
    uint32_t* line            # in `lines`: where each begins in `text`, and where the last one ends


cdef inline bint split_lines(Place* p) noexcept nogil:
    """Fills `line` and `n_lines`. False: no memory."""
    cdef uint8_t[64] rest
    cdef uint8_t[64] hit
    cdef const uint8_t* text
    cdef uint64_t bits
    cdef uint32_t i, at = 0, n = <uint32_t>p.text.len
    p.n_lines = 0
    p.lines.len = 0
    while True:
        # No 64 bytes hold more than as many lines; one entry more is the end of the last one.
        if not bytes_reserve(&p.lines, (64 + 2) * 4):
            return False
        p.line = <uint32_t*>p.lines.data
        if at == 0:
            p.line[0] = 0
        if at >= n:
            break
        text = next_64(p.text.data + at, n - at, rest)
        for i in range(64):  # without a branch, so that it becomes vector instructions
            hit[i] = text[i] == 10
        bits = packed_bits(hit)
        while bits:
            p.n_lines += 1
            p.line[p.n_lines] = at + first_bit(bits) + 1
            bits &= bits - 1
        p.lines.len = 4 * <size_t>p.n_lines
        at += 64
    if p.line[p.n_lines] < n:
        p.n_lines += 1
        p.line[p.n_lines] = n
    return True


cdef inline size_t line_text(const Place* p, uint32_t line, const uint8_t** at) noexcept nogil:
    """The line with that number in the file, without its line end; 0 and NULL when it is not here."""
    cdef size_t n
    at[0] = NULL
    if line < p.first or line >= p.first + p.n_lines:
        return 0
    at[0] = p.text.data + p.line[line - p.first]
    n = p.line[line - p.first + 1] - p.line[line - p.first]
    if n and at[0][n - 1] == 10:
        n -= 1
    if n and at[0][n - 1] == 13:
        n -= 1
    return n


cdef inline bint _blank(const Place* p, uint32_t line) noexcept nogil:
    cdef const uint8_t* at
    cdef size_t n = line_text(p, line, &at)
    while n and at[n - 1] <= 32:
        n -= 1
    return n == 0


cdef inline void _trim(Place* p) noexcept nogil:
    """A chunk of a notebook without the lines behind its text, which are outputs and metadata."""
    while p.end > p.start + 1 and _blank(p, p.end - 1):
        p.end -= 1


cdef inline void _skip_blank(Place* p) noexcept nogil:
    """The same of those before it; outputs may be long, so they are not even split."""
    cdef size_t i = 0, at = 0
    cdef uint32_t lines = 0
    while i < p.text.len and p.text.data[i] <= 32:
        i += 1
        if p.text.data[i - 1] == 10:
            lines += 1
            at = i
    if i < p.text.len:
        memmove(p.text.data, p.text.data + at, p.text.len - at)
        p.text.len -= at
        p.first += lines
        p.start = p.first


cdef inline bint _definitions(Segment* s, uint32_t chunk, Place* p) noexcept nogil:
    """The chunk's definitions, from their records, as far as there is room. False: damaged."""
    cdef Defs d
    cdef Def def_
    cdef PlaceDef* x
    cdef uint64_t at
    cdef int more
    p.n_defs = 0
    if not defs_open(s, chunk, &d):
        return False
    while True:
        more = defs_next(s, &d, &def_)
        if more <= 0:
            return more == 0
        if not p.first <= def_.line < p.first + p.n_lines or p.n_defs == PLACE_DEFS:
            continue
        at = <uint64_t>p.line[def_.line - p.first] + def_.column
        if at + def_.name_len <= p.text.len:
            x = &p.defs[p.n_defs]
            x.line = def_.line
            x.name = <uint32_t>at
            x.name_len = def_.name_len
            x.kind = def_.kind
            x.exported = def_.exported
            x.depth = def_.depth
            p.n_defs += 1


cdef inline double _name_score(const Place* p, const PlaceDef* d, Matcher* m) noexcept nogil:
    """What the name of a definition adds to its line: its terms count again, and the name that was asked for most."""
    cdef uint32_t i
    cdef double v = text_score(m, p.text.data + d.name, d.name_len)
    for i in range(m.query.n_names):
        if d.name_len == m.query.names[i].len and same_bytes(
                p.text.data + d.name, m.query.names[i].at, d.name_len):
            v += EXACT_NAME
    return v


cdef inline void _first_text(Place* p, uint32_t last) noexcept nogil:
    """The first line that has a letter or digit becomes the best one."""
    cdef uint32_t line, i
    cdef const uint8_t* at
    cdef size_t n
    for line in range(p.start, last):
        n = line_text(p, line, &at)
        for i in range(<uint32_t>n):
            if byte_class(at[i]) != BYTE_OTHER:
                p.best = line
                return


cdef inline uint32_t _with_initials(const Place* p, const Query* q) noexcept nogil:
    """The first definition whose initials are asked for, else the first one."""
    cdef uint8_t[INITIALS_MAX + 2] term
    cdef uint32_t d, n
    for d in range(p.n_defs if q.n_initials else 0):
        n = initials_term(p.text.data + p.defs[d].name, p.defs[d].name_len, term)
        if n == q.n_initials and same_bytes(term, q.initials, n):
            return d
    return 0


cdef inline void _best_line(Place* p, Matcher* m) noexcept nogil:
    """The line with the most valuable terms, a definition's name counting again; else the first definition or text."""
    cdef uint32_t line = p.start, d = 0
    cdef const uint8_t* text = p.text.data
    cdef const uint8_t* begin
    cdef const uint8_t* at
    cdef size_t n
    cdef double v, best = 0
    cdef uint64_t[3] seen
    cdef Scan s
    cdef uint32_t last = p.end if p.end < p.first + p.n_lines else p.first + p.n_lines
    p.best = p.start
    if line < last:
        scan_init(&s, text + p.line[line - p.first], text + p.line[last - p.first])
        at = scan_next(m, &s)
    while line < last and at != NULL:
        if best >= m.most:
            # Only a definition's name can still be worth more; nothing is worth more than the name that was asked for.
            while d < p.n_defs and (p.defs[d].line < line or text + p.line[p.defs[d].line + 1 - p.first] <= at):
                d += 1
            if d == p.n_defs or best >= EXACT_NAME or p.defs[d].line >= last:
                break
            if text + p.line[p.defs[d].line - p.first] > at:
                scan_skip(&s, text + p.line[p.defs[d].line - p.first])
                at = scan_next(m, &s)
                continue
        while text + p.line[line - p.first + 1] <= at:
            line += 1
        n = line_text(p, line, &begin)
        seen[0] = seen[1] = seen[2] = 0
        at = line_terms(m, &s, at, begin, begin + (n if n < LINE_BYTES else LINE_BYTES), seen)
        v = terms_score(m, seen)
        while d < p.n_defs and p.defs[d].line < line:
            d += 1
        if d < p.n_defs and p.defs[d].line == line and v > 0:
            v += _name_score(p, &p.defs[d], m)
        if v > best:
            best = v
            p.best = line
        line += 1
        if line < last and at != NULL and at < text + p.line[line - p.first]:
            scan_skip(&s, text + p.line[line - p.first])  # what is behind LINE_BYTES does not count
            at = scan_next(m, &s)
    if best == 0:
        if p.n_defs:
            p.best = p.defs[_with_initials(p, m.query)].line
        else:
            _first_text(p, last)


cdef inline bint _inside(const Place* p) noexcept nogil:
    """The best line is code of the enclosing definition rather than the comment above the first one here."""
    cdef uint32_t line
    cdef const uint8_t* at
    cdef size_t n
    for line in range(p.best, p.defs[0].line):
        n = line_text(p, line, &at)
        if n == 0:
            return True  # a blank line between: it is not the comment right above
    return False


cdef inline int place_load(Index* x, const Result* r, Matcher* m, bint whole_file, bint with_parent,
                           Place* p) noexcept nogil:
    """Fills `p` (its `text` is reused) from the file as it is now: a SourceStatus. The name of what encloses the chunk
    is read only `with_parent`."""
    cdef Segment* s = &x.segments[r.segment]
    cdef const FileRecord* f = one_file(s, r.file)
    cdef const ChunkRecord* c = one_chunk(s, r.chunk)
    cdef uint32_t i, end, from_, upto
    cdef Defs d
    cdef int status
    if f == NULL or c == NULL:
        return SOURCE_DAMAGED
    p.file = f
    p.path = one_path(s, f)
    p.start = c.line
    p.end = f.n_lines
    from_ = c.start
    upto = source_end(f)
    p.rank = segment_rank(s, r.file)
    if p.path == NULL or p.rank == NULL or not segment_file_chunks(s, r.file, &i, &end):
        return SOURCE_DAMAGED
    if r.chunk + 1 < end:
        p.end = c[1].line
        upto = c[1].start
    if p.end < p.start or from_ > upto or f.size > 0xFFFFFFFFULL:
        s.store.damaged = True
        return SOURCE_DAMAGED
    p.first = p.start
    if whole_file:
        p.first = 0
        from_ = 0
        upto = source_end(f)
    if not defs_open(s, r.chunk, &d):
        return SOURCE_DAMAGED
    p.parent_len = d.parent_len if with_parent else 0
    p.parent_kind = d.parent_kind
    status = source_read(x, f, p.path, from_, upto, &p.text, p.parent, d.parent, p.parent_len)
    if status != SOURCE_OK:
        return status
    if is_notebook(f) and not whole_file:
        _skip_blank(p)
    if not split_lines(p):
        return SOURCE_MEMORY
    if is_notebook(f):
        _trim(p)
    if not _definitions(s, r.chunk, p):
        return SOURCE_DAMAGED
    if r.line != NO_DOC and p.start <= r.line < p.end:
        p.best = r.line
    else:
        _best_line(p, m)
    p.symbol = -1
    for i in range(p.n_defs):
        if p.defs[i].line <= p.best or p.symbol < 0:
            p.symbol = <int>i
    if p.symbol >= 0 and p.parent_len and p.defs[p.symbol].line > p.best and _inside(p):
        p.symbol = -1  # the best line still belongs to what began above the chunk
    return SOURCE_OK
