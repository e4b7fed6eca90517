"""Making a job whose turn has come: its footage, room, folder, files and record, and how that ends.

Each job has a folder of its own on a volume (`folders`). One that fails, is cancelled or is interrupted leaves no file
(invariant 10); what cannot be removed at once, because its volume went away, goes with the next look at the folders.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import ExportRequest, ExportState
from recorder_core.storage.ids import parse_segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.rebuild_rows import Finding

from .copying import ClipCancelledError
from .drafts import remove_draft
from .folders import make_folder, write_record
from .headers import DamagedError
from .live import cancelled, failed
from .package.absent import not_shown
from .workshop import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder_core.clock import Clock
    from recorder_core.models import ExportFile, ExportJob, GapView

    from .archive import Archive, IndexCaller, Material
    from .live import LiveJob
    from .requests import AnyRequest
    from .workshop import Workshop

_LOGGER = logging.getLogger(__name__)

_REPORT_US = 500_000
"""So often, at most, a job that runs is told of."""


class Maker:
    """Makes jobs, several at once, on the running event loop."""

    def __init__(
        self,
        index: IndexCaller,
        archive: Archive,
        workshop: Workshop,
        clock: Clock,
        *,
        on_changed: Callable[[LiveJob], None],
    ) -> None:
        """Have `workshop` write what is asked for, and tell of how far a job is."""
        self._index = index
        self._archive = archive
        self._workshop = workshop
        self._clock = clock
        self._on_changed = on_changed
        self._promised: dict[LiveJob, int] = {}
        # Jobs ask from threads of their own: two that ask at once must not both be promised the same room.
        self._promising = threading.Lock()

    async def make(self, live: LiveJob) -> ExportJob:
        """Make the files of a job, and return it as it is then: done and in the index, failed, or cancelled."""
        try:
            return await self._made(live)
        except DamagedError as error:
            _LOGGER.error("Export %s: %s", live.job.export_id, error.message)  # noqa: TRY400  # it says all there is
            await self._note_damage(error.path)
            return failed(live.job, error)
        except RecorderError as error:
            return failed(live.job, error)
        except ClipCancelledError:
            return cancelled(live.job)
        except Exception:  # one job that fails, however, must not end the queue
            _LOGGER.exception("Export %s failed", live.job.export_id)
            sentence = "The export failed; the recorder's log says why."
            return failed(live.job, RecorderError(ErrorCode.EXPORT_FAILED, sentence))
        finally:
            with self._promising:
                self._promised.pop(live, None)

    async def materials(self, job: ExportJob) -> tuple[Material, ...]:
        """Return what is stored for a job, one for each of its cameras; see `Archive.material`."""
        return tuple(
            [await self._archive.material(camera_id, job.start_us, job.end_us) for camera_id in job.camera_ids]
        )

    async def _made(self, live: LiveJob) -> ExportJob:
        started_us = self._clock.now_us()
        live.job = replace(live.job, state=ExportState.RUNNING)
        await self._index.ask(Index.put_export, live.job)
        self._on_changed(live)
        materials = await self.materials(live.job)
        root = self._root()
        try:
            task = Task(
                job=live.job,
                request=live.request,
                materials=materials,
                folder=await asyncio.to_thread(make_folder, root, live.job.export_id),
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
                not_shown=_not_shown(live.request, materials, files),
            )
            await asyncio.to_thread(write_record, task.folder, live.request.to_json(), job)
            await self._index.ask(Index.finish_export, job, self._clock.now_us())
        except BaseException:  # whatever it is, a cancel of this task included: no half of an export may stay
            await self._clear(root, live.job)
            raise
        return job

    async def _clear(self, root: Path, job: ExportJob) -> None:
        try:
            await remove_draft(self._index, self._archive, root, job, self._clock.now_us())
        except (OSError, RecorderError) as error:  # what went wrong first counts; the next look at the folders finds it
            _LOGGER.warning("What is left of export %s stays for now: %s", job.export_id, error)

    def _promise(self, live: LiveJob, size: int) -> None:
        """Ask for room beside that which the jobs that run just now were promised."""
        with self._promising:
            others = sum(promised for one, promised in self._promised.items() if one is not live)
            self._archive.check_room(size + others)
            self._promised[live] = size

    def _root(self) -> Path:
        roots = self._archive.roots()
        if not roots:
            raise RecorderError(ErrorCode.VOLUME_MISSING, "There is no volume that could take the export.")
        return roots[0]

    async def _note_damage(self, path: Path) -> None:
        """Mark the segment whose file is not as it was recorded."""
        with suppress(ValueError):  # no segment's path
            name = parse_segment_path(Path(*path.parts[-4:]).as_posix())
            try:
                segment = await self._index.ask(Index.segment, name.segment_id)
                if segment is not None:
                    await self._index.ask(Index.note_finding, segment, Finding.DAMAGED)
            except RecorderError as error:  # `verify` finds the damage again; the job must end all the same
                _LOGGER.error("The damage of %s cannot be noted: %s", path.name, error.message)  # noqa: TRY400

    def _progress_of(self, live: LiveJob) -> Callable[[int, int], None]:
        loop = asyncio.get_running_loop()
        reported_us = 0

        def progress(done: int, total: int) -> None:
            nonlocal reported_us
            now_us = self._clock.monotonic_us()
            if now_us - reported_us >= _REPORT_US:
                reported_us = now_us
                loop.call_soon_threadsafe(self._progressed, live, done / total if total else 1.0)

        return progress

    def _progressed(self, live: LiveJob, share: float) -> None:
        if live.job.state is ExportState.RUNNING:
            live.job = replace(live.job, progress=share)
            self._on_changed(live)


def _not_shown(request: AnyRequest, materials: Sequence[Material], files: Sequence[ExportFile]) -> list[GapView]:
    """Return what a clip lacks of the time that was asked for; a package tells it itself, and a still is one moment."""
    if not isinstance(request, ExportRequest):
        return []
    (material,) = materials
    shown = [(file.start_us, file.end_us) for file in files if not file.derived]
    derived = [(file.start_us, file.end_us) for file in files if file.derived]
    whole = (request.start_us, request.end_us)
    lacking = not_shown(whole, shown, material.gaps, material.destroyed, material.segments, derived)
    return [replace(one, camera_id=request.camera_id) for one in lacking]
