"""`greppy cache`: the answers that `search --smart` keeps on disk."""

from __future__ import annotations

import contextlib
import os
import time

from greppy._core import engine
from greppy.cli import NOTHING, CommandError, harmless, show
from greppy.daemon import places
from greppy.daemon.client import connect
from greppy.smart.answer import BadAnswer, unpack


def run(arguments: engine.Arguments) -> int:
    actions = {b"stats": _stats, b"list": _list, b"clear": _clear}
    flags = dict(arguments["flags"])
    if len(arguments["places"]) != 1 or arguments["places"][0] not in actions:
        raise CommandError("cache takes one word: stats, list or clear")
    try:
        path = engine.answers_path()
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    return actions[arguments["places"][0]](path, "json" in flags)


def _stats(path: bytes, json: bool) -> int:
    found = engine.answers_stats(path)
    if json:
        show.print_json({"path": show.text(path), **found})
        return 0
    print(f"answers  {found['entries']:,} in {show.megabytes(found['file_bytes'])}, {show.path(path)}")
    print(f"used     {show.hit_rate(found['hits'], found['misses'])}")
    if found["oldest"]:
        print(f"oldest   {show.moment(found['oldest'])}; an answer is kept for 7 days")
    return 0


def _list(path: bytes, json: bool) -> int:
    found = []
    for key, body, created, used in engine.answers_list(path):
        with contextlib.suppress(BadAnswer):  # of another version
            found.append((unpack(body), _who(key), created, used))
    if json:
        show.print_json({
            "answers": [
                {"query": asked, "by": who, "expanded_query": answer.expanded_query, "created": created, "used": used}
                for (answer, asked), who, created, used in found
            ]
        })  # fmt: skip
        return 0 if found else NOTHING
    for (answer, asked), who, created, _ in found:
        days = max(0.0, (time.time() - created) / 86400)
        print(f"{days:.1f} d  {harmless(asked)}  ->  {harmless(answer.expanded_query)}  ({harmless(who)})")
    return 0 if found else NOTHING


def _who(key: bytes) -> str:
    """Provider, model and address, as far as they were chosen."""
    provider, *chosen = key.split(b"\0")[0].decode("utf-8", "replace").split(" ")[:-1]
    return " ".join([provider, *(part for part in chosen if part != "-")])


def _clear(path: bytes, json: bool) -> int:
    entries = engine.answers_stats(path)["entries"]
    try:
        engine.answers_clear(path)
    except OSError as error:
        raise CommandError(f"{os.fsdecode(path)}: {error.strerror}") from None
    if places.is_running():
        with contextlib.suppress(places.DaemonError), connect(timeout=5.0) as client:
            client.forget()
    if json:
        show.print_json({"removed": entries})
    else:
        print(f"{entries:,} answers are gone")
    return 0
