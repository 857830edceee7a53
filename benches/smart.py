"""Smart search: what it costs beside a plain one, and what a model's answers are worth.

    python benches/smart.py --linux PATH                               whole processes: plain, cached, offline
    python benches/smart.py --answers FILE --annotations DIR --repos DIR         NDCG@10 of the executable
    python benches/smart.py --door --answers FILE --annotations DIR --repos DIR  ... cross-validated by repository

FILE has a line of JSON a question: {"query", "intent", "entity_type", "expanded_query", "filters"}. A server on
loopback that speaks OpenAI's protocol gives these answers, and 404 for any other question.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import statistics
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench import isolated
from engines import Binary, Door
from processes import BenchError, Command, in_temporary_folder, measure
from quality import answer as ask_all
from quality import by_repository, grouped, mean
from relevance import DEPTH, Place, load_set
from report import Report, micro, times

ROOT = Path(__file__).resolve().parent.parent
COST_BAR, GAIN_BAR = 2.0, 0.01
EXPANSION, EXPANDED = (0.5, 0.75, 1.0), (0.2, 0.3, 0.4, 0.5, 0.6)  # weights to choose from
Rows = list[dict[str, Any]]
# What people ask about Linux, and words as a model gives them.
LINUX = {
    "how does the scheduler pick the next task": (
        "pick next task sched class rq cfs entity dequeue enqueue runqueue fair pick_next_task"
    ),
    "where are pages written back to disk": "writeback dirty pages wb bdi flush inode balance writepages sync",
    "why is a process killed when memory runs out": "oom kill victim badness select out of memory reap score",
    "how does the kernel find a file by its path": "namei lookup dentry path walk component nameidata link inode",
    "retransmission of lost segments": "tcp retransmit rto timer sack recovery congestion skb loss queue",
    "freeing memory that nobody uses": "reclaim shrink slab lru kfree vmscan page cache evict isolate",
    "waiting until a device has finished": "completion wait event timeout irq interrupt poll done complete",
    "turning a virtual address into a physical one": "pgd pud pmd pte page table walk virt phys translate mmu",
}


class Recorded:
    """A provider on loopback that gives recorded answers."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                found = re.search(r"^query: (.*)$", body["messages"][-1]["content"], re.MULTILINE)
                said = answers.get(json.loads(found[1])) if found else None
                text = json.dumps({"choices": [{"message": {"role": "assistant", "content": json.dumps(said)}}]})
                self.send_response(200 if said else 404)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"


class SmartBinary(Binary):
    """`greppy search --smart`; what is said on standard error is kept."""

    def __init__(self, name: str, command: Callable[..., Command], env: dict[str, str], flags: tuple[str, ...]) -> None:
        super().__init__(command, env)
        self.name, self._flags, self.said = name, flags, set[str]()

    def search(self, query: str) -> list[Place]:
        argv = self._command(
            "greppy", "search", "-p", self._root, "-n", str(DEPTH), "--json", *self._flags, "--", query
        ).argv
        done = subprocess.run(argv, cwd=self._root, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise BenchError(f"{' '.join(argv)}: {done.stderr}")
        self.said |= set(done.stderr.splitlines())
        results = json.loads(done.stdout)["results"] if done.stdout.strip() else []
        return [(place["path"], int(place["start_line"]), int(place["end_line"])) for place in results]


class SmartDoor(Door):
    """The same in this process; `answers` are packed, None for a plain search."""

    def __init__(self, indexes: Path, weights: dict[str, float], answers: dict[str, bytes] | None) -> None:
        super().__init__(indexes, weights)
        self._answers = answers

    def search(self, query: str) -> list[Place]:
        smart = None if self._answers is None else self._answers.get(query, b"")
        found = self.index.search(query, DEPTH, weights=self.weights, smart=smart)
        return [(hit.path, hit.start_line, hit.end_line) for hit in found]


def load_answers(path: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return {row["query"]: {key: value for key, value in row.items() if key != "query"} for row in rows}


def settle(env: dict[str, str], greppy: str, **values: str) -> None:
    for key, value in values.items():
        name = "smart." + key
        subprocess.run([greppy, "config", name, value], env=env, check=True, capture_output=True)


# ------------------------------------------------------------------------------------------------------------- cost


def cost(report: Report, greppy: str, root: Path, env: dict[str, str], runs: int) -> None:
    """Whole processes, in turns."""
    answers = {
        query: {"intent": "understand_flow", "entity_type": "function", "expanded_query": words, "filters": {}}
        for query, words in LINUX.items()
    }
    env = env | {"OLLAMA_HOST": "127.0.0.1:9"}
    subprocess.run([greppy, "index", "-q", "-p", str(root)], env=env, check=True)
    url = Recorded(answers).url
    asked = ["--provider", "openai", "--base-url", url]
    rows, ratios = [], defaultdict(list)
    for query in LINUX:
        for flags in (asked, []):  # the answers come into the cache here
            subprocess.run([greppy, "search", "-s", *flags, query], cwd=root, env=env, check=True, capture_output=True)
        search = (greppy, "search", "--no-refresh")
        cases = [
            Command("plain", (*search, query)),
            Command("cached", (*search, "-s", *asked, query)),
            Command("offline", (*search, "-s", query)),
        ]
        timings = measure(cases, str(root), env, runs)
        base = timings["plain"].median
        row = [query, micro(base)]
        for name in ("cached", "offline"):
            ratios[name].append(timings[name].median / base)
            row += [micro(timings[name].median), times(ratios[name][-1])]
        rows.append(row)
    report.table(
        "search --no-refresh of Linux, twenty results: whole processes, microseconds",
        ["<question", "plain", "cached --smart", "× plain", "offline --smart", "× plain"],
        rows,
    )
    for name, found in ratios.items():
        report.bar(f"{name} --smart, median of {len(found)} questions", statistics.median(found), COST_BAR, "× plain")


# ------------------------------------------------------------------------------------------------------------ worth


def by_category(rows: Rows) -> dict[str, float]:
    return {"all": mean(rows), **dict(sorted(grouped(rows, "category").items()))}


def compare(report: Report, found: dict[str, Rows]) -> None:
    """A row a way to ask; the ceiling takes of each question the better of plain and smart."""
    plain = by_category(found["plain"])
    ceiling = [
        a if a["ndcg10"] >= b["ndcg10"] else b for a, b in zip(found["plain"], found["with answers"], strict=True)
    ]
    table = []
    for name, rows in {**found, "the better of plain and answers": ceiling}.items():
        scores = by_category(rows)
        table.append([name, *(f"{scores[k]:.4f} ({scores[k] - plain[k]:+.4f})" for k in plain)])
    report.table("NDCG@10", ["<", *plain], table)
    smart, offline = by_category(found["with answers"]), by_category(found["offline"])
    for name in ("semantic", "architecture"):
        report.bar(f"{name}, with answers", smart[name] - plain[name], GAIN_BAR, "over plain", at_least=True)
    report.bar("symbol, with answers: change", abs(smart["symbol"] - plain["symbol"]), 0.001, "")
    for name in plain:
        report.bar(f"{name}, offline", offline[name] - plain[name], 0.0, "over plain", at_least=True)


def worth(report: Report, options: argparse.Namespace, greppy: str, env: dict[str, str]) -> None:
    answers = load_answers(options.answers)
    _, present, absent = load_set(options.annotations, options.repos)
    env = env | {"OLLAMA_HOST": "127.0.0.1:9"}
    settle(env, greppy, timeout="20000", base_url=Recorded(answers).url)

    def command(name: str, *arguments: str, good: tuple[int, ...] = (0, 1)) -> Command:
        return Command(name, (greppy, *arguments), good)

    found = {}
    for name, flags in (
        ("plain", ()),
        ("offline", ("-s", "--provider", "none")),
        ("with answers", ("-s", "--provider", "openai")),
    ):
        engine = SmartBinary(name, command, env, flags)
        found[name], _ = ask_all(engine, present)
        unknown = [line for line in engine.said if "404" not in line]
        if unknown:
            report.say(f"  {name}, on standard error: {unknown[0]}")
    compare(report, found)
    report.say(
        f"  {len(found['plain'])} questions, {len(answers)} of them with an answer; left out: {absent or 'none'}"
    )


def cross_validate(report: Report, options: argparse.Namespace, indexes: Path) -> None:
    """The weights that are best on all other repositories, tried on each one."""
    from greppy.smart.answer import pack, parse_answer

    packed = {query: pack(parse_answer(json.dumps(a)), query) for query, a in load_answers(options.answers).items()}
    _, present, _ = load_set(options.annotations, options.repos)

    def rows(weights: dict[str, float], answers: dict[str, bytes] | None) -> Rows:
        return ask_all(SmartDoor(indexes, weights, answers), present)[0]

    compare(report, {"plain": rows({}, None), "offline": rows({}, {}), "with answers": rows({}, packed)})
    plain = grouped(rows({}, None), "repo")
    tried = {
        (a, b): grouped(rows({"expansion": a, "expanded": b}, packed), "repo")
        for a, b in itertools.product(EXPANSION, EXPANDED)
    }
    gains, chosen = [], defaultdict(int)
    for name in plain:
        best = max(tried, key=lambda key: statistics.fmean(v for repo, v in tried[key].items() if repo != name))
        chosen[best] += 1
        gains.append(tried[best][name] - plain[name])
    worst = min(tried, key=lambda key: statistics.fmean(tried[key].values()))
    ours = by_repository(rows({}, packed)) - statistics.fmean(plain.values())
    report.say("\nmean over repositories, gain over plain:")
    report.say(f"  weights as they are {ours:+.4f}; chosen without the repository {statistics.fmean(gains):+.4f}")
    least = statistics.fmean(tried[worst].values()) - statistics.fmean(plain.values())
    report.say(f"  worst of the {len(tried)} tried {least:+.4f}")
    report.say(f"  chosen (expansion, expanded): {dict(chosen)}; repositories that lose: {sum(g < 0 for g in gains)}")


def run(options: argparse.Namespace, temp: Path) -> None:
    report, env, greppy = Report(), isolated(temp), str(options.greppy)
    if options.linux:
        cost(report, greppy, options.linux, env, options.runs)
    if options.answers and options.door:
        cross_validate(report, options, temp / "indexes")
    elif options.answers:
        worth(report, options, greppy, env)
    report.print_bars()


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/smart.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--greppy", type=Path, default=ROOT / "dist" / "greppy", metavar="PATH", help="the executable")
    parser.add_argument("--linux", type=Path, metavar="PATH", help="an unpacked Linux source tree")
    parser.add_argument("--runs", type=int, default=200, help="of each process (200)")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="recorded answers")
    parser.add_argument("--annotations", type=Path, metavar="DIR")
    parser.add_argument("--repos", type=Path, metavar="DIR")
    parser.add_argument("--door", action="store_true", help="in this process, cross-validated")
    options = parser.parse_args()
    if not options.linux and not options.answers:
        parser.error("give --linux or --answers")
    if options.answers and not (options.annotations and options.repos):
        parser.error("--answers needs --annotations and --repos")
    for name in ("greppy", "linux", "answers", "annotations", "repos"):
        path = getattr(options, name)
        setattr(options, name, path and path.resolve())
        if path and not path.exists():
            parser.error(f"{path}: no such file or folder")
    return in_temporary_folder("benches/smart.py", lambda temp: run(options, temp))


if __name__ == "__main__":
    sys.exit(main())
