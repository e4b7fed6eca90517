"""Exports as jobs: checked, queued, cut by a thread each with few at once, and kept with their files.

Each job has a folder of its own on a volume, private, with the clip and `export.json`, which answers for the job after
a restart. A job that fails or is stopped leaves nothing behind (invariant 10: what stays is a record).
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from mashumaro.mixins.orjson import DataClassORJSONMixin

from recorder_core.errors import ErrorCode, RecorderError, RequestError
from recorder_core.models import ExportJob, ExportRequest, ExportState, GapView, Problem
from recorder_core.storage.files import fsync_folder, make_folders, write_private

from .clip import write_clip
from .clip_plan import plan_clip
from .copying import ClipCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recorder_core.clock import Clock

    from .source import ClipSource

_LOGGER = logging.getLogger(__name__)

LONGEST_US = 24 * 3_600_000_000
"""A clip is planned in memory: a day of one camera is what fits."""

FOLDER = "exports"
RECORD = "export.json"

_AT_ONCE = 2
_REMEMBERED = 500
"""Finished jobs that are answered without a look at the disk."""

_EXPORT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Material:
    """What a clip is cut from: the files in time order, and the gaps between them, clipped to the interval."""

    sources: Sequence[ClipSource]
    gaps: list[GapView]


class Archive(Protocol):
    """What jobs need from the store."""

    async def material(self, request: ExportRequest) -> Material:
        """Return what is stored of the interval, waiting for what is just being written.

        Raises:
            RecorderError: `UNKNOWN_CAMERA`, or what keeps the footage from being read.
        """
        ...

    def roots(self) -> list[Path]:
        """Return the folders of all volumes that can be used; the first takes new exports."""
        ...

    def check_room(self, size: int) -> None:
        """Make sure that an export of that many bytes fits on the first volume.

        Raises:
            RecorderError: `VOLUME_FULL` or `VOLUME_MISSING`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record(DataClassORJSONMixin):
    """The content of `export.json`: what was asked for, label included, and what came of it."""

    request: ExportRequest
    job: ExportJob


@dataclass(slots=True)
class _Running:
    job: ExportJob
    done: asyncio.Event = field(default_factory=asyncio.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    progress: float = 0.0


class ExportJobs:
    """All exports of a recorder, on the running event loop."""

    def __init__(self, archive: Archive, clock: Clock, *, on_finished: Callable[[ExportJob], None]) -> None:
        """Cut from `archive`; tell of every job that is done or has failed."""
        self._archive = archive
        self._clock = clock
        self._on_finished = on_finished
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._jobs: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, request: ExportRequest) -> ExportJob:
        """Queue an export.

        Raises:
            RequestError: `INTERVAL_INVERTED`, `INTERVAL_FUTURE`, `INTERVAL_TOO_LONG`, `UNKNOWN_CAMERA`, `NO_FOOTAGE`.
            StorageError: What keeps the footage from being read.
        """
        check_interval(request.start_us, request.end_us, self._clock.now_us())
        material = await self._archive.material(request)
        if not material.sources:
            raise RequestError(ErrorCode.NO_FOOTAGE, "Nothing is stored in this interval.")
        job = ExportJob(
            export_id=uuid4().hex,
            camera_id=request.camera_id,
            start_us=request.start_us,
            end_us=request.end_us,
            state=ExportState.QUEUED,
            gaps=material.gaps,
        )
        running = _Running(job)
        self._forget_old()
        self._jobs[job.export_id] = running
        task = asyncio.create_task(self._run(running, request, material), name=f"export {job.export_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def job(self, export_id: str, wait_s: float = 0) -> ExportJob:
        """Return an export, waiting up to `wait_s` seconds for its end.

        Raises:
            RequestError: `UNKNOWN_EXPORT`.
        """
        running = self._jobs.get(export_id)
        if running is None:
            return await asyncio.to_thread(self._kept, export_id)
        if wait_s > 0:
            with suppress(TimeoutError):  # then the answer says how far it is
                async with asyncio.timeout(wait_s):
                    await running.done.wait()
        if running.job.state is ExportState.RUNNING:
            return replace(running.job, progress=running.progress)
        return running.job

    async def close(self) -> None:
        """Stop what runs; its files go."""
        for running in self._jobs.values():
            running.stop.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, running: _Running, request: ExportRequest, material: Material) -> None:
        job = running.job
        try:
            async with self._turn:
                running.job = job = replace(job, state=ExportState.RUNNING)
                root = self._root()
                job = await asyncio.to_thread(self._cut, running, request, material, root)
        except RecorderError as error:
            problem = Problem(code=error.code, message=error.message, placeholders=error.placeholders)
            job = replace(job, state=ExportState.FAILED, problem=problem)
        except ClipCancelledError:
            problem = Problem(code=ErrorCode.EXPORT_FAILED, message="The recorder stopped before the export was done.")
            job = replace(job, state=ExportState.FAILED, problem=problem)
        except Exception:  # one job that fails, however, must not end the queue
            _LOGGER.exception("Export %s failed", job.export_id)
            problem = Problem(code=ErrorCode.EXPORT_FAILED, message="The export failed; the recorder's log says why.")
            job = replace(job, state=ExportState.FAILED, problem=problem)
        running.job = job
        running.done.set()
        self._on_finished(job)

    def _root(self) -> Path:
        roots = self._archive.roots()
        if not roots:
            raise RecorderError(ErrorCode.VOLUME_MISSING, "There is no volume that could take the export.")
        return roots[0]

    def _cut(self, running: _Running, request: ExportRequest, material: Material, root: Path) -> ExportJob:
        """Plan and write the clip; blocks."""
        if running.stop.is_set():  # it waited for its turn while the recorder began to stop
            raise ClipCancelledError
        plan = plan_clip(material.sources, request.start_us, request.end_us, request.start_mode)
        self._archive.check_room(plan.data_bytes)
        folder = root / FOLDER / running.job.export_id
        make_folders(root, folder)

        def progress(done: int, total: int) -> None:
            running.progress = done / total if total else 1.0

        try:
            clips = write_clip(plan, folder, clip_stem(request), progress=progress, cancelled=running.stop.is_set)
            job = replace(
                running.job,
                state=ExportState.DONE,
                progress=1.0,
                files=clips,
                duration_us=sum(clip.duration_us for clip in clips),
            )
            write_private(folder / RECORD, _Record(request=request, job=job).to_jsonb())
        except BaseException:  # cancelled or not: no half of an export may stay
            shutil.rmtree(folder)
            fsync_folder(folder.parent)
            raise
        return job

    def _kept(self, export_id: str) -> ExportJob:
        """Return a job of an earlier run of the recorder; blocks."""
        if _EXPORT_ID.fullmatch(export_id):
            for root in self._archive.roots():
                try:
                    return _Record.from_json((root / FOLDER / export_id / RECORD).read_bytes()).job
                except OSError, ValueError, TypeError, LookupError:
                    continue
        raise RequestError(ErrorCode.UNKNOWN_EXPORT, "There is no such export.", export_id=export_id[:64])

    def _forget_old(self) -> None:
        finished = [export_id for export_id, running in self._jobs.items() if running.done.is_set()]
        for export_id in finished[: max(len(finished) - _REMEMBERED, 0)]:
            del self._jobs[export_id]


def check_interval(start_us: int, end_us: int, now_us: int) -> None:
    """Refuse an interval that cannot be exported.

    Raises:
        RequestError: `INTERVAL_INVERTED`, `INTERVAL_FUTURE` or `INTERVAL_TOO_LONG`.
    """
    if start_us >= end_us:
        raise RequestError(ErrorCode.INTERVAL_INVERTED, "The interval must end after it begins.")
    if start_us < 0:
        raise RequestError(ErrorCode.NO_FOOTAGE, "Nothing is stored in this interval.")
    if end_us > now_us:
        raise RequestError(ErrorCode.INTERVAL_FUTURE, "The interval reaches into the future.")
    if end_us - start_us > LONGEST_US:
        hours = LONGEST_US // 3_600_000_000
        raise RequestError(ErrorCode.INTERVAL_TOO_LONG, f"One export covers at most {hours} hours.", hours=hours)


def clip_stem(request: ExportRequest) -> str:
    """Return the name of a clip without its ending: the camera, and the UTC of its start to the second."""
    start = datetime.fromtimestamp(request.start_us // 1_000_000, UTC)
    return f"{request.camera_id}_{start:%Y%m%dT%H%M%SZ}"


def remove_unfinished(root: Path) -> int:
    """Remove the folders of exports that were cut short when the recorder died; return their number. Blocks."""
    exports = root / FOLDER
    if not exports.is_dir():
        return 0
    unfinished = [
        folder for folder in exports.iterdir() if _EXPORT_ID.fullmatch(folder.name) and not (folder / RECORD).exists()
    ]
    for folder in unfinished:
        shutil.rmtree(folder)
    if unfinished:
        fsync_folder(exports)
    return len(unfinished)
