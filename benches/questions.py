"""A thousand real questions about a tree, taken from what its own text says; the same tree gives the same questions.

The mixture is `SHARES`: what people paste or type when they look for a place. None is made up, none is left out for
being hard: sentences keep their small words, messages what is left when the directives of printf are cut out.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

SHARES = {
    "name": 0.25,  # of a definition, as it is written
    "name in words": 0.15,  # the same, taken apart: "ext4 fc replay scan"
    "comment": 0.25,  # the first line of one, to its first full stop
    "message": 0.2,  # a string in the code with three words or more
    "subject": 0.15,  # "ext4: " and another comment, which is how the subjects of commits read
}
COMMENT = re.compile(r'^\s*(?:/\*+!?|\*(?=\s|$)|//[/!]?|#+(?=\s)|--(?=\s)|r?"{3})\s*(.*?)\s*(?:\*+/.*|"{3})?$')
NAME_OF = re.compile(r"^@?[\w.]+(?:\(\))?:?\s+-+\s+")  # "kfree() - free memory"
MESSAGE = re.compile(r'"((?:[^"\\\n]|\\.){12,100})"')
DIRECTIVE = re.compile(r"%[-+#0 ]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z)?[a-zA-Z]+|\\.|[{<][^}>]*[}>]")
PART = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+[a-z]*")
WORD = re.compile(r"(?<![^\s(])[a-z]+(?![^\s,.:;)?!])")
LEAST_WORDS, LEAST_NAME = 3, 4


def chance(text: str) -> bytes:
    """The place of a text or path in an order of chance that never changes."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _sentence(text: str) -> bool:
    return text[:1].isalpha() and len(WORD.findall(text)) >= LEAST_WORDS


def _comments(text: str) -> list[str]:
    """The first line with words of each comment."""
    found = []
    inside = False  # this comment has had its line
    for line in text.split("\n"):
        match = COMMENT.match(line)
        if match is None:
            inside = False
        elif not inside and match[1]:
            inside = True
            found.append(re.split(r"\.(?:\s|$)", NAME_OF.sub("", match[1]))[0])
    return [one for one in found if _sentence(one)]


def _messages(text: str) -> list[str]:
    cleaned = (" ".join(DIRECTIVE.sub(" ", found).split()) for found in MESSAGE.findall(text))
    return [one for one in cleaned if _sentence(one)]


def _said(engine: Any, root: Path, path: str) -> dict[str, list[str]]:
    """What one file gives, by kind."""
    raw = (root / path).read_bytes()
    language = engine.language_of(path.encode("utf-8", "surrogateescape"), raw[:256])
    text = raw.decode("utf-8", "replace")
    names = {name.decode("utf-8", "replace") for _, name, *_ in engine.outline(raw, language)}
    names = {name for name in names if len(name) >= LEAST_NAME and name.isidentifier()}
    comments = sorted(set(_comments(text)), key=chance)
    folder = Path(path).parent.name
    return {
        "name": [name for name in names if chance(name)[-1] % 2],
        "name in words": [
            " ".join(parts).lower()
            for name in names
            if not chance(name)[-1] % 2 and len(parts := PART.findall(name)) > 1
        ],
        "comment": comments[0::2],
        "message": _messages(text),
        "subject": [f"{folder}: {comment}" for comment in comments[1::2]] if folder else [],
    }


def questions(engine: Any, root: Path, paths: list[str], n: int, fixed: list[str]) -> dict[str, str]:
    """At most `n` questions → kind, in an order of chance: the `fixed` ones and, of each kind, one of each file, then
    a second of each, until there are enough. A small tree may not have enough of a kind: then there are fewer."""
    wanted = {kind: round(share * (n - len(fixed))) for kind, share in SHARES.items()}
    found: dict[str, list[list[str]]] = defaultdict(list)
    for path in sorted(paths, key=chance):
        for kind, texts in _said(engine, root, path).items():
            if texts:
                found[kind].append(sorted(set(texts), key=chance))
        if all(len(found[kind]) >= count for kind, count in wanted.items()):
            break
    out = dict.fromkeys(fixed, "fixed")
    for kind, count in wanted.items():
        turns = chain.from_iterable(zip_longest(*found[kind]))
        fresh = dict.fromkeys(text for text in turns if text is not None and text not in out)
        out |= dict.fromkeys(list(fresh)[:count], kind)
    return {text: out[text] for text in sorted(out, key=chance)}
