# cython: language_level=3
"""Any bytes as source text: tokens, terms and the outline's neighbours that decode."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport abort
from _core.base cimport Bytes, bytes_free, bytes_init
from _core.content cimport ENCODING_UTF16_BE, ENCODING_UTF16_LE, utf16_to_utf8
from _core.outline_base cimport Outline, outline_free, outline_init, outline_lines
from _core.path cimport PathWords, path_flags, path_words
from _core.text cimport TERM_MAX, TERMS_MAX, TOKEN_MAX, Terms, Token, next_token, next_word, token_terms


cdef public int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) noexcept nogil:
    cdef const uint8_t* p = data
    cdef const uint8_t* end = data + n
    cdef const uint8_t* before
    cdef Token t
    cdef Token other
    cdef Terms terms
    cdef PathWords words
    cdef Bytes decoded
    cdef Outline o
    cdef uint32_t i, at = 0
    outline_init(&o)
    if not outline_lines(&o, data, n):
        outline_free(&o)
        return 0
    while True:
        before = p
        p = next_token(p, end, &t)
        # The marked words are the same tokens.
        at = next_word(&o.runs, at, <uint32_t>n, &other)
        if (p == NULL) != (at == 0) or at and (other.at != t.at or other.len != t.len or data + at != p):
            abort()
        if p == NULL:
            break
        # Tokens are met in order, lie in the text, and give terms that the dictionary can hold.
        if t.at < before or p <= before or p > end or t.len == 0 or t.len > TOKEN_MAX or t.at + t.len > p:
            abort()
        token_terms(&t, &terms)
        if terms.n > TERMS_MAX:
            abort()
        for i in range(terms.n):
            if terms.len[i] == 0 or terms.len[i] > TERM_MAX or terms.off[i] + terms.len[i] > sizeof(terms.text):
                abort()
    outline_free(&o)
    bytes_init(&decoded)
    utf16_to_utf8(data, n, ENCODING_UTF16_LE if n & 1 else ENCODING_UTF16_BE, &decoded)
    bytes_free(&decoded)
    if n < 4096:
        path_words(data, <uint32_t>n, &words)
        path_flags(data, <uint32_t>n)
    return 0
