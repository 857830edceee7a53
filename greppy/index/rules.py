"""The rules of ignore files as gitignore(5) and git's wildmatch.c have them, on paths as bytes.

pathspec was tried: it lets `[!a]` match a slash, raises on rules that git passes over, and mixes up a rule that
matches a folder with one that matches what is in it (`*`, `!*/`, `!*.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_CLASSES = {
    b"alnum": rb"0-9A-Za-z", b"alpha": rb"A-Za-z", b"blank": rb" \t", b"cntrl": rb"\x00-\x1f\x7f", b"digit": rb"0-9",
    b"graph": rb"!-~", b"lower": rb"a-z", b"print": rb" -~", b"punct": rb"!-/:-@\[-`{-~", b"space": rb"\t-\r ",
    b"upper": rb"A-Z", b"xdigit": rb"0-9A-Fa-f",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One line of an ignore file."""

    match: re.Pattern[bytes]
    negated: bool
    folders_only: bool
    whole: bool  # against the path from the file's folder; else against the last component


def parse(line: bytes) -> Rule | None:
    """The rule of a line without its newline; None when the line means nothing."""
    text = _trimmed(line)
    if text.startswith(b"#"):
        return None
    negated = text.startswith(b"!")
    text = text[negated:]
    folders_only = text.endswith(b"/")
    text = text[: len(text) - folders_only]
    whole = b"/" in text
    pattern = _translate(text.removeprefix(b"/"), whole)
    if not pattern:
        return None
    return Rule(re.compile(pattern + rb"\Z", re.DOTALL), negated, folders_only, whole)


def _trimmed(line: bytes) -> bytes:
    """Without a carriage return, and without blanks at the end unless a backslash keeps one."""
    line = line.removesuffix(b"\r")
    kept = line.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if backslashes % 2 and len(kept) < len(line) else kept


def _translate(glob: bytes, whole: bool) -> bytes | None:
    """A regular expression; None when nothing can match."""
    out = b""
    i = 0
    while i < len(glob):
        c = glob[i : i + 1]
        if c == b"\\":
            if i + 1 == len(glob):
                return None
            out += re.escape(glob[i + 1 : i + 2])
            i += 2
        elif c == b"?":
            out += b"[^/]"
            i += 1
        elif c == b"*":
            end = i
            while glob[end : end + 1] == b"*":
                end += 1
            parts = whole and end - i > 1 and (i == 0 or glob[i - 1 : i] == b"/")
            if parts and end == len(glob):
                out += b".*"
            elif parts and glob[end : end + 1] == b"/":
                out += b"(?:.*/)?"
                end += 1
            else:
                out += b"[^/]*"
            i = end
        elif c == b"[":
            found = _bracket(glob, i + 1)
            if found is None:
                return None
            expression, i = found
            out += expression
        else:
            out += re.escape(c)
            i += 1
    return out


def _bracket(glob: bytes, i: int) -> tuple[bytes, int] | None:
    """(regular expression, where it goes on) of the class whose first byte is glob[i]; None when it never ends."""
    negated = glob[i : i + 1] in (b"!", b"^")
    i += negated
    members: set[int] = set()
    before: int | None = None
    first = True
    while first or glob[i : i + 1] != b"]":
        first = False
        if i >= len(glob):
            return None
        c = glob[i]
        end = glob.find(b":]", i + 2) if glob[i : i + 2] == b"[:" else -1
        if end >= 0 and b"]" not in glob[i + 2 : end]:
            named = _CLASSES.get(glob[i + 2 : end])
            if named is None:
                return None
            members |= {byte for byte in range(256) if re.match(b"[" + named + b"]", bytes((byte,)))}
            before = None
            i = end + 2
            continue
        if c == 0x2D and before is not None and i + 1 < len(glob) and glob[i + 1] != 0x5D:
            i += 1
            if glob[i] == 0x5C:
                i += 1
            if i >= len(glob):
                return None
            members |= set(range(before, glob[i] + 1))
            before = None
            i += 1
            continue
        if c == 0x5C:
            i += 1
            if i >= len(glob):
                return None
            c = glob[i]
        members.add(c)
        before = c
        i += 1
    if negated:
        members = set(range(256)) - members
    members.discard(0x2F)
    if not members:
        return None
    return b"[" + b"".join(b"\\x%02x" % byte for byte in sorted(members)) + b"]", i + 1


@dataclass
class Rules:
    """The rules of one folder's ignore files, in order: the last that matches decides."""

    rules: list[Rule] = field(default_factory=list)
    _any: dict[bool, re.Pattern[bytes]] = field(default_factory=dict)  # one expression for all: most paths match none

    @classmethod
    def of(cls, text: bytes) -> Rules:
        lines = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        found = cls([rule for rule in map(parse, lines) if rule is not None])
        for whole in (False, True):
            patterns = [rule.match.pattern for rule in found.rules if rule.whole is whole]
            if patterns:
                found._any[whole] = re.compile(b"|".join(patterns), re.DOTALL)
        return found

    def verdict(self, path: bytes, is_folder: bool) -> bool | None:
        """Ignored, not ignored, or no rule says anything. `path` is relative to the folder."""
        name = path.rpartition(b"/")[2]
        if not any(pattern.match(path if whole else name) for whole, pattern in self._any.items()):
            return None
        for rule in reversed(self.rules):
            if (is_folder or not rule.folders_only) and rule.match.match(path if rule.whole else name):
                return not rule.negated
        return None
