"""The cache of smart answers as a dict, and its file read with struct and xxhash; from `_core/answers.pxd`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import xxhash

MAGIC = b"\x89GRPL2\r\n"
HEADER = struct.Struct("<8sIIQ4072x")
COUNTS = struct.Struct("<QQ")
SLOT = struct.Struct("<QI4x")
RECORD = struct.Struct("<QIHH")
PAGES, PAGE, PAGE_SLOTS = 32, 4096, 255
SLOTS = PAGES * PAGE_SLOTS
INDEX = HEADER.size + PAGES * PAGE
MOST, BYTES, TTL, NOTED = 5000, 8_000_000, 7 * 24 * 3600, 60
PRIME, MASK = 0x9E3779B185EBCA87, 2**64 - 1


@dataclass
class Entry:
    body: bytes
    created: int
    used: int


@dataclass
class Answers:
    entries: dict[bytes, Entry] = field(default_factory=dict)  # in the order of the file, the stale ones too
    size: int = 0  # of the file; 0: there is none
    hits: int = 0
    misses: int = 0

    def get(self, key: bytes, now: int) -> bytes | None:
        entry = self.entries.get(key)
        found = entry is not None and _valid(entry, now)
        if self.size:
            self.hits += found
            self.misses += not found
        if entry is None or not found:
            return None
        if abs(entry.used - now) >= NOTED:
            entry.used = now
        return entry.body

    def put(self, key: bytes, body: bytes, now: int) -> None:
        size = RECORD.size + len(key) + len(body)
        fits = self.size and self.size + size <= BYTES and (key in self.entries or len(self.entries) < MOST)
        self.entries.pop(key, None)
        if not fits:
            kept = self._by_use(now)
            while kept and (len(kept) >= MOST or _file_bytes(kept) + size > BYTES):
                kept = dict(list(kept.items())[-(-len(kept) // 5) :])
            self.entries = kept
            self.size = _file_bytes(kept)
        self.entries[key] = Entry(body, now, now)
        self.size += size

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    def list(self, now: int) -> list[tuple[bytes, bytes, int, int]]:
        return [(key, e.body, e.created, e.used) for key, e in reversed(self._by_use(now).items())]

    def stats(self, now: int) -> dict[str, int | None]:
        entries = self._by_use(now)
        return {
            "entries": len(entries),
            "bytes": _file_bytes(entries) - INDEX,
            "file_bytes": self.size,
            "hits": self.hits,
            "misses": self.misses,
            "oldest": min((e.created for e in entries.values()), default=None),
        }

    def _by_use(self, now: int) -> dict[bytes, Entry]:
        """Those that are not too old, the least recently used first; one put earlier before one put later."""
        valid = [(key, Entry(e.body, e.created, min(e.used, now))) for key, e in self.entries.items() if _valid(e, now)]
        return dict(sorted(valid, key=lambda pair: pair[1].used))


def _valid(entry: Entry, now: int) -> bool:
    return abs(now - entry.created) < TTL


def _file_bytes(entries: dict[bytes, Entry]) -> int:
    return INDEX + sum(RECORD.size + len(key) + len(e.body) for key, e in entries.items())


# ---------------------------------------------------------------------------------------------------------- the file


def header(version: int = 1, slots: int = SLOTS) -> bytes:
    check = xxhash.xxh64_intdigest(MAGIC + struct.pack("<II", version, slots))
    return HEADER.pack(MAGIC, version, slots, check)


def home(key: bytes) -> int:
    """Where the search for a key begins."""
    return xxhash.xxh64_intdigest(key) % SLOTS


def slot_offset(at: int) -> int:
    return HEADER.size + at // PAGE_SLOTS * PAGE + COUNTS.size + at % PAGE_SLOTS * SLOT.size


def word(key: bytes, offset: int, length: int) -> int:
    place = offset | length << 23
    return place | (xxhash.xxh64_intdigest(key) ^ place * PRIME & MASK) >> 38 << 38


def record(key: bytes, body: bytes, created: int) -> bytes:
    rest = RECORD.pack(0, created, len(key), len(body))[8:] + key + body
    return struct.pack("<Q", xxhash.xxh64_intdigest(rest)) + rest


def parse(data: bytes) -> Answers:
    """A sound file; AssertionError for anything else."""
    assert data[: HEADER.size] == header()
    counts = [COUNTS.unpack_from(data, HEADER.size + page * PAGE) for page in range(PAGES)]
    slots = [SLOT.unpack_from(data, slot_offset(at)) for at in range(SLOTS)]
    found = []
    for at, (filled, used) in enumerate(slots):
        if not filled:
            continue
        offset, length = filled & 0x7FFFFF, filled >> 23 & 0x7FFF
        assert INDEX <= offset <= offset + length <= len(data)
        _, created, key_n, _ = RECORD.unpack_from(data, offset)
        key, body = data[offset + 16 : offset + 16 + key_n], data[offset + 16 + key_n : offset + length]
        assert data[offset : offset + length] == record(key, body, created)
        assert filled == word(key, offset, length)
        assert all(slots[i % SLOTS][0] for i in range(home(key), at if at >= home(key) else at + SLOTS))
        found.append((offset, key, Entry(body, created, used)))
    entries = {key: entry for _, key, entry in sorted(found, key=lambda one: one[0])}
    assert len(entries) == len(found)
    return Answers(entries, len(data), sum(hits for hits, _ in counts), sum(misses for _, misses in counts))
