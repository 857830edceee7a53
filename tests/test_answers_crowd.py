"""The disk cache of smart answers used by several processes at once, of which some are killed."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from answering import KEYS, key_of, version_of
from oracle import answers as oracle

from greppy._core import engine

NOW = 1_700_000_000
LONG = float(os.environ.get("GREPPY_CROWD", "30"))  # seconds
DURATIONS = [pytest.param(4.0, 6, id="short"), pytest.param(LONG, 16, id="long", marks=pytest.mark.slow)]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "greppy" / "smart.l2"


OTHER = """
import sys
from greppy._core import engine
for line in sys.stdin.buffer:
    name, arguments = eval(line)
    print(repr(getattr(engine, "answers_" + name)(*arguments)), flush=True)
"""


def test_two_processes_in_turns(cache: Path) -> None:
    """What one has put the other finds, whoever has written the file anew."""
    chance = random.Random(5)
    expected = oracle.Answers()
    now = NOW
    child = subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    assert child.stdout

    def there(name: str, *arguments: object) -> object:
        assert child.stdin
        assert child.stdout
        print(repr((name, arguments)), file=child.stdin, flush=True)
        return eval(child.stdout.readline())

    def here(name: str, *arguments: object) -> object:
        return getattr(engine, f"answers_{name}")(*arguments)

    for _ in range(3000):
        ask = chance.choice((here, there))
        key = b"%d" % chance.randrange(1500)
        now += chance.choice((0, 0, 1, 200))
        if chance.random() < 0.4:
            body = chance.choice((b"v", b"w" * 300, b"x" * 16000))
            assert ask("put", bytes(cache), key, body, now) is None
            expected.put(key, body, now)
        elif chance.random() < 0.005:
            assert ask("list", bytes(cache), now) == expected.list(now)
        elif chance.random() < 0.001:
            assert ask("clear", bytes(cache)) is None
            expected.clear()
        else:
            assert ask("get", bytes(cache), key, now) == expected.get(key, now)
    assert oracle.parse(cache.read_bytes()) == expected
    child.stdin.close()
    assert child.wait(60) == 0
    child.stdout.close()


CUT_SHORT = """
import resource, signal, sys
from greppy._core import engine
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
engine.answers_put(sys.argv[1].encode(), b"7", b"new" * 30, int(sys.argv[3]))
"""


def cut_short(cache: Path, limit: int) -> None:
    """A process puts "7" and is killed when it would make a file longer than `limit`."""
    arguments = [sys.executable, "-c", CUT_SHORT, str(cache), str(limit), str(NOW + 60)]
    assert subprocess.run(arguments).returncode == -signal.SIGXFSZ


def test_killed_while_it_appends(cache: Path) -> None:
    for i in range(10):
        engine.answers_put(bytes(cache), b"%d" % i, b"old", NOW)
    for written in (0, 1, 8, 16, 100):
        before = cache.stat().st_size
        cut_short(cache, before + written)
        assert cache.stat().st_size == before + written
        for i in range(10):
            assert engine.answers_get(bytes(cache), b"%d" % i, NOW + 60) == b"old"
    engine.answers_put(bytes(cache), b"7", b"new", NOW)
    assert engine.answers_get(bytes(cache), b"7", NOW) == b"new"


@pytest.mark.parametrize("written", [0, 50, 135168, 200_000])
def test_killed_while_it_writes_anew(cache: Path, written: int) -> None:
    for i in range(1000, 6000):
        engine.answers_put(bytes(cache), b"%d" % i, b"old" * 20, NOW)
    before = cache.read_bytes()
    cut_short(cache, written)
    assert cache.read_bytes() == before
    assert cache.with_name("smart.l2.new").stat().st_size == written
    engine.answers_put(bytes(cache), b"7", b"new", NOW)
    assert engine.answers_get(bytes(cache), b"7", NOW) == b"new"
    assert len(engine.answers_list(bytes(cache), NOW)) == 4001
    assert [path.name for path in cache.parent.iterdir()] == ["smart.l2"]


Start = Callable[[int, int], "subprocess.Popen[bytes]"]


def starting(cache: Path, work: str) -> Start:
    program = str(Path(__file__).with_name("answering.py"))

    def start(number: int, generation: int) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, program, str(cache), work, str(number), str(generation)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


def test_every_lookup_is_counted(cache: Path) -> None:
    engine.answers_put(bytes(cache), b"there", b"v")
    start = starting(cache, "count")
    for child in [start(6000, 0) for _ in range(6)]:
        assert child.communicate(timeout=120) == (b"", b"")
    stats = engine.answers_stats(bytes(cache))
    assert (stats["hits"], stats["misses"]) == (24_000, 12_000)


class Crowd:
    """Processes of which one after the other is killed and another one takes its place."""

    def __init__(self, start: Start, size: int, seconds: float) -> None:
        self.start, self.size = start, size
        self.end = time.monotonic() + seconds
        self.said: list[list[bytes]] = [[] for _ in range(size)]
        self.errors: list[bytes] = []
        self.killed = 0

    def run(self, meanwhile: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self._keep, args=(number,)) for number in range(self.size)]
        for thread in threads:
            thread.start()
        while time.monotonic() < self.end:
            meanwhile()
        for thread in threads:
            thread.join()
        assert self.errors == []

    def _keep(self, number: int) -> None:
        chance = random.Random(number)
        generation = 0
        while time.monotonic() < self.end and not self.errors:
            generation += 1
            child = self.start(number, generation)
            assert child.stdout
            until = min(self.end, time.monotonic() + chance.uniform(0.2, 2.0))
            while (left := until - time.monotonic()) > 0:
                if select.select([child.stdout], [], [], left)[0]:
                    data = os.read(child.stdout.fileno(), 1 << 16)
                    self.said[number].append(data)
                    if not data:
                        break
            child.kill()
            rest, error = child.communicate()
            self.said[number].append(rest)
            self.killed += child.returncode == -signal.SIGKILL
            if child.returncode != -signal.SIGKILL or error:
                self.errors.append(error or b"it ended by itself")


@pytest.mark.parametrize(("seconds", "size"), DURATIONS)
def test_no_acknowledged_answer_is_lost(cache: Path, seconds: float, size: int) -> None:
    """Below what the cache holds, though it is written anew now and then for the records that were replaced."""
    while not cache.exists() or cache.stat().st_size < 7_900_000:
        engine.answers_put(bytes(cache), b"again", bytes(16384))
    crowd = Crowd(starting(cache, "below"), size, seconds)
    size_before = anew = 0

    def look() -> None:
        nonlocal size_before, anew
        size_now = cache.stat().st_size if cache.exists() else 0
        assert size_now <= 8_000_000
        anew += size_now < size_before
        size_before = size_now
        time.sleep(0.005)

    crowd.run(look)
    assert crowd.killed >= size
    assert anew > 0, "it was never written anew"
    acknowledged = 0
    for number in range(size):
        last: dict[int, int] = {}
        for line in b"".join(crowd.said[number]).splitlines():
            i, version = map(int, line.split())
            assert version > last.get(i, 0)
            last[i] = version
            acknowledged += 1
        for i, version in last.items():
            body = engine.answers_get(bytes(cache), key_of(number, i))
            assert body is not None, "an acknowledged answer is lost"
            # put after that at the most once: by one that was killed before it could say so
            assert version_of(key_of(number, i), body) >= version
    assert acknowledged > 100
    assert 100 < len(engine.answers_list(bytes(cache))) <= size * KEYS + 1
    oracle.parse(cache.read_bytes())


@pytest.mark.parametrize(("seconds", "size"), DURATIONS)
def test_bounds_hold_in_a_crowd(cache: Path, seconds: float, size: int) -> None:
    crowd = Crowd(starting(cache, "above"), size, seconds)
    most = entries = 0

    def look() -> None:
        nonlocal most, entries
        with contextlib.suppress(FileNotFoundError):
            most = max(most, cache.stat().st_size)
        entries = max(entries, len(engine.answers_list(bytes(cache))))
        time.sleep(0.01)

    crowd.run(look)
    assert crowd.killed >= size
    assert 7_000_000 < most <= 8_000_000 or entries >= 4000
    assert entries <= 5000
    found = oracle.parse(cache.read_bytes())
    assert 0 < len(found.entries) <= 5000
    assert {path.name for path in cache.parent.iterdir()} <= {"smart.l2", "smart.l2.new"}
