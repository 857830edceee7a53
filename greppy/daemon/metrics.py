"""What the daemon counts: latencies, hits, errors, memory; and which of it is worse than it should be.

A latency histogram has buckets that grow by a quarter each, so a percentile read from it is at most a quarter too high.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BUCKETS = [1e-6 * 1.25**i for i in range(80)]  # upper ends in seconds: 1 us to 45 s
HISTORY = 60  # minutes of which searches and memory are kept
GROWTH_FROM = 10  # minutes after which growth of memory means something: before, caches fill
ENOUGH = 100  # searches before which a share means nothing


class Histogram:
    """How long things took."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.n = 0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.n += 1

    def percentile(self, share: float) -> float:
        """Seconds that at most `1 - share` of the times exceed; 0 when there are none."""
        left = share * self.n
        for end, count in zip(BUCKETS, self.counts, strict=False):
            left -= count
            if left <= 0 and self.n:
                return end
        return BUCKETS[-1] if self.n else 0.0

    def report(self) -> dict[str, float]:
        return {
            "n": self.n,
            "p50_ms": round(self.percentile(0.5) * 1e3, 4),
            "p95_ms": round(self.percentile(0.95) * 1e3, 4),
            "p99_ms": round(self.percentile(0.99) * 1e3, 4),
        }


@dataclass(frozen=True)
class Thresholds:
    """What is worse than these is told in the log and in the status."""

    p99_ms: float = 10.0  # of searches
    growth_mb: float = 10.0  # of memory, an hour
    hit_percent: float = 80.0  # least share of searches that L1 answers
    error_percent: float = 1.0


def rss_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Minute:
    """One minute's searches and the memory at its end."""

    searches: int
    rss: int


@dataclass
class Metrics:
    """All counters of one daemon."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    started: float = field(default_factory=time.time)
    latency: dict[str, Histogram] = field(default_factory=dict)
    errors: int = 0  # answers that are ERRORs of this side, not of a client that asked for nonsense
    hits: int = 0
    misses: int = 0
    history: deque[Minute] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _before: int = 0

    def record(self, command: str, seconds: float) -> None:
        histogram = self.latency.get(command)
        if histogram is None:
            histogram = self.latency[command] = Histogram()
        histogram.add(seconds)

    @property
    def requests(self) -> int:
        return sum(histogram.n for histogram in self.latency.values())

    @property
    def searches(self) -> int:
        """Those of programs, which the daemon answers, and of the command line, which ask whether it has caught up."""
        return sum(self.latency[name].n for name in ("search", "sync") if name in self.latency)

    def minute(self) -> None:
        """To be called once a minute."""
        self.history.append(Minute(self.searches - self._before, rss_bytes()))
        self._before = self.searches

    def growth_mb(self) -> float:
        """MB of memory an hour, as the second half of what is remembered has it over the first; 0 when there is too
        little to tell."""
        if len(self.history) < GROWTH_FROM:
            return 0.0
        minutes = list(self.history)
        half = len(minutes) // 2
        first = sorted(minute.rss for minute in minutes[:half])[half // 2]
        second = sorted(minute.rss for minute in minutes[half:])[(len(minutes) - half) // 2]
        return (second - first) / 1e6 * 60 / (len(minutes) / 2)

    def alerts(self) -> list[str]:
        """What is worse than its threshold, a clause each."""
        found = []
        limits = self.thresholds
        asked = self.hits + self.misses
        p99 = self.latency["search"].percentile(0.99) * 1e3 if "search" in self.latency else 0.0
        if self.searches >= ENOUGH and p99 > limits.p99_ms:
            found.append(f"p99 of searches is {p99:.1f} ms, over {limits.p99_ms:g}")
        if self.growth_mb() > limits.growth_mb:
            found.append(f"memory grows by {self.growth_mb():.1f} MB an hour, over {limits.growth_mb:g}")
        if asked >= ENOUGH and 100 * self.hits < limits.hit_percent * asked:
            found.append(f"L1 answers {100 * self.hits / asked:.0f} % of searches, under {limits.hit_percent:g}")
        if self.requests >= ENOUGH and 100 * self.errors > limits.error_percent * self.requests:
            found.append(f"{100 * self.errors / self.requests:.1f} % of requests fail, over {limits.error_percent:g}")
        return found

    def report(self) -> dict[str, Any]:
        asked = self.hits + self.misses
        uptime = time.time() - self.started
        recent = [minute.searches for minute in self.history]
        return {
            "uptime_s": round(uptime, 1),
            "searches": self.searches,
            "searches_per_s": round(recent[-1] / 60 if recent else self.searches / max(uptime, 1), 3),
            "searches_by_minute": recent,
            "latency": {command: histogram.report() for command, histogram in sorted(self.latency.items())},
            "l1_hit_rate": round(self.hits / asked, 4) if asked else None,
            "requests": self.requests,
            "errors": self.errors,
            "error_rate": round(self.errors / self.requests, 6) if self.requests else 0.0,
            "rss_bytes": rss_bytes(),
            "rss_by_minute": [minute.rss for minute in self.history],
            "growth_mb_per_h": round(self.growth_mb(), 2),
            "alerts": self.alerts(),
            "thresholds": {
                "p99_ms": self.thresholds.p99_ms,
                "growth_mb_per_h": self.thresholds.growth_mb,
                "hit_percent": self.thresholds.hit_percent,
                "error_percent": self.thresholds.error_percent,
            },
        }


def prometheus(status: dict[str, Any]) -> str:
    """A status as Prometheus text, format 0.0.4."""
    lines: list[str] = []

    def family(name: str, kind: str, text: str, samples: list[tuple[str, float]]) -> None:
        lines.append(f"# HELP greppy_{name} {text}")
        lines.append(f"# TYPE greppy_{name} {kind}")
        lines.extend(f"greppy_{name}{labels} {value:.12g}" for labels, value in samples)

    family("uptime_seconds", "gauge", "Since the daemon was started.", [("", status["uptime_s"])])
    family("resident_memory_bytes", "gauge", "Resident memory.", [("", status["rss_bytes"])])
    family("requests_total", "counter", "Requests answered.", [("", status["requests"])])
    family("errors_total", "counter", "Requests that failed.", [("", status["errors"])])
    family("searches_total", "counter", "Searches answered.", [("", status["searches"])])
    if status["l1_hit_rate"] is not None:
        family("l1_hit_ratio", "gauge", "Share of searches answered from memory.", [("", status["l1_hit_rate"])])
    family("connections", "gauge", "Open connections.", [("", status["connections"])])
    family("alerts", "gauge", "Thresholds that are crossed.", [("", len(status["alerts"]))])
    samples = []
    for command, found in status["latency"].items():
        for share, key in (("0.5", "p50_ms"), ("0.95", "p95_ms"), ("0.99", "p99_ms")):
            samples.append((f'{{command="{command}",quantile="{share}"}}', found[key] / 1e3))
    family("latency_seconds", "gauge", "Latency by command.", samples)
    projects = [(f'{{root="{_label(project["root"])}"}}', project) for project in status["projects"]]
    now = time.time()
    measures: list[tuple[str, str, Callable[[dict[str, Any]], float]]] = [
        ("project_watched", "1 when the index may be trusted.", lambda p: float(p["state"] == "watched")),
        ("project_generation", "Generation of the index.", lambda p: float(p["generation"])),
        ("project_queue", "Changes seen and not committed.", lambda p: float(p["queue"])),
        ("project_commits", "Commits since the start.", lambda p: float(p["commits"])),
        ("project_age_seconds", "Since the last commit.", lambda p: now - p["updated"] if p["updated"] else 0.0),
    ]
    for name, text, value in measures:
        family(name, "gauge", text, [(labels, value(project)) for labels, project in projects])
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
