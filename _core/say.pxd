# cython: language_level=3
"""How a command ends: exit statuses, and the sentence that an error is told with."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport strlen
from _core.base cimport Bytes, bytes_byte, bytes_free, bytes_init, bytes_str
from _core.render cimport harmless
from _core.sys cimport write_all

cdef enum:
    EXIT_FOUND = 0
    EXIT_NOTHING = 1
    EXIT_ERROR = 2


cdef inline int complain(const char* a, const char* b, const char* c) noexcept nogil:
    """`greppy: abc` on standard error; the exit status of an error."""
    cdef Bytes text
    cdef uint32_t room = 0xFFFFFFFFU
    bytes_init(&text)
    bytes_str(&text, b"greppy: ")
    harmless(&text, <const uint8_t*>a, strlen(a), &room)
    harmless(&text, <const uint8_t*>b, strlen(b), &room)
    harmless(&text, <const uint8_t*>c, strlen(c), &room)
    bytes_byte(&text, 10)
    write_all(2, text.data, text.len)
    bytes_free(&text)
    return EXIT_ERROR
