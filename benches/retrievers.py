"""Who is asked in this process for the best twenty chunks: greppy's engine and its peers, on greppy's own chunks.

What a peer makes of a question before it searches (its terms, its parsed query) is made beforehand and not timed;
greppy parses each time. All are timed from Python, their doors into it included. tantivy need not count its matches.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import builders
from builders import Chunk
from processes import BenchError

RESULTS = 20
PLAIN = {"plain": 1.0}
HEAP = 4_000_000_000  # for tantivy: a million chunks in one segment, which is answered fastest
# The most chunks for which a peer's index is built: above, it takes minutes and many gigabytes.
MOST = {"tantivy": 5_000_000, "FTS5": 5_000_000, "bm25s": 200_000, "semble's BM25": 200_000}


class Retriever(Protocol):
    name: str

    def prepare(self, question: str) -> Any:
        """What `ask` takes."""

    def ask(self, prepared: Any) -> Any:
        """Finds the best twenty."""


def chunks(index: Any, root: Path) -> Iterator[Chunk]:
    """greppy's chunks. Of a notebook and of UTF-16 they are cut elsewhere than greppy's; such files are few."""
    for segment in index.segments:
        arrays = segment.arrays
        names = arrays["paths"].tobytes()
        first = arrays["file_chunks"].tolist()
        starts = arrays["chunks"]["start"].tolist()
        lines = arrays["chunks"]["line"].tolist()
        for number, record in enumerate(arrays["files"]):
            path = os.fsdecode(names[record["path"] : record["path"] + record["path_len"]])
            data = (root / path).read_bytes()
            shown = path.encode("utf-8", "replace").decode("utf-8")
            mine = slice(first[number], first[number + 1])
            for line, (begin, end) in zip(lines[mine], pairwise([*starts[mine], len(data)]), strict=True):
                yield shown, line, data[begin:end].decode("utf-8", "replace")


def words(question: str) -> list[str]:
    """The question's words, each once, as tantivy and FTS5 cut text."""
    return list(dict.fromkeys(re.findall(r"[^\W_]+", question.lower())))


class Greppy:
    def __init__(self, reader: Any, name: str, weights: dict[str, float] | None = None) -> None:
        self.name, self._reader, self._weights = name, reader, weights

    def prepare(self, question: str) -> bytes:
        return question.encode("utf-8", "surrogateescape")

    def ask(self, prepared: bytes) -> Any:
        return self._reader.rank_ns(prepared, RESULTS, self._weights)


class Tantivy:
    name = "tantivy"

    def __init__(self, found: Iterable[Chunk], folder: Path) -> None:
        import tantivy

        builders.build_tantivy(found, str(folder), 1, HEAP)
        self._tantivy, self._index = tantivy, tantivy.Index.open(str(folder))
        self._searcher = self._index.searcher()
        self.chunks, self.segments = self._searcher.num_docs, self._searcher.num_segments

    def prepare(self, question: str) -> Any:
        query, should = self._tantivy.Query, self._tantivy.Occur.Should
        terms = [(should, query.term_query(self._index.schema, "body", word)) for word in words(question)]
        return query.boolean_query(terms)

    def ask(self, prepared: Any) -> Any:
        return self._searcher.search(prepared, RESULTS, count=False)


class Fts5:
    name = "FTS5"

    def __init__(self, found: Iterable[Chunk], folder: Path) -> None:
        self.chunks = builders.build_fts5(found, str(folder))
        self._base = sqlite3.connect(f"file:{folder / 'index.db'}?mode=ro", uri=True)
        self._base.execute("pragma mmap_size = 8000000000")
        self._base.execute("pragma cache_size = -500000")  # KiB

    def prepare(self, question: str) -> str:
        return " OR ".join(f'"{word}"' for word in words(question))

    def ask(self, prepared: str) -> Any:
        statement = f"select rowid from chunk where chunk match ? order by rank limit {RESULTS}"
        return self._base.execute(statement, (prepared,)).fetchall()


class Bm25s:
    name = "bm25s"

    def __init__(self, found: Iterable[Chunk], folder: Path) -> None:
        import bm25s

        self.chunks = builders.build_bm25s(found, str(folder))
        self._retriever = bm25s.BM25.load(str(folder))

    def prepare(self, question: str) -> list[list[str]]:
        return [list(dict.fromkeys(re.findall(builders.WORDS, question.lower())))]

    def ask(self, prepared: list[list[str]]) -> Any:
        k = min(RESULTS, self.chunks)
        return self._retriever.retrieve(prepared, k=k, show_progress=False, n_threads=0)


class Semble:
    """semble's index of words alone, without its own chunks, its embeddings and its rules for ranking."""

    name = "semble's BM25"

    def __init__(self, found: Iterable[Chunk], _folder: Path) -> None:
        import numpy as np
        from semble.index.bm25 import BM25
        from semble.tokens import tokenize

        self._np, self._tokenize, self._index = np, tokenize, BM25.empty()
        names = []
        for number, (_, _, text) in enumerate(found):
            names.append(str(number))
            self._index.add_document(names[-1], tokenize(text))
        self._index.set_doc_order(names)
        self.chunks = len(names)

    def prepare(self, question: str) -> Any:
        return self._tokenize(question)

    def ask(self, prepared: Any) -> Any:
        worst_first = -self._index.get_scores(prepared)
        best = self._np.argpartition(worst_first, min(RESULTS, self.chunks - 1))[:RESULTS]
        return best[self._np.argsort(worst_first[best])]


PEERS: dict[str, tuple[str | None, Any]] = {  # name → package that it needs, class
    "tantivy": ("tantivy", Tantivy),
    "FTS5": (None, Fts5),
    "bm25s": ("bm25s", Bm25s),
    "semble's BM25": ("semble", Semble),
}


def installed() -> list[str]:
    """The peers that this Python can ask."""
    return [name for name, (package, _) in PEERS.items() if package is None or importlib.util.find_spec(package)]


def engine() -> Any:
    """greppy's engine for Python; BenchError when this Python does not have it."""
    try:
        from greppy._core import engine as found
    except ImportError as error:
        raise BenchError(f"what runs in one process imports greppy (.venv/bin/python has it): {error}") from None
    return found


def greppys(index: Any) -> list[Retriever]:
    """BM25 alone, and the order that a search shows."""
    return [Greppy(index._reader, "greppy, BM25 alone", PLAIN), Greppy(index._reader, "greppy, ranked")]


def peers(names: list[str], index: Any, root: Path, folder: Path) -> list[Retriever]:
    """Those of `names`, each with its own index of greppy's chunks."""
    found = []
    for name in names:
        peer = PEERS[name][1](chunks(index, root), folder / name.split("'")[0])
        if peer.chunks != index.n_chunks:
            raise BenchError(f"{name} has {peer.chunks} chunks, greppy {index.n_chunks}")
        found.append(peer)
    return found


def timed(retriever: Retriever, prepared: Any) -> int:
    """Nanoseconds of one search."""
    began = time.perf_counter_ns()
    retriever.ask(prepared)
    return time.perf_counter_ns() - began
