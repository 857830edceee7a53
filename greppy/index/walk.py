"""Which files a project has. Paths are bytes, relative to the root.

In a git work tree git says (tracked files, and untracked ones that no rule ignores), in each submodule too; elsewhere
the rules of .gitignore are applied here (`rules.py`). `.greppyignore` adds to both. Folders are reported too, each with
the time it had *before* it was listed: a reader that finds the same time later knows that nothing came or went.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greppy._core import engine
from greppy.index.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

IGNORE_FILES = (b".gitignore", b".greppyignore")
LINGUIST = ((b"linguist-generated", 16), (b"linguist-vendored", 8))  # attributes, and the FileFlag each stands for


@dataclass
class Walk:
    """What a walk saw."""

    files: list[bytes] = field(default_factory=list)  # ascending by bytes
    folders: dict[bytes, int] = field(default_factory=dict)  # path (b"" is the root) -> mtime_ns, 0 for "look again"
    outside: dict[bytes, tuple[int, int]] = field(
        default_factory=dict
    )  # absolute path -> size, mtime_ns of a rule file
    warnings: list[str] = field(default_factory=list)
    greppyignores: list[bytes] = field(default_factory=list)  # folders with such a file, whatever git thinks of it
    unreadable: list[bytes] = field(default_factory=list)  # folders, each with its warning
    # path -> FileFlag bits that .gitattributes sets, and above them (<< 8) those that it unsets
    flags: dict[bytes, int] = field(default_factory=dict)
    flags_from: bytes = b""  # the lines that `flags` come from


def walk(root: bytes, secrets: bool = False) -> Walk:
    """Lists the project at `root`, a real path; files with secrets too when asked. Raises OSError when the root itself
    cannot be listed."""
    os.scandir(root).close()
    result = Walk()
    if _git_tree(root, b"", result):
        _apply_greppyignore(root, result)
    else:
        _walk_plain(root, result)
    result.files = _not_through_links(root, result.files)
    own = own_folder(root)
    if own is not None:
        result.files = [path for path in result.files if not path.startswith(own + b"/")]
    files = {path for path in result.files if secrets or not engine.secret_name(path.rpartition(b"/")[2])}
    result.files = sorted(files - result.folders.keys())
    return result


def own_folder(root: bytes) -> bytes | None:
    """Where in the project the indexes lie, if somebody put them there: to index that would never end."""
    try:
        base = os.path.realpath(engine.cache_folder(b"index", b"GREPPY_INDEX_DIR"))
    except RuntimeError:
        return None
    prefix = root.rstrip(b"/") + b"/"
    return base[len(prefix) :] if base.startswith(prefix) else None


def _not_through_links(root: bytes, files: list[bytes]) -> list[bytes]:
    """Without the files below a link: git lists by name what it tracked before a folder became one."""
    linked: dict[bytes, bool] = {b"": False}

    def leads_out(folder: bytes) -> bool:
        if folder not in linked:
            linked[folder] = leads_out(folder.rpartition(b"/")[0]) or os.path.islink(os.path.join(root, folder))
        return linked[folder]

    return [path for path in files if not leads_out(path.rpartition(b"/")[0])]


# ------------------------------------------------------------------------------------------------------------- git


def _git(root: bytes, *arguments: str, stdin: int | None = None) -> subprocess.Popen[bytes]:
    environment = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("GIT_")
        or k in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES")
    }
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    # fsmonitor: a program that the repository names; looking at somebody's files must not run it.
    return subprocess.Popen(
        ["git", "-C", os.fsdecode(root), "-c", "core.fsmonitor=false", *arguments],
        stdin=subprocess.DEVNULL if stdin is None else stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip


def _git_top(root: bytes) -> bytes | None:
    """The nearest folder up with a `.git`; None when there is none."""
    while True:
        if os.path.lexists(os.path.join(root, b".git")):
            return root
        parent = os.path.dirname(root)
        if parent == root:
            return None
        root = parent


def _git_tree(root: bytes, prefix: bytes, result: Walk) -> bool:
    """The files below `prefix` ("" or a submodule with its slash) as git lists them, and the folders that it does not
    ignore; False, and nothing done, when this is no work tree that git can read."""
    top = os.path.join(root, prefix)
    if _git_top(top) is None:
        return False
    try:
        tracked = _git(top, "ls-files", "-z", "--cached")
        others = _git(top, "ls-files", "-z", "--others", "--exclude-standard")
        ignored = _git(top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        excludes = _git(top, "config", "-z", "--type=path", "--get", "core.excludesFile")
    except OSError:
        return False  # no git here: the rules are read without it
    outputs = [process.communicate()[0] for process in (tracked, others, ignored, excludes)]
    if any(process.returncode for process in (tracked, others, ignored)):
        return False
    files = [path for output in outputs[:2] for path in output.split(b"\0") if path and not path.endswith(b"/")]
    if not files and outputs[2]:
        # The whole folder is ignored by the repository around it, and yet somebody asks for it: walk it plainly.
        return False
    _watch_rules(root, prefix, outputs[3].removesuffix(b"\0"), result)
    skipped = {prefix + path for path in _by_rule(top, outputs[2])}
    nested: list[bytes] = []
    for _ in _scan(root, result, lambda path: path in skipped, start=prefix[:-1], nested=nested):
        pass  # what counts is what the scan notes of each folder
    result.files += [prefix + path for path in files]
    _attributes(top, prefix, files, result)
    known = set(files)
    for path in nested:
        if path[len(prefix) :] in known:  # git tracks it as a whole: a submodule, and not just somebody's clone
            _git_tree(root, path + b"/", result)
    return True


def _by_rule(top: bytes, output: bytes) -> set[bytes]:
    """The folders that a rule ignores, of the output of `ls-files --ignored --directory`: it also names those in which
    all there is is ignored, and in one of these a file may come that counts."""
    named = [path[:-1] for path in output.split(b"\0") if path.endswith(b"/")]
    ignored: set[bytes] = set()
    while named:
        answer = _answer(top, named, "check-ignore", "-z", "--stdin")
        if answer is None:
            return ignored | set(named)
        ignored |= set(answer)
        below: list[bytes] = []
        for path in set(named) - ignored:
            with contextlib.suppress(OSError), os.scandir(os.path.join(top, path)) as entries:
                below += [os.path.join(path, name) for name in _split(entries)[1] if name != b".git"]
        named = below
    return ignored


def _watch_rules(root: bytes, prefix: bytes, excludes: bytes, result: Walk) -> None:
    """What decides which files count besides the files of the project: what is tracked, the repository's rules, the
    user's, and those of the folders above the project."""
    folder = os.path.join(root, prefix).rstrip(b"/") or b"/"
    if not os.path.lexists(os.path.join(folder, b".git")):
        while not os.path.lexists(os.path.join(folder, b".git")) and folder != b"/":
            folder = os.path.dirname(folder)
            _watch_outside(os.path.join(folder, b".gitignore"), result)
    own, common = _git_folders(folder)
    _watch_outside(os.path.join(own, b"index"), result)
    for name in (b"info/exclude", b"config"):
        _watch_outside(os.path.join(common, name), result)
    home = os.path.expanduser(b"~")
    settings = os.environb.get(b"XDG_CONFIG_HOME") or os.path.join(home, b".config")
    own_settings = os.environb.get(b"GIT_CONFIG_GLOBAL") or os.path.join(home, b".gitconfig")
    for path in (own_settings, os.path.join(settings, b"git/config")):
        _watch_outside(os.path.join(folder, path), result)
    # A relative one is relative to where git runs, and so is ours.
    _watch_outside(os.path.join(folder, excludes or os.path.join(settings, b"git/ignore")), result)


def _git_folders(folder: bytes) -> tuple[bytes, bytes]:
    """(the repository's folder of this work tree, the one that all its work trees share). `.git` may be a file that
    names the first, and the first may name the second."""
    own = os.path.join(folder, b".git")
    with contextlib.suppress(OSError), open(own, "rb") as file:
        own = os.path.join(folder, file.read(8192).removeprefix(b"gitdir: ").rstrip(b"\r\n"))
    common = own
    with contextlib.suppress(OSError), open(os.path.join(own, b"commondir"), "rb") as file:
        common = os.path.join(own, file.read(8192).rstrip(b"\r\n"))
    return os.path.normpath(own), os.path.normpath(common)


def _attributes(top: bytes, prefix: bytes, files: list[bytes], result: Walk) -> None:
    """What .gitattributes says about generated and vendored files, as GitHub reads it. Most projects have no such line
    and pay nothing."""
    found = b""
    for path in sorted(path for path in files if path.rpartition(b"/")[2] == b".gitattributes"):
        with contextlib.suppress(OSError), open(os.path.join(top, path), "rb") as file:
            lines = [line for line in file.read().splitlines() if any(name in line for name, _ in LINGUIST)]
            if lines:
                found += prefix + path + b"\n" + b"\n".join(lines) + b"\n"
    if not found:
        return
    found_flags = linguist_flags(top, files)
    if found_flags is not None:
        result.flags_from += found
        result.flags.update((prefix + path, flags) for path, flags in found_flags.items())


def linguist_flags(root: bytes, files: list[bytes]) -> dict[bytes, int] | None:
    """As `Walk.flags`, of some files of a work tree; None when git cannot tell."""
    names = [os.fsdecode(name) for name, _ in LINGUIST]
    output = _answer(root, files, "check-attr", "-z", "--stdin", *names)
    if output is None:
        return None
    bits = dict(LINGUIST)
    flags: dict[bytes, int] = {}
    for path, name, value in zip(output[0::3], output[1::3], output[2::3], strict=False):
        if value in (b"set", b"true"):
            flags[path] = flags.get(path, 0) | bits[name]
        elif value in (b"unset", b"false"):
            flags[path] = flags.get(path, 0) | bits[name] << 8
    return flags


def _answer(root: bytes, paths: list[bytes], *arguments: str) -> list[bytes] | None:
    """What git says about paths that it is told on standard input; None when it cannot. (check-ignore ends with 1 when
    it has nothing to say.)"""
    try:
        process = _git(root, *arguments, stdin=subprocess.PIPE)
    except OSError:
        return None
    output = process.communicate(b"".join(path + b"\0" for path in paths))[0]
    return output.split(b"\0")[:-1] if process.returncode in (0, 1) else None


def _watch_outside(path: bytes, result: Walk) -> None:
    result.outside[path] = outside_now(path)


def outside_now(path: bytes) -> tuple[int, int]:
    """Size and time of something that decides what counts, as the tree has them; it need not be there."""
    try:
        status = os.lstat(path)
    except OSError:
        return 2**64 - 1, 0
    racy = time.time_ns() - status.st_mtime_ns < engine.RACY_NS
    return status.st_size, 0 if racy else status.st_mtime_ns


def git_index(root: bytes) -> list[bytes]:
    """Where the index of the repository is that `root` belongs to."""
    top = _git_top(root)
    return [] if top is None else [os.path.join(_git_folders(top)[0], b"index")]


def tracked_ignored(root: bytes) -> bytes | None:
    """What of git's index decides which files count: those that it tracks although a rule ignores them. All others
    count whether they are tracked or not. None when git cannot tell, or it tracks other repositories as well."""
    try:
        entries = _git(root, "ls-files", "-z", "--stage")
        ignored = _git(root, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")
    except OSError:
        return None
    staged, output = entries.communicate()[0], ignored.communicate()[0]
    if entries.returncode or ignored.returncode or staged.startswith(b"160000 ") or b"\x00160000 " in staged:
        return None
    return output


def _apply_greppyignore(root: bytes, result: Walk) -> None:
    if not result.greppyignores:
        return
    rules = _Gitignore(root, result, (b".greppyignore",))
    for folder in sorted(result.greppyignores):  # the deepest decides, so it comes last
        rules.enter(folder)
    result.files = [path for path in result.files if not rules.ignored_with_parents(path)]


# ----------------------------------------------------------------------------------------------------------- plain


def _carefully(path: str | bytes, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


class _Gitignore:
    """The rules of ignore files, read folder by folder; the deepest file that has a matching rule decides."""

    def __init__(self, root: bytes, result: Walk, names: tuple[bytes, ...] = IGNORE_FILES) -> None:
        self._root = root
        self._result = result
        self._names = names
        self._folders: list[tuple[bytes, Rules]] = []

    def enter(self, folder: bytes) -> None:
        """Reads the rules of one folder. A new rule file changes the folder's time; a changed one must be watched."""
        text = b"\n".join(self._read(os.path.join(self._root, folder, name)) for name in self._names)
        self._put(folder + b"/" if folder else b"", text)

    def add(self, path: bytes) -> None:
        """Reads rules for the whole project from elsewhere; every folder's own come before them."""
        self._put(b"", self._read(path))

    def _read(self, path: bytes) -> bytes:
        try:
            # A link could lead anywhere and is no rule file to git either; a FIFO would keep us waiting.
            with open(path, "rb", opener=_carefully) as file:
                _watch_outside(path, self._result)
                return file.read()
        except OSError:
            return b""

    def _put(self, prefix: bytes, text: bytes) -> None:
        rules = Rules.of(text)
        if rules.rules:
            self._folders.append((prefix, rules))

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
    rules = _plain_rules(root, result)

    def skip(path: bytes) -> bool:
        if path.rpartition(b"/")[2].startswith(b"."):
            return True
        return rules.ignored(path, True)

    for folder, names in _scan(root, result, skip, lambda folder: rules.enter(folder) if folder else None):
        prefix = folder + b"/" if folder else b""
        for name in names:
            if not name.startswith(b".") and not rules.ignored(prefix + name, False):
                result.files.append(prefix + name)


def _plain_rules(root: bytes, result: Walk) -> _Gitignore:
    """The rules of the root's own ignore files."""
    rules = _Gitignore(root, result)
    if os.path.lexists(os.path.join(root, b".git")):
        rules.add(os.path.join(_git_folders(root)[1], b"info/exclude"))  # a repository, and no git to ask
    rules.enter(b"")
    if _ignores_everything(root, rules):
        # Debian's linux-source has such a .gitignore, meant for the packagers' repository. Whoever asks for this folder
        # does not mean an empty index.
        result.warnings.append(f"{os.fsdecode(root)}/.gitignore ignores everything there, so its rules are not applied")
        rules = _Gitignore(root, result, (b".greppyignore",))
        rules.enter(b"")
    return rules


def _ignores_everything(root: bytes, rules: _Gitignore) -> bool:
    with os.scandir(root) as entries:
        files, folders = _split(entries)
    shown = [(name, False) for name in files] + [(name, True) for name in folders]
    shown = [(name, is_folder) for name, is_folder in shown if not name.startswith(b".")]
    return bool(shown) and all(rules.ignored(name, is_folder) for name, is_folder in shown)


def _scan(
    root: bytes,
    result: Walk,
    skip: Callable[[bytes], bool],
    enter: Callable[[bytes], None] | None = None,
    start: bytes = b"",
    nested: list[bytes] | None = None,
) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yields (folder, names of its files) for each folder from `start` down that is not skipped; links are neither
    followed nor yielded.

    Folders with a `.git` of their own are another project's and are left to it; they are added to `nested`."""
    own = own_folder(root)
    pending = [start]
    while pending:
        folder = pending.pop()
        path = os.path.join(root, folder) if folder else root
        try:
            before = os.lstat(path)
            with os.scandir(path) as entries:
                files, folders = _split(entries)
        except (FileNotFoundError, NotADirectoryError):
            continue  # gone while we walked, or a file now: nothing is left out
        except OSError as error:
            result.warnings.append(f"left out: {os.fsdecode(path)}: {error.strerror}")
            result.unreadable.append(folder)
            with contextlib.suppress(OSError):
                result.folders[folder] = os.lstat(path).st_mtime_ns  # another mode has another ctime, which is seen
            continue
        if not stat.S_ISDIR(before.st_mode):
            continue
        if folder != start and b".git" in files + folders:
            result.folders[folder] = before.st_mtime_ns
            if nested is not None:
                nested.append(folder)
            continue
        racy = time.time_ns() - before.st_mtime_ns < engine.RACY_NS
        result.folders[folder] = 0 if racy else before.st_mtime_ns
        if enter is not None:
            enter(folder)
        if b".greppyignore" in files:
            result.greppyignores.append(folder)
        yield folder, files
        prefix = folder + b"/" if folder else b""
        pending += [
            prefix + name
            for name in sorted(folders, reverse=True)
            if name != b".git" and prefix + name != own and not skip(prefix + name)
        ]


def _split(entries: Iterable[os.DirEntry[bytes]]) -> tuple[list[bytes], list[bytes]]:
    files, folders = [], []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            files.append(entry.name)
    return files, folders


# ------------------------------------------------------------------------------------------------------- single paths


class Admission:
    """Which of some new names count: what `walk` would say of them. `by_git`: see the function of that name."""

    def __init__(self, root: bytes, by_git: bool) -> None:
        self._root = root
        self._own = own_folder(root)
        self._by_git = by_git
        self._rules = _Gitignore(root, Walk(), (b".greppyignore",)) if by_git else _plain_rules(root, Walk())
        self._entered = {b""}
        if by_git:
            self._rules.enter(b"")

    def admit(self, names: list[tuple[bytes, int]]) -> set[bytes] | None:
        """The paths that are files of the project, or folders to be entered, of (path, type as in `st_mode`); the
        folders they are in must count. None when git cannot tell."""
        names = [(path, mode) for path, mode in names if path != self._own]
        for path, _ in names:
            self._enter(path.rpartition(b"/")[0])
        if not self._by_git:
            return {path for path, mode in names if self._plain(path, mode)}
        known = [path for path, mode in names if stat.S_ISDIR(mode) or stat.S_ISREG(mode) or stat.S_ISLNK(mode)]
        ignored = _answer(self._root, known, "check-ignore", "-z", "--stdin") if known else []
        if ignored is None:
            return None
        folders = {path for path, mode in names if stat.S_ISDIR(mode)}
        counted = set(known) - set(ignored)
        return {path for path in counted if path in folders or not self._rules.ignored_with_parents(path)}

    def _enter(self, folder: bytes) -> None:
        if folder not in self._entered:
            self._entered.add(folder)
            self._enter(folder.rpartition(b"/")[0])
            self._rules.enter(folder)

    def _plain(self, path: bytes, mode: int) -> bool:
        if path.rpartition(b"/")[2].startswith(b".") or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            return False
        return not self._rules.ignored(path, stat.S_ISDIR(mode))


def by_git(outside: Iterable[bytes]) -> bool:
    """Whether git listed the project, as the absolute paths tell that its walk noted."""
    return any(path.endswith(b"/index") for path in outside)
