"""Library Surveillance: a library's cameras, recorded by a process of their own, in Home Assistant.

Reloading and unloading never stop recording; disabling an entry and removing it do, and footage always stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntryChange, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE, Platform
from homeassistant.core import Event, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from . import vendor  # noqa: F401 - comes first: it makes `recorder_core` importable for all that follow
from .connection import connection_for
from .const import DOMAIN
from .coordinator import LibraryConfigEntry, LibraryCoordinator, LibraryRuntime
from .devices import async_register_recorder, async_remove_stale_devices
from .paused import PausedCameras
from .services import async_setup_services
from .stop import async_forget_cameras, async_stop_recording

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.typing import ConfigType

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS: Final = (Platform.BINARY_SENSOR, Platform.CAMERA, Platform.EVENT, Platform.SENSOR, Platform.SWITCH)


async def async_setup(hass: HomeAssistant, _: ConfigType) -> bool:
    """Register the actions, and stop recording wherever an entry is disabled."""
    async_setup_services(hass)

    @callback
    def entry_changed(_: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Also an entry that never got as far as being loaded may have a recorder that runs."""
        if entry.domain == DOMAIN and entry.disabled_by and entry.state is ConfigEntryState.NOT_LOADED:
            hass.async_create_task(async_stop_recording(hass, entry), f"stop recording of {entry.title}")

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: LibraryConfigEntry) -> bool:
    """Reach the recorder, apply what the entry says and follow its feed."""
    connection = connection_for(hass, entry.data)
    entry.async_on_unload(connection.client.close)
    paused = PausedCameras(hass, entry.entry_id)
    await paused.async_load()
    coordinator = LibraryCoordinator(hass, entry, connection, paused)
    await coordinator.async_config_entry_first_refresh()

    device_id = async_register_recorder(hass, entry, coordinator.data)
    async_remove_stale_devices(hass, entry)
    entry.runtime_data = LibraryRuntime(connection, coordinator, device_id)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)

    async def close(_: Event) -> None:
        await connection.client.close()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, close))
    entry.async_create_background_task(hass, coordinator.async_follow(), f"feed of {entry.title}")
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: LibraryConfigEntry) -> bool:
    """Let go of the recorder; it goes on recording."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: LibraryConfigEntry) -> None:
    """Stop recording for good. Footage and index stay where they are."""
    await async_forget_cameras(hass, entry)
    await PausedCameras(hass, entry.entry_id).async_remove()


async def _async_entry_updated(hass: HomeAssistant, entry: LibraryConfigEntry) -> None:
    """Apply changed data and cameras; what has not changed goes on recording meanwhile."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
