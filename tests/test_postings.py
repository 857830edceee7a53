"""Posting lists: round trips through a decoder written from the format's description, and its example in bytes."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import postings as oracle

from greppy._core import engine

LENGTHS = bytes(random.Random(3).randrange(256) for _ in range(70_000))


def check(docs: list[int], codes: list[int], lengths: bytes = LENGTHS) -> bytes:
    data = engine.encode_postings(docs, codes, lengths)
    found, found_codes, end, skips, bounds = oracle.decode(data, len(lengths))
    assert (found, found_codes, end) == (docs, codes, len(data))
    oracle.check_bounds(skips, bounds, docs, codes, lengths)
    return data


def test_worked_example() -> None:
    data = engine.encode_postings([5, 6, 300], [0, 7, 1], LENGTHS)
    assert data == bytes.fromhex("03 7001 0500A502")
    assert oracle.decode(data, len(LENGTHS)) == ([5, 6, 300], [0, 7, 1], 7, [], [])


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Any shape: dense, sparse, one huge gap, few or all codes, just below and above a block."""
    count = draw(st.one_of(st.integers(2, 20), st.sampled_from([127, 128, 129, 255, 256, 257, 384, 700])))
    rng = random.Random(draw(st.integers(0, 2**32)))
    docs = sorted(rng.sample(range(draw(st.sampled_from([count, count * 2, count * 40]))), count))
    for _ in range(draw(st.integers(0, 3))):  # a few huge gaps: exceptions of their blocks
        at = draw(st.integers(0, count - 1))
        gap = (len(LENGTHS) - 1 - docs[-1]) // draw(st.integers(1, 4))
        docs[at:] = [doc + gap for doc in docs[at:]]
    top = draw(st.sampled_from([0, 1, 2, 3, 4, 8, 15]))
    return docs, [rng.randint(0, top) for _ in range(count)]


@given(lists())
@settings(max_examples=150)
@example((list(range(128)), [0] * 128))
@example((list(range(256)), [15] * 256))
@example(([0, 69_999], [3, 2]))
def test_round_trip(case: tuple[list[int], list[int]]) -> None:
    check(*case)


def test_widest_gaps() -> None:
    """Deltas of up to 21 bits, alone and in blocks of wide ones."""
    top = (1 << 21) - 1
    lengths = b"\x07" * (top + 1)
    step = top // 128
    for docs in (
        [0, top],
        [top - 1, top],
        [*range(127), top],
        [top - 127 + i for i in range(128)],
        [i * step for i in range(129)],
        [i // 2 * 2 * step + i % 2 for i in range(128)],
    ):
        check(docs, [1] * len(docs), lengths)


@given(st.integers(0, 128), st.integers(0, 2**32))
@settings(max_examples=60)
def test_any_number_of_exceptions(wide: int, seed: int) -> None:
    """However many deltas of a block are wider than the others, and however much wider."""
    rng = random.Random(seed)
    deltas = [rng.randrange(1 << rng.choice([9, 8, 7])) for _ in range(wide)] + [
        rng.randrange(4) for _ in range(128 - wide)
    ]
    rng.shuffle(deltas)
    docs = []
    last = -1
    for delta in deltas:
        last += delta + 1
        docs.append(last)
    data = check(docs, [rng.randrange(16) for _ in docs])
    widest = max(delta.bit_length() for delta in deltas)
    assert len(data) <= 4 + 12 + 16 * (widest + 4), "exceptions must not cost more than they save"


@pytest.mark.parametrize(
    ("count", "n_docs"), [(8191, 70_000), (8192, 70_000), (8192, 8192), (9000, 9001), (30_000, 65_537)]
)
def test_bounds_of_ranges(count: int, n_docs: int) -> None:
    rng = random.Random(count)
    docs = sorted(rng.sample(range(n_docs), count))
    check(docs, [min(15, int(rng.expovariate(0.8))) for _ in docs], LENGTHS[:n_docs])


def test_worked_example_of_bounds() -> None:
    data = engine.encode_postings(range(8192), [7] * 512 + [0] * 7680, bytes([20]) * 8192)
    bounds = 4 + 64 * 12  # behind the number of postings and the skips
    assert data[bounds : bounds + 16] == bytes(14) + bytes.fromhex("67C9")
    assert data[bounds + 16 : bounds + 80] == b"\xef" * 8 + b"\xee" * 56


def test_weight_codes() -> None:
    assert len(oracle.WEIGHTS) == engine.CODES
    assert [engine.code_weight(code) for code in range(engine.CODES)] == oracle.WEIGHTS
    for weight in [*range(400), 1000, 65535, 2**32 - 1]:
        assert engine.weight_code(weight) == oracle.code(weight), weight


def test_length_codes() -> None:
    table = oracle.lengths()
    assert [engine.code_length(code) for code in range(256)] == table
    for n in [*range(5000), *(base + d for base in table for d in (-1, 0, 1) if base > 5000), 2**31, 2**32 - 1]:
        assert engine.length_code(n) == max(c for c, base in enumerate(table) if base <= n), n


@pytest.mark.parametrize("code", range(16))
def test_every_code_in_a_tail(code: int) -> None:
    check([1, 2, 9], [code, 0, code])


@st.composite
def forged(draw: st.DrawFn) -> tuple[bytes, bytes, int, int]:
    """A block whose parts need not belong together: data, skip record, document before, documents of the segment."""
    bits, top_code = draw(st.integers(0, 32)), draw(st.integers(0, 15))
    rng = random.Random(draw(st.integers(0, 2**32)))
    size = 16 * (bits + top_code.bit_length())
    # Few bits set, or the sum of so many wide deltas would always be too large.
    data = bytearray(rng.randbytes(size) if bits < 20 else bytes(size))
    for _ in range(draw(st.integers(0, 3)) if data else 0):
        data[rng.randrange(size)] |= 1 << rng.randrange(8)
    patches = draw(st.integers(0, 4))
    data += bytes(rng.randrange(draw(st.sampled_from([128, 140]))) for _ in range(patches))
    for _ in range(patches):
        high = draw(st.sampled_from([1, 127, 128, 2**20, 2**31, 2**32 - 1, 2**40, 2**64 - 1]))
        while high > 127:
            data.append(high & 127 | 128)
            high >>= 7
        data.append(high)
    before = draw(st.sampled_from([2**32 - 1, 0, 5, 10**6, 2**31, 2**32 - 200]))
    try:
        docs = oracle.documents(bytes(data), bits, top_code, patches, before)
        last = docs[-1] & (2**32 - 1)
    except IndexError:
        last = 0
    last = draw(st.sampled_from([last, last, last, 127, 2**31]))
    n_docs = draw(st.sampled_from([last + 1 & (2**32 - 1), last, 2**31]))
    return bytes(data), oracle.SKIP.pack(last, 0, top_code, 0, bits, patches), before, n_docs


@given(forged())
@settings(max_examples=400)
def test_a_block_is_decoded_right_or_not_at_all(case: tuple[bytes, bytes, int, int]) -> None:
    data, skip, before, n_docs = case
    last, _, top_code, _, bits, patches = oracle.SKIP.unpack(skip)
    found = engine.decode_block(*case)
    try:
        docs = oracle.documents(data, bits, top_code, patches, before)
    except IndexError:
        assert found is None
        return
    if docs[-1] != last or last >= n_docs:
        assert found is None
        return
    width = top_code.bit_length()
    assert found == (docs, oracle.unpacked(data[16 * bits :], width))


@pytest.mark.parametrize("bits", [26, 31, 32])
def test_documents_that_would_wrap_around_are_damage(bits: int) -> None:
    """All top bits set: as numbers of 32 bits the documents would end at `last`, but not ascend."""
    words = [0] * (4 * bits)
    for value in range(128):
        at = value // 4 * bits + bits - 1
        words[at // 32 * 4 + value % 4] |= 1 << at % 32
    data = struct.pack(f"<{4 * bits}I", *words)
    assert oracle.unpacked(data, bits) == [1 << bits - 1] * 128
    last = oracle.documents(data, bits, 0, 0, 5)[-1]
    assert last >= 2**32
    skip = oracle.SKIP.pack(last & (2**32 - 1), 0, 0, 0, bits, 0)
    assert engine.decode_block(data, skip, 5, 2**32 - 1) is None
