"""What a watcher saw and no commit has yet: so that a kill loses nothing.

Records, each a letter and a path with a NUL behind it: `f` a file that may have changed, `d` a folder in which
something may have come or gone, `n` a folder that is new under its name. It need not survive the machine: then all is
compared.
"""

from __future__ import annotations

import contextlib
import os

from greppy.daemon.watcher import Seen

NAME = b"journal"


class Journal:
    """The journal of the index in `folder`. A disk that is full costs the journal, not the commit."""

    def __init__(self, folder: bytes) -> None:
        self._path = os.path.join(folder, NAME)
        self._written = Seen()  # since it was cleared

    def add(self, seen: Seen) -> None:
        """Writes what it does not have yet."""
        records = [
            *(b"f" + path for path in seen.files - self._written.files),
            *(b"d" + path for path in seen.folders - self._written.folders),
            *(b"n" + path for path in seen.came - self._written.came),
        ]
        self._written.add(seen)
        if records:
            with contextlib.suppress(OSError), open(self._path, "ab") as file:
                file.write(b"".join(record + b"\0" for record in records))

    def restart(self, pending: Seen) -> None:
        """All but `pending` is committed."""
        if self._written:
            with contextlib.suppress(OSError):
                os.truncate(self._path, 0)
            self._written = Seen()
        self.add(pending)

    def read(self) -> Seen:
        """What a daemon that was killed had seen: a record that was cut off in writing means nothing."""
        seen = Seen()
        with contextlib.suppress(OSError), open(self._path, "rb") as file:
            for record in file.read().split(b"\0")[:-1]:
                kinds = {b"f": seen.files, b"d": seen.folders, b"n": seen.came}
                if record[:1] in kinds:
                    kinds[record[:1]].add(record[1:])
        self._written.add(seen)
        return seen
