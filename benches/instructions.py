"""Instructions that the engine executes for a fixed piece of work, held against a baseline (instructions.json).

    python benches/instructions.py compare     exit status 1 if a count has grown by more than 3 per cent
    python benches/instructions.py save        the counts of now become the baseline

Unlike times they are the same from run to run, whatever else the machine does. They depend on the compiler and the C
library, so a baseline holds for those it was made with, and another compiler has none until somebody saves it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import made
from processes import BenchError, in_temporary_folder
from report import Report

PROGRAM = "benches/instructions.py"
ROOT = Path(__file__).resolve().parent.parent
BASELINE = Path(__file__).with_suffix(".json")
SYMBOLS = ROOT / "build" / "front" / "greppy.debug"  # the delivered executable before it was stripped
THRESHOLD, FUNCTIONS = 3.0, 10
LEAST = 1000  # instructions; what is less is nothing, though it may be many per cent of `--version`
SENTENCE = "where does the server retry a failed connection"
# Which memcpy glibc takes depends on the processor, also under valgrind; without these it is the one every x86-64 has.
FEATURES = "AVX2 AVX AVX_Fast_Unaligned_Load BMI2 ERMS FSRM LZCNT MOVBE RTM SSSE3 SSE4_1 SSE4_2"
PLAIN_LIBC = "glibc.cpu.hwcaps=" + ",".join(f"-{name}" for name in FEATURES.split())
BUILD = """
import os, sys
from greppy._core import engine
parts, whole, paths = [], sys.argv[1].encode(), sys.argv[2:]
root = os.open("corpus", os.O_RDONLY)
for number in range(2):
    builder = engine.Builder()
    builder.add(root, [os.fsencode(path) for path in paths[number::2]], 1 << 20)
    parts.append((b"%s-%d" % (whole, number), None))
    builder.write(parts[-1][0], number + 1)
engine.merge(parts, whole, 3)
"""

Counts = dict[str, dict[str, Any]]  # of each case: {"total": …, "functions": {name: …}}


@dataclass(frozen=True)
class Case:
    name: str
    arguments: tuple[str, ...]  # of greppy, or those of Python for which `counted` says what of it counts
    counted: str = ""  # wildcards for a C function and what it calls


FRONT = [
    Case("--version", ("--version",)),
    Case("search: rare name", ("search", "--no-refresh", made.RARE)),
    Case("search: rare name, with a look for changes", ("search", made.RARE)),
    Case("search: mistyped name", ("search", "--no-refresh", made.RARE.replace("lease", "laese"))),
    Case("search: two common words", ("search", "--no-refresh", "value name")),
    Case("search: sentence", ("search", "--no-refresh", SENTENCE)),
    Case("search: sentence, -n 1", ("search", "--no-refresh", "-n", "1", SENTENCE)),
    Case("search: sentence, --json", ("search", "--no-refresh", "--json", SENTENCE)),
]
# What Python does between these is not counted; the wildcards are for the numbers that Cython puts into the names.
INDEX = [("read and invert", "__pyx_pw_*7Builder_*add"), ("write", "__pyx_pw_*7Builder_*write")]
INDEX += [("merge", "__pyx_pw_*_core_6engine_*merge")]


# -------------------------------------------------------------------------------------------------------- measuring


def said_by(*command: str) -> str:
    """All that a program says; nothing when it is not there."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def conditions(executable: Path) -> dict[str, str]:
    """All that counts depend on beside the code: a baseline made under other conditions says nothing."""
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
    front = libc
    if b"GLIBC_TUNABLES" not in executable.read_bytes():
        version = re.search(r"Version (\S+)", said_by(f"/lib/ld-musl-{platform.machine()}.so.1"))
        front = f"musl {version[1]}" if version else "musl"
    compiler = shlex.split(os.environ.get("CC", "gcc"))
    return {
        "machine": platform.machine(),
        "compiler": said_by(*compiler, "--version").partition("\n")[0],
        "front's C library": front or "unknown",
        "engine's C library": libc or "unknown",
        "valgrind": said_by("valgrind", "--version"),
        "corpus": made.digest(),
    }


def readable(symbol: str) -> str:
    """`retrieve.best_chunks` of Cython's `__pyx_f_5_core_8retrieve_best_chunks`."""
    found = re.match(r"__pyx_p?[fw]_(?=\d)", symbol)
    if not found:
        return symbol
    rest, parts = symbol[found.end() :], []
    while (length := re.match(r"\d+", rest)) and len(parts) < 4:
        end = length.end() + int(length[0])
        parts.append(rest[length.end() : end])
        rest = rest[end:].removeprefix("_")
    return ".".join([part for part in parts if part not in ("_core", "greppy")] + [rest]).rstrip(".")


class Symbols:
    """Names for the addresses of the stripped executable."""

    def __init__(self, file: Path) -> None:
        listed = said_by("nm", "--defined-only", "--numeric-sort", str(file)) if file.exists() else ""
        rows = [line.split() for line in listed.splitlines()]
        found = [(int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tTwW"]
        self._starts = [start for start, _ in found]
        self._names = [name for _, name in found]

    def of(self, address: int) -> str:
        at = bisect(self._starts, address)
        return self._names[at - 1] if at else "?"


def costs(profile: str, symbols: Symbols) -> Iterator[tuple[str, int]]:
    """(function, instructions) of each line of callgrind's file, without what the called functions cost."""
    function, skip = "", False
    for line in profile.splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif line.startswith("calls="):
            skip = True  # the next line has what the call cost
        elif line.startswith("0x"):
            if not skip:
                address, _, cost = line.split()
                yield symbols.of(int(address, 16)) if function.startswith("0x") else function, int(cost)
            skip = False


def environment(temp: Path) -> dict[str, str]:
    """Nothing of the person's, and always as long."""
    folders = {"HOME": "home", "GREPPY_INDEX_DIR": "indexes", "GREPPY_RUNTIME_DIR": "runtime"}
    for folder in folders.values():
        (temp / folder).mkdir(mode=0o700)
    fixed = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "GLIBC_TUNABLES": PLAIN_LIBC}
    return {**fixed, **{name: str(temp / folder) for name, folder in folders.items()}}


def checked(command: list[str], cwd: Path, env: dict[str, str]) -> bytes:
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BenchError(f"{shlex.join(command[:8])} … ended with {done.returncode}: {''.join(tail)}")
    return done.stdout


def counted(case: Case, program: str, temp: Path, cwd: Path, env: dict[str, str], symbols: Symbols) -> dict[str, Any]:
    profile = temp / "callgrind.out"
    tool = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-strings=no", "--compress-pos=no"]
    tool += [f"--callgrind-out-file={profile}"]
    tool += [f"--toggle-collect={case.counted}"] if case.counted else []
    checked([*tool, program, *case.arguments], cwd, env)
    functions: Counter[str] = Counter()
    for function, cost in costs(profile.read_text(encoding="utf-8", errors="replace"), symbols):
        functions[readable(function)] += cost
    if not functions:
        raise BenchError(f"{case.name}: nothing was counted: is there no function {case.counted}?")
    most = sorted(functions.items(), key=lambda pair: (-pair[1], pair[0]))[:FUNCTIONS]
    return {"total": functions.total(), "functions": dict(most)}


def measure(executable: Path, temp: Path) -> Counts:
    env = environment(temp)
    corpus = temp / "corpus"
    paths = [os.fsdecode(path) for path in made.write(corpus)]
    program = str(temp / "greppy")
    shutil.copy2(executable, program)  # so that its path is as long for everyone
    checked([program, "index", "--quiet", "-p", "."], corpus, env)
    symbols = Symbols(SYMBOLS)
    counts = {}
    for case in FRONT:
        if not checked([program, *case.arguments], corpus, env):
            raise BenchError(f"{case.name}: nothing was found, so nothing is worth counting")
        counts[case.name] = counted(case, program, temp, corpus, env, symbols)
    for number, (name, function) in enumerate(INDEX):
        case = Case(f"index: {name}", ("-c", BUILD, str(temp / f"segment{number}"), *paths), function)
        counts[case.name] = counted(case, sys.executable, temp, temp, env, symbols)
    return counts


def measured(executable: Path) -> tuple[dict[str, str], Counts]:
    """Counts everything. Raises BenchError when something needed is missing."""
    if platform.system() != "Linux":
        raise BenchError("needs Linux")
    if shutil.which("valgrind") is None:
        raise BenchError("valgrind is not installed; apt-get install valgrind")
    if not os.access(executable, os.X_OK):
        raise BenchError(f"{executable} is not there; run make build")
    try:
        import greppy._core.engine  # noqa: F401
    except ImportError as error:
        raise BenchError(f"the engine cannot be imported ({error}); use the Python of make build") from None
    found: list[Counts] = []
    tempfile.tempdir = "/tmp"  # a path of another length is another number of instructions
    if in_temporary_folder(PROGRAM, lambda temp: found.append(measure(executable, temp))):
        raise SystemExit(2)
    return conditions(executable), found[0]


# -------------------------------------------------------------------------------------------------------- comparing


def load(path: Path) -> list[dict[str, Any]]:
    """[{"conditions": …, "counts": …}]; empty when there is no such file."""
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read: {error}") from None


def save(path: Path, now: dict[str, str], counts: Counts) -> None:
    others = [one for one in load(path) if one["conditions"] != now]
    entries = sorted(
        [*others, {"conditions": now, "counts": counts}], key=lambda one: sorted(one["conditions"].items())
    )
    path.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def percent(before: int, after: int) -> float:
    return 100 * (after - before) / before


def grown_functions(before: dict[str, int], after: dict[str, int]) -> list[list[str]]:
    """Functions that cost more than before, the worst first. Of a function that was not among the first ten, only the
    least that it can have grown is known."""
    floor = min(before.values(), default=0) if len(before) >= FUNCTIONS else 0
    grown = {name: count - before.get(name, floor) for name, count in after.items()}
    return [
        [f"  {name}", f"{before[name]:,}" if name in before else f"≤ {floor:,}", f"{after[name]:,}", f"+{more:,}"]
        for name, more in sorted(grown.items(), key=lambda pair: -pair[1])
        if more > 0
    ]


def compare(path: Path, now: dict[str, str], counts: Counts, threshold: float) -> int:
    """The exit status: 1 when a count has grown too much."""
    report = Report()
    entries = load(path)
    baseline: Counts | None = next((one["counts"] for one in entries if one["conditions"] == now), None)
    if baseline is None:
        wanted = ", ".join(f"{name} {value}" for name, value in now.items())
        report.say(f"no baseline for {wanted}: nothing was compared (make bench-save makes one)")
        return 0
    rows, worse, better = [], [], []
    for name, count in counts.items():
        if name not in baseline:
            rows.append([name, "-", f"{count['total']:,}", "new"])
            continue
        before = baseline[name]["total"]
        change = percent(before, count["total"])
        rows.append([name, f"{before:,}", f"{count['total']:,}", f"{change:+.2f} %"])
        if abs(count["total"] - before) < LEAST:
            continue
        if change > threshold:
            worse.append(name)
        elif change < -threshold:
            better.append(name)
    gone = [name for name in baseline if name not in counts]
    report.table("instructions", ["what", "baseline", "now", "change"], rows)
    for name in worse:
        functions = grown_functions(baseline[name]["functions"], counts[name]["functions"])
        report.table(f"{name}: functions that cost more", ["function", "baseline", "now", "change"], functions)
    report.say("")
    if gone:
        report.say(f"no longer counted: {', '.join(gone)}")
    if better:
        report.say(f"fewer by more than {threshold:g} %: {', '.join(better)}; keep it that way with make bench-save")
    if worse:
        report.say(f"more by more than {threshold:g} %: {', '.join(worse)}; if that is what it costs, make bench-save")
        return 1
    report.say(f"no count grew by more than {threshold:g} %")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executable", type=Path, default=ROOT / "dist" / "greppy", metavar="PATH")
    parser.add_argument("--baseline", type=Path, default=BASELINE, metavar="PATH")
    parser.add_argument("--counts", type=Path, metavar="PATH", help="a baseline of one entry, instead of measuring")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("save", help="the counts of now become the baseline of these conditions")
    comparing = commands.add_parser("compare", help="exit status 1 if a count has grown too much")
    comparing.add_argument("--threshold", type=float, default=THRESHOLD, metavar="PERCENT")
    options = parser.parse_args()
    try:
        if options.counts is None:
            now, counts = measured(options.executable)
        elif len(entries := load(options.counts)) == 1:
            now, counts = entries[0]["conditions"], entries[0]["counts"]
        else:
            raise BenchError(f"{options.counts} has not one entry")
        if options.command == "compare":
            return compare(options.baseline, now, counts, options.threshold)
        save(options.baseline, now, counts)
        print(f"saved {options.baseline.name}: {len(counts)} counts")
    except BenchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
