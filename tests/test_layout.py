"""The numpy dtypes of greppy/index/layout.py against the sizes that the engine writes into every directory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import trees

import greppy
from greppy._core import engine
from greppy.index import commit, layout

FILES = {
    b"src/net.py": b"def fetch(url):\n    pass\n\n\nclass Client:\n    def get(self):\n        return 1\n",
    b"a.txt": b"one two\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "index"))
    root = tmp_path / "project"
    root.mkdir()
    trees.write(root, FILES)
    greppy.build_index(root)
    return Path(os.fsdecode(engine.index_folder(os.path.realpath(os.fsencode(root)))))


def test_item_sizes(folder: Path) -> None:
    seen = set()
    for path, kind in [
        (folder / "manifest", b"manifest"),
        *((p, b"segment") for p in folder.glob("*.seg")),
        *((p, b"tree") for p in folder.glob("*.tree")),
    ]:
        for name, (dtype, item, offset, _) in engine.store_directory(bytes(path), kind)["arrays"].items():
            assert layout.dtype(dtype).itemsize == item, name
            assert offset % 64 == 0
            seen.add(dtype)
    assert seen >= set(layout.RECORDS), "every record stands in some file"


@pytest.mark.parametrize("name", sorted(layout.RECORDS))
def test_fields_lie_as_in_c(name: str) -> None:
    """Every field at a multiple of its size and no hole between fields: C aligns the same way without padding."""
    record = layout.RECORDS[name]
    end = 0
    for field in record.names or ():
        kind, offset = record.fields[field][:2]
        assert offset == end, field
        assert offset % kind.itemsize == 0, field
        end += kind.itemsize
    assert end == record.itemsize
    assert kind.byteorder in "<|="


def test_values(folder: Path) -> None:
    """Where a field lies is seen from what it holds."""
    [path] = folder.glob("*.seg")
    arrays = engine.store_directory(bytes(path), b"segment")["arrays"]

    def array(name: str, file: Path = path, source: dict = arrays) -> np.ndarray:
        dtype, _, offset, count = source[name]
        return np.fromfile(file, layout.dtype(dtype), count, offset=offset)

    first, second = array("files")
    assert [first["path_len"], second["path_len"]] == [5, 10]
    assert [first["size"], second["size"]] == [8, len(FILES[b"src/net.py"])]
    assert [first["content"], second["content"]] == [
        engine.hash64(FILES[b"a.txt"]),
        engine.hash64(FILES[b"src/net.py"]),
    ]
    assert [first["n_lines"], second["n_lines"]] == [1, 7]
    rank = array("file_rank")[1]
    assert rank["language"] == engine.language_by_name("python")
    assert (rank["depth"], rank["flags"], rank["name_parts"]) == (1, 0, 1)
    assert rank["stem"] == engine.hash64(b"src/net") & 0xFFFFFFFF
    assert (rank["versions"], rank["version"]) == (0, 0)
    manifest = folder / "manifest"
    found = engine.store_directory(bytes(manifest), b"manifest")["arrays"]
    [segment] = array("segments", manifest, found)
    assert f"{segment['id']:016x}.seg" == path.name
    assert (segment["n_files"], segment["n_chunks"], segment["deleted"]) == (2, len(array("chunks")), 2**32 - 1)
    [tree] = folder.glob("*.tree")
    entries = array("entries", tree, engine.store_directory(bytes(tree), b"tree")["arrays"])
    assert {int(size) for size in entries["size"][entries["kind"] == 0]} == {8, len(FILES[b"src/net.py"])}


PATHS = st.lists(st.text("ab/\xff", max_size=9).map(lambda text: text.encode("latin-1")), unique=True)


@given(PATHS)
def test_a_tree_keeps_every_path(tmp_path_factory: pytest.TempPathFactory, paths: list[bytes]) -> None:
    tree = {path: commit.Entry(n, n, n, n % 4, n % 8) for n, path in enumerate(sorted(paths))}
    file = bytes(tmp_path_factory.mktemp("tree") / "tree")
    arrays = commit.tree_arrays(tree)
    engine.write_store(file, b"tree", 1, arrays)
    assert commit.load_tree(file) == tree
    # As short as the definition of `shared` allows: no path's own part begins as the path before goes on.
    assert len(arrays[1][3]) == sum(
        len(path) - sum(path.startswith(before[:n]) for n in range(1, len(before) + 1))
        for before, path in zip([b"", *tree], tree, strict=False)
    )


def test_the_worked_example_of_a_tree() -> None:
    entry = commit.Entry(1, 2, 3, 0)
    entries, paths = commit.tree_arrays({b"src/a.c": entry, b"src/b.c": entry})
    assert paths[3] == b"src/a.cb.c"
    assert np.frombuffer(entries[3], layout.TREE)[["shared", "own"]].tolist() == [(0, 7), (4, 3)]
