# cython: language_level=3
"""Any bytes as a question, any others as a line: parsing, and what the line has of the question."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport abort
from _core.match cimport Matcher, Scan, line_terms, matcher_init, next_match, scan_init, scan_next
from _core.query cimport NAMES, TERMS, WORDS, Query, query_parse
from _core.text cimport TERM_MAX, Token

cdef Query query
cdef Matcher matcher


cdef public int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) noexcept nogil:
    cdef double[TERMS] ones
    cdef uint64_t[3] line
    cdef uint64_t[3] tokens
    cdef const uint8_t* text
    cdef const uint8_t* end = data + n
    cdef const uint8_t* p
    cdef size_t cut = 0
    cdef uint32_t i
    cdef Scan s
    cdef Token t
    # A question, a NUL, a line.
    while cut < n and data[cut]:
        cut += 1
    query_parse(data, cut, &query)
    if query.n_words > WORDS or query.n_terms > TERMS or query.n_names > NAMES or query.n_words > query.n_terms:
        abort()
    for i in range(query.n_terms):
        if query.terms[i].len == 0 or query.terms[i].len > TERM_MAX:
            abort()
    for i in range(TERMS):
        ones[i] = 1
    matcher_init(&matcher, &query, ones)
    text = data + cut
    for i in range(3):
        line[i] = tokens[i] = 0
    scan_init(&s, text, end)
    line_terms(&matcher, &s, scan_next(&matcher, &s), text, end, line)
    scan_init(&s, text, end)
    p = text
    while True:
        text = next_match(&matcher, &s, &t, tokens)
        if text == NULL:
            break
        if t.at < p or text > end or t.at + t.len > text:
            abort()
        p = text
    # What single parts say is what whole tokens say.
    for i in range(3):
        if line[i] != tokens[i]:
            abort()
    return 0
