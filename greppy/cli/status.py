"""`greppy status`: what is indexed here, and whether it is up to date."""

from __future__ import annotations

import os

from greppy._core import engine
from greppy.cli import CommandError, show
from greppy.index import catalog
from greppy.index.build import Changes, IndexingError, pending_changes

LANGUAGES_SHOWN = 6


def run(arguments: engine.Arguments) -> int:
    show.no_places(arguments)
    flags = dict(arguments["flags"])
    root = show.project_root(flags.get("project"))
    try:
        folder = engine.index_folder(root)
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    entry = catalog.read(folder)
    if entry is None:
        raise CommandError(f"{os.fsdecode(root)} has no index yet; build it with: greppy index")
    if entry.state == catalog.OTHER_VERSION:
        raise CommandError(
            f"the index of {os.fsdecode(root)} was written by another version of greppy; rebuild it with: greppy index"
        )
    languages, changes = _look(entry, root)
    if "json" in flags:
        _print_json(entry, root, languages, changes)
    else:
        _print(entry, root, languages, changes)
    return 0


def _look(entry: catalog.Entry, root: bytes) -> tuple[dict[str, int], Changes]:
    try:
        reader = engine.Reader(entry.folder)
        languages = reader.languages()
        # The sweep is what a search does; only when it finds something is the project walked to count.
        changes = Changes() if reader.fresh() else pending_changes(root)
        reader.close()
    except (engine.DamagedError, FileNotFoundError):
        raise CommandError(
            f"the index of {os.fsdecode(root)} is damaged; 'greppy check' tells where, with --repair it rebuilds it"
        ) from None
    except IndexingError as error:
        raise CommandError(str(error)) from None
    return dict(sorted(languages.items(), key=lambda item: (-item[1], item[0]))), changes


def _print_json(entry: catalog.Entry, root: bytes, languages: dict[str, int], changes: Changes) -> None:
    show.print_json(
        {
            "root": show.text(root),
            "index": show.text(entry.folder),
            "bytes": entry.size,
            "generation": entry.generation,
            "segments": entry.segments,
            "files": entry.files,
            "chunks": entry.chunks,
            "deleted": entry.deleted,
            "languages": languages,
            "built": entry.built,
            "fresh": not changes.total,
            "changed": changes.changed,
            "added": changes.added,
            "removed": changes.removed,
        }
    )


def _print(entry: catalog.Entry, root: bytes, languages: dict[str, int], changes: Changes) -> None:
    def line(name: str, value: str) -> None:
        print(f"{name:<11}{value}")

    deleted = f" ({entry.deleted:,} deleted in them)" if entry.deleted else ""
    shown = [f"{name} {count:,}" for name, count in languages.items()]
    if len(shown) > LANGUAGES_SHOWN:
        shown = [*shown[:LANGUAGES_SHOWN], f"{len(shown) - LANGUAGES_SHOWN} more"]
    line("project", show.path(root))
    line("index", f"{show.path(entry.folder)}, {show.megabytes(entry.size)}")
    line("built", f"{show.moment(entry.built)}, generation {entry.generation}")
    line("files", f"{entry.files:,} in {entry.chunks:,} chunks, {_count(entry.segments, 'segment')}{deleted}")
    line("languages", ", ".join(shown) or "none")
    if changes.total:
        parts = [(changes.changed, "changed"), (changes.added, "new"), (changes.removed, "removed")]
        what = ", ".join(f"{count:,} {name}" for count, name in parts if count)
        line("state", f"{_count(changes.total, 'file')} to bring up to date ({what}); the next search does it")
    else:
        line("state", "up to date")


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
