"""The best twenty chunks of a question, in this process, beside tantivy on the very same chunks.

    python benches/retrieval.py TREE     indexes the tree with both, then asks both in turns

tantivy (its Python package) is asked for any of the question's words, already parsed, and need not count matches;
greppy parses each time. "plain" is BM25 alone, "ranked" the order that a search shows.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from corpora import LINUX_QUERIES
from engines import Door
from processes import BenchError, in_temporary_folder
from report import Report, micro, times

ROUNDS, RESULTS = 100, 20
HEAP = 500_000_000
PLAIN = {"plain": 1.0}
MORE_QUERIES = [
    ("common word", "return"),
    ("rare word", "spinlock"),
    ("2 words", "static int"),
    ("2 words", "struct page"),
    ("3 words", "static inline void"),
    ("3 words", "if return error"),
    ("3 words", "mutex lock interruptible"),
]


def chunks(index: Any, root: Path) -> Iterator[str]:
    """The text of greppy's chunks."""
    for segment in index.segments:
        arrays = segment.arrays
        paths = arrays["paths"].tobytes()
        first = arrays["file_chunks"].tolist()
        starts = arrays["chunks"]["start"].tolist()
        for number, record in enumerate(arrays["files"]):
            path = paths[record["path"] : record["path"] + record["path_len"]]
            data = (root / os.fsdecode(path)).read_bytes()
            cuts = [*starts[first[number] : first[number + 1]], len(data)]
            for begin, end in pairwise(cuts):
                yield data[begin:end].decode("utf-8", "replace")


def build(texts: Iterator[str], target: Path) -> Any:
    """tantivy's index of these texts."""
    import tantivy

    target.mkdir()
    schema = tantivy.SchemaBuilder()
    schema.add_text_field("body", stored=False, index_option="freq")
    index = tantivy.Index(schema.build(), path=str(target))
    writer = index.writer(heap_size=HEAP, num_threads=1)
    for text in texts:
        writer.add_document(tantivy.Document(body=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index


def parsed(index: Any, question: str) -> Any:
    import tantivy

    words = re.findall(r"[a-z0-9]+", question.lower())
    terms = [(tantivy.Occur.Should, tantivy.Query.term_query(index.schema, "body", word)) for word in words]
    return tantivy.Query.boolean_query(terms)


def mean(ratios: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def measure(tree: Path, temp: Path) -> None:
    door, report = Door(temp / "indexes"), Report()
    door.open(tree)
    peer = build(chunks(door.index, tree), temp / "tantivy")
    searcher = peer.searcher()
    if searcher.num_docs != door.index.n_chunks:
        raise BenchError(f"tantivy has {searcher.num_docs} chunks, greppy {door.index.n_chunks}")
    rows, plain_ratios, ranked_ratios = [], [], []
    for what, question in (*LINUX_QUERIES[:-1], *MORE_QUERIES):
        query, text = parsed(peer, question), question.encode()
        taken: list[list[int]] = [[], [], []]
        for _ in range(ROUNDS):  # in turns, so that noise hits all alike
            began = time.perf_counter_ns()
            searcher.search(query, RESULTS, count=False)
            taken[0].append(time.perf_counter_ns() - began)
            taken[1] += door.reader.rank_ns(text, RESULTS, PLAIN)
            taken[2] += door.reader.rank_ns(text, RESULTS)
        theirs, plain, ranked = map(statistics.median, taken)
        plain_ratios.append(theirs / plain)
        ranked_ratios.append(theirs / ranked)
        shown = [micro(theirs), micro(plain), micro(ranked), times(plain_ratios[-1]), times(ranked_ratios[-1])]
        rows.append([what, question, *shown])
    head = ["what", "<question", "tantivy", "plain", "ranked", "tantivy / plain", "/ ranked"]
    report.table(f"{tree.name}: {door.index.n_chunks:,} chunks, top {RESULTS}; microseconds", head, rows)
    report.say(
        f"  geometric means {mean(plain_ratios):.2f} and {mean(ranked_ratios):.2f}; the least "
        f"{min(plain_ratios):.2f} and {min(ranked_ratios):.2f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/retrieval.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tree", type=Path, metavar="TREE")
    tree = parser.parse_args().tree.resolve()
    if not tree.is_dir():
        print(f"benches/retrieval.py: {tree}: no such folder", file=sys.stderr)
        return 2
    try:
        import tantivy  # noqa: F401
    except ImportError:
        print("benches/retrieval.py: tantivy is not installed; pip install tantivy", file=sys.stderr)
        return 2
    return in_temporary_folder("benches/retrieval.py", lambda temp: measure(tree, temp))


if __name__ == "__main__":
    sys.exit(main())
