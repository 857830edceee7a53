"""`greppy completions`: what the real shells offer."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pexpect
import pytest
from conftest import Project, Run
from test_cli_search import assert_error

from greppy._core import engine
from greppy.cli import completions

COMMANDS = [name for name, *_ in engine.commands()]


@pytest.fixture
def script(run: Run, tmp_path: Path) -> dict[str, Path]:
    """The scripts of the delivered executable, by shell."""
    paths = {}
    for shell in completions.SHELLS:
        done = run("completions", shell)
        assert (done.returncode, done.stderr) == (0, b""), done
        paths[shell] = tmp_path / f"greppy.{shell}"
        paths[shell].write_bytes(done.stdout)
    return paths


@pytest.fixture
def folder(project: Project) -> Path:
    project.fill({"src/a.py": "a = 1\n", "source.txt": "b\n", "with blank/c.py": "c\n"})
    return project.root


def test_bad_input(run: Run) -> None:
    assert_error(run("completions"), "bash, zsh or fish")
    assert_error(run("completions", "tcsh"), "bash, zsh or fish", "tcsh")
    assert_error(run("completions", "bash", "zsh"), "bash, zsh or fish")
    assert_error(run("completions", "--shell", "zsh"), "--shell", "greppy completions --help")


def test_every_command_and_flag_is_in_every_script(script: dict[str, Path]) -> None:
    for shell, path in script.items():
        text = path.read_text()
        for name in COMMANDS:
            assert name in text
        for long, _, _, _, _, hidden in engine.flags():
            spelling = f"-l {long} " if shell == "fish" else f"--{long}"
            assert (spelling in text) != hidden, (shell, long)


# What is typed behind `greppy`, the last word being completed, and what must be offered.
CASES: list[tuple[list[str], list[str]]] = [
    (["sta"], ["start", "status"]),
    (["co"], ["completions", "config"]),
    (["search", "--no"], ["--no-config", "--no-refresh", "--no-smart", "--no-tests"]),
    (["search", "--type", "pyt"], ["python"]),
    (["search", "x", "-t", "typesc"], ["typescript"]),
    (["search", "--color", ""], ["always", "auto", "never"]),
    (["s", "--kin"], ["--kind"]),
    (["index", "--for"], ["--force"]),
    (["config", "li"], ["limit"]),
    (["config", "--unset", "col"], ["color"]),
    (["completions", ""], ["bash", "fish", "zsh"]),
    (["help", "doc"], ["doctor"]),
    (["check", "--re"], ["--repair"]),
    (["search", "config", "--ty"], ["--type", "--type-not"]),
    (["search", "list", "--uns"], []),
]


# ------------------------------------------------------------------------------------------------------------- bash


def in_bash(script: Path, words: list[str], folder: Path) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in ["greppy", *words])
    program = (
        f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; compopt() {{ :; }}; _greppy; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return sorted(word for word in done.stdout.split("\n") if word)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(("words", "offered"), CASES)
def test_bash(script: dict[str, Path], folder: Path, words: list[str], offered: list[str]) -> None:
    assert in_bash(script["bash"], words, folder) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_paths(script: dict[str, Path], folder: Path) -> None:
    assert in_bash(script["bash"], ["search", "x", "s"], folder) == ["source.txt", "src"]
    assert in_bash(script["bash"], ["search", "x", "-p", "s"], folder) == ["src"]
    assert in_bash(script["bash"], ["forget", "w"], folder) == ["with blank"]
    assert in_bash(script["bash"], ["search", "--type", "=", "pyt"], folder) == ["python"]
    assert in_bash(script["bash"], ["nonsense", "x"], folder) == []
    done = subprocess.run(
        ["bash", "--norc", "-c", f"source '{script['bash']}'; complete -p greppy"], capture_output=True
    )
    assert done.stdout == b"complete -F _greppy greppy\n"


# ------------------------------------------------------------------------------------------------------------- fish


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
@pytest.mark.parametrize(("words", "offered"), CASES)
def test_fish(script: dict[str, Path], folder: Path, env: dict[str, str], words: list[str], offered: list[str]) -> None:
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source '{script['fish']}'; complete -C 'greppy {' '.join(words)}'"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done
    assert sorted({line.split("\t")[0] for line in done.stdout.splitlines()}) == offered


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_paths(script: dict[str, Path], folder: Path, env: dict[str, str]) -> None:
    for line, offered in (("search x s", {"source.txt", "src/"}), ("search x -p s", {"src/"}), ("config q", set())):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source '{script['fish']}'; complete -C 'greppy {line}'"],
            cwd=folder, env=env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert {line.split("\t")[0] for line in done.stdout.splitlines()} == offered


# -------------------------------------------------------------------------------------------------------------- zsh


class Zsh:
    """An interactive zsh with the completions in its $fpath."""

    def __init__(self, script: Path, folder: Path, env: dict[str, str]) -> None:
        functions = folder.parent / "functions"
        functions.mkdir()
        (functions / "_greppy").write_bytes(script.read_bytes())
        self.child = pexpect.spawn(
            "zsh", ["-f", "-i"], cwd=str(folder), env={**env, "TERM": "dumb", "PS1": "% "}, timeout=60, encoding="utf-8"
        )
        self.child.delaybeforesend = None
        for line in (
            "PROMPT=''",
            f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D",
            # What is offered is written to a file, not shown: no escape sequences to take apart.
            'compadd() { builtin compadd -A __got "$@"; print -rl -- $__got >> $OFFERED; builtin compadd "$@"; }',
            'probe() { BUFFER="greppy $WORDS"; CURSOR=$#BUFFER; zle list-choices; print probed >> $OFFERED; BUFFER=; }',
            "zle -N probe; bindkey '^G' probe; print rea''dy",
        ):
            self.child.sendline(line)
        self.child.expect("ready")

    def offered(self, words: list[str], where: Path) -> set[str]:
        where.unlink(missing_ok=True)
        self.child.sendline(f"OFFERED={where}; WORDS='{' '.join(words)}'; print d''one")
        self.child.expect("done")
        self.child.send("\x07")
        deadline = time.monotonic() + 30
        while not (where.exists() and where.read_text().endswith("probed\n")):
            assert time.monotonic() < deadline, words
            time.sleep(0.01)
        return set(where.read_text().split("\n")) - {"", "probed"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh(script: dict[str, Path], folder: Path, env: dict[str, str], tmp_path: Path) -> None:
    zsh = Zsh(script["zsh"], folder, env)
    for words, offered in CASES:
        found = zsh.offered(words, tmp_path / "offered")
        assert set(offered) <= {word.rstrip("=") for word in found}, (words, found)
        assert not any(word.startswith("--") for word in found) or words[-1].startswith("--"), (words, found)
    assert {"source.txt", "src"} <= {
        word.rstrip("/") for word in zsh.offered(["search", "x", "s"], tmp_path / "offered")
    }
    zsh.child.close(force=True)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_sourced(script: dict[str, Path], env: dict[str, str]) -> None:
    program = f"autoload -Uz compinit; compinit -u -D; source '{script['zsh']}'; print $_comps[greppy]"
    done = subprocess.run(["zsh", "-f", "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "_greppy\n", ""), done
