# cython: language_level=3
"""The configuration file: defaults of flags, read by both doors with this one parser.

The file is $GREPPY_CONFIG, else $XDG_CONFIG_HOME/greppy/config.toml, else $HOME/.config/greppy/config.toml. It is TOML,
of which only the flat part is taken: comments and lines `key = value`, the value being true, false, a whole number or a
string on one line without backslashes; a key may have a dot. Whatever is accepted here means the same to any TOML
reader. A key is a flag's long name with `_` for `-`, or has a name of its own; a value counts as if the flag had been
given first on the command line, so that everything on the line wins over it.

A file that is not there is an empty one. One that has a wrong line is an error, told with its line: a search that went
on with half of the wishes would give other results than its owner thinks.
"""
from libc.stdint cimport uint8_t
from libc.stddef cimport size_t
from libc.string cimport memmove, memset, strcmp, strlen, strncmp, strerror
from _core.base cimport Bytes, bytes_free, bytes_init, bytes_byte, bytes_reserve, bytes_str, bytes_uint
from _core.flags cimport (
    Args, Flag, args_last, flag_get, message, ARGS_FLAGS, MESSAGE, FLAG_LIMIT, FLAG_COLOR, FLAG_NO_TESTS,
    FLAG_NO_REFRESH, FLAG_MAX_FILESIZE, FLAG_THREADS, FLAG_STRICT, FLAG_NO_CONFIG, FLAG_ALERT_P99, FLAG_ALERT_GROWTH,
    FLAG_ALERT_HITS, FLAG_ALERT_ERRORS, FLAG_SMART, FLAG_PROVIDER, FLAG_MODEL, FLAG_BASE_URL, FLAG_TIMEOUT,
    FLAG_SEND_CODE,
)
from _core.sys cimport (
    c_close, c_getenv, c_open, c_read, c_setenv, errno, EACCES, EINTR, ENOENT, ENOTDIR, O_CLOEXEC, O_RDONLY,
)

cdef enum:
    CONFIG_KEYS = 17
    CONFIG_BYTES = 1 << 16   # no configuration is as large
    NAME_BYTES = 32          # of a key, with its NUL
    TEXT_MOST = 200          # bytes of a CONFIG_TEXT

cdef enum ConfigKind:
    CONFIG_NUMBER = 0
    CONFIG_SWITCH = 1
    CONFIG_WORD = 2
    CONFIG_SIZE = 3          # bytes as a number, or a string such as "2M"
    CONFIG_TEXT = 4          # printable, without blanks

cdef struct ConfigKey:
    int flag
    const char* name         # when it is not the flag's; ""
    int kind
    long low, high           # of a number
    const char* words        # that a word can be, a blank between them
    const char* normal       # the value when the key is not set, as TOML; "" when that is no constant

cdef struct ConfigValue:
    int key
    int line                 # from 1
    size_t start, end        # of the value in the file
    const char* text         # NUL-terminated; of a string what is between the quotes

cdef struct Config:
    Bytes text               # the file; parsing puts NULs into it
    int n
    ConfigValue[CONFIG_KEYS] values
    int error_line           # 0: no line is to blame
    char[MESSAGE] error      # empty: all is well


cdef inline void config_key(int i, ConfigKey* k) noexcept nogil:
    """Row `i` of the table of keys. What a key is for is told by its flag's help."""
    memset(k, 0, sizeof(ConfigKey))
    k.words = k.normal = k.name = b""
    if i == 0:
        k.flag = FLAG_LIMIT
        k.low = 1
        k.high = 100000
        k.normal = b"20"
    elif i == 1:
        k.flag = FLAG_COLOR
        k.kind = CONFIG_WORD
        k.words = b"auto always never"
        k.normal = b"\"auto\""
    elif i == 2:
        k.flag = FLAG_NO_TESTS
        k.kind = CONFIG_SWITCH
        k.normal = b"false"
    elif i == 3:
        k.flag = FLAG_NO_REFRESH
        k.kind = CONFIG_SWITCH
        k.normal = b"false"
    elif i == 4:
        k.flag = FLAG_MAX_FILESIZE
        k.kind = CONFIG_SIZE
        k.normal = b"\"1M\""
    elif i == 5:
        k.flag = FLAG_THREADS
        k.low = 1
        k.high = 64
    elif i == 6:
        k.flag = FLAG_STRICT
        k.kind = CONFIG_SWITCH
        k.normal = b"false"
    elif i == 7:
        k.flag = FLAG_ALERT_P99
        k.low = 1
        k.high = 1000000
        k.normal = b"10"
    elif i == 8:
        k.flag = FLAG_ALERT_GROWTH
        k.low = 1
        k.high = 1000000
        k.normal = b"10"
    elif i == 9:
        k.flag = FLAG_ALERT_HITS
        k.high = 100
        k.normal = b"80"
    elif i == 10:
        k.flag = FLAG_ALERT_ERRORS
        k.high = 100
        k.normal = b"1"
    elif i == 11:
        k.flag = FLAG_SMART
        k.name = b"smart.always"
        k.kind = CONFIG_SWITCH
        k.normal = b"false"
    elif i == 12:
        k.flag = FLAG_PROVIDER
        k.name = b"smart.provider"
        k.kind = CONFIG_WORD
        k.words = b"anthropic openai gemini ollama none"
    elif i == 13:
        k.flag = FLAG_MODEL
        k.name = b"smart.model"
        k.kind = CONFIG_TEXT
    elif i == 14:
        k.flag = FLAG_BASE_URL
        k.name = b"smart.base_url"
        k.kind = CONFIG_TEXT
    elif i == 15:
        k.flag = FLAG_TIMEOUT
        k.name = b"smart.timeout"
        k.low = 1
        k.high = 600000
        k.normal = b"2000"
    else:
        k.flag = FLAG_SEND_CODE
        k.name = b"smart.send_code"
        k.kind = CONFIG_SWITCH
        k.normal = b"false"


cdef inline void config_name(const ConfigKey* k, char* out) noexcept nogil:
    """What the key is called, with a NUL, in NAME_BYTES."""
    cdef Flag f
    cdef const char* name = k.name
    cdef size_t i = 0
    if name[0] == 0:
        flag_get(k.flag, &f)
        name = f.long_name
    while name[i] and i + 1 < NAME_BYTES:
        out[i] = 95 if name[i] == 45 else name[i]
        i += 1
    out[i] = 0


cdef inline int _key_by_name(const char* s, size_t n) noexcept nogil:
    cdef ConfigKey k
    cdef char[NAME_BYTES] name
    cdef int i
    for i in range(CONFIG_KEYS):
        config_key(i, &k)
        config_name(&k, name)
        if strlen(name) == n and strncmp(name, s, n) == 0:
            return i
    return -1


cdef inline bint config_path(Bytes* out) noexcept nogil:
    """Appends where the file is or would be, without a NUL. False: neither a variable nor HOME is set."""
    cdef const char* p = c_getenv(b"GREPPY_CONFIG")
    if p != NULL and p[0]:
        bytes_str(out, p)
        return True
    p = c_getenv(b"XDG_CONFIG_HOME")
    if p != NULL and p[0] == 47:  # the specification: a relative one is ignored
        bytes_str(out, p)
    else:
        p = c_getenv(b"HOME")
        if p == NULL or p[0] != 47:
            return False
        bytes_str(out, p)
        bytes_str(out, b"/.config")
    bytes_str(out, b"/greppy/config.toml")
    return True


# ---------------------------------------------------------------------------------------------------------- parsing

cdef inline bint _fail(Config* c, int line, const char* text) noexcept nogil:
    c.error_line = line
    message(c.error, text, b"", b"")
    return False


cdef inline bint _fail_key(Config* c, int line, const char* text, const char* key, size_t n) noexcept nogil:
    """`text 'key'`, and the keys there are."""
    cdef char[64] name
    cdef char[NAME_BYTES] known
    cdef ConfigKey k
    cdef size_t i
    n = n if n < 63 else 63
    for i in range(n):
        name[i] = key[i]
    name[n] = 0
    c.error_line = line
    message(c.error, text, name, b"'; the keys are ")
    for i in range(CONFIG_KEYS):
        config_key(<int>i, &k)
        config_name(&k, known)
        message(c.error + strlen(c.error), b", " if i else b"", known, b"")
    return False


cdef inline bint _fail_value(Config* c, int line, const ConfigKey* k) noexcept nogil:
    cdef char[NAME_BYTES] name
    cdef Bytes text
    config_name(k, name)
    bytes_init(&text)
    if k.kind == CONFIG_NUMBER:
        bytes_str(&text, b" takes a whole number from ")
        bytes_uint(&text, <unsigned long>k.low)
        bytes_str(&text, b" to ")
        bytes_uint(&text, <unsigned long>k.high)
    elif k.kind == CONFIG_SWITCH:
        bytes_str(&text, b" takes true or false, without quotes")
    elif k.kind == CONFIG_SIZE:
        bytes_str(&text, b" takes a number of bytes, or a size such as \"500K\" or \"2M\" in quotes")
    elif k.kind == CONFIG_TEXT:
        bytes_str(&text, b" takes a text without blanks, in quotes, of at most 200 bytes")
    else:
        bytes_str(&text, b" takes one of these words, in quotes: ")
        bytes_str(&text, k.words)
    bytes_byte(&text, 0)
    c.error_line = line
    message(c.error, name, NULL if text.failed else <const char*>text.data, NULL)
    bytes_free(&text)
    return False


cdef inline bint _is_key_byte(char c) noexcept nogil:
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 95 or c == 45 or c == 46


cdef inline bint _is_digits(const char* s) noexcept nogil:
    """A number as TOML writes it: no zero in front, at most ten digits (`config` has no larger one)."""
    cdef size_t n = 0
    while 48 <= s[n] <= 57:
        n += 1
    return s[n] == 0 and 1 <= n <= 10 and (s[0] != 48 or n == 1)


cdef inline bint _is_size(const char* s) noexcept nogil:
    """500000, 500K, 1M, 2gb."""
    cdef size_t n = 0
    cdef char c
    while 48 <= s[n] <= 57:
        n += 1
    if n == 0 or n > 10:
        return False
    c = s[n] | 32
    if s[n] and (c == 107 or c == 109 or c == 103):
        n += 1
    if s[n] and s[n] | 32 == 98:
        n += 1
    return s[n] == 0


cdef inline bint _is_text(const char* s) noexcept nogil:
    cdef size_t n = 0
    while 33 <= s[n] <= 126:
        n += 1
    return s[n] == 0 and 1 <= n <= TEXT_MOST


cdef inline bint _is_word(const char* words, const char* s) noexcept nogil:
    cdef size_t n = strlen(s), i
    while words[0]:
        i = 0
        while i < n and words[i] == s[i] and words[i] != 32:
            i += 1
        if n and i == n and (words[i] == 0 or words[i] == 32):
            return True
        while words[0] and words[0] != 32:
            words += 1
        if words[0]:
            words += 1
    return False


cdef inline bint _takes(const ConfigKey* k, const char* s, bint quoted) noexcept nogil:
    cdef long v = 0
    cdef size_t i
    if k.kind == CONFIG_SWITCH:
        return not quoted and (strcmp(s, b"true") == 0 or strcmp(s, b"false") == 0)
    if k.kind == CONFIG_WORD:
        return quoted and _is_word(k.words, s)
    if k.kind == CONFIG_TEXT:
        return quoted and _is_text(s)
    if k.kind == CONFIG_SIZE:
        return _is_size(s) if quoted else _is_digits(s)
    if quoted or not _is_digits(s):
        return False
    for i in range(strlen(s)):
        v = v * 10 + (s[i] - 48)
    return k.low <= v <= k.high


cdef inline bint config_accepts(int flag, const char* s) noexcept nogil:
    """Whether a word or text that was given for a flag is one that the flag's key takes."""
    cdef ConfigKey k
    cdef int i
    for i in range(CONFIG_KEYS):
        config_key(i, &k)
        if k.flag == flag:
            return _takes(&k, s, True)
    return False


cdef inline bint _line(Config* c, char* p, char* end, int number) noexcept nogil:
    """One line, [p, end) without what ends it. False after a sentence."""
    cdef const char* base = <const char*>c.text.data
    cdef const char* key
    cdef char* at
    cdef char* stop
    cdef size_t n
    cdef char quote = 0
    cdef ConfigKey k
    cdef ConfigValue* v
    cdef int id, i
    at = p
    while at < end:
        if (0 <= at[0] < 32 and at[0] != 9) or at[0] == 127:
            return _fail(c, number, b"a control character, which TOML does not allow")
        at += 1
    while p < end and (p[0] == 32 or p[0] == 9):
        p += 1
    if p == end or p[0] == 35:
        return True
    key = p
    while p < end and _is_key_byte(p[0]):
        p += 1
    n = p - key
    while p < end and (p[0] == 32 or p[0] == 9):
        p += 1
    if n == 0 or p == end or p[0] != 61:
        return _fail(c, number, b"not a line that is understood here; lines are such as: limit = 50")
    id = _key_by_name(key, n)
    if id < 0:
        return _fail_key(c, number, b"unknown key '", key, n)
    for i in range(c.n):
        if c.values[i].key == id:
            return _fail(c, number, b"a key that stands further up already")
    config_key(id, &k)
    p += 1
    while p < end and (p[0] == 32 or p[0] == 9):
        p += 1
    v = &c.values[c.n]
    v.key = id
    v.line = number
    v.start = p - base
    if p < end and (p[0] == 34 or p[0] == 39):
        quote = p[0]
        p += 1
        at = p
        while p < end and p[0] != quote:
            if p[0] == 92:
                return _fail_value(c, number, &k)
            p += 1
        if p == end:
            return _fail(c, number, b"a quote that is not closed")
        stop = p
        p += 1
    else:
        at = p
        while p < end and p[0] != 32 and p[0] != 9 and p[0] != 35:
            p += 1
        stop = p
    v.end = p - base
    while p < end and (p[0] == 32 or p[0] == 9):
        p += 1
    if p < end and p[0] != 35:
        return _fail_value(c, number, &k)
    # What was at `stop` has been read: a quote, a blank, the beginning of a comment or the line's end.
    stop[0] = 0
    v.text = at
    if not _takes(&k, at, quote != 0):
        return _fail_value(c, number, &k)
    c.n += 1
    return True


cdef inline bint config_parse(Config* c) noexcept nogil:
    """Reads c.text, behind which a byte more is allocated. False: `error` and `error_line` say why."""
    cdef char* p = <char*>c.text.data
    cdef char* end = p + c.text.len
    cdef char* stop
    cdef int number = 0
    c.n = 0
    c.error[0] = 0
    c.error_line = 0
    while p < end:
        number += 1
        stop = p
        while stop < end and stop[0] != 10:
            stop += 1
        if not _line(c, p, stop - 1 if stop < end and stop > p and (stop - 1)[0] == 13 else stop, number):
            return False
        p = stop + 1
    return True


cdef inline bint config_read(Config* c, const char* path) noexcept nogil:
    """The file at `path`, parsed. `c` is all zeros. False: as `config_parse`.

    Where nobody named it, a file that must not be read is none: a program with another user's HOME still searches."""
    cdef const char* named = c_getenv(b"GREPPY_CONFIG")
    cdef ssize_t n = 1
    cdef int fd = c_open(path, O_RDONLY | O_CLOEXEC)
    if fd < 0:
        if errno == ENOENT or errno == ENOTDIR or (errno == EACCES and (named == NULL or named[0] == 0)):
            return True
        return _fail(c, 0, strerror(errno))
    while n and c.text.len < CONFIG_BYTES and bytes_reserve(&c.text, 4096):
        n = c_read(fd, c.text.data + c.text.len, 4095)
        if n < 0:
            if errno == EINTR:
                continue
            c_close(fd)
            return _fail(c, 0, strerror(errno))
        c.text.len += <size_t>n
    c_close(fd)
    if n:
        return _fail(c, 0, b"not enough memory" if c.text.failed else b"too large for a configuration")
    return config_parse(c)


# --------------------------------------------------------------------------------------------------------- applying

cdef inline bint config_defaults(Config* c, Args* a) noexcept nogil:
    """Puts what the file says about the flags of this command before the flags that were given.

    `c` is all zeros and must live as long as `a`. False: `a.error` has the sentence."""
    cdef Bytes path
    cdef Bytes where
    cdef ConfigKey k
    cdef Flag f
    cdef int i, n = 0
    if args_last(a, FLAG_NO_CONFIG) != NULL:
        # Whoever is started from here must not read it either.
        c_setenv(b"GREPPY_CONFIG", b"/dev/null", 1)
        return True
    bytes_init(&path)
    if not config_path(&path):
        return True
    bytes_byte(&path, 0)
    if path.failed:
        message(a.error, b"not enough memory", b"", b"")
        return False
    if not config_read(c, <const char*>path.data):
        bytes_init(&where)
        if c.error_line:
            bytes_byte(&where, 58)
            bytes_uint(&where, <unsigned long>c.error_line)
        bytes_str(&where, b": ")
        bytes_byte(&where, 0)
        if path.len > MESSAGE // 2:  # there must be room for what is wrong with it
            message(a.error, b"the configuration", NULL if where.failed else <const char*>where.data, c.error)
            return False
        message(a.error, <const char*>path.data, NULL if where.failed else <const char*>where.data, c.error)
        return False
    for i in range(c.n):
        config_key(c.values[i].key, &k)
        flag_get(k.flag, &f)
        if not f.commands & (1 << a.command) or (f.value == NULL and strcmp(c.values[i].text, b"true") != 0):
            continue
        if a.n_flags == ARGS_FLAGS:
            message(a.error, b"too many flags", b"", b"")
            return False
        memmove(&a.flags[n + 1], &a.flags[n], (a.n_flags - n) * sizeof(a.flags[0]))
        a.flags[n].flag = k.flag
        a.flags[n].value = NULL if f.value == NULL else c.values[i].text
        a.n_flags += 1
        n += 1
    a.n_config = n
    return True


cdef inline bint config_says(const Config* c, int command) noexcept nogil:
    """The file, as it was read, says something about a flag of that command."""
    cdef ConfigKey k
    cdef Flag f
    cdef int i
    for i in range(c.n):
        config_key(c.values[i].key, &k)
        flag_get(k.flag, &f)
        if f.commands & (1 << command):
            return True
    return False
