"""`greppy status`, `list` and `forget`: what they tell about the indexes on this machine, and what they take away."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from conftest import REALISTIC, TIMEOUT, Project, Run
from test_cli_search import assert_error


@pytest.fixture
def shop(project: Project) -> Project:
    project.realistic()
    project.index("-q")
    return project


def status(project: Project, *arguments: str) -> dict:
    done = project.run("status", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, b""), done
    return json.loads(done.stdout)


def table(done: subprocess.CompletedProcess[bytes]) -> dict[str, str]:
    """The lines of `greppy status` for people."""
    assert (done.returncode, done.stderr) == (0, b""), done
    return dict(line.split(maxsplit=1) for line in done.stdout.decode().splitlines())


# ---------------------------------------------------------------------------------------------------------- status


def test_status(shop: Project) -> None:
    found = status(shop)
    assert found["root"] == str(shop.root)
    assert found["index"] == str(shop.index_folder())
    assert found["files"] == len(REALISTIC)
    assert found["chunks"] >= len(REALISTIC)
    assert (found["segments"], found["deleted"], found["generation"]) == (1, 0, 1)
    assert found["bytes"] == sum(path.stat().st_size for path in shop.index_folder().iterdir())
    assert found["languages"]["python"] == 6
    assert sum(found["languages"].values()) == len(REALISTIC)
    assert list(found["languages"].values()) == sorted(found["languages"].values(), reverse=True)
    assert abs(found["built"] - time.time()) < 600
    assert (found["fresh"], found["changed"], found["added"], found["removed"]) == (True, 0, 0, 0)


def test_status_for_people(shop: Project) -> None:
    found = table(shop.run("status", cwd=shop.root / "shop"))
    assert found["project"] == str(shop.root)
    assert re.fullmatch(rf"{re.escape(str(shop.index_folder()))}, \d+\.\d MB", found["index"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d, generation 1", found["built"])
    assert re.fullmatch(r"11 in \d+ chunks, 1 segment", found["files"])
    assert found["languages"].startswith("python 6, ")
    assert found["state"] == "up to date"


def test_status_counts_what_changed(shop: Project) -> None:
    shop.write("shop/new.py", "a = 1\n")
    shop.write("shop/newer.py", "a = 2\n")
    shop.write("shop/money.py", "other = 1\n")
    (shop.root / "src/pool.c").unlink()
    found = status(shop)
    assert (found["fresh"], found["changed"], found["added"], found["removed"]) == (False, 1, 2, 1)
    assert found["files"] == len(REALISTIC)
    said = table(shop.run("status"))["state"]
    assert said == "4 files to bring up to date (1 changed, 2 new, 1 removed); the next search does it"
    shop.index("-q")
    found = status(shop)
    assert (found["fresh"], found["files"], found["segments"]) == (True, len(REALISTIC) + 1, 2)
    assert found["deleted"] == 2
    assert "2 segments (2 deleted in them)" in table(shop.run("status"))["files"]


def test_status_of_a_touched_file_is_fresh(shop: Project) -> None:
    os.utime(shop.root / "shop/money.py")
    assert status(shop)["fresh"]


def test_status_does_not_write(shop: Project) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in shop.index_folder().iterdir()}
    shop.write("shop/new.py", "a = 1\n")
    status(shop)
    assert {path.name: path.stat().st_mtime_ns for path in shop.index_folder().iterdir()} == before


def test_status_of_another_project(shop: Project, tmp_path: Path) -> None:
    assert status(shop, "-p", str(shop.root))["root"] == str(shop.root)
    done = shop.run("status", "--json", "-p", "project", cwd=tmp_path)
    assert json.loads(done.stdout)["root"] == str(shop.root)


def test_status_of_nothing(project: Project, tmp_path: Path) -> None:
    assert_error(project.run("status"), str(project.root), "no index", "greppy index")
    assert_error(project.run("status", "-p", "nowhere"), "nowhere", "no such folder")
    assert_error(project.run("status", "-p", ""), "--project")
    assert_error(project.run("status", "src"), "src", "--project")
    assert_error(project.run("status", "--frob"), "--frob", "greppy status --help")
    project.write("file", "x")
    assert_error(project.run("status", "-p", "file"), "file", "not a folder")


def test_status_of_a_damaged_index(shop: Project) -> None:
    manifest = shop.index_folder() / "manifest"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:100] + b"\xff" + whole[101:])
    assert_error(shop.run("status"), "damaged", "check")
    manifest.write_bytes(whole[:16] + b"\xfe" + whole[17:])
    assert_error(shop.run("status"), "another version", "greppy index")
    manifest.write_bytes(b"")
    assert_error(shop.run("status"), "damaged")
    manifest.write_bytes(whole)
    for segment in shop.index_folder().glob("*.seg"):
        segment.unlink()
    assert_error(shop.run("status"), "damaged")


# ------------------------------------------------------------------------------------------------------------ list


def listed(project: Project) -> list[dict]:
    done = project.run("list", "--json")
    assert (done.returncode, done.stderr) == (0, b""), done
    return json.loads(done.stdout)["projects"]


def another(shop: Project, run: Run, name: str, env: dict[str, str]) -> Project:
    root = shop.root.parent / name
    root.mkdir()
    other = Project(root, run, env)
    other.fill({"a.py": "alpha = 1\n"})
    other.index("-q")
    return other


def test_list_nothing(project: Project) -> None:
    assert listed(project) == []
    done = project.run("list")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"greppy index" in done.stderr
    assert_error(project.run("list", "x"), "list takes no argument", "x")


def test_list(shop: Project, run: Run, env: dict[str, str]) -> None:
    other = another(shop, run, "other", env)
    found = listed(shop)
    assert [entry["root"] for entry in found] == [str(other.root), str(shop.root)]
    assert [entry["files"] for entry in found] == [1, len(REALISTIC)]
    assert all(entry["state"] == "sound" and not entry["gone"] and entry["bytes"] > 0 for entry in found)
    shutil.rmtree(other.root)
    assert [entry["gone"] for entry in listed(shop)] == [True, False]
    lines = shop.run("list").stdout.decode().splitlines()
    assert re.fullmatch(rf" +0\.0 MB +1 files  \d{{4}}-\d\d-\d\d \d\d:\d\d  {other.root}  \(gone\)", lines[0])
    assert lines[1].endswith(str(shop.root))


def test_list_what_cannot_be_read(shop: Project, run: Run, env: dict[str, str]) -> None:
    folder = shop.index_folder()
    whole = (folder / "manifest").read_bytes()
    (folder / "manifest").write_bytes(whole[:16] + b"\xfe" + whole[17:])
    (folder.parent / "somebody's own").mkdir()
    (folder.parent / "a-file").write_text("x")
    [entry] = listed(shop)
    assert (entry["root"], entry["state"]) == (None, "other version")
    (folder / "manifest").write_bytes(b"x")
    [entry] = listed(shop)
    assert (entry["root"], entry["state"]) == (None, "damaged")
    assert "damaged" in shop.run("list").stdout.decode()


def test_list_a_base_that_is_none(shop: Project, tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "file").write_text("x")
    done = shop.run("list", env={**env, "GREPPY_INDEX_DIR": str(tmp_path / "file")})
    assert_error(done, "file", "GREPPY_INDEX_DIR")
    assert_error(shop.run("list", env={k: v for k, v in env.items() if k not in ("HOME", "XDG_CACHE_HOME")}), "HOME")


def test_names_that_are_no_text(project: Project, run: Run, env: dict[str, str]) -> None:
    root = os.fsencode(project.root) + b"/no\xfftext\x1b[31m"
    os.mkdir(root)
    odd = Project(Path(os.fsdecode(root)), run, env)
    odd.fill({"a.py": "alpha = 1\n"})
    odd.index("-q")
    for done in (odd.run("list"), odd.run("status"), odd.run("forget")):
        assert (done.returncode, done.stderr) == (0, b""), done
        assert "no\ufffdtext\ufffd[31m" in done.stdout.decode()
    assert listed(project) == []


# ---------------------------------------------------------------------------------------------------------- forget


def test_forget(shop: Project) -> None:
    folder = shop.index_folder()
    files = {path: path.read_bytes() for path in shop.root.rglob("*") if path.is_file()}
    done = shop.run("forget", cwd=shop.root / "shop")
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(rf"forgot {shop.root}: removed \d+\.\d MB in {folder}\n", done.stdout.decode())
    assert not folder.exists()
    assert {path: path.read_bytes() for path in shop.root.rglob("*") if path.is_file()} == files
    assert_error(shop.run("forget"), str(shop.root), "no index")
    assert shop.files("OrderService")[0] == "shop/orders.py"


def test_forget_paths(shop: Project, run: Run, env: dict[str, str]) -> None:
    other = another(shop, run, "other", env)
    done = shop.run("forget", "nowhere", "../other")
    assert_error(done, "nowhere", "greppy list")
    assert len(listed(shop)) == 2  # a wrong path removes nothing
    done = shop.run("forget", "../other", "shop/orders.py", "src")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [line.split(":")[0] for line in done.stdout.decode().splitlines()] == [
        f"forgot {other.root}",
        f"forgot {shop.root}",
    ]
    assert listed(shop) == []
    assert_error(shop.run("forget", ""), "PATH")


def test_forget_a_root_that_is_gone(shop: Project, run: Run, env: dict[str, str]) -> None:
    other = another(shop, run, "other", env)
    third = another(shop, run, "third", env)
    shutil.rmtree(other.root)
    shutil.rmtree(third.root)
    assert shop.run("forget", other.root).returncode == 0
    assert [entry["root"] for entry in listed(shop)] == [str(shop.root), str(third.root)]
    assert_error(shop.run("forget", "--gone", "."), "--gone")
    done = shop.run("forget", "--gone")
    assert done.stdout.startswith(f"forgot {third.root}: ".encode())
    assert [entry["root"] for entry in listed(shop)] == [str(shop.root)]
    done = shop.run("forget", "--gone")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"nothing to forget" in done.stdout


def test_forget_waits_for_nobody(shop: Project) -> None:
    folder = shop.index_folder()
    with (folder / "lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_error(shop.run("forget"), str(shop.root), "being written")
        assert (folder / "manifest").exists()
    assert shop.run("forget").returncode == 0


def test_forget_leaves_what_is_not_greppys(shop: Project) -> None:
    folder = shop.index_folder()
    (folder / "notes.txt").write_text("mine")
    assert shop.run("forget").returncode == 0
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    shop.index("-q")
    assert shop.files("OrderService")[0] == "shop/orders.py"


def test_forget_a_damaged_index(shop: Project) -> None:
    (shop.index_folder() / "manifest").write_bytes(b"x")
    assert shop.run("forget").returncode == 0
    assert listed(shop) == []


def test_a_writer_that_waited_for_a_forgotten_index(shop: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """It must not write under a lock that nobody else can see."""
    folder = shop.index_folder()
    shop.write("shop/new.py", "brand_new = 1\n")
    with (folder / "lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = subprocess.Popen([greppy_bin, "index"], cwd=shop.root, env=env, stdout=subprocess.PIPE)
        time.sleep(0.5)
        assert child.poll() is None
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    out, _ = child.communicate(timeout=TIMEOUT)
    assert child.returncode == 0, out
    assert (folder / "lock").exists()
    assert shop.files("brand_new", "--no-refresh") == ["shop/new.py"]
