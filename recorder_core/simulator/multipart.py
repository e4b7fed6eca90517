"""JPEG pictures one behind the other in one answer over HTTP, as cameras sent them before H.264.

The answer is a `multipart/x-mixed-replace` that never ends: each part takes the place of the one before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rtp import PreparedFrame, RtpStream
from .session import MOST_UNSENT, Track

if TYPE_CHECKING:
    import asyncio

    from .encoder import EncodedFrame

_BOUNDARY = "picture"
HEADERS = [
    ("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}"),
    ("Cache-Control", "no-store"),
    ("Connection", "close"),
]
"""What the answer begins with."""

_NEVER_US = 1 << 62


class MultipartCarrier:
    """The answer's body."""

    description = "multipart"

    def __init__(self, transport: asyncio.Transport) -> None:
        """Go on in this connection."""
        self._transport = transport

    def send(self, buffer: bytearray, offsets: tuple[int, ...], shift: int = 0) -> None:  # noqa: ARG002  no packets
        """Write a part, or end the connection of a client that does not read them."""
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.abort()
            return
        self._transport.write(buffer)

    def send_raw(self, data: bytes) -> None:
        """An answer has nothing between its parts."""

    def report(self, data: bytes) -> None:
        """HTTP has no sender reports."""

    def close(self) -> None:
        """The connection is the client's to end."""


def multipart_track(transport: asyncio.Transport) -> Track:
    """The pictures of one answer. Their RTP numbers stand nowhere, and no report is ever due."""
    stream = RtpStream(ssrc=0, sequence=0, timestamp=0)
    return Track(MultipartCarrier(transport), stream, next_report_us=_NEVER_US)


def multipart(frame: EncodedFrame) -> PreparedFrame:
    """The part of the answer that a picture makes."""
    picture = b"".join(frame.units)
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    wire = head.encode() + picture + b"\r\n"
    return PreparedFrame(frame.serial, frame.time_us, frame.pts, frame.sync, len(picture), wire, ())
