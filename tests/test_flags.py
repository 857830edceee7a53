"""The one table of commands and flags: what the parser makes of a command line, and what the help says."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greppy._core import engine

TABLE = engine.flags()
COMMANDS = sorted({command for *_, commands, _ in TABLE for command in commands})
SPECIAL = ("help", "version")  # answered by the parser itself


def table(command: str, value: bool | None = None) -> list[tuple[str, str, str | None]]:
    """(long, short, value) of a command's flags; with a value or without, or both."""
    return [
        (long, short, needed)
        for long, short, needed, _, commands, _ in TABLE
        if command in commands and long not in SPECIAL and value in (None, needed is not None)
    ]


def parsed(*arguments: str) -> dict:
    return engine.parse_args(list(arguments))


def test_the_table_is_in_order() -> None:
    assert {"search", "index"} <= set(COMMANDS)
    for command in COMMANDS:
        longs = [long for long, *_ in table(command)]
        shorts = [short for _, short, _ in table(command) if short]
        assert len(longs) == len(set(longs))
        assert len(shorts) == len(set(shorts)), command
    for long, short, value, help_, commands, _ in TABLE:
        assert re.fullmatch(r"[a-z][a-z0-9-]+", long)
        assert re.fullmatch(r"[A-Za-z0-9]?", short)
        assert value is None or value.isupper()
        assert help_
        assert help_.endswith("...") or not help_.endswith(".")
        assert commands


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_in_the_help(command: str) -> None:
    text = engine.help(command)
    assert f"usage: greppy {command}" in text
    for long, short, value, help_, commands, hidden in TABLE:
        shown = re.search(rf"^  (-\w, |    )--{long}( |$).*$", text, re.MULTILINE)
        if command not in commands or hidden:
            assert shown is None, long
            continue
        assert shown, long
        assert shown[0].startswith(f"  -{short}, " if short else "      --")
        assert (f"--{long} {value}" if value else f"--{long}  ") in shown[0]
        assert shown[0].endswith(help_)
    assert all(len(line) <= 120 for line in text.splitlines())
    assert text.endswith("\n")


def test_the_help_names_every_command() -> None:
    text = engine.help()
    for command in COMMANDS:
        assert re.search(rf"^  greppy {command}\b", text, re.MULTILINE)
    assert engine.help("nonsense") == text


values = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
words = values.filter(lambda text: not text.startswith("-"))


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, list[str], list[tuple[str, bytes | None]], list[bytes]]:
    """(command, arguments behind it, flags and places that they mean), every flag written in one of its ways."""
    command = draw(st.sampled_from([command for command in COMMANDS if table(command)]))
    arguments: list[str] = []
    flags: list[tuple[str, bytes | None]] = []
    places: list[bytes] = []
    for _ in range(draw(st.integers(0, 6))):
        long, short, value = draw(st.sampled_from(table(command)))
        if draw(st.booleans()) and draw(st.booleans()):
            places.append(draw(words).encode())
            arguments.append(places[-1].decode())
            continue
        if value is None:
            switches = [(a, b) for a, b, _ in table(command, False) if b]
            if short and draw(st.booleans()):
                bundle = draw(st.lists(st.sampled_from(switches), min_size=1, max_size=4))
                arguments.append("-" + "".join(b for _, b in bundle))
                flags += [(a, None) for a, _ in bundle]
            else:
                arguments.append(f"--{long}")
                flags.append((long, None))
            continue
        given_value = draw(values)
        forms = ["long=", "long"]
        if short:
            forms += ["-x y"] + ["-xy"] * bool(given_value and given_value[0] != "=") + ["-x="] * bool(given_value)
        form = draw(st.sampled_from(forms))
        arguments += {
            "long=": [f"--{long}={given_value}"],
            "long": [f"--{long}", given_value],
            "-x y": [f"-{short}", given_value],
            "-xy": [f"-{short}{given_value}"],
            "-x=": [f"-{short}={given_value}"],
        }[form]
        flags.append((long, given_value.encode()))
    if draw(st.booleans()):
        rest = draw(st.lists(values, max_size=3))
        arguments += ["--", *rest]
        places += [word.encode() for word in rest]
    return command, arguments, flags, places


@given(lines())
def test_any_line_means_what_was_written(
    line: tuple[str, list[str], list[tuple[str, bytes | None]], list[bytes]],
) -> None:
    command, arguments, flags, places = line
    assert parsed(command, *arguments) == {
        "command": command,
        "flags": flags,
        "places": places,
        "help": False,
        "version": False,
        "error": "",
    }


def test_bundles_and_values() -> None:
    assert parsed("search", "-l0n5", "x")["flags"] == [("files", None), ("null", None), ("limit", b"5")]
    assert parsed("search", "-l0n", "5", "x")["flags"] == [("files", None), ("null", None), ("limit", b"5")]
    assert parsed("search", "-g=*.py", "--glob", "-x", "x")["flags"] == [("glob", b"*.py"), ("glob", b"-x")]
    assert parsed("search", "--glob=", "x")["flags"] == [("glob", b"")]
    assert parsed("search", "-")["places"] == [b"-"]
    assert parsed("search", "--", "--", "-n")["places"] == [b"--", b"-n"]
    assert parsed("search", "a", "-l", "b")["places"] == [b"a", b"b"]


def test_aliases() -> None:
    assert parsed("s", "x")["command"] == "search"
    assert parsed("i")["command"] == "index"
    assert parsed("search", "search")["places"] == [b"search"]


@given(values.filter(lambda text: re.match(r"[a-zA-Z][^=]*\Z", text, re.DOTALL)))
def test_unknown_long_flags_are_named(name: str) -> None:
    assume(name not in {long for long, *_ in TABLE})
    shown = "".join("?" if ord(c) < 32 or ord(c) == 127 else c for c in name)
    for arguments in (["search", f"--{name}"], ["index", f"--{name}=x"]):
        error = parsed(*arguments)["error"]
        assert "unknown flag" in error
        assert f"--{shown}" in error


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_of_other_commands_are_unknown(command: str) -> None:
    for long, short, value, _, commands, _ in TABLE:
        if command not in commands:
            arguments = ["x"] if value else []
            assert f"'--{long}'" in parsed(command, f"--{long}", *arguments)["error"]
            assert (
                not short
                or short in {b for _, b, _ in table(command)}
                or "unknown flag" in parsed(command, f"-{short}")["error"]
            )


@pytest.mark.parametrize("command", COMMANDS)
def test_values_are_missing_or_too_many(command: str) -> None:
    for long, short, value in table(command):
        if value is None:
            assert parsed(command, f"--{long}=x")["error"] == f"flag --{long} takes no value"
        else:
            assert parsed(command, f"--{long}")["error"] == f"flag --{long} needs a value"
            assert not short or parsed(command, f"-{short}")["error"] == f"flag --{long} needs a value"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["-h"], ["help"], ["help", "search"], ["search", "-h"], ["search", "x", "--help"], ["i", "-qh"]],
)
def test_help_is_asked_for(arguments: list[str]) -> None:
    found = parsed(*arguments)
    assert (found["help"], found["error"]) == (True, "")
    named = {"s": "search", "i": "index"}
    commands = [named.get(a, a) for a in arguments if named.get(a, a) in COMMANDS]
    assert found["command"] == (commands[0] if commands else "")


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["search", "--version"], ["index", "-V"]])
def test_the_version_is_asked_for(arguments: list[str]) -> None:
    assert parsed(*arguments)["version"]


def test_nothing_and_nonsense() -> None:
    assert parsed() == {"command": "", "flags": [], "places": [], "help": False, "version": False, "error": ""}
    assert "unknown command 'serach'" in parsed("serach", "x")["error"]
    assert "unknown command '-n'" in parsed("-n", "5")["error"]
    assert "\x1b" not in parsed("\x1b[31m")["error"]
    assert "unknown command ''" in parsed("")["error"]


def test_limits() -> None:
    assert "too many flags" in parsed("search", *["-l"] * 257)["error"]
    assert parsed("search", *["-l"] * 256)["error"] == ""
    assert "too many paths" in parsed("search", *["x"] * 258)["error"]
    assert parsed("search", *["x"] * 257)["error"] == ""
    assert len(parsed("search", "--" + "x" * 5000)["error"]) < 512


@given(
    st.lists(
        st.one_of(
            values,
            st.sampled_from(["search", "index", "--", "-", "-h", "--help", "-n", "--limit", "--limit=", "-l", "-ln"]),
        ),
        max_size=6,
    )
)
def test_any_arguments_end_in_an_answer(arguments: list[str]) -> None:
    found = parsed(*arguments)
    if not found["error"] and not found["help"] and not found["version"] and arguments:
        assert found["command"] in COMMANDS
        for name, value in found["flags"]:
            [needed] = [v for long, _, v in table(found["command"]) if long == name]
            assert (needed is None) == (value is None)
