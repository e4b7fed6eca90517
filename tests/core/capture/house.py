"""A house with simulated cameras, recorded for real: sockets, poller, writer, index; and a clock that hurries."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np

from recorder_core.capture import CameraRecorder, CaptureConfig
from recorder_core.clock import SystemClock
from recorder_core.media import TIMESCALE
from recorder_core.rtsp import Poller
from recorder_core.simulator import FrameCode, SimulatedCamera, Simulator, VideoSettings, read_code
from recorder_core.storage.records import GapReason

from .sink import Place, place

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from recorder_core.simulator.camera import SimulatedCamera as Camera
    from recorder_core.storage.records import Segment

EARLY_US, LATE_US = -100_000, 5_000_000
"""A picture is dated by when it came: hardly before it was taken, and after that by as much as a busy machine adds.

How well, with arrivals that are known, `test_run_clock` and `test_recording_time` show.
"""

QUICK = VideoSettings(width=320, height=192, fps=40, gop=8, bitrate=300_000)


class HurriedClock(SystemClock):
    """The machine's clock, but for a wall clock that may step and waits between two tries that are short."""

    def __init__(self) -> None:
        """Begin with the truth."""
        self.step_us = 0
        self.waits: list[float] = []

    def now_us(self) -> int:
        """Return the wall time, as wrong as it is set."""
        return super().now_us() + self.step_us

    async def sleep(self, seconds: float) -> None:
        """Wait a hundredth of it, and note what was asked for."""
        self.waits.append(seconds)
        await super().sleep(seconds / 100)


class House:
    """Cameras, and what is recorded of them."""

    def __init__(self, where: Place, simulator: Simulator) -> None:
        """Record nothing yet."""
        self.where = where
        self.simulator = simulator
        self.clock = HurriedClock()
        self.poller = Poller(self.clock)
        self.recorders: dict[str, CameraRecorder] = {}
        self._started_us: dict[str, int] = {}

    @property
    def only(self) -> str:
        """The first camera."""
        return self.simulator.cameras[0].name

    def record(self, name: str | None = None, **settings: object) -> CameraRecorder:
        """Begin to record a camera."""
        name = name or self.only
        camera = next(one for one in self.simulator.cameras if one.name == name)
        config = CaptureConfig(
            name,
            name.title(),
            self.simulator.url(name),
            username=camera.username or None,
            password=camera.password or None,
            source="rtsp",
            verify_tls=False,
        )
        config = replace(config, **settings)  # type: ignore[arg-type]  # the fields of a configuration by their names
        self.where.add_camera(name)
        recorder = CameraRecorder(config, sink=self.where.sink, clock=self.clock, poller=self.poller)
        self.recorders[name] = recorder
        recorder.start()
        self._started_us[name] = self.clock.now_us()
        return recorder

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a report made something true."""
        await self.where.sink.until(condition)

    async def run(self, number: int = 1, name: str | None = None) -> None:
        """Wait until that many runs have begun, and some pictures of the last one have been sent."""
        name = name or self.only
        account = self.where.sink.account(name)
        await self.until(lambda: len(account.runs) >= number)
        await self.simulator.wait_frames(name, 10)

    async def gap(self, reason: GapReason, name: str | None = None) -> None:
        """Wait for a gap with this reason."""
        account = self.where.sink.account(name or self.only)
        await self.until(lambda: reason in account.opened or reason in [lost[2] for lost in account.lost])

    async def stop(self, name: str | None = None) -> None:
        """Stop recording a camera, and make sure that no moment is missing (invariant 4)."""
        name = name or self.only
        await self.recorders[name].stop(GapReason.DISABLED)
        await self.where.settle()
        begin, end = self._started_us[name], self.clock.now_us()
        assert await self.where.holes(name, begin, end, 0) == []
        assert self.where.sink.account(name).opened[-1] is GapReason.DISABLED

    async def codes(self, name: str | None = None, *, damaged: bool = False) -> list[list[FrameCode]]:
        """Return what each stored file's pictures say of themselves, in output order; some may be `damaged`."""
        segments = await self.where.segments(name or self.only)
        return [await asyncio.to_thread(self._read, segment, damaged=damaged) for segment in segments]

    async def serials(self, name: str | None = None, *, damaged: bool = False) -> list[int]:
        """Return the serials of all stored pictures."""
        return [code.serial for file in await self.codes(name, damaged=damaged) for code in file]

    def _read(self, segment: Segment, *, damaged: bool) -> list[FrameCode]:
        codes = []
        with av.open(str(self.where.store.path(segment))) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            for frame in container.decode(video=0):
                code = read_code(np.asarray(frame.to_ndarray(format="gray"), np.uint8))
                assert code is not None or damaged
                if code is not None:
                    codes.append(code)
        return codes

    async def clock_errors(self, name: str | None = None) -> list[int]:
        """Return by how many microseconds the times of the stored files' first pictures are wrong."""
        errors = []
        for segment in await self.where.segments(name or self.only):
            with av.open(str(self.where.store.path(segment))) as container:
                frame = next(container.decode(video=0))
                code = read_code(np.asarray(frame.to_ndarray(format="gray"), np.uint8))
            assert code is not None
            assert frame.pts is not None
            errors.append(segment.start_us + frame.pts * 1_000_000 // TIMESCALE - code.time_us)
        return errors


def consecutive(serials: list[int]) -> bool:
    """Whether nothing is missing and nothing doubled."""
    return serials == list(range(serials[0], serials[0] + len(serials)))


def camera(name: str = "entrance", **settings: object) -> Camera:
    """Return a small quick camera."""
    made = SimulatedCamera(name, video=QUICK)
    return replace(made, **settings)  # type: ignore[arg-type]  # the fields of a camera by their names


@asynccontextmanager
async def house(
    root: Path, *cameras: Camera, tls: ssl.SSLContext | None = None, max_backlog_bytes: int = 96 << 20
) -> AsyncGenerator[House]:
    """Open a house; what still records at the end is stopped."""
    async with (
        Simulator(cameras or (camera(),), tls=tls) as simulator,
        place(root, max_backlog_bytes=max_backlog_bytes) as where,
    ):
        opened = House(where, simulator)
        try:
            yield opened
        finally:
            for recorder in opened.recorders.values():
                await recorder.stop(GapReason.DISABLED)
