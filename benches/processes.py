"""Runs whole processes and measures them: how long, how often slow, how much memory.

Short processes are started with posix_spawn, which on Linux is a vfork: the cost of starting does not grow with
the size of this one. What is compared is run in rounds, each round in another order, so that noise hits all alike.
"""

from __future__ import annotations

import gc
import math
import os
import random
import select
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_S = 0.02  # how often a long process is looked at
SETTLED = 5  # looks in a row at which a blocked process has not moved


class BenchError(Exception):
    """Something the benchmark needs did not work; the text says what."""


@dataclass(frozen=True)
class Command:
    """One case: what is run, and which exit statuses are an answer."""

    name: str
    argv: tuple[str, ...]
    good: tuple[int, ...] = (0, 1)


@dataclass
class Timing:
    """Wall times of one command in nanoseconds."""

    ns: list[int] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.ns)

    @property
    def p99(self) -> float | None:
        """The 99th percentile; nothing below a hundred runs, where it would be the maximum under another name."""
        if len(self.ns) < 100:
            return None
        return float(sorted(self.ns)[math.ceil(len(self.ns) * 0.99) - 1])

    def as_json(self) -> dict[str, float | int | None]:
        return {"runs": len(self.ns), "median_ns": self.median, "p99_ns": self.p99, "min_ns": min(self.ns)}


@dataclass
class LongRun:
    """One long process with all its children. Memory is resident, in bytes."""

    seconds: float
    cpu_seconds: float
    peak: int  # of the tree at one moment
    peak_anonymous: int  # the same without pages of mapped files
    output: str


def _spawn(command: Command, env: dict[str, str], null: int) -> tuple[int, int]:
    """(nanoseconds, exit status) of one run; nothing it writes is kept."""
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    began = time.perf_counter_ns()
    pid = os.posix_spawn(command.argv[0], command.argv, env, file_actions=actions)
    status = os.wait4(pid, 0)[1]
    return time.perf_counter_ns() - began, os.waitstatus_to_exitcode(status)


def _checked(command: Command, env: dict[str, str], null: int) -> int:
    ns, status = _spawn(command, env, null)
    if status not in command.good:
        raise BenchError(f"{' '.join(command.argv)} ended with {status}")
    return ns


def measure(
    commands: list[Command], cwd: str, env: dict[str, str], runs: int, budget_s: float = 15.0, seed: int = 1
) -> dict[str, Timing]:
    """Times every command `runs` times in rounds; one that would take more than `budget_s` gets fewer (at least 5)."""
    os.chdir(cwd)
    null = os.open(os.devnull, os.O_RDWR)
    shuffle = random.Random(seed).shuffle
    try:
        every: dict[str, int] = {}
        for command in commands:
            _checked(command, env, null)  # warms the page cache
            guess = _checked(command, env, null) / 1e9
            wanted = max(5, min(runs, int(budget_s / guess)))
            every[command.name] = max(1, runs // wanted)
        timings = {command.name: Timing() for command in commands}
        gc.collect()
        gc.disable()
        for i in range(runs):
            turn = [command for command in commands if i % every[command.name] == 0]
            shuffle(turn)
            for command in turn:
                timings[command.name].ns.append(_checked(command, env, null))
    finally:
        gc.enable()
        os.close(null)
        os.chdir("/")
    return timings


def beside(floor: Command, command: Command, cwd: str, env: dict[str, str], runs: int) -> tuple[Timing, Timing]:
    """Times of `command` and of `floor`, run in turns: what changes on the machine in between changes both."""
    timings = measure([floor, command], cwd, env, runs)
    return timings[command.name], timings[floor.name]


def once(command: Command, cwd: str, env: dict[str, str]) -> tuple[float, str]:
    """(seconds, standard output) of one run."""
    run = watch(command, cwd, env)
    return run.seconds, run.output


# --------------------------------------------------------------------------------------------------------- memory


def _status(pid: int) -> dict[str, int]:
    """Byte counts of /proc/PID/status (VmHWM, VmRSS, RssAnon, RssFile, RssShmem); empty when it is gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            lines = file.read().decode("ascii", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.startswith(("Vm", "Rss")))
    return {pair[0][:-1]: int(pair[1]) * 1024 for pair in pairs}


def _tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", "rb") as file:
                    found += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def watch(command: Command, cwd: str, env: dict[str, str]) -> LongRun:
    """One run of a long command; its tree's memory is sampled, and each process's own high-water mark counts too."""
    reader, writer = os.pipe()
    errors_reader, errors_writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, errors_writer, 2)]
    os.chdir(cwd)
    began = time.perf_counter()
    pid = os.posix_spawn(command.argv[0], command.argv, env, file_actions=actions)
    os.chdir("/")
    os.close(writer)
    os.close(errors_writer)
    ended = os.pidfd_open(pid)
    poll = select.poll()
    for fd in (ended, reader, errors_reader):
        poll.register(fd, select.POLLIN | select.POLLHUP)
    texts = {reader: b"", errors_reader: b""}
    peak = anonymous = 0
    done = False
    sampled = 0.0
    while not done:
        for fd, _ in poll.poll(SAMPLE_S * 1000):
            if fd == ended:
                done = True
            elif part := os.read(fd, 1 << 16):
                texts[fd] += part
            else:
                poll.unregister(fd)
        if not done and time.perf_counter() - sampled >= SAMPLE_S:
            sampled = time.perf_counter()
            rows = [_status(one) for one in _tree(pid)]
            peak = max(peak, sum(row.get("VmRSS", 0) for row in rows), *(row.get("VmHWM", 0) for row in rows))
            anonymous = max(anonymous, sum(row.get("RssAnon", 0) + row.get("RssShmem", 0) for row in rows))
    seconds = time.perf_counter() - began
    _, status, usage = os.wait4(pid, 0)
    for fd in texts:
        while part := os.read(fd, 1 << 16):
            texts[fd] += part
        os.close(fd)
    os.close(ended)
    if os.waitstatus_to_exitcode(status) not in command.good:
        tail = texts[errors_reader].decode("utf-8", "replace").strip()[-500:]
        raise BenchError(f"{' '.join(command.argv)} ended with {os.waitstatus_to_exitcode(status)}: {tail}")
    output = texts[reader].decode("utf-8", "replace")
    return LongRun(seconds, usage.ru_utime + usage.ru_stime, peak, anonymous, output)


@dataclass(frozen=True)
class Peak:
    """Peak memory of a short process in bytes."""

    total: int  # high-water mark of what was resident
    mapped: int  # pages of mapped files resident at the end
    private: int  # all it asked the kernel for beside them: at least what it touched


def _moves(pid: int) -> tuple[str, str]:
    """(state, processor time so far) of a process."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().decode("ascii", "replace").rpartition(")")[2].split()
    return fields[0], fields[11] + " " + fields[12]


def _at_the_end(command: Command, cwd: str, env: dict[str, str], limit_s: float = 20.0) -> dict[str, int]:
    """_status of a process while it waits to print into a full pipe; empty when it printed nothing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"\0" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    os.chdir(cwd)
    pid = os.posix_spawn(command.argv[0], command.argv, env, file_actions=actions)
    os.chdir("/")
    os.close(writer)
    os.close(null)
    deadline = time.monotonic() + limit_s
    still, before = 0, ("", "")
    while still < SETTLED and time.monotonic() < deadline:
        time.sleep(0.003)
        now = _moves(pid)
        if now[0] == "Z":
            break
        still = still + 1 if now == before and now[0] == "S" else 0
        before = now
    found = _status(pid) if still == SETTLED else {}
    os.close(reader)  # the write fails, as with `| head`
    os.waitpid(pid, 0)
    return found


def resident(command: Command, cwd: str, env: dict[str, str]) -> int | None:
    """High-water mark of a process that prints; None when it printed nothing."""
    return _at_the_end(command, cwd, env).get("VmHWM")


def peak_memory(command: Command, cwd: str, env: dict[str, str]) -> Peak | None:
    """Memory of a process that prints, read while it waits to print; None when it printed nothing.

    wait4's ru_maxrss will not do: across vfork and exec it includes the parent's size. The high-water mark minus
    mapped pages will not do for the rest: what was freed before the last mapped page came in hides behind it.
    """
    row = _at_the_end(command, cwd, env)
    if not row:
        return None
    return Peak(row["VmHWM"], row["RssFile"] + row["RssShmem"], row["VmStk"] + _least_data(command, cwd, env))


def _least_data(command: Command, cwd: str, env: dict[str, str]) -> int:
    """The smallest limit on data (heap, private mappings, globals: RLIMIT_DATA) under which the command succeeds."""
    os.chdir(cwd)
    null = os.open(os.devnull, os.O_RDWR)

    def enough(kib: int) -> bool:
        limited = ("/bin/sh", "-c", f'ulimit -d {kib} && exec "$0" "$@"', *command.argv)
        return _spawn(Command(command.name, limited), env, null)[1] == 0

    low, high = 0, 1024
    try:
        while not enough(high):
            low, high = high, high * 2
            if high > 1 << 26:
                raise BenchError(f"{' '.join(command.argv)} fails under every limit on memory")
        while high - low > max(16, high // 64):
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
    finally:
        os.close(null)
        os.chdir("/")
    return high * 1024


# --------------------------------------------------------------------------------------------------------- programs


def in_temporary_folder(program: str, work: Callable[[Path], None]) -> int:
    """The exit status of a benchmark: `work` gets a folder that is removed at the end, whatever it raises; of what did
    not work one sentence is printed."""
    temp = Path(tempfile.mkdtemp(prefix="greppy-bench-")).resolve()
    try:
        work(temp)
    except BenchError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    finally:
        os.chdir("/")
        shutil.rmtree(temp, ignore_errors=True)
    return 0
