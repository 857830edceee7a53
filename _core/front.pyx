# cython: language_level=3
"""The door for the shell: a native executable without Python (see ARCHITECTURE.md, "Two doors").

It answers `search`, `--help` and `--version` itself and hands every other command to the runtime.
"""
from libc.string cimport strerror
from _core.base cimport Bytes, bytes_init, bytes_free, bytes_str
from _core.config cimport Config, config_defaults
from _core.flags cimport Args, args_parse, help_text, CMD_NONE, CMD_SEARCH
from _core.runtime cimport runtime_exec
from _core.search cimport Session, search_main, complain, EXIT_ERROR
from _core.sys cimport write_all, errno, EPIPE
from _core.version cimport version_string

cdef extern from "<signal.h>" nogil:
    ctypedef void (*handler_t)(int) noexcept nogil
    handler_t c_signal "signal"(int, handler_t)
    handler_t SIG_IGN
    int SIGPIPE


cdef extern from "<malloc.h>" nogil:
    int mallopt(int, int)
    int M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD


# Static, because a search touches little of it: such pages are zero without being written.
cdef Session session
cdef Config config


cdef int _print(const Bytes* text) noexcept nogil:
    if write_all(1, text.data, text.len) or errno == EPIPE:
        return 0
    return complain(b"cannot write: ", strerror(errno), b"")


cdef public int main(int argc, char** argv) noexcept nogil:
    cdef Args args
    cdef Bytes text
    cdef int status
    # A short life: memory is taken in few large steps and never given back, which saves system calls and page faults.
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, 1 << 30)
    mallopt(M_TOP_PAD, 1 << 20)
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
        return search_main(&session, &args, argv[0])
    else:
        return runtime_exec(argc, argv)
    status = _print(&text)
    bytes_free(&text)
    return status
