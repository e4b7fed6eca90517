"""RTCP sender reports (RFC 3550 section 6.4.1): the camera's own clock beside its media clock."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Buffer

_SENDER_REPORT = 200
_HEADER = struct.Struct(">BBH")
_BODY = struct.Struct(">IIII")
_NTP_TO_UNIX_S = 2_208_988_800


@dataclass(frozen=True, slots=True)
class SenderReport:
    """At `utc_us` of the camera's clock its media clock showed `rtp_timestamp` (32 bits, wrapping)."""

    ssrc: int
    utc_us: int
    rtp_timestamp: int


def parse_sender_report(packet: Buffer) -> SenderReport | None:
    """Find the sender report in a compound RTCP packet; None if there is none or the packet is malformed.

    A camera without a set clock reports zero or the time since it was started, which says nothing and counts as none.
    """
    view = memoryview(packet)
    at = 0
    while len(view) - at >= _HEADER.size:
        flags, kind, words = _HEADER.unpack_from(view, at)
        end = at + 4 + 4 * words
        if flags >> 6 != 2 or end > len(view):
            return None
        if kind == _SENDER_REPORT and end - at >= _HEADER.size + _BODY.size:
            ssrc, seconds, fraction, timestamp = _BODY.unpack_from(view, at + _HEADER.size)
            if seconds < _NTP_TO_UNIX_S:
                return None
            utc_us = (seconds - _NTP_TO_UNIX_S) * 1_000_000 + (fraction * 1_000_000 >> 32)
            return SenderReport(ssrc, utc_us, timestamp)
        at = end
    return None
