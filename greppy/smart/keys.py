"""Keys of providers: where they are found, kept and forgotten.

The environment comes first, then the keyring of the desktop (through libsecret's `secret-tool`), then `keys.json`
beside the configuration: a JSON object of keys by provider that only its owner can read, `{"openai": "sk-..."}`.

A key is given to `secret-tool` over its standard input, so no list of processes shows it, and no sentence or exception
of this module holds one.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from typing import Any

from greppy._core import engine
from greppy.files import replace_file
from greppy.smart.providers import known

SERVICE = "greppy"
KEYRING = "keyring"
KEYRING_SECONDS = 2.0  # a locked keyring asks somebody who may not be there
KEY_CHARS = 4096
_FILE_BYTES = 1 << 20


class KeysError(Exception):
    """A key cannot be read or kept, for a reason that one sentence tells."""


class Key(str):
    """A key; what shows values rather than prints text does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Key(***)"


def find_key(provider: str) -> tuple[Key, str] | None:
    """The provider's key and where it comes from: `environment ANTHROPIC_API_KEY`, `keyring` or a path; None when
    there is none. Raises SettingsError for an unknown provider, KeysError for a key or a file that is not taken."""
    variables = known(provider).key_variables
    for variable in variables:
        text = os.environ.get(variable, "").strip()
        if text:
            return _checked(text, f"the key in {variable}"), f"environment {variable}"
    if not variables:
        return None
    kept = _keyring("lookup", provider)
    if kept:
        return _checked(kept, f"the key of {provider} in the keyring"), KEYRING
    path = keys_path()
    value = _read(path).get(provider)
    if value is None:
        return None
    what = f"the key of {provider} in {_shown(path)}"
    if not isinstance(value, str):
        raise KeysError(f"{what} is no text; store it again with 'greppy login {provider}'")
    return _checked(value, what), _shown(path)


def store_key(provider: str, key: str) -> str:
    """Keeps the key, in the keyring if there is one that works; returns where. Raises SettingsError and KeysError."""
    if not known(provider).key_variables:
        raise KeysError(f"{provider} needs no key")
    key = _checked(key.strip(), "that")
    if _keyring("store", provider, key) is not None and _keyring("lookup", provider) == key:
        _write_without(provider)  # an older one would come back when the keyring is locked
        return KEYRING
    _keyring("clear", provider)  # one that could not be replaced would be found first
    path = keys_path()
    _write(path, {**_read(path), provider: str(key)})
    return _shown(path)


def forget_key(provider: str) -> list[str]:
    """Removes the key from the keyring and the file; returns from which. One of the environment is not ours to remove.
    Raises SettingsError and KeysError."""
    known(provider)
    removed = []
    if _keyring("lookup", provider):
        _keyring("clear", provider)
        if not _keyring("lookup", provider):
            removed.append(KEYRING)
    if _write_without(provider):
        removed.append(_shown(keys_path()))
    return removed


def keys_path() -> bytes:
    """Where the file is, or would be. Raises KeysError when nothing says."""
    try:
        return os.path.join(os.path.dirname(engine.config_path()), b"keys.json")
    except RuntimeError:
        raise KeysError("no place for keys: set HOME, XDG_CONFIG_HOME or GREPPY_CONFIG") from None


def _checked(text: str, what: str) -> Key:
    """Text that a header can carry. Raises KeysError, which does not say what is wrong with which letter."""
    if not text or len(text) > KEY_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise KeysError(f"{what} is no key: a key is up to {KEY_CHARS} printable ASCII characters without blanks")
    return Key(text)


def _shown(path: bytes) -> str:
    text = path.decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


# --------------------------------------------------------------------------------------------------------- keyring


def _keyring(action: str, provider: str, key: str = "") -> str | None:
    """What `secret-tool` printed; None when it is not there, fails or does not answer in time."""
    program = shutil.which("secret-tool")
    if program is None:
        return None
    label = [f"--label=greppy: {provider}"] if action == "store" else []
    try:
        done = subprocess.run(
            [program, action, *label, "service", SERVICE, "provider", provider],
            input=key.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=KEYRING_SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()


# ------------------------------------------------------------------------------------------------------------ file


def _read(path: bytes) -> dict[str, Any]:
    """The file's object; an empty one without a file. Raises KeysError for a file that others could have read or
    written."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise KeysError(f"cannot read {_shown(path)}: {error.strerror}") from None
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise KeysError(f"{_shown(path)} is no file; remove it")
        if status.st_uid != os.geteuid():
            raise KeysError(
                f"{_shown(path)} belongs to another user; remove it, or let GREPPY_CONFIG name another place"
            )
        if status.st_mode & 0o077:
            raise KeysError(f"{_shown(path)} can be read by others; run 'chmod 600' on it, or better get new keys")
        data = file.read(_FILE_BYTES)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise KeysError(f"{_shown(path)} is damaged; remove it and run 'greppy login' again")
    return found


def _write_without(provider: str) -> bool:
    """Takes a provider out of the file; whether it was there."""
    path = keys_path()
    found = _read(path)
    if provider not in found:
        return False
    del found[provider]
    _write(path, found)
    return True


def _write(path: bytes, keys: dict[str, Any]) -> None:
    """Replaces the file at once; without a key there is none."""
    path = os.path.realpath(path)
    try:
        if keys:
            data = json.dumps(keys, indent=1).encode() + b"\n"
            replace_file(path, data, mode=0o600, folder_mode=0o700, durable=True)
        else:
            os.unlink(path)
    except OSError as error:
        raise KeysError(f"cannot write {_shown(path)}: {error.strerror}") from None
