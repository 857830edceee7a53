"""Results as bytes against `oracle/render.py`; JSON and URLs against the standard library."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import render as oracle
from oracle.render import Place, Style

from greppy._core import engine

PIECES = [
    b"retry", b"with_backoff", b"RetryPolicy", b" ", b"    ", b"\t", b"=", b"\x1b[31m", b"\0", b"\x7f", b"\r", b"\xff",
    b"\xe6\xbc", b"\xed\xa0\x80", "漢字".encode(), "é".encode(), "e\u0301".encode(), "☃\ufe0f".encode(),
    "🙂\ufe0f".encode(), "\x9b2J".encode(), "\u202eabc\u202c".encode(), "\u200d".encode(), "\ufffd".encode(), b"x" * 70,
]  # fmt: skip
lines = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=9).map(b"".join),
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
    st.sampled_from([b"", b"retry " * 900, b"a" * 5000 + b" retry"]),
)
names = st.one_of(
    st.sampled_from([b"a.py", b"src/a.py", b"src/deep/b c.py", b"src/\xff\x1b.py", "größe/漢.py".encode(), b"src2/x"]),
    st.lists(st.binary(max_size=6).map(lambda raw: raw.translate(None, b"/\0") or b"x"), min_size=1, max_size=3)
    .map(b"/".join).filter(lambda path: not {b".", b".."} & set(path.split(b"/"))),
)  # fmt: skip
FOLDERS = [b"src/", b"src/deep/", b"else/where/"]
questions = st.sampled_from([b"retry", b"retry backoff", b"policy", "größe 漢字".encode(), b"nothing here", b"x"])


@st.composite
def places(draw: st.DrawFn) -> Place:
    text = draw(st.lists(lines, min_size=1, max_size=12).filter(lambda found: found != [b""]))
    first = draw(st.sampled_from([0, 1, 8, 98, 4000]))
    start = draw(st.integers(first, first + len(text) - 1))
    end = draw(st.integers(start + 1, first + len(text)))
    best = draw(st.integers(start, end - 1))
    whole = b"\n".join(text) + draw(st.sampled_from([b"", b"\n"]))
    place = Place(draw(names), whole, first, start, end, best, draw(st.sampled_from([-1, start, best])))
    # The last line may have been an empty one without a newline, which is none.
    last = max(place.lines())
    place.end = min(place.end, last + 1)
    place.start, place.best, place.definition = (min(n, last) for n in (place.start, place.best, place.definition))
    return place


styles = st.builds(
    Style,
    color=st.booleans(), heading=st.booleans(), chunk=st.booleans(), nul=st.booleans(), harmless=st.booleans(),
    before=st.sampled_from([0, 0, 1, 3, 100]), after=st.sampled_from([0, 0, 1, 3, 2**31]),
    width=st.sampled_from([0, 1, 4, 5, 20, 80]), link=st.sampled_from([None, b"file://host/root/"]),
)  # fmt: skip


@given(styles, questions, st.lists(places(), max_size=3), st.sampled_from([b"", b"../", *FOLDERS]))
@settings(max_examples=500)
@example(Style(color=True, heading=True, width=5), b"retry", [Place(b"a", b"retry", 0, 0, 1, 0, -1)], b"")
@example(Style(color=True, width=7), b"retry", [Place(b"a", b"retry", 0, 0, 1, 0, -1)], b"")
@example(Style(heading=True, width=10), b"x", [Place(b"a", "漢字漢字漢字".encode(), 0, 0, 1, 0, -1)], b"")
def test_render(style: Style, question: bytes, found: list[Place], where: bytes) -> None:
    if where in FOLDERS:
        style.strip = where
    else:
        style.prefix = where
    assert engine.render([place.as_tuple() for place in found], question, **asdict(style)) == oracle.render(
        style, question, found
    )


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=9).map(b"".join), st.binary(), st.text().map(str.encode)))
@example('\u2028\u2029\x85\u202e"\\/\b\f'.encode())
def test_json_text(text: bytes) -> None:
    written = engine.json_text(text)
    assert json.loads(written) == text.decode("utf-8", "each byte")
    assert not [
        char for char in written.decode() if char < " " or oracle.commands_terminal(char) or char in "\x7f\u2028\u2029"
    ]


@given(st.one_of(names, st.binary(max_size=60)))
def test_url_path(path: bytes) -> None:
    assert engine.url_path(path) == oracle.url_path(path)


SIGNALS = len(engine.signals())
numbers = st.one_of(st.floats(-20, 20), st.sampled_from([0.0, -0.0, 0.5e-6, 1e-9, 0.1, 1 / 3, -2 / 3]))


@given(st.lists(numbers, min_size=SIGNALS, max_size=SIGNALS))
def test_printed_signals_add_up_to_the_printed_score(signals: list[float]) -> None:
    score = sum(signals)
    printed, line = engine.explained(score, signals)
    assert sum(Decimal(f"{value:.6f}") for value in printed) == Decimal(f"{score:.6f}")
    # One of them takes what rounding leaves over, the others are themselves.
    assert sum(abs(value - signal) > 0.51e-6 for value, signal in zip(printed, signals, strict=True)) <= 1
    total, _, addends = line.decode().strip().partition(" = ")
    assert total == f"score {score:.6f}"
    # `name 1.5 + other 0.25 - third 2`: without the names it is a sum.
    signed = re.findall(r"(?:([+-]) )?[a-z0-9_]+ ([0-9.]+)", addends)
    assert [Decimal(sign + value) for sign, value in signed] == [Decimal(f"{v:.6f}") for v in printed if v]
