"""Power cuts: what a recorder does to its disk is written down, and replayed to any moment without what was not synced.

A kill cannot show what a missing sync costs, for the kernel keeps what was written. At each moment the disk is put
together twice: with nothing that was not synced, and with any blocks and names of it.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Final

from .checker import Claims, Life
from .disk import Disk
from .disk_log import Did, Step, read_steps, traced
from .result import LOSS_LIMIT_S, Ground, Result
from .scene import Cameras, RecorderProcess, Restarter, Stage, set_up

if TYPE_CHECKING:
    from random import Random

    from .checker import SentFrame

_CAMERAS: Final = 2
_RECORDED_S: Final = 22.0
_SEGMENT_US: Final = 8_000_000
_MOMENTS: Final = 40
_RPO_S: Final = 5.0
"""What a power cut may cost, and what was not read or written yet comes on top."""


async def power_cuts(ground: Ground) -> Result:
    """Record once, then cut the power at many moments of that."""
    result = Result()
    with Cameras(_CAMERAS, ground.folder / "sent") as cameras:
        stage = Stage(ground.folder / "s")
        await set_up(stage, cameras)
        disk = Disk.of(stage.folder)
        recorder = RecorderProcess(stage, {"segment_us": _SEGMENT_US}, under=traced(ground.folder / "log"))
        await asyncio.sleep(_RECORDED_S)
        recorder.kill()
        sent = cameras.sent()
    steps = [step for step in read_steps(ground.folder / "log", stage.folder) if not step.path.name.endswith("-shm")]
    (life,) = stage.lives[1:]
    moments = sorted(ground.random.sample(range(len(steps)), 3 if ground.short else _MOMENTS))
    result.figures = {"steps": len(steps), "syncs": sum(step.did in (Did.SYNC, Did.SYNC_ALL) for step in steps)}
    with Restarter() as restarter:
        for moment, before in zip(moments, [0, *moments], strict=False):
            for step in steps[before:moment]:
                disk.do(step)
            for random in (None, ground.random):
                _cut(stage, disk, random)
                stage.claims = Claims()
                stage.note_claims()
                answer = restarter.restart(stage.data)
                result.count += 1
                stage.lives = [Life(life.start_us, steps[moment].time_us)]
                what = f"power cut after step {moment} ({'nothing' if random is None else 'some'} unsynced kept)"
                _judge(stage, _sent_until(sent, steps[moment]), result, what, answer)
    return result


def _cut(stage: Stage, disk: Disk, random: Random | None) -> None:
    shutil.rmtree(stage.folder)
    stage.folder.mkdir(mode=0o700)
    disk.put(stage.folder, random)


def _sent_until(sent: dict[str, list[SentFrame]], step: Step) -> dict[str, list[SentFrame]]:
    return {camera: [frame for frame in frames if frame.time_us <= step.time_us] for camera, frames in sent.items()}


def _judge(stage: Stage, sent: dict[str, list[SentFrame]], result: Result, what: str, answer: str) -> None:
    if answer != "ok":
        result.wrong.append(f"{what}: {answer}")
        return
    verdict = stage.judge(sent)
    result.take(verdict, what, loss_limit_s=_RPO_S + LOSS_LIMIT_S, is_kill=False)
    result.figures["longest_loss_s"] = max(result.figures.get("longest_loss_s", 0), verdict.max_loss_s)
