"""Torn, garbled and hostile files: all whole fragments are kept, and nothing but `Mp4Error` is ever raised."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.media import Sample
from recorder_core.mp4 import Mp4Error, check_only_video_track, init_segment, read_segment
from recorder_core.mp4.boxes import box, find_box, iter_boxes, uuid_box
from recorder_core.mp4.fragment import (
    DIGESTS_UUID,
    MOVIE_FRAGMENT,
    REFERENCE_AND_DIGESTS,
    movie_fragment_fields,
    reference_and_digests_fields,
)
from recorder_core.mp4.init import IDENTITY_UUID, parse_movie
from tests.core.mp4.footage import H264_B, H265, MJPEG, SegmentBytes, footage, segment_bytes

if TYPE_CHECKING:
    from recorder_core.mp4 import SegmentLayout


class HeadersOnly(io.BytesIO):
    """A file that remembers which of its bytes were read."""

    def __init__(self, data: bytes) -> None:
        """Nothing was read yet."""
        super().__init__(data)
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Count what is handed out."""
        data = super().read(size)
        self.bytes_read += len(data)
        return data


@cache
def written(codec: str = "h264") -> SegmentBytes:
    """A valid segment file of five or more fragments."""
    made = footage({"h264": H264_B, "h265": H265, "mjpeg": MJPEG}[codec], 25)
    return segment_bytes(made.video_format, made.samples, longest=6)


def read(data: bytes) -> SegmentLayout:
    """Read a file from memory."""
    return read_segment(io.BytesIO(data))


def movie(codec: str = "h264") -> bytes:
    """The payload of the `moov`."""
    data = written(codec).data
    header = find_box(data, 0, written(codec).spans[0].offset, b"moov")
    return data[header.payload : header.end]


def test_a_file_torn_anywhere_gives_all_its_whole_fragments() -> None:
    """At every byte offset behind the init segment."""
    data, spans = written().data, written().spans
    whole = read(data)
    for length in range(spans[0].offset, len(data)):
        layout = read(data[:length])
        expected = [span for span in spans if span.offset + span.size <= length]
        assert layout.fragments == whole.fragments[: len(expected)]
        assert layout.whole_size == max((span.offset + span.size for span in expected), default=spans[0].offset)


def test_a_file_torn_in_its_init_segment_is_refused() -> None:
    """Without its ids and format there is nothing to keep."""
    for length in range(written().spans[0].offset):
        with pytest.raises(Mp4Error):
            read(written().data[:length])


@pytest.mark.parametrize(
    "tail", [bytes(4096), b"\xff" * 4096, b"\0\0\0\1mdat" + b"\xff" * 8 + bytes(64), b"\0\0\0\x08free" * 9]
)
def test_garbage_behind_the_last_fragment_is_left_out(tail: bytes) -> None:
    """Zeros after a power loss, and boxes that are not ours."""
    data = written().data
    assert read(data + tail) == read(data)


def test_media_data_is_never_read() -> None:
    """Ten megabytes more in a sample cost no byte more."""
    fmt = footage(H264_B, 25).video_format
    read_of = {}
    for size in (100_000, 10_000_000):
        one = Sample(bytes(size), 0, 0, 3600, sync=True)
        file = HeadersOnly(segment_bytes(fmt, [one, one], longest=1).data)
        assert len(read_segment(file).fragments) == 2
        read_of[size] = file.bytes_read
    assert read_of[100_000] == read_of[10_000_000] < 6_000


@settings(max_examples=400, deadline=None)
@given(
    codec=st.sampled_from(["h264", "h265", "mjpeg"]),
    changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 1 << 20),
    inserted=st.binary(max_size=12),
)
def test_mutated_files_raise_nothing_else(
    codec: str, changes: list[tuple[int, int]], cut: int, inserted: bytes
) -> None:
    """Bytes changed and inserted anywhere."""
    data = bytearray(written(codec).data)
    for position, value in changes:
        data[position % len(data)] = value
    at = cut % len(data)
    _read_or_refuse(bytes(data))
    _read_or_refuse(bytes(data[:at]) + inserted + bytes(data[at:]))


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, 2000), value=st.sampled_from([0, 1, 7, 8, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF]))
def test_impossible_sizes_anywhere_raise_nothing_else(position: int, value: int) -> None:
    """Wherever a size or a count may stand."""
    data = bytearray(written().data)
    position %= written().spans[2].offset
    struct.pack_into(">I", data, position, value)
    _read_or_refuse(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """At each level of nesting."""
    _read_or_refuse(data)
    _read_or_refuse(box(b"ftyp") + data)
    _read_or_refuse(box(b"ftyp") + box(b"moov", data))
    _read_or_refuse(written().data[: written().spans[0].offset] + data)


def _read_or_refuse(data: bytes) -> None:
    try:
        layout = read(data)
    except Mp4Error:
        return
    assert layout.whole_size <= len(data)
    position = None
    for fragment in layout.fragments:
        assert position is None or fragment.offset == position
        position = fragment.offset + fragment.size
        assert sum(sample.size for sample in fragment.samples) < fragment.size
    assert position is None or position == layout.whole_size


def test_a_second_track_or_audio_is_refused() -> None:
    """Invariant 5."""
    payload = movie()
    track = find_box(payload, 0, len(payload), b"trak")
    again = payload[track.offset : track.end]
    file_type = box(b"ftyp", b"isom", bytes(4))
    with pytest.raises(Mp4Error, match="2 tracks"):
        check_only_video_track(io.BytesIO(file_type + box(b"moov", payload, again)))
    with pytest.raises(Mp4Error, match="0 tracks"):
        check_only_video_track(io.BytesIO(file_type + box(b"moov")))
    with pytest.raises(Mp4Error, match="no video"):
        check_only_video_track(io.BytesIO(file_type + box(b"moov", payload.replace(b"vide", b"soun"))))
    with pytest.raises(Mp4Error, match="none of the recorder's: mp4a"):
        check_only_video_track(io.BytesIO(file_type + box(b"moov", payload.replace(b"avc1", b"mp4a"))))
    with pytest.raises(Mp4Error, match="2 tracks"):
        parse_movie(payload + again)


def test_a_timescale_of_another_is_refused() -> None:
    """Its times would be read wrong."""
    payload = movie()
    media = find_box(payload, 0, len(payload), b"trak", b"mdia", b"mdhd")
    changed = payload[: media.payload + 12] + (48_000).to_bytes(4) + payload[media.payload + 16 :]
    with pytest.raises(Mp4Error, match="timescale"):
        parse_movie(changed)


def test_unknown_sample_entries_are_refused() -> None:
    """Neither another codec nor a missing configuration passes."""
    with pytest.raises(Mp4Error, match="none of the recorder's"):
        parse_movie(movie().replace(b"avc1", b"vp09"))
    with pytest.raises(Mp4Error, match="no avcC box"):
        parse_movie(movie().replace(b"avcC", b"xxxx"))


@pytest.mark.parametrize(("codec", "kind", "length_at"), [("h264", b"avcC", 4), ("h265", b"hvcC", 21)])
def test_decoder_configurations_of_others_are_refused(codec: str, kind: bytes, length_at: int) -> None:
    """Another version, another length of lengths, and sets that are cut or no sets."""
    payload = movie(codec)
    start = payload.index(kind) + 4
    for position, value in ((start, 2), (start + length_at, 0xFC)):
        changed = payload[:position] + bytes([value]) + payload[position + 1 :]
        with pytest.raises(Mp4Error, match="not one of the recorder"):
            parse_movie(changed)
    # A parameter set that would reach past the end.
    sets = start + (6 if codec == "h264" else 26)
    with pytest.raises(Mp4Error, match="truncated"):
        parse_movie(payload[:sets] + b"\xff\xff" + payload[sets + 2 :])
    # One that is no parameter set at all.
    with pytest.raises(Mp4Error, match="malformed"):
        parse_movie(payload[: sets + 2] + b"\0" + payload[sets + 3 :])


@pytest.mark.parametrize(
    ("kind", "position", "value"),
    [
        (b"mp4v", 28, bytes(2)),  # width
        (b"mp4v", 30, bytes(2)),  # height
        (b"esds", 17, b"\x20"),  # object type: MPEG-4 video
        (b"esds", 4, b"\1"),  # version
    ],
)
def test_motion_jpeg_of_others_is_refused(kind: bytes, position: int, value: bytes) -> None:
    """Without a size, or described as something else."""
    payload = movie("mjpeg")
    at = payload.index(kind) + position
    changed = payload[:at] + value + payload[at + len(value) :]
    assert changed != payload
    with pytest.raises(Mp4Error, match="not one of the recorder"):
        parse_movie(changed)


def test_ids_of_another_version_truncated_or_malformed_are_refused() -> None:
    """A file whose owner is not certain belongs to nobody."""
    payload = movie()
    identity = payload.index(IDENTITY_UUID)
    without = payload[: identity - 8]
    body = payload[identity + 16 :]
    with pytest.raises(Mp4Error, match="whose footage"):
        parse_movie(without)
    with pytest.raises(Mp4Error, match="whose footage"):
        parse_movie(without + uuid_box(DIGESTS_UUID, body))
    with pytest.raises(Mp4Error, match="unknown version 1"):
        parse_movie(without + uuid_box(IDENTITY_UUID, b"\1", body[1:]))
    with pytest.raises(Mp4Error, match="truncated"):
        parse_movie(without + uuid_box(IDENTITY_UUID, body[:-1]))
    for malformed in (b"", body[:12], body[:12] + b"\1\xff\0"):
        with pytest.raises(Mp4Error, match="malformed"):
            parse_movie(without + uuid_box(IDENTITY_UUID, malformed))


def test_a_huge_movie_is_not_read() -> None:
    """Its size alone refuses it."""
    file = HeadersOnly(box(b"ftyp") + box(b"moov", bytes(5 << 20)))
    with pytest.raises(Mp4Error, match="too long"):
        read_segment(file)
    assert file.bytes_read < 100


def test_a_fragment_that_claims_millions_of_samples_is_not_read() -> None:
    """Its count alone refuses it."""
    count = 4_000_000
    data = bytearray(written().data)
    at = written().spans[0].offset
    struct.pack_into(">I", data, at + 32, 32 + 32 * count)
    struct.pack_into(">I", data, at + 60, count)
    file = HeadersOnly(bytes(data))
    assert read_segment(file).fragments == ()
    assert file.bytes_read < 10_000


def test_a_fragment_of_no_samples_is_none() -> None:
    """Consistent in itself, it would still have no time."""
    spans = written().spans
    empty = REFERENCE_AND_DIGESTS.pack(*reference_and_digests_fields(0, 0, 0))
    empty += MOVIE_FRAGMENT.pack(*movie_fragment_fields(1, 0, 0, 8)) + box(b"mdat")
    layout = read(written().data[: spans[0].offset] + empty)
    assert (layout.fragments, layout.whole_size) == ((), spans[0].offset)


def test_samples_are_only_in_media_data() -> None:
    """A box of another kind in its place ends the file."""
    data = bytearray(written().data)
    data[data.index(b"mdat") : data.index(b"mdat") + 4] = b"free"
    assert read(bytes(data)).fragments == ()


def test_boxes_may_have_large_sizes_but_not_open_ends() -> None:
    """ISO/IEC 14496-12 section 4.2."""
    large = b"\0\0\0\1free" + (20).to_bytes(8) + b"data"
    (header,) = iter_boxes(large, 0, len(large))
    assert (header.kind, header.payload, header.end) == (b"free", 16, 20)
    for hostile in (b"\0\0\0\0free", b"\0\0\0\1free", b"\0\0\0\1free" + bytes(8), b"\0\0\0\7free", b"\0\0\0"):
        with pytest.raises(Mp4Error):
            list(iter_boxes(hostile, 0, len(hostile)))


def test_the_ids_longest_form_is_read_back() -> None:
    """64 letters for a camera, 255 for a run."""
    fmt = footage(H264_B, 25).video_format
    data = init_segment(fmt, camera_id="c" * 64, run_id="r" * 255, segment_id=0)
    assert read(data).run_id == "r" * 255
