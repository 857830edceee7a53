"""What the benchmark prints: tables, sentences, and each bar with what was measured against it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from typing import Any


def micro(ns: float | None) -> str:
    return "-" if ns is None else f"{ns / 1000:,.0f}"


def times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def megabytes(n: float) -> str:
    return f"{n / 1e6:,.1f}"


def load() -> str:
    return " ".join(f"{x:.2f}" for x in os.getloadavg())


def machine() -> dict[str, Any]:
    """Cores, kernel, processor, memory."""
    facts = {"cores": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}", "cpu": platform.machine()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        facts["cpu"] = f"{names[0]} ({platform.machine()})" if names else facts["cpu"]
        facts["memory_bytes"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    return facts


@dataclass
class Report:
    data: dict[str, Any] = field(default_factory=dict)
    bars: list[dict[str, Any]] = field(default_factory=list)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def table(self, title: str, head: list[str], rows: list[list[str]]) -> None:
        """The first column flush left, the others flush right unless their head begins with '<'."""
        left = [i == 0 or name.startswith("<") for i, name in enumerate(head)]
        shown = [[name.lstrip("<") for name in head], *rows]
        widths = [max(len(row[i]) for row in shown) for i in range(len(head))]
        self.say(f"\n{title}")
        for n, row in enumerate(shown):
            cells = (c.ljust(w) if flush else c.rjust(w) for c, w, flush in zip(row, widths, left, strict=True))
            self.say(("  " + "  ".join(cells)).rstrip())
            if n == 0:
                self.say("  " + "  ".join("-" * w for w in widths))

    def bar(self, what: str, figure: float, limit: float, unit: str, at_least: bool = False) -> None:
        """Remembers one bar; `figure` must not exceed `limit` (or must reach it)."""
        met = figure >= limit if at_least else figure <= limit
        bar = {"what": what, "figure": figure, "limit": limit, "unit": unit, "at_least": at_least, "met": met}
        self.bars.append(bar)

    def print_bars(self) -> None:
        if not self.bars:
            return
        rows = []
        for bar in self.bars:
            sign = "≥" if bar["at_least"] else "≤"
            figure = f"{bar['figure']:.3f}" if bar["figure"] < 10 else f"{bar['figure']:,.1f}"
            rows.append([
                bar["what"], f"{figure} {bar['unit']}".strip(), f"{sign} {bar['limit']:g} {bar['unit']}".strip(),
                "met" if bar["met"] else "NOT MET",
            ])
        self.table("bars", ["what", "measured", "bar", "<"], rows)
