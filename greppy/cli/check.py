"""`greppy check`: does the index hold what was written? Exit status 0 sound, 1 damaged, 2 an error."""

from __future__ import annotations

import os

from greppy._core import engine
from greppy.cli import CommandError, harmless, show
from greppy.index.build import build_index
from greppy.index.check import check_index
from greppy.index.commit import IndexingError

SOUND, DAMAGED = 0, 1


def run(arguments: engine.Arguments) -> int:
    show.no_places(arguments)
    flags = dict(arguments["flags"])
    root = show.project_root(flags.get("project"))
    findings = _findings(root)
    if not findings:
        print(f"sound: {show.path(root)}")
        return SOUND
    for finding in findings:
        print(f"damaged: {harmless(finding)}")
    if "repair" not in flags:
        print("to build it anew: greppy check --repair")
        return DAMAGED
    try:
        summary = build_index(root, force=True)
    except IndexingError as error:
        raise CommandError(str(error)) from None
    findings = _findings(root)
    if findings:
        raise CommandError(f"the index was built anew and is damaged again ({findings[0]}); is the disk sound?")
    print(f"repaired: {summary.files:,} files indexed anew in {summary.seconds:.2f} s")
    return SOUND


def _findings(root: bytes) -> list[str]:
    try:
        folder = engine.index_folder(root)
        return check_index(folder)
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    except FileNotFoundError:
        raise CommandError(f"{os.fsdecode(root)} has no index yet; build it with: greppy index") from None
    except OSError as error:
        raise CommandError(f"cannot read the index in {os.fsdecode(folder)}: {error.strerror}") from None
