"""Building an index, or bringing it up to date: the project is walked, and what is other than the last commit has it
becomes a new segment, and one commit."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greppy._core import engine
from greppy.index import commit as commits
from greppy.index import walk as walking
from greppy.index.commit import (
    TREE_FILE,
    TREE_FOLDER,
    TREE_OUTSIDE,
    TREE_SKIPPED,
    Draft,
    Entry,
    IndexingError,
    State,
    index_folder,
    segment_path,
    tree_path,
    writer_lock,
)
from greppy.index.indexing import Work, cores, index_files, unless_changed

if TYPE_CHECKING:
    from collections.abc import Callable

OF_THE_CONTENT = ("max_filesize", "include_secrets", "attributes")  # options of a build that decide what it holds


@dataclass
class Summary:
    """What a build did."""

    root: str
    files: int = 0
    chunks: int = 0
    source_bytes: int = 0  # of the files that were read
    index_bytes: int = 0
    seconds: float = 0.0
    changed: int = 0  # files read because they were new or other than before
    removed: int = 0
    skipped: int = 0  # binary, too large, unreadable, secret
    unreadable: int = 0  # files and folders; each has its warning
    generation: int = 0
    committed: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Changes:
    """How many files are other than the last commit has them."""

    changed: int = 0
    added: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        return self.changed + self.added + self.removed


def build_index(
    path: str | bytes | os.PathLike[str],
    *,
    force: bool = False,
    max_filesize: int | None = None,
    include_secrets: bool | None = None,
    default_max_filesize: int | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Builds the index of the project whose root is `path`, or brings it up to date.

    `max_filesize` (bytes, 0 for no limit) and `include_secrets` are remembered for later refreshes;
    `default_max_filesize` counts where no limit was ever given; `progress(done, total)` gets bytes. Raises
    IndexingError with a sentence for people.
    """
    given: dict[str, int | str] = {}
    if max_filesize is not None:
        given["max_filesize"] = max_filesize
    if include_secrets is not None:
        given["include_secrets"] = int(include_secrets)
    began = time.perf_counter()
    root = os.path.realpath(os.fsencode(path))
    _check_root(root, os.fsdecode(path))
    folder = index_folder(root)
    default = engine.DEFAULT_MAX_FILESIZE if default_max_filesize is None else default_max_filesize
    try:
        with writer_lock(folder):
            try:
                summary = _build(root, folder, force, given, default, threads or cores(), progress)
            except (engine.DamagedError, engine.VersionError):
                # An old segment does not hold what was written: nothing of it is worth keeping.
                summary = _build(root, folder, True, given, default, threads or cores(), progress)
    except OSError as error:
        raise IndexingError(commits.explain(error, folder)) from error
    except MemoryError as error:
        raise IndexingError("not enough memory to build the index; the old one is as it was") from error
    summary.seconds = time.perf_counter() - began
    return summary


def pending_changes(path: str | bytes | os.PathLike[str]) -> Changes:
    """What the next build of the project at `path` would read again or drop. Raises IndexingError."""
    root = os.path.realpath(os.fsencode(path))
    _check_root(root, os.fsdecode(path))
    try:
        state = commits.load_whole(index_folder(root))
        walk = walking.walk(root, bool(state.options.get("include_secrets")))
        kept, pending, _ = _compare(root, walk, state, Summary(os.fsdecode(root)))
    except OSError as error:
        raise IndexingError(f"cannot list {os.fsdecode(root)}: {error.strerror}") from error
    added = sum(old is None for old in pending.values())
    return Changes(len(pending) - added, added, len(_removed(state, kept, pending)))


def _check_root(root: bytes, shown: str) -> None:
    try:
        os.scandir(root).close()
    except FileNotFoundError:
        raise IndexingError(f"{shown}: no such folder") from None
    except NotADirectoryError:
        raise IndexingError(f"{shown}: not a folder; --project takes the project's root") from None
    except OSError as error:
        raise IndexingError(f"{shown}: {error.strerror}") from None


# ----------------------------------------------------------------------------------------------------------- build


def _build(
    root: bytes,
    folder: bytes,
    force: bool,
    given: dict[str, int | str],
    default_max_filesize: int,
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> Summary:
    if not force and not given:
        unchanged = _unchanged(root, folder, default_max_filesize)
        if unchanged is not None:
            return unchanged
    state = commits.load_whole(folder)
    commits.remove_strays(folder, state.generation, state.segments)
    options = _options(state, given, default_max_filesize)
    secrets = bool(options["include_secrets"])
    since = commits.file_clock()
    walk = walking.walk(root, secrets)
    options["attributes"] = f"{engine.hash64(walk.flags_from):x}" if walk.flags_from else ""
    if walk.unreadable:
        options["unreadable"] = len(walk.unreadable)  # whether they still are, only a walk tells
    elif walk.warnings:
        options["warnings"] = walk.warnings
    # An index of other rules, or of an older greppy that knew fewer, is built anew.
    if force or any(options[name] != state.options.get(name) for name in OF_THE_CONTENT):
        state = State(state.generation, state.since, options)
    options_changed, state.options = options != state.options, options
    summary = Summary(os.fsdecode(root), warnings=walk.warnings, unreadable=len(walk.unreadable))
    kept, pending, sizes = _compare(root, walk, state, summary)
    removed = _removed(state, kept, pending)
    if len(pending) + len(removed) > max(64, len(kept)):
        # More is new than old: one fresh segment is smaller and faster than what is left of the old ones.
        pending = {**dict.fromkeys(kept), **pending}
        sizes.update((path, entry.size) for path, entry in kept.items())
        kept, removed, state = {}, [], State(state.generation, state.since, options)
    draft = Draft(folder, state.generation + 1, threads)
    work = Work(root, draft, int(options["max_filesize"]), secrets, walk.flags, sizes, progress)
    try:
        spills = index_files(work, threads)
        tree = _new_tree(walk, {**kept, **work.entries})
        _describe(work, tree, len(removed), summary)
        segments = commits.delete(folder, state.segments, {*removed, *(path for path in pending if path in state.tree)})
        if tree == state.tree and not spills and state.generation and not options_changed:
            summary.generation = state.generation
            totals, _ = commits.totals(folder, segments)
            os.utime(tree_path(folder, state.generation), ns=(since, since))  # all that was touched has been looked at
        else:
            segments = commits.add(draft, segments, spills)
            totals = commits.commit(
                draft,
                root,
                segments,
                lambda path: engine.write_store(path, b"tree", draft.generation, commits.tree_arrays(tree)),
                options,
                since,
            )
            summary.generation, summary.committed = draft.generation, True
    except BaseException:
        draft.discard()
        raise
    summary.files, summary.chunks, summary.index_bytes = totals.files, totals.chunks, totals.index_bytes
    return summary


def _unchanged(root: bytes, folder: bytes, default_max_filesize: int) -> Summary | None:
    """What there is to say when nothing has changed: known from the sweep that a search does, without a walk. None:
    something has, or it takes a walk to tell."""
    try:
        state = commits.load(folder)
        options = state.options
        same = _options(state, {}, default_max_filesize)
        if "unreadable" in options or any(same[name] != options.get(name) for name in same):
            return None
        reader = engine.Reader(folder)
        try:
            if not reader.fresh():
                return None
        finally:
            reader.close()
        if not all(engine.store_verify(segment_path(folder, segment.id), b"segment") for segment in state.segments):
            return None
        totals, _ = commits.totals(folder, state.segments, check=False)
        tree = tree_path(folder, state.generation)
        with open(tree, "rb") as file:
            entries = commits.array_of(file.read(), engine.store_directory(tree, b"tree")["arrays"], "entries")
    except (OSError, engine.DamagedError, engine.VersionError, TypeError, ValueError, KeyError):
        return None
    commits.remove_strays(folder, state.generation, state.segments)
    summary = Summary(os.fsdecode(root), warnings=list(options.get("warnings", [])), generation=state.generation)
    for size, _, _, _, _, kind, why in commits.TREE.iter_unpack(entries):
        if kind == TREE_FILE:
            summary.source_bytes += size
        elif kind == TREE_SKIPPED:
            summary.skipped += 1
            if why == engine.FILE_UNREADABLE:
                return None  # whether it still is, and why, only trying tells
    summary.files, summary.chunks, summary.index_bytes = totals.files, totals.chunks, totals.index_bytes
    return summary


def _options(state: State, given: dict[str, int | str], default: int) -> dict[str, Any]:
    """What this build must repeat of the last one: what was asked for counts as long as nobody asks for something
    else, the default size limit only where none was ever asked for."""
    old = state.options.get("max_filesize", engine.DEFAULT_MAX_FILESIZE)
    asked = given.get("max_filesize")
    if asked is None and state.options.get("asked", old != engine.DEFAULT_MAX_FILESIZE):
        asked = old
    return {
        "max_filesize": default if asked is None else asked,
        "asked": int(asked is not None),
        "include_secrets": given.get("include_secrets", state.options.get("include_secrets", 0)),
    }


def _compare(
    root: bytes, walk: walking.Walk, state: State, summary: Summary
) -> tuple[dict[bytes, Entry], dict[bytes, Entry | None], dict[bytes, int]]:
    """(unchanged, to be read, how many bytes of that each has): size and times first, then, for what was touched, the
    content. What could not be read is tried again."""
    kept: dict[bytes, Entry] = {}
    pending: dict[bytes, Entry | None] = {}
    sizes: dict[bytes, int] = {}
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path in walk.files:
            old = state.tree.get(path)
            if old is not None and old.kind > TREE_SKIPPED:
                old = None  # a folder has become a file
            try:
                now = os.lstat(path, dir_fd=fd)
            except (FileNotFoundError, NotADirectoryError):
                continue  # gone since it was listed
            except OSError as error:  # as in a folder that may be listed, but not entered
                if path.startswith(tuple(folder + b"/" for folder in walk.unreadable)):
                    continue  # git lists what it tracks there; the folder has its warning
                summary.warnings.append(f"left out: {os.fsdecode(os.path.join(root, path))}: {error.strerror}")
                summary.unreadable += 1
                continue
            same = old is not None and old.size == now.st_size and old.mtime_ns == now.st_mtime_ns
            if same and now.st_ctime_ns < state.since and old is not None and old.why != engine.FILE_UNREADABLE:
                kept[path] = old
                continue
            if old is not None and old.kind == TREE_FILE and old.size == now.st_size and stat.S_ISREG(now.st_mode):
                touched = unless_changed(os.path.join(root, path), old, now)
                if touched is not None:
                    kept[path] = touched
                    continue
            pending[path] = old
            sizes[path] = now.st_size
    finally:
        os.close(fd)
    return kept, pending, sizes


def _removed(state: State, kept: dict[bytes, Entry], pending: dict[bytes, Entry | None]) -> list[bytes]:
    return [
        path for path, old in state.tree.items() if old.kind == TREE_FILE and path not in kept and path not in pending
    ]


def _describe(work: Work, tree: dict[bytes, Entry], n_removed: int, summary: Summary) -> None:
    summary.changed = len(work.entries)
    summary.removed = n_removed
    summary.skipped = sum(entry.kind == TREE_SKIPPED for entry in tree.values())
    summary.source_bytes = sum(entry.size for entry in tree.values() if entry.kind == TREE_FILE)
    summary.unreadable += len(work.errors)
    for path, number in work.errors.items():
        summary.warnings.append(f"left out: {os.fsdecode(os.path.join(work.root, path))}: {os.strerror(number)}")


def _new_tree(walk: walking.Walk, files: dict[bytes, Entry]) -> dict[bytes, Entry]:
    tree = dict(files)
    for path, mtime in walk.folders.items():
        tree[path] = Entry(0, mtime, 0, TREE_FOLDER)
    for path, (size, mtime) in walk.outside.items():
        tree[path] = Entry(size, mtime, 0, TREE_OUTSIDE)
    return dict(sorted(tree.items()))


