# cython: language_level=3
"""Several segments into one, without reading a source file again: files by path, chunks and postings renumbered.

The dictionaries are merged in their own order (hash, then bytes), so each input is read once from front to back. Files
that a deletion bitmap names are left out, and with them their chunks and postings; a term nobody holds any more goes.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, realloc, free
from libc.string cimport memcpy, memset, memcmp
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, bytes_byte, bytes_reserve
from _core.builder cimport (
    Dictionary, dictionary_add, dictionary_failed, dictionary_free, dictionary_write, write_file_chunks,
    write_list,
)
from _core.hash cimport hash64
from _core.parts cimport parts_write
from _core.impacts cimport Impacts, code_length, impacts_init
from _core.postings cimport NO_DOC
from _core.segment cimport (
    Segment, FileRecord, RankRecord, ChunkRecord, SEGMENT_ARRAYS, SINGLE, SINGLE_CODE, segment_postings, segment_df,
    segment_file_chunks, segment_links,
)
from _core.store cimport StoreWriter, writer_open, writer_array, writer_add, writer_close, store_check, store_done

cdef enum:
    MERGE_INPUTS = 64

cdef enum MergeError:
    MERGE_OK = 0
    MERGE_SYSTEM = 1
    MERGE_MEMORY = 2
    MERGE_DAMAGED = 3

cdef struct Input:
    Segment* segment
    const uint8_t* deleted   # one bit a file, or NULL
    uint32_t* chunk_map      # new number of each chunk, NO_DOC for one that goes
    uint32_t file            # next file to take
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
    cdef uint64_t left = in_.segment.terms_n - in_.term
    if left == 0:
        return
    if left < 5 or p[0] > left - 5:
        in_.segment.store.damaged = True
        in_.segment.terms_n = in_.term
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
        p = segment_links(s, in_[best].file, &q)
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


cdef inline int _merge_terms(Input* in_, uint32_t n, StoreWriter* w, const uint8_t* lengths, uint32_t n_docs,
                             const Impacts* impacts, Dictionary* terms) noexcept nogil:
    """The posting lists to the writer, the dictionary to `terms`: a MergeError."""
    cdef Input* have[MERGE_INPUTS]
    cdef uint32_t* docs = NULL
    cdef uint8_t* codes = NULL
    cdef uint32_t* out_docs = NULL
    cdef uint8_t* out_codes = NULL
    cdef Bytes list
    cdef uint32_t i, j, k, m, sum, post, cap = 0
    cdef int order, result = MERGE_OK
    cdef Input* first
    bytes_init(&list)
    for i in range(n):
        _load_term(&in_[i])
    while result == MERGE_OK:
        m = 0
        for i in range(n):
            if in_[i].term >= in_[i].segment.terms_n:
                continue
            order = _compare_terms(&in_[i], have[0]) if m else -1
            if order < 0:
                have[0] = &in_[i]
                m = 1
            elif order == 0:
                have[m] = &in_[i]
                m += 1
        if m == 0:
            break
        sum = 0
        for i in range(m):
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
        for i in range(m):
            if not segment_postings(have[i].segment, have[i].post, docs + sum, codes + sum):
                result = MERGE_DAMAGED
                break
            have[i].at = sum
            k = sum
            for j in range(sum, sum + have[i].df):  # documents that go are squeezed out
                docs[k] = have[i].chunk_map[docs[j]]
                codes[k] = codes[j]
                k += docs[k] != NO_DOC
            have[i].end = k
            sum = k
        if result:
            break
        if m > 1:
            k = _gather(have, m, docs, codes, out_docs, out_codes)
        else:
            k = sum
        if k:
            first = have[0]
            if k == 1:
                post = SINGLE | (out_docs[0] if m > 1 else docs[0]) | (
                    <uint32_t>(out_codes[0] if m > 1 else codes[0]) << SINGLE_CODE)
            else:
                post = write_list(w, out_docs if m > 1 else docs, out_codes if m > 1 else codes, k, lengths, n_docs,
                                  impacts, &list)
            dictionary_add(terms, first.text, first.text_len, first.hash, post)
        for i in range(m):
            have[i].term += have[i].text_len + 5
            _load_term(have[i])
        if list.failed or dictionary_failed(terms):
            result = MERGE_MEMORY
        if w.failed:
            result = MERGE_SYSTEM
    bytes_free(&list)
    free(docs)
    free(codes)
    free(out_docs)
    free(out_codes)
    return result


cdef inline int merge_segments(Segment** segments, const uint8_t** deleted, uint32_t n, const char* path,
                               uint64_t serial, int* error) noexcept nogil:
    """Merges n <= MERGE_INPUTS open segments into a new file at `path`, synced: a MergeError, errno in `error`.

    `deleted[i]` has one bit for each file of segment i that goes, or is NULL. After an error the file must be
    removed."""
    cdef Input[MERGE_INPUTS] in_
    cdef StoreWriter w
    cdef Bytes files, ranks, firsts, paths, chunks, lengths, defs, links
    cdef Dictionary terms
    cdef Impacts impacts
    cdef uint64_t total = 0
    cdef uint32_t i, c
    cdef int result = MERGE_OK
    error[0] = 0
    memset(in_, 0, sizeof(in_))
    bytes_init(&files)
    bytes_init(&ranks)
    bytes_init(&firsts)
    bytes_init(&paths)
    bytes_init(&chunks)
    bytes_init(&lengths)
    bytes_init(&defs)
    bytes_init(&links)
    memset(&terms, 0, sizeof(terms))
    for i in range(n):
        in_[i].segment = segments[i]
        in_[i].deleted = deleted[i]
        in_[i].chunk_map = <uint32_t*>malloc(<size_t>segments[i].n_chunks * 4 + 4)
        if in_[i].chunk_map == NULL:
            result = MERGE_MEMORY
            break
        memset(in_[i].chunk_map, 255, <size_t>segments[i].n_chunks * 4)
        if not store_check(&segments[i].store):
            result = MERGE_DAMAGED
    if result == MERGE_OK and not _merge_files(in_, n, &files, &ranks, &firsts, &paths, &chunks, &lengths, &defs,
                                               &links):
        result = MERGE_DAMAGED
    if result == MERGE_OK and not writer_open(&w, path, b"segment", serial, SEGMENT_ARRAYS):
        error[0] = w.error
        writer_close(&w, False)
        result = MERGE_SYSTEM
    elif result == MERGE_OK:
        for c in range(<uint32_t>lengths.len):
            total += code_length(lengths.data[c])
        impacts_init(&impacts, total, <uint32_t>lengths.len)
        writer_array(&w, b"postings", b"|u1", 1)
        result = _merge_terms(in_, n, &w, lengths.data, <uint32_t>lengths.len, &impacts, &terms)
        for i in range(n):
            if segments[i].store.damaged:
                result = MERGE_DAMAGED
            store_done(&segments[i].store)
        w.head.numbers[0] = total
        writer_array(&w, b"chunks", b"chunk", sizeof(ChunkRecord))
        writer_add(&w, chunks.data, chunks.len)
        writer_array(&w, b"chunk_len", b"|u1", 1)
        writer_add(&w, lengths.data, lengths.len)
        writer_array(&w, b"defs", b"|u1", 1)
        writer_add(&w, defs.data, defs.len)
        writer_array(&w, b"links", b"|u1", 1)
        writer_add(&w, links.data, links.len)
        dictionary_write(&w, &terms)
        writer_array(&w, b"files", b"file", sizeof(FileRecord))
        writer_add(&w, files.data, files.len)
        writer_array(&w, b"file_rank", b"rank", sizeof(RankRecord))
        writer_add(&w, ranks.data, ranks.len)
        write_file_chunks(&w, <const uint32_t*>firsts.data, <uint32_t>(firsts.len // 4 - 1), <uint32_t>lengths.len)
        writer_array(&w, b"paths", b"|u1", 1)
        writer_add(&w, paths.data, paths.len)
        if not parts_write(&w, <const FileRecord*>files.data, <uint32_t>(files.len // sizeof(FileRecord)), paths.data):
            result = MERGE_MEMORY if result == MERGE_OK else result
        if not writer_close(&w, True):
            error[0] = w.error
            result = MERGE_SYSTEM
    for i in range(n):
        free(in_[i].chunk_map)
    bytes_free(&files)
    bytes_free(&ranks)
    bytes_free(&firsts)
    bytes_free(&paths)
    bytes_free(&chunks)
    bytes_free(&lengths)
    bytes_free(&defs)
    bytes_free(&links)
    dictionary_free(&terms)
    return result
