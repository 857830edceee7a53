"""The whole ranking of `_core/rank.pxd`, over all chunks at once: BM25 in steps of 1 / SCALE, then the features."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from greppy._core import engine
from oracle import inverted, postings, query, text

CHUNK_CANDIDATES, PATH_CANDIDATES, NAME_CANDIDATES, TOP_SUM = 64, 40, 256, 32
PREFIX_RAW, PREFIX_STEM = 3, 4
SCALE = 1 << 20
TEST, EXAMPLE, COMPAT, VENDORED, GENERATED = 1, 2, 4, 8, 16
LENGTHS = postings.lengths()


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
class _Features:
    best: int | None = None
    define: int | None = None
    define_code: int = -1
    chunks: float = 0.0
    top_sum: float = 0.0
    path: float = 0.0


def idf(n: int, df: int) -> float:
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


def _related(a: bytes, b: bytes, shortest: int) -> bool:
    """Equal, or one begins with the other and that one has so many bytes."""
    short, long = sorted((a, b), key=len)
    return a == b or (len(short) >= shortest and long.startswith(short))


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
            self.word_idf.append(value)
            self.path_weight.append(value / (1 + weights["path_decay"] * i))
            terms.append((word, value / (1 + weights["word_decay"] * i)))
        for term, weight in question.extra.items():
            terms.append((term, idf(n, len(corpus.lists[term][0])) * weight if term in corpus.lists else 0.0))
        self.scores = self._bm25(terms)
        self.matches = [_path_matches(file, question) for file in corpus.files]
        for i, value in enumerate(self.word_idf):
            found = sum(i in exact for _, exact, _, hits in self.matches if hits)
            if value == 0 and found:
                self.word_idf[i] = idf(len(corpus.files), found)
                self.path_weight[i] = self.word_idf[i] / (1 + weights["path_decay"] * i)
        self.name_scores = [self._name_score(*both) for both in zip(corpus.files, self.matches, strict=True)]

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

    def _name_score(self, file: inverted.File, match: tuple[set[int], set[int], set[int], int]) -> float:
        name, _, _, hits = match
        total = sum(self.path_weight)
        precision = min(1.0, hits / file.n_name) if file.n_name else 0.0
        cover = precision * math.sqrt(sum(self.path_weight[i] for i in sorted(name)) / total) if total > 0 else 0.0
        return self.weights["name_cover"] * cover + self.weights["name_precision"] * precision

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
) -> list[Hit]:
    """All places in order, as many as there are; the engine's list is cut at `limit`.

    `keep` says which files may be shown; `kinds` (bits) that a chunk must define something of such a kind."""
    if not corpus.chunks and not corpus.files:
        return []
    w = {**engine.weights(), **(weights or {})}
    parsed = query.parse(question)
    r = _Ranking(corpus, parsed, w)
    kept = [keep(file) for file in corpus.files]

    def shown(chunk: int) -> bool:
        return kept[corpus.file_of[chunk]] and (not kinds or bool(corpus.chunks[chunk].kinds & kinds))

    candidates: dict[int, _Features] = {}
    k = min(max(limit + limit // 2, CHUNK_CANDIDATES), len(corpus.chunks))
    scored = [c for c in np.flatnonzero(r.scores > 0).tolist() if shown(c)]
    for i, chunk in enumerate(sorted(scored, key=lambda c: (-r.scores[c], c))[:k]):
        features = candidates.setdefault(corpus.file_of[chunk], _Features())
        if i < TOP_SUM:
            features.top_sum += int(r.scores[chunk]) / SCALE
    named = [f for f, match in enumerate(r.matches) if match[3] and kept[f]]
    for f in sorted(named, key=lambda f: (-r.name_scores[f], f))[:PATH_CANDIDATES]:
        candidates.setdefault(f, _Features())
    for name in parsed.names:
        for chunk, code, may_add in r.definitions(name):
            f = corpus.file_of[chunk]
            if shown(chunk) and (may_add or f in candidates):
                features = candidates.setdefault(f, _Features())
                if code > features.define_code:
                    features.define, features.define_code = chunk, code
    for f, features in candidates.items():
        own = [c for c in range(corpus.first[f], corpus.first[f + 1]) if r.scores[c] > 0 and (not kinds or shown(c))]
        own.sort(key=lambda c: (-r.scores[c], c))
        top = [int(r.scores[c]) for c in own[:4]] + [0] * 4
        features.chunks = (top[0] + top[1] / 2.0 + top[2] / 4.0 + top[3] / 8.0) / SCALE
        features.best = own[0] if own else None
        if not own and not kinds and corpus.first[f] < corpus.first[f + 1]:
            features.best = corpus.first[f]  # the path alone brought it here
    return _ordered(r, candidates, limit, shown)


def _score(r: _Ranking, f: int, features: _Features, most_chunks: float, most_sum: float) -> float:
    w, file = r.weights, r.corpus.files[f]
    value = r.name_scores[f] + r.folders_score(r.matches[f])
    if most_chunks > 0:
        value += w["chunks"] * (features.chunks / most_chunks)
    if most_sum > 0:
        value += w["top_sum"] * (features.top_sum / most_sum)
    if features.define is not None:
        if r.question.symbol:
            value += w["symbol"] + (w["symbol_type"] if features.define_code == 2 else 0)
        else:
            value += w["named"] * (1 if features.define_code else 0.5)
    if r.question.symbol and file.whole_name == r.question.whole_name and file.n_name:
        value += w["symbol_file"]
    value += w["depth"] * min(3, file.depth - r.corpus.depth)
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
    most_chunks = max((features.chunks for features in candidates.values()), default=0)
    most_sum = max((features.top_sum for features in candidates.values()), default=0)
    first = []
    for f, features in candidates.items():
        best = features.define if r.question.symbol and features.define is not None else features.best
        if best is not None:
            first.append((-_score(r, f, features, most_chunks, most_sum), f, best))
    places = sorted(first)
    if len(places) < limit:
        shown_already = {chunk for _, _, chunk in places}
        further = [
            (-int(r.scores[c]) / SCALE, f, c)
            for f in candidates
            for c in range(r.corpus.first[f], r.corpus.first[f + 1])
            if r.scores[c] > 0 and c not in shown_already and shown(c)
        ]
        places += sorted(further)
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
