"""Changing a library, giving it a new token, and giving a camera new credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.config_entries import ConfigEntryState
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.library_surveillance.const import DOMAIN
from recorder_core.errors import CameraError, ErrorCode

from .conftest_flow import standing, tls  # noqa: F401 - fixtures
from .dialog import Dialog
from .library import BACK, FRONT, NOWHERE, PASSWORD, USERNAME, camera
from .standing_recorder import PROBED, StandingRecorder, serving, serving_something_else

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from .library import Library

    type Standing = tuple[StandingRecorder, MockConfigEntry]

TOKEN = "t" * 40
NEW_TOKEN = "n" * 40


def state_of(entry: MockConfigEntry) -> ConfigEntryState:
    """Return the state that an entry has now."""
    state: ConfigEntryState = entry.state
    return state


async def test_limits_of_a_running_recorder(hass: HomeAssistant, library: Library) -> None:
    """Refused ones change nothing; good ones reach the recorder without ending it; folders stay out of it."""
    before = await library.async_set_up()
    dialog = await Dialog.change_library(hass, library.entry)
    assert dialog.step == "reconfigure"
    assert dialog.shown() == {"profile": "missoula"}
    data = dict(library.entry.data)
    for limits, errors in (
        ({"min_free_gb": 0.5}, {"min_free_gb": "min_free_out_of_range"}),
        ({"min_free_gb": 1_000_000}, {"min_free_gb": "too_little_space"}),
        ({"min_free_gb": 1, "max_gb": 0.5}, {"max_gb": "max_out_of_range"}),
        ({"min_free_gb": 1, "max_gb": 1_000_000}, {"max_gb": "max_exceeds_disk"}),
    ):
        await dialog.submit(**limits, profile="hanson")
        assert (dialog.step, dialog.errors) == ("reconfigure", errors)
        assert dialog.shown() == {**limits, "profile": "hanson"}
        assert library.entry.data == data
    await dialog.submit(min_free_gb=2, max_gb=3, profile="hanson")
    assert dialog.abort_reason == "reconfigure_successful"
    await hass.async_block_till_done()

    assert library.entry.data == {**data, "min_free_gb": 2, "max_gb": 3, "profile": "hanson"}
    assert library.entry.state is ConfigEntryState.LOADED
    after = await library.async_status()
    assert (after.pid, after.store_id) == (before.pid, before.store_id)
    assert [(volume.min_free_bytes, volume.max_bytes) for volume in after.volumes] == [(2 * 10**9, 3 * 10**9)]

    dialog = await Dialog.change_library(hass, library.entry)
    assert dialog.shown() == {"min_free_gb": 2, "max_gb": 3, "profile": "hanson"}
    await dialog.submit(min_free_gb=2, profile="hanson")
    await hass.async_block_till_done()
    assert library.entry.data["max_gb"] is None
    assert [volume.max_bytes for volume in (await library.async_status()).volumes] == [None]


async def test_limits_of_a_recorder_that_does_not_run(hass: HomeAssistant, library: Library) -> None:
    """What needs the disk's size is left to the recorder; the change is tried at once."""
    dialog = await Dialog.change_library(hass, library.entry)
    for gb in (0, 1e11):
        await dialog.submit(min_free_gb=gb, profile="missoula")
        assert dialog.errors == {"min_free_gb": "min_free_out_of_range"}
    await dialog.submit(min_free_gb=3, profile="missoula")
    assert dialog.abort_reason == "reconfigure_successful"
    await hass.async_block_till_done()
    assert library.entry.state is ConfigEntryState.LOADED
    assert [volume.min_free_bytes for volume in (await library.async_status()).volumes] == [3 * 10**9]


async def test_another_socket(hass: HomeAssistant, standing: Standing, place: Path) -> None:  # noqa: F811
    """Only the recorder that has this library's footage is taken."""
    recorder, entry = standing
    data = dict(entry.data)
    path = place / "moved.sock"
    dialog = await Dialog.change_library(hass, entry)
    assert dialog.shown() == {"socket": data["socket"], "profile": "missoula"}
    await dialog.submit(socket=str(path), profile="missoula")
    assert dialog.errors == {"socket": "socket_missing"}
    async with serving(StandingRecorder(store_id="another"), socket=path):
        await dialog.submit(socket=str(path), profile="missoula")
    assert dialog.errors == {"base": "different_recorder"}
    async with serving_something_else(path, 500):
        await dialog.submit(socket=str(path), profile="missoula")
    assert dialog.errors == {"base": "not_a_recorder"}
    assert entry.data == data

    async with serving(recorder, socket=path):
        await dialog.submit(socket=f"{path} ", profile="arapahoe")
        assert dialog.abort_reason == "reconfigure_successful"
        await hass.async_block_till_done()
        assert entry.data == {**data, "socket": str(path), "profile": "arapahoe"}
        assert entry.state is ConfigEntryState.LOADED
        await hass.config_entries.async_unload(entry.entry_id)


async def _library_in_the_network(hass: HomeAssistant, port: int | None, token: str) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Arapahoe",
        unique_id="store-1",
        data={"recorder": "url", "url": f"https://127.0.0.1:{port}", "token": token, "profile": "arapahoe"},
        subentries_data=[camera(FRONT, "Front entrance"), camera(BACK, "Book drop")],
    )
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


async def test_address_and_token(hass: HomeAssistant, tls: ssl.SSLContext) -> None:  # noqa: F811
    """The saved token is never shown, and kept when the field is left empty."""
    recorder = StandingRecorder()
    async with serving(recorder, tls=tls, token=TOKEN) as port, serving(recorder, tls=tls, token=NEW_TOKEN) as other:
        entry = await _library_in_the_network(hass, port, TOKEN)
        data = dict(entry.data)
        dialog = await Dialog.change_library(hass, entry)
        assert dialog.shown() == {"url": data["url"], "profile": "arapahoe"}
        for typed in ({}, {"token": ""}):
            await dialog.submit(url=f"https://127.0.0.1:{other}", profile="arapahoe", **typed)
            assert dialog.errors == {"token": "unauthorized"}
        assert dialog.shown() == {"url": f"https://127.0.0.1:{other}", "profile": "arapahoe"}
        await dialog.submit(url="http://127.0.0.1", profile="arapahoe")
        assert dialog.errors == {"url": "https_required"}
        assert entry.data == data
        await dialog.submit(url=f"{data['url']}/", token="", profile="hanson")
        assert dialog.abort_reason == "reconfigure_successful"
        await hass.async_block_till_done()
        assert entry.data == {**data, "profile": "hanson"}

        dialog = await Dialog.change_library(hass, entry)
        await dialog.submit(url=f"https://127.0.0.1:{other}", token=NEW_TOKEN, profile="hanson")
        await hass.async_block_till_done()
        assert entry.data == {**data, "url": f"https://127.0.0.1:{other}", "token": NEW_TOKEN, "profile": "hanson"}
        assert entry.state is ConfigEntryState.LOADED
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_token_that_is_refused(hass: HomeAssistant, tls: ssl.SSLContext) -> None:  # noqa: F811
    """Home Assistant asks for a new one; a wrong one or another recorder changes nothing; the right one is used."""
    recorder = StandingRecorder()
    async with serving(recorder, tls=tls, token=NEW_TOKEN) as port:
        entry = await _library_in_the_network(hass, port, TOKEN)
        assert state_of(entry) is ConfigEntryState.SETUP_ERROR
        dialog = await Dialog.resume(hass)
        assert dialog.step == "reauth_confirm"
        assert dialog.values == {"url": f"https://127.0.0.1:{port}", "name": "Arapahoe"}
        assert dialog.shown() == {}
        await dialog.submit(token=f"x{TOKEN}")
        assert dialog.errors == {"token": "unauthorized"}
        assert TOKEN not in str(dialog.result)
        recorder.store_id = "another"
        await dialog.submit(token=NEW_TOKEN)
        assert dialog.errors == {"base": "different_recorder"}
        assert entry.data["token"] == TOKEN

        recorder.store_id = "store-1"
        await dialog.submit(token=NEW_TOKEN)
        assert dialog.abort_reason == "reauth_successful"
        await hass.async_block_till_done()
        assert entry.data["token"] == NEW_TOKEN
        assert state_of(entry) is ConfigEntryState.LOADED
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def refused(hass: HomeAssistant, standing: Standing) -> tuple[StandingRecorder, MockConfigEntry, str]:  # noqa: F811
    """A library with one camera whose credentials are refused, and that camera's id."""
    recorder, entry = standing
    dialog = await Dialog.add_camera(hass, entry)
    advanced: Mapping[str, object] = {"source": "auto", "verify_ssl": True}
    await dialog.submit(
        name="Front entrance", url=NOWHERE, username=USERNAME, password=PASSWORD, expose_video=True, advanced=advanced
    )
    await dialog.choose("save")
    await hass.async_block_till_done()
    recorder.probed = CameraError(ErrorCode.AUTH_FAILED, "The camera refused the credentials.")
    return recorder, entry, next(iter(entry.subentries))


async def test_a_camera_s_credentials_that_are_refused(
    hass: HomeAssistant, refused: tuple[StandingRecorder, MockConfigEntry, str]
) -> None:
    """The dialog names the camera, tries what is typed, and changes nothing but the credentials."""
    recorder, entry, camera_id = refused
    data = dict(entry.subentries[camera_id].data)
    dialog = await Dialog.reauth(hass, entry, {"subentry_id": camera_id})
    assert dialog.step == "reauth_camera"
    assert dialog.values == {"camera": "Front entrance", "url": NOWHERE, "name": "Riverside Library"}
    assert dialog.shown() == {"username": USERNAME}

    await dialog.submit(username="ada", password="wrong")  # noqa: S106 - of nobody
    assert dialog.errors == {"password": "auth_failed"}
    assert dialog.shown() == {"username": "ada"}
    assert (recorder.probes[-1].username, recorder.probes[-1].still) == ("ada", False)
    recorder.probed = CameraError(ErrorCode.UNREACHABLE, "No route.")
    await dialog.submit(username="ada", password="right")  # noqa: S106 - of nobody
    assert dialog.errors == {"base": "unreachable"}, "the form has no field for the address"
    assert entry.subentries[camera_id].data == data

    recorder.probed = PROBED
    await dialog.submit(username="ada", password="right")  # noqa: S106 - of nobody
    assert dialog.abort_reason == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.subentries[camera_id].data == {**data, "username": "ada", "password": "right"}
    assert (recorder.configs[camera_id].username, recorder.configs[camera_id].password) == ("ada", "right")
    assert hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []


async def test_a_camera_that_is_gone_when_somebody_answers(
    hass: HomeAssistant, refused: tuple[StandingRecorder, MockConfigEntry, str]
) -> None:
    """There is nothing to be asked any more."""
    _, entry, camera_id = refused
    dialog = await Dialog.reauth(hass, entry, {"subentry_id": camera_id})
    await hass.config_entries.async_unload(entry.entry_id)  # a loaded one would be reloaded, which ends the dialog
    hass.config_entries.async_remove_subentry(entry, camera_id)
    await hass.async_block_till_done()
    await dialog.submit(username="ada", password="right")  # noqa: S106 - of nobody
    assert dialog.abort_reason == "camera_removed"


async def test_a_camera_cannot_be_tried_without_its_recorder(
    hass: HomeAssistant, refused: tuple[StandingRecorder, MockConfigEntry, str]
) -> None:
    """The dialog ends and says why."""
    _, entry, camera_id = refused
    dialog = await Dialog.reauth(hass, entry, {"subentry_id": camera_id})
    await hass.config_entries.async_unload(entry.entry_id)
    await dialog.submit(username="ada", password="right")  # noqa: S106 - of nobody
    assert dialog.abort_reason == "entry_not_loaded"
