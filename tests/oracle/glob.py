"""Globs by plain backtracking, memoised: `*` and `?` stay within a component, `**` crosses, `**/` is whole components."""

from __future__ import annotations

from functools import lru_cache


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
    @lru_cache(maxsize=None)
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
    if pattern.endswith(b"/"):
        pattern = pattern[:-1]
    if b"/" not in pattern:
        return any(match(pattern, part) for part in name.split(b"/"))
    pattern = pattern.removeprefix(b"/")
    return any(match(pattern, name[:i]) for i in range(len(name) + 1) if i == len(name) or name[i : i + 1] == b"/")
