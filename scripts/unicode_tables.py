"""Write _core/unicode.pxd: UTF-8 and the character tables of the engine, from Python's unicodedata.

    python scripts/unicode_tables.py           write the file
    python scripts/unicode_tables.py --check   exit 1 when the file is not what this Python would write

The Unicode version is that of the running Python; the same version writes the same bytes. The tables become string
literals inside functions, because the static front never runs the module initialisation that would fill a variable.
They are printable text (six bits a character) so that the file stays small and can be read in a diff.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "_core" / "unicode.pxd"
LAST = 0x10FFFF
OTHER, LETTER, DIGIT, CJK = range(4)

# Zero width non-joiner and joiner: invisible, but inside words of Persian and of Indic scripts.
JOINERS = (0x200C, 0x200D)

CJK_NAME = re.compile(
    r"CJK (?:UNIFIED|COMPATIBILITY) IDEOGRAPH|IDEOGRAPHIC |HANGZHOU NUMERAL|VERTICAL (?:KANA|IDEOGRAPHIC)|MASU MARK"
    r"|HIRAGANA |KATAKANA|HENTAIGANA |HALFWIDTH KATAKANA|COMBINING KATAKANA|HANGUL SYLLABLE"
)

# Planes 2 and 3 are set aside for ideographs and wide by UAX #11, assigned or not; unassigned places of the block
# Symbols and Pictographs Extended-A are where new emoji go. So text newer than the table still comes out right.
IDEOGRAPH_PLANES = ((0x20000, 0x2FFFD), (0x30000, 0x3FFFD))
NEW_EMOJI = (0x1FA70, 0x1FAFF)

# Marks that enclose the digits after them: format characters, yet visible.
PREPENDED = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


def ideograph_plane(cp: int) -> bool:
    return any(first <= cp <= last for first, last in IDEOGRAPH_PLANES)


def char_class(cp: int) -> int:
    char = chr(cp)
    category = unicodedata.category(char)
    if ideograph_plane(cp):
        return CJK
    if category == "Nd":
        return DIGIT
    if category[0] in "LM" or category in ("Nl", "Pc") or cp in JOINERS:
        return CJK if CJK_NAME.match(unicodedata.name(char, "")) else LETTER
    return OTHER


def char_width(cp: int) -> int:
    """Terminal columns. A flag is two regional indicators, each one column, so that their sum is right."""
    category = unicodedata.category(chr(cp))
    if category in ("Cc", "Mn", "Me", "Zl", "Zp"):
        return 0
    if category == "Cf":
        return 1 if cp == 0xAD or cp in PREPENDED else 0
    # Vowels and finals of conjoining Hangul are drawn into the cell of the initial before them.
    if 0x1160 <= cp <= 0x11FF or 0xD7B0 <= cp <= 0xD7FF:
        return 0
    if category == "Cn":
        # Not asked of unicodedata: it answers F for whatever is unassigned.
        return 2 if ideograph_plane(cp) or NEW_EMOJI[0] <= cp <= NEW_EMOJI[1] else 1
    return 2 if unicodedata.east_asian_width(chr(cp)) in "WF" else 1


def is_upper(cp: int) -> bool:
    return unicodedata.category(chr(cp)) in ("Lu", "Lt")


def folded(cp: int) -> int:
    lower = chr(cp).lower()
    if cp == 0x3C2:
        return 0x3C3
    return ord(lower) if len(lower) == 1 else cp


def digits(value: int, count: int) -> str:
    """`value` as `count` characters of six bits each, high ones first, '0' standing for 0."""
    if not 0 <= value < 1 << 6 * count:
        raise ValueError(f"{value} does not fit {count} digits")
    return "".join(chr(48 + (value >> 6 * i & 63)) for i in reversed(range(count)))


def literal(text: str, indent: str) -> str:
    width = 100
    escaped = [text[i : i + width].replace("\\", "\\\\") for i in range(0, len(text), width)]
    return "\n".join(f'{indent}b"{line}"' for line in escaped)


def runs(value_of: Callable[[int], int]) -> list[tuple[int, int]]:
    """Where each run of one value starts, and the value (0 to 7); the first run starts at 0."""
    found: list[tuple[int, int]] = []
    for cp in range(LAST + 1):
        value = value_of(cp)
        if not found or found[-1][1] != value:
            found.append((cp, value))
    return found


def upper_runs() -> list[tuple[int, int]]:
    """Runs as above, where capitals and small letters that alternate are one run: 2 even ones, 3 odd ones are upper."""
    flags = [is_upper(cp) for cp in range(LAST + 1)] + [False] * 4
    found: list[tuple[int, int]] = []
    cp = 0
    while cp <= LAST:
        end = cp + 1
        if flags[cp] and [flags[cp + i] for i in range(1, 5)] == [False, True, False, True]:
            value = 2 + cp % 2
            while end <= LAST and flags[end] == (end % 2 == cp % 2):
                end += 1
        else:
            value = int(flags[cp])
            while end <= LAST and flags[end] == flags[cp]:
                end += 1
        # A plain run gives its last capital to the alternating run that it leads into.
        if value == 1 and end + 3 <= LAST and end - cp > 1 and flags[end + 1] and not flags[end + 2]:
            end -= 1
        if not found or found[-1][1] != value:
            found.append((cp, value))
        cp = end
    return found


def fold_ranges() -> list[tuple[int, int, int, int]]:
    """(first, last, stride 1 or 2, distance to the small letter) for all code points that folding changes."""
    moved = {cp: folded(cp) - cp for cp in range(LAST + 1) if folded(cp) != cp}
    found = []
    while moved:
        first = min(moved)
        distance = moved[first]
        stride = 2 if moved.get(first + 1) != distance and moved.get(first + 2) == distance else 1
        last = first
        while moved.get(last + stride) == distance and (stride == 1 or last + 1 not in moved):
            last += stride
        for cp in range(first, last + 1, stride):
            del moved[cp]
        found.append((first, last, stride, distance))
    return found


def render() -> str:
    """The whole text of unicode.pxd."""
    tables = {}
    for name, entries in (("CLASS", runs(char_class)), ("WIDTH", runs(char_width)), ("UPPER", upper_runs())):
        tables[name] = literal("".join(digits(cp << 3 | value, 4) for cp, value in entries), " " * 8)
        tables[name + "_COUNT"] = str(len(entries))
    ranges = fold_ranges()
    tables["FOLD"] = literal(
        "".join(
            digits(first << 3 | stride, 4) + digits(last - first, 2) + digits(distance + (1 << 17), 3)
            for first, last, stride, distance in ranges
        ),
        " " * 8,
    )
    tables["FOLD_COUNT"] = str(len(ranges))
    tables["VERSION"] = unicodedata.unidata_version
    return re.sub(r"@(\w+)@", lambda found: tables[found[1]], TEMPLATE)


TEMPLATE = '''\
# cython: language_level=3
# Generated by scripts/unicode_tables.py from Unicode @VERSION@: change that script, not this file.
"""UTF-8 and what the engine asks about a code point: its class, its case, its columns on a terminal.

A table is a string literal of records of printable characters, six bits each ('0' is 0), sorted by code point.
"""
from libc.stdint cimport uint8_t, int32_t, uint32_t


cdef enum:
    CP_OTHER = 0   # blanks, punctuation, symbols, controls, unassigned
    CP_LETTER = 1  # letters, marks and letter numbers; connectors such as _; the joiners inside words
    CP_DIGIT = 2   # decimal digits of any script
    CP_CJK = 3     # Han, Hiragana, Katakana, Hangul syllables: no blanks between words


cdef inline uint32_t utf8_decode(const uint8_t* p, const uint8_t* end, uint32_t* cp) noexcept nogil:
    """Decode the code point at `p` (`p < end`) into `cp`; its length, 1 to 4 bytes.

    0, and `cp` untouched, when no well-formed sequence is there (cut off, overlong, a surrogate, above 10FFFF): the
    caller skips one byte.
    """
    cdef uint32_t c = p[0]
    cdef uint32_t v
    if c < 0x80:
        cp[0] = c
        return 1
    if c < 0xC2:
        return 0
    if c < 0xE0:
        if end - p < 2 or p[1] & 0xC0 != 0x80:
            return 0
        cp[0] = (c & 0x1F) << 6 | (p[1] & 0x3F)
        return 2
    if c < 0xF0:
        if end - p < 3 or p[1] & 0xC0 != 0x80 or p[2] & 0xC0 != 0x80:
            return 0
        v = (c & 0x0F) << 12 | (p[1] & 0x3F) << 6 | (p[2] & 0x3F)
        if v < 0x800 or (v >= 0xD800 and v < 0xE000):
            return 0
        cp[0] = v
        return 3
    if c > 0xF4 or end - p < 4 or p[1] & 0xC0 != 0x80 or p[2] & 0xC0 != 0x80 or p[3] & 0xC0 != 0x80:
        return 0
    v = (c & 0x07) << 18 | (p[1] & 0x3F) << 12 | (p[2] & 0x3F) << 6 | (p[3] & 0x3F)
    if v < 0x10000 or v > 0x10FFFF:
        return 0
    cp[0] = v
    return 4


cdef inline uint32_t utf8_encode(uint32_t cp, uint8_t* out) noexcept nogil:
    """Write `cp` as UTF-8 to `out` (room for 4); bytes written, 0 for a surrogate or a number above 10FFFF."""
    if cp < 0x80:
        out[0] = <uint8_t>cp
        return 1
    if cp < 0x800:
        out[0] = <uint8_t>(0xC0 | cp >> 6)
        out[1] = <uint8_t>(0x80 | cp & 0x3F)
        return 2
    if cp < 0x10000:
        if cp >= 0xD800 and cp < 0xE000:
            return 0
        out[0] = <uint8_t>(0xE0 | cp >> 12)
        out[1] = <uint8_t>(0x80 | cp >> 6 & 0x3F)
        out[2] = <uint8_t>(0x80 | cp & 0x3F)
        return 3
    if cp > 0x10FFFF:
        return 0
    out[0] = <uint8_t>(0xF0 | cp >> 18)
    out[1] = <uint8_t>(0x80 | cp >> 12 & 0x3F)
    out[2] = <uint8_t>(0x80 | cp >> 6 & 0x3F)
    out[3] = <uint8_t>(0x80 | cp & 0x3F)
    return 4


cdef inline uint32_t unicode_head(const uint8_t* p) noexcept nogil:
    """The first four characters of a record: the code point where it starts times 8, plus a value under 8."""
    return ((<uint32_t>p[0] - 48) << 18 | (<uint32_t>p[1] - 48) << 12 |
            (<uint32_t>p[2] - 48) << 6 | (<uint32_t>p[3] - 48))


cdef inline const uint8_t* unicode_find(const uint8_t* table, uint32_t count, uint32_t size,
                                        uint32_t cp) noexcept nogil:
    """The last of `count` records of `size` characters that starts at or before `cp`; the first when none does."""
    cdef uint32_t low = 0
    cdef uint32_t high = count
    cdef uint32_t middle
    while high - low > 1:
        middle = (low + high) >> 1
        if unicode_head(table + middle * size) >> 3 <= cp:
            low = middle
        else:
            high = middle
    return table + low * size


cdef inline uint32_t fold_case(uint32_t cp) noexcept nogil:
    """The small letter of `cp` where that is one code point, and sigma for final sigma; else `cp` itself."""
    cdef const uint8_t* p
    cdef uint32_t head, distance
    if cp < 0x80:
        return cp + 32 if cp - 65 < 26 else cp
    if cp >= 0x3000 and cp < 0xA640:
        return cp
    p = unicode_find(<const uint8_t*>(
@FOLD@
    ), @FOLD_COUNT@, 9, cp)
    head = unicode_head(p)
    distance = cp - (head >> 3)
    if distance > ((<uint32_t>p[4] - 48) << 6 | (<uint32_t>p[5] - 48)) or (head & 7 == 2 and distance & 1):
        return cp
    return cp + ((<uint32_t>p[6] - 48) << 12 | (<uint32_t>p[7] - 48) << 6 | (<uint32_t>p[8] - 48)) - 0x20000


cdef inline int cp_class(uint32_t cp) noexcept nogil:
    """CP_OTHER, CP_LETTER, CP_DIGIT or CP_CJK."""
    if cp < 0x80:
        if cp - 48 < 10:
            return CP_DIGIT
        return CP_LETTER if (cp | 32) - 97 < 26 or cp == 95 else CP_OTHER
    if (cp >= 0x4E00 and cp < 0xA000) or (cp >= 0xAC00 and cp < 0xD7A4):
        return CP_CJK
    return unicode_head(unicode_find(<const uint8_t*>(
@CLASS@
    ), @CLASS_COUNT@, 4, cp)) & 7


cdef inline bint cp_is_upper(uint32_t cp) noexcept nogil:
    """Whether `cp` is a capital or title-case letter (categories Lu, Lt)."""
    cdef uint32_t kind
    if cp < 0x80:
        return cp - 65 < 26
    if cp >= 0x3000 and cp < 0xA640:
        return False
    kind = unicode_head(unicode_find(<const uint8_t*>(
@UPPER@
    ), @UPPER_COUNT@, 4, cp)) & 7
    # 2: the even ones of the run are, 3: the odd ones.
    return kind == 1 or (kind >= 2 and cp & 1 == kind & 1)


cdef inline int cp_width(uint32_t cp) noexcept nogil:
    """Columns of `cp` on a terminal: 0 for controls, combining marks and the invisible; 2 for wide ones and emoji."""
    if cp < 0x7F:
        return 1 if cp >= 32 else 0
    if (cp >= 0x4E00 and cp < 0xA000) or (cp >= 0xAC00 and cp < 0xD7A4):
        return 2
    return unicode_head(unicode_find(<const uint8_t*>(
@WIDTH@
    ), @WIDTH_COUNT@, 4, cp)) & 7
'''


def main(arguments: list[str]) -> int:
    text = render()
    if arguments == ["--check"]:
        return 0 if TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
