"""`greppy list`: all projects that have an index."""

from __future__ import annotations

import os

from greppy._core import engine
from greppy.cli import CommandError, complain, show
from greppy.index import catalog


def run(arguments: engine.Arguments) -> int:
    show.no_places(arguments)
    entries = all_entries()
    if "json" in dict(arguments["flags"]):
        show.print_json({"base": show.text(catalog.base()), "projects": [as_json(entry) for entry in entries]})
        return 0
    if not entries:
        complain("no project has an index yet; 'greppy index' in a project's folder builds one")
    for entry in entries:
        root = show.path(entry.root) if entry.root is not None else f"? ({entry.state}; {show.path(entry.folder)})"
        gone = "  (gone)" if entry.gone else ""
        print(f"{show.megabytes(entry.size):>10}  {entry.files:>9,} files  {show.moment(entry.built)}  {root}{gone}")
    return 0


def all_entries() -> list[catalog.Entry]:
    try:
        return catalog.entries()
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        where = os.fsdecode(catalog.base())
        raise CommandError(
            f"cannot list the indexes in {where}: {error.strerror}; is GREPPY_INDEX_DIR what you mean?"
        ) from None


def as_json(entry: catalog.Entry) -> dict[str, object]:
    return {
        "root": None if entry.root is None else show.text(entry.root),
        "index": show.text(entry.folder),
        "state": entry.state,
        "gone": entry.gone,
        "bytes": entry.size,
        "files": entry.files,
        "chunks": entry.chunks,
        "deleted": entry.deleted,
        "segments": entry.segments,
        "generation": entry.generation,
        "built": entry.built,
    }
