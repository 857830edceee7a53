"""The best twenty chunks of eighteen questions, one by one: greppy's engine and tantivy on the very same chunks.

    python benches/retrieval.py TREE     indexes the tree with both, then asks both in turns

"BM25" is retrieval alone, "ranked" the order that a search shows. `compare.py` does the same with a thousand questions
and more peers; `retrievers.py` tells who is asked how.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from pathlib import Path

from corpora import LINUX_QUERIES
from engines import Door
from processes import in_temporary_folder
from report import Report, micro, times
from retrievers import RESULTS, engine, greppys, installed, peers, timed

ROUNDS = 100
MORE_QUERIES = [
    ("common word", "return"),
    ("rare word", "spinlock"),
    ("2 words", "static int"),
    ("2 words", "struct page"),
    ("3 words", "static inline void"),
    ("3 words", "if return error"),
    ("3 words", "mutex lock interruptible"),
]


def mean(ratios: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def measure(tree: Path, temp: Path) -> None:
    engine()
    door, report = Door(temp / "indexes"), Report()
    door.open(tree)
    asked = [*peers(["tantivy"], door.index, tree, temp), *greppys(door.index)]
    rows, plain_ratios, ranked_ratios = [], [], []
    for what, question in (*LINUX_QUERIES[:-1], *MORE_QUERIES):
        prepared = [one.prepare(question) for one in asked]
        taken: list[list[int]] = [[] for _ in asked]
        for _ in range(ROUNDS):  # in turns, so that noise hits all alike
            for one, query, ns in zip(asked, prepared, taken, strict=True):
                ns.append(timed(one, query))
        theirs, plain, ranked = (statistics.median(ns) for ns in taken)
        plain_ratios.append(theirs / plain)
        ranked_ratios.append(theirs / ranked)
        shown = [micro(theirs), micro(plain), micro(ranked), times(plain_ratios[-1]), times(ranked_ratios[-1])]
        rows.append([what, question, *shown])
    head = ["what", "<question", "tantivy", "BM25", "ranked", "tantivy / BM25", "/ ranked"]
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
    if "tantivy" not in installed():
        print("benches/retrieval.py: tantivy is not installed; pip install tantivy", file=sys.stderr)
        return 2
    return in_temporary_folder("benches/retrieval.py", lambda temp: measure(tree, temp))


if __name__ == "__main__":
    sys.exit(main())
