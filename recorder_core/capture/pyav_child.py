"""The child process that captures through PyAV, run as a module with its orders on standard input.

For what the recorder's own client does not speak: RTSP over UDP, HTTP, RTMP. Only the video is read (invariant 5): over
RTSP nothing else is set up, and in a container the rest is discarded at the demuxer and reported.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.error
from av.bitstream import BitStreamFilterContext

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import TIMESCALE, Codec
from recorder_core.rtp import NalSyntax, syntax_of

from .pyav_protocol import UNIT, Kind, message, pack_sets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}
_TO_ANNEX_B = {Codec.H264: "h264_mp4toannexb", Codec.H265: "hevc_mp4toannexb"}
_START_CODE = b"\x00\x00\x01"
_OPEN_TIMEOUT_S = 10.0

# Errors of libavformat, the specific ones first; their own texts name the address, so they are not handed on.
_ERRORS: tuple[tuple[type[Exception], ErrorCode, str], ...] = (
    (av.error.HTTPUnauthorizedError, ErrorCode.AUTH_FAILED, "The camera refuses this user name and password."),
    (av.error.HTTPForbiddenError, ErrorCode.AUTH_FAILED, "The camera forbids this user to see the stream."),
    (av.error.HTTPNotFoundError, ErrorCode.NOT_FOUND, "The camera knows no stream at this address."),
    (av.error.ConnectionRefusedError, ErrorCode.CONNECTION_REFUSED, "The camera refuses connections."),
    (av.error.TimeoutError, ErrorCode.TIMEOUT, "The camera did not answer in time."),
    (av.error.ExitError, ErrorCode.TIMEOUT, "The camera did not answer in time."),
    (av.error.InvalidDataError, ErrorCode.PROTOCOL, "What answers at this address sends no video."),
    (av.error.FFmpegError, ErrorCode.UNREACHABLE, "The camera cannot be reached."),
)


def open_container(orders: dict[str, str | bool | None]) -> InputContainer:
    """Open the address with the credentials in it; they exist in this process's memory only."""
    url = str(orders["url"])
    parts = urlsplit(url)
    if orders.get("username") is not None:
        user = f"{quote(str(orders['username']), safe='')}:{quote(str(orders.get('password') or ''), safe='')}"
        url = urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))
    options = {"rw_timeout": str(int(_OPEN_TIMEOUT_S * 1_000_000))}
    if parts.scheme in ("rtsp", "rtsps"):
        options = {
            "allowed_media_types": "video",
            "timeout": str(int(_OPEN_TIMEOUT_S * 1_000_000)),
            "buffer_size": str(4 << 20),
        }
    if parts.scheme in ("rtsps", "https", "rtmps"):
        options["tls_verify"] = str(int(bool(orders.get("verify_tls", True))))
    return av.open(url, options=options, timeout=_OPEN_TIMEOUT_S)


def find_video(container: InputContainer) -> tuple[VideoStream, Codec]:
    """Return the stream to record.

    Raises:
        CameraError: `NO_VIDEO` or `UNSUPPORTED_CODEC`.
    """
    if not container.streams.video:
        raise CameraError(ErrorCode.NO_VIDEO, "The camera offers no video at this address.")
    for stream in container.streams.video:
        codec = _CODECS.get(stream.codec_context.name)
        if codec is not None:
            return stream, codec
    names = ", ".join(stream.codec_context.name for stream in container.streams.video)
    raise CameraError(ErrorCode.UNSUPPORTED_CODEC, f"The camera sends {names}; H.264 or H.265 is needed.", codec=names)


class UnitMaker:
    """Turns byte streams with start codes into MP4 samples, and keeps the parameter sets apart."""

    def __init__(self, syntax: NalSyntax) -> None:
        """Begin without parameter sets."""
        self._syntax = syntax
        self._sets: dict[tuple[int, int], bytes] = {}

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """The sets in force, in the order that an init segment wants."""
        return tuple(nal for _, nal in sorted(self._sets.items()))

    def make(self, data: bytes) -> tuple[bytes, bool, bool]:
        """Return the sample, whether it is a sync sample, and whether the parameter sets changed with it."""
        parts = []
        sync = changed = False
        for piece in data.split(_START_CODE):
            nal = piece.rstrip(b"\x00")
            if len(nal) <= self._syntax.header:
                continue
            kind = self._syntax.types[nal[0]]
            if kind in self._syntax.parameter_sets:
                key = self._syntax.parameter_set_key(nal)
                changed = changed or self._sets.get(key) != nal
                self._sets[key] = nal
            elif kind not in self._syntax.dropped:
                sync = sync or kind in self._syntax.syncs
                parts += [len(nal).to_bytes(4), nal]
        return b"".join(parts), sync, changed


def packets(container: InputContainer, stream: VideoStream, codec: Codec) -> Iterator[Packet[VideoStream]]:
    """Yield the video's packets with start codes and with parameter sets before each sync sample."""
    to_annex_b = BitStreamFilterContext(_TO_ANNEX_B[codec], stream)
    for packet in container.demux(stream):
        if packet.size:
            yield from to_annex_b.filter(packet)


def capture(orders: dict[str, str | bool | None], pipe: BinaryIO) -> None:
    """Capture until the camera ends or the pipe breaks."""
    with open_container(orders) as container:
        stream, codec = find_video(container)
        info = {"codec": codec, "audio_discarded": any(one.type == "audio" for one in container.streams)}
        pipe.write(message(Kind.INFO, json.dumps(info).encode()))
        pipe.flush()
        maker = UnitMaker(syntax_of(codec))
        # With RTSP the parameter sets may stand in the session description alone, which becomes the extradata.
        extradata = stream.codec_context.extradata or b""
        if extradata.startswith((_START_CODE, b"\x00" + _START_CODE)):
            maker.make(extradata)
            pipe.write(message(Kind.PARAMETER_SETS, pack_sets(maker.parameter_sets)))
        for packet in packets(container, stream, codec):
            if packet.pts is None or packet.time_base is None:
                continue  # RTP always has a time; without one a picture has no place on any time line
            data, sync, changed = maker.make(bytes(packet))
            if changed:
                pipe.write(message(Kind.PARAMETER_SETS, pack_sets(maker.parameter_sets)))
            if data:
                pts = int(packet.pts * packet.time_base * TIMESCALE)
                head = UNIT.pack(pts, time.monotonic_ns() // 1000, sync)
                pipe.write(message(Kind.UNIT, head + data))
                pipe.flush()


def explain(error: Exception) -> CameraError:
    """Say in the recorder's words what libavformat met."""
    if isinstance(error, CameraError):
        return error
    for kind, code, text in _ERRORS:
        if isinstance(error, kind):
            return CameraError(code, text)
    raise error


def main() -> int:
    """Read the orders (one line of JSON), capture, and end with the reason."""
    av.logging.set_level(None)  # its messages contain addresses
    orders = json.loads(sys.stdin.readline())
    pipe = sys.stdout.buffer
    try:
        capture(orders, pipe)
        error = CameraError(ErrorCode.CONNECTION_LOST, "The camera closed the connection.")
    except BrokenPipeError:
        return 0  # the recorder has gone
    except (CameraError, av.error.FFmpegError) as fault:
        error = explain(fault)
    body = {"code": error.code, "message": error.message, "placeholders": error.placeholders}
    pipe.write(message(Kind.ERROR, json.dumps(body).encode()))
    pipe.flush()
    return 1


if __name__ == "__main__":
    sys.exit(main())
