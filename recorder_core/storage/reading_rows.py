"""Rows of readings: the recorder's own short holds on what an export, playback or salvage reads (invariant 2).

None outlasts the process that made it, so a start forgets them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from .camera_rows import CameraRows, camera_key
from .schema import READING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .intervals import Interval


class ReadingRows(CameraRows):
    """Beginning and ending to read."""

    def begin_reading(self, camera_id: str, start_us: int, end_us: int) -> int:
        """Keep what overlaps `[start_us, end_us)` of a camera from being deleted until `end_reading`; returns its id.

        What is asked for only after this returned is there until the end. Raises RequestError `UNKNOWN_CAMERA`.
        """
        with self._writing() as connection:
            values = {"camera_key": camera_key(connection, camera_id), "start_us": start_us, "end_us": end_us}
            statement = insert(READING).values(values).returning(READING.c.reading_id)
            reading_id: int = connection.execute(statement).scalar_one()
            return reading_id

    def end_reading(self, reading_id: int) -> None:
        """End a reading; a second call does nothing."""
        with self._writing() as connection:
            connection.execute(delete(READING).where(READING.c.reading_id == reading_id))

    def forget_readings(self) -> None:
        """End every reading, for the process that began them is gone."""
        with self._writing() as connection:
            connection.execute(delete(READING))


def reading_intervals(connection: Connection, key: int) -> list[Interval]:
    """Return what of a camera is read just now, in no order."""
    rows = connection.execute(select(READING.c.start_us, READING.c.end_us).where(READING.c.camera_key == key))
    return [(row.start_us, row.end_us) for row in rows]
