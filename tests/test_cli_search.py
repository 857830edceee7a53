"""`greppy search` from the outside: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import time
from pathlib import Path

import pytest
from conftest import REALISTIC, Project, Run, Terminal, assert_error, visible
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LINE = re.compile(rb"[^\n:]+:[1-9]\d*:[^\n]*\n")


# ------------------------------------------------------------------------------------------------------- to a pipe


def test_one_line_a_result(shop: Project) -> None:
    done = shop.search("retry with backoff")
    assert done.returncode == 0
    assert done.stderr == b""
    assert done.stdout
    assert LINE.sub(b"", done.stdout) == b""


def test_every_line_is_in_its_file(shop: Project) -> None:
    for query in ("retry", "order", "parse price", "pool", "cart items", "http date"):
        for line in shop.lines(query):
            path, number, text = line.split(":", 2)
            assert REALISTIC[path].split("\n")[int(number) - 1] == text


@pytest.mark.parametrize(
    ("flags", "pieces"), [((), 2), (("--files",), 2), (("-C", "2"), 2), (("--json",), 1), (("--jsonl",), None)]
)
def test_the_first_result_leaves_at_once(shop: Project, flags: tuple[str, ...], pieces: int | None) -> None:
    """A pipe of packets keeps apart what was written apart. JSON lines leave one by one, a JSON document whole."""
    whole = shop.search("retry", *flags).stdout
    reading, writing = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    try:
        assert shop.search("retry", *flags, stdout=writing).returncode == 0
        os.close(writing)
        packets = list(iter(lambda: os.read(reading, 65536), b""))
    finally:
        os.close(reading)
    assert len(packets) == (whole.count(b"\n") if pieces is None else pieces)
    if "--json" not in flags:
        assert b"".join(packets) == whole
        assert packets[0] == shop.search("retry", "-n1", *flags).stdout


def test_the_definition_comes_first(shop: Project) -> None:
    assert shop.lines("retry_with_backoff")[0].startswith("shop/retry.py:11:def retry_with_backoff(")
    assert shop.lines("parse http date")[0].startswith("src/http.rs:2:")
    assert shop.lines("OrderService")[0].startswith("shop/orders.py:4:")
    assert shop.lines("addToCart")[0].startswith("web/cart.ts:5:")


def test_a_place_shows_its_line(shop: Project) -> None:
    rows = REALISTIC["shop/retry.py"].split("\n")
    for number in (1, 11, len(rows) - 1):
        for query in (f"shop/retry.py:{number}", f'  File "/srv/shop/retry.py", line {number}, in <module>'):
            assert shop.lines(query)[0] == f"shop/retry.py:{number}:{rows[number - 1]}", query
    assert shop.lines("/else/where/retry.py:11:5: error: strange")[0].startswith("shop/retry.py:11:def retry_with")
    assert shop.lines("at retry (no/such/file.py:3)"), "words of a place that is not there are still words"


def test_a_mistyped_name_is_corrected_and_said(shop: Project) -> None:
    done = shop.search("retry_with_bakcoff", "-n", "1")
    assert (done.returncode, done.stdout.split(b"(")[0]) == (0, b"shop/retry.py:11:def retry_with_backoff")
    assert done.stderr == b"greppy: nothing is called so; these are for: retry_with_backoff\n"
    found = json.loads(shop.search("retry_with_bakcoff", "--json").stdout)
    assert (found["query"], found["corrected"]) == ("retry_with_bakcoff", "retry_with_backoff")
    assert "corrected" not in json.loads(shop.search("retry_with_backoff", "--json").stdout)
    assert shop.search("retry_with_backoff").stderr == b""


def test_initials_and_parts_of_names(shop: Project) -> None:
    assert shop.lines("RWB")[0].startswith("shop/retry.py:11:def retry_with_backoff(")
    assert shop.lines("retry_with_back")[0].startswith("shop/retry.py:11:def retry_with_backoff(")


def test_nothing_found(shop: Project) -> None:
    done = shop.search("zyxwvutsrq")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_limit(shop: Project) -> None:
    every = shop.lines("retry", "-n", "100")
    assert len(every) > 3
    for flags in (["-n", "2"], ["-n2"], ["--limit", "2"], ["--limit=2"], ["-n=2"], ["-n", "9", "-n", "2"]):
        assert shop.lines("retry", *flags) == every[:2], flags
    assert shop.lines("-n", "2", "retry") == every[:2]


def test_twenty_by_default(project: Project) -> None:
    project.fill({f"f{i}.py": f"def needle_{i}():\n    return 'needle'\n" for i in range(30)})
    project.index("-q")
    assert len(project.lines("needle")) == 20
    assert len(project.lines("needle", "-n", "100")) == 30


@pytest.mark.parametrize("value", ["0", "-1", "x", "", "3x", "1.5", "99999999999999999999", " 3", "+3", "0x3"])
def test_wrong_limits(shop: Project, value: str) -> None:
    assert_error(shop.search("retry", f"--limit={value}"), "--limit")


def test_files(shop: Project) -> None:
    found = shop.files("retry", "-n", "100")
    assert found[0] == "shop/retry.py"
    assert len(found) == len(set(found))
    assert set(found) == {
        "README.md", "shop/__init__.py", "shop/retry.py", "shop/orders.py", "tests/test_retry.py",
        "examples/retry_example.py", "src/http.rs",
    }  # fmt: skip
    assert set(found) == {line.split(":")[0] for line in shop.lines("retry", "-n", "100")}


def test_files_with_nul(shop: Project) -> None:
    done = shop.search("-l0", "retry")
    assert done.stdout.endswith(b"\0")
    assert b"\n" not in done.stdout
    assert [os.fsdecode(path) for path in done.stdout.split(b"\0")[:-1]] == shop.files("retry")


def test_lines_with_nul(shop: Project) -> None:
    """As in ripgrep: the byte takes the place of the colon behind the path."""
    first = shop.search("-0", "retry_with_backoff").stdout.splitlines()[0]
    assert first.startswith(b"shop/retry.py\x0011:def ")


def test_globs(shop: Project) -> None:
    def found(*flags: str) -> set[str]:
        return set(shop.files("retry", "-n", "100", *flags))

    everything = found()
    assert found("-g", "*.py") == {path for path in everything if path.endswith(".py")}
    assert found("-g", "!*.py") == {path for path in everything if not path.endswith(".py")}
    assert found("-g", "shop/**") == {path for path in everything if path.startswith("shop/")}
    assert found("-g", "*.py", "-g", "!tests/**", "-g", "!examples/**") == {
        "shop/__init__.py", "shop/retry.py", "shop/orders.py",
    }  # fmt: skip
    assert found("-g", "!*.py", "-g", "shop/retry.py") == {"shop/retry.py"}
    assert found("-g", "*.py", "-g", "!*.py") == set()
    assert found("--glob=*.rs") == {"src/http.rs"}
    assert found("-g", "*.cobol") == set()


def test_globs_with_alternatives(shop: Project) -> None:
    def found(*flags: str) -> set[str]:
        return set(shop.files("retry", "-n", "100", *flags))

    assert found("-g", "*.{md,rs}") == {"README.md", "src/http.rs"}
    assert found("-g", "{src,tests}/**") == {"src/http.rs", "tests/test_retry.py"}
    assert found("-g", "!*.{py,md}") == {"src/http.rs"}
    assert found("-g", "{shop/{retry,orders}.py,*.md}") == {"README.md", "shop/retry.py", "shop/orders.py"}


@pytest.mark.parametrize("glob", ["", "!"])
def test_empty_globs(shop: Project, glob: str) -> None:
    assert_error(shop.search("retry", "-g", glob), "glob")


@pytest.mark.parametrize(
    "glob", ["[", "[]", "[!", "{a,b", "**" * 50, "a/" * 400, "\\", "*?" * 60 + "x", "{{{", "[z-a]"]
)
def test_strange_globs(shop: Project, glob: str) -> None:
    began = time.monotonic()
    done = shop.search("retry", "-g", glob)
    assert done.returncode in (0, 1, 2)
    assert time.monotonic() - began < 5


def test_types(shop: Project) -> None:
    def found(*flags: str) -> set[str]:
        return set(shop.files("retry pool cart parse", "-n", "100", *flags))

    everything = found()
    python = {path for path in everything if path.endswith(".py")}
    assert found("-t", "python") == found("-t", "py") == python
    assert found("-t", "rust") == found("-t", "rs") == {"src/http.rs"}
    assert found("-t", "python", "-t", "c") == python | {"src/pool.c"}
    assert found("-T", "python") == everything - python
    assert found("-T", "python", "-T", "rust") == everything - python - {"src/http.rs"}
    assert found("-t", "python", "-T", "python") == set()
    assert found("--type=typescript") == {"web/cart.ts"}


def test_unknown_types(shop: Project) -> None:
    assert_error(shop.search("retry", "-t", "klingon"), "klingon")
    assert_error(shop.search("retry", "-T", "klingon"), "klingon")
    assert_error(shop.search("retry", "-t", ""), "language")


def test_kinds(shop: Project) -> None:
    for kind, path in (("struct", "src/pool.c"), ("class", "shop/orders.py"), ("interface", "web/cart.ts")):
        found = json.loads(shop.search("pool order cart retry", "--json", "-k", kind, "-n", "50").stdout)["results"]
        assert path in {hit["path"] for hit in found}, kind
    functions = {line.split(":")[0] for line in shop.lines("retry", "-k", "function")}
    assert "shop/retry.py" in functions
    assert "README.md" not in functions
    assert_error(shop.search("retry", "-k", "gizmo"), "gizmo")


def test_no_tests(shop: Project) -> None:
    assert "tests/test_retry.py" in shop.files("retry", "-n", "100")
    assert "tests/test_retry.py" not in shop.files("retry", "-n", "100", "--no-tests")


# ------------------------------------------------------------------------------------------------------------ PATH…


def test_places(shop: Project) -> None:
    assert set(shop.files("retry", "shop")) == {"shop/__init__.py", "shop/retry.py", "shop/orders.py"}
    assert set(shop.files("retry", "shop/")) == set(shop.files("retry", "./shop"))
    assert shop.files("retry", "shop/orders.py") == ["shop/orders.py"]
    assert set(shop.files("retry", "src", "tests")) == {"src/http.rs", "tests/test_retry.py"}
    assert shop.files("retry", "web") == []
    assert set(shop.files("retry", ".", "-n", "50")) == set(shop.files("retry", "-n", "50"))
    assert set(shop.files("retry", str(shop.root / "src"))) == {"src/http.rs"}
    assert set(shop.files("retry", "shop/../src")) == {"src/http.rs"}


def test_a_place_is_no_prefix(project: Project) -> None:
    project.fill({"ab/x.py": "needle = 1\n", "abc/x.py": "needle = 2\n", "ab.py": "needle = 3\n"})
    project.index("-q")
    assert project.files("needle", "ab") == ["ab/x.py"]


def test_a_place_that_is_not_there(shop: Project) -> None:
    assert_error(shop.search("retry", "nowhere"), "nowhere", "quotes")
    assert_error(shop.search("retry", "shop", "nowhere"), "nowhere")


def test_a_place_outside(shop: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    assert_error(shop.search("retry", "shop", str(outside)), str(outside), "project")
    assert_error(shop.search("retry", "-p", ".", ".."), "..", "project")
    (shop.root / "link").symlink_to(outside)
    assert_error(shop.search("retry", "-p", ".", "link"), "link", "project")


def test_a_place_through_a_link(shop: Project) -> None:
    (shop.root / "link").symlink_to("shop")
    shop.index("-q")
    assert shop.files("retry", "link/orders.py") == ["shop/orders.py"]


def test_several_words_without_quotes(shop: Project) -> None:
    assert_error(shop.search("retry", "with", "backoff"), "with", "quotes")


def test_many_places(shop: Project) -> None:
    assert shop.files("retry", *["shop/orders.py"] * 256) == ["shop/orders.py"]
    assert_error(shop.search("retry", *["shop/orders.py"] * 257), "256")


# -------------------------------------------------------------------------------------------- the current folder


def test_paths_lead_from_the_current_folder(shop: Project, tmp_path: Path) -> None:
    (shop.root / "shop" / "deep" / "er").mkdir(parents=True)
    shop.index("-q")

    def found(cwd: Path, *flags: str) -> set[str]:
        return set(shop.files("retry", "-n", "50", "-g", "*.rs", "-g", "shop/*.py", *flags, cwd=cwd))

    assert found(shop.root) == {"src/http.rs", "shop/retry.py", "shop/orders.py", "shop/__init__.py"}
    assert found(shop.root / "shop") == {"../src/http.rs", "retry.py", "orders.py", "__init__.py"}
    for cwd in (shop.root, shop.root / "shop", shop.root / "shop" / "deep" / "er", tmp_path, Path("/")):
        paths = found(cwd, "-p", str(shop.root))
        assert len(paths) == 4
        for path in paths:
            assert (cwd / path).resolve().is_relative_to(shop.root), (cwd, path)
            assert (cwd / path).is_file()
    assert found(tmp_path, "-p", str(shop.root)) == {
        f"project/{path}" for path in ("src/http.rs", "shop/retry.py", "shop/orders.py", "shop/__init__.py")
    }
    elsewhere = tmp_path / "else"
    elsewhere.mkdir()
    assert str(shop.root / "src/http.rs") in found(elsewhere, "-p", str(shop.root))


def test_paths_climb_no_further_than_they_must(shop: Project) -> None:
    deep = shop.root / "shop" / "deep"
    deep.mkdir()
    assert shop.files("RetryError", "-n", "1", cwd=deep) == ["../retry.py"]
    assert shop.files("parse_http_date", "-n", "1", cwd=deep) == ["../../src/http.rs"]


def test_a_sibling_with_a_longer_name(project: Project, run: Run, tmp_path: Path) -> None:
    project.realistic()
    project.index("-q")
    sibling = tmp_path / "project-two"
    sibling.mkdir()
    done = run("search", "-l", "OrderService", "-p", project.root, cwd=sibling)
    assert os.fsdecode(done.stdout.splitlines()[0]) == str(project.root / "shop/orders.py")


def test_a_place_elsewhere_names_its_project(shop: Project, tmp_path: Path) -> None:
    assert shop.files("OrderService", str(shop.root / "shop"), cwd=tmp_path)[0] == "project/shop/orders.py"


def test_through_a_linked_folder(shop: Project, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shop.root)
    assert shop.files("OrderService", "-p", "link", cwd=tmp_path)[0] == "project/shop/orders.py"
    assert shop.files("OrderService", cwd=tmp_path / "link" / "shop")[0] == "orders.py"


def test_the_current_folder_is_gone(shop: Project, run: Run, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = ("/bin/sh", "-c", 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"', str(gone))
    assert_error(run("search", "retry", prefix=script), "current folder")
    done = run("search", "-l", "OrderService", "-p", shop.root, prefix=script)
    assert (done.returncode, os.fsdecode(done.stdout.splitlines()[0])) == (0, str(shop.root / "shop/orders.py"))
    done = run("index", prefix=script)
    assert_error(done, "current folder")


def test_wrong_projects(shop: Project) -> None:
    assert_error(shop.search("retry", "-p", "nowhere"), "nowhere", "No such file")
    assert_error(shop.search("retry", "-p", "Makefile"), "Makefile", "folder")
    assert_error(shop.search("retry", "-p", ""))
    assert_error(shop.search("retry", "-p"), "--project")


STRANGE_NAMES = [
    b"with blank.py", b"new\nline.py", b"no-utf8-\xff\xfe.py", b"-dash.py", b"quote'\"`$(x).py", b"tab\there.py",
    b"star*[x]?.py", b"\\back\\slash.py", b"\xc3\xbcml\xc3\xa4ut.py", "日本語.py".encode(), b"colon:12:x.py", b"~.py",
    b"#x.py", b"!x.py", b"\x1b[31mred.py", b"x" * 252 + b".py", b"trailing .py ",
]  # fmt: skip


@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_strange_names(project: Project, git: bool, needs_git: None) -> None:
    if git:
        project.git("init")
    for number, name in enumerate(STRANGE_NAMES):
        project.write(name, f"def needle_{number}():\n    pass\n")
        project.write(b"in " + name[:200] + b"/inside.py", f"def inner_{number}():\n    pass\n")
    project.age()
    project.index("-q")
    for number, name in enumerate(STRANGE_NAMES):
        done = project.search("-l", "-0", f"needle_{number}", "-n", "1")
        assert done.stdout == name + b"\0"
        done = project.search("-0", f"needle_{number}", "-n", "1")
        assert done.stdout == name + b"\x001:def needle_%d():\n" % number
        assert project.search("-l0", "needle", b"./" + name).stdout == name + b"\0"
        done = project.search(
            "-l0", f"inner_{number}", "-n", "1", cwd=Path(os.fsdecode(os.fsencode(project.root) + b"/in " + name[:200]))
        )
        assert done.stdout == b"inside.py\0"
        hit = json.loads(project.search("--json", f"needle_{number}", "-n", "1").stdout.decode())["results"][0]
        assert hit["path"] == re.sub("[\udc80-\udcff]", "\ufffd", os.fsdecode(name))
    # changed, they are seen again
    for number, name in enumerate(STRANGE_NAMES):
        project.write(name, f"def other_{number}():\n    pass\n")
    for number, name in enumerate(STRANGE_NAMES):
        assert project.search("-l0", f"other_{number}", "-n", "1").stdout == name + b"\0"


def test_a_project_with_a_strange_name(project: Project, run: Run, tmp_path: Path) -> None:
    for name in (b"caf\xe9 \xff", b"-dash", b"new\nline", b"x" * 255, b"...", b"\x1b]0;x\x07"):
        root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        root.mkdir()
        (root / "a.py").write_text("needle = 1\n")
        done = run("search", "needle", cwd=root)
        assert done.stdout == b"a.py:1:needle = 1\n"
        done = run("search", "needle", "--json", "-p", b"./" + name)
        assert json.loads(done.stdout.decode())["results"][0]["line"] == 1


# --------------------------------------------------------------------------------------------------------- context


def test_context(project: Project) -> None:
    project.fill({"a.txt": "".join(f"row {i}\n" for i in range(1, 10)) + "needle\n" + "after 1\nafter 2\nafter 3\n"})
    project.index("-q")

    def numbers(*flags: str) -> list[str]:
        return [re.sub(r"[a-z]+ ?\d*$", "", line) for line in project.lines("needle", *flags)]

    assert numbers() == ["a.txt:10:"]
    assert numbers("-C", "1") == ["a.txt-9-", "a.txt:10:", "a.txt-11-"]
    assert numbers("-A", "2") == ["a.txt:10:", "a.txt-11-", "a.txt-12-"]
    assert numbers("-B", "2") == ["a.txt-8-", "a.txt-9-", "a.txt:10:"]
    assert numbers("-B1", "-A", "2") == ["a.txt-9-", "a.txt:10:", "a.txt-11-", "a.txt-12-"]
    assert numbers("-C", "1", "-A", "0") == ["a.txt-9-", "a.txt:10:"]
    assert len(numbers("-C", "1000")) == 13
    assert len(numbers("-C", "100000")) == 13
    assert numbers("-C", "0") == ["a.txt:10:"]


def test_context_is_what_the_file_holds(shop: Project) -> None:
    blocks = "\n".join(shop.lines("retry", "-C", "3", "-n", "50")).split("\n--\n")
    assert len(blocks) > 3
    for block in blocks:
        rows = [re.fullmatch(r"(.+?)([:-])(\d+)\2(.*)", row) for row in block.split("\n")]
        numbers = []
        for row in rows:
            assert row is not None, block
            assert REALISTIC[row[1]].split("\n")[int(row[3]) - 1] == row[4]
            numbers.append(int(row[3]))
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert sum(row[2] == ":" for row in rows if row) == 1


def test_whole_chunks(shop: Project) -> None:
    lines = shop.lines("place_order", "-n", "1", "--chunk")
    assert sum(re.match(r"shop/orders\.py:\d+:", line) is not None for line in lines) == 1
    assert any("    def place_order" in line for line in lines)
    hit = json.loads(shop.search("place_order", "-n", "1", "--json").stdout)["results"][0]
    assert [re.sub(r"^.*?[:-]\d+[:-]", "", line) for line in lines] == hit["content"].split("\n")[:-1]
    assert len(lines) == hit["end_line"] - hit["start_line"] + 1


@pytest.mark.parametrize("flag", ["-C", "-A", "-B", "--context", "--after-context", "--before-context"])
def test_wrong_context(shop: Project, flag: str) -> None:
    assert_error(shop.search("retry", flag, "x"), "context")
    assert_error(shop.search("retry", flag, "-1"), "context")
    assert_error(shop.search("retry", flag), "needs a value")


# ---------------------------------------------------------------------------------------------------------- colour


def test_colours(shop: Project, env: dict[str, str]) -> None:
    def coloured(*flags: str, **more: str) -> bool:
        done = shop.search("retry", *flags, env={**env, "TERM": "xterm", **more})
        assert done.returncode == 0
        return b"\x1b[" in done.stdout

    assert not coloured()
    assert not coloured("--color", "auto")
    assert not coloured("--color=never")
    assert coloured("--color=always")
    assert coloured("--color=never", "--color=always")
    assert not coloured("--color=always", "--color=never")
    assert coloured(CLICOLOR_FORCE="1")
    assert not coloured(CLICOLOR_FORCE="0")
    assert not coloured(CLICOLOR_FORCE="")
    assert not coloured("--color=never", CLICOLOR_FORCE="1")
    assert not coloured(CLICOLOR_FORCE="1", NO_COLOR="1")
    assert coloured(CLICOLOR_FORCE="1", NO_COLOR="")
    assert coloured("--color=always", NO_COLOR="1")
    assert coloured("--color=always", TERM="dumb")
    assert_error(shop.search("retry", "--color", "sometimes"), "--color", "sometimes")


def test_colours_change_nothing_else(shop: Project) -> None:
    plain = shop.search("retry with backoff", "-n", "50").stdout
    coloured = shop.search("retry with backoff", "-n", "50", "--color=always").stdout
    assert re.sub(rb"\x1b\[[0-9;]*m", b"", coloured) == plain
    assert b"\x1b[" not in shop.search("retry", "--json", "--color=always").stdout


# ------------------------------------------------------------------------------------------------------------ JSON

FIELDS = {
    "path": str, "start_line": int, "end_line": int, "line": int, "symbol_name": (str, type(None)),
    "symbol_type": (str, type(None)), "signature": (str, type(None)), "parent_symbol": (str, type(None)),
    "doc_comment": (str, type(None)), "language": str, "score": float, "is_exported": bool, "is_test": bool,
    "content": str,
}  # fmt: skip


def assert_hit(hit: dict[str, object]) -> None:
    assert list(hit) == list(FIELDS)
    for name, kind in FIELDS.items():
        assert isinstance(hit[name], kind), (name, hit)
        if kind is int:
            assert not isinstance(hit[name], bool)
    assert 1 <= hit["start_line"] <= hit["line"] <= hit["end_line"], hit  # type: ignore[operator]
    assert (hit["symbol_name"] is None) == (hit["symbol_type"] is None)


def test_json(shop: Project) -> None:
    done = shop.search("retry with backoff", "--json")
    assert done.stdout.endswith(b"}\n")
    assert done.stdout.count(b"\n") == 1
    document = json.loads(done.stdout.decode("utf-8", "strict"))
    assert list(document) == ["query", "project", "results", "total", "elapsed_ms", "cached"]
    assert document["query"] == "retry with backoff"
    assert document["project"] == str(shop.root)
    assert document["total"] == len(document["results"]) > 0
    assert 0 < document["elapsed_ms"] < 60_000
    assert document["cached"] is False
    scores = [hit["score"] for hit in document["results"]]
    assert all(isinstance(score, float) for score in scores)
    for hit in document["results"]:
        assert_hit(hit)
        lines = REALISTIC[hit["path"]].splitlines(keepends=True)
        assert hit["content"] == "".join(lines[hit["start_line"] - 1 : hit["end_line"]])


def test_json_knows_the_symbol(shop: Project) -> None:
    def best(query: str) -> dict[str, object]:
        return dict(json.loads(shop.search(query, "--json", "-n", "1").stdout)["results"][0])

    hit = best("retry_with_backoff")
    assert hit["path"] == "shop/retry.py"
    assert (hit["symbol_name"], hit["symbol_type"]) == ("retry_with_backoff", "function")
    assert hit["signature"] == "def retry_with_backoff(call, attempts=5, base=0.1):"
    assert hit["language"] == "python"
    assert hit["is_exported"] is True
    assert hit["is_test"] is False
    assert "Calls again" in str(hit["doc_comment"])
    hit = best("cancel_order")
    assert hit["parent_symbol"] in ("OrderService", None)
    assert best("pool_acquire")["doc_comment"] == "/* Takes a connection out of the pool. */"
    hits = json.loads(shop.search("retry", "--json", "tests").stdout)["results"]
    assert hits
    assert all(hit["is_test"] for hit in hits)


def test_json_without_results(shop: Project) -> None:
    done = shop.search("zyxwvutsrq", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert (document["results"], document["total"]) == ([], 0)
    done = shop.search("zyxwvutsrq", "--jsonl")
    assert (done.returncode, done.stdout) == (1, b"")


def test_json_lines(shop: Project) -> None:
    document = json.loads(shop.search("retry", "--json").stdout)
    lines = shop.search("retry", "--jsonl").stdout.decode().splitlines()
    assert [json.loads(line) for line in lines] == document["results"]


def test_json_and_lines_agree(shop: Project) -> None:
    hits = json.loads(shop.search("retry", "--json", "-n", "50").stdout)["results"]
    shown = [line.split(":", 2)[:2] for line in shop.lines("retry", "-n", "50")]
    assert [[hit["path"], str(hit["line"])] for hit in hits] == shown


@pytest.mark.parametrize(
    "flags",
    [("--json", "--jsonl"), ("--json", "-l"), ("--jsonl", "--files"), ("--json", "--jsonl", "-l")],
    ids=" ".join,
)
def test_flags_that_exclude_each_other(shop: Project, flags: tuple[str, ...]) -> None:
    assert_error(shop.search("retry", *flags), "exclude")


AWKWARD = (
    b'needle "quoted" \\ back\tslash' b"\x01\x02\x1b[31m\x7f\x80\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80 "
    + "ü€𝄞\u2028\u2029\ufeff\u009b".encode() + b"\xe2\x82 end\r\nneedle\x0b\x0c\r\n"
)  # fmt: skip


def test_json_is_valid_whatever_the_file_holds(project: Project) -> None:
    project.fill({"a.txt": AWKWARD, "b.txt": b"needle \xf0\x9f", "c.txt": b"\xff\xfe needle"})
    project.index("-q")
    for flags in (["--json"], ["--jsonl"]):
        done = project.search("needle", *flags)
        text = done.stdout.decode("utf-8", "strict")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
        assert len([json.loads(line) for line in text.split("\n")[:-1]]) == (1 if flags == ["--json"] else 3)
    hits = {hit["path"]: hit["content"] for hit in json.loads(project.search("needle", "--json").stdout)["results"]}
    # Python, too, writes one U+FFFD for each maximal part; greppy one for each byte.
    assert hits["a.txt"].replace("\ufffd", "") == AWKWARD.decode("utf-8", "ignore")
    assert hits["b.txt"] == "needle \ufffd\ufffd"


def test_the_query_in_json(shop: Project) -> None:
    for query in (b"retry \xff\xfe", b'retry "x" \\ \t \x1b', "retry ü 日本".encode()):
        done = shop.search(query, "--json")
        document = json.loads(done.stdout.decode("utf-8", "strict"))
        assert document["query"].replace("\ufffd", "") == query.decode("utf-8", "ignore")
        assert document["results"]


# ------------------------------------------------------------------------------------------------- the command line


def test_dashes_end_the_flags(project: Project) -> None:
    project.fill({"-n": "needle\n", "--json": "needle\n"})
    project.index("-q")
    assert set(project.files("needle", "--", "-n", "--json")) == {"-n", "--json"}
    assert project.files("needle", "--", "-n") == ["-n"]
    assert project.lines("--", "-needle", "--json") == ["--json:1:needle"]


def test_aliases(shop: Project) -> None:
    assert shop.run("s", "retry").stdout == shop.search("retry").stdout
    assert shop.run("i").stdout.startswith(b"up to date")
    assert shop.search("-d", "retry").stdout == shop.search("retry", "--direct").stdout == shop.search("retry").stdout


def test_flags_may_stand_anywhere(shop: Project) -> None:
    wanted = shop.files("retry", "shop", "-n", "2")
    assert shop.files("-n2", "retry", "-t", "py", "shop") == wanted
    assert shop.lines("retry", "-ln2", "shop", "-tpy") == wanted


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "--what", "x"), ("search", "-Z", "x"), ("search", "-lZ", "x"), ("search", "--json=1", "x"),
        ("search", "x", "--limit"), ("search", "x", "-g"), ("search", "--force", "x"), ("search",), ("search", "--"),
        ("index", "--json"), ("index", "-n", "3"), ("frobnicate",), ("retry with backoff",), ("--frobnicate",), ("",),
        ("searchx", "x"), ("search", "--lim", "3", "x"), ("search", "--\x1b[31m", "x"), ("\x1b[31m",),
    ],
    ids=repr,
)  # fmt: skip
def test_wrong_command_lines(shop: Project, arguments: tuple[str, ...]) -> None:
    done = shop.run(*arguments)
    assert_error(done)
    assert b"\x1b" not in done.stderr


def test_no_arguments(run: Run) -> None:
    done = run()
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"usage" in done.stderr


def test_help_and_version(run: Run) -> None:
    for arguments in (
        ["--help"],
        ["-h"],
        ["help"],
        ["search", "--help"],
        ["help", "search"],
        ["s", "-h"],
        ["search", "-lh"],
    ):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"greppy search [FLAGS] QUERY [PATH...]" in done.stdout
        assert max(map(len, done.stdout.decode().splitlines())) <= 120
    assert b"--max-filesize" in run("index", "--help").stdout
    assert b"--direct" not in run("search", "--help").stdout
    for arguments in (["--version"], ["-V"], ["search", "--version"], ["search", "-V"]):
        assert re.fullmatch(rb"greppy \d+\.\d+\.\d+\n", run(*arguments).stdout)


def test_every_flag_of_the_help_is_known(shop: Project) -> None:
    flags = re.findall(r"^  (?:-(.), |    )--([a-z-]+)( [A-Z]+)?", shop.run("search", "--help").stdout.decode(), re.M)
    assert len(flags) > 15
    for short, name, value in flags:
        for flag in ([f"-{short}"] if short else []) + [f"--{name}"]:
            done = shop.search(flag, *(["3"] if value else []), "retry")
            assert b"unknown flag" not in done.stderr
            if value:
                assert b"needs a value" in shop.search("retry", flag).stderr


def test_many_flags(shop: Project) -> None:
    assert shop.search("retry", *["-d"] * 200).returncode == 0
    assert_error(shop.search("retry", *["-d"] * 1000), "too many flags")
    assert_error(shop.search("retry", *["-g*.py"] * 65), "64")


# ------------------------------------------------------------------------------------------------- strange queries


@pytest.mark.parametrize("query", ["", " ", "?!", "(){}[];:,.", "\t\n", "=", "::", "\x01", "😀", "—“”"])
def test_queries_without_a_word(shop: Project, query: str) -> None:
    assert_error(shop.search(query), "query")


def test_long_queries(shop: Project) -> None:
    shuffled = random.Random(1)
    for query in (
        "retry " * 17_000,
        "x" * 100_000 + " retry",
        "retry " + " ".join(f"w{shuffled.randrange(10**6)}" for _ in range(14_000)),
        "retry" + "?" * 100_000,
        "retry " + "日本語" * 11_000,
        "retry " + "A" * 60_000 + "b" * 60_000,
    ):
        done = shop.search(query[:125_000])
        assert done.returncode in (0, 1), query[:20]
        assert done.stderr == b""
        if not query.startswith("x"):
            assert b"shop/retry.py" in done.stdout, query[:20]
        json.loads(shop.search(query[:125_000], "--json").stdout.decode())


def test_queries_with_broken_utf8(shop: Project) -> None:
    assert shop.lines(b"\xff\xfe retry_with_backoff \xc3")[0].startswith("shop/retry.py:11:")
    for query in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f"):
        done = shop.search(query)
        assert done.returncode in (1, 2)
        assert done.stdout == b""


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(query=st.binary(max_size=60).filter(lambda query: b"\0" not in query))
def test_any_query_gets_an_answer_or_a_sentence(shop: Project, query: bytes) -> None:
    done = shop.search("--no-refresh", "--json", "--", query)
    if done.returncode == 2:
        assert_error(done, "query")
    else:
        document = json.loads(done.stdout.decode("utf-8", "strict"))
        assert done.returncode == (0 if document["total"] else 1)


# ------------------------------------------------------------------------------------------------- pipes and disks


@pytest.fixture
def many(project: Project) -> Project:
    """A project with more to print than a pipe takes."""
    text = "".join(f"def needle_{i}():\n    return '{'x' * 200}'\n\n\n" for i in range(60))
    project.fill({f"f{number:04}.py": text for number in range(100)})
    project.index("-q")
    return project


def test_a_reader_that_has_enough(many: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    for flags in ([], ["--chunk"], ["--json"], ["--jsonl"], ["-l"], ["-C", "5"]):
        child = subprocess.Popen(
            [greppy_bin, "search", "needle", "-n", "100000", *flags],
            cwd=many.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.read(10)
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(30) == 0, flags
        child.stderr.close()


def test_a_reader_that_never_came(many: Project, run: Run) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        for arguments in (
            ["search", "needle"],
            ["search", "needle", "--json"],
            ["--help"],
            ["--version"],
            ["index"],
            ["index", "--help"],
        ):
            done = run(*arguments, cwd=many.root, stdout=writer)
            assert (done.returncode, done.stderr) == (0, b""), arguments
    finally:
        os.close(writer)


def test_much_output(many: Project) -> None:
    done = many.search("needle", "-n", "100000", "--chunk")
    assert done.returncode == 0
    assert len(done.stdout) > 1_000_000
    assert done.stdout.endswith(b"\n")
    document = json.loads(many.search("needle", "-n", "100000", "--json").stdout)
    assert document["total"] == len(document["results"]) > 500


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_for_the_output(many: Project, run: Run) -> None:
    for arguments in (
        ["search", "needle"], ["search", "needle", "-n", "10000", "--chunk"], ["search", "needle", "--json"],
        ["search", "needle", "-l"], ["--help"], ["--version"], ["index"], ["index", "--help"],
    ):  # fmt: skip
        with open("/dev/full", "wb") as full:
            done = run(*arguments, cwd=many.root, stdout=full)
        assert done.returncode == 2, arguments
        assert done.stderr.count(b"\n") == 1, (arguments, done.stderr)
        assert b"No space left" in done.stderr, arguments


def test_closed_standard_streams(many: Project, run: Run) -> None:
    def shell(closing: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return run(*arguments, cwd=many.root, prefix=("/bin/sh", "-c", f'exec "$0" "$@" {closing}'))

    done = shell(">&-", "search", "needle")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    done = shell("<&-", "search", "needle")
    assert (done.returncode, done.stderr) == (0, b"")
    done = shell("2>&-", "search", "needle")
    assert done.returncode == 0
    done = shell("<&- 2>&-", "search", "zyxwv")
    assert done.returncode == 1
    done = shell("<&- >&- 2>&-", "search", "needle")
    assert done.returncode == 2
    # the indexer, too, must not write its messages into a file that got the number of a closed stream
    for closing in ("<&-", "2>&-", "<&- 2>&-", "<&- >&- 2>&-", ">&-"):
        many.write("f0000.py", f"def fresh():\n    return {len(closing)}\n")
        done = shell(closing, "index")
        assert done.returncode in ((0,) if ">&-" not in closing.replace("2>&-", "") else (0, 2)), closing
        assert many.lines("fresh", "-n", "1", "--no-refresh")[:1] == ["f0000.py:1:def fresh():"], closing


# ------------------------------------------------------------------------------------------------ the environment


def test_nowhere_to_put_an_index(project: Project, env: dict[str, str]) -> None:
    project.realistic()
    bare = {name: value for name, value in env.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    assert_error(project.search("retry", env=bare), "HOME", "GREPPY_INDEX_DIR")
    done = project.run("index", env=bare)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"GREPPY_INDEX_DIR" in done.stderr


def test_where_the_index_lies(project: Project, env: dict[str, str], tmp_path: Path) -> None:
    project.realistic()
    place = tmp_path / "indexes"
    moved = {**env, "GREPPY_INDEX_DIR": str(place)}
    assert project.files("OrderService", env=moved)[0] == "shop/orders.py"
    [folder] = place.iterdir()
    assert re.fullmatch(r"project-[0-9a-f]{16}", folder.name)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not (Path(env["XDG_CACHE_HOME"]) / "greppy" / "index").exists()
    # a relative XDG_CACHE_HOME is ignored, as its specification says
    home = {**env, "XDG_CACHE_HOME": "relative"}
    assert project.files("OrderService", env=home)[0] == "shop/orders.py"
    assert len(list((Path(env["HOME"]) / ".cache" / "greppy" / "index").iterdir())) == 1
    assert not (project.root / "relative").exists()


def test_the_nearest_index_decides(project: Project, tmp_path: Path, needs_git: None) -> None:
    project.realistic()
    assert project.index().stdout.startswith(b"indexed 11 files")
    assert project.files("OrderService", cwd=project.root / "shop")[0] == "orders.py"
    assert project.lines("parse_http_date", cwd=project.root / "shop")[0].startswith("../src/http.rs:2:")
    project.index("-p", "src")
    assert project.lines("OrderService", cwd=project.root / "src") == []
    assert project.lines("parse_http_date", cwd=project.root / "src")[0].startswith("http.rs:2:")
    assert project.lines("OrderService")[0].startswith("shop/orders.py:4:")


def test_the_git_root_decides(project: Project, needs_git: None) -> None:
    project.realistic()
    project.git("init")
    assert project.lines("parse_http_date", cwd=project.root / "shop")[0].startswith("../src/http.rs:2:")
    assert json.loads(project.search("retry", "--json", cwd=project.root / "web").stdout)["project"] == str(
        project.root
    )


# ------------------------------------------------------------------------------------------------ the first search


def test_the_first_search_builds_the_index(project: Project) -> None:
    project.realistic()
    assert project.lines("retry_with_backoff")[0].startswith("shop/retry.py:11:def ")
    assert (project.index_folder() / "manifest").exists()
    assert project.lines("retry_with_backoff", "--no-refresh")[0].startswith("shop/retry.py:11:def ")


def test_the_first_search_without_refreshing(project: Project) -> None:
    project.realistic()
    assert project.files("OrderService", "--no-refresh")[0] == "shop/orders.py"


def test_two_first_searches_at_once(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    project.realistic()
    children = [
        subprocess.Popen(
            [greppy_bin, "search", "-l", "OrderService", "-n", "1"],
            cwd=project.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    for child in children:
        assert child.communicate(timeout=60) == (b"shop/orders.py\n", b"")
        assert child.returncode == 0


def test_the_first_search_of_an_empty_folder(project: Project) -> None:
    done = project.search("retry")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_the_first_search_below_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert_error(run("search", "retry", tmp_path / "nowhere"), "nowhere")


# --------------------------------------------------------------------------------------------------------- filters


def test_filters_reach_what_ranks_low(project: Project) -> None:
    """500 files match better than the one that the filter keeps."""
    files = {
        f"lib/needle_{i:03}.py": f"def needle_{i:03}(needle):\n    '''needle'''\n    return needle\n"
        for i in range(500)
    }
    padding = "".join(f"// line {i} about other things entirely\n" for i in range(30))
    files["tests/z.rs"] = padding + "fn unrelated() {\n    // needle\n}\n" + padding
    files["tests/y.rb"] = "class Needle\n  def call\n    needle\n  end\nend\n"
    project.fill(files)
    project.index("-q")
    assert all(path.startswith("lib/") for path in project.files("needle"))
    for flags in (
        ["-t", "rust"],
        ["-g", "*.rs"],
        ["tests/z.rs"],
        ["-g", "tests/**", "-T", "ruby"],
        ["-g", "!lib/**", "-g", "!*.rb"],
    ):
        for limit in ("1", "20"):
            found = project.files("needle", "-n", limit, *flags)
            assert found == ["tests/z.rs"], flags
    assert project.files("needle", "-k", "class", "-n", "3") == ["tests/y.rb"]
    assert set(project.files("needle", "tests")) == {"tests/z.rs", "tests/y.rb"}
    assert project.files("needle", "-n", "1000", "--no-tests", "-g", "*.r?") == []
    assert len(project.files("needle", "-n", "1000")) == 502


# --------------------------------------------------------------------------------------------------------- ranking


def test_definitions_before_uses(project: Project) -> None:
    files = {
        f"use{i}.py": f"from core import connect_socket\n\nconnect_socket({i})\nconnect_socket()\n" for i in range(10)
    }
    files["core.py"] = "import os\n\n\ndef connect_socket(port=0):\n    return os.open('x', port)\n"
    project.fill(files)
    project.index("-q")
    assert project.lines("connect_socket")[0] == "core.py:4:def connect_socket(port=0):"
    assert project.lines("connect socket")[0].startswith("core.py:4:")


def test_file_names_are_lifted(project: Project) -> None:
    files = {f"m{i}.py": f"def f{i}():\n    # scheduler\n    return {i}\n" for i in range(10)}
    files["scheduler.py"] = "def start():\n    return 1  # the scheduler\n"
    project.fill(files)
    project.index("-q")
    assert project.files("scheduler")[0] == "scheduler.py"


def test_tests_and_examples_are_lowered(shop: Project) -> None:
    found = shop.files("retry with backoff", "-n", "50")
    assert found[0] == "shop/retry.py"
    for low in ("tests/test_retry.py", "examples/retry_example.py"):
        assert found.index(low) > found.index("shop/retry.py")
    project = shop
    project.fill(
        {
            "src/pay.py": "def pay_invoice(x):\n    return x\n",
            "tests/test_pay.py": "def pay_invoice(x):\n    return x\n",
        }
    )
    assert project.files("pay invoice") == ["src/pay.py", "tests/test_pay.py"]


def test_one_file_does_not_flood_the_list(project: Project) -> None:
    body = "".join(
        f"def flush_buffer_{i}(buffer):\n    '''Flush the buffer.'''\n    return buffer.flush({i})\n\n\n"
        for i in range(200)
    )
    files = {"big.py": body}
    for i in range(10):
        files[f"small{i}.py"] = (
            f"def other_{i}(buffer):\n    value = 1\n    text = 'x'\n    buffer.flush()\n    return value, text\n"
        )
    project.fill(files)
    project.index("-q")
    found = project.files("flush buffer", "-n", "11")
    assert len(found) == 11
    lines = project.lines("flush buffer", "-n", "20")
    assert sum(line.startswith("big.py:") for line in lines) < 15


def test_the_same_twice(shop: Project) -> None:
    first = shop.search("retry order http", "-n", "50").stdout
    assert all(shop.search("retry order http", "-n", "50").stdout == first for _ in range(5))


def test_the_index_tells_nothing_of_the_way_it_was_built(project: Project, env: dict[str, str], tmp_path: Path) -> None:
    """Many small commits or one build: the same results with the same scores."""
    for path, text in REALISTIC.items():
        project.write(path, text)
        project.index("-q")
    slowly = json.loads(project.search("retry order http pool", "--json", "-n", "50").stdout)["results"]
    fresh = {**env, "GREPPY_INDEX_DIR": str(tmp_path / "fresh")}
    at_once = json.loads(project.search("retry order http pool", "--json", "-n", "50", env=fresh).stdout)["results"]
    assert slowly == at_once


# ----------------------------------------------------------------------------------------------------------- files


def test_long_lines(project: Project) -> None:
    """What stands beyond the 4 KiB that are read of a line is not found, and does no harm."""
    project.fill({"long.js": "var needle = 1;" + "x = 1; " * 100_000 + "f(beyond);\nvar second = 2;\n"})
    project.index("-q")
    done = project.search("needle")
    assert done.stdout.startswith(b"long.js:1:var needle = 1;x = 1;")
    assert done.stdout.count(b"\n") == 1
    assert project.lines("beyond") == []
    assert project.lines("second") == ["long.js:2:var second = 2;"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"needle", b"1:needle"), (b"\n\n\nneedle\n", b"4:needle"), (b"a\r\nneedle\r\nb\r\n", b"2:needle"),
        (b"\xef\xbb\xbfneedle\n", b"1:\xef\xbb\xbfneedle"), (b"x\xff\xfe needle \x80\n", b"1:x\xff\xfe needle \x80"),
        (b"needle\r", b"1:needle"), (b"a\x1b[31m needle\x1b[0m\n", b"1:a\x1b[31m needle\x1b[0m"),
    ],
)  # fmt: skip
def test_bytes_come_out_as_they_are(project: Project, text: bytes, line: bytes) -> None:
    project.fill({"f.txt": text})
    project.index("-q")
    assert project.search("needle").stdout == b"f.txt:" + line + b"\n"


def test_the_interpreter_is_not_started(shop: Project, env: dict[str, str], tmp_path: Path) -> None:
    """A search of a fresh index runs nothing but the executable itself."""
    without = {**env, "GREPPY_RUNTIME_DIR": str(tmp_path / "none"), "PATH": "/nonexistent"}
    assert shop.files("OrderService", env=without)[0] == "shop/orders.py"
    assert not (tmp_path / "none").exists()


def test_what_has_changed_makes_room_for_what_is_behind_it(project: Project, terminal: Terminal) -> None:
    """In a large project few chunks bring their files; when just these have changed, others are looked for."""
    for number in range(3100):
        words = "lantern" if number < 60 else "nothing"
        if number < 26:
            words = "lantern beacon harbour"
        project.write(f"f{number:04}.py", f"# {words}\n# of number\n")
    project.index("-q")
    before = project.lines("lantern beacon harbour", "--no-refresh")
    assert len(before) == 20
    assert {line[:5] for line in before} <= {f"f{number:04}" for number in range(26)}
    for number in range(26):
        project.write(f"f{number:04}.py", "# something else now\n")
    after = project.lines("lantern beacon harbour", "--no-refresh")
    assert len(after) == 20
    assert len(set(after)) == 20
    assert {line[:5] for line in after} <= {f"f{number:04}" for number in range(26, 60)}
    status, out = terminal.run("search", "lantern beacon harbour", "--no-refresh", cwd=project.root)
    assert status == 0
    assert sum(line.endswith(".py") for line in visible(out).splitlines()) == 20
    done = project.search("lantern beacon harbour", "--no-refresh", "--json")
    assert json.loads(done.stdout)["total"] == len(json.loads(done.stdout)["results"]) == 20
    assert len(project.files("lantern beacon harbour", "--no-refresh")) == 20
    assert len(project.lines("lantern beacon harbour")) == 20
