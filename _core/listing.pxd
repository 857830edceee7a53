# cython: language_level=3
"""Which files a small project has, without Python: what greppy/index/walk.py lists, for the usual case.

The usual case is a folder without ignore files and without git, or a repository's own top folder whose settings are
plain. Whatever else there is (a submodule, a work tree or a subfolder of a repository, `.greppyignore`, attributes of
linguist's, rules without git, a folder that cannot be read) makes the project *unusual*: then nothing here is used and
the runtime lists it. test_first.py holds both listings equal.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strcmp, strlen, strncmp
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_reserve
from _core.builder cimport RACY_NS
from _core.content cimport secret_name, find_text
from _core.path cimport base_name
from _core.project cimport has_git, parent_folder
from _core.sort cimport sort_numbers
from _core.sys cimport (
    AT_SYMLINK_NOFOLLOW, DIR, DT_DIR, DT_REG, DT_UNKNOWN, EINTR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY,
    O_WRONLY, S_ISDIR, WEXITSTATUS, WIFEXITED, c_close, c_closedir, c_fdopendir, c_fstat,
    c_fstatat, c_getenv, c_lstat, c_openat, c_pipe, c_read, c_readdir, clock_ns, dirent, environ, errno, mtime_ns,
    open_below, pid_t, posix_spawn_file_actions_adddup2, posix_spawn_file_actions_addopen,
    posix_spawn_file_actions_destroy, posix_spawn_file_actions_init, posix_spawn_file_actions_t, posix_spawnp,
    ssize_t, stat_t, waitpid,
)


cdef extern from "<fcntl.h>" nogil:
    int c_fcntl "fcntl"(int, int, ...)
    int F_SETFD, FD_CLOEXEC


cdef enum:
    LISTED_MAX = 4000        # files and folders; a larger project is worth two threads and a progress bar
    IGNORED_MAX = 64         # folders that git ignores, compared with one by one
    OUTPUT_MAX = 1 << 20     # bytes of one answer of git's
    VARIABLES_MAX = 500      # of the environment
    RULES_MAX = 1 << 16      # bytes of a .gitattributes

cdef enum:
    # what git is asked
    GIT_FILES = 0
    GIT_IGNORED = 1
    GIT_EXCLUDES = 2
    GIT_CHECKED = 3
    GIT_ANSWERS = 4

cdef struct Listed:
    # A folder (`path` below the root) or what decides from outside (an absolute path), as the tree will have it.
    uint32_t path        # in `text`
    bint outside
    uint64_t size        # 2^64 - 1: it is not there
    int64_t mtime_ns     # 0: proves nothing

cdef struct Listing:
    # All zeros is an empty one.
    Bytes text           # paths, each with a NUL
    Bytes files          # uint32 each: where in `text`; in order, no two the same
    Bytes others         # of Listed
    bint unusual


cdef inline void listing_free(Listing* l) noexcept nogil:
    bytes_free(&l.text)
    bytes_free(&l.files)
    bytes_free(&l.others)


cdef inline bint listing_failed(const Listing* l) noexcept nogil:
    return l.text.failed or l.files.failed or l.others.failed


cdef inline const char* listing_path(const Listing* l, uint32_t at) noexcept nogil:
    return <const char*>l.text.data + at


cdef inline uint32_t _keep(Listing* l, const char* folder, size_t n, const char* name) noexcept nogil:
    """`folder[:n]`, a slash unless there is none, and `name` as a path in `text`."""
    cdef uint32_t at = <uint32_t>l.text.len
    bytes_add(&l.text, folder, n)
    if n and name[0]:
        bytes_byte(&l.text, 47)
    bytes_add(&l.text, name, strlen(name) + 1)
    return at


cdef inline int64_t _settled(const stat_t* st) noexcept nogil:
    """Its time; 0 when it is so young that it may change again unseen."""
    return 0 if clock_ns(True) - mtime_ns(st) < RACY_NS else mtime_ns(st)


cdef inline void _outside(Listing* l, const char* folder, size_t n, const char* path) noexcept nogil:
    """Notes a file that decides what is walked, whether it is there or not."""
    cdef Listed o
    cdef stat_t st
    o.path = _keep(l, folder, 0 if path[0] == 47 else n, path)
    o.outside = True
    o.size = <uint64_t>-1
    o.mtime_ns = 0
    if listing_failed(l):
        return
    if c_lstat(listing_path(l, o.path), &st) == 0:
        o.size = <uint64_t>st.st_size
        o.mtime_ns = _settled(&st)
    bytes_add(&l.others, &o, sizeof(o))


cdef inline bint _path_before(const void* context, uint32_t a, uint32_t b) noexcept nogil:
    cdef const Listing* l = <const Listing*>context
    return strcmp(listing_path(l, a), listing_path(l, b)) < 0


cdef inline bint _sort_files(Listing* l) noexcept nogil:
    """Brings the files in order, each once, without those whose names say that they are secret. False: no memory."""
    cdef uint32_t* files = <uint32_t*>l.files.data
    cdef uint32_t i, kept = 0, count = <uint32_t>(l.files.len // 4)
    cdef const char* p
    cdef size_t m
    if listing_failed(l) or not sort_numbers(files, count, _path_before, l):
        return False
    for i in range(count):
        p = listing_path(l, files[i])
        m = base_name(<const uint8_t*>p, strlen(p))
        if secret_name(<const uint8_t*>p + m, strlen(p) - m):
            continue
        if kept and strcmp(p, listing_path(l, files[kept - 1])) == 0:
            continue
        files[kept] = files[i]
        kept += 1
    l.files.len = 4 * <size_t>kept
    return True


# ------------------------------------------------------------------------------------------------------------- git

cdef inline bint _above(const char* root, size_t n) noexcept nogil:
    """Some folder above the root has a `.git`."""
    while n > 1:
        n = parent_folder(<const uint8_t*>root, n)
        if has_git(<const uint8_t*>root, n):
            return True
    return False


cdef inline bint _environment(const char** out) noexcept nogil:
    """Ours for git, without what would lead it elsewhere. False: there is too much of it."""
    cdef char** p = environ
    cdef const char* v
    cdef uint32_t n = 1
    out[0] = b"GIT_OPTIONAL_LOCKS=0"
    while p != NULL and p[0] != NULL:
        v = p[0]
        p += 1
        if strncmp(v, b"GIT_", 4) == 0 and not (
                strncmp(v, b"GIT_CONFIG_GLOBAL=", 18) == 0 or strncmp(v, b"GIT_CONFIG_SYSTEM=", 18) == 0
                or strncmp(v, b"GIT_CONFIG_NOSYSTEM=", 20) == 0
                or strncmp(v, b"GIT_CEILING_DIRECTORIES=", 24) == 0):
            continue
        if n == VARIABLES_MAX - 1:
            return False
        out[n] = v
        n += 1
    out[n] = NULL
    return True


cdef inline pid_t _start(const char* root, int which, const char** environment, const char** names, int n_names,
                         int* output) noexcept nogil:
    """Starts git; what it writes is read from `output`. -1: it cannot be started."""
    cdef const char* argv[12 + IGNORED_MAX]
    cdef posix_spawn_file_actions_t actions
    cdef int ends[2]
    cdef int n = 5, e
    cdef pid_t pid = -1
    argv[0] = b"git"
    argv[1] = b"-C"
    argv[2] = root
    argv[3] = b"-c"
    argv[4] = b"core.fsmonitor=false"  # a program that the repository names; looking at files must not run it
    if which == GIT_EXCLUDES:
        argv[5] = b"config"
        argv[6] = b"-z"
        argv[7] = b"--type=path"
        argv[8] = b"--get"
        argv[9] = b"core.excludesFile"
        n = 10
    elif which == GIT_CHECKED:
        argv[5] = b"check-ignore"
        argv[6] = b"--"
        n = 7
        while n_names:
            n_names -= 1
            argv[n] = names[n_names]
            n += 1
    else:
        argv[5] = b"ls-files"
        argv[6] = b"-z"
        argv[7] = b"--others"
        argv[8] = b"--exclude-standard"
        argv[9] = b"--cached" if which == GIT_FILES else b"--ignored"
        n = 10
        if which == GIT_IGNORED:
            argv[10] = b"--directory"
            n = 11
    argv[n] = NULL
    if c_pipe(ends) != 0:
        return -1
    c_fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    c_fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    if posix_spawn_file_actions_init(&actions) == 0:
        posix_spawn_file_actions_addopen(&actions, 0, b"/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, b"/dev/null", O_WRONLY, 0)
        e = posix_spawnp(&pid, b"git", &actions, NULL, <char**>argv, <char**>environment)
        posix_spawn_file_actions_destroy(&actions)
        if e != 0:
            pid = -1
    c_close(ends[1])
    output[0] = ends[0]
    if pid < 0:
        c_close(ends[0])
    return pid


cdef struct Git:
    const char* root
    const char* environment[VARIABLES_MAX]
    pid_t[GIT_ANSWERS] pids      # 0: not asked
    int[GIT_ANSWERS] outputs
    Bytes[GIT_ANSWERS] answers


cdef inline void _ask(Git* g, int which) noexcept nogil:
    g.pids[which] = _start(g.root, which, g.environment, NULL, 0, &g.outputs[which])


cdef inline bint _answer(Git* g, int which) noexcept nogil:
    """All that git answers, a NUL behind it, in `answers`. False: too much, no memory, or it failed."""
    cdef Bytes* out = &g.answers[which]
    cdef pid_t pid = g.pids[which]
    cdef int output = g.outputs[which], status = 0
    cdef ssize_t r
    cdef bint ok = pid > 0
    if pid == 0:
        return False
    while pid > 0:
        if out.len > OUTPUT_MAX or not bytes_reserve(out, 1 << 14):
            ok = False
            break
        r = c_read(output, out.data + out.len, out.cap - out.len)
        if r < 0 and errno == EINTR:
            continue
        if r <= 0:
            break
        out.len += <size_t>r
    if pid > 0:
        c_close(output)
        while waitpid(pid, &status, 0) < 0 and errno == EINTR:
            pass
        # There need not be a setting.
        ok = ok and WIFEXITED(status) and (which == GIT_EXCLUDES or WEXITSTATUS(status) == 0)
    g.pids[which] = 0
    bytes_byte(out, 0)
    return ok and not out.failed


# ---------------------------------------------------------------------------------------------------------- folders

cdef inline bint _has_files(const Listing* l, const char* path) noexcept nogil:
    """Some file of the listing, which is in order, lies below `path`."""
    cdef const uint32_t* files = <const uint32_t*>l.files.data
    cdef size_t n = strlen(path)
    cdef size_t lo = 0, hi = l.files.len // 4, mid
    cdef const char* p
    cdef int order
    while lo < hi:
        mid = (lo + hi) // 2
        p = listing_path(l, files[mid])
        order = strncmp(p, path, n)
        if order == 0 and p[n] == 47:
            return True
        if order < 0 or order == 0 and <uint8_t>p[n] < 47:
            lo = mid + 1
        else:
            hi = mid
    return False


cdef inline bint _all_by_rule(Git* g) noexcept nogil:
    """Each folder among what git ignores is so by a rule, and not because all that is in it is: in one of these a file
    may come that counts."""
    cdef char* names[IGNORED_MAX]
    cdef Bytes* checked = &g.answers[GIT_CHECKED]
    cdef char* p
    cdef size_t at = 0, m, i
    cdef int n = 0, lines = 0
    cdef bint ok
    while at < g.answers[GIT_IGNORED].len:
        p = <char*>g.answers[GIT_IGNORED].data + at
        m = strlen(p)
        at += m + 1
        if m == 0 or p[m - 1] != 47:
            continue
        if n == IGNORED_MAX:
            return False
        names[n] = p
        n += 1
    if n == 0:
        return True
    # With a slash behind its name a folder counts as ignored when the rules in it ignore all.
    for i in range(<size_t>n):
        names[i][strlen(names[i]) - 1] = 0
    g.pids[GIT_CHECKED] = _start(g.root, GIT_CHECKED, g.environment, <const char**>names, n, &g.outputs[GIT_CHECKED])
    ok = _answer(g, GIT_CHECKED)  # it ends with 1 when it has nothing to say
    for i in range(<size_t>n):
        names[i][strlen(names[i])] = 47
    for i in range(checked.len):
        lines += checked.data[i] == 10
    return ok and lines == n


cdef inline int _ignored(Git* g, const char* path) noexcept nogil:
    """1: git ignores the folder `path`, in which it lists nothing; 0: it does not; -1: it cannot say."""
    cdef size_t at = 0, n = strlen(path), m
    cdef Bytes* ignored = &g.answers[GIT_IGNORED]
    cdef const char* p
    cdef int count = 0
    if ignored.len == 0:
        _ask(g, GIT_IGNORED)
        if not _answer(g, GIT_IGNORED) or not _all_by_rule(g):
            return -1
    while at < ignored.len:
        p = <const char*>ignored.data + at
        m = strlen(p)
        if m == n + 1 and p[n] == 47 and memcmp(p, path, n) == 0:
            return 1
        at += m + 1
        count += 1
    return 0 if count <= IGNORED_MAX else -1


cdef inline bint _folder(Listing* l, Git* git, int root_fd, uint32_t folder, Bytes* pending) noexcept nogil:
    """Notes a folder, and without `git` its files; the folders in it are put on `pending`. False: unusual."""
    cdef const char* path = listing_path(l, folder)
    cdef size_t n = strlen(path)
    cdef const char* here = b"."
    cdef int fd = c_openat(root_fd, path if n else here, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    cdef DIR* entries
    cdef dirent* e
    cdef stat_t st
    cdef Listed o
    cdef const char* name
    cdef uint32_t at
    cdef bint is_folder, ok = True
    cdef int ignored = 0
    if fd < 0:
        return False
    if c_fstat(fd, &st) != 0:
        c_close(fd)
        return False
    o.path = folder
    o.outside = False
    o.size = 0
    o.mtime_ns = _settled(&st)
    bytes_add(&l.others, &o, sizeof(o))
    entries = c_fdopendir(fd)
    if entries == NULL:
        c_close(fd)
        return False
    while ok:
        e = c_readdir(entries)
        if e == NULL:
            break
        name = e.d_name
        if strcmp(name, b".") == 0 or strcmp(name, b"..") == 0:
            continue
        if e.d_type == DT_UNKNOWN:
            ok = False
        if strcmp(name, b".git") == 0:
            ok = n == 0
            continue
        if strcmp(name, b".greppyignore") == 0 or (git == NULL and strcmp(name, b".gitignore") == 0):
            ok = False
        is_folder = e.d_type == DT_DIR
        if git != NULL and not is_folder or git == NULL and (
                name[0] == 46 or not (is_folder or e.d_type == DT_REG)):
            continue
        bytes_reserve(&l.text, n + strlen(name) + 2)  # so that the folder's path stays where it is
        at = _keep(l, listing_path(l, folder), n, name)
        if listing_failed(l):
            ok = False
        elif not is_folder:
            bytes_add(&l.files, &at, 4)
        else:
            if git != NULL and not _has_files(l, listing_path(l, at)):
                ignored = _ignored(git, listing_path(l, at))
                ok = ok and ignored >= 0
            if ignored == 0:
                bytes_add(pending, &at, 4)
            ignored = 0
        ok = ok and l.text.len < OUTPUT_MAX and not pending.failed
    c_closedir(entries)
    return ok


cdef inline bint _folders(Listing* l, Git* git, int root_fd) noexcept nogil:
    """Every folder that is not ignored, and without `git` every file. False: unusual."""
    cdef Bytes pending
    cdef uint32_t folder = <uint32_t>l.text.len
    cdef bint ok = True
    memset(&pending, 0, sizeof(pending))
    bytes_byte(&l.text, 0)
    bytes_add(&pending, &folder, 4)
    while ok and pending.len and not pending.failed:
        pending.len -= 4
        memcpy(&folder, pending.data + pending.len, 4)
        ok = _folder(l, git, root_fd, folder, &pending) and not listing_failed(l) and (
            l.others.len // sizeof(Listed) + l.files.len // 4 <= LISTED_MAX)
    free(pending.data)
    return ok and not pending.failed


# -------------------------------------------------------------------------------------------------------- the whole

cdef inline bint _usual_folder(const char* path) noexcept nogil:
    """An absolute path without a slash at its end, which would be one too many."""
    return path != NULL and path[0] == 47 and path[strlen(path) - 1] != 47


cdef inline bint _usual_settings(int root_fd) noexcept nogil:
    """`.git` is this project's own folder, not a file that leads elsewhere and not a shared one."""
    cdef stat_t st
    return (c_fstatat(root_fd, b".git", &st, AT_SYMLINK_NOFOLLOW) == 0 and S_ISDIR(st.st_mode)
            and c_fstatat(root_fd, b".git/commondir", &st, AT_SYMLINK_NOFOLLOW) != 0)


cdef inline bint _speaks_of_linguist(int root_fd, const char* path) noexcept nogil:
    cdef Bytes text
    cdef ssize_t r
    cdef int fd = open_below(root_fd, path, O_RDONLY | O_CLOEXEC)
    cdef bint found = True
    if fd < 0:
        return True
    memset(&text, 0, sizeof(text))
    if bytes_reserve(&text, RULES_MAX):
        r = c_read(fd, text.data, RULES_MAX)
        found = r < 0 or r == RULES_MAX or find_text(text.data, <size_t>r, 0, b"linguist") < <size_t>r
    bytes_free(&text)
    c_close(fd)
    return found


cdef inline bint _ask_git(Listing* l, const char* root, size_t n, int root_fd) noexcept nogil:
    """False: unusual."""
    cdef Git g
    cdef const char* home = c_getenv(b"HOME")
    cdef const char* settings = c_getenv(b"XDG_CONFIG_HOME")
    cdef bint xdg = settings != NULL and settings[0]
    cdef const char* own = c_getenv(b"GIT_CONFIG_GLOBAL")
    cdef const char* name
    cdef size_t at = 0
    cdef uint32_t i, m, path
    cdef bint ok
    memset(&g, 0, sizeof(g))
    g.root = root
    settings = settings if xdg else home
    if not (_usual_folder(home) and _usual_folder(settings) and _environment(g.environment)
            and _usual_settings(root_fd)):
        return False
    _ask(&g, GIT_FILES)
    _ask(&g, GIT_EXCLUDES)
    ok = _answer(&g, GIT_FILES)
    while ok and at + 1 < g.answers[GIT_FILES].len:
        name = <const char*>g.answers[GIT_FILES].data + at
        m = <uint32_t>strlen(name)
        at += m + 1
        if m == 0 or name[m - 1] == 47:
            continue
        path = _keep(l, name, 0, name)
        bytes_add(&l.files, &path, 4)
        i = <uint32_t>base_name(<const uint8_t*>name, m)
        ok = (l.files.len <= 4 * LISTED_MAX and strcmp(name + i, b".greppyignore") != 0
              and (strcmp(name + i, b".gitattributes") != 0 or not _speaks_of_linguist(root_fd, name)))
    ok = ok and l.files.len > 0 and _sort_files(l) and _folders(l, &g, root_fd)
    ok = _answer(&g, GIT_EXCLUDES) and ok
    if ok:
        _outside(l, root, n, b".git/index")
        _outside(l, root, n, b".git/info/exclude")
        _outside(l, root, n, b".git/config")
        if own != NULL and own[0]:
            _outside(l, root, n, own)
        else:
            _outside(l, home, strlen(home), b".gitconfig")
        _outside(l, settings, strlen(settings), b"git/config" if xdg else b".config/git/config")
        name = <const char*>g.answers[GIT_EXCLUDES].data
        if name[0]:
            _outside(l, root, n, name)
        else:
            _outside(l, settings, strlen(settings), b"git/ignore" if xdg else b".config/git/ignore")
    for i in range(GIT_ANSWERS):
        bytes_free(&g.answers[i])
    return ok


cdef inline bint listing_has_folder(const Listing* l, const char* path, size_t n) noexcept nogil:
    """`path[:n]` is one of the folders that were listed."""
    cdef const Listed* o = <const Listed*>l.others.data
    cdef size_t i
    for i in range(l.others.len // sizeof(Listed)):
        if not o[i].outside and strncmp(listing_path(l, o[i].path), path, n) == 0 and (
                listing_path(l, o[i].path)[n] == 0):
            return True
    return False


cdef inline void list_project(Listing* l, const char* root, int root_fd) noexcept nogil:
    """Lists the project at `root`, its real path, open as `root_fd`, or finds it `unusual`; so is want of memory."""
    cdef size_t n = strlen(root)
    cdef stat_t st
    if n < 2 or _above(root, n):
        l.unusual = True
    elif c_fstatat(root_fd, b".git", &st, AT_SYMLINK_NOFOLLOW) == 0:
        l.unusual = not _ask_git(l, root, n, root_fd)
    else:
        l.unusual = not _folders(l, NULL, root_fd) or not _sort_files(l)
    l.unusual |= listing_failed(l)
