# cython: language_level=3
"""How the disk cache of smart answers is written; `answers.pxd` tells what the file is.

A writer holds a lock (flock) on the file and makes sure that it is still the one of this name. It appends the record,
then lets the slot lead to it; killed in between, it leaves bytes that nothing leads to. When the file is full, or is
none of this layout, a new one is written beside it (`smart.l2.new`) and renamed. That one holds the answers which are
not too old, the least recently used first; as long as that is too much, a fifth of them is left out, rounded up, those
that were used least recently. Readers of the old file go on with it.

Nothing is synced: what is acknowledged outlives every process. After a power cut a record may be missing, which its sum
shows; what was lost can be asked again.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset, strlen
from posix.stat cimport mkdir
from _core.answers cimport (
    Answers, AnswersEntry, AnswersIndex, AnswersList, AnswersPage, AnswersRecord, AnswersSlot, answers_close,
    answers_counts, answers_list, answers_list_free, answers_magic, find_slot, home_of, length_of, map_index, may_store,
    next_slot, read_record, slot_at, store_time, store_word, word_of, ANSWERS_BODY, ANSWERS_BYTES, ANSWERS_KEY,
    ANSWERS_MOST, ANSWERS_SLOTS, ANSWERS_VERSION, NO_SLOT, RECORD_HEAD, RELAXED, RELEASE,
)
from _core.base cimport Bytes, bytes_add, bytes_free, bytes_init, bytes_reserve
from _core.hash cimport hash64
from _core.project cimport parent_folder
from _core.sys cimport (
    c_close, c_flock, c_fstat, c_lseek, c_open, c_poll, c_pwrite, c_rename, c_stat, c_unlink, clock_ns, errno, off_t,
    stat_t, write_all, EAGAIN, EEXIST, EINTR, EIO, EMSGSIZE, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, LOCK_EX, LOCK_NB,
    O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, PATH_BYTES, SEEK_SET,
)

cdef enum:
    ANSWERS_WAIT = 2000  # milliseconds that a writer waits for others


cdef inline int _lock(Answers* a, const char* path, int flags) noexcept nogil:
    """Opens the file of that name and locks it. Returns 0 or an errno; EAGAIN: others did not let go of it in time."""
    cdef stat_t ours, named
    cdef int64_t deadline = clock_ns(False) + <int64_t>ANSWERS_WAIT * 1000000
    cdef int error
    a.index = NULL
    while True:
        a.fd = c_open(path, flags | O_CLOEXEC, 0o600)
        if a.fd < 0:
            return errno
        while c_flock(a.fd, LOCK_EX | LOCK_NB) != 0:
            error = errno
            if (error != EAGAIN and error != EINTR) or clock_ns(False) > deadline:
                answers_close(a)
                return error
            c_poll(NULL, 0, 1)
        if c_fstat(a.fd, &ours) == 0 and c_stat(path, &named) == 0 and (
                ours.st_ino == named.st_ino and ours.st_dev == named.st_dev):
            return 0
        answers_close(a)  # it was replaced or removed meanwhile: what is locked is nobody's


cdef inline uint32_t _slots_taken(AnswersIndex* index) noexcept nogil:
    """How many slots are; more than there are answers in a damaged index."""
    cdef uint32_t i, n = 0
    for i in range(ANSWERS_SLOTS):
        n += slot_at(index, i).word != 0
    return n


cdef inline int _append(Answers* a, const AnswersRecord* r, uint32_t n, uint64_t h, uint32_t at,
                        uint32_t now) noexcept nogil:
    """Puts a record of `n` bytes at the end of the file and lets slot `at` lead to it. Returns 0 or an errno."""
    cdef AnswersSlot* slot = slot_at(a.index, at)
    if c_lseek(a.fd, <off_t>a.size, SEEK_SET) < 0 or not write_all(a.fd, r, n):
        return errno
    if not may_store(a, slot):
        return ENOSPC
    store_time(&slot.used, now, RELAXED)
    store_word(&slot.word, word_of(h, a.size, n), RELEASE)
    return 0


cdef inline void _enter(AnswersIndex* index, uint64_t h, uint64_t offset, uint32_t n, uint32_t used) noexcept nogil:
    """A key that is not there yet."""
    cdef uint32_t at = home_of(h)
    while slot_at(index, at).word:
        at = next_slot(at)
    slot_at(index, at).word = word_of(h, offset, n)
    slot_at(index, at).used = used


cdef inline bint _lay_out(Answers* a, const AnswersList* old, const AnswersRecord* r, uint32_t n, uint64_t h,
                          uint32_t now, Bytes* out) noexcept nogil:
    """The bytes of a new file with the answers of `old` that leave room for a record of `n` bytes, and this one.
    False: no memory."""
    cdef const AnswersEntry* e
    cdef AnswersIndex* index
    cdef size_t total = sizeof(AnswersIndex) + n
    cdef uint32_t i, size, first = 0
    cdef uint32_t left = old.n
    for i in range(old.n):
        total += length_of(old.entries[i].word)
    while left and (left >= ANSWERS_MOST or total > ANSWERS_BYTES):
        for i in range(first, first + (left + 4) // 5):
            total -= length_of(old.entries[old.order[i]].word)
        first += (left + 4) // 5
        left = old.n - first
    if not bytes_reserve(out, total):
        return False
    memset(out.data, 0, sizeof(AnswersIndex))
    out.len = sizeof(AnswersIndex)
    index = <AnswersIndex*>out.data
    for i in range(first, old.n):
        e = &old.entries[old.order[i]]
        size = length_of(e.word)
        if read_record(a, e.word):
            _enter(index, e.hash, out.len, size, e.used)
            bytes_add(out, &a.record, size)
    _enter(index, h, out.len, n, now)
    bytes_add(out, r, n)
    memcpy(index.head.magic, answers_magic(), 8)
    index.head.version = ANSWERS_VERSION
    index.head.n_slots = ANSWERS_SLOTS
    index.head.check = hash64(&index.head, 16)
    return True


cdef inline bint _beside(const char* path, char* out) noexcept nogil:
    """Where the next file is written, in PATH_BYTES bytes. False: too long."""
    cdef size_t n = strlen(path)
    if n + 5 > PATH_BYTES:
        return False
    memcpy(out, path, n)
    memcpy(out + n, b".new", 5)
    return True


cdef inline int _replace(Answers* a, const char* path, Bytes* data) noexcept nogil:
    """Makes `data` the file of that name; whoever holds the lock may. Returns 0 or an errno."""
    cdef char[PATH_BYTES] beside
    cdef AnswersPage* first = &(<AnswersIndex*>data.data).pages[0]
    cdef int fd, error = 0
    if not _beside(path, beside):
        return ENAMETOOLONG
    c_unlink(beside)  # a writer that was killed left it
    fd = c_open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if fd < 0:
        return errno
    if not write_all(fd, data.data, data.len):
        error = errno
    elif a.index != NULL:
        # As late as can be: what is counted from here on is lost with the old file.
        answers_counts(a.index, &first.hits, &first.misses)
        if c_pwrite(fd, first, 16, <uint8_t*>first - data.data) != 16:
            error = EIO
    c_close(fd)
    if error == 0 and c_rename(beside, path) != 0:
        error = errno
    if error:
        c_unlink(beside)
    return error


cdef inline int _renew(Answers* a, const char* path, const AnswersRecord* r, uint32_t n, uint64_t h, uint32_t at,
                       uint32_t now) noexcept nogil:
    """Puts a record into a new file, together with what is in the old one, but for slot `at`. Returns 0 or an errno."""
    cdef AnswersList old
    cdef Bytes data
    cdef int error = ENOMEM
    memset(&old, 0, sizeof(old))
    bytes_init(&data)
    if (a.index == NULL or answers_list(a, now, at, &old)) and _lay_out(a, &old, r, n, h, now, &data):
        error = _replace(a, path, &data)
    bytes_free(&data)
    answers_list_free(&old)
    return error


cdef inline bint _make_folder(const char* path) noexcept nogil:
    """The last folder of the path, private as all of greppy's are."""
    cdef char[PATH_BYTES] folder
    cdef size_t n = parent_folder(<const uint8_t*>path, strlen(path))
    if n == 0 or n >= PATH_BYTES:
        return False
    memcpy(folder, path, n)
    folder[n] = 0
    return mkdir(folder, 0o700) == 0 or errno == EEXIST


cdef inline int answers_put(const char* path, const uint8_t* key, size_t n, const uint8_t* body, size_t body_n,
                            uint32_t now) noexcept nogil:
    """Keeps the answer to a key in place of the one there was. Returns 0 or an errno: EMSGSIZE, key or body is too
    long; EAGAIN, others have held the lock for two seconds. After 0 the answer outlives this process."""
    cdef Answers a
    cdef AnswersRecord r
    cdef uint64_t h = hash64(key, n)
    cdef uint32_t at = NO_SLOT, empty = NO_SLOT, size
    cdef int error
    if n > ANSWERS_KEY or body_n > ANSWERS_BODY:
        return EMSGSIZE
    size = <uint32_t>(RECORD_HEAD + n + body_n)
    r.created = now
    r.key_n = <uint16_t>n
    r.body_n = <uint16_t>body_n
    memcpy(r.text, key, n)
    memcpy(r.text + n, body, body_n)
    r.sum = hash64(<uint8_t*>&r + 8, size - 8)
    a.writable = True
    error = _lock(&a, path, O_RDWR | O_CREAT)
    if error == ENOENT and _make_folder(path):
        error = _lock(&a, path, O_RDWR | O_CREAT)
    if error:
        return error
    if map_index(&a, &error):
        at = find_slot(&a, key, n, h, &empty)
        if a.size + size <= ANSWERS_BYTES and (at != NO_SLOT or _slots_taken(a.index) < ANSWERS_MOST):
            error = _append(&a, &r, size, h, at if at != NO_SLOT else empty, now)
        else:
            error = _renew(&a, path, &r, size, h, at, now)
    elif error == 0:
        error = _renew(&a, path, &r, size, h, NO_SLOT, now)
    answers_close(&a)
    return error


cdef inline int answers_clear(const char* path) noexcept nogil:
    """Removes the file, and what a writer that was killed left of one: no answer and no count is there any more.
    Returns 0, also when there was none, or an errno."""
    cdef Answers a
    cdef char[PATH_BYTES] beside
    cdef int error = _lock(&a, path, O_RDONLY | O_NONBLOCK)
    if error:
        return 0 if error == ENOENT else error
    if not _beside(path, beside):
        error = ENAMETOOLONG
    elif c_unlink(path) != 0 or (c_unlink(beside) != 0 and errno != ENOENT):
        error = errno
    answers_close(&a)
    return error
