"""Building the index from nothing, beside peers on the same files; and bringing it up to date."""

from __future__ import annotations

import os
import re
import shutil
import statistics
from pathlib import Path

from bench import Bench
from corpora import Corpus
from processes import Command, LongRun, Timing, once, watch
from report import megabytes, seconds, times

TIME_BAR_S, MEMORY_BAR_GB, SIZE_BAR = 60.0, 1.5, 20.0
SECOND_BAR_S = 0.3


def _tree_bytes(path: Path) -> int:
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return path.stat().st_size if path.exists() else 0


def _peer_round(bench: Bench, corpus: Corpus, name: str) -> tuple[LongRun, int]:
    """One build by a peer, and the size of what it built. Only csearch's index is kept: the search part wants it."""
    if name == "cindex":
        target = bench.csearch_index(corpus)
        target.unlink(missing_ok=True)
        run = watch(bench.peers.cindex(corpus.root), str(corpus.root), bench.env | {"CSEARCHINDEX": str(target)})
        return run, _tree_bytes(target)
    target, listing = bench.temp / f"peer-{name}", bench.temp / "files"
    listing.write_bytes(b"".join(os.fsencode(path) + b"\0" for path, _ in corpus.text_files))
    try:
        return watch(bench.peers.builder(name, listing, target), str(corpus.root), bench.env), _tree_bytes(target)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _peer_names(bench: Bench, corpus: Corpus) -> list[str]:
    names = ["tantivy"] if "tantivy" in bench.peers.packages else []
    names.append("fts5")
    if "bm25s" in bench.peers.packages and corpus.name == "small":
        names.append("bm25s")
    if "cindex" in bench.peers.programs:
        names.append("cindex")
    return names


def index(bench: Bench) -> None:
    for corpus in bench.corpora:
        _index(bench, corpus)


def _index(bench: Bench, corpus: Corpus) -> None:
    source = corpus.source_bytes
    names = _peer_names(bench, corpus)
    built: dict[str, list[LongRun]] = {"greppy": [], **{name: [] for name in names}}
    sizes: dict[str, int] = {}
    rounds = bench.rounds if corpus.name == "small" else bench.linux_rounds
    peer_rounds = rounds if corpus.name == "small" else 1  # minutes each on Linux
    for i in range(max(rounds, len(names) + 1)):
        if i < rounds:
            built["greppy"].append(bench.index(corpus))
        # Linux: one peer between two builds of greppy; small: all of them
        for name in names if corpus.name == "small" else names[i : i + 1]:
            if len(built[name]) < peer_rounds:
                run, sizes[name] = _peer_round(bench, corpus, name)
                built[name].append(run)
    said = built["greppy"][-1].output.strip()
    sizes["greppy"] = bench.index_bytes(corpus)
    base = statistics.median(run.seconds for run in built["greppy"])
    rows = []
    for name, runs in built.items():
        wall = statistics.median(run.seconds for run in runs)
        rows.append([
            name, seconds(wall), times(wall / base), f"{source / 1e6 / wall:,.0f}",
            seconds(statistics.median(run.cpu_seconds for run in runs)),
            megabytes(max(run.peak for run in runs)), megabytes(max(run.peak_anonymous for run in runs)),
            megabytes(sizes[name]), f"{100 * sizes[name] / source:.1f} %", str(len(runs)),
        ])
    bench.report.table(
        f"index from nothing, {corpus.title}: {len(corpus.text_files):,} text files, {megabytes(source)} MB in cache",
        ["what", "seconds", "× greppy", "MB/s", "cpu s", "peak MB", "not mapped MB", "index MB", "of source", "runs"],
        rows,
    )
    if said:
        bench.report.say(f"  greppy says: {said.splitlines()[-1]}")
    bench.report.data.setdefault("index", {})[corpus.name] = {
        "files": len(corpus.text_files),
        "source_bytes": source,
        "greppy_says": said,
        "builds": {
            name: {
                "seconds": [run.seconds for run in runs],
                "cpu_seconds": [run.cpu_seconds for run in runs],
                "peak_bytes": [run.peak for run in runs],
                "peak_anonymous_bytes": [run.peak_anonymous for run in runs],
                "index_bytes": sizes[name],
            }
            for name, runs in built.items()
        },
    }
    if corpus.name == "linux":
        bench.report.bar("index of Linux, all text files", base, TIME_BAR_S, "s")
        bench.report.bar("its peak memory", max(run.peak for run in built["greppy"]) / 1e9, MEMORY_BAR_GB, "GB")
        bench.report.bar("its index, share of the source", 100 * sizes["greppy"] / source, SIZE_BAR, "%")


# --------------------------------------------------------------------------------------------------- up to date


def _timed(bench: Bench, corpus: Corpus, case: Command) -> tuple[int, str]:
    took, output = once(case, str(corpus.root), bench.env)
    return int(took * 1e9), output


def second(bench: Bench) -> None:
    """`greppy index` of the small corpus when nothing, a file's time, or a file's text has changed."""
    corpus = bench.corpora[0]
    bench.ready(corpus)
    case = bench.command("greppy index", "index", "-p", str(corpus.root), good=(0,))
    victim = Path(corpus.text_files[len(corpus.text_files) // 2][0])
    original = victim.read_bytes()
    cases = {"nothing changed": Timing(), "one file touched": Timing(), "one file changed": Timing()}
    said: dict[str, str] = {}
    for i in range(max(5, bench.runs // 20)):
        for name, timing in cases.items():
            if name == "one file touched":
                os.utime(victim)
            elif name == "one file changed":
                victim.write_bytes(original + f"\n# change {i}\n".encode())
            ns, output = _timed(bench, corpus, case)
            timing.ns.append(ns)
            said[name] = re.sub(r"\s+", " ", output).strip()
    victim.write_bytes(original)
    corpus.indexed = False
    rows = [[name, f"{t.median / 1e9:.3f}", f"{max(t.ns) / 1e9:.3f}", str(len(t.ns))] for name, t in cases.items()]
    bench.report.table(
        f"greppy index again, {corpus.title} ({len(corpus.text_files):,} text files), seconds",
        ["what", "median", "worst", "runs"],
        rows,
    )
    for name, text in said.items():
        bench.report.say(f"  {name}: {text}")
    bench.report.data["second"] = {name: t.as_json() for name, t in cases.items()}
    bench.report.bar("second greppy index, nothing changed", cases["nothing changed"].median / 1e9, SECOND_BAR_S, "s")

