# cython: language_level=3
"""`greppy search` from arguments to exit status: find the project, open or build its index, rank, print."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free, strtol
from libc.string cimport memcpy, memset, strcmp, strlen, strncmp, strerror
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, bytes_byte, bytes_str, bytes_uint
from _core.filter cimport Filter, GLOBS_MAX
from _core.first cimport First, first_index, first_keep
from _core.flags cimport (
    Args, args_last, FLAG_LIMIT, FLAG_FILES, FLAG_NULL, FLAG_CHUNK, FLAG_AFTER, FLAG_BEFORE, FLAG_CONTEXT, FLAG_JSON,
    FLAG_JSONL, FLAG_COLOR, FLAG_GLOB, FLAG_TYPE, FLAG_TYPE_NOT, FLAG_KIND, FLAG_NO_TESTS, FLAG_NO_REFRESH,
    FLAG_PROJECT, FLAG_COUNT, FLAG_MAX_TOKENS, FLAG_EXPLAIN, Flag, flag_get,
)
from _core.index cimport (
    Index, index_open, index_open_named, index_close, index_fresh, index_generation, INDEX_OK, INDEX_MISSING,
    INDEX_DAMAGED, INDEX_VERSION, INDEX_SYSTEM,
)
from _core.languages cimport language_by_name
from _core.live cimport index_live
from _core.outline cimport kind_by_name
from _core.match cimport Matcher, matcher_init
from _core.place cimport Place, place_load
from _core.segment cimport Segment, segment_file, segment_path
from _core.source cimport SOURCE_OK, SOURCE_CHANGED, SOURCE_DAMAGED, source_read
from _core.project cimport find_project, index_folder, parent_folder
from _core.query cimport Query, query_parse, TERMS
from _core.candidates cimport Result, Results
from _core.rank cimport rank, result_signals
from _core.signals cimport SIGNAL_END, Weights, default_weights
from _core.render cimport (
    Style, render_text, render_path, render_signals, printed_signals, json_place, json_text, json_number, url_path,
    harmless,
)
from _core.runtime cimport runtime_exec
from _core.spell cimport spell
from _core.sys cimport (
    c_realpath, c_getcwd, c_getenv, c_gethostname, c_setenv, c_stat, c_isatty, c_fork, c_dup2, c__exit, c_ioctl, c_open,
    O_WRONLY,
    stat_t, S_ISDIR, waitpid, WIFEXITED, WEXITSTATUS, winsize, TIOCGWINSZ, write_all, clock_ns, errno, EINTR, EPIPE,
    PATH_BYTES, pid_t,
)

cdef enum:
    EXIT_FOUND = 0
    EXIT_NOTHING = 1
    EXIT_ERROR = 2
    LIMIT = 20
    LIMIT_MAX = 100000
    FLUSH = 1 << 16
    FEW_FILES = 400              # are compared in a third of a millisecond; a daemon answers in half of one
    TOKEN_BYTES = 4              # what --max-tokens takes for a token
    TOKENS_MAX = 1000000000
    JSON_TAIL = 80               # more than what ends a JSON document
    HOST_BYTES = 256

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
    uint64_t printed             # bytes that have left
    uint64_t budget              # bytes that may leave; 0: any number
    size_t root_n
    size_t cwd_n
    Bytes folder                 # of the index
    Bytes prefix
    Bytes url                    # of the root
    Bytes places                 # texts of Filter.places
    Bytes corrected              # the question, when a name in it was mistyped
    Bytes out
    Style style
    char[PATH_BYTES] root        # real path, NUL-terminated
    Filter filter
    Index index
    char[PATH_BYTES] cwd         # empty when it is gone
    Query query
    Matcher matcher
    Place place
    First first


cdef inline int complain(const char* a, const char* b, const char* c) noexcept nogil:
    """`greppy: abc` on standard error; the exit status of an error."""
    cdef Bytes text
    cdef uint32_t room = 0xFFFFFFFFU
    bytes_init(&text)
    bytes_str(&text, b"greppy: ")
    harmless(&text, <const uint8_t*>a, strlen(a), &room)
    harmless(&text, <const uint8_t*>b, strlen(b), &room)
    harmless(&text, <const uint8_t*>c, strlen(c), &room)
    bytes_byte(&text, 10)
    write_all(2, text.data, text.len)
    bytes_free(&text)
    return EXIT_ERROR


cdef inline bint _flush(Session* s) noexcept nogil:
    """Writes what is rendered. False: the reader is gone (no error), or the disk is full (`complain` has said so)."""
    if s.out.len and not s.broken and not write_all(1, s.out.data, s.out.len):
        s.broken = True
        if errno != EPIPE:
            complain(b"cannot write the results: ", strerror(errno), b"")
    s.printed += s.out.len
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


cdef inline int _options(Session* s) noexcept nogil:
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
        if c_ioctl(1, TIOCGWINSZ, &ws) == 0 and ws.ws_col >= 20:
            s.style.width = ws.ws_col
    return _filters(s)


# ----------------------------------------------------------------------------------------------------- the project

cdef inline int _real(const char* path, char* out) noexcept nogil:
    if c_realpath(path, out) == NULL:
        return complain(path, b": ", strerror(errno))
    return 0


cdef inline int _no_such_place(const char* path, char* out) noexcept nogil:
    if c_realpath(path, out) == NULL:
        return complain(path, b": no such file or folder; to search for several words, put them in quotes", b"")
    return 0


cdef inline bint _differ(const char* a, const char* b, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if a[i] != b[i]:
            return True
    return False


cdef inline int _places(Session* s) noexcept nogil:
    cdef char[PATH_BYTES] real
    cdef int i
    cdef size_t n, at = s.root_n + 1 if s.root_n > 1 else 1
    cdef Filter* f = &s.filter
    for i in range(1, s.args.n_places):
        if _no_such_place(s.args.places[i], real):
            return EXIT_ERROR
        n = strlen(real)
        if n < s.root_n or _differ(real, s.root, s.root_n) or (n > s.root_n and s.root_n > 1 and real[s.root_n] != 47):
            return complain(s.args.places[i], b" is not inside the project ", s.root)
        f.places[f.n_places].len = <uint32_t>(n - at) if n > at else 0
        # The texts move while `places` grows, so remember offsets now and turn them into pointers below.
        f.places[f.n_places].at = <const uint8_t*>s.places.len
        bytes_add(&s.places, real + at, f.places[f.n_places].len)
        f.n_places += 1
        f.active = True
    for i in range(<int>f.n_places):
        f.places[i].at = s.places.data + <size_t>f.places[i].at
    return 0


cdef inline int _project(Session* s) noexcept nogil:
    """Root and index folder; the PATH arguments as places below the root. 0, or EXIT_ERROR after a sentence."""
    cdef const char* given = args_last(s.args, FLAG_PROJECT)
    cdef char[PATH_BYTES] start
    cdef stat_t st
    cdef bint indexed = False
    cdef size_t n
    s.cwd[0] = 0
    if c_getcwd(s.cwd, PATH_BYTES) == NULL:
        s.cwd[0] = 0
    s.cwd_n = strlen(s.cwd)
    if given != NULL:
        if _real(given, s.root):
            return EXIT_ERROR
        if c_stat(s.root, &st) != 0 or not S_ISDIR(st.st_mode):
            return complain(given, b": not a folder; --project takes the project's root", b"")
        s.root_n = strlen(s.root)
    else:
        if s.args.n_places > 1:
            if _no_such_place(s.args.places[1], start):
                return EXIT_ERROR
        elif s.cwd_n:
            memcpy(start, s.cwd, s.cwd_n + 1)
        else:
            return complain(b"the current folder is gone; say where with --project DIR", b"", b"")
        n = strlen(start)
        if c_stat(start, &st) == 0 and not S_ISDIR(st.st_mode):
            n = parent_folder(<const uint8_t*>start, n)
        n = find_project(<const uint8_t*>start, n, &indexed)
        memcpy(s.root, start, n)
        s.root[n] = 0
        s.root_n = n
    if not index_folder(<const uint8_t*>s.root, s.root_n, &s.folder):
        return complain(b"no place for the index: set HOME, XDG_CACHE_HOME or GREPPY_INDEX_DIR", b"", b"")
    return _places(s)


cdef inline void _prefix(Session* s) noexcept nogil:
    """How a path below the root is written from the current folder, and where links to it lead."""
    cdef size_t at
    cdef char[HOST_BYTES] host
    if s.cwd_n == s.root_n and not _differ(s.cwd, s.root, s.root_n):
        pass
    elif s.cwd_n > s.root_n and not _differ(s.cwd, s.root, s.root_n) and (s.root_n == 1 or s.cwd[s.root_n] == 47):
        # below the root: files of this folder lose it, others climb
        at = s.root_n + 1 if s.root_n > 1 else 1
        bytes_add(&s.prefix, s.cwd + at, s.cwd_n - at)
        bytes_byte(&s.prefix, 47)
        s.style.strip_n = s.prefix.len
    elif s.cwd_n and s.root_n > s.cwd_n and not _differ(s.cwd, s.root, s.cwd_n) and (
            s.cwd_n == 1 or s.root[s.cwd_n] == 47):
        at = s.cwd_n + 1 if s.cwd_n > 1 else 1
        bytes_add(&s.prefix, s.root + at, s.root_n - at)
        bytes_byte(&s.prefix, 47)
    else:
        bytes_add(&s.prefix, s.root, s.root_n)
        if s.root_n > 1:
            bytes_byte(&s.prefix, 47)
    if s.link:
        bytes_str(&s.url, b"file://")
        if c_gethostname(host, HOST_BYTES) == 0:
            host[HOST_BYTES - 1] = 0
            url_path(&s.url, <const uint8_t*>host, strlen(host))
        url_path(&s.url, <const uint8_t*>s.root, s.root_n)
        if s.root_n > 1:
            bytes_byte(&s.url, 47)
        s.style.link = s.url.data
        s.style.link_n = s.url.len
    s.style.strip = s.prefix.data
    s.style.prefix = s.prefix.data + s.style.strip_n
    s.style.prefix_n = s.prefix.len - s.style.strip_n


# ------------------------------------------------------------------------------------------------------- the index

cdef inline int run_indexer(const char* program, const char* root) noexcept nogil:
    """`greppy index -p root` in a process of its own; its exit status, 2 when it could not be run.

    Its summary goes nowhere; its progress bar and warnings go to standard error."""
    cdef char* argv[5]
    cdef int nowhere
    cdef int status = 0
    cdef pid_t pid
    argv[0] = <char*>program
    argv[1] = <char*><const char*>b"index"
    argv[2] = <char*><const char*>b"--project"
    argv[3] = <char*>root
    argv[4] = NULL
    pid = c_fork()
    if pid < 0:
        return complain(b"cannot start the indexer: ", strerror(errno), b"")
    if pid == 0:
        c_setenv(b"GREPPY_NO_DAEMON", b"1", 1)  # there is none, or it has not answered
        nowhere = c_open(b"/dev/null", O_WRONLY)
        c_dup2(nowhere if nowhere >= 0 else 2, 1)
        c__exit(runtime_exec(4, argv))
    while waitpid(pid, &status, 0) < 0 and errno == EINTR:
        pass
    if WIFEXITED(status):
        return WEXITSTATUS(status)
    return complain(b"the indexer was ended by a signal; the index is as it was", b"", b"")


cdef inline int _damaged(Session* s) noexcept nogil:
    return complain(b"the index of ", s.root, b" is damaged; rebuild it with: greppy index --force -p ROOT")


cdef inline const char* _because(Session* s) noexcept nogil:
    s.out.len = 0
    bytes_str(&s.out, b": ")
    bytes_str(&s.out, strerror(errno))
    bytes_byte(&s.out, 0)
    s.out.len = 0
    return <const char*>s.out.data


cdef inline int _open_again(Session* s) noexcept nogil:
    index_close(&s.index)
    return index_open(&s.index, s.folder.data, s.folder.len, True)


cdef inline bint _current(Session* s) noexcept nogil:
    """The index, which is open, tells the truth: the files say so, or a daemon does. What a daemon has
    committed meanwhile is opened. False: it has to be refreshed, whether or not it is open.

    Few files are looked at in less time than it takes to ask."""
    cdef bint few = s.index.n_files <= FEW_FILES
    cdef uint64_t generation = s.index.manifest.head.serial
    if few and index_fresh(&s.index, s.folder.data, s.folder.len):
        return True
    if index_live(&s.folder, s.root, s.root_n):
        return index_generation(&s.folder) == generation or _open_again(s) == INDEX_OK
    return not few and index_fresh(&s.index, s.folder.data, s.folder.len)


cdef inline int _open(Session* s, const char* program) noexcept nogil:
    """An open index that tells the truth, built or refreshed on the way. 0, or EXIT_ERROR after a sentence."""
    cdef bint refresh = args_last(s.args, FLAG_NO_REFRESH) == NULL
    cdef int e = index_open(&s.index, s.folder.data, s.folder.len, True)
    if e == INDEX_OK and refresh and not _current(s):
        if run_indexer(program, s.root) != 0:
            complain(b"the index could not be brought up to date; files that changed are left out", b"", b"")
        e = _open_again(s)
    elif e == INDEX_MISSING and s.usual and first_index(&s.first, s.root, &s.folder):
        e = index_open_named(&s.index, b"manifest.new", s.folder.data, s.folder.len, True)
    elif e == INDEX_MISSING or e == INDEX_VERSION:
        if run_indexer(program, s.root) != 0:
            return EXIT_ERROR
        e = index_open(&s.index, s.folder.data, s.folder.len, True)
    if e == INDEX_OK:
        return 0
    if e == INDEX_DAMAGED or e == INDEX_VERSION:
        return _damaged(s)
    if e == INDEX_MISSING:
        return complain(b"the index of ", s.root, b" is gone again; is GREPPY_INDEX_DIR the same for everybody?")
    if e == INDEX_SYSTEM:
        return complain(b"cannot open the index of ", s.root, _because(s))
    return complain(b"not enough memory", b"", b"")


# ----------------------------------------------------------------------------------------------------- the results

cdef inline void _json_head(Session* s) noexcept nogil:
    bytes_str(&s.out, b"{\"query\":")
    json_text(&s.out, <const uint8_t*>s.args.places[0], strlen(s.args.places[0]))
    bytes_str(&s.out, b",\"project\":")
    json_text(&s.out, <const uint8_t*>s.root, s.root_n)
    if s.corrected.len:
        bytes_str(&s.out, b",\"corrected\":")
        json_text(&s.out, s.corrected.data, s.corrected.len)
    bytes_str(&s.out, b",\"results\":[")


cdef inline int _still_there(Session* s, const Result* r) noexcept nogil:
    """For a list of files it is enough that the file is still what was indexed: a SourceStatus, the path in `place`."""
    cdef Segment* g = &s.index.segments[r.segment]
    s.place.file = segment_file(g, r.file)
    if s.place.file == NULL:
        return SOURCE_DAMAGED
    s.place.path = segment_path(g, s.place.file)
    if s.place.path == NULL:
        return SOURCE_DAMAGED
    return source_read(&s.index, s.place.file, s.place.path, 0, 0, &s.place.text, NULL, 0, 0)


cdef inline int _too_long(Session* s) noexcept nogil:
    """The first result alone is over the budget: to print nothing and call it "nothing found" would be a lie."""
    cdef uint64_t tokens = (s.out.len + (JSON_TAIL if s.json else 0) + TOKEN_BYTES - 1) // TOKEN_BYTES
    s.out.len = 0
    bytes_str(&s.out, b"the best result alone has ")
    bytes_uint(&s.out, tokens)
    bytes_str(&s.out, b" tokens, more than --max-tokens ")
    bytes_uint(&s.out, s.budget // TOKEN_BYTES)
    bytes_byte(&s.out, 0)
    return complain(<const char*>s.out.data, b"", b"")


cdef inline int _show(Session* s, const Results* results, int64_t began) noexcept nogil:
    """Prints the first `limit` places that still hold; an exit status."""
    cdef uint32_t i, shown = 0, last_file = 0, last_segment = 0
    cdef size_t mark
    cdef double[SIGNAL_END] values
    cdef const double* signals = values if s.explain else NULL
    cdef const Result* r
    cdef int status
    cdef bint whole = s.style.before > 0 or s.style.after > 0
    if s.json:
        _json_head(s)
    for i in range(results.n):
        if shown == s.limit:
            break
        r = &results.items[i]
        if s.files_only:
            status = _still_there(s, r)
        else:
            status = place_load(&s.index, r, &s.matcher, whole and not (s.json or s.jsonl), s.json or s.jsonl, &s.place)
        if status == SOURCE_CHANGED:
            continue
        if status != SOURCE_OK:
            s.out.len = 0 if shown == 0 else s.out.len
            return _damaged(s) if status == SOURCE_DAMAGED else complain(b"not enough memory", b"", b"")
        mark = s.out.len
        if s.explain:
            result_signals(results, r, values)
            printed_signals(r.score, values)
        if s.json or s.jsonl:
            if s.json and shown:
                bytes_byte(&s.out, 44)
            json_place(&s.out, &s.style, &s.place, r.score, signals)
            if s.jsonl:
                bytes_byte(&s.out, 10)
        elif s.files_only:
            render_path(&s.out, &s.style, s.place.path, s.place.file.path_len)
            if s.count:
                bytes_byte(&s.out, 0 if s.style.nul else 58)
                bytes_uint(&s.out, results.details[r.candidate].places)
            bytes_byte(&s.out, 0 if s.style.nul and not s.count else 10)
        else:
            render_text(&s.out, &s.style, &s.matcher, &s.place,
                        shown > 0 and last_file == r.file and last_segment == r.segment, shown == 0)
            if s.explain:
                render_signals(&s.out, &s.style, r.score, values)
        if s.budget and s.printed + s.out.len + (JSON_TAIL if s.json else 0) > s.budget:
            if shown == 0:
                return _too_long(s)
            s.out.len = mark
            break
        last_file = r.file
        last_segment = r.segment
        shown += 1
        # A JSON document leaves whole or not at all, JSON lines each at once, of text the first result, which is all
        # that `head -n 1` waits for, and then when there is enough of it.
        if (s.jsonl or (not s.json and (shown == 1 or s.out.len >= FLUSH))) and not _flush(s):
            break
    if s.json:
        bytes_str(&s.out, b"],\"total\":")
        bytes_uint(&s.out, shown)
        bytes_str(&s.out, b",\"elapsed_ms\":")
        json_number(&s.out, <double>(clock_ns(False) - began) / 1e6, 3)
        bytes_str(&s.out, b",\"cached\":false}\n")
    _flush(s)
    if s.broken and errno != EPIPE:
        return EXIT_ERROR
    return EXIT_FOUND if shown else EXIT_NOTHING


cdef inline bint _any_damage(Session* s) noexcept nogil:
    cdef uint32_t i
    for i in range(s.index.n_segments):
        if s.index.segments[i].store.damaged:
            return True
    return False


cdef inline int _search(Session* s, const char* program) noexcept nogil:
    cdef Weights weights
    cdef Results results
    cdef double[TERMS] values
    cdef int status
    cdef const char* text
    cdef int64_t began = 0
    cdef uint32_t limit
    if s.args.n_places == 0:
        return complain(b"what should be searched for? greppy search QUERY [PATH...]", b"", b"")
    status = _options(s)
    if status:
        return status
    if s.json:
        began = clock_ns(False)
    text = s.args.places[0]
    query_parse(<const uint8_t*>text, strlen(text), &s.query)
    if s.query.n_terms == 0:
        return complain(b"the query has no letter and no digit: there is nothing to look up", b"", b"")
    status = _project(s)
    if status:
        return status
    status = _open(s, program)
    if status:
        return status
    _prefix(s)
    if spell(&s.index, <const uint8_t*>text, strlen(text), &s.query, &s.corrected):
        query_parse(s.corrected.data, s.corrected.len, &s.query)
        bytes_str(&s.out, b"nothing is called so; these are for: ")
        bytes_add(&s.out, s.corrected.data, s.corrected.len)
        bytes_byte(&s.out, 0)
        complain(<const char*>s.out.data, b"", b"")
        s.out.len = 0
    default_weights(&weights)
    limit = s.limit
    while True:
        rank(&s.index, &s.query, &s.filter, &weights, limit, s.files_only, s.explain or s.count, values, &results)
        if results.failed or not s.files_only or not results.full or results.n >= s.limit or _any_damage(s):
            break
        # The best chunks were of fewer files than were asked for: a list of files must look further.
        free(results.items)
        free(results.details)
        limit *= 8
    if results.failed:
        free(results.items)
        return complain(b"not enough memory", b"", b"")
    if _any_damage(s):
        free(results.items)
        return _damaged(s)
    matcher_init(&s.matcher, &s.query, values)
    status = _show(s, &results, began)
    free(results.items)
    return status


cdef inline int search_main(Session* s, const Args* args, const char* program) noexcept nogil:
    """Runs one search; the exit status. `s` is all zeros, `program` is argv[0].

    Nothing is given back: the process ends after it, and the kernel does that once more cheaply than we would."""
    cdef int status, error
    s.args = args
    s.index.root_fd = -1
    status = _search(s, program)
    if s.first.made:
        error = first_keep(&s.first)
        if error:
            complain(b"the index could not be kept, the next search builds it again: ", strerror(error), b"")
    return status
