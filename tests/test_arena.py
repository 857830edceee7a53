"""The front's malloc: no piece touches another one, whatever is asked for in whatever order."""

from __future__ import annotations

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from greppy._core import engine

SIZES = st.one_of(st.integers(0, 300), st.sampled_from([4096, 65_000, 65_536, 70_000, 1_048_560, 1_100_000, 3_000_000]))
STEPS = st.tuples(st.sampled_from(["malloc", "calloc", "realloc", "free"]), st.integers(0, 9), SIZES)


@given(st.lists(STEPS, max_size=40))
@settings(max_examples=300, deadline=None)
@example([("malloc", 1, 100), ("free", 1, 0), ("calloc", 2, 100)])  # given back, written, and asked for as zeros
@example([("malloc", 1, 10), ("malloc", 2, 10), ("realloc", 1, 200), ("realloc", 2, 100)])
@example([("malloc", 1, 64_000), ("malloc", 2, 3000), ("realloc", 1, 70_000), ("calloc", 3, 1_000_000)])
def test_pieces_are_apart_and_hold(steps: list[tuple[str, int, int]]) -> None:
    pieces = sorted(engine.arena(steps), key=lambda piece: piece[1])
    for piece, address, _, holds in pieces:
        assert address % 16 == 0
        assert holds, piece
    for (_, address, size, _), (_, behind, _, _) in itertools.pairwise(pieces):
        assert address + size <= behind
