"""The native stemmer against snowballstemmer's English stemmer, which it must equal for every lower-case ASCII word."""

from __future__ import annotations

import itertools
import re
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import snowballstemmer
from hypothesis import example, given
from hypothesis import strategies as st

from greppy._core import engine

# Rules differ between Snowball releases: the engine follows 3.1, so the test requirements must pin that.
oracle = snowballstemmer.stemmer("english").stemWord

SUFFIX_LIST = (
    "' 's 's' s ed eed ing edly eedly ingly ied ies sses ss us anci enci ogi logi li bli abli alli fulli lessli ousli "
    "entli aliti biliti iviti tional ational alism ation ization izer ator iveness fulness ousness ogist icate ative "
    "alize iciti ical ful ness ic ance ence able ible ate ive ize iti al ism ion sion tion er ous ant ent ment ement "
    "e l ll y ly ally ency ancy ability ivity ality ology bb dd ff gg mm nn pp rr tt at bl iz past"
)
STEM_LIST = (
    "arsen commun emerg gener inter later organ past univers andes atlas bias cosmos early gently howe idly news only "
    "singly skies skis sky ugly succ proc exc even cann inn earr herr out dy ty y yy ay sayin b a aa add e egg o off u "
    "hop hopp fall fly box saw relat condit"
)
SUFFIXES = SUFFIX_LIST.split()
STEMS = STEM_LIST.split()


def stemmed(word: str) -> str:
    return engine.stem(word.encode("ascii")).decode("ascii")


def check(words: Iterable[str]) -> None:
    wrong = [(word, oracle(word), stemmed(word)) for word in words if oracle(word) != stemmed(word)]
    assert not wrong, wrong[:20]


def test_known_words() -> None:
    known = {
        "happiness": "happi",
        "connections": "connect",
        "indexes": "index",
        "indices": "indic",
        "queries": "queri",
        "query": "queri",
        "dying": "die",
        "generously": "generous",
        "general": "general",
        "organization": "organiz",
        "hoping": "hope",
        "hopping": "hop",
        "adding": "add",
        "sky": "sky",
        "skies": "sky",
        "say": "say",
        "is": "is",
        "": "",
    }
    assert {word: stemmed(word) for word in known} == {word: oracle(word) for word in known}
    assert {word: stemmed(word) for word in ("hoping", "hopping", "dying", "queries")} == {
        "hoping": "hope",
        "hopping": "hop",
        "dying": "die",
        "queries": "queri",
    }


def test_stems_with_suffixes() -> None:
    """Each special stem under each suffix and pair of suffixes, with and without an apostrophe in front."""
    ends = ["", *SUFFIXES]
    check(stem + end for stem in STEMS for end in ends)
    check("'" + stem + end for stem in STEMS for end in ends)
    check(first + second for first, second in itertools.product(SUFFIXES, repeat=2))


def test_all_short_words() -> None:
    """Every word of up to six letters over an alphabet that has one letter of each kind the rules speak of."""
    for length in range(1, 7):
        check(map("".join, itertools.product("aeysd'" if length < 6 else "ayse", repeat=length)))


def test_words_of_the_standard_library() -> None:
    words: set[str] = set()
    for path in Path(sysconfig.get_paths()["stdlib"]).glob("*.py"):
        for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9']+|\w+", path.read_text("utf-8", errors="replace")):
            if part.isascii():
                words.add(part.lower())
    assert len(words) > 5000
    check(sorted(words))


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_'", max_size=40))
@example("'''")
@example("''s")
@example("ayyyying")
def test_any_word(word: str) -> None:
    check([word])


@given(st.lists(st.sampled_from([*STEMS, *SUFFIXES, *"abcdefghijklmnopqrstuvwxyz"]), max_size=6).map("".join))
def test_words_built_of_suffixes(word: str) -> None:
    check([word])


@given(st.integers(0, 3000), st.sampled_from(SUFFIXES))
def test_long_words(length: int, suffix: str) -> None:
    check([("xyaeb" * length)[:length] + suffix])


@given(st.text(alphabet="abingedsyéß漢", max_size=12))
def test_other_letters_stay(word: str) -> None:
    data = word.encode()
    if not data.isascii():
        assert engine.stem(data) == data


@given(st.binary(max_size=30))
def test_any_bytes_never_grow(data: bytes) -> None:
    assert len(engine.stem(data)) <= len(data)
