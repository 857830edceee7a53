"""Where keys are found, kept and forgotten; and where they never show."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from greppy.smart import keys
from greppy.smart.keys import Key, KeysError, find_key, forget_key, store_key
from greppy.smart.settings import SettingsError

SECRET = "sk-0123456789abcdef"
OTHER = "sk-another-0987654321"

# A keyring of files: attributes and secrets as libsecret's program takes them. What it is run with is noted.
KEYRING = """#!{python}
import os, pathlib, sys, time
folder = pathlib.Path({folder!r})
with open(folder / "log", "a") as log:
    print(*sys.argv[1:], file=log)
mode = (folder / "mode").read_text() if (folder / "mode").exists() else "good"
if mode == "hang":
    time.sleep(60)
if mode == "broken":
    print("secret-tool: Cannot autolaunch D-Bus without X11", file=sys.stderr)
    sys.exit(1)
action = sys.argv[1]
names = [word for word in sys.argv[2:] if not word.startswith("--label=")]
assert names[0::2] == ["service", "provider"] and names[1] == "greppy", names
item = folder / names[3]
if action == "store":
    assert sys.argv[2].startswith("--label="), sys.argv
    secret = sys.stdin.buffer.read()
    if mode != "forgets":
        item.write_bytes(secret)
elif action == "lookup":
    if not item.exists():
        sys.exit(1)
    sys.stdout.buffer.write(item.read_bytes())
elif action == "clear":
    item.unlink(missing_ok=True)
else:
    sys.exit(2)
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys of whoever runs the tests: none in the environment, no keyring."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def file(env: dict[str, str]) -> Path:
    """Where the file is, or would be."""
    return Path(env["XDG_CONFIG_HOME"], "greppy", "keys.json")


class Keyring:
    def __init__(self, folder: Path, program: Path) -> None:
        self.folder = folder
        program.write_text(KEYRING.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def be(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)

    @property
    def items(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir() if path.name not in ("log", "mode")}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    (tmp_path / "ring").mkdir()
    return Keyring(tmp_path / "ring", tmp_path / "bin" / "secret-tool")


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def refused(*words: str) -> pytest.RaisesExc[KeysError]:
    return pytest.raises(KeysError, match=".*".join(words))


# The environment


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY"), ("gemini", "GEMINI_API_KEY"),
     ("gemini", "GOOGLE_API_KEY")],
)  # fmt: skip
def test_a_key_of_the_environment(provider: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_key(provider) is None
    monkeypatch.setenv(variable, f" {SECRET}\n")
    assert find_key(provider) == (SECRET, f"environment {variable}")


def test_the_environment_wins_over_what_is_kept(
    keyring: Keyring, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    store_key("openai", OTHER)
    write(file, json.dumps({"openai": "sk-third"}))
    assert find_key("openai") == (OTHER, "keyring")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert find_key("openai") == (SECRET, "environment OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert find_key("openai") == (OTHER, "keyring")


def test_providers_without_keys_and_unknown_ones(keyring: Keyring) -> None:
    assert find_key("ollama") is None
    assert not (keyring.folder / "log").exists()
    with refused("ollama needs no key"):
        store_key("ollama", SECRET)
    for function in (find_key, forget_key, lambda name: store_key(name, SECRET)):
        with pytest.raises(SettingsError, match="unknown provider 'other'; the providers are anthropic"):
            function("other")


# The keyring


def test_a_key_in_the_keyring(keyring: Keyring, file: Path) -> None:
    assert store_key("anthropic", SECRET) == "keyring"
    assert keyring.items == {"anthropic": SECRET}
    assert not file.exists()
    assert find_key("anthropic") == (SECRET, "keyring")
    assert find_key("openai") is None
    assert forget_key("anthropic") == ["keyring"]
    assert find_key("anthropic") is None
    assert forget_key("anthropic") == []


def test_the_key_is_never_an_argument(keyring: Keyring) -> None:
    store_key("anthropic", SECRET)
    find_key("anthropic")
    forget_key("anthropic")
    assert "store --label=greppy: anthropic service greppy provider anthropic" in keyring.log
    assert SECRET not in keyring.log


@pytest.mark.parametrize("mode", ["broken", "hang", "forgets"])
def test_a_keyring_that_does_not_work_leaves_the_file(
    keyring: Keyring, file: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    keyring.be(mode)
    monkeypatch.setattr(keys, "KEYRING_SECONDS", 0.5)
    assert store_key("openai", SECRET) == str(file)
    assert find_key("openai") == (SECRET, str(file))
    assert forget_key("openai") == [str(file)]


def test_an_older_key_in_the_keyring_does_not_come_back(keyring: Keyring, file: Path) -> None:
    store_key("openai", OTHER)
    keyring.be("forgets")
    assert store_key("openai", SECRET) == str(file)
    assert find_key("openai") == (SECRET, str(file))


def test_an_older_key_in_the_file_does_not_come_back(keyring: Keyring, file: Path) -> None:
    write(file, json.dumps({"openai": OTHER, "gemini": OTHER}))
    assert store_key("openai", SECRET) == "keyring"
    assert json.loads(file.read_text()) == {"gemini": OTHER}


# The file


def test_a_key_in_the_file(file: Path) -> None:
    mask = os.umask(0)
    try:
        assert store_key("openai", f"{SECRET}\n") == str(file)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["keys.json"]
    assert json.loads(file.read_text()) == {"openai": SECRET}
    assert find_key("openai") == (SECRET, str(file))
    store_key("gemini", OTHER)
    store_key("openai", OTHER)
    assert json.loads(file.read_text()) == {"openai": OTHER, "gemini": OTHER}
    assert forget_key("openai") == [str(file)]
    assert forget_key("openai") == []
    assert find_key("gemini") == (OTHER, str(file))
    forget_key("gemini")
    assert not file.exists()


def test_it_is_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREPPY_CONFIG", str(tmp_path / "mine" / "greppy.toml"))
    assert store_key("openai", SECRET) == str(tmp_path / "mine" / "keys.json")
    monkeypatch.delenv("GREPPY_CONFIG")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_key("openai", SECRET) == str(tmp_path / ".config" / "greppy" / "keys.json")


def test_no_place_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    with refused("no place for keys", "HOME"):
        store_key("openai", SECRET)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_file_that_others_can_reach_is_refused(file: Path, mode: int) -> None:
    write(file, json.dumps({"openai": SECRET}), mode)
    for function in (find_key, forget_key, lambda name: store_key(name, OTHER)):
        with refused("keys.json", "chmod 600"):
            function("openai")
    assert json.loads(file.read_text()) == {"openai": SECRET}


def test_a_file_of_another_user_is_refused(file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    write(file, json.dumps({"openai": SECRET}))
    os.chown(file, 65534, -1)
    with refused("belongs to another user"):
        find_key("openai")


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00", '{"openai": "a"', "[" * 100_000])
def test_a_damaged_file_is_refused(file: Path, text: str) -> None:
    write(file, text)
    with refused("damaged", "greppy login"):
        find_key("openai")


def test_what_is_no_file_is_refused(file: Path) -> None:
    file.parent.mkdir()
    os.mkfifo(file, 0o600)
    with refused("is no file"):
        find_key("openai")


def test_a_folder_that_cannot_be_made(env: dict[str, str]) -> None:
    Path(env["XDG_CONFIG_HOME"], "greppy").write_bytes(b"")
    with refused("cannot write", "keys.json"):
        store_key("openai", SECRET)


def test_where_it_is_a_link_what_it_leads_to_is_written(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    file.symlink_to(tmp_path / "real.json")
    store_key("openai", SECRET)
    assert file.is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == {"openai": SECRET}


# What a key is, and where it shows


NO_KEYS = ["a b", f"{SECRET}\nX-Evil: 1", "ключ", "sk-\x7f", "sk\u202ex", "x" * 4097]


def assert_unseen(error: KeysError, text: str) -> None:
    assert "is no key" in str(error)
    assert SECRET not in str(error)
    assert not text.strip() or text not in str(error)
    assert error.__cause__ is None
    assert "During handling" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("text", [*NO_KEYS, "", " ", "sk\x00x"])
def test_what_is_no_key_is_not_stored(text: str, file: Path) -> None:
    with pytest.raises(KeysError) as caught:
        store_key("openai", text)
    assert_unseen(caught.value, text)
    assert not file.exists()


@pytest.mark.parametrize("text", [*NO_KEYS, "", " ", "sk\x00x"])
def test_what_is_no_key_in_the_file_is_refused(text: str, file: Path) -> None:
    write(file, json.dumps({"openai": text}))
    with pytest.raises(KeysError) as caught:
        find_key("openai")
    assert_unseen(caught.value, text)


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_is_no_key_in_the_environment_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", text)
    with pytest.raises(KeysError, match="the key in OPENAI_API_KEY") as caught:
        find_key("openai")
    assert_unseen(caught.value, text)


def test_a_key_that_is_no_text(file: Path) -> None:
    write(file, json.dumps({"openai": 7}))
    with refused("is no text", "greppy login openai"):
        find_key("openai")


def test_a_key_does_not_show_where_values_do() -> None:
    key = Key(SECRET)
    assert SECRET not in f"{key!r} {[key]} { ({'key': key}) } %r" % key
    assert key == SECRET


def test_nothing_is_printed(keyring: Keyring, file: Path, env: dict[str, str], tmp_path: Path) -> None:
    script = (
        "from greppy.smart import keys\n"
        f"keys.store_key('openai', {SECRET!r})\n"
        "keys.find_key('openai'); keys.forget_key('openai')\n"
    )
    for mode in ("good", "broken"):
        keyring.be(mode)
        done = subprocess.run(
            [sys.executable, "-c", script], env={**env, "PATH": str(tmp_path / "bin")}, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), shlex.join(done.args)
