# cython: language_level=3
"""Memory for a program that lives a millisecond: pieces are cut from a block one after the other, and what is given
back serves again only when it was the last one. The front's malloc; the module for Python has the C library's.

A search asks for many small pieces and needs most of them to its end. Cut side by side they lie in few pages, and a
page that is not touched costs no fault, no clearing and no return at exit. A large piece that grows gets pages of its
own, which the kernel can move without copying: building an index has such. One thread at a time may ask.
"""
from libc.stdint cimport uint8_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset
from _core.sys cimport (
    c_mmap, c_mremap, c_munmap, MREMAP_MAYMOVE, MAP_ANONYMOUS, MAP_FAILED, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE,
    PROT_READ, PROT_WRITE,
)

cdef enum:
    ARENA_HEAD = 16          # before each piece its size; keeps the alignment that malloc owes
    ARENA_FIRST = 1 << 16    # what nearly every search needs, brought in at once, which costs less than page by page
    ARENA_BLOCK = 1 << 20
    ARENA_OWN = 1 << 17      # a piece that grows to so many bytes gets its own pages
    ARENA_PAGE = 4096
    ARENA_APART = 1          # in a piece's size: it has
    ARENA_TOO_MUCH = 46      # bits of a number of bytes that nobody can have; keeps sums from wrapping

cdef struct Arena:
    # All zeros is an empty one.
    uint8_t* at       # the next piece's head; a multiple of 16
    uint8_t* end      # of the block
    uint8_t* clean    # from here on the block has never been written: it is zero
    bint begun


cdef inline size_t _piece(size_t n) noexcept nogil:
    return (n + ARENA_HEAD - 1) & ~<size_t>(ARENA_HEAD - 1)


cdef inline size_t* _size(const void* p) noexcept nogil:
    return <size_t*>(<uint8_t*>p - ARENA_HEAD)


cdef inline size_t _bytes(const void* p) noexcept nogil:
    return _size(p)[0] & ~<size_t>ARENA_APART


cdef inline bint _is_last(const Arena* a, const void* p) noexcept nogil:
    return <uint8_t*>p + _size(p)[0] == a.at


cdef inline bint _block(Arena* a, size_t n) noexcept nogil:
    """A new block with room for `n` bytes; what is left of the old one is given up."""
    cdef size_t size = ARENA_BLOCK if a.begun else ARENA_FIRST
    cdef int flags = MAP_PRIVATE | MAP_ANONYMOUS | (MAP_NORESERVE if a.begun else MAP_POPULATE)
    cdef void* p
    if n > size:
        size = (n + ARENA_BLOCK - 1) & ~<size_t>(ARENA_BLOCK - 1)
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    p = c_mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0)
    if p == MAP_FAILED:
        return False
    a.begun = True
    a.at = a.clean = <uint8_t*>p
    a.end = a.at + size
    return True


cdef inline void* _apart(void* old, size_t n) noexcept nogil:
    """Pages of its own for a piece of `n` bytes, those of `old` when it has some already; NULL without memory."""
    cdef size_t size = (n + ARENA_HEAD + ARENA_PAGE - 1) & ~<size_t>(ARENA_PAGE - 1)
    cdef void* p
    if old == NULL:
        p = c_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    else:
        p = c_mremap(<uint8_t*>old - ARENA_HEAD, _bytes(old) + ARENA_HEAD, size,
                     MREMAP_MAYMOVE)
    if p == MAP_FAILED:
        return NULL
    p = <uint8_t*>p + ARENA_HEAD
    _size(p)[0] = (size - ARENA_HEAD) | ARENA_APART
    return p


cdef inline void* arena_alloc(Arena* a, size_t n, bint zero) noexcept nogil:
    """`n` bytes, zeros when asked for, at a multiple of 16; NULL when there is no memory."""
    cdef size_t size
    cdef uint8_t* p
    if n >> ARENA_TOO_MUCH:
        return NULL
    if n >= ARENA_BLOCK:
        return _apart(NULL, n)
    size = _piece(n)
    if size + ARENA_HEAD > <size_t>(a.end - a.at) and not _block(a, size + ARENA_HEAD):
        return NULL
    p = a.at + ARENA_HEAD
    a.at = p + size
    if zero and p < a.clean:
        memset(p, 0, size if a.at < a.clean else <size_t>(a.clean - p))
    if a.at > a.clean:
        a.clean = a.at
    _size(p)[0] = size
    return p


cdef inline void arena_free(Arena* a, void* p) noexcept nogil:
    if p == NULL:
        return
    if _size(p)[0] & ARENA_APART:
        c_munmap(<uint8_t*>p - ARENA_HEAD, _bytes(p) + ARENA_HEAD)
    elif _is_last(a, p):
        a.at = <uint8_t*>p - ARENA_HEAD


cdef inline void* arena_realloc(Arena* a, void* p, size_t n) noexcept nogil:
    """The piece with room for `n` bytes, moved only when its place does not do; NULL, and `p` as it was, without
    memory."""
    cdef void* other
    cdef size_t size
    if p == NULL:
        return arena_alloc(a, n, False)
    if n <= _bytes(p):
        return p
    if n >> ARENA_TOO_MUCH:
        return NULL
    if _size(p)[0] & ARENA_APART:
        return _apart(p, n)
    size = _piece(n)
    if _is_last(a, p) and size <= <size_t>(a.end - <uint8_t*>p):
        a.at = <uint8_t*>p + size
        if a.at > a.clean:
            a.clean = a.at
        _size(p)[0] = size
        return p
    other = _apart(NULL, n) if n >= ARENA_OWN else arena_alloc(a, n, False)
    if other != NULL:
        memcpy(other, p, _size(p)[0])
    return other
