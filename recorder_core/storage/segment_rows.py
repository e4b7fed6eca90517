"""Rows of files that are being written and of closed segments, and the sums over them (invariants 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from .camera_rows import CameraRows, camera_key, run_key, volume_key
from .fragments import decode_fragments, encode_fragments
from .ids import segment_path
from .records import OpenFile, Segment
from .schema import CAMERA, OPEN_FILE, RUN, SEGMENT, TALLY, VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Footage:
    """All closed segments of a camera together. The times are None while there is no segment."""

    oldest_us: int | None
    newest_us: int | None
    segments: int
    size: int
    packets_lost: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the segments that begin in a window add up to."""

    segments: int
    size: int
    wall_duration_us: int


class SegmentRows(CameraRows):
    """Open files and closed segments."""

    def file_opened(self, file: OpenFile) -> None:
        """Remember a file that is about to be created, so that a crash leaves a pointer to it."""
        with self._writing() as connection:
            _insert_open_file(connection, file)

    def file_closed(self, segment: Segment, next_file: OpenFile | None = None) -> None:
        """Turn an open file into a segment and, in the same transaction, remember the file that follows it.

        The file has its final size and lies synced in a synced folder. Raises ValueError for fragments out of order.
        """
        with self._writing() as connection:
            connection.execute(delete(OPEN_FILE).where(OPEN_FILE.c.segment_id == segment.segment_id))
            insert_segment(connection, segment)
            if next_file is not None:
                _insert_open_file(connection, next_file)

    def file_discarded(self, segment_id: int) -> None:
        """Forget an open file that is no longer there."""
        with self._writing() as connection:
            connection.execute(delete(OPEN_FILE).where(OPEN_FILE.c.segment_id == segment_id))

    def open_files(self) -> list[OpenFile]:
        """Return the files that were opened and not closed, by their ids."""
        with self._reading() as connection:
            return [
                OpenFile(row.segment_id, row.camera_id, row.run_id, row.volume_id, row.path, row.start_us)
                for row in connection.execute(_open_files().order_by(OPEN_FILE.c.segment_id))
            ]

    def segments(self, camera_id: str, start_us: int, end_us: int) -> list[Segment]:
        """Return the segments of a camera that overlap `[start_us, end_us)`, by their start."""
        with self._reading() as connection:
            query = window_query(connection, camera_id, start_us, end_us)
            return [_segment(row) for row in connection.execute(query)]

    def segment(self, segment_id: int) -> Segment | None:
        """Return a segment by its id."""
        with self._reading() as connection:
            row = connection.execute(_segments().where(SEGMENT.c.segment_id == segment_id)).one_or_none()
            return None if row is None else _segment(row)

    def all_segments(self, volume_id: str) -> Iterator[Segment]:
        """Walk over every segment of a volume by its id, some at a time, without holding a transaction open between."""
        last = -1
        while True:
            with self._reading() as connection:
                page = [_segment(row) for row in connection.execute(page_query(volume_id, last))]
            if not page:
                return
            yield from page
            last = page[-1].segment_id

    def footage(self, camera_id: str) -> Footage:
        """Return what is stored of a camera, at a cost that does not grow with it."""
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            mine = SEGMENT.c.camera_key == key
            oldest = select(func.min(SEGMENT.c.start_us)).where(mine).scalar_subquery()
            latest = select(func.max(SEGMENT.c.start_us)).where(mine).scalar_subquery()
            longest = select(CAMERA.c.longest_us).where(CAMERA.c.camera_key == key).scalar_subquery()
            # After a step of the wall clock the segment that starts last need not be the one that ends last.
            newest = (
                select(func.max(SEGMENT.c.start_us + SEGMENT.c.wall_duration_us))
                .where(mine, SEGMENT.c.start_us >= latest - longest)
                .scalar_subquery()
            )
            query = select(
                oldest.label("oldest_us"),
                newest.label("newest_us"),
                func.coalesce(func.sum(TALLY.c.segments), 0).label("segments"),
                func.coalesce(func.sum(TALLY.c.size), 0).label("size"),
                func.coalesce(func.sum(TALLY.c.packets_lost), 0).label("packets_lost"),
            ).where(TALLY.c.camera_key == key)
            row = connection.execute(query).one()
            return Footage(row.oldest_us, row.newest_us, row.segments, row.size, row.packets_lost)

    def recorded(self, camera_id: str, start_us: int, end_us: int) -> Recorded:
        """Sum up the segments of a camera that begin in `[start_us, end_us)`."""
        with self._reading() as connection:
            row = connection.execute(recorded_query(camera_key(connection, camera_id), start_us, end_us)).one()
            return Recorded(row.segments, row.size, row.wall_duration_us)

    def bytes_on_volume(self, volume_id: str) -> int:
        """Return the bytes of all closed segments on a volume; open files and garbage are not among them."""
        query = select(func.coalesce(func.sum(TALLY.c.size), 0)).join_from(
            TALLY, VOLUME, TALLY.c.volume_key == VOLUME.c.volume_key
        )
        with self._reading() as connection:
            size: int = connection.execute(query.where(VOLUME.c.volume_id == volume_id)).scalar_one()
            return size

    def newest_on(self, volume_id: str) -> list[Segment]:
        """Return the newest segment on a volume of each camera that has any there."""
        with self._reading() as connection:
            volume = volume_key(connection, volume_id)
            cameras = select(TALLY.c.camera_key).where(TALLY.c.volume_key == volume, TALLY.c.segments > 0)
            of = (
                _segments().where(SEGMENT.c.volume_key == volume, SEGMENT.c.camera_key == key)
                for key in connection.execute(cameras).scalars().all()
            )
            newest = (connection.execute(one.order_by(SEGMENT.c.start_us.desc()).limit(1)).one() for one in of)
            return [_segment(row) for row in newest]


def page_query(volume_id: str, last: int) -> Select[tuple[object, ...]]:
    """Ask for the next segments of a volume behind the id `last`, by their ids: a walk over the table from there on."""
    # Its index by volume would have SQLite read and sort all of the volume for each page; the sum keeps it from that.
    volume = select(VOLUME.c.volume_key).where(VOLUME.c.volume_id == volume_id).scalar_subquery()
    here = (SEGMENT.c.segment_id > last, SEGMENT.c.volume_key + 0 == volume)
    return _segments().where(*here).order_by(SEGMENT.c.segment_id).limit(_PAGE)


def window_query(connection: Connection, camera_id: str, start_us: int, end_us: int) -> Select[tuple[object, ...]]:
    """Ask for the segments of a camera that overlap `[start_us, end_us)`: a range scan of one index.

    Raises RequestError `UNKNOWN_CAMERA`.
    """
    return _segments().where(*overlapping(connection, camera_id, start_us, end_us)).order_by(SEGMENT.c.start_us)


def overlapping(connection: Connection, camera_id: str, start_us: int, end_us: int) -> tuple[ColumnElement[bool], ...]:
    """Say which segments of a camera overlap `[start_us, end_us)`. Raises RequestError `UNKNOWN_CAMERA`."""
    key = camera_key(connection, camera_id)
    longest = connection.execute(select(CAMERA.c.longest_us).where(CAMERA.c.camera_key == key)).scalar_one()
    return (
        SEGMENT.c.camera_key == key,
        SEGMENT.c.start_us > start_us - longest,
        SEGMENT.c.start_us < end_us,
        SEGMENT.c.start_us + SEGMENT.c.wall_duration_us > start_us,
    )


def recorded_query(key: int, start_us: int, end_us: int) -> Select[tuple[int, int, int]]:
    """Ask for the sums over the segments of a camera that begin in `[start_us, end_us)`, out of the index alone."""
    return select(
        func.count().label("segments"),
        func.coalesce(func.sum(SEGMENT.c.size), 0).label("size"),
        func.coalesce(func.sum(SEGMENT.c.wall_duration_us), 0).label("wall_duration_us"),
    ).where(SEGMENT.c.camera_key == key, SEGMENT.c.start_us >= start_us, SEGMENT.c.start_us < end_us)


def _open_files() -> Select[tuple[object, ...]]:
    return (
        select(OPEN_FILE, CAMERA.c.camera_id, RUN.c.run_id, VOLUME.c.volume_id)
        .join_from(OPEN_FILE, CAMERA, OPEN_FILE.c.camera_key == CAMERA.c.camera_key)
        .join(RUN, OPEN_FILE.c.run_key == RUN.c.run_key)
        .join(VOLUME, OPEN_FILE.c.volume_key == VOLUME.c.volume_key)
    )


def _insert_open_file(connection: Connection, file: OpenFile) -> None:
    values = {
        "segment_id": file.segment_id,
        "camera_key": camera_key(connection, file.camera_id),
        "run_key": run_key(connection, file.run_id),
        "volume_key": volume_key(connection, file.volume_id),
        "path": file.path,
        "start_us": file.start_us,
    }
    connection.execute(insert(OPEN_FILE).values(values))


def _segments() -> Select[tuple[object, ...]]:
    return (
        select(SEGMENT, CAMERA.c.camera_id, RUN.c.run_id, VOLUME.c.volume_id)
        .join_from(SEGMENT, CAMERA, SEGMENT.c.camera_key == CAMERA.c.camera_key)
        .join(RUN, SEGMENT.c.run_key == RUN.c.run_key)
        .join(VOLUME, SEGMENT.c.volume_key == VOLUME.c.volume_key)
    )


def insert_segment(connection: Connection, segment: Segment) -> None:
    """Add the row of a segment within the caller's transaction. Raises ValueError for fragments out of order."""
    insert_segments(connection, [segment])


def insert_segments(connection: Connection, segments: Sequence[Segment]) -> None:
    """Add rows, at least one, within the caller's transaction; asks once for each camera, run and volume.

    Raises ValueError for fragments out of order.
    """
    cameras = {camera_id: camera_key(connection, camera_id) for camera_id in {one.camera_id for one in segments}}
    runs = {run_id: run_key(connection, run_id) for run_id in {one.run_id for one in segments}}
    volumes = {volume_id: volume_key(connection, volume_id) for volume_id in {one.volume_id for one in segments}}
    rows = []
    for segment in segments:
        usual = segment_path(segment.camera_id, segment.start_us, segment.segment_id)
        rows.append(
            {
                "segment_id": segment.segment_id,
                "camera_key": cameras[segment.camera_id],
                "run_key": runs[segment.run_id],
                "volume_key": volumes[segment.volume_id],
                "path": None if segment.path == usual else segment.path,
                "start_us": segment.start_us,
                "wall_duration_us": segment.wall_duration_us,
                "media_duration": segment.media_duration,
                "size": segment.size,
                "root": segment.root,
                "fragments": encode_fragments(segment.fragments),
                "samples": segment.samples,
                "packets_lost": segment.packets_lost,
                "clock_offset_us": segment.clock_offset_us,
                "host_synchronised": None if segment.host_synchronised is None else int(segment.host_synchronised),
                "salvaged": int(segment.salvaged),
            }
        )
    connection.execute(insert(SEGMENT), rows)


def _segment(row: Row[tuple[object, ...]]) -> Segment:
    synchronised = row.host_synchronised
    return Segment(
        segment_id=row.segment_id,
        camera_id=row.camera_id,
        run_id=row.run_id,
        volume_id=row.volume_id,
        path=row.path or segment_path(row.camera_id, row.start_us, row.segment_id),
        start_us=row.start_us,
        wall_duration_us=row.wall_duration_us,
        media_duration=row.media_duration,
        size=row.size,
        root=row.root,
        fragments=decode_fragments(row.fragments),
        samples=row.samples,
        packets_lost=row.packets_lost,
        clock_offset_us=row.clock_offset_us,
        host_synchronised=None if synchronised is None else bool(synchronised),
        salvaged=bool(row.salvaged),
    )
