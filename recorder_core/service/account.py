"""Keeps account of what the cameras report, runs and gaps, in the index and on the feed (invariant 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.storage.index import Index

from .events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.errors import StorageError
    from recorder_core.storage.records import GapReason, Run
    from recorder_core.storage.writer import VolumeWriter

    from .events import EventLog
    from .index_thread import IndexThread
    from .volumes import Volumes


class Account:
    """The sink of all cameras. Called on the event loop; the index follows on its thread, in the same order."""

    def __init__(
        self,
        index: IndexThread,
        volumes: Volumes,
        events: EventLog,
        *,
        on_changed: Callable[[str], None],
        on_figures: Callable[[str], None],
    ) -> None:
        """Call `on_changed` when a camera does something else, `on_figures` when the index knows more of it."""
        self._index = index
        self._volumes = volumes
        self._events = events
        self._on_changed = on_changed
        self._on_figures = on_figures
        self._gap_starts: dict[str, int] = {}
        self._gap_ids: dict[str, int] = {}  # belongs to the index's thread
        self._cameras_of_runs: dict[str, str] = {}

    def gap_start_us(self, camera_id: str) -> int | None:
        """Return when the gap began that a camera is in; None while it records."""
        return self._gap_starts.get(camera_id)

    def obstacle(self) -> StorageError | None:
        """Return what keeps every segment from being written for now, see `Volumes.obstacle`."""
        return self._volumes.obstacle()

    def writer(self, camera_id: str) -> VolumeWriter:
        """Return the writer for the camera's next segment, see `Volumes.writer`."""
        return self._volumes.writer(camera_id)

    def run_started(self, run: Run) -> None:
        """Keep a run that has begun."""
        self._cameras_of_runs[run.run_id] = run.camera_id
        self._index.post(Index.begin_run, run)
        self._events.note(
            EventKind.RUN_STARTED,
            run.camera_id,
            run_id=run.run_id,
            start_us=run.start_us,
            codec=run.codec,
            width=run.width,
            height=run.height,
            source=run.source,
        )

    def run_ended(self, run_id: str, end_us: int, reason: str) -> None:
        """Keep the end of a run."""
        camera_id = self._cameras_of_runs.pop(run_id, None)
        self._index.post(Index.end_run, run_id, end_us, reason)
        self._events.note(EventKind.RUN_ENDED, camera_id, run_id=run_id, end_us=end_us, reason=reason)

    def gap_opened(self, camera_id: str, start_us: int, reason: GapReason, detail: str) -> None:
        """Begin a gap; one that is open ends where this one starts."""
        self._gap_starts[camera_id] = start_us
        self._index.post(self._open_gap, camera_id, start_us, reason, detail)
        self._events.note(EventKind.GAP_OPENED, camera_id, start_us=start_us, reason=reason, detail=detail)
        self._on_figures(camera_id)

    def gap_closed(self, camera_id: str, end_us: int) -> None:
        """End the open gap of a camera, if there is one."""
        if self._gap_starts.pop(camera_id, None) is None:
            return
        self._index.post(self._close_gap, camera_id, end_us)
        self._events.note(EventKind.GAP_CLOSED, camera_id, end_us=end_us)
        self._on_figures(camera_id)

    def gap(self, camera_id: str, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Keep a gap that is over already."""
        self._index.post(Index.add_gap, camera_id, start_us, end_us, reason, detail)
        self._events.note(EventKind.GAP, camera_id, start_us=start_us, end_us=end_us, reason=reason, detail=detail)
        self._on_figures(camera_id)

    def changed(self, camera_id: str) -> None:
        """Note that the camera's status is another than before."""
        self._on_changed(camera_id)

    def _open_gap(self, index: Index, camera_id: str, start_us: int, reason: GapReason, detail: str) -> None:
        self._gap_ids[camera_id] = index.open_gap(camera_id, start_us, reason, detail)

    def _close_gap(self, index: Index, camera_id: str, end_us: int) -> None:
        gap_id = self._gap_ids.pop(camera_id, None)
        if gap_id is not None:
            index.close_gap(gap_id, end_us)
