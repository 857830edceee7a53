# cython: language_level=3
"""A piece of a source file as it is now, if it is still what was indexed.

The index keeps no source. What is shown or verified is read from the file, and only when size and time are those of the
index, or the content still has the same hash. A file in UTF-16 and a notebook are decoded whole: offsets are those of
the text that comes out.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove
from _core.base cimport Bytes, bytes_free, bytes_init, bytes_reserve
from _core.builder cimport last_name
from _core.content cimport ENCODING_BYTES, ENCODING_NOTEBOOK, utf16_to_utf8
from _core.hash cimport hash64
from _core.index cimport Index
from _core.languages cimport LANG_BITS, LANG_SHIFT, notebook_of
from _core.notebook cimport notebook_text
from _core.segment cimport (
    Segment, FileRecord, ChunkRecord, Def, Defs, defs_open, defs_next, one_file, one_path, one_chunk,
    segment_file_chunks, segment_chunk_file,
)
from _core.sys cimport (
    stat_t, open_below, c_close, c_fstat, pread_all, mtime_ns, PATH_BYTES, O_RDONLY, O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK,
    S_ISREG,
)

cdef enum SourceStatus:
    SOURCE_OK = 0
    SOURCE_CHANGED = 1    # the file is gone, unreadable or other than what was indexed
    SOURCE_DAMAGED = 2
    SOURCE_MEMORY = 3


cdef inline bint is_notebook(const FileRecord* f) noexcept nogil:
    return f.zero & LANG_BITS == ENCODING_NOTEBOOK


cdef inline int outline_language(const FileRecord* f, int language) noexcept nogil:
    """By what the outline scanner knows the language of a file that is recorded with `language`."""
    return notebook_of(f.zero >> LANG_SHIFT) if is_notebook(f) else language


cdef inline uint32_t source_end(const FileRecord* f) noexcept nogil:
    """The offset to read to for the rest of the file."""
    return <uint32_t>f.size if f.zero == ENCODING_BYTES else 0xFFFFFFFFU


cdef inline int _decoded(int fd, const FileRecord* f, bint verify, uint32_t start, uint32_t end, Bytes* out,
                         uint8_t* parent, uint32_t parent_at, uint32_t parent_len) noexcept nogil:
    """`source_read` of a file that is decoded; `verify`: by its hash."""
    cdef Bytes raw
    cdef int status = SOURCE_MEMORY, language
    cdef bint ok
    bytes_init(&raw)
    if bytes_reserve(&raw, f.size + 1):
        status = SOURCE_CHANGED
        if pread_all(fd, raw.data, f.size, 0) and not (verify and hash64(raw.data, f.size) != f.content):
            if is_notebook(f):
                ok = notebook_text(raw.data, f.size, out, &language)
            else:
                ok = utf16_to_utf8(raw.data, f.size, f.zero, out)
            status = SOURCE_OK if ok else SOURCE_MEMORY
    bytes_free(&raw)
    if status != SOURCE_OK:
        return status
    if end > out.len:
        end = <uint32_t>out.len
    # Size and time alone do not prove that the offsets are within what was read.
    if start > end or <uint64_t>parent_at + parent_len > out.len:
        return SOURCE_CHANGED
    if parent_len:
        memcpy(parent, out.data + parent_at, parent_len)
    memmove(out.data, out.data + start, end - start)
    out.len = end - start
    return SOURCE_OK


cdef inline int source_read(Index* x, const FileRecord* f, const uint8_t* path, uint32_t start, uint32_t end,
                            Bytes* out,
                            uint8_t* parent, uint32_t parent_at, uint32_t parent_len) noexcept nogil:
    """Bytes [start, end) of the file into `out`, and the enclosing name: a SourceStatus."""
    cdef char[PATH_BYTES] name
    cdef stat_t st
    cdef int fd
    cdef int status = SOURCE_CHANGED
    if f.path_len >= PATH_BYTES or x.root_fd < 0:
        return SOURCE_CHANGED
    memcpy(name, path, f.path_len)
    name[f.path_len] = 0
    fd = open_below(x.root_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if fd < 0:
        return SOURCE_CHANGED
    out.len = 0
    if c_fstat(fd, &st) == 0 and S_ISREG(st.st_mode) and <uint64_t>st.st_size == f.size:
        status = SOURCE_OK
        if f.zero != ENCODING_BYTES:
            status = _decoded(fd, f, f.mtime_ns == 0 or mtime_ns(&st) != f.mtime_ns, start, end, out,
                              parent, parent_at, parent_len)
            c_close(fd)
            return status
        if f.mtime_ns == 0 or mtime_ns(&st) != f.mtime_ns:
            # Touched, or too young to tell when it was indexed: only the content can say.
            status = SOURCE_MEMORY
            if bytes_reserve(out, f.size + 1):
                status = SOURCE_CHANGED
                if pread_all(fd, out.data, f.size, 0) and hash64(out.data, f.size) == f.content:
                    status = SOURCE_OK
    if status == SOURCE_OK and parent_len and not pread_all(fd, parent, parent_len, parent_at):
        status = SOURCE_CHANGED
    if status == SOURCE_OK:
        if not bytes_reserve(out, <size_t>(end - start) + 1):
            status = SOURCE_MEMORY
        elif not pread_all(fd, out.data, end - start, start):
            status = SOURCE_CHANGED
        else:
            out.len = end - start
    c_close(fd)
    return status


cdef inline bint _holds(const uint8_t* name, uint32_t n, const uint8_t* part, uint32_t m) noexcept nogil:
    """Whether a part of the name is `part`, the size of letters of ASCII aside."""
    cdef uint32_t i, k
    cdef uint8_t a, b
    for i in range(n - m + 1 if n >= m else 0):
        for k in range(m):
            a = name[i + k]
            b = part[k]
            if a != b and ((a | 32) != (b | 32) or not 97 <= (a | 32) <= 122):
                break
        else:
            return True
    return False


cdef inline bint source_defines(Index* x, uint32_t segment, uint32_t chunk, const uint8_t* name, uint32_t n, bint part,
                                Bytes* work, int* kind, uint32_t* reads) noexcept nogil:
    """Does the chunk define exactly this name, or one whose last component it is, or (`part`) one that it is a part of?
    `kind` of the first that does.

    The records tell by the length of the names which are worth reading; only then is the file opened, and `reads`
    counts it."""
    cdef Segment* s = &x.segments[segment]
    cdef Defs d
    cdef Def def_
    cdef const FileRecord* f
    cdef const ChunkRecord* c
    cdef const uint8_t* path
    cdef uint32_t file, end, at, line
    cdef bint worth = False
    if not defs_open(s, chunk, &d):
        return False
    while defs_next(s, &d, &def_) == 1:
        worth |= def_.name_len >= n
    if not worth:
        return False
    reads[0] += 1
    file = segment_chunk_file(s, chunk)
    f = one_file(s, file)
    c = one_chunk(s, chunk)
    if f == NULL or c == NULL:
        return False
    end = source_end(f)
    if not segment_file_chunks(s, file, &at, &line):
        return False
    if chunk + 1 < line:
        end = c[1].start
    path = one_path(s, f)
    if path == NULL or end < c.start or source_read(x, f, path, c.start, end, work, NULL, 0, 0) != SOURCE_OK:
        return False
    if not defs_open(s, chunk, &d):
        return False
    line = c.line
    at = 0
    while defs_next(s, &d, &def_) == 1:
        while line < def_.line and at < work.len:
            line += work.data[at] == 10
            at += 1
        if def_.name_len < n or <uint64_t>at + def_.column + def_.name_len > work.len:
            continue
        if part:
            if _holds(work.data + at + def_.column, def_.name_len, name, n):
                kind[0] = def_.kind
                return True
            continue
        end = at + def_.column + def_.name_len - n
        if memcmp(work.data + end, name, n) == 0 and (
                def_.name_len == n or last_name(work.data + end + n - def_.name_len,
                                                def_.name_len) == def_.name_len - n):
            kind[0] = def_.kind
            return True
    return False
