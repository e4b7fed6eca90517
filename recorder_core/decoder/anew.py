"""Encoding pictures anew, in the decoder's process: what is left where a camera's own samples must not leave the store.

The result looks like the decoded originals, and needs no picture but its own. Only its times are exactly theirs.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from .limits import EXIT_FAILED, EXIT_NO_ENCODER, MOST_ENCODED_BYTES, PICTURE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from av import VideoCodecContext, VideoFrame
    from av.packet import Packet
    from av.video.stream import VideoStream

ENCODER = "libx264"

_OPTIONS = {"preset": "veryfast", "crf": "10", "bf": "0", "g": "50", "threads": "1"}
"""No difference is to be seen at this rate factor. Without B-pictures the order of decoding is that of presentation."""

_USUAL_RATE = Fraction(25)

_ROOM_BITS = 8 * MOST_ENCODED_BYTES * 3 // 4
"""What is encoded may take, so that with what a burst adds it is not too much."""


def encode_anew(mp4: bytes, first: int, end: int, out: BinaryIO, encoder_name: str = ENCODER) -> int:
    """Write the pictures of composition times `[first, end)` of an MP4 as `limits.ANEW` says; return the exit code."""
    import av  # noqa: PLC0415  # it costs much, and whether it is there is a question with an answer of its own

    encoder: VideoCodecContext | None = None
    try:
        with av.open(io.BytesIO(mp4), "r", format="mp4", options={"ignore_editlist": "1"}) as container:
            video = container.streams.video[0]
            video.codec_context.thread_count = 1
            for frame in container.decode(video):
                if frame.pts is None or not first <= frame.pts < end:
                    continue
                picture = _plain(frame)
                if encoder is None:
                    encoder = _encoder(encoder_name, picture, video)
                    encoder.options = _options(encoder, float((end - first) * picture.time_base))
                _put(out, encoder.encode(picture))
        if encoder is None:
            return EXIT_FAILED
        _put(out, encoder.encode(None))
    except av.codec.codec.UnknownCodecError:
        return EXIT_NO_ENCODER
    except av.FFmpegError, ValueError, IndexError, MemoryError:
        return EXIT_FAILED
    out.flush()
    return 0


def _plain(frame: VideoFrame) -> VideoFrame:
    """Return a picture as every player can show it, 8 bits and 4:2:0; its range of values stays."""
    from av.video.frame import PictureType  # noqa: PLC0415  # as above
    from av.video.reformatter import ColorRange  # noqa: PLC0415  # as above

    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    wanted = "yuvj420p" if full else "yuv420p"
    plain = frame if frame.format.name == wanted else frame.reformat(format=wanted)
    plain.pts, plain.time_base = frame.pts, frame.time_base
    plain.pict_type = PictureType.NONE  # else the encoder would repeat the camera's choice of what is a sync sample
    return plain


def _encoder(name: str, picture: VideoFrame, video: VideoStream) -> VideoCodecContext:
    import av  # noqa: PLC0415  # as above

    encoder = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt = picture.format.name
    encoder.time_base = picture.time_base
    encoder.framerate = video.average_rate or _USUAL_RATE
    encoder.sample_aspect_ratio = video.codec_context.sample_aspect_ratio
    encoder.colorspace, encoder.color_range = picture.colorspace, picture.color_range
    encoder.color_primaries, encoder.color_trc = picture.color_primaries, picture.color_trc
    return encoder


def _options(encoder: VideoCodecContext, seconds: float) -> dict[str, str]:
    """Return the options with which so many seconds fit into what the caller takes.

    At this quality a bit for each pixel is much. Only where that would be too much is there a bound: many seconds of
    large pictures then have less quality, where else they could not be had at all.
    """
    much = int(encoder.width * encoder.height * encoder.framerate)
    fits = max(int(_ROOM_BITS / seconds), 1)
    return _OPTIONS if much <= fits else _OPTIONS | {"maxrate": str(fits), "bufsize": str(fits)}


def _put(out: BinaryIO, packets: Iterable[Packet[VideoStream]]) -> None:
    for packet in packets:
        data = bytes(packet)
        out.write(PICTURE.pack(packet.pts, packet.is_keyframe, len(data)) + data)
