"""Keeps a picture of the recorder up to date from its feed, and the recorder's settings and cameras as the entry says.

Nothing is polled. When the feed breaks, the entities become unavailable with one line in the log, the recorder is
reached again (a local one is started if need be), and settings and cameras are applied anew.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN, EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import Event, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util.hass_dict import HassKey

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import FeedItem

from .cameras import camera_config, camera_subentries
from .const import DOMAIN
from .credentials import CredentialRequests
from .errors import placeholders_of, translated
from .issues import Issue, Issues, issues_of
from .picture import Picture
from .recorder_process import RecorderStartError
from .settings import async_apply_settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from homeassistant.core import HomeAssistant

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import EventView, RecorderStatus, Settings

    from .connection import RecorderConnection
    from .paused import PausedCameras

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 60.0

_LAST_EVENTS: Final[HassKey[dict[str, int]]] = HassKey(f"{DOMAIN}_last_events")
"""The number of the last event that was told of each entry: what happens while it is loaded anew is told then."""

_OF_HOLDS: Final = frozenset(
    {"hold_placed", "hold_widened", "hold_reviewed", "hold_released", "hold_expired", "hold_review_due"}
)
_OF_EXPORTS: Final = frozenset(
    {
        "export_done",
        "export_failed",
        "export_cancelled",
        "export_removed",
        "export_delivered",
        "delivery_failed",
        "delivery_removed",
    }
)

type LibraryConfigEntry = ConfigEntry[LibraryRuntime]


def signal_of(entry: LibraryConfigEntry) -> str:
    """Return the dispatcher's signal on which the events of an entry's recorder are sent."""
    return f"{DOMAIN}_{entry.entry_id}_event"


@dataclass(frozen=True, slots=True)
class LibraryRuntime:
    """What a loaded entry holds; `device_id` is the recorder's in the device registry."""

    connection: RecorderConnection
    coordinator: LibraryCoordinator
    device_id: str

    @property
    def client(self) -> RecorderClient:
        """The door to the recorder."""
        return self.connection.client


class LibraryCoordinator(DataUpdateCoordinator[Picture]):
    """The recorder of one library."""

    config_entry: LibraryConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: LibraryConfigEntry,
        connection: RecorderConnection,
        paused: PausedCameras,
    ) -> None:
        """Take the entry, the way to its recorder, and the cameras that are switched off."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title, update_interval=None)
        self._connection = connection
        self._paused = paused
        self._issues = Issues(hass, entry.entry_id, entry.title)
        self._refused: list[Issue] = []
        self._credentials = CredentialRequests(hass, entry)
        self._last_events = hass.data.setdefault(_LAST_EVENTS, {})
        entry.async_on_unload(hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._async_core_config_changed))

    async def async_set_recording(self, camera_id: str, *, enabled: bool) -> None:
        """Switch the recording of a camera. Raises a translated error; then nothing has changed."""
        subentry = self.config_entry.subentries[camera_id]
        try:
            status = await self._connection.client.put_camera(
                camera_config(self.config_entry, subentry, enabled=enabled)
            )
        except RecorderError as err:
            raise translated(err) from err
        self._draw(replace(self.data, cameras={**self.data.cameras, camera_id: status}))  # before a newer one is pushed
        await self._paused.async_set(camera_id, paused=not enabled)

    async def async_confirm_clock(self) -> None:
        """Tell the recorder that its clock is right. Raises `RecorderError`."""
        status = await self._connection.client.confirm_clock()
        self._draw(self.data.after(FeedItem(status=status)))

    async def async_apply_options(self, options: Mapping[str, Any]) -> None:  # Any: an entry's options
        """Tell a local recorder its settings with these options. Raises `RecorderError`; then nothing has changed."""
        await self._connection.client.apply_settings(self._settings_with(options))

    async def async_follow(self) -> None:
        """Follow the feed until cancelled, and reach the recorder again whenever it breaks.

        Events of a time without feed are asked for; those from before Home Assistant looked are not.
        """
        delay = FIRST_RETRY_S
        while True:
            try:
                last_event = self._last_events.get(self.config_entry.entry_id)
                async with aclosing(self._connection.client.feed(last_event)) as feed:
                    async for item in feed:
                        delay = FIRST_RETRY_S
                        if item.event is not None:
                            await self._async_tell(item.event)
                        if (picture := self.data.after(item)) is not self.data:
                            self._draw(picture)
            except RecorderError as err:
                self.async_set_update_error(_update_failed(err))
            while not self.last_update_success:
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY_S)
                await self.async_refresh()

    async def _async_tell(self, event: EventView) -> None:
        """Tell the entities of an event."""
        entry_id = self.config_entry.entry_id
        self._last_events[entry_id] = event.seq - 1  # the feed brings it again if the recorder goes while it is asked
        camera_ids = await self._async_cameras_of(event)
        self._last_events[entry_id] = event.seq
        async_dispatcher_send(self.hass, signal_of(self.config_entry), event, frozenset(camera_ids))

    async def _async_cameras_of(self, event: EventView) -> list[str]:
        """Return whose event it is; one about several cameras does not name them.

        Raises `RecorderError` where the recorder has gone meanwhile.
        """
        client = self._connection.client
        try:
            if event.kind in _OF_HOLDS and event.camera_id is None:
                return (await client.hold(str(event.data["hold_id"]))).camera_ids
            if event.kind in _OF_EXPORTS:
                job = await client.export_job(str(event.data["export_id"]))
                return job.camera_ids or [job.camera_id]
        except RecorderError as err:
            if err.code is ErrorCode.RECORDER_UNREACHABLE:
                raise
            _LOGGER.warning("The recorder of %s does not say whose %s it was: %s", self.name, event.kind, err)
        return [] if event.camera_id is None else [event.camera_id]

    async def _async_update_data(self) -> Picture:
        """Reach the recorder, bring it to what the entry says, and return the picture."""
        try:
            known = await self._connection.async_reach()
            refused = await self._async_apply_settings()
            self._refused = refused + await self._async_apply_cameras(known)
            picture = Picture.of(await self._connection.client.status())
        except RecorderStartError as err:
            self._issues.show(Issue("recorder_not_running", placeholders={"reason": str(err)}))
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="recorder_not_running",
                translation_placeholders={"reason": str(err)},
            ) from err
        except RecorderError as err:
            if err.code is ErrorCode.UNAUTHORIZED and CONF_TOKEN in self.config_entry.data:
                raise ConfigEntryAuthFailed(
                    translation_domain=DOMAIN,
                    translation_key=err.code.value,
                    translation_placeholders=placeholders_of(err),
                ) from err
            if err.code is ErrorCode.VERSION_MISMATCH:
                self._issues.show(Issue("version_mismatch"))
            raise _update_failed(err) from err
        self._issues.show(*self._refused, *issues_of(picture))
        self._credentials.look(picture)
        return picture

    async def _async_apply_settings(self) -> list[Issue]:
        """Tell a local recorder its settings; another one has them from whoever runs it. Return what was refused."""
        if self._connection.local is None:
            return []
        refused = await async_apply_settings(self._connection.client, self._settings_with(self.config_entry.options))
        if refused is None:
            return []
        return [Issue("delivery_folders_refused", placeholders=placeholders_of(refused), warning=True)]

    async def _async_apply_cameras(self, known: RecorderStatus) -> list[Issue]:
        """Put every camera of the entry and remove all others; return the issues of those that were refused.

        One that is refused stops no other.
        """
        client = self._connection.client
        refused = []
        wanted = set()
        for subentry in camera_subentries(self.config_entry):
            wanted.add(subentry.subentry_id)
            enabled = subentry.subentry_id not in self._paused
            try:
                await client.put_camera(camera_config(self.config_entry, subentry, enabled=enabled))
            except RecorderError as err:
                if err.code is ErrorCode.RECORDER_UNREACHABLE:
                    raise
                _LOGGER.warning("The recorder refused the camera %s: %s", subentry.title, err)
                refused.append(
                    Issue("camera_refused", subentry.subentry_id, {"camera": subentry.title, **placeholders_of(err)})
                )
        for camera in known.cameras:
            if camera.camera_id not in wanted:
                await client.remove_camera(camera.camera_id)
        return refused

    async def _async_core_config_changed(self, _: Event) -> None:
        """Hand on a new time zone; one that cannot be told now is told when the recorder is reached again."""
        if self.last_update_success:
            try:
                await self._async_apply_settings()
            except RecorderError as err:
                _LOGGER.warning("The recorder of %s could not be told the time zone: %s", self.name, err)

    def _settings_with(self, options: Mapping[str, Any]) -> Settings:  # Any: an entry's options
        return settings_of(self.config_entry.data, options, self.hass.config.time_zone)

    @callback
    def _draw(self, picture: Picture) -> None:
        """Show a new picture."""
        self._issues.show(*self._refused, *issues_of(picture))
        self._credentials.look(picture)
        self.async_set_updated_data(picture)


def _update_failed(error: RecorderError) -> UpdateFailed:
    return UpdateFailed(
        translation_domain=DOMAIN, translation_key=error.code.value, translation_placeholders=placeholders_of(error)
    )
