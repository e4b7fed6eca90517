"""What comes from one session with a camera: runs, and the moments at which one ends and the next begins.

A run ends where its format or its time line ends. Where it can be had, the change waits for a sync sample, so nothing
is lost over it; what is lost stands in a gap (invariant 4).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from recorder_core.clock import host_synchronised, wall_minus_monotonic_us
from recorder_core.errors import CameraError, ErrorCode, RecorderError, StorageError
from recorder_core.media import TIMESCALE
from recorder_core.parameter_sets import ParameterSetError, video_format
from recorder_core.storage.records import GapReason

from .run import RunFacts, RunRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recorder_core.clock import Clock
    from recorder_core.media import AccessUnit, VideoFormat

    from .sink import CaptureSink
    from .source import SourceInfo

_LOGGER = logging.getLogger(__name__)

_JUMP_FORWARD = 10 * TIMESCALE
_JUMP_BACK = -2 * TIMESCALE
"""Media time may pause while packets are lost and go back a little where pictures are reordered; more is a jump."""

_PAUSE = TIMESCALE
_AHEAD_US = 1_000_000
"""After a pause longer than this a unit that is so far ahead of its arrival shows that it was no pause but a jump."""

_CLOCK_STEP_US = 250_000
"""A change of wall minus monotonic time by more than this is a step of the host's clock, not a late reading."""

_CLOCK_LOOK_US = 1_000_000


class Recording:
    """Consumes one source. `ended` is set with `error` when the session is over, for whatever reason."""

    def __init__(
        self,
        camera_id: str,
        info: SourceInfo,
        sink: CaptureSink,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        """Begin with nothing recorded; `on_change` is called when a run begins or ends."""
        self.info = info
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        self.last_unit_us = clock.monotonic_us()
        self.packets_lost = 0
        self.format: VideoFormat | None = None
        self.recorded = False
        self._camera_id = camera_id
        self._sink = sink
        self._clock = clock
        self._on_change = on_change
        self._run: RunRecorder | None = None
        self._latest: AccessUnit | None = None
        self._report: tuple[int, int] | None = None
        self._announced = False
        self._last_pts = 0
        self._wall_minus_monotonic = wall_minus_monotonic_us(clock)
        self._clock_looked_us = 0
        self._clock_stepped = False
        self._adopt(info.parameter_sets)

    @property
    def run_id(self) -> str | None:
        """The run that is being recorded, once it has a beginning."""
        return self._run.run_id if self._run is not None and self._run.started else None

    @property
    def clock_offset_us(self) -> int | None:
        """The camera's clock minus ours, by its last sender report."""
        return self._run.clock_offset_us if self._run is not None else None

    # From the source

    def on_units(self, units: list[AccessUnit]) -> None:
        """Record units."""
        if self.ended.is_set():
            return
        self._look_at_clock()
        self.last_unit_us = units[-1].arrival_us
        try:
            for stretch in _stretches(units, self._last_pts):
                self._observe(stretch)
                for alike in self._alike(stretch):
                    self._take(alike)
        except RecorderError as error:
            self._fail(error)
        except Exception as error:
            _LOGGER.exception("Recording camera %s failed", self._camera_id)
            self._fail(error)

    def on_report(self, camera_us: int, pts: int, arrival_us: int) -> None:
        """Compare the camera's clock with ours, and let the run's clock learn from the report's own journey."""
        self._report = pts, arrival_us
        if self._run is not None:
            self._run.observe_report(pts, arrival_us)
            if self._run.started:
                self._run.clock_offset_us = camera_us - self._run.report_utc_us(pts, arrival_us)

    def on_end(self, error: Exception) -> None:
        """Note the end of the session."""
        if self.error is None:
            self.error = error
        self.ended.set()

    # To the camera's life

    def finish(self, reason: GapReason) -> int | None:
        """End the run, if there is one, and return where it ended."""
        run, self._run = self._run, None
        if run is None:
            return None
        try:
            end_us = run.end(reason, with_rest=not isinstance(self.error, StorageError))
        except StorageError as error:
            self.error = error
            end_us = run.end(reason, with_rest=False)
        self._announce(run)
        return end_us if self._announced else None

    # Inside

    def _fail(self, error: Exception) -> None:
        self.error = error
        self.ended.set()

    def _observe(self, stretch: list[AccessUnit]) -> None:
        """Let the run's clock see a stretch of units, unless it shows that the run's time line has ended."""
        first, self._latest = stretch[0], stretch[-1]
        if self._run is None:
            return
        step = first.pts - self._last_pts
        ahead = step > _PAUSE and self._run.ahead_us(first) > _AHEAD_US
        if first.discontinuity or ahead or not _JUMP_BACK <= step <= _JUMP_FORWARD:
            self._report = None  # it speaks of the time line that has just ended
            self._turn(GapReason.TIMESTAMP_JUMP)
            return
        # Of those between, the first of which may have been held back, none can tell more than the last.
        self._run.observe(first)
        self._run.observe(self._latest)

    def _alike(self, units: list[AccessUnit]) -> Iterator[list[AccessUnit]]:
        """Part units before each that changes something, so that what is decided for the first holds for all."""
        begin = 0
        for at, unit in enumerate(units):
            if at > begin and (
                unit.packets_lost
                or unit.parameter_sets is not None
                or (unit.sync and (self._run is None or self._clock_stepped or self._run.clock_lost))
            ):
                yield units[begin:at]
                begin = at
        yield units[begin:]

    def _take(self, units: list[AccessUnit]) -> None:
        """Record units of which only the first may change anything."""
        first = units[0]
        self.packets_lost += first.packets_lost
        if first.parameter_sets is not None:
            self._adopt(first.parameter_sets)
        if self._run is not None and (reason := self._break(self._run, first)) is not None:
            self._turn(reason)
        self._last_pts = units[-1].pts
        if self._run is None:
            if not first.sync or self.format is None:
                return
            self._run = self._begin(self.format)
        self._run.push(units)
        self._announce(self._run)

    def _announce(self, run: RunRecorder) -> None:
        """Say that the run has begun, once it has."""
        if run.started and not self._announced:
            self._announced = True
            self.recorded = True
            self._sink.gap_closed(self._camera_id, run.start_us)
            self._on_change()

    def _break(self, run: RunRecorder, unit: AccessUnit) -> GapReason | None:
        """Say why a unit cannot go on with the run, if its time line is not the reason."""
        if self.format is not run.facts.format and self.format != run.facts.format:
            return GapReason.PARAMETER_CHANGE
        if self._clock_stepped and unit.sync:
            return GapReason.CLOCK_STEP
        if run.clock_lost and unit.sync:
            return GapReason.TIMESTAMP_JUMP
        return None

    def _turn(self, reason: GapReason) -> None:
        """End the run where it is; the next sync sample begins another."""
        end_us = self.finish(reason)
        if end_us is not None:
            self._sink.gap_opened(self._camera_id, end_us, reason, "")
            self._on_change()

    def _begin(self, fmt: VideoFormat) -> RunRecorder:
        self._wall_minus_monotonic = wall_minus_monotonic_us(self._clock)
        self._clock_stepped = False
        self._announced = False
        run = RunRecorder(
            RunFacts(
                camera_id=self._camera_id,
                format=fmt,
                source=self.info.kind,
                audio_discarded=self.info.audio_discarded,
                wall_minus_monotonic_us=self._wall_minus_monotonic,
            ),
            self._sink,
        )
        run.host_synchronised = host_synchronised()
        if self._latest is not None:
            run.observe(self._latest)
        if self._report is not None:
            run.observe_report(*self._report)
        return run

    def _adopt(self, parameter_sets: tuple[bytes, ...]) -> None:
        try:
            self.format = video_format(self.info.codec, parameter_sets) if parameter_sets else None
        except ParameterSetError as error:
            if self.format is None:
                return  # the stream may still bring ones that can be read
            raise CameraError(
                ErrorCode.PROTOCOL, "The camera changed to a picture format that cannot be read."
            ) from error

    def _look_at_clock(self) -> None:
        now = self._clock.monotonic_us()
        if now - self._clock_looked_us < _CLOCK_LOOK_US:
            return
        self._clock_looked_us = now
        change = wall_minus_monotonic_us(self._clock) - self._wall_minus_monotonic
        self._clock_stepped = abs(change) > _CLOCK_STEP_US


def _stretches(units: list[AccessUnit], last_pts: int) -> Iterator[list[AccessUnit]]:
    """Cut units that were read together where the time line may have ended between two of them."""
    begin = 0
    for at, unit in enumerate(units):
        if at > begin and (unit.discontinuity or not _JUMP_BACK <= unit.pts - last_pts <= _PAUSE):
            yield units[begin:at]
            begin = at
        last_pts = unit.pts
    yield units[begin:]
