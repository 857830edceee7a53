"""Fetches the peers that PyPI has into a virtual environment of their own and lets this process import them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from processes import BenchError

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"


def _run(*argv: str) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip()).rpartition("\n")[2]
        raise BenchError(f"{' '.join(argv[:4])} … ended with {result.returncode}: {last}")
    return result.stdout.strip()


def install(folder: Path) -> None:
    """Makes the environment in `folder`, or takes the one that is there. What this Python has already comes first;
    programs are found there before those of PATH; processes that are started import from there too."""
    python = folder / "bin" / "python"
    if not python.exists():
        _run(sys.executable, "-m", "venv", str(folder))
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    _run(*pip, "--requirement", str(REQUIREMENTS))
    packages = _run(str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])")
    sys.path.append(packages)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), packages)))
    os.environ["PATH"] = os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", os.defpath)))
