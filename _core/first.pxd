# cython: language_level=3
"""The first index of a small project, built by the search that needs it, without starting Python.

It is what `greppy index` would have built. In two steps: `first_index` writes everything, a segment for each of several
processes, and the search reads that; `first_keep`, after the results are out, merges the segments, waits for the disk
and gives the index its name. What is not usual
(`listing.pxd`), or goes wrong, is left to the runtime, which says so in its own words.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset, strcmp, strlen
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_init, bytes_str, bytes_uint, same_bytes
from _core.builder cimport (
    Builder, DEFAULT_MAX_FILESIZE, FILE_GONE, FILE_INDEXED, FILE_NOT_REGULAR, FILE_NO_MEMORY, FILE_UNREADABLE,
    FileReport, builder_expect, builder_file, builder_free, builder_init, builder_write,
)
from _core.index cimport (
    NOT_DELETED, SegmentEntry, TREE_FILE, TREE_FOLDER, TREE_OUTSIDE, TREE_SKIPPED, TreeEntry, index_file,
)
from _core.listing cimport (
    Listed, Listing, list_project, listing_free, listing_has_folder, listing_path,
)
from _core.merge cimport MERGE_OK, merge_segments
from _core.path cimport base_name
from _core.programs cimport make_folders
from _core.segment cimport RankRecord, Segment, segment_close, segment_open
from _core.sort cimport sort_numbers
from _core.store cimport STORE_OK, StoreWriter, writer_add, writer_array, writer_close, writer_open
from _core.sys cimport (
    AT_FDCWD, AT_SYMLINK_NOFOLLOW, CLOCK_REALTIME_COARSE, LOCK_EX, LOCK_NB, MAP_ANONYMOUS, MAP_FAILED, MAP_SHARED,
    O_CLOEXEC, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_RDWR, PROT_READ, PROT_WRITE, S_ISDIR, SIGXFSZ, SIG_IGN,
    DIR, EINTR, EIO, c_signal, c__exit, c_close, c_closedir, c_flock, c_fork, c_fstat, c_fstatat, c_fsync, c_lstat,
    c_mmap, c_munmap, c_open, c_opendir, c_readdir, c_rename, c_unlink, c_utimensat, clock_gettime, clock_ns, dirent,
    errno, pid_t, stat_t, timespec, usable_cores, waitpid,
)

cdef enum:
    FIRST_BYTES = 8 << 20        # of all files; a larger project is worth a progress bar
    FIRST_SHARE = 192 << 10      # of one process: with fewer, another one costs more than it saves
    FIRST_PARTS = 8
    GENERATION = 1

cdef struct FirstPart:
    uint32_t begin, end          # files of the listing
    uint64_t n_bytes             # of these
    uint64_t id
    uint32_t n_files, n_chunks
    uint64_t total_len
    uint64_t depth
    bint built

cdef struct First:
    # All zeros is none.
    bint made                    # an index lies there under the name `manifest.new`
    int lock
    const char* root
    Bytes folder                 # of the index
    uint32_t n_parts
    FirstPart* parts             # shared with the processes that build all but the first one
    FileReport* reports
    size_t shared_n


cdef inline const char* _named(First* x, Bytes* out, uint64_t id, const char* leaf) noexcept nogil:
    """A file of this index, as `index_file` has it."""
    return index_file(out, x.folder.data, x.folder.len, id, leaf)


# ------------------------------------------------------------------------------------------------------------ lock

cdef inline bint _lock(First* x) noexcept nogil:
    """Becomes the writer of an index folder that holds nothing yet. False: it is not so."""
    cdef Bytes path
    cdef stat_t mine, there
    cdef DIR* entries
    cdef dirent* e
    cdef bint ok
    bytes_init(&path)
    bytes_add(&path, x.folder.data, x.folder.len)
    bytes_byte(&path, 0)
    ok = not path.failed and make_folders(<char*>path.data)
    if ok:
        x.lock = c_open(_named(x, &path, 0, b"lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        # Another writer is at work, or has just forgotten this folder: the runtime knows how to wait.
        ok = x.lock >= 0 and c_flock(x.lock, LOCK_EX | LOCK_NB) == 0 and c_fstat(x.lock, &mine) == 0 and c_lstat(
            <const char*>path.data, &there) == 0 and mine.st_ino == there.st_ino and mine.st_dev == there.st_dev
    if ok:
        entries = c_opendir(_named(x, &path, 0, b""))
        ok = entries != NULL
        while ok:
            e = c_readdir(entries)
            if e == NULL:
                break
            ok = strcmp(e.d_name, b".") == 0 or strcmp(e.d_name, b"..") == 0 or strcmp(e.d_name, b"lock") == 0
        if entries != NULL:
            c_closedir(entries)
    bytes_free(&path)
    return ok


# ---------------------------------------------------------------------------------------------------------- segments

cdef inline void _build(First* x, const Listing* l, int root_fd, FirstPart* part) noexcept nogil:
    """Reads and indexes the files of one part and writes their segment; `part.built` when all went well."""
    cdef Builder* b = <Builder*>malloc(sizeof(Builder))
    cdef Bytes path
    cdef uint32_t i
    cdef int error
    cdef const RankRecord* ranks
    cdef bint ok = b != NULL and builder_init(b)
    if ok:
        builder_expect(b, part.n_bytes)
        ok = not b.failed
    for i in range(part.begin, part.end):
        if not ok:
            break
        builder_file(b, root_fd, listing_path(l, (<const uint32_t*>l.files.data)[i]), DEFAULT_MAX_FILESIZE, False, 0,
                     &x.reports[i])
        ok = not b.failed
    if ok:
        part.n_files = <uint32_t>(b.file_chunks.len // 4)
        part.n_chunks = b.n_chunks
        part.total_len = b.total_len
        part.depth = 1 << 20
        ranks = <const RankRecord*>b.ranks.data
        for i in range(part.n_files):
            if ranks[i].depth < part.depth:
                part.depth = ranks[i].depth
        bytes_init(&path)
        part.built = part.n_files == 0 or builder_write(b, _named(x, &path, part.id, b".seg"), part.id, &error)
        bytes_free(&path)
    if b != NULL:
        builder_free(b)
    free(b)


cdef inline bint _build_parts(First* x, const Listing* l, int root_fd) noexcept nogil:
    """All parts, each but the first in a process of its own. False: a file or the memory was not to be had."""
    cdef uint32_t n = <uint32_t>(l.files.len // 4), i, k, cores = usable_cores()
    cdef const uint32_t* files = <const uint32_t*>l.files.data
    cdef uint64_t total = 0, done = 0
    cdef stat_t st
    cdef pid_t[FIRST_PARTS] children
    cdef int status
    cdef bint ok
    for i in range(n):
        if c_fstatat(root_fd, listing_path(l, files[i]), &st, AT_SYMLINK_NOFOLLOW) == 0:
            x.reports[i].size = <uint64_t>st.st_size if st.st_size <= DEFAULT_MAX_FILESIZE else 0
            total += x.reports[i].size
    if total > FIRST_BYTES:
        return False
    x.n_parts = <uint32_t>(total // FIRST_SHARE) + 1
    x.n_parts = x.n_parts if x.n_parts < cores else cores
    x.n_parts = x.n_parts if x.n_parts < FIRST_PARTS else FIRST_PARTS
    x.parts[0].id = <uint64_t>clock_ns(True)
    i = 0
    for k in range(x.n_parts):
        x.parts[k].id = x.parts[0].id + k
        x.parts[k].begin = i
        while i < n and (k + 1 == x.n_parts or done * x.n_parts < total * (k + 1)):
            done += x.reports[i].size
            x.parts[k].n_bytes += x.reports[i].size
            i += 1
        x.parts[k].end = i
    for k in range(1, x.n_parts):
        children[k] = c_fork()
        if children[k] == 0:
            _build(x, l, root_fd, &x.parts[k])
            c__exit(0)
    _build(x, l, root_fd, &x.parts[0])
    ok = x.parts[0].built
    for k in range(1, x.n_parts):
        while children[k] > 0 and waitpid(children[k], &status, 0) < 0 and errno == EINTR:
            pass
        ok = ok and x.parts[k].built  # not of one that could not be started
    return ok


# -------------------------------------------------------------------------------------------------- tree and manifest

cdef struct Entry:
    # What the tree will have at a path.
    uint32_t path        # in the listing's text
    TreeEntry tree

cdef struct Entries:
    Bytes all            # of Entry
    const uint8_t* text


cdef inline const char* _entry_path(const Entries* x, uint32_t i) noexcept nogil:
    return <const char*>x.text + (<const Entry*>x.all.data)[i].path


cdef inline bint _entry_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    return strcmp(_entry_path(<const Entries*>context, a), _entry_path(<const Entries*>context, b)) < 0


cdef inline bint _entries(First* x, const Listing* l, int root_fd, Entries* out) noexcept nogil:
    """An Entry for all that was listed. False: something unusual."""
    cdef Bytes* all = &out.all
    cdef const uint32_t* files = <const uint32_t*>l.files.data
    cdef const Listed* others = <const Listed*>l.others.data
    cdef const FileReport* r
    cdef const char* path
    cdef Entry e
    cdef stat_t st
    cdef size_t i, at
    for i in range(l.files.len // 4):
        r = &x.reports[i]
        path = listing_path(l, files[i])
        if r.status == FILE_GONE:
            continue
        if r.status == FILE_UNREADABLE or r.status == FILE_NO_MEMORY:
            return False
        if r.status == FILE_NOT_REGULAR:
            if c_fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0:
                return False
            if S_ISDIR(st.st_mode):  # git tracks it, as a submodule that is not there
                if not listing_has_folder(l, path, strlen(path)):
                    return False
                continue
            at = base_name(<const uint8_t*>path, strlen(path))
            if not listing_has_folder(l, path, at - 1 if at else 0):  # it may lie behind a link
                return False
        memset(&e, 0, sizeof(e))
        e.path = files[i]
        e.tree.size = r.size
        e.tree.mtime_ns = r.mtime_ns
        e.tree.content = r.content
        e.tree.kind = TREE_FILE if r.status == FILE_INDEXED else TREE_SKIPPED
        e.tree.why = <uint8_t>r.status  # 0 of an indexed file
        bytes_add(all, &e, sizeof(e))
    for i in range(l.others.len // sizeof(Listed)):
        memset(&e, 0, sizeof(e))
        e.path = others[i].path
        e.tree.size = others[i].size
        e.tree.mtime_ns = others[i].mtime_ns
        e.tree.kind = TREE_OUTSIDE if others[i].outside else TREE_FOLDER
        bytes_add(all, &e, sizeof(e))
    return not all.failed


cdef inline bint _write_tree(First* x, const Listing* l, int root_fd, const timespec* since) noexcept nogil:
    cdef timespec[2] times
    cdef Entries all
    cdef Bytes records, paths, path
    cdef uint32_t* order = NULL
    cdef uint32_t i, n, shared
    cdef const char* name
    cdef const char* before = b""
    cdef Entry* e
    cdef StoreWriter w
    cdef bint ok
    memset(&all, 0, sizeof(all))
    all.text = l.text.data
    bytes_init(&records)
    bytes_init(&paths)
    bytes_init(&path)
    ok = _entries(x, l, root_fd, &all)
    n = <uint32_t>(all.all.len // sizeof(Entry))
    if ok:
        order = <uint32_t*>malloc(<size_t>n * 4 + 4)
        ok = order != NULL
    if ok:
        for i in range(n):
            order[i] = i
        ok = sort_numbers(order, n, _entry_before, &all)
    if ok:
        for i in range(n):
            name = _entry_path(&all, order[i])
            if i and strcmp(name, before) == 0:
                continue  # the same file decides for two reasons
            shared = 0
            while name[shared] and name[shared] == before[shared]:
                shared += 1
            e = &(<Entry*>all.all.data)[order[i]]
            e.tree.shared = <uint16_t>shared
            e.tree.own = <uint16_t>(strlen(name) - shared)
            bytes_add(&records, &e.tree, sizeof(TreeEntry))
            bytes_add(&paths, name + shared, e.tree.own)
            before = name
        ok = not records.failed and not paths.failed
    if ok:
        writer_open(&w, _named(x, &path, GENERATION, b".tree"), b"tree", GENERATION, 2)
        writer_array(&w, b"entries", b"tree", sizeof(TreeEntry))
        writer_add(&w, records.data, records.len)
        writer_array(&w, b"paths", b"|u1", 1)
        writer_add(&w, paths.data, paths.len)
        ok = writer_close(&w, False)
        times[0] = times[1] = since[0]
        ok = ok and c_utimensat(AT_FDCWD, <const char*>path.data, times, 0) == 0
    free(order)
    bytes_free(&all.all)
    bytes_free(&records)
    bytes_free(&paths)
    bytes_free(&path)
    return ok


cdef inline bint _write_manifest(First* x) noexcept nogil:
    cdef uint64_t[4] stats
    cdef SegmentEntry s
    cdef Bytes path, options
    cdef StoreWriter w
    cdef const FirstPart* p
    cdef uint32_t i
    cdef bint ok
    bytes_init(&path)
    bytes_init(&options)
    bytes_str(&options, b"{\"asked\": 0, \"attributes\": \"\", \"include_secrets\": 0, \"max_filesize\": ")
    bytes_uint(&options, DEFAULT_MAX_FILESIZE)
    bytes_byte(&options, 125)
    memset(stats, 0, sizeof(stats))
    stats[3] = 1 << 20
    writer_open(&w, _named(x, &path, 0, b"manifest.new"), b"manifest", GENERATION, 5)
    writer_array(&w, b"segments", b"segment", sizeof(SegmentEntry))
    for i in range(x.n_parts):
        p = &x.parts[i]
        if p.n_files == 0:
            continue
        memset(&s, 0, sizeof(s))
        s.id = p.id
        s.n_files = p.n_files
        s.n_chunks = p.n_chunks
        s.deleted = NOT_DELETED
        writer_add(&w, &s, sizeof(s))
        stats[0] += p.n_chunks
        stats[1] += p.total_len
        stats[2] += p.n_files
        stats[3] = p.depth if p.depth < stats[3] else stats[3]
    if stats[2] == 0:
        stats[3] = 0
    writer_array(&w, b"deleted", b"|u1", 1)
    writer_array(&w, b"stats", b"<u8", 8)
    writer_add(&w, stats, sizeof(stats))
    writer_array(&w, b"root", b"|u1", 1)
    writer_add(&w, x.root, strlen(x.root))
    writer_array(&w, b"options", b"|u1", 1)
    writer_add(&w, options.data, options.len)
    ok = writer_close(&w, False) and not options.failed
    bytes_free(&options)
    bytes_free(&path)
    return ok


# ---------------------------------------------------------------------------------------------------------- the whole

cdef inline bint _each_file(First* x, bint (*act)(const char*) noexcept nogil) noexcept nogil:
    """`act` with each file that was written, the manifest last."""
    cdef Bytes path
    cdef uint32_t i
    cdef bint ok = True
    bytes_init(&path)
    for i in range(x.n_parts):
        if x.parts[i].n_files:
            ok = act(_named(x, &path, x.parts[i].id, b".seg")) and ok
    ok = act(_named(x, &path, GENERATION, b".tree")) and ok
    ok = act(_named(x, &path, 0, b"manifest.new")) and ok
    bytes_free(&path)
    return ok


cdef inline bint _removed(const char* path) noexcept nogil:
    c_unlink(path)
    return True


cdef inline bint _synced(const char* path) noexcept nogil:
    cdef int fd = c_open(path, O_RDONLY | O_CLOEXEC)
    cdef bint ok = fd >= 0 and c_fsync(fd) == 0
    if fd >= 0:
        c_close(fd)
    return ok


cdef inline bint _merge(First* x) noexcept nogil:
    """One segment instead of several, and a manifest that names it. False: a file could not be written."""
    cdef Segment[FIRST_PARTS] segments
    cdef Segment* inputs[FIRST_PARTS]
    cdef const uint8_t* deleted[FIRST_PARTS]
    cdef Bytes path
    cdef uint64_t id = x.parts[0].id + FIRST_PARTS
    cdef uint32_t i, n = 0
    cdef int error
    cdef bint ok = True
    bytes_init(&path)
    for i in range(x.n_parts):
        if x.parts[i].n_files and ok:
            ok = segment_open(&segments[n], _named(x, &path, x.parts[i].id, b".seg"), False) == STORE_OK
            inputs[n] = &segments[n]
            deleted[n] = NULL
            n += ok
    if ok and n > 1:
        ok = merge_segments(inputs, deleted, n, _named(x, &path, id, b".seg"), id, &error) == MERGE_OK
        if not ok:
            c_unlink(<const char*>path.data)
    for i in range(n):
        segment_close(&segments[i])
    if not ok or n < 2:
        bytes_free(&path)
        return ok
    for i in range(x.n_parts):
        c_unlink(_named(x, &path, x.parts[i].id, b".seg"))
        if i:
            x.parts[0].n_files += x.parts[i].n_files
            x.parts[0].n_chunks += x.parts[i].n_chunks
            x.parts[0].total_len += x.parts[i].total_len
            if x.parts[i].depth < x.parts[0].depth:
                x.parts[0].depth = x.parts[i].depth
    x.parts[0].id = id
    x.n_parts = 1
    c_unlink(_named(x, &path, 0, b"manifest.new"))
    bytes_free(&path)
    return _write_manifest(x)


cdef inline void _end(First* x) noexcept nogil:
    if x.lock >= 0:
        c_close(x.lock)
    if x.parts != NULL:
        c_munmap(x.parts, x.shared_n)
    x.parts = NULL
    x.made = False


cdef inline bint _below(const char* root, const Bytes* folder) noexcept nogil:
    """The index would lie in the project itself, as far as its path tells."""
    cdef size_t n = strlen(root)
    return folder.data[0] != 47 or (folder.len > n and same_bytes(folder.data, root, n) and folder.data[n] == 47)


cdef inline bint first_index(First* x, const char* root, const Bytes* folder) noexcept nogil:
    """Builds the index of the project at `root`, its real path, in `folder`, which has none, under the name
    `manifest.new`; `first_keep` must follow. False: nothing was done, the runtime has to do it."""
    cdef Listing l
    cdef timespec since
    cdef int root_fd
    cdef void* shared
    cdef bint ok
    memset(&l, 0, sizeof(l))
    clock_gettime(CLOCK_REALTIME_COARSE, &since)
    x.root = root
    x.folder = folder[0]
    x.parts = NULL
    x.lock = -1
    root_fd = c_open(root, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    if root_fd < 0:
        return False
    c_signal(SIGXFSZ, SIG_IGN)  # a limit on the size of files is a write that fails
    ok = not _below(root, folder)
    if ok:
        list_project(&l, root, root_fd)
    ok = ok and not l.unusual and _lock(x)
    if ok:
        x.shared_n = FIRST_PARTS * sizeof(FirstPart) + l.files.len // 4 * sizeof(FileReport)
        shared = c_mmap(NULL, x.shared_n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        ok = shared != MAP_FAILED
    if ok:
        x.parts = <FirstPart*>shared
        x.reports = <FileReport*>(x.parts + FIRST_PARTS)
        x.made = _build_parts(x, &l, root_fd) and _write_tree(x, &l, root_fd, &since) and _write_manifest(x)
        if not x.made:
            _each_file(x, _removed)
    if not x.made:
        _end(x)
    listing_free(&l)
    c_close(root_fd)
    return x.made


cdef inline int first_keep(First* x) noexcept nogil:
    """Makes the index durable and gives it its name: 0, or it is gone again and the errno says why."""
    cdef Bytes old, new
    cdef bint ok
    cdef int error = 0
    bytes_init(&old)
    bytes_init(&new)
    ok = _merge(x) and _each_file(x, _synced)
    ok = ok and c_rename(_named(x, &old, 0, b"manifest.new"), _named(x, &new, 0, b"manifest")) == 0
    ok = ok and _synced(_named(x, &new, 0, b""))
    if not ok:
        error = errno if errno else EIO
        _each_file(x, _removed)
    bytes_free(&old)
    bytes_free(&new)
    _end(x)
    return error
