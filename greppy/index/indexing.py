"""Files into segments: what a full build and an update share."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import TYPE_CHECKING

from greppy._core import engine
from greppy.index.commit import TREE_FILE, TREE_SKIPPED, Draft, Entry, segment_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEMORY = 512 << 20  # of all builders together; what the interpreter and the merge need comes on top
BATCH_BYTES = 4 << 20  # about what one call into the engine gets
SMALL_PROJECT = 3 << 20  # bytes of source below which a second thread costs more than it saves


class Work:
    """What the threads that index share, and what they found out. `sizes`: the files to be read and about how many
    bytes each has."""

    def __init__(
        self,
        root: bytes,
        draft: Draft,
        max_size: int,
        secrets: bool,
        flags: dict[bytes, int],
        sizes: dict[bytes, int],
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.root = root
        self.draft = draft
        self.max_size = max_size or 2**63
        self.secrets = secrets
        self.flags = flags
        self.sizes = sizes
        self.total = sum(sizes.values())
        self.entries: dict[bytes, Entry] = {}
        self.errors: dict[bytes, int] = {}
        self._progress = progress
        self._done = 0
        self._lock = Lock()

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
                self._progress(min(self._done, self.total), self.total)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def size_of(root: bytes, path: bytes) -> int:
    try:
        return os.lstat(os.path.join(root, path)).st_size
    except OSError:
        return 0


def unless_changed(path: bytes, old: Entry, now: os.stat_result) -> Entry | None:
    """The entry with its new time when the content is still the same; None when it is not."""
    try:
        read_at = time.time_ns()
        if engine.hash_file(path) != old.content:
            return None
    except OSError:
        return None
    mtime = now.st_mtime_ns if read_at - now.st_mtime_ns >= engine.RACY_NS else 0
    return Entry(old.size, mtime, old.content, old.kind, old.why)


def _batches(sizes: dict[bytes, int]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for path in sorted(sizes):
        batch.append(path)
        size += sizes[path] + 2048
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def index_files(work: Work, threads: int) -> list[int]:
    """Ids of the segments that hold the files; each thread takes the next batch, so its files ascend by path."""
    if not work.sizes:
        return []
    if work.total < SMALL_PROJECT:
        threads = 1
    batches = _batches(work.sizes)
    lock = Lock()
    stop = Event()
    fd = os.open(work.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def run() -> list[int]:
        spills: list[int] = []
        builder = engine.Builder()

        def spill() -> None:
            number = work.draft.new_segment()
            builder.write(segment_path(work.draft.folder, number), number)
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
