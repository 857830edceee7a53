"""semble as a peer of the quality part, its word half alone: its embedding model would have to be downloaded."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from pathlib import Path
from typing import Any


class SembleWords:
    """semble's own pipeline (chunks, BM25, its rules for ranking), with no weight on the embeddings: here they are
    noise."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="semble-")
        os.environ["SEMBLE_CACHE_DIR"] = self._home.name
        import numpy as np
        from semble.index import index

        class Noise:
            dim = 8

            def encode(self, texts: Any, **_: Any) -> Any:
                return np.random.default_rng(0).normal(size=(len(texts), self.dim)).astype("f4")

        index.load_model = lambda _path=None: (Noise(), "noise")
        self._make = index.SembleIndex.from_path

    def open(self, root: Path) -> float:
        """Seconds that it took to index the tree."""
        began = time.perf_counter()
        self._index = self._make(str(root))
        return time.perf_counter() - began

    def search(self, query: str, depth: int) -> list[tuple[str, int, int]]:
        found = self._index.search(query, top_k=depth, alpha=0.0, rerank=True)
        return [(one.chunk.file_path, one.chunk.start_line, one.chunk.end_line) for one in found]


def semble_words() -> SembleWords | None:
    """None when the package is not installed."""
    return SembleWords() if importlib.util.find_spec("semble") else None
