# cython: language_level=3
"""Unpacks a gzip'ed ustar archive that lies inside a larger file, in a fixed amount of memory (about 100 KiB).

The archive is what `tar --format=ustar -czf` writes: regular files, folders and symbolic links, a folder before what it
holds. Names are relative, without `.` or `..`; a link leads to a place inside the tree. Everything else is taken for
damage: nothing the archive says can make a file appear outside the folder it is unpacked into. That is why names are
walked one component at a time, through real folders only, and why the target of a link may say `..` at its start but
not later, where an earlier link could have made it mean something else.

Formats: RFC 1952 (gzip), POSIX.1-1988 (ustar).
"""
from libc.errno cimport EINTR, EISDIR, ENOENT, EPERM, errno
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset, strchr
from posix.fcntl cimport O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_WRONLY
from posix.stat cimport mkdirat
from posix.types cimport mode_t
from posix.unistd cimport close, dup, pread

from _core.sys cimport DIR, c_closedir, c_fdopendir, c_readdir, dirent, write_all


cdef extern from "<fcntl.h>" nogil:
    enum: AT_REMOVEDIR
    enum: O_NOFOLLOW
    int openat(int, const char*, int, ...)


cdef extern from "<unistd.h>" nogil:
    int symlinkat(const char*, int, const char*)
    int unlinkat(int, const char*, int)


cdef extern from "<zlib.h>" nogil:
    enum: Z_NO_FLUSH
    enum: Z_OK
    enum: Z_STREAM_END
    ctypedef struct z_stream:
        uint8_t* next_in
        unsigned int avail_in
        uint8_t* next_out
        unsigned int avail_out
    int inflateInit2(z_stream*, int)
    int inflate(z_stream*, int)
    int inflateEnd(z_stream*)
    unsigned long crc32(unsigned long, const uint8_t*, unsigned int)
    unsigned long adler32(unsigned long, const uint8_t*, unsigned int)


cdef enum:
    UNPACK_OK = 0
    UNPACK_DAMAGED = 1  # not the archive that was packed
    UNPACK_READ = 2  # the file that holds it could not be read; `Unpacker.error` is the errno
    UNPACK_WRITE = 3  # something could not be created or written; `Unpacker.error` is the errno
    UNPACK_MEMORY = 4

cdef enum:
    PIECE = 32768  # bytes read, and bytes inflated, at a time
    BLOCK = 512  # a tar archive is a sequence of blocks
    NAME_MAX_BYTES = 256  # ustar: 155 of the prefix, a slash, 100 of the name


cdef struct Unpacker:
    int source  # descriptor of the file that holds the archive
    uint64_t at  # where in that file the next packed byte is
    uint64_t end  # the first byte behind the archive
    uint64_t inflated  # bytes inflated so far
    uint32_t crc  # CRC-32 of the packed bytes read so far
    uint32_t adler  # Adler-32 of the same
    z_stream z
    bint finished  # the gzip stream has ended and its CRC and length were right
    uint8_t* packed  # PIECE bytes
    uint8_t* plain  # PIECE bytes, of which [taken, filled) are still to be used
    size_t taken
    size_t filled
    int status  # UNPACK_*
    int error


cdef inline bint unpack_fail(Unpacker* u, int status, int error) noexcept nogil:
    """Keeps the first failure; always False, so that callers can return it."""
    if u.status == UNPACK_OK:
        u.status = status
        u.error = error
    return False


cdef inline bint unpack_open(Unpacker* u, int source, uint64_t start, uint64_t size) noexcept nogil:
    """Readies `u` for the `size` bytes at `start` of the file `source`. False (and `status`) without memory."""
    memset(u, 0, sizeof(Unpacker))
    u.source = source
    u.at = start
    u.end = start + size
    u.crc = <uint32_t>crc32(0, NULL, 0)
    u.adler = <uint32_t>adler32(0, NULL, 0)
    u.packed = <uint8_t*>malloc(2 * PIECE)
    if u.packed == NULL:
        return unpack_fail(u, UNPACK_MEMORY, 0)
    u.plain = u.packed + PIECE
    if inflateInit2(&u.z, 15 + 16) != Z_OK:  # 15: the largest window, + 16: with a gzip header and trailer
        free(u.packed)
        u.packed = NULL
        return unpack_fail(u, UNPACK_MEMORY, 0)
    return True


cdef inline void unpack_close(Unpacker* u) noexcept nogil:
    if u.packed != NULL:
        inflateEnd(&u.z)
        free(u.packed)
        u.packed = NULL


cdef inline bint unpack_read(Unpacker* u) noexcept nogil:
    """Reads the next packed bytes into `u.z`; leaves it empty at the end of the archive."""
    cdef size_t want = PIECE
    cdef ssize_t got = 0
    if u.end - u.at < want:
        want = u.end - u.at
    while want:
        got = pread(u.source, u.packed, want, u.at)
        if got >= 0 or errno != EINTR:
            break
    if got < 0:
        return unpack_fail(u, UNPACK_READ, errno)
    if want and got == 0:
        return unpack_fail(u, UNPACK_DAMAGED, 0)
    u.at += got
    u.crc = <uint32_t>crc32(u.crc, u.packed, <unsigned int>got)
    u.adler = <uint32_t>adler32(u.adler, u.packed, <unsigned int>got)
    u.z.next_in = u.packed
    u.z.avail_in = <unsigned int>got
    return True


cdef inline bint unpack_fill(Unpacker* u) noexcept nogil:
    """Inflates into `plain`, which must be used up. False at the end of the stream and after a failure."""
    cdef int r
    u.taken = 0
    u.filled = 0
    while u.filled == 0 and not u.finished:
        if u.z.avail_in == 0 and not unpack_read(u):
            return False
        if u.z.avail_in == 0:
            return unpack_fail(u, UNPACK_DAMAGED, 0)
        u.z.next_out = u.plain
        u.z.avail_out = PIECE
        r = inflate(&u.z, Z_NO_FLUSH)
        if r != Z_OK and r != Z_STREAM_END:
            return unpack_fail(u, UNPACK_DAMAGED, 0)
        u.finished = r == Z_STREAM_END
        u.filled = PIECE - u.z.avail_out
        u.inflated += u.filled
    return u.filled != 0


cdef inline size_t unpack_some(Unpacker* u, size_t want, uint8_t** bytes) noexcept nogil:
    """Up to `want` inflated bytes, where they lie; 0 only at the end of the stream and after a failure."""
    cdef size_t n
    if u.taken == u.filled and not unpack_fill(u):
        return 0
    n = u.filled - u.taken
    if n > want:
        n = want
    bytes[0] = u.plain + u.taken
    u.taken += n
    return n


cdef inline bint unpack_take(Unpacker* u, uint8_t* out, size_t n) noexcept nogil:
    """Exactly `n` inflated bytes into `out`; fewer is damage."""
    cdef uint8_t* bytes = NULL
    cdef size_t got
    while n:
        got = unpack_some(u, n, &bytes)
        if got == 0:
            return unpack_fail(u, UNPACK_DAMAGED, 0)
        memcpy(out, bytes, got)
        out += got
        n -= got
    return True


cdef inline bint octal(const uint8_t* field, int width, uint64_t* value) noexcept nogil:
    """A number of a tar header: octal digits, then blanks or NUL. False for anything else, also for no digit at all."""
    cdef int i = 0
    value[0] = 0
    while i < width and 48 <= field[i] <= 55:
        value[0] = value[0] << 3 | (field[i] - 48)
        i += 1
    return 0 < i <= 20 and (i == width or field[i] == 0 or field[i] == 32)


cdef inline bint header_sum_right(const uint8_t* block) noexcept nogil:
    """Whether the block's bytes, those of the checksum field counted as blanks, add up to what that field says."""
    cdef uint64_t want
    cdef uint64_t have = 0
    cdef int i
    if not octal(block + 148, 8, &want):
        return False
    for i in range(BLOCK):
        have += 32 if 148 <= i < 156 else block[i]
    return have == want


cdef inline bint is_zero(const uint8_t* block) noexcept nogil:
    return block[0] == 0 and memcmp(block, block + 1, BLOCK - 1) == 0


cdef inline void header_name(const uint8_t* block, char* name) noexcept nogil:
    """The entry's name, NUL at its end and without a slash there, into `name` (at least NAME_MAX_BYTES + 1 bytes)."""
    cdef size_t n = 0
    cdef size_t i = 0
    while i < 155 and block[345 + i]:
        name[n] = <char>block[345 + i]
        n += 1
        i += 1
    if n:
        name[n] = c'/'
        n += 1
    i = 0
    while i < 100 and block[i]:
        name[n] = <char>block[i]
        n += 1
        i += 1
    if n and name[n - 1] == c'/':
        n -= 1
    name[n] = 0


cdef inline int name_depth(const char* name) noexcept nogil:
    """How many folders the entry `name` lies in; -1 for a name that is empty, absolute or has an odd component."""
    cdef int depth = 0
    cdef size_t start = 0
    cdef size_t i = 0
    cdef size_t n
    while True:
        if name[i] == c'/' or name[i] == 0:
            n = i - start
            if n == 0 or (n == 1 and name[start] == c'.'):
                return -1
            if n == 2 and name[start] == c'.' and name[start + 1] == c'.':
                return -1
            if name[i] == 0:
                return depth
            depth += 1
            start = i + 1
        i += 1


cdef inline bint link_stays_inside(const char* target, int depth) noexcept nogil:
    """Whether a link in a folder `depth` below the root leads inside: `../` up to `depth` times, then a plain name."""
    while target[0] == c'.' and target[1] == c'.' and target[2] == c'/':
        depth -= 1
        target += 3
    return depth >= 0 and name_depth(target) >= 0


cdef inline int open_parent(int root, char* name, char** leaf) noexcept nogil:
    """A descriptor of the folder below `root` that `name` lies in, and its last component in `leaf`; -1: errno."""
    cdef int here = dup(root)
    cdef int below
    cdef char* slash = strchr(name, c'/')
    while here >= 0 and slash != NULL:
        slash[0] = 0
        below = openat(here, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        slash[0] = c'/'
        close(here)
        here = below
        name = slash + 1
        slash = strchr(name, c'/')
    leaf[0] = name
    return here


cdef inline bint unpack_file(Unpacker* u, int folder, const char* name, uint64_t size, bint program) noexcept nogil:
    """The next `size` inflated bytes become the file `name`."""
    cdef uint8_t* bytes = NULL
    cdef size_t n
    cdef mode_t mode = 0o700 if program else 0o600
    cdef int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    if fd < 0:
        return unpack_fail(u, UNPACK_WRITE, errno)
    while size:
        n = unpack_some(u, PIECE if size > PIECE else size, &bytes)
        if n == 0:
            close(fd)
            return unpack_fail(u, UNPACK_DAMAGED, 0)
        if not write_all(fd, bytes, n):
            unpack_fail(u, UNPACK_WRITE, errno)
            close(fd)
            return False
        size -= n
    if close(fd) != 0:  # a network file system may report a full disk only now
        return unpack_fail(u, UNPACK_WRITE, errno)
    return True


cdef inline bint unpack_entry(Unpacker* u, int root, const uint8_t* block) noexcept nogil:
    """The entry whose header is `block`, with the blocks that follow it."""
    cdef char[NAME_MAX_BYTES + 1] name
    cdef char[101] target
    cdef uint8_t[BLOCK] padding
    cdef char* leaf = NULL
    cdef uint64_t size
    cdef uint64_t mode
    cdef int depth
    cdef int folder
    cdef uint8_t kind = block[156]
    cdef bint good = True
    header_name(block, name)
    depth = name_depth(name)
    if (
        depth < 0
        or memcmp(block + 257, b"ustar", 5) != 0
        or not header_sum_right(block)
        or not octal(block + 124, 12, &size)
        or not octal(block + 100, 8, &mode)
    ):
        return unpack_fail(u, UNPACK_DAMAGED, 0)
    folder = open_parent(root, name, &leaf)
    if folder < 0:
        return unpack_fail(u, UNPACK_WRITE, errno)
    if kind == c'0' or kind == 0:
        good = unpack_file(u, folder, leaf, size, (mode & 0o100) != 0)
        if good and size % BLOCK:
            good = unpack_take(u, padding, BLOCK - size % BLOCK)
    elif kind == c'5' and size == 0:
        if mkdirat(folder, leaf, 0o700) != 0:
            good = unpack_fail(u, UNPACK_WRITE, errno)
    elif kind == c'2' and size == 0:
        memcpy(target, block + 157, 100)
        target[100] = 0
        if not link_stays_inside(target, depth):
            good = unpack_fail(u, UNPACK_DAMAGED, 0)
        elif symlinkat(target, folder, leaf) != 0:
            good = unpack_fail(u, UNPACK_WRITE, errno)
    else:
        good = unpack_fail(u, UNPACK_DAMAGED, 0)
    close(folder)
    return good


cdef inline bint unpack_tree(Unpacker* u, int root) noexcept nogil:
    """Everything in the archive, below the empty folder `root`, and the archive read to its end. False: see `status`.

    Half a tree is left behind after a failure; the caller removes it.
    """
    cdef uint8_t[BLOCK] block
    cdef uint8_t* bytes = NULL
    while True:
        if not unpack_take(u, block, BLOCK):
            return False
        if is_zero(block):  # two of them end the archive
            break
        if not unpack_entry(u, root, block):
            return False
    while unpack_some(u, PIECE, &bytes):
        pass
    if u.status == UNPACK_OK and (u.at != u.end or u.z.avail_in != 0):
        return unpack_fail(u, UNPACK_DAMAGED, 0)
    return u.status == UNPACK_OK


cdef inline bint remove_tree(int parent, const char* name) noexcept nogil:
    """Removes `name` in the folder `parent` with everything below it; links are removed, not followed. False: errno."""
    cdef DIR* listing
    cdef dirent* entry
    cdef int fd
    cdef int _try
    if unlinkat(parent, name, 0) == 0:
        return True
    if errno != EISDIR and errno != EPERM:
        return errno == ENOENT
    # Deleting while listing may hide entries on some file systems: then the folder is not empty yet, and once more.
    for _try in range(3):
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if fd < 0:
            return errno == ENOENT
        listing = c_fdopendir(fd)
        if listing == NULL:
            close(fd)
            return False
        while True:
            entry = c_readdir(listing)
            if entry == NULL:
                break
            if name_depth(entry.d_name) == 0:
                remove_tree(fd, entry.d_name)
        c_closedir(listing)
        if unlinkat(parent, name, AT_REMOVEDIR) == 0:
            return True
        if errno == ENOENT:
            return True
    return False
