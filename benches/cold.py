"""The first search of a small checkout, which has no index: until its first result is there, and until it has ended,
beside `rg -l` of the same word."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from bench import Bench
from processes import BenchError, Command, once
from report import times

FILES = 200
LARGEST = 100_000  # bytes of a file that is taken: the checkout is to be small
ROUNDS = 30
WORD = "error"
BAR = 3.0


def cold(bench: Bench) -> None:
    rg = bench.peers.programs.get("rg")
    if rg is None:
        bench.report.say("cold: left out; ripgrep is not there")
        return
    cases = [Command("rg -l", (rg, "-l", WORD)), bench.command("greppy search", "search", WORD, good=(0,))]
    rows = []
    for kind in ("a folder", "a git repository"):
        git = shutil.which("git") if kind != "a folder" else None
        if kind != "a folder" and git is None:
            continue
        root, size = _checkout(bench, git)
        firsts, ends = _measure(bench, cases, root)
        for case in cases:
            took = [statistics.median(values[case.name]) for values in (firsts, ends)]
            ratio = took[0] / statistics.median(firsts["rg -l"])
            rows.append([kind, case.name, f"{took[0] * 1000:.1f}", f"{took[1] * 1000:.1f}", times(ratio)])
        bench.report.bar(
            f"search without an index, {kind} of {FILES} files, {size / 1e6:.1f} MB", ratio, BAR, "× rg -l"
        )
    bench.report.table(
        f"no index yet: whole processes, milliseconds, medians of {ROUNDS}",
        ["<project", "<what", "first result", "end", "× rg -l"],
        rows,
    )
    bench.report.data["cold"] = rows


def _checkout(bench: Bench, git: str | None) -> tuple[Path, int]:
    root = bench.temp / ("cold-git" if git else "cold")
    size = 0
    source = bench.corpora[0]
    taken = [(name, n) for name, n in source.text_files if n <= LARGEST][:FILES]
    for name, n in taken:
        target = root / os.path.relpath(name, source.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, target)
        size += n
    if git:
        for arguments in (
            ("init", "-q"),
            ("add", "-A"),
            ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"),
        ):
            once(Command("git", (git, "-C", str(root), *arguments), (0,)), str(root), bench.env)
    return root, size


def _measure(bench: Bench, cases: list[Command], root: Path) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds until the first byte, and until the end, of each, in turns; the index is removed before each."""
    firsts: dict[str, list[float]] = {case.name: [] for case in cases}
    ends: dict[str, list[float]] = {case.name: [] for case in cases}
    for _ in range(ROUNDS):
        for case in cases:
            for folder in (bench.temp / "home" / "greppy" / "index").glob(f"{root.name}-*"):
                shutil.rmtree(folder)
            began = time.perf_counter()
            with subprocess.Popen(
                case.argv, cwd=root, env=bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
            ) as process:
                found = process.stdout.read(1) if process.stdout else b""
                firsts[case.name].append(time.perf_counter() - began)
                process.communicate()
            ends[case.name].append(time.perf_counter() - began)
            if not found or process.returncode:
                raise BenchError(f"{case.name} found nothing in {root}")
    return firsts, ends
