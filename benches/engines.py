"""What answers annotated queries: the executable as a person would run it, the Python door, semble's keyword half."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from processes import Command, once, watch
from relevance import DEPTH, Place


class Engine(Protocol):
    name: str

    def open(self, root: Path) -> float:
        """Makes the index of a tree; the seconds that it took."""

    def search(self, query: str) -> list[Place]:
        """The first ten places in that tree."""


class Binary:
    """`greppy index`, then `greppy search -n 10 --json QUERY` for each question."""

    name = "greppy"

    def __init__(self, command: Callable[..., Command], env: dict[str, str]) -> None:
        self._command, self._env = command, env

    def open(self, root: Path) -> float:
        self._root = str(root)
        return watch(self._command("greppy", "index", "-p", self._root, good=(0,)), self._root, self._env).seconds

    def search(self, query: str) -> list[Place]:
        arguments = ("search", "-p", self._root, "-n", str(DEPTH), "--json", "--", query)
        output = once(self._command("greppy", *arguments), self._root, self._env)[1]
        results = json.loads(output)["results"] if output.strip() else []
        return [(place["path"], int(place["start_line"]), int(place["end_line"])) for place in results]


class Door:
    """The engine in this process, with its weights changed or not: thousands of queries in seconds."""

    name = "greppy"

    def __init__(self, indexes: Path, weights: dict[str, float] | None = None) -> None:
        os.environ["GREPPY_INDEX_DIR"] = str(indexes)
        self.weights = weights or {}

    def open(self, root: Path) -> float:
        from greppy import open_index

        began = time.perf_counter()
        self.index = open_index(root)
        self.reader = self.index._reader
        return time.perf_counter() - began

    def search(self, query: str) -> list[Place]:
        found = self.index.search(query, DEPTH, weights=self.weights)
        return [(hit.path, hit.start_line, hit.end_line) for hit in found]


class SembleWords:
    """semble's own pipeline (chunks, BM25, its rules for ranking), with no weight on the embeddings, whose model would
    have to be downloaded: here they are noise."""

    name = "semble's keywords"

    def __init__(self, cache: str) -> None:
        """`cache`: a folder for what it keeps, so that the person's is neither read nor written. Raises ImportError
        where the package is not installed."""
        os.environ.pop("SEMBLE_CACHE_LOCATION", None)
        os.environ["XDG_CACHE_HOME"] = cache
        import numpy as np
        from semble.index import index

        class Noise:
            dim = 8

            def encode(self, texts: list[str], **_: object) -> np.ndarray:
                return np.random.default_rng(0).normal(size=(len(texts), self.dim)).astype("f4")

        index.load_model = lambda _path=None: (Noise(), "noise")
        self._make = index.SembleIndex.from_path

    def open(self, root: Path) -> float:
        began = time.perf_counter()
        self._index = self._make(str(root))
        return time.perf_counter() - began

    def search(self, query: str) -> list[Place]:
        found = self._index.search(query, top_k=DEPTH, alpha=0.0, rerank=True)
        return [(one.chunk.file_path, one.chunk.start_line, one.chunk.end_line) for one in found]
