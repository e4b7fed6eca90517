"""Cameras that reboot, drop connections and jump in time; their recordings end and begin in gaps, and lose no more."""

from __future__ import annotations

import asyncio
from typing import Final

from .result import Ground, Result
from .scene import recorded, recording, until

_AWAY_S: Final = 4.0
_EVENTS: Final = ("disconnect", "change_ssrc", "jump_timestamp")


async def reboots(ground: Ground) -> Result:
    """Close a camera's port for a while, then open it again."""
    result = Result()
    async with recorded(ground, result, "camera reboot") as scene:
        for _ in range(1 if ground.short else 3):
            scene.cameras.tell("cam0", "refuse")
            await until(scene.client, lambda status: not recording(status))
            await asyncio.sleep(ground.random.uniform(0, _AWAY_S))
            scene.cameras.tell("cam0", "clear")
            await until(scene.client, recording)
            await asyncio.sleep(2)
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
