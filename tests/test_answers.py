"""The disk cache of smart answers: against a dict, in bytes, damaged, on a full disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import resource
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from oracle import answers as oracle
from oracle import query as query_oracle
from test_query import PIECES

from greppy._core import engine

NOW = 1_700_000_000
DAY = 24 * 3600
NOBODY = 65534


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "greppy" / "smart.l2"


def put(cache: Path, key: bytes, body: bytes, now: int = NOW) -> None:
    engine.answers_put(bytes(cache), key, body, now)


def get(cache: Path, key: bytes, now: int = NOW) -> bytes | None:
    return engine.answers_get(bytes(cache), key, now)


def listed(cache: Path, now: int = NOW) -> dict[bytes, bytes]:
    return {key: body for key, body, _, _ in engine.answers_list(bytes(cache), now)}


# ---------------------------------------------------------------------------------------------------- what it must do


class Machine(RuleBasedStateMachine):
    """Random work with a clock that is turned either way."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "greppy" / "smart.l2"
        self.expected = oracle.Answers()
        self.now = NOW
        self.serial = 0

    def teardown(self) -> None:
        if self.expected.size:
            assert oracle.parse(self.path.read_bytes()) == self.expected
        shutil.rmtree(self.folder)

    def put(self, key: bytes, body: bytes) -> None:
        put(self.path, key, body, self.now)
        self.expected.put(key, body, self.now)

    keys = st.sampled_from([b"", b"a", b"who\0c d", bytes(4096), *(b"%d" % i for i in range(20))])
    bodies = st.one_of(st.binary(max_size=40), st.integers(0, 16384).map(lambda n: b"x" * n))

    @rule(key=keys, body=bodies)
    def put_one(self, key: bytes, body: bytes) -> None:
        self.put(key, body)

    @rule(key=keys)
    def get_one(self, key: bytes) -> None:
        assert get(self.path, key, self.now) == self.expected.get(key, self.now)

    @rule(count=st.integers(1, 40), seed=st.integers(0, 99))
    def get_some(self, count: int, seed: int) -> None:
        for _ in range(count):
            seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
            self.get_one(b"n%d" % (seed % (self.serial + 1)))

    @rule(count=st.sampled_from([3, 50, 1000, 2600]), size=st.sampled_from([0, 300]))
    def put_many(self, count: int, size: int) -> None:
        for _ in range(count):
            self.serial += 1
            self.put(b"n%d" % self.serial, b"y" * size)

    @rule(count=st.sampled_from([3, 100, 300]))
    def put_large(self, count: int) -> None:
        for _ in range(count):
            self.serial += 1
            self.put(b"n%d" % self.serial, b"z" * 16384)

    @rule(seconds=st.sampled_from([1, 59, 60, 61, DAY, 3 * DAY, 7 * DAY - 1, 7 * DAY, 70 * DAY]), back=st.booleans())
    def turn(self, seconds: int, back: bool) -> None:
        self.now += -seconds if back else seconds

    @rule()
    def clear(self) -> None:
        engine.answers_clear(bytes(self.path))
        self.expected.clear()

    @rule()
    def list_all(self) -> None:
        assert engine.answers_list(bytes(self.path), self.now) == self.expected.list(self.now)
        assert engine.answers_stats(bytes(self.path), self.now) == self.expected.stats(self.now)

    @invariant()
    def bounds(self) -> None:
        assert len(self.expected.entries) <= 5000
        size = self.path.stat().st_size if self.path.exists() else 0
        assert size == self.expected.size <= 8_000_000


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_worked_example(cache: Path) -> None:
    put(cache, b"k", b"v")
    assert get(cache, b"k") == b"v"
    assert get(cache, b"a") is None
    assert get(cache, b"a") is None
    data = cache.read_bytes()
    expected = bytearray(135168)
    expected[:24] = bytes.fromhex("89475250 4C320D0A 01000000 E01F0000 8EB4BCB158868DBB")
    expected[118784:118800] = bytes.fromhex("0000000000000000 0200000000000000")
    expected[131072:131088] = bytes.fromhex("0100000000000000 0000000000000000")
    expected[131632:131648] = bytes.fromhex("001002094077606B 00F15365 00000000")
    expected += bytes.fromhex("804A363AF60B64F9 00F15365 0100 0100 6B 76")
    assert data == expected
    # and the other way round
    other = cache.with_name("other")
    other.write_bytes(data)
    assert get(other, b"k") == b"v"


def test_file_and_folder_are_private(cache: Path) -> None:
    put(cache, b"k", b"v")
    assert cache.stat().st_mode & 0o777 == 0o600
    assert cache.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in cache.parent.iterdir()] == ["smart.l2"]


def test_longest(cache: Path) -> None:
    put(cache, b"k" * 4096, b"v" * 16384)
    assert get(cache, b"k" * 4096) == b"v" * 16384
    for key, body in ((b"k" * 4097, b""), (b"k", b"v" * 16385), (b"k", bytes(1 << 16)), (bytes(1 << 20), b"")):
        with pytest.raises(OSError) as caught:
            put(cache, key, body)
        assert caught.value.errno == errno.EMSGSIZE
        assert get(cache, key) is None
    assert list(listed(cache)) == [b"k" * 4096]


def test_the_least_recently_used_goes(cache: Path) -> None:
    for i in range(5000):
        put(cache, b"%d" % i, b"v", NOW + i // 100)
    for i in range(1000):
        assert get(cache, b"%d" % i, NOW + 200) == b"v"
    put(cache, b"new", b"v", NOW + 200)
    left = listed(cache, NOW + 200)
    assert len(left) == 4001
    assert [i for i in range(5000) if b"%d" % i not in left] == list(range(1000, 2000))


def test_the_expired_go_first(cache: Path) -> None:
    for i in range(5000):
        put(cache, b"%d" % i, b"v", NOW if i % 2 else NOW + DAY)
    for i in range(1, 5000, 2):  # used, but old
        get(cache, b"%d" % i, NOW + 2 * DAY)
    put(cache, b"new", b"v", NOW + 7 * DAY)
    assert listed(cache, NOW + 7 * DAY).keys() == {b"%d" % i for i in range(0, 5000, 2)} | {b"new"}
    assert oracle.parse(cache.read_bytes()).size == cache.stat().st_size < oracle.INDEX + 2501 * 24


def test_a_clock_that_was_wrong(cache: Path) -> None:
    """Nothing outlives two weeks, whatever the clock said when it was put."""
    put(cache, b"year ahead", b"v", NOW + 365 * DAY)
    put(cache, b"day ahead", b"v", NOW + DAY)
    put(cache, b"long ago", b"v", 0)
    assert listed(cache) == {b"day ahead": b"v"}
    assert listed(cache, NOW + 8 * DAY) == {}
    assert get(cache, b"day ahead", NOW + 8 * DAY) is None
    put(cache, b"end of time", b"v", 2**32 - 1)
    assert get(cache, b"end of time", 2**32 - 1) == b"v"
    assert get(cache, b"end of time", 0) is None


def test_the_system_clock(cache: Path) -> None:
    before = int(time.time())
    engine.answers_put(bytes(cache), b"k", b"v")
    assert engine.answers_get(bytes(cache), b"k") == b"v"
    [(_, _, created, used)] = engine.answers_list(bytes(cache))
    assert before <= created == used <= time.time()
    assert engine.answers_stats(bytes(cache))["oldest"] == created


# --------------------------------------------------------------------------------------------------------------- names


def test_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x/cache")
    assert engine.answers_path() == b"/x/cache/greppy/smart.l2"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert engine.answers_path() == b"/home/me/.cache/greppy/smart.l2"
    monkeypatch.delenv("HOME")
    with pytest.raises(RuntimeError):
        engine.answers_path()


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b" ".join), st.sampled_from([b"", b"who v1", b"\xff"]))
@example(b"", b"who")
@example(b"the of", b"who")
@settings(deadline=None)
def test_key(question: bytes, identity: bytes) -> None:
    words = query_oracle.parse(question).words
    assert engine.answers_key(identity, question) == identity + b"\0" + b" ".join(sorted(set(words)))


def test_near_questions_share_a_key() -> None:
    key = engine.answers_key(b"anthropic model 1", b"how does the login work")
    assert key == b"anthropic model 1\0login work"
    for same in (b"Login works", b"where is the LOGIN working?", b"work login", b"login login work"):
        assert engine.answers_key(b"anthropic model 1", same) == key
    for other in (b"logout work", b"login", b"login work flow"):
        assert engine.answers_key(b"anthropic model 1", other) != key
    assert engine.answers_key(b"ollama model 1", b"login work") != key


# -------------------------------------------------------------------------------------------------------------- damage

KEPT = {b"who\0%s" % word: b"%s: " % word + b"." * 30 for word in b"login cache retry http socket".split()}


@pytest.fixture
def small(cache: Path) -> Path:
    """A few answers, one of them put twice."""
    put(cache, b"who\0cache", b"an older answer")
    for key, body in KEPT.items():
        put(cache, key, body)
    assert listed(cache) == KEPT
    return cache


def no_wrong_answer(cache: Path) -> None:
    for key, body in KEPT.items():
        assert get(cache, key) in (None, body), key
    found = engine.answers_list(bytes(cache), NOW)
    assert {key: body for key, body, _, _ in found}.items() <= KEPT.items()
    assert len({key for key, *_ in found}) == len(found)
    assert engine.answers_stats(bytes(cache), NOW)["entries"] == len(found)


def heals(cache: Path) -> None:
    for key, body in KEPT.items():
        put(cache, key, body)
        assert get(cache, key) == body
    put(cache, b"who\0new", b"new")
    assert get(cache, b"who\0new") == b"new"
    assert listed(cache) == {**KEPT, b"who\0new": b"new"}
    # and what is used lasts when the file is written anew
    for i in range(4999 - len(KEPT)):
        put(cache, b"%d" % i, b"v")
    for key, body in KEPT.items():
        assert get(cache, key, NOW + 60) == body
    put(cache, b"last", b"v", NOW + 60)
    assert listed(cache, NOW + 60).items() >= KEPT.items()
    assert len(oracle.parse(cache.read_bytes()).entries) <= 4001


def interesting(data: bytes) -> list[int]:
    """Where something is, and some of the rest."""
    filled = [i for i in range(4096, oracle.INDEX, 16) if data[i : i + 16] != bytes(16)]
    slots = [i + k for i in filled for k in range(32)]
    others = random.Random(1).sample(range(24, oracle.INDEX), 400)
    return sorted({*range(24), *slots, *range(oracle.INDEX, len(data)), *others})


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF, None], ids=["low", "high", "all", "zero"])
def test_every_changed_byte(small: Path, flip: int | None) -> None:
    data = small.read_bytes()
    for number, at in enumerate(interesting(data)):
        spoilt = bytearray(data)
        spoilt[at] = spoilt[at] ^ flip if flip is not None else 0
        small.write_bytes(spoilt)
        no_wrong_answer(small)
        if number % 7 == 0:
            for key, body in [*KEPT.items(), (b"who\0new", b"new")]:
                put(small, key, body)
                assert get(small, key) == body, (at, key)
        if number % 400 == 0:
            heals(small)


def test_every_truncation(small: Path) -> None:
    data = small.read_bytes()
    lengths = [*range(70), *random.Random(2).sample(range(70, oracle.INDEX), 60), *range(oracle.INDEX - 2, len(data))]
    for number, length in enumerate(lengths):
        small.write_bytes(data[:length])
        no_wrong_answer(small)
        if length < oracle.INDEX:
            assert listed(small) == {}
            assert engine.answers_stats(bytes(small), NOW)["file_bytes"] == length
        for key, body in KEPT.items():
            put(small, key, body)
            assert get(small, key) == body
        if number % 50 == 0:
            heals(small)


def test_bursts(small: Path) -> None:
    data = small.read_bytes()
    chance = random.Random(3)
    for number in range(300):
        spoilt = bytearray(data)
        for _ in range(chance.choice((1, 2, 5))):
            at = chance.choice((chance.randrange(len(data)), chance.randrange(oracle.INDEX - 64, len(data))))
            size = chance.choice((4, 16, 300, 5000, oracle.INDEX))
            burst = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size), data[:size]))
            spoilt[at : at + size] = burst[: len(data) - at]
        small.write_bytes(spoilt)
        no_wrong_answer(small)
        for key, body in KEPT.items():
            put(small, key, body)
            assert get(small, key) == body
        if number % 50 == 0:
            heals(small)


GARBAGE = {
    "empty": b"",
    "zeros": bytes(200_000),
    "ones": b"\xff" * 200_000,
    "text": b"not a cache\n" * 20_000,
    "next version": oracle.header(version=2) + bytes(200_000),
    "other size": oracle.header(slots=4096) + bytes(200_000),
    "no slots": oracle.header(),
    "all slots taken": oracle.header() + b"\xff" * (oracle.INDEX - 4096) + bytes(100),
    "all slots lead nowhere": oracle.header() + struct.pack("<QII", 1 << 38, 0, 0) * (32 * 256),
    "larger than the bound": oracle.header() + bytes(9_000_000),
    "random slots": oracle.header() + random.Random(4).randbytes(300_000),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage(cache: Path, what: str) -> None:
    cache.parent.mkdir()
    cache.write_bytes(GARBAGE[what])
    no_wrong_answer(cache)
    assert listed(cache) == {}
    heals(cache)
    assert cache.stat().st_size <= 8_000_000


def test_something_else_of_that_name(cache: Path) -> None:
    cache.mkdir(parents=True)
    assert get(cache, b"k") is None
    for act in (lambda: put(cache, b"k", b"v"), lambda: engine.answers_clear(bytes(cache))):
        with pytest.raises(OSError):
            act()
    cache.rmdir()
    os.mkfifo(cache)
    assert get(cache, b"k") is None
    engine.answers_clear(bytes(cache))
    assert list(cache.parent.iterdir()) == []
    os.mkfifo(cache)
    heals(cache)


def test_an_answer_hidden_by_damage_does_not_come_back(cache: Path) -> None:
    """Two keys whose search begins at one slot; the first slot is lost, and the second key put again before it."""
    keys: dict[int, bytes] = {}
    for i in range(10_000):
        first, second = keys.setdefault(oracle.home(b"%d" % i), b"%d" % i), b"%d" % i
        if first != second:
            break
    put(cache, first, b"first")
    put(cache, second, b"old")
    data = bytearray(cache.read_bytes())
    at = oracle.slot_offset(oracle.home(first))
    data[at : at + 16] = bytes(16)
    cache.write_bytes(data)
    assert get(cache, second) is None
    put(cache, second, b"new")
    assert get(cache, second) == b"new"
    assert listed(cache) == {second: b"new"}
    for i in range(4999):
        put(cache, b"x%d" % i, b"v")
    assert get(cache, second, NOW + 60) == b"new"
    put(cache, b"last", b"v", NOW + 60)
    assert len(oracle.parse(cache.read_bytes()).entries) == 4001
    assert get(cache, second, NOW + 60) == b"new"


def test_forged_lengths(cache: Path) -> None:
    """A record that is whole, but whose lengths no writer would give."""
    body = b"v" * 30
    record = bytearray(oracle.record(b"k" * 5000, body, NOW))
    word = oracle.word(b"k" * 5000, oracle.INDEX, len(record))
    data = bytearray(oracle.header()) + bytes(oracle.INDEX - 4096) + record
    struct.pack_into("<QI", data, oracle.slot_offset(oracle.home(b"k" * 5000)), word, NOW)
    cache.parent.mkdir()
    cache.write_bytes(data)
    assert engine.answers_list(bytes(cache), NOW) == []
    put(cache, b"a", b"b")
    assert listed(cache) == {b"a": b"b"}


# ----------------------------------------------------------------------------------------------- what may be in the way


@contextlib.contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Root may write anything, so another user tries."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A cache with an answer, where every user can get to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder, "smart.l2")
        put(path, b"k", b"v")
        yield path
        path.parent.chmod(0o700)


def test_a_file_that_may_only_be_read(theirs: Path) -> None:
    theirs.chmod(0o400)
    before = theirs.read_bytes()
    with as_nobody(theirs.parent):
        assert get(theirs, b"k", NOW + DAY) == b"v"
        assert get(theirs, b"a") is None
        assert engine.answers_stats(bytes(theirs), NOW)["entries"] == 1
        with pytest.raises(PermissionError):
            put(theirs, b"k", b"w")
    assert theirs.read_bytes() == before


def test_a_folder_that_may_only_be_read(theirs: Path) -> None:
    """What is there can be used and added to until it is full."""
    theirs.parent.chmod(0o500)
    with as_nobody(theirs.parent):
        assert get(theirs, b"k", NOW + DAY) == b"v"
        for i in range(4999):
            put(theirs, b"%d" % i, b"v")
        with pytest.raises(PermissionError):
            put(theirs, b"too many", b"v")
        assert len(listed(theirs)) == 5000
        with pytest.raises(PermissionError):
            engine.answers_clear(bytes(theirs))
        with pytest.raises(PermissionError):
            put(theirs.with_name("other"), b"k", b"v")
        assert get(theirs, b"k") == b"v"


def test_no_folder(tmp_path: Path) -> None:
    """The last one is made, others are not."""
    far = tmp_path / "no" / "greppy" / "smart.l2"
    assert get(far, b"k") is None
    with pytest.raises(FileNotFoundError):
        put(far, b"k", b"v")
    engine.answers_clear(bytes(far))
    assert engine.answers_list(bytes(far)) == []


def test_a_full_disk(small_disk: Path) -> None:
    path = small_disk / "smart.l2"
    kept = {}
    with pytest.raises(OSError) as caught:
        for i in range(100):
            put(path, b"%d" % i, b"v" * 16384)
            kept[b"%d" % i] = b"v" * 16384
    assert caught.value.errno == errno.ENOSPC
    assert len(kept) >= 5
    for _ in range(20):
        with pytest.raises(OSError):
            put(path, b"more", b"w" * 16384)
    assert listed(path) == kept
    for key, body in kept.items():
        assert get(path, key, NOW + DAY) == body
    # to be written anew it would need as much again
    with open(path, "r+b") as file:
        file.truncate(8_000_000)
    with pytest.raises(OSError):
        put(path, b"more", b"w")
    assert [entry.name for entry in small_disk.iterdir()] == ["smart.l2"]
    assert listed(path) == kept
    engine.answers_clear(bytes(path))
    put(path, b"more", b"w")
    assert listed(path) == {b"more": b"w"}


@pytest.mark.parametrize("limit", [0, 100, 135168, 140_000, 200_000])
def test_a_limit_on_the_size_of_files(cache: Path, limit: int) -> None:
    kept = {}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        for i in range(100):
            with contextlib.suppress(OSError):
                put(cache, b"%d" % i, b"v" * 1000)
                kept[b"%d" % i] = b"v" * 1000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(kept) == max(0, (limit - oracle.INDEX) // 1018)
    assert listed(cache) == kept
    heals_with = {**kept, b"more": b"w"}
    put(cache, b"more", b"w")
    assert listed(cache) == heals_with


def test_a_writer_that_stands_still_is_not_waited_for_long(cache: Path) -> None:
    put(cache, b"k", b"v")
    with open(cache) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for act in (lambda: put(cache, b"a", b"b"), lambda: engine.answers_clear(bytes(cache))):
            with pytest.raises(BlockingIOError):
                act()
        assert get(cache, b"k") == b"v"
    put(cache, b"a", b"b")
    assert listed(cache) == {b"k": b"v", b"a": b"b"}


def test_what_a_killed_writer_left_is_removed(cache: Path) -> None:
    put(cache, b"k", b"v")
    beside = cache.with_name("smart.l2.new")
    beside.write_bytes(b"half a file")
    for i in range(5000):
        put(cache, b"%d" % i, b"v")
    assert not beside.exists()
    beside.write_bytes(b"what somebody asked")
    engine.answers_clear(bytes(cache))
    assert list(cache.parent.iterdir()) == []
