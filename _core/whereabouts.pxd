# cython: language_level=3
"""A place that a question names: `path:line`, a line of a stack trace, a compiler's message.

    src/http/client.rs:42:7                              a path with a line, perhaps a column
    File "lib/json/decoder.py", line 355, in decode      Python, with the function
    at com.shop.Cart.total(Cart.java:42)                 Java, JavaScript: the name before the parenthesis
    app/cart.rb:12:in `total'                            Ruby
    src/http/client.rs                                   a path alone, when the question is nothing else

A path may begin anywhere: a file is meant when its last components agree.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport memcmp
from _core.text cimport BYTE_LOWER, BYTE_UNDERSCORE, byte_class

cdef enum:
    LINE_MAX = 100000000

cdef struct Whereabouts:
    const uint8_t* path
    uint32_t path_len     # 0: the question names no place
    uint32_t line         # from 1; 0: none
    const uint8_t* name   # of the function
    uint32_t name_len


cdef inline bint identifier_byte(uint8_t c) noexcept nogil:
    return BYTE_LOWER <= byte_class(c) <= BYTE_UNDERSCORE or c == 36 or c >= 128


cdef inline bint _of_path(uint8_t c) noexcept nogil:
    """May stand in a path that nothing quotes."""
    return identifier_byte(c) or c == 46 or c == 47 or c == 45 or c == 43 or c == 64 or c == 126 or c == 37 or c == 92


cdef inline size_t _number(const uint8_t* p, size_t i, size_t n, uint32_t* v) noexcept nogil:
    """A line number at p[i], and where it ends; i when there is none."""
    cdef size_t k = i
    v[0] = 0
    while k < n and 48 <= p[k] <= 57 and v[0] < LINE_MAX:
        v[0] = 10 * v[0] + p[k] - 48
        k += 1
    return k if v[0] and v[0] < LINE_MAX and not (k < n and identifier_byte(p[k])) else i


cdef inline void _name_at(Whereabouts* w, const uint8_t* p, size_t i, size_t n) noexcept nogil:
    """The name that begins at p[i], with what quotes it."""
    cdef size_t k
    while i < n and (p[i] == 39 or p[i] == 96 or p[i] == 34):
        i += 1
    k = i
    while k < n and (identifier_byte(p[k]) or p[k] == 46 or p[k] == 35 or p[k] == 58):
        k += 1
    while k > i and not identifier_byte(p[k - 1]):
        k -= 1
    w.name = p + i
    w.name_len = <uint32_t>(k - i)


cdef inline void _last_component(Whereabouts* w) noexcept nogil:
    cdef uint32_t i = w.name_len
    while i and identifier_byte(w.name[i - 1]):
        i -= 1
    w.name += i
    w.name_len -= i


cdef inline bint _python(const uint8_t* p, size_t n, Whereabouts* w) noexcept nogil:
    """File "PATH", line N, in NAME"""
    cdef size_t i = 0, k
    while i + 6 < n and memcmp(p + i, b"File \"", 6) != 0:
        i += 1
    if i + 6 >= n:
        return False
    i += 6
    k = i
    while k < n and p[k] != 34:
        k += 1
    if k == i or n - k < 8 or memcmp(p + k, b"\", line ", 8) != 0:
        return False
    w.path = p + i
    w.path_len = <uint32_t>(k - i)
    k += 8
    i = _number(p, k, n, &w.line)
    if i == k:
        w.path_len = 0
        return False
    if n - i > 5 and memcmp(p + i, b", in ", 5) == 0:
        _name_at(w, p, i + 5, n)
    return True


cdef inline bint _path_like(const uint8_t* p, size_t n) noexcept nogil:
    """Ends in a name with an extension or has folders, and is no address."""
    cdef size_t i
    for i in range(1, n):
        if p[i] == 47 or (p[i] == 46 and i + 1 < n):
            return True
    return False


cdef inline void find_place(const uint8_t* p, size_t n, Whereabouts* w) noexcept nogil:
    """The first place that the question names; `path_len` 0 when it names none."""
    cdef size_t i, k, end
    w.path_len = w.line = w.name_len = 0
    if _python(p, n, w):
        _last_component(w)
        return
    for i in range(1, n):
        if p[i] != 58 or not _of_path(p[i - 1]):
            continue
        end = _number(p, i + 1, n, &w.line)
        if end == i + 1:
            continue
        k = i
        while k and _of_path(p[k - 1]):
            k -= 1
        if not _path_like(p + k, i - k):
            continue
        w.path = p + k
        w.path_len = <uint32_t>(i - k)
        if k and p[k - 1] == 40:  # NAME(path:line) or NAME (path:line)
            k -= 1
            if k and p[k - 1] == 32:
                k -= 1
            i = k
            while i and (identifier_byte(p[i - 1]) or p[i - 1] == 46):
                i -= 1
            _name_at(w, p, i, k)
        elif n - end > 4 and memcmp(p + end, b":in ", 4) == 0:
            _name_at(w, p, end + 4, n)
        _last_component(w)
        return
    w.line = 0
    for i in range(n):
        if not _of_path(p[i]):
            return
    if _path_like(p, n):
        w.path = p
        w.path_len = <uint32_t>n


cdef inline uint32_t common_components(const uint8_t* a, size_t n, const uint8_t* b, size_t m) noexcept nogil:
    """How many of the last components of two paths are the same; `a` may have backslashes."""
    cdef uint32_t same = 0
    while True:
        while n and m and a[n - 1] == b[m - 1] and b[m - 1] != 47:
            n -= 1
            m -= 1
        # Both components must end here, and none may be empty.
        if (n and a[n - 1] != 47 and a[n - 1] != 92) or (m and b[m - 1] != 47):
            return same
        same += 1
        if n < 2 or m < 2:
            return same
        n -= 1
        m -= 1
