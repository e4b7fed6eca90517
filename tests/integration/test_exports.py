"""Stills, packages and the removal of exports, on a real recorder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from PIL import Image

from .frames import digest_of
from .library import BACK, BACK_CAMERA, FRONT, FRONT_CAMERA, FRONT_EVENTS, Library, async_act

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

    from recorder_core.simulator import Simulator

PAST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_a_still_and_a_package_of_this_very_minute(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, cameras: Simulator
) -> None:
    """The files are where the response says; the camera's event tells of each; what is removed is gone."""
    for name in (FRONT, BACK):
        await cameras.wait_frames(name, 40)
    end = dt_util.utcnow() - timedelta(seconds=1.5)

    still = await async_act(hass, "export_still", hass_admin_user, entity_id=FRONT_CAMERA, at=end, format="jpeg")
    file, facts = still["files"]
    assert facts["path"].endswith(".json"), "where the picture comes from"
    assert digest_of(Path(file["path"])) == file["sha256"]
    with Image.open(file["path"]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 240))
    await recording.async_told(FRONT_EVENTS, "export_done", export_id=still["export_id"])

    package = await async_act(
        hass,
        "export_package",
        hass_admin_user,
        entity_id=[FRONT_CAMERA, BACK_CAMERA],
        start=end - timedelta(seconds=2),
        end=end,
        request_id="R-2026-31",
        expires=end + timedelta(days=1),
    )
    assert set(package["entity_ids"]) == {FRONT_CAMERA, BACK_CAMERA}
    assert datetime.fromisoformat(package["expires"]) == end + timedelta(days=1)
    [file] = package["files"]
    with ZipFile(file["path"]) as packed:
        assert any(name.endswith("manifest.json") for name in packed.namelist())

    removed = await async_act(hass, "remove_export", hass_admin_user, export_id=package["export_id"])
    assert removed == {"export_id": package["export_id"], "state": "removed"}
    with pytest.raises(FileNotFoundError):
        digest_of(Path(file["path"]))


async def test_only_administrators(hass: HomeAssistant, hass_read_only_user: MockUser, library: Library) -> None:
    """Footage does not leave the store for anybody else, and what left it is not removed."""
    await library.async_set_up()
    interval = {"start": PAST, "end": PAST + timedelta(seconds=5)}
    for action, data in (
        ("export_still", {"entity_id": FRONT_CAMERA, "at": PAST}),
        ("export_package", {"entity_id": FRONT_CAMERA, **interval}),
        ("remove_export", {"export_id": "export-1"}),
    ):
        for user, key in ((None, "user_required"), (hass_read_only_user, "administrator_required")):
            with pytest.raises(ServiceValidationError) as raised:
                await async_act(hass, action, user, **data)
            assert raised.value.translation_key == key


async def test_what_cannot_be_exported(hass: HomeAssistant, hass_admin_user: MockUser, library: Library) -> None:
    """Each refusal says why."""
    await library.async_set_up()
    interval = {"start": PAST, "end": PAST + timedelta(seconds=5)}
    for action, data, key in (
        ("export_still", {"entity_id": FRONT_CAMERA, "at": PAST}, "no_footage"),
        ("export_package", {"entity_id": FRONT_CAMERA, **interval}, "no_footage"),
        ("export_package", {"entity_id": FRONT_CAMERA, **interval, "basis": "Ada Lovelace asked"}, "not_opaque"),
        ("remove_export", {"export_id": "export-1"}, "unknown_export"),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await async_act(hass, action, hass_admin_user, **data)
        assert raised.value.translation_key == key, action
