"""From NAL units to RTP payloads, written from the RFCs for this simulator alone.

It shares nothing with the recorder's depacketizer, so that a misreading of a specification shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

Payloads = Iterator[bytes]
_STAP_A, _FU_A = 24, 28  # RFC 6184 section 5.2, table 1
_AP, _FU = 48, 49  # RFC 7798 section 4.4


def h264_payloads(units: Iterable[bytes], limit: int) -> Payloads:
    """Payloads of at most `limit` bytes for one H.264 access unit (RFC 6184).

    Neighbours that fit into one packet travel as STAP-A (section 5.7.1), a unit that does not fit alone as FU-A
    (section 5.8), any other as itself (section 5.6).
    """
    return _payloads(units, limit, 1, _h264_aggregate, _h264_fragments)


def h265_payloads(units: Iterable[bytes], limit: int) -> Payloads:
    """Payloads of at most `limit` bytes for one H.265 access unit (RFC 7798): AP, FU or single NAL unit packets."""
    return _payloads(units, limit, 2, _h265_aggregate, _h265_fragments)


def _payloads(
    units: Iterable[bytes],
    limit: int,
    header_size: int,
    aggregate: Callable[[list[bytes]], bytes],
    fragments: Callable[[bytes, int], Payloads],
) -> Payloads:
    waiting: list[bytes] = []
    size = header_size
    for unit in units:
        if waiting and size + 2 + len(unit) > limit:
            yield waiting[0] if len(waiting) == 1 else aggregate(waiting)
            waiting, size = [], header_size
        if len(unit) > limit:
            yield from fragments(unit, limit)
        else:
            waiting.append(unit)
            size += 2 + len(unit)
    if waiting:
        yield waiting[0] if len(waiting) == 1 else aggregate(waiting)


def _sized(units: list[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(2) + unit for unit in units)


def _h264_aggregate(units: list[bytes]) -> bytes:
    forbidden = max(unit[0] & 0x80 for unit in units)
    importance = max(unit[0] & 0x60 for unit in units)
    return bytes([forbidden | importance | _STAP_A]) + _sized(units)


def _h264_fragments(unit: bytes, limit: int) -> Payloads:
    indicator = unit[0] & 0xE0 | _FU_A
    for first, last, piece in _pieces(unit[1:], limit - 2):
        yield bytes([indicator, first << 7 | last << 6 | unit[0] & 0x1F]) + piece


def _h265_aggregate(units: list[bytes]) -> bytes:
    # The header of an aggregation packet has the lowest layer and temporal identifiers of its units (section 4.4.2).
    layer = min((unit[0] & 1) << 5 | unit[1] >> 3 for unit in units)
    temporal = min(unit[1] & 7 for unit in units)
    forbidden = max(unit[0] & 0x80 for unit in units)
    return bytes([forbidden | _AP << 1 | layer >> 5, (layer & 0x1F) << 3 | temporal]) + _sized(units)


def _h265_fragments(unit: bytes, limit: int) -> Payloads:
    header = bytes([unit[0] & 0x81 | _FU << 1, unit[1]])
    for first, last, piece in _pieces(unit[2:], limit - 3):
        yield header + bytes([first << 7 | last << 6 | unit[0] >> 1 & 0x3F]) + piece


def _pieces(body: bytes, size: int) -> Iterator[tuple[bool, bool, bytes]]:
    for start in range(0, len(body), size):
        yield start == 0, start + size >= len(body), body[start : start + size]
