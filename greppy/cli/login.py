"""`greppy login`: who answers `search --smart` from now on."""

from __future__ import annotations

import getpass
import os
import sys

from greppy._core import engine
from greppy.cli import CommandError, config
from greppy.smart.keys import KeysError, find_key, store_key
from greppy.smart.providers import PROVIDERS, checked_url, is_loopback
from greppy.smart.settings import SettingsError


def run(arguments: engine.Arguments) -> int:
    given = [os.fsdecode(place) for place in arguments["places"]]
    if len(given) != 1:  # what else was given may be a key, so it is not repeated
        raise CommandError(f"login takes the name of one provider and nothing else: {', '.join(PROVIDERS)}")
    if given[0] not in PROVIDERS:
        raise CommandError(f"login takes the name of a provider: {', '.join(PROVIDERS)}, not {given[0]}")
    name = given[0]
    provider = PROVIDERS[name]
    url = os.fsdecode(dict(arguments["flags"]).get("base-url") or b"")
    before = config.current()  # one that cannot be changed is told before a key is kept
    try:
        if url:
            url = checked_url(name, url)
        if provider.key_variables:
            key = _read_key(name)
            found = None if key else find_key(name)
            if key:
                print(f"the key of {name} is kept in {store_key(name, key)}")
                found = find_key(name)
                if found is not None and found[0] != key:
                    print(f"but the one from {found[1]} comes first")
            elif found is not None:
                print(f"the key of {name} is that from {found[1]}")
            elif provider.needs_key and not (url and is_loopback(url)):
                raise CommandError(f"no key was given; {name} needs one, here or in {provider.key_variables[0]}")
    except (KeysError, SettingsError) as error:
        raise CommandError(str(error)) from None
    config.change("smart.base_url", url or None)
    if before.get("smart.provider") != name:
        config.change("smart.model", None)  # it was another provider's
    config.change("smart.provider", name)
    print(f"search --smart asks {name}{f' at {url}' if url else ''} from now on")
    return 0


def _read_key(name: str) -> str:
    """From the terminal without showing it, else a line of standard input."""
    if sys.stdin.isatty():
        try:
            return getpass.getpass(f"key of {name} (is not shown): ").strip()
        except (EOFError, KeyboardInterrupt) as end:
            print()  # the shell's prompt gets a line of its own
            if isinstance(end, KeyboardInterrupt):
                raise
            return ""
    return sys.stdin.readline().strip()
