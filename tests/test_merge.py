"""Merging segments gives, byte for byte, the segment that building the remaining files in one go gives."""

from __future__ import annotations

import os
import random
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import segment, store, trees

from greppy._core import engine
from greppy.index import commit
from greppy.index.commit import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def build(root: Path, paths: list[bytes], target: Path, serial: int = 1) -> None:
    builder = engine.Builder()
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    builder.add(fd, paths, 1 << 30)
    os.close(fd)
    builder.write(bytes(target), serial)


def bitmap(gone: list[bool]) -> bytes:
    out = bytearray((len(gone) + 7) // 8)
    for i, bit in enumerate(gone):
        out[i >> 3] |= bit << (i & 7)
    return bytes(out)


def check(tree: dict[bytes, bytes], splits: list[list[bytes]], gone: set[tuple[int, bytes]], slices: int = -1) -> None:
    """`splits`: the files of each segment, ascending; `gone`: (segment, path) of those that are deleted there. In
    2^`slices` slices, as many as the size asks for when -1, made by three threads."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        trees.write(root, tree)
        inputs = []
        for number, paths in enumerate(splits):
            target = Path(folder, f"part{number}")
            build(root, paths, target, 100 + number)
            bits = [(number, path) in gone for path in paths]
            inputs.append((bytes(target), bitmap(bits) if any(bits) else None))
            live = [path for path, bit in zip(paths, bits, strict=True) if not bit]
            files, _, length, _, _ = engine.live(*inputs[-1])
            assert files == len(live)
            build(root, live, Path(folder, f"live{number}"))
            assert store.parse(Path(folder, f"live{number}").read_bytes()).numbers[0] == length
        left = sorted(path for number, paths in enumerate(splits) for path in paths if (number, path) not in gone)
        merged, whole = Path(folder, "merged"), Path(folder, "whole")
        engine.merge(inputs, bytes(merged), 7, partial(side_by_side, 3), slices)
        build(root, left, whole, 7)
        if merged.read_bytes() != whole.read_bytes():
            one, other = segment.read(merged), segment.read(whole)
            for name in other.container.arrays:
                assert one.arrays[name].tobytes() == other.arrays[name].tobytes(), name
            raise AssertionError("the headers differ")


@given(
    st.integers(0, 2**32),
    st.integers(0, 14),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    st.sampled_from([-1, 1, 3, 8]),
)
@settings(max_examples=50, deadline=None)
def test_any_split_with_any_deletions(seed: int, count: int, n: int, share: float, bits: int) -> None:
    rng = random.Random(seed)
    tree = trees.tree(rng, count)
    splits: list[list[bytes]] = [[] for _ in range(n)]
    for path in tree:
        rng.choice(splits).append(path)
    gone = {(i, path) for i, paths in enumerate(splits) for path in paths if rng.random() < share}
    # A file that was edited: its old version is deleted in one segment, the new one lives in another.
    for i, path in list(gone):
        other = rng.randrange(n)
        if other != i and path not in splits[other]:
            splits[other] = sorted([*splits[other], path])
    check(tree, splits, gone, bits)


def test_many_blocks() -> None:
    """Lists whose blocks are cut anew, interleaved from segments in turn."""
    rng = random.Random(8)
    tree = {
        b"%03d.txt" % i: b"\n".join(b"common w%d" % rng.randrange(50) for _ in range(40 * rng.randrange(1, 12)))
        for i in range(60)
    }
    paths = list(tree)
    check(tree, [paths[::3], paths[1::3], paths[2::3]], {(0, path) for path in paths[::6]})
    check(tree, [paths[:20], paths[20:40], paths[40:]], {(1, path) for path in paths[20:40]})
    check(tree, [paths[::3], paths[1::3], paths[2::3]], {(0, path) for path in paths[::6]}, 4)


def test_sixty_four_segments() -> None:
    tree = {b"%02d.py" % i: b"def f%d(): common\n" % (i % 7) for i in range(64)}
    check(tree, [[path] for path in tree], set())


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    trees.write(tmp_path, {b"a.py": b"def one(): pass\n", b"b.py": b"def two(): pass\n"})
    for name in "ab":
        build(tmp_path, [b"%s.py" % name.encode()], tmp_path / name)
    return [tmp_path / "a", tmp_path / "b"]


def test_a_damaged_input_leaves_no_file(tmp_path: Path, parts: list[Path]) -> None:
    data = bytearray(parts[1].read_bytes())
    data[5000 if len(data) > 5000 else len(data) // 2] ^= 1
    parts[1].write_bytes(data)
    with pytest.raises(engine.DamagedError):
        engine.merge([(bytes(part), None) for part in parts], bytes(tmp_path / "out"), 1)
    assert not (tmp_path / "out").exists()


def test_errors(tmp_path: Path, parts: list[Path]) -> None:
    inputs = [(bytes(part), None) for part in parts]
    with pytest.raises(FileNotFoundError):
        engine.merge([*inputs, (bytes(tmp_path / "none"), None)], bytes(tmp_path / "out"), 1)
    with pytest.raises(ValueError, match="at most"):
        engine.merge(inputs * 40, bytes(tmp_path / "out"), 1)
    with pytest.raises(ValueError, match="too short"):
        engine.merge([(inputs[0][0], b"")], bytes(tmp_path / "out"), 1)
    assert not (tmp_path / "out").exists()


def test_an_existing_file_is_not_overwritten(tmp_path: Path, parts: list[Path]) -> None:
    (tmp_path / "out").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        engine.merge([(bytes(part), None) for part in parts], bytes(tmp_path / "out"), 1)
    assert (tmp_path / "out").exists(), "what was there before must not be removed"


def test_what_makes_slices_fails(tmp_path: Path, parts: list[Path]) -> None:
    """Whoever runs the threads may fail after some slices: no file is left."""

    def run(make: Callable[[int], Any], arguments: range) -> Iterator[Any]:
        yield make(arguments[0])
        raise OSError("no more threads")

    with pytest.raises(OSError, match="no more threads"):
        engine.merge([(bytes(part), None) for part in parts], bytes(tmp_path / "out"), 1, run, 3)
    assert not (tmp_path / "out").exists()


def test_side_by_side() -> None:
    """Results come in order, no more than a few are made before they are taken, an error is passed on."""
    made = []
    lock = threading.Lock()

    def make(number: int) -> int:
        with lock:
            made.append(number)
        return number * number

    for threads in 1, 3:
        made.clear()
        results = side_by_side(threads, make, range(50))
        assert next(results) == 0
        assert len(made) <= 2 * threads + 1
        assert list(results) == [number * number for number in range(1, 50)]
        with pytest.raises(ZeroDivisionError):
            list(side_by_side(threads, lambda number: 1 // (5 - number), range(9)))


def test_more_segments_than_are_merged_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many threads that spill often make: they are merged in groups, and these again."""
    monkeypatch.setattr(commit, "MERGE_INPUTS", 3)
    tree = {b"%02d.py" % i: b"def f%d(): common\n" % (i % 7) for i in range(10)}
    root = tmp_path / "root"
    root.mkdir()
    trees.write(root, tree)
    draft = commit.Draft(bytes(tmp_path), 1, 2)
    spills = []
    for path in tree:
        spills.append(draft.new_segment())
        build(root, [path], Path(os.fsdecode(commit.segment_path(draft.folder, spills[-1]))), spills[-1])
    [whole] = commit.add(draft, [], spills)
    build(root, list(tree), tmp_path / "whole", whole.id)
    assert Path(os.fsdecode(commit.segment_path(draft.folder, whole.id))).read_bytes() == (
        tmp_path / "whole"
    ).read_bytes()
