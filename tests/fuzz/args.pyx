# cython: language_level=3
"""Any bytes as a command line (NUL ends an argument) and as a configuration file."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t
from libc.stdlib cimport abort
from libc.string cimport memset, strlen
from _core.base cimport Bytes, bytes_add, bytes_byte, bytes_free, bytes_init
from _core.config cimport Config, config_parse
from _core.flags cimport MESSAGE, Args, args_parse, help_text

cdef enum:
    ARGUMENTS = 300
cdef Args args
cdef Config config


cdef public int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) noexcept nogil:
    cdef Bytes text
    cdef char* argv[ARGUMENTS + 1]
    cdef size_t i
    cdef int argc = 1
    bytes_init(&text)
    bytes_add(&text, b"greppy", 7)
    bytes_add(&text, data, n)
    bytes_byte(&text, 0)
    argv[0] = <char*>text.data
    for i in range(7, text.len):
        if text.data[i - 1] == 0 and argc < ARGUMENTS:
            argv[argc] = <char*>text.data + i
            argc += 1
    argv[argc] = NULL
    args_parse(argc, argv, &args)
    if strlen(args.error) >= MESSAGE:
        abort()
    bytes_free(&text)
    help_text(args.command, &text)
    bytes_free(&text)
    memset(&config, 0, sizeof(config))
    bytes_add(&config.text, data, n)
    bytes_byte(&config.text, 0)
    config.text.len = n
    if not config_parse(&config) and config.error[0] == 0:
        abort()
    bytes_free(&config.text)
    return 0
