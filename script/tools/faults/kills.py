"""SIGKILL of a real recorder: at random moments under load, and at both sides of every step that writes."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from dataclasses import asdict
from typing import Final

from .result import Ground, Result
from .scene import Cameras, RecorderProcess, Stage, now_us, recording, set_up, until
from .worker import Crash

_CAMERAS: Final = 3
_RANDOM: Final = 70
_LONGEST_S: Final = 4.0
_RECORDING: Final = 0.7
"""How many of the kills at random meet a recorder that has begun to record; the others may, too."""

_REACHED_S: Final = 10.0


async def at_random(ground: Ground) -> Result:
    """Kill at any moment: while starting, while salvaging what the last kill left, while recording."""
    result = Result(count=3 if ground.short else _RANDOM)
    with Cameras(_CAMERAS, ground.folder / "sent") as cameras:
        stage = Stage(ground.folder / "s")
        await set_up(stage, cameras)
        for _ in range(result.count):
            recorder = RecorderProcess(stage)
            if ground.random.random() < _RECORDING:
                await _wait_until_recording(recorder)
            await asyncio.sleep(ground.random.uniform(0, _LONGEST_S))
            recorder.kill()
            result.kills += 1
            stage.note_claims()
        await _end(stage, cameras, result)
    return result


async def at_each_step(ground: Ground) -> Result:
    """Kill before and after every step that writes, and in the middle of writes."""
    result = Result()
    with Cameras(_CAMERAS, ground.folder / "sent") as cameras:
        stage = Stage(ground.folder / "s")
        steps = await _find_steps(stage, cameras)
        points = [Crash(step, side, ground.random.randint(1, steps[step])) for step in steps for side in _sides(step)]
        if ground.short:
            points = ground.random.sample(points, 4)
        for crash in points:
            if _reached(stage, crash):
                result.kills += 1
            stage.note_claims()
        result.count = result.kills
        result.figures = {"steps": len(steps), "points": len(points), "not_reached": len(points) - result.kills}
        await _end(stage, cameras, result)
    return result


async def _find_steps(stage: Stage, cameras: Cameras) -> Counter[str]:
    """Record for a while, kill, record again and stop; return every write step that was passed, and how often."""
    await set_up(stage, cameras)
    plan = {"steps": str(stage.folder / "steps")}
    first = RecorderProcess(stage, plan)
    await _wait_until_recording(first)
    await asyncio.sleep(_LONGEST_S)
    first.kill()
    stage.note_claims()
    second = RecorderProcess(stage, plan)
    await _wait_until_recording(second)
    await asyncio.sleep(_LONGEST_S)
    second.stop()
    # Two lives passed them, so each life passes about half as many.
    seen = Counter((stage.folder / "steps").read_text().split())
    return Counter({step: (count + 1) // 2 for step, count in sorted(seen.items())})


async def _wait_until_recording(recorder: RecorderProcess) -> None:
    async with recorder.client() as client:
        await until(client, recording)


def _sides(step: str) -> tuple[str, ...]:
    match step.rpartition(":")[2]:
        case "commit":
            return ("before",)
        case "write" | "writev":
            return ("before", "torn", "after")
        case _:
            return ("before", "after")


def _reached(stage: Stage, crash: Crash) -> bool:
    """Have a recorder end itself at a step; where it does not come there, end it like any other. Whether it did."""
    died = stage.folder / "died"
    died.unlink(missing_ok=True)
    recorder = RecorderProcess(stage, {"crash": asdict(crash), "died": str(died)})
    try:
        recorder.process.wait(_REACHED_S)
    except subprocess.TimeoutExpired:
        recorder.kill()
        return False
    recorder.ended(int(died.read_text()) if died.exists() else now_us())
    return died.exists()


async def _end(stage: Stage, cameras: Cameras, result: Result) -> None:
    """Start once more, let it record, stop it cleanly, and have the checker judge."""
    recorder = RecorderProcess(stage)
    await _wait_until_recording(recorder)
    await asyncio.sleep(_LONGEST_S)
    recorder.stop()
    stage.note_claims()
    verdict = stage.judge(cameras.sent())
    result.figures |= {"frames_sent": verdict.frames_sent, "frames_stored": verdict.frames_stored}
    result.figures |= {"closed_segments": len(stage.claims.files), "duplicated": verdict.duplicated}
    result.take(verdict, "kills")
