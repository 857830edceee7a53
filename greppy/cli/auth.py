"""`greppy auth status`: who is asked, with which key from where, and whether it is left alone just now."""

from __future__ import annotations

import math

from greppy._core import engine
from greppy.cli import NOTHING, CommandError, config
from greppy.smart import answers, breaker
from greppy.smart.keys import KeysError, find_key
from greppy.smart.providers import PROVIDERS, is_loopback
from greppy.smart.settings import Settings, SettingsError


def run(arguments: engine.Arguments) -> int:
    if arguments["places"] != [b"status"]:
        raise CommandError("auth takes one word: greppy auth status")
    try:
        who = answers.configured()
        return _tell(who)
    except (ValueError, SettingsError) as error:
        raise CommandError(str(error)) from None


def _tell(who: Settings | None) -> int:
    if who is None:
        print("provider  none; choose one with: greppy login PROVIDER")
        return NOTHING
    provider = PROVIDERS[who.provider]
    url = provider.base_url(who)
    if config.current().get("smart.provider"):
        print(f"provider  {who.provider}{f' at {url}' if who.base_url else ''}")
    else:
        print(f"provider  {who.provider} at {url}, because it runs on this machine")
    print(f"model     {who.model or provider.default_model or 'the first that it has'}")
    print(f"key       {_key(who, provider.needs_key and not is_loopback(url))}")
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
