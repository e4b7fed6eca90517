"""Event entities: what became of a camera's footage, and of the room that all have together.

A table says which event of the recorder is which type. Attributes are the opaque ids, times and counts of the table
below and nothing else; a case id is never among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .cameras import camera_subentries
from .coordinator import LibraryCoordinator, signal_of
from .entity import LibraryCameraEntity, LibraryEntity
from .times import iso_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from recorder_core.models import EventView

    from .coordinator import LibraryConfigEntry

    type Value = str | int | float | bool | None

PARALLEL_UPDATES: Final = 0

_OF_CAMERA: Final[Mapping[str, str]] = {
    "gap_opened": "gap_began",
    "gap_closed": "gap_ended",
    "gap": "gap_found",
    "hold_placed": "hold_placed",
    "hold_widened": "hold_widened",
    "hold_reviewed": "hold_reviewed",
    "hold_released": "hold_released",
    "hold_expired": "hold_expired",
    "hold_review_due": "hold_review_due",
    "export_done": "export_done",
    "export_failed": "export_failed",
    "export_cancelled": "export_cancelled",
    "export_removed": "export_removed",
    "export_delivered": "export_delivered",
    "delivery_failed": "delivery_failed",
    "delivery_removed": "delivery_removed",
    "footage_deleted": "footage_deleted",
    "minimum_not_kept": "minimum_not_kept",
}

_OF_LIBRARY: Final[Mapping[str, str]] = {
    "storage_held": "only_held_left",
    "storage_being_read": "waits_for_exports",
    "storage_nearly_full": "holds_leave_little",
    "sweep_halted": "deletion_halted",
    "sweep_resumed": "deletion_resumed",
}


def _same(value: Value) -> Value:
    return value


def _moment(value: Value) -> str | None:
    return iso_of(value) if isinstance(value, int) else None


# What of an event's data is shown, under which name.
_ATTRIBUTES: Final[Mapping[str, tuple[str, Callable[[Value], Value]]]] = {
    "hold_id": ("hold_id", _same),
    "export_id": ("export_id", _same),
    "delivery_id": ("delivery_id", _same),
    "folder": ("folder", _same),
    "certificate_id": ("certificate_id", _same),
    "start_us": ("start", _moment),
    "end_us": ("end", _moment),
    "review_us": ("review", _moment),
    "expires_us": ("expires", _moment),
    "reason": ("reason", _same),
    "problem": ("problem", _same),
    "rule": ("rule", _same),
    "records": ("records", _same),
    "size": ("size", _same),
    "files": ("files", _same),
    "held_bytes": ("held_bytes", _same),
}

FOOTAGE: Final = EventEntityDescription(
    key="footage", translation_key="footage", event_types=[*dict.fromkeys(_OF_CAMERA.values())]
)
ROOM: Final = EventEntityDescription(key="room", translation_key="room", event_types=[*_OF_LIBRARY.values()])


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an event entity for the library, and one for every camera."""
    async_add_entities([RoomEvent(entry, ROOM)])
    for subentry in camera_subentries(entry):
        async_add_entities([FootageEvent(entry, subentry, FOOTAGE)], config_subentry_id=subentry.subentry_id)


class _HeardEvent(CoordinatorEntity[LibraryCoordinator], EventEntity):
    """Shows the recorder's events of some kinds as soon as they are heard of."""

    _types: ClassVar[Mapping[str, str]]

    async def async_added_to_hass(self) -> None:
        """Begin to listen."""
        await super().async_added_to_hass()
        signal = signal_of(self.coordinator.config_entry)
        self.async_on_remove(async_dispatcher_connect(self.hass, signal, self._happened))

    def _concerns(self, camera_ids: frozenset[str]) -> bool:  # noqa: ARG002 - those of the library concern it all
        """Whether events of these cameras are this entity's."""
        return True

    @callback
    def _happened(self, event: EventView, camera_ids: frozenset[str]) -> None:
        """Show an event."""
        if self._concerns(camera_ids) and (event_type := self._types.get(event.kind)):
            self._trigger_event(event_type, _shown(event))
            self.async_write_ha_state()


class FootageEvent(LibraryCameraEntity, _HeardEvent):
    """The last thing that happened to a camera's footage."""

    _types = _OF_CAMERA

    def _concerns(self, camera_ids: frozenset[str]) -> bool:
        """Whether this camera is among them."""
        return self.camera_id in camera_ids


class RoomEvent(LibraryEntity, _HeardEvent):
    """The last thing that happened to the room for all footage, or to the deletion that makes room."""

    _types = _OF_LIBRARY


def _shown(event: EventView) -> dict[str, Value]:
    """Return an event's attributes; `at` is when it happened, which may be before Home Assistant heard of it."""
    shown = {name: convert(event.data[key]) for key, (name, convert) in _ATTRIBUTES.items() if key in event.data}
    return {"at": iso_of(event.at_us), **shown}
