"""Footage on a volume that is away is in a gap until it is back, and then in a segment (invariant 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.storage.gap_rows import cut_gaps
from recorder_core.storage.intervals import clip, subtract, union
from recorder_core.storage.reconcile import miss_left, reconcile, salvage_left
from recorder_core.storage.records import GapReason
from recorder_core.storage.volumes import MARKER

from .store import T0, S, Store

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.storage.records import OpenFile

DOWN, FAILED, LOST = GapReason.RECORDER_DOWN, GapReason.STORAGE_FAILED, GapReason.PACKET_LOSS


def _left_open(store: Store, seconds: int = 4) -> OpenFile:
    run = store.run()
    file = store.file(run, T0)
    store.write(file, seconds)[0].release()
    return file


def _away(store: Store) -> Path:
    return (store.handle.volume.path / MARKER).rename(store.root / "marker")


def _gaps(store: Store) -> list[tuple[GapReason, int, int | None]]:
    """Times in seconds since T0."""
    found = store.index.gaps("entrance", 0, T0 + 1000 * S)
    return [(gap.reason, (gap.start_us - T0) // S, gap.end_us and (gap.end_us - T0) // S) for gap in found]


@pytest.mark.parametrize(
    ("alive", "missing", "back"),
    [
        (6, [(FAILED, 0, 6), (DOWN, 6, 100)], [(FAILED, 4, 6), (DOWN, 6, 100)]),
        (2, [(FAILED, 0, 2), (DOWN, 2, 100)], [(DOWN, 4, 100)]),
        (None, [(DOWN, 0, 100)], [(DOWN, 4, 100)]),
    ],
)
def test_a_start_without_the_volume_and_one_with_it(
    store: Store, alive: int | None, missing: list[object], back: list[object]
) -> None:
    """The recorder was last known to be alive so many seconds after the file was begun, which holds four."""
    file = _left_open(store)
    if alive is not None:
        store.index.heartbeat(T0 + alive * S)
    marker = _away(store)
    found = reconcile(store.index, [store.handle])
    assert found.waiting == [file]
    assert found.ends in ({"entrance": T0 + (alive or 0) * S}, {})
    store.index.add_gap("entrance", T0 + (alive or 0) * S, T0 + 100 * S, DOWN)
    assert reconcile(store.index, [store.handle]).waiting == [file]
    assert _gaps(store) == missing
    marker.rename(store.handle.volume.path / MARKER)
    [segment] = reconcile(store.index, [store.handle]).salvaged
    assert (segment.start_us, segment.end_us) == (T0, T0 + 4 * S)
    assert _gaps(store) == back


def test_a_file_that_is_left_while_recording_goes_on(store: Store) -> None:
    """What lies between file and gap is missed, once; not while it is written, nor before its end is known."""
    file = _left_open(store, 3)
    store.index.add_gap("entrance", T0 + S, T0 + 2 * S, LOST)

    def nothing() -> set[int]:
        return set()

    assert miss_left(store.index, store.volume_id, lambda: {file.segment_id}) == []
    assert miss_left(store.index, store.volume_id, nothing) == []
    store.index.add_gap("entrance", T0 + 5 * S, T0 + 6 * S, FAILED, "handed over and not written")
    gap = store.index.open_gap("entrance", T0 + 6 * S, FAILED)
    assert [(one.start_us - T0, one.end_us) for one in miss_left(store.index, store.volume_id, nothing)] == [
        (0, T0 + S),
        (2 * S, T0 + 5 * S),
    ]
    assert miss_left(store.index, store.volume_id, nothing) == []
    store.index.close_gap(gap, T0 + 9 * S)
    [segment] = salvage_left(store.index, store.handle, nothing)
    assert segment.end_us == T0 + 3 * S
    assert _gaps(store) == [(LOST, 1, 2), (FAILED, 3, 5), (FAILED, 5, 6), (FAILED, 6, 9)]


def test_a_file_ends_where_the_next_one_begins(store: Store) -> None:
    """It could not be closed, and its run went on in another file."""
    first = _left_open(store)
    run = store.index.run("run-1")
    assert run is not None
    second = store.file(run, T0 + 4 * S)
    store.index.file_opened(second)
    [gap] = miss_left(store.index, store.volume_id, lambda: {second.segment_id})
    assert (gap.start_us, gap.end_us) == (first.start_us, second.start_us)


_GAPS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from([DOWN, FAILED, LOST])), max_size=6)


@settings(max_examples=50, deadline=None)
@given(gaps=_GAPS, still_open=st.none() | st.integers(0, 20), start=st.integers(0, 20), length=st.integers(1, 8))
def test_what_was_recorded_is_in_no_gap(
    tmp_path_factory: pytest.TempPathFactory,
    gaps: list[tuple[int, int, GapReason]],
    still_open: int | None,
    start: int,
    length: int,
) -> None:
    """And nothing else changes: neither other times, nor reasons, nor the id of the gap that still lasts."""
    store = Store(tmp_path_factory.mktemp("cut"))
    store.run()
    for begin, lasts, reason in gaps:
        store.index.add_gap("entrance", begin, begin + lasts, reason)
    last = None if still_open is None else store.index.open_gap("entrance", still_open, FAILED)

    def spans(*reasons: GapReason) -> list[tuple[int, int]]:
        known = store.index.gaps("entrance", 0, 100)
        return [(gap.start_us, gap.end_us or 100) for gap in known if gap.reason in reasons]

    before = {reason: spans(reason) for reason in (DOWN, FAILED, LOST)}
    with store.index._writing() as connection:
        cut_gaps(connection, 1, start, start + length)
    for reason in (DOWN, FAILED):
        assert union(spans(reason)) == subtract(before[reason], [(start, start + length)])
        assert clip(spans(reason), start, start + length) == []
    assert spans(LOST) == before[LOST]
    assert [gap.gap_id for gap in store.index.open_gaps()] == ([] if last is None else [last])
    store.index.close()
