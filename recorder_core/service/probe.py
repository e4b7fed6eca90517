"""Tries a camera before it is saved: what it sends, how much of it, and whether its picture can be decoded."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder_core.capture.source import CaptureConfig
from recorder_core.capture.sources import make_sources, worth_another
from recorder_core.clock import wall_minus_monotonic_us
from recorder_core.errors import CameraError, ErrorCode, RecorderError
from recorder_core.media import TIMESCALE
from recorder_core.models import ProbeRequest, ProbeResult
from recorder_core.parameter_sets import ParameterSetError, video_format

from .pictures import lone_picture

if TYPE_CHECKING:
    from recorder_core.capture.source import Source, SourceInfo
    from recorder_core.clock import Clock
    from recorder_core.decoder import Decoder
    from recorder_core.media import AccessUnit, VideoFormat
    from recorder_core.rtsp import Poller

_WANTED = 2 * TIMESCALE
"""Media time that suffices to tell frame rate and bit rate."""


class _Look:
    """Consumes a source until enough has been seen."""

    def __init__(self, info: SourceInfo, clock: Clock) -> None:
        self.done = asyncio.Event()
        self.error: Exception | None = None
        self.picture: bytes | None = None
        self.format: VideoFormat | None = None
        self.times: list[int] = []
        self.size = 0
        self.clock_offset_us: int | None = None
        self._info = info
        self._parameter_sets = info.parameter_sets
        self._clock = clock

    def on_units(self, units: list[AccessUnit]) -> None:
        """Take note of units, from the first sync sample on."""
        for unit in units:
            if unit.parameter_sets is not None:
                self._parameter_sets = unit.parameter_sets
            if self.picture is None and unit.sync and self._understood():
                self.picture = unit.data
            if self.picture is None:
                continue
            self.times.append(unit.pts)
            self.size += len(unit.data)
        if self.times and max(self.times) - min(self.times) >= _WANTED:
            self.done.set()

    def on_report(self, camera_us: int, pts: int, arrival_us: int) -> None:  # noqa: ARG002 - the protocol's signature
        """Compare the camera's clock with ours: the report speaks of the moment in which it was sent."""
        self.clock_offset_us = camera_us - (arrival_us + wall_minus_monotonic_us(self._clock))

    def on_end(self, error: Exception) -> None:
        """Keep why it ended."""
        self.error = error
        self.done.set()

    @property
    def fps(self) -> float | None:
        """Pictures per second; None with fewer than two."""
        span = max(self.times) - min(self.times) if self.times else 0
        return round((len(self.times) - 1) * TIMESCALE / span, 2) if span else None

    @property
    def bitrate(self) -> int | None:
        """Bits per second; None with fewer than two pictures."""
        fps = self.fps
        return None if fps is None else round(self.size * 8 / len(self.times) * fps)

    def _understood(self) -> bool:
        with suppress(ParameterSetError):  # others may follow in the stream
            self.format = video_format(self._info.codec, self._parameter_sets)
        return self.format is not None


async def probe(request: ProbeRequest, *, clock: Clock, poller: Poller, decoder: Decoder) -> ProbeResult:
    """Connect, look for a moment, and hang up.

    Raises:
        CameraError: what is wrong with the address, the credentials or the camera; `TIMEOUT` if no picture came.
        RecorderError: `DECODER_FAILED` if a still was asked for and cannot be made.
    """
    config = CaptureConfig(
        camera_id="probe",
        name="probe",
        url=request.url,
        username=request.username,
        password=request.password,
        source=request.source,
        verify_tls=request.verify_tls,
    )
    error: CameraError | None = None
    for source in make_sources(config, poller):
        try:
            return await _try(source, request, clock, decoder)
        except CameraError as refusal:
            error = error or refusal  # the first source knows best why the camera cannot be had
            if not worth_another(refusal):
                break
        finally:
            with suppress(RecorderError, OSError):  # a camera that takes no goodbye is closed all the same
                await source.close()
    raise error or CameraError(ErrorCode.UNSUPPORTED_CODEC, "Nothing here can record from such an address.")


async def _try(source: Source, request: ProbeRequest, clock: Clock, decoder: Decoder) -> ProbeResult:
    look: _Look | None = None
    with suppress(TimeoutError):  # what was seen until then may do
        async with asyncio.timeout(request.timeout_s):
            info = await source.open()
            look = _Look(info, clock)
            source.start(look)
            await look.done.wait()
    if look is None:
        raise CameraError(ErrorCode.TIMEOUT, "The camera did not answer in time.", seconds=request.timeout_s)
    if look.picture is None or look.format is None:
        if isinstance(look.error, CameraError):
            raise look.error
        sentence = "The camera sent no picture that can stand for itself in time."
        raise CameraError(ErrorCode.TIMEOUT, sentence, seconds=request.timeout_s)
    still = await decoder.jpeg(lone_picture(look.format, look.picture)) if request.still else None
    return ProbeResult(
        source=info.kind,
        codec=look.format.codec,
        width=look.format.width,
        height=look.format.height,
        fps=look.fps,
        bitrate=look.bitrate,
        audio_offered=info.audio_offered,
        server=info.server,
        clock_offset_us=look.clock_offset_us,
        still_jpeg=None if still is None else base64.b64encode(still).decode(),
    )
