"""What a child sends its parent, from cameras over RTSP and from containers over HTTP."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.capture import pyav_input
from recorder_core.errors import ErrorCode
from recorder_core.media import Codec
from recorder_core.parameter_sets import video_format
from recorder_core.rtp import syntax_of
from recorder_core.simulator import (
    Challenge,
    ChangeVideo,
    Disconnect,
    Quirk,
    SimulatedCamera,
    Simulator,
    Transport,
    VideoCodec,
)
from tests.core.simulator.conftest import tls_server

from .taking import CAMERA, LOCKED, PASSWORD, UDP_ONLY, USER, VIDEO, captured, captured_until, nals, orders
from .web import FLASH, FRAMES, MP4, TRANSPORT_STREAM, Clip, made, serving

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

__all__ = ["tls_server"]

H265 = replace(CAMERA, video=replace(VIDEO, codec=VideoCodec.H265))
B_FRAMES = replace(CAMERA, video=replace(VIDEO, b_frames=2))
TCP_ONLY = replace(CAMERA, transports=(Transport.TCP,))
OVER_HTTP = replace(CAMERA, video=replace(VIDEO, codec=VideoCodec.MJPEG), transports=(Transport.HTTP,))


@pytest.mark.parametrize("camera", [CAMERA, UDP_ONLY, TCP_ONLY, H265, B_FRAMES])
async def test_every_picture_comes_once_with_its_time(camera: SimulatedCamera) -> None:
    async with Simulator([camera]) as simulator:
        result = await captured(orders(simulator.url("door")))
        sent = [frame for frame in simulator.frames if frame.receivers]
        assert simulator.counters("door").audio_setups == 0
    codec = Codec(camera.video.codec)
    assert result.error is None
    assert result.info == {"codec": codec, "audio_discarded": False}
    assert (video_format(codec, result.sets[0]).width, len(result.sets)) == (320, 1)
    sent = sent[: len(result.units)]
    assert [unit.sync for unit in result.units] == [frame.sync for frame in sent]
    times = [unit.pts - result.units[0].pts for unit in result.units]
    assert times == [(frame.serial - sent[0].serial) * 1800 for frame in sent]
    sizes = [sum(map(len, nals(unit.data))) for unit in result.units]
    assert all(0 <= frame.size - size < 100 for frame, size in zip(sent, sizes, strict=True))  # but for headers
    arrivals = [unit.arrival_us for unit in result.units]
    assert arrivals == sorted(arrivals)
    for unit in result.units:
        kinds = {syntax_of(codec).types[nal[0]] for nal in nals(unit.data)}
        assert unit.sync == bool(kinds & syntax_of(codec).syncs)


async def test_what_the_stream_alone_says_comes_before_its_first_sync_sample() -> None:
    async with Simulator([replace(CAMERA, faults=(Quirk.NO_PARAMETER_SETS,))]) as simulator:
        result = await captured(orders(simulator.url("door")))
    assert video_format(Codec.H264, result.sets[0]).height == 192
    assert len(result.sets) == 1


async def test_another_picture_size_brings_other_parameter_sets() -> None:
    async with Simulator([CAMERA]) as simulator:
        url = simulator.url("door")
        first = await captured(orders(url))
        await simulator.apply("door", Quirk.NO_PARAMETER_SETS)
        await simulator.apply("door", ChangeVideo(replace(VIDEO, width=640)))
        second = await captured(orders(url))
    assert [video_format(Codec.H264, sets).width for sets in (first.sets[-1], second.sets[-1])] == [320, 640]


# libavformat knows no Digest with SHA-256; cameras that want that are the recorder's own client's.
@pytest.mark.parametrize("challenge", [Challenge.BASIC, Challenge.DIGEST_PLAIN, Challenge.DIGEST_MD5])
async def test_odd_characters_in_name_and_password_are_no_hindrance(challenge: Challenge) -> None:
    async with Simulator([replace(LOCKED, challenges=(challenge,))]) as simulator:
        result = await captured(orders(simulator.url("door"), USER, PASSWORD), most=2)
    assert result.error is None
    assert len(result.units) == 2


@pytest.mark.parametrize(
    ("camera", "user", "password", "code"),
    [
        (LOCKED, USER, "wrong", ErrorCode.AUTH_FAILED),
        (LOCKED, USER, None, ErrorCode.AUTH_FAILED),
        (LOCKED, None, None, ErrorCode.AUTH_REQUIRED),
        (replace(CAMERA, faults=(Quirk.NOT_FOUND,)), None, None, ErrorCode.NOT_FOUND),
        (replace(CAMERA, faults=(Quirk.UNAVAILABLE,)), None, None, ErrorCode.REJECTED),
        # Nothing is set up, for sound is not asked for; then the camera refuses to play.
        (replace(CAMERA, faults=(Quirk.NO_VIDEO,)), None, None, ErrorCode.REJECTED),
        (replace(CAMERA, faults=(Quirk.UNKNOWN_CODEC,)), None, None, ErrorCode.UNSUPPORTED_CODEC),
        (replace(CAMERA, faults=(Quirk.CLOSE_AT_ONCE,)), None, None, ErrorCode.PROTOCOL),
        (replace(CAMERA, faults=(Quirk.REFUSE,)), None, None, ErrorCode.CONNECTION_REFUSED),
    ],
)
async def test_each_refusal_has_its_code(
    camera: SimulatedCamera, user: str | None, password: str | None, code: ErrorCode
) -> None:
    async with Simulator([camera]) as simulator:
        result = await captured(orders(simulator.url("door"), user, password))
        assert simulator.counters("door").audio_setups == 0
    assert result.error is not None
    assert result.error.code is code
    assert "127.0.0.1" not in result.error.message
    assert result.units == []


@pytest.mark.parametrize(("verify", "code"), [(True, ErrorCode.TLS_FAILED), (False, None)])
async def test_a_certificate_of_its_own_is_taken_only_where_that_was_asked_for(
    tls_server: ssl.SSLContext, *, verify: bool, code: ErrorCode | None
) -> None:
    async with Simulator([replace(CAMERA, tls=True)], tls=tls_server) as simulator:
        result = await captured(orders(simulator.url("door"), verify=verify), most=2)
    assert (result.error.code if result.error else None) is code
    assert len(result.units) == (0 if verify else 2)


@pytest.mark.parametrize("camera", [TCP_ONLY, OVER_HTTP])
async def test_a_camera_that_hangs_up_is_lost(camera: SimulatedCamera) -> None:
    result = await captured_until(Disconnect(), camera)
    assert result.error is not None
    assert result.error.code is ErrorCode.CONNECTION_LOST


@pytest.mark.parametrize("camera", [TCP_ONLY, UDP_ONLY])
async def test_a_camera_that_falls_silent_is_stalled(camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyav_input, "_QUIET_S", 0.5)
    monkeypatch.setattr(pyav_input, "_STALL_MARGIN_S", 0)
    result = await captured_until(Quirk.STALL, camera, stall_timeout_s=0.5)
    assert result.error is not None
    assert result.error.code is ErrorCode.STALLED


# Containers


@pytest.mark.parametrize(
    ("clip", "codec"),
    [(TRANSPORT_STREAM, Codec.H264), (FLASH, Codec.H264), (MP4, Codec.H265)],
    ids=["ts", "flv", "mp4"],
)
async def test_of_a_container_with_sound_only_the_picture_is_taken(clip: Clip, codec: Codec) -> None:
    async with serving(made(clip)) as url:
        result = await captured(orders(url), most=FRAMES + 1)
    assert result.info == {"codec": codec, "audio_discarded": True}
    assert result.error is not None
    assert result.error.code is ErrorCode.CONNECTION_LOST  # the file has an end
    assert len(result.units) == FRAMES
    assert result.units[0].sync
    steps = {b - a for a, b in itertools.pairwise(sorted(unit.pts for unit in result.units))}
    assert all(abs(step - 3000) <= 90 for step in steps)  # FLV counts in milliseconds
    assert video_format(codec, result.sets[-1]).width == 160


async def test_a_container_without_sound_discards_none() -> None:
    async with serving(made(Clip("mpegts", audio=None))) as url:
        result = await captured(orders(url))
    assert result.info["audio_discarded"] is False


@pytest.mark.parametrize(
    ("clip", "code"),
    [
        (Clip("mpegts", video=None), ErrorCode.NO_VIDEO),
        (Clip("mpegts", video="mpeg2video", audio=None), ErrorCode.UNSUPPORTED_CODEC),
    ],
)
async def test_a_container_that_cannot_be_recorded_says_why(clip: Clip, code: ErrorCode) -> None:
    async with serving(made(clip)) as url:
        result = await captured(orders(url))
    assert result.error is not None
    assert result.error.code is code


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", b"<html>no camera here</html>", ErrorCode.PROTOCOL),
        ("/elsewhere", b"", ErrorCode.NOT_FOUND),
    ],
)
async def test_what_is_no_video_is_told_as_such(path: str, body: bytes, code: ErrorCode) -> None:
    async with serving(body) as url:
        result = await captured(orders(url + path))
    assert result.error is not None
    assert result.error.code is code


async def test_no_answer_makes_the_child_read_a_file(tmp_path: Path) -> None:
    file = tmp_path / "private.ts"
    file.write_bytes(made(TRANSPORT_STREAM))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{file}\n#EXT-X-ENDLIST\n"
    for body in (playlist, f"ffconcat version 1.0\nfile 'file:{file}'\n"):
        async with serving(body.encode()) as url:
            result = await captured(orders(url))
        assert result.units == []
        assert result.error is not None
        assert result.error.code in (ErrorCode.PROTOCOL, ErrorCode.NO_VIDEO, ErrorCode.UNREACHABLE)
