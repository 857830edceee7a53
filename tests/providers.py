"""A provider on loopback, for tests: speaks the four protocols, well and badly, and remembers what it was sent.

    with Server() as server:                         # server.url("openai") is a base URL
        server.behave(status(500), good)             # the first request, then all others
        ...
        server.requests[0].headers["authorization"]

A behaviour is a function of a `Handler`, whose `text` is what a model that behaves would say: the answer that `answers`
has for the query that was asked, else ANSWER; for a request to rerank, the places the other way round.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0
CLOSED = "127.0.0.1:1"  # nobody listens there, and nobody is given that port by chance
BOMB_BYTES = 64 << 20
ANSWER: dict[str, Any] = {
    "intent": "understand_flow",
    "entity_type": "function",
    "expanded_query": "login authenticate session token",
    "filters": {"symbol_types": ["function"], "exclude_tests": True, "file_patterns": None},
}
ROOTS = {"anthropic": "", "openai": "/v1", "gemini": "/v1beta", "ollama": ""}
VARIABLES = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "gemini": "GEMINI_API_KEY"}


@dataclass(frozen=True)
class Recorded:
    """A request as it came; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def query(self) -> str:
        """What was asked, out of whatever protocol."""
        return str(json.loads(re.search(r"^query: (.*)$", self.asked, re.MULTILINE)[1]))  # type: ignore[index]

    @property
    def asked(self) -> str:
        """What the model is asked, without what it is told."""
        if "contents" in self.json:
            return str(self.json["contents"][0]["parts"][0]["text"])
        return str(self.json["messages"][-1]["content"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.recorded = Recorded(self.command, self.path, headers, body)
        self.server.owner.take(self.recorded)(self)

    do_GET = do_POST

    @property
    def text(self) -> str:
        return self.server.owner.answer(self.recorded)

    @property
    def closing(self) -> threading.Event:
        """Set when the server ends: whatever waits, waits for that."""
        return self.server.owner.closing

    def send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: Server

    def handle_error(self, *arguments: object) -> None:
        pass  # a client that does not wait for the end


Behaviour = Callable[[Handler], None]


def wrapped(path: str, text: str) -> bytes:
    """What a model said, as the protocol that `path` belongs to has it."""
    if path.endswith("/v1/messages"):
        try:
            blocks = [{"type": "tool_use", "id": "t", "name": "answer", "input": json.loads(text)}]
        except ValueError:
            blocks = [{"type": "text", "text": text}]
        return json.dumps({"type": "message", "role": "assistant", "content": blocks}).encode()
    if path.endswith("/chat/completions"):
        return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode()
    if path.endswith(":generateContent"):
        return json.dumps({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}).encode()
    if path.endswith("/api/chat"):
        return json.dumps({"message": {"role": "assistant", "content": text}, "done": True}).encode()
    return json.dumps({"models": [{"name": "nomic-embed-text"}, {"name": "qwen"}, {"name": "llama"}]}).encode()


# ------------------------------------------------------------------------------------------------------ behaviours


def good(handler: Handler) -> None:
    handler.send(200, wrapped(handler.path, handler.text))


def says(text: str) -> Behaviour:
    """A model that says just this."""
    return lambda handler: handler.send(200, wrapped(handler.path, text))


def raw(body: bytes, headers: Mapping[str, str] | None = None) -> Behaviour:
    """A server that answers with these bytes, whatever the protocol."""
    return lambda handler: handler.send(200, body, headers)


def status(number: int, headers: Mapping[str, str] | None = None, message: str = "") -> Behaviour:
    body = json.dumps({"error": {"message": message}}).encode() if message else b"<html>no</html>"
    return lambda handler: handler.send(number, body, headers)


def echo_key(number: int) -> Behaviour:
    """An error that repeats every header of the request."""
    return lambda handler: status(number, message=" ".join(handler.recorded.headers.values()))(handler)


def redirect(url: str) -> Behaviour:
    return status(307, {"location": url})


def slow(seconds: float) -> Behaviour:
    def behaviour(handler: Handler) -> None:
        handler.closing.wait(seconds)
        good(handler)

    return behaviour


def hang(handler: Handler) -> None:
    """Takes the request and says nothing."""
    handler.closing.wait(PATIENCE)


def hang_within_body(handler: Handler) -> None:
    body = wrapped(handler.path, handler.text)
    handler.send(200, body[: len(body) // 2], {"content-length": str(len(body))})
    handler.closing.wait(PATIENCE)


def drip_headers(handler: Handler) -> None:
    """A byte now and then, for as long as somebody listens: no single read is long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
    _drip(handler)


def drip_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    _drip(handler)


def _drip(handler: Handler) -> None:
    while not handler.closing.wait(0.02):
        handler.wfile.write(b" ")


def half(handler: Handler) -> None:
    """A body that is whole to HTTP and half an object of JSON."""
    body = wrapped(handler.path, handler.text)
    handler.send(200, body[: len(body) // 2])


def cut_off(handler: Handler) -> None:
    """Ends the connection in the middle of a body."""
    body = wrapped(handler.path, handler.text)
    handler.send(200, body[: len(body) // 2], {"content-length": str(len(body))})
    handler.close_connection = True


def huge(handler: Handler) -> None:
    """A body without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    while not handler.closing.is_set():
        handler.wfile.write(b" " * 65536)


def gzipped(handler: Handler) -> None:
    handler.send(200, gzip.compress(wrapped(handler.path, handler.text)), {"content-encoding": "gzip"})


def gzip_bomb() -> Behaviour:
    """Some 65 KB that unpack to BOMB_BYTES."""
    return raw(gzip.compress(bytes(BOMB_BYTES), 9), {"content-encoding": "gzip"})


def reset(handler: Handler) -> None:
    """Resets the connection instead of answering."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.close_connection = True
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()


def without_schema(handler: Handler) -> None:
    """A server of before schemas: refuses what it does not know."""
    body = handler.recorded.json
    if {"response_format", "tools", "format", "generationConfig"} & set(body):
        status(400, message="unknown field")(handler)
    else:
        good(handler)


# ---------------------------------------------------------------------------------------------------------- server


class Server:
    """Listens on loopback until it is closed. `answers`: what to answer by query, as the lines of answers.jsonl have
    it. `certificate`: (certificate, key) files to speak TLS with."""

    def __init__(
        self, answers: Mapping[str, Mapping[str, Any]] | None = None, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.answers = dict(answers or {})
        self.closing = threading.Event()
        self.requests: list[Recorded] = []
        self._lock = threading.Lock()
        self._behaviours: list[Behaviour] = [good]
        self._listener = Listener(("127.0.0.1", 0), Handler)
        self._listener.owner = self
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # The handshake is made by the thread of the connection, not by the one that accepts.
            self._listener.socket = context.wrap_socket(
                self._listener.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(PATIENCE)

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    @property
    def count(self) -> int:
        return len(self.requests)

    def url(self, provider: str = "ollama", host: str = "127.0.0.1") -> str:
        """The base URL to configure for a provider."""
        return f"{self._scheme}://{host}:{self.port}{ROOTS[provider]}"

    def behave(self, *behaviours: Behaviour) -> None:
        """One behaviour a request, the last for all that follow."""
        with self._lock:
            self._behaviours = list(behaviours)

    def take(self, request: Recorded) -> Behaviour:
        with self._lock:
            self.requests.append(request)
            return self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]

    def answer(self, request: Recorded) -> str:
        if not request.body:
            return ""
        places = re.findall(r"^\[(\d+)\] ", request.asked, re.MULTILINE)
        if places:
            return json.dumps({"order": [int(number) for number in reversed(places)]})
        return json.dumps(self.answers.get(request.query, ANSWER))


def alone(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment without a provider of whoever runs the tests: no Ollama, and a keyring that has failed."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "secret-tool"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    return {**env, "PATH": f"{program.parent}:{env['PATH']}", "OLLAMA_HOST": CLOSED}


def unused_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done
    return certificate, key
