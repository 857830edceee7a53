"""Tokens and terms against regular expressions and the Snowball project's stemmer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import text as oracle

from greppy._core import engine

PIECES_TEXT = (
    "HTTPServer2 join_set JoinSet parseHTTPDate __init__ _x x_ A aB ABc ABCd a1b2 2abc 12 0x1F 0xFFul "
    "0xdeadbeefUL 0x 0xg 0XaB_1 x0x1 running organizations İstanbul straße ÉcoleNormale ΣΊΣΥΦΟΣ дом "
    "ДомОдин ǅungla Ⱥb 漢字 漢字かな交じり文 한국어 漢 abc漢字def 漢字abc ١٢٣ x١٢ "
    "a-b a.b::c->d $x \u200d e\u0301tude ＡＢＣ ｆｕｌｌ 🙂 µm "
    "ﬁnd ªº"
)
PIECES = PIECES_TEXT.split()
PIECE_BYTES = [piece.encode() for piece in PIECES]
BROKEN = [
    b"\xff",
    b"\xc3",
    b"\xe6\xbc",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf0\x9f\x99",
    b"\0",
    b"\n",
    b" ",
    b"\t",
    b"_",
    b"-",
]

texts = st.one_of(
    st.text(max_size=60).map(str.encode),
    st.binary(max_size=60),
    st.lists(st.sampled_from(PIECE_BYTES + BROKEN), max_size=12).map(b"".join),
    st.lists(st.sampled_from(PIECE_BYTES + BROKEN), max_size=12).map(b" ".join),
    st.text("abAB_09xX.", max_size=40).map(str.encode),
)


def expected(text: bytes) -> list[tuple[int, int, list[bytes], bool]]:
    return [(token.at, len(token.text), list(token.terms), token.has_whole) for token in oracle.tokens(text)]


@given(texts)
@settings(max_examples=1500)
@example(b"")
@example(b"0x")
@example(b"_0xe0fUL")
@example(b"0x1" + b"F" * 200 + b"UL rest")
@example("漢".encode() * 33)
@example(("a" * 95 + "é").encode())
@example(b"a" * 95 + b"\xe9\xe9")
@example(b"\xaa" * 200)
@example(("a" * 93 + "漢").encode())
@example(("ab" * 46 + "€é🙂é").encode())
@example(b"a" * 400 + b" b")
@example(b"aB" * 60)
@example(b"_" * 120 + b"x")
@example("Ⱥ".encode() * 60)
def test_tokens(text: bytes) -> None:
    assert engine.tokens(text) == expected(text)


@pytest.mark.parametrize("piece", PIECE_BYTES)
def test_each_piece(piece: bytes) -> None:
    assert engine.tokens(piece) == expected(piece)
    assert engine.tokens(b"\xff" + piece + b"\xff") == expected(b"\xff" + piece + b"\xff")


@given(st.integers(0, 130), texts, texts, texts)
@settings(max_examples=600)
@example(0, b"", b"a" * 64, b"")
@example(0, b" " * 64, b"a" * 64, b" " * 64)
@example(63, b"", b"ab", b"c")
@example(1, b"a" * 300, b"1" * 300, b"b")
def test_marked_words_are_the_tokens(margin: int, before: bytes, text: bytes, behind: bytes) -> None:
    """In every place of the pieces that are marked at a time, and when what is asked for begins and ends in a word."""
    before = b"." * margin + before
    found = engine.words(before + text + behind, len(before), len(before + text))
    assert [(at - len(before), n) for at, n in found] == [(token[0], token[1]) for token in expected(text)]


@given(st.lists(st.sampled_from([b"", b"a", b"\r", b"x" * 63, b"y" * 64, b"z" * 200]), max_size=150))
@example([b""] * 2000)
@example([b""] * 1000 + [b"x"])
def test_lines(lines: list[bytes]) -> None:
    text = b"\n".join(lines)
    starts = [0, *(at + 1 for at, byte in enumerate(text) if byte == 10)]
    assert engine.line_starts(text, "text") == sorted({*starts, len(text)})


def terms(text: str) -> list[str]:
    return [term.decode() for _, _, found, _ in engine.tokens(text.encode()) for term in found]


def parts(text: str) -> list[bytes]:
    [(_, _, found, has_whole)] = engine.tokens(text.encode())
    return found[: len(found) - has_whole]


def whole(text: str) -> bytes | None:
    [(_, _, found, has_whole)] = engine.tokens(text.encode())
    return found[-1] if has_whole else None


def test_worked_examples() -> None:
    assert parts("HTTPServer2") == [b"http", b"server", b"2"]
    assert parts("parseHTTPDate") == [b"pars", b"http", b"date"]
    assert parts("JoinSet") == parts("join_set") == [b"join", b"set"]
    assert whole("JoinSet") == whole("join_set") == whole("joinSet") == whole("JOIN_SET") == oracle.whole(b"joinset")
    assert whole("aB") == b"=ab"
    assert whole("join") is None
    assert terms("漢字かな") == ["漢字", "字か", "かな"]
    assert terms("漢") == ["漢"]
    assert terms("x = 0x1Ful") == ["x", "0x1f"]
    assert terms("ÉCOLE") == ["école"]


def test_a_hexadecimal_number_is_one_term() -> None:
    """As it is: stemming would make 0xabed and 0xabe meet."""
    assert terms("0xabed 0xDEADE") == ["0xabed", "0xdeade"]


def test_a_byte_that_is_no_utf8_is_latin1() -> None:
    found = [found[2] for found in engine.tokens(b"caf\xe9 caf\xc3\xa9 gr\xf6\xdfe GR\xd6SSE ab\xa0cd ab\x80cd")]
    assert found[:2] == [["café".encode()]] * 2
    assert found[2:] == [["größe".encode()], ["grösse".encode()], [b"ab"], [b"cd"], [b"ab"], [b"cd"]]


@given(st.binary(max_size=80), st.sampled_from([b"", b"="]))
def test_stored_term(term: bytes, mark: bytes) -> None:
    assert engine.stored_term(mark + term) == oracle.stored(mark + term)


@given(st.binary(min_size=1, max_size=80))
def test_name_term(name: bytes) -> None:
    assert engine.name_term(name) == oracle.name_term(name)


def test_long_names_with_one_beginning_stay_apart() -> None:
    names = ["accumulated" * 4 + end for end in ("one", "two")]
    assert engine.tokens(names[0].encode()) != engine.tokens(names[1].encode())
    names = ["".join(f"part{i}_" for i in range(8)) + end for end in ("one", "two")]
    assert whole(names[0]) != whole(names[1])


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_separator_makes_halves_independent(first: bytes, second: bytes) -> None:
    """What stands behind a newline does not depend on what stands before it."""
    both = engine.tokens(first + b"\n" + second)
    shifted = [(at + len(first) + 1, *rest) for at, *rest in engine.tokens(second)]
    assert both == engine.tokens(first) + shifted


def path_words(path: bytes) -> tuple[list[tuple[bytes, bytes]], int]:
    folder, _, name = path.rpartition(b"/")
    stem, _, _ = name.rpartition(b".")
    if len(stem) > 0:
        name = stem
        if len(name) > 2 and name.endswith(b".d"):
            name = name[:-2]
    seen: dict[bytes, bytes] = {}
    for piece in (name, folder):
        for token in oracle.tokens(piece):
            for part in token.parts:
                seen.setdefault(part, oracle.stored(oracle.stem(part)))
        if piece is name:
            of_name = len(seen)
    return list(seen.items()), of_name


@given(
    st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1, max_size=40),
    st.text(max_size=20),
)
def test_path_words(name: str, folder: str) -> None:
    path = f"{folder}/{name}".encode("utf-8", "replace").lstrip(b"/")
    assert engine.path_words(path) == path_words(path)


@pytest.mark.parametrize(
    ("path", "words", "in_name"),
    [
        (b"src/http_server/mod.rs", [b"http", b"server", b"src"], 2),
        (b"pkg/retry/__init__.py", [b"retry", b"pkg"], 1),
        (b"types.d.ts", [b"types"], 1),
        (b"a/b/JSONParser.test.ts", [b"json", b"parser", b"test", b"a", b"b"], 3),
        (b".gitignore", [b"gitignore"], 1),
        (b"mod.rs", [b"mod"], 1),
    ],
)
def test_words_of_known_paths(path: bytes, words: list[bytes], in_name: int) -> None:
    found, count = engine.path_words(path)
    assert ([word for word, _ in found], count) == (words, in_name)
