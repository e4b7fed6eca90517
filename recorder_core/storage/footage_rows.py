"""What the segments of an interval add up to, and how much of a camera's footage is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from .camera_rows import CameraRows, camera_key
from .hold_rows import held_intervals
from .intervals import EVER_US, union
from .schema import CAMERA, SEGMENT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .intervals import Interval

_OVERLAPPING = (
    SEGMENT.c.camera_key == bindparam("camera"),
    SEGMENT.c.start_us >= bindparam("first"),
    SEGMENT.c.start_us < bindparam("until"),
    SEGMENT.c.start_us + func.max(SEGMENT.c.wall_duration_us, 1) > bindparam("from"),
)
"""The segments of a camera with a microsecond in `[from, until)`; one without a duration has one.

None of them begins before `first`.
"""

_HELD = select(func.coalesce(func.sum(SEGMENT.c.size), 0)).where(*_OVERLAPPING)

_FIRST = func.max(SEGMENT.c.start_us, bindparam("from")).label("first_us")
_LAST = func.min(SEGMENT.c.start_us + SEGMENT.c.wall_duration_us, bindparam("until")).label("last_us")
_REACH = select(func.min(_FIRST.element).label("first_us"), func.max(_LAST.element).label("last_us")).where(
    *_OVERLAPPING
)
_INSIDE = select(_FIRST, _LAST, SEGMENT.c.size).where(*_OVERLAPPING).subquery()
# What the segments before one, in the order of their starts, have covered already.
_PASSED = func.max(_INSIDE.c.last_us).over(order_by=_INSIDE.c.first_us, rows=(None, -1))
_KNOWN = select(_INSIDE, func.coalesce(_PASSED, bindparam("from")).label("passed_us")).subquery()
_COVERED_US = func.max(_KNOWN.c.last_us - func.max(_KNOWN.c.first_us, _KNOWN.c.passed_us), 0)
_COVERED = select(func.coalesce(func.sum(_KNOWN.c.size), 0), func.coalesce(func.sum(_COVERED_US), 0))


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
            first_us = max(start_us - _longest_us(connection, key), -EVER_US)
            values = {"camera": key, "from": start_us, "until": end_us, "first": first_us}
            size, covered_us = connection.execute(_COVERED, values).one()
            return size, covered_us

    def reach(self, camera_id: str, start_us: int, end_us: int) -> Interval | None:
        """Return from when to when closed segments lie in `[start_us, end_us)`, None if there are none.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            first_us = max(start_us - _longest_us(connection, key), -EVER_US)
            values = {"camera": key, "from": start_us, "until": end_us, "first": first_us}
            found = connection.execute(_REACH, values).one()
            return None if found.first_us is None else (found.first_us, found.last_us)

    def held_bytes(self, camera_id: str) -> int:
        """Return the bytes of a camera's closed segments that active holds keep, each segment counted once.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        held = 0
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            longest_us = _longest_us(connection, key)
            counted_us = -EVER_US
            for start_us, end_us in union(held_intervals(connection, key)):
                # One that begins before the end of the hold before and reaches into this one was counted with it.
                first_us = max(start_us - longest_us, counted_us)
                values = {"camera": key, "from": start_us, "until": end_us, "first": first_us}
                held += connection.execute(_HELD, values).scalar_one()
                counted_us = end_us
        return held


def _longest_us(connection: Connection, key: int) -> int:
    longest_us: int = connection.execute(select(CAMERA.c.longest_us).where(CAMERA.c.camera_key == key)).scalar_one()
    return longest_us
