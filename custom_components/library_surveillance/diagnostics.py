"""What a bug report may hold of an entry or a device: states, figures and versions, never a secret.

Of addresses only scheme, host and port remain: cameras are known that carry the password in path or query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_PASSWORD, CONF_TOKEN, CONF_URL, CONF_USERNAME

from .cameras import camera_subentries
from .const import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigSubentry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import DeviceEntry

    from .coordinator import LibraryConfigEntry

_SECRET: Final = frozenset({CONF_PASSWORD, CONF_TOKEN, CONF_USERNAME})


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
) -> dict[str, Any]:  # Any: the platform's interface
    """Return the entry, its cameras and the recorder's picture."""
    picture = entry.runtime_data.coordinator.data
    recorder = picture.recorder.to_dict()
    for older in ("cameras", "volumes"):  # as they were when it was asked last; what it has pushed since stands below
        del recorder[older]
    return {
        "entry": {"title": entry.title, "data": _shareable(entry.data), "options": dict(entry.options)},
        "cameras": {subentry.subentry_id: _camera(entry, subentry) for subentry in camera_subentries(entry)},
        "recorder": recorder,
        "reached": entry.runtime_data.coordinator.last_update_success,
        "volumes": [volume.to_dict() for volume in picture.volumes.values()],
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: LibraryConfigEntry, device: DeviceEntry
) -> dict[str, Any]:  # Any: the platform's interface
    """Return one camera, or for the recorder's device everything."""
    for subentry in camera_subentries(entry):
        if (DOMAIN, subentry.subentry_id) in device.identifiers:
            return _camera(entry, subentry)
    return await async_get_config_entry_diagnostics(hass, entry)


def _camera(entry: LibraryConfigEntry, subentry: ConfigSubentry) -> dict[str, Any]:  # Any: JSON
    status = entry.runtime_data.coordinator.data.cameras.get(subentry.subentry_id)
    return {
        "title": subentry.title,
        "data": _shareable(subentry.data),
        "status": None if status is None else status.to_dict(),
    }


def _shareable(data: Mapping[str, Any]) -> dict[str, Any]:  # Any: an entry's data
    shareable: dict[str, Any] = async_redact_data(dict(data), _SECRET)
    if CONF_URL in shareable:
        shareable[CONF_URL] = _place(shareable[CONF_URL])
    return shareable


def _place(url: str) -> str:
    """Return an address's scheme, host and port; nothing of one whose port is no number, for it may be a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return REDACTED
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"
