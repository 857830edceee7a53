"""The index as a library: search it, look at its arrays with numpy, keep it fresh."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from greppy._core import engine
from greppy.index import layout
from greppy.index.build import build_index
from greppy.index.hit import Hit, decode_hit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from numpy.typing import NDArray


class Segment:
    """One segment's arrays as read-only memory maps; `_core/segment.pxd` says what they hold."""

    def __init__(self, path: str) -> None:
        self.path = path
        directory = engine.store_directory(os.fsencode(path), b"segment")
        self.arrays: dict[str, NDArray[np.void]] = {}
        for name, (dtype, _, offset, count) in directory["arrays"].items():
            kind = layout.dtype(dtype)
            # numpy cannot map an empty array.
            self.arrays[name] = (
                np.memmap(path, dtype=kind, mode="r", offset=offset, shape=(count,)) if count else np.empty(0, kind)
            )


class Index:
    """A project's index, opened for reading. Safe to share between threads; a context manager."""

    def __init__(self, path: str | bytes | os.PathLike[str]) -> None:
        self._root = os.path.realpath(os.fsencode(path))
        self._folder = engine.index_folder(self._root)
        self._reader = engine.Reader(self._folder)

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()

    @property
    def root(self) -> str:
        return os.fsdecode(self._root)

    @property
    def generation(self) -> int:
        """Grows with every commit."""
        return self._reader.generation

    @property
    def n_files(self) -> int:
        return self._reader.stats[0]

    @property
    def n_chunks(self) -> int:
        return self._reader.stats[1]

    @property
    def segments(self) -> list[Segment]:
        """The live segments, mapped anew at each call. A segment that a later commit replaced may be gone by then."""
        manifest = os.path.join(self._folder, b"manifest")
        _, _, offset, count = engine.store_directory(manifest, b"manifest")["arrays"]["segments"]
        records = np.fromfile(manifest, dtype=layout.SEGMENT, count=count, offset=offset)
        return [
            Segment(os.fsdecode(os.path.join(self._folder, b"%016x.seg" % int(number)))) for number in records["id"]
        ]

    def search(
        self,
        query: str | bytes,
        limit: int = 20,
        *,
        globs: Iterable[str | bytes] = (),
        types: Iterable[str] = (),
        types_not: Iterable[str] = (),
        kinds: Iterable[str] = (),
        places: Iterable[str | bytes] = (),
        no_tests: bool = False,
        weights: Mapping[str, float] | None = None,
        smart: bytes | None = None,
    ) -> list[Hit]:
        """The best places for a question, at most `limit`; the arguments are the flags of `greppy search`.

        `smart` is a model's answer as `greppy.smart.answer.pack` writes it, or b"": then words that nothing has are
        stood for by synonyms. `weights` changes how results are ordered (names: `greppy._core.engine.weights()`).
        Raises ValueError for an unknown language, kind or weight and `engine.DamagedError` when the index does not hold
        what was written.
        """
        text = query.encode("utf-8", "surrogateescape") if isinstance(query, str) else query
        found = self._reader.search(
            text, limit, list(globs), list(types), list(types_not), list(kinds), list(places), no_tests, weights, smart
        )
        return [decode_hit(hit) for hit in found]

    def corrected(self, query: str) -> str | None:
        """The question with its mistyped names corrected, as `search` answers it; None when every name is found."""
        found = self._reader.corrected(query.encode("utf-8", "surrogateescape"))
        return None if found is None else found.decode("utf-8", "surrogateescape")

    def postings(self, term: str | bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """(documents, weights in halves) of a term as the dictionary has it: `retri`, `=joinset`; both uint32[n].

        Documents are numbered through all segments, deleted ones included.
        """
        text = term.encode() if isinstance(term, str) else term
        weights = np.array([engine.code_weight(code) for code in range(engine.CODES)], np.uint32)
        starts = np.cumsum([0, *(len(segment.arrays["chunk_len"]) for segment in self.segments)])
        docs, codes = [np.empty(0, np.uint32)], [np.empty(0, np.uint8)]
        for number, found, code in self._reader.postings(text):
            docs.append(np.frombuffer(found, np.uint32) + np.uint32(starts[number]))
            codes.append(np.frombuffer(code, np.uint8))
        return np.concatenate(docs), weights[np.concatenate(codes)]

    def fresh(self) -> bool:
        """Whether the project's files still have the sizes and times of this generation."""
        return self._reader.fresh()

    def refresh(self) -> bool:
        """Brings the index up to date and reopens it; whether anything had changed."""
        before = self.generation
        build_index(self._root)
        reader, self._reader = self._reader, engine.Reader(self._folder)
        del reader  # a search in another thread may still hold it; it closes when nobody does
        return self.generation != before


def open_index(path: str | bytes | os.PathLike[str]) -> Index:
    """Opens the index of the project whose root is `path`, building it first when there is none."""
    try:
        return Index(path)
    except (FileNotFoundError, engine.VersionError):
        build_index(path)
        return Index(path)
