# cython: language_level=3
"""Any bytes as a file of any language (the first byte says which): outline and chunks."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport abort
from _core.base cimport Bytes, bytes_free, bytes_init
from _core.chunk cimport chunk_lines
from _core.languages cimport LANG_COUNT
from _core.outline cimport Outline, outline_free, outline_init, outline_scan


cdef public int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) noexcept nogil:
    cdef Outline o
    cdef Bytes cuts
    cdef uint32_t i, chunks, line = 0
    cdef const uint32_t* cut
    if n == 0:
        return 0
    outline_init(&o)
    bytes_init(&cuts)
    outline_scan(data + 1, n - 1, data[0] % LANG_COUNT, &o)
    if not o.failed:
        # Definitions ascend, and their names lie in the text.
        for i in range(o.n_defs):
            if o.defs[i].line < line or o.defs[i].line >= o.n_lines or (
                    o.defs[i].name > n - 1 or o.defs[i].name_len > n - 1 - o.defs[i].name):
                abort()
            line = o.defs[i].line
        # Chunks tile the lines.
        chunks = chunk_lines(&o, &cuts)
        cut = <const uint32_t*>cuts.data
        for i in range(chunks):
            if cut[i] >= cut[i + 1] or (i == 0 and cut[0] != 0):
                abort()
        if chunks and cut[chunks] != o.n_lines:
            abort()
    bytes_free(&cuts)
    outline_free(&o)
    return 0
