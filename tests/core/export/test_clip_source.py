"""The time line of a stretch: media and wall time map to each other without a contradiction."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, strategies as st

from recorder_core.export.source import ClipSource, Stretch, join_stretches
from recorder_core.media import Codec, VideoFormat
from recorder_core.storage.records import FragmentSpan

FORMAT = VideoFormat(Codec.H264, (), 640, 480, 0)
START_US = 1_700_000_000_000_000


def source(start_us: int, wall_us: int, media: int, run_id: str = "run") -> ClipSource:
    """A file of one fragment."""
    return ClipSource(Path("x.mp4"), run_id, start_us, wall_us, (FragmentSpan(0, 1, media, sync=True),))


@st.composite
def stretches(draw: st.DrawFn) -> Stretch:
    """One to four files, each at its own rate."""
    files = []
    start_us = START_US
    for _ in range(draw(st.integers(1, 4))):
        media = draw(st.integers(1, 600_000))
        wall_us = max(draw(st.integers(media * 9, media * 13)), 1)
        files.append(source(start_us, wall_us, media))
        start_us += wall_us
    return Stretch(files, FORMAT)


@given(stretches(), st.integers(-1_000_000, 3_000_000))
def test_wall_time_grows_with_media_time(stretch: Stretch, media_time: int) -> None:
    """Also over the border of two files, and outside of the stretch."""
    assert stretch.wall_us(media_time) <= stretch.wall_us(media_time + 1)


@given(stretches(), st.integers(-10_000_000, 40_000_000))
def test_media_from_is_the_first_time_that_is_not_earlier(stretch: Stretch, after_us: int) -> None:
    """Of all media times with that property it is the smallest."""
    wall_us = START_US + after_us
    media_time = stretch.media_from(wall_us)
    assert stretch.wall_us(media_time) >= wall_us
    assert stretch.wall_us(media_time - 1) < wall_us


def test_files_of_one_run_join_if_they_touch() -> None:
    """Or nearly, in an index that was rebuilt; a second is a gap."""
    first = source(0, 1_000_000, 90_000)
    for apart, joined in [(0, 1), (30_000, 1), (-30_000, 1), (900_000, 2)]:
        second = source(1_000_000 + apart, 1_000_000, 90_000)
        assert len(join_stretches([(first, FORMAT), (second, FORMAT)])) == joined


def test_files_that_begin_together_do_not_join() -> None:
    """However short they are: no time line could run through both."""
    short = source(0, 40_000, 3_600)
    assert len(join_stretches([(short, FORMAT), (short, FORMAT)])) == 2


def test_stretches_come_in_the_order_of_their_beginnings() -> None:
    """Also where another run lies in the middle of one."""
    files = [source(0, 10, 1), source(5_000_000, 10, 1, run_id="other"), source(9_000_000, 10, 1)]
    joined = join_stretches([(file, FORMAT) for file in files])
    assert [stretch.sources[0].start_us for stretch in joined] == [0, 5_000_000, 9_000_000]


def test_a_border_that_was_moved_is_where_the_second_file_begins() -> None:
    """The first file's rate follows from it, so no moment is told twice."""
    stretch = Stretch([source(0, 1_000_000, 90_000), source(1_030_000, 1_000_000, 90_000)], FORMAT)
    assert stretch.wall_us(90_000) == 1_030_000
    assert stretch.wall_us(45_000) == 515_000
    assert stretch.media_from(1_030_000) == 90_000
    assert stretch.duration == 180_000
