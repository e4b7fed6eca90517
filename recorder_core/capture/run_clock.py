"""The wall clock of a run: which UTC a media time stands for.

A picture cannot arrive before it was taken, so the smallest difference between arrival and media time is the best
guess at the offset between the two, and what is left in it is the quickest way through the network. The guess is
made anew in each segment, and the run follows it by at most `MAX_RATE`: jumps would tear holes into a timeline that
has none, and a smallest-ever rule would drift (a camera that runs 50 ppm slow is 8.6 s wrong after two days).

A sender report is an arrival too, and a better one: its media time is that of its sending (RFC 3550 section 6.4.1),
so it was not held up by the encoder as every picture is. It counts only where it agrees with the pictures to within
`_ENCODER_US`, for there are cameras that fill it with nonsense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from recorder_core.media import TIMESCALE

_US = 1_000_000 / TIMESCALE
"""Microseconds per unit of media time."""

MAX_RATE = 500e-6
"""The most by which a run's clock runs faster or slower than its media time."""

_ENCODER_US = 1_000_000
"""No camera for surveillance keeps a picture longer than this before it sends it."""

_FALL_US = 100_000
_STEADY_US = 250_000
"""A guess that still gets better by so much within so short a time comes from pictures that were kept back."""

_AHEAD_US = 1_000_000
"""No picture arrives before it was taken: one that seems to shows that media time is not what it was."""

_BEHIND_US = 10_000_000
_WINDOW_US = 10_000_000
"""Nor does the network hold back every single picture of so long a time for so long."""

SEGMENT_US = 60_000_000
"""How long a segment is meant to last: the time over which it makes up for what the former was wrong."""


@dataclass(frozen=True, slots=True)
class _Line:
    """UTC as a linear function of media time."""

    media: int
    utc_us: float
    rate: float

    def at(self, pts: int) -> float:
        elapsed_us = (pts - self.media) * _US
        # In a segment that goes on beyond its time, for want of a sync sample, nothing is left to make up for.
        return self.utc_us + elapsed_us + self.rate * min(elapsed_us, SEGMENT_US)


class RunClock:
    """Observes arrivals and answers with UTC. `wall_minus_monotonic_us` is fixed when the run begins."""

    def __init__(self, wall_minus_monotonic_us: int) -> None:
        """Begin a run; nothing may be asked before `settle`."""
        self._to_wall = wall_minus_monotonic_us
        self._smallest: float | None = None
        self._reported: float | None = None
        self._line: _Line | None = None
        self._fell_us = 0
        self._window_us = 0
        self._least_behind_us = math.inf
        self.lost = False

    @property
    def settled(self) -> bool:
        """Whether `utc_us` may be asked."""
        return self._line is not None

    def observe(self, pts: int, arrival_us: int) -> None:
        """Take note that the unit with this media time had arrived by this monotonic time."""
        offset = self._offset(pts, arrival_us)
        if self._smallest is None or offset < self._smallest:
            if self._smallest is None or offset < self._smallest - _FALL_US:
                self._fell_us = arrival_us
            self._smallest = offset
        if self._line is not None:
            self._compare(pts, arrival_us)

    def _compare(self, pts: int, arrival_us: int) -> None:
        """See whether the run's clock has lost its way: `lost` stays true from then on."""
        ahead_us = self.ahead_us(pts, arrival_us)
        self._least_behind_us = min(self._least_behind_us, -ahead_us)
        if arrival_us - self._window_us >= _WINDOW_US:
            self.lost = self.lost or _BEHIND_US < self._least_behind_us < math.inf
            self._window_us, self._least_behind_us = arrival_us, math.inf
        self.lost = self.lost or ahead_us > _AHEAD_US

    def steady(self, now_us: int) -> bool:
        """Whether the guess has not become much better lately, so that it may be settled on."""
        return now_us - self._fell_us >= _STEADY_US

    def observe_report(self, pts: int, arrival_us: int) -> None:
        """Take note that word of this media time's moment had arrived by this monotonic time."""
        offset = self._offset(pts, arrival_us)
        if self._reported is None or offset < self._reported:
            self._reported = offset

    def _offset(self, pts: int, arrival_us: int) -> float:
        return arrival_us + self._to_wall - pts * _US

    def _guess(self) -> float | None:
        """Return the best guess at the offset from what was observed, and begin to observe anew."""
        pictures, reports = self._smallest, self._reported
        self._smallest = self._reported = None
        if pictures is not None and reports is not None and pictures - _ENCODER_US < reports < pictures:
            return reports
        return pictures

    def ahead_us(self, pts: int, arrival_us: int) -> float:
        """Return how much later than its arrival a unit seems to have been taken; below zero for any proper one."""
        if self._line is not None:
            return self._line.at(pts) - (arrival_us + self._to_wall)
        return 0.0 if self._smallest is None else self._smallest - self._offset(pts, arrival_us)

    def report_utc_us(self, pts: int, arrival_us: int) -> int:
        """Return the UTC at which a sender report was sent, by its media time unless that is nonsense."""
        if abs(self.ahead_us(pts, arrival_us)) <= _ENCODER_US:
            return self.utc_us(pts)
        return arrival_us + self._to_wall

    def settle(self, media: int) -> None:
        """Begin the first segment at this media time, with what has been observed so far."""
        guess = self._guess()
        if guess is None:
            raise ValueError("no arrival has been observed")
        self._line = _Line(media, media * _US + guess, 0.0)

    def next_segment(self, media: int) -> None:
        """Begin a segment where the last one ended, and follow what was observed during that one."""
        if self._line is None:
            raise ValueError("the clock has not been settled")
        here = self._line.at(media)
        rate = 0.0
        guess = self._guess()
        if guess is not None:
            rate = min(max((media * _US + guess - here) / SEGMENT_US, -MAX_RATE), MAX_RATE)
        self._line = _Line(media, here, rate)

    def utc_us(self, pts: int) -> int:
        """Return the UTC for a media time."""
        if self._line is None:
            raise ValueError("the clock has not been settled")
        return round(self._line.at(pts))
