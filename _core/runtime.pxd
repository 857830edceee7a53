# cython: language_level=3
"""From the front executable to the Python program behind it: unpack it once, then become it.

The delivered file carries the program as a bundle behind the executable (trailer.pxd, unpack.pxd). It is unpacked
beside its place in the folder of programs (programs.pxd) and renamed, so several first runs at once all succeed: the
first rename wins and the others use what it put there.

Without a bundle (`pip install`) the program is the `python3` beside the executable, run as `python3 -I -m greppy`: -I,
so that neither the current folder nor PYTHONPATH nor the user's site-packages can stand in for the package that was
installed with this executable; a virtual environment is found from the path of its python3 all the same.
"""
from libc.errno cimport EACCES, EEXIST, ENOENT, ENOMEM, ENOTDIR, ENOTEMPTY, errno
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, getenv, malloc
from libc.string cimport memcpy, memset, strerror, strrchr
from posix.fcntl cimport O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_WRONLY, open
from posix.stat cimport mkdirat
from posix.stdlib cimport setenv, unsetenv
from posix.types cimport mode_t
from posix.unistd cimport F_OK, access, close, execv, readlink

from _core.base cimport Bytes, bytes_byte, bytes_free, bytes_init, bytes_str
from _core.programs cimport (
    FOLDER_INCOMPLETE, FOLDER_MISSING, FOLDER_READY, FOLDER_REFUSED, Runtime,
    advice_folder, check_target, complain, has_program, open_base, renameat, runtime_paths, set_aside, sweep,
    temporary_name,
)
from _core.sys cimport LOCK_EX, LOCK_UN, PATH_BYTES, c_flock, c_realpath, write_all
from _core.trailer cimport ID_DIGITS, TRAILER_BROKEN, TRAILER_NONE, Trailer, trailer_checksum, trailer_read
from _core.unpack cimport (
    O_NOFOLLOW, UNPACK_DAMAGED, UNPACK_MEMORY, UNPACK_OK, UNPACK_READ, Unpacker, openat, remove_tree, unpack_close,
    unpack_open, unpack_tree,
)


cdef extern from "<sys/stat.h>" nogil:
    mode_t umask(mode_t)


cdef extern from "<sys/statvfs.h>" nogil:
    enum: ST_NOEXEC
    cdef struct struct_statvfs "statvfs":
        unsigned long f_flag
    int fstatvfs(int, struct_statvfs*)


cdef enum:
    ATTEMPTS = 5  # rounds of looking and unpacking, while other processes do the same


cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int sigemptyset(sigset_t*)
    int sigaddset(sigset_t*, int)
    int sigprocmask(int, const sigset_t*, sigset_t*)
    int SIG_BLOCK, SIGINT


cdef inline int complain_damaged(Runtime* r) noexcept nogil:
    return complain(
        b"the program is damaged:", r.front, b"the runtime inside it does not match its checksum",
        b"download or build it again",
    )


cdef inline int fill_program(Runtime* r, int folder) noexcept nogil:
    """Unpacks the bundle into the empty `folder` and writes the marker, last. 0, or 2 after a sentence."""
    cdef Unpacker u
    cdef Trailer* t = &r.trailer
    cdef const char* base = <const char*>r.base.data
    cdef int marker
    if unpack_open(&u, r.source, t.offset, t.packed) and unpack_tree(&u, folder):
        if (
            u.inflated != t.unpacked
            or trailer_checksum(t, u.crc, u.adler) != t.checksum
            or not has_program(folder)
        ):
            u.status = UNPACK_DAMAGED
    unpack_close(&u)
    if u.status == UNPACK_DAMAGED:
        return complain_damaged(r)
    if u.status == UNPACK_MEMORY:
        return complain(b"out of memory", NULL, NULL, NULL)
    if u.status == UNPACK_READ:
        return complain(b"cannot read", r.front, strerror(u.error), NULL)
    if u.status != UNPACK_OK:
        return complain(b"cannot unpack the runtime into", base, strerror(u.error), advice_folder())
    marker = openat(folder, b"complete", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    if (
        marker < 0
        or not write_all(marker, <const uint8_t*>t.build_id, ID_DIGITS)
        or not write_all(marker, <const uint8_t*>b"\n", 1)
        or close(marker) != 0
    ):
        return complain(b"cannot unpack the runtime into", base, strerror(errno), advice_folder())
    return 0


cdef inline int unpack_program(Runtime* r, int base) noexcept nogil:
    """Puts a program at <base>/<build id>, or finds that another process has. 0, or 2 after a sentence."""
    cdef const char* path = <const char*>r.base.data
    cdef struct_statvfs fs
    cdef Bytes name
    cdef const char* beside
    cdef int folder
    cdef int result = 0
    if fstatvfs(base, &fs) == 0 and (fs.f_flag & ST_NOEXEC):
        return complain(b"cannot run programs in", path, b"the file system is mounted noexec", advice_folder())
    bytes_init(&name)
    temporary_name(r.trailer.build_id, &name)
    if name.failed:
        return complain(b"out of memory", NULL, NULL, NULL)
    beside = <const char*>name.data
    if mkdirat(base, beside, 0o700) != 0:
        result = complain(b"cannot unpack the runtime into", path, strerror(errno), advice_folder())
    else:
        folder = openat(base, beside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if folder < 0:
            result = complain(b"cannot unpack the runtime into", path, strerror(errno), advice_folder())
        else:
            result = fill_program(r, folder)
            close(folder)
        if result == 0 and renameat(base, beside, base, r.trailer.build_id) == 0:
            sweep(r, base)
        else:
            if result == 0 and errno != EEXIST and errno != ENOTEMPTY and errno != ENOTDIR:
                result = complain(b"cannot put the runtime into", path, strerror(errno), advice_folder())
            remove_tree(base, beside)
    bytes_free(&name)
    return result


cdef inline bint set_environment(Runtime* r) noexcept nogil:
    """What the program finds in its environment: GREPPY_FRONT, and its own libraries before the system's.

    PyInstaller's loader sets LD_LIBRARY_PATH too, but is itself linked with a zlib that a bare system may not have.
    greppy/_launch.py takes it away again, so that the programs it starts do not get these libraries.
    """
    cdef Bytes libraries
    cdef const char* old = getenv(b"LD_LIBRARY_PATH")
    cdef char* real = c_realpath(<const char*>r.target.data, NULL)
    cdef bint done
    bytes_init(&libraries)
    bytes_str(&libraries, real if real != NULL else <const char*>r.target.data)
    free(real)
    bytes_str(&libraries, b"/_internal")
    if old != NULL and old[0]:
        bytes_byte(&libraries, c':')
        bytes_str(&libraries, old)
    bytes_byte(&libraries, 0)
    unsetenv(b"_PYI_ARCHIVE_FILE")  # a program that was started by itself would skip its own set-up
    done = (
        not libraries.failed
        and setenv(b"LD_LIBRARY_PATH", <const char*>libraries.data, 1) == 0
        and setenv(b"GREPPY_FRONT", r.front, 1) == 0
    )
    bytes_free(&libraries)
    return done


cdef inline void block_interrupts() noexcept nogil:
    """Python prints a traceback when it is interrupted while it starts; greppy.cli lets SIGINT in when it is ready."""
    cdef sigset_t only
    sigemptyset(&only)
    sigaddset(&only, SIGINT)
    sigprocmask(SIG_BLOCK, &only, NULL)


cdef inline int exec_program(Runtime* r, int argc, char** argv) noexcept nogil:
    """Becomes the unpacked program. Returns only when that failed: errno."""
    cdef char** args = <char**>malloc((argc + 2) * sizeof(char*))
    cdef int i
    if args == NULL or not set_environment(r):
        free(args)
        return ENOMEM
    args[0] = <char*>r.program.data
    for i in range(1, argc):
        args[i] = argv[i]
    args[argc if argc > 0 else 1] = NULL
    block_interrupts()
    execv(<char*>r.program.data, args)
    i = errno
    free(args)
    return i


cdef inline int find_program(Runtime* r) noexcept nogil:
    """One round of looking at the program's folder and making it what it should be: FOLDER_* as it was found.

    FOLDER_REFUSED after a sentence; FOLDER_READY and it is locked; otherwise it should be there now: look again.
    """
    cdef int base = open_base(r)
    cdef int state
    cdef int error
    if base < 0:
        return FOLDER_REFUSED
    state = check_target(r, base)
    if state == FOLDER_INCOMPLETE:
        c_flock(base, LOCK_EX)  # else what is removed may be what another process has just repaired
        state = check_target(r, base)
        if state == FOLDER_INCOMPLETE and not set_aside(base, r.trailer.build_id) and errno != ENOENT:
            error = errno
            complain(b"cannot replace the incomplete runtime in", <const char*>r.target.data, strerror(error),
                     advice_folder())
            state = FOLDER_REFUSED
        c_flock(base, LOCK_UN)
    if (state == FOLDER_MISSING or state == FOLDER_INCOMPLETE) and unpack_program(r, base) != 0:
        state = FOLDER_REFUSED
    close(base)
    return state


cdef inline int exec_bundle(Runtime* r, int argc, char** argv) noexcept nogil:
    """Finds or unpacks the program and becomes it. Returns 2 after a sentence."""
    cdef const char* target = <const char*>r.target.data
    cdef mode_t mask
    cdef int _attempt
    cdef int state
    cdef int error
    for _attempt in range(ATTEMPTS):
        mask = umask(0o077)
        state = find_program(r)
        umask(mask)
        if state == FOLDER_REFUSED:
            return 2
        if state != FOLDER_READY:
            continue
        error = exec_program(r, argc, argv)
        if error == EACCES:
            return complain(b"cannot run programs in", target, strerror(error), advice_folder())
        if error == ENOENT and access(<char*>r.program.data, F_OK) == 0:  # then it is the loader that is not there
            return complain(b"cannot run", <char*>r.program.data, b"this system has no GNU C library (glibc)", NULL)
        if error != ENOENT:
            return complain(b"cannot run", <char*>r.program.data, strerror(error), NULL)
    return complain(b"cannot use the runtime in", target, b"it keeps changing", advice_folder())


cdef inline int exec_python(Runtime* r, int argc, char** argv) noexcept nogil:
    """Becomes the `python3` beside this executable, as `-I -m greppy`. Returns 2 after a sentence."""
    cdef char[PATH_BYTES + 8] python
    cdef char** args = <char**>malloc((argc + 5) * sizeof(char*))
    cdef size_t folder = strrchr(r.front, c'/') - r.front + 1
    cdef int error
    cdef int i
    if args == NULL:
        return complain(b"out of memory", NULL, NULL, NULL)
    memcpy(python, r.front, folder)
    memcpy(python + folder, b"python3", 8)
    args[0] = python
    args[1] = b"-I"
    args[2] = b"-m"
    args[3] = b"greppy"
    for i in range(1, argc):
        args[i + 3] = argv[i]
    args[argc + 3 if argc > 0 else 4] = NULL
    if setenv(b"GREPPY_FRONT", r.front, 1) == 0:
        block_interrupts()
        execv(python, args)
    error = errno
    free(args)
    if error == ENOENT:
        return complain(
            b"there is no", python, b"this greppy has no runtime of its own and needs the Python it was installed for",
            b"install it into a virtual environment (`pip install`), or use the single-file greppy",
        )
    return complain(b"cannot run", python, strerror(error), NULL)


cdef inline int runtime_exec(int argc, char** argv) noexcept nogil:
    """Becomes the Python program with the same arguments. Returns only after a sentence on stderr: 2, the exit code."""
    cdef Runtime r
    cdef ssize_t n
    cdef int found
    cdef int result
    memset(&r, 0, sizeof(Runtime))
    n = readlink(b"/proc/self/exe", r.front, PATH_BYTES - 1)
    if n <= 0 or r.front[0] != c'/':
        return complain(b"cannot find itself through /proc/self/exe", NULL, strerror(errno), b"is /proc mounted?")
    r.source = open(b"/proc/self/exe", O_RDONLY | O_CLOEXEC)
    if r.source < 0:
        return complain(b"cannot read", r.front, strerror(errno), NULL)
    found = trailer_read(r.source, &r.trailer)
    if found == TRAILER_NONE:
        result = exec_python(&r, argc, argv)
    elif found == TRAILER_BROKEN:
        result = complain_damaged(&r)
    elif runtime_paths(&r):
        result = exec_bundle(&r, argc, argv)
    else:
        result = 2
    bytes_free(&r.base)
    bytes_free(&r.target)
    bytes_free(&r.program)
    close(r.source)
    return result
