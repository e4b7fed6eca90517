"""Sensors: what each camera's recording amounts to, and the room that is left. One table each, one class each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfInformation, UnitOfTime

from recorder_core.models import CameraState, CameraStatus, VolumeState

from .cameras import camera_subentries
from .entity import LibraryCameraEntity, LibraryEntity
from .times import time_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import LibraryConfigEntry
    from .picture import Picture

PARALLEL_UPDATES: Final = 0

_MINUTE_US: Final = 60_000_000
_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 86_400_000_000

# The state of all volumes together is the first of these that one of them is in.
_WORST_FIRST: Final = (
    VolumeState.MISSING,
    VolumeState.FOREIGN,
    VolumeState.READ_ONLY,
    VolumeState.FULL,
    VolumeState.OK,
)


def _oldest(status: CameraStatus) -> datetime | None:
    """Return the oldest footage's time to the minute, and once there is a day of it the first whole hour.

    Deleting goes on all the time: each change of a state is a line in the logbook and a row in a database.
    """
    if status.oldest_us is None:
        return None
    if (status.newest_us or 0) - status.oldest_us < _DAY_US:
        return time_of(status.oldest_us // _MINUTE_US * _MINUTE_US)
    return time_of(-(-status.oldest_us // _HOUR_US) * _HOUR_US)


def _offset_ms(status: CameraStatus) -> float | None:
    return None if status.clock_offset_us is None else round(status.clock_offset_us / 1000)


def _export_percent(picture: Picture) -> int | None:
    """Return how far the exports are that are being made, all together; None while there are none."""
    return round(100 * sum(picture.exports.values()) / len(picture.exports)) if picture.exports else None


def _days(days: float | None) -> float | None:
    """Return days to a tenth, so that a figure that is always on its way changes the state a few times a day."""
    return None if days is None else round(days, 1)


def _storage_state(picture: Picture) -> str | None:
    states = {volume.state for volume in picture.volumes.values()}
    return next((state.value for state in _WORST_FIRST if state in states), None)


@dataclass(frozen=True, kw_only=True)
class CameraSensorDescription(SensorEntityDescription):
    """A sensor of a camera as a function of its status."""

    value: Callable[[CameraStatus], datetime | str | float | None]


@dataclass(frozen=True, kw_only=True)
class RecorderSensorDescription(SensorEntityDescription):
    """A sensor of the recorder as a function of the whole picture."""

    value: Callable[[Picture], str | float | None]


CAMERA_SENSORS: Final = (
    CameraSensorDescription(
        key="state",
        translation_key="state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in CameraState],
        value=lambda status: status.state.value,
    ),
    CameraSensorDescription(
        key="oldest_footage",
        translation_key="oldest_footage",
        device_class=SensorDeviceClass.TIMESTAMP,
        value=_oldest,
    ),
    CameraSensorDescription(
        key="achieved_days",
        translation_key="achieved_days",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda status: _days(status.achieved_days),
    ),
    CameraSensorDescription(
        key="held_footage",
        translation_key="held_footage",
        device_class=SensorDeviceClass.DATA_SIZE,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        value=lambda status: status.held_bytes,
    ),
    CameraSensorDescription(
        key="bytes_per_day",
        translation_key="bytes_per_day",
        device_class=SensorDeviceClass.DATA_SIZE,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        value=lambda status: status.bytes_per_day,
    ),
    CameraSensorDescription(
        key="gap_today",
        translation_key="gap_today",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value=lambda status: round(status.gap_s_today),
    ),
    CameraSensorDescription(
        key="clock_offset",
        translation_key="clock_offset",
        device_class=SensorDeviceClass.DURATION,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        value=_offset_ms,
    ),
)

RECORDER_SENSORS: Final = (
    RecorderSensorDescription(
        key="cameras_recording",
        translation_key="cameras_recording",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda picture: sum(camera.state is CameraState.RECORDING for camera in picture.cameras.values()),
    ),
    RecorderSensorDescription(
        key="storage_state",
        translation_key="storage_state",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[state.value for state in VolumeState],
        value=_storage_state,
    ),
    RecorderSensorDescription(
        key="storage_used",
        translation_key="storage_used",
        device_class=SensorDeviceClass.DATA_SIZE,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        value=lambda picture: sum(volume.used_bytes for volume in picture.volumes.values()),
    ),
    RecorderSensorDescription(
        key="storage_free",
        translation_key="storage_free",
        device_class=SensorDeviceClass.DATA_SIZE,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        value=lambda picture: sum(volume.free_bytes for volume in picture.volumes.values()),
    ),
    RecorderSensorDescription(
        key="days_until_full",
        translation_key="days_until_full",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda picture: _days(picture.recorder.days_until_full),
    ),
    RecorderSensorDescription(
        key="holds",
        translation_key="holds",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda picture: picture.recorder.holds,
    ),
    RecorderSensorDescription(
        key="holds_to_review",
        translation_key="holds_to_review",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda picture: picture.recorder.holds_to_review,
    ),
    RecorderSensorDescription(
        key="export_progress",
        translation_key="export_progress",
        native_unit_of_measurement=PERCENTAGE,
        value=_export_percent,
    ),
    RecorderSensorDescription(
        key="version",
        translation_key="version",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value=lambda picture: picture.recorder.version,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the recorder's sensors and those of every camera."""
    async_add_entities(RecorderSensor(entry, description) for description in RECORDER_SENSORS)
    for subentry in camera_subentries(entry):
        async_add_entities(
            (CameraSensor(entry, subentry, description) for description in CAMERA_SENSORS),
            config_subentry_id=subentry.subentry_id,
        )


class CameraSensor(LibraryCameraEntity, SensorEntity):
    """A figure of one camera."""

    entity_description: CameraSensorDescription

    @property
    def native_value(self) -> datetime | str | float | None:
        """Return the figure."""
        return self.entity_description.value(self.status)


class RecorderSensor(LibraryEntity, SensorEntity):
    """A figure of the recorder."""

    entity_description: RecorderSensorDescription

    @property
    def native_value(self) -> str | float | None:
        """Return the figure."""
        return self.entity_description.value(self.coordinator.data)
