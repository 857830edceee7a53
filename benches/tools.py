"""Who greppy is compared with as whole processes, and how each is asked for a name and for a question.

What each tool is asked is written down here and the same for all. `original` is the Rust program greppy of the crate
greppy-cli; for its name it is only looked for where `--tool original=PATH` says.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import isolated
from corpora import Corpus
from processes import Command, once

TOOLS = ("rg", "git", "csearch", "cindex", "semble", "zoekt", "zoekt-index", "original")

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


class Toolbox:
    """The tools of this machine; `named` says where those are that are not on PATH."""

    def __init__(self, temp: Path, greppy: str, named: dict[str, str]) -> None:
        self.temp, self.greppy = temp, greppy
        self.programs = {name: path for name in TOOLS if (path := named.get(name) or self._on_path(name))}
        models = os.environ.get("HF_HOME", os.path.expanduser("~/.cache/huggingface"))  # semble's is used, not fetched
        self.env = isolated(temp) | {"GREPPY_HOME": str(temp / "original"), "HF_HOME": models, "HF_HUB_OFFLINE": "1"}

    @staticmethod
    def _on_path(name: str) -> str | None:
        return None if name == "original" else shutil.which(name)

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
        if {"csearch", "cindex"} <= self.programs.keys():
            found.append(self._csearch(corpus, name))
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

    def _csearch(self, corpus: Corpus, name: str) -> Tool:
        index = self.temp / f"csearch-{corpus.name}"
        self.env["CSEARCHINDEX"] = str(index)
        program, make = shlex.quote(self.programs["csearch"]), (self.programs["cindex"], str(corpus.root))

        def ask(question: str) -> Command:
            every = words(question)
            script = f"for word in {shlex.join(every)}; do {program} -i -l $word; done | sort | uniq -c"
            return shell("csearch", script + f" | sed -n 's/^ *{len(every)} //p' | head -n 1")

        look = Command("csearch", (self.programs["csearch"], "-n", name))
        return Tool("csearch", look, ask, False, Command("cindex", make, (0,)), index)

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
