"""Proves the main job: recording goes on while Home Assistant restarts, clips are what was asked, what is held stays.

The judge of recording and clips is what the stored pictures themselves say, read from the files by PyAV; neither the
recorder's index nor its gap table is asked.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from recorder_core.simulator import VideoCodec

from .demo_clips import Clip, export, middles, package
from .demo_deliveries import Delivered, judge_copies, judge_end
from .demo_furnish import entity_ids
from .demo_house import RunningHouse, wait_until_recording
from .demo_releases import Reencoded, Release, release
from .demo_retention import Earlier, Held, Retained, judge_hold, judge_retention
from .demo_story import press
from .looking import until
from .stored_frames import ShownFrame, Tracks, sequence, shown_frames, tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .demo_cameras import DemoCamera
    from .demo_evidence import Package

BEFORE_S: Final = 8.0
AFTER_S: Final = 8.0
RETURN_LIMIT_S: Final = 60.0
CLIPS: Final = 2
"""One of H.264 with B-frames, one of H.265."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What a restart of Home Assistant changed: wall times in µs from the order to its return."""

    began_us: int
    ended_us: int
    new_home_assistant: bool
    same_recorder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """All that was seen while the house ran. `earlier` is for the judge of the footage."""

    cameras: int
    cameras_offering_audio: int
    restart: Restart
    hold: Held
    clips: list[Clip]
    release: Release
    reencoded: Reencoded
    package: Package
    delivery: Delivered
    retention: Retained
    earlier: Earlier


async def restart(house: RunningHouse, say: Callable[[str], None]) -> Restart:
    """Restart Home Assistant by its own action while the cameras are recorded, and wait until it shows them again."""
    async with house.recorder() as recorder:
        worker = (await recorder.status()).pid
        await asyncio.sleep(BEFORE_S)
        say("Restarting Home Assistant …")
        old, began_us = house.home_assistant.pid, _now_us()
        await house.api.restart()
        await house.home_assistant.wait_for_end()
        await house.home_assistant.start()
        await _wait_until_shown(house)
        ended_us = _now_us()
        say(f"Home Assistant is back after {(ended_us - began_us) / 1e6:.0f} s and shows all cameras as recording.")
        await asyncio.sleep(AFTER_S)
        same = (await recorder.status()).pid == worker
    return Restart(
        began_us=began_us,
        ended_us=ended_us,
        new_home_assistant=house.home_assistant.pid != old,
        same_recorder=same,
    )


def judge_footage(house: RunningHouse, checked: Checked) -> dict[str, Any]:  # Any: figures for the JSON line
    """Read every stored picture of every camera; what a rule took was read before.

    A picture is sent before the B-frames that precede it, so the end of a recording may cut between them: as many
    pictures as there may be B-frames in a row are left out of the judgement there.
    """
    of_cameras = []
    for camera in house.cameras:
        shown = _frames_of(house, camera)
        if camera is checked.earlier.camera:
            shown = joined(checked.earlier.frames, shown)
        of_cameras.append(sequence(shown[: len(shown) - camera.b_frames]))
    counts = [tracks(path) for path in house.footage.rglob("*.mp4")]
    return {
        "frames": sum(one.frames for one in of_cameras),
        "frames_missing": sum(one.missing for one in of_cameras),
        "frames_duplicated": sum(one.duplicated for one in of_cameras),
        "frames_unreadable": sum(one.unreadable for one in of_cameras),
        "cameras_recorded_across_restart": sum(
            one.first_us < checked.restart.began_us and one.last_us > checked.restart.ended_us for one in of_cameras
        ),
        "files": len(counts),
        "files_with_one_video_track_only": sum(count == Tracks(1, 0) for count in counts),
    }


def joined(before: list[ShownFrame], after: list[ShownFrame]) -> list[ShownFrame]:
    """Return what was read of a camera at two times, without what both of them saw."""
    last = max((frame.code.serial for frame in before if frame.code is not None), default=-1)
    return before + [frame for frame in after if frame.code is None or frame.code.serial > last]


async def check(house: RunningHouse, library: str, say: Callable[[str], None]) -> Checked:
    """Do all that needs the running house; `judge_footage` follows when it has ended."""
    status = await wait_until_recording(house, say)
    say("Pressing the button that holds footage …")
    hold = await press(house)
    during = await restart(house, say)
    held = await judge_hold(house, library, hold)
    clips = []
    with_b_frames, with_h265 = _with_b_frames(house), _with_h265(house)
    for camera in (with_h265, with_b_frames):
        say(f"Exporting a clip of {camera.title} ({camera.codec}) …")
        first, last = middles(await asyncio.to_thread(_frames_of, house, camera), during.began_us, during.ended_us)
        clips.append(await export(house, camera, first, last))
    say("Exporting the same for release, and a package; verifying it, whole and altered …")
    released, reencoded = await release(house, with_b_frames, first, last)
    packed, answer = await package(house, [with_b_frames, with_h265], first, last)
    say("Comparing copies of the package in the delivery folder; removing one …")
    copies = await judge_copies(house, answer)
    retained, earlier = await judge_retention(house, hold, answer, say)
    say("Waiting for the other copy's end …")
    delivered = await judge_end(house, copies)
    return Checked(
        cameras=len(house.cameras),
        cameras_offering_audio=sum(camera.audio_offered is True for camera in status.cameras),
        restart=during,
        hold=held,
        clips=clips,
        release=released,
        reencoded=reencoded,
        package=packed,
        delivery=delivered,
        retention=retained,
        earlier=earlier,
    )


def verdict(checked: Checked, footage: dict[str, Any], seconds: float) -> dict[str, Any]:  # Any: as above
    """Return the last line: all figures, and whether all held."""
    cameras, during = checked.cameras, checked.restart
    held = (
        checked.cameras_offering_audio == cameras
        and during.new_home_assistant
        and during.same_recorder
        and footage["cameras_recorded_across_restart"] == cameras
        and footage["frames"] > 0
        and not footage["frames_missing"]
        and not footage["frames_duplicated"]
        and not footage["frames_unreadable"]
        and footage["files_with_one_video_track_only"] == footage["files"]
        and len(checked.clips) == CLIPS
        and all(clip.holds for clip in checked.clips)
        and checked.hold.holds
        and checked.release.holds
        and checked.reencoded.holds
        and checked.package.holds
        and checked.delivery.holds
        and checked.retention.holds
    )
    return {
        "held": held,
        "cameras": cameras,
        "cameras_offering_audio": checked.cameras_offering_audio,
        "home_assistant_restarted": during.new_home_assistant,
        "restart_s": round((during.ended_us - during.began_us) / 1e6, 1),
        "recorder_went_on": during.same_recorder,
        **footage,
        "clips": [asdict(clip) for clip in checked.clips],
        "release": asdict(checked.release),
        "reencoded": asdict(checked.reencoded),
        "package": asdict(checked.package),
        "delivery": asdict(checked.delivery),
        "hold": asdict(checked.hold),
        "retention": asdict(checked.retention),
        "seconds": round(seconds),
    }


async def _wait_until_shown(house: RunningHouse) -> None:
    """Wait until Home Assistant shows every camera as recording."""
    cameras = {(await entity_ids(house.api))[f"{camera_id}_camera"] for camera_id in house.camera_ids.values()}

    async def look() -> bool:
        states = await house.api.command("get_states")
        return cameras <= {state["entity_id"] for state in states if state["state"] == "recording"}

    await until(look, RETURN_LIMIT_S, "the state of all cameras as recording")


def _with_b_frames(house: RunningHouse) -> DemoCamera:
    return next(one for one in house.cameras if one.codec is VideoCodec.H264 and one.b_frames)


def _with_h265(house: RunningHouse) -> DemoCamera:
    return next(one for one in house.cameras if one.codec is VideoCodec.H265)


def _frames_of(house: RunningHouse, camera: DemoCamera) -> list[ShownFrame]:
    return list(chain.from_iterable(shown_frames(path) for path in house.files_of(camera)))


def _now_us() -> int:
    return time.time_ns() // 1000
