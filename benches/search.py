"""Whole processes of `greppy search`: their time against a static executable that does nothing, and their memory."""

from __future__ import annotations

import statistics

from bench import Bench
from corpora import Corpus
from processes import BenchError, Command, Timing, beside, measure, once, peak_memory
from report import megabytes, micro, times

BARS = {"small": 1.5, "linux": 3.0}
VERSION_BAR = 1.1  # what "at the floor" is taken to mean
MEMORY_BAR_MB = 20.0


def version(bench: Bench) -> None:
    floor = bench.peers.floor()
    cases = [floor, bench.command("greppy --version", "--version", good=(0,))]
    cases += bench.peers.start_ups()
    timings = measure(cases, str(bench.temp), bench.env, bench.runs)
    base = timings[floor.name].median
    bench.report.table(
        "start-up: whole processes, microseconds",
        ["what", "median", "p99", "× nothing", "runs"],
        [[case.name, *_row(timings[case.name], base)] for case in cases],
    )
    bench.report.data["version"] = {name: timing.as_json() for name, timing in timings.items()}
    bench.report.bar("greppy --version", timings["greppy --version"].median / base, VERSION_BAR, "× nothing")


def _row(timing: Timing, base: float) -> list[str]:
    return [micro(timing.median), micro(timing.p99), times(timing.median / base), str(len(timing.ns))]


def _peer_cases(bench: Bench, corpus: Corpus, env: dict[str, str]) -> list[Command]:
    """The peers; csearch's index is built before they are timed."""
    if {"cindex", "csearch"} <= bench.peers.programs.keys():
        env["CSEARCHINDEX"] = str(bench.csearch_index(corpus))
        if not bench.csearch_index(corpus).exists():
            once(bench.peers.cindex(corpus.root), str(corpus.root), env)
    return bench.peers.searches(corpus.queries[0][1])


def _lines(bench: Bench, corpus: Corpus, case: Command) -> str:
    return str(once(case, str(corpus.root), bench.env)[1].count("\n"))


def search(bench: Bench) -> None:
    for corpus in bench.corpora:
        _search(bench, corpus)


def _search(bench: Bench, corpus: Corpus) -> None:
    bench.ready(corpus)
    shapes = {f"{n}. {shape}": query for n, (shape, query) in enumerate(corpus.queries, 1)}
    ratios = _queries(bench, corpus, shapes, "every result")
    firsts = _queries(bench, corpus, shapes, "one result", "-n", "1")
    _beside_peers(bench, corpus)
    bench.report.data.setdefault("search", {})[corpus.name] = {
        "queries": shapes,
        "ratios": ratios,
        "ratios_one_result": firsts,
    }
    bench.report.bar(
        f"search --no-refresh, {corpus.title}, median of the queries",
        statistics.median(ratios.values()),
        BARS[corpus.name],
        "× nothing",
    )


def _queries(bench: Bench, corpus: Corpus, shapes: dict[str, str], what: str, *flags: str) -> dict[str, float]:
    """A table of the queries, each run in turns with an executable that does nothing; their ratios."""
    rows = []
    ratios = {}
    for name, query in shapes.items():
        case = bench.command(name, "search", "--no-refresh", *flags, "--", query)
        timing, base = beside(bench.peers.floor(), case, str(corpus.root), bench.env, bench.runs)
        rows.append([name, query, _lines(bench, corpus, case), micro(base.median), *_row(timing, base.median)])
        ratios[name] = timing.median / base.median
    bench.report.table(
        f"search --no-refresh, {what}, {corpus.title} ({len(corpus.text_files):,} text files): "
        "whole processes, microseconds",
        ["what", "<query", "lines", "nothing", "median", "p99", "× nothing", "runs"],
        rows,
    )
    worst = max(ratios, key=ratios.__getitem__)
    bench.report.say(
        f"  median of the {len(ratios)} queries {times(statistics.median(ratios.values()))} × nothing; "
        f"worst {times(ratios[worst])} ({worst})"
    )
    return ratios


def _beside_peers(bench: Bench, corpus: Corpus) -> None:
    """One word, with the peers that look for words; they read much, so they are timed apart from the table above."""
    env = dict(bench.env)
    query = corpus.queries[0][1]
    plain = bench.command("greppy search --no-refresh", "search", "--no-refresh", "--", query)
    swept = bench.command("greppy search, with the sweep for changes", "search", "--", query)
    cases = [bench.peers.floor(), plain, swept, *_peer_cases(bench, corpus, env)]
    timings = measure(cases, str(corpus.root), env, bench.runs)
    base = timings[plain.name].median
    bench.report.table(
        f"{query}, {corpus.title}: whole processes, microseconds",
        ["what", "median", "p99", "× greppy", "runs"],
        [[case.name, *_row(timings[case.name], base)] for case in cases],
    )
    bench.report.data.setdefault("peers", {})[corpus.name] = {
        name: timing.as_json() for name, timing in timings.items()
    }


def memory(bench: Bench) -> None:
    rows = []
    for corpus in bench.corpora:
        bench.ready(corpus)
        peaks = {}
        for n, (shape, query) in enumerate(corpus.queries, 1):
            case = bench.command(shape, "search", "--no-refresh", "--", query)
            peak = peak_memory(case, str(corpus.root), bench.env)
            if peak is not None:
                peaks[f"{n}. {shape}"] = peak
        if not peaks:
            raise BenchError(f"no query printed anything on {corpus.title}: there is no memory to read")
        for name in sorted({max(peaks, key=lambda n: peaks[n].total), max(peaks, key=lambda n: peaks[n].private)}):
            peak = peaks[name]
            rows.append([corpus.title, name, megabytes(peak.total), megabytes(peak.mapped), megabytes(peak.private)])
        bench.report.data.setdefault("memory", {})[corpus.name] = {
            name: {"peak": peak.total, "mapped": peak.mapped, "private": peak.private} for name, peak in peaks.items()
        }
        private = max(peak.private for peak in peaks.values()) / 1e6
        bench.report.bar(f"search's memory beyond mapped pages, {corpus.title}", private, MEMORY_BAR_MB, "MB")
    bench.report.table(
        "search: peak memory, MB (of each corpus the query with the most in all and the one with the most of its own)",
        ["corpus", "<query", "resident at most", "of it mapped files", "its own at most"],
        rows,
    )
    bench.report.say("  its own: the smallest limit on data under which it still answers, and its stack")
