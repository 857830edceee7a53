"""Tokens and terms, by regular expressions over one class letter a character; stems by Snowball's own stemmer."""

from __future__ import annotations

import re
from dataclasses import dataclass

import snowballstemmer
import xxhash

from greppy._core import engine

TOKEN_MAX = 96
TERM_MAX = 24
TERM_HEAD = 16
WHOLE_BYTES = 7

_stemmer = snowballstemmer.stemmer("english")
_LETTER, _DIGIT, _CJK = 1, 2, 3  # engine.cp_class: held against unicodedata by test_unicode
_TOKEN = re.compile("C+|[luS_][luS_dD]*|d+")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_PART = re.compile("u+(?=ul)|ul+|u+|l+|d+")


@dataclass(frozen=True)
class Token:
    at: int
    text: bytes  # at most TOKEN_MAX bytes
    kind: str  # word, hex, unicode, cjk
    parts: tuple[bytes, ...]  # lower-cased, before stemming
    terms: tuple[bytes, ...]  # as the dictionary holds them; the whole, if any, last
    has_whole: bool


def stem(word: bytes) -> bytes:
    """English words only: one letter outside ASCII, and the word stays as it is."""
    return _stemmer.stemWord(word.decode()).encode() if word.isascii() else word


def _digest(text: bytes, n: int) -> bytes:
    return xxhash.xxh64_intdigest(text).to_bytes(8, "little")[:n]


def stored(term: bytes) -> bytes:
    """A term as the dictionary has it: long parts and all but the shortest wholes are cut and hashed."""
    if term.startswith(b"="):
        return term if len(term) < WHOLE_BYTES else b"=" + _digest(term, WHOLE_BYTES - 1)
    return term if len(term) <= TERM_MAX else term[:TERM_HEAD] + _digest(term, 8)


def whole(joined: bytes) -> bytes:
    """The stored term of a compound whose parts, joined, are these."""
    return stored(b"=" + stem(joined))


def name_term(name: bytes) -> bytes:
    """The stored term that leads to the definitions of a name of one part."""
    return b"#" + _digest(name, 6)


def characters(text: bytes) -> list[tuple[int, str]]:
    """(offset, character); the character of Latin-1 where a byte is no UTF-8."""
    out = []
    at = 0
    for character in text.decode("utf-8", "surrogateescape"):
        if "\udc80" <= character <= "\udcff":
            out.append((at, chr(ord(character) - 0xDC00)))
            at += 1
        else:
            out.append((at, character))
            at += len(character.encode())
    return out


def _cut(text: bytes) -> bytes:
    """The bytes of a token that are looked at: no character is halved."""
    if len(text) > TOKEN_MAX:
        for back in range(4):
            if text[TOKEN_MAX - back] & 0xC0 != 0x80:
                return text[: TOKEN_MAX - back]
    return text[:TOKEN_MAX]


def _letter(character: str) -> str:
    """l lower, u upper, d digit, _ underscore; S letter, D digit, C ideogram outside ASCII; . anything else."""
    code = ord(character)
    if code < 128:
        if character.isalpha():
            return "l" if character.islower() else "u"
        return "d" if character.isdigit() else "_" if character == "_" else "."
    return ".SDC"[engine.cp_class(code)]


def _fold(character: str) -> str:
    return chr(engine.fold_case(ord(character)))


def _part_letter(character: str) -> str:
    letter = _letter(character)
    if letter in "SC":
        return "u" if engine.cp_is_upper(ord(character)) else "l"
    return "d" if letter == "D" else letter


def _parts(text: bytes, kind: str) -> list[bytes]:
    decoded = [c for _, c in characters(text)]
    low = [_fold(c) for c in decoded]
    if kind == "hex":
        return ["".join(low).encode()]
    if kind == "cjk":
        return ["".join(low[i : i + 2]).encode() for i in range(max(1, len(low) - 1))]
    letters = "".join(map(_part_letter, decoded))
    return ["".join(low[m.start() : m.end()]).encode() for m in _PART.finditer(letters)]


def tokens(text: bytes) -> list[Token]:
    found = characters(text)
    offsets = [at for at, _ in found] + [len(text)]
    plain = "".join(c for _, c in found)
    letters = "".join(map(_letter, plain))
    out = []
    at = 0
    while match := _TOKEN.search(letters, at):
        start, end = match.span()
        kind = {"C": "cjk", "d": "word"}.get(letters[start], "unicode" if re.search("[SD]", match[0]) else "word")
        hexadecimal = _HEX.match(plain, start)
        if hexadecimal and letters[start] == "d":
            kind, end = "hex", hexadecimal.end()
            at = re.compile("[lud_]*").match(letters, end).end()
        else:
            at = end
        content = _cut(text[offsets[start] : offsets[end]])
        parts = _parts(content, kind)
        terms = [stored(part if kind == "hex" else stem(part)) for part in parts]
        compound = len(parts) > 1 and kind != "cjk"
        if compound:
            terms.append(whole(b"".join(parts)))
        out.append(Token(offsets[start], content, kind, tuple(parts), tuple(terms), compound))
    return out
