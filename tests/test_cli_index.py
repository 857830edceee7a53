"""`greppy index` from the outside: what it says, what it remembers, what it refuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import REALISTIC, Project, Run
from test_cli_search import assert_error

SUMMARY = re.compile(
    r"indexed ([\d,]+) files, ([\d,]+) chunks, ([\d.]+) MB in [\d.]+ s \(\d+ MB/s\), index [\d.]+ MB\n"
)
UPDATED = re.compile(
    r"updated ([\d,]+) changed and ([\d,]+) removed files in [\d.]+ s: ([\d,]+) files, [\d,]+ chunks, [\d.]+ MB, "
    r"index [\d.]+ MB\n"
)
UP_TO_DATE = re.compile(r"up to date: ([\d,]+) files, index [\d.]+ MB \([\d.]+ s\)\n")


def test_the_summary(project: Project) -> None:
    project.realistic()
    done = project.index()
    match = SUMMARY.fullmatch(done.stdout.decode())
    assert match is not None, done
    assert int(match[1]) == len(REALISTIC)
    assert int(match[2]) >= len(REALISTIC)
    assert done.stderr == b""


def test_the_second_time_nothing_is_to_do(project: Project) -> None:
    project.realistic()
    project.index()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in project.index_folder().iterdir())
    done = project.index()
    match = UP_TO_DATE.fullmatch(done.stdout.decode())
    assert match is not None, done
    assert int(match[1]) == len(REALISTIC)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in project.index_folder().iterdir()) == before


def test_force(project: Project) -> None:
    project.realistic()
    project.index()
    before = {path.name for path in project.index_folder().glob("*.seg")}
    assert SUMMARY.fullmatch(project.index("--force").stdout.decode())
    assert {path.name for path in project.index_folder().glob("*.seg")}.isdisjoint(before)
    assert project.files("OrderService")[0] == "shop/orders.py"


def test_quiet(project: Project) -> None:
    project.realistic()
    for flags in (["-q"], ["--quiet", "--force"], ["-q"]):
        done = project.index(*flags)
        assert (done.stdout, done.stderr) == (b"", b"")


def test_a_change_is_counted(project: Project) -> None:
    project.realistic()
    project.index()
    project.write("shop/new.py", "def brand_new():\n    pass\n")
    (project.root / "web/cart.ts").unlink()
    done = project.index()
    match = UPDATED.fullmatch(done.stdout.decode())
    assert match is not None, done
    assert (match[1], match[2], int(match[3])) == ("1", "1", len(REALISTIC))
    assert project.files("brand_new", "--no-refresh") == ["shop/new.py"]


def test_an_empty_folder(project: Project) -> None:
    done = project.index()
    assert SUMMARY.fullmatch(done.stdout.decode()) or UP_TO_DATE.fullmatch(done.stdout.decode())
    assert b" 0 files" in done.stdout
    assert b" 0 files" in project.index().stdout
    for flags in ([], ["--no-refresh"]):
        done = project.search("retry", *flags)
        assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    project.write("a.py", "retry = 1\n")
    assert project.lines("retry") == ["a.py:1:retry = 1"]
    (project.root / "a.py").unlink()
    assert project.lines("retry") == []


def test_wrong_folders(project: Project) -> None:
    project.realistic()
    assert_error(project.run("index", "-p", "nowhere"), "nowhere", "no such folder")
    assert_error(project.run("index", "-p", "Makefile"), "Makefile", "not a folder")
    assert_error(project.run("index", "-p", ""), "--project")
    assert_error(project.run("index", "-p"), "--project")
    assert_error(project.run("index", "shop"), "shop", "--project")
    assert_error(project.run("index", "-p", b"no\xffwhere"), "no such folder")
    (project.root / "loop").symlink_to("loop")
    assert_error(project.run("index", "-p", "loop"), "loop")


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("--max-filesize", ["", "x", "-1", "1X", "1.5M", "M", "1 M", "1MM", "٣"]),
        ("--threads", ["", "0", "-1", "x", "65", "1.5", "9" * 30, "²"]),
    ],
)
def test_wrong_values(project: Project, flag: str, values: list[str]) -> None:
    for value in values:
        assert_error(project.run("index", flag, value), flag)
    assert_error(project.run("index", flag), flag, "needs a value")


def test_threads(project: Project) -> None:
    project.realistic()
    for flags in (["-j", "1"], ["-j2"], ["--threads=64"]):
        assert project.index("--force", *flags).stdout.startswith(b"indexed 11 files")
        assert project.files("OrderService")[0] == "shop/orders.py"


def test_threads_make_no_difference(project: Project) -> None:
    """4 MB, so that several threads really work; the index must hold the same."""
    project.fill({
        f"d{i % 7}/f{i:03}.py": "".join(f"def name_{i}_{j}(v):\n    return v + {i * j}\n\n\n" for j in range(400))
        for i in range(200)
    })  # fmt: skip
    query = ("search", "name_7 name_100_3 return value", "--json", "-n", "200", "--no-refresh")
    results = []
    for threads in ("1", "2", "5"):
        project.index("-j", threads, "--force")
        results.append(re.sub(rb'"elapsed_ms":[\d.]+', b"", project.run(*query).stdout))
    assert results[0] == results[1] == results[2]
    assert results[0].count(b'"path"') == 200


# ------------------------------------------------------------------------------------------------- the size limit


def test_the_size_limit(project: Project) -> None:
    project.fill({
        "small.py": "needle = 1\n", "exact.py": "needle = 2\n".ljust(1_000_000, "#"),
        "over.py": "needle = 3\n".ljust(1_000_001, "#"), "big.py": "needle = 4\n".ljust(3_000_000, "#"),
    })  # fmt: skip
    project.index()
    assert set(project.files("needle")) == {"small.py", "exact.py"}
    project.index("--max-filesize", "2M")
    assert set(project.files("needle")) == {"small.py", "exact.py", "over.py"}
    # remembered: by the next `index`, by the refresh of a search, by --force
    for flags in ([], ["--force"]):
        project.index(*flags)
        assert set(project.files("needle")) == {"small.py", "exact.py", "over.py"}
    project.write("over.py", "needle = 5\n".ljust(1_500_000, "#"))
    assert set(project.files("needle")) == {"small.py", "exact.py", "over.py"}
    project.index("--max-filesize", "0")
    assert set(project.files("needle")) == {"small.py", "exact.py", "over.py", "big.py"}
    project.index("--max-filesize", "10")
    assert project.files("needle") == []
    project.index("--max-filesize=1k")
    assert project.files("needle") == ["small.py"]
    project.write("small.py", "needle = 1\n".ljust(1001, "#"))
    assert project.files("needle") == []
    project.write("small.py", "needle = 1\n".ljust(1000, "#"))
    assert project.files("needle") == ["small.py"]


# ----------------------------------------------------------------------------------------------------- strange files


def test_a_binary_file(project: Project) -> None:
    project.fill({
        "late.bin": b"needle\n" * 2000 + b"\0",
        "early.bin": b"needle\0\n", "at_8191.bin": b"needle\n".ljust(8191) + b"\0",
        "at_8192.bin": b"needle\n".ljust(8192) + b"\0", "text.txt": "needle\n",
    })  # fmt: skip
    project.index()
    assert set(project.files("needle")) == {"text.txt", "late.bin", "at_8192.bin"}
    project.write("early.bin", "needle, and text now\n")
    project.write("text.txt", b"needle\0")
    assert set(project.files("needle")) == {"early.bin", "late.bin", "at_8192.bin"}


def test_invalid_utf8(project: Project) -> None:
    project.fill(
        {
            "latin.py": b"# caf\xe9 \xff\xfe needle\ndef caf\xe9_needle(): pass\n",
            "bytes.txt": bytes(range(1, 256)) + b" needle\n",
        }
    )
    done = project.index()
    assert done.stderr == b""
    assert set(project.files("needle")) == {"latin.py", "bytes.txt"}
    assert project.search("needle", "latin.py").stdout.startswith(b"latin.py:")


def test_files_without_text(project: Project) -> None:
    project.fill(
        {"empty.py": "", "blank.py": "\n\n\n", "one.py": "x", "spaces.txt": " " * 5000, "newlines.c": "\n" * 50_000}
    )
    assert b" 5 files" in project.index().stdout
    assert project.lines("empty") in ([], ["empty.py:1:"])
    assert project.search("newlines").returncode in (0, 1)


def test_an_unreadable_file(project: Project, run_as_other: Run, tmp_path: Path) -> None:
    project.realistic()
    (project.root / "shop/money.py").chmod(0)
    (project.root / "web").chmod(0)
    done = run_as_other("index", "-p", project.root)
    assert done.returncode == 0, done
    assert done.stdout.startswith(b"indexed 9 files")
    warnings = done.stderr.decode().splitlines()
    assert len(warnings) == 2, warnings
    for path in ("shop/money.py", "web"):
        assert any(f"{project.root}/{path}: Permission denied" in line for line in warnings), warnings
    done = run_as_other("search", "-l", "retry_with_backoff", "-p", project.root)
    assert done.returncode == 0, done
    assert done.stdout.startswith(b"project/shop/retry.py\n")
    # once it can be read it is
    (project.root / "shop/money.py").chmod(0o644)
    (project.root / "web").chmod(0o755)
    assert b" 11 files" in run_as_other("index", "-p", project.root).stdout
    done = run_as_other("search", "-l", "parse_price", "-p", project.root)
    assert done.stdout.startswith(b"project/shop/money.py\n"), done


@pytest.mark.parametrize("kind", ["plain", "git"])
def test_strict(project: Project, run_as_other: Run, env: dict[str, str], needs_git: None, kind: str) -> None:
    """What cannot be read is named either way; only --strict makes it an error. The rest is indexed."""
    project.realistic()
    if kind == "git":
        project.git("init")
        project.git("add", ".")
        (Path(env["HOME"]) / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
    unreadable = [project.root / "shop/money.py", project.root / "web"]
    for path in unreadable:
        path.chmod(0)
    for flags, status in (([], 0), (["--strict"], 2), (["--strict", "-q"], 2), (["-q"], 0)):
        done = run_as_other("index", *flags, "-p", project.root)
        assert done.returncode == status, done
        warnings = done.stderr.decode().splitlines()
        assert len(warnings) == 2 + (status == 2), warnings
        for path in unreadable:
            assert any(f"{path}: Permission denied" in line for line in warnings), warnings
    assert "--strict" in run_as_other("index", "--strict", "-p", project.root).stderr.decode()
    done = run_as_other("search", "-l", "retry_with_backoff", "-p", project.root, "--no-refresh")
    assert done.stdout.startswith(b"project/shop/retry.py\n")
    for path in unreadable:
        path.chmod(0o755)
    assert run_as_other("index", "--strict", "-p", project.root).returncode == 0
    # a folder that may be listed but not entered: its files are named
    unreadable[1].chmod(0o744)
    done = run_as_other("index", "--strict", "-p", project.root)
    assert done.returncode == 2
    assert f"{project.root}/web/cart.ts: Permission denied" in done.stderr.decode()


def test_strict_with_all_kinds_of_files(project: Project) -> None:
    """Binary, large and secret files are left out on purpose, links and FIFOs are no files: nothing to complain of."""
    project.realistic()
    project.fill({"a.bin": b"\0", "large.txt": "x" * 1_000_001, "x.pem": "x", "key.txt": "-----BEGIN PRIVATE KEY-----"})
    (project.root / "link").symlink_to("nowhere")
    os.mkfifo(project.root / "fifo")
    project.write(".gitignore", "*.ts\n")
    done = project.index("--strict")
    assert done.stderr == b""


def test_a_file_that_cannot_be_read_any_more(project: Project, run_as_other: Run) -> None:
    project.realistic()
    run_as_other("index", "-q", "-p", project.root)
    (project.root / "shop/money.py").chmod(0)
    done = run_as_other("search", "parse_price", "-p", project.root, "--no-refresh")
    assert b"money.py" not in done.stdout
    assert done.returncode in (0, 1)


def test_a_folder_that_cannot_be_listed(project: Project, run_as_other: Run) -> None:
    project.realistic()
    project.root.chmod(0o700)
    assert_error(run_as_other("index", "-p", project.root), str(project.root), "Permission denied")
    assert run_as_other("search", "retry", "-p", project.root).returncode == 2


def test_many_warnings_are_cut(project: Project, run_as_other: Run) -> None:
    project.fill({f"f{i:02}.py": "x = 1\n" for i in range(30)})
    for path in project.root.iterdir():
        path.chmod(0)
    done = run_as_other("index", "-p", project.root)
    assert done.returncode == 0
    assert done.stderr.count(b"\n") == 11
    assert b"20 more" in done.stderr


# ------------------------------------------------------------------------------------------------------- interruption


@pytest.mark.parametrize("delay", [0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_an_interrupt_ends_it_quietly(
    project: Project, greppy_bin: Path, env: dict[str, str], delay: float
) -> None:
    large = project.large(900)
    child = subprocess.Popen(
        [greppy_bin, "index"], cwd=large.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    time.sleep(delay)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=20)
    if child.returncode == 0:
        return  # it was done already
    assert b"Traceback" not in err, err
    assert b"Error" not in err, err
    assert child.returncode in (130, -signal.SIGINT), (out, err)


def test_terminating_it_leaves_the_old_index(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    project.realistic()
    project.index()
    project.large(900)
    for number in (signal.SIGTERM, signal.SIGHUP):
        child = subprocess.Popen([greppy_bin, "index"], cwd=project.root, env=env, stdout=subprocess.PIPE)
        time.sleep(0.2)
        child.send_signal(number)
        child.communicate(timeout=60)
        assert child.returncode in (-number, 128 + number), "it was too fast to be ended"
        assert project.files("OrderService", "--no-refresh")[0] == "shop/orders.py"
