# cython: language_level=3
"""Globs as ripgrep's -g has them: `*` and `?` stay within a component, `**` crosses, `[a-z]` classes, `{a,b}`."""
from libc.stdint cimport uint8_t
from libc.stddef cimport size_t
from libc.string cimport memcpy

cdef enum:
    GLOB_BYTES = 512   # of a pattern with braces, spelled out; a longer one is taken as it is
    GLOB_DEPTH = 8     # pairs of braces
    GLOB_TRIES = 4096  # ways to spell a pattern with braces; those beyond are not tried


cdef inline bint _class(const uint8_t* p, size_t n, size_t* i, uint8_t c, bint* ok) noexcept nogil:
    """Does `c` match the class that begins behind the '[' at p[i]? Moves `i` behind the ']'. `ok` False: no ']'."""
    cdef size_t k = i[0] + 1
    cdef bint negate = k < n and (p[k] == 33 or p[k] == 94)
    cdef bint hit = False, first = True
    cdef uint8_t lo
    if negate:
        k += 1
    while k < n and (p[k] != 93 or first):
        first = False
        if p[k] == 92 and k + 1 < n:
            k += 1
        lo = p[k]
        if k + 2 < n and p[k + 1] == 45 and p[k + 2] != 93:
            hit |= lo <= c <= p[k + 2]
            k += 3
        else:
            hit |= lo == c
            k += 1
    ok[0] = k < n
    i[0] = k + 1
    return hit != negate and c != 47


cdef inline bint glob_match(const uint8_t* p, size_t n, const uint8_t* s, size_t m) noexcept nogil:
    """The whole of s[0:m] against the pattern p[0:n]. Two points to fall back to (the last `*`, the last `**`) keep the
    time within n * m * m however many stars there are."""
    cdef size_t i = 0, j = 0, k
    cdef size_t star_i = 0, star_j = 0, deep_i = 0, deep_j = 0
    cdef bint star = False, deep = False, hit, ok = True
    while True:
        hit = False
        if i < n and p[i] == 42:
            if i + 1 < n and p[i + 1] == 42:
                while i < n and p[i] == 42:
                    i += 1
                # "**/" also stands for nothing: a/**/b matches a/b
                if i < n and p[i] == 47 and (i < 3 or p[i - 3] == 47):
                    i += 1
                deep = True
                deep_i = i
                deep_j = j
                star = False
                continue
            i += 1
            star = True
            star_i = i
            star_j = j
            continue
        if j == m:
            if i == n:
                return True
        elif i < n:
            if p[i] == 91:
                k = i
                hit = _class(p, n, &k, s[j], &ok)
                if not ok:
                    hit = s[j] == 91
                    k = i + 1
                if hit:
                    i = k
            elif p[i] == 63:
                hit = s[j] != 47
                i += hit
            elif p[i] == 92 and i + 1 < n:
                hit = p[i + 1] == s[j]
                i += 2 if hit else 0
            else:
                hit = p[i] == s[j]
                i += hit
        if hit:
            j += 1
            continue
        if star and star_j < m and s[star_j] != 47:
            star_j += 1
            j = star_j
            i = star_i
        elif deep and deep_j < m:
            deep_j += 1
            # behind "**/" a match begins only at a component
            if deep_i and p[deep_i - 1] == 47:
                while deep_j < m and s[deep_j - 1] != 47:
                    deep_j += 1
                if deep_j >= m:
                    return False
            j = deep_j
            i = deep_i
            star = False
        else:
            return False


cdef inline bint _path_glob(const uint8_t* p, size_t n, const uint8_t* s, size_t m) noexcept nogil:
    cdef size_t i, start
    cdef bint slash = False, folder = False
    if n and p[n - 1] == 47:  # "docs/": a folder of that name, no file
        folder = True
        n -= 1
    for i in range(n):
        if p[i] == 47:
            slash = True
            break
    if slash:
        if p[0] == 47:
            p += 1
            n -= 1
        if not folder and glob_match(p, n, s, m):
            return True
        for i in range(m):
            if s[i] == 47 and glob_match(p, n, s, i):
                return True
        return False
    start = 0
    for i in range(m + 1):
        if i == m or s[i] == 47:
            if not (folder and i == m) and glob_match(p, n, s + start, i - start):
                return True
            start = i + 1
    return False


cdef inline size_t _closing(const uint8_t* p, size_t n, size_t open_) noexcept nogil:
    """Where the brace that p[open_] opens is closed, or n."""
    cdef size_t i = open_
    cdef int depth = 0
    while i < n:
        if p[i] == 92:
            i += 1
        elif p[i] == 123:
            depth += 1
        elif p[i] == 125:
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return n


cdef inline bint _any_glob(const uint8_t* p, size_t n, const uint8_t* s, size_t m, int depth,
                           int* tries) noexcept nogil:
    cdef uint8_t[GLOB_BYTES] spelled
    cdef size_t open_ = 0, close_, i, start
    cdef int nested
    while open_ < n and p[open_] != 123:
        open_ += 2 if p[open_] == 92 else 1
    close_ = _closing(p, n, open_) if open_ < n else n
    tries[0] += 1
    if tries[0] > GLOB_TRIES:
        return False
    if close_ >= n or depth == GLOB_DEPTH or n > GLOB_BYTES:
        return _path_glob(p, n, s, m)
    memcpy(spelled, p, open_)
    start = open_ + 1
    nested = 0
    i = start - 1
    while i < close_:
        i += 1
        if p[i] == 92 and i + 1 < close_:
            i += 1  # a quoted character parts nothing
        elif p[i] == 123:
            nested += 1
        elif p[i] == 125 and i < close_:
            nested -= 1
        elif i == close_ or (p[i] == 44 and nested == 0):
            memcpy(spelled + open_, p + start, i - start)
            memcpy(spelled + open_ + i - start, p + close_ + 1, n - close_ - 1)
            if _any_glob(spelled, open_ + i - start + n - close_ - 1, s, m, depth + 1,
                         tries):
                return True
            start = i + 1
    return False


cdef inline bint path_glob(const uint8_t* p, size_t n, const uint8_t* s, size_t m) noexcept nogil:
    """A glob against a path: without a slash it is for the last component, or any folder; with one, from the root."""
    cdef int tries = 0
    return _any_glob(p, n, s, m, 0, &tries)
