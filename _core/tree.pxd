# cython: language_level=3
"""A tree file (see `index.pxd`) looked into and written anew with changes, without holding it in memory.

What a daemon does for every commit: of a tree of 80,000 entries it wants those of a few folders, and then the whole
again with a few entries other than they were. Both are one pass over the file.
"""
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memcmp
from _core.hash cimport hash64
from _core.index cimport TreeEntry
from _core.base cimport Bytes, bytes_add, bytes_free, bytes_init
from _core.store cimport (
    Store, store_open, store_close, store_array, store_check, STORE_OK, STORE_DAMAGED, StoreWriter, writer_open,
    writer_array, writer_add, writer_close,
)
from _core.sys cimport PATH_BYTES

cdef struct TreeReader:
    # After `tree_next` said True: the entry `at - 1` and its path.
    Store store
    const TreeEntry* entries
    const uint8_t* paths
    uint64_t n, paths_n
    uint64_t at, used        # entries and bytes of paths that were read
    size_t path_n
    uint8_t[PATH_BYTES] path

cdef struct TreeChange:
    const uint8_t* path
    size_t path_n
    bint gone                # the entry goes; the other fields mean nothing
    TreeEntry entry          # `shared` and `own` are filled in here

cdef struct TreeWriter:
    StoreWriter store
    Bytes paths
    size_t before_n
    uint8_t[PATH_BYTES] before


cdef inline int tree_open(TreeReader* t, const char* path) noexcept nogil:
    """A StoreError; only after STORE_OK must it be closed."""
    cdef int e = store_open(&t.store, path, b"tree", False)
    if e != STORE_OK:
        return e
    t.entries = <const TreeEntry*>store_array(&t.store, b"entries", sizeof(TreeEntry), &t.n)
    t.paths = <const uint8_t*>store_array(&t.store, b"paths", 1, &t.paths_n)
    t.at = t.used = 0
    t.path_n = 0
    if t.store.damaged or not store_check(&t.store):
        store_close(&t.store)
        return STORE_DAMAGED
    return STORE_OK


cdef inline bint tree_next(TreeReader* t) noexcept nogil:
    """The next entry; False at the end, or when a path leads outside the file: then the store is `damaged`."""
    cdef const TreeEntry* e
    if t.at == t.n:
        t.store.damaged |= t.used != t.paths_n
        return False
    e = &t.entries[t.at]
    if e.shared > t.path_n or e.own > t.paths_n - t.used or <size_t>e.shared + e.own >= PATH_BYTES:
        t.store.damaged = True
        return False
    memcpy(t.path + e.shared, t.paths + t.used, e.own)
    t.path_n = <size_t>e.shared + e.own
    t.used += e.own
    t.at += 1
    return True


cdef inline bint _among(const uint64_t* hashes, size_t n, uint64_t h) noexcept nogil:
    cdef size_t lo = 0, hi = n, mid
    while lo < hi:
        mid = (lo + hi) // 2
        if hashes[mid] < h:
            lo = mid + 1
        else:
            hi = mid
    return lo < n and hashes[lo] == h


cdef inline bint tree_wanted(const TreeReader* t, const uint64_t* folders, size_t n_folders, const uint64_t* below,
                             size_t n_below) noexcept nogil:
    """The entry is one of the folders whose XXH64 are in `folders` (ascending), lies directly in one of them, or
    anywhere below one of `below`. An absolute path is none of the project's.

    Two paths of one hash are possible: whoever asks looks at the paths again."""
    cdef size_t i = t.path_n
    if t.path_n and t.path[0] == 47:
        return False
    if _among(folders, n_folders, hash64(t.path, t.path_n)):
        return True
    while i and t.path[i - 1] != 47:
        i -= 1
    # i: behind the last slash
    if t.path_n and _among(folders, n_folders, hash64(t.path, i - 1 if i else 0)):
        return True
    while n_below and i:
        i -= 1
        if _among(below, n_below, hash64(t.path, i)):
            return True
        while i and t.path[i - 1] != 47:
            i -= 1
    return False


cdef inline void _put(TreeWriter* w, const uint8_t* path, size_t n, const TreeEntry* entry) noexcept nogil:
    cdef TreeEntry e = entry[0]
    cdef size_t shared = 0
    while shared < n and shared < w.before_n and path[shared] == w.before[shared]:
        shared += 1
    e.shared = <uint16_t>shared
    e.own = <uint16_t>(n - shared)
    bytes_add(&w.paths, path + shared, n - shared)
    memcpy(w.before + shared, path + shared, n - shared)
    w.before_n = n
    writer_add(&w.store, &e, sizeof(TreeEntry))


cdef inline int _order(const uint8_t* a, size_t a_n, const uint8_t* b, size_t b_n) noexcept nogil:
    """Below, at or above 0, as a comes before, is, or comes after b."""
    cdef int c = memcmp(a, b, a_n if a_n < b_n else b_n)
    if c:
        return c
    return -1 if a_n < b_n else <int>(a_n > b_n)


cdef inline bint tree_patch(TreeReader* old, const char* path, uint64_t serial, const TreeChange* changes, size_t n,
                            bint sync, int* error) noexcept nogil:
    """Writes `old`, which nothing was read of yet, with the changes (ascending by path, none twice) as a new tree file.
    False with an errno in `error`, 0 when `old` is damaged; the new file is void then."""
    cdef TreeWriter w
    cdef size_t i = 0
    cdef int c
    cdef bint more = tree_next(old)
    error[0] = 0
    bytes_init(&w.paths)
    w.before_n = 0
    if not writer_open(&w.store, path, b"tree", serial, 2):
        error[0] = w.store.error
        writer_close(&w.store, False)
        return False
    writer_array(&w.store, b"entries", b"tree", sizeof(TreeEntry))
    while more or i < n:
        c = 1
        if more and i < n:
            c = _order(old.path, old.path_n, changes[i].path, changes[i].path_n)
        elif more:
            c = -1
        # c < 0: the old entry is next and stays; 0: a change replaces it; > 0: a change is new
        if c < 0:
            _put(&w, old.path, old.path_n, &old.entries[old.at - 1])
        elif not changes[i].gone:
            _put(&w, changes[i].path, changes[i].path_n, &changes[i].entry)
        if c >= 0:
            i += 1
        if c <= 0:
            more = tree_next(old)
    writer_array(&w.store, b"paths", b"|u1", 1)
    writer_add(&w.store, w.paths.data, w.paths.len)
    if w.paths.failed and not w.store.failed:
        w.store.failed = True
        w.store.error = 12  # ENOMEM
    bytes_free(&w.paths)
    if old.store.damaged:
        w.store.failed = True
        w.store.error = 0
    if not writer_close(&w.store, sync):
        error[0] = w.store.error
        return False
    return True
