"""What happens in a project's folders, from inotify: one instance a project, one watch a folder that counts.

Events are queued by the kernel before the system call that caused them returns. So whoever reads the queue until it is
empty knows of everything that had been written before; that is how a search can trust an index (`read`). Writing
through a hard link elsewhere makes no event here, and through a shared map only when it is unmapped.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass, field
from threading import Lock

from greppy._core import engine

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE = 0x2, 0x4, 0x8
IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x40, 0x80, 0x100, 0x200
IN_DELETE_SELF, IN_MOVE_SELF = 0x400, 0x800
IN_UNMOUNT, IN_Q_OVERFLOW, IN_IGNORED = 0x2000, 0x4000, 0x8000
IN_ONLYDIR, IN_DONT_FOLLOW, IN_EXCL_UNLINK, IN_ISDIR = 0x1000000, 0x2000000, 0x4000000, 0x40000000
MASK = (
    IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF
    | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK
)  # fmt: skip
COME_OR_GONE = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
READ_BYTES = 1 << 18

# File systems on which other machines, or another kernel, write without this kernel's knowing.
REMOTE = frozenset(
    ("9p", "afs", "ceph", "cifs", "coda", "drvfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
     "vboxsf", "virtiofs", "vmhgfs")
)  # fmt: skip


class UnwatchableError(Exception):
    """A project cannot be watched, for a reason that one sentence tells; it has to be polled."""


@dataclass
class Seen:
    """What has happened, for `update_index`: paths relative to the root."""

    files: set[bytes] = field(default_factory=set)
    folders: set[bytes] = field(default_factory=set)
    came: set[bytes] = field(default_factory=set)
    outside: set[bytes] = field(default_factory=set)  # absolute paths of what decides which files count
    lost: bool = False  # the kernel's queue was full: nobody knows what is missing here, watches included
    walk: str = ""  # why only a walk can tell what changed
    gone: bool = False  # the project's own folder is no longer where it was

    def __bool__(self) -> bool:
        return bool(self.files or self.folders or self.outside or self.walk or self.lost or self.gone)

    def add(self, other: Seen) -> None:
        self.files |= other.files
        self.folders |= other.folders
        self.came |= other.came
        self.outside |= other.outside
        self.walk = self.walk or other.walk
        self.lost |= other.lost
        self.gone |= other.gone


class Watcher:
    """Watches of one project. `add` may be called from any thread."""

    def __init__(self, root: bytes) -> None:
        """Raises UnwatchableError."""
        kind = file_system(root)
        if kind in REMOTE or kind.startswith("fuse."):
            raise UnwatchableError(f"{os.fsdecode(root)} is on a file system ({kind}) whose changes cannot be watched")
        self.root = root
        try:
            self.fd = engine.inotify_open()
        except OSError as error:
            raise UnwatchableError(
                f"no more inotify instances ({error.strerror}); raise the limit: "
                f"sudo sysctl fs.inotify.max_user_instances={2 * _limit('max_user_instances')}"
            ) from None
        self._folders: dict[int, bytes] = {}  # watch -> folder
        self._watches: dict[bytes, int] = {}
        self._lock = Lock()  # between a new watch and its entry here no event may be read

    def __len__(self) -> int:
        return len(self._folders)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def add(self, folder: bytes) -> bool:
        """Watches a folder of the project; whether it was not watched before. Raises UnwatchableError."""
        with self._lock:
            if folder in self._watches:
                return False
            path = os.path.join(self.root, folder) if folder else self.root
            try:
                wd = engine.inotify_add(self.fd, path, MASK)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise UnwatchableError(
                        f"no more inotify watches for {os.fsdecode(self.root)}; raise the limit: "
                        f"sudo sysctl fs.inotify.max_user_watches={2 * _limit('max_user_watches')}"
                    ) from None
                if error.errno == errno.EACCES and os.access(path, os.X_OK):
                    raise UnwatchableError(
                        f"{os.fsdecode(path)} may not be read, which watching needs, but what is in it may"
                    ) from None
                return False  # nothing in it may be read; or it is gone, or a link now: the folder above has the event
            before = self._folders.get(wd)
            if before is not None and self._watches.get(before) == wd:
                del self._watches[before]  # it was moved
            self._folders[wd] = folder
            self._watches[folder] = wd
            return True

    def __contains__(self, folder: bytes) -> bool:
        return folder in self._watches

    def _forget_below(self, folder: bytes) -> None:
        prefix = folder + b"/"
        for path in [path for path in self._watches if path == folder or path.startswith(prefix)]:
            wd = self._watches.pop(path)
            if self._folders.pop(wd, None) is not None:
                engine.inotify_remove(self.fd, wd)

    def read(self) -> Seen:
        """Everything that has happened before the call and was not read yet."""
        seen = Seen()
        with self._lock:
            while self.fd >= 0:
                try:
                    data = os.read(self.fd, READ_BYTES)
                except BlockingIOError:
                    break
                for wd, mask, name in engine.inotify_events(data):
                    self._note(seen, wd, mask, name)
        return seen

    def _note(self, seen: Seen, wd: int, mask: int, name: bytes) -> None:
        if mask & IN_Q_OVERFLOW:
            seen.lost = True
            return
        folder = self._folders.get(wd)
        if folder is None:
            return
        if mask & IN_IGNORED:
            del self._folders[wd]
            if self._watches.get(folder) == wd:
                del self._watches[folder]
            return
        if mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT):
            if not folder:
                seen.gone = True
            elif mask & IN_UNMOUNT:
                seen.walk = "a file system was unmounted"
            return  # the folder above has an event as well
        if not name:
            seen.folders.add(folder)
            return
        path = folder + b"/" + name if folder else name
        if mask & COME_OR_GONE:
            seen.folders.add(folder)
        if not mask & IN_ISDIR:
            seen.files.add(path)
        elif mask & COME_OR_GONE:
            if name == b".git":
                seen.walk = f"{os.fsdecode(path)} came or went"
            self._forget_below(path)
            if mask & (IN_CREATE | IN_MOVED_TO):
                seen.came.add(path)
        else:
            seen.folders.add(path)  # it may be readable now, or no longer


def _limit(name: str) -> int:
    try:
        with open(f"/proc/sys/fs/inotify/{name}") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 65536


def file_system(path: bytes) -> str:
    """The type of the file system that a path lies on, as /proc/self/mountinfo calls it; "" when it does not tell."""
    best, kind = b"", ""
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields = line.split(b" ")
            at = fields.index(b"-")
            point = fields[4].replace(b"\\040", b" ").replace(b"\\011", b"\t").replace(b"\\134", b"\\")
            below = path == point or path.startswith(point.rstrip(b"/") + b"/")
            if below and len(point) >= len(best):
                best, kind = point, os.fsdecode(fields[at + 1])
    return kind
