r"""The circuit breaker: a provider that failed is left alone for a while, by all processes.

`smart.pause` beside the indexes' folder is one line, whose asked and failed how often in a row:

    <16 hex digits: XXH64 of Settings.identity()> <failures>\n

and its mtime is the time until which nobody asks. For `openai gpt-4.1-mini - 1`, which failed three times:

    22966e5101734e0d 3\n

Whoever reads it needs the digits and the mtime only. No file, one of other digits, one that is not such a line or
whose time is further away than any pause: nothing holds the next request up. Three failures in a row pause for 30 s,
each further one twice as long, up to 10 minutes; a server that says when to come back is taken at its word, up to the
same. A success removes the file. Two processes that fail in the same moment may count as one.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time

from greppy._core import engine
from greppy.files import replace_file
from greppy.smart.settings import Settings

FAILURES = 3  # in a row, from which on there is a pause
SHORTEST = 30.0  # seconds
LONGEST = 600.0

_LINE = re.compile(rb"([0-9a-f]{16}) ([1-9][0-9]{0,8})\n")


def path() -> bytes:
    """Raises RuntimeError when nothing says where caches go."""
    return engine.cache_folder(b"smart.pause", b"")


def remaining(settings: Settings) -> float:
    """For how many seconds the provider is not to be asked; 0 when it can be."""
    return max(_read(settings)[1] - time.time(), 0.0)


def failed(settings: Settings, retry_after: float = 0.0) -> None:
    """Counts a failure; `retry_after` is how many seconds the server wants to be left alone."""
    failures = _read(settings)[0] + 1
    pause = max(retry_after, 0.0)
    if failures >= FAILURES:
        pause = max(pause, SHORTEST * 2.0 ** min(failures - FAILURES, 16))
    until = time.time() + min(pause, LONGEST)
    line = b"%s %d\n" % (_digits(settings), failures)
    with contextlib.suppress(OSError, RuntimeError):  # it saves waiting, nothing else
        replace_file(path(), line, mode=0o600, folder_mode=0o700, time=until)


def succeeded(settings: Settings) -> None:
    """Forgets the failures."""
    if _read(settings)[0]:
        with contextlib.suppress(OSError, RuntimeError):
            os.unlink(path())


def _digits(settings: Settings) -> bytes:
    return b"%016x" % engine.hash64(settings.identity().encode("utf-8", "surrogateescape"))


def _read(settings: Settings) -> tuple[int, float]:
    """Failures in a row, and until when nobody asks; (0, 0.0) without a file of these settings."""
    try:
        # A name that leads to a pipe must not hold anybody up either.
        fd = os.open(path(), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, RuntimeError):
        return 0, 0.0
    try:
        status = os.fstat(fd)
        found = _LINE.fullmatch(os.read(fd, 64)) if stat.S_ISREG(status.st_mode) else None
    except OSError:
        return 0, 0.0
    finally:
        os.close(fd)
    if found is None or found[1] != _digits(settings) or status.st_mtime > time.time() + LONGEST + 1:
        return 0, 0.0
    return int(found[2]), status.st_mtime
