"""semble as a peer of the quality part, its keyword half alone: its embedding model would have to be downloaded."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


class SembleWords:
    """semble's own pipeline (chunks, BM25, its rules for ranking), with no weight on the embeddings: here they are
    noise."""

    def __init__(self, cache: str) -> None:
        """`cache`: a folder for what it keeps, so that the person's is neither read nor written."""
        os.environ.pop("SEMBLE_CACHE_LOCATION", None)
        os.environ["XDG_CACHE_HOME"] = cache
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


def semble_words(cache: str) -> SembleWords | None:
    """None when the package is not installed."""
    try:
        return SembleWords(cache)
    except ImportError:
        return None
