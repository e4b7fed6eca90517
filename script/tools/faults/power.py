"""Power cuts: what a recorder does to its disk is written down, and replayed to any moment without what was not synced.

A kill cannot show what a missing sync costs, for the kernel keeps what was written. At each moment the disk is put
together twice: with nothing that was not synced, and with any blocks and names of it. A hold that was confirmed by then
must be there. In the end it is put together as a recorder would have left it that does not sync its footage, or its
index: the checker must see either.
"""

from __future__ import annotations

import asyncio
import copy
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .checker import Life
from .claimed import Claims
from .disk import Disk
from .disk_log import Did, Step, read_steps, traced
from .result import Cost, Ground, Result
from .running import SHORT_SEGMENTS, Cameras, RecorderProcess, Restarter
from .scene import place_hold, recording, set_up, until
from .stage import Stage, now_us

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from .checker import Verdict
    from .sent import SentFrame

_CAMERAS: Final = 2
_HELD_AFTER_S: Final = 4.0
_HELD_US: Final = 2_000_000
_RECORDED_S: Final = 16.0
_SHORT_S: Final = 8.0
_SEGMENT_US: Final = 6_000_000
_MOMENTS: Final = 40


async def power_cuts(ground: Ground) -> Result:
    """Record once, then cut the power at many moments of that."""
    result = Result()
    with Cameras(_CAMERAS, ground.folder / "sent") as cameras:
        stage = Stage(ground.folder / "s")
        await set_up(stage, cameras)
        before = Disk.of(stage.folder)
        plan = {"constants": dict.fromkeys(SHORT_SEGMENTS, _SEGMENT_US)}
        recorder = RecorderProcess(stage, plan, under=traced(ground.folder / "log"))
        async with recorder.client() as client:
            await until(client, recording)
            await asyncio.sleep(_HELD_AFTER_S)
            await place_hold(stage, client, "held", list(cameras.urls), now_us() - _HELD_US, now_us())
        await asyncio.sleep(_SHORT_S if ground.short else _RECORDED_S)
        recorder.kill()
        sent = cameras.sent()
    steps = [step for step in read_steps(ground.folder / "log", stage.folder) if not step.path.name.endswith("-shm")]
    moments = sorted(ground.random.sample(range(len(steps)), 3 if ground.short else _MOMENTS))
    result.figures = {"steps": len(steps), "syncs": sum(map(_is_sync, steps))}
    with Restarter() as restarter:
        cuts = _Cuts(stage, stage.lives[-1], sent, restarter)
        disk = copy.deepcopy(before)
        for moment, last in zip(moments, [0, *moments], strict=False):
            for step in steps[last:moment]:
                disk.do(step)
            for random in (None, ground.random):
                what = f"power cut after step {moment} ({'nothing' if random is None else 'some'} unsynced kept)"
                found = cuts.judge(disk, steps[moment], random)
                if isinstance(found, str):
                    result.wrong.append(f"{what}: {found}")
                else:
                    result.take(found, what, Cost.POWER)
                result.count += 1
        _leave_out_syncs(before, steps, cuts, result)
    return result


def _leave_out_syncs(before: Disk, steps: list[Step], cuts: _Cuts, result: Result) -> None:
    """Cut the power in the end of a recorder without some of its syncs: what it had claimed, or recorded, is lost."""

    def of_footage(step: Step) -> bool:
        return any(step.path.is_relative_to(volume) for volume in cuts.stage.volumes)

    left_out: dict[str, Callable[[Step], bool]] = {
        "that footage was not synced": of_footage,
        "that the index was not synced": lambda step: not of_footage(step),
    }
    for what, ignored in left_out.items():
        disk = copy.deepcopy(before)
        for step in steps:
            if not (_is_sync(step) and ignored(step)):
                disk.do(step)
        found = cuts.judge(disk, steps[-1], None)
        seen = isinstance(found, str) or not found.is_good or found.max_loss_s > Cost.POWER.value
        result.bites(what, found=seen)


@dataclass(slots=True)
class _Cuts:
    """A store, one life of a recorder on it, and what was sent in that."""

    stage: Stage
    life: Life
    sent: dict[str, list[SentFrame]]
    restarter: Restarter

    def judge(self, disk: Disk, at: Step, random: Random | None) -> Verdict | str:
        """Put the disk together as of a step, start a recorder on it, and judge; what it says if it does not start."""
        stage = self.stage
        shutil.rmtree(stage.folder)
        stage.folder.mkdir(mode=0o700)
        disk.put(stage.folder, random)
        stage.claims = Claims()
        stage.note_claims()
        answer = self.restarter.restart(stage.data)
        if answer != "ok":
            return answer
        stage.lives = [Life(self.life.start_us, at.time_us)]
        before = {camera: [one for one in frames if one.time_us <= at.time_us] for camera, frames in self.sent.items()}
        return stage.judge(before, Cost.POWER, as_of_us=at.time_us)


def _is_sync(step: Step) -> bool:
    return step.did in (Did.SYNC, Did.SYNC_ALL)
