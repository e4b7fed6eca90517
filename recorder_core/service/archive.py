"""What export jobs take from the recorder: footage, gaps and room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.export.jobs import Material
from recorder_core.models import GapView

from .footage import gap_view

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.models import ExportRequest

    from .footage import Footage
    from .volumes import Volumes

_LEAD_US = 100_000
"""How much earlier than the clip a file may end that helps to decode the clip's first pictures."""

_PATIENCE_US = 3_000_000
"""How long to wait for what is just being recorded: a fragment lasts a second, and pictures come out of order."""

_LOOK_S = 0.2


class ServiceArchive:
    """Implements `Archive` over the recorder's parts."""

    def __init__(self, footage: Footage, volumes: Volumes, clock: Clock) -> None:
        """Look into these."""
        self._footage = footage
        self._volumes = volumes
        self._clock = clock

    async def material(self, request: ExportRequest) -> Material:
        """Return what is stored of the interval, waiting for what is just being written."""
        await self._written(request.camera_id, request.end_us)
        window = await self._footage.window(request.camera_id, request.start_us - _LEAD_US, request.end_us)
        inside = any(segment.end_us > request.start_us for segment in window.segments)
        gaps = [
            clipped
            for gap in window.gaps
            if (clipped := _clipped(gap_view(gap), request.start_us, request.end_us)) is not None
        ]
        return Material(self._footage.sources(window) if inside else [], gaps)

    def roots(self) -> list[Path]:
        """Return the folders of all volumes that can be used, the one with most room first."""
        return self._volumes.roots()

    def check_room(self, size: int) -> None:
        """Make sure that an export of that many bytes fits on the first volume."""
        self._volumes.check_room(size)

    async def _written(self, camera_id: str, end_us: int) -> None:
        limit_us = self._clock.monotonic_us() + _PATIENCE_US
        while self._clock.monotonic_us() < limit_us:
            until_us = self._footage.recorded_until(camera_id)
            if until_us is None or until_us >= end_us:
                return
            await self._clock.sleep(_LOOK_S)


def _clipped(gap: GapView, start_us: int, end_us: int) -> GapView | None:
    """Return the part of a gap that lies in the interval; one that lasts reaches its end."""
    begin = max(gap.start_us, start_us)
    end = end_us if gap.end_us is None else min(gap.end_us, end_us)
    return GapView(start_us=begin, end_us=end, reason=gap.reason, detail=gap.detail) if begin < end else None
