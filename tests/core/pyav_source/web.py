"""A web camera: containers with picture and sound, made by PyAV and served over HTTP."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

FRAMES = 60
FPS = 30


@dataclass(frozen=True, slots=True)
class Clip:
    """A file in memory: how it is packed, what is in it, and how many frames."""

    container: str
    video: str | None = "libx264"
    audio: str | None = "aac"
    options: tuple[tuple[str, str], ...] = ()


FRAGMENTED = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
TRANSPORT_STREAM = Clip("mpegts")
FLASH = Clip("flv")
MP4 = Clip("mp4", "libx265", options=FRAGMENTED)


def made(clip: Clip) -> bytes:
    """Encode two seconds of grey that grows brighter, and silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=clip.container, options=dict(clip.options)) as out:
        audio = video = None
        if clip.video is not None:
            quiet = {"g": "15", "preset": "ultrafast", "x265-params": "log-level=none"}
            video = out.add_stream(clip.video, rate=FPS, options=quiet)
            assert isinstance(video, av.VideoStream)
            video.width, video.height, video.pix_fmt = 160, 96, "yuvj420p" if clip.video == "mjpeg" else "yuv420p"
        if clip.audio is not None:
            audio = out.add_stream(clip.audio, rate=48_000)
            assert isinstance(audio, av.AudioStream)
        for number in range(FRAMES):
            if isinstance(video, av.VideoStream):
                picture = av.VideoFrame.from_ndarray(np.full((96, 160), 4 * number, np.uint8), format="gray")
                picture.pts = number
                out.mux(video.encode(picture.reformat(format=video.pix_fmt)))
            if isinstance(audio, av.AudioStream):
                sound = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.float32), format="fltp", layout="mono")
                sound.sample_rate, sound.pts = 48_000, number * 1600
                out.mux(audio.encode(sound))
        for stream in (video, audio):
            if isinstance(stream, av.VideoStream | av.AudioStream):
                out.mux(stream.encode(None))
    return file.getvalue()


@asynccontextmanager
async def serving(body: bytes, *, hangs: bool = False) -> AsyncGenerator[str]:
    """Serve `body` under the address that is given; `hangs` keeps the connection open behind it."""
    over = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if not hangs:
            response.content_length = len(body)
        await response.prepare(request)
        await response.write(body)
        if hangs:
            await over.wait()
        return response

    app = web.Application()
    app.router.add_get("/camera", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/camera"))
        over.set()
