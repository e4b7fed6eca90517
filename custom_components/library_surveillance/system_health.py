"""What Settings → System → Repairs → System information says of all libraries together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.core import callback

from recorder_core import __version__
from recorder_core.models import CameraState

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.components.system_health import SystemHealthRegistration
    from homeassistant.core import HomeAssistant

    from .coordinator import LibraryConfigEntry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:  # noqa: ARG001 - the platform's interface
    """Register the page's section."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:  # Any: the platform's interface
    """Return figures; nothing is contacted for them."""
    entries: list[LibraryConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data.coordinator for entry in entries]
    cameras = [camera for coordinator in coordinators for camera in coordinator.data.cameras.values()]
    return {
        "version": __version__,
        "libraries": len(hass.config_entries.async_entries(DOMAIN)),
        "recorders_reached": sum(coordinator.last_update_success for coordinator in coordinators),
        "cameras": len(cameras),
        "cameras_recording": sum(camera.state is CameraState.RECORDING for camera in cameras),
    }
