# cython: language_level=3
"""A question as the index can answer it: words in order, extra terms, names. Same tokens and terms as the source.

Of each token the parts become *words* (stop words dropped unless nothing else is left, or the question is one word),
each distinct stem once, in order. *Extra terms*: the whole of a compound; for two neighbouring words a b the whole and
the word `ab` (`hash map` finds HashMap and hashmap). *Names* are identifiers as they are written, for exact
definitions. A single word of a few letters may be the *initials* of a name. A question of three words or more may begin
with a *task word* (`fix`, `add`): it names what is to be done, not where. *Expansions* are words that nobody asked for:
`query_expand` adds those of a model's answer, `query_synonyms` those that stand for a word which nothing has.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memcpy, memset, memcmp
from _core.path cimport in_list, whole_name_hash
from _core.stem cimport stem
from _core.synonyms cimport synonyms_of
from _core.text cimport Token, Terms, next_token, token_terms, make_term, byte_class, TERM_MAX, TOKEN_MAX
from _core.text cimport BYTE_DIGIT, INITIALS_MARK, INITIALS_MAX, INITIALS_MIN, TOKEN_WORD, TOKEN_CJK
from _core.whereabouts cimport Whereabouts, find_place, identifier_byte

cdef enum:
    WORDS = 32          # a question has no more; what follows is ignored
    TERMS = 192
    NAMES = 16
    NAME_MAX = 255

cdef struct Word:
    uint8_t[TERM_MAX] stem
    uint8_t[TOKEN_MAX * 2] raw   # lower-cased, for path words
    uint32_t stem_len
    uint32_t raw_len

cdef struct Term:
    uint8_t[TERM_MAX] text
    uint32_t len
    int word            # index of the word it is, -1 for an extra term
    float weight        # of an extra term; words are weighed by position

cdef struct Name:
    const uint8_t* at   # into the question, or into `Query.qualified`
    uint32_t len

cdef struct Query:
    uint32_t n_words
    uint32_t n_terms
    uint32_t n_asked        # terms of the question itself; expansions follow
    uint32_t n_names
    bint task               # the first word is a task word
    bint symbol             # one identifier, perhaps qualified: the answer is its definition
    uint32_t whole_name     # of a symbol: compared with RankRecord.whole_name
    uint32_t n_initials     # bytes of the term; 0: the question cannot be the initials of a name
    uint8_t[INITIALS_MAX + 1] initials  # their term in the dictionary (`initials_term`)
    bint capitals           # they were all written large
    bint answered           # the expansions are a model's
    uint32_t kinds          # of definitions (bit set) that an answer expects; 0: nothing is known
    Whereabouts place       # what it says of a place: `path:line`, a line of a stack trace
    Name[NAMES] names
    Term[TERMS] terms       # words first, then extras, then expansions
    Word[WORDS] words


cdef inline bint stop_word(const uint8_t* w, size_t n) noexcept nogil:
    # By length, so that few are compared.
    if n == 1:
        return in_list(b"a i", w, n)
    if n == 2:
        return in_list(b"an as at be by do he if in is it me my no of on or so to up we", w, n)
    if n == 3:
        return in_list(
            b"and are but can did for had has her his how its may nor not off our out own she the too was "
            b"who why you all any few via per", w, n)
    if n == 4:
        return in_list(
            b"been does done from have into must once only over some such than that them then they this "
            b"very were what when whom will with your also both each more most same just", w, n)
    return n <= 7 and in_list(
        b"being could doing having might shall should their there these those through under until where "
        b"which while would about after because before between during other", w, n)


cdef inline bint task_word(const uint8_t* word, size_t n) noexcept nogil:
    """A verb that commit messages and instructions begin with, as a stem."""
    return in_list(
        b"fix add remov use make allow support handl improv refactor implement introduc move renam chang updat ensur "
        b"avoid prevent correct simplifi clean cleanup convert replac enabl disabl drop extract deprec revert set "
        b"show pass check stop let keep report return skip ignor address resolv bring teach tweak adjust appli prefer "
        b"switch reduc", word, n)


cdef inline void _extra(Query* q, const uint8_t* text, uint32_t n, float weight) noexcept nogil:
    cdef uint32_t i
    cdef Term* t
    for i in range(q.n_terms):
        t = &q.terms[i]
        if t.len == n and memcmp(t.text, text, n) == 0:
            if t.word < 0 and t.weight < weight:
                t.weight = weight
            return
    if q.n_terms == TERMS:
        return
    t = &q.terms[q.n_terms]
    memcpy(t.text, text, n)
    t.len = n
    t.word = -1
    t.weight = weight
    q.n_terms += 1


cdef inline void _word(Query* q, const Terms* t, uint32_t i) noexcept nogil:
    cdef uint32_t j
    cdef Word* w
    for j in range(q.n_words):
        if q.words[j].stem_len == t.len[i] and memcmp(q.words[j].stem, t.text + t.off[i], t.len[i]) == 0:
            return
    if q.n_words == WORDS:
        return
    w = &q.words[q.n_words]
    w.stem_len = t.len[i]
    memcpy(w.stem, t.text + t.off[i], t.len[i])
    w.raw_len = t.raw_len[i] if t.raw_len[i] < 2 * TOKEN_MAX else 2 * TOKEN_MAX
    memcpy(w.raw, t.text + t.raw_off[i], w.raw_len)
    memcpy(q.terms[q.n_words].text, w.stem, w.stem_len)
    q.terms[q.n_words].len = w.stem_len
    q.terms[q.n_words].word = <int>q.n_words
    q.n_words += 1


cdef inline void _joined(Query* q, const uint8_t* a, uint32_t na, const uint8_t* b, uint32_t nb,
                         float weight) noexcept nogil:
    """The whole `=ab` and the word `ab`."""
    cdef uint8_t[4 * TOKEN_MAX + 8] work
    cdef uint8_t[TERM_MAX] term
    cdef uint32_t n
    if na + nb > 2 * TOKEN_MAX:
        return
    work[0] = 61
    memcpy(work + 1, a, na)
    memcpy(work + 1 + na, b, nb)
    n = stem(work + 1, na + nb)
    _extra(q, term, make_term(term, work, n + 1), weight)
    _extra(q, term, make_term(term, work + 1, n), weight)


cdef inline void _name(Query* q, const uint8_t* at, size_t n) noexcept nogil:
    if n and n <= NAME_MAX and q.n_names < NAMES:
        q.names[q.n_names].at = at
        q.names[q.n_names].len = <uint32_t>n
        q.n_names += 1


cdef inline bint _space(uint8_t c) noexcept nogil:
    return c == 32 or 9 <= c <= 13


cdef inline bint _symbol(const uint8_t* p, size_t n, size_t* last) noexcept nogil:
    """An identifier, perhaps qualified with :: . -> # / or a backslash; `last` is where its last component begins."""
    cdef size_t i = 0, w
    last[0] = 0
    if n and (p[n - 1] == 63 or p[n - 1] == 33):
        n -= 1
    while True:
        if i >= n or not identifier_byte(p[i]) or byte_class(p[i]) == BYTE_DIGIT:
            return False
        last[0] = i
        while i < n and identifier_byte(p[i]):
            i += 1
        if i == n:
            return True
        if p[i] == 46 or p[i] == 35 or p[i] == 47 or p[i] == 92:
            w = 1
        elif i + 1 < n and ((p[i] == 58 and p[i + 1] == 58) or (p[i] == 45 and p[i + 1] == 62)):
            w = 2
        else:
            return False
        i += w


cdef inline bint _camel_or_snake(const uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(1, n):
        if (p[i] == 95 and i + 1 < n) or (65 <= p[i] <= 90 and 97 <= p[i - 1] <= 122):
            return True
    return False


cdef inline void query_parse(const uint8_t* text, size_t n, Query* q) noexcept nogil:
    """Any bytes are a query; one without a letter or digit has no terms. `text` must outlive `q`."""
    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef const uint8_t* before
    cdef Token t
    cdef Terms terms
    cdef uint32_t i, parts, kept
    cdef size_t last, k, joined_n
    cdef bint single, keep_stops, prev_stop, stops
    cdef uint8_t[2 * TOKEN_MAX] prev
    cdef uint8_t[512] joined
    cdef uint32_t prev_n
    q.n_words = q.n_terms = q.n_asked = q.n_names = q.n_initials = q.kinds = 0
    q.symbol = q.task = q.answered = False
    q.whole_name = 0
    while n and _space(text[0]):
        text += 1
        n -= 1
    while n and _space(text[n - 1]):
        n -= 1
    if n > 2 and text[0] == text[n - 1] and (text[0] == 34 or text[0] == 39 or text[0] == 96):
        text += 1  # a quoted name is that name
        n -= 2
    find_place(text, n, &q.place)
    single = True
    for k in range(n):
        if _space(text[k]):
            single = False
            break
    end = text + n
    # Twice at most: when every word is a stop word they are all that was asked.
    keep_stops = single
    while True:
        p = text
        while q.n_words < WORDS:
            p = next_token(p, end, &t)
            if p == NULL:
                break
            token_terms(&t, &terms)
            parts = terms.n - 1 if terms.has_whole else terms.n
            for i in range(parts):
                if keep_stops or not stop_word(terms.text + terms.raw_off[i], terms.raw_len[i]):
                    _word(q, &terms, i)
        if q.n_words or keep_stops:
            break
        keep_stops = True
    q.n_terms = q.n_words
    q.task = q.n_words > 2 and task_word(q.words[0].stem, q.words[0].stem_len)
    # Extra terms: wholes of compounds, and joined neighbours.
    p = text
    prev_n = 0
    prev_stop = True
    kept = 0
    while kept < WORDS:
        p = next_token(p, end, &t)
        if p == NULL:
            break
        token_terms(&t, &terms)
        parts = terms.n
        if terms.has_whole:
            parts -= 1
            _extra(q, terms.text + terms.off[parts], terms.len[parts], 1)
        for i in range(parts):
            stops = stop_word(terms.text + terms.raw_off[i], terms.raw_len[i])
            if prev_n and not prev_stop and not stops and t.kind != TOKEN_CJK:
                _joined(q, prev, prev_n, terms.text + terms.raw_off[i], terms.raw_len[i], 0.5)
            prev_stop = stops
            prev_n = terms.raw_len[i] if terms.raw_len[i] < TOKEN_MAX else 0
            memcpy(prev, terms.text + terms.raw_off[i], prev_n)
            kept += 1
    q.n_asked = q.n_terms
    if single and INITIALS_MIN <= n <= INITIALS_MAX:
        for k in range(n):
            if not 97 <= text[k] | 32 <= 122:
                break
            q.initials[k + 1] = text[k] | 32
            q.capitals = (k == 0 or q.capitals) and text[k] <= 90
        else:
            q.initials[0] = INITIALS_MARK
            q.n_initials = <uint32_t>n + 1
    # Names.
    if q.place.name_len:
        _name(q, q.place.name, q.place.name_len)
    q.symbol = _symbol(text, n, &last) and n <= NAME_MAX
    if q.symbol:
        _name(q, text, n)
        if last:
            _name(q, text + last, n - last)
        joined_n = 0
        p = text
        while True:
            p = next_token(p, end, &t)
            if p == NULL:
                break
            token_terms(&t, &terms)
            for i in range(terms.n - 1 if terms.has_whole else terms.n):
                if joined_n + terms.raw_len[i] + 2 <= 512:
                    memcpy(joined + joined_n, terms.text + terms.raw_off[i], terms.raw_len[i])
                    joined_n += terms.raw_len[i]
        q.whole_name = whole_name_hash(joined, <uint32_t>joined_n)
        return
    p = text
    while True:
        p = next_token(p, end, &t)
        if p == NULL:
            return
        if t.kind != TOKEN_WORD or byte_class(t.at[0]) == BYTE_DIGIT:
            continue
        before = t.at + t.len
        if (_camel_or_snake(t.at, t.len)
                or (end - before > 2 and before[0] == 58 and before[1] == 58)
                or (end - before > 1 and before[0] == 46 and identifier_byte(before[1]))
                or (t.at - text > 1 and ((t.at - 1)[0] == 58 or (t.at - 1)[0] == 46) and not _space((t.at - 2)[0]))):
            _name(q, t.at, t.len)


cdef inline void _expand_word(Query* q, const uint8_t* stem_, uint32_t n) noexcept nogil:
    """A word by its stem; and the whole of a name whose parts were written together, or that is this one word. What was
    asked as two words and is known as one name counts in full from now on."""
    cdef uint8_t[TERM_MAX + 1] whole
    whole[0] = 61
    memcpy(whole + 1, stem_, n)
    _extra(q, stem_, n, 1)
    _extra(q, whole, make_term(whole, whole, n + 1), 1)


cdef inline void query_expand(Query* q, const uint8_t* text, size_t n) noexcept nogil:
    """Adds expansions: words that whoever understands the question expects where it is answered. Once, behind all other
    terms. What was asked for is not added again."""
    cdef const uint8_t* p = text
    cdef Token t
    cdef Terms terms
    cdef uint32_t i, parts, words = 0
    while words < WORDS:
        p = next_token(p, text + n, &t)
        if p == NULL:
            return
        token_terms(&t, &terms)
        parts = terms.n - 1 if terms.has_whole else terms.n
        for i in range(parts):
            if not stop_word(terms.text + terms.raw_off[i], terms.raw_len[i]):
                _expand_word(q, terms.text + terms.off[i], terms.len[i])
                words += 1
        if terms.has_whole:
            _extra(q, terms.text + terms.off[parts], terms.len[parts], 1)


cdef inline void query_synonyms(Query* q, uint32_t word) noexcept nogil:
    """Adds the synonyms of a word as expansions."""
    cdef const uint8_t* end = NULL
    cdef const uint8_t* p = synonyms_of(q.words[word].stem, q.words[word].stem_len, &end)
    cdef uint32_t n
    while p != NULL and p < end:
        n = 0
        while p + n < end and p[n] != 32:
            n += 1
        _expand_word(q, p, n)
        p += n + 1
