"""Fits the weights of the ranking's signals to annotated queries, and says what fitting is worth.

    python benches/fit.py --annotations DIR --repos DIR [--annotations … --repos …]

Each query's candidates come from the engine with what each signal adds (`Reader.explain`); the weights are those that
make the wanted files most likely, by a softmax over the candidates (Cao et al., "Learning to rank: from pairwise
approach to listwise approach", 2007), every repository counting alike. What is printed is NDCG@10 of files among the
candidates: with the weights as they are, with fitted ones, and with ones fitted without the repository, or the
language, that they are tried on. Parameters that change what the signals are (k1, the decays) are not fitted.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from engines import Door
from numpy.typing import NDArray
from processes import in_temporary_folder
from relevance import DEPTH, gain, load_set, same_path, target_path

from greppy._core import engine

Matrix = NDArray[np.float64]
STEPS = 200
RATE = 0.05
PULL = 0.02  # towards the weights as they are: what the data do not tell stays as it is


@dataclass(frozen=True)
class Question:
    set: str
    repository: str
    language: str
    signals: Matrix  # candidates x signals, of weight 1
    wanted: list[NDArray[np.intp]]  # the candidates that answer each target


def collect(folder: Path, repos: Path, indexes: Path, names: list[str], weights: Matrix) -> list[Question]:
    name, present, _ = load_set(folder, repos)
    out = []
    for repository in present:
        door = Door(indexes)
        door.open(repository.root)
        for item in repository.items:
            found = door.reader.explain(item.query.encode())
            signals = np.array([[values.get(signal, 0.0) for signal in names] for _, _, values in found])
            signals = signals.reshape(len(found), len(names)) / weights
            paths = [path.decode(errors="replace") for path, _, _ in found]
            wanted = [
                np.array([i for i, path in enumerate(paths) if same_path(path, target_path(t))], np.intp)
                for t in item.targets
            ]
            out.append(Question(name, repository.name, repository.language, signals, wanted))
    return out


def ndcg(question: Question, weights: Matrix) -> float:
    order = np.argsort(-(question.signals @ weights), kind="stable")[:DEPTH].tolist()
    at = {candidate: rank for rank, candidate in enumerate(order)}
    ranks = {min(hits) for w in question.wanted if (hits := [at[i] for i in w.tolist() if i in at])}
    return gain(ranks, len(question.wanted))


def fit(questions: list[Question], start: Matrix) -> Matrix:
    """Adam (Kingma & Ba 2015) on the mean log-likelihood of the wanted candidates."""
    counts = defaultdict(int)
    for question in questions:
        counts[question.repository] += 1
    useful = [q for q in questions if any(w.size for w in q.wanted)]
    signals = np.vstack([q.signals for q in useful])
    sizes = np.array([len(q.signals) for q in useful])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    which = np.repeat(np.arange(len(useful)), sizes)
    goal = np.zeros(len(signals))
    for at, question in zip(first, useful, strict=True):
        found = np.unique(np.concatenate(question.wanted))
        goal[at + found] = 1 / len(found)
    share = np.array([1 / counts[q.repository] for q in useful])
    share /= share.sum()
    weights, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, STEPS + 1):
        scores = 4 * (signals @ weights)  # a difference of 1 in score is nearly certain
        scores -= np.maximum.reduceat(scores, first)[which]
        likely = np.exp(scores)
        likely /= np.add.reduceat(likely, first)[which]
        gradient = 4 * (signals.T @ ((likely - goal) * share[which])) + 2 * PULL * (weights - start)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        weights -= RATE * (1 - step / STEPS) * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return weights


def summary(questions: list[Question], weights_of: Callable[[Question], Matrix]) -> str:
    """The mean over repositories of each set."""
    sets: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for question in questions:
        sets[question.set][question.repository].append(ndcg(question, weights_of(question)))
    return ", ".join(f"{name} {np.mean([np.mean(v) for v in s.values()]):.4f}" for name, s in sets.items())


def held_out(questions: list[Question], start: Matrix, key: Callable[[Question], str]) -> str:
    """Fitted without what they are tried on."""
    fitted = {name: fit([q for q in questions if key(q) != name], start) for name in {key(q) for q in questions}}
    return summary(questions, lambda question: fitted[key(question)])


def measure(options: argparse.Namespace, temp: Path) -> None:
    all_weights = engine.weights()
    names = [name for name in all_weights if name in engine.signals() and name != "further"]
    start = np.array([all_weights[name] for name in names])
    questions = []
    for folder, repos in zip(options.annotations, options.repos, strict=True):
        questions += collect(folder, repos, temp / "indexes", names, start)
    print(f"{len(questions)} queries; NDCG@10 of files, mean of the repositories of each set")
    print(f"  weights as they are              {summary(questions, lambda _: start)}")
    fitted = fit(questions, start)
    print(f"  fitted to all of them            {summary(questions, lambda _: fitted)}")
    print(f"  fitted without that repository   {held_out(questions, start, lambda q: q.repository)}")
    print(f"  fitted without that language     {held_out(questions, start, lambda q: q.language)}")
    # Scores can be multiplied by anything: shown so that `chunks` stays what it is.
    scale = all_weights["chunks"] / fitted[names.index("chunks")]
    for name, before, after in zip(names, start, fitted * scale, strict=True):
        print(f"    {name:16s} {before:6.2f} {after:6.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/fit.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--annotations", type=Path, action="append", required=True, metavar="DIR")
    parser.add_argument("--repos", type=Path, action="append", required=True, metavar="DIR")
    options = parser.parse_args()
    if len(options.annotations) != len(options.repos):
        parser.error("--annotations and --repos come in pairs")
    return in_temporary_folder("benches/fit.py", lambda temp: measure(options, temp))


if __name__ == "__main__":
    sys.exit(main())
