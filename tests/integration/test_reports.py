"""What leaves Home Assistant in bug reports: diagnostics and system information, without a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from homeassistant.components.diagnostics import REDACTED
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.diagnostics import (
    async_get_config_entry_diagnostics,
    async_get_device_diagnostics,
)
from recorder_core import __version__

from .library import BACK, FRONT, NOWHERE, PASSWORD, USERNAME, Library

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers import device_registry as dr

    from .standing_recorder import StandingRecorder

SECRETS = (PASSWORD, USERNAME, NOWHERE, "secret-path", "secret-query", "t" * 40)


async def test_diagnostics_of_a_library_hold_no_secret(hass: HomeAssistant, visited: Library) -> None:
    """They say what is configured and what the recorder said, and of addresses only where they lead."""
    hass.config_entries.async_update_entry(
        visited.entry, data={**visited.entry.data, "token": "t" * 40}, options={"retention_days": 30}
    )
    await visited.async_set_up()

    report = await async_get_config_entry_diagnostics(hass, visited.entry)

    text = json.dumps(report)
    for secret in SECRETS:
        assert secret not in text
    assert report["entry"]["title"] == "Riverside Library"
    assert report["entry"]["data"]["recorder"] == "socket"
    assert report["entry"]["options"] == {"retention_days": 30}
    assert report["cameras"][FRONT]["data"]["url"] == "rtsp://127.0.0.1:1/…"
    assert report["cameras"][FRONT]["status"]["state"] == "connecting"
    assert report["recorder"]["version"] == __version__
    assert not {"cameras", "volumes"} & set(report["recorder"])
    assert report["reached"] is True
    assert [volume["state"] for volume in report["volumes"]] == ["ok"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:word@camera.example/user=admin&password=word", "rtsp://camera.example/…"),
        ("rtsps://[2001:db8::1]:322/", "rtsps://[2001:db8::1]:322/…"),
        ("rtsp://camera:port/", REDACTED),
    ],
)
async def test_diagnostics_of_addresses(hass: HomeAssistant, visited: Library, url: str, shown: str) -> None:
    """One that cannot be taken apart is not shown at all."""
    subentry = visited.entry.subentries[FRONT]
    hass.config_entries.async_update_subentry(visited.entry, subentry, data={**subentry.data, "url": url})
    await visited.async_set_up()

    report = await async_get_config_entry_diagnostics(hass, visited.entry)

    assert report["cameras"][FRONT]["data"]["url"] == shown


async def test_diagnostics_of_devices(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder, device_registry: dr.DeviceRegistry
) -> None:
    """A camera's device tells of the camera, the recorder's of everything; one that is not there yet has no status."""
    await visited.async_set_up()
    entry = visited.entry
    recorder = device_registry.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)
    back = device_registry.async_get_device_by_identifier((DOMAIN, BACK), entry.entry_id)
    assert recorder is not None
    assert back is not None

    of_camera = await async_get_device_diagnostics(hass, entry, back)
    assert of_camera["title"] == "Book drop"
    assert of_camera["data"]["password"] == REDACTED
    assert await async_get_device_diagnostics(hass, entry, recorder) == await async_get_config_entry_diagnostics(
        hass, entry
    )
    coordinator = entry.runtime_data.coordinator
    coordinator.async_set_updated_data(type(coordinator.data)(coordinator.data.recorder, {}, {}))
    assert (await async_get_device_diagnostics(hass, entry, back))["status"] is None
    assert standing.cameras


async def test_system_information(hass: HomeAssistant, visited: Library) -> None:
    """All libraries together, loaded or not."""
    await visited.async_set_up()
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()

    assert await get_system_health_info(hass, DOMAIN) == {
        "version": __version__,
        "libraries": 1,
        "recorders_reached": 1,
        "cameras": 2,
        "cameras_recording": 0,
    }
