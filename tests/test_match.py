"""Which terms of a question a line has, against taking every token of the line apart."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import trees

from greppy._core import engine

WORDS = (
    "hash map hashmap HashMap hash_map HTTPServer http server 2 4 utf8 UTF8 die dying lie lying tie ties try tries "
    "date dates dating data to a c b ABC_method C_new(A_new) x X1 größe Größe gr\xf6\xdfe caf\xe9 日本語 漢 0xdate "
    "2to3 _private __init__ getX fooBAR FOObar run running runs retry_with_backoff the of parse Parser parsedDate"
)
PIECES = [piece.encode("utf-8") for piece in WORDS.split()]
PIECES += ["größe".encode("latin-1"), b"\xff", b"a" * 97, b"hash" * 30]
texts = st.one_of(
    st.lists(st.sampled_from([*PIECES, b" ", b"_", b".", b"("]), max_size=12).map(b"".join),
    st.lists(st.sampled_from(PIECES), max_size=8).map(b" ".join),
    st.integers(0, 2**32).map(lambda seed: trees.question(random.Random(seed))),
    st.text("aAbBcC_ 1é", max_size=80).map(str.encode),
    st.text("aAbB ", max_size=6).map(str.encode),
    st.binary(max_size=150),
)


def check(question: bytes, line: bytes) -> None:
    line = line.replace(b"\n", b" ")
    parsed = engine.query(question)
    asked = [*parsed["words"], *(term for term, _ in parsed["extra"])]
    terms, places = engine.matches(question, line)
    expected: set[bytes] = set()
    optional: set[bytes] = set()
    spans = []
    for at, n, own, _ in engine.tokens(line):
        met = [term for term in own if term in asked]
        # A compound none of whose parts is asked for (fo_obar, asked for as foobar) may be overlooked.
        if met and all(term.startswith(b"=") for term in met):
            optional.update(met)
            met = []
        expected.update(met)
        if met:
            spans.append((at, n))
    assert expected <= set(terms) <= expected | optional
    assert set(spans) <= set(places)
    if not optional:
        assert places == spans


@given(texts, texts)
@settings(max_examples=2500)
@example(b"a c b", b"    def ABC_method(self): class C_new(A_new):")
@example(b"hash map", b"HashMap hash_map HASHMAP hashmaps fooHashMap")
@example(b"a c b", b"    def ABC_method(self):")
@example(b"a +r-aW", b"-aW")
@example(b"h\xff", b"GH\xff")
@example(b"a_west", b"aWeSt AWEST a_west")
@example(b"2to3", b"\x12 \x122")
@example(b"2 4", b"x4 4x 24 4 2 0x4")
@example(b"die", b"died dying dies DYING Dying")
@example(b"http", b"HTTPServer HTTPserver http2 xhttp aHTTP a_http")
def test_any_question_and_line(question: bytes, line: bytes) -> None:
    check(question, line)


@given(texts)
@settings(max_examples=500)
def test_a_line_is_asked_for_as_it_stands(line: bytes) -> None:
    check(line, line)


def test_what_a_stem_begins_with_is_what_its_words_begin_with() -> None:
    """Every word of the tests and of Python's keywords as question, against every one as text."""
    words = sorted({word for piece in PIECES for word in piece.replace(b"_", b" ").split()})
    for word in words:
        check(word, b" ".join(words))
