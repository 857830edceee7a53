"""Globs against a backtracking matcher, and, where both have a meaning, against pathspec's gitignore rules."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import glob as oracle
from pathspec import GitIgnoreSpec

from greppy._core import engine

pieces = st.sampled_from(
    [
        "*",
        "**",
        "**/",
        "/**/",
        "/**",
        "/",
        "?",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[]a]",
        "[",
        "]",
        "\\*",
        "a",
        "b",
        "ab",
        "a/b",
        "c",
        ".",
        "-",
        "[a-",
        "[a-]",
        "\\",
        "\\[",
        "***",
        "[!]a]",
        "[b-a]",
    ]
)
patterns = st.lists(pieces, max_size=8).map("".join)
paths = st.lists(  # of files: no empty component
    st.one_of(st.text("ab", min_size=1, max_size=4), st.text("abc.*[]-\\", min_size=1, max_size=4)),
    min_size=1,
    max_size=5,
).map("/".join)


@given(patterns, paths)
@settings(max_examples=1500)
@example("**/b", "a/a/b")
@example("a/**/b", "a/b")
@example("a/**/b/**/c", "a/x/b/y/b/c")
@example("**/*a*b", "b/ab/aab")
@example("*/b", "a/a/b")
@example("a*/*b", "ab/b/b")
def test_glob_match(pattern: str, text: str) -> None:
    assert engine.glob_match(pattern.encode(), text.encode()) == oracle.match(pattern.encode(), text.encode())


@given(patterns, paths)
@settings(max_examples=600)
def test_path_glob(pattern: str, path: str) -> None:
    assert engine.path_glob(pattern.encode(), path.encode()) == oracle.path(pattern.encode(), path.encode())


@given(st.binary(max_size=12), st.binary(max_size=12).filter(lambda text: b"/" not in text))
@settings(max_examples=300)
def test_any_bytes(pattern: bytes, text: bytes) -> None:
    assert engine.glob_match(pattern, text) == oracle.match(pattern, text)


components = (
    st.lists(st.sampled_from(["*", "?", "a", "b", "c", "[ab]", "[a-c]", "\\*", "*.c", ".c"]), min_size=1, max_size=4)
    .map("".join)
    .filter(lambda part: "**" not in part)
)
ignore_patterns = st.tuples(
    st.sampled_from(["", "", "/", "**/", "a/**/"]),
    st.lists(components, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/**"]),
).map("".join)


@given(ignore_patterns, st.lists(st.text("abc.*", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join))
@settings(max_examples=300, deadline=None)
def test_as_gitignore(pattern: str, path: str) -> None:
    if any(part in (".", "..") for part in path.split("/")):
        return
    assert engine.path_glob(pattern.encode(), path.encode()) == GitIgnoreSpec.from_lines([pattern]).match_file(path)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.rs", "src/main.rs", True),
        ("*.rs", "src/main.rst", False),
        ("src", "src/a/b.py", True),
        ("src/", "src/a/b.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("src/**/*.py", "src/b.py", True),
        ("src/**", "src/a/b.py", True),
        ("/src", "lib/src/a.py", False),
        ("a/b", "x/a/b", False),
        ("**/a/b", "x/a/b/c", True),
        ("te?t", "test/x", True),
        ("[tT]est", "Test", True),
        ("", "a", False),
        ("/", "a", False),
        ("*", "a/b", True),
    ],
)
def test_known(pattern: str, path: str, matches: bool) -> None:
    assert engine.path_glob(pattern.encode(), path.encode()) is matches


BRACES = ["{a,b}", "{a,b/c}", "{,a}", "{*.b,?}", "{", "}", ",", "{a,{b,c}}", "a", "b", "/", "*", "**/"]


@given(st.lists(st.sampled_from(BRACES), max_size=6).map("".join), paths)
@settings(max_examples=500)
@example("*.{a,b}", "a/c.b")
@example("{a,b", "{a,b")
def test_braces(pattern: str, path: str) -> None:
    assert engine.path_glob(pattern.encode(), path.encode()) == oracle.path(pattern.encode(), path.encode())


def test_hostile_braces_end() -> None:
    """Eight pairs with sixteen choices each must not be tried one by one: there are 2^32."""
    pattern = "{" + ",".join("a" * 16) + "}"
    code = f"from greppy._core import engine; engine.path_glob(b'{pattern}' * 8 + b'z', b'a' * 9)"
    subprocess.run([sys.executable, "-c", code], timeout=10, check=True)


def test_a_folder_is_no_file() -> None:
    """`docs/` names a folder; a file of that name is something else."""
    assert engine.path_glob(b"docs/", b"docs/a.md")
    assert not engine.path_glob(b"docs/", b"docs")


@pytest.mark.parametrize(
    "pattern",
    [
        b"*a" * 20 + b"b",
        b"**a" * 20 + b"b",
        b"**/a" * 20 + b"/b",
        b"*" * 300 + b"b",
        b"**/" * 200 + b"b",
        b"[a-z]*" * 30 + b"!",
        b"a*/**/" * 30 + b"b",
        b"?*" * 100 + b"b",
    ],
)
def test_hostile_patterns_end(pattern: bytes) -> None:
    for text in (b"a" * 3000, b"a/" * 1500, b"a" * 1500 + b"/" + b"a" * 1500):
        assert not engine.glob_match(pattern, text)
        assert not engine.path_glob(pattern, text)
