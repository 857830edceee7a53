# cython: language_level=3
"""The best k chunks met so far: a binary heap with the worst one on top. Ties stand in order of path, then line."""
from libc.stdint cimport uint8_t, uint32_t, int32_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcmp
from _core.index cimport Index
from _core.segment cimport FileRecord, segment_file, segment_chunk_file

cdef struct Hit:
    int32_t score   # in 1 / SCALE, see score.pxd
    uint32_t segment
    uint32_t chunk

cdef struct TopK:
    Hit* heap       # heap[0] is the worst of those kept
    uint32_t n
    uint32_t k


cdef inline bint top_init(TopK* t, uint32_t k) noexcept nogil:
    t.n = 0
    t.k = k
    t.heap = <Hit*>malloc(<size_t>k * sizeof(Hit) + sizeof(Hit))
    return t.heap != NULL


cdef inline void top_free(TopK* t) noexcept nogil:
    free(t.heap)
    t.heap = NULL


cdef inline int path_order(Index* x, uint32_t sa, uint32_t fa, uint32_t sb, uint32_t fb) noexcept nogil:
    """Bytewise comparison of two files' paths: negative, 0, positive."""
    cdef const FileRecord* a
    cdef const FileRecord* b
    cdef int c
    if sa == sb:
        return -1 if fa < fb else <int>(fa > fb)  # files of a segment stand by path
    a = segment_file(&x.segments[sa], fa)
    b = segment_file(&x.segments[sb], fb)
    if a == NULL or b == NULL:
        return 0
    c = memcmp(x.segments[sa].paths + a.path, x.segments[sb].paths + b.path,
               a.path_len if a.path_len < b.path_len else b.path_len)
    return c if c else <int>a.path_len - <int>b.path_len


cdef inline bint hit_before(Index* x, const Hit* a, const Hit* b) noexcept nogil:
    """True when `a` is the better one."""
    cdef int c
    if a.score != b.score:
        return a.score > b.score
    if a.segment == b.segment:
        return a.chunk < b.chunk
    c = path_order(x, a.segment, segment_chunk_file(&x.segments[a.segment], a.chunk),
                   b.segment, segment_chunk_file(&x.segments[b.segment], b.chunk))
    return c < 0


cdef inline int32_t top_threshold(const TopK* t) noexcept nogil:
    """A score below this one cannot enter."""
    return t.heap[0].score if t.n == t.k else 0


cdef inline void _sink(TopK* t, Index* x, uint32_t i) noexcept nogil:
    cdef Hit h = t.heap[i]
    cdef uint32_t c
    while 2 * i + 1 < t.n:
        c = 2 * i + 1
        if c + 1 < t.n and hit_before(x, &t.heap[c], &t.heap[c + 1]):
            c += 1
        if not hit_before(x, &h, &t.heap[c]):
            break
        t.heap[i] = t.heap[c]
        i = c
    t.heap[i] = h


cdef inline void top_push(TopK* t, Index* x, int32_t score, uint32_t segment, uint32_t chunk) noexcept nogil:
    """Offers a chunk; keeps it when fewer than k are held or it stands before the worst."""
    cdef Hit h
    cdef uint32_t i
    h.score = score
    h.segment = segment
    h.chunk = chunk
    if t.n < t.k:
        i = t.n
        t.n += 1
        while i and hit_before(x, &t.heap[(i - 1) // 2], &h):
            t.heap[i] = t.heap[(i - 1) // 2]
            i = (i - 1) // 2
        t.heap[i] = h
    elif t.k and hit_before(x, &h, &t.heap[0]):
        t.heap[0] = h
        _sink(t, x, 0)


cdef inline void top_sort(TopK* t, Index* x) noexcept nogil:
    """heap[0:n] best first (heap sort); nothing can be pushed afterwards."""
    cdef uint32_t n = t.n, _i
    cdef Hit h
    for _i in range(n - 1 if n else 0):
        t.n -= 1
        h = t.heap[t.n]
        t.heap[t.n] = t.heap[0]
        t.heap[0] = h
        _sink(t, x, 0)
    t.n = n
