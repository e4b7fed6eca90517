"""The clock of a run: close to the truth for days, and never a hole in it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.capture.run_clock import MAX_RATE, SEGMENT_US, RunClock
from recorder_core.media import TIMESCALE

WALL = 1_760_000_000_000_000
S = 1_000_000


def _pts(us: float, ppm: float, start: int) -> int:
    """Return what the camera's media clock shows after so many microseconds."""
    return start + round(us * (1 + ppm * 1e-6) * 9 / 100)


class Camera:
    """A camera with a drift, seen through a network that is late by at least `least_us` and often by more."""

    def __init__(self, *, ppm: float, jitter_us: int, seed: int, start: int = 1 << 33, least_us: int = 2000) -> None:
        """Take the first picture at monotonic time 0."""
        self.clock = RunClock(WALL)
        self.ppm, self.start = ppm, start
        self._jitter_us, self._least_us = jitter_us, least_us
        self._chance = random.Random(seed)

    def pts(self, us: float) -> int:
        """Return the media time of a picture that was taken then."""
        return _pts(us, self.ppm, self.start)

    def observe(self, us: int) -> None:
        """Let a picture taken then arrive."""
        late = self._least_us + self._chance.randrange(self._jitter_us + 1)
        self.clock.observe(self.pts(us), us + late)

    def error_us(self, us: int) -> int:
        """Return by how much the clock is wrong at a time, the quickest way through the network left out."""
        return self.clock.utc_us(self.pts(us)) - (WALL + us + self._least_us)


@settings(max_examples=20, deadline=None)
@given(ppm=st.floats(-300, 300), jitter_us=st.integers(0, 60_000), seed=st.integers(0, 999))
def test_any_drift_is_followed(ppm: float, jitter_us: int, seed: int) -> None:
    camera = Camera(ppm=ppm, jitter_us=jitter_us, seed=seed)
    for us in range(0, 1 * S, 40_000):
        camera.observe(us)
    camera.clock.settle(camera.pts(0))
    for segment in range(22):
        begin = segment * SEGMENT_US
        for us in range(begin, begin + SEGMENT_US, S // 2):
            camera.observe(us)
        end = begin + SEGMENT_US
        before = camera.clock.utc_us(camera.pts(end))
        camera.clock.next_segment(camera.pts(end))
        # Continuous at the border, to the rounding of a microsecond.
        assert abs(camera.clock.utc_us(camera.pts(end)) - before) <= 1
        assert camera.clock._line is not None
        assert abs(camera.clock._line.rate) <= MAX_RATE
        if segment > 15:
            # A segment's drift, the best of its 120 arrivals, and what was left of the start.
            assert abs(camera.error_us(end)) < 300 * 60 * 2 + 3000


def test_a_slow_camera_over_two_days() -> None:
    """50 ppm slow: a smallest-ever rule would be 8.6 s wrong by then."""
    camera = Camera(ppm=-50, jitter_us=0, seed=1)
    camera.observe(0)
    camera.clock.settle(camera.pts(0))
    worst = 0
    for segment in range(2 * 24 * 60):
        for us in range(segment * SEGMENT_US, (segment + 1) * SEGMENT_US, 6 * S):
            camera.observe(us)
        end = (segment + 1) * SEGMENT_US
        camera.clock.next_segment(camera.pts(end))
        worst = max(worst, abs(camera.error_us(end)))
    assert worst < 7000


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(1, 20_000_000), st.integers(-(1 << 40), 1 << 40)), min_size=1, max_size=20),
    data=st.data(),
)
def test_time_never_runs_back_and_never_too_fast(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """Whatever is observed, from however mad a camera."""
    clock = RunClock(WALL)
    clock.observe(0, 0)
    clock.settle(0)
    media = 0
    for length, arrival in steps:
        before = clock.utc_us(media)
        clock.observe(media, arrival)
        clock.observe_report(media, arrival - data.draw(st.integers(-2_000_000, 2_000_000)))
        media += length
        passed = clock.utc_us(media) - before
        truth = length * S / TIMESCALE
        assert abs(passed - truth) <= min(truth, SEGMENT_US) * MAX_RATE + 2
        clock.next_segment(media)


def test_a_segment_without_end_is_not_corrected_for_ever() -> None:
    """With sync samples ten minutes apart the correction for a minute must not run on."""
    clock = RunClock(WALL)
    clock.observe(0, 0)
    clock.settle(0)
    minute = 60 * TIMESCALE
    clock.observe(minute, 60 * S - 20_000)
    clock.next_segment(minute)
    assert clock.utc_us(2 * minute) == WALL + 120 * S - 20_000
    assert clock.utc_us(12 * minute) == WALL + 720 * S - 20_000


def test_without_an_observation_a_segment_goes_on_at_its_own_rate() -> None:
    clock = RunClock(WALL)
    clock.observe(0, 500)
    clock.settle(0)
    clock.next_segment(90)
    assert clock.utc_us(180) == WALL + 500 + 2000


def test_what_cannot_be_asked_yet() -> None:
    clock = RunClock(WALL)
    assert not clock.settled
    assert clock.ahead_us(0, 0) == 0
    with pytest.raises(ValueError, match="no arrival"):
        clock.settle(0)
    with pytest.raises(ValueError, match="settled"):
        clock.next_segment(0)
    with pytest.raises(ValueError, match="settled"):
        clock.utc_us(0)


@pytest.mark.parametrize("settled", [True, False])
def test_a_unit_from_the_future(*, settled: bool) -> None:
    clock = RunClock(WALL)
    clock.observe(0, 1000)
    if settled:
        clock.settle(0)
    assert clock.settled is settled
    assert round(clock.ahead_us(TIMESCALE, 1_001_000)) == 0
    assert round(clock.ahead_us(TIMESCALE, 1_501_000)) == -500_000
    assert round(clock.ahead_us(6 * TIMESCALE, 1_001_000)) == 5_000_000


@pytest.mark.parametrize(
    ("report_us", "expected_us"),
    [
        (60_000, 60_000),  # sent at the very moment: the picture was held up by the encoder
        (100_500, 100_000),  # later than the pictures: it says less than they do
        (-2_000_000, 100_000),  # nonsense
    ],
)
def test_reports_count_where_they_agree_with_the_pictures(report_us: int, expected_us: int) -> None:
    clock = RunClock(WALL)
    clock.observe(0, 100_000)
    clock.observe_report(0, report_us)
    clock.settle(0)
    assert clock.utc_us(0) == WALL + expected_us
    only = RunClock(WALL)
    only.observe_report(0, report_us)
    with pytest.raises(ValueError, match="no arrival"):
        only.settle(0)


@pytest.mark.parametrize("late_us", [[40_000, 3_000, 90_000], [3_000, 40_000], [40_000, 3_000]])
def test_the_quickest_picture_sets_the_clock(late_us: list[int]) -> None:
    """Whatever order they come in, those that were held up on the way say nothing."""
    clock = RunClock(WALL)
    for number, late in enumerate(late_us):
        taken_us = number * 40_000
        clock.observe(taken_us * 9 // 100, taken_us + late)
    clock.settle(0)
    assert clock.utc_us(0) == WALL + 3_000
