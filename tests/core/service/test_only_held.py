"""A real recorder on a small disk where only held footage is left: it stops loudly, and goes on by itself."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, cast

from recorder_core.clock import SystemClock
from recorder_core.models import CameraState, HoldRelease, HoldRequest, VolumeState
from recorder_core.simulator import Simulator
from recorder_core.storage.index import Index
from recorder_core.storage.records import GapReason
from tests.core.storage_writer.disks import ROOM, mounted_disk

from .rig import HOUR_US, camera, config_of, holes, served, state_reached, stored, use_volume
from .shelves import HOUR_S, Library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import RecorderStatus
    from recorder_core.service.recorder import Recorder

    from .clocks import SteppedClock

_LEFT = 48 << 10
"""A few seconds of footage."""


async def _until(recorder: Recorder, client: RecorderClient, reached: Callable[[RecorderStatus], bool]) -> None:
    """Have done what is due again and again, as time would, until the status shows something."""
    async with asyncio.timeout(120):
        while not reached(await client.status()):
            for slot in recorder._volumes._slots:
                await recorder._volumes._look(slot)
            await recorder.keeping._sweeper.sweep()


def _is_stopped(status: RecorderStatus) -> bool:
    [volume] = status.volumes
    return (volume.state, volume.only_held, status.cameras[0].state) == (
        VolumeState.FULL,
        True,
        CameraState.STORAGE_FULL,
    )


def _records(status: RecorderStatus) -> bool:
    [volume] = status.volumes
    return (volume.only_held, status.cameras[0].state) == (False, CameraState.RECORDING)


def _fill(disk: Path) -> Path:
    """Leave little room, as another program would."""
    room = os.statvfs(disk)
    filler = disk / "other"
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - _LEFT))
    return filler


async def test_with_only_held_footage_left_recording_stops_and_goes_on_by_itself(data: Path) -> None:
    disk = data / "disk"
    disk.mkdir()
    with mounted_disk(disk) as is_mounted:
        async with Simulator([camera()]) as simulator, served(data) as (recorder, client):
            await use_volume(client, disk, **({} if is_mounted else {"max_bytes": ROOM}))
            await client.put_camera(config_of(simulator))
            await state_reached(client, CameraState.RECORDING)
            # Most of the disk; else it is the other program that fills it.
            Library(recorder, client, cast("SteppedClock", SystemClock())).lay(ago_s=HOUR_S, fragments=52, times=14)
            begin_us = (await client.status()).started_us - 2 * HOUR_US
            placed = await client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=begin_us))
            await stored(client, seconds=2)
            filler = _fill(disk)
            await _until(recorder, client, _is_stopped)
            assert await client.certificates() == []
            filler.unlink()  # bytes freed by hand
            await _until(recorder, client, _records)
            await stored(client, seconds=2)
            assert await client.certificates() == []
            _fill(disk)
            await _until(recorder, client, _is_stopped)
            now_us = (await client.status()).started_us
            held = await client.coverage("lobby", now_us, now_us + HOUR_US)
            await client.release_hold(placed.hold.hold_id, HoldRelease())
            await _until(recorder, client, _records)
            assert len(await client.certificates()) > 0
            events = await recorder._index.ask(Index.events, 0, 1000)
    assert [event.kind for event in events].count("storage_held") == 2
    assert {gap.reason for gap in held.gaps} == {GapReason.CONNECTING, GapReason.STORAGE_FULL}
    assert holes(held) == []
