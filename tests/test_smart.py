"""What an answer is to the engine, how answers are remembered, and smart searches of the daemon's clients."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conftest import Project, Run
from daemons import Daemon, running
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import trees
from providers import Server, alone, status

import greppy
from greppy._core import engine
from greppy.smart import answers
from greppy.smart.answer import Answer, Filters, pack
from greppy.smart.ask import ProviderError
from greppy.smart.settings import Settings

FILES = {
    b"src/auth.py": b"def authenticate(user, token):\n    return session(user)\n",
    b"src/routes.py": b"def register_route(path):\n    router.add_route(path)\n",
    b"src/router.js": b"function addRoute(path) { router.add_route(path) }\n",
    b"tests/test_router.py": b"def test_router():\n    router.add_route('/')\n",
    b"docs/pages.md": b"Pages are registered in a table.\n",
}
EXAMPLE = bytes.fromhex(
    "97 af66696e645f646566696e6974696f6e a66d6574686f64 b0726f75746572206164645f726f757465 c0 c3 91a42a2e7079"
    "b9686f772061726520726f757465732072656769737465726564"
)


@pytest.fixture(scope="module")
def index() -> Iterator[greppy.Index]:
    with trees.project(FILES) as root, greppy.open_index(root) as found:
        yield found


def paths(index: greppy.Index, query: str, smart: bytes | None) -> list[str]:
    return [hit.path for hit in index.search(query, smart=smart)]


def test_an_answer_is_the_bytes_that_the_engine_documents(index: greppy.Index) -> None:
    answer = Answer("find_definition", "method", "router add_route", Filters(None, True, ["*.py"]))
    assert pack(answer, "how are routes registered") == EXAMPLE
    assert index._reader.expansions(b"how are routes registered", EXAMPLE) == [b"router", b"add"]  # route was asked for
    assert paths(index, "how are routes registered", EXAMPLE) == ["src/routes.py"]


def test_the_engine_takes_no_answer_that_is_cut_off(index: greppy.Index) -> None:
    for n in range(1, len(EXAMPLE)):
        with pytest.raises(ValueError, match="not an answer"):
            index.search("how are routes registered", smart=EXAMPLE[:n])
    with pytest.raises(ValueError, match="not an answer"):
        index.search("how are routes registered", smart=EXAMPLE + b"x")


anything = st.one_of(st.none(), st.booleans(), st.integers(0, 99), st.text(max_size=40), st.binary(max_size=40))
arrays = st.lists(st.one_of(anything, st.lists(anything, max_size=20)), min_size=5, max_size=9)


@given(st.one_of(st.binary(max_size=80), arrays.map(msgspec.msgpack.encode)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_an_answer_or_refused(index: greppy.Index, body: bytes) -> None:
    try:
        found = index.search("how are routes registered", smart=body)
    except ValueError:
        return
    assert {hit.path.encode() for hit in found} <= FILES.keys()


def packed(
    words: str,
    intent: str = "general",
    *,
    tests: bool = False,
    globs: list[str] | None = None,
    kinds: tuple[str, ...] = (),
) -> bytes:
    return pack(Answer(intent, None, words, Filters(list(kinds) or None, tests, globs)), "asked")


def test_words_of_an_answer_find_what_the_question_does_not_name(index: greppy.Index) -> None:
    assert "src/auth.py" not in paths(index, "how does login happen", None)
    assert paths(index, "how does login happen", packed("authenticate session"))[0] == "src/auth.py"


def test_what_was_asked_comes_before_what_was_added(index: greppy.Index) -> None:
    assert paths(index, "pages registered", packed("authenticate session token user router"))[0] == "docs/pages.md"


def test_filters_of_an_answer_are_dropped_when_they_leave_nothing(index: greppy.Index) -> None:
    assert "src/router.js" not in paths(index, "routes registered", packed("router", globs=["*.py"]))
    assert paths(index, "routes registered", packed("router", globs=["*.rs"])) == paths(
        index, "routes registered", packed("router")
    )


def test_tests_are_left_out_unless_usage_was_asked_for(index: greppy.Index) -> None:
    assert "tests/test_router.py" not in paths(index, "routes registered", packed("router", tests=True))
    assert "tests/test_router.py" in paths(index, "routes registered", packed("router", "find_usage", tests=True))


def test_globs_that_were_given_win_over_those_of_an_answer(index: greppy.Index) -> None:
    found = index.search("routes registered", globs=["*.js"], smart=packed("router", globs=["*.py"]))
    assert [hit.path for hit in found] == ["src/router.js"]


@pytest.mark.parametrize("question", ["authenticate", "Foo::authenticate", "src/auth.py:1", "add_route"])
def test_names_and_places_are_looked_up_as_they_are(index: greppy.Index, question: str) -> None:
    plain = index.search(question)
    assert index.search(question, smart=packed("router pages table", tests=True, globs=["*.md"])) == plain
    assert index.search(question, smart=b"") == plain


def test_a_kind_that_is_expected_is_shown_of_a_file() -> None:
    text = (
        "class Cache:\n" + "    evict = 1\n" * 39 + "def evict_cache():\n    evict = cache\n" + "    evict = 2\n" * 37
    )
    with trees.project({b"a.py": text.encode()}) as root, greppy.open_index(root) as index:
        shown = {
            kind: index.search("evict things", 1, smart=packed("", kinds=(kind,)))[0].start_line
            for kind in ("class", "function")
        }
    assert shown == {"class": 1, "function": 41}


def test_words_that_nothing_has_are_stood_for_by_synonyms(index: greppy.Index) -> None:
    assert index._reader.expansions(b"retrieve pages", b"") != []
    assert index._reader.expansions(b"registered pages", b"") == []  # both are there
    assert paths(index, "authorization of users", b"")[0] == "src/auth.py"


# ------------------------------------------------------------------------------------------------------ remembering


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("PATH", alone(os.environ, tmp_path / "own")["PATH"])
    return tmp_path / "cache"


def who(server: Server) -> Settings:
    return Settings("openai", "", server.url("openai"), 20.0)


def test_an_answer_is_asked_for_once(server: Server, cache: Path) -> None:
    first, second = answers.Answers(10), answers.Answers(10)
    body = first.get(who(server), b"how does login work", lambda: ["python"])
    assert first.get(who(server), b"work logins how?", lambda: ["python"]) == body  # from memory: the same words
    assert second.get(who(server), b"how does the login work", lambda: ["python"]) == body  # from the disk
    assert server.count == 1
    assert (first.hits, first.misses, second.disk_hits) == (1, 1, 1)
    assert second.get(who(server), b"login works", lambda: []) == body
    assert (second.hits, server.count) == (1, 1)


def test_another_model_is_asked_again(server: Server, cache: Path) -> None:
    store = answers.Answers(10)
    store.get(who(server), b"how does login work", list)
    store.get(Settings("openai", "other", server.url("openai"), 20.0), b"how does login work", list)
    assert server.count == 2


def test_the_least_recently_used_answers_are_forgotten(server: Server, cache: Path) -> None:
    store = answers.Answers(2)
    for question in (b"one word", b"two words", b"one word", b"three words"):
        store.get(who(server), question, list)
    (cache / "greppy" / "smart.l2").unlink()
    assert store.find(who(server), b"one word") is not None
    assert store.find(who(server), b"two words") is None


def test_an_old_answer_is_forgotten(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = answers.Answers(2)
    store.get(who(server), b"one word", list)
    (cache / "greppy" / "smart.l2").unlink()
    later = time.time() + engine.ANSWERS_TTL
    monkeypatch.setattr("time.time", lambda: later)
    assert store.find(who(server), b"one word") is None


def test_an_answer_is_as_good_without_a_place_to_keep_it(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert answers.Answers().get(who(server), b"one word", list)


def test_a_failure_is_not_remembered(server: Server, cache: Path) -> None:
    store = answers.Answers(10)
    server.behave(status(401))
    with pytest.raises(ProviderError):
        store.get(who(server), b"one word", list)
    server.behave(*Server()._behaviours)
    assert store.get(who(server), b"one word", list)


def test_threads_share_what_is_remembered(server: Server, cache: Path) -> None:
    store = answers.Answers(4)
    store.get(who(server), b"one word", list)
    found: list[bytes | None] = []

    def look() -> None:
        for i in range(200):
            store.find(who(server), b"another %d" % (i % 7))
            found.append(store.find(who(server), b"one word"))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800 and None not in found
    assert server.count == 1


def test_languages_are_those_of_the_source_and_come_by_their_files(tmp_path: Path, cache: Path) -> None:
    for path in ("a.rs", "b.rs", "c.py", "d.md", "e.md", "f.md", "g.json", "h.go", "i.go", "j.go", "k.c"):
        (tmp_path / "project" / path).parent.mkdir(exist_ok=True)
        (tmp_path / "project" / path).write_text("x = 1\n")
    root = os.fsencode(os.path.realpath(tmp_path / "project"))
    assert answers.project_languages(root) == []
    greppy.build_index(root)
    assert answers.project_languages(root) == ["go", "rust", "c"]


# ------------------------------------------------------------------------------------------------------- the daemon


@pytest.fixture
def env(env: dict[str, str], server: Server, tmp_path: Path) -> Iterator[dict[str, str]]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as sockets:
        yield {**alone(env, tmp_path), "XDG_RUNTIME_DIR": sockets, "OPENAI_API_KEY": "sk-test"}


@pytest.fixture
def daemon(run: Run, env: dict[str, str], server: Server) -> Iterator[Daemon]:
    for key, value in (("provider", "openai"), ("base_url", server.url("openai")), ("timeout", "20000")):
        assert run("config", f"smart.{key}", value, env=env).returncode == 0
    with running(run, env) as found:
        yield found


def test_the_daemon_answers_smart_searches_from_memory(
    shop: Project, daemon: Daemon, server: Server, greppy_bin: Path, run: Run, env: dict[str, str]
) -> None:
    (shop.root / "auth.py").write_text("def authenticate(user, token):\n    return session(user)\n")
    with daemon.foreground(greppy_bin, shop.root) as client:
        plain = client.search(shop.root, "how does login happen")
        smart = client.search(shop.root, "how does login happen", smart=True)
        assert "auth.py" not in [hit.path for hit in plain] and "auth.py" in [hit.path for hit in smart]
        assert client.search(shop.root, "login happening", smart=True)
        assert list(client.stream(shop.root, "how does login happen", smart=True)) == smart
        assert server.count == 1
        kept = client.status()["answers"]
        assert (kept["entries"], kept["hits"], kept["misses"]) == (1, 2, 1)
        told = run("status", "-p", shop.root, env=env).stdout.decode()
        assert "1 answer in the daemon's memory" in told and "1 answer on disk" in told
        found = json.loads(run("status", "--json", "-p", shop.root, env=env).stdout)
        assert found["smart"]["entries"] == 1 and found["daemon"]["answers"]["hits"] == 2


def test_the_daemon_says_when_nobody_answers(shop: Project, daemon: Daemon, server: Server, greppy_bin: Path) -> None:
    server.behave(status(401))
    with daemon.foreground(greppy_bin, shop.root) as client:
        plain = client.search(shop.root, "parse date")
        with pytest.warns(UserWarning, match="openai refuses the key"):
            assert client.search(shop.root, "parse date", smart=True) == plain
        with pytest.warns(UserWarning, match="openai refuses the key"):
            assert list(client.stream(shop.root, "parse date", smart=True)) == plain
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert client.search(shop.root, "parse date") == plain
