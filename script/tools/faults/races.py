"""Holds, releases, sweeps, readings over two connections in thousands of orders, see `script.tools.interleavings`."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Final

from script.tools.interleavings import Locking, run_interleavings

from .result import Ground, Result

if TYPE_CHECKING:
    from pathlib import Path

    from script.tools.interleavings import Interleaved

_COUNT: Final = 10_000
_SHORT: Final = 200
_UNLOCKED: Final = 5_000
"""So many at most without the lock. Twenty show what it is for as a rule, a hundred and more by bad luck."""
_BEHIND_OTHERS: Final = 10
"""It never waits; with less right to the processor it leaves the recorders of the other kinds as they are."""


async def interleavings(ground: Ground) -> Result:
    """Run them in a process of their own, with a seed of their own; and without the lock until something is lost."""
    count = _SHORT if ground.short else _COUNT
    seed = ground.random.getrandbits(32)
    folders = [ground.folder / name for name in ("locked", "unlocked")]
    for folder in folders:
        folder.mkdir()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=os.nice, initargs=(_BEHIND_OTHERS,)) as beside:
        found, unlocked = await asyncio.gather(
            asyncio.wrap_future(beside.submit(run_interleavings, seed, count, folders[0])),
            asyncio.wrap_future(beside.submit(_unlocked, seed, folders[1])),
        )
    result = Result(count=found.interleavings, interleavings=found.interleavings)
    result.held_bytes_deleted = found.held_bytes_deleted
    result.figures = {"placed": found.placed, "released": found.released, "deleted": found.deleted, "read": found.read}
    if found.held_bytes_deleted:
        result.wrong.append("what was held was deleted")
    if found.refused:
        result.wrong.append(f"{found.refused} operations were refused, although nobody else held the lock")
    if found.interleavings < count or not all((found.placed, found.released, found.deleted, found.read)):
        result.wrong.append(f"too little happened: {found}")
    result.bites("what goes without the transaction's lock", found=unlocked.held_bytes_deleted > 0)
    return result


def _unlocked(seed: int, folder: Path) -> Interleaved:
    return run_interleavings(seed, _UNLOCKED, folder, locking=Locking.DRIVER, until_lost=True)
