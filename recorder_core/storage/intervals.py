"""Arithmetic on half-open intervals of time, without a clock and without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

type Interval = tuple[int, int]
"""`[start_us, end_us)`."""

EVER_US = (1 << 63) - 1
"""The end of what has none, and the largest time that the index can keep."""


def clip(intervals: Iterable[Interval], start_us: int, end_us: int) -> list[Interval]:
    """Return the parts of `intervals` that lie in `[start_us, end_us)`, empty ones left out."""
    clipped = ((max(start, start_us), min(end, end_us)) for start, end in intervals)
    return [(start, end) for start, end in clipped if start < end]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same moments as disjoint intervals in ascending order that do not touch."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def length(intervals: Iterable[Interval]) -> int:
    """Return how long `intervals` last together, each moment counted once."""
    return sum(end - start for start, end in union(intervals))


def subtract(intervals: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """Return the moments of `intervals` that are in none of `others`, as `union` would; in one walk over both."""
    left: list[Interval] = []
    holes = union((start, end) for start, end in others if start < end)
    passed = 0
    for start, end in union(intervals):
        begin = start
        while passed < len(holes) and holes[passed][0] < end:
            hole_start, hole_end = holes[passed]
            if begin < hole_start:
                left.append((begin, hole_start))
            begin = max(begin, hole_end)
            if hole_end > end:  # it may cut the next interval too
                break
            passed += 1
        if begin < end:
            left.append((begin, end))
    return left
