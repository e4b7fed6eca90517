"""A probe takes what it can get in its time, and says what is wrong otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder_core.capture.source import CaptureConfig, SourceInfo
from recorder_core.clock import SystemClock
from recorder_core.decoder import Decoder
from recorder_core.errors import CameraError, ErrorCode, RecorderError
from recorder_core.media import AccessUnit, Codec
from recorder_core.models import ProbeRequest, ProbeResult, SourceKind
from recorder_core.rtsp import Poller
from recorder_core.service import probe as probe_module
from recorder_core.service.probe import probe
from tests.core.mp4.footage import H264, footage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder_core.capture.source import Consumer, Source


class Played:
    """A source that hands out prepared units."""

    def __init__(self, units: list[AccessUnit], error: Exception | None = None, *, refuse: bool = False) -> None:
        """Hand out `units`, then end with `error` if there is one."""
        self.units = units
        self.error = error
        self.refuse = refuse
        self.parameter_sets: tuple[bytes, ...] = ()
        self.closed = False

    async def open(self) -> SourceInfo:
        """Agree, or not."""
        if self.refuse:
            raise CameraError(ErrorCode.REJECTED, "No TCP.", method="SETUP", status="461 Unsupported Transport")
        return SourceInfo(SourceKind.PYAV, Codec.H264, self.parameter_sets, server="Played")

    def start(self, consumer: Consumer) -> None:
        """Hand out everything at once."""
        if self.units:
            consumer.on_units(self.units)
            consumer.on_report(self.units[0].arrival_us + 7_000_000, self.units[0].pts, self.units[0].arrival_us)
        if self.error is not None:
            consumer.on_end(self.error)

    async def close(self) -> None:
        """Remember it; cameras that are gone fail here."""
        self.closed = True
        raise OSError


def _units(frames: int) -> list[AccessUnit]:
    """Return pictures that arrive right when they were taken, the first ones useless; the sets come in the stream."""
    made = footage(H264, frames)
    start_us = SystemClock().now_us()
    units = [
        AccessUnit(sample.data, sample.pts, sample.sync, start_us + sample.pts * 100 // 9) for sample in made.samples
    ]
    first = AccessUnit(b"\0\0\0\1\x41", units[0].pts - 9000, sync=False, arrival_us=start_us)
    broken = AccessUnit(b"\0\0\0\1\x65", units[0].pts - 4500, sync=True, arrival_us=start_us, parameter_sets=(b"x",))
    units[0].parameter_sets = made.video_format.parameter_sets
    return [first, broken, *units]


async def _probe(monkeypatch: pytest.MonkeyPatch, *sources: Source, **more: float) -> object:
    def make_sources(config: CaptureConfig, _poller: Poller) -> Iterator[Source]:
        assert config.url == "rtsp://camera/"
        return iter(sources)

    monkeypatch.setattr(probe_module, "make_sources", make_sources)
    clock = SystemClock()
    request = ProbeRequest(url="rtsp://camera/", timeout_s=more.get("timeout_s", 30.0))
    return await probe(request, clock=clock, poller=Poller(clock), decoder=Decoder())


async def _refusal(monkeypatch: pytest.MonkeyPatch, *sources: Source, **more: float) -> ErrorCode:
    with pytest.raises(RecorderError) as caught:
        await _probe(monkeypatch, *sources, **more)
    return caught.value.code


async def test_parameter_sets_may_come_in_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Played(_units(75))
    result = await _probe(monkeypatch, source)
    assert isinstance(result, ProbeResult)
    assert (result.source, result.server, result.codec) == (SourceKind.PYAV, "Played", "h264")
    assert result.still_jpeg
    assert result.fps is not None
    assert result.bitrate is not None
    assert result.clock_offset_us is not None
    assert source.closed


async def test_another_source_is_tried_when_one_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = Played([], refuse=True)
    assert await _probe(monkeypatch, rejected, Played(_units(75)))
    assert rejected.closed
    assert await _refusal(monkeypatch, rejected) is ErrorCode.REJECTED


async def test_a_camera_that_hangs_up_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    error = CameraError(ErrorCode.CONNECTION_LOST, "Gone.")
    assert await _refusal(monkeypatch, Played([], error), Played(_units(75))) is ErrorCode.CONNECTION_LOST
    assert await _refusal(monkeypatch, Played([], ValueError("x"))) is ErrorCode.TIMEOUT


async def test_few_pictures_do_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await _probe(monkeypatch, Played(_units(1)), timeout_s=0.01)
    assert isinstance(result, ProbeResult)
    assert (result.fps, result.bitrate) == (None, None)


async def test_no_picture_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _refusal(monkeypatch, Played([]), timeout_s=0.01) is ErrorCode.TIMEOUT
    assert await _refusal(monkeypatch) is ErrorCode.UNSUPPORTED_CODEC
