# cython: language_level=3
"""A segment: one immutable file with the chunks of some files and the inverted index over them. Format and reader.

Arrays of the container (`store.pxd`), in this order; records are described by the structs below, whose numpy twins are
in greppy/index/layout.py:

    postings      u1      posting lists (`postings.pxd`), each at a multiple of 4
    chunks        chunk   one record a chunk; the chunks of a file tile it and stand in its order
    chunk_len     u1      length code of each chunk (`length_code`): its terms, wholes not counted
    defs          u1      definitions of each chunk, see `defs` below
    terms         term    the dictionary, by XXH64 of the term, then by its bytes; one record more closes `text`
    term_text     u1      the terms' bytes, in that order, nothing between them
    term_bucket   <u4     2^k + 1 numbers: the terms whose hash begins with the k bits b are [bucket[b], bucket[b + 1])
    files         file    one record a file, by path
    paths         u1      the files' paths, relative to the project's root
    parts         part    distinct words of the paths, by their bytes; one record more closes the texts
    part_text     u1      each part's word, then its stem
    part_order    <u4     the parts by their stems' bytes
    part_files    u1      for each part the files whose path has it: LEB128 of `delta << 1 | in the name (not a folder)`

A definition in `defs` is: LEB128 lines since the chunk's definition before (since the chunk's first line), LEB128 bytes
from the start of its line to the name, length of the name (u1, 255 for longer), `kind | DEF_EXPORTED << 4` (u1), number
of enclosing definitions (u1). A chunk's run of them ends where the next chunk's begins.

Terms of the dictionary (their texts): a part is its text as it is, a whole begins with `=`, and `#` and eight bytes, the
XXH64 of a name as it is written, lead to the chunks that define exactly that name, with codes 0 a value, 1 a function,
2 a type.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset, memcmp
from _core.hash cimport hash64
from _core.postings cimport Skip, BLOCK, CODES, NO_DOC, block_decode, tail_decode
from _core.store cimport Store, store_open, store_close, store_touch, store_array, STORE_OK, STORE_DAMAGED

cdef enum:
    SEGMENT_ARRAYS = 13
    SINGLE_CODE = 27    # a single posting: document in the bits below, code above

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
    uint32_t first_chunk
    uint32_t n_lines
    uint16_t path_len
    uint8_t language
    uint8_t flags
    uint8_t name_parts   # distinct words of the file's name: what "fraction of the name matched" is a fraction of
    uint8_t depth        # slashes in the path
    uint16_t zero
    uint32_t whole_name  # low 32 bits of the XXH64 of the name's parts joined and stemmed

cdef struct ChunkRecord:
    uint32_t start       # byte offset in the file
    uint32_t line        # of its first line, from 0
    uint32_t defs
    uint32_t parent      # byte offset in the file of the name of the definition that encloses the chunk's beginning
    uint16_t kinds       # bit k: it has a definition of kind k
    uint8_t parent_len   # 0: nothing encloses it
    uint8_t parent_kind

cdef struct TermRecord:
    uint32_t text
    uint32_t df          # postings, deleted documents included
    uint32_t post        # df 1: the posting; else where the list begins in `postings`, in words of 4 bytes

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
    const ChunkRecord* chunks
    const uint8_t* chunk_len
    const TermRecord* terms
    const uint8_t* term_text
    uint64_t term_text_n
    const uint32_t* buckets
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
    s.chunks = <const ChunkRecord*>store_array(&s.store, b"chunks", sizeof(ChunkRecord), &n)
    s.n_chunks = <uint32_t>n
    s.chunk_len = <const uint8_t*>store_array(&s.store, b"chunk_len", 1, &m)
    if m != n:
        s.store.damaged = True
    s.terms = <const TermRecord*>store_array(&s.store, b"terms", sizeof(TermRecord), &n)
    s.n_terms = <uint32_t>(n - 1)
    s.store.damaged |= n == 0
    s.term_text = <const uint8_t*>store_array(&s.store, b"term_text", 1, &s.term_text_n)
    s.buckets = <const uint32_t*>store_array(&s.store, b"term_bucket", 4, &n)
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
    if r.path > s.paths_n or r.path_len > s.paths_n - r.path or r.first_chunk > s.n_chunks:
        s.store.damaged = True
        return NULL
    if not store_touch(&s.store, s.paths + r.path, r.path_len):
        return NULL
    return r


cdef inline uint32_t segment_file_end(Segment* s, uint32_t f) noexcept nogil:
    """The first chunk after those of file `f`."""
    if f + 1 >= s.n_files:
        return s.n_chunks
    if not store_touch(&s.store, &s.files[f + 1], sizeof(FileRecord)) or s.files[f + 1].first_chunk > s.n_chunks:
        s.store.damaged = True
        return 0
    return s.files[f + 1].first_chunk


cdef inline uint32_t segment_chunk_file(Segment* s, uint32_t chunk) noexcept nogil:
    """The file that holds `chunk`: the last one whose first chunk is not after it (binary search)."""
    cdef uint32_t lo = 0, hi = s.n_files, mid
    while hi - lo > 1:
        mid = lo + (hi - lo) // 2
        if not store_touch(&s.store, &s.files[mid], sizeof(FileRecord)):
            return 0
        if s.files[mid].first_chunk <= chunk:
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
    if not store_touch(&s.store, &s.buckets[b], 8):
        return s.n_terms
    i = s.buckets[b]
    hi = s.buckets[b + 1]
    if i > hi or hi > s.n_terms or not store_touch(&s.store, &s.terms[i], (hi - i + 1) * sizeof(TermRecord)):
        s.store.damaged = True
        return s.n_terms
    while i < hi:
        at = s.terms[i].text
        end = s.terms[i + 1].text
        if at > end or end > s.term_text_n:
            s.store.damaged = True
            return s.n_terms
        if end - at == n:
            if not store_touch(&s.store, s.term_text + at, n):
                return s.n_terms
            if memcmp(s.term_text + at, text, n) == 0:
                return i
        i += 1
    return s.n_terms


cdef struct List:
    # Where the pieces of a posting list lie; made by `segment_list`, every piece but the tail checked to be in the file.
    const Skip* skips
    const uint32_t* data
    const uint8_t* tail
    uint32_t blocks
    uint32_t df


cdef inline bint segment_list(Segment* s, const TermRecord* t, List* out) noexcept nogil:
    """The list of a term with two postings or more. False: damaged."""
    cdef uint64_t at = <uint64_t>t.post * 4
    cdef uint64_t skips = <uint64_t>(t.df // BLOCK) * sizeof(Skip)
    cdef const Skip* last
    cdef uint64_t data
    out.df = t.df
    out.blocks = t.df // BLOCK
    if at > s.postings_n or skips > s.postings_n - at or not store_touch(&s.store, s.postings + at, skips):
        s.store.damaged = True
        return False
    out.skips = <const Skip*>(s.postings + at)
    out.data = <const uint32_t*>(s.postings + at + skips)
    data = 0
    if out.blocks:
        last = &out.skips[out.blocks - 1]
        if last.doc_bits > 32 or last.code_bits > 5:
            s.store.damaged = True
            return False
        data = <uint64_t>last.data * 4 + 16 * (<uint64_t>last.doc_bits + last.code_bits)
    if data > s.postings_n - at - skips:
        s.store.damaged = True
        return False
    out.tail = s.postings + at + skips + data
    return True


cdef inline bint list_block(Segment* s, const List* l, uint32_t b, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """Block `b` of a list: 128 postings, or (b == blocks) the df % 128 of the tail. False: damaged."""
    cdef const Skip* k
    cdef uint32_t before = NO_DOC
    cdef uint64_t n
    cdef const uint8_t* end = s.postings + s.postings_n
    if b:
        before = l.skips[b - 1].last
    if b == l.blocks:
        n = <uint64_t>(end - l.tail)
        if n > 7 * BLOCK:
            n = 7 * BLOCK  # no tail is longer: six bytes a delta, one a code
        if (not store_touch(&s.store, l.tail, n)
                or tail_decode(l.tail, l.tail + n, before, l.df % BLOCK, s.n_chunks, docs, codes) == NULL):
            s.store.damaged = True
            return False
        return True
    k = &l.skips[b]
    n = 16 * (<uint64_t>k.doc_bits + k.code_bits)
    if (k.doc_bits > 32 or k.code_bits > 5 or <uint64_t>(<const uint8_t*>(l.data + k.data) - s.postings) + n > s.postings_n
            or not store_touch(&s.store, l.data + k.data, n)
            or not block_decode(k, l.data + k.data, before, s.n_chunks, docs, codes)):
        s.store.damaged = True
        return False
    return True


cdef inline bint segment_postings(Segment* s, const TermRecord* t, uint32_t* docs, uint8_t* codes) noexcept nogil:
    """All df postings of a term. False: damaged."""
    cdef List l
    cdef uint32_t b
    if t.df == 0:
        return True
    if t.df == 1:
        docs[0] = t.post & ((<uint32_t>1 << SINGLE_CODE) - 1)
        codes[0] = <uint8_t>(t.post >> SINGLE_CODE)
        if docs[0] >= s.n_chunks:
            s.store.damaged = True
        return docs[0] < s.n_chunks
    if t.df > s.n_chunks or not segment_list(s, t, &l):
        s.store.damaged = True
        return False
    for b in range(l.blocks + (1 if l.df % BLOCK else 0)):
        if not list_block(s, &l, b, docs + b * BLOCK, codes + b * BLOCK):
            return False
    return True
