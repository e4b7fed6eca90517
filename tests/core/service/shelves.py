"""A real recorder whose clock a test moves, and footage laid on its volumes as if cameras had recorded it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sqlalchemy import text

from recorder_core.api.client import RecorderClient
from recorder_core.api.server import Server
from recorder_core.models import CameraConfig, Certificate, Retention, Settings, VolumeConfig
from recorder_core.service.recorder import Recorder
from recorder_core.storage.index import Index
from tests.core.storage.store import Store

from .clocks import SteppedClock
from .rig import SOCKET

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from recorder_core.storage.records import Event, Segment, Volume

HOUR_S = 3600
DAY_S = 86_400
S = 1_000_000
DAY_US = DAY_S * S

_RUNS = count(1)


@dataclass(slots=True)
class Library:
    """A recorder at work, its API and its clock."""

    recorder: Recorder
    client: RecorderClient
    clock: SteppedClock

    @property
    def index(self) -> Index:
        """The recorder's index."""
        return self.recorder._index._index

    def volume(self, number: int = 0) -> Volume:
        """One of its volumes."""
        return self.recorder._volumes.usable()[number]

    def execute(self, statement: str) -> None:
        """Change the index behind the recorder's back."""
        with self.index._writing() as connection:
            connection.execute(text(statement))

    async def use(self, *paths: Path, **limits: int) -> None:
        """Give it volumes."""
        volumes = [VolumeConfig(path=str(path), **limits) for path in paths]
        await self.client.apply_settings(Settings(volumes=volumes, policy_version="2026-1"))
        await self._swept()

    async def camera(self, camera_id: str = "lobby", **rules: float) -> None:
        """Give it a camera with rules that records nothing by itself."""
        retention = Retention(**rules)  # type: ignore[arg-type]  # each caller names fields of the right type
        config = CameraConfig(
            camera_id=camera_id, name=camera_id.title(), url="rtsp://127.0.0.1:9/", enabled=False, retention=retention
        )
        await self.client.put_camera(config)
        await self._swept()

    async def _swept(self) -> None:
        """Wait for the sweep that a change has asked for, lest it meets what a test lays out next; ask for it again.

        So a test's own `sweep` is the one that does what the change has made due.
        """
        sweeper = self.recorder.keeping._sweeper
        while sweeper._wake.is_set():  # noqa: ASYNC110  # nobody tells when an event is cleared
            await asyncio.sleep(0)
        async with sweeper._turn:
            sweeper._aged_us.clear()
            sweeper._kept_us = None

    def lay(
        self, camera_id: str = "lobby", *, ago_s: float = 0, fragments: int = 2, times: int = 1, volume: int = 0
    ) -> list[Segment]:
        """Lay files of so many seconds each, one after the other, the last of which ends so long ago."""
        shelf = object.__new__(Store)
        shelf.index = self.index
        shelf.handle = self.recorder._volumes.handles()[volume]
        begin_us = self.clock.now_us() - round(ago_s * S) - fragments * times * S
        run = shelf.run(camera_id, begin_us, f"{camera_id}-{next(_RUNS)}")
        return [shelf.record(run, begin_us + n * fragments * S, fragments) for n in range(times)]

    async def sweep(self) -> None:
        """Do what is due."""
        await self.recorder.keeping._sweeper.sweep()

    async def events(self, kind: str) -> list[Event]:
        """Return what was told of that kind."""
        return [event for event in await self.recorder._index.ask(Index.events, 0, 100_000) if event.kind == kind]

    def stored(self, camera_id: str = "lobby") -> list[Segment]:
        """Return what the index knows of a camera; each file is there."""
        found = self.index.segments(camera_id, 0, 1 << 60)
        paths = {volume.volume_id: volume.path for volume in self.index.volumes()}
        assert all((paths[one.volume_id] / one.path).stat().st_size == one.size for one in found)
        return found

    async def certificates(self, camera_id: str = "lobby") -> list[Certificate]:
        """Return the certificates of a camera."""
        return await self.client.certificates(camera_id)


def files(volume: Path) -> int:
    """Return how many segments lie on a volume."""
    return len(list((volume / "cameras").rglob("*.mp4")))


@asynccontextmanager
async def library(
    data: Path, clock: SteppedClock | None = None, *, synchronised: bool | None = True
) -> AsyncGenerator[Library]:
    """Run a recorder on `data`."""
    clock = clock or SteppedClock()
    recorder = Recorder(data, clock=clock, synchronised=lambda: synchronised)
    async with recorder, Server(recorder, data / SOCKET), RecorderClient(socket=data / SOCKET) as client:
        yield Library(recorder, client, clock)
