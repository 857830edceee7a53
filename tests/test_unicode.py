"""UTF-8 and the character tables of the engine against Python's own."""

from __future__ import annotations

import importlib.util
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greppy._core import engine

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "_core" / "unicode.pxd"
OTHER, LETTER, DIGIT, CJK = range(4)
ALL = range(0x110000)

found = re.search(r"from Unicode ([\d.]+)", TABLES.read_text("utf-8"))
same_unicode = pytest.mark.skipif(
    found is None or found[1] != unicodedata.unidata_version, reason="the tables are of another Unicode version"
)


@pytest.fixture(scope="module")
def generator() -> object:
    spec = importlib.util.spec_from_file_location("unicode_tables", ROOT / "scripts" / "unicode_tables.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@same_unicode
def test_file_is_what_the_script_writes(generator: object) -> None:
    assert generator.render() == TABLES.read_text("utf-8")  # type: ignore[attr-defined]


@same_unicode
def test_fold_case_of_every_code_point() -> None:
    def oracle(cp: int) -> int:
        lower = chr(cp).lower()
        return 0x3C3 if cp == 0x3C2 else ord(lower) if len(lower) == 1 else cp

    assert [cp for cp in ALL if engine.fold_case(cp) != oracle(cp)] == []


@same_unicode
def test_class_of_every_code_point(generator: object) -> None:
    wrong = []
    for cp in ALL:
        category = unicodedata.category(chr(cp))
        got = engine.cp_class(cp)
        if got != generator.char_class(cp):  # type: ignore[attr-defined]
            wrong.append(cp)
        elif category == "Nd":
            assert got == DIGIT
        elif category[0] in "LM" or category in ("Nl", "Pc"):
            assert got in (LETTER, CJK)
        elif category != "Cn":
            assert got == OTHER or cp in (0x200C, 0x200D)
    assert wrong == []


@same_unicode
def test_upper_of_every_code_point() -> None:
    assert [cp for cp in ALL if engine.cp_is_upper(cp) != (unicodedata.category(chr(cp)) in ("Lu", "Lt"))] == []


@same_unicode
def test_width_of_every_code_point(generator: object) -> None:
    assert [cp for cp in ALL if engine.cp_width(cp) != generator.char_width(cp)] == []  # type: ignore[attr-defined]
    for cp in ALL:
        category = unicodedata.category(chr(cp))
        if category in ("Cc", "Mn", "Me"):
            assert engine.cp_width(cp) == 0
        elif category not in ("Cn", "Cf", "Zl", "Zp") and not (0x1160 <= cp <= 0x11FF or 0xD7B0 <= cp <= 0xD7FF):
            assert engine.cp_width(cp) == (2 if unicodedata.east_asian_width(chr(cp)) in "WF" else 1)


@pytest.mark.parametrize(
    ("char", "kind", "width"),
    [
        ("a", LETTER, 1),
        ("_", LETTER, 1),
        ("7", DIGIT, 1),
        ("$", OTHER, 1),
        ("\t", OTHER, 0),
        ("\x7f", OTHER, 0),
        ("\x85", OTHER, 0),
        ("é", LETTER, 1),
        ("ж", LETTER, 1),
        ("ไ", LETTER, 1),
        ("Ⅷ", LETTER, 1),
        ("٣", DIGIT, 1),
        ("\u0301", LETTER, 0),
        ("\u200b", OTHER, 0),
        ("\u200d", LETTER, 0),
        ("\u00ad", OTHER, 1),
        ("漢", CJK, 2),
        ("々", CJK, 2),
        ("ひ", CJK, 2),
        ("ー", CJK, 2),
        ("ｶ", CJK, 1),
        ("한", CJK, 2),
        ("\U00020000", CJK, 2),
        ("\U0003fffd", CJK, 2),
        ("。", OTHER, 2),
        ("Ａ", LETTER, 2),
        ("→", OTHER, 1),
        ("😀", OTHER, 2),
        ("\ufe0f", LETTER, 0),
    ],
)
def test_known_characters(char: str, kind: int, width: int) -> None:
    assert (engine.cp_class(ord(char)), engine.cp_width(ord(char))) == (kind, width)


def test_known_cases() -> None:
    pairs = {"A": "a", "z": "z", "Ä": "ä", "ß": "ß", "ẞ": "ß", "Σ": "σ", "ς": "σ", "İ": "İ", "Ǆ": "ǆ", "Ж": "ж"}
    assert {char: chr(engine.fold_case(ord(char))) for char in pairs} == pairs
    assert [char for char in "AzÄäßΣσǅǆЖжⅧ漢" if engine.cp_is_upper(ord(char))] == list("AÄΣǅЖ")


@given(st.integers(0x110000, 2**32 - 1))
def test_numbers_that_are_no_code_points(cp: int) -> None:
    assert engine.fold_case(cp) == cp
    assert engine.cp_class(cp) == OTHER
    assert not engine.cp_is_upper(cp)
    assert engine.utf8_encode(cp) == b""


def test_every_code_point_there_and_back() -> None:
    for cp in ALL:
        if 0xD800 <= cp < 0xE000:
            assert engine.utf8_encode(cp) == b""
            assert engine.utf8_decode(chr(cp).encode("utf-8", "surrogatepass"))[0] == 0
        else:
            data = chr(cp).encode()
            assert engine.utf8_encode(cp) == data
            assert engine.utf8_decode(data) == (len(data), cp)


def python_decode(data: bytes) -> int:
    """Length of the well-formed code point at the start of `data`, 0 when there is none."""
    for length in range(1, 5):
        try:
            if len(data[:length].decode("utf-8")) == 1:
                return length
        except UnicodeDecodeError:
            pass
    return 0


def test_every_start_of_two_bytes() -> None:
    for value in range(0x10000):
        data = value.to_bytes(2, "big")
        for tail in (b"", b"\x80", b"\x80\x80", b"\xbf\xbf", b"\x80\x7f", b"\xc0\x80"):
            assert engine.utf8_decode(data + tail)[0] == python_decode(data + tail), data + tail


lead = st.sampled_from([b"\xc2", b"\xdf", b"\xe0", b"\xed", b"\xef", b"\xf0", b"\xf4", b"\xf5", b""])


@given(st.one_of(st.binary(min_size=1, max_size=6), st.tuples(lead, st.binary(min_size=1, max_size=4)).map(b"".join)))
@example(b"\xc0\x80")
@example(b"\xe0\x80\x80")
@example(b"\xed\xa0\x80")
@example(b"\xf0\x80\x80\x80")
@example(b"\xf4\x90\x80\x80")
@example(b"\xe2\x82")
def test_any_bytes_decode_as_in_python(data: bytes) -> None:
    length, cp = engine.utf8_decode(data)
    assert length == python_decode(data)
    if length:
        assert chr(cp) == data[:length].decode()


@given(st.text())
def test_text_there_and_back(text: str) -> None:
    data = text.encode()
    out = []
    while data:
        length, cp = engine.utf8_decode(data)
        assert length
        out.append(chr(cp))
        data = data[length:]
    assert "".join(out) == text
