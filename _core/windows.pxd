# cython: language_level=3
"""Retrieval range by range, for terms with long lists, and for everything when the list of the best is so long that
hardly anything could be left out.

Of each 64 documents (a range) it is known what a term can add to them at most. The sums of these bounds tell which
ranges can hold one of the best chunks (Dimopoulos, Nepomnyachiy & Suel, "Optimizing top-k document retrieval strategies
for block-max indexes", 2013). The most promising ones are visited first, then all others whose bound reaches the list.
Within a window of 2,048 documents it is MaxScore (Turtle & Flood, "Query evaluation: strategies and optimizations",
1995): terms whose bounds together cannot lift a chunk into the list are only looked up for chunks that the others have
brought near it, and a block that cannot lift one into it, whatever the other terms add, is not decoded.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc
from libc.string cimport memset
from _core.base cimport first_bit, packed_bits
from _core.cursor cimport Cursor, NEVER, add_blocks, contribution
from _core.filter cimport filter_chunk
from _core.lists cimport Bounds, SegmentSearch, in_lists
from _core.postings cimport BLOCK
from _core.ranges cimport LEVELS, RANGE, count_ranges, range_level
from _core.segment cimport Segment, List
from _core.store cimport store_touch
from _core.topk cimport top_cut, top_push

cdef enum:
    WINDOW = 2048         # documents scored at a time: their sums stay in the first-level cache
    RANGES = 32           # of a window
    GROUP = 16            # sums looked at together
    RUNS = 17             # of ranges side by side in a window, and one more
    LOOKUP = 8            # a look-up costs as much as adding so many postings
    FEW = 16              # so few look-ups are not worth finding out what to look up
    SCOUTS = 64           # ranges visited by bound before the others follow in order,
    SCOUTS_ALONE = 16     # or as many as chunks are wanted, but this at least, when the bounds are those of one term
    TOTALS = 60000        # what the bounds of all terms together may come to in a range, in units of `Bounds.unit`


cdef inline void _levels(const List* l, uint32_t first, uint8_t* out) noexcept nogil:
    """The levels of RANGES ranges from `first` on, 0 for what is behind the last one."""
    cdef uint32_t i
    cdef const uint8_t* p = l.ranges + first
    if first + RANGES <= l.half:
        for i in range(RANGES):
            out[i] = p[i] & 15
    elif first >= l.half and first + RANGES <= 2 * l.half:
        p -= l.half
        for i in range(RANGES):
            out[i] = p[i] >> 4
    else:
        for i in range(RANGES):
            out[i] = <uint8_t>range_level(l.ranges, l.half, first + i) if first + i < 2 * l.half else 0


cdef inline bint cursor_bounds(Segment* s, Cursor* c, uint32_t windows, Bounds* out) noexcept nogil:
    """Fills `bounds` and `first` for all windows and adds to the totals of the ranges. False: no memory."""
    cdef uint32_t i, w, b = 0
    cdef uint16_t[LEVELS] worth
    cdef uint8_t[RANGES] levels
    cdef uint8_t top
    c.bounds = <int32_t*>calloc(2 * (<size_t>windows + 1), 4)
    if c.bounds == NULL:
        return False
    c.first = <uint32_t*>c.bounds + windows + 1
    for i in range(LEVELS):
        worth[i] = <uint16_t>((c.list.levels[i] * c.unit + out.unit - 1) // out.unit) if c.ranged else 0
    for w in range(windows):
        while b < c.list.blocks and c.list.skips[b].last < w * WINDOW:
            b += 1
        c.first[w] = b
        if not c.ranged:
            c.bounds[w] = c.most
            continue
        _levels(&c.list, w * RANGES, levels)
        top = 0
        for i in range(RANGES):
            top = levels[i] if levels[i] > top else top
        c.bounds[w] = c.unit * c.list.levels[top]
        for i in range(RANGES):
            out.totals[w * RANGES + i] += worth[levels[i]]
    c.first[windows] = c.list.blocks
    if not c.ranged:
        worth[0] = <uint16_t>(c.most // out.unit + 1)
        for i in range(windows * RANGES):
            out.totals[i] += worth[0]
    return True


# ------------------------------------------------------------------------------------------------------------- visits

cdef inline bint _reaches(const int32_t* sums, int32_t least) noexcept nogil:
    """Is one of GROUP sums at least `least`? Without a branch, so that it becomes vector instructions."""
    cdef uint32_t i
    cdef int32_t hit = 0
    for i in range(GROUP):
        hit |= <int32_t>(sums[i] >= least)
    return hit != 0


cdef inline uint32_t _candidates(const int32_t* sums, uint32_t ranges, int32_t least, uint32_t enough,
                                 uint16_t* out) noexcept nogil:
    """The places in these ranges of a window whose sums are at least `least`, ascending; how many. It gives up at
    `enough`."""
    cdef uint32_t k, at, i, n = 0
    while ranges:
        for k in range(RANGE // GROUP):
            at = first_bit(ranges) * RANGE + k * GROUP
            if _reaches(sums + at, least):
                for i in range(at, at + GROUP):
                    out[n] = <uint16_t>i
                    n += sums[i] >= least
        if n >= enough:
            break
        ranges &= ranges - 1
    return n


cdef inline uint32_t _look_up(Segment* s, Cursor* c, uint32_t w, int32_t least, int32_t* sums, uint16_t* candidates,
                              uint32_t n) noexcept nogil:
    """Adds what the term gives the candidates, and keeps those that now have `least`; how many."""
    cdef uint32_t i, at, kept = 0, hint = c.first[w] * BLOCK
    for i in range(n):
        at = candidates[i]
        sums[at] += contribution(s, c, &hint, w * WINDOW + at)
        candidates[kept] = <uint16_t>at
        kept += sums[at] >= least
    return kept


cdef inline void _by_bound(const Cursor* cursors, uint32_t n, uint32_t w, uint32_t* order) noexcept nogil:
    """The cursors by their bounds in window `w`, smallest first."""
    cdef uint32_t i, j, x
    for i in range(1, n):
        x = order[i]
        j = i
        while j and cursors[order[j - 1]].bounds[w] > cursors[x].bounds[w]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = x


cdef inline void _add_runs(Segment* s, Cursor* c, uint32_t w, const uint32_t* runs, uint32_t n, int32_t least,
                           int32_t* sums) noexcept nogil:
    """What the term gives the documents of these runs, pairs of beginning and end, in window `w`."""
    cdef uint32_t i, at = c.first[w], added = 0
    for i in range(n):
        at = add_blocks(s, c, at, w * WINDOW, runs[2 * i], runs[2 * i + 1], least, sums, &added)


cdef inline uint32_t _runs(uint32_t ranges, uint32_t base, uint32_t end, uint32_t* runs) noexcept nogil:
    """Ranges of a window as runs of documents, none behind `end`; how many."""
    cdef uint32_t at, n = 0
    cdef uint64_t left = ranges
    while left:
        at = first_bit(left)
        runs[2 * n] = base + at * RANGE
        left |= (<uint64_t>1 << at) - 1
        at = first_bit(~left)  # behind the run's last
        runs[2 * n + 1] = base + at * RANGE
        left &= ~(<uint64_t>0) << at
        n += 1
    if n and runs[2 * n - 1] > end:
        runs[2 * n - 1] = end
    return n


cdef inline void _visit(SegmentSearch* h, uint32_t w, uint32_t ranges, int32_t* sums) noexcept nogil:
    """Some ranges of one window: `sums` are zeros before and after."""
    cdef Segment* s = &h.index.segments[h.segment]
    cdef Cursor* cursors = h.cursors
    cdef uint32_t* order = h.long_
    cdef uint32_t n = h.n_long
    cdef uint32_t base = w * WINDOW, end, i, m, optional = 0, enough, n_runs
    cdef int32_t least, missing = 0, total = 0
    cdef uint32_t[2 * RUNS] runs
    cdef uint16_t[WINDOW] candidates
    cdef Cursor* c
    end = base + WINDOW if s.n_chunks - base > WINDOW else s.n_chunks
    n_runs = _runs(ranges, base, end, runs)
    for i in range(n):
        total += cursors[order[i]].bounds[w]
    for i in range(n_runs):
        if not store_touch(&s.store, s.chunk_len + runs[2 * i], runs[2 * i + 1] - runs[2 * i]):
            return
        h.visited += count_ranges(runs[2 * i + 1] - runs[2 * i])
    top_cut(h.top, h.index)
    least = h.top.least if h.top.least > 1 else 1  # a sum of 0 is a chunk without a term that counts
    _by_bound(cursors, n, w, order)
    # Terms that cannot lift a chunk into the list by themselves, all together, are optional.
    while optional < n and not h.exhaustive and missing + cursors[order[optional]].bounds[w] < least:
        missing += cursors[order[optional]].bounds[w]
        optional += 1
    i = n
    while i > optional:
        i -= 1
        c = &cursors[order[i]]
        if c.bounds[w] > 0:
            # A block is worth nothing unless one of its postings and all that the other terms can add reach the list.
            _add_runs(s, c, w, runs, n_runs, NEVER if h.exhaustive else least - (total - c.bounds[w]), sums)
    # Then the optional ones, most promising first: each is looked up for the chunks that can still reach the list, or
    # added as a whole while these are too many.
    m = 0
    while True:
        while i and cursors[order[i - 1]].bounds[w] == 0:
            i -= 1
        if i == 0:
            m = _candidates(sums, ranges, least, WINDOW + 1, candidates)
            break
        c = &cursors[order[i - 1]]
        enough = (c.first[w + 1] - c.first[w]) * BLOCK // LOOKUP
        if enough > FEW:
            m = _candidates(sums, ranges, least - missing, enough, candidates)
            if m < enough:
                break
        _add_runs(s, c, w, runs, n_runs, NEVER, sums)
        missing -= c.bounds[w]
        i -= 1
    while i and m:
        i -= 1
        missing -= cursors[order[i]].bounds[w]
        if cursors[order[i]].bounds[w] > 0:
            m = _look_up(s, &cursors[order[i]], w, least - missing, sums, candidates, m)
    for i in range(m):
        # >=: a chunk that ties with the worst one kept may still stand before it by path
        if sums[candidates[i]] >= h.top.least and not in_lists(h, h.n_short, base + candidates[i]) and filter_chunk(
                h.filter, h.index, h.segment, base + candidates[i]):
            top_push(h.top, h.index, sums[candidates[i]], h.segment, base + candidates[i])
    for i in range(n_runs):
        memset(sums + (runs[2 * i] - base), 0, (runs[2 * i + 1] - runs[2 * i]) * sizeof(int32_t))


cdef inline uint32_t _promising(const Bounds* b, uint32_t scouts) noexcept nogil:
    """A total that about `scouts` ranges reach; one that none reaches when there are few."""
    cdef uint32_t[256] count
    cdef uint32_t i, sum = 0
    if b.n < 4 * scouts:
        return 65536
    memset(count, 0, sizeof(count))
    for i in range(b.n):
        count[b.totals[i] >> 8] += 1
    i = 255
    while i and sum + count[i] < scouts:
        sum += count[i]
        i -= 1
    if sum and sum + count[i] > 4 * scouts:
        i += 1  # far too many have that total, and those above it will tell
    return (i << 8) + (i == 0)


cdef inline uint32_t _reaching(Bounds* b, uint32_t w, uint32_t least) noexcept nogil:
    """The ranges of a window whose totals are at least `least`, as bits; these are not met again."""
    cdef uint32_t i
    cdef uint16_t* totals = b.totals + w * RANGES
    cdef uint16_t hit = 0, low = <uint16_t>least
    cdef uint8_t[64] reached
    for i in range(RANGES):  # without a branch, so that it becomes vector instructions, as the next ones
        hit |= <uint16_t>(totals[i] >= low)
    if not hit:
        return 0
    memset(reached + RANGES, 0, RANGES)
    for i in range(RANGES):
        reached[i] = totals[i] >= low
    for i in range(RANGES):
        totals[i] = 0 if totals[i] >= low else totals[i]
    return <uint32_t>packed_bits(reached)


cdef inline bint find_bounds(SegmentSearch* h) noexcept nogil:
    """Fills `bounds` from the long lists; to be freed. False: no memory."""
    cdef Segment* s = &h.index.segments[h.segment]
    cdef uint32_t windows = (s.n_chunks + WINDOW - 1) // WINDOW, i
    cdef uint64_t most = 0
    cdef uint16_t top = 0
    h.bounds.totals = <uint16_t*>calloc((<size_t>windows + 1) * RANGES, 2)
    if h.bounds.totals == NULL:
        return False
    h.bounds.n = count_ranges(s.n_chunks)
    for i in range(h.n_long):
        most += h.cursors[h.long_[i]].most
    h.bounds.unit = <int32_t>(most // TOTALS + 1)
    for i in range(h.n_long):
        if not cursor_bounds(s, &h.cursors[h.long_[i]], windows, &h.bounds):
            return False
    for i in range(h.bounds.n):
        top = h.bounds.totals[i] if h.bounds.totals[i] > top else top
    h.bounds.most = top * h.bounds.unit
    return True


cdef inline void offer_ranges(SegmentSearch* h) noexcept nogil:
    """Offers every chunk with none but the long lists' terms that can be among the best; of the short lists, those that
    can enter have been offered."""
    cdef Segment* s = &h.index.segments[h.segment]
    cdef int32_t[WINDOW] sums
    cdef uint32_t windows = (s.n_chunks + WINDOW - 1) // WINDOW, w, ranges, least, scouts = SCOUTS
    top_cut(h.top, h.index)
    if h.bounds.most < h.top.least and not h.exhaustive:
        return
    memset(sums, 0, sizeof(sums))
    # The most promising ranges first, so that the list is soon hard to enter; then the others in the order of their
    # documents, so that a block is decoded once.
    if h.n_long == 1 and h.top.k < SCOUTS:
        scouts = h.top.k if h.top.k > SCOUTS_ALONE else SCOUTS_ALONE
    least = _promising(&h.bounds, scouts)
    for w in range(windows if not h.exhaustive and least < 65536 else 0):
        ranges = _reaching(&h.bounds, w, least)
        if ranges:
            _visit(h, w, ranges, sums)
    for w in range(windows):
        if s.store.damaged:
            break
        least = 0 if h.exhaustive else <uint32_t>(h.top.least // h.bounds.unit)
        ranges = _reaching(&h.bounds, w, least if least > 1 or h.exhaustive else 1)
        if ranges:
            _visit(h, w, ranges, sums)
