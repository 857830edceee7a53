"""Compare the scanner's definitions with tree-sitter's, file by file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from greppy._core import engine

from . import corpora
from .grammars import GRAMMARS, Found

FILES = 300  # with definitions in them, and understood by the grammar, are enough for a language
DECLARATION = 2  # the flag of engine.outline
DECLARED = ("c", "cpp")  # prototypes are no definitions there


@dataclass
class Agreement:
    files: int = 0
    errors: int = 0  # files left out because the grammar did not understand them
    both: int = 0  # lines with a definition for both
    ours: int = 0  # for the scanner alone
    theirs: int = 0  # for tree-sitter alone
    names: int = 0  # of `both`, lines where the names are the same
    kinds: int = 0
    confused: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.both / max(self.both + self.theirs, 1)

    @property
    def precision(self) -> float:
        return self.both / max(self.both + self.ours, 1)

    def row(self) -> dict[str, float | int]:
        return {
            "files": self.files,
            "left_out": self.errors,
            "definitions": self.both + self.theirs,
            "recall": round(self.recall, 4),
            "precision": round(self.precision, 4),
            "names": round(self.names / max(self.both, 1), 4),
            "kinds": round(self.kinds / max(self.both, 1), 4),
        }


HEADER = "| language | files | left out | definitions | recall | precision | names | kinds |\n" + "|---" * 8 + "|"


def markdown(language: str, row: dict[str, float | int]) -> str:
    cells = [f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()]
    return "| " + " | ".join([language, *cells]) + " |"


def by_row(found: Iterator[Found]) -> dict[int, list[Found]]:
    rows: dict[int, list[Found]] = {}
    for one in found:
        rows.setdefault(one.row, []).append(one)
    return rows


def ours(language: str, text: bytes) -> Iterator[Found]:
    for row, name, kind, flags, _depth, _parent in engine.outline(text, language):
        if not (flags & DECLARATION and language in DECLARED):
            yield Found(row, name.decode("utf-8", "replace"), kind)


def plain(name: str) -> str:
    """Qualified names by their last part, without white space and quotes of names."""
    name = "".join(name.split()).strip("`\"'").removeprefix('@"')
    while "operator" not in name and (arguments := re.search(r"<[^<>]*>", name)):
        name = name[: arguments.start()] + name[arguments.end() :]
    for separator in ("::", ".", ":"):
        head, _, last = name.rpartition(separator)
        if head and last and last[0] not in "=)":
            name = last
    return name


def compare(language: str, name: str, text: bytes, result: Agreement, show: bool = False) -> None:
    parsed = GRAMMARS[language].definitions(text)
    if parsed is None:
        result.errors += 1
        return
    theirs, blind = parsed
    if not theirs:
        return
    result.files += 1
    expected, got = by_row(iter(theirs)), by_row(ours(language, text))
    lines = text.split(b"\n") if show else []
    for row in sorted(expected.keys() | got.keys()):
        if row not in got:
            result.theirs += 1
            verdict = "MISSED"
        elif row not in expected:
            if row in blind:
                continue
            result.ours += 1
            verdict = "INVENTED"
        else:
            result.both += 1
            same = {plain(f.name) for f in got[row]} == {plain(f.name) for f in expected[row]}
            result.names += same
            kinds = {f.kind for f in got[row]}, {f.kind for f in expected[row]}
            result.kinds += kinds[0] == kinds[1]
            verdict = "" if same else "NAME"
            if kinds[0] != kinds[1]:
                result.confused["KIND", "+".join(sorted(kinds[1])), "+".join(sorted(kinds[0]))] += 1
        if show and verdict:
            said = [(f.kind, f.name) for f in (expected if verdict == "MISSED" else got)[row]]
            line = lines[row].decode("utf-8", "replace").strip()[:110]
            result.seen.append(f"{verdict} {name}:{row + 1} {said} {line}")
            result.confused[verdict, said[0][0], ""] += 1


def measure(language: str, files: int = FILES, show: bool = False) -> Agreement:
    """The agreement on the first files of the corpus that count."""
    result = Agreement()
    for name, text in corpora.files(language, GRAMMARS[language].extensions):
        compare(language, name, text, result, show)
        if result.files >= files:
            break
    return result


def some(lines: list[str], count: int) -> list[str]:
    """At most three a file, so that one odd file does not hide the others."""
    files: Counter[str] = Counter()
    kept = []
    for line in lines:
        file = line.split(":")[0]
        files[file] += 1
        if files[file] <= 3:
            kept.append(line)
    return list(islice(kept, count))
