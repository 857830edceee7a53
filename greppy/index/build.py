"""Building and refreshing an index: what changed since the last commit becomes a new segment, and one commit.

A commit writes segments and a tree under new names, then replaces the manifest (write beside, fsync, rename, fsync of
the folder). Whatever happens before the rename leaves the old index as it was; files that no manifest names are removed
by the next writer. Readers never lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from greppy._core import engine
from greppy.index import walk as walking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEMORY = 512 << 20  # of all builders together; what the interpreter and the merge need comes on top
BATCH_BYTES = 4 << 20  # about what one call into the engine gets
SMALL_PROJECT = 3 << 20  # bytes of source below which a second thread costs more than it saves
SEGMENTS_KEPT = 8  # a commit that would leave more segments merges them
OF_THE_CONTENT = ("max_filesize", "include_secrets", "attributes")  # options of a build that decide what it holds
LOCK_WAIT = 600.0  # seconds to wait for another writer

_TREE = struct.Struct("<QqQHHBBxx")
_SEGMENT = struct.Struct("<QIIII")
_STATS = struct.Struct("<QQQQ")
_NOT_DELETED = 0xFFFFFFFF
TREE_FILE, TREE_SKIPPED, TREE_FOLDER, TREE_OUTSIDE = range(4)


class IndexingError(Exception):
    """Indexing failed for a reason that one sentence tells; the old index, if there was one, is as it was."""


class BusyError(IndexingError):
    """Another process is writing this index."""


@dataclass(frozen=True)
class Entry:
    """A walked file as it was when it was read."""

    size: int
    mtime_ns: int
    content: int
    kind: int
    why: int = 0


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


@dataclass
class _Segment:
    id: int
    n_files: int
    n_chunks: int
    deleted: bytes | None  # bitmap of files


@dataclass
class _State:
    """The index as the last commit left it."""

    generation: int = 0
    options: dict[str, Any] = field(default_factory=dict)  # of JSON
    segments: list[_Segment] = field(default_factory=list)
    tree: dict[bytes, Entry] = field(default_factory=dict)


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
    folder = _index_folder(root)
    default = engine.DEFAULT_MAX_FILESIZE if default_max_filesize is None else default_max_filesize
    try:
        with writer_lock(folder):
            try:
                summary = _build(root, folder, force, given, default, threads or _cores(), progress)
            except (engine.DamagedError, engine.VersionError):
                # An old segment does not hold what was written: nothing of it is worth keeping.
                summary = _build(root, folder, True, given, default, threads or _cores(), progress)
    except OSError as error:
        raise IndexingError(_explain(error, folder)) from error
    except MemoryError as error:
        raise IndexingError("not enough memory to build the index; the old one is as it was") from error
    summary.seconds = time.perf_counter() - began
    return summary


def pending_changes(path: str | bytes | os.PathLike[str]) -> Changes:
    """What the next build of the project at `path` would read again or drop. Raises IndexingError."""
    root = os.path.realpath(os.fsencode(path))
    _check_root(root, os.fsdecode(path))
    try:
        state = _load(_index_folder(root))
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


def _index_folder(root: bytes) -> bytes:
    try:
        return engine.index_folder(root)
    except RuntimeError as error:
        raise IndexingError(str(error)) from None


def _explain(error: OSError, folder: bytes) -> str:
    where = os.fsdecode(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for the index in {where}; free some, or set GREPPY_INDEX_DIR to another disk"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"cannot write the index in {where}: {error.strerror}; set GREPPY_INDEX_DIR to a folder you can write"
    name = os.fsdecode(error.filename) if error.filename else where
    return f"cannot write the index: {name}: {error.strerror}"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def writer_lock(folder: bytes, wait: float = LOCK_WAIT) -> Iterator[None]:
    """One writer at a time; another one's commit is waited for, and what it did need not be done again."""
    path = os.path.join(folder, b"lock")
    deadline = time.monotonic() + wait
    while True:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            continue  # the folder was forgotten between the two calls
        try:
            _lock(fd, folder, deadline)
            # What is locked may have been removed meanwhile: then it keeps nobody out.
            if _is_at(fd, path):
                yield
                return
        finally:
            os.close(fd)


def _lock(fd: int, folder: bytes, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BusyError(
                    f"another process has written the index in {os.fsdecode(folder)} for ten minutes; end it first"
                ) from None
            time.sleep(0.01)


def _is_at(fd: int, path: bytes) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


# ------------------------------------------------------------------------------------------------- the last commit


def _segment_path(folder: bytes, number: int) -> bytes:
    return os.path.join(folder, b"%016x.seg" % number)


def _tree_path(folder: bytes, generation: int) -> bytes:
    return os.path.join(folder, b"%016x.tree" % generation)


def _array(data: bytes, directory: dict[str, tuple[str, int, int, int]], name: str) -> bytes:
    _, item, offset, count = directory[name]
    return data[offset : offset + item * count]


def _load(folder: bytes) -> _State:
    """The last commit; no files and no segments when there is none, it is damaged or of another version: then all is
    built anew, with the options that can still be read."""
    state = _State()
    manifest = os.path.join(folder, b"manifest")
    try:
        if not engine.store_verify(manifest, b"manifest"):
            return state
        directory = engine.store_directory(manifest, b"manifest")
        with open(manifest, "rb") as file:
            data = file.read()
        generation = directory["serial"]
        tree = _tree_path(folder, generation)
        arrays = directory["arrays"]
        state = _State(generation, dict(json.loads(_array(data, arrays, "options"))))
        if not engine.store_verify(tree, b"tree"):
            return state
        deleted = _array(data, arrays, "deleted")
        segments = []
        for number, n_files, n_chunks, at, _ in _SEGMENT.iter_unpack(_array(data, arrays, "segments")):
            bits = None if at == _NOT_DELETED else deleted[at : at + (n_files + 7) // 8]
            segments.append(_Segment(number, n_files, n_chunks, bits))
            engine.store_directory(_segment_path(folder, number), b"segment")
        entries = load_tree(tree)
    except (OSError, engine.DamagedError, engine.VersionError, TypeError, ValueError, KeyError):
        return state
    return _State(generation, state.options, segments, entries)


def load_tree(path: bytes) -> dict[bytes, Entry]:
    """The entries of a tree file by path. Raises DamagedError, and what reading a file raises."""
    arrays = engine.store_directory(path, b"tree")["arrays"]
    with open(path, "rb") as file:
        data = file.read()
    paths = _array(data, arrays, "paths")
    tree = {}
    name = b""
    at = 0
    for size, mtime, content, shared, own, kind, why in _TREE.iter_unpack(_array(data, arrays, "entries")):
        if shared > len(name) or at + own > len(paths):
            raise engine.DamagedError
        name = name[:shared] + paths[at : at + own]
        at += own
        tree[name] = Entry(size, mtime, content, kind, why)
    if at != len(paths):
        raise engine.DamagedError
    return tree


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
    state = _load(folder)
    _remove_strays(folder, state)
    options = _options(state, given, default_max_filesize)
    secrets = bool(options["include_secrets"])
    walk = walking.walk(root, secrets)
    options["attributes"] = f"{engine.hash64(walk.flags_from):x}" if walk.flags_from else ""
    if walk.unreadable:
        options["unreadable"] = len(walk.unreadable)  # whether they still are, only a walk tells
    elif walk.warnings:
        options["warnings"] = walk.warnings
    # An index of other rules, or of an older greppy that knew fewer, is built anew.
    if force or any(options[name] != state.options.get(name) for name in OF_THE_CONTENT):
        state = _State(state.generation, options)
    options_changed, state.options = options != state.options, options
    summary = Summary(os.fsdecode(root), warnings=walk.warnings, unreadable=len(walk.unreadable))
    kept, pending, total = _compare(root, walk, state, summary)
    removed = _removed(state, kept, pending)
    if len(pending) + len(removed) > max(64, len(kept)):
        # More is new than old: one fresh segment is smaller and faster than what is left of the old ones.
        pending, total = {**dict.fromkeys(kept), **pending}, 0
        total = sum(_size(root, path) for path in pending)
        kept, removed, state = {}, [], _State(state.generation, options)
    work = _Work(root, folder, int(options["max_filesize"]) or 2**63, state.generation + 1, progress, total)
    work.secrets, work.flags = secrets, walk.flags
    work.options_changed = options_changed
    try:
        spills = _index_files(work, sorted(pending), total, threads)
        _finish(work, state, walk, kept, removed, spills, summary)
    except BaseException:
        work.remove_written()
        raise
    return summary


def _unchanged(root: bytes, folder: bytes, default_max_filesize: int) -> Summary | None:
    """What there is to say when nothing has changed: known from the sweep that a search does, without a walk. None:
    something has, or it takes a walk to tell."""
    try:
        manifest = engine.manifest(folder)
        options = dict(json.loads(manifest["options"]))
        segments = [_Segment(number, files, chunks, None) for number, files, chunks, _ in manifest["segments"]]
        state = _State(manifest["generation"], options, segments)
        same = _options(state, {}, default_max_filesize)
        if "unreadable" in options or any(same[name] != options.get(name) for name in same):
            return None
        reader = engine.Reader(folder)
        try:
            if not reader.fresh():
                return None
        finally:
            reader.close()
        paths = [_segment_path(folder, segment.id) for segment in segments]
        if not all(engine.store_verify(path, b"segment") for path in paths):
            return None
        tree = _tree_path(folder, state.generation)
        with open(tree, "rb") as file:
            entries = _array(file.read(), engine.store_directory(tree, b"tree")["arrays"], "entries")
    except (OSError, engine.DamagedError, engine.VersionError, TypeError, ValueError, KeyError):
        return None
    _remove_strays(folder, state)
    summary = Summary(os.fsdecode(root), warnings=list(options.get("warnings", [])), generation=state.generation)
    for size, _, _, _, _, kind, why in _TREE.iter_unpack(entries):
        if kind == TREE_FILE:
            summary.source_bytes += size
        elif kind == TREE_SKIPPED:
            summary.skipped += 1
            if why == engine.FILE_UNREADABLE:
                return None  # whether it still is, and why, only trying tells
    summary.files, summary.chunks, *_ = manifest["stats"]
    summary.index_bytes = sum(os.stat(path).st_size for path in paths)
    return summary


def _options(state: _State, given: dict[str, int | str], default: int) -> dict[str, Any]:
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


def _size(root: bytes, path: bytes) -> int:
    try:
        return os.lstat(os.path.join(root, path)).st_size
    except OSError:
        return 0


def _compare(
    root: bytes, walk: walking.Walk, state: _State, summary: Summary
) -> tuple[dict[bytes, Entry], dict[bytes, Entry | None], int]:
    """(unchanged, to be read, bytes to be read): size and time first, then, for what was touched, the content."""
    kept: dict[bytes, Entry] = {}
    pending: dict[bytes, Entry | None] = {}
    total = 0
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
            if old is not None and old.size == now.st_size and old.mtime_ns == now.st_mtime_ns:
                kept[path] = old
                continue
            if old is not None and old.kind == TREE_FILE and old.size == now.st_size and stat.S_ISREG(now.st_mode):
                touched = _unless_changed(os.path.join(root, path), old, now)
                if touched is not None:
                    kept[path] = touched
                    continue
            pending[path] = old
            total += now.st_size
    finally:
        os.close(fd)
    return kept, pending, total


def _removed(state: _State, kept: dict[bytes, Entry], pending: dict[bytes, Entry | None]) -> list[bytes]:
    return [
        path for path, old in state.tree.items() if old.kind == TREE_FILE and path not in kept and path not in pending
    ]


def _unless_changed(path: bytes, old: Entry, now: os.stat_result) -> Entry | None:
    """The entry with its new time when the content is still the same; None when it is not."""
    try:
        read_at = time.time_ns()
        if engine.hash_file(path) != old.content:
            return None
    except OSError:
        return None
    mtime = now.st_mtime_ns if read_at - now.st_mtime_ns >= engine.RACY_NS else 0
    return Entry(old.size, mtime, old.content, old.kind, old.why)


class _Work:
    """What the threads of one build share."""

    def __init__(
        self,
        root: bytes,
        folder: bytes,
        max_size: int,
        generation: int,
        progress: Callable[[int, int], None] | None,
        total: int,
    ) -> None:
        self.root = root
        self.folder = folder
        self.max_size = max_size
        self.generation = generation
        self.secrets = False
        self.flags: dict[bytes, int] = {}
        self.entries: dict[bytes, Entry] = {}
        self.errors: dict[bytes, int] = {}
        self.written: list[bytes] = []
        self.options_changed = False
        self._progress = progress
        self._total = total
        self._done = 0
        self._next_id = time.time_ns()  # ids only have to be new; the generation orders commits
        self._lock = Lock()

    def new_id(self) -> int:
        with self._lock:
            self._next_id += 1
            self.written.append(_segment_path(self.folder, self._next_id))
            return self._next_id

    def report(self, paths: list[bytes], reports: list[tuple[int, int, int, int, int]]) -> None:
        with self._lock:
            for path, (status, error, size, mtime, content) in zip(paths, reports, strict=True):
                if status == engine.FILE_INDEXED:
                    self.entries[path] = Entry(size, mtime, content, TREE_FILE)
                elif status != engine.FILE_GONE:
                    self.entries[path] = Entry(size, mtime, content, TREE_SKIPPED, status)
                    if status == engine.FILE_UNREADABLE:
                        self.errors[path] = error
                self._done += size
            if self._progress is not None:
                self._progress(min(self._done, self._total), self._total)

    def remove_written(self) -> None:
        for path in self.written:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _batches(root: bytes, paths: list[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for path in paths:
        batch.append(path)
        size += _size(root, path) + 2048
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _index_files(work: _Work, paths: list[bytes], total: int, threads: int) -> list[int]:
    """Ids of the segments that hold the files; each thread takes the next batch, so its files ascend by path."""
    if not paths:
        return []
    if total < SMALL_PROJECT:
        threads = 1
    batches = _batches(work.root, paths)
    lock = Lock()
    stop = Event()
    fd = os.open(work.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def run() -> list[int]:
        spills: list[int] = []
        builder = engine.Builder()

        def spill() -> None:
            number = work.new_id()
            builder.write(_segment_path(work.folder, number), number)
            spills.append(number)

        while not stop.is_set():
            with lock:
                batch = next(batches, None)
            if batch is None:
                break
            work.report(batch, builder.add(fd, batch, work.max_size, work.secrets, work.flags))
            if builder.memory > MEMORY // threads:
                spill()
        if builder.n_files:
            spill()
        return spills

    try:
        if threads == 1:
            return run()
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(run) for _ in range(threads)]
            try:
                return [number for future in futures for number in future.result()]
            except BaseException:
                stop.set()  # an interrupt, or a thread that failed: the others need not finish
                raise
    finally:
        os.close(fd)


# ---------------------------------------------------------------------------------------------------------- commit


def _finish(
    work: _Work,
    state: _State,
    walk: walking.Walk,
    kept: dict[bytes, Entry],
    removed: list[bytes],
    spills: list[int],
    summary: Summary,
) -> None:
    tree = _new_tree(walk, {**kept, **work.entries})
    summary.changed = len(work.entries)
    summary.removed = len(removed)
    summary.skipped = sum(entry.kind == TREE_SKIPPED for entry in tree.values())
    summary.source_bytes = sum(entry.size for entry in tree.values() if entry.kind == TREE_FILE)
    summary.unreadable += len(work.errors)
    for path, number in work.errors.items():
        summary.warnings.append(f"left out: {os.fsdecode(os.path.join(work.root, path))}: {os.strerror(number)}")
    gone = set(removed) | {path for path in work.entries if path in state.tree}
    segments = _delete(work.folder, state.segments, gone)
    added = [_opened(work.folder, number) for number in spills]
    if len(added) > 1:
        added = [_merge(work, added)]
    elif added:
        _sync(_segment_path(work.folder, added[0].id))
    segments += added
    if len(segments) > SEGMENTS_KEPT:
        segments = [_merge(work, segments)]
    if tree == state.tree and not spills and state.generation and not work.options_changed:
        summary.generation = state.generation
        _totals(work.folder, segments, summary)
        return
    _commit(work, segments, tree, state, summary)


def _new_tree(walk: walking.Walk, files: dict[bytes, Entry]) -> dict[bytes, Entry]:
    tree = dict(files)
    for path, mtime in walk.folders.items():
        tree[path] = Entry(0, mtime, 0, TREE_FOLDER)
    for path, (size, mtime) in walk.outside.items():
        tree[path] = Entry(size, mtime, 0, TREE_OUTSIDE)
    return dict(sorted(tree.items()))


def _opened(folder: bytes, number: int) -> _Segment:
    arrays = engine.store_directory(_segment_path(folder, number), b"segment")["arrays"]
    return _Segment(number, arrays["files"][3], arrays["chunks"][3], None)


def _delete(folder: bytes, segments: list[_Segment], gone: set[bytes]) -> list[_Segment]:
    """The segments with the bits of `gone` set; those of which nothing is left fall away."""
    if not gone:
        return list(segments)
    result = []
    for segment in segments:
        bits = bytearray(segment.deleted or bytes((segment.n_files + 7) // 8))
        for number, path in enumerate(engine.segment_paths(_segment_path(folder, segment.id))):
            if path in gone:
                bits[number >> 3] |= 1 << (number & 7)
        count = sum(byte.bit_count() for byte in bits)
        if count < segment.n_files:
            result.append(_Segment(segment.id, segment.n_files, segment.n_chunks, bytes(bits) if count else None))
    return result


def _merge(work: _Work, segments: list[_Segment]) -> _Segment:
    number = work.new_id()
    inputs = [(_segment_path(work.folder, segment.id), segment.deleted) for segment in segments]
    engine.merge(inputs, _segment_path(work.folder, number), number)
    return _opened(work.folder, number)


def _sync(path: bytes) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _totals(folder: bytes, segments: list[_Segment], summary: Summary) -> None:
    for segment in segments:
        n_files, n_chunks, *_ = engine.live(_segment_path(folder, segment.id), segment.deleted)
        summary.files += n_files
        summary.chunks += n_chunks
        summary.index_bytes += os.stat(_segment_path(folder, segment.id)).st_size


def _shared(a: bytes, b: bytes) -> int:
    """How many bytes at their beginnings are the same: as numbers, which is three times as fast as byte by byte."""
    n = min(len(a), len(b))
    return n - ((int.from_bytes(a[:n]) ^ int.from_bytes(b[:n])).bit_length() + 7) // 8


def _tree_arrays(tree: dict[bytes, Entry]) -> list[tuple[bytes, bytes, int, bytes]]:
    """The arrays of a tree file; the inverse of `load_tree`."""
    entries = bytearray()
    paths = bytearray()
    before = b""
    for path, entry in tree.items():
        shared = _shared(before, path)
        entries += _TREE.pack(
            entry.size, entry.mtime_ns, entry.content, shared, len(path) - shared, entry.kind, entry.why
        )
        paths += path[shared:]
        before = path
    return [(b"entries", b"tree", _TREE.size, bytes(entries)), (b"paths", b"|u1", 1, bytes(paths))]


def _commit(work: _Work, segments: list[_Segment], tree: dict[bytes, Entry], state: _State, summary: Summary) -> None:
    folder, generation = work.folder, work.generation
    tree_file = _tree_path(folder, generation)
    new = os.path.join(folder, b"manifest.new")
    work.written += [tree_file, new]
    for path in (tree_file, new):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    engine.write_store(tree_file, b"tree", generation, _tree_arrays(tree))
    deleted = bytearray()
    records = bytearray()
    files = chunks = length = 0
    depth = 1 << 20
    for segment in segments:
        n_files, n_chunks, n_length, shallow, gone = engine.live(_segment_path(folder, segment.id), segment.deleted)
        files, chunks, length, depth = files + n_files, chunks + n_chunks, length + n_length, min(depth, shallow)
        offset = _NOT_DELETED
        if segment.deleted is not None:
            offset = len(deleted)
            deleted += segment.deleted + gone
        records += _SEGMENT.pack(segment.id, segment.n_files, segment.n_chunks, offset, 0)
        summary.index_bytes += os.stat(_segment_path(folder, segment.id)).st_size
    options = json.dumps(state.options, sort_keys=True).encode()
    engine.write_store(
        new,
        b"manifest",
        generation,
        [
            (b"segments", b"segment", _SEGMENT.size, bytes(records)),
            (b"deleted", b"|u1", 1, bytes(deleted)),
            (b"stats", b"<u8", 8, _STATS.pack(chunks, length, files, depth if files else 0)),
            (b"root", b"|u1", 1, work.root),
            (b"options", b"|u1", 1, options),
        ],
    )
    os.replace(new, os.path.join(folder, b"manifest"))
    _sync(folder)
    # From here on the new index is the index: nothing that fails now may take it back.
    work.written.clear()
    summary.files, summary.chunks = files, chunks
    summary.generation, summary.committed = generation, True
    _remove_strays(folder, _State(generation, {}, segments))


def _remove_strays(folder: bytes, state: _State) -> None:
    """Files of greppy's that the commit does not name: left by a writer that was killed, or replaced by this one."""
    named = {_segment_path(folder, segment.id) for segment in state.segments} | {_tree_path(folder, state.generation)}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = entry.name.endswith((b".seg", b".tree")) or entry.name == b"manifest.new"
            if ours and entry.path not in named:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
