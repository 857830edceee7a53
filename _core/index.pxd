# cython: language_level=3
"""A project's index as readers see it: the manifest, the segments it names, the tree of what was walked.

Files in the index folder:
    manifest       the one name that is ever replaced (write beside, fsync, rename, fsync of the folder)
    <id>.seg       segments; id = 16 hex digits
    <generation>.tree  what the walk saw, with sizes and times; generation = the manifest's serial, 16 hex digits
    lock           flock'ed by the one writer

Arrays of a manifest (kind "manifest", serial = generation):
    segments  segment  one record a live segment
    deleted   u1       deletion bitmaps: of a segment with deletions first the bits of its files, then of its chunks
    stats     <u8      live chunks, sum of their lengths, live files, depth of the shallowest file
    root      u1       the project's real path
    options   u1       how it was built, as JSON; what a refresh must repeat

Arrays of a tree (kind "tree", same serial): entries (tree), by path; paths u1: of each path what it does not share with
the beginning of the one before. Readers compare it with the file system. The tree file's own time
(mtime) is the one when its walk began: what has changed in any way since then (ctime) is looked at, though size and
mtime be the same. Example: `src/a.c` and `src/b.c` are the bytes
`src/a.cb.c`, with (shared, own) = (0, 7) and (4, 3).
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, free
from libc.string cimport memcpy, memset, strlen
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, bytes_byte, bytes_hex16
from _core.segment cimport Segment, segment_open, segment_close
from _core.store cimport (
    Store, StoreHeader, store_open, store_close, store_array, store_check, STORE_OK, STORE_SYSTEM, STORE_DAMAGED,
    STORE_MEMORY,
)
from _core.sys cimport (
    stat_t, c_stat, c_fstatat, c_openat, c_open, c_close, ctime_ns, errno, ENOENT, mtime_ns, O_RDONLY, O_CLOEXEC,
    O_DIRECTORY, AT_SYMLINK_NOFOLLOW, S_ISDIR, S_ISREG, pread_all, pthread_t, pthread_create, pthread_join, PATH_BYTES,
)

cdef enum:
    SEGMENTS_MAX = 64
    OPEN_TRIES = 20
    SWEEP_ONE_THREAD = 4000  # entries: below, starting a thread costs more than it saves (test_freshness has 4,300)
    NOT_DELETED = 0xFFFFFFFF

cdef enum TreeKind:
    TREE_FILE = 0       # indexed
    TREE_SKIPPED = 1    # seen and left out (binary, too large, unreadable, no regular file): may become indexable
    TREE_FOLDER = 2     # its mtime tells of new and vanished entries
    TREE_OUTSIDE = 3    # absolute path of something that decides what is walked (ignore rules); may be missing

cdef struct SegmentEntry:
    uint64_t id
    uint32_t n_files
    uint32_t n_chunks
    uint32_t deleted     # where its bitmaps begin in the array `deleted`; NOT_DELETED when it has none
    uint32_t zero

cdef struct TreeEntry:
    uint64_t size        # of a missing file: 2^64 - 1
    int64_t mtime_ns     # 0: proves nothing, look again
    uint64_t content     # XXH64 of an indexed file
    uint16_t shared      # bytes at the beginning of its path that are those of the path before
    uint16_t own         # bytes behind them, in `paths`
    uint8_t kind
    uint8_t why          # FileStatus of what was left out
    uint16_t zero

cdef struct Index:
    Store manifest
    uint64_t n_chunks, total_len, n_files, min_depth
    const uint8_t* root
    uint64_t root_n
    int root_fd          # -1 when the project's folder is gone
    float* saturation    # see `cursor.pxd`; NULL: each question makes its own
    uint32_t n_segments
    const uint8_t* deleted_files[SEGMENTS_MAX]   # NULL: none
    const uint8_t* deleted_chunks[SEGMENTS_MAX]
    Segment[SEGMENTS_MAX] segments

cdef enum IndexError:
    INDEX_OK = 0
    INDEX_MISSING = 1
    INDEX_DAMAGED = 2
    INDEX_VERSION = 3
    INDEX_SYSTEM = 4     # errno says
    INDEX_MEMORY = 5


cdef inline const char* index_file(Bytes* out, const uint8_t* folder, size_t n, uint64_t id,
                                   const char* leaf) noexcept nogil:
    """Path of a file of the index in folder[0:n], in `out`: 16 hexadecimal digits, unless `id` is 0, and `leaf`. Only
    to be used when `out` has not failed."""
    out.len = 0
    bytes_add(out, folder, n)
    bytes_byte(out, 47)
    if id:
        bytes_hex16(out, id)
    bytes_add(out, leaf, strlen(leaf) + 1)
    return <const char*>out.data


cdef inline void index_close(Index* x) noexcept nogil:
    cdef uint32_t i
    for i in range(x.n_segments):
        segment_close(&x.segments[i])
    store_close(&x.manifest)
    free(x.saturation)
    x.saturation = NULL
    if x.root_fd >= 0:
        c_close(x.root_fd)
    x.n_segments = 0
    x.root_fd = -1


cdef inline int _store_error(int e) noexcept nogil:
    if e == STORE_OK:
        return INDEX_OK
    if e == STORE_SYSTEM:
        return INDEX_MISSING if errno == ENOENT else INDEX_SYSTEM
    if e == STORE_DAMAGED:
        return INDEX_DAMAGED
    return INDEX_MEMORY if e == STORE_MEMORY else INDEX_VERSION


cdef inline int _open_segments(Index* x, const SegmentEntry* entries, uint32_t n, const uint8_t* deleted,
                               uint64_t deleted_n, const uint8_t* folder, size_t folder_n,
                               bint fetching) noexcept nogil:
    cdef Bytes path
    cdef uint32_t i
    cdef uint64_t bits
    cdef int e
    bytes_init(&path)
    for i in range(n):
        index_file(&path, folder, folder_n, entries[i].id, b".seg")
        if path.failed:
            return INDEX_MEMORY
        e = segment_open(&x.segments[i], <const char*>path.data, fetching)
        if e == STORE_OK:
            x.n_segments = i + 1
            if x.segments[i].n_files != entries[i].n_files or x.segments[i].n_chunks != entries[i].n_chunks:
                e = STORE_DAMAGED
        x.deleted_files[i] = x.deleted_chunks[i] = NULL
        if e == STORE_OK and entries[i].deleted != NOT_DELETED:
            bits = (<uint64_t>entries[i].n_files + 7) // 8
            if entries[i].deleted + bits + (<uint64_t>entries[i].n_chunks + 7) // 8 > deleted_n:
                e = STORE_DAMAGED
            x.deleted_files[i] = deleted + entries[i].deleted
            x.deleted_chunks[i] = x.deleted_files[i] + bits
        if e != STORE_OK:
            bytes_free(&path)
            return _store_error(e)
    bytes_free(&path)
    return INDEX_OK


cdef inline int index_open_named(Index* x, const char* manifest, const uint8_t* folder, size_t n,
                                 bint fetching) noexcept nogil:
    """As `index_open`, of the manifest with that name, once."""
    cdef Bytes path
    cdef const SegmentEntry* entries
    cdef const uint8_t* deleted
    cdef const uint64_t* stats
    cdef uint64_t count, deleted_n, m
    cdef char[PATH_BYTES] root
    cdef int e
    # Only what is used is written: most of an Index is room for segments that are not there.
    memset(&x.manifest, 0, sizeof(Store))
    x.n_segments = 0
    x.root_fd = -1
    x.saturation = NULL
    bytes_init(&path)
    index_file(&path, folder, n, 0, manifest)
    e = STORE_MEMORY if path.failed else store_open(&x.manifest, <const char*>path.data, b"manifest", False)
    bytes_free(&path)
    if e != STORE_OK:
        return _store_error(e)
    if not store_check(&x.manifest):
        return INDEX_DAMAGED
    entries = <const SegmentEntry*>store_array(&x.manifest, b"segments", sizeof(SegmentEntry), &count)
    deleted = <const uint8_t*>store_array(&x.manifest, b"deleted", 1, &deleted_n)
    stats = <const uint64_t*>store_array(&x.manifest, b"stats", 8, &m)
    x.root = <const uint8_t*>store_array(&x.manifest, b"root", 1, &x.root_n)
    if x.manifest.damaged or m < 4 or count > SEGMENTS_MAX or x.root_n == 0 or x.root_n >= PATH_BYTES:
        return INDEX_DAMAGED
    x.n_chunks = stats[0]
    x.total_len = stats[1]
    x.n_files = stats[2]
    x.min_depth = stats[3]
    e = _open_segments(x, entries, <uint32_t>count, deleted, deleted_n, folder, n, fetching)
    if e == INDEX_OK:
        memcpy(root, x.root, x.root_n)
        root[x.root_n] = 0
        x.root_fd = c_open(root, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    return e


cdef inline int index_open(Index* x, const uint8_t* folder, size_t n, bint fetching) noexcept nogil:
    """Opens the index in folder[0:n], see `store_open`: an IndexError; only after INDEX_OK must it be closed.

    A segment can vanish between reading the manifest and mapping it, when a writer commits: then the manifest is
    new."""
    cdef int e = INDEX_OK, _i
    cdef bint had_manifest
    for _i in range(OPEN_TRIES):
        e = index_open_named(x, b"manifest", folder, n, fetching)
        if e == INDEX_OK:
            return e
        had_manifest = x.manifest.base != NULL
        index_close(x)
        if e != INDEX_MISSING or not had_manifest:
            return e
    return INDEX_DAMAGED  # the manifest names a segment that is not there, and stays


cdef inline int index_file_open(const Bytes* folder, const char* leaf) noexcept nogil:
    """A file of the index in `folder`, open for reading; -1 when it cannot be."""
    cdef Bytes path
    cdef int fd
    bytes_init(&path)
    index_file(&path, folder.data, folder.len, 0, leaf)
    fd = -1 if path.failed else c_open(<const char*>path.data, O_RDONLY | O_CLOEXEC)
    bytes_free(&path)
    return fd


cdef inline uint64_t index_generation(const Bytes* folder) noexcept nogil:
    """Of the index as it is now; 0 when it has no manifest that can be read."""
    cdef StoreHeader head
    cdef int fd = index_file_open(folder, b"manifest")
    cdef bint ok
    if fd < 0:
        return 0
    ok = pread_all(fd, &head, sizeof(StoreHeader), 0)
    c_close(fd)
    return head.serial if ok else 0


# ------------------------------------------------------------------------------------------------------------ sweep

cdef struct Sweep:
    const TreeEntry* entries
    const uint8_t* paths
    uint64_t paths_n
    uint64_t first, end
    int root_fd
    int64_t since        # when the walk began
    int* stop            # shared: one thread found a change


cdef inline bint entry_unchanged(const TreeEntry* t, int root_fd, const char* path, int64_t since) noexcept nogil:
    """The file system still shows what the walk saw that began at `since`."""
    cdef stat_t st
    if c_fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0:
        return t.kind == TREE_OUTSIDE and t.size == <uint64_t>-1
    if ctime_ns(&st) >= since:
        return False
    if t.kind == TREE_FOLDER:
        return S_ISDIR(st.st_mode) and mtime_ns(&st) == t.mtime_ns
    return <uint64_t>st.st_size == t.size and mtime_ns(&st) == t.mtime_ns and not S_ISDIR(st.st_mode)


cdef inline void* _sweep(void* context) noexcept nogil:
    cdef Sweep* s = <Sweep*>context
    cdef const TreeEntry* t
    cdef char[PATH_BYTES] path
    cdef uint64_t i, at = 0
    cdef size_t n = 0
    for i in range(s.end):  # from the first on: a path is known only from those before it
        if i & 63 == 0 and s.stop[0]:
            break
        t = &s.entries[i]
        if t.shared > n or t.own > s.paths_n - at or <size_t>t.shared + t.own >= PATH_BYTES:
            s.stop[0] = 1
            break
        n = <size_t>t.shared + t.own
        memcpy(path + t.shared, s.paths + at, t.own)
        at += t.own
        path[n] = 0
        if n == 0:
            memcpy(path, b".", 2)
        if i >= s.first and not entry_unchanged(t, s.root_fd, path, s.since):
            s.stop[0] = 1
            break
    return NULL


cdef inline bint index_fresh(Index* x, const uint8_t* folder, size_t n) noexcept nogil:
    """True when every file and folder of the walk still has its size and time: the index tells the truth.

    A missing or damaged tree counts as not fresh. Large trees are swept by two threads."""
    cdef Store tree
    cdef Bytes path
    cdef Sweep[2] s
    cdef stat_t st
    cdef uint64_t count
    cdef pthread_t thread
    cdef int stop = 0
    cdef bint two
    if x.root_fd < 0:
        return False
    bytes_init(&path)
    index_file(&path, folder, n, x.manifest.head.serial, b".tree")
    memset(s, 0, sizeof(s))
    if path.failed or c_stat(<const char*>path.data, &st) != 0 or store_open(
            &tree, <const char*>path.data, b"tree", False) != STORE_OK:
        bytes_free(&path)
        return False
    bytes_free(&path)
    s[0].since = mtime_ns(&st)
    s[0].entries = <const TreeEntry*>store_array(&tree, b"entries", sizeof(TreeEntry), &count)
    s[0].paths = <const uint8_t*>store_array(&tree, b"paths", 1, &s[0].paths_n)
    if not store_check(&tree):
        store_close(&tree)
        return False
    s[0].root_fd = x.root_fd
    s[0].stop = &stop
    s[0].end = count
    two = count > SWEEP_ONE_THREAD
    if two:
        s[1] = s[0]
        s[1].first = s[0].end = count // 2
        two = pthread_create(&thread, NULL, _sweep, &s[1]) == 0
        if not two:
            s[0].end = count
    _sweep(&s[0])
    if two:
        pthread_join(thread, NULL)
    store_close(&tree)
    return stop == 0
