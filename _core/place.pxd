# cython: language_level=3
"""A result as text: the chunk as its file holds it now, its lines, the best of them, its definitions.

A file that has changed since it was indexed gives nothing (`source.pxd`), and the next result takes its place.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memchr, memcmp, memset
from _core.base cimport Bytes
from _core.builder cimport LINE_BYTES
from _core.hash cimport hash64
from _core.index cimport Index
from _core.query cimport Query, TERMS
from _core.rank cimport Result
from _core.segment cimport (
    Segment, FileRecord, RankRecord, ChunkRecord, Def, Defs, defs_open, defs_next, segment_file, segment_rank,
    segment_chunk, segment_file_chunks,
)
from _core.source cimport SOURCE_OK, SOURCE_DAMAGED, source_read
from _core.text cimport Token, Terms, next_token, token_terms, byte_class, BYTE_OTHER, TOKEN_MAX

cdef enum:
    PLACE_LINES = 4096    # of a chunk and its context that are looked at
    PLACE_DEFS = 64
    PREFIX_BITS = 4096
    REMEMBERED = 64

cdef struct PlaceDef:
    uint32_t line         # in the file, from 0
    uint32_t name         # offset in `text`
    uint32_t name_len
    uint8_t kind
    bint exported
    uint8_t depth

cdef struct Matcher:
    # Which terms of the question a token has. `maybe`: three-letter beginnings, a cheap test for a whole line.
    const Query* query
    double[TERMS] weight      # idf; 0 for a term that no chunk has
    uint64_t[64] maybe
    uint8_t[256] first        # not 0: a beginning starts with this byte, in either case
    bint short_terms          # a term has fewer than three bytes: every line is looked at
    uint64_t[REMEMBERED] key  # tokens met lately, by hash, and what they match: the same few names come again and again
    uint64_t[3 * REMEMBERED] seen

cdef struct Place:
    const FileRecord* file
    const RankRecord* rank
    const uint8_t* path
    Bytes text                # of the lines [first, first + n_lines)
    uint32_t first            # line number in the file, from 0
    uint32_t n_lines
    uint32_t[PLACE_LINES + 1] line   # where each begins in `text`; a line ends before its newline
    uint32_t start, end       # the chunk: lines [start, end) of the file
    uint32_t best             # line of the file to show
    uint32_t n_defs
    PlaceDef[PLACE_DEFS] defs
    int symbol                # the definition that holds the best line: index in `defs`, -1 none in this chunk
    uint8_t[256] parent       # name of what encloses the chunk's beginning
    uint32_t parent_len
    uint8_t parent_kind


cdef inline uint32_t _prefix(const uint8_t* p) noexcept nogil:
    return ((p[0] | 32) * 961 + (p[1] | 32) * 31 + (p[2] | 32)) & (PREFIX_BITS - 1)


cdef inline void matcher_init(Matcher* m, const Query* q, const double* weights) noexcept nogil:
    """`weights`: of q.n_terms terms, what a match counts."""
    cdef uint32_t i, h
    cdef const uint8_t* p
    cdef uint32_t n
    memset(m, 0, sizeof(Matcher))
    m.query = q
    for i in range(q.n_terms):
        m.weight[i] = weights[i]
        p = q.terms[i].text
        n = q.terms[i].len
        if n and p[0] == 61:
            continue  # a whole is only met where its parts stand, or in a token that begins like it
        if n < 3:
            m.short_terms = True
            continue
        h = _prefix(p)
        m.maybe[h >> 6] |= <uint64_t>1 << (h & 63)
        m.first[p[0]] = 1
        m.first[p[0] & 0xDF if 97 <= p[0] <= 122 else p[0]] = 1


cdef inline bint may_match(const Matcher* m, const uint8_t* p, size_t n) noexcept nogil:
    """False: no term of the question stands in this text (stems share their first three letters with their words)."""
    cdef size_t i
    cdef uint32_t h
    if m.short_terms:
        return True
    for i in range(2, n):
        if not m.first[p[i - 2]]:
            continue
        h = _prefix(p + i - 2)
        if (m.maybe[h >> 6] >> (h & 63)) & 1:
            return True
    return False


cdef inline bint token_match(Matcher* m, const Token* t, uint64_t* seen) noexcept nogil:
    """Sets in `seen` (3 words) the terms that the token has; whether one of them is worth something."""
    cdef Terms terms
    cdef uint32_t i, j
    cdef const Query* q = m.query
    cdef uint64_t h = hash64(t.at, t.len) | 1  # 0 is an empty slot
    cdef uint64_t* known = &m.seen[3 * ((h >> 1) & (REMEMBERED - 1))]
    if m.key[(h >> 1) & (REMEMBERED - 1)] != h:
        m.key[(h >> 1) & (REMEMBERED - 1)] = h
        known[0] = known[1] = known[2] = 0
        token_terms(t, &terms)
        for i in range(terms.n):
            for j in range(q.n_terms):
                if q.terms[j].len == terms.len[i] and m.weight[j] > 0 and memcmp(
                        q.terms[j].text, terms.text + terms.off[i], terms.len[i]) == 0:
                    known[j >> 6] |= <uint64_t>1 << (j & 63)
    seen[0] |= known[0]
    seen[1] |= known[1]
    seen[2] |= known[2]
    return (known[0] | known[1] | known[2]) != 0


cdef inline double line_score(Matcher* m, const uint8_t* p, size_t n) noexcept nogil:
    """Sum of the weights of the distinct terms in a line."""
    cdef uint64_t[3] seen
    cdef Token t
    cdef const uint8_t* end
    cdef uint32_t j
    cdef double v = 0
    if n > LINE_BYTES:
        n = LINE_BYTES
    end = p + n
    if not may_match(m, p, n):
        return 0
    memset(seen, 0, sizeof(seen))
    while True:
        p = next_token(p, end, &t)
        if p == NULL:
            break
        if may_match(m, t.at, t.len):
            token_match(m, &t, seen)
    for j in range(m.query.n_terms):
        if (seen[j >> 6] >> (j & 63)) & 1:
            v += m.weight[j]
    return v


cdef inline void _split_lines(Place* p) noexcept nogil:
    cdef const uint8_t* end = p.text.data + p.text.len
    cdef const uint8_t* at = p.text.data
    p.n_lines = 0
    p.line[0] = 0
    while at < end and p.n_lines < PLACE_LINES:
        at = <const uint8_t*>memchr(at, 10, end - at)
        at = at + 1 if at != NULL else end
        p.n_lines += 1
        p.line[p.n_lines] = <uint32_t>(at - p.text.data)


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


cdef inline bint _definitions(Segment* s, uint32_t chunk, Place* p) noexcept nogil:
    """The chunk's definitions, from their records, as far as there is room. False: damaged."""
    cdef Defs d
    cdef Def def_
    cdef PlaceDef* x
    cdef uint32_t at
    cdef int more
    p.n_defs = 0
    if not defs_open(s, chunk, &d):
        return False
    while True:
        more = defs_next(s, &d, &def_)
        if more <= 0:
            return more == 0
        if def_.line >= p.first + p.n_lines or p.n_defs == PLACE_DEFS:
            continue
        at = p.line[def_.line - p.first] + def_.column
        if at + def_.name_len <= p.text.len:
            x = &p.defs[p.n_defs]
            x.line = def_.line
            x.name = at
            x.name_len = def_.name_len
            x.kind = def_.kind
            x.exported = def_.exported
            x.depth = def_.depth
            p.n_defs += 1


cdef inline void _best_line(Place* p, Matcher* m) noexcept nogil:
    """The line with the most valuable terms, a definition's name counting again; else the first definition or text."""
    cdef uint32_t line, d = 0, i
    cdef const uint8_t* at
    cdef size_t n
    cdef double v, best = 0
    cdef PlaceDef* x
    cdef uint32_t last = p.end if p.end < p.first + p.n_lines else p.first + p.n_lines
    p.best = p.start
    for line in range(p.start, last):
        n = line_text(p, line, &at)
        v = line_score(m, at, n)
        while d < p.n_defs and p.defs[d].line < line:
            d += 1
        if d < p.n_defs and p.defs[d].line == line and v > 0:
            x = &p.defs[d]
            v += line_score(m, p.text.data + x.name, x.name_len)
            for i in range(m.query.n_names):
                if x.name_len == m.query.names[i].len and memcmp(
                        p.text.data + x.name, m.query.names[i].at, x.name_len) == 0:
                    v += 1000  # exactly what was asked for
        if v > best:
            best = v
            p.best = line
    if best == 0:
        if p.n_defs:
            p.best = p.defs[0].line
        else:
            for line in range(p.start, last):
                n = line_text(p, line, &at)
                for i in range(<uint32_t>n):
                    if byte_class(at[i]) != BYTE_OTHER:
                        p.best = line
                        return


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
    cdef const FileRecord* f = segment_file(s, r.file)
    cdef const ChunkRecord* c = segment_chunk(s, r.chunk)
    cdef uint32_t i, end, from_, upto
    cdef Defs d
    cdef int status
    if f == NULL or c == NULL:
        return SOURCE_DAMAGED
    p.file = f
    p.path = s.paths + f.path
    p.start = c.line
    p.end = f.n_lines
    from_ = c.start
    upto = <uint32_t>f.size
    p.rank = segment_rank(s, r.file)
    if p.rank == NULL or not segment_file_chunks(s, r.file, &i, &end):
        return SOURCE_DAMAGED
    if r.chunk + 1 < end:
        if segment_chunk(s, r.chunk + 1) == NULL:
            return SOURCE_DAMAGED
        p.end = c[1].line
        upto = c[1].start
    if p.end < p.start or from_ > upto or f.size > 0xFFFFFFFFULL:
        s.store.damaged = True
        return SOURCE_DAMAGED
    p.first = p.start
    if whole_file:
        p.first = 0
        from_ = 0
        upto = <uint32_t>f.size
    if not defs_open(s, r.chunk, &d):
        return SOURCE_DAMAGED
    p.parent_len = d.parent_len if with_parent else 0
    p.parent_kind = d.parent_kind
    status = source_read(x, f, p.path, from_, upto, &p.text, p.parent, d.parent, p.parent_len)
    if status != SOURCE_OK:
        return status
    _split_lines(p)
    if not _definitions(s, r.chunk, p):
        return SOURCE_DAMAGED
    _best_line(p, m)
    p.symbol = -1
    for i in range(p.n_defs):
        if p.defs[i].line <= p.best or p.symbol < 0:
            p.symbol = <int>i
    if p.symbol >= 0 and p.parent_len and p.defs[p.symbol].line > p.best and _inside(p):
        p.symbol = -1  # the best line still belongs to what began above the chunk
    return SOURCE_OK
