"""Replacing a file at once."""

from __future__ import annotations

import contextlib
import os
import threading


def replace_file(
    path: bytes, data: bytes, *, mode: int, folder_mode: int = 0o777, time: float | None = None, durable: bool = False
) -> None:
    """Writes beside the file and renames: it has the old content or the new one. `time`: its mtime, in seconds since
    the epoch; `durable`: it is on the disk before it has its name. Raises OSError, and then leaves nothing behind."""
    folder = os.path.dirname(path)
    os.makedirs(folder, folder_mode, exist_ok=True)
    new = os.path.join(folder, b".greppy-%d-%d.new" % (os.getpid(), threading.get_ident()))
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            os.fchmod(fd, mode)  # it may have been left there with another one
            file.write(data)
            file.flush()
            if durable:
                os.fsync(fd)
        if time is not None:
            os.utime(new, (time, time))
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
