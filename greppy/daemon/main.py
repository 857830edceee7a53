"""The daemon as a process: log, limits, event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import resource
from typing import TYPE_CHECKING, TextIO

from greppy.daemon import places
from greppy.daemon.metrics import Thresholds
from greppy.daemon.places import DaemonError
from greppy.daemon.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_BYTES = 1 << 20  # of a log before it is put aside
LOG_FILES = 3  # that were put aside and are kept


def run(roots: list[bytes], thresholds: Mapping[str, float], errors: TextIO) -> None:
    """Serves until it is told to stop. Raises DaemonError when it cannot start."""
    os.umask(0o077)
    log = logging.getLogger("greppy")
    log.setLevel(logging.INFO)
    log.propagate = False
    handlers: list[logging.Handler] = [_log_file()]
    if errors.isatty() or os.environ.get("JOURNAL_STREAM"):
        handlers.append(logging.StreamHandler(errors))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
    logging.getLogger("asyncio").handlers = handlers
    with contextlib.suppress(OSError, ValueError):  # as many connections as the system lets us have
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = Server(Thresholds(**thresholds))
    try:
        asyncio.run(server.run(roots))
    except DaemonError as error:
        log.error("%s", error)
        raise
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


def _log_file() -> logging.Handler:
    try:
        return logging.handlers.RotatingFileHandler(
            places.log_path(), maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise DaemonError(f"cannot write the log {error.filename}: {error.strerror}; set XDG_STATE_HOME") from None
