"""A library for tests: the entry, its two cameras, and the ways to wait for what happens to them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.config_entries import ConfigEntryState, ConfigSubentryDataWithId
from homeassistant.const import CONF_PASSWORD, CONF_URL, CONF_USERNAME, EVENT_STATE_CHANGED, Platform
from homeassistant.core import Context, Event, EventStateChangedData, State, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.library_surveillance.const import (
    CONF_EXPOSE_VIDEO,
    CONF_FOOTAGE_PATH,
    CONF_INDEX_PATH,
    CONF_PROFILE,
    CONF_RECORDER,
    CONF_SOCKET,
    CONF_SOURCE,
    DOMAIN,
    SUBENTRY_CAMERA,
    Profile,
    RecorderKind,
)
from custom_components.library_surveillance.socket_path import socket_path
from recorder_core.api.client import RecorderClient
from recorder_core.models import Settings, SourceKind
from recorder_core.service.settings import SettingsFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant

    from recorder_core.models import RecorderStatus

FRONT = "front_entrance"
BACK = "book_drop"
FRONT_CAMERA = f"camera.{FRONT}"
BACK_CAMERA = f"camera.{BACK}"
FRONT_EVENTS = f"event.{FRONT}_footage"
BACK_EVENTS = f"event.{BACK}_footage"
PASSWORD = "correct-horse"  # noqa: S105 - of a camera that does not exist
USERNAME = "recorder-account"

# RFC 6056 keeps port 1 out of the ports that are handed out, so nothing listens there.
NOWHERE = "rtsp://127.0.0.1:1/secret-path?token=secret-query"

PATIENCE_S = 60.0
"""After this long a wait is a failure; no test is meant to come near it."""


def lives(pid: int | None) -> bool:
    """Return whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError, ProcessLookupError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def processes_on(folder: str) -> dict[int, str]:
    """Return the running processes that name a folder: their command lines by their ids."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            command = (process / "cmdline").read_text().replace("\0", " ")
            if folder in command and lives(int(process.name)):
                found[int(process.name)] = command
    return found


def mode_of(path: Path) -> int:
    """Return a file's permissions."""
    return path.stat().st_mode & 0o777


def working_folder(pid: int) -> Path:
    """Return where a process runs."""
    return Path(f"/proc/{pid}/cwd").readlink()


def shown_issues(hass: HomeAssistant) -> dict[str, dict[str, str] | None]:
    """Return the placeholders of all our issues that people see, by their translation."""
    return {
        issue.translation_key or "": issue.translation_placeholders
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active
    }


async def async_act(
    hass: HomeAssistant, action: str, user: User | None = None, **data: object
) -> dict[str, Any]:  # Any: the action's response
    """Do one of our actions, as a user or as an automation would, and return what it answers."""
    context = Context(user_id=user.id if user else None)
    response = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context
    )
    assert isinstance(response, dict)
    return response


async def async_refused(
    hass: HomeAssistant, action: str, user: User | None = None, **data: object
) -> HomeAssistantError:
    """Try one of our actions, and return why it fails: in words, not only by their key."""
    with pytest.raises(HomeAssistantError) as raised:
        await async_act(hass, action, user, **data)
    assert raised.value.translation_key is not None
    assert str(raised.value) != raised.value.translation_key
    return raised.value


async def async_refusal(hass: HomeAssistant, action: str, user: User | None = None, **data: object) -> str:
    """Return by what key one of our actions is refused as the caller's mistake."""
    refused = await async_refused(hass, action, user, **data)
    assert isinstance(refused, ServiceValidationError)
    return refused.translation_key or ""


def camera(camera_id: str, title: str, url: str = NOWHERE, **data: str | bool) -> ConfigSubentryDataWithId:
    """Return a camera subentry as the flow would store it."""
    return ConfigSubentryDataWithId(
        subentry_id=camera_id,
        subentry_type=SUBENTRY_CAMERA,
        title=title,
        unique_id=f"key-of-{camera_id}",
        data={
            CONF_URL: url,
            CONF_USERNAME: USERNAME,
            CONF_PASSWORD: PASSWORD,
            CONF_SOURCE: SourceKind.AUTO.value,
            CONF_EXPOSE_VIDEO: False,
            **data,
        },
    )


class Library:
    """An entry with a local recorder in `place`."""

    def __init__(
        self,
        hass: HomeAssistant,
        place: Path,
        *cameras: ConfigSubentryDataWithId,
        socket: Path | None = None,
        name: str = "Riverside Library",
    ) -> None:
        """Add the entry to Home Assistant without setting it up; with `socket` somebody else runs the recorder."""
        self.hass = hass
        self.index_path = place / "index"
        self.footage_path = place / "footage"
        self.footage_path.mkdir()
        self.socket = socket or socket_path(self.index_path)
        self.recorders: set[int] = set()
        recorder = (
            {
                CONF_RECORDER: RecorderKind.LOCAL.value,
                CONF_FOOTAGE_PATH: str(self.footage_path),
                CONF_INDEX_PATH: str(self.index_path),
            }
            if socket is None
            else {CONF_RECORDER: RecorderKind.SOCKET.value, CONF_SOCKET: str(socket)}
        )
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            title=name,
            entry_id=name.split(maxsplit=1)[0].lower(),
            unique_id=f"{name}-index",
            data={**recorder, CONF_PROFILE: Profile.MISSOULA.value},
            subentries_data=cameras or (camera(FRONT, "Front entrance"), camera(BACK, "Book drop")),
        )
        self.entry.add_to_hass(hass)
        self._told: list[State] = []
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._state_changed)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.domain == Platform.EVENT:
            self._told.append(state)

    @property
    def loaded(self) -> bool:
        """Whether the entry is set up now."""
        return self.entry.state is ConfigEntryState.LOADED

    async def __aenter__(self) -> Self:
        """Return the library; its entry and its recorder go at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Remove the entry. No process of its recorder may be left."""
        await self.async_remove()
        assert not [pid for pid in self.recorders if lives(pid)]

    async def async_set_up(self) -> RecorderStatus:
        """Set the entry up and return the status of the recorder that runs then."""
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()
        assert self.entry.state is ConfigEntryState.LOADED, self.entry.reason
        return await self.async_status()

    async def async_status(self) -> RecorderStatus:
        """Ask the recorder itself, past the integration; its processes are expected to be gone after the test."""
        async with self.client() as client:
            status = await client.status()
        if CONF_INDEX_PATH in self.entry.data:
            self.recorders |= {pid for pid in (status.pid, status.supervisor_pid) if pid}
        return status

    def settings(self) -> Settings:
        """Return what the recorder that Home Assistant runs has on its disk for settings."""
        return Settings.from_json((self.index_path / SettingsFiles.SETTINGS).read_bytes())

    def client(self) -> RecorderClient:
        """Return a client of the test's own."""
        return RecorderClient(socket=self.socket)

    async def async_remove(self) -> None:
        """Remove the entry, and its recorder with it."""
        if self.hass.config_entries.async_get_entry(self.entry.entry_id) is not None:
            await self.hass.config_entries.async_remove(self.entry.entry_id)
            await self.hass.async_block_till_done()

    def state(self, entity_id: str) -> State:
        """Return an entity's state, which must exist."""
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state

    async def async_told(self, entity_id: str, event_type: str, **attributes: str | int) -> State:
        """Wait until an event entity has shown an event, and return it; others may have come after it."""
        wanted = {ATTR_EVENT_TYPE: event_type, **attributes}.items()

        def shown() -> list[State]:
            return [one for one in self._told if one.entity_id == entity_id and wanted <= one.attributes.items()]

        await self.async_wait_for(entity_id, lambda _: bool(shown()))
        return shown()[-1]

    async def async_wait_for(self, entity_id: str, condition: Callable[[State], bool]) -> State:
        """Wait until an entity's state satisfies a condition, and return it."""
        changed = asyncio.Event()

        @callback
        def state_changed(_: Event[EventStateChangedData]) -> None:
            changed.set()

        remove = self.hass.bus.async_listen(EVENT_STATE_CHANGED, state_changed)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (state := self.hass.states.get(entity_id)) is None or not condition(state):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            log = self.index_path / "logs" / "recorder.log"
            pytest.fail(f"{state}\n{await self.async_status()}\n{log.read_text() if log.exists() else ''}")
        finally:
            remove()
        return state
