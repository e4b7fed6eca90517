"""The host's clock steps forward and back, and daylight saving begins and ends, while a recorder records."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from .result import Ground, Result
from .running import Cameras, RecorderProcess
from .scene import recording, set_up, until
from .stage import Stage, now_us

_HOUR_US: Final = 3_600_000_000
_STEP_AFTER_S: Final = 8.0
_RECORDED_S: Final = 8.0
_ZONE: Final = "America/Denver"
_CHANGES: Final = (datetime(2026, 3, 8, 9, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC))
"""When daylight saving begins and ends there."""


async def steps(ground: Ground) -> Result:
    """Step the clock an hour forward, and an hour back."""
    result = Result()
    for name, by_us in (("forward", _HOUR_US), ("back", -_HOUR_US)):
        await _record(ground, result, name, [(0.0, 0), (_STEP_AFTER_S, by_us)])
    return result


async def daylight_saving(ground: Ground) -> Result:
    """Record over the changes of local time: no frame may be lost over either."""
    result = Result()
    for change in _CHANGES:
        start = change - timedelta(seconds=_STEP_AFTER_S)
        ahead_us = int(start.timestamp() * 1_000_000) - now_us()
        await _record(ground, result, f"daylight_saving_{change.month}", [(0.0, ahead_us)])
    return result


async def _record(ground: Ground, result: Result, name: str, clock: list[tuple[float, int]]) -> None:
    stage = Stage(ground.folder / name, shifts_us=tuple({0, *(by_us for _, by_us in clock)}))
    with Cameras(2, ground.folder / f"{name}.sent") as cameras:
        await set_up(stage, cameras, time_zone=_ZONE, plan={"clock": clock[:1]})
        recorder = RecorderProcess(stage, {"clock": clock})
        async with recorder.client() as client:
            await until(client, recording)
            await asyncio.sleep(_STEP_AFTER_S + _RECORDED_S)
        recorder.stop()
        stage.note_claims()
        result.take(stage.judge(cameras.sent()), name)
        result.count += 1
