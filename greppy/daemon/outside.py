"""What decides which files of a project count and lies in no folder that is watched: git's index and settings, the
user's excludes, rules above the project. They are few, so each is looked at whenever somebody asks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Signature = tuple[int, int, int, int]


def signature(path: bytes) -> Signature | None:
    """What tells a file from what it becomes and what replaces it; None: it is not there."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Outside:
    """Paths, each as it was when it was looked at last."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Signature | None] = {}

    def look_at(self, paths: Iterable[bytes]) -> bool:
        """These from now on; whether one is new, so that nobody knows how it was before."""
        new = {path: self._seen[path] if path in self._seen else signature(path) for path in paths}
        found = bool(new.keys() - self._seen.keys())
        self._seen = new
        return found

    def changed(self) -> set[bytes]:
        """Those that are other than at the last look."""
        found = set()
        for path, before in self._seen.items():
            now = signature(path)
            if now != before:
                self._seen[path] = now
                found.add(path)
        return found

    def now(self) -> dict[bytes, Signature | None]:
        """How they were when they were looked at last."""
        return dict(self._seen)
