"""Retrieval quality: NDCG@10 over annotated queries (relevance.py has the format).

    python benches/quality.py --annotations DIR --repos DIR          the executable, as a person would run it
    python benches/quality.py --door --ablate --annotations …        in this process, each signal switched off in turn
    python benches/quality.py --door --weight links=0 --misses 9 …   other weights; the worst queries

--annotations and --repos may be given several times, in pairs: the sets are reported one by one. semble's keyword half
answers the same queries where it is installed (--semble).
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from bench import Bench, isolated
from engines import Binary, Door, Engine, SembleWords
from processes import BenchError, Command, in_temporary_folder
from relevance import DEPTH, Repository, load, load_set, ndcg, target_path
from report import Report

BAR = 0.905
# Switched off one by one: what each weight is when its signal says nothing.
NEUTRAL = {"task_word": 1.0, "undefined": 1.0, "name_again": 1.0, "further": -99.0}
NOT_SIGNALS = ("k1", "b", "plain", "exhaustive")
ROOT = Path(__file__).resolve().parent.parent
Rows = list[dict[str, Any]]


def answer(engine: Engine, repositories: list[Repository]) -> tuple[Rows, dict[str, float]]:
    """(a row for each query, seconds of indexing by repository)."""
    rows, seconds = [], {}
    for repository in repositories:
        seconds[repository.name] = engine.open(repository.root)
        for item in repository.items:
            places = engine.search(item.query)
            rows.append({
                "repo": repository.name, "language": repository.language, "category": item.category,
                "query": item.query, "ndcg10": ndcg(places, item.targets),
                "wanted": [target_path(target) for target in item.targets], "got": [place[0] for place in places[:4]],
            })
    return rows, seconds


def mean(rows: Rows) -> float:
    return statistics.fmean(row["ndcg10"] for row in rows)


def grouped(rows: Rows, key: str) -> dict[str, float]:
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return {name: mean(group) for name, group in groups.items()}


def by_repository(rows: Rows) -> float:
    return statistics.fmean(grouped(rows, "repo").values())


def show(report: Report, title: str, engines: list[tuple[Engine, Rows, dict[str, float]]], misses: int = 0) -> None:
    """A table by repository, then by category and language, then the worst queries of the first engine."""
    _, mine, _ = engines[0]
    languages = {row["repo"]: row["language"] for row in mine}
    counts = collections.Counter(row["repo"] for row in mine)
    scores = [grouped(rows, "repo") for _, rows, _ in engines]
    table = []
    for name in counts:
        row = [name, languages[name], str(counts[name])]
        for score, (_, _, seconds) in zip(scores, engines, strict=True):
            row += [f"{score[name]:.3f}", f"{seconds[name]:.2f}"]
        table.append(row)
    columns = ["repository", "<language", "queries", *("NDCG@10", "index s")]
    for engine, _, _ in engines[1:]:
        columns += [engine.name, "its index s"]
    report.table(title, columns, table)
    for key in ("category", "language"):
        parts = (f"{name} {value:.3f}" for name, value in sorted(grouped(mine, key).items()))
        report.say(f"  by {key}: {', '.join(parts)}")
    for engine, rows, _ in engines:
        report.say(
            f"  {engine.name}: {len(rows)} queries on {len(counts)} repositories, NDCG@{DEPTH} {mean(rows):.4f}; "
            f"mean of the repositories {by_repository(rows):.4f}"
        )
    for row in sorted(mine, key=lambda row: row["ndcg10"])[:misses]:
        report.say(f"  {row['ndcg10']:.2f} {row['repo']} {row['query']!r}\n       want {', '.join(row['wanted'])}")
        report.say(f"       got  {', '.join(row['got'])}")


def semble_words(cache: str) -> SembleWords | None:
    """None when the package is not installed."""
    try:
        return SembleWords(cache)
    except ImportError:
        return None


def quality(bench: Bench, annotations: Path | None, repos: Path | None) -> None:
    """The part of benches/run.py."""
    if annotations is None or repos is None:
        bench.report.say("\nquality: left out; it needs --annotations DIR and --repos DIR")
        return
    present, absent = load(annotations, repos)
    if not present:
        bench.report.say("\nquality: left out; no repository has both annotations and a checkout")
        return
    engines: list[Engine] = [Binary(bench.command, bench.env)]
    semble = semble_words(bench.env["XDG_CACHE_HOME"])
    engines += [semble] if semble else []
    found = [(engine, *answer(engine, present)) for engine in engines]
    show(bench.report, "quality", found)
    if absent:
        bench.report.say(f"  not there, left out: {', '.join(absent)}")
    bench.report.data["quality"] = {
        "absent": absent,
        **{engine.name: {"ndcg10": mean(rows), "seconds": seconds, "queries": rows} for engine, rows, seconds in found},
    }
    bench.report.bar("NDCG@10 on annotated queries", mean(found[0][1]), BAR, "", at_least=True)


def ablate(report: Report, sets: list[tuple[str, list[Repository]]], indexes: Path, weights: dict[str, float]) -> None:
    """Each weight at the value at which its signal says nothing, the others as they are."""
    from greppy._core import engine as core

    names = [name for name in core.weights() if name not in NOT_SIGNALS]
    doors = {repository.name: Door(indexes) for _, repositories in sets for repository in repositories}
    for _, repositories in sets:
        for repository in repositories:
            doors[repository.name].open(repository.root)

    def score(changes: dict[str, float]) -> list[float]:
        out = []
        for _, repositories in sets:
            rows = []
            for repository in repositories:
                door = doors[repository.name]
                door.weights = {**weights, **changes}
                rows += [
                    {"repo": repository.name, "ndcg10": ndcg(door.search(item.query), item.targets)}
                    for item in repository.items
                ]
            out.append(by_repository(rows))
        return out

    full = score({})
    table = [["everything", *(f"{value:.4f}" for value in full)]]
    for name in names:
        values = score({name: NEUTRAL.get(name, 0.0)})
        table.append([f"without {name}", *(f"{v:.4f} ({v - f:+.4f})" for v, f in zip(values, full, strict=True))])
    values = score(dict.fromkeys((name for name in names if name not in ("chunks", *NEUTRAL)), 0.0) | NEUTRAL)
    table.append(["best chunks alone", *(f"{v:.4f} ({v - f:+.4f})" for v, f in zip(values, full, strict=True))])
    report.table("ablation: mean NDCG@10 of the repositories", ["", *(name for name, _ in sets)], table)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/quality.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--annotations", type=Path, action="append", required=True, metavar="DIR")
    parser.add_argument("--repos", type=Path, action="append", required=True, metavar="DIR")
    parser.add_argument("--greppy", type=Path, default=ROOT / "dist" / "greppy", metavar="PATH", help="the executable")
    parser.add_argument("--door", action="store_true", help="ask the engine in this process instead")
    parser.add_argument("--weight", action="append", default=[], metavar="NAME=VALUE", help="with --door")
    parser.add_argument("--ablate", action="store_true", help="with --door: each signal switched off in turn")
    parser.add_argument("--semble", action="store_true", help="semble's keyword half as well")
    parser.add_argument("--misses", type=int, default=0, metavar="N", help="the N worst queries")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every query's score there")
    return parser.parse_args()


def measure(options: argparse.Namespace, temp: Path) -> None:
    if len(options.annotations) != len(options.repos):
        raise BenchError("--annotations and --repos come in pairs")
    if (options.weight or options.ablate) and not options.door:
        raise BenchError("--weight and --ablate need --door")
    report = Report()
    weights = {name: float(value) for name, _, value in (one.partition("=") for one in options.weight)}
    env = isolated(temp)
    engines: list[Engine] = [
        Door(temp / "indexes", weights)
        if options.door
        else Binary(lambda name, *a, good=(0, 1): Command(name, (str(options.greppy), *a), good), env)
    ]
    if options.semble:
        engines.append(SembleWords(env["XDG_CACHE_HOME"]))
    sets = []
    for folder, repos in zip(options.annotations, options.repos, strict=True):
        name, present, absent = load_set(folder, repos)
        sets.append((name, present))
        found = [(engine, *answer(engine, present)) for engine in engines]
        show(report, name, found, options.misses)
        if absent:
            report.say(f"  not there, left out: {', '.join(absent)}")
        report.data[name] = {engine.name: rows for engine, rows, _ in found}
    if options.ablate:
        ablate(report, sets, temp / "indexes", weights)
    if options.json:
        options.json.write_text(json.dumps(report.data, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    options = arguments()
    options.greppy = options.greppy.resolve()  # commands run elsewhere
    options.json = options.json and options.json.resolve()
    for folder in (*options.annotations, *options.repos):
        if not folder.is_dir():
            print(f"benches/quality.py: {folder}: no such folder", file=sys.stderr)
            return 2
    if not options.door and not os.access(options.greppy, os.X_OK):
        print(f"benches/quality.py: {options.greppy}: no such executable; make build makes it", file=sys.stderr)
        return 2
    return in_temporary_folder("benches/quality.py", lambda temp: measure(options, temp))


if __name__ == "__main__":
    sys.exit(main())
