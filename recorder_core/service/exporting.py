"""Clips, stills and packages of one recorder, their copies included, from request to removal (invariant 10)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.export.jobs import ExportJobs
from recorder_core.export.removal import ExportRemoval
from recorder_core.export.workshop import Workshop
from recorder_core.models import Duty, ExportJob, ExportState, FeedItem

from .deliveries import Deliveries
from .events import EventKind

if TYPE_CHECKING:
    from recorder_core.clock import Clock
    from recorder_core.decoder import Decoder
    from recorder_core.export.requests import AnyRequest

    from .archive import ServiceArchive
    from .delivery_folders import DeliveryFolders
    from .duties import Duties
    from .events import EventLog
    from .index_thread import IndexThread

_LOOK_S = 60.0

_EVENTS = {
    ExportState.QUEUED: EventKind.EXPORT_QUEUED,
    ExportState.DONE: EventKind.EXPORT_DONE,
    ExportState.FAILED: EventKind.EXPORT_FAILED,
    ExportState.CANCELLED: EventKind.EXPORT_CANCELLED,
    ExportState.REMOVED: EventKind.EXPORT_REMOVED,
}
"""The states that are events as well; how far a job is that runs is not kept."""


class Exporting:
    """Exports of one recorder, on the running event loop."""

    def __init__(
        self,
        index: IndexThread,
        events: EventLog,
        archive: ServiceArchive,
        decoder: Decoder,
        clock: Clock,
        duties: Duties,
        folders: DeliveryFolders,
    ) -> None:
        """Keep exports in `index`, make them from `archive`, copy them to `folders`, and tell of them by `events`."""
        self._events = events
        self._clock = clock
        self._duties = duties
        self._looking: asyncio.Task[None] | None = None
        workshop = Workshop(archive, decoder, clock)
        self._jobs = ExportJobs(index, archive, workshop, clock, on_changed=self._changed)
        self._removal = ExportRemoval(index, archive, self._jobs, clock, on_changed=self._changed)
        self.deliveries = Deliveries(index, events, archive, folders, clock, duties, job_of=self._jobs.job)

    async def resume(self) -> None:
        """Clear away what an earlier run left half made, and begin anew with what it did not finish.

        It is to come before anything is deleted: what the exports need is kept from then on.
        """
        await self._removal.tidy()
        await self._jobs.resume()

    def start(self) -> None:
        """Begin to look after exports that were made."""
        self._looking = asyncio.create_task(self._look_again_and_again(), name="exports")
        self.deliveries.start()

    async def close(self) -> None:
        """Stop what runs; the next start begins exports anew."""
        await self.deliveries.close()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        await self._jobs.close()

    async def _look_again_and_again(self) -> None:
        while True:
            with self._duties.turn(Duty.EXPORTS):
                await self._removal.look()
            await self._clock.sleep(_LOOK_S)

    async def submit(self, request: AnyRequest) -> ExportJob:
        """Queue an export, see `ExportJobs.submit`."""
        return await self._jobs.submit(request)

    async def job(self, export_id: str, wait_s: float) -> ExportJob:
        """Return an export, see `ExportJobs.job`."""
        return await self._jobs.job(export_id, wait_s)

    async def jobs(self, limit: int) -> list[ExportJob]:
        """Return up to `limit` exports, the newest first."""
        return await self._jobs.jobs(limit)

    async def remove(self, export_id: str, actor: str) -> ExportJob:
        """Cancel or remove an export, see `ExportRemoval.remove`."""
        return await self._removal.remove(export_id, actor)

    def _changed(self, job: ExportJob) -> None:
        self._events.publish(FeedItem(export=job))
        kind = _EVENTS.get(job.state)
        if kind is not None:
            code = None if job.problem is None else job.problem.code
            files = len(job.files)
            self._events.note(
                kind, job.camera_id, export_id=job.export_id, made=job.kind, files=files, problem=code, actor=job.actor
            )
        if job.state is ExportState.REMOVED:  # its copies were given up with it
            self.deliveries.wake()
