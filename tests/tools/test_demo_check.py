"""The verdict of the demonstration: it holds only if everything held, and each thing that did not is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recorder_core.simulator import FrameCode
from script.tools.demo_check import Clip, Restart, middles, verdict
from script.tools.stored_frames import ShownFrame

RESTART = Restart(began_us=10_000_000, ended_us=20_000_000, new_home_assistant=True, same_recorder=True)
CLIP = Clip(
    camera="Exit",
    codec="h264",
    b_frames=2,
    frames=150,
    lead_in_s=0.5,
    first_error=0,
    last_error=-1,
    missing=0,
    video_tracks=1,
    other_tracks=0,
    hash_holds=True,
)
FIGURES: dict[str, Any] = {"cameras": 11, "cameras_offering_audio": 11, "restart": RESTART, "clips": [CLIP, CLIP]}
FOOTAGE: dict[str, Any] = {
    "frames": 9000,
    "frames_missing": 0,
    "frames_duplicated": 0,
    "frames_unreadable": 0,
    "cameras_recorded_across_restart": 11,
    "files": 24,
    "files_with_one_video_track_only": 24,
}


def test_holds_when_everything_held() -> None:
    """The last line has all the figures."""
    result = verdict(FIGURES, FOOTAGE, 101.6)
    assert result["held"] is True
    assert result["seconds"] == 102
    assert result["restart_s"] == 10.0
    assert result["clips"][0]["camera"] == "Exit"
    assert FOOTAGE.items() <= result.items()


@pytest.mark.parametrize(
    "change",
    [
        {"cameras_offering_audio": 10},
        {"restart": replace(RESTART, new_home_assistant=False)},
        {"restart": replace(RESTART, same_recorder=False)},
        {"clips": [CLIP, replace(CLIP, first_error=2)]},
        {"clips": [CLIP, replace(CLIP, last_error=-2)]},
        {"clips": [CLIP, replace(CLIP, missing=1)]},
        {"clips": [CLIP, replace(CLIP, other_tracks=1)]},
        {"clips": [CLIP, replace(CLIP, lead_in_s=0.0)]},
        {"clips": [CLIP, replace(CLIP, hash_holds=False)]},
        {"clips": [CLIP]},
    ],
)
def test_a_restart_or_clip_that_is_not_as_it_should_be_is_seen(change: dict[str, Any]) -> None:
    """Recording audio is only refused where it was offered, and a cut at a sync sample shows nothing."""
    assert verdict(FIGURES | change, FOOTAGE, 100)["held"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 0},
        {"frames_missing": 1},
        {"frames_duplicated": 1},
        {"frames_unreadable": 1},
        {"cameras_recorded_across_restart": 10},
        {"files_with_one_video_track_only": 23},
    ],
)
def test_footage_that_is_not_as_it_should_be_is_seen(change: dict[str, int]) -> None:
    """One picture among thousands is enough."""
    assert verdict(FIGURES, FOOTAGE | change, 100)["held"] is False


def _shown(first: int, last: int) -> list[ShownFrame]:
    """Return frames of 10 a second, a sync sample every ten; serial n was taken at n tenths of a second."""
    return [ShownFrame(FrameCode(n * 100_000, n, 1), sync=n % 10 == 0) for n in range(first, last)]


def test_cuts_lie_in_the_middle_of_a_gop_on_both_sides_of_the_restart() -> None:
    """The clip covers the restart."""
    first, last = middles(_shown(0, 300), RESTART)
    assert (first.serial, last.serial) == (95, 205)


@pytest.mark.parametrize(("first", "last"), [(150, 300), (0, 150)])
def test_footage_on_one_side_of_the_restart_only_is_no_ground_for_a_clip(first: int, last: int) -> None:
    """It says so instead of cutting elsewhere."""
    with pytest.raises(RuntimeError, match="nothing is stored right before or after the restart"):
        middles(_shown(first, last), RESTART)
