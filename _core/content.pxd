# cython: language_level=3
"""What a file's first bytes say, before anything is made of them: its encoding, whether a program wrote it, whether it
is a secret.

Text is taken as UTF-8; a byte that is no UTF-8 is a character of Latin-1 (`text.pxd`), so no file is lost for its
encoding. UTF-16 is known by its byte order mark and decoded: offsets and lines of such a file are those of the UTF-8. A
notebook is decoded too, by `notebook.pxd`.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stddef cimport size_t
from libc.string cimport memcmp, memchr, memset, strlen
from _core.base cimport Bytes, bytes_reserve
from _core.path cimport base_name, ends_with, in_list
from _core.segment cimport FILE_GENERATED
from _core.unicode cimport utf8_encode

cdef enum Encoding:
    # As `zero` of a FileRecord tells it to whoever reads a piece of the file.
    ENCODING_BYTES = 0      # shown as it is
    ENCODING_UTF16_LE = 1
    ENCODING_UTF16_BE = 2
    ENCODING_NOTEBOOK = 3   # the language of the code cells stands above it, at LANG_SHIFT

cdef enum:
    SNIFF_BYTES = 8192      # a NUL in there makes a file binary
    MARK_BYTES = 4096       # of a file that are looked at for what a generator or a key says of itself
    MARK_LINES = 40
    LONG_LINE = 1000        # lines of over so many bytes are not written by hand
    LONG_TEXT = 2000        # when they have so many bytes together, and most of the file's


cdef inline bint is_binary(const uint8_t* p, size_t n) noexcept nogil:
    return memchr(p, 0, n if n < SNIFF_BYTES else SNIFF_BYTES) != NULL


cdef inline int encoding_of(const uint8_t* p, size_t n) noexcept nogil:
    """By its mark, and a NUL: UTF-16 without one has no line end and no ASCII at all, so two stray bytes before plain
    text are the likelier story. UTF-32 begins like UTF-16 and is no text here: what is decoded is full of NULs."""
    if n < 2 or not is_binary(p, n):
        return ENCODING_BYTES
    if p[0] == 0xFF and p[1] == 0xFE:
        return ENCODING_UTF16_LE
    if p[0] == 0xFE and p[1] == 0xFF:
        return ENCODING_UTF16_BE
    return ENCODING_BYTES


cdef inline bint utf16_to_utf8(const uint8_t* p, size_t n, int encoding, Bytes* out) noexcept nogil:
    """Replaces what is in `out`; the mark is left out, and half a pair or a last odd byte becomes U+FFFD. False: no
    memory."""
    cdef size_t i = 2
    cdef size_t lo = 0 if encoding == ENCODING_UTF16_LE else 1
    cdef uint32_t cp, next
    out.len = 0
    if not bytes_reserve(out, n // 2 * 3 + 4):  # a unit of two bytes is three bytes at most; a pair is four
        return False
    while i + 1 < n:
        cp = <uint32_t>p[i + lo] | <uint32_t>p[i + 1 - lo] << 8
        i += 2
        if 0xD800 <= cp < 0xE000:
            next = 0
            if cp < 0xDC00 and i + 1 < n:
                next = <uint32_t>p[i + lo] | <uint32_t>p[i + 1 - lo] << 8
            if 0xDC00 <= next < 0xE000:
                cp = 0x10000 + ((cp - 0xD800) << 10) + (next - 0xDC00)
                i += 2
            else:
                cp = 0xFFFD
        out.len += utf8_encode(cp, out.data + out.len)
    if i < n:
        out.len += utf8_encode(0xFFFD, out.data + out.len)
    return True


cdef inline size_t find_text(const uint8_t* p, size_t n, size_t at, const char* what) noexcept nogil:
    """Where `what`, 1 to 255 bytes in small letters, stands from `at` on, whatever case the text has; `n` when it does
    not."""
    # Horspool, "Practical fast searching in strings", 1980: the byte under the end of `what` tells how far to go on.
    cdef size_t m = strlen(what)
    cdef size_t i = at, j
    cdef uint8_t c
    cdef uint8_t[256] step
    memset(step, <int>m, 256)
    for j in range(m - 1):
        c = <uint8_t>what[j]
        step[c] = <uint8_t>(m - 1 - j)
        if 97 <= c <= 122:
            step[c - 32] = step[c]
    while i + m <= n:
        j = m
        while j:
            c = p[i + j - 1]
            if (c | 32 if 65 <= c <= 90 else c) != <uint8_t>what[j - 1]:
                break
            j -= 1
        if j == 0:
            return i
        i += step[p[i + m - 1]]
    return n


cdef inline bint _quoted(const uint8_t* p, size_t at) noexcept nogil:
    """One quote stands right before: the string of a program that looks for the phrase. Three begin a comment."""
    cdef uint8_t c
    if at == 0:
        return False
    c = p[at - 1]
    return (c == 34 or c == 39 or c == 96) and not (at >= 3 and p[at - 2] == c and p[at - 3] == c)


cdef inline bint says(const uint8_t* p, size_t n, const char* what) noexcept nogil:
    cdef size_t at = find_text(p, n, 0, what)
    while at < n:
        if not _quoted(p, at):
            return True
        at = find_text(p, n, at + 1, what)
    return False


cdef inline size_t head_bytes(const uint8_t* p, size_t n) noexcept nogil:
    """How much of the text is its head."""
    cdef const uint8_t* at = p
    cdef const uint8_t* end
    cdef int _i
    if n > MARK_BYTES:
        n = MARK_BYTES
    end = p + n
    for _i in range(MARK_LINES):
        at = <const uint8_t*>memchr(at, 10, end - at)
        if at == NULL:
            return n
        at += 1
    return at - p


cdef inline bint is_generated(const uint8_t* p, size_t n) noexcept nogil:
    """The head of the text says that a program wrote it."""
    cdef size_t at
    cdef bint generated
    n = head_bytes(p, n)
    generated = find_text(p, n, 0, b"generated") < n
    if generated:
        if (says(p, n, b"@generated") or says(p, n, b"<auto-generated") or says(p, n, b"code generated by")
                or says(p, n, b"automatically generated by") or says(p, n, b"autogenerated by")
                or says(p, n, b"auto-generated by") or says(p, n, b"file is automatically generated")
                or says(p, n, b"file was automatically generated") or says(p, n, b"file is autogenerated")
                or says(p, n, b"file is auto-generated") or says(p, n, b"file is generated by")
                or says(p, n, b"file was generated by")):
            return True
        if (says(p, n, b"do not edit") or says(p, n, b"do not modify") or says(p, n, b"don't edit")
                or says(p, n, b"do not change")):
            return True
    at = find_text(p, n, 0, b"do not edit")
    while at < n:
        # Alone it counts in capitals only: "do not edit" is also what people say about one line.
        if p[at] == 68 and p[at + 10] == 84 and not _quoted(p, at):
            return True
        at = find_text(p, n, at + 1, b"do not edit")
    return False


cdef inline bint is_minified(const uint32_t* line_start, uint32_t n_lines, size_t n) noexcept nogil:
    """Most of the text stands in lines that nobody would write."""
    cdef size_t long_bytes = 0
    cdef uint32_t i, m
    if n < LONG_TEXT:
        return False
    for i in range(n_lines):
        m = line_start[i + 1] - line_start[i]
        if m > LONG_LINE:
            long_bytes += m
    return long_bytes >= LONG_TEXT and long_bytes > n // 2


cdef inline bint secret_name(const uint8_t* name, size_t n) noexcept nogil:
    """A file of this name keeps keys or passwords: they do not belong in a search index."""
    cdef size_t dot = n
    while dot and name[dot - 1] != 46:
        dot -= 1
    if dot and in_list(b"example sample template dist defaults", name + dot, n - dot) or in_list(
            b".env.schema", name, n):
        return False
    if dot and in_list(b"pem key p12 pfx jks keystore kdbx ppk", name + dot, n - dot):
        return True
    if n > 5 and memcmp(name, b".env", 4) == 0 and (name[4] == 46 or name[4] == 45 or name[4] == 95):
        return True
    return in_list(
        b".env .env. .env- .env_ .envrc id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk .netrc _netrc "
        b".pgpass .my.cnf .htpasswd .git-credentials .dockercfg .s3cfg .boto .vault-token credentials credentials.json "
        b".credentials.json credentials.toml credentials.csv", name, n)


cdef inline bint is_secret(const uint8_t* path, size_t path_n, const uint8_t* p, size_t n) noexcept nogil:
    """A private key, or a file of settings with the password or token in it. What the name alone tells
    (`secret_name`), the walk has left out already."""
    cdef size_t base = base_name(path, path_n)
    cdef const uint8_t* name = path + base
    cdef size_t m = path_n - base
    cdef size_t at = 0, line
    if n > MARK_BYTES:
        n = MARK_BYTES
    if n >= 3 and memcmp(p, b"\xef\xbb\xbf", 3) == 0:
        at = 3
    while at < n and (p[at] == 32 or 9 <= p[at] <= 13):
        at += 1
    if n - at > 10 and (memcmp(p + at, b"-----BEGIN ", 11) == 0 or memcmp(p + at, b"---- BEGIN ", 11) == 0
                        or memcmp(p + at, b"PuTTY-User-", 11) == 0):
        line = at
        while line < n and p[line] != 10 and p[line] != 13:
            line += 1
        if find_text(p + at, line - at, 0, b"private key") < line - at or p[at] == 80:
            return True
    if in_list(b".npmrc .yarnrc .yarnrc.yml", name, m):
        return (find_text(p, n, 0, b"_authtoken") < n or find_text(p, n, 0, b"_password") < n
                or find_text(p, n, 0, b"_auth") < n or find_text(p, n, 0, b"npmauthtoken") < n)
    if in_list(b".pypirc pip.conf", name, m):
        return (find_text(p, n, 0, b"password") < n or find_text(p, n, 0, b"token") < n
                or find_text(p, n, 0, b"pypi-") < n)
    if ends_with(name, m, b".json"):  # a service account's key
        return find_text(p, n, 0, b"\"private_key\"") < n and find_text(p, n, 0, b"begin private key") < n
    return False
