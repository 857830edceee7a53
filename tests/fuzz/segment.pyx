# cython: language_level=3
"""Any bytes as a segment whose checksums are right: opened, verified, searched. What it says may be nonsense, but
nothing outside of it may be read, and every result names a file and a chunk that it has."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport abort, free
from libc.string cimport memcpy, memset, strncpy
from _core.base cimport Bytes, bytes_free, bytes_init
from _core.check cimport check_chunks, check_files, check_links, check_paths, check_terms
from _core.filter cimport Filter, filter_free
from _core.index cimport Index
from _core.query cimport TERMS, Query, query_parse
from _core.candidates cimport Results
from _core.rank cimport rank
from _core.segment cimport SEGMENT_ARRAYS, segment_close, segment_open
from _core.signals cimport Weights, default_weights
from _core.spell cimport spell
from _core.store cimport (
    FORMAT_VERSION, STORE_HEADER, STORE_OK, STORE_PAGE, StoreArray, StoreHeader, _header_sum, _page_sum, store_check,
    store_magic,
)
from _core.sys cimport c_ftruncate, c_pwrite

cdef extern from "<sys/mman.h>" nogil:
    int memfd_create(const char*, unsigned int)

cdef extern from "<stdio.h>" nogil:
    int snprintf(char*, size_t, const char*, ...)

cdef enum:
    MOST = 1 << 17
cdef uint8_t[2 * MOST] image
cdef Index index
cdef Query query
cdef int fd  # 0: not made yet; nothing initialises a module's variables here


cdef size_t _seal(const uint8_t* data, size_t n) noexcept nogil:
    """The bytes as a container in `image`, with every sum right; its size."""
    cdef StoreHeader* head = <StoreHeader*>image
    cdef StoreArray* arrays = <StoreArray*>(image + STORE_HEADER)
    cdef StoreArray* sums
    cdef size_t page, pages, end = n // 64 * 64
    cdef uint32_t sum
    memset(image, 0, sizeof(image))
    memcpy(image, data, end)
    pages = (end + STORE_PAGE - 1) // STORE_PAGE
    memcpy(head.magic, store_magic(), 8)
    strncpy(head.kind, b"segment", 8)
    head.version = FORMAT_VERSION
    head.n_arrays = SEGMENT_ARRAYS + 1
    head.size = end + 4 * pages
    sums = &arrays[SEGMENT_ARRAYS]
    strncpy(sums.name, b"page_sums", 16)
    sums.item = 4
    sums.offset = end
    sums.count = pages
    for page in range(pages):
        sum = _page_sum(image, page, end)
        memcpy(image + end + 4 * page, &sum, 4)
    head.sum = _header_sum(head, arrays)
    return head.size


cdef void _search(const char* text, size_t n, bint details) noexcept nogil:
    cdef Weights weights
    cdef Results results
    cdef Filter filter_
    cdef double[TERMS] values
    cdef uint32_t i
    cdef Bytes corrected
    bytes_init(&corrected)
    memset(&filter_, 0, sizeof(filter_))
    query_parse(<const uint8_t*>text, n, &query)
    if spell(&index, <const uint8_t*>text, n, &query, &corrected):
        query_parse(corrected.data, corrected.len, &query)
    default_weights(&weights)
    rank(&index, &query, &filter_, &weights, 20, False, details, values, &results)
    if not results.failed and not index.segments[0].store.damaged:
        for i in range(results.n):
            if results.items[i].file >= index.segments[0].n_files or (
                    results.items[i].chunk >= index.segments[0].n_chunks):
                abort()
    free(results.items)
    free(results.details)
    bytes_free(&corrected)
    filter_free(&filter_)


cdef public int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) noexcept nogil:
    global fd
    cdef char[64] path
    cdef size_t size
    if n < STORE_HEADER + 48 * (SEGMENT_ARRAYS + 1) or n > MOST:
        return 0
    size = _seal(data, n)
    if fd == 0:
        fd = memfd_create(b"segment", 0)
    if c_ftruncate(fd, 0) != 0 or c_pwrite(fd, image, size, 0) != <long>size:
        abort()
    snprintf(path, sizeof(path), b"/proc/self/fd/%d", fd)
    memset(&index, 0, sizeof(index))
    index.root_fd = -1
    if segment_open(&index.segments[0], path, n & 1) != STORE_OK:
        return 0
    index.n_segments = 1
    index.n_chunks = index.segments[0].n_chunks
    index.n_files = index.segments[0].n_files
    index.total_len = index.segments[0].total_len
    _search(b"cart", 4, False)
    _search(b"parse_price", 11, True)
    _search(b"how is the price of an item parsed", 34, False)
    _search(b"Cart.total", 10, False)
    _search(b"File \"shop/cart.py\", line 50, in total", 38, True)
    _search(b"parse_prise", 11, False)
    _search(b"CPT", 3, True)
    if not store_check(&index.segments[0].store):
        abort()
    index.segments[0].store.damaged = False
    check_files(&index.segments[0])
    check_chunks(&index.segments[0])
    check_terms(&index.segments[0])
    check_paths(&index.segments[0])
    check_links(&index.segments[0])
    segment_close(&index.segments[0])
    return 0
