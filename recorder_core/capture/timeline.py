"""From presentation times in decoding order to samples with decoding times and durations.

RTP carries presentation times only. A run's decoding times are its presentation times in ascending order, so where pictures
are reordered a unit's decoding time is known once as many units have followed as the stream reorders.
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

    `depth` is the stream's reorder depth; None lets it be learned from the units themselves.
    """

    def __init__(self, depth: int | None) -> None:
        """Begin a run."""
        self._learns = depth is None
        self._depth = min(depth or 0, _MAX_DEPTH)
        self._waiting: deque[AccessUnit] = deque()
        self._times: list[int] = []
        self._recent: deque[int] = deque(maxlen=_MAX_DEPTH)
        self._unit: AccessUnit | None = None
        self._dts: int | None = None
        self._duration = _FALLBACK_DURATION

    def push(self, unit: AccessUnit) -> list[Sample]:
        """Add the next unit in decoding order; return the samples that have become certain."""
        if self._learns:
            self._learn(unit.pts)
        self._waiting.append(unit)
        heapq.heappush(self._times, unit.pts)
        samples = []
        while len(self._times) > self._depth:
            sample = self._place(heapq.heappop(self._times))
            if sample is not None:
                samples.append(sample)
        return samples

    def flush(self) -> list[Sample]:
        """End the run: return what is left, the last sample lasting as long as the one before it."""
        samples = [self._place(heapq.heappop(self._times)) for _ in range(len(self._times))]
        if self._unit is not None and self._dts is not None:
            samples.append(self._sample(self._unit, self._dts, self._duration))
            self._unit = None
        return [sample for sample in samples if sample is not None]

    def _learn(self, pts: int) -> None:
        later = sum(1 for one in self._recent if one > pts)
        self._depth = max(self._depth, later)
        self._recent.append(pts)

    def _place(self, pts: int) -> Sample | None:
        """Give the oldest waiting unit its decoding time; return the unit before it, whose duration is now known."""
        unit = self._waiting.popleft()
        # Two units with one time, or a depth that was learned too late: decoding times must still ascend.
        dts = pts if self._dts is None else max(pts, self._dts + 1)
        before, former = self._unit, self._dts
        self._unit, self._dts = unit, dts
        if before is None or former is None:
            return None
        self._duration = dts - former
        return self._sample(before, former, self._duration)

    @staticmethod
    def _sample(unit: AccessUnit, dts: int, duration: int) -> Sample:
        return Sample(data=unit.data, dts=dts, pts=unit.pts, duration=duration, sync=unit.sync)
