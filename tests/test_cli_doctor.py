"""`greppy doctor`: a line a thing, and 1 when one is wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import Project, Run
from test_cli_search import assert_error


def lines(done) -> list[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    assert done.stderr == b"", done
    found = [re.fullmatch(r"(ok|note|BAD) +([a-z ]+?)  +(.+)", line) for line in done.stdout.decode().splitlines()]
    assert all(found), done
    return [(match[1], match[2], match[3]) for match in found if match]


def bad(done) -> list[str]:  # type: ignore[no-untyped-def]
    """What is wrong; the exit status must say the same."""
    found = [f"{what}: {sentence}" for state, what, sentence in lines(done) if state == "BAD"]
    assert done.returncode == (1 if found else 0), done
    return found


def test_nothing_is_wrong(project: Project) -> None:
    project.realistic()
    project.index("-q")
    done = project.run("doctor")
    assert bad(done) == []
    found = {what for _, what, _ in lines(done)}
    assert {
        "greppy",
        "index folder",
        "indexes",
        "runtime",
        "configuration",
        "git",
        "inotify",
        "locale",
        "terminal",
    } == found
    assert any(what == "indexes" and sentence.startswith("1 with 0.") for _, what, sentence in lines(done))


def test_it_takes_no_arguments(project: Project) -> None:
    assert_error(project.run("doctor", "x"), "doctor takes no argument", "x")


def test_it_makes_nothing(project: Project, env: dict[str, str]) -> None:
    project.run("doctor")
    assert list(Path(env["XDG_CACHE_HOME"]).iterdir()) == []
    assert list(Path(env["XDG_CONFIG_HOME"]).iterdir()) == []


def test_folders(project: Project, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for where in ("file", "file/below"):
        found = bad(project.run("doctor", env={**env, "GREPPY_INDEX_DIR": str(tmp_path / where)}))
        assert found == [
            f"index folder: {tmp_path}/file is not a folder; remove it, or set GREPPY_INDEX_DIR to another folder"
        ]
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    [found] = bad(project.run("doctor", env={**env, "GREPPY_INDEX_DIR": str(tmp_path / "open")}))
    assert "chmod go-w" in found
    nowhere = {key: value for key, value in env.items() if key not in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    assert len(bad(project.run("doctor", env=nowhere))) == 2


def test_somebody_elses_folder(env: dict[str, str], run_as_other: Run, other_place: Path, tmp_path: Path) -> None:
    base = tmp_path / "theirs"
    base.mkdir(mode=0o755)
    runtime = str(other_place / "runtime")
    done = run_as_other("doctor", cwd="/", env={**env, "GREPPY_INDEX_DIR": str(base), "GREPPY_RUNTIME_DIR": runtime})
    assert any("cannot be written to" in line for line in bad(done))


def test_a_wrong_configuration(project: Project, env: dict[str, str]) -> None:
    config = Path(env["XDG_CONFIG_HOME"]) / "greppy" / "config.toml"
    config.parent.mkdir()
    config.write_text("limit = 5\n")
    assert "sets limit" in project.run("doctor").stdout.decode()
    config.write_text("limit = x\n")
    [found] = bad(project.run("doctor"))
    assert found.startswith(f"configuration: {config}:1: limit takes")


def test_indexes(project: Project, env: dict[str, str]) -> None:
    project.realistic()
    project.index("-q")
    folder = project.index_folder()
    moved = project.root.with_name("moved")
    project.root.rename(moved)
    found = lines(project.run("doctor", cwd=moved))
    assert any(state == "note" and "greppy forget --gone" in sentence for state, _, sentence in found)
    (folder / "manifest").write_bytes(b"x")
    [line] = bad(project.run("doctor", cwd=moved))
    assert str(folder) in line


def test_locale(project: Project, env: dict[str, str]) -> None:
    for name, state in (
        ("C", "note"),
        ("de_DE.ISO-8859-1", "note"),
        ("de_DE.UTF-8", "ok"),
        ("x.nonsense", "note"),
        ("", "note"),
    ):
        found = lines(project.run("doctor", env={**env, "LANG": name}))
        assert [row[0] for row in found if row[1] == "locale"] == [state], name


def test_git(project: Project, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    found = lines(project.run("doctor", env={**env, "PATH": str(tmp_path / "bin")}))
    assert [row[0] for row in found if row[1] == "git"] == ["note"]
    (tmp_path / "bin/git").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "bin/git").chmod(0o755)
    [line] = bad(project.run("doctor", env={**env, "PATH": str(tmp_path / "bin")}))
    assert "status 3" in line


def test_path(project: Project, env: dict[str, str], greppy_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(greppy_bin, tmp_path / "bin/greppy")
    found = lines(project.run("doctor", env={**env, "PATH": f"{tmp_path / 'bin'}:{env['PATH']}"}))
    assert any(state == "note" and str(tmp_path / "bin/greppy") in sentence for state, _, sentence in found)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_git_is_named(project: Project) -> None:
    assert any(
        what == "git" and sentence.startswith("git version") for _, what, sentence in lines(project.run("doctor"))
    )
