"""The action `export_clip`: what an administrator gets, and what everyone else and every bad input is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.components.camera.const import CameraState
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util

from custom_components.library_surveillance.const import DOMAIN
from recorder_core.errors import ErrorCode
from recorder_core.models import ExportJob, ExportRequest, ExportState, GapView, Problem
from recorder_core.simulator import read_code

from .frames import decoded, digest_of
from .library import FRONT, Library, async_act
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

    from recorder_core.models import SegmentView
    from recorder_core.simulator import Simulator


CAMERA = "camera.front_entrance"
PAST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def _async_export(
    hass: HomeAssistant, user: User | None, entity_id: str = CAMERA, **data: datetime | str
) -> dict[str, Any]:  # Any: the action's response
    interval: dict[str, object] = {"start": PAST, "end": PAST + timedelta(seconds=5), **data}
    return await async_act(hass, "export_clip", user, entity_id=entity_id, **interval)


async def test_a_clip_is_cut_out_of_footage_of_this_very_minute(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, cameras: Simulator
) -> None:
    """Its file lies where the response says, has that hash, and shows the camera at the times that were asked for."""
    await cameras.wait_frames(FRONT, 40)
    segment = await _async_newest_segment(recording)
    start = dt_util.utc_from_timestamp(segment.end_us / 1_000_000) - timedelta(seconds=1.55)
    end = start + timedelta(seconds=1)

    response = await _async_export(hass, hass_admin_user, start=start, end=end)

    (file,) = response["files"]
    path = Path(file["path"])
    assert digest_of(path) == file["sha256"]
    assert response["gaps"] == []
    assert response["duration"] == pytest.approx(1, abs=0.11)
    assert file["duration"] == response["duration"]
    assert 0 <= file["lead_in"] <= 1.1
    assert abs(datetime.fromisoformat(file["start"]) - start) <= timedelta(seconds=0.11)
    assert abs(datetime.fromisoformat(file["end"]) - end) <= timedelta(seconds=0.11)
    codes = [code for frame in decoded(path) if (code := read_code(frame))]
    assert {code.camera for code in codes} == {1}
    assert len(codes) == pytest.approx(10, abs=1)
    assert codes[-1].time_us - codes[0].time_us == pytest.approx((len(codes) - 1) * 100_000, abs=20_000)
    for moment, code in ((start, codes[0]), (end, codes[-1])):
        # What is stored is dated by when it came: on a busy machine some time after it was taken.
        assert -0.3 < moment.timestamp() - code.time_us / 1_000_000 < 5
    assert response["export_id"]


async def test_next_sync_leaves_nothing_before_the_start(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, cameras: Simulator
) -> None:
    """The clip starts later rather than carry hidden pictures."""
    await cameras.wait_frames(FRONT, 40)
    segment = await _async_newest_segment(recording)
    start = dt_util.utc_from_timestamp(segment.end_us / 1_000_000) - timedelta(seconds=2.55)

    response = await _async_export(
        hass, hass_admin_user, start=start, end=start + timedelta(seconds=2), start_mode="next_sync"
    )

    (file,) = response["files"]
    assert file["lead_in"] == 0
    assert datetime.fromisoformat(file["start"]) >= start
    assert response["duration"] < 2


async def test_re_encoded_pictures_close_the_gap_and_bring_nothing_else(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, cameras: Simulator
) -> None:
    """The clip is that of the later start; what is missing before it lies beside it, and is marked."""
    await cameras.wait_frames(FRONT, 40)
    segment = await _async_newest_segment(recording)
    start = dt_util.utc_from_timestamp(segment.end_us / 1_000_000) - timedelta(seconds=2.55)
    end = start + timedelta(seconds=2)

    later = await _async_export(hass, hass_admin_user, start=start, end=end, start_mode="next_sync")
    response = await _async_export(hass, hass_admin_user, start=start, end=end, start_mode="reencode_first_gop")

    clip, beside = response["files"]
    assert (clip["derived"], beside["derived"]) == (False, True)
    assert clip["sha256"] == later["files"][0]["sha256"]
    assert beside["path"] == clip["path"].replace(".mp4", "_reencoded.mp4")
    assert digest_of(Path(beside["path"])) == beside["sha256"]
    assert beside["end"] == clip["start"]
    assert start <= datetime.fromisoformat(beside["start"]) <= start + timedelta(seconds=0.11)
    codes = [read_code(frame) for name in (beside, clip) for frame in decoded(Path(name["path"]))]
    assert None not in codes
    serials = [code.serial for code in codes if code]
    assert serials == list(range(serials[0], serials[0] + 20))
    # For who ignores what the file says is to be shown, too.
    inside = [read_code(frame) for frame in decoded(Path(beside["path"]), hidden=True)]
    assert inside == codes[: len(inside)]
    assert len(inside) == beside["frames"] < 20


async def test_only_administrators_export(hass: HomeAssistant, hass_read_only_user: MockUser, library: Library) -> None:
    """Others, people whose account was closed, Home Assistant itself and automations are told why not."""
    await library.async_set_up()
    closed = await hass.auth.async_create_user("Former admin", group_ids=["system-admin"])
    await hass.auth.async_update_user(closed, is_active=False)
    system = await hass.auth.async_create_system_user("A program", group_ids=["system-admin"])

    for user in (hass_read_only_user, closed, system):
        with pytest.raises(ServiceValidationError) as raised:
            await _async_export(hass, user)
        assert raised.value.translation_key == "administrator_required"
    with pytest.raises(ServiceValidationError) as raised:
        await _async_export(hass, None)
    assert raised.value.translation_key == "user_required"
    assert "automation" in str(raised.value)
    unknown = Context(user_id="nobody")
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(
            DOMAIN,
            "export_clip",
            {"entity_id": CAMERA, "start": PAST, "end": PAST},
            blocking=True,
            return_response=True,
            context=unknown,
        )
    assert raised.value.translation_key == "administrator_required"


@pytest.mark.parametrize("zone", ["America/Denver", "Asia/Tokyo"])
async def test_bad_intervals_are_refused_by_name(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library, zone: str
) -> None:
    """Each refusal says what is wrong with the interval, also of one whose times UTC does not have."""
    await hass.config.async_set_time_zone(zone)
    await library.async_set_up()
    now = dt_util.utcnow()

    for start, end, key in (
        (PAST, PAST, "interval_inverted"),
        (PAST, PAST - timedelta(seconds=1), "interval_inverted"),
        (now - timedelta(seconds=5), now + timedelta(hours=1), "interval_future"),
        (PAST, PAST + timedelta(days=200), "interval_too_long"),
        (PAST, PAST + timedelta(seconds=5), "no_footage"),
        (datetime.min, datetime.min + timedelta(seconds=5), "no_footage"),  # noqa: DTZ901 - the zone is Home Assistant's
        (datetime.max - timedelta(seconds=5), datetime.max, "interval_future"),  # noqa: DTZ901 - as above
    ):
        with pytest.raises(ServiceValidationError) as raised:
            await _async_export(hass, hass_admin_user, start=start, end=end)
        assert raised.value.translation_key == key, (start, end)
        assert str(raised.value) != key


async def test_what_is_no_camera_of_ours_is_refused(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """So are our own entities that are no camera."""
    await library.async_set_up()
    hass.states.async_set("camera.somebody_elses", CameraState.IDLE)

    for entity_id in ("camera.somebody_elses", "camera.unknown", "switch.front_entrance_recording"):
        with pytest.raises(ServiceValidationError) as raised:
            await _async_export(hass, hass_admin_user, entity_id)
        assert raised.value.translation_key == "not_our_camera"
        assert entity_id in str(raised.value)


async def test_an_unloaded_library_is_refused(hass: HomeAssistant, hass_admin_user: MockUser, library: Library) -> None:
    """The entity is still registered, but nobody can ask its recorder."""
    await library.async_set_up()
    await hass.config_entries.async_unload(library.entry.entry_id)

    with pytest.raises(ServiceValidationError) as raised:
        await _async_export(hass, hass_admin_user)

    assert raised.value.translation_key == "entry_not_loaded"


async def test_a_recorder_that_is_away_is_no_mistake_of_the_caller(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """It is an error of its own kind."""
    await library.async_set_up()
    async with library.client() as client:
        await client.shutdown()
    await library.async_wait_for("binary_sensor.riverside_library_recorder", lambda state: state.state == "off")

    with pytest.raises(HomeAssistantError) as raised:
        await _async_export(hass, hass_admin_user)

    assert not isinstance(raised.value, ServiceValidationError)
    assert raised.value.translation_key == "recorder_unreachable"


class Failing(StandingRecorder):
    """Its exports fail, with a problem or without a word."""

    problem: Problem | None = None

    @property
    def exporting(self) -> Failing:
        """Let it answer for exports itself."""
        return self

    async def submit(self, request: ExportRequest) -> ExportJob:
        """Take the job."""
        return self._job(request.camera_id, ExportState.QUEUED)

    async def job(self, export_id: str, wait_s: float) -> ExportJob:
        """Fail it."""
        assert export_id == "job-1"
        assert wait_s > 0
        return self._job(FRONT, ExportState.FAILED)

    def _job(self, camera_id: str, state: ExportState) -> ExportJob:
        return ExportJob(
            export_id="job-1", camera_id=camera_id, start_us=0, end_us=1, state=state, problem=self.problem
        )


@pytest.mark.parametrize(
    ("problem", "key"),
    [
        (None, "export_failed"),
        (Problem(code=ErrorCode.VOLUME_FULL, message="No room for the clip."), "volume_full"),
    ],
)
async def test_an_export_that_fails_says_why(
    hass: HomeAssistant, hass_admin_user: MockUser, place: Path, problem: Problem | None, key: str
) -> None:
    """A job that was taken may still fail."""
    recorder = Failing()
    recorder.problem = problem
    socket = place / "standing.sock"
    async with serving(recorder, socket=socket), Library(hass, place, socket=socket) as library:
        await library.async_set_up()
        with pytest.raises(HomeAssistantError) as raised:
            await _async_export(hass, hass_admin_user)
    assert raised.value.translation_key == key


class Lacking(Failing):
    """Its exports are done at once, and tell of what two cameras did not record, one of which is known no more."""

    async def submit(self, request: ExportRequest) -> ExportJob:
        """Have it ready."""
        gaps = [
            GapView(start_us=1_000_000, end_us=2_000_000, reason="stalled", camera_id=camera_id)
            for camera_id in (request.camera_id, "gone")
        ]
        return replace(self._job(request.camera_id, ExportState.DONE), gaps=gaps, not_shown=gaps[1:])


async def test_each_gap_says_which_camera_it_is_of(hass: HomeAssistant, hass_admin_user: MockUser, place: Path) -> None:
    """A package has several; the entity is there as long as the library has the camera."""
    socket = place / "recorder.sock"
    async with serving(Lacking(), socket=socket), Library(hass, place, socket=socket) as library:
        await library.async_set_up()
        response = await _async_export(hass, hass_admin_user)
    known, gone = response["gaps"]
    times = {"start": "1970-01-01T00:00:01+00:00", "end": "1970-01-01T00:00:02+00:00", "reason": "stalled"}
    assert known == {"camera_id": FRONT, "entity_id": CAMERA, **times}
    assert gone == {"camera_id": "gone", "entity_id": None, **times}
    assert response["not_shown"] == [gone]


async def _async_newest_segment(library: Library) -> SegmentView:
    """Return the segment that is being written, as far as it has come."""
    now_us = round(dt_util.utcnow().timestamp() * 1_000_000)
    async with library.client() as client:
        coverage = await client.coverage(FRONT, now_us - 60_000_000, now_us)
    return coverage.segments[-1]
