"""Who greppy is compared with, and where they are on this machine. One that is missing is named, never imagined."""

from __future__ import annotations

import importlib.metadata
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from processes import BenchError, Command

NOTHING = "int main(void) { return 0; }\n"


def _version(program: str) -> str:
    result = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return result.stdout.splitlines()[0].strip() if result.returncode == 0 and result.stdout else "of unknown version"


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass
class Peers:
    temp: Path
    nothing: str = ""
    programs: dict[str, str] = field(default_factory=dict)  # name → path
    packages: dict[str, str] = field(default_factory=dict)  # name → version

    def __post_init__(self) -> None:
        self.nothing = self._compile_nothing("gcc", "cc")
        for name in ("true", "rg", "csearch", "cindex"):
            if path := shutil.which(name):
                self.programs[name] = path
        for name in ("tantivy", "bm25s", "semble"):
            if version := _package(name):
                self.packages[name] = version

    def _compile_nothing(self, *names: str) -> str:
        """The floor: a static executable that does nothing, made by the first of these compilers."""
        compiler = next(filter(None, map(shutil.which, names)), None)
        if compiler is None:
            raise BenchError("no C compiler: the static executable that does nothing cannot be made (apt install gcc)")
        program = self.temp / f"nothing-{names[0]}"
        source, linked = self.temp / "nothing.c", self.temp / "nothing.linked"
        source.write_text(NOTHING, encoding="ascii")
        result = subprocess.run(
            [compiler, "-O2", "-static", "-o", str(linked), str(source)], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise BenchError(f"the static executable that does nothing does not link: {result.stderr.strip()[-300:]}")
        # Copied, as the greppy that is measured is. A file written in small pieces, as by a linker, starts slower than
        # a byte-identical copy (7 to 12 % measured): every ratio would be flattered.
        shutil.copy2(linked, program)
        return str(program)

    def describe(self) -> list[str]:
        lines = [f"SQLite {sqlite3.sqlite_version} (FTS5)"]
        if "rg" in self.programs:
            lines.append(_version(self.programs["rg"]))
        lines += [f"{name} {version}" for name, version in self.packages.items()]
        lines += [name for name in ("csearch", "cindex") if name in self.programs]
        return lines

    def missing(self) -> list[str]:
        programs = {"rg": "ripgrep", "csearch": "csearch", "cindex": "cindex"}
        absent = [said for name, said in programs.items() if name not in self.programs]
        return absent + [name for name in ("tantivy", "bm25s", "semble") if name not in self.packages]

    def floor(self) -> Command:
        return Command("does nothing, static", (self.nothing,), (0,))

    def start_ups(self) -> list[Command]:
        """Other programs that do nothing."""
        found = []
        if shutil.which("musl-gcc"):
            found.append(Command("does nothing, static, musl", (self._compile_nothing("musl-gcc"),), (0,)))
        if "true" in self.programs:
            found.append(Command("true, dynamic", (self.programs["true"],), (0,)))
        return found

    def searches(self, word: str) -> list[Command]:
        """Whole processes that look for one word below the current folder."""
        found = []
        if "true" in self.programs:
            found.append(Command("true, dynamic", (self.programs["true"],), (0,)))
        if "csearch" in self.programs and "cindex" in self.programs:
            found.append(Command("csearch -l", (self.programs["csearch"], "-l", word)))
        if "rg" in self.programs:
            found.append(Command("rg -l", (self.programs["rg"], "-l", word, ".")))
        return found

    def cindex(self, root: Path) -> Command:
        return Command("cindex", (self.programs["cindex"], str(root)), (0,))

    def builder(self, name: str, files: Path, target: Path) -> Command:
        script = str(Path(__file__).resolve().parent / "builders.py")
        return Command(name, (sys.executable, script, name, str(files), str(target)), (0,))
