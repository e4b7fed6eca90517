"""Where a camera's pictures come from: painted and encoded live, in step with a clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from .camera import Transport
from .encoder import CLOCK_RATE, Encoder
from .multipart import multipart
from .painter import Painter
from .prepare import prepare
from .sdp import VideoMedia
from .timing import wall_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from recorder_core.clock import Clock

    from .camera import SimulatedCamera, VideoSettings
    from .encoder import EncodedFrame
    from .rtp import PreparedFrame

_LATEST_US = 3_000_000  # a machine that is further behind leaves pictures out instead of catching up


class Source(Protocol):
    """A camera's pictures, one after the other."""

    @property
    def media(self) -> VideoMedia:
        """What the session description says of them."""
        ...

    @property
    def next_pts(self) -> int:
        """The media time of the next picture taken, in 1/90 000 s since the start."""
        ...

    async def run(self, deliver: Callable[[PreparedFrame], None]) -> None:
        """Hand on each picture when it is due, until cancelled."""
        ...

    def change(self, video: VideoSettings) -> None:
        """Go on with another encoding."""
        ...

    def announce_in_band(self, *, always: bool) -> None:
        """Send parameter sets before every sync sample whatever the settings say, or only as they say."""
        ...


class LiveSource:
    """Paints and encodes in a worker thread, so that the event loop stays free to answer."""

    def __init__(self, camera: SimulatedCamera, clock: Clock, workers: Executor) -> None:
        """Open the encoder."""
        self._camera, self._clock, self._workers = camera, clock, workers
        self._encoder = Encoder(camera.video)
        self._painter = Painter(camera, camera.video)
        self._wanted = camera.video
        self._changed = False
        self._in_band = False
        self._serial = 0
        self._origin_us = clock.monotonic_us()
        self._origin_pts = 0
        self._index = 0

    @property
    def media(self) -> VideoMedia:
        """The encoder's."""
        video = self._encoder.video
        return VideoMedia(video.codec, video.fps, self._encoder.parameter_sets)

    @property
    def next_pts(self) -> int:
        """The media time of the next picture."""
        return self._origin_pts + self._index * CLOCK_RATE // self._encoder.video.fps

    @property
    def _due_us(self) -> int:
        return self._origin_us + self._index * 1_000_000 // self._encoder.video.fps

    def change(self, video: VideoSettings) -> None:
        """Go on with another encoding from the next picture on; its parameter sets come in the stream."""
        self._wanted = video

    def announce_in_band(self, *, always: bool) -> None:
        """Send parameter sets in the stream always, or as the settings say."""
        self._in_band = always

    async def run(self, deliver: Callable[[PreparedFrame], None]) -> None:
        """Hand on a picture at each tick of the frame rate."""
        loop = asyncio.get_running_loop()
        self._origin_us = self._clock.monotonic_us()
        while True:
            wait_us = self._due_us - self._clock.monotonic_us()
            if wait_us > 0:
                await self._clock.sleep(wait_us / 1_000_000)
            late_us = self._clock.monotonic_us() - self._due_us
            if late_us > _LATEST_US:
                self._index += late_us * self._encoder.video.fps // 1_000_000
            # What the wall clock said at the very tick, however late the loop came to it.
            time_us = wall_at(self._clock, self._due_us)
            frames = await loop.run_in_executor(self._workers, self._take, time_us)
            # Here and not in the worker, so that who asks for `next_pts` is told the picture that will come next.
            self._serial += 1
            self._index += 1
            for frame in frames:
                deliver(frame)

    def _take(self, time_us: int) -> list[PreparedFrame]:
        """Paint and encode one picture; called in the worker."""
        frames: list[PreparedFrame] = []
        if self._wanted != self._encoder.video:
            frames += self._prepared(self._encoder.flush())
            self._switch()
        pts = self.next_pts
        picture = self._painter.paint(serial=self._serial, time_us=time_us)
        frames += self._prepared(self._encoder.encode(picture, serial=self._serial, time_us=time_us, pts=pts))
        return frames

    def _switch(self) -> None:
        self._origin_us, self._origin_pts, self._index = self._due_us, self.next_pts, 0
        self._encoder = Encoder(self._wanted)
        self._painter = Painter(self._camera, self._wanted)
        self._changed = True

    def _prepared(self, frames: list[EncodedFrame]) -> list[PreparedFrame]:
        video = self._encoder.video
        in_band = video.repeat_headers or self._in_band or self._changed
        sets = self._encoder.parameter_sets if in_band else ()
        if Transport.HTTP in self._camera.transports:
            return [multipart(frame) for frame in frames]
        return [prepare(frame, video.codec, self._camera.mtu, sets) for frame in frames]
