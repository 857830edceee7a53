"""The table of synonyms against the groups it is written from."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import rank, text

from greppy._core import engine

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parent.parent / "scripts" / "synonyms.py"))
WORDS = sorted(set(SCRIPT["GROUPS"].split()))


def test_the_file_is_what_the_script_writes() -> None:
    assert SCRIPT["TARGET"].read_text(encoding="utf-8") == SCRIPT["text"]()


def test_every_word_stands_for_the_others_of_its_groups() -> None:
    for word in WORDS:
        stem = text.stem(word.encode())
        assert set(engine.synonyms(stem)) == rank.synonyms(stem), word


@given(st.one_of(st.binary(max_size=12), st.sampled_from(WORDS).map(lambda word: word.encode()[:-1] + b"q")))
def test_other_words_have_none(word: bytes) -> None:
    assert set(engine.synonyms(word)) == rank.synonyms(word)


@pytest.mark.parametrize("word", [b"", b" ", b"\n", b"zzzz", b"\xff", b"a"])
def test_strange_words(word: bytes) -> None:
    assert engine.synonyms(word) == []
