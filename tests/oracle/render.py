"""What a search prints of a place, from what the manual says of it; slow and obvious.

Which bytes of a line the question matches comes from `engine.matches` (held by test_match), and how wide a character is
from `engine.cp_width` (held by test_unicode)."""

from __future__ import annotations

import codecs
import os
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

from greppy._core import engine

LINE_BYTES = 4096  # of a line that are looked at
PATH, NUMBER, MATCH, PLAIN = b"\x1b[35m", b"\x1b[32m", b"\x1b[1;31m", b"\x1b[0m"
REPLACED = "\ufffd"
UNENDING = 1 << 32

codecs.register_error("each byte", lambda error: (REPLACED * (error.end - error.start), error.end))  # type: ignore[attr-defined]


@dataclass
class Place:
    path: bytes
    text: bytes  # of the lines from `first` on
    first: int  # lines count from 0
    start: int  # the chunk: [start, end)
    end: int
    best: int
    definition: int  # the line of the one that holds the best line, or -1

    def lines(self) -> dict[int, bytes]:
        lines = self.text.split(b"\n")
        if not lines[-1]:
            lines.pop()
        return {self.first + n: line.removesuffix(b"\r") for n, line in enumerate(lines)}

    def as_tuple(self) -> tuple[bytes, bytes, int, int, int, int, int]:
        return self.path, self.text, self.first, self.start, self.end, self.best, self.definition


@dataclass
class Style:
    color: bool = False
    heading: bool = False
    chunk: bool = False
    nul: bool = False
    harmless: bool = False
    before: int = 0
    after: int = 0
    width: int = 0
    link: bytes | None = None
    prefix: bytes = b""
    strip: bytes = b""

    def paint(self, code: bytes, text: bytes) -> bytes:
        return code + text + PLAIN if self.color else text


# ------------------------------------------------------------------------------------------------- single characters


def commands_terminal(char: str) -> bool:
    """C1 controls, and what turns the direction of the text around (Unicode's Bidi_Control)."""
    cp = ord(char)
    return 0x80 <= cp < 0xA0 or char in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def characters(text: bytes) -> Iterable[tuple[str, int]]:
    """(what is shown of it, its columns) of every character."""
    columns = 0
    for char in text.decode("utf-8", "each byte"):
        before = columns
        if char == "\t":
            shown, columns = "    ", 4
        elif char < " " or char == "\x7f":
            shown, columns = "^" + chr(ord(char) ^ 64), 2
        elif commands_terminal(char) or char == REPLACED:
            shown, columns = REPLACED, 1
        elif char == "\ufe0f":
            shown, columns = char, int(before != 2)
        else:
            shown, columns = char, 1 if char < "\x7f" else engine.cp_width(ord(char))
        yield shown, columns


@dataclass
class Room:
    columns: int
    out: list[str] = field(default_factory=list)

    def add(self, text: bytes) -> None:
        """As much of it as fits; behind what does not fit nothing else does."""
        for shown, columns in characters(text):
            if columns > self.columns:
                self.columns = 0
                break
            self.columns -= columns
            self.out.append(shown)


def harmless(text: bytes) -> bytes:
    return "".join(shown for shown, _ in characters(text)).encode()


def marked(style: Style, question: bytes, line: bytes, margin: int) -> bytes:
    """A line behind `margin` columns: matches in colour, cut where the terminal ends."""
    columns = max(style.width - margin, 0) if style.width else UNENDING
    cut = sum(width for _, width in characters(line)) > columns
    room = Room(columns - 1 if cut and columns else columns)
    done = 0
    for at, n in engine.matches(question, line[:LINE_BYTES])[1] if style.color else ():
        if not room.columns:
            break
        # A match is coloured when anything is left behind what stands before it.
        room.add(line[done:at])
        if room.columns:
            room.out.append(MATCH.decode())
            room.add(line[at : at + n])
            room.out.append(PLAIN.decode())
        done = at + n
    if room.columns:
        room.add(line[done:])
    return "".join(room.out).encode() + ("…".encode() if cut else b"")


# ------------------------------------------------------------------------------------------------------------- paths


def shown_path(style: Style, path: bytes) -> bytes:
    """From the current folder: above the root `prefix` leads there; below it, in the folder `strip`, others climb."""
    if not style.strip:
        return style.prefix + path
    return os.path.relpath(b"/" + path, b"/" + style.strip)


def rendered_path(style: Style, path: bytes) -> bytes:
    shown = shown_path(style, path)
    shown = style.paint(PATH, harmless(shown) if style.harmless else shown)
    if style.link is None:
        return shown
    return b"\x1b]8;;" + style.link + url_path(path) + b"\x1b\\" + shown + b"\x1b]8;;\x1b\\"


def url_path(path: bytes) -> bytes:
    return urllib.parse.quote(path, safe="/").encode()


# ------------------------------------------------------------------------------------------------------------- places


def shown_lines(style: Style, question: bytes, place: Place) -> list[int]:
    lines = place.lines()
    if style.chunk:
        return [n for n in lines if place.start <= n < place.end]
    if style.before or style.after:
        return [n for n in lines if place.best - style.before <= n <= place.best + style.after]
    if not style.heading:
        return [place.best]
    # On a terminal also the definition, and of the other lines of the chunk the first of those that match most.
    shown = {place.best, place.definition} - {-1}
    others = [n for n in lines if place.start <= n < place.end and n not in shown]
    counts = {n: len(engine.matches(question, lines[n][:LINE_BYTES])[0]) for n in others}
    if any(counts.values()):
        shown.add(max(others, key=lambda n: counts[n]))
    return sorted(shown)


def render(style: Style, question: bytes, places: list[Place]) -> bytes:
    out = b""
    context = bool(style.before or style.after)
    before: Place | None = None
    for place in places:
        path = rendered_path(style, place.path)
        if style.heading and (before is None or before.path != place.path):
            out += (b"\n" if before else b"") + path + b"\n"
        elif before and (style.chunk or context):
            out += b"--\n"
        for n in shown_lines(style, question, place):
            separator = b"-" if (style.chunk or context) and n != place.best else b":"
            if not style.heading:
                out += path + (b"\0" if style.nul else separator)
            number = b"%d" % (n + 1)
            line = place.lines().get(n, b"")
            if style.heading or style.color:
                line = marked(style, question, line, len(number) + 1)
            out += style.paint(NUMBER, number) + separator + line + b"\n"
        before = place
    return out
