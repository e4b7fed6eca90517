"""What a recorder is told of its library: a delivery folder that will not do keeps nothing else from being set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from custom_components.library_surveillance.settings import async_apply_settings, settings_of
from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError, RequestError, StorageError

from .library import Library, shown_issues
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from recorder_core.models import Settings

DESK = {"name": "Records desk", "path": "/srv/desk"}
DATA = {"footage_path": "/srv/footage"}


AWAY = StorageError(ErrorCode.DELIVERY_FOLDER_MISSING, "It is away.", field="delivery_folders[0].path")
HANGS = StorageError(ErrorCode.STORAGE_STALLED, "It does not answer.", field="delivery_folders[0].path")
STALLED = StorageError(ErrorCode.STORAGE_STALLED, "The disk does not answer.")
WITHIN = RequestError(ErrorCode.BAD_REQUEST, "It lies in the store.", field="delivery_folders[0].path")
IN_USE = RequestError(ErrorCode.DELIVERY_FOLDER_IN_USE, "Copies lie there.")
VOLUME = StorageError(ErrorCode.VOLUME_MISSING, "The disk is away.")


class Choosy(StandingRecorder):
    """Refuses settings with so many delivery folders as it has an error for."""

    def __init__(self, *errors: RecorderError | None) -> None:
        """Take the errors, for no folder first."""
        super().__init__()
        self.errors = errors

    async def apply_settings(self, settings: Settings) -> None:
        """Refuse them, or remember them."""
        if (error := self.errors[len(settings.delivery_folders)]) is not None:
            raise error
        await super().apply_settings(settings)


@pytest.mark.parametrize(
    ("with_none", "with_one", "applied"),
    [
        (None, None, [1]),
        (None, AWAY, [0]),
        (None, HANGS, [0]),
        (None, WITHIN, [0]),
        (IN_USE, AWAY, []),  # it has settings, then, and keeps them
        (None, IN_USE, []),
    ],
)
async def test_the_rest_is_set_all_the_same(
    place: Path, with_none: RecorderError | None, with_one: RecorderError | None, applied: list[int]
) -> None:
    """What the recorder has against a folder is returned."""
    recorder = Choosy(with_none, with_one)
    socket = place / "recorder.sock"
    async with serving(recorder, socket=socket), RecorderClient(socket=socket) as client:
        refused = await async_apply_settings(client, settings_of(DATA, {"delivery_folders": [DESK]}, "UTC"))
    assert [len(settings.delivery_folders) for settings in recorder.settings] == applied
    assert (refused and refused.message) == (with_one and with_one.message)


async def test_the_other_folders_stay(place: Path) -> None:
    """One that went and came back would be a new one to the recorder, which marks what it is given as its own."""
    recorder = Choosy(None, None, None, StorageError(AWAY.code, AWAY.message, field="delivery_folders[1].path"))
    socket = place / "recorder.sock"
    folders = [DESK | {"name": name, "path": f"/srv/{name}"} for name in ("desk", "away", "police")]
    async with serving(recorder, socket=socket), RecorderClient(socket=socket) as client:
        refused = await async_apply_settings(client, settings_of(DATA, {"delivery_folders": folders}, "UTC"))
    assert refused is not None
    assert [[folder.name for folder in one.delivery_folders] for one in recorder.settings] == [["desk", "police"]]


@pytest.mark.parametrize("with_one", [VOLUME, STALLED])
async def test_what_else_is_refused_is_an_error(place: Path, with_one: RecorderError) -> None:
    """A disk that does not answer may be the footage's as well."""
    recorder = Choosy(with_one, with_one)
    socket = place / "recorder.sock"
    async with serving(recorder, socket=socket), RecorderClient(socket=socket) as client:
        with pytest.raises(RecorderError) as raised:
            await async_apply_settings(client, settings_of(DATA, {"delivery_folders": [DESK]}, "UTC"))
    assert raised.value.code is with_one.code


async def test_a_folder_that_is_away_when_the_library_comes_up_anew(
    hass: HomeAssistant, place: Path, library: Library
) -> None:
    """Cameras are recorded, and an issue says what the recorder has against the folder until it is there."""
    desk = place / "desk"
    hass.config_entries.async_update_entry(library.entry, options={"delivery_folders": [DESK | {"path": str(desk)}]})
    await library.async_set_up()
    issue = shown_issues(hass)["delivery_folders_refused"]
    assert issue is not None
    assert str(desk) in issue["detail"]
    assert [volume.path for volume in library.settings().volumes] == [str(library.footage_path)]

    desk.mkdir()
    await hass.config_entries.async_reload(library.entry.entry_id)
    await hass.async_block_till_done()
    assert "delivery_folders_refused" not in shown_issues(hass)
    assert [folder.path for folder in library.settings().delivery_folders] == [str(desk)]
