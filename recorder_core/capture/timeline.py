"""From presentation times in decoding order to samples with decoding times and durations.

RTP carries presentation times only. A run's decoding times are its presentation times in ascending order, so where
pictures are reordered a unit's decoding time is known once as many units have followed as the stream reorders.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from recorder_core.media import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder_core.media import AccessUnit

_MAX_DEPTH = 16
"""No H.264 or H.265 stream reorders more pictures than its decoded picture buffer holds."""

_FALLBACK_DURATION = 3600
"""What the last sample of a run lasts if it is the only one: 1/25 s."""


class DecodeTimeline:
    """Turns the units of one run into samples, in decoding order, as soon as they are certain.

    `depth` is the reorder depth that the stream states. Where it states none, or less than it does, the depth is
    learned from the units themselves.
    """

    def __init__(self, depth: int | None) -> None:
        """Begin a run."""
        self._depth = min(depth or 0, _MAX_DEPTH)
        self._waiting: deque[AccessUnit] = deque()
        self._times: list[int] = []
        self._recent: deque[int] = deque(maxlen=_MAX_DEPTH)
        self._highest = -(1 << 62)
        self._unit: AccessUnit | None = None
        self._dts: int | None = None
        self._duration = _FALLBACK_DURATION

    @property
    def following(self) -> tuple[int, bool] | None:
        """When the next sample is to be decoded and whether it is a sync sample; None while no unit has its time."""
        return None if self._unit is None or self._dts is None else (self._dts, self._unit.sync)

    def push(self, units: Iterable[AccessUnit]) -> list[Sample]:
        """Add the next units in decoding order; return the samples that have become certain."""
        samples: list[Sample] = []
        for unit in units:
            pts = unit.pts
            if pts > self._highest:
                self._highest = pts
                if self._depth == 0:  # the common case: nothing is reordered, so nothing has to wait
                    self._recent.append(pts)
                    self._place(unit, pts, samples)
                    continue
            else:
                self._depth = max(self._depth, sum(1 for one in self._recent if one > pts))
            self._recent.append(pts)
            self._waiting.append(unit)
            heapq.heappush(self._times, pts)
            while len(self._times) > self._depth:
                self._place(self._waiting.popleft(), heapq.heappop(self._times), samples)
        return samples

    def flush(self) -> list[Sample]:
        """End the run: return what is left, the last sample lasting as long as the one before it."""
        samples: list[Sample] = []
        for unit in self._waiting:
            self._place(unit, heapq.heappop(self._times), samples)
        self._waiting.clear()
        if self._unit is not None and self._dts is not None:
            samples.append(Sample(self._unit.data, self._dts, self._unit.pts, self._duration, self._unit.sync))
            self._unit = None
        return samples

    def _place(self, unit: AccessUnit, pts: int, samples: list[Sample]) -> None:
        """Give a unit its decoding time, and with it the unit before it the duration that makes it a sample."""
        before, former = self._unit, self._dts
        dts = pts
        if before is not None and former is not None:
            if pts <= former:  # two units with one time, or a depth that was learned too late: they must still ascend
                dts = former + 1
            self._duration = duration = dts - former
            samples.append(Sample(before.data, former, before.pts, duration, before.sync))
        self._unit, self._dts = unit, dts
