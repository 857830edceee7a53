# cython: language_level=3
"""Several segments into one, without reading a source file again: files by path, chunks and postings renumbered.

The dictionaries are merged in their own order (hash, then bytes), so that each input's terms are met one by one. Files
that a deletion bitmap names are left out, and with them their chunks and postings; a term nobody holds any more goes.

The terms are merged in slices, each those whose hashes begin with the same bits: `merge_open`, `merge_slice` for each
slice, in any order and in as many threads as there are, `merge_append` in their order, `merge_close`, `merge_free`.
What comes out is the same however many slices there are.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy, memset, memcmp
from _core.base cimport Bytes, bytes_free, bytes_add, bytes_byte
from _core.builder cimport (
    Dictionary, dictionary_add, dictionary_failed, dictionary_free, dictionary_write, write_file_chunks,
)
from _core.hash cimport hash64
from _core.parts cimport parts_write
from _core.impacts cimport Impacts, code_length, impacts_init
from _core.postings cimport NO_DOC, postings_encode
from _core.segment cimport (
    Segment, FileRecord, RankRecord, ChunkRecord, SEGMENT_ARRAYS, SINGLE, SINGLE_CODE, segment_postings, segment_df,
    segment_file_chunks, segment_links,
)
from _core.store cimport StoreWriter, writer_open, writer_array, writer_add, writer_close, store_check, store_done

cdef enum:
    MERGE_INPUTS = 64
    SLICE_BYTES = 4 << 20   # about so much of the inputs' lists and dictionaries goes into one slice
    SLICE_BITS = 12         # at most
    MAP_STEP = 16
    UNEQUAL = 0xFFFFFFFF    # (those that move by -1 are looked up as well)

cdef enum MergeError:
    MERGE_OK = 0
    MERGE_SYSTEM = 1
    MERGE_MEMORY = 2
    MERGE_DAMAGED = 3

cdef struct Input:
    Segment* segment
    const uint8_t* deleted   # one bit a file, or NULL
    uint32_t* chunk_map      # new number of each chunk, NO_DOC for one that goes
    uint32_t* shifts         # for each MAP_STEP of them how far all move, or UNEQUAL: so little stays in the cache
    uint32_t file            # next file to take
    uint64_t terms_n         # bytes of its `terms`; fewer when these turn out to be damaged
    uint64_t term            # where the next term begins in `terms`; its hash, bytes and postings
    uint64_t hash
    const uint8_t* text
    uint32_t text_len
    uint32_t post
    uint32_t df              # postings of the term at hand
    uint32_t at, end         # the run of those that stay, in the work arrays


cdef inline bint bit(const uint8_t* bits, uint32_t i) noexcept nogil:
    return bits != NULL and (bits[i >> 3] >> (i & 7)) & 1


cdef inline void _next_file(Input* in_) noexcept nogil:
    while in_.file < in_.segment.n_files and bit(in_.deleted, in_.file):
        in_.file += 1


cdef inline void _load_term(Input* in_) noexcept nogil:
    """The term that begins at `in_.term`; the next one begins where it ends."""
    cdef const uint8_t* p = in_.segment.terms + in_.term
    cdef uint64_t left = in_.terms_n - in_.term
    if left == 0:
        return
    if left < 5 or p[0] > left - 5:
        in_.segment.store.damaged = True
        in_.terms_n = in_.term
        return
    in_.text = p + 1
    in_.text_len = p[0]
    memcpy(&in_.post, in_.text + in_.text_len, 4)
    in_.hash = hash64(in_.text, in_.text_len)


cdef inline int _compare_terms(const Input* a, const Input* b) noexcept nogil:
    cdef int c
    if a.hash != b.hash:
        return -1 if a.hash < b.hash else 1
    c = memcmp(a.text, b.text, a.text_len if a.text_len < b.text_len else b.text_len)
    if c:
        return c
    return <int>a.text_len - <int>b.text_len


cdef inline bint _merge_files(Input* in_, uint32_t n, Bytes* files, Bytes* ranks, Bytes* firsts, Bytes* paths,
                              Bytes* chunks, Bytes* lengths, Bytes* defs, Bytes* links) noexcept nogil:
    """Files of all inputs by path, with their chunks; fills the chunk maps. False: damaged or no memory."""
    cdef uint32_t i, best, c, end, first, run, made = 0
    cdef const FileRecord* f
    cdef const FileRecord* g
    cdef Segment* s
    cdef FileRecord r
    cdef RankRecord rank
    cdef ChunkRecord x
    cdef const uint8_t* p
    cdef const uint8_t* q = NULL
    cdef int order
    for i in range(n):
        _next_file(&in_[i])
    while True:
        best = n
        for i in range(n):
            s = in_[i].segment
            if in_[i].file >= s.n_files:
                continue
            f = &s.files[in_[i].file]
            if f.path > s.paths_n or f.path_len > s.paths_n - f.path:
                return False
            if best == n:
                best = i
                continue
            g = &in_[best].segment.files[in_[best].file]
            order = memcmp(s.paths + f.path, in_[best].segment.paths + g.path,
                           f.path_len if f.path_len < g.path_len else g.path_len)
            if order < 0 or (order == 0 and f.path_len < g.path_len):
                best = i
        if best == n:
            bytes_add(firsts, &made, 4)
            return not (files.failed or ranks.failed or firsts.failed or paths.failed or chunks.failed
                        or lengths.failed or defs.failed or links.failed)
        s = in_[best].segment
        f = &s.files[in_[best].file]
        if not segment_file_chunks(s, in_[best].file, &first, &end):
            return False
        r = f[0]
        r.path = <uint32_t>paths.len
        p = segment_links(s, in_[best].file, NULL, 0, &q)
        if p == NULL:
            return False
        rank = s.ranks[in_[best].file]
        rank.links = <uint32_t>links.len
        bytes_add(links, p, q - p)
        bytes_add(ranks, &rank, sizeof(rank))
        bytes_add(firsts, &made, 4)
        bytes_add(files, &r, sizeof(r))
        bytes_add(paths, s.paths + f.path, f.path_len)
        if first < end:
            run = s.chunks[first].defs
            if run > s.defs_n or (end < s.n_chunks and (s.chunks[end].defs < run or s.chunks[end].defs > s.defs_n)):
                return False
            for c in range(first, end):
                x = s.chunks[c]
                x.defs = <uint32_t>(defs.len + x.defs - run)
                bytes_add(chunks, &x, sizeof(x))
                in_[best].chunk_map[c] = made
                made += 1
            bytes_add(lengths, s.chunk_len + first, end - first)
            bytes_add(defs, s.defs + run, (s.chunks[end].defs if end < s.n_chunks else s.defs_n) - run)
        in_[best].file += 1
        _next_file(&in_[best])


cdef inline bint _shifts(Input* in_) noexcept nogil:
    """False: no memory."""
    cdef uint32_t n = in_.segment.n_chunks, i, c, shift
    in_.shifts = <uint32_t*>malloc(<size_t>(n // MAP_STEP + 1) * 4)
    if in_.shifts == NULL:
        return False
    for i in range(n // MAP_STEP + 1):
        shift = UNEQUAL
        for c in range(i * MAP_STEP, min(n, (i + 1) * MAP_STEP)):
            if in_.chunk_map[c] == NO_DOC or (c % MAP_STEP and in_.chunk_map[c] - c != shift):
                shift = UNEQUAL
                break
            shift = in_.chunk_map[c] - c
        in_.shifts[i] = shift
    return True


cdef inline uint32_t _moved(const Input* in_, uint32_t chunk) noexcept nogil:
    """Its new number, or NO_DOC."""
    cdef uint32_t shift = in_.shifts[chunk // MAP_STEP]
    return chunk + shift if shift != UNEQUAL else in_.chunk_map[chunk]


cdef inline uint32_t _gather(Input** have, uint32_t n, uint32_t* docs, uint8_t* codes, uint32_t* out_docs,
                             uint8_t* out_codes) noexcept nogil:
    """The inputs' runs docs[at:end], each ascending, into one ascending list; its length.

    Runs of one input follow each other (files were handed out in batches), so whole stretches are copied at once."""
    cdef uint32_t made = 0, i, best, second
    cdef Input* x
    while True:
        best = NO_DOC
        second = NO_DOC
        x = NULL
        for i in range(n):
            if have[i].at < have[i].end:
                if docs[have[i].at] < best:
                    second = best
                    best = docs[have[i].at]
                    x = have[i]
                elif docs[have[i].at] < second:
                    second = docs[have[i].at]
        if x == NULL:
            return made
        while x.at < x.end and docs[x.at] < second:
            out_docs[made] = docs[x.at]
            out_codes[made] = codes[x.at]
            made += 1
            x.at += 1


cdef struct Slice:
    # The terms whose hashes begin with the same bits, merged.
    Bytes lists          # one after the other, each at a multiple of 4
    Dictionary terms     # of a term that has a list: how long that is, instead of where

cdef struct Merge:
    # A merge under way.
    Input[MERGE_INPUTS] in_
    uint32_t n
    uint32_t bits        # those a slice's hashes have in common
    Bytes files          # of the output, as the arrays of these names
    Bytes ranks
    Bytes firsts
    Bytes paths
    Bytes chunks
    Bytes lengths
    Bytes defs
    Bytes links
    Dictionary terms
    Impacts impacts
    uint64_t total       # of the lengths
    StoreWriter w
    int result           # a MergeError


cdef inline void slice_free(Slice* s) noexcept nogil:
    bytes_free(&s.lists)
    dictionary_free(&s.terms)


cdef inline uint64_t _slice_of(const Merge* m, uint64_t hash) noexcept nogil:
    return hash >> (64 - m.bits) if m.bits else 0


cdef inline void _to_slice(const Merge* m, Input* in_, uint32_t slice) noexcept nogil:
    """To the first term of the slice or of one behind it."""
    cdef const Segment* s = in_.segment
    cdef uint64_t b = slice
    b = b << (s.bucket_bits - m.bits) if s.bucket_bits >= m.bits else b >> (m.bits - s.bucket_bits)
    in_.terms_n = s.terms_n
    in_.term = s.buckets[b]
    if in_.term > in_.terms_n:
        in_.segment.store.damaged = True
        in_.term = in_.terms_n
    _load_term(in_)
    while in_.term < in_.terms_n and _slice_of(m, in_.hash) < slice:
        in_.term += in_.text_len + 5
        _load_term(in_)


cdef inline int merge_slice(const Merge* m, uint32_t slice, Slice* out) noexcept nogil:
    """Merges the terms of a slice, which begins empty: a MergeError. Threads may do so at once."""
    cdef Input[MERGE_INPUTS] in_
    cdef Input* have[MERGE_INPUTS]
    cdef uint32_t* docs = NULL
    cdef uint8_t* codes = NULL
    cdef uint32_t* out_docs = NULL
    cdef uint8_t* out_codes = NULL
    cdef uint32_t i, j, k, n, sum, post, cap = 0, n_docs = <uint32_t>m.lengths.len
    cdef int order, result = MERGE_OK
    cdef Input* first
    cdef Input next_
    cdef size_t at
    memcpy(in_, m.in_, sizeof(in_))
    for i in range(m.n):
        _to_slice(m, &in_[i], slice)
    while result == MERGE_OK:
        n = 0
        for i in range(m.n):
            if in_[i].term >= in_[i].terms_n:
                continue
            order = _compare_terms(&in_[i], have[0]) if n else -1
            if order < 0:
                have[0] = &in_[i]
                n = 1
            elif order == 0:
                have[n] = &in_[i]
                n += 1
        if n == 0 or _slice_of(m, have[0].hash) > slice:
            break
        sum = 0
        for i in range(n):
            have[i].df = segment_df(have[i].segment, have[i].post)
            if have[i].df == 0:
                result = MERGE_DAMAGED
                break
            sum += have[i].df
        if result:
            break
        if sum > cap:
            cap = sum + sum // 2 + 1024
            free(docs)
            free(codes)
            free(out_docs)
            free(out_codes)
            docs = <uint32_t*>malloc(<size_t>cap * 4)
            codes = <uint8_t*>malloc(cap)
            out_docs = <uint32_t*>malloc(<size_t>cap * 4)
            out_codes = <uint8_t*>malloc(cap)
            if docs == NULL or codes == NULL or out_docs == NULL or out_codes == NULL:
                result = MERGE_MEMORY
                break
        sum = 0
        for i in range(n):
            if not segment_postings(have[i].segment, have[i].post, docs + sum, codes + sum):
                result = MERGE_DAMAGED
                break
            have[i].at = sum
            k = sum
            for j in range(sum, sum + have[i].df):  # documents that go are squeezed out
                docs[k] = _moved(have[i], docs[j])
                codes[k] = codes[j]
                k += docs[k] != NO_DOC
            have[i].end = k
            sum = k
        if result:
            break
        if n > 1:
            k = _gather(have, n, docs, codes, out_docs, out_codes)
        else:
            k = sum
        if k:
            first = have[0]
            if k == 1:
                post = SINGLE | (out_docs[0] if n > 1 else docs[0]) | (
                    <uint32_t>(out_codes[0] if n > 1 else codes[0]) << SINGLE_CODE)
            else:
                while out.lists.len & 3:
                    bytes_byte(&out.lists, 0)
                at = out.lists.len
                postings_encode(out_docs if n > 1 else docs, out_codes if n > 1 else codes, k, m.lengths.data, n_docs,
                                &m.impacts, &out.lists)
                post = <uint32_t>(out.lists.len - at)
            dictionary_add(&out.terms, first.text, first.text_len, first.hash, post)
        for i in range(n):
            have[i].term += have[i].text_len + 5
            _load_term(have[i])
        if out.lists.failed or dictionary_failed(&out.terms):
            result = MERGE_MEMORY
    for i in range(m.n):  # the next slice goes on where this one ends: no term is lost between them
        next_ = in_[i]
        if slice + 1 < <uint32_t>1 << m.bits:
            _to_slice(m, &next_, slice + 1)
        else:
            next_.term = next_.terms_n
        if result == MERGE_OK and in_[i].term != next_.term:
            result = MERGE_DAMAGED
    free(docs)
    free(codes)
    free(out_docs)
    free(out_codes)
    return result


cdef inline void merge_append(Merge* m, const Slice* s) noexcept nogil:
    """The lists of a slice to the file, its terms to the dictionary."""
    cdef uint32_t i, post, size
    cdef uint8_t[4] zeros
    cdef size_t at = 0
    cdef uint64_t hash
    cdef const uint8_t* p = s.terms.terms.data
    memset(zeros, 0, sizeof(zeros))
    for i in range(s.terms.n):
        memcpy(&post, p + 1 + p[0], 4)
        memcpy(&hash, s.terms.hashes.data + 8 * <size_t>i, 8)
        if not post & SINGLE:
            size = post
            at = (at + 3) & ~<size_t>3
            if s.lists.data[at] & 128:  # so long that it has blocks, which are read as words
                writer_add(&m.w, zeros, -<int64_t>(m.w.at - m.w.arrays[0].offset) & 3)
            post = <uint32_t>(m.w.at - m.w.arrays[0].offset)
            writer_add(&m.w, s.lists.data + at, size)
            at += size
        dictionary_add(&m.terms, p + 1, p[0], hash, post)
        p += p[0] + 5
    if dictionary_failed(&m.terms):
        m.result = MERGE_MEMORY
    if m.w.failed:
        m.result = MERGE_SYSTEM


cdef inline void merge_open(Merge* m, Segment** segments, const uint8_t** deleted, uint32_t n, const char* path,
                            uint64_t serial) noexcept nogil:
    """Begins to merge n <= MERGE_INPUTS open segments into a new file at `path`: what came of it in `m.result`.
    `merge_close` and `merge_free` must follow in any case.

    `deleted[i]` has one bit for each file of segment i that goes, or is NULL."""
    cdef uint64_t size = 0
    cdef uint32_t i, c
    memset(m, 0, sizeof(Merge))
    m.w.fd = -1
    for i in range(n):
        m.in_[i].segment = segments[i]
        m.n = i + 1
        m.in_[i].deleted = deleted[i]
        m.in_[i].chunk_map = <uint32_t*>malloc(<size_t>segments[i].n_chunks * 4 + 4)
        if m.in_[i].chunk_map == NULL:
            m.result = MERGE_MEMORY
            return
        memset(m.in_[i].chunk_map, 255, <size_t>segments[i].n_chunks * 4)
        if not store_check(&segments[i].store):
            m.result = MERGE_DAMAGED
            return
        size += segments[i].terms_n + segments[i].postings_n
    while m.bits < SLICE_BITS and size >> m.bits > SLICE_BYTES:
        m.bits += 1
    if not _merge_files(m.in_, n, &m.files, &m.ranks, &m.firsts, &m.paths, &m.chunks, &m.lengths, &m.defs, &m.links):
        m.result = MERGE_DAMAGED
        return
    for i in range(n):
        if not _shifts(&m.in_[i]):
            m.result = MERGE_MEMORY
            return
    if not writer_open(&m.w, path, b"segment", serial, SEGMENT_ARRAYS):
        m.result = MERGE_SYSTEM
        return
    for c in range(<uint32_t>m.lengths.len):
        m.total += code_length(m.lengths.data[c])
    impacts_init(&m.impacts, m.total, <uint32_t>m.lengths.len)
    writer_array(&m.w, b"postings", b"|u1", 1)


cdef inline void _write_rest(Merge* m) noexcept nogil:
    """Everything but the posting lists."""
    cdef StoreWriter* w = &m.w
    cdef uint32_t n_files = <uint32_t>(m.files.len // sizeof(FileRecord))
    w.head.numbers[0] = m.total
    writer_array(w, b"chunks", b"chunk", sizeof(ChunkRecord))
    writer_add(w, m.chunks.data, m.chunks.len)
    writer_array(w, b"chunk_len", b"|u1", 1)
    writer_add(w, m.lengths.data, m.lengths.len)
    writer_array(w, b"defs", b"|u1", 1)
    writer_add(w, m.defs.data, m.defs.len)
    writer_array(w, b"links", b"|u1", 1)
    writer_add(w, m.links.data, m.links.len)
    dictionary_write(w, &m.terms)
    writer_array(w, b"files", b"file", sizeof(FileRecord))
    writer_add(w, m.files.data, m.files.len)
    writer_array(w, b"file_rank", b"rank", sizeof(RankRecord))
    writer_add(w, m.ranks.data, m.ranks.len)
    write_file_chunks(w, <const uint32_t*>m.firsts.data, n_files, <uint32_t>m.lengths.len)
    writer_array(w, b"paths", b"|u1", 1)
    writer_add(w, m.paths.data, m.paths.len)
    if not parts_write(w, <const FileRecord*>m.files.data, n_files, m.paths.data):
        m.result = MERGE_MEMORY


cdef inline int merge_close(Merge* m, int* error) noexcept nogil:
    """Writes the rest, synced, if all went well so far: a MergeError, errno in `error`. After an error the file must be
    removed."""
    cdef uint32_t i
    for i in range(m.n):
        if m.in_[i].segment.store.damaged:
            m.result = MERGE_DAMAGED
        store_done(&m.in_[i].segment.store)
    if m.result == MERGE_OK:
        _write_rest(m)
    m.w.failed |= m.result != MERGE_OK  # nothing more is written then
    if not writer_close(&m.w, True) and m.result == MERGE_OK:
        m.result = MERGE_SYSTEM
    error[0] = m.w.error
    return m.result


cdef inline void merge_free(Merge* m) noexcept nogil:
    """Frees what `m` holds. Nobody may be making a slice."""
    cdef uint32_t i
    for i in range(m.n):
        free(m.in_[i].chunk_map)
        free(m.in_[i].shifts)
    bytes_free(&m.files)
    bytes_free(&m.ranks)
    bytes_free(&m.firsts)
    bytes_free(&m.paths)
    bytes_free(&m.chunks)
    bytes_free(&m.lengths)
    bytes_free(&m.defs)
    bytes_free(&m.links)
    dictionary_free(&m.terms)


cdef inline int merge_segments(Segment** segments, const uint8_t** deleted, uint32_t n, const char* path,
                               uint64_t serial, int* error) noexcept nogil:
    """All of it, one slice after the other: a MergeError, errno in `error`."""
    cdef Merge m
    cdef Slice s
    cdef uint32_t i = 0
    merge_open(&m, segments, deleted, n, path, serial)
    while m.result == MERGE_OK and i < <uint32_t>1 << m.bits:
        memset(&s, 0, sizeof(s))
        m.result = merge_slice(&m, i, &s)
        if m.result == MERGE_OK:
            merge_append(&m, &s)
        slice_free(&s)
        i += 1
    merge_close(&m, error)
    merge_free(&m)
    return m.result
