"""Which pictures a clip shows: exactly those of its interval, proven by the numbers drawn into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.export import plan_clip, write_clip
from recorder_core.models import StartMode
from recorder_core.mp4 import check_only_video_track
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import ENCODINGS, FRAME_US, H264, H264_B, H264_PYRAMID, H265, H265_OPEN, shown

if TYPE_CHECKING:
    from recorder_core.export import ClipSource
    from recorder_core.models import ExportFile

# Cuts at sync samples (10, 20), right before and after one, and within groups of pictures; in one file and over two.
INTERVALS = [(0, 60), (3, 8), (10, 20), (9, 11), (17, 18), (19, 43), (20, 21), (21, 39), (55, 60)]


def cut(
    sources: list[ClipSource], first: float, end: float, folder: Path, mode: StartMode = StartMode.LEAD_IN
) -> list[ExportFile]:
    """Cut from picture number `first` to the one before `end`."""
    start_us, end_us = (START_US + round(number * FRAME_US) for number in (first, end))
    return write_clip(plan_clip(sources, start_us, end_us, mode), folder, f"{mode}-{first}-{end}")


def numbers(clip: ExportFile) -> list[int]:
    """The pictures that a clip shows; when they are shown is checked on the way."""
    played = shown(Path(clip.path))
    assert played.times == pytest.approx([index / 25 for index in range(len(played.times))], abs=1e-6)
    assert clip.frames == len(played.numbers)
    assert clip.duration_us == clip.frames * FRAME_US
    return played.numbers


def two_files(folder: Path, name: str) -> list[ClipSource]:
    """60 pictures in two files, where the encoding has more than one sync sample."""
    return record(folder, ENCODINGS[name], 60, cut_at=() if name == "h264_open" else (2,))


@pytest.mark.parametrize("name", ENCODINGS)
def test_lead_in_shows_exactly_the_interval(name: str, tmp_path: Path) -> None:
    """Wherever the cuts lie, in whatever order pictures are decoded."""
    sources = two_files(tmp_path, name)
    for first, end in INTERVALS:
        (clip,) = cut(sources, first, end, tmp_path)
        assert numbers(clip) == list(range(first, end))
        assert (clip.start_us, clip.end_us) == (START_US + first * FRAME_US, START_US + end * FRAME_US)
        assert clip.lead_in_us % FRAME_US == 0
        check_only_video_track(Path(clip.path))


@pytest.mark.parametrize("name", ["h264", "h264_b", "h265", "h265_open"])
def test_next_sync_begins_with_the_first_sync_sample(name: str, tmp_path: Path) -> None:
    """There is one at every tenth picture, and nothing lies hidden before it."""
    sources = two_files(tmp_path, name)
    for first, end in [(0, 60), (1, 20), (10, 12), (11, 33), (19, 60), (20, 29)]:
        (clip,) = cut(sources, first, end, tmp_path, StartMode.NEXT_SYNC)
        begin = -(-first // 10) * 10
        assert numbers(clip) == list(range(begin, end))
        assert (clip.start_us, clip.lead_in_us) == (START_US + begin * FRAME_US, 0)


@pytest.mark.parametrize("mode", StartMode)
def test_where_all_are_sync_samples_nothing_is_hidden(mode: StartMode, tmp_path: Path) -> None:
    """Though several of them share a fragment."""
    sources = record(tmp_path, ENCODINGS["mjpeg"], 40, cut_at=(20,))
    for first, end in [(0, 40), (1, 20), (13, 15), (19, 22), (20, 29), (39, 40)]:
        (clip,) = cut(sources, first, end, tmp_path, mode)
        assert numbers(clip) == list(range(first, end))
        assert (clip.start_us, clip.lead_in_us) == (START_US + first * FRAME_US, 0)


def test_lead_in_says_how_much_it_hides(tmp_path: Path) -> None:
    """From the sync sample before, number 10, to number 17; and nothing where the clip begins with one."""
    sources = record(tmp_path, H264_B, 40)
    for first, hidden in [(17, 7), (10, 0), (0, 0), (29, 9)]:
        (clip,) = cut(sources, first, 40, tmp_path)
        assert clip.lead_in_us == hidden * FRAME_US


def test_a_cut_between_two_pictures_shows_the_one_on_screen(tmp_path: Path) -> None:
    """The picture that began before the start, and the last one that begins before the end."""
    (clip,) = cut(record(tmp_path, H264_B, 40), 12.5, 14.1, tmp_path)
    assert numbers(clip) == [12, 13, 14]
    (clip,) = cut(record(tmp_path / "other", H264_B, 40, run_id="b"), 12.98, 13.0, tmp_path)
    assert numbers(clip) == [12]


def test_an_interval_that_reaches_beyond_the_footage_shows_what_there_is(tmp_path: Path) -> None:
    """The clip says from when to when it goes."""
    (clip,) = cut(record(tmp_path, H265, 40), -100, 100, tmp_path)
    assert numbers(clip) == list(range(40))
    assert (clip.start_us, clip.end_us) == (START_US, START_US + 40 * FRAME_US)


@pytest.mark.parametrize("name", ["h264_b", "h265"])
def test_a_gap_makes_two_files(name: str, tmp_path: Path) -> None:
    """The second run begins a second after the end of the first one."""
    encoding = ENCODINGS[name]
    first_run = record(tmp_path, encoding, 40, cut_at=(2,))
    second_run = record(tmp_path, encoding, 40, start_us=START_US + 65 * FRAME_US, run_id="run-2")
    one, two = cut([*first_run, *second_run], 35, 70, tmp_path)
    assert numbers(one) == [35, 36, 37, 38, 39]
    assert numbers(two) == [0, 1, 2, 3, 4]
    assert one.path.endswith("-1.mp4")
    assert two.path.endswith("-2.mp4")
    assert (one.end_us, two.start_us) == (START_US + 40 * FRAME_US, START_US + 65 * FRAME_US)


def test_a_missing_file_within_a_run_makes_two_files(tmp_path: Path) -> None:
    """Although both belong to one run."""
    first, _, last = record(tmp_path, H264_B, 60, cut_at=(2, 4))
    one, two = cut([first, last], 15, 45, tmp_path)
    assert numbers(one) == [15, 16, 17, 18, 19]
    assert numbers(two) == [40, 41, 42, 43, 44]


def test_runs_that_overlap_give_a_file_each(tmp_path: Path) -> None:
    """The wall clock stepped back by 20 pictures: what was recorded twice is shown twice."""
    before = record(tmp_path, H264_B, 60, cut_at=(2, 4))
    after = record(tmp_path, H264_B, 60, cut_at=(2,), start_us=START_US + 40 * FRAME_US, run_id="run-2")
    sources = sorted([*before, *after], key=lambda source: source.start_us)
    one, two = cut(sources, 30, 70, tmp_path)
    assert numbers(one) == list(range(30, 60))
    assert numbers(two) == list(range(30))


def test_a_format_that_changes_within_a_run_makes_two_files(tmp_path: Path) -> None:
    """One MP4 track has one format."""
    one = record(tmp_path, H264_B, 30)
    two = record(tmp_path / "other", H265, 30, start_us=START_US + 30 * FRAME_US)
    first, second = cut([*one, *two], 25, 35, tmp_path)
    assert (numbers(first), numbers(second)) == (list(range(25, 30)), list(range(5)))


@pytest.mark.parametrize("rate", [1.0005, 0.9995, 1.02])
def test_wall_time_follows_the_runs_clock(rate: float, tmp_path: Path) -> None:
    """A camera's clock that is off shifts no cut."""
    sources = record(tmp_path, H264_B, 60, cut_at=(2, 4), wall_per_media=rate)
    for first, last in [(5, 9), (17, 31), (20, 39), (41, 59)]:
        start_us = START_US + int(first * FRAME_US * rate) + 9
        end_us = START_US + int(last * FRAME_US * rate) + 9
        (clip,) = write_clip(plan_clip(sources, start_us, end_us), tmp_path, f"{first}")
        assert numbers(clip) == list(range(first, last + 1))
        assert abs(clip.start_us - (start_us - 9)) <= 1


def test_an_open_gop_at_the_first_files_beginning_starts_where_it_can(tmp_path: Path) -> None:
    """Its leading pictures refer to a file that is not given, and come back with it."""
    sources = record(tmp_path, H265_OPEN, 60, cut_at=(2,))
    (alone,) = cut(sources[1:], 15, 25, tmp_path)
    assert numbers(alone) == list(range(20, 25))
    (with_leading,) = cut(sources, 19, 25, tmp_path)
    assert numbers(with_leading) == list(range(19, 25))


def test_a_clip_across_many_groups_hides_what_is_decoded_too_early(tmp_path: Path) -> None:
    """With a pyramid, pictures from behind the end are needed; they lie in the file and are not shown."""
    sources = record(tmp_path, H264_PYRAMID, 60)
    plan = plan_clip(sources, START_US + 5 * FRAME_US, START_US + 9 * FRAME_US)
    (part,) = plan.parts
    assert len(part.table.sizes) > 9
    (clip,) = write_clip(plan, tmp_path, "pyramid")
    assert numbers(clip) == [5, 6, 7, 8]


def test_fragments_shorter_than_a_group_make_no_difference(tmp_path: Path) -> None:
    """A fragment that begins with no sync sample is read as part of its group."""
    for longest in (1, 3):
        folder = tmp_path / str(longest)
        (clip,) = cut(record(folder, H264, 30, longest=longest), 4, 27, folder)
        assert numbers(clip) == list(range(4, 27))
