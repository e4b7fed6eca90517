"""The RTSP source against a camera that is scripted byte by byte: what may stand around its answers."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from recorder_core.capture import native as module
from recorder_core.capture.native import NativeSource
from recorder_core.capture.source import CaptureConfig
from recorder_core.clock import SystemClock
from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtsp import Poller, parse_camera_url
from tests.core.rtp.packets import AVC, STEP, encode, number, sample

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from recorder_core.media import AccessUnit

SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
ANSWERS = {
    b"OPTIONS": b"Public: GET_PARAMETER\r\n\r\n",
    b"DESCRIBE": b"Content-Length: %d\r\n\r\n" % len(SDP) + SDP,
    b"SETUP": b"Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
    b"PLAY": b"\r\n",
    b"TEARDOWN": b"\r\n",
}
NALS = [AVC.slice(90, at, sync=at == 0) for at in range(4)]
VIDEO = encode(number([[nal] for nal in NALS]))

type Around = Callable[[bytes, bytes], bytes]


class Taker:
    """Keeps what a source hands over."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.units: list[AccessUnit] = []
        self.ended: asyncio.Queue[Exception] = asyncio.Queue()

    def on_units(self, units: list[AccessUnit]) -> None:
        """Keep them."""
        self.units += units

    def on_report(self, camera_us: int, pts: int, arrival_us: int) -> None:
        """No camera here reports."""
        raise AssertionError((camera_us, pts, arrival_us))

    def on_end(self, error: Exception) -> None:
        """Keep it."""
        self.ended.put_nowait(error)


@asynccontextmanager
async def scripted(around: Around, *, after: bytes = b"") -> AsyncGenerator[NativeSource]:
    """Give a source of a camera that sends what `around` makes of each answer, and `after` behind the one to PLAY."""
    finished = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method = head.split(b" ", 1)[0]
                cseq = re.search(rb"CSeq: (\d+)", head)
                assert cseq is not None
                answer = b"RTSP/1.0 200 OK\r\nCSeq: %b\r\n%b" % (cseq[1], ANSWERS[method])
                writer.write(around(method, answer))
                if method == b"PLAY":
                    writer.write(after)
                    writer.write_eof()
                    await reader.read()
                    return
        except asyncio.IncompleteReadError, ConnectionError:
            pass
        finally:
            writer.close()
            finished.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"rtsp://127.0.0.1:{port}/live"
    source = NativeSource(CaptureConfig("a", "A", url), parse_camera_url(url), Poller(SystemClock()))
    try:
        yield source
    finally:
        await source.close()
        server.close()
        async with asyncio.timeout(60):
            await finished.wait()


def _plain(_: bytes, answer: bytes) -> bytes:
    return answer


def _others_first(_: bytes, answer: bytes) -> bytes:
    other = b"RTSP/1.0 404 Not Found\r\nCSeq: 77\r\n\r\n"
    return other + b"SET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: 5\r\n\r\n" + answer


def _line_ends_behind(_: bytes, answer: bytes) -> bytes:
    return answer + b"\r\n\r\n"


def _video_first(method: bytes, answer: bytes) -> bytes:
    """What comes before the answer is passed over; it is no more than a picture or two."""
    return VIDEO + answer if method == b"PLAY" else answer


def _without_numbers(_: bytes, answer: bytes) -> bytes:
    return re.sub(rb"CSeq: \d+\r\n", b"", answer)


@pytest.mark.parametrize("around", [_plain, _others_first, _line_ends_behind, _video_first, _without_numbers])
async def test_what_may_stand_around_an_answer(around: Around) -> None:
    async with scripted(around, after=VIDEO) as source:
        info = await source.open()
        assert (info.audio_offered, info.parameter_sets) == (False, ())
        taker = Taker()
        source.start(taker)
        async with asyncio.timeout(60):
            end = await taker.ended.get()
        assert isinstance(end, CameraError)
        assert end.code is ErrorCode.CONNECTION_LOST
        assert [unit.data for unit in taker.units] == [sample([nal]) for nal in NALS]
        assert [unit.pts for unit in taker.units] == [at * STEP for at in range(4)]


async def test_video_in_the_middle_of_an_answer_that_came_in_pieces() -> None:
    """A frame of which only the beginning has come is waited for."""

    def cut(method: bytes, answer: bytes) -> bytes:
        return VIDEO[:3] if method == b"PLAY" else answer

    async with scripted(cut, after=VIDEO[3:] + b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n" + VIDEO) as source:
        await source.open()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"\0" * 20_000])
async def test_something_else_at_the_port(answer: bytes) -> None:
    async with scripted(lambda *_: answer) as source:
        with pytest.raises(CameraError) as refusal:
            await source.open()
    assert refusal.value.code is ErrorCode.PROTOCOL


async def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.02)
    async with scripted(lambda *_: b"") as source:
        with pytest.raises(CameraError) as refusal:
            await source.open()
    assert refusal.value.code is ErrorCode.TIMEOUT


async def test_no_connection_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.02)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    url = parse_camera_url("rtsp://127.0.0.1/")
    source = NativeSource(CaptureConfig("a", "A", url.url), url, Poller(SystemClock()))
    with pytest.raises(CameraError) as refusal:
        await source.open()
    assert refusal.value.code is ErrorCode.TIMEOUT
    with pytest.raises(RuntimeError, match="opened"):
        source.start(Taker())
    await source.close()


async def test_a_camera_that_takes_no_goodbye_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each reconnection would leave a socket open."""
    async with scripted(_plain) as source:
        await source.open()
        source.start(Taker())
        assert source._stream is not None
        assert source._connection is not None
        connection = source._connection

        def refuse() -> None:
            raise CameraError(ErrorCode.CONNECTION_LOST, "gone")

        monkeypatch.setattr(source._stream, "farewell", refuse)
        with pytest.raises(CameraError):
            await source.close()
        assert connection._sock.fileno() == -1
