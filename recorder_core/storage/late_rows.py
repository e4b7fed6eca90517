"""What was recorded but cannot be read now, for its volume is away: a gap until it is taken in, a segment from then on.

Keeps invariant 4 for files whose end nobody could write down: their time is in a gap as long as it is in no segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select

from .camera_rows import camera_key
from .gap_rows import GapRows, cut_gaps, insert_gap
from .intervals import subtract
from .records import Gap, GapReason
from .schema import GAP, OPEN_FILE, SEGMENT
from .segment_rows import SegmentRows, insert_segment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .records import OpenFile, Segment

AWAY = "The file could not be closed, or its volume is away."


class LateRows(SegmentRows, GapRows):
    """Files that were left open while recording went on elsewhere."""

    def file_missed(self, file: OpenFile, until_us: int | None = None) -> list[Gap]:
        """Put the time of an open file that cannot be read into gaps, as far as it is in none, and return these.

        It reaches to whatever is known of the camera next; if nothing is, to `until_us`, and without that nothing is
        done. A second call changes nothing.
        """
        with self._writing() as connection:
            key = camera_key(connection, file.camera_id)
            end_us = _next_known(connection, key, file) or until_us
            if end_us is None or end_us <= file.start_us:
                return []
            overlapping = (GAP.c.start_us < end_us, or_(GAP.c.end_us.is_(None), GAP.c.end_us > file.start_us))
            rows = connection.execute(select(GAP.c.start_us, GAP.c.end_us).where(GAP.c.camera_key == key, *overlapping))
            known = [(row.start_us, end_us if row.end_us is None else row.end_us) for row in rows]
            why = (GapReason.STORAGE_FAILED, AWAY)
            return [
                Gap(insert_gap(connection, key, hole, why), file.camera_id, *hole, *why)
                for hole in subtract([(file.start_us, end_us)], known)
            ]

    def file_salvaged(self, segment: Segment) -> None:
        """Turn an open file into a segment long after its time, which is in no gap any more."""
        with self._writing() as connection:
            connection.execute(delete(OPEN_FILE).where(OPEN_FILE.c.segment_id == segment.segment_id))
            insert_segment(connection, segment)
            cut_gaps(connection, camera_key(connection, segment.camera_id), segment.start_us, segment.end_us)


def _next_known(connection: Connection, key: int, file: OpenFile) -> int | None:
    """Return where the next segment, file or gap of the camera begins; lost packets are gaps within a file."""
    queries = (
        select(func.min(SEGMENT.c.start_us)).where(SEGMENT.c.camera_key == key, SEGMENT.c.start_us >= file.start_us),
        select(func.min(OPEN_FILE.c.start_us)).where(
            OPEN_FILE.c.camera_key == key,
            OPEN_FILE.c.start_us >= file.start_us,
            OPEN_FILE.c.segment_id != file.segment_id,
        ),
        select(func.min(GAP.c.start_us)).where(
            GAP.c.camera_key == key, GAP.c.start_us >= file.start_us, GAP.c.reason != GapReason.PACKET_LOSS.value
        ),
    )
    known = [connection.execute(query).scalar() for query in queries]
    return min((start_us for start_us in known if start_us is not None), default=None)
