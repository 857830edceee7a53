"""A segment read with numpy, by the dtypes of greppy/index/layout.py and the description in `_core/segment.pxd`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import xxhash

from greppy.index import layout
from oracle import postings, store

SINGLE, SINGLE_CODE = 1 << 31, 27
CHUNK_PARENT = 1


@dataclass
class Segment:
    container: store.Container
    arrays: dict[str, np.ndarray]
    terms: dict[bytes, list[tuple[int, int]]]  # postings: (chunk, code)
    parts: dict[bytes, tuple[bytes, list[tuple[int, int]]]]  # word -> its stem, (file, in the name)
    paths: list[bytes]


def arrays(data: bytes, container: store.Container) -> dict[str, np.ndarray]:
    return {
        array.name: np.frombuffer(store.content(data, array), layout.dtype(array.dtype))
        for array in container.arrays.values()
    }


def _texts(blob: bytes, starts: np.ndarray) -> list[bytes]:
    assert starts[0] == 0
    assert starts[-1] == len(blob)
    return [blob[a:b] for a, b in pairwise(starts)]


def read(path: Path) -> Segment:
    """Reads and checks everything that does not depend on what was indexed: orders, ends, buckets."""
    data = path.read_bytes()
    container = store.parse(data)
    assert container.kind == "segment"
    found = arrays(data, container)
    n_chunks = len(found["chunks"])
    assert len(found["chunk_len"]) == n_chunks
    table = postings.lengths()
    names, posts, starts = _dictionary(found["terms"].tobytes())
    assert container.numbers == (sum(table[code] for code in found["chunk_len"]), len(names))
    hashes = [xxhash.xxh64_intdigest(name) for name in names]
    assert list(zip(hashes, names, strict=True)) == sorted(zip(hashes, names, strict=True))
    assert len(set(names)) == len(names)
    _check_buckets(found["term_bucket"].tolist(), hashes, starts)
    lists = found["postings"].tobytes()
    terms = {}
    end = 0
    for name, post in zip(names, posts, strict=True):
        if post & SINGLE:
            terms[name] = [(post & ((1 << SINGLE_CODE) - 1), post >> SINGLE_CODE & 15)]
            continue
        assert 0 <= post - end < 4
        docs, codes, end, skips, bounds = postings.decode(lists, n_chunks, post)
        postings.check_bounds(skips, bounds, docs, codes, found["chunk_len"])
        assert len(docs) >= 2
        terms[name] = list(zip(docs, codes, strict=True))
    assert end == len(lists)
    assert all(0 <= doc < n_chunks for found in terms.values() for doc, _ in found)
    blob = found["paths"].tobytes()
    paths = [blob[f["path"] : f["path"] + f["path_len"]] for f in found["files"]]
    assert b"".join(paths) == blob
    return Segment(container, found, terms, _parts(found), paths)


def _dictionary(blob: bytes) -> tuple[list[bytes], list[int], list[int]]:
    """Terms, where their postings are, and where each begins, with the end of the last."""
    names, posts, starts = [], [], [0]
    while starts[-1] < len(blob):
        at = starts[-1] + 1
        end = at + blob[at - 1]
        names.append(blob[at:end])
        posts.append(int.from_bytes(blob[end : end + 4], "little"))
        starts.append(end + 4)
    assert starts[-1] == len(blob)
    return names, posts, starts


def _check_buckets(buckets: list[int], hashes: list[int], starts: list[int]) -> None:
    bits = (len(buckets) - 1).bit_length() - 1
    assert len(buckets) == (1 << bits) + 1
    assert (buckets[0], buckets[-1]) == (0, starts[-1])
    for bucket, (start, end) in enumerate(pairwise(buckets)):
        inside = hashes[starts.index(start) : starts.index(end)]
        assert [h >> (64 - bits) if bits else 0 for h in inside] == [bucket] * len(inside)


def _parts(found: dict[str, np.ndarray]) -> dict[bytes, tuple[bytes, list[tuple[int, int]]]]:
    records = found["parts"]
    texts = _texts(found["part_text"].tobytes(), records["text"])
    lists = found["part_files"].tobytes()
    words = [text[: record["len"]] for text, record in zip(texts, records, strict=False)]
    stems = [text[record["len"] :] for text, record in zip(texts, records, strict=False)]
    assert words == sorted(set(words))
    assert [(stems[i], i) for i in found["part_order"]] == sorted(zip(stems, range(len(stems)), strict=True))
    out = {}
    at = 0
    for word, stem, record in zip(words, stems, records, strict=False):
        assert record["files"] == at
        named, at = postings.leb128(lists, at)
        files = []
        for in_name, n in (True, named), (False, record["n_files"] - named):
            numbers = []
            for _ in range(n):
                value, at = postings.leb128(lists, at)
                numbers.append(value + (numbers[-1] if numbers else 0))
                files.append((numbers[-1], lists[at] if in_name else 0))
                at += in_name
            assert numbers == sorted(set(numbers))
        files.sort()
        assert len(dict(files)) == len(files)
        out[word] = (stem, files)
    assert records[-1]["files"] == at == len(lists)
    return out


@dataclass(frozen=True)
class Definition:
    line: int
    column: int
    name_len: int
    kind: int
    exported: bool
    depth: int


def definitions(segment: Segment, chunk: int) -> tuple[tuple[int, int, int] | None, list[Definition]]:
    """((offset, length, kind) of the name of what encloses the chunk's beginning or None, definitions)."""
    records = segment.arrays["chunks"]
    blob = segment.arrays["defs"].tobytes()
    at = int(records[chunk]["defs"])
    end = int(records[chunk + 1]["defs"]) if chunk + 1 < len(records) else len(blob)
    parent = None
    if records[chunk]["flags"] & CHUNK_PARENT:
        back, at = postings.leb128(blob, at)
        parent = (int(records[chunk]["start"]) - back, blob[at], blob[at + 1])
        at += 2
    out = []
    line = int(records[chunk]["line"])
    while at < end:
        lines, at = postings.leb128(blob, at)
        column, at = postings.leb128(blob, at)
        line += lines
        out.append(
            Definition(line, column, blob[at], blob[at + 1] & 15, bool(blob[at + 1] >> 4 & 1), blob[at + 1] >> 5)
        )
        at += 2
    assert at == end
    return parent, out


def links(segment: Segment, file: int) -> tuple[list[int], list[list[int]]]:
    """(names that a file defines, names that each of its chunks uses)."""
    ranks, blob = segment.arrays["file_rank"], segment.arrays["links"].tobytes()
    at = int(ranks[file]["links"])
    end = int(ranks[file + 1]["links"]) if file + 1 < len(ranks) else len(blob)
    first, last = segment.arrays["file_chunks"][file : file + 2].tolist()
    count, at = postings.leb128(blob, at)
    counts = [count, *blob[at + 3 * count : at + 3 * count + last - first]]
    out = []
    for number, count in enumerate(counts):
        out.append([int.from_bytes(blob[at + 3 * i : at + 3 * i + 3], "little") for i in range(count)])
        at += 3 * count + (last - first if number == 0 else 0)
    assert at == end
    return out[0], out[1:]
