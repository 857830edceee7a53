# cython: language_level=3
"""Results as bytes: for a pipe, for a terminal, as JSON. Nothing here reads the index; a `Place` has it all."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdio cimport snprintf
from libc.stdlib cimport strtoll
from libc.string cimport memcmp, memset
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_str, bytes_uint
from _core.languages cimport language_name
from _core.outline cimport (
    Outline, outline_init, outline_free, outline_scan, kind_name, LINE_COMMENT, LINE_ATTRIBUTE, KIND_NONE,
)
from _core.chunk cimport CLASS_BITS
from _core.match cimport Matcher, Scan, next_match, scan_init, text_score
from _core.place cimport Place, PlaceDef, line_text
from _core.builder cimport LINE_BYTES
from _core.segment cimport FILE_TEST
from _core.signals cimport SIGNAL_END, signal_name
from _core.source cimport outline_language
from _core.text cimport Token
from _core.unicode cimport utf8_decode, cp_width

cdef enum:
    SHOWN_LINES = 3        # of a chunk on a terminal when no context is asked for

cdef struct Style:
    bint color
    bint heading           # grouped by file, as on a terminal
    bint chunk             # whole chunks
    bint nul               # paths end with a NUL byte
    bint harmless          # paths, too, go to a terminal or to what shows them on one
    uint32_t before
    uint32_t after
    uint32_t width         # columns of the terminal, to cut lines at; 0: never
    const uint8_t* link    # the URL of the root with a slash behind; NULL: no links
    size_t link_n
    const uint8_t* prefix  # what leads from the current folder to the root; files below `strip` lose that instead
    size_t prefix_n
    const uint8_t* strip
    size_t strip_n


cdef inline void _paint(Bytes* out, const Style* s, const char* code) noexcept nogil:
    if s.color:
        bytes_str(out, code)


cdef inline const char* _path_color() noexcept nogil:
    return b"\x1b[35m"


cdef inline const char* _line_color() noexcept nogil:
    return b"\x1b[32m"


cdef inline const char* _match_color() noexcept nogil:
    return b"\x1b[1;31m"


cdef inline const char* _plain() noexcept nogil:
    return b"\x1b[0m"


cdef inline void shown_path(Bytes* out, const Style* s, const uint8_t* path, size_t n) noexcept nogil:
    """The path as it is reached from the current folder, bytes as they are."""
    cdef size_t i, common = 0
    if s.strip_n == 0:
        bytes_add(out, s.prefix, s.prefix_n)
    i = 0
    while i < n and i < s.strip_n and path[i] == s.strip[i]:
        i += 1
        if path[i - 1] == 47:
            common = i
    for i in range(common, s.strip_n):
        if s.strip[i] == 47:
            bytes_str(out, b"../")
    bytes_add(out, path + common, n - common)


cdef inline bint commands_terminal(uint32_t cp) noexcept nogil:
    """Beyond ASCII: C1 controls, and what turns the direction of the text around."""
    return (128 <= cp < 160) or (0x202A <= cp <= 0x202E) or (0x2066 <= cp <= 0x2069) or (
        0x200E <= cp <= 0x200F) or cp == 0x061C


cdef inline bint harmless(Bytes* out, const uint8_t* p, size_t n, uint32_t* room) noexcept nogil:
    """Bytes of a file for a terminal: control characters as ^X, what is no UTF-8 as U+FFFD; `room` columns at most.

    Whether all of it found room; without `out` it is only measured."""
    cdef const uint8_t* end = p + n
    cdef uint32_t cp, w, columns = 0, last
    while p < end:
        w = utf8_decode(p, end, &cp)
        last = columns
        columns = 1
        if w == 0:
            w = 1
            cp = 0xFFFD
        elif cp == 9:
            columns = 4
        elif cp < 32 or cp == 127:
            columns = 2
        elif commands_terminal(cp):
            cp = 0xFFFD
        elif cp == 0xFE0F:
            columns = last != 2  # "as an emoji": what stood in one column may take two now
        elif cp >= 127:
            columns = <uint32_t>cp_width(cp)
        if columns > room[0]:
            room[0] = 0
            return False
        room[0] -= columns
        if out == NULL:
            p += w
            continue
        if cp == 0xFFFD:
            bytes_str(out, b"\xef\xbf\xbd")
        elif cp == 9:
            bytes_str(out, b"    ")
        elif cp < 32 or cp == 127:
            bytes_byte(out, 94)
            bytes_byte(out, <uint8_t>(cp ^ 64))
        else:
            bytes_add(out, p, w)
        p += w
    return True


cdef inline void harmless_path(Bytes* out, const Style* s, const uint8_t* path, size_t n) noexcept nogil:
    cdef uint32_t room = 0xFFFFFFFFU
    cdef Bytes raw
    memset(&raw, 0, sizeof(raw))
    shown_path(&raw, s, path, n)
    harmless(out, raw.data, raw.len, &room)
    bytes_free(&raw)


cdef inline void url_path(Bytes* out, const uint8_t* path, size_t n) noexcept nogil:
    """A path as it stands in a URL (RFC 3986)."""
    cdef const char* hex = b"0123456789ABCDEF"
    cdef size_t i
    cdef uint8_t c
    for i in range(n):
        c = path[i]
        if 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or 45 <= c <= 47 or c == 95 or c == 126:
            bytes_byte(out, c)
        else:
            bytes_byte(out, 37)
            bytes_byte(out, <uint8_t>hex[c >> 4])
            bytes_byte(out, <uint8_t>hex[c & 15])


cdef inline void _linked(Bytes* out, const Style* s, const uint8_t* path, size_t n) noexcept nogil:
    """Begins a link to the file (OSC 8): a URL holds nothing but harmless ASCII."""
    bytes_str(out, b"\x1b]8;;")
    bytes_add(out, s.link, s.link_n)
    url_path(out, path, n)
    bytes_str(out, b"\x1b\\")


cdef inline void render_path(Bytes* out, const Style* s, const uint8_t* path, size_t n) noexcept nogil:
    """A path in colour and as a link, as far as the style wants it."""
    if s.link != NULL:
        _linked(out, s, path, n)
    _paint(out, s, _path_color())
    if s.harmless:
        harmless_path(out, s, path, n)
    else:
        shown_path(out, s, path, n)
    _paint(out, s, _plain())
    if s.link != NULL:
        bytes_str(out, b"\x1b]8;;\x1b\\")


cdef inline void _marked(Bytes* out, const Style* s, Matcher* m, const uint8_t* p, size_t n,
                         uint32_t before) noexcept nogil:
    """A line for a terminal: what the question matches in colour, cut where the terminal ends; `before` it stand that
    many columns."""
    cdef uint32_t room = 0xFFFFFFFFU
    cdef bint whole = True
    cdef const uint8_t* end = p + n
    cdef const uint8_t* done = p
    cdef const uint8_t* stop
    cdef Scan scan
    cdef Token t
    cdef uint64_t[3] seen
    memset(seen, 0, sizeof(seen))
    scan_init(&scan, p, p + (n if n < LINE_BYTES else LINE_BYTES))
    if s.width:
        room = s.width - before if s.width > before else 0
        whole = harmless(NULL, p, n, &room)
        room = s.width - before if s.width > before else 0
        if not whole and room:
            room -= 1  # for the sign that it is cut
    while s.color and room:
        stop = next_match(m, &scan, &t, seen)
        if stop == NULL:
            break
        harmless(out, done, t.at - done, &room)
        if room:
            bytes_str(out, _match_color())
            harmless(out, t.at, stop - t.at, &room)
            bytes_str(out, _plain())
        done = stop
    if room:
        harmless(out, done, end - done, &room)
    if not whole:
        bytes_str(out, b"\xe2\x80\xa6")


cdef inline uint32_t _digits(uint32_t v) noexcept nogil:
    cdef uint32_t n = 1
    while v >= 10:
        v = v // 10
        n += 1
    return n


cdef inline void _number(Bytes* out, const Style* s, uint32_t line, uint8_t separator) noexcept nogil:
    _paint(out, s, _line_color())
    bytes_uint(out, line + 1)
    _paint(out, s, _plain())
    bytes_byte(out, separator)


cdef inline void _line(Bytes* out, const Style* s, Matcher* m, const Place* p, uint32_t line,
                       bint context) noexcept nogil:
    """One line of a place: `path:12:text`, or `12:text` under its heading; a context line has - for : ."""
    cdef const uint8_t* at
    cdef size_t n = line_text(p, line, &at)
    cdef uint8_t separator = 45 if context else 58
    if not s.heading:
        render_path(out, s, p.path, p.file.path_len)
        bytes_byte(out, 0 if s.nul else separator)
    _number(out, s, line, separator)
    if s.heading or s.color:
        _marked(out, s, m, at, n, _digits(line + 1) + 1)
    else:
        bytes_add(out, at, n)
    bytes_byte(out, 10)


cdef inline void render_text(Bytes* out, const Style* s, Matcher* m, const Place* p, bint same_file,
                             bint first) noexcept nogil:
    """A place for people and pipes; `same_file`: the one before it was of the same file, `first`: there was none."""
    cdef uint32_t line, lo, hi, k, i, n_best
    cdef uint32_t[SHOWN_LINES] best
    cdef double[SHOWN_LINES] score
    cdef double v
    cdef const uint8_t* at
    cdef size_t n
    cdef uint32_t end = p.first + p.n_lines
    cdef bint context = s.before > 0 or s.after > 0
    if s.heading and not same_file:
        if not first:
            bytes_byte(out, 10)
        render_path(out, s, p.path, p.file.path_len)
        bytes_byte(out, 10)
    elif not first and (s.chunk or context):
        bytes_str(out, b"--\n")
    if s.chunk or context:
        lo = p.start
        hi = p.end
        if not s.chunk:
            lo = p.best - s.before if p.best - p.first > s.before else p.first
            hi = p.best + 1 + (s.after if s.after < end - p.best else end - p.best)
        if hi > end:
            hi = end
        for line in range(lo, hi):
            _line(out, s, m, p, line, line != p.best)
        return
    if not s.heading:
        _line(out, s, m, p, p.best, False)
        return
    # On a terminal: the best line, the definition it is in, and the next best one, in the order of the file.
    best[0] = p.best
    n_best = 1
    if p.symbol >= 0 and p.defs[p.symbol].line != p.best:
        best[n_best] = p.defs[p.symbol].line
        n_best += 1
    score[0] = 0
    for line in range(p.start, p.end if p.end < end else end):
        if line == p.best or (n_best > 1 and best[1] == line and p.symbol >= 0 and p.defs[p.symbol].line == line):
            continue
        n = line_text(p, line, &at)
        v = text_score(m, at, n if n < LINE_BYTES else LINE_BYTES)
        if v > score[0]:
            score[0] = v
            k = line
    if score[0] > 0:
        best[n_best] = k
        n_best += 1
    for i in range(1, n_best):
        k = i
        while k and best[k - 1] > best[k]:
            line = best[k]
            best[k] = best[k - 1]
            best[k - 1] = line
            k -= 1
    for i in range(n_best):
        _line(out, s, m, p, best[i], False)


cdef inline uint32_t terminal_rows(const uint8_t* p, size_t n, uint32_t width) noexcept nogil:
    """How many rows of a terminal that is `width` wide whole lines take, escape sequences as they are written here."""
    cdef const uint8_t* end = p + n
    cdef uint32_t rows = 0, column = 0, columns, cp, w
    while p < end:
        if p[0] == 27 and end - p > 1:
            # A colour ends in m, a link in its terminator, ESC and a backslash.
            w = 109 if p[1] == 91 else 92
            p += 2
            while p < end and p[0] != w:
                p += 1
            p += 1
            continue
        w = utf8_decode(p, end, &cp)
        if w == 0:
            w = 1
            cp = 63
        columns = cp_width(cp)
        if column + columns > width:
            rows += 1
            column = 0
        column += columns
        if cp == 10:
            rows += 1
            column = 0
        p += w
    return rows


# ------------------------------------------------------------------------------------------------------------- JSON

cdef inline void json_text(Bytes* out, const uint8_t* p, size_t n) noexcept nogil:
    """A JSON string (RFC 8259); bytes that are no UTF-8 become U+FFFD each."""
    cdef const char* hex = b"0123456789abcdef"
    cdef const uint8_t* end = p + n
    cdef const uint8_t* run = p
    cdef uint32_t cp, w
    bytes_byte(out, 34)
    while p < end:
        if 32 <= p[0] < 128 and p[0] != 34 and p[0] != 92 and p[0] != 127:
            p += 1
            continue
        w = utf8_decode(p, end, &cp)
        if w > 1 and not commands_terminal(cp) and cp != 0x2028 and cp != 0x2029:
            p += w
            continue
        bytes_add(out, run, p - run)
        if w > 1:  # what a terminal would obey, or JavaScript take for the end of a line
            bytes_str(out, b"\\u")
            bytes_byte(out, hex[cp >> 12])
            bytes_byte(out, hex[(cp >> 8) & 15])
            bytes_byte(out, hex[(cp >> 4) & 15])
            bytes_byte(out, hex[cp & 15])
            p += w - 1
        elif w == 0:
            bytes_str(out, b"\xef\xbf\xbd")
        elif cp == 34 or cp == 92:
            bytes_byte(out, 92)
            bytes_byte(out, <uint8_t>cp)
        elif cp == 10:
            bytes_str(out, b"\\n")
        elif cp == 9:
            bytes_str(out, b"\\t")
        elif cp == 13:
            bytes_str(out, b"\\r")
        else:
            bytes_str(out, b"\\u00")
            bytes_byte(out, hex[cp >> 4])
            bytes_byte(out, hex[cp & 15])
        p += 1
        run = p
    bytes_add(out, run, p - run)
    bytes_byte(out, 34)


cdef inline void _key(Bytes* out, const char* name, bint first) noexcept nogil:
    if not first:
        bytes_byte(out, 44)
    bytes_byte(out, 34)
    bytes_str(out, name)
    bytes_str(out, b"\":")


cdef inline void json_number(Bytes* out, double v, int decimals) noexcept nogil:
    cdef char[48] text
    snprintf(text, 48, b"%.*f", decimals, v)
    bytes_str(out, text)


cdef inline int64_t _millionths(double v) noexcept nogil:
    """`v` as `json_number` with six decimals prints it, without the point."""
    cdef char[400] text
    cdef int i, n = snprintf(text, 400, b"%.6f", v)
    if n < 8:
        return 0  # no number
    for i in range(n - 7, n):
        text[i] = text[i + 1]  # the NUL behind comes along
    return strtoll(text, NULL, 10)


cdef inline void printed_signals(double score, double* signals) noexcept nogil:
    """Rounds the addends so that, printed with six decimals, they add up to the printed score exactly: what rounding
    leaves over goes to the largest."""
    cdef int64_t left = _millionths(score), v, most = -1
    cdef int i, largest = 0
    for i in range(SIGNAL_END):
        v = _millionths(signals[i])
        left -= v
        signals[i] = <double>v / 1e6
        if v < 0:
            v = -v
        if v > most:
            most = v
            largest = i
    signals[largest] = <double>(_millionths(signals[largest]) + left) / 1e6


cdef inline void render_signals(Bytes* out, const Style* s, double score, const double* signals) noexcept nogil:
    """The sum behind a result, a line of its own; `signals` as `printed_signals` leaves them."""
    cdef int i
    cdef bint first = True
    _paint(out, s, b"\x1b[2m")
    bytes_str(out, b"    score ")
    json_number(out, score, 6)
    bytes_str(out, b" =")
    for i in range(SIGNAL_END):
        if signals[i] == 0:
            continue
        bytes_str(out, b" " if first and signals[i] > 0 else (b" + " if signals[i] > 0 else b" - "))
        bytes_str(out, signal_name(i))
        bytes_byte(out, 32)
        json_number(out, signals[i] if signals[i] > 0 else -signals[i], 6)
        first = False
    if first:
        bytes_str(out, b" 0")
    _paint(out, s, _plain())
    bytes_byte(out, 10)


cdef inline void _bool(Bytes* out, bint v) noexcept nogil:
    bytes_str(out, b"true" if v else b"false")


cdef inline size_t _trimmed(const uint8_t** p, size_t n) noexcept nogil:
    while n and (p[0][0] == 32 or p[0][0] == 9):
        p[0] += 1
        n -= 1
    while n and (p[0][n - 1] == 32 or p[0][n - 1] == 9):
        n -= 1
    return n


cdef inline bint _opens(const Place* p, uint32_t line) noexcept nogil:
    """The line ends a signature: what follows may be its docstring."""
    cdef const uint8_t* at
    cdef size_t n = line_text(p, p.first + line, &at)
    n = _trimmed(&at, n)
    return n > 0 and (at[n - 1] == 58 or at[n - 1] == 123)


cdef inline uint32_t _at_most(uint32_t v, uint32_t most) noexcept nogil:
    return v if v < most else most


cdef inline void _doc_comment(Bytes* out, const Place* p, const Outline* o) noexcept nogil:
    """The comment right above the definition (attributes between do not part them), else the docstring right below."""
    cdef uint32_t lo, hi, line = p.defs[p.symbol].line - p.first, i
    cdef const uint8_t* at
    cdef size_t n
    cdef Bytes text
    memset(&text, 0, sizeof(text))
    hi = line
    while hi and o.line_class[hi - 1] & CLASS_BITS == LINE_ATTRIBUTE:
        hi -= 1
    lo = hi
    while lo and o.line_class[lo - 1] & CLASS_BITS == LINE_COMMENT:
        lo -= 1
    if lo == hi:
        lo = line + 1
        while lo < o.n_lines and lo < line + 8 and o.line_class[lo] & CLASS_BITS != LINE_COMMENT:
            n = line_text(p, p.first + lo, &at)
            if n == 0:
                break  # a blank line before any comment: it is not about the definition
            lo += 1
        hi = lo
        while hi < o.n_lines and o.line_class[hi] & CLASS_BITS == LINE_COMMENT:
            hi += 1
        if hi == lo or (lo > line + 1 and not _opens(p, lo - 1)):
            bytes_str(out, b"null")
            return
    for i in range(lo, hi):
        n = line_text(p, p.first + i, &at)
        n = _trimmed(&at, n)
        if text.len:
            bytes_byte(&text, 10)
        bytes_add(&text, at, n)
    json_text(out, text.data, text.len)
    bytes_free(&text)


cdef inline void json_place(Bytes* out, const Style* s, const Place* p, double score,
                            const double* signals) noexcept nogil:
    """One result object, without a newline; `signals` as `printed_signals` leaves them, or NULL."""
    cdef const uint8_t* at
    cdef size_t n
    cdef Bytes path
    cdef Outline o
    cdef const PlaceDef* d = &p.defs[p.symbol] if p.symbol >= 0 else NULL
    cdef const PlaceDef* parent = NULL
    cdef int i
    cdef bint first = True
    memset(&path, 0, sizeof(path))
    shown_path(&path, s, p.path, p.file.path_len)
    bytes_byte(out, 123)
    _key(out, b"path", True)
    json_text(out, path.data, path.len)
    bytes_free(&path)
    _key(out, b"start_line", False)
    bytes_uint(out, p.start + 1)
    _key(out, b"end_line", False)
    bytes_uint(out, p.end if p.end > p.start else p.start + 1)
    _key(out, b"line", False)
    bytes_uint(out, p.best + 1)
    _key(out, b"symbol_name", False)
    if d != NULL:
        json_text(out, p.text.data + d.name, d.name_len)
    elif p.parent_len:
        json_text(out, p.parent, p.parent_len)
    else:
        bytes_str(out, b"null")
    _key(out, b"symbol_type", False)
    if d != NULL or p.parent_len:
        bytes_byte(out, 34)
        bytes_str(out, kind_name(d.kind if d != NULL else p.parent_kind))
        bytes_byte(out, 34)
    else:
        bytes_str(out, b"null")
    _key(out, b"signature", False)
    if d != NULL:
        n = line_text(p, d.line, &at)
        n = _trimmed(&at, n)
        json_text(out, at, n)
    else:
        bytes_str(out, b"null")
    _key(out, b"parent_symbol", False)
    if d != NULL:
        i = p.symbol
        while i > 0 and parent == NULL:
            i -= 1
            if p.defs[i].depth < d.depth:
                parent = &p.defs[i]
    if parent != NULL:
        json_text(out, p.text.data + parent.name, parent.name_len)
    elif d != NULL and p.parent_len and d.depth:
        json_text(out, p.parent, p.parent_len)
    else:
        bytes_str(out, b"null")
    _key(out, b"doc_comment", False)
    if d != NULL:
        outline_init(&o)
        outline_scan(p.text.data, p.text.len, outline_language(p.file, p.rank.language), &o)
        if o.failed or o.n_lines <= d.line - p.first:
            bytes_str(out, b"null")
        else:
            _doc_comment(out, p, &o)
        outline_free(&o)
    else:
        bytes_str(out, b"null")
    _key(out, b"language", False)
    bytes_byte(out, 34)
    bytes_str(out, language_name(p.rank.language))
    bytes_byte(out, 34)
    _key(out, b"score", False)
    json_number(out, score, 6)
    _key(out, b"is_exported", False)
    _bool(out, d != NULL and d.exported)
    _key(out, b"is_test", False)
    _bool(out, (p.rank.flags & FILE_TEST) != 0)
    _key(out, b"content", False)
    json_text(out, p.text.data + p.line[p.start - p.first],
              p.line[_at_most(p.end - p.first, p.n_lines)] - p.line[p.start - p.first])
    if signals != NULL:
        _key(out, b"explain", False)
        bytes_byte(out, 123)
        for i in range(SIGNAL_END):
            if signals[i] != 0:
                _key(out, signal_name(i), first)
                json_number(out, signals[i], 6)
                first = False
        bytes_byte(out, 125)
    bytes_byte(out, 125)
