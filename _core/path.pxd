# cython: language_level=3
"""What a path says about its file: the words of its name and folders, and whether it is a test, an example,
vendored."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memcmp, strlen, memset
from _core.hash cimport hash64
from _core.stem cimport stem
from _core.text cimport Token, Terms, next_token, token_terms, TOKEN_MAX
from _core.segment cimport (
    RankRecord, FILE_TEST, FILE_EXAMPLE, FILE_COMPAT, FILE_VENDORED, FILE_GENERATED, FILE_HEADER, FILE_SOURCE,
)

cdef enum:
    WORDS_MAX = 64       # distinct words of one path; the rest is ignored
    WORDS_TEXT = 4096

cdef struct PathWords:
    # Word i is text[off[i] : off[i] + raw[i]], its stem the `stem[i]` bytes after it.
    uint32_t n
    uint32_t n_name             # words 0 .. n_name - 1 are of the file's name, the others of folders only
    uint32_t whole_name
    uint16_t[WORDS_MAX] off
    uint8_t[WORDS_MAX] raw
    uint8_t[WORDS_MAX] stem
    uint32_t used
    uint8_t[WORDS_TEXT] text


cdef inline bint in_list(const char* list, const uint8_t* word, size_t n) noexcept nogil:
    """True when `word` stands in a list of words separated by single spaces."""
    cdef const char* p = list
    cdef size_t i
    while p[0]:
        i = 0
        while p[i] and p[i] != 32:
            i += 1
        if i == n and memcmp(p, word, n) == 0:
            return True
        p += i
        if p[0]:
            p += 1
    return False


cdef inline bint ends_with(const uint8_t* s, size_t n, const char* suffix) noexcept nogil:
    cdef size_t m = strlen(suffix)
    return n >= m and memcmp(s + n - m, suffix, m) == 0


cdef inline size_t base_name(const uint8_t* path, size_t n) noexcept nogil:
    """Where the last component begins."""
    while n and path[n - 1] != 47:
        n -= 1
    return n


cdef inline int _folder_flags(const uint8_t* name, size_t n) noexcept nogil:
    cdef uint8_t[32] low
    cdef size_t i
    if n == 0 or n > 32:
        return 0
    for i in range(n):
        low[i] = name[i] | 32 if 65 <= name[i] <= 90 else name[i]
    if in_list(b"test tests __tests__ spec specs testing testdata fixture fixtures mock mocks benchmark benchmarks "
               b"bench benches fuzz fuzzing selftests", low, n):
        return FILE_TEST
    if in_list(b"example examples _example _examples doc docs docs_src documentation sample samples demo demos "
               b"tutorial tutorials", low, n):
        return FILE_EXAMPLE
    if in_list(b"compat _compat legacy deprecated", low, n):
        return FILE_COMPAT
    if in_list(b"vendor vendored third_party third-party thirdparty 3rdparty node_modules bower_components "
               b"jspm_packages site-packages godeps _godeps carthage pods", low, n):
        return FILE_VENDORED
    return 0


cdef inline int path_flags(const uint8_t* path, size_t n) noexcept nogil:
    """FileFlag bits that the path alone tells."""
    cdef int flags = 0
    cdef size_t i, start = 0, base = base_name(path, n), dot, m, tail
    cdef const uint8_t* b = path + base
    for i in range(base):
        if path[i] == 47:
            flags |= _folder_flags(path + start, i - start)
            start = i + 1
    m = n - base
    dot = m
    while dot and b[dot - 1] != 46:
        dot -= 1
    if dot == 0:
        return flags
    if in_list(b"h hh hpp hxx h++ H", b + dot, m - dot):
        flags |= FILE_HEADER
    elif in_list(b"c cc cpp cxx c++ C m mm", b + dot, m - dot):
        flags |= FILE_SOURCE
    if in_list(b"md rst txt adoc json yaml yml toml xml lock csv svg", b + dot, m - dot):
        flags |= FILE_EXAMPLE
    if (in_list(b"package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock deno.lock Cargo.lock "
                b"poetry.lock uv.lock pdm.lock pylock.toml Pipfile.lock Gemfile.lock composer.lock go.sum go.work.sum "
                b"mix.lock pubspec.lock Podfile.lock Package.resolved packages.lock.json gradle.lockfile flake.lock "
                b"stack.yaml.lock shard.lock conan.lock MODULE.bazel.lock .terraform.lock.hcl", b, m)
            or ends_with(b, m, b".min.js") or ends_with(b, m, b".min.mjs") or ends_with(b, m, b".min.cjs")
            or ends_with(b, m, b".min.css") or ends_with(b, m, b".map")
            or ends_with(b, m, b"_pb2.py") or ends_with(b, m, b"_pb2_grpc.py") or ends_with(b, m, b"_pb2.pyi")
            or ends_with(b, m, b".pb.go") or ends_with(b, m, b".pb.cc") or ends_with(b, m, b".pb.h")
            or ends_with(b, m, b".g.dart") or ends_with(b, m, b".freezed.dart") or ends_with(b, m, b".g.cs")
            or ends_with(b, m, b".designer.cs") or ends_with(b, m, b".Designer.cs")):
        flags |= FILE_GENERATED
    tail = dot - 1  # the name without its extension
    if tail > 5 and memcmp(b, b"test_", 5) == 0 or tail == 8 and memcmp(b, b"conftest", 8) == 0:
        return flags | FILE_TEST
    for i in range(tail, 0, -1):
        if b[i - 1] == 95 or b[i - 1] == 46 or b[i - 1] == 45:
            if in_list(b"test spec tests benchmark bench fuzz", b + i, tail - i):
                flags |= FILE_TEST
            break
    if ((ends_with(b, tail, b"Test") and tail > 4 and 97 <= b[tail - 5] <= 122)
            or (ends_with(b, tail, b"Tests") and tail > 5 and 97 <= b[tail - 6] <= 122)
            or (ends_with(b, tail, b"Spec") and tail > 4 and 97 <= b[tail - 5] <= 122)
            or (ends_with(b, tail, b"Suite") and tail > 5 and 97 <= b[tail - 6] <= 122)):
        flags |= FILE_TEST
    return flags


cdef inline void path_kin(const uint8_t* path, size_t n, RankRecord* out) noexcept nogil:
    """`depth`, `stem`, `versions` and `version` of a path."""
    cdef size_t i, k, start = 0, base = base_name(path, n), dot = n
    cdef uint32_t v
    for i in range(n):
        out.depth += path[i] == 47
    while dot > base + 1 and path[dot - 1] != 46:
        dot -= 1
    out.stem = <uint32_t>hash64(path, dot - 1 if dot > base + 1 else n)
    for i in range(base):
        if path[i] != 47:
            continue
        if 2 <= i - start <= 4 and path[start] | 32 == 118:
            v = 0
            for k in range(start + 1, i):
                if not 48 <= path[k] <= 57:
                    break
                v = 10 * v + path[k] - 48
            else:
                out.version = <uint8_t>(v if v < 255 else 255)
                out.versions = <uint32_t>hash64(path, start) if v else 0
                return
        start = i + 1


cdef inline void _add_words(const uint8_t* p, size_t n, PathWords* w) noexcept nogil:
    cdef Token t
    cdef Terms terms
    cdef const uint8_t* end = p + n
    cdef uint32_t i, j, m, s
    while True:
        p = next_token(p, end, &t)
        if p == NULL:
            return
        token_terms(&t, &terms)
        for i in range(terms.n):
            if terms.has_whole and i == terms.n - 1:
                break
            m = terms.raw_len[i]
            s = terms.len[i]
            for j in range(w.n):
                if w.raw[j] == m and memcmp(w.text + w.off[j], terms.text + terms.raw_off[i], m) == 0:
                    break
            else:
                if w.n == WORDS_MAX or m > 96 or w.used + m + s > WORDS_TEXT:
                    return
                w.off[w.n] = <uint16_t>w.used
                w.raw[w.n] = <uint8_t>m
                w.stem[w.n] = <uint8_t>s
                memcpy(w.text + w.used, terms.text + terms.raw_off[i], m)
                memcpy(w.text + w.used + m, terms.text + terms.off[i], s)
                w.used += m + s
                w.n += 1


cdef inline uint32_t whole_name_hash(uint8_t* joined, uint32_t n) noexcept nogil:
    """Of a name's parts joined (room for n + 2 bytes): how a one-word query is compared with a file's whole name."""
    return <uint32_t>hash64(joined, stem(joined, n))


cdef inline void path_words(const uint8_t* path, size_t n, PathWords* w) noexcept nogil:
    """The words of a path. For `mod.rs`, `__init__.py`, `index.ts` and their like the folder's name is the name."""
    cdef uint8_t[512] joined
    cdef size_t base = base_name(path, n), dirs = base, start = base, end = n, dot
    cdef uint32_t i, m = 0
    w.n = 0
    w.used = 0
    if base and in_list(b"__init__.py index.ts index.tsx index.js index.mjs index.jsx mod.rs mod.ts lib.rs main.rs "
                        b"package.scala init.lua default.nix", path + base, n - base):
        end = base - 1
        start = base_name(path, end)
        dirs = start
    else:
        dot = end
        while dot > start and path[dot - 1] != 46:
            dot -= 1
        if dot > start + 1:
            end = dot - 1
        if end - start > 2 and path[end - 1] == 100 and path[end - 2] == 46:  # types.d.ts
            end -= 2
    _add_words(path + start, end - start, w)
    w.n_name = w.n
    for i in range(w.n):
        if m + w.raw[i] + 2 <= 512:
            memcpy(joined + m, w.text + w.off[i], w.raw[i])
            m += w.raw[i]
    w.whole_name = whole_name_hash(joined, m)
    _add_words(path, dirs, w)
