"""Rows of cameras, volumes and runs: what segments, gaps and files refer to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from recorder_core.errors import ErrorCode, RequestError, StorageError

from .database import Database
from .ids import check_camera_id
from .records import Run, Volume
from .schema import CAMERA, RUN, SEGMENT, VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, Connection, Row, Select


class CameraRows(Database):
    """Cameras, volumes and runs."""

    def put_camera(self, camera_id: str, name: str) -> None:
        """Add a camera, or give a known one a new name.

        Raises:
            RequestError: `BAD_REQUEST` if `camera_id` cannot name a folder.
        """
        values = {"camera_id": check_camera_id(camera_id), "name": name, "first_seen_us": self.clock.now_us()}
        statement = upsert(CAMERA).values(values)
        with self._writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["camera_id"], set_={"name": name}))

    def cameras(self) -> dict[str, str]:
        """Return the name of every camera that ever recorded here, by its id."""
        with self._reading() as connection:
            rows = connection.execute(select(CAMERA.c.camera_id, CAMERA.c.name).order_by(CAMERA.c.camera_key))
            return {row.camera_id: row.name for row in rows}

    def put_volume(self, volume: Volume) -> None:
        """Add a volume, or remember where a known one is now and what limits it has."""
        values = {
            "path": str(volume.path),
            "min_free_bytes": volume.min_free_bytes,
            "max_bytes": volume.max_bytes,
        }
        statement = upsert(VOLUME).values(volume_id=volume.volume_id, **values)
        with self._writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["volume_id"], set_=values))

    def volumes(self) -> list[Volume]:
        """Return every volume that was ever put, in that order."""
        with self._reading() as connection:
            return [
                Volume(row.volume_id, Path(row.path), row.min_free_bytes, row.max_bytes)
                for row in connection.execute(select(VOLUME).order_by(VOLUME.c.volume_key))
            ]

    def begin_run(self, run: Run) -> None:
        """Add a run.

        Raises:
            RequestError: `UNKNOWN_CAMERA` if its camera was never put.
        """
        with self._writing() as connection:
            self._insert_run(connection, run)

    def end_run(self, run_id: str, end_us: int, reason: str) -> None:
        """End a run that goes on; the end of one that has ended already stays as it is."""
        statement = update(RUN).where(RUN.c.run_id == run_id, RUN.c.end_us.is_(None))
        with self._writing() as connection:
            connection.execute(statement.values(end_us=func.max(RUN.c.start_us, end_us), end_reason=reason))

    def run(self, run_id: str) -> Run | None:
        """Return a run by its id."""
        with self._reading() as connection:
            row = connection.execute(_runs().where(RUN.c.run_id == run_id)).one_or_none()
            return None if row is None else _run(row)

    def runs(self, camera_id: str, start_us: int, end_us: int) -> list[Run]:
        """Return the runs of a camera that began in `[start_us, end_us)`, by their start."""
        with self._reading() as connection:
            key = camera_key(connection, camera_id)
            window = (RUN.c.camera_key == key, RUN.c.start_us >= start_us, RUN.c.start_us < end_us)
            return [_run(row) for row in connection.execute(_runs().where(*window).order_by(RUN.c.start_us))]

    def unfinished_runs(self) -> list[tuple[Run, int]]:
        """Return the runs without an end, each with the end of its last segment, or its start where it has none."""
        with self._reading() as connection:
            return [(_run(row), row.footage_end_us) for row in connection.execute(unfinished_run_query())]

    def _insert_run(self, connection: Connection, run: Run) -> None:
        values = {
            "run_id": run.run_id,
            "camera_key": camera_key(connection, run.camera_id),
            "start_us": run.start_us,
            "source": run.source,
            "codec": run.codec,
            "width": run.width,
            "height": run.height,
            "audio_discarded": int(run.audio_discarded),
            "end_us": run.end_us,
            "end_reason": run.end_reason,
        }
        connection.execute(insert(RUN).values(values))


def unfinished_run_query() -> Select[tuple[object, ...]]:
    """Ask for the runs without an end: a look at a small index of their own, and at their segments."""
    footage_end = (
        select(func.max(SEGMENT.c.start_us + SEGMENT.c.wall_duration_us))
        .where(SEGMENT.c.run_key == RUN.c.run_key)
        .scalar_subquery()
    )
    runs = _runs().add_columns(func.coalesce(footage_end, RUN.c.start_us).label("footage_end_us"))
    return runs.where(RUN.c.end_us.is_(None)).order_by(RUN.c.run_key)


def know_cameras(connection: Connection, camera_ids: Iterable[str], first_seen_us: int) -> None:
    """Add, within the caller's transaction, those of the cameras that were never put, each with its id for a name."""
    cameras = [{"camera_id": one, "name": one, "first_seen_us": first_seen_us} for one in camera_ids]
    connection.execute(upsert(CAMERA).on_conflict_do_nothing(index_elements=["camera_id"]), cameras)


def camera_key(connection: Connection, camera_id: str) -> int:
    """Return the key of a camera. Raises RequestError `UNKNOWN_CAMERA` for one that was never put."""
    key = _key(connection, CAMERA.c.camera_key, CAMERA.c.camera_id, camera_id)
    if key is None:
        shown = camera_id[:64]
        raise RequestError(ErrorCode.UNKNOWN_CAMERA, f"There is no camera {shown!r}.", camera_id=shown)
    return key


def volume_key(connection: Connection, volume_id: str) -> int:
    """Return the key of a volume. Raises StorageError `VOLUME_MISSING` for one that was never put."""
    key = _key(connection, VOLUME.c.volume_key, VOLUME.c.volume_id, volume_id)
    if key is None:
        raise StorageError(ErrorCode.VOLUME_MISSING, f"There is no volume {volume_id!r}.", volume_id=volume_id)
    return key


def run_key(connection: Connection, run_id: str) -> int:
    """Return the key of a run. Raises StorageError `STORAGE_FAILED` for one that never began."""
    key = _key(connection, RUN.c.run_key, RUN.c.run_id, run_id)
    if key is None:
        raise StorageError(ErrorCode.STORAGE_FAILED, f"There is no run {run_id!r}.", run_id=run_id)
    return key


def _key(connection: Connection, key: Column[int], id_column: Column[str], wanted: str) -> int | None:
    return connection.execute(select(key).where(id_column == wanted)).scalar()


def _runs() -> Select[tuple[object, ...]]:
    return select(RUN, CAMERA.c.camera_id).join_from(RUN, CAMERA, RUN.c.camera_key == CAMERA.c.camera_key)


def _run(row: Row[tuple[object, ...]]) -> Run:
    return Run(
        run_id=row.run_id,
        camera_id=row.camera_id,
        start_us=row.start_us,
        source=row.source,
        codec=row.codec,
        width=row.width,
        height=row.height,
        audio_discarded=bool(row.audio_discarded),
        end_us=row.end_us,
        end_reason=row.end_reason,
    )
