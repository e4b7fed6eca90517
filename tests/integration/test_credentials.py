"""A camera that refuses its credentials: Home Assistant asks for others, and the camera records with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME, STATE_ON
from homeassistant.data_entry_flow import FlowResultType

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.credentials import refused_cameras

from .library import BACK, FRONT, PASSWORD, USERNAME, Library, camera

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from recorder_core.simulator import Simulator

PROBLEM = "binary_sensor.front_entrance_recording_problem"


async def test_other_credentials_are_asked_for_and_taken(hass: HomeAssistant, place: Path, cameras: Simulator) -> None:
    """One dialog, about the camera that refuses; with the right password that camera records, the other went on."""
    async with Library(
        hass,
        place,
        camera(FRONT, "Front entrance", cameras.url(FRONT), password="wrong-horse", verify_ssl=True),  # noqa: S106 - the wrong one
        camera(BACK, "Book drop", cameras.url(BACK), verify_ssl=True),
    ) as library:
        await library.async_set_up()
        await library.async_wait_for(PROBLEM, lambda state: state.attributes.get("reason") == "auth_failed")
        await hass.async_block_till_done()

        flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert [flow["context"]["source"] for flow in flows] == [SOURCE_REAUTH]
        assert flows[0]["step_id"] == "reauth_camera"
        assert refused_cameras(library.entry.runtime_data.coordinator.data) == {FRONT}

        result = await hass.config_entries.flow.async_configure(
            flows[0]["flow_id"], {CONF_USERNAME: USERNAME, CONF_PASSWORD: PASSWORD}
        )
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
        await hass.async_block_till_done()
        assert library.entry.state is ConfigEntryState.LOADED
        await library.async_wait_for(PROBLEM, lambda state: state.state not in (STATE_ON, "unavailable", "unknown"))
        assert hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []
