"""`greppy expand`: what a provider makes of a question. `greppy search --smart` runs it to ask."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from greppy._core import engine
from greppy.cli import NOTHING, CommandError, complain, config, show
from greppy.smart import answers
from greppy.smart.answer import unpack
from greppy.smart.prompt import PLACE_CHARS
from greppy.smart.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(msgspec.Struct):
    """A place that `search --rerank` sends: lines around the best one, which is number `best` of them."""

    path: str
    lines: list[str]
    best: int


def run(arguments: engine.Arguments) -> int:
    given = dict(arguments["flags"])
    try:
        usual = dict(engine.config_defaults("expand", "no-config" in given))
    except ValueError as error:
        raise CommandError(str(error)) from None
    if usual.get("provider", given.get("provider")) != given.get("provider", usual.get("provider")):
        # They are another provider's: this one must not get to hear them, nor the address its key.
        usual = {name: value for name, value in usual.items() if name not in ("model", "base-url")}
    flags = {**usual, **given}
    if len(arguments["places"]) != 1:
        raise CommandError("expand takes one question; put it in quotes")
    question = arguments["places"][0]
    if not engine.query(question)["words"]:
        raise CommandError("the question has no letter and no digit: there is nothing to ask")
    root = show.project_root(flags.get("project"))
    who = _who(flags)
    if not engine.smart_question(question) and "places" not in flags:
        complain("there is nothing to expand: a name or a place is looked up as it is")
        return NOTHING
    if "places" in flags:
        return _rerank(who, question, "dry-run" in flags, "require-smart" in flags)
    if "dry-run" in flags:
        return _dry_run(who, question, root)
    if who is None and "require-smart" not in flags:
        return _offline(question, root)
    return _expand(_need(who), question, root, "packed" in flags, "require-smart" in flags)


def _who(flags: Mapping[str, bytes | None]) -> Settings | None:
    provider = flags.get("provider")
    if provider and not engine.config_accepts("provider", provider):
        *words, last = config.KEYS["smart.provider"][1]
        raise CommandError(f"--provider is {', '.join(words)} or {last}, not {os.fsdecode(provider)}")
    timeout = os.fsdecode(flags.get("timeout") or b"1")
    if not timeout.isascii() or not timeout.isdigit() or not 1 <= int(timeout[:9]) <= 600_000:
        raise CommandError(f"--timeout needs a whole number from 1 to 600000, not {timeout}")
    for name in ("model", "base-url"):
        text = flags.get(name)
        if text and not engine.config_accepts(name, text):
            raise CommandError(f"--{name} takes a text without blanks, of at most 200 bytes")
    return answers.settings(flags)


def _need(who: Settings | None) -> Settings:
    if who is None:
        raise CommandError("there is no provider; choose one with: greppy login PROVIDER")
    return who


def _expand(who: Settings, question: bytes, root: bytes, packed: bool, required: bool) -> int:
    from greppy.smart.ask import ProviderError

    store = answers.Answers()
    body = None if packed else store.find(who, question)  # whoever wants it packed has looked
    cached = body is not None
    if body is None:
        try:
            body = store.ask(who, question, answers.project_languages(root))
        except ProviderError as error:
            advice = "; the results are those of a plain search" if packed and not required else ""
            raise CommandError(f"{error}{advice}") from None
    if packed:
        sys.stdout.buffer.write(body)
        return 0
    answer, asked = unpack(body)
    found = {"query": asked, "by": who.provider, "cached": cached, **msgspec.to_builtins(answer)}
    show.print_json(found)
    return 0


def _offline(question: bytes, root: bytes) -> int:
    """Without a provider: what synonyms stand for, in the project around."""
    try:
        reader = engine.Reader(engine.index_folder(root))
    except (OSError, RuntimeError, engine.VersionError, engine.DamagedError):
        raise CommandError(
            "there is no provider, and no index here to tell which words need synonyms; greppy index builds one"
        ) from None
    words = [word.decode("utf-8", "replace") for word in reader.expansions(question, b"")]
    show.print_json({"query": question.decode("utf-8", "replace"), "by": "synonyms", "expanded_query": " ".join(words)})
    return 0 if words else NOTHING


def _dry_run(who: Settings | None, question: bytes, root: bytes) -> int:
    from greppy.smart.ask import ProviderError, dry_run

    text = question.decode("utf-8", "replace")
    try:
        _print(dry_run(_need(who), text, answers.project_languages(root)))
    except ProviderError as error:
        raise CommandError(str(error)) from None
    return 0


def _rerank(who: Settings | None, question: bytes, dry: bool, required: bool) -> int:
    """Reads places as JSON lines, prints their numbers, from 0, in the order of the model."""
    from greppy.smart.ask import ProviderError, dry_rerank, rerank

    text = question.decode("utf-8", "replace")
    decode = msgspec.json.Decoder(Place).decode
    try:
        places = [_shown(decode(line)) for line in sys.stdin.buffer]
    except msgspec.DecodeError as error:
        raise CommandError(f"--places reads what search --rerank writes: {error}") from None
    try:
        if dry:
            _print(dry_rerank(_need(who), text, places))
        else:
            print(*rerank(_need(who), text, places))
    except ProviderError as error:
        advice = "" if required else "; the order is greppy's own"
        raise CommandError(f"{error}{advice}") from None
    return 0


def _shown(place: Place) -> tuple[str, str]:
    """Path and as many lines around the best one as the prompt has room for."""
    first, end, room = place.best, place.best + 1, PLACE_CHARS - len(place.lines[place.best])
    for step in range(1, len(place.lines)):
        for line in (place.best - step, place.best + step):
            if 0 <= line < len(place.lines) and len(place.lines[line]) < room:
                first, end = min(first, line), max(end, line + 1)
                room -= len(place.lines[line]) + 1
    return place.path, "\n".join(place.lines[first:end])


def _print(request: dict[str, Any]) -> None:
    print(json.dumps(request, indent=2, ensure_ascii=False))
