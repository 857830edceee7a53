"""What the fuzzers (tests/fuzz) have found is given to the same functions again, through the door for Python."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from greppy._core import engine

FOUND = Path(__file__).parent / "fuzz" / "found"


def text(data: bytes) -> None:
    engine.tokens(data)
    engine.utf16_to_utf8(data, bool(len(data) & 1 == 0))


def query(data: bytes) -> None:
    question, _, line = data.partition(b"\0")
    engine.query(question)
    engine.matches(question, b"\0" + line)


def outline(data: bytes) -> None:
    languages = engine.languages()
    engine.outline(data[1:], languages[data[0] % len(languages)])


def args(data: bytes) -> None:
    engine.parse_args([word.decode("latin-1") for word in data.split(b"\0")])
    with contextlib.suppress(ValueError):  # a sentence
        engine.config_parse(data)


TARGETS: dict[str, Callable[[bytes], None]] = {"text": text, "query": query, "outline": outline, "args": args}


FINDINGS = [
    pytest.param(target, path, id=f"{name}-{path.name}")
    for name, target in TARGETS.items()
    for path in sorted((FOUND / name).glob("*"))
]


@pytest.mark.parametrize(("target", "path"), FINDINGS)
def test_a_finding_is_none_any_more(target: Callable[[bytes], None], path: Path) -> None:
    target(path.read_bytes())


def test_every_target_has_a_harness() -> None:
    harnesses = {path.stem for path in (FOUND.parent).glob("*.pyx")}
    assert harnesses == {*TARGETS, "segment"}  # a mutated segment is a file: see test_mutations.py
