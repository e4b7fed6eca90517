"""What the index says about a camera, gathered when something changed and never for a mere question.

Its cost does not grow with what is stored: sums are kept by the index, and the rest looks at one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from recorder_core.storage.index import Index

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What was stored of a camera at `at_us`. `gap_us` counts since the local midnight `midnight_us`."""

    at_us: int
    midnight_us: int
    oldest_us: int | None = None
    newest_us: int | None = None
    stored_bytes: int = 0
    bytes_per_day: int | None = None
    gap_us: int = 0
    packets_lost: int = 0


def local_midnight_us(now_us: int, zone: ZoneInfo) -> int:
    """Return the UTC of the last local midnight; where clocks skip midnight, of the moment at which the day began."""
    today = datetime.fromtimestamp(now_us // 1_000_000, zone).date()
    return int(datetime.combine(today, time(), zone).astimezone(UTC).timestamp()) * 1_000_000


def read_figures(index: Index, camera_id: str, now_us: int, zone: ZoneInfo) -> Figures:
    """Ask the index about a camera that it knows."""
    footage = index.footage(camera_id)
    day = index.recorded(camera_id, now_us - DAY_US, now_us)
    midnight_us = local_midnight_us(now_us, zone)
    return Figures(
        at_us=now_us,
        midnight_us=midnight_us,
        oldest_us=footage.oldest_us,
        newest_us=footage.newest_us,
        stored_bytes=footage.size,
        bytes_per_day=day.size * DAY_US // day.wall_duration_us if day.wall_duration_us else None,
        gap_us=index.gap_us(camera_id, midnight_us, now_us),
        packets_lost=footage.packets_lost,
    )
