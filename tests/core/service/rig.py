"""A real recorder in the test's own process, with its API on a real socket."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.api.client import RecorderClient
from recorder_core.api.server import Server
from recorder_core.clock import SystemClock
from recorder_core.models import CameraConfig, CameraState, Coverage, FeedItem, Settings, VolumeConfig, VolumeState
from recorder_core.service.recorder import Recorder
from recorder_core.simulator import Challenge, SimulatedCamera, Simulator, VideoSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from recorder_core.clock import Clock

SOCKET = "s"
HOUR_US = 3_600_000_000
PASSWORD = "correct-horse-battery"  # noqa: S105  a word to look for


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
    async with asyncio.timeout(60):
        async for item in client.feed(after):
            seen.append(item)
            if wanted(item):
                return seen
    raise AssertionError("the feed ended")


@asynccontextmanager
async def followed(
    client: RecorderClient, wanted: Callable[[FeedItem], bool], after: int | None = None
) -> AsyncGenerator[asyncio.Task[list[FeedItem]]]:
    """Follow the recorder from now on, so that nothing of what is done next is missed, until an item is the wanted."""
    begun = asyncio.Event()

    def seen(item: FeedItem) -> bool:
        begun.set()  # with the first item, which tells the status
        return wanted(item)

    async with asyncio.TaskGroup() as group:
        following = group.create_task(feed_until(client, seen, after))
        await begun.wait()
        yield following


def in_state(state: CameraState, camera_id: str = "lobby") -> Callable[[FeedItem], bool]:
    """Return what finds the items that say that a camera is in this state."""
    return lambda item: any(
        one.camera_id == camera_id and one.state is state
        for one in (item.status.cameras if item.status else [item.camera] if item.camera else [])
    )


def camera() -> SimulatedCamera:
    """Return a small simulated camera that asks for a password and offers sound."""
    video = VideoSettings(width=320, height=180, fps=10, gop=10)
    challenges = (Challenge.DIGEST_MD5,)
    return SimulatedCamera(name="lobby", username="viewer", password=PASSWORD, challenges=challenges, video=video)


def config_of(simulator: Simulator, **changes: bool | str | float) -> CameraConfig:
    """Return the configuration with which the simulated lobby camera is recorded."""
    config = CameraConfig(
        camera_id="lobby", name="Lobby", url=simulator.url("lobby"), username="viewer", password=PASSWORD
    )
    return replace(config, **changes)  # type: ignore[arg-type]  # each caller names fields of the right type


async def state_reached(client: RecorderClient, state: CameraState, camera_id: str = "lobby") -> FeedItem:
    """Wait until a camera is in this state, in which it stays."""
    return (await feed_until(client, in_state(state, camera_id), after=None))[-1]


async def volume_reached(client: RecorderClient, state: VolumeState) -> None:
    """Wait until a volume is in this state, in which it stays."""

    def reached(item: FeedItem) -> bool:
        volumes = item.status.volumes if item.status else [item.volume] if item.volume else []
        return any(volume.state is state for volume in volumes)

    await feed_until(client, reached, after=None)


async def stored(client: RecorderClient, camera_id: str = "lobby", seconds: float = 0.5) -> Coverage:
    """Wait until that much of the present run lies in files; return the last and the next hour's coverage."""
    async with asyncio.timeout(60):
        while True:
            status = await client.status()
            run_id = next(one.run_id for one in status.cameras if one.camera_id == camera_id)
            now_us = status.started_us
            coverage = await client.coverage(camera_id, now_us - HOUR_US, now_us + HOUR_US)
            run = [segment for segment in coverage.segments if segment.run_id == run_id]
            if run and run[-1].end_us - run[0].start_us >= seconds * 1_000_000:
                return coverage


def holes(coverage: Coverage) -> list[tuple[int, int]]:
    """Return what is neither in a segment nor in a gap, from the first known moment to the last."""
    known = [(segment.start_us, segment.end_us) for segment in coverage.segments]
    known += [(gap.start_us, gap.end_us or coverage.end_us) for gap in coverage.gaps]
    found = []
    reached = min(known)[0]
    for start, end in sorted(known):
        if start > reached:
            found.append((reached, start))
        reached = max(reached, end)
    return found
