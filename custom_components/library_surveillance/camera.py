"""A camera entity per camera. What it shows is a privacy tile: Home Assistant checks nobody who looks at a camera.

Only where the library exposed a camera's video does it hand out pictures and a stream; then every user sees them. The
address with its credentials goes to the stream component alone, never into a state or a log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

from homeassistant.components.camera import Camera, CameraEntityDescription
from homeassistant.components.camera.const import CameraEntityFeature
from homeassistant.const import CONF_PASSWORD, CONF_URL, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.helpers.translation import async_get_translations

from recorder_core.errors import RecorderError
from recorder_core.models import CameraState

from .cameras import camera_subentries
from .const import CONF_EXPOSE_VIDEO, DOMAIN
from .entity import LibraryCameraEntity
from .errors import translated
from .tile import Tile, render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from homeassistant.config_entries import ConfigSubentry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import LibraryConfigEntry

PARALLEL_UPDATES: Final = 0

CAMERA: Final = CameraEntityDescription(key="camera", name=None)


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    entry: LibraryConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for every camera: the private one, or the exposed one where the library chose so."""
    for subentry in camera_subentries(entry):
        kind = ExposedCamera if subentry.data.get(CONF_EXPOSE_VIDEO) else PrivateCamera
        async_add_entities([kind(entry, subentry)], config_subentry_id=subentry.subentry_id)


class LibraryCamera(LibraryCameraEntity, Camera):
    """What private and exposed cameras share: the true facts."""

    def __init__(self, entry: LibraryConfigEntry, subentry: ConfigSubentry) -> None:
        """Keep the subentry for its name and address."""
        LibraryCameraEntity.__init__(self, entry, subentry, CAMERA)
        Camera.__init__(self)
        self._subentry = subentry
        self._gone = False

    async def async_will_remove_from_hass(self) -> None:
        """Show nothing from now on: who is handed one picture after the other goes on being handed them otherwise."""
        await super().async_will_remove_from_hass()
        self._gone = True

    @property
    def is_recording(self) -> bool:
        """Return whether it is being recorded; nobody says so of one that is unavailable, and pictures go on then."""
        return self.available and self.status.state is CameraState.RECORDING


class PrivateCamera(LibraryCamera):
    """Shows the tile, on every path on which Home Assistant asks for a picture."""

    async def async_camera_image(
        self,
        width: int | None = None,  # noqa: ARG002 - the tile has one size; Home Assistant scales
        height: int | None = None,  # noqa: ARG002 - as above
    ) -> bytes | None:
        """Return the tile as a JPEG; None from a camera that is gone, whose facts nobody renews."""
        if self._gone:
            return None
        language = self.hass.config.language
        words = await async_get_translations(self.hass, language, "common", [DOMAIN])
        tile = Tile(
            name=self._subentry.title,
            state=words[f"component.{DOMAIN}.common.{self._state_key}"],
            notice=words[f"component.{DOMAIN}.common.tile_notice"],
            recording=self.is_recording,
        )
        return await self.hass.async_add_executor_job(render, tile)

    @property
    def _state_key(self) -> str:
        """The key of what the tile says of the recording."""
        if not self.available:
            return "tile_unknown"
        if self.is_recording:
            return "tile_recording"
        return "tile_not_recording" if self.status.enabled else "tile_off"


class ExposedCamera(LibraryCamera):
    """Shows the camera to every user of Home Assistant."""

    _attr_supported_features = CameraEntityFeature.STREAM

    @property
    def is_on(self) -> bool:
        """Return whether the camera is recorded or meant to be; one that is off shows nothing, not an old picture."""
        return self.available and self.status.enabled and not self._gone

    async def async_camera_image(
        self,
        width: int | None = None,  # noqa: ARG002 - the recorder hands out what the camera sends; Home Assistant scales
        height: int | None = None,  # noqa: ARG002 - as above
    ) -> bytes | None:
        """Return the newest picture from the recorder; None while the camera is off."""
        if not self.is_on:
            return None
        try:
            return await self.coordinator.config_entry.runtime_data.client.still(self.camera_id)
        except RecorderError as err:
            if self._gone:  # since it was asked for: that is the end, and no fault
                return None
            raise translated(err) from err

    async def stream_source(self) -> str | None:
        """Return the camera's address with its credentials; None while the camera is off."""
        return address_with_credentials(self._subentry.data) if self.is_on else None

    async def async_will_remove_from_hass(self) -> None:
        """End the stream: the camera may be private from now on."""
        await super().async_will_remove_from_hass()
        await self._async_end_stream()

    @callback
    def _handle_coordinator_update(self) -> None:
        """End the stream of a camera that was switched off."""
        if self.stream is not None and self.available and not self.is_on:
            self.coordinator.config_entry.async_create_task(self.hass, self._async_end_stream())
        super()._handle_coordinator_update()

    async def _async_end_stream(self) -> None:
        """Let nobody watch any more; Home Assistant itself leaves a stream to those who hold its address."""
        stream, self.stream = self.stream, None
        if stream is not None:
            # A preloaded stream does not stop; the settings are the camera's own and outlive its entity.
            stream.dynamic_stream_settings = replace(stream.dynamic_stream_settings, preload_stream=False)
            for output in [*stream.outputs().values()]:
                await stream.remove_provider(output)
            await stream.stop()


def address_with_credentials(data: Mapping[str, Any]) -> str:  # Any: a subentry's data
    """Return a camera's URL with user name and password in it (RFC 3986 section 3.2.1)."""
    if not (username := data.get(CONF_USERNAME)):
        return str(data[CONF_URL])
    parts = urlsplit(data[CONF_URL])
    userinfo = f"{quote(username, safe='')}:{quote(data.get(CONF_PASSWORD) or '', safe='')}"
    return str(urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc}")))
