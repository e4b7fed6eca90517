"""Gaps: at most one is open, none is empty, and time without footage is counted once (invariant 4)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.storage.records import Gap, GapReason

from .store import T0, Store


def test_a_gap_that_goes_on_is_one_row(store: Store) -> None:
    """A camera that fails to connect again and again has one gap."""
    store.index.put_camera("a", "A")
    first = store.index.open_gap("a", T0, GapReason.CONNECT_FAILED, "refused")
    assert store.index.open_gap("a", T0 + 5, GapReason.CONNECT_FAILED, "refused") == first
    assert store.index.open_gaps() == [Gap(first, "a", T0, None, GapReason.CONNECT_FAILED, "refused")]


def test_another_reason_ends_the_gap_before(store: Store) -> None:
    """Reason or detail change: the second gap begins where the first one ends."""
    store.index.put_camera("a", "A")
    first = store.index.open_gap("a", T0, GapReason.CONNECTING)
    second = store.index.open_gap("a", T0 + 5, GapReason.CONNECTING, "again")
    store.index.close_gap(second, T0 + 7)
    assert store.index.gaps("a", T0, T0 + 10) == [
        Gap(first, "a", T0, T0 + 5, GapReason.CONNECTING),
        Gap(second, "a", T0 + 5, T0 + 7, GapReason.CONNECTING, "again"),
    ]
    assert store.index.gaps_end("a") == T0 + 7


@pytest.mark.parametrize("end_us", [T0, T0 - 5])
def test_a_gap_that_misses_nothing_leaves_no_row(store: Store, end_us: int) -> None:
    """Empty, or ended before it began because the wall clock was set back."""
    store.index.put_camera("a", "A")
    store.index.close_gap(store.index.open_gap("a", T0, GapReason.STALLED), end_us)
    assert store.index.add_gap("a", T0, end_us, GapReason.STALLED) is None
    assert store.index.gaps("a", 0, T0 * 2) == []
    assert store.index.gaps_end("a") is None


def test_a_closed_gap_stays_as_it_is(store: Store) -> None:
    """Closing twice, or what was never there, changes nothing."""
    store.index.put_camera("a", "A")
    gap = store.index.open_gap("a", T0, GapReason.STALLED)
    store.index.close_gap(gap, T0 + 5)
    store.index.close_gap(gap, T0 + 9)
    store.index.close_gap(gap, T0 - 9)
    store.index.close_gap(gap + 1, T0 + 9)
    assert store.index.gaps("a", 0, T0 * 2) == [Gap(gap, "a", T0, T0 + 5, GapReason.STALLED)]


def test_gaps_need_a_camera(store: Store) -> None:
    """The error names it."""
    with pytest.raises(RequestError) as caught:
        store.index.open_gap("a", T0, GapReason.STALLED)
    assert caught.value.code is ErrorCode.UNKNOWN_CAMERA
    assert caught.value.placeholders == {"camera_id": "a"}


@dataclass
class _Model:
    """What the index should know of one camera."""

    closed: list[tuple[int, int, GapReason]]
    open: tuple[int, GapReason] | None = None

    def close(self, end: int) -> None:
        if self.open is not None and self.open[0] < end:
            self.closed.append((self.open[0], end, self.open[1]))
        self.open = None


_MOMENTS = st.integers(0, 40)
_CAMERAS = st.sampled_from(["a", "b"])
_REASONS = st.sampled_from([GapReason.STALLED, GapReason.CONNECTING])


class GapMachine(RuleBasedStateMachine):
    """Opens, closes and adds gaps of two cameras at any moments, and compares windows with a model."""

    def __init__(self) -> None:
        """Make an empty store."""
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Store(Path(self.folder.name))
        self.models = {"a": _Model([]), "b": _Model([])}
        for camera_id in self.models:
            self.store.index.put_camera(camera_id, camera_id)

    def teardown(self) -> None:
        """Remove the store."""
        self.store.index.close()
        self.folder.cleanup()

    @rule(camera_id=_CAMERAS, at=_MOMENTS, reason=_REASONS)
    def open_gap(self, camera_id: str, at: int, reason: GapReason) -> None:
        """Begin a gap."""
        self.store.index.open_gap(camera_id, at, reason)
        model = self.models[camera_id]
        if model.open is None or model.open[1] is not reason:
            model.close(at)
            model.open = (at, reason)

    @rule(camera_id=_CAMERAS, at=_MOMENTS)
    def close_gap(self, camera_id: str, at: int) -> None:
        """End the open gap, if any."""
        for gap in self.store.index.open_gaps():
            if gap.camera_id == camera_id:
                self.store.index.close_gap(gap.gap_id, at)
        self.models[camera_id].close(at)

    @rule(camera_id=_CAMERAS, start=_MOMENTS, end=_MOMENTS, reason=_REASONS)
    def add_gap(self, camera_id: str, start: int, end: int, reason: GapReason) -> None:
        """Add a gap with both ends."""
        added = self.store.index.add_gap(camera_id, start, end, reason)
        assert (added is None) == (start >= end)
        if start < end:
            self.models[camera_id].closed.append((start, end, reason))

    @rule(camera_id=_CAMERAS, start=_MOMENTS, end=_MOMENTS)
    def look(self, camera_id: str, start: int, end: int) -> None:
        """Ask for a window."""
        model = self.models[camera_id]
        known = [(first, last, reason) for first, last, reason in model.closed if first < end and last > start]
        if model.open is not None and model.open[0] < end:
            known.append((model.open[0], end, model.open[1]))
        found = self.store.index.gaps(camera_id, start, end)
        assert sorted((gap.start_us, gap.end_us or end, gap.reason) for gap in found) == sorted(known)
        moments = {moment for first, last, _ in known for moment in range(max(first, start), min(last, end))}
        assert self.store.index.gap_us(camera_id, start, end) == len(moments)

    @invariant()
    def open_gaps_are_the_models(self) -> None:
        """At most one per camera, and the right one."""
        found = {gap.camera_id: (gap.start_us, gap.reason) for gap in self.store.index.open_gaps()}
        assert found == {name: model.open for name, model in self.models.items() if model.open is not None}


TestGapMachine = GapMachine.TestCase
TestGapMachine.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
