"""Runs tests under AddressSanitizer and UndefinedBehaviorSanitizer: `make asan`, or `python scripts/sanitize.py
[pytest arguments]` in the environment of the tests.

Both doors are compiled again from the C that Cython made of them: the front as build/asan/greppy, with the runtime of
dist/greppy behind it, and the engine module in build/asan/lib, which comes first on the path. A finding ends the
program that has it, so a test fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "asan"
LIB = OUT / "lib"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
# What setup.py compiles with, but for the optimisation, which would hide where things happen.
CFLAGS = ["-O1", "-g", "-fno-strict-aliasing", "-fwrapv", "-w", *SANITIZE]
# The front gives nothing back at its end; Python keeps what it has.
OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
# What is about the static executable itself, limits memory (the sanitizer reserves terabytes) or open files (it is a
# shared library), or starts C that is none of ours under the sanitizer.
LEAVE_OUT = ["--ignore=tests/test_packaging.py", "--deselect=tests/test_faults.py::test_no_memory_to_speak_of",
             "--deselect=tests/test_faults.py::test_few_open_files"]  # fmt: skip

sys.path.insert(0, str(ROOT / "scripts"))
import doors  # noqa: E402

import bundle  # noqa: E402


def compile_both() -> None:
    folder, version = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDVERSION")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    # Nothing of Python is called; it is linked because the sanitizer keeps functions that the linker would drop.
    doors.run(
        *doors.compiler(), *CFLAGS, "-DNDEBUG", "-fno-pie", "-no-pie", *doors.includes(), "build/cython/_core/front.c",
        "-o", OUT / "front", f"-L{folder}", f"-Wl,-rpath,{folder}", f"-lpython{version}", "-lz", "-lpthread", "-lm",
    )  # fmt: skip
    if bundle.main([str(OUT / "front"), str(ROOT / "build" / "folder"), str(OUT / "greppy")]) != 0:
        raise SystemExit(1)
    doors.package(LIB, CFLAGS)


def main() -> int:
    if not (ROOT / "dist" / "greppy").exists():
        raise SystemExit("scripts/sanitize.py: dist/greppy is not there: run `make build`")
    compile_both()
    asked = [*doors.compiler(), "-print-file-name=libasan.so"]
    library = subprocess.run(asked, capture_output=True, text=True, check=True)
    environment = {
        **os.environ,
        **OPTIONS,
        "LD_PRELOAD": str(Path(library.stdout.strip()).resolve()),
        "PYTHONPATH": str(LIB),
        "PYTHONMALLOC": "malloc",
        "GREPPY_BIN": str(OUT / "greppy"),
    }
    # -P: the current folder, whose engine is the usual one, would come before PYTHONPATH.
    tests = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *LEAVE_OUT, *sys.argv[1:]]
    return subprocess.run(tests, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
