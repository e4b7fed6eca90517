"""The frame header is found whatever precedes it, and nothing but a header, a size or None ever comes of any bytes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from recorder_core.jpeg_header import MOST_BYTES_BEFORE_HEADER, frame_header, picture_size
from recorder_core.media import Codec, VideoFormat
from recorder_core.parameter_sets import ParameterSetError, video_format

SIDES = st.integers(1, 0xFFFF)
START = b"\xff\xd8"
SCAN = b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0" + b"\x5a" * 20 + b"\xff\xd9"


def sof(width: int, height: int, components: int = 3, code: int = 0xC0) -> bytes:
    """Return a frame header (ITU-T T.81 section B.2.2)."""
    size = 8 + 3 * components
    head = bytes([0xFF, code]) + size.to_bytes(2) + b"\x08" + height.to_bytes(2) + width.to_bytes(2)
    return head + bytes([components]) + b"\1\x22\0" * components


@st.composite
def segments(draw: st.DrawFn) -> bytes:
    """Draw a table, a comment or a thumbnail, fill bytes before it; what is in it may look like anything."""
    code = draw(st.sampled_from((0xC4, 0xCC, 0xDB, 0xDD, 0xE0, 0xE1, 0xFE)))
    inside = draw(st.binary(max_size=40) | st.just(START + sof(3, 5)))
    return b"\xff" * draw(st.integers(1, 3)) + bytes([code]) + (2 + len(inside)).to_bytes(2) + inside


@given(st.lists(segments(), max_size=6), SIDES, SIDES, st.integers(1, 4), st.sampled_from((0xC0, 0xC1, 0xC2)))
def test_the_size_is_found_behind_whatever_tables(
    before: list[bytes], width: int, height: int, components: int, code: int
) -> None:
    header = sof(width, height, components, code)
    picture = START + b"".join(before) + header + SCAN
    assert frame_header(picture) == header
    assert picture_size(header) == (width, height)
    assert video_format(Codec.MJPEG, [header]) == VideoFormat(Codec.MJPEG, (), width, height, 0)
    for end in range(len(picture) - len(SCAN)):
        assert frame_header(picture[:end]) is None


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"exif": b"x" * 60_000}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_pictures_of_another_encoder_are_read(mode: str, options: dict[str, bool | int | bytes]) -> None:
    file = io.BytesIO()
    Image.new(mode, (642, 359)).save(file, "jpeg", **options)
    header = frame_header(file.getvalue())
    assert header is not None
    assert picture_size(header) == (642, 359)


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        START,
        sof(8, 8),  # no start
        START + SCAN,  # a scan without a frame
        START + b"\xff\xd9" + sof(8, 8),  # an end
        START + START + sof(8, 8),
        START + b"\0" + sof(8, 8),
        START + b"\xff\xe0\0\1" + sof(8, 8),  # a length that would lead back
        START + sof(8, 8, code=0xC3),  # lossless
        START + sof(8, 8, code=0xC9),  # arithmetic coding
        START + sof(0, 8),
        START + sof(8, 0),  # the number of lines would follow the scan
        START + sof(8, 8, components=0),
        START + sof(8, 8, components=5),
        START + sof(8, 8).replace(b"\0\x11", b"\0\x12") + SCAN,
        START + b"\xff" * MOST_BYTES_BEFORE_HEADER + sof(8, 8)[1:],
        START + b"\xff\xe0\xff\xff" * 4 + sof(8, 8),
    ],
)
def test_what_no_decoder_would_take_has_no_header(picture: bytes) -> None:
    assert frame_header(picture) is None


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80)
    | st.lists(st.binary(max_size=8) | segments() | st.just(sof(16, 8)), max_size=6).map(
        lambda one: START + b"".join(one)
    )
)
def test_any_bytes_give_a_header_that_can_be_read_or_none(data: bytes) -> None:
    header = frame_header(data)
    assert header is None or (header in data and picture_size(header) is not None)
    size = picture_size(data)
    assert size is None or all(1 <= side <= 0xFFFF for side in size)


@given(st.lists(st.binary(max_size=20) | st.just(sof(8, 8)), max_size=3))
def test_a_format_is_of_one_frame_header_that_can_be_read(sets: list[bytes]) -> None:
    readable = len(sets) == 1 and picture_size(sets[0]) is not None
    try:
        assert video_format(Codec.MJPEG, sets).parameter_sets == ()
    except ParameterSetError:
        assert not readable
    else:
        assert readable
