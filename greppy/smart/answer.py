"""What a model answers about a question: intent, words, filters.

Whatever the text says, only words, an intent of a fixed set and filters that a user could have typed come out of it:
nothing in it can do more than widen or narrow a search. `pack` writes an answer as it lies in the cache, where the
native front reads it: the msgpack array

    [intent, entity type or nil, words, symbol types or nil, exclude tests, file patterns or nil, the question asked]

For the question `login`, intent find_definition of a function, words `login auth`, functions only, without tests:

    97 | af 'find_definition' | a8 'function' | aa 'login auth' | 91 a8 'function' | c3 | c0 | a5 'login'

The first six are within the bounds that this module gives them (`parse_answer`); the question is as it was asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from greppy._core import engine

INTENTS = ("find_definition", "find_usage", "find_error_handling", "understand_flow", "general")
KINDS = tuple(engine.kind_names()[1:])  # the first is that of no definition
QUERY_CHARS = 400
QUERY_WORDS = 32
PATTERNS = 8
PATTERN_CHARS = 100

_Taken = TypeVar("_Taken")
_TEXT_CHARS = 64 << 10  # of a text that is looked at: an answer has some 500, one with reasoning some thousand
_START = re.compile(r'\{\s*"')  # of an object that has something in it
_ENTITY = re.compile(r"[a-z]{1,32}")
_ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:")


class BadAnswer(Exception):
    """There is no usable answer in what came, for a reason that one sentence tells."""


class Filters(msgspec.Struct):
    symbol_types: list[str] | None = None  # of KINDS
    exclude_tests: bool = False
    file_patterns: list[str] | None = None  # globs


class Answer(msgspec.Struct):
    intent: str  # of INTENTS
    entity_type: str | None
    expanded_query: str  # words with a blank between them
    filters: Filters


class _Record(msgspec.Struct, array_like=True):
    intent: str
    entity_type: str | None
    expanded_query: str
    symbol_types: list[str] | None
    exclude_tests: bool
    file_patterns: list[str] | None
    asked: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


def parse_answer(text: str) -> Answer:
    """The first JSON object of the text that is an answer, whatever stands around it. What is optional and not as it
    should be is left out of it. Raises BadAnswer."""
    return _first(text, _answer)


def parse_order(text: str, n: int) -> list[int]:
    """The order that a model gives `n` places numbered from 1, `{"order": [3, 1]}`, as indices from 0: each at most
    once, perhaps not all. Raises BadAnswer."""

    def order(found: dict[str, Any]) -> list[int]:
        numbers = found.get("order")
        if not isinstance(numbers, list):
            raise BadAnswer("the answer has no list 'order'")
        known = [number - 1 for number in numbers if type(number) is int and 1 <= number <= n]
        if not known:
            raise BadAnswer("the answer's 'order' names none of the places")
        return list(dict.fromkeys(known))

    return _first(text, order)


def pack(answer: Answer, asked: str) -> bytes:
    """The answer to the question `asked` as msgpack; see above. What is no Unicode in the question becomes `?`."""
    filters = answer.filters
    return _encode(
        _Record(
            answer.intent,
            answer.entity_type,
            answer.expanded_query,
            filters.symbol_types,
            filters.exclude_tests,
            filters.file_patterns,
            asked.encode("utf-8", "replace").decode(),
        )
    )


def unpack(body: bytes) -> tuple[Answer, str]:
    """The inverse of `pack`, within the same bounds whatever the bytes are. Raises BadAnswer."""
    try:
        record = _decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadAnswer("the packed answer is damaged") from None
    filters = {name: getattr(record, name) for name in Filters.__struct_fields__}
    answer = _answer(
        {
            "intent": record.intent,
            "entity_type": record.entity_type,
            "expanded_query": record.expanded_query,
            "filters": filters,
        }
    )
    return answer, record.asked


def harmless(text: str) -> str:
    """The text on one line, without what cannot be printed."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def _first(text: str, taken: Callable[[dict[str, Any]], _Taken]) -> _Taken:
    """What `taken` makes of the first object that it does not refuse. Raises BadAnswer: the first refusal."""
    refusal: BadAnswer | None = None
    for found in _objects(text[:_TEXT_CHARS]):
        try:
            return taken(found)
        except BadAnswer as error:
            refusal = refusal or error
    raise refusal or BadAnswer("the answer has no JSON object")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of the text by where they begin, those within others included."""
    decoder = json.JSONDecoder()
    budget = 16 * _TEXT_CHARS  # characters; without it a text of nothing but openings would be read once for each
    for start in _START.finditer(text):
        try:
            found, end = decoder.raw_decode(text, start.start())
        except json.JSONDecodeError as error:
            budget -= error.pos - start.start()
        except (ValueError, RecursionError):  # a number with thousands of digits, a thousand levels
            budget -= len(text) - start.start()
        else:
            budget -= end - start.start()
            yield found
        if budget < 0:
            break


def _answer(found: dict[str, Any]) -> Answer:
    filters = found.get("filters")
    if not isinstance(filters, dict):
        filters = {}
    return Answer(
        _intent(found.get("intent")),
        _entity(found.get("entity_type")),
        _words(found.get("expanded_query")),
        Filters(
            _unique(filters.get("symbol_types"), _kind),
            filters.get("exclude_tests") is True,
            _unique(filters.get("file_patterns"), _pattern, PATTERNS),
        ),
    )


def _intent(value: Any) -> str:
    name = value.strip().lower() if isinstance(value, str) else ""
    return name if name in INTENTS else "general"


def _entity(value: Any) -> str | None:
    name = value.strip().lower() if isinstance(value, str) else ""
    return name if _ENTITY.fullmatch(name) else None


def _words(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = " ".join(value)
    if not isinstance(value, str):
        raise BadAnswer("the answer has no text 'expanded_query'")
    text = " ".join(harmless(value).split()[:QUERY_WORDS])
    if len(text) > QUERY_CHARS:
        text = text[: QUERY_CHARS + 1].rpartition(" ")[0] or text[:QUERY_CHARS]
    if not any(char.isalnum() for char in text):
        raise BadAnswer("the answer's 'expanded_query' has no word")
    return text


def _unique(values: Any, taken: Callable[[str], str | None], most: int | None = None) -> list[str] | None:
    """What `taken` makes of the strings of a list, each once and at most so many; None when nothing is left."""
    if not isinstance(values, list):
        return None
    results = (taken(value) for value in values if isinstance(value, str))
    return list(dict.fromkeys(result for result in results if result is not None))[:most] or None


def _kind(name: str) -> str | None:
    """The engine's name of a kind, also for its other names (`protocol` is an interface)."""
    number = engine.kind_by_name(harmless(name).strip())
    return engine.kind_names()[number] if number > 0 else None


def _pattern(glob: str) -> str | None:
    """A glob below the project; None for what reaches out of it, would turn the filter round or is no glob."""
    glob = glob.strip()
    if not 0 < len(glob) <= PATTERN_CHARS or not glob.isprintable():
        return None
    return None if glob.startswith("!") or ".." in glob or _ABSOLUTE.match(glob) else glob
