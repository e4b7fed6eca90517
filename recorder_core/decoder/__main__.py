"""The decoder's process: MP4 on the standard input, what was asked for of it on the standard output.

Its arguments are the format, which picture (a composition time, or `first`) and the most seconds of processor time. For
several pictures anew see `limits.ANEW`.
What it reads came from a camera, so it bounds its memory and its time before it looks at a byte of it.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from .anew import encode_anew
from .limits import ANEW, EXIT_FAILED, EXIT_NO_LIBRARY, FIRST, MOST_INPUT_BYTES, MOST_MEMORY_BYTES

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame
    from av.container import InputContainer

_NICE = 10
_QUALITY_SCALE = (2, 5)
"""Bounds of libavcodec's quantiser for MJPEG, 2 being the best."""

_LINES_OF_HD = 720
"""From this height on a picture that does not say otherwise has the colours of ITU-R BT.709, below those of BT.601."""


def main(form: str, which: str, most_cpu_s: str) -> int:
    """Decode what was asked for; return the exit code."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (int(most_cpu_s), int(most_cpu_s)))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import av  # noqa: F401, PLC0415  # whether it is there is a question with an answer of its own
    except ImportError:
        return EXIT_NO_LIBRARY
    mp4 = sys.stdin.buffer.read(MOST_INPUT_BYTES)
    if form == ANEW:
        first, end = map(int, which.split("-"))
        return encode_anew(mp4, first, end, sys.stdout.buffer)
    picture = encoded(mp4, form, None if which == FIRST else int(which))
    if picture is None:
        return EXIT_FAILED
    sys.stdout.buffer.write(picture)
    sys.stdout.buffer.flush()
    return 0


def encoded(mp4: bytes, form: str, pts: int | None) -> bytes | None:
    """Return the picture of composition time `pts`, None for the first, as `jpeg` or `png`.

    None where it is not there or cannot be decoded.
    """
    import av  # noqa: PLC0415  # as above

    try:
        # Edit lists would hide the pictures that others need, and shift the times.
        with av.open(io.BytesIO(mp4), "r", format="mp4", options={"ignore_editlist": "1"}) as container:
            frame = _found(container, pts)
            return None if frame is None else _ENCODERS[form](frame)
    except av.FFmpegError, ValueError, IndexError, MemoryError:
        return None


def _found(container: InputContainer, pts: int | None) -> VideoFrame | None:
    video = container.streams.video[0]
    video.codec_context.thread_count = 1
    return next((frame for frame in container.decode(video) if pts is None or frame.pts == pts), None)


def _in(frame: VideoFrame, form: str) -> VideoFrame:
    """Return a frame in another pixel format, in the full range and with the matrix of BT.601, which JFIF asks for."""
    from av.video.reformatter import ColorRange, Colorspace  # noqa: PLC0415  # as above

    usual = Colorspace.ITU709 if frame.height >= _LINES_OF_HD else Colorspace.ITU601
    said = frame.colorspace in {one.value for one in Colorspace}
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return frame.reformat(
        format=form,
        src_colorspace=frame.colorspace if said else usual,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )


def _jpeg(frame: VideoFrame) -> bytes:
    return _coded(_in(frame, "yuvj420p"), "mjpeg", _QUALITY_SCALE)


def _png(frame: VideoFrame) -> bytes:
    return _coded(_in(frame, "rgb24"), "png", None)


_ENCODERS = {"jpeg": _jpeg, "png": _png}


def _coded(picture: VideoFrame, codec: str, quality: tuple[int, int] | None) -> bytes:
    import av  # noqa: PLC0415  # as above

    encoder = cast("VideoCodecContext", av.CodecContext.create(codec, "w"))
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt = picture.format.name
    encoder.time_base = Fraction(1, 1)
    if quality is not None:
        encoder.qmin, encoder.qmax = quality
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
