"""How fast source is read: outline scanner and tokeniser together, beside parsers of the same files, on one core."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import Bench
from processes import BenchError, Command, watch
from report import megabytes, seconds, times

BAR_MB_S = 100.0
LANGUAGE_BYTES, QUICK_LANGUAGE_BYTES = 14_000_000, 3_000_000  # of one language at most, so that none drowns the others
LARGEST = 1_000_000  # bytes of a file: what greppy indexes when nothing else is said
# What the grammars of the tests and ctags read too: a peer that passes over a file would look fast.
LANGUAGES = {
    "bash": ".sh", "c": ".c .h", "cpp": ".cc .cpp .hpp", "csharp": ".cs", "elixir": ".ex .exs", "go": ".go",
    "java": ".java", "javascript": ".js .mjs .cjs", "lua": ".lua", "php": ".php", "python": ".py", "ruby": ".rb",
    "rust": ".rs", "typescript": ".ts",
}  # fmt: skip
TESTS = Path(__file__).resolve().parent.parent / "tests"


@dataclass(frozen=True)
class Source:
    path: str  # absolute, without symbolic links
    language: str
    text: bytes


def _found(root: Path) -> Iterator[tuple[bytes, Path, str]]:
    """(place in the order, path, language) of a tree's files; the order depends on names alone."""
    languages = {ending: name for name, endings in LANGUAGES.items() for ending in endings.split()}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(folder, name)
            if (language := languages.get(path.suffix)) and not path.is_symlink():
                place = os.fsencode(path.relative_to(root))
                yield hashlib.sha256(place).digest(), path, language


def sample(roots: list[Path], language_bytes: int) -> list[Source]:
    """Files of every language, in an order of chance that is always the same, until there are enough bytes of it."""
    taken: Counter[str] = Counter()
    found = []
    for _, path, language in sorted(entry for root in roots for entry in _found(root)):
        if taken[language] >= language_bytes:
            continue
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if 0 < len(text) <= LARGEST and b"\0" not in text:
            taken[language] += len(text)
            found.append(Source(str(path), language, text))
    return sorted(found, key=lambda one: os.fsencode(one.path))


# ------------------------------------------------------------------------------------------------------ who reads


def _scan(engine: Any, files: list[Source]) -> None:
    for one in files:
        engine.scan_counts(one.text, one.language)


def _build(engine: Any, files: list[Source]) -> None:
    """All that greppy does with a file before a segment is written; this one reads the files itself."""
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        engine.Builder().add(root, [os.fsencode(one.path[1:]) for one in files], LARGEST, True)
    finally:
        os.close(root)


def _tree_sitter(files: list[Source]) -> Callable[[], None] | None:
    if importlib.util.find_spec("tree_sitter") is None:
        return None
    sys.path.append(str(TESTS))
    try:
        from agreement.grammars import GRAMMARS

        parsers = {name: GRAMMARS[name].prepared()[0] for name in {one.language for one in files}}
    except ImportError:
        return None
    finally:
        sys.path.remove(str(TESTS))

    def parse() -> None:
        for one in files:
            parsers[one.language].parse(one.text)

    return parse


def _ctags(bench: Bench, files: list[Source]) -> Command | None:
    program = shutil.which("ctags")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    if "Universal Ctags" not in said:
        return None
    listing = bench.temp / "scan-files"
    listing.write_text("".join(f"{one.path}\n" for one in files), encoding="utf-8", errors="surrogateescape")
    arguments = ("--options=NONE", "--sort=no", "-L", str(listing), "-f", str(bench.temp / "scan-tags"))
    return Command(re.split(r"[,(]", said)[0].strip(), (program, *arguments), (0,))


def _process_seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def scan(bench: Bench) -> None:
    """Processor seconds, so that a neighbour on the machine costs little; every reader is one thread."""
    try:
        from greppy._core import engine
    except ImportError as error:
        raise BenchError(f"the scan part imports greppy (run it with the Python of make build): {error}") from None
    roots = [Path(sysconfig.get_paths()["stdlib"]).resolve(), *bench.sources]
    roots += [corpus.root for corpus in bench.corpora if corpus.name == "linux"]
    files = sample(roots, QUICK_LANGUAGE_BYTES if bench.quick else LANGUAGE_BYTES)
    total = sum(len(one.text) for one in files)
    shares: Counter[str] = Counter()
    for one in files:
        shares[one.language] += len(one.text)

    works: dict[str, Callable[[], float]] = {
        "greppy, outline and tokens": lambda: _process_seconds(lambda: _scan(engine, files)),
        "greppy, all of indexing but writing": lambda: _process_seconds(lambda: _build(engine, files)),
    }
    first = next(iter(works))
    if (parse := _tree_sitter(files)) is not None:
        works["tree-sitter"] = lambda: _process_seconds(parse)
    else:
        bench.report.say("scan: no tree-sitter with the grammars of the tests (make test installs them)")
    if (ctags := _ctags(bench, files)) is not None:
        works[ctags.name] = lambda: watch(ctags, str(bench.temp), bench.env).cpu_seconds
    else:
        bench.report.say("scan: no Universal Ctags (apt install universal-ctags)")

    took: dict[str, list[float]] = {name: [] for name in works}
    shuffle = random.Random(1).shuffle
    for _ in range(bench.rounds):
        turn = list(works)
        shuffle(turn)
        for name in turn:
            took[name].append(works[name]())
    medians = {name: statistics.median(runs) for name, runs in took.items()}
    bench.report.table(
        f"reading source on one core: {len(files):,} files, {megabytes(total)} MB",
        ["what", "cpu s", "MB/s", "× greppy", "runs"],
        [
            [name, seconds(s), f"{total / 1e6 / s:,.1f}", times(s / medians[first]), str(len(took[name]))]
            for name, s in medians.items()
        ],
    )
    mixed = ", ".join(f"{name} {megabytes(n)}" for name, n in shares.most_common())
    bench.report.say(f"  MB of each language: {mixed}")
    bench.report.data["scan"] = {"files": len(files), "bytes": total, "languages": shares, "cpu_seconds": took}
    bench.report.bar("outline and tokens, one core", total / 1e6 / medians[first], BAR_MB_S, "MB/s", at_least=True)
