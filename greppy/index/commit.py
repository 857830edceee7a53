"""One commit after the other: what the last one left, who may write the next, and how it is made.

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
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from greppy._core import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

LOCK_WAIT = 600.0  # seconds to wait for another writer
MERGE_INPUTS = 64  # segments that are merged at once at most
MERGE_THREADS = 8  # more would hold much and wait for the one that writes
MERGE_RATIO = 3  # segments are merged unless the next larger one has at least so many times their chunks

TREE = struct.Struct("<QqQHHBBxx")
_SEGMENT = struct.Struct("<QIIII")
_STATS = struct.Struct("<QQQQ")
_NOT_DELETED = 0xFFFFFFFF
_CLOCK_REALTIME_COARSE = 5  # of Linux; the module time has no name for it
TREE_FILE, TREE_SKIPPED, TREE_FOLDER, TREE_OUTSIDE = range(4)


class IndexingError(Exception):
    """Indexing failed for a reason that one sentence tells; the old index, if there was one, is as it was."""


class BusyError(IndexingError):
    """Another process is writing this index."""


class Entry(NamedTuple):
    """A file or folder of the tree as it was when it was read."""

    size: int
    mtime_ns: int
    content: int
    kind: int
    why: int = 0


@dataclass(frozen=True)
class Segment:
    """A segment as a manifest names it."""

    id: int
    n_files: int
    n_chunks: int
    deleted: bytes | None = None  # bitmap of files

    @property
    def n_deleted(self) -> int:
        return int.from_bytes(self.deleted or b"").bit_count()


@dataclass
class State:
    """The index as the last commit left it."""

    generation: int = 0
    since: int = 0  # when the look at the files began that it comes from; 0: not known
    options: dict[str, Any] = field(default_factory=dict)  # of JSON
    segments: list[Segment] = field(default_factory=list)
    tree: dict[bytes, Entry] = field(default_factory=dict)


@dataclass(frozen=True)
class Totals:
    """What the live part of some segments holds."""

    files: int
    chunks: int
    length: int
    depth: int
    index_bytes: int


class Draft:
    """A commit in the making: what it has written is removed again when it fails."""

    def __init__(self, folder: bytes, generation: int, threads: int = 1) -> None:
        """`threads`: how many may merge."""
        self.folder = folder
        self.threads = min(threads, MERGE_THREADS)
        self.generation = generation
        self.written: list[bytes] = []
        self._next_id = time.time_ns()  # ids only have to be new; the generation orders commits
        self._lock = Lock()

    def new_segment(self) -> int:
        """An id that no segment has yet. Any thread may ask."""
        with self._lock:
            self._next_id += 1
            self.written.append(segment_path(self.folder, self._next_id))
            return self._next_id

    def discard(self) -> None:
        for path in self.written:
            with contextlib.suppress(OSError):
                os.unlink(path)


def index_folder(root: bytes) -> bytes:
    """Where the index of a root lies. Raises IndexingError when nothing says where indexes are."""
    try:
        return engine.index_folder(root)
    except RuntimeError as error:
        raise IndexingError(str(error)) from None


def explain(error: OSError, folder: bytes) -> str:
    """What kept an index from being written, and what to do."""
    where = os.fsdecode(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for the index in {where}; free some, or set GREPPY_INDEX_DIR to another disk"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"cannot write the index in {where}: {error.strerror}; set GREPPY_INDEX_DIR to a folder you can write"
    name = os.fsdecode(error.filename) if error.filename else where
    return f"cannot write the index: {name}: {error.strerror}"


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
            if is_at(fd, path):
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


def is_at(fd: int, path: bytes) -> bool:
    """Whether the open file is the one that has this path."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


# ------------------------------------------------------------------------------------------------- the last commit


def segment_path(folder: bytes, number: int) -> bytes:
    return os.path.join(folder, b"%016x.seg" % number)


def tree_path(folder: bytes, generation: int) -> bytes:
    return os.path.join(folder, b"%016x.tree" % generation)


def array_of(data: bytes, directory: dict[str, tuple[str, int, int, int]], name: str) -> bytes:
    """The bytes of an array of a container that was read whole."""
    _, item, offset, count = directory[name]
    return data[offset : offset + item * count]


def file_clock() -> int:
    """Now in nanoseconds, by the clock that file systems stamp files with: what changes after the call has no earlier
    stamp."""
    return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)


def load(folder: bytes) -> State:
    """The last commit without its tree. Raises OSError, DamagedError, VersionError, and ValueError or TypeError for
    options that are none."""
    manifest = engine.manifest(folder)
    options = dict(json.loads(manifest["options"]))
    segments = [
        Segment(number, files, chunks, None if deleted is None else deleted[0])
        for number, files, chunks, deleted in manifest["segments"]
    ]
    try:
        since = os.stat(tree_path(folder, manifest["generation"])).st_mtime_ns
    except OSError:
        since = 0
    return State(manifest["generation"], since, options, segments)


def load_whole(folder: bytes) -> State:
    """The last commit; no files and no segments when there is none, it is damaged or of another version: then all is
    built anew, with the options that can still be read."""
    state = State()
    try:
        state = load(folder)
        for segment in state.segments:
            engine.store_directory(segment_path(folder, segment.id), b"segment")
        tree = tree_path(folder, state.generation)
        if not engine.store_verify(tree, b"tree"):
            raise engine.DamagedError
        state.tree = load_tree(tree)
    except (OSError, engine.DamagedError, engine.VersionError, TypeError, ValueError, KeyError):
        return State(state.generation, 0, state.options)
    return state


def load_tree(path: bytes) -> dict[bytes, Entry]:
    """The entries of a tree file by path. Raises DamagedError, and what reading a file raises."""
    arrays = engine.store_directory(path, b"tree")["arrays"]
    with open(path, "rb") as file:
        data = file.read()
    paths = array_of(data, arrays, "paths")
    tree = {}
    name = b""
    at = 0
    for size, mtime, content, shared, own, kind, why in TREE.iter_unpack(array_of(data, arrays, "entries")):
        if shared > len(name) or at + own > len(paths):
            raise engine.DamagedError
        name = name[:shared] + paths[at : at + own]
        at += own
        tree[name] = Entry(size, mtime, content, kind, why)
    if at != len(paths):
        raise engine.DamagedError
    return tree


# --------------------------------------------------------------------------------------------------- the next commit


def opened(folder: bytes, number: int) -> Segment:
    """A segment that was just written."""
    arrays = engine.store_directory(segment_path(folder, number), b"segment")["arrays"]
    return Segment(number, arrays["files"][3], arrays["chunks"][3])


def delete(folder: bytes, segments: list[Segment], gone: Iterable[bytes]) -> list[Segment]:
    """The segments with the bits of the files `gone` set; those of which nothing is left fall away."""
    paths = sorted(gone)
    if not paths:
        return list(segments)
    result = []
    for segment in segments:
        numbers = engine.find_files(segment_path(folder, segment.id), paths)
        if not numbers:
            result.append(segment)
            continue
        bits = bytearray(segment.deleted or bytes((segment.n_files + 7) // 8))
        for number in numbers:
            bits[number >> 3] |= 1 << (number & 7)
        changed = Segment(segment.id, segment.n_files, segment.n_chunks, bytes(bits))
        if changed.n_deleted < segment.n_files:
            result.append(changed)
    return result


def add(draft: Draft, segments: list[Segment], spills: list[int]) -> list[Segment]:
    """The segments and what was just written, durable, and merged as far as `settle` says."""
    added = [opened(draft.folder, number) for number in spills]
    if len(added) == 1:
        sync(segment_path(draft.folder, added[0].id))
    while len(added) > 1:
        groups = [added[i : i + MERGE_INPUTS] for i in range(0, len(added), MERGE_INPUTS)]
        added = [merge(draft, group) if len(group) > 1 else group[0] for group in groups]
    return settle(draft, [*segments, *added])


def merge(draft: Draft, segments: list[Segment]) -> Segment:
    number = draft.new_segment()
    inputs = [(segment_path(draft.folder, segment.id), segment.deleted) for segment in segments]
    engine.merge(inputs, segment_path(draft.folder, number), number, partial(side_by_side, draft.threads))
    return opened(draft.folder, number)


def side_by_side(threads: int, function: Callable[[int], Any], arguments: range) -> Iterator[Any]:
    """As `map`, in several threads, and never far ahead of whoever takes what they make."""
    if threads == 1 or len(arguments) == 1:
        yield from map(function, arguments)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        made: deque[Future[Any]] = deque()
        for argument in arguments:
            made.append(pool.submit(function, argument))
            if len(made) > 2 * threads:
                yield made.popleft().result()
        while made:
            yield made.popleft().result()


def settle(draft: Draft, segments: list[Segment]) -> list[Segment]:
    """Merges the small ones, so that their number grows with the logarithm of the index and each chunk is written a
    logarithmic number of times; and what is mostly deleted is written anew."""
    by_size = sorted(segments, key=lambda segment: (-_weight(segment), segment.id))
    first = len(by_size)  # by_size[first:] are merged
    total = 0
    for i in reversed(range(len(by_size))):
        if total and _weight(by_size[i]) < MERGE_RATIO * total:
            first = i
        total += _weight(by_size[i])
    rewritten = [segment for segment in by_size[:first] if segment.n_deleted * 2 > segment.n_files]
    kept = [segment for segment in by_size[:first] if segment not in rewritten]
    if first < len(by_size) or rewritten:
        kept.append(merge(draft, [*rewritten, *by_size[first:]]))
    return kept


def _weight(segment: Segment) -> int:
    return segment.n_chunks + segment.n_files


def sync(path: bytes) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _shared(a: bytes, b: bytes) -> int:
    """How many bytes at their beginnings are the same: as numbers, which is three times as fast as byte by byte."""
    n = min(len(a), len(b))
    return n - ((int.from_bytes(a[:n]) ^ int.from_bytes(b[:n])).bit_length() + 7) // 8


def tree_arrays(tree: dict[bytes, Entry]) -> list[tuple[bytes, bytes, int, bytes]]:
    """The arrays of a tree file, of entries that ascend by path; the inverse of `load_tree`."""
    entries = bytearray()
    paths = bytearray()
    before = b""
    for path, entry in tree.items():
        shared = _shared(before, path)
        entries += TREE.pack(
            entry.size, entry.mtime_ns, entry.content, shared, len(path) - shared, entry.kind, entry.why
        )
        paths += path[shared:]
        before = path
    return [(b"entries", b"tree", TREE.size, bytes(entries)), (b"paths", b"|u1", 1, bytes(paths))]


def totals(folder: bytes, segments: list[Segment], check: bool = True) -> tuple[Totals, list[bytes]]:
    """What the segments hold, and the bitmap of deleted chunks of each. `check`: each is verified whole."""
    files = chunks = length = size = 0
    depth = 1 << 20
    bitmaps = []
    for segment in segments:
        path = segment_path(folder, segment.id)
        n_files, n_chunks, n_length, shallow, gone = engine.live(path, segment.deleted, check)
        files, chunks, length, depth = files + n_files, chunks + n_chunks, length + n_length, min(depth, shallow)
        size += os.stat(path).st_size
        bitmaps.append(gone)
    return Totals(files, chunks, length, depth if files else 0, size), bitmaps


def commit(
    draft: Draft,
    root: bytes,
    segments: list[Segment],
    write_tree: Callable[[bytes], None],
    options: dict[str, Any],
    since: int,
    check: bool = True,
) -> Totals:
    """Makes the draft the index: `write_tree` writes its tree to a path, `since` is when it began to look (see
    `file_clock`). What it no longer names is removed."""
    folder, generation = draft.folder, draft.generation
    tree_file = tree_path(folder, generation)
    new = os.path.join(folder, b"manifest.new")
    draft.written += [tree_file, new]
    for path in (tree_file, new):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    write_tree(tree_file)
    os.utime(tree_file, ns=(since, since))
    found, bitmaps = totals(folder, segments, check)
    deleted = bytearray()
    records = bytearray()
    for segment, gone in zip(segments, bitmaps, strict=True):
        offset = _NOT_DELETED
        if segment.deleted is not None:
            offset = len(deleted)
            deleted += segment.deleted + gone
        records += _SEGMENT.pack(segment.id, segment.n_files, segment.n_chunks, offset, 0)
    engine.write_store(
        new,
        b"manifest",
        generation,
        [
            (b"segments", b"segment", _SEGMENT.size, bytes(records)),
            (b"deleted", b"|u1", 1, bytes(deleted)),
            (b"stats", b"<u8", 8, _STATS.pack(found.chunks, found.length, found.files, found.depth)),
            (b"root", b"|u1", 1, root),
            (b"options", b"|u1", 1, json.dumps(options, sort_keys=True).encode()),
        ],
    )
    os.replace(new, os.path.join(folder, b"manifest"))
    sync(folder)
    # From here on the new index is the index: nothing that fails now may take it back.
    draft.written.clear()
    remove_strays(folder, generation, segments)
    return found


def remove_strays(folder: bytes, generation: int, segments: list[Segment]) -> None:
    """Files of greppy's that the commit does not name: left by a writer that was killed, or replaced by this one."""
    named = {segment_path(folder, segment.id) for segment in segments} | {tree_path(folder, generation)}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = entry.name.endswith((b".seg", b".tree")) or entry.name == b"manifest.new"
            if ours and entry.path not in named:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
