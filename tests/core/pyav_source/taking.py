"""What the tests share: cameras, orders, and consumers on both sides of the pipe."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from recorder_core.capture.pyav import PyAvSource
from recorder_core.capture.pyav_child import capture
from recorder_core.capture.pyav_protocol import HEAD, UNIT, Kind, Orders, unpack_sets
from recorder_core.capture.source import CaptureConfig
from recorder_core.errors import CameraError
from recorder_core.media import AccessUnit
from recorder_core.simulator import Challenge, SimulatedCamera, Simulator, Transport, VideoSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from recorder_core.capture.source import SourceInfo
    from recorder_core.simulator import Fault

VIDEO = VideoSettings(width=320, height=192, fps=50, gop=10)
CAMERA = SimulatedCamera("door", "Door", number=7, video=VIDEO)
UDP_ONLY = replace(CAMERA, transports=(Transport.UDP,))
USER = "us er@door"
PASSWORD = "p@ss/w:rd?#%41&é +'\"\\"  # noqa: S105  all that an address could stumble over
LOCKED = replace(CAMERA, username=USER, password=PASSWORD, challenges=(Challenge.DIGEST_MD5,))


class Full(Exception):  # noqa: N818  it ends a capture, nothing is wrong
    """Enough has come through the pipe."""


class Pipe(BytesIO):
    """A pipe in memory that breaks once there are `most` units in it; `flows` is called with each one."""

    def __init__(self, most: int = 25, flows: Callable[[], object] = int) -> None:
        """Begin empty."""
        super().__init__()
        self._most = most
        self._flows = flows
        self._units = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # the child writes bytes only
        """Take a message."""
        written = super().write(data)
        if data[0] == Kind.UNIT:
            self._units += 1
            self._flows()
        if self._units >= self._most:
            raise Full
        return written


@dataclass(slots=True)
class Captured:
    """What went through the pipe, and why it ended (None: there was enough)."""

    info: dict[str, object] = field(default_factory=dict)
    sets: list[tuple[bytes, ...]] = field(default_factory=list)
    units: list[AccessUnit] = field(default_factory=list)
    error: CameraError | None = None


def orders(url: str, user: str | None = None, password: str | None = None, *, verify: bool = True) -> Orders:
    """Return what a child is told."""
    return Orders(url=url, username=user, password=password, verify_tls=verify, stall_timeout_s=10.0)


async def captured(told: Orders, most: int = 25, flows: Callable[[], object] = int) -> Captured:
    """Capture in a thread of this process, which calls `flows` with each unit."""
    pipe, result = Pipe(most, flows), Captured()
    try:
        await asyncio.to_thread(capture, told, pipe)
    except Full:
        pass
    except CameraError as error:
        result.error = error
    data, at = pipe.getvalue(), 0
    while at < len(data):
        kind, length = HEAD.unpack_from(data, at)
        body = data[at + HEAD.size : at + HEAD.size + length]
        at += HEAD.size + length
        if kind == Kind.INFO:
            result.info = json.loads(body)
        elif kind == Kind.PARAMETER_SETS:
            result.sets.append(unpack_sets(body))
        else:
            pts, arrival_us, sync = UNIT.unpack_from(body)
            result.units.append(AccessUnit(body[UNIT.size :], pts, bool(sync), arrival_us))
    return result


async def captured_until(fault: Fault, camera: SimulatedCamera, *, stall_timeout_s: float = 10.0) -> Captured:
    """Capture a camera to which that happens once units flow."""
    flowing = asyncio.Event()
    flows = partial(asyncio.get_running_loop().call_soon_threadsafe, flowing.set)
    async with Simulator([camera]) as simulator, asyncio.TaskGroup() as group:
        told = replace(orders(simulator.url("door")), stall_timeout_s=stall_timeout_s)
        capturing = group.create_task(captured(told, 10_000, flows))
        capturing.add_done_callback(lambda _: flowing.set())  # it may have ended by itself
        await flowing.wait()
        await simulator.apply("door", fault)
    return capturing.result()


class Taker:
    """Consumes a source."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.units: list[AccessUnit] = []
        self.error: Exception | None = None
        self._changed = asyncio.Event()

    def on_units(self, units: list[AccessUnit]) -> None:
        """Keep them."""
        self.units += units
        self._changed.set()

    def on_report(self, camera_us: int, pts: int, arrival_us: int) -> None:
        """No report comes through libavformat."""
        raise AssertionError((camera_us, pts, arrival_us))

    def on_end(self, error: Exception) -> None:
        """Keep why."""
        self.error = error
        self._changed.set()

    async def has(self, count: int) -> None:
        """Wait for that many units."""
        async with asyncio.timeout(60):
            while len(self.units) < count and self.error is None:
                self._changed.clear()
                await self._changed.wait()
        assert self.error is None

    async def ended(self) -> CameraError:
        """Wait for the end."""
        async with asyncio.timeout(60):
            while self.error is None:
                self._changed.clear()
                await self._changed.wait()
        assert isinstance(self.error, CameraError)
        return self.error


@asynccontextmanager
async def opened(
    url: str, user: str | None = None, password: str | None = None
) -> AsyncGenerator[tuple[PyAvSource, SourceInfo]]:
    """Open a source with a child process, and close it."""
    source = PyAvSource(CaptureConfig("door", "Door", url, username=user, password=password, source="pyav"))
    try:
        yield source, await source.open()
    finally:
        await source.close()


def nals(sample: bytes) -> list[bytes]:
    """Return the NAL units of an MP4 sample."""
    units, at = [], 0
    while at < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4])
        units.append(sample[at + 4 : end])
        at = end
    assert at == len(sample)
    return units
