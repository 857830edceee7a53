"""Lines of the Python package that the tests run: `make coverage`, or `python scripts/cover.py [pytest arguments]` in
the environment of the tests.

What greppy does behind its front is done by processes that the tests start in a clean environment. So they run the
front of the virtual environment, whose runtime is the Python beside it, and a `.pth` file there, removed at the end,
has every Python of that environment measure itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "coverage"
HOOK = Path(sysconfig.get_path("purelib")) / "greppy_coverage.pth"
LEAST = 95  # per cent
# What is about the delivered file: there is no bundle here.
LEAVE_OUT = [
    "--ignore=tests/test_packaging.py",
    "--ignore=tests/test_runtime.py",
    "--ignore=tests/test_mutations.py",
    "--deselect=tests/test_freshness.py::test_a_tree_that_two_threads_compare",
    # An installed Python takes the C locale for UTF-8; the measuring itself needs a folder and room for its files.
    "--deselect=tests/test_cli_doctor.py::test_locale",
    "--deselect=tests/test_cli_search.py::test_the_current_folder_is_gone",
    "--deselect=tests/test_faults.py::test_a_limit_on_the_size_of_files",
]


def main() -> int:
    front = ROOT / "build" / "front" / "greppy"
    if not front.exists():
        raise SystemExit("scripts/cover.py: build/front/greppy is not there: run `make build`")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    OUT.chmod(0o1777)  # some tests run as another user
    settings = OUT / "coveragerc"
    settings.write_text(f"[run]\nsource = {ROOT / 'greppy'}\nparallel = true\ndata_file = {OUT / 'data'}\n")
    program = Path(sys.prefix) / "bin" / "greppy"
    shutil.copy2(front, program)
    start = f"import os; os.environ.setdefault('COVERAGE_PROCESS_START', {str(settings)!r}); import coverage; "
    try:
        HOOK.write_text(f"{start}coverage.process_startup()\n")
        tests = [sys.executable, "-m", "pytest", *LEAVE_OUT, *sys.argv[1:]]
        status = subprocess.run(tests, cwd=ROOT, env={**os.environ, "GREPPY_BIN": str(program)}).returncode
    finally:
        HOOK.unlink(missing_ok=True)
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "-q", f"--rcfile={settings}"], cwd=ROOT, check=True)
    show = ["report", "--skip-covered", "-m", f"--rcfile={settings}", f"--fail-under={LEAST}"]
    report = subprocess.run([*coverage, *show], cwd=ROOT)
    return status or report.returncode


if __name__ == "__main__":
    sys.exit(main())
