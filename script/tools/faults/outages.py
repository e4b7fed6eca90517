"""Cameras that reboot, drop connections, jump in time and change their picture; nothing else is lost over it."""

from __future__ import annotations

import asyncio
from typing import Final

from .boxes import read_file
from .claimed import by_id
from .result import Ground, Result
from .scene import recorded, recording, until

_AWAY_S: Final = 4.0
_EVENTS: Final = ("disconnect", "change_ssrc", "jump_timestamp")
_CHANGES: Final = ("larger", "clear", "larger", "clear")
_PICTURES: Final = 2
"""A camera has that many pictures to change between: the usual one and a larger one."""


async def reboots(ground: Ground) -> Result:
    """Close a camera's port for a while, then open it again."""
    result = Result()
    times = 1 if ground.short else 3
    async with recorded(ground, result, "camera reboot") as scene:
        for _ in range(times):
            scene.cameras.tell("cam0", "refuse")
            await until(scene.client, lambda status: not recording(status))
            await asyncio.sleep(ground.random.uniform(0, _AWAY_S))
            scene.cameras.tell("cam0", "clear")
            await until(scene.client, recording)
            await asyncio.sleep(2)
    result.count = times
    return result


async def jumps(ground: Ground) -> Result:
    """Drop connections, change the stream's source, and let its timestamps jump."""
    result = Result()
    async with recorded(ground, result, "camera events") as scene:
        for event in _EVENTS:
            scene.cameras.tell("cam0", event)
            await asyncio.sleep(3)
            await until(scene.client, recording)
    result.count = len(_EVENTS)
    return result


async def parameters(ground: Ground) -> Result:
    """Let a camera send pictures of another size in mid-stream, and of the first one again: no frame is lost over it.

    A file has one set of parameters, so each change begins a new one, and no picture is in a file that describes
    another size.
    """
    result = Result()
    changes = _CHANGES[:2] if ground.short else _CHANGES
    async with recorded(ground, result, "parameter change", changing=True) as scene:
        for change in changes:
            scene.cameras.tell("cam0", change)
            await asyncio.sleep(ground.random.uniform(2, 4))
            await until(scene.client, recording)
    files = map(read_file, by_id(scene.stage.volumes).values())
    sizes = [file.size for file in files if file.camera_id == "cam0"]
    result.count = len(changes)
    result.figures["files"] = len(sizes)
    if len(set(sizes)) != _PICTURES:
        result.wrong.append(f"the files of the camera that changed say {sorted(set(sizes))} of their pictures")
    return result
