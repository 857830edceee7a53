"""The indexes on this machine: which there are, what each holds as its manifest tells, and how one is removed."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

from greppy._core import engine
from greppy.index.commit import writer_lock

SOUND, DAMAGED, OTHER_VERSION = "sound", "damaged", "other version"


@dataclass
class Entry:
    """An index folder. Of one that cannot be read, all but folder, size and state is nothing."""

    folder: bytes
    size: int  # bytes on disk
    state: str = SOUND  # as far as the manifest tells; `check` looks closer
    root: bytes | None = None
    generation: int = 0
    files: int = 0
    chunks: int = 0
    segments: int = 0
    deleted: int = 0  # files that still take room in a segment
    built: float = 0.0  # when the last commit was made, seconds since 1970

    @property
    def gone(self) -> bool:
        """Whether the project's folder is no longer there."""
        return self.root is not None and not os.path.isdir(self.root)


def base() -> bytes:
    """The folder of all indexes. Raises RuntimeError when nothing says where it is."""
    return engine.cache_folder(b"index", b"GREPPY_INDEX_DIR")


def read(folder: bytes) -> Entry | None:
    """What is in an index folder; None when there is no index."""
    manifest = os.path.join(folder, b"manifest")
    try:
        built = os.stat(manifest).st_mtime
    except OSError:
        return None
    entry = Entry(folder, size_of(folder), built=built)
    try:
        found = engine.manifest(folder)
    except FileNotFoundError:
        return None
    except engine.VersionError:
        entry.state = OTHER_VERSION
        return entry
    except engine.DamagedError:
        entry.state = DAMAGED
        return entry
    entry.root, entry.generation = found["root"], found["generation"]
    entry.files, entry.chunks, *_ = found["stats"]
    entry.segments = len(found["segments"])
    for _, _, _, bitmaps in found["segments"]:
        if bitmaps is not None:
            entry.deleted += sum(byte.bit_count() for byte in bitmaps[0])
    return entry


def entries() -> list[Entry]:
    """All indexes, by root; those whose root is not known come last. Raises OSError when the base cannot be listed."""
    try:
        with os.scandir(base()) as found:
            folders = [entry.path for entry in found if re.search(rb"-[0-9a-f]{16}\Z", entry.name) and entry.is_dir()]
    except FileNotFoundError:
        return []
    listed = [entry for entry in map(read, folders) if entry is not None]
    return sorted(listed, key=lambda entry: (entry.root is None, entry.root or entry.folder))


def _ours(name: bytes) -> bool:
    return name in (b"manifest", b"manifest.new", b"watch", b"journal") or name.endswith((b".seg", b".tree"))


def size_of(folder: bytes) -> int:
    """Bytes of greppy's files in an index folder."""
    size = 0
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if _ours(entry.name):
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_size
    return size


def remove(folder: bytes) -> int:
    """Removes an index; how many bytes that were. Raises BusyError while another process writes it, OSError.

    The manifest goes first, so that nobody ever sees half an index, and the lock last, which keeps writers out until
    then. A file that is not greppy's stays, and its folder with it."""
    with writer_lock(folder, wait=0):
        size = size_of(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, b"manifest"))
        with os.scandir(folder) as found:
            names = [entry.name for entry in found if _ours(entry.name)]
        for name in [*names, b"lock"]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return size
