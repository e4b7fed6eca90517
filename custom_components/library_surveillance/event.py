"""An event entity per camera: what became of its footage. A table says which event of the recorder is which type.

Attributes are the opaque ids, times and counts of the table below and nothing else; a case id is never among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .cameras import camera_subentries
from .coordinator import signal_of
from .entity import LibraryCameraEntity
from .times import iso_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeassistant.config_entries import ConfigSubentry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from recorder_core.models import EventView

    from .coordinator import LibraryConfigEntry

    type Value = str | int | float | bool | None

PARALLEL_UPDATES: Final = 0

_TYPES: Final[Mapping[str, str]] = {
    "gap_opened": "gap_began",
    "gap_closed": "gap_ended",
    "gap": "gap_found",
    "hold_placed": "hold_placed",
    "hold_released": "hold_released",
    "hold_expired": "hold_expired",
    "hold_review_due": "hold_review_due",
    "export_done": "export_done",
    "export_failed": "export_failed",
    "footage_deleted": "footage_deleted",
    "minimum_not_kept": "minimum_not_kept",
}


def _same(value: Value) -> Value:
    return value


def _moment(value: Value) -> str | None:
    return iso_of(value) if isinstance(value, int) else None


# What of an event's data is shown, under which name.
_ATTRIBUTES: Final[Mapping[str, tuple[str, Callable[[Value], Value]]]] = {
    "hold_id": ("hold_id", _same),
    "export_id": ("export_id", _same),
    "certificate_id": ("certificate_id", _same),
    "start_us": ("start", _moment),
    "end_us": ("end", _moment),
    "reason": ("reason", _same),
    "problem": ("problem", _same),
    "rule": ("rule", _same),
    "records": ("records", _same),
    "size": ("size", _same),
    "files": ("files", _same),
}

FOOTAGE: Final = EventEntityDescription(
    key="footage", translation_key="footage", event_types=[*dict.fromkeys(_TYPES.values())]
)


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an event entity for every camera."""
    for subentry in camera_subentries(entry):
        async_add_entities([FootageEvent(entry, subentry, FOOTAGE)], config_subentry_id=subentry.subentry_id)


class FootageEvent(LibraryCameraEntity, EventEntity):
    """The last thing that happened to a camera's footage."""

    def __init__(
        self, entry: LibraryConfigEntry, subentry: ConfigSubentry, description: EventEntityDescription
    ) -> None:
        """Listen to the entry's feed."""
        super().__init__(entry, subentry, description)
        self._signal = signal_of(entry)

    async def async_added_to_hass(self) -> None:
        """Begin to listen."""
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, self._signal, self._happened))

    @callback
    def _happened(self, event: EventView, camera_ids: frozenset[str]) -> None:
        """Show an event of this camera; `at` is when it happened, which may be before Home Assistant heard of it."""
        if self.camera_id in camera_ids and (event_type := _TYPES.get(event.kind)):
            shown = {
                name: convert(event.data[key]) for key, (name, convert) in _ATTRIBUTES.items() if key in event.data
            }
            self._trigger_event(event_type, {"at": iso_of(event.at_us), **shown})
            self.async_write_ha_state()
