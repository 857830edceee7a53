"""Says in one line each what is missing to build greppy, and the Debian package that brings it. Exit code 1 if any is.

`doctor.py --python` looks only at the Python that runs it; `--packages` prints the names of the packages alone. Nothing
newer than Python 3.6 stands here, because a Python that is too old is one of the things to say in a sentence.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig

NEEDS = (3, 11)
OTHER = "name another one: make PYTHON=/usr/bin/python3"


class Missing:
    """One thing that is not there."""

    def __init__(self, what: str, package: str = "", advice: str = "") -> None:
        self.what = what
        self.package = package  # Debian's name; empty when no package helps
        self.advice = advice or f"apt-get install {package}"

    def __str__(self) -> str:
        return f"missing: {self.what}; {self.advice}"


def is_system_python() -> bool:
    """Whether this Python is the distribution's, so that its packages belong to it."""
    return sys.base_prefix == "/usr"


def check_version() -> "list[Missing]":
    if sys.version_info >= NEEDS:
        return []
    have = "{}.{}".format(*sys.version_info)
    need = "{}.{}".format(*NEEDS)
    return [
        Missing(
            f"Python {need} or newer ({sys.executable} is {have})",
            "python3",
            f"apt-get install python3 where that is new enough, or name another one: make PYTHON=/path/to/python{need}",
        )
    ]


def check_headers() -> "list[Missing]":
    path = os.path.join(sysconfig.get_paths()["include"], "Python.h")
    if os.path.exists(path):
        return []
    what = f"the headers of {sys.executable} ({path})"
    if is_system_python():
        return [Missing(what, "python3-dev")]
    return [Missing(what, advice=f"install that Python with its headers, or {OTHER}")]


def check_venv() -> "list[Missing]":
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        what = f"the modules venv and ensurepip of {sys.executable} ({error})"
        if is_system_python():
            return [Missing(what, "python3-venv")]
        return [Missing(what, advice=f"install that Python complete, or {OTHER}")]
    return []


def library_folders() -> "list[str]":
    folders = [os.path.join(sys.base_prefix, "lib")]
    folders += [value for value in map(sysconfig.get_config_var, ("LIBDIR", "LIBPL")) if value]
    multiarch = sysconfig.get_config_var("MULTIARCH")
    if multiarch:
        folders += [os.path.join(base, multiarch) for base in ("/usr/lib", "/lib")]
    return folders


def check_libpython() -> "list[Missing]":
    """PyInstaller needs Python as a shared library: that is what the delivered program runs on."""
    version = "{}.{}".format(*sys.version_info)
    names = {f"libpython{version}.so.1.0", sysconfig.get_config_var("INSTSONAME") or ""}
    names = {name for name in names if ".so" in name}
    if any(os.path.exists(os.path.join(folder, name)) for folder in library_folders() for name in names):
        return []
    what = f"the shared library of {sys.executable} (libpython{version}.so.1.0)"
    if is_system_python():
        return [Missing(what, "libpython3-dev")]
    return [
        Missing(
            what,
            advice="build that Python with --enable-shared (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install "
            f"{version}), or use the system's: apt-get install libpython3-dev, make PYTHON=/usr/bin/python3",
        )
    ]


def compiler() -> "list[str]":
    return shlex.split(os.environ.get("CC", "gcc"))


def check_compiler() -> "list[Missing]":
    found = [
        Missing(f"{what} ({name})", package)
        for name, what, package in (
            (compiler()[0], "a C compiler", "gcc"),
            ("strip", "the binary utilities", "binutils"),
            ("objdump", "the binary utilities", "binutils"),
            ("make", "make", "make"),
        )
        if not shutil.which(name)
    ]
    return [one for i, one in enumerate(found) if one.package not in {other.package for other in found[:i]}]


def compiles(source: str, *flags: str) -> bool:
    """Whether the compiler makes an executable of `source`."""
    done = subprocess.run(
        [*compiler(), "-x", "c", "-", "-o", os.devnull, *flags],
        input=source.encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode == 0


def check_libraries() -> "list[Missing]":
    """Headers and static libraries, asked of the compiler itself: only it knows where it looks."""
    if not shutil.which(compiler()[0]):
        return []
    main = "int main(void) { return 0; }\n"
    if not compiles(main):
        return [Missing("the headers and start files of the C library", "libc6-dev")]
    found = []
    if not compiles(main, "-static", "-lpthread"):
        found.append(Missing("the static C library (libc.a)", "libc6-dev"))
    if not compiles("#include <zlib.h>\n" + main, "-fsyntax-only"):
        found.append(Missing("the headers of zlib (zlib.h)", "zlib1g-dev"))
    elif not compiles(main, "-lz"):
        found.append(Missing("the library zlib (libz.so)", "zlib1g-dev"))
    elif not found and not compiles(main, "-static", "-lz"):
        found.append(Missing("the static library zlib (libz.a)", "zlib1g-dev"))
    return found


def check_musl() -> "list[Missing]":
    """What greppy is better with and builds without."""
    if "CC" in os.environ or shutil.which("musl-gcc"):
        return []
    return [Missing("musl (musl-gcc), without which every search starts some 0.1 ms later", "musl-tools")]


def check_python() -> "list[Missing]":
    # What else an old Python lacks is of no interest: another one is going to be used.
    return check_version() or [*check_headers(), *check_venv(), *check_libpython()]


def main(arguments: "list[str]") -> int:
    found = check_python()
    if "--python" not in arguments:
        found += [*check_compiler(), *check_libraries()]
    wanted = [] if "--python" in arguments else check_musl()
    if "--packages" in arguments:
        print(*sorted({one.package for one in [*found, *wanted] if one.package}))
    else:
        for one in found:
            print(one, file=sys.stderr)
        for one in wanted:
            print(f"better with {one.what}; {one.advice}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
