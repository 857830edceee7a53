"""Measures greppy beside its peers and says which bars are met: see README.md in this folder."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from bench import Bench, prepare
from cold import cold
from index import index, second
from processes import BenchError, in_temporary_folder
from quality import quality
from report import load, machine
from scan import scan
from search import memory, search, version

SECTIONS = ("version", "cold", "scan", "index", "search", "memory", "second", "quality")
RUNS, QUICK_RUNS = 300, 200
ROUNDS, QUICK_ROUNDS = 5, 3
ROOT = Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/run.py", description=__doc__)
    parser.add_argument("--greppy", type=Path, default=ROOT / "dist" / "greppy", metavar="PATH", help="the executable")
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer runs, no Linux")
    parser.add_argument("--linux", type=Path, metavar="PATH", help="an unpacked Linux source tree; only read")
    parser.add_argument("--repo", type=Path, metavar="PATH", help="instead of Python's library; it is copied")
    parser.add_argument(
        "--source", type=Path, action="append", default=[], metavar="DIR", help="more source, for the scan part"
    )
    parser.add_argument("--annotations", type=Path, metavar="DIR", help="annotated queries, for the quality part")
    parser.add_argument("--repos", type=Path, metavar="DIR", help="the checkouts that they are about")
    parser.add_argument("--only", action="append", choices=SECTIONS, metavar="NAME", help=" ".join(SECTIONS))
    parser.add_argument("--runs", type=int, help=f"of each short process ({RUNS}; slow ones get fewer)")
    parser.add_argument("--linux-rounds", type=int, default=3, metavar="N", help="greppy's builds of Linux (3)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every figure there")
    return parser.parse_args()


def check(options: argparse.Namespace) -> None:
    if not os.access(options.greppy, os.X_OK) or options.greppy.is_dir():
        raise BenchError(f"{options.greppy}: no such executable; make build makes dist/greppy")
    for folder in (options.repo, options.annotations, options.repos, *options.source):
        if folder is not None and not folder.is_dir():
            raise BenchError(f"{folder}: no such folder")
    if not os.path.isdir("/proc/self"):
        raise BenchError("memory and process trees are read from /proc: this benchmark needs Linux")


def introduce(bench: Bench, options: argparse.Namespace) -> None:
    facts = machine()
    bench.report.data |= {"machine": facts, "load_before": os.getloadavg(), "date": time.strftime("%Y-%m-%d %H:%M:%S")}
    bench.report.say(f"machine: {facts['cores']} cores, {facts['cpu']}, {facts['kernel']}; load average {load()}")
    bench.report.say(f"peers: {', '.join(bench.peers.describe())}")
    if bench.peers.missing():
        bench.report.say(f"missing, so not compared with: {', '.join(bench.peers.missing())}")
    if options.quick and options.linux:
        bench.report.say("Linux: left out by --quick")
    elif options.linux is None:
        bench.report.say("Linux: left out; --linux PATH takes an unpacked source tree (Debian: linux-source-6.1)")
    elif len(bench.corpora) == 1:
        bench.report.say(f"Linux: left out; {options.linux} is no folder")
    first, again = bench.unpack()
    bench.report.data["first_command"] = {"unpacking_s": first, "again_s": again}
    bench.report.say(f"index of one file: {first:.3f} s with the unpacking of the runtime, {again:.3f} s the next time")


def run(bench: Bench, options: argparse.Namespace) -> None:
    parts = {
        "version": version, "cold": cold, "scan": scan, "index": index, "search": search, "memory": memory,
        "second": second,
    }  # fmt: skip
    for name in options.only or SECTIONS:
        if name == "quality":
            quality(bench, *(path.resolve() if path else None for path in (options.annotations, options.repos)))
        else:
            parts[name](bench)


def measure(options: argparse.Namespace, temp: Path) -> None:
    began = time.monotonic()
    check(options)
    linux = options.linux if options.linux and options.linux.is_dir() and not options.quick else None
    runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    repo = options.repo.resolve() if options.repo else None
    sources = [path.resolve() for path in options.source]
    bench = prepare(
        temp, options.greppy.resolve(), repo, linux, sources, runs, rounds, options.linux_rounds, options.quick
    )
    where = Path.cwd()
    introduce(bench, options)
    run(bench, options)
    bench.report.print_bars()
    bench.report.say(f"\nload average at the end {load()}; {time.monotonic() - began:.0f} s in all")
    if options.json:
        bench.report.data |= {"bars": bench.report.bars, "load_after": os.getloadavg()}
        (where / options.json).write_text(json.dumps(bench.report.data, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    options = arguments()
    return in_temporary_folder("benches/run.py", lambda temp: measure(options, temp))


if __name__ == "__main__":
    sys.exit(main())
