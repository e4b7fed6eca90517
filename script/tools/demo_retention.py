"""Checks holds and retention in the demonstration's library: the rule takes one camera's footage and not a held one's.

Dialogs count in days, so the rule of seconds that makes it visible here goes to the recorder itself.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from recorder_core.models import CameraConfig, DeletionRule, LedgerKind, RecordClass, Retention, SweepHalt
from recorder_core.service.sweeper import SWEEP_S

from .demo_furnish import DOMAIN, entity_ids
from .demo_policy import POLICIES
from .demo_story import forecasts, holds, iso, review
from .looking import until
from .stored_frames import shown_frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import Certificate

    from .demo_cameras import DemoCamera
    from .demo_house import RunningHouse
    from .ha_api import Json
    from .stored_frames import ShownFrame

KEPT_S: Final = 5.0
CLOSED_LIMIT_S: Final = 90.0
"""A segment is closed after about a minute."""
DELETED_LIMIT_S: Final = 60.0
_DAY_S: Final = 86_400
_HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a press on the button led to: two runs of the automation, one hold, which an administrator reviews."""

    hold_id: str
    area: str
    cameras: int
    same_after_restart: bool
    shown_as_held: int
    """Cameras whose forecast says that the interval is held."""
    others_shown_as_held: int
    review_kept: bool
    """Whether the hold says that it was reviewed, and when it is to be looked at again."""
    review_in_ledger: bool
    """Whether the ledger says that, and who it was."""

    @property
    def holds(self) -> bool:
        """Whether exactly the incident's cameras are held, after a restart of Home Assistant and a review."""
        return (
            self.same_after_restart
            and self.cameras == self.shown_as_held > 0
            and self.others_shown_as_held == 0
            and self.review_kept
            and self.review_in_ledger
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """What a rule of seconds did to a camera and to one whose footage is held; both had it.

    `clock_confirmed` says whether the repair dialog had to tell the recorder that its clock is right, and
    `deleted_before` how many certificates of footage there were before, although a sweep had come by.
    """

    camera: str
    held_camera: str
    clock_confirmed: bool
    deleted_before: int
    rule: str
    segments_certified: int
    files_gone: int
    held_files: int
    held_files_gone: int
    certified_held: int
    told_by_event: bool

    @property
    def holds(self) -> bool:
        """Whether all that was certified has gone, by age, and nothing that was held."""
        return (
            self.rule == DeletionRule.AGE
            and self.segments_certified == self.files_gone > 0
            and self.held_files > 0
            and (self.deleted_before, self.held_files_gone, self.certified_held) == (0, 0, 0)
            and self.told_by_event
        )


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a camera showed before a rule took its footage; it is judged with what was recorded since."""

    camera: DemoCamera
    frames: list[ShownFrame]


async def judge_hold(house: RunningHouse, library: str, before: Json) -> Held:
    """Compare the holds after a restart with the one before it, review it, and ask each camera whether it is held."""
    area = POLICIES[library].incident_area
    now = time.time()
    same = await holds(house) == [before]
    again = datetime.fromisoformat(iso(int(now) + 60 * _DAY_S))
    reviewed = await review(house, before["hold_id"], again.isoformat())
    expected = {"hold_id": before["hold_id"], "reviewed_by": await house.api.user_id()}
    asked = await forecasts(house, house.cameras, iso(now - 20), iso(now - 1))
    held = {one["camera_id"] for one in asked if one["held"]}
    incident = {house.camera_ids[camera.name] for camera in house.cameras if camera.area == area}
    return Held(
        hold_id=before["hold_id"],
        area=area,
        cameras=len(incident),
        same_after_restart=same,
        shown_as_held=len(held & incident),
        others_shown_as_held=len(held - incident),
        review_kept=(
            await holds(house) == [reviewed]
            and reviewed["reviewed"] is not None
            and datetime.fromisoformat(reviewed["review"]) == again
        ),
        review_in_ledger=any(
            expected.items() <= one.items() and one["review_us"] == again.timestamp() * 1e6
            for one in await house.told(LedgerKind.HOLD_REVIEWED)
        ),
    )


async def judge_retention(
    house: RunningHouse, held: Json, packed: Json, say: Callable[[str], None]
) -> tuple[Retained, Earlier]:
    """Give two cameras a rule, one of them held, and see what goes.

    Cameras of the package are left alone: their events tell of its copies, too.
    """
    async with house.recorder() as recorder:
        say("Waiting for closed files of a camera that is held and of one that is not …")
        kept, other = await _two_with_closed_files(house, recorder, held["camera_ids"], packed["camera_ids"])
        kept_files, files = house.files_of(kept), house.files_of(other)
        earlier = Earlier(other, await asyncio.to_thread(_frames, house, other))
        rules = {camera.camera_id: camera.retention for camera in (await recorder.status()).cameras}
        say(f"Keeping footage of {kept.title} and {other.title} for {KEPT_S:.0f} s only …")
        for camera in (kept, other):
            await _keep_for(recorder, house, camera, Retention(retention_days=KEPT_S / _DAY_S))
        doubted = (await recorder.status()).sweep_halt is SweepHalt.CLOCK
        before = 0
        if doubted:
            say("The recorder doubts its clock: nothing goes by age until the time is confirmed in the repair dialog …")
            await asyncio.sleep(SWEEP_S + 1)
            before = sum(one.record_class is RecordClass.VIDEO for one in await recorder.certificates())
            await _confirm_clock(house)
        camera_id = house.camera_ids[other.name]
        certificates = await until(lambda: recorder.certificates(camera_id), DELETED_LIMIT_S, "a certificate")
        for camera in (kept, other):
            await _keep_for(recorder, house, camera, rules[house.camera_ids[camera.name]])
        certified = sum(one.records for one in certificates)
        return Retained(
            camera=other.title,
            held_camera=kept.title,
            clock_confirmed=doubted,
            deleted_before=before,
            rule=",".join(sorted({one.rule for one in certificates})),
            segments_certified=certified,
            files_gone=await _gone(files, certified),
            held_files=len(kept_files),
            held_files_gone=_count_gone(kept_files),
            certified_held=len(await recorder.certificates(house.camera_ids[kept.name])),
            told_by_event=await _told(house, other, certificates),
        ), earlier


async def _two_with_closed_files(
    house: RunningHouse, recorder: RecorderClient, held: list[str], apart: list[str]
) -> tuple[DemoCamera, DemoCamera]:
    """Wait for a held camera and for another one, without B-frames and not `apart`, that have a closed file each."""

    async def look() -> tuple[DemoCamera, DemoCamera] | None:
        ready: dict[bool, DemoCamera] = {}
        for camera in house.cameras:
            camera_id = house.camera_ids[camera.name]
            now_us = time.time_ns() // 1000
            covered = await recorder.coverage(camera_id, now_us - _HOUR_US, now_us)
            suits = not camera.b_frames and camera_id not in apart
            if suits and any(not segment.open for segment in covered.segments):
                ready.setdefault(camera_id in held, camera)
        return (ready[True], ready[False]) if {True, False} <= ready.keys() else None

    return await until(look, CLOSED_LIMIT_S, "a closed file")


async def _keep_for(recorder: RecorderClient, house: RunningHouse, camera: DemoCamera, rule: Retention) -> None:
    """Give a camera a rule; all else about it stays, so it goes on being recorded."""
    config = CameraConfig(
        camera_id=house.camera_ids[camera.name],
        name=camera.title,
        url=camera.url,
        username=camera.username or None,
        password=camera.password or None,
    )
    await recorder.put_camera(replace(config, retention=rule))


async def _confirm_clock(house: RunningHouse) -> None:
    """Do what an administrator does with the repair issue."""
    issues = (await house.api.command("repairs/list_issues"))["issues"]
    issue = next(one for one in issues if one["translation_key"] == "deletion_halted")
    path = "/api/repairs/issues/fix"
    await house.api.walk_flow(path, DOMAIN, {"confirm": {}}, issue_id=issue["issue_id"])


async def _told(house: RunningHouse, camera: DemoCamera, certificates: list[Certificate]) -> bool:
    """Whether the camera's event entity names one of the certificates, once it tells of a deletion."""
    entity = (await entity_ids(house.api))[f"{house.camera_ids[camera.name]}_footage"]

    async def look() -> Json | None:
        states = await house.api.command("get_states")
        told: Json = next(state["attributes"] for state in states if state["entity_id"] == entity)
        return told if told.get("event_type") == "footage_deleted" else None

    told = await until(look, DELETED_LIMIT_S, "the event of a deletion")
    return told["certificate_id"] in {one.certificate_id for one in certificates}


def _frames(house: RunningHouse, camera: DemoCamera) -> list[ShownFrame]:
    return [frame for path in house.files_of(camera) for frame in shown_frames(path)]


async def _gone(files: list[Path], expected: int) -> int:
    """Return how many of these files are gone, once so many are: a file goes after its certificate is written."""

    async def look() -> int | None:
        gone = await asyncio.to_thread(_count_gone, files)
        return gone if gone >= expected else None

    return await until(look, DELETED_LIMIT_S, "the end of a deleted file")


def _count_gone(files: list[Path]) -> int:
    return sum(not path.exists() for path in files)
