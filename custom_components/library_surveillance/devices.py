"""The devices of an entry: one for the library's recorder, one for each camera behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.helpers import device_registry as dr

from .cameras import camera_subentries
from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigSubentry
    from homeassistant.core import HomeAssistant

    from .coordinator import LibraryConfigEntry
    from .picture import Picture

_MANUFACTURER: Final = "Library Surveillance"


def async_register_recorder(hass: HomeAssistant, entry: LibraryConfigEntry, picture: Picture) -> str:
    """Register the recorder's device and return its id."""
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        entry_type=dr.DeviceEntryType.SERVICE,
        manufacturer=_MANUFACTURER,
        model="Recorder",
        name=entry.title,
        sw_version=picture.recorder.version,
    )
    return device.id


def camera_device(subentry: ConfigSubentry, recorder_device_id: str) -> dr.DeviceInfo:
    """Return a camera's device."""
    return dr.DeviceInfo(
        identifiers={(DOMAIN, subentry.subentry_id)},
        manufacturer=_MANUFACTURER,
        model="Camera",
        name=subentry.title,
        via_device_id=recorder_device_id,
    )


def async_remove_stale_devices(hass: HomeAssistant, entry: LibraryConfigEntry) -> None:
    """Remove the devices of cameras that the entry no longer has."""
    known = {(DOMAIN, entry.entry_id)} | {(DOMAIN, subentry.subentry_id) for subentry in camera_subentries(entry)}
    registry = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        if not device.identifiers & known:
            registry.async_remove_device(device.id)
