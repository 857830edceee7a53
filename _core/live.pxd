# cython: language_level=3
"""Whether a daemon vouches for an index.

A daemon that watches a project holds a lock (flock) on the file `watch` of its index, which says where its socket is
and of which version it is: `/run/user/1000/greppy/daemon.sock`, a NUL, `0.1.0/7` (program/format), a NUL. One of
another version speaks for an index that we may not be able to read.
Whoever wants to trust the index asks there whether it has caught up: the daemon reads its queue of events until it is
empty, commits what it finds and answers. The kernel queues an event before the call that caused it returns, so the
answer covers all that was written before the question. No lock, no answer in time, an answer that is no: then the index
is compared with the files, as ever.

The frames are those of `greppy/daemon/protocol.py`: `[0, "sync", {"root": ...}]`, answered by `[0, 0, nil]`.
"""
from libc.stdint cimport uint8_t, uint32_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memchr, memcmp, memcpy, memset
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_init, bytes_str, bytes_uint
from _core.index cimport index_file_open
from _core.store cimport FORMAT_VERSION
from _core.sys cimport (
    c_close, c_connect, c_flock, c_getenv, c_poll, c_read, c_send, c_socket, clock_ns, errno, pollfd, sockaddr,
    sockaddr_un, ssize_t, AF_UNIX, EINTR, LOCK_NB, LOCK_SH, MSG_NOSIGNAL, PATH_BYTES, POLLIN,
    SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM,
)
from _core.version cimport version_string

cdef enum:
    LIVE_WAIT = 250          # milliseconds that a daemon gets to catch up
    SOCKET_PATH = 108        # with its NUL
    WATCH_BYTES = 192        # of the file `watch`
    ANSWER = 8               # bytes of a frame that says yes


cdef inline void live_version(Bytes* out) noexcept nogil:
    """Appends what a daemon of this version calls itself, with its NUL."""
    bytes_str(out, version_string())
    bytes_byte(out, 47)
    bytes_uint(out, FORMAT_VERSION)
    bytes_byte(out, 0)


cdef inline bint _watched(const Bytes* folder, char* socket_path) noexcept nogil:
    """Whether a daemon of this version holds the lock; where it listens, in SOCKET_PATH bytes."""
    cdef Bytes ours
    cdef char[WATCH_BYTES] text
    cdef const char* end
    cdef int fd = index_file_open(folder, b"watch")
    cdef ssize_t n
    cdef size_t m
    cdef bint same
    if fd < 0:
        return False
    if c_flock(fd, LOCK_SH | LOCK_NB) == 0:
        c_close(fd)  # nobody: one that was killed left it
        return False
    n = c_read(fd, text, WATCH_BYTES)
    c_close(fd)
    end = <const char*>memchr(text, 0, <size_t>n) if n > 0 else NULL
    if end == NULL or end - text >= SOCKET_PATH:
        return False
    m = <size_t>(end - text) + 1
    memcpy(socket_path, text, m)
    bytes_init(&ours)
    live_version(&ours)
    same = not ours.failed and <size_t>n - m >= ours.len and memcmp(text + m, ours.data, ours.len) == 0
    bytes_free(&ours)
    return same


cdef inline bint _says_yes(int fd, int64_t deadline) noexcept nogil:
    cdef uint8_t[ANSWER] answer
    cdef pollfd p
    cdef int64_t left
    cdef ssize_t n
    cdef size_t have = 0
    while have < ANSWER:
        left = (deadline - clock_ns(False)) // 1000000
        if left <= 0:
            return False
        p.fd = fd
        p.events = <short>POLLIN
        p.revents = 0
        if c_poll(&p, 1, <int>left) <= 0:
            if errno == EINTR:
                continue
            return False
        n = c_read(fd, answer + have, ANSWER - have)
        if n <= 0:
            return False
        have += <size_t>n
    # 4 bytes: [0, 0, nil]
    return (answer[0] == 4 and answer[1] == 0 and answer[2] == 0 and answer[3] == 0 and answer[4] == 0x93
            and answer[5] == 0 and answer[6] == 0 and answer[7] == 0xc0)


cdef inline bint index_live(const Bytes* folder, const char* root, size_t root_n) noexcept nogil:
    """A daemon has said that the index in `folder` holds all that was written before this call. False: ask the files.
    """
    cdef sockaddr_un address
    cdef Bytes question
    cdef const char* never
    cdef int fd
    cdef uint32_t n
    cdef bint yes = False
    cdef int64_t deadline
    memset(&address, 0, sizeof(address))
    if root_n >= PATH_BYTES or not _watched(folder, address.sun_path):
        return False
    never = c_getenv(b"GREPPY_NO_DAEMON")
    if never != NULL and never[0]:
        return False
    deadline = clock_ns(False) + <int64_t>LIVE_WAIT * 1000000
    address.sun_family = <unsigned short>AF_UNIX
    fd = c_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
    if fd < 0:
        return False
    bytes_init(&question)
    n = <uint32_t>(2 + 5 + 1 + 5 + 3 + root_n)
    bytes_add(&question, &n, 4)
    bytes_str(&question, b"\x93")
    bytes_byte(&question, 0)
    bytes_str(&question, b"\xa4sync\x81\xa4root\xc5")  # bin 16: two bytes of length, high one first
    bytes_byte(&question, <uint8_t>(root_n >> 8))
    bytes_byte(&question, <uint8_t>(root_n & 255))
    bytes_add(&question, root, root_n)
    if not question.failed and c_connect(fd, <const sockaddr*>&address, sizeof(address)) == 0 and c_send(
            fd, question.data, question.len, MSG_NOSIGNAL) == <ssize_t>question.len:
        yes = _says_yes(fd, deadline)
    bytes_free(&question)
    c_close(fd)
    return yes
