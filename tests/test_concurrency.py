"""Eight writers and eight readers on one project: every answer is that of one commit, and nobody leaves anything."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Project, Run
from daemons import Daemon, running

import greppy

WRITERS = READERS = 8
FILES = 24
MARK = re.compile(r"walrus of (\d+) in generation (\d+)")
LONG = float(os.environ.get("GREPPY_CROWD", "30"))  # seconds
DURATIONS = [pytest.param(4.0, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.slow)]


class Crowd:
    """The project they all work on. File i says `walrus of i in generation k`, k being state[i]."""

    def __init__(self, project: Project, seconds: float) -> None:
        self.project = project
        self.end = time.monotonic() + seconds
        self.begun = [0] * FILES  # the generation of each file that is being written, or was
        self.written = [0] * FILES  # the one that is surely there
        self.answers = 0
        self.commits = 0

    def running(self) -> bool:
        return time.monotonic() < self.end

    def edit(self, number: int, generation: int) -> None:
        """As editors do it: written beside, then renamed. Lengths differ, so that chunks do too."""
        path = self.project.root / f"d{number % 5}" / f"f{number:02}.py"
        text = f"def walrus_{number}():\n    return 'walrus of {number} in generation {generation}'\n"
        text += "".join(f"\n\ndef other_{i}(value):\n    return value * {i}\n" for i in range(generation % 7 * 5))
        beside = self.project.root.parent / f"new{number:02}"
        beside.write_text(text)
        self.begun[number] = generation
        path.parent.mkdir(exist_ok=True)
        os.replace(beside, path)
        self.written[number] = generation

    def index(self) -> None:
        done = self.project.run("index", "-q")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        self.commits += 1

    def ask(self, *flags: str) -> list[tuple[int, int]]:
        """(file, generation) of each result. Nothing at all may be found: every file has just been written anew."""
        flags = flags or ("--no-refresh", "--json")
        done = self.project.search("walrus generation", *flags, "-n", "100")
        assert done.stderr == b"", done
        assert done.returncode in (0, 1), done
        found = []
        for result in json.loads(done.stdout)["results"]:
            match = MARK.search(result["content"])
            assert match is not None, result
            assert result["path"] == f"d{int(match[1]) % 5}/f{int(match[1]):02}.py"
            found.append((int(match[1]), int(match[2])))
        assert len({number for number, _ in found}) == len(found)
        self.answers += 1
        return found

    def finish(self) -> None:
        """Everything is there, and nothing that no commit names."""
        self.index()
        assert sorted(self.ask()) == list(enumerate(self.written))
        folder = self.project.index_folder()
        with greppy.open_index(self.project.root) as index:
            segments = len(index.segments)
        names = sorted(path.name for path in folder.iterdir())
        assert {Path(name).suffix for name in names} == {"", ".seg", ".tree"}, names
        assert [name for name in names if "." not in name] == ["lock", "manifest"]
        assert sum(name.endswith(".tree") for name in names) == 1, names
        assert sum(name.endswith(".seg") for name in names) == segments, names
        assert len(list(folder.parent.iterdir())) == 1


@pytest.fixture
def crowd(project: Project) -> Callable[[float], Crowd]:
    def make(seconds: float) -> Crowd:
        crowd = Crowd(project, seconds)
        for number in range(FILES):
            crowd.edit(number, 0)
        crowd.index()
        crowd.end = time.monotonic() + seconds
        return crowd

    return make


@contextlib.contextmanager
def at_once(crowd: Crowd, *crews: tuple[int, Callable[[int], None]]) -> Iterator[None]:
    """Runs (how many, what) in threads; the first failure ends them all and is told."""

    def guarded(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except BaseException:
            crowd.end = 0
            raise

    with ThreadPoolExecutor(sum(count for count, _ in crews)) as pool:
        futures = [pool.submit(guarded, work, number) for count, work in crews for number in range(count)]
        yield
        for future in futures:
            future.result()


@pytest.mark.parametrize("seconds", DURATIONS)
def test_an_answer_is_that_of_one_commit(crowd: Callable[[float], Crowd], seconds: float) -> None:
    """All files are written, then eight index them at once: every commit is of one generation, and so is every
    answer, whatever is written or replaced meanwhile; a file that has changed is left out."""
    crew = crowd(seconds)
    committed = 0
    gate = threading.Barrier(WRITERS)

    def write(number: int) -> None:
        nonlocal committed
        generation = 0
        try:
            while True:
                generation += 1
                if gate.wait() == 0 and not crew.running():
                    gate.abort()
                for file in range(number, FILES, WRITERS):
                    crew.edit(file, generation)
                gate.wait()
                crew.index()
                if gate.wait() == 0:
                    committed = generation
        except threading.BrokenBarrierError:
            pass
        except BaseException:
            gate.abort()
            raise

    def read(number: int) -> None:
        last = 0
        while crew.running():
            least = max(last, committed)
            found = crew.ask()
            generations = {generation for _, generation in found}
            assert len(generations) <= 1, found
            if generations:
                [last] = generations
                assert last >= least, "an older commit than before"
                assert last <= max(crew.begun)

    with at_once(crew, (WRITERS, write), (READERS, read)):
        pass
    crew.finish()
    assert committed >= 1
    assert crew.answers > READERS


@pytest.mark.parametrize("seconds", DURATIONS)
def test_everybody_at_once(crowd: Callable[[float], Crowd], seconds: float) -> None:
    """No order at all: an answer names no file twice, and each line is what its file held while the search ran."""
    crew = crowd(seconds)

    def write(number: int) -> None:
        chance = random.Random(number)
        while crew.running():
            for file in range(number, FILES, WRITERS):
                if chance.random() < 0.7:
                    crew.edit(file, crew.begun[file] + 1)
            crew.index()

    def read(number: int) -> None:
        while crew.running():
            before = list(crew.written)
            found = crew.ask()
            after = list(crew.begun)
            for file, generation in found:
                assert before[file] <= generation <= after[file]

    with at_once(crew, (WRITERS, write), (READERS, read)):
        pass
    crew.finish()
    assert crew.answers > READERS
    assert crew.commits > WRITERS


@pytest.fixture
def watched_crowd(
    crowd: Callable[[float], Crowd], run: Run, env: dict[str, str], greppy_bin: Path, project: Project
) -> Iterator[tuple[Callable[[float], Crowd], Daemon]]:
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as name, running(run, env) as daemon:
        daemon.socket = Path(name, "greppy", "daemon.sock")
        env["XDG_RUNTIME_DIR"] = daemon.env["XDG_RUNTIME_DIR"] = name
        yield crowd, daemon


@pytest.mark.parametrize("seconds", DURATIONS)
def test_everybody_at_once_with_a_daemon(
    watched_crowd: tuple[Callable[[float], Crowd], Daemon], seconds: float, greppy_bin: Path
) -> None:
    """A search finds every file as it was when the search began, or as it is now, while eight write and index."""
    make, daemon = watched_crowd
    crew = make(seconds)
    client = daemon.foreground(greppy_bin, crew.project.root)
    crew.end = time.monotonic() + seconds
    before_rss = daemon_memory(daemon.pid)

    def write(number: int) -> None:
        chance = random.Random(number)
        while crew.running():
            for file in range(number, FILES, WRITERS):
                if chance.random() < 0.7:
                    crew.edit(file, crew.begun[file] + 1)
                time.sleep(chance.uniform(0, 0.1))
            if chance.random() < 0.2:
                crew.index()

    def read(number: int) -> None:
        while crew.running():
            before, begun = list(crew.written), list(crew.begun)
            found = dict(crew.ask("--json"))
            after = list(crew.begun)
            for file, generation in found.items():
                assert before[file] <= generation <= after[file]
            for file in range(FILES):
                if before[file] == begun[file] == after[file]:  # nobody wrote it meanwhile
                    assert found.get(file) == before[file], f"file {file} as it is now was not found"

    with at_once(crew, (WRITERS, write), (READERS, read)):
        pass
    [report] = client.status()["projects"]
    assert report["state"] == "watched", report
    client.close()
    assert daemon_memory(daemon.pid) < before_rss + (64 << 20)
    assert len(os.listdir(f"/proc/{daemon.pid}/fd")) < 40
    daemon.end()
    for name in ("watch", "journal"):
        (crew.project.index_folder() / name).unlink(missing_ok=True)
    crew.finish()
    assert crew.answers > READERS


def daemon_memory(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024
