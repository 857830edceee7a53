# cython: language_level=3
"""The words of one inversion: a raw token leads to its terms, a term to its ordinal and its last posting.

An identifier is thus split once, and each of its parts stemmed once, however often they stand in the source. Both
tables are open-addressing ones whose slots hold 32 bits of the hash, so that a slot of another word is passed over
without a look at that word. In a large tree nearly all that a look-up costs is waiting for memory; `tokens_soon` and
`token_soon` ask for what it will need, so that many look-ups wait at once (Chen et al., "Improving Hash Join
Performance through Prefetching", 2007).
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from _core.base cimport Bytes, bytes_add, bytes_free, bytes_reserve, copy_bytes, prefetch, same_bytes
from _core.hash cimport hash64
from _core.text cimport TERMS_MAX, TOKEN_HEX, TOKEN_WORD, Terms, Token, part_term, token_parts


cdef enum:
    FIRST_SLOTS = 1 << 14
    RECORD_ALIGN = 4

cdef struct Slot:
    uint32_t hash        # the low half; its low bits say where the slot should stand
    uint32_t at          # ordinal of the term + 1, or place of the token's record in words of 4 bytes + 1; 0: empty

cdef struct Table:
    Slot* slots
    uint32_t mask
    uint32_t n

cdef struct TokenRecord:
    # What a token gives. Its bytes follow the ordinals of its terms.
    uint8_t len
    uint8_t n            # terms
    uint8_t plain        # of them parts; the whole comes last
    uint8_t zero
    uint32_t[1] ids      # really n of them

cdef struct TermEntry:
    # What every occurrence looks at, four to a cache line.
    uint64_t hash
    uint32_t stamp       # chunk + 1 of its last posting
    uint32_t slot        # index of that posting

cdef struct TermText:
    uint32_t at          # in the text of all terms
    uint32_t len

cdef struct Vocabulary:
    Table token_table
    Table term_table
    Bytes tokens         # records
    Bytes terms          # of TermEntry
    Bytes term_places    # of TermText
    Bytes term_text
    bint failed          # out of memory: the content must not be used


cdef inline void vocabulary_free(Vocabulary* v) noexcept nogil:
    free(v.token_table.slots)
    free(v.term_table.slots)
    bytes_free(&v.tokens)
    bytes_free(&v.terms)
    bytes_free(&v.term_places)
    bytes_free(&v.term_text)
    memset(v, 0, sizeof(Vocabulary))


cdef inline bint vocabulary_init(Vocabulary* v) noexcept nogil:
    memset(v, 0, sizeof(Vocabulary))
    v.token_table.mask = v.term_table.mask = FIRST_SLOTS - 1
    v.token_table.slots = <Slot*>calloc(FIRST_SLOTS, sizeof(Slot))
    v.term_table.slots = <Slot*>calloc(FIRST_SLOTS, sizeof(Slot))
    v.failed = v.token_table.slots == NULL or v.term_table.slots == NULL
    return not v.failed


cdef inline uint64_t vocabulary_bytes(const Vocabulary* v) noexcept nogil:
    """Memory held."""
    return (v.tokens.cap + v.terms.cap + v.term_places.cap + v.term_text.cap
            + sizeof(Slot) * (<uint64_t>v.token_table.mask + v.term_table.mask + 2))


cdef inline TermEntry* term_entry(const Vocabulary* v, uint32_t term) noexcept nogil:
    return &(<TermEntry*>v.terms.data)[term]


cdef inline TermText* term_place(const Vocabulary* v, uint32_t term) noexcept nogil:
    return &(<TermText*>v.term_places.data)[term]


cdef inline bint _taken(Table* t, uint32_t i, uint32_t hash, uint32_t at) noexcept nogil:
    """Fills the empty slot `i`, and makes room for the next word. False: no memory."""
    cdef Slot* old = t.slots
    cdef Slot* fresh
    cdef uint32_t mask = t.mask, j
    old[i].hash = hash
    old[i].at = at
    t.n += 1
    if t.n <= mask // 8 * 5:
        return True
    fresh = <Slot*>calloc(2 * (<size_t>mask + 1), sizeof(Slot))
    if fresh == NULL:
        return False
    t.slots = fresh
    t.mask = 2 * mask + 1
    for j in range(mask + 1):
        if old[j].at:
            i = old[j].hash & t.mask
            while fresh[i].at:
                i = (i + 1) & t.mask
            fresh[i] = old[j]
    free(old)
    return True


cdef inline uint32_t term_of(Vocabulary* v, const uint8_t* text, uint32_t n) noexcept nogil:
    """Ordinal of a term in its stored form, new or known."""
    cdef uint64_t h = hash64(text, n)
    cdef Table* t = &v.term_table
    cdef uint32_t i = <uint32_t>h & t.mask
    cdef TermText* place
    cdef TermEntry x
    cdef TermText y
    while t.slots[i].at:
        if t.slots[i].hash == <uint32_t>h:
            place = term_place(v, t.slots[i].at - 1)
            if place.len == n and same_bytes(v.term_text.data + place.at, text, n):
                return t.slots[i].at - 1
        i = (i + 1) & t.mask
    memset(&x, 0, sizeof(x))
    x.hash = h
    y.at = <uint32_t>v.term_text.len
    y.len = n
    bytes_add(&v.term_text, text, n)
    bytes_add(&v.terms, &x, sizeof(x))
    bytes_add(&v.term_places, &y, sizeof(y))
    if v.term_text.failed or v.terms.failed or v.term_places.failed or not _taken(t, i, <uint32_t>h, t.n + 1):
        v.failed = True
        return 0
    return t.n - 1


cdef inline const TokenRecord* _record(const Vocabulary* v, uint32_t at) noexcept nogil:
    return <const TokenRecord*>(v.tokens.data + RECORD_ALIGN * (<size_t>at - 1))


cdef inline uint64_t token_hash(const uint8_t* p, uint32_t n) noexcept nogil:
    """What the table of tokens finds a token by. It is never stored, so it need not be XXH64, which goes through the
    last bytes of a word one by one."""
    cdef uint64_t h = n, a = 0, b = 0
    cdef uint32_t v, w
    while n > 16:
        memcpy(&a, p, 8)
        h = (h ^ a) * <uint64_t>0x9E3779B185EBCA87
        h ^= h >> 32
        p += 8
        n -= 8
    if n >= 8:  # the two may overlap
        memcpy(&a, p, 8)
        memcpy(&b, p + n - 8, 8)
    elif n >= 4:
        memcpy(&v, p, 4)
        memcpy(&w, p + n - 4, 4)
        a = v
        b = w
    elif n:
        a = p[0] | <uint32_t>p[n // 2] << 8 | <uint32_t>p[n - 1] << 16
    h = (h ^ a) * <uint64_t>0x9E3779B185EBCA87
    h = ((h << 32 | h >> 32) ^ b) * <uint64_t>0x165667B19E3779F9
    return h ^ h >> 32


cdef inline void tokens_soon(const Vocabulary* v, uint64_t hash) noexcept nogil:
    """The token of that hash will be asked for: its slot is fetched."""
    prefetch(&v.token_table.slots[<uint32_t>hash & v.token_table.mask])


cdef inline void token_soon(const Vocabulary* v, uint64_t hash) noexcept nogil:
    """... and now its record."""
    cdef const Slot* s = &v.token_table.slots[<uint32_t>hash & v.token_table.mask]
    if s.at:
        prefetch(_record(v, s.at))


cdef inline void terms_soon(const Vocabulary* v, const TokenRecord* r) noexcept nogil:
    cdef uint32_t i
    for i in range(r.n):
        prefetch(term_entry(v, r.ids[i]))


cdef inline uint32_t _token_slot(const Vocabulary* v, const Token* token, uint64_t hash) noexcept nogil:
    """The slot of a token, or the empty one where it goes."""
    cdef const Table* t = &v.token_table
    cdef uint32_t i = <uint32_t>hash & t.mask
    cdef const TokenRecord* r
    while t.slots[i].at:
        if t.slots[i].hash == <uint32_t>hash:
            r = _record(v, t.slots[i].at)
            if r.len == token.len and same_bytes(<const uint8_t*>&r.ids[r.n], token.at, token.len):
                return i
        i = (i + 1) & t.mask
    return i


cdef inline const TokenRecord* token_of(Vocabulary* v, const Token* token, uint64_t hash) noexcept nogil:
    """What a raw token gives, `hash` its `token_hash`; NULL without memory. Valid until a token or term is added."""
    cdef uint32_t i = _token_slot(v, token, hash)
    if v.token_table.slots[i].at:
        return _record(v, v.token_table.slots[i].at)
    return _new_token(v, token, hash)


cdef inline uint32_t _part(Vocabulary* v, const Token* token, Terms* terms, uint32_t j) noexcept nogil:
    """The term of part `j`. A part is known or becomes known as the token that it is where it stands alone, so that it
    too is stemmed once."""
    cdef Token part
    cdef const TokenRecord* r
    cdef uint32_t k
    cdef uint8_t seen = 0
    part.at = terms.text + terms.raw_off[j]
    part.len = terms.raw_len[j]
    part.kind = TOKEN_WORD
    for k in range(part.len):
        seen |= part.at[k]
    if (seen >= 0x80 or (terms.has_whole and j == terms.n - 1) or token.kind == TOKEN_HEX
            or (part.len == token.len and same_bytes(part.at, token.at, part.len))):
        part_term(terms, j)
        return term_of(v, terms.text + terms.off[j], terms.len[j])
    r = token_of(v, &part, token_hash(part.at, part.len))
    return r.ids[0] if r != NULL else 0


cdef inline const TokenRecord* _new_token(Vocabulary* v, const Token* token, uint64_t hash) noexcept nogil:
    cdef uint32_t[TERMS_MAX] ids
    cdef uint32_t j, size
    cdef TokenRecord* fresh
    cdef Terms terms
    token_parts(token, &terms)
    for j in range(terms.n):
        ids[j] = _part(v, token, &terms, j)
    size = (4 + 4 * terms.n + token.len + RECORD_ALIGN - 1) & ~<uint32_t>(RECORD_ALIGN - 1)
    if v.failed or not bytes_reserve(&v.tokens, size):
        v.failed = True
        return NULL
    fresh = <TokenRecord*>(v.tokens.data + v.tokens.len)
    fresh.len = <uint8_t>token.len
    fresh.n = <uint8_t>terms.n
    fresh.plain = <uint8_t>(terms.n - 1 if terms.has_whole else terms.n)
    fresh.zero = 0
    memcpy(fresh.ids, ids, 4 * terms.n)
    copy_bytes(&fresh.ids[terms.n], token.at, token.len)
    # Its parts may have taken the slot that was empty.
    if not _taken(&v.token_table, _token_slot(v, token, hash), <uint32_t>hash,
                  <uint32_t>(v.tokens.len // RECORD_ALIGN) + 1):
        v.failed = True
        return NULL
    v.tokens.len += size
    return fresh
