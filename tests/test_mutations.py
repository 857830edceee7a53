"""Over ten thousand damaged files: every change is noticed by `check`, and a search answers rightly or says so."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Done, Project
from oracle.store import parse, resealed
from test_runtime import PROGRAM, bundle

from greppy._core import engine

SEGMENTS, MANIFESTS, TREES, FORGED, BUNDLES = 4000, 1500, 500, 2500, 2000
QUERY = ("search", "--no-refresh", "-n", "8", "how is the price of a cart parsed")

pytestmark = pytest.mark.slow


class Saved:
    """The files of an index, to be put back."""

    def __init__(self, shop: Project) -> None:
        self.folder = shop.index_folder()
        self.files = {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def path(self, suffix: str) -> Path:
        [name] = [name for name in self.files if name.endswith(suffix)]
        return self.folder / name

    def restore(self) -> bool:
        """Whether somebody wrote other files; then all are put back."""
        if {path.name for path in self.folder.iterdir()} == set(self.files):
            return False
        for path in self.folder.iterdir():
            path.unlink()
        for name, data in self.files.items():
            (self.folder / name).write_bytes(data)
        return True


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """One to four changes in each: a flipped bit, another byte, eight bytes of zeros or ones, two pieces exchanged."""
    chance = random.Random(seed)
    for _ in range(count):
        spoilt = bytearray(data)
        while spoilt == data:
            for _ in range(chance.choice((1, 1, 1, 2, 4))):
                at = chance.randrange(len(data))
                kind = chance.randrange(5)
                if kind <= 1:
                    spoilt[at] ^= 1 << chance.randrange(8)
                elif kind == 2:
                    spoilt[at] = chance.randrange(256)
                elif kind == 3:
                    spoilt[at : at + 8] = (chance.choice((b"\0", b"\xff")) * 8)[: len(data) - at]
                else:
                    other = chance.randrange(len(data))
                    n = min(16, len(data) - max(at, other))
                    spoilt[at : at + n], spoilt[other : other + n] = spoilt[other : other + n], spoilt[at : at + n]
        yield bytes(spoilt)


def searched(shop: Project) -> Done:
    done = shop.run(*QUERY)
    assert done.returncode in (0, 1, 2), done  # neither a signal nor a hang
    assert b"Traceback" not in done.stderr, done
    if done.returncode == 2:
        # The first result leaves before the others are looked at, and each of them is whole.
        assert done.stdout == b"" or done.stdout.endswith(b"\n"), done
        assert done.stdout.count(b"\n") <= 1, done
        assert done.stderr.startswith(b"greppy: "), done
        assert done.stderr.count(b"\n") == 1, done
    return done


def verified(path: Path, kind: bytes) -> bool:
    try:
        return bool(engine.store_verify(bytes(path), kind))
    except (engine.DamagedError, engine.VersionError):
        return False


@pytest.mark.parametrize(
    ("suffix", "kind", "count"), [(".seg", b"segment", SEGMENTS), ("manifest", b"manifest", MANIFESTS),
                                  (".tree", b"tree", TREES)],
)  # fmt: skip
def test_damage_is_noticed_or_harmless(shop: Project, suffix: str, kind: bytes, count: int) -> None:
    index = Saved(shop)
    path = index.path(suffix)
    right = searched(shop)
    assert right.returncode == 0
    noticed = rebuilt = 0
    for number, spoilt in enumerate(mutations(index.files[path.name], count, 1)):
        path.write_bytes(spoilt)
        assert not verified(path, kind), (suffix, number)
        done = searched(shop)
        assert done.returncode == 2 or done.stdout == right.stdout, (suffix, number)
        noticed += done.returncode == 2
        rebuilt += index.restore()  # what looks like another version's is built anew
    # A search reads of a segment what it needs, of a manifest everything, of a tree nothing when it need not be fresh.
    if suffix == "manifest":
        assert noticed + rebuilt == count
    elif suffix == ".seg":
        assert noticed > count // 20
    else:
        assert noticed == 0


def test_lies_under_right_checksums_crash_nothing(shop: Project) -> None:
    index = Saved(shop)
    path = index.path(".seg")
    data = index.files[path.name]
    parse(data)
    assert resealed(data) == data
    answers = set()
    for spoilt in mutations(data, FORGED, 2):
        path.write_bytes(resealed(spoilt))
        verified(path, b"segment")
        answers.add(searched(shop).returncode)
        index.restore()
    assert {0, 2} <= answers


def test_a_damaged_bundle_is_never_run(greppy_bin: Path, env: dict[str, str], tmp_path: Path) -> None:
    whole = Path(greppy_bin).read_bytes()
    front = tmp_path / "front"
    front.write_bytes(whole[: bundle.TRAILER.unpack(whole[-64:])[3]])
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "greppy").write_text(PROGRAM)
    (folder / "greppy").chmod(0o755)
    program = tmp_path / "greppy"
    bundle.deliver(front, folder, program)
    whole = program.read_bytes()
    begin = front.stat().st_size
    env = {**env, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env.pop("GREPPY_RUNTIME_DIR", None)

    def ran() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([program, "index"], env=env, capture_output=True, timeout=60)

    assert ran().returncode == 7  # what the program in the bundle ends with
    subprocess.run(["rm", "-r", tmp_path / "cache"], check=True)
    for number, spoilt in enumerate(mutations(whole[begin:], BUNDLES, 3)):
        with program.open("r+b") as file:
            file.seek(begin)
            file.write(spoilt)
        done = ran()
        assert done.returncode == 2, (number, done)
        assert done.stderr.startswith(b"greppy: "), (number, done)
        assert done.stdout == b""
        left = [name for _, _, names in os.walk(tmp_path / "cache") for name in names]
        assert left == [], number
