"""Pictures are decoded in a process of their own, and whatever happens there stays there."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from recorder_core.decoder import Decoder
from recorder_core.decoder.__main__ import encoded
from recorder_core.decoder.limits import MOST_INPUT_BYTES
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import StillFormat

if TYPE_CHECKING:
    from pathlib import Path


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
    assert "too large" in await _failure(Decoder(), bytes(MOST_INPUT_BYTES + 1))


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


def _instead(monkeypatch: pytest.MonkeyPatch, folder: Path, command: str) -> None:
    """Put another program into the decoder's place."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\nexec 0<&-\n{command}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
