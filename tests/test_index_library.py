"""greppy as a library: building, opening, searching, looking at arrays, refreshing, from several threads too."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from oracle import inverted, postings, store, trees

import greppy
from greppy._core import engine
from greppy.index import commit, indexing, layout

FILES = {
    b"src/retry.py": (
        b'"""Trying again."""\n\n\ndef retry_with_backoff(call):\n    """Calls again."""\n    return call()\n'
    ),
    b"src/http.rs": b"/// A client.\npub struct HttpClient {\n    retries: u32,\n}\n",
    b"tests/test_retry.py": b"def test_retry():\n    assert retry\n",
    b"README.md": b"# Retry\n\nHow to retry with backoff.\n",
}


@pytest.fixture(autouse=True)
def _own_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREPPY_INDEX_DIR", str(tmp_path / "index"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    trees.write(folder, FILES)
    for path in (folder, folder / "src", folder / "tests"):
        os.utime(path, (10**9, 10**9))  # young folders prove nothing: they would be looked at again
    time.sleep(0.02)  # and neither do young inodes
    return folder


def index_folder(root: Path) -> Path:
    return Path(os.fsdecode(engine.index_folder(os.path.realpath(os.fsencode(root)))))


def test_build_open_search(root: Path) -> None:
    summary = greppy.build_index(root)
    assert (summary.root, summary.files, summary.changed, summary.committed) == (str(root.resolve()), 4, 4, True)
    assert summary.source_bytes == sum(map(len, FILES.values()))
    with greppy.open_index(root) as index:
        assert isinstance(index, greppy.Index)
        assert (index.root, index.n_files, index.n_chunks) == (str(root.resolve()), 4, summary.chunks)
        assert index.generation == summary.generation
        hits = index.search("retry with backoff")
        assert hits
        assert all(isinstance(hit, greppy.Hit) for hit in hits)
        best = hits[0]
        assert (best.path, best.symbol_name, best.symbol_type) == ("src/retry.py", "retry_with_backoff", "function")
        assert (best.line, best.language, best.is_test) == (4, "python", False)
        assert best.signature == "def retry_with_backoff(call):"
        assert best.content == FILES[b"src/retry.py"].decode()
        assert index.search(b"HttpClient", 1)[0].symbol_type == "struct"
        assert msgspec.json.decode(msgspec.json.encode(best), type=greppy.Hit) == best


def test_search_takes_the_flags_of_the_command_line(root: Path) -> None:
    with greppy.open_index(root) as index:

        def paths(**filters: object) -> set[str]:
            return {hit.path for hit in index.search("retry", **filters)}

        everything = paths()
        assert everything == {"src/retry.py", "src/http.rs", "tests/test_retry.py", "README.md"}
        assert paths(globs=["*.py"]) == {"src/retry.py", "tests/test_retry.py"}
        assert paths(globs=["*.py", "!tests"]) == {"src/retry.py"}
        assert paths(types=["rust"]) == paths(types=["rs"]) == {"src/http.rs"}
        assert paths(types_not=["python", "markdown"]) == {"src/http.rs"}
        assert paths(places=["src"]) == {"src/retry.py", "src/http.rs"}
        assert paths(places=[""]) == everything
        assert paths(no_tests=True) == everything - {"tests/test_retry.py"}
        assert paths(kinds=["struct"]) == {"src/http.rs"}
        assert len(index.search("retry", 2)) == 2
        assert index.search("retry", 0) == []
        with pytest.raises(ValueError, match="klingon"):
            index.search("retry", types=["klingon"])
        with pytest.raises(ValueError, match="nonsense"):
            index.search("retry", weights={"nonsense": 1})


def test_a_query_is_any_text(root: Path) -> None:
    with greppy.open_index(root) as index:
        for query in ("", "\0", "\udcff", b"\xff\xfe", "🙂", "a" * 100_000, "retry\nwith"):
            index.search(query)


def test_closed(root: Path) -> None:
    index = greppy.open_index(root)
    index.close()
    index.close()
    for use in (
        lambda: index.search("x"),
        lambda: index.generation,
        lambda: index.n_files,
        lambda: index.postings("x"),
        index.fresh,
    ):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_postings(root: Path) -> None:
    files = [inverted.invert(path, content) for path, content in sorted(FILES.items())]
    chunks = [chunk for file in files for chunk in file.chunks]
    with greppy.open_index(root) as index:
        for term in {term for chunk in chunks for term in chunk.weights if not term.startswith(b"=")}:
            docs, weights = index.postings(term)
            assert docs.dtype == weights.dtype == np.uint32
            expected = {i: chunk.weights[term] for i, chunk in enumerate(chunks) if term in chunk.weights}
            assert docs.tolist() == list(expected)
            assert weights.tolist() == [postings.WEIGHTS[postings.code(w)] for w in expected.values()]
        docs, weights = index.postings("nowhere")
        assert docs.dtype == weights.dtype == np.uint32
        assert len(docs) == len(weights) == 0
        assert len(index.postings("retri")[0]) == 4
        assert len(index.postings("=httpclient")[0]) == 1, "a whole goes by its text, though the dictionary hashes it"


def test_arrays_are_memory_maps(root: Path) -> None:
    greppy.build_index(root)
    trees.write(root, {b"new.py": b"def retry_again(): pass\n"})
    with greppy.open_index(root) as index:
        index.refresh()
        segments = index.segments
        assert len(segments) == 2
        assert [len(segment.arrays["files"]) for segment in segments] == [4, 1]
        for segment in segments:
            for name, array in segment.arrays.items():
                assert isinstance(array, np.memmap) or len(array) == 0, name
                if len(array):
                    with pytest.raises(ValueError, match="read-only"):
                        array[0] = array[0]
            container = store.parse(Path(segment.path).read_bytes())
            assert list(segment.arrays) == list(container.arrays)
        docs, _ = index.postings("retri")
        assert docs.max() == sum(len(segment.arrays["chunks"]) for segment in segments) - 1


def test_refresh(root: Path) -> None:
    with greppy.open_index(root) as index:
        before = index.generation
        assert index.fresh()
        assert not index.refresh()
        assert index.generation == before
        (root / "src/new.py").write_bytes(b"def circuit_breaker(): pass\n")
        assert not index.fresh()
        assert index.search("circuit breaker") == []
        assert index.refresh()
        assert index.generation > before
        assert index.search("circuit breaker")[0].path == "src/new.py"
        (root / "src/new.py").unlink()
        assert index.search("circuit breaker") == [], "a file that is gone is not shown"
        assert index.refresh()
        assert index.search("circuit breaker") == []
        assert index.n_files == 4


def test_a_changed_file_is_not_shown_stale(root: Path) -> None:
    with greppy.open_index(root) as index:
        content = FILES[b"src/retry.py"].replace(b"backoff", b"forward")
        trees.write(root, {b"src/retry.py": content}, old=False)
        assert "src/retry.py" not in {hit.path for hit in index.search("retry with backoff")}
        trees.write(root, {b"src/retry.py": FILES[b"src/retry.py"]}, old=False)
        assert "src/retry.py" in {hit.path for hit in index.search("retry with backoff")}, "touched, but the same"


def test_what_has_changed_makes_room_for_what_is_behind_it(tmp_path: Path) -> None:
    """However many of the best there are: more places are ranked than are asked for, but not all of them."""
    files = {b"f%03d.py" % n: b"needle = %d\n" % n + b"other()\n" * (n // 4) for n in range(80)}
    root = tmp_path / "many"
    root.mkdir()
    trees.write(root, files)
    with greppy.open_index(root) as index:
        best = [hit.path for hit in index.search("needle", limit=60)]
        assert len(best) == 60
        trees.write(root, {os.fsencode(path): b"gone\n" for path in best[:50]}, old=False)
        found = [hit.path for hit in index.search("needle", limit=20)]
        assert len(found) == 20
        assert not set(found) & set(best[:50])


def test_open_builds_what_is_missing_and_what_is_old(root: Path) -> None:
    with greppy.open_index(root) as index:
        assert index.n_files == 4
    manifest = index_folder(root) / "manifest"
    data = bytearray(manifest.read_bytes())
    struct.pack_into("<I", data, 16, engine.FORMAT_VERSION + 1)
    manifest.write_bytes(data)
    with pytest.raises(engine.VersionError):
        engine.Reader(bytes(index_folder(root)))
    with greppy.open_index(root) as index:
        assert index.n_files == 4


def test_an_open_index_outlives_the_next_ones(root: Path) -> None:
    """A reader of an old generation keeps its segments though their files are gone."""
    old = greppy.open_index(root)
    before = old.search("retry")
    for i in range(12):
        (root / "src/retry.py").write_bytes(FILES[b"src/retry.py"] + b"# %d\n" % i)
        greppy.build_index(root)
    assert len(list(index_folder(root).glob("*.seg"))) <= 4  # each at least three times the next
    (root / "src/retry.py").write_bytes(FILES[b"src/retry.py"])
    assert old.search("retry") == before
    old.close()


def test_nothing_changed_commits_nothing(root: Path) -> None:
    first = greppy.build_index(root)
    second = greppy.build_index(root)
    assert (second.committed, second.generation, second.files, second.chunks) == (
        False,
        first.generation,
        4,
        first.chunks,
    )
    third = greppy.build_index(root, force=True)
    assert third.committed
    assert third.generation > second.generation


def test_the_summary_after_deletions_without_a_commit(root: Path) -> None:
    """Chunks of deleted files do not count, commit or not."""
    greppy.build_index(root)
    (root / "README.md").unlink()
    (root / "README.md").with_name("other.md").write_bytes(b"# Other\n")
    for path in (root / "other.md", root):  # what is only just written would be looked at again, and its time recorded
        os.utime(path, ns=(10**18, 10**18))
    first = greppy.build_index(root)
    second = greppy.build_index(root)
    assert first.committed
    assert not second.committed
    assert (second.files, second.chunks) == (first.files, first.chunks) == (4, greppy.open_index(root).n_chunks)


def test_max_filesize_is_remembered(root: Path) -> None:
    (root / "large.txt").write_bytes(b"word " * 1000)
    assert greppy.build_index(root, max_filesize=1000).files == 4
    assert greppy.build_index(root).files == 4
    assert greppy.build_index(root, max_filesize=0).files == 5
    assert greppy.build_index(root).files == 5


def test_progress(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    greppy.build_index(root, progress=lambda done, total: seen.append((done, total)))
    total = sum(map(len, FILES.values()))
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def test_threads_give_the_same_index(tmp_path: Path) -> None:
    rng = random.Random(9)
    root = tmp_path / "large"
    root.mkdir()
    files = {b"f%03d.txt" % i: b" ".join(b"w%d" % rng.randrange(5000) for _ in range(9000)) for i in range(120)}
    trees.write(root, files)
    assert sum(map(len, files.values())) > indexing.SMALL_PROJECT
    contents = []
    for threads in (1, 3):
        greppy.build_index(root, threads=threads, force=True)
        with greppy.open_index(root) as index:
            [segment] = index.segments
            contents.append({name: array.tobytes() for name, array in segment.arrays.items() if name != "page_sums"})
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: root / "nowhere", "no such folder"),
        (lambda root: root / "README.md", "not a folder"),
    ],
)
def test_errors_are_sentences(root: Path, make: Callable[[Path], Path], sentence: str) -> None:
    with pytest.raises(commit.IndexingError, match=sentence):
        greppy.build_index(make(root))


# ---------------------------------------------------------------------------------------------------------- threads


def test_eight_threads_search(root: Path) -> None:
    """One Index shared by threads that search while another one refreshes it: every answer is a right one."""
    for i in range(40):
        trees.write(root, {b"src/f%02d.py" % i: b"def handler_%d(): retry(backoff)\n" % i})
    index = greppy.open_index(root)
    questions = ["retry with backoff", "handler 7", "HttpClient", "handler_11", "how to retry"]
    expected = {question: index.search(question, 50) for question in questions}
    wrong: list[object] = []
    stop = threading.Event()

    def search(seed: int) -> None:
        rng = random.Random(seed)
        try:
            while not stop.is_set():
                question = rng.choice(questions)
                if index.search(question, 50) != expected[question]:
                    wrong.append(question)
                docs, _ = index.postings("retri")
                if len(docs) < 40:
                    wrong.append(docs)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=search, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    try:
        for i in range(10):
            # Binary: it is listed and left out, so that generations change and answers do not.
            (root / f"noise{i}").write_bytes(b"\0")
            index.refresh()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    index.close()
    assert not wrong, wrong[:3]


def test_closing_while_others_search(root: Path) -> None:
    """A search on an index that another thread closes ends in an answer or in "closed", not in a crash."""
    code = (
        "import sys, threading, greppy\n"
        "root = sys.argv[1]\n"
        "for _ in range(60):\n"
        "    index = greppy.open_index(root)\n"
        "    def search():\n"
        "        try:\n"
        "            while True: index.search('retry with backoff')\n"
        "        except ValueError: pass\n"
        "    threads = [threading.Thread(target=search) for _ in range(4)]\n"
        "    for t in threads: t.start()\n"
        "    index.search('retry')\n"
        "    index.close()\n"
        "    for t in threads: t.join()\n"
    )
    greppy.build_index(root)
    for i in range(30):
        trees.write(root, {b"src/f%02d.py" % i: b"def handler(): retry(backoff)\n" * 200})
    greppy.build_index(root)
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr[-300:]) == (0, "")


# ----------------------------------------------------------------------------------------------------------- damage


def damaged_copies(rng: random.Random, data: bytes, sealed: bool, n: int) -> list[bytes]:
    """The file with a few bytes changed; `sealed`: with sums that fit, as a bug or an enemy would write them."""
    out = []
    for _ in range(n):
        copy = bytearray(data)
        for _ in range(rng.choice((1, 1, 4))):
            at = rng.randrange(len(copy))
            copy[at] = rng.choice((0, 1, 255, copy[at] ^ 1 << rng.randrange(8), rng.randrange(256)))
            if rng.random() < 0.3:
                struct.pack_into(
                    "<I", copy, at // 4 * 4 if at + 4 <= len(copy) else 0, rng.choice((0, 2**31, 2**32 - 1, 70_000))
                )
        out.append(store.resealed(bytes(copy)) if sealed else bytes(copy))
    return out


@pytest.mark.parametrize("pattern", ["manifest", "*.seg"])
def test_damage_is_an_error_and_never_a_wrong_answer(root: Path, pattern: str) -> None:
    greppy.build_index(root)
    questions = [b"retry with backoff", b"HttpClient", b"call", b"again"]
    folder = index_folder(root)
    reader = engine.Reader(bytes(folder))
    right = [reader.search(question) for question in questions]
    del reader
    [path] = folder.glob(pattern)
    data = path.read_bytes()
    noticed = 0
    for copy in damaged_copies(random.Random(6), data, False, 300):
        path.unlink()
        path.write_bytes(copy)
        try:
            reader = engine.Reader(bytes(folder))
            answers = [reader.search(question) for question in questions]
        except (engine.DamagedError, engine.VersionError):
            noticed += copy != data
            continue
        assert answers == right
    assert noticed > 150


def test_truncated_files(root: Path) -> None:
    greppy.build_index(root)
    folder = index_folder(root)
    for pattern in ("manifest", "*.seg"):
        [path] = folder.glob(pattern)
        data = path.read_bytes()
        for n in [*range(0, len(data), max(1, len(data) // 60)), len(data) - 1]:
            path.unlink()
            path.write_bytes(data[:n])
            with pytest.raises(engine.DamagedError):
                engine.Reader(bytes(folder))
        path.write_bytes(data)
    engine.Reader(bytes(folder))


def test_a_segment_that_is_gone(root: Path) -> None:
    greppy.build_index(root)
    [path] = index_folder(root).glob("*.seg")
    path.unlink()
    with pytest.raises(engine.DamagedError):
        engine.Reader(bytes(index_folder(root)))
    assert greppy.build_index(root).files == 4
    assert greppy.open_index(root).search("retry")


def test_a_damaged_index_is_built_anew(root: Path) -> None:
    greppy.build_index(root)
    for pattern in ("manifest", "*.seg", "*.tree"):
        [path] = index_folder(root).glob(pattern)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(data)
        greppy.build_index(root, force=True)
        assert len(greppy.open_index(root).search("retry")) == 4, pattern


@pytest.mark.parametrize("pattern", ["manifest", "*.seg"])
def test_lies_under_right_sums_do_not_crash(root: Path, pattern: str) -> None:
    """Bytes that contradict each other, under sums that fit: any answer or DamagedError, but no fault and no hang."""
    for i in range(6):
        trees.write(root, {b"src/more%d.py" % i: b"def handler(): retry(backoff)\n" * 300})
    greppy.build_index(root)
    folder = index_folder(root)
    [path] = folder.glob(pattern)
    data = path.read_bytes()
    [segment] = folder.glob("*.seg")
    for start in range(0, 400, 50):
        copies = damaged_copies(random.Random(start), data, True, 50)
        child = os.fork()
        if child == 0:
            try:
                status = _use_all(folder, path, segment, copies)
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                status = 2
            os._exit(status)
        _, status = os.waitpid(child, 0)
        assert not os.WIFSIGNALED(status), f"{signal.Signals(os.WTERMSIG(status)).name}, copies from {start}"
        assert os.WEXITSTATUS(status) == 0, f"copies from {start}"


def test_a_chunk_that_ends_behind_its_file(root: Path) -> None:
    """The next chunk's start is 2^32 - 1, under right sums: its length must not wrap round to a small buffer's."""
    (root / "src/long.py").write_bytes(b"def one_two(): pass\n" * 400 + b"def last_one(): pass\n")
    greppy.build_index(root)
    [path] = index_folder(root).glob("*.seg")
    data = bytearray(path.read_bytes())
    container = store.parse(bytes(data))
    chunks = np.frombuffer(store.content(bytes(data), container.arrays["chunks"]), layout.CHUNK)
    for number in range(1, len(chunks)):
        copy = bytearray(data)
        struct.pack_into("<I", copy, container.arrays["chunks"].offset + number * layout.CHUNK.itemsize, 2**32 - 1)
        path.unlink()
        path.write_bytes(store.resealed(bytes(copy)))
        child = os.fork()
        if child == 0:
            os._exit(_use_all(path.parent, path, path, [path.read_bytes()], [b"one_two", b"last_one", b"one two"]))
        assert os.waitpid(child, 0)[1] == 0, number


QUESTIONS = (b"retry with backoff", b"HttpClient", b"retry_with_backoff", b"call", b"handler src")


def _use_all(
    folder: Path, path: Path, segment: Path, copies: list[bytes], questions: Sequence[bytes] = QUESTIONS
) -> int:
    """0: everything that reads the files ended in a value or in one of the errors that are promised."""
    expected = (engine.DamagedError, engine.VersionError, MemoryError, OSError)
    out = folder / "merged"
    for copy in copies:
        signal.alarm(10)
        path.unlink()
        path.write_bytes(copy)
        uses: list[Callable[[], object]] = [
            lambda: engine.segment_paths(bytes(segment)),
            lambda: engine.live(bytes(segment), None),
            lambda: engine.merge([(bytes(segment), None)], bytes(out), 1),
        ]
        try:
            reader = engine.Reader(bytes(folder))
        except expected:
            pass
        else:
            for question in questions:
                uses.append(partial(reader.search, question, 50))
                uses.append(partial(reader.search, question, 5, kinds=["function"], globs=["*.py"]))
            uses += [partial(reader.postings, b"retri"), reader.fresh]
        for use in uses:
            try:
                use()
            except expected:
                pass
            except BaseException as error:
                print("unexpected:", repr(error), file=sys.stderr)
                return 1
            out.unlink(missing_ok=True)
    return 0


def test_a_project_without_its_folder(root: Path) -> None:
    """The index is there, the files are not: nothing is shown, nothing crashes."""
    index = greppy.open_index(root)
    shutil.rmtree(root)
    assert index.search("retry") == []
    assert not index.fresh()


def test_more_words_than_the_builder_begins_with(root: Path) -> None:
    """Each is found where it stands, before and after its tables have grown."""
    words = [f"zq{number:x}y{number % 7}z" for number in range(40_000)]
    trees.write(root, {b"words.txt": "\n".join(words).encode()})
    greppy.build_index(root, max_filesize=0)
    with greppy.open_index(root) as index:
        for number in (0, 1, 8_000, 20_000, 39_999):
            [hit] = index.search(words[number], 1)
            assert (hit.path, hit.line) == ("words.txt", number + 1)


def test_a_cell_is_the_place(root: Path) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["def harvest():\n", "    return 'walrus'\n"]}
    other = {"cell_type": "markdown", "metadata": {}, "source": ["# Something else\n", "\n"]}
    book = {"cells": [other, cell, other], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    trees.write(root, {b"book.ipynb": json.dumps(book, indent=1).encode()})
    greppy.build_index(root)
    with greppy.open_index(root) as index:
        [hit] = index.search("harvest walrus", 1)
    assert (hit.path, hit.symbol_name) == ("book.ipynb", "harvest")
    assert hit.content.strip().splitlines() == ["def harvest():", "    return 'walrus'"]


def test_what_a_program_wrote_stands_behind(root: Path) -> None:
    text = "{}\ndef harvest_walrus():\n    pass\n"
    heads = {b"b.py": "# Code generated by x. DO NOT EDIT.", b"a.py": "# written by hand", b"c.py": "x = 'DO NOT EDIT'"}
    trees.write(root, {path: text.format(head).encode() for path, head in heads.items()})
    greppy.build_index(root)
    with greppy.open_index(root) as index:
        assert [hit.path for hit in index.search("harvest walrus", 3)] == ["a.py", "c.py", "b.py"]
