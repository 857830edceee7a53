"""What questions become, against the description in query.pxd read literally."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import query as oracle
from oracle import trees

from greppy._core import engine

PIECES_TEXT = (
    "retry backoff the of how is HTTPServer2 join_set JoinSet foo.bar Foo::new a->b Outer#inner pkg/mod "
    "a\\b empty? save! $x 漢字かな café 12 0x1F x1 :: . -> _ __init__ end. ns::x ns::Y.z running runs . ? ! / "
    "(foo) a.b.c Foo:: ::Foo hash map hashmap HashMap the_of fix Adding TPE "
    'a/b.py:12 x.rs:7:3 File "a/b.py" line 12, in foo at a.b.Foo.bar(Foo.java:42) c.rb:3:in `foo\' \\w\\x.c:9: '
    "http://h:80 x.c:0 y.c:999999999 z.c:5a f (g.js:1:2)"
)
PIECES = PIECES_TEXT.encode().split()
questions = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=8).map(b" ".join),
    st.lists(st.sampled_from(PIECES), max_size=4).map(b"".join),
    st.integers(0, 2**32).map(lambda seed: trees.question(random.Random(seed))),
    st.text("aB_.:->#/\\?! $1", max_size=14).map(str.encode),
    st.binary(max_size=40),
)


def check(question: bytes) -> None:
    found = engine.query(question)
    expected = oracle.parse(question)
    assert found["words"] == expected.words
    assert dict(found["extra"]) == expected.extra
    assert [term for term, _ in found["extra"]] == list(expected.extra)
    assert found["symbol"] == expected.symbol
    assert found["names"] == expected.names
    assert found["task"] == expected.task
    assert found["initials"] == expected.initials
    assert found["place"] == expected.place


@given(questions)
@settings(max_examples=1500)
@example(b"")
@example(b"  \t\n")
@example(b"the of")
@example(b"the")
@example(b"hash hash map")
@example(b"Foo?")
@example(b"?")
@example(b"a.")
def test_any_question(question: bytes) -> None:
    check(question)


@pytest.mark.parametrize(
    "question",
    [
        b" ".join(b"word%d" % i for i in range(100)),
        b"_".join(b"w%c" % (97 + i % 26) for i in range(40)),
        b"a" * 300,
        b"a" * 254 + b".b",
        b"x" * 96 + b" " + b"y" * 96,
        b"a.b " * 40,
        b"fooBar " * 30,
        b"ab" * 3000,
        b" ".join(b"aB%dcD" % i for i in range(60)),
    ],
)
def test_long_questions(question: bytes) -> None:
    check(question)


@pytest.mark.parametrize(
    ("question", "words", "names", "symbol"),
    [
        (b"retry with backoff", [b"retri", b"backoff"], [], False),
        (b"HTTPServer", [b"http", b"server"], [b"HTTPServer"], True),
        (b"Foo::bar", [b"foo", b"bar"], [b"Foo::bar", b"bar"], True),
        (b"the", [b"the"], [b"the"], True),
        (b"to be or not to be", [b"to", b"be", b"or", b"not"], [], False),
        (b"where is parse_date used", [b"pars", b"date", b"use"], [b"parse_date"], False),
        (b"call os.path", [b"call", b"os", b"path"], [b"os", b"path"], False),
        (b"valid?", [b"valid"], [b"valid?"], True),
        (b"42", [b"42"], [], False),
    ],
)
def test_known(question: bytes, words: list[bytes], names: list[bytes], symbol: bool) -> None:
    found = engine.query(question)
    assert (found["words"], found["names"], found["symbol"]) == (words, names, symbol)


def test_neighbours_are_joined() -> None:
    extra = dict(engine.query(b"hash map")["extra"])
    assert extra == {engine.tokens(b"HashMap")[0][2][-1]: 0.5, b"hashmap": 0.5}
    assert dict(engine.query(b"HashMap")["extra"])[engine.tokens(b"HashMap")[0][2][-1]] == 1
    assert engine.query(b"hash the map")["extra"] == []
