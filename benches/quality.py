"""Retrieval quality: NDCG@10 over annotated queries, the binary run as a person would run it.

ANNOTATIONS/NAME.json lists {"query", "relevant", "secondary", "category"} of one repository; a target is a path, or
{"path", "start_line", "end_line"}. repos.json, there or one folder up, lists {"name", "language", "benchmark_root"}.
REPOS/NAME holds a checkout. The keyword half of semble answers the same queries where it is installed.
"""

from __future__ import annotations

import collections
import json
import math
import statistics
from pathlib import Path
from typing import Any

from bench import Bench
from processes import BenchError, once, watch
from semble_peer import semble_words

BAR = 0.80
DEPTH = 10
Place = tuple[str, int, int]  # path, first line, last line


def _same_path(a: str, b: str) -> bool:
    """Annotations may be rooted elsewhere than the project: one path may be the tail of the other."""
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def _answers(place: Place, target: str | dict[str, Any]) -> bool:
    """Whether a place lies in a target's file and, where it has lines, overlaps them."""
    path, first, last = place
    if isinstance(target, str):
        return _same_path(path, target)
    if not _same_path(path, target["path"]):
        return False
    return target.get("start_line") is None or (first <= int(target["end_line"]) and last >= int(target["start_line"]))


def ndcg(places: list[Place], targets: list[str | dict[str, Any]]) -> float:
    """Normalised discounted cumulative gain at ten (Järvelin & Kekäläinen 2002), binary relevance.

    A target is found at the best rank that answers it, and a rank counts once however many targets it answers.
    """
    ranks = set()
    for target in targets:
        rank = next((i for i, place in enumerate(places[:DEPTH]) if _answers(place, target)), None)
        if rank is not None:
            ranks.add(rank)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(DEPTH, len(targets))))
    return sum(1 / math.log2(rank + 2) for rank in ranks) / ideal


def _repositories(annotations: Path, repos: Path) -> tuple[list[tuple[dict[str, Any], Path]], list[str]]:
    """([(what repos.json says, root)], names that are not there)."""
    listings = [path / "repos.json" for path in (annotations, annotations.parent)]
    listing = next((path for path in listings if path.is_file()), None)
    if listing is None:
        raise BenchError(f"{annotations}: no repos.json there or one folder up")
    present, absent = [], []
    for spec in json.loads(listing.read_text(encoding="utf-8")):
        root = repos / spec["name"] / (spec.get("benchmark_root") or ".")
        if (annotations / f"{spec['name']}.json").is_file() and root.is_dir():
            present.append((spec, root.resolve()))
        else:
            absent.append(spec["name"])
    return present, absent


def _search(bench: Bench, root: Path, query: str) -> list[Place]:
    arguments = ("search", "-p", str(root), "-n", str(DEPTH), "--json", "--", query)
    output = once(bench.command("greppy", *arguments), str(root), bench.env)[1]
    results = json.loads(output)["results"] if output.strip() else []
    return [(place["path"], int(place["start_line"]), int(place["end_line"])) for place in results]


def _mean(values: list[float]) -> str:
    return f"{statistics.fmean(values):.3f}" if values else "-"


def quality(bench: Bench, annotations: Path | None, repos: Path | None) -> None:
    if annotations is None or repos is None:
        bench.report.say("\nquality: left out; it needs --annotations DIR and --repos DIR")
        return
    present, absent = _repositories(annotations, repos)
    if not present:
        bench.report.say("\nquality: left out; no repository has both annotations and a checkout")
        return
    semble = semble_words(bench.env["XDG_CACHE_HOME"])
    rows, scores = [], []
    groups: dict[str, dict[str, list[float]]] = {"category": collections.defaultdict(list)}
    groups["language"] = collections.defaultdict(list)
    for spec, root in present:
        indexing = watch(bench.command("greppy", "index", "-p", str(root), good=(0,)), str(root), bench.env)
        mine, theirs = [], []
        their_seconds = semble.open(root) if semble else 0.0
        for item in json.loads((annotations / f"{spec['name']}.json").read_text(encoding="utf-8")):
            targets = item.get("relevant", []) + item.get("secondary", [])
            if not targets:
                continue
            score = ndcg(_search(bench, root, item["query"]), targets)
            category = item.get("category") or ("semantic" if " " in item["query"] else "symbol")
            groups["category"][category].append(score)
            groups["language"][spec["language"]].append(score)
            mine.append(score)
            scores.append({"repo": spec["name"], "query": item["query"], "category": category, "ndcg10": score})
            if semble:
                theirs.append(ndcg(semble.search(item["query"], DEPTH), targets))
                scores[-1]["semble_words_ndcg10"] = theirs[-1]
        rows.append([spec["name"], spec["language"], str(len(mine)), _mean(mine), f"{indexing.seconds:.2f}"])
        rows[-1] += [_mean(theirs), f"{their_seconds:.2f}"] if semble else []
    columns = ["repository", "<language", "queries", "NDCG@10", "index s"]
    bench.report.table("quality", columns + (["semble's keywords", "its index s"] if semble else []), rows)
    for name, group in groups.items():
        parts = (f"{key} {statistics.fmean(values):.3f}" for key, values in sorted(group.items()))
        bench.report.say(f"  by {name}: {', '.join(parts)}")
    mean_of_all = statistics.fmean(row["ndcg10"] for row in scores)
    bench.report.say(f"  {len(scores)} queries on {len(present)} repositories: NDCG@10 {mean_of_all:.4f}")
    if semble:
        theirs_of_all = statistics.fmean(row["semble_words_ndcg10"] for row in scores)
        bench.report.say(f"  semble without its embeddings, the same queries: {theirs_of_all:.4f}")
    if absent:
        bench.report.say(f"  not there, left out: {', '.join(absent)}")
    bench.report.data["quality"] = {"ndcg10": mean_of_all, "absent": absent, "queries": scores}
    bench.report.bar("NDCG@10 on annotated queries", mean_of_all, BAR, "", at_least=True)
