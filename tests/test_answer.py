"""Whatever a model says, what comes out is within bounds; and how answers lie in the cache."""

from __future__ import annotations

import json
import string
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greppy._core import engine
from greppy.smart import answer
from greppy.smart.answer import Answer, BadAnswer, Filters, pack, parse_answer, parse_order, unpack

GOOD = {
    "intent": "find_definition",
    "entity_type": "function",
    "expanded_query": "login auth",
    "filters": {"symbol_types": ["function"], "exclude_tests": True, "file_patterns": None},
}
PARSED = Answer("find_definition", "function", "login auth", Filters(["function"], True, None))


def parsed(**changes: Any) -> Answer:
    return parse_answer(json.dumps({**GOOD, **changes}))


def assert_within_bounds(found: Answer) -> None:
    assert found.intent in answer.INTENTS
    assert found.entity_type is None or (
        1 <= len(found.entity_type) <= 32 and set(found.entity_type) <= set(string.ascii_lowercase)
    )
    words = found.expanded_query
    assert len(words) <= 400
    assert len(words.split(" ")) <= 32
    assert words.isprintable()
    assert any(char.isalnum() for char in words)
    kinds = found.filters.symbol_types
    assert kinds is None or (kinds and len(set(kinds)) == len(kinds) and set(kinds) <= set(engine.kind_names()[1:]))
    assert isinstance(found.filters.exclude_tests, bool)
    patterns = found.filters.file_patterns
    assert patterns is None or 1 <= len(patterns) <= 8
    for glob in patterns or []:
        assert 0 < len(glob) <= 100
        assert glob.isprintable()
        assert not glob.startswith(("/", "!"))
        assert ".." not in glob


# What is tolerated


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=4),
        f"```json\n{json.dumps(GOOD, indent=2)}\n```",
        f"Sure! Here is the answer:\n\n{json.dumps(GOOD)}\n\nLet me know {{if}} you need more.",
        f"<think>It may be {{login}} or {{'a': 1}} or {{\"a\": 1}}.</think>{json.dumps(GOOD)}",
        f'{{"expanded_query": 7}} {json.dumps(GOOD)}',
        json.dumps({"answer": GOOD}),
        json.dumps([GOOD]),
        '{"unfinished": ' + json.dumps(GOOD),
        json.dumps(GOOD) + json.dumps({**GOOD, "expanded_query": "second"}),
        "\ufeff" + json.dumps(GOOD),
    ],
)
def test_an_answer_is_found_in_what_stands_around_it(text: str) -> None:
    assert parse_answer(text) == PARSED


def test_a_brace_in_a_string_ends_nothing() -> None:
    assert parse_answer('note {"expanded_query": "map } { set"} end').expanded_query == "map } { set"


def test_only_the_words_are_needed() -> None:
    assert parse_answer('{"expanded_query": "login"}') == Answer("general", None, "login", Filters(None, False, None))


@pytest.mark.parametrize(
    ("field", "value"),
    [("intent", 3), ("intent", "delete_everything"), ("intent", None), ("entity_type", ["x"]), ("entity_type", "a b"),
     ("entity_type", "x" * 33), ("entity_type", "größe"), ("filters", None), ("filters", "all"), ("filters", [1])],
)  # fmt: skip
def test_what_is_optional_and_wrong_is_dropped(field: str, value: object) -> None:
    normal = {"intent": "general", "entity_type": None, "filters": Filters()}
    assert getattr(parsed(**{field: value}), field) == normal[field]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"symbol_types": "function"}, Filters()),
        ({"symbol_types": []}, Filters()),
        ({"symbol_types": ["Function", "protocol", "union", "nonsense", "none", "", 7, "func"]},
         Filters(["function", "interface", "type"])),
        ({"exclude_tests": "yes"}, Filters()),
        ({"exclude_tests": True, "file_patterns": 5}, Filters(None, True, None)),
        ({"file_patterns": ["*.py", " src/** ", "*.py", "/etc/*", "../x", "a/../b", "!*.c", "", " ", "x\ny", "~/x",
                            "C:\\x", "a" * 101, None]}, Filters(None, False, ["*.py", "src/**"])),
        ({"file_patterns": [f"{i}.py" for i in range(20)]}, Filters(None, False, [f"{i}.py" for i in range(8)])),
        ({"unknown": 1}, Filters()),
    ],
)  # fmt: skip
def test_filters(filters: object, expected: Filters) -> None:
    assert parsed(filters=filters).filters == expected


def test_words() -> None:
    assert parsed(expanded_query=["login", "auth token"]).expanded_query == "login auth token"
    assert parsed(expanded_query="  a\n\tb\x1b[31m c\u202e\x00d ").expanded_query == "a b[31m cd"
    assert parsed(expanded_query="Größe 日本").expanded_query == "Größe 日本"
    assert parsed(expanded_query=" ".join(f"w{i}" for i in range(50))).expanded_query.split()[-1] == "w31"


def test_words_are_cut_at_a_blank() -> None:
    assert parsed(expanded_query=f"{'a' * 399} bc").expanded_query == "a" * 399
    assert parsed(expanded_query=f"{'a' * 398} b c").expanded_query == "a" * 398 + " b"
    assert parsed(expanded_query=f"{'a' * 400} b").expanded_query == "a" * 400
    assert parsed(expanded_query="a" * 401).expanded_query == "a" * 400


@pytest.mark.parametrize(
    "text",
    ["", "no", "{}", "[]", "null", '{"expanded_query"', json.dumps({**GOOD, "expanded_query": None}),
     json.dumps({**GOOD, "expanded_query": ["a", 1]}), json.dumps({**GOOD, "expanded_query": " -- \x00 "}),
     json.dumps({**GOOD, "expanded_query": {"a": "b"}}), "x" * 100_000 + json.dumps(GOOD)],
)  # fmt: skip
def test_no_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        parse_answer(text)


@pytest.mark.parametrize("text", ['{"a":' * 100_000, '{ "' * 50_000, '{"a": ' + "[" * 100_000, '{"a": ' + "9" * 50_000])
def test_what_is_meant_to_take_long_does_not(text: str) -> None:
    with pytest.raises(BadAnswer):
        parse_answer(text)


def test_looking_for_an_answer_ends() -> None:
    """900 objects, each of which would be read to the end of the text to see that it has none."""
    beginning, rest = '{"a":' * 900, "[" + "0," * 25_000 + json.dumps(GOOD)
    assert parse_answer(rest) == PARSED
    with pytest.raises(BadAnswer):
        parse_answer(beginning + rest)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=450),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)
_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "symbol_types": st.lists(st.sampled_from(["class", "protocol", "x"]) | _VALUES, max_size=20) | _VALUES,
        "exclude_tests": st.booleans() | _VALUES,
        "file_patterns": st.lists(st.text("ab*/.!~: \n", max_size=120) | _VALUES, max_size=20) | _VALUES,
    },
)
_OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "intent": st.sampled_from(answer.INTENTS) | _VALUES,
        "entity_type": st.text("abC ", max_size=40) | _VALUES,
        "expanded_query": st.text("ab \x00\u202e-", max_size=900) | st.lists(st.text(), max_size=60) | _VALUES,
        "filters": _FILTERS | _VALUES,
    },
)


@given(
    st.text() | _OBJECTS.map(json.dumps) | st.tuples(st.text(), _OBJECTS.map(json.dumps), st.text()).map("".join)
)  # fmt: skip
def test_anything_is_an_answer_within_bounds_or_none(text: str) -> None:
    try:
        found = parse_answer(text)
    except BadAnswer:
        return
    assert_within_bounds(found)
    assert unpack(pack(found, "q")) == (found, "q")


def test_the_answers_of_a_real_model_come_out_as_they_are() -> None:
    filters = {"symbol_types": ["class", "method"], "exclude_tests": True, "file_patterns": None}
    real = {
        "query": "how the async HTTP client session works",
        "intent": "understand_flow",
        "entity_type": "class",
        "expanded_query": "client session async http request response get post connector close clientsession",
        "filters": filters,
    }
    found = parse_answer(json.dumps(real))
    assert found == Answer("understand_flow", "class", str(real["expanded_query"]), Filters(["class", "method"], True))


# The order of places


@pytest.mark.parametrize(
    ("text", "order"),
    [('{"order": [3, 1]}', [2, 0]), ('{"order": [1, 1, 2, 0, 4, -1, true, "2", 2.0, null]}', [0, 1]),
     ('```\n{"order": [2]}\n```', [1]), ('{"order": []} {"order": [2]}', [1])],
)  # fmt: skip
def test_an_order_names_places_once(text: str, order: list[int]) -> None:
    assert parse_order(text, 3) == order


@pytest.mark.parametrize("text", ["", '{"order": []}', '{"order": "1"}', '{"order": [9]}', '{"other": [1]}', "[1]"])
def test_no_order(text: str) -> None:
    with pytest.raises(BadAnswer):
        parse_order(text, 3)


@given(st.text() | _VALUES.map(lambda value: json.dumps({"order": value})), st.integers(0, 5))
def test_any_order_is_of_the_places(text: str, n: int) -> None:
    try:
        order = parse_order(text, n)
    except BadAnswer:
        return
    assert order
    assert len(set(order)) == len(order)
    assert set(order) <= set(range(n))


# Packed


def test_the_bytes_of_the_example() -> None:
    body = b"\x97\xaffind_definition\xa8function\xaalogin auth\x91\xa8function\xc3\xc0\xa5login"
    assert pack(PARSED, "login") == body
    assert unpack(body) == (PARSED, "login")


@given(_OBJECTS, st.text())
def test_packed_and_unpacked(found: dict[str, Any], asked: str) -> None:
    try:
        one = parse_answer(json.dumps({**found, "expanded_query": "a"}))
    except BadAnswer:
        return
    body = pack(one, asked)
    assert len(msgspec.msgpack.decode(body)) == 7
    assert unpack(body) == (one, asked)


def test_a_question_that_is_no_unicode() -> None:
    assert unpack(pack(PARSED, "log\udcffin")) == (PARSED, "log?in")


def test_what_is_cut_off_is_no_answer() -> None:
    body = pack(PARSED, "login")
    for n in range(len(body)):
        with pytest.raises(BadAnswer):
            unpack(body[:n])


@pytest.mark.parametrize("record", [[], {}, 7, ["x"] * 7, ["general", None, "--", None, False, None, "q"]])
def test_other_records_are_no_answers(record: object) -> None:
    with pytest.raises(BadAnswer):
        unpack(msgspec.msgpack.encode(record))


@given(st.data())
def test_a_changed_byte_gives_none_or_one_within_bounds(data: st.DataObject) -> None:
    body = bytearray(pack(PARSED, "login"))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found, _ = unpack(bytes(body))
    except BadAnswer:
        return
    assert_within_bounds(found)
