# cython: language_level=3
"""Whether a segment is what its format says: every record, every list, every order that a search relies on.

A search verifies the pages it reads and each offset it follows, which is enough to print nothing wrong. This goes
through all of it, with the functions that a search reads with. Each check is told the segment, whose pages' sums have
been found right, and answers with the first thing that is not so, or NULL.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr
from _core.base cimport read_varint
from _core.hash cimport hash64
from _core.impacts cimport CODES, Impacts, code_length, impacts_init
from _core.languages cimport LANG_COUNT
from _core.links cimport NAME_BYTES, links_names, name_at
from _core.outline cimport KIND_COUNT
from _core.parts cimport _compare as compare_bytes
from _core.postings cimport BLOCK
from _core.ranges cimport RANGE, range_level
from _core.segment cimport (
    ChunkRecord, Def, Defs, FileRecord, List, PartRecord, RankRecord, Segment, CHUNK_STEP, defs_next, defs_open,
    list_block, list_block_n, list_blocks, list_close, segment_chunk, segment_chunk_file, segment_file,
    segment_file_chunks, segment_links, segment_list, segment_path, segment_rank,
)


cdef inline const char* check_files(Segment* s) noexcept nogil:
    """Files ascend by path, their records agree with their paths, and their chunks follow each other without a gap."""
    cdef const FileRecord* f
    cdef const RankRecord* r
    cdef const uint8_t* path
    cdef const uint8_t* before = NULL
    cdef uint32_t i, k, before_n = 0, first, end, at = 0, depth
    for i in range(s.n_files):
        f = segment_file(s, i)
        r = segment_rank(s, i)
        path = segment_path(s, f) if f != NULL else NULL
        if path == NULL or r == NULL or not segment_file_chunks(s, i, &first, &end):
            return b"a file's record leads out of its array"
        if f.path_len == 0 or path[0] == 47 or memchr(path, 0, f.path_len) != NULL:
            return b"a file has no proper path"
        if before != NULL and compare_bytes(before, before_n, path, f.path_len) >= 0:
            return b"the files do not ascend by path"
        depth = 0
        for k in range(f.path_len):
            depth += path[k] == 47
        if r.depth != <uint8_t>depth:
            return b"a file's depth is not that of its path"
        if r.language >= LANG_COUNT:
            return b"a file has a language that does not exist"
        if first != at:
            return b"the chunks of the files do not follow each other"
        at = end
        before = path
        before_n = f.path_len
    if at != s.n_chunks:
        return b"there are chunks that belong to no file"
    return NULL


cdef inline bint _names_ascend(const uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(1, n):
        if name_at(p, i) <= name_at(p, i - 1):
            return False
    return True


cdef inline const char* check_links(Segment* s) noexcept nogil:
    """The names of each file and of its chunks fill what it has in `links`, ascending."""
    cdef const uint8_t* p
    cdef const uint8_t* counts
    cdef const uint8_t* end = NULL
    cdef uint32_t i, k, n, first = 0, last = 0
    for i in range(s.n_files):
        p = segment_links(s, i, NULL, 0, &end)
        if p == NULL or (i == 0 and p != s.links) or not segment_file_chunks(s, i, &first, &last):
            return b"the links of the files do not follow each other"
        p = links_names(p, end, &n)
        if p == NULL or not _names_ascend(p, n):
            return b"the links of a file cannot be read"
        counts = p + NAME_BYTES * <size_t>n
        p = counts + (last - first)
        for k in range(last - first):
            if p > end or <size_t>(end - p) < NAME_BYTES * <size_t>counts[k] or not _names_ascend(p, counts[k]):
                return b"the links of a file cannot be read"
            p += NAME_BYTES * <size_t>counts[k]
        if p != end:
            return b"the links of a file cannot be read"
    return NULL


cdef inline const char* check_chunks(Segment* s) noexcept nogil:
    """The chunks of a file tile it, their definitions lie in them, and their lengths add up."""
    cdef const FileRecord* f
    cdef const ChunkRecord* c
    cdef Defs defs
    cdef Def d
    cdef uint32_t i, k, first = 0, end = 0, line, start, last
    cdef uint64_t total = 0
    cdef int more
    for i in range(s.n_files):
        f = segment_file(s, i)
        if f == NULL or not segment_file_chunks(s, i, &first, &end):
            return b"a file's record leads out of its array"
        line = start = 0
        for k in range(first, end):
            c = segment_chunk(s, k)
            if c == NULL:
                return b"a chunk's record leads out of its array"
            if (k == first and (c.start or c.line)) or (k > first and (c.start <= start or c.line <= line)) or (
                    c.start > f.size or (c.line and c.line >= f.n_lines)):
                return b"the chunks of a file do not tile it"
            start = c.start
            line = c.line
            if segment_chunk_file(s, k) != i:
                return b"a chunk does not lead back to its file"
            last = f.n_lines
            if k + 1 < end:
                c = segment_chunk(s, k + 1)
                last = c.line if c != NULL else 0
            if not defs_open(s, k, &defs):
                return b"the definitions of a chunk cannot be read"
            more = defs_next(s, &defs, &d)
            while more > 0:
                if d.line >= last or d.kind >= KIND_COUNT:
                    return b"a definition lies outside its chunk"
                more = defs_next(s, &defs, &d)
            if more < 0:
                return b"the definitions of a chunk cannot be read"
    for k in range(s.n_chunks):
        total += code_length(s.chunk_len[k])
    if total != s.total_len:
        return b"the lengths of the chunks do not add up to the segment's"
    return NULL


cdef inline bint _bounded(const List* l, uint32_t b, uint32_t doc, uint32_t code, uint32_t impact) noexcept nogil:
    """Whether what the list promises about block `b` and about the document's range is no less than this posting."""
    cdef uint32_t r = doc // RANGE
    if b < l.blocks and (code > l.skips[b].top_code or impact > l.skips[b].impact):
        return False
    if l.ranges == NULL:
        return True
    return impact <= l.levels[range_level(l.ranges, l.half, r)]


cdef inline const char* _check_list(Segment* s, uint32_t post, const Impacts* impacts) noexcept nogil:
    cdef uint32_t[BLOCK] docs
    cdef uint8_t[BLOCK] codes
    cdef List l
    cdef uint32_t b, i, n
    cdef uint64_t next = 0
    cdef const char* wrong = NULL
    if not segment_list(s, post, &l):
        list_close(&l)
        return b"a posting list cannot be read"
    for b in range(list_blocks(&l)):
        n = list_block_n(&l, b)
        if not list_block(s, &l, b, docs, codes):
            wrong = b"a posting list cannot be read"
            break
        for i in range(n):
            if docs[i] < next or docs[i] >= s.n_chunks or codes[i] >= CODES:
                wrong = b"the documents of a posting list do not ascend"
                break
            if not _bounded(&l, b, docs[i], codes[i], impacts.of[codes[i] * 256 + s.chunk_len[docs[i]]]):
                wrong = b"a posting list promises lower scores than it has"
                break
            next = <uint64_t>docs[i] + 1
        if wrong != NULL:
            break
    list_close(&l)
    return wrong


cdef inline const char* check_terms(Segment* s) noexcept nogil:
    """The dictionary is in order and complete, and every posting list can be read and ascends."""
    cdef Impacts* impacts = <Impacts*>calloc(1, sizeof(Impacts))
    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef const uint8_t* before
    cdef const char* wrong = NULL
    cdef uint64_t b, h, before_h, seen = 0
    cdef uint32_t n, post
    if impacts == NULL:
        return b"there is not enough memory to check the dictionary"
    impacts_init(impacts, s.total_len, s.n_chunks)
    if s.buckets[0] != 0 or s.buckets[<uint64_t>1 << s.bucket_bits] != s.terms_n:
        wrong = b"the dictionary's buckets do not cover it"
    for b in range(<uint64_t>1 << s.bucket_bits):
        if wrong != NULL:
            break
        if s.buckets[b] > s.buckets[b + 1] or s.buckets[b + 1] > s.terms_n:
            wrong = b"the dictionary's buckets do not ascend"
            break
        p = s.terms + s.buckets[b]
        end = s.terms + s.buckets[b + 1]
        before = NULL
        before_h = 0
        while p < end and wrong == NULL:
            n = p[0]
            if n + 5 > end - p:
                wrong = b"a term of the dictionary leads out of its bucket"
                break
            h = hash64(p + 1, n)
            if s.bucket_bits and h >> (64 - s.bucket_bits) != b:
                wrong = b"a term of the dictionary is in the wrong bucket"
            elif before != NULL and (h < before_h or (
                    h == before_h and compare_bytes(before + 1, before[0], p + 1, n) >= 0)):
                wrong = b"the terms of the dictionary are not in order"
            else:
                post = p[n + 1] | <uint32_t>p[n + 2] << 8 | <uint32_t>p[n + 3] << 16 | <uint32_t>p[n + 4] << 24
                wrong = _check_list(s, post, impacts)
            before = p
            before_h = h
            seen += 1
            p += n + 5
    free(impacts)
    if wrong == NULL and seen != s.n_terms:
        return b"the dictionary does not have as many terms as it says"
    return wrong


cdef inline const char* _check_part_files(Segment* s, const PartRecord* r) noexcept nogil:
    """A part's list of files, which ends where the next one's begins."""
    cdef const uint8_t* p = s.part_files + r[0].files
    cdef const uint8_t* end = s.part_files + r[1].files
    cdef uint32_t k
    cdef uint64_t v, f = 0, named
    p = read_varint(p, end, &named)
    if p == NULL or named > r.n_files:
        return b"the files of a path word cannot be read"
    for k in range(r.n_files):
        p = read_varint(p, end, &v)
        if k == named:
            f = 0  # those of the folders are counted anew
        if p == NULL or v >= s.n_files - f or (v == 0 and k and k != named) or (k < named and p == end):
            return b"the files of a path word cannot be read"
        f += v
        p += k < named
    if p != end:
        return b"the files of the path words do not follow each other"
    return NULL


cdef inline const char* check_paths(Segment* s) noexcept nogil:
    """The words of the paths ascend, their files can be read, and the order by stems is one of all of them."""
    cdef const PartRecord* r
    cdef const PartRecord* q = NULL
    cdef uint8_t* seen
    cdef const char* wrong = NULL
    cdef uint32_t i
    if s.parts[0].text != 0 or s.parts[s.n_parts].text != s.part_text_n or s.parts[0].files != 0 or (
            s.parts[s.n_parts].files != s.part_files_n):
        return b"the words of the paths do not cover their arrays"
    for i in range(s.n_parts):
        r = &s.parts[i]
        if r[1].text < r.text or r[1].text > s.part_text_n or r.len > r[1].text - r.text or (
                r[1].files < r.files or r[1].files > s.part_files_n):
            return b"a word of the paths leads out of its array"
        if i and compare_bytes(s.part_text + q.text, q.len, s.part_text + r.text, r.len) >= 0:
            return b"the words of the paths do not ascend"
        q = r
        wrong = _check_part_files(s, r)
        if wrong != NULL:
            return wrong
    seen = <uint8_t*>calloc(<size_t>s.n_parts + 1, 1)
    if seen == NULL:
        return b"there is not enough memory to check the words of the paths"
    for i in range(s.n_parts):
        if s.part_order[i] >= s.n_parts or seen[s.part_order[i]]:
            wrong = b"the order of the path words does not name each of them once"
            break
        seen[s.part_order[i]] = 1
        r = &s.parts[s.part_order[i]]
        if i:
            q = &s.parts[s.part_order[i - 1]]
            if compare_bytes(s.part_text + q.text + q.len, q[1].text - q.text - q.len,
                             s.part_text + r.text + r.len, r[1].text - r.text - r.len) > 0:
                wrong = b"the path words are not in the order of their stems"
                break
    free(seen)
    return wrong
