"""What the tests share: the delivered executable, an environment of their own, a small project to search in."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pexpect
import pytest
from hypothesis import HealthCheck, settings
from providers import Server

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534
TIMEOUT = 60.0

# A machine that does other things too makes deadlines fail at random.
settings.register_profile("greppy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("greppy")

# What a terminal does not show: colours, and links as OSC 8 has them.
SGR = rb"\x1b\[[0-9;]*m"
LINK = rb"\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\)"
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|" + LINK)

Argument = str | bytes | os.PathLike[str]
Done = subprocess.CompletedProcess[bytes]
Run = Callable[..., Done]

# A package with a command line, its tests, an example, other languages and a page of text.
REALISTIC = {
    "README.md": "# shop\n\nRetry with backoff for the order service.\n\n## Usage\n\nCall `retry_with_backoff`.\n",
    "shop/__init__.py": '"""A shop."""\n\nfrom shop.retry import retry_with_backoff\n',
    "shop/retry.py": (
        '"""Calling again what failed."""\n\nimport random\nimport time\n\n\n'
        "class RetryError(Exception):\n"
        '    """Every attempt failed."""\n\n\n'
        "def retry_with_backoff(call, attempts=5, base=0.1):\n"
        '    """Calls again after a failure, waiting twice as long each time."""\n'
        "    for attempt in range(attempts):\n        try:\n            return call()\n"
        "        except OSError:\n            time.sleep(base * 2**attempt + random.random())\n"
        "    raise RetryError(attempts)\n"
    ),
    "shop/orders.py": (
        "from shop.retry import retry_with_backoff\n\n\n"
        "class OrderService:\n"
        '    """Places orders."""\n\n'
        "    def place_order(self, basket):\n"
        "        return retry_with_backoff(lambda: self.client.post(basket))\n\n"
        "    def cancel_order(self, number):\n"
        "        return retry_with_backoff(lambda: self.client.delete(number))\n"
    ),
    "shop/money.py": (
        "CURRENCIES = ['EUR', 'USD']\n\n\n"
        "def parse_price(text):\n"
        '    """Cents of a price such as 12.50 EUR."""\n'
        "    number, currency = text.split()\n"
        "    if currency not in CURRENCIES:\n        raise ValueError(currency)\n"
        "    return round(float(number) * 100)\n"
    ),
    "tests/test_retry.py": (
        "from shop.retry import retry_with_backoff\n\n\n"
        "def test_retry_with_backoff_retries():\n"
        "    assert retry_with_backoff(lambda: 1) == 1\n"
    ),
    "examples/retry_example.py": (
        "from shop import retry_with_backoff\n\n\n"
        "def retry_with_backoff_example():\n    print(retry_with_backoff(lambda: 'ok'))\n"
    ),
    "src/http.rs": (
        "/// Parses an HTTP date.\npub fn parse_http_date(text: &str) -> Option<u64> {\n"
        "    let mut parts = text.split(' ');\n    parts.next()?.parse().ok()\n}\n\n"
        "pub struct HttpClient {\n    retries: u32,\n}\n\n"
        "impl HttpClient {\n    pub fn send(&self) -> bool {\n        self.retries > 0\n    }\n}\n"
    ),
    "src/pool.c": (
        "#include <stdlib.h>\n\nstruct pool {\n    int size;\n};\n\n"
        "/* Takes a connection out of the pool. */\n"
        "struct pool *pool_acquire(struct pool *p)\n{\n    p->size--;\n    return p;\n}\n"
    ),
    "web/cart.ts": (
        "export interface Cart {\n  items: string[];\n}\n\n"
        "export function addToCart(cart: Cart, item: string): Cart {\n"
        "  return { items: [...cart.items, item] };\n}\n"
    ),
    "Makefile": "test:\n\tpytest tests\n",
}


# Under nohup, or behind `&` in a script, these are ignored, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def binary() -> Path:
    return Path(os.environ.get("GREPPY_BIN") or ROOT / "dist" / "greppy").absolute()


@pytest.fixture(scope="session")
def greppy_bin() -> Path:
    """The delivered executable; GREPPY_BIN names another one."""
    path = binary()
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there: run `make build`, or set GREPPY_BIN", pytrace=False)
    return path


@pytest.fixture(scope="session")
def runtime_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the executable unpacks its runtime: once for all tests."""
    return tmp_path_factory.mktemp("runtime")


def clean_environment(home: Path, runtime: Path) -> dict[str, str]:
    """Nothing of the caller's but PATH; every folder that a program may write to is below `home`."""
    folders = {
        "HOME": home,
        "XDG_CACHE_HOME": home / "cache",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "XDG_RUNTIME_DIR": home / "run",
    }
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        **{name: str(folder) for name, folder in folders.items()},
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "GREPPY_RUNTIME_DIR": str(runtime),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        # What scripts/sanitize.py sets is for every program.
        **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ},
    }


@pytest.fixture
def env(tmp_path: Path, runtime_dir: Path) -> dict[str, str]:
    """A clean environment for programs; change it as you like."""
    return clean_environment(tmp_path / "home", runtime_dir)


@pytest.fixture(autouse=True)
def _own_environment(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what runs in this process."""
    for name in list(os.environ):
        if name.startswith(("GREPPY_", "XDG_", "GIT_")) or name in ("NO_COLOR", "CLICOLOR_FORCE"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run(greppy_bin: Path, env: dict[str, str], tmp_path: Path) -> Run:
    """`run("search", "x", cwd=…, input=…, env=…, prefix=…)`: the delivered executable, with everything it printed."""

    def run_it(
        *arguments: Argument,
        cwd: os.PathLike[str] | None = None,
        input: bytes | None = None,
        env: Mapping[str, str] = env,
        prefix: tuple[str, ...] = (),
        program: os.PathLike[str] = greppy_bin,
        timeout: float = TIMEOUT,
        **options: object,
    ) -> Done:
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        if input is None:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            [*prefix, program, *arguments], cwd=cwd or tmp_path, input=input, env=dict(env), timeout=timeout, **options
        )

    return run_it


def assert_error(done: Done, *words: str) -> None:
    """One sentence on standard error, nothing on standard output, exit status 2."""
    assert done.returncode == 2, done
    assert done.stdout == b"", done
    text = done.stderr.decode("utf-8", "replace")
    assert re.fullmatch(r"greppy: [^\n]+\n", text), done
    assert "Traceback" not in text
    for word in words:
        assert word in text, done


class Terminal:
    """The executable on a terminal of its own."""

    def __init__(self, program: Path, env: dict[str, str]) -> None:
        self._program = program
        self._env = env

    def start(self, *arguments: str, cwd: Path, columns: int = 80, **more: str | None) -> pexpect.spawn:  # type: ignore[type-arg]
        env = {**self._env, "TERM": "xterm-256color"}
        for name, value in more.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
        child = pexpect.spawn(
            str(self._program), list(arguments), cwd=str(cwd), env=env, dimensions=(24, columns), timeout=60, echo=False
        )
        child.delaybeforesend = None
        return child

    def run(self, *arguments: str, cwd: Path, columns: int = 80, **more: str | None) -> tuple[int, bytes]:
        """Exit status and all that came, with the terminal's \\r\\n as \\n."""
        child = self.start(*arguments, cwd=cwd, columns=columns, **more)
        child.expect(pexpect.EOF)
        child.close()
        status = child.exitstatus if child.exitstatus is not None else -(child.signalstatus or 0)
        return status, child.before.replace(b"\r\n", b"\n")


def visible(output: bytes) -> str:
    return ESCAPES.sub(b"", output).decode()


@pytest.fixture
def terminal(greppy_bin: Path, env: dict[str, str]) -> Terminal:
    return Terminal(greppy_bin, env)


class Project:
    """A folder with files, and the executable run in it."""

    def __init__(self, root: Path, run: Run, env: Mapping[str, str]) -> None:
        self.root = root
        self._run = run
        self._env = env

    def write(self, path: str | bytes, text: str | bytes) -> Path:
        """Writes a file, and the folders above it."""
        full = self.root / os.fsdecode(path)
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(text.encode() if isinstance(text, str) else text)
        return full

    def fill(self, files: Mapping[str, str | bytes]) -> Project:
        """Writes the files and makes them look an hour old."""
        for path, text in files.items():
            self.write(path, text)
        return self.age()

    def realistic(self) -> Project:
        return self.fill(REALISTIC)

    def age(self) -> Project:
        """Every file and folder was changed an hour ago: none is too young for its time to prove anything."""
        then = time.time_ns() - 3600 * 10**9
        for folder, _, names in os.walk(os.fsencode(self.root), topdown=False):
            for name in names:
                os.utime(os.path.join(folder, name), ns=(then, then), follow_symlinks=False)
            os.utime(folder, ns=(then, then))
        return self

    def large(self, links: int = 150) -> Project:
        """A second of work or more: one file under many names."""
        text = "".join(
            f"def handler_{i}(request, value):\n    return request.process(value, {i})\n\n\n" for i in range(4000)
        )
        first = self.write("first.py", text)
        for number in range(links):
            os.link(first, self.root / f"f{number:03}.py")
        return self.age()

    def run(self, *arguments: Argument, **options: object) -> Done:
        options.setdefault("cwd", self.root)
        return self._run(*arguments, **options)

    def search(self, *arguments: Argument, **options: object) -> Done:
        return self.run("search", *arguments, **options)

    def index(self, *arguments: Argument, **options: object) -> Done:
        """Runs `greppy index`, which has to end well."""
        done = self.run("index", *arguments, **options)
        assert done.returncode == 0, done
        return done

    def lines(self, *arguments: Argument, **options: object) -> list[str]:
        """The lines that a search prints; it must find or not find, without a word on standard error."""
        done = self.search(*arguments, **options)
        assert done.stderr == b"", done
        assert done.returncode == (0 if done.stdout else 1), done
        return done.stdout.decode("utf-8", "surrogateescape").splitlines()

    def files(self, *arguments: Argument, **options: object) -> list[str]:
        """The paths that a search finds, best first."""
        return self.lines("-l", *arguments, **options)

    def git(self, *arguments: str, cwd: Path | None = None) -> None:
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *arguments],
            cwd=cwd or self.root, env=dict(self._env), capture_output=True, timeout=TIMEOUT,
        )  # fmt: skip
        assert done.returncode == 0, done

    def index_folder(self) -> Path:
        """Where this project's index lies; a test has one project with an index."""
        [folder] = (Path(self._env["XDG_CACHE_HOME"]) / "greppy" / "index").iterdir()
        return folder


@pytest.fixture
def project(tmp_path: Path, run: Run, env: dict[str, str]) -> Project:
    """An empty project; `project.realistic()` fills it."""
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, run, env)


@pytest.fixture
def shop(project: Project) -> Project:
    """The realistic project, indexed."""
    project.realistic()
    project.index("-q")
    return project


@pytest.fixture
def large(project: Project) -> Project:
    """A project that takes a second or more to index; `shop` and `large` together are one project."""
    return project.large()


@pytest.fixture
def needs_git() -> None:
    if shutil.which("git") is None:
        pytest.skip("no git here")


@pytest.fixture(scope="session")
def other_place(greppy_bin: Path) -> Iterator[Path]:
    """A folder that every user can reach, with the executable and a place for NOBODY's runtime."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    folder = Path(tempfile.mkdtemp(prefix="greppy-"))
    folder.chmod(0o755)
    shutil.copy(greppy_bin, folder / "greppy")
    python = greppy_bin.with_name("python3")
    if python.exists():  # not the delivered file but one that is installed, whose runtime is the Python beside it
        (folder / "python3").write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n')
        (folder / "python3").chmod(0o755)
    (folder / "runtime").mkdir(mode=0o700)
    os.chown(folder / "runtime", NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run_as_other(other_place: Path, run: Run, env: dict[str, str], tmp_path: Path) -> Iterator[Run]:
    """`run`, by a user without root's powers, who owns the folders of `env`."""
    opened = []
    for folder in (tmp_path, *tmp_path.parents):
        mode = folder.stat().st_mode
        if mode & 0o005 == 0o005:
            break
        opened.append((folder, mode))
        folder.chmod(0o755)
    for folder in (tmp_path / "home", *(tmp_path / "home").rglob("*")):
        os.chown(folder, NOBODY, NOBODY)
    words = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all")
    theirs = {**env, "GREPPY_RUNTIME_DIR": str(other_place / "runtime")}

    def run_it(*arguments: Argument, **options: object) -> Done:
        options.setdefault("env", theirs)
        return run(*arguments, prefix=words, program=other_place / "greppy", **options)

    yield run_it
    for folder, mode in opened:
        folder.chmod(mode & 0o7777)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 256 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root and mount")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0755", "none", folder], capture_output=True)
    if done.returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider of smart search on loopback, which behaves until it is told otherwise."""
    with Server() as found:
        yield found
