"""RTP and RTCP as a camera sends them (RFC 3550): packets prepared once per picture, then patched for each session.

A prepared picture is one run of interleaved frames (RFC 2326 section 10.12): `$`, channel, two bytes of length, RTP
packet. Only sequence number, timestamp and SSRC differ between sessions, so a picture costs each of them one copy and
one `pack_into` per packet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

INTERLEAVED_HEADER = 4
RTP_HEADER = 12
_MARKER = 0x80
_SESSION_FIELDS = struct.Struct(">HII")  # sequence number, timestamp, SSRC: bytes 2 to 11 of the RTP header
_NTP_EPOCH_S = 2_208_988_800  # 1970 in NTP time (RFC 868)


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A coded picture as packets on channel 0; `offsets` are where the interleaved headers start.

    For an answer over HTTP `wire` is a part of it, and there are no packets. `digest` is the SHA-256 of the picture's
    MP4 sample in hex where that is known beforehand, as in load mode; else it is empty.
    """

    serial: int
    time_us: int
    pts: int
    sync: bool
    size: int
    wire: bytes
    offsets: tuple[int, ...]
    digest: str = ""


def interleaved_packets(payloads: Iterable[bytes], payload_type: int) -> tuple[bytes, tuple[int, ...]]:
    """Packets for these payloads, with the marker bit on the last one, and their offsets."""
    parts: list[bytes] = []
    offsets: list[int] = []
    size = 0
    pieces = list(payloads)
    for index, payload in enumerate(pieces):
        marker = _MARKER if index == len(pieces) - 1 else 0
        header = struct.pack(">cBHBBHII", b"$", 0, RTP_HEADER + len(payload), 0x80, marker | payload_type, 0, 0, 0)
        offsets.append(size)
        parts += (header, payload)
        size += len(header) + len(payload)
    return b"".join(parts), tuple(offsets)


class RtpStream:
    """The numbers of one media in one session: where sequence and timestamps stand, and what was sent."""

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int) -> None:
        """Timestamps start at `timestamp`, for the media time that `start` names (0 before)."""
        self.ssrc, self.sequence = ssrc, sequence
        self._base = timestamp
        self.packets = 0
        self.octets = 0

    def start(self, pts: int) -> None:
        """The first media time to be sent is `pts`."""
        self._base -= pts

    def jump(self, ticks: int) -> None:
        """Move all later timestamps."""
        self._base += ticks

    def timestamp(self, pts: int) -> int:
        """The RTP timestamp of a media time, modulo 2**32."""
        return (self._base + pts) & 0xFFFF_FFFF

    def stamp(self, wire: bytes, offsets: tuple[int, ...], pts: int) -> bytearray:
        """A copy of these packets with this session's numbers."""
        buffer = bytearray(wire)
        sequence, ssrc, timestamp = self.sequence, self.ssrc, self.timestamp(pts)
        pack_into = _SESSION_FIELDS.pack_into
        for offset in offsets:
            pack_into(buffer, offset + INTERLEAVED_HEADER + 2, sequence, timestamp, ssrc)
            sequence = (sequence + 1) & 0xFFFF
        self.sequence = sequence
        self.packets += len(offsets)
        self.octets += len(wire) - len(offsets) * (INTERLEAVED_HEADER + RTP_HEADER)
        return buffer

    def sender_report(self, ntp_us: int, pts: int) -> bytes:
        """A compound of sender report and source description: at `ntp_us` (UTC) the media time was `pts`."""
        seconds, microseconds = divmod(ntp_us, 1_000_000)
        fraction = (microseconds << 32) // 1_000_000
        report = struct.pack(
            ">BBHIIIIII",
            0x80,
            200,  # SR
            6,
            self.ssrc,
            (seconds + _NTP_EPOCH_S) & 0xFFFF_FFFF,
            fraction,
            self.timestamp(pts),
            self.packets & 0xFFFF_FFFF,
            self.octets & 0xFFFF_FFFF,
        )
        name = b"camera"
        item = bytes([1, len(name)]) + name  # CNAME
        item += bytes(4 - len(item) % 4)  # at least one zero ends the list, up to the next 32-bit border
        return report + struct.pack(">BBHI", 0x81, 202, 1 + len(item) // 4, self.ssrc) + item


def clear_markers(buffer: bytearray, offsets: tuple[int, ...]) -> None:
    """Take the marker bit off every packet."""
    for offset in offsets:
        buffer[offset + INTERLEAVED_HEADER + 1] &= ~_MARKER & 0xFF


def split_packets(buffer: bytearray, offsets: tuple[int, ...]) -> list[bytes]:
    """The interleaved frames one by one."""
    ends = (*offsets[1:], len(buffer))
    return [bytes(buffer[start:end]) for start, end in zip(offsets, ends, strict=True)]
