"""Arithmetic on intervals, held against sets of single moments."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, strategies as st

from recorder_core.storage.intervals import Interval, clip, length, subtract, union

_MOMENT = st.integers(0, 30)
_INTERVALS = st.lists(st.tuples(_MOMENT, _MOMENT).map(lambda pair: (min(pair), max(pair))), max_size=6)


def _moments(intervals: list[Interval]) -> set[int]:
    return {moment for start, end in intervals for moment in range(start, end)}


@given(_INTERVALS)
def test_a_union_has_the_same_moments_in_order(intervals: list[Interval]) -> None:
    """And its parts neither overlap nor touch."""
    merged = union(intervals)
    assert _moments(merged) == _moments(intervals)
    assert all(one[1] < other[0] for one, other in pairwise(merged))


@given(_INTERVALS)
def test_a_length_counts_each_moment_once(intervals: list[Interval]) -> None:
    """Overlaps do not add up."""
    assert length(intervals) == len(_moments(intervals))


@given(_INTERVALS, _MOMENT, _MOMENT)
def test_clipping_keeps_what_is_inside(intervals: list[Interval], start: int, end: int) -> None:
    """And leaves no empty part."""
    clipped = clip(intervals, start, end)
    assert _moments(clipped) == {moment for moment in _moments(intervals) if start <= moment < end}
    assert all(first < last for first, last in clipped)


@given(_INTERVALS, _INTERVALS)
def test_subtracting_leaves_the_rest(intervals: list[Interval], others: list[Interval]) -> None:
    """Exactly the moments that the others do not have."""
    assert _moments(subtract(intervals, others)) == _moments(intervals) - _moments(others)
