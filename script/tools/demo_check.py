"""Proves the main job: recording goes on while Home Assistant restarts, and clips are what was asked.

The judge is what the stored pictures themselves say, read from the files by PyAV; neither the recorder's index nor
its gap table is asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recorder_core.simulator import FrameCode, VideoCodec

from .demo_furnish import DOMAIN, entity_ids
from .demo_house import RunningHouse, wait_until_recording
from .stored_frames import ShownFrame, Tracks, sequence, shown_frames, tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .demo_cameras import DemoCamera

BEFORE_S: Final = 8.0
AFTER_S: Final = 8.0
RETURN_LIMIT_S: Final = 60.0
CLIPS: Final = 2
"""One of H.264 with B-frames, one of H.265."""
TOLERANCE: Final = 1
"""How many frames the first and the last shown one may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What a restart of Home Assistant changed: wall times in µs from the order to its return."""

    began_us: int
    ended_us: int
    new_home_assistant: bool
    same_recorder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One exported clip against what was asked. Errors are in frames, by the serials in the pictures."""

    camera: str
    codec: str
    b_frames: int
    frames: int
    lead_in_s: float
    first_error: int
    last_error: int
    missing: int
    video_tracks: int
    other_tracks: int
    hash_holds: bool

    @property
    def holds(self) -> bool:
        """Whether it is what was asked, begins in mid-GOP, and is nothing but pictures."""
        return (
            abs(self.first_error) <= TOLERANCE
            and abs(self.last_error) <= TOLERANCE
            and (self.missing, self.video_tracks, self.other_tracks) == (0, 1, 0)
            and self.lead_in_s > 0
            and self.hash_holds
        )


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


async def export(house: RunningHouse, camera: DemoCamera, during: Restart) -> Clip:
    """Export a clip around the restart, from mid-GOP to mid-GOP, by the action, and look at what is in it."""
    shown = await asyncio.to_thread(_frames_of, house, camera)
    first, last = middles(shown, during)
    answer = await house.api.call_action(
        f"{DOMAIN}.export_clip",
        {
            "entity_id": (await entity_ids(house.api))[f"{house.camera_ids[camera.name]}_camera"],
            "start": _iso(first.time_us),
            "end": _iso(last.time_us),
        },
    )
    return await asyncio.to_thread(_judge, camera, answer, first, last)


def judge_footage(house: RunningHouse, during: Restart) -> dict[str, Any]:  # Any: figures for the JSON line
    """Read every stored picture of every camera.

    A picture is sent before the B-frames that precede it, so the end of a recording may cut between them: as many
    pictures as there may be B-frames in a row are left out of the judgement there.
    """
    of_cameras = []
    for camera in house.cameras:
        shown = _frames_of(house, camera)
        of_cameras.append(sequence(shown[: len(shown) - camera.b_frames]))
    counts = [tracks(path) for path in _files(house.footage)]
    return {
        "frames": sum(one.frames for one in of_cameras),
        "frames_missing": sum(one.missing for one in of_cameras),
        "frames_duplicated": sum(one.duplicated for one in of_cameras),
        "frames_unreadable": sum(one.unreadable for one in of_cameras),
        "cameras_recorded_across_restart": sum(
            one.first_us < during.began_us and one.last_us > during.ended_us for one in of_cameras
        ),
        "files": len(counts),
        "files_with_one_video_track_only": sum(count == Tracks(1, 0) for count in counts),
    }


async def check(house: RunningHouse, say: Callable[[str], None]) -> dict[str, Any]:  # Any: figures for the JSON line
    """Do all that needs the running house; `judge_footage` follows when it has ended."""
    status = await wait_until_recording(house, say)
    during = await restart(house, say)
    clips = []
    for camera in (_with_b_frames(house), _with_h265(house)):
        say(f"Exporting a clip of {camera.title} ({camera.codec}) …")
        clips.append(await export(house, camera, during))
    return {
        "cameras": len(house.cameras),
        "cameras_offering_audio": sum(camera.audio_offered is True for camera in status.cameras),
        "restart": during,
        "clips": clips,
    }


def verdict(figures: dict[str, Any], footage: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the last line: all figures, and whether all held."""
    cameras, during, clips = figures["cameras"], figures["restart"], figures["clips"]
    held = (
        figures["cameras_offering_audio"] == cameras
        and during.new_home_assistant
        and during.same_recorder
        and footage["cameras_recorded_across_restart"] == cameras
        and footage["frames"] > 0
        and not footage["frames_missing"]
        and not footage["frames_duplicated"]
        and not footage["frames_unreadable"]
        and footage["files_with_one_video_track_only"] == footage["files"]
        and len(clips) == CLIPS
        and all(clip.holds for clip in clips)
    )
    return {
        "held": held,
        "cameras": cameras,
        "cameras_offering_audio": figures["cameras_offering_audio"],
        "home_assistant_restarted": during.new_home_assistant,
        "restart_s": round((during.ended_us - during.began_us) / 1e6, 1),
        "recorder_went_on": during.same_recorder,
        **footage,
        "clips": [asdict(clip) for clip in clips],
        "seconds": round(seconds),
    }


async def _wait_until_shown(house: RunningHouse) -> None:
    """Wait until Home Assistant shows every camera as recording."""
    cameras = {(await entity_ids(house.api))[f"{camera_id}_camera"] for camera_id in house.camera_ids.values()}
    async with asyncio.timeout(RETURN_LIMIT_S):
        while True:
            states = await house.api.command("get_states")
            if cameras <= {state["entity_id"] for state in states if state["state"] == "recording"}:
                return
            await asyncio.sleep(0.3)


def _with_b_frames(house: RunningHouse) -> DemoCamera:
    return next(one for one in house.cameras if one.codec is VideoCodec.H264 and one.b_frames)


def _with_h265(house: RunningHouse) -> DemoCamera:
    return next(one for one in house.cameras if one.codec is VideoCodec.H265)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.mp4"))


def _frames_of(house: RunningHouse, camera: DemoCamera) -> list[ShownFrame]:
    """Return a camera's stored pictures; its folder has its id, and its file names sort by time."""
    folder = house.footage / "cameras" / house.camera_ids[camera.name]
    return list(chain.from_iterable(shown_frames(path) for path in _files(folder)))


def middles(shown: list[ShownFrame], during: Restart) -> tuple[FrameCode, FrameCode]:
    """Return a frame in the middle of a GOP right before the restart, and one right after it."""
    syncs = [index for index, frame in enumerate(shown) if frame.sync]
    middles = [
        code
        for start, end in pairwise(syncs)
        if end - start > 2 and (code := shown[(start + end) // 2].code) is not None
    ]
    before = [code for code in middles if code.time_us < during.began_us]
    after = [code for code in middles if code.time_us > during.ended_us]
    if not before or not after:
        raise RuntimeError("nothing is stored right before or after the restart")
    return before[-1], after[0]


def _judge(camera: DemoCamera, answer: dict[str, Any], first: FrameCode, last: FrameCode) -> Clip:  # Any: see ha_api
    """Look at the clip: the frame at `first` should be its first, the one before `last` its last."""
    if len(answer["files"]) != 1:
        raise RuntimeError(
            f"{camera.title}: {len(answer['files'])} files for an unbroken stretch, gaps {answer['gaps']}"
        )
    file = answer["files"][0]
    path = Path(file["path"])
    shown = list(shown_frames(path))
    codes = [frame.code for frame in shown if frame.code is not None]
    if len(codes) != len(shown) or not codes:
        raise RuntimeError(f"{camera.title}: {len(shown) - len(codes)} of {len(shown)} frames have no readable code")
    count = tracks(path)
    return Clip(
        camera=camera.title,
        codec=camera.codec,
        b_frames=camera.b_frames,
        frames=len(shown),
        lead_in_s=file["lead_in"],
        first_error=codes[0].serial - first.serial,
        last_error=codes[-1].serial - (last.serial - 1),
        missing=sequence(shown).missing,
        video_tracks=count.video,
        other_tracks=count.other,
        hash_holds=hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"],
    )


def _now_us() -> int:
    return time.time_ns() // 1000


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat()
