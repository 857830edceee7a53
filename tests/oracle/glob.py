"""Globs by backtracking, memoised: `*` and `?` stay within a component, `**` crosses, `**/` is whole components."""

from __future__ import annotations

from functools import cache
from itertools import pairwise


def _class(pattern: bytes, at: int) -> tuple[set[int], int] | None:
    """(bytes, position behind the `]`) of the class that begins at `at`; None when it does not end."""
    i = at + 1
    negate = pattern[i : i + 1] in (b"!", b"^")
    i += negate
    members: set[int] = set()
    first = True
    while i < len(pattern) and (pattern[i] != ord("]") or first):
        first = False
        if pattern[i] == ord("\\") and i + 1 < len(pattern):
            i += 1
        if pattern[i + 1 : i + 2] == b"-" and i + 2 < len(pattern) and pattern[i + 2] != ord("]"):
            members |= set(range(pattern[i], pattern[i + 2] + 1))
            i += 3
        else:
            members.add(pattern[i])
            i += 1
    if i >= len(pattern):
        return None
    if negate:
        members = set(range(256)) - members
    return members - {ord("/")}, i + 1


def match(pattern: bytes, text: bytes) -> bool:
    @cache
    def at(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(text)
        c = pattern[i : i + 1]
        if pattern[i : i + 2] == b"**":
            end = i
            while pattern[end : end + 1] == b"*":
                end += 1
            if end == i + 2 and pattern[end : end + 1] == b"/" and (i == 0 or pattern[i - 1 : i] == b"/"):
                return any(at(end + 1, k) for k in range(j, len(text) + 1) if k == j or text[k - 1 : k] == b"/")
            return any(at(end, k) for k in range(j, len(text) + 1))
        if c == b"*":
            end = text.find(b"/", j)
            return any(at(i + 1, k) for k in range(j, (len(text) if end < 0 else end) + 1))
        if j == len(text):
            return False
        if c == b"?":
            return text[j : j + 1] != b"/" and at(i + 1, j + 1)
        if c == b"[" and (found := _class(pattern, i)):
            return text[j] in found[0] and at(found[1], j + 1)
        if c == b"\\" and i + 1 < len(pattern):
            i += 1
        return pattern[i] == text[j] and at(i + 1, j + 1)

    return at(0, 0)


def path(pattern: bytes, name: bytes) -> bool:
    """Without a slash (but at its end) for any component; with one, from the root, for the path or a folder of it."""
    return any(_path(spelled, name) for spelled in _spelled(pattern))


def _path(pattern: bytes, name: bytes) -> bool:
    ends = [i for i in range(len(name)) if name[i : i + 1] == b"/"]  # of its folders
    if pattern.endswith(b"/"):
        pattern = pattern[:-1]
    else:
        ends.append(len(name))
    if b"/" not in pattern:
        return any(match(pattern, name[:end].rpartition(b"/")[2]) for end in ends)
    pattern = pattern.removeprefix(b"/")
    return any(match(pattern, name[:end]) for end in ends)


def _spelled(pattern: bytes, depth: int = 0) -> list[bytes]:
    """The patterns that one with `{a,b}` stands for; eight pairs of braces at most, and none that is not closed."""
    start = 0
    while start < len(pattern) and pattern[start : start + 1] != b"{":
        start += 2 if pattern[start : start + 1] == b"\\" else 1
    level = 0
    cuts = [start]
    for i in range(start, len(pattern)):
        c = pattern[i : i + 1]
        level += (c == b"{") - (c == b"}")
        if c == b"," and level == 1:
            cuts.append(i)
        if c == b"}" and level == 0:
            cuts.append(i)
            break
    if start >= len(pattern) or level or depth == 8:
        return [pattern]
    choices = [pattern[a + 1 : b] for a, b in pairwise(cuts)]
    return [p for c in choices for p in _spelled(pattern[:start] + c + pattern[cuts[-1] + 1 :], depth + 1)]
