"""A real recorder in the test's own process, with its API on a real socket."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from recorder_core.api.client import RecorderClient
from recorder_core.api.server import Server
from recorder_core.clock import SystemClock
from recorder_core.models import FeedItem, Settings, VolumeConfig
from recorder_core.service.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from recorder_core.clock import Clock

SOCKET = "s"


@asynccontextmanager
async def served(data: Path, clock: Clock | None = None) -> AsyncGenerator[tuple[Recorder, RecorderClient]]:
    """Run a recorder on `data` and give it with a client that talks to it over its socket."""
    recorder = Recorder(data, clock=clock or SystemClock())
    async with recorder, Server(recorder, data / SOCKET), RecorderClient(socket=data / SOCKET) as client:
        yield recorder, client


async def use_volume(client: RecorderClient, path: Path, **limits: int) -> None:
    """Give the recorder one volume."""
    await client.apply_settings(Settings(volumes=[VolumeConfig(path=str(path), **limits)]))


async def feed_until(
    client: RecorderClient, wanted: Callable[[FeedItem], bool], after: int | None = 0
) -> list[FeedItem]:
    """Follow the recorder until an item is the wanted one; return all up to it."""
    seen: list[FeedItem] = []
    async with asyncio.timeout(20):
        async for item in client.feed(after):
            seen.append(item)
            if wanted(item):
                return seen
    raise AssertionError("the feed ended")
