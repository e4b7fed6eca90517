"""Holds, releases, sweeps, readings over two connections in thousands of orders, see `script.tools.interleavings`."""

from __future__ import annotations

import asyncio
from typing import Final

from script.tools.interleavings import run_interleavings

from .result import Ground, Result

_COUNT: Final = 10_000
_SHORT: Final = 200


async def interleavings(ground: Ground) -> Result:
    """Run them in this process, with a seed of their own."""
    count = _SHORT if ground.short else _COUNT
    found = await asyncio.to_thread(run_interleavings, ground.random.getrandbits(32), count, ground.folder)
    result = Result(count=found.interleavings, interleavings=found.interleavings)
    result.held_bytes_deleted = found.held_bytes_deleted
    result.figures = {"placed": found.placed, "released": found.released, "deleted": found.deleted, "read": found.read}
    if found.interleavings < count or not found.deleted or not found.placed:
        result.wrong.append(f"too little happened: {found}")
    return result
