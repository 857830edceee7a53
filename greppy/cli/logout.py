"""`greppy logout`: nobody answers `search --smart` any more, and the key is forgotten."""

from __future__ import annotations

import os

from greppy._core import engine
from greppy.cli import NOTHING, CommandError, config
from greppy.smart.keys import KeysError, forget_key
from greppy.smart.providers import PROVIDERS


def run(arguments: engine.Arguments) -> int:
    given = [os.fsdecode(place) for place in arguments["places"]]
    before = config.current().get("smart.provider", "").replace("none", "")
    name = given[0] if given else before
    if len(given) > 1 or (name and name not in PROVIDERS):
        raise CommandError(f"logout takes the name of a provider: {', '.join(PROVIDERS)}")
    if not name:
        print("nobody is asked: there is nothing to log out of")
        return NOTHING
    provider = PROVIDERS[name]
    try:
        places = forget_key(name)
    except KeysError as error:
        raise CommandError(str(error)) from None
    print(f"the key of {name} is gone from {' and '.join(places)}" if places else f"no key of {name} was kept")
    for variable in provider.key_variables:
        if os.environ.get(variable):
            print(f"{variable} is still set in the environment")
    if before == name:
        for key in ("smart.provider", "smart.model", "smart.base_url"):
            config.change(key, None)
        print(f"search --smart asks {name} no more")
    return 0
