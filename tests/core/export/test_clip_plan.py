"""What a plan refuses, and that it reads no more than it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.export import ClipSource, plan_clip
from recorder_core.models import StartMode
from recorder_core.storage.records import FragmentSpan, Segment
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import FRAME_US, H264, H264_B

S = 1_000_000


def test_an_interval_that_ends_before_it_begins_is_refused() -> None:
    """Also an empty one."""
    for end_us in (START_US, START_US - 1):
        with pytest.raises(RequestError) as caught:
            plan_clip([], START_US, end_us)
        assert caught.value.code is ErrorCode.INTERVAL_INVERTED


@pytest.mark.parametrize(("start", "end"), [(-9 * S, -8 * S), (-9 * S, 0), (40 * FRAME_US, 9 * S), (8 * S, 9 * S)])
@pytest.mark.parametrize("mode", StartMode)
def test_an_interval_without_footage_is_refused(start: int, end: int, mode: StartMode, tmp_path: Path) -> None:
    """Before the first picture begins, and from when the last one ends."""
    sources = record(tmp_path, H264_B, 40)
    with pytest.raises(RequestError) as caught:
        plan_clip(sources, START_US + start, START_US + end, mode)
    assert caught.value.code is ErrorCode.NO_FOOTAGE
    with pytest.raises(RequestError, match="Nothing is stored"):
        plan_clip([], START_US + start, START_US + end, mode)


def test_next_sync_without_a_sync_sample_in_the_interval_is_refused(tmp_path: Path) -> None:
    """There is one at pictures 10 and 20 only."""
    sources = record(tmp_path, H264_B, 30)
    for first, last in [(11, 20), (21, 30)]:
        with pytest.raises(RequestError) as caught:
            plan_clip(sources, START_US + first * FRAME_US, START_US + last * FRAME_US, StartMode.NEXT_SYNC)
        assert caught.value.code is ErrorCode.NO_FOOTAGE


def test_the_last_microsecond_of_the_last_picture_counts(tmp_path: Path) -> None:
    """It is on screen until its duration is over."""
    sources = record(tmp_path, H264_B, 40)
    end_us = START_US + 40 * FRAME_US
    (part,) = plan_clip(sources, end_us - 1, end_us).parts
    assert (part.start_us, part.end_us, part.frames) == (end_us - FRAME_US, end_us, 1)
    (part,) = plan_clip(sources, START_US - 1, START_US + 1).parts
    assert (part.start_us, part.frames) == (START_US, 1)


def test_an_open_file_counts_as_far_as_it_is_whole(tmp_path: Path) -> None:
    """Its source holds the fragments that are finished, or none yet."""
    (source,) = record(tmp_path, H264, 30)
    finished = source.fragments[:3]
    duration_us = sum(span.duration for span in finished) * 100 // 9
    torn = source.path.read_bytes()[: source.fragments[3].offset + 20]
    source.path.write_bytes(torn)
    growing = replace(source, fragments=finished, wall_duration_us=duration_us)
    (part,) = plan_clip([growing], START_US, START_US + 9 * S).parts
    assert part.end_us == START_US + duration_us
    with pytest.raises(RequestError, match="Nothing is stored"):
        plan_clip([replace(source, fragments=(), wall_duration_us=0)], START_US, START_US + 9 * S)


def test_a_stretch_without_any_sync_sample_shows_nothing(tmp_path: Path) -> None:
    """Its pictures cannot be decoded."""
    (source,) = record(tmp_path, H264, 10, longest=3)
    later = replace(source, fragments=source.fragments[1:])
    with pytest.raises(RequestError, match="Nothing is stored"):
        plan_clip([later], START_US, START_US + 9 * S)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the words that all of storage uses."""
    (source,) = record(tmp_path, H264, 10)
    source.path.unlink()
    with pytest.raises(StorageError, match=f"Reading the recording {source.path.name} failed"):
        plan_clip([source], START_US, START_US + S)


def test_a_file_of_another_run_is_refused(tmp_path: Path) -> None:
    """Somebody exchanged it."""
    (source,) = record(tmp_path, H264, 10)
    with pytest.raises(StorageError, match="another run") as caught:
        plan_clip([replace(source, run_id="other")], START_US, START_US + S)
    assert caught.value.code is ErrorCode.FOOTAGE_DAMAGED
    assert caught.value.placeholders == {"file": source.path.name}


def test_an_index_that_does_not_fit_the_file_is_refused(tmp_path: Path) -> None:
    """A fragment that lies elsewhere, one that lasts longer, and one that has no sync sample."""
    (source,) = record(tmp_path, H264, 10, longest=3)
    first, second, *_ = source.fragments
    longer = replace(first, duration=first.duration + 1)
    with pytest.raises(StorageError, match="does not last as long"):
        plan_clip([replace(source, fragments=(longer,))], START_US, START_US + S)
    moved = replace(first, offset=first.offset + 1)
    with pytest.raises(StorageError, match="damaged"):
        plan_clip([replace(source, fragments=(moved,))], START_US, START_US + S)
    with pytest.raises(StorageError, match="for one with a sync sample"):
        plan_clip([replace(source, fragments=(replace(second, sync=True),))], START_US, START_US + S)


def test_only_the_fragments_that_are_needed_are_read(tmp_path: Path) -> None:
    """All others may be damaged."""
    (source,) = record(tmp_path, H264_B, 100)
    data = bytearray(source.path.read_bytes())
    syncs = [span.offset for span in source.fragments if span.sync]
    data[syncs[0] : syncs[3]] = bytes(syncs[3] - syncs[0])
    data[syncs[6] :] = bytes(len(data) - syncs[6])
    source.path.write_bytes(data)
    (part,) = plan_clip([source], START_US + 33 * FRAME_US, START_US + 36 * FRAME_US).parts
    assert part.frames == 3


def test_extents_join_what_lies_together(tmp_path: Path) -> None:
    """One for each fragment."""
    (source,) = record(tmp_path, H264_B, 20)
    (part,) = plan_clip([source], START_US, START_US + 20 * FRAME_US).parts
    assert [extent.samples for extent in part.extents] == [7, 3, 7, 3]
    assert part.data_bytes == sum(part.table.sizes)


def test_a_segment_of_the_index_becomes_a_source() -> None:
    """Its path counts from the folder of its volume."""
    span = FragmentSpan(offset=700, size=5000, duration=90_000, sync=True)
    segment = Segment(
        segment_id=1,
        camera_id="entrance",
        run_id="run-1",
        volume_id="v",
        path="cameras/entrance/1.mp4",
        start_us=5,
        wall_duration_us=1_000_100,
        media_duration=90_000,
        size=5700,
        root=bytes(32),
        fragments=(span,),
        samples=25,
    )
    source = ClipSource.of(segment, Path("/volume"))
    assert source == ClipSource(Path("/volume/cameras/entrance/1.mp4"), "run-1", 5, 1_000_100, (span,))
    assert source.media_duration == 90_000
