"""Pictures are decoded in a process of their own, and whatever happens there stays there."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from recorder_core.decoder import Decoder, anew
from recorder_core.decoder.__main__ import encoded
from recorder_core.decoder.anew import encode_anew
from recorder_core.decoder.limits import (
    EXIT_FAILED,
    EXIT_NO_ENCODER,
    MOST_ENCODED_BYTES,
    MOST_INPUT_BYTES,
    PICTURE,
)
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import StillFormat

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoStream


def _clip(level: int = 200) -> bytes:
    """Return ten grey pictures."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(10):
            picture = av.VideoFrame.from_ndarray(np.full((180, 320, 3), level, dtype=np.uint8))
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return file.getvalue()


async def _failure(decoder: Decoder, mp4: bytes) -> str:
    with pytest.raises(RecorderError) as caught:
        await decoder.jpeg(mp4)
    assert caught.value.code is ErrorCode.DECODER_FAILED
    return caught.value.message


async def test_a_picture_comes_out_as_it_went_in() -> None:
    with Image.open(io.BytesIO(await Decoder().jpeg(_clip()))) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (320, 180)
        grey = picture.getpixel((100, 100))
    assert isinstance(grey, tuple)
    assert all(abs(value - 200) < 8 for value in grey)


@pytest.mark.parametrize("mp4", [b"", b"garbage" * 1000, _clip()[:800]], ids=["nothing", "garbage", "torn"])
async def test_what_is_no_picture_is_refused(mp4: bytes) -> None:
    assert "could not be decoded" in await _failure(Decoder(), mp4)
    assert encoded(mp4, "png", None) is None


async def test_what_is_too_large_is_refused_unseen() -> None:
    assert "too much" in await _failure(Decoder(), bytes(MOST_INPUT_BYTES + 1))


async def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    _instead(monkeypatch, data, "sleep 600")
    assert "too long" in await _failure(Decoder(timeout_s=0.05), _clip())


async def test_a_decoder_that_crashes_harms_nobody(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    _instead(monkeypatch, data, "kill -SEGV $$")
    assert "could not be decoded" in await _failure(Decoder(), _clip())


async def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    (data / "av.py").write_text("raise ImportError")
    monkeypatch.setattr(sys, "path", [str(data), *sys.path])
    assert "PyAV" in await _failure(Decoder(), _clip())


def _colours(width: int, height: int) -> bytes:
    """Return ten pictures, out of order in decoding, each redder than the one before; colours as HD or SD has them."""
    file = io.BytesIO()
    matrix = Colorspace.ITU709 if height >= 720 else Colorspace.ITU601
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "2", "b-adapt": "0", "qp": "4"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(10):
            colour = (60 + 15 * number, 40, 90)
            picture = av.VideoFrame.from_ndarray(np.full((height, width, 3), colour, dtype=np.uint8))
            container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace=matrix)))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.mark.parametrize("form", StillFormat)
@pytest.mark.parametrize("size", [(320, 180), (1280, 720)])
async def test_a_picture_is_found_by_its_time_and_has_its_colours(form: StillFormat, size: tuple[int, int]) -> None:
    mp4 = _colours(*size)
    with av.open(io.BytesIO(mp4), "r", options={"ignore_editlist": "1"}) as container:
        times = sorted(packet.pts for packet in container.demux() if packet.pts is not None)
    for number in (0, 4, 9):
        with Image.open(io.BytesIO(await Decoder().picture_at(mp4, times[number], form))) as picture:
            assert (picture.format, picture.size) == (form.upper(), size)
            found = picture.getpixel((100, 100))
        assert isinstance(found, tuple)
        assert all(abs(one - wanted) < 7 for one, wanted in zip(found, (60 + 15 * number, 40, 90), strict=True))
    with pytest.raises(RecorderError):
        await Decoder().picture_at(mp4, times[-1] + 1, form)


async def test_more_pictures_than_turns_all_come() -> None:
    decoder = Decoder(at_once=1)
    clip = _clip()
    pictures = await asyncio.gather(*(decoder.jpeg(clip) for _ in range(3)))
    assert len(set(pictures)) == 1


def _coded(codec: str, pixels: str, full: bool = False) -> bytes:  # noqa: FBT001, FBT002  # reads well as a table
    """Return ten pictures, each lighter than the one before, as this codec and pixel format have them."""
    file = io.BytesIO()
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(file, "w", format="mp4") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=10, options=quiet))
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixels
        if full:
            stream.codec_context.color_range = ColorRange.JPEG
        for number in range(10):
            grey = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 40 + 15 * number, dtype=np.uint8))
            dst = ColorRange.JPEG if full else ColorRange.MPEG
            container.mux(stream.encode(grey.reformat(format=pixels, dst_color_range=dst)))
        container.mux(stream.encode())
    return file.getvalue()


def _times(mp4: bytes) -> list[int]:
    with av.open(io.BytesIO(mp4), "r", options={"ignore_editlist": "1"}) as container:
        return sorted(packet.pts for packet in container.demux() if packet.pts is not None)


@pytest.mark.parametrize(
    ("codec", "pixels", "full"),
    [("libx264", "yuv420p", False), ("libx264", "yuvj420p", True), ("libx265", "yuv420p10le", False)],
)
async def test_pictures_anew_are_of_the_same_light(codec: str, pixels: str, full: bool) -> None:  # noqa: FBT001  # as above
    """Whatever range of values the camera uses, and however many bits; every player can show what comes of it."""
    mp4 = _coded(codec, pixels, full)
    times = _times(mp4)
    heard: list[tuple[int, int]] = []
    made = await Decoder().pictures_anew(mp4, times[3:7], lambda *done: heard.append(done))
    assert heard == [(number, 4) for number in range(1, 5)]
    assert [picture.pts for picture in made.pictures] == times[3:7]
    assert [picture.sync for picture in made.pictures] == [True, False, False, False]
    assert (made.video_format.width, made.video_format.height) == (320, 180)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    start = b"\0\0\0\1"
    stream = [start + unit for unit in made.video_format.parameter_sets]
    stream += [start + picture.data[4:] for picture in made.pictures]
    frames = [*decoder.decode(av.Packet(b"".join(stream[:3]))), *decoder.decode(None)]
    (value,) = {round(float(frame.to_ndarray(format="rgb24").mean())) for frame in frames}
    assert abs(value - (40 + 15 * 3)) < 4
    assert frames[0].format.name == ("yuvj420p" if full else "yuv420p")


async def test_a_picture_that_is_missing_among_them_is_noticed() -> None:
    """Nothing is filled in for it."""
    mp4 = _clip()
    times = _times(mp4)
    assert "Not all pictures" in await _failure_anew(mp4, [*times[:3], times[3] + 1])
    assert "could not be decoded" in await _failure_anew(mp4, [times[-1] + 1])
    assert "could not be decoded" in await _failure_anew(b"garbage", [1])


def _noise(pictures: int) -> bytes:
    """Return noise, ten pictures a second."""
    file, random = io.BytesIO(), np.random.default_rng(1)
    with av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(pictures):
            picture = av.VideoFrame.from_ndarray(random.integers(0, 255, (180, 320, 3), dtype=np.uint8))
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return file.getvalue()


async def test_a_library_without_the_encoder_is_named(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """PyAV comes with what it was built with."""
    mp4 = _clip()
    out = io.BytesIO()
    assert encode_anew(mp4, 0, 1 << 40, out, "no_such_encoder") == EXIT_NO_ENCODER
    assert out.getvalue() == b""
    _instead(monkeypatch, data, f"exit {EXIT_NO_ENCODER}")
    assert "no encoder for H.264" in await _failure_anew(mp4, [0])


def test_the_process_itself_encodes_and_refuses() -> None:
    """What it writes, picture by picture; and nothing of what is none."""
    out = io.BytesIO()
    mp4 = _clip()
    times = _times(mp4)
    assert encode_anew(mp4, times[2], times[5], out) == 0
    pts, sync, size = PICTURE.unpack(out.getvalue()[: PICTURE.size])
    assert (pts, sync) == (times[2], True)
    assert 0 < size < len(out.getvalue())
    assert encode_anew(mp4, times[-1] + 1, times[-1] + 2, io.BytesIO()) == EXIT_FAILED
    assert encode_anew(b"garbage", 0, 1, io.BytesIO()) == EXIT_FAILED


def test_many_large_pictures_have_less_quality_rather_than_be_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise is the most that can be asked of an encoder; ten seconds of it must fit."""
    mp4 = _noise(pictures=100)
    times = _times(mp4)
    sizes = []
    for room in (1 << 30, 1 << 19):
        out = io.BytesIO()
        monkeypatch.setattr(anew, "_ROOM_BITS", 8 * room)
        assert encode_anew(mp4, times[0], times[-1] + 1, out) == 0
        sizes.append(len(out.getvalue()))
    assert sizes[0] > 2 << 20
    assert sizes[1] < (1 << 19) * 4 // 3  # the room is three quarters of what is too much


_SAY = "#!{python}\nimport sys\nsys.stdin.buffer.read()\nsys.stdout.buffer.write({said!r})\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (PICTURE.pack(0, True, 99) + b"torn", "Not all pictures"),
        (PICTURE.pack(0, True, MOST_ENCODED_BYTES + 1), "too much"),
        (PICTURE.pack(0, True, 4) + b"what", "not encoded as they should be"),
    ],
    ids=["torn", "endless", "no parameter sets"],
)
async def test_what_the_process_says_is_not_believed(
    said: bytes, words: str, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    """It read what came from a camera."""
    program = data / "program"
    program.write_text(_SAY.format(python=sys.executable, said=said))
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    assert words in await _failure_anew(b"mp4", [0])


async def _failure_anew(mp4: bytes, times: list[int]) -> str:
    with pytest.raises(RecorderError) as caught:
        await Decoder().pictures_anew(mp4, times, lambda _done, _total: None)
    assert caught.value.code is ErrorCode.DECODER_FAILED
    return caught.value.message


def _instead(monkeypatch: pytest.MonkeyPatch, folder: Path, command: str) -> None:
    """Put another program into the decoder's place."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\nexec 0<&-\n{command}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
