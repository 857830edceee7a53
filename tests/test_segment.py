"""Segments that the engine builds of small trees, against the same counted with dictionaries."""

from __future__ import annotations

import os
import random
import tempfile
from itertools import accumulate
from pathlib import Path

import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import inverted, postings, segment, trees

from greppy._core import engine

KINDS = engine.kind_names()


def build(root: Path, paths: list[bytes], target: Path, serial: int = 1) -> list[tuple[int, int, int, int, int]]:
    builder = engine.Builder()
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        reports = builder.add(fd, paths, 1 << 30)
    finally:
        os.close(fd)
    builder.write(bytes(target), serial)
    return reports


def check_files(found: segment.Segment, files: list[inverted.File]) -> None:
    assert found.paths == [file.path for file in files]
    assert found.arrays["file_chunks"].tolist() == [0, *accumulate(len(file.chunks) for file in files)]
    assert len(found.arrays["chunks"]) == sum(len(file.chunks) for file in files)
    for record, rank, file in zip(found.arrays["files"], found.arrays["file_rank"], files, strict=True):
        assert record["size"] == len(file.content)
        assert record["content"] == xxhash.xxh64_intdigest(file.content)
        assert record["mtime_ns"] == 10**18 + len(file.content)
        assert record["n_lines"] == file.n_lines
        assert rank["language"] == engine.languages().index(file.language)
        assert rank["flags"] == file.flags
        assert rank["name_parts"] == file.n_name
        assert rank["depth"] == file.depth
        assert rank["whole_name"] == file.whole_name
        assert rank["stem"] == file.stem
        assert (rank["versions"], rank["version"]) == file.version


def check_chunks(found: segment.Segment, files: list[inverted.File]) -> None:
    number = 0
    table = postings.lengths()
    for file in files:
        for chunk in file.chunks:
            record = found.arrays["chunks"][number]
            assert (record["start"], record["line"]) == (chunk.start, chunk.line)
            assert record["kinds"] == chunk.kinds
            code = int(found.arrays["chunk_len"][number])
            assert table[code] <= chunk.length
            assert code == 255 or chunk.length < table[code + 1]
            parent, definitions = segment.definitions(found, number)
            if parent is None:
                assert chunk.parent is None
            else:
                at, length, kind = parent
                assert (file.content[at : at + length], KINDS[kind]) == chunk.parent
            for got, d in zip(definitions, chunk.definitions, strict=True):
                assert got.column in d.columns
                assert got == segment.Definition(
                    d.line, got.column, min(255, len(d.name)), KINDS.index(d.kind), d.exported, min(7, d.depth)
                )
            number += 1


def check_terms(found: segment.Segment, files: list[inverted.File]) -> None:
    expected: dict[bytes, list[tuple[int, int]]] = {}
    chunks = [chunk for file in files for chunk in file.chunks]
    for number, chunk in enumerate(chunks):
        for term, weight in chunk.weights.items():
            expected.setdefault(term, []).append((number, postings.code(weight)))
    assert found.terms == expected


def check_links(found: segment.Segment, files: list[inverted.File]) -> None:
    for number, file in enumerate(files):
        assert segment.links(found, number) == (file.names, [chunk.uses for chunk in file.chunks])


def check_parts(found: segment.Segment, files: list[inverted.File]) -> None:
    expected: dict[bytes, tuple[bytes, list[tuple[int, int]]]] = {}
    for number, file in enumerate(files):
        for i, (word, stem) in enumerate(file.words):
            expected.setdefault(word, (stem, []))[1].append((number, file.n_name if i < file.n_name else 0))
    assert found.parts == expected


def check(tree: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        trees.write(root, tree)
        target = Path(folder, "segment")
        reports = build(root, list(tree), target, 77)
        indexed = [path for path, report in zip(tree, reports, strict=True) if report[0] == engine.FILE_INDEXED]
        assert indexed == [path for path in tree if b"\0" not in tree[path][:8192]]
        found = segment.read(target)
        assert found.container.serial == 77
        assert engine.segment_paths(bytes(target)) == indexed
        files = [inverted.invert(path, tree[path]) for path in indexed]
        check_files(found, files)
        check_chunks(found, files)
        check_terms(found, files)
        check_parts(found, files)
        check_links(found, files)
        lengths = sum(postings.lengths()[code] for code in found.arrays["chunk_len"])
        depth = min((file.depth for file in files), default=1 << 20)
        assert engine.live(bytes(target), None)[:4] == (len(files), len(found.arrays["chunks"]), lengths, depth)


@given(st.integers(0, 2**32), st.integers(0, 12))
@settings(max_examples=40)
def test_generated_trees(seed: int, count: int) -> None:
    check(trees.tree(random.Random(seed), count))


@given(st.lists(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)), max_size=8))
@settings(max_examples=60)
@example([b""])
@example([b"\n\n\n"])
@example([b"x", b"", b"y"])
@example([b"a\0b"])
@example([b"word " * 3000])
def test_any_bytes(contents: list[bytes]) -> None:
    check({b"%02d.txt" % i: content for i, content in enumerate(contents)})


def test_lists_of_many_blocks() -> None:
    """One term in every chunk of a long file, others in some of them, at the borders of blocks too."""
    rng = random.Random(5)
    lines = [
        b"common" + (b" seldom" if rng.random() < 0.3 else b"") + b" w%d" % rng.randrange(3000) for _ in range(40 * 270)
    ]
    check({b"a.txt": b"\n".join(lines), b"b.txt": b"common\n" * (40 * 58)})


def test_heavy_terms_and_long_chunks() -> None:
    check(
        {
            b"a.txt": (b"again " * 600 + b"\n") * 40,
            b"b.py": b"# " + b"again " * 900 + b"\nagain = 1\n",
            b"c.txt": b"word " * 40_000,
        }
    )


def test_names_of_many_kinds() -> None:
    calls = b"".join(b"    call_%d(NewThing%d, ALL_CAPS, lower_case)\n" % (i, i) for i in range(300))
    check(
        {
            b"v2/api.py": b"def load_all(): pass\nclass BigThing: pass\nlimit_of_all = 3\nlimit_of_all()\n",
            b"v2/api.h": b"int load_all (void);\nstruct big_thing { int a; };\n",
            b"v10/x.y/V300/z.rs": b"impl Foo { fn read_it(&self) { FooBar::read_it(); other_fn (1) } }\n",
            b"v0/v3/.hidden": b"def rise_and_shine(): pass\n",
            b"z.py": b"def many():\n" + calls.replace(b"\n", b";") + b"\n",
        }
    )


def test_a_notebook() -> None:
    path = Path(__file__).parent / "outline" / "notebook.ipynb"
    check({b"a.ipynb": path.read_bytes(), b"b.py": b"def total(): pass\n"})


def test_licence_lines_are_not_indexed() -> None:
    tree = {
        b"a.py": b"# Copyright 2020 Somebody\n# Licensed under terms\n# describes parsing\nx = 1\n# license of code\n"
    }
    check(tree)


def build_one(tmp_path: Path, name: str, content: bytes) -> segment.Segment:
    (tmp_path / name).write_bytes(content)
    os.utime(tmp_path / name, (10**9, 10**9))
    build(tmp_path, [name.encode()], tmp_path / "segment")
    return segment.read(tmp_path / "segment")


def test_weights_of_fields(tmp_path: Path) -> None:
    """A word of code 1, of a comment 1.5, of a signature 1.5, of a defined name 3 more: in halves."""
    found = build_one(
        tmp_path, "a.py", b"x = 1\n\n\ndef alpha(beta):\n    gamma()\n    # delta\n    gamma(); gamma()\n"
    )
    weights = {term: postings.WEIGHTS[found.terms[term][0][1]] for term in (b"alpha", b"beta", b"gamma", b"delta")}
    assert weights == {b"alpha": 9, b"beta": 3, b"gamma": 6, b"delta": 3}
    assert found.terms[engine.name_term(b"alpha")] == [(0, 1)]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 0), (b"text", 0), (b"a\0", 1), (b"x" * 8192 + b"\0", 0), (b"x" * 8191 + b"\0", 1), (b"x" * 20_001, 2)],
)
def test_what_is_left_out(tmp_path: Path, content: bytes, status: int) -> None:
    (tmp_path / "f").write_bytes(content)
    builder = engine.Builder()
    fd = os.open(tmp_path, os.O_RDONLY)
    [report] = builder.add(fd, [b"f"], 20_000)
    os.close(fd)
    assert report[0] == (engine.FILE_INDEXED, engine.FILE_BINARY, engine.FILE_LARGE)[status]
    assert builder.n_files == (status == 0)


def test_unreadable_things(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "target").write_bytes(b"x")
    os.mkfifo(tmp_path / "fifo")
    builder = engine.Builder()
    fd = os.open(tmp_path, os.O_RDONLY)
    names = [b"fifo", b"folder", b"link", b"none", b"target", b"target/below"]
    statuses = [report[0] for report in builder.add(fd, names, 1 << 20)]
    os.close(fd)
    assert statuses == [
        engine.FILE_NOT_REGULAR,
        engine.FILE_NOT_REGULAR,
        engine.FILE_NOT_REGULAR,
        engine.FILE_GONE,
        engine.FILE_INDEXED,
        engine.FILE_GONE,
    ]


def test_a_young_file_has_no_time(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"text")
    [report] = build(tmp_path, [b"f"], tmp_path / "segment")
    assert report[3] == 0 or report[3] == (tmp_path / "f").stat().st_mtime_ns  # 0 unless the machine slept in between
    os.utime(tmp_path / "f", (10**9, 10**9))
    [report] = build(tmp_path, [b"f"], tmp_path / "segment2")
    assert report[3] == 10**18


def test_a_builder_can_be_used_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one two")
    os.utime(tmp_path / "a", (10**9, 10**9))
    builder = engine.Builder()
    fd = os.open(tmp_path, os.O_RDONLY)
    for target in ("1", "2"):
        builder.add(fd, [b"a"], 1 << 20)
        assert (builder.n_files, builder.n_chunks) == (1, 1)
        assert builder.memory > 0
        builder.write(bytes(tmp_path / target), 9)
        assert (builder.n_files, builder.n_chunks) == (0, 0)
    os.close(fd)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    with pytest.raises(OSError, match="File exists"):
        builder.write(bytes(tmp_path / "1"), 9)
    assert (tmp_path / "1").exists(), "a file that was there before must not be removed"
