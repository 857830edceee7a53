"""`greppy config`: show or change the defaults of the flags. The engine has the table of keys."""

from __future__ import annotations

import difflib
import os

from greppy._core import engine
from greppy.cli import CommandError, show
from greppy.files import replace_file

HEADER = b"# greppy's configuration; 'greppy config' lists the keys.\n"
KEYS = {key: (kind, words, normal) for key, kind, words, normal, _ in engine.config_keys()}


def run(arguments: engine.Arguments) -> int:
    flags = dict(arguments["flags"])
    places = [os.fsdecode(place) for place in arguments["places"]]
    path = _where()
    if "path" in flags:
        if places or "unset" in flags:
            raise CommandError("config --path takes nothing else")
        show.print_line(os.fsdecode(path))
    elif "unset" in flags:
        if places:
            raise CommandError(f"config --unset takes one key and nothing else, not {places[0]} too")
        _unset(path, known_key(os.fsdecode(flags["unset"] or b"")))
    elif len(places) > 2:
        raise CommandError(f"config takes a key and a value, not {places[2]} too; put a value with blanks in quotes")
    elif len(places) == 2:
        _set(path, known_key(places[0]), places[1])
    elif places:
        key = known_key(places[0])
        found = {name: os.fsdecode(value) for name, value, _, _ in _parse(path, _read(path))}
        print(found.get(key, KEYS[key][2].strip('"') or "not set"))
    else:
        _show(path)
    return 0


def known_key(name: str) -> str:
    """The key of that name, `-` for `_` allowed. Raises CommandError that names the nearest one."""
    key = name.replace("-", "_")
    if key in KEYS:
        return key
    near = difflib.get_close_matches(key, KEYS, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(KEYS)}"
    raise CommandError(f"unknown key '{name}'; {hint}")


def _read(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise CommandError(f"{os.fsdecode(path)}: {error.strerror}") from None


def _parse(path: bytes, text: bytes) -> list[tuple[str, bytes, int, int]]:
    try:
        return engine.config_parse(text)
    except ValueError as error:
        sentence, line = error.args
        raise CommandError(f"{os.fsdecode(path)}:{line}: {sentence}") from None


def values(path: bytes) -> dict[str, str]:
    """The keys that the file sets, each with its value as it is written there."""
    text = _read(path)
    return {key: os.fsdecode(text[start:end]) for key, _, start, end in _parse(path, text)}


def _show(path: bytes) -> None:
    """The whole table, as a file that could be the configuration."""
    found = values(path)
    helps = {long: help for long, _, _, help, _, _ in engine.flags()}
    there = "" if os.path.lexists(path) else " (not there yet)"
    print(f"# {show.path(path)}{there}")
    for key, _, _, normal, flag in engine.config_keys():
        line = f"{key} = {found[key]}" if key in found else f"# {key} = {normal}".rstrip()
        print(f"{line:<28}  # {helps[flag]}")


def _toml(key: str, value: str) -> bytes:
    """The value as TOML. Raises CommandError when the key does not take it."""
    kind, _, _ = KEYS[key]
    quoted = kind in ("word", "text") or (kind == "size" and not value.isdigit())
    text = os.fsencode(f'"{value}"' if quoted else value)
    try:
        # What looks like more than a value (a quote, a comment, a second line) does not come back as it went in.
        if [entry[:2] for entry in engine.config_parse(b"%s = %s\n" % (key.encode(), text))] == [
            (key, os.fsencode(value))
        ]:
            return text
        sentence = f"{key} does not take that"
    except ValueError as error:
        sentence = error.args[0]
    raise CommandError(f"{sentence}, not {value or 'nothing'}".replace(" in quotes", "").replace(",: ", ": "))


def _put(path: bytes, key: str, new: bytes) -> None:
    text = _read(path)
    for found, _, start, end in _parse(path, text):
        if found == key:
            text = text[:start] + new + text[end:]
            break
    else:
        text = (text if not text or text.endswith(b"\n") else text + b"\n") or HEADER
        text += b"%s = %s\n" % (key.encode(), new)
    _write(path, text)


def _take_out(path: bytes, key: str) -> bool:
    """Whether it was there."""
    text = _read(path)
    for found, _, start, end in _parse(path, text):
        if found == key:
            first = text.rfind(b"\n", 0, start) + 1
            last = text.find(b"\n", end)
            _write(path, text[:first] + (text[last + 1 :] if last >= 0 else b""))
            return True
    return False


def _set(path: bytes, key: str, value: str) -> None:
    new = _toml(key, value)
    if key == "smart.provider" and current().get(key, value) != value:
        for other in ("smart.model", "smart.base_url"):  # the other provider's
            if _take_out(path, other):
                print(f"{other} is no longer set")
    _put(path, key, new)
    print(f"{key} = {os.fsdecode(new)} in {show.path(path)}")


def _unset(path: bytes, key: str) -> None:
    if _take_out(path, key):
        print(f"{key} is no longer set in {show.path(path)}")
    else:
        print(f"{key} was not set in {show.path(path)}")


def current() -> dict[str, str]:
    """What the file says, for commands that change it: keys and values, without quotes."""
    path = _where()
    return {key: os.fsdecode(value) for key, value, _, _ in _parse(path, _read(path))}


def change(key: str, value: str | None) -> None:
    """Sets a key, or takes it out, without a word. Raises CommandError when the key does not take the value."""
    path = _where()
    if value is None:
        _take_out(path, key)
    else:
        _put(path, key, _toml(key, value))


def _where() -> bytes:
    try:
        return engine.config_path()
    except RuntimeError as error:
        raise CommandError(str(error)) from None


def _write(path: bytes, text: bytes) -> None:
    """Replaces the file at once; where it is a link, what it leads to."""
    real = os.path.realpath(path)
    try:
        if os.path.exists(real) and not os.path.isfile(real):
            raise CommandError(f"{os.fsdecode(path)} is no file that could be written; GREPPY_CONFIG says where it is")
        replace_file(real, text, mode=os.stat(real).st_mode & 0o777 if os.path.exists(real) else 0o644)
    except OSError as error:
        raise CommandError(f"cannot write {os.fsdecode(path)}: {error.strerror}") from None
