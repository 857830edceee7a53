"""The daemon's socket: what it answers, in what order, and what it does with whoever does not keep to the protocol."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import REALISTIC, Project, Run
from daemons import Daemon, running
from hypothesis import given
from hypothesis import strategies as st

import greppy
from greppy.daemon import metrics, protocol
from greppy.daemon.client import Client, DaemonFailure, connect
from greppy.daemon.metrics import Histogram, Metrics, Minute, Thresholds, prometheus
from greppy.daemon.protocol import DONE, ERROR, PART, REQUEST_MAX, frame
from greppy.daemon.results import ENTRY_BYTES, Results


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def env(env: dict[str, str], place: Path, tmp_path: Path) -> dict[str, str]:
    folder = place / tmp_path.name[-20:]
    folder.mkdir(exist_ok=True)
    return {**env, "XDG_RUNTIME_DIR": str(folder)}


@pytest.fixture
def daemon(run: Run, env: dict[str, str]) -> Iterator[Daemon]:
    with running(run, env) as found:
        yield found


@pytest.fixture
def served(shop: Project, daemon: Daemon, greppy_bin: Path) -> Iterator[tuple[Project, Client]]:
    with daemon.foreground(greppy_bin, shop.root) as client:
        yield shop, client


class Wire:
    """A connection that says what one likes."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self._buffer = b""

    def send(self, *messages: object) -> None:
        self.socket.sendall(b"".join(map(frame, messages)))

    def answer(self) -> tuple[int, int, Any]:
        """(id, kind, body) of the next one; EOFError when the daemon has closed."""
        while len(self._buffer) < 4 or len(self._buffer) < 4 + struct.unpack_from("<I", self._buffer)[0]:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self._buffer += data
        end = 4 + struct.unpack_from("<I", self._buffer)[0]
        number, kind, body = msgspec.msgpack.decode(self._buffer[4:end])
        self._buffer = self._buffer[end:]
        return number, kind, body

    def closed(self) -> bool:
        """Whether nothing more comes."""
        try:
            self.answer()
        except (EOFError, ConnectionError):
            return True
        return False


@pytest.fixture
def wire(served: tuple[Project, Client], daemon: Daemon) -> Iterator[Wire]:
    found = Wire(daemon.socket)
    yield found
    found.socket.close()


# -------------------------------------------------------------------------------------------------------- what it does


def test_search_answers_as_the_library_does(served: tuple[Project, Client]) -> None:
    shop, client = served
    with greppy.open_index(shop.root) as index:
        for question in ("retry with backoff", "OrderService", "parse http date", "nothing of the kind"):
            assert client.search(shop.root, question, 5) == index.search(question, 5)
            assert client.search(shop.root, question, 5) == index.search(question, 5)  # from memory now
            assert list(client.stream(shop.root, question, 5)) == index.search(question, 5)
        flags: dict[str, Any] = {"globs": ["*.py"], "types": ["python"], "places": ["shop"], "no_tests": True}
        assert client.search(shop.root, "retry", **flags) == index.search("retry", **flags)
        assert client.search(shop.root, "retry", kinds=["class"]) == index.search("retry", kinds=["class"])
        assert client.search(shop.root, "retry", types_not=["python"]) == index.search("retry", types_not=["python"])


def test_what_is_in_memory_is_never_stale(served: tuple[Project, Client]) -> None:
    shop, client = served
    for number in range(30):
        shop.write("shop/new.py", f"def porpoise():\n    return {number}\n")
        [hit] = client.search(shop.root, "porpoise", 1)
        assert f"return {number}" in hit.content
        assert client.search(shop.root, "porpoise", 1) == [hit]
    status = client.status()
    assert status["l1_hit_rate"] == 0.5
    assert status["searches"] == 60


def test_requests_may_be_sent_ahead(wire: Wire, served: tuple[Project, Client]) -> None:
    shop, _ = served
    root = os.fsencode(shop.root)
    wire.send(*([i, "search", {"root": root, "query": b"retry", "limit": i}] for i in range(1, 201)))
    answers = {number: body for number, kind, body in (wire.answer() for _ in range(200)) if kind == DONE}
    assert sorted(answers) == list(range(1, 201))
    most = len(answers[200]["hits"])
    assert all(len(body["hits"]) == min(number, most) for number, body in answers.items())


def test_index_with_progress(served: tuple[Project, Client]) -> None:
    shop, client = served
    shop.large(20)
    seen: list[tuple[int, int]] = []
    summary = client.index(shop.root, force=True, progress=lambda done, total: seen.append((done, total)))
    assert summary["files"] == len(REALISTIC) + 21
    assert summary["committed"]
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_subscribing(served: tuple[Project, Client], daemon: Daemon) -> None:
    shop, _ = served
    with daemon.client() as client:
        events = client.changes(shop.root)
        found: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: found.append(next(events)))
        thread.start()
        while client.status()["projects"][0]["subscribers"] == 0:
            time.sleep(0.01)
        shop.write("new.py", "x = 1\n")
        thread.join(30)
        events.close()
        assert found[0]["changed"] == [b"new.py"]
        assert found[0]["removed"] == []
        deadline = time.monotonic() + 30
        while client.status()["projects"][0]["subscribers"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert client.status()["projects"][0]["subscribers"] == 0


def test_cancelling(wire: Wire, served: tuple[Project, Client]) -> None:
    shop, _ = served
    wire.send([1, "subscribe", {"root": os.fsencode(shop.root)}], [2, "cancel", {"id": 1}])
    answers = {number: (kind, body) for number, kind, body in (wire.answer(), wire.answer())}
    assert answers[1] == (ERROR, {"code": "cancelled", "message": "the request was cancelled"})
    assert answers[2] == (DONE, None)


def test_a_deadline(served: tuple[Project, Client]) -> None:
    shop, client = served
    shop.large(100)
    with pytest.raises(DaemonFailure) as caught:
        client.search(shop.root, "request process value", deadline=0.001)
    assert caught.value.code == "deadline"


def test_several_threads_share_a_client(served: tuple[Project, Client]) -> None:
    shop, client = served
    expected = client.search(shop.root, "retry")
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(50):
            if client.search(shop.root, "retry") != expected:
                wrong.append(1)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_client_outlives_its_daemon(served: tuple[Project, Client], daemon: Daemon, greppy_bin: Path) -> None:
    shop, client = served
    assert client.search(shop.root, "retry")
    daemon.end()
    with pytest.raises(greppy.DaemonError, match="greppy start"):
        client.search(shop.root, "retry")
    daemon.foreground(greppy_bin, shop.root).close()
    assert client.search(shop.root, "retry")


def test_an_unwatched_project(served: tuple[Project, Client], tmp_path: Path) -> None:
    _, client = served
    for ask in (lambda: client.search(tmp_path, "x"), lambda: client.sync(tmp_path), lambda: client.index(tmp_path)):
        with pytest.raises(DaemonFailure, match="is not watched") as caught:
            ask()
        assert caught.value.code == "unwatched"
    with pytest.raises(DaemonFailure, match="no such folder"):
        client.watch(tmp_path / "missing")


def test_no_daemon(tmp_path: Path) -> None:
    with pytest.raises(greppy.DaemonError, match="'greppy start' starts one"):
        connect(tmp_path / "socket")


# ------------------------------------------------------------------------------------------- who does not keep to it


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "longer than"),
        (b"\x05\0\0\0hello", "no request"),
        (b"\0\0\0\0", "no request"),
        (struct.pack("<I", REQUEST_MAX + 1), "longer than"),
        (frame({"id": 1}), "no request"),
        (frame([1, "search"]), "no request"),
        (frame(["x", "search", {}]), "no request"),
        (frame([-1, 7, {}]), "no request"),
        (os.urandom(64)[:3] + b"\xff" + os.urandom(100), "longer than"),
    ],
)
def test_garbage(wire: Wire, served: tuple[Project, Client], sent: bytes, sentence: str) -> None:
    """A sentence, and the connection ends; the others go on."""
    wire.socket.sendall(sent)
    number, kind, body = wire.answer()
    assert (number, kind, body["code"]) == (0, ERROR, "bad-frame")
    assert sentence in body["message"]
    assert wire.closed()
    shop, client = served
    assert client.search(shop.root, "retry")


@pytest.mark.parametrize(
    ("method", "params", "sentence"),
    [
        ("dance", {}, "no method 'dance'"),
        ("search", {}, "missing required field `root`"),
        ("search", {"root": b"/", "query": b"x", "limit": "y"}, "Expected `int`"),
        ("search", {"root": 7, "query": b"x"}, "Expected `bytes`"),
        ("search", {"root": b"ROOT", "query": b"x", "limit": 0}, "limit is 1"),
        ("search", {"root": b"ROOT", "query": b"x", "types": ["klingon"]}, "unknown language: klingon"),
        ("search", {"root": b"ROOT", "query": b"x", "globs": [b"*"] * 1000}, "too many globs"),
        ("watch", {"root": b"/proc/self"}, "not the real path"),
    ],
)
def test_requests_without_sense(
    wire: Wire, served: tuple[Project, Client], method: str, params: dict[str, Any], sentence: str
) -> None:
    """An error, and the connection goes on."""
    shop, _ = served
    if params.get("root") == b"ROOT":
        params = {**params, "root": os.fsencode(shop.root)}
    wire.send([7, method, params], [8, "ping", {}])
    answers = {number: (kind, body) for number, kind, body in (wire.answer(), wire.answer())}
    assert answers[7][0] == ERROR
    assert answers[7][1]["code"] == "bad-request"
    assert sentence in answers[7][1]["message"]
    assert answers[8][0] == DONE


def test_a_number_in_use(wire: Wire, served: tuple[Project, Client]) -> None:
    root = os.fsencode(served[0].root)
    wire.send([1, "subscribe", {"root": root}], [1, "subscribe", {"root": root}])
    assert wire.answer()[2]["message"] == "request 1 is in use"
    assert wire.closed()


def test_a_frame_byte_by_byte(wire: Wire, served: tuple[Project, Client]) -> None:
    for byte in frame([3, "ping", {}]):
        wire.socket.sendall(bytes([byte]))
        time.sleep(0.002)
    assert wire.answer()[:2] == (3, DONE)


def test_half_a_frame(wire: Wire, served: tuple[Project, Client]) -> None:
    wire.socket.sendall(frame([3, "ping", {}])[:-2])
    began = time.monotonic()
    assert "did not come" in wire.answer()[2]["message"]
    assert 5 < time.monotonic() - began < 30
    assert wire.closed()


def test_a_client_that_never_reads(wire: Wire, served: tuple[Project, Client], daemon: Daemon) -> None:
    """It is held back, then cut off; the daemon's memory stays what it was and the others are served."""
    shop, client = served
    shop.write("big.py", "".join(f"def porpoise_{i}():\n    return 'porpoise'\n\n" * 20 for i in range(200)))
    client.sync(shop.root)
    params = {"root": os.fsencode(shop.root), "query": b"porpoise", "limit": 1000}
    requests = memoryview(b"".join(frame([i, "search", params]) for i in range(1, 50_000)))
    wire.socket.setblocking(False)
    sent = 0
    began = time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        while time.monotonic() - began < 40:
            try:
                sent += wire.socket.send(requests[sent : sent + 65536])
            except BlockingIOError:
                time.sleep(0.05)
                assert client.ping()
    assert sent < len(requests) // 2  # held back by what it did not read
    assert client.status()["rss_bytes"] < 200 << 20
    assert "did not read" in daemon.log()


def test_ten_thousand_connections(served: tuple[Project, Client], daemon: Daemon) -> None:
    """Those above the limit are told so; when they have gone all is well."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    n = min(10_000, hard - 200)
    wires = []
    busy = 0
    try:
        for _ in range(n):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(30)
            while sock.connect_ex(str(daemon.socket)) == errno.EAGAIN:
                time.sleep(0.005)  # the queue of those who wait to be accepted is full
            wires.append(sock)
        assert len(wires) > 1000
        for sock in wires[-50:]:
            busy += b"connections are open already" in sock.recv(4096)
        assert busy == 50
    finally:
        for sock in wires:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    shop, _ = served
    deadline = time.monotonic() + 30
    while True:
        try:
            with daemon.client() as client:
                assert client.search(shop.root, "retry")
                break
        except greppy.DaemonError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_clients_that_go_with_all_they_may_ask_for(served: tuple[Project, Client], daemon: Daemon) -> None:
    shop, client = served
    root = os.fsencode(shop.root)
    wires = []
    for _ in range(20):
        wires.append(Wire(daemon.socket))
        wires[-1].send(*([i, "subscribe", {"root": root}] for i in range(1, 65)), [99, "ping", {}])
        assert wires[-1].answer()[:2] == (99, DONE)
    wires[0].send([100, "subscribe", {"root": root}])
    assert "at most 64" in wires[0].answer()[2]["message"]
    for wire in wires:
        wire.socket.close()
    deadline = time.monotonic() + 30
    while client.status()["connections"] > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.status()["connections"] == 1
    assert client.status()["projects"][0]["subscribers"] == 0


def test_a_project_that_is_no_longer_watched(wire: Wire, served: tuple[Project, Client]) -> None:
    shop, client = served
    wire.send([1, "subscribe", {"root": os.fsencode(shop.root)}])
    while client.status()["projects"][0]["subscribers"] == 0:
        time.sleep(0.01)
    client.unwatch(shop.root)
    number, kind, body = wire.answer()
    assert (number, kind, body["code"]) == (1, ERROR, "unwatched")


def test_nested_without_end(wire: Wire, served: tuple[Project, Client]) -> None:
    data = b"\x93\x01\xa4ping" + b"\x91" * 100_000 + b"\x90"
    wire.socket.sendall(struct.pack("<I", len(data)) + data)
    assert wire.answer()[1] == ERROR


def test_a_client_that_goes(served: tuple[Project, Client], daemon: Daemon) -> None:
    """In the middle of a request, a hundred times."""
    shop, client = served
    for i in range(100):
        wire = Wire(daemon.socket)
        wire.send([1, "search", {"root": os.fsencode(shop.root), "query": f"retry {i}".encode()}])
        wire.socket.close()
    assert client.search(shop.root, "retry")
    deadline = time.monotonic() + 30
    while client.status()["connections"] > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.status()["connections"] == 1


# ------------------------------------------------------------------------------------------------- memory and numbers


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 400)), max_size=60))
def test_l1_against_an_obvious_one(steps: list[tuple[int, int]]) -> None:
    """Least recently used out, bounded in bytes."""
    capacity = 8 * (ENTRY_BYTES + 400)
    results = Results(capacity)
    model: dict[int, bytes] = {}  # in order of use, the most recent last
    for key, n in steps:
        if n % 3 == 0:
            found = results.get(key)
            assert found == model.get(key)
            if key in model:
                model[key] = model.pop(key)
            continue
        answer = bytes(n)
        results.put(key, answer)
        if n + ENTRY_BYTES <= capacity // 8:
            model.pop(key, None)
            model[key] = answer
            while sum(len(kept) + ENTRY_BYTES for kept in model.values()) > capacity:
                del model[next(iter(model))]
    assert results.size == sum(len(kept) + ENTRY_BYTES for kept in model.values())
    assert len(results) == len(model)


@given(st.lists(st.floats(2e-6, 30), min_size=1, max_size=200), st.floats(0.01, 1))
def test_percentiles(times: list[float], share: float) -> None:
    histogram = Histogram()
    for seconds in times:
        histogram.add(seconds)
    import math

    exact = sorted(times)[max(0, math.ceil(share * len(times) - 1e-9) - 1)]
    assert exact <= histogram.percentile(share) * (1 + 1e-9)
    assert histogram.percentile(share) <= exact * 1.25 * (1 + 1e-9)


def test_alerts() -> None:
    found = Metrics(Thresholds(p99_ms=1, growth_mb=5, hit_percent=50, error_percent=2))
    assert found.alerts() == []
    for _ in range(200):
        found.record("search", 0.5)
    found.misses, found.hits, found.errors = 150, 50, 10
    for i in range(20):
        found.history.append(Minute(10, (30 + i) * 10**6))
    told = " / ".join(found.alerts())
    assert "p99 of searches is" in told
    assert "memory grows by 60.0 MB an hour" in told
    assert "L1 answers 25 %" in told
    assert "5.0 % of requests fail" in told
    assert Metrics().alerts() == []


def test_thresholds_are_configured(daemon: Daemon, env: dict[str, str]) -> None:
    folder = Path(env["XDG_CONFIG_HOME"], "greppy")
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("alert_p99 = 3\nalert_hits = 5\n")
    daemon.start(flags=("--alert-hits", "7"))
    with daemon.client() as client:
        thresholds = client.status()["thresholds"]
    assert (thresholds["p99_ms"], thresholds["hit_percent"], thresholds["error_percent"]) == (3, 7, 1)


def test_prometheus_text(served: tuple[Project, Client]) -> None:
    shop, client = served
    client.search(shop.root, "retry")
    text = client.prometheus()
    assert text == prometheus(client.status()) or text.startswith("# HELP greppy_uptime_seconds")
    names = set()
    for line in text.splitlines():
        if line.startswith("#"):
            names.add(line.split()[2])
            continue
        name, value = line.rsplit(" ", 1)
        assert name.partition("{")[0] in names
        float(value)
    assert f'greppy_project_watched{{root="{shop.root}"}} 1\n' in text
    assert shop.run("status", "--prometheus").stdout.decode().splitlines()[0] == text.splitlines()[0]


def test_status_as_json(served: tuple[Project, Client], daemon: Daemon) -> None:
    shop, client = served
    client.search(shop.root, "retry")
    found = msgspec.json.decode(shop.run("status", "--json").stdout)["daemon"]
    assert found["pid"] == daemon.pid
    assert found["projects"][0]["state"] == "watched"
    assert {"p50_ms", "p95_ms", "p99_ms"} <= found["latency"]["search"].keys()
    assert found["rss_bytes"] > 0
    assert metrics.rss_bytes() > 0


def test_frames_as_specified() -> None:
    """The worked example of protocol.py, which is also what the front sends."""
    example = (protocol.__doc__ or "").replace("\n", " ")
    assert frame([0, "sync", {"root": b"/r"}]) == b"\x11\0\0\0\x93\x00\xa4sync\x81\xa4root\xc4\x02/r"
    assert "93 00 a4 's' 'y' 'n' 'c' 81 a4 'r' 'o' 'o' 't' c5 00 02 '/' 'r'" in " ".join(example.split())
    request = protocol.decode_request(b"\x93\x00\xa4sync\x81\xa4root\xc5\x00\x02/r")
    assert (request.id, request.method) == (0, "sync")
    assert frame([0, DONE, None]) == b"\x04\0\0\0\x93\x00\x00\xc0"
    assert PART == 1
