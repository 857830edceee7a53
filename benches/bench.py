"""What the parts of a run share: the executable, its isolated environment, the corpora, the peers, the report."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import corpora
from corpora import Corpus
from peers import Peers
from processes import Command, LongRun, once, watch
from report import Report

HOME_VARIABLES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME")


@dataclass
class Bench:
    temp: Path
    greppy: str
    peers: Peers
    report: Report
    env: dict[str, str]
    corpora: list[Corpus]
    runs: int
    rounds: int  # of indexing the small corpus
    linux_rounds: int
    sources: list[Path]  # more source, for the scan part
    quick: bool

    def command(self, name: str, *arguments: str, good: tuple[int, ...] = (0, 1)) -> Command:
        return Command(name, (self.greppy, *arguments), good)

    def index(self, corpus: Corpus) -> LongRun:
        """Builds greppy's index anew, of all text files whatever their size."""
        command = self.command("greppy", "index", "--force", "--max-filesize", "0", "-p", str(corpus.root), good=(0,))
        run = watch(command, str(corpus.root), self.env)
        corpus.indexed = True
        return run

    def unpack(self) -> tuple[float, float]:
        """Seconds of `greppy index` of one file, twice: the first command unpacks the runtime, no later one does."""
        root = self.temp / "tiny"
        root.mkdir()
        (root / "hello.py").write_text("print('hello')\n", encoding="ascii")
        case = self.command("greppy index", "index", "--force", "-p", str(root), good=(0,))
        first = once(case, str(root), self.env)[0]
        return first, once(case, str(root), self.env)[0]

    def ready(self, corpus: Corpus) -> None:
        if not corpus.indexed:
            self.index(corpus)

    def csearch_index(self, corpus: Corpus) -> Path:
        return self.temp / f"csearch-{corpus.name}"

    def index_bytes(self, corpus: Corpus) -> int:
        folders = (self.temp / "home" / "greppy" / "index").glob(f"{corpus.root.name}-*")
        return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def isolated(temp: Path) -> dict[str, str]:
    """An environment in which nothing of the person's is read or written."""
    home = temp / "home"
    home.mkdir(mode=0o700)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GREPPY_", "RIPGREP_", "GIT_"))}
    env |= dict.fromkeys(HOME_VARIABLES, str(home))
    env |= {"GREPPY_NO_DAEMON": "1"}
    return env


def prepare(
    temp: Path,
    greppy: Path,
    repo: Path | None,
    linux: Path | None,
    sources: list[Path],
    runs: int,
    rounds: int,
    linux_rounds: int,
    quick: bool,
) -> Bench:
    # A copy: a build that happens meanwhile does not mix two programs' figures.
    copy = temp / "greppy"
    shutil.copy2(greppy, copy)
    found = [corpora.small(temp, repo)]
    if linux is not None:
        found.append(corpora.linux(linux))
    env = isolated(temp)
    return Bench(temp, str(copy), Peers(temp), Report(), env, found, runs, rounds, linux_rounds, sources, quick)
