"""A project that the daemon watches, in this process: what cannot be had from outside, such as a system without
watches."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import greppy
from greppy._core import engine
from greppy.daemon import main, places
from greppy.daemon import project as projects
from greppy.daemon.journal import Journal
from greppy.daemon.project import FAILING, GONE, POLLED, WATCHED, Project
from greppy.daemon.watcher import Seen
from greppy.index import commit
from greppy.index.commit import IndexingError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.setattr(projects, "RETRY", 0.05)
    monkeypatch.setattr(projects, "POLL", 0.05)
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_text("def walrus(): pass\n")
    return folder


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def during(root: Path, executor: ThreadPoolExecutor, story: Callable[[Project], Awaitable[None]]) -> None:
    """The story of a project, from its start to its end."""

    async def tell() -> None:
        project = Project(os.path.realpath(os.fsencode(root)), executor)
        project.start()
        try:
            await story(project)
        finally:
            await project.stop()

    asyncio.run(tell())


async def becomes(project: Project, state: str) -> None:
    deadline = time.monotonic() + 30
    while project.state != state:
        assert time.monotonic() < deadline, (project.state, project.why)
        await asyncio.sleep(0.01)


def files(root: Path, word: str) -> list[str]:
    with greppy.open_index(root) as index:
        return [hit.path for hit in index.search(word)]


def locked(project: Project) -> bool:
    return places.vouches_for(project.folder)


def test_no_more_watches_means_polling(
    root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(fd: int, path: bytes, mask: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "inotify_add", refuse)

    async def story(project: Project) -> None:
        await becomes(project, POLLED)
        assert "sysctl fs.inotify.max_user_watches" in project.why
        (root / "b.py").write_text("def porpoise(): pass\n")
        await project.sync()  # looks at every file
        assert files(root, "porpoise") == ["b.py"]
        assert not project.caught_up()
        summary = await project.index(["--force"], lambda done, total: None)
        assert summary["files"] == 2

    during(root, executor, story)
    assert caplog.text.count("sysctl") == 1  # said once


def test_watches_that_run_out_later(root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    add = engine.inotify_add

    def refuse(fd: int, path: bytes, mask: int) -> int:
        if path.endswith(b"new"):
            raise OSError(28, "No space left on device")
        return add(fd, path, mask)

    monkeypatch.setattr(engine, "inotify_add", refuse)

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        assert locked(project)
        (root / "new").mkdir()
        (root / "new" / "b.py").write_text("def porpoise(): pass\n")
        await becomes(project, POLLED)
        assert not locked(project)
        await project.sync()
        assert files(root, "porpoise") == ["new/b.py"]

    during(root, executor, story)


def test_a_commit_that_fails(root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock goes before anybody can trust the index again, and nothing that was seen is lost."""
    broken = True
    patch_tree = engine.patch_tree

    def fail(*arguments: Any, **options: Any) -> None:
        if broken:
            raise OSError(28, "No space left on device", "tree")
        patch_tree(*arguments, **options)

    monkeypatch.setattr(engine, "patch_tree", fail)

    async def story(project: Project) -> None:
        nonlocal broken
        await becomes(project, WATCHED)
        (root / "b.py").write_text("def porpoise(): pass\n")
        with pytest.raises(IndexingError, match="no space left"):
            await project.sync()
        assert not locked(project)
        broken = False
        await becomes(project, WATCHED)
        await project.sync()
        assert files(root, "porpoise") == ["b.py"]

    during(root, executor, story)


def test_the_folder_goes_and_comes_back(root: Path, executor: ThreadPoolExecutor, tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        root.rename(tmp_path / "away")
        await becomes(project, GONE)
        with pytest.raises(IndexingError, match="not there"):
            await project.sync()
        root.mkdir()
        (root / "b.py").write_text("def porpoise(): pass\n")
        await becomes(project, WATCHED)
        assert files(root, "porpoise") == ["b.py"]
        assert files(root, "walrus") == []

    during(root, executor, story)


def test_a_damaged_index_is_built_anew(root: Path, executor: ThreadPoolExecutor) -> None:
    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        for path in Path(os.fsdecode(project.folder)).glob("*.tree"):
            path.write_bytes(path.read_bytes()[:-1])
        (root / "b.py").write_text("def porpoise(): pass\n")
        await project.sync()
        assert files(root, "porpoise") == ["b.py"]
        assert project.state == WATCHED

    during(root, executor, story)


def test_an_error_of_our_own(root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, the index is no longer vouched for, and the project goes on."""
    update_index = projects.update_index
    calls = 0

    def fail(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise AssertionError("a mistake")
        return update_index(*arguments, **options)

    monkeypatch.setattr(projects, "update_index", fail)

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        (root / "b.py").write_text("def porpoise(): pass\n")
        with pytest.raises(IndexingError, match="log"):
            await project.sync()
        assert project.state in (FAILING, WATCHED)
        await becomes(project, WATCHED)
        await project.sync()
        assert files(root, "porpoise") == ["b.py"]

    during(root, executor, story)


def test_memory_is_released_under_a_search(root: Path, executor: ThreadPoolExecutor) -> None:
    """A reader that was taken can still be used."""

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        reader = project.reader()
        project.release_memory()
        (root / "b.py").write_text("def walrus_two(): pass\n")
        await project.sync()
        assert project.reader() is not reader
        assert len(reader.search(b"walrus")) == 1
        assert len(project.reader().search(b"walrus")) == 2

    during(root, executor, story)


def test_the_root_is_replaced_by_a_copy(root: Path, executor: ThreadPoolExecutor, tmp_path: Path) -> None:
    """The same files, but those of another folder: who reads from the old one would find nothing."""

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        assert len(project.reader().search(b"walrus")) == 1
        shutil.copytree(root, tmp_path / "new", copy_function=shutil.copy2)
        root.rename(tmp_path / "old")
        (tmp_path / "new").rename(root)
        shutil.rmtree(tmp_path / "old")
        deadline = time.monotonic() + 30
        while not project.caught_up() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert len(project.reader().search(b"walrus")) == 1

    during(root, executor, story)


def test_a_folder_above_is_moved(root: Path, executor: ThreadPoolExecutor, tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    shutil.copytree(root, top / "project")

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        top.rename(tmp_path / "moved")
        (top / "project").mkdir(parents=True)
        (top / "project" / "new.py").write_text("def porpoise(): pass\n")
        assert not project.caught_up()
        deadline = time.monotonic() + 30
        while not project.caught_up() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert files(top / "project", "porpoise") == ["new.py"]

    during(top / "project", executor, story)


def test_a_queue_that_overflowed(root: Path, executor: ThreadPoolExecutor) -> None:
    """Which folders are watched is not known then either."""

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        shutil.rmtree(root / "sub")
        (root / "sub").mkdir()
        assert project._watcher is not None
        project._watcher.read()  # lost
        project._note(Seen(lost=True))
        await project.sync()
        (root / "sub" / "b.py").write_text("def porpoise(): pass\n")
        await project.sync()
        assert files(root, "porpoise") == ["sub/b.py"]

    during(root, executor, story)


def test_somebody_else_writes_the_index(root: Path, executor: ThreadPoolExecutor) -> None:
    """As long as it takes, and without keeping a thread waiting: other projects go on."""

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        with commit.writer_lock(project.folder):
            (root / "b.py").write_text("def porpoise(): pass\n")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(project.sync(), 0.5)
            done = await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(executor, lambda: 7), 5)
            assert done == 7
        await project.sync()
        assert files(root, "porpoise") == ["b.py"]

    during(root, executor, story)


def test_it_ends_while_somebody_waits(root: Path, executor: ThreadPoolExecutor) -> None:
    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        with commit.writer_lock(project.folder):
            (root / "b.py").write_text("def porpoise(): pass\n")
            waiting = asyncio.ensure_future(project.sync())
            asking = asyncio.ensure_future(project.index([], lambda done, total: None))
            await asyncio.sleep(0.1)
            ending = asyncio.ensure_future(project.stop())
            for task in (waiting, asking):
                with pytest.raises(IndexingError, match="no longer watched"):
                    await asyncio.wait_for(task, 20)
        await ending
        assert not project.caught_up()
        assert project.ended.is_set()

    during(root, executor, story)


def test_flags_of_two_at_once(root: Path, executor: ThreadPoolExecutor) -> None:
    (root / "id_rsa").write_text("PORPOISE=1\n")

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        await asyncio.gather(
            project.index(["--include-secrets"], lambda done, total: None),
            project.index([], lambda done, total: None),
        )
        assert files(root, "porpoise") == ["id_rsa"]

    during(root, executor, story)


def test_a_time_in_the_future_is_no_reason_to_go_on(
    root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "SETTLE", 0.02)
    monkeypatch.setattr(projects, "SPACING", 0.02)

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        (root / "b.py").write_text("def porpoise(): pass\n")
        later = time.time() + 10**6
        os.utime(root / "b.py", (later, later))
        os.utime(root, (later, later))
        await project.sync()
        await asyncio.sleep(0.5)
        before = project.commits
        await asyncio.sleep(1)
        assert project.commits == before

    during(root, executor, story)


def test_an_index_in_the_project(
    root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written there is no reason to write there again."""
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(root / "sub" / "index"))

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        (root / "b.py").write_text("def porpoise(): pass\n")
        await project.sync()
        await asyncio.sleep(2.5)
        before = project.commits
        await asyncio.sleep(1)
        assert project.commits == before
        assert files(root, "porpoise") == ["b.py"]

    during(root, executor, story)


def test_very_many_warnings(root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"committed": False, "generation": 1, "warnings": ["x" * 100] * 5000})
    script = root.parent / "indexer"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    script.chmod(0o755)
    greppy.build_index(root)
    monkeypatch.setattr(projects, "program", lambda: [str(script)])

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        assert len(project._walked["warnings"]) == 5000

    during(root, executor, story)


def test_the_journal_has_everything_once(tmp_path: Path) -> None:
    journal = Journal(bytes(tmp_path))
    path = tmp_path / "journal"
    for _ in range(1000):
        journal.add(Seen({b"a"}, {b""}, {b"n"}))
    assert path.read_bytes() == b"fa\0d\0nn\0"
    journal.restart(Seen({b"b"}))
    assert path.read_bytes() == b"fb\0"
    assert Journal(bytes(tmp_path)).read() == Seen({b"b"})
    journal.restart(Seen())
    assert path.read_bytes() == b""


def test_the_log_is_put_aside_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(main, "LOG_BYTES", 2000)
    handler = main._log_file()
    for number in range(1000):
        handler.emit(logging.makeLogRecord({"msg": f"line {number} \udcff"}))
    handler.close()
    files = sorted((tmp_path / "greppy").glob("daemon.log*"))
    assert len(files) == 1 + main.LOG_FILES
    assert all(path.stat().st_size <= 2000 for path in files)
    assert "line 999" in files[0].read_text()


def test_two_daemons_of_two_users_of_one_index(root: Path, executor: ThreadPoolExecutor) -> None:
    """Only one may vouch for an index."""

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        other = Project(project.root, executor)
        other.start()
        await becomes(other, POLLED)
        assert "another daemon" in other.why
        text = Path(os.fsdecode(project.folder), "watch").read_bytes()
        assert text.startswith(bytes(places.socket_path()) + b"\0")
        await other.stop()
        assert locked(project)

    during(root, executor, story)


def test_too_young_to_prove_anything_is_looked_at_again(
    root: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a search without the daemon need not refresh the index."""
    monkeypatch.setattr(projects, "SETTLE", 0.05)

    async def story(project: Project) -> None:
        await becomes(project, WATCHED)
        for _ in range(5):
            (root / "b.py").write_text("def porpoise(): pass\n")
            await project.sync()
        deadline = time.monotonic() + 10
        while not project.reader().fresh():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        tree = commit.load_tree(commit.tree_path(project.folder, project.reader().generation))
        assert tree[b"b.py"].mtime_ns == (root / "b.py").stat().st_mtime_ns

    during(root, executor, story)
