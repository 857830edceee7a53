"""Updates from what a watcher saw, without a walk: after any changes the index is that of a fresh build, byte for byte
in its answers and entry for entry in its tree. The watcher is the real one."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import greppy
from greppy._core import engine
from greppy.daemon.outside import Outside
from greppy.daemon.watcher import IN_Q_OVERFLOW, Seen, UnwatchableError, Watcher, file_system
from greppy.index import commit, update
from greppy.index.commit import TREE_FOLDER, TREE_OUTSIDE, Entry
from greppy.index.update import NeedsWalk, update_index
from greppy.index.walk import git_index, tracked_ignored

QUESTIONS = ["common", "common thing", "make_widget", "widget 3", "other folder", "README"]
NAMES = ["a.py", "b.py", "B.py", "c.md", "one", "two", "sub", "x.log", ".hidden", "deep"]


class Watched:
    """A project with an index that only updates keep, and walks where an update says that it takes one."""

    def __init__(self, folder: Path, git: bool) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        self.path = os.path.realpath(os.fsencode(self.root))
        self.other = folder / "other"  # where the fresh index is built
        self.walks = 0
        self.ignored: set[tuple[bytes, bool]] = set()
        self.git = git
        if git:
            self.run_git("init", "-q")
        for name in ("a.py", "one/b.py", "one/two/c.md"):
            self.write(name, 1)
        self.watcher = Watcher(self.path)
        self.outside = Outside()
        self.walk()

    def run_git(self, *arguments: str) -> bool:
        return subprocess.run(["git", "-C", self.root, *arguments], capture_output=True, timeout=60).returncode == 0

    def write(self, name: str, number: int) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"def make_widget_{number}():\n    return 'common thing {number}'\n" * (number % 3 + 1))

    def walk(self) -> None:
        self.walks += 1
        self.ignored.clear()
        while True:
            greppy.build_index(self.path)
            tree = self.tree_path()
            new = [self.outside.look_at(engine.tree_paths(tree, TREE_OUTSIDE))]
            new += [self.watcher.add(folder) for folder in engine.tree_paths(tree, TREE_FOLDER)]
            self.tracked = tracked_ignored(self.path)
            if not any(new):
                break

    def tree_path(self) -> bytes:
        folder = engine.index_folder(self.path)
        return commit.tree_path(folder, engine.manifest(folder)["generation"])

    def update(self) -> None:
        seen = self.watcher.read()
        seen.outside = self.outside.changed()
        if seen.walk or self.others_count(seen.outside):
            self.walk()
        elif seen:
            try:
                update_index(
                    self.path, seen.files, seen.folders, seen.came, seen.outside, on_folder=self.watcher.add,
                    ignored=self.ignored,
                )  # fmt: skip
            except NeedsWalk:
                self.walk()

    def others_count(self, outside: set[bytes]) -> bool:
        by_name = not outside <= set(git_index(self.path))
        return by_name or (bool(outside) and self.tracked != tracked_ignored(self.path))

    def answers(self) -> list[list[greppy.Hit]]:
        with greppy.open_index(self.root) as index:
            return [index.search(question, 50) for question in QUESTIONS]

    def tree(self) -> dict[bytes, Entry]:
        """Without what is different with each look: times too young to prove anything."""
        found = commit.load_tree(self.tree_path())
        return {path: entry._replace(mtime_ns=0) for path, entry in found.items() if entry.kind != TREE_OUTSIDE}

    def assert_as_built_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers, tree = self.answers(), self.tree()
        with monkeypatch.context() as patch:
            patch.setenv("GREPPY_INDEX_DIR", str(self.other))
            shutil.rmtree(self.other, ignore_errors=True)
            greppy.build_index(self.path)
            assert tree == self.tree()
            assert answers == self.answers()

    # ----------------------------------------------------------------------------------------------- what happens

    def act(self, kind: str, a: str, b: str, number: int) -> None:
        source, target = self.root / a, self.root / b
        try:
            if kind == "write":
                self.write(a, number)
            elif kind == "save":  # as editors do
                self.write("new~", number)
                source.parent.mkdir(parents=True, exist_ok=True)
                (self.root / "new~").replace(source)
            elif kind == "delete":
                source.unlink()
            elif kind == "remove":
                shutil.rmtree(source)
            elif kind == "move":
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
            elif kind == "replace":  # another folder under the name of the first
                shutil.rmtree(target, ignore_errors=True)
                source.rename(target)
                self.write(f"{a}/again.py", number)
            elif kind == "mkdir":
                source.mkdir(parents=True)
            elif kind == "link":
                source.symlink_to(target)
            elif kind == "touch":
                os.utime(source)
            elif kind == "old":  # a clock that steps back, and a file that keeps its time
                before = source.stat().st_mtime_ns
                source.write_text("def make_widget_0(): 'kept its time'\n")
                os.utime(source, ns=(before, before))
            elif kind == "binary":
                source.write_bytes(b"\0" * number)
            elif kind == "ignore":
                (self.root / ".gitignore").write_text(["*.log\n", "two/\n", "", "b.py\n"][number % 4])
            elif kind == "ignore below":
                (source / ".greppyignore").write_text(["*.md\n", ""][number % 2])
            elif kind == "add":
                self.run_git("add", "-A", ".")
            elif kind == "commit":
                self.run_git("commit", "-qm", "x")
            elif kind == "switch":
                self.run_git("checkout", "-q", *(["-b"] if number % 2 else []), f"branch{number % 3}")
            elif kind == "stash":
                self.run_git("stash", "-u")
        except (OSError, shutil.Error):
            pass  # it was of another kind, or not there


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
KINDS = ["write", "save", "delete", "remove", "move", "replace", "mkdir", "link", "touch", "old", "binary", "ignore",
         "ignore below"]  # fmt: skip
STEPS = st.lists(
    st.lists(st.tuples(st.sampled_from(KINDS), PATHS, PATHS, st.integers(0, 20)), min_size=1, max_size=4),
    min_size=1,
    max_size=6,
)
GIT_STEPS = st.lists(
    st.lists(
        st.tuples(st.sampled_from([*KINDS, "add", "commit", "switch", "stash"]), PATHS, PATHS, st.integers(0, 20)),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=6,
)


def story(steps: list[list[tuple[str, str, str, int]]], git: bool) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREPPY_INDEX_DIR", str(Path(name) / "index"))
        watched = Watched(Path(name), git)
        try:
            for step in steps:
                for action in step:
                    watched.act(*action)
                watched.update()
                watched.assert_as_built_anew(patch)
        finally:
            watched.watcher.close()


@given(STEPS)
@example([[("write", "one/x.py", "a", 3)], [("replace", "one", "deep", 4)], [("move", "deep/two", "two", 5)]])
@example([[("move", "one", "sub", 1), ("write", "one/b.py", "a", 2)], [("move", "sub", "one/sub", 3)]])
@settings(max_examples=60)
def test_a_plain_project(steps: list[list[tuple[str, str, str, int]]]) -> None:
    story(steps, False)


@pytest.mark.usefixtures("needs_git")
@given(GIT_STEPS)
@example([[("write", "x.log", "a", 3), ("ignore", "a", "a", 0)], [("ignore", "a", "a", 2)], [("add", "a", "a", 1)]])
@example([[("add", "a", "a", 0), ("commit", "a", "a", 0)], [("switch", "a", "a", 1)], [("delete", "a.py", "a", 1)]])
@settings(max_examples=40)
def test_a_git_project(steps: list[list[tuple[str, str, str, int]]]) -> None:
    story(steps, True)


# --------------------------------------------------------------------------------------------------- single changes


@pytest.fixture
def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(folder / "index"))
    found = Watched(folder, False)
    yield found
    found.watcher.close()


def test_what_changed_is_told(watched: Watched) -> None:
    watched.write("one/b.py", 7)
    watched.write("one/new.py", 8)
    (watched.root / "a.py").unlink()
    seen = watched.watcher.read()
    done = update_index(watched.path, seen.files, seen.folders, seen.came)
    assert (done.committed, done.changed, done.removed) == (True, [b"one/b.py", b"one/new.py"], [b"a.py"])
    assert update_index(watched.path, seen.files, seen.folders, seen.came).changed == []


def test_a_touch_commits_no_segment(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    then = time.time_ns() - 10**12
    os.utime(watched.root / "a.py", ns=(then, then))
    segments = engine.manifest(engine.index_folder(watched.path))["segments"]
    watched.update()
    assert engine.manifest(engine.index_folder(watched.path))["segments"] == segments
    assert commit.load_tree(watched.tree_path())[b"a.py"].mtime_ns == then


def test_a_kept_size_and_time_is_seen_all_the_same(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a comparison of sizes and times cannot see."""
    path = watched.root / "a.py"
    before = path.stat()
    path.write_text(path.read_text().replace("common", "kommon"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    watched.update()
    with greppy.open_index(watched.root) as index:
        assert [hit.path for hit in index.search("kommon")] == ["a.py"]
    watched.assert_as_built_anew(monkeypatch)


def test_ordinary_changes_take_no_walk(watched: Watched) -> None:
    for number, act in enumerate(
        [("write", "one/b.py", ""), ("save", "a.py", ""), ("write", "n/e/w.py", ""), ("move", "n", "one/m"),
         ("remove", "one/two", ""), ("delete", "a.py", ""), ("replace", "one", "two")]
    ):  # fmt: skip
        watched.act(*act, number)
        watched.update()
    assert watched.walks == 1


def test_rules_take_a_walk(watched: Watched) -> None:
    for number, path in enumerate((".gitignore", "one/.gitignore", "one/.greppyignore", ".git/config")):
        watched.write(path, 1)
        watched.update()
        assert watched.walks == number + 2


def test_a_fifo_becomes_a_file(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a name did not count is no reason for another kind of file of that name not to."""
    path = watched.root / "one" / "x.py"
    os.mkfifo(path)
    watched.update()
    path.unlink()
    watched.write("one/x.py", 3)
    watched.update()
    watched.assert_as_built_anew(monkeypatch)
    assert watched.walks == 1


def test_another_name_of_the_same_file(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    os.link(watched.root / "a.py", watched.root / "one" / "link.py")
    watched.update()
    watched.write("one/link.py", 9)
    watched.update()
    watched.assert_as_built_anew(monkeypatch)


def test_writing_through_a_map(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    with (watched.root / "a.py").open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[4:8] = b"kake"
    watched.update()
    watched.assert_as_built_anew(monkeypatch)


def test_what_does_not_count_is_not_remembered_without_end(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "REMEMBERED", 10)
    for i in range(50):
        watched.write(f".hidden{i}", i)
        watched.update()
        (watched.root / f".hidden{i}").unlink()
        watched.update()
    assert len(watched.ignored) <= 12


@pytest.fixture
def watched_git(folder: Path, monkeypatch: pytest.MonkeyPatch, needs_git: None) -> Iterator[Watched]:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(folder / "index"))
    found = Watched(folder, True)
    yield found
    found.watcher.close()


def test_a_repository_that_is_tracked_as_a_whole(watched_git: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without .gitmodules."""
    watched_git.write("nested/f.py", 3)
    nested = watched_git.root / "nested"
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", nested, *command], check=True, capture_output=True)
    watched_git.update()
    watched_git.assert_as_built_anew(monkeypatch)
    assert watched_git.run_git("add", "nested")
    watched_git.update()
    watched_git.assert_as_built_anew(monkeypatch)
    (nested / ".gitignore").write_text("*.gen\n")
    (nested / "f.gen").write_text("common thing\n")
    watched_git.update()
    subprocess.run(["git", "-C", nested, "add", "-f", "f.gen"], check=True, capture_output=True)
    watched_git.update()
    watched_git.assert_as_built_anew(monkeypatch)


def test_greppyignore_that_git_ignores(watched_git: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    (watched_git.root / ".gitignore").write_text(".greppyignore\n")
    (watched_git.root / "one" / ".greppyignore").write_text("n.txt\n")
    watched_git.update()
    watched_git.write("one/n.txt", 3)
    watched_git.update()
    watched_git.assert_as_built_anew(monkeypatch)
    assert b"one/n.txt" not in watched_git.tree()


def test_the_deepest_greppyignore_decides(watched_git: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    (watched_git.root / "one" / ".greppyignore").write_text("!z*.txt\n")
    watched_git.run_git("add", "one/.greppyignore")
    (watched_git.root / ".greppyignore").write_text("*.txt\n")
    watched_git.update()
    watched_git.write("one/z1.txt", 3)
    watched_git.write("one/y1.txt", 3)
    watched_git.update()
    watched_git.assert_as_built_anew(monkeypatch)
    assert b"one/z1.txt" in watched_git.tree()
    assert b"one/y1.txt" not in watched_git.tree()


def test_a_folder_of_rules_is_replaced(watched_git: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own, far from the project."""
    settings = Path(os.environ["XDG_CONFIG_HOME"]) / "git"
    settings.mkdir(parents=True)
    watched_git.update()
    other = settings.parent / "other"
    other.mkdir()
    (other / "ignore").write_text("b.py\n")
    settings.rename(settings.parent / "old")
    other.rename(settings)
    watched_git.update()
    watched_git.assert_as_built_anew(monkeypatch)
    assert b"one/b.py" not in watched_git.tree()


def test_much_takes_a_walk(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "MANY", 3)
    for i in range(5):
        watched.write(f"many/{i}.py", i)
    seen = watched.watcher.read()
    with pytest.raises(NeedsWalk, match="new"):
        update_index(watched.path, seen.files, seen.folders, seen.came)


def test_no_index_takes_a_walk(folder: Path) -> None:
    with pytest.raises(NeedsWalk, match="no index"):
        update_index(os.fsencode(folder), [b"a"], [b""])


# ------------------------------------------------------------------------------------------------------ the watcher


def test_an_overflowing_queue_is_told(watched: Watched) -> None:
    watched.watcher._note(seen := Seen(), -1, IN_Q_OVERFLOW, b"")
    assert seen.lost


def test_a_queue_that_really_overflows(watched: Watched) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip("the queue is too long to be filled")
    names = [watched.root / f"burst{i % 100}" for i in range(limit + 100)]
    for path in names:
        path.touch() if not path.exists() else path.unlink()
    assert watched.watcher.read().lost


def test_the_project_itself_goes(watched: Watched, folder: Path) -> None:
    watched.root.rename(folder / "elsewhere")
    assert watched.watcher.read().gone


def test_no_more_watches(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, path: bytes, mask: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "inotify_add", refuse)
    with pytest.raises(UnwatchableError, match=r"sudo sysctl fs\.inotify\.max_user_watches=\d+"):
        watched.watcher.add(b"one/new")


def test_no_more_instances(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(engine, "inotify_open", refuse)
    with pytest.raises(UnwatchableError, match=r"sudo sysctl fs\.inotify\.max_user_instances=\d+"):
        Watcher(os.fsencode(folder))


def test_a_file_system_of_other_machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greppy.daemon.watcher.file_system", lambda path: "nfs4")
    with pytest.raises(UnwatchableError, match=r"nfs4.*cannot be watched"):
        Watcher(os.fsencode(folder))


def test_file_systems() -> None:
    assert file_system(b"/proc/self") == "proc"
    assert file_system(b"/") not in ("", "proc")
