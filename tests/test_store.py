"""The container of every file on disk: read back with struct and xxhash; no damage goes unnoticed."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import store as oracle

from greppy._core import engine

DAMAGE = (engine.DamagedError, engine.VersionError)


def detected(path: Path, kind: bytes = b"tree") -> bool:
    try:
        return not engine.store_verify(bytes(path), kind)
    except DAMAGE:
        return True


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The file of the format's worked example."""
    path = tmp_path / "small"
    engine.write_store(bytes(path), b"tree", 7, [(b"x", b"<u4", 4, struct.pack("<II", 1, 2))])
    return path


def test_worked_example(small: Path) -> None:
    data = small.read_bytes()
    assert len(data) == 260
    assert data[:56] == bytes.fromhex(
        "89475250590D0A1A 7472656500000000 09000000 02000000 0401000000000000 0700000000000000" + "00" * 16
    )
    assert data[56:64] == oracle.header_sum(data, 2).to_bytes(8, "little")
    assert data[64:160] == b"".join(
        [
            b"x".ljust(16, b"\0"),
            bytes.fromhex("3C75340000000000 04000000 00000000 C000000000000000 0200000000000000"),
            b"page_sums".ljust(16, b"\0"),
            bytes.fromhex("3C75340000000000 04000000 00000000 0001000000000000 0100000000000000"),
        ]
    )
    assert data[160:192] == bytes(32)
    assert data[192:200] == bytes.fromhex("01000000 02000000")
    assert data[200:256] == bytes(56)
    assert data[256:] == oracle.page_sums(data, 256)
    assert oracle.page_sum(bytes.fromhex("010002FF07")) == 0x58FA2642  # checksum.pxd's example


arrays = st.lists(
    st.tuples(
        st.sampled_from([(b"|u1", 1), (b"<u4", 4), (b"<u8", 8), (b"file", 44)]),
        st.one_of(st.integers(0, 40), st.sampled_from([1000, 4096, 5000, 300_000])),
        st.integers(0, 2**32),
    ),
    max_size=20,
)


@given(arrays, st.integers(0, 2**64 - 1), st.sampled_from([b"tree", b"manifest", b"segment"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_round_trip(parts: list, serial: int, kind: bytes, sync: bool) -> None:
    given_arrays = [
        (b"array%d" % i, dtype, item, random.Random(seed).randbytes(item * count))
        for i, ((dtype, item), count, seed) in enumerate(parts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store")
        engine.write_store(bytes(path), kind, serial, given_arrays, sync)
        data = path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
        container = oracle.parse(data)
        assert (container.kind, container.version, container.serial) == (kind.decode(), engine.FORMAT_VERSION, serial)
        assert list(container.arrays) == [name.decode() for name, *_ in given_arrays] + ["page_sums"]
        for name, dtype, item, content in given_arrays:
            array = container.arrays[name.decode()]
            assert (array.dtype, array.item, array.count) == (dtype.decode(), item, len(content) // item)
            assert oracle.content(data, array) == content
        directory = engine.store_directory(bytes(path), kind)
        assert directory["serial"] == serial
        assert directory["numbers"] == (0, 0)
        assert directory["arrays"] == {a.name: (a.dtype, a.item, a.offset, a.count) for a in container.arrays.values()}
        assert engine.store_verify(bytes(path), kind)


def test_every_flipped_bit_is_noticed(small: Path) -> None:
    data = bytearray(small.read_bytes())
    for bit in range(8 * len(data)):
        data[bit >> 3] ^= 1 << (bit & 7)
        small.write_bytes(data)
        assert detected(small), f"bit {bit}"
        data[bit >> 3] ^= 1 << (bit & 7)
    small.write_bytes(data)
    assert not detected(small)


def test_every_truncation_is_noticed(small: Path) -> None:
    data = small.read_bytes()
    for n in range(len(data)):
        small.write_bytes(data[:n])
        with pytest.raises(engine.DamagedError):
            engine.store_directory(bytes(small), b"tree")
    small.write_bytes(data + b"\0")
    with pytest.raises(engine.DamagedError):
        engine.store_directory(bytes(small), b"tree")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_in_a_large_file(data: st.DataObject) -> None:
    """Several pages; a burst of other bytes anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store")
        engine.write_store(bytes(path), b"tree", 1, [(b"x", b"|u1", 1, random.Random(4).randbytes(20_000))], False)
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        burst = data.draw(st.binary(min_size=1, max_size=min(64, len(content) - at)))
        changed = bytes(content[at : at + len(burst)]) != burst
        content[at : at + len(burst)] = burst
        path.write_bytes(content)
        assert detected(path) == changed


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So large that records are copied out of it."""
    path = tmp_path_factory.mktemp("large") / "store"
    content = random.Random(5).randbytes(1 << 20) * 17
    engine.write_store(bytes(path), b"tree", 1, [(b"x", b"|u1", 1, content)], False)
    return path


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_pieces_are_what_the_file_holds(large: Path, data: st.DataObject) -> None:
    """Near each other and far apart, over and over, longer than what is copied, up to the sums; one page is damaged,
    and only what lies in it is not there."""
    content = large.read_bytes()
    sums = engine.store_directory(bytes(large), b"tree")["arrays"]["page_sums"][2]
    near = data.draw(st.lists(st.integers(0, sums - 1), min_size=1, max_size=5))
    place = st.tuples(
        st.one_of(st.sampled_from(near), st.sampled_from(near).map(lambda at: min(at + 8 * 256, sums - 1))),
        st.integers(1, 9_000),
    )
    places = [(at, min(n, sums - at)) for at, n in data.draw(st.lists(place, min_size=1, max_size=400))]
    assert engine.store_pieces(bytes(large), b"tree", places) == [content[at : at + n] for at, n in places]
    flipped = data.draw(st.sampled_from([at for at in near if at >= 1024] or [5000]))
    with tempfile.TemporaryDirectory() as folder:
        damaged = Path(folder, "store")
        damaged.write_bytes(content[:flipped] + bytes([content[flipped] ^ 1]) + content[flipped + 1 :])
        found = engine.store_pieces(bytes(damaged), b"tree", places)
    for (at, n), piece in zip(places, found, strict=True):
        hit = at // 1024 <= flipped // 1024 <= (at + n - 1) // 1024
        assert piece == (None if hit else content[at : at + n])


def test_another_version(small: Path) -> None:
    data = bytearray(small.read_bytes())
    for version in (0, engine.FORMAT_VERSION + 1, 2**32 - 1):
        struct.pack_into("<I", data, 16, version)
        for content in (bytes(data), oracle.resealed(bytes(data))):
            small.write_bytes(content)
            for function in (engine.store_directory, engine.store_verify):
                with pytest.raises(engine.VersionError):
                    function(bytes(small), b"tree")


def test_another_kind(small: Path) -> None:
    for kind in (b"manifest", b"tre", b"trees", b""):
        with pytest.raises(engine.DamagedError):
            engine.store_directory(bytes(small), kind)


@pytest.mark.parametrize("field", range(len(["version", "count", "size", "offset", "item", "n"])))
def test_a_lying_directory(small: Path, field: int) -> None:
    """Sums that fit and a directory that does not: nothing outside the file is read."""
    at, form = [(16, "<I"), (20, "<I"), (24, "<Q"), (64 + 32, "<Q"), (64 + 24, "<I"), (64 + 40, "<Q")][field]
    original = small.read_bytes()
    for value in (0, 1, 3, 24, 25, 64, 236, 237, 2**31, 2**32 - 1, 2**63, 2**64 - 64, 2**64 - 1):
        if form == "<I" and value >= 2**32:
            continue
        data = bytearray(original)
        struct.pack_into(form, data, at, value)
        count = struct.unpack_from("<I", data, 20)[0]
        struct.pack_into("<Q", data, 56, oracle.header_sum(bytes(data), min(count, 24)))
        small.write_bytes(data)
        try:
            directory = engine.store_directory(bytes(small), b"tree")
        except DAMAGE:
            continue
        for _, item, offset, n in directory["arrays"].values():
            assert offset % 64 == 0
            assert offset + item * n <= len(data)


def test_system_errors(tmp_path: Path, small: Path) -> None:
    with pytest.raises(FileNotFoundError):
        engine.store_directory(bytes(tmp_path / "none"), b"tree")
    with pytest.raises(FileExistsError):
        engine.write_store(bytes(small), b"tree", 1, [])
    with pytest.raises(FileNotFoundError):
        engine.write_store(bytes(tmp_path / "none" / "file"), b"tree", 1, [])
    with pytest.raises((OSError, engine.DamagedError)):
        engine.store_directory(bytes(tmp_path), b"tree")


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    """As far as a limit on the size of files can stand for one."""
    code = (
        "import resource, signal, sys\n"
        "from greppy._core import engine\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try:\n"
        "    engine.write_store(sys.argv[1].encode(), b'tree', 1, [(b'x', b'|u1', 1, b'y' * int(sys.argv[2]))])\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    for size in (50_000, 400_000):  # below and above the writer's buffer
        run = [sys.executable, "-c", code, str(tmp_path / f"store{size}"), str(size)]
        assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "File too large\n"
