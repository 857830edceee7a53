# cython: language_level=3
"""The operating system as the engine sees it. What is Linux-only about files, mapping and threads stands here."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memset


cdef extern from "<sys/types.h>" nogil:
    ctypedef long ssize_t
    ctypedef long off_t
    ctypedef unsigned int mode_t
    ctypedef unsigned int uid_t
    ctypedef int pid_t

cdef extern from "<errno.h>" nogil:
    int errno
    int EINVAL, ENOENT, EACCES, EEXIST, EINTR, ENOSPC, ELOOP, ENOTDIR, EISDIR, EPIPE, EROFS, EMFILE, ENAMETOOLONG
    int EDQUOT, EIO, EINPROGRESS, EAGAIN, EMSGSIZE, ENOMEM

cdef extern from "<string.h>" nogil:
    char* strerror(int)

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int, timespec*)
    int CLOCK_MONOTONIC, CLOCK_REALTIME
    int CLOCK_REALTIME_COARSE "5"  # Linux; the clock that file systems stamp files with

cdef extern from "<sys/stat.h>" nogil:
    cdef struct stat_t "stat":
        mode_t st_mode
        uid_t st_uid
        off_t st_size
        unsigned long st_ino
        unsigned long st_dev
        timespec st_mtim
        timespec st_ctim
    int c_stat "stat"(const char*, stat_t*)
    int c_lstat "lstat"(const char*, stat_t*)
    int c_fstat "fstat"(int, stat_t*)
    int c_fstatat "fstatat"(int, const char*, stat_t*, int)
    int c_utimensat "utimensat"(int, const char*, const timespec*, int)
    bint S_ISREG(mode_t)
    bint S_ISDIR(mode_t)
    bint S_ISLNK(mode_t)

cdef extern from "<fcntl.h>" nogil:
    int c_open "open"(const char*, int, ...)
    int c_openat "openat"(int, const char*, int, ...)
    int O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_CLOEXEC, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK
    int AT_SYMLINK_NOFOLLOW, AT_FDCWD
    int posix_fadvise(int, off_t, off_t, int)

cdef extern from "<unistd.h>" nogil:
    ssize_t c_read "read"(int, void*, size_t)
    ssize_t c_pread "pread"(int, void*, size_t, off_t)
    ssize_t c_write "write"(int, const void*, size_t)
    ssize_t c_pwrite "pwrite"(int, const void*, size_t, off_t)
    int c_close "close"(int)
    int c_access "access"(const char*, int)
    off_t c_lseek "lseek"(int, off_t, int)
    int SEEK_SET
    int SEEK_HOLE "4"  # Linux; the header has it with _GNU_SOURCE only
    int c_unlink "unlink"(const char*)
    int c_fsync "fsync"(int)
    int c_ftruncate "ftruncate"(int, off_t)
    char* c_getcwd "getcwd"(char*, size_t)
    int c_isatty "isatty"(int)
    int c_gethostname "gethostname"(char*, size_t)
    long c_sysconf "sysconf"(int)
    int _SC_PAGESIZE
    pid_t c_fork "fork"()
    int c_execv "execv"(const char*, char**)
    int c_dup2 "dup2"(int, int)
    void c__exit "_exit"(int)
    int c_pipe "pipe"(int*)
    char** environ
    ssize_t c_readlink "readlink"(const char*, char*, size_t)
    int R_OK, W_OK, X_OK, F_OK

cdef extern from "<signal.h>" nogil:
    ctypedef void (*handler_t)(int) noexcept nogil
    handler_t c_signal "signal"(int, handler_t)
    handler_t SIG_IGN
    int c_kill "kill"(pid_t, int)
    int SIGKILL, SIGPIPE, SIGXFSZ

cdef extern from "<sys/prctl.h>" nogil:
    int c_prctl "prctl"(int, ...)
    int PR_SET_PDEATHSIG

cdef extern from "<sys/wait.h>" nogil:
    pid_t waitpid(pid_t, int*, int)
    bint WIFEXITED(int)
    int WEXITSTATUS(int)

cdef extern from "<spawn.h>" nogil:
    ctypedef struct posix_spawn_file_actions_t:
        pass
    int posix_spawn_file_actions_init(posix_spawn_file_actions_t*)
    int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t*, int, int)
    int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t*, int, const char*, int, mode_t)
    int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t*)
    int posix_spawnp(pid_t*, const char*, const posix_spawn_file_actions_t*, const void*, char**, char**)

cdef extern from "<dirent.h>" nogil:
    ctypedef struct DIR:
        pass
    cdef struct dirent:
        unsigned char d_type
        char* d_name
    DIR* c_opendir "opendir"(const char*)
    DIR* c_fdopendir "fdopendir"(int)
    dirent* c_readdir "readdir"(DIR*)
    int c_closedir "closedir"(DIR*)
    int DT_DIR, DT_REG, DT_UNKNOWN

cdef extern from "<sys/file.h>" nogil:
    int c_flock "flock"(int, int)
    int LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN

cdef extern from "<sys/socket.h>" nogil:
    cdef struct sockaddr:
        pass
    int c_socket "socket"(int, int, int)
    int c_connect "connect"(int, const sockaddr*, unsigned int)
    ssize_t c_send "send"(int, const void*, size_t, int)
    int AF_INET, AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC, SOCK_NONBLOCK, MSG_NOSIGNAL

cdef extern from "<netinet/in.h>" nogil:
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct sockaddr_in:
        unsigned short sin_family
        uint16_t sin_port
        in_addr sin_addr
    uint16_t htons(uint16_t)
    uint32_t htonl(uint32_t)

cdef extern from "<sys/un.h>" nogil:
    cdef struct sockaddr_un:
        unsigned short sun_family
        char[108] sun_path

cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int c_poll "poll"(pollfd*, unsigned long, int)
    int POLLIN, POLLOUT, POLLERR, POLLHUP

cdef extern from "<stdio.h>" nogil:
    int c_rename "rename"(const char*, const char*)

cdef extern from "<sys/mman.h>" nogil:
    void* c_mmap "mmap"(void*, size_t, int, int, int, off_t)
    int c_munmap "munmap"(void*, size_t)
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, MAP_POPULATE
    void* MAP_FAILED
    int madvise(void*, size_t, int)
    int MADV_DONTNEED
    int MADV_POPULATE_WRITE "23"  # Linux 5.14; older headers do not have it

cdef extern from * nogil:
    int __builtin_popcount(unsigned int)

cdef extern from * nogil:
    # Linux; the header has it with _GNU_SOURCE only.
    """
    extern void *mremap(void *, size_t, size_t, int, ...);
    """
    void* c_mremap "mremap"(void*, size_t, size_t, int)
    int MREMAP_MAYMOVE "1"

cdef extern from "<stdlib.h>" nogil:
    char* c_realpath "realpath"(const char*, char*)
    char* c_getenv "getenv"(const char*)
    int c_setenv "setenv"(const char*, const char*, int)
    int c_unsetenv "unsetenv"(const char*)

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    int pthread_create(pthread_t*, const void*, void* (*)(void*) noexcept nogil, void*)
    int pthread_join(pthread_t, void**)

cdef extern from "<sys/ioctl.h>" nogil:
    cdef struct winsize:
        unsigned short ws_row
        unsigned short ws_col
    int c_ioctl "ioctl"(int, unsigned long, ...)
    unsigned long TIOCGWINSZ

cdef extern from "<sys/syscall.h>" nogil:
    long SYS_openat2, SYS_sched_getaffinity

cdef extern from "<unistd.h>" nogil:
    long c_syscall "syscall"(long, ...)

cdef extern from "<errno.h>" nogil:
    int ENOSYS, EPERM

cdef struct open_how:
    # <linux/openat2.h>, which not every C library brings
    uint64_t flags
    uint64_t mode
    uint64_t resolve

cdef enum:
    RESOLVE_NO_SYMLINKS = 0x04
    RESOLVE_BENEATH = 0x08
    PATH_BYTES = 4096  # PATH_MAX: the longest path a system call takes, its NUL included


cdef inline int64_t mtime_ns(const stat_t* st) noexcept nogil:
    return <int64_t>st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec


cdef inline int64_t ctime_ns(const stat_t* st) noexcept nogil:
    return <int64_t>st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec


cdef inline int open_below(int folder, const char* path, int flags) noexcept nogil:
    """openat() that follows no link in any part of the path, ELOOP. A kernel before 5.6 looks at the last part only."""
    cdef open_how how
    cdef int fd
    memset(&how, 0, sizeof(how))
    how.flags = <uint64_t>(flags | O_NOFOLLOW)
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH
    fd = <int>c_syscall(SYS_openat2, folder, path, &how, sizeof(how))
    if fd < 0 and (errno == ENOSYS or errno == EPERM):
        fd = c_openat(folder, path, flags | O_NOFOLLOW)
    return fd


cdef inline uint32_t usable_cores() noexcept nogil:
    """How many processors this process may run on."""
    cdef uint8_t[1024] mask
    cdef long n = c_syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask)
    cdef uint32_t count = 0
    cdef long i
    for i in range(n):
        count += __builtin_popcount(mask[i])
    return count if count else 1


cdef inline int64_t clock_ns(bint wall) noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_REALTIME if wall else CLOCK_MONOTONIC, &t)
    return <int64_t>t.tv_sec * 1000000000 + t.tv_nsec


cdef inline bint write_all(int fd, const void* data, size_t n) noexcept nogil:
    """All of it, whatever signals come; False with errno set when the kernel refuses."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef ssize_t w
    while n:
        w = c_write(fd, p, n)
        if w < 0:
            if errno == EINTR:
                continue
            return False
        p += w
        n -= <size_t>w
    return True


cdef inline bint pread_all(int fd, void* out, size_t n, off_t at) noexcept nogil:
    """Exactly `n` bytes from offset `at`; False when the file is shorter or cannot be read."""
    cdef uint8_t* p = <uint8_t*>out
    cdef ssize_t r
    while n:
        r = c_pread(fd, p, n, at)
        if r < 0 and errno == EINTR:
            continue
        if r <= 0:
            return False
        p += r
        n -= <size_t>r
        at += r
    return True
