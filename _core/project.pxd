# cython: language_level=3
"""Where a project begins and where its index lies.

A project is named by its root's real path. Its index is `<base>/<name>-<16 hex digits of the path's XXH64>/`, where
base is $GREPPY_INDEX_DIR, else $XDG_CACHE_HOME/greppy/index, else $HOME/.cache/greppy/index.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, strlen
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, bytes_byte, bytes_hex16, bytes_str
from _core.hash cimport hash64
from _core.sys cimport c_access, c_getenv, F_OK, PATH_BYTES


cdef inline bint cache_base(const char* leaf, const char* override, Bytes* out) noexcept nogil:
    """Appends the place of `leaf` ("index", "runtime", "smart.l2"), without a NUL; the variable `override` may move it
    (NULL: none may). False: neither a variable nor HOME is set."""
    cdef const char* p = c_getenv(override) if override != NULL else NULL
    if p != NULL and p[0]:
        bytes_str(out, p)
        return True
    p = c_getenv(b"XDG_CACHE_HOME")
    if p != NULL and p[0] == 47:  # the specification: a relative one is ignored
        bytes_str(out, p)
    else:
        p = c_getenv(b"HOME")
        if p == NULL or p[0] != 47:
            return False
        bytes_str(out, p)
        bytes_str(out, b"/.cache")
    bytes_str(out, b"/greppy/")
    bytes_str(out, leaf)
    return True


cdef inline bint index_folder(const uint8_t* root, size_t n, Bytes* out) noexcept nogil:
    """Appends the index folder of the project whose real path is root[0:n], without a NUL. False: as `cache_base`."""
    cdef uint64_t h = hash64(root, n)
    cdef size_t i = n, start
    cdef uint8_t c
    if not cache_base(b"index", b"GREPPY_INDEX_DIR", out):
        return False
    bytes_byte(out, 47)
    while i and root[i - 1] != 47:
        i -= 1
    start = i
    while i < n and i - start < 64:
        c = root[i]
        if not (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 46 or c == 95 or c == 45) or (
                c == 46 and i == start):
            c = 95
        bytes_byte(out, c)
        i += 1
    if i == start:
        bytes_str(out, b"root")
    bytes_byte(out, 45)
    bytes_hex16(out, h)
    return True


cdef inline size_t parent_folder(const uint8_t* path, size_t n) noexcept nogil:
    """Length of the parent of an absolute path without a slash at its end: 1 for "/", 0 when `path` is "/"."""
    if n <= 1:
        return 0
    while n > 1 and path[n - 1] != 47:
        n -= 1
    return n - 1 if n > 1 else 1


cdef inline bint has_git(const uint8_t* folder, size_t n) noexcept nogil:
    """There is a `.git` in the folder; one whose path is too long has none."""
    cdef char[PATH_BYTES] probe
    if n + 6 >= PATH_BYTES:
        return False
    memcpy(probe, folder, n)
    memcpy(probe + n, b"/.git", 6)
    return c_access(probe, F_OK) == 0


cdef inline size_t find_project(const uint8_t* start, size_t n, bint* indexed) noexcept nogil:
    """Length of the project's root, a prefix of the real path start[0:n]: the nearest ancestor with an index, else the
    nearest with a `.git`, else all of it."""
    cdef Bytes folder
    cdef size_t m = n
    bytes_init(&folder)
    indexed[0] = False
    while m:
        folder.len = 0
        if index_folder(start, m, &folder):
            bytes_add(&folder, b"/manifest", 10)
            if not folder.failed and c_access(<const char*>folder.data, F_OK) == 0:
                indexed[0] = True
                break
        m = parent_folder(start, m)
    bytes_free(&folder)
    if indexed[0]:
        return m
    m = n
    while m:
        if has_git(start, m):
            return m
        m = parent_folder(start, m)
    return n
