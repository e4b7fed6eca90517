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

    def push(self, unit: AccessUnit) -> list[Sample]:
        """Add the next unit in decoding order; return the samples that have become certain."""
        if unit.pts > self._highest:
            self._highest = unit.pts
            if self._depth == 0:  # the common case: nothing is reordered, so nothing has to wait
                self._recent.append(unit.pts)
                sample = self._place(unit, unit.pts)
                return [] if sample is None else [sample]
        else:
            self._depth = max(self._depth, sum(1 for one in self._recent if one > unit.pts))
        self._recent.append(unit.pts)
        self._waiting.append(unit)
        heapq.heappush(self._times, unit.pts)
        samples = []
        while len(self._times) > self._depth:
            sample = self._place(self._waiting.popleft(), heapq.heappop(self._times))
            if sample is not None:
                samples.append(sample)
        return samples

    def flush(self) -> list[Sample]:
        """End the run: return what is left, the last sample lasting as long as the one before it."""
        samples = [self._place(unit, heapq.heappop(self._times)) for unit in self._waiting]
        self._waiting.clear()
        if self._unit is not None and self._dts is not None:
            samples.append(_sample(self._unit, self._dts, self._duration))
            self._unit = None
        return [sample for sample in samples if sample is not None]

    def _place(self, unit: AccessUnit, pts: int) -> Sample | None:
        """Give a unit its decoding time; return the unit before it, whose duration is now known."""
        former = self._dts
        # Two units with one time, or a depth that was learned too late: decoding times must still ascend.
        dts = pts if former is None or pts > former else former + 1
        before = self._unit
        self._unit, self._dts = unit, dts
        if before is None or former is None:
            return None
        self._duration = dts - former
        return _sample(before, former, self._duration)


def _sample(unit: AccessUnit, dts: int, duration: int) -> Sample:
    return Sample(unit.data, dts, unit.pts, duration, unit.sync)
