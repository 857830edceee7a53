"""The engine's parts one by one, through the door for Python: `make bench-parts`.

Each first proves that its answer is right, then is timed by pytest-benchmark. What Python adds (lists of results, a
microsecond a call) is in the figures; it is the same before and after a change of the engine. The corpus is that of
`made.py`; a list whose decoding is timed comes from text of which it is known what it holds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import made
import pytest

import greppy
from greppy._core import engine

PLAIN = {"plain": 1.0}
EVERYTHING = {"plain": 1.0, "exhaustive": 1.0}  # no posting is skipped: what all pruning is held against
QUESTIONS = {
    "rare name": made.RARE.encode(),
    "two common words": b"value name",
    "sentence": b"where does the server retry a failed connection",
}
LISTED_FILES, LISTED_CHUNKS, CHUNK_LINES = 50, 400, 40
LISTED = {b"zap": 0.5, b"mud": 0.01}  # a common and a rare word: the share of chunks that have it

Texts = list[tuple[bytes, str]]  # (text, language)
Places = list[tuple[bytes, bytes, int, int, int, int, int]]  # what `engine.render` takes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    made.write(folder)
    return folder


@pytest.fixture(scope="module")
def texts() -> Texts:
    return [(text, engine.language_of(path.encode())) for path, text in made.files()]


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREPPY_INDEX_DIR", str(tmp_path_factory.mktemp("indexes")))
        yield


def opened(root: Path) -> engine.Reader:
    greppy.build_index(root)
    return engine.Reader(engine.index_folder(os.path.realpath(os.fsencode(root))))


@pytest.fixture(scope="module")
def reader(root: Path, indexes: None) -> engine.Reader:
    return opened(root)


def has_words() -> dict[bytes, list[int]]:
    """Which chunks have each word of LISTED; for both `Random.random`, which never changes."""
    number = Random(1).random
    every = range(LISTED_FILES * LISTED_CHUNKS)
    return {word: [chunk for chunk in every if number() < share] for word, share in LISTED.items()}


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, indexes: None) -> engine.Reader:
    """An index of plain text, which is cut every 40 lines."""
    folder = tmp_path_factory.mktemp("listed")
    lines = ["fill\n"] * (LISTED_FILES * LISTED_CHUNKS * CHUNK_LINES)
    for number, (word, chunks) in enumerate(has_words().items()):
        for chunk in chunks:
            lines[chunk * CHUNK_LINES + number] = f"{word.decode()}\n"
    for number in range(LISTED_FILES):
        size = LISTED_CHUNKS * CHUNK_LINES
        (folder / f"{number:03}.txt").write_text("".join(lines[number * size : (number + 1) * size]))
    return opened(folder)


# --------------------------------------------------------------------------------------------------------- postings


@pytest.mark.parametrize("word", LISTED, ids=bytes.decode)
def test_decode(benchmark: Any, listed: engine.Reader, word: bytes) -> None:
    """A whole posting list: the dictionary entry, the documents, the weights."""
    [(_, docs, codes)] = benchmark(listed.postings, word)
    assert memoryview(docs).cast("I").tolist() == has_words()[word]
    assert len(codes) == len(docs) // 4


def test_encode(benchmark: Any) -> None:
    docs = has_words()[b"zap"]
    lengths = bytes([40]) * (LISTED_FILES * LISTED_CHUNKS)
    data = benchmark(engine.encode_postings, docs, [docs[0] % 7] * len(docs), lengths)
    assert len(docs) / 8 < len(data) < len(docs) * 2


# ------------------------------------------------------------------------------------------------------------- text


def test_tokenise(benchmark: Any, texts: Texts) -> None:
    """Tokens and their terms, stemmed."""
    text = b"".join(text for text, language in texts if language == "python")
    found = benchmark(engine.tokens, text)
    spans = [match.span() for match in re.finditer(rb"[A-Za-z0-9_]*[A-Za-z0-9][A-Za-z0-9_]*", text)]
    assert [(at, at + n) for at, n, _, _ in found] == spans
    rare = text.index(made.RARE.encode())
    [terms] = [terms for at, _, terms, _ in found if at == rare]
    assert {engine.stem(part.encode()) for part in made.RARE.split("_")} <= set(terms)


def test_outline(benchmark: Any, texts: Texts) -> None:
    """The definitions of all files, in nine languages."""
    found = benchmark(lambda: [engine.outline(text, language) for text, language in texts])
    for (text, language), definitions in zip(texts, found, strict=True):
        if language == "python":
            written = re.findall(rb"^ *(?:class|def) (\w+)", text, re.MULTILINE)
            assert [definition[1] for definition in definitions] == written
    assert all(found)


def test_outline_and_tokens(benchmark: Any, texts: Texts) -> None:
    """Both as the builder has them, line by line, without a Python object for each."""
    counts = benchmark(lambda: [engine.scan_counts(text, language) for text, language in texts])
    for (text, language), (lines, definitions, tokens) in zip(texts, counts, strict=True):
        assert lines == text.count(b"\n")
        assert definitions == len(engine.outline(text, language))
        assert tokens == len(engine.tokens(text))


def test_parse_question(benchmark: Any) -> None:
    parsed = benchmark(engine.query, QUESTIONS["sentence"])
    assert parsed["words"] == [engine.stem(word) for word in (b"server", b"retry", b"failed", b"connection")]


# -------------------------------------------------------------------------------------------------------- searching


def found(reader: engine.Reader, question: bytes, limit: int, weights: dict[str, float]) -> list[tuple[str, int]]:
    hits = [json.loads(hit) for hit in reader.search(question, limit, weights=weights)]
    return [(hit["path"], hit["start_line"]) for hit in hits]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_score_everything(benchmark: Any, reader: engine.Reader, question: bytes) -> None:
    """BM25 of every posting of every term."""
    work = reader.work(question, 20, EVERYTHING)
    assert (work["decoded"], work["visited"]) == (work["blocks"], work["ranges"])
    benchmark(reader.rank_ns, question, 20, EVERYTHING)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_retrieve(benchmark: Any, reader: engine.Reader, question: bytes) -> None:
    """The best twenty chunks by BM25, skipping what cannot be among them."""
    assert found(reader, question, 20, PLAIN) == found(reader, question, 20, EVERYTHING) != []
    benchmark(reader.rank_ns, question, 20, PLAIN)


@pytest.mark.parametrize("limit", [1, 20, 1000])
def test_top(benchmark: Any, listed: engine.Reader, limit: int) -> None:
    """The same question of ten thousand chunks, keeping ever more: what the list of the best costs, and what is let
    through because its last is no good."""
    question = b" ".join(LISTED)
    best = found(listed, question, limit, PLAIN)
    assert len(best) == limit
    assert best == found(listed, question, 1000, EVERYTHING)[:limit]
    benchmark(listed.rank_ns, question, limit, PLAIN)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_rank(benchmark: Any, reader: engine.Reader, question: bytes) -> None:
    """The order that a search shows; no file is read."""
    [first, *_] = reader.explain(question)
    assert first[2], "no signal says why this comes first"
    benchmark(reader.rank_ns, question, 20)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_search(benchmark: Any, reader: engine.Reader, root: Path, question: bytes) -> None:
    """Ranking, reading the places from their files, JSON."""
    hits = [json.loads(hit) for hit in benchmark(reader.search, question, 20)]
    assert hits
    for hit in hits:
        lines = (root / hit["path"]).read_text().splitlines(True)
        assert hit["content"] == "".join(lines[hit["start_line"] - 1 : hit["end_line"]])


def test_correct_a_name(benchmark: Any, reader: engine.Reader) -> None:
    """A question with a mistyped name; the dictionary is searched for what it may have meant."""
    wrong = made.RARE.replace("lease", "laese").encode()
    assert benchmark(reader.corrected, wrong) == made.RARE.encode()


def test_look_for_changes(benchmark: Any, reader: engine.Reader) -> None:
    """A `stat` of each file and folder."""
    assert benchmark(reader.fresh) is True


# ---------------------------------------------------------------------------------------------------------- showing


@pytest.fixture(scope="module")
def places(texts: Texts) -> Places:
    """The first forty lines of twenty files."""
    out = []
    for number, (text, _) in enumerate(texts[:20]):
        piece = b"".join(text.splitlines(True)[:CHUNK_LINES])
        out.append((b"src/%d.py" % number, piece, 0, 0, CHUNK_LINES, CHUNK_LINES // 2, -1))
    return out


@pytest.mark.parametrize("style", [{}, {"color": True, "heading": True}], ids=["pipe", "terminal"])
def test_render_text(benchmark: Any, places: Places, style: dict[str, bool]) -> None:
    """Whole chunks of twenty places; on a terminal the question's words are marked, and tabs are spaces."""
    shown = benchmark(engine.render, places, QUESTIONS["two common words"], chunk=True, **style)
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", shown)
    assert (plain != shown) == bool(style)
    shown_lines = [re.sub(rb"\s+", b"", line) for line in plain.splitlines()]
    for line in b"".join(text for _, text, *_ in places).splitlines():
        assert any(one.endswith(re.sub(rb"\s+", b"", line)) for one in shown_lines), line


def test_render_json(benchmark: Any, texts: Texts) -> None:
    """The text of all files as JSON strings."""
    written = benchmark(lambda: [engine.json_text(text) for text, _ in texts])
    assert [json.loads(text) for text in written] == [text.decode() for text, _ in texts]


# --------------------------------------------------------------------------------------------------------- indexing


def built(root: Path, paths: list[bytes], target: Path, serial: int) -> Path:
    builder = engine.Builder()
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        reports = builder.add(fd, paths, 1 << 30)
    finally:
        os.close(fd)
    assert {report[0] for report in reports} == {engine.FILE_INDEXED}
    target.unlink(missing_ok=True)
    builder.write(bytes(target), serial)
    return target


def test_build(benchmark: Any, root: Path, tmp_path: Path) -> None:
    """Reads all files and writes a segment."""
    paths = [path.encode() for path, _ in made.files()]
    segment = benchmark(built, root, paths, tmp_path / "segment", 1)
    assert engine.check_segment(bytes(segment)) == []
    assert engine.segment_paths(bytes(segment)) == paths


def test_merge(benchmark: Any, root: Path, tmp_path: Path) -> None:
    """Four segments, a quarter of the files each."""
    paths = [path.encode() for path, _ in made.files()]
    inputs = [(bytes(built(root, paths[i::4], tmp_path / f"part{i}", i + 1)), None) for i in range(4)]
    merged = tmp_path / "merged"

    def merge() -> None:
        merged.unlink(missing_ok=True)
        engine.merge(inputs, bytes(merged), 9)

    benchmark(merge)
    assert merged.read_bytes() == built(root, paths, tmp_path / "whole", 9).read_bytes()
