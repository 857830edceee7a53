# cython: language_level=3
"""Good chunks vote for the files that define what they use (`links.pxd`)."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from _core.candidates cimport Candidate, Voter, Ranking
from _core.links cimport NAME_BYTES, links_names, links_uses, name_at
from _core.segment cimport Segment, segment_file_chunks, segment_links

cdef enum:
    SIEVE = 1 << 13
    SIEVE_WORDS = 1 << 7
    LINKS_WORDS = 1 << 11   # of 8 bytes: the names of nearly any file have room there
    DEFINERS = 2            # candidates that may define a name that is voted for

cdef struct Link:
    # A name that a voter uses, and which candidates define it.
    uint32_t name           # 1 more than it is; 0: the slot is free
    uint32_t definers
    uint32_t[DEFINERS] by

cdef struct Links:
    Link* slots
    uint32_t mask
    uint64_t[SIEVE_WORDS] sieve  # bit `name % SIEVE` for each name in a slot: nearly all names of a file end there


cdef inline Link* _link(const Links* t, uint32_t name) noexcept nogil:
    """The slot of a name, or the free one where it would go."""
    cdef uint32_t i = name & t.mask  # a name is a hash already
    while t.slots[i].name and t.slots[i].name != name + 1:
        i = (i + 1) & t.mask
    return &t.slots[i]


cdef inline void _uses(Ranking* r, Voter* v) noexcept nogil:
    """Finds the names that a voter uses; none when damaged."""
    cdef Segment* s = &r.index.segments[v.segment]
    cdef const uint8_t* end = NULL
    cdef const uint8_t* p = segment_links(s, v.file, NULL, 0, &end)
    cdef uint32_t first = 0, stop = 0, n = 0
    v.uses = NULL
    v.n_uses = 0
    if p != NULL and segment_file_chunks(s, v.file, &first, &stop):
        p = links_names(p, end, &n)
        if p != NULL:
            v.uses = links_uses(p + NAME_BYTES * <size_t>n, end, stop - first, v.chunk - first, &v.n_uses)
    if v.uses == NULL:
        s.store.damaged = True


cdef inline void _definers(const Links* t, const uint8_t* p, uint32_t n, uint32_t candidate) noexcept nogil:
    """Notes which of the names at `p` a candidate defines."""
    cdef uint32_t k, name
    cdef Link* link
    for k in range(n):
        name = (p[NAME_BYTES * k] | <uint32_t>p[NAME_BYTES * k + 1] << 8) % SIEVE  # two of its bytes tell that
        if not (t.sieve[name >> 6] >> (name & 63)) & 1:
            continue
        name = name_at(p, k)
        link = _link(t, name)
        if link.name:
            if link.definers < DEFINERS:
                link.by[link.definers] = candidate
            link.definers += 1


cdef inline void count_votes(Ranking* r) noexcept nogil:
    """`votes`: each of the best chunks gives its score, in equal parts, to the other files that define what it uses.

    A name that more than DEFINERS of the candidates define says nothing."""
    cdef Candidate* all = <Candidate*>r.candidates.data
    cdef uint32_t n = <uint32_t>(r.candidates.len // sizeof(Candidate)), i, k, d, m, name, edges, uses = 0
    cdef Links t
    cdef Link* link
    cdef const uint8_t* p
    cdef const uint8_t* end = NULL
    cdef uint64_t[LINKS_WORDS] buffer
    cdef const Voter* v
    cdef bint giving
    for i in range(r.n_voters):
        _uses(r, &r.voters[i])
        uses += r.voters[i].n_uses
    if uses == 0:
        return
    t.mask = 15
    while t.mask < 2 * uses:
        t.mask = 2 * t.mask + 1
    t.slots = <Link*>calloc(<size_t>t.mask + 1, sizeof(Link))
    if t.slots == NULL:
        r.failed = True
        return
    memset(t.sieve, 0, sizeof(t.sieve))
    for i in range(r.n_voters):
        for k in range(r.voters[i].n_uses):
            name = name_at(r.voters[i].uses, k)
            _link(&t, name).name = name + 1
            t.sieve[(name % SIEVE) >> 6] |= <uint64_t>1 << (name & 63)
    for i in range(n):
        p = segment_links(&r.index.segments[all[i].segment], all[i].file, <uint8_t*>buffer, sizeof(buffer), &end)
        if p != NULL:
            p = links_names(p, end, &m)
            if p == NULL:
                r.index.segments[all[i].segment].store.damaged = True
            else:
                _definers(&t, p, m, i)
    for i in range(r.n_voters):
        v = &r.voters[i]
        edges = 0
        for giving in range(2):  # first how many there are, then each gets its part
            if giving and edges == 0:
                break
            for k in range(v.n_uses):
                link = _link(&t, name_at(v.uses, k))
                for d in range(link.definers if link.definers <= DEFINERS else 0):
                    if all[link.by[d]].file != v.file or all[link.by[d]].segment != v.segment:
                        if giving:
                            all[link.by[d]].votes += v.score / edges
                        else:
                            edges += 1
    free(t.slots)
