"""The child process that captures through PyAV, run as a module with its orders on standard input.

For what the recorder's own client does not speak: RTSP over UDP, HTTP, RTMP. Only the video is read (invariant 5): over
RTSP nothing else is set up, and in a container the rest is discarded at the demuxer and reported.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import av
import av.error
from av.bitstream import BitStreamFilterContext

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.jpeg_header import frame_header
from recorder_core.media import TIMESCALE, Codec
from recorder_core.rtp import NalSyntax, syntax_of

from .pyav_input import find_video, open_input
from .pyav_protocol import UNIT, Kind, Orders, message, pack_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_NO_TIMES = 0x80
"""libavformat's AVFMT_NOTIMESTAMPS: what it says of times in such a container is made up."""

_TO_ANNEX_B = {Codec.H264: "h264_mp4toannexb", Codec.H265: "hevc_mp4toannexb"}
_START_CODE = b"\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes with start codes, all or a part of a picture; or a whole JPEG picture.

    `pts` is media time, `arrival_us` monotonic.
    """

    data: bytes
    pts: int
    arrival_us: int


class Maker(Protocol):
    """Turns what libavformat gives of a picture into an MP4 sample, and keeps the parameter sets apart."""

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """The sets in force, in the order that an init segment wants."""
        ...

    def make(self, data: bytes) -> tuple[bytes, bool, bool]:
        """Return the sample, whether it is a sync sample, and whether the parameter sets changed with it."""
        ...


class JpegMaker:
    """Takes each picture as it is; its frame header does for a parameter set.

    A picture without one that can be read changes it to an empty one, which the recorder treats like any parameter set
    that it cannot read.
    """

    def __init__(self) -> None:
        """Begin without a frame header."""
        self.parameter_sets: tuple[bytes, ...] = ()

    def make(self, data: bytes) -> tuple[bytes, bool, bool]:
        """Return the picture, which is a sync sample, and whether its frame header is another one."""
        before, self.parameter_sets = self.parameter_sets, (frame_header(data) or b"",)
        return data, True, self.parameter_sets != before


class UnitMaker:
    """Turns byte streams with start codes into samples of NAL units with lengths."""

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
            nal = piece.rstrip(b"\x00")  # the fourth byte of the next start code, or trailing_zero_8bits
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


def gather(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join the pieces that share a time to the picture that they are of, which arrived with the last of them."""
    waiting: list[Piece] = []
    for piece in pieces:
        if waiting and piece.pts != waiting[0].pts:
            yield _joined(waiting)
            waiting = []
        waiting.append(piece)
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[Piece]) -> Piece:
    return Piece(b"".join(piece.data for piece in pieces), pieces[0].pts, pieces[-1].arrival_us)


def pictures(container: InputContainer, stream: VideoStream, codec: Codec, *, is_rtsp: bool) -> Iterator[Piece]:
    """Yield the video's pictures, those of NAL units with start codes.

    RTP brings them in pieces with start codes; a container brings whole ones, perhaps with lengths instead, which the
    filter replaces. JPEG pictures come whole from both. A multipart answer tells no times: a picture's is its arrival.
    """
    if codec is Codec.MJPEG:
        whole = _pieces(container.demux(stream))
        return map(_timed_by_arrival, whole) if container.format.flags & _NO_TIMES else whole
    if is_rtsp:
        return gather(_pieces(container.demux(stream)))
    to_annex_b = BitStreamFilterContext(_TO_ANNEX_B[codec], stream)
    return _pieces(out for packet in container.demux(stream) if packet.size for out in to_annex_b.filter(packet))


def _pieces(packets: Iterable[Packet[VideoStream]]) -> Iterator[Piece]:
    for packet in packets:
        # Without a time a picture has no place on any time line; the last packet of all is empty.
        if packet.size and packet.pts is not None and packet.time_base is not None:
            pts = int(packet.pts * packet.time_base * TIMESCALE)
            yield Piece(bytes(packet), pts, time.monotonic_ns() // 1000)


def _timed_by_arrival(piece: Piece) -> Piece:
    return replace(piece, pts=piece.arrival_us * TIMESCALE // 1_000_000)


def _maker(codec: Codec) -> Maker:
    return JpegMaker() if codec is Codec.MJPEG else UnitMaker(syntax_of(codec))


def capture(orders: Orders, pipe: BinaryIO) -> None:
    """Capture until the camera ends.

    Raises:
        CameraError: why there is nothing to capture, or no more.
        BrokenPipeError: nobody reads the pipe any longer.
    """
    with open_input(orders) as container:
        stream, codec = find_video(container)
        info = {"codec": codec, "audio_discarded": any(one.type == "audio" for one in container.streams)}
        pipe.write(message(Kind.INFO, json.dumps(info).encode()))
        pipe.flush()
        maker = _maker(codec)
        # With RTSP the parameter sets may stand in the session description alone, which becomes the extradata.
        extradata = stream.codec_context.extradata or b""
        if extradata.startswith((_START_CODE, b"\x00" + _START_CODE)):
            maker.make(extradata)
            pipe.write(message(Kind.PARAMETER_SETS, pack_sets(maker.parameter_sets)))
        try:
            for picture in pictures(container, stream, codec, is_rtsp=orders.is_rtsp):
                data, sync, changed = maker.make(picture.data)
                if changed:
                    pipe.write(message(Kind.PARAMETER_SETS, pack_sets(maker.parameter_sets)))
                if data:
                    head = UNIT.pack(picture.pts, picture.arrival_us, sync)
                    pipe.write(message(Kind.UNIT, head + data))
                    pipe.flush()
        except av.error.TimeoutError as error:
            raise CameraError(ErrorCode.STALLED, "The camera sends nothing any more.") from error
        except av.error.FFmpegError as error:
            raise CameraError(ErrorCode.CONNECTION_LOST, "The connection to the camera broke.") from error
    raise CameraError(ErrorCode.CONNECTION_LOST, "The camera closed the connection.")


def main() -> int:
    """Read the orders (one line of JSON), capture, and end with the reason."""
    av.logging.set_level(None)  # its messages contain addresses
    pipe = sys.stdout.buffer
    try:
        capture(Orders(**json.loads(sys.stdin.readline())), pipe)
    except BrokenPipeError:
        return 0  # the recorder has gone
    except CameraError as reason:
        error = reason
    except Exception as fault:  # noqa: BLE001  told by its name alone, for its text may hold the address
        error = CameraError(ErrorCode.INTERNAL, f"The capture process failed: {type(fault).__name__}.")
    body = {"code": error.code, "message": error.message, "placeholders": error.placeholders}
    pipe.write(message(Kind.ERROR, json.dumps(body).encode()))
    pipe.flush()
    return 1


if __name__ == "__main__":
    sys.exit(main())
