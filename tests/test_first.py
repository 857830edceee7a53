"""The first search of a small project builds the index without Python: the very index that `greppy index` builds."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import REALISTIC, Done, Project, Run, assert_error

from greppy._core import engine
from greppy.index.build import build_index
from greppy.index.commit import load_tree
from greppy.index.reader import Segment

WITHOUT_RUNTIME = "/dev/null/runtime"  # no runtime can be unpacked there: who needs one fails


@pytest.fixture
def cold(run: Run, env: dict[str, str]) -> Callable[..., Done]:
    """A search that cannot start Python."""

    def search(*arguments: str, cwd: os.PathLike[str], **changes: str) -> Done:
        return run("search", *arguments, cwd=cwd, env={**env, "GREPPY_RUNTIME_DIR": WITHOUT_RUNTIME, **changes})

    return search


def many(n: int = 120) -> dict[str, str]:
    """Enough text for several processes."""
    return {
        f"pkg{i % 7}/module_{i}.py": "".join(
            f"def handler_{i}_{k}(request, limit_{k % 5}=None):\n    '''Answers request {k}.'''\n    return {i * k}\n\n"
            for k in range(60)
        )
        for i in range(n)
    }


def fill(project: Project) -> None:
    project.fill({**REALISTIC, **many(), ".github/workflows/ci.yml": "on: push\n", "credentials.json": "{}\n"})
    project.write("deep/er/est/x.go", "package x\n\nfunc Needle() {}\n")
    (project.root / "data.bin").write_bytes(b"\0\1\2" * 1000)
    (project.root / "wide.txt").write_bytes("needle in utf-16\n".encode("utf-16"))
    (project.root / "broken.py").write_bytes(b"needle = '\xff\xfe\xfd'\n")
    (project.root / "large.txt").write_bytes(b"needle\n" * 200_000)
    (project.root / "empty.py").write_bytes(b"")
    (project.root / "nothing").mkdir()
    (project.root / "link.py").symlink_to("shop/retry.py")
    (project.root / "away").symlink_to("/usr")
    project.write(b"odd \n\xff name.py", "needle = 2\n")
    project.age()


def contents(folder: Path) -> dict[str, object]:
    """All that an index says, but for the numbers of its segments."""
    manifest = folder / "manifest"
    directory = engine.store_directory(os.fsencode(manifest), b"manifest")
    data = manifest.read_bytes()
    found: dict[str, object] = {"generation": directory["serial"]}
    for name, (_, item, offset, count) in directory["arrays"].items():
        if name not in ("segments", "page_sums"):
            found[name] = data[offset : offset + item * count]
    found["tree"] = load_tree(os.fsencode(folder / f"{directory['serial']:016x}.tree"))
    segments = sorted(folder.glob("*.seg"))
    found["segments"] = len(segments)
    for segment in segments:
        for name, array in Segment(str(segment)).arrays.items():
            if name != "page_sums":  # the header, with the segment's number, is on the first page
                found[f"segment {name}"] = np.asarray(array).tobytes()
    return found


def same_as_built(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = project.index_folder()
    native = contents(mine)
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "other"))
    build_index(project.root, threads=1)
    (theirs,) = (tmp_path / "other").glob("*")
    built = contents(theirs)
    assert native["tree"] == built["tree"]
    assert native == built
    assert {path.suffix for path in mine.iterdir()} == {"", ".seg", ".tree"}


# --------------------------------------------------------------------------------------------------- what is the same


def test_plain_folder(
    project: Project, cold: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(project)
    done = cold("retry with backoff", "-n1", cwd=project.root)
    assert done.returncode == 0, done
    assert done.stdout.startswith(b"shop/retry.py:"), done
    assert done.stderr == b""
    same_as_built(project, monkeypatch, tmp_path)


@pytest.mark.parametrize("ignores", [False, True], ids=["usual", "ignored"])
def test_repository(
    project: Project,
    cold: Callable[..., Done],
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    needs_git: None,
    ignores: bool,
) -> None:
    fill(project)
    project.git("init")
    if ignores:
        project.write(".gitignore", "build/\n*.log\n/skipped\n")
        project.fill(
            {
                "build/x.py": "needle\n", "build/kept.py": "kept = 1\n", "a.log": "needle\n",
                "skipped/deep/y.py": "needle\n", "skipped/a.log": "needle\n",
            }
        )  # fmt: skip
        project.git("add", "-f", "build/kept.py")
        Path(env["HOME"], ".gitconfig").write_text("[core]\n\texcludesFile = ~/ignore\n")
        Path(env["HOME"], "ignore").write_text("*.mine\n")
        project.write("x.mine", "needle\n")
        project.age()
    project.git("add", "shop", "link.py")
    time.sleep(0.03)  # git's own files are younger than the clock's tick otherwise, and prove nothing
    done = cold("needle", "--files", cwd=project.root)
    assert done.returncode == 0, done
    assert b"build/x.py" not in done.stdout
    assert b"x.mine" not in done.stdout
    same_as_built(project, monkeypatch, tmp_path)


def test_from_a_folder_below_with_names_like_git_variables(
    project: Project, cold: Callable[..., Done], needs_git: None
) -> None:
    fill(project)
    project.git("init")
    done = cold("place order", "-n1", cwd=project.root / "shop", GIT_DIR="/nowhere", GIT_SSL_CAINFO="x")
    assert done.stdout.startswith(b"orders.py:"), done


def test_second_search_finds_it_fresh_and_a_change_is_seen(
    project: Project, cold: Callable[..., Done], run: Run
) -> None:
    fill(project)
    first = cold("needle", "--json", cwd=project.root)
    second = cold("needle", "--json", cwd=project.root)
    assert json.loads(first.stdout)["results"] == json.loads(second.stdout)["results"]
    project.write("new.py", "def needle_again(): pass\n")
    assert b"new.py" in run("search", "needle_again", cwd=project.root).stdout
    assert run("check", cwd=project.root).returncode == 0


def test_reader_that_has_enough(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    fill(project)
    script = f"{cold.__name__}"
    assert script
    done = subprocess.run(
        ["/bin/sh", "-c", f"'{greppy_bin}' search handler | head -n 1"],
        cwd=project.root, env={**env, "GREPPY_RUNTIME_DIR": WITHOUT_RUNTIME}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""
    assert (project.index_folder() / "manifest").exists()


# ------------------------------------------------------------------------------------------ what is left to the runtime


def submodule(project: Project) -> None:
    project.git("init")
    project.git("init", "-q", "inner")


def greppyignore(project: Project) -> None:
    project.write(".greppyignore", "x\n")


def all_ignored_but_not_the_folder(project: Project) -> None:
    project.git("init")
    project.write("own/.gitignore", "*\n")
    project.write("own/deep/x.py", "needle\n")


def gitignore_without_git(project: Project) -> None:
    project.write("deep/.gitignore", "x\n")


def attributes(project: Project) -> None:
    project.git("init")
    project.write(".gitattributes", "*.py linguist-generated\n")


def settings_for_indexing(project: Project) -> None:
    folder = Path(os.environ["XDG_CONFIG_HOME"], "greppy")
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('max_filesize = "2M"\n')


def left_over(project: Project) -> None:
    folder = Path(os.fsdecode(engine.index_folder(os.fsencode(os.path.realpath(project.root)))))
    folder.mkdir(parents=True)
    (folder / "0000000000000001.seg").write_bytes(b"killed while it was written")


@pytest.mark.parametrize(
    "unusual",
    [
        submodule,
        greppyignore,
        all_ignored_but_not_the_folder,
        gitignore_without_git,
        attributes,
        settings_for_indexing,
        left_over,
    ],
    ids=lambda function: function.__name__,
)
def test_what_is_unusual_is_left_to_the_runtime(
    project: Project,
    cold: Callable[..., Done],
    run: Run,
    needs_git: None,
    unusual: Callable[[Project], None],
) -> None:
    project.fill(REALISTIC)
    unusual(project)
    assert_error(cold("place order", cwd=project.root), "runtime")
    done = run("search", "place order", "-n1", cwd=project.root)
    assert done.stdout.startswith(b"shop/orders.py:"), done


# ----------------------------------------------------------------------------------------------------- what goes wrong


def test_nothing_is_left_when_the_disk_is_full(project: Project, run: Run) -> None:
    """As a limit on the size of files says it; the runtime then fails in its own words."""
    fill(project)
    limited = ("/bin/sh", "-c", 'ulimit -f 8; exec "$0" "$@"')
    done = run("search", "needle", cwd=project.root, prefix=limited)
    assert done.returncode == 2, done
    assert done.stdout == b""
    assert {path.name for path in project.index_folder().iterdir()} <= {"lock"}


def test_index_folder_that_cannot_be_made(project: Project, cold: Callable[..., Done]) -> None:
    project.fill(REALISTIC)
    assert_error(cold("needle", cwd=project.root, GREPPY_INDEX_DIR="/proc/greppy"), "runtime")


def test_killed_at_any_moment(project: Project, run: Run, env: dict[str, str], greppy_bin: Path) -> None:
    """The next search answers, and `check` finds nothing wrong."""
    fill(project)
    for step in range(12):
        process = subprocess.Popen(
            [greppy_bin, "search", "handler"], cwd=project.root, env=env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(0.004 * step)
        process.kill()
        process.wait()
        done = run("search", "retry with backoff", "-n1", cwd=project.root)
        assert done.stdout.startswith(b"shop/retry.py:"), done
        assert run("check", cwd=project.root).returncode == 0
        run("forget", cwd=project.root)


def test_two_at_once(project: Project, run: Run, env: dict[str, str], greppy_bin: Path) -> None:
    fill(project)
    processes = [
        subprocess.Popen(
            [greppy_bin, "search", "retry with backoff", "-n1"], cwd=project.root, env=env, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    outputs = {process.communicate(timeout=60)[0] for process in processes}
    assert len(outputs) == 1
    assert run("check", cwd=project.root).returncode == 0
