"""Binary sensors: whether each camera is connected, recorded and kept as it should be, and the recorder there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory

from recorder_core.models import CameraState, CameraStatus

from .cameras import camera_subentries
from .entity import LibraryCameraEntity, LibraryEntity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import LibraryConfigEntry

PARALLEL_UPDATES: Final = 0

ATTR_REASON: Final = "reason"
NO_REASON: Final = "none"

# Whether a camera is connected; where it is not tried, nobody knows.
_CONNECTED: Final[Mapping[CameraState, bool | None]] = {
    CameraState.DISABLED: None,
    CameraState.CONNECTING: False,
    CameraState.RECORDING: True,
    CameraState.RETRYING: False,
    CameraState.STORAGE_FULL: None,
    CameraState.STORAGE_FAILED: None,
}

# Whether a camera is not recorded although it should be. One that is just being connected is none yet.
_FAILING: Final = frozenset({CameraState.RETRYING, CameraState.STORAGE_FULL, CameraState.STORAGE_FAILED})


def _reason(status: CameraStatus) -> str:
    """Return why a camera is not recorded: the problem's code, or what is wrong with the storage."""
    if status.state not in _FAILING:
        return NO_REASON
    return status.problem.code.value if status.problem is not None else status.state.value


@dataclass(frozen=True, kw_only=True)
class CameraBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor of a camera as a function of its status."""

    is_on: Callable[[CameraStatus], bool | None]
    attributes: Callable[[CameraStatus], Mapping[str, str] | None] = lambda _: None


CAMERA_SENSORS: Final = (
    CameraBinarySensorDescription(
        key="recording_problem",
        translation_key="recording_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on=lambda status: status.state in _FAILING,
        attributes=lambda status: {ATTR_REASON: _reason(status)},
    ),
    CameraBinarySensorDescription(
        key="below_minimum",
        translation_key="below_minimum",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on=lambda status: status.below_minimum,
    ),
    CameraBinarySensorDescription(
        key="connectivity",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on=lambda status: _CONNECTED[status.state],
    ),
)

RECORDER: Final = BinarySensorEntityDescription(
    key="recorder",
    translation_key="recorder",
    device_class=BinarySensorDeviceClass.RUNNING,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the recorder's sensor and those of every camera."""
    async_add_entities([RecorderSensor(entry, RECORDER)])
    for subentry in camera_subentries(entry):
        async_add_entities(
            (CameraBinarySensor(entry, subentry, description) for description in CAMERA_SENSORS),
            config_subentry_id=subentry.subentry_id,
        )


class CameraBinarySensor(LibraryCameraEntity, BinarySensorEntity):
    """A fact about one camera."""

    entity_description: CameraBinarySensorDescription

    @property
    def is_on(self) -> bool | None:
        """Return the fact."""
        return self.entity_description.is_on(self.status)

    @property
    def extra_state_attributes(self) -> Mapping[str, str] | None:
        """Return what explains it."""
        return self.entity_description.attributes(self.status)


class RecorderSensor(LibraryEntity, BinarySensorEntity):
    """Whether the recorder answers; it is there to say so when nothing else is."""

    @property
    def available(self) -> bool:
        """Return True: that the recorder is away is this sensor's news."""
        return True

    @property
    def is_on(self) -> bool:
        """Return whether the feed is being followed."""
        return self.coordinator.last_update_success
