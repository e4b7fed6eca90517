"""Ids sort by time, name folders safely, and paths tell what they were made of."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.storage.ids import (
    SegmentName,
    check_camera_id,
    new_run_id,
    new_segment_id,
    parse_segment_path,
    segment_path,
)

_TIMES = st.integers(0, 4_102_444_800_000_000)  # to the year 2100
_IDS = st.integers(0, (1 << 63) - 1)
_CAMERAS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(_TIMES, _TIMES)
def test_segment_ids_sort_by_time(one: int, other: int) -> None:
    """Whatever the random bits are, a segment that begins a millisecond later has the greater id."""
    low = new_segment_id(one, lambda _: 0)
    high = new_segment_id(other, lambda bits: (1 << bits) - 1)
    assert 0 <= low < 1 << 63
    if other // 1000 >= one // 1000:
        assert high > low
    else:
        assert high < low


def test_segment_ids_of_one_moment_differ() -> None:
    """Cameras that rotate in the same millisecond do not meet: chance has a million answers, and each gives its own."""
    at_us = 1_700_000_000_000_000
    low, high = new_segment_id(at_us, lambda _: 0), new_segment_id(at_us, lambda bits: (1 << bits) - 1)
    assert high - low == (1 << 20) - 1
    while (made := new_segment_id(at_us)) == low:
        pass
    assert low < made <= high


@pytest.mark.parametrize("start_us", [-1, (1 << 43) * 1000])
def test_segment_ids_need_a_time_they_can_hold(start_us: int) -> None:
    """Before 1970 and after 2248 there are none."""
    with pytest.raises(ValueError, match="no segment id"):
        new_segment_id(start_us)


def test_run_ids_are_new_each_time() -> None:
    """32 hexadecimal digits, in order of their making."""
    first, second = new_run_id(), new_run_id()
    assert len(first) == 32
    assert int(first, 16) < int(second, 16)


@given(_CAMERAS)
def test_plain_camera_ids_pass(camera_id: str) -> None:
    """Letters, digits, hyphen and underscore."""
    assert check_camera_id(camera_id) == camera_id


@pytest.mark.parametrize("camera_id", ["", "a" * 65, "..", "a/b", "a b", "é", "a\n", "٣"])
def test_camera_ids_that_are_no_folder_names_are_refused(camera_id: str) -> None:
    """Nothing that a path could be bent with."""
    with pytest.raises(RequestError) as caught:
        check_camera_id(camera_id)
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_a_path_reads_as_documented() -> None:
    """Camera, UTC day, UTC time, id."""
    path = segment_path("north-door", 1_760_000_000_999_999, 0xABC)
    assert path == "cameras/north-door/2025-10-09/085320Z-0000000000000abc.mp4"


@given(_CAMERAS, _TIMES, _IDS)
def test_a_path_can_be_read_back(camera_id: str, start_us: int, segment_id: int) -> None:
    """Camera, second and id survive."""
    name = parse_segment_path(segment_path(camera_id, start_us, segment_id))
    assert name == SegmentName(camera_id, start_us // 1_000_000 * 1_000_000, segment_id)


@pytest.mark.parametrize(
    "path",
    [
        "cameras/a/2025-10-09/085320Z-0000000000000abc.mp4.tmp",
        "cameras/a/2025-13-09/085320Z-0000000000000abc.mp4",
        "cameras/a/2025-10-09/255320Z-0000000000000abc.mp4",
        "cameras/a/2025-10-09/085320Z-0000000000000ABC.mp4",
        "cameras/../2025-10-09/085320Z-0000000000000abc.mp4",
        "085320Z-0000000000000abc.mp4",
    ],
)
def test_other_paths_are_no_segments(path: str) -> None:
    """Half-known names are not guessed at."""
    with pytest.raises(ValueError, match=r"not a segment's path|must be in"):
        parse_segment_path(path)
