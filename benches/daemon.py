"""The daemon: how soon a saved file is found, how many commits a busy file makes, how many searches it serves, and how
much memory it takes.

    python benches/daemon.py --linux ~/src/linux-source-6.1 [--only fresh|trust|appends|serving|memory]

Works in a temporary folder, on a copy of the tree (links to its files do not send events to the other's folder).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from greppy.daemon import protocol
from greppy.daemon.client import Client, connect

ROOT = Path(__file__).resolve().parent.parent
SAVES = 200
APPENDS = 100
SMALL = 20  # small projects beside Linux
CLIENTS = 50
PARTS = ["fresh", "trust", "appends", "serving", "memory"]
QUESTIONS = [
    "mutex lock interruptible", "spinlock", "static int", "retry with backoff", "parse mount options", "tcp_sendmsg",
    "free inode bitmap", "copy_from_user", "page cache writeback", "register netdevice", "kmalloc failure", "usb",
    "rcu_read_lock", "schedule timeout", "hash table lookup", "checksum", "interrupt handler", "dma mapping error",
    "atomic refcount", "device tree node", "ext4 journal", "btrfs extent", "netlink message", "wait queue", "sysfs",
]  # fmt: skip


class Bench:
    """A folder with projects of its own, and a daemon that watches them."""

    def __init__(self, greppy: Path, folder: Path, roots: list[Path]) -> None:
        self.greppy = greppy
        self.roots = roots
        self.env = {
            **os.environ,
            "GREPPY_INDEX_DIR": str(folder / "index"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        (folder / "run").mkdir()
        self.socket = folder / "run" / "greppy" / "daemon.sock"

    def run(self, *arguments: str | Path) -> str:
        done = subprocess.run([self.greppy, *arguments], env=self.env, capture_output=True, text=True)
        if done.returncode == 2:
            raise SystemExit(f"{arguments}: {done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def daemon(self) -> Iterator[Client]:
        began = time.perf_counter()
        self.run("start", *self.roots)
        print(f"`greppy start` took {time.perf_counter() - began:.2f} s")
        try:
            with connect(self.socket, timeout=600) as client:
                for root in self.roots:
                    client.watch(root)
                yield client
        finally:
            self.run("stop")

    def pid(self, client: Client) -> int:
        return int(client.ping()["pid"])


def rss(pid: int) -> dict[str, int]:
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "RssAnon", "RssFile", "VmHWM"):
            found[name] = int(value.split()[0]) * 1024
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def fresh(bench: Bench, client: Client) -> None:
    """A file is saved as editors do; from then until a new `greppy search` has printed it."""
    root = bench.roots[0]
    rg = shutil.which("rg")
    files = [path for path in sorted(root.rglob("*.c")) if path.stat().st_size < 60_000]
    for dance in ("written in place", "written beside and renamed"):
        took, plain, scanned = [], [], []
        for i in range(SAVES):
            path = random.Random(i).choice(files)
            word = f"zzfresh{dance[-3:]}{i}q"
            text = path.read_bytes() + f"\nint {word}(void) {{ return {i}; }}\n".encode()
            began = time.perf_counter()
            if dance.endswith("renamed"):
                beside = path.with_suffix(".new~")
                beside.write_bytes(text)
                beside.replace(path)
            else:
                path.write_bytes(text)
            out = bench.run("search", "-p", root, "-n1", word)
            took.append(time.perf_counter() - began)
            if word not in out:
                raise SystemExit(f"{word} was not found: {out!r}")
            began = time.perf_counter()
            bench.run("search", "-p", root, "-n1", word)
            plain.append(time.perf_counter() - began)
            if rg and i % 20 == 0:
                began = time.perf_counter()
                subprocess.run([rg, "-l", "--no-ignore", word, root], stdout=subprocess.DEVNULL, check=True)
                scanned.append(time.perf_counter() - began)
            time.sleep(0.02 * (i % 5))
        ms = [1e3 * t for t in took]
        if scanned:
            seconds = statistics.median(scanned)
            ratio = seconds / statistics.median(took)
            print(f"rg -l of the same word: {1e3 * seconds:.0f} ms, {ratio:.0f} times as long")
        print(
            f"one file {dance} -> found by a new search, {SAVES} times: median {statistics.median(ms):.1f} ms, "
            f"p99 {percentile(ms, 0.99):.1f} ms (bar 200); the next search {1e3 * statistics.median(plain):.1f} ms"
        )


def trust(bench: Bench, client: Client) -> None:
    """A search that asks the daemon, one that asks nobody, one that compares the files: whole processes, ten of each in
    turns, the first of the ten left out, because comparing 84,000 files leaves no cache warm."""
    ways = {
        "asking the daemon": ({}, ()),
        "--no-refresh": ({}, ("--no-refresh",)),
        "comparing every file": ({"GREPPY_NO_DAEMON": "1"}, ()),
    }
    for root in (bench.roots[0], bench.roots[1]):
        client.sync(root)
        took: dict[str, list[float]] = {name: [] for name in ways}
        for i in range(3 * SAVES):
            name = list(ways)[i // 10 % len(ways)]
            env, flags = ways[name]
            began = time.perf_counter()
            subprocess.run(
                [bench.greppy, "search", "-p", root, "-n1", *flags, "mutex lock"], env={**bench.env, **env},
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            if i % 10:
                took[name].append(1e3 * (time.perf_counter() - began))
        medians = {name: statistics.median(values) for name, values in took.items()}
        least = medians["--no-refresh"]
        print(f"{root.name}: " + ", ".join(f"{name} {ms:.2f} ms ({ms / least:.2f})" for name, ms in medians.items()))


def appends(bench: Bench, client: Client) -> None:
    """A file is appended to a hundred times in ten seconds."""
    root = bench.roots[0]
    path = root / "kernel" / "busy.c"
    path.write_text("/* busy */\n")
    client.sync(root)
    time.sleep(2)
    before = client.status()["projects"]
    commits = next(project["commits"] for project in before if project["root"] == str(root))
    for i in range(APPENDS):
        with path.open("a") as file:
            file.write(f"int zzappend{i}q;\n")
        time.sleep(10 / APPENDS)
    found = sum(f"zzappend{i}q" in bench.run("search", "-p", root, "-n1", f"zzappend{i}q") for i in range(APPENDS))
    after = next(project["commits"] for project in client.status()["projects"] if project["root"] == str(root))
    print(f"{APPENDS} appends in ten seconds: {after - commits} commits (bar 30), {found} of {APPENDS} found")


class _Load(asyncio.Protocol):
    """Sends requests ahead, a window of them, and takes the time of each."""

    def __init__(self, requests: Iterator[bytes], window: int) -> None:
        self.took: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._window = window
        self._sent: dict[int, float] = {}
        self._next = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send(self._window)

    def _send(self, n: int) -> None:
        frames = []
        for _ in range(n):
            params = next(self._requests, None)
            if params is None:
                break
            self._next += 1
            self._sent[self._next] = time.perf_counter()
            frames.append(protocol.frame([self._next, "search", msgspec.Raw(params)]))
        if frames:
            self._transport.write(b"".join(frames))
        elif not self._sent and not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        at, n, now = 0, 0, time.perf_counter()
        while len(data) - at >= 4:
            end = at + 4 + int.from_bytes(data[at : at + 4], "little")
            if end > len(data):
                break
            answer = protocol.decode_answer(data[at + 4 : end])
            if answer.kind != protocol.DONE:
                raise SystemExit(f"an error: {bytes(answer.body)!r}")
            self.took.append(now - self._sent.pop(answer.id))
            at = end
            n += 1
        self._buffer = data[at:]
        self._send(n)


def _new_questions(n: int) -> list[str]:
    """Questions of two to four words, no two the same."""
    words = sorted({word for question in QUESTIONS for word in question.split()})
    chooser = random.Random(n)
    found = {" ".join(chooser.sample(words, chooser.choice((2, 3, 4)))) for _ in range(2 * n)}
    return sorted(found)[:n]


async def _load(
    socket: Path, clients: int, window: int, each: int, roots: list[Path], questions: list[str] = QUESTIONS
) -> tuple[float, list[float]]:
    loop = asyncio.get_running_loop()
    params = [
        protocol.encode({"root": os.fsencode(root), "query": question.encode(), "limit": 10})
        for root in roots
        for question in questions
    ]

    def requests(seed: int) -> Iterator[bytes]:
        if questions is not QUESTIONS:
            return iter(params[seed::clients][:each])
        chooser = random.Random(seed)
        return (chooser.choice(params) for _ in range(each))

    began = time.perf_counter()
    made = [
        await loop.create_unix_connection(lambda i=i: _Load(requests(i), window), str(socket)) for i in range(clients)
    ]
    await asyncio.gather(*(load.done for _, load in made))
    seconds = time.perf_counter() - began
    for transport, _ in made:
        transport.close()
    return clients * each / seconds, [t for _, load in made for t in load.took]


def serving(bench: Bench, client: Client) -> None:
    """Searches a second: one connection with 32 requests ahead, and fifty with one each."""
    new = _new_questions(3000)
    for name, clients, window, each, bar, questions in (
        ("one connection, 32 ahead", 1, 32, 50_000, 5000, QUESTIONS),
        (f"{CLIENTS} connections, one ahead each", CLIENTS, 1, 1_000, 8000, QUESTIONS),
        ("one connection, 32 ahead, none asked before", 1, 32, 1_500, 5000, new[:1500]),
        (f"{CLIENTS} connections, none asked before", CLIENTS, 1, 30, 8000, new[1500:]),
    ):
        rate, took = asyncio.run(_load(bench.socket, clients, window, each, bench.roots[:1], questions))
        ms = [1e3 * t for t in took]
        print(
            f"{name}: {rate:,.0f} searches/s (bar {bar:,}), median {statistics.median(ms):.2f} ms, "
            f"p99 {percentile(ms, 0.99):.2f} ms (bar 10)"
        )


def memory(bench: Bench, client: Client, searches: int) -> None:
    """Memory before and after many searches of all projects."""
    pid = bench.pid(client)
    time.sleep(2)
    before = rss(pid)
    print("idle: " + ", ".join(f"{name} {value / 1e6:.1f} MB" for name, value in before.items()))
    asyncio.run(_load(bench.socket, 8, 8, searches // 80, bench.roots))
    time.sleep(2)
    warm = rss(pid)
    asyncio.run(_load(bench.socket, 8, 8, searches // 8, bench.roots))
    time.sleep(2)
    after = rss(pid)
    print(f"after {searches:,} searches: " + ", ".join(f"{name} {value / 1e6:.1f} MB" for name, value in after.items()))
    print(
        f"growth over the run: {(after['RssAnon'] - warm['RssAnon']) / 1e6:+.2f} MB of the daemon's own memory "
        f"(bar 1), {(after['VmRSS'] - warm['VmRSS']) / 1e6:+.2f} MB with the mapped index; bar of all 100 MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--linux", type=Path, required=True, help="a tree of Linux, or another large one")
    parser.add_argument("--greppy", type=Path, default=ROOT / "dist" / "greppy")
    parser.add_argument("--searches", type=int, default=1_000_000, help="of the memory run")
    parser.add_argument("--only", action="append", choices=PARTS)
    options = parser.parse_args()
    wanted = options.only or PARTS
    with tempfile.TemporaryDirectory(prefix="greppy-daemon-") as name:
        folder = Path(name)
        shutil.copytree(options.linux, folder / "linux", symlinks=True)
        roots = [folder / "linux"]
        for i in range(SMALL):
            root = folder / f"small{i}"
            shutil.copytree(ROOT / "greppy", root, ignore=shutil.ignore_patterns("__pycache__", "_core"))
            roots.append(root)
        bench = Bench(options.greppy.resolve(), folder, roots)
        bench.run("index", "-p", roots[0])
        with bench.daemon() as client:
            if "fresh" in wanted:
                fresh(bench, client)
            if "trust" in wanted:
                trust(bench, client)
            if "appends" in wanted:
                appends(bench, client)
            if "serving" in wanted:
                serving(bench, client)
            if "memory" in wanted:
                memory(bench, client, options.searches)


if __name__ == "__main__":
    main()
