"""What a model is told and asked. The text is in `prompt.md` and `rerank.md`; the first line of each is its version.

`VERSION` is part of what an answer is cached under: a prompt that asks otherwise gets answers of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from greppy.smart.answer import INTENTS, KINDS, harmless

QUERY_CHARS = 1000
LANGUAGES = 20
PLACES = 30
PLACE_CHARS = 800  # of a place's lines


def _load(name: str) -> tuple[int, str]:
    """Version and text of a prompt."""
    first, _, text = Path(__file__).with_name(name).read_text(encoding="utf-8").partition("\n")
    found = re.fullmatch(r"version: (\d+)", first)
    if found is None:
        raise ValueError(f"{name}: the first line is no version")
    return int(found[1]), text.strip()


VERSION, _SYSTEM = _load("prompt.md")

# Every field is required and none may be added: what OpenAI calls strict, and no other server minds.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "intent": {"type": "string", "enum": [*INTENTS]},
        "entity_type": {"type": ["string", "null"]},
        "expanded_query": {"type": "string"},
        "filters": {
            "type": "object",
            "properties": {
                "symbol_types": {"type": ["array", "null"], "items": {"type": "string", "enum": [*KINDS]}},
                "exclude_tests": {"type": "boolean"},
                "file_patterns": {"type": ["array", "null"], "items": {"type": "string"}},
            },
            "required": ["symbol_types", "exclude_tests", "file_patterns"],
            "additionalProperties": False,
        },
    },
    "required": ["intent", "entity_type", "expanded_query", "filters"],
    "additionalProperties": False,
}

ORDER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"order": {"type": "array", "items": {"type": "integer"}}},
    "required": ["order"],
    "additionalProperties": False,
}


def system() -> str:
    """What a model is told about questions."""
    return _SYSTEM


def question(query: str, languages: Sequence[str]) -> str:
    """What it is asked: a line with the languages, a line with the query as a JSON string."""
    names = ", ".join(harmless(name) for name in languages[:LANGUAGES])
    return f"languages: {names or 'unknown'}\n{_query_line(query)}"


def rerank_system() -> str:
    """What a model is told about places to put in order."""
    return _load("rerank.md")[1]


def rerank_question(query: str, places: Sequence[tuple[str, str]]) -> str:
    """What it is asked: the query, then at most PLACES places `(path, lines)`, numbered from 1."""
    parts = [_query_line(query)]
    for number, (path, lines) in enumerate(places[:PLACES], 1):
        text = "\n".join(_printable(line) for line in lines[:PLACE_CHARS].splitlines())
        parts.append(f"[{number}] {harmless(path)}\n{text}")
    return "\n\n".join(parts)


def _query_line(query: str) -> str:
    # A string of JSON cannot end early or begin a line of its own, whatever it holds.
    return f"query: {json.dumps(harmless(query)[:QUERY_CHARS], ensure_ascii=False)}"


def _printable(line: str) -> str:
    """The line with its indentation."""
    return "".join(char for char in line.expandtabs(4).rstrip() if char.isprintable())
