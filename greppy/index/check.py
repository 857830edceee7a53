"""Whether an index holds what was written: checksums, the order of everything, and that its parts agree."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from greppy._core import engine
from greppy.index import commit

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIES = 5


def check_index(folder: bytes) -> list[str]:
    """A sentence for each thing that is wrong in the index in `folder`. Raises FileNotFoundError when there is none.

    Readers do not lock, so a commit may come in between: then all is looked at again."""
    findings: list[str] = []
    for _ in range(TRIES):
        generation = _generation(folder)
        findings = list(_check(folder))
        if not findings or generation == _generation(folder):
            break
    return findings


def _generation(folder: bytes) -> int | None:
    try:
        return engine.manifest(folder)["generation"]
    except (engine.DamagedError, engine.VersionError):
        return None


def _check(folder: bytes) -> Iterator[str]:
    try:
        manifest = engine.manifest(folder)
    except engine.DamagedError:
        yield "manifest: it does not match its checksums"
        return
    except engine.VersionError:
        yield "manifest: it was written by another version of greppy"
        return
    if engine.index_folder(manifest["root"]) != folder:
        yield f"manifest: it is of another project, {os.fsdecode(manifest['root'])}"
    try:
        json.loads(manifest["options"])
    except ValueError:
        yield "manifest: the options of the build cannot be read"
    totals = [0, 0, 0, 1 << 20]
    files: dict[bytes, int] = {}
    whole = True
    for segment in manifest["segments"]:
        name = f"{segment[0]:016x}.seg"
        try:
            found = list(_check_segment(folder, segment, totals, files))
        except (engine.DamagedError, engine.VersionError):
            found = ["it does not match its checksums, or is of another version"]
        except OSError as error:
            found = [f"it cannot be read: {error.strerror}"]
        whole = whole and not found
        for clause in found:
            yield f"{name}: {clause}"
    if whole:
        # A damaged segment tells nothing that could be compared.
        if not totals[0]:
            totals[3] = 0
        if tuple(totals) != manifest["stats"]:
            yield "manifest: its statistics are not the sums of its segments"
        yield from _check_tree(folder, manifest["generation"], files)


def _check_segment(
    folder: bytes, segment: tuple[int, int, int, tuple[bytes, bytes] | None], totals: list[int], files: dict[bytes, int]
) -> Iterator[str]:
    """One segment; its numbers go into `totals`, its live files with the hashes of their contents into `files`."""
    number, n_files, n_chunks, bitmaps = segment
    path = os.path.join(folder, b"%016x.seg" % number)
    wrong = engine.check_segment(path)
    yield from wrong
    if wrong:
        return
    directory = engine.store_directory(path, b"segment")
    if directory["serial"] != number:
        yield "it is another segment than its name says"
    if (directory["arrays"]["files"][3], directory["arrays"]["chunks"][3]) != (n_files, n_chunks):
        yield "it has other numbers of files and chunks than the manifest says"
        return
    deleted = None if bitmaps is None else bitmaps[0]
    *numbers, depth, gone = engine.live(path, deleted)
    for i, value in enumerate(numbers):
        totals[i] += value
    totals[3] = min(totals[3], depth)
    if bitmaps is not None and bitmaps[1] != gone:
        yield "the chunks deleted from it are not those of the files deleted from it"
    for i, (name, content) in enumerate(engine.segment_contents(path)):
        if deleted is None or not deleted[i >> 3] >> (i & 7) & 1:
            if name in files:
                yield f"{os.fsdecode(name)} is in two segments"
            files[name] = content


def _check_tree(folder: bytes, generation: int, files: dict[bytes, int]) -> Iterator[str]:
    """What the walk saw must be in order and name exactly the files of the segments."""
    name = f"{generation:016x}.tree"
    path = os.path.join(folder, os.fsencode(name))
    try:
        if not engine.store_verify(path, b"tree"):
            yield f"{name}: it does not match its checksums"
            return
        entries = commit.load_tree(path)
    except OSError as error:
        yield f"{name}: it cannot be read: {error.strerror}"
        return
    except (engine.DamagedError, engine.VersionError, KeyError):
        yield f"{name}: it is damaged"
        return
    if list(entries) != sorted(entries):
        yield f"{name}: its entries are not in order"
    if any(entry.kind > commit.TREE_OUTSIDE for entry in entries.values()):
        yield f"{name}: it has an entry of an unknown kind"
    listed = {path: entry.content for path, entry in entries.items() if entry.kind == commit.TREE_FILE}
    if listed != files:
        wrong = {path for path in listed.keys() | files.keys() if listed.get(path) != files.get(path)}
        yield f"{name}: it disagrees with the segments about {len(wrong)} files, {os.fsdecode(min(wrong))} among them"
