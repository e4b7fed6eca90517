"""The entities as tables of states: every one of them, and what a push changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import Event, EventStateReportedData, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.times import us_of
from recorder_core import __version__
from recorder_core.errors import ErrorCode
from recorder_core.models import (
    CameraState,
    CameraStatus,
    EventView,
    FeedItem,
    Problem,
    SourceKind,
    VolumeState,
)

from .library import BACK, FRONT, NOWHERE, PASSWORD, USERNAME
from .standing_recorder import VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant
    from syrupy.assertion import SnapshotAssertion

    from .library import Library
    from .standing_recorder import StandingRecorder

RECORDED = CameraStatus(
    camera_id=FRONT,
    name="Front entrance",
    enabled=True,
    state=CameraState.RECORDING,
    since_us=1_770_000_000_000_000,
    source=SourceKind.RTSP,
    codec="h264",
    width=1920,
    height=1080,
    audio_offered=True,
    run_id="run-1",
    oldest_us=1_767_225_645_123_456,
    newest_us=1_770_000_060_000_000,
    stored_bytes=1_200_000_000_000,
    bytes_per_day=43_200_000_000,
    gap_s_today=12.4,
    clock_offset_us=-1_250_400,
)
FAILING = CameraStatus(
    camera_id=BACK,
    name="Book drop",
    enabled=True,
    state=CameraState.RETRYING,
    since_us=1_770_000_000_000_000,
    problem=Problem(code=ErrorCode.AUTH_FAILED, message="The camera does not accept the password."),
)


@pytest.fixture
def standing(standing: StandingRecorder) -> StandingRecorder:
    """One camera that is recorded and one that is not."""
    standing.cameras = {FRONT: RECORDED, BACK: FAILING}
    return standing


@pytest.fixture
def all_enabled() -> Iterator[None]:
    """Register the entities that are off by default as switched on."""
    with patch("homeassistant.helpers.entity.Entity.entity_registry_enabled_default", return_value=True):
        yield


@pytest.mark.usefixtures("all_enabled")
async def test_every_entity_and_device(
    hass: HomeAssistant, visited: Library, snapshot: SnapshotAssertion, entity_registry: er.EntityRegistry
) -> None:
    """States, attributes, names, classes and categories, as they were looked at and agreed upon."""
    await visited.async_set_up()

    entities = sorted(
        er.async_entries_for_config_entry(entity_registry, visited.entry.entry_id), key=lambda entry: entry.entity_id
    )
    assert [
        {
            "entity_id": entity.entity_id,
            "name": entity.original_name,
            "unique_id": entity.unique_id,
            "device_class": entity.original_device_class,
            "category": entity.entity_category,
            "translation_key": entity.translation_key,
            "unit": entity.unit_of_measurement,
            "state": visited.state(entity.entity_id).state.replace(__version__, "the version"),
            "attributes": {
                key: value
                for key, value in visited.state(entity.entity_id).attributes.items()
                if key not in ("access_token", "entity_picture")  # random
            },
        }
        for entity in entities
    ] == snapshot
    shown = str([state.as_dict() for state in hass.states.async_all()])
    for secret in (USERNAME, PASSWORD, NOWHERE, "secret-path", "secret-query"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("oldest", "newest", "shown"),
    [
        ("2026-01-01T00:00:45.100000+00:00", "2026-01-01T00:02:00+00:00", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:45.100000+00:00", "2026-01-02T00:00:45+00:00", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:45.100000+00:00", "2026-01-02T00:00:46+00:00", "2026-01-01T01:00:00+00:00"),
        ("2026-01-01T01:00:00+00:00", "2026-01-31T00:00:00+00:00", "2026-01-01T01:00:00+00:00"),
    ],
)
async def test_oldest_footage_that_goes_on_and_on_is_no_line_a_minute(
    visited: Library, standing: StandingRecorder, oldest: str, newest: str, shown: str
) -> None:
    """Once there is a day of footage, the first whole hour that is there is told."""
    oldest_us, newest_us = (us_of(datetime.fromisoformat(one)) for one in (oldest, newest))
    standing.cameras = {FRONT: replace(RECORDED, oldest_us=oldest_us, newest_us=newest_us), BACK: FAILING}
    await visited.async_set_up()

    assert visited.state("sensor.front_entrance_oldest_footage").state == shown


async def test_cameras_are_devices_behind_the_recorder(
    visited: Library, device_registry: dr.DeviceRegistry, entity_registry: er.EntityRegistry
) -> None:
    """One device for the recorder, one for each camera's subentry."""
    await visited.async_set_up()

    recorder = device_registry.async_get_device_by_identifier((DOMAIN, visited.entry.entry_id), visited.entry.entry_id)
    front = device_registry.async_get_device_by_identifier((DOMAIN, FRONT), visited.entry.entry_id)
    assert recorder is not None
    assert front is not None
    assert (recorder.name, front.name) == ("Riverside Library", "Front entrance")
    assert front.via_device_id == recorder.id
    assert recorder.sw_version
    entity = entity_registry.async_get("switch.front_entrance_recording")
    assert entity is not None
    assert (entity.device_id, entity.config_subentry_id) == (front.id, FRONT)


async def test_devices_that_lost_their_camera_go(
    hass: HomeAssistant, visited: Library, device_registry: dr.DeviceRegistry
) -> None:
    """Also those that were left behind while the entry was not loaded."""
    device_registry.async_get_or_create(
        config_entry_id=visited.entry.entry_id, identifiers={(DOMAIN, "gone")}, name="Gone"
    )

    await visited.async_set_up()

    assert device_registry.async_get_device_by_identifier((DOMAIN, "gone"), visited.entry.entry_id) is None
    assert len(dr.async_entries_for_config_entry(device_registry, visited.entry.entry_id)) == 3
    assert hass.states.get("camera.gone") is None


async def test_noisy_entities_are_off_by_default(visited: Library, entity_registry: er.EntityRegistry) -> None:
    """Whoever wants them switches them on."""
    await visited.async_set_up()

    disabled = [
        entity.entity_id
        for entity in er.async_entries_for_config_entry(entity_registry, visited.entry.entry_id)
        if entity.disabled_by
    ]
    assert sorted(disabled) == [
        "sensor.book_drop_clock_offset",
        "sensor.front_entrance_clock_offset",
        "sensor.riverside_library_recorder_version",
    ]


async def test_a_push_writes_the_states_of_its_camera_only(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """The other camera's entities are not touched; the library's figures follow."""
    await visited.async_set_up()
    reported: list[str] = []

    @callback
    def note(data: EventStateReportedData) -> bool:
        reported.append(data["entity_id"])
        return False

    @callback
    def never(_: Event[EventStateReportedData]) -> None:
        raise AssertionError

    hass.bus.async_listen(EVENT_STATE_REPORTED, never, event_filter=note)
    changed = async_capture_events(hass, EVENT_STATE_CHANGED)

    standing.feed.publish(FeedItem(camera=replace(RECORDED, state=CameraState.CONNECTING, gap_s_today=13.4)))
    await visited.async_wait_for("camera.front_entrance", lambda state: state.state == "idle")

    touched = {event.data["entity_id"] for event in changed} | set(reported)
    assert not [entity_id for entity_id in touched if "book_drop" in entity_id]
    assert visited.state("sensor.front_entrance_state").state == "connecting"
    assert visited.state("binary_sensor.front_entrance_connectivity").state == STATE_OFF
    assert visited.state("binary_sensor.front_entrance_recording_problem").state == STATE_OFF
    assert visited.state("sensor.riverside_library_cameras_recording").state == "0"


@pytest.mark.parametrize(
    ("state", "problem", "connected", "reason"),
    [
        (CameraState.RECORDING, STATE_OFF, STATE_ON, "none"),
        (CameraState.CONNECTING, STATE_OFF, STATE_OFF, "none"),
        (CameraState.DISABLED, STATE_OFF, STATE_UNKNOWN, "none"),
        (CameraState.RETRYING, STATE_ON, STATE_OFF, "retrying"),
        (CameraState.STORAGE_FULL, STATE_ON, STATE_UNKNOWN, "storage_full"),
        (CameraState.STORAGE_FAILED, STATE_ON, STATE_UNKNOWN, "storage_failed"),
    ],
)
async def test_states_of_a_camera(
    visited: Library, standing: StandingRecorder, state: CameraState, problem: str, connected: str, reason: str
) -> None:
    """Whether a state is a problem, and whether it says that the camera is connected."""
    standing.cameras[FRONT] = replace(RECORDED, state=state)

    await visited.async_set_up()

    shown = visited.state("binary_sensor.front_entrance_recording_problem")
    assert (shown.state, shown.attributes["reason"]) == (problem, reason)
    assert visited.state("binary_sensor.front_entrance_connectivity").state == connected


async def test_a_camera_that_the_recorder_lost_is_unavailable(visited: Library, standing: StandingRecorder) -> None:
    """It comes back with the recorder's next word about it."""
    await visited.async_set_up()

    standing.feed.publish(FeedItem(removed_camera=FRONT))
    await visited.async_wait_for("camera.front_entrance", lambda state: state.state == STATE_UNAVAILABLE)
    assert visited.state("binary_sensor.front_entrance_connectivity").state == STATE_UNAVAILABLE

    standing.feed.publish(FeedItem(camera=RECORDED))
    await visited.async_wait_for("camera.front_entrance", lambda state: state.state == "recording")


async def test_volumes_and_events_on_the_feed(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """A volume replaces what was known of it; an event changes no state."""
    await visited.async_set_up()
    changed = async_capture_events(hass, EVENT_STATE_CHANGED)

    standing.feed.publish(FeedItem(event=EventView(seq=7, at_us=0, kind="segment_closed", camera_id=FRONT, data={})))
    standing.feed.publish(FeedItem(volume=replace(VOLUME, state=VolumeState.FULL, free_bytes=0)))
    await visited.async_wait_for("sensor.riverside_library_storage", lambda state: state.state == "full")

    assert visited.state("sensor.riverside_library_storage_free").state == "0.0"
    assert {event.data["entity_id"] for event in changed} == {
        "sensor.riverside_library_storage",
        "sensor.riverside_library_storage_free",
    }


async def test_a_recorder_without_volumes_says_nothing_of_storage(visited: Library, standing: StandingRecorder) -> None:
    """Unknown is not OK."""
    standing.volumes = []

    await visited.async_set_up()

    assert visited.state("sensor.riverside_library_storage").state == STATE_UNKNOWN
    assert visited.state("sensor.riverside_library_storage_used").state == "0.0"
