"""What a segment should say about files, counted with dictionaries: chunks, definitions, weights, words of paths.

Definitions, line classes and chunk borders come from the engine: other tests answer for them. The signature of a
definition is taken to be the one line that holds its name, as it is in the trees that `trees.py` makes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

import xxhash

from greppy._core import engine
from oracle import postings, text

CODE, SIGNATURE, COMMENT, HEAD, NAME = 2, 3, 3, 3, 6  # weights of fields in halves
LINE_BYTES = 4096
HEAD_LINES = 60
GENERATED = 16  # a flag of files
NAME_MASK = 0xFFFFFF  # of a hash: what is kept of a name in `links`
USES_MAX = 255
BLANK, COMMENT_LINE, ATTRIBUTE = 1, 2, 3
CLASS_BITS, LINE_HEAD, LINE_CELL = 15, 32, 64
KINDS = engine.kind_names()
VALUES = {"constant", "variable", "impl", "section"}
FUNCTIONS = {"function", "method", "macro"}
LICENCE = re.compile(rb"[Cc]opyright|licen[cs]e|licence|warran|spdx|all rights", re.IGNORECASE)


@dataclass(frozen=True)
class Definition:
    line: int  # in the file, from 0
    columns: frozenset[int]  # where its name stands on the line; which of these is meant only the outline knows
    name: bytes
    kind: str
    exported: bool
    depth: int


@dataclass
class Chunk:
    start: int  # byte offset in the file
    line: int
    end_line: int
    length: int = 0  # terms, wholes not counted
    definitions: list[Definition] = field(default_factory=list)
    parent: tuple[bytes, str] | None = None
    weights: dict[bytes, int] = field(default_factory=dict)
    uses: list[int] = field(default_factory=list)  # names of other files, as in `links`

    @property
    def kinds(self) -> int:
        bits = 0
        for definition in self.definitions:
            bits |= 1 << KINDS.index(definition.kind)
        return bits


@dataclass
class File:
    path: bytes
    content: bytes
    language: str
    flags: int
    depth: int
    n_lines: int
    words: list[tuple[bytes, bytes]]  # of the path; the first `n_name` of them of the file's name
    n_name: int
    whole_name: int
    chunks: list[Chunk]
    names: list[int]  # types and functions of several parts that it defines, as in `links`

    @property
    def stem(self) -> int:
        """What a header and its source have in common."""
        folder, slash, base = self.path.rpartition(b"/")
        dot = base.rfind(b".")
        return low(folder + slash + (base[:dot] if dot > 0 else base))

    @property
    def version(self) -> tuple[int, int]:
        """(what stands before the first folder `v<number>`, that number); zeros."""
        found = re.search(rb"(?:^|(?<=/))[vV]([0-9]{1,3})(?=/)", self.path)
        number = int(found[1]) if found else 0
        return (low(self.path[: found.start()]), min(number, 255)) if number else (0, 0)


def low(text: bytes) -> int:
    return xxhash.xxh64_intdigest(text) & 0xFFFFFFFF


def name_number(token: text.Token) -> int:
    return xxhash.xxh64_intdigest(token.terms[-1]) & NAME_MASK


def looks_used(source: bytes, token: text.Token) -> bool:
    """A parenthesis follows, or it begins with a capital and is not all capitals."""
    behind = source[token.at + len(token.text) :]
    return re.match(rb" ?\(", behind) is not None or re.match(rb"[A-Z].*[a-z]", token.text, re.DOTALL) is not None


def initials_term(name: bytes) -> bytes | None:
    """`^` and the first letters of the parts of a name's last component, three to five of them."""
    found = text.tokens(last_component(name))
    if not found or not found[0].has_whole:
        return None
    letters = b"".join(part[:1] for part in found[0].parts)
    return b"^" + letters if re.fullmatch(rb"[a-z]{3,5}", letters) else None


def minified(lines: list[bytes]) -> bool:
    """Over half of the bytes, and 2,000 at least, stand in lines of over 1,000 bytes, their line ends included."""
    long = sum(len(line) for line in lines if len(line) > 1000)
    return long >= 2000 and long > sum(map(len, lines)) // 2


def name_class(kind: str) -> int:
    """What a definition is to a search for its name: 0 a value, 1 a function, 2 a type."""
    return 0 if kind in VALUES else 1 if kind in FUNCTIONS else 2


def last_component(name: bytes) -> bytes:
    """Behind the last `:`, `.`, `#` or backslash, unless nothing stands there."""
    return re.split(rb"[:.#\\]", name)[-1] or name


def one_part(name: bytes) -> bool:
    tokens = text.tokens(name)
    return not tokens or not tokens[0].has_whole


def joined_hash(parts: list[bytes]) -> int:
    """Of the words of a name written as one."""
    return xxhash.xxh64_intdigest(text.stem(b"".join(parts))) & 0xFFFFFFFF


def _count(chunk: Chunk, source: bytes, weight: int) -> None:
    for token in text.tokens(source):
        if token.has_whole and looks_used(source, token):
            chunk.uses.append(name_number(token))
        chunk.length += len(token.parts)
        for term in token.terms:
            chunk.weights[term] = min(65535, chunk.weights.get(term, 0) + weight)


def _line_weight(number: int, line: bytes, kind: int, first_definition: int, definition_lines: set[int]) -> int | None:
    """None: a licence, which says nothing about this file."""
    if kind & CLASS_BITS == COMMENT_LINE:
        if number < first_definition and number < HEAD_LINES:
            return None if LICENCE.search(line) else HEAD
        return HEAD if kind & LINE_HEAD else COMMENT
    return SIGNATURE if number in definition_lines else CODE


def _parent(chunk: Chunk, outline: list[tuple], upcoming: int, classes: bytes) -> int:
    """The definition that encloses the beginning of a chunk; `upcoming` is the first one that begins in it or later."""
    if classes[chunk.line] & LINE_CELL:
        return -1
    following = outline[upcoming] if upcoming < len(outline) else None
    if following and following[0] == chunk.line:
        return following[5]
    if not upcoming:
        return -1
    before = outline[upcoming - 1]
    if following and following[4] <= before[4] and classes[chunk.line] & CLASS_BITS:
        return following[5]
    return upcoming - 1


def invert(path: bytes, content: bytes) -> File:
    language = engine.language_of(path, content[:8192])
    source = engine.notebook_text(content)[0] if language == "notebook" else content
    outline = engine.outline(source, language)
    classes = engine.line_classes(source, language)
    starts = engine.line_starts(source, language)
    cuts = engine.chunks(source, language)
    lines = [source[a:b] for a, b in pairwise(starts)]
    definition_lines = {definition[0] for definition in outline}
    first_definition = min(definition_lines, default=len(lines))
    words, n_name = engine.path_words(path)
    own: dict[int, bool] = {}
    for definition in outline:
        component = text.tokens(last_component(definition[1]))
        if len(component) == 1 and component[0].has_whole:
            number = name_number(component[0])
            own[number] = own.get(number, False) or name_class(definition[2]) > 0
    chunks = []
    upcoming = 0
    for first, end in pairwise(cuts):
        chunk = Chunk(starts[first], first, end)
        parent = _parent(chunk, outline, upcoming, classes)
        if parent >= 0:
            chunk.parent = (outline[parent][1][:255], outline[parent][2])
        names: dict[bytes, int] = {}
        while upcoming < len(outline) and outline[upcoming][0] < end:
            line, name, kind, flags, depth, _ = outline[upcoming]
            upcoming += 1
            columns = frozenset(at for at in range(len(lines[line])) if lines[line].startswith(name, at))
            chunk.definitions.append(Definition(line, columns, name, kind, bool(flags & 1), depth))
            _count(chunk, name, NAME)
            last = last_component(name)
            quiet = re.search(rb"[a-z]", last_component(name))
            initials = initials_term(name) if name_class(kind) and quiet else None
            if initials:
                weight = postings.WEIGHTS[name_class(kind)]
                chunk.weights[initials] = max(chunk.weights.get(initials, 0), weight)
            if one_part(last):
                names[last] = max(names.get(last, 0), postings.WEIGHTS[name_class(kind)])
        for number in range(first, end):
            line = lines[number][:LINE_BYTES]
            weight = _line_weight(number, line, classes[number], first_definition, definition_lines)
            if weight is not None:
                _count(chunk, line, weight)
        for name, weight in names.items():
            chunk.weights[text.name_term(name)] = weight
        chunk.uses = sorted(set(chunk.uses) - own.keys())[:USES_MAX]
        chunks.append(chunk)
    return File(
        path,
        content,
        language,
        engine.path_flags(path) | (GENERATED if minified(lines) else 0),
        path.count(b"/"),
        len(lines),
        words,
        n_name,
        joined_hash([word for word, _ in words[:n_name]]),
        chunks,
        sorted(number for number, shown in own.items() if shown),
    )
