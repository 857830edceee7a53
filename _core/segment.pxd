# cython: language_level=3
"""A segment: one immutable file with the chunks of some files and the inverted index over them. Format and reader.

Arrays of the container (`store.pxd`), in this order; records are described by the structs below, whose numpy twins are
in greppy/index/layout.py:

    postings      u1      posting lists (`postings.pxd`), each at a multiple of 4 when it has 128 postings or more
    chunks        chunk   one record a chunk; the chunks of a file tile it and stand in its order
    chunk_len     u1      length code of each chunk (`length_code`): its terms, wholes not counted
    defs          u1      definitions of each chunk, see `defs` below
    links         u1      which names each file defines and each of its chunks uses (`links.pxd`)
    terms         u1      the dictionary, by XXH64 of the term, then by its bytes; of each: length (u1), its bytes, and
                          where its postings are (<u4): with the high bit set the only posting itself, document in the
                          low 27 bits, code above them; else the list's offset in `postings`
    term_bucket   <u4     2^k + 1 offsets in `terms`: the terms whose hash begins with the k bits b lie in
                          [bucket[b], bucket[b + 1])
    files         file    one record a file, by path
    file_rank     rank    what ranking asks of each file, apart from the rest so that it is on few pages
    file_chunks   <u4     first chunk of each file, and the number of chunks
    chunk_file    <u4     the file of every 256th chunk, beginning with chunk 0
    paths         u1      the files' paths, relative to the project's root
    parts         part    distinct words of the paths, by their bytes; one record more closes the texts
    part_text     u1      each part's word, then its stem
    part_order    <u4     the parts by their stems' bytes
    part_files    u1      for each part LEB128 of how many files have it in their name and, for each of those, LEB128 of
                          the distance to the one before (to 0) and its number of parts (u1, as in file_rank); then
                          the same distances for those that have it in a folder only

What a chunk has in `defs` ends where the next chunk's begins. If the flag CHUNK_PARENT is set it begins with what
encloses the chunk's beginning: LEB128 bytes back from the chunk's start to the name, length of the name (u1), kind
(u1). A definition is: LEB128 lines since the chunk's definition before (since the chunk's first line), LEB128 bytes
from the start of its line to the name, length of the name (u1, 255 for longer), kind | exported << 4 | depth << 5 (u1;
depth is the number of enclosing definitions, 7 at most).

Terms of the dictionary: a part is its text as it is, a whole begins with `=` (`text.pxd`), and `#` with six bytes, the
low ones of the XXH64 of a name as it is written, leads to the chunks that define exactly that name, with codes 0 a
value, 1 a function, 2 a type; `^` and the initials of the parts of a name (`^tpe`) to those that define such a function
or type, unless all its letters are capitals, with the same codes. Names of several parts have no `#` term: their whole
leads there, with a weight of at least WEIGHT_NAME + WEIGHT_SIGNATURE.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy, memset, memcmp
from _core.base cimport read_varint
from _core.hash cimport hash64
from _core.impacts cimport CODES
from _core.postings cimport Skip, BLOCK, NO_DOC, block_codes, block_documents, tail_decode
from _core.ranges cimport LEVELS, range_half
from _core.store cimport (
    Store, store_open, store_close, store_fetch, store_glance, store_piece, store_read, store_touch, store_array,
    STORE_DAMAGED, STORE_OK, STORE_PAGE,
)

cdef enum:
    SEGMENT_ARRAYS = 16
    CHUNK_STEP = 256      # chunks from one entry of chunk_file to the next
    LIST_WHOLE = 1 << 13  # a list of no more bytes is read at once
    TWO_PAGES = 256      # of a store, in words of 8 bytes, because what is fetched must be aligned
    SINGLE = 0x80000000U  # set where the only posting stands instead of a list's offset
    SINGLE_CODE = 27      # document in the bits below, code above
    NO_TERM = 0x7FFFFFFF  # where no list begins
    CHUNK_PARENT = 1      # flag of a chunk

cdef enum FileFlag:
    FILE_TEST = 1
    FILE_EXAMPLE = 2    # examples and documentation
    FILE_COMPAT = 4     # kept for compatibility: legacy, deprecated
    FILE_VENDORED = 8
    FILE_GENERATED = 16
    FILE_HEADER = 32    # of C and its kin
    FILE_SOURCE = 64    # what a header may belong to

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
    uint32_t stem        # ... of the path without the extension: a header and its source have the same
    uint32_t versions    # ... of what stands before the first folder `v` and a number, 0 when there is none
    uint32_t links       # where its names begin in `links`
    uint8_t flags        # FileFlag
    uint8_t name_parts   # distinct words of the file's name: what "fraction of the name matched" is a fraction of
    uint8_t depth        # slashes in the path
    uint8_t language
    uint8_t version      # that number, at most 255
    uint8_t[3] zero

cdef struct ChunkRecord:
    uint32_t start       # byte offset in the file
    uint32_t line        # of its first line, from 0
    uint32_t defs
    uint16_t kinds       # bit k: it has a definition of kind k
    uint16_t flags

cdef struct PartRecord:
    uint32_t text
    uint32_t files       # where its list begins in `part_files`
    uint32_t n_files     # in names and folders
    uint32_t len         # of the word; the stem follows, up to the next part's text

cdef struct Segment:
    Store store
    uint32_t n_files, n_chunks, n_terms, n_parts
    uint32_t bucket_bits
    uint64_t total_len       # sum of the chunks' lengths, each as its code tells it: the same however segments are cut
    const FileRecord* files
    const RankRecord* ranks
    const uint32_t* file_chunks
    const uint32_t* chunk_file
    const ChunkRecord* chunks
    const uint8_t* chunk_len
    const uint8_t* terms
    uint64_t terms_n         # bytes
    const uint32_t* buckets
    const uint8_t* paths
    uint64_t paths_n
    const uint8_t* postings
    uint64_t postings_n
    const uint8_t* defs
    uint64_t defs_n
    const uint8_t* links
    uint64_t links_n
    const PartRecord* parts
    const uint8_t* part_text
    uint64_t part_text_n
    const uint32_t* part_order
    const uint8_t* part_files
    uint64_t part_files_n


cdef inline void segment_close(Segment* s) noexcept nogil:
    store_close(&s.store)


cdef inline int segment_open(Segment* s, const char* path, bint fetching) noexcept nogil:
    """Opens a segment, see `store_open`: a StoreError. After STORE_OK the arrays' sizes agree with each other."""
    cdef uint64_t n, m
    cdef int e
    memset(s, 0, sizeof(Segment))
    e = store_open(&s.store, path, b"segment", fetching)
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
    s.chunk_file = <const uint32_t*>store_array(&s.store, b"chunk_file", 4, &m)
    if m != (n + CHUNK_STEP - 1) // CHUNK_STEP:
        s.store.damaged = True
    s.n_terms = <uint32_t>s.store.head.numbers[1]
    s.terms = <const uint8_t*>store_array(&s.store, b"terms", 1, &s.terms_n)
    s.buckets = <const uint32_t*>store_array(&s.store, b"term_bucket", 4, &n)
    s.bucket_bits = 0
    while (<uint64_t>1 << s.bucket_bits) + 1 < n and s.bucket_bits < 32:
        s.bucket_bits += 1
    if (<uint64_t>1 << s.bucket_bits) + 1 != n:
        s.store.damaged = True
    s.paths = <const uint8_t*>store_array(&s.store, b"paths", 1, &s.paths_n)
    s.postings = <const uint8_t*>store_array(&s.store, b"postings", 1, &s.postings_n)
    s.defs = <const uint8_t*>store_array(&s.store, b"defs", 1, &s.defs_n)
    s.links = <const uint8_t*>store_array(&s.store, b"links", 1, &s.links_n)
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
    """Record of file `f`; NULL when out of range or damaged."""
    if f >= s.n_files:
        s.store.damaged = True
        return NULL
    return <const FileRecord*>store_read(&s.store, &s.files[f], sizeof(FileRecord))


cdef inline bint _path_inside(Segment* s, const FileRecord* f) noexcept nogil:
    return (f.path <= s.paths_n and f.path_len <= s.paths_n - f.path) or _damaged(s)


cdef inline const uint8_t* segment_path(Segment* s, const FileRecord* f) noexcept nogil:
    """The path of a file, f.path_len bytes; NULL when damaged."""
    return <const uint8_t*>store_read(&s.store, s.paths + f.path, f.path_len) if _path_inside(s, f) else NULL


cdef inline const FileRecord* one_file(Segment* s, uint32_t f) noexcept nogil:
    """`segment_file` for one that is shown and not for many (`store_piece`)."""
    if f >= s.n_files:
        s.store.damaged = True
        return NULL
    return <const FileRecord*>store_piece(&s.store, &s.files[f], sizeof(FileRecord))


cdef inline const uint8_t* one_path(Segment* s, const FileRecord* f) noexcept nogil:
    """`segment_path` likewise."""
    return <const uint8_t*>store_piece(&s.store, s.paths + f.path, f.path_len) if _path_inside(s, f) else NULL


cdef inline const RankRecord* segment_rank(Segment* s, uint32_t f) noexcept nogil:
    """What ranking asks of file `f`; NULL when out of range or damaged."""
    if f >= s.n_files:
        s.store.damaged = True
        return NULL
    return <const RankRecord*>store_read(&s.store, &s.ranks[f], sizeof(RankRecord))


cdef inline const uint8_t* segment_links(Segment* s, uint32_t f, uint8_t* buffer, size_t room,
                                         const uint8_t** end) noexcept nogil:
    """What file `f` has in `links`, up to `end`; NULL when damaged. It is in `buffer` when there is one and nobody has
    asked for it without (`store_glance`)."""
    cdef const RankRecord* r = segment_rank(s, f)
    cdef const uint8_t* p
    cdef uint64_t stop = s.links_n
    cdef uint32_t at
    if r == NULL:
        return NULL
    at = r.links
    if f + 1 < s.n_files:
        r = segment_rank(s, f + 1)
        if r == NULL:
            return NULL
        stop = r.links
    if at >= stop or stop > s.links_n:  # a file has one byte at least
        s.store.damaged = True
        return NULL
    if buffer == NULL:
        p = <const uint8_t*>store_piece(&s.store, s.links + at, stop - at)
    else:
        p = <const uint8_t*>store_glance(&s.store, s.links + at, stop - at, buffer, room)
    end[0] = p + (stop - at)
    return p


cdef inline bint segment_file_chunks(Segment* s, uint32_t f, uint32_t* first, uint32_t* end) noexcept nogil:
    """The chunks [first, end) of file `f`. False: damaged, and both are 0."""
    cdef const uint32_t* p = NULL
    first[0] = end[0] = 0
    if f < s.n_files:
        p = <const uint32_t*>store_read(&s.store, &s.file_chunks[f], 8)
    if p == NULL or p[0] > p[1] or p[1] > s.n_chunks:
        s.store.damaged = True
        return False
    first[0] = p[0]
    end[0] = p[1]
    return True


cdef inline uint32_t segment_chunk_file(Segment* s, uint32_t chunk) noexcept nogil:
    """The file that holds `chunk`: the last one whose first chunk is not after it; 0 when damaged."""
    cdef uint32_t at = chunk // CHUNK_STEP, lo, hi, mid
    cdef bint more = chunk - chunk % CHUNK_STEP + CHUNK_STEP < s.n_chunks
    cdef const uint32_t* p = NULL
    if chunk < s.n_chunks:
        p = <const uint32_t*>store_read(&s.store, &s.chunk_file[at], 8 if more else 4)
    if p == NULL:
        s.store.damaged = True
        return 0
    lo = p[0]
    hi = p[1] + 1 if more else s.n_files
    if lo >= hi or hi > s.n_files:
        s.store.damaged = True
        return 0
    p = <const uint32_t*>store_read(&s.store, &s.file_chunks[lo], 4 * <size_t>(hi - lo))
    if p == NULL:
        return 0
    at = lo
    while hi - lo > 1:
        mid = lo + (hi - lo) // 2
        if p[mid - at] <= chunk:
            lo = mid
        else:
            hi = mid
    return lo


cdef inline const ChunkRecord* _sound_chunk(Segment* s, const ChunkRecord* r) noexcept nogil:
    if r == NULL or r.defs > s.defs_n:
        s.store.damaged = True
        return NULL
    return r


cdef inline const ChunkRecord* segment_chunk(Segment* s, uint32_t c) noexcept nogil:
    """Record of chunk `c`, its run of definitions inside the array; NULL when out of range or damaged."""
    return _sound_chunk(s, <const ChunkRecord*>store_read(&s.store, &s.chunks[c], sizeof(ChunkRecord))
                        if c < s.n_chunks else NULL)


cdef inline const ChunkRecord* one_chunk(Segment* s, uint32_t c) noexcept nogil:
    """The same for one that is shown and not for many (`store_piece`). The next one, if any, lies behind it."""
    cdef uint32_t n = 2 if c + 1 < s.n_chunks else 1
    cdef const ChunkRecord* r = <const ChunkRecord*>store_piece(
        &s.store, &s.chunks[c], n * sizeof(ChunkRecord)) if c < s.n_chunks else NULL
    return _sound_chunk(s, r) if n == 1 or r == NULL or _sound_chunk(s, r + 1) != NULL else NULL


cdef inline uint32_t segment_term(Segment* s, const uint8_t* text, uint32_t n) noexcept nogil:
    """Where the postings of a term (its stored form) are, NO_TERM when the segment does not have it."""
    cdef uint64_t h = hash64(text, n)
    cdef uint32_t b = <uint32_t>(h >> (64 - s.bucket_bits)) if s.bucket_bits else 0
    cdef uint64_t[TWO_PAGES] buffer
    cdef const uint32_t* bucket = <const uint32_t*>store_fetch(
        &s.store, &s.buckets[b], 8, <uint8_t*>buffer, sizeof(buffer))
    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef uint32_t size, post
    if bucket == NULL:
        return NO_TERM
    if bucket[0] > bucket[1] or bucket[1] > s.terms_n:
        s.store.damaged = True
        return NO_TERM
    size = bucket[1] - bucket[0]
    p = <const uint8_t*>store_fetch(&s.store, s.terms + bucket[0], size, <uint8_t*>buffer, sizeof(buffer))
    if p == NULL:
        return NO_TERM
    end = p + size
    while p < end:
        size = p[0]
        if size + 5 > end - p:
            s.store.damaged = True
            return NO_TERM
        if size == n and memcmp(p + 1, text, n) == 0:
            memcpy(&post, p + 1 + n, 4)
            return post
        p += size + 5
    return NO_TERM


cdef struct List:
    # Where the pieces of a posting list lie; made by `segment_list`. A single posting is a list without pieces.
    uint32_t df
    uint32_t blocks
    const Skip* skips
    const uint8_t* levels  # bounds of ranges of documents (`ranges.pxd`), NULL when the list is too short
    const uint8_t* ranges
    uint32_t half
    const uint8_t* data
    const uint8_t* tail
    const uint8_t* end   # nothing behind is of this list
    bint whole           # all of it is checked
    uint32_t single      # the posting, when df is 1
    uint8_t* copy        # what must be freed, see `list_close`


cdef inline bint _damaged(Segment* s) noexcept nogil:
    s.store.damaged = True
    return False


cdef inline void list_close(List* l) noexcept nogil:
    free(l.copy)
    l.copy = NULL


cdef inline bint segment_list(Segment* s, uint32_t post, List* out) noexcept nogil:
    """The list at `post` (see `segment_term`), its skips checked, to be closed. False: damaged or no memory."""
    cdef uint64_t[TWO_PAGES] buffer
    cdef const uint8_t* at = s.postings + post
    cdef const uint8_t* head
    cdef const uint8_t* p
    cdef uint64_t left, n, got, skips, data
    memset(out, 0, sizeof(List))
    out.df = 1
    out.single = post & ~<uint32_t>SINGLE
    if post & SINGLE:
        return True if out.single & (((<uint32_t>1) << SINGLE_CODE) - 1) < s.n_chunks else _damaged(s)
    if post >= s.postings_n:
        return _damaged(s)
    left = s.postings_n - post
    got = n = left if left < STORE_PAGE else STORE_PAGE
    head = <const uint8_t*>store_fetch(&s.store, at, n, <uint8_t*>buffer, sizeof(buffer))
    if head == NULL:
        return False
    p = read_varint(head, head + (n if n < 10 else 10), &data)
    if p == NULL or data < 2 or data > s.n_chunks:
        return _damaged(s)
    out.df = <uint32_t>data
    out.blocks = out.df // BLOCK
    skips = p - head
    if out.blocks:
        skips += (4 - ((post + skips) & 3)) & 3
    out.half = range_half(out.df, s.n_chunks)
    data = skips + out.blocks * sizeof(Skip) + (LEVELS + out.half if out.half else 0)
    if data > left:
        return _damaged(s)
    if data > n:
        head = <const uint8_t*>store_read(&s.store, at, data)
        if head == NULL:
            return False
    out.skips = <const Skip*>(head + skips)
    n = data + (<uint64_t>out.skips[out.blocks - 1].end * 4 if out.blocks else 0)
    if n > left:
        return _damaged(s)
    out.tail = at + n
    left -= n
    n += left if left < 6 * BLOCK else 6 * BLOCK  # no tail is longer: half a byte a code, five a delta
    if n <= LIST_WHOLE:
        # Everything is taken from one place that lasts.
        left = n + 2 * STORE_PAGE
        if s.store.fd >= 0:
            out.copy = <uint8_t*>malloc(left)
            if out.copy == NULL:
                return False
        if n <= got and head != at:
            memcpy(out.copy, head, n)
            at = out.copy
        else:
            at = <const uint8_t*>store_fetch(&s.store, at, n, out.copy, left)
        if at == NULL:
            return False
        out.tail = at + (out.tail - (s.postings + post))
        out.whole = True
    elif head != at:
        if store_read(&s.store, at, data) == NULL:
            return False
    out.skips = <const Skip*>(at + skips)
    if out.half:
        out.ranges = at + data - out.half
        out.levels = out.ranges - LEVELS
    out.data = at + data
    out.end = at + n
    return True


cdef inline uint32_t list_blocks(const List* l) noexcept nogil:
    """Blocks of a list, its tail included."""
    return l.blocks + (l.df % BLOCK != 0)


cdef inline uint32_t list_block_n(const List* l, uint32_t b) noexcept nogil:
    """Postings in block `b`; 0 behind the last one."""
    return BLOCK if b < l.blocks else (l.df % BLOCK if b == l.blocks else 0)


cdef inline const uint8_t* list_data(const List* l, uint32_t b) noexcept nogil:
    """Where the data of block `b` < `blocks` begins."""
    return l.data + (<uint64_t>l.skips[b - 1].end * 4 if b else 0)


cdef inline const uint8_t* _block_data(Segment* s, const List* l, uint32_t b, const uint8_t** end) noexcept nogil:
    """The same, checked, and where it ends; NULL when damaged."""
    cdef uint64_t from_ = list_data(l, b) - l.data, n = <uint64_t>l.skips[b].end * 4
    if n < from_ or n > <uint64_t>(l.end - l.data) or not (
            l.whole or store_touch(&s.store, l.data + from_, n - from_)):
        s.store.damaged = True
        return NULL
    end[0] = l.data + n
    return l.data + from_


cdef inline bint list_documents(Segment* s, const List* l, uint32_t b, uint32_t* docs, uint8_t* codes,
                                const uint8_t** packed) noexcept nogil:
    """The documents of block `b`: 128, or (b == blocks) the df % 128 of the tail. False: damaged.

    Their codes are left in `packed` for `block_codes`; those of a tail go to `codes` at once, and `packed` is NULL."""
    cdef const uint8_t* end = NULL
    cdef uint32_t before = l.skips[b - 1].last if b else NO_DOC
    packed[0] = NULL
    if l.df == 1:
        docs[0] = l.single & (((<uint32_t>1) << SINGLE_CODE) - 1)
        codes[0] = <uint8_t>(l.single >> SINGLE_CODE)
        return True
    if b == l.blocks:
        if not l.whole and not store_touch(&s.store, l.tail, l.end - l.tail):
            return False
        if tail_decode(l.tail, l.end, before, l.df % BLOCK, s.n_chunks, docs, codes) == NULL:
            return _damaged(s)
        return True
    packed[0] = _block_data(s, l, b, &end)
    return packed[0] != NULL and (
        block_documents(&l.skips[b], packed[0], end, before, s.n_chunks, docs) or _damaged(s))


cdef inline bint list_block(Segment* s, const List* l, uint32_t b, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """Documents and codes of a block (see `list_documents`). False: damaged."""
    cdef const uint8_t* packed
    if not list_documents(s, l, b, docs, codes, &packed):
        return False
    if packed != NULL:
        block_codes(&l.skips[b], packed, codes)
    return True


cdef inline uint32_t segment_df(Segment* s, uint32_t post) noexcept nogil:
    """How many postings the list at `post` has, those of deleted documents included; 0 when damaged."""
    cdef List l
    cdef bint ok = segment_list(s, post, &l)
    list_close(&l)
    return l.df if ok else 0


cdef inline bint segment_postings(Segment* s, uint32_t post, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """All df postings of the list at `post`. False: damaged."""
    cdef List l
    cdef uint32_t b
    cdef bint ok = segment_list(s, post, &l)
    for b in range(list_blocks(&l)):
        ok = ok and list_block(s, &l, b, docs + b * BLOCK, codes + b * BLOCK)
    list_close(&l)
    return ok


cdef inline bint segment_all_postings(Segment* s, uint32_t term, uint32_t** docs, uint8_t** codes,
                                      uint32_t* n) noexcept nogil:
    """All postings of a term, to be freed. False: damaged or no memory, and nothing to free."""
    n[0] = segment_df(s, term)
    docs[0] = <uint32_t*>malloc(<size_t>n[0] * 4 + 4)
    codes[0] = <uint8_t*>malloc(<size_t>n[0] + 4)
    if docs[0] != NULL and codes[0] != NULL and segment_postings(s, term, docs[0], codes[0]):
        return True
    free(docs[0])
    free(codes[0])
    return False


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
    cdef const ChunkRecord* c = one_chunk(s, chunk)
    cdef uint32_t end
    cdef uint64_t back
    if c == NULL:
        return False
    end = c[1].defs if chunk + 1 < s.n_chunks else <uint32_t>s.defs_n
    if end < c.defs:
        return _damaged(s)
    d.at = <const uint8_t*>store_piece(&s.store, s.defs + c.defs, end - c.defs)
    if d.at == NULL:
        return False
    d.end = d.at + (end - c.defs)
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
