"""The client of the daemon: `greppy.connect()`."""

from __future__ import annotations

import os
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec

from greppy.daemon import places, protocol
from greppy.daemon.places import DaemonError
from greppy.daemon.protocol import DONE, ERROR, Failure, frame
from greppy.index.hit import Hit, decode_hit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

POOL = 8  # connections kept open between requests
SILENT = "the daemon does not answer; 'greppy stop' ends it"


class Filters(TypedDict, total=False):
    """What may be said of a search besides the question."""

    globs: Iterable[str | bytes]
    types: Iterable[str]
    types_not: Iterable[str]
    kinds: Iterable[str]
    places: Iterable[str | bytes]
    no_tests: bool
    deadline: float
    smart: bool


class DaemonFailure(DaemonError):
    """The daemon's answer is an error; `code` says of which kind (see `protocol.Failure`)."""

    def __init__(self, failure: Failure, of_request: bool) -> None:
        super().__init__(failure.message)
        self.code = failure.code
        self.of_request = of_request  # and not of the connection as a whole


class _LostError(DaemonError):
    """The connection broke before the first answer."""


class _Line:
    """One connection with one request at a time."""

    def __init__(self, path: str, timeout: float | None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._next = 1
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise DaemonError(f"no daemon answers at {path} ({error.strerror}); 'greppy start' starts one") from None
        self._buffer = bytearray()

    def close(self) -> None:
        self._socket.close()

    def answers(self, method: str, params: dict[str, Any]) -> Iterator[protocol.Answer]:
        """Sends a request; its answers up to the last one. Raises DaemonError."""
        number = self._next
        self._next += 1
        answered = False
        try:
            self._socket.sendall(frame([number, method, params]))
            while True:
                answer = protocol.decode_answer(self._frame())
                if answer.kind == ERROR:
                    failure = msgspec.msgpack.decode(answer.body, type=Failure)
                    raise DaemonFailure(failure, answer.id == number)
                if answer.id == number:
                    answered = True
                    yield answer
                    if answer.kind == DONE:
                        return
        except (OSError, msgspec.MsgspecError) as error:
            # To have waited in vain is no reason to ask again: it may be at work on it.
            kind = DaemonError if answered or isinstance(error, TimeoutError) else _LostError
            raise kind(f"{SILENT} ({error})") from None

    def _frame(self) -> bytes:
        head = self._bytes(4)
        (length,) = protocol.LENGTH.unpack(head)
        if length > protocol.ANSWER_MAX:
            raise OSError(f"an answer of {length:,} bytes")
        return self._bytes(length)

    def _bytes(self, n: int) -> bytes:
        while len(self._buffer) < n:
            data = self._socket.recv(max(65536, n - len(self._buffer)))
            if not data:
                raise OSError("the connection was closed")
            self._buffer += data
        taken = bytes(self._buffer[:n])
        del self._buffer[:n]
        return taken


class Client:
    """The daemon that `pid` is. Safe to share between threads: each request has a connection of its own, from a pool. A
    context manager."""

    def __init__(self, path: str, timeout: float | None) -> None:
        self._path = path
        self._timeout = timeout
        self._idle: list[_Line] = []
        self._lock = threading.Lock()
        who = self.ping()
        self.pid: int = who["pid"]
        self.version: str = who["version"]  # as `places.version` says ours

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _answers(self, method: str, params: dict[str, Any]) -> Iterator[protocol.Answer]:
        with self._lock:
            line = self._idle.pop() if self._idle else None
        if line is not None:
            try:
                yield from self._through(line, method, params)
                return
            except _LostError:
                self.close()  # of a daemon that was stopped since: another one may run
        yield from self._through(_Line(self._path, self._timeout), method, params)

    def _through(self, line: _Line, method: str, params: dict[str, Any]) -> Iterator[protocol.Answer]:
        usable = False
        try:
            yield from line.answers(method, params)
            usable = True
        except DaemonFailure as failure:
            usable = failure.of_request
            raise
        finally:
            # Whoever stops listening in the middle ends the connection, and with it the request.
            with self._lock:
                keep = usable and len(self._idle) < POOL
                if keep:
                    self._idle.append(line)
            if not keep:
                line.close()

    def _ask(self, method: str, **params: Any) -> Any:
        *_, last = self._answers(method, params)
        return msgspec.msgpack.decode(last.body)

    def ping(self) -> dict[str, Any]:
        """{"pid", "version"} of the daemon. All methods raise DaemonError when there is none, DaemonFailure for what
        it cannot do."""
        return dict(self._ask("ping"))

    def search(
        self, root: str | bytes | os.PathLike[str], query: str | bytes, limit: int = 20, **more: Unpack[Filters]
    ) -> list[Hit]:
        """The best places of the project at `root` for a question, as `Index.search` gives them for the same filters
        (`globs`, `types`, `types_not`, `kinds`, `places`, `no_tests`), and as the files are now. `deadline` (10) is in
        seconds. `smart`: also what says it in other words; warns when the provider gives no answer."""
        body = self._ask("search", **_search(root, query, limit, **more))
        _warn(body)
        return [decode_hit(hit) for hit in body["hits"]]

    def stream(
        self, root: str | bytes | os.PathLike[str], query: str | bytes, limit: int = 20, **more: Unpack[Filters]
    ) -> Iterator[Hit]:
        """As `search`, each hit as it comes."""
        for answer in self._answers("search", {**_search(root, query, limit, **more), "stream": True}):
            body = msgspec.msgpack.decode(answer.body)
            if answer.kind == DONE:
                _warn(body)
            else:
                yield decode_hit(body)

    def index(
        self,
        root: str | bytes | os.PathLike[str],
        *,
        force: bool = False,
        max_filesize: int | None = None,
        include_secrets: bool | None = None,
        threads: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """What `greppy index` does, by the daemon; its summary. `progress(done, total)` gets bytes."""
        params: dict[str, Any] = {"root": _root(root), "force": force, "max_filesize": max_filesize}
        params |= {"include_secrets": include_secrets, "threads": threads}
        for answer in self._answers("index", params):
            body = msgspec.msgpack.decode(answer.body)
            if answer.kind == DONE:
                return dict(body)
            if progress is not None:
                progress(body["done"], body["total"])
        raise AssertionError

    def sync(self, root: str | bytes | os.PathLike[str]) -> None:
        """Returns when the index of `root` holds all that was written before the call."""
        self._ask("sync", root=_root(root))

    def watch(self, root: str | bytes | os.PathLike[str]) -> None:
        """Has a project watched from now on, and also by daemons to come; returns when it is."""
        self._ask("watch", root=_root(root))

    def unwatch(self, root: str | bytes | os.PathLike[str]) -> None:
        """Has it no longer watched."""
        self._ask("unwatch", root=_root(root))

    def changes(self, root: str | bytes | os.PathLike[str]) -> Iterator[dict[str, Any]]:
        """Waits for commits: {"generation", "changed", "removed"} of each, paths as bytes, None where only a comparison
        of all files told that something had changed. Ends when the generator is closed."""
        for answer in self._answers("subscribe", {"root": _root(root)}):
            yield msgspec.msgpack.decode(answer.body)

    def status(self) -> dict[str, Any]:
        """Projects and metrics, as `greppy status --json` has them under "daemon"."""
        return dict(self._ask("status"))

    def prometheus(self) -> str:
        """The metrics as Prometheus text."""
        return str(self._ask("prometheus"))

    def forget(self) -> None:
        """Makes it forget what providers have answered, as `greppy cache clear` does."""
        self._ask("forget")

    def stop(self) -> None:
        """Ends the daemon, when it has committed what it saw."""
        self._ask("stop")


def _warn(body: dict[str, Any]) -> None:
    if "warning" in body:
        warnings.warn(body["warning"], stacklevel=3)


def _root(root: str | bytes | os.PathLike[str]) -> bytes:
    return os.path.realpath(os.fsencode(root))


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _search(
    root: str | bytes | os.PathLike[str],
    query: str | bytes,
    limit: int,
    *,
    globs: Iterable[str | bytes] = (),
    types: Iterable[str] = (),
    types_not: Iterable[str] = (),
    kinds: Iterable[str] = (),
    places: Iterable[str | bytes] = (),
    no_tests: bool = False,
    deadline: float = 10.0,
    smart: bool = False,
) -> dict[str, Any]:
    """The parameters of a search."""
    return {
        "root": _root(root),
        "query": _bytes(query),
        "limit": limit,
        "globs": [_bytes(text) for text in globs],
        "types": list(types),
        "types_not": list(types_not),
        "kinds": list(kinds),
        "places": [_bytes(text) for text in places],
        "no_tests": no_tests,
        "deadline_ms": max(1, round(deadline * 1e3)),
        "smart": smart,
    }


def connect(path: str | os.PathLike[str] | None = None, timeout: float | None = 60.0) -> Client:
    """A client of the daemon that runs for this user, or listens at `path`; `timeout` in seconds is for the socket.
    Raises DaemonError when none answers."""
    return Client(os.fspath(path or places.socket_path()), timeout)
