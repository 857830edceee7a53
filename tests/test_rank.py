"""Search results against the whole ranking done over again in Python: same places, same order, same scores."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import glob, inverted, rank, spell, trees

import greppy
from greppy._core import engine


def reader(root: Path) -> engine.Reader:
    greppy.build_index(root)
    return engine.Reader(engine.index_folder(os.path.realpath(os.fsencode(root))))


def corpus(files: dict[bytes, bytes]) -> rank.Corpus:
    return rank.Corpus([inverted.invert(path, content) for path, content in files.items()])


def search(index: engine.Reader, question: bytes, limit: int = 20, **filters: object) -> list[rank.Hit]:
    hits = [json.loads(hit) for hit in index.search(question, limit, **filters)]
    return [rank.Hit(hit["path"].encode(), hit["start_line"], hit["score"]) for hit in hits]


def check(index: engine.Reader, files: rank.Corpus, question: bytes, limit: int = 20, **options: object) -> None:
    """`options`: weights, and a filter as both sides know it (`keep` is for the oracle alone)."""
    ours = {name: options.pop(name) for name in ("keep", "kinds", "weights", "smart") if name in options}
    theirs = dict(options)
    if "weights" in ours:
        theirs["weights"] = ours["weights"]
    if "kinds" in ours:
        names = ours["kinds"]
        theirs["kinds"] = names
        ours["kinds"] = sum(1 << engine.kind_by_name(name) for name in names)
    if "smart" in ours:
        theirs["smart"] = b"" if ours["smart"] is True else pack(ours["smart"])
    found = search(index, question, limit, **theirs)
    corrected = spell.correct(files, question)
    assert index.corrected(question) == corrected
    wrong = rank.differences(found, rank.rank(files, corrected or question, limit, **ours), limit)
    assert not wrong, (question, limit, theirs, wrong[:6])


def pack(answer: rank.Answer) -> bytes:
    """As `greppy.smart.answer.pack` does it; its globs are those of `answer.keep`, which is one of GLOBBED."""
    kinds = [name for name in engine.kind_names()[1:] if answer.kinds >> engine.kind_by_name(name) & 1]
    globs = next((globs for globs, keep in GLOBBED if keep is answer.keep), None)
    intent = "find_usage" if answer.usage else "general"
    return msgspec.msgpack.encode([intent, None, answer.words.decode(), kinds, answer.no_tests, globs, "asked"])


GLOBBED = [
    (["*.py"], lambda file: glob.path(b"*.py", file.path)),
    (["src/**", "*.md"], lambda file: glob.path(b"src/**", file.path) or glob.path(b"*.md", file.path)),
    (["nowhere/*.xyz"], lambda file: False),
]

seeds = st.integers(0, 2**32)


def test_no_result_is_asked_for() -> None:
    """With more matches than a list of the best has room for."""
    with trees.project({b"%d.py" % i: b"word\n" for i in range(200)}) as root:
        index = reader(root)
        assert search(index, b"word", 0) == []
        assert len(index.rank_ns(b"word", 0, {"plain": 1.0})) == 1


@given(seeds, st.integers(1, 60), st.sampled_from([1, 3, 20, 100]))
@settings(max_examples=25, deadline=None)
def test_generated_projects(seed: int, count: int, limit: int) -> None:
    rng = random.Random(seed)
    files = trees.tree(rng, count)
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        assert index.stats[:2] == (len(oracle.files), len(oracle.chunks))
        for _ in range(8):
            check(index, oracle, trees.question(rng), limit)


def test_a_file_shows_each_chunk_once() -> None:
    """The chunk that defines what was asked for stands for its file; the file's other chunks follow, it does not."""
    filler = "".join(f"def other{i}():\n" + "    other = 1\n" * 38 for i in range(3))
    files = {
        b"a.py": (
            filler + "def wanted():\n    pass\n" + "    x = 1\n" * 37 + "def last():\n    wanted(wanted, wanted)\n"
        ).encode()
    }
    with trees.project(files) as root:
        index = reader(root)
        places = [(hit.path, hit.line) for hit in search(index, b"wanted", 10)]
        assert len(places) == len(set(places)) == 2
        check(index, corpus(files), b"wanted", 10)


@given(seeds, st.integers(1, 60), st.sampled_from([1, 3, 20, 100]))
@settings(max_examples=25, deadline=None)
def test_smart_questions(seed: int, count: int, limit: int) -> None:
    """With what a model says, and with synonyms; whatever of it the project has or has not."""
    rng = random.Random(seed)
    files = trees.tree(rng, count)
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        for _ in range(6):
            question = trees.question(rng) + rng.choice([b"", b" login", b" retrieve nowhere"])
            check(index, oracle, question, limit, smart=True)
            answer = rank.Answer(
                b" ".join(trees.question(rng) for _ in range(rng.randint(0, 4))),
                rng.choice([0, 0, 1 << engine.kind_by_name("function"), 1 << engine.kind_by_name("class")]),
                rng.random() < 0.2,
                rng.random() < 0.5,
                rng.choice([None, None, *(keep for _, keep in GLOBBED)]),
            )
            changed = {name: rng.choice([0.0, 0.5, 2.0]) for name in ("expansion", "expanded", "gap", "kind")}
            check(index, oracle, question, limit, smart=answer, weights=changed if rng.random() < 0.3 else None)


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_weights(seed: int) -> None:
    """Signals switched off, turned round, or alone."""
    rng = random.Random(seed)
    files = trees.tree(rng, 25)
    names = [name for name in engine.weights() if name not in ("plain", "exhaustive")]
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        for _ in range(4):
            changed = {name: rng.choice([0.0, 0.5, 2.0]) for name in rng.sample(names, rng.randint(1, 6))}
            check(index, oracle, trees.question(rng), rng.choice([5, 50]), weights=changed)
        off = {name: 0.0 for name in names if name not in ("k1", "b", "word_decay", "path_decay", "chunks")}
        check(index, oracle, trees.question(rng), 50, weights=off)
    with pytest.raises(ValueError, match="unknown weight"):
        index.search(b"x", 1, weights={"nonsense": 1.0})


def test_plain_is_bm25_of_chunks_and_nothing_else() -> None:
    files = trees.tree(random.Random(3), 40)
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        for question in (b"parse date", b"retry http_server backoff", b"queue"):
            found = search(index, question, 20, weights={"plain": 1.0})
            scores = rank.scores(oracle, question)
            best = sorted((c for c, score in enumerate(scores) if score > 0), key=lambda c: (-scores[c], c))[:20]
            places = [(oracle.files[oracle.file_of[c]].path, oracle.chunks[c].line + 1) for c in best]
            assert [(hit.path, hit.line) for hit in found] == places


def some_filter(rng: random.Random, oracle: rank.Corpus) -> dict[str, object]:
    """A filter for the engine, with `keep`, the same for the oracle."""
    form = rng.randrange(6)
    languages = sorted({file.language for file in oracle.files})
    if form == 0:
        globs = rng.sample(
            ["*.py", "!*.py", "src/**", "!tests/**", "**/parse*", "*.{py,rs}", "[a-m]*", "!docs", "lib/*/*", "*.md"], 2
        )
        includes = any(not g.startswith("!") for g in globs)

        def by_globs(file: inverted.File) -> bool:
            for g in reversed(globs):
                if glob.path(g.removeprefix("!").encode(), file.path):
                    return not g.startswith("!")
            return not includes

        return {"globs": globs, "keep": by_globs}
    if form == 1:
        types = rng.sample(languages, min(2, len(languages)))
        return {"types": types, "keep": lambda file: file.language in types}
    if form == 2:
        types = rng.sample(languages, min(2, len(languages)))
        return {"types_not": types, "keep": lambda file: file.language not in types}
    if form == 3:
        places = rng.sample([b"src", b"src/net", b"lib", b"tests", b"docs", b"main.py", b"sr", b"vendor/queue"], 2)
        return {
            "places": places,
            "keep": lambda file: any(file.path == p or file.path.startswith(p + b"/") for p in places),
        }
    if form == 4:
        return {"no_tests": True, "keep": lambda file: not file.flags & rank.TEST}
    return {"kinds": rng.sample(["function", "method", "class", "struct", "constant", "section"], 2)}


@given(seeds, st.integers(5, 60))
@settings(max_examples=20, deadline=None)
def test_filters(seed: int, count: int) -> None:
    rng = random.Random(seed)
    files = trees.tree(rng, count)
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        for _ in range(8):
            check(index, oracle, trees.question(rng), rng.choice([3, 20, 100]), **some_filter(rng, oracle))


@given(seeds)
@settings(max_examples=8, deadline=None)
def test_a_filter_takes_away_and_leaves_the_order(seed: int) -> None:
    """By chunks alone, filtering inside gives what filtering an unlimited list afterwards gives."""
    rng = random.Random(seed)
    files = trees.tree(rng, 40)
    alone = {name: 0.0 for name in engine.weights() if name not in ("k1", "b", "word_decay", "chunks")}
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        by_path = {file.path: file for file in oracle.files}
        for _ in range(5):
            question, filters = trees.question(rng), some_filter(rng, oracle)
            keep = filters.pop("keep", None)
            if keep is None or engine.query(question)["symbol"]:
                continue
            everything = search(index, question, 10_000, weights=alone)
            expected = list(dict.fromkeys(hit.path for hit in everything if keep(by_path[hit.path])))
            found = search(index, question, 10_000, weights=alone, **filters)
            assert list(dict.fromkeys(hit.path for hit in found)) == expected


def test_a_filter_finds_what_stands_far_down() -> None:
    """The one file that passes is found behind 400 better ones."""
    files = {b"src/f%03d.py" % i: b"def retry(): retry(retry)\n" for i in range(400)}
    files[b"zz/last.md"] = b"words and words and words and one retry among them\n" * 30
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        for filters in ({"globs": ["*.md"]}, {"types": ["markdown"]}, {"types_not": ["python"]}, {"places": [b"zz"]}):
            for limit in (1, 20):
                assert [hit.path for hit in search(index, b"retry", limit, **filters)][:1] == [b"zz/last.md"], filters
        check(index, oracle, b"retry", 20, globs=["*.md"], keep=lambda file: file.path.endswith(b".md"))
        check(index, oracle, b"retry", 600)


def test_a_kind_with_few_chunks_is_followed_by_further_ones() -> None:
    """Files without such a chunk do not count as results when it is asked whether others must follow."""
    text = "".join(f"class Retry{i}:\n" + "    retry = 1\n" * 38 for i in range(5))
    files = {b"a.py": text.encode()} | {b"retry%02d.md" % i: b"retry\n" for i in range(30)}
    with trees.project(files) as root:
        check(reader(root), corpus(files), b"retry these", 10, kinds=["class"])


def test_limit_larger_than_the_files_gives_further_chunks() -> None:
    text = "".join(f"def parse{i}():\n" + "    parse = date\n" * (i + 1) + "    x = 1\n" * (38 - i) for i in range(9))
    files = {b"a.py": text.encode(), b"b.py": text.replace("date", "time").encode()}
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        found = search(index, b"parse date", 100)
        assert len(found) == len(oracle.chunks)
        assert [hit.path for hit in found[:2]] == [b"a.py", b"b.py"]
        for limit in (1, 2, 3, 7, 100):
            check(index, oracle, b"parse date", limit)


def edit(rng: random.Random, files: dict[bytes, bytes], root: Path) -> None:
    """Some files change, come and go, in `files` and on disk."""
    for path in rng.sample(sorted(files), min(len(files), rng.randint(0, 4))):
        if rng.random() < 0.5:
            os.unlink(os.path.join(os.fsencode(root), path))
            del files[path]
        else:
            files[path] = trees.source(rng, path.rpartition(b".")[2].decode())
            trees.write(root, {path: files[path]}, old=False)
    new = {path: content for path, content in trees.tree(rng, rng.randint(0, 3)).items() if path not in files}
    files.update(new)
    trees.write(root, new, old=False)


def same_as_fresh(files: dict[bytes, bytes], root: Path, questions: list[bytes], **filters: object) -> None:
    folder = Path(os.fsdecode(engine.index_folder(os.path.realpath(os.fsencode(root)))))
    greppy.build_index(root)
    grown = engine.Reader(bytes(folder))
    found = [grown.search(question, 30, **filters) for question in questions]
    shutil.rmtree(folder)
    fresh = reader(root)
    assert len(list(folder.glob("*.seg"))) <= 1
    assert grown.stats == fresh.stats
    for question, hits in zip(questions, found, strict=True):
        assert hits == fresh.search(question, 30, **filters), question
    shutil.rmtree(folder)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_segments_do_not_matter(seed: int) -> None:
    """An index that grew by edits answers like one built at once, to the last digit."""
    rng = random.Random(seed)
    files = trees.tree(rng, 30)
    with trees.project(files) as root:
        greppy.build_index(root)
        for _ in range(rng.randint(1, 6)):
            edit(rng, files, root)
            greppy.build_index(root)
        index = reader(root)
        assert index.stats[0] == len(files)
        oracle = corpus(dict(sorted(files.items())))
        questions = [trees.question(rng) for _ in range(8)]
        for question in questions:
            check(index, oracle, question, 30)
        same_as_fresh(files, root, questions)


def test_words_of_names_alone_after_edits() -> None:
    """A word that only file names have weighs the same however often those files were edited."""
    files = {
        b"src/zebra.py": b"x = 1\n",
        b"src/zebra_crossing.py": b"y = 1\n",
        b"src/other.py": b"def crossing(): pass\n",
    }
    files |= {b"src/f%d.py" % i: b"z = %d\n" % i for i in range(200)}
    with trees.project(files) as root:
        greppy.build_index(root)
        for round_ in range(5):
            for path in (b"src/zebra.py", b"src/zebra_crossing.py"):
                files[path] = b"x = %d\n" % round_
                trees.write(root, {path: files[path]}, old=False)
            greppy.build_index(root)
        check(reader(root), corpus(files), b"zebra crossing")
        same_as_fresh(files, root, [b"zebra crossing", b"zebra", b"the zebra file"])


def test_a_name_defined_often_after_edits() -> None:
    """The bound on how many files a name may bring counts the living only."""
    files = {b"f%03d.py" % i: b"def wanted(): pass\n" for i in range(250)}
    files |= {b"pad%03d.py" % i: b"wanted = wanted + wanted + wanted\n" * 3 for i in range(250)}
    with trees.project(files) as root:
        greppy.build_index(root)
        for round_ in range(3):
            changed = {b"f%03d.py" % i: b"def wanted(): return %d\n" % round_ for i in range(10)}
            files |= changed
            trees.write(root, changed, old=False)
            greppy.build_index(root)
        same_as_fresh(files, root, [b"wanted", b"Some::wanted", b"call x.wanted here"])


@pytest.mark.parametrize("neighbour", [b"", b"def parse_time_of_day(): pass\n"])
def test_a_definition_is_found_however_often_its_name_is_used(neighbour: bytes) -> None:
    """Names of several parts have no list of their own: their definition is looked for where they weigh much."""
    files = {
        b"a/f%03d.py" % i: neighbour + b"parse_date(parse_date, parse_date, parse_date, parse_date)\n"
        for i in range(100)
    }
    files[b"z/dates.py"] = b"def parse_date(text):\n    return text\n"
    with trees.project(files) as root:
        index = reader(root)
        assert search(index, b"parse_date", 3)[0].path == b"z/dates.py"
        check(index, corpus(files), b"parse_date", 3)
        changed = {b"a/f%03d.py" % i: files[b"a/f%03d.py" % i] + b"x = 1\n" for i in range(60)}
        files |= changed
        trees.write(root, changed, old=False)
        greppy.build_index(root)
        same_as_fresh(files, root, [b"parse_date", b"call parse_date here"])


def test_a_heading_that_ends_in_a_name_does_not_define_it() -> None:
    files = {b"a.md": b"# How to use parse_date\n", b"b.py": b"def parse_date(text):\n    return text\n"}
    with trees.project(files) as root:
        index = reader(root)
        assert search(index, b"parse_date")[0].path == b"b.py"
        check(index, corpus(files), b"parse_date")


def test_files_without_chunks_do_not_count_as_results() -> None:
    """An empty file whose name matches gives no place: others have to follow."""
    text = "".join(f"def retry{i}():\n" + "    retry = 1\n" * 38 for i in range(5))
    files = {b"a.py": text.encode(), b"retry.py": b"", b"retry2.py": b""}
    with trees.project(files) as root:
        check(reader(root), corpus(files), b"retry please", 3)


@given(seeds, st.sampled_from([1, 5, 20, 21, 100]))
@settings(max_examples=5, deadline=None)
def test_generated_large_projects(seed: int, limit: int) -> None:
    """So many files that what is far behind the best chunk brings none."""
    rng = random.Random(seed)
    files = trees.tree(rng, 200) | {b"other/o%04d.py" % i: b"nothing\n" for i in range(rank.LARGE_PROJECT)}
    with trees.project(files) as root:
        index, oracle = reader(root), corpus(files)
        for reach in (None, 2.0, 0.0):
            for _ in range(3):
                check(index, oracle, trees.question(rng), limit, weights=None if reach is None else {"reach": reach})


def test_in_a_large_project_chunks_near_the_best_bring_their_files() -> None:
    """Tests do not count among the twenty that stay, and who wants more results than twenty gets what he got."""
    files = {b"s%03d.py" % i: b"word " * (1 + i % 4) + b"filler " * 40 for i in range(60)}
    tests = {b"tests/t%02d.py" % i: b"word " * 9 for i in range(25)}
    others = {b"o%03d.py" % i: b"nothing\n" for i in range(3000)}
    with trees.project(files | tests | others) as root:
        index, oracle = reader(root), corpus(files | tests | others)
        for limit in (1, 20, 21):
            check(index, oracle, b"word", limit)
        assert all(hit.path.startswith(b"s") for hit in search(index, b"word", 20))
        assert index.search(b"word", 20) == index.search(b"word", 20, weights={"exhaustive": 1.0})
        assert len(index.search(b"word", 21)) == 21


def large_project(rng: random.Random) -> tuple[dict[bytes, bytes], rank.Corpus]:
    """So many chunks that lists of frequent words are long: 40 lines each, their words counted as they are drawn."""
    words = {b"common": 1.0, b"often": 0.95, b"half": 0.5, b"seldom": 0.02, b"rare": 0.0005}
    stems = {word: engine.tokens(word)[0][2][0] for word in words}
    contents, files = {}, []
    for number in range(24):
        path = b"f%02d.txt" % number
        text, chunks = [], []
        for i in range(1500):
            chunk = inverted.Chunk(0, 40 * i, 40 * i + 40)
            for word, share in words.items():
                if rng.random() < share:
                    times = rng.choice((1, 1, 1, 2, 5, 30))
                    chunk.weights[stems[word]] = 2 * times
                    chunk.length += times
                    text.append((word + b" ") * times)
            text.append(b"\n" * 40)
            chunks.append(chunk)
        contents[path] = b"".join(text)
        path_words, n_name = engine.path_words(path)
        files.append(
            inverted.File(path, b"", "text", engine.path_flags(path), 0, 60_000, path_words, n_name, 0, chunks, [])
        )
    return contents, rank.Corpus(files)


def test_pruning_changes_nothing() -> None:
    """What is never scored could not have entered the list: long lists, several windows, small and large limits."""
    contents, oracle = large_project(random.Random(11))
    with trees.project(contents) as root:
        index = reader(root)
        assert index.stats[1] == len(oracle.chunks) == 36_000
        for question in (
            b"common",
            b"rare common",
            b"common often half seldom rare",
            b"seldom often",
            b"half rare",
            b"often common nothing",
        ):
            for limit in (1, 20, 300):
                check(index, oracle, question, limit)
                check(
                    index,
                    oracle,
                    question,
                    limit,
                    globs=["f1*", "!f13*"],
                    keep=lambda f: f.path[:2] == b"f1" and f.path[:3] != b"f13",
                )
                assert index.search(question, limit) == index.search(question, limit, weights={"exhaustive": 1.0})


def test_pruning_skips_blocks_and_ranges() -> None:
    """Every second chunk has a word, six hundred in a row a lot of it, three another word besides."""
    chunks = [b"common word" + b"\n" * 40, b"other word" + b"\n" * 40] * 10_000
    chunks[5000:5600] = [b"common " * 30 + b"\n" * 40] * 600
    for at in (17, 5050, 9000):
        chunks[at] = b"seldom " + chunks[at]
    files = {b"f%02d.txt" % i: b"".join(chunks[i * 1000 : i * 1000 + 1000]) for i in range(20)}
    with trees.project(files) as root:
        index = reader(root)
        for question, ranges in ((b"common", 11), (b"seldom common", 0)):
            pruned = index.work(question, 2, {"plain": 1.0})
            everything = index.work(question, 2, {"plain": 1.0, "exhaustive": 1.0})
            assert everything["visited"] == everything["ranges"] == pruned["ranges"] == -(-20_000 // 64)
            assert everything["decoded"] == everything["blocks"] == pruned["blocks"]
            assert pruned["visited"] <= ranges
            assert 0 < pruned["decoded"] <= 10 < everything["decoded"]


@pytest.mark.parametrize("limit", [1, 20, 64, 1000, 50_000])
def test_plain_retrieval_is_the_same_with_and_without_pruning(limit: int) -> None:
    """Lists that are long, short, of three postings, or missing."""
    contents, _ = large_project(random.Random(12))
    with trees.project(contents) as root:
        index = reader(root)
        for question in (b"rare", b"seldom rare", b"common often", b"half seldom common rare often nothing"):
            pruned = index.search(question, limit, weights={"plain": 1.0})
            assert pruned == index.search(question, limit, weights={"plain": 1.0, "exhaustive": 1.0})


@pytest.mark.parametrize("limit", [1, 20, 300])
def test_thirty_words(limit: int) -> None:
    """Lists of 4 to 9,000 postings, the common ones with bounds."""
    rng = random.Random(13)
    shares = {b"w%03d" % i: 0.9 * 0.77**i for i in range(30)}
    files = {}
    for number in range(10):
        lines = (b" ".join(word for word, share in shares.items() if rng.random() < share) for _ in range(1000))
        files[b"f%d.txt" % number] = b"".join(line + b"\n" * 40 for line in lines)
    with trees.project(files) as root:
        index = reader(root)
        question = b" ".join(rng.sample(sorted(shares), 30))
        found = index.search(question, limit, weights={"plain": 1.0})
        assert len(found) == limit
        assert found == index.search(question, limit, weights={"plain": 1.0, "exhaustive": 1.0})


def test_ties_stand_by_path() -> None:
    files = {b"%c/same.py" % c: b"def retry():\n    backoff()\n" for c in b"zyxabc"}
    with trees.project(files) as root:
        found = search(reader(root), b"retry backoff")
        assert [hit.path for hit in found] == sorted(files)
        assert len({hit.score for hit in found}) == 1


@pytest.mark.parametrize("question", [b"", b"   ", b"?!", b"nothinglikethat", b"\xff\xfe", b"\0", b"a" * 5000])
def test_questions_without_an_answer(question: bytes) -> None:
    with trees.project({b"a.py": b"def f(): pass\n", b"empty.py": b""}) as root:
        assert reader(root).search(question) == []


def test_an_empty_project() -> None:
    with trees.project({}) as root:
        index = reader(root)
        assert index.stats == (0, 0, 0)
        assert index.search(b"anything") == []


def test_unknown_values_of_filters_are_named() -> None:
    with trees.project({b"a.py": b"x = 1\n"}) as root:
        index = reader(root)
        for filters in ({"types": ["klingon"]}, {"types_not": ["klingon"]}, {"kinds": ["klingon"]}):
            with pytest.raises(ValueError, match="klingon"):
                index.search(b"x", 1, **filters)
        with pytest.raises(ValueError, match="too many"):
            index.search(b"x", 1, globs=["*"] * 65)
        with pytest.raises(ValueError, match="too many"):
            index.search(b"x", 1, places=["a"] * 257)
