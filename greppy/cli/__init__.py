"""The commands that the native executable does not answer itself. One module a command."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import signal
import sys

from greppy._core import engine

FOUND, NOTHING, ERROR = 0, 1, 2


class CommandError(Exception):
    """A command cannot do what was asked, for a reason that one sentence tells."""


def complain(message: str) -> int:
    """One sentence on standard error; the exit status of an error."""
    with contextlib.suppress(OSError):  # standard error may be closed or full, and then there is nobody to tell
        os.write(2, f"greppy: {harmless(message)}\n".encode())
    return ERROR


def harmless(text: str) -> str:
    """Text for a terminal: what a file name may hold to control it, or is no UTF-8, becomes U+FFFD."""
    return re.sub("[\\x00-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]", "\ufffd", text)


def main(argv: list[str]) -> int:
    """Runs one command; its exit status. The native executable starts us with SIGINT blocked, so that no traceback of
    an import interrupts the start."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _open_standard_streams()
        status = _run(argv)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _drop_output()
        return FOUND
    except CommandError as error:
        return complain(str(error))
    except OSError as error:
        _drop_output()
        if error.filename is not None:
            return complain(f"{os.fsdecode(error.filename)}: {error.strerror}")
        return complain(f"cannot write the results: {error.strerror}")


def _open_standard_streams() -> None:
    """A closed one becomes /dev/null: else the next file that is opened gets its number, and our messages."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _drop_output() -> None:
    """What is still buffered must not be written at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(argv: list[str]) -> int:
    arguments = engine.parse_args(argv)
    if arguments["error"]:
        return complain(arguments["error"])
    if arguments["version"]:
        print(f"greppy {engine.VERSION}")
        return 0
    if arguments["help"] or not arguments["command"]:
        print(engine.help(arguments["command"]), end="")
        return 0 if arguments["help"] else ERROR
    if arguments["command"] == "search":
        return complain("'search' is answered by the greppy executable, not by python -m greppy")
    # Imported when it is asked for: a command must not pay for what another one needs.
    command = importlib.import_module(f"greppy.cli.{arguments['command']}")
    return int(command.run(arguments))
