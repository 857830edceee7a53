"""Draws latency against corpus size, both on logarithmic axes, as an SVG that reads on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

WIDTH, HEIGHT = 900, 560
LEFT, RIGHT, TOP, BOTTOM = 90, 650, 60, 480  # of the plot; what is right of it is the legend's
GREY, FAINT = "#7a7a7a", "#7a7a7a40"
COLOURS = ("#2f7ed8", "#d9534f", "#3a9d5d", "#c98a1b", "#8e5bd0", "#17a2a2")
Series = dict[str, dict[str, list[float | None]]]  # engine → "median", "p99" → microseconds at each size


def _label(us: float) -> str:
    if us < 1000:
        return f"{us:g} µs"
    return f"{us / 1000:g} ms" if us < 1e6 else f"{us / 1e6:g} s"


class Axis:
    """Whole powers of ten around the values, on the pixels from `begin` to `end`."""

    def __init__(self, values: list[float], begin: int, end: int) -> None:
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) - 0.01)
        self.high = max(self.high, self.low + 1)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self._begin + share * (self._end - self._begin)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    for value in y.ticks():
        at = y.at(value)
        yield f'<path d="M{LEFT} {at:.1f}H{RIGHT}" stroke="{FAINT}"/>'
        yield f'<text x="{LEFT - 10}" y="{at + 4:.1f}" text-anchor="end">{_label(value)}</text>'
    for value in x.ticks():
        at = x.at(value)
        yield f'<path d="M{at:.1f} {TOP}V{BOTTOM}" stroke="{FAINT}"/>'
        yield f'<text x="{at:.1f}" y="{BOTTOM + 20}" text-anchor="middle">{value:,.0f}</text>'
    middle = (TOP + BOTTOM) / 2
    yield f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 50}" text-anchor="middle">chunks</text>'
    yield f'<text transform="translate(20 {middle}) rotate(-90)" text-anchor="middle">time of a question</text>'


def _line(x: Axis, y: Axis, chunks: list[int], row: list[float | None], colour: str, dashes: str) -> Iterator[str]:
    points = [(x.at(n), y.at(us)) for n, us in zip(chunks, row, strict=True) if us]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    for a, b in points:
        yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>'


def draw(title: str, chunks: list[int], series: Series) -> str:
    """The text of the SVG."""
    x = Axis([float(n) for n in chunks], LEFT, RIGHT)
    y = Axis([us for lines in series.values() for row in lines.values() for us in row if us], BOTTOM, TOP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13" fill="{GREY}">',
        f'<text x="{LEFT}" y="32" font-size="16">{escape(title)}</text>',
        *_grid(x, y),
    ]
    for number, (name, lines) in enumerate(series.items()):
        colour, at = COLOURS[number % len(COLOURS)], TOP + 20 + 24 * number
        out += _line(x, y, chunks, lines["median"], colour, "")
        out += _line(x, y, chunks, lines["p99"], colour, ' stroke-dasharray="5 4"')
        out.append(f'<path d="M{RIGHT + 24} {at - 4}h28" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{RIGHT + 60}" y="{at}">{escape(name)}</text>')
    for number, (what, dashes) in enumerate((("median", ""), ("99th percentile", ' stroke-dasharray="5 4"'))):
        at = TOP + 20 + 24 * (len(series) + 1 + number)
        out.append(f'<path d="M{RIGHT + 24} {at - 4}h28" stroke="{GREY}" stroke-width="2"{dashes}/>')
        out.append(f'<text x="{RIGHT + 60}" y="{at}">{what}</text>')
    return "\n".join([*out, "</svg>", ""])
