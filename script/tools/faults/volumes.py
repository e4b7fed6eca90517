"""Volumes that fill up, turn read-only, vanish, are swapped, or stall, on a small disk that is really mounted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from recorder_core.models import CameraState, VolumeState

from .result import LOSS_LIMIT_S, Ground, Result
from .scene import Scene, Stage, now_us, recorded, recording, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from recorder_core.models import RecorderStatus

_BYTES: Final = 48 << 20
_STALL_S: Final = 6.0
_RPO_S: Final = 5.0


class Disk:
    """A small ext4 filesystem in a file, mounted at a folder."""

    def __init__(self, image: Path, folder: Path) -> None:
        """Make the image and mount it."""
        self.folder = folder
        with image.open("wb") as file:
            file.truncate(_BYTES)
        _do("mkfs.ext4", "-q", image)
        # One device for all its mounts: two on one image would not know of each other.
        self.device = _do("losetup", "--find", "--show", image).strip()
        self.mount()

    def mount(self) -> None:
        """Put it at its folder."""
        self.folder.mkdir(exist_ok=True)
        _do("mount", self.device, self.folder)

    def unmount(self) -> None:
        """Take it away, although files on it are open."""
        _do("umount", "--lazy", self.folder)

    def close(self) -> None:
        """Give everything up."""
        while self.folder.is_mount():
            self.unmount()
        _do("losetup", "--detach", self.device)


def _do(program: str, *arguments: str | Path) -> str:
    return subprocess.run([shutil.which(program) or program, *arguments], check=True, stdout=-1, text=True).stdout


@contextlib.contextmanager
def _disk(folder: Path, name: str) -> Generator[Disk]:
    disk = Disk(folder / f"{name}.img", folder / "m")
    try:
        yield disk
    finally:
        disk.close()


def _is(state: VolumeState) -> Callable[[RecorderStatus], bool]:
    return lambda status: status.volumes[0].state is state


def _none_records(status: RecorderStatus) -> bool:
    return all(camera.state is not CameraState.RECORDING for camera in status.cameras)


@contextlib.asynccontextmanager
async def _outage(scene: Scene, expected: VolumeState) -> AsyncGenerator[None]:
    """Wait until the recorder says what has happened, let the block mend it, and wait until it records again."""
    await until(scene.client, _is(expected))
    yield
    await until(scene.client, _is(VolumeState.OK), limit_s=90)
    await until(scene.client, recording, limit_s=90)


async def full(ground: Ground) -> Result:
    """Fill the disk up with something else, then make room."""
    result = Result()
    with _disk(ground.folder, "disk") as disk:
        async with recorded(ground, result, "full disk", stage=_stage(ground, disk)) as scene:
            begin_us = now_us()
            ballast = disk.folder / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(1 << 16)):
                    pass
            async with _outage(scene, VolumeState.FULL):
                await until(scene.client, _none_records)
                ballast.unlink()
            scene.recorder.outages.append((begin_us, now_us()))
    return result


async def read_only(ground: Ground) -> Result:
    """Have the kernel turn the filesystem read-only, as it does after an error; then mount it anew."""
    result = Result()
    with _disk(ground.folder, "disk") as disk:
        # What was not synced then is lost, as in a power cut.
        limit = _RPO_S + LOSS_LIMIT_S
        async with recorded(ground, result, "read-only", stage=_stage(ground, disk), loss_limit_s=limit) as scene:
            begin_us = now_us()
            _do("mount", "-o", "remount,abort", disk.folder)
            async with _outage(scene, VolumeState.READ_ONLY):
                await until(scene.client, _none_records)
                # Not lazily: the filesystem is only mended when nobody has a file of it open any more.
                _do("umount", disk.folder)
                disk.mount()
            scene.recorder.outages.append((begin_us, now_us()))
    return result


async def vanished(ground: Ground) -> Result:
    """Unmount the disk under the recorder; the empty folder must stay empty; then mount it again."""
    result = Result()
    with _disk(ground.folder, "disk") as disk:
        async with recorded(ground, result, "vanished volume", stage=_stage(ground, disk)) as scene:
            begin_us = now_us()
            disk.unmount()
            async with _outage(scene, VolumeState.MISSING):
                await until(scene.client, _none_records)
                if any(disk.folder.iterdir()):
                    result.wrong.append("something was written where the volume had been")
                disk.mount()
            scene.recorder.outages.append((begin_us, now_us()))
    return result


async def swapped(ground: Ground) -> Result:
    """Put another volume in the place of the recorder's: nothing may be written to it; then put the right one back."""
    result = Result()
    with _disk(ground.folder, "disk") as disk:
        async with recorded(ground, result, "swapped volume", stage=_stage(ground, disk)) as scene:
            begin_us = now_us()
            disk.unmount()
            with _disk(ground.folder, "other"):
                other = disk.folder / "v"
                other.mkdir()
                marker = {"format": 1, "volume_id": uuid4().hex, "created_us": begin_us}
                (other / ".library_surveillance_volume.json").write_text(json.dumps(marker))
                await until(scene.client, _is(VolumeState.FOREIGN))
                await until(scene.client, _none_records)
                if len(list(other.iterdir())) != 1:
                    result.wrong.append("something was written to another volume")
            async with _outage(scene, VolumeState.MISSING):
                disk.mount()
            scene.recorder.outages.append((begin_us, now_us()))
    return result


async def stalled(ground: Ground) -> Result:
    """Have every write wait for seconds, by freezing the filesystem; nothing may be lost over it."""
    result = Result()
    with _disk(ground.folder, "disk") as disk:
        async with recorded(ground, result, "stalled disk", stage=_stage(ground, disk)):
            for _ in range(1 if ground.short else 3):
                _do("fsfreeze", "--freeze", disk.folder)
                try:
                    await asyncio.sleep(_STALL_S)
                finally:
                    _do("fsfreeze", "--unfreeze", disk.folder)
                await asyncio.sleep(1)
    return result


def _stage(ground: Ground, disk: Disk) -> Stage:
    return Stage(ground.folder / "s", [disk.folder / "v"])
