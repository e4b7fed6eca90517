"""A playing RTSP session: splits the interleaved bytes into video packets, sender reports and answers.

Tolerates what real cameras send between their packets: stray bytes, answers and requests, other channels than agreed.
Keeps the session alive. Never waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtp import Depacketizer, SenderReport, parse_sender_report, syntax_of

from .message import parse_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.media import AccessUnit

    from .connection import Connection
    from .negotiation import Session

_MAGIC = 0x24
_FRAMING = 4
_RTP_VERSION = 0x80
_VERSION_BITS = 0xC0

_MAX_GARBAGE = 4 << 20
"""A stream with more bytes than this that are no part of anything is no RTSP stream."""

_KEEP_ALIVE_SHARE = 0.45
"""The part of the session's timeout after which a sign of life is due, so that one may be lost."""


class VideoStream:
    """The receiving end of one session.

    `on_units` gets the access units of each poll and their arrival; `on_report` each sender report; `on_end` the
    error that ended it, once.
    """

    def __init__(
        self,
        connection: Connection,
        session: Session,
        *,
        buffer: bytearray,
        early: bytes,
        on_units: Callable[[list[AccessUnit]], None],
        on_report: Callable[[SenderReport, int], None],
        on_end: Callable[[Exception], None],
    ) -> None:
        """Take over a connection on which PLAY was answered; `early` is what came behind that answer."""
        self._connection = connection
        self._session = session
        self._tail = early
        self._on_units = on_units
        self._on_report = on_report
        self._on_end = on_end
        self._rtcp_channel = session.track.rtcp_channel
        self._cseq = 1000
        self._keep_alive_us = 0
        self._keep_alive_every_us = int(session.timeout_s * _KEEP_ALIVE_SHARE * 1_000_000)
        self.garbage_bytes = 0
        self.depacketizer = Depacketizer(
            syntax_of(session.track.offer.codec),
            buffer=buffer,
            channel=session.track.rtp_channel,
            payload_type=session.track.offer.payload_type,
            parameter_sets=session.track.offer.parameter_sets,
        )

    def poll(self, buffer: bytearray, view: memoryview, now_us: int) -> int:
        """Read what has come and hand on the access units in it; return the number of bytes read."""
        tail = self._tail
        start = len(tail)
        view[:start] = tail
        count = self._connection.receive_into(view[start:])
        if now_us >= self._keep_alive_us:
            self._stay_alive(now_us)
        if count == 0:
            return 0
        self.depacketizer.arrival_us = now_us
        stop = start + count
        at = self._split(buffer, stop)
        if at == 0 and stop == len(view):
            raise CameraError(ErrorCode.PROTOCOL, "The camera sends a message without end.")
        self._tail = bytes(view[at:stop])
        if units := self.depacketizer.ready:
            self.depacketizer.ready = []
            self._on_units(units)
        return count

    def failed(self, error: Exception) -> None:
        """Hand out the last unit and end."""
        self.depacketizer.flush()
        if units := self.depacketizer.ready:
            self.depacketizer.ready = []
            self._on_units(units)
        self._on_end(error)

    def farewell(self) -> None:
        """Tell the camera that nobody listens any more."""
        self._send("TEARDOWN")

    def _stay_alive(self, now_us: int) -> None:
        if self._keep_alive_us:
            self._send(self._session.keep_alive)
        self._keep_alive_us = now_us + self._keep_alive_every_us

    def _send(self, method: str) -> None:
        self._cseq += 1
        self._connection.send_now(self._session.request(method).encode(self._cseq))

    def _split(self, buffer: bytearray, stop: int) -> int:
        """Digest `buffer[:stop]`; return where the first incomplete thing begins."""
        at = 0
        consume = self.depacketizer.consume
        while stop - at >= _FRAMING:
            if buffer[at] != _MAGIC:
                after = self._text(buffer, at, stop)
                if after is None:
                    break
                at = after
                continue
            channel = buffer[at + 1]
            end = at + _FRAMING + int.from_bytes(buffer[at + 2 : at + 4])
            if not self._plausible(buffer, at, end, stop):
                at = self._resync(buffer, at + 1, stop)
                continue
            if end > stop:
                break
            if channel == self.depacketizer.channel:
                at = max(consume(at, stop), end)
            else:
                if channel == self._rtcp_channel:
                    self._report(buffer[at + _FRAMING : end])
                elif self.depacketizer.timestamp is None:
                    self._adopt(buffer, at, end)
                    if channel == self.depacketizer.channel:
                        continue
                at = end
        return at

    def _plausible(self, buffer: bytearray, at: int, end: int, stop: int) -> bool:
        """Whether a dollar sign really begins a frame: RTP and RTCP carry version 2, and something known follows."""
        if at + _FRAMING < stop and buffer[at + _FRAMING] & _VERSION_BITS != _RTP_VERSION:
            return False
        if buffer[at + 1] in (self.depacketizer.channel, self._rtcp_channel):
            return True
        return end >= stop or buffer[end] in b"$R"

    def _resync(self, buffer: bytearray, at: int, stop: int) -> int:
        """Pass over bytes that are no part of anything, up to what may be the next frame or answer."""
        candidates = (
            buffer.find(bytes((_MAGIC, self.depacketizer.channel)), at, stop),
            buffer.find(bytes((_MAGIC, self._rtcp_channel)), at, stop),
            buffer.find(b"RTSP/1.", at, stop),
        )
        # Keep the last bytes: what is looked for may be cut in two.
        found = min((one for one in candidates if one >= 0), default=max(stop - 6, at))
        self.garbage_bytes += found - at + 1
        self.depacketizer.reset()
        if self.garbage_bytes > _MAX_GARBAGE:
            raise CameraError(ErrorCode.PROTOCOL, "The camera sends something that is no RTSP stream.")
        return found

    def _text(self, buffer: bytearray, at: int, stop: int) -> int | None:
        """Pass over an RTSP message; None if it is not complete yet."""
        head = bytes(buffer[at : min(stop, at + 32)])
        if not _may_be_text(head):
            return self._resync(buffer, at + 1, stop)
        try:
            parsed = parse_message(bytes(buffer[at:stop]))
        except CameraError:
            return self._resync(buffer, at + 1, stop)
        if parsed is None:
            # Garbage that looks like text must not hold back the video behind it.
            line_end = buffer.find(b"\r\n", at, stop)
            if line_end < 0 and stop - at > 512:
                return self._resync(buffer, at + 1, stop)
            return None
        return at + parsed[1]

    def _report(self, packet: bytearray) -> None:
        report = parse_sender_report(packet)
        if report is not None and self.depacketizer.timestamp is not None:
            behind = (report.rtp_timestamp - self.depacketizer.timestamp) & 0xFFFFFFFF
            signed = behind - (1 << 32) if behind >= 1 << 31 else behind
            self._on_report(report, self.depacketizer.pts + signed)

    def _adopt(self, buffer: bytearray, at: int, end: int) -> None:
        """Take the channel on which the agreed payload type really arrives, for cameras that ignore the agreement."""
        kind = buffer[at + _FRAMING + 1] if end - at > _FRAMING + 1 else -1
        if kind & 0x7F == self.depacketizer.payload_type:
            self.depacketizer.channel = buffer[at + 1]


def _may_be_text(head: bytes) -> bool:
    """Whether bytes can begin an RTSP message: `RTSP/1.0 …` or a method in capitals."""
    word = head.split(b" ", 1)[0]
    return head.startswith(b"RTSP/1."[: len(head)]) or (
        len(word) > 2 and word.replace(b"_", b"").isalpha() and word.isupper()
    )
