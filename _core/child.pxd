# cython: language_level=3
"""greppy in a process of its own, for what the front does not do itself."""
from libc.stdint cimport int64_t
from libc.stddef cimport size_t
from _core.base cimport Bytes, bytes_reserve
from _core.runtime cimport runtime_exec
from _core.sys cimport (
    c__exit, c_close, c_dup2, c_fork, c_kill, c_open, c_pipe, c_poll, c_prctl, c_read, clock_ns, errno, pid_t, pollfd,
    ssize_t, waitpid, EINTR, O_WRONLY, POLLIN, PR_SET_PDEATHSIG, SIGKILL, WEXITSTATUS, WIFEXITED,
)

cdef enum:
    CHILD_SIGNALED = -1
    CHILD_PIECE = 4096
    CHILD_MOST = 1 << 20    # bytes that any child may say

cdef struct Child:
    pid_t pid
    int into                # its standard input, -1: ours
    int out                 # its standard output, -1: nowhere


cdef inline void _close_both(int* ends) noexcept nogil:
    cdef int i
    for i in range(2):
        if ends[i] > 2:
            c_close(ends[i])


cdef inline void child_close(Child* c) noexcept nogil:
    """Our ends of its pipes."""
    if c.into >= 0:
        c_close(c.into)
    if c.out >= 0:
        c_close(c.out)
    c.into = c.out = -1


cdef inline bint child_start(Child* c, int argc, char** argv, bint told, bint heard, bint silent) noexcept nogil:
    """Runs greppy with these arguments (argv[argc] is NULL). `told`: it reads what we write; `heard`: we read what it
    prints, which else goes nowhere; `silent`: its complaints go nowhere. False: it cannot be run."""
    cdef int[2] into
    cdef int[2] out
    cdef int nowhere
    into[0] = into[1] = out[0] = out[1] = -1
    if (told and c_pipe(into) != 0) or (heard and c_pipe(out) != 0):
        _close_both(into)
        return False
    c.pid = c_fork()
    if c.pid == 0:
        if heard:
            c_prctl(PR_SET_PDEATHSIG, SIGKILL)  # when nobody is left to hear it
        nowhere = c_open(b"/dev/null", O_WRONLY)
        if told:
            c_dup2(into[0], 0)
        c_dup2(out[1] if heard else (nowhere if nowhere >= 0 else 2), 1)
        if silent and nowhere >= 0:
            c_dup2(nowhere, 2)
        # What stays open would keep the other end of a pipe from ending.
        _close_both(into)
        _close_both(out)
        if nowhere > 2:
            c_close(nowhere)
        c__exit(runtime_exec(argc, argv))
    if told:
        c_close(into[0])
    if heard:
        c_close(out[1])
    c.into = into[1]
    c.out = out[0]
    if c.pid < 0:
        child_close(c)
    return c.pid > 0


cdef inline bint child_hear(Child* c, Bytes* out, int64_t deadline) noexcept nogil:
    """All that it prints until it ends, to `out`. False: by then it has not ended, or it says too much."""
    cdef pollfd p
    cdef int64_t left
    cdef ssize_t n
    while out.len < CHILD_MOST:
        left = (deadline - clock_ns(False)) // 1000000
        left = left if left < 1000000 else 1000000
        p.fd = c.out
        p.events = <short>POLLIN
        p.revents = 0
        n = c_poll(&p, 1, <int>left if left > 0 else 0)  # what is there already counts, however late we look
        if (n < 0 and errno != EINTR) or (n == 0 and left <= 0):
            return False
        if n <= 0:
            continue
        if not bytes_reserve(out, CHILD_PIECE):
            return False
        n = c_read(c.out, out.data + out.len, CHILD_PIECE)
        if n == 0:
            return True
        if n < 0 and errno != EINTR:
            return False
        out.len += <size_t>n if n > 0 else 0
    return False


cdef inline int child_wait(Child* c) noexcept nogil:
    """Its exit status, CHILD_SIGNALED when it has none."""
    cdef int status = 0
    child_close(c)
    while waitpid(c.pid, &status, 0) < 0 and errno == EINTR:
        pass
    return WEXITSTATUS(status) if WIFEXITED(status) else CHILD_SIGNALED


cdef inline void child_end(Child* c) noexcept nogil:
    """Stops one that takes too long."""
    c_kill(c.pid, SIGKILL)
    child_wait(c)
