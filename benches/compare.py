"""Compares greppy with other tools that find places in source, on the same files and questions, in turns.

Two parts (--only): "processes" runs each tool as a person does: index, one query, first results. "growth" asks greppy's
engine and its peers in one process, on ever more of a tree; --picture draws that. A tool that is missing is named and
left out: `--tool NAME=PATH` says where one is that is not on PATH, `--install` fetches what PyPI has.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpora
import picture
from corpora import Corpus
from growth import Growth, series
from installs import install
from processes import BenchError, Command, LongRun, Timing, in_temporary_folder, measure, once, resident, watch
from report import Report, load, machine, megabytes, seconds
from retrievers import PEERS, engine, installed
from tools import QUESTIONS, TOOLS, Tool, Toolbox

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("processes", "growth")
RUNS, QUICK_RUNS, BUDGET_S, QUICK_BUDGET_S = 25, 9, 60.0, 3.0
SMALL_BUILDS = 3
LIMIT_S = 900


class Comparison:
    """Of whole processes."""

    def __init__(self, box: Toolbox, report: Report, runs: int, budget_s: float, limit: int) -> None:
        self.box, self.report, self.temp = box, report, box.temp
        self.runs, self.budget_s, self.limit = runs, budget_s, limit

    def build(self, tool: Tool, corpus: Corpus) -> dict[str, Any]:
        runs: list[LongRun] = []
        limited = (shutil.which("timeout") or "timeout", str(self.limit), *tool.build.argv)
        for _ in range(SMALL_BUILDS if corpus.name == "small" else 1):
            if tool.index is not None:
                shutil.rmtree(tool.index, ignore_errors=True)
                tool.index.unlink(missing_ok=True)
            runs.append(watch(Command(tool.build.name, limited, (0,)), str(corpus.root), self.box.env))
        files = [tool.index] if tool.index.is_file() else [path for path in tool.index.rglob("*") if path.is_file()]
        return {
            "index_s": statistics.median(run.seconds for run in runs),
            "index_cpu_s": statistics.median(run.cpu_seconds for run in runs),
            "index_bytes": sum(path.stat().st_size for path in files),
            "index_peak_bytes": max(run.peak for run in runs),
        }

    def first(self, tool: Tool, corpus: Corpus, question: str) -> str:
        """Path of the first result, relative to the corpus; empty without one."""
        found = re.search(tool.first, once(tool.ask(question), str(corpus.root), self.box.env)[1], re.MULTILINE)
        return os.path.relpath(os.path.join(corpus.root, found[1]), corpus.root) if found else ""

    def peak(self, command: Command, corpus: Corpus) -> int:
        """Of a process that is over in a moment the kernel's high-water mark; of a longer one what was sampled too."""
        root, env = str(corpus.root), self.box.env
        return max(resident(command, root, env) or 0, watch(command, root, env).peak)

    def times(self, tools: list[Tool], corpus: Corpus, which: str) -> dict[str, Timing]:
        question = next(iter(QUESTIONS[corpus.name]))
        cases = [tool.look if which == "name" else tool.ask(question) for tool in tools]
        return measure(cases, str(corpus.root), self.box.env, self.runs, self.budget_s)

    def with_daemon(self, tools: list[Tool], corpus: Corpus) -> dict[str, Any]:
        """The original with its daemon running, in turns with greppy; the daemon's memory after the queries."""
        program = self.box.programs["original"]
        once(Command("original start", (program, "start"), (0,)), str(corpus.root), self.box.env)
        pid_file = self.temp / "original" / "daemon.pid"
        try:
            timed = {which: self.times(tools, corpus, which) for which in ("name", "question")}
            status = Path(f"/proc/{pid_file.read_text().strip()}/status").read_text()
            peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024
        finally:
            once(Command("original stop", (program, "stop")), str(corpus.root), self.box.env)
        row = {which: one["original greppy"].as_json() for which, one in timed.items()}
        return row | {"query_peak_bytes": peak, "runs": len(timed["name"]["original greppy"].ns)}

    def compare(self, corpus: Corpus) -> None:
        total = corpus.source_bytes  # reads every file: the page cache is warm for whoever comes first
        rows: dict[str, dict[str, Any]] = {}
        tools = []
        for tool in self.box.tools(corpus):
            try:
                rows[tool.name] = self.build(tool, corpus) if tool.build else {}
                tools.append(tool)
            except BenchError as error:
                status, _, reason = str(error).rpartition(" ended with ")[2].partition(": ")
                late = f"no index of {corpus.title} within {self.limit} s"
                self.report.say(f"{tool.name}: left out; {late if status == '124' else reason or error}")
        for which in ("name", "question"):
            # Who ranks nothing is asked for a name only: it has no answer to a question.
            for name, timing in self.times([t for t in tools if t.ranked or which == "name"], corpus, which).items():
                rows[name] |= {which: timing.as_json(), "runs": len(timing.ns)}
        for tool in tools:
            rows[tool.name]["query_peak_bytes"] = self.peak(tool.look, corpus)
            firsts = {question: self.first(tool, corpus, question) for question in QUESTIONS[corpus.name]}
            right = [path for question, path in firsts.items() if path in QUESTIONS[corpus.name][question].split()]
            rows[tool.name] |= {"ranked": tool.ranked, "first": firsts, "right": len(right)}
        if "original greppy" in rows:
            pair = [tool for tool in tools if tool.name in ("greppy", "original greppy")]
            rows["original greppy, daemon"] = self.with_daemon(pair, corpus)
        self.show(corpus, total, rows)

    def linux(self, path: Path) -> Corpus:
        """The tree; a copy with a mark when the original is there, which takes no folder for a project without one."""
        if "original" not in self.box.programs:
            return corpora.linux(path)
        copy = self.temp / "linux"
        shutil.copytree(path, copy, symlinks=True)
        (copy / ".greppy").mkdir(exist_ok=True)
        return corpora.linux(copy)

    def show(self, corpus: Corpus, total: int, rows: dict[str, dict[str, Any]]) -> None:
        def cell(row: dict[str, Any], key: str, form: Callable[[Any], str]) -> str:
            return form(row[key]) if key in row else "-"

        def timed(timing: dict[str, Any]) -> str:
            return f"{timing['median_ns'] / 1e6:,.1f} ({timing['min_ns'] / 1e6:,.1f})"

        self.report.table(
            f"{corpus.title}: {len(corpus.text_files):,} text files, {megabytes(total)} MB",
            ["what", "index s", "cpu s", "peak MB", "index MB", "name ms", "question ms", "peak MB", "right", "runs"],
            [
                [
                    name, cell(row, "index_s", seconds), cell(row, "index_cpu_s", seconds),
                    cell(row, "index_peak_bytes", megabytes), cell(row, "index_bytes", megabytes),
                    cell(row, "name", timed), cell(row, "question", timed),
                    cell(row, "query_peak_bytes", megabytes), cell(row, "right", str), cell(row, "runs", str),
                ]
                for name, row in rows.items()
            ],
        )  # fmt: skip
        self.report.say(f"  name: {corpus.queries[0][1]}; question: {next(iter(QUESTIONS[corpus.name]))}")
        self.report.say("  milliseconds: median (fastest); the daemon's memory is its own")
        self.report.say(f"  right: first results of {len(QUESTIONS[corpus.name])} questions, of those that rank wrong:")
        for question, wanted in QUESTIONS[corpus.name].items():
            wrong = [
                f"{name} {row['first'][question] or 'nothing'}"
                for name, row in rows.items()
                if row.get("ranked") and row["first"][question] not in wanted.split()
            ]
            self.report.say(f"    {question}: {', '.join(wrong) or 'none'}")
        self.report.data[corpus.name] = {"files": len(corpus.text_files), "bytes": total, "tools": rows}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/compare.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--greppy", type=Path, default=ROOT / "dist" / "greppy", metavar="PATH", help="the executable")
    parser.add_argument("--linux", type=Path, metavar="PATH", help="an unpacked Linux source tree; only read")
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer runs, Python's library alone")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="NAME", help=" ".join(PARTS))
    parser.add_argument(
        "--install", nargs="?", const="", metavar="DIR",
        help="put the peers that PyPI has into a virtual environment there, or in a temporary folder",
    )  # fmt: skip
    parser.add_argument(
        "--tool", action="append", default=[], metavar="NAME=PATH", help=f"where a tool is: {' '.join(TOOLS)}"
    )
    parser.add_argument("--runs", type=int, help=f"of each query as a process ({RUNS}; slow ones get fewer)")
    parser.add_argument("--limit", type=int, default=LIMIT_S, metavar="S", help=f"seconds for an index ({LIMIT_S})")
    parser.add_argument("--picture", type=Path, metavar="SVG", help="draw latency against corpus size there")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every figure there")
    return parser.parse_args()


def check(options: argparse.Namespace, parts: list[str]) -> dict[str, str]:
    """Before minutes of work: whether everything is there. Where the named tools are."""
    named = dict(entry.partition("=")[::2] for entry in options.tool)
    if unknown := named.keys() - set(TOOLS):
        raise BenchError(f"no such tool: {', '.join(sorted(unknown))}")
    named = {name: os.path.abspath(path) for name, path in named.items()}
    if not os.access(options.greppy, os.X_OK):
        raise BenchError(f"{options.greppy}: no such executable; make build makes dist/greppy")
    for path in named.values():
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path}: no such executable")
    if options.linux and not options.linux.is_dir():
        raise BenchError(f"{options.linux}: no such folder")
    for path in (options.picture, options.json):
        if path and not path.absolute().parent.is_dir():
            raise BenchError(f"{path}: there is no such folder to write in")
    if options.picture and "growth" not in parts:
        raise BenchError("--picture draws the growth, which --only leaves out")
    if "growth" in parts:
        engine()
    return named


def grow(growth: Growth, corpus: Corpus, target: Path | None) -> None:
    done = growth.measure(corpus)
    growth.grown(corpus, done)
    if target:
        drawn = picture.draw(f"A question in one process, {corpus.title}", [one.chunks for one in done], series(done))
        target.write_text(drawn, encoding="utf-8")


def compare(options: argparse.Namespace, temp: Path) -> None:
    began, where, parts = time.monotonic(), Path.cwd(), options.only or list(PARTS)
    named = check(options, parts)
    if options.install is not None:
        install(Path(options.install).absolute() if options.install else temp / "peers")
    program = str(temp / "greppy")
    shutil.copy2(options.greppy, program)  # as run.py does, and for its reason
    report, box = Report(), Toolbox(temp, program, named)
    facts = machine()
    report.say(f"machine: {facts['cores']} cores, {facts['cpu']}; load average {load()}")
    missing = [name for name in TOOLS if name not in box.programs and "processes" in parts]
    missing += [name for name in PEERS if name not in installed() and "growth" in parts]
    if missing:
        report.say(f"missing, so not compared with: {', '.join(missing)}")
    small = corpora.small(temp, None)
    big = options.linux and not options.quick
    if options.linux and options.quick:
        report.say("Linux: left out by --quick")
    if "growth" in parts:  # first: some of the other tools leave files of theirs in the corpus
        growth = Growth(temp, program, box.env, report, options.quick)
        grow(growth, corpora.linux(options.linux) if big else small, options.picture and where / options.picture)
    if "processes" in parts:
        runs, budget_s = (QUICK_RUNS, QUICK_BUDGET_S) if options.quick else (RUNS, BUDGET_S)
        comparison = Comparison(box, report, options.runs or runs, budget_s, options.limit)
        comparison.compare(small)
        if big:
            comparison.compare(comparison.linux(options.linux))
    report.print_bars()
    report.say(f"\nload average at the end {load()}; {time.monotonic() - began:.0f} s in all")
    if options.json:
        report.data |= {"machine": facts, "bars": report.bars}
        (where / options.json).write_text(json.dumps(report.data, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    options = arguments()
    return in_temporary_folder("benches/compare.py", lambda temp: compare(options, temp))


if __name__ == "__main__":
    sys.exit(main())
