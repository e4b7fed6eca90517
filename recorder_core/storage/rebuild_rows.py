"""What a rebuild does to the index: takes in files that have no row, and notes rows whose file is not as they say."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from itertools import batched
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from recorder_core.models import LedgerKind

from .camera_rows import camera_key
from .event_rows import EventRows
from .gap_rows import cut_gaps, insert_gap
from .ids import segment_path
from .intervals import union
from .ledger_rows import append_ledger
from .records import GapReason
from .schema import CAMERA, FINDING, GARBAGE, OPEN_FILE, RUN, SEGMENT, VOLUME
from .segment_rows import SegmentRows, insert_segments

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from .intervals import Interval
    from .records import Run, Segment

REBUILT = "rebuilt"
"""The end reason of runs, and the detail of gaps, that were inferred from files alone."""

_IDS_AT_ONCE = 500
"""SQLite takes a limited number of values in one question."""


class Finding(StrEnum):
    """How a segment's file differs from its row, or, where it is damaged, from what was recorded."""

    MISSING = "missing"
    CHANGED = "changed"
    DAMAGED = "damaged"


class RebuildRows(SegmentRows, EventRows):
    """Adopting files and noting findings."""

    def known_files(self, segment_ids: Collection[int]) -> dict[int, tuple[str, str] | None]:
        """Return which of these files the index knows: volume id and path of each segment, None for other files.

        The others are open, or given up and not unlinked yet. All is of one moment.
        """
        known: dict[int, tuple[str, str] | None] = {}
        with self._reading() as connection:
            for ids in batched(segment_ids, _IDS_AT_ONCE, strict=False):
                for table in (OPEN_FILE, GARBAGE):
                    query = select(table.c.segment_id).where(table.c.segment_id.in_(ids))
                    known.update(dict.fromkeys(connection.execute(query).scalars()))
                places = (
                    select(
                        SEGMENT.c.segment_id, SEGMENT.c.path, SEGMENT.c.start_us, CAMERA.c.camera_id, VOLUME.c.volume_id
                    )
                    .join_from(SEGMENT, CAMERA, SEGMENT.c.camera_key == CAMERA.c.camera_key)
                    .join(VOLUME, SEGMENT.c.volume_key == VOLUME.c.volume_key)
                    .where(SEGMENT.c.segment_id.in_(ids))
                )
                for segment_id, path, start_us, camera_id, volume_id in connection.execute(places):
                    known[segment_id] = (volume_id, path or segment_path(camera_id, start_us, segment_id))
        return known

    def adopt(self, found: Sequence[tuple[Segment, Run]]) -> None:
        """Add the rows of files, at least one, that have none, in one transaction, with their runs and cameras.

        A run that was inferred from earlier files grows to cover the later ones, and gaps make way.
        """
        runs: dict[str, Run] = {}
        for _, run in found:
            other = runs.get(run.run_id, run)
            end_us = max((one.end_us for one in (run, other) if one.end_us is not None), default=None)
            runs[run.run_id] = replace(other, start_us=min(run.start_us, other.start_us), end_us=end_us)
        segments = [segment for segment, _ in found]
        with self._writing() as connection:
            for run in runs.values():
                self._adopt_run(connection, run)
            insert_segments(connection, segments)
            for camera_id in {segment.camera_id for segment in segments}:
                of_camera = [(one.start_us, one.end_us) for one in segments if one.camera_id == camera_id]
                key = camera_key(connection, camera_id)
                # What hangs together is one interval: a question for each of thousands of segments would take long.
                for start_us, end_us in union(of_camera):
                    cut_gaps(connection, key, start_us, end_us)

    def _adopt_run(self, connection: Connection, run: Run) -> None:
        values = {"camera_id": run.camera_id, "name": run.camera_id, "first_seen_us": run.start_us}
        connection.execute(upsert(CAMERA).values(values).on_conflict_do_nothing(index_elements=["camera_id"]))
        known = connection.execute(select(RUN.c.run_key).where(RUN.c.run_id == run.run_id)).scalar()
        if known is None:
            self._insert_run(connection, run)
            return
        inferred = (RUN.c.run_key == known, RUN.c.end_reason == REBUILT)
        grown = {"start_us": func.min(RUN.c.start_us, run.start_us), "end_us": func.max(RUN.c.end_us, run.end_us)}
        connection.execute(update(RUN).where(*inferred).values(grown))

    def note_finding(self, segment: Segment, finding: Finding) -> bool:
        """Note once that a segment's file is not as its row says, with an event. Returns whether that was new.

        A row that is gone by now, because the segment was deleted meanwhile, is none that could be wrong.
        """
        with self._writing() as connection:
            return _is_there(connection, segment) and self._note(connection, segment, finding)

    def clear_finding(self, segment_id: int) -> None:
        """Forget a finding, for the file is as its row says."""
        with self._writing() as connection:
            connection.execute(delete(FINDING).where(FINDING.c.segment_id == segment_id))

    def findings(self) -> dict[int, Finding]:
        """Return the findings that stand, by segment id."""
        with self._reading() as connection:
            return {row.segment_id: Finding(row.kind) for row in connection.execute(select(FINDING))}

    def give_up(self, segment: Segment) -> bool:
        """Remove the row of a segment whose file is gone for good; False if that was deleted meanwhile, as it should.

        In one transaction an event, an entry of the ledger and a gap replace it.
        """
        with self._writing() as connection:
            if not _is_there(connection, segment):
                return False
            connection.execute(delete(SEGMENT).where(SEGMENT.c.segment_id == segment.segment_id))
            if segment.wall_duration_us > 0:
                when = (segment.start_us, segment.end_us)
                key = camera_key(connection, segment.camera_id)
                insert_gap(connection, key, when, (GapReason.STORAGE_FAILED, "file missing"))
            at_us = self.clock.now_us()
            append_ledger(connection, LedgerKind.GIVEN_UP, at_us, {"camera_id": segment.camera_id, **_data(segment)})
            self._report(connection, segment, "segment_given_up")
            return True

    def add_inferred_gaps(self, camera_id: str, intervals: Sequence[Interval]) -> None:
        """Add gaps, in one transaction, of which nothing is known but that there is no file."""
        with self._writing() as connection:
            key = camera_key(connection, camera_id)
            for interval in intervals:
                insert_gap(connection, key, interval, (GapReason.RECORDER_DOWN, REBUILT))

    def inferred_coverage(self, camera_id: str) -> list[tuple[int, int, bool]]:
        """Return start and end of every segment of a camera, by start, and whether its run was inferred from files."""
        query = (
            select(SEGMENT.c.start_us, SEGMENT.c.wall_duration_us, RUN.c.end_reason)
            .join_from(SEGMENT, RUN, SEGMENT.c.run_key == RUN.c.run_key)
            .order_by(SEGMENT.c.start_us)
        )
        with self._reading() as connection:
            rows = connection.execute(query.where(SEGMENT.c.camera_key == camera_key(connection, camera_id)))
            return [(row.start_us, row.start_us + row.wall_duration_us, row.end_reason == REBUILT) for row in rows]

    def _note(self, connection: Connection, segment: Segment, finding: Finding) -> bool:
        known = select(FINDING.c.kind).where(FINDING.c.segment_id == segment.segment_id)
        if connection.execute(known).scalar() == finding:
            return False
        connection.execute(delete(FINDING).where(FINDING.c.segment_id == segment.segment_id))
        values = {"segment_id": segment.segment_id, "kind": finding.value, "at_us": self.clock.now_us()}
        connection.execute(insert(FINDING).values(values))
        self._report(connection, segment, f"segment_{finding}")
        return True

    def _report(self, connection: Connection, segment: Segment, kind: str) -> None:
        self._append_event(connection, kind, self.clock.now_us(), segment.camera_id, _data(segment))


def _is_there(connection: Connection, segment: Segment) -> bool:
    query = select(SEGMENT.c.segment_id).where(SEGMENT.c.segment_id == segment.segment_id)
    return connection.execute(query).scalar() is not None


def _data(segment: Segment) -> dict[str, str | int | float | bool | None]:
    return {
        "segment_id": segment.segment_id,
        "volume_id": segment.volume_id,
        "path": segment.path,
        "start_us": segment.start_us,
        "end_us": segment.end_us,
        "size": segment.size,
        "root": segment.root.hex(),
    }
