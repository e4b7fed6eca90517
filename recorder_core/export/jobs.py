"""Exports as jobs: checked, kept in the index, made a few at a time, told of, cancelled, and begun anew by a restart.

Each job has a folder of its own on a volume (`folders`) once its turn has come. Footage that it needs is not deleted
from when it was asked for until it ends. One that fails, is cancelled or is interrupted leaves no file (invariant 10).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from recorder_core.errors import ErrorCode, RecorderError, RequestError
from recorder_core.models import ExportJob, ExportState, Problem
from recorder_core.storage.export_rows import StoredExport, unknown_export
from recorder_core.storage.ids import parse_segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.rebuild_rows import Finding

from .copying import ClipCancelledError
from .expiry import expiry
from .folders import make_folder, remove_folder, write_record
from .headers import DamagedError
from .requests import check_scope, expiry_of, no_footage, parse_request, scope_of
from .workshop import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.clock import Clock

    from .archive import Archive, IndexCaller, Material
    from .requests import AnyRequest
    from .workshop import Workshop

_LOGGER = logging.getLogger(__name__)

_AT_ONCE = 2
_REPORT_US = 500_000
"""So often, at most, a job that runs is told of."""

_OPEN = (ExportState.QUEUED, ExportState.RUNNING)


@dataclass(slots=True, eq=False)
class _Live:
    """A job that is queued or runs. `done` is set when its last state is in the index, or the recorder stops."""

    job: ExportJob
    request: AnyRequest
    readings: list[int] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    promised: int = 0
    reported_us: int = 0


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
        self._workshop = workshop
        self._clock = clock
        self._on_changed = on_changed
        self._live: dict[str, _Live] = {}
        self._waiting: deque[_Live] = deque()
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
        live = _Live(job, request)
        try:
            await self._begin_reading(live)
            materials = await self._materials(live)
            if not any(material.sources for material in materials):
                raise no_footage()  # noqa: TRY301  # what was begun is ended the same way
            live.job = job = replace(job, gaps=[gap for material in materials for gap in material.gaps])
            await self._index.ask(Index.add_export, StoredExport(job, request.to_json()))
        except BaseException:
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
            await self._end(live, _cancelled(live.job))
        await live.done.wait()
        return self._shown(live.job)

    # Life

    async def resume(self) -> None:
        """Queue anew what an earlier run of the recorder was asked for and did not finish; it left no files."""
        for stored in await self._index.ask(Index.unfinished_exports):
            job = replace(stored.job, state=ExportState.QUEUED, progress=0.0)
            live = _Live(job, parse_request(job.kind, stored.request))
            self._live[job.export_id] = live
            try:
                await self._begin_reading(live)
            except RequestError as error:
                await self._end(live, _failed(job, error))
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

    def _enqueue(self, live: _Live) -> None:
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

    async def _run(self, live: _Live) -> None:
        try:
            job = await self._made(live)
        except DamagedError as error:
            _LOGGER.error("Export %s: %s", live.job.export_id, error.message)  # noqa: TRY400  # it says all there is
            await self._note_damage(error.path)
            job = _failed(live.job, error)
        except RecorderError as error:
            job = _failed(live.job, error)
        except ClipCancelledError:
            job = _cancelled(live.job)
        except Exception:  # one job that fails, however, must not end the queue
            _LOGGER.exception("Export %s failed", live.job.export_id)
            sentence = "The export failed; the recorder's log says why."
            job = _failed(live.job, RecorderError(ErrorCode.EXPORT_FAILED, sentence))
        if job.state is ExportState.CANCELLED and not live.cancelled:  # the recorder stops; the next start begins anew
            live.job = replace(live.job, state=ExportState.QUEUED, progress=0.0)
            live.done.set()
            return
        await self._end(live, job)

    async def _made(self, live: _Live) -> ExportJob:
        """Make the files of a job, and return it when that is in the index."""
        started_us = self._clock.now_us()
        live.job = replace(live.job, state=ExportState.RUNNING)
        await self._index.ask(Index.put_export, live.job)
        self._tell(live)
        materials = await self._materials(live)
        root = self._root()
        export_id = live.job.export_id
        try:
            task = Task(
                job=live.job,
                request=live.request,
                materials=materials,
                folder=await asyncio.to_thread(make_folder, root, export_id),
                started_us=started_us,
                check_room=lambda size: self._promise(live, size),
                progress=self._progress_of(live),
                cancelled=live.stop.is_set,
            )
            files = await self._workshop.make(task)
            if live.stop.is_set():
                raise ClipCancelledError  # noqa: TRY301  # what was made goes the same way
            job = replace(
                live.job,
                state=ExportState.DONE,
                progress=1.0,
                files=files,
                duration_us=sum(file.duration_us for file in files),
            )
            await asyncio.to_thread(write_record, task.folder, live.request.to_json(), job)
            await self._index.ask(Index.finish_export, job, self._clock.now_us())
        except BaseException:  # cancelled or not: no half of an export may stay
            await asyncio.to_thread(remove_folder, root, export_id)
            raise
        return job

    async def _end(self, live: _Live, job: ExportJob) -> None:
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

    def _promise(self, live: _Live, size: int) -> None:
        """Ask for room beside that which the jobs that run just now were promised."""
        others = sum(one.promised for one in self._live.values() if one is not live)
        self._archive.check_room(size + others)
        live.promised = size

    def _root(self) -> Path:
        roots = self._archive.roots()
        if not roots:
            raise RecorderError(ErrorCode.VOLUME_MISSING, "There is no volume that could take the export.")
        return roots[0]

    async def _materials(self, live: _Live) -> tuple[Material, ...]:
        job = live.job
        return tuple(
            [await self._archive.material(camera_id, job.start_us, job.end_us) for camera_id in job.camera_ids]
        )

    async def _begin_reading(self, live: _Live) -> None:
        for camera_id in live.job.camera_ids:
            reading = await self._archive.begin_reading(camera_id, live.job.start_us, live.job.end_us)
            live.readings.append(reading)

    async def _end_reading(self, live: _Live) -> None:
        while live.readings:
            await self._archive.end_reading(live.readings.pop())

    async def _note_damage(self, path: Path) -> None:
        """Mark the segment whose file is not as it was recorded."""
        with suppress(ValueError):  # no segment's path
            name = parse_segment_path(Path(*path.parts[-4:]).as_posix())
            segment = await self._index.ask(Index.segment, name.segment_id)
            if segment is not None:
                await self._index.ask(Index.note_finding, segment, Finding.DAMAGED)

    # Telling

    def _progress_of(self, live: _Live) -> Callable[[int, int], None]:
        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:
            now_us = self._clock.monotonic_us()
            if now_us - live.reported_us >= _REPORT_US:
                live.reported_us = now_us
                loop.call_soon_threadsafe(self._progressed, live, done / total if total else 1.0)

        return progress

    def _progressed(self, live: _Live, share: float) -> None:
        if live.job.state is ExportState.RUNNING:
            live.job = replace(live.job, progress=share)
            self._tell(live)

    def _tell(self, live: _Live) -> None:
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


def _failed(job: ExportJob, error: RecorderError) -> ExportJob:
    problem = Problem(code=error.code, message=error.message, placeholders=error.placeholders)
    return replace(job, state=ExportState.FAILED, problem=problem)


def _cancelled(job: ExportJob) -> ExportJob:
    problem = Problem(code=ErrorCode.EXPORT_CANCELLED, message="The export was cancelled.")
    return replace(job, state=ExportState.CANCELLED, problem=problem)
