"""Byte streams become samples, pieces become pictures, and parameter sets come through the pipe as they were."""

from __future__ import annotations

import itertools

from hypothesis import given, strategies as st

from recorder_core.capture.pyav_child import Piece, UnitMaker, gather
from recorder_core.capture.pyav_protocol import HEAD, Kind, message, pack_sets, unpack_sets
from recorder_core.rtp import H264, H265, NalSyntax

from .taking import nals

SYNTAXES = st.sampled_from((H264, H265))
START_CODES = st.sampled_from((b"\0\0\1", b"\0\0\0\1"))


@st.composite
def nal_units(draw: st.DrawFn, syntax: NalSyntax) -> bytes:
    """Draw one as an encoder makes it: with emulation prevention and a stop bit (ITU-T H.264 section 7.4.1)."""
    kind = draw(st.sampled_from(sorted(syntax.slices) + list(syntax.parameter_sets) + sorted(syntax.dropped)))
    header = bytes([kind << syntax.type_shift | (0x60 if syntax is H264 else 0)]) + b"\1" * (syntax.header - 1)
    body = draw(st.binary(min_size=4, max_size=40)).replace(b"\0\0", b"\0\3")
    return header + body + b"\x80"


@st.composite
def streams(draw: st.DrawFn) -> tuple[NalSyntax, list[bytes], bytes]:
    """Draw NAL units and the byte stream that they make, with start codes of both lengths."""
    syntax = draw(SYNTAXES)
    units = draw(st.lists(nal_units(syntax), min_size=1, max_size=6))
    return syntax, units, b"".join(draw(START_CODES) + unit for unit in units)


@given(streams())
def test_a_sample_holds_the_pictures_units_with_their_lengths(drawn: tuple[NalSyntax, list[bytes], bytes]) -> None:
    syntax, units, stream = drawn
    maker = UnitMaker(syntax)
    sample, sync, changed = maker.make(stream)
    kinds = [syntax.types[unit[0]] for unit in units]
    apart = set(syntax.parameter_sets) | syntax.dropped
    assert nals(sample) == [unit for unit, kind in zip(units, kinds, strict=True) if kind not in apart]
    assert sync == any(kind in syntax.syncs for kind in kinds)
    sets = {syntax.parameter_set_key(unit): unit for unit in units if syntax.types[unit[0]] in syntax.parameter_sets}
    assert dict(zip(sorted(sets), maker.parameter_sets, strict=True)) == sets
    assert changed == bool(sets)


@given(streams())
def test_parameter_sets_that_are_repeated_are_no_change(drawn: tuple[NalSyntax, list[bytes], bytes]) -> None:
    syntax, units, _ = drawn
    keys = {syntax.parameter_set_key(unit): unit for unit in units if syntax.types[unit[0]] in syntax.parameter_sets}
    stream = b"".join(b"\0\0\1" + unit for unit in keys.values())
    maker = UnitMaker(syntax)
    maker.make(stream)
    before = maker.parameter_sets
    assert maker.make(stream) == (b"", False, False)
    assert maker.parameter_sets == before
    for unit in keys.values():
        assert maker.make(b"\0\0\1" + unit[:-1] + b"\x81")[2]
    assert len(maker.parameter_sets) == len(keys)


@given(SYNTAXES, st.binary(max_size=60))
def test_no_bytes_whatsoever_raise(syntax: NalSyntax, data: bytes) -> None:
    maker = UnitMaker(syntax)
    sample, sync, changed = maker.make(data)
    assert all(len(unit) > syntax.header for unit in nals(sample))
    assert changed == bool(maker.parameter_sets)
    assert not sync or sample


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=5)), max_size=20))
def test_pieces_of_one_time_are_one_picture(drawn: list[tuple[int, bytes]]) -> None:
    pieces = [Piece(data, pts, arrival) for arrival, (pts, data) in enumerate(drawn)]
    joined = list(gather(pieces))
    assert b"".join(one.data for one in joined) == b"".join(one.data for one in pieces)
    assert all(one.pts != other.pts for one, other in itertools.pairwise(joined))
    # Each arrived when its last piece did, which is right before the next one's first.
    ends = [one.arrival_us for one in pieces if one is pieces[-1] or pieces[one.arrival_us + 1].pts != one.pts]
    assert [one.arrival_us for one in joined] == ends


@given(st.lists(st.binary(max_size=300), max_size=5).map(tuple))
def test_parameter_sets_come_through_the_pipe(sets: tuple[bytes, ...]) -> None:
    assert unpack_sets(pack_sets(sets)) == sets


def test_a_parameter_set_may_be_of_any_size() -> None:
    sets = (b"\x67" * 70_000, b"\x68")
    assert unpack_sets(pack_sets(sets)) == sets


@given(st.sampled_from(Kind), st.binary(max_size=100))
def test_a_message_says_how_long_it_is(kind: Kind, body: bytes) -> None:
    said = message(kind, body)
    assert HEAD.unpack_from(said) == (kind, len(body))
    assert said[HEAD.size :] == body
