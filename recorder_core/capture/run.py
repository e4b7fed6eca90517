"""One run: access units of one format become samples, fragments and segments, with a wall time for each.

A fragment closes where a GOP begins and after a second of media time, or of the time in which it arrived; a segment at
the first sync sample after its minute is over, the minutes of different cameras staggered. Keeps invariant 4 within a
run: a unit that was lost leaves a gap.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE, Fragment
from recorder_core.storage.ids import new_run_id, new_segment_id, segment_path
from recorder_core.storage.open_segment import OpenSegment, SegmentTail
from recorder_core.storage.records import GapReason, OpenFile, Run

from .reasons import gap_reason
from .run_clock import SEGMENT_US, RunClock
from .timeline import DecodeTimeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder_core.media import AccessUnit, Sample, VideoFormat
    from recorder_core.models import SourceKind
    from recorder_core.storage.writer import VolumeWriter

    from .sink import CaptureSink

_FRAGMENT = TIMESCALE
_FRAGMENT_ARRIVAL_US = 1_250_000
_FRAGMENT_BYTES = 8 << 20
"""What a camera whose media time stands still or creeps may have in memory."""

_HOLD_US = 3_000_000
_HOLD_BYTES = 32 << 20
"""A camera may begin with pictures that it kept back. Until all of those have come, the clock cannot be settled, and
nothing is written; but not for longer than this."""

_LOSS_QUIET = TIMESCALE
"""Losses with less media time than this between them are one gap."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is made of and does not change."""

    camera_id: str
    format: VideoFormat
    source: SourceKind
    audio_discarded: bool
    wall_minus_monotonic_us: int


class RunRecorder:
    """Records one run. `started` is true from when the first fragment is complete and the sink knows of the run."""

    def __init__(self, facts: RunFacts, sink: CaptureSink) -> None:
        """Begin with the first sync sample that is pushed."""
        self.run_id = new_run_id()
        self.facts = facts
        self.clock_offset_us: int | None = None
        self.host_synchronised: bool | None = None
        self._sink = sink
        self._clock = RunClock(facts.wall_minus_monotonic_us)
        self._timeline = DecodeTimeline(facts.format.reorder_depth)
        self._samples: list[Sample] = []
        self._bytes = 0
        self._held: list[tuple[Sample, ...]] = []
        self._held_bytes = 0
        self._begun_us: int | None = None
        self._closed_us = 0
        self._now_us = 0
        self._writer: VolumeWriter | None = None
        self._segment: OpenSegment | None = None
        self._segment_end_us = 0
        self._segment_lost = 0
        self._last_pts: int | None = None
        self._loss: tuple[int, int, int] | None = None
        self._end_us = 0
        self.started = False
        self.start_us = 0

    @property
    def clock_lost(self) -> bool:
        """Whether media time is not what it was when the run began, so that its wall times are wrong."""
        return self._clock.lost

    def report_utc_us(self, pts: int, arrival_us: int) -> int:
        """Return the wall time at which a sender report was sent; only once the run has started."""
        return self._clock.report_utc_us(pts, arrival_us)

    def observe(self, unit: AccessUnit) -> None:
        """Take note of when a unit arrived."""
        self._clock.observe(unit.pts, unit.arrival_us)

    def ahead_us(self, unit: AccessUnit) -> float:
        """Return by how much a unit that arrives now was, by its media time, taken later than now."""
        return self._clock.ahead_us(unit.pts, unit.arrival_us)

    def observe_report(self, pts: int, arrival_us: int) -> None:
        """Take note of when a sender report arrived, and of which media time it spoke."""
        self._clock.observe_report(pts, arrival_us)

    def push(self, units: Sequence[AccessUnit]) -> None:
        """Record units. Of several, only the first may say that something before it was lost.

        Raises:
            StorageError: when they cannot be stored; the run is to be ended.
        """
        if units[0].packets_lost:
            self._note_loss(units[0])
        self._last_pts = units[-1].pts
        if self._begun_us is None:
            self._begun_us = self._closed_us = units[0].arrival_us
        self._now_us = units[-1].arrival_us
        self._add(self._timeline.push(units))
        long_open = self._now_us - self._closed_us >= _FRAGMENT_ARRIVAL_US
        if self._samples and (long_open or self._bytes >= _FRAGMENT_BYTES):
            self._close_fragment()
        if self._held and (
            self._clock.steady(self._now_us)
            or self._now_us - self._begun_us >= _HOLD_US
            or self._held_bytes >= _HOLD_BYTES
        ):
            self._begin()

    def end(self, reason: str, *, with_rest: bool = True) -> int:
        """End the run: write what is left, close the segment; return the wall time at which it ended."""
        if with_rest:
            self._add(self._timeline.flush())
            if self._samples:
                self._close_fragment()
            if self._held:
                self._begin()
        if self._loss is not None and self._clock.settled:
            self._report_loss()
        if self._segment is not None and self._writer is not None:
            self._writer.close(self._segment, self._tail())
            self._sink.run_ended(self.run_id, self._end_us, reason)
            self._segment = None
        return self._end_us

    def _add(self, samples: list[Sample]) -> None:
        for sample in samples:
            if self._samples and self._ends_before(sample.dts, sync=sample.sync):
                self._close_fragment()
            if sample.sync and self._segment is not None and self._clock.utc_us(sample.dts) >= self._segment_end_us:
                self._rotate(sample.dts)
            self._samples.append(sample)
            self._bytes += len(sample.data)
        # What follows is known before it is a sample itself; whoever is killed until then need not lose the fragment.
        following = self._timeline.following
        if self._samples and following is not None and self._ends_before(following[0], sync=following[1]):
            self._close_fragment()

    def _ends_before(self, dts: int, *, sync: bool) -> bool:
        """Whether the fragment is complete when such a sample follows."""
        # Where every picture is a sync sample, none begins a GOP that would be worth a fragment of its own.
        return (sync and not self._samples[-1].sync) or dts - self._samples[0].dts >= _FRAGMENT

    def _close_fragment(self) -> None:
        samples, self._samples = tuple(self._samples), []
        size, self._bytes = self._bytes, 0
        self._closed_us = self._now_us
        if self._segment is None:
            self._held.append(samples)
            self._held_bytes += size
        else:
            self._write(samples)

    def _write(self, samples: tuple[Sample, ...]) -> None:
        first, last = samples[0], samples[-1]
        end_us = self._clock.utc_us(last.dts + last.duration)
        fragment = Fragment(samples, start_us=self._clock.utc_us(first.dts), end_us=end_us)
        if self._writer is None or self._segment is None:
            raise RuntimeError("a run that has begun has a segment")
        self._writer.append(self._segment, fragment)
        self._end_us = end_us
        if self._loss is not None and first.dts - self._loss[1] > _LOSS_QUIET:
            self._report_loss()

    def _begin(self) -> None:
        """Open the run and its first segment with the fragments that were held until the clock could be settled."""
        held, self._held = self._held, []
        media = held[0][0].dts
        self._clock.settle(media)
        self.start_us = start_us = self._clock.utc_us(media)
        self._writer = self._sink.writer(self.facts.camera_id)
        fmt = self.facts.format
        self._sink.run_started(
            Run(
                run_id=self.run_id,
                camera_id=self.facts.camera_id,
                start_us=start_us,
                source=self.facts.source,
                codec=fmt.codec,
                width=fmt.width,
                height=fmt.height,
                audio_discarded=self.facts.audio_discarded,
            )
        )
        self._segment = self._writer.open(self._file(start_us, self._writer), fmt, on_failed=self._not_written)
        self._end_us = start_us
        self.started = True
        for samples in held:
            self._write(samples)

    def _rotate(self, media: int) -> None:
        """Go on in a new file, on whatever volume is to take it."""
        segment, writer = self._segment, self._writer
        if segment is None or writer is None:
            raise RuntimeError("only a run that has begun can go on")
        self._report_loss()  # a camera that always loses some must not hold its account back for ever
        self._clock.next_segment(media)
        start_us = self._clock.utc_us(media)
        successor = self._sink.writer(self.facts.camera_id)
        file = self._file(start_us, successor)
        if successor is writer:
            self._segment = writer.rotate(segment, self._tail(start_us), file, self.facts.format)
        else:
            writer.close(segment, self._tail(start_us))
            self._segment = successor.open(file, self.facts.format, on_failed=self._not_written)
            self._writer = successor
        self._segment_lost = 0

    def _not_written(self, segment: OpenSegment) -> None:
        """Account for what was handed over and will not reach the file."""
        if segment.error is not None and segment.end_us < segment.handed_us:
            reason = gap_reason(segment.error)
            self._sink.gap(self.facts.camera_id, segment.end_us, segment.handed_us, reason, segment.error.message)

    def _file(self, start_us: int, writer: VolumeWriter) -> OpenFile:
        self._segment_end_us = next_rotation_us(self.facts.camera_id, start_us)
        segment_id = new_segment_id(start_us)
        return OpenFile(
            segment_id=segment_id,
            camera_id=self.facts.camera_id,
            run_id=self.run_id,
            volume_id=writer.volume.volume_id,
            path=segment_path(self.facts.camera_id, start_us, segment_id),
            start_us=start_us,
        )

    def _tail(self, end_us: int | None = None) -> SegmentTail:
        return SegmentTail(
            end_us=self._end_us if end_us is None else end_us,
            packets_lost=self._segment_lost,
            clock_offset_us=self.clock_offset_us,
            host_synchronised=self.host_synchronised,
        )

    def _note_loss(self, unit: AccessUnit) -> None:
        self._segment_lost += unit.packets_lost
        # Where pictures are reordered, what is lost may have been to be shown before or after the one it precedes.
        last = unit.pts if self._last_pts is None else self._last_pts
        start, end, count = self._loss or (last, last, 0)
        self._loss = (min(start, last, unit.pts), max(end, last, unit.pts), count + unit.packets_lost)

    def _report_loss(self) -> None:
        if self._loss is None:
            return
        start, end, count = self._loss
        self._loss = None
        start_us, end_us = self._clock.utc_us(start), self._clock.utc_us(end)
        self._sink.gap(self.facts.camera_id, start_us, end_us, GapReason.PACKET_LOSS, f"{count} packets")


def next_rotation_us(camera_id: str, start_us: int) -> int:
    """Return when a segment that starts now is to end.

    That is at the camera's own second of the minute, and half a minute from now at the earliest.
    """
    phase = zlib.crc32(camera_id.encode()) % 60 * 1_000_000
    earliest = start_us + SEGMENT_US // 2
    return earliest + (phase - earliest) % SEGMENT_US
