"""The index is locked by another process, or damaged: put back from its copy, and the rest read from the files."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from recorder_core.errors import ErrorCode, RecorderError

from .result import Ground, Result
from .running import Cameras, GoneError, RecorderProcess
from .scene import recorded, recording, set_up, until
from .stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from .running import Plan

_LOCKED_S: Final = 5.0
_RECORDED_S: Final = 5.0
_ENDS_S: Final = 60.0
_STARTS: Final = 4
_PAGE: Final = 4096


async def locked(ground: Ground) -> Result:
    """Hold SQLite's write lock from another process while the recorder writes."""
    result = Result()
    async with recorded(ground, result, "locked index") as scene:
        with closing(sqlite3.connect(scene.stage.index, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(_LOCKED_S)
            connection.execute("ROLLBACK")
    return result


def _first_page(path: Path, random: Random) -> None:
    with path.open("r+b") as file:
        file.write(random.randbytes(_PAGE))


def _pages(path: Path, random: Random) -> None:
    pages = path.stat().st_size // _PAGE
    with path.open("r+b") as file:
        for page in random.sample(range(1, pages), pages // 2):
            file.seek(page * _PAGE)
            file.write(random.randbytes(_PAGE))


def _half(path: Path, _random: Random) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // _PAGE * _PAGE)


DAMAGES: Final[tuple[Callable[[Path, Random], None], ...]] = (_first_page, _pages, _half)


async def damaged(ground: Ground) -> Result:
    """Damage the index of a recorder that was killed; the next starts must find all footage again."""
    result = Result()
    with Cameras(2, ground.folder / "sent") as cameras:
        stage = Stage(ground.folder / "s")
        await set_up(stage, cameras)
        recorder = RecorderProcess(stage)
        for damage in [ground.random.choice(DAMAGES)] if ground.short else DAMAGES:
            async with recorder.client() as client:
                await until(client, recording)
                await asyncio.sleep(_RECORDED_S)
            recorder.kill()
            result.kills += 1
            stage.note_claims()
            do_damage(stage, damage, ground.random)
            recorder = await start_until_read(stage)
            result.count += 1
        recorder.stop()
        stage.note_claims()
        result.take(stage.judge(cameras.sent()), "damaged index")
    aside = len(list(stage.data.glob("index.sqlite.damaged-*[0-9]")))
    result.figures = {"set_aside": aside, "closed_segments": len(stage.claims.known)}
    if aside < result.count:
        result.wrong.append(f"{result.count} indexes were damaged and {aside} set aside")
    return result


def do_damage(stage: Stage, damage: Callable[[Path, Random], None], random: Random) -> None:
    """Damage an index that nobody uses, and that has no log beside it to be mended from."""
    for suffix in ("-wal", "-shm"):
        stage.index.with_name(stage.index.name + suffix).unlink(missing_ok=True)
    damage(stage.index, random)


async def start_until_read(stage: Stage, plan: Plan | None = None) -> RecorderProcess:
    """Start recorders as their supervisor would, until one stays, and wait until it has read the files.

    Raises `RuntimeError` if none does; each one that ends by itself is noted as a life.
    """
    for _ in range(_STARTS):
        recorder = RecorderProcess(stage, plan)
        try:
            async with recorder.client() as client:
                # The damage may show only when a page is needed; a sound recorder has read all and records.
                await until(client, lambda status: recording(status) and not unread(stage))
        except (GoneError, RecorderError) as error:
            if isinstance(error, RecorderError) and error.code is not ErrorCode.RECORDER_UNREACHABLE:
                raise
            recorder.process.wait(_ENDS_S)
            if plan is not None and recorder.process.returncode < 0:  # it was to end
                return recorder
        else:
            return recorder
    raise RuntimeError("the recorder does not get over a damaged index")


def unread(stage: Stage) -> bool:
    """Whether footage is still to be read into the index."""
    return any(path.name != "unread-holds" for path in stage.data.glob("unread-*"))
