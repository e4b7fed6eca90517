"""The head of a progressive file: its tables, its limits, and what other readers make of its times."""

from __future__ import annotations

import io
import struct
from array import array
from typing import TYPE_CHECKING

import av
import pytest

from recorder_core.media import TIMESCALE, Codec
from recorder_core.mp4 import SampleTable, check_only_video_track, progressive_header
from recorder_core.mp4.boxes import find_box, iter_boxes
from tests.core.mp4.footage import FRAME, H264, H264_B, H265, MJPEG, Encoding, footage, shown

if TYPE_CHECKING:
    from pathlib import Path

CREATED_US = 1_700_000_000_000_000


def whole(encoding: Encoding, frames: int) -> tuple[SampleTable, bytes]:
    """The table and the data of all samples of some footage."""
    samples = footage(encoding, frames).samples
    shift = max(sample.dts - sample.pts for sample in samples)
    table = SampleTable(
        sizes=array("I", (len(sample.data) for sample in samples)),
        durations=array("I", (sample.duration for sample in samples)),
        composition_offsets=array("I", (sample.pts - sample.dts + shift for sample in samples)),
        sync=array("I", (index for index, sample in enumerate(samples) if sample.sync)),
    )
    return table, b"".join(sample.data for sample in samples)


def table_of(header: bytes, kind: bytes) -> bytes | None:
    """The payload of a box of the sample table, behind version and flags."""
    boxes = find_box(header, 0, len(header), b"moov", b"trak", b"mdia", b"minf", b"stbl")
    for found in iter_boxes(header, boxes.payload, boxes.end):
        if found.kind == kind:
            return header[found.payload + 4 : found.end]
    return None


def test_the_edit_list_shows_the_interval_and_nothing_else(tmp_path: Path) -> None:
    """Cut at both ends within a group of pictures with B-frames."""
    made = footage(H264_B, 30)
    table, data = whole(H264_B, 30)
    shift = table.composition_offsets[0]
    header = progressive_header(
        made.video_format, table, show_start=7 * FRAME + shift, show_duration=16 * FRAME, created_us=CREATED_US
    )
    path = tmp_path / "clip.mp4"
    path.write_bytes(header + data)
    played = shown(path)
    assert played.numbers == list(range(7, 23))
    assert played.times[0] == 0
    check_only_video_track(path)
    with av.open(str(path)) as container:
        assert len(container.streams) == 1
        assert container.duration == 16 * 40_000
        assert container.metadata["creation_time"] == "2023-11-14T22:13:20.000000Z"


@pytest.mark.parametrize("encoding", [H264, H264_B, H265, MJPEG])
def test_every_sample_is_where_the_tables_say(encoding: Encoding) -> None:
    """Judged by another demultiplexer: data, times and sync flags of each."""
    made = footage(encoding, 70)
    table, data = whole(encoding, 70)
    header = progressive_header(
        made.video_format, table, show_start=table.composition_offsets[0], show_duration=70 * FRAME, created_us=0
    )
    with av.open(io.BytesIO(header + data), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [bytes(packet) for packet in packets] == [sample.data for sample in made.samples]
    assert [packet.pts for packet in packets] == [sample.pts for sample in made.samples]
    assert [packet.is_keyframe for packet in packets] == [sample.sync for sample in made.samples]


def test_composition_offsets_and_sync_samples_are_told_only_where_there_are_any() -> None:
    """Without B-frames no `ctts`; with sync samples alone no `stss`."""
    fmt = footage(H264, 20).video_format
    table = SampleTable(array("I", [5, 6]), array("I", [10, 10]), array("I", [0, 0]), array("I", [0]))
    header = progressive_header(fmt, table, show_start=0, show_duration=20, created_us=0)
    assert table_of(header, b"ctts") is None
    assert table_of(header, b"stss") == struct.pack(">II", 1, 1)
    table = SampleTable(array("I", [5, 6]), array("I", [10, 10]), array("I", [0, 9]), array("I", [0, 1]))
    header = progressive_header(fmt, table, show_start=0, show_duration=20, created_us=0)
    assert table_of(header, b"ctts") == struct.pack(">IIIII", 2, 1, 0, 1, 9)
    assert table_of(header, b"stss") is None


@pytest.mark.parametrize(
    ("count", "rows"), [(1, [(1, 1, 1)]), (32, [(1, 32, 1)]), (33, [(1, 32, 1), (2, 1, 1)]), (64, [(1, 32, 1)])]
)
def test_chunks_are_about_a_second_long(count: int, rows: list[tuple[int, int, int]]) -> None:
    """`stsc` and `stco` agree, whatever is left for the last chunk."""
    fmt = footage(H264, 20).video_format
    table = SampleTable(
        array("I", range(100, 100 + count)), array("I", [1] * count), array("I", [0] * count), array("I", [0])
    )
    header = progressive_header(fmt, table, show_start=0, show_duration=count, created_us=0)
    assert table_of(header, b"stsc") == struct.pack(">I", len(rows)) + b"".join(
        struct.pack(">3I", *row) for row in rows
    )
    offsets = [len(header) + sum(table.sizes[:first]) for first in range(0, count, 32)]
    assert table_of(header, b"stco") == struct.pack(f">{1 + len(offsets)}I", len(offsets), *offsets)


def test_a_file_of_more_than_four_gigabytes_has_long_offsets() -> None:
    """And a long head of its media data, both counted right."""
    fmt = footage(H265, 12).video_format
    gigabyte = 1 << 30
    table = SampleTable(array("I", [gigabyte] * 40), array("I", [FRAME] * 40), array("I", [0] * 40), array("I", [0]))
    header = progressive_header(fmt, table, show_start=0, show_duration=40 * FRAME, created_us=0)
    assert table_of(header, b"stco") is None
    assert table_of(header, b"co64") == struct.pack(">IQQ", 2, len(header), len(header) + 32 * gigabyte)
    assert header[-16:] == b"\0\0\0\1mdat" + (40 * gigabyte + 16).to_bytes(8)


def test_days_of_footage_have_long_times() -> None:
    """More than 2^32 units, 13 hours, need version 1 of all headers."""
    fmt = footage(H264, 20).video_format
    day = 24 * 3600 * TIMESCALE
    table = SampleTable(array("I", [9] * 24), array("I", [day // 24] * 24), array("I", [0] * 24), array("I", [0]))
    header = progressive_header(fmt, table, show_start=day // 2, show_duration=day, created_us=CREATED_US)
    with av.open(io.BytesIO(header + bytes(24 * 9)), "r") as container:
        assert container.duration == 24 * 3600 * 1_000_000
    edits = find_box(header, 0, len(header), b"moov", b"trak", b"edts", b"elst")
    assert header[edits.payload : edits.end] == struct.pack(">IIQqI", 1 << 24, 1, day, day // 2, 0x10000)


def test_brands_are_true() -> None:
    """`avc1` promises H.264."""
    brands = {}
    for codec, encoding in ((Codec.H264, H264), (Codec.H265, H265), (Codec.MJPEG, MJPEG)):
        table, _ = whole(encoding, 20)
        header = progressive_header(
            footage(encoding, 20).video_format, table, show_start=0, show_duration=1, created_us=0
        )
        first = next(iter_boxes(header, 0, len(header)))
        brands[codec] = header[first.payload : first.end]
    assert b"avc1" in brands[Codec.H264]
    assert b"avc1" not in brands[Codec.H265]
    assert b"avc1" not in brands[Codec.MJPEG]
