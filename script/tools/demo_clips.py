"""Exports clips in the demonstration by the action, and holds them against what was asked, by what pictures say."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .dashboard_footage import RECORDS_DESK
from .demo_evidence import Package, all_taken_us, judge_package
from .demo_furnish import DOMAIN
from .demo_story import camera_entities
from .stored_frames import ShownFrame, sequence, shown_frames, tracks

if TYPE_CHECKING:
    from recorder_core.simulator import FrameCode

    from .demo_cameras import DemoCamera
    from .demo_house import RunningHouse
    from .ha_api import Json

TOLERANCE: Final = 1
"""How many frames the first and the last shown one may be off."""


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
    hidden: int
    """Pictures from before the start that the file carries, and a player hides."""
    hash_holds: bool

    @property
    def holds(self) -> bool:
        """Whether it is what was asked, begins in mid-GOP, and is nothing but pictures."""
        return (
            abs(self.first_error) <= TOLERANCE
            and abs(self.last_error) <= TOLERANCE
            and (self.missing, self.video_tracks, self.other_tracks) == (0, 1, 0)
            and self.lead_in_s > 0
            and self.hidden > 0
            and self.hash_holds
        )


async def export(house: RunningHouse, camera: DemoCamera, first: FrameCode, last: FrameCode) -> Clip:
    """Export a clip around the restart, from mid-GOP to mid-GOP, by the action, and look at what is in it."""
    answer = await export_clip(house, camera, first, last, "lead_in")
    return await asyncio.to_thread(_judge, camera, answer, first, last)


async def package(
    house: RunningHouse, cameras: list[DemoCamera], first: FrameCode, last: FrameCode
) -> tuple[Package, Json]:
    """Export these cameras as evidence by the action, delivered, and check the file; return what it answers, too."""
    answer = await house.api.call_action(
        f"{DOMAIN}.export_package",
        {
            "entity_id": await camera_entities(house, cameras),
            "start": _iso(first.time_us),
            "end": _iso(last.time_us),
            "request_id": "R-2026-31",
            "deliver_to": RECORDS_DESK,
        },
    )
    [file] = answer["files"]
    return await judge_package(Path(file["path"]), house.folder / "package", first.time_us), answer


async def export_clip(
    house: RunningHouse, camera: DemoCamera, first: FrameCode, last: FrameCode, start_mode: str
) -> Json:
    """Export a clip by the action; return what it answers."""
    [entity] = await camera_entities(house, [camera])
    times = {"start": _iso(first.time_us), "end": _iso(last.time_us)}
    return await house.api.call_action(
        f"{DOMAIN}.export_clip", {"entity_id": entity, "start_mode": start_mode, **times}
    )


def middles(shown: list[ShownFrame], began_us: int, ended_us: int) -> tuple[FrameCode, FrameCode]:
    """Return a frame in the middle of a GOP right before the restart, and one right after it."""
    syncs = [index for index, frame in enumerate(shown) if frame.sync]
    middles = [
        code
        for start, end in pairwise(syncs)
        if end - start > 2 and (code := shown[(start + end) // 2].code) is not None
    ]
    before = [code for code in middles if code.time_us < began_us]
    after = [code for code in middles if code.time_us > ended_us]
    if not before or not after:
        raise RuntimeError("nothing is stored right before or after the restart")
    return before[-1], after[0]


def _judge(camera: DemoCamera, answer: Json, first: FrameCode, last: FrameCode) -> Clip:
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
        hidden=sum(at_us < first.time_us for at_us in all_taken_us([path])),
        hash_holds=hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"],
    )


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat()
