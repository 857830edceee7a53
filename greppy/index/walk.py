"""Which files a project has. Paths are bytes, relative to the root.

In a git work tree git says (tracked files, and untracked ones that no rule ignores); elsewhere the rules of .gitignore
are applied here (`rules.py`). `.greppyignore` adds to both. Folders are reported too, each with the time it had
*before* it was listed: a reader that finds the same time later knows that nothing came or went.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import stat
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greppy._core import engine
from greppy.index.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IGNORE_FILES = (b".gitignore", b".greppyignore")
SECRETS = (
    b".env", b".env.*", b"*.pem", b"*.key", b"*.p12", b"*.pfx", b"*.jks", b"*.keystore", b"id_rsa", b"id_dsa",
    b"id_ecdsa", b"id_ed25519", b".netrc", b".pgpass", b".htpasswd", b".git-credentials",
)  # fmt: skip
NOT_SECRET = (b".env.example", b".env.sample", b".env.template", b".env.dist")


@dataclass
class Walk:
    """What a walk saw."""

    files: list[bytes] = field(default_factory=list)  # ascending by bytes
    folders: dict[bytes, int] = field(default_factory=dict)  # path (b"" is the root) -> mtime_ns, 0 for "look again"
    outside: dict[bytes, tuple[int, int]] = field(
        default_factory=dict
    )  # absolute path -> size, mtime_ns of a rule file
    warnings: list[str] = field(default_factory=list)


def is_secret(name: bytes) -> bool:
    """Private keys and passwords do not belong in a search index."""
    return name not in NOT_SECRET and any(fnmatch.fnmatchcase(name, pattern) for pattern in SECRETS)


def walk(root: bytes) -> Walk:
    """Lists the project at `root`, a real path. Raises OSError when the root itself cannot be listed."""
    os.scandir(root).close()
    result = Walk()
    listed = _git_files(root, result)
    if listed is None:
        _walk_plain(root, result)
    else:
        files, ignored = listed
        _walk_folders(root, ignored, result)
        result.files = files
        _apply_greppyignore(root, result)
    result.files = _not_through_links(root, result.files)
    result.files = sorted({path for path in result.files if not is_secret(path.rpartition(b"/")[2])})
    return result


def _not_through_links(root: bytes, files: list[bytes]) -> list[bytes]:
    """Without the files below a link: git lists by name what it tracked before a folder became one."""
    linked: dict[bytes, bool] = {b"": False}

    def leads_out(folder: bytes) -> bool:
        if folder not in linked:
            linked[folder] = leads_out(folder.rpartition(b"/")[0]) or os.path.islink(os.path.join(root, folder))
        return linked[folder]

    return [path for path in files if not leads_out(path.rpartition(b"/")[0])]


# ------------------------------------------------------------------------------------------------------------- git


def _git(root: bytes, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("GIT_") or k in ("GIT_CONFIG_GLOBAL", "GIT_CEILING_DIRECTORIES")
    }
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    return subprocess.Popen(
        ["git", "-C", os.fsdecode(root), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip


def _has_git(root: bytes) -> bool:
    while True:
        if os.path.lexists(os.path.join(root, b".git")):
            return True
        parent = os.path.dirname(root)
        if parent == root:
            return False
        root = parent


def _git_files(root: bytes, result: Walk) -> tuple[list[bytes], set[bytes]] | None:
    """(files, ignored folders) as git lists them; None when this is no work tree that git can read."""
    if not _has_git(root):
        return None
    try:
        tracked = _git(root, "ls-files", "-z", "--cached", "--recurse-submodules")
        others = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
        ignored = _git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        own = _git(root, "rev-parse", "--show-toplevel", "--git-path", "info/exclude", "--git-path", "index")
    except OSError:
        return None  # no git here: the rules are read without it
    outputs = [process.communicate()[0] for process in (tracked, others, ignored, own)]
    if any(process.returncode for process in (tracked, others, ignored)):
        return None
    files = [path for output in outputs[:2] for path in output.split(b"\0") if path and not path.endswith(b"/")]
    if not files and outputs[2]:
        # The whole folder is ignored by the repository around it, and yet somebody asks for it: walk it plainly.
        return None
    if own.returncode == 0:
        top, *paths = outputs[3].splitlines()
        # Tracked files, the repository's own rules, and the rules of the folders above the project.
        for path in paths:
            _watch_outside(os.path.join(root, path), result)
        folder = root
        while folder != top and len(folder) > len(top):
            folder = os.path.dirname(folder)
            _watch_outside(os.path.join(folder, b".gitignore"), result)
    return files, {path[:-1] for path in outputs[2].split(b"\0") if path.endswith(b"/")}


def _watch_outside(path: bytes, result: Walk) -> None:
    try:
        status = os.lstat(path)
        racy = time.time_ns() - status.st_mtime_ns < engine.RACY_NS
        result.outside[path] = (status.st_size, 0 if racy else status.st_mtime_ns)
    except OSError:
        result.outside[path] = (2**64 - 1, 0)


def _walk_folders(root: bytes, ignored: set[bytes], result: Walk) -> None:
    """Every folder that git does not ignore, with its time."""
    for _ in _scan(root, result, lambda path: path in ignored):
        pass  # what counts is what the scan notes of each folder


def _apply_greppyignore(root: bytes, result: Walk) -> None:
    found = [path for path in result.files if path.rpartition(b"/")[2] == b".greppyignore"]
    if not found:
        return
    rules = _Gitignore(root, result, (b".greppyignore",))
    for path in found:
        rules.enter(path.rpartition(b"/")[0])
    result.files = [path for path in result.files if not rules.ignored_with_parents(path)]


# ----------------------------------------------------------------------------------------------------------- plain


class _Gitignore:
    """The rules of ignore files, read folder by folder; the deepest file that has a matching rule decides."""

    def __init__(self, root: bytes, result: Walk, names: tuple[bytes, ...] = IGNORE_FILES) -> None:
        self._root = root
        self._result = result
        self._names = names
        self._folders: list[tuple[bytes, Rules]] = []

    def enter(self, folder: bytes) -> None:
        """Reads the rules of one folder. A new rule file changes the folder's time; a changed one must be watched."""
        text = b""
        for name in self._names:
            path = os.path.join(self._root, folder, name)
            with contextlib.suppress(OSError), open(path, "rb") as file:
                _watch_outside(path, self._result)
                text += file.read() + b"\n"
        rules = Rules.of(text)
        if rules.rules:
            self._folders.append((folder + b"/" if folder else b"", rules))

    def ignored(self, path: bytes, is_folder: bool) -> bool:
        for prefix, rules in reversed(self._folders):
            if path.startswith(prefix):
                verdict = rules.verdict(path[len(prefix) :], is_folder)
                if verdict is not None:
                    return verdict
        return False

    def ignored_with_parents(self, path: bytes) -> bool:
        at = path.find(b"/")
        while at >= 0:
            if self.ignored(path[:at], True):
                return True
            at = path.find(b"/", at + 1)
        return self.ignored(path, False)


def _walk_plain(root: bytes, result: Walk) -> None:
    """Without git: hidden entries are left out, as ripgrep does, and what the ignore files say."""
    rules = _Gitignore(root, result)
    rules.enter(b"")
    if _ignores_everything(root, rules):
        # Debian's linux-source has such a .gitignore, meant for the packagers' repository. Whoever asks for this folder
        # does not mean an empty index.
        result.warnings.append(f"{os.fsdecode(root)}/.gitignore ignores everything there, so its rules are not applied")
        rules = _Gitignore(root, result, (b".greppyignore",))

    def skip(path: bytes) -> bool:
        if path.rpartition(b"/")[2].startswith(b"."):
            return True
        return rules.ignored(path, True)

    for folder, names in _scan(root, result, skip, lambda folder: rules.enter(folder) if folder else None):
        prefix = folder + b"/" if folder else b""
        for name in names:
            if not name.startswith(b".") and not rules.ignored(prefix + name, False):
                result.files.append(prefix + name)


def _ignores_everything(root: bytes, rules: _Gitignore) -> bool:
    with os.scandir(root) as entries:
        files, folders = _split(entries)
    shown = [(name, False) for name in files] + [(name, True) for name in folders]
    shown = [(name, is_folder) for name, is_folder in shown if not name.startswith(b".")]
    return bool(shown) and all(rules.ignored(name, is_folder) for name, is_folder in shown)


def _scan(root: bytes, result: Walk, skip, enter=None) -> Iterator[tuple[bytes, list[bytes]]]:  # type: ignore[no-untyped-def]
    """Yields (folder, names of its files) for each folder that is not skipped; links are neither followed nor yielded.

    Folders below one with a `.git` of its own are another project's and are left to it."""
    pending = [b""]
    while pending:
        folder = pending.pop()
        path = os.path.join(root, folder) if folder else root
        try:
            before = os.lstat(path)
            with os.scandir(path) as entries:
                files, folders = _split(entries)
        except OSError as error:
            result.warnings.append(f"left out: {os.fsdecode(path)}: {error.strerror}")
            continue
        if not stat.S_ISDIR(before.st_mode):
            continue
        if folder and b".git" in files + folders:
            result.folders[folder] = before.st_mtime_ns
            continue
        racy = time.time_ns() - before.st_mtime_ns < engine.RACY_NS
        result.folders[folder] = 0 if racy else before.st_mtime_ns
        if enter is not None:
            enter(folder)
        yield folder, files
        prefix = folder + b"/" if folder else b""
        pending += [
            prefix + name for name in sorted(folders, reverse=True) if name != b".git" and not skip(prefix + name)
        ]


def _split(entries: Iterable[os.DirEntry[bytes]]) -> tuple[list[bytes], list[bytes]]:
    files, folders = [], []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            files.append(entry.name)
    return files, folders
