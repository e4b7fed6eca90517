"""The decoder's process: MP4 on the standard input, the first picture of it as a JPEG on the standard output.

What it reads came from a camera, so it bounds its memory and its time before it looks at a byte of it.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from fractions import Fraction

from .limits import EXIT_FAILED, EXIT_NO_LIBRARY, MOST_CPU_S, MOST_INPUT_BYTES, MOST_MEMORY_BYTES

_NICE = 10
_QUALITY_SCALE = (2, 5)
"""Bounds of libavcodec's quantiser for MJPEG, 2 being the best."""


def main() -> int:
    """Decode one picture; return the exit code."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import av  # noqa: F401, PLC0415  # whether it is there is a question with an answer of its own
    except ImportError:
        return EXIT_NO_LIBRARY
    picture = first_picture(sys.stdin.buffer.read(MOST_INPUT_BYTES))
    if picture is None:
        return EXIT_FAILED
    sys.stdout.buffer.write(picture)
    sys.stdout.buffer.flush()
    return 0


def first_picture(mp4: bytes) -> bytes | None:
    """Return the first picture as a JPEG; None where there is none that can be decoded."""
    import av  # noqa: PLC0415  # as above

    try:
        with av.open(io.BytesIO(mp4), "r", format="mp4") as container:
            video = container.streams.video[0]
            video.codec_context.thread_count = 1
            frame = next(container.decode(video), None)
            if frame is None:
                return None
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height = frame.width, frame.height
            encoder.pix_fmt = "yuvj420p"
            encoder.time_base = Fraction(1, 1)
            encoder.qmin, encoder.qmax = _QUALITY_SCALE
            picture = frame.reformat(format="yuvj420p")
            picture.pts = 0
            return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
    except av.FFmpegError, ValueError, IndexError, MemoryError:
        return None


if __name__ == "__main__":
    sys.exit(main())
