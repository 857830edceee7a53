"""`greppy auth status`: who is asked, with which key from where, and whether it is left alone just now."""

from __future__ import annotations

import math

from greppy._core import engine
from greppy.cli import NOTHING, CommandError, config
from greppy.smart import answers, breaker
from greppy.smart.keys import KeysError, find_key
from greppy.smart.providers import PROVIDERS, find_ollama, is_loopback
from greppy.smart.settings import Settings


def run(arguments: engine.Arguments) -> int:
    if arguments["places"] != [b"status"]:
        raise CommandError("auth takes one word: greppy auth status")
    try:
        who = answers.configured()
    except ValueError as error:
        raise CommandError(str(error)) from None
    if who is None and config.current().get("smart.provider") != "none":
        url = find_ollama()
        if url is not None:
            print(f"provider  ollama at {url}, because it runs on this machine")
            return 0
    if who is None:
        print("provider  none; choose one with: greppy login PROVIDER")
        return NOTHING
    provider = PROVIDERS[who.provider]
    print(f"provider  {who.provider}{f' at {who.base_url}' if who.base_url else ''}")
    print(f"model     {who.model or provider.default_model or 'the first that it has'}")
    print(f"key       {_key(who, provider.needs_key and not is_loopback(provider.base_url(who)))}")
    seconds = breaker.remaining(who)
    if seconds:
        print(f"paused    it has failed and is left alone for {math.ceil(seconds)} s")
    return 0


def _key(who: Settings, needed: bool) -> str:
    try:
        found = find_key(who.provider)
    except KeysError as error:
        raise CommandError(str(error)) from None
    if found is None:
        return f"none; give one with: greppy login {who.provider}" if needed else "none is needed"
    return f"from {found[1]}"
