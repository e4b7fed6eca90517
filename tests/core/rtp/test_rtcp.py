"""Sender reports: the camera's own clock, in compounds of every kind."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.rtp import parse_sender_report

_NTP_S = 3_969_172_800
"""2025-10-11 00:00:00 UTC in NTP seconds."""


def _report(seconds: int = _NTP_S, fraction: int = 1 << 31, blocks: int = 0) -> bytes:
    body = struct.pack(">IIIIII", 0xABCD, seconds, fraction, 90_000, 10, 1000) + bytes(24 * blocks)
    return struct.pack(">BBH", 0x80 | blocks, 200, len(body) // 4) + body


_RECEIVER_REPORT = struct.pack(">BBHI", 0x80, 201, 1, 0xABCD)
_DESCRIPTION = struct.pack(">BBHI", 0x81, 202, 2, 0xABCD) + b"\1\2ab"


def test_utc_of_the_reference() -> None:
    """2025-10-11 00:00:00.5, counted from 1970 instead of 1900."""
    report = parse_sender_report(_report())
    assert report is not None
    assert report.utc_us == (_NTP_S - 2_208_988_800) * 1_000_000 + 500_000
    assert (report.ssrc, report.rtp_timestamp) == (0xABCD, 90_000)


@pytest.mark.parametrize(
    "packet",
    [
        _report(),
        _report(blocks=2),
        _report() + _DESCRIPTION,
        _RECEIVER_REPORT + _report(),
        bytearray(_report()),
    ],
)
def test_found_wherever_it_stands(packet: bytes) -> None:
    report = parse_sender_report(packet)
    assert report is not None
    assert report.ssrc == 0xABCD


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        _DESCRIPTION,
        _report(seconds=0),  # a camera that does not know the time
        _report(seconds=86_400),  # and one that counts from when it was started
        _report()[:-4],
        b"\x40" + _report()[1:],  # version 1
        struct.pack(">BBH", 0x80, 200, 2) + bytes(8),  # too short to hold the times
        _RECEIVER_REPORT[:-1] + _report(),
    ],
)
def test_none_where_there_is_none(packet: bytes) -> None:
    assert parse_sender_report(packet) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64) | st.binary(max_size=30).map(lambda tail: b"\x80\xc8\0\6" + tail))
def test_random_bytes_never_raise(packet: bytes) -> None:
    report = parse_sender_report(packet)
    assert report is None or 0 <= report.rtp_timestamp < 1 << 32
