# Part of engine.pyx: the disk cache of smart answers, answers.pxd and answers_writer.pxd.
from _core cimport answers as _answers
from _core cimport answers_writer as _answers_writer


ANSWERS_TTL = _answers.ANSWERS_TTL


cdef uint32_t _seconds(now) except? 0:
    return clock_ns(True) // 1000000000 if now is None else now


cdef const uint8_t* _at(bytes data):
    return <const uint8_t*><const char*>data


def answers_path() -> bytes:
    """Where the cache is, or would be. Raises RuntimeError when nothing says where caches go."""
    cdef Bytes out
    bytes_init(&out)
    try:
        if not _answers.answers_path(&out):
            raise RuntimeError("no place for the cache: set HOME or XDG_CACHE_HOME")
        return _taken(&out)
    finally:
        bytes_free(&out)


def answers_key(bytes identity, bytes question) -> bytes:
    """The key of a question; `identity` (without a NUL) says who is asked, and how."""
    cdef Query* q = <Query*>calloc(1, sizeof(Query))
    cdef Bytes out
    bytes_init(&out)
    try:
        if q == NULL:
            raise MemoryError
        query_parse(_at(question), len(question), q)
        _answers.answers_key(q, identity, &out)
        return _taken(&out)
    finally:
        bytes_free(&out)
        free(q)


def answers_find(bytes path, bytes key, now=None):
    """(the answer to a key, when it was put); None when there is none. `now`: seconds since the epoch, of the system's
    clock unless given."""
    cdef _answers.Answers a
    cdef const uint8_t* body
    cdef uint32_t n = 0
    cdef uint32_t at = _seconds(now)
    if not _answers.answers_open(&a, path):
        return None
    try:
        body = _answers.answers_find(&a, _at(key), len(key), at, &n)
        return None if body == NULL else (PyBytes_FromStringAndSize(<char*>body, n), a.record.created)
    finally:
        _answers.answers_close(&a)


def answers_get(bytes path, bytes key, now=None):
    """The answer to a key, None when there is none."""
    found = answers_find(path, key, now)
    return None if found is None else found[0]


def answers_find_ns(bytes path, bytes key, uint32_t rounds=1) -> list:
    """Nanoseconds that a lookup takes, opening and closing included, once for each round; for benchmarks."""
    cdef _answers.Answers a
    cdef const char* p = path
    cdef const uint8_t* k = _at(key)
    cdef size_t size = len(key)
    cdef uint32_t n, _i, now = _seconds(None)
    cdef int64_t began, ended
    out = []
    for _i in range(rounds):
        with nogil:
            began = clock_ns(False)
            if _answers.answers_open(&a, p):
                _answers.answers_find(&a, k, size, now, &n)
                _answers.answers_close(&a)
            ended = clock_ns(False)
        out.append(ended - began)
    return out


def answers_put(bytes path, bytes key, bytes body, now=None) -> None:
    """Keeps the answer to a key. Raises OSError: EMSGSIZE for over 4,096 bytes of key or 16,384 of body."""
    cdef const char* p = path
    cdef const uint8_t* k = _at(key)
    cdef const uint8_t* b = _at(body)
    cdef size_t n = len(key)
    cdef size_t m = len(body)
    cdef uint32_t at = _seconds(now)
    cdef int error
    with nogil:
        error = _answers_writer.answers_put(p, k, n, b, m, at)
    if error:
        raise OSError(error, os.strerror(error), os.fsdecode(path))


def answers_clear(bytes path) -> None:
    """Removes every answer and every count. Raises OSError."""
    cdef const char* p = path
    cdef int error
    with nogil:
        error = _answers_writer.answers_clear(p)
    if error:
        raise OSError(error, os.strerror(error), os.fsdecode(path))


cdef tuple _all_answers(bytes path, uint32_t now):
    """([(key, body, created, used)], the least recently used first; (hits, misses, size of the file))."""
    cdef _answers.Answers a
    cdef _answers.AnswersList found
    cdef const _answers.AnswersEntry* e
    cdef uint64_t hits, misses
    cdef uint32_t i
    cdef bint ok
    if not _answers.answers_open(&a, path):
        try:
            return [], (0, 0, os.stat(path).st_size)
        except OSError:
            return [], (0, 0, 0)
    memset(&found, 0, sizeof(found))
    try:
        with nogil:
            ok = _answers.answers_list(&a, now, _answers.NO_SLOT, &found)
        if not ok:
            raise MemoryError
        out = []
        for i in range(found.n):
            e = &found.entries[found.order[i]]
            if _answers.read_record(&a, e.word):
                out.append((PyBytes_FromStringAndSize(<char*>a.record.text, a.record.key_n),
                            PyBytes_FromStringAndSize(<char*>a.record.text + a.record.key_n, a.record.body_n),
                            e.created, e.used))
        _answers.answers_counts(a.index, &hits, &misses)
        return out, (hits, misses, a.size)
    finally:
        _answers.answers_list_free(&found)
        _answers.answers_close(&a)


def answers_list(bytes path, now=None) -> list:
    """[(key, body, created, used)], times in seconds since the epoch, the most recently used first; without those that
    are too old."""
    return _all_answers(path, _seconds(now))[0][::-1]


def answers_stats(bytes path, now=None) -> dict:
    """{"entries", "bytes" of them, "file_bytes", "hits", "misses", "oldest"}: the last in seconds since the epoch, None
    without entries."""
    entries, (hits, misses, size) = _all_answers(path, _seconds(now))
    return {
        "entries": len(entries),
        "bytes": sum(len(key) + len(body) + _answers.RECORD_HEAD for key, body, _, _ in entries),
        "file_bytes": size,
        "hits": hits,
        "misses": misses,
        "oldest": min((created for _, _, created, _ in entries), default=None),
    }
