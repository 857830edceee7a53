"""Coverage-guided fuzzing of the engine: `python tests/fuzz [--minutes 10] [target ...]`.

Each target is a `.pyx` here: a C program without Python, made with clang's libFuzzer, AddressSanitizer and UBSan
(Debian: `apt-get install clang libclang-rt-14-dev`). Seeds are greppy's own sources, test fixtures and a small index.
What is found lies in build/fuzz/TARGET/; once it is understood it moves to tests/fuzz/found/TARGET/, where
tests/test_fuzz.py gives it to the same functions at every run of the tests.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build" / "fuzz"
TARGETS = sorted(path.stem for path in HERE.glob("*.pyx"))
DIRECTIVES = ("boundscheck=False", "wraparound=False", "initializedcheck=False", "cdivision=True")
CFLAGS = ("-O1", "-g", "-fno-strict-aliasing", "-fwrapv", "-w", "-DNDEBUG", "-fno-omit-frame-pointer")
SANITIZE = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined")
MOST = 1 << 17  # bytes of an input


def run(*command: str | Path) -> None:
    print(shlex.join(map(str, command)), flush=True)
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SystemExit(f"tests/fuzz: {command[0]} failed, see above")


def compiler() -> str:
    for name in ("clang", "clang-19", "clang-16", "clang-15", "clang-14"):
        if found := shutil.which(name):
            return found
    raise SystemExit("tests/fuzz: there is no clang; apt-get install clang libclang-rt-14-dev")


def build(target: str) -> Path:
    program, source = OUT / target / "fuzz", OUT / target / f"{target}.c"
    program.parent.mkdir(parents=True, exist_ok=True)
    options = [word for directive in DIRECTIVES for word in ("-X", directive)]
    cython = [sys.executable, "-m", "cython", "-3", *options, "-I", ROOT, HERE / f"{target}.pyx", "-o", source]
    run(*cython)
    include = [f"-I{sysconfig.get_paths()[name]}" for name in ("include", "platinclude")]
    folder, version = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDVERSION")
    # Nothing of Python is called; it is linked because the sanitizers keep functions that the linker would drop.
    libraries = [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-lpython{version}", "-lz", "-lpthread", "-lm"]
    run(compiler(), *CFLAGS, *SANITIZE, *include, source, "-o", program, *libraries)
    return program


def small_index(folder: Path) -> list[bytes]:
    """The segments of a small project."""
    import os

    import greppy

    source = folder / "source"
    (source / "shop").mkdir(parents=True)
    for name in ("cart", "price"):
        (source / "shop" / f"{name}.py").write_text(
            f'"""The {name} of a shop."""\n\n\nclass {name.title()}:\n    def total(self, item):\n'
            "        return parse_price(item)\n\n\ndef parse_price(text):\n    return int(text)\n"
        )
    (source / "README.md").write_text("# Cart\n\nHow the price of an item is parsed.\n" * 40)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    greppy.build_index(source)
    return [path.read_bytes() for path in (folder / "cache").rglob("*.seg")]


def seeds(target: str) -> list[bytes]:
    if target == "segment":
        with tempfile.TemporaryDirectory() as folder:
            return small_index(Path(folder))
    fixtures = [path.read_bytes() for path in sorted((ROOT / "tests" / "outline").iterdir())]
    if target == "outline":
        return [bytes([language]) + text for language in range(40) for text in fixtures[language % 2 :: 6]]
    if target == "args":
        lines = re.findall(r"greppy ([a-z].*)", (ROOT / "README.md").read_text())
        return [b"\0".join(word.encode() for word in line.split()) for line in lines] + [
            b'limit = 50\ncolor = "always"\nchunk = true\n', (ROOT / "docs" / "config.md").read_bytes()
        ]  # fmt: skip
    if target == "query":
        texts = ("hash map\0HashMap hash_map", "HTTPServer2\0class HTTPServer:", "die\0dying", "größe\0Größe")
        return [text.encode() for text in texts]
    return fixtures


def fuzz(target: str, program: Path, seconds: int) -> int:
    corpus = OUT / target / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={MOST}", "-timeout=10", "-rss_limit_mb=4096"]
    return subprocess.run(
        [program, *limits, "-print_final_stats=1", f"-artifact_prefix={OUT / target}/", corpus], cwd=OUT / target
    ).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for each target (10)")
    parser.add_argument("targets", nargs="*", metavar="target", help=" ".join(TARGETS))
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    programs = {target: build(target) for target in options.targets or TARGETS}
    return max(fuzz(target, program, round(options.minutes * 60)) != 0 for target, program in programs.items())


if __name__ == "__main__":
    sys.exit(main())
