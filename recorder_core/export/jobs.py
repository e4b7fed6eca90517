"""Exports as jobs: checked, kept in the index, made a few at a time, told of, cancelled, and begun anew by a restart.

Footage that a job needs is not deleted from when it was asked for until the job ends; `making` tells how it is made.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from recorder_core.errors import RecorderError, RequestError
from recorder_core.models import ExportJob, ExportState
from recorder_core.storage.export_rows import StoredExport, unknown_export
from recorder_core.storage.index import Index

from .expiry import expiry
from .live import LiveJob, cancelled, failed
from .making import Maker
from .requests import check_scope, expiry_of, no_footage, parse_request, scope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.clock import Clock

    from .archive import Archive, IndexCaller
    from .requests import AnyRequest
    from .workshop import Workshop

_LOGGER = logging.getLogger(__name__)

_AT_ONCE = 2


class ExportJobs:
    """All exports of a recorder, on the running event loop."""

    def __init__(
        self,
        index: IndexCaller,
        archive: Archive,
        workshop: Workshop,
        clock: Clock,
        *,
        on_changed: Callable[[ExportJob], None],
    ) -> None:
        """Keep jobs in `index` and have them made by `workshop`; tell of every change of one, its progress included."""
        self._index = index
        self._archive = archive
        self._maker = Maker(index, archive, workshop, clock, on_changed=self._tell)
        self._clock = clock
        self._on_changed = on_changed
        self._live: dict[str, LiveJob] = {}
        self._waiting: deque[LiveJob] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    # Asking

    async def submit(self, request: AnyRequest) -> ExportJob:
        """Queue an export.

        Raises:
            RequestError: `INTERVAL_INVERTED`, `INTERVAL_FUTURE`, `INTERVAL_TOO_LONG`, `UNKNOWN_CAMERA`, `NO_FOOTAGE`,
                `BAD_REQUEST` for an expiry that has passed.
            StorageError: What keeps the footage from being read.
        """
        now_us = self._clock.now_us()
        scope = scope_of(request)
        check_scope(scope, now_us)
        job = ExportJob(
            export_id=uuid4().hex,
            camera_id=scope.camera_ids[0],
            start_us=scope.start_us,
            end_us=scope.end_us,
            state=ExportState.QUEUED,
            kind=scope.kind,
            camera_ids=list(scope.camera_ids),
            created_us=now_us,
            expires_us=expiry_of(request, now_us),
            actor=request.actor,
        )
        live = LiveJob(job, request)
        try:
            await self._begin_reading(live)
            materials = await self._maker.materials(job)
            if not any(material.sources for material in materials):
                raise no_footage()  # noqa: TRY301  # what was begun is ended the same way
            live.job = job = replace(job, gaps=[gap for material in materials for gap in material.gaps])
            await self._index.ask(Index.add_export, StoredExport(job, request.to_json()))
        except BaseException:  # whatever it is, a cancel of this task included: what is not queued keeps no footage
            await self._end_reading(live)
            raise
        self._enqueue(live)
        self._tell(live)
        return self._shown(job)

    async def job(self, export_id: str, wait_s: float = 0) -> ExportJob:
        """Return an export, waiting up to `wait_s` seconds for its end.

        Raises:
            RequestError: `UNKNOWN_EXPORT`.
        """
        live = self._live.get(export_id)
        if live is not None and wait_s > 0:
            with suppress(TimeoutError):  # then the answer says how far it is
                async with asyncio.timeout(wait_s):
                    await live.done.wait()
        if live is not None:
            return self._shown(live.job)
        return self._shown((await self._stored(export_id)).job)

    async def jobs(self, limit: int) -> list[ExportJob]:
        """Return up to `limit` exports, the newest first."""
        stored = await self._index.ask(Index.exports, limit)
        return [
            self._shown(self._live[one.job.export_id].job if one.job.export_id in self._live else one.job)
            for one in stored
        ]

    async def cancel(self, export_id: str) -> ExportJob:
        """Stop an export that is not done yet, and return it as it is then; one that has ended stays as it is.

        Raises:
            RequestError: `UNKNOWN_EXPORT`.
        """
        live = self._live.get(export_id)
        if live is None:
            return self._shown((await self._stored(export_id)).job)
        live.cancelled = True
        live.stop.set()
        if live in self._waiting:
            self._waiting.remove(live)
            await self._end(live, cancelled(live.job))
        await live.done.wait()
        return self._shown(live.job)

    # Life

    async def resume(self) -> None:
        """Queue anew what an earlier run of the recorder was asked for and did not finish; it left no files."""
        for stored in await self._index.ask(Index.unfinished_exports):
            job = replace(stored.job, state=ExportState.QUEUED, progress=0.0)
            live = LiveJob(job, parse_request(job.kind, stored.request))
            self._live[job.export_id] = live
            try:
                await self._begin_reading(live)
            except RequestError as error:
                await self._end(live, failed(job, error))
            else:
                self._enqueue(live)

    def is_live(self, export_id: str) -> bool:
        """Whether an export is queued or runs."""
        return export_id in self._live

    async def close(self) -> None:
        """Stop what runs; its files go, and the next start begins it anew, as it does what is queued."""
        self._closing = True
        for live in self._live.values():
            live.stop.set()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for live in self._waiting:
            live.done.set()
        self._waiting.clear()

    # Running

    def _enqueue(self, live: LiveJob) -> None:
        self._live[live.job.export_id] = live
        self._waiting.append(live)
        self._start_next()

    def _start_next(self) -> None:
        while self._waiting and len(self._tasks) < _AT_ONCE and not self._closing:
            live = self._waiting.popleft()
            task = asyncio.create_task(self._run(live), name=f"export {live.job.export_id}")
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._start_next()

    async def _run(self, live: LiveJob) -> None:
        job = await self._maker.make(live)
        if job.state is ExportState.CANCELLED and not live.cancelled:  # the recorder stops; the next start begins anew
            live.job = replace(live.job, state=ExportState.QUEUED, progress=0.0)
            live.done.set()
            return
        await self._end(live, job)

    async def _end(self, live: LiveJob, job: ExportJob) -> None:
        """Keep the last state of a job, tell of it, and let go of what it needed."""
        live.job = job
        try:
            if job.state is not ExportState.DONE:
                await self._index.ask(Index.put_export, job)
            await self._end_reading(live)
        except RecorderError as error:  # the next start begins it anew
            _LOGGER.error("The end of export %s cannot be kept: %s", job.export_id, error.message)  # noqa: TRY400
        finally:
            del self._live[job.export_id]
            live.done.set()
            self._tell(live)

    async def _begin_reading(self, live: LiveJob) -> None:
        for camera_id in live.job.camera_ids:
            reading = await self._archive.begin_reading(camera_id, live.job.start_us, live.job.end_us)
            live.readings.append(reading)

    async def _end_reading(self, live: LiveJob) -> None:
        while live.readings:
            await self._archive.end_reading(live.readings.pop())

    # Telling

    def _tell(self, live: LiveJob) -> None:
        self._on_changed(self._shown(live.job))

    def _shown(self, job: ExportJob) -> ExportJob:
        """Return a job as it travels: with when it is to go by the rules of today."""
        end = expiry(job.created_us, job.expires_us, self._archive.settings().exports)
        return replace(job, expires_us=None if end is None else end[0])

    async def _stored(self, export_id: str) -> StoredExport:
        stored = await self._index.ask(Index.export, export_id)
        if stored is None:
            raise unknown_export(export_id)
        return stored
