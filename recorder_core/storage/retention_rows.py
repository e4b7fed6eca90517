"""Rows of segments on their way out: the oldest go first, and nothing that is held or read (invariants 2 and 3).

One transaction looks at holds and readings, moves the segments to `garbage`, and certifies that. Its cost follows what
it deletes and how many holds there are, never what is kept: footage that is held is stepped over stretch by stretch.
Files that are still open have no row in `segment` and cannot be chosen.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select

from recorder_core.models import DeletionRule, RecordClass

from .camera_rows import CameraRows, camera_key, volume_key
from .certificate_rows import Destroyed, Reason, certify
from .hold_rows import held_intervals
from .ids import segment_path
from .intervals import EVER_US, subtract
from .reading_rows import reading_intervals
from .schema import CAMERA, GARBAGE, SEGMENT, TALLY, VOLUME

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Row

    from recorder_core.models import Certificate

    from .intervals import Interval

    type _Segment = Row[tuple[object, ...]]

AT_ONCE = 500
"""How many segments a transaction deletes at most, so that it does not keep the writers of footage waiting."""


_FOLLOWER = SEGMENT.alias("follower")
_NEXT_US = (
    select(func.min(_FOLLOWER.c.start_us))
    .where(_FOLLOWER.c.camera_key == bindparam("camera"), _FOLLOWER.c.start_us > SEGMENT.c.start_us)
    .scalar_subquery()
)

WITHIN = (
    select(
        SEGMENT.c.segment_id,
        SEGMENT.c.camera_key,
        SEGMENT.c.volume_key,
        SEGMENT.c.path,
        SEGMENT.c.start_us,
        SEGMENT.c.wall_duration_us,
        SEGMENT.c.size,
        SEGMENT.c.root,
        _NEXT_US.label("next_us"),
    )
    .where(
        SEGMENT.c.camera_key == bindparam("camera"),
        SEGMENT.c.start_us >= bindparam("from"),
        SEGMENT.c.start_us < bindparam("until"),
        SEGMENT.c.start_us + SEGMENT.c.wall_duration_us <= bindparam("until"),
    )
    .order_by(SEGMENT.c.start_us)
)
"""The segments of a camera that lie in a stretch with both ends, the oldest first: one walk over an index.

`next_us` is when the camera's next segment begins, on whatever volume and whether or not it may go. A segment without a
duration has a sample all the same, so its first microsecond lies in the stretch too.
"""

WITHIN_ON = WITHIN.where(SEGMENT.c.volume_key == bindparam("volume"))
"""The same of one volume, at a cost that does not follow what the camera has elsewhere."""


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest segment of a camera that no hold keeps: when, how many bytes, and where it lies."""

    start_us: int
    end_us: int
    size: int
    volume_id: str


class RetentionRows(CameraRows):
    """Giving up footage."""

    def condemn_oldest(
        self,
        camera_id: str,
        *,
        before_us: int | None,
        max_bytes: int | None,
        rule: DeletionRule,
        policy_version: str,
        now_us: int,
        actor: str | None = None,
        limit: int = AT_ONCE,
    ) -> Certificate | None:
        """Give up the oldest unbroken stretch of a camera's footage that may go; None where nothing may.

        It ends before what is held or read, at `before_us`, with the segment that brings it to `max_bytes`, and after
        `limit` segments. Call again for the next stretch, with what is then still too much.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
            ValueError: neither `before_us` nor `max_bytes` is set; no limit is no reason to delete (invariant 6).
        """
        if before_us is None and max_bytes is None:
            raise ValueError("nothing says how much is to go")
        reason = Reason(rule, policy_version, now_us, actor)
        with self._writing() as connection:
            key = camera_key(connection, camera_id)
            with closing(_oldest(connection, key, EVER_US if before_us is None else before_us)) as found:
                stretch = _gather(_unbroken(found), max_bytes, limit)
            return _destroy(connection, camera_id, stretch, reason) if stretch else None

    def condemn_oldest_on(
        self,
        volume_id: str,
        wanted_bytes: int,
        *,
        policy_version: str,
        now_us: int,
        rule: DeletionRule = DeletionRule.SPACE,
        actor: str | None = None,
        limit: int = AT_ONCE,
    ) -> list[Certificate]:
        """Give up the oldest footage of all cameras on a volume that may go, until `wanted_bytes` or `limit` segments.

        Returns a certificate for each unbroken stretch of each camera; none where nothing may go.

        Raises:
            StorageError: `VOLUME_MISSING` for a volume that was never put.
        """
        reason = Reason(rule, policy_version, now_us, actor)
        with self._writing() as connection, ExitStack() as streams:
            volume = volume_key(connection, volume_id)
            cameras = _cameras_on(connection, volume)
            found = [streams.enter_context(closing(_oldest(connection, key, EVER_US, volume))) for key in cameras]
            chosen = _gather(merge(*found, key=attrgetter("start_us")), wanted_bytes, limit)
            streams.close()
            certificates = []
            for key, camera_id in cameras.items():
                rest = [segment for segment in chosen if segment.camera_key == key]
                while rest:
                    stretch = list(_unbroken(rest))
                    rest = rest[len(stretch) :]
                    certificates.append(_destroy(connection, camera_id, stretch, reason))
            return certificates

    def oldest_on(self, volume_id: str) -> int | None:
        """Return when the oldest segment on a volume begins that may go, of whichever camera; None without one.

        Raises:
            StorageError: `VOLUME_MISSING` for a volume that was never put.
        """
        with self._reading() as connection, ExitStack() as streams:
            volume = volume_key(connection, volume_id)
            cameras = _cameras_on(connection, volume)
            found = [streams.enter_context(closing(_oldest(connection, key, EVER_US, volume))) for key in cameras]
            begins: list[int] = [first.start_us for first in (next(one, None) for one in found) if first is not None]
            return min(begins, default=None)

    def all_held(self, volume_id: str) -> bool:
        """Whether holds keep all footage on a volume, whatever of it is read just now.

        Raises:
            StorageError: `VOLUME_MISSING` for a volume that was never put.
        """
        with self._reading() as connection, ExitStack() as streams:
            volume = volume_key(connection, volume_id)
            found = [
                streams.enter_context(closing(_unheld(connection, key, volume)))
                for key in _cameras_on(connection, volume)
            ]
            return all(next(one, None) is None for one in found)

    def oldest_unheld(self, camera_id: str) -> Oldest | None:
        """Return the oldest segment of a camera that no hold keeps, whether or not it is read; None without one.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        with (
            self._reading() as connection,
            closing(_unheld(connection, camera_key(connection, camera_id))) as found,
        ):
            if (first := next(found, None)) is None:
                return None
            volume_id = connection.execute(
                select(VOLUME.c.volume_id).where(VOLUME.c.volume_key == first.volume_key)
            ).scalar_one()
            return Oldest(first.start_us, first.start_us + first.wall_duration_us, first.size, volume_id)


def _oldest(connection: Connection, key: int, before_us: int, volume: int | None = None) -> Generator[_Segment]:
    """Yield what may go of a camera and ends by `before_us`, the oldest first."""
    kept = held_intervals(connection, key) + reading_intervals(connection, key)
    return _outside(connection, key, kept, before_us, volume)


def _unheld(connection: Connection, key: int, volume: int | None = None) -> Generator[_Segment]:
    """Yield what no hold keeps of a camera, the oldest first."""
    return _outside(connection, key, held_intervals(connection, key), EVER_US, volume)


def _outside(
    connection: Connection, key: int, kept: list[Interval], before_us: int, volume: int | None
) -> Generator[_Segment]:
    """Yield the segments that lie outside of all that is kept, reading no further than is asked for."""
    query = WITHIN if volume is None else WITHIN_ON
    for start_us, end_us in subtract([(-EVER_US, before_us)], kept):
        values = {"camera": key, "volume": volume, "from": start_us, "until": end_us}
        with connection.execute(query, values) as rows:
            yield from rows


def _cameras_on(connection: Connection, volume: int) -> dict[int, str]:
    query = (
        select(CAMERA.c.camera_key, CAMERA.c.camera_id)
        .join_from(TALLY, CAMERA, TALLY.c.camera_key == CAMERA.c.camera_key)
        .where(TALLY.c.volume_key == volume, TALLY.c.segments > 0)
        .order_by(CAMERA.c.camera_key)
    )
    return {row.camera_key: row.camera_id for row in connection.execute(query)}


def _unbroken(segments: Iterable[_Segment]) -> Iterator[_Segment]:
    """Yield segments of a camera as long as nothing that stays lies between one and the next."""
    next_us: int | None = None
    for segment in segments:
        if next_us is not None and segment.start_us > next_us:
            return
        yield segment
        next_us = segment.next_us


def _gather(segments: Iterable[_Segment], wanted_bytes: int | None, limit: int) -> list[_Segment]:
    gathered: list[_Segment] = []
    size = 0
    for segment in segments:
        if len(gathered) == limit or (wanted_bytes is not None and size >= wanted_bytes):
            break
        gathered.append(segment)
        size += segment.size
    return gathered


def _destroy(connection: Connection, camera_id: str, stretch: Sequence[_Segment], reason: Reason) -> Certificate:
    """Move the segments to the garbage and certify that."""
    in_order = sorted(stretch, key=attrgetter("start_us", "segment_id"))
    destroyed = Destroyed(
        camera_id=camera_id,
        record_class=RecordClass.VIDEO,
        start_us=in_order[0].start_us,
        end_us=max(segment.start_us + segment.wall_duration_us for segment in in_order),
        size=sum(segment.size for segment in in_order),
        digests=tuple(segment.root for segment in in_order),
    )
    certificate = certify(connection, destroyed, reason)
    garbage = [
        {
            "segment_id": segment.segment_id,
            "volume_key": segment.volume_key,
            "path": segment.path or segment_path(camera_id, segment.start_us, segment.segment_id),
            "size": segment.size,
            "at_us": reason.at_us,
            "reason": reason.rule.value,
            "certificate_id": certificate.certificate_id,
        }
        for segment in in_order
    ]
    connection.execute(insert(GARBAGE), garbage)
    gone = [{"gone": segment.segment_id} for segment in in_order]
    connection.execute(delete(SEGMENT).where(SEGMENT.c.segment_id == bindparam("gone")), gone)
    return certificate
