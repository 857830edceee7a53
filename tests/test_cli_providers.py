"""Who answers a smart search: login, logout, model, auth, cache and expand from the outside."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pexpect
import providers as fake
import pytest
from conftest import Argument, Done, Project, Run, Terminal, assert_error
from providers import ANSWER, ROOTS, VARIABLES, Server, says, status
from test_cli_terminal import assert_harmless

KEY = "sk-0123456789abcdef"
QUESTION = "how does the login of an order work"
PLENTY = ("--timeout", "30000")


@pytest.fixture
def env(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return fake.alone(env, tmp_path)


@pytest.fixture
def keys(env: dict[str, str]) -> Path:
    """Where keys are kept."""
    return Path(env["XDG_CONFIG_HOME"]) / "greppy" / "keys.json"


@pytest.fixture
def log_in(run: Run) -> Run:
    """`log_in("openai", "--base-url", …, key=…)`"""

    def log_in(*arguments: Argument, key: str = KEY, **options: Any) -> Done:
        done = run("login", *arguments, input=key.encode() + b"\n", **options)
        assert (done.returncode, done.stderr) == (0, b""), done
        assert KEY.encode() not in done.stdout
        return done

    return log_in


def said(done: Done, code: int = 0) -> str:
    """What a command printed, which ended with that status and complained of nothing."""
    assert (done.returncode, done.stderr) == (code, b""), done
    return done.stdout.decode()


def table(done: Done, code: int = 0) -> dict[str, str]:
    """Lines of a name and a value."""
    return dict(re.findall(r"^(\w+) +(.*)$", said(done, code), re.MULTILINE))


# --------------------------------------------------------------------------------------------------------------- login


@pytest.mark.parametrize("provider", list(VARIABLES))
def test_a_key_from_standard_input_is_kept_for_its_owner(
    run: Run, log_in: Run, server: Server, keys: Path, provider: str
) -> None:
    assert provider in said(log_in(provider, "--base-url", server.url(provider)))
    assert json.loads(keys.read_text()) == {provider: KEY}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    found = table(run("auth", "status"))
    assert found["provider"] == f"{provider} at {server.url(provider)}"
    assert found["key"] == f"from {keys}"
    assert said(run("expand", *PLENTY, QUESTION))
    [request] = server.requests
    assert KEY in "".join(request.headers.values())


def test_a_key_from_a_terminal_is_not_shown(terminal: Terminal, run: Run, keys: Path, tmp_path: Path) -> None:
    child = terminal.start("login", "openai", cwd=tmp_path)
    child.setecho(True)
    child.expect(b"key of openai")
    child.waitnoecho(10)
    child.sendline(KEY)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert KEY.encode() not in child.before
    assert json.loads(keys.read_text()) == {"openai": KEY}
    assert KEY not in said(run("auth", "status")) + said(run("config"))


def test_ctrl_c_at_the_question_for_a_key(terminal: Terminal, keys: Path, run: Run, tmp_path: Path) -> None:
    child = terminal.start("login", "openai", cwd=tmp_path)
    child.expect(b"key of openai")
    child.waitnoecho(10)
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130 or child.signalstatus == 2
    assert b"Traceback" not in child.before
    assert not keys.exists()
    assert run("auth", "status").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "anthropic, openai, gemini, ollama"), (["nobody"], "nobody"), (["openai", "gemini"], "one provider"),
     (["\x1b[2Jx"], "anthropic"), (["none"], "none"), ([""], "anthropic"),
     (["openai", "--base-url", "nonsense"], "base URL"), (["openai", "--base-url", "ftp://host/v1"], "base URL"),
     (["openai", "--base-url", "http://me:word@host/v1"], "base URL"),
     (["openai", "--base-url", "https://host/v1?key=1"], "base URL"), (["ollama", "--base-url", "x y"], "base URL"),
     (["openai", "--key", KEY], "--key")],
    ids=str,
)  # fmt: skip
def test_who_cannot_be_logged_in_to(run: Run, keys: Path, arguments: list[str], words: str) -> None:
    done = run("login", *arguments, input=KEY.encode())
    assert_error(done, words)
    assert_harmless(done.stderr)
    assert not keys.exists()
    assert run("auth", "status").returncode == 1


@pytest.mark.parametrize(
    "key", [b"", b"\n", b" \n", b"two words\n", b"\xff\xfe\n", b"sk-\x1b[2J\n", b"k" * 5000, "é".encode()]
)
def test_what_is_no_key(run: Run, keys: Path, key: bytes) -> None:
    done = run("login", "openai", input=key)
    assert_error(done, "key")
    assert key.strip() not in done.stderr or not key.strip()
    assert not keys.exists()
    assert run("auth", "status").returncode == 1


def test_a_server_on_this_machine_needs_no_key(run: Run, server: Server) -> None:
    assert server.url("openai") in said(run("login", "openai", "--base-url", server.url("openai"), input=b""))
    assert "needed" in table(run("auth", "status"))["key"]
    assert json.loads(said(run("expand", *PLENTY, QUESTION)))["by"] == "openai"
    assert "authorization" not in server.requests[0].headers


def test_a_key_of_the_environment_is_enough(run: Run, env: dict[str, str], keys: Path) -> None:
    with_key = {**env, "OPENAI_API_KEY": KEY}
    assert "openai" in said(run("login", "openai", input=b"", env=with_key))
    assert not keys.exists()
    assert table(run("auth", "status", env=with_key))["key"] == "from environment OPENAI_API_KEY"


def test_ollama_is_asked_for_no_key(run: Run) -> None:
    assert "ollama" in said(run("login", "ollama"))
    found = table(run("auth", "status"))
    assert (found["provider"], found["key"]) == ("ollama", "none is needed")


def test_another_provider_has_its_own_model_and_place(run: Run, log_in: Run, server: Server) -> None:
    log_in("openai", "--base-url", server.url("openai"))
    said(run("model", "some-model"))
    log_in("openai", "--base-url", server.url("openai"))
    assert said(run("model")) == "some-model\n"
    log_in("gemini")
    assert said(run("model")) != "some-model\n"
    assert table(run("auth", "status"))["provider"] == "gemini"


def test_keys_that_others_could_have_read_are_not_used(run: Run, log_in: Run, keys: Path) -> None:
    log_in("openai")
    keys.chmod(0o644)
    for arguments in (("auth", "status"), ("logout",)):
        done = run(*arguments)
        assert done.returncode == 2
        assert re.fullmatch(rb"greppy: [^\n]+chmod 600[^\n]+\n", done.stderr)
        assert KEY.encode() not in done.stderr + done.stdout
    assert_error(run("expand", QUESTION), "chmod 600")


# --------------------------------------------------------------------------------------------------------- auth, model


def test_nobody(run: Run) -> None:
    assert table(run("auth", "status"), 1) == {"provider": "none; choose one with: greppy login PROVIDER"}
    assert said(run("logout"), 1)
    assert_error(run("model"), "greppy login PROVIDER")
    assert_error(run("model", "some-model"), "greppy login PROVIDER")


@pytest.mark.parametrize(
    "arguments", [["auth"], ["auth", "state"], ["auth", "status", "x"], ["model", "a", "b"], ["logout", "nobody"],
                  ["logout", "openai", "gemini"], ["cache"], ["cache", "x"], ["cache", "list", "x"],
                  ["auth", "status", "--json"], ["expand", "--timeout", "0", "login"],
                  ["expand", "--provider", "nobody", "login"], ["expand", "-p", "/nowhere", "login"]],
    ids=" ".join,
)  # fmt: skip
def test_what_makes_no_sense(run: Run, arguments: list[str]) -> None:
    assert_error(run(*arguments))


def test_the_environment_comes_before_the_file(run: Run, log_in: Run, env: dict[str, str], server: Server) -> None:
    log_in("openai", "--base-url", server.url("openai"))
    other = {**env, "OPENAI_API_KEY": "sk-of-the-environment"}
    assert table(run("auth", "status", env=other))["key"] == "from environment OPENAI_API_KEY"
    said(run("expand", *PLENTY, QUESTION, env=other))
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-the-environment"


def test_a_key_that_is_missing_is_told(run: Run) -> None:
    said(run("config", "smart.provider", "anthropic"))
    assert "greppy login anthropic" in table(run("auth", "status"))["key"]
    assert_error(run("expand", QUESTION), "ANTHROPIC_API_KEY", "greppy login anthropic")


def test_the_status_tells_of_a_pause(run: Run, log_in: Run, server: Server) -> None:
    log_in("openai", "--base-url", server.url("openai"))
    assert "paused" not in table(run("auth", "status"))
    server.behave(status(429, {"retry-after": "500"}))
    assert_error(run("expand", *PLENTY, QUESTION), "429")
    assert re.search(r"\b(4\d\d|500) s", table(run("auth", "status"))["paused"])
    assert_error(run("expand", *PLENTY, QUESTION), "not asked")
    assert server.count == 1


def test_the_status_finds_ollama(run: Run, env: dict[str, str], server: Server) -> None:
    here = {**env, "OLLAMA_HOST": f"127.0.0.1:{server.port}"}
    for _ in range(20):  # it is given a fifth of a second, which a busy machine may take
        done = run("auth", "status", env=here)
        if done.returncode == 0:
            break
    assert table(done)["provider"].startswith(f"ollama at http://127.0.0.1:{server.port}")
    said(run("config", "smart.provider", "none"))
    assert table(run("auth", "status", env=here), 1)["provider"].startswith("none")


def test_a_model(run: Run, log_in: Run, server: Server) -> None:
    log_in("openai", "--base-url", server.url("openai"))
    default = said(run("model")).strip()
    assert default
    assert "some-model" in said(run("model", "some-model"))
    assert said(run("model")) == "some-model\n"
    assert table(run("auth", "status"))["model"] == "some-model"
    said(run("expand", *PLENTY, QUESTION))
    said(run("expand", *PLENTY, "--model", "another", QUESTION))
    assert [request.json["model"] for request in server.requests] == ["some-model", "another"]


# -------------------------------------------------------------------------------------------------------------- logout


def test_logout_forgets_the_key_and_asks_nobody(run: Run, log_in: Run, env: dict[str, str], keys: Path) -> None:
    log_in("gemini")
    log_in("openai")
    out = said(run("logout", env={**env, "OPENAI_API_KEY": KEY}))
    assert str(keys) in out
    assert "OPENAI_API_KEY is still set" in out
    assert KEY not in out
    assert json.loads(keys.read_text()) == {"gemini": KEY}
    assert table(run("auth", "status"), 1)["provider"].startswith("none")
    assert "gone" in said(run("logout", "gemini"))
    assert not keys.exists()


def test_logout_of_another_provider_leaves_the_one_that_is_asked(run: Run, log_in: Run, keys: Path) -> None:
    log_in("gemini")
    log_in("openai")
    said(run("logout", "gemini"))
    assert json.loads(keys.read_text()) == {"openai": KEY}
    assert table(run("auth", "status"))["provider"] == "openai"
    assert "no key of anthropic" in said(run("logout", "anthropic"))


# --------------------------------------------------------------------------------------------------------------- cache


@pytest.fixture
def answered(shop: Project, log_in: Run, server: Server) -> Project:
    """Two questions have been answered."""
    log_in("openai", "--base-url", server.url("openai"))
    for question in (QUESTION, "where do people fill the basket"):
        said(shop.search("--smart", *PLENTY, question, "-l"), 0)
    return shop


def test_an_empty_cache(run: Run) -> None:
    assert table(run("cache", "stats"))["answers"].startswith("0 ")
    assert json.loads(said(run("cache", "stats", "--json")))["entries"] == 0
    assert said(run("cache", "list"), 1) == ""
    assert said(run("cache", "clear")).startswith("0 ")
    assert json.loads(said(run("cache", "clear", "--json"))) == {"removed": 0}


def test_what_is_in_the_cache(answered: Project, env: dict[str, str]) -> None:
    path = Path(env["XDG_CACHE_HOME"]) / "greppy" / "smart.l2"
    found = table(answered.run("cache", "stats"))
    assert found["answers"].startswith("2 ")
    assert str(path) in found["answers"]
    stats = json.loads(said(answered.run("cache", "stats", "--json")))
    assert (stats["entries"], stats["path"], stats["file_bytes"]) == (2, str(path), path.stat().st_size)
    first, second = said(answered.run("cache", "list")).splitlines()
    for line, question in ((first, "where do people fill the basket"), (second, QUESTION)):
        assert question in line
        assert str(ANSWER["expanded_query"]) in line
        assert "openai" in line


def test_each_search_is_one_lookup(answered: Project) -> None:
    said(answered.search("--smart", QUESTION))
    stats = json.loads(said(answered.run("cache", "stats", "--json")))
    assert (stats["hits"], stats["misses"]) == (1, 1)


def test_a_search_that_could_ask_nobody_is_no_lookup(shop: Project) -> None:
    said(shop.search("--smart", "retry of orders"))
    stats = json.loads(said(shop.run("cache", "stats", "--json")))
    assert (stats["hits"], stats["misses"]) == (0, 0)


def test_the_list_is_one_json_document(answered: Project) -> None:
    """As the help says of --json."""
    found = json.loads(said(answered.run("cache", "list", "--json")))
    entries = found if isinstance(found, list) else next(value for value in found.values() if isinstance(value, list))
    assert [entry["query"] for entry in entries] == ["where do people fill the basket", QUESTION]


def test_a_cache_that_was_cleared_is_asked_for_anew(answered: Project, server: Server) -> None:
    assert server.count == 2
    assert json.loads(said(answered.run("cache", "clear", "--json"))) == {"removed": 2}
    assert table(answered.run("cache", "stats"))["answers"].startswith("0 ")
    said(answered.search("--smart", *PLENTY, QUESTION))
    assert server.count == 3
    assert said(answered.run("cache", "clear")).startswith("1 ")


def test_a_list_is_harmless(shop: Project, log_in: Run, server: Server, terminal: Terminal) -> None:
    log_in("openai", "--base-url", server.url("openai"))
    server.behave(says(json.dumps({**ANSWER, "expanded_query": "order \x1b[2J\x1b]0;owned\x07 \u202e basket"})))
    said(shop.search("--smart", *PLENTY, b"people \x1b[2J \xff\xc2\x9b31m basket"))
    code, out = terminal.run("cache", "list", cwd=shop.root, columns=200)
    assert code == 0
    assert b"basket" in out
    assert_harmless(out)


def test_a_damaged_cache_can_be_looked_at_and_cleared(answered: Project, env: dict[str, str]) -> None:
    path = Path(env["XDG_CACHE_HOME"]) / "greppy" / "smart.l2"
    for data in (os.urandom(200_000), b"", b"\x89GRPL2\r\n", path.read_bytes()[:-7]):
        path.write_bytes(data)
        assert answered.run("cache", "stats").returncode == 0
        assert answered.run("cache", "list").returncode in (0, 1)
        said(answered.run("cache", "clear"))
    assert table(answered.run("cache", "stats"))["answers"].startswith("0 ")


def test_no_place_for_a_cache(run: Run, env: dict[str, str]) -> None:
    bare = {name: value for name, value in env.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    for action in ("stats", "list", "clear"):
        assert_error(run("cache", action, env=bare), "XDG_CACHE_HOME")


# -------------------------------------------------------------------------------------------------------------- expand


@pytest.mark.parametrize("provider", list(ROOTS))
def test_what_a_provider_makes_of_a_question(shop: Project, server: Server, provider: str) -> None:
    flags = ["--provider", provider, "--model", "m", "--base-url", server.url(provider), *PLENTY]
    for cached in (False, True):
        found = json.loads(said(shop.run("expand", *flags, QUESTION)))
        assert found.pop("query") == QUESTION
        assert (found.pop("by"), found.pop("cached")) == (provider, cached)
        assert found == ANSWER
    assert server.count == 1
    assert json.loads(said(shop.search("--smart", "--json", *flags, QUESTION)))["cached"] is True, "the cache is shared"
    assert "python" in server.requests[0].asked


def test_a_question_without_a_provider(shop: Project) -> None:
    found = json.loads(said(shop.run("expand", "people login")))
    assert (found["query"], found["by"]) == ("people login", "synonyms")
    assert "authent" in found["expanded_query"].split()
    assert json.loads(said(shop.run("expand", "zyxwvut order"), 1))["expanded_query"] == ""


def test_a_question_without_provider_and_index(project: Project) -> None:
    project.write("a.py", "x = 1\n")
    assert_error(project.run("expand", "people login"), "no provider", "greppy index")


@pytest.mark.parametrize(
    ("questions", "words"),
    [([], "one question"), (["how", "login"], "one question"), (["?!"], "no letter"), ([""], "no letter")],
)
def test_not_one_question(shop: Project, questions: list[str], words: str) -> None:
    assert_error(shop.run("expand", *questions), words)


def test_a_provider_that_fails_is_an_error(shop: Project, server: Server, env: dict[str, str]) -> None:
    flags = ["--provider", "openai", "--base-url", server.url("openai"), *PLENTY]
    for behaviour in (status(500), fake.half, fake.echo_key(400), says("no")):
        server.behave(behaviour)
        done = shop.run("expand", *flags, QUESTION, env={**env, "OPENAI_API_KEY": KEY})
        assert_error(done, "openai")
        assert KEY not in done.stderr.decode()
        assert "plain search" not in done.stderr.decode()
        for path in (Path(env["XDG_CACHE_HOME"]) / "greppy").glob("smart.pause"):
            path.unlink()


@pytest.mark.parametrize("provider", list(ROOTS))
def test_a_dry_run_shows_what_would_be_sent(shop: Project, server: Server, env: dict[str, str], provider: str) -> None:
    env = {**env, **dict.fromkeys(VARIABLES.values(), KEY)}
    flags = ["--provider", provider, "--model", "m", "--base-url", server.url(provider), *PLENTY]
    out = said(shop.run("expand", "--dry-run", *flags, QUESTION, env=env))
    assert server.count == 0
    assert KEY not in out
    said(shop.run("expand", *flags, QUESTION, env=env))
    assert json.loads(out)["json"] == server.requests[0].json
    assert_error(shop.run("expand", "--dry-run", QUESTION, env=env), "no provider")


def test_the_help_has_every_word_that_is_needed(run: Run) -> None:
    for command in ("expand", "login", "logout", "model", "auth", "cache"):
        assert f"greppy {command}" in said(run(command, "--help"))
