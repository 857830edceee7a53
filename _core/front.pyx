# cython: language_level=3
"""The door for the shell: a native executable without Python (see ARCHITECTURE.md, "Two doors").

It answers `search`, `--help` and `--version` itself and hands every other command to the runtime.
"""
from libc.stddef cimport size_t
from libc.string cimport strerror
from _core.arena cimport Arena, arena_alloc, arena_free, arena_realloc, ARENA_TOO_MUCH
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_str
from _core.config cimport Config, config_defaults, config_says
from _core.flags cimport Args, args_parse, help_text, CMD_INDEX, CMD_NONE, CMD_SEARCH
from _core.runtime cimport runtime_exec
from _core.say cimport complain, EXIT_ERROR
from _core.search cimport search_main
from _core.session cimport Session
from _core.sys cimport SIG_IGN, SIGPIPE, c_signal, write_all, errno, EPIPE
from _core.version cimport version_string


# Static, because a search touches little of it: such pages are zero without being written.
cdef Session session
cdef Config config
cdef Arena memory


# setup.py tells the linker that these are malloc, calloc, realloc and free, but not where sanitizers have their own.
cdef public void* front_malloc(size_t n) noexcept nogil:
    return arena_alloc(&memory, n, False)


cdef public void* front_calloc(size_t n, size_t size) noexcept nogil:
    if size and n > (<size_t>1 << ARENA_TOO_MUCH) // size:
        return NULL
    return arena_alloc(&memory, n * size, True)


cdef public void* front_realloc(void* p, size_t n) noexcept nogil:
    return arena_realloc(&memory, p, n)


cdef public void front_free(void* p) noexcept nogil:
    arena_free(&memory, p)


cdef int _print(const Bytes* text) noexcept nogil:
    if write_all(1, text.data, text.len) or errno == EPIPE:
        return 0
    return complain(b"cannot write: ", strerror(errno), b"")


cdef public int main(int argc, char** argv) noexcept nogil:
    cdef Args args
    cdef Bytes text
    cdef int status
    c_signal(SIGPIPE, SIG_IGN)  # a closed pipe is a write that fails, and a normal end
    bytes_init(&text)
    if argc < 2:
        help_text(CMD_NONE, &text)
        write_all(2, text.data, text.len)
        bytes_free(&text)
        return EXIT_ERROR
    args_parse(argc, argv, &args)
    if args.error[0]:
        return complain(args.error, b"", b"")
    if args.version:
        bytes_str(&text, b"greppy ")
        bytes_str(&text, version_string())
        bytes_str(&text, b"\n")
    elif args.help:
        help_text(args.command, &text)
    elif args.command == CMD_SEARCH:
        if not config_defaults(&config, &args):
            return complain(args.error, b"", b"")
        session.usual = not config_says(&config, CMD_INDEX)
        return search_main(&session, &args, argv[0])
    else:
        return runtime_exec(argc, argv)
    status = _print(&text)
    bytes_free(&text)
    return status
