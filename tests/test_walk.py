"""Which files a project has: git's answer, the ignore rules without git, links, and what is no file at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Project, binary
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greppy.index import walk as walking
from greppy.index.rules import Rules

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


NAMES = st.sampled_from(["a", "b", "ab", "a.b", "c", "b.c", "a-b", "#a", "!b", "a b", "[ab]", "a ", "A", "é", "\udcff"])
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
CHARACTERS = [
    *TOKENS, "A", "é", "\udcff", "[^b]", "[a-c]", "[[:alpha:]]", "[]]", "\\", "\\#", "\\!", "\r", " ", "\t",
    "**/", "/**",
]  # fmt: skip
LINES = st.lists(
    st.lists(st.sampled_from(CHARACTERS), min_size=1, max_size=6).map("".join) | PATHS | PATHS.map("!{}".format),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    paths=st.sets(PATHS, min_size=1, max_size=12),
    rules=st.dictionaries(st.lists(NAMES, max_size=2).map("/".join), LINES, min_size=1, max_size=3),
    exclude=LINES,
)
def test_the_rules_walk_is_git_check_ignore(
    tmp_path_factory: pytest.TempPathFactory, env: dict[str, str], needs_git: None,
    paths: set[str], rules: dict[str, list[str]], exclude: list[str],
) -> None:  # fmt: skip
    """Random trees, with ignore files at any depth and in `info/exclude`: what git ignores is ignored, and no more."""
    if any(re.search(r"[^/*]\*\*+/", rule) for lines in (*rules.values(), exclude) for rule in lines):
        return  # git's own answer to `a**/**` is a riddle
    root = Path(tempfile.mkdtemp(dir=tmp_path_factory.getbasetemp()))
    try:
        for path in sorted(paths, key=len, reverse=True):  # the deepest first: the others are folders by then
            with contextlib.suppress(OSError):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).touch()
        for folder, lines in rules.items():
            if (root / folder).is_dir():
                (root / folder / ".gitignore").write_bytes(os.fsencode("\n".join(lines)))
        subprocess.run(["git", "init", "-q", root], env=env, check=True)
        (root / ".git/info").mkdir(exist_ok=True)
        (root / ".git/info/exclude").write_bytes(os.fsencode("\n".join(exclude) + "\n"))
        found = [
            os.path.relpath(os.path.join(folder, name), os.fsencode(root))
            for folder, folders, names in os.walk(os.fsencode(root)) if b"/.git" not in folder
            for name in folders + names if name not in (b".git", b".gitignore")
        ]  # fmt: skip
        said = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "--stdin"],
            cwd=root, env=env, input=b"".join(path + b"\0" for path in found), capture_output=True,
        ).stdout  # fmt: skip
        ignored = set(said.split(b"\0")) - {b""}
        files = {path for path in found if (root / os.fsdecode(path)).is_file()}
        result = walking.Walk()
        shutil.move(root / ".git", root / "git")
        (root / ".git").write_bytes(b"gitdir: git\n")  # a work tree, and git cannot read it
        shutil.rmtree(root / "git/refs")
        result = walking.walk(os.fsencode(os.path.realpath(root)))
        if not result.warnings:
            expected = files - ignored - {path for path in files if path.startswith(b"git/")}
            assert {path for path in result.files if not path.startswith(b"git/")} == expected
    finally:
        shutil.rmtree(root)


CLASSES = [
    "[[:alpha:]]", "[[:digit:][:upper:]]", "[![:alpha:]]", "[[:nope:]]", "[[:alpha:]-z]", "[[:a]", "[a-c]", "[c-a]",
    "[-a]", "[a-\\c]", "[\\a]", "[\\]]", "[\\-]", "[]a]", "[!]a]", "[^a]", "[a-c-]", "[a", "[a\\", "[a-", "[a-\\",
    "[a-]", "[/]", "[!/]", "[A-z]", "[*]", "[?]", "[[]", "[a[:digit:]]",
]  # fmt: skip


def test_bracketed_rules_are_gits(project: Project, env: dict[str, str], needs_git: None) -> None:
    """Each in a folder of its own, with every name of one character."""
    names = [bytes((byte,)) for byte in range(1, 256) if byte not in b"./\n"]
    project.git("init", "-q")
    for number, rule in enumerate(CLASSES):
        project.write(f"{number}/.gitignore", f"{rule}\n")
    asked = [b"%d/%s" % (number, name) for number in range(len(CLASSES)) for name in names]
    said = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=project.root, env=env, input=b"\0".join(asked), capture_output=True,
    ).stdout  # fmt: skip
    ignored = set(said.split(b"\0"))
    for number, rule in enumerate(CLASSES):
        rules = Rules.of(rule.encode())
        ours = {name for name in names if rules.verdict(name, False)}
        assert ours == {name for name in names if b"%d/%s" % (number, name) in ignored}, rule


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


def test_a_submodule_is_like_any_other_folder(project: Project, needs_git: None, tmp_path: Path) -> None:
    """What is new in it counts, its own rules hold, all of it is looked at before an answer; also deeper down."""
    make_repository(project, "../deep")
    library = make_repository(project, "../library")
    project.git("submodule", "add", "-q", str(tmp_path / "deep"), "more/deep", cwd=library)
    project.git("commit", "-qam", "deep", cwd=library)
    project.git("init")
    needles(project, "a.py")
    project.git("submodule", "add", "-q", str(tmp_path / "library"), "lib/module")
    project.git("submodule", "update", "-q", "--init", "--recursive")
    project.age()
    known = {"a.py", "lib/module/inside.py", "lib/module/more/deep/inside.py"}
    assert set(project.files("needle")) == known
    assert project.index().stdout.startswith(b"up to date")
    project.write("lib/module/.gitignore", "*.log\n")
    needles(project, "lib/module/src/new.py", "lib/module/src/new.log", "lib/module/more/deep/x/new.py")
    known |= {"lib/module/src/new.py", "lib/module/more/deep/x/new.py"}
    assert set(project.files("needle")) == known
    # Tracked from now on, which only the submodule's own index says
    project.age()
    project.index()
    project.git("add", "-f", "src/new.log", cwd=project.root / "lib/module")
    assert set(project.files("needle")) == {*known, "lib/module/src/new.log"}
    shutil.rmtree(project.root / "lib/module/more/deep/x")
    assert set(project.files("needle")) == {*known, "lib/module/src/new.log"} - {"lib/module/more/deep/x/new.py"}
    # below it, it is a project of its own
    (project.root / "lib/module/src/new.log").unlink()
    project.index("-p", "lib/module")
    assert set(project.files("needle", cwd=project.root / "lib/module")) == {
        "inside.py", "src/new.py", "more/deep/inside.py",
    }  # fmt: skip


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


@pytest.mark.parametrize("kind", ["gitfile", "linked"])
def test_the_repository_lies_elsewhere(project: Project, needs_git: None, tmp_path: Path, kind: str) -> None:
    """What its index and its rules say is heeded, and a change of them is seen."""
    store = tmp_path / "store"
    root = project.root
    if kind == "gitfile":
        project.git("init", "--separate-git-dir", str(store))
    else:
        make_repository(project, "../seed")
        project.git("clone", "-q", "--bare", str(tmp_path / "seed"), str(store))
        project.git("worktree", "add", "-q", str(root / "tree"), cwd=store)
        root = root / "tree"
    needles(Project(root, project.run, {}), "a.py", "b.log", "c.tmp", "deep/d.py")
    exclude = store / "info/exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("*.log\n*.tmp\n")
    (root / "inside.py").unlink(missing_ok=True)  # what the clone brought
    project.age()
    assert set(project.files("needle", cwd=root)) == {"a.py", "deep/d.py"}
    project.git("add", "-f", "c.tmp", cwd=root)
    assert set(project.files("needle", cwd=root)) == {"a.py", "c.tmp", "deep/d.py"}
    exclude.write_text("*.tmp\n/deep\n")
    assert set(project.files("needle", cwd=root / "deep")) == {"../a.py", "../b.log", "../c.tmp"}


def excludes(project: Project, where: str, home: Path) -> Path:
    """A file of rules outside of the work tree, told to git."""
    if where == "info":
        return project.root / ".git/info/exclude"
    if where == "default":
        return home / "config/git/ignore"
    path = home / "my rules"
    if where == "global":
        (home / ".gitconfig").write_text('[core]\n\texcludesFile = "~/my rules"\n')
    else:
        project.git("config", "core.excludesFile", str(path))
    return path


@pytest.mark.parametrize("where", ["info", "default", "global", "local"])
def test_excludes_outside_of_the_work_tree(
    project: Project, needs_git: None, where: str, env: dict[str, str]
) -> None:
    project.git("init")
    needles(project, "a.py", "b.log", "sub/c.log", "sub/d.tmp")
    path = excludes(project, where, Path(env["HOME"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("*.log\n")
    project.age()
    assert set(project.files("needle")) == {"a.py", "sub/d.tmp"}
    # a change of the rules is a change of the project
    path.write_text("/sub\n")
    assert set(project.files("needle")) == {"a.py", "b.log"}
    path.unlink()
    assert set(project.files("needle")) == {"a.py", "b.log", "sub/c.log", "sub/d.tmp"}


def test_another_excludes_file(project: Project, needs_git: None, env: dict[str, str]) -> None:
    project.git("init")
    needles(project, "a.py", "b.log")
    project.age()
    assert set(project.files("needle")) == {"a.py", "b.log"}
    (Path(env["HOME"]) / "rules").write_text("*.log\n")
    (Path(env["HOME"]) / ".gitconfig").write_text("[core]\n\texcludesFile = ~/rules\n")
    assert project.files("needle") == ["a.py"]


@pytest.mark.parametrize("tree", ["main", "linked"])
def test_info_exclude_without_git(
    project: Project, needs_git: None, env: dict[str, str], tmp_path: Path, tree: str
) -> None:
    """`.git/info/exclude` counts although there is no git to ask; a linked work tree shares it."""
    project.git("init")
    needles(project, "a.py", "b.log", "keep.log")
    project.write(".gitignore", "!keep.log\n")
    project.git("add", "-f", ".")
    project.git("commit", "-qm", "one")
    project.write(".git/info/exclude", "*.log\n")
    root = project.root
    if tree == "linked":
        root = tmp_path / "tree"
        project.git("worktree", "add", "-q", str(root))
    bare = {**env, "PATH": "/nonexistent"}
    assert set(project.files("needle", env=bare, cwd=root)) == {"a.py", "keep.log"}
    project.write(".git/info/exclude", "*.py\n")
    assert set(project.files("needle", env=bare, cwd=root)) == {"b.log", "keep.log"}


def test_no_program_of_the_repository_is_run(project: Project, needs_git: None, tmp_path: Path) -> None:
    """Git can be told to ask a program what has changed; whoever searches a stranger's folder does not want that."""
    project.git("init")
    needles(project, "a.py")
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    hook.chmod(0o755)
    project.git("config", "core.fsmonitor", str(hook))
    assert project.files("needle") == ["a.py"]
    assert not (tmp_path / "was-run").exists()


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


def test_rule_files_that_are_no_files(project: Project, tmp_path: Path) -> None:
    """A FIFO keeps nobody waiting, and a link does not bring in rules from elsewhere."""
    needles(project, "a.py", "sub/b.py", "deep/c.py")
    os.mkfifo(project.root / ".gitignore")
    (tmp_path / "rules").write_text("*.py\n")
    (project.root / "sub/.gitignore").symlink_to(tmp_path / "rules")
    (project.root / "deep/.greppyignore").mkdir()
    done = project.run("index", timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    assert set(project.files("needle")) == {"a.py", "sub/b.py", "deep/c.py"}


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


@pytest.mark.parametrize("kind", ["plain", "git"])
def test_folders_vanish_while_we_walk(
    project: Project, needs_git: None, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is gone was not left out: not a word about it."""
    if kind == "git":
        project.git("init")
    needles(project, "a.py", "gone/b.py", "gone/deep/c.py", "now_a_file/d.py", "stays/e.py")
    scandir = os.scandir

    def scan(path: bytes) -> object:
        if path.endswith((b"/gone", b"/now_a_file")):
            os.rename(path, os.path.join(os.fsencode(tmp_path), os.path.basename(path)))
        if path.endswith(b"/now_a_file"):
            Path(os.fsdecode(path)).touch()
        return scandir(path)

    monkeypatch.setattr(walking.os, "scandir", scan)
    result = walking.walk(os.path.realpath(os.fsencode(project.root)))
    assert result.warnings == []
    assert set(result.folders) == {b"", b"stays"}
    assert {b"a.py", b"stays/e.py"} <= set(result.files)


@pytest.mark.parametrize("kind", ["plain", "git"])
def test_indexing_while_folders_come_and_go(project: Project, needs_git: None, kind: str) -> None:
    if kind == "git":
        project.git("init")
    needles(project, "a.py")
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            needles(project, *(f"churn/{number % 3}/{i}/x.py" for i in range(20)))
            shutil.rmtree(project.root / "churn" / str((number + 1) % 3), ignore_errors=True)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(8):
            done = project.index("-q", "--strict")
            assert (done.stdout, done.stderr) == (b"", b"")
    finally:
        stop.set()
        thread.join()
    shutil.rmtree(project.root / "churn")
    assert project.files("needle") == ["a.py"]


def test_mount_points(project: Project) -> None:
    """Another file system below the root belongs to the project, and a root mounted into itself does not trap us."""
    needles(project, "a.py", "disk/hidden.py", "self/x.py")
    script = (
        "mount -t tmpfs none disk && echo 'needle = 1' > disk/b.py && mount --bind . self && "
        '"$0" index --strict -q && "$0" search -l needle'
    )
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    if os.geteuid() != 0 or tried.returncode:
        pytest.skip("needs a mount name space of its own")
    done = project.run("-m", "sh", "-c", script, binary(), program=Path(shutil.which("unshare") or ""))
    if b"mount: " in done.stderr:
        pytest.skip("may not mount here")
    assert done.stderr == b"", done
    assert done.returncode == 0, done
    found = set(done.stdout.decode().split())
    assert {"a.py", "disk/b.py", "self/a.py"} <= found
    assert "disk/hidden.py" not in found
    assert not any(path.startswith("self/self/self") for path in found)


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
