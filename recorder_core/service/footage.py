"""Finds what is stored of a camera, the segments that are still being written included.

An open segment counts up to its last whole fragment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.export import ClipSource
from recorder_core.models import Coverage, GapView, SegmentView
from recorder_core.storage.files import storage_error
from recorder_core.storage.index import Index

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.storage.records import Gap, Segment

    from .index_thread import IndexThread
    from .volumes import Volumes

_LONGEST_US = 31 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """What is stored in a window, by time: closed segments, and open ones as far as they are written."""

    closed: list[Segment]
    open: list[Segment]
    gaps: list[Gap]

    @property
    def segments(self) -> list[Segment]:
        """All segments by their start."""
        return sorted((*self.closed, *self.open), key=lambda segment: segment.start_us)


def gap_view(gap: Gap) -> GapView:
    """Return a gap as it travels."""
    return GapView(
        start_us=gap.start_us, end_us=gap.end_us, reason=gap.reason, detail=gap.detail, camera_id=gap.camera_id
    )


class Footage:
    """What the index and the writers know together."""

    def __init__(self, index: IndexThread, volumes: Volumes) -> None:
        """Look into both."""
        self._index = index
        self._volumes = volumes

    async def window(self, camera_id: str, start_us: int, end_us: int) -> Window:
        """Return what is stored of a camera in `[start_us, end_us)`.

        Raises:
            RequestError: `UNKNOWN_CAMERA` for one that never recorded here.
        """
        # In this order a segment that closes meanwhile is seen twice, never missed.
        writing = self._writing(camera_id, start_us, end_us)
        closed = await self._index.ask(Index.segments, camera_id, start_us, end_us)
        gaps = await self._index.ask(Index.gaps, camera_id, start_us, end_us)
        done = {segment.segment_id for segment in closed}
        return Window(closed, [segment for segment in writing if segment.segment_id not in done], gaps)

    async def coverage(self, camera_id: str, start_us: int, end_us: int) -> Coverage:
        """Return what is stored of a camera, and what is not, as it travels.

        Raises:
            RequestError: `UNKNOWN_CAMERA` for one that never recorded here, `INTERVAL_INVERTED`, `INTERVAL_TOO_LONG`.
        """
        if start_us >= end_us:
            raise RequestError(ErrorCode.INTERVAL_INVERTED, "The interval must end after it begins.")
        if end_us - start_us > _LONGEST_US:
            days = _LONGEST_US // 86_400_000_000
            raise RequestError(ErrorCode.INTERVAL_TOO_LONG, f"One question covers at most {days} days.", days=days)
        # In this order, for the reason that `window` has.
        writing = self._writing(camera_id, start_us, end_us)
        closed = await self._index.ask(Index.timeline, camera_id, start_us, end_us)
        gaps = await self._index.ask(Index.gaps, camera_id, start_us, end_us)
        done = {segment.segment_id for segment in closed}
        views = [
            SegmentView(
                segment_id=segment.segment_id,
                run_id=segment.run_id,
                start_us=segment.start_us,
                end_us=segment.end_us,
                size=segment.size,
                root=None,
                open=True,
            )
            for segment in writing
            if segment.segment_id not in done
        ]
        return Coverage(
            camera_id=camera_id,
            start_us=start_us,
            end_us=end_us,
            segments=sorted((*closed, *views), key=lambda view: view.start_us),
            gaps=[gap_view(gap) for gap in gaps],
        )

    def _writing(self, camera_id: str, start_us: int, end_us: int) -> list[Segment]:
        """Open segments that overlap a window, as far as they are written."""
        return [
            segment
            for segment in (one.partial() for one in self._volumes.open_segments(camera_id))
            if segment.fragments and segment.start_us < end_us and segment.end_us > start_us
        ]

    def sources(self, window: Window) -> list[ClipSource]:
        """Return where a clip may be cut from.

        Raises:
            StorageError: `VOLUME_MISSING` where a segment's volume is not there.
        """
        return [ClipSource.of(segment, self._volumes.path(segment.volume_id)) for segment in window.segments]

    def recorded_until(self, camera_id: str) -> int | None:
        """Return up to when the newest fragment of a camera that records reaches; None while it does not record."""
        ends = [segment.end_us for segment in self._volumes.open_segments(camera_id)]
        return max(ends, default=None)

    async def newest_sync_sample(self, camera_id: str) -> bytes:
        """Return the newest group of pictures, as far as it is written, as a small MP4.

        Raises:
            RequestError: `UNKNOWN_CAMERA`, `NO_FOOTAGE`.
            StorageError: The file cannot be read.
        """
        writing = [segment.partial() for segment in self._volumes.open_segments(camera_id)]
        newest = await self._index.ask(_newest, camera_id)
        found = sorted((*writing, *newest), key=lambda segment: segment.start_us)
        for segment in reversed(found):
            position = max((at for at, span in enumerate(segment.fragments) if span.sync), default=None)
            if position is not None:
                path = self._volumes.path(segment.volume_id) / segment.path
                return await asyncio.to_thread(_cut, path, segment, position)
        raise RequestError(ErrorCode.NO_FOOTAGE, "Nothing of this camera is stored yet.", camera_id=camera_id)


def _newest(index: Index, camera_id: str) -> list[Segment]:
    newest_us = index.footage(camera_id).newest_us
    return [] if newest_us is None else index.segments(camera_id, newest_us - 1, newest_us)


def _cut(path: Path, segment: Segment, position: int) -> bytes:
    """Return a file's init segment and the fragment that begins with a sync sample."""
    span = segment.fragments[position]
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(segment.fragments[0].offset)
            file.seek(span.offset)
            return start + file.read(span.size)
    except OSError as error:
        raise storage_error(error, "Reading a segment") from error
