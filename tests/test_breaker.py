"""A provider that failed is left alone: the file that says so, and what it may look like."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from greppy._core import engine
from greppy.smart import breaker
from greppy.smart.settings import Settings

SETTINGS = Settings("openai", "gpt-4.1-mini")
OTHER = Settings("ollama")
DIGITS = b"22966e5101734e0d"


@pytest.fixture
def file(env: dict[str, str]) -> Path:
    """Where the breaker's file is, or would be."""
    return Path(env["XDG_CACHE_HOME"], "greppy", "smart.pause")


def paused(settings: Settings = SETTINGS) -> int:
    """Seconds, rounded."""
    return round(breaker.remaining(settings))


def write(file: Path, line: bytes, until: float) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(line)
    os.utime(file, (until, until))


def test_nothing_failed_yet(file: Path) -> None:
    assert breaker.remaining(SETTINGS) == 0
    breaker.succeeded(SETTINGS)
    assert not file.exists()


def test_the_third_failure_in_a_row_pauses_and_each_further_one_twice_as_long(file: Path) -> None:
    seconds = []
    for _ in range(9):
        breaker.failed(SETTINGS)
        seconds.append(paused())
    assert seconds == [0, 0, 30, 60, 120, 240, 480, 600, 600]
    assert file.read_bytes() == DIGITS + b" 9\n"


def test_the_bytes_of_the_example(file: Path) -> None:
    for _ in range(3):
        breaker.failed(SETTINGS)
    assert file.read_bytes() == b"22966e5101734e0d 3\n"
    assert b"%016x" % engine.hash64(b"openai gpt-4.1-mini - 1") == DIGITS
    assert round(file.stat().st_mtime - time.time()) == 30
    assert [path.name for path in file.parent.iterdir()] == ["smart.pause"]


def test_a_success_forgets_the_failures(file: Path) -> None:
    for _ in range(4):
        breaker.failed(SETTINGS)
    breaker.succeeded(SETTINGS)
    assert not file.exists()
    breaker.failed(SETTINGS)
    assert paused() == 0


def test_a_server_is_taken_at_its_word(file: Path) -> None:
    breaker.failed(SETTINGS, 100)
    assert paused() == 100
    breaker.failed(SETTINGS, 1e9)
    assert paused() == 600
    breaker.failed(SETTINGS, -5)
    assert paused() == 30


def test_it_does_not_shorten_a_pause() -> None:
    for _ in range(3):
        breaker.failed(SETTINGS, 1)
    assert paused() == 30


def test_when_the_pause_is_over_the_next_may_try_and_its_failure_counts(file: Path) -> None:
    write(file, DIGITS + b" 4\n", time.time() - 1)
    assert breaker.remaining(SETTINGS) == 0
    breaker.failed(SETTINGS)
    assert paused() == 120


def test_others_are_asked_meanwhile(file: Path) -> None:
    for _ in range(3):
        breaker.failed(SETTINGS)
    assert breaker.remaining(OTHER) == 0
    assert breaker.remaining(Settings("openai", "gpt-4.1-mini", "http://localhost:1")) == 0
    breaker.succeeded(OTHER)
    assert paused() == 30
    assert paused(Settings("openai", "gpt-4.1-mini", timeout=9)) == 30  # patience is not part of who is asked


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", DIGITS, DIGITS + b" 3", DIGITS + b" 0\n", DIGITS + b" x\n", DIGITS + b" 3\n\n", DIGITS[:9] + b"\n",
     DIGITS.upper() + b" 3\n", b"\0" * 19, b" " * 100_000, DIGITS + b" " + b"9" * 40 + b"\n"],
)  # fmt: skip
def test_a_strange_file_is_none(file: Path, line: bytes) -> None:
    write(file, line, time.time() + 60)
    assert breaker.remaining(SETTINGS) == 0
    breaker.failed(SETTINGS)
    assert file.read_bytes() == DIGITS + b" 1\n"


def test_a_pause_longer_than_any_is_none(file: Path) -> None:
    write(file, DIGITS + b" 3\n", time.time() + 590)
    assert paused() == 590
    write(file, DIGITS + b" 3\n", time.time() + 700)
    assert breaker.remaining(SETTINGS) == 0


def test_what_is_no_file_holds_nobody_up(file: Path) -> None:
    file.parent.mkdir()
    os.mkfifo(file)
    assert breaker.remaining(SETTINGS) == 0
    breaker.failed(SETTINGS)
    assert file.read_bytes() == DIGITS + b" 1\n"
    file.unlink()
    file.mkdir()
    breaker.failed(SETTINGS)
    breaker.succeeded(SETTINGS)
    assert breaker.remaining(SETTINGS) == 0
    assert [path.name for path in file.parent.iterdir()] == ["smart.pause"]


def test_without_a_place_to_write_there_are_no_pauses(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(env["XDG_CACHE_HOME"], "greppy").write_bytes(b"")
    for _ in range(4):
        breaker.failed(SETTINGS)
    assert breaker.remaining(SETTINGS) == 0
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    breaker.failed(SETTINGS)
    breaker.succeeded(SETTINGS)
    assert breaker.remaining(SETTINGS) == 0


def test_other_processes_know(env: dict[str, str]) -> None:
    script = (
        "from greppy.smart import breaker, settings\n"
        "for _ in range(3): breaker.failed(settings.Settings('openai', 'gpt-4.1-mini'))"
    )
    subprocess.run([sys.executable, "-c", script], env=env, check=True, timeout=60)
    assert paused() == 30


def test_many_at_once_leave_a_whole_file(file: Path, env: dict[str, str]) -> None:
    script = (
        "from greppy.smart import breaker, settings\n"
        "one = settings.Settings('openai', 'gpt-4.1-mini')\n"
        "for i in range(300):\n"
        "    breaker.failed(one)\n"
        "    assert breaker.remaining(one) <= 601\n"
        "    if i % 7 == 6: breaker.succeeded(one)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script], env=env, stderr=subprocess.PIPE) for _ in range(4)
    ]  # fmt: skip
    for process in running:
        assert process.communicate(timeout=60)[1] == b""
    assert [path.name for path in file.parent.iterdir()] in (["smart.pause"], [])
    breaker.failed(SETTINGS)
    assert file.read_bytes().startswith(DIGITS + b" ")
