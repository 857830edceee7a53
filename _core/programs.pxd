# cython: language_level=3
"""The folder of unpacked programs: where it is, whether it can be trusted, and what is removed from it.

It is $GREPPY_RUNTIME_DIR, else $XDG_CACHE_HOME/greppy/runtime, else $HOME/.cache/greppy/runtime, and in it

    <build id>/                         a program, complete: never written to again
    <build id>/complete                 the build id as text and a newline; written last
    <build id>.tmp.<pid>.<16 digits>    a program that is being unpacked, or removed

Whatever is there is going to be run, so it must be a folder of the same user that nobody else can write to. A process
holds a shared `flock` on `complete` for as long as it lives: the newer program that cleans up leaves a folder alone
whose lock it cannot have.
"""
from libc.errno cimport EACCES, EEXIST, ELOOP, ENOENT, ENOTDIR, errno
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport getenv
from libc.string cimport memcmp, memcpy, strerror, strlen, strncmp
from posix.fcntl cimport O_CLOEXEC, O_DIRECTORY, O_RDONLY, open
from posix.stat cimport S_ISDIR, S_ISREG, fstat, fstatat, mkdir, struct_stat
from posix.types cimport time_t, uid_t
from posix.unistd cimport close, geteuid, getpid, read

from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_init, bytes_str, bytes_uint
from _core.sys cimport (
    DIR, LOCK_EX, LOCK_NB, LOCK_SH, PATH_BYTES, c_closedir, c_fdopendir, c_flock, c_readdir, dirent, write_all,
)
from _core.trailer cimport ID_DIGITS, Trailer, hex_digits, is_build_id
from _core.unpack cimport O_NOFOLLOW, openat, remove_tree


cdef extern from "<fcntl.h>" nogil:
    enum: AT_SYMLINK_NOFOLLOW


cdef extern from "<stdio.h>" nogil:
    int renameat(int, const char*, int, const char*)


cdef extern from "<sys/random.h>" nogil:
    ssize_t getrandom(void*, size_t, unsigned int)


cdef extern from "<time.h>" nogil:
    time_t time(time_t*)


cdef enum:
    STALE_SECONDS = 3600  # nobody unpacks for that long: what is older was left by a killed process

cdef enum:
    FOLDER_MISSING = 0
    FOLDER_READY = 1
    FOLDER_REFUSED = 2  # and a sentence was printed
    FOLDER_INCOMPLETE = 3  # ours, but without a valid marker


cdef struct Runtime:
    char[PATH_BYTES] front  # real path of this executable
    int source  # descriptor of the same
    Trailer trailer
    Bytes base  # path of the runtime's folder, NUL at the end
    Bytes target  # <base>/<build id>, NUL at the end
    Bytes program  # <target>/greppy, NUL at the end


cdef inline int complain(const char* what, const char* path, const char* why, const char* advice) noexcept nogil:
    """One sentence on stderr: what, which path, why and what to do; all but the first may be NULL. Always 2."""
    cdef Bytes line
    bytes_init(&line)
    bytes_str(&line, b"greppy: ")
    bytes_str(&line, what)
    if path != NULL:
        bytes_byte(&line, c' ')
        bytes_str(&line, path)
    if why != NULL:
        bytes_str(&line, b": ")
        bytes_str(&line, why)
    if advice != NULL:
        bytes_str(&line, b"; ")
        bytes_str(&line, advice)
    bytes_byte(&line, c'\n')
    if not line.failed:
        write_all(2, line.data, line.len)
    bytes_free(&line)
    return 2


cdef inline const char* advice_folder() noexcept nogil:
    return b"set GREPPY_RUNTIME_DIR to a folder of your own where files can be written and programs may run"


cdef inline const char* absolute_variable(const char* name) noexcept nogil:
    """The variable's value if it is an absolute path: the XDG specification says to ignore any other."""
    cdef const char* value = getenv(name)
    return value if value != NULL and value[0] == c'/' else NULL


cdef inline bint runtime_paths(Runtime* r) noexcept nogil:
    """Fills `base`, `target` and `program`; False (and a sentence) when no folder is known."""
    cdef const char* given = getenv(b"GREPPY_RUNTIME_DIR")
    cdef const char* cache = absolute_variable(b"XDG_CACHE_HOME")
    cdef const char* home = absolute_variable(b"HOME")
    if given != NULL and given[0]:
        bytes_str(&r.base, given)
    elif cache != NULL:
        bytes_str(&r.base, cache)
        bytes_str(&r.base, b"/greppy/runtime")
    elif home != NULL:
        bytes_str(&r.base, home)
        bytes_str(&r.base, b"/.cache/greppy/runtime")
    else:
        complain(
            b"no folder is known for the runtime", NULL, b"neither XDG_CACHE_HOME nor HOME is an absolute path",
            advice_folder(),
        )
        return False
    bytes_add(&r.target, r.base.data, r.base.len)
    bytes_byte(&r.target, c'/')
    bytes_str(&r.target, r.trailer.build_id)
    bytes_add(&r.program, r.target.data, r.target.len)
    bytes_str(&r.program, b"/greppy")
    bytes_byte(&r.base, 0)
    bytes_byte(&r.target, 0)
    bytes_byte(&r.program, 0)
    if r.base.failed or r.target.failed or r.program.failed:
        complain(b"out of memory", NULL, NULL, NULL)
        return False
    return True


cdef inline bint make_folders(char* path) noexcept nogil:
    """`mkdir -p` with mode 0700; `path` is changed on the way and restored. False: errno."""
    cdef size_t i = 1
    if mkdir(path, 0o700) == 0 or errno == EEXIST:
        return True
    if errno != ENOENT:
        return False
    while path[i]:
        if path[i] == c'/':
            path[i] = 0
            mkdir(path, 0o700)
            path[i] = c'/'
        i += 1
    return mkdir(path, 0o700) == 0 or errno == EEXIST


cdef inline int open_base(Runtime* r) noexcept nogil:
    """A descriptor of the runtime's folder, created if missing; -1 after a sentence.

    Whoever can write to this folder can exchange the programs in it. So it must belong to the user or to root, and
    others may write to it only where they cannot rename what is not theirs (/tmp and its like).
    """
    cdef char* base = <char*>r.base.data
    cdef struct_stat st
    cdef int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if fd < 0 and errno == ENOENT:
        if make_folders(base):
            fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if fd < 0 or fstat(fd, &st) != 0:
        complain(b"cannot use the runtime's folder", base, strerror(errno), advice_folder())
    elif st.st_uid != geteuid() and st.st_uid != 0:
        complain(b"refusing the runtime's folder", base, b"it belongs to another user", advice_folder())
    elif (st.st_mode & 0o022) and not (st.st_mode & 0o1000):
        complain(b"refusing the runtime's folder", base, b"other users can write to it",
                 b"run `chmod go-w` on it or set GREPPY_RUNTIME_DIR to a folder of your own")
    else:
        return fd
    if fd >= 0:
        close(fd)
    return -1


cdef inline int marker_open(int folder, const char* build_id) noexcept nogil:
    """A descriptor of the file `complete` in `folder` if it names `build_id`, else -1. exec keeps it: for the lock."""
    cdef char[ID_DIGITS + 1] text
    cdef int fd = openat(folder, b"complete", O_RDONLY | O_NOFOLLOW)
    if fd < 0:
        return -1
    if read(fd, text, ID_DIGITS) == ID_DIGITS and memcmp(text, build_id, ID_DIGITS) == 0:
        return fd
    close(fd)
    return -1


cdef inline bint has_program(int folder) noexcept nogil:
    cdef struct_stat st
    return fstatat(folder, b"greppy", &st, AT_SYMLINK_NOFOLLOW) == 0 and S_ISREG(st.st_mode)


cdef inline bint still_there(int base, const char* build_id, int folder) noexcept nogil:
    """Whether the name `build_id` still leads to the folder that was opened."""
    cdef struct_stat here
    cdef struct_stat there
    return (
        fstat(folder, &here) == 0 and fstatat(base, build_id, &there, AT_SYMLINK_NOFOLLOW) == 0
        and here.st_ino == there.st_ino and here.st_dev == there.st_dev
    )


cdef inline int check_target(Runtime* r, int base) noexcept nogil:
    """Looks at <base>/<build id>: FOLDER_*. Takes the shared lock of a complete one."""
    cdef struct_stat st
    cdef int marker
    cdef int result = FOLDER_INCOMPLETE
    cdef const char* target = <const char*>r.target.data
    cdef const char* build_id = r.trailer.build_id
    cdef int fd = openat(base, build_id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if fd < 0:
        if errno == ENOENT:
            return FOLDER_MISSING
        if errno == ENOTDIR or errno == ELOOP:
            complain(b"refusing the runtime in", target, b"it is not a folder", b"remove it")
        elif errno == EACCES and fstatat(base, build_id, &st, AT_SYMLINK_NOFOLLOW) == 0 and st.st_uid != geteuid():
            complain(b"refusing the runtime in", target, b"it belongs to another user", advice_folder())
        else:
            complain(b"cannot use the runtime in", target, strerror(errno), advice_folder())
        return FOLDER_REFUSED
    if fstat(fd, &st) != 0 or st.st_uid != geteuid():
        complain(b"refusing the runtime in", target, b"it belongs to another user", advice_folder())
        result = FOLDER_REFUSED
    elif st.st_mode & 0o022:
        complain(b"refusing the runtime in", target, b"other users can write to it",
                 b"remove it, and it is unpacked again")
        result = FOLDER_REFUSED
    else:
        marker = marker_open(fd, r.trailer.build_id)
        if marker >= 0 and not has_program(fd):
            close(marker)
        elif marker >= 0:
            c_flock(marker, LOCK_SH)  # waits only while somebody renames the folder away; no locks here: no matter
            if still_there(base, r.trailer.build_id, fd):
                result = FOLDER_READY
            else:
                close(marker)
                result = FOLDER_MISSING
    close(fd)
    return result


cdef inline void temporary_name(const char* build_id, Bytes* name) noexcept nogil:
    """Appends `<build id>.tmp.<pid>.<16 random digits>` and a NUL."""
    cdef uint8_t[8] noise
    cdef char[17] digits
    cdef uint64_t clock
    if getrandom(noise, 8, 0) != 8:
        clock = <uint64_t>time(NULL)
        memcpy(noise, &clock, 8)
    hex_digits(noise, 8, digits)
    bytes_str(name, build_id)
    bytes_str(name, b".tmp.")
    bytes_uint(name, getpid())
    bytes_byte(name, c'.')
    bytes_str(name, digits)
    bytes_byte(name, 0)


cdef inline bint set_aside(int base, const char* name) noexcept nogil:
    """Removes the program `name` from `base`: renamed first, so that nobody ever sees half of it. False: errno."""
    cdef Bytes aside
    cdef bint done
    bytes_init(&aside)
    temporary_name(name, &aside)
    done = not aside.failed and renameat(base, name, base, <const char*>aside.data) == 0
    if done:
        remove_tree(base, <const char*>aside.data)
    bytes_free(&aside)
    return done


cdef inline void sweep_one(int base, const char* name, uid_t owner) noexcept nogil:
    """Removes `name` if it is an unused program of another build, or what a killed process left over an hour ago."""
    cdef struct_stat st
    cdef int fd
    cdef int marker
    if not is_build_id(name) or fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) != 0:
        return
    if not S_ISDIR(st.st_mode) or st.st_uid != owner:
        return
    if strncmp(name + ID_DIGITS, b".tmp.", 5) == 0:
        if st.st_mtime < time(NULL) - STALE_SECONDS:
            remove_tree(base, name)
        return
    if name[ID_DIGITS]:
        return
    fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if fd < 0:
        return
    marker = marker_open(fd, name)  # without its marker it may be anybody's folder
    close(fd)
    if marker < 0:
        return
    if c_flock(marker, LOCK_EX | LOCK_NB) == 0:
        set_aside(base, name)
    close(marker)


cdef inline void sweep(Runtime* r, int base) noexcept nogil:
    """Removes the programs of other builds and stale leftovers; whatever cannot be removed stays."""
    cdef int fd = openat(base, b".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    cdef DIR* listing
    cdef dirent* entry
    if fd < 0:
        return
    listing = c_fdopendir(fd)
    if listing == NULL:
        close(fd)
        return
    while True:
        entry = c_readdir(listing)
        if entry == NULL:
            break
        if strlen(entry.d_name) < ID_DIGITS or memcmp(entry.d_name, r.trailer.build_id, ID_DIGITS + 1) == 0:
            continue
        sweep_one(base, entry.d_name, geteuid())
    c_closedir(listing)
