"""Where a project begins and where its index lies, against the rules written down plainly."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greppy._core import engine


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "indexes"))
    return tmp_path / "indexes"


def expected_folder(base: Path, root: bytes) -> bytes:
    leaf = root.rpartition(b"/")[2][:64] or b"root"
    name = re.sub(rb"[^A-Za-z0-9._-]|^\.", b"_", leaf)
    return os.fsencode(base) + b"/%s-%016x" % (name, xxhash.xxh64_intdigest(root))


@pytest.mark.parametrize("root", [b"/", b"/a", b"/a b/.c", b"/x/\xff\n", b"/" + b"n" * 70, b"/p/..."], ids=repr)
def test_index_folder(base: Path, root: bytes) -> None:
    assert engine.index_folder(root) == expected_folder(base, root)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["nothing", "git", "git file", "index", "both"]), min_size=1, max_size=5))
def test_find_project(tmp_path: Path, base: Path, levels: list[str]) -> None:
    """`levels`: what each folder from the outermost on has."""
    top = Path(os.path.realpath(tmp_path)) / "top"
    for old in (top, base):
        shutil.rmtree(old, ignore_errors=True)
    folders = []
    here = top
    for level in levels:
        here = here / "f"
        here.mkdir(parents=True)
        folders.append(here)
        if level in ("git", "both"):
            (here / ".git").mkdir()
        elif level == "git file":
            (here / ".git").write_text("gitdir: elsewhere\n")
        if level in ("index", "both"):
            index = Path(os.fsdecode(expected_folder(base, os.fsencode(here))))
            index.mkdir(parents=True)
            (index / "manifest").touch()
    indexed = [folder for folder, level in zip(folders, levels, strict=True) if level in ("index", "both")]
    repositories = [folder for folder, level in zip(folders, levels, strict=True) if "git" in level]
    nearest = indexed[-1] if indexed else repositories[-1] if repositories else here
    assert engine.find_project(os.fsencode(here)) == os.fsencode(nearest)
