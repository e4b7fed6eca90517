"""Which cameras an action means: by entity, device, area, floor or label, resolved in the registries.

A library's own device means all its cameras, and so does `all` of all libraries. An entity that somebody hid or
disabled is a camera still. What of a target leads to no camera of ours is never passed over in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.const import ENTITY_MATCH_ALL
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.group import expand_entity_ids
from homeassistant.helpers.target import TargetSelection

from custom_components.library_surveillance.const import DOMAIN

from .action import invalid
from .libraries import async_is_loaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from homeassistant.core import HomeAssistant, ServiceCall
    from homeassistant.exceptions import ServiceValidationError

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry


@dataclass(frozen=True, slots=True)
class Cameras:
    """Cameras of one loaded library; there is at least one."""

    entry: LibraryConfigEntry
    camera_ids: list[str]


@dataclass(frozen=True, slots=True)
class Target:
    """What a call targets: cameras, library by library, at least one; and why the rest of the target is none."""

    libraries: list[Cameras]
    faults: list[ServiceValidationError]


async def async_targeted(call: ServiceCall) -> Target:
    """Return what a call targets. Raises `ServiceValidationError` if not one camera can be reached by it."""
    hass = call.hass
    selection = TargetSelection(call.data)
    ours = {entity.entity_id: entity for entity in _camera_entities(hass)}
    if ENTITY_MATCH_ALL in selection.entity_ids:
        selection.entity_ids = set(ours)
    selection.entity_ids = set(expand_entity_ids(hass, selection.entity_ids))
    faults = [invalid("not_our_camera", entity_id=one) for one in sorted(selection.entity_ids - ours.keys())]
    faults += [invalid("target_unknown", target=one) for one in _unknown(hass, selection)]
    meant: dict[str, list[er.RegistryEntry]] = {}
    for entity in ours.values():
        if _is_meant(hass, entity, selection):
            meant.setdefault(entity.config_entry_id or "", []).append(entity)
    libraries = []
    for entry_id, entities in meant.items():
        if (entry := await _async_loaded_entry(hass, entry_id)) is None:
            faults += [invalid("entry_not_loaded", entity_id=entity.entity_id) for entity in entities]
        else:
            libraries.append(Cameras(entry, [entity.config_subentry_id or "" for entity in entities]))
    if not libraries:
        raise next(iter(faults), invalid("no_camera_targeted"))
    return Target(libraries, faults)


async def async_targeted_wholly(call: ServiceCall) -> list[Cameras]:
    """Return the cameras that a call targets, library by library.

    Raises `ServiceValidationError` if some of the target leads to none.
    """
    target = await async_targeted(call)
    if target.faults:
        raise target.faults[0]
    return target.libraries


async def async_targeted_in_one_library(call: ServiceCall) -> Cameras:
    """Return the cameras that a call targets, all of one library. Raises `ServiceValidationError`, also for more."""
    libraries = await async_targeted_wholly(call)
    if len(libraries) > 1:
        raise invalid("several_libraries", libraries=", ".join(sorted(one.entry.title for one in libraries)))
    return libraries[0]


async def async_targeted_one(call: ServiceCall, entity_id: str) -> tuple[LibraryConfigEntry, str]:
    """Return the loaded library and the camera behind one of our camera entities. Raises `ServiceValidationError`."""
    entity = er.async_get(call.hass).async_get(entity_id)
    if entity is None or not _is_our_camera(entity):
        raise invalid("not_our_camera", entity_id=entity_id)
    if (entry := await _async_loaded_entry(call.hass, entity.config_entry_id or "")) is None:
        raise invalid("entry_not_loaded", entity_id=entity_id)
    return entry, entity.config_subentry_id or ""


def entity_ids_of(hass: HomeAssistant, camera_ids: Iterable[str]) -> list[str]:
    """Return the camera entities of those of these cameras that a library still has."""
    entities = {entity.config_subentry_id: entity.entity_id for entity in _camera_entities(hass)}
    return [entities[camera_id] for camera_id in camera_ids if camera_id in entities]


def _camera_entities(hass: HomeAssistant) -> Iterator[er.RegistryEntry]:
    return (entity for entity in er.async_get(hass).entities.values() if _is_our_camera(entity))


def _is_our_camera(entity: er.RegistryEntry) -> bool:
    return entity.platform == DOMAIN and entity.domain == "camera" and entity.config_subentry_id is not None


async def _async_loaded_entry(hass: HomeAssistant, entry_id: str) -> LibraryConfigEntry | None:
    entry: LibraryConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    return entry if entry is not None and await async_is_loaded(entry) else None


def _unknown(hass: HomeAssistant, selection: TargetSelection) -> list[str]:
    """Return the ids of a target that Home Assistant does not have (any more)."""
    devices = dr.async_get(hass)
    missing = selection.area_ids - ar.async_get(hass).areas.keys()
    missing |= selection.floor_ids - fr.async_get(hass).floors.keys()
    missing |= selection.label_ids - lr.async_get(hass).labels.keys()
    missing |= {one for one in selection.device_ids if devices.async_get(one) is None}
    return sorted(missing)


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
