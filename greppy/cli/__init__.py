"""The commands that the native executable does not answer itself. One module a command."""

from __future__ import annotations

import os
import sys

from greppy._core import engine

FOUND, NOTHING, ERROR = 0, 1, 2


def complain(message: str) -> int:
    """One sentence on standard error; the exit status of an error."""
    # A path may hold bytes that are no UTF-8: they come out as they went in.
    sys.stderr.buffer.write(f"greppy: {message}\n".encode("utf-8", "surrogateescape"))
    sys.stderr.flush()
    return ERROR


def main(argv: list[str]) -> int:
    """Runs one command; its exit status."""
    arguments = engine.parse_args(argv)
    if arguments["error"]:
        return complain(arguments["error"])
    if arguments["version"]:
        print(f"greppy {engine.VERSION}")
        return 0
    if arguments["help"] or not arguments["command"]:
        print(engine.help(arguments["command"]), end="")
        return 0 if arguments["help"] else ERROR
    if arguments["command"] == "index":
        from greppy.cli import index

        return _guarded(index.run, arguments)
    return complain(f"'{arguments['command']}' is answered by the greppy executable, not by python -m greppy")


def _guarded(run, arguments) -> int:  # type: ignore[no-untyped-def]
    try:
        return int(run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone; standard output must not be flushed into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FOUND
