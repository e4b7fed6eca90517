"""Live encoding through PyAV: pictures in, coded frames with their NAL units out, at a small and even cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.codec.context

from .camera import VideoCodec, VideoSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

CLOCK_RATE = 90_000  # RTP ticks per second of every video payload used here (RFC 6184, 7798, 2435)
_COARSEST = 40
"""The largest quantiser. Beyond it an encoder that is short of bits repeats the last picture, frame code and all."""
_START_CODE = re.compile(rb"\x00\x00\x01")


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One coded picture in decoding order.

    `units` are its NAL units without start codes (for MJPEG the whole picture as one). `pts` counts
    1/90 000 s from the source's first frame, in output order.
    """

    serial: int
    time_us: int
    pts: int
    sync: bool
    units: tuple[bytes, ...]


def split_annex_b(stream: bytes) -> tuple[bytes, ...]:
    """The NAL units of a byte stream with start codes (ITU-T H.264 annex B, H.265 annex B)."""
    starts = [match.end() for match in _START_CODE.finditer(stream)]
    ends = [*(start - 3 for start in starts[1:]), len(stream)][: len(starts)]
    # A unit never ends in a zero byte: those belong to the next start code.
    return tuple(stream[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True))


def _h264_options(video: VideoSettings) -> dict[str, str]:
    parameters = f"scenecut=0:open-gop=0:min-keyint={video.gop}:sliced-threads=0:sync-lookahead=0:rc-lookahead=0"
    parameters += f":slices={video.slices}:bframes={video.b_frames}:b-adapt=0:qpmax={_COARSEST}"
    return {"threads": "1", "x264-params": parameters} | _speed(video)


def _h265_options(video: VideoSettings) -> dict[str, str]:
    parameters = f"log-level=none:info=0:pools=none:frame-threads=1:scenecut=0:open-gop=0:min-keyint={video.gop}"
    parameters += f":keyint={video.gop}:qpmax={_COARSEST}"
    if video.b_frames:
        parameters += f":bframes={video.b_frames}:b-adapt=0:b-pyramid=0:rc-lookahead={video.b_frames + 1}"
    return {"x265-params": parameters} | _speed(video)


def _mjpeg_options(_video: VideoSettings) -> dict[str, str]:
    # RFC 2435 can only say the standard Huffman tables, and quantiser tables that do not change within a frame.
    return {"huffman": "default", "flags": "+qscale", "global_quality": str(8 * 118)}


def _speed(video: VideoSettings) -> dict[str, str]:
    """Without B-frames each picture is given at once."""
    tune = {} if video.b_frames else {"tune": "zerolatency"}
    return {"preset": "ultrafast", "maxrate": str(video.bitrate), "bufsize": str(video.bitrate)} | tune


_CODECS: dict[VideoCodec, tuple[str, str, Callable[[VideoSettings], dict[str, str]]]] = {
    VideoCodec.H264: ("libx264", "yuv420p", _h264_options),
    VideoCodec.H265: ("libx265", "yuv420p", _h265_options),
    VideoCodec.MJPEG: ("mjpeg", "yuvj420p", _mjpeg_options),
}
_WITH_NAL_UNITS = (VideoCodec.H264, VideoCodec.H265)


class Encoder:
    """One camera's encoder. Not to be used by two threads at once."""

    def __init__(self, video: VideoSettings) -> None:
        """Open the codec; `parameter_sets` is known from here on."""
        name, pixels, options = _CODECS[video.codec]
        context = cast("av.VideoCodecContext", av.CodecContext.create(name, "w"))  # PyAV types by the widest result
        context.width, context.height, context.pix_fmt = video.width, video.height, pixels
        context.time_base = Fraction(1, video.fps)
        context.framerate = Fraction(video.fps)
        context.bit_rate, context.gop_size = video.bitrate, video.gop
        context.thread_count = 1
        context.options = options(video)
        context.flags |= av.codec.context.Flags.global_header
        context.open()
        self.video = video
        self._context = context
        self._pixels = pixels
        self._pending: dict[int, tuple[int, int, int]] = {}
        self._count = 0
        self.parameter_sets = split_annex_b(bytes(context.extradata or b""))

    def encode(self, picture: NDArray[np.uint8], *, serial: int, time_us: int, pts: int) -> list[EncodedFrame]:
        """Take the next picture (planar 4:2:0, shape (height * 3 / 2, width)); give the frames that are ready.

        With B-frames an encoder keeps a few pictures back, and gives them in decoding order.
        """
        frame = av.VideoFrame.from_ndarray(picture, format=self._pixels)
        frame.pts, frame.time_base = self._count, Fraction(1, self.video.fps)
        self._pending[self._count] = (serial, time_us, pts)
        self._count += 1
        return self._collect(frame)

    def flush(self) -> list[EncodedFrame]:
        """The frames that were kept back. The encoder takes no picture afterwards."""
        return self._collect(None)

    def _collect(self, frame: av.VideoFrame | None) -> list[EncodedFrame]:
        return [self._frame(packet) for packet in self._context.encode(frame)]

    def _frame(self, packet: Packet[VideoStream]) -> EncodedFrame:
        data = bytes(packet)
        # The encoders used here give every packet the number of its picture, and 0 is one.
        serial, time_us, pts = self._pending.pop(packet.pts or 0)
        units = split_annex_b(data) if self.video.codec in _WITH_NAL_UNITS else (data,)
        return EncodedFrame(serial, time_us, pts, packet.is_keyframe, units)
