"""One simulated camera at work: its port, its clients, its pictures, its faults."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from .auth import Gate
from .camera import Transport
from .connection import Connection
from .counters import CameraCounters
from .faults import (
    ChangeSsrc,
    ChangeVideo,
    Disconnect,
    Fault,
    FaultBox,
    JumpSequence,
    JumpTimestamp,
    Quirk,
)
from .frame_log import FrameLog, FrameRecord
from .waiting import Bell

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from recorder_core.clock import Clock

    from .camera import SimulatedCamera
    from .rtp import PreparedFrame
    from .session import Session
    from .source import Source


class CameraServer:
    """Serves one camera's pictures on a port of its own, as a camera has an address of its own."""

    def __init__(
        self,
        camera: SimulatedCamera,
        source: Source,
        clock: Clock,
        log: FrameLog,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Nothing listens before `start`."""
        self.camera, self.source, self.clock = camera, source, clock
        self.counters = CameraCounters()
        self.faults = FaultBox()
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.bell = Bell()
        self.gate = Gate(camera)
        self.host, self.port = host, port
        self._tls = tls
        self._log = log
        self._listener: asyncio.Server | None = None
        self._kept_port: socket.socket | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where clients find it, without credentials."""
        scheme = "http" if Transport.HTTP in self.camera.transports else "rtsp"
        scheme += "s" if self._tls else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.camera.name}"

    async def start(self) -> None:
        """Listen, and make pictures from now on."""
        await self._listen()
        for fault in self.camera.faults:
            await self.apply(fault)
        self._running = asyncio.create_task(self.source.run(self.deliver))

    async def stop(self) -> None:
        """End all connections and close the port."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        await self._close_port()
        self._let_port_go()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self), self.host, self.port, ssl=self._tls, reuse_address=True
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        self._let_port_go()

    async def _close_port(self, *, keep: bool = False) -> None:
        """Listen no more, and end all connections; a port that is kept refuses, and nobody else is given it."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
            if keep:
                self._kept_port = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
                self._kept_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._kept_port.bind((self.host, self.port))
        self.disconnect()
        if listener is not None:
            await listener.wait_closed()

    def _let_port_go(self) -> None:
        kept, self._kept_port = self._kept_port, None
        if kept is not None:
            kept.close()

    def disconnect(self) -> None:
        """End all connections without a word."""
        for connection in list(self.connections):
            connection.abort()

    async def apply(self, fault: Fault) -> None:
        """Do this once if it is an event, else go on with it until `clear`."""
        match fault:
            case Disconnect():
                self.disconnect()
            case ChangeSsrc():
                self._for_each_video(lambda session: session.change_ssrc())
            case JumpSequence(by=by):
                self._for_each_video(lambda session: session.jump_sequence(by))
            case JumpTimestamp(by=by):
                self._for_each_video(lambda session: session.jump_timestamp(by))
            case _:
                self.faults.add(fault)
                await self._changed()

    async def clear(self) -> None:
        """Behave again."""
        self.faults.clear()
        await self._changed()

    async def _changed(self) -> None:
        change = self.faults.get(ChangeVideo)
        self.source.change(change.video if change else self.camera.video)
        self.source.announce_in_band(always=Quirk.NO_PARAMETER_SETS in self.faults)
        if Quirk.REFUSE in self.faults:
            await self._close_port(keep=True)
        elif self._listener is None:
            await self._listen()

    def _for_each_video(self, action: Callable[[Session], None]) -> None:
        for session in self.sessions.values():
            action(session)

    @property
    def playing(self) -> list[Session]:
        """The sessions that want pictures now."""
        return [session for session in self.sessions.values() if session.playing and session.video is not None]

    def deliver(self, frame: PreparedFrame) -> None:
        """Send one picture to all who want it, and write it down."""
        receivers = [] if Quirk.STALL in self.faults else self.playing
        counters = self.counters
        for session in receivers:
            sent, lost = session.send_video(frame, self.faults)
            counters.packets_sent += sent
            counters.packets_lost += lost
            counters.reports_sent += session.report(frame, self.camera, self.clock)
        counters.frames_taken += 1
        counters.frames_sent += bool(receivers)
        self._log.add(
            FrameRecord(
                name=self.camera.name,
                camera=self.camera.number,
                serial=frame.serial,
                time_us=frame.time_us,
                sync=frame.sync,
                size=frame.size,
                receivers=len(receivers),
                digest=frame.digest,
            )
        )
        self.bell.ring()
