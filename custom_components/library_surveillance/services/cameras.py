"""Which cameras an action means: by entity, device, area, floor or label, resolved in the registries.

A library's own device means all its cameras. An entity that somebody hid or disabled is a camera still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.group import expand_entity_ids
from homeassistant.helpers.target import TargetSelection

from custom_components.library_surveillance.const import DOMAIN

from .action import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from homeassistant.core import HomeAssistant, ServiceCall

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry
    from recorder_core.api.client import RecorderClient


@dataclass(frozen=True, slots=True)
class Cameras:
    """Cameras of one loaded library; there is at least one."""

    entry: LibraryConfigEntry
    camera_ids: list[str]

    @property
    def client(self) -> RecorderClient:
        """The door to their recorder."""
        return self.entry.runtime_data.client


def loaded_entries(hass: HomeAssistant) -> list[LibraryConfigEntry]:
    """Return the libraries whose recorders can be asked. Raises `ServiceValidationError` if there is none."""
    if not (entries := hass.config_entries.async_loaded_entries(DOMAIN)):
        raise invalid("no_library_loaded")
    return entries


def targeted(call: ServiceCall) -> list[Cameras]:
    """Return the cameras that a call targets, library by library.

    Raises `ServiceValidationError` for an entity that is no camera of ours, a library that is not loaded, and a target
    without any camera in it.
    """
    selection = TargetSelection(call.data)
    selection.entity_ids = set(expand_entity_ids(call.hass, selection.entity_ids))
    ours = {entity.entity_id: entity for entity in _camera_entities(call.hass)}
    if strangers := sorted(selection.entity_ids - ours.keys()):
        raise invalid("not_our_camera", entity_id=strangers[0])
    found: dict[str, list[er.RegistryEntry]] = {}
    for entity in ours.values():
        if _is_meant(call.hass, entity, selection):
            found.setdefault(entity.config_entry_id or "", []).append(entity)
    if not found:
        raise invalid("no_camera_targeted")
    return [_of_library(call.hass, entry_id, entities) for entry_id, entities in found.items()]


def targeted_in_one_library(call: ServiceCall) -> Cameras:
    """Return the cameras that a call targets, all of one library. Raises `ServiceValidationError`, also for more."""
    libraries = targeted(call)
    if len(libraries) > 1:
        raise invalid("several_libraries")
    return libraries[0]


def targeted_one(call: ServiceCall, entity_id: str) -> tuple[LibraryConfigEntry, str]:
    """Return the loaded library and the camera behind one of our camera entities. Raises `ServiceValidationError`."""
    entity = er.async_get(call.hass).async_get(entity_id)
    if entity is None or not _is_our_camera(entity):
        raise invalid("not_our_camera", entity_id=entity_id)
    cameras = _of_library(call.hass, entity.config_entry_id or "", [entity])
    return cameras.entry, cameras.camera_ids[0]


def entity_ids_of(hass: HomeAssistant, camera_ids: Iterable[str]) -> list[str]:
    """Return the camera entities of those of these cameras that a library still has."""
    entities = {entity.config_subentry_id: entity.entity_id for entity in _camera_entities(hass)}
    return [entities[camera_id] for camera_id in camera_ids if camera_id in entities]


def _camera_entities(hass: HomeAssistant) -> Iterator[er.RegistryEntry]:
    return (entity for entity in er.async_get(hass).entities.values() if _is_our_camera(entity))


def _is_our_camera(entity: er.RegistryEntry) -> bool:
    return entity.platform == DOMAIN and entity.domain == "camera" and entity.config_subentry_id is not None


def _of_library(hass: HomeAssistant, entry_id: str, entities: list[er.RegistryEntry]) -> Cameras:
    entry: LibraryConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        raise invalid("entry_not_loaded", entity_id=entities[0].entity_id)
    return Cameras(entry, [entity.config_subentry_id or "" for entity in entities])


def _is_meant(hass: HomeAssistant, entity: er.RegistryEntry, selection: TargetSelection) -> bool:
    """Return whether a target means a camera. An area of the entity's own wins over its device's."""
    device = dr.async_get(hass).async_get(entity.device_id or "")
    area_id = entity.area_id or (device.area_id if device is not None else None)
    area = ar.async_get(hass).async_get_area(area_id or "")
    labels = set(entity.labels)
    devices = {entity.device_id}
    if device is not None:
        labels |= device.labels
    if isinstance(device, dr.DeviceEntry):
        devices.add(device.via_device_id)
    if area is not None:
        labels |= area.labels
    return bool(
        entity.entity_id in selection.entity_ids
        or devices & selection.device_ids
        or labels & selection.label_ids
        or (area is not None and (area.id in selection.area_ids or area.floor_id in selection.floor_ids))
    )
