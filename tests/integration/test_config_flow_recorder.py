"""Adding a library whose recorder somebody else runs: behind a socket, or behind https and a token."""

from __future__ import annotations

import socket as sockets
import ssl
from typing import TYPE_CHECKING

import pytest
from homeassistant.config_entries import ConfigEntryState
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.library_surveillance import connection
from custom_components.library_surveillance.const import DOMAIN
from recorder_core.models import API_VERSION
from recorder_core.version import __version__

from .conftest_flow import set_up_entries, tls  # noqa: F401 - fixtures
from .dialog import Dialog
from .standing_recorder import StandingRecorder, serving, serving_something_else

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .library import Library

TOKEN = "t" * 40


async def _finish(dialog: Dialog) -> None:
    assert dialog.step == "profile"
    await dialog.submit(profile="arapahoe")
    await dialog.submit(name="Arapahoe", cameras=20, mbit_s=5)


async def test_a_recorder_behind_a_socket(hass: HomeAssistant, place: Path, set_up_entries: list[ConfigEntry]) -> None:  # noqa: F811
    """The summary shows its version, its storage and what fits there; the entry is known by its store."""
    recorder = StandingRecorder()
    path = place / "recorder.sock"
    async with serving(recorder, socket=path):
        dialog = await Dialog.add_library(hass, "socket")
        assert (dialog.errors, dialog.shown()) == ({}, {})
        await _finish(await dialog.submit(socket=f" {path}"))
        assert dialog.step == "confirm_recorder"
        assert dialog.options == ["create", "library", "socket"]
        assert dialog.values == {
            "library": "Arapahoe",
            "version": __version__,
            "folders": "/srv/footage",
            "known_cameras": "0",
            "total_gb": "2000.0",
            "free_gb": "900.0",
            "usable_gb": "1000.0",
            "cameras": "20",
            "mbit_s": "5",
            "gb_per_day": "1080.0",
            "days": "0.9",
        }
        await (await dialog.look_again()).choose("socket")
        assert dialog.shown() == {"socket": str(path)}
        await _finish(await dialog.submit(socket=str(path)))
        await dialog.choose("create")

    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert (entry.title, entry.unique_id) == ("Arapahoe", "store-1")
    assert entry.data == {"recorder": "socket", "socket": str(path), "profile": "arapahoe"}
    assert set_up_entries == [entry]
    assert recorder.settings == []


async def test_a_recorder_behind_https(
    hass: HomeAssistant,
    tls: ssl.SSLContext,  # noqa: F811
    set_up_entries: list[ConfigEntry],  # noqa: F811
) -> None:
    """A wrong token is refused at its field and never shown again; the right one goes into the entry."""
    async with serving(StandingRecorder(), tls=tls, token=TOKEN) as port:
        url = f"https://127.0.0.1:{port}"
        dialog = await Dialog.add_library(hass, "url")
        await dialog.submit(url=f"{url}/", token=f"not-{TOKEN}")
        assert dialog.errors == {"token": "unauthorized"}
        assert dialog.shown() == {"url": url}
        await _finish(await dialog.submit(url=url, token=f"{TOKEN} "))
        assert dialog.options == ["create", "library", "url"]
        await dialog.choose("create")

    [entry] = set_up_entries
    assert entry.data == {"recorder": "url", "url": url, "token": TOKEN, "profile": "arapahoe"}
    assert entry.unique_id == "store-1"


async def test_addresses_where_no_recorder_is(
    hass: HomeAssistant,
    tls: ssl.SSLContext,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Plain http, nothing at all, a certificate that nobody trusts, no URL."""
    async with serving(StandingRecorder(), tls=tls, token=TOKEN) as port:
        dialog = await Dialog.add_library(hass, "url")
        await dialog.submit(url=f"http://127.0.0.1:{port}", token=TOKEN)
        assert dialog.errors == {"url": "https_required"}
        await dialog.submit(url="recorder", token=TOKEN)
        assert dialog.errors == {"url": "https_required"}
        await dialog.submit(url="https://", token=TOKEN)
        assert dialog.errors == {"url": "https_required"}
        await dialog.submit(url="https://127.0.0.1:1", token=TOKEN)
        assert dialog.errors == {"base": "recorder_unreachable"}
        assert dialog.values == {"detail": "The recorder does not answer (ClientConnectorError)."}
        with monkeypatch.context() as strict:
            strict.setattr(connection, "get_default_context", ssl.create_default_context)
            await dialog.submit(url=f"https://127.0.0.1:{port}", token=TOKEN)
        assert dialog.errors == {"base": "recorder_unreachable"}
        assert dialog.values == {"detail": "The recorder does not answer (ClientConnectorCertificateError)."}
        assert hass.config_entries.async_entries(DOMAIN) == []
        await dialog.submit(url=f"https://127.0.0.1:{port}", token=TOKEN)
        assert dialog.step == "profile"


@pytest.mark.parametrize(
    ("url", "token", "errors"),
    [
        ("https://", TOKEN, {"url": "https_required"}),
        ("https://[::1", TOKEN, {"url": "https_required"}),
        ("https://recorder:70000", TOKEN, {"url": "https_required"}),
        ("https://ada:word@recorder", TOKEN, {"url": "url_with_credentials"}),
        ("https://127.0.0.1:1", "two words", {"token": "token_unusable"}),
        ("https://127.0.0.1:1", "line\nbreak", {"token": "token_unusable"}),
        ("https://127.0.0.1:1", "schlüssel", {"token": "token_unusable"}),
        ("https://127.0.0.1:1", " ", {"token": "token_unusable"}),
        (" https://127.0.0.1:1/ ", f" {TOKEN} ", {"base": "recorder_unreachable"}),
    ],
)
async def test_what_no_request_can_be_made_of(
    hass: HomeAssistant, url: str, token: str, errors: dict[str, str]
) -> None:
    """It is refused at its field, before anything is asked; blanks around it are nobody's business."""
    dialog = await Dialog.add_library(hass, "url")

    await dialog.submit(url=url, token=token)

    assert dialog.errors == errors
    assert dialog.shown() == {"url": url.strip().rstrip("/")}


@pytest.mark.usefixtures("set_up_entries")
async def test_paths_where_no_recorder_is(hass: HomeAssistant, place: Path) -> None:
    """Each reason has its words; what was typed stays; the dialog goes on once a recorder is there."""
    path = place / "recorder.sock"
    file = place / "file"
    file.touch()
    dialog = await Dialog.add_library(hass, "socket")
    for text, error in (
        ("recorder.sock", "socket_not_absolute"),
        ("/run/\0", "socket_not_absolute"),
        (f"/run/{'x' * 120}", "socket_too_long"),
        (str(path), "socket_missing"),
        (str(file), "socket_is_none"),
    ):
        await dialog.submit(socket=text)
        assert (dialog.step, dialog.errors) == ("socket", {"socket": error})
        assert dialog.shown() == {"socket": text}

    with sockets.socket(sockets.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    await dialog.submit(socket=str(path))
    assert dialog.errors == {"base": "recorder_unreachable"}
    path.unlink()

    for status in (404, 502):
        async with serving_something_else(path, status):
            await dialog.submit(socket=str(path))
        assert dialog.errors == {"base": "not_a_recorder"}
        assert dialog.values == {"detail": f"Something that is no recorder answered, with HTTP status {status}."}
    async with serving_something_else(path, 200):
        await dialog.submit(socket=str(path))
    assert dialog.errors == {"base": "version_mismatch"}
    async with serving(StandingRecorder(api_version=API_VERSION + 1), socket=path):
        await dialog.submit(socket=str(path))
    assert dialog.errors == {"base": "version_mismatch"}
    async with serving(StandingRecorder(volumes=[]), socket=path):
        await dialog.submit(socket=str(path))
    assert dialog.errors == {"base": "recorder_without_storage"}
    async with serving(StandingRecorder(), socket=path, token=TOKEN):
        await dialog.submit(socket=str(path))
    assert dialog.errors == {"base": "unauthorized"}, "a socket's form has no field for a token"
    broken = StandingRecorder()
    del broken.volumes
    async with serving(broken, socket=path):
        await dialog.submit(socket=str(path))
    assert dialog.errors == {"base": "recorder_failed"}
    assert dialog.values == {"detail": "The recorder failed; its log says why."}
    assert hass.config_entries.async_entries(DOMAIN) == []

    async with serving(StandingRecorder(), socket=path):
        await dialog.submit(socket=str(path))
        assert dialog.step == "profile"


async def test_a_recorder_belongs_to_one_library(hass: HomeAssistant, place: Path) -> None:
    """By whatever address it is found again."""
    taken = {"recorder": "url", "url": "https://recorder", "token": TOKEN, "profile": "hanson"}
    MockConfigEntry(domain=DOMAIN, unique_id="store-1", data=taken).add_to_hass(hass)
    path = place / "recorder.sock"
    async with serving(StandingRecorder(), socket=path):
        dialog = await Dialog.add_library(hass, "socket")
        await dialog.submit(socket=str(path))
    assert dialog.abort_reason == "already_configured"
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


async def test_a_recorder_that_home_assistant_runs_itself(hass: HomeAssistant, library: Library) -> None:
    """Its socket cannot be given to a second library."""
    status = await library.async_set_up()
    dialog = await Dialog.add_library(hass, "socket")
    await dialog.submit(socket=str(library.index_path / "recorder.sock"))
    assert library.entry.state is ConfigEntryState.LOADED
    assert library.entry.unique_id != status.store_id
    assert dialog.abort_reason == "already_configured"
