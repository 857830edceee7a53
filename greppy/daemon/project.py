"""A project under watch: what was seen of it, when that is committed, and who may trust its index.

States: `starting` until its folders are watched and its index is up to date; `watched`: the lock on the file `watch`
of its index tells every search that the index may be trusted once the daemon has caught up (see `sync`); `polled`: it
cannot be watched, so that searches compare the files themselves, and so does the daemon now and then; `gone`: its
folder is not there, and waited for; `failing`: its index cannot be written, which is tried again; `ended`: it is no
longer asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from greppy._core import engine
from greppy.daemon import places
from greppy.daemon.journal import Journal
from greppy.daemon.outside import Outside
from greppy.daemon.places import socket_path, version
from greppy.daemon.watcher import Seen, UnwatchableError, Watcher
from greppy.index import commit as commits
from greppy.index import walk as walking
from greppy.index.commit import TREE_FOLDER, TREE_OUTSIDE, BusyError, IndexingError
from greppy.index.update import NeedsWalk, Update, update_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from greppy.daemon.protocol import Search

STARTING, WATCHED, POLLED, GONE, FAILING = "starting", "watched", "polled", "gone", "failing"
ENDED = "ended"
QUIET = 0.025  # seconds without a change after which changes are committed
GATHER = 0.1  # seconds that changes gather at most
SPACING = 0.5  # seconds between commits while changes keep coming; whoever searches does not wait for it
POLL = 10.0  # seconds between two looks at a project that cannot be watched
POLLS = 60  # looks after which it is tried again to watch it
RETRY = 2.0  # seconds between two tries when a folder is gone or an index cannot be written
BUSY = 0.05  # seconds between two tries to be the writer
EVENT_BYTES = 1 << 26  # of a line of the indexer: its summary has all warnings
SETTLE = 1.0  # seconds after which what was too young to prove anything is looked at again

Commit = tuple[int, int, int, int]
Found = tuple[list[bytes], int]  # JSON of each hit, generation of the index

log = logging.getLogger("greppy")


def program() -> list[str]:
    """How another greppy of this version is started."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-I", "-m", "greppy"]


class Project:
    """One project. All methods but those that say so belong to the event loop's thread."""

    def __init__(self, root: bytes, executor: Executor) -> None:
        self.root = root
        self.folder = commits.index_folder(root)
        self._manifest = os.path.join(self.folder, b"manifest")
        self.state = STARTING
        self.why = ""  # of a state that is not `watched`
        self.commits = 0
        self.search_seconds = 0.0  # that searches took lately, on average
        self.updated = 0.0  # time of the last commit, seconds since 1970
        self.subscribers: set[Callable[[dict[str, Any]], None]] = set()
        self._executor = executor
        self._watcher: Watcher | None = None
        self._lock_fd = -1
        self._pending = Seen()
        self._seen = 0  # counts what happened; `_done` is how much of it is committed
        self._done = 0
        self._hurry = False
        self._first_seen = self._last_seen = 0.0
        self._drained = 0  # all that had happened before it (`commit.file_clock`) was seen
        self._last_commit = -SPACING
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()
        self._progress: list[Callable[[int, int], None]] = []
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._ignored: set[tuple[bytes, int]] = set()
        self._outside = Outside()
        self._identity = (0, 0)  # of the root
        self._journal = Journal(self.folder)
        self._indexing = asyncio.Lock()
        self.ended = asyncio.Event()
        self._tracked: bytes | None = None  # what of git's index counted at the last walk; None: a change takes a walk
        self._racy: set[bytes] = set()
        self._reader: engine.Reader | None = None
        self._reader_key: Commit = (0, 0, 0, 0)
        self._options: list[str] = []  # flags of the next walk
        self._walked: dict[str, Any] = {}  # the summary of the last walk
        self._task: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------------------------------------------- life

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"project {os.fsdecode(self.root)}")

    async def stop(self) -> None:
        """Commits what was seen, unless that takes long, and lets go."""
        if self.state == WATCHED:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.sync(), 5)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._become(ENDED, "it is no longer watched")
        self._fail_waiters(self.why)
        self.ended.set()
        self._let_go()
        self._close_reader()

    async def _run(self) -> None:
        while True:
            try:
                if not await asyncio.get_running_loop().run_in_executor(None, os.path.isdir, self.root):
                    self._become(GONE, "the folder is not there")
                    await asyncio.sleep(RETRY)
                    continue
                try:
                    await self._begin()
                    self._become(WATCHED)
                    await self._watch()
                except UnwatchableError as error:
                    self._become(POLLED, f"{error}; until then every search compares the files")
                    self._fail_waiters(str(error))
                    await self._poll()
            except (IndexingError, OSError, engine.DamagedError, engine.VersionError) as error:
                await self._fail(str(error), str(error))
            except Exception as error:
                log.exception("%s: an error of greppy's own", places.shown(self.root))
                await self._fail(f"{type(error).__name__}: {error}", "an error of greppy's own; the log has it")

    async def _fail(self, why: str, told: str) -> None:
        """Nobody may trust the index until the next try; whoever waits for it is told."""
        self._become(FAILING, why)
        self._fail_waiters(told)
        self._let_go()
        await asyncio.sleep(RETRY)

    def _become(self, state: str, why: str = "") -> None:
        if state == WATCHED:
            self._take_lock()
        else:
            self._release_lock()
        if (state, why) != (self.state, self.why):
            level = logging.INFO if state in (WATCHED, ENDED) else logging.WARNING
            log.log(level, "%s: %s%s", places.shown(self.root), state, f": {why}" if why else "")
        self.state, self.why = state, why

    def _let_go(self) -> None:
        self._release_lock()
        if self._watcher is not None:
            with contextlib.suppress(OSError, ValueError):
                asyncio.get_running_loop().remove_reader(self._watcher.fd)
            self._watcher.close()
            self._watcher = None

    def _take_lock(self) -> None:
        """From here on searches trust the index. They test the lock by taking it shared for a moment, so that one that
        does just now is waited for."""
        path = os.path.join(self.folder, b"watch")
        if self._lock_fd >= 0 and commits.is_at(self._lock_fd, path):
            return
        self._release_lock()
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if places.lock_at_once(fd):
                text = os.fsencode(socket_path()) + b"\0" + version().encode() + b"\0"
                os.ftruncate(fd, os.pwrite(fd, text, 0))
                self._lock_fd = fd
                return
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        raise UnwatchableError(f"another daemon watches {places.shown(self.root)}")

    def _release_lock(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    # ------------------------------------------------------------------------------------------------- seeing

    async def _begin(self) -> None:
        """Watches every folder that counts and brings the index up to date: walks until no folder is new."""
        self._let_go()
        self._close_reader()  # it reads files below the folder that it was opened with
        journal = self._journal.read()
        self._pending = Seen()
        status = os.stat(self.root)
        self._identity = status.st_dev, status.st_ino
        self._watcher = Watcher(self.root)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, engine.DamagedError, engine.VersionError):
            await loop.run_in_executor(self._executor, self._watch_folders)
        await self._walk()
        loop.add_reader(self._watcher.fd, self.drain)
        if journal:
            self._note(journal)
        self.drain()
        await self._commit()

    def _watch_folders(self) -> bool:
        """Watches the folders of the tree, and what decides from outside; whether one is new. In any thread."""
        watcher = self._watcher
        assert watcher is not None
        tree = commits.tree_path(self.folder, commits.load(self.folder).generation)
        new = [watcher.add(folder) for folder in engine.tree_paths(tree, TREE_FOLDER)]
        below = self.root.rstrip(b"/") + b"/"
        outside = [
            path
            for path in engine.tree_paths(tree, TREE_OUTSIDE)
            if not path.startswith(below) or os.path.dirname(path)[len(below) :] not in watcher
        ]
        return self._outside.look_at(outside) or any(new)

    async def _walk(self) -> None:
        """Has the whole project compared, in a process of its own: it takes memory and time that serving needs."""
        loop = asyncio.get_running_loop()
        self._ignored.clear()
        options, self._options = self._options, []
        before = None
        for _ in range(5):
            self._outside.changed()
            before = self._outside.now()
            self._walked = await self._run_indexer(options)
            options = [option for option in options if option != "--force"]
            if self._watcher is None or not await loop.run_in_executor(self._executor, self._watch_folders):
                break
        tracked = await loop.run_in_executor(self._executor, walking.tracked_ignored, self.root)
        # Of any other index than the one that was walked with it says nothing.
        changed = self._outside.changed()
        self._tracked = tracked if self._outside.now() == before else None
        if changed:
            self._note(Seen(outside=changed))

    async def _run_indexer(self, options: list[str]) -> dict[str, Any]:
        command = [*program(), "index", "--events", "--project", os.fsdecode(self.root), *options]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "GREPPY_NO_DAEMON": "1"},
            limit=EVENT_BYTES,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.ensure_future(process.stderr.read())
        summary: dict[str, Any] = {}
        try:
            async for line in process.stdout:
                event = json.loads(line)
                if "done" not in event:
                    summary = event
                    continue
                for report in self._progress:
                    report(event["done"], event["total"])
            text = (await errors).decode(errors="replace").strip()
            if await process.wait() != 0 or not summary:
                raise IndexingError(text.removeprefix("greppy: ") or "the indexer ended without a word")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if summary["committed"]:
            self._publish(summary["generation"], None, None)
        return summary

    def drain(self) -> None:
        """Takes note of everything that had happened before this call."""
        if self._watcher is None:
            return
        self._drained = commits.file_clock()
        seen = self._watcher.read()
        seen.outside = self._outside.changed()
        try:
            status = os.stat(self.root)
            seen.gone |= (status.st_dev, status.st_ino) != self._identity  # a folder above it was moved
        except OSError:
            seen.gone = True
        if seen:
            self._note(seen)

    def _note(self, seen: Seen) -> None:
        now = time.monotonic()
        if not self._pending:
            self._first_seen = now
        self._last_seen = now
        self._seen += 1
        self._pending.add(seen)
        self._journal.add(seen)
        self._wake.set()

    # ---------------------------------------------------------------------------------------------- committing

    async def _watch(self) -> None:
        """Commits what is seen, until the folder goes."""
        while True:
            await self._wait_for_changes()
            if self._pending.gone:
                self._let_go()
                self._fail_waiters("the project's folder is gone")
                return
            if self._pending.lost:
                log.warning("%s: more happened than the kernel keeps; watching anew", places.shown(self.root))
                await self._begin()
                self._become(WATCHED)
                continue
            await self._commit()

    async def _wait_for_changes(self) -> None:
        """Until there is something to commit, and until it is time to."""
        while True:
            self._wake.clear()
            now = time.monotonic()
            if self._pending:
                due = min(self._last_seen + QUIET, self._first_seen + GATHER)
                due = max(due, self._last_commit + SPACING)
                if self._hurry or now >= due:
                    self._hurry = False
                    return
                timeout = due - now
            elif self._racy:
                timeout = self._last_commit + SETTLE - now
                if timeout <= 0:
                    self.drain()
                    self._note(Seen(files=self._racy, folders=set(self._racy)))
                    self._racy = set()
                    continue
            else:
                timeout = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout)

    async def _commit(self) -> None:
        """Everything seen up to now goes into the index."""
        covers = self._seen
        seen, self._pending = self._pending, Seen()
        if seen:
            try:
                await self._bring(seen)
            except BaseException:
                seen.add(self._pending)
                self._pending = seen
                raise
        self._done = covers
        self._last_commit = time.monotonic()
        if self.state == WATCHED:
            self._take_lock()  # `forget` removes the file, and a walk builds the index again
        self._journal.restart(self._pending)
        waiting, self._waiters = self._waiters, []
        for target, future in waiting:
            if future.done():
                continue
            if target <= self._done:
                future.set_result(None)
            else:
                self._waiters.append((target, future))
                self._hurry = True

    async def _bring(self, seen: Seen) -> None:
        if seen.walk or self._options:
            if seen.walk:
                log.info("%s: walking it: %s", places.shown(self.root), seen.walk)
            await self._walk()
            return
        watcher = self._watcher
        assert watcher is not None
        loop = asyncio.get_running_loop()
        since = self._drained

        def update() -> Update:
            self._refuse_outside(seen.outside)
            return update_index(
                self.root,
                seen.files,
                seen.folders,
                seen.came,
                seen.outside,
                on_folder=watcher.add,
                ignored=self._ignored,
                wait=0,
                since=since,
            )

        try:
            while True:
                try:
                    done = await loop.run_in_executor(self._executor, update)
                    break
                except BusyError:
                    await asyncio.sleep(BUSY)  # somebody else writes it: no thread is kept waiting for that
        except NeedsWalk as reason:
            log.info("%s: walking it: %s", places.shown(self.root), reason)
            await self._walk()
            return
        self._racy |= done.racy
        if done.committed:
            self._publish(done.generation, done.changed, done.removed)

    def _refuse_outside(self, paths: set[bytes]) -> None:
        """Raises NeedsWalk when the change of one of these may mean that other files count. In any thread."""
        for path in paths:
            if self._tracked is None or path not in walking.git_index(self.root):
                raise NeedsWalk(f"{os.fsdecode(path)} decides what counts")
        if paths and walking.tracked_ignored(self.root) != self._tracked:
            raise NeedsWalk("git tracks other files")

    def _publish(self, generation: int, changed: list[bytes] | None, removed: list[bytes] | None) -> None:
        """Counts a commit and tells subscribers; None: which files, only a comparison tells."""
        self.commits += 1
        self.updated = time.time()
        event = {"generation": generation, "changed": changed, "removed": removed}
        for tell in list(self.subscribers):
            tell(event)

    # ----------------------------------------------------------------------------------------------- answering

    def caught_up(self) -> bool:
        """Whether the index holds everything that had happened before this call."""
        if self.state != WATCHED:
            return False
        self.drain()
        return not self._pending and self._done == self._seen

    async def sync(self) -> None:
        """Until the index holds everything that had happened before this call. Raises IndexingError when nothing can
        promise that."""
        if self.state == STARTING:
            raise IndexingError("the project is still being read for the first time")
        if self.state == POLLED:
            await self._look()
            return
        if self.state != WATCHED:
            raise IndexingError(self.why)
        if not self.caught_up():
            await self._committed()

    async def _committed(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._seen, future))
        self._hurry = True
        self._wake.set()
        await future

    def _fail_waiters(self, why: str) -> None:
        waiting, self._waiters = self._waiters, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(IndexingError(why))

    async def _poll(self) -> None:
        """Looks now and then, until the folder goes or it is time to try and watch it again."""
        self._let_go()
        for _ in range(POLLS):
            await self._look()
            await asyncio.sleep(POLL)
            if not os.path.isdir(self.root):
                return

    async def _look(self, options: list[str] | None = None) -> None:
        """Compares every file, as a search without a daemon does."""
        async with self._looking:
            self._options = options or []
            with contextlib.suppress(OSError, engine.DamagedError, engine.VersionError, ValueError):
                fresh = self.reader().fresh
                if not self._options and await asyncio.get_running_loop().run_in_executor(self._executor, fresh):
                    return
            await self._walk()

    async def index(self, options: list[str], progress: Callable[[int, int], None]) -> dict[str, Any]:
        """What `greppy index` with these flags does; its summary."""
        async with self._indexing:  # one after the other: each has flags of its own
            return await self._index(options, progress)

    async def _index(self, options: list[str], progress: Callable[[int, int], None]) -> dict[str, Any]:
        self._progress.append(progress)
        try:
            if self.state == POLLED:
                await self._look(options)
            elif self.state == WATCHED:
                self.drain()
                self._options = options
                self._note(Seen(walk="somebody asked for it"))
                await self._committed()
            else:
                raise IndexingError(self.why or "the project is still being read for the first time")
            return self._walked
        finally:
            self._progress.remove(progress)

    def reader(self) -> engine.Reader:
        """The index as the last commit left it. Raises what opening one raises."""
        key = self.commit_key()
        if self._reader is None or key != self._reader_key:
            self._close_reader()
            self._reader, self._reader_key = engine.Reader(self.folder), key
        return self._reader

    def commit_key(self) -> Commit:
        """What tells this commit from all others: each has a manifest of its own; and that it is about this folder.
        Raises OSError."""
        status = os.stat(self._manifest)
        return status.st_ino, status.st_mtime_ns, *self._identity

    def _close_reader(self) -> None:
        self._reader = None  # it closes when no search has it any more

    def timed(self, search: Callable[[engine.Reader, Search], Found], reader: engine.Reader, asked: Search) -> Found:
        """A search, whose time counts for the average. In any thread."""
        began = time.perf_counter()
        found = search(reader, asked)
        self.search_seconds += (time.perf_counter() - began - self.search_seconds) / 16
        return found

    def release_memory(self) -> None:
        """The pages of the index that searches have touched no longer count as this process's."""
        self._close_reader()

    def report(self) -> dict[str, Any]:
        generation = 0
        with contextlib.suppress(Exception):
            generation = self.reader().generation
        return {
            "root": places.shown(self.root),
            "state": self.state,
            "why": self.why,
            "generation": generation,
            "updated": self.updated,
            "commits": self.commits,
            "folders": len(self._watcher) if self._watcher is not None else 0,
            "queue": len(self._pending.files) + len(self._pending.folders) + bool(self._pending.walk),
            "subscribers": len(self.subscribers),
        }
