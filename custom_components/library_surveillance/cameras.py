"""An entry's camera subentries as the recorder's cameras; the subentry's id is the camera's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.const import CONF_PASSWORD, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL

from recorder_core.models import CameraConfig, SourceKind

from .const import CONF_SOURCE, SUBENTRY_CAMERA
from .retention import retention_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.config_entries import ConfigEntry, ConfigSubentry


def camera_subentries(entry: ConfigEntry) -> Iterator[ConfigSubentry]:
    """Yield the subentries that are cameras, in the order in which they were added."""
    return (subentry for subentry in entry.subentries.values() if subentry.subentry_type == SUBENTRY_CAMERA)


def camera_config(entry: ConfigEntry, subentry: ConfigSubentry, *, enabled: bool) -> CameraConfig:
    """Return what the recorder is told of a camera: its own rules, and the library's where it has none."""
    data = subentry.data
    return CameraConfig(
        camera_id=subentry.subentry_id,
        name=subentry.title,
        url=data[CONF_URL],
        username=data.get(CONF_USERNAME),
        password=data.get(CONF_PASSWORD),
        enabled=enabled,
        source=SourceKind(data.get(CONF_SOURCE, SourceKind.AUTO)),
        verify_tls=data.get(CONF_VERIFY_SSL, True),
        retention=retention_of({**entry.options, **data}),
    )
