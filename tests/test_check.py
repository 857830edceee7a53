"""`greppy check`: it finds every damage that is done to an index, and nothing in one that is sound."""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Project
from oracle.store import resealed
from test_cli_search import assert_error

from greppy._core import engine
from greppy.index.check import check_index


@pytest.fixture
def shop(project: Project) -> Project:
    """Two segments, one with a deleted file."""
    project.realistic()
    project.index("-q")
    project.write("shop/money.py", "def parse_price():\n    pass\n")
    project.write("shop/new.py", "class Brand:\n    def new(self):\n        pass\n")
    project.age()
    project.index("-q")
    return project


def checked(project: Project) -> list[str]:
    return check_index(os.fsencode(project.index_folder()))


def segments(project: Project) -> list[Path]:
    """The larger one first."""
    return sorted(project.index_folder().glob("*.seg"), key=lambda path: -path.stat().st_size)


def seal(path: Path, data: bytearray) -> None:
    """Writes the bytes with the checksums that they should have: wrong, but not by accident."""
    path.write_bytes(resealed(bytes(data)))


def forge(path: Path, kind: bytes, name: str, edit: Callable[[bytearray], None]) -> None:
    """Changes one array of a store and makes the checksums right again."""
    _, item, offset, count = engine.store_directory(os.fsencode(path), kind)["arrays"][name]
    data = bytearray(path.read_bytes())
    array = data[offset : offset + item * count]
    edit(array)
    assert len(array) == item * count
    data[offset : offset + item * count] = array
    seal(path, data)


def test_a_sound_index(shop: Project) -> None:
    done = shop.run("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"sound: {shop.root}\n".encode(), b"")
    assert shop.run("check", "-p", shop.root, cwd=shop.root.parent).returncode == 0
    assert shop.run("check", "--repair").stdout == done.stdout


def test_empty_and_large_indexes_are_sound(project: Project) -> None:
    project.index("-q")
    assert checked(project) == []
    # Lists long enough for blocks and for bounds of ranges.
    words = [f"word{i}" for i in range(300)]
    chance = random.Random(1)
    project.fill({
        f"d{i % 7}/e{i % 11}/file_{i}.py": "".join(
            f"def {chance.choice(words)}_{j}(self):\n" + "    self.value = 1\n" * 38 for j in range(25)
        )
        for i in range(400)
    })  # fmt: skip
    project.index("-q")
    assert engine.manifest(os.fsencode(project.index_folder()))["stats"][1] > 8192
    assert checked(project) == []


def test_any_flipped_bit_is_found(shop: Project) -> None:
    chance = random.Random(7)
    for path in sorted(shop.index_folder().iterdir()):
        whole = path.read_bytes()
        for _ in range(40 if whole else 0):
            at = chance.randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
            assert checked(shop), (path, at)
        if whole:
            path.write_bytes(whole[: len(whole) // 2])
            assert checked(shop), path
        path.write_bytes(whole)
    assert checked(shop) == []


def test_missing_files_are_found(shop: Project) -> None:
    for path in shop.index_folder().iterdir():
        if path.name in ("lock", "manifest"):
            continue
        whole = path.read_bytes()
        path.unlink()
        [finding] = checked(shop)
        assert finding.startswith(path.name)
        path.write_bytes(whole)


def swap(array: bytearray, i: int, j: int, size: int) -> None:
    array[i * size : i * size + size], array[j * size : j * size + size] = (
        array[j * size : j * size + size],
        array[i * size : i * size + size],
    )


def put(at: int, *values: int, kind: str = "<I") -> Callable[[bytearray], None]:
    def edit(array: bytearray) -> None:
        for i, value in enumerate(values):
            struct.pack_into(kind, array, at + i * struct.calcsize(kind), value)

    return edit


@pytest.mark.parametrize(
    ("array", "edit", "word"),
    [
        ("files", lambda a: swap(a, 0, 1, 40), "ascend by path"),
        ("files", put(24, 1 << 30), "leads out"),
        ("files", put(32, 0, kind="<H"), "no proper path"),
        ("file_rank", put(18, 9, kind="<B"), "depth"),
        ("file_rank", put(19, 250, kind="<B"), "language"),
        ("file_chunks", put(4, 1 << 20), "leads out"),
        ("file_chunks", put(0, 1), "follow each other"),
        ("chunks", put(0, 5), "tile"),
        ("chunks", put(4, 7), "tile"),
        ("chunks", put(8, 1 << 30), "leads out"),
        ("chunk_file", put(0, 3), "lead back"),
        ("chunk_len", put(0, 77, kind="<B"), "add up"),
        ("defs", put(0, 0xFF, 0xFF, 0xFF, kind="<B"), "definition"),
        ("term_bucket", put(0, 4), "cover"),
        ("term_bucket", put(4, 1 << 30), "ascend"),
        ("terms", put(0, 255, kind="<B"), "out of its bucket"),
        ("terms", put(1, 0, kind="<B"), "wrong bucket"),
        ("file_rank", put(12, 1 << 20), "links"),
        ("links", put(0, 255, 255, 255, kind="<B"), "links"),
        ("links", put(0, 3, 9, 9, 9, 1, 1, 1, kind="<B"), "links"),
        ("parts", put(4, 9), "path"),
        ("parts", put(12, 1 << 20), "out of its array"),
        ("part_text", put(0, 255, kind="<B"), "ascend"),
        ("part_order", put(0, 0, 0), "each of them once"),
        ("part_order", lambda a: swap(a, 0, len(a) // 4 - 1, 4), "order of their stems"),
        ("part_files", put(0, 255, 255, 255, kind="<B"), "path word"),
        ("part_files", put(1, 255, 127, kind="<B"), "path word cannot be read"),
        ("part_files", put(0, 0, kind="<B"), "do not follow each other"),
    ],
)
def test_a_forged_segment(shop: Project, array: str, edit: Callable[[bytearray], None], word: str) -> None:
    path = segments(shop)[0]
    forge(path, b"segment", array, edit)
    findings = checked(shop)
    assert any(word in finding and finding.startswith(path.name) for finding in findings), findings
    assert shop.run("check").returncode == 1


def test_forged_definitions_lead_nowhere(project: Project) -> None:
    """A line number that wraps to one before the chunk, a column behind the text: nothing is read there."""
    project.fill({"shared.py": "".join(f"def shared_{i}():\n    return {i}\n\n\n" for i in range(120))})
    project.index("-q")
    [path] = project.index_folder().glob("*.seg")
    whole = path.read_bytes()
    count = engine.store_directory(os.fsencode(path), b"segment")["arrays"]["defs"][3]
    for at in range(count - 8):
        path.write_bytes(whole)
        forge(path, b"segment", "defs", put(at, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, kind="<B"))
        try:
            engine.Reader(os.fsencode(project.index_folder())).search(b"shared", 50)
        except engine.DamagedError:
            continue


def test_forged_posting_lists(project: Project) -> None:
    """Lists of two blocks: documents out of order, and a promise that is too low."""
    project.fill({f"f{i:03}.py": f"shared = other_{i}\n" for i in range(300)})
    project.index("-q")
    assert checked(project) == []
    [path] = project.index_folder().glob("*.seg")
    whole = path.read_bytes()
    _, _, offset, count = engine.store_directory(os.fsencode(path), b"segment")["arrays"]["postings"]
    n = struct.pack("<BB", 300 & 127 | 128, 300 >> 7)
    at = whole.index(n, offset, offset + count) - offset
    skip = at + 4  # after the number and its padding

    forge(path, b"segment", "postings", put(skip, 1))
    assert any("cannot be read" in finding for finding in checked(project))
    path.write_bytes(whole)
    forge(path, b"segment", "postings", put(skip + 9, 0, kind="<B"))
    assert any("lower scores" in finding for finding in checked(project))
    path.write_bytes(whole)
    assert checked(project) == []


def test_a_forged_manifest(shop: Project) -> None:
    manifest = shop.index_folder() / "manifest"
    whole = manifest.read_bytes()
    for array, edit, word in (
        ("stats", put(0, 1, kind="<Q"), "statistics"),
        ("stats", put(24, 9, kind="<Q"), "statistics"),
        ("segments", put(8, 3), "other numbers"),
        ("segments", put(0, 5, kind="<Q"), "cannot be read"),
        ("deleted", put(0, 0, kind="<B"), "chunks deleted"),
        ("root", put(1, 65, kind="<B"), "another project"),
        ("options", put(0, 65, kind="<B"), "options"),
    ):
        forge(manifest, b"manifest", array, edit)
        findings = checked(shop)
        assert any(word in finding for finding in findings), (array, findings)
        manifest.write_bytes(whole)
    assert checked(shop) == []


def test_a_forged_tree(shop: Project) -> None:
    [tree] = shop.index_folder().glob("*.tree")
    whole = tree.read_bytes()

    def first_file(array: bytearray) -> int:
        return next(at for at in range(0, len(array), 32) if array[at + 28] == 0)

    def other_content(array: bytearray) -> None:
        array[first_file(array) + 16] ^= 1

    def other_kind(array: bytearray) -> None:
        array[first_file(array) + 28] = 7

    for edit, word in (
        (other_content, "disagrees"),
        (other_kind, "unknown kind"),
        (lambda array: swap(array, 0, 1, 32), "order"),
    ):
        forge(tree, b"tree", "entries", edit)
        findings = checked(shop)
        assert any(word in finding for finding in findings), findings
        tree.write_bytes(whole)
    assert checked(shop) == []


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("at", [24, 25, 26, 27], ids=["shared", "shared high", "own", "own high"])
def test_a_tree_with_an_impossible_path(shop: Project, at: int, last: bool) -> None:
    """It shares more than there is before it, or ends elsewhere than the paths do: `check` says so, and a search, whose
    sweep reads it first, has the index built anew."""
    [tree] = shop.index_folder().glob("*.tree")

    def edit(array: bytearray) -> None:
        array[at + (len(array) - 32 if last else 0)] += 1

    forge(tree, b"tree", "entries", edit)
    assert checked(shop) == [f"{tree.name}: it is damaged"]
    assert shop.files("OrderService", "-n", "1") == ["shop/orders.py"]
    assert checked(shop) == []


def test_repair(shop: Project) -> None:
    path = segments(shop)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:3000] + bytes(c ^ 255 for c in whole[3000:3004]) + whole[3004:])
    done = shop.run("check")
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(f"damaged: {path.name}: ".encode())
    assert b"greppy check --repair" in done.stdout
    done = shop.run("check", "--repair")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"repaired: 12 files" in done.stdout
    assert shop.run("check").returncode == 0
    assert shop.files("OrderService")[0] == "shop/orders.py"


def test_repair_keeps_the_options(project: Project) -> None:
    project.fill({"small.py": "a = 1\n", "large.py": "b = 1\n" * 100})
    project.index("--max-filesize", "100")
    path = segments(project)[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert project.run("check", "--repair").returncode == 0
    assert json.loads(project.run("status", "--json").stdout)["files"] == 1


def test_another_version(shop: Project) -> None:
    manifest = shop.index_folder() / "manifest"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:16] + b"\xfe" + whole[17:])
    done = shop.run("check")
    assert done.returncode == 1
    assert b"another version" in done.stdout


def test_nothing_to_check(project: Project) -> None:
    assert_error(project.run("check"), "no index", "greppy index")
    assert_error(project.run("check", "x"), "check takes no argument")
    assert_error(project.run("check", "-p", "nowhere"), "nowhere")
    assert_error(project.run("check", "--repair=x"), "takes no value")
