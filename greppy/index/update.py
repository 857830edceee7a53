"""An update from what a watcher saw: which files and folders may have changed, without a walk of the project.

It decides as a walk (`walk.py`) would, and what it cannot decide from a few folders it leaves to one (`NeedsWalk`):
rule files, what git tracks, repositories inside the project, more changes than a walk would cost. The tree is read and
written natively, so that the cost is that of the changes and of one pass over the tree file.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greppy._core import engine
from greppy.index import commit as commits
from greppy.index import walk as walking
from greppy.index.commit import TREE_FILE, TREE_FOLDER, TREE_OUTSIDE, Draft, Entry, writer_lock
from greppy.index.indexing import Work, cores, index_files, size_of, unless_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MANY = 5000  # changed files or unknown names above which a walk is cheaper
REMEMBERED = 20_000  # names that do not count
RULES = frozenset((b".git", b".gitignore", b".greppyignore", b".gitattributes", b".gitmodules"))


class NeedsWalk(Exception):
    """What changed cannot be told from a few folders; `build_index` can."""


@dataclass
class Update:
    """What an update did. Paths are relative to the root."""

    generation: int
    committed: bool = False
    changed: list[bytes] = field(default_factory=list)  # files read because they were new or other than before
    removed: list[bytes] = field(default_factory=list)
    racy: set[bytes] = field(default_factory=set)  # so young that their times prove nothing: to be looked at again


def update_index(
    root: bytes,
    files: Iterable[bytes],
    folders: Iterable[bytes],
    came: Iterable[bytes] = (),
    outside: Iterable[bytes] = (),
    *,
    on_folder: Callable[[bytes], object] | None = None,
    ignored: set[tuple[bytes, int]] | None = None,
    wait: float = commits.LOCK_WAIT,
    since: int | None = None,
) -> Update:
    """Brings the index of the project at `root`, a real path, up to date with regard to `files`, which may have another
    content, and `folders`, in which something may have come or gone; all relative to the root. `came` are folders that
    were created or moved here: what the index has of a folder of that name is of another one. `outside` are absolute
    paths that the last walk noted and whose change does not matter (`walk.tracked_ignored`).

    Files are compared by content, whatever size and time say. `on_folder` is called with each new folder before it is
    listed. `ignored` remembers, from call to call until a walk, what does not count (path and type as in `st_mode`).
    Another writer is waited for `wait` seconds. `since` (`commit.file_clock`): all that changed before it is named here
    or was in an earlier call; None: before this call. Raises NeedsWalk, and what `build_index` raises.
    """
    folder = commits.index_folder(root)
    since = commits.file_clock() if since is None else since
    try:
        with writer_lock(folder, wait):
            update = _Update(root, folder, on_folder, set() if ignored is None else ignored, since)
            return update.run(set(files), set(folders), set(came), outside)
    except (engine.DamagedError, engine.VersionError):
        raise NeedsWalk("the index has to be built anew") from None
    except OSError as error:
        raise commits.IndexingError(commits.explain(error, folder)) from error
    except MemoryError as error:
        raise commits.IndexingError("not enough memory to update the index; the old one is as it was") from error


class _Update:
    def __init__(
        self,
        root: bytes,
        folder: bytes,
        on_folder: Callable[[bytes], object] | None,
        ignored: set[tuple[bytes, int]],
        since: int,
    ) -> None:
        self._root = root
        self._folder = folder
        self._on_folder = on_folder
        self._ignored = ignored
        try:
            self._state = commits.load(folder)
        except (OSError, TypeError, ValueError):
            raise NeedsWalk("there is no index") from None
        self._tree_file = commits.tree_path(folder, self._state.generation)
        self._secrets = bool(self._state.options.get("include_secrets"))
        self._since = since
        self._changes: dict[bytes, Entry | None] = {}  # of the tree
        self._removed: list[bytes] = []

    def run(self, files: set[bytes], folders: set[bytes], came: set[bytes], outside: Iterable[bytes]) -> Update:
        if len(self._ignored) > REMEMBERED:
            self._ignored.clear()
        if len(files) > MANY or len(folders) > MANY:
            raise NeedsWalk("very much has changed")
        for path in files:
            self._refuse_rules(path.rpartition(b"/")[2])
        known = self._known(folders | {path.rpartition(b"/")[0] for path in files})
        new = self._list(sorted(folders), known, came)
        counted = self._admit(new)
        still = {path for path in files & known.keys() if self._changes.get(path, known[path]) is not None}
        pending = self._look(sorted(still | counted), known)
        self._changes.update((path, Entry(*walking.outside_now(path), 0, TREE_OUTSIDE)) for path in outside)
        return self._commit(pending)

    def _refuse_rules(self, name: bytes) -> None:
        if name in RULES:
            raise NeedsWalk(f"{os.fsdecode(name)} decides what counts")

    def _known(self, folders: set[bytes]) -> dict[bytes, Entry]:
        """What the tree has of the folders and directly in them."""
        found = engine.tree_entries(self._tree_file, sorted(folders))
        return {path: Entry(*entry) for path, *entry in found}

    # ------------------------------------------------------------------------------------------------------- folders

    def _list(
        self, folders: list[bytes], known: dict[bytes, Entry], came: set[bytes]
    ) -> list[tuple[bytes, int]]:
        """Lists the folders again; what is new in them, each with its mode. What has gone is noted as removed."""
        children: dict[bytes, list[bytes]] = {folder: [] for folder in folders}
        for path in known:
            parent = path.rpartition(b"/")[0]
            if path and parent in children:
                children[parent].append(path)
        new: list[tuple[bytes, int]] = []
        for folder in folders:
            old = known.get(folder)
            if old is None or old.kind != TREE_FOLDER or self._changes.get(folder, old) is None:
                continue  # ignored, or gone, or new: then the folder above tells
            if self._on_folder is not None:
                self._on_folder(folder)  # one that could not be read is not watched yet
            listed = self._scan(folder)
            if listed is None:
                if not folder:
                    raise NeedsWalk("the project's folder is gone")
                self._drop_folder(folder)
                continue
            if self._changes[folder] == old:
                del self._changes[folder]
            for path in children[folder]:
                mode = listed.pop(path, 0)
                entry = known[path]
                if entry.kind == TREE_FOLDER:
                    if not stat.S_ISDIR(mode) or path in came:
                        self._drop_folder(path)
                        if mode:
                            new.append((path, mode))
                elif not mode or stat.S_ISDIR(mode):
                    self._drop_file(path, entry)
                    if mode:
                        new.append((path, mode))
            new += listed.items()
        return new

    def _scan(self, folder: bytes) -> dict[bytes, int] | None:
        """path -> mode (its type only) of what is in a folder; None when it is none. The tree gets the time it had
        before it was listed."""
        path = os.path.join(self._root, folder) if folder else self._root
        try:
            before = os.lstat(path)
            if not stat.S_ISDIR(before.st_mode):
                return None
            with os.scandir(path) as entries:
                prefix = folder + b"/" if folder else b""
                listed = {prefix + entry.name: _mode(entry) for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise NeedsWalk(f"{os.fsdecode(path)}: {error.strerror}") from None
        if folder and prefix + b".git" in listed:
            raise NeedsWalk(f"{os.fsdecode(path)} is a repository of its own")
        racy = time.time_ns() - before.st_mtime_ns < engine.RACY_NS
        self._changes[folder] = Entry(0, 0 if racy else before.st_mtime_ns, 0, TREE_FOLDER)
        listed.pop(prefix + b".git", None)
        return listed

    def _drop_file(self, path: bytes, entry: Entry) -> None:
        self._refuse_rules(path.rpartition(b"/")[2])
        self._changes[path] = None
        if entry.kind == TREE_FILE:
            self._removed.append(path)

    def _drop_folder(self, folder: bytes) -> None:
        self._changes[folder] = None
        for path, *entry in engine.tree_entries(self._tree_file, (), [folder]):
            if path.startswith(folder + b"/"):
                self._drop_file(path, Entry(*entry))

    # ----------------------------------------------------------------------------------------------------- new names

    def _admit(self, new: list[tuple[bytes, int]]) -> set[bytes]:
        """Which of the new names are files of the project; new folders are entered, level by level."""
        files: set[bytes] = set()
        if not new:
            return files
        outside = engine.tree_paths(self._tree_file, TREE_OUTSIDE)
        rules = walking.Admission(self._root, walking.by_git(outside))
        n_seen = 0
        while new:
            n_seen += len(new)
            if n_seen > MANY:
                raise NeedsWalk("very much is new")
            asked = [(path, mode) for path, mode in new if (path, mode) not in self._ignored]
            counted = rules.admit(asked) if asked else set()
            if counted is None:
                raise NeedsWalk("git cannot tell what counts")
            self._ignored |= {(path, mode) for path, mode in asked if path not in counted}
            new = []
            for path, mode in asked:
                if path not in counted:
                    continue
                if not stat.S_ISDIR(mode):
                    if self._secrets or not engine.secret_name(path.rpartition(b"/")[2]):
                        files.add(path)
                    continue
                if self._on_folder is not None:
                    self._on_folder(path)
                inside = self._scan(path) or {}
                for name in inside:
                    self._refuse_rules(name.rpartition(b"/")[2])
                new += inside.items()
        return files

    # --------------------------------------------------------------------------------------------------------- files

    def _look(self, paths: list[bytes], known: dict[bytes, Entry]) -> list[bytes]:
        """The files that have to be read, by their content."""
        pending = []
        for path in paths:
            old = known.get(path)
            if path in self._changes and self._changes[path] is None:
                old = None  # it was something else before
            if old is not None and old.kind == TREE_FOLDER:
                continue
            full = os.path.join(self._root, path)
            try:
                now = os.lstat(full)
            except (FileNotFoundError, NotADirectoryError):
                if old is not None:
                    self._drop_file(path, old)
                continue
            except OSError as error:
                raise NeedsWalk(f"{os.fsdecode(full)}: {error.strerror}") from None
            if stat.S_ISDIR(now.st_mode):
                raise NeedsWalk(f"{os.fsdecode(full)} has become a folder")
            if now.st_nlink > 1 and stat.S_ISREG(now.st_mode):
                raise NeedsWalk(f"{os.fsdecode(full)} has other names, under which it has changed as well")
            if old is not None and old.kind == TREE_FILE and old.size == now.st_size and stat.S_ISREG(now.st_mode):
                touched = unless_changed(full, old, now)
                if touched is not None:
                    if touched != old:
                        self._changes[path] = touched
                    continue
            pending.append(path)
        return pending

    # -------------------------------------------------------------------------------------------------------- commit

    def _young(self, path: bytes) -> bool:
        """Whether its time will soon prove something; one in the future never does."""
        try:
            return abs(time.time_ns() - os.lstat(os.path.join(self._root, path)).st_mtime_ns) < 2 * 10**9
        except OSError:
            return False

    def _refuse_nested(self, paths: list[bytes]) -> None:
        """Attributes of files in repositories inside the project are those of these repositories."""
        folders = {path.rpartition(b"/")[0] for path in paths}
        while folders:
            for folder in folders - {b""}:
                if os.path.lexists(os.path.join(self._root, folder, b".git")):
                    raise NeedsWalk(f"{os.fsdecode(folder)} is a repository of its own")
            folders = {folder.rpartition(b"/")[0] for folder in folders if folder}

    def _commit(self, pending: list[bytes]) -> Update:
        state, options = self._state, self._state.options
        update = Update(state.generation, changed=pending, removed=sorted(set(self._removed) - set(pending)))
        draft = Draft(self._folder, state.generation + 1)
        sizes = {path: size_of(self._root, path) for path in pending}
        flags: dict[bytes, int] | None = {}
        if options.get("attributes") and pending:
            self._refuse_nested(pending)
            flags = walking.linguist_flags(self._root, pending)
        if flags is None:
            raise NeedsWalk("git cannot tell what is generated")
        work = Work(self._root, draft, int(options.get("max_filesize", 0)), self._secrets, flags, sizes)
        try:
            spills = index_files(work, cores())
            changes = {**self._changes, **dict.fromkeys(pending), **work.entries}
            undated = [path for path, entry in changes.items() if entry is not None and not entry.mtime_ns]
            update.racy = set(filter(self._young, undated))
            if not changes and not spills:
                return update
            segments = commits.delete(self._folder, state.segments, {*self._removed, *pending})
            segments = commits.add(draft, segments, spills)

            def write_tree(path: bytes) -> None:
                engine.patch_tree(self._tree_file, path, draft.generation, changes)

            commits.commit(draft, self._root, segments, write_tree, options, self._since, check=False)
        except BaseException:
            draft.discard()
            raise
        update.generation, update.committed = draft.generation, True
        return update


def _mode(entry: os.DirEntry[bytes]) -> int:
    if entry.is_symlink():
        return stat.S_IFLNK
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG
    return stat.S_IFIFO  # or a socket, or a device: nothing that is ever read
