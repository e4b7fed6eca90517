"""Reading a clip's headers back: all that was written comes back, and nothing else is taken for a clip."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.mp4 import VIDEO_HANDLER, Mp4Error, SampleTable, derived_handler, progressive_header
from recorder_core.mp4.boxes import box
from recorder_core.mp4.progressive_reader import ProgressiveLayout, read_progressive
from tests.core.mp4.footage import ENCODINGS, FRAME, H264_B, MJPEG, Encoding, footage
from tests.core.mp4.test_progressive import CREATED_US, whole


def clip(encoding: Encoding, frames: int = 12) -> tuple[SampleTable, bytes, bytes]:
    """The table of some footage, the headers of a clip of it that hides two pictures, and its data."""
    table, data = whole(encoding, frames)
    shows = {"show_start": 2 * FRAME, "show_duration": 5 * FRAME, "created_us": CREATED_US}
    return (
        table,
        progressive_header(footage(encoding, frames).video_format, table, handler=VIDEO_HANDLER, **shows),
        data,
    )


def read(data: bytes) -> ProgressiveLayout:
    """What lies in some bytes, with others around them."""
    return read_progressive(io.BytesIO(b"before" + data + b"after"), 6, len(data))


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_was_written_comes_back(name: str) -> None:
    """Format, table and edit list; wherever in a file it lies."""
    table, header, data = clip(ENCODINGS[name])
    layout = read(header + data)
    assert layout.video_format == footage(ENCODINGS[name], 12).video_format
    assert (layout.table, layout.data_offset) == (table, len(header))
    assert (layout.show_start, layout.show_duration) == (2 * FRAME, 5 * FRAME)
    assert layout.created_s == CREATED_US // 1_000_000
    assert layout.presentation_times()[0] == table.composition_offsets[0] - 2 * FRAME


def named(handler: str) -> bytes:
    """A clip whose track is called so."""
    table, _, data = clip(H264_B)
    shows = {"show_start": 0, "show_duration": FRAME, "created_us": CREATED_US}
    return progressive_header(footage(H264_B, 12).video_format, table, handler=handler, **shows) + data


def test_a_track_is_called_as_the_recorder_calls_it() -> None:
    """By the usual name, or by one that says that its pictures are re-encoded; nothing else has room there."""
    for handler in (VIDEO_HANDLER, derived_handler("lobby")):
        assert read(named(handler)).handler == handler
    for handler in ("", "Anything", derived_handler("x" * 65), derived_handler("a\0b"), derived_handler("\n")):
        with pytest.raises(Mp4Error, match="a name that the recorder gives to none"):
            read(named(handler))
    with pytest.raises(Mp4Error, match="malformed"):
        read(named(derived_handler("lobby")).replace(b": lobby", b": l\xffbby"))


def test_times_and_durations_that_need_64_bits() -> None:
    """The boxes have another version then."""
    table, _, data = clip(MJPEG)
    shows = {"show_start": 1 << 33, "show_duration": 1 << 34, "created_us": 1 << 53}
    header = progressive_header(footage(MJPEG, 12).video_format, table, handler=VIDEO_HANDLER, **shows)
    layout = read(header + data)
    assert (layout.show_start, layout.show_duration) == (1 << 33, 1 << 34)


@settings(max_examples=300, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), encoding=st.sampled_from([H264_B, MJPEG]))
def test_no_changed_bit_passes_for_nothing(at: float, bit: int, encoding: Encoding) -> None:
    """It is refused, or read as what it says now."""
    _, header, data = clip(encoding)
    changed = bytearray(header)
    changed[int(at * len(header))] ^= 1 << bit
    try:
        layout = read(bytes(changed) + data)
    except Mp4Error:
        return
    assert layout != read(header + data)


def test_nothing_else_lies_in_a_clip() -> None:
    """No second track or data, nothing before, between and behind, and no byte that no sample has."""
    _, header, data = clip(H264_B)
    more = (
        header + data + box(b"mdat", b"other pictures"),
        header + data + b"\0",
        header[:-8] + box(b"mdat", b"sound") + header[-8:] + data,
        header[:-8] + box(b"free", b"sound") + header[-8:] + data,
        header[:-8] + box(b"mdat", data, b"sound"),
        header[:-8] + box(b"mdat", data[:-1]),
        header[: header.index(b"moov") - 4] + header[header.index(b"moov") - 4 : -8] * 2 + header[-8:] + data,
        box(b"free") + header + data,
        header[:-8],
        b"",
    )
    for content in more:
        with pytest.raises(Mp4Error):
            read(content)
