"""Readers that are not ours play the simulated cameras, and every picture says when it was taken."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import av
import pytest

from recorder_core.simulator import (
    AudioCodec,
    Challenge,
    ChangeVideo,
    FrameCode,
    Quirk,
    SimulatedCamera,
    Simulator,
    Transport,
    VideoCodec,
    VideoSettings,
    read_code,
)

from .cameras import CAMERA, QUICK, QUICK_B_FRAMES, QUICK_H265, grey

if TYPE_CHECKING:
    import ssl

FRAMES = 30


@dataclass(frozen=True)
class Shown:
    """One decoded picture."""

    code: FrameCode | None
    pts: int | None
    size: tuple[int, int]


def play(url: str, frames: int = FRAMES, **options: str) -> list[Shown]:
    """Decode that many pictures with libavformat; both media are set up, as it does by itself."""
    shown: list[Shown] = []
    with av.open(url, options={"rtsp_transport": "tcp", **options}, timeout=60) as container:
        for picture in container.decode(video=0):
            shown.append(Shown(read_code(grey(picture)), picture.pts, (picture.width, picture.height)))
            if len(shown) == frames:
                return shown
    raise AssertionError("the camera stopped")


def with_password(url: str, camera: SimulatedCamera) -> str:
    """The URL as libavformat wants it."""
    return url.replace("://", f"://{camera.username}:{camera.password}@")


def assert_unbroken(shown: list[Shown], camera: SimulatedCamera) -> None:
    """Every picture has its code, and none is missing."""
    codes = [picture.code for picture in shown if picture.code is not None]
    assert len(codes) == len(shown)
    assert [code.serial - codes[0].serial for code in codes] == list(range(len(codes)))
    assert {code.camera for code in codes} == {camera.number}
    # Pictures are taken in step: the time between neighbours is the frame's duration, whatever the machine's load.
    # A wall clock that is being adjusted may stretch it a little.
    step_us = 1_000_000 / camera.video.fps
    for before, after in itertools.pairwise(codes):
        assert after.time_us - before.time_us == pytest.approx(step_us, abs=step_us / 4)


@pytest.mark.parametrize(
    "camera",
    [
        pytest.param(CAMERA, id="h264"),
        pytest.param(replace(CAMERA, video=QUICK_H265), id="h265"),
        pytest.param(replace(CAMERA, video=QUICK_B_FRAMES, audio=AudioCodec.AAC), id="h264-b-frames-aac"),
        pytest.param(replace(CAMERA, video=replace(QUICK_B_FRAMES, codec=VideoCodec.H265)), id="h265-b-frames"),
        pytest.param(replace(CAMERA, video=replace(QUICK, slices=3, repeat_headers=True)), id="slices"),
        pytest.param(replace(CAMERA, video=replace(QUICK, codec=VideoCodec.MJPEG), audio=None), id="mjpeg"),
        pytest.param(replace(CAMERA, mtu=300), id="small-packets"),
        pytest.param(replace(CAMERA, first_timestamp=2**32 - 20_000), id="timestamps-wrap"),
        pytest.param(replace(CAMERA, faults=(Quirk.NO_PARAMETER_SETS,)), id="parameter-sets-in-stream"),
        pytest.param(replace(CAMERA, faults=(Quirk.ABSOLUTE_CONTROL, Quirk.NO_CONTENT_BASE)), id="absolute-control"),
    ],
)
async def test_libavformat_plays_every_picture(camera: SimulatedCamera) -> None:
    async with Simulator([camera]) as simulator:
        shown = await asyncio.to_thread(play, simulator.url(camera.name))
        counters = simulator.counters(camera.name)
        sent = {frame.serial: frame for frame in simulator.frames}
    assert_unbroken(shown, camera)
    assert {picture.size for picture in shown} == {(320, 192)}
    for picture in shown:
        assert picture.code is not None
        # What was logged as sent is what is in the picture.
        assert sent[picture.code.serial].time_us == picture.code.time_us
    # Media time runs with the pictures' own time.
    ticks = [picture.pts for picture in shown if picture.pts is not None]
    assert {after - before for before, after in itertools.pairwise(ticks)} == {1800}
    # libavformat sets up sound too, and is sent it: a recorder must not be like that.
    assert counters.video_setups == 1
    assert counters.audio_setups == (0 if camera.audio is None else 1)
    assert bool(counters.audio_packets_sent) is (camera.audio is not None)


async def test_sound_is_decodable() -> None:
    """The camera really offers what a recorder must refuse."""

    def listen(url: str) -> tuple[int, int]:
        with av.open(url, options={"rtsp_transport": "tcp"}, timeout=60) as container:
            for frame in container.decode(audio=0):
                if (level := int(abs(frame.to_ndarray().astype(float)).max() * 32768)) and frame.samples:
                    return frame.sample_rate, level
        raise AssertionError("silence")

    cameras = [replace(CAMERA, name=codec.value, audio=codec) for codec in AudioCodec]
    async with Simulator(cameras) as simulator:
        found = [await asyncio.to_thread(listen, simulator.url(codec.value)) for codec in AudioCodec]
    assert [rate for rate, _ in found] == [8000, 16_000]
    assert all(level > 0 for _, level in found)


@pytest.mark.parametrize("video", [QUICK, QUICK_H265], ids=["h264", "h265"])
async def test_a_camera_may_speak_udp_only(video: VideoSettings) -> None:
    camera = replace(CAMERA, video=video, transports=(Transport.UDP,))
    async with Simulator([camera]) as simulator:
        shown = await asyncio.to_thread(play, simulator.url(camera.name), rtsp_transport="udp")
        with pytest.raises(av.FFmpegError):
            await asyncio.to_thread(play, simulator.url(camera.name))
    # Datagrams may be lost on a busy machine, so only order is asked for.
    serials = [picture.code.serial for picture in shown if picture.code is not None]
    assert serials == sorted(set(serials))
    assert len(serials) > FRAMES // 2


@pytest.mark.parametrize("challenge", [Challenge.BASIC, Challenge.DIGEST_PLAIN, Challenge.DIGEST_MD5])
async def test_the_right_password_opens_and_a_wrong_one_does_not(challenge: Challenge) -> None:
    camera = replace(CAMERA, username="reader", password="right", challenges=(challenge,))  # noqa: S106  a test's
    async with Simulator([camera]) as simulator:
        url = simulator.url(camera.name)
        shown = await asyncio.to_thread(play, with_password(url, camera))
        wrong = replace(camera, password="wrong")  # noqa: S106  a test's
        with pytest.raises(av.HTTPUnauthorizedError):
            await asyncio.to_thread(play, with_password(url, wrong))
        with pytest.raises(av.HTTPUnauthorizedError):
            await asyncio.to_thread(play, url)
    assert_unbroken(shown, camera)
    assert simulator.counters(camera.name).unauthorized >= 3


async def test_tls(tls_server: ssl.SSLContext) -> None:
    camera = replace(CAMERA, tls=True)
    async with Simulator([camera], tls=tls_server) as simulator:
        url = simulator.url(camera.name)
        assert url.startswith("rtsps://")
        shown = await asyncio.to_thread(play, url, tls_verify="0")
    assert_unbroken(shown, camera)


async def test_the_resolution_changes_in_mid_stream() -> None:
    larger = replace(QUICK, width=640, height=368)
    async with Simulator([CAMERA]) as simulator:
        playing = asyncio.create_task(asyncio.to_thread(play, simulator.url(CAMERA.name), 60))
        await simulator.wait_for_client(CAMERA.name)
        await simulator.wait_frames(CAMERA.name, 25)
        await simulator.apply(CAMERA.name, ChangeVideo(larger))
        shown = await playing
        sent = simulator.frames
    sizes = [picture.size for picture in shown]
    changed = sizes.index((640, 368))
    assert set(sizes[:changed]) == {(320, 192)}
    assert set(sizes[changed:]) == {(640, 368)}
    codes = [picture.code for picture in shown]
    assert None not in codes
    # No picture is lost at the change, and the first one after it is a sync sample.
    assert [frame.serial for frame in sent] == list(range(len(sent)))
    first = codes[changed]
    assert first is not None
    assert sent[first.serial].sync


async def test_the_description_says_what_the_stream_is() -> None:
    """Before a packet has come, libavformat knows both media from the session description."""

    def look(url: str) -> list[tuple[str, str]]:
        with av.open(url, options={"rtsp_transport": "tcp"}, timeout=60) as container:
            return [(stream.type, stream.codec_context.name) for stream in container.streams]

    cameras = [replace(CAMERA, name="old"), replace(CAMERA, name="new", video=QUICK_H265, audio=AudioCodec.AAC)]
    async with Simulator(cameras) as simulator:
        assert await asyncio.to_thread(look, simulator.url("old")) == [("video", "h264"), ("audio", "pcm_mulaw")]
        assert await asyncio.to_thread(look, simulator.url("new")) == [("video", "hevc"), ("audio", "aac")]
