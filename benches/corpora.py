"""What is indexed and searched: a repository of about a thousand files, and Linux when its source is given."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

SMALL_FILES = 1000
BINARY_LOOK = 8192  # bytes in which a NUL makes a file binary

# (shape, query); the first is one word that ripgrep and csearch look for too.
PYTHON_QUERIES = [
    ("rare symbol", "parsedate_to_datetime"),
    ("class name", "ThreadPoolExecutor"),
    ("common word", "self"),
    ("common word", "name"),
    ("2 words", "http header"),
    ("3 words", "parse http date"),
    ("4 words", "open unix socket server"),
    ("5 words", "retry failed connection with timeout"),
    ("6 words", "read lines from compressed text file"),
    ("question", "how does the thread pool wait for its workers"),
    ("question", "where is the folder for temporary files chosen?"),
    ("nothing found", "zqxjkvwplorm"),
]
LINUX_QUERIES = [
    ("rare symbol", "ext4_fc_replay_scan"),
    ("known symbol", "mutex_lock_interruptible"),
    ("common word", "int"),
    ("common word", "page"),
    ("2 words", "page fault"),
    ("3 words", "tcp congestion window"),
    ("4 words", "allocate huge page memory"),
    ("5 words", "usb device descriptor read error"),
    ("6 words", "queue delayed work on another cpu"),
    ("question", "how is the victim of the oom killer chosen"),
    ("question", "where does the scheduler balance load between cores?"),
    ("nothing found", "zqxjkvwplorm"),
]
ANY_QUERIES = [
    ("common word", "name"),
    ("common word", "return"),
    ("2 words", "open file"),
    ("3 words", "parse date string"),
    ("4 words", "read options from file"),
    ("5 words", "convert value to a string"),
    ("6 words", "check that the list is empty"),
    ("question", "how are errors reported to the user"),
    ("question", "where is the configuration read?"),
    ("nothing found", "zqxjkvwplorm"),
]


def _listed_by_git(root: Path) -> list[str] | None:
    """What git would track below root, or None when root is no work tree."""
    if not (root / ".git").exists() or shutil.which("git") is None:
        return None
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, capture_output=True, check=False)
    if result.returncode:
        return None
    return [os.fsdecode(name) for name in sorted(set(result.stdout.split(b"\0"))) if name]


def _walked(root: Path) -> list[str]:
    """What greppy and ripgrep take where git does not say: nothing hidden."""
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        shown = sorted(name for name in files if not name.startswith("."))
        names += [os.path.relpath(os.path.join(folder, name), root) for name in shown]
    return names


@dataclass
class Corpus:
    name: str  # of its tables
    title: str
    root: Path
    queries: list[tuple[str, str]]
    indexed: bool = field(default=False)  # by greppy, in this run

    @cached_property
    def text_files(self) -> list[tuple[str, int]]:
        """(path, bytes) of the regular files without a NUL in their first 8 KiB. Reads them all: the page cache is
        warm for whoever comes first."""
        found = []
        listed = _listed_by_git(self.root)
        for name in _walked(self.root) if listed is None else listed:
            path = self.root / name
            if path.is_symlink() or not path.is_file():
                continue
            try:
                data = path.read_bytes()
            except OSError:
                continue
            if b"\0" not in data[:BINARY_LOOK]:
                found.append((str(path), len(data)))
        return found

    @property
    def source_bytes(self) -> int:
        return sum(size for _, size in self.text_files)


def _track(root: Path) -> None:
    """Makes root a git work tree, which is what a repository is for most."""
    if shutil.which("git") is None or (root / ".git").exists():
        return
    subprocess.run(["git", "-C", str(root), "init", "--quiet"], check=True, capture_output=True)
    subprocess.run(["git", "-C", str(root), "add", "--all"], check=True, capture_output=True)


def _python_library(target: Path) -> None:
    """Copies a thousand files of the running Python's library: the library first, then its tests."""
    library = Path(sysconfig.get_paths()["stdlib"]).resolve()
    files = sorted(library.rglob("*.py"))
    rest = [path for path in files if not {"site-packages", "dist-packages"} & set(path.relative_to(library).parts)]
    rest.sort(key=lambda path: bool({"test", "tests"} & set(path.relative_to(library).parts)))
    for path in rest[:SMALL_FILES]:
        copy = target / path.relative_to(library)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _some_symbol(corpus: Corpus) -> str:
    """A long identifier of some file: no language is asked for."""
    names = random.Random(1).sample([path for path, _ in corpus.text_files], len(corpus.text_files))
    for name in names:
        found = re.findall(rb"\b[a-z]+(?:_[a-z]+){2,3}\b|\b[a-z]+(?:[A-Z][a-z]+){2,3}\b", Path(name).read_bytes())
        if found:
            return max(found, key=lambda word: (len(word), word)).decode("ascii")
    return "main"


def small(temp: Path, repo: Path | None) -> Corpus:
    """The small corpus, copied: some measurements change a file."""
    root = temp / "small"
    if repo is None:
        _python_library(root)
        _track(root)
        corpus = Corpus("small", "Python's standard library", root, PYTHON_QUERIES)
    else:
        shutil.copytree(repo, root, symlinks=True)
        corpus = Corpus("small", repo.resolve().name, root, [])
        corpus.queries = [("some symbol", _some_symbol(corpus)), *ANY_QUERIES]
    return corpus


def linux(path: Path) -> Corpus:
    return Corpus("linux", "Linux", path.resolve(), LINUX_QUERIES)
