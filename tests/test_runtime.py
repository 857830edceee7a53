"""The delivered file: unpacking its runtime once, and what may and may not be run.

Most tests put a small folder of their own behind the real front executable, with scripts/bundle.py. Its program is a
shell script that prints what it was given, so that nothing here waits for Python.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import bundle

NOBODY = 65534
COMMAND = "index"  # any command that the front does not answer itself
PROGRAM = '#!/bin/sh\necho "front=$GREPPY_FRONT"\nfor a; do echo "arg=$a"; done\nexit 7\n'

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def env(env: dict[str, str]) -> dict[str, str]:
    """Without the runtime that the other tests share: unpacking is what is tested here."""
    env.pop("GREPPY_RUNTIME_DIR", None)
    return env


@pytest.fixture(scope="session")
def front(greppy_bin: os.PathLike[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front executable alone, cut out of the delivered file."""
    whole = Path(greppy_bin).read_bytes()
    offset = bundle.TRAILER.unpack(whole[-64:])[3]
    path = tmp_path_factory.mktemp("front") / "greppy"
    path.write_bytes(whole[:offset])
    path.chmod(0o755)
    return path


def write_program(folder: Path, text: str = PROGRAM) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "greppy").write_text(text)
    (folder / "greppy").chmod(0o755)
    return folder


@pytest.fixture
def small(front: Path, tmp_path: Path) -> Path:
    """A delivered file whose program is PROGRAM; about 1 MB of it does not compress."""
    folder = write_program(tmp_path / "folder")
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "data" / "deep" / "noise").write_bytes(random.Random(1).randbytes(1_000_000))
    (folder / "data" / "empty").write_bytes(b"")
    (folder / "link").symlink_to("data/deep/noise")
    output = tmp_path / "bin" / "greppy"
    output.parent.mkdir()
    bundle.deliver(front, folder, output)
    return output


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's own are not when root runs it."""
    path = Path(tempfile.mkdtemp(prefix="greppy-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def run(
    program: os.PathLike[str] | str,
    *arguments: str | bytes,
    env: dict[str, str],
    cwd: os.PathLike[str] | None = None,
    prefix: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*prefix, program, *arguments], env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )


def runtime_folder(env: dict[str, str]) -> Path:
    return Path(env["XDG_CACHE_HOME"]) / "greppy" / "runtime"


def build_id(program: Path) -> str:
    with program.open("rb") as file:
        file.seek(-64, os.SEEK_END)
        return bytes(bundle.TRAILER.unpack(file.read())[6]).hex()


def assert_ran(done: subprocess.CompletedProcess[bytes]) -> None:
    assert done.stderr == b""
    assert done.returncode == 7
    assert done.stdout.startswith(b"front=")


def assert_refused(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """Exit code 2, nothing on stdout, one sentence on stderr that has all the words."""
    assert done.returncode == 2, done
    assert done.stdout == b""
    text = done.stderr.decode()
    assert text.startswith("greppy: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    for word in words:
        assert word in text


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


# Running it


def test_the_delivered_file_unpacks_itself_once(
    greppy_bin: os.PathLike[str], env: dict[str, str], tmp_path: Path
) -> None:
    empty = tmp_path / "project"
    empty.mkdir()
    (empty / "a.py").write_text("def f():\n    return 1\n")
    first = run(greppy_bin, "index", "-p", str(empty), env=env)
    assert first.returncode == 0, first.stderr
    [name] = listing(runtime_folder(env))
    marker = runtime_folder(env) / name / "complete"
    assert marker.read_text() == f"{name}\n" == f"{build_id(Path(greppy_bin))}\n"
    before = marker.stat()
    assert run(greppy_bin, "index", "-p", str(empty), env=env).returncode == 0
    after = marker.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_arguments_and_the_front_reach_the_program(small: Path, env: dict[str, str]) -> None:
    arguments = (COMMAND.encode(), b"-p", b"", b"--project", b"a b", b"--project=\xff\xfe", b"-p*")
    done = run(small, *arguments, env=env)
    assert_ran(done)
    assert done.stdout.splitlines() == [f"front={small.resolve()}".encode(), *(b"arg=" + a for a in arguments)]


def test_through_links_from_anywhere(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "gp"
    link.parent.mkdir()
    link.symlink_to(small)
    twice = tmp_path / "twice"
    twice.symlink_to(link)
    on_path = {**env, "PATH": f"{small.parent}:{env.get('PATH', os.defpath)}"}
    for done in (
        run(link, COMMAND, env=env),
        run(twice, COMMAND, env=env, cwd=Path("/")),
        run("./greppy", COMMAND, env=env, cwd=small.parent),
        run("../bin/greppy", COMMAND, env=env, cwd=small.parent),
        run("/usr/bin/env", "greppy", COMMAND, env=on_path, cwd=tmp_path),
    ):
        assert_ran(done)
        assert done.stdout.startswith(f"front={small.resolve()}\n".encode())


@pytest.mark.parametrize("attempt", range(5))
def test_first_runs_at_the_same_moment(small: Path, env: dict[str, str], attempt: int) -> None:
    gate = socket.socketpair()
    command = ["/bin/sh", "-c", 'read x <&3; exec "$0" "$1"', small, COMMAND]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: os.dup2(gate[1].fileno(), 3),
            pass_fds=(3,),
        )

    started = [start() for _ in range(4)]
    for _ in started:
        gate[0].send(b"\n")
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (7, b"")
        assert out.startswith(b"front=")
    for end in gate:
        end.close()
    assert listing(runtime_folder(env)) == [build_id(small)]


def test_what_is_unpacked_is_what_was_packed(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    assert_ran(run(small, COMMAND, env=env))
    target = runtime_folder(env) / build_id(small)
    (target / "complete").unlink()
    assert tree(target) == tree(tmp_path / "folder")
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in (target, *target.rglob("*")) if not path.is_symlink()}
    assert modes == {0o700, 0o600}


def test_the_bundle_can_be_unpacked_by_hand(small: Path, tmp_path: Path) -> None:
    data = small.read_bytes()
    magic, version, flags, offset, packed, unpacked, _, checksum = bundle.TRAILER.unpack(data[-64:])
    assert (magic, version, flags, offset + packed + 64) == (b"GREPPYRT", 1, 0, len(data))
    summed = data[offset:-8]
    assert checksum == zlib.adler32(summed) << 32 | zlib.crc32(summed)
    target = tmp_path / "by-hand"
    target.mkdir()
    line = f"tail -c +{offset + 1} {small} | head -c {packed} | tar xz -C {target}"
    assert subprocess.run(line, shell=True, check=True, stderr=subprocess.PIPE).stderr == b""
    assert tree(target) == tree(tmp_path / "folder")
    assert len(zlib.decompress(data[offset:-64], 31)) == unpacked


def test_the_same_folder_makes_the_same_file(front: Path, tmp_path: Path) -> None:
    ids = []
    for name in ("one", "two"):
        folder = write_program(tmp_path / name)
        for file in ("b", "a", "c") if name == "one" else ("c", "a", "b"):
            (folder / file).write_text(file)
        os.utime(folder / "a", (len(ids), len(ids)))
        bundle.deliver(front, folder, tmp_path / f"{name}.out")
        ids.append((tmp_path / f"{name}.out").read_bytes())
    assert ids[0] == ids[1]


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_the_umask_makes_no_difference(small: Path, env: dict[str, str], mask: int) -> None:
    done = run(small, COMMAND, env=env, prefix=("/bin/sh", "-c", f'umask {mask:o}; exec "$0" "$@"'))
    assert_ran(done)
    for folder in (runtime_folder(env), runtime_folder(env) / build_id(small)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_unpacking_takes_little_memory(front: Path, env: dict[str, str], tmp_path: Path) -> None:
    folder = write_program(tmp_path / "folder")
    (folder / "zeros").write_bytes(bytes(60_000_000))
    bundle.deliver(front, folder, tmp_path / "greppy")
    # The shell needs a little of this itself, and /bin/sh inside the program too.
    done = run(tmp_path / "greppy", COMMAND, env=env, prefix=("/bin/sh", "-c", 'ulimit -v 12000; exec "$0" "$@"'))
    assert_ran(done)


# Where the runtime goes


def test_runtime_dir_comes_before_the_cache(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    assert_ran(run(small, COMMAND, env={**env, "GREPPY_RUNTIME_DIR": str(tmp_path / "new" / "place")}))
    assert listing(tmp_path / "new" / "place") == [build_id(small)]
    assert listing(runtime_folder(env)) == []


def test_runtime_dir_may_be_relative(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    assert_ran(run(small, COMMAND, env={**env, "GREPPY_RUNTIME_DIR": "here"}, cwd=tmp_path))
    assert listing(tmp_path / "here") == [build_id(small)]


def test_home_is_used_without_a_cache_folder(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    for value in (None, "", "relative/cache"):
        home = tmp_path / f"home-{value!r:.3}"
        changed = {name: text for name, text in env.items() if name != "XDG_CACHE_HOME"} | {"HOME": str(home)}
        if value is not None:
            changed["XDG_CACHE_HOME"] = value
        assert_ran(run(small, COMMAND, env=changed, cwd=tmp_path))
        assert listing(home / ".cache" / "greppy" / "runtime") == [build_id(small)]


def test_no_folder_known(small: Path, env: dict[str, str]) -> None:
    bare = {name: value for name, value in env.items() if name not in ("HOME", "XDG_CACHE_HOME", "GREPPY_RUNTIME_DIR")}
    for changed in (bare, {**bare, "HOME": "", "XDG_CACHE_HOME": "cache"}):
        assert_refused(run(small, COMMAND, env=changed), "no folder is known", "GREPPY_RUNTIME_DIR")


def test_the_cache_is_a_file(small: Path, env: dict[str, str]) -> None:
    runtime_folder(env).parent.mkdir(parents=True)
    runtime_folder(env).write_text("x")
    assert_refused(run(small, COMMAND, env=env), str(runtime_folder(env)), "Not a directory", "GREPPY_RUNTIME_DIR")
    assert runtime_folder(env).read_text() == "x"


def as_somebody(place: Path, small: Path) -> tuple[Path, tuple[str, ...]]:
    """The delivered file where anybody can run it, and how to run it as a user who is not root."""
    program = place / "greppy"
    shutil.copy(small, program)
    if os.geteuid() != 0:
        return program, ()
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv")
    return program, ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def test_read_only_cache(small: Path, env: dict[str, str], place: Path) -> None:
    program, prefix = as_somebody(place, small)
    cache = place / "cache"
    cache.mkdir(mode=0o555)
    cache.chmod(0o555)
    done = run(program, COMMAND, env={**env, "XDG_CACHE_HOME": str(cache)}, prefix=prefix)
    assert_refused(done, str(cache / "greppy" / "runtime"), "GREPPY_RUNTIME_DIR")
    assert listing(cache) == []


@needs_root
def test_read_only_file_system_once_it_is_unpacked(small: Path, env: dict[str, str], place: Path) -> None:
    with mounted(place / "cache", "size=20m") as cache:
        changed = {**env, "XDG_CACHE_HOME": str(cache)}
        (cache / "greppy" / "runtime").mkdir(parents=True)
        remount(cache, "ro")
        assert_refused(run(small, COMMAND, env=changed), "Read-only file system", "GREPPY_RUNTIME_DIR")
        remount(cache, "rw")
        assert_ran(run(small, COMMAND, env=changed))
        remount(cache, "ro")
        assert_ran(run(small, COMMAND, env=changed))


@needs_root
@pytest.mark.parametrize("whose", ["folder", "program"])
def test_another_users_folder(small: Path, env: dict[str, str], whose: str) -> None:
    assert_ran(run(small, COMMAND, env=env))
    folder = runtime_folder(env)
    path = folder if whose == "folder" else folder / build_id(small)
    os.chown(path, NOBODY, NOBODY)
    assert_refused(run(small, COMMAND, env=env), str(path), "belongs to another user", "GREPPY_RUNTIME_DIR")


@needs_root
def test_roots_program_is_another_users(small: Path, env: dict[str, str], place: Path) -> None:
    program, prefix = as_somebody(place, small)
    changed = {**env, "GREPPY_RUNTIME_DIR": str(place)}
    assert_ran(run(program, COMMAND, env=changed))
    assert_refused(run(program, COMMAND, env=changed, prefix=prefix), "belongs to another user", "GREPPY_RUNTIME_DIR")


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_others_can_write(small: Path, env: dict[str, str], mode: int) -> None:
    assert_ran(run(small, COMMAND, env=env))
    for path in (runtime_folder(env), runtime_folder(env) / build_id(small)):
        path.chmod(mode)
        assert_refused(run(small, COMMAND, env=env), str(path), "other users can write to it")
        path.chmod(0o700)
    assert_ran(run(small, COMMAND, env=env))


def test_a_shared_folder_with_the_sticky_bit_will_do(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert_ran(run(small, COMMAND, env={**env, "GREPPY_RUNTIME_DIR": str(shared)}))


def test_a_link_in_place_of_the_program(small: Path, env: dict[str, str], tmp_path: Path) -> None:
    other = write_program(tmp_path / "other", "#!/bin/sh\necho wrong\n")
    (other / "complete").write_text(build_id(small) + "\n")
    runtime_folder(env).mkdir(parents=True)
    (runtime_folder(env) / build_id(small)).symlink_to(other)
    assert_refused(run(small, COMMAND, env=env), str(runtime_folder(env)), "not a folder")


# Damage


def corrupt(program: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(program.read_bytes())
    change(data)
    path = program.with_name("damaged")
    path.write_bytes(data)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.99, -65, -64, -8, -1])
def test_cut_short(small: Path, front: Path, env: dict[str, str], kept: float) -> None:
    head, whole = front.stat().st_size, small.stat().st_size
    length = whole + int(kept) if kept < 0 else head + int((whole - head) * kept)

    def cut(data: bytearray) -> None:
        del data[length:]

    assert_refused(run(corrupt(small, cut), COMMAND, env=env), "damaged", "again")
    assert listing(runtime_folder(env)) == []


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit(small: Path, front: Path, env: dict[str, str], where: float, bit: int) -> None:
    head = front.stat().st_size

    def flip(data: bytearray) -> None:
        data[head + int((len(data) - head) * where)] ^= 1 << bit

    assert_refused(run(corrupt(small, flip), COMMAND, env=env), "damaged", "again")
    assert listing(runtime_folder(env)) == []


@pytest.mark.parametrize("at", range(-64, 0))
def test_one_wrong_byte_in_the_trailer(small: Path, env: dict[str, str], at: int) -> None:
    def flip(data: bytearray) -> None:
        data[at] ^= 0x5A

    assert_refused(run(corrupt(small, flip), COMMAND, env=env), "damaged", "again")
    assert listing(runtime_folder(env)) == []


def deliver_archive(front: Path, archive: bytes, output: Path) -> Path:
    """A delivered file with just these bytes for a tar archive, everything else right."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = compressor.compress(archive) + compressor.flush()
    head = front.read_bytes()
    fields = (b"GREPPYRT", 1, 0, len(head), len(packed), len(archive), bytes(range(16)))
    summed = packed + bundle.TRAILER.pack(*fields, 0)[:-8]
    checksum = zlib.adler32(summed) << 32 | zlib.crc32(summed)
    output.write_bytes(head + packed + bundle.TRAILER.pack(*fields, checksum))
    output.chmod(0o755)
    return output


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, target, size, 0o755
    return info


def folder_entry(name: str) -> tarfile.TarInfo:
    return entry(name, tarfile.DIRTYPE)


def link_entry(name: str, target: str) -> tarfile.TarInfo:
    return entry(name, tarfile.SYMTYPE, target)


HOSTILE = {
    "absolute": [entry("/tmp/greppy-evil")],
    "up": [entry("../evil")],
    "up in the middle": [folder_entry("a"), entry("a/../../evil")],
    "dot": [entry("./evil")],
    "double slash": [folder_entry("a"), entry("a//evil")],
    "empty": [entry("")],
    "link up": [link_entry("a", "../..")],
    "link to an absolute path": [link_entry("a", "/etc")],
    "link up through a link": [folder_entry("p"), link_entry("p/q", "../p"), link_entry("l", "p/q/../..")],
    "link to nothing": [link_entry("a", "")],
    "through a link": [folder_entry("a"), link_entry("b", "a"), entry("b/evil")],
    "over a link": [link_entry("a", "evil"), entry("a")],
    "twice": [entry("a"), entry("a")],
    "hard link": [entry("a"), entry("b", tarfile.LNKTYPE, "a")],
    "device": [entry("null", tarfile.CHRTYPE)],
    "pipe": [entry("pipe", tarfile.FIFOTYPE)],
    "no folder": [entry("a/b")],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archive(front: Path, env: dict[str, str], tmp_path: Path, entries: list[tarfile.TarInfo]) -> None:
    buffer = io.BytesIO()
    for info in entries:
        buffer.write(info.tobuf(tarfile.USTAR_FORMAT))
    program = deliver_archive(front, buffer.getvalue() + bytes(10240), tmp_path / "greppy")
    before = listing(Path("/tmp"))
    done = run(program, COMMAND, env=env)
    assert_refused(done)
    assert listing(runtime_folder(env)) == []
    assert not {"evil", "greppy-evil"} & {*listing(Path("/tmp")), *listing(runtime_folder(env).parent)} - {*before}


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        bytes(511),
        b"x" * 10240,
        entry("a", size=100).tobuf(tarfile.USTAR_FORMAT),
        entry("a", size=100).tobuf(tarfile.USTAR_FORMAT) + bytes(99),
        entry("a", size=1 << 32).tobuf(tarfile.USTAR_FORMAT) + bytes(1024),
        entry("a").tobuf(tarfile.USTAR_FORMAT).replace(b"0000755", b"0000757") + bytes(1024),
        entry("a").tobuf(tarfile.USTAR_FORMAT).replace(b"ustar", b"USTAR") + bytes(1024),
    ],
)
def test_malformed_archive(front: Path, env: dict[str, str], tmp_path: Path, archive: bytes) -> None:
    program = deliver_archive(front, archive, tmp_path / "greppy")
    assert_refused(run(program, COMMAND, env=env), "damaged")
    assert listing(runtime_folder(env)) == []


def test_an_archive_without_a_program(front: Path, env: dict[str, str], tmp_path: Path) -> None:
    program = deliver_archive(front, bytes(10240), tmp_path / "greppy")
    assert_refused(run(program, COMMAND, env=env))


names = st.text("abcdefghijklmnop-_. é", min_size=1, max_size=60).filter(lambda name: name.strip(".") != "")
trees = st.recursive(
    st.one_of(st.binary(max_size=2000), st.integers(0, 200_000)),
    lambda inner: st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def plant(folder: Path, content: bytes | int | dict[str, object]) -> None:
    if isinstance(content, dict):
        folder.mkdir(exist_ok=True)
        for name, below in content.items():
            plant(folder / name, below)  # type: ignore[arg-type]
    else:
        folder.write_bytes(content if isinstance(content, bytes) else random.Random(content).randbytes(content))


def tree(folder: Path) -> dict[str, object]:
    """Everything below `folder`: a link's target, a file's bytes and whether it can be run, None for a folder."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_dir():
            found[name] = None
        else:
            found[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(names, trees, max_size=6))
def test_any_tree(front: Path, env: dict[str, str], content: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "folder"
        plant(folder, {"inner": content})
        write_program(folder)
        try:
            bundle.deliver(front, folder, Path(scratch) / "greppy")
        except ValueError:  # a path that ustar cannot hold
            return
        assert_ran(run(Path(scratch) / "greppy", COMMAND, env={**env, "GREPPY_RUNTIME_DIR": f"{scratch}/runtime"}))
        [target] = (Path(scratch) / "runtime").iterdir()
        (target / "complete").unlink()
        assert tree(target) == tree(folder)


# A file system that cannot


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("cannot mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


@needs_root
def test_full_disk(small: Path, env: dict[str, str], place: Path) -> None:
    with mounted(place / "cache", "size=512k") as cache:
        done = run(small, COMMAND, env={**env, "XDG_CACHE_HOME": str(cache)})
        assert_refused(done, "No space left on device", str(cache), "GREPPY_RUNTIME_DIR")
        assert listing(cache / "greppy" / "runtime") == []


@needs_root
def test_no_programs_on_the_file_system(small: Path, env: dict[str, str], place: Path) -> None:
    with mounted(place / "cache", "size=20m,noexec") as cache:
        changed = {**env, "XDG_CACHE_HOME": str(cache)}
        assert_refused(run(small, COMMAND, env=changed), "noexec", str(cache), "GREPPY_RUNTIME_DIR")
        assert listing(cache / "greppy" / "runtime") == []
        remount(cache, "exec")
        assert_ran(run(small, COMMAND, env=changed))
        remount(cache, "noexec")
        assert_refused(run(small, COMMAND, env=changed), str(cache), "GREPPY_RUNTIME_DIR")


# What else is there


def deliver_other(front: Path, folder: Path, output: Path, program: str = PROGRAM) -> Path:
    write_program(folder, program)
    (folder / "other").write_text(str(output))
    bundle.deliver(front, folder, output)
    return output


def test_old_programs_go_and_strangers_stay(small: Path, front: Path, env: dict[str, str], tmp_path: Path) -> None:
    old = deliver_other(front, tmp_path / "old", tmp_path / "old.out")
    assert_ran(run(old, COMMAND, env=env))
    folder = runtime_folder(env)
    strange = ["0" * 32, "f" * 31, "notes", f"{'a' * 32}.tmp.1.0", f"{'b' * 32}.tmp.1.0", f"{'c' * 32}.bak"]
    for name in strange:
        (folder / name / "below").mkdir(parents=True)
    (folder / ("e" * 32)).write_text("a file")
    (folder / ("d" * 32)).symlink_to(tmp_path)
    hour = time.time() - 3700
    os.utime(folder / f"{'b' * 32}.tmp.1.0", (hour, hour))
    assert_ran(run(small, COMMAND, env=env))
    kept = {*strange, "d" * 32, "e" * 32, build_id(small)} - {f"{'b' * 32}.tmp.1.0"}
    assert {*listing(folder)} == kept
    assert_ran(run(old, COMMAND, env=env))
    assert {*listing(folder)} == kept - {build_id(small)} | {build_id(old)}


def test_a_program_that_runs_is_not_removed(small: Path, front: Path, env: dict[str, str], tmp_path: Path) -> None:
    old = deliver_other(front, tmp_path / "old", tmp_path / "old.out", "#!/bin/sh\necho ready\nread x\nexit 7\n")
    with subprocess.Popen([old, COMMAND], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert_ran(run(small, COMMAND, env=env))
        assert {*listing(runtime_folder(env))} == {build_id(old), build_id(small)}
        process.communicate(b"\n", timeout=60)
        assert process.returncode == 7
    third = deliver_other(front, tmp_path / "third", tmp_path / "third.out")
    assert_ran(run(third, COMMAND, env=env))
    assert listing(runtime_folder(env)) == [build_id(third)]


@pytest.mark.parametrize("lost", ["complete", "greppy", "everything", "wrong id"])
def test_an_incomplete_program_is_replaced(small: Path, env: dict[str, str], lost: str) -> None:
    assert_ran(run(small, COMMAND, env=env))
    target = runtime_folder(env) / build_id(small)
    if lost == "everything":
        shutil.rmtree(target)
        target.mkdir(mode=0o700)
    elif lost == "wrong id":
        (target / "complete").write_text("0" * 32)
    else:
        (target / lost).unlink()
    assert_ran(run(small, COMMAND, env=env))
    assert listing(runtime_folder(env)) == [build_id(small)]
    assert (target / "complete").read_text() == f"{build_id(small)}\n"


def test_a_system_without_the_loader(front: Path, env: dict[str, str], tmp_path: Path) -> None:
    program = deliver_other(front, tmp_path / "folder", tmp_path / "greppy", "#!/no/such/loader\n")
    assert_refused(run(program, COMMAND, env=env), "cannot run", "glibc")


def test_killed_while_unpacking(front: Path, env: dict[str, str], tmp_path: Path) -> None:
    folder = write_program(tmp_path / "folder")
    (folder / "zeros").write_bytes(bytes(150_000_000))
    program = tmp_path / "greppy"
    bundle.deliver(front, folder, program)
    shutil.rmtree(folder)
    process = subprocess.Popen([program, COMMAND], env=env, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not listing(runtime_folder(env)) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [left] = listing(runtime_folder(env))
    assert left.startswith(f"{build_id(program)}.tmp.{process.pid}.")
    hour = time.time() - 3700
    os.utime(runtime_folder(env) / left, (hour, hour))
    assert_ran(run(program, COMMAND, env=env))
    assert listing(runtime_folder(env)) == [build_id(program)]


# Without a bundle


def test_without_a_bundle_and_without_python(front: Path, env: dict[str, str], tmp_path: Path) -> None:
    alone = tmp_path / "bin" / "greppy"
    alone.parent.mkdir()
    shutil.copy(front, alone)
    assert_refused(run(alone, COMMAND, env=env), str(alone.parent / "python3"), "pip install")
    assert listing(runtime_folder(env)) == []


def test_without_a_bundle_the_python_beside_is_run(front: Path, env: dict[str, str], tmp_path: Path) -> None:
    alone = tmp_path / "bin" / "greppy"
    alone.parent.mkdir()
    shutil.copy(front, alone)
    (alone.parent / "python3").write_text(PROGRAM)
    (alone.parent / "python3").chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(alone)
    done = run(link, COMMAND, "-p", "a b", env=env, cwd=tmp_path)
    assert_ran(done)
    assert done.stdout.decode().splitlines() == [
        f"front={alone.resolve()}",
        *(f"arg={argument}" for argument in ("-I", "-m", "greppy", COMMAND, "-p", "a b")),
    ]
