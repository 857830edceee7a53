# cython: language_level=3
"""The disk cache of smart answers (L2): what a model said of a question, in one file, `smart.l2`, read in place.

To this file key and body are any bytes. All integers little-endian. The file is an index of fixed size and behind it
records one after the other, which are only ever appended:

    offset size
    0      8    magic: 89 47 52 50 4C 32 0D 0A ("\x89GRPL2\r\n")
    8      4    version of this layout, 1
    12     4    number of slots, 8,160
    16     8    XXH64 of bytes 0..15
    24     4072 0
    4096   4096 each  32 pages of the index: lookups that began here and found an answer (8), and that found none (8),
                255 slots: word (8; 0: empty), when it was last used (4), 0 (4)
    135168 ...  records: XXH64 of the rest of the record (8), when it was put (4), length of the key (2) and of the body
                (2), key, body

Times are seconds since the epoch. A word leads to a record: bits 0..22 are its offset, 23..37 its length, 38..63 a tag,
the highest bits of h ^ (bits 0..37 x 9E3779B185EBCA87), h being the key's XXH64. So a word with a flipped bit is
nobody's. The search for a key begins at slot h % 8160 and ends at an empty one. An answer that is put again gets a new
record, and its slot another word.

Example, "v" put under "k" at 1,700,000,000 into an empty file, found once; "a" was looked for twice; 135,186 bytes:
    0       89475250 4C320D0A 01000000 E01F0000 8EB4BCB158868DBB
    118784  0000000000000000 0200000000000000           "a" would be on page 28
    131072  0100000000000000 0000000000000000           "k" is on page 31:
    131632  001002094077606B 00F15365 00000000          slot 7939, the record is at 135168 and 18 bytes long
    135168  804A363AF60B64F9 00F15365 0100 0100 6B 76

Readers take no lock. What is stored after it was read once is eight aligned bytes or less, so a reader sees the old or
the new; a record is complete before a word leads to it. The live file never becomes
shorter. `answers_writer.pxd` tells how it is written.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcmp, memcpy
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_reserve, bytes_str, same_bytes
from _core.hash cimport hash64
from _core.project cimport cache_base
from _core.query cimport Query, Word, WORDS
from _core.sort cimport sort_numbers
from _core.sys cimport (
    c_close, c_fstat, c_mmap, c_munmap, c_open, c_sysconf, errno, madvise, off_t, pread_all, stat_t, EINVAL, EIO,
    ENOENT, MADV_POPULATE_WRITE, MAP_FAILED, MAP_SHARED, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, PROT_READ, PROT_WRITE,
    S_ISREG, _SC_PAGESIZE,
)

cdef enum:
    ANSWERS_VERSION = 1
    ANSWERS_MOST = 5000         # entries
    ANSWERS_BYTES = 8000000     # of the file
    ANSWERS_TTL = 604800        # seconds: seven days
    ANSWERS_NOTED = 60          # seconds that pass before another use of an entry is noted
    ANSWERS_KEY = 4096          # bytes at most
    ANSWERS_BODY = 16384
    ANSWERS_PAGES = 32
    PAGE_SLOTS = 255
    ANSWERS_SLOTS = 8160
    RECORD_HEAD = 16
    OFFSET_BITS = 23
    PLACE_BITS = 38
    NO_SLOT = 0xFFFFFFFF

cdef struct AnswersHeader:
    uint8_t[8] magic
    uint32_t version
    uint32_t n_slots
    uint64_t check

cdef struct AnswersSlot:
    uint64_t word
    uint32_t used
    uint32_t zero

cdef struct AnswersPage:
    uint64_t hits
    uint64_t misses
    AnswersSlot[PAGE_SLOTS] slots

cdef struct AnswersIndex:
    AnswersHeader head
    uint8_t[4072] zero
    AnswersPage[ANSWERS_PAGES] pages

cdef struct AnswersRecord:
    uint64_t sum
    uint32_t created
    uint16_t key_n
    uint16_t body_n
    uint8_t[ANSWERS_KEY + ANSWERS_BODY] text

cdef struct Answers:
    int fd
    bint writable
    uint64_t size           # of the file when it was opened
    AnswersIndex* index     # mapped
    AnswersRecord record    # the one read last

cdef struct AnswersEntry:
    uint64_t word
    uint64_t hash           # of the key
    uint32_t created
    uint32_t used           # not later than now

cdef struct AnswersList:
    AnswersEntry* entries   # ANSWERS_SLOTS of them
    uint32_t* order         # the least recently used first
    uint32_t n

cdef extern from * nogil:
    uint64_t load_word "__atomic_load_n"(const uint64_t*, int)
    uint32_t load_time "__atomic_load_n"(const uint32_t*, int)
    void store_word "__atomic_store_n"(uint64_t*, uint64_t, int)
    void store_time "__atomic_store_n"(uint32_t*, uint32_t, int)
    uint64_t add_count "__atomic_fetch_add"(uint64_t*, uint64_t, int)
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"
    int RELAXED "__ATOMIC_RELAXED"


# ------------------------------------------------------------------------------------------------------------- names

cdef inline bint answers_path(Bytes* out) noexcept nogil:
    """Appends where the cache is, or would be; a NUL follows that is not counted. False: as `cache_base`."""
    if not cache_base(b"smart.l2", NULL, out):
        return False
    if bytes_reserve(out, 1):
        out.data[out.len] = 0
    return True


cdef inline bint _word_before(const Word* a, const Word* b) noexcept nogil:
    cdef size_t n = a.stem_len if a.stem_len < b.stem_len else b.stem_len
    cdef int order = memcmp(a.stem, b.stem, n)
    return order < 0 or order == 0 and a.stem_len < b.stem_len


cdef inline void answers_key(const Query* q, const char* identity, Bytes* out) noexcept nogil:
    """Appends the key of a question: `identity` (who is asked, and how), a NUL, the stems of its words, each once, in
    the order of their bytes, blanks between them. So questions with the same meaningful words share an answer."""
    cdef uint32_t[WORDS] order
    cdef uint32_t i, j
    for i in range(q.n_words):
        j = i
        while j and _word_before(&q.words[i], &q.words[order[j - 1]]):
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    bytes_str(out, identity)
    bytes_byte(out, 0)
    for i in range(q.n_words):  # `query_parse` keeps each stem once
        if i:
            bytes_byte(out, 32)
        bytes_add(out, q.words[order[i]].stem, q.words[order[i]].stem_len)


# ----------------------------------------------------------------------------------------------------------- reading

cdef inline const char* answers_magic() noexcept nogil:
    return b"\x89GRPL2\r\n"


cdef inline uint64_t word_of(uint64_t h, uint64_t offset, uint64_t length) noexcept nogil:
    """The word that leads to a record whose key has the hash `h`; never 0, as no record is empty."""
    cdef uint64_t place = offset | length << OFFSET_BITS
    return place | (h ^ place * 0x9E3779B185EBCA87ULL) >> PLACE_BITS << PLACE_BITS


cdef inline uint32_t offset_of(uint64_t word) noexcept nogil:
    return <uint32_t>(word & ((1 << OFFSET_BITS) - 1))


cdef inline uint32_t length_of(uint64_t word) noexcept nogil:
    return <uint32_t>(word >> OFFSET_BITS & ((1 << (PLACE_BITS - OFFSET_BITS)) - 1))


cdef inline uint32_t _apart(uint32_t a, uint32_t b) noexcept nogil:
    return a - b if a > b else b - a


cdef inline bint _valid(uint32_t created, uint32_t now) noexcept nogil:
    """A clock that stepped back makes an answer seem to come from the future: for a while it is believed."""
    return _apart(created, now) < ANSWERS_TTL


cdef inline void answers_close(Answers* a) noexcept nogil:
    if a.index != NULL:
        c_munmap(a.index, sizeof(AnswersIndex))
        a.index = NULL
    if a.fd >= 0:
        c_close(a.fd)
        a.fd = -1


cdef inline bint may_store(Answers* a, const void* at) noexcept nogil:
    """Storing 8 aligned bytes at `at` in the map will do. On a full disk a file system that copies on write has no page
    for them, and a store would end the process; asked this way it is an error. A kernel before 5.14 cannot be asked."""
    cdef size_t offset = <size_t>(<const uint8_t*>at - <const uint8_t*>a.index)
    offset -= offset % <size_t>c_sysconf(_SC_PAGESIZE)
    return a.writable and (madvise(<uint8_t*>a.index + offset, 1, MADV_POPULATE_WRITE) == 0 or errno == EINVAL)


cdef inline bint map_index(Answers* a, int* error) noexcept nogil:
    """Maps the index of the open file. False: `error`, or 0 when the file is none of this layout."""
    cdef AnswersHeader head
    cdef stat_t st
    cdef void* p
    error[0] = 0
    if c_fstat(a.fd, &st) != 0:
        error[0] = errno
        return False
    a.size = <uint64_t>st.st_size
    if not S_ISREG(st.st_mode) or a.size < sizeof(AnswersIndex):
        return False
    # Copied: touching its page in the map would cost as much as all else.
    if not pread_all(a.fd, &head, sizeof(head), 0):
        error[0] = EIO  # not to be taken for damage: that would cost all answers
        return False
    if (memcmp(head.magic, answers_magic(), 8) != 0 or head.version != ANSWERS_VERSION
            or head.n_slots != ANSWERS_SLOTS or head.check != hash64(&head, 16)):
        return False
    p = c_mmap(NULL, sizeof(AnswersIndex), PROT_READ | (PROT_WRITE if a.writable else 0), MAP_SHARED, a.fd, 0)
    if p == MAP_FAILED:
        error[0] = errno
        return False
    a.index = <AnswersIndex*>p
    return True


cdef inline AnswersPage* page_of(AnswersIndex* index, uint32_t at) noexcept nogil:
    return &index.pages[at // PAGE_SLOTS]


cdef inline AnswersSlot* slot_at(AnswersIndex* index, uint32_t at) noexcept nogil:
    return &index.pages[at // PAGE_SLOTS].slots[at % PAGE_SLOTS]


cdef inline uint32_t home_of(uint64_t h) noexcept nogil:
    return <uint32_t>(h % ANSWERS_SLOTS)


cdef inline uint32_t next_slot(uint32_t at) noexcept nogil:
    return at + 1 if at + 1 < ANSWERS_SLOTS else 0


cdef inline void answers_counts(const AnswersIndex* index, uint64_t* hits, uint64_t* misses) noexcept nogil:
    cdef uint32_t i
    hits[0] = misses[0] = 0
    for i in range(ANSWERS_PAGES):
        hits[0] += load_word(&index.pages[i].hits, RELAXED)
        misses[0] += load_word(&index.pages[i].misses, RELAXED)


cdef inline bint answers_open(Answers* a, const char* path) noexcept nogil:
    """For lookups; False: there is no file, or none that is sound. One that may only be read is used without noting
    anything. Not to be kept: what is open goes on with the file as it was before it was last replaced."""
    cdef int error
    a.index = NULL
    a.writable = True
    a.fd = c_open(path, O_RDWR | O_CLOEXEC)
    if a.fd < 0 and errno != ENOENT:
        a.writable = False
        a.fd = c_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    if a.fd < 0:
        return False
    if map_index(a, &error):
        return True
    answers_close(a)
    return False


cdef inline bint read_record(Answers* a, uint64_t word) noexcept nogil:
    """Reads the record that a word leads to; False: there is none. A copy, so that nothing can cut it off: of a file
    that somebody truncates only the index is looked at in place."""
    cdef uint32_t n = length_of(word)
    cdef AnswersRecord* r = &a.record
    return (RECORD_HEAD <= n <= sizeof(AnswersRecord)
            and pread_all(a.fd, r, n, <off_t>offset_of(word))
            and RECORD_HEAD + <uint32_t>r.key_n + r.body_n == n
            and r.sum == hash64(<uint8_t*>r + 8, n - 8))


cdef inline uint32_t find_slot(Answers* a, const uint8_t* key, size_t n, uint64_t h, uint32_t* empty) noexcept nogil:
    """The slot of a key, whose record then has been read; NO_SLOT: none, and `empty` is where it belongs (NO_SLOT: all
    are taken)."""
    cdef uint32_t _i, at = home_of(h)
    cdef uint64_t word
    empty[0] = NO_SLOT
    for _i in range(ANSWERS_SLOTS):
        word = load_word(&slot_at(a.index, at).word, ACQUIRE)
        if word == 0:
            empty[0] = at
            break
        if (word == word_of(h, offset_of(word), length_of(word)) and read_record(a, word) and a.record.key_n == n
                and same_bytes(a.record.text, key, n)):
            return at
        at = next_slot(at)
    return NO_SLOT


cdef inline const uint8_t* answers_find(Answers* a, const uint8_t* key, size_t n, uint32_t now,
                                        uint32_t* body_n) noexcept nogil:
    """The answer to a key, until the next call; NULL when there is none or it is too old. Counts, and notes the use.

    With opening and closing eight system calls: open, fstat, pread of the header, mmap, madvise, which brings the one
    page of the index that is needed, pread of the record, munmap, close; once a minute another madvise."""
    cdef uint64_t h = hash64(key, n)
    cdef AnswersPage* page = page_of(a.index, home_of(h))
    cdef AnswersSlot* slot
    # Before it is read: a page that was faulted in for reading has to be faulted in again for writing.
    cdef bint counting = may_store(a, page)
    cdef uint32_t empty, at = find_slot(a, key, n, h, &empty)
    cdef bint found = at != NO_SLOT and _valid(a.record.created, now)
    if counting:
        add_count(&page.hits if found else &page.misses, 1, RELAXED)
    if not found:
        return NULL
    slot = slot_at(a.index, at)
    if _apart(load_time(&slot.used, RELAXED), now) >= ANSWERS_NOTED and may_store(a, slot):
        store_time(&slot.used, now, RELAXED)
    body_n[0] = a.record.body_n
    return a.record.text + a.record.key_n


# ---------------------------------------------------------------------------------------------------- all of a file

cdef inline void answers_list_free(AnswersList* list) noexcept nogil:
    free(list.entries)
    free(list.order)
    list.entries = NULL
    list.order = NULL


cdef inline bint _used_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    cdef const AnswersEntry* x = &(<const AnswersEntry*>context)[a]
    cdef const AnswersEntry* y = &(<const AnswersEntry*>context)[b]
    if x.used != y.used:
        return x.used < y.used
    return offset_of(x.word) < offset_of(y.word)


cdef inline bint answers_list(Answers* a, uint32_t now, uint32_t but, AnswersList* list) noexcept nogil:
    """What lookups can find, without the slot `but`. False: no memory; `list` must be freed in any case.

    Of two records with one key, which a damaged index may lead to, only the one that a lookup finds is there."""
    cdef uint8_t[ANSWERS_KEY] key
    cdef uint32_t i, n, empty
    cdef uint64_t word, h
    cdef AnswersEntry* e
    list.n = 0
    list.entries = <AnswersEntry*>malloc(ANSWERS_SLOTS * sizeof(AnswersEntry))
    list.order = <uint32_t*>malloc(ANSWERS_SLOTS * sizeof(uint32_t))
    if list.entries == NULL or list.order == NULL:
        return False
    for i in range(ANSWERS_SLOTS):
        word = load_word(&slot_at(a.index, i).word, ACQUIRE)
        if i == but or word == 0 or not read_record(a, word) or a.record.key_n > ANSWERS_KEY:
            continue
        n = a.record.key_n
        memcpy(key, a.record.text, n)
        h = hash64(key, n)
        if find_slot(a, key, n, h, &empty) != i or not _valid(a.record.created, now):
            continue
        e = &list.entries[list.n]
        e.word = word
        e.hash = h
        e.created = a.record.created
        e.used = load_time(&slot_at(a.index, i).used, RELAXED)
        if e.used > now:
            e.used = now
        list.order[list.n] = list.n
        list.n += 1
    return sort_numbers(list.order, list.n, _used_before, list.entries)
