"""A place that a search found, as the library has it."""

from __future__ import annotations

import msgspec


class Hit(msgspec.Struct, frozen=True):
    """A place, as `greppy search --json` prints it; `path` is relative to the project's root."""

    path: str
    start_line: int
    end_line: int
    line: int
    symbol_name: str | None
    symbol_type: str | None
    signature: str | None
    parent_symbol: str | None
    doc_comment: str | None
    language: str
    score: float
    is_exported: bool
    is_test: bool
    content: str


decode_hit = msgspec.json.Decoder(Hit).decode
