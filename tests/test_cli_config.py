"""The configuration: what may stand in the file, that searches and builds honour it, and `greppy config`."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import Project, Run
from hypothesis import given
from hypothesis import strategies as st
from test_cli_search import assert_error

from greppy._core import engine

KEYS = {key: (kind, words, normal) for key, kind, words, normal, _ in engine.config_keys()}


@pytest.fixture
def config(env: dict[str, str]) -> Path:
    """Where the configuration is; its folder is not there yet."""
    return Path(env["XDG_CONFIG_HOME"]) / "greppy" / "config.toml"


@pytest.fixture
def shop(project: Project) -> Project:
    project.realistic()
    project.index("-q")
    return project


def write(config: Path, text: str | bytes) -> None:
    config.parent.mkdir(exist_ok=True)
    config.write_bytes(text.encode() if isinstance(text, str) else text)


# ------------------------------------------------------------------------------------------------------- the parser


def parsed(text: str) -> dict[str, str]:
    return {key: value.decode() for key, value, _, _ in engine.config_parse(text.encode())}


def as_written(text: str) -> dict[str, str]:
    """The same by Python's own TOML reader."""
    values = tomllib.loads(text)
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def test_each_command_gets_its_own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "c.toml"
    file.write_text('limit = 5\ncolor = "always"\nno_tests = true\nstrict = true\n')
    monkeypatch.setenv("GREPPY_CONFIG", str(file))
    assert engine.config_path() == bytes(file)
    assert engine.config_defaults("search") == [("limit", b"5"), ("color", b"always"), ("no-tests", None)]
    assert engine.config_defaults("index") == [("strict", None)]
    assert engine.config_defaults("index", True) == []
    monkeypatch.delenv("GREPPY_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert engine.config_path() == bytes(tmp_path / "greppy" / "config.toml")


def test_what_is_understood() -> None:
    text = (
        "# greppy\n\n limit=7# seven\r\ncolor = 'never' # a comment\n\tno_tests\t=\ttrue\t\n"
        'max_filesize = "2M"\nthreads = 3'
    )
    found = {"limit": "7", "color": "never", "no_tests": "true", "max_filesize": "2M", "threads": "3"}
    assert parsed(text) == found
    assert as_written(text) == found
    for key, _, start, end in engine.config_parse(text.encode()):
        assert tomllib.loads(f"x = {text[start:end]}")["x"] == tomllib.loads(text)[key]
    assert parsed("") == parsed("\n#\n \r\n") == {}
    assert parsed('max_filesize = 500000\ncolor = "always"') == {"max_filesize": "500000", "color": "always"}


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("limit", 1, "limit = 50"),
        ("\nlimit 5", 2, "limit = 50"),
        ("[search]\nlimit = 5", 1, "limit = 50"),
        ("= 5", 1, "limit = 50"),
        ("'limit' = 5", 1, "limit = 50"),
        ("a.b = 5", 1, "smart.model"),
        ("limt = 5", 1, "unknown key 'limt'; the keys are limit, color, no_tests"),
        ("LIMIT = 5", 1, "unknown key 'LIMIT'"),
        ("no-tests = true", 1, "unknown key 'no-tests'"),
        ("limit = 5\nlimit = 6", 2, "further up"),
        ("limit =", 1, "limit takes a whole number from 1 to 100000"),
        ("limit = 0", 1, "whole number"),
        ("limit = 100001", 1, "whole number"),
        ("limit = 99999999999999999999999", 1, "whole number"),
        ("limit = 05", 1, "whole number"),
        ("limit = -5", 1, "whole number"),
        ("limit = 5.0", 1, "whole number"),
        ("limit = '5'", 1, "whole number"),
        ("limit = 5 6", 1, "whole number"),
        ("limit = [5]", 1, "whole number"),
        ("limit = true", 1, "whole number"),
        ("threads = 65", 1, "threads takes a whole number from 1 to 64"),
        ("no_tests = 'true'", 1, "no_tests takes true or false"),
        ("no_tests = True", 1, "no_tests takes true or false"),
        ("no_tests = 1", 1, "no_tests takes true or false"),
        ("color = always", 1, "auto always never"),
        ("color = 'alway'", 1, "auto always never"),
        ("color = 'auto always'", 1, "auto always never"),
        ("color = ''", 1, "auto always never"),
        ("color = '''auto'''", 1, "auto always never"),
        ('color = "au\\u0074o"', 1, "auto always never"),
        ("color = 'auto", 1, "not closed"),
        ("color = \"auto'", 1, "not closed"),
        ("max_filesize = 1M", 1, "max_filesize takes"),
        ("max_filesize = '1.5M'", 1, "max_filesize takes"),
        ("max_filesize = 'M'", 1, "max_filesize takes"),
        ("limit = 5\0", 1, "control character"),
        ("limit = 5\rcolor = 'auto'", 1, "control character"),
        ("# \x1b[31m", 1, "control character"),
    ],
)
def test_what_is_not_understood(text: str, line: int, word: str) -> None:
    with pytest.raises(ValueError) as caught:
        parsed(text)
    sentence, where = caught.value.args
    assert word in sentence
    assert where == line


pieces = st.sampled_from([
    *KEYS,
    "=", " = ", "\n", "\r\n", "\t", " ", "# x", "5", "20", "007", "1_0", "true", "false", '"auto"', "'never'", '"', "'",
    "\\", '"2M"', '"1kb"', "[", "]", ".", ",", "é", "\0", "\r", "-", "+", "inf", "0x10", "1979-05-27", '"""', "{}",
])  # fmt: skip


@given(st.one_of(st.lists(pieces, max_size=12).map("".join), st.lists(st.tuples(
    st.sampled_from(list(KEYS)), pieces, pieces), max_size=4).map(lambda rows: "".join(
        f"{key} = {a}{b}\n" for key, a, b in rows))))  # fmt: skip
def test_what_is_understood_means_the_same_to_tomllib(text: str) -> None:
    try:
        found = parsed(text)
    except ValueError as error:
        assert error.args[0]
        assert 1 <= error.args[1] <= text.count("\n") + 1
        return
    assert as_written(text) == found


@given(st.binary(max_size=40))
def test_any_bytes_end_in_an_answer(text: bytes) -> None:
    try:
        engine.config_parse(text)
    except ValueError as error:
        assert len(error.args) == 2


# ------------------------------------------------------------------------------------------------- keys that act


def test_the_limit(shop: Project, config: Path) -> None:
    assert len(shop.lines("retry_with_backoff order", "-l")) > 2
    write(config, "limit = 2\n")
    assert len(shop.lines("retry_with_backoff order", "-l")) == 2
    assert len(shop.lines("retry_with_backoff order", "-l", "-n", "3")) == 3
    assert len(shop.lines("retry_with_backoff order", "-l", "--no-config")) > 2


def test_the_colour(shop: Project, config: Path) -> None:
    plain = shop.search("parse_price").stdout
    assert b"\x1b" not in plain
    write(config, 'color = "always"\n')
    assert b"\x1b[" in shop.search("parse_price").stdout
    assert shop.search("parse_price", "--color", "never").stdout == plain
    assert shop.search("parse_price", "--color=auto").stdout == plain


def test_no_tests(shop: Project, config: Path) -> None:
    assert "tests/test_retry.py" in shop.files("retry_with_backoff")
    write(config, "no_tests = true\n")
    assert "tests/test_retry.py" not in shop.files("retry_with_backoff")
    write(config, "no_tests = false\n")
    assert "tests/test_retry.py" in shop.files("retry_with_backoff")


def test_no_refresh(shop: Project, config: Path) -> None:
    write(config, "no_refresh = true\n")
    shop.write("shop/new.py", "def brand_new():\n    pass\n")
    assert shop.files("brand_new") == []
    assert shop.files("brand_new", "--no-config") == ["shop/new.py"]


def count(project: Project) -> int:
    return int(json.loads(project.run("status", "--json").stdout)["files"])


def test_max_filesize(project: Project, config: Path) -> None:
    project.fill({"small.py": "a = 1\n", "large.py": "b = 1\n" * 1000})
    write(config, "max_filesize = 100\n")
    assert project.files("b") == []  # the build that a search starts honours it, too
    assert count(project) == 1
    write(config, 'max_filesize = "50K"\n')
    project.index("-q")
    assert count(project) == 2
    project.index("-q", "--max-filesize", "100")
    project.index("-q")
    assert count(project) == 1  # what was asked for on a command line is remembered
    project.index("-q", "--force")
    assert count(project) == 1
    config.unlink()
    project.index("-q")
    assert count(project) == 1


def test_max_filesize_is_forgotten_with_the_key(project: Project, config: Path) -> None:
    project.fill({"small.py": "a = 1\n", "large.py": "b = 1\n" * 1000})
    write(config, "max_filesize = 100\n")
    project.index("-q")
    assert count(project) == 1
    project.index("-q", "--no-config")
    assert count(project) == 2
    project.index("-q", "--max-filesize", "1M")  # the usual limit, but asked for
    project.index("-q")
    assert count(project) == 2


def test_threads(shop: Project, config: Path) -> None:
    write(config, "threads = 2\n")
    assert shop.index("--force").stdout.startswith(b"indexed 11 files")
    write(config, "threads = 0\n")
    assert_error(shop.run("index"), f"{config}:1", "threads")


def test_strict(project: Project, config: Path, run_as_other: Run) -> None:
    project.fill({"a.py": "a = 1\n", "closed.py": "b = 1\n"})
    (project.root / "closed.py").chmod(0)
    assert run_as_other("index", cwd=project.root).returncode == 0
    write(config, "strict = true\n")
    assert run_as_other("index", "--force", cwd=project.root).returncode == 2
    assert run_as_other("index", "--force", "--no-config", cwd=project.root).returncode == 0


# ------------------------------------------------------------------------------------------------- what goes wrong


def test_a_wrong_line_is_told(shop: Project, config: Path) -> None:
    write(config, "limit = 5\nlimt = 6\n")
    for arguments in (["search", "x"], ["index"], ["config"], ["config", "limit"], ["config", "limit", "5"]):
        assert_error(shop.run(*arguments), f"{config}:2: ", "unknown key 'limt'")
    assert config.read_text() == "limit = 5\nlimt = 6\n"
    assert shop.search("retry", "--no-config").returncode == 0
    assert shop.run("index", "--no-config").returncode == 0
    for arguments in (["status"], ["list"], ["config", "--path"], ["search", "--help"], ["--version"]):
        assert shop.run(*arguments).returncode == 0


def test_no_config_is_passed_on(shop: Project, config: Path) -> None:
    """The build that a search starts does not stumble over the file that the search does not read."""
    write(config, "nonsense\n")
    shop.write("shop/new.py", "def brand_new():\n    pass\n")
    done = shop.search("-l", "brand_new", "--no-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"shop/new.py\n", b"")


def test_where_the_file_is(shop: Project, config: Path, env: dict[str, str], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("limit = 1\n")
    other = {**env, "GREPPY_CONFIG": str(mine)}
    assert len(shop.lines("retry_with_backoff", "-l", env=other)) == 1
    assert shop.run("config", "--path", env=other).stdout == f"{mine}\n".encode()
    assert shop.run("config", "--path", env={**env, "GREPPY_CONFIG": ""}).stdout == f"{config}\n".encode()
    home = {key: value for key, value in env.items() if key != "XDG_CONFIG_HOME"}
    there = Path(env["HOME"], ".config/greppy/config.toml")
    assert shop.run("config", "--path", env=home).stdout == f"{there}\n".encode()
    assert shop.run("config", "--path", env={**env, "XDG_CONFIG_HOME": "relative"}).stdout == f"{there}\n".encode()
    nowhere = {key: value for key, value in home.items() if key != "HOME"}
    assert_error(shop.run("config", env=nowhere), "HOME")
    assert shop.search("retry", env=nowhere).returncode == 0
    assert len(shop.lines("retry_with_backoff", "-l", env={**env, "GREPPY_CONFIG": "/dev/null"})) > 1


def test_files_that_are_none(shop: Project, env: dict[str, str], tmp_path: Path) -> None:
    folder = {**env, "GREPPY_CONFIG": str(tmp_path)}
    assert_error(shop.search("retry", env=folder), str(tmp_path), "directory")
    assert_error(shop.run("config", "limit", "5", env=folder), str(tmp_path), "directory")
    (tmp_path / "large.toml").write_text("#" * 100_000)
    assert_error(shop.search("retry", env={**env, "GREPPY_CONFIG": str(tmp_path / "large.toml")}), "too large")
    assert_error(shop.search("retry", env={**env, "GREPPY_CONFIG": "x" * 5000}), "too long")
    assert shop.search("retry", env={**env, "GREPPY_CONFIG": "/dev/null/x"}).returncode == 0


def test_another_users_home(config: Path, run_as_other: Run, env: dict[str, str], tmp_path: Path) -> None:
    """What is not ours to read is not ours to follow; a file that we are told to read must be readable."""
    write(config, "nonsense\n")
    config.parent.chmod(0o700)
    config.chmod(0o600)
    project = tmp_path / "home" / "project"
    project.mkdir(mode=0o777)
    (project / "a.py").write_text("needle = 1\n")
    project.chmod(0o777)
    done = run_as_other("search", "needle", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a.py:1:needle = 1\n", b"")


def test_one_small_file_is_all_it_costs(shop: Project, config: Path, greppy_bin: Path, env: dict[str, str]) -> None:
    write(config, "limit = 5\n")
    try:
        traced = subprocess.run(
            ["strace", "-f", "-e", "trace=execve,open,openat", greppy_bin, "search", "retry"],
            cwd=shop.root, env=env, capture_output=True, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("no strace here")
    if traced.returncode:
        pytest.skip("strace cannot trace here")
    assert traced.stderr.count("config.toml") == 1
    assert traced.stderr.count("execve(") == 1


# --------------------------------------------------------------------------------------------------- greppy config


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout.decode()


def test_show(project: Project, config: Path) -> None:
    text = said(project.run("config"))
    assert text.startswith(f"# {config} (not there yet)\n")
    assert tomllib.loads(text) == {}
    for key in KEYS:
        assert f"\n# {key} =" in text
    write(config, "limit = 5\ncolor = 'never'\n")
    text = said(project.run("config"))
    assert text.startswith(f"# {config}\n")
    assert tomllib.loads(text) == {"limit": 5, "color": "never"}


def test_get(project: Project, config: Path) -> None:
    assert said(project.run("config", "limit")) == "20\n"
    assert said(project.run("config", "color")) == "auto\n"
    assert said(project.run("config", "max-filesize")) == "1M\n"
    write(config, "limit = 5\ncolor = 'never'\n")
    assert said(project.run("config", "limit")) == "5\n"
    assert said(project.run("config", "color")) == "never\n"


def test_set_and_unset(project: Project, config: Path) -> None:
    assert said(project.run("config", "limit", "50")) == f"limit = 50 in {config}\n"
    assert tomllib.loads(config.read_text()) == {"limit": 50}
    said(project.run("config", "color", "never"))
    said(project.run("config", "max-filesize", "2M"))
    said(project.run("config", "no_tests", "true"))
    said(project.run("config", "limit", "7"))
    values = {"limit": 7, "color": "never", "max_filesize": "2M", "no_tests": True}
    assert tomllib.loads(config.read_text()) == values
    said(project.run("config", "max_filesize", "500000"))
    assert tomllib.loads(config.read_text())["max_filesize"] == 500000
    said(project.run("config", "--unset", "max-filesize"))
    said(project.run("config", "--unset", "color"))
    assert tomllib.loads(config.read_text()) == {"limit": 7, "no_tests": True}
    assert said(project.run("config", "--unset", "color")) == f"color was not set in {config}\n"
    assert [path.name for path in config.parent.iterdir()] == ["config.toml"]


def test_what_people_wrote_stays(project: Project, config: Path) -> None:
    write(config, "# mine\n\n  limit   =  5   # not too many\r\ncolor='never'")
    said(project.run("config", "limit", "60"))
    said(project.run("config", "no_tests", "false"))
    assert config.read_bytes() == b"# mine\n\n  limit   =  60   # not too many\r\ncolor='never'\nno_tests = false\n"
    said(project.run("config", "--unset", "color"))
    assert config.read_bytes() == b"# mine\n\n  limit   =  60   # not too many\r\nno_tests = false\n"


def test_a_link_stays_a_link(project: Project, config: Path, tmp_path: Path) -> None:
    dotfile = tmp_path / "dotfiles.toml"
    dotfile.write_text("limit = 5\n")
    dotfile.chmod(0o640)
    config.parent.mkdir()
    config.symlink_to(dotfile)
    said(project.run("config", "limit", "6"))
    assert config.is_symlink()
    assert dotfile.read_text() == "limit = 6\n"
    assert stat.S_IMODE(dotfile.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["limt"], ["'limt'", "did you mean limit?"]),
        (["colour", "never"], ["'colour'", "did you mean color?"]),
        (["--unset", "no_test"], ["did you mean no_tests?"]),
        (["qqq"], ["'qqq'", "limit, color, no_tests"]),
        (["limit", "many"], ["limit takes a whole number", "many"]),
        (["limit", ""], ["limit takes a whole number"]),
        (["limit", "5 # x"], ["limit", "5 # x"]),
        (["limit", "5\ncolor = 'auto'"], ["limit"]),
        (["color", "sometimes"], ["color takes one of these words", "auto always never", "sometimes"]),
        (["color", 'auto" # "'], ["color"]),
        (["no_tests", "yes"], ["true or false", "yes"]),
        (["max_filesize", "huge"], ["max_filesize", "2M", "huge"]),
        (["limit", "5", "6"], ["6"]),
        (["--unset", "limit", "5"], ["5"]),
        (["--path", "limit"], ["--path"]),
        (["--unset"], ["--unset"]),
        (["--frob"], ["--frob", "greppy config --help"]),
    ],
)
def test_bad_input(project: Project, config: Path, arguments: list[str], words: list[str]) -> None:
    assert_error(project.run("config", *arguments), *words)
    assert not config.exists()


def test_a_folder_that_cannot_be_written(project: Project, config: Path, run_as_other: Run) -> None:
    config.parent.mkdir()
    config.parent.chmod(0o555)
    assert_error(run_as_other("config", "limit", "5"), str(config), "ermission")


def test_a_path_that_is_no_text(project: Project, env: dict[str, str], tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/no\xfftext.toml"
    odd = {**env, "GREPPY_CONFIG": os.fsdecode(path)}
    assert project.run("config", "--path", env=odd).stdout == path + b"\n"
    assert project.run("config", "limit", "3", env=odd).returncode == 0
    with open(path) as file:
        assert "limit = 3\n" in file.read()
    assert project.run("config", env=odd).stdout.startswith(f"# {tmp_path}/no\ufffdtext.toml\n".encode())
