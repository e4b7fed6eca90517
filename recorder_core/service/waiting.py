"""Waiting: for whichever comes first, a wish or the time, and for all of several calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from recorder_core.clock import Clock


async def woken_or_after(clock: Clock, wish: asyncio.Event, seconds: float) -> bool:
    """Wait until `wish` is set, and clear it, or until so much time went by; True for the wish."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    woken = asyncio.ensure_future(wish.wait())
    try:
        await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        woken.cancel()
    was_set = wish.is_set()
    wish.clear()
    return was_set


async def side_by_side(calls: Iterable[Awaitable[None]]) -> None:
    """Do all of them; raise what the first that failed raised, when all are over."""
    for done in await asyncio.gather(*calls, return_exceptions=True):
        if done is not None:
            raise done
