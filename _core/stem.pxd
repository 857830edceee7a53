# cython: language_level=3
"""Light stemming: the Snowball English stemmer (Porter2), in place, on bytes.

Source of the algorithm: https://snowballstem.org/algorithms/english/stemmer.html, as of Snowball 3.1 (the special R1
prefixes, whole-word exceptions and `past` are of that release). Index and query must use the same version, so a change
of one rule is a change of the index format.

Two regions of the word decide what may be cut: R1 begins after the first non-vowel that follows a vowel, R2 is the R1
of R1. While the stemmer works a `y` that acts as a consonant is written `Y`. Digits, `_` and `'` count as consonants.

No step makes a word longer than it was. A region that does not exist begins at the length of the whole word, so it
never contains a suffix; one that exists begins at 2 or later (R1) and 4 or later (R2). That is why the steps may look
at the byte before a suffix that lies in a region without asking whether there is one.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memmove


cdef inline bint stem_vowel(uint8_t c) noexcept nogil:
    """One of a e i o u y (not Y)."""
    cdef uint32_t letter = <uint32_t>c - 97
    return letter < 26 and (0x1104111 >> letter) & 1


cdef inline bint stem_has_vowel(const uint8_t* w, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if stem_vowel(w[i]):
            return True
    return False


cdef inline bint stem_ends(const uint8_t* w, uint32_t n, const char* suffix, uint32_t k) noexcept nogil:
    """Whether the `n` bytes at `w` end with the `k` bytes of `suffix`."""
    return n >= k and memcmp(w + n - k, suffix, k) == 0


cdef inline bint stem_is(const uint8_t* w, uint32_t n, const char* word, uint32_t k) noexcept nogil:
    return n == k and memcmp(w, word, k) == 0


cdef inline bint stem_starts(const uint8_t* w, uint32_t n, const char* prefix, uint32_t k) noexcept nogil:
    return n >= k and memcmp(w, prefix, k) == 0


cdef inline bint stem_short_end(const uint8_t* w, uint32_t n) noexcept nogil:
    """Whether the word ends with a short syllable: consonant, vowel, consonant other than w x Y; or is just a vowel and
    a consonant; or ends with `past`."""
    cdef uint8_t last
    if n < 2:
        return False
    last = w[n - 1]
    if stem_vowel(last):
        return False
    if stem_vowel(w[n - 2]):
        if n == 2:
            return True
        return last != c"w" and last != c"x" and last != c"Y" and not stem_vowel(w[n - 3])
    return stem_ends(w, n, b"past", 4)


cdef inline uint32_t stem_exception(uint8_t* w, uint32_t n) noexcept nogil:
    """New length of a word that has its own rule, 0 for any other word. `n` is 3 or more."""
    cdef uint8_t c = w[0]
    if n > 6:
        return 0
    if c == c"a":
        return n if stem_is(w, n, b"andes", 5) or stem_is(w, n, b"atlas", 5) else 0
    elif c == c"b":
        return n if stem_is(w, n, b"bias", 4) else 0
    elif c == c"c":
        return n if stem_is(w, n, b"cosmos", 6) else 0
    elif c == c"e":
        if stem_is(w, n, b"early", 5):
            w[4] = c"i"
            return 5
    elif c == c"g":
        return 5 if stem_is(w, n, b"gently", 6) else 0
    elif c == c"h":
        return n if stem_is(w, n, b"howe", 4) else 0
    elif c == c"i":
        return 3 if stem_is(w, n, b"idly", 4) else 0
    elif c == c"n":
        return n if stem_is(w, n, b"news", 4) else 0
    elif c == c"o":
        if stem_is(w, n, b"only", 4):
            w[3] = c"i"
            return 4
    elif c == c"s":
        if stem_is(w, n, b"sky", 3) or stem_is(w, n, b"skis", 4):
            return 3
        if stem_is(w, n, b"skies", 5):
            w[2] = c"y"
            return 3
        if stem_is(w, n, b"singly", 6):
            return 5
    elif c == c"u":
        if stem_is(w, n, b"ugly", 4):
            w[3] = c"i"
            return 4
    return 0


cdef inline uint32_t stem_prefix(const uint8_t* w, uint32_t n) noexcept nogil:
    """Where R1 begins in words whose plain R1 would make unrelated words meet (general, generous); 0 in other words."""
    cdef uint8_t c = w[0]
    if c == c"a":
        return 5 if stem_starts(w, n, b"arsen", 5) else 0
    elif c == c"c":
        return 6 if stem_starts(w, n, b"commun", 6) else 0
    elif c == c"e":
        return 5 if stem_starts(w, n, b"emerg", 5) else 0
    elif c == c"g":
        return 5 if stem_starts(w, n, b"gener", 5) else 0
    elif c == c"i":
        return 5 if stem_starts(w, n, b"inter", 5) else 0
    elif c == c"l":
        return 5 if stem_starts(w, n, b"later", 5) else 0
    elif c == c"o":
        return 5 if stem_starts(w, n, b"organ", 5) else 0
    elif c == c"p":
        return 4 if stem_starts(w, n, b"past", 4) else 0
    elif c == c"u":
        return 7 if stem_starts(w, n, b"univers", 7) else 0
    return 0


cdef inline uint32_t stem_region(const uint8_t* w, uint32_t n, uint32_t i) noexcept nogil:
    """From `i` on, the place after the first consonant that follows a vowel; `n` when there is none."""
    while i < n and not stem_vowel(w[i]):
        i += 1
    while i < n and stem_vowel(w[i]):
        i += 1
    return i + 1 if i < n else n


cdef inline uint32_t stem_step_1a(uint8_t* w, uint32_t n) noexcept nogil:
    """Genitive and plural: ' 's 's' go; sses → ss; ied ies → i (ie in short words); s goes when a vowel is before the
    letter that precedes it."""
    if w[n - 1] == c"'":
        n = n - 3 if stem_ends(w, n, b"'s'", 3) else n - 1
    elif stem_ends(w, n, b"'s", 2):
        n -= 2
    if n < 2:
        return n
    if w[n - 1] == c"d":
        if stem_ends(w, n, b"ied", 3):
            return n - 2 if n >= 5 else n - 1
    elif w[n - 1] == c"s":
        if w[n - 2] == c"s" or w[n - 2] == c"u":
            return n
        if w[n - 2] == c"e":
            if stem_ends(w, n, b"ies", 3):
                return n - 2 if n >= 5 else n - 1
            if stem_ends(w, n, b"sses", 4):
                return n - 2
        if stem_has_vowel(w, n - 2):
            return n - 1
    return n


cdef inline uint32_t stem_step_1b(uint8_t* w, uint32_t n, uint32_t p1) noexcept nogil:
    """eed eedly → ee in R1; ed edly ing ingly go after a vowel, and what is left gets its e back or loses a double."""
    cdef uint32_t m
    cdef uint8_t last, before
    if n < 3:
        # Only "ed" would fit, and it has no vowel before it.
        return n
    last = w[n - 1]
    if last == c"d":
        if w[n - 2] != c"e":
            return n
        m = n - 2
    elif last == c"g":
        if not stem_ends(w, n, b"ing", 3):
            return n
        m = n - 3
        if m == 2 and w[1] == c"y" and not stem_vowel(w[0]):
            # dying → die
            w[1] = c"i"
            w[2] = c"e"
            return 3
        if stem_is(w, m, b"inn", 3) or stem_is(w, m, b"out", 3) or stem_is(w, m, b"even", 4) or \
                stem_is(w, m, b"cann", 4) or stem_is(w, m, b"earr", 4) or stem_is(w, m, b"herr", 4):
            return n
    elif last == c"y":
        if stem_ends(w, n, b"edly", 4):
            m = n - 4
        elif stem_ends(w, n, b"ingly", 5):
            m = n - 5
        else:
            return n
    else:
        return n

    if w[m] == c"e" and m > 0 and w[m - 1] == c"e":
        m -= 1
        if m < p1 or stem_is(w, m, b"succ", 4) or stem_is(w, m, b"proc", 4) or stem_is(w, m, b"exc", 3):
            return n
        return m + 2

    if not stem_has_vowel(w, m):
        return n
    if m >= 2:
        last = w[m - 1]
        before = w[m - 2]
        if (last == c"t" and before == c"a") or (last == c"l" and before == c"b") or (last == c"z" and before == c"i"):
            w[m] = c"e"
            return m + 1
        if last == before and (last == c"b" or last == c"d" or last == c"f" or last == c"g" or last == c"m" or
                               last == c"n" or last == c"p" or last == c"r" or last == c"t"):
            if m == 3 and (w[0] == c"a" or w[0] == c"e" or w[0] == c"o"):
                return m
            return m - 1
    if m == p1 and stem_short_end(w, m):
        w[m] = c"e"
        return m + 1
    return m


cdef inline uint32_t stem_step_2(uint8_t* w, uint32_t n, uint32_t p1) noexcept nogil:
    """Double suffixes lose their second half (ization → ize), in R1. The longest suffix that matches decides alone."""
    cdef uint32_t room
    cdef uint8_t c
    if n < p1 + 2:
        return n
    room = n - p1
    c = w[n - 1]
    if c == c"i":
        c = w[n - 2]
        if c == c"l":
            c = w[n - 3]
            if c == c"b":
                if room >= (4 if w[n - 4] == c"a" else 3):
                    w[n - 1] = c"e"
            elif c == c"l":
                if (room >= 4 and stem_ends(w, n, b"alli", 4)) or (room >= 5 and stem_ends(w, n, b"fulli", 5)):
                    return n - 2
            elif c == c"s":
                if (room >= 5 and stem_ends(w, n, b"ousli", 5)) or (room >= 6 and stem_ends(w, n, b"lessli", 6)):
                    return n - 2
            elif c == c"t":
                if room >= 5 or not stem_ends(w, n, b"entli", 5):
                    return n - 2
            elif c == c"c" or c == c"d" or c == c"e" or c == c"g" or c == c"h" or c == c"k" or c == c"m" or \
                    c == c"n" or c == c"r":
                return n - 2
        elif c == c"c":
            if room >= 4 and (stem_ends(w, n, b"enci", 4) or stem_ends(w, n, b"anci", 4)):
                w[n - 1] = c"e"
        elif c == c"g":
            if room >= 3 and stem_ends(w, n, b"logi", 4):
                return n - 1
        elif c == c"t" and room >= 5:
            if stem_ends(w, n, b"aliti", 5):
                return n - 3
            if stem_ends(w, n, b"iviti", 5):
                w[n - 3] = c"e"
                return n - 2
            if room >= 6 and stem_ends(w, n, b"biliti", 6):
                w[n - 5] = c"l"
                w[n - 4] = c"e"
                return n - 3
    elif c == c"l":
        if room >= 6 and stem_ends(w, n, b"tional", 6):
            if w[n - 7] != c"a":
                return n - 2
            if room >= 7:
                w[n - 5] = c"e"
                return n - 4
    elif c == c"m":
        if room >= 5 and stem_ends(w, n, b"alism", 5):
            return n - 3
    elif c == c"n":
        if room >= 5 and stem_ends(w, n, b"ation", 5):
            if not stem_ends(w, n, b"ization", 7):
                w[n - 3] = c"e"
                return n - 2
            if room >= 7:
                w[n - 5] = c"e"
                return n - 4
    elif c == c"r":
        if room >= 4:
            if stem_ends(w, n, b"izer", 4):
                return n - 1
            if stem_ends(w, n, b"ator", 4):
                w[n - 2] = c"e"
                return n - 1
    elif c == c"s":
        if room >= 7 and stem_ends(w, n, b"ness", 4) and (
                stem_ends(w, n - 4, b"ive", 3) or stem_ends(w, n - 4, b"ful", 3) or stem_ends(w, n - 4, b"ous", 3)):
            return n - 4
    elif c == c"t":
        if room >= 5 and stem_ends(w, n, b"ogist", 5):
            return n - 3
    return n


cdef inline uint32_t stem_step_3(uint8_t* w, uint32_t n, uint32_t p1, uint32_t p2) noexcept nogil:
    """icate iciti ical → ic, alize → al, ful and ness go, in R1; ative goes in R2."""
    cdef uint32_t room
    cdef uint8_t c
    if n < p1 + 3:
        return n
    room = n - p1
    c = w[n - 1]
    if c == c"e":
        if room >= 5:
            if stem_ends(w, n, b"icate", 5) or stem_ends(w, n, b"alize", 5):
                return n - 3
            if n >= p2 + 5 and stem_ends(w, n, b"ative", 5):
                return n - 5
    elif c == c"i":
        if room >= 5 and stem_ends(w, n, b"iciti", 5):
            return n - 3
    elif c == c"l":
        if stem_ends(w, n, b"ful", 3):
            return n - 3
        if room >= 4 and stem_ends(w, n, b"ical", 4):
            return n - 2
        if room >= 6 and stem_ends(w, n, b"tional", 6):
            if w[n - 7] != c"a":
                return n - 2
            if room >= 7:
                w[n - 5] = c"e"
                return n - 4
    elif c == c"s":
        if room >= 4 and stem_ends(w, n, b"ness", 4):
            return n - 4
    return n


cdef inline uint32_t stem_step_4(const uint8_t* w, uint32_t n, uint32_t p2) noexcept nogil:
    """Single suffixes go, in R2."""
    cdef uint32_t k = 0
    cdef uint8_t c
    if n < p2 + 2:
        return n
    c = w[n - 1]
    if c == c"c":
        if w[n - 2] == c"i":
            k = 2
    elif c == c"e":
        if stem_ends(w, n, b"ate", 3) or stem_ends(w, n, b"ive", 3) or stem_ends(w, n, b"ize", 3):
            k = 3
        elif stem_ends(w, n, b"ance", 4) or stem_ends(w, n, b"ence", 4) or \
                stem_ends(w, n, b"able", 4) or stem_ends(w, n, b"ible", 4):
            k = 4
    elif c == c"i":
        if stem_ends(w, n, b"iti", 3):
            k = 3
    elif c == c"l":
        if w[n - 2] == c"a":
            k = 2
    elif c == c"m":
        if stem_ends(w, n, b"ism", 3):
            k = 3
    elif c == c"n":
        if stem_ends(w, n, b"sion", 4) or stem_ends(w, n, b"tion", 4):
            k = 3
    elif c == c"r":
        if w[n - 2] == c"e":
            k = 2
    elif c == c"s":
        if stem_ends(w, n, b"ous", 3):
            k = 3
    elif c == c"t":
        if stem_ends(w, n, b"ent", 3):
            k = 3
            if w[n - 4] == c"m":
                k = 5 if w[n - 5] == c"e" else 4
        elif stem_ends(w, n, b"ant", 3):
            k = 3
    return n - k if n >= p2 + k else n


cdef inline uint32_t stem_step_5(const uint8_t* w, uint32_t n, uint32_t p1, uint32_t p2) noexcept nogil:
    """A last e goes in R2, or in R1 when no short syllable is before it; a last l goes in R2 after another l."""
    if n <= p1:
        return n
    if w[n - 1] == c"e":
        if n > p2 or not stem_short_end(w, n - 1):
            return n - 1
    elif w[n - 1] == c"l":
        if n > p2 and w[n - 2] == c"l":
            return n - 1
    return n


cdef inline uint32_t stem(uint8_t* w, uint32_t n) noexcept nogil:
    """Stem the lower-case ASCII word of `n` bytes at `w` in place; its new length, never over `n`.

    Words of up to two bytes and words with a byte from 0x80 on stay as they are. Never fails; uses no memory.
    """
    cdef uint32_t i, p1, p2, kept
    cdef uint8_t seen = 0
    cdef bint has_y = False
    if n < 3:
        return n
    for i in range(n):
        seen |= w[i]
        has_y |= w[i] == c"y"
    if seen >= 0x80:
        return n
    kept = stem_exception(w, n)
    if kept:
        return kept

    if w[0] == c"'":
        n -= 1
        memmove(w, w + 1, n)
    if has_y:
        if w[0] == c"y":
            w[0] = c"Y"
        for i in range(1, n):
            if w[i] == c"y" and stem_vowel(w[i - 1]):
                w[i] = c"Y"
    p1 = stem_prefix(w, n)
    if p1 == 0:
        p1 = stem_region(w, n, 0)
    p2 = stem_region(w, n, p1)

    n = stem_step_1a(w, n)
    n = stem_step_1b(w, n, p1)
    if n >= 3 and w[n - 1] == c"y" and not stem_vowel(w[n - 2]):
        # Step 1c: happy → happi; by and say stay.
        w[n - 1] = c"i"
    n = stem_step_2(w, n, p1)
    n = stem_step_3(w, n, p1, p2)
    n = stem_step_4(w, n, p2)
    n = stem_step_5(w, n, p1, p2)

    if has_y:
        for i in range(n):
            if w[i] == c"Y":
                w[i] = c"y"
    return n
