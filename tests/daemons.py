"""A daemon of the delivered executable, for tests: with folders of its own, ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from conftest import Argument, Done, Project, Run

from greppy.daemon.client import Client, connect
from greppy.daemon.places import DaemonError, is_locked

PATIENCE = 60.0


class Daemon:
    """`greppy start`, and what there is to know about it."""

    def __init__(self, run: Run, env: Mapping[str, str]) -> None:
        self._run = run
        self.env = dict(env)
        self.socket = Path(env["XDG_RUNTIME_DIR"], "greppy", "daemon.sock")
        self.log_path = Path(env["XDG_STATE_HOME"], "greppy", "daemon.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *roots: Argument, flags: tuple[str, ...] = (), cwd: Path | None = None) -> Done:
        """In the background, as people do."""
        done = self._run("start", *flags, *roots, cwd=cwd or "/", env=self.env)
        assert done.returncode == 0, done
        return done

    def foreground(self, program: Path, *roots: Argument, prefix: tuple[str, ...] = ()) -> Client:
        """As a child of this process; returns when all is watched."""
        self.process = subprocess.Popen(
            [*prefix, program, "start", "--foreground", *roots], env=self.env, cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        client = self.wait()
        for root in roots:
            client.watch(os.fspath(root) if isinstance(root, os.PathLike) else root)
        return client

    def wait(self) -> Client:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.client()
            except DaemonError:
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.01)

    def client(self, timeout: float = PATIENCE) -> Client:
        return connect(self.socket, timeout=timeout)

    @property
    def pid(self) -> int:
        with self.client() as client:
            return client.pid

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def kill(self, number: int = signal.SIGKILL) -> None:
        pid = self.pid
        os.kill(pid, number)
        if self.process is not None:
            self.process.wait(PATIENCE)
            return
        deadline = time.monotonic() + PATIENCE
        lock = bytes(self.socket.parent / "daemon.lock")  # threads of what was killed may hold it a little longer
        while (_alive(pid) or is_locked(lock)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def state(self, root: Path) -> str:
        with self.client() as client:
            found = {project["root"]: project for project in client.status()["projects"]}
        return str(found[os.path.realpath(root)]["state"])

    def end(self) -> None:
        with contextlib.suppress(DaemonError, OSError, ProcessLookupError):
            self.kill()
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@contextlib.contextmanager
def running(run: Run, env: Mapping[str, str]) -> Iterator[Daemon]:
    daemon = Daemon(run, env)
    try:
        yield daemon
    finally:
        daemon.end()
        log = daemon.log()
        assert "Traceback" not in log, log


def eventually(project: Project, word: str, path: str) -> None:
    """Not at once: for what is not promised before the daemon has looked."""
    deadline = time.monotonic() + PATIENCE
    while path not in project.files(word):
        assert time.monotonic() < deadline
        time.sleep(0.02)
