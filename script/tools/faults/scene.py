"""A stage for a fault: cameras that are running, a store, and a recorder that records it before and after."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recorder_core.models import (
    CameraConfig,
    CameraState,
    DeliveryFolder,
    HoldRequest,
    Retention,
    Settings,
    VolumeConfig,
)

from .result import Cost
from .running import SHORT_SEGMENTS, Cameras, RecorderProcess
from .stage import Stage, now_us

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import RecorderStatus

    from .result import Ground, Result
    from .running import Plan

QUICK: Final = SHORT_SEGMENTS | {
    "recorder_core.service.sweeper:SWEEP_S": 0.7,
    "recorder_core.service.volumes:WATCH_S": 1.0,
}
"""Short segments, and a recorder that looks at its volumes, and whether something is to go, more often."""

DESK: Final = "desk"
"""The name of the folder that takes copies of exports."""

_LOOK_S: Final = 0.1
_CALM_S: Final = 4.0
_CAMERAS: Final = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a fault can reach."""

    stage: Stage
    cameras: Cameras
    recorder: RecorderProcess
    client: RecorderClient

    @contextlib.contextmanager
    def away(self, *, before_s: float = 0) -> Generator[None]:
        """Take the time of the block, and so long before it, for an outage: what is sent meanwhile may be lost."""
        begin_us = now_us() - int(before_s * 1e6)
        try:
            yield
        finally:
            self.recorder.outages.append((begin_us, now_us()))


@contextlib.asynccontextmanager
async def recorded(
    ground: Ground,
    result: Result,
    what: str,
    *,
    stage: Stage | None = None,
    cost: Cost = Cost.KILL,
    plan: Plan | None = None,
    max_bytes: int | None = None,
    changing: bool = False,
) -> AsyncGenerator[Scene]:
    """Run a recorder that records for a while before and after the block, stop it, and have the checker judge.

    `max_bytes` is its share of each volume; cameras that are `changing` can send larger pictures.
    """
    stage = stage or Stage(ground.folder / "s")
    with Cameras(_CAMERAS, stage.folder.with_name(f"{stage.folder.name}.sent"), changing=changing) as running:
        await set_up(stage, running, max_bytes=max_bytes)
        recorder = RecorderProcess(stage, plan)
        async with recorder.client() as client:
            await until(client, recording)
            await asyncio.sleep(_CALM_S)
            yield Scene(stage, running, recorder, client)
            await asyncio.sleep(_CALM_S)
        recorder.stop()
        stage.note_claims()
        verdict = stage.judge(running.sent(), cost)
        result.take(verdict, what, cost)
        if not verdict.frames_stored:
            result.wrong.append(f"{what}: nothing was recorded")
        result.count += 1


async def set_up(
    stage: Stage,
    cameras: Cameras,
    *,
    plan: Plan | None = None,
    retention: Retention | None = None,
    **others: Any,  # noqa: ANN401  # the fields of the settings
) -> None:
    """Give the store its volumes and cameras, by a recorder that is started for that and stopped again."""
    recorder = RecorderProcess(stage, plan)
    async with recorder.client() as client:
        await configure(client, stage, cameras, retention=retention, **others)
    recorder.stop()


async def configure(
    client: RecorderClient,
    stage: Stage,
    cameras: Cameras,
    *,
    retention: Retention | None = None,
    **others: Any,  # noqa: ANN401  # the fields of the settings
) -> None:
    """Give the store its volumes and cameras."""
    for volume in stage.volumes:
        volume.mkdir(mode=0o700, exist_ok=True)
    await client.apply_settings(settings(stage, **others))
    for name, url in cameras.urls.items():
        config = CameraConfig(camera_id=name, name=name, url=url, retention=retention or Retention())
        await client.put_camera(config)


def settings(stage: Stage, *, max_bytes: int | None = None, **others: Any) -> Settings:  # noqa: ANN401  # the fields'
    """Return settings with the stage's folders; the recorder may take so much of each volume."""
    volumes = [VolumeConfig(path=str(volume), max_bytes=max_bytes) for volume in stage.volumes]
    return Settings(volumes=volumes, delivery_folders=[DeliveryFolder(name=DESK, path=str(stage.desk))], **others)


async def until(client: RecorderClient, wanted: Callable[[RecorderStatus], bool], limit_s: float = 60) -> None:
    """Wait until the recorder's status is as wanted. Raises `TimeoutError`."""
    async with asyncio.timeout(limit_s):
        while not wanted(await client.status()):  # noqa: ASYNC110  # it is another process that changes
            await asyncio.sleep(_LOOK_S)


def recording(status: RecorderStatus) -> bool:
    """Whether all cameras are being recorded that are to be."""
    return all(camera.state is CameraState.RECORDING for camera in status.cameras if camera.enabled)


async def place_hold(
    stage: Stage, client: RecorderClient, key: str, cameras: list[str], start_us: int, end_us: int | None
) -> str:
    """Place a hold, log that it was confirmed, and return its id."""
    request = HoldRequest(camera_ids=cameras, start_us=start_us, end_us=end_us, key=key)
    placed = await client.place_hold(request)
    stage.hold_placed(key, cameras, start_us, end_us)
    return placed.hold.hold_id


def verify(stage: Stage) -> int:
    """Have the recorder verify its whole store, which nobody uses; return the command's exit code."""
    command: list[str | Path] = [sys.executable, "-m", "recorder_core", "verify", "--data", stage.data]
    return subprocess.run(command, check=False, capture_output=True).returncode
