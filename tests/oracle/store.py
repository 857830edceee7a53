"""The container read with struct and xxhash, from its description in `_core/store.pxd`."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import xxhash

MAGIC = b"\x89GRPY\r\n\x1a"
HEADER = struct.Struct("<8s8sIIQQQQQ")
ARRAY = struct.Struct("<16s8sIIQQ")
PAGE = 1024


@dataclass(frozen=True)
class Array:
    name: str
    dtype: str
    item: int
    offset: int
    count: int


@dataclass(frozen=True)
class Container:
    kind: str
    version: int
    serial: int
    numbers: tuple[int, int]
    arrays: dict[str, Array]  # page_sums is the last


def _key(i: int) -> int:
    low = xxhash.xxh64_intdigest(bytes([i % 256, i // 256])) & 0xFFFF
    return low - 0x10000 if low & 0x8000 else low


KEYS = np.array([_key(i) for i in range(PAGE // 2)], np.int64)


def page_sum(page: bytes) -> int:
    """From the description in `_core/checksum.pxd`."""
    even = len(page) & ~1
    total = 0x59505247 + int(np.frombuffer(page[:even], "<i2").astype("i8") @ KEYS[: even // 2])
    if len(page) > even:
        total += page[even] * int(KEYS[even // 2])
    return total & 0xFFFFFFFF


def page_sums(data: bytes, end: int) -> bytes:
    """The sum of every page before `end`, the header taken as zeros."""
    data = bytes(HEADER.size) + data[HEADER.size :]
    return b"".join(struct.pack("<I", page_sum(data[low : min(low + PAGE, end)])) for low in range(0, end, PAGE))


def header_sum(data: bytes, n_arrays: int) -> int:
    return xxhash.xxh64_intdigest(data[:56] + data[64 : 64 + ARRAY.size * n_arrays])


def parse(data: bytes) -> Container:
    """Everything that the description promises about a container is asserted."""
    magic, kind, version, count, size, serial, a, b, total = HEADER.unpack_from(data)
    assert magic == MAGIC
    assert size == len(data)
    assert total == header_sum(data, count)
    arrays = {}
    end = 64 + ARRAY.size * count
    for i in range(count):
        name, dtype, item, zero, offset, n = ARRAY.unpack_from(data, 64 + i * ARRAY.size)
        assert zero == 0
        assert offset % 64 == 0
        assert 0 <= offset - end < 64
        assert not any(data[end:offset])
        end = offset + item * n
        text = name.rstrip(b"\0").decode()
        arrays[text] = Array(text, dtype.rstrip(b"\0").decode(), item, offset, n)
    assert end == len(data)
    last = arrays[text]
    assert (last.name, last.dtype, last.item) == ("page_sums", "<u4", 4)
    assert data[last.offset :] == page_sums(data, last.offset)
    return Container(kind.rstrip(b"\0").decode(), version, serial, (a, b), arrays)


def content(data: bytes, array: Array) -> bytes:
    return data[array.offset : array.offset + array.item * array.count]


def resealed(data: bytes) -> bytes:
    """The same bytes with sums that fit: damage that no sum tells of. Unchanged when its directory leads nowhere."""
    out = bytearray(data)
    count = struct.unpack_from("<I", out, 20)[0]
    if not 1 <= count <= 24 or 64 + count * ARRAY.size > len(out):
        return data
    offset = ARRAY.unpack_from(out, 64 + (count - 1) * ARRAY.size)[4]
    if offset > len(out):
        return data
    struct.pack_into("<Q", out, 56, header_sum(bytes(out), count))
    out[offset:] = page_sums(bytes(out), offset)
    return bytes(out)
