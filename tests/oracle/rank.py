"""The whole ranking of `_core/rank.pxd`, over all chunks at once: BM25 in steps of 1 / SCALE, then the features."""

from __future__ import annotations

import bisect
import math
import re
import runpy
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from greppy._core import engine
from oracle import inverted, postings, query, text

CHUNK_CANDIDATES, SURE, PATH_CANDIDATES, NAME_CANDIDATES, TOP_SUM = 64, 20, 40, 256, 32
PREFIX_RAW, PREFIX_STEM = 3, 4
SCALE = 1 << 20
VOTERS, DEFINERS, FURTHER, FUNCTION_CHUNKS = 30, 2, 2, 3
FADE_FROM, FADE_WORDS, SMALL_PROJECT, LARGE_PROJECT = 3, 5, 100, 3000
EXPANSIONS = 8
TEST, EXAMPLE, COMPAT, VENDORED, GENERATED, HEADER, SOURCE = 1, 2, 4, 8, 16, 32, 64
LENGTHS = postings.lengths()
_GROUPS = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "synonyms.py"))["GROUPS"]


@dataclass
class Corpus:
    """Files by path, their chunks numbered through, and for each term its chunks with the weights of their codes."""

    files: list[inverted.File]
    file_of: list[int] = field(default_factory=list)
    lists: dict[bytes, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files.sort(key=lambda file: file.path)
        self.chunks = [chunk for file in self.files for chunk in file.chunks]
        self.file_of = [number for number, file in enumerate(self.files) for _ in file.chunks]
        found: dict[bytes, list[tuple[int, int]]] = {}
        for number, chunk in enumerate(self.chunks):
            for term, weight in chunk.weights.items():
                found.setdefault(term, []).append((number, postings.WEIGHTS[postings.code(weight)]))
        self.lists = {term: tuple(np.array(x) for x in zip(*pairs, strict=True)) for term, pairs in found.items()}
        lengths = [LENGTHS[bisect.bisect_right(LENGTHS, chunk.length) - 1] for chunk in self.chunks]
        self.lengths = np.array(lengths, np.float64)
        self.average = sum(lengths) / len(lengths) if sum(lengths) else 1.0
        self.first = np.cumsum([0, *(len(file.chunks) for file in self.files)]).tolist()
        self.depth = min((file.depth for file in self.files), default=0)


@dataclass
class Hit:
    path: bytes
    line: int  # first line of the chunk, from 1
    score: float


@dataclass
class Answer:
    """What a model says of a question."""

    words: bytes = b""
    kinds: int = 0
    usage: bool = False
    no_tests: bool = False
    keep: Callable[[inverted.File], bool] | None = None  # its globs


@dataclass
class _Features:
    best: int | None = None
    define: int | None = None
    define_code: int = -1
    abbreviated: bool = False
    place: int | None = None
    further: list[tuple[int, float]] = field(default_factory=list)  # (chunk, how good it is beside the best)
    chunks: float = 0.0
    expanded: float = 0.0
    top_sum: float = 0.0
    votes: float = 0.0


def idf(n: int, df: int) -> float:
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


def _related(a: bytes, b: bytes, shortest: int) -> bool:
    """Equal, or one begins with the other and that one has so many bytes."""
    short, long = sorted((a, b), key=len)
    return a == b or (len(short) >= shortest and long.startswith(short))


@cache
def synonyms(stem: bytes) -> set[bytes]:
    """From the groups of scripts/synonyms.py."""
    groups = [[text.stem(word.encode()) for word in line.split()] for line in _GROUPS.split("\n")]
    return {other for group in groups if stem in group for other in group} - {stem}


def _path_matches(file: inverted.File, question: query.Query) -> tuple[set[int], set[int], set[int], int]:
    """(words of the question in the name, those with equal stems, in folders, words of the name that match)."""
    name: set[int] = set()
    exact: set[int] = set()
    folders: set[int] = set()
    hits = 0
    for i, (raw, stem) in enumerate(file.words):
        equal = {k for k, word in enumerate(question.words) if word == stem}
        if i >= file.n_name:
            folders |= equal
            continue
        near = {
            k
            for k, (word, written) in enumerate(zip(question.words, question.raw, strict=True))
            if _related(word, stem, PREFIX_STEM) or _related(written, raw, PREFIX_RAW)
        }
        name |= near
        exact |= equal
        hits += bool(near)
    return name, exact, folders, hits


class _Ranking:
    def __init__(self, corpus: Corpus, question: query.Query, weights: dict[str, float]) -> None:
        self.corpus, self.question, self.weights = corpus, question, weights
        n = len(corpus.chunks)
        self.word_idf = []
        self.path_weight = []
        terms = []
        for i, word in enumerate(question.words):
            value = idf(n, len(corpus.lists[word][0])) if word in corpus.lists else 0.0
            self.word_idf.append(0.0)
            self.path_weight.append(0.0)
            self._weigh(i, value)
            terms.append((word, self.word_idf[i] / (1 + weights["word_decay"] * self._position(i))))
        for term, weight in question.extra.items():
            terms.append((term, idf(n, len(corpus.lists[term][0])) * weight if term in corpus.lists else 0.0))
        self.terms = terms
        self.word_weight = terms[0][1] if question.words else 0.0
        self.missing = 0.0
        self.asked_scores = self._bm25(terms)
        self.expanded_scores = self._bm25(self._expansions())
        self.scores = self.asked_scores + self.expanded_scores
        self.matches = [_path_matches(file, question) for file in corpus.files]
        for i, value in enumerate(self.word_idf):
            found = sum(i in exact for _, exact, _, hits in self.matches if hits)
            if value == 0 and found:
                self._weigh(i, idf(len(corpus.files), found))
        self.rare_weight = []
        for i, value in enumerate(self.path_weight):
            named = sum(i in name for name, _, _, hits in self.matches if hits)
            share = idf(len(corpus.files), named) / idf(len(corpus.files), 1) if named else 1.0
            self.rare_weight.append(max(0.0, value * (1 - weights["name_rarity"] * (1 - share))))
        self.name_scores = [self._name_score(*both) for both in zip(corpus.files, self.matches, strict=True)]

    def _expansions(self) -> list[tuple[bytes, float]]:
        """Expansions with their weights: none above the rarest word's, all together not above the words'."""
        n, decay = len(self.corpus.chunks), self.weights["word_decay"]
        if not self.question.expansions:
            return []
        most = max((value if value > 0 else idf(n, 0) for value in self.word_idf), default=0.0)
        parts = [
            (value > 0, (value if value > 0 else most) / (1 + decay * self._position(i)))
            for i, value in enumerate(self.word_idf)
        ]
        words = sum(value for _, value in parts)
        self.missing = sum(value for known, value in parts if not known) / words if words > 0 else 0.0
        found = []
        for term in self.question.expansions:
            df = len(self.corpus.lists[term][0]) if term in self.corpus.lists else 0
            found.append((term, min(idf(n, df) if df else 0.0, most)))
        found = sorted((pair for pair in found if pair[1] > 0), key=lambda pair: -pair[1])[:EXPANSIONS]
        added = sum(value for _, value in found)
        share = self.weights["expansion"] * (words / added if added > words else 1)
        return [(term, value * share) for term, value in found]

    def _position(self, i: int) -> int:
        return i - 1 if self.question.task and i else i

    def _weigh(self, i: int, value: float) -> None:
        self.word_idf[i] = value * (self.weights["task_word"] if self.question.task and i == 0 else 1)
        self.path_weight[i] = self.word_idf[i] / (1 + self.weights["path_decay"] * self._position(i))

    def _bm25(self, terms: Iterable[tuple[bytes, float]]) -> np.ndarray:
        """Scores of all chunks in 1 / SCALE; what each term adds is computed in single precision and cut."""
        k1, b = self.weights["k1"], self.weights["b"]
        k = (2 * k1 * (1 - b + b * self.corpus.lengths / self.corpus.average)).astype(np.float32)
        sums = np.zeros(len(self.corpus.chunks), np.int64)
        for term, weight in terms:
            if weight > 0:
                docs, y = self.corpus.lists[term]
                y = y.astype(np.float32)
                sums[docs] += (np.float32(weight) * np.float32(SCALE) * (y / (k[docs] + y))).astype(np.int64)
        return sums

    def is_part(self) -> bool:
        """One name of several parts that nothing has as a whole: perhaps a part of one."""
        question = self.question
        whole = [term for term, weight in question.extra.items() if weight == 1]
        return question.symbol and len(question.names) == 1 and any(term not in self.corpus.lists for term in whole)

    def named_scores(self, words: set[int]) -> np.ndarray:
        """What these words of the question give to all chunks."""
        return self._bm25([self.terms[i] for i in sorted(words)])

    def _name_score(self, file: inverted.File, match: tuple[set[int], set[int], set[int], int]) -> float:
        name, _, _, hits = match
        total = sum(self.path_weight)
        precision = min(1.0, hits / file.n_name) if file.n_name else 0.0
        cover = precision * math.sqrt(sum(self.rare_weight[i] for i in sorted(name)) / total) if total > 0 else 0.0
        fade = max(0.0, 1 - max(0, len(self.question.words) - FADE_FROM) / FADE_WORDS)
        return self.weights["name_cover"] * cover + self.weights["name_precision"] * (precision * fade)

    def synonyms_score(self, file: inverted.File) -> float:
        stems = {stem for _, stem in file.words[: file.n_name]}
        words = self.question.words
        found = [i for i, word in enumerate(words) if stems & (synonyms(word) - set(words))]
        total = sum(self.word_idf)
        if not found or not file.n_name or total <= 0:
            return 0.0
        share = sum(self.word_idf[i] for i in found) / math.sqrt(file.n_name) / total
        return self.weights["synonyms"] * math.sqrt(min(1.0, share))

    def coverage_score(self, f: int) -> float:
        first, end = self.corpus.first[f], self.corpus.first[f + 1]
        found = [
            i
            for i, word in enumerate(self.question.words)
            if self.word_idf[i] > 0 and any(first <= c < end for c in self.corpus.lists.get(word, ((), ()))[0])
        ]
        total, files = sum(self.word_idf), len(self.corpus.files)
        if total <= 0 or files <= SMALL_PROJECT:
            return 0.0
        large = min(1.0, math.log(files / SMALL_PROJECT) / math.log(LARGE_PROJECT / SMALL_PROJECT))
        return self.weights["coverage"] * (large * (sum(self.word_idf[i] for i in found) / total))

    def folders_score(self, match: tuple[set[int], set[int], set[int], int]) -> float:
        _, exact, folders, _ = match
        total = sum(self.word_idf)
        return (
            self.weights["folders"] * (sum(self.word_idf[i] for i in sorted(folders - exact)) / total)
            if total > 0
            else 0
        )

    def definitions(self, name: bytes) -> list[tuple[int, int, bool]]:
        """(chunk, class of the definition, whether it may make its file a candidate) of a name's last component."""
        last = inverted.last_component(name)
        chunks = self.corpus.chunks
        if inverted.one_part(last):
            docs, weights = self.corpus.lists.get(text.name_term(last), ((), ()))
            return [
                (int(c), postings.WEIGHTS.index(w), len(docs) <= NAME_CANDIDATES)
                for c, w in zip(docs, weights, strict=True)
            ]
        out = []
        docs, weights = self.corpus.lists.get(text.tokens(last)[0].terms[-1], ((), ()))
        for c, weight in zip(docs, weights, strict=True):
            if weight >= inverted.NAME + inverted.SIGNATURE:
                kinds = [d.kind for d in chunks[c].definitions if inverted.last_component(d.name) == last]
                out += [(int(c), inverted.name_class(kinds[0]), True)] if kinds else []
        return out


def rank(
    corpus: Corpus,
    question: bytes,
    limit: int = 20,
    *,
    keep: Callable[[inverted.File], bool] = lambda file: True,
    kinds: int = 0,
    weights: dict[str, float] | None = None,
    smart: Answer | bool = False,
) -> list[Hit]:
    """All places in order, as many as there are; the engine's list is cut at `limit`.

    `keep` says which files may be shown; `kinds` (bits) that a chunk must define something of such a kind. `smart`:
    what a model says of the question, or True for synonyms of what nothing has."""
    if not corpus.chunks and not corpus.files:
        return []
    w = {**engine.weights(), **(weights or {})}
    parsed = query.parse(question)
    answered = isinstance(smart, Answer)
    if not smart or parsed.place or (parsed.symbol and (answered or len(parsed.words) > 1)):
        return _rank(corpus, parsed, question, limit, keep, kinds, w, Answer(), False)
    if not answered:
        for word in list(parsed.words):
            if word not in corpus.lists:
                for synonym in _in_order(word):
                    parsed.expand_word(synonym)
        return _rank(corpus, parsed, question, limit, keep, kinds, w, Answer(), False)
    parsed.expand_text(smart.words)
    if smart.usage:
        w["test"] = w["example"] = 0.0

    def narrow(file: inverted.File) -> bool:
        tests = smart.no_tests and not smart.usage and file.flags & TEST
        return keep(file) and not tests and (smart.keep is None or smart.keep(file))

    found = _rank(corpus, parsed, question, limit, narrow, kinds, w, smart, True)
    return found or _rank(corpus, parsed, question, limit, keep, kinds, w, smart, True)


def _in_order(word: bytes) -> list[bytes]:
    return sorted(synonyms(word))


def _rank(
    corpus: Corpus,
    parsed: query.Query,
    question: bytes,
    limit: int,
    keep: Callable[[inverted.File], bool],
    kinds: int,
    w: dict[str, float],
    answer: Answer,
    answered: bool,
) -> list[Hit]:
    r = _Ranking(corpus, parsed, w)
    r.missing *= answered
    kept = [keep(file) for file in corpus.files]

    def shown(chunk: int) -> bool:
        return kept[corpus.file_of[chunk]] and (not kinds or bool(corpus.chunks[chunk].kinds & kinds))

    candidates: dict[int, _Features] = {}
    k = min(max(limit + limit // 2, CHUNK_CANDIDATES), len(corpus.chunks))
    scored = [c for c in np.flatnonzero(r.scores > 0).tolist() if shown(c)]
    top = sorted(scored, key=lambda c: (-r.scores[c], c))[:k]
    if limit <= SURE and len(corpus.files) >= LARGE_PROJECT:
        top = _narrowed(r, top, w["reach"])
    for i, chunk in enumerate(top):
        features = candidates.setdefault(corpus.file_of[chunk], _Features())
        if i < TOP_SUM:
            features.top_sum += int(r.scores[chunk]) / SCALE
    named = [f for f, match in enumerate(r.matches) if match[3] and kept[f]]
    for f in sorted(named, key=lambda f: (-r.name_scores[f], f))[:PATH_CANDIDATES]:
        candidates.setdefault(f, _Features())
    _places(r, candidates, kept, shown)
    for name in parsed.names:
        for chunk, code, may_add in r.definitions(name):
            if shown(chunk) and (may_add or corpus.file_of[chunk] in candidates):
                _define(candidates.setdefault(corpus.file_of[chunk], _Features()), chunk, code)
    defined = any(features.define is not None for features in candidates.values())
    word_known = bool(parsed.words) and r.word_weight > 0
    if parsed.initials and (question.strip().isupper() or not word_known) and not defined:
        docs, weights_ = corpus.lists.get(b"^" + parsed.initials, ((), ()))
        for chunk, weight in zip(docs, weights_, strict=True) if len(docs) <= NAME_CANDIDATES else ():
            if shown(chunk):
                features = candidates.setdefault(corpus.file_of[chunk], _Features())
                _define(features, int(chunk), postings.WEIGHTS.index(weight))
                features.abbreviated = True
    if r.is_part() and not any(features.define is not None for features in candidates.values()):
        for chunk in top[:VOTERS]:
            part = parsed.names[0].lower()
            kinds_ = [d.kind for d in corpus.chunks[chunk].definitions if part in d.name[:255].lower()]
            if kinds_:
                features = candidates[corpus.file_of[chunk]]
                _define(features, chunk, inverted.name_class(kinds_[0]))
                features.abbreviated = True
    for f, features in candidates.items():
        features.chunks = _best_of_file(r, f, r.asked_scores, kinds, shown)
        features.expanded = _best_of_file(r, f, r.expanded_scores, kinds, shown)
        _choose(r, f, features, kinds, answer.kinds, shown)
    _vote(r, candidates, top[:VOTERS])
    return _ordered(r, candidates, limit, shown)


def _narrowed(r: _Ranking, top: list[int], share: float) -> list[int]:
    """Down to the SURE-th best chunk that is of no test or example, and further while a chunk has that share of the
    best of these."""
    clear = [c for c in top if not r.corpus.files[r.corpus.file_of[c]].flags & (TEST | EXAMPLE)]
    if len(clear) < SURE or share <= 0:
        return top
    least = min(int(r.scores[clear[0]]) * int(share * 256) // 256, int(r.scores[clear[SURE - 1]]))
    return [c for c in top if r.scores[c] >= least]


def _best_of_file(r: _Ranking, f: int, scores: np.ndarray, kinds: int, shown: Callable[[int], bool]) -> float:
    own = [c for c in range(r.corpus.first[f], r.corpus.first[f + 1]) if scores[c] > 0 and (not kinds or shown(c))]
    own.sort(key=lambda c: (-scores[c], c))
    best = [int(scores[c]) for c in own[:4]] + [0] * 4
    return (best[0] + best[1] / 2.0 + best[2] / 4.0 + best[3] / 8.0) / SCALE


def scores(corpus: Corpus, question: bytes) -> np.ndarray:
    """BM25 of all chunks, in 1 / SCALE."""
    return _Ranking(corpus, query.parse(question), engine.weights()).scores


def _places(r: _Ranking, candidates: dict[int, _Features], kept: list[bool], shown: Callable[[int], bool]) -> None:
    """The files whose paths end most like the place in the question, and the chunk of its line."""
    if r.question.place is None:
        return
    wanted = re.split(rb"[/\\]", r.question.place[0])[::-1]
    agree = {}
    for f, file in enumerate(r.corpus.files):
        if kept[f] and r.matches[f][3]:
            parts = file.path.split(b"/")[::-1]
            same = [a == b and a != b"" for a, b in zip(wanted, parts, strict=False)]
            agree[f] = [*same, False].index(False)
    most = max(agree.values(), default=0)
    for f in [f for f, n in agree.items() if n == most and n]:
        features = candidates.setdefault(f, _Features())
        chunks = range(r.corpus.first[f], r.corpus.first[f + 1])
        before = [c for c in chunks if r.corpus.chunks[c].line < r.question.place[1]] or list(chunks[:1])
        if before and shown(before[-1]):
            features.place = before[-1]


def _define(features: _Features, chunk: int, code: int) -> None:
    if features.place is not None and features.define is not None:
        better = features.define < chunk <= features.place
    else:
        better = features.define is None or code > features.define_code
    if better:
        features.define, features.define_code = chunk, code


def _choose(r: _Ranking, f: int, features: _Features, kinds: int, expected: int, shown: Callable[[int], bool]) -> None:
    """The chunk that stands for a file, and those that may follow; `expected`: kinds that an answer expects."""
    corpus, w = r.corpus, r.weights
    again = r.named_scores(r.matches[f][0])
    values = {}
    for c in range(corpus.first[f], corpus.first[f + 1]):
        if r.scores[c] > 0 and shown(c):
            value = float(r.scores[c]) - (1 - w["name_again"]) * float(again[c])
            if not corpus.chunks[c].kinds and c != features.define:
                value *= w["undefined"]
            if corpus.chunks[c].kinds & expected:
                value *= w["kind"]
            if value > 0:
                values[c] = value
    order = sorted(values, key=lambda c: (-values[c], c))[: FURTHER + 1]
    features.best = order[0] if order else None
    if features.define is not None and r.question.symbol:
        features.best = features.define
    if features.place is not None and r.question.place and r.question.place[1]:
        features.best = features.place
        define = features.define
        if define is not None and not define <= features.place <= define + FUNCTION_CHUNKS:
            features.best = define
    if not r.question.symbol:
        features.further = [(c, values[c] / values[order[0]]) for c in order if c != features.best][:FURTHER]
    if features.best is None and not kinds and corpus.first[f] < corpus.first[f + 1]:
        features.best = corpus.first[f]  # the path alone brought it here


def _vote(r: _Ranking, candidates: dict[int, _Features], voters: list[int]) -> None:
    defined: dict[int, list[int]] = {}
    for f in candidates:
        for name in r.corpus.files[f].names:
            defined.setdefault(name, []).append(f)
    for chunk in voters:
        edges = [
            f
            for name in r.corpus.chunks[chunk].uses
            if len(defined.get(name, ())) <= DEFINERS
            for f in defined.get(name, ())
            if f != r.corpus.file_of[chunk]
        ]
        for f in edges:
            candidates[f].votes += int(r.scores[chunk]) / SCALE / len(edges)


@dataclass
class _Most:
    """The largest value of each feature that is divided by it."""

    chunks: float
    expanded: float
    top_sum: float
    votes: float


def _kin_score(r: _Ranking, f: int, candidates: Iterable[int]) -> float:
    """A header beside its source, a version beside a newer one."""
    file, others = r.corpus.files[f], [r.corpus.files[g] for g in candidates]
    value = 0.0
    if file.flags & HEADER and any(g.flags & SOURCE and g.stem == file.stem for g in others):
        value += r.weights["header"]
    where, version = file.version
    asked = any(word.isdigit() and int(word) == version for word in r.question.raw)
    if where and not asked and any(g.version[0] == where and g.version[1] > version for g in others):
        value += r.weights["old_version"]
    return value


def _score(r: _Ranking, f: int, candidates: dict[int, _Features], most: _Most) -> float:
    w, file, features = r.weights, r.corpus.files[f], candidates[f]
    value = r.name_scores[f] + r.folders_score(r.matches[f]) + r.synonyms_score(file) + r.coverage_score(f)
    if most.chunks > 0:
        value += w["chunks"] * (features.chunks / most.chunks)
    if most.expanded > 0:
        weight = max(w["expanded"], min(w["chunks"], w["expanded"] + w["gap"] * r.missing))
        value += weight * (features.expanded / most.expanded)
    if most.top_sum > 0:
        value += w["top_sum"] * (features.top_sum / most.top_sum)
    if most.votes > 0:
        value += w["links"] * (features.votes / most.votes)
    if features.define is not None:
        if features.abbreviated:
            value += w["abbreviated"]
        elif r.question.symbol:
            value += w["symbol"] + (w["symbol_type"] if features.define_code == 2 else 0)
        else:
            value += w["named"] * (1 if features.define_code else 0.5)
    if features.place is not None:
        value += w["place"]
    if r.question.symbol and file.whole_name == r.question.whole_name and file.n_name:
        value += w["symbol_file"]
    value += w["depth"] * min(3, file.depth - r.corpus.depth) + _kin_score(r, f, candidates)
    for bit, name in (
        (TEST, "test"),
        (EXAMPLE, "example"),
        (COMPAT, "compat"),
        (GENERATED, "generated"),
        (VENDORED, "vendored"),
    ):
        if file.flags & bit:
            value += w[name]
    return value


def _ordered(r: _Ranking, candidates: dict[int, _Features], limit: int, shown: Callable[[int], bool]) -> list[Hit]:
    everything = candidates.values()
    names = ("chunks", "expanded", "top_sum", "votes")
    most = _Most(*(max((getattr(f, name) for f in everything), default=0) for name in names))
    first = []
    for f, features in candidates.items():
        if features.best is None:
            continue
        score = _score(r, f, candidates, most)
        first.append((-score, f, features.best))
        for chunk, share in features.further:
            first.append((-(score + r.weights["further"] * (2 - share)), f, chunk))
    places = sorted(first)
    if len(places) < limit:
        listed = {chunk for _, _, chunk in places}
        listed |= {chunk for features in everything for chunk, _ in features.further}
        others = [
            (-int(r.scores[c]) / SCALE, f, c)
            for f in candidates
            for c in range(r.corpus.first[f], r.corpus.first[f + 1])
            if r.scores[c] > 0 and c not in listed and shown(c)
        ]
        places += sorted(others)
    return [Hit(r.corpus.files[f].path, r.corpus.chunks[c].line + 1, -score) for score, f, c in places]


def differences(found: list[Hit], expected: list[Hit], limit: int) -> list[str]:
    """What is wrong with a list of results; places whose scores are equal to 1e-9 may stand in any order."""
    expected = expected[: max(limit, 0)]
    out = [] if len(found) == len(expected) else [f"{len(found)} results, not {len(expected)}"]
    for i, (one, other) in enumerate(zip(found, expected, strict=False)):
        if (one.path, one.line) != (other.path, other.line) or not math.isclose(
            one.score, other.score, rel_tol=1e-5, abs_tol=1e-5
        ):
            out.append(f"{i}: {one} instead of {other}")
    seen = Counter((hit.path, hit.line) for hit in found)
    out += [f"twice: {place}" for place, n in seen.items() if n > 1]
    return out
