"""What goes over the socket: frames of msgpack.

A frame is its length, four bytes little-endian, and as many bytes of msgpack. A request is `[id, method, params]`: `id`
a number that the client has not in use, `params` a map. Answers may come in any order and are `[id, kind, body]`:

    kind 0  DONE   the last answer to `id`; body as the method says
    kind 1  PART   more follows: a hit of a streamed search, progress, a change
    kind 2  ERROR  the last answer; body {"code": ..., "message": a sentence}

Paths, globs and questions are bytes (`bin`), because they need not be UTF-8. What `search` of the front
sends, `sync` for the root `/r`: 12 00 00 00 | 93 00 a4 's' 'y' 'n' 'c' 81 a4 'r' 'o' 'o' 't' c5 00 02 '/' 'r', answered
by 04 00 00 00 | 93 00 00 c0 when the index holds all that had been written when the request came.

    method     params (those in brackets may be missing)                  answer
    ping       -                                                          {"pid", "version"}
    sync       root                                                       nil
    search     root query [limit globs types types_not kinds places       {"hits": [JSON], "generation", "cached"}; with
               no_tests stream deadline_ms smart]                          `stream` each hit is a PART, and "hits" empty
                                                                           ("warning": why no provider answered)
    index      root [force max_filesize include_secrets threads]          PARTs {"done", "total"} (bytes), a summary
    watch      root                                                       nil, when the project is watched
    unwatch    root                                                       nil
    subscribe  root                                                       PARTs {"generation", "changed", "removed"}
    cancel     id                                                         nil; the request `id` ends with an ERROR
    status     -                                                          see `metrics.py`
    forget     -                                                          nil, when answers of providers are forgotten
    stop       -                                                          nil, then the daemon ends
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

DONE, PART, ERROR = 0, 1, 2
REQUEST_MAX = 1 << 20  # bytes of a request's frame
ANSWER_MAX = 256 << 20  # bytes of an answer's frame that a client takes
LENGTH = struct.Struct("<I")


class Request(msgspec.Struct, array_like=True, frozen=True):
    id: int
    method: str
    params: msgspec.Raw


class Answer(msgspec.Struct, array_like=True, frozen=True):
    id: int
    kind: int
    body: msgspec.Raw


class Root(msgspec.Struct, frozen=True):
    root: bytes


class Named(msgspec.Struct, frozen=True):
    """What decides whether a search may be answered from L1."""

    root: bytes
    smart: bool = False


class Search(msgspec.Struct, frozen=True):
    root: bytes
    query: bytes
    limit: int = 20
    globs: list[bytes] = []
    types: list[str] = []
    types_not: list[str] = []
    kinds: list[str] = []
    places: list[bytes] = []
    no_tests: bool = False
    stream: bool = False
    deadline_ms: int = 10_000
    smart: bool = False


class Index(msgspec.Struct, frozen=True):
    root: bytes
    force: bool = False
    max_filesize: int | None = None
    include_secrets: bool | None = None
    threads: int | None = None


class Cancel(msgspec.Struct, frozen=True):
    id: int


class Failure(msgspec.Struct, frozen=True):
    """The body of an ERROR. Codes: bad-frame, bad-request, unwatched, busy, deadline, cancelled, damaged, failed."""

    code: str
    message: str


class RequestError(Exception):
    """A request that is answered by an ERROR."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def frame(message: Any) -> bytes:
    """A request `[id, method, params]` or an answer `[id, kind, body]` as it is sent."""
    data = encode(message)
    return LENGTH.pack(len(data)) + data
