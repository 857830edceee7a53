"""What is written about commands and flags: the help, the manual page, docs/; all made from the tables."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Run
from test_cli_search import assert_error

from greppy._core import engine

COMMANDS = engine.commands()


def test_docs_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manual_page(run: Run) -> None:
    done = run("man")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (ROOT / "docs" / "greppy.1").read_bytes()
    text = done.stdout.decode()
    for name, _, usage, _, _ in COMMANDS:
        assert f'.SH "GREPPY {name.upper()}"' in text
        assert f"greppy {usage}" in text
    for long, _, _, _, _, hidden in engine.flags():
        assert (f"\\-\\-{long.replace('-', chr(92) + '-')}\\fR" in text) != (hidden or long in ("help", "version")), (
            long
        )
    assert_error(run("man", "search"), "greppy COMMAND --help")


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="no mandoc here")
def test_mandoc_accepts_it() -> None:
    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "error", ROOT / "docs" / "greppy.1"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("man") is None or shutil.which("groff") is None, reason="no man and groff here")
def test_man_accepts_it(env: dict[str, str]) -> None:
    done = subprocess.run(
        ["man", "--warnings=all", "-l", ROOT / "docs" / "greppy.1"], env={**env, "MANWIDTH": "80"}, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    text = re.sub(r".\x08", "", done.stdout.decode())
    assert 'greppy search "retry with backoff"' in text
    assert "-g '*.rs' -g '!gen/**'" in text
    assert "--max-filesize SIZE" in text


def test_every_key_is_documented() -> None:
    text = (ROOT / "docs" / "config.md").read_text()
    for key, *_ in engine.config_keys():
        assert f"\n| `{key}` | " in text


def test_keys_are_flags() -> None:
    flags = {long: (value, commands) for long, _, value, _, commands, _ in engine.flags()}
    for key, kind, words, normal, flag in engine.config_keys():
        value, commands = flags[flag]
        assert key in (flag.replace("-", "_"), f"smart.{flag.replace('-', '_')}", "smart.always")
        assert (value is None) == (kind == "switch")
        assert set(commands) <= {"search", "index", "start", "expand", "login"}
        if normal:
            assert engine.config_parse(f"{key} = {normal}".encode())[0][0] == key
        for word in words if kind == "word" else []:
            assert engine.config_parse(f"{key} = '{word}'".encode())[0][1] == word.encode()


@pytest.mark.parametrize(("name", "alias", "usage", "help", "examples"), COMMANDS)
def test_every_help_teaches(run: Run, name: str, alias: str, usage: str, help: str, examples: str) -> None:
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert text == run("help", name).stdout.decode()
    assert f"usage: greppy {usage}\n" in text
    assert text.endswith(f"\nexamples:\n{examples}")
    assert not alias or f"(alias: {alias})" in help
    # Every example is a command line that is understood.
    for line in examples.splitlines():
        found = re.search(r"greppy (.*?)(  |\)\"| \| | > |$)", line)
        assert found, line
        parsed = engine.parse_args(shlex.split(found[1]))
        assert (parsed["error"], parsed["command"]) == ("", name), line


def test_the_commands_that_the_table_names_are_there(run: Run) -> None:
    """None of them is only a word: each has a module, and complains about a flag that it does not have."""
    for name, *_ in COMMANDS:
        done = run(name, "--no-such-flag")
        assert_error(done, "--no-such-flag", f"greppy {name} --help")
        assert name == "search" or Path(ROOT, "greppy", "cli", f"{name}.py").exists()
