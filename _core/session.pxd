# cython: language_level=3
"""What a search holds, and what its flags say."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport strtol
from libc.string cimport strcmp, strlen, strncmp, strerror
from _core.ask cimport Ask, ask_who
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_str, bytes_uint
from _core.config cimport config_accepts
from _core.filter cimport Filter, GLOBS_MAX
from _core.first cimport First
from _core.flags cimport (
    Args, args_last, FLAG_LIMIT, FLAG_FILES, FLAG_NULL, FLAG_CHUNK, FLAG_AFTER, FLAG_BEFORE, FLAG_CONTEXT, FLAG_JSON,
    FLAG_JSONL, FLAG_COLOR, FLAG_GLOB, FLAG_TYPE, FLAG_TYPE_NOT, FLAG_KIND, FLAG_NO_TESTS, FLAG_COUNT,
    FLAG_MAX_TOKENS, FLAG_EXPLAIN, FLAG_SMART, FLAG_NO_SMART, FLAG_RERANK, FLAG_REQUIRE_SMART, FLAG_DRY_RUN,
    FLAG_PROVIDER, FLAG_MODEL, FLAG_BASE_URL, FLAG_TIMEOUT, Flag, flag_get,
)
from _core.index cimport Index
from _core.languages cimport language_by_name
from _core.match cimport Matcher
from _core.outline cimport kind_by_name
from _core.place cimport Place
from _core.query cimport Query
from _core.render cimport Style, terminal_rows
from _core.say cimport EXIT_ERROR, complain
from _core.sys cimport c_getenv, c_ioctl, c_isatty, errno, winsize, write_all, EPIPE, PATH_BYTES, TIOCGWINSZ

cdef enum:
    LIMIT = 20
    LIMIT_MAX = 100000
    FLUSH = 1 << 16
    FEW_FILES = 400              # are compared in a third of a millisecond; a daemon answers in half of one
    TOKEN_BYTES = 4              # what --max-tokens takes for a token
    TOKENS_MAX = 1000000000
    JSON_TAIL = 80               # more than what ends a JSON document
    HOST_BYTES = 256
    RERANKED = 30                # places whose order a provider is asked for
    TIMEOUT_MOST = 600000        # milliseconds
    DRY_SHOWN = 100              # no exit status: what would be sent has been printed

cdef struct Session:
    # Everything a search holds, in one place. What every search touches stands together, and the long arrays, of which
    # it touches the beginnings, between: each page that is never touched is a page fault less.
    const Args* args
    uint32_t limit
    bint files_only              # paths, with -c and a number
    bint count
    bint explain
    bint json
    bint jsonl
    bint broken                  # standard output is closed
    bint link                    # paths are links
    bint usual                   # the configuration says nothing about building an index
    bint smart                   # --smart, and what makes sense only with it
    bint widened                 # ... and nothing has gone wrong with it
    bint required                # --require-smart
    bint dry                     # --dry-run
    bint rerank
    bint erasable                # what is on the terminal can be written anew
    bint held                    # what is rendered is not written yet
    uint64_t printed             # bytes that have left
    uint64_t budget              # bytes that may leave; 0: any number
    uint32_t next                # the result to go on with
    uint32_t shown_places        # before that one
    uint32_t rows                # of the terminal that have been written
    uint32_t screen              # lines of the terminal
    size_t root_n
    size_t cwd_n
    Bytes folder                 # of the index
    Bytes prefix
    Bytes url                    # of the root
    Bytes places                 # texts of Filter.places
    Bytes corrected              # the question, when a name in it was mistyped
    Bytes out
    Bytes shown                  # before the answer, on a terminal
    Style style
    char[PATH_BYTES] root        # real path, NUL-terminated
    Filter filter
    Index index
    char[PATH_BYTES] cwd         # empty when it is gone
    Query query
    Matcher matcher
    Place place
    First first
    Ask ask


cdef inline bint flush(Session* s) noexcept nogil:
    """Writes what is rendered, unless it is held. False: the reader is gone (no error), or the disk is full (`complain`
    has said so)."""
    if s.held:
        return True
    if s.out.len and not s.broken and not write_all(1, s.out.data, s.out.len):
        s.broken = True
        if errno != EPIPE:
            complain(b"cannot write the results: ", strerror(errno), b"")
    s.printed += s.out.len
    if s.ask.asking and s.erasable:
        bytes_add(&s.shown, s.out.data, s.out.len)
        s.rows += terminal_rows(s.out.data, s.out.len, s.style.width)
    s.out.len = 0
    return not s.broken


cdef inline bint _number(const char* text, long low, long high, long* v) noexcept nogil:
    cdef char* end
    if text == NULL or text[0] < 48 or text[0] > 57:
        return False
    v[0] = strtol(text, &end, 10)
    return end[0] == 0 and low <= v[0] <= high


# ---------------------------------------------------------------------------------------------------- the question

cdef inline int _count_flag(Session* s, int flag, const char* name, long low, long high, uint32_t* out) noexcept nogil:
    cdef const char* text = args_last(s.args, flag)
    cdef long v
    if text == NULL:
        return 0
    if not _number(text, low, high, &v):
        bytes_str(&s.out, name)
        bytes_str(&s.out, b" needs a whole number from ")
        bytes_uint(&s.out, <uint64_t>low)
        bytes_str(&s.out, b" to ")
        bytes_uint(&s.out, <uint64_t>high)
        bytes_byte(&s.out, 0)
        return complain(<const char*>s.out.data, b", not ", text)
    out[0] = <uint32_t>v
    return 0


cdef inline int _senseless(Session* s, int flag, int other) noexcept nogil:
    """0 unless both flags are given; then a sentence says that they mean nothing together, and EXIT_ERROR."""
    cdef Flag f
    cdef Flag g
    if args_last(s.args, flag) == NULL or args_last(s.args, other) == NULL:
        return 0
    flag_get(flag, &f)
    flag_get(other, &g)
    bytes_str(&s.out, b"--")
    bytes_str(&s.out, f.long_name)
    bytes_str(&s.out, b" means nothing together with --")
    bytes_str(&s.out, g.long_name)
    bytes_byte(&s.out, 0)
    return complain(<const char*>s.out.data, b"", b"")


cdef inline int _combination(Session* s) noexcept nogil:
    """Refuses flags of which one would silently do nothing. 0, or EXIT_ERROR after a sentence."""
    cdef int[4] lists
    cdef int[3] contexts
    cdef int i, k
    if s.json + s.jsonl + s.files_only + s.count > 1:
        return complain(b"--json, --jsonl, --files and --count exclude each other", b"", b"")
    lists[0] = FLAG_FILES
    lists[1] = FLAG_COUNT
    lists[2] = FLAG_JSON
    lists[3] = FLAG_JSONL
    contexts[0] = FLAG_CONTEXT
    contexts[1] = FLAG_AFTER
    contexts[2] = FLAG_BEFORE
    for i in range(4):
        for k in range(3):
            if _senseless(s, contexts[k], lists[i]):
                return EXIT_ERROR
        if _senseless(s, FLAG_CHUNK, lists[i]):
            return EXIT_ERROR
        if i < 2 and (_senseless(s, FLAG_EXPLAIN, lists[i]) or _senseless(s, FLAG_MAX_TOKENS, lists[i])):
            return EXIT_ERROR
        if i >= 2 and _senseless(s, FLAG_NULL, lists[i]):
            return EXIT_ERROR
    for k in range(3):
        if _senseless(s, contexts[k], FLAG_CHUNK):
            return EXIT_ERROR
    return 0


cdef inline bint _knows_links(const char* term) noexcept nogil:
    """Terminals pass over what they do not know of OSC 8, but for these few, which print it."""
    return term != NULL and term[0] and strcmp(term, b"dumb") != 0 and strcmp(term, b"linux") != 0 and strncmp(
        term, b"eterm", 5) != 0


cdef inline int _language_flag(const char* value, uint64_t* bits) noexcept nogil:
    cdef int i = language_by_name(<const uint8_t*>value, strlen(value))
    if i < 0:
        return complain(b"unknown language: ", value, b"; examples: python, rust, c, c++, typescript, go")
    bits[i >> 6] |= <uint64_t>1 << (i & 63)
    return 0


cdef inline int _filters(Session* s) noexcept nogil:
    cdef int i, k
    cdef const char* v
    cdef Filter* f = &s.filter
    for i in range(s.args.n_flags):
        v = s.args.flags[i].value
        k = s.args.flags[i].flag
        if k == FLAG_GLOB:
            if f.n_globs == GLOBS_MAX:
                return complain(b"too many globs: at most 64", b"", b"")
            if v[0] == 0 or (v[0] == 33 and v[1] == 0):
                return complain(b"an empty glob matches nothing", b"", b"")
            f.globs[f.n_globs].at = <const uint8_t*>v
            f.globs[f.n_globs].len = <uint32_t>strlen(v)
            f.n_globs += 1
            f.includes |= v[0] != 33
        elif k == FLAG_TYPE:
            if _language_flag(v, f.languages):
                return EXIT_ERROR
        elif k == FLAG_TYPE_NOT:
            if _language_flag(v, f.not_languages):
                return EXIT_ERROR
        elif k == FLAG_KIND:
            k = kind_by_name(<const uint8_t*>v, strlen(v))
            if k <= 0:
                return complain(b"unknown kind: ", v, b"; examples: function, method, class, struct, type, constant")
            f.kinds |= 1 << k
        elif k == FLAG_NO_TESTS:
            f.no_tests = True
        else:
            continue
        f.active = True
    return 0


cdef inline int _provider(Session* s) noexcept nogil:
    """The flags about asking one. 0, or EXIT_ERROR after a sentence."""
    cdef const char* provider = args_last(s.args, FLAG_PROVIDER)
    cdef const char* model = args_last(s.args, FLAG_MODEL)
    cdef const char* url = args_last(s.args, FLAG_BASE_URL)
    cdef uint32_t timeout = 0
    cdef Flag f
    cdef int i, k
    s.required = args_last(s.args, FLAG_REQUIRE_SMART) != NULL
    s.rerank = args_last(s.args, FLAG_RERANK) != NULL
    s.dry = args_last(s.args, FLAG_DRY_RUN) != NULL
    s.smart = s.required or (s.dry and not s.rerank)
    for i in range(s.args.n_flags):
        # The last one wins, so that a line can undo what the configuration says.
        if s.args.flags[i].flag == FLAG_SMART:
            s.smart = True
        elif s.args.flags[i].flag == FLAG_NO_SMART:
            s.smart = False
    if provider != NULL and not config_accepts(FLAG_PROVIDER, provider):
        return complain(b"--provider is anthropic, openai, gemini, ollama or none, not ", provider, b"")
    if model != NULL and not config_accepts(FLAG_MODEL, model):
        return complain(b"--model takes the name of a model, without blanks", b"", b"")
    if url != NULL and not config_accepts(FLAG_BASE_URL, url):
        return complain(b"--base-url takes a URL, without blanks", b"", b"")
    if _count_flag(s, FLAG_TIMEOUT, b"--timeout", 1, TIMEOUT_MOST, &timeout):
        return EXIT_ERROR
    if _senseless(s, FLAG_NO_SMART, FLAG_REQUIRE_SMART) or _senseless(s, FLAG_NO_SMART, FLAG_DRY_RUN):
        return EXIT_ERROR
    if not s.smart and not s.rerank:
        for i in range(s.args.n_config, s.args.n_flags):
            k = s.args.flags[i].flag
            if k == FLAG_PROVIDER or k == FLAG_MODEL or k == FLAG_BASE_URL or k == FLAG_TIMEOUT:
                flag_get(k, &f)
                bytes_str(&s.out, b"--")
                bytes_str(&s.out, f.long_name)
                bytes_str(&s.out, b" means nothing without --smart")
                bytes_byte(&s.out, 0)
                return complain(<const char*>s.out.data, b"", b"")
    if s.rerank and (_senseless(s, FLAG_RERANK, FLAG_FILES) or _senseless(s, FLAG_RERANK, FLAG_COUNT)):
        return EXIT_ERROR
    if s.smart or s.rerank:
        ask_who(&s.ask, s.args)
    return 0


cdef inline const char* timeout_text(Session* s) noexcept nogil:
    cdef const char* timeout = args_last(s.args, FLAG_TIMEOUT)
    return timeout if timeout != NULL else <const char*>b"2000"


cdef inline int options(Session* s) noexcept nogil:
    """Flags that need no project. 0, or EXIT_ERROR after a sentence."""
    cdef const char* color = args_last(s.args, FLAG_COLOR)
    cdef const char* term = c_getenv(b"TERM")
    cdef const char* no_color = c_getenv(b"NO_COLOR")
    cdef const char* force = c_getenv(b"CLICOLOR_FORCE")
    cdef bint tty = c_isatty(1) == 1
    cdef winsize ws
    cdef uint32_t tokens = 0
    s.limit = LIMIT
    if _count_flag(s, FLAG_LIMIT, b"--limit", 1, LIMIT_MAX, &s.limit):
        return EXIT_ERROR
    if (_count_flag(s, FLAG_CONTEXT, b"--context", 0, LIMIT_MAX, &s.style.before)
            or _count_flag(s, FLAG_CONTEXT, b"--context", 0, LIMIT_MAX, &s.style.after)
            or _count_flag(s, FLAG_BEFORE, b"--before-context", 0, LIMIT_MAX, &s.style.before)
            or _count_flag(s, FLAG_AFTER, b"--after-context", 0, LIMIT_MAX, &s.style.after)):
        return EXIT_ERROR
    if _count_flag(s, FLAG_MAX_TOKENS, b"--max-tokens", 1, TOKENS_MAX, &tokens):
        return EXIT_ERROR
    s.budget = <uint64_t>tokens * TOKEN_BYTES
    s.explain = args_last(s.args, FLAG_EXPLAIN) != NULL
    s.style.chunk = args_last(s.args, FLAG_CHUNK) != NULL
    s.style.nul = args_last(s.args, FLAG_NULL) != NULL
    s.files_only = args_last(s.args, FLAG_FILES) != NULL
    s.count = args_last(s.args, FLAG_COUNT) != NULL
    s.json = args_last(s.args, FLAG_JSON) != NULL
    s.jsonl = args_last(s.args, FLAG_JSONL) != NULL
    if _combination(s):
        return EXIT_ERROR
    s.files_only |= s.count
    s.style.heading = tty and not s.style.nul  # who wants NUL bytes wants each path before its line
    s.style.color = tty and not (no_color != NULL and no_color[0]) and not (term != NULL and strcmp(term, b"dumb") == 0)
    if force != NULL and force[0] and strcmp(force, b"0") != 0 and not (no_color != NULL and no_color[0]):
        s.style.color = True
    if color != NULL:
        if strcmp(color, b"always") == 0:
            s.style.color = True
        elif strcmp(color, b"never") == 0:
            s.style.color = False
        elif strcmp(color, b"auto") != 0:
            return complain(b"--color is auto, always or never, not ", color, b"")
    if s.files_only and s.style.nul:
        s.style.color = False
    s.link = s.style.color and tty and not s.style.nul and not (s.json or s.jsonl) and _knows_links(term)
    # A terminal shows control characters of names as ^X; to a program names go as they are.
    s.style.harmless = tty or (s.style.color and not s.style.nul)
    if s.style.heading:
        ws.ws_col = 0
        ws.ws_row = 0
        if c_ioctl(1, TIOCGWINSZ, &ws) == 0 and ws.ws_col >= 20:
            s.style.width = ws.ws_col
            s.screen = ws.ws_row
        s.erasable = s.style.width and s.screen and term != NULL and strcmp(term, b"dumb") != 0
    return EXIT_ERROR if _provider(s) else _filters(s)
