"""What the fuzzer throws bytes at: every parser of what a camera or a disk may hand to the recorder.

A target is a table row: examples that are valid, a function that takes their mutated kin, and the errors that it may
raise, which are those that its callers expect. Anything else that it raises is a find.
"""

from __future__ import annotations

import hashlib
import io
import struct
from array import array
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Final, cast

from recorder_core.errors import CameraError
from recorder_core.export.package.zip_file import ZipError, ZipWriter, read_zip
from recorder_core.jpeg_header import frame_header
from recorder_core.media import Codec, Sample
from recorder_core.mp4 import (
    Mp4Error,
    SampleTable,
    check_only_video_track,
    fragment_header,
    init_segment,
    progressive_header,
    read_progressive,
    read_segment,
)
from recorder_core.parameter_sets import ParameterSetError, video_format
from recorder_core.rtp import parse_sender_report
from recorder_core.rtsp.auth import Authenticator, Credentials
from recorder_core.rtsp.message import parse_message
from recorder_core.rtsp.negotiation import Session, VideoTrack, negotiate
from recorder_core.rtsp.sdp import VideoOffer, choose_video, parse_sdp
from recorder_core.rtsp.stream import VideoStream
from recorder_core.rtsp.url import parse_camera_url
from recorder_core.simulator.packetizer import h264_payloads, h265_payloads
from recorder_core.simulator.rtp import interleaved_packets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recorder_core.rtsp.connection import Connection

SPS: Final = bytes.fromhex("6742c028da01e0089f961000000300100000030328f1832a")
PPS: Final = bytes.fromhex("68ce3c80")
PAYLOAD_TYPE: Final = 96

_SDP: Final = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    b"a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAKNoB4AiflhAAAAMAEAAAAwMo8YMq,aM48gA==\r\n"
    b"a=control:track1\r\nm=audio 0 RTP/AVP 0\r\na=control:track2\r\n"
)
_CHALLENGE: Final = b'Digest realm="cam", nonce="8b9c", qop="auth", algorithm=SHA-256, opaque="5c\\"x", stale=FALSE'
_SENDER_REPORT: Final = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, 0xEE000000, 1 << 31, 90_000, 10, 1000)
_JPEG: Final = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000fffe00066c696272ffdb00040001"  # JFIF, a comment, a table
    "ffc00011080168028003012200021101031101ffda000c03010002110311003f00"  # 640 by 360
)


@dataclass(frozen=True, slots=True)
class Target:
    """One row: see the module."""

    name: str
    examples: tuple[bytes, ...]
    run: Callable[[bytes], object]
    may_raise: tuple[type[Exception], ...] = ()


def _answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"RTSP/1.0 " + status, b"CSeq: 1", *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


_CONVERSATION: Final = b"".join(
    (
        _answer(b"", b"Public: OPTIONS, GET_PARAMETER"),
        _answer(b"", b"WWW-Authenticate: " + _CHALLENGE, status=b"401 Unauthorized"),
        _answer(_SDP, b"Content-Base: rtsp://127.0.0.1/cam/", b"Server: x"),
        _answer(b"", b"Session: 12;timeout=60", b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1"),
        _answer(b""),
    )
)


def _converse(data: bytes) -> None:
    """Negotiate with a camera that says `data`."""
    conversation = negotiate(parse_camera_url("rtsp://127.0.0.1/cam"), Credentials("user", "password"))
    next(conversation)
    with suppress(StopIteration):  # the session stands
        while (read := parse_message(data)) is not None:
            message, size = read
            data = data[size:]
            conversation.send(message)


class _Bytes:
    """A connection from which these bytes come, in pieces."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [bytes(piece) for piece in batched(data, 700, strict=False)]

    @property
    def ended(self) -> bool:
        return not self._pieces

    def receive_into(self, view: memoryview) -> int:
        piece = self._pieces.pop(0)[: len(view)]
        view[: len(piece)] = piece
        return len(piece)

    def send_now(self, data: bytes) -> None:
        """Keep-alives go nowhere."""


def _play(codec: Codec) -> Callable[[bytes], None]:
    def play(data: bytes) -> None:
        """Receive a stream that consists of `data`, and expect whole samples of it."""
        buffer = bytearray(1 << 16)
        connection = _Bytes(data)
        units: list[bytes] = []
        session = Session(
            "rtsp://127.0.0.1/cam",
            "12",
            60,
            "OPTIONS",
            VideoTrack(VideoOffer(codec, PAYLOAD_TYPE, "", (SPS, PPS) if codec is Codec.H264 else ()), 0, 1),
            offers_audio=False,
            server=None,
            authenticator=Authenticator(None),
        )
        stream = VideoStream(
            cast("Connection", connection),  # only these two of its methods are called while a stream plays
            session,
            buffer=buffer,
            early=b"",
            on_units=lambda ready: units.extend(unit.data for unit in ready),
            on_report=lambda report, pts, arrival_us: None,  # noqa: ARG005 - reports are not what is tried
            on_end=lambda _: None,
        )
        view = memoryview(buffer)[:-32]
        while not connection.ended:
            stream.poll(buffer, view, now_us=1)
        stream.failed(CameraError.__new__(CameraError))
        for unit in units:
            _expect_whole(unit)

    return play


def _expect_whole(sample: bytes) -> None:
    """Make sure that a sample consists of NAL units that are as long as they say (ISO/IEC 14496-15 section 4.3.3)."""
    at = 0
    while at < len(sample):
        at += 4 + int.from_bytes(sample[at : at + 4])
    if at != len(sample):
        message = f"a sample of {len(sample)} bytes whose NAL units need {at}"
        raise AssertionError(message)


def _stream(payloads: Callable[[Iterable[bytes], int], Iterable[bytes]], header: bytes) -> bytes:
    """Return four pictures of two slices each, as interleaved packets with a report and an answer between them."""
    parts = []
    sequence = 65_534
    for number in range(4):
        units = [header + bytes((0x80, number)) + bytes(60), header + bytes((0x10, number)) + bytes(1500)]
        wire, offsets = interleaved_packets(payloads(units, 400), PAYLOAD_TYPE)
        packets = bytearray(wire)
        for offset in offsets:
            struct.pack_into(">HII", packets, offset + 6, sequence & 0xFFFF, number * 3600, 7)
            sequence += 1
        parts += [bytes(packets), b"$\x01" + len(_SENDER_REPORT).to_bytes(2) + _SENDER_REPORT, _answer(b"")]
    return b"".join(parts)


def _segment() -> bytes:
    """Return a file of two fragments."""
    video = video_format(Codec.H264, (SPS, PPS))
    parts = [init_segment(video, camera_id="cam", run_id="run", segment_id=1)]
    for number in range(2):
        samples = [
            Sample(bytes((0, 0, 0, 2, 0x65, place)), dts, dts, 3600, sync=place == 0)
            for place, dts in enumerate(range(number * 7200, (number + 1) * 7200, 3600))
        ]
        digests = [hashlib.sha256(sample.data).digest() for sample in samples]
        parts.append(fragment_header(samples, sequence=number + 1, base_dts=0, start_us=10**15, digests=digests))
        parts += [sample.data for sample in samples]
    return b"".join(parts)


def _clip() -> bytes:
    """Return a clip of three pictures, the first of which is hidden."""
    table = SampleTable(array("I", (6, 6, 6)), array("I", [3600] * 3), array("I", (3600, 7200, 0)), array("I", (0,)))
    video = video_format(Codec.H264, (SPS, PPS))
    return progressive_header(video, table, show_start=3600, show_duration=7200, created_us=10**15) + bytes(18)


def _zip() -> bytes:
    """Return a zip of two files."""
    file = io.BytesIO()
    archive = ZipWriter(file, 10**15)
    for name in ("one.txt", "two.txt"):
        archive.begin(name)
        archive.write(name.encode())
        archive.end()
    archive.close()
    return file.getvalue()


TARGETS: Final = (
    Target("message", (_CONVERSATION, b"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n"), parse_message, (CameraError,)),
    Target("conversation", (_CONVERSATION,), _converse, (CameraError,)),
    Target("sdp", (_SDP,), lambda data: choose_video(parse_sdp(data)), (CameraError,)),
    Target(
        "challenge", (_CHALLENGE,), lambda data: Authenticator(Credentials("u", "p")).accept([data.decode("latin-1")])
    ),
    Target("rtcp", (_SENDER_REPORT,), parse_sender_report),
    Target("stream_h264", (_stream(h264_payloads, b"\x65"),), _play(Codec.H264), (CameraError,)),
    Target("stream_h265", (_stream(h265_payloads, b"\x26\x01"),), _play(Codec.H265), (CameraError,)),
    Target("parameter_sets", (SPS,), lambda data: video_format(Codec.H264, (data, PPS)), (ParameterSetError,)),
    Target("jpeg_header", (_JPEG,), frame_header),
    Target("segment", (_segment(),), lambda data: read_segment(io.BytesIO(data)), (Mp4Error,)),
    Target("clip", (_clip(),), lambda data: read_progressive(io.BytesIO(data), 0, len(data)), (Mp4Error,)),
    Target("zip", (_zip(),), lambda data: read_zip(io.BytesIO(data)), (ZipError,)),
    Target("only_video", (_segment(),), lambda data: check_only_video_track(io.BytesIO(data)), (Mp4Error,)),
)
