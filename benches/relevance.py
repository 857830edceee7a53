"""Annotated queries and how well a ranking answers them.

ANNOTATIONS/NAME.json lists {"query", "relevant", "secondary", "category"} of one repository; a target is a path, or
{"path", "start_line", "end_line"}. repos.json, there or one folder up, lists {"name", "language", "benchmark_root"}.
REPOS/NAME holds a checkout.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import BenchError

DEPTH = 10
Place = tuple[str, int, int]  # path, first line, last line
Target = str | dict[str, Any]


@dataclass(frozen=True)
class Item:
    query: str
    category: str
    targets: list[Target]


@dataclass(frozen=True)
class Repository:
    name: str
    language: str
    root: Path
    items: list[Item]


def same_path(a: str, b: str) -> bool:
    """Annotations may be rooted elsewhere than the project: one path may be the tail of the other."""
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def target_path(target: Target) -> str:
    return target if isinstance(target, str) else str(target["path"])


def answers(place: Place, target: Target) -> bool:
    """Whether a place lies in a target's file and, where it has lines, overlaps them."""
    path, first, last = place
    if not same_path(path, target_path(target)):
        return False
    if isinstance(target, str) or target.get("start_line") is None:
        return True
    return first <= int(target["end_line"]) and last >= int(target["start_line"])


def gain(ranks: set[int], targets: int) -> float:
    """Normalised discounted cumulative gain at ten (Järvelin & Kekäläinen 2002), binary relevance, of the ranks (from
    0) at which something relevant stands."""
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(DEPTH, targets)))
    return sum(1 / math.log2(rank + 2) for rank in ranks if rank < DEPTH) / ideal


def ndcg(places: list[Place], targets: list[Target]) -> float:
    """A target is found at the best rank that answers it; a rank counts once however many targets it answers."""
    ranks = set()
    for target in targets:
        rank = next((i for i, place in enumerate(places[:DEPTH]) if answers(place, target)), None)
        if rank is not None:
            ranks.add(rank)
    return gain(ranks, len(targets))


def _items(path: Path) -> list[Item]:
    out = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        targets = entry.get("relevant", []) + entry.get("secondary", [])
        if targets:
            category = entry.get("category") or ("semantic" if " " in entry["query"] else "symbol")
            out.append(Item(entry["query"], category, targets))
    return out


def load(annotations: Path, checkouts: Path) -> tuple[list[Repository], list[str]]:
    """(repositories that have both annotations and a checkout, names of the others)."""
    listings = [path / "repos.json" for path in (annotations, annotations.parent)]
    listing = next((path for path in listings if path.is_file()), None)
    if listing is None:
        raise BenchError(f"{annotations}: no repos.json there or one folder up")
    present, absent = [], []
    for spec in json.loads(listing.read_text(encoding="utf-8")):
        root = checkouts / spec["name"] / (spec.get("benchmark_root") or ".")
        queries = annotations / f"{spec['name']}.json"
        if queries.is_file() and root.is_dir():
            present.append(Repository(spec["name"], spec["language"], root.resolve(), _items(queries)))
        else:
            absent.append(spec["name"])
    return present, absent


def load_set(annotations: Path, checkouts: Path) -> tuple[str, list[Repository], list[str]]:
    """(name of the set, what `load` gives); BenchError when no repository is there."""
    annotations = annotations.resolve()
    present, absent = load(annotations, checkouts.resolve())
    if not present:
        raise BenchError(f"{annotations}: no repository has both annotations and a checkout in {checkouts}")
    return annotations.parent.name if annotations.name in ("ann", "annotations") else annotations.name, present, absent
