"""Two libraries in one Home Assistant, each with a recorder of its own: what one call does in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.const import STATE_OFF
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er

from .library import FRONT, FRONT_CAMERA, Library, async_act, camera

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

BRANCH_CAMERA = "camera.hill_door"
BRANCH = "hill_door"
OF_NOBODY = (
    ("release_hold", {"hold_id": "hold-0"}),
    ("remove_export", {"export_id": "export-0"}),
    ("deliver_export", {"export_id": "export-0", "folder": "Records desk"}),  # a folder of nobody, too
    ("remove_delivery", {"delivery_id": "delivery-0"}),
)
INTERVAL = {"start": "2026-01-02 03:04:05", "end": "2026-01-02 03:04:06"}


@pytest.fixture
async def branch(hass: HomeAssistant, place: Path) -> AsyncIterator[Library]:
    """A second library with one camera, which Home Assistant sets up with the first one."""
    folder = place / "b"
    folder.mkdir()
    door = camera(BRANCH, "Hill door")
    async with Library(hass, folder, door, name="Hill Library") as library:
        yield library


async def test_an_area_of_both_is_held_in_both(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library, branch: Library
) -> None:
    """Each has a hold of its own, listed together, and released in the library that has it."""
    await library.async_set_up()
    await branch.async_status()
    area = ar.async_get(hass).async_create("Doors")
    for entity_id in (FRONT_CAMERA, BRANCH_CAMERA):
        entity = er.async_get(hass).async_get(entity_id)
        assert entity is not None
        dr.async_get(hass).async_update_device(entity.device_id or "", area_id=area.id)

    for created in (True, False):
        holds = (await async_act(hass, "place_hold", None, area_id=area.id, key="alarm-1", **INTERVAL))["holds"]
        assert {hold["entity_ids"][0]: hold["created"] for hold in holds} == {
            FRONT_CAMERA: created,
            BRANCH_CAMERA: created,
        }
    listed = await async_act(hass, "list_holds")
    assert ({hold["hold_id"] for hold in listed["holds"]}, listed["away"]) == ({hold["hold_id"] for hold in holds}, [])
    forecasts = (await async_act(hass, "get_forecast", None, area_id=area.id, **INTERVAL))["forecasts"]
    assert {one["camera_id"]: one["held"] for one in forecasts} == {FRONT: True, BRANCH: True}
    with pytest.raises(ServiceValidationError, match="Hill Library, Riverside Library"):
        await async_act(hass, "export_package", hass_admin_user, area_id=area.id, **INTERVAL)

    for hold in holds:
        released = await async_act(hass, "release_hold", hass_admin_user, hold_id=hold["hold_id"])
        assert (released["hold_id"], released["state"]) == (hold["hold_id"], "released")
    for action, data in OF_NOBODY:
        with pytest.raises(ServiceValidationError, match="No library has"):
            await async_act(hass, action, hass_admin_user, **data)


@pytest.mark.parametrize("unloaded", [True, False])
async def test_a_library_that_is_away_costs_the_other_nothing(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library, branch: Library, *, unloaded: bool
) -> None:
    """The other one's footage is held, listed and released; that something is missing is said each time."""
    await library.async_set_up()
    await branch.async_status()
    if unloaded:
        await hass.config_entries.async_unload(branch.entry.entry_id)
    else:
        async with branch.client() as client:
            await client.shutdown()
        await branch.async_wait_for("binary_sensor.hill_library_recorder", lambda state: state.state == STATE_OFF)

    with pytest.raises(HomeAssistantError) as raised:
        await async_act(hass, "place_hold", None, entity_id=[FRONT_CAMERA, BRANCH_CAMERA], **INTERVAL)
    assert raised.value.translation_key == "held_in_part"
    assert ("camera.hill_door is not loaded" if unloaded else "does not answer") in str(raised.value)

    listed = await async_act(hass, "list_holds")
    [hold] = listed["holds"]
    assert (hold["camera_ids"], listed["away"]) == ([FRONT], ["Hill Library"])
    for action, data in OF_NOBODY:
        with pytest.raises(HomeAssistantError, match="could not be asked: Hill Library"):
            await async_act(hass, action, hass_admin_user, **data)
    released = await async_act(hass, "release_hold", hass_admin_user, hold_id=hold["hold_id"])
    assert released["state"] == "released"
