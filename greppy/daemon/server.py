"""The daemon's socket: connections, requests, limits. The protocol is in `protocol.py`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from greppy._core import engine
from greppy.daemon import places, protocol
from greppy.daemon.metrics import Metrics, Thresholds, prometheus, rss_bytes
from greppy.daemon.project import ENDED, POLLED, WATCHED, Commit, Project
from greppy.daemon.protocol import DONE, ERROR, PART, Failure, RequestError, frame
from greppy.daemon.results import Results
from greppy.index.commit import IndexingError
from greppy.smart import answers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CONNECTIONS = 1000  # more are told that the daemon is busy
IN_FLIGHT = 64  # requests of one connection; what comes above waits in its socket
QUICK = 0.002  # seconds that a project's searches may take on average to be answered without a thread's help
AT_ONCE = 0.004  # seconds that one connection is served before the others have their turn
SIMPLE = 100  # results and bytes of a question above which none is
SUBSCRIPTIONS = 64  # of one connection
ANSWERS = 500  # of providers that are remembered
SEARCHES = 1000  # searches of all connections that may wait for a thread
SLOW_READER = 10.0  # seconds after which a client that does not read is cut off
HALF_FRAME = 10.0  # seconds that a frame may take to arrive
DRAIN = 5.0  # seconds that requests get to end when the daemon stops
MEMORY_HELD = 70 << 20  # resident bytes above which the pages of indexes are let go

Key = tuple[bytes, Commit, bytes]  # root, commit, parameters of the search as they came

log = logging.getLogger("greppy")


class Connection(asyncio.Protocol):
    """One client. Requests are answered as they are ready, in any order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._waiting: set[int] = set()  # those of the tasks that only wait for news, and hold nobody up
        self._reading = True
        self._full = False  # the client does not read what it is sent
        self._half: asyncio.TimerHandle | None = None
        self._slow: asyncio.TimerHandle | None = None

    # ----------------------------------------------------------------------------------------------- transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        uid = _peer(transport.get_extra_info("socket"))
        if uid not in (os.geteuid(), 0):
            log.warning("a connection of user %d was refused", uid)
            self._refuse("failed", "this daemon belongs to another user")
        elif len(self._server.connections) >= CONNECTIONS:
            self._refuse("busy", f"{CONNECTIONS} connections are open already; close some, or try again")
        else:
            self._server.connections.add(self)

    def _refuse(self, code: str, message: str) -> None:
        """Says what is wrong with the connection as a whole, and ends it."""
        self._transport.write(frame([0, ERROR, Failure(code, message)]))
        self._buffer.clear()
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self)
        for timer in (self._half, self._slow):
            if timer is not None:
                timer.cancel()
        for task in self._tasks.values():
            task.cancel()

    def pause_writing(self) -> None:
        self._full = True
        self._update_reading()
        self._slow = asyncio.get_running_loop().call_later(SLOW_READER, self._cut_off)

    def resume_writing(self) -> None:
        self._full = False
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        self._take_requests()
        self._update_reading()

    def _cut_off(self) -> None:
        log.warning("a client did not read for %g s and was cut off", SLOW_READER)
        self._transport.abort()

    def _update_reading(self) -> None:
        wanted = not self._full and len(self._tasks) - len(self._waiting) < IN_FLIGHT
        if wanted != self._reading and not self._transport.is_closing():
            self._reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._take_requests()

    def _take_requests(self) -> None:
        """Answers the frames that are there. What was written before they came has its events in the queues, so each
        project has to be looked at once for all of them."""
        buffer = self._buffer
        at = 0
        until = time.perf_counter() + AT_ONCE
        checked: dict[bytes, Commit | None] = {}
        while len(buffer) - at >= 4 and not self._full and len(self._tasks) - len(self._waiting) < IN_FLIGHT:
            (length,) = protocol.LENGTH.unpack_from(buffer, at)
            if length > protocol.REQUEST_MAX:
                self._refuse(
                    "bad-frame", f"a frame of {length:,} bytes is longer than the {protocol.REQUEST_MAX:,} allowed"
                )
                return
            if len(buffer) - at - 4 < length:
                break
            if time.perf_counter() > until:  # the others first
                asyncio.get_running_loop().call_soon(self._go_on)
                break
            try:
                request = protocol.decode_request(buffer[at + 4 : at + 4 + length])
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                self._refuse("bad-frame", f"a frame is no request: {error}")
                return
            at += 4 + length
            self._take(request, checked)
            if self._transport.is_closing():
                return
        del buffer[:at]
        self._time_half_frame(at > 0)
        self._update_reading()

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._take_requests()

    def _time_half_frame(self, progress: bool) -> None:
        """A frame that was taken gives the next one its whole time."""
        if progress and self._half is not None:
            self._half.cancel()
            self._half = None
        waiting = bool(self._buffer) and not self._full and len(self._tasks) - len(self._waiting) < IN_FLIGHT
        if waiting and self._half is None:
            self._half = asyncio.get_running_loop().call_later(
                HALF_FRAME, self._refuse, "bad-frame", f"the rest of a frame did not come within {HALF_FRAME:g} s"
            )
        elif not waiting and self._half is not None:
            self._half.cancel()
            self._half = None

    # ------------------------------------------------------------------------------------------------ requests

    def _take(self, request: protocol.Request, checked: dict[bytes, Commit | None]) -> None:
        began = time.perf_counter()
        if request.method == "search":
            key, answer = self._server.remembered(request.params, checked)
            if answer is None and key is not None:
                answer = self._server.search_at_once(request.params, key)
            if answer is not None:
                self._transport.write(frame([request.id, DONE, msgspec.Raw(answer)]))
                self._server.metrics.record("search", time.perf_counter() - began)
                return
        else:
            key = None
        if request.id in self._tasks:
            self._refuse("bad-request", f"request {request.id} is in use")
            return
        if request.method == "subscribe":
            if len(self._waiting) == SUBSCRIPTIONS:
                self._refuse("busy", f"a connection has at most {SUBSCRIPTIONS} subscriptions")
                return
            self._waiting.add(request.id)
        task = asyncio.get_running_loop().create_task(self._answer(request, key, began))
        self._tasks[request.id] = task

    async def _answer(self, request: protocol.Request, key: Key | None, began: float) -> None:
        server = self._server

        def part(body: Any) -> None:
            if not self._transport.is_closing():
                self._transport.write(frame([request.id, PART, body]))

        try:
            try:
                body = await server.answer(request, key, part, self)
                answer = frame([request.id, DONE, msgspec.Raw(body)])
            except RequestError as error:
                answer = frame([request.id, ERROR, Failure(error.code, _text(str(error)))])
                if error.code not in ("bad-request", "unwatched", "cancelled"):
                    server.metrics.errors += 1
                    log.warning("a request failed: %s: %s", request.method, error)
            except asyncio.CancelledError:
                answer = frame([request.id, ERROR, Failure("cancelled", "the request was cancelled")])
            except Exception as error:
                log.exception("a request failed: %s", request.method)
                answer = frame([request.id, ERROR, Failure("failed", _text(f"{type(error).__name__}: {error}"))])
                server.metrics.errors += 1
            if not self._transport.is_closing():
                self._transport.write(answer)
            name = request.method if request.method in server.methods else "unknown"
            server.metrics.record(name, time.perf_counter() - began)
        finally:
            del self._tasks[request.id]
            self._waiting.discard(request.id)
            if not self._transport.is_closing():
                self._take_requests()
                self._update_reading()

    def cancel(self, number: int) -> None:
        task = self._tasks.get(number)
        if task is not None:
            task.cancel()

    @property
    def idle(self) -> bool:
        return not self._tasks

    def close(self) -> None:
        self._transport.close()


def _text(message: str) -> str:
    """What can be sent: a path in it need not be UTF-8."""
    return message.encode("utf-8", "replace").decode()


def _peer(sock: socket.socket) -> int:
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", data)[1])


def _params(kind: type[Any], raw: msgspec.Raw) -> Any:
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RequestError("bad-request", f"the parameters are not right: {error}") from None


class Server:
    """All projects and connections of one daemon."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.metrics = Metrics(thresholds or Thresholds())
        self.connections: set[Connection] = set()
        self.projects: dict[bytes, Project] = {}
        self.results = Results()
        self.answers = answers.Answers(ANSWERS)
        self._executor = ThreadPoolExecutor(max(2, len(os.sched_getaffinity(0))), "greppy")
        self._writers = ThreadPoolExecutor(4, "greppy-index")
        self._asking = ThreadPoolExecutor(8, "greppy-ask")
        self._searches = 0
        self._stop = asyncio.Event()
        self._told: list[str] = []
        self.methods: dict[str, Callable[..., Awaitable[bytes]]] = {
            "ping": self._ping,
            "sync": self._sync,
            "search": self._search,  # with the name that L1 has for it instead of the connection
            "index": self._index,
            "watch": self._watch,
            "unwatch": self._unwatch,
            "subscribe": self._subscribe,
            "cancel": self._cancel,
            "status": self._status,
            "prometheus": self._prometheus,
            "forget": self._forget,
            "stop": self._stop_request,
        }

    # ---------------------------------------------------------------------------------------------------- life

    async def run(self, roots: list[bytes]) -> None:
        """Serves until SIGTERM, SIGINT or a request to stop. Raises DaemonError when another daemon runs."""
        instance = places.Instance()
        instance.acquire()
        path = places.socket_path()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # whoever had bound it is gone: we hold the lock
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_unix_server(lambda: Connection(self), str(path), backlog=1024)
        except OSError as error:
            raise places.DaemonError(f"cannot listen on {path}: {error.strerror}") from None
        path.chmod(0o600)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        for root in roots:
            try:
                self._add(root)
            except IndexingError as error:
                log.error("%s: %s", places.shown(root), error)
        housekeeping = loop.create_task(self._housekeeping())
        log.info("started, pid %d, %d projects", os.getpid(), len(self.projects))
        try:
            await self._stop.wait()
            log.info("stopping")
            server.close()
            await self._drain()
        finally:
            housekeeping.cancel()
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            instance.release()
            log.info("stopped")

    async def _drain(self) -> None:
        """Lets requests end, commits what was seen, and says goodbye."""
        deadline = time.monotonic() + DRAIN
        while any(not connection.idle for connection in self.connections) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(project.stop() for project in self.projects.values()), return_exceptions=True)
        for connection in list(self.connections):
            connection.close()
        await asyncio.sleep(0)
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._writers.shutdown(wait=False, cancel_futures=True)
        self._asking.shutdown(wait=False, cancel_futures=True)

    async def _housekeeping(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.5)
            for project in self.projects.values():
                if project.state == WATCHED:
                    project.drain()  # what decides from outside makes no event
            if rss_bytes() > MEMORY_HELD:
                for project in self.projects.values():
                    project.release_memory()
                gc.collect()
            if time.monotonic() - last >= 60:
                last += 60
                self.metrics.minute()
                alerts = self.metrics.alerts()
                for alert in alerts:
                    if alert.partition(" is ")[0] not in [told.partition(" is ")[0] for told in self._told]:
                        log.warning("%s", alert)
                self._told = alerts

    def _add(self, root: bytes) -> Project:
        project = self.projects.get(root)
        if project is None:
            project = self.projects[root] = Project(root, self._writers)
            project.start()
            places.remember(list(self.projects))
        return project

    # ------------------------------------------------------------------------------------------------ searching

    def remembered(self, params: msgspec.Raw, checked: dict[bytes, Commit | None]) -> tuple[Key | None, bytes | None]:
        """(what L1 calls the search, its answer or None); no name when it has to be waited for before L1 may be asked.
        """
        try:
            named = msgspec.msgpack.decode(params, type=protocol.Named)
        except (msgspec.MsgspecError, ValueError):
            return None, None  # told when it is answered
        if named.smart:
            return None, None  # another answer of the provider would be another result
        root = named.root
        if root not in checked:
            project = self.projects.get(root)
            checked[root] = None
            if project is not None and project.caught_up():
                with contextlib.suppress(OSError):
                    checked[root] = project.commit_key()
        commit = checked[root]
        if commit is None:
            return None, None
        key = (root, commit, bytes(params))
        answer = self.results.get(key)
        if answer is not None:
            self.metrics.hits += 1
        return key, answer

    def search_at_once(self, params: msgspec.Raw, key: Key) -> bytes | None:
        """The answer of a search of a project that has caught up, if that is less work than handing it to a thread;
        None: it may be long, or something is wrong with it."""
        project = self.projects[key[0]]
        if project.search_seconds > QUICK:
            return None
        try:
            asked = msgspec.msgpack.decode(params, type=protocol.Search)
            if asked.stream or not 1 <= asked.limit <= SIMPLE or len(asked.query) > SIMPLE:
                return None
            hits, generation = project.timed(_run_search, project.reader(), asked)
        except (msgspec.MsgspecError, ValueError, OSError, engine.DamagedError, engine.VersionError):
            return None  # told by the way that all others go
        self.metrics.misses += 1
        return self._kept(key, hits, generation)

    def _kept(self, key: Key, hits: list[bytes], generation: int) -> bytes:
        """The answer, which L1 gets as well."""
        self.results.put(key, protocol.encode({"hits": hits, "generation": generation, "cached": True}), len(key[2]))
        return protocol.encode({"hits": hits, "generation": generation, "cached": False})

    async def answer(
        self, request: protocol.Request, key: Key | None, part: Callable[[Any], None], connection: Connection
    ) -> bytes:
        """The body of the answer, encoded. Raises RequestError."""
        method = self.methods.get(request.method)
        if method is None:
            raise RequestError("bad-request", f"there is no method {request.method!r}")
        if request.method == "search":
            return await self._search(request.params, part, key)
        return await method(request.params, part, connection)

    def _project(self, path: bytes) -> Project:
        project = self.projects.get(path)
        if project is None:
            raise RequestError("unwatched", f"{places.shown(path)} is not watched; 'greppy start PATH' has it watched")
        return project

    async def _search(self, raw: msgspec.Raw, part: Callable[[Any], None], key: Key | None) -> bytes:
        asked: protocol.Search = _params(protocol.Search, raw)
        if not 1 <= asked.limit <= 100_000 or not 1 <= asked.deadline_ms <= 3_600_000:
            raise RequestError("bad-request", "limit is 1 to 100000, deadline_ms 1 to 3600000")
        project = self._project(asked.root)
        if self._searches >= SEARCHES:
            raise RequestError("busy", f"{SEARCHES} searches are waiting already; try again")
        self._searches += 1
        try:
            async with asyncio.timeout(asked.deadline_ms / 1e3):
                loop = asyncio.get_running_loop()
                widen = asked.smart and engine.smart_question(asked.query)
                answer = loop.run_in_executor(self._asking, self._smart, asked) if widen else None
                if key is None:
                    await _or_fail(project.sync())
                    if project.state == WATCHED and not asked.smart:
                        key = (project.root, project.commit_key(), bytes(raw))
                self.metrics.misses += 1
                smart, warning = (None, None) if answer is None else await answer
                hits, generation = await loop.run_in_executor(
                    self._executor, project.timed, partial(_run_search, smart=smart), project.reader(), asked
                )
        except TimeoutError:
            raise RequestError("deadline", f"no answer within {asked.deadline_ms} ms") from None
        except ValueError as error:
            raise RequestError("bad-request", str(error)) from None
        except (OSError, engine.DamagedError, engine.VersionError) as error:
            raise RequestError("damaged", f"the index of {places.shown(project.root)}: {error}") from None
        finally:
            self._searches -= 1
        if asked.stream:
            for hit in hits:
                part(hit)
            hits = []
        elif key is not None:
            return self._kept(key, hits, generation)
        body = {"hits": hits, "generation": generation, "cached": False}
        return protocol.encode(body if warning is None else {**body, "warning": warning})

    def _smart(self, asked: protocol.Search) -> tuple[bytes, str | None]:
        """(what the provider answers to the question, why it does not). In a thread of its own."""
        try:
            who = answers.configured()
            if who is None:
                return b"", None
            return self.answers.get(who, asked.query, lambda: answers.project_languages(asked.root)), None
        except ValueError as error:
            return b"", str(error)
        except Exception as error:
            from greppy.smart.ask import ProviderError

            if not isinstance(error, ProviderError):
                log.exception("asking a provider")
            return b"", str(error)

    # --------------------------------------------------------------------------------------------- other methods

    async def _ping(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        return protocol.encode({"pid": os.getpid(), "version": places.version()})

    async def _sync(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        project = self._project(_params(protocol.Root, raw).root)
        if project.state != WATCHED:
            raise RequestError("unwatched", project.why or "the project is still being read for the first time")
        await _or_fail(project.sync())
        return protocol.encode(None)

    async def _index(self, raw: msgspec.Raw, part: Callable[[Any], None], connection: Connection) -> bytes:
        asked: protocol.Index = _params(protocol.Index, raw)
        project = self._project(asked.root)
        options = ["--force"] if asked.force else []
        if asked.max_filesize is not None:
            options.append(f"--max-filesize={asked.max_filesize}")
        if asked.include_secrets is not None:
            options.append("--include-secrets" if asked.include_secrets else "--no-include-secrets")
        if asked.threads is not None:
            options.append(f"--threads={asked.threads}")
        summary = await _or_fail(project.index(options, lambda done, total: part({"done": done, "total": total})))
        warnings = [_text(warning) for warning in summary["warnings"]]
        return protocol.encode({**summary, "root": _text(summary["root"]), "warnings": warnings})

    async def _watch(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        root = _params(protocol.Root, raw).root
        if not os.path.isdir(root):
            raise RequestError("bad-request", f"{places.shown(root)}: no such folder")
        if os.path.realpath(root) != root:
            raise RequestError("bad-request", f"{places.shown(root)} is not the real path of a folder")
        try:
            project = self._add(root)
        except IndexingError as error:
            raise RequestError("failed", str(error)) from None
        while project.state not in (WATCHED, POLLED):
            if project.state == ENDED or project.why:
                raise RequestError("failed", project.why)
            await asyncio.sleep(0.01)
        return protocol.encode(None)

    async def _unwatch(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        project = self.projects.pop(self._project(_params(protocol.Root, raw).root).root)
        places.remember(list(self.projects))
        await project.stop()
        log.info("%s: no longer watched", places.shown(project.root))
        return protocol.encode(None)

    async def _subscribe(self, raw: msgspec.Raw, part: Callable[[Any], None], connection: Connection) -> bytes:
        project = self._project(_params(protocol.Root, raw).root)
        project.subscribers.add(part)
        try:
            await project.ended.wait()  # or until it is cancelled, or its client goes
        finally:
            project.subscribers.discard(part)
        raise RequestError("unwatched", project.why)

    async def _cancel(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        connection.cancel(_params(protocol.Cancel, raw).id)
        return protocol.encode(None)

    def status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": places.version(),
            **self.metrics.report(),
            "l1_entries": len(self.results),
            "l1_bytes": self.results.size,
            "answers": self.answers.report(),
            "connections": len(self.connections),
            "projects": [project.report() for _, project in sorted(self.projects.items())],
        }

    async def _status(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        return protocol.encode(self.status())

    async def _prometheus(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        return protocol.encode(prometheus(self.status()))

    async def _forget(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        self.answers.forget()
        return protocol.encode(None)

    async def _stop_request(self, raw: msgspec.Raw, part: object, connection: Connection) -> bytes:
        self._stop.set()
        return protocol.encode(None)


def _run_search(reader: engine.Reader, asked: protocol.Search, smart: bytes | None = None) -> tuple[list[bytes], int]:
    """In a thread of its own."""
    hits = reader.search(
        asked.query,
        asked.limit,
        asked.globs,
        asked.types,
        asked.types_not,
        asked.kinds,
        asked.places,
        asked.no_tests,
        smart=smart,
    )
    return hits, reader.generation


async def _or_fail(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except IndexingError as error:
        raise RequestError("failed", str(error)) from None
