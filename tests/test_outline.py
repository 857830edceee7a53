"""The outline scanner: fixtures with expected definitions for every language, and properties on arbitrary bytes."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greppy._core import engine

FIXTURES = Path(__file__).parent / "outline"
SOURCES = sorted(p for p in FIXTURES.iterdir() if p.suffix != ".expected")
LANGUAGES = sorted({p.stem for p in SOURCES} | {"text"})

EXPORTED, DECLARATION = 1, 2
CODE, BLANK, COMMENT, ATTRIBUTE, INSIDE, HEAD, CELL = 0, 1, 2, 3, 16, 32, 64

KINDS = {
    "function", "method", "class", "struct", "interface", "enum", "trait", "type", "module", "impl", "constant",
    "variable", "macro", "section",
}  # fmt: skip


def names(text: bytes, language: str) -> list[tuple[int, str, str]]:
    """(1-based line, kind, name) of each definition."""
    return [(d[0] + 1, d[2], d[1].decode()) for d in engine.outline(text, language)]


def scanned(raw: bytes, language: str) -> bytes:
    """What the scanner is given of a file."""
    return engine.notebook_text(raw)[0] if language == "notebook" else raw


def classes(text: str, language: str) -> list[int]:
    return list(engine.line_classes(text.encode(), language))


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_counts_are_those_of_outline_and_tokens(source: Path) -> None:
    text = scanned(source.read_bytes(), source.stem)
    lines = text.splitlines(keepends=True) if b"\r" not in text else None
    n_lines, n_definitions, n_tokens = engine.scan_counts(text, source.stem)
    assert n_lines == len(engine.line_starts(text, source.stem)) - 1
    assert n_definitions == len(engine.outline(text, source.stem))
    if lines is not None:
        assert n_tokens == sum(len(engine.tokens(line)) for line in lines)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_fixture(source: Path) -> None:
    rows = [row.split(" ", 2) for row in source.with_suffix(".expected").read_text().splitlines()]
    expected = [(int(line), kind, name) for line, kind, name in rows]
    assert names(scanned(source.read_bytes(), source.stem), source.stem) == expected


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_language_of_fixture(source: Path) -> None:
    assert engine.language_of(source.name.encode(), source.read_bytes()[:512]) == source.stem


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
@pytest.mark.parametrize("newline", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_newlines_do_not_matter(source: Path, newline: bytes) -> None:
    text = source.read_bytes()
    ended = scanned(text.replace(b"\n", newline), source.stem)
    assert names(ended, source.stem) == names(scanned(text, source.stem), source.stem)


def test_nesting_and_flags() -> None:
    text = b"class A:\n    def _b(self):\n        def c(): pass\n    def d(self): pass\ndef _e(): pass\n"
    assert engine.outline(text, "python") == [
        (0, b"A", "class", EXPORTED, 0, -1),
        (1, b"_b", "method", 0, 1, 0),
        (2, b"c", "function", EXPORTED, 2, 1),
        (3, b"d", "method", EXPORTED, 1, 0),
        (4, b"_e", "function", 0, 0, -1),
    ]
    text = b"int f(int a);\nstatic void g(void)\n{\n}\n"
    assert engine.outline(text, "c") == [
        (0, b"f", "function", EXPORTED | DECLARATION, 0, -1),
        (1, b"g", "function", 0, 0, -1),
    ]


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        (b"src/a.PY", b"", "python"),
        (b"a/Makefile", b"", "make"),
        (b"Dockerfile.dev", b"", "dockerfile"),
        (b"Rakefile", b"", "ruby"),
        (b"x.h", b"#pragma once\nint a;\n", "c"),
        (b"x.h", b"#pragma once\nnamespace a {\n", "cpp"),
        (b"tool", b"#!/usr/bin/env -S python3.11 -u\n", "python"),
        (b"tool", b"#!/bin/sh\n", "bash"),
        (b"tool", b"#!/usr/bin/env FOO=1 node\n", "javascript"),
        (b"tool", b"#!", "text"),
        (b"notes.unknown", b"", "text"),
        (b".py", b"", "text"),
        (b"dir.py/readme", b"", "text"),
        (b"a/Untitled.ipynb", b"", "notebook"),
        (b"", b"", "text"),
    ],
)
def test_language_of(path: bytes, head: bytes, language: str) -> None:
    assert engine.language_of(path, head) == language


def test_line_classes_python() -> None:
    text = '"""Head.\n\nMore.\n"""\nx = """\ny\n"""\n\n# c\n@a(\n  1)\ndef f():\n    """Doc."""\n    return 1  # c\n'
    assert classes(text, "python") == [
        COMMENT | HEAD, COMMENT | HEAD | INSIDE, COMMENT | HEAD | INSIDE, COMMENT | HEAD | INSIDE,
        CODE, CODE | INSIDE, CODE | INSIDE, BLANK, COMMENT, ATTRIBUTE, ATTRIBUTE, CODE, COMMENT, CODE,
    ]  # fmt: skip


def test_line_classes_notebook() -> None:
    """As `notebook_text` leaves it: a tab ends the line where prose begins, a space the one where code does."""
    text = "\t\n# A\ntext\n\n \nx = '''\n\t\nb\n \n# c\ny = 1\n%%bash \nx() { :; }\n"
    assert classes(text, "notebook") == [
        BLANK | CELL, CODE, COMMENT, BLANK, BLANK | CELL, CODE, BLANK | CELL, COMMENT, BLANK | CELL, COMMENT, CODE,
        CODE | CELL, CODE,
    ]  # fmt: skip
    assert names(text.encode(), "notebook") == [
        (2, "section", "A"), (6, "variable", "x"), (11, "variable", "y"), (13, "function", "x"),
    ]  # fmt: skip


def test_chunks_of_a_notebook() -> None:
    """One a cell with its outputs, which are blank; a cell without text is part of the one before it."""
    code = " \n" + "x = 1\n" * 3
    text = ("\n" * 50 + code + "\n" * 100 + "\t\n" + "\n" * 9 + "\t\nword\n" + code + " \n").encode()
    assert engine.chunks(text, "notebook") == [0, 154, 166, 170, 171]
    # a long one is cut at its definitions
    long = "def f():\n" + "    x()\n" * 30 + "def g():\n" + "    x()\n" * 30
    assert engine.chunks((code + " \n" + long + "\n" * 99 + code).encode(), "notebook") == [0, 4, 36, 166, 170]


def test_line_classes_rust() -> None:
    text = "//! Head.\n/// Doc\n#[derive(\n  A)]\n#[test] fn a() {}\n\n/* b\n\n*/ fn c() { /* d */ }\n"
    assert classes(text, "rust") == [
        COMMENT | HEAD, COMMENT, ATTRIBUTE, ATTRIBUTE, CODE, BLANK, COMMENT, COMMENT | INSIDE, CODE | INSIDE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("cpp", "template <typename T,\n  int N>\n[[nodiscard]]\nint f() {}", [ATTRIBUTE, ATTRIBUTE, ATTRIBUTE, CODE]),
        ("java", "@A(x = {1})\n@Override public void f() {}", [ATTRIBUTE, CODE]),
        ("csharp", "[A(1)]\nclass X {}", [ATTRIBUTE, CODE]),
        ("elixir", '@doc """\na\n"""\ndef f, do: 1', [COMMENT, COMMENT | INSIDE, COMMENT | INSIDE, CODE]),
        ("html", "<!-- a\nb -->\n<p>", [COMMENT, COMMENT | INSIDE, CODE]),
        ("bash", "cat <<E\n# a\nE\n# b", [CODE, CODE | INSIDE, CODE | INSIDE, COMMENT]),
        ("text", "a\n \n# b", [CODE, BLANK, CODE]),
    ],
)
def test_line_classes(language: str, text: str, expected: list[int]) -> None:
    assert classes(text, language) == expected


pieces = st.sampled_from(
    [
        b"\n", b" ", b"\t", b"(", b")", b"{", b"}", b"[", b"]", b"<", b">", b'"', b"'", b"`", b'"""', b"'''", b"/*",
        b"*/", b"//", b"#", b"--", b"=", b"=>", b":", b"::", b";", b",", b".", b"\\", b"$", b"${", b"#{", b"@", b"%",
        b"<<A\n", b"A\n", b"a", b"B1", b"def ", b"class ", b"function ", b"fn ", b"struct ", b"const ", b"impl ",
        b"for ", b"type ", b"#define ", b"#if\n", b"#else\n", b"template", b"operator", b"r#", b"R", b"<script>",
        b"=begin\n", b"end\n", b"\xff", b"\x00", b"\r", b"\xc3\xa9", b"|", b"~", b"?", b"!", b"*", b"&", b"^", b"0",
    ]
)  # fmt: skip
texts = st.one_of(st.binary(max_size=400), st.lists(pieces, max_size=120).map(b"".join))


def check(text: bytes, language: str) -> None:
    """What holds of every outline."""
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    kinds = engine.line_classes(text, language)
    assert len(kinds) == len(lines)
    starts = engine.line_starts(text, language)
    assert starts[-1] == len(text)
    assert [text[a:b].removesuffix(b"\n") for a, b in pairwise(starts)] == lines
    flags = INSIDE | HEAD | (CELL if language == "notebook" else 0)
    assert all(c & 15 <= ATTRIBUTE and not c & ~(15 | flags) for c in kinds)
    definitions = engine.outline(text, language)
    for i, (line, name, kind, flags, depth, parent) in enumerate(definitions):
        assert name
        assert name in lines[line]
        assert kind in KINDS
        assert flags & ~(EXPORTED | DECLARATION) == 0
        assert -1 <= parent < i
        assert depth == (definitions[parent][4] + 1 if parent >= 0 else 0)
        assert i == 0 or definitions[i - 1][0] <= line


@settings(max_examples=400, deadline=None)
@given(text=texts, language=st.sampled_from(LANGUAGES))
def test_any_bytes(text: bytes, language: str) -> None:
    check(text, language)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), source=st.sampled_from(SOURCES), language=st.none() | st.sampled_from(LANGUAGES))
def test_damaged_source(data: st.DataObject, source: Path, language: str | None) -> None:
    text = source.read_bytes()
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(texts) + text[at + data.draw(st.integers(0, 40)) :]
    check(scanned(text, source.stem), language or source.stem)


def test_time_is_linear() -> None:
    """Repeated openers, the worst there is for a scanner that looks ahead, take no longer than ordinary text does."""
    openers = [b"(", b"{", b"<", b"'", b'"', b"`", b"/", b"[/", b"#", b"<<A ", b"`${", b'"${', b'"#{', b"/*", b"f(a<"]
    openers += [b" \n", b"a\t\n"]  # cells
    size = 100_000
    for language in LANGUAGES:
        for opener in openers:
            begin = time.perf_counter()
            engine.line_classes(opener * (size // len(opener)), language)
            assert time.perf_counter() - begin < 1.0, (language, opener)


def test_cython() -> None:
    text = b"""cdef class Arena:
    cdef int n

    cpdef int take(self, int n):
        return n

cdef inline bint fits(Arena* a) noexcept nogil:
    return True

cdef struct Pair:
    int a

cdef int count = len(names)
"""
    assert names(text, "python") == [
        (1, "class", "Arena"), (4, "method", "take"), (7, "function", "fits"), (10, "struct", "Pair"),
    ]  # fmt: skip


def test_a_c_function_behind_a_lost_brace() -> None:
    text = b"int f(void)\n{\n  if (a) {\n\nint g(void)\n{\n  return 1;\n}\n\nint h(void)\n{\n}\n"
    assert names(text, "c") == [(1, "function", "f"), (5, "function", "g"), (10, "function", "h")]
    assert [d[4] for d in engine.outline(text, "c")] == [0, 0, 0]
