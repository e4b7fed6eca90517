"""What stands under Repairs: it comes and goes with its cause, has the words of now, outlives a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.const import STATE_OFF
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import flush_store

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.issues import Issue, Issues
from recorder_core.errors import ErrorCode
from recorder_core.models import CameraState, CameraStatus, FeedItem, Problem, VolumeState

from .library import FRONT, Library, shown_issues
from .standing_recorder import VOLUME, StandingRecorder

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

SWITCH = "switch.front_entrance_recording"


@pytest.mark.parametrize(
    ("state", "key"),
    [
        (VolumeState.FULL, "storage_full"),
        (VolumeState.MISSING, "volume_missing"),
        (VolumeState.FOREIGN, "volume_foreign"),
        (VolumeState.READ_ONLY, "volume_read_only"),
    ],
)
async def test_a_volume_in_trouble_is_an_issue_until_it_is_well(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder, state: VolumeState, key: str
) -> None:
    """The issue names the folder."""
    await visited.async_set_up()
    assert shown_issues(hass) == {}

    standing.feed.publish(FeedItem(volume=replace(VOLUME, state=state)))
    await visited.async_wait_for("sensor.riverside_library_storage", lambda shown: shown.state == state.value)
    assert shown_issues(hass) == {key: {"library": "Riverside Library", "path": VOLUME.path}}

    standing.feed.publish(FeedItem(volume=VOLUME))
    await visited.async_wait_for("sensor.riverside_library_storage", lambda shown: shown.state == "ok")
    assert shown_issues(hass) == {}


async def test_footage_that_is_still_to_be_read_is_told_of_until_it_is(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """What cannot be found is not gone."""
    await visited.async_set_up()
    standing.feed.publish(FeedItem(volume=replace(VOLUME, unread=True, free_bytes=5)))
    await visited.async_wait_for("sensor.riverside_library_storage_free", lambda _: bool(shown_issues(hass)))
    assert shown_issues(hass) == {"footage_unread": {"library": "Riverside Library", "path": VOLUME.path}}
    standing.feed.publish(FeedItem(volume=VOLUME))
    await visited.async_wait_for("sensor.riverside_library_storage_free", lambda _: not shown_issues(hass))


async def test_a_disk_that_does_not_answer_is_not_said_to_be_unplugged(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    await visited.async_set_up()
    problem = Problem(code=ErrorCode.STORAGE_STALLED, message="The disk does not answer.")
    standing.feed.publish(FeedItem(volume=replace(VOLUME, state=VolumeState.MISSING, problem=problem)))
    await visited.async_wait_for("sensor.riverside_library_storage", lambda shown: shown.state == "missing")
    assert shown_issues(hass) == {"volume_stalled": {"library": "Riverside Library", "path": VOLUME.path}}


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (ErrorCode.AUTH_FAILED, "camera_credentials"),
        (ErrorCode.AUTH_REQUIRED, "camera_credentials"),
        (ErrorCode.NO_VIDEO, "camera_no_video"),
        (ErrorCode.NO_SYNC_SAMPLE, "camera_no_sync_sample"),
        (ErrorCode.UNSUPPORTED_CODEC, "camera_unsupported"),
        (ErrorCode.FORMAT_UNREADABLE, "camera_unsupported"),
        (ErrorCode.NOT_FOUND, "camera_stream_not_found"),
        (ErrorCode.TLS_FAILED, "camera_tls_failed"),
        (ErrorCode.BAD_URL, "camera_bad_url"),
        (ErrorCode.UNREACHABLE, None),
    ],
)
async def test_a_camera_that_needs_a_person_is_an_issue(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder, code: ErrorCode, key: str | None
) -> None:
    """One that may come back by itself is none, nor one that is switched off."""
    broken = CameraStatus(
        camera_id=FRONT,
        name="Front entrance",
        enabled=True,
        state=CameraState.RETRYING,
        since_us=0,
        problem=Problem(code=code, message="It does not work."),
    )
    standing.cameras[FRONT] = broken
    await visited.async_set_up()
    assert list(shown_issues(hass)) == ([key] if key else [])

    standing.feed.publish(FeedItem(camera=replace(broken, enabled=False)))
    await visited.async_wait_for(SWITCH, lambda state: state.state == STATE_OFF)
    assert shown_issues(hass) == {}


async def test_an_issue_is_still_there_after_a_restart(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],  # Any: JSON
    visited: Library,
    standing: StandingRecorder,
) -> None:
    """Home Assistant keeps of it only that it was not ignored; what is wrong still has to be told."""
    standing.volumes = [replace(VOLUME, state=VolumeState.FULL)]
    await visited.async_set_up()
    expected = {"storage_full": {"library": "Riverside Library", "path": VOLUME.path}}
    assert shown_issues(hass) == expected

    registry = ir.async_get(hass)
    await hass.config_entries.async_unload(visited.entry.entry_id)
    await flush_store(registry._store)
    assert len(hass_storage[ir.STORAGE_KEY]["data"]["issues"]) == 1
    await registry.async_load()
    assert shown_issues(hass) == {}
    await visited.async_set_up()
    assert shown_issues(hass) == expected

    await hass.config_entries.async_unload(visited.entry.entry_id)
    standing.volumes = [VOLUME]
    await visited.async_set_up()
    assert [key for key in registry.issues if key[0] == DOMAIN] == []


def test_an_issue_says_what_is_so_now(hass: HomeAssistant) -> None:
    """Another reason or another name of the library is told at once; another entry's issues are not touched."""
    others = Issues(hass, "riverside2", "Riverside Library II")
    others.show(Issue("version_mismatch"))
    issues = Issues(hass, "riverside", "Riverside Library")
    for reason in ("It ended with code 4.", "It does not answer."):
        issues.show(Issue("recorder_not_running", placeholders={"reason": reason}))
        assert shown_issues(hass)["recorder_not_running"] == {"library": "Riverside Library", "reason": reason}

    renamed = Issues(hass, "riverside", "Riverside Public Library")
    renamed.show(Issue("recorder_not_running", placeholders={"reason": "It does not answer."}))
    shown = shown_issues(hass)["recorder_not_running"]
    assert shown == {"library": "Riverside Public Library", "reason": "It does not answer."}

    renamed.show()
    assert list(shown_issues(hass)) == ["version_mismatch"]
