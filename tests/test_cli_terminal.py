"""What a person sees: colours, grouping and progress on a terminal, and nothing that a file could do to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pexpect
import pytest
from conftest import LINK, SGR, Project, Terminal, visible

# --------------------------------------------------------------------------------------------------------- results


def test_results_are_grouped_by_file(shop: Project, terminal: Terminal) -> None:
    status, out = terminal.run("search", "retry_with_backoff", cwd=shop.root)
    assert status == 0
    groups = visible(out).rstrip("\n").split("\n\n")
    names = [group.split("\n")[0] for group in groups]
    assert names[0] == "shop/retry.py"
    assert len(names) == len(set(names)) > 2
    for group in groups:
        name, *rows = group.split("\n")
        lines = (shop.root / name).read_text().split("\n")
        assert rows
        for row in rows:
            number, text = row.split(":", 1)
            assert lines[int(number) - 1] == text


def test_colours_and_highlights(shop: Project, terminal: Terminal) -> None:
    _, out = terminal.run("search", "retry", cwd=shop.root)
    out = re.sub(LINK, b"", out)
    assert re.search(SGR + rb"shop/retry\.py" + SGR + rb"\n", out)
    assert re.search(SGR + rb"\d+" + SGR + rb":", out)
    assert re.search(SGR + rb"retry_with_backoff" + SGR, out)
    # every line ends as it began: without colour
    for line in out.split(b"\n"):
        codes = re.findall(SGR, line)
        assert not codes or codes[-1] in (b"\x1b[0m", b"\x1b[m"), line


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colours_when_not_wanted(shop: Project, terminal: Terminal, setting: dict[str, str]) -> None:
    _, out = terminal.run("search", "retry", cwd=shop.root, **setting)
    assert b"\x1b" not in out
    assert out.startswith(b"shop/retry.py\n")


def test_colour_flags_on_a_terminal(shop: Project, terminal: Terminal) -> None:
    assert b"\x1b" not in terminal.run("search", "retry", "--color=never", cwd=shop.root)[1]
    assert b"\x1b[" in terminal.run("search", "retry", "--color=always", cwd=shop.root, TERM="dumb")[1]
    assert b"\x1b" not in terminal.run("search", "--json", "retry", cwd=shop.root)[1]


def test_other_output_on_a_terminal(shop: Project, terminal: Terminal) -> None:
    assert visible(terminal.run("search", "-l", "OrderService", "-n", "1", cwd=shop.root)[1]) == "shop/orders.py\n"
    status, out = terminal.run("search", "-C", "1", "parse_price", "-n", "1", cwd=shop.root)
    assert status == 0
    assert [re.split("[:-]", row)[0] for row in visible(out).splitlines()] == ["shop/money.py", "3", "4", "5"]
    status, out = terminal.run("search", "zyxwvut", cwd=shop.root)
    assert (status, out) == (1, b"")


def test_long_lines_are_cut(project: Project, terminal: Terminal) -> None:
    project.fill({
        "a.js": "needle(" + "abcdefghi " * 500 + ")\n", "b.js": "needle(" + "日本語の長い行 " * 200 + ")\n",
        "c.js": "needle(" + "\t\x01é" * 300 + ")\n", "d.js": "needle " * 300 + "\n",
    })  # fmt: skip
    project.index("-q")
    for columns in (20, 30, 40, 80, 200):
        for color in ("always", "never"):
            _, out = terminal.run("search", "needle", f"--color={color}", cwd=project.root, columns=columns)
            text = visible(out)
            assert text.count("needle(") >= 3
            for row in text.splitlines():
                wide = sum(2 if ord(character) > 0x2E80 else 1 for character in row)
                assert wide <= columns, (columns, row)
                assert row.endswith(("js", "…")) or not row, row


HOSTILE = (
    b"needle \x1b[2J\x1b]0;owned\x07 \x1b[31mred \x9b31m \xc2\x9b31m \x08\x08\x08 \x00".replace(b"\x00", b"")
    + b"\x7f \r overwritten \x0b\x0c \x0e\x0f "
    + "\u202e reversed \u2066 isolate \u200f mark \u061c".encode() + b" \xff\xfe\n"
)  # fmt: skip
# What must not reach a terminal: C0 but newline (and tab), DEL, C1 in both forms, and what turns text around.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def assert_harmless(output: bytes, colours: bool = True) -> None:
    text = re.sub(SGR + rb"|" + LINK, b"", output) if colours else output
    assert not HARMFUL.search(text.decode("utf-8", "strict")), text


@pytest.mark.parametrize(
    "flags", [[], ["--chunk"], ["-C", "2"], ["--color=never"], ["--color=always"], ["--json"], ["--jsonl"]], ids=str
)
def test_control_characters_do_nothing(project: Project, terminal: Terminal, flags: list[str]) -> None:
    project.fill({"a.txt": b"before \x1b[31m\n" + HOSTILE + b"after \x1b[31m\n"})
    project.index("-q")
    status, out = terminal.run("search", "needle", *flags, cwd=project.root, columns=200)
    assert status == 0
    assert b"needle" in out
    assert_harmless(out)


@pytest.mark.parametrize(
    "flags", [[], ["-l"], ["--color=never"], ["--json"], ["-C1"], ["-l", "--color=always"]], ids=str
)
def test_control_characters_in_names_do_nothing(project: Project, terminal: Terminal, flags: list[str]) -> None:
    project.fill({b"\x1b[31m\x1b]0;owned\x07\xc2\x9b\xe2\x80\xae.txt": "needle\n", b"new\nline.txt": "needle\n"})
    project.index("-q")
    status, out = terminal.run("search", "needle", *flags, cwd=project.root, columns=200)
    assert status == 0
    assert_harmless(out)


def test_control_characters_with_colours_in_a_pipe(project: Project) -> None:
    """For `--color=always | less -R`."""
    project.fill({b"\x1b[2J.txt": HOSTILE})
    project.index("-q")
    done = project.search("needle", "--color=always")
    assert done.returncode == 0
    assert_harmless(done.stdout)


def test_messages_are_harmless(project: Project, terminal: Terminal, tmp_path: Path) -> None:
    root = tmp_path / "\x1b[2Jowned"
    root.mkdir()
    for arguments in (
        ["search", "x", "\x1b[2Jnowhere"], ["search", "x", "-p", "\x1b[2Jnowhere"], ["search", "x", "-t", "\x1b[2J"],
        ["search", "x", "-n", "\x1b[2J"], ["search", "x", "--color", "\x1b[2J"], ["search", "x", "-k", "\x9b\x1b"],
        ["index", "-p", "\x1b[2Jnowhere"], ["index", "\x1b[2J"], ["index", "-j", "\x1b"],
        ["index", "--max-filesize", "\x1b"],
        ["\x1b[2J"], ["search", "--\x1b[2J"],
    ):  # fmt: skip
        status, out = terminal.run(*arguments, cwd=root)
        assert status == 2, arguments
        assert b"\x1b[2J" not in out
        # a progress bar may have begun and gone: its own codes do not count
        assert_harmless(visible(out).replace("\r", "").encode())


def test_a_project_whose_name_is_hostile(project: Project, terminal: Terminal, tmp_path: Path) -> None:
    root = tmp_path / "\x1b[2Jowned[bold]"
    root.mkdir()
    (root / "a.py").write_text("needle = 1\n")
    time.sleep(0.05)  # a file younger than the clock's tick is looked at again, with a progress bar
    status, out = terminal.run("search", "needle", cwd=root)
    assert status == 0
    assert b"owned" not in out.replace(b"[2Jowned", b"") or b"\x1b[2J" not in out
    assert b"\x1b[2J" not in out
    status, out = terminal.run("search", "needle", "-p", str(root), cwd=tmp_path)
    assert_harmless(out)
    status, out = terminal.run("index", "--force", cwd=root)
    assert status == 0
    assert b"\x1b[2J" not in out


# -------------------------------------------------------------------------------------------------------- progress


def test_a_progress_bar(large: Project, terminal: Terminal) -> None:
    status, out = terminal.run("index", cwd=large.root)
    assert status == 0
    assert "indexing project" in visible(out)
    assert re.search(r"\d+(\.\d+)?/\d+(\.\d+)? MB", visible(out))
    # it takes itself away, and shows the cursor again
    assert visible(out).rstrip("\n").split("\n")[-1].split("\r")[-1].startswith("indexed 151 files")
    assert out.rfind(b"\x1b[?25h") >= out.rfind(b"\x1b[?25l")


def test_the_first_search_shows_it_too(large: Project, terminal: Terminal) -> None:
    status, out = terminal.run("search", "handler_7", "-n", "1", cwd=large.root)
    assert status == 0
    assert "indexing project" in visible(out)
    assert "def handler_7(request, value):" in visible(out)
    assert "indexed" not in visible(out)


def test_no_progress_when_not_wanted(large: Project, terminal: Terminal) -> None:
    status, out = terminal.run("index", cwd=large.root, TERM="dumb")
    assert status == 0
    assert re.fullmatch(rb"indexed 151 files[^\n]*\n", out)
    status, out = terminal.run("index", "--quiet", "--force", cwd=large.root, TERM="dumb")
    assert (status, out) == (0, b"")


def test_quiet_means_no_progress(large: Project, terminal: Terminal) -> None:
    """As the help says: no progress, no summary."""
    status, out = terminal.run("index", "--quiet", cwd=large.root)
    assert (status, out) == (0, b"")


def test_no_progress_in_a_pipe(large: Project) -> None:
    done = large.run("index")
    assert re.fullmatch(rb"indexed 151 files[^\n]*\n", done.stdout)
    assert done.stderr == b""


def test_progress_with_the_summary_in_a_pipe(
    large: Project, greppy_bin: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """Standard error is a terminal, standard output is not: the bar must not get into the file."""
    output = tmp_path / "out"
    child = pexpect.spawn(
        "/bin/sh", ["-c", f'exec "{greppy_bin}" index > "{output}"'], cwd=str(large.root),
        env={**env, "TERM": "xterm"}, dimensions=(24, 80), timeout=60,
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "indexing project" in visible(child.before)
    assert re.fullmatch(rb"indexed 151 files[^\n]*\n", output.read_bytes())


# -------------------------------------------------------------------------------------------------------- interrupts


def test_ctrl_c_leaves_the_old_index(shop: Project, terminal: Terminal, large: Project) -> None:
    """`large` has added its files to the same project; thrice as many, so that none is done when the key comes."""
    for number in range(150, 450):
        os.link(large.root / "first.py", large.root / f"f{number:03}.py")
    for arguments in (["index"], ["search", "handler_7"]):
        child = terminal.start(*arguments, cwd=shop.root)
        child.expect(b"indexing")
        time.sleep(0.1)
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130 or child.signalstatus == signal.SIGINT, (child.exitstatus, child.signalstatus)
        assert b"Traceback" not in child.before
        assert child.before.rfind(b"\x1b[?25h") >= child.before.rfind(b"\x1b[?25l")
        assert shop.files("OrderService", "--no-refresh")[0] == "shop/orders.py"
        assert shop.files("handler_7", "--no-refresh") == []
    # and the next one is complete
    shop.index("-q")
    assert len(shop.files("handler_7", "-n", "500")) == 451
    assert len(list(shop.index_folder().iterdir())) == 4


def test_a_terminal_that_hangs_up(large: Project, terminal: Terminal) -> None:
    child = terminal.start("index", cwd=large.root)
    child.expect(b"indexing")
    child.close(force=True)
    assert large.run("index").returncode == 0
    assert len(large.files("handler_7", "-n", "500")) == 151


def test_results_into_a_pager_that_quits(shop: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    script = f'"{greppy_bin}" search retry -n 1000 | head -n 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], cwd=shop.root, env=env, capture_output=True, timeout=60)
    assert done.stderr == b""
    assert done.stdout.splitlines()[-1] == b"0"
    assert len(done.stdout.splitlines()) == 2
