"""Cameras that really send: what the entities say while they are recorded, switched off, and lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from homeassistant.components.camera.const import CameraState
from homeassistant.components.switch.const import DOMAIN as SWITCH_DOMAIN
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNKNOWN,
)

from recorder_core.simulator import Quirk

from .library import FRONT

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from recorder_core.simulator import Simulator

    from .library import Library

CAMERA = "camera.front_entrance"
SWITCH = "switch.front_entrance_recording"
PROBLEM = "binary_sensor.front_entrance_recording_problem"
CONNECTIVITY = "binary_sensor.front_entrance_connectivity"
OLDEST = "sensor.front_entrance_oldest_footage"
STATE = "sensor.front_entrance_state"


async def _async_switch(hass: HomeAssistant, service: str) -> None:
    await hass.services.async_call(SWITCH_DOMAIN, service, {ATTR_ENTITY_ID: SWITCH}, blocking=True)


async def test_the_entities_tell_of_recorded_cameras(recording: Library) -> None:
    """Recording is a fact that the recorder reported, with its figures."""
    assert recording.state(PROBLEM).state == STATE_OFF
    assert recording.state(PROBLEM).attributes["reason"] == "none"
    assert recording.state(CONNECTIVITY).state == STATE_ON
    assert recording.state(STATE).state == "recording"
    assert recording.state("sensor.riverside_library_cameras_recording").state == "2"
    assert recording.state("sensor.riverside_library_storage").state == "ok"


async def test_reloading_goes_on_with_the_same_run(hass: HomeAssistant, recording: Library) -> None:
    """Applying unchanged cameras anew interrupts none of them."""
    before = await recording.async_status()

    assert await hass.config_entries.async_reload(recording.entry.entry_id)

    after = await recording.async_status()
    assert [camera.run_id for camera in after.cameras] == [camera.run_id for camera in before.cameras]
    assert all(camera.run_id for camera in after.cameras)


async def test_a_camera_that_is_switched_off_stays_off(
    hass: HomeAssistant, recording: Library, cameras: Simulator
) -> None:
    """Off means that nobody connects to the camera, also after a reload; on records again."""
    await _async_switch(hass, SERVICE_TURN_OFF)
    assert recording.state(SWITCH).state == STATE_OFF
    await cameras.wait_for_no_client(FRONT)
    await recording.async_wait_for(STATE, lambda state: state.state == "disabled")
    assert recording.state(CAMERA).state == CameraState.IDLE
    assert recording.state(PROBLEM).state == STATE_OFF
    assert recording.state(CONNECTIVITY).state == STATE_UNKNOWN
    oldest = await recording.async_wait_for(OLDEST, lambda state: state.state != STATE_UNKNOWN)
    assert datetime.fromisoformat(oldest.state) <= datetime.now(UTC)

    assert await hass.config_entries.async_reload(recording.entry.entry_id)
    assert recording.state(SWITCH).state == STATE_OFF
    assert {camera.name: camera.enabled for camera in (await recording.async_status()).cameras} == {
        "Front entrance": False,
        "Book drop": True,
    }

    await _async_switch(hass, SERVICE_TURN_ON)
    assert recording.state(SWITCH).state == STATE_ON
    await recording.async_wait_for(CAMERA, lambda state: state.state == CameraState.RECORDING)


async def test_a_lost_camera_is_a_problem_with_a_reason(recording: Library, cameras: Simulator) -> None:
    """The camera that is gone says so; the other one is not touched."""
    await cameras.apply(FRONT, Quirk.REFUSE)
    problem = await recording.async_wait_for(PROBLEM, lambda state: state.state == STATE_ON)
    assert problem.attributes["reason"] != "none"
    assert recording.state(CONNECTIVITY).state == STATE_OFF
    assert recording.state("camera.book_drop").state == CameraState.RECORDING

    await cameras.clear(FRONT)
    await recording.async_wait_for(CAMERA, lambda state: state.state == CameraState.RECORDING)
    assert recording.state(PROBLEM).state == STATE_OFF


async def test_removing_a_camera_takes_its_device_and_stops_its_recording(
    hass: HomeAssistant, recording: Library, cameras: Simulator
) -> None:
    """The other camera's run goes on."""
    before = {camera.camera_id: camera.run_id for camera in (await recording.async_status()).cameras}

    hass.config_entries.async_remove_subentry(recording.entry, FRONT)
    await hass.async_block_till_done()

    await cameras.wait_for_no_client(FRONT)
    assert hass.states.get(CAMERA) is None
    after = {camera.camera_id: camera.run_id for camera in (await recording.async_status()).cameras}
    before.pop(FRONT)
    assert after == before
