"""A playing RTSP session: splits the interleaved bytes into video packets, sender reports and answers.

Tolerates what real cameras send between their packets: stray bytes, answers and requests, other channels than agreed.
Keeps the session alive. Never waits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtp import Depacketizer, SenderReport, parse_sender_report, syntax_of

from .message import parse_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.media import AccessUnit

    from .connection import Connection
    from .message import Message
    from .negotiation import Session

_MAGIC = 0x24
_FRAMING = 4
_BEGINNINGS = b"$ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_RTP_VERSION = 0x80
_VERSION_BITS = 0xC0

_MAX_GARBAGE = 4 << 20
"""A stream with more bytes than this between two pictures that are no part of anything is no RTSP stream."""

_TEXT_LINE = 512
"""No first line of a message is longer."""

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
        on_report: Callable[[SenderReport, int, int], None],
        on_end: Callable[[Exception], None],
    ) -> None:
        """Take over a connection on which PLAY was answered; `early` is what came behind that answer."""
        self._connection = connection
        self._session = session
        self._tail = self._early = early
        self._on_units = on_units
        self._on_report = on_report
        self._on_end = on_end
        self._rtcp_channel = session.track.rtcp_channel
        self._cseq = 1000
        self._awaited_cseq: int | None = None
        self._keep_alive_us = 0
        self._keep_alive_every_us = int(session.timeout_s * _KEEP_ALIVE_SHARE * 1_000_000)
        self._now_us = 0
        self._early_report: tuple[SenderReport, int] | None = None
        self._garbage = 0
        self.depacketizer = Depacketizer(
            syntax_of(session.track.offer.codec),
            buffer=buffer,
            channel=session.track.rtp_channel,
            payload_type=session.track.offer.payload_type,
            parameter_sets=session.track.offer.parameter_sets,
        )
        self._beginning = self._make_beginning()

    def poll(self, buffer: bytearray, view: memoryview, now_us: int) -> int:
        """Read what has come and hand on the access units in it; return the number of bytes read."""
        if self._early:
            stop, self._early = len(self._early), b""
            view[:stop] = self._tail
            self._digest(buffer, view, stop, now_us)
        tail = self._tail
        start = len(tail)
        view[:start] = tail
        count = self._connection.receive_into(view[start:])
        if count:
            self._digest(buffer, view, start + count, now_us)
        if now_us >= self._keep_alive_us:
            self._stay_alive(now_us)
        return count

    def _digest(self, buffer: bytearray, view: memoryview, stop: int, now_us: int) -> None:
        """Hand on what is in `buffer[:stop]`, and keep what is not complete yet."""
        self._now_us = now_us
        self.depacketizer.arrived(now_us)
        at = self._split(buffer, stop)
        if at == 0 and stop == len(view):
            raise CameraError(ErrorCode.PROTOCOL, "The camera sends a message without end.")
        self._tail = bytes(view[at:stop])
        if self._early_report is not None and self.depacketizer.timestamp is not None:
            self._tell(*self._early_report, self.depacketizer.timestamp)
            self._early_report = None
        if units := self.depacketizer.ready:
            self.depacketizer.ready = []
            self._garbage = 0
            self._on_units(units)

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
            self._awaited_cseq = self._cseq
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
        if at + _FRAMING < min(stop, end) and buffer[at + _FRAMING] & _VERSION_BITS != _RTP_VERSION:
            return False
        if buffer[at + 1] in (self.depacketizer.channel, self._rtcp_channel):
            return True
        return end >= stop or buffer[end] in _BEGINNINGS

    def _make_beginning(self) -> re.Pattern[bytes]:
        """Make the pattern of what is looked for behind garbage: a frame of the track or an answer.

        A frame is `$`, channel, length, version 2, and the agreed payload type or a type of RTCP (RFC 3550 section 12).
        """
        kind = self.depacketizer.payload_type
        rtp = rb"\x%02x..[\x80-\xbf][\x%02x\x%02x]" % (self.depacketizer.channel, kind, kind | 0x80)
        rtcp = rb"\x%02x..[\x80-\xbf][\xc8-\xcc]" % self._rtcp_channel
        return re.compile(rb"\$(?:%b|%b)|RTSP/1\." % (rtp, rtcp), re.DOTALL)

    def _resync(self, buffer: bytearray, at: int, stop: int) -> int:
        """Pass over bytes that are no part of anything, up to what may be the next frame or answer."""
        match = self._beginning.search(buffer, at, stop)
        # Keep the last bytes: what is looked for may be cut in two.
        found = match.start() if match else max(stop - 6, at)
        self._garbage += found - at + 1
        self.depacketizer.suspect()
        if self._garbage > _MAX_GARBAGE:
            raise CameraError(ErrorCode.PROTOCOL, "The camera sends something that is no RTSP stream.")
        return found

    def _text(self, buffer: bytearray, at: int, stop: int) -> int | None:
        """Pass over an RTSP message; None if it is not complete yet."""
        head = bytes(buffer[at : min(stop, at + 32)])
        if not _may_be_text(head):
            return self._resync(buffer, at + 1, stop)
        # Garbage that looks like text must not hold back the video behind it.
        if stop - at > _TEXT_LINE and buffer.find(b"\r\n", at, at + _TEXT_LINE) < 0:
            return self._resync(buffer, at + 1, stop)
        try:
            parsed = parse_message(buffer, at, stop)
        except CameraError:
            return self._resync(buffer, at + 1, stop)
        if parsed is None:
            return None
        message, end = parsed
        self._answered(message)
        return end

    def _answered(self, message: Message) -> None:
        """Give another sign of life, once, where the camera refused the last one for a nonce that had gone stale."""
        if message.status == 401 and message.cseq is not None and message.cseq == self._awaited_cseq:
            self._awaited_cseq = None
            if self._session.authenticator.accept(message.headers.get("www-authenticate", ())):
                self._send(self._session.keep_alive)

    def _report(self, packet: bytearray) -> None:
        report = parse_sender_report(packet)
        if report is None:
            return
        if self.depacketizer.timestamp is None:
            self._early_report = report, self._now_us  # it needs a media time to be compared with
            return
        self._tell(report, self._now_us, self.depacketizer.timestamp)

    def _tell(self, report: SenderReport, arrival_us: int, timestamp: int) -> None:
        ahead = (report.rtp_timestamp - timestamp) & 0xFFFFFFFF
        signed = ahead - (1 << 32) if ahead >= 1 << 31 else ahead
        self._on_report(report, self.depacketizer.pts + signed, arrival_us)

    def _adopt(self, buffer: bytearray, at: int, end: int) -> None:
        """Take the channel on which the agreed payload type really arrives, for cameras that ignore the agreement."""
        kind = buffer[at + _FRAMING + 1] if end - at > _FRAMING + 1 else -1
        if kind & 0x7F == self.depacketizer.payload_type:
            self.depacketizer.channel = buffer[at + 1]
            self._beginning = self._make_beginning()


def _may_be_text(head: bytes) -> bool:
    """Whether bytes can begin an RTSP message: `RTSP/1.0 …` or a method in capitals."""
    word = head.split(b" ", 1)[0]
    return head.startswith(b"RTSP/1."[: len(head)]) or (
        len(word) > 2 and word.replace(b"_", b"").isalpha() and word.isupper()
    )
