"""Ranked code search: `build_index(path)`, then `open_index(path).search("retry with backoff")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greppy.daemon.client import Client, connect
    from greppy.daemon.places import DaemonError
    from greppy.index.build import Summary, build_index
    from greppy.index.hit import Hit
    from greppy.index.reader import Index, open_index

__all__ = [
    "Client",
    "DaemonError",
    "Hit",
    "Index",
    "Summary",
    "__version__",
    "build_index",
    "connect",
    "open_index",
]

_HOMES = {
    "build_index": "greppy.index.build",
    "Summary": "greppy.index.build",
    "Client": "greppy.daemon.client",
    "connect": "greppy.daemon.client",
    "DaemonError": "greppy.daemon.places",
    "Hit": "greppy.index.hit",
    "Index": "greppy.index.reader",
    "open_index": "greppy.index.reader",
}


def __getattr__(name: str) -> Any:
    # The command line must not pay for numpy and msgspec, so the public names are imported when first used.
    import importlib

    if name == "__version__":
        return importlib.import_module("greppy._core.engine").VERSION
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'greppy' has no attribute {name!r}")
