"""Trees looked into and patched, and segments without some of their files, against obvious implementations."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import trees

import greppy
from greppy._core import engine
from greppy.index import commit
from greppy.index.commit import TREE_FILE, TREE_FOLDER, TREE_OUTSIDE, Entry

NAMES = st.sampled_from([b"a", b"b", b"ab", b"a.c", b"a-", b"\xff", b"long name"])
PATHS = st.lists(NAMES, max_size=4).map(b"/".join)
ABSOLUTE = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: b"/" + b"/".join(names))
ENTRIES = st.builds(
    Entry, st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2),
    st.integers(0, 255),
)  # fmt: skip
TREES = st.builds(
    lambda below, outside: {**below, **outside},
    st.dictionaries(PATHS, ENTRIES, max_size=20),
    st.dictionaries(ABSOLUTE, ENTRIES.map(lambda entry: entry._replace(kind=TREE_OUTSIDE)), max_size=3),
)


def written(folder: str, tree: dict[bytes, Entry], name: str = "1") -> bytes:
    path = os.path.join(folder, name).encode()
    engine.write_store(path, b"tree", 7, commit.tree_arrays(dict(sorted(tree.items()))))
    return path


def parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


@given(TREES, st.lists(PATHS, max_size=4), st.lists(PATHS.filter(bool), max_size=3))
def test_entries(tree: dict[bytes, Entry], folders: list[bytes], below: list[bytes]) -> None:
    expected = [
        (path, *entry)
        for path, entry in sorted(tree.items())
        if not path.startswith(b"/")
        and (
            path in folders
            or (path and parent(path) in folders)
            or any(path.startswith(folder + b"/") for folder in below)
        )
    ]
    with tempfile.TemporaryDirectory() as name:
        path = written(name, tree)
        assert engine.tree_entries(path, folders, below) == expected
        for kind in range(4):
            assert engine.tree_paths(path, kind) == sorted(p for p, entry in tree.items() if entry.kind == kind)


@given(TREES, st.dictionaries(PATHS | ABSOLUTE, st.none() | ENTRIES, max_size=12))
def test_patched_is_as_written_anew(tree: dict[bytes, Entry], changes: dict[bytes, Entry | None]) -> None:
    expected = {path: entry for path, entry in {**tree, **changes}.items() if entry is not None}
    with tempfile.TemporaryDirectory() as name:
        old, new = written(name, tree), os.path.join(name, "2").encode()
        engine.patch_tree(old, new, 7, changes)
        assert Path(os.fsdecode(new)).read_bytes() == Path(os.fsdecode(written(name, expected, "3"))).read_bytes()
        assert list(commit.load_tree(new)) == sorted(expected)


def test_patching_what_is_damaged(tmp_path: Path) -> None:
    tree = {b"": Entry(0, 0, 0, TREE_FOLDER), b"a": Entry(1, 2, 3, TREE_FILE)}
    path = Path(os.fsdecode(written(str(tmp_path), tree)))
    data = path.read_bytes()
    for at in range(64, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        for use in (
            lambda: engine.patch_tree(bytes(path), bytes(tmp_path / "new"), 8, {b"b": None}),
            lambda: engine.tree_entries(bytes(path), [b""]),
            lambda: engine.tree_paths(bytes(path), 0),
        ):
            with pytest.raises(engine.DamagedError):
                use()
    with pytest.raises(FileNotFoundError):
        engine.tree_entries(bytes(tmp_path / "missing"), [b""])
    path.write_bytes(data)
    with pytest.raises(FileExistsError):
        engine.patch_tree(bytes(path), bytes(path), 8, {})


@pytest.fixture
def segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, list[bytes]]:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "index"))
    root = tmp_path / "project"
    root.mkdir()
    files = {b"d%d/f%02d.py" % (i % 7, i): b"def f():\n    return 1\n\n" * (i + 1) for i in range(40)}
    trees.write(root, files)
    greppy.build_index(root)
    folder = engine.index_folder(os.path.realpath(os.fsencode(root)))
    [(number, *_)] = engine.manifest(folder)["segments"]
    return commit.segment_path(folder, number), sorted(files)


def test_finding_files(segment: tuple[bytes, list[bytes]]) -> None:
    path, files = segment
    assert engine.segment_paths(path) == files
    wanted = [*files[::3], b"", b"d0", b"d0/f00.pyx", b"d0/f00.p", b"zzz", b"\0"]
    assert engine.find_files(path, wanted) == [files.index(name) for name in files[::3]]


@given(st.sets(st.integers(0, 39)))
def test_what_is_left(segment_of_module: tuple[bytes, list[bytes]], deleted: set[int]) -> None:
    path, _ = segment_of_module
    bits = bytearray(5)
    for number in deleted:
        bits[number >> 3] |= 1 << (number & 7)
    n_files, chunks, length, depth, gone = engine.live(path, bytes(bits))
    assert (n_files, chunks, length, depth, gone) == engine.live(path, bytes(bits), False)
    assert n_files == 40 - len(deleted)
    assert depth == (1 if n_files else 1 << 20)
    single = [engine.live(path, (2**40 - 1 - (1 << i)).to_bytes(5, "little")) for i in range(40)]
    left = [single[i] for i in range(40) if i not in deleted]
    assert chunks == sum(found[1] for found in left)
    assert length == sum(found[2] for found in left)
    all_chunks = sum(found[1] for found in single)
    assert sum(byte.bit_count() for byte in gone) == all_chunks - chunks


@pytest.fixture(scope="module")
def segment_of_module(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[bytes]]:
    folder = tmp_path_factory.mktemp("segment")
    names = [b"d%d/f%02d.py" % (i % 7, i) for i in range(40)]
    trees.write(folder, {name: b"def f():\n    return 1\n\n" * (9 * i + 1) for i, name in enumerate(names)})
    builder = engine.Builder()
    fd = os.open(folder, os.O_RDONLY)
    builder.add(fd, sorted(names), 1 << 20)
    os.close(fd)
    path = bytes(folder / "1.seg")
    builder.write(path, 1)
    return path, sorted(names)


def test_a_bitmap_that_is_too_short(segment_of_module: tuple[bytes, list[bytes]]) -> None:
    with pytest.raises(ValueError, match="too short"):
        engine.live(segment_of_module[0], b"\0")


# ------------------------------------------------------------------------------------------------------------- merging


def settled(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of segments after `settle`, merging being adding."""
    monkeypatch.setattr(
        commit, "merge", lambda draft, some: commit.Segment(99, 0, sum(segment.n_chunks for segment in some))
    )
    segments = [commit.Segment(number, 0, size) for number, size in enumerate(sizes)]
    return [segment.n_chunks for segment in commit.settle(commit.Draft(b"", 1), segments)]


@given(st.lists(st.integers(1, 10**6), max_size=20))
def test_segments_are_few_and_nothing_is_lost(sizes: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        left = sorted(settled(sizes, patch), reverse=True)
    assert sum(left) == sum(sizes)
    for i in range(len(left) - 1):
        assert left[i] >= commit.MERGE_RATIO * sum(left[i + 1 :])


def test_small_commits_leave_the_large_segment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, written_chunks = [1_000_000], 0
    for _ in range(1000):
        before = sum(sizes[1:]) + 20
        sizes = settled([*sizes, 20], monkeypatch)
        assert max(sizes) == 1_000_000
        assert len(sizes) <= 7
        written_chunks += before - sum(sizes[1:-1])
    assert written_chunks < 1000 * 20 * 20  # each chunk some ten times, not a thousand


def test_what_is_mostly_deleted_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    merged: list[list[int]] = []

    def merge(draft: commit.Draft, some: list[commit.Segment]) -> commit.Segment:
        merged.append([segment.id for segment in some])
        return commit.Segment(99, 1, 1)

    monkeypatch.setattr(commit, "merge", merge)
    half = commit.Segment(1, 8, 1000, b"\x0f")
    most = commit.Segment(2, 8, 100, b"\x1f")
    commit.settle(commit.Draft(b"", 1), [half, most])
    assert merged == [[2]]
