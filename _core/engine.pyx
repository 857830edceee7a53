# cython: language_level=3
"""The door for Python: thin wrappers over the engine's functions. Bytes in, plain values out; the GIL is released where
work is done. Names and meanings are those of the `.pxd` files; `engine.pyi` has the types.
"""
import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stdlib cimport malloc, calloc, free
from libc.string cimport memcpy, memset

from _core cimport builder as _builder
from _core cimport config as _config
from _core cimport index as _index
from _core cimport outline as _outline
from _core cimport store as _store
from _core.arena cimport Arena, arena_alloc, arena_free, arena_realloc
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add
from _core.check cimport check_chunks, check_files, check_links, check_paths, check_terms
from _core.chunk cimport chunk_lines
from _core.content cimport (
    ENCODING_UTF16_LE, ENCODING_UTF16_BE, secret_name as _secret_name, utf16_to_utf8 as _utf16_to_utf8,
)
from _core.filter cimport Filter, filter_free, GLOBS_MAX, PLACES_MAX
from _core.flags cimport (
    Args, Flag, args_parse, flag_get, help_text, command_alias, command_by_name, command_examples, command_help,
    command_name, command_usage, FLAG_END, CMD_END,
)
from _core.glob cimport glob_match as _glob_match, path_glob as _path_glob
from _core.cursor cimport index_saturations
from _core.hash cimport hash64 as _hash64
from _core.languages cimport (
    language_of as _language_of, language_name as _language_name, language_by_name as _language_by_name,
    notebook_of, LANG_COUNT, LANG_NOTEBOOK, LANG_PYTHON,
)
from _core.merge cimport (
    Merge, Slice, bit, merge_append, merge_close, merge_free, merge_open, merge_slice, slice_free, MERGE_DAMAGED,
    MERGE_INPUTS, MERGE_MEMORY, MERGE_OK, MERGE_SYSTEM,
)
from _core.notebook cimport notebook_text as _notebook_text
from _core.path cimport PathWords, path_words as _path_words, path_flags as _path_flags
from _core.match cimport Matcher, Scan, matcher_init, line_terms, next_match, scan_init, scan_next
from _core.outline_base cimport outline_lines
from _core.place cimport Place, place_load, split_lines
from _core.source cimport SOURCE_OK, SOURCE_CHANGED, SOURCE_DAMAGED
from _core.impacts cimport (
    CODES as _CODES, Impacts, impacts_init, code_weight as _code_weight, weight_code as _weight_code, code_length as
    _code_length, length_code as _length_code,
)
from _core.postings cimport BLOCK, Skip, block_code, block_codes, block_documents, postings_encode
from _core.project cimport cache_base, index_folder as _index_folder, find_project as _find_project
from _core.query cimport Query, query_parse, TERMS
from _core.smart cimport Answer, answer_read, smart_expand, smart_question as _smart_question, smart_rank
from _core.candidates cimport Result, Results, further_limit
from _core.rank cimport result_signals
from _core.signals cimport SIGNAL_END, Weights, default_weights, signal_name
from _core.render cimport (
    Style, json_place, json_text as _json_text, printed_signals as _printed_signals, render_signals, render_text,
    url_path as _url_path,
)
from _core.segment cimport (
    Segment, FileRecord, RankRecord, segment_open, segment_close, segment_term, segment_postings, segment_df,
    segment_file, segment_path, segment_rank, NO_TERM,
)
from _core.spell cimport spell
from _core.stem cimport stem as _stem
from _core.text cimport Token, Terms, next_token, next_word, token_terms, make_term, TERM_MAX
from _core.unicode cimport (
    utf8_decode as _utf8_decode, utf8_encode as _utf8_encode, fold_case as _fold_case, cp_class as _cp_class,
    cp_width as _cp_width, cp_is_upper as _cp_is_upper,
)
from _core.version cimport version_string
from _core.synonyms cimport synonyms_of
from _core.sys cimport clock_ns, errno, EEXIST

VERSION = (<bytes>version_string()).decode()
FORMAT_VERSION = _store.FORMAT_VERSION
CODES = _CODES


class DamagedError(Exception):
    """A file of the index does not hold what was written; the index must be rebuilt."""


class VersionError(Exception):
    """The index was written by another version of greppy; it must be rebuilt."""


cdef bytes _taken(Bytes* out):
    """The content of `out`, which is freed."""
    try:
        if out.failed:
            raise MemoryError
        return PyBytes_FromStringAndSize(<char*>out.data, out.len)
    finally:
        bytes_free(out)


# ------------------------------------------------------------------------------------------------- small functions

def hash64(data) -> int:
    """XXH64 of any bytes-like object."""
    cdef const uint8_t[::1] view = data
    cdef size_t n = view.shape[0]
    if n == 0:
        return _hash64(b"", 0)
    return _hash64(&view[0], n)


def hash_file(bytes path) -> int:
    """XXH64 of a file's content. Raises OSError."""
    with open(path, "rb") as file:
        return hash64(file.read())


def stem(bytes word) -> bytes:
    """Porter2 stem of a lower-case ASCII word."""
    cdef uint32_t n = len(word)
    cdef uint8_t* work = <uint8_t*>malloc(n + 8)
    if work == NULL:
        raise MemoryError
    memcpy(work, <const char*>word, n)
    n = _stem(work, n)
    result = PyBytes_FromStringAndSize(<char*>work, n)
    free(work)
    return result


def utf8_decode(bytes data) -> tuple:
    """(length, code point) of the character at the start; (0, 0) when it is no UTF-8."""
    cdef uint32_t cp = 0
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint32_t n = 0
    if len(data):
        n = _utf8_decode(p, p + len(data), &cp)
    return (n, cp if n else 0)


def utf8_encode(uint32_t cp) -> bytes:
    cdef uint8_t[8] out
    cdef uint32_t n = _utf8_encode(cp, out)
    return PyBytes_FromStringAndSize(<char*>out, n)


def fold_case(uint32_t cp) -> int:
    return _fold_case(cp)


def cp_class(uint32_t cp) -> int:
    return _cp_class(cp)


def cp_width(uint32_t cp) -> int:
    return _cp_width(cp)


def cp_is_upper(uint32_t cp) -> bool:
    return bool(_cp_is_upper(cp))


def tokens(bytes text) -> list:
    """[(offset, length, [terms], has_whole)] of every token, see text.pxd."""
    cdef Token t
    cdef Terms x
    cdef const uint8_t* start = <const uint8_t*>text
    cdef const uint8_t* p = start
    cdef const uint8_t* end = start + len(text)
    cdef uint32_t i
    out = []
    while True:
        p = next_token(p, end, &t)
        if p == NULL:
            return out
        token_terms(&t, &x)
        terms = [PyBytes_FromStringAndSize(<char*>&x.text[x.off[i]], x.len[i]) for i in range(x.n)]
        out.append((t.at - start, t.len, terms, bool(x.has_whole)))


def stored_term(bytes text) -> bytes:
    """The form in which the dictionary holds a term (long ones are cut, see text.pxd)."""
    cdef uint8_t[TERM_MAX] out
    cdef uint32_t n = make_term(out, <const uint8_t*>text, len(text))
    return PyBytes_FromStringAndSize(<char*>out, n)


def name_term(bytes name) -> bytes:
    """The dictionary term that leads to the chunks that define exactly this name."""
    cdef uint8_t[16] out
    cdef uint32_t n = _builder.name_term(<const uint8_t*>name, len(name), out)
    return PyBytes_FromStringAndSize(<char*>out, n)


def path_words(bytes path) -> tuple:
    """([(word, stem)], how many of them are of the file's name)."""
    cdef PathWords w
    cdef uint32_t i
    _path_words(<const uint8_t*>path, len(path), &w)
    words = []
    for i in range(w.n):
        words.append((PyBytes_FromStringAndSize(<char*>&w.text[w.off[i]], w.raw[i]),
                      PyBytes_FromStringAndSize(<char*>&w.text[w.off[i] + w.raw[i]], w.stem[i])))
    return words, w.n_name


def path_flags(bytes path) -> int:
    return _path_flags(<const uint8_t*>path, len(path))


def utf16_to_utf8(bytes raw, bint big_endian) -> bytes:
    """Of text with its byte order mark, which is left out whatever it is."""
    cdef Bytes out
    cdef int encoding = ENCODING_UTF16_BE if big_endian else ENCODING_UTF16_LE
    bytes_init(&out)
    try:
        if not _utf16_to_utf8(<const uint8_t*>raw, len(raw), encoding, &out):
            raise MemoryError
        return _taken(&out)
    finally:
        bytes_free(&out)


def notebook_text(bytes raw) -> tuple:
    """(the text of the cells, the language of those with code); (b"", None) when there is no cell."""
    cdef Bytes out
    cdef int language
    bytes_init(&out)
    try:
        if not _notebook_text(<const uint8_t*>raw, len(raw), &out, &language):
            raise MemoryError
        if language < 0:
            return b"", None
        return _taken(&out), (<bytes>_language_name(language)).decode()
    finally:
        bytes_free(&out)


def glob_match(bytes pattern, bytes text) -> bool:
    return bool(_glob_match(<const uint8_t*>pattern, len(pattern), <const uint8_t*>text, len(text)))


def path_glob(bytes pattern, bytes path) -> bool:
    return bool(_path_glob(<const uint8_t*>pattern, len(pattern), <const uint8_t*>path, len(path)))


def weight_code(uint32_t weight) -> int:
    return _weight_code(weight)


def code_weight(uint32_t code) -> int:
    return _code_weight(code)


def length_code(uint32_t n) -> int:
    return _length_code(n)


def code_length(uint32_t code) -> int:
    return _code_length(code)


def query(bytes text) -> dict:
    """What a question becomes: words (stems in order), extra terms with weights, names, whether it is one symbol."""
    cdef Query q
    cdef uint32_t i
    query_parse(<const uint8_t*>text, len(text), &q)
    return {
        "words": [PyBytes_FromStringAndSize(<char*>q.words[i].stem, q.words[i].stem_len) for i in range(q.n_words)],
        "extra": [(PyBytes_FromStringAndSize(<char*>q.terms[i].text, q.terms[i].len), q.terms[i].weight)
                  for i in range(q.n_words, q.n_terms)],
        "names": [PyBytes_FromStringAndSize(<char*>q.names[i].at, q.names[i].len) for i in range(q.n_names)],
        "symbol": bool(q.symbol),
        "task": bool(q.task),
        "initials": PyBytes_FromStringAndSize(<char*>q.initials + 1, q.n_initials - 1) if q.n_initials else b"",
        "place": (PyBytes_FromStringAndSize(<char*>q.place.path, q.place.path_len), q.place.line,
                  PyBytes_FromStringAndSize(<char*>q.place.name, q.place.name_len)) if q.place.path_len else None,
    }


def smart_question(bytes text) -> bool:
    """Whether other words may help to answer it: a name or a place is looked up as it is."""
    cdef Query q
    query_parse(<const uint8_t*>text, len(text), &q)
    return bool(_smart_question(&q))


def synonyms(bytes stem) -> list:
    """The synonyms of a stem, as stems (synonyms.pxd)."""
    cdef const uint8_t* end = NULL
    cdef const uint8_t* p = synonyms_of(<const uint8_t*>stem, len(stem), &end)
    return PyBytes_FromStringAndSize(<char*>p, end - p).split() if p != NULL else []


# --------------------------------------------------------------------------------------------------------- outline

def arena(list steps) -> list:
    """Runs an arena of its own through steps (name of a function of malloc's family, piece, bytes) and fills what it
    gives; [(piece, address, bytes, whether it still holds what was put there)] of those not freed. Blocks stay."""
    cdef Arena a
    cdef uint8_t* p
    cdef size_t n, old, i
    memset(&a, 0, sizeof(a))
    pieces = {}
    for step, piece, size in steps:
        n = size
        old = 0
        if step == "free":
            arena_free(&a, <void*><size_t>pieces.pop(piece, (0, 0))[0])
            continue
        if step == "realloc":
            address, kept = pieces.get(piece, (0, 0))
            p = <uint8_t*>arena_realloc(&a, <void*><size_t>address, n)
            old = kept if kept < n else n
        else:
            p = <uint8_t*>arena_alloc(&a, n, step == "calloc")
        if p == NULL:
            raise MemoryError
        for i in range(old if step == "realloc" else (n if step == "calloc" else 0)):
            if p[i] != (piece & 255 if step == "realloc" else 0):
                raise AssertionError(f"{step}: byte {i} of piece {piece}")
        memset(p, piece & 255, n)
        pieces[piece] = (<size_t>p, n)
    out = []
    for piece, (address, kept) in pieces.items():
        p = <uint8_t*><size_t>address
        out.append((piece, address, kept, bytes([piece & 255]) * kept == PyBytes_FromStringAndSize(<char*>p, kept)))
    return out


cdef Matcher* _matcher(bytes question, Query* q) except NULL:
    """A matcher, to be freed, for which each term of the question counts the same; `q` must outlive it."""
    cdef Matcher* m = <Matcher*>malloc(sizeof(Matcher))
    cdef double[TERMS] ones
    cdef uint32_t i
    if m == NULL:
        raise MemoryError
    for i in range(TERMS):
        ones[i] = 1
    query_parse(<const uint8_t*>question, len(question), q)
    matcher_init(m, q, ones)
    return m


def matches(bytes question, bytes line) -> tuple:
    """What a line has of a question: (the terms by `line_terms`, [(offset, length)] of the tokens by `next_match`)."""
    cdef Query q
    cdef Matcher* m = _matcher(question, &q)
    cdef uint64_t[3] seen
    cdef const uint8_t* begin = <const uint8_t*>line
    cdef const uint8_t* end = begin + len(line)
    cdef Scan s
    cdef Token t
    cdef uint32_t i
    memset(seen, 0, sizeof(seen))
    scan_init(&s, begin, end)
    line_terms(m, &s, scan_next(m, &s), begin, end, seen)
    terms = [PyBytes_FromStringAndSize(<char*>q.terms[i].text, q.terms[i].len) for i in range(q.n_terms)
             if (seen[i >> 6] >> (i & 63)) & 1]
    places = []
    scan_init(&s, begin, end)
    while next_match(m, &s, &t, seen) != NULL:
        places.append((t.at - begin, t.len))
    free(m)
    return terms, places


def json_text(bytes text) -> bytes:
    cdef Bytes out
    bytes_init(&out)
    _json_text(&out, <const uint8_t*>text, len(text))
    return _taken(&out)


def url_path(bytes path) -> bytes:
    cdef Bytes out
    bytes_init(&out)
    _url_path(&out, <const uint8_t*>path, len(path))
    return _taken(&out)


def signals() -> list:
    """The names of what a score may be the sum of, in the order of adding."""
    cdef int i
    return [(<bytes>signal_name(i)).decode() for i in range(SIGNAL_END)]


def explained(double score, list signals) -> tuple:
    """(the addends as they are printed, the line that `--explain` prints); `signals`: a number for each signal."""
    cdef Bytes out
    cdef Style style
    cdef double[SIGNAL_END] values
    cdef int i
    memset(&style, 0, sizeof(style))
    if len(signals) != SIGNAL_END:
        raise ValueError(f"{len(signals)} numbers for {SIGNAL_END} signals")
    for i in range(SIGNAL_END):
        values[i] = signals[i]
    _printed_signals(score, values)
    bytes_init(&out)
    render_signals(&out, &style, score, values)
    return [values[i] for i in range(SIGNAL_END)], _taken(&out)


def render(list places, bytes question, *, bint color=False, bint heading=False, bint chunk=False, bint nul=False,
           bint harmless=False, uint32_t before=0, uint32_t after=0, uint32_t width=0, link=None, bytes prefix=b"",
           bytes strip=b"") -> bytes:
    """What a search prints of places: (path, text, first, start, end, best, definition). Lines are numbered as in
    `Place`; `definition` is the line of the definition that holds the best line, or -1. Each term of the question
    counts the same."""
    cdef Style style
    cdef Query q
    cdef Matcher* m = _matcher(question, &q)
    cdef Place* p = <Place*>calloc(1, sizeof(Place))
    cdef FileRecord file
    cdef Bytes out
    cdef bytes path, text
    cdef object last = None
    cdef int definition
    if p == NULL:
        free(m)
        raise MemoryError
    memset(&style, 0, sizeof(style))
    style.color, style.heading, style.chunk, style.nul, style.harmless = color, heading, chunk, nul, harmless
    style.before, style.after, style.width = before, after, width
    style.link = <const uint8_t*><bytes>link if link is not None else NULL
    style.link_n = len(link) if link is not None else 0
    style.prefix, style.prefix_n = <const uint8_t*>prefix, len(prefix)
    style.strip, style.strip_n = <const uint8_t*>strip, len(strip)
    bytes_init(&out)
    try:
        for path, text, p.first, p.start, p.end, p.best, definition in places:
            file.path_len = <uint16_t>len(path)
            p.file = &file
            p.path = <const uint8_t*>path
            p.text.len = 0
            bytes_add(&p.text, <const uint8_t*>text, len(text))
            if p.text.failed or not split_lines(p):
                raise MemoryError
            p.symbol = 0 if definition >= 0 else -1
            p.defs[0].line = <uint32_t>definition
            render_text(&out, &style, m, p, path == last, last is None)
            last = path
        return _taken(&out)
    finally:
        bytes_free(&out)
        bytes_free(&p.text)
        bytes_free(&p.lines)
        free(p)
        free(m)


def languages() -> list:
    """Names of the languages, by number."""
    return [(<bytes>_language_name(i)).decode() for i in range(LANG_COUNT)]


def language_of(bytes path, bytes head=b"") -> str:
    return (<bytes>_language_name(_language_of(<const uint8_t*>path, len(path), <const uint8_t*>head,
                                               len(head)))).decode()


def language_by_name(str name) -> int:
    """Number of a language by name, alias or extension; -1 when unknown."""
    cdef bytes b = name.encode()
    return _language_by_name(<const uint8_t*>b, len(b))


def kind_names() -> list:
    return [(<bytes>_outline.kind_name(i)).decode() for i in range(_outline.KIND_COUNT)]


def kind_by_name(str name) -> int:
    cdef bytes b = name.encode()
    return _outline.kind_by_name(<const uint8_t*>b, len(b))


cdef int _scanned_as(str language) except -1:
    """For `outline_scan`; the code of a notebook is Python, its text as `notebook_text` gives it."""
    cdef int lang = language_by_name(language)
    if lang < 0:
        raise ValueError(f"unknown language: {language}")
    return notebook_of(LANG_PYTHON) if lang == LANG_NOTEBOOK else lang


def outline(bytes text, str language) -> list:
    """[(line, name, kind, flags, depth, parent)] of the definitions, lines from 0."""
    cdef _outline.Outline o
    cdef const uint8_t* p = <const uint8_t*>text
    cdef size_t n = len(text)
    cdef int lang = _scanned_as(language)
    cdef uint32_t i
    cdef _outline.Definition* d
    _outline.outline_init(&o)
    try:
        with nogil:
            _outline.outline_scan(p, n, lang, &o)
        if o.failed:
            raise MemoryError
        out = []
        for i in range(o.n_defs):
            d = &o.defs[i]
            out.append((d.line, text[d.name:d.name + d.name_len], (<bytes>_outline.kind_name(d.kind)).decode(), d.flags,
                        d.depth, d.parent))
        return out
    finally:
        _outline.outline_free(&o)


def line_classes(bytes text, str language) -> bytes:
    """A byte a line: LINE_* of outline.pxd."""
    cdef _outline.Outline o
    cdef const uint8_t* p = <const uint8_t*>text
    cdef size_t n = len(text)
    cdef int lang = _scanned_as(language)
    _outline.outline_init(&o)
    try:
        with nogil:
            _outline.outline_scan(p, n, lang, &o)
        return PyBytes_FromStringAndSize(<char*>o.line_class, o.n_lines)
    finally:
        _outline.outline_free(&o)


def scan_counts(bytes text, str language) -> tuple:
    """(lines, definitions, tokens) of a text: its outline, and its tokens line by line as the builder reads them. For
    the benchmark of the two: nothing is kept."""
    cdef _outline.Outline o
    cdef Token t
    cdef const uint8_t* start = <const uint8_t*>text
    cdef size_t n = len(text)
    cdef int lang = _scanned_as(language)
    cdef uint32_t line, at, end
    cdef uint64_t n_tokens = 0
    _outline.outline_init(&o)
    try:
        with nogil:
            _outline.outline_scan(start, n, lang, &o)
            if not o.failed:
                for line in range(o.n_lines):
                    end = o.line_start[line + 1]
                    at = next_word(&o.runs, o.line_start[line], end, &t)
                    while at:
                        n_tokens += 1
                        at = next_word(&o.runs, at, end, &t)
        if o.failed:
            raise MemoryError
        return o.n_lines, o.n_defs, n_tokens
    finally:
        _outline.outline_free(&o)


def words(bytes text, uint32_t at, uint32_t end) -> list:
    """[(offset, length)] of the tokens in bytes [at, end) of a text, by its marked words: as the builder finds them."""
    cdef _outline.Outline o
    cdef Token t
    if not at <= end <= len(text):
        raise ValueError("no such bytes")
    _outline.outline_init(&o)
    try:
        if not outline_lines(&o, <const uint8_t*>text, len(text)):
            raise MemoryError
        found = []
        at = next_word(&o.runs, at, end, &t)
        while at:
            found.append((t.at - <const uint8_t*>text, t.len))
            at = next_word(&o.runs, at, end, &t)
        return found
    finally:
        _outline.outline_free(&o)


def line_starts(bytes text, str language) -> list:
    """Offsets of the lines' beginnings, and the text's length."""
    cdef _outline.Outline o
    cdef int lang = _scanned_as(language)
    cdef uint32_t i
    _outline.outline_init(&o)
    try:
        _outline.outline_scan(<const uint8_t*>text, len(text), lang, &o)
        return [o.line_start[i] for i in range(o.n_lines + 1)]
    finally:
        _outline.outline_free(&o)


def chunks(bytes text, str language) -> list:
    """First lines of the chunks, and the number of lines."""
    cdef _outline.Outline o
    cdef Bytes cuts
    cdef uint32_t n
    cdef int lang = _scanned_as(language)
    cdef uint32_t i
    bytes_init(&cuts)
    _outline.outline_init(&o)
    try:
        _outline.outline_scan(<const uint8_t*>text, len(text), lang, &o)
        n = chunk_lines(&o, &cuts)
        return [(<uint32_t*>cuts.data)[i] for i in range(n + 1)]
    finally:
        _outline.outline_free(&o)
        bytes_free(&cuts)


# -------------------------------------------------------------------------------------------------------- postings

def encode_postings(docs, codes, bytes lengths) -> bytes:
    """The list of two or more postings; documents ascending, `lengths[d]` the length code of document d of a segment
    that has no other documents."""
    cdef uint32_t n = len(docs), i
    cdef uint32_t* d = <uint32_t*>malloc(4 * n + 4)
    cdef uint8_t* c = <uint8_t*>malloc(n + 1)
    cdef Bytes out
    cdef Impacts impacts
    cdef uint64_t total = 0
    bytes_init(&out)
    for code in lengths:
        total += _code_length(code)
    impacts_init(&impacts, total, len(lengths))
    try:
        for i in range(n):
            d[i] = docs[i]
            c[i] = codes[i]
        postings_encode(d, c, n, <const uint8_t*>lengths, <uint32_t>len(lengths), &impacts, &out)
        return _taken(&out)
    finally:
        free(d)
        free(c)
        bytes_free(&out)


def decode_block(bytes data, bytes skip, uint32_t before, uint32_t n_docs) -> tuple | None:
    """(documents, codes) of one block's data by its skip record of 12 bytes, None when it is damaged. `before` is the
    last document of the block before, 0xFFFFFFFF at the start of a list. AssertionError when a code that is taken out
    alone is another one."""
    cdef Skip k
    cdef uint32_t[BLOCK] docs
    cdef uint8_t[BLOCK] codes
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint32_t i
    memcpy(&k, <const char*>skip, sizeof(k))
    if not block_documents(&k, p, p + len(data), before, n_docs, docs):
        return None
    block_codes(&k, p, codes)
    for i in range(BLOCK):
        assert block_code(&k, p, i) == codes[i]
    return [docs[i] for i in range(BLOCK)], [codes[i] for i in range(BLOCK)]


# ---------------------------------------------------------------------------------------------------------- stores

cdef _raise_store(int e, path):
    if e == _store.STORE_SYSTEM:
        raise OSError(errno, os.strerror(errno), os.fsdecode(path))
    if e == _store.STORE_DAMAGED:
        raise DamagedError(f"{os.fsdecode(path)} is damaged")
    if e == _store.STORE_VERSION:
        raise VersionError(f"{os.fsdecode(path)} was written by another version")
    if e == _store.STORE_MEMORY:
        raise MemoryError


cdef _remove(path, int error):
    """Takes back a file that could not be finished; one that was there before is not ours."""
    if error != EEXIST:
        try:
            os.unlink(path)
        except OSError:
            pass


def secret_name(bytes name) -> bool:
    """A file of this name keeps keys or passwords."""
    return bool(_secret_name(name, len(name)))


def write_store(bytes path, bytes kind, uint64_t serial, list arrays, bint sync=True) -> None:
    """A container with [(name, dtype, item size, buffer)]. Raises OSError; the file must then be removed."""
    cdef _store.StoreWriter w
    cdef const uint8_t[::1] view
    if not _store.writer_open(&w, path, kind, serial, len(arrays)):
        error = w.error
        _store.writer_close(&w, False)
        raise OSError(error, os.strerror(error), os.fsdecode(path))
    for name, dtype, item, data in arrays:
        _store.writer_array(&w, <bytes>name, <bytes>dtype, item)
        if len(data):
            view = data
            _store.writer_add(&w, &view[0], view.shape[0])
    if not _store.writer_close(&w, sync):
        raise OSError(w.error, os.strerror(w.error), os.fsdecode(path))


def store_directory(bytes path, bytes kind) -> dict:
    """{"serial", "numbers", "arrays": {name: (dtype, item size, offset, count)}} of a container whose header is
    right."""
    cdef _store.Store s
    cdef uint32_t i
    _raise_store(_store.store_open(&s, path, kind, False), path)
    arrays = {}
    for i in range(s.head.n_arrays):
        arrays[(<bytes>s.arrays[i].name).decode()] = (
            (<bytes>s.arrays[i].dtype).decode(), s.arrays[i].item, s.arrays[i].offset, s.arrays[i].count)
    out = {"serial": s.head.serial, "numbers": (s.head.numbers[0], s.head.numbers[1]), "arrays": arrays}
    _store.store_close(&s)
    return out


def store_pieces(bytes path, bytes kind, list places) -> list:
    """For each (offset, n) of `places` the `n` bytes there, None when their pages are damaged. They are read as the
    front reads records that lie alone, and looked at when all have been read."""
    cdef _store.Store s
    cdef const void* at
    found = []
    _raise_store(_store.store_open(&s, path, kind, True), path)
    try:
        for offset, n in places:
            at = _store.store_piece(&s, s.base + <size_t>offset, n)
            found.append((<size_t>at, n))
        return [PyBytes_FromStringAndSize(<char*><size_t>at_, n) if at_ else None for at_, n in found]
    finally:
        _store.store_close(&s)


def store_verify(bytes path, bytes kind) -> bool:
    """Every page against its checksum. Raises OSError, DamagedError or VersionError when it cannot even be opened."""
    cdef _store.Store s
    cdef bint ok
    _raise_store(_store.store_open(&s, path, kind, False), path)
    with nogil:
        ok = _store.store_check(&s)
    _store.store_close(&s)
    return bool(ok)


# ---------------------------------------------------------------------------------------------------------- builder

FILE_INDEXED = _builder.FILE_INDEXED
FILE_BINARY = _builder.FILE_BINARY
FILE_LARGE = _builder.FILE_LARGE
FILE_GONE = _builder.FILE_GONE
FILE_UNREADABLE = _builder.FILE_UNREADABLE
FILE_NOT_REGULAR = _builder.FILE_NOT_REGULAR
FILE_SECRET = _builder.FILE_SECRET
DEFAULT_MAX_FILESIZE = _builder.DEFAULT_MAX_FILESIZE
RACY_NS = _builder.RACY_NS


cdef class Builder:
    """Inverts files in memory; `write` makes a segment of them and empties the builder. One thread at a time."""
    cdef _builder.Builder b

    def __cinit__(self):
        if not _builder.builder_init(&self.b):
            raise MemoryError

    def __dealloc__(self):
        _builder.builder_free(&self.b)

    @property
    def memory(self) -> int:
        """Bytes held, with what writing will need on top."""
        return _builder.builder_bytes(&self.b)

    @property
    def n_chunks(self) -> int:
        return self.b.n_chunks

    @property
    def n_files(self) -> int:
        return self.b.files.len // sizeof(FileRecord)

    def add(self, int root, list paths, uint64_t max_size, bint secrets=False, dict flags=None) -> list:
        """Indexes files, ascending by path, relative to the open folder `root`: a report for each, (status, errno,
        size, mtime_ns, content hash). `flags`: what is known of some, see `builder_file`."""
        cdef _builder.FileReport r
        cdef const char* p
        cdef int known
        out = []
        for path in paths:
            p = <bytes>path
            known = flags.get(path, 0) if flags else 0
            with nogil:
                _builder.builder_file(&self.b, root, p, max_size, secrets, known, &r)
            if self.b.failed:
                raise MemoryError("not enough memory to index " + os.fsdecode(path))
            out.append((r.status, r.error, r.size, r.mtime_ns, r.content))
        return out

    def write(self, bytes path, uint64_t serial) -> None:
        """Writes the segment. Raises OSError (the file is then removed) or MemoryError."""
        cdef int error = 0
        cdef bint ok
        cdef const char* p = path
        with nogil:
            ok = _builder.builder_write(&self.b, p, serial, &error)
            _builder.builder_free(&self.b)
        if not _builder.builder_init(&self.b):
            raise MemoryError
        if not ok:
            _remove(path, error)
            if error:
                raise OSError(error, os.strerror(error), os.fsdecode(path))
            raise MemoryError


cdef class _Slice:
    """Terms that were merged and wait to be written."""
    cdef Slice of

    def __dealloc__(self):
        slice_free(&self.of)


cdef class _Merge:
    """Segments and what becomes of them. Whoever makes slices keeps all of it."""
    cdef Segment* segments
    cdef uint32_t opened
    cdef list bitmaps
    cdef Merge* of

    def __init__(self, list inputs, bytes path, uint64_t serial, int bits):
        cdef Segment* open_[MERGE_INPUTS]
        cdef const uint8_t* deleted[MERGE_INPUTS]
        cdef const char* out = path
        cdef uint32_t i
        if len(inputs) > MERGE_INPUTS:
            raise ValueError(f"at most {MERGE_INPUTS} segments can be merged at once")
        self.segments = <Segment*>calloc(len(inputs) + 1, sizeof(Segment))
        self.of = <Merge*>calloc(1, sizeof(Merge))
        if self.segments == NULL or self.of == NULL:
            raise MemoryError
        self.bitmaps = [bits_ for _, bits_ in inputs]
        for i, (name, bits_) in enumerate(inputs):
            _raise_store(segment_open(&self.segments[i], <bytes>name, False), name)
            self.opened = i + 1
            open_[i] = &self.segments[i]
            deleted[i] = NULL
            if bits_ is not None:
                if len(bits_) < (self.segments[i].n_files + 7) // 8:
                    raise ValueError("a deletion bitmap is too short")
                deleted[i] = <const uint8_t*><bytes>bits_
        with nogil:
            merge_open(self.of, open_, deleted, self.opened, out, serial)
        if bits >= 0:
            self.of.bits = bits

    def __dealloc__(self):
        cdef uint32_t i
        if self.of != NULL:
            merge_free(self.of)
        for i in range(self.opened):
            segment_close(&self.segments[i])
        free(self.segments)
        free(self.of)

    def make(self, uint32_t i):
        cdef _Slice slice_ = _Slice()
        cdef int result
        with nogil:
            result = merge_slice(self.of, i, &slice_.of)
        return slice_, result


def merge(list inputs, bytes path, uint64_t serial, run=map, int bits=-1) -> None:
    """One segment at `path` from [(path, deleted files' bitmap or None)]. Raises OSError, DamagedError or MemoryError,
    and then leaves no file.

    `run(function, arguments)` calls the function with each argument, maybe in several threads, and gives what it
    returns in order, as `map` does. `bits`: in 2^bits slices, instead of as many as the size suggests."""
    cdef _Merge m = _Merge(inputs, path, serial, bits)
    cdef _Slice made
    cdef int result, error = 0
    try:
        if m.of.result == MERGE_OK:
            for made, result in run(m.make, range(1 << m.of.bits)):
                if result == MERGE_OK:
                    with nogil:
                        merge_append(m.of, &made.of)
                else:
                    m.of.result = result
                if m.of.result:
                    break
    except BaseException:
        m.of.result = MERGE_MEMORY  # so that nothing more is written
        raise
    finally:
        with nogil:
            result = merge_close(m.of, &error)
        if result:
            _remove(path, error)
    if result == MERGE_SYSTEM:
        raise OSError(error, os.strerror(error), os.fsdecode(path))
    if result == MERGE_DAMAGED:
        raise DamagedError("a segment is damaged")
    if result:
        raise MemoryError


def segment_contents(bytes path) -> list:
    """[(path, content hash)] of a segment's files, by number."""
    cdef Segment s
    cdef uint32_t f
    cdef const FileRecord* r
    cdef const uint8_t* name
    _raise_store(segment_open(&s, path, False), path)
    try:
        out = []
        for f in range(s.n_files):
            r = segment_file(&s, f)
            name = segment_path(&s, r) if r != NULL else NULL
            if name == NULL:
                raise DamagedError(f"{os.fsdecode(path)} is damaged")
            out.append((PyBytes_FromStringAndSize(<char*>name, r.path_len), r.content))
        return out
    finally:
        segment_close(&s)


def segment_paths(bytes path) -> list:
    """Paths of a segment's files, by number."""
    return [name for name, _ in segment_contents(path)]


def check_segment(bytes path) -> list:
    """What is not as it should be in a segment (check.pxd), a clause each; empty when all is well. Raises OSError,
    DamagedError or VersionError when it cannot be opened."""
    cdef Segment s
    cdef const char* wrong[5]
    cdef bint ok
    cdef int i
    _raise_store(segment_open(&s, path, False), path)
    with nogil:
        ok = _store.store_check(&s.store)
        if ok:
            wrong[0] = check_files(&s)
            wrong[1] = check_chunks(&s)
            wrong[2] = check_terms(&s)
            wrong[3] = check_paths(&s)
            wrong[4] = check_links(&s)
    segment_close(&s)
    if not ok:
        return ["a page does not match its checksum"]
    return [(<bytes>wrong[i]).decode() for i in range(5) if wrong[i] != NULL]


# ------------------------------------------------------------------------------------------------------------ index

def manifest(bytes folder) -> dict:
    """{"root", "generation", "stats": (files, chunks, sum of lengths, depth of the shallowest file), "segments": [(id,
    files, chunks, (bitmap of deleted files, of deleted chunks) or None)], "options": JSON} of the index in `folder`,
    whether or not its segments are there. Raises OSError, DamagedError or VersionError."""
    cdef _store.Store s
    cdef const _index.SegmentEntry* e
    cdef const uint8_t* bits
    cdef const uint8_t* root
    cdef const uint8_t* options
    cdef const uint64_t* stats
    cdef uint64_t n, n_bits, n_stats, n_root, n_options, files, chunks, i
    path = os.path.join(folder, b"manifest")
    _raise_store(_store.store_open(&s, <bytes>path, b"manifest", False), path)
    try:
        e = <const _index.SegmentEntry*>_store.store_array(&s, b"segments", sizeof(_index.SegmentEntry), &n)
        bits = <const uint8_t*>_store.store_array(&s, b"deleted", 1, &n_bits)
        stats = <const uint64_t*>_store.store_array(&s, b"stats", 8, &n_stats)
        root = <const uint8_t*>_store.store_array(&s, b"root", 1, &n_root)
        options = <const uint8_t*>_store.store_array(&s, b"options", 1, &n_options)
        if s.damaged or n_stats < 4 or not _store.store_check(&s):
            raise DamagedError(f"{os.fsdecode(path)} is damaged")
        segments = []
        for i in range(n):
            files = (<uint64_t>e[i].n_files + 7) // 8
            chunks = (<uint64_t>e[i].n_chunks + 7) // 8
            deleted = None
            if e[i].deleted != _index.NOT_DELETED:
                if e[i].deleted + files + chunks > n_bits:
                    raise DamagedError(f"{os.fsdecode(path)} is damaged")
                deleted = (PyBytes_FromStringAndSize(<char*>bits + e[i].deleted, files),
                           PyBytes_FromStringAndSize(<char*>bits + e[i].deleted + files, chunks))
            segments.append((e[i].id, e[i].n_files, e[i].n_chunks, deleted))
        return {
            "root": PyBytes_FromStringAndSize(<char*>root, n_root),
            "generation": s.head.serial,
            "stats": (stats[2], stats[0], stats[1], stats[3]),
            "segments": segments,
            "options": PyBytes_FromStringAndSize(<char*>options, n_options),
        }
    finally:
        _store.store_close(&s)


def cache_folder(bytes leaf, bytes variable) -> bytes:
    """Where greppy keeps its indexes (b"index", b"GREPPY_INDEX_DIR") or programs (b"runtime", b"GREPPY_RUNTIME_DIR").
    Raises RuntimeError when nothing says where caches go."""
    cdef Bytes out
    bytes_init(&out)
    try:
        if not cache_base(leaf, variable, &out):
            raise RuntimeError(f"no place for the {leaf.decode()}: set HOME, XDG_CACHE_HOME or {variable.decode()}")
        return _taken(&out)
    finally:
        bytes_free(&out)


def index_folder(bytes root) -> bytes:
    """Folder of the index of the project with that real path. Raises RuntimeError when nothing says where caches go."""
    cdef Bytes out
    bytes_init(&out)
    try:
        if not _index_folder(<const uint8_t*>root, len(root), &out):
            raise RuntimeError("no place for the index: set HOME, XDG_CACHE_HOME or GREPPY_INDEX_DIR")
        return _taken(&out)
    finally:
        bytes_free(&out)


def find_project(bytes start) -> bytes:
    """Root of the project around a folder given by its real path."""
    cdef bint indexed
    return start[:_find_project(<const uint8_t*>start, len(start), &indexed)]


cdef list _slices(values):
    return [v.encode("utf-8", "surrogateescape") if isinstance(v, str) else bytes(v) for v in values]


cdef struct Asked:
    # All that one question needs, from `Reader._take` to `Reader._give`.
    Filter filter
    Query query
    Weights weights
    bint smart
    Answer answer
    double[TERMS] values
    Bytes corrected
    Results results


cdef void _answer(_index.Index* x, Asked* a, const uint8_t* p, size_t n, uint32_t limit, bint explained) noexcept nogil:
    """Parses and ranks; `explained`: all candidates, one place a file, with details."""
    query_parse(p, n, &a.query)
    if a.smart:
        smart_expand(x, &a.query, &a.answer)
    smart_rank(x, &a.query, &a.filter, &a.weights, &a.answer, limit, explained, explained, a.values,
               &a.results)


cdef class Reader:
    """An open index. Safe to share between threads: searches only read."""
    cdef _index.Index x
    cdef bytes folder
    cdef bint opened
    cdef int busy  # calls at work in other threads: the maps are undone when the last of them ends
    cdef Asked* spare  # of an earlier question: it is large, and new pages take longer than many a question

    def __cinit__(self, bytes folder):
        cdef int e
        self.folder = folder
        e = _index.index_open(&self.x, <const uint8_t*>folder, len(folder), False)
        if e == _index.INDEX_MISSING:
            raise FileNotFoundError(2, "no index here", os.fsdecode(folder))
        if e == _index.INDEX_DAMAGED:
            raise DamagedError(f"the index in {os.fsdecode(folder)} is damaged")
        if e == _index.INDEX_VERSION:
            raise VersionError(f"the index in {os.fsdecode(folder)} was written by another version")
        if e == _index.INDEX_SYSTEM:
            raise OSError(errno, os.strerror(errno), os.fsdecode(folder))
        if e:
            raise MemoryError
        self.opened = True
        if not index_saturations(&self.x):
            self.close()
            raise MemoryError

    def __dealloc__(self):
        self.close()
        free(self.spare)

    cdef Asked* _take(self, weights, smart=None) except NULL:
        cdef Weights w
        cdef Asked* a
        default_weights(&w)
        _set_weights(&w, weights)
        a = self.spare
        self.spare = NULL
        if a == NULL:
            a = <Asked*>calloc(1, sizeof(Asked))
        if a == NULL:
            raise MemoryError
        a.weights = w
        a.smart = smart is not None
        a.answer.given = False
        if smart and not answer_read(<const uint8_t*><bytes>smart, len(smart), &a.answer):
            self._give(a)
            raise ValueError("not an answer")
        return a

    cdef void _give(self, Asked* a) noexcept:
        filter_free(&a.filter)
        bytes_free(&a.corrected)
        free(a.results.items)
        free(a.results.details)
        memset(&a.filter, 0, sizeof(Filter))
        memset(&a.results, 0, sizeof(Results))
        free(self.spare)
        self.spare = a

    def close(self) -> None:
        if self.opened:
            self.opened = False
            if not self.busy:
                _index.index_close(&self.x)

    cdef _check(self):
        if not self.opened:
            raise ValueError("the index is closed")

    cdef _begin(self):
        self._check()
        self.busy += 1

    cdef _end(self):
        self.busy -= 1
        if not self.busy and not self.opened:
            _index.index_close(&self.x)

    @property
    def root(self) -> bytes:
        self._check()
        return PyBytes_FromStringAndSize(<char*>self.x.root, self.x.root_n)

    @property
    def generation(self) -> int:
        self._check()
        return self.x.manifest.head.serial

    @property
    def stats(self) -> tuple:
        """(files, chunks, sum of lengths), without what is deleted."""
        self._check()
        return self.x.n_files, self.x.n_chunks, self.x.total_len

    def languages(self) -> dict:
        """How many of the files, without those that are deleted, are in each language."""
        cdef uint32_t i, f
        cdef const RankRecord* r
        self._check()
        counts = [0] * LANG_COUNT
        for i in range(self.x.n_segments):
            for f in range(self.x.segments[i].n_files):
                if bit(self.x.deleted_files[i], f):
                    continue
                r = segment_rank(&self.x.segments[i], f)
                if r == NULL or r.language >= LANG_COUNT:
                    raise DamagedError(f"the index in {os.fsdecode(self.folder)} is damaged")
                counts[r.language] += 1
        return {(<bytes>_language_name(f)).decode(): counts[f] for f in range(LANG_COUNT) if counts[f]}

    def fresh(self) -> bool:
        """Does the file system still look as it did when the index was committed?"""
        cdef bint ok
        cdef const uint8_t* p = <const uint8_t*>self.folder
        cdef size_t n = len(self.folder)
        self._begin()
        with nogil:
            ok = _index.index_fresh(&self.x, p, n)
        self._end()
        return bool(ok)

    def postings(self, bytes term, bint stored=False) -> list:
        """[(segment, documents, codes)] of a term, buffers of <u4 and u1; `stored`: it is in the dictionary's form."""
        cdef uint32_t i, t
        cdef Segment* s
        self._check()
        key = term if stored else stored_term(term)
        out = []
        for i in range(self.x.n_segments):
            s = &self.x.segments[i]
            t = segment_term(s, <const uint8_t*><bytes>key, len(key))
            if t == NO_TERM:
                continue
            docs = bytearray(4 * segment_df(s, t))
            codes = bytearray(segment_df(s, t))
            if not segment_postings(s, t, <uint32_t*><char*>docs, <uint8_t*><char*>codes):
                raise DamagedError("a posting list is damaged")
            out.append((i, docs, codes))
        return out

    def corrected(self, bytes text):
        """The question with its mistyped names corrected, as `search` corrects it; None when there are none."""
        cdef Asked* a = self._take(None)
        self._begin()
        try:
            query_parse(<const uint8_t*>text, len(text), &a.query)
            if spell(&self.x, <const uint8_t*>text, len(text), &a.query, &a.corrected):
                return PyBytes_FromStringAndSize(<char*>a.corrected.data, a.corrected.len)
        finally:
            self._end()
            self._give(a)

    def search(self, bytes text, uint32_t limit=20, globs=(), types=(), types_not=(), kinds=(), places=(),
               bint no_tests=False, weights=None, smart=None) -> list:
        """JSON objects (bytes), best first; the arguments are those of the command line. `smart`: an answer as
        `greppy.smart.answer.pack` writes it, or b"" for none: then words that nothing has are widened."""
        cdef const uint8_t* p = <const uint8_t*>text
        cdef size_t n = len(text)
        cdef Asked* a
        cdef Filter* f
        cdef int k
        out, seen = [], set()
        globs, places = _slices(globs), _slices(places)
        if len(globs) > GLOBS_MAX or len(places) > PLACES_MAX:
            raise ValueError("too many globs or places")
        a = self._take(weights, smart)
        f = &a.filter
        self._begin()
        try:
            for g in globs:
                f.globs[f.n_globs].at = <const uint8_t*><bytes>g
                f.globs[f.n_globs].len = len(g)
                f.n_globs += 1
                f.includes |= not g.startswith(b"!")
            for g in places:
                f.places[f.n_places].at = <const uint8_t*><bytes>g
                f.places[f.n_places].len = len(g)
                f.n_places += 1
            for name in types:
                k = _known(language_by_name(name), "language", name)
                f.languages[k >> 6] |= <uint64_t>1 << (k & 63)
            for name in types_not:
                k = _known(language_by_name(name), "language", name)
                f.not_languages[k >> 6] |= <uint64_t>1 << (k & 63)
            for name in kinds:
                f.kinds |= 1 << <int>_known(kind_by_name(name), "kind", name)
            f.no_tests = no_tests
            f.active = bool(globs or places or types or types_not or kinds or no_tests)
            with nogil:
                query_parse(p, n, &a.query)
                if spell(&self.x, p, n, &a.query, &a.corrected):
                    query_parse(a.corrected.data, a.corrected.len, &a.query)
                if a.smart:
                    smart_expand(&self.x, &a.query, &a.answer)
                smart_rank(&self.x, &a.query, f, &a.weights, &a.answer, limit, False, False, a.values, &a.results)
            if self._places(&a.query, a.values, &a.results, limit, out, seen) and a.results.full and len(out) < limit:
                free(a.results.items)
                a.results.items = NULL
                with nogil:
                    smart_rank(&self.x, &a.query, f, &a.weights, &a.answer, further_limit(limit), False, False,
                               a.values, &a.results)
                self._places(&a.query, a.values, &a.results, limit, out, seen)
            return out
        finally:
            self._end()
            self._give(a)

    def expansions(self, bytes text, bytes smart) -> list:
        """The words that an answer, or b"" for none, adds to a question: stems, as they are searched for."""
        cdef Asked* a = self._take(None, smart)
        cdef uint32_t i
        self._begin()
        try:
            query_parse(<const uint8_t*>text, len(text), &a.query)
            smart_expand(&self.x, &a.query, &a.answer)
            return [PyBytes_FromStringAndSize(<char*>a.query.terms[i].text, a.query.terms[i].len)
                    for i in range(a.query.n_asked, a.query.n_terms) if a.query.terms[i].text[0] != 61]
        finally:
            self._end()
            self._give(a)

    def rank_ns(self, bytes text, uint32_t limit=20, weights=None, uint32_t rounds=1, smart=None) -> list:
        """Nanoseconds that parsing and ranking a question take, once for each round; for benchmarks."""
        cdef Asked* a = self._take(weights, smart)
        cdef int64_t began, ended
        cdef uint32_t _i
        cdef const uint8_t* p = <const uint8_t*>text
        cdef size_t n = len(text)
        out = []
        self._begin()
        try:
            for _i in range(rounds):
                with nogil:
                    began = clock_ns(False)
                    _answer(&self.x, a, p, n, limit, False)
                    ended = clock_ns(False)
                    free(a.results.items)
                    a.results.items = NULL
                out.append(ended - began)
            return out
        finally:
            self._end()
            self._give(a)

    def work(self, bytes text, uint32_t limit=20, weights=None) -> dict:
        """What the retrieval of a question's best chunks read: posting blocks and ranges of documents, of how many."""
        cdef Asked* a = self._take(weights)
        cdef const uint8_t* p = <const uint8_t*>text
        cdef size_t n = len(text)
        self._begin()
        try:
            with nogil:
                _answer(&self.x, a, p, n, limit, False)
            if a.results.failed:
                raise MemoryError
            return a.results.work
        finally:
            self._end()
            self._give(a)

    def explain(self, bytes text, weights=None, smart=None) -> list:
        """[(path, score, {signal: what it adds})] of all candidates, best first, a file each; signals of 0 left out."""
        cdef Asked* a = self._take(weights, smart)
        cdef double[SIGNAL_END] signals
        cdef const Result* found
        cdef const FileRecord* r
        cdef const uint8_t* path
        cdef uint32_t i
        cdef int k
        cdef const uint8_t* p = <const uint8_t*>text
        cdef size_t n = len(text)
        self._begin()
        try:
            with nogil:
                _answer(&self.x, a, p, n, 1, True)
            if a.results.failed:
                raise MemoryError
            out = []
            for i in range(a.results.n):
                found = &a.results.items[i]
                result_signals(&a.results, found, signals)
                r = segment_file(&self.x.segments[found.segment], found.file)
                path = segment_path(&self.x.segments[found.segment], r) if r != NULL else NULL
                if path == NULL:
                    raise DamagedError("the index is damaged")
                out.append((PyBytes_FromStringAndSize(<char*>path, r.path_len), found.score,
                            {(<bytes>signal_name(k)).decode(): signals[k] for k in range(SIGNAL_END) if signals[k]}))
            return out
        finally:
            self._end()
            self._give(a)

    cdef bint _places(self, const Query* q, const double* values, const Results* results, uint32_t limit, list out,
                      set seen) except -1:
        """Adds the places that are still true, and were not seen before, until there are `limit`; whether it met one
        that has changed."""
        cdef Place* place = <Place*>calloc(1, sizeof(Place))
        cdef Matcher m
        cdef Style style
        cdef Bytes json
        cdef uint32_t i
        cdef int status
        cdef bint changed = False
        memset(&style, 0, sizeof(style))
        bytes_init(&json)
        try:
            if place == NULL or results.failed:
                raise MemoryError
            for i in range(self.x.n_segments):
                if self.x.segments[i].store.damaged:
                    raise DamagedError("the index is damaged")
            matcher_init(&m, q, values)
            for i in range(results.n):
                if <uint32_t>len(out) == limit:
                    break
                at = (results.items[i].segment, results.items[i].chunk)
                if at in seen:
                    continue
                seen.add(at)
                json.len = 0
                with nogil:
                    status = place_load(&self.x, &results.items[i], &m, False, True, place)
                    if status == SOURCE_OK:
                        json_place(&json, &style, place, results.items[i].score, NULL)
                if status == SOURCE_CHANGED:
                    changed = True
                    continue
                if status == SOURCE_DAMAGED:
                    raise DamagedError("the index is damaged")
                if status != SOURCE_OK or json.failed:
                    raise MemoryError
                out.append(PyBytes_FromStringAndSize(<char*>json.data, json.len))
            return changed
        finally:
            if place != NULL:
                bytes_free(&place.text)
                bytes_free(&place.lines)
            free(place)
            bytes_free(&json)


cdef _known(int k, what, name):
    if k < 0:
        raise ValueError(f"unknown {what}: {name}")
    return k


cdef tuple _WEIGHT_NAMES():
    return ("k1", "b", "word_decay", "path_decay", "task_word", "chunks", "top_sum", "name_cover", "name_rarity",
            "name_precision", "folders", "synonyms", "coverage", "links", "symbol", "symbol_type", "symbol_file",
            "abbreviated", "place", "named",
            "depth", "test", "example", "compat", "generated", "vendored", "header", "old_version",
            "undefined", "kind", "name_again", "further", "expansion", "expanded", "gap", "reach",
            "plain", "exhaustive")


def weights() -> dict:
    """The ranking's weights as they are without any change, by name (rank.pxd says what each is for)."""
    cdef Weights w
    default_weights(&w)
    cdef double* v = <double*>&w
    return {name: v[i] for i, name in enumerate(_WEIGHT_NAMES())}


cdef _set_weights(Weights* w, changes):
    cdef double* v = <double*>w
    names = _WEIGHT_NAMES()
    for name, value in (changes or {}).items():
        if name not in names:
            raise ValueError(f"unknown weight: {name}")
        v[<int>names.index(name)] = value


# ----------------------------------------------------------------------------------------------------- command line

def parse_args(list argv) -> dict:
    """The command line as the front reads it: {"command", "flags": [(name, value or None)], "places", "help",
    "version", "error"}. `argv` without the program's name."""
    cdef Args* a = <Args*>calloc(1, sizeof(Args))
    cdef char** v = <char**>calloc(len(argv) + 2, sizeof(char*))
    cdef Flag f
    cdef int i
    encoded = [b"greppy", *(os.fsencode(x) for x in argv)]
    if a == NULL or v == NULL:
        free(a)
        free(v)
        raise MemoryError
    try:
        for i in range(len(encoded)):
            v[i] = <bytes>encoded[i]
        args_parse(len(encoded), v, a)
        flags = []
        for i in range(a.n_flags):
            flag_get(a.flags[i].flag, &f)
            flags.append(((<bytes>f.long_name).decode(), None if f.value == NULL else <bytes>a.flags[i].value))
        return {
            "command": (<bytes>command_name(a.command)).decode(),
            "flags": flags,
            "places": [<bytes>a.places[i] for i in range(a.n_places)],
            "help": bool(a.help),
            "version": bool(a.version),
            "error": (<bytes>a.error).decode("utf-8", "replace"),
        }
    finally:
        free(a)
        free(v)


def flags() -> list:
    """The table: [(long name, short name or "", value name or None, help, [commands], hidden)]."""
    cdef Flag f
    cdef int i, c
    out = []
    for i in range(FLAG_END):
        flag_get(i, &f)
        commands = [(<bytes>command_name(c)).decode() for c in range(1, CMD_END) if f.commands & (1 << c)]
        out.append(((<bytes>f.long_name).decode(), chr(f.short_name) if f.short_name else "",
                    None if f.value == NULL else (<bytes>f.value).decode(), (<bytes>f.help).decode(), commands,
                    bool(f.hidden)))
    return out


def commands() -> list:
    """[(name, alias or "", usage, help, examples)] in the order of the help."""
    cdef int c
    return [((<bytes>command_name(c)).decode(), (<bytes>command_alias(c)).decode(), (<bytes>command_usage(c)).decode(),
             (<bytes>command_help(c)).decode(), (<bytes>command_examples(c)).decode()) for c in range(1, CMD_END)]


def help(str command="") -> str:
    """The help of a command; of greppy as a whole without one."""
    cdef Bytes out
    cdef int c, found = 0
    for c in range(1, CMD_END):
        if (<bytes>command_name(c)).decode() == command:
            found = c
    bytes_init(&out)
    help_text(found, &out)
    return _taken(&out).decode()


# ---------------------------------------------------------------------------------------------------- configuration

def config_keys() -> list:
    """The table of keys: [(key, kind, words, normal value as TOML, flag's long name)], kind being "number", "switch",
    "word", "size" or "text"; `words` what it takes (for a number the lowest and the highest)."""
    cdef _config.ConfigKey k
    cdef Flag f
    cdef int i
    cdef char[_config.NAME_BYTES] key
    out = []
    for i in range(_config.CONFIG_KEYS):
        _config.config_key(i, &k)
        flag_get(k.flag, &f)
        _config.config_name(&k, key)
        words = (<bytes>k.words).decode().split()
        if k.kind == _config.CONFIG_NUMBER:
            words = [str(k.low), str(k.high)]
        out.append(((<bytes>key).decode(), ("number", "switch", "word", "size", "text")[k.kind], words,
                    (<bytes>k.normal).decode(), (<bytes>f.long_name).decode()))
    return out


def config_accepts(str flag, bytes value) -> bool:
    """Whether a word or text given for a flag is one that the flag's key takes."""
    cdef Flag f
    cdef int i
    name = flag.encode()
    for i in range(FLAG_END):
        flag_get(i, &f)
        if <bytes>f.long_name == name:
            return bool(_config.config_accepts(i, value))
    return False


def config_path() -> bytes:
    """Where the configuration is, or would be. Raises RuntimeError when nothing says."""
    cdef Bytes out
    bytes_init(&out)
    try:
        if not _config.config_path(&out):
            raise RuntimeError("no place for a configuration: set HOME, XDG_CONFIG_HOME or GREPPY_CONFIG")
        return _taken(&out)
    finally:
        bytes_free(&out)


def config_parse(bytes text) -> list:
    """[(key, value, start and end of the value in the text)] of a configuration. Raises ValueError(sentence, line)."""
    cdef _config.Config* c = <_config.Config*>calloc(1, sizeof(_config.Config))
    cdef int i
    if c == NULL:
        raise MemoryError
    try:
        # A copy: the parser writes into it, and needs a byte behind it.
        bytes_add(&c.text, <const char*>text, len(text))
        bytes_add(&c.text, b"", 1)
        if c.text.failed:
            raise MemoryError
        c.text.len -= 1
        if not _config.config_parse(c):
            raise ValueError((<bytes>c.error).decode("utf-8", "replace"), c.error_line)
        names = [key for key, *_ in config_keys()]
        return [(names[c.values[i].key], <bytes>c.values[i].text, c.values[i].start, c.values[i].end)
                for i in range(c.n)]
    finally:
        bytes_free(&c.text)
        free(c)


def config_defaults(str command, bint ignored=False) -> list:
    """[(flag, value or None)] that the configuration gives a command, as if they had been written first; none with
    `ignored`, and then none for the programs started from here. Raises ValueError(sentence)."""
    cdef Args* a = <Args*>calloc(1, sizeof(Args))
    cdef _config.Config* c = <_config.Config*>calloc(1, sizeof(_config.Config))
    cdef Flag f
    cdef int i
    cdef bytes name = command.encode()
    if a == NULL or c == NULL:
        free(a)
        free(c)
        raise MemoryError
    try:
        a.command = command_by_name(name)
        if ignored:
            a.flags[0].flag = _config.FLAG_NO_CONFIG
            a.n_flags = 1
        if not _config.config_defaults(c, a):
            raise ValueError((<bytes>a.error).decode("utf-8", "replace"))
        out = []
        for i in range(0 if ignored else a.n_flags):
            flag_get(a.flags[i].flag, &f)
            out.append(((<bytes>f.long_name).decode(), None if f.value == NULL else <bytes>a.flags[i].value))
        return out
    finally:
        bytes_free(&c.text)
        free(a)
        free(c)


include "_core/fresh.pxi"
include "_core/answers.pxi"
