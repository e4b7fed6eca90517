"""Motion JPEG over RTSP and over HTTP: recorded without a choice by anybody, played, changed, exported, rebuilt."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from recorder_core.capture.pyav_child import JpegMaker
from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode
from recorder_core.jpeg_header import frame_header
from recorder_core.media import Codec
from recorder_core.models import (
    CameraState,
    ExportRequest,
    ExportState,
    FeedItem,
    ProbeRequest,
    SourceKind,
    VolumeConfig,
)
from recorder_core.parameter_sets import video_format
from recorder_core.service.startup import INDEX
from recorder_core.service.verify import check_whole, verify
from recorder_core.simulator import (
    Challenge,
    ChangeVideo,
    Quirk,
    SimulatedCamera,
    Simulator,
    Transport,
    VideoCodec,
    VideoSettings,
    read_code,
)
from recorder_core.storage.index import Index
from recorder_core.storage.rebuild import rebuild
from recorder_core.storage.records import GapReason
from recorder_core.storage.volumes import open_volume
from tests.core.service.rig import PASSWORD, config_of, feed_until, holes, served, state_reached, stored, use_volume

from .taking import CAMERA, UDP_ONLY, captured, orders
from .web import serving

VIDEO = VideoSettings(VideoCodec.MJPEG, width=320, height=192, fps=20)
LARGER = replace(VIDEO, width=640, height=352)
OVER_RTP = replace(CAMERA, video=VIDEO)
OVER_UDP = replace(UDP_ONLY, video=VIDEO)
OVER_HTTP = replace(CAMERA, video=VIDEO, transports=(Transport.HTTP,))
PICTURE = io.BytesIO()
Image.new("RGB", (64, 48)).save(PICTURE, "jpeg")


@pytest.mark.parametrize("camera", [OVER_RTP, OVER_UDP, OVER_HTTP], ids=["rtp", "udp", "http"])
async def test_every_picture_comes_once_with_its_time(camera: SimulatedCamera) -> None:
    async with Simulator([camera]) as simulator:
        result = await captured(orders(simulator.url("door")))
    assert result.error is None
    assert result.info == {"codec": Codec.MJPEG, "audio_discarded": False}
    [sets] = result.sets
    fmt = video_format(Codec.MJPEG, sets)
    assert (fmt.width, fmt.height) == (320, 192)
    assert all(unit.sync and frame_header(unit.data) == sets[0] for unit in result.units)
    codes = [_code(unit.data) for unit in result.units]
    assert [code - codes[0] for code in codes] == list(range(25))
    if camera is OVER_HTTP:
        # It tells no times: a picture is as old as its arrival.
        assert [unit.pts for unit in result.units] == [unit.arrival_us * 9 // 100 for unit in result.units]
    else:
        assert [unit.pts - result.units[0].pts for unit in result.units] == [4500 * number for number in range(25)]


def _code(jpeg: bytes) -> int:
    """Return the serial that is drawn into a picture."""
    code = read_code(np.asarray(Image.open(io.BytesIO(jpeg)).convert("L")))
    assert code is not None
    return code.serial


@pytest.mark.parametrize(
    ("camera", "password", "code"),
    [
        (replace(OVER_HTTP, challenges=(Challenge.BASIC,), username="ada"), "wrong", ErrorCode.AUTH_FAILED),
        (replace(OVER_HTTP, challenges=(Challenge.DIGEST_MD5,), username="ada"), None, ErrorCode.AUTH_REQUIRED),
        (replace(OVER_HTTP, faults=(Quirk.NOT_FOUND,)), None, ErrorCode.NOT_FOUND),
        (replace(OVER_HTTP, faults=(Quirk.UNAVAILABLE,)), None, ErrorCode.REJECTED),
    ],
)
async def test_each_refusal_over_http_has_its_code(
    camera: SimulatedCamera, password: str | None, code: ErrorCode
) -> None:
    async with Simulator([camera]) as simulator:
        result = await captured(orders(simulator.url("door"), None if password is None else "ada", password))
    assert result.error is not None
    assert result.error.code is code
    assert result.units == []


@pytest.mark.parametrize("challenge", [Challenge.BASIC, Challenge.DIGEST_PLAIN, Challenge.DIGEST_MD5])
async def test_a_password_opens_the_answer(challenge: Challenge) -> None:
    camera = replace(OVER_HTTP, challenges=(challenge,), username="ada", password=PASSWORD)
    async with Simulator([camera]) as simulator:
        result = await captured(orders(simulator.url("door"), "ada", PASSWORD), most=2)
    assert len(result.units) == 2


async def test_parts_may_come_without_their_lengths() -> None:
    """Then a picture ends where the next part begins, and the line end between them belongs to nothing."""
    picture = PICTURE.getvalue()
    body = b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n"
    async with serving(body * 12 + b"--b--\r\n") as url:
        result = await captured(orders(url))
    assert [unit.data for unit in result.units] == [picture] * 12
    assert [video_format(Codec.MJPEG, sets).width for sets in result.sets] == [64]


@pytest.mark.parametrize("name", ["", "?file=picture.jpg"])
async def test_an_address_of_a_single_picture_is_none_of_video(name: str) -> None:
    async with serving(PICTURE.getvalue()) as url:
        result = await captured(orders(url + name))
    assert result.error is not None
    assert result.error.code is ErrorCode.NO_VIDEO


def test_a_picture_that_cannot_be_read_is_a_change_that_cannot_be_read() -> None:
    """And the next good one a change back; equal sizes are none."""
    maker, good = JpegMaker(), PICTURE.getvalue()
    assert [maker.make(one)[2] for one in (good, good, good[:-9])] == [True, False, False]
    assert maker.make(good[10:]) == (good[10:], True, True)
    assert maker.parameter_sets == (b"",)
    assert maker.make(b"\xff\xd8") == (b"\xff\xd8", True, False)
    assert maker.make(good) == (good, True, True)


# In the recorder


@pytest.mark.parametrize("camera", [OVER_RTP, OVER_HTTP], ids=["rtp", "http"])
async def test_a_camera_of_motion_jpeg_is_recorded_whole(camera: SimulatedCamera, data: Path) -> None:
    """Tried, recorded over a change of its picture's size, exported, checked, and found again by its files alone."""
    camera = replace(camera, name="lobby", challenges=(Challenge.DIGEST_MD5,), username="viewer", password=PASSWORD)
    async with Simulator([camera]) as simulator, served(data) as (_, client):
        request = ProbeRequest(url=simulator.url("lobby"), username="viewer", password=PASSWORD, still=True)
        result = await client.probe(request)
        assert (result.source, result.codec, result.width, result.height) == (SourceKind.PYAV, "mjpeg", 320, 192)
        assert result.fps is not None
        assert result.bitrate is not None
        assert result.still_jpeg is not None
        assert _code(base64.b64decode(result.still_jpeg)) >= 0
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        before = await stored(client, seconds=1.0)
        assert _code(await client.still("lobby")) >= 0
        await simulator.apply("lobby", ChangeVideo(LARGER))
        await feed_until(client, _is_larger, after=None)
        coverage = await stored(client, seconds=1.0)
        first, second = before.segments[-1].run_id, coverage.segments[-1].run_id
        assert GapReason.PARAMETER_CHANGE in [gap.reason for gap in coverage.gaps]
        assert holes(coverage) == []
        start_us, end_us = coverage.segments[-1].start_us - 500_000, coverage.segments[-1].start_us + 500_000
        job = await client.export(ExportRequest(camera_id="lobby", start_us=start_us, end_us=end_us))
        job = await client.export_job(job.export_id, wait_s=60)
        assert job.state is ExportState.DONE
        await client.remove_camera("lobby")
    # A clip for each size, begun by the very picture that was asked for: none needs another.
    assert [_played(Path(file.path))[0] for file in job.files] == [(320, 192), (640, 352)]
    assert [file.lead_in_us for file in job.files] == [0, 0]
    assert [len(_played(Path(file.path))[1]) for file in job.files] == [file.frames for file in job.files]
    _check_files(data, {first: (320, 192), second: (640, 352)})


def _is_larger(item: FeedItem) -> bool:
    cameras = item.status.cameras if item.status else [item.camera] if item.camera else []
    return any(camera.width == LARGER.width and camera.run_id is not None for camera in cameras)


def _played(path: Path) -> tuple[tuple[int, int], list[int]]:
    """Return size and serials of what libavcodec makes of a file."""
    with av.open(path) as container:
        [video] = container.streams
        frames = [frame for frame in container.decode(video) if isinstance(frame, av.VideoFrame)]
    codes = [read_code(np.asarray(one.to_ndarray(format="gray"), np.uint8)) for one in frames]
    return (frames[0].width, frames[0].height), [code.serial for code in codes if code is not None]


def _check_files(data: Path, sizes: dict[str, tuple[int, int]]) -> None:
    """Hold the files against the index, play them, tear one, and make the index anew from them."""
    footage = data / "footage"
    volume = open_volume(VolumeConfig(path=str(footage)), SystemClock())
    with Index.open(data / INDEX, SystemClock()) as index:
        assert list(verify(index, [volume], check_whole)) == []
        segments = list(index.all_segments(volume.volume.volume_id))
        assert {segment.run_id: segment.samples for segment in segments}.keys() == sizes.keys()
    serials: list[int] = []
    for segment in sorted(segments, key=lambda one: one.start_us):
        size, shown = _played(footage / segment.path)
        assert size == sizes[segment.run_id]
        assert len(shown) == segment.samples
        serials += shown
    assert serials == list(range(serials[0], serials[0] + len(serials)))
    with (footage / segments[-1].path).open("r+b") as file:
        file.truncate(segments[-1].size - 1)
    with Index.open(data / "anew.sqlite", SystemClock()) as index:
        assert rebuild(index, [volume]).adopted == len(segments)
        assert list(verify(index, [volume], check_whole)) == []
        found = {segment.segment_id: segment for segment in index.all_segments(volume.volume.volume_id)}
        runs = index.runs("lobby", 0, 1 << 62)
    assert {run.run_id: (run.codec, run.width, run.height) for run in runs} == {
        run_id: ("mjpeg", *size) for run_id, size in sizes.items()
    }
    for segment in segments:
        torn = segment is segments[-1]
        again = found[segment.segment_id]
        assert (again.salvaged, len(again.fragments)) == (torn, len(segment.fragments) - torn)
