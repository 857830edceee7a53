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
    Segment, FileRecord, RankRecord, ChunkRecord, Def, Defs, defs_open, defs_next, segment_file, segment_path,
    segment_rank, segment_chunk, segment_file_chunks,
)
from _core.source cimport SOURCE_OK, SOURCE_DAMAGED, source_end, source_read
from _core.text cimport Token, Terms, next_token, token_terms, byte_class, BYTE_OTHER, TOKEN_MAX

cdef enum:
    PLACE_LINES = 4096    # of a chunk and its context that are looked at
    PLACE_DEFS = 64
    BEGINNING = 7         # letters of a term to look for at most
    REMEMBERED = 128
    EXACT_NAME = 1000     # more than all terms together

cdef struct PlaceDef:
    uint32_t line         # in the file, from 0
    uint32_t name         # offset in `text`
    uint32_t name_len
    uint8_t kind
    bint exported
    uint8_t depth

cdef struct Beginning:
    uint8_t[BEGINNING] text   # small letters
    uint32_t len

cdef struct Matcher:
    # Which terms of the question a token has. Most of a text is skipped by the letters that a term begins with: one
    # bit a beginning (the same for every eighth) under its first letter and under its second, in either case.
    const Query* query
    double[TERMS] weight      # idf; 0 for a term that no chunk has
    double most               # what a line with all of them has
    uint32_t n_beginnings
    Beginning[2 * TERMS] beginnings
    uint8_t[256] first
    uint8_t[256] second
    bint every_token          # a term has no three ASCII letters to look for
    uint64_t[REMEMBERED] key  # tokens met lately, by hash, and what they match: the same few names come again and again
    uint64_t[3 * REMEMBERED] seen

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
    uint32_t[PLACE_LINES + 1] line   # where each begins in `text`; a line ends before its newline


cdef inline void _beginning(Matcher* m, const uint8_t* p, uint32_t n) noexcept nogil:
    """One more beginning to look for, two letters or more."""
    cdef Beginning* b = &m.beginnings[m.n_beginnings]
    cdef uint8_t bit = <uint8_t>(1 << (m.n_beginnings & 7))
    cdef uint32_t i
    b.len = n if n < BEGINNING else BEGINNING
    for i in range(b.len):
        if p[i] >= 128:
            b.len = i  # the text may have it as a capital, or in Latin-1
            break
        b.text[i] = p[i]
    m.first[p[0]] |= bit
    m.second[p[1]] |= bit
    if 97 <= p[0] <= 122:
        m.first[p[0] ^ 32] |= bit
    if 97 <= p[1] <= 122:
        m.second[p[1] ^ 32] |= bit
    m.n_beginnings += 1


cdef inline void matcher_init(Matcher* m, const Query* q, const double* weights) noexcept nogil:
    """`weights`: of q.n_terms terms, what a match counts."""
    cdef uint32_t i, n
    cdef const uint8_t* p
    m.query = q
    m.every_token = False
    m.n_beginnings = 0
    m.most = 0
    memset(m.first, 0, sizeof(m.first))
    memset(m.second, 0, sizeof(m.second))
    memset(m.key, 0, sizeof(m.key))
    for i in range(q.n_terms):
        m.weight[i] = weights[i]
        m.most += weights[i]
        p = q.terms[i].text
        n = q.terms[i].len
        if n and p[0] == 61:
            continue  # a whole is only met where its parts stand, or in a token that begins like it
        if n < 3 or p[0] >= 128 or p[1] >= 128 or p[2] >= 128:
            m.every_token = True
            continue
        # The end of a stem may differ from its words: tri(es) and try, hope and hop(ing), di(e) and dying.
        _beginning(m, p, n - 2 if n > 4 else 2)
        if p[1] == 105 and p[2] == 101 and n == 3:
            _beginning(m, <const uint8_t*>(b"dy" if p[0] == 100 else (b"ly" if p[0] == 108 else b"ty")), 2)


cdef inline bint _begins(const Matcher* m, uint8_t bits, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Does one of the beginnings that share these bits stand at `p`?"""
    cdef uint32_t i, j
    cdef const Beginning* b
    for i in range(m.n_beginnings):
        b = &m.beginnings[i]
        if not (bits >> (i & 7)) & 1 or <size_t>(end - p) < b.len:
            continue
        j = 0
        while j < b.len and (p[j] | 32 if 65 <= p[j] <= 90 else p[j]) == b.text[j]:
            j += 1
        if j == b.len:
            return True
    return False


cdef inline const uint8_t* _next_beginning(const Matcher* m, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """The first place in [p, end) where a term may begin; NULL when there is none."""
    cdef const uint8_t* begin = p
    cdef const uint8_t* last = end - 1
    cdef uint32_t _i
    cdef uint8_t bits
    if m.every_token:
        return p if p < end else NULL
    while p < last:
        # Four places at a time while none of them will do; `first` and `second` together let few pass.
        while last - p >= 4 and not (m.first[p[0]] & m.second[p[1]] | m.first[p[1]] & m.second[p[2]]
                                     | m.first[p[2]] & m.second[p[3]] | m.first[p[3]] & m.second[p[4]]):
            p += 4
        for _i in range(4):
            if p >= last:
                return NULL
            bits = m.first[p[0]] & m.second[p[1]]
            # A part never begins with a small letter behind a letter.
            if bits and not (p > begin and 97 <= p[0] <= 122 and 97 <= ((p - 1)[0] | 32) <= 122) and _begins(
                    m, bits, p, end):
                return p
            p += 1
    return NULL


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


cdef inline const uint8_t* next_match(Matcher* m, const uint8_t* p, const uint8_t* end, Token* t,
                                      uint64_t* seen) noexcept nogil:
    """The first token in [p, end) with a term that is worth something, its terms added to `seen`: returns where to go
    on; NULL when there is none. `p` must not lie inside a token."""
    cdef const uint8_t* at
    cdef const uint8_t* begin
    while True:
        at = _next_beginning(m, p, end)
        if at == NULL:
            return NULL
        # Its token begins at the border of a run of letters and digits, or behind the tokens before it in the run.
        begin = at
        while begin > p and byte_class((begin - 1)[0]) != BYTE_OTHER:
            begin -= 1
        p = begin
        while True:
            p = next_token(p, end, t)
            if p == NULL:
                return NULL
            if p > at:
                break
        if token_match(m, t, seen):
            return p


cdef inline double line_score(Matcher* m, const uint8_t* p, size_t n) noexcept nogil:
    """Sum of the weights of the distinct terms in a line."""
    cdef uint64_t[3] seen
    cdef Token t
    cdef const uint8_t* end = p + (n if n < LINE_BYTES else LINE_BYTES)
    cdef uint32_t j
    cdef double v = 0
    memset(seen, 0, sizeof(seen))
    while p != NULL:
        p = next_match(m, p, end, &t, seen)
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
    cdef uint32_t line = p.start, d = 0, i
    cdef const uint8_t* at
    cdef size_t n
    cdef double v, best = 0
    cdef PlaceDef* x
    cdef uint32_t last = p.end if p.end < p.first + p.n_lines else p.first + p.n_lines
    p.best = p.start
    while line < last:
        if best >= m.most:
            # Only a definition's name can still be worth more; nothing is worth more than the name that was asked for.
            while d < p.n_defs and p.defs[d].line < line:
                d += 1
            if d == p.n_defs or best >= EXACT_NAME:
                break
            line = p.defs[d].line
            if line >= last:
                break
        at = _next_beginning(m, p.text.data + p.line[line - p.first], p.text.data + p.line[last - p.first])
        if at == NULL:
            break
        while p.text.data + p.line[line - p.first + 1] <= at:
            line += 1
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
                    v += EXACT_NAME
        if v > best:
            best = v
            p.best = line
        line += 1
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
    cdef const ChunkRecord* next
    cdef uint32_t i, end, from_, upto
    cdef Defs d
    cdef int status
    if f == NULL or c == NULL:
        return SOURCE_DAMAGED
    p.file = f
    p.path = segment_path(s, f)
    p.start = c.line
    p.end = f.n_lines
    from_ = c.start
    upto = source_end(f)
    p.rank = segment_rank(s, r.file)
    if p.path == NULL or p.rank == NULL or not segment_file_chunks(s, r.file, &i, &end):
        return SOURCE_DAMAGED
    if r.chunk + 1 < end:
        next = segment_chunk(s, r.chunk + 1)
        if next == NULL:
            return SOURCE_DAMAGED
        p.end = next.line
        upto = next.start
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
