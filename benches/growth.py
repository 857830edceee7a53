"""What a question costs in one process as the corpus grows: greppy's engine and its peers, in turns, on ever more of
one tree.

The sizes are powers of ten of greppy's chunks, and all of the tree. A smaller corpus is a part of each larger one:
whole files, in an order of chance by the hashes of their paths. Whole folders would be more like a small project, but
they differ in kind (tables of registers, documents, drivers), and then a step would say what was added, not how much.
Each size is asked a thousand questions from its own text (`questions.py`).
"""

from __future__ import annotations

import gc
import math
import os
import random
import shutil
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from corpora import Corpus
from engines import Door
from picture import Series
from processes import Command, LongRun, watch
from questions import chance, questions
from report import Report, micro, seconds, times
from retrievers import MOST, RESULTS, Retriever, engine, greppys, installed, peers, timed

QUESTIONS = 1000
ROUNDS, INDEX_RUNS = 5, 3
BLOCK = 50  # questions one after the other to the same engine, which so has its own data in the processor's caches
P99_BAR_MS, QUERY_BAR, INDEX_BAR = 2.0, 4.0, 11.0
MILLION = 900_000  # chunks that count as a million


@dataclass
class Asked:
    """The times of one engine on one size, in nanoseconds: a row for each question."""

    ns: list[list[int]] = field(default_factory=list)
    rounds: int = 0

    def medians(self) -> list[float]:
        """Of each question's rounds."""
        return [statistics.median(row) for row in self.ns]

    @property
    def median(self) -> float | None:
        return statistics.median(self.medians()) if self.ns else None

    @property
    def p99(self) -> float | None:
        """Nothing below a hundred questions, where it would be the maximum under another name."""
        return percentile(self.medians(), 0.99) if len(self.ns) >= 100 else None


@dataclass
class Size:
    root: Path
    paths: list[str]
    chunks: int
    index: dict[str, list[LongRun]]  # from nothing, whole processes
    asked: dict[str, Asked] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    segments: int = 0  # of tantivy


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(len(values) * share) - 1]


def ask(retrievers: list[Retriever], texts: list[str], budget_s: float, seed: int = 1) -> dict[str, Asked]:
    """Every question to everybody, in turns. A first round is not counted; it tells how many questions and rounds an
    engine can answer in `budget_s` seconds. The questions are in an order of chance, so that the first are a sample."""
    prepared = {one.name: [one.prepare(text) for text in texts] for one in retrievers}
    asked = {one.name: Asked() for one in retrievers}
    gc.collect()
    gc.disable()
    try:
        for one in retrievers:
            spent = count = 0
            while count < len(texts) and (spent < budget_s * 1e9 / 2 or count < BLOCK):
                spent += timed(one, prepared[one.name][count])
                count += 1
            asked[one.name].ns = [[] for _ in range(count)]
            asked[one.name].rounds = max(1, min(ROUNDS, int((budget_s * 1e9 - spent) / max(spent, 1))))
        shuffle = random.Random(seed).shuffle
        for turn in range(ROUNDS):
            for start in range(0, len(texts), BLOCK):
                order = [one for one in retrievers if turn < asked[one.name].rounds]
                shuffle(order)
                for one in order:
                    rows = asked[one.name].ns
                    for number in range(start, min(start + BLOCK, len(rows))):
                        rows[number].append(timed(one, prepared[one.name][number]))
    finally:
        gc.enable()
    return asked


class Growth:
    def __init__(self, temp: Path, greppy: str, env: dict[str, str], report: Report, quick: bool) -> None:
        self.temp, self.greppy, self.report = temp / "growth", greppy, report
        self.temp.mkdir()
        self.door = Door(self.temp / "indexes")
        self.env = env | {"GREPPY_INDEX_DIR": str(self.temp / "indexes")}
        self.index_runs, self.budget_s = (1, 4.0) if quick else (INDEX_RUNS, 60.0)
        self.engine, self.peers = engine(), installed()

    # ------------------------------------------------------------------------------------------------------- corpora

    def _greppy_index(self, root: Path) -> LongRun:
        command = Command("greppy index", (self.greppy, "index", "--force", "-p", str(root)), (0,))
        return watch(command, str(root), self.env)

    def _tantivy_index(self, root: Path, paths: list[str]) -> LongRun:
        """The same files, cut into chunks of fifty lines."""
        listing, target = self.temp / "files", self.temp / "tantivy-index"
        listing.write_bytes(b"".join(os.fsencode(root / path) + b"\0" for path in paths))
        script = str(Path(__file__).resolve().parent / "builders.py")
        argv = (sys.executable, script, "tantivy", str(listing), str(target))
        try:
            return watch(Command("tantivy", argv, (0,)), str(root), self.env)
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def _files(self, root: Path) -> list[tuple[str, int]]:
        """(path, chunks) of what greppy has indexed of a tree."""
        self.door.open(root)
        found = []
        for segment in self.door.index.segments:
            names, first = segment.arrays["paths"].tobytes(), segment.arrays["file_chunks"].tolist()
            for record, (begin, end) in zip(segment.arrays["files"], pairwise(first), strict=True):
                path = names[record["path"] : record["path"] + record["path_len"]]
                found.append((os.fsdecode(path), end - begin))
        return found

    def sizes(self, tree: Path) -> Iterator[Size]:
        """Smallest first. All of the tree is indexed once beforehand, to know how many chunks each file has."""
        self._greppy_index(tree)  # the first command also unpacks the runtime
        every = self._files(tree)
        total = sum(count for _, count in every)
        order = sorted(every, key=lambda one: chance(one[0]))
        steps = [10**power for power in range(3, 9) if 10**power <= total / 2]
        for step in [*steps, total]:
            root, n = tree, 0
            taken: list[str] = []
            while n < step:
                path, count = order[len(taken)]
                taken.append(path)
                n += count
            if step < total:
                root = self.temp / f"{step}"
                for path in taken:
                    copy = root / path
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(tree / path, copy)
            index: dict[str, list[LongRun]] = {}
            for _ in range(self.index_runs):
                index.setdefault("greppy", []).append(self._greppy_index(root))
                if "tantivy" in self.peers:
                    index.setdefault("tantivy", []).append(self._tantivy_index(root, taken))
            files = self._files(root)
            yield Size(root, [path for path, _ in files], sum(count for _, count in files), index)

    # ----------------------------------------------------------------------------------------------------- measuring

    def measure(self, corpus: Corpus) -> list[Size]:
        done = []
        for size in self.sizes(corpus.root):
            names = [name for name in self.peers if size.chunks <= MOST[name]]
            size.left_out = [name for name in self.peers if name not in names]
            folder = self.temp / "peers"
            folder.mkdir()
            retrievers = [*greppys(self.door.index), *peers(names, self.door.index, size.root, folder)]
            size.segments = max(getattr(one, "segments", 0) for one in retrievers)
            texts = questions(self.engine, size.root, size.paths, QUESTIONS, [query for _, query in corpus.queries])
            size.asked = ask(retrievers, list(texts), self.budget_s)
            del retrievers
            shutil.rmtree(folder)
            if size.root != corpus.root:
                shutil.rmtree(size.root)
            self._show(corpus, size, texts)
            done.append(size)
        return done

    def _show(self, corpus: Corpus, size: Size, texts: dict[str, str]) -> None:
        rows = []
        plain, ranked, *_ = size.asked.values()
        for name, one in size.asked.items():
            n = len(one.ns)  # a slow peer got fewer questions: it is held against the same ones
            rows.append([
                name, micro(one.median), micro(one.p99), micro(max(one.medians())),
                micro(percentile([float(ns) for row in one.ns for ns in row], 0.99)),
                times(statistics.median(one.medians()) / statistics.median(plain.medians()[:n])),
                times(statistics.median(one.medians()) / statistics.median(ranked.medians()[:n])),
                f"{n:,} × {one.rounds}",
            ])  # fmt: skip
        self.report.table(
            f"{corpus.title}, {size.chunks:,} chunks of {len(size.paths):,} files, best {RESULTS}, in this process: "
            "microseconds",
            ["what", "median", "p99", "worst", "p99, every timing", "× BM25 alone", "× ranked", "questions × rounds"],
            rows,
        )
        if size.left_out:
            self.report.say(f"  left out, an index of this many takes too long: {', '.join(size.left_out)}")
        kinds = {kind: list(texts.values()).count(kind) for kind in sorted(set(texts.values()))}
        self.report.say(f"  questions: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}")
        if size.segments > 1:
            self.report.say(f"  tantivy answers from {size.segments} segments")

    # ------------------------------------------------------------------------------------------------------- growing

    def grown(self, corpus: Corpus, done: list[Size]) -> None:
        """The figures side by side, by what they grew, and the bars."""
        sizes = [size.chunks for size in done]
        figures = {f"{name}: {what}, µs": row for name, rows in series(done).items() for what, row in rows.items()}
        for name in done[0].index:
            runs = [size.index[name] for size in done]
            figures[f"{name}: index, s"] = [statistics.median(run.seconds for run in some) for some in runs]
            figures[f"{name}: index, processor s"] = [statistics.median(r.cpu_seconds for r in some) for some in runs]
        rows = []
        grew = {what: _growth(row, sizes) for what, row in figures.items()}
        for what, row in figures.items():
            form = seconds if what.endswith(" s") else "{:,.0f}".format
            rows.append([
                what, *("-" if one is None else form(one) for one in row),
                *("-" if step is None else times(step) for step in grew[what]),
            ])  # fmt: skip
        head = [f"{n:,}" for n in sizes] + [f"to {n:,}" for n in sizes[1:]]
        self.report.table(f"{corpus.title}: chunks, and the growth for a tenfold", ["what", *head], rows)
        self.report.say(
            f"  index: from nothing, median of whole processes ({self.index_runs}); tantivy's of chunks of 50 lines"
        )
        self._bars(done, {what: max(filter(None, steps)) for what, steps in grew.items() if any(steps)})
        self.report.data["growth"] = {
            "corpus": corpus.title, "chunks": sizes, "figures": figures, "growth": grew,
            "files": [len(size.paths) for size in done],
            "index_s": [{name: [run.seconds for run in runs] for name, runs in size.index.items()} for size in done],
        }  # fmt: skip

    def _bars(self, done: list[Size], largest: dict[str, float]) -> None:
        for what, step in largest.items():
            if what.startswith("greppy") and "processor" not in what:
                bar = INDEX_BAR if what.endswith(" s") else QUERY_BAR
                self.report.bar(f"{what.rpartition(',')[0]}, largest growth for a tenfold", step, bar, "×")
        if done[-1].chunks < MILLION:
            return
        for name, one in done[-1].asked.items():
            if name.startswith("greppy") and one.p99:
                what = f"{name}: p99 of {len(one.ns):,} questions, {done[-1].chunks:,} chunks"
                self.report.bar(what, one.p99 / 1e6, P99_BAR_MS, "ms")


def series(done: list[Size]) -> Series:
    """Microseconds at each size; None where an engine was left out."""
    out: Series = {}
    for name in done[0].asked:
        found = [size.asked.get(name, Asked()) for size in done]
        rows = {"median": [one.median for one in found], "p99": [one.p99 for one in found]}
        out[name] = {what: [None if ns is None else ns / 1000 for ns in row] for what, row in rows.items()}
    return out


def _growth(row: list[float | None], sizes: list[int]) -> list[float | None]:
    """By what a figure grew from each size to the next, for a tenfold: the last step is seldom exactly that."""
    steps: list[float | None] = []
    for (before, after), (less, more) in zip(pairwise(row), pairwise(sizes), strict=True):
        steps.append(float((after / before) ** (1 / math.log10(more / less))) if before and after else None)
    return steps
