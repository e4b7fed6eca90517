"""Parameter sets in the stream, and NAL units that no file needs."""

from __future__ import annotations

import pytest

from .packets import AVC, DIALECTS, HEVC, Dialect, Receiver, encode, number, sample

_CODECS = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.syntax.codec.value)

SETS = {
    AVC: [AVC.nal(7, b"\x64\0\x0c\xac\xb4"), AVC.nal(8, b"\xef\x0f")],
    HEVC: [HEVC.nal(32, b"\x0c\1"), HEVC.nal(33, b"\1\1\x60"), HEVC.nal(34, b"\xc1\x72")],
}


def _pps(dialect: Dialect, code: bytes) -> bytes:
    """Return a picture parameter set whose id is the Exp-Golomb code at its beginning."""
    return dialect.nal(8 if dialect is AVC else 34, code + b"\x0f")


@_CODECS
def test_sets_that_are_known_already_change_nothing(dialect: Dialect) -> None:
    picture = dialect.slice(40, 1, sync=True)
    receiver = Receiver(dialect, tuple(SETS[dialect]))
    (unit,) = receiver.all_units(encode(number([[*SETS[dialect], picture]])))
    assert (unit.data, unit.parameter_sets) == (sample([picture]), None)


@_CODECS
@pytest.mark.parametrize("way", ["single", "aggregated", "fragmented"])
def test_new_sets_come_with_the_first_picture_that_needs_them(dialect: Dialect, way: str) -> None:
    changed = SETS[dialect][-1] + b"\x55\x66\x77"
    pictures = [dialect.slice(40, at) for at in range(3)]
    payloads = {
        "single": [changed, pictures[1]],
        "aggregated": [dialect.aggregate([changed, pictures[1]])],
        "fragmented": [*dialect.fragments(changed, 2), pictures[1]],
    }[way]
    receiver = Receiver(dialect, tuple(SETS[dialect]))
    units = receiver.all_units(encode(number([[pictures[0]], payloads, [pictures[2]]])))
    assert [unit.data for unit in units] == [sample([one]) for one in pictures]
    assert [unit.parameter_sets for unit in units] == [None, (*SETS[dialect][:-1], changed), None]


@_CODECS
def test_sets_with_other_ids_stand_beside_each_other(dialect: Dialect) -> None:
    """Ids 0 to 3 as ue(v): 1, 010, 011, 00100 (ITU-T H.264 section 9.1)."""
    sets = [_pps(dialect, code) for code in (b"\x80", b"\x40", b"\x60", b"\x20")]
    picture = dialect.slice(40, 1, sync=True)
    receiver = Receiver(dialect)
    (unit,) = receiver.all_units(encode(number([[*reversed(sets), picture]])))
    assert unit.parameter_sets == tuple(sets)
    assert receiver.depacketizer.parameter_sets == tuple(sets)


def test_two_sps_of_one_camera() -> None:
    """The id of an SPS of H.264 stands behind profile and level."""
    sets = [AVC.nal(7, b"\x64\0\x0c" + code) for code in (b"\xac", b"\x4c")]
    receiver = Receiver(AVC)
    (unit,) = receiver.all_units(encode(number([[*sets, AVC.slice(9, 1)]])))
    assert unit.parameter_sets == tuple(sets)


@_CODECS
def test_a_camera_that_encodes_anew_is_not_asked_for_its_old_sets(dialect: Dialect) -> None:
    """Two formats at a time would leave open which one a picture has."""
    new = [SETS[dialect][0] + b"\x11", *SETS[dialect][1:-1], _pps(dialect, b"\x40")]
    pictures = [dialect.slice(40, at, sync=True) for at in range(3)]
    receiver = Receiver(dialect, tuple(SETS[dialect]))
    units = receiver.all_units(encode(number([[pictures[0]], [*new, pictures[1]], [new[-1], pictures[2]]])))
    assert [unit.parameter_sets for unit in units] == [None, tuple(new), None]


def test_sets_whose_ids_count_up_are_forgotten_in_their_order() -> None:
    upper = SETS[AVC][0]
    codes = [(id_ + 1).to_bytes(1) for id_ in range(1, 127)]  # ue(v) of 13 bits in which the byte is its end
    payloads = [[upper, AVC.nal(8, b"\x02" + code), AVC.slice(40, at)] for at, code in enumerate(codes)]
    receiver = Receiver(AVC, tuple(SETS[AVC]))
    receiver.all_units(encode(number(payloads)))
    kept = receiver.depacketizer.parameter_sets
    assert len(kept) == 16
    assert kept[0] == upper
    assert payloads[-1][1] in kept


@_CODECS
def test_empty_sets_are_none(dialect: Dialect) -> None:
    empty = [one[: dialect.syntax.header + 1] for one in SETS[dialect]]
    receiver = Receiver(dialect, tuple(SETS[dialect]))
    (unit,) = receiver.all_units(encode(number([[*empty, dialect.slice(40, 1)]])))
    assert unit.parameter_sets is None


@_CODECS
@pytest.mark.parametrize("body", [b"\0\x40\x80\x01", b"\0\0\0\0\0", b"\xff" * 70_000])
def test_sets_that_no_stream_can_have_are_not_kept(dialect: Dialect, body: bytes) -> None:
    """An id beyond 255, an id without end, more bytes than a file can say: a camera must not fill the memory."""
    odd = dialect.nal(8 if dialect is AVC else 34, body)
    picture = dialect.slice(40, 1)
    payloads = dialect.fragments(odd, 1400) if len(odd) > 1400 else [odd]
    receiver = Receiver(dialect, tuple(SETS[dialect]))
    (unit,) = receiver.all_units(encode(number([[*payloads, picture]])))
    assert (unit.data, unit.parameter_sets) == (sample([picture]), None)


@_CODECS
def test_delimiters_and_filler_are_dropped_and_messages_kept(dialect: Dialect) -> None:
    message = dialect.nal(dialect.message, b"\5\1x\x80")
    filler = dialect.nal(dialect.filler, b"\xff" * 300)
    picture = dialect.slice(40, 1)
    pieces = [dialect.nal(dialect.delimiter, b"\xf0"), message, picture, *dialect.fragments(filler, 200), filler]
    receiver = Receiver(dialect)
    (unit,) = receiver.all_units(encode(number([pieces])))
    assert unit.data == sample([message, picture])


@_CODECS
def test_what_holds_no_picture_is_no_unit(dialect: Dialect) -> None:
    message = dialect.nal(dialect.message, b"\5\1x\x80")
    receiver = Receiver(dialect)
    units = receiver.all_units(encode(number([[message], [dialect.slice(40, 1)], [message]])))
    assert [unit.data for unit in units] == [sample([dialect.slice(40, 1)])]


def test_sets_of_the_session_description_that_hold_nothing() -> None:
    receiver = Receiver(HEVC, (b"", b"\x42", b"\x42\1", HEVC.nal(34, b"\xc1")))
    assert receiver.depacketizer.parameter_sets == (HEVC.nal(34, b"\xc1"),)


_LEFT_HAND = b"\5\2xy"
"""A message of user data, two bytes."""


@pytest.mark.parametrize(
    ("messages", "begins"),
    [
        pytest.param(b"\6\1\x84\x80", True, id="recovered at once"),
        pytest.param(_LEFT_HAND + b"\6\1\x84\x80", True, id="behind another message"),
        pytest.param(b"\xff\5\xff\1" + bytes(256) + b"\6\1\x84\x80", True, id="behind a long one"),
        pytest.param(b"\6\1\x44\x80", False, id="recovered one picture later"),
        pytest.param(b"\6\0\x80", False, id="empty"),
        pytest.param(b"\6\1", False, id="cut"),
        pytest.param(b"\xff" * 9, False, id="without end"),
        pytest.param(_LEFT_HAND + b"\x80", False, id="another message"),
    ],
)
def test_an_open_gop_begins_with_a_recovery_point(messages: bytes, *, begins: bool) -> None:
    payloads = [[AVC.nal(6, messages), AVC.slice(40, 1)], [AVC.slice(40, 2)]]
    units = Receiver(AVC).all_units(encode(number(payloads)))
    assert [unit.sync for unit in units] == [begins, False]
