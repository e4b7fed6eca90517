"""Somebody who follows a recorder's feed, as Home Assistant does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import FeedItem, RecorderStatus


class Watcher:
    """What somebody who follows the feed has seen."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.seen: list[FeedItem] = []
        self._news = asyncio.Event()

    async def follow(self, client: RecorderClient) -> None:
        """Follow until cancelled."""
        async for item in client.feed():
            self.seen.append(item)
            self._news.set()

    async def sees(self, wanted: Callable[[], bool]) -> None:
        """Wait until what was seen is the wanted."""
        async with asyncio.timeout(60):
            while not wanted():
                await self._news.wait()
                self._news.clear()

    def statuses(self) -> list[RecorderStatus]:
        """Return the pictures of the whole."""
        return [item.status for item in self.seen if item.status is not None]

    def only_held(self) -> bool | None:
        """Whether the volume was last said to hold nothing but what is held."""
        said = [item.volume.only_held for item in self.seen if item.volume is not None]
        return said[-1] if said else None


@asynccontextmanager
async def watching(client: RecorderClient) -> AsyncGenerator[Watcher]:
    """Give somebody who has seen the first line and follows from now on."""
    watcher = Watcher()
    following = asyncio.create_task(watcher.follow(client))
    try:
        await watcher.sees(lambda: bool(watcher.seen))
        watcher.seen.clear()
        yield watcher
    finally:
        following.cancel()
        await asyncio.wait({following})
