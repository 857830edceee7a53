# cython: language_level=3
"""Which files and chunks a search may show. Asked inside retrieval, only for what would enter the list, once a file."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memset
from _core.glob cimport path_glob
from _core.index cimport Index, SEGMENTS_MAX
from _core.merge cimport bit
from _core.segment cimport (
    FileRecord, RankRecord, ChunkRecord, segment_file, segment_path, segment_rank, segment_chunk,
    segment_chunk_file, FILE_TEST,
)

cdef enum:
    GLOBS_MAX = 64
    PLACES_MAX = 256

cdef struct Slice:
    const uint8_t* at
    uint32_t len

cdef struct Filter:
    bint active                   # any of what follows is set
    bint no_tests
    bint includes                 # a glob has no `!`: what none matches is left out
    uint32_t kinds                # bit set; 0: any
    uint64_t[4] languages         # bit set of allowed ones; all zero: any
    uint64_t[4] not_languages
    uint32_t n_globs
    uint32_t n_places
    uint8_t* known[SEGMENTS_MAX]  # a file: 0 not looked at, 1 shown, 2 left out
    Slice[GLOBS_MAX] globs        # as given; `!` in front excludes; the last one that matches decides
    Slice[PLACES_MAX] places      # files or folders, relative to the root, without a slash at the end; empty: the root


cdef inline void filter_free(Filter* f) noexcept nogil:
    cdef int i
    for i in range(SEGMENTS_MAX):
        free(f.known[i])
        f.known[i] = NULL


cdef inline bint _globs(const Filter* f, const uint8_t* path, uint32_t n) noexcept nogil:
    cdef uint32_t i
    cdef const Slice* g
    cdef bint out
    for i in range(f.n_globs, 0, -1):
        g = &f.globs[i - 1]
        out = g.len > 0 and g.at[0] == 33
        if path_glob(g.at + out, g.len - out, path, n):
            return not out
    return not f.includes


cdef inline bint _file_passes(const Filter* f, const FileRecord* file, const RankRecord* r,
                              const uint8_t* path) noexcept nogil:
    cdef uint32_t i
    cdef const Slice* s
    cdef bint inside
    if f.no_tests and r.flags & FILE_TEST:
        return False
    if (f.languages[0] | f.languages[1] | f.languages[2] | f.languages[3]) and not (
            f.languages[r.language >> 6] >> (r.language & 63)) & 1:
        return False
    if (f.not_languages[r.language >> 6] >> (r.language & 63)) & 1:
        return False
    if f.n_places:
        inside = False
        for i in range(f.n_places):
            s = &f.places[i]
            if s.len == 0 or (file.path_len >= s.len and memcmp(path, s.at, s.len) == 0
                              and (file.path_len == s.len or path[s.len] == 47)):
                inside = True
                break
        if not inside:
            return False
    return f.n_globs == 0 or _globs(f, path, file.path_len)


cdef inline bint filter_file(Filter* f, Index* x, uint32_t segment, uint32_t file) noexcept nogil:
    """May the file be shown? Deleted files never."""
    cdef const FileRecord* r
    cdef const RankRecord* rank
    cdef const uint8_t* path
    cdef uint8_t* known
    cdef bint ok
    if bit(x.deleted_files[segment], file):
        return False
    if not f.active:
        return True
    known = f.known[segment]
    if known == NULL:
        known = f.known[segment] = <uint8_t*>calloc(x.segments[segment].n_files + 1, 1)
    if known != NULL and known[file]:
        return known[file] == 1
    r = segment_file(&x.segments[segment], file)
    rank = segment_rank(&x.segments[segment], file)
    if r == NULL or rank == NULL:
        return False
    path = segment_path(&x.segments[segment], r)
    if path == NULL:
        return False
    ok = _file_passes(f, r, rank, path)
    if known != NULL:
        known[file] = 1 if ok else 2
    return ok


cdef inline bint filter_chunk(Filter* f, Index* x, uint32_t segment, uint32_t chunk) noexcept nogil:
    """May the chunk be shown?"""
    cdef const ChunkRecord* c
    if bit(x.deleted_chunks[segment], chunk):
        return False
    if not f.active:
        return True
    if f.kinds:
        c = segment_chunk(&x.segments[segment], chunk)
        if c == NULL or not c.kinds & f.kinds:
            return False
    return filter_file(f, x, segment, segment_chunk_file(&x.segments[segment], chunk))
