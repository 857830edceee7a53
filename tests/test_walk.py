"""Which files a project has: git's answer, the ignore rules without git, links, and what is no file at all."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greppy.index import walk as walking

Find = Callable[..., set[str]]


@pytest.fixture(params=["plain", "git"])
def kind(request: pytest.FixtureRequest, project: Project, needs_git: None) -> str:
    if request.param == "git":
        project.git("init")
    return str(request.param)


def walked(project: Project, root: str = ".") -> set[str]:
    """What the walk lists."""
    return {os.fsdecode(path) for path in walking.walk(os.path.realpath(os.fsencode(project.root / root))).files}


def needles(project: Project, *paths: str) -> None:
    for path in paths:
        project.write(path, "needle = 1\n")


# ------------------------------------------------------------------------------------------------------------- rules


def test_ignore_files(project: Project, kind: str) -> None:
    needles(
        project, "a.py", "b.log", "keep.log", "build/x.py", "src/build/x.py", "src/a.tmp", "src/b.py", "docs/x.md",
        "docs/deep/x.md", "src/vendor/y.py", "deep/a/b/c.gen", "deep/a.gen", "über.py", "x y.py",
        "sub/only.py", "sub/other.py",
    )  # fmt: skip
    project.write(
        ".gitignore",
        "*.log\n!keep.log\n/build/\n# comment\n\nsrc/**/*.tmp\ndocs/*.md\n**/vendor\ndeep/**/*.gen\nx\\ y.py\n",
    )
    project.write("sub/.gitignore", "*\n!only.py\n")
    project.write(".greppyignore", "über.py\n")
    found = {path for path in walked(project) if not path.endswith("ignore")}
    assert found == {"a.py", "keep.log", "src/build/x.py", "src/b.py", "docs/deep/x.md", "sub/only.py"}


def test_everything_but(project: Project, kind: str) -> None:
    """The usual way to say that only some files count."""
    needles(project, "a.py", "b.log", "sub/c.py", "sub/deep/d.py", "sub/deep/e.log", "gen/f.py")
    project.write(".gitignore", "*\n!*/\n!*.py\n/gen/\n")
    assert walked(project) == {"a.py", "sub/c.py", "sub/deep/d.py"}
    project.write(".gitignore", "/*\n!/sub\nsub/*\n!sub/c.py\n")
    assert walked(project) == {"sub/c.py"}


def test_greppyignore_adds(project: Project, kind: str) -> None:
    needles(project, "a.py", "gen/a.py", "gen/keep.py", "deep/gen/b.py", "deep/b.py")
    project.write(".greppyignore", "gen/\n")
    project.write("deep/.greppyignore", "b.py\n")
    project.age()
    assert {path for path in walked(project) if path.endswith(".py")} == {"a.py"}
    assert project.files("needle") == ["a.py"]


def test_greppyignore_hides_what_git_tracks(project: Project, needs_git: None) -> None:
    project.git("init")
    needles(project, "a.py", "big/data.py")
    project.git("add", ".")
    project.write(".greppyignore", "/big\n")
    assert project.files("needle") == ["a.py"]


def test_broken_rules_do_no_harm(project: Project, kind: str) -> None:
    needles(project, "a.py", "b.py")
    project.write(".gitignore", b"\xff\xfe\n[\n[!\n\\\n**/[z-a]\n!\n/\n//\n\r\nb.py\r\n")
    project.write(".greppyignore", b"\xef\xbb\xbf\n[[:alpha:\n*\\\n")
    assert project.index().stderr == b""
    assert "a.py" in project.files("needle")
    (project.root / ".greppyignore").unlink()
    (project.root / ".greppyignore").mkdir()
    assert "a.py" in project.files("needle")


def test_untracked_files_belong_to_it_and_ignored_ones_do_not(project: Project, needs_git: None) -> None:
    project.git("init")
    needles(
        project,
        "tracked.py",
        "untracked.py",
        "ignored.py",
        "node_modules/x.py",
        "tracked_though_ignored.log",
        ".hidden/x.py",
    )
    project.write(".gitignore", "ignored.py\nnode_modules\n*.log\n")
    project.git("add", "tracked.py")
    project.git("add", "-f", "tracked_though_ignored.log")
    project.age()
    assert set(project.files("needle")) == {"tracked.py", "untracked.py", "tracked_though_ignored.log", ".hidden/x.py"}


def test_a_tracked_file_that_is_gone(project: Project, needs_git: None) -> None:
    project.git("init")
    needles(project, "a.py", "b.py")
    project.git("add", ".")
    (project.root / "b.py").unlink()
    assert project.files("needle") == ["a.py"]
    assert project.index().stderr == b""


def test_hidden_files(project: Project) -> None:
    """Without git, as in ripgrep, what begins with a dot is left out."""
    needles(project, "a.py", ".hidden.py", ".folder/x.py", "sub/.hidden.py")
    assert walked(project) == {"a.py"}


def test_rules_that_ignore_everything(project: Project) -> None:
    """Whoever asks for such a folder does not mean an empty index."""
    needles(project, "a.py", "sub/b.py")
    project.write(".gitignore", "*\n")
    done = project.index()
    assert b"ignores everything" in done.stderr
    assert set(project.files("needle")) == {"a.py", "sub/b.py"}


def test_a_folder_that_the_repository_around_it_ignores(project: Project, needs_git: None) -> None:
    project.git("init")
    needles(project, "a.py", "node_modules/x/b.py")
    project.write(".gitignore", "node_modules\n")
    project.index("-p", "node_modules/x")
    assert project.files("needle", cwd=project.root / "node_modules" / "x") == ["b.py"]
    assert project.files("needle") == ["a.py"]


TOKENS = ["a", "b", "c", "*", "**", "?", "/", "!", ".", "[ab]", "[!a]", "\\ ", "#", "-"]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rules=st.lists(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=5).map("".join), min_size=1, max_size=4))
def test_the_rules_are_gits(project: Project, env: dict[str, str], needs_git: None, rules: list[str]) -> None:
    """Without git the same files are found as with it."""
    if any(re.search(r"[^/*]\*\*+/", rule) for rule in rules):
        return  # git's own answer to `a**/**` is a riddle
    paths = ["a", "b", "ab", "a.b", "c/a", "c/b", "c/ab", "c/a.b", "b.c/a/b", "b.c/ab/c", "a-b", "c/c/c/a"]
    root = project.root
    shutil.rmtree(root)
    root.mkdir()
    needles(project, *paths)
    project.write(".gitignore", "\n".join(rules) + "\n")
    project.git("init", "-q")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=root, env=env, capture_output=True, check=True,
    ).stdout  # fmt: skip
    expected = {os.fsdecode(path) for path in listed.split(b"\0") if path}
    with_git = walked(project)
    shutil.rmtree(root / ".git")
    without = walking.walk(os.path.realpath(os.fsencode(root)))
    if expected - {".gitignore"}:
        assert with_git == expected
    if not without.warnings:
        assert {os.fsdecode(path) for path in without.files} == expected - {".gitignore"}, rules


@pytest.mark.parametrize(
    "rule", ["\\", "!", "/", "a\\", "[", "[!", "[]", "**/[z-a]", "//", "!/", "\x00", "[[:alpha:"], ids=repr
)
def test_a_rule_that_means_nothing(project: Project, rule: str) -> None:
    """It is passed over, and the others hold."""
    needles(project, "x.py", "y.py")
    project.write(".gitignore", f"x.py\n{rule}\n")
    assert walked(project) == {"y.py"}


# ------------------------------------------------------------------------------------------------------ repositories


def make_repository(project: Project, path: str) -> Path:
    folder = project.root / path
    folder.mkdir(parents=True)
    project.git("init", cwd=folder)
    needles(project, f"{path}/inside.py")
    project.git("add", ".", cwd=folder)
    project.git("commit", "-qm", "inside", cwd=folder)
    return folder


def test_a_submodule(project: Project, needs_git: None, tmp_path: Path) -> None:
    make_repository(project, "../library")
    project.git("init")
    needles(project, "a.py")
    project.git("submodule", "add", "-q", str(tmp_path / "library"), "lib/module")
    project.age()
    assert set(project.files("needle")) == {"a.py", "lib/module/inside.py"}
    # a change in it is seen, and so is what it gets
    project.write("lib/module/inside.py", "needle = 2\nwalrus = 3\n")
    assert project.files("walrus") == ["lib/module/inside.py"]
    project.write("lib/module/more.py", "seal = 4\n")
    project.git("add", ".", cwd=project.root / "lib" / "module")
    assert project.files("seal") == ["lib/module/more.py"]


def test_a_submodule_that_was_not_fetched(project: Project, needs_git: None, tmp_path: Path) -> None:
    make_repository(project, "../library")
    project.git("init")
    needles(project, "a.py")
    project.git("submodule", "add", "-q", str(tmp_path / "library"), "module")
    project.git("add", ".")
    project.git("commit", "-qm", "all")
    project.git("clone", "-q", str(project.root), str(tmp_path / "clone"))
    assert project.lines("needle", cwd=tmp_path / "clone") == ["a.py:1:needle = 1"]


@pytest.mark.parametrize("outer", ["plain", "git"])
def test_a_nested_repository_is_a_project_of_its_own(project: Project, needs_git: None, outer: str) -> None:
    if outer == "git":
        project.git("init")
    needles(project, "a.py")
    inner = make_repository(project, "sub/inner")
    assert project.files("needle") == ["a.py"]
    project.age()
    assert project.files("needle") == ["a.py"]
    project.index("-p", str(inner))
    assert project.files("needle", cwd=inner) == ["inside.py"]
    assert project.files("needle") == ["a.py"]


def test_a_linked_work_tree(project: Project, needs_git: None, tmp_path: Path) -> None:
    """Its `.git` is a file."""
    project.git("init")
    needles(project, "a.py", "sub/b.py")
    project.write(".gitignore", "*.log\n")
    project.git("add", ".")
    project.git("commit", "-qm", "one")
    project.git("worktree", "add", "-q", str(tmp_path / "tree"))
    (tmp_path / "tree" / "c.log").write_text("needle = 1\n")
    (tmp_path / "tree" / "d.py").write_text("needle = 1\n")
    assert set(project.files("needle", cwd=tmp_path / "tree")) == {"a.py", "sub/b.py", "d.py"}
    assert set(project.files("needle", cwd=tmp_path / "tree" / "sub")) == {"../a.py", "b.py", "../d.py"}
    assert set(project.files("needle")) == {"a.py", "sub/b.py"}


def test_a_part_of_a_repository(project: Project, needs_git: None) -> None:
    project.git("init")
    needles(project, "a.py", "part/b.py", "part/c.log", "part/sub/d.py")
    project.write(".gitignore", "*.log\n")
    project.git("add", ".")
    project.index("-p", "part")
    assert set(project.files("needle", cwd=project.root / "part")) == {"b.py", "sub/d.py"}


def test_a_broken_repository(project: Project, needs_git: None) -> None:
    """`.git` is there, but git cannot read it: the folder is walked."""
    needles(project, "a.py", "b.log")
    project.write(".gitignore", "*.log\n")
    project.write(".git", "gitdir: /nowhere\n")
    assert project.files("needle") == ["a.py"]


def test_without_git(project: Project, needs_git: None, env: dict[str, str]) -> None:
    project.git("init")
    needles(project, "a.py", "b.log", "sub/c.py")
    project.write(".gitignore", "*.log\n")
    bare = {**env, "PATH": "/nonexistent"}
    assert set(project.files("needle", env=bare)) == {"a.py", "sub/c.py"}
    assert b"config" not in project.search("repositoryformatversion", env=bare).stdout


def test_a_bare_repository_is_no_work_tree(project: Project, needs_git: None) -> None:
    project.git("init", "--bare")
    project.write("notes.txt", "needle\n")
    assert "notes.txt" in project.files("needle")


def test_gits_environment_does_not_matter(
    project: Project, needs_git: None, env: dict[str, str], tmp_path: Path
) -> None:
    """As in a hook, where GIT_DIR names another repository."""
    make_repository(project, "../other")
    project.git("init")
    needles(project, "a.py")
    hook = {
        **env,
        "GIT_DIR": str(tmp_path / "other" / ".git"),
        "GIT_WORK_TREE": str(tmp_path / "other"),
        "GIT_INDEX_FILE": "x",
    }
    assert project.files("needle", env=hook) == ["a.py"]


def test_a_repository_of_somebody_else(
    project: Project, needs_git: None, run_as_other: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    """Git refuses to read it; its files are found by walking."""
    project.git("init")
    needles(project, "a.py", "b.log")
    project.write(".gitignore", "*.log\n")
    project.git("add", "a.py")
    done = run_as_other("search", "-l", "needle", "-p", str(project.root))
    assert done.returncode == 0, done
    assert done.stdout == b"project/a.py\n"


# ------------------------------------------------------------------------------------------------------------ links


def test_links_are_not_followed(project: Project, kind: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("needle = 'outside'\n")
    needles(project, "a.py", "sub/b.py")
    (project.root / "file.py").symlink_to(outside / "secret.py")
    (project.root / "folder").symlink_to(outside)
    (project.root / "inner.py").symlink_to("a.py")
    (project.root / "inner").symlink_to("sub")
    (project.root / "self").symlink_to(".")
    (project.root / "sub" / "up").symlink_to("..")
    (project.root / "x").symlink_to("y")
    (project.root / "y").symlink_to("x")
    (project.root / "dangling.py").symlink_to("nowhere.py")
    if kind == "git":
        project.git("add", ".")
    done = project.index()
    assert done.stderr == b""
    assert set(project.files("needle", "-n", "100")) == {"a.py", "sub/b.py"}
    assert project.lines("outside") == []
    assert project.files("needle", "inner.py") == ["a.py"]


def test_a_tracked_folder_becomes_a_link_out_of_the_root(project: Project, needs_git: None, tmp_path: Path) -> None:
    """Git still lists the files below it by name."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("needle = 'outside'\n")
    project.git("init")
    needles(project, "folder/a.py", "b.py")
    project.git("add", ".")
    shutil.rmtree(project.root / "folder")
    (project.root / "folder").symlink_to(outside)
    project.index()
    assert project.lines("outside") == []
    assert project.files("needle") == ["b.py"]


def test_an_indexed_folder_becomes_a_link_out_of_the_root(project: Project, kind: str, tmp_path: Path) -> None:
    """The same between indexing and searching, with a file that looks just like the one that was indexed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    project.fill({"folder/a.py": "needle = 'first!'\n", "b.py": "x = 1\n"})
    project.index("-q")
    (outside / "a.py").write_text("needle = 'secret'\n")
    times = (project.root / "folder/a.py").stat().st_mtime_ns
    os.utime(outside / "a.py", ns=(times, times))
    shutil.rmtree(project.root / "folder")
    (project.root / "folder").symlink_to(outside)
    for flags in (["--no-refresh"], [], ["--no-refresh"]):
        assert project.lines("needle", *flags) == [], flags


def test_the_project_itself_is_a_link(project: Project, tmp_path: Path) -> None:
    needles(project, "a.py")
    (tmp_path / "link").symlink_to(project.root)
    project.index("-p", str(tmp_path / "link"))
    assert project.files("needle", cwd=tmp_path / "link") == ["a.py"]
    assert project.index().returncode == 0
    assert len(list(project.index_folder().parent.iterdir())) == 1


# --------------------------------------------------------------------------------------------- what is not a file


def test_fifos_sockets_and_devices(project: Project, kind: str) -> None:
    needles(project, "a.py")
    os.mkfifo(project.root / "fifo.py")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(project.root / "socket.py"))
    if os.geteuid() == 0:
        os.mknod(project.root / "zero.py", 0o020644, os.makedev(1, 5))
    done = project.run("index", timeout=30)
    assert done.returncode == 0
    assert done.stderr == b""
    assert project.files("needle", timeout=30) == ["a.py"]


def test_deep_folders(project: Project, kind: str) -> None:
    path = "/".join("deep" for _ in range(150)) + "/a.py"
    project.write(path, "needle = 1\n")
    assert project.files("needle") == [path]


def test_a_path_too_long_for_a_system_call(project: Project) -> None:
    """Such a file can be made, step by step; it cannot be named."""
    needles(project, "a.py")
    home = os.getcwd()
    try:
        os.chdir(project.root)
        for _ in range(22):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("z.py").write_text("needle = 1\n")
    finally:
        os.chdir(home)
    done = project.run("index")
    assert done.returncode == 0, done
    assert b"Traceback" not in done.stderr
    done = project.search("needle", "-l")
    assert done.returncode == 0
    assert done.stdout == b"a.py\n"


SECRETS = [
    ".env", ".env.local", ".env.production", "server.pem", "server.key", "id_rsa", "id_ed25519", ".netrc", ".pgpass",
    ".git-credentials", "x.p12", "x.pfx", "x.jks", ".htpasswd", "deep/in/.env", "deep/id_rsa",
]  # fmt: skip


def test_secrets_are_left_out(project: Project, kind: str) -> None:
    needles(project, *SECRETS, "a.py", "env.py", "environment", "keys.py", "id_rsa.py", "id_rsa.pub")
    if kind == "git":
        needles(project, ".env.example")
        project.git("add", "-f", ".")
    found = set(project.files("needle", "-n", "100"))
    assert not found & set(SECRETS)
    assert {"a.py", "env.py", "environment", "keys.py"} <= found
    if kind == "git":
        assert ".env.example" in found


def test_gits_own_folder_is_left_out(project: Project, needs_git: None) -> None:
    project.git("init")
    needles(project, "a.py", "sub/.git/hidden.py")
    project.write(".git/needle.py", "needle = 1\n")
    assert "a.py" in project.files("needle")
    assert not any(".git/" in path for path in project.files("needle"))


def test_walk_reports_folders(project: Project, kind: str) -> None:
    needles(project, "a.py", "one/b.py", "two/deep/c.py", "skip/d.py")
    (project.root / "empty").mkdir()
    project.write(".gitignore", "skip/\n")
    project.age()
    result = walking.walk(os.path.realpath(os.fsencode(project.root)))
    assert set(result.folders) == {b"", b"one", b"two", b"two/deep", b"empty"}
    for path, mtime in result.folders.items():
        assert mtime == os.lstat(os.path.join(os.fsencode(project.root), path)).st_mtime_ns
    assert result.files == sorted(result.files)


def test_walk_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        walking.walk(os.fsencode(tmp_path / "nowhere"))
