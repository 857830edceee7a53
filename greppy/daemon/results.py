"""L1: answers in memory. A key is the commit and the question with its filters, so an answer is never older than the
index; the index is never older than the files, because the daemon catches up before it looks here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

ENTRY_BYTES = 200  # about what an entry takes besides its key and answer


class Results:
    """Answers by key; the least recently used go when together they take more than `capacity` bytes."""

    def __init__(self, capacity: int = 8 << 20) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, tuple[bytes, int]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> bytes | None:
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, answer: bytes, key_bytes: int = 0) -> None:
        size = len(answer) + key_bytes + ENTRY_BYTES
        if size > self._capacity // 8:
            return  # one that takes the place of many others
        old = self._entries.pop(key, None)
        if old is not None:
            self.size -= old[1]
        self._entries[key] = (answer, size)
        self.size += size
        while self.size > self._capacity:
            _, (_, gone) = self._entries.popitem(last=False)
            self.size -= gone

    def clear(self) -> None:
        self._entries.clear()
        self.size = 0
