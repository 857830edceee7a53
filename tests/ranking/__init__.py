"""Annotated questions about the standard library, and how well a ranking answers them."""

from __future__ import annotations

import ast
import json
import math
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

DEPTH = 10
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
QUESTIONS = Path(__file__).with_name("stdlib.json")
# What is no part of the library's source, or not on every machine.
LEFT_OUT_TEXT = "site-packages dist-packages test tests idlelib tkinter lib2to3 turtledemo ensurepip __pycache__"
LEFT_OUT = frozenset(LEFT_OUT_TEXT.split())


def questions() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    return found


def sources() -> Iterator[str]:
    """The library's modules, relative to its folder."""
    for path in sorted(LIBRARY.rglob("*.py")):
        relative = path.relative_to(LIBRARY)
        if not LEFT_OUT & set(relative.parts[:-1]) and not relative.parts[0].startswith("config-"):
            yield relative.as_posix()


def _definitions(body: list[Any], prefix: str) -> Iterator[tuple[str, int, int]]:
    """(dotted name, first line with decorators, last line) of every definition, conditional ones too."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            yield prefix + node.name, first, node.end_lineno or node.lineno
            yield from _definitions(node.body, prefix + node.name + ".")
        else:
            for field in ("body", "orelse", "handlers", "finalbody"):
                yield from _definitions(getattr(node, field, []), prefix)


@cache
def spans(path: str) -> dict[str, list[tuple[int, int]]]:
    spans = defaultdict(list)
    for name, first, last in _definitions(ast.parse((LIBRARY / path).read_bytes()).body, ""):
        spans[name].append((first, last))
    return spans


def answers(place: tuple[str, int, int], target: str | dict[str, str]) -> bool:
    """Whether a place (path, first line, last line) lies in the target's file and overlaps a definition of its name."""
    path, first, last = place
    if isinstance(target, str):
        return path == target
    return path == target["path"] and any(a <= last and first <= b for a, b in spans(path)[target["name"]])


def ndcg(places: list[tuple[str, int, int]], targets: list[str | dict[str, str]]) -> float:
    """Normalised discounted cumulative gain at ten, binary: each target counts at the first place that answers it."""
    ranks = {next((i for i, place in enumerate(places[:DEPTH]) if answers(place, target)), None) for target in targets}
    gain = sum(1 / math.log2(rank + 2) for rank in ranks if rank is not None)
    return gain / sum(1 / math.log2(rank + 2) for rank in range(min(DEPTH, len(targets))))
