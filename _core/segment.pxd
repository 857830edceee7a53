# cython: language_level=3
"""A segment: one immutable file with the chunks of some files and the inverted index over them. Format and reader.

Arrays of the container (`store.pxd`), in this order; records are described by the structs below, whose numpy twins are
in greppy/index/layout.py:

    postings      u1      posting lists (`postings.pxd`), each at a multiple of 4 when it has 128 postings or more
    chunks        chunk   one record a chunk; the chunks of a file tile it and stand in its order
    chunk_len     u1      length code of each chunk (`length_code`): its terms, wholes not counted
    defs          u1      definitions of each chunk, see `defs` below
    term_post     <u4     the dictionary, by XXH64 of the term, then by its bytes: where each term's postings are
    term_len      u1      the terms' lengths
    term_text     u1      the terms' bytes, nothing between them
    term_bucket   bucket  2^k + 1 records: terms whose hash begins with the k bits b are [bucket[b], bucket[b + 1])
    files         file    one record a file, by path
    file_rank     rank    what ranking asks of each file, apart from the rest so that it is on few pages
    file_chunks   <u4     first chunk of each file, and the number of chunks
    paths         u1      the files' paths, relative to the project's root
    parts         part    distinct words of the paths, by their bytes; one record more closes the texts
    part_text     u1      each part's word, then its stem
    part_order    <u4     the parts by their stems' bytes
    part_files    u1      for each part the files whose path has it: LEB128 of `delta << 1 | in the name (not a folder)`

What a chunk has in `defs` ends where the next chunk's begins. If the flag CHUNK_PARENT is set it begins with what
encloses the chunk's beginning: LEB128 bytes back from the chunk's start to the name, length of the name (u1), kind
(u1). A definition is: LEB128 lines since the chunk's definition before (since the chunk's first line), LEB128 bytes
from the start of its line to the name, length of the name (u1, 255 for longer), kind | exported << 4 | depth << 5 (u1;
depth is the number of enclosing definitions, 7 at most).

Terms of the dictionary: a part is its text as it is, a whole begins with `=` (`text.pxd`), and `#` with six bytes, the
low ones of the XXH64 of a name as it is written, leads to the chunks that define exactly that name, with codes 0 a
value, 1 a function, 2 a type. Names of several parts have no such term: their whole leads there, with a weight of at
least WEIGHT_NAME + WEIGHT_SIGNATURE.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset, memcmp
from _core.base cimport read_varint
from _core.hash cimport hash64
from _core.postings cimport Skip, BLOCK, CODES, NO_DOC, block_decode, tail_decode
from _core.store cimport Store, store_open, store_close, store_touch, store_array, STORE_OK, STORE_DAMAGED

cdef enum:
    SEGMENT_ARRAYS = 16
    SINGLE = 0x80000000U  # set in term_post: the posting itself; else the list's offset in `postings`
    SINGLE_CODE = 27      # document in the bits below, code above
    CHUNK_PARENT = 1      # flag of a chunk

cdef enum FileFlag:
    FILE_TEST = 1
    FILE_EXAMPLE = 2    # examples and documentation
    FILE_COMPAT = 4     # kept for compatibility: legacy, deprecated
    FILE_VENDORED = 8
    FILE_GENERATED = 16

cdef struct FileRecord:
    uint64_t size
    int64_t mtime_ns
    uint64_t content     # XXH64 of the bytes
    uint32_t path
    uint32_t n_lines
    uint16_t path_len
    uint16_t zero
    uint32_t zero2

cdef struct RankRecord:
    uint32_t whole_name  # low 32 bits of the XXH64 of the name's parts joined and stemmed
    uint8_t flags        # FileFlag
    uint8_t name_parts   # distinct words of the file's name: what "fraction of the name matched" is a fraction of
    uint8_t depth        # slashes in the path
    uint8_t language

cdef struct ChunkRecord:
    uint32_t start       # byte offset in the file
    uint32_t line        # of its first line, from 0
    uint32_t defs
    uint16_t kinds       # bit k: it has a definition of kind k
    uint16_t flags

cdef struct BucketRecord:
    uint32_t term        # first term of the bucket
    uint32_t text        # where its bytes begin in `term_text`

cdef struct PartRecord:
    uint32_t text
    uint32_t files       # where its list begins in `part_files`
    uint32_t n_files
    uint32_t len         # of the word; the stem follows, up to the next part's text

cdef struct Segment:
    Store store
    uint32_t n_files, n_chunks, n_terms, n_parts
    uint32_t bucket_bits
    uint64_t total_len       # sum of the chunks' lengths, each as its code tells it: the same however segments are cut
    const FileRecord* files
    const RankRecord* ranks
    const uint32_t* file_chunks
    const ChunkRecord* chunks
    const uint8_t* chunk_len
    const uint32_t* term_post
    const uint8_t* term_len
    const uint8_t* term_text
    uint64_t term_text_n
    const BucketRecord* buckets
    const uint8_t* paths
    uint64_t paths_n
    const uint8_t* postings
    uint64_t postings_n
    const uint8_t* defs
    uint64_t defs_n
    const PartRecord* parts
    const uint8_t* part_text
    uint64_t part_text_n
    const uint32_t* part_order
    const uint8_t* part_files
    uint64_t part_files_n


cdef inline void segment_close(Segment* s) noexcept nogil:
    store_close(&s.store)


cdef inline int segment_open(Segment* s, const char* path) noexcept nogil:
    """Maps a segment: a StoreError. After STORE_OK the arrays' sizes agree with each other."""
    cdef uint64_t n, m
    cdef int e
    memset(s, 0, sizeof(Segment))
    e = store_open(&s.store, path, b"segment")
    if e != STORE_OK:
        return e
    s.total_len = s.store.head.numbers[0]
    s.files = <const FileRecord*>store_array(&s.store, b"files", sizeof(FileRecord), &n)
    s.n_files = <uint32_t>n
    s.ranks = <const RankRecord*>store_array(&s.store, b"file_rank", sizeof(RankRecord), &m)
    if m != n:
        s.store.damaged = True
    s.file_chunks = <const uint32_t*>store_array(&s.store, b"file_chunks", 4, &m)
    if m != n + 1:
        s.store.damaged = True
    s.chunks = <const ChunkRecord*>store_array(&s.store, b"chunks", sizeof(ChunkRecord), &n)
    s.n_chunks = <uint32_t>n
    s.chunk_len = <const uint8_t*>store_array(&s.store, b"chunk_len", 1, &m)
    if m != n:
        s.store.damaged = True
    s.term_post = <const uint32_t*>store_array(&s.store, b"term_post", 4, &n)
    s.n_terms = <uint32_t>n
    s.term_len = <const uint8_t*>store_array(&s.store, b"term_len", 1, &m)
    if m != n:
        s.store.damaged = True
    s.term_text = <const uint8_t*>store_array(&s.store, b"term_text", 1, &s.term_text_n)
    s.buckets = <const BucketRecord*>store_array(&s.store, b"term_bucket", sizeof(BucketRecord), &n)
    s.bucket_bits = 0
    while (<uint64_t>1 << s.bucket_bits) + 1 < n and s.bucket_bits < 32:
        s.bucket_bits += 1
    if (<uint64_t>1 << s.bucket_bits) + 1 != n:
        s.store.damaged = True
    s.paths = <const uint8_t*>store_array(&s.store, b"paths", 1, &s.paths_n)
    s.postings = <const uint8_t*>store_array(&s.store, b"postings", 1, &s.postings_n)
    s.defs = <const uint8_t*>store_array(&s.store, b"defs", 1, &s.defs_n)
    s.parts = <const PartRecord*>store_array(&s.store, b"parts", sizeof(PartRecord), &n)
    s.n_parts = <uint32_t>(n - 1)
    s.store.damaged |= n == 0
    s.part_text = <const uint8_t*>store_array(&s.store, b"part_text", 1, &s.part_text_n)
    s.part_order = <const uint32_t*>store_array(&s.store, b"part_order", 4, &n)
    if n != s.n_parts:
        s.store.damaged = True
    s.part_files = <const uint8_t*>store_array(&s.store, b"part_files", 1, &s.part_files_n)
    if s.store.damaged:
        segment_close(s)
        return STORE_DAMAGED
    return STORE_OK


cdef inline const FileRecord* segment_file(Segment* s, uint32_t f) noexcept nogil:
    """Record of file `f` with its path checked; NULL when out of range or damaged."""
    cdef const FileRecord* r
    if f >= s.n_files:
        s.store.damaged = True
        return NULL
    r = &s.files[f]
    if not store_touch(&s.store, r, sizeof(FileRecord)):
        return NULL
    if r.path > s.paths_n or r.path_len > s.paths_n - r.path:
        s.store.damaged = True
        return NULL
    if not store_touch(&s.store, s.paths + r.path, r.path_len):
        return NULL
    return r


cdef inline const RankRecord* segment_rank(Segment* s, uint32_t f) noexcept nogil:
    """What ranking asks of file `f`; NULL when out of range or damaged."""
    if f >= s.n_files:
        s.store.damaged = True
        return NULL
    return &s.ranks[f] if store_touch(&s.store, &s.ranks[f], sizeof(RankRecord)) else NULL


cdef inline bint segment_file_chunks(Segment* s, uint32_t f, uint32_t* first, uint32_t* end) noexcept nogil:
    """The chunks [first, end) of file `f`. False: damaged, and both are 0."""
    first[0] = end[0] = 0
    if f >= s.n_files or not store_touch(&s.store, &s.file_chunks[f], 8) or (
            s.file_chunks[f] > s.file_chunks[f + 1] or s.file_chunks[f + 1] > s.n_chunks):
        s.store.damaged = True
        return False
    first[0] = s.file_chunks[f]
    end[0] = s.file_chunks[f + 1]
    return True


cdef inline uint32_t segment_chunk_file(Segment* s, uint32_t chunk) noexcept nogil:
    """The file that holds `chunk`: the last one whose first chunk is not after it (binary search)."""
    cdef uint32_t lo = 0, hi = s.n_files, mid
    while hi - lo > 1:
        mid = lo + (hi - lo) // 2
        if not store_touch(&s.store, &s.file_chunks[mid], 4):
            return 0
        if s.file_chunks[mid] <= chunk:
            lo = mid
        else:
            hi = mid
    return lo


cdef inline const ChunkRecord* segment_chunk(Segment* s, uint32_t c) noexcept nogil:
    """Record of chunk `c`, its run of definitions inside the array; NULL when out of range or damaged."""
    if c >= s.n_chunks:
        s.store.damaged = True
        return NULL
    if not store_touch(&s.store, &s.chunks[c], sizeof(ChunkRecord)):
        return NULL
    if s.chunks[c].defs > s.defs_n:
        s.store.damaged = True
        return NULL
    return &s.chunks[c]


cdef inline uint32_t segment_term(Segment* s, const uint8_t* text, uint32_t n) noexcept nogil:
    """Ordinal of a term (its stored form), or n_terms when the segment does not have it."""
    cdef uint64_t h = hash64(text, n)
    cdef uint32_t b = <uint32_t>(h >> (64 - s.bucket_bits)) if s.bucket_bits else 0
    cdef uint32_t i, hi, at, end
    if not store_touch(&s.store, &s.buckets[b], 2 * sizeof(BucketRecord)):
        return s.n_terms
    i = s.buckets[b].term
    hi = s.buckets[b + 1].term
    at = s.buckets[b].text
    end = s.buckets[b + 1].text
    if i > hi or hi > s.n_terms or at > end or end > s.term_text_n or (
            not store_touch(&s.store, s.term_len + i, hi - i) or not store_touch(&s.store, s.term_text + at, end - at)):
        s.store.damaged = True
        return s.n_terms
    while i < hi:
        if s.term_len[i] > end - at:
            s.store.damaged = True
            return s.n_terms
        if s.term_len[i] == n and memcmp(s.term_text + at, text, n) == 0:
            return i if store_touch(&s.store, s.term_post + i, 4) else s.n_terms
        at += s.term_len[i]
        i += 1
    return s.n_terms


cdef struct List:
    # Where the pieces of a posting list lie; made by `segment_list`. A single posting is a list without pieces.
    uint32_t df
    uint32_t blocks
    const Skip* skips
    const uint8_t* data
    const uint8_t* tail
    uint32_t single      # the posting, when df is 1


cdef inline bint _damaged(Segment* s) noexcept nogil:
    s.store.damaged = True
    return False


cdef inline bint segment_list(Segment* s, uint32_t term, List* out) noexcept nogil:
    """The list of a term, its skips checked. False: damaged."""
    cdef uint32_t post = s.term_post[term]
    cdef uint64_t at = post, n, left
    cdef const uint8_t* p
    cdef const uint8_t* end = s.postings + s.postings_n
    out.blocks = 0
    out.skips = NULL
    out.data = out.tail = NULL
    out.df = 1
    out.single = post & ~<uint32_t>SINGLE
    if post & SINGLE:
        return True if out.single & (((<uint32_t>1) << SINGLE_CODE) - 1) < s.n_chunks else _damaged(s)
    if at >= s.postings_n:
        return _damaged(s)
    left = s.postings_n - at
    if not store_touch(&s.store, s.postings + at, left if left < 10 else 10):
        return False
    p = read_varint(s.postings + at, end, &n)
    if p == NULL or n < 2 or n > s.n_chunks:
        return _damaged(s)
    out.df = <uint32_t>n
    out.blocks = out.df // BLOCK
    if out.blocks:
        p += (4 - ((p - s.postings) & 3)) & 3
    n = out.blocks * sizeof(Skip)
    if n > <uint64_t>(end - p):
        return _damaged(s)
    out.skips = <const Skip*>p
    out.data = p + n
    if not store_touch(&s.store, p, n):
        return False
    n = <uint64_t>out.skips[out.blocks - 1].end * 4 if out.blocks else 0
    if n > <uint64_t>(end - out.data):
        return _damaged(s)
    out.tail = out.data + n
    return True


cdef inline uint32_t segment_df(Segment* s, uint32_t term) noexcept nogil:
    """How many postings a term has, deleted documents included; 0 when damaged."""
    cdef uint32_t post = s.term_post[term]
    cdef uint64_t n
    if post & SINGLE:
        return 1
    if post >= s.postings_n or not store_touch(
            &s.store, s.postings + post, s.postings_n - post if s.postings_n - post < 10 else 10):
        _damaged(s)
        return 0
    if read_varint(s.postings + post, s.postings + s.postings_n, &n) == NULL or n > s.n_chunks:
        _damaged(s)
        return 0
    return <uint32_t>n


cdef inline bint list_block(Segment* s, const List* l, uint32_t b, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """Block `b` of a list: 128 postings, or (b == blocks) the df % 128 of the tail. False: damaged."""
    cdef const Skip* k
    cdef uint32_t before = NO_DOC
    cdef uint64_t from_ = 0, n
    cdef const uint8_t* end = s.postings + s.postings_n
    if l.df == 1:
        docs[0] = l.single & (((<uint32_t>1) << SINGLE_CODE) - 1)
        codes[0] = <uint8_t>(l.single >> SINGLE_CODE)
        return True
    if b:
        before = l.skips[b - 1].last
        from_ = <uint64_t>l.skips[b - 1].end * 4
    if b == l.blocks:
        n = <uint64_t>(end - l.tail)
        if n > 6 * BLOCK:
            n = 6 * BLOCK  # no tail is longer: half a byte a code, five a delta
        if (not store_touch(&s.store, l.tail, n)
                or tail_decode(l.tail, l.tail + n, before, l.df % BLOCK, s.n_chunks, docs, codes) == NULL):
            return _damaged(s)
        return True
    k = &l.skips[b]
    n = <uint64_t>k.end * 4
    if n < from_ or n > <uint64_t>(end - l.data) or not store_touch(&s.store, l.data + from_, n - from_) or (
            not block_decode(k, l.data + from_, l.data + n, before, s.n_chunks, docs, codes)):
        return _damaged(s)
    return True


cdef inline bint segment_postings(Segment* s, uint32_t term, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """All df postings of a term. False: damaged."""
    cdef List l
    cdef uint32_t b
    if not segment_list(s, term, &l):
        return False
    for b in range(l.blocks + (1 if l.df % BLOCK else 0)):
        if not list_block(s, &l, b, docs + b * BLOCK, codes + b * BLOCK):
            return False
    return True


cdef struct Def:
    # A definition as its record has it.
    uint32_t line        # in the file, from 0
    uint32_t column      # of the name, in bytes
    uint32_t name_len
    uint8_t kind
    uint8_t depth
    bint exported


cdef struct Defs:
    # The records of a chunk, being read.
    const uint8_t* at
    const uint8_t* end
    uint32_t line
    uint32_t parent      # byte offset in the file of the name of what encloses the chunk's beginning
    uint32_t parent_len  # 0: nothing does
    uint8_t parent_kind


cdef inline bint defs_open(Segment* s, uint32_t chunk, Defs* d) noexcept nogil:
    """Before the first definition of a chunk. False: damaged."""
    cdef const ChunkRecord* c = segment_chunk(s, chunk)
    cdef uint32_t end = <uint32_t>s.defs_n
    cdef uint64_t back
    if c == NULL:
        return False
    if chunk + 1 < s.n_chunks:
        if segment_chunk(s, chunk + 1) == NULL:
            return False
        end = c[1].defs
    if end < c.defs or not store_touch(&s.store, s.defs + c.defs, end - c.defs):
        return _damaged(s)
    d.at = s.defs + c.defs
    d.end = s.defs + end
    d.line = c.line
    d.parent = d.parent_len = d.parent_kind = 0
    if c.flags & CHUNK_PARENT:
        d.at = read_varint(d.at, d.end, &back)
        if d.at == NULL or d.end - d.at < 2 or back > c.start:
            return _damaged(s)
        d.parent = c.start - <uint32_t>back
        d.parent_len = d.at[0]
        d.parent_kind = d.at[1]
        d.at += 2
    return True


cdef inline int defs_next(Segment* s, Defs* d, Def* out) noexcept nogil:
    """1: `out` is the next definition; 0: there is none; -1: damaged."""
    cdef uint64_t lines, column
    if d.at == d.end:
        return 0
    d.at = read_varint(d.at, d.end, &lines)
    if d.at != NULL:
        d.at = read_varint(d.at, d.end, &column)
    if d.at == NULL or d.end - d.at < 2:
        s.store.damaged = True
        return -1
    d.line += <uint32_t>lines
    out.line = d.line
    out.column = <uint32_t>column
    out.name_len = d.at[0]
    out.kind = d.at[1] & 15
    out.exported = d.at[1] >> 4 & 1
    out.depth = d.at[1] >> 5
    d.at += 2
    return 1
