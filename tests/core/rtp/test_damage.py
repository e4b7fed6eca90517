"""What is lost, doubled, reordered or begun anew: never a broken NAL unit, never a sync sample that lacks a piece."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from .packets import AVC, DIALECTS, HEVC, STEP, Dialect, Packet, Receiver, encode, nals_of, number, renumbered, sample

_CODECS = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.syntax.codec.value)


class Film:
    """A few pictures of known NAL units in known packets."""

    def __init__(self, dialect: Dialect, *, slices: int, size: int, limit: int, pictures: int = 5) -> None:
        """Make `pictures` of `slices` slices each, every other one a sync sample."""
        self.nals = []
        payloads = []
        for picture in range(pictures):
            nals = [dialect.nal(dialect.message, bytes((5, 1, picture, 0x80)))]
            nals += [
                dialect.slice(size, picture * 10 + at, sync=picture % 2 == 0, first=at == 0) for at in range(slices)
            ]
            self.nals.append(nals)
            payloads.append(
                [piece for nal in nals for piece in (dialect.fragments(nal, limit) if len(nal) > limit else [nal])]
            )
        self.packets = number(payloads, sequence=65_530)

    def picture_of(self, packet: Packet) -> int:
        """Return which picture a packet belongs to."""
        return packet.timestamp // STEP


FILMS = st.builds(
    Film,
    st.sampled_from(DIALECTS),
    slices=st.integers(1, 3),
    size=st.integers(20, 3000),
    limit=st.sampled_from([15, 300]),
)


@settings(max_examples=120, deadline=None)
@given(film=FILMS, data=st.data())
def test_losing_any_packets(film: Film, data: st.DataObject) -> None:
    numbers = st.integers(1, len(film.packets) - 2)
    lost = data.draw(st.sets(numbers, min_size=1, max_size=6) | st.builds(_burst, numbers, numbers))
    cuts = data.draw(st.lists(st.integers(1, 20_000), max_size=4))
    left = [packet for at, packet in enumerate(film.packets) if at not in lost]
    receiver = Receiver(AVC if film.nals[0][0][0] == 0x66 else HEVC)
    units = receiver.all_units(encode(left), cuts)

    assert receiver.depacketizer.packets_lost == len(lost)
    told = 0
    for unit in units:
        picture = unit.pts // STEP
        whole = film.nals[picture]
        assert all(nal in whole for nal in nals_of(unit.data))
        slices = set(nals_of(unit.data)) - {whole[0]}
        assert not unit.sync or (picture % 2 == 0 and slices == set(whole[1:]))
        # A loss is told with the first unit that has something behind it.
        told += unit.packets_lost
        last = max(
            at for at, packet in enumerate(film.packets) if at not in lost and film.picture_of(packet) == picture
        )
        assert told == sum(at < last for at in lost)
    untouched = {film.picture_of(packet) for packet in film.packets} - {
        film.picture_of(film.packets[at]) for at in lost
    }
    assert untouched <= {unit.pts // STEP for unit in units}
    for unit in units:
        if unit.pts // STEP in untouched:
            assert unit.data == sample(film.nals[unit.pts // STEP])


def _burst(one: int, other: int) -> set[int]:
    return set(range(min(one, other), max(one, other) + 1))


def test_a_loss_between_two_pictures_is_told_with_the_second() -> None:
    """Else the gap that it leaves would be written where nothing is missing."""
    packets = number([[AVC.slice(50, at, sync=at == 0)] for at in range(6)])
    receiver = Receiver(AVC)
    units = receiver.all_units(encode(packets[:1] + packets[4:]))
    assert [(unit.pts // STEP, unit.packets_lost, unit.sync) for unit in units] == [
        (0, 0, True),
        (4, 3, False),
        (5, 0, False),
    ]


@pytest.mark.parametrize("marker", [True, False])
def test_a_loss_behind_a_sync_sample_without_its_end_makes_it_doubtful(*, marker: bool) -> None:
    packets = number([[AVC.slice(50, 0, sync=True)], [AVC.slice(50, 1)], [AVC.slice(50, 2)]])
    packets[0] = replace(packets[0], marker=marker)
    receiver = Receiver(AVC)
    units = receiver.all_units(encode([packets[0], packets[2]]))
    assert [unit.sync for unit in units] == [marker, False]


@pytest.mark.parametrize("whole", [True, False])
def test_bytes_that_belong_to_nothing(*, whole: bool) -> None:
    """They make the unit before them doubtful only if a packet is missing behind them: then it was cut short."""
    packets = number([[AVC.slice(50, 0, sync=True)], [AVC.slice(50, 1)], [AVC.slice(50, 2)]])
    receiver = Receiver(AVC)
    receiver.read(encode(packets[:1]))
    receiver.depacketizer.suspect()
    receiver.read(encode(packets[1:] if whole else packets[2:]))
    assert receiver.units()[0].sync is whole


@settings(max_examples=60, deadline=None)
@given(film=FILMS, data=st.data())
def test_packets_in_another_order(film: Film, data: st.DataObject) -> None:
    """TCP keeps the order, but cameras do not always: a late packet is lost, and nothing else is harmed."""
    swaps = data.draw(st.lists(st.integers(0, len(film.packets) // 3 - 2), min_size=1, max_size=5, unique=True))
    packets = list(film.packets)
    for swap in swaps:
        at = 3 * swap
        packets[at], packets[at + 1] = packets[at + 1], packets[at]
    receiver = Receiver(AVC if film.nals[0][0][0] == 0x66 else HEVC)
    units = receiver.all_units(encode(packets))
    # The very first swap loses nothing: who comes late was never expected.
    counted = len([swap for swap in swaps if swap != 0])
    assert receiver.depacketizer.packets_lost == counted
    assert receiver.depacketizer.packets_late == len(swaps)
    for unit in units:
        assert all(nal in film.nals[unit.pts // STEP] for nal in nals_of(unit.data))


@_CODECS
def test_duplicates_change_nothing_however_many_there_are(dialect: Dialect) -> None:
    """Over the hours of a session a handful of them must not pass for a camera that counts anew."""
    film = Film(dialect, slices=2, size=900, limit=300, pictures=30)
    packets = []
    for at, packet in enumerate(film.packets):
        packets.append(packet)
        packets += film.packets[max(at - at % 7, 0) : at + 1]
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(packets))
    assert [unit.data for unit in units] == [sample(nals) for nals in film.nals]
    assert receiver.depacketizer.packets_lost == 0
    assert receiver.depacketizer.packets_late == len(packets) - len(film.packets)


@_CODECS
@pytest.mark.parametrize("back", [20_000, 3000, 50])
def test_a_camera_that_counts_anew(dialect: Dialect, back: int) -> None:
    """Seven packets are taken for late ones before it is believed; they are lost, and told as such."""
    before = Film(dialect, slices=1, size=100, limit=300, pictures=60)
    after = [
        replace(packet, timestamp=packet.timestamp + 60 * STEP)
        for packet in renumbered(Film(dialect, slices=1, size=100, limit=300, pictures=20).packets, 120 - back)
    ]
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(before.packets + after))
    assert len(units) == 60 + 20 - 3  # a message and a slice make a picture, and the eighth packet is a slice
    assert sum(unit.packets_lost for unit in units) == receiver.depacketizer.packets_lost == 7
    assert units[60].packets_lost == 7
    assert receiver.depacketizer.packets_late == 7
    assert [unit.sync for unit in units[:60]] == [at % 2 == 0 for at in range(60)]


@_CODECS
def test_another_source_is_a_discontinuity_and_no_loss(dialect: Dialect) -> None:
    film = Film(dialect, slices=1, size=700, limit=300, pictures=3)
    other = [
        replace(packet, ssrc=9, timestamp=packet.timestamp + 1_000_000) for packet in renumbered(film.packets, -20_000)
    ]
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(film.packets + other))
    assert [unit.data for unit in units] == [sample(nals) for nals in film.nals * 2]
    assert [unit.discontinuity for unit in units] == [False] * 3 + [True] + [False] * 2
    assert [unit.pts for unit in units[3:]] == [1_000_000 + at * STEP for at in range(3)]
    assert (receiver.depacketizer.packets_lost, receiver.depacketizer.packets_late) == (0, 0)


def test_a_source_that_ends_in_the_middle_of_a_picture() -> None:
    """What it leaves behind is no sync sample: nobody knows what was still to come."""
    slices = [AVC.slice(50, at, sync=True, first=at == 0) for at in range(3)]
    packets = number([slices])
    other = Packet(7, 0, AVC.slice(60, 9), ssrc=9)
    receiver = Receiver(AVC)
    units = receiver.all_units(encode([*packets[:2], other]))
    assert [(unit.sync, unit.discontinuity) for unit in units] == [(False, False), (False, True)]


@_CODECS
@pytest.mark.parametrize("fragmented", [True, False])
def test_two_pictures_under_one_timestamp(dialect: Dialect, *, fragmented: bool) -> None:
    nals = [dialect.slice(600, at, sync=at == 0, first=at % 2 == 0) for at in range(4)]
    pieces = [piece for nal in nals for piece in (dialect.fragments(nal, 250) if fragmented else [nal])]
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(number([pieces])))
    assert [unit.data for unit in units] == [sample(nals[:2]), sample(nals[2:])]
    assert [unit.pts for unit in units] == [0, 0]
    assert [unit.sync for unit in units] == [True, False]


@_CODECS
@pytest.mark.parametrize("markers", [True, False])
def test_marker_bits_say_nothing_that_is_relied_on(dialect: Dialect, *, markers: bool) -> None:
    """Some cameras never set them, some set them on every packet."""
    film = Film(dialect, slices=2, size=900, limit=300)
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(replace(packet, marker=markers) for packet in film.packets))
    assert [unit.data for unit in units] == [sample(nals) for nals in film.nals]
    # At the end of the session a unit without its mark may be one without its end.
    assert [unit.sync for unit in units] == [True, False, True, False, markers]


@_CODECS
def test_a_nal_unit_amid_the_fragments_of_another(dialect: Dialect) -> None:
    """It would be counted into the length of the one that it interrupts."""
    pieces = dialect.fragments(dialect.slice(300, 1, sync=True), 100)
    message = dialect.nal(dialect.message, b"\5\1x\x80")
    good = dialect.slice(40, 2)
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(number([[pieces[0], message, *pieces[1:]], [good]])))
    assert [unit.data for unit in units] == [sample([good])]


@_CODECS
def test_a_fragmented_unit_that_begins_again_before_its_end(dialect: Dialect) -> None:
    one, other = (dialect.slice(300, seed, sync=True) for seed in range(2))
    first, second = dialect.fragments(one, 100), dialect.fragments(other, 100)
    receiver = Receiver(dialect)
    (unit,) = receiver.all_units(encode(number([[*first[:2], *second]])))
    assert (unit.data, unit.sync) == (sample([other]), False)


@_CODECS
@pytest.mark.parametrize("cut", [1, 2, 7])
def test_an_aggregation_packet_that_is_cut_short(dialect: Dialect, cut: int) -> None:
    nals = [dialect.slice(20, at, sync=True, first=at == 0) for at in range(2)]
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(number([[dialect.aggregate(nals)[:-cut]], [dialect.slice(9, 4)]])))
    assert [(unit.data, unit.sync) for unit in units] == [
        (sample(nals[:1]), False),
        (sample([dialect.slice(9, 4)]), False),
    ]


@_CODECS
def test_the_end_of_the_session_hands_out_what_is_whole(dialect: Dialect) -> None:
    nal = dialect.slice(900, 1, sync=True)
    pieces = dialect.fragments(nal, 300)
    cut = Receiver(dialect)
    assert cut.all_units(encode(number([[*pieces[:-1]]]))) == []
    whole = Receiver(dialect)
    assert [(unit.data, unit.sync) for unit in whole.all_units(encode(number([pieces])))] == [(sample([nal]), True)]


def test_timestamps_that_go_back_and_round() -> None:
    """Reordered pictures step back a little; the clock of 32 bits starts anew every 13 hours."""
    top = 1 << 32
    stamps = [top - 2 * STEP, top + STEP, top - STEP, top, top + 4 * STEP]
    packets = [Packet(at, stamp, AVC.slice(20, at)) for at, stamp in enumerate(stamps)]
    receiver = Receiver(AVC)
    assert [unit.pts for unit in receiver.all_units(encode(packets))] == stamps


def test_a_picture_of_which_nothing_can_be_used_is_a_loss() -> None:
    """Its last fragment never comes, though no number is missing."""
    payloads = [[AVC.slice(40, 1)], AVC.fragments(AVC.slice(400, 2), 100)[:-1], [AVC.slice(40, 3)]]
    units = Receiver(AVC).all_units(encode(number(payloads)))
    assert [(unit.pts // STEP, unit.packets_lost) for unit in units] == [(0, 0), (2, 1)]
