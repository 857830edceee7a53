"""Compares greppy with other tools that find places in source: index, one query as a whole process, first results.

What each tool is asked is written down here and the same for all. A tool that is missing is named and left out:
`--tool NAME=PATH` says where one is that is not on PATH. `original` is the Rust program greppy of the crate greppy-cli;
for its name it is only looked for there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpora
from bench import isolated
from corpora import Corpus
from processes import BenchError, Command, LongRun, Timing, in_temporary_folder, measure, once, resident, watch
from report import Report, load, machine, megabytes, seconds

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("rg", "git", "semble", "zoekt", "zoekt-index", "original")
RUNS, BUDGET_S = 25, 60.0
SMALL_BUILDS = 3
LIMIT_S = 900

# Question → the files of which one must be the first result. Written before any tool was asked.
QUESTIONS = {
    "small": {
        "find the longest matching block of two sequences": "difflib.py",
        "copy a directory tree recursively": "shutil.py",
        "guess the mime type of a file name": "mimetypes.py",
        "least recently used cache decorator": "functools.py",
        "wrap text to a given width": "textwrap.py",
        "random temporary directory removed at exit": "tempfile.py",
        "escape special characters for html": "html/__init__.py",
        "thread pool executor submit a callable": "concurrent/futures/thread.py concurrent/futures/_base.py",
    },
    "linux": {
        "how is the victim of the oom killer chosen": "mm/oom_kill.c",
        "where does the scheduler balance load between cores": "kernel/sched/fair.c",
        "tcp congestion window slow start": "net/ipv4/tcp_cong.c net/ipv4/tcp_input.c include/net/tcp.h",
        "map a page fault to a vma of the process on x86": "arch/x86/mm/fault.c",
        "read superblock of an ext4 file system at mount": "fs/ext4/super.c",
        "find a free inode in a block group": "fs/ext4/ialloc.c fs/ext2/ialloc.c",
        "allocate contiguous pages from the buddy allocator": "mm/page_alloc.c",
        "copy a process when it forks": "kernel/fork.c",
    },
}
STOP_WORDS = "a an and at between by does for from how in is it of on the to two when where with"


def words(question: str) -> list[str]:
    """What somebody types who looks for lines: the question without its small words."""
    return [word for word in question.split() if word not in STOP_WORDS.split()]


@dataclass
class Tool:
    """One row. `first` is a pattern whose group is the path of the first result in what `ask` prints."""

    name: str
    look: Command  # for one name
    ask: Callable[[str], Command]  # a question, one result
    ranked: bool = True
    build: Command | None = None
    index: Path | None = None  # what `build` makes
    first: str = r"^([^:\n]+)"


def shell(name: str, script: str) -> Command:
    return Command(name, ("/bin/sh", "-c", script), tuple(range(126)))


class Comparison:
    def __init__(self, temp: Path, greppy: Path, named: dict[str, str], runs: int, limit: int) -> None:
        self.temp, self.runs, self.limit, self.report = temp, runs, limit, Report()
        self.greppy = str(temp / "greppy")
        shutil.copy2(greppy, self.greppy)  # as run.py does, and for its reason
        self.programs = {name: path for name in TOOLS if (path := named.get(name) or self._on_path(name))}
        models = os.environ.get("HF_HOME", os.path.expanduser("~/.cache/huggingface"))  # semble's is used, not fetched
        self.env = isolated(temp) | {"GREPPY_HOME": str(temp / "original"), "HF_HOME": models, "HF_HUB_OFFLINE": "1"}

    @staticmethod
    def _on_path(name: str) -> str | None:
        return None if name == "original" else shutil.which(name)

    # -------------------------------------------------------------------------------------------- how each is asked

    def tools(self, corpus: Corpus) -> list[Tool]:
        name, root = corpus.queries[0][1], str(corpus.root)
        swept = ("search", "-p", root)
        build = Command("greppy index", (self.greppy, "index", "--force", "-p", root), (0,))
        found = [
            self._tool("greppy", self.greppy, swept, name, "-n1", build, self.temp / "home" / "greppy" / "index"),
            self._tool("greppy --no-refresh", self.greppy, (*swept, "--no-refresh"), name, "-n1"),
        ]
        if program := self.programs.get("rg"):
            found.append(self._rg(program, name))
        if program := self.programs.get("git"):
            found.append(self._git(program, corpus, name))
        if program := self.programs.get("original"):
            flags = ("search", "-d", "-p", root)
            build = Command("original index", (program, "index", "--force", "-p", root), (0,))
            tool = self._tool("original greppy", program, flags, name, "-n1", build, self.temp / "original")
            tool.first = r"^1\. (.+?):\d+-\d+ \("
            found.append(tool)
        if {"zoekt", "zoekt-index"} <= self.programs.keys():
            found.append(self._zoekt(corpus, name))
        if program := self.programs.get("semble"):
            found.append(self._semble(program, root, name))
        return found

    def _tool(
        self,
        name: str,
        program: str,
        flags: tuple[str, ...],
        word: str,
        one: str,
        build: Command | None = None,
        index: Path | None = None,
    ) -> Tool:
        def ask(question: str) -> Command:
            return Command(name, (program, *flags, one, "--", question))

        return Tool(name, Command(name, (program, *flags, "--", word)), ask, True, build, index)

    def _rg(self, program: str, name: str) -> Tool:
        def ask(question: str) -> Command:
            first, *rest = words(question)
            script = f"{shlex.quote(program)} -il0 --sort path {first} ."
            for word in rest:
                script += f" | xargs -0r {shlex.quote(program)} -il0 --sort path {word}"
            return shell("ripgrep", script + " | tr '\\0' '\\n' | head -n 1")

        return Tool("ripgrep", Command("ripgrep", (program, "-n", name, ".")), ask, ranked=False)

    def _git(self, program: str, corpus: Corpus, name: str) -> Tool:
        git = (program, "-C", str(corpus.root))
        if not (corpus.root / ".git").exists():  # the folder is only read: what git notes of it lies elsewhere
            git = (program, f"--git-dir={self.temp / 'git'}", f"--work-tree={corpus.root}")
            make = Command("git init", (program, "init", "--quiet", "--bare", str(self.temp / "git")), (0,))
            once(make, "/", self.env)
            # By force: Debian's tree has a rule that ignores all of it.
            track = Command("git add", (*git, "add", "--force", "--intent-to-add", "."), (0,))
            once(track, str(corpus.root), self.env)

        def ask(question: str) -> Command:
            either = " ".join(f"-e {word}" for word in words(question))
            return shell("git grep", f"{shlex.join(git)} grep -il --all-match {either} | head -n 1")

        return Tool("git grep", Command("git grep", (*git, "grep", "-n", name)), ask, ranked=False)

    def _zoekt(self, corpus: Corpus, name: str) -> Tool:
        index = self.temp / f"zoekt-{corpus.name}"
        make = (self.programs["zoekt-index"], "-index", str(index), str(corpus.root))

        def ask(question: str) -> Command:
            return Command("zoekt", (self.programs["zoekt"], "-index_dir", str(index), " ".join(words(question))))

        return Tool("zoekt", ask(name), ask, True, Command("zoekt-index", make, (0,)), index)

    def _semble(self, program: str, root: str, name: str) -> Tool:
        def ask(question: str) -> Command:
            return Command("semble", (program, "search", question, root, "--format", "text", "-k", "1"), (0,))

        index = self.temp / "semble"
        self.env["SEMBLE_CACHE_LOCATION"] = str(index)
        look = Command("semble", (program, "search", name, root, "--format", "text", "-k", "20"), (0,))
        return Tool("semble", look, ask, True, look, index)  # its first search builds the index

    # ------------------------------------------------------------------------------------------------------ measuring

    def build(self, tool: Tool, corpus: Corpus) -> dict[str, Any]:
        runs: list[LongRun] = []
        limited = (shutil.which("timeout") or "timeout", str(self.limit), *tool.build.argv)
        for _ in range(SMALL_BUILDS if corpus.name == "small" else 1):
            if tool.index is not None:
                shutil.rmtree(tool.index, ignore_errors=True)
            runs.append(watch(Command(tool.build.name, limited, (0,)), str(corpus.root), self.env))
        files = [path for path in tool.index.rglob("*") if path.is_file()]
        return {
            "index_s": statistics.median(run.seconds for run in runs),
            "index_cpu_s": statistics.median(run.cpu_seconds for run in runs),
            "index_bytes": sum(path.stat().st_size for path in files),
            "index_peak_bytes": max(run.peak for run in runs),
        }

    def first(self, tool: Tool, corpus: Corpus, question: str) -> str:
        """Path of the first result, relative to the corpus; empty without one."""
        found = re.search(tool.first, once(tool.ask(question), str(corpus.root), self.env)[1], re.MULTILINE)
        return os.path.relpath(os.path.join(corpus.root, found[1]), corpus.root) if found else ""

    def peak(self, command: Command, corpus: Corpus) -> int:
        """Of a process that is over in a moment the kernel's high-water mark; of a longer one what was sampled too."""
        return max(resident(command, str(corpus.root), self.env) or 0, watch(command, str(corpus.root), self.env).peak)

    def times(self, tools: list[Tool], corpus: Corpus, which: str) -> dict[str, Timing]:
        question = next(iter(QUESTIONS[corpus.name]))
        cases = [tool.look if which == "name" else tool.ask(question) for tool in tools]
        return measure(cases, str(corpus.root), self.env, self.runs, BUDGET_S)

    def with_daemon(self, tools: list[Tool], corpus: Corpus) -> dict[str, Any]:
        """The original with its daemon running, in turns with greppy; the daemon's memory after the queries."""
        program = self.programs["original"]
        once(Command("original start", (program, "start"), (0,)), str(corpus.root), self.env)
        pid_file = self.temp / "original" / "daemon.pid"
        try:
            timed = {which: self.times(tools, corpus, which) for which in ("name", "question")}
            status = Path(f"/proc/{pid_file.read_text().strip()}/status").read_text()
            peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024
        finally:
            once(Command("original stop", (program, "stop")), str(corpus.root), self.env)
        row = {which: one["original greppy"].as_json() for which, one in timed.items()}
        return row | {"query_peak_bytes": peak, "runs": len(timed["name"]["original greppy"].ns)}

    def compare(self, corpus: Corpus) -> None:
        total = corpus.source_bytes  # reads every file: the page cache is warm for whoever comes first
        rows: dict[str, dict[str, Any]] = {}
        tools = []
        for tool in self.tools(corpus):
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
        if "original" not in self.programs:
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
    parser.add_argument(
        "--tool", action="append", default=[], metavar="NAME=PATH", help=f"where a tool is: {' '.join(TOOLS)}"
    )
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each query ({RUNS}; slow ones get fewer)")
    parser.add_argument("--limit", type=int, default=LIMIT_S, metavar="S", help=f"seconds for an index ({LIMIT_S})")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every figure there")
    return parser.parse_args()


def compare(options: argparse.Namespace, temp: Path) -> None:
    named = dict(entry.partition("=")[::2] for entry in options.tool)
    where = Path.cwd()
    began = time.monotonic()
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
    comparison = Comparison(temp, options.greppy, named, options.runs, options.limit)
    facts = machine()
    comparison.report.say(f"machine: {facts['cores']} cores, {facts['cpu']}; load average {load()}")
    if missing := [name for name in TOOLS if name not in comparison.programs]:
        comparison.report.say(f"missing, so not compared with: {', '.join(missing)}")
    comparison.compare(corpora.small(temp, None))
    if options.linux:
        comparison.compare(comparison.linux(options.linux))
    comparison.report.say(f"\nload average at the end {load()}; {time.monotonic() - began:.0f} s in all")
    if options.json:
        comparison.report.data["machine"] = facts
        text = json.dumps(comparison.report.data, indent=1)
        (where / options.json).write_text(text + "\n", encoding="utf-8")


def main() -> int:
    options = arguments()
    return in_temporary_folder("benches/compare.py", lambda temp: compare(options, temp))


if __name__ == "__main__":
    sys.exit(main())
