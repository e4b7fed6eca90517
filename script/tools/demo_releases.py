"""Exports of the demonstration as they are released: nothing in them was taken before the approved start.

Edit lists are ignored, so pictures that a player would hide are looked at, too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av

from .demo_clips import TOLERANCE, export_clip
from .demo_evidence import ON_THE_WAY_US, all_taken_us
from .stored_frames import sequence, shown_frames

if TYPE_CHECKING:
    from recorder_core.simulator import FrameCode

    from .demo_cameras import DemoCamera
    from .demo_house import RunningHouse
    from .ha_api import Json

_IN_NAME: Final = "_reencoded"
_IN_TRACK: Final = "Re-encoded, not original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A clip that begins at the next sync sample. `before_start` counts its pictures from before the approved start."""

    camera: str
    pictures: int
    before_start: int
    starts_late_s: float

    @property
    def holds(self) -> bool:
        """Whether nothing in it was taken before the approved start."""
        return self.pictures > 0 and self.before_start == 0 and self.starts_late_s > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reencoded:
    """The same release with what it begins too late for: pictures encoded anew, in a file of their own before it.

    `missing` and `duplicated` are over both files, and `first_error` is in frames, by the serials in the pictures.
    """

    camera: str
    pictures_anew: int
    pictures: int
    before_start: int
    first_error: int
    missing: int
    duplicated: int
    marked: bool
    """Whether the answer, the name and the track say of the first file that it is no original, and not of the other."""
    original_is_the_release: bool
    """Whether the other file is that release, by its SHA-256."""

    @property
    def holds(self) -> bool:
        """Whether both files show the whole time together, nothing from before it, and only one passes for original."""
        return (
            self.pictures_anew > 0
            and self.pictures > 0
            and (self.before_start, self.missing, self.duplicated) == (0, 0, 0)
            and abs(self.first_error) <= TOLERANCE
            and self.marked
            and self.original_is_the_release
        )


async def release(
    house: RunningHouse, camera: DemoCamera, first: FrameCode, last: FrameCode
) -> tuple[Release, Reencoded]:
    """Export what is released by the action: from the next sync sample on, then with the pictures before it anew."""
    late = await export_clip(house, camera, first, last, "next_sync")
    anew = await export_clip(house, camera, first, last, "reencode_first_gop")
    return (
        await asyncio.to_thread(_judge_late, camera, late, first),
        await asyncio.to_thread(judge_reencoded, camera.title, anew, late, first),
    )


def _judge_late(camera: DemoCamera, answer: Json, first: FrameCode) -> Release:
    taken = all_taken_us([Path(file["path"]) for file in answer["files"]])
    return Release(
        camera=camera.title,
        pictures=len(taken),
        before_start=sum(at_us < first.time_us for at_us in taken),
        starts_late_s=round((min(taken) - first.time_us) / 1e6, 3),
    )


def judge_reencoded(title: str, anew: Json, late: Json, first: FrameCode) -> Reencoded:
    """Hold what the action answers to `reencode_first_gop` against the same release without it, and the start."""
    if len(anew["files"]) != 2 or len(late["files"]) != 1:
        raise RuntimeError(f"{title}: {len(anew['files'])} files, without re-encoding {len(late['files'])}")
    derived, original = sorted(anew["files"], key=lambda file: datetime.fromisoformat(file["start"]))
    shown, rest = (list(shown_frames(Path(file["path"]), hidden=True)) for file in (derived, original))
    codes = [frame.code for frame in (*shown, *rest) if frame.code is not None]
    if len(codes) != len(shown) + len(rest) or not codes:
        raise RuntimeError(f"{title}: of {len(shown) + len(rest)} pictures only {len(codes)} have a readable code")
    both = sequence([*shown, *rest])
    return Reencoded(
        camera=title,
        pictures_anew=len(shown),
        pictures=len(rest),
        before_start=sum(code.time_us < first.time_us - ON_THE_WAY_US for code in codes),
        first_error=codes[0].serial - first.serial,
        missing=both.missing,
        duplicated=both.duplicated,
        marked=_marks(derived) == {True} and _marks(original) == {False},
        original_is_the_release=original["sha256"] == late["files"][0]["sha256"],
    )


def _marks(file: Json) -> set[bool]:
    """Return what the places that can say that a file is no original say of it."""
    with av.open(file["path"]) as container:
        names = [str(stream.metadata.get("handler_name", "")) for stream in container.streams]
    return {file["derived"], _IN_NAME in Path(file["path"]).name, *(name.startswith(_IN_TRACK) for name in names)}
