"""What all entities share: the device they belong to, and when they write their state.

Entities never carry credentials, addresses or words about people in states or attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import LibraryConfigEntry, LibraryCoordinator
from .devices import camera_device

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigSubentry
    from homeassistant.helpers.entity import EntityDescription

    from recorder_core.models import CameraStatus


class LibraryEntity(CoordinatorEntity[LibraryCoordinator]):
    """An entity of the library's recorder."""

    _attr_has_entity_name = True

    def __init__(self, entry: LibraryConfigEntry, description: EntityDescription) -> None:
        """Belong to the recorder's device."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, entry.entry_id)})


class LibraryCameraEntity(CoordinatorEntity[LibraryCoordinator]):
    """An entity of one camera. A push about another camera costs it one comparison."""

    _attr_has_entity_name = True

    def __init__(self, entry: LibraryConfigEntry, subentry: ConfigSubentry, description: EntityDescription) -> None:
        """Belong to the camera's device."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self.camera_id = subentry.subentry_id
        self._attr_unique_id = f"{subentry.subentry_id}_{description.key}"
        self._attr_device_info = camera_device(subentry, entry.runtime_data.device_id)
        self._written: CameraStatus | None = None

    @property
    def status(self) -> CameraStatus:
        """What the recorder last said of the camera; only asked while the entity is available."""
        return self.coordinator.data.cameras[self.camera_id]

    @property
    def available(self) -> bool:
        """Whether the recorder is there and knows the camera."""
        return super().available and self.camera_id in self.coordinator.data.cameras

    @callback
    def _handle_coordinator_update(self) -> None:
        """Write the state when this camera's status is a new one."""
        status = self.status if self.available else None
        if status is None or status is not self._written:
            self._written = status
            self.async_write_ha_state()
