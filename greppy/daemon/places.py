"""Where the daemon keeps what is not an index: its socket, its lock, its log and the list of its projects."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from pathlib import Path

from greppy._core import engine

SOCKET_PATH_MAX = 107  # bytes, of sockaddr_un without its NUL


class DaemonError(Exception):
    """The daemon cannot do what was asked, for a reason that one sentence tells."""


def runtime_folder() -> Path:
    """$XDG_RUNTIME_DIR/greppy, else /tmp/greppy-<user id>, not necessarily there."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(base, "greppy") if base.startswith("/") else Path(f"/tmp/greppy-{os.geteuid()}")


def socket_path() -> Path:
    return runtime_folder() / "daemon.sock"


def make_runtime_folder() -> Path:
    """The runtime folder, made if need be. Raises DaemonError when others could write there, or a socket has no room
    in its path."""
    folder = runtime_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise DaemonError(f"cannot make {folder}: {error.strerror}; set XDG_RUNTIME_DIR to a folder of yours") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise DaemonError(
            f"{folder} is not a folder that only you can enter (mode 0700); remove it, or set XDG_RUNTIME_DIR"
        )
    length = len(os.fsencode(socket_path()))
    if length > SOCKET_PATH_MAX:
        raise DaemonError(
            f"the path of the socket, {socket_path()}, has {length} bytes and at most {SOCKET_PATH_MAX} are possible; "
            "set XDG_RUNTIME_DIR to a shorter folder"
        )
    return folder


def state_folder() -> Path:
    """$XDG_STATE_HOME/greppy, else ~/.local/state/greppy, made if need be. Raises DaemonError."""
    base = os.environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(base, "greppy") if base.startswith("/") else Path.home() / ".local/state/greppy"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        where = getattr(error, "filename", None) or "your home folder"
        raise DaemonError(f"no place for the log: {where}: {why}; set XDG_STATE_HOME to a folder of yours") from None
    return folder


def shown(path: bytes) -> str:
    """A path for people and JSON: what is no UTF-8, or would control a terminal, becomes U+FFFD."""
    text = path.decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def version() -> str:
    """What a daemon of this version calls itself: program and format of indexes."""
    return f"{engine.VERSION}/{engine.FORMAT_VERSION}"


def log_path() -> Path:
    return state_folder() / "daemon.log"


def remembered() -> list[bytes]:
    """The roots that were watched last time."""
    try:
        data = (state_folder() / "projects").read_bytes()
    except OSError:
        return []
    return [root for root in data.split(b"\0") if root.startswith(b"/")]


def remember(roots: list[bytes]) -> None:
    """What a daemon that is started later watches too."""
    path = state_folder() / "projects"
    new = path.with_suffix(".new")
    with contextlib.suppress(OSError):  # it only saves naming them again
        new.write_bytes(b"".join(root + b"\0" for root in roots))
        new.replace(path)


def forget(root: bytes) -> None:
    """Takes a root out of the list; a daemon that runs has a list of its own."""
    roots = remembered()
    if root in roots:
        remember([other for other in roots if other != root])


def pid() -> int:
    """Of the daemon that holds the lock; 0 when none does, or it does not tell."""
    try:
        return int((runtime_folder() / "daemon.lock").read_text()) if is_running() else 0
    except (OSError, ValueError):
        return 0


class Instance:
    """The lock that one daemon a user holds; whoever has it owns the socket's name."""

    def __init__(self) -> None:
        self._path = make_runtime_folder() / "daemon.lock"
        self._fd = -1

    def acquire(self) -> None:
        """Raises DaemonError when another daemon runs."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not lock_at_once(fd):
            pid = os.read(fd, 32).decode(errors="replace").strip()
            os.close(fd)
            raise DaemonError(f"the daemon is running already (pid {pid}); 'greppy stop' ends it") from None
        os.ftruncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def lock_at_once(fd: int) -> bool:
    """Locks the file, unless somebody else keeps it locked; whoever asks whether it is holds it for a moment."""
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.001)
    return False


def is_running() -> bool:
    """Whether a daemon of this user holds the lock."""
    return is_locked(os.fsencode(runtime_folder() / "daemon.lock"))


def vouches_for(folder: bytes) -> bool:
    """Whether a daemon holds the lock of the index in `folder`."""
    return is_locked(os.path.join(folder, b"watch"))


def is_locked(path: bytes) -> bool:
    """Whether somebody keeps the file locked."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
