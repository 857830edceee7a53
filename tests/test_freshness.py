"""A printed line is what the file holds now: after every kind of change, with and without a refresh."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from conftest import NOBODY, Project, Run

OLD = "def oldname():\n    return 'walrus'\n"
NEW = "def newname():\n    return 'walrus'\n"
LONGER = "def newname():\n    return 'walrus'  # and more\n"


@pytest.fixture
def settled(project: Project) -> Project:
    """An index that nothing in the project is too young for."""
    project.fill({"a.py": OLD, "b.py": "def other():\n    return 'walrus'\n", "sub/c.py": "def third():\n    pass\n"})
    project.index("-q")
    return project


@pytest.fixture
def settled_git(settled: Project, needs_git: None) -> Project:
    settled.git("init")
    settled.git("add", ".")
    settled.index("-q")
    return settled


def assert_now(project: Project, present: dict[str, str], absent: tuple[str, ...]) -> None:
    """`present`: word → the path whose definition it is. First without a refresh: nothing untrue; then with: all."""
    for word in (*present, *absent):
        for line in project.lines(word, "--no-refresh"):
            assert_true_line(project, line)
    for word, path in present.items():
        assert project.files(word, "-n", "1") == [path], word
    for word in absent:
        assert project.lines(word) == [], word
    for word, path in present.items():
        assert project.files(word, "-n", "1", "--no-refresh") == [path], word


def assert_true_line(project: Project, line: str) -> None:
    path, number, text = line.split(":", 2)
    assert (project.root / path).read_bytes().decode("utf-8", "surrogateescape").split("\n")[int(number) - 1] == text


@pytest.mark.parametrize("text", [NEW, LONGER, "", "newname"], ids=["same size", "longer", "empty", "shorter"])
def test_an_edit(settled: Project, text: str) -> None:
    settled.write("a.py", text)
    assert settled.lines("oldname", "--no-refresh") == []
    assert_now(settled, {"newname": "a.py"} if text else {}, ("oldname",))


def test_an_edit_of_the_same_size_that_looks_old(settled: Project) -> None:
    """Another time, though not a younger one: `cp -p`, `git stash`, an unpacked archive."""
    path = settled.write("a.py", NEW)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert_now(settled, {"newname": "a.py"}, ("oldname",))


def test_another_size_with_the_same_time(settled: Project) -> None:
    before = (settled.root / "a.py").stat()
    path = settled.write("a.py", LONGER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert_now(settled, {"newname": "a.py"}, ("oldname",))


def test_a_time_before_1970(settled: Project) -> None:
    path = settled.write("a.py", NEW)
    os.utime(path, (-5, -5))
    assert_now(settled, {"newname": "a.py"}, ("oldname",))
    os.utime(path, (0, 0))
    assert_now(settled, {"newname": "a.py"}, ("oldname",))


def test_size_and_time_are_kept(settled: Project) -> None:
    """As `mv` of a copy that was made with `cp -p` does: only the inode's own time tells."""
    other = settled.root.parent / "other.py"
    other.write_text(NEW.replace("newname", "othernm"))
    then = (settled.root / "a.py").stat().st_mtime_ns
    settled.write("a.py", NEW)
    os.utime(settled.root / "a.py", ns=(then, then))
    assert settled.files("newname") == ["a.py"]
    os.utime(other, ns=(then, then))
    other.rename(settled.root / "a.py")
    assert settled.files("othernm") == ["a.py"]
    assert settled.files("newname") == []
    time.sleep(0.05)
    settled.search("newname")
    without_runtime = {**settled._env, "GREPPY_RUNTIME_DIR": "/dev/null/nowhere"}
    assert settled.files("othernm", env=without_runtime) == ["a.py"]  # it was looked at, and need not be again


@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_what_could_not_be_read(settled: Project, run_as_other: Run, git: bool, needs_git: None) -> None:
    """A folder and a file are closed, which is told, and opened again."""
    if git:
        settled.git("init")
    settled.write("d/b.py", "def porpoise(): pass\n")
    settled.write("c.py", "def porpoise(): pass\n")
    for folder, _, names in os.walk(settled.root):
        os.chown(folder, NOBODY, NOBODY)
        for name in names:
            os.chown(os.path.join(folder, name), NOBODY, NOBODY, follow_symlinks=False)

    def files() -> tuple[list[str], str]:
        done = run_as_other("search", "-l", "porpoise", cwd=settled.root)
        return sorted(done.stdout.decode().split()), done.stderr.decode()

    assert files() == (["c.py", "d/b.py"], "")
    (settled.root / "d").chmod(0)
    (settled.root / "c.py").chmod(0)
    found, told = files()
    assert found == []
    assert "d: Permission denied" in told
    (settled.root / "d").chmod(0o755)
    (settled.root / "c.py").chmod(0o644)
    assert files() == (["c.py", "d/b.py"], "")


def test_touched_only(settled: Project) -> None:
    (settled.root / "a.py").touch()
    assert settled.lines("oldname", "--no-refresh") == ["a.py:1:def oldname():"]
    before = sorted(path.name for path in settled.index_folder().glob("*.seg"))
    assert settled.lines("oldname") == ["a.py:1:def oldname():"]
    assert sorted(path.name for path in settled.index_folder().glob("*.seg")) == before


def test_deleted(settled: Project) -> None:
    (settled.root / "a.py").unlink()
    assert settled.lines("oldname", "--no-refresh") == []
    assert_now(settled, {"other": "b.py"}, ("oldname",))


def test_renamed(settled: Project) -> None:
    (settled.root / "a.py").rename(settled.root / "z.py")
    assert settled.lines("oldname", "--no-refresh") == []
    assert_now(settled, {"oldname": "z.py", "other": "b.py"}, ())
    (settled.root / "z.py").rename(settled.root / "sub" / "z.py")
    assert_now(settled, {"oldname": "sub/z.py"}, ())


def test_two_files_change_places(settled: Project) -> None:
    os.rename(settled.root / "a.py", settled.root / "t")
    os.rename(settled.root / "b.py", settled.root / "a.py")
    os.rename(settled.root / "t", settled.root / "b.py")
    assert_now(settled, {"oldname": "b.py", "other": "a.py"}, ())


def test_added(settled: Project) -> None:
    settled.write("new.py", NEW)
    assert settled.lines("newname", "--no-refresh") == []
    assert_now(settled, {"newname": "new.py", "oldname": "a.py"}, ())


def test_added_where_nothing_was(settled: Project) -> None:
    (settled.root / "empty" / "er").mkdir(parents=True)
    assert settled.lines("newname") == []
    settled.age()
    assert settled.lines("newname") == []
    settled.write("empty/er/new.py", NEW)
    assert_now(settled, {"newname": "empty/er/new.py"}, ())
    settled.write("deep/er/and/deeper/x.py", "def deepest():\n    pass\n")
    assert_now(settled, {"deepest": "deep/er/and/deeper/x.py"}, ())


def test_a_folder_goes(settled: Project) -> None:
    shutil.rmtree(settled.root / "sub")
    assert_now(settled, {"oldname": "a.py"}, ("third",))


def test_a_folder_moves(settled: Project) -> None:
    (settled.root / "sub").rename(settled.root / "moved")
    assert_now(settled, {"third": "moved/c.py"}, ())


def test_a_file_becomes_a_folder(settled: Project) -> None:
    (settled.root / "a.py").unlink()
    settled.write("a.py/inside.py", NEW)
    assert_now(settled, {"newname": "a.py/inside.py"}, ("oldname",))
    shutil.rmtree(settled.root / "a.py")
    settled.write("a.py", OLD)
    assert_now(settled, {"oldname": "a.py"}, ("newname",))


@pytest.mark.parametrize("kind", ["link", "loop", "fifo", "socket"])
def test_a_file_becomes_something_else(settled: Project, kind: str, tmp_path: Path) -> None:
    path = settled.root / "a.py"
    path.unlink()
    if kind == "link":
        (tmp_path / "outside.py").write_text(OLD)
        path.symlink_to(tmp_path / "outside.py")
    elif kind == "loop":
        path.symlink_to("a.py")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(path))
    assert settled.lines("oldname", "--no-refresh") == []
    assert_now(settled, {"other": "b.py"}, ("oldname",))


def test_the_whole_project_is_replaced(settled: Project) -> None:
    shutil.rmtree(settled.root)
    settled.root.mkdir()
    settled.write("a.py", NEW)
    assert_now(settled, {"newname": "a.py"}, ("oldname", "other", "third"))


def test_the_project_is_gone(settled: Project, tmp_path: Path) -> None:
    shutil.rmtree(settled.root)
    done = settled.search("oldname", "-p", str(settled.root), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b""


def test_binary_large_and_back(settled: Project) -> None:
    settled.write("a.py", b"def oldname():\0\n")
    assert_now(settled, {}, ("oldname",))
    settled.write("a.py", NEW)
    assert_now(settled, {"newname": "a.py"}, ("oldname",))
    settled.write("a.py", OLD.ljust(1_000_001))
    assert_now(settled, {}, ("oldname", "newname"))
    settled.write("a.py", OLD)
    assert_now(settled, {"oldname": "a.py"}, ("newname",))


# ----------------------------------------------------------------------------------------------------- ignore rules


@pytest.mark.parametrize("name", [".gitignore", ".greppyignore"])
@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_rules_come_change_and_go(settled: Project, name: str, git: bool, needs_git: None) -> None:
    if git:
        settled.git("init")
        settled.index("-q")
    settled.age()
    settled.index("-q")
    settled.write(name, "a.py\n")
    assert settled.files("walrus") == ["b.py"]
    settled.age()
    assert settled.files("walrus") == ["b.py"]
    with (settled.root / name).open("r+") as file:  # in place: the folder's time stays
        file.write("b.py\n")
    assert settled.files("walrus") == ["a.py"]
    settled.age()
    assert settled.files("walrus") == ["a.py"]
    (settled.root / name).unlink()
    assert set(settled.files("walrus")) == {"a.py", "b.py"}


@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_rules_in_a_folder_below(settled: Project, git: bool, needs_git: None) -> None:
    if git:
        settled.git("init")
    settled.write("sub/.gitignore", "*.txt\n")
    settled.write("sub/x.txt", "def newname\n")
    assert settled.lines("newname") == []
    settled.age()
    assert settled.lines("newname") == []
    with (settled.root / "sub/.gitignore").open("r+") as file:
        file.write("*.rst\n")
    assert settled.files("newname") == ["sub/x.txt"]


def test_the_exclude_file_of_the_repository(settled_git: Project) -> None:
    exclude = settled_git.root / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("z*.py\n")
    settled_git.write("zoo.py", NEW)
    assert settled_git.lines("newname") == []
    exclude.write_text("y*.py\n")
    assert settled_git.files("newname") == ["zoo.py"]


def test_rules_above_the_project(project: Project, needs_git: None) -> None:
    """The project is a folder of a repository, whose rules hold for it too."""
    project.git("init")
    project.fill({"part/a.py": OLD, "part/b.py": NEW, ".gitignore": "b.py\n"})
    project.index("-q", "-p", "part")
    part = project.root / "part"
    assert project.lines("newname", cwd=part) == []
    project.write(".gitignore", "c.py\n")
    assert project.files("newname", cwd=part) == ["b.py"]


def test_an_ignored_file_is_added_by_force(settled_git: Project) -> None:
    """Git's own index decides too: what it tracks is no longer ignored."""
    settled_git.write(".gitignore", "gen.py\n")
    settled_git.write("gen.py", NEW)
    settled_git.age()
    assert settled_git.lines("newname") == []
    settled_git.git("add", "-f", "gen.py")
    assert settled_git.files("newname") == ["gen.py"]
    settled_git.git("rm", "--cached", "-q", "gen.py")
    assert settled_git.lines("newname") == []


def test_a_file_comes_where_all_is_ignored(settled_git: Project) -> None:
    """git names a folder of ignored files alone as if it were ignored itself; it is not."""
    settled_git.write(".gitignore", "*.log\nnode_modules/\n")
    settled_git.write("logs/today/a.log", "porpoise\n")
    settled_git.write("logs/node_modules/b.js", "porpoise\n")
    settled_git.age()
    assert settled_git.files("porpoise") == []
    settled_git.write("logs/today/readme.md", "porpoise\n")
    assert settled_git.files("porpoise") == ["logs/today/readme.md"]
    settled_git.write("logs/node_modules/c.js", "porpoise\n")
    assert settled_git.files("porpoise") == ["logs/today/readme.md"]


def test_a_checkout_of_another_branch(settled_git: Project) -> None:
    settled_git.git("commit", "-qm", "one")
    settled_git.git("checkout", "-qb", "other")
    settled_git.write("a.py", NEW)
    settled_git.write("fresh/d.py", "def fourth():\n    pass\n")
    settled_git.git("add", ".")
    settled_git.git("commit", "-qm", "two")
    assert_now(settled_git, {"newname": "a.py", "fourth": "fresh/d.py"}, ("oldname",))
    settled_git.git("checkout", "-q", "main")
    assert_now(settled_git, {"oldname": "a.py"}, ("newname", "fourth"))


def test_a_folder_becomes_a_repository_and_back(settled: Project, needs_git: None) -> None:
    settled.write(".gitignore", "b.py\n")
    settled.git("init")
    settled.git("add", "-f", "b.py")
    assert settled.files("other") == ["b.py"]
    shutil.rmtree(settled.root / ".git")
    assert settled.files("other") == []


# ---------------------------------------------------------------------------------------------------- young files


def test_edits_right_after_indexing(project: Project) -> None:
    """The clock of a file system is coarse: an edit of the same size may leave the time as it was."""
    for number in range(14):
        word = f"word{number:02}"
        project.write("a.py", f"def {word}():\n    pass\n")
        assert project.lines(word, "-n", "1") == [f"a.py:1:def {word}():"]
        time.sleep(number * 0.003)


def test_an_edit_within_the_same_tick(project: Project) -> None:
    """The file has the time it had when it was indexed. A time to come makes it as young as a file can be."""
    soon = time.time_ns() + 30 * 10**9
    path = project.write("a.py", OLD)
    os.utime(path, ns=(soon, soon))
    project.index("-q")
    assert project.lines("oldname", "--no-refresh") == ["a.py:1:def oldname():"]
    path.write_text(NEW)
    os.utime(path, ns=(soon, soon))
    assert project.lines("oldname", "--no-refresh") == []
    assert_now(project, {"newname": "a.py"}, ("oldname",))


def test_a_file_that_comes_within_the_same_tick(project: Project) -> None:
    """The same for a folder, whose time tells of new files."""
    soon = time.time_ns() + 30 * 10**9
    project.write("sub/a.py", OLD)
    os.utime(project.root / "sub", ns=(soon, soon))
    project.index("-q")
    project.write("sub/b.py", NEW)
    os.utime(project.root / "sub", ns=(soon, soon))
    assert_now(project, {"newname": "sub/b.py", "oldname": "sub/a.py"}, ())


def test_a_refresh_settles(project: Project) -> None:
    """What was too young is looked at again, and then no more: the executable answers alone."""
    project.write("a.py", OLD)
    project.lines("oldname")
    time.sleep(0.05)
    project.lines("oldname")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in project.index_folder().iterdir())
    project.lines("oldname")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in project.index_folder().iterdir()) == before


# ------------------------------------------------------------------------------------------------ results and limits


def test_a_dropped_result_leaves_room_for_the_next(project: Project) -> None:
    project.fill({f"f{i:02}.py": f"def walrus_{i:02}():\n    return 'walrus'\n" for i in range(40)})
    project.index("-q")
    first = project.files("walrus", "-n", "10")
    for path in first[:8]:
        project.write(path, "def nothing_at_all():\n    return 'seal'\n")
    found = project.files("walrus", "-n", "10", "--no-refresh")
    assert not set(found) & set(first[:8])
    assert len(found) == 10
    assert set(first[8:]) <= set(found)


def test_dropped_in_every_output(settled: Project) -> None:
    settled.write("a.py", NEW)
    for flags in ([], ["-l"], ["--json"], ["--jsonl"], ["--chunk"], ["-C", "1"], ["--color=always"]):
        done = settled.search("oldname walrus", "--no-refresh", *flags)
        assert b"oldname()" not in done.stdout, flags
        assert b"a.py" not in done.stdout, flags
        assert b"b.py" in done.stdout, flags


def test_context_is_of_the_same_moment(settled: Project) -> None:
    """Context lines come from the file, too: of a changed file none may be shown."""
    settled.write("b.py", "\n\n\n\n" + (settled.root / "b.py").read_text())
    for flags in (["-C", "5"], ["--chunk"]):
        assert b"b.py" not in settled.search("other walrus", "--no-refresh", *flags).stdout
    for flags in (["-C", "5"], ["--chunk"]):
        assert b"b.py:5:def other():" in settled.search("other", *flags, "-n", "1").stdout


def test_files_that_change_while_they_are_searched(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """Whatever the moment: a line that is printed was in the file with that number."""
    path = project.write("a.py", "def walrus(): return 0\n")
    versions = [f"{'#' * (i % 7)}\n" * (i % 5) + f"def walrus(): return {i}\n" for i in range(200)]
    possible = {f"a.py:{text.count(chr(10))}:{text.rstrip().splitlines()[-1]}".encode() for text in versions}
    possible.add(b"a.py:1:def walrus(): return 0")
    children = []
    for text in versions:
        temporary = path.with_suffix(".new")
        temporary.write_text(text)
        temporary.rename(path)
        if len(children) < 60:
            children.append(
                subprocess.Popen(
                    [greppy_bin, "search", "walrus", "--no-refresh"], cwd=project.root, env=env,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
            )  # fmt: skip
            if len(children) % 4 == 0:
                for child in children[-4:]:
                    child.wait(60)
    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode in (0, 1), err
        assert err == b""
        for line in out.splitlines():
            assert line in possible


# ------------------------------------------------------------------------------------------------------ long stories


class Story:
    """A project that changes at random, and what a search must find in it."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project = project
        self.random = random.Random(seed)
        self.files: dict[str, str] = {}  # path → the word in it
        self.count = 0

    def new_word(self) -> str:
        self.count += 1
        # Digits three times over: a name must not look like another one mistyped.
        return f"wordnumber{''.join(3 * chr(97 + int(digit)) for digit in str(self.count))}"

    def put(self, path: str) -> None:
        word = self.new_word()
        self.project.write(path, f"def {word}():\n    return 'common'\n" + "#\n" * self.random.randrange(3))
        self.files[path] = word

    def step(self) -> None:
        folders = ("", "one/", "two/", "one/deep/")
        kind = self.random.choice(("edit", "edit", "add", "delete", "move", "rmdir", "touch", "age"))
        paths = sorted(self.files)
        if kind == "add" or not paths:
            path = self.random.choice(folders) + f"f{self.random.randrange(12)}.py"
            self.put(path)
        elif kind == "edit":
            self.put(self.random.choice(paths))
        elif kind == "delete":
            path = self.random.choice(paths)
            (self.project.root / path).unlink()
            del self.files[path]
        elif kind == "move":
            path = self.random.choice(paths)
            target = self.random.choice(folders) + f"m{self.random.randrange(12)}.py"
            (self.project.root / target).parent.mkdir(parents=True, exist_ok=True)
            (self.project.root / path).rename(self.project.root / target)
            self.files[target] = self.files.pop(path)
        elif kind == "rmdir":
            folder = self.random.choice(folders[1:])
            shutil.rmtree(self.project.root / folder, ignore_errors=True)
            self.files = {path: word for path, word in self.files.items() if not path.startswith(folder)}
        elif kind == "touch":
            (self.project.root / self.random.choice(paths)).touch()
        else:
            self.project.age()

    def check(self, gone: set[str]) -> None:
        found = set(self.project.files("common", "-n", "1000"))
        assert found == set(self.files)
        for path, word in self.files.items():
            assert self.project.lines(word, "--no-refresh") == [f"{path}:1:def {word}():"]
        for word in gone:
            assert self.project.lines(word, "--no-refresh") == []


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_a_long_story(project: Project, seed: int, git: bool, needs_git: None) -> None:
    if git:
        project.git("init")
    story = Story(project, seed)
    for number in range(5):
        story.put(f"start{number}.py")
    for _ in range(12):
        before = set(story.files.values())
        for _ in range(story.random.randrange(1, 4)):
            story.step()
        # without a refresh: only what is true
        for line in project.lines("common", "--no-refresh", "-n", "1000"):
            path, _, text = line.split(":", 2)
            assert path in story.files
            assert text in (project.root / path).read_text().splitlines()
        story.check(before - set(story.files.values()))


def test_a_tree_that_two_threads_compare(project: Project, env: dict[str, str]) -> None:
    """Every path must come out right in both halves: a wrong one would be missing, and set off a refresh."""
    names = [f"{folder}/{stem}_{n}.txt" for folder in ("a", "a/b", "c") for stem in ("x", "xy") for n in range(720)]
    project.fill(dict.fromkeys(names, "walrus\n"))
    project.index("-q")
    without_runtime = {**env, "GREPPY_RUNTIME_DIR": "/dev/null/nowhere"}  # so a refresh would not go unnoticed
    assert len(project.lines("walrus", "-n", "3", env=without_runtime)) == 3
    for path, word in (("a/b/x_1.txt", "newone"), ("c/xy_719.txt", "newtwo")):
        project.write(path, f"{word}\n")
        assert b"could not be brought up to date" in project.search(word, env=without_runtime).stderr
        assert project.files(word) == [path]
