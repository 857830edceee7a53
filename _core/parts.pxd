# cython: language_level=3
"""The index over path words: which files have a word in their name or folders. Its writer (format: `segment.pxd`)."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, realloc, free
from libc.string cimport memcpy, memset, memcmp
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_add, bytes_byte, bytes_varint
from _core.hash cimport hash64
from _core.path cimport PathWords, path_words
from _core.segment cimport FileRecord, PartRecord
from _core.sort cimport sort_numbers
from _core.store cimport StoreWriter, writer_array, writer_add

cdef struct Word:
    uint64_t hash
    uint32_t text
    uint16_t raw
    uint16_t stem
    uint32_t n_files

cdef struct Words:
    Bytes words      # of Word
    Bytes text
    Bytes seen       # of uint32 pairs (word, file << 1 | in the name), files ascending
    uint32_t* slots
    uint32_t mask
    uint32_t n


cdef inline int _compare(const uint8_t* a, uint32_t n, const uint8_t* b, uint32_t m) noexcept nogil:
    cdef int c = memcmp(a, b, n if n < m else m)
    if c:
        return c
    return -1 if n < m else (1 if n > m else 0)


cdef inline bint _word_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    cdef const Words* w = <const Words*>context
    cdef const Word* x = &(<const Word*>w.words.data)[a]
    cdef const Word* y = &(<const Word*>w.words.data)[b]
    return _compare(w.text.data + x.text, x.raw, w.text.data + y.text, y.raw) < 0


cdef inline bint _stem_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    # a and b are ranks by word already, so that equal stems keep that order (the sort is stable)
    cdef const Words* w = <const Words*>context
    cdef const Word* x = &(<const Word*>w.words.data)[w.slots[a]]
    cdef const Word* y = &(<const Word*>w.words.data)[w.slots[b]]
    return _compare(w.text.data + x.text + x.raw, x.stem, w.text.data + y.text + y.raw, y.stem) < 0


cdef inline uint32_t _word(Words* w, const uint8_t* p, uint32_t raw, uint32_t stem) noexcept nogil:
    cdef uint64_t h = hash64(p, raw)
    cdef uint32_t i = <uint32_t>h & w.mask
    cdef uint32_t j
    cdef Word* all = <Word*>w.words.data
    cdef Word x
    cdef uint32_t* slots
    while w.slots[i]:
        j = w.slots[i] - 1
        if all[j].hash == h and all[j].raw == raw and memcmp(w.text.data + all[j].text, p, raw) == 0:
            return j
        i = (i + 1) & w.mask
    x.hash = h
    x.text = <uint32_t>w.text.len
    x.raw = <uint16_t>raw
    x.stem = <uint16_t>stem
    x.n_files = 0
    bytes_add(&w.text, p, raw + stem)
    bytes_add(&w.words, &x, sizeof(Word))
    w.slots[i] = w.n + 1
    w.n += 1
    if w.n > w.mask // 2:
        slots = <uint32_t*>calloc(<size_t>w.mask * 2 + 2, 4)
        if slots == NULL:
            w.words.failed = True
            return w.n - 1
        free(w.slots)
        w.slots = slots
        w.mask = w.mask * 2 + 1
        for j in range(w.n):
            i = <uint32_t>(<Word*>w.words.data)[j].hash & w.mask
            while slots[i]:
                i = (i + 1) & w.mask
            slots[i] = j + 1
    return w.n - 1


cdef inline bint parts_write(StoreWriter* out, const FileRecord* files, uint32_t n_files,
                             const uint8_t* paths) noexcept nogil:
    """Writes the arrays parts, part_text, part_order, part_files. False: no memory (the writer knows its own
    errors)."""
    cdef Words w
    cdef PathWords pw
    cdef Bytes lists, names
    cdef uint32_t f, i, word, n_seen, last, named
    cdef int in_name
    cdef uint32_t pair[2]
    cdef uint32_t* order = NULL
    cdef uint32_t* at = NULL
    cdef uint32_t* sorted = NULL
    cdef const uint32_t* seen
    cdef Word* x
    cdef PartRecord r
    cdef bint ok = False
    memset(&w, 0, sizeof(Words))
    bytes_init(&lists)
    bytes_init(&names)
    w.mask = 1023
    w.slots = <uint32_t*>calloc(1024, 4)
    if w.slots == NULL:
        return False
    for f in range(n_files):
        path_words(paths + files[f].path, files[f].path_len, &pw)
        bytes_byte(&names, <uint8_t>pw.n_name)
        for i in range(pw.n):
            word = _word(&w, pw.text + pw.off[i], pw.raw[i], pw.stem[i])
            if w.words.failed or w.text.failed:
                break
            (<Word*>w.words.data)[word].n_files += 1
            pair[0] = word
            pair[1] = f << 1 | <uint32_t>(i < pw.n_name)
            bytes_add(&w.seen, pair, 8)
    n_seen = <uint32_t>(w.seen.len // 8)
    order = <uint32_t*>malloc(<size_t>w.n * 4 + 4)
    at = <uint32_t*>calloc(<size_t>w.n + 2, 4)
    sorted = <uint32_t*>malloc(<size_t>n_seen * 4 + 4)
    if (not w.words.failed and not w.text.failed and not w.seen.failed and not names.failed and order != NULL
            and at != NULL and sorted != NULL):
        # Counting sort of the pairs by word keeps the files of a word ascending.
        seen = <const uint32_t*>w.seen.data
        for i in range(n_seen):
            at[seen[2 * i] + 1] += 1
        for i in range(w.n):
            at[i + 1] += at[i]
        for i in range(n_seen):
            sorted[at[seen[2 * i]]] = seen[2 * i + 1]
            at[seen[2 * i]] += 1
        for i in range(w.n):
            order[i] = i
        ok = sort_numbers(order, w.n, _word_before, &w)
    if ok:
        writer_array(out, b"parts", b"part", sizeof(PartRecord))
        r.text = 0
        for i in range(w.n):
            x = &(<Word*>w.words.data)[order[i]]
            r.files = <uint32_t>lists.len
            r.n_files = x.n_files
            r.len = x.raw
            writer_add(out, &r, sizeof(PartRecord))
            r.text += x.raw + x.stem
            named = 0
            for f in range(at[order[i]] - x.n_files, at[order[i]]):
                named += sorted[f] & 1
            bytes_varint(&lists, named)
            for in_name in range(1, -1, -1):
                last = 0
                for f in range(at[order[i]] - x.n_files, at[order[i]]):
                    if <int>(sorted[f] & 1) == in_name:
                        bytes_varint(&lists, (sorted[f] >> 1) - last)
                        last = sorted[f] >> 1
                        if in_name:
                            bytes_byte(&lists, names.data[last])
        r.files = <uint32_t>lists.len
        r.n_files = 0
        r.len = 0
        writer_add(out, &r, sizeof(PartRecord))
        writer_array(out, b"part_text", b"|u1", 1)
        for i in range(w.n):
            x = &(<Word*>w.words.data)[order[i]]
            writer_add(out, w.text.data + x.text, x.raw + x.stem)
        # The slots are done with: they now lead from rank to word for the comparison of stems.
        memcpy(w.slots, order, <size_t>w.n * 4)
        for i in range(w.n):
            order[i] = i
        ok = sort_numbers(order, w.n, _stem_before, &w)
        writer_array(out, b"part_order", b"<u4", 4)
        writer_add(out, order, <size_t>w.n * 4)
        writer_array(out, b"part_files", b"|u1", 1)
        writer_add(out, lists.data, lists.len)
        ok = ok and not lists.failed
    free(order)
    free(at)
    free(sorted)
    free(w.slots)
    bytes_free(&w.words)
    bytes_free(&w.text)
    bytes_free(&w.seen)
    bytes_free(&lists)
    bytes_free(&names)
    return ok
