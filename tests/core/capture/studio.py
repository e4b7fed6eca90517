"""A recording and the scripted camera before it; the files, the index and the writer are real."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.capture.recording import Recording
from recorder_core.capture.source import SourceInfo
from recorder_core.media import TIMESCALE, AccessUnit, Codec
from recorder_core.models import SourceKind
from recorder_core.mp4 import read_segment
from recorder_core.storage.records import GapReason
from tests.core.storage.store import FORMAT, T0, ManualClock, S

if TYPE_CHECKING:
    from recorder_core.storage.records import Gap

    from .sink import Place

CAMERA = "entrance"
FPS = 5
STEP = TIMESCALE // FPS
GOP = 5
INFO = SourceInfo(SourceKind.RTSP, Codec.H264, FORMAT.parameter_sets)
# 1920 by 1080 pixels.
OTHER_SETS = (bytes.fromhex("6742c028da01e0089f961000000300100000030328f1832a"), bytes.fromhex("68ce3c80"))


class Studio:
    """A recording and a camera that takes five pictures a second, on a clock that only the test turns."""

    def __init__(self, where: Place, *, size: int = 100, info: SourceInfo = INFO) -> None:
        """Begin at T0 with the camera's media clock at a number of its own."""
        self.where = where
        self.clock = ManualClock()
        self.changes = 0
        self.size = size
        self.gop = GOP
        self.number = 0
        self.media = 1_000_000
        self.recording = Recording(CAMERA, info, where.sink, self.clock, self._changed)
        where.add_camera(CAMERA)
        where.sink.gap_opened(CAMERA, T0, GapReason.CONNECTING, "")

    def _changed(self) -> None:
        self.changes += 1

    def run_id(self) -> str | None:
        """Return the run that is being recorded."""
        return self.recording.run_id

    def clock_offset_us(self) -> int | None:
        """Return what the last report told."""
        return self.recording.clock_offset_us

    def unit(self, **changes: object) -> AccessUnit:
        """Take the next picture, a fifth of a second after the last; it arrives at once."""
        self.clock.mono_us += S // FPS
        self.clock.wall_us += S // FPS
        sync = self.number % self.gop == 0
        data = b"%08d" % self.number * (self.size // 8)
        unit = AccessUnit(data, self.media, sync=sync, arrival_us=self.clock.mono_us)
        self.number += 1
        self.media += STEP
        return replace(unit, **changes)  # type: ignore[arg-type]  # the fields of a unit by their names

    def take(self, count: int) -> None:
        """Record so many pictures, each read on its own."""
        for _ in range(count):
            self.recording.on_units([self.unit()])

    async def end(self, reason: GapReason = GapReason.DISABLED) -> int:
        """End the recording as its camera does; return where the last gap began."""
        end_us = self.recording.finish(reason)
        begin_us = self.clock.now_us() if end_us is None else end_us
        self.where.sink.gap_opened(CAMERA, begin_us, reason, "")
        await self.where.settle()
        return begin_us

    async def numbers(self) -> list[list[int]]:
        """Return the numbers of the pictures in each stored file."""
        stored = []
        for segment in await self.where.segments(CAMERA):
            path = self.where.store.path(segment)
            data = path.read_bytes()
            stored.append(
                [
                    int(data[sample.offset : sample.offset + 8])
                    for fragment in read_segment(path).fragments
                    for sample in fragment.samples
                ]
            )
        return stored

    async def gaps(self) -> list[tuple[GapReason, int, int | None]]:
        """Return the gaps, times in microseconds since T0."""
        return [(gap.reason, gap.start_us - T0, since(gap)) for gap in await self.where.gaps(CAMERA)]

    async def covered(self) -> bool:
        """Whether every moment is in a segment or a gap (invariant 4)."""
        return await self.where.holes(CAMERA, T0, self.clock.now_us(), 1) == []


def since(gap: Gap) -> int | None:
    """Return where a gap ends, in microseconds since T0; None while it lasts."""
    return None if gap.end_us is None else gap.end_us - T0
