"""Segment files as they lie on disk: what other readers make of them, and what our own reads back."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st

from recorder_core.media import TIMESCALE, Codec, Sample
from recorder_core.merkle import leaf_hash, root_of
from recorder_core.mp4 import (
    Mp4Error,
    check_only_video_track,
    fragment_header,
    init_segment,
    read_fragment,
    read_init,
    read_segment,
)
from recorder_core.mp4.boxes import find_box, mdat_header
from recorder_core.mp4.fragment import ntp_from_us, us_from_ntp
from recorder_core.mp4.reader import read_outline
from recorder_core.parameter_sets import ParameterSetError
from tests.core.mp4.footage import (
    ENCODINGS,
    FRAME,
    FRAME_US,
    H264,
    H264_B,
    H265,
    MJPEG,
    Encoding,
    footage,
    fragment_bytes,
    fragments_of,
    segment_bytes,
    shown,
)

if TYPE_CHECKING:
    from pathlib import Path

START_US = 1_700_000_000_123_457


@pytest.mark.parametrize("name", ENCODINGS)
def test_any_player_shows_every_picture(name: str, tmp_path: Path) -> None:
    """Whatever the order of decoding, each picture is shown once, in order, evenly."""
    made = footage(ENCODINGS[name], 60)
    path = tmp_path / "segment.mp4"
    path.write_bytes(segment_bytes(made.video_format, made.samples, longest=7).data)
    played = shown(path)
    assert played.numbers == list(range(60))
    steps = np.diff(played.times)
    assert np.allclose(steps, 0.04)


@pytest.mark.parametrize("name", ["h264_pyramid", "h265"])
def test_decoded_pictures_are_those_of_the_stream(name: str, tmp_path: Path) -> None:
    """Bit by bit the same as without a container."""
    made = footage(ENCODINGS[name], 40)
    path = tmp_path / "segment.mp4"
    path.write_bytes(segment_bytes(made.video_format, made.samples).data)
    with av.open(str(path)) as container:
        stored = [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]
    stream = b"".join(b"\0\0\0\1" + unit for unit in made.video_format.parameter_sets)
    for sample in made.samples:
        stream += _with_start_codes(sample.data)
    with av.open(
        io.BytesIO(stream), "r", format={Codec.H264: "h264", Codec.H265: "hevc"}[made.video_format.codec]
    ) as raw:
        original = [frame.to_ndarray(format="yuv420p") for frame in raw.decode(video=0)]
    assert len(stored) == len(original) == 40
    assert all(np.array_equal(one, other) for one, other in zip(stored, original, strict=True))


def _with_start_codes(data: bytes) -> bytes:
    stream = b""
    while data:
        size = int.from_bytes(data[:4])
        stream += b"\0\0\0\1" + data[4 : 4 + size]
        data = data[4 + size :]
    return stream


@pytest.mark.parametrize("encoding", [H264, H265, MJPEG, replace(H264, width=638, height=358)])
def test_one_video_track_of_the_right_size_and_nothing_else(encoding: Encoding, tmp_path: Path) -> None:
    """Invariant 5, judged by ffprobe."""
    made = footage(encoding, 12)
    path = tmp_path / "segment.mp4"
    path.write_bytes(segment_bytes(made.video_format, made.samples).data)
    check_only_video_track(path)
    probed = json.loads(
        subprocess.run(
            ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)],  # noqa: S607 a program on the PATH
            check=True,
            capture_output=True,
        ).stdout
    )
    (stream,) = probed["streams"]
    assert stream["codec_type"] == "video"
    assert (stream["width"], stream["height"]) == (encoding.width, encoding.height)
    tags = {Codec.H264: "avc1", Codec.H265: "hvc1", Codec.MJPEG: "mp4v"}
    assert stream["codec_tag_string"] == tags[encoding.codec]
    assert stream["codec_name"] == {Codec.H264: "h264", Codec.H265: "hevc", Codec.MJPEG: "mjpeg"}[encoding.codec]
    assert stream["time_base"] == "1/90000"


def test_the_track_is_enabled_and_as_large_as_the_picture() -> None:
    """`tkhd`, ISO/IEC 14496-12 section 8.3.2: players scale to its size, in 1/65536 pixels."""
    fmt = footage(replace(H264, width=638, height=358), 12).video_format
    init = init_segment(fmt, camera_id="c", run_id="r", segment_id=1)
    header = find_box(init, 0, len(init), b"moov", b"trak", b"tkhd")
    assert init[header.payload : header.payload + 4] == bytes([0, 0, 0, 7])
    assert init[header.end - 8 : header.end] == struct.pack(">HHHH", 638, 0, 358, 0)


def test_ids_format_and_samples_are_read_back(tmp_path: Path) -> None:
    """All that was written, down to each digest and each byte of data."""
    made = footage(H264_B, 25)
    path = tmp_path / "segment.mp4"
    written = segment_bytes(
        made.video_format, made.samples, start_us=START_US, run_id="run-Ä", segment_id=(1 << 63) + 5, longest=4
    )
    path.write_bytes(written.data)
    layout = read_segment(path)
    assert (layout.camera_id, layout.run_id, layout.segment_id) == ("entrance", "run-Ä", (1 << 63) + 5)
    assert layout.video_format == made.video_format
    assert layout.whole_size == len(written.data)
    assert [fragment.sequence for fragment in layout.fragments] == list(range(1, len(written.spans) + 1))
    assert [(one.offset, one.size, one.duration) for one in layout.fragments] == [
        (span.offset, span.size, span.duration) for span in written.spans
    ]
    stored = [(fragment, sample) for fragment in layout.fragments for sample in fragment.samples]
    assert len(stored) == len(made.samples)
    for (fragment, sample), original in zip(stored, made.samples, strict=True):
        data = written.data[sample.offset : sample.offset + sample.size]
        assert data == original.data
        assert sample.digest == hashlib.sha256(original.data).digest()
        assert (sample.sync, sample.duration) == (original.sync, original.duration)
        assert sample.composition_offset == original.pts - original.dts
        assert fragment.offset < sample.offset < fragment.offset + fragment.size
    for fragment, samples in zip(layout.fragments, fragments_of(made.samples, 4), strict=True):
        assert fragment.base_dts == samples[0].dts
        assert fragment.start_us == START_US + samples[0].pts // FRAME * FRAME_US


def test_media_time_of_each_file_begins_at_zero() -> None:
    """Although the run has gone on for a while."""
    made = footage(H264_B, 30)
    second = made.samples[20:]
    written = segment_bytes(made.video_format, second, start_us=START_US)
    layout = read_segment(io.BytesIO(written.data))
    assert layout.fragments[0].base_dts == 0
    assert layout.fragments[0].start_us == START_US


def test_wall_time_stands_in_the_standard_box_of_each_fragment() -> None:
    """`prft`, ISO/IEC 14496-12 section 8.16.5, taken apart by hand."""
    made = footage(H264, 20)
    written = segment_bytes(made.video_format, made.samples, start_us=START_US)
    for span, first in zip(written.spans, (0, 10), strict=True):
        size, kind, version, track = struct.unpack_from(">I4sBxxxI", written.data, span.offset)
        seconds, fraction, media_time = struct.unpack_from(">IIQ", written.data, span.offset + 16)
        assert (size, kind, version, track) == (32, b"prft", 1, 1)
        assert media_time == first * FRAME
        wall_us = (seconds - 2_208_988_800) * 1_000_000 + fraction * 1_000_000 / (1 << 32)
        assert abs(wall_us - START_US - first * FRAME_US) < 1


def test_first_picture_before_the_media_time_line_keeps_its_wall_time() -> None:
    """A media time cannot be negative; the reference then names another moment."""
    early = Sample(b"x" * 9, dts=1000, pts=550, duration=3600, sync=True)
    fmt = footage(H264, 20).video_format
    init = init_segment(fmt, camera_id="c", run_id="r", segment_id=1)
    data = init + fragment_bytes([early], sequence=1, base_dts=1000, start_us=START_US)
    (fragment,) = read_segment(io.BytesIO(data)).fragments
    assert fragment.start_us == START_US
    assert fragment.samples[0].composition_offset == -450


@given(st.integers(-60_000_000_000_000, 4_233_000_000_000_000))
def test_ntp_time_is_exact_from_1968_to_2104(time_us: int) -> None:
    """To the microsecond, over the end of the first era in 2036."""
    assert us_from_ntp(ntp_from_us(time_us)) == time_us


def test_ntp_time_agrees_with_rfc_5905() -> None:
    """Seconds since 1900 and a binary fraction."""
    assert ntp_from_us(0) == 2_208_988_800 << 32
    assert ntp_from_us(500_000) & 0xFFFF_FFFF == 1 << 31


@pytest.mark.parametrize("digests", [[], [b"x" * 31], [b"x" * 32] * 2])
def test_digests_that_do_not_fit_are_refused(digests: list[bytes]) -> None:
    """Too few, too short, too many."""
    with pytest.raises(ValueError, match="a digest of 32 bytes for each"):
        fragment_header([Sample(b"x", 0, 0, 1, sync=True)], sequence=1, base_dts=0, start_us=0, digests=digests)


def test_a_fragment_without_samples_is_refused() -> None:
    """It would have no time."""
    with pytest.raises(ValueError, match="at least one sample"):
        fragment_header([], sequence=1, base_dts=0, start_us=0, digests=[])


def test_media_data_of_four_gigabytes_takes_a_large_header() -> None:
    """32 bits of size include the header itself."""
    limit = (1 << 32) - 9
    assert mdat_header(limit) == b"\xff\xff\xff\xffmdat"
    assert mdat_header(limit + 1) == b"\0\0\0\1mdat" + (limit + 1 + 16).to_bytes(8)


def test_a_fragment_of_hundreds_of_samples_is_read_whole() -> None:
    """Also where its tables are longer than what is read at first."""
    fmt = footage(H264, 20).video_format
    samples = [Sample(bytes([number % 251]), number, number, 1, sync=number == 0) for number in range(700)]
    init = init_segment(fmt, camera_id="c", run_id="r", segment_id=1)
    data = init + fragment_bytes(samples, sequence=1, base_dts=0, start_us=0)
    (fragment,) = read_segment(io.BytesIO(data)).fragments
    assert [data[sample.offset] for sample in fragment.samples] == [number % 251 for number in range(700)]
    assert fragment.samples[699].digest == hashlib.sha256(bytes([699 % 251])).digest()


def test_one_fragment_is_read_through_its_span() -> None:
    """And only if the span is exact."""
    made = footage(H264_B, 25)
    written = segment_bytes(made.video_format, made.samples)
    file = io.BytesIO(written.data)
    whole = read_segment(file)
    spans = [read_fragment(file, span.offset, span.size) for span in written.spans]
    assert tuple(spans) == whole.fragments
    span = written.spans[0]
    for offset, size in [
        (span.offset, span.size + 1),
        (span.offset, span.size - 1),
        (span.offset + 1, span.size),
        (len(written.data) - 3, 50),
        (0, 0),
    ]:
        with pytest.raises(Mp4Error):
            read_fragment(file, offset, size)


@pytest.mark.parametrize("encoding", [H265, MJPEG])
def test_init_alone_is_read(encoding: Encoding) -> None:
    """A file without fragments has a format and ids already."""
    fmt = footage(encoding, 12).video_format
    data = init_segment(fmt, camera_id="c", run_id="r", segment_id=3)
    init = read_init(io.BytesIO(data))
    assert (init.camera_id, init.run_id, init.segment_id, init.video_format) == ("c", "r", 3, fmt)
    layout = read_segment(io.BytesIO(data))
    assert (layout.fragments, layout.whole_size) == ((), len(data))


@pytest.mark.parametrize("name", ["h264", "h265"])
def test_a_format_without_its_parameter_sets_is_refused(name: str) -> None:
    """There would be nothing to decode with."""
    fmt = replace(footage(ENCODINGS[name], 12).video_format, parameter_sets=())
    with pytest.raises(ParameterSetError):
        init_segment(fmt, camera_id="c", run_id="r", segment_id=1)


def test_high_profile_tells_chroma_and_depth_to_the_decoder() -> None:
    """The decoder configuration alone, without any sample, is enough for libavcodec."""
    fmt = footage(H264_B, 25).video_format
    with av.open(io.BytesIO(init_segment(fmt, camera_id="c", run_id="r", segment_id=1))) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.extradata is not None
        assert stream.codec_context.extradata[-4:] == bytes([0xFD, 0xF8, 0xF8, 0])
        assert stream.time_base == Fraction(1, TIMESCALE)


def test_h265_configuration_is_that_of_iso_14496_15() -> None:
    """Section 8.3.3.1.2, taken apart by hand; libavcodec overlooks most of it, other players do not."""
    fmt = footage(H265, 12).video_format
    init = init_segment(fmt, camera_id="c", run_id="r", segment_id=1)
    record = init[init.index(b"hvcC") + 4 :]
    sps = fmt.parameter_sets[1].replace(b"\0\0\3", b"\0\0")
    assert record[0] == 1
    assert record[1:13] == sps[3:15]
    # Nothing is promised about segmentation, parallelism and frame rate; 4:2:0 of 8 bits; one nested layer; 3 arrays.
    assert record[13:23] == bytes([0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 1 << 3 | 1 << 2 | 3, 3])
    position = 23
    for kind, unit in zip((32, 33, 34), fmt.parameter_sets, strict=True):
        head = struct.pack(">BHH", 0x80 | kind, 1, len(unit))
        assert record[position : position + len(head) + len(unit)] == head + unit
        position += len(head) + len(unit)


def test_h264_configuration_is_that_of_iso_14496_15() -> None:
    """Section 5.3.3.1.2; Baseline has no chroma format in it."""
    fmt = footage(ENCODINGS["h264_baseline"], 12).video_format
    init = init_segment(fmt, camera_id="c", run_id="r", segment_id=1)
    sps, pps = fmt.parameter_sets
    expected = bytes([1]) + sps[1:4] + bytes([0xFF, 0xE1]) + struct.pack(">H", len(sps)) + sps
    expected += bytes([1]) + struct.pack(">H", len(pps)) + pps
    at = init.index(b"avcC")
    assert struct.unpack_from(">I", init, at - 4) == (8 + len(expected),)
    assert init[at + 4 : at + 4 + len(expected)] == expected


def test_the_stream_description_of_motion_jpeg_is_that_of_iso_14496_1() -> None:
    """Section 7.2.6, taken apart by hand: nothing but that JPEG pictures follow, and how large they are."""
    init = init_segment(footage(MJPEG, 12).video_format, camera_id="c", run_id="r", segment_id=1)
    at = init.index(b"esds")
    assert struct.unpack_from(">I", init, at - 4) == (35,)
    version_flags, stream, stream_bytes, stream_id, stream_flags = struct.unpack_from(">IBBHB", init, at + 4)
    assert (version_flags, stream, stream_bytes, stream_id, stream_flags) == (0, 3, 21, 0, 0)
    decoder, decoder_bytes, object_type, stream_type = init[at + 13 : at + 17]
    assert (decoder, decoder_bytes, object_type, stream_type >> 2, stream_type & 3) == (4, 13, 0x6C, 4, 1)
    assert init[at + 17 : at + 31] == bytes(11) + bytes([6, 1, 2])
    assert struct.unpack_from(">HH", init, init.index(b"mp4v") + 28) == (256, 144)


@pytest.mark.parametrize("cut", [0, 1, 5000])
def test_an_outline_says_what_all_samples_say(tmp_path: Path, cut: int) -> None:
    """Of a whole file and of a torn one; both readers go as far as it is whole, and the root is that of those bytes."""
    made = footage(H264_B, 60)
    written = segment_bytes(
        made.video_format, made.samples, start_us=1_700_000_000_000_000, run_id="run-1", segment_id=5, longest=7
    )
    path = tmp_path / "segment.mp4"
    path.write_bytes(written.data[: len(written.data) - cut])
    layout, outline = read_segment(path), read_outline(path)
    names = ("camera_id", "run_id", "segment_id", "video_format", "whole_size")
    assert [getattr(outline, name) for name in names] == [getattr(layout, name) for name in names]
    assert tuple(head.layout() for head in outline.fragments) == layout.fragments
    for head, fragment in zip(outline.fragments, layout.fragments, strict=True):
        first = fragment.samples[0]
        assert (head.samples, head.duration, head.sync) == (len(fragment.samples), fragment.duration, first.sync)
        assert head.decoding_us == fragment.start_us - first.composition_offset * 1_000_000 // TIMESCALE
        assert head.header == written.data[fragment.offset : first.offset]
    whole = [span for span in written.spans if span.offset + span.size <= path.stat().st_size]
    assert len(layout.fragments) == len(whole) > 0
    edges = [(0, layout.fragments[0].offset), *((one.offset, one.samples[0].offset) for one in layout.fragments)]
    assert outline.root == root_of(leaf_hash(written.data[begin:end]) for begin, end in edges)
