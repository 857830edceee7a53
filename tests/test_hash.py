"""The engine's hash against the xxHash project's own library."""

from __future__ import annotations

import random

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from greppy._core import engine


def test_known_values() -> None:
    # From the specification's reference implementation.
    assert engine.hash64(b"") == 0xEF46DB3751D8E999
    assert engine.hash64(b"a") == 0xD24EC4F1A98C6E5B
    assert engine.hash64(b"abc") == 0x44BC2CF5AD770999


def test_every_short_length() -> None:
    data = random.Random(1).randbytes(300)
    for n in range(len(data) + 1):
        assert engine.hash64(data[:n]) == xxhash.xxh64_intdigest(data[:n]), n


@given(st.binary(max_size=5000))
def test_any_bytes(data: bytes) -> None:
    assert engine.hash64(data) == xxhash.xxh64_intdigest(data)


@given(st.binary(min_size=8, max_size=200), st.integers(1, 7))
def test_any_alignment(data: bytes, offset: int) -> None:
    assert engine.hash64(memoryview(data)[offset:]) == xxhash.xxh64_intdigest(data[offset:])


def test_large() -> None:
    data = random.Random(2).randbytes(3_000_017)
    assert engine.hash64(data) == xxhash.xxh64_intdigest(data)


def test_buffers() -> None:
    for view in (bytearray(b"xyz"), memoryview(b"xyz")):
        assert engine.hash64(view) == engine.hash64(b"xyz")
    with pytest.raises(TypeError):
        engine.hash64("text")


def test_hash_file(tmp_path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some content\0" * 1000)
    assert engine.hash_file(bytes(path)) == xxhash.xxh64_intdigest(path.read_bytes())
    with pytest.raises(FileNotFoundError):
        engine.hash_file(bytes(tmp_path / "none"))
