"""Payloads hold exactly the units that went in, judged by a depacketizer written for this test from the RFCs."""

from __future__ import annotations

from hypothesis import given, strategies as st

from recorder_core.simulator.encoder import split_annex_b
from recorder_core.simulator.packetizer import h264_payloads, h265_payloads
from recorder_core.simulator.rtp import RtpStream, clear_markers, interleaved_packets, split_packets

from .wire import Packet, Report, parse_packet

BODIES = st.binary(min_size=1, max_size=600)
H264_UNITS = st.builds(
    lambda importance, kind, body: bytes([importance << 5 | kind]) + body, st.integers(0, 3), st.integers(1, 23), BODIES
)
H265_UNITS = st.builds(
    lambda kind, layer, temporal, body: bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | temporal]) + body,
    st.integers(0, 47),
    st.integers(0, 63),
    st.integers(1, 7),
    BODIES,
)
LIMITS = st.integers(8, 700)


def unpack_sized(data: bytes) -> list[bytes]:
    """Units behind 16-bit lengths."""
    units = []
    while data:
        size = int.from_bytes(data[:2])
        assert 0 < size <= len(data) - 2
        units.append(data[2 : 2 + size])
        data = data[2 + size :]
    return units


def depacketize_h264(payloads: list[bytes]) -> list[bytes]:
    """RFC 6184 sections 5.6 to 5.8, mode 1."""
    units: list[bytes] = []
    open_unit: bytes | None = None
    for payload in payloads:
        kind = payload[0] & 31
        if kind == 28:
            start, end = payload[1] >> 7, payload[1] >> 6 & 1
            assert not (start and end)
            assert payload[1] & 0x20 == 0
            if start:
                assert open_unit is None
                open_unit = bytes([payload[0] & 0xE0 | payload[1] & 31])
            assert open_unit is not None
            assert payload[2:]
            open_unit += payload[2:]
            if end:
                units.append(open_unit)
                open_unit = None
            continue
        assert open_unit is None
        if kind == 24:
            inside = unpack_sized(payload[1:])
            assert len(inside) > 1
            assert payload[0] >> 5 & 3 == max(unit[0] >> 5 & 3 for unit in inside)
            units += inside
        else:
            units.append(payload)
    assert open_unit is None
    return units


def depacketize_h265(payloads: list[bytes]) -> list[bytes]:
    """RFC 7798 sections 4.4.1 to 4.4.3, without DONL."""
    units: list[bytes] = []
    open_unit: bytes | None = None
    for payload in payloads:
        kind = payload[0] >> 1 & 63
        if kind == 49:
            start, end = payload[2] >> 7, payload[2] >> 6 & 1
            assert not (start and end)
            if start:
                assert open_unit is None
                open_unit = bytes([payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1]])
            assert open_unit is not None
            open_unit += payload[3:]
            if end:
                units.append(open_unit)
                open_unit = None
            continue
        assert open_unit is None
        if kind == 48:
            inside = unpack_sized(payload[2:])
            assert len(inside) > 1
            assert payload[1] & 7 == min(unit[1] & 7 for unit in inside)
            assert (payload[0] & 1) << 5 | payload[1] >> 3 == min((u[0] & 1) << 5 | u[1] >> 3 for u in inside)
            units += inside
        else:
            units.append(payload)
    assert open_unit is None
    return units


@given(units=st.lists(H264_UNITS, min_size=1, max_size=8), limit=LIMITS)
def test_h264_units_come_out_as_they_went_in(units: list[bytes], limit: int) -> None:
    payloads = list(h264_payloads(units, limit))
    assert max(map(len, payloads)) <= limit
    assert depacketize_h264(payloads) == units


@given(units=st.lists(H265_UNITS, min_size=1, max_size=8), limit=LIMITS)
def test_h265_units_come_out_as_they_went_in(units: list[bytes], limit: int) -> None:
    payloads = list(h265_payloads(units, limit))
    assert max(map(len, payloads)) <= limit
    assert depacketize_h265(payloads) == units


def test_small_neighbours_share_a_packet_and_large_units_are_cut() -> None:
    kinds = [payload[0] & 31 for payload in h264_payloads([b"\x67ab", b"\x68c", b"\x65" + bytes(100), b"\x41d"], 50)]
    assert kinds == [24, 28, 28, 28, 1]
    kinds = [
        payload[0] >> 1 & 63 for payload in h265_payloads([b"\x40\x01a", b"\x42\x01b", b"\x26\x01" + bytes(70)], 50)
    ]
    assert kinds == [48, 49, 49]


@given(
    payloads=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=9),
    sequence=st.integers(0, 65535),
    timestamp=st.integers(0, 2**32 - 1),
    pts=st.integers(0, 2**40),
)
def test_stamped_packets_carry_the_sessions_numbers(
    payloads: list[bytes], sequence: int, timestamp: int, pts: int
) -> None:
    wire, offsets = interleaved_packets(payloads, 96)
    stream = RtpStream(ssrc=0xCAFE, sequence=sequence, timestamp=timestamp)
    stream.start(pts)
    buffer = stream.stamp(wire, offsets, pts + 9000)
    frames = split_packets(buffer, offsets)
    assert all(frame[:2] == b"$\0" and int.from_bytes(frame[2:4]) == len(frame) - 4 for frame in frames)
    packets = [parse_packet(0, frame[4:]) for frame in frames]
    last = len(payloads) - 1
    assert packets == [
        Packet(0, index == last, 96, (sequence + index) % 65536, (timestamp + 9000) % 2**32, 0xCAFE, payload)
        for index, payload in enumerate(payloads)
    ]
    assert stream.sequence == (sequence + len(payloads)) % 65536
    report = parse_packet(1, stream.sender_report(1_790_000_000_500_000, pts))
    assert report == Report(0xCAFE, 1_790_000_000_500_000, timestamp, len(payloads), sum(map(len, payloads)))
    clear_markers(buffer, offsets)
    cleared = [parse_packet(0, frame[4:]) for frame in split_packets(buffer, offsets)]
    assert [isinstance(packet, Packet) and packet.marker for packet in cleared] == [False] * len(payloads)


def test_a_sender_report_names_its_source_too() -> None:
    """RFC 3550 section 6.1: every compound holds an SDES with a CNAME."""
    data = RtpStream(ssrc=5, sequence=0, timestamp=0).sender_report(0, 0)
    assert len(data) % 4 == 0
    assert data[28 + 1] == 202
    assert (int.from_bytes(data[30:32]) + 1) * 4 == len(data) - 28
    assert data[32:44] == b"\0\0\0\5\x01\x06camera"
    assert set(data[44:]) == {0}


@given(units=st.lists(st.binary(min_size=1, max_size=40).map(lambda body: body.replace(b"\0", b"\1")), max_size=6))
def test_a_byte_stream_is_split_at_its_start_codes(units: list[bytes]) -> None:
    stream = b"".join((b"\0\0\0\1", b"\0\0\1")[index % 2] + unit for index, unit in enumerate(units))
    assert split_annex_b(stream) == tuple(units)
