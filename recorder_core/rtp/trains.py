"""Cuts a run of fragments that are alike but for their sequence number, all at once.

Nine of ten packets of a picture are middle fragments of one NAL unit, of one length. What a packet at a time costs a
dozen steps of the interpreter, a train of them costs one `unpack_from` and three comparisons that run in C.
"""

from __future__ import annotations

import struct

FRAMING = 4
"""Bytes before each packet: dollar sign, channel, length (RFC 2326 section 10.12)."""

RTP_HEADER = 12
"""Bytes of an RTP header without extension or contributing sources (RFC 3550 section 5.1)."""

_SHORTEST = 256
"""Packets shorter than this are not worth a train, and many of them in one buffer could be made to cost too much."""

_LONGEST = 48
"""Packets in one train at most: somewhat more than a picture of a quiet scene fills."""

_REMEMBERED = 64
"""Lengths and counts vary little from picture to picture; a camera that varies them must not fill the memory."""

_MIDDLE = tuple(bytes((fu & 0x3F,)) for fu in range(256))
"""The fragment header of those in the middle, by that of any fragment: neither start nor end."""


class Trains:
    """Finds trains in `buffer`, whose NAL units have headers of `nal_header` bytes."""

    def __init__(self, buffer: bytearray, nal_header: int) -> None:
        """Look into `buffer`, whatever it holds at each call."""
        self._buffer = buffer
        self._before_type = nal_header - 1 + 9  # timestamp, SSRC, and the payload header
        self._type_at = FRAMING + RTP_HEADER + nal_header
        self._known: dict[tuple[int, int], struct.Struct] = {}
        self._not_before = 0

    def begin(self, at: int) -> None:
        """Look at new packets, from `at` on."""
        self._not_before = at

    def cut(self, at: int, stop: int, length: int, sequence: int) -> tuple[bytes, ...]:
        """Return the payloads of the fragment at `at` and of the middle ones behind it that are like it.

        `length` and `sequence` are those of the packet at `at`, whose RTP header has no extras. The sequence numbers
        ascend by one and do not wrap. Empty if there are not two such packets before `stop`.
        """
        stride = length + FRAMING
        count = min((stop - at) // stride, _LONGEST, 0x10000 - sequence)
        if count < 2 or length < _SHORTEST or at < self._not_before:
            return ()
        types_at = at + self._type_at
        types = self._buffer[types_at : at + count * stride : stride]
        count -= len(types[1:].lstrip(_MIDDLE[types[0]]))
        if count < 2:
            return ()
        fields = self._rows(length, count).unpack_from(self._buffer, at)
        heads, tails = fields[0::4], fields[2::4]
        if (
            heads.count(heads[0]) != count
            or tails.count(tails[0]) != count
            or fields[1::4] != tuple(range(sequence, sequence + count))
        ):
            self._not_before = at + count * stride  # they were looked at once; each alone is the other way to take them
            return ()
        payloads: tuple[bytes, ...] = fields[3::4]
        return payloads

    def _rows(self, length: int, count: int) -> struct.Struct:
        """`count` packets of one length: what is alike, the sequence number, what is alike, the fragment's payload."""
        known = self._known.get((length, count))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            before = self._before_type
            payload = length - RTP_HEADER - (before - 8) - 1
            known = self._known[length, count] = struct.Struct(">" + f"6sH{before}sx{payload}s" * count)
        return known
