"""A set of simulated cameras that tests, demonstrations and benchmarks start together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from recorder_core.clock import Clock, SystemClock

from .frame_log import FileLog, FrameLog, FrameRecord, MemoryLog
from .loop import LoopSource
from .server import CameraServer
from .source import LiveSource, Source

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from .camera import SimulatedCamera
    from .counters import CameraCounters
    from .faults import Fault
    from .loop import FrameLoop

_WORKERS = 2  # the encoders of a dozen cameras need less than one


class Simulator:
    """Cameras on consecutive ports from `port` on, or on any free ones (`port` 0), for as long as the context lasts."""

    def __init__(
        self,
        cameras: Sequence[SimulatedCamera],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
        log_path: Path | None = None,
        loops: Sequence[FrameLoop] = (),
    ) -> None:
        """Keep the settings. `tls` is the server's context for cameras that speak RTSP over TLS.

        With `loops` (load mode) all cameras replay the first, each at its own phase, instead of encoding live; a change
        of a camera's encoding is one to the loop that is encoded so.
        With `log_path` every frame is written to that file as a line of JSON, else `frames` remembers the latest.
        """
        self._cameras = tuple(cameras)
        self._host, self._port = host, port
        self._clock = clock or SystemClock()
        self._tls = tls
        self._log_path = log_path
        self._memory = MemoryLog()
        self._log: FrameLog = self._memory
        self._loops = tuple(loops)
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="camera")
        self._servers: dict[str, CameraServer] = {}

    async def __aenter__(self) -> Self:
        """Open the ports and start the cameras. Raises OSError if a port or the log file cannot be had."""
        if self._log_path is not None:
            self._log = FileLog(self._log_path)
        try:
            for index, camera in enumerate(self._cameras):
                await self._start(camera, index)
        except OSError:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the cameras and close the log."""
        await self._stop()

    async def _start(self, camera: SimulatedCamera, index: int) -> None:
        server = CameraServer(
            camera,
            self._source(camera, index),
            self._clock,
            self._log,
            host=self._host,
            port=self._port + index if self._port else 0,
            tls=self._tls if camera.tls else None,
        )
        self._servers[camera.name] = server
        await server.start()

    def _source(self, camera: SimulatedCamera, index: int) -> Source:
        if self._loops:
            return LoopSource(camera, self._loops, self._clock, phase=index / len(self._cameras))
        return LiveSource(camera, self._clock, self._workers)

    async def _stop(self) -> None:
        for server in self._servers.values():
            await server.stop()
        self._workers.shutdown()
        self._log.close()

    @property
    def cameras(self) -> tuple[SimulatedCamera, ...]:
        """The cameras as they were given."""
        return self._cameras

    @property
    def frames(self) -> list[FrameRecord]:
        """The latest frames of all cameras in the order of sending; empty with a log file."""
        return list(self._memory.records)

    def url(self, name: str) -> str:
        """A camera's address, without credentials."""
        return self._servers[name].url

    def counters(self, name: str) -> CameraCounters:
        """What that camera has counted so far; the object goes on counting."""
        return self._servers[name].counters

    async def apply(self, name: str, fault: Fault) -> None:
        """Make that camera misbehave."""
        await self._servers[name].apply(fault)

    async def clear(self, name: str) -> None:
        """Make that camera behave again."""
        await self._servers[name].clear()

    async def wait_for_client(self, name: str) -> None:
        """Wait until a client plays that camera's video."""
        server = self._servers[name]
        await server.bell.wait(lambda: bool(server.playing))

    async def wait_for_no_client(self, name: str) -> None:
        """Wait until that camera has no connection."""
        server = self._servers[name]
        await server.bell.wait(lambda: not server.connections)

    async def wait_requests(self, name: str, count: int) -> None:
        """Wait until that camera has read `count` requests since its start."""
        server = self._servers[name]
        await server.bell.wait(lambda: server.counters.requests >= count)

    async def wait_taken(self, name: str, count: int) -> None:
        """Wait until that camera has made `count` pictures since its start, whether or not it sent them."""
        server = self._servers[name]
        await server.bell.wait(lambda: server.counters.frames_taken >= count)

    async def wait_frames(self, name: str, count: int) -> None:
        """Wait until that camera has sent `count` more frames to clients."""
        server = self._servers[name]
        target = server.counters.frames_sent + count
        await server.bell.wait(lambda: server.counters.frames_sent >= target)
