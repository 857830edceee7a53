"""`greppy index`: build the project's index, or bring it up to date."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from greppy._core import engine
from greppy.cli import complain, harmless
from greppy.cli.show import megabytes
from greppy.index.build import Summary, build_index
from greppy.index.commit import IndexingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARNINGS_SHOWN = 10
_UNITS = {"": 1, "k": 1000, "m": 1000_000, "g": 1000_000_000}


def run(arguments: engine.Arguments) -> int:
    flags = dict(arguments["flags"])
    if arguments["places"]:
        return complain(
            f"index takes no PATH ({os.fsdecode(arguments['places'][0])}); say the project with --project DIR"
        )
    try:
        root = _root(flags.get("project"))
        defaults = dict(engine.config_defaults("index", "no-config" in flags))
        # Not a flag that is given first: what was once asked for on a command line is remembered and wins over it.
        default_size = defaults.pop("max-filesize", None)
        flags = {**defaults, **flags}
        max_filesize = _size(flags["max-filesize"] or b"") if "max-filesize" in flags else None
        threads = _threads(flags["threads"] or b"") if "threads" in flags else None
        quiet, events = "quiet" in flags, "events" in flags
        secrets = _secrets(arguments)
        with _events() if events else _progress(root, quiet) as progress:
            summary = None
            if "no-config" not in flags:
                summary = _by_daemon(root, "force" in flags, max_filesize, secrets, threads, progress)
            if summary is None:
                summary = build_index(
                    root,
                    force="force" in flags,
                    max_filesize=max_filesize,
                    include_secrets=secrets,
                    default_max_filesize=None if default_size is None else _size(default_size),
                    threads=threads,
                    progress=progress,
                )
    except IndexingError as error:
        return complain(str(error))
    except ValueError as error:
        return complain(str(error))
    if events:
        print(json.dumps(asdict(summary)))
        return 0
    for warning in summary.warnings[:WARNINGS_SHOWN]:
        complain(warning)
    if len(summary.warnings) > WARNINGS_SHOWN:
        complain(f"{len(summary.warnings) - WARNINGS_SHOWN} more warnings like these")
    if not quiet:
        print(describe(summary))
    if "strict" in flags and summary.unreadable:
        return complain(f"--strict: {summary.unreadable:,} files or folders could not be read; the rest is indexed")
    return 0


def _by_daemon(
    root: bytes,
    force: bool,
    max_filesize: int | None,
    secrets: bool | None,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> Summary | None:
    """What the daemon did, if one watches the project: so that two do not do it. None: it has to be done here."""
    if os.environ.get("GREPPY_NO_DAEMON"):
        return None
    from greppy.daemon import places

    # Only one that watches this very index: GREPPY_INDEX_DIR may be another one for it.
    if not places.is_running() or not places.vouches_for(engine.index_folder(os.path.realpath(root))):
        return None
    from greppy.daemon.client import connect

    began = time.perf_counter()
    try:
        with connect(timeout=1.0) as client:
            if client.version != places.version():
                return None
        with connect(timeout=None) as client:
            found = client.index(
                root,
                force=force,
                max_filesize=max_filesize,
                include_secrets=secrets,
                threads=threads,
                progress=progress,
            )
    except places.DaemonError:
        return None
    summary = Summary(**found)
    summary.seconds = time.perf_counter() - began
    return summary


def _secrets(arguments: engine.Arguments) -> bool | None:
    """What the last of the two flags says."""
    given = [name for name, _ in arguments["flags"] if name in ("include-secrets", "no-include-secrets")]
    return given[-1] == "include-secrets" if given else None


def _root(given: bytes | None) -> bytes:
    if given is not None:
        if not given:
            raise ValueError("--project needs a folder")
        return given
    try:
        return engine.find_project(os.path.realpath(os.getcwdb()))
    except FileNotFoundError:
        raise ValueError("the current folder is gone; say where with --project DIR") from None


def _size(text: bytes) -> int:
    """Bytes of `500000`, `500K`, `1M`, `2G`; 0 is no limit."""
    match = re.fullmatch(r"([0-9]+)([kmg]?)b?", os.fsdecode(text).lower())
    if match is None:
        raise ValueError(f"--max-filesize takes a size such as 500K or 2M, not {os.fsdecode(text)}")
    return int(match[1]) * _UNITS[match[2]]


def _threads(text: bytes) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise ValueError(f"--threads takes a number from 1 to 64, not {os.fsdecode(text)}")
    return int(text)


def describe(summary: Summary) -> str:
    """The summary as one line."""
    if not summary.committed:
        return f"up to date: {summary.files:,} files, index {megabytes(summary.index_bytes)} ({summary.seconds:.2f} s)"
    what = f"{summary.files:,} files, {summary.chunks:,} chunks, {megabytes(summary.source_bytes)}"
    index = f"index {megabytes(summary.index_bytes)}"
    if summary.changed < summary.files:
        change = f"{summary.changed:,} changed and {summary.removed:,} removed files"
        return f"updated {change} in {summary.seconds:.2f} s: {what}, {index}"
    rate = summary.source_bytes / 1e6 / max(summary.seconds, 1e-9)
    return f"indexed {what} in {summary.seconds:.2f} s ({rate:.0f} MB/s), {index}"


@contextlib.contextmanager
def _events() -> Iterator[Callable[[int, int], None]]:
    """Progress as JSON lines, ten a second at most."""
    told = 0.0

    def update(done: int, total: int) -> None:
        nonlocal told
        if done == total or time.monotonic() - told > 0.1:
            told = time.monotonic()
            print(json.dumps({"done": done, "total": total}), flush=True)

    yield update


@contextlib.contextmanager
def _progress(root: bytes, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error when that is a terminal."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    name = harmless(os.fsdecode(os.path.basename(root) or b"/"))
    columns = (TextColumn("indexing {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name.replace("[", r"\["), total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update
