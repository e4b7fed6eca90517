"""Makes the files of one export: plans, asks for room, writes. Each kind in its own way; a thread does what blocks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import ExportRequest, PackageRequest, StillRequest
from recorder_core.version import __version__

from .clip import write_clip
from .clip_plan import ClipPlan, plan_clip
from .copying import ClipCancelledError
from .derivative import MARK, make_derivative, write_derivative
from .package import CameraPlan, PackageOrder, package_bytes, write_package
from .requests import no_footage, stem_of
from .still import StillSource, expose, write_still

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.decoder import Decoder
    from recorder_core.models import ExportFile, ExportJob
    from recorder_core.storage.root_rows import RootProof

    from .archive import Archive, Material
    from .derivative import Derivative
    from .requests import AnyRequest
    from .still import Exposure


_LOOK_S = 0.2
"""So often work that has no look for itself is held against a cancel."""


@dataclass(frozen=True, slots=True)
class Task:
    """An export whose turn has come. `check_room(bytes)` raises `VOLUME_FULL`; `folder` exists, private and empty.

    `progress` hears the bytes done and those to do, on any thread.
    """

    job: ExportJob
    request: AnyRequest
    materials: tuple[Material, ...]
    folder: Path
    started_us: int
    check_room: Callable[[int], None]
    progress: Callable[[int, int], None]
    cancelled: Callable[[], bool]


class Workshop:
    """Makes clips, stills and packages."""

    def __init__(self, archive: Archive, decoder: Decoder, clock: Clock) -> None:
        """Take what is needed from `archive`, and have pictures decoded by `decoder`."""
        self._archive = archive
        self._decoder = decoder
        self._clock = clock

    async def make(self, task: Task) -> list[ExportFile]:
        """Return the finished files; where it fails, what was written so far is left to the caller.

        Raises:
            RecorderError: `NO_FOOTAGE`, `VOLUME_FULL`, `FOOTAGE_DAMAGED`, `DECODER_FAILED`, or what the disk says.
            ClipCancelledError: `cancelled` said so.
        """
        match task.request:
            case ExportRequest():
                return await self._make_clip(task, task.request)
            case StillRequest():
                return await self._make_still(task, task.request)
            case PackageRequest():
                return await self._make_package(task, task.request)

    async def _make_clip(self, task: Task, request: ExportRequest) -> list[ExportFile]:
        (material,) = task.materials
        plan = await asyncio.to_thread(
            plan_clip, material.sources, request.start_us, request.end_us, request.start_mode
        )
        await asyncio.to_thread(task.check_room, plan.data_bytes)
        anew = await self._encoded_anew(task, request.camera_id, plan)
        if anew:
            await asyncio.to_thread(task.check_room, plan.data_bytes + sum(derivative.size for derivative in anew))
        stem = stem_of(request.camera_id, request.start_us)
        files = await asyncio.to_thread(
            write_clip, plan, task.folder, stem, progress=_second_half(task, anew), cancelled=task.cancelled
        )
        for number, derivative in enumerate(anew, 1):
            name = stem + MARK + (f"-{number}" if len(anew) > 1 else "")
            files.append(await asyncio.to_thread(write_derivative, derivative, task.folder, name))
        return files

    async def _encoded_anew(self, task: Task, camera_id: str, plan: ClipPlan) -> tuple[Derivative, ...]:
        """Encode what a plan wants encoded; that is the first half of its progress."""

        def advance(done: int, total: int) -> None:
            task.progress(done, 2 * total)

        making = (make_derivative(camera_id, part, self._decoder, advance) for part in plan.to_encode)
        return tuple([await _unless_cancelled(task, one) for one in making])

    async def _make_still(self, task: Task, request: StillRequest) -> list[ExportFile]:
        (material,) = task.materials
        exposure = await asyncio.to_thread(expose, material.sources, request.at_us)
        picture = exposure.original(request.format)
        if picture is None:
            picture = await self._decoder.picture_at(exposure.mp4, exposure.pts, request.format)
        task.check_room(len(picture))
        source = _still_source(material, exposure)
        stem = stem_of(request.camera_id, request.at_us)
        name = material.camera_name
        return await asyncio.to_thread(write_still, task.folder, stem, request, picture, exposure, source, name)

    async def _make_package(self, task: Task, request: PackageRequest) -> list[ExportFile]:
        plans = tuple([await self._camera_plan(material, request) for material in task.materials])
        if not any(camera.plan.parts or camera.plan.to_encode for camera in plans):
            raise no_footage()
        plans = tuple(
            [
                replace(camera, derivatives=await self._encoded_anew(task, camera.camera_id, camera.plan))
                for camera in plans
            ]
        )
        anew = [derivative for camera in plans for derivative in camera.derivatives]
        settings = self._archive.settings()
        order = PackageOrder(
            export_id=task.job.export_id,
            request=request,
            plans=plans,
            store_id=self._archive.store_id(),
            version=__version__,
            requested_us=task.job.created_us,
            started_us=task.started_us,
            time_zone=settings.time_zone,
            key=await asyncio.to_thread(self._archive.signing_key),
            policy_version=settings.policy_version,
        )
        task.check_room(package_bytes(order))
        return await asyncio.to_thread(
            write_package,
            order,
            task.folder,
            clock=self._clock,
            progress=_second_half(task, anew),
            cancelled=task.cancelled,
        )

    async def _camera_plan(self, material: Material, request: PackageRequest) -> CameraPlan:
        proofs: dict[int, RootProof] = dict(await self._archive.proofs(material.segments))
        return CameraPlan(
            camera_id=material.camera_id,
            camera_name=material.camera_name,
            plan=await asyncio.to_thread(_plan_or_nothing, material, request),
            # What a gap tells besides its reason may name the network's addresses, which are for nobody outside.
            gaps=tuple(replace(gap, detail="") for gap in material.gaps),
            destroyed=material.destroyed,
            segments=material.segments,
            proofs=proofs,
        )


async def _unless_cancelled[T](task: Task, work: Coroutine[None, None, T]) -> T:
    """Return what comes of some work, or end it as soon as the task is cancelled. Raises ClipCancelledError."""
    running = asyncio.create_task(work)
    try:
        while not running.done():
            await asyncio.wait([running], timeout=_LOOK_S)
            if task.cancelled():
                raise ClipCancelledError
        return running.result()
    finally:
        running.cancel()
        await asyncio.wait([running])


def _second_half(task: Task, anew: Sequence[Derivative]) -> Callable[[int, int], None]:
    """Return a listener to the progress of what comes after the encoding, if there was any."""
    if not anew:
        return task.progress
    return lambda done, total: task.progress(total + done, 2 * total)


def _plan_or_nothing(material: Material, request: PackageRequest) -> ClipPlan:
    """Plan one camera of a package, which may have nothing to show."""
    try:
        return plan_clip(material.sources, request.start_us, request.end_us, request.start_mode)
    except RecorderError as error:
        if error.code is not ErrorCode.NO_FOOTAGE:
            raise
        return ClipPlan(())


def _still_source(material: Material, exposure: Exposure) -> StillSource:
    pairs = zip(material.segments, material.sources, strict=True)
    segment = next(segment for segment, source in pairs if source.path == exposure.path)
    return StillSource(
        segment_id=segment.segment_id,
        path=segment.path,
        root=segment.root.hex() or None,
        sample_sha256=exposure.sha256.hex(),
    )
