#!/usr/bin/env python3
"""A cache with a deadline.

def not_a_function(): this is prose.
"""
from __future__ import annotations

import functools
from typing import Callable

DEFAULT_TTL = 60.0
_registry: dict[str, "Cache"] = {}
SQL = """
class NotAClass:
    def nor_this(self): ...
"""


@functools.lru_cache(
    maxsize=None,
)
def parse(text: str, *, strict: bool = False) -> dict:
    """Parse `text`."""
    local = r"\"" + 'def quoted():'
    if text == "":
        local = {}

        def helper(x):
            return x
    return helper(local)


class Cache:
    '''Keeps values.

    class Inner: no
    '''
    limit = 10

    class Entry:
        __slots__ = ()

    def get(self, key, default={"a": (1, 2)}, callback=lambda x: x): return key

    async def _refresh(
        self,
        key: str,
    ) -> None:
        await key

    @property
    def size(self) -> int:
        # def commented(): pass
        return f"{self!r} {'def x():'}"


type Loader = Callable[[str], bytes]
handler = Cache().get \
    if DEFAULT_TTL else None
