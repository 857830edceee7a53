"""HTTP that ends in time. A server may drip a byte now and then, a name server may hang: no timeout of a single read
ends that. So the work is done by a thread of its own; when the time is over its sockets are shut, which wakes it, and
nobody waits for it.

Redirects are not followed, and answers are read up to a limit, whatever they are packed with.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from greppy._core import engine
from greppy.smart.providers import Request, is_loopback

BODY_BYTES = 256 << 10

_Result = TypeVar("_Result")


class ExchangeError(Exception):
    """There was no answer, or none that is read: a clause that says why, for a sentence that begins with who."""


class LostError(ExchangeError):
    """The connection could not be made or was lost: the next one may do better."""


class TimeOverError(ExchangeError):
    """The time is over."""


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]  # of any letter case
    body: bytes


def headers(request: Request) -> dict[str, str]:
    """All that is sent, but for what HTTP itself needs."""
    base = {"accept": "application/json", "accept-encoding": "identity", "user-agent": f"greppy/{engine.VERSION}"}
    if request.json is not None:
        base["content-type"] = "application/json"
    return {**base, **request.headers}


def within(seconds: float, work: Callable[[Line], _Result]) -> _Result:
    """What `work` returns or raises, done in another thread, or TimeOverError when the time is over. An exception
    comes without those that led to it: they hold requests, and requests hold keys."""
    line = Line(seconds)
    results: list[_Result] = []
    errors: list[BaseException] = []
    done = Event()

    def run() -> None:
        try:
            results.append(work(line))
        except BaseException as error:
            errors.append(error)
        finally:
            line.close()
            done.set()

    Thread(target=run, name="greppy-exchange", daemon=True).start()
    try:
        in_time = done.wait(max(seconds, 0.0))
    finally:
        line.shut()  # also when the wait is interrupted
    if not in_time:
        raise TimeOverError(f"did not answer within {seconds:g} s")
    if errors:
        error = errors[0]
        error.__cause__ = error.__context__ = error.__traceback__ = None
        raise error
    return results[0]


class Line:
    """Requests to one server: what they have open, and until when."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._over = Event()
        self._lock = Lock()
        self._sockets: list[Any] = []
        self._client: httpx.Client | None = None

    def left(self) -> float:
        """Seconds; not less than 0."""
        return max(self._deadline - time.monotonic(), 0.0)

    def sleep(self, seconds: float) -> None:
        self._over.wait(min(seconds, self.left()))

    def send(self, request: Request) -> Reply:
        """Raises ExchangeError."""
        host = urlsplit(request.url).netloc
        body = b"" if request.json is None else msgspec.json.encode(request.json)
        if self._over.is_set():  # nobody waits for it any more
            raise TimeOverError("did not answer in time")
        if self._client is None:
            self._client = _client(request.url)
        try:
            with self._client.stream(
                request.method, request.url, content=body, headers=headers(request), timeout=self.left() or 0.001,
                extensions={"trace": self._trace},
            ) as response:  # fmt: skip
                return Reply(response.status_code, response.headers, self._read(response))
        except httpx.TimeoutException:
            raise TimeOverError(f"did not answer in time at {host}") from None
        except httpx.TransportError as error:
            raise _translated(error, host) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise ExchangeError(f"cannot be asked at {host}; look at the base URL and the key") from None

    def shut(self) -> None:
        """Ends what is under way, from another thread."""
        self._over.set()
        with self._lock:
            for connection in self._sockets:
                _shut(connection)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx as a request goes on; keeps its sockets."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.append(connection)
                if self._over.is_set():
                    _shut(connection)

    def _read(self, response: httpx.Response) -> bytes:
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        unpacker = None
        if coding in ("gzip", "x-gzip", "deflate"):  # not asked for, which does not keep everybody from it
            unpacker = zlib.decompressobj(wbits=47)
        elif coding != "identity":
            raise ExchangeError("packed its answer in a way that was not asked for")
        body = bytearray()
        for chunk in response.iter_raw():
            try:
                body += chunk if unpacker is None else unpacker.decompress(chunk, BODY_BYTES + 1 - len(body))
            except zlib.error:
                raise ExchangeError("packed its answer wrongly") from None
            if len(body) > BODY_BYTES:
                raise ExchangeError(f"answered with more than {BODY_BYTES >> 10} KB, which is no answer")
        return bytes(body)


def _client(url: str) -> httpx.Client:
    """Raises ExchangeError when the environment's proxy is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = f"all://[{host}]" if ":" in host else f"all://{host}"
    try:
        return httpx.Client(
            # Authorities are loaded when there is something to verify.
            verify=parts.scheme == "https",
            follow_redirects=False,
            # What goes to this machine goes through no proxy, whatever the environment says.
            mounts={local: None} if is_loopback(url) else None,
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL):
        # Not told which: the URL of a proxy may hold a password.
        raise ExchangeError("cannot be asked: HTTPS_PROXY or SSL_CERT_FILE name nothing that can be used") from None


def _shut(connection: Any) -> None:
    with contextlib.suppress(OSError):  # closed already
        connection.shutdown(socket.SHUT_RDWR)


def _translated(error: httpx.TransportError, host: str) -> ExchangeError:
    """What went wrong with a connection, as a clause."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ExchangeError(
            f"has a certificate at {host} that does not hold ({cause.verify_message}); "
            "SSL_CERT_FILE names a file with the authorities to trust"
        )
    if isinstance(cause, ssl.SSLError):
        reason = (cause.reason or "no reason given").lower().replace("_", " ")
        return ExchangeError(f"does not speak TLS at {host} ({reason}); look at the base URL")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError):
        return ExchangeError(f"cannot be reached at {host} through the proxy; look at HTTPS_PROXY")
    if isinstance(error, httpx.ConnectError):
        why = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
        return LostError(f"cannot be reached at {host} ({why})")
    return LostError(f"lost the connection at {host}")
