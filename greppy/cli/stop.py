"""`greppy stop`: ends the daemon, when it has committed what it saw."""

from __future__ import annotations

import time

from greppy._core import engine
from greppy.cli import NOTHING, CommandError, complain, show
from greppy.daemon import places
from greppy.daemon.places import DaemonError

ANSWER = 5.0  # seconds that it gets to answer
PATIENCE = 15.0  # and to end


def run(arguments: engine.Arguments) -> int:
    show.no_places(arguments)
    if not places.is_running():
        complain("no daemon is running")
        return NOTHING
    from greppy.daemon.client import connect

    pid = places.pid()
    try:
        with connect(timeout=ANSWER) as client:
            client.stop()
    except DaemonError:
        raise CommandError(f"the daemon does not answer; end it with: kill -9 {pid}") from None
    deadline = time.monotonic() + PATIENCE
    while places.is_running():
        if time.monotonic() > deadline:
            raise CommandError(f"the daemon (pid {pid}) does not end; kill -9 {pid} ends it")
        time.sleep(0.01)
    print(f"the daemon (pid {pid}) has ended")
    return 0
