"""`greppy forget`: remove a project's index. It is derived from the files, which stay."""

from __future__ import annotations

import contextlib
import os

from greppy._core import engine
from greppy.cli import CommandError, complain, show
from greppy.cli.list import all_entries
from greppy.index import catalog
from greppy.index.commit import BusyError


def run(arguments: engine.Arguments) -> int:
    places = arguments["places"]
    if "gone" in dict(arguments["flags"]):
        if places:
            raise CommandError("forget takes either PATH or --gone, not both")
        remembered = [_find(root) for root in _remembered() if not os.path.isdir(root)]
        found = [entry for entry in [*all_entries(), *remembered] if entry is not None and entry.gone]
        if not found:
            print("nothing to forget: the folder of every indexed project is there")
    else:
        # All are found before the first is removed: a wrong path removes nothing.
        found = [_entry_of(place) for place in places] if places else [_entry_of_current()]
    entries = {entry.folder: entry for entry in found}.values()
    return max([_remove(entry) for entry in entries], default=0)


def _entry_of_current() -> catalog.Entry:
    root = show.project_root(None)
    entry = _find(root)
    if entry is None:
        raise CommandError(f"{os.fsdecode(root)} has no index; 'greppy list' shows what has one")
    return entry


def _entry_of(place: bytes) -> catalog.Entry:
    """The index of a project, by its root (which may be gone) or by a path inside it."""
    if not place:
        raise CommandError("an empty PATH is no project")
    real = os.path.realpath(place)
    # What is not there is in no project: a root that is gone has an index of its own name, or none.
    for root in (real, engine.find_project(real)) if os.path.lexists(place) else (real,):
        entry = _find(root)
        if entry is not None:
            return entry
    raise CommandError(f"{os.fsdecode(place)} has no index; 'greppy list' shows what has one")


def _find(root: bytes) -> catalog.Entry | None:
    """The index of the project at `root`. A project that a daemon was to watch may have none: the daemon was stopped
    before the first was written. It is remembered all the same, and only `forget` ends that."""
    folder = _folder(root)
    entry = catalog.read(folder)
    if entry is None and root in _remembered():
        entry = catalog.Entry(folder, catalog.size_of(folder))
    if entry is not None:
        entry.root = root
    return entry


def _remembered() -> list[bytes]:
    from greppy.daemon import places

    try:
        return places.remembered()
    except places.DaemonError:
        return []


def _folder(root: bytes) -> bytes:
    try:
        return engine.index_folder(root)
    except RuntimeError as error:
        raise CommandError(str(error)) from None


def _remove(entry: catalog.Entry) -> int:
    name = show.path(entry.root or entry.folder)
    if entry.root is not None:
        _unwatch(entry.root)
    try:
        size = catalog.remove(entry.folder)
    except BusyError:
        return complain(f"the index of {name} is being written; try again when that has ended")
    except OSError as error:
        return complain(f"cannot remove the index of {name} in {show.path(entry.folder)}: {error.strerror}")
    what = f"removed {show.megabytes(size)} in {show.path(entry.folder)}" if size else "it had no index yet"
    print(f"forgot {name}: {what}")
    return 0


def _unwatch(root: bytes) -> None:
    """A daemon that watches the project would build its index again."""
    from greppy.daemon import places

    if places.is_running():
        from greppy.daemon.client import connect

        with contextlib.suppress(places.DaemonError), connect(timeout=5.0) as client:
            client.unwatch(root)
    with contextlib.suppress(places.DaemonError):
        places.forget(root)
