# cython: language_level=3
"""Who says what a question means, and what was said: from the cache, or by a process that asks.

An answer belongs to a provider, a model, a place and a version of the prompt: `anthropic claude-haiku-4-5 - 1`, `-`
being what the provider has anyway. With the words of the question that is the key of the cache (`answers.pxd`). When
nothing is there, `greppy expand --packed` asks while the search goes on: it prints the answer as the cache keeps it.

A provider that fails again and again is left alone for a while. `greppy/smart/breaker.py` specifies the file that says
so: here only its first 16 digits, whose identity it is about, and its mtime, until when, are looked at.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport strtol
from libc.string cimport memcmp, memset, strcmp, strncmp
from _core.answers cimport Answers, answers_close, answers_find, answers_key, answers_open, answers_path
from _core.base cimport Bytes, bytes_byte, bytes_free, bytes_hex16, bytes_init, bytes_str, bytes_uint
from _core.child cimport CHILD_SIGNALED, Child, child_end, child_hear, child_start, child_wait
from _core.flags cimport Args, FLAG_BASE_URL, FLAG_MODEL, FLAG_PROVIDER
from _core.hash cimport hash64
from _core.project cimport cache_base
from _core.query cimport Query
from _core.smart cimport Answer, answer_read
from _core.sys cimport (
    c_close, c_connect, c_fstat, c_getenv, c_open, c_poll, c_read, c_socket, clock_ns, errno, htonl, htons, pollfd,
    sockaddr, sockaddr_in, stat_t, write_all, AF_INET, EINPROGRESS, O_CLOEXEC, O_RDONLY, POLLERR, POLLHUP, POLLOUT,
    SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM,
)

cdef enum:
    PROMPT_VERSION = 1       # of greppy/smart/prompt.md
    ASK_START = 2500         # milliseconds that the process may take besides what the provider may
    ASK_ARGUMENTS = 18       # and a NULL
    LISTEN_WAIT = 50         # milliseconds that a port of this machine may take to answer
    OLLAMA_PORT = 11434
    PAUSE_DIGITS = 16
    PAUSE_MOST = 600         # seconds; a file that says more is none of ours

cdef struct Ask:
    bint nobody              # may be asked
    bint chosen              # the provider was; else it is Ollama, if it is there
    bint asking              # `child` has been started
    bint cached              # the answer was
    const char* provider
    const char* model        # NULL: the provider's own
    const char* base_url     # likewise
    Bytes identity           # with a NUL
    Bytes body               # that `answer` points into
    Answer answer
    Child child
    int64_t deadline
    Answers cache


cdef inline void ask_identity(const char* provider, const char* model, const char* base_url,
                              Bytes* out) noexcept nogil:
    """Appends it, with a NUL."""
    bytes_str(out, provider)
    bytes_byte(out, 32)
    bytes_str(out, model if model != NULL else <const char*>b"-")
    bytes_byte(out, 32)
    bytes_str(out, base_url if base_url != NULL else <const char*>b"-")
    bytes_byte(out, 32)
    bytes_uint(out, PROMPT_VERSION)
    bytes_byte(out, 0)


cdef inline const char* _last(const Args* args, int flag, int begin, int end) noexcept nogil:
    """The value given last among flags [begin, end), NULL when there is none."""
    cdef int i
    for i in range(end, begin, -1):
        if args.flags[i - 1].flag == flag:
            return args.flags[i - 1].value
    return NULL


cdef inline void ask_who(Ask* k, const Args* args) noexcept nogil:
    """Reads the flags, whose values are known to be good. `k` is all zeros.

    Model and address of the configuration are those of its provider: another one must not get to hear them, nor the
    address its key."""
    cdef const char* usual = _last(args, FLAG_PROVIDER, 0, args.n_config)
    cdef const char* given = _last(args, FLAG_PROVIDER, args.n_config, args.n_flags)
    cdef bint other = given != NULL and usual != NULL and strcmp(given, usual) != 0
    k.provider = given if given != NULL else usual
    k.model = _last(args, FLAG_MODEL, args.n_config if other else 0, args.n_flags)
    k.base_url = _last(args, FLAG_BASE_URL, args.n_config if other else 0, args.n_flags)
    k.chosen = k.provider != NULL
    if not k.chosen:
        k.provider = b"ollama"
    k.nobody = strcmp(k.provider, b"none") == 0
    ask_identity(k.provider, k.model, k.base_url, &k.identity)


cdef inline bint ask_cache(Ask* k, const Query* q) noexcept nogil:
    """Whether the cache has an answer."""
    cdef Bytes path
    cdef Bytes key
    cdef const uint8_t* body
    cdef uint32_t n = 0
    bytes_init(&path)
    bytes_init(&key)
    if not k.nobody and answers_path(&path) and answers_open(&k.cache, <const char*>path.data):
        answers_key(q, <const char*>k.identity.data, &key)
        body = answers_find(&k.cache, key.data, key.len, <uint32_t>(clock_ns(True) // 1000000000), &n)
        # It lies in `cache`, which is not used again.
        k.cached = body != NULL and answer_read(body, n, &k.answer)
        answers_close(&k.cache)
    bytes_free(&path)
    bytes_free(&key)
    return k.cached


cdef inline int64_t ask_paused(const Ask* k) noexcept nogil:
    """For how many seconds the provider is left alone; 0 when it can be asked."""
    cdef Bytes path
    cdef stat_t st
    cdef char[PAUSE_DIGITS] text
    cdef Bytes ours
    cdef int64_t left = 0
    cdef int fd
    bytes_init(&path)
    bytes_init(&ours)
    bytes_hex16(&ours, hash64(k.identity.data, k.identity.len - 1))
    if cache_base(b"smart.pause", NULL, &path):
        bytes_byte(&path, 0)
        fd = c_open(<const char*>path.data, O_RDONLY | O_CLOEXEC)
        if fd >= 0:
            if (c_read(fd, text, PAUSE_DIGITS) == PAUSE_DIGITS and memcmp(text, ours.data, ours.len) == 0
                    and c_fstat(fd, &st) == 0):
                left = st.st_mtim.tv_sec - clock_ns(True) // 1000000000
            c_close(fd)
    bytes_free(&path)
    bytes_free(&ours)
    return left if 0 < left <= PAUSE_MOST else 0


cdef inline uint16_t _ollama_port() noexcept nogil:
    """Of this machine, where OLLAMA_HOST or custom says that it listens; 0: it is elsewhere."""
    cdef const char* p = c_getenv(b"OLLAMA_HOST")
    cdef const char* host
    cdef char* end
    cdef size_t n = 0
    cdef long port = OLLAMA_PORT
    if p == NULL or p[0] == 0:
        return OLLAMA_PORT
    if strncmp(p, b"http://", 7) == 0:
        p += 7
    host = p
    while p[n] and p[n] != 58 and p[n] != 47:
        n += 1
    if not (n == 0 or strncmp(host, b"127.", 4) == 0 or (n == 9 and strncmp(host, b"localhost", 9) == 0)
            or (n == 7 and strncmp(host, b"0.0.0.0", 7) == 0)):
        return 0
    if host[n] == 58:
        port = strtol(host + n + 1, &end, 10)
    return <uint16_t>port if 0 < port < 65536 else 0


cdef inline bint _listening(uint16_t port) noexcept nogil:
    """Whether something on this machine takes connections there."""
    cdef sockaddr_in where
    cdef pollfd p
    cdef bint yes
    cdef int fd
    memset(&where, 0, sizeof(where))
    where.sin_family = AF_INET
    where.sin_port = htons(port)
    where.sin_addr.s_addr = htonl(0x7F000001)
    fd = c_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
    if port == 0 or fd < 0:
        if fd >= 0:
            c_close(fd)
        return False
    yes = c_connect(fd, <const sockaddr*>&where, sizeof(where)) == 0
    if not yes and errno == EINPROGRESS:
        p.fd = fd
        p.events = <short>POLLOUT
        p.revents = 0
        yes = c_poll(&p, 1, LISTEN_WAIT) == 1 and not p.revents & (POLLERR | POLLHUP)
    c_close(fd)
    return yes


cdef inline bint ask_somebody(Ask* k) noexcept nogil:
    """Whether there is a provider."""
    return not k.nobody and (k.chosen or _listening(_ollama_port()))


cdef inline bint ask_stays(const Ask* k) noexcept nogil:
    """Whether what is sent stays on this machine."""
    if k.base_url == NULL:
        return not k.chosen
    return (strncmp(k.base_url, b"http://127.", 11) == 0 or strncmp(k.base_url, b"http://localhost", 16) == 0
            or strncmp(k.base_url, b"http://[::1]", 12) == 0)


cdef inline void _argument(char** argv, int* n, const char* text) noexcept nogil:
    """One more; NULL behind it."""
    argv[n[0]] = <char*>text
    n[0] += 1
    argv[n[0]] = NULL


cdef inline bint ask_begin(Ask* k, const char* program, const char* root, const char* question,
                           const char* timeout, const char* mode, bint required, bint dry) noexcept nogil:
    """Starts asking; `mode`: --packed for an answer, --places for an order of places, which are written to it. `dry`:
    it asks nobody and prints what it would have sent."""
    cdef char* argv[ASK_ARGUMENTS + 1]
    cdef int n = 0
    _argument(argv, &n, program)
    _argument(argv, &n, b"expand")
    _argument(argv, &n, mode)
    _argument(argv, &n, b"--project")
    _argument(argv, &n, root)
    _argument(argv, &n, b"--timeout")
    _argument(argv, &n, timeout)
    _argument(argv, &n, b"--provider")
    _argument(argv, &n, k.provider)
    if k.model != NULL:
        _argument(argv, &n, b"--model")
        _argument(argv, &n, k.model)
    if k.base_url != NULL:
        _argument(argv, &n, b"--base-url")
        _argument(argv, &n, k.base_url)
    if required:
        _argument(argv, &n, b"--require-smart")
    if dry:
        _argument(argv, &n, b"--dry-run")
    _argument(argv, &n, b"--")
    _argument(argv, &n, question)
    k.deadline = clock_ns(False) + (strtol(timeout, NULL, 10) + ASK_START) * 1000000
    # Who chose no provider need not hear that the one which happens to run does not work.
    k.asking = child_start(&k.child, n, argv, strcmp(mode, b"--places") == 0, True, not k.chosen)
    return k.asking


cdef inline int ask_end(Ask* k) noexcept nogil:
    """Waits for what was asked: its exit status, CHILD_SIGNALED when it was stopped for taking too long; `body` has
    what it said."""
    k.asking = False
    if not child_hear(&k.child, &k.body, k.deadline):
        child_end(&k.child)
        return CHILD_SIGNALED
    return child_wait(&k.child)


cdef inline bint ask_print(Ask* k) noexcept nogil:
    """Prints what it said, which would have been sent. False: it has said why there is nothing."""
    cdef int status = ask_end(k)
    write_all(1, k.body.data, k.body.len)
    return status == 0
