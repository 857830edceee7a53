"""Posting lists decoded from their description in `_core/postings.pxd`, one bit at a time."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK = 128
RANGE = 64
RANGED = 8192
LEVELS = 16
FINEST = 8
SKIP = struct.Struct("<IIBBBB")


@dataclass(frozen=True)
class Skip:
    last: int
    end: int  # in words of 4 bytes, from the end of the ranges
    top_code: int
    impact: int
    doc_bits: int
    exceptions: int


WEIGHTS = [2, 3, 4, 5, 6, 8, 9, 11, 13, 17, 22, 30, 42, 64, 100, 160]  # in halves, by code


def code(weight: int) -> int:
    """The highest code that does not exaggerate."""
    return max((c for c, w in enumerate(WEIGHTS) if w <= weight), default=0)


def lengths() -> list[int]:
    """The smallest length of each code: exact below 32, then sixteen steps for each doubling."""
    out = list(range(32))
    base = 32
    while len(out) < 256:
        out += [base + i * base // 16 for i in range(16)]
        base *= 2
    return out[:256]


def unpacked(data: bytes, bits: int) -> list[int]:
    """128 values in four interleaved lanes: value i is number i // 4 of lane i % 4, a lane every fourth word."""
    words = struct.unpack(f"<{4 * bits}I", data[: 16 * bits])
    lanes = [sum(words[4 * k + lane] << (32 * k) for k in range(bits)) for lane in range(4)]
    return [(lanes[i % 4] >> (i // 4 * bits)) & ((1 << bits) - 1) for i in range(BLOCK)]


def leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def documents(data: bytes, bits: int, top_code: int, exceptions: int, before: int) -> list[int]:
    """Those of one block, whatever its parts are; IndexError when they are not all there."""
    deltas = unpacked(data.ljust(16 * bits, b"\0"), bits)
    at = 16 * (bits + top_code.bit_length())
    positions = data[at : at + exceptions]
    at += exceptions
    if len(data) < at:
        raise IndexError
    for position in positions:
        high, at = leb128(data, at)
        deltas[position] |= (high << bits) & 0xFFFFFFFF
    last = before if before != 0xFFFFFFFF else -1
    docs = []
    for delta in deltas:
        last += delta + 1
        docs.append(last)
    return docs


def decode(data: bytes, n_docs: int, start: int = 0) -> tuple[list[int], list[int], int, list[Skip], list[int]]:
    """(documents, codes, where the list ends, skips, bounds of ranges) of the list that begins at `start`, in a segment
    of `n_docs` documents."""
    docs: list[int] = []
    codes: list[int] = []
    count, at = leb128(data, start)
    skips = []
    last = -1
    if count >= BLOCK:
        while at % 4:
            assert data[at] == 0
            at += 1
        skips = [Skip(*SKIP.unpack_from(data, at + i * SKIP.size)) for i in range(count // BLOCK)]
        at += len(skips) * SKIP.size
    bounds = []
    if count >= RANGED:
        ranges = -(-n_docs // RANGE)
        half = -(-ranges // 8) * 4
        levels = data[at : at + LEVELS]
        at += LEVELS
        pairs = data[at : at + half]
        both = [byte & 15 for byte in pairs] + [byte >> 4 for byte in pairs]
        assert not any(both[ranges:])
        bounds = [levels[level] for level in both[:ranges]]
        at += half
    base = at
    for skip in skips:
        docs += documents(data[at:], skip.doc_bits, skip.top_code, skip.exceptions, last)
        last = docs[-1]
        at += 16 * skip.doc_bits
        codes += unpacked(data[at:], skip.top_code.bit_length())
        at += 16 * skip.top_code.bit_length()
        positions = data[at : at + skip.exceptions]
        assert list(positions) == sorted(set(positions))
        at += skip.exceptions
        for _ in positions:
            high, at = leb128(data, at)
            assert high > 0
        while (at - base) % 4:
            assert data[at] == 0
            at += 1
        assert at == base + 4 * skip.end
        assert last == skip.last
    left = count % BLOCK
    for i in range(left):
        codes.append((data[at + i // 2] >> (4 * (i % 2))) & 15)
    at += (left + 1) // 2
    for _ in range(left):
        delta, at = leb128(data, at)
        last += delta + 1
        docs.append(last)
    return docs, codes, at, skips, bounds


def check_bounds(
    skips: Sequence[Skip],
    bounds: Sequence[int],
    docs: Sequence[int],
    codes: Sequence[int],
    length_codes: Sequence[int],
) -> None:
    """A block's impact bounds its best score, and closely; so does that of a range. `length_codes`: of all documents of
    the segment."""
    assert len(skips) == len(docs) // BLOCK
    assert len(bounds) == (-(-len(length_codes) // RANGE) if len(docs) >= RANGED else 0)
    table = lengths()
    counts = Counter(length_codes) if skips else Counter([0])
    average = sum(table[code] * n for code, n in counts.items()) / counts.total() or 1

    def impact(doc: int, code: int) -> float:
        return 255 * WEIGHTS[code] / (3 * (0.4 + 0.6 * table[length_codes[doc]] / average) + WEIGHTS[code])

    for number, skip in enumerate(skips):
        block = slice(BLOCK * number, BLOCK * (number + 1))
        assert skip.last == docs[block][-1]
        assert skip.top_code == max(codes[block])
        best = max(map(impact, docs[block], codes[block]))
        assert best <= skip.impact <= best + 1.001 or skip.impact == 255
    if bounds:
        most = [0] * len(bounds)
        for doc, code in zip(docs, codes, strict=True):
            k = 2 * 1.5 * (1 - 0.6 + 0.6 * table[length_codes[doc]] / average)
            step = min(255, int(255 * (WEIGHTS[code] / (k + WEIGHTS[code])) + 1))
            most[doc // RANGE] = max(most[doc // RANGE], step)
        assert list(bounds) == leveled(most)


def leveled(most: Sequence[int]) -> list[int]:
    """The highest impacts of ranges, each raised to that of its level, as `_core/ranges.pxd` chooses them."""
    used = sorted((step for step in most if step), reverse=True)

    def targets(g: int) -> list[int]:
        found = [FINEST]
        while len(found) < LEVELS - 2:
            found.append(found[-1] + found[-1] * g // 16 + 1)
        return found

    g = 0
    while targets(g)[-1] < len(used):
        g += 1
    raised = {0: 0}
    covered = 0
    for target in targets(g):
        if covered == len(used) or covered >= target:
            continue
        top = used[covered]
        while covered < min(target, len(used)):
            raised[used[covered]] = top
            covered += used.count(used[covered])
    return [raised[step] for step in most]
