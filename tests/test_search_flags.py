"""Every flag of `greppy search`, in a pipe and on a terminal: what it does, what it refuses, what it goes with."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import time
import unicodedata
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import LINK, REALISTIC, Project, Run, Terminal, assert_error, visible

from greppy._core import engine

SIGNALS = set(engine.signals())


def assert_refused(project: Project, terminal: Terminal, *flags: str, words: tuple[str, ...] = ()) -> None:
    """One sentence and exit status 2, the same in a pipe and on a terminal."""
    done = project.search("retry", *flags)
    assert_error(done, *words)
    status, out = terminal.run("search", "retry", *flags, cwd=project.root)
    assert (status, out) == (2, done.stderr), flags


def headings(out: bytes) -> list[str]:
    return [group.split("\n")[0] for group in visible(out).rstrip("\n").split("\n\n")] if out else []


# ------------------------------------------------------------------------------------- flags that choose the results

CHOOSING = [
    ["-n", "2"], ["--limit=3"], ["-g", "*.py"], ["--glob=!*.py"], ["-g", "shop/**", "-g", "!**/orders.py"],
    ["-t", "python"], ["--type", "rs"], ["-T", "python"], ["--type-not=md"], ["-k", "function"], ["--kind=class"],
    ["-k", "class", "-k", "struct"], ["--no-tests"], ["--no-refresh"], ["-d"], ["--direct"], ["-p", "."],
    ["--project=shop/.."], ["shop"], ["--", "src"], ["-t", "go"], ["-g", "*.cobol"],
]  # fmt: skip


@pytest.mark.parametrize("flags", CHOOSING, ids=" ".join)
def test_a_terminal_shows_what_a_pipe_gets(shop: Project, terminal: Terminal, flags: list[str]) -> None:
    """Grouped and in colour, but the same files in the same order; lists and JSON agree with both."""
    files = list(dict.fromkeys(line.split(":")[0] for line in shop.lines("retry", *flags)))
    assert files != list(dict.fromkeys(line.split(":")[0] for line in shop.lines("retry"))) or flags[0] in (
        "--no-refresh", "-d", "--direct", "-p", "--project=shop/..",
    )  # fmt: skip
    status, out = terminal.run("search", "--color=never", "retry", *flags, cwd=shop.root, columns=200)
    assert (status, headings(out)) == (0 if files else 1, files)
    status, out = terminal.run("search", "retry", *flags, cwd=shop.root, columns=200)
    assert (status, headings(out)) == (0 if files else 1, files)
    status, out = terminal.run("search", "--json", "retry", *flags, cwd=shop.root)
    assert status == (0 if files else 1)
    assert list(dict.fromkeys(hit["path"] for hit in json.loads(out)["results"])) == files


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-n", "0"], ("--limit", "from 1 to 100000", "0")), (["-n", "100001"], ("--limit", "100001")),
        (["-n", "x"], ("--limit", "x")), (["-n", ""], ("--limit",)), (["-n"], ("--limit", "needs a value")),
        (["-C", "x"], ("--context", "x")), (["-A", "-1"], ("--after-context", "-1")),
        (["-B", "1.5"], ("--before-context", "1.5")), (["--context="], ("--context",)),
        (["--max-tokens", "0"], ("--max-tokens", "from 1", "0")), (["--max-tokens", "x"], ("--max-tokens",)),
        (["--max-tokens=-5"], ("--max-tokens", "-5")), (["--max-tokens", "1e3"], ("--max-tokens", "1e3")),
        (["--max-tokens=99999999999"], ("--max-tokens",)), (["--max-tokens"], ("--max-tokens", "needs a value")),
        (["-g", ""], ("glob",)), (["-g", "!"], ("glob",)), (["-g"], ("--glob", "needs a value")),
        (["-t", "klingon"], ("klingon", "language")), (["-t", ""], ("language",)), (["-t"], ("--type",)),
        (["-T", "klingon"], ("klingon", "language")), (["-T"], ("--type-not",)),
        (["-k", "gizmo"], ("gizmo", "kind")), (["-k", ""], ("kind",)), (["-k"], ("--kind",)),
        (["--color", "sometimes"], ("--color", "sometimes")), (["--color="], ("--color",)), (["--color"], ("--color",)),
        (["-p", "nowhere"], ("nowhere",)), (["-p", "Makefile"], ("Makefile", "folder")), (["-p"], ("--project",)),
        (["--chunk=1"], ("--chunk", "no value")), (["--files=1"], ("--files",)), (["--count=1"], ("--count",)),
        (["--null=1"], ("--null",)), (["--json=1"], ("--json",)), (["--jsonl=x"], ("--jsonl",)),
        (["--explain=all"], ("--explain", "no value")), (["--no-tests=1"], ("--no-tests",)),
        (["--no-refresh="], ("--no-refresh",)), (["--direct=1"], ("--direct",)), (["--", "-n"], ("-n",)),
        (["--what"], ("--what",)), (["-Z"], ("-Z",)), (["-lZ"], ("-lZ",)),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_values(shop: Project, terminal: Terminal, flags: list[str], words: tuple[str, ...]) -> None:
    assert_refused(shop, terminal, *flags, words=words)


LISTS = ["--json", "--jsonl", "--files", "--count"]
SENSELESS = [
    *([a, b] for i, a in enumerate(LISTS) for b in LISTS[i + 1 :]),
    *([a, b] for a in LISTS for b in ("--chunk", "--context=1", "--after-context=0", "--before-context=2")),
    *([a, b] for a in ("--files", "--count") for b in ("--explain", "--max-tokens=10")),
    *([a, "--null"] for a in ("--json", "--jsonl")),
    *(["--chunk", b] for b in ("--context=1", "--after-context=1", "--before-context=1")),
]


@pytest.mark.parametrize("flags", SENSELESS, ids=" ".join)
def test_combinations_without_sense(shop: Project, terminal: Terminal, flags: list[str]) -> None:
    names = tuple(flag.split("=")[0] for flag in flags)
    assert_refused(shop, terminal, *flags, words=names)
    assert_refused(shop, terminal, *flags[::-1], words=names)


def test_the_same_flag_twice(shop: Project) -> None:
    """The last value counts, and a switch is no switch the other way."""
    assert shop.lines("retry", "-n", "9", "-n", "1") == shop.lines("retry", "-n", "1")
    assert shop.lines("retry", "-l", "-l") == shop.files("retry")
    assert shop.lines("retry", "--max-tokens", "1", "--max-tokens", "4000") == shop.lines("retry")
    assert shop.lines("retry", "--explain", "--explain") == shop.lines("retry", "--explain")


def test_aliases_take_the_flags(shop: Project, terminal: Terminal) -> None:
    for flags in (["-c"], ["-l"], ["--explain"], ["--max-tokens=50"], ["--jsonl"]):
        assert shop.run("s", "retry", *flags).stdout == shop.search("retry", *flags).stdout
        assert terminal.run("s", "-d", "retry", *flags, cwd=shop.root) == terminal.run(
            "search", "retry", *flags, cwd=shop.root
        )
    assert terminal.run("i", cwd=shop.root, TERM="dumb")[1].startswith(b"up to date")


# ------------------------------------------------------------------------------------------------------ -c, -l and -0


def test_count(shop: Project) -> None:
    """As many places as a search without a limit shows of each file, in the order of -l."""
    for flags in ([], ["-g", "*.py"], ["-t", "rs"], ["-k", "function"], ["-k", "class"], ["--no-tests"], ["shop"]):
        for query in ("retry", "order price", "retry_with_backoff"):
            counted = shop.lines(query, "-c", "-n", "1000", *flags)
            shown = Counter(line.split(":")[0] for line in shop.lines(query, "-n", "100000", *flags))
            assert dict(line.rsplit(":", 1) for line in counted) == {path: str(n) for path, n in shown.items()}
            assert [line.rsplit(":", 1)[0] for line in counted] == shop.files(query, "-n", "1000", *flags)
    assert shop.lines("retry", "--count", "-n", "2") == shop.lines("retry", "-c", "-n", "1000")[:2]
    done = shop.search("zyxwvut", "-c")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@pytest.fixture
def flood(project: Project) -> Project:
    """A file with more chunks that match well than are looked at first, and 30 that match less."""
    files = {f"small{i:02}.py": "x = 1\n" * 30 + "# needle\n" + "y = 2\n" * 30 for i in range(30)}
    files["big.py"] = "".join(f"def needle_{i}(needle):\n    return needle\n\n\n" for i in range(4000))
    project.fill(files)
    project.index("-q")
    return project


def test_counts_of_many_chunks(flood: Project) -> None:
    shown = Counter(line.split(":")[0] for line in flood.lines("needle", "-n", "100000"))
    assert shown["big.py"] > 300
    assert len(shown) == 31
    assert dict(line.split(":") for line in flood.lines("needle", "-c", "-n", "31")) == {
        path: str(n) for path, n in shown.items()
    }


def test_one_file_leaves_room_in_a_list_of_files(flood: Project) -> None:
    for flags in (["-l"], ["-c"]):
        assert len(flood.lines("needle", *flags)) == 20
        assert len(flood.lines("needle", *flags, "-n", "25")) == 25
        assert len(flood.lines("needle", *flags, "-n", "100000")) == 31
    assert flood.files("needle", "-n", "100", "-g", "big.py") == ["big.py"]
    assert flood.files("needle", "-n", "3") == flood.files("needle", "-n", "31")[:3]


def test_counts_tell_nothing_of_changed_files(shop: Project) -> None:
    shop.write("shop/orders.py", "nothing = 1\n")
    assert not any(line.startswith("shop/orders.py") for line in shop.lines("retry", "-c", "--no-refresh"))
    assert "shop/orders.py" not in shop.files("retry", "--no-refresh")


def test_lists_on_a_terminal(shop: Project, terminal: Terminal) -> None:
    for flags in (["-l"], ["-c"], ["-l", "-n", "2"], ["-c", "-t", "rs"]):
        status, out = terminal.run("search", "retry", *flags, cwd=shop.root)
        assert status == 0
        assert b"\x1b[35m" in out
        assert visible(out).splitlines() == shop.lines("retry", *flags)
        status, out = terminal.run("search", "retry", *flags, cwd=shop.root, NO_COLOR="1")
        assert out.decode().splitlines() == shop.lines("retry", *flags)


def test_nul_bytes(shop: Project, terminal: Terminal) -> None:
    counted = [line.rsplit(":", 1) for line in shop.lines("retry", "-c")]
    assert shop.search("retry", "-c0").stdout == b"".join(f"{path}\0{n}\n".encode() for path, n in counted)
    assert shop.search("retry", "-l", "--null").stdout == b"".join(f"{path}\0".encode() for path, _ in counted)
    for flags in (["-l0"], ["-c0"], ["-0"], ["-0", "-C1"], ["-0", "--chunk"]):
        status, out = terminal.run("search", "retry", *flags, "--color=never", cwd=shop.root)
        assert (status, out) == (0, shop.search("retry", *flags).stdout), flags
    status, out = terminal.run("search", "retry", "-l0", cwd=shop.root)
    assert out == shop.search("retry", "-l0").stdout


def test_names_with_nul_bytes_on_a_terminal(project: Project, terminal: Terminal) -> None:
    """To a program they go as they are, to a terminal they do not."""
    name = b"\x1b[2J.py"
    project.fill({name: "needle = 1\n"})
    project.index("-q")
    assert project.search("needle", "-l0").stdout == name + b"\0"
    assert project.search("needle", "-c0").stdout == name + b"\x001\n"
    for flags in (["-l0"], ["-c0"], ["-0"], ["-l"], ["-c"]):
        assert b"\x1b[2J" not in terminal.run("search", "needle", *flags, cwd=project.root)[1]


# ---------------------------------------------------------------------------------------------- context and --chunk


@pytest.mark.parametrize(
    "flags", [["-C", "1"], ["-A", "2"], ["-B", "2"], ["-A1", "-B", "3"], ["--chunk"]], ids=" ".join
)
def test_context_on_a_terminal(shop: Project, terminal: Terminal, flags: list[str]) -> None:
    """The lines of a pipe under headings instead of behind paths."""
    wanted: dict[str, list[str]] = {}
    for line in shop.lines("retry", *flags):
        if line != "--":
            found = re.fullmatch(r"([\w/.]+\.\w+)([:-])(\d+[:-].*)", line)
            assert found, line
            wanted.setdefault(found[1], []).append(found[3])
    for color in ("never", "always"):
        _, out = terminal.run("search", "retry", *flags, f"--color={color}", cwd=shop.root, columns=200)
        groups = {}
        for group in re.split(r"\n\n(?=[\w/.]+\.\w+\n)", visible(out).rstrip("\n")):
            name, *rows = group.split("\n")
            groups[name] = [row for row in rows if row != "--"]
        assert groups == wanted


# ------------------------------------------------------------------------------------------------------ --max-tokens


@pytest.mark.parametrize("flags", [[], ["--chunk"], ["-C", "3"], ["--jsonl"], ["--explain"], ["-0"]], ids=" ".join)
def test_max_tokens_cut_between_results(shop: Project, flags: list[str]) -> None:
    """Output with it is the beginning of the output without, whole results only, and one more would be too much."""
    whole = shop.search("retry", "-n", "100", *flags).stdout
    # where a result ends
    ends = [len(shop.search("retry", "-n", str(n), *flags).stdout) for n in range(1, 12)]
    assert ends[-1] == len(whole)
    for tokens in (*range(ends[0] // 4 - 3, ends[0] // 4 + 4), 40, 77, 100, 500, 1000, ends[-1] // 4 + 1, 10**9):
        done = shop.search("retry", "-n", "100", *flags, "--max-tokens", str(tokens))
        fitting = [end for end in ends if end <= 4 * tokens]
        if fitting:
            assert (done.returncode, done.stderr) == (0, b"")
            assert done.stdout == whole[: fitting[-1]], tokens
        else:
            assert_error(done, f"{-(-ends[0] // 4)} tokens", f"--max-tokens {tokens}")


def test_max_tokens_of_a_document(shop: Project) -> None:
    every = json.loads(shop.search("retry", "--json", "-n", "100").stdout)["results"]
    seen = set()
    for tokens in (120, 300, 500, 1000, 2000, 100_000):
        done = shop.search("retry", "--json", "-n", "100", "--max-tokens", str(tokens))
        if done.returncode == 2:
            assert_error(done, "--max-tokens")
            continue
        assert len(done.stdout) <= 4 * tokens
        document = json.loads(done.stdout)
        assert document["results"] == every[: document["total"]]
        seen.add(document["total"])
    assert len(seen) > 2
    assert max(seen) == len(every)
    assert json.loads(shop.search("zyxwvut", "--json", "--max-tokens", "1").stdout)["total"] == 0
    assert shop.search("zyxwvut", "--max-tokens", "1").returncode == 1


def test_max_tokens_on_a_terminal(shop: Project, terminal: Terminal) -> None:
    whole = terminal.run("search", "retry", cwd=shop.root)[1]
    for tokens in (100, 150, 300, 10_000):
        status, out = terminal.run("search", "retry", "--max-tokens", str(tokens), cwd=shop.root)
        assert status == 0
        assert whole.startswith(out)
        assert len(out) <= 4 * tokens
    status, out = terminal.run("search", "retry", "--max-tokens", "2", cwd=shop.root)
    assert status == 2
    assert re.fullmatch(rb"greppy: [^\n]+--max-tokens 2\n", out)


def test_max_tokens_of_much_output(flood: Project) -> None:
    """More than is written at once."""
    done = flood.search("needle", "-n", "10000", "--chunk", "--max-tokens", "60000")
    assert done.returncode == 0
    assert 200_000 < len(done.stdout) <= 240_000
    assert flood.search("needle", "-n", "10000", "--chunk").stdout.startswith(done.stdout)


# --------------------------------------------------------------------------------------------------------- --explain

NUMBER = r"\d+\.\d{6}"


def sums(text: str) -> tuple[int, dict[str, int]]:
    """`score 1.5 = chunks 2.0 - test 0.5` in millionths."""
    found = re.fullmatch(rf" {{4}}score (-?{NUMBER}) =((?: [+-])? \w+ {NUMBER})+", text)
    assert found, text
    signals = {
        name: (-1 if sign == "-" else 1) * int(value.replace(".", ""))
        for sign, name, value in re.findall(rf"(?: ([+-]))? (\w+) ({NUMBER})", text.split("=")[1])
    }
    return int(found[1].replace(".", "")), signals


@pytest.mark.parametrize("query", ["retry", "retry_with_backoff", "OrderService", "parse http date", "test order pool"])
def test_explain(shop: Project, query: str) -> None:
    plain = shop.lines(query, "-n", "100")
    lines = shop.lines(query, "-n", "100", "--explain")
    assert lines[::2] == plain
    hits = json.loads(shop.search(query, "-n", "100", "--json", "--explain").stdout, parse_float=str)["results"]
    assert len(hits) == len(plain)
    for hit, line in zip(hits, lines[1::2], strict=True):
        score, signals = sums(line)
        assert set(signals) <= SIGNALS
        assert sum(signals.values()) == score == int(hit["score"].replace(".", ""))
        assert {name: int(value.replace(".", "")) for name, value in hit["explain"].items()} == signals
        if "bm25" in signals:
            assert len(signals) == 1
        assert ("test" in signals) == ("bm25" not in signals and hit["is_test"])
    without = json.loads(shop.search(query, "-n", "100", "--json").stdout, parse_float=str)["results"]
    assert [{k: v for k, v in hit.items() if k != "explain"} for hit in hits] == without
    streamed = shop.search(query, "-n", "100", "--jsonl", "--explain").stdout.decode().splitlines()
    assert [json.loads(line, parse_float=str) for line in streamed] == hits


def test_the_help_tells_what_the_signals_are(run: Run) -> None:
    text = run("search", "--help").stdout.decode()
    for name in SIGNALS:
        assert re.search(rf"^    .*\b{name}\b.*:", text, re.MULTILINE), name


def test_explain_knows_the_reasons(shop: Project) -> None:
    def signals(query: str, path: str) -> dict[str, float]:
        hits = json.loads(shop.search(query, "-n", "100", "--json", "--explain").stdout)["results"]
        return next(dict(hit["explain"]) for hit in hits if hit["path"] == path)

    weights = engine.weights()
    found = signals("OrderService", "shop/orders.py")
    assert (found["symbol"], found["symbol_type"]) == (weights["symbol"], weights["symbol_type"])
    assert "symbol" not in signals("retry backoff", "shop/retry.py")
    assert signals("retry", "shop/retry.py")["symbol_file"] == pytest.approx(weights["symbol_file"], abs=2e-6)
    assert signals("retry", "shop/retry.py")["name_precision"] == pytest.approx(weights["name_precision"], abs=2e-6)
    assert signals("retry", "tests/test_retry.py")["test"] == weights["test"]
    assert signals("retry", "examples/retry_example.py")["example"] == weights["example"]
    assert signals("shop order", "shop/orders.py")["folders"] > 0
    assert signals("retry", "shop/retry.py")["depth"] == weights["depth"]
    assert "depth" not in signals("retry", "README.md")


def test_explain_on_a_terminal(shop: Project, terminal: Terminal) -> None:
    _, plain = terminal.run("search", "retry", cwd=shop.root, columns=200)
    _, out = terminal.run("search", "retry", "--explain", cwd=shop.root, columns=200)
    rows = visible(out).splitlines()
    explained = [row for row in rows if row.startswith("    score ")]
    assert len(explained) == len(shop.lines("retry"))
    assert [row for row in rows if row not in explained] == visible(plain).splitlines()
    for row in explained:
        score, signals = sums(row)
        assert sum(signals.values()) == score
    assert explained == shop.lines("retry", "--explain")[1::2]


def test_explain_goes_with_context(shop: Project) -> None:
    blocks = "\n".join(shop.lines("retry", "-C1", "--explain")).split("\n--\n")
    assert len(blocks) == len(shop.lines("retry"))
    assert all(sums(block.split("\n")[-1]) for block in blocks)


# -------------------------------------------------------------------------------------------------- --json, --jsonl


def test_json_on_a_terminal(shop: Project, terminal: Terminal) -> None:
    for flags in (["--jsonl"], ["--jsonl", "--explain"], ["--jsonl", "--color=always"]):
        status, out = terminal.run("search", "retry", *flags, cwd=shop.root)
        assert (status, out) == (0, shop.search("retry", *flags).stdout)
    status, out = terminal.run("search", "retry", "--json", "--color=always", cwd=shop.root)
    document, wanted = json.loads(out), json.loads(shop.search("retry", "--json").stdout)
    assert {**document, "elapsed_ms": 0} == {**wanted, "elapsed_ms": 0}


def test_json_lines_come_as_they_are_found(flood: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """A line can be read while the next cannot be written: the reader of a full pipe has whole lines, one a write."""
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [greppy_bin, "search", "needle", "-n", "10000", "--jsonl"], cwd=flood.root, env=env, stdout=writer
    )
    os.close(writer)
    time.sleep(0.3)
    assert child.poll() is None  # it waits for us
    assert select.select([reader], [], [], 0)[0]
    with open(reader, "rb") as file:
        lines = file.read().splitlines()
    assert child.wait(60) == 0
    assert len(lines) == sum(1 for _ in flood.lines("needle", "-n", "10000"))
    assert all(json.loads(line) for line in lines)


def test_each_json_line_is_a_write(shop: Project, run: Run, tmp_path: Path) -> None:
    """A socket of packets keeps apart what was written apart."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        done = run("search", "retry", "--jsonl", cwd=shop.root, stdout=theirs.fileno())
        theirs.close()
        packets = list(iter(lambda: ours.recv(1 << 20), b""))
    assert done.returncode == 0
    assert len(packets) > 3
    assert packets == shop.search("retry", "--jsonl").stdout.splitlines(keepends=True)


# ------------------------------------------------------------------------------------------------- links, colour, width


def links(out: bytes) -> list[tuple[str, str]]:
    """(URL, visible text) of every OSC 8 link; each is closed before the next and on its line."""
    found = re.findall(rb"\x1b\]8;;([^\x1b]+)\x1b\\([^\n]*?)\x1b\]8;;\x1b\\", out)
    assert len(re.findall(LINK, out)) == 2 * len(found)
    return [(url.decode("ascii"), visible(text)) for url, text in found]


def test_paths_are_links(shop: Project, terminal: Terminal) -> None:
    base = f"file://{socket.gethostname()}{quote(str(shop.root))}/"
    files = shop.files("retry")
    for flags in ([], ["-C1"], ["--chunk"], ["-l"], ["-c"], ["--explain"]):
        found = links(terminal.run("search", "retry", *flags, cwd=shop.root)[1])
        assert found == [(base + path, path) for path in files], flags
    found = links(terminal.run("search", "-l", "retry", cwd=shop.root / "src")[1])
    assert found == [(base + path, os.path.relpath(path, "src")) for path in files]
    found = links(terminal.run("search", "-l", "retry", "-p", str(shop.root), cwd=Path("/"))[1])
    assert [url for url, _ in found] == [base + path for path in files]


def test_links_to_strange_names(project: Project, terminal: Terminal) -> None:
    names = [b"a b.py", "日本.py".encode(), b"100%.py", b"\x1b]8;;x\x07.py", b"\xff;,?#'\".py", b"~ok-._.py"]
    project.fill(dict.fromkeys(names, "needle = 1\n"))
    project.index("-q")
    found = {url for url, _ in links(terminal.run("search", "-l", "needle", cwd=project.root)[1])}
    assert found == {f"file://{socket.gethostname()}{quote(str(project.root))}/{quote(name)}" for name in names}


def test_where_links_are_not_wanted(shop: Project, terminal: Terminal) -> None:
    for flags, setting in (
        (["--color=never"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), ([], {"TERM": "linux"}),
        ([], {"TERM": None}), ([], {"TERM": "eterm-color"}), (["-0"], {}), (["--color=always"], {"TERM": "dumb"}),
    ):  # fmt: skip
        _, out = terminal.run("search", "retry", *flags, cwd=shop.root, **setting)  # type: ignore[arg-type]
        assert b"\x1b]8" not in out, (flags, setting)
    for flags in ([], ["--color=always"], ["-l", "--color=always"], ["-c", "--color=always"]):
        assert b"\x1b]" not in shop.search("retry", *flags).stdout


def test_colours_of_lists_in_a_pipe(shop: Project) -> None:
    for flag in ("-l", "-c"):
        out = shop.search("retry", flag, "--color=always").stdout
        assert b"\x1b[35m" in out
        assert visible(out).splitlines() == shop.lines("retry", flag)
        assert b"\x1b" not in shop.search("retry", flag, "-0", "--color=always").stdout


def columns(text: str) -> int:
    """What a terminal takes for it: two for wide characters and emoji, none for marks."""
    wide = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        wide += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return wide


@pytest.mark.parametrize(
    "filler", ["x", "日", "é", "e\u0301", "😀", "각", "ｱ", "Ａ", "\u200b", "क\u094d\u0937", "👩\u200d💻"], ids=ascii
)
@pytest.mark.parametrize("wide", [20, 41, 80])
def test_lines_are_cut_where_the_terminal_ends(project: Project, terminal: Terminal, filler: str, wide: int) -> None:
    """Files of a line each, the longest that fit and the shortest that do not."""
    before = columns("1:needle ")
    each = columns(filler)
    fits = (wide - before) // each if each else 50
    lines = {f"f{n}.txt": "needle " + filler * n for n in (1, fits - 1, fits, fits + 1, fits + 7)}
    project.fill(lines)
    project.index("-q")
    for color in ("always", "never"):
        _, out = terminal.run("search", "needle", f"--color={color}", cwd=project.root, columns=wide)
        for group in visible(out).rstrip("\n").split("\n\n"):
            name, row = group.split("\n")
            assert columns(row) <= wide
            text = row.removeprefix("1:")
            if columns("1:" + lines[name]) <= wide:
                assert text == lines[name]
            else:
                assert text.endswith("…")
                assert lines[name].startswith(text[:-1])
                assert columns(row) > wide - each


def test_an_emoji_by_its_selector_is_wide(project: Project, terminal: Terminal) -> None:
    """U+2764 takes one column, with U+FE0F behind it two."""
    project.fill({"a.txt": "needle " + "\u2764\ufe0f" * 40})
    project.index("-q")
    _, out = terminal.run("search", "needle", cwd=project.root, columns=40)
    row = visible(out).split("\n")[1]
    assert row.count("\u2764") == (40 - len("1:needle ") - 1) // 2


def test_colours_decided_by_flag_and_environment(shop: Project, terminal: Terminal) -> None:
    for flags, setting, coloured in (
        ([], {}, True), (["--color=auto"], {}, True), (["--color=never"], {}, False),
        (["--color=never"], {"CLICOLOR_FORCE": "1"}, False), ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True), (["--color=always"], {"NO_COLOR": "1"}, True), ([], {"TERM": "dumb"}, False),
        ([], {"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True), (["--color=auto"], {"TERM": "dumb"}, False),
    ):  # fmt: skip
        _, out = terminal.run("search", "retry", *flags, cwd=shop.root, **setting)
        assert (b"\x1b[" in out) == coloured, (flags, setting)
        assert headings(out) == shop.files("retry")


# ------------------------------------------------------------------------------------------------- the line shown


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("try again", "    try: call()  # once"), ("trying", "    tries = 3"), ("dying", "the workers die here"),
        ("hoping", "we hope"), ("lying", "they lie"), ("tying", "we tie a knot"), ("queries", "one query"),
        ("copied", "copies of it"), ("running", "it runs"), ("studies", "to study"),
    ],
)  # fmt: skip
def test_the_line_has_the_word_in_whatever_form(project: Project, terminal: Terminal, query: str, line: str) -> None:
    """A stem need not begin its words: tri(es) and try, di(e) and dying."""
    filler = "".join(f"other thing {i}\n" for i in range(8))
    project.fill({"a.txt": filler + line + "\n" + filler})
    project.index("-q")
    assert project.lines(query) == [f"a.txt:9:{line}"]
    _, out = terminal.run("search", query, cwd=project.root)
    assert f"9:{line}" in visible(out)
    assert b"\x1b[1;31m" in out


def test_paths_and_flags_from_a_folder_below(shop: Project, terminal: Terminal) -> None:
    """Every way of printing leads from the current folder."""
    cwd = shop.root / "shop"
    for flags in (["-l"], ["-c"], ["--explain"], ["-C1"], ["--json"], ["--jsonl"], []):
        out = shop.search("parse_http_date", "-n", "1", *flags, cwd=cwd).stdout
        assert b"../src/http.rs" in out, flags
        out = terminal.run("search", "parse_http_date", "-n", "1", *flags, cwd=cwd)[1]
        assert "../src/http.rs" in visible(out), flags
    assert REALISTIC["src/http.rs"].split("\n")[1] in shop.search("parse_http_date", "-n", "1", cwd=cwd).stdout.decode()
