"""`greppy doctor`: what could be wrong on this machine, a line each. Exit status 1 when something is."""

from __future__ import annotations

import codecs
import contextlib
import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from greppy._core import engine
from greppy.cli import CommandError, harmless, show
from greppy.index import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

OK, NOTE, BAD = "ok", "note", "BAD"
LITTLE_SPACE = 200 << 20
FEW_WATCHES = 65_536


class Finding(NamedTuple):
    state: str
    what: str
    sentence: str


def run(arguments: engine.Arguments) -> int:
    show.no_places(arguments)
    bad = False
    for check in CHECKS:
        for state, what, sentence in check():
            bad = bad or state == BAD
            print(f"{state:<5} {what:<14} {harmless(sentence)}")
    return 1 if bad else 0


def _program() -> Iterator[Finding]:
    front = os.environ.get("GREPPY_FRONT")
    yield Finding(OK, "greppy", f"{engine.VERSION}, {front or 'run as python -m greppy'}")
    on_path = shutil.which("greppy")
    if front and on_path is None:
        yield Finding(NOTE, "greppy", f"it is not on PATH; put it there: install -D -m 755 {front} ~/.local/bin/greppy")
    elif front and on_path and not os.path.samefile(front, on_path):
        yield Finding(NOTE, "greppy", f"another one comes first on PATH: {on_path}")


def _existing(folder: str) -> str:
    """The folder, or what of the way to it is there."""
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def folder_findings(what: str, folder: bytes, variable: str) -> Iterator[Finding]:
    """Can greppy keep its files there, and nobody else change them?"""
    path = os.path.abspath(os.fsdecode(folder))
    there = _existing(path)
    advice = f"set {variable} to another folder"
    if not os.path.isdir(there):
        yield Finding(BAD, what, f"{there} is not a folder; remove it, or {advice}")
        return
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(BAD, what, f"{there} cannot be written to; {advice}")
        return
    if there == path:
        status = os.stat(path)
        if status.st_uid != os.geteuid():
            yield Finding(BAD, what, f"{path} belongs to user {status.st_uid}; chown it, or {advice}")
            return
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield Finding(BAD, what, f"{path} can be written to by others; say: chmod go-w {path}")
            return
    free = shutil.disk_usage(there).free
    if free < LITTLE_SPACE:
        yield Finding(BAD, what, f"{path}: only {show.megabytes(free)} are free there; free some, or {advice}")
        return
    new = "" if there == path else ", made when needed"
    yield Finding(OK, what, f"{path}{new}, {free / 1e9:.0f} GB free")


def _index_folder() -> Iterator[Finding]:
    try:
        yield from folder_findings("index folder", catalog.base(), "GREPPY_INDEX_DIR")
    except RuntimeError as error:
        yield Finding(BAD, "index folder", str(error))


def _runtime_folder() -> Iterator[Finding]:
    if not getattr(sys, "frozen", False):
        yield Finding(OK, "runtime", f"Python {sys.version.split()[0]}, {sys.executable}")
        return
    try:
        folder = engine.cache_folder(b"runtime", b"GREPPY_RUNTIME_DIR")
    except RuntimeError as error:
        yield Finding(BAD, "runtime", str(error))
        return
    yield from folder_findings("runtime", folder, "GREPPY_RUNTIME_DIR")


def _indexes() -> Iterator[Finding]:
    try:
        entries = catalog.entries()
    except (RuntimeError, OSError):
        return  # the folder's own line says why
    size = show.megabytes(sum(entry.size for entry in entries))
    yield Finding(OK, "indexes", f"{len(entries)} with {size} in all")
    gone = [entry for entry in entries if entry.gone]
    if gone:
        lost = show.megabytes(sum(entry.size for entry in gone))
        yield Finding(NOTE, "indexes", f"{len(gone)} of projects that are gone hold {lost}; say: greppy forget --gone")
    for entry in entries:
        if entry.state == catalog.DAMAGED:
            yield Finding(BAD, "indexes", f"{show.path(entry.folder)} is damaged; remove it, or rebuild the project's")


def _configuration() -> Iterator[Finding]:
    from greppy.cli import config

    try:
        path = engine.config_path()
        found = config.values(path)
    except (RuntimeError, CommandError) as error:
        yield Finding(BAD, "configuration", str(error))
        return
    there = f"sets {', '.join(found) or 'nothing'}" if os.path.lexists(path) else "not there, so nothing is changed"
    yield Finding(OK, "configuration", f"{os.fsdecode(path)}: {there}")


def _git() -> Iterator[Finding]:
    git = shutil.which("git")
    if git is None:
        yield Finding(NOTE, "git", "not found; .gitignore is then applied by greppy itself, to tracked files too")
        return
    try:
        done = subprocess.run([git, "--version"], capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(BAD, "git", f"{git} cannot be run: {error}")
        return
    if done.returncode:
        yield Finding(BAD, "git", f"{git} --version fails with status {done.returncode}")
    else:
        yield Finding(OK, "git", done.stdout.decode("utf-8", "replace").strip())


def _watches() -> Iterator[Finding]:
    try:
        with open("/proc/sys/fs/inotify/max_user_watches") as file:
            watches = int(file.read())
    except (OSError, ValueError):
        yield Finding(NOTE, "inotify", "its limits cannot be read; searches look for changes themselves")
        return
    if watches < FEW_WATCHES:
        yield Finding(
            NOTE, "inotify", f"at most {watches:,} folders can be watched; for more: sysctl fs.inotify.max_user_watches"
        )
    else:
        yield Finding(OK, "inotify", f"up to {watches:,} folders can be watched")


def _locale() -> Iterator[Finding]:
    name = next((os.environ[key] for key in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(key)), "C")
    codec = name.partition(".")[2].partition("@")[0]
    with contextlib.suppress(LookupError):
        if codecs.lookup(codec or "ascii").name == "utf-8":
            yield Finding(OK, "locale", name)
            return
    yield Finding(NOTE, "locale", f"{name} is not UTF-8; greppy prints UTF-8 all the same: export LANG=C.UTF-8")


def _terminal() -> Iterator[Finding]:
    if not sys.stdout.isatty():
        yield Finding(OK, "terminal", "the output goes elsewhere: plain lines, no colours")
        return
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        yield Finding(NOTE, "terminal", f"TERM is {term or 'not set'}: no colours, no progress bar")
    elif os.environ.get("NO_COLOR"):
        yield Finding(OK, "terminal", f"{term}, no colours because NO_COLOR is set")
    else:
        columns = shutil.get_terminal_size().columns
        yield Finding(OK, "terminal", f"{term}, {columns} columns, colours")


CHECKS = (_program, _index_folder, _indexes, _runtime_folder, _configuration, _git, _watches, _locale, _terminal)
