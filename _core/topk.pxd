# cython: language_level=3
"""The best k chunks met so far, in no order, among some that are not. Ties stand in order of path, then line.

Chunks are collected, and now and then the best k of them selected (Hoare, "Algorithm 65: Find", 1961): a few steps for
each one met, where a heap takes a dozen for each one kept. When k is small, the best k scores stand in order beside
them: what a chunk must reach is known at once, and where a score goes is counted without a branch.

A list can be narrower than k (`top_narrow`): of the chunks that nothing lowers, `sure` stay in any case, and whatever
is worse than these stays only with a share of the best one's score. Tests and examples do not count among them, since
ranking puts their files behind others."""
from libc.stdint cimport uint8_t, uint32_t, int32_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcmp, memmove, memset
from _core.index cimport Index
from _core.segment cimport (
    FILE_EXAMPLE, FILE_TEST, FileRecord, RankRecord, segment_chunk_file, segment_file, segment_path, segment_rank,
)
from _core.sort cimport sort_numbers

cdef enum:
    COUNTED = 128   # k up to which scores are kept in order
    SHARES = 256    # what shares are counted in

cdef struct Hit:
    int32_t score   # in 1 / SCALE, see cursor.pxd
    uint32_t segment
    uint32_t chunk

cdef struct TopK:
    Hit* items
    uint32_t n
    uint32_t k
    uint32_t cut      # the best k are selected when there are so many
    uint32_t room
    int32_t least     # of the best k (when k is large, of those selected last), or more; a score below it cannot enter
    uint32_t sure     # of a narrower list; 0: it is none
    uint32_t share    # in 1 / SHARES
    int32_t[COUNTED] clear   # the best `sure` scores of chunks that nothing lowers
    int32_t[COUNTED] scores  # when k is small: the best k, best first, 0 where there are fewer


cdef inline bint top_init(TopK* t, uint32_t k) noexcept nogil:
    """For the best k, one or more. False: no memory."""
    t.n = 0
    t.k = k
    t.room = 2 * k + 64
    t.cut = k if k > COUNTED else t.room
    t.least = 0
    t.sure = t.share = 0
    memset(t.scores, 0, sizeof(t.scores))
    t.items = <Hit*>malloc(<size_t>t.room * sizeof(Hit))
    return t.items != NULL


cdef inline void top_narrow(TopK* t, uint32_t sure, double share) noexcept nogil:
    """Of an empty list: what reaches neither the `sure`-th best of what nothing lowers nor that share of the best of
    it does not stay. A share of 0 changes nothing, nor do so many that k is large."""
    if share <= 0 or sure == 0 or t.k > COUNTED:
        return
    t.sure = sure if sure < COUNTED else COUNTED
    t.share = <uint32_t>(share * SHARES)
    memset(t.clear, 0, sizeof(t.clear))


cdef inline uint32_t top_kept(const TopK* t) noexcept nogil:
    """About how many stay."""
    return 3 * t.sure // 2 if t.sure else t.k


cdef inline void top_free(TopK* t) noexcept nogil:
    free(t.items)
    t.items = NULL


cdef inline int path_order(Index* x, uint32_t sa, uint32_t fa, uint32_t sb, uint32_t fb) noexcept nogil:
    """Bytewise comparison of two files' paths: negative, 0, positive."""
    cdef const FileRecord* a
    cdef const FileRecord* b
    cdef const uint8_t* pa
    cdef const uint8_t* pb
    cdef int c
    if sa == sb:
        return -1 if fa < fb else <int>(fa > fb)  # files of a segment stand by path
    a = segment_file(&x.segments[sa], fa)
    b = segment_file(&x.segments[sb], fb)
    if a == NULL or b == NULL:
        return 0
    pa = segment_path(&x.segments[sa], a)
    pb = segment_path(&x.segments[sb], b)
    if pa == NULL or pb == NULL:
        return 0
    c = memcmp(pa, pb, a.path_len if a.path_len < b.path_len else b.path_len)
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


cdef inline void _select(Hit* v, uint32_t n, uint32_t k, Index* x) noexcept nogil:
    """Brings the best k of v[0:n] to its beginning."""
    cdef uint32_t lo = 0, hi = n - 1, i, j
    cdef Hit pivot, swap
    while lo < hi:
        pivot = v[lo + (hi - lo) // 2]
        i = lo
        j = hi
        while True:
            while hit_before(x, &v[i], &pivot):
                i += 1
            while hit_before(x, &pivot, &v[j]):
                j -= 1
            if i >= j:
                break
            swap = v[i]
            v[i] = v[j]
            v[j] = swap
            i += 1
            j -= 1
        # v[lo:i] stand not behind the pivot, v[j+1:hi+1] not before it.
        if k <= j:
            hi = j
        elif k > i:
            lo = i + (i == j)
        else:
            return


cdef inline void _drop(TopK* t) noexcept nogil:
    """Leaves the chunks that reach `least`: the best k, and those that tie with the last of them."""
    cdef uint32_t i, n = 0
    for i in range(t.n):
        t.items[n] = t.items[i]
        n += t.items[i].score >= t.least
    t.n = n


cdef inline void top_cut(TopK* t, Index* x) noexcept nogil:
    """Forgets what is not among the best k, when there are enough chunks for that to be worth its time."""
    cdef uint32_t i
    if t.n < t.cut:
        return
    if t.k <= COUNTED:
        _drop(t)
    if t.n > t.k:
        _select(t.items, t.n, t.k, x)
        t.n = t.k
    if t.k <= COUNTED:
        return
    t.least = t.items[0].score
    for i in range(1, t.k):
        if t.items[i].score < t.least:
            t.least = t.items[i].score
    t.cut = t.k + t.k // 8 + 1


cdef inline void _count(int32_t* scores, uint32_t n, int32_t score) noexcept nogil:
    """A score into the best n."""
    cdef uint32_t i, at = 0
    for i in range(n):
        at += scores[i] >= score
    if at < n:
        memmove(scores + at + 1, scores + at, <size_t>(n - at - 1) * 4)
        scores[at] = score


cdef inline void _raise(TopK* t, Index* x, const Hit* h) noexcept nogil:
    """What a chunk must reach now that there is this one."""
    cdef const RankRecord* file
    cdef int64_t least
    _count(t.scores, t.k, h.score)
    if t.sure and h.score > t.clear[t.sure - 1]:
        file = segment_rank(&x.segments[h.segment], segment_chunk_file(&x.segments[h.segment], h.chunk))
        if file != NULL and not file.flags & (FILE_TEST | FILE_EXAMPLE):
            _count(t.clear, t.sure, h.score)
    t.least = t.scores[t.k - 1]
    if t.sure:
        least = <int64_t>t.clear[0] * t.share // SHARES
        if least > t.clear[t.sure - 1]:
            least = t.clear[t.sure - 1]
        if least > t.least:
            t.least = <int32_t>least


cdef inline void top_push(TopK* t, Index* x, int32_t score, uint32_t segment, uint32_t chunk) noexcept nogil:
    """Offers a chunk whose score is not below `least`."""
    cdef Hit* h = &t.items[t.n]
    h.score = score
    h.segment = segment
    h.chunk = chunk
    t.n += 1
    if t.k <= COUNTED:
        _raise(t, x, h)
    if t.n == t.room:
        top_cut(t, x)


cdef struct Sorting:
    Index* index
    const Hit* items


cdef inline bint _sorted_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    cdef const Sorting* s = <const Sorting*>context
    return hit_before(s.index, &s.items[a], &s.items[b])


cdef inline bint top_sort(TopK* t, Index* x, uint32_t* order) noexcept nogil:
    """The best k (or what there is, when that is less) are items[order[i]] for i < n, best first; `order` has room for
    k. False: no memory. Nothing can be pushed afterwards."""
    cdef uint32_t i
    cdef Sorting s
    if t.sure:
        _drop(t)
    if t.n > t.k:
        t.cut = t.n
        top_cut(t, x)
    s.index = x
    s.items = t.items
    for i in range(t.n):
        order[i] = i
    return sort_numbers(order, t.n, _sorted_before, &s)
