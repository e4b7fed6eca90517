"""Files that a crash left torn, truncated, or with zeros and garbage behind what was written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from .claimed import by_id, rows
from .result import Cost, Ground, Result
from .running import Cameras, RecorderProcess, Restarter
from .scene import recording, set_up, until, verify
from .stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

_RECORDED_S: Final = (2.0, 5.0)
_FOUND_SOMETHING: Final = 5


def _truncate(path: Path, random: Random) -> None:
    with path.open("r+b") as file:
        file.truncate(random.randrange(path.stat().st_size + 1))


def _garbage(path: Path, random: Random) -> None:
    with path.open("ab") as file:
        file.write(random.randbytes(random.randint(1, 100_000)))


def _zeros(path: Path, random: Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(random.randrange(size + 1))
        file.truncate(size)


_TEARS: Final[tuple[Callable[[Path, Random], None], ...]] = (_truncate, _garbage, _zeros)


async def torn_files(ground: Ground) -> Result:
    """Tear what a killed recorder left open; the next start makes whole segments of it, and closed ones stay."""
    result = Result()
    with Cameras(2, ground.folder / "sent") as cameras, Restarter() as restarter:
        stage = Stage(ground.folder / "s")
        await set_up(stage, cameras)
        for tear in _TEARS if ground.short else _TEARS * 3:
            recorder = RecorderProcess(stage)
            async with recorder.client() as client:
                await until(client, recording)
                await asyncio.sleep(ground.random.uniform(*_RECORDED_S))
            recorder.kill()
            result.kills += 1
            stage.note_claims()
            claimed = rows(stage.index).keys()
            for segment_id, path in by_id(stage.volumes).items():
                if segment_id not in claimed:
                    tear(path, ground.random)
                    result.count += 1
            if (answer := restarter.restart(stage.data)) != "ok":
                result.wrong.append(answer)
            stage.note_claims()
        # What was torn away on purpose is no loss of the recorder's.
        result.take(stage.judge(cameras.sent(), Cost.ANY), "torn files", Cost.ANY)
    _truncated_is_found(stage, result, ground.random)
    return result


def _truncated_is_found(stage: Stage, result: Result, random: Random) -> None:
    """Truncate a closed segment: `verify` must say so."""
    path = random.choice(sorted(by_id(stage.volumes).values()))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    if verify(stage) != _FOUND_SOMETHING:
        result.wrong.append("verify does not find a truncated file")
    result.count += 1
