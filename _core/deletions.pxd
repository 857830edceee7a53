# cython: language_level=3
"""What is left of a segment when some of its files are deleted, and which numbers files have."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcmp
from _core.impacts cimport code_length
from _core.merge cimport bit
from _core.segment cimport (
    Segment, FileRecord, RankRecord, segment_file, segment_file_chunks, segment_path, segment_rank,
)
from _core.store cimport store_touch

cdef enum:
    NO_FILE = 0xFFFFFFFF

cdef struct Live:
    uint64_t files, chunks
    uint64_t length          # sum of the chunks' lengths
    uint64_t depth           # of the shallowest file; DEPTHLESS without files

cdef enum:
    DEPTHLESS = 1 << 20


cdef inline bint segment_live(Segment* s, const uint8_t* deleted, uint8_t* gone, Live* out) noexcept nogil:
    """Counts what is not in the bitmap `deleted` of files (NULL: all), and sets in `gone`, zeros for every chunk, the
    bits of the chunks that are. False when damaged; only what is counted is verified."""
    cdef const RankRecord* r
    cdef uint32_t f, c, first, end
    out.files = out.chunks = out.length = 0
    out.depth = DEPTHLESS
    if not store_touch(&s.store, s.chunk_len, s.n_chunks):
        return False
    for f in range(s.n_files):
        r = segment_rank(s, f)
        if r == NULL or not segment_file_chunks(s, f, &first, &end):
            return False
        if bit(deleted, f):
            for c in range(first, end):
                gone[c >> 3] |= 1 << (c & 7)
            continue
        out.files += 1
        out.chunks += end - first
        for c in range(first, end):
            out.length += code_length(s.chunk_len[c])
        if r.depth < out.depth:
            out.depth = r.depth
    return True


cdef inline uint32_t segment_find(Segment* s, const uint8_t* path, size_t n) noexcept nogil:
    """The number of the file with that path, by bisection (files ascend by path); NO_FILE when there is none or the
    segment is damaged."""
    cdef uint32_t lo = 0, hi = s.n_files, mid
    cdef const FileRecord* f
    cdef const uint8_t* p
    cdef size_t m
    cdef int c
    while lo < hi:
        mid = (lo + hi) // 2
        f = segment_file(s, mid)
        p = segment_path(s, f) if f != NULL else NULL
        if p == NULL:
            return NO_FILE
        m = f.path_len
        c = memcmp(p, path, m if m < n else n)
        if c == 0 and m == n:
            return mid
        if c < 0 or (c == 0 and m < n):
            lo = mid + 1
        else:
            hi = mid
    return NO_FILE
