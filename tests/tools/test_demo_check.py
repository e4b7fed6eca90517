"""The verdict of the demonstration: it holds only if everything held, and each thing that did not is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recorder_core.simulator import FrameCode, VideoCodec
from script.tools.demo_cameras import DemoCamera
from script.tools.demo_check import Checked, Restart, joined, verdict
from script.tools.demo_clips import Clip, middles
from script.tools.demo_deliveries import Delivered
from script.tools.demo_evidence import Alteration, Package
from script.tools.demo_releases import Reencoded, Release
from script.tools.demo_retention import Earlier, Held, Retained
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
    hidden=7,
    hash_holds=True,
)
RELEASE = Release(camera="Exit", pictures=140, before_start=0, starts_late_s=0.8)
REENCODED = Reencoded(
    camera="Exit",
    pictures_anew=12,
    pictures=140,
    before_start=0,
    first_error=-1,
    missing=0,
    duplicated=0,
    marked=True,
    original_is_the_release=True,
)
ALTERATION = Alteration(offset=4711, file="clip.mp4", named_by_command=True, named_by_page=True)
PACKAGE = Package(
    videos=2,
    pictures=280,
    pictures_before_start=0,
    verified_by_command=True,
    verified_by_page=True,
    asked_no_network=True,
    seed=5,
    alterations=[ALTERATION] * 3,
)
DELIVERY = Delivered(
    folder="Records desk",
    copies=2,
    same_bytes=2,
    verified_by_command=2,
    told_by_ledger=2,
    gone_by=["person", "age"],
    certificates=4,
    cameras=2,
    left_behind=0,
    package_stays=True,
)
HOLD = Held(
    hold_id="8d1f0b7c",
    area="Lot",
    cameras=3,
    same_after_restart=True,
    shown_as_held=3,
    others_shown_as_held=0,
    review_kept=True,
    review_in_ledger=True,
)
RETENTION = Retained(
    camera="Drop",
    held_camera="Lot, north",
    clock_confirmed=True,
    deleted_before=0,
    rule="age",
    segments_certified=2,
    files_gone=2,
    held_files=2,
    held_files_gone=0,
    certified_held=0,
    told_by_event=True,
)
CAMERA = DemoCamera(
    name="drop",
    title="Drop",
    number=1,
    area="Book drop",
    url="rtsp://127.0.0.1/drop",
    username="",
    password="",
    codec=VideoCodec.H264,
    b_frames=0,
    fps=10,
    offers_audio=True,
)
CHECKED = Checked(
    cameras=11,
    cameras_offering_audio=11,
    restart=RESTART,
    hold=HOLD,
    clips=[CLIP, CLIP],
    release=RELEASE,
    reencoded=REENCODED,
    package=PACKAGE,
    delivery=DELIVERY,
    retention=RETENTION,
    earlier=Earlier(CAMERA, []),
)
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
    result = verdict(CHECKED, FOOTAGE, 101.6)
    assert result["held"] is True
    assert result["seconds"] == 102
    assert result["restart_s"] == 10.0
    assert result["clips"][0]["camera"] == "Exit"
    assert result["package"]["alterations"][0]["file"] == "clip.mp4"
    assert result["reencoded"]["pictures_anew"] == 12
    assert result["delivery"]["gone_by"] == ["person", "age"]
    assert result["hold"]["area"] == "Lot"
    assert result["retention"]["rule"] == "age"
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
        {"clips": [CLIP, replace(CLIP, hidden=0)]},
        {"clips": [CLIP, replace(CLIP, hash_holds=False)]},
        {"clips": [CLIP]},
    ],
)
def test_a_restart_or_clip_that_is_not_as_it_should_be_is_seen(change: dict[str, Any]) -> None:
    """Recording audio is only refused where it was offered, and a cut at a sync sample shows nothing."""
    assert verdict(replace(CHECKED, **change), FOOTAGE, 100)["held"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"release": replace(RELEASE, before_start=1)},
        {"release": replace(RELEASE, pictures=0)},
        {"release": replace(RELEASE, starts_late_s=0.0)},
        {"reencoded": replace(REENCODED, pictures_anew=0)},
        {"reencoded": replace(REENCODED, pictures=0)},
        {"reencoded": replace(REENCODED, before_start=1)},
        {"reencoded": replace(REENCODED, first_error=2)},
        {"reencoded": replace(REENCODED, missing=1)},
        {"reencoded": replace(REENCODED, duplicated=1)},
        {"reencoded": replace(REENCODED, marked=False)},
        {"reencoded": replace(REENCODED, original_is_the_release=False)},
        {"package": replace(PACKAGE, videos=0)},
        {"package": replace(PACKAGE, pictures=0)},
        {"package": replace(PACKAGE, pictures_before_start=1)},
        {"package": replace(PACKAGE, verified_by_command=False)},
        {"package": replace(PACKAGE, verified_by_page=False)},
        {"package": replace(PACKAGE, asked_no_network=False)},
        {"package": replace(PACKAGE, alterations=[ALTERATION] * 2)},
        {"package": replace(PACKAGE, alterations=[ALTERATION] * 2 + [replace(ALTERATION, named_by_command=False)])},
        {"package": replace(PACKAGE, alterations=[ALTERATION] * 2 + [replace(ALTERATION, named_by_page=False)])},
    ],
)
def test_what_leaves_the_house_and_is_not_as_it_should_be_is_seen(change: dict[str, Any]) -> None:
    """A package that nobody could verify, an alteration that one of the two overlooked, a picture too many."""
    assert verdict(replace(CHECKED, **change), FOOTAGE, 100)["held"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"copies": 1},
        {"copies": 0, "same_bytes": 0, "verified_by_command": 0, "told_by_ledger": 0},
        {"same_bytes": 1},
        {"verified_by_command": 1},
        {"told_by_ledger": 1},
        {"gone_by": ["person", ""]},
        {"gone_by": ["age", "age"]},
        {"certificates": 3},
        {"certificates": 0, "cameras": 0},
        {"left_behind": 1},
        {"package_stays": False},
    ],
)
def test_a_copy_that_is_not_the_package_or_does_not_go_as_it_should_is_seen(change: dict[str, Any]) -> None:
    """Another file, one that nobody knows of, one without an end; or an end that takes the package with it."""
    assert verdict(replace(CHECKED, delivery=replace(DELIVERY, **change)), FOOTAGE, 100)["held"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"hold": replace(HOLD, review_kept=False)},
        {"hold": replace(HOLD, review_in_ledger=False)},
        {"hold": replace(HOLD, same_after_restart=False)},
        {"hold": replace(HOLD, shown_as_held=2)},
        {"hold": replace(HOLD, others_shown_as_held=1)},
        {"hold": replace(HOLD, cameras=0, shown_as_held=0)},
        {"retention": replace(RETENTION, deleted_before=1)},
        {"retention": replace(RETENTION, rule="age,space")},
        {"retention": replace(RETENTION, segments_certified=3)},
        {"retention": replace(RETENTION, segments_certified=0, files_gone=0)},
        {"retention": replace(RETENTION, held_files=0)},
        {"retention": replace(RETENTION, held_files_gone=1)},
        {"retention": replace(RETENTION, certified_held=1)},
        {"retention": replace(RETENTION, told_by_event=False)},
    ],
)
def test_a_hold_or_a_rule_that_does_not_do_what_it_should_is_seen(change: dict[str, Any]) -> None:
    """Too little held, too much held, a review that nothing tells of, a deletion uncertified or against the hold."""
    assert verdict(replace(CHECKED, **change), FOOTAGE, 100)["held"] is False


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
    assert verdict(CHECKED, FOOTAGE | change, 100)["held"] is False


def _shown(first: int, last: int) -> list[ShownFrame]:
    """Return frames of 10 a second, a sync sample every ten; serial n was taken at n tenths of a second."""
    return [ShownFrame(FrameCode(n * 100_000, n, 1), sync=n % 10 == 0) for n in range(first, last)]


def test_cuts_lie_in_the_middle_of_a_gop_on_both_sides_of_the_restart() -> None:
    """The clip covers the restart."""
    first, last = middles(_shown(0, 300), RESTART.began_us, RESTART.ended_us)
    assert (first.serial, last.serial) == (95, 205)


@pytest.mark.parametrize(("first", "last"), [(150, 300), (0, 150)])
def test_footage_on_one_side_of_the_restart_only_is_no_ground_for_a_clip(first: int, last: int) -> None:
    """It says so instead of cutting elsewhere."""
    with pytest.raises(RuntimeError, match="nothing is stored right before or after the restart"):
        middles(_shown(first, last), RESTART.began_us, RESTART.ended_us)


def test_what_a_rule_took_is_judged_with_what_was_recorded_since() -> None:
    """What both looks saw counts once; what nobody can read is not left out."""
    unread = ShownFrame(None, sync=False)
    before, after = _shown(0, 20), [*_shown(15, 30), unread]
    assert joined(before, after) == [*_shown(0, 30), unread]
    assert joined([], after) == after
