"""How commands show sizes, times and paths, and how they find the project that is meant."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from greppy._core import engine
from greppy.cli import CommandError, harmless

if TYPE_CHECKING:
    from collections.abc import Mapping


def megabytes(n: int) -> str:
    return f"{n / 1e6:.1f} MB"


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def hit_rate(hits: int, misses: int) -> str:
    if not hits + misses:
        return "never looked at"
    return f"{hits / (hits + misses):.0%} of {hits + misses:,} lookups found one"


def path(name: bytes) -> str:
    """A path for people, in whatever encoding it may be."""
    return harmless(os.fsdecode(name))


def text(name: bytes) -> str:
    """A path for JSON, as the native side writes it: what is no UTF-8 becomes U+FFFD."""
    return name.decode("utf-8", "replace")


def print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))


def print_line(line: str) -> None:
    """A line that may hold a path of bytes that are no text."""
    sys.stdout.flush()
    sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")


def project_root(given: bytes | None) -> bytes:
    """The real path of the project given with --project, else of the one around the current folder."""
    if given is not None:
        if not given:
            raise CommandError("--project needs a folder")
        if not os.path.isdir(given):
            what = "not a folder; --project takes the project's root" if os.path.lexists(given) else "no such folder"
            raise CommandError(f"{os.fsdecode(given)}: {what}")
        return os.path.realpath(given)
    try:
        return engine.find_project(os.path.realpath(os.getcwdb()))
    except FileNotFoundError:
        raise CommandError("the current folder is gone; say where with --project DIR") from None


def no_places(arguments: engine.Arguments) -> None:
    """For commands without arguments."""
    if arguments["places"]:
        given = os.fsdecode(arguments["places"][0])
        advice = "; say the project with --project DIR" if arguments["command"] in ("status", "check") else ""
        raise CommandError(f"{arguments['command']} takes no argument ({given}){advice}")
