# cython: language_level=3
"""Which project a search is about, and an index of it that tells the truth."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, strerror, strlen
from _core.base cimport bytes_add, bytes_byte, bytes_str
from _core.child cimport CHILD_SIGNALED, Child, child_start, child_wait
from _core.filter cimport Filter
from _core.first cimport first_index
from _core.flags cimport args_last, FLAG_NO_REFRESH, FLAG_PROJECT
from _core.index cimport (
    index_open, index_open_named, index_close, index_fresh, index_generation, INDEX_OK, INDEX_MISSING,
    INDEX_DAMAGED, INDEX_VERSION, INDEX_SYSTEM,
)
from _core.live cimport index_live
from _core.project cimport find_project, index_folder, parent_folder
from _core.render cimport url_path
from _core.say cimport EXIT_ERROR, complain
from _core.session cimport FEW_FILES, HOST_BYTES, Session
from _core.sys cimport (
    c_realpath, c_getcwd, c_getenv, c_gethostname, c_setenv, c_stat, c_unsetenv, stat_t, S_ISDIR, errno, PATH_BYTES,
)


# ----------------------------------------------------------------------------------------------------- the project

cdef inline int _real(const char* path, char* out) noexcept nogil:
    if c_realpath(path, out) == NULL:
        return complain(path, b": ", strerror(errno))
    return 0


cdef inline int _no_such_place(const char* path, char* out) noexcept nogil:
    if c_realpath(path, out) == NULL:
        return complain(path, b": no such file or folder; to search for several words, put them in quotes", b"")
    return 0


cdef inline bint _differ(const char* a, const char* b, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if a[i] != b[i]:
            return True
    return False


cdef inline int _places(Session* s) noexcept nogil:
    cdef char[PATH_BYTES] real
    cdef int i
    cdef size_t n, at = s.root_n + 1 if s.root_n > 1 else 1
    cdef Filter* f = &s.filter
    for i in range(1, s.args.n_places):
        if _no_such_place(s.args.places[i], real):
            return EXIT_ERROR
        n = strlen(real)
        if n < s.root_n or _differ(real, s.root, s.root_n) or (n > s.root_n and s.root_n > 1 and real[s.root_n] != 47):
            return complain(s.args.places[i], b" is not inside the project ", s.root)
        f.places[f.n_places].len = <uint32_t>(n - at) if n > at else 0
        # The texts move while `places` grows, so remember offsets now and turn them into pointers below.
        f.places[f.n_places].at = <const uint8_t*>s.places.len
        bytes_add(&s.places, real + at, f.places[f.n_places].len)
        f.n_places += 1
        f.active = True
    for i in range(<int>f.n_places):
        f.places[i].at = s.places.data + <size_t>f.places[i].at
    return 0


cdef inline int locate(Session* s) noexcept nogil:
    """Root and index folder; the PATH arguments as places below the root. 0, or EXIT_ERROR after a sentence."""
    cdef const char* given = args_last(s.args, FLAG_PROJECT)
    cdef char[PATH_BYTES] start
    cdef stat_t st
    cdef bint indexed = False
    cdef size_t n
    s.cwd[0] = 0
    if c_getcwd(s.cwd, PATH_BYTES) == NULL:
        s.cwd[0] = 0
    s.cwd_n = strlen(s.cwd)
    if given != NULL:
        if _real(given, s.root):
            return EXIT_ERROR
        if c_stat(s.root, &st) != 0 or not S_ISDIR(st.st_mode):
            return complain(given, b": not a folder; --project takes the project's root", b"")
        s.root_n = strlen(s.root)
    else:
        if s.args.n_places > 1:
            if _no_such_place(s.args.places[1], start):
                return EXIT_ERROR
        elif s.cwd_n:
            memcpy(start, s.cwd, s.cwd_n + 1)
        else:
            return complain(b"the current folder is gone; say where with --project DIR", b"", b"")
        n = strlen(start)
        if c_stat(start, &st) == 0 and not S_ISDIR(st.st_mode):
            n = parent_folder(<const uint8_t*>start, n)
        n = find_project(<const uint8_t*>start, n, &indexed)
        memcpy(s.root, start, n)
        s.root[n] = 0
        s.root_n = n
    if not index_folder(<const uint8_t*>s.root, s.root_n, &s.folder):
        return complain(b"no place for the index: set HOME, XDG_CACHE_HOME or GREPPY_INDEX_DIR", b"", b"")
    return _places(s)


cdef inline void write_prefix(Session* s) noexcept nogil:
    """How a path below the root is written from the current folder, and where links to it lead."""
    cdef size_t at
    cdef char[HOST_BYTES] host
    if s.cwd_n == s.root_n and not _differ(s.cwd, s.root, s.root_n):
        pass
    elif s.cwd_n > s.root_n and not _differ(s.cwd, s.root, s.root_n) and (s.root_n == 1 or s.cwd[s.root_n] == 47):
        # below the root: files of this folder lose it, others climb
        at = s.root_n + 1 if s.root_n > 1 else 1
        bytes_add(&s.prefix, s.cwd + at, s.cwd_n - at)
        bytes_byte(&s.prefix, 47)
        s.style.strip_n = s.prefix.len
    elif s.cwd_n and s.root_n > s.cwd_n and not _differ(s.cwd, s.root, s.cwd_n) and (
            s.cwd_n == 1 or s.root[s.cwd_n] == 47):
        at = s.cwd_n + 1 if s.cwd_n > 1 else 1
        bytes_add(&s.prefix, s.root + at, s.root_n - at)
        bytes_byte(&s.prefix, 47)
    else:
        bytes_add(&s.prefix, s.root, s.root_n)
        if s.root_n > 1:
            bytes_byte(&s.prefix, 47)
    if s.link:
        bytes_str(&s.url, b"file://")
        if c_gethostname(host, HOST_BYTES) == 0:
            host[HOST_BYTES - 1] = 0
            url_path(&s.url, <const uint8_t*>host, strlen(host))
        url_path(&s.url, <const uint8_t*>s.root, s.root_n)
        if s.root_n > 1:
            bytes_byte(&s.url, 47)
        s.style.link = s.url.data
        s.style.link_n = s.url.len
    s.style.strip = s.prefix.data
    s.style.prefix = s.prefix.data + s.style.strip_n
    s.style.prefix_n = s.prefix.len - s.style.strip_n


# ------------------------------------------------------------------------------------------------------- the index

cdef inline int run_indexer(const char* program, const char* root) noexcept nogil:
    """`greppy index -p root` in a process of its own; its exit status, 2 when it could not be run.

    Its summary goes nowhere; its progress bar and warnings go to standard error."""
    cdef char* argv[5]
    cdef Child child
    cdef bint started, alone
    cdef int status
    argv[0] = <char*>program
    argv[1] = <char*><const char*>b"index"
    argv[2] = <char*><const char*>b"--project"
    argv[3] = <char*>root
    argv[4] = NULL
    alone = c_getenv(b"GREPPY_NO_DAEMON") == NULL
    c_setenv(b"GREPPY_NO_DAEMON", b"1", 1)  # there is none, or it has not answered
    started = child_start(&child, 4, argv, False, False, False)
    if alone:
        c_unsetenv(b"GREPPY_NO_DAEMON")
    if not started:
        return complain(b"cannot start the indexer: ", strerror(errno), b"")
    status = child_wait(&child)
    if status != CHILD_SIGNALED:
        return status
    return complain(b"the indexer was ended by a signal; the index is as it was", b"", b"")


cdef inline int damaged(Session* s) noexcept nogil:
    return complain(b"the index of ", s.root, b" is damaged; rebuild it with: greppy index --force -p ROOT")


cdef inline const char* _because(Session* s) noexcept nogil:
    s.out.len = 0
    bytes_str(&s.out, b": ")
    bytes_str(&s.out, strerror(errno))
    bytes_byte(&s.out, 0)
    s.out.len = 0
    return <const char*>s.out.data


cdef inline int _open_again(Session* s) noexcept nogil:
    index_close(&s.index)
    return index_open(&s.index, s.folder.data, s.folder.len, True)


cdef inline bint _current(Session* s) noexcept nogil:
    """The index, which is open, tells the truth: the files say so, or a daemon does. What a daemon has
    committed meanwhile is opened. False: it has to be refreshed, whether or not it is open.

    Few files are looked at in less time than it takes to ask."""
    cdef bint few = s.index.n_files <= FEW_FILES
    cdef uint64_t generation = s.index.manifest.head.serial
    if few and index_fresh(&s.index, s.folder.data, s.folder.len):
        return True
    if index_live(&s.folder, s.root, s.root_n):
        return index_generation(&s.folder) == generation or _open_again(s) == INDEX_OK
    return not few and index_fresh(&s.index, s.folder.data, s.folder.len)


cdef inline int open_index(Session* s, const char* program) noexcept nogil:
    """An open index that tells the truth, built or refreshed on the way. 0, or EXIT_ERROR after a sentence."""
    cdef bint refresh = args_last(s.args, FLAG_NO_REFRESH) == NULL
    cdef int e = index_open(&s.index, s.folder.data, s.folder.len, True)
    if e == INDEX_OK and refresh and not _current(s):
        if run_indexer(program, s.root) != 0:
            complain(b"the index could not be brought up to date; files that changed are left out", b"", b"")
        e = _open_again(s)
    elif e == INDEX_MISSING and s.usual and first_index(&s.first, s.root, &s.folder):
        e = index_open_named(&s.index, b"manifest.new", s.folder.data, s.folder.len, True)
    elif e == INDEX_MISSING or e == INDEX_VERSION:
        if run_indexer(program, s.root) != 0:
            return EXIT_ERROR
        e = index_open(&s.index, s.folder.data, s.folder.len, True)
    if e == INDEX_OK:
        return 0
    if e == INDEX_DAMAGED or e == INDEX_VERSION:
        return damaged(s)
    if e == INDEX_MISSING:
        return complain(b"the index of ", s.root, b" is gone again; is GREPPY_INDEX_DIR the same for everybody?")
    if e == INDEX_SYSTEM:
        return complain(b"cannot open the index of ", s.root, _because(s))
    return complain(b"not enough memory", b"", b"")
