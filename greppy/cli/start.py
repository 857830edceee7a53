"""`greppy start`: the daemon, in the background or (for systemd) in the foreground."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from greppy._core import engine
from greppy.cli import CommandError, show
from greppy.daemon import places
from greppy.daemon.places import DaemonError

PATIENCE = 10.0  # seconds until a daemon that was started must answer
ALERTS = {
    "alert-p99": "p99_ms",
    "alert-growth": "growth_mb",
    "alert-hits": "hit_percent",
    "alert-errors": "error_percent",
}

UNIT = """\
[Unit]
Description=greppy, ranked code search: keeps indexes fresh

[Service]
ExecStart={command} start --foreground
Restart=on-failure
Nice=5

[Install]
WantedBy=default.target
"""


def run(arguments: engine.Arguments) -> int:
    given = dict(arguments["flags"])
    if "unit" in given:
        if len(given) > 1 or arguments["places"]:
            raise CommandError("--unit means nothing together with other flags or a PATH")
        print(UNIT.format(command=_quoted(_executable())), end="")
        return 0
    try:
        flags = {**dict(engine.config_defaults("start", "no-config" in given)), **given}
    except ValueError as error:
        raise CommandError(str(error)) from None
    thresholds = {ALERTS[name]: _number(name, value or b"") for name, value in flags.items() if name in ALERTS}
    roots = _roots(arguments["places"])
    try:
        if "foreground" in flags:
            from greppy.daemon import main

            main.run(list(dict.fromkeys([*places.remembered(), *roots])), thresholds, sys.stderr)
            return 0
        return _background(arguments, roots)
    except DaemonError as error:
        raise CommandError(str(error)) from None


def _number(name: str, text: bytes) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise CommandError(f"--{name} takes a number that is not negative, not {os.fsdecode(text)}")
    return value


def _roots(given: list[bytes]) -> list[bytes]:
    """The real paths of the projects to watch: those around the places given, else the one around the current folder if
    there is one."""
    if given:
        return list(dict.fromkeys(_root(place) for place in given))
    try:
        here = os.path.realpath(os.getcwdb())
    except FileNotFoundError:
        return []
    root = engine.find_project(here)
    known = os.path.lexists(os.path.join(root, b".git")) or os.path.exists(
        os.path.join(engine.index_folder(root), b"manifest")
    )
    return [root] if known else []


def _root(place: bytes) -> bytes:
    if not place:
        raise CommandError("an empty PATH is no project")
    if not os.path.isdir(place):
        what = "not a folder; PATH is a project's" if os.path.lexists(place) else "no such folder"
        raise CommandError(f"{os.fsdecode(place)}: {what}")
    return engine.find_project(os.path.realpath(place))


def _hand_over(roots: list[bytes], asked_for: bool) -> None:
    """Gives the projects to the daemon that runs. Raises DaemonError when there is nothing to give."""
    from greppy.daemon.client import connect

    with connect(timeout=PATIENCE) as client:
        watched = {project["root"] for project in client.status()["projects"]}
        if not asked_for and {places.shown(root) for root in roots} <= watched:
            raise DaemonError(f"the daemon is running already (pid {client.pid}); 'greppy stop' ends it")
        if client.version != places.version():
            raise CommandError("a daemon of another version of greppy is running; end it with: greppy stop")
        for root in roots:
            client.watch(root)
            print(f"watching {show.path(root)}")


def _background(arguments: engine.Arguments, roots: list[bytes]) -> int:
    from greppy.daemon.client import connect

    if places.is_running():
        if any(name in ALERTS for name, _ in arguments["flags"]):
            raise CommandError("the daemon that runs keeps its thresholds; end it with 'greppy stop' first")
        try:
            _hand_over(roots, bool(arguments["places"]))
            return 0
        except DaemonError:
            time.sleep(0.1)
            if places.is_running():
                raise
            # It was about to end: another one is started.
    from greppy.daemon.project import program

    flags = [f"--{name}={os.fsdecode(value or b'')}" for name, value in arguments["flags"] if name in ALERTS]
    log = places.log_path()
    with open(log, "ab") as output:
        at = output.tell()
        process = subprocess.Popen(
            [*program(), "start", "--foreground", *flags, "--", *map(os.fsdecode, roots)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with connect() as client:
                pid = client.pid
            break
        except DaemonError:
            if process.poll() is not None:
                with open(log, "rb") as file:
                    file.seek(at)
                    said = file.read().decode(errors="replace").strip().splitlines()
                raise CommandError(said[-1].removeprefix("greppy: ") if said else f"it ended; see {log}") from None
            time.sleep(0.01)
    else:
        raise CommandError(f"the daemon was started and does not answer; {log} may tell why")
    roots = list(dict.fromkeys([*places.remembered(), *roots]))
    count = f"{len(roots)} project" + ("" if len(roots) == 1 else "s")
    print(f"the daemon runs (pid {pid}) and watches {count}; its log is {log}")
    for root in roots:
        print(f"  {show.path(root)}")
    if not roots:
        print("'greppy start PATH' adds a project")
    return 0


def _executable() -> str:
    """The greppy that was called, which leaves its path when it hands over."""
    return os.environ.get("GREPPY_FRONT") or os.path.realpath(sys.argv[0])


def _quoted(path: str) -> str:
    """As systemd reads it."""
    if all(char.isalnum() or char in "/._-+@:," for char in path):
        return path
    text = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'
