"""The daemon as people and scripts meet it: started, watched by searches, killed, left alone, stopped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import NOBODY, Project, Run, assert_error
from daemons import Daemon, eventually, running

import greppy
from greppy._core import engine
from greppy.daemon import places


@pytest.fixture
def env(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The path of a socket must be short."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as name:
        yield {**env, "XDG_RUNTIME_DIR": name}


@pytest.fixture
def daemon(run: Run, env: dict[str, str]) -> Iterator[Daemon]:
    with running(run, env) as found:
        yield found


@pytest.fixture
def watched(shop: Project, daemon: Daemon, greppy_bin: Path) -> Project:
    daemon.foreground(greppy_bin, shop.root)
    return shop


def word(number: int) -> str:
    """A name that does not look like another one mistyped."""
    return "porpoise" + "".join(3 * chr(97 + int(digit)) for digit in str(number))


def without_runtime(env: dict[str, str]) -> dict[str, str]:
    """A search that would have to refresh the index itself says so."""
    return {**env, "GREPPY_RUNTIME_DIR": "/dev/null/nowhere"}


# --------------------------------------------------------------------------------------------------- start and stop


def test_start_status_stop(shop: Project, daemon: Daemon, run: Run) -> None:
    began = time.monotonic()
    done = daemon.start(cwd=shop.root)
    assert time.monotonic() - began < 30
    assert re.fullmatch(
        rf"the daemon runs \(pid {daemon.pid}\) and watches 1 project; its log is \S+/daemon.log\n  {shop.root}\n",
        done.stdout.decode(),
    )
    with daemon.client() as client:
        client.watch(shop.root)
        assert client.status()["projects"][0]["state"] == "watched"
    shown = shop.run("status").stdout.decode()
    assert f"daemon     pid {daemon.pid}, " in shown
    assert "watches this project" in shown
    done = shop.run("stop")
    assert done.returncode == 0, done
    assert re.fullmatch(r"the daemon \(pid \d+\) has ended\n", done.stdout.decode())
    assert "daemon" not in shop.run("status").stdout.decode()
    done = shop.run("stop")
    assert (done.returncode, done.stderr) == (1, b"greppy: no daemon is running\n")


def test_a_second_instance_is_refused(daemon: Daemon, run: Run, env: dict[str, str], tmp_path: Path) -> None:
    daemon.start()
    for flags in ((), ("--foreground",)):
        assert_error(run("start", *flags, cwd="/", env=env), "running already", str(daemon.pid), "greppy stop")


def test_more_projects_are_handed_to_the_one_that_runs(shop: Project, daemon: Daemon, run: Run) -> None:
    daemon.start()
    done = run("start", shop.root, cwd="/", env=daemon.env)
    assert (done.returncode, done.stdout.decode()) == (0, f"watching {shop.root}\n")
    assert daemon.state(shop.root) == "watched"


def test_projects_are_remembered(shop: Project, daemon: Daemon, run: Run) -> None:
    daemon.start(shop.root)
    run("stop", env=daemon.env)
    assert str(shop.root) in daemon.start().stdout.decode()


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("by", ["path", "--gone"])
def test_a_remembered_project_that_is_gone(daemon: Daemon, run: Run, tmp_path: Path, by: str, indexed: bool) -> None:
    """It is waited for, and can be forgotten, also when the daemon was stopped before its first index was there; it
    keeps nobody from starting."""
    root = tmp_path / "gone"
    root.mkdir()
    daemon.start(root)
    if indexed:
        with daemon.client() as client:
            client.watch(root)
    run("stop", env=daemon.env)
    if not indexed:
        shutil.rmtree(Path(daemon.env["XDG_CACHE_HOME"], "greppy/index"), ignore_errors=True)
    root.rmdir()
    daemon.start()
    with daemon.client() as client:
        deadline = time.monotonic() + 30
        while client.status()["projects"][0]["state"] != "gone" and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client.status()["projects"][0]["state"] == "gone"
    run("stop", env=daemon.env)
    done = run("forget", root if by == "path" else by, cwd="/", env=daemon.env)
    assert done.returncode == 0
    assert re.match(rf"forgot {root}: {'removed ' if indexed else 'it had no index yet'}", done.stdout.decode())
    assert "watches 0 projects" in daemon.start().stdout.decode()


def test_what_is_forgotten_is_not_watched_again(shop: Project, daemon: Daemon, run: Run) -> None:
    daemon.start(shop.root)
    run("stop", env=daemon.env)
    assert shop.run("forget").returncode == 0
    assert "watches 0 projects" in daemon.start().stdout.decode()


def test_the_foreground_remembers_too(shop: Project, daemon: Daemon, greppy_bin: Path, run: Run) -> None:
    daemon.start(shop.root)
    run("stop", env=daemon.env)
    other = shop.root.parent / "other"
    (other / ".git").mkdir(parents=True)
    with daemon.foreground(greppy_bin, other) as client:
        assert [project["root"] for project in client.status()["projects"]] == [str(other), str(shop.root)]


def test_start_means_the_project_around_a_place(shop: Project, daemon: Daemon, run: Run) -> None:
    daemon.start(shop.root / "shop")
    assert daemon.state(shop.root) == "watched" or daemon.state(shop.root) == "starting"
    inside = shop.root.parent / "inside"
    (inside / ".git").mkdir(parents=True)
    (inside / "deep").mkdir()
    done = run("start", cwd=inside / "deep", env=daemon.env)
    assert done.stdout.decode() == f"watching {inside}\n"
    assert_error(run("start", cwd=inside / "deep", env=daemon.env), "running already")


def test_a_root_that_is_no_utf8(daemon: Daemon, run: Run, tmp_path: Path, env: dict[str, str]) -> None:
    root = os.path.join(os.fsencode(tmp_path), b"pr\xff\nx")
    os.mkdir(root)
    with open(os.path.join(root, b"a.py"), "w") as file:
        file.write("def porpoise(): pass\n")
    daemon.start(root)
    with daemon.client() as client:
        client.watch(root)
        assert client.search(root, "porpoise")[0].path == "a.py"
    with open(os.path.join(root, b"a.py"), "w") as file:
        file.write("def dolphin(): pass\n")
    done = run("search", "-p", root, "-l", "dolphin", env=without_runtime(env))
    assert done.stdout.endswith(b"a.py\n"), done
    assert run("index", "-p", root, env=env, timeout=30).returncode == 0
    for flags in ((), ("--json",), ("--prometheus",)):
        done = run("status", "-p", root, *flags, env=env)
        assert done.returncode == 0, done
        assert "pr\ufffd\ufffdx" in done.stdout.decode()
    assert len([line for line in daemon.log().splitlines() if not line.startswith("20")]) == 0


def test_an_index_of_another_place(watched: Project, daemon: Daemon, tmp_path: Path) -> None:
    """The daemon knows of its own one only."""
    env = {**daemon.env, "GREPPY_INDEX_DIR": str(tmp_path / "elsewhere")}
    assert watched.run("index", env=env).stdout.startswith(b"indexed 11 files")
    assert watched.files("OrderService", env=env)[0] == "shop/orders.py"


def test_flags_that_mean_nothing_together(daemon: Daemon, run: Run, shop: Project) -> None:
    assert_error(run("start", "--unit", shop.root), "--unit")
    assert_error(run("start", "--unit", "--foreground"), "--unit")
    daemon.start()
    assert_error(run("start", "--alert-p99", "3", shop.root, env=daemon.env), "thresholds")


def test_a_stale_socket_and_a_stale_lock(shop: Project, daemon: Daemon) -> None:
    daemon.start(shop.root)
    daemon.kill()
    assert daemon.socket.exists()
    assert shop.files("OrderService")[0] == "shop/orders.py"
    daemon.start()
    with daemon.client() as client:
        client.watch(shop.root)


def test_the_term_signal_drains(watched: Project, daemon: Daemon) -> None:
    """What was seen is committed, the socket goes, and the exit status is 0."""
    watched.write("late.py", "def porpoise(): pass\n")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0
    assert not daemon.socket.exists()
    assert watched.files("porpoise", "--no-refresh") == ["late.py"]
    assert daemon.log().rstrip().endswith("stopped")


def test_unit(run: Run, greppy_bin: Path) -> None:
    done = run("start", "--unit")
    assert f"ExecStart={greppy_bin} start --foreground\n" in done.stdout.decode()
    if shutil.which("systemd-analyze"):
        with tempfile.NamedTemporaryFile(suffix=".service") as file:
            file.write(done.stdout)
            file.flush()
            subprocess.run(["systemd-analyze", "verify", file.name], check=True)


def test_a_socket_path_that_is_too_long(run: Run, env: dict[str, str], tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    assert_error(run("start", env={**env, "XDG_RUNTIME_DIR": str(deep)}), "107", "XDG_RUNTIME_DIR")


def test_a_folder_that_others_can_enter(run: Run, env: dict[str, str]) -> None:
    folder = Path(env["XDG_RUNTIME_DIR"], "greppy")
    folder.mkdir(mode=0o755)
    assert_error(run("start", env=env), str(folder), "0700")


def test_wrong_arguments(run: Run, env: dict[str, str], tmp_path: Path) -> None:
    assert_error(run("start", tmp_path / "missing", env=env), "missing", "no such folder")
    assert_error(run("start", "--alert-p99", "much", env=env), "--alert-p99", "much")
    assert_error(run("stop", "x", env=env), "stop takes no argument")


def test_a_log_that_cannot_be_written(run: Run, env: dict[str, str]) -> None:
    assert_error(run("start", env={**env, "XDG_STATE_HOME": "/proc"}), "XDG_STATE_HOME")


# ---------------------------------------------------------------------------------------------------------- freshness


def test_searches_trust_the_watcher(watched: Project, env: dict[str, str]) -> None:
    """Every change is found by the next search, which does not refresh the index itself."""
    alone = without_runtime(env)
    watched.write("shop/new.py", "def porpoise(): pass\n")
    assert watched.files("porpoise", env=alone) == ["shop/new.py"]
    watched.write("shop/new.py", "def dolphin(): pass\n")
    assert watched.files("dolphin", env=alone) == ["shop/new.py"]
    assert watched.files("porpoise", env=alone) == []
    (watched.root / "shop/new.py").rename(watched.root / "deep.py")
    assert watched.files("dolphin", env=alone) == ["deep.py"]
    watched.write("a/b/c/d/new.py", "def narwhal(): pass\n")
    assert watched.files("narwhal", env=alone) == ["a/b/c/d/new.py"]
    (watched.root / "a").rename(watched.root / "z")
    assert watched.files("narwhal", env=alone) == ["z/b/c/d/new.py"]
    watched.write("z/b/c/d/new.py", "def manatee(): pass\n")
    assert watched.files("manatee", env=alone) == ["z/b/c/d/new.py"]
    shutil.rmtree(watched.root / "z")
    assert watched.files("manatee", env=alone) == []


def test_a_search_of_many_files_does_not_sweep(shop: Project, daemon: Daemon, greppy_bin: Path, run: Run) -> None:
    for i in range(500):
        shop.write(f"many/{i}.py", "pass\n")
    daemon.foreground(greppy_bin, shop.root).close()
    watched = shop
    if shutil.which("strace") is None:
        pytest.skip("strace is not there")
    strace = ("strace", "-f", "-e", "trace=newfstatat,stat,lstat", "-o", "/dev/stdout")
    done = run("search", "-p", watched.root, "OrderService", prefix=strace)
    assert b"money.py" not in done.stdout  # not a result, so only a sweep would look at it
    assert b"orders.py" in done.stdout


def test_ignored_files_stay_out(project: Project, daemon: Daemon, greppy_bin: Path, needs_git: None) -> None:
    project.git("init")
    project.write(".gitignore", "*.log\nnode_modules/\n")
    project.write("a.py", "def whale(): pass\n")
    with daemon.foreground(greppy_bin, project.root) as client:
        alone = without_runtime(daemon.env)
        project.write("node_modules/x/y.js", "function porpoise() {}\n")
        project.write("b.log", "porpoise\n")
        project.write("c.py", "porpoise = 1\n")
        assert project.files("porpoise", env=alone) == ["c.py"]
        folders = client.status()["projects"][0]["folders"]
        for i in range(20):
            project.write(f"node_modules/m{i}/index.js", "porpoise\n")
        client.sync(project.root)
        assert client.status()["projects"][0]["folders"] == folders
    project.write(".gitignore", "node_modules/\n")
    eventually(project, "porpoise", "b.log")


def test_a_checkout_is_a_few_commits(project: Project, daemon: Daemon, greppy_bin: Path, needs_git: None) -> None:
    project.git("init")
    for i in range(2000):
        project.write(f"d{i % 50}/f{i}.py", f"def walrus_{i}(): pass\n")
    project.git("add", ".")
    project.git("commit", "-qm", "x")
    project.git("checkout", "-qb", "other")
    for i in range(2000):
        project.write(f"d{i % 50}/f{i}.py", f"def seal_{i}(): return 1\n")
    project.git("commit", "-qam", "y")
    with daemon.foreground(greppy_bin, project.root) as client:
        assert project.files("seal_77")[0] == "d27/f77.py"
        before = client.status()["projects"][0]["commits"]
        project.git("checkout", "-q", "main")
        assert project.files("walrus_77")[0] == "d27/f77.py"
        assert project.files("seal") == []
        time.sleep(1.5)
        client.sync(project.root)
        assert client.status()["projects"][0]["commits"] - before <= 6


def test_git_add_takes_no_walk(project: Project, daemon: Daemon, greppy_bin: Path, needs_git: None) -> None:
    """What git tracks matters only for files that a rule ignores."""
    project.git("init")
    project.write(".gitignore", "*.log\n")
    project.write("a.log", "porpoise\n")
    project.write("a.py", "x = 1\n")
    project.git("add", ".")
    daemon.foreground(greppy_bin, project.root).close()
    project.write("a.py", "def dolphin(): pass\n")
    project.git("add", ".")
    project.git("commit", "-qm", "x")
    assert project.files("dolphin", env=without_runtime(daemon.env)) == ["a.py"]
    project.git("rm", "-q", "--cached", "a.py")
    assert project.files("dolphin", env=without_runtime(daemon.env)) == ["a.py"]
    log = daemon.log()
    assert "walking" not in log
    project.git("add", "-f", "a.log")
    assert project.files("porpoise") == ["a.log"]
    assert "walking" in daemon.log()[len(log) :]


def test_appends_are_few_commits(watched: Project, daemon: Daemon) -> None:
    with daemon.client() as client:
        before = client.status()["projects"][0]["commits"]
        began = time.monotonic()
        for i in range(40):
            with (watched.root / "busy.py").open("a") as file:
                file.write(f"{word(i)} = {i}\n")
            time.sleep(0.05)
        took = time.monotonic() - began
        client.sync(watched.root)
        assert client.status()["projects"][0]["commits"] - before <= 3 * took + 3
    assert [watched.files(word(i)) for i in range(40)] == [["busy.py"]] * 40


def test_the_project_goes_and_comes_back(watched: Project, daemon: Daemon, tmp_path: Path) -> None:
    watched.root.rename(tmp_path / "away")
    deadline = time.monotonic() + 30
    while daemon.state(watched.root) != "gone" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert daemon.state(watched.root) == "gone"
    (tmp_path / "away").rename(watched.root)
    watched.write("new.py", "def porpoise(): pass\n")
    assert watched.files("porpoise") == ["new.py"]  # by its own sweep, or by the daemon's
    while daemon.state(watched.root) != "watched" and time.monotonic() < deadline:
        time.sleep(0.05)
    watched.write("new.py", "def dolphin(): pass\n")
    assert watched.files("dolphin", env=without_runtime(daemon.env)) == ["new.py"]


def test_forget_ends_the_watch(watched: Project, daemon: Daemon) -> None:
    folder = watched.index_folder()
    assert watched.run("forget").returncode == 0
    with daemon.client() as client:
        assert client.status()["projects"] == []
    watched.write("new.py", "def porpoise(): pass\n")
    time.sleep(0.3)
    assert not folder.exists()


def test_an_index_that_is_removed_is_built_again(watched: Project, daemon: Daemon) -> None:
    shutil.rmtree(watched.index_folder())
    assert watched.files("OrderService")[0] == "shop/orders.py"
    watched.write("new.py", "def porpoise(): pass\n")
    eventually(watched, "porpoise", "new.py")


def test_index_goes_through_the_daemon(watched: Project, daemon: Daemon) -> None:
    watched.write("id_rsa", "PORPOISE=1\n")
    assert watched.files("PORPOISE") == []
    assert watched.index("--include-secrets", "-q").returncode == 0
    assert watched.files("PORPOISE") == ["id_rsa"]
    assert "somebody asked for it" in daemon.log()
    assert b"indexed 12 files" in watched.index("--force").stdout


def test_two_projects_one_in_the_other(watched: Project, daemon: Daemon) -> None:
    inner = Project(watched.root / "shop", watched._run, daemon.env)
    with daemon.client() as client:
        client.watch(inner.root)
    watched.write("shop/new.py", "def porpoise(): pass\n")
    alone = without_runtime(daemon.env)
    assert watched.files("-p", str(watched.root), "porpoise", env=alone) == ["shop/new.py"]
    assert inner.files("-p", str(inner.root), "porpoise", env=alone) == ["new.py"]


# ----------------------------------------------------------------------------------------------------- what goes wrong


def test_a_daemon_that_hangs(watched: Project, daemon: Daemon) -> None:
    """A search waits a quarter of a second, then it looks itself."""
    pid = daemon.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        watched.write("new.py", "def porpoise(): pass\n")
        assert watched.files("porpoise", timeout=20) == ["new.py"]
        watched.write("new.py", "def dolphin(): pass\n")
        assert watched.index("-q", timeout=20).returncode == 0
        assert_error(watched.run("stop", timeout=30), "does not answer", f"kill -9 {pid}")
        assert_error(watched.run("start", watched.root, timeout=60), "does not answer")
        assert b"does not answer" in watched.run("status", timeout=30).stderr
    finally:
        os.kill(pid, signal.SIGCONT)
    assert watched.files("dolphin", env=without_runtime(daemon.env)) == ["new.py"]


def test_no_daemon_is_asked_when_told_so(watched: Project, daemon: Daemon) -> None:
    watched.write("new.py", "def porpoise(): pass\n")
    done = watched.search("porpoise", env={**without_runtime(daemon.env), "GREPPY_NO_DAEMON": "1"})
    assert b"could not be brought up to date" in done.stderr or done.stdout.startswith(b"new.py")


def test_a_lie_in_the_watch_file(watched: Project, daemon: Daemon, run: Run) -> None:
    """Of another version, of a place where nobody listens, of no sense: the files are compared."""
    run("stop", env=daemon.env)
    path = watched.index_folder() / "watch"
    truth = path.read_bytes()
    other = truth.replace(engine.VERSION.encode(), b"0.0.0")
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for number, text in enumerate((truth, other, b"", b"\0", b"x" * 300, b"/nowhere\0" + truth)):
            path.write_bytes(text)
            watched.write("new.py", f"def {word(number)}(): pass\n")
            assert watched.files(word(number)) == ["new.py"]


def test_an_index_that_cannot_be_written(watched: Project, daemon: Daemon) -> None:
    """The daemon says so, no longer vouches for it, and goes on when it can."""
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    folder = watched.index_folder()
    folder.chmod(0o500)
    try:
        watched.write("new.py", "def porpoise(): pass\n")
        deadline = time.monotonic() + 30
        while daemon.state(watched.root) != "failing" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "cannot write the index" in daemon.log()
    finally:
        folder.chmod(0o700)
    eventually(watched, "porpoise", "new.py")


def test_a_full_disk(project: Project, daemon: Daemon, greppy_bin: Path, small_disk: Path) -> None:
    """The daemon says so and no longer vouches for the index; when there is room again it goes on."""
    project.realistic()
    daemon.env["GREPPY_INDEX_DIR"] = str(small_disk)
    daemon.foreground(greppy_bin, project.root).close()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    project.write("new.py", "".join(f"def porpoise_{i}():\n    pass\n" for i in range(2000)))
    done = project.search("porpoise_7", "-l", env=daemon.env)
    assert b"could not be brought up to date" in done.stderr, done
    assert "no space left" in daemon.log()
    filler.unlink()
    deadline = time.monotonic() + 30
    while daemon.state(project.root) != "watched" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert project.files("porpoise_7", env=without_runtime(daemon.env))[0] == "new.py"


def test_a_project_that_cannot_be_written(
    project: Project, daemon: Daemon, greppy_bin: Path, small_disk: Path
) -> None:
    """On a read-only mount nothing changes, and what changes when it is writable again is seen."""
    shutil.copytree(project.realistic().root, small_disk, dirs_exist_ok=True)
    mounted = Project(small_disk, project._run, daemon.env)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    daemon.foreground(greppy_bin, mounted.root).close()
    assert mounted.files("OrderService", env=without_runtime(daemon.env))[0] == "shop/orders.py"
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    mounted.write("new.py", "def porpoise(): pass\n")
    assert mounted.files("porpoise", env=without_runtime(daemon.env)) == ["new.py"]


def test_the_file_system_goes(project: Project, daemon: Daemon, greppy_bin: Path, small_disk: Path) -> None:
    shutil.copytree(project.realistic().root, small_disk / "project")
    root = small_disk / "project"
    daemon.foreground(greppy_bin, root).close()
    subprocess.run(["umount", "-l", small_disk], check=True)
    try:
        deadline = time.monotonic() + 30
        while daemon.state(root) != "gone" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert daemon.state(root) == "gone"
    finally:
        subprocess.run(["mount", "-t", "tmpfs", "none", small_disk], check=True)  # for the fixture to undo


@pytest.mark.parametrize("kills", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_kills_at_random_moments(
    shop: Project, daemon: Daemon, greppy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    """The index opens, `check` is clean, and after the next start answers are those of a fresh build."""
    chance = random.Random(7)
    for number in range(kills):
        daemon.foreground(greppy_bin, shop.root).close()
        ends = time.monotonic() + chance.uniform(0.0, 0.25)
        i = 0
        while time.monotonic() < ends:
            shop.write(f"more/{i % 30}.py", f"def killed_{number}_{i}(value):\n    return value\n" * (1 + i % 50))
            i += 1
        assert daemon.process is not None
        daemon.process.kill()
        daemon.process.communicate()
        done = shop.run("check")
        assert done.returncode == 0, done
    with daemon.foreground(greppy_bin, shop.root) as client:
        found = [client.search(shop.root, word, 50) for word in ("killed", "value", "OrderService", "retry")]
    daemon.end()
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "fresh"))
    with greppy.open_index(shop.root) as index:
        assert found == [index.search(word, 50) for word in ("killed", "value", "OrderService", "retry")]


def test_the_journal_is_replayed(watched: Project, daemon: Daemon, greppy_bin: Path) -> None:
    """A file that kept its size and time: only who saw the change knows of it."""
    path = watched.root / "shop/money.py"
    before = path.stat()
    assert daemon.process is not None
    daemon.process.kill()
    daemon.process.communicate()
    path.write_text(path.read_text().replace("parse_price", "parse_prize"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (watched.index_folder() / "journal").write_bytes(b"fshop/money.py\0fshop/hal")
    daemon.foreground(greppy_bin, watched.root).close()
    assert watched.files("parse_prize")[0] == "shop/money.py"
    assert (watched.index_folder() / "journal").stat().st_size == 0


def test_the_environment_of_the_lock(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", env["XDG_RUNTIME_DIR"])
    assert not places.is_running()
    instance = places.Instance()
    instance.acquire()
    assert places.is_running()
    with pytest.raises(places.DaemonError, match=f"pid {os.getpid()}"):
        places.Instance().acquire()
    instance.release()
    assert not places.is_running()


def test_somebody_else_s_connection(daemon: Daemon, shop: Project) -> None:
    """The folder keeps others out; who gets in all the same is told to go."""
    daemon.start(shop.root)
    daemon.socket.parent.chmod(0o755)
    Path(daemon.env["XDG_RUNTIME_DIR"]).chmod(0o755)
    daemon.socket.chmod(0o777)
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setuid(NOBODY)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.socket))
            os.write(write, client.recv(4096))
        os._exit(0)
    os.waitpid(pid, 0)
    assert b"belongs to another user" in os.read(read, 4096)


def test_sockets_are_ours_alone(daemon: Daemon) -> None:
    daemon.start()
    assert daemon.socket.stat().st_mode & 0o777 == 0o600
    assert daemon.socket.parent.stat().st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.socket))
