"""An archive with one recorded camera and one that never recorded, for tests of export jobs; the index is real."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock
from recorder_core.decoder import Decoder
from recorder_core.errors import ErrorCode, RecorderError, RequestError
from recorder_core.export.archive import Material
from recorder_core.export.jobs import ExportJobs
from recorder_core.export.package import SigningKey
from recorder_core.export.removal import ExportRemoval
from recorder_core.export.workshop import Workshop
from recorder_core.media import TIMESCALE
from recorder_core.models import ExportJob, ExportRequest, GapView, Settings, VolumeConfig
from recorder_core.mp4 import read_outline
from recorder_core.service.index_thread import IndexThread
from recorder_core.storage.index import Index
from recorder_core.storage.records import Segment
from recorder_core.storage.volumes import open_volume
from tests.core.mp4.footage import H264

from .library import START_US, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.export import ClipSource
    from recorder_core.storage.root_rows import RootProof

REQUEST = ExportRequest(
    camera_id="lobby", start_us=START_US + 200_000, end_us=START_US + 1_200_000, label="case 2026-7", actor="u1"
)
GAP = GapView(start_us=START_US, end_us=START_US + 1, reason="stalled")


class Shelf:
    """Implements `Archive` over three seconds of footage of `lobby`; `yard` has none."""

    def __init__(self, data: Path) -> None:
        """Record below `data`, which is the data folder and the only volume as well."""
        self.data = data
        self.root: Path | None = data
        open_volume(VolumeConfig(path=str(data)), SystemClock(), create=True)
        self.recorded: list[ClipSource] = record(data / "recorded", H264, 75)
        self.rules = Settings()
        self.obstacle: RecorderError | None = None
        self.room: int | None = None
        self.asked: list[int] = []
        self.clock: Clock = SystemClock()
        self.trusted = True
        self.seen_us: int | None = None
        self.holds_known = True
        self.readings: set[int] = set()
        self._numbers = itertools.count()

    async def material(self, camera_id: str, start_us: int, end_us: int) -> Material:
        """Return all of it, with one gap."""
        assert start_us < end_us
        sources = tuple(self.recorded) if camera_id == "lobby" else ()
        return Material(camera_id, camera_id.title(), tuple(map(_segment, sources)), sources, (GAP,), ())

    async def begin_reading(self, camera_id: str, start_us: int, end_us: int) -> int:
        """Number it."""
        assert start_us < end_us
        if camera_id not in ("lobby", "yard"):
            raise RequestError(ErrorCode.UNKNOWN_CAMERA, "There is no such camera.")
        number = next(self._numbers)
        self.readings.add(number)
        return number

    async def end_reading(self, reading_id: int) -> None:
        """Forget it."""
        self.readings.remove(reading_id)

    async def proofs(self, segments: Sequence[Segment]) -> Mapping[int, RootProof]:
        """Know of no entry in the ledger."""
        assert all(segment.camera_id == "lobby" for segment in segments)
        return {}

    def signing_key(self) -> SigningKey:
        """Return the key."""
        return SigningKey.of(self.data)

    def store_id(self) -> str:
        """Return the store's id."""
        return "5" * 32

    def settings(self) -> Settings:
        """Return the settings."""
        return self.rules

    def roots(self) -> list[Path]:
        """Return the one volume, if it is there."""
        return [] if self.root is None else [self.root]

    async def on_disk[**P, T](self, root: Path, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it: this disk never hangs."""
        assert root.is_absolute()
        return await asyncio.to_thread(call, *args, **kwargs)

    def check_room(self, size: int) -> None:
        """Refuse if that was asked for, or if there is not so much room."""
        self.asked.append(size)
        if self.obstacle is not None:
            raise self.obstacle
        if self.room is not None and size > self.room:
            raise RecorderError(ErrorCode.VOLUME_FULL, "Full.")

    def trusted_us(self) -> int | None:
        """Say what the test wants, else what the clock shows."""
        if not self.trusted:
            return None
        return self.clock.now_us() if self.seen_us is None else self.seen_us

    def may_delete(self) -> bool:
        """Say what the test wants."""
        return self.holds_known


def _segment(source: ClipSource) -> Segment:
    outline = read_outline(source.path)
    return Segment(
        segment_id=outline.segment_id,
        camera_id="lobby",
        run_id=source.run_id,
        volume_id="v",
        path=source.path.name,
        start_us=source.start_us,
        wall_duration_us=source.wall_duration_us,
        media_duration=source.wall_duration_us * TIMESCALE // 1_000_000,
        size=source.path.stat().st_size,
        root=outline.root,
        fragments=source.fragments,
        samples=75,
    )


class Desk:
    """Export jobs over a shelf and a real index, and what they told of."""

    def __init__(self, data: Path, shelf: Shelf, clock: Clock | None = None) -> None:
        """Open the index in `data`."""
        self.clock = shelf.clock = clock or SystemClock()
        self.index = Index.open(data / "index.sqlite", self.clock)
        for camera_id in ("lobby", "yard"):
            self.index.put_camera(camera_id, camera_id.title())
        self.thread = IndexThread(self.index)
        self.told: list[ExportJob] = []
        workshop = Workshop(shelf, Decoder(), self.clock)
        self.jobs = ExportJobs(self.thread, shelf, workshop, self.clock, on_changed=self.told.append)
        self.removal = ExportRemoval(self.thread, shelf, self.jobs, self.clock, on_changed=self.told.append)

    async def close(self) -> None:
        """End as the recorder does."""
        await self.jobs.close()
        await self.thread.close()
