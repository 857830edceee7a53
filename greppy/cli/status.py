"""`greppy status`: what is indexed here, whether it is up to date, and what the daemon does."""

from __future__ import annotations

import os
from typing import Any

from greppy._core import engine
from greppy.cli import CommandError, complain, harmless, show
from greppy.daemon import places
from greppy.index import catalog
from greppy.index.build import Changes, pending_changes
from greppy.index.commit import IndexingError

LANGUAGES_SHOWN = 6


def run(arguments: engine.Arguments) -> int:
    show.no_places(arguments)
    flags = dict(arguments["flags"])
    daemon = _daemon()
    if "prometheus" in flags:
        if daemon is None:
            raise CommandError("no daemon is running; 'greppy start' starts one")
        from greppy.daemon.metrics import prometheus

        print(prometheus(daemon), end="")
        return 0
    root = show.project_root(flags.get("project"))
    try:
        folder = engine.index_folder(root)
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    entry = catalog.read(folder)
    if entry is None and daemon is not None and "json" not in flags:
        _line("project", f"{show.path(root)}, which has no index yet; a search there builds it")
        _print_daemon(daemon, root)
        return 0
    if entry is None:
        raise CommandError(f"{os.fsdecode(root)} has no index yet; build it with: greppy index")
    if entry.state == catalog.OTHER_VERSION:
        raise CommandError(
            f"the index of {os.fsdecode(root)} was written by another version of greppy; rebuild it with: greppy index"
        )
    languages, changes = _look(entry, root)
    if "json" in flags:
        _print_json(entry, root, languages, changes, daemon)
    else:
        _print(entry, root, languages, changes)
        _print_answers(daemon)
        if daemon is not None:
            _print_daemon(daemon, root)
    return 0


def _daemon() -> dict[str, Any] | None:
    """What the daemon says of itself; None when none runs, or it does not answer."""
    if not places.is_running():
        return None
    from greppy.daemon.client import connect

    try:
        with connect(timeout=5.0) as client:
            return client.status()
    except places.DaemonError as error:
        complain(str(error))
        return None


def _look(entry: catalog.Entry, root: bytes) -> tuple[dict[str, int], Changes]:
    try:
        reader = engine.Reader(entry.folder)
        languages = reader.languages()
        # The sweep is what a search does; only when it finds something is the project walked to count.
        changes = Changes() if reader.fresh() else pending_changes(root)
        reader.close()
    except (engine.DamagedError, FileNotFoundError):
        raise CommandError(
            f"the index of {os.fsdecode(root)} is damaged; 'greppy check' tells where, with --repair it rebuilds it"
        ) from None
    except IndexingError as error:
        raise CommandError(str(error)) from None
    return dict(sorted(languages.items(), key=lambda item: (-item[1], item[0]))), changes


def _print_json(
    entry: catalog.Entry, root: bytes, languages: dict[str, int], changes: Changes, daemon: dict[str, Any] | None
) -> None:
    show.print_json(
        {
            "root": show.text(root),
            "index": show.text(entry.folder),
            "bytes": entry.size,
            "generation": entry.generation,
            "segments": entry.segments,
            "files": entry.files,
            "chunks": entry.chunks,
            "deleted": entry.deleted,
            "languages": languages,
            "built": entry.built,
            "smart": _answers(),
            "fresh": not changes.total,
            "changed": changes.changed,
            "added": changes.added,
            "removed": changes.removed,
            "daemon": daemon,
        }
    )


def _line(name: str, value: str) -> None:
    print(f"{name:<11}{value}")


def _print(entry: catalog.Entry, root: bytes, languages: dict[str, int], changes: Changes) -> None:
    deleted = f" ({entry.deleted:,} deleted in them)" if entry.deleted else ""
    shown = [f"{name} {count:,}" for name, count in languages.items()]
    if len(shown) > LANGUAGES_SHOWN:
        shown = [*shown[:LANGUAGES_SHOWN], f"{len(shown) - LANGUAGES_SHOWN} more"]
    _line("project", show.path(root))
    _line("index", f"{show.path(entry.folder)}, {show.megabytes(entry.size)}")
    _line("built", f"{show.moment(entry.built)}, generation {entry.generation}")
    _line("files", f"{entry.files:,} in {entry.chunks:,} chunks, {_count(entry.segments, 'segment')}{deleted}")
    _line("languages", ", ".join(shown) or "none")
    if changes.total:
        parts = [(changes.changed, "changed"), (changes.added, "new"), (changes.removed, "removed")]
        what = ", ".join(f"{count:,} {name}" for count, name in parts if count)
        _line("state", f"{_count(changes.total, 'file')} to bring up to date ({what}); the next search does it")
    else:
        _line("state", "up to date")


def _print_daemon(daemon: dict[str, Any], root: bytes) -> None:
    megabytes = show.megabytes(daemon["rss_bytes"])
    watched = any(project["root"] == places.shown(root) for project in daemon["projects"])
    others = _count(daemon["connections"] - 1, "other connection")
    here = "watches this project" if watched else "does not watch this project"
    _line("daemon", f"pid {daemon['pid']}, up {_duration(daemon['uptime_s'])}, {megabytes}, {others}; {here}")
    for command, what in (("search", "searches of programs"), ("sync", "searches that asked whether it has caught up")):
        found = daemon["latency"].get(command)
        if found is not None:
            times = ", ".join(f"{name} {found[f'{name}_ms']:.2f} ms" for name in ("p50", "p95", "p99"))
            _line("answered", f"{found['n']:,} {what}: {times}")
    shares = f"{_share(daemon['l1_hit_rate'])} of programs' searches from memory"
    _line("shares", f"{shares}; {_share(daemon['error_rate'])} of requests failed")
    for name, key in (("searches", "searches_by_minute"), ("memory", "rss_by_minute")):
        if len(daemon[key]) > 1:
            most = f"{max(daemon[key]):,}" if name == "searches" else show.megabytes(max(daemon[key]))
            _line(name, f"{sparkline(daemon[key])} by minute, at most {most}")
    for alert in daemon["alerts"]:
        _line("alert", alert)
    if daemon["projects"]:
        _line("watched", f"{'state':<10}{'generation':>10}{'commits':>9}{'queue':>7}  {'last commit':<17}root")
    for project in daemon["projects"]:
        updated = show.moment(project["updated"]) if project["updated"] else "-"
        numbers = f"{project['generation']:>10}{project['commits']:>9}{project['queue']:>7}"
        _line("", f"{project['state']:<10}{numbers}  {updated:<17}{harmless(project['root'])}")
        if project["why"]:
            _line("", f"  {harmless(project['why'])}")


def _answers() -> dict[str, Any] | None:
    """What `search --smart` keeps on disk; None when it has never kept anything."""
    try:
        path = engine.answers_path()
    except RuntimeError:
        return None
    found = engine.answers_stats(path)
    return {**found} if found["entries"] or found["hits"] or found["misses"] else None


def _print_answers(daemon: dict[str, Any] | None) -> None:
    disk = _answers()
    if disk is not None:
        rate = show.hit_rate(disk["hits"], disk["misses"])
        _line("smart", f"{_count(disk['entries'], 'answer')} on disk; {rate}")
    if daemon is not None and any(daemon["answers"].values()):
        kept = daemon["answers"]
        rate = show.hit_rate(kept["hits"], kept["disk_hits"] + kept["misses"])
        _line("smart", f"{_count(kept['entries'], 'answer')} in the daemon's memory; {rate}")


def sparkline(values: list[float]) -> str:
    """A character a value, eight heights; the lowest is 0."""
    top = max(values) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * value / top))] for value in values)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min" if minutes else f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 1440 else f"{minutes // 1440} days"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
