"""The compact form of fragment tables: nothing is lost, little is stored, nonsense is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from recorder_core.storage.fragments import decode_fragments, encode_fragments
from recorder_core.storage.records import FragmentSpan

_SMALL = st.integers(0, 1 << 24)
_ANY = st.integers(0, (1 << 63) - 1)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[FragmentSpan, ...]:
    spans = []
    end = 0
    for free, size, duration, sync in draw(
        st.lists(st.tuples(st.one_of(st.just(0), _SMALL), st.one_of(_SMALL, _ANY), _ANY, st.booleans()), max_size=80)
    ):
        spans.append(FragmentSpan(end + free, size, duration, sync))
        end += free + size
    return tuple(spans)


@given(_tables())
def test_decoding_undoes_encoding(spans: tuple[FragmentSpan, ...]) -> None:
    """What comes out is what went in, to the bit."""
    assert decode_fragments(encode_fragments(spans)) == spans


def test_a_minute_takes_less_than_300_bytes() -> None:
    """A minute of 4 Mbit/s with jitter in sizes and durations stays small, which millions of rows need."""
    dice = random.Random(1)
    spans = []
    offset = 812
    for second in range(60):
        size = dice.randrange(300_000, 900_000)
        spans.append(FragmentSpan(offset, size, 90_000 + dice.randrange(-500, 500), second % 2 == 0))
        offset += size
    encoded = encode_fragments(spans)
    assert len(encoded) < 300
    assert decode_fragments(encoded) == tuple(spans)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_refused_or_stable(data: bytes) -> None:
    """Bytes from a damaged row raise ValueError or mean fragments; nothing else happens."""
    try:
        spans = decode_fragments(data)
    except ValueError:
        return
    assert all(span.offset >= 0 and span.size >= 0 and span.duration >= 0 for span in spans)


@given(_tables(), st.data())
def test_a_cut_or_longer_table_is_refused(spans: tuple[FragmentSpan, ...], data: st.DataObject) -> None:
    """Not one byte may be missing or too many."""
    encoded = encode_fragments(spans)
    with pytest.raises(ValueError, match="fragment table"):
        decode_fragments(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(ValueError, match="fragment table"):
        decode_fragments(encoded + b"\0")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x02\x00", id="unknown version"),
        pytest.param(b"\x01\x81\x80\x04", id="65 537 fragments"),
        pytest.param(b"\x01" + b"\xff" * 10, id="endless number"),
        pytest.param(b"\x01\x01\x00\x00\x40" + bytes(20), id="column of 64 bits"),
        pytest.param(b"\x01\x01\x00" + b"\x00\x01\x02" + b"\x00\x00" * 3, id="stray bits"),
    ],
)
def test_malformed_tables_are_refused(data: bytes) -> None:
    """Each limit of the form holds."""
    with pytest.raises(ValueError, match="fragment"):
        decode_fragments(data)


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param([FragmentSpan(10, 5, 1, sync=True), FragmentSpan(14, 5, 1, sync=False)], id="overlap"),
        pytest.param([FragmentSpan(10, 5, 1, sync=True), FragmentSpan(0, 5, 1, sync=False)], id="out of order"),
        pytest.param([FragmentSpan(-1, 5, 1, sync=True)], id="negative offset"),
        pytest.param([FragmentSpan(0, 5, -1, sync=True)], id="negative duration"),
        pytest.param([FragmentSpan(0, 1 << 63, 1, sync=True)], id="too large"),
        pytest.param([FragmentSpan(n, 1, 1, sync=True) for n in range((1 << 16) + 1)], id="too many"),
    ],
)
def test_impossible_tables_are_not_encoded(spans: list[FragmentSpan]) -> None:
    """What could not be read back is not written."""
    with pytest.raises(ValueError, match="fragments"):
        encode_fragments(spans)
