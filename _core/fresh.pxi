# Part of engine.pyx: what keeping an index fresh asks of the engine.
from _core.deletions cimport Live, segment_find, segment_live, NO_FILE
from _core.tree cimport TreeChange, TreeReader, tree_next, tree_open, tree_patch, tree_wanted

cdef extern from "<sys/inotify.h>" nogil:
    int c_inotify_init "inotify_init1"(int)
    int c_inotify_add "inotify_add_watch"(int, const char*, uint32_t)
    int c_inotify_remove "inotify_rm_watch"(int, int)
    int _IN_NONBLOCK "IN_NONBLOCK"
    int _IN_CLOEXEC "IN_CLOEXEC"
    cdef struct inotify_event:
        int wd
        uint32_t mask
        uint32_t cookie
        uint32_t len
        char* name


# ------------------------------------------------------------------------------------------------------- deletions

def live(bytes path, deleted, bint check=True) -> tuple:
    """(files, chunks, sum of lengths, depth of the shallowest file, bitmap of deleted chunks) of a segment without the
    files of the bitmap `deleted` (None: none). `check`: the whole segment is verified first, not only what is counted.
    """
    cdef Segment s
    cdef Live found
    cdef bint ok
    cdef const uint8_t* bits = NULL
    cdef uint8_t* gone
    _raise_store(segment_open(&s, path, False), path)
    try:
        if deleted is not None:
            if len(deleted) < (s.n_files + 7) // 8:
                raise ValueError("the bitmap is too short")
            bits = <const uint8_t*><bytes>deleted
        chunks = bytearray((s.n_chunks + 7) // 8)
        gone = <uint8_t*><char*>chunks
        with nogil:
            ok = not check or _store.store_check(&s.store)
            ok = ok and segment_live(&s, bits, gone, &found)
        if not ok:
            raise DamagedError(f"{os.fsdecode(path)} is damaged")
        return found.files, found.chunks, found.length, found.depth, bytes(chunks)
    finally:
        segment_close(&s)


def find_files(bytes path, paths) -> list:
    """The numbers of those of `paths` that are files of the segment, deleted or not."""
    cdef Segment s
    cdef uint32_t f
    _raise_store(segment_open(&s, path, False), path)
    try:
        found = []
        for name in paths:
            f = segment_find(&s, <const uint8_t*><bytes>name, len(name))
            if f != NO_FILE:
                found.append(f)
        if s.store.damaged:
            raise DamagedError(f"{os.fsdecode(path)} is damaged")
        return found
    finally:
        segment_close(&s)


# ------------------------------------------------------------------------------------------------------------ trees

cdef uint64_t* _hashes(paths) except NULL:
    """XXH64 of each path, ascending, in memory to be freed."""
    cdef uint64_t* out = <uint64_t*>malloc(8 * len(paths) + 8)
    if out == NULL:
        raise MemoryError
    for i, h in enumerate(sorted(hash64(path) for path in paths)):
        out[i] = h
    return out


def tree_paths(bytes path, int kind) -> list:
    """The paths of a tree file's entries of one kind (see TreeKind)."""
    cdef TreeReader* t = <TreeReader*>malloc(sizeof(TreeReader))
    if t == NULL:
        raise MemoryError
    try:
        _raise_store(tree_open(t, path), path)
        try:
            out = []
            while tree_next(t):
                if t.entries[t.at - 1].kind == kind:
                    out.append(PyBytes_FromStringAndSize(<char*>t.path, t.path_n))
            if t.store.damaged:
                raise DamagedError(f"{os.fsdecode(path)} is damaged")
            return out
        finally:
            _store.store_close(&t.store)
    finally:
        free(t)


def tree_entries(bytes path, folders=(), below=()) -> list:
    """[(path, size, mtime_ns, content, kind, why)] of a tree file, by path: the entries that are one of `folders` or
    lie directly in one, and those anywhere below one of `below`; none with an absolute path."""
    cdef TreeReader* t = <TreeReader*>malloc(sizeof(TreeReader))
    cdef uint64_t* some = NULL
    cdef uint64_t* deep = NULL
    cdef size_t n = len(folders), m = len(below)
    cdef bint more
    cdef const _index.TreeEntry* e
    if t == NULL:
        raise MemoryError
    try:
        _raise_store(tree_open(t, path), path)
        try:
            some = _hashes(folders)
            deep = _hashes(below)
            out = []
            while True:
                with nogil:
                    more = tree_next(t)
                    while more and not tree_wanted(t, some, n, deep, m):
                        more = tree_next(t)
                if not more:
                    break
                e = &t.entries[t.at - 1]
                out.append((PyBytes_FromStringAndSize(<char*>t.path, t.path_n), e.size, e.mtime_ns, e.content, e.kind,
                            e.why))
            if t.store.damaged:
                raise DamagedError(f"{os.fsdecode(path)} is damaged")
            return out
        finally:
            _store.store_close(&t.store)
    finally:
        free(t)
        free(some)
        free(deep)


def patch_tree(bytes old, bytes path, uint64_t serial, changes, bint sync=True) -> None:
    """Writes the tree file `old` with changes as a new one: path -> (size, mtime_ns, content, kind, why), or None for
    an entry that goes. Raises OSError and DamagedError; the new file must then be removed."""
    cdef TreeReader* t = <TreeReader*>malloc(sizeof(TreeReader))
    cdef TreeChange* c = <TreeChange*>calloc(len(changes) + 1, sizeof(TreeChange))
    cdef size_t n = 0
    cdef int error = 0
    cdef bint ok
    cdef const char* to = path
    names = sorted(changes)
    try:
        if t == NULL or c == NULL:
            raise MemoryError
        for name in names:
            if len(name) >= 4096:
                raise ValueError("a path is too long")
            c[n].path = <const uint8_t*><bytes>name
            c[n].path_n = len(name)
            entry = changes[name]
            if entry is None:
                c[n].gone = True
            else:
                (c[n].entry.size, c[n].entry.mtime_ns, c[n].entry.content, c[n].entry.kind, c[n].entry.why) = entry
            n += 1
        _raise_store(tree_open(t, old), old)
        try:
            with nogil:
                ok = tree_patch(t, to, serial, c, n, sync, &error)
            if not ok and error:
                raise OSError(error, os.strerror(error), os.fsdecode(path))
            if not ok:
                raise DamagedError(f"{os.fsdecode(old)} is damaged")
        finally:
            _store.store_close(&t.store)
    finally:
        free(t)
        free(c)


# ---------------------------------------------------------------------------------------------------------- inotify

def inotify_open() -> int:
    """A new inotify instance, not blocking. Raises OSError: EMFILE when the user has too many."""
    cdef int fd = c_inotify_init(_IN_NONBLOCK | _IN_CLOEXEC)
    if fd < 0:
        raise OSError(errno, os.strerror(errno))
    return fd


def inotify_add(int fd, bytes path, uint32_t mask) -> int:
    """Watches a path; the number of the watch. Raises OSError: ENOSPC when the user has too many."""
    cdef int wd = c_inotify_add(fd, path, mask)
    if wd < 0:
        raise OSError(errno, os.strerror(errno), os.fsdecode(path))
    return wd


def inotify_remove(int fd, int wd) -> bool:
    """Ends a watch; False when it had ended by itself."""
    return c_inotify_remove(fd, wd) == 0


def inotify_events(bytes data) -> list:
    """[(watch, mask, name)] of what was read from an instance; the name is empty when the watched path itself is meant.
    """
    cdef const char* p = data
    cdef const inotify_event* e
    cdef size_t n = len(data), at = 0
    out = []
    while n - at >= sizeof(inotify_event):
        e = <const inotify_event*>(p + at)
        at += sizeof(inotify_event)
        if e.len > n - at:
            break
        out.append((e.wd, e.mask, (p + at)[:e.len].rstrip(b"\0") if e.len else b""))
        at += e.len
    return out
