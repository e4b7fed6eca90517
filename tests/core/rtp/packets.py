"""A packetizer for the tests, written from the RFCs alone: NAL units in, interleaved RTP packets out, at will."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from recorder_core.rtp import H264, H265, Depacketizer, NalSyntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recorder_core.media import AccessUnit

KIND = 96
SSRC = 0x1234_5678
STEP = 3600
"""The time from picture to picture, 1/25 s."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet (RFC 3550 section 5.1); `extension` is in 32-bit words, None for no header extension."""

    sequence: int
    timestamp: int
    payload: bytes
    marker: bool = False
    ssrc: int = SSRC
    kind: int = KIND
    padding: int = 0
    sources: int = 0
    extension: int | None = None

    def encode(self, channel: int = 0) -> bytes:
        """Return it as it travels in an RTSP connection (RFC 2326 section 10.12)."""
        flags = 0x80 | (0x20 if self.padding else 0) | (0 if self.extension is None else 0x10) | self.sources
        header = struct.pack(
            ">BBHII",
            flags,
            (0x80 if self.marker else 0) | self.kind,
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        header += b"\xaa" * (4 * self.sources)
        if self.extension is not None:
            header += struct.pack(">HH", 0xBEDE, self.extension) + b"\xbb" * (4 * self.extension)
        tail = bytes(self.padding - 1) + bytes((self.padding,)) if self.padding else b""
        packet = header + self.payload + tail
        return struct.pack(">cBH", b"$", channel, len(packet)) + packet


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """How one codec writes its NAL units; the numbers are NAL unit types."""

    syntax: NalSyntax
    plain: int
    sync: int
    message: int
    delimiter: int
    filler: int

    def nal(self, kind: int, body: bytes) -> bytes:
        """Return a NAL unit with this header and body."""
        if self.syntax is H264:
            return bytes((0x60 | kind,)) + body
        return bytes((kind << 1, 1)) + body

    def slice(self, size: int, seed: int, *, sync: bool = False, first: bool = True) -> bytes:
        """Return a slice with `size` bytes behind its header, of which the first bit says whether it is the first."""
        body = bytearray(random.Random(seed).randbytes(max(size, 1)))
        body[0] = (0x80 if first else 0) | body[0] & 0x7F
        return self.nal(self.sync if sync else self.plain, bytes(body))

    def aggregate(self, nals: Iterable[bytes]) -> bytes:
        """Return the payload of a STAP-A (RFC 6184 section 5.7.1) or AP (RFC 7798 section 4.4.2)."""
        header = b"\x78" if self.syntax is H264 else bytes((48 << 1, 1))
        return header + b"".join(len(nal).to_bytes(2) + nal for nal in nals)

    def fragments(self, nal: bytes, size: int) -> list[bytes]:
        """Return the payloads of FU-A (RFC 6184 section 5.8) or FU (RFC 7798 section 4.4.3): two of them at least."""
        if self.syntax is H264:
            kind, lead, body = nal[0] & 0x1F, bytes((nal[0] & 0xE0 | 28,)), nal[1:]
        else:
            kind, lead, body = nal[0] >> 1 & 0x3F, bytes((nal[0] & 0x81 | 49 << 1, nal[1])), nal[2:]
        size = max(min(size, len(body) - 1), 1)
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        last = len(pieces) - 1
        return [
            lead + bytes(((0x80 if at == 0 else 0) | (0x40 if at == last else 0) | kind,)) + piece
            for at, piece in enumerate(pieces)
        ]


AVC = Dialect(H264, plain=1, sync=5, message=6, delimiter=9, filler=12)
HEVC = Dialect(H265, plain=1, sync=19, message=39, delimiter=35, filler=38)
DIALECTS = (AVC, HEVC)


def sample(nals: Iterable[bytes]) -> bytes:
    """Return what an access unit of these NAL units is in an MP4 file (ISO/IEC 14496-15 section 5.3.2)."""
    return b"".join(len(nal).to_bytes(4) + nal for nal in nals)


def nals_of(data: bytes) -> list[bytes]:
    """Undo `sample`; fails if the lengths do not come out even."""
    nals, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        assert end <= len(data)
        nals.append(data[at + 4 : end])
        at = end
    return nals


def number(payloads: Sequence[Sequence[bytes]], *, sequence: int = 0, timestamp: int = 0) -> list[Packet]:
    """Number the payloads of pictures, a list for each, with the marker bit on the last of each."""
    packets = []
    for picture, pieces in enumerate(payloads):
        for at, piece in enumerate(pieces):
            marker = at == len(pieces) - 1
            packets.append(Packet(sequence, timestamp + picture * STEP, piece, marker=marker))
            sequence += 1
    return packets


def encode(packets: Iterable[Packet]) -> bytes:
    """Return the packets behind each other."""
    return b"".join(packet.encode() for packet in packets)


def renumbered(packets: Iterable[Packet], by: int) -> list[Packet]:
    """Return the packets with other sequence numbers."""
    return [replace(packet, sequence=packet.sequence + by) for packet in packets]


class Receiver:
    """A depacketizer that is fed like the recorder feeds it: what is left of a reading comes again with the next."""

    def __init__(self, dialect: Dialect, parameter_sets: tuple[bytes, ...] = (), room: int = 1 << 19) -> None:
        """Listen to channel 0."""
        self.buffer = bytearray(room + 64)
        self.depacketizer = Depacketizer(
            dialect.syntax, buffer=self.buffer, channel=0, payload_type=KIND, parameter_sets=parameter_sets
        )
        self._tail = b""
        self._now_us = 0

    def read(self, data: bytes) -> None:
        """Take one reading, a millisecond after the last."""
        self._now_us += 1000
        data = self._tail + data
        self.buffer[: len(data)] = data
        self.depacketizer.arrived(self._now_us)
        end = self.depacketizer.consume(0, len(data))
        assert 0 <= end <= len(data)
        self._tail = data[end:]

    def units(self) -> list[AccessUnit]:
        """Return what has come so far, but for the last unit."""
        return self.depacketizer.ready

    def all_units(self, stream: bytes, cuts: Iterable[int] = ()) -> list[AccessUnit]:
        """Take a stream, cut at these places, and the end of the session; return all units."""
        places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
        for begin, end in pairwise(places):
            self.read(stream[begin:end])
        self.depacketizer.flush()
        return self.depacketizer.ready
