"""Arithmetic on half-open intervals of time, without a clock and without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

type Interval = tuple[int, int]
"""`[start_us, end_us)`."""


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
    """Return the moments of `intervals` that are in none of `others`, as `union` would."""
    left = union(intervals)
    for start, end in others:
        left = [
            part
            for first, last in left
            for part in ((first, min(last, start)), (max(first, end), last))
            if part[0] < part[1]
        ]
    return left
