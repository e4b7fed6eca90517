"""Pictures are decoded in a process of their own, and whatever happens there stays there."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from recorder_core.decoder import Decoder
from recorder_core.decoder.__main__ import first_picture
from recorder_core.decoder.limits import MOST_INPUT_BYTES
from recorder_core.errors import ErrorCode, RecorderError

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
    assert first_picture(mp4) is None


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
