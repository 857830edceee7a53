# cython: language_level=3
"""The container every greppy file on disk is: a header, a directory of named arrays, the arrays, page checksums.

All integers little-endian. One writer (`StoreWriter`), one reader (`Store`), used by segments, manifests and trees.

    offset size
    0      8    magic: 89 47 52 50 59 0D 0A 1A ("\x89GRPY\r\n\x1a": a file mangled as text is recognised)
    8      8    kind: "segment", "manifest" or "tree", NUL-padded
    16     4    format version (FORMAT_VERSION)
    20     4    number of arrays, n
    24     8    size of the file in bytes
    32     8    serial: the generation for a manifest or tree, the id for a segment
    40     16   two numbers for the kind's own use (a segment: sum of its chunks' lengths as their codes tell them, and
                its number of terms)
    56     8    XXH64 of bytes 0..55 followed by the directory
    64     48n  directory: name (16, NUL-padded), dtype (8, NUL-padded), item size (4), 0 (4), offset (8), count (8)
    ...         arrays, each at a multiple of 64, zero bytes between them
    ...         the last array, "page_sums" (<u4): for each 1,024 bytes of the file before it (the last piece may be
                shorter) their sum (`checksum.pxd`); the header counts as zeros there, it has its own sum

Every byte before `page_sums` is under a checksum and the header holds the sum of nothing that may change after it. A
reader checks the header when it opens the file and a page when it first follows something into it (`store_touch`), so
that a search pays for what it reads and damage is an error, never a wrong answer.

Example, a tree of generation 7 with one array "x" of two <u4 (1, 2), 260 bytes in all:
    89475250590D0A1A 7472656500000000 09000000 02000000 0401000000000000 0700000000000000 (16 zero bytes) <sum>
    "x" 3C753400... 04000000 00000000 C000000000000000 0200000000000000
    "page_sums" 3C753400... 04000000 00000000 0001000000000000 0100000000000000
    (160..191 zero) 01000000 02000000 (200..255 zero) <page sum>
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport malloc, calloc, realloc, free
from libc.string cimport memcpy, memset, memcmp, strncmp, strncpy, strlen
from _core.checksum cimport page_checksum
from _core.hash cimport hash64
from _core.sys cimport (
    off_t, stat_t, c_fstat, c_open, c_close, c_mmap, c_munmap, c_pwrite, c_fsync, pread_all, write_all, errno, EINVAL,
    ssize_t, O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_CLOEXEC, PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE,
    MAP_ANONYMOUS, MAP_NORESERVE, MAP_POPULATE, MAP_FAILED, MADV_DONTNEED, madvise,
)

cdef enum:
    FORMAT_VERSION = 9
    STORE_HEADER = 64
    STORE_PAGE = 1024   # small, because most reads follow one record into a page and pay for all of it
    STORE_ARRAYS = 24   # no kind has more
    STORE_DIRECTORY = 1152  # bytes of a directory of that many
    STORE_ALIGN = 64
    ZEROS_MAPPED = 1 << 13
    ZEROS_BROUGHT = 1 << 15
    FETCH_PAGES = 16    # `store_fetch` copies no more
    PIECE_WORDS = 512   # `store_piece` copies no pages of more words of 8 bytes,
    PIECES = 256        # ... and finds again what it has copied among so many
    PIECES_ROOM = 1 << 16
    COPIES = 1024       # whoever wants more reads through the map, which shares what a fault brings
    MAPPED = 1 << 14    # of a file of no more pages it copies nothing: a few faults bring whole arrays

cdef enum StoreError:
    STORE_OK = 0
    STORE_SYSTEM = 1    # errno says
    STORE_DAMAGED = 2
    STORE_VERSION = 3   # written by another version: rebuild
    STORE_MEMORY = 4

cdef struct StoreHeader:
    uint8_t[8] magic
    char[8] kind
    uint32_t version
    uint32_t n_arrays
    uint64_t size
    uint64_t serial
    uint64_t[2] numbers
    uint64_t sum

cdef struct StoreArray:
    char[16] name
    char[8] dtype
    uint32_t item
    uint32_t zero
    uint64_t offset
    uint64_t count

cdef struct Piece:
    # Bytes of a file that were checked and copied.
    size_t offset
    size_t n           # 0: none
    const uint8_t* at

cdef struct Store:
    const uint8_t* base
    size_t size
    const StoreHeader* head
    const StoreArray* arrays
    const uint32_t* sums
    size_t n_pages
    uint64_t* checked  # one bit a page: its sum was right
    bint damaged       # a sum was wrong: nothing read from here may be shown
    int fd             # for `store_fetch` and `store_piece`; -1: everything is read through the map
    Piece* pieces      # at a place that the offset tells; NULL: none yet
    uint8_t* room      # for more of them: a block that begins with the address of the one before,
    size_t used        # ... so much of which is taken
    size_t copies      # so far

cdef struct StoreWriter:
    int fd
    bint failed        # a write failed; `error` is its errno
    int error
    uint64_t at        # bytes added so far
    StoreHeader head
    StoreArray[STORE_ARRAYS] arrays
    uint8_t* buffer    # the last of them, room for `step`
    size_t buffered
    size_t step        # what is written at a time


cdef inline const char* store_magic() noexcept nogil:
    return b"\x89GRPY\r\n\x1a"


cdef inline uint64_t _header_sum(const StoreHeader* h, const StoreArray* arrays) noexcept nogil:
    cdef uint8_t[56 + STORE_DIRECTORY] work
    memcpy(work, h, 56)
    memcpy(work + 56, arrays, h.n_arrays * sizeof(StoreArray))
    return hash64(work, 56 + h.n_arrays * sizeof(StoreArray))


cdef inline uint32_t _page_sum(const uint8_t* base, size_t page, size_t end) noexcept nogil:
    """Of page `page` of the file that lies at `base`, whose pages end at `end`."""
    cdef size_t lo = page * STORE_PAGE
    # The header has its own sum, and is written last.
    return page_checksum(base + lo, 0 if page else STORE_HEADER, STORE_PAGE if end - lo > STORE_PAGE else end - lo)


# ---------------------------------------------------------------------------------------------------------- reading

cdef inline size_t _checked_bytes(const Store* s) noexcept nogil:
    return ((s.n_pages + 63) // 64 + 1) * 8


cdef inline uint64_t* _zeros(size_t n) noexcept nogil:
    """`n` zero bytes; NULL when there is no memory. Many are mapped, so that only those that are touched take any; a
    few pages of them are brought in at once: each is read before it is written, which would be two faults."""
    cdef void* p
    cdef int flags = MAP_POPULATE if n <= ZEROS_BROUGHT else MAP_NORESERVE
    if n <= ZEROS_MAPPED:
        return <uint64_t*>calloc(n, 1)
    p = c_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
    return NULL if p == MAP_FAILED else <uint64_t*>p


cdef inline void store_close(Store* s) noexcept nogil:
    cdef uint8_t* before
    if s.base != NULL:
        c_munmap(<void*>s.base, s.size)
    if _checked_bytes(s) > ZEROS_MAPPED and s.checked != NULL:
        c_munmap(s.checked, _checked_bytes(s))
    else:
        free(s.checked)
    if s.base != NULL and s.fd >= 0:
        c_close(s.fd)
    free(s.pieces)
    while s.room != NULL:
        before = (<uint8_t**>s.room)[0]
        free(s.room)
        s.room = before
    memset(s, 0, sizeof(Store))
    s.fd = -1


cdef inline int store_open(Store* s, const char* path, const char* kind, bint fetching) noexcept nogil:
    """Maps a file and checks its header. After STORE_OK every array lies inside the file and fits its item size.

    `fetching`: the file stays open, and `store_fetch` and `store_piece` read from it. Then one thread at a time may."""
    cdef stat_t st
    cdef int fd
    cdef void* p
    cdef uint32_t i
    cdef const StoreArray* a
    memset(s, 0, sizeof(Store))
    s.fd = -1
    fd = c_open(path, O_RDONLY | O_CLOEXEC)
    if fd < 0:
        return STORE_SYSTEM
    if c_fstat(fd, &st) != 0:
        c_close(fd)
        return STORE_SYSTEM
    if st.st_size < <off_t>(STORE_HEADER + sizeof(StoreArray)):
        c_close(fd)
        return STORE_DAMAGED
    p = c_mmap(NULL, <size_t>st.st_size, PROT_READ, MAP_SHARED, fd, 0)
    if fetching and p != MAP_FAILED:
        s.fd = fd
    else:
        c_close(fd)
    if p == MAP_FAILED:
        return STORE_SYSTEM
    s.base = <const uint8_t*>p
    s.size = <size_t>st.st_size
    s.head = <const StoreHeader*>p
    s.arrays = <const StoreArray*>(s.base + STORE_HEADER)
    if memcmp(s.head.magic, store_magic(), 8) != 0 or strncmp(s.head.kind, kind, 8) != 0:
        store_close(s)
        return STORE_DAMAGED
    if s.head.version != FORMAT_VERSION:
        store_close(s)
        return STORE_VERSION
    if (s.head.n_arrays < 1 or s.head.n_arrays > STORE_ARRAYS or s.head.size != s.size
            or STORE_HEADER + s.head.n_arrays * sizeof(StoreArray) > s.size
            or _header_sum(s.head, s.arrays) != s.head.sum):
        store_close(s)
        return STORE_DAMAGED
    for i in range(s.head.n_arrays):
        a = &s.arrays[i]
        if (a.item == 0 or a.offset % STORE_ALIGN or a.offset > s.size
                or a.count > (s.size - a.offset) // a.item):
            store_close(s)
            return STORE_DAMAGED
    a = &s.arrays[s.head.n_arrays - 1]
    s.n_pages = (a.offset + STORE_PAGE - 1) // STORE_PAGE
    if strncmp(a.name, b"page_sums", 16) != 0 or a.item != 4 or a.count != s.n_pages:
        store_close(s)
        return STORE_DAMAGED
    s.sums = <const uint32_t*>(s.base + a.offset)
    s.checked = _zeros(_checked_bytes(s))
    if s.checked == NULL:
        store_close(s)
        return STORE_MEMORY
    return STORE_OK


cdef inline bint _touch_page(Store* s, size_t page) noexcept nogil:
    if page >= s.n_pages or _page_sum(s.base, page, s.arrays[s.head.n_arrays - 1].offset) != s.sums[page]:
        s.damaged = True
        return False
    # Threads that share a store may both check a page and both set the bit: a lost bit costs a second check.
    s.checked[page >> 6] |= <uint64_t>1 << (page & 63)
    return True


cdef inline bint store_touch(Store* s, const void* at, size_t n) noexcept nogil:
    """True when [at, at + n) lies in the file and its pages have the right sums; else the store is `damaged`."""
    cdef size_t offset = <size_t>(<const uint8_t*>at - s.base)
    cdef size_t page, last
    if n == 0:
        return True
    if offset >= s.size or n > s.size - offset:
        s.damaged = True
        return False
    last = (offset + n - 1) // STORE_PAGE
    page = offset // STORE_PAGE
    while page <= last:
        if not (page < s.n_pages and (s.checked[page >> 6] >> (page & 63)) & 1) and not _touch_page(s, page):
            return False
        page += 1
    return True


cdef inline const void* store_read(Store* s, const void* at, size_t n) noexcept nogil:
    """`at` when the `n` bytes there may be read (see `store_touch`), else NULL."""
    return at if store_touch(s, at, n) else NULL


cdef inline const void* store_fetch(Store* s, const void* at, size_t n, uint8_t* buffer, size_t room) noexcept nogil:
    """Where the `n` bytes that the file has at `at` can be read, checked: in `buffer`, when their pages have room
    there, else in the map. NULL when damaged. Sums are read through the map: those of 256 pages lie in one.

    For pieces that lie alone: copying them costs a system call, while touching them in the map costs the kernel a fault
    that maps sixteen pages, and their unmapping: several times as much. Not for what is read again and again."""
    cdef size_t offset = <size_t>(<const uint8_t*>at - s.base), end = s.arrays[s.head.n_arrays - 1].offset
    cdef size_t page, last, i, hi, start
    if s.fd < 0 or n == 0 or offset >= end or n > end - offset:
        return store_read(s, at, n)
    page = offset // STORE_PAGE
    last = (offset + n - 1) // STORE_PAGE
    if last - page >= FETCH_PAGES or (last - page + 1) * STORE_PAGE > room:
        return store_read(s, at, n)
    start = page * STORE_PAGE
    hi = (last + 1) * STORE_PAGE
    hi = (hi if hi < end else end) - start
    if not pread_all(s.fd, buffer, hi, start):
        s.damaged = True
        return NULL
    for i in range(last - page + 1):
        if _page_sum(buffer - start, page + i, start + hi) != s.sums[page + i]:
            s.damaged = True
            return NULL
    return buffer + (offset - start)


cdef inline uint8_t* _piece_room(Store* s, size_t n) noexcept nogil:
    """Room for `n` bytes until the store is closed, or NULL."""
    cdef uint8_t* block
    if s.room == NULL or s.used + n > PIECES_ROOM:
        block = <uint8_t*>malloc(PIECES_ROOM)
        if block == NULL:
            return NULL
        (<uint8_t**>block)[0] = s.room
        s.room = block
        s.used = sizeof(uint64_t)
    n = (n + 7) & ~<size_t>7  # so that records lie as they must
    s.used += n
    return s.room + s.used - n


cdef inline const void* store_glance(Store* s, const void* at, size_t n, uint8_t* buffer, size_t room) noexcept nogil:
    """`store_fetch` of what may be there as a piece already."""
    cdef size_t offset = <size_t>(<const uint8_t*>at - s.base)
    cdef const Piece* p
    if s.n_pages <= MAPPED:
        return store_read(s, at, n)
    if s.pieces != NULL:
        p = &s.pieces[(offset >> 3) % PIECES]
        if p.offset == offset and p.n >= n and n:
            return p.at
    return store_fetch(s, at, n, buffer, room)


cdef inline const void* store_piece(Store* s, const void* at, size_t n) noexcept nogil:
    """`store_fetch` for records that are asked for again and that nobody has room for: what is copied stays until the
    store is closed. Not for what thousands are read of."""
    cdef size_t offset = <size_t>(<const uint8_t*>at - s.base)
    cdef uint64_t[PIECE_WORDS] pages
    cdef Piece* p
    cdef const void* found
    cdef uint8_t* room
    if s.fd < 0 or s.n_pages <= MAPPED or n == 0 or n > sizeof(pages):
        return store_read(s, at, n)
    if s.pieces == NULL:
        s.pieces = <Piece*>calloc(PIECES, sizeof(Piece))
        if s.pieces == NULL:
            return store_read(s, at, n)
    p = &s.pieces[(offset >> 3) % PIECES]
    if p.offset != offset or p.n < n:
        if s.copies == COPIES:
            return store_read(s, at, n)
        s.copies += 1
        found = store_fetch(s, at, n, <uint8_t*>pages, sizeof(pages))
        if found == NULL or found == at:
            return found
        room = _piece_room(s, n)
        if room == NULL:
            return store_read(s, at, n)
        memcpy(room, found, n)
        p.offset = offset
        p.n = n
        p.at = room
    return p.at


cdef inline const void* store_array(Store* s, const char* name, uint32_t item, uint64_t* count) noexcept nogil:
    """The array of that name; NULL (and `damaged`) when it is not there or its items have another size."""
    cdef uint32_t i
    for i in range(s.head.n_arrays):
        if strncmp(s.arrays[i].name, name, 16) == 0 and s.arrays[i].item == item:
            count[0] = s.arrays[i].count
            return s.base + s.arrays[i].offset
    s.damaged = True
    count[0] = 0
    return NULL


cdef inline void store_done(Store* s) noexcept nogil:
    """Nothing of it will be read soon: its pages no longer count as this process's memory."""
    madvise(<void*>s.base, s.size, MADV_DONTNEED)


cdef inline bint store_check(Store* s) noexcept nogil:
    """Every page against its sum: what `check` and a merge do. False when one is wrong."""
    cdef size_t page
    for page in range(s.n_pages):
        if not _touch_page(s, page):
            return False
    return True


# ---------------------------------------------------------------------------------------------------------- writing

cdef enum:
    WRITE_BUFFER = 1 << 18  # so much is written at a time,
    WRITE_LARGE = 1 << 21   # and this when the file is as large; a multiple of it
    SUMS_PIECE = 1 << 24  # a multiple of STORE_PAGE and of the system's pages

cdef inline void _flush(StoreWriter* w) noexcept nogil:
    if w.buffered and not w.failed and not write_all(w.fd, w.buffer, w.buffered):
        w.failed = True
        w.error = errno
    w.buffered = 0


cdef inline void _larger(StoreWriter* w) noexcept nogil:
    """A file that has WRITE_LARGE bytes grows by so many, if there is memory for them."""
    cdef uint8_t* buffer
    if w.at == WRITE_LARGE:
        buffer = <uint8_t*>realloc(w.buffer, WRITE_LARGE)
        if buffer != NULL:
            w.buffer = buffer
            w.step = WRITE_LARGE


cdef inline void writer_add(StoreWriter* w, const void* data, size_t n) noexcept nogil:
    """Appends to the array begun last.

    Whole steps are written, each at a multiple of its size: the kernel then keeps the file in pages as large, of which
    a reader's fault maps many for the price of one."""
    cdef size_t part
    while n and not w.failed:
        part = w.step - w.at % w.step
        part = part if part < n else n
        memcpy(w.buffer + w.buffered, data, part)
        data = <const uint8_t*>data + part
        n -= part
        w.buffered += part
        w.at += part
        if w.at % w.step == 0:
            _flush(w)
            _larger(w)


cdef inline void _pad(StoreWriter* w) noexcept nogil:
    cdef uint8_t[STORE_ALIGN] zero
    memset(zero, 0, STORE_ALIGN)
    if w.at % STORE_ALIGN:
        writer_add(w, zero, STORE_ALIGN - w.at % STORE_ALIGN)


cdef inline void writer_array(StoreWriter* w, const char* name, const char* dtype, uint32_t item) noexcept nogil:
    """Ends the array begun before, if any, and begins the next one."""
    cdef StoreArray* a
    if w.head.n_arrays:
        a = &w.arrays[w.head.n_arrays - 1]
        a.count = (w.at - a.offset) // a.item
    _pad(w)
    a = &w.arrays[w.head.n_arrays]
    w.head.n_arrays += 1
    strncpy(a.name, name, 16)
    strncpy(a.dtype, dtype, 8)
    a.item = item
    a.offset = w.at


cdef inline bint writer_open(StoreWriter* w, const char* path, const char* kind, uint64_t serial,
                             uint32_t n_arrays) noexcept nogil:
    """Creates `path`, which must not exist, for `n_arrays` arrays (page_sums not counted)."""
    cdef uint8_t[STORE_HEADER + STORE_DIRECTORY] zero
    memset(w, 0, sizeof(StoreWriter))
    memset(zero, 0, sizeof(zero))
    w.fd = -1
    if n_arrays + 1 > STORE_ARRAYS:
        w.failed = True
        w.error = EINVAL
        return False
    w.step = WRITE_BUFFER
    w.buffer = <uint8_t*>malloc(WRITE_BUFFER)
    w.fd = c_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if w.fd < 0 or w.buffer == NULL:
        w.failed = True
        w.error = errno
        return False
    memcpy(w.head.magic, store_magic(), 8)
    strncpy(w.head.kind, kind, 8)
    w.head.version = FORMAT_VERSION
    w.head.serial = serial
    writer_add(w, zero, STORE_HEADER + (n_arrays + 1) * sizeof(StoreArray))
    return True


cdef inline void _write_sums(StoreWriter* w) noexcept nogil:
    # The file is read back through a map: a sum over what was handed to write() would not see a lost page.
    cdef uint64_t end, i, n, size, at = 0
    cdef void* p
    cdef uint32_t sum
    cdef StoreArray* a
    writer_array(w, b"page_sums", b"<u4", 4)
    _flush(w)
    a = &w.arrays[w.head.n_arrays - 1]
    end = a.offset
    n = (end + STORE_PAGE - 1) // STORE_PAGE
    a.count = n
    w.head.size = end + 4 * n
    w.head.sum = _header_sum(&w.head, w.arrays)
    if w.failed:
        return
    # The directory lies under the page sums, so it goes in before they are taken.
    if c_pwrite(w.fd, w.arrays, w.head.n_arrays * sizeof(StoreArray), STORE_HEADER) != <ssize_t>(
            w.head.n_arrays * sizeof(StoreArray)):
        w.failed = True
        w.error = errno
        return
    while at < end:  # piece by piece, because what is mapped counts as this process's memory
        size = end - at if end - at < SUMS_PIECE else SUMS_PIECE
        p = c_mmap(NULL, size, PROT_READ, MAP_SHARED, w.fd, at)
        if p == MAP_FAILED:
            w.failed = True
            w.error = errno
            return
        for i in range(at // STORE_PAGE, (at + size + STORE_PAGE - 1) // STORE_PAGE):
            sum = _page_sum(<const uint8_t*>p - at, i, end)
            writer_add(w, &sum, 4)
        c_munmap(p, size)
        at += size
    _flush(w)
    if not w.failed and c_pwrite(w.fd, &w.head, STORE_HEADER, 0) != STORE_HEADER:
        w.failed = True
        w.error = errno


cdef inline bint writer_close(StoreWriter* w, bint sync) noexcept nogil:
    """Writes sums, directory and header, and makes it durable when asked. False: `error` is the errno, the file is
    void.

    The number of arrays begun must be the number given to `writer_open`."""
    if w.fd >= 0:
        if not w.failed:
            _write_sums(w)
        if sync and not w.failed and c_fsync(w.fd) != 0:
            w.failed = True
            w.error = errno
        c_close(w.fd)
        w.fd = -1
    free(w.buffer)
    w.buffer = NULL
    return not w.failed
