"""Whatever way pictures are packed and however the bytes are read, the same access units come out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings, strategies as st

from .packets import AVC, DIALECTS, HEVC, STEP, Dialect, Packet, Receiver, encode, number, sample

_CODECS = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.syntax.codec.value)


@dataclass(frozen=True, slots=True)
class Picture:
    """How one picture is made: sizes of its slices, the size of a packet, and whether small ones share one."""

    slices: tuple[int, ...]
    limit: int
    together: bool
    message: bool
    sync: bool

    def nals(self, dialect: Dialect, seed: int) -> list[bytes]:
        """Return its NAL units."""
        nals = [dialect.nal(dialect.message, b"\x05\x01x\x80")] if self.message else []
        for at, size in enumerate(self.slices):
            nals.append(dialect.slice(size, seed * 100 + at, sync=self.sync, first=at == 0))
        return nals

    def payloads(self, dialect: Dialect, nals: list[bytes]) -> list[bytes]:
        """Pack them."""
        payloads: list[bytes] = []
        waiting: list[bytes] = []
        for nal in nals:
            if len(nal) > self.limit:
                payloads += _flushed(dialect, waiting)
                waiting = []
                payloads += dialect.fragments(nal, self.limit)
            elif self.together:
                waiting.append(nal)
            else:
                payloads.append(nal)
        return payloads + _flushed(dialect, waiting)


def _flushed(dialect: Dialect, waiting: list[bytes]) -> list[bytes]:
    return [dialect.aggregate(waiting)] if waiting else []


PICTURES = st.lists(
    st.builds(
        Picture,
        slices=st.lists(st.one_of(st.integers(1, 60), st.integers(61, 9000)), min_size=1, max_size=3).map(tuple),
        limit=st.one_of(st.integers(4, 40), st.integers(240, 1400)),
        together=st.booleans(),
        message=st.booleans(),
        sync=st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
CUTS = st.lists(st.integers(1, 30_000), max_size=12)


@_CODECS
@settings(max_examples=60, deadline=None)
@given(
    pictures=PICTURES,
    cuts=CUTS,
    sequence=st.one_of(st.integers(65_400, 65_535), st.integers(0, 65_535)),
    timestamp=st.one_of(st.integers((1 << 32) - 3 * STEP, (1 << 32) - 1), st.integers(0, 1 << 31)),
)
def test_any_packing_and_any_reading(
    dialect: Dialect, pictures: list[Picture], cuts: list[int], sequence: int, timestamp: int
) -> None:
    nals = [picture.nals(dialect, seed) for seed, picture in enumerate(pictures)]
    payloads = [picture.payloads(dialect, one) for picture, one in zip(pictures, nals, strict=True)]
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(number(payloads, sequence=sequence, timestamp=timestamp)), cuts)
    assert [unit.data for unit in units] == [sample(one) for one in nals]
    assert [unit.pts for unit in units] == [timestamp + at * STEP for at in range(len(pictures))]
    assert [unit.sync for unit in units] == [picture.sync for picture in pictures]
    assert not any(unit.packets_lost or unit.discontinuity for unit in units)
    assert (receiver.depacketizer.packets_lost, receiver.depacketizer.packets_late) == (0, 0)


@_CODECS
@settings(max_examples=30, deadline=None)
@given(
    pictures=PICTURES,
    shapes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 15), st.one_of(st.none(), st.integers(0, 5))),
        min_size=1,
        max_size=5,
    ),
)
def test_padding_sources_and_extensions_change_nothing(
    dialect: Dialect, pictures: list[Picture], shapes: list[tuple[int, int, int | None]]
) -> None:
    nals = [picture.nals(dialect, seed) for seed, picture in enumerate(pictures)]
    payloads = [picture.payloads(dialect, one) for picture, one in zip(pictures, nals, strict=True)]
    packets = number(payloads)
    for at, packet in enumerate(packets):
        padding, sources, extension = shapes[at % len(shapes)]
        packets[at] = replace(packet, padding=padding, sources=sources, extension=extension)
    receiver = Receiver(dialect)
    assert [unit.data for unit in receiver.all_units(encode(packets))] == [sample(one) for one in nals]
    assert receiver.depacketizer.packets_lost == 0


@_CODECS
def test_a_train_over_the_end_of_the_sequence_numbers(dialect: Dialect) -> None:
    nal = dialect.slice(40_000, 1, sync=True)
    packets = number([dialect.fragments(nal, 1000)], sequence=65_520)
    receiver = Receiver(dialect)
    calls = _train_lengths(receiver)
    (unit,) = receiver.all_units(encode(packets))
    assert (unit.data, unit.sync) == (sample([nal]), True)
    assert calls == [16, 23]  # up to 65535, and from 0 on


@pytest.mark.parametrize("header", [b"\x01", b"\x25", b"\x41", b"\x65"])
def test_the_header_of_a_fragmented_unit_comes_back(header: bytes) -> None:
    """Its importance travels in the indicator, its type in the fragment's header (RFC 6184 section 5.8)."""
    nal = header + b"\x88" + bytes(range(200))
    (unit,) = Receiver(AVC).all_units(encode(number([AVC.fragments(nal, 90)])))
    assert unit.data == sample([nal])


@pytest.mark.parametrize("header", [b"\x02\x01", b"\x26\x09", b"\x03\x02", b"\x2b\xfa"])
def test_the_header_of_a_fragmented_unit_of_h265_comes_back(header: bytes) -> None:
    """Layer and temporal layer travel in the payload header (RFC 7798 section 4.4.3)."""
    nal = header + b"\x88" + bytes(range(200))
    (unit,) = Receiver(HEVC).all_units(encode(number([HEVC.fragments(nal, 90)])))
    assert unit.data == sample([nal])


def _train_lengths(receiver: Receiver) -> list[int]:
    """Note by how many packets each train got on."""
    lengths: list[int] = []
    cut = receiver.depacketizer.trains.cut

    def counted(at: int, stop: int, length: int, sequence: int) -> tuple[bytes, ...]:
        payloads = cut(at, stop, length, sequence)
        lengths.append(len(payloads))
        return payloads

    receiver.depacketizer.trains.cut = counted  # type: ignore[method-assign]  # the test counts what it does
    return lengths


@_CODECS
@settings(max_examples=40, deadline=None)
@given(
    cut=st.integers(2, 60),
    change=st.sampled_from(
        ["length", "timestamp", "sequence", "ssrc", "marker", "kind", "channel", "extension", "type"]
    ),
)
def test_a_train_ends_where_packets_differ(dialect: Dialect, cut: int, change: str) -> None:
    """With and without trains the outcome is the same, whatever is wrong in the middle of one."""
    payloads = [dialect.fragments(dialect.slice(60_000, at, sync=at == 0), 900) for at in range(2)]
    packets = number(payloads, sequence=65_500)
    odd = packets[cut]
    packets[cut] = {
        "length": replace(odd, payload=odd.payload[:-7]),
        "timestamp": replace(odd, timestamp=odd.timestamp + 1),
        "sequence": replace(odd, sequence=odd.sequence + 3),
        "ssrc": replace(odd, ssrc=7),
        "marker": replace(odd, marker=True),
        "kind": replace(odd, kind=97),
        "channel": odd,
        "extension": replace(odd, extension=1),
        "type": replace(odd, payload=bytes((odd.payload[0] ^ 0x60,)) + odd.payload[1:]),
    }[change]
    stream = encode(packets)
    if change == "channel":
        at = len(encode(packets[:cut]))
        stream = stream[: at + 1] + b"\7" + stream[at + 2 :]
    together, apart = Receiver(dialect), Receiver(dialect)
    apart.depacketizer.trains.cut = lambda *_: ()  # type: ignore[method-assign]  # no trains
    assert _comparable(together, _around_other_channels(stream)) == _comparable(apart, _around_other_channels(stream))


def _around_other_channels(stream: bytes) -> list[bytes]:
    """Cut out frames of channel 7, as whoever owns the buffer does."""
    pieces, at, begin = [], 0, 0
    while at < len(stream):
        end = at + 4 + int.from_bytes(stream[at + 2 : at + 4])
        if stream[at + 1] == 7:
            pieces.append(stream[begin:at])
            begin = end
        at = end
    return [*pieces, stream[begin:]]


def _comparable(receiver: Receiver, pieces: list[bytes]) -> tuple[object, ...]:
    for piece in pieces:
        receiver.read(piece)
    receiver.depacketizer.flush()
    units = [(one.data, one.pts, one.sync, one.packets_lost, one.discontinuity) for one in receiver.units()]
    return units, receiver.depacketizer.packets_lost, receiver.depacketizer.packets_late


@_CODECS
def test_only_packets_of_the_track_are_taken(dialect: Dialect) -> None:
    """Another payload type is passed over; other channels and half packets are left to whoever owns the buffer."""
    nal = dialect.slice(50, 1)
    first, other, last = Packet(1, 0, nal), Packet(2, 0, nal, kind=97), Packet(3, STEP, nal)
    receiver = Receiver(dialect)
    stream = encode([first, other, last]) + Packet(4, STEP, nal).encode(channel=2)
    receiver.buffer[: len(stream)] = stream
    end = receiver.depacketizer.consume(0, len(stream))
    assert end == len(encode([first, other, last]))
    assert [unit.data for unit in receiver.units()] == [sample([nal])]
    # One numbering covers all that a source sends, so nothing was lost.
    assert receiver.depacketizer.packets_lost == 0
    assert receiver.depacketizer.consume(0, 20) == 0


def test_packets_that_hold_nothing_count_as_received() -> None:
    nal = AVC.slice(500, 1)
    pieces = AVC.fragments(nal, 200)
    packets = number([[pieces[0], b"", pieces[1], b"\x7c", pieces[2]]])
    packets[1] = replace(packets[1], padding=30)
    receiver = Receiver(AVC)
    assert [unit.data for unit in receiver.all_units(encode(packets))] == [sample([nal])]
    assert receiver.depacketizer.packets_lost == 0


@pytest.mark.parametrize(
    "packet",
    [
        b"$\0\0\x10\x40\x60" + bytes(14),  # version 1
        b"$\0\0\x10\x90\x60" + bytes(8) + b"\xbe\xde\xff\xff" + b"\0\0",  # an extension longer than the packet
        b"$\0\0\x10\x9f\x60" + bytes(14),  # an extension behind more sources than there is room for
        b"$\0\0\x10\xa0\x60" + bytes(13) + b"\xff",  # more padding than packet
        b"$\0\0\x04\x80\x60\0\1",  # shorter than a header
    ],
)
def test_packets_that_make_no_sense_are_passed_over(packet: bytes) -> None:
    nal = AVC.slice(300, 1)
    receiver = Receiver(AVC)
    stream = packet + encode(number([[nal]]))
    assert [unit.data for unit in receiver.all_units(stream)] == [sample([nal])]


def test_arrival_is_that_of_the_last_byte_and_not_of_the_next_picture() -> None:
    """A unit is handed out when the next one begins, but it had come before: at a picture a second that matters."""
    receiver = Receiver(AVC)
    whole = [encode(number([[AVC.slice(30, at)]], sequence=at, timestamp=at * STEP)) for at in range(3)]
    receiver.read(whole[0])
    receiver.read(whole[1])
    receiver.read(whole[2][:20])
    receiver.read(whole[2][20:])
    receiver.depacketizer.flush()
    assert [unit.arrival_us for unit in receiver.units()] == [1000, 2000, 4000]


def test_arrival_of_a_unit_that_came_in_two_readings() -> None:
    receiver = Receiver(AVC)
    pieces = AVC.fragments(AVC.slice(300, 1), 100)
    packets = number([pieces, [AVC.slice(5, 2)]])
    receiver.read(encode(packets[:2]))
    receiver.read(encode(packets[2:]))
    assert [unit.arrival_us for unit in receiver.units()] == [2000]
