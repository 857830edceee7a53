"""What is delivered and how it is built: the version, the front executable, the doctor, `pip install`."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PT_INTERP = 3


def load(path: Path) -> ModuleType:
    """A fresh module made of the file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def doctor() -> ModuleType:
    return load(ROOT / "scripts" / "doctor.py")


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_one_version() -> None:
    [version] = re.findall(r'return b"(.*)"', (ROOT / "_core" / "version.pxd").read_text())
    assert version == project()["version"]


def test_the_delivered_version(greppy_bin: os.PathLike[str], env: dict[str, str]) -> None:
    done = subprocess.run([greppy_bin, "--version"], env=env, capture_output=True, text=True, check=True)
    assert str(project()["version"]) in done.stdout


def test_the_delivered_file_asks_for_no_library(greppy_bin: os.PathLike[str]) -> None:
    data = Path(greppy_bin).read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01"
    [table] = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    kinds = [struct.unpack_from("<I", data, table + i * size)[0] for i in range(count)]
    assert PT_INTERP not in kinds


def test_the_front_has_nothing_of_python() -> None:
    debug = ROOT / "build" / "front" / "greppy.debug"
    if not debug.exists():
        pytest.skip("the front was not built here")
    symbols = subprocess.run(["nm", debug], capture_output=True, text=True, check=True).stdout
    called = [line for line in symbols.splitlines() if re.search(r" [TtUWw] _?Py[A-Z_]", line)]
    assert called == []


def test_the_loaders_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = load(ROOT / "greppy" / "_launch.py")
    for now, original, after in (
        ("/own", None, None),
        ("/own:/own", "/own", None),
        ("/own:/own:/mine", "/own:/mine", "/mine"),
        ("/own:/mine:/yours", None, "/mine:/yours"),
        (None, None, None),
    ):
        for name, value in (("LD_LIBRARY_PATH", now), ("LD_LIBRARY_PATH_ORIG", original)):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("_PYI_ARCHIVE_FILE", "/own/greppy")
        launch.restore_environment("/own")
        assert os.environ.get("LD_LIBRARY_PATH") == after
        assert "LD_LIBRARY_PATH_ORIG" not in os.environ
        assert "_PYI_ARCHIVE_FILE" not in os.environ


# The doctor


def diagnose(doctor: ModuleType, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines it prints; none exactly when it returns 0."""
    status = doctor.main(list(arguments))
    lines = capsys.readouterr().err.splitlines()
    assert status == (1 if lines else 0)
    return lines


def only(lines: list[str], *words: str) -> None:
    """There is one line, and it has all the words."""
    assert len(lines) == 1, lines
    assert lines[0].startswith("missing: ")
    for word in words:
        assert word in lines[0]


def tools(folder: Path, names: Iterable[str]) -> str:
    """A folder for PATH that has just these programs."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return str(folder)


def fake_compiler(folder: Path, fails_on: str) -> str:
    """A compiler that cannot do what the shell pattern `fails_on` says, and can do everything else."""
    path = folder / "cc"
    path.write_text(f'#!/bin/sh\ncase "$* $(cat)" in {fails_on}) exit 1;; esac\nexit 0\n')
    path.chmod(0o755)
    return str(path)


def test_nothing_is_missing_here(doctor: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose(doctor, capsys) == []


@pytest.mark.parametrize(
    ("hidden", "package"), [("gcc", "gcc"), ("make", "make"), ("strip", "binutils"), ("objdump", "binutils")]
)
def test_a_missing_program(
    doctor: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    hidden: str,
    package: str,
) -> None:
    monkeypatch.delenv("CC", raising=False)
    names = {"gcc", "make", "strip", "objdump", "as", "ld"} - {hidden}
    monkeypatch.setenv("PATH", tools(tmp_path / "bin", names))
    only(diagnose(doctor, capsys), hidden, f"apt-get install {package}")


@pytest.mark.parametrize(
    ("fails_on", "what", "package"),
    [
        ("*", "C library", "libc6-dev"),
        ("*-static*-lpthread*", "libc.a", "libc6-dev"),
        ("*zlib.h*", "zlib.h", "zlib1g-dev"),
        ("*-lz*", "libz.so", "zlib1g-dev"),
        ("*-static*-lz*", "libz.a", "zlib1g-dev"),
    ],
)
def test_a_missing_library(
    doctor: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fails_on: str,
    what: str,
    package: str,
) -> None:
    monkeypatch.setenv("CC", fake_compiler(tmp_path, fails_on))
    only(diagnose(doctor, capsys), what, f"apt-get install {package}")


def test_musl_is_not_needed_but_wanted(
    doctor: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", tools(tmp_path / "bin", {"gcc", "make", "strip", "objdump", "as", "ld"}))
    assert doctor.main([]) == 0
    assert "apt-get install musl-tools" in capsys.readouterr().out
    assert doctor.main(["--packages"]) == 0
    assert capsys.readouterr().out.split() == ["musl-tools"]


@pytest.mark.parametrize("prefix", ["/usr", "/opt/python"])
def test_a_python_that_is_not_complete(
    doctor: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    prefix: str,
) -> None:
    monkeypatch.setattr(sys, "base_prefix", prefix)
    real = sysconfig.get_config_var
    nowhere = str(tmp_path)
    values = {"LIBDIR": nowhere, "LIBPL": nowhere, "MULTIARCH": "none", "INSTSONAME": "libpython3.11.a"}
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: values.get(name, real(name)))
    monkeypatch.setattr(doctor, "library_folders", lambda: [nowhere])
    advice = "apt-get install libpython3-dev" if prefix == "/usr" else "--enable-shared"
    only(diagnose(doctor, capsys, "--python"), "shared library", advice)

    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": nowhere})
    headers, library = diagnose(doctor, capsys, "--python")
    assert "Python.h" in headers
    assert ("python3-dev" if prefix == "/usr" else "PYTHON=") in headers
    assert "shared library" in library

    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert len(diagnose(doctor, capsys, "--python")) == 3
    assert doctor.main(["--python", "--packages"]) == 1
    packages = capsys.readouterr().out.split()
    assert packages == (["libpython3-dev", "python3-dev", "python3-venv"] if prefix == "/usr" else [])


def test_a_python_that_is_too_old(
    doctor: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    only(diagnose(doctor, capsys, "--python"), "3.11 or newer", "is 3.9", "PYTHON=")


# pip


@pytest.mark.slow
def test_pip_install(tmp_path: Path, env: dict[str, str]) -> None:
    """`pip install .` into a fresh environment: the front, beside the python3 that runs everything else."""
    source = tmp_path / "source"
    skipped = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*.so")
    shutil.copytree(ROOT, source, ignore=skipped)
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    pip = [home / "bin" / "python3", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, source], check=True, cwd=tmp_path, timeout=900)
    front = home / "bin" / "greppy"
    assert front.read_bytes()[:4] == b"\x7fELF"
    assert os.access(front, os.X_OK)

    version = subprocess.run([front, "--version"], env=env, capture_output=True, text=True, check=True).stdout
    assert str(project()["version"]) in version
    sources = tmp_path / "project"
    (sources / "greppy").mkdir(parents=True)
    (sources / "greppy" / "__init__.py").write_text("raise SystemExit('the wrong greppy')\n")
    indexed = subprocess.run([front, "index", "-p", sources], env=env, cwd=sources, capture_output=True, text=True)
    assert indexed.returncode == 0, indexed.stderr

    code = "import greppy, greppy._core.engine, json, os\n"
    code += "print(json.dumps([os.listdir(package.__path__[0]) for package in (greppy, greppy._core)]))"
    listed = subprocess.run([home / "bin" / "python3", "-I", "-c", code], capture_output=True, text=True, check=True)
    package, core = map(set, json.loads(listed.stdout))
    assert "py.typed" in package
    assert {path.name for path in (ROOT / "_core").iterdir() if path.suffix in (".pxd", ".pyi", ".pyx")} <= core


def test_a_machine_with_nothing_but_libc(greppy_bin: os.PathLike[str], tmp_path: Path) -> None:
    """A root folder with the C library and the executable: no Python, no git, no shell. It builds and searches."""
    root = tmp_path / "root"
    for folder in ("usr/bin", "proc", "dev", "home/project"):
        (root / folder).mkdir(parents=True)
    loader = subprocess.run(["ldd", sys.executable], capture_output=True, text=True, check=True).stdout
    names = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1")
    beside = Path(re.findall(r"libc\.so\.6 => (\S+)", loader)[0])
    for library in [Path(found) for found in re.findall(r"^\s*(/\S*/ld-\S+)", loader, re.MULTILINE)] + [
        beside.with_name(name) for name in names
    ]:
        if library.exists():
            (root / library.parent.relative_to("/")).mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library.relative_to("/"))
    shutil.copy(greppy_bin, root / "usr/bin/greppy")
    (root / "dev/null").touch()
    (root / "home/project/a.py").write_text("def progress_bar():\n    pass\n")
    os.utime(root / "home/project/a.py", (1, 1))  # what is a moment old would be looked at again
    os.utime(root / "home/project", (1, 1))
    inside = ["unshare", "--pid", "--fork", "--mount", f"--mount-proc={root / 'proc'}"]
    if os.geteuid() != 0:
        inside += ["--user", "--map-root-user"]
    environment = {"HOME": "/home", "PATH": os.environ["PATH"]}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*inside, "chroot", str(root), "/usr/bin/greppy", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    if run("--version").returncode != 0:
        pytest.skip("this machine lets nobody change the root folder")
    done = run("search", "-p", "/home/project", "progress")
    assert (done.returncode, done.stdout) == (0, "home/project/a.py:1:def progress_bar():\n"), done.stderr
    assert "up to date: 1 files" in run("index", "-p", "/home/project").stdout
