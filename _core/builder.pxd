# cython: language_level=3
"""Inversion in memory: files go in one after the other, ascending by path; a segment comes out.

Per file: read, outline (`outline.pxd`), cut into chunks (`chunk.pxd`), and each line's tokens to terms (`text.pxd`).
`vocabulary.pxd` leads from tokens to terms and from a term to its last posting, so that a second occurrence in the same
chunk only adds weight. Postings are appended to three flat arrays in the order they are met and sorted by term
(counting sort) when the segment is written.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, malloc, realloc, free
from libc.string cimport memcpy, memset, memcmp, strlen
from _core.base cimport (
    Bytes, bytes_init, bytes_free, bytes_add, bytes_byte, bytes_reserve, bytes_varint, copy_bytes,
)
from _core.chunk cimport chunk_lines, CLASS_BITS
from _core.content cimport (
    ENCODING_BYTES, ENCODING_NOTEBOOK, SNIFF_BYTES, encoding_of, utf16_to_utf8, is_binary, is_generated, is_minified,
    is_secret,
)
from _core.hash cimport hash64
from _core.languages cimport language_of, notebook_of, LANG_JSON, LANG_NOTEBOOK, LANG_SHIFT
from _core.links cimport (
    Names, links_chunk, links_end, links_file, looks_used, names_define, names_free, names_use,
)
from _core.notebook cimport notebook_text
from _core.outline cimport (
    Outline, Definition, outline_init, outline_free, outline_scan, LINE_COMMENT, LINE_HEAD, LINE_CELL, DEF_EXPORTED,
    KIND_CONSTANT, KIND_VARIABLE, KIND_FUNCTION, KIND_METHOD, KIND_MACRO, KIND_IMPL, KIND_SECTION,
)
from _core.parts cimport parts_write
from _core.path cimport PathWords, path_words, path_flags, path_kin
from _core.impacts cimport (
    WEIGHT_CODE, WEIGHT_SIGNATURE, WEIGHT_COMMENT, WEIGHT_HEAD, WEIGHT_NAME, weight_code, length_code, Impacts,
    code_length, code_weight, impacts_init,
)
from _core.postings cimport BLOCK, postings_encode
from _core.segment cimport (
    FileRecord, RankRecord, ChunkRecord, SEGMENT_ARRAYS, SINGLE, SINGLE_CODE, CHUNK_PARENT, CHUNK_STEP,
    FILE_GENERATED,
)
from _core.store cimport StoreWriter, writer_open, writer_array, writer_add, writer_close
from _core.sys cimport (
    stat_t, c_fstat, open_below, c_close, c_read, ssize_t, errno, EINTR, ENOENT, ENOTDIR, ELOOP, S_ISREG, mtime_ns,
    clock_ns, O_RDONLY, O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK, off_t, c_lseek, SEEK_SET, SEEK_HOLE,
)
from _core.text cimport (
    INITIALS_MARK, INITIALS_MAX, INITIALS_MIN, TERM_MAX, Terms, Token, make_term, next_token, next_word, shouts,
    token_terms,
)
from _core.vocabulary cimport (
    TermEntry, TermText, TokenRecord, Vocabulary, term_entry, term_of, term_place, terms_soon, token_hash, token_of,
    token_soon, tokens_soon, vocabulary_bytes, vocabulary_free, vocabulary_init,
)

cdef enum:
    LINE_BYTES = 4096          # of a line that are indexed
    HOLES_BYTES = 1 << 20      # files of so many bytes are asked for holes, which are NULs, before they are read
    HEAD_LINES = 60            # comments up there, before the first definition, speak about the file
    DEFAULT_MAX_FILESIZE = 1000000  # what is larger is data more often than source
    RACY_NS = 20000000         # a file this young when it was read may change again within one tick of its clock
    WAITING = 64               # tokens counted at once
    DOC_LIMIT = 1 << 27        # chunks of one segment: what a single posting can name

cdef enum FileStatus:
    FILE_INDEXED = 0
    FILE_BINARY = 1
    FILE_LARGE = 2
    FILE_GONE = 3
    FILE_UNREADABLE = 4
    FILE_NOT_REGULAR = 5
    FILE_NO_MEMORY = 6
    FILE_SECRET = 7

cdef struct FileReport:
    int status
    int error            # errno of an unreadable file
    uint64_t size
    int64_t mtime_ns     # 0 when the file was so young that its time proves nothing
    uint64_t content

cdef struct Occurrence:
    # A token of the text that waits to be counted.
    uint64_t hash
    uint32_t at          # in the text
    uint32_t len
    uint32_t end         # of what it stands in, a line mostly
    uint32_t weight
    int kind

cdef struct Builder:
    Outline outline
    Bytes content        # of the file at hand
    Bytes decoded        # the same in UTF-8 when the file has it in UTF-16; the text of a notebook
    Bytes cuts
    # output, one entry a file or chunk
    Bytes files
    Bytes ranks
    Bytes file_chunks
    Bytes paths
    Bytes chunks
    Bytes chunk_len
    Bytes defs
    Bytes links
    Names names
    uint32_t n_chunks
    uint64_t total_len
    Vocabulary words
    Occurrence[WAITING] waiting
    uint32_t n_waiting
    # postings in the order met
    uint32_t* post_term
    uint32_t* post_doc
    uint16_t* post_weight
    size_t n_postings
    size_t postings_cap
    bint failed          # out of memory: the content must not be used


cdef inline void builder_free(Builder* b) noexcept nogil:
    outline_free(&b.outline)
    bytes_free(&b.content)
    bytes_free(&b.decoded)
    bytes_free(&b.cuts)
    bytes_free(&b.files)
    bytes_free(&b.ranks)
    bytes_free(&b.file_chunks)
    bytes_free(&b.paths)
    bytes_free(&b.chunks)
    bytes_free(&b.chunk_len)
    bytes_free(&b.defs)
    bytes_free(&b.links)
    names_free(&b.names)
    vocabulary_free(&b.words)
    free(b.post_term)
    free(b.post_doc)
    free(b.post_weight)
    memset(b, 0, sizeof(Builder))


cdef inline bint builder_init(Builder* b) noexcept nogil:
    memset(b, 0, sizeof(Builder))
    outline_init(&b.outline)
    b.failed = not vocabulary_init(&b.words)
    return not b.failed


cdef inline bint _room(Builder* b, size_t more) noexcept nogil:
    """For `more` postings."""
    cdef size_t cap = b.postings_cap + b.postings_cap // 2 + 4096
    cdef void* p
    if b.n_postings + more <= b.postings_cap:
        return True
    if cap < b.n_postings + more:
        cap = b.n_postings + more
    p = realloc(b.post_term, cap * 4)
    if p != NULL:
        b.post_term = <uint32_t*>p
        p = realloc(b.post_doc, cap * 4)
    if p != NULL:
        b.post_doc = <uint32_t*>p
        p = realloc(b.post_weight, cap * 2)
    if p == NULL:
        b.failed = True
        return False
    b.post_weight = <uint16_t*>p
    b.postings_cap = cap
    return True


cdef inline void builder_expect(Builder* b, uint64_t n) noexcept nogil:
    """Room for what about `n` bytes of source give, so that nothing grows step by step. This is a guess; memory that is
    not touched costs nothing."""
    bytes_reserve(&b.words.tokens, n // 2)
    bytes_reserve(&b.words.terms, n // 2)
    bytes_reserve(&b.words.term_places, n // 4)
    bytes_reserve(&b.words.term_text, n // 4)
    bytes_reserve(&b.chunks, n // 16)
    bytes_reserve(&b.defs, n // 16)
    bytes_reserve(&b.links, n // 16)
    b.failed |= b.words.tokens.failed or b.words.terms.failed or b.words.term_places.failed
    b.failed |= b.words.term_text.failed
    b.failed |= b.chunks.failed or b.defs.failed or b.links.failed
    if not _room(b, n // 4):
        b.failed = True


cdef inline uint64_t builder_bytes(const Builder* b) noexcept nogil:
    """Memory held, and what writing the segment will need on top."""
    return (vocabulary_bytes(&b.words) + b.n_postings * 14 + 16 * <uint64_t>b.words.term_table.n + b.chunks.cap
            + b.files.cap + b.paths.cap + b.defs.cap + b.links.cap + b.chunk_len.cap)


cdef inline void _occurs(Builder* b, uint32_t term, uint32_t weight, bint add) noexcept nogil:
    """The term stands in the chunk at hand: adds weight to its posting there, or (not `add`) raises it to `weight`."""
    cdef TermEntry* e = term_entry(&b.words, term)
    cdef uint32_t w
    if e.stamp != b.n_chunks + 1:
        if not _room(b, 1):
            return
        e.stamp = b.n_chunks + 1
        e.slot = <uint32_t>b.n_postings
        b.post_term[b.n_postings] = term
        b.post_doc[b.n_postings] = b.n_chunks
        b.post_weight[b.n_postings] = <uint16_t>weight
        b.n_postings += 1
        return
    w = b.post_weight[e.slot]
    if add:
        w += weight
        b.post_weight[e.slot] = <uint16_t>(w if w < 65535 else 65535)
    elif w < weight:
        b.post_weight[e.slot] = <uint16_t>weight


cdef inline uint32_t _count(Builder* b) noexcept nogil:
    """Counts what waits, into the chunk at hand; how many parts there were.

    Step by step for all at once, so that what one of them needs from memory is on its way while the others are seen
    to."""
    cdef const uint8_t* text = b.outline.runs.text
    cdef Occurrence* o
    cdef const TokenRecord* r
    cdef Token t
    cdef uint32_t i, j, parts = 0
    for i in range(b.n_waiting):
        token_soon(&b.words, b.waiting[i].hash)
    for i in range(b.n_waiting):
        o = &b.waiting[i]
        t.at = text + o.at
        t.len = o.len
        t.kind = o.kind
        r = token_of(&b.words, &t, o.hash)
        if r == NULL:
            b.failed = True
            break
        terms_soon(&b.words, r)
        o.hash = <uint64_t>(<const uint8_t*>r - b.words.tokens.data)  # its record, as the token is known now
    if b.failed:
        b.n_waiting = 0
        return 0
    for i in range(b.n_waiting):
        o = &b.waiting[i]
        r = <const TokenRecord*>(b.words.tokens.data + o.hash)
        parts += r.plain
        for j in range(r.n):
            _occurs(b, r.ids[j], o.weight, True)
        if r.n > r.plain and looks_used(text, o.at, o.at + o.len, o.end):
            names_use(&b.names, term_entry(&b.words, r.ids[r.plain]).hash)
    b.n_waiting = 0
    return parts


cdef inline uint32_t _text(Builder* b, uint32_t at, uint32_t n, uint32_t weight) noexcept nogil:
    """Every token of the `n` bytes of the text from `at` on will be counted, by the next `_count` at the latest; how
    many parts were counted now."""
    cdef Token t
    cdef Occurrence* o
    cdef uint32_t end = at + n, parts = 0
    while True:
        at = next_word(&b.outline.runs, at, end, &t)
        if at == 0:
            return parts
        o = &b.waiting[b.n_waiting]
        o.hash = token_hash(t.at, t.len)
        tokens_soon(&b.words, o.hash)
        o.at = <uint32_t>(t.at - b.outline.runs.text)
        o.len = t.len
        o.end = end
        o.weight = weight
        o.kind = t.kind
        b.n_waiting += 1
        if b.n_waiting == WAITING:
            parts += _count(b)


cdef inline uint32_t name_term(const uint8_t* name, uint32_t n, uint8_t* out) noexcept nogil:
    """The dictionary term of an exact name of one part: `#` and six bytes of its hash."""
    cdef uint64_t h = hash64(name, n)
    out[0] = 35
    memcpy(out + 1, &h, 6)
    return 7


cdef inline uint32_t initials_term(const uint8_t* name, uint32_t n, uint8_t* out) noexcept nogil:
    """The dictionary term of the initials of a name's last component: `^` and the first letters of its parts; 0 unless
    these are INITIALS_MIN to INITIALS_MAX letters of ASCII."""
    cdef Token t
    cdef Terms terms
    cdef uint32_t i, at = last_name(name, n)
    if next_token(name + at, name + n, &t) == NULL:
        return 0
    token_terms(&t, &terms)
    if not terms.has_whole or not INITIALS_MIN < terms.n <= INITIALS_MAX + 1:
        return 0
    out[0] = INITIALS_MARK
    for i in range(terms.n - 1):
        out[1 + i] = terms.text[terms.raw_off[i]]
        if not 97 <= out[1 + i] <= 122:
            return 0
    return terms.n


cdef inline bint one_part(const uint8_t* name, uint32_t n) noexcept nogil:
    """The name is a single token of a single part, so that no whole leads to it."""
    cdef Token t
    cdef Terms terms
    cdef const uint8_t* end = name + n
    cdef const uint8_t* p = next_token(name, end, &t)
    if p == NULL:
        return True
    token_terms(&t, &terms)
    return not terms.has_whole


cdef inline uint32_t last_name(const uint8_t* name, uint32_t n) noexcept nogil:
    """Where the last component of a qualified name (`a::b`, `a.b`, `a:b`, `a#b`, `a\\b`) begins."""
    cdef uint32_t i = n
    while i and name[i - 1] != 58 and name[i - 1] != 46 and name[i - 1] != 35 and name[i - 1] != 92:
        i -= 1
    return i if i < n else 0


cdef inline int name_code(int kind) noexcept nogil:
    """What a definition of that kind is to a search for its exact name: 0 a value, 1 a function, 2 a type."""
    if kind == KIND_CONSTANT or kind == KIND_VARIABLE or kind == KIND_IMPL or kind == KIND_SECTION:
        return 0
    if kind == KIND_FUNCTION or kind == KIND_METHOD or kind == KIND_MACRO:
        return 1
    return 2


cdef inline bint _licence(const uint8_t* p, size_t n) noexcept nogil:
    """A line of a licence: what every file says does not describe this one."""
    cdef size_t i
    cdef uint8_t c
    for i in range(n):
        c = p[i] | 32
        if c == 99 and n - i >= 9 and memcmp(p + i + 1, b"opyright", 8) == 0:
            return True
        if c == 108 and n - i >= 6 and (p[i + 1] | 32) == 105 and (p[i + 2] | 32) == 99 and (p[i + 3] | 32) == 101:
            return True
        if c == 119 and n - i >= 7 and (p[i + 1] | 32) == 97 and (p[i + 2] | 32) == 114 and (p[i + 3] | 32) == 114 and (
                p[i + 4] | 32) == 97 and (p[i + 5] | 32) == 110:
            return True
        if c == 115 and n - i >= 4 and (p[i + 1] | 32) == 112 and (p[i + 2] | 32) == 100 and (p[i + 3] | 32) == 120:
            return True
        if c == 97 and n - i >= 10 and (p[i + 1] | 32) == 108 and memcmp(p + i + 3, b" rights", 7) == 0:
            return True
    return False


cdef inline void _definitions(Builder* b, const uint8_t* text, uint32_t* d, uint32_t first, uint32_t end,
                              ChunkRecord* c, uint32_t* parts) noexcept nogil:
    """The definitions on the lines [first, end): their records, their names as terms. Advances `d` over them."""
    cdef Outline* o = &b.outline
    cdef Definition* def_
    cdef uint8_t[16] term
    cdef uint32_t line = first, at, n
    while d[0] < o.n_defs and o.defs[d[0]].line < end:
        def_ = &o.defs[d[0]]
        d[0] += 1
        if def_.line < line:
            continue  # cannot happen while the outline is in order; a record must not run backwards
        n = def_.name_len
        c.kinds |= <uint16_t>(1 << def_.kind)
        bytes_varint(&b.defs, def_.line - line)
        bytes_varint(&b.defs, def_.name - o.line_start[def_.line])
        bytes_byte(&b.defs, <uint8_t>(n if n < 255 else 255))
        bytes_byte(&b.defs, <uint8_t>(def_.kind | ((def_.flags & DEF_EXPORTED) << 4)
                                      | (def_.depth if def_.depth < 7 else 7) << 5))
        line = def_.line
        parts[0] += _text(b, def_.name, n, WEIGHT_NAME)
        if b.failed:
            return
        at = last_name(text + def_.name, n)
        if one_part(text + def_.name + at, n - at):
            _occurs(b, term_of(&b.words, term, name_term(text + def_.name + at, n - at, term)),
                    code_weight(name_code(def_.kind)), False)
        elif name_code(def_.kind) and not shouts(text + def_.name + at, n - at):
            at = initials_term(text + def_.name, n, term)
            if at:
                _occurs(b, term_of(&b.words, term, at), code_weight(name_code(def_.kind)), False)


cdef inline void _own_names(Builder* b, const uint8_t* text) noexcept nogil:
    """What the file defines, by the last components of its definitions' names."""
    cdef Outline* o = &b.outline
    cdef const TokenRecord* r
    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef uint32_t i, n
    cdef Token t
    b.names.own.len = b.names.used.len = 0
    for i in range(o.n_defs):
        p = text + o.defs[i].name
        n = o.defs[i].name_len
        end = p + n
        p = next_token(p + last_name(p, n), end, &t)
        if p == NULL:
            continue
        r = token_of(&b.words, &t, token_hash(t.at, t.len))
        if r == NULL:
            b.failed = True
            return
        if r.n > r.plain and next_token(p, end, &t) == NULL:
            names_define(&b.names, term_entry(&b.words, r.ids[r.plain]).hash, name_code(o.defs[i].kind) > 0)
    links_file(&b.names, &b.links)


cdef inline void _parent(Builder* b, uint32_t d, uint32_t line, ChunkRecord* c) noexcept nogil:
    """The definition that encloses the beginning of a chunk: that of its first definition, else the one before it."""
    cdef const Outline* o = &b.outline
    cdef int32_t p = -1
    cdef uint32_t n
    if o.line_class[line] & LINE_CELL:
        return
    if d < o.n_defs and o.defs[d].line == line:
        p = o.defs[d].parent
    elif d:
        p = <int32_t>(d - 1)  # the last one to begin above: the chunk continues it, or what encloses it
        if d < o.n_defs and o.defs[d].depth <= o.defs[p].depth and o.line_class[line] & CLASS_BITS:
            p = o.defs[d].parent
    if p >= 0 and o.defs[p].name <= c.start:
        n = o.defs[p].name_len
        c.flags |= CHUNK_PARENT
        bytes_varint(&b.defs, c.start - o.defs[p].name)
        bytes_byte(&b.defs, <uint8_t>(n if n < 255 else 255))
        bytes_byte(&b.defs, o.defs[p].kind)


cdef inline void _index(Builder* b, const uint8_t* text, uint32_t n, int language) noexcept nogil:
    """Chunks, definitions and postings of one file's bytes."""
    cdef Outline* o = &b.outline
    cdef uint32_t made, i, line, weight, d = 0, sig = 0, len, first_def, end
    cdef uint32_t parts
    cdef int cls
    cdef ChunkRecord c
    cdef const uint32_t* cuts
    outline_scan(text, n, language, o)
    b.cuts.len = 0
    made = chunk_lines(o, &b.cuts)
    if o.failed or b.cuts.failed:
        b.failed = True
        return
    cuts = <const uint32_t*>b.cuts.data
    first_def = o.defs[0].first_line if o.n_defs else o.n_lines
    _own_names(b, text)
    for i in range(made):
        memset(&c, 0, sizeof(c))
        c.start = o.line_start[cuts[i]]
        c.line = cuts[i]
        c.defs = <uint32_t>b.defs.len
        _parent(b, d, cuts[i], &c)
        parts = 0
        end = cuts[i + 1]
        _definitions(b, text, &d, cuts[i], end, &c, &parts)
        for line in range(cuts[i], end):
            cls = o.line_class[line]
            len = o.line_start[line + 1] - o.line_start[line]
            if len > LINE_BYTES:
                len = LINE_BYTES
            weight = WEIGHT_CODE
            while sig < o.n_defs and o.defs[sig].line < line:
                sig += 1
            if cls & CLASS_BITS == LINE_COMMENT:
                weight = WEIGHT_COMMENT
                if line < first_def and line < HEAD_LINES:
                    if _licence(text + o.line_start[line], len):
                        continue
                    weight = WEIGHT_HEAD
                elif cls & LINE_HEAD:
                    weight = WEIGHT_HEAD
            elif sig < o.n_defs and o.defs[sig].first_line <= line <= o.defs[sig].line:
                weight = WEIGHT_SIGNATURE
            parts += _text(b, o.line_start[line], len, weight)
            if b.failed:
                return
        parts += _count(b)
        b.failed |= b.words.failed
        links_chunk(&b.names)
        bytes_add(&b.chunks, &c, sizeof(c))
        bytes_byte(&b.chunk_len, <uint8_t>length_code(parts))
        b.total_len += code_length(length_code(parts))
        b.n_chunks += 1
    links_end(&b.names, &b.links)


cdef inline bint _read_file(int fd, uint64_t size, Bytes* out, bint* whole) noexcept nogil:
    """The bytes of a file that had `size` bytes; reads on if it grew. False: errno tells.

    Of a binary file only the beginning (not `whole`): a disk image must not take its size in time and memory to be
    left out."""
    cdef ssize_t r
    cdef size_t want
    cdef off_t hole
    out.len = 0
    whole[0] = False
    if size >= HOLES_BYTES:
        hole = c_lseek(fd, 0, SEEK_HOLE)
        if 0 <= hole < <off_t>size:
            bytes_byte(out, 0)
            return not out.failed
        c_lseek(fd, 0, SEEK_SET)
    while True:
        want = size + 1 - out.len if size >= out.len else 65536
        if out.len < SNIFF_BYTES and size >= SNIFF_BYTES:
            want = SNIFF_BYTES - out.len
        elif out.len == SNIFF_BYTES and is_binary(out.data, out.len) and not encoding_of(out.data, out.len):
            return True
        if not bytes_reserve(out, want):
            return False
        r = c_read(fd, out.data + out.len, want if out.len < SNIFF_BYTES else out.cap - out.len)
        if r < 0:
            if errno == EINTR:
                continue
            return False
        if r == 0:
            whole[0] = True
            return True
        out.len += <size_t>r


cdef inline int builder_file(Builder* b, int root, const char* path, uint64_t max_size, bint secrets,
                             int known_flags, FileReport* report) noexcept nogil:
    """Reads and indexes `path`, relative to the folder open as `root`; paths must come in ascending order of bytes.
    Files that are `secrets` too. `known_flags`: FileFlag bits that somebody else knows of, and above them (<< 8) those
    that somebody denies.

    Returns a FileStatus, also in `report` with what was seen. Anything but FILE_INDEXED adds nothing."""
    cdef int fd
    cdef stat_t st
    cdef FileRecord f
    cdef RankRecord rank
    cdef PathWords pw
    cdef uint32_t first = b.n_chunks
    cdef size_t n = strlen(path)
    cdef size_t sniff, text_n
    cdef const uint8_t* text
    cdef int encoding, flags, language, code
    cdef bint whole = True
    memset(report, 0, sizeof(FileReport))
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    fd = open_below(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if fd < 0:
        report.error = errno
        report.status = FILE_GONE if errno == ENOENT or errno == ENOTDIR else (
            FILE_NOT_REGULAR if errno == ELOOP else FILE_UNREADABLE)
        return report.status
    report.status = FILE_INDEXED
    if c_fstat(fd, &st) != 0:
        report.error = errno
        report.status = FILE_UNREADABLE
    elif not S_ISREG(st.st_mode):
        report.status = FILE_NOT_REGULAR
    else:
        report.size = <uint64_t>st.st_size
        report.mtime_ns = mtime_ns(&st)
        if report.size > max_size or report.size >= 0xFFFFFFFFULL:
            report.status = FILE_LARGE
        elif not _read_file(fd, report.size, &b.content, &whole):
            report.error = errno
            report.status = FILE_NO_MEMORY if b.content.failed else FILE_UNREADABLE
            b.failed |= b.content.failed
    if report.status == FILE_INDEXED:
        # A writer may have been at work between fstat and read: then size and time do not describe what was read.
        if (c_fstat(fd, &st) != 0 or <uint64_t>st.st_size != (b.content.len if whole else report.size)
                or mtime_ns(&st) != report.mtime_ns):
            report.mtime_ns = 0
        if clock_ns(True) - report.mtime_ns < RACY_NS:
            report.mtime_ns = 0
    c_close(fd)
    if report.status != FILE_INDEXED:
        return report.status
    text = b.content.data
    text_n = b.content.len
    encoding = encoding_of(text, text_n)
    if encoding != ENCODING_BYTES:
        if not utf16_to_utf8(text, text_n, encoding, &b.decoded):
            b.failed = True
            report.status = FILE_NO_MEMORY
            return FILE_NO_MEMORY
        text = b.decoded.data
        text_n = b.decoded.len
    sniff = text_n if text_n < SNIFF_BYTES else SNIFF_BYTES
    if sniff and is_binary(text, sniff):
        report.status = FILE_BINARY  # its size is that of fstat: it may not have been read to its end
        return FILE_BINARY
    if text_n >= 0xFFFFFFFFULL:
        report.status = FILE_LARGE
        return FILE_LARGE
    report.size = b.content.len
    report.content = hash64(b.content.data, b.content.len)
    if not secrets and is_secret(<const uint8_t*>path, n, text, text_n):
        report.status = FILE_SECRET
        return FILE_SECRET
    language = language_of(<const uint8_t*>path, n, text, sniff)
    code = -1
    if language == LANG_NOTEBOOK:
        language = LANG_JSON  # unless there are cells
        if encoding == ENCODING_BYTES and not notebook_text(text, text_n, &b.decoded, &code):
            b.failed = True
            report.status = FILE_NO_MEMORY
            return FILE_NO_MEMORY
        if code >= 0:
            language = LANG_NOTEBOOK
            encoding = ENCODING_NOTEBOOK | code << LANG_SHIFT
            text = b.decoded.data
            text_n = b.decoded.len
    memset(&f, 0, sizeof(f))
    f.size = report.size
    f.mtime_ns = report.mtime_ns
    f.content = report.content
    f.path = <uint32_t>b.paths.len
    f.path_len = <uint16_t>n
    f.zero = <uint16_t>encoding  # the record's spare field
    memset(&rank, 0, sizeof(rank))
    rank.language = <uint8_t>language
    flags = path_flags(<const uint8_t*>path, n)
    if is_generated(text, text_n):
        flags |= FILE_GENERATED
    path_words(<const uint8_t*>path, n, &pw)
    rank.name_parts = <uint8_t>pw.n_name
    rank.whole_name = pw.whole_name
    path_kin(<const uint8_t*>path, n, &rank)
    rank.links = <uint32_t>b.links.len
    _index(b, text, <uint32_t>text_n, language if code < 0 else notebook_of(code))
    f.n_lines = b.outline.n_lines
    if not b.failed and is_minified(b.outline.line_start, b.outline.n_lines, text_n):
        flags |= FILE_GENERATED
    rank.flags = <uint8_t>((flags | known_flags) & ~(known_flags >> 8))
    bytes_add(&b.paths, path, n)
    bytes_add(&b.files, &f, sizeof(f))
    bytes_add(&b.ranks, &rank, sizeof(rank))
    bytes_add(&b.file_chunks, &first, 4)
    b.failed |= b.paths.failed or b.ranks.failed or b.file_chunks.failed or b.files.failed
    b.failed |= b.chunks.failed or b.chunk_len.failed or b.defs.failed or b.links.failed
    if b.failed:
        report.status = FILE_NO_MEMORY
    return report.status


# ------------------------------------------------------------------------------------------------------ the segment

cdef inline bint _entry_before(const Builder* b, uint32_t x, uint32_t y) noexcept nogil:
    cdef uint64_t h = term_entry(&b.words, x).hash, k = term_entry(&b.words, y).hash
    cdef const TermText* p = term_place(&b.words, x)
    cdef const TermText* q = term_place(&b.words, y)
    cdef int c
    if h != k:
        return h < k
    c = memcmp(b.words.term_text.data + p.at, b.words.term_text.data + q.at, p.len if p.len < q.len else q.len)
    return c < 0 or (c == 0 and p.len < q.len)


cdef inline void _term_order(const Builder* b, uint32_t* order, uint32_t* count) noexcept nogil:
    """The terms by hash, then bytes: a counting sort by the hash's upper 16 bits, an insertion sort within each run."""
    cdef const TermEntry* all = term_entry(&b.words, 0)
    cdef uint32_t i, j, k, x
    memset(count, 0, 65537 * 4)
    for i in range(b.words.term_table.n):
        count[(all[i].hash >> 48) + 1] += 1
    for i in range(65536):
        count[i + 1] += count[i]
    for i in range(b.words.term_table.n):
        k = <uint32_t>(all[i].hash >> 48)
        order[count[k]] = i
        count[k] += 1
    for i in range(1, b.words.term_table.n):
        x = order[i]
        j = i
        while j and _entry_before(b, x, order[j - 1]):
            order[j] = order[j - 1]
            j -= 1
        order[j] = x


cdef struct Dictionary:
    # The dictionary of a segment while it is written, terms in their order.
    uint32_t n
    Bytes terms     # as in the array
    Bytes starts    # uint32 each: where each begins
    Bytes hashes    # uint64 each


cdef inline void dictionary_free(Dictionary* d) noexcept nogil:
    bytes_free(&d.terms)
    bytes_free(&d.starts)
    bytes_free(&d.hashes)


cdef inline void dictionary_add(Dictionary* d, const uint8_t* text, uint32_t n, uint64_t hash,
                                uint32_t post) noexcept nogil:
    cdef uint8_t* p
    if not (bytes_reserve(&d.terms, n + 5) and bytes_reserve(&d.starts, 4) and bytes_reserve(&d.hashes, 8)):
        return
    (<uint32_t*>d.starts.data)[d.n] = <uint32_t>d.terms.len
    (<uint64_t*>d.hashes.data)[d.n] = hash
    p = d.terms.data + d.terms.len
    p[0] = <uint8_t>n
    copy_bytes(p + 1, text, n)
    memcpy(p + 1 + n, &post, 4)
    d.terms.len += n + 5
    d.starts.len += 4
    d.hashes.len += 8
    d.n += 1


cdef inline bint dictionary_failed(const Dictionary* d) noexcept nogil:
    return d.terms.failed or d.starts.failed or d.hashes.failed


cdef inline void dictionary_write(StoreWriter* w, const Dictionary* d) noexcept nogil:
    """The arrays terms and term_bucket, about twelve terms to a bucket; their number."""
    cdef uint32_t k = 0, i = 0, b, at
    cdef const uint64_t* hashes = <const uint64_t*>d.hashes.data
    while k < 28 and (<uint64_t>12 << k) < d.n:
        k += 1
    w.head.numbers[1] = d.n
    writer_array(w, b"terms", b"|u1", 1)
    writer_add(w, d.terms.data, d.terms.len)
    writer_array(w, b"term_bucket", b"<u4", 4)
    for b in range((<uint32_t>1 << k) + 1):
        while i < d.n and (b == <uint32_t>1 << k or (k and hashes[i] >> (64 - k) < b)):
            i += 1
        at = (<const uint32_t*>d.starts.data)[i] if i < d.n else <uint32_t>d.terms.len
        writer_add(w, &at, 4)


cdef inline void write_file_chunks(StoreWriter* w, const uint32_t* firsts, uint32_t n_files,
                                   uint32_t n_chunks) noexcept nogil:
    """The arrays file_chunks and chunk_file, from the first chunk of each file."""
    cdef uint32_t chunk = 0, file = 0
    writer_array(w, b"file_chunks", b"<u4", 4)
    writer_add(w, firsts, 4 * <size_t>n_files)
    writer_add(w, &n_chunks, 4)
    writer_array(w, b"chunk_file", b"<u4", 4)
    while chunk < n_chunks:
        while file + 1 < n_files and firsts[file + 1] <= chunk:
            file += 1
        writer_add(w, &file, 4)
        chunk += CHUNK_STEP


cdef inline uint32_t write_list(StoreWriter* w, const uint32_t* docs, const uint8_t* codes, uint32_t n,
                                const uint8_t* lengths, uint32_t n_docs, const Impacts* impacts,
                                Bytes* work) noexcept nogil:
    """Writes a posting list into the array `postings`, which is the first one; where it begins."""
    cdef uint64_t at = w.at - w.arrays[0].offset
    work.len = 0
    if n >= BLOCK:  # blocks are read as words
        while (at + work.len) & 3:
            bytes_byte(work, 0)
        writer_add(w, work.data, work.len)
        at += work.len
        work.len = 0
    postings_encode(docs, codes, n, lengths, n_docs, impacts, work)
    writer_add(w, work.data, work.len)
    return <uint32_t>at


cdef inline bint builder_write(Builder* b, const char* path, uint64_t serial, int* error) noexcept nogil:
    """Writes what went in as a segment at `path` (not synced: a spill is read back at once). False: errno in `error`, 0
    for no memory; the file must then be removed. The builder can only be freed afterwards."""
    cdef StoreWriter w
    cdef Bytes lists
    cdef Dictionary terms
    cdef Impacts impacts
    cdef const TermText* place
    cdef uint32_t* order = <uint32_t*>malloc(<size_t>b.words.term_table.n * 4 + 4)
    cdef uint32_t* count = <uint32_t*>malloc(65537 * 4)
    cdef uint32_t* at = <uint32_t*>calloc(<size_t>b.words.term_table.n + 1, 4)
    cdef uint32_t* sorted = <uint32_t*>malloc(b.n_postings * 4 + 4)
    cdef uint32_t* docs = NULL
    cdef uint8_t* codes = NULL
    cdef uint32_t i, t, post, df, most = 0
    cdef size_t p, first, sum = 0
    cdef bint ok = False
    bytes_init(&lists)
    memset(&terms, 0, sizeof(terms))
    error[0] = 0
    if order != NULL and count != NULL and sorted != NULL and at != NULL:
        _term_order(b, order, count)
        for p in range(b.n_postings):
            at[b.post_term[p]] += 1
        # at[t]: where the postings of term t go among the sorted ones; documents stay ascending within a term.
        for i in range(b.words.term_table.n):
            df = at[order[i]]
            at[order[i]] = <uint32_t>sum
            sum += df
            most = max(most, df)
        for p in range(b.n_postings):
            t = b.post_term[p]
            sorted[at[t]] = b.post_doc[p] | <uint32_t>weight_code(b.post_weight[p]) << SINGLE_CODE
            at[t] += 1
        docs = <uint32_t*>malloc(<size_t>most * 4 + 4)
        codes = <uint8_t*>malloc(<size_t>most + 1)
    if docs != NULL and codes != NULL:
        ok = writer_open(&w, path, b"segment", serial, SEGMENT_ARRAYS)
        if not ok:
            error[0] = w.error
            writer_close(&w, False)
    if ok:
        w.head.numbers[0] = b.total_len
        impacts_init(&impacts, b.total_len, b.n_chunks)
        writer_array(&w, b"postings", b"|u1", 1)
        first = 0
        for i in range(b.words.term_table.n):
            df = <uint32_t>(at[order[i]] - first)
            if df == 1:
                post = SINGLE | sorted[first]
            else:
                for p in range(df):
                    docs[p] = sorted[first + p] & ((<uint32_t>1 << SINGLE_CODE) - 1)
                    codes[p] = <uint8_t>(sorted[first + p] >> SINGLE_CODE)
                post = write_list(&w, docs, codes, df, b.chunk_len.data, b.n_chunks, &impacts, &lists)
            first += df
            place = term_place(&b.words, order[i])
            dictionary_add(&terms, b.words.term_text.data + place.at, place.len, term_entry(&b.words, order[i]).hash,
                           post)
        writer_array(&w, b"chunks", b"chunk", sizeof(ChunkRecord))
        writer_add(&w, b.chunks.data, b.chunks.len)
        writer_array(&w, b"chunk_len", b"|u1", 1)
        writer_add(&w, b.chunk_len.data, b.chunk_len.len)
        writer_array(&w, b"defs", b"|u1", 1)
        writer_add(&w, b.defs.data, b.defs.len)
        writer_array(&w, b"links", b"|u1", 1)
        writer_add(&w, b.links.data, b.links.len)
        dictionary_write(&w, &terms)
        writer_array(&w, b"files", b"file", sizeof(FileRecord))
        writer_add(&w, b.files.data, b.files.len)
        writer_array(&w, b"file_rank", b"rank", sizeof(RankRecord))
        writer_add(&w, b.ranks.data, b.ranks.len)
        write_file_chunks(&w, <const uint32_t*>b.file_chunks.data, <uint32_t>(b.file_chunks.len // 4), b.n_chunks)
        writer_array(&w, b"paths", b"|u1", 1)
        writer_add(&w, b.paths.data, b.paths.len)
        ok = parts_write(&w, <const FileRecord*>b.files.data, <uint32_t>(b.files.len // sizeof(FileRecord)),
                         b.paths.data)
        ok = ok and not lists.failed and not dictionary_failed(&terms)
        if not writer_close(&w, False):
            error[0] = w.error
            ok = False
    bytes_free(&lists)
    dictionary_free(&terms)
    free(order)
    free(count)
    free(sorted)
    free(docs)
    free(codes)
    free(at)
    return ok
