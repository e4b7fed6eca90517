"""Volumes that fill up, turn read-only, vanish, are swapped, or stall, on a small disk that is really mounted."""

from __future__ import annotations

import asyncio
import contextlib
import json
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from recorder_core.models import CameraState, VolumeState

from .claimed import gaps
from .mounts import Disk, disk, do
from .result import Cost, Ground, Result
from .scene import Scene, recorded, recording, until
from .stage import Stage, now_us

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from recorder_core.models import RecorderStatus

_STALL_S: Final = 6.0
_BACKLOG_BYTES: Final = 1 << 19
_TOO_LONG_S: Final = 10.0


def in_state(state: VolumeState) -> Callable[[RecorderStatus], bool]:
    """Return what tells whether the volume is in a state."""
    return lambda status: status.volumes[0].state is state


def none_records(status: RecorderStatus) -> bool:
    """Whether no camera is being recorded."""
    return all(camera.state is not CameraState.RECORDING for camera in status.cameras)


@contextlib.asynccontextmanager
async def outage(scene: Scene, fault: Callable[[], object], expected: VolumeState) -> AsyncGenerator[None]:
    """Do `fault`, wait until the recorder says what has happened, let the block mend it, and wait until it records."""
    with scene.away():
        fault()
        await until(scene.client, in_state(expected))
        await until(scene.client, none_records)
        yield
        await until(scene.client, in_state(VolumeState.OK), limit_s=90)
        await until(scene.client, recording, limit_s=90)


async def full(ground: Ground) -> Result:
    """Fill the disk up with something else, then make room."""
    result = Result()
    with disk(ground.folder, "disk") as mounted:
        ballast = mounted.folder / "ballast"
        async with (
            recorded(ground, result, "full disk", stage=_stage(ground, mounted)) as scene,
            outage(scene, partial(_fill, ballast), VolumeState.FULL),
        ):
            ballast.unlink()
    return result


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # that it is full is the aim
        while file.write(bytes(1 << 16)):
            pass


async def read_only(ground: Ground) -> Result:
    """Have the kernel turn the filesystem read-only, as it does after an error; then mount it anew."""
    result = Result()
    with disk(ground.folder, "disk") as mounted:
        abort = partial(do, "mount", "-o", "remount,abort", mounted.folder)
        # What was not synced then is lost, as in a power cut.
        async with (
            recorded(ground, result, "read-only", stage=_stage(ground, mounted), cost=Cost.POWER) as scene,
            outage(scene, abort, VolumeState.READ_ONLY),
        ):
            # Not lazily: the filesystem is only mended when nobody has a file of it open any more.
            do("umount", mounted.folder)
            mounted.mount()
    return result


async def vanished(ground: Ground) -> Result:
    """Unmount the disk under the recorder; the empty folder must stay empty; then mount it again."""
    result = Result()
    with disk(ground.folder, "disk") as mounted:
        async with (
            recorded(ground, result, "vanished volume", stage=_stage(ground, mounted)) as scene,
            outage(scene, mounted.unmount, VolumeState.MISSING),
        ):
            if any(mounted.folder.iterdir()):
                result.wrong.append("something was written where the volume had been")
            mounted.mount()
    return result


async def swapped(ground: Ground) -> Result:
    """Put another volume in the place of the recorder's: nothing may be written to it; then put the right one back."""
    result = Result()
    with disk(ground.folder, "disk") as mounted, contextlib.ExitStack() as others:
        other = mounted.folder / "v"

        def swap() -> None:
            mounted.unmount()
            others.enter_context(disk(ground.folder, "other"))
            other.mkdir()
            marker = {"format": 1, "volume_id": uuid4().hex, "created_us": now_us()}
            (other / ".library_surveillance_volume.json").write_text(json.dumps(marker))

        async with (
            recorded(ground, result, "swapped volume", stage=_stage(ground, mounted)) as scene,
            outage(scene, swap, VolumeState.FOREIGN),
        ):
            if len(list(other.iterdir())) != 1:
                result.wrong.append("something was written to another volume")
            others.close()
            await until(scene.client, in_state(VolumeState.MISSING))
            mounted.mount()
    return result


async def stalled(ground: Ground) -> Result:
    """Have every write wait for seconds, by freezing the filesystem; nothing may be lost over it."""
    result = Result()
    with disk(ground.folder, "disk") as mounted:
        async with recorded(ground, result, "stalled disk", stage=_stage(ground, mounted)):
            for _ in range(1 if ground.short else 3):
                await _freeze(mounted, _STALL_S)
                await asyncio.sleep(1)
    return result


async def too_slow(ground: Ground) -> Result:
    """Freeze it for longer than the recorder may remember frames; that is a gap which says so, and passes by itself."""
    result = Result()
    with disk(ground.folder, "disk") as mounted:
        stage = _stage(ground, mounted)
        async with recorded(ground, result, "slow disk", stage=stage, plan={"backlog_bytes": _BACKLOG_BYTES}) as scene:
            with scene.away():
                await _freeze(mounted, _TOO_LONG_S)
                await until(scene.client, recording)
        reasons = {reason for _, _, _, reason in gaps(stage.index)}
        if "storage_stalled" not in reasons:
            result.wrong.append(f"no gap says that the disk was too slow: {sorted(reasons)}")
    return result


async def _freeze(mounted: Disk, seconds: float) -> None:
    do("fsfreeze", "--freeze", mounted.folder)
    try:
        await asyncio.sleep(seconds)
    finally:
        do("fsfreeze", "--unfreeze", mounted.folder)


def _stage(ground: Ground, mounted: Disk) -> Stage:
    return Stage(ground.folder / "s", [mounted.folder / "v"])
