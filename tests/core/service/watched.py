"""Volumes over a real index, without cameras, and what they reported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock
from recorder_core.service.index_thread import IndexThread
from recorder_core.service.volumes import Volumes
from recorder_core.storage.index import Index

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.models import VolumeConfig, VolumeState, VolumeStatus
    from recorder_core.storage.records import Gap, Segment, Volume


class Watched:
    """Volumes over a real index, and what they reported."""

    def __init__(self, data: Path) -> None:
        """Open the index."""
        self.index = IndexThread(Index.open(data / "index.sqlite", SystemClock()))
        self.changes: list[tuple[VolumeState, VolumeState]] = []
        self.told: list[VolumeStatus] = []
        self.closed: list[Segment] = []
        self.missed: list[Gap] = []
        self.found: list[Volume] = []
        self.read_in = asyncio.Event()
        self._news = asyncio.Event()
        self.volumes = Volumes(
            self.index,
            SystemClock(),
            data,
            on_found=self._found,
            on_closed=self.closed.append,
            on_missed=self.missed.append,
            on_read_in=lambda *_: self.read_in.set(),
            on_changed=self._changed,
        )

    async def _found(self, volume: Volume) -> None:
        self.found.append(volume)

    def _changed(self, volume: VolumeStatus, before: VolumeState) -> None:
        self.changes.append((before, volume.state))
        self.told.append(volume)
        self._news.set()

    async def sees(self, state: VolumeState, number: int) -> None:
        """Wait until a volume is told to be in a state."""
        async with asyncio.timeout(60):
            while self.volumes.statuses()[number].state is not state:
                self._news.clear()
                await self._news.wait()

    async def beat(self) -> None:
        """Let other threads go on for as long as the index takes to answer."""
        await self.index.ask(Index.last_event)

    async def use(self, *configs: VolumeConfig) -> None:
        """Take these into use as the recorder does."""
        await self.volumes.check_new(configs)
        await self.volumes.open(configs)
        await self.volumes.start()

    async def look(self) -> None:
        """Look at all volumes."""
        for slot in self.volumes._slots:
            await self.volumes._look(slot)

    async def close(self) -> None:
        """Close both."""
        await self.volumes.close()
        await self.index.close()
