"""SIGKILL of a real recorder that has much to do, at random moments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from .bustle import HURRIED, RETENTION, Bustle
from .planted import plant
from .result import Ground, Result
from .running import Cameras, RecorderProcess
from .scene import recording, set_up, until, verify
from .stage import Stage

if TYPE_CHECKING:
    from recorder_core.api.client import RecorderClient

    from .sent import SentFrame

CAMERAS: Final = 3
_KILLS: Final = 50
_LONGEST_S: Final = 4.0
_RECORDING: Final = 0.7
"""How many of the kills at random meet a recorder that has begun to record; the others may, too."""

_CALM_S: Final = 4.0


async def at_random(ground: Ground) -> Result:
    """Kill at any moment: while starting, while salvaging what the last kill left, while recording and all the rest."""
    result = Result(count=3 if ground.short else _KILLS)
    with Cameras(CAMERAS, ground.folder / "sent") as cameras:
        stage = Stage(ground.folder / "s")
        await set_up(stage, cameras, retention=RETENTION)
        bustle = Bustle(stage, list(cameras.urls), ground.random, result.wrong)
        for _ in range(result.count):
            recorder = RecorderProcess(stage, {"constants": HURRIED})
            await _let_live(recorder, bustle, ground)
            recorder.kill()
            result.kills += 1
            stage.note_claims()
        await settle(stage)
        sent = cameras.sent()
        take(stage, sent, result, "kills")
        plant(stage, sent, result)
    return result


async def _let_live(recorder: RecorderProcess, bustle: Bustle, ground: Ground) -> None:
    """Have a recorder start, and do much for a while if chance says that it may begin to record at all."""
    if ground.random.random() >= _RECORDING:
        await asyncio.sleep(ground.random.uniform(0, _LONGEST_S))
        return
    async with recorder.client() as client:
        await until(client, recording)
        await bustle_for(bustle, client, ground.random.uniform(0, _LONGEST_S))


async def bustle_for(bustle: Bustle, client: RecorderClient, seconds: float) -> None:
    """Ask much of a recorder for so long, or until it is gone."""
    try:
        async with asyncio.timeout(seconds):
            await bustle.go_on(client)
    except TimeoutError:
        return


async def settle(stage: Stage) -> None:
    """Start once more, let it record, and stop it cleanly."""
    recorder = RecorderProcess(stage, {"constants": HURRIED})
    async with recorder.client() as client:
        await until(client, recording)
        await asyncio.sleep(_CALM_S)
    recorder.stop()
    stage.note_claims()


def take(stage: Stage, sent: dict[str, list[SentFrame]], result: Result, what: str) -> None:
    """Have the checker judge, and ask the recorder's own verification, too."""
    if verify(stage) != 0:
        result.wrong.append(f"{what}: the recorder's own verification finds fault")
    verdict = stage.judge(sent)
    result.figures |= {"frames_sent": verdict.frames_sent, "frames_stored": verdict.frames_stored}
    result.figures |= {"closed_segments": len(stage.claims.known), "deleted": verdict.deleted}
    result.take(verdict, what)
    if not verdict.frames_stored:
        result.wrong.append(f"{what}: nothing was recorded")
