"""Volumes on which only held footage is left: recording stops, loudly, and goes on by itself when there is room.

Room is made both ways in turn: the disk grows, and a hold is released. Another hold stays to the end, and none of what
it is on may go. Once it is a filesystem that is really full, once the recorder's share of a large one is used up.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from recorder_core.models import CameraState, HoldRelease, VolumeState

from .claimed import certificates, gaps
from .mounts import in_memory, resize
from .result import Ground, Result
from .scene import QUICK, place_hold, recorded, recording, settings, until
from .stage import Stage, now_us
from .volumes import in_state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from recorder_core.models import RecorderStatus

    from .scene import Scene

_SMALL: Final = 4 << 20
_LARGER: Final = 6 << 20
_BOTH: Final = ["cam0", "cam1"]
_KEPT_S: Final = 3.0
_LAST_S: Final = 3.0
"""Up to so long before the volume is seen to be full, frames may have met its end."""

_LOUD: Final = frozenset({"storage_held", "storage_nearly_full", "volume_state"})


async def full_disk(ground: Ground) -> Result:
    """Fill a small filesystem with held footage."""
    result = Result()
    with in_memory(ground.folder, _SMALL) as place:
        stage = Stage(ground.folder / "s", [place / "v"])

        async def grow(_scene: Scene) -> None:
            resize(place, _LARGER)

        async with recorded(ground, result, "full of holds", stage=stage, plan={"constants": QUICK}) as scene:
            await _fill_twice(scene, result, grow)
        _judge_account(stage, result)
    return result


async def used_up(ground: Ground) -> Result:
    """Fill the recorder's share of a large filesystem with held footage."""
    result = Result()
    stage = Stage(ground.folder / "s")

    async def grow(scene: Scene) -> None:
        await scene.client.apply_settings(settings(stage, max_bytes=_LARGER))

    async with recorded(
        ground, result, "share of holds", stage=stage, plan={"constants": QUICK}, max_bytes=_SMALL
    ) as scene:
        await _fill_twice(scene, result, grow)
    _judge_account(stage, result)
    return result


async def _fill_twice(scene: Scene, result: Result, grow: Callable[[Scene], Awaitable[None]]) -> None:
    begin_us = now_us() - int(_KEPT_S * 1e6)
    end_us = begin_us + int(2 * _KEPT_S * 1e6)
    await place_hold(scene.stage, scene.client, "kept", _BOTH, begin_us, end_us)
    hold_id = await place_hold(scene.stage, scene.client, "open", _BOTH, begin_us, None)
    async with _listening(scene) as heard:
        async with _stopped(scene, result):
            await grow(scene)
        async with _stopped(scene, result):
            scene.stage.hold_released("open")
            await scene.client.release_hold(hold_id, HoldRelease(actor="somebody"))
        missing = _LOUD - heard
    if missing:
        result.wrong.append(f"nobody was told of {sorted(missing)}")


@contextlib.asynccontextmanager
async def _listening(scene: Scene) -> AsyncGenerator[set[str]]:
    """Follow the feed, and give the kinds of events that it tells of."""
    heard: set[str] = set()
    first = asyncio.Event()

    async def listen() -> None:
        async for item in scene.client.feed():
            first.set()
            if item.event is not None:
                heard.add(item.event.kind)

    task = asyncio.create_task(listen())
    try:
        await first.wait()
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.asynccontextmanager
async def _stopped(scene: Scene, result: Result) -> AsyncGenerator[None]:
    """Wait until the volume is full and nothing is recorded; let the block make room, and wait until it is again."""
    await until(scene.client, in_state(VolumeState.FULL), limit_s=120)
    with scene.away(before_s=_LAST_S):
        await until(scene.client, _all_say_full)
        status = await scene.client.status()
        if status.volumes[0].problem is None:
            result.wrong.append("the full volume does not say what is wrong with it")
        yield
        await until(scene.client, in_state(VolumeState.OK), limit_s=90)
        await until(scene.client, recording, limit_s=90)


def _all_say_full(status: RecorderStatus) -> bool:
    return all(camera.state is CameraState.STORAGE_FULL and camera.problem is not None for camera in status.cameras)


def _judge_account(stage: Stage, result: Result) -> None:
    """See that there are gaps of that reason, and that room was made by deleting, with certificates."""
    full = [camera for camera, _, _, reason in gaps(stage.index) if reason == "storage_full"]
    if any(full.count(camera) < 2 for camera in _BOTH):
        result.wrong.append(f"there are not two gaps of each camera for want of room: {sorted(full)}")
    result.figures["certificates"] = len(certificates(stage.index))
    if not result.figures["certificates"]:
        result.wrong.append("nothing was deleted for room, although nothing held it any more")
