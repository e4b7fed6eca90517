"""`status`: what a running recorder does. Its exit code serves as a container's health check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.models import SweepHalt

from . import remote
from .exit_codes import OK
from .words import shown, size

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import CameraStatus, RecorderStatus, VolumeStatus

_HALTS = {
    SweepHalt.CLOCK: "nothing is deleted by age: the clock may be wrong; confirm-clock says that it is right",
    SweepHalt.HOLDS: "nothing is deleted: holds may lie on a volume that was not read yet",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `status`."""
    remote.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Print what the recorder answers; an error, and so exit code 1, if it does not."""
    status = asyncio.run(_ask(args))
    if args.json:
        print(status.to_json())
        return OK
    for line in lines(status):
        print(line)
    return OK


def lines(status: RecorderStatus) -> list[str]:
    """Say what a status says."""
    said = [f"recorder {status.version}, process {status.pid}, since {shown(status.started_us)}"]
    if status.sweep_halt is not None:
        said.append(_HALTS[status.sweep_halt])
    if status.failing:
        said.append(f"FAILING, the log says why: {', '.join(status.failing)}")
    said.append(f"holds: {status.holds} active, {status.holds_to_review} to review")
    said += [f"volume {_volume(volume)}" for volume in status.volumes] or ["no volume: nothing can be recorded"]
    if status.volumes:
        days = status.days_until_full
        said.append(f"full: {'not foreseen' if days is None else f'in {days:.1f} days'}")
    return said + ([f"camera {_camera(camera)}" for camera in status.cameras] or ["no camera"])


def _volume(volume: VolumeStatus) -> str:
    room = f"{size(volume.free_bytes)} of {size(volume.total_bytes)} free, {size(volume.used_bytes)} of footage"
    note = "" if volume.problem is None else f" ({volume.problem.message})"
    if volume.only_held:
        note += ", HOLDS KEEP ALL THAT IS ON IT"
    if volume.being_read:
        note += ", EXPORTS READ WHAT COULD GO FROM IT"
    return f"{volume.path}: {volume.state}{note}, {room}"


def _camera(camera: CameraStatus) -> str:
    note = "" if camera.problem is None else f" ({camera.problem.message})"
    parts = [f"{camera.camera_id} {camera.name}: {camera.state}{note}", f"{size(camera.stored_bytes)} stored"]
    if camera.held_bytes:
        parts.append(f"{size(camera.held_bytes)} of it held")
    if camera.bytes_per_day is not None:
        parts.append(f"{size(camera.bytes_per_day)} a day")
    if camera.achieved_days is not None:
        wanted = camera.retention.retention_days
        parts.append(f"{camera.achieved_days:.1f} {'' if wanted is None else f'of {wanted:g} '}days kept")
    if camera.below_minimum:
        parts.append("BELOW ITS MINIMUM")
    if camera.gap_s_today:
        parts.append(f"{camera.gap_s_today:.0f} s of gaps today")
    return ", ".join(parts)


async def _ask(args: argparse.Namespace) -> RecorderStatus:
    async with remote.client(args) as client:
        return await client.status()
