"""Bytes that no camera should send: nothing is raised, nothing runs away, no memory fills up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.rtp import depacketizer as module

from .packets import AVC, DIALECTS, STEP, Dialect, Packet, Receiver, encode, nals_of, number

if TYPE_CHECKING:
    import struct
    from collections.abc import Iterable

    from recorder_core.media import AccessUnit

_CODECS = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.syntax.codec.value)


def _consume_all(receiver: Receiver, data: bytes) -> list[AccessUnit]:
    """Take all packets in `data`, stepping over what the depacketizer does not take by what its header says."""
    receiver.buffer[: len(data)] = data
    depacketizer, at = receiver.depacketizer, 0
    while len(data) - at >= 4:
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            break
        at = max(depacketizer.consume(at, len(data)), end)
    depacketizer.flush()
    for unit in depacketizer.ready:
        nals_of(unit.data)
    return depacketizer.ready


@_CODECS
@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400))
def test_random_bytes(dialect: Dialect, data: bytes) -> None:
    _consume_all(Receiver(dialect, room=1 << 12), data)


@_CODECS
@settings(max_examples=150, deadline=None)
@given(
    packets=st.lists(
        st.builds(
            Packet,
            sequence=st.integers(0, 12),
            timestamp=st.sampled_from([0, STEP, 1 << 31]),
            payload=st.binary(max_size=12)
            | st.builds(
                lambda kind, fu, body: bytes((kind, 1, fu)) + body,
                st.sampled_from([0x7C, 0x62, 0x78, 0x60]),
                st.integers(0, 255),
                st.binary(max_size=40),
            ),
            marker=st.booleans(),
            ssrc=st.sampled_from([1, 2]),
            padding=st.sampled_from([0, 1, 200]),
            sources=st.sampled_from([0, 15]),
            extension=st.sampled_from([None, 0, 3]),
        ),
        max_size=25,
    )
)
def test_packets_in_any_state(dialect: Dialect, packets: list[Packet]) -> None:
    """Valid headers around anything at all, in any order."""
    _consume_all(Receiver(dialect, room=1 << 15), encode(packets))


@_CODECS
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), flips=st.integers(1, 30))
def test_a_damaged_stream(dialect: Dialect, seed: int, flips: int) -> None:
    chance = random.Random(seed)
    pictures = [dialect.fragments(dialect.slice(5000, at, sync=at == 0), 600) for at in range(4)]
    stream = bytearray(encode(number(pictures)))
    for _ in range(flips):
        stream[chance.randrange(len(stream))] = chance.randrange(256)
    _consume_all(Receiver(dialect), bytes(stream))


def _rows_unpacked(packets: Iterable[Packet]) -> int:
    """Count the packets that trains looked at, which is the part of the work that could grow beyond the input."""
    receiver = Receiver(AVC)
    depacketizer = receiver.depacketizer
    looked = 0
    rows = depacketizer.trains._rows

    def counting(length: int, count: int) -> struct.Struct:
        nonlocal looked
        looked += count
        return rows(length, count)

    depacketizer.trains._rows = counting  # type: ignore[method-assign]  # the test counts what it does
    receiver.read(encode(packets))
    return looked


@pytest.mark.parametrize("spoiler", ["last", "every other", "each"])
def test_work_grows_with_the_input_and_not_with_its_square(spoiler: str) -> None:
    """Packets that look like trains and are none are looked at once or twice, however many there are."""
    body = bytes(range(1, 250)) + bytes(20)

    def like_a_train(at: int, count: int) -> Packet:
        odd = {"last": at == count - 1, "every other": at % 2 == 0, "each": True}[spoiler]
        sequence = at * 3 if odd else at
        return Packet(sequence, 0, (b"\x7c\x81" if at == 0 else b"\x7c\1") + body)

    counts = {count: _rows_unpacked(like_a_train(at, count) for at in range(count)) for count in (200, 400, 800)}
    assert all(looked <= 2 * count for count, looked in counts.items())


def test_small_packets_are_never_looked_at_together() -> None:
    packets = [Packet(at, 0, (b"\x7c\x81" if at == 0 else b"\x7c\1") + b"xy") for at in range(3000)]
    assert _rows_unpacked(packets) == 0


def test_lengths_that_change_all_the_time_are_not_all_remembered() -> None:
    receiver = Receiver(AVC)
    for length in range(300, 400):
        pieces = AVC.fragments(AVC.slice(length * 6, length), length)
        receiver.read(encode(number([pieces], sequence=length * 10, timestamp=length * STEP)))
    assert len(receiver.depacketizer.trains._known) <= 64


@pytest.mark.parametrize("kind", ["slices", "messages", "fragments", "pieces"])
def test_a_picture_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(module, "_MAX_UNIT", 20_000)
    monkeypatch.setattr(module, "_MAX_PARTS", 300)
    receiver = Receiver(AVC)
    body = bytes(100)
    most_parts = most_bytes = 0
    for at in range(2000):
        payload = {
            "slices": AVC.slice(90, 1, first=False),
            "messages": AVC.nal(AVC.message, body),
            "fragments": (b"\x7c\x81" if at % 700 == 0 else b"\x7c\1") + body,
            "pieces": (b"\x7c\x81" if at % 700 == 0 else b"\x7c\1") + b"x",
        }[kind]
        receiver.read(Packet(at, 0, payload).encode())
        most_parts = max(most_parts, len(receiver.depacketizer._parts))
        most_bytes = max(most_bytes, receiver.depacketizer._size)
    assert most_parts <= 302
    assert most_bytes <= 20_200
    receiver.depacketizer.flush()
    for unit in receiver.units():
        assert len(unit.data) <= 20_200
        assert not unit.sync
        nals_of(unit.data)
