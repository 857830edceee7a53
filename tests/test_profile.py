"""`scripts/profile.sh` says in a sentence what is wrong with its arguments, before it compiles anything."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from conftest import ROOT

USAGE = "usage: scripts/profile.sh cpu|mem|io|all [TREE]"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], USAGE),
        (["disk"], USAGE),
        (["cpu", ".", "."], USAGE),
        (["io", "/no/such folder"], "/no/such folder: no such folder"),
    ],
)
def test_bad_arguments(arguments: list[str], why: str) -> None:
    done = subprocess.run([ROOT / "scripts" / "profile.sh", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"scripts/profile.sh: {why}\n")
