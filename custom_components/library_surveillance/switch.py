"""A switch per camera: whether it is recorded. Off stays off over restarts of either process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription

from .cameras import camera_subentries
from .entity import LibraryCameraEntity

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import LibraryConfigEntry

# The recorder is told one thing at a time.
PARALLEL_UPDATES: Final = 1

RECORDING: Final = SwitchEntityDescription(key="recording", translation_key="recording")


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a switch for every camera."""
    for subentry in camera_subentries(entry):
        async_add_entities([RecordingSwitch(entry, subentry, RECORDING)], config_subentry_id=subentry.subentry_id)


class RecordingSwitch(LibraryCameraEntity, SwitchEntity):
    """Turns the recording of a camera on and off."""

    @property
    def is_on(self) -> bool:
        """Return whether the camera is meant to be recorded."""
        return self.status.enabled

    async def async_turn_on(self, **_: object) -> None:
        """Record the camera."""
        await self.coordinator.async_set_recording(self.camera_id, enabled=True)

    async def async_turn_off(self, **_: object) -> None:
        """Record it no longer; what is stored stays."""
        await self.coordinator.async_set_recording(self.camera_id, enabled=False)
