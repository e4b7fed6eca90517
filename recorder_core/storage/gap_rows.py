"""Rows of gaps: why a camera has no footage of some time (invariant 4).

A camera has at most one gap that is still open. A gap that would end before it began (the wall clock was set back in
it) misses nothing on the wall clock and leaves no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, or_, select, update

from .camera_rows import camera_key
from .database import Database
from .intervals import clip, length
from .records import Gap, GapReason
from .schema import CAMERA, GAP

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select


class GapRows(Database):
    """Gaps, open and closed."""

    def open_gap(self, camera_id: str, start_us: int, reason: GapReason, detail: str = "") -> int:
        """Begin a gap and return its id.

        A gap of the camera that is open goes on if it has the same reason and detail; else it ends where the new one
        begins.
        """
        with self._writing() as connection:
            key = camera_key(connection, camera_id)
            query = select(GAP).where(GAP.c.camera_key == key, GAP.c.end_us.is_(None))
            if (row := connection.execute(query).one_or_none()) is not None:
                if (row.reason, row.detail) == (reason, detail):
                    return int(row.gap_id)
                _close(connection, row.gap_id, start_us)
            return insert_gap(connection, key, (start_us, None), (reason, detail))

    def close_gap(self, gap_id: int, end_us: int) -> None:
        """End a gap; one that has ended already, or was never there, stays as it is."""
        with self._writing() as connection:
            _close(connection, gap_id, end_us)

    def add_gap(self, camera_id: str, start_us: int, end_us: int, reason: GapReason, detail: str = "") -> int | None:
        """Add a gap with its end and return its id; None for one that misses nothing."""
        with self._writing() as connection:
            key = camera_key(connection, camera_id)
            return insert_gap(connection, key, (start_us, end_us), (reason, detail)) if start_us < end_us else None

    def open_gaps(self) -> list[Gap]:
        """Return the gaps that still last, at most one of each camera."""
        with self._reading() as connection:
            return [_gap(row) for row in connection.execute(open_gap_query())]

    def gaps(self, camera_id: str, start_us: int, end_us: int) -> list[Gap]:
        """Return the gaps of a camera that overlap `[start_us, end_us)`, by their start."""
        with self._reading() as connection:
            return [_gap(row) for row in connection.execute(gap_query(connection, camera_id, start_us, end_us))]

    def gap_us(self, camera_id: str, start_us: int, end_us: int) -> int:
        """Return how much of `[start_us, end_us)` lies in gaps of a camera; a moment in two gaps counts once."""
        found = self.gaps(camera_id, start_us, end_us)
        intervals = ((gap.start_us, end_us if gap.end_us is None else gap.end_us) for gap in found)
        return length(clip(intervals, start_us, end_us))

    def gaps_end(self, camera_id: str) -> int | None:
        """Return where the last closed gap of a camera ends; None without one."""
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            return connection.execute(select(func.max(GAP.c.end_us)).where(GAP.c.camera_key == key)).scalar()


def open_gap_query() -> Select[tuple[object, ...]]:
    """Ask for the gaps that still last: one look into the index by end for each camera."""
    # Naming the cameras makes SQLite search the index; without statistics it would rather scan all gaps.
    named = GAP.c.camera_key.in_(select(CAMERA.c.camera_key))
    return _gaps().where(named, GAP.c.end_us.is_(None)).order_by(GAP.c.camera_key)


def gap_query(connection: Connection, camera_id: str, start_us: int, end_us: int) -> Select[tuple[object, ...]]:
    """Ask for the gaps of a camera that overlap `[start_us, end_us)`. Raises RequestError `UNKNOWN_CAMERA`."""
    return (
        _gaps()
        .where(
            GAP.c.camera_key == camera_key(connection, camera_id),
            GAP.c.start_us < end_us,
            or_(GAP.c.end_us.is_(None), GAP.c.end_us > start_us),
        )
        .order_by(GAP.c.start_us, GAP.c.gap_id)
    )


def _gaps() -> Select[tuple[object, ...]]:
    return select(GAP, CAMERA.c.camera_id).join_from(GAP, CAMERA, GAP.c.camera_key == CAMERA.c.camera_key)


def insert_gap(connection: Connection, key: int, when: tuple[int, int | None], why: tuple[GapReason, str]) -> int:
    """Add the row of a gap within the caller's transaction and return its id."""
    values = {"camera_key": key, "start_us": when[0], "end_us": when[1], "reason": why[0].value, "detail": why[1]}
    gap_id: int = connection.execute(insert(GAP).values(values).returning(GAP.c.gap_id)).scalar_one()
    return gap_id


def cut_gaps(connection: Connection, key: int, start_us: int, end_us: int) -> None:
    """Take `[start_us, end_us)` out of a camera's gaps within the caller's transaction: it turned out to be recorded.

    Gaps of lost packets stay, for they lie within segments.
    """
    overlapping = (GAP.c.start_us < end_us, or_(GAP.c.end_us.is_(None), GAP.c.end_us > start_us))
    query = select(GAP).where(GAP.c.camera_key == key, GAP.c.reason != GapReason.PACKET_LOSS.value, *overlapping)
    for row in connection.execute(query).all():
        gap = GAP.c.gap_id == row.gap_id
        before, after = row.start_us < start_us, row.end_us is None or row.end_us > end_us
        if after:  # the part that may still be open keeps the id by which it will be closed
            connection.execute(update(GAP).where(gap).values(start_us=end_us))
            if before:
                insert_gap(connection, key, (row.start_us, start_us), (GapReason(row.reason), row.detail))
        elif before:
            connection.execute(update(GAP).where(gap).values(end_us=start_us))
        else:
            connection.execute(delete(GAP).where(gap))


def _close(connection: Connection, gap_id: int, end_us: int) -> None:
    still_open = (GAP.c.gap_id == gap_id, GAP.c.end_us.is_(None))
    connection.execute(delete(GAP).where(*still_open, GAP.c.start_us >= end_us))
    connection.execute(update(GAP).where(*still_open).values(end_us=end_us))


def _gap(row: Row[tuple[object, ...]]) -> Gap:
    return Gap(row.gap_id, row.camera_id, row.start_us, row.end_us, GapReason(row.reason), row.detail)
