"""What ranking adds to the retrieval of chunks by BM25 alone, in this process, index in memory.

    python benches/ranking.py TREE [TREE …]     indexes each tree, then times two dozen questions

Plain BM25 retrieves the twenty best chunks, once as it always does, leaving out what cannot be among them, and once by
scoring every posting; ranking retrieves its candidates, scores their files and orders them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from corpora import LINUX_QUERIES, PYTHON_QUERIES
from engines import Door
from processes import in_temporary_folder
from report import Report, micro, times

ROUNDS = 200
PLAIN = {"plain": 1.0}
EVERY = PLAIN | {"exhaustive": 1.0}


def measure(trees: list[Path], temp: Path) -> None:
    report = Report()
    for tree in trees:
        door = Door(temp / "indexes")
        seconds = door.open(tree)
        rows = []
        ratios: list[tuple[float, float]] = []
        for what, query in (*PYTHON_QUERIES, *LINUX_QUERIES):
            question = query.encode()
            plain, every, ranked = [], [], []
            for _ in range(ROUNDS):  # in turns, so that noise hits all alike
                plain += door.reader.rank_ns(question, 20, PLAIN)
                every += door.reader.rank_ns(question, 20, EVERY)
                ranked += door.reader.rank_ns(question, 20)
            took = [statistics.median(ns) for ns in (plain, every, ranked)]
            ratios.append((took[2] / took[0], took[2] / took[1]))
            rows.append([what, query, *map(micro, took), *map(times, ratios[-1])])
        files, chunks = door.index.n_files, door.index.n_chunks
        title = f"{tree.name}: {files:,} files, {chunks:,} chunks, indexed in {seconds:.1f} s; microseconds"
        report.table(title, ["what", "<query", "BM25 alone", "every posting", "ranking", "/ alone", "/ every"], rows)
        alone, to_every = (statistics.median(column) for column in zip(*ratios, strict=True))
        report.say(f"  medians of the ratios {alone:.2f} and {to_every:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/ranking.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trees", type=Path, nargs="+", metavar="TREE")
    trees = [tree.resolve() for tree in parser.parse_args().trees]
    for tree in trees:
        if not tree.is_dir():
            print(f"benches/ranking.py: {tree}: no such folder", file=sys.stderr)
            return 2
    return in_temporary_folder("benches/ranking.py", lambda temp: measure(trees, temp))


if __name__ == "__main__":
    sys.exit(main())
