"""What the segments of an interval add up to, and how much of a camera's footage is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from .camera_rows import CameraRows, camera_key
from .hold_rows import held_intervals
from .intervals import EVER_US, union
from .schema import CAMERA, SEGMENT

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


class FootageRows(CameraRows):
    """Sums over intervals; each walks over a part of one index and reads no row of the table."""

    def footage_in(self, camera_id: str, start_us: int, end_us: int) -> tuple[int, int]:
        """Return the bytes of a camera's closed segments that overlap `[start_us, end_us)`, and how much they cover.

        The second is in microseconds; a moment that two segments cover counts once.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            overlapping = _overlapping(key, start_us, end_us, _longest_us(connection, key))
            first = func.max(SEGMENT.c.start_us, start_us).label("first_us")
            last = func.min(SEGMENT.c.start_us + SEGMENT.c.wall_duration_us, end_us).label("last_us")
            inside = select(first, last, SEGMENT.c.size).where(*overlapping).subquery()
            # What the segments before it, in the order of their starts, have covered already.
            passed = func.max(inside.c.last_us).over(order_by=inside.c.first_us, rows=(None, -1))
            known = select(inside, func.coalesce(passed, start_us).label("passed_us")).subquery()
            new_us = func.max(known.c.last_us - func.max(known.c.first_us, known.c.passed_us), 0)
            sums = select(func.coalesce(func.sum(known.c.size), 0), func.coalesce(func.sum(new_us), 0))
            size, covered_us = connection.execute(sums).one()
            return size, covered_us

    def held_bytes(self, camera_id: str) -> int:
        """Return the bytes of a camera's closed segments that active holds keep, each segment counted once.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        held = 0
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            longest_us = _longest_us(connection, key)
            counted_us: int | None = None
            for start_us, end_us in union(held_intervals(connection, key)):
                query = select(func.coalesce(func.sum(SEGMENT.c.size), 0)).where(
                    *_overlapping(key, start_us, end_us, longest_us)
                )
                if counted_us is not None:
                    # One that begins before the end of the hold before and reaches into this one was counted with it.
                    query = query.where(SEGMENT.c.start_us >= counted_us)
                held += connection.execute(query).scalar_one()
                counted_us = end_us
        return held


def _overlapping(key: int, start_us: int, end_us: int, longest_us: int) -> tuple[ColumnElement[bool], ...]:
    """Say which segments of a camera have a microsecond in `[start_us, end_us)`; one without a duration has one."""
    return (
        SEGMENT.c.camera_key == key,
        SEGMENT.c.start_us >= max(start_us - longest_us, -EVER_US),
        SEGMENT.c.start_us < end_us,
        SEGMENT.c.start_us + func.max(SEGMENT.c.wall_duration_us, 1) > start_us,
    )


def _longest_us(connection: Connection, key: int) -> int:
    longest_us: int = connection.execute(select(CAMERA.c.longest_us).where(CAMERA.c.camera_key == key)).scalar_one()
    return longest_us
