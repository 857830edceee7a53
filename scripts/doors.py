"""The package with an engine that is compiled otherwise than the installed one: for sanitizers and profilers."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path) -> None:
    print(shlex.join(map(str, command)), flush=True)
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SystemExit(f"scripts/doors.py: {command[0]} failed, see above")


def compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "gcc"))


def includes() -> list[str]:
    paths = sysconfig.get_paths()
    return [f"-I{paths['include']}", f"-I{paths['platinclude']}"]


def package(folder: Path, flags: list[str]) -> None:
    """Copies the Python package to `folder`/greppy and compiles its engine there, from the C that Cython made of it."""
    target = folder / "greppy"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "greppy", target, ignore=shutil.ignore_patterns("__pycache__", "_core"))
    (target / "_core").mkdir()
    shutil.copy2(ROOT / "_core" / "__init__.py", target / "_core")
    module = target / "_core" / ("engine" + sysconfig.get_config_var("EXT_SUFFIX"))
    run(
        *compiler(), *flags, "-fPIC", "-shared", *includes(), "build/cython/_core/engine.c",
        "-o", module, "-lz", "-lpthread", "-lm",
    )  # fmt: skip
