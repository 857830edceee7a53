"""What breaks from outside: kills, full disks, folders nobody may write, damaged files, several writers at once."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Done, Project, Run
from test_cli_search import assert_error

QUERIES = ("retry with backoff", "OrderService", "parse http date", "pool", "zyxwv cart")


def answers(project: Project, *flags: str) -> list[bytes]:
    """What a project answers, without the time it took."""
    outputs = []
    for query in QUERIES:
        done = project.search(query, "--json", "-n", "50", *flags)
        assert done.returncode == 0, done
        assert done.stderr == b"", done
        outputs.append(re.sub(rb'"elapsed_ms":[\d.]+,', b"", done.stdout))
    return outputs


def assert_says_how_to_rebuild(done: Done) -> None:
    assert_error(done, "damaged", "greppy index --force")


# ----------------------------------------------------------------------------------------------------------- kills


def add_much(project: Project, number: int, count: int = 40) -> None:
    text = "".join(f"def killed_{number}_{i}(value):\n    return value + {i}\n\n\n" for i in range(1500))
    for i in range(count):
        project.write(f"more/{i}.py", text)


def test_kills_at_random_moments(shop: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """The old index stays whole and searchable, the next run completes, and nothing is left lying about."""
    chance = random.Random(7)
    before = answers(shop, "--no-refresh", "-g", "!more/**")
    ended = 0
    for number in range(10):
        add_much(shop, number)
        child = subprocess.Popen(
            [greppy_bin, "index"],
            cwd=shop.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        # The walk begins after some 60 ms; the commit is over after some 300.
        time.sleep(chance.choice((chance.uniform(0, 0.1), chance.uniform(0.05, 0.4))))
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate(timeout=60)
        ended += child.returncode == -signal.SIGKILL
        assert shop.files("OrderService", "--no-refresh")[0] == "shop/orders.py"
        for line in shop.lines(f"killed_{number}_7", "--no-refresh", "-n", "5"):
            path, at, text = line.split(":", 2)
            assert (shop.root / path).read_text().split("\n")[int(at) - 1] == text
    assert ended >= 3
    shop.index("-q")
    assert len(shop.files(f"killed_{number}_7", "more", "-n", "100")) == 40
    assert_tidy(shop)
    shutil.rmtree(shop.root / "more")
    assert answers(shop, "-g", "!more/**") == before
    assert_tidy(shop)


def assert_tidy(project: Project) -> None:
    """The lock, the manifest, one tree, and the segments."""
    names = sorted(path.name for path in project.index_folder().iterdir())
    assert [name for name in names if not name.endswith(".seg")] == [
        next(name for name in names if name.endswith(".tree")), "lock", "manifest",
    ]  # fmt: skip
    assert 1 <= len([name for name in names if name.endswith(".seg")]) <= 8


def test_a_kill_during_the_first_build(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    project.realistic()
    add_much(project, 1)
    for delay in (0.03, 0.1, 0.15, 0.2):
        child = subprocess.Popen(
            [greppy_bin, "search", "OrderService"], cwd=project.root, env=env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        time.sleep(delay)
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate(timeout=60)
    assert project.files("OrderService")[0] == "shop/orders.py"
    assert_tidy(project)


def test_what_a_killed_writer_left_is_removed(shop: Project) -> None:
    folder = shop.index_folder()
    for name in ("00000000000000aa.seg", "ffffffffffffffff.tree", "manifest.new", "0123456789abcdef.seg"):
        (folder / name).write_bytes(b"half a file")
    (folder / "notes.txt").write_text("somebody's own")
    shop.write("shop/new.py", "def brand_new():\n    pass\n")
    assert shop.files("brand_new") == ["shop/new.py"]
    assert (folder / "notes.txt").exists()
    (folder / "notes.txt").unlink()
    assert_tidy(shop)


def test_what_a_killed_writer_left_is_removed_when_nothing_has_changed(shop: Project) -> None:
    folder = shop.index_folder()
    (folder / "00000000000000aa.seg").write_bytes(b"half a file")
    assert shop.index().stdout.startswith(b"up to date")
    assert_tidy(shop)


def test_the_indexer_is_killed_under_a_search(shop: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """The search says so and answers from the old index, without what changed."""
    add_much(shop, 1, 200)
    shop.write("shop/money.py", "def parse_price():\n    pass\n")
    child = subprocess.Popen(
        [greppy_bin, "search", "-l", "OrderService parse_price"],
        cwd=shop.root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(0.15)
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    if not children.exists():
        child.kill()
        pytest.skip("the kernel does not tell a process's children")
    for number in children.read_text().split():
        os.kill(int(number), signal.SIGKILL)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    if err:
        assert b"ended by a signal" in err
        assert b"shop/money.py" not in out
    assert out.startswith(b"shop/orders.py\n")


# ------------------------------------------------------------------------------------------------ disks and folders


def test_a_full_disk(project: Project, env: dict[str, str], small_disk: Path) -> None:
    project.realistic()
    there = {**env, "GREPPY_INDEX_DIR": str(small_disk)}
    project.index("-q", env=there)
    [folder] = small_disk.iterdir()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for number in range(60):
        project.write(
            f"more/{number}.py", "".join(f"def full_{number}_{i}_{i * number}():\n    pass\n" for i in range(400))
        )
    assert_error(project.run("index", env=there), "space", str(small_disk))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    done = project.search("OrderService", "-l", "--no-refresh", env=there)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"shop/orders.py\n")
    done = project.search("OrderService", "-l", env=there)
    assert done.returncode == 0
    assert done.stdout.startswith(b"shop/orders.py\n")
    assert b"space" in done.stderr
    assert b"Traceback" not in done.stderr
    shutil.rmtree(project.root / "more")
    project.index("-q", env=there)
    assert project.files("OrderService", env=there)[0] == "shop/orders.py"


@pytest.mark.parametrize("left", [0, 4096, 8192, 20_000, 40_000])
def test_a_disk_that_is_nearly_full(project: Project, env: dict[str, str], small_disk: Path, left: int) -> None:
    """Wherever the space ends, the index is the old one or the new one."""
    project.realistic()
    there = {**env, "GREPPY_INDEX_DIR": str(small_disk)}
    project.index("-q", env=there)
    project.write("shop/new.py", "".join(f"def brand_new_{i}():\n    pass\n" for i in range(300)))
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - left)))
    done = project.run("index", env=there)
    assert done.returncode in (0, 2)
    if done.returncode:
        assert_error(done, "space")
    found = project.search("brand_new_7", "-l", "--no-refresh", env=there)
    assert (found.returncode, found.stderr) == (done.returncode // 2, b"")
    assert project.search("OrderService", "-l", "--no-refresh", env=there).stdout.startswith(b"shop/orders.py\n")


def test_a_limit_on_the_size_of_files(shop: Project) -> None:
    """`ulimit -f`: the kernel refuses, with a signal, what would be too long."""
    add_much(shop, 1)
    done = shop.run("index", prefix=("/bin/sh", "-c", 'ulimit -f 8; exec "$0" "$@"'))
    assert_error(done)
    assert shop.files("OrderService", "--no-refresh")[0] == "shop/orders.py"


def test_a_cache_that_cannot_be_written(project: Project, run_as_other: Run, env: dict[str, str]) -> None:
    project.realistic()
    cache = Path(env["XDG_CACHE_HOME"])
    cache.chmod(0o500)
    done = run_as_other("search", "OrderService", "-p", project.root)
    assert_error(done, str(cache), "GREPPY_INDEX_DIR")
    assert_error(run_as_other("index", "-p", project.root), str(cache), "GREPPY_INDEX_DIR")
    cache.chmod(0o700)
    # with an index: it answers, and says that it could not be brought up to date
    assert run_as_other("index", "-q", "-p", project.root).returncode == 0
    [folder] = (cache / "greppy" / "index").iterdir()
    folder.chmod(0o500)
    done = run_as_other("search", "-l", "OrderService", "-p", project.root)
    assert (done.returncode, done.stderr) == (0, b"")
    project.write("shop/money.py", "def changed_price():\n    pass\n")
    done = run_as_other("search", "-l", "OrderService parse_price", "-p", project.root)
    assert done.returncode == 0
    assert done.stdout.startswith(b"project/shop/orders.py\n")
    assert b"money.py" not in done.stdout
    assert b"could not be brought up to date" in done.stderr
    assert b"Traceback" not in done.stderr
    assert_error(run_as_other("index", "-p", project.root), "GREPPY_INDEX_DIR")
    # and an index that may not even be read
    folder.chmod(0o000)
    done = run_as_other("search", "OrderService", "-p", project.root)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"Permission denied" in done.stderr
    folder.chmod(0o700)


def test_the_index_folder_is_a_file(shop: Project) -> None:
    folder = shop.index_folder()
    shutil.rmtree(folder)
    folder.write_text("what is this")
    assert_error(shop.search("OrderService"), "cannot open the index", "Not a directory")
    assert_error(shop.run("index"), str(folder))
    assert_error(shop.run("index", "--force"), str(folder))
    folder.unlink()
    assert shop.files("OrderService")[0] == "shop/orders.py"


def test_the_place_of_indexes_is_a_file(project: Project, env: dict[str, str], tmp_path: Path) -> None:
    project.realistic()
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        there = {**env, "GREPPY_INDEX_DIR": str(place)}
        assert_error(project.run("index", env=there), str(place))
        done = project.search("OrderService", env=there)
        assert done.returncode == 2
        assert done.stdout == b""
        assert b"Traceback" not in done.stderr


def test_the_manifest_is_a_folder(shop: Project) -> None:
    manifest = shop.index_folder() / "manifest"
    manifest.unlink()
    manifest.mkdir()
    done = shop.search("OrderService")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    done = shop.run("index", "--force")
    assert done.returncode in (0, 2)
    assert b"Traceback" not in done.stderr


def test_the_lock_is_a_link(shop: Project, tmp_path: Path) -> None:
    """Nobody must get us to open something else."""
    lock = shop.index_folder() / "lock"
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    done = shop.run("index", "--force")
    assert_error(done, "lock")
    assert not (tmp_path / "elsewhere").exists()


def test_no_memory_to_speak_of(shop: Project) -> None:
    """A search in 40 MB of address space."""
    done = shop.search("-l", "OrderService", prefix=("/bin/sh", "-c", 'ulimit -v 40000; exec "$0" "$@"'))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"shop/orders.py\n")
    for limit in (2000, 1500, 1000, 500):
        done = shop.search("-l", "OrderService", prefix=("/bin/sh", "-c", f'ulimit -v {limit}; exec "$0" "$@"'))
        if done.returncode >= 0 and done.returncode < 126:  # else the kernel could not even start it
            assert done.returncode in (0, 2)


def test_few_open_files(shop: Project) -> None:
    for limit in (3, 4, 5, 8):
        done = shop.search(
            "-l", "OrderService", "--no-refresh", prefix=("/bin/sh", "-c", f'ulimit -n {limit}; exec "$0" "$@"')
        )
        assert done.returncode in (0, 1, 2), limit
        if done.returncode == 0:
            assert done.stdout.startswith(b"shop/orders.py\n")
    done = shop.run("index", "--force", prefix=("/bin/sh", "-c", 'ulimit -n 30; exec "$0" "$@"'))
    assert done.returncode == 0, done


# ---------------------------------------------------------------------------------------------------------- damage


class Damaged:
    """An index whose files can be spoilt and put back."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = project.index_folder()
        self.files = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name != "lock"}
        self.right = [self.answer(query, "--no-refresh") for query in QUERIES]

    def answer(self, query: str, *flags: str) -> Done:
        done = self.project.search(query, "--json", "-n", "50", *flags)
        done.stdout = re.sub(rb'"elapsed_ms":[\d.]+,', b"", done.stdout)
        return done

    def restore(self) -> None:
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()
        for name, data in self.files.items():
            (self.folder / name).write_bytes(data)

    def check(self, what: str, *flags: str) -> bool:
        """Each query gives exactly the right answer, or the sentence. Whether any gave the sentence."""
        noticed = False
        for query, right in zip(QUERIES, self.right, strict=True):
            done = self.answer(query, *flags)
            assert done.returncode >= 0, (what, done)
            assert b"Traceback" not in done.stderr, (what, done)
            if done.returncode == 2:
                assert_says_how_to_rebuild(done)
                noticed = True
            else:
                assert done.stdout == right.stdout, (what, done)
        return noticed

    def name(self, suffix: str) -> str:
        return max((name for name in self.files if name.endswith(suffix)), key=lambda name: len(self.files[name]))


@pytest.fixture
def damaged(shop: Project) -> Damaged:
    """Two segments, one with deletions."""
    shop.write("shop/money.py", "def parse_price(text):\n    return int(text)\n")
    shop.write("web/more.ts", "export function emptyCart(cart: Cart) {\n  return 0;\n}\n")
    shop.age()
    shop.index("-q")
    shop.lines("cart")
    return Damaged(shop)


def mutations(data: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Flipped bits all over the file, and other bytes where the numbers are that lead elsewhere."""
    chance = random.Random(seed)
    step = max(1, len(data) // count)
    for start in range(0, len(data), step):
        at = min(start + chance.randrange(step), len(data) - 1)
        bit = 1 << chance.randrange(8)
        yield f"bit {bit} of byte {at}", data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
    for at in chance.sample(range(0, min(len(data), 1024), 8), min(12, len(data) // 8)):
        for value in (b"\0" * 8, b"\xff" * 8):
            yield f"{value!r} at {at}", (data[:at] + value + data[at + 8 :])[: len(data)]


@pytest.mark.parametrize(("suffix", "count"), [(".seg", 70), ("manifest", 40), (".tree", 20)])
def test_flipped_bits(damaged: Damaged, suffix: str, count: int) -> None:
    name = damaged.name(suffix)
    data = damaged.files[name]
    noticed = total = 0
    for what, spoilt in mutations(data, 1, count):
        (damaged.folder / name).write_bytes(spoilt)
        noticed += damaged.check(f"{name}: {what}", "--no-refresh")
        total += spoilt != data
    if suffix == "manifest":
        assert noticed == total
    damaged.restore()
    assert not damaged.check("restored", "--no-refresh")


@pytest.mark.parametrize("suffix", [".seg", "manifest", ".tree"])
def test_truncated_files(damaged: Damaged, suffix: str) -> None:
    name = damaged.name(suffix)
    data = damaged.files[name]
    lengths = {0, 1, 7, 63, 64, 65, 127, 200, len(data) // 2, len(data) - 4096, len(data) - 65, len(data) - 1}
    for length in sorted(length for length in lengths if 0 <= length < len(data)):
        (damaged.folder / name).write_bytes(data[:length])
        noticed = damaged.check(f"{name} cut to {length}", "--no-refresh")
        assert noticed or suffix == ".tree", length
    for longer in (data + b"\0", data + data):
        (damaged.folder / name).write_bytes(longer)
        damaged.check(f"{name}, longer", "--no-refresh")


def test_a_damaged_tree_is_walked_anew(damaged: Damaged) -> None:
    """It holds nothing that a search shows; a search that refreshes makes it new."""
    name = damaged.name(".tree")
    data = damaged.files[name]
    for number, (what, spoilt) in enumerate(mutations(data, 2, 6)):
        if number % 3:
            continue
        damaged.restore()
        (damaged.folder / name).write_bytes(spoilt)
        damaged.project.write("shop/late.py", f"def late_{number}():\n    pass\n")
        assert damaged.project.files(f"late_{number}")[0] == "shop/late.py", what
        (damaged.project.root / "shop/late.py").unlink()


def test_missing_files(damaged: Damaged) -> None:
    for name in damaged.files:
        damaged.restore()
        (damaged.folder / name).unlink()
        if name == "manifest":
            assert not damaged.check("no manifest")  # then there is no index, and it is built
        else:
            damaged.check(f"no {name}", "--no-refresh")
            damaged.check(f"no {name}")


def test_exchanged_files(damaged: Damaged) -> None:
    """Whole files, but not the ones that the manifest means."""
    first, second = sorted(name for name in damaged.files if name.endswith(".seg"))
    for name, other in (
        (first, second),
        (second, first),
        (first, "manifest"),
        ("manifest", first),
        (damaged.name(".tree"), first),
    ):
        damaged.restore()
        (damaged.folder / name).write_bytes(damaged.files[other])
        noticed = damaged.check(f"{other} as {name}", "--no-refresh")
        assert noticed or name.endswith(".tree"), (other, name)
    damaged.restore()
    (damaged.folder / "manifest").write_bytes(damaged.files["manifest"][:4] + b"\x63" + damaged.files["manifest"][5:])
    damaged.check("another magic", "--no-refresh")


@pytest.mark.parametrize("suffix", [".seg", "manifest", ".tree"])
def test_force_repairs(damaged: Damaged, suffix: str) -> None:
    name = damaged.name(suffix)
    data = damaged.files[name]
    spoilings: list[Callable[[], object]] = [
        lambda: (damaged.folder / name).write_bytes(data[: len(data) // 2]),
        lambda: (damaged.folder / name).write_bytes(bytes(byte ^ 0x55 for byte in data)),
        lambda: (damaged.folder / name).write_bytes(b""),
        lambda: (damaged.folder / name).unlink(),
    ]
    for spoil in spoilings:
        damaged.restore()
        spoil()
        done = damaged.project.run("index", "--force")
        assert (done.returncode, done.stderr) == (0, b"")
        assert answers(damaged.project) == [right.stdout for right in damaged.right]
        assert_tidy(damaged.project)


def test_a_refresh_over_a_damaged_segment(damaged: Damaged) -> None:
    """Deletions and merges read the old segments: what they copy must be right, or not be copied."""
    name = damaged.name(".seg")
    data = damaged.files[name]
    for number, (what, spoilt) in enumerate(mutations(data, 3, 4)):
        damaged.restore()
        (damaged.folder / name).write_bytes(spoilt)
        damaged.project.write("shop/money.py", f"def parse_price(text):\n    return {number}\n")
        done = damaged.project.search("-l", "parse_price", "-n", "1")
        assert done.returncode in (0, 2), (what, done)
        assert b"Traceback" not in done.stderr, (what, done)
        if done.returncode == 0:
            assert done.stdout == b"shop/money.py\n", (what, done)
        else:
            assert b"greppy index --force" in done.stderr, (what, done)
        done = damaged.project.run("index")
        assert done.returncode in (0, 2), (what, done)
        assert b"Traceback" not in done.stderr, (what, done)


def test_merging_a_damaged_segment(damaged: Damaged) -> None:
    """Ten small commits merge the segments: the damage must not get into the new one with right checksums."""
    name = damaged.name(".seg")
    data = damaged.files[name]
    for number, (what, spoilt) in enumerate(list(mutations(data, 4, 40))[5:30:12]):
        damaged.restore()
        damaged.project.write("shop/late.py", f"def late():\n    return {number}\n")
        damaged.project.index("-q")
        (damaged.folder / name).write_bytes(spoilt)
        noticed = False
        for i in range(9):
            damaged.project.write("shop/late.py", f"def late():\n    return {number} + {i}\n")
            done = damaged.project.run("index", "-q")
            assert done.returncode in (0, 2), (what, done)
            assert b"Traceback" not in done.stderr, (what, done)
            noticed |= done.returncode == 2
        (damaged.project.root / "shop/late.py").unlink()
        for query, right in zip(QUERIES, damaged.right, strict=True):
            done = damaged.answer(query)
            if done.returncode != 2:
                assert json.loads(done.stdout)["results"] == json.loads(right.stdout)["results"], (what, noticed)


def test_another_version_is_built_anew(damaged: Damaged) -> None:
    """An index of an older or newer greppy: replaced, not misread."""
    # magic 8, kind 8, version 4
    for name in ("manifest", damaged.name(".seg")):
        data = damaged.files[name]
        damaged.restore()
        (damaged.folder / name).write_bytes(data[:16] + b"\x63\0\0\0" + data[20:])
        done = damaged.answer(QUERIES[1])
        assert done.returncode in (0, 2), done
        if done.returncode == 2:
            assert_says_how_to_rebuild(done)
        else:
            assert done.stdout == damaged.right[1].stdout
        assert damaged.project.run("index").returncode == 0


# ----------------------------------------------------------------------------------------------------- several at once


def test_several_indexers_at_once(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    project.realistic()
    add_much(project, 1, 20)
    children = [
        subprocess.Popen(
            [greppy_bin, "index"], cwd=project.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    outputs = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0] * 4, outputs
    assert [err for _, err in outputs] == [b""] * 4
    assert len(project.files("killed_1_7", "more", "-n", "100")) == 20
    assert_tidy(project)


def test_searches_while_it_is_indexed(project: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """Readers never wait and never see half a commit."""
    project.realistic()
    project.index("-q")
    for number in range(6):
        add_much(project, number, 10)
        child = subprocess.Popen(
            [greppy_bin, "index", "-q", "--force"], cwd=project.root, env=env, stderr=subprocess.PIPE
        )
        while child.poll() is None:
            done = project.search("-l", "OrderService", "--no-refresh", "-n", "1")
            assert (done.returncode, done.stdout, done.stderr) == (0, b"shop/orders.py\n", b"")
        assert child.communicate(timeout=60)[1] == b""
        assert child.returncode == 0


def test_searches_wait_for_the_writer(shop: Project, greppy_bin: Path, env: dict[str, str]) -> None:
    """Somebody else holds the lock: a search that must refresh waits, one that need not does not."""
    import fcntl

    with (shop.index_folder() / "lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert shop.files("OrderService", timeout=5)[0] == "shop/orders.py"
        shop.write("shop/new.py", "def brand_new():\n    pass\n")
        child = subprocess.Popen(
            [greppy_bin, "search", "-l", "brand_new"],
            cwd=shop.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        time.sleep(0.4)
        assert child.poll() is None
    assert child.communicate(timeout=60) == (b"shop/new.py\n", b"")
