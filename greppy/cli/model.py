"""`greppy model`: which model of the provider answers."""

from __future__ import annotations

import os

from greppy._core import engine
from greppy.cli import CommandError, config
from greppy.smart.providers import PROVIDERS


def run(arguments: engine.Arguments) -> int:
    given = [os.fsdecode(place) for place in arguments["places"]]
    found = config.current()
    name = found.get("smart.provider", "")
    if len(given) > 1:
        raise CommandError("model takes one name")
    if name not in PROVIDERS:
        raise CommandError("there is no provider; choose one with: greppy login PROVIDER")
    if given:
        config.change("smart.model", given[0])
        print(f"{name} answers with {given[0]} from now on")
    else:
        print(found.get("smart.model") or PROVIDERS[name].default_model or "the first that it has")
    return 0
