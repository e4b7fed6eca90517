"""Copies of exports in a delivery folder, on a real recorder: delivered, listed, removed, and what cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from recorder_core.models import Duty

from .dialog import Dialog
from .frames import digest_of
from .library import FRONT, FRONT_CAMERA, FRONT_EVENTS, Library, async_act, async_refusal, async_refused, shown_issues

if TYPE_CHECKING:
    from typing import Any

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

    from recorder_core.simulator import Simulator

    from .standing_recorder import StandingRecorder

DESK = "Records desk"
PAST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NO_EXPORT = "5e0c2b1f9d3a4c6e8b7a90d1c2e3f405"


@pytest.fixture
async def desk(hass: HomeAssistant, place: Path, recording: Library, cameras: Simulator) -> Path:
    """The delivery folder of a library that records, and has for some seconds."""
    folder = place / "desk"
    folder.mkdir(mode=0o750)
    folders = [{"name": DESK, "path": str(folder)}]
    hass.config_entries.async_update_entry(recording.entry, options={"delivery_folders": folders})
    await hass.async_block_till_done()
    assert recording.loaded
    await cameras.wait_frames(FRONT, 40)
    return folder


def copies_in(folder: Path) -> list[str]:
    """Return the names of what people see in a folder."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def move(folder: Path, place: Path) -> None:
    """Let a folder be somewhere else, as if its disk were."""
    folder.rename(place)


async def _async_still(
    hass: HomeAssistant, user: MockUser, **data: object
) -> dict[str, Any]:  # Any: the action's response
    moment = dt_util.utcnow() - timedelta(seconds=1.5)
    return await async_act(hass, "export_still", user, entity_id=FRONT_CAMERA, at=moment, **data)


async def test_a_copy_lies_there_until_it_is_removed(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, desk: Path
) -> None:
    """Its files are the export's; the camera's event tells of it; the export stays, and takes its next copy with it."""
    still = await _async_still(hass, hass_admin_user, deliver_to=DESK)
    delivery = still["delivery"]
    assert (delivery["state"], delivery["folder"], delivery["problem"]) == ("delivered", DESK, None)
    assert copies_in(desk) == [Path(delivery["path"]).name]
    assert {file["sha256"] for file in delivery["files"]} == {file["sha256"] for file in still["files"]}
    for file in delivery["files"]:
        assert digest_of(Path(delivery["path"]) / file["name"]) == file["sha256"]
    kept = datetime.fromisoformat(delivery["expires"]) - datetime.fromisoformat(delivery["created"])
    assert kept == timedelta(days=7)
    told = await recording.async_told(FRONT_EVENTS, "export_delivered")
    shown = {key: told.attributes[key] for key in ("export_id", "delivery_id", "folder", "expires")}
    assert shown == {key: delivery[key] for key in shown}
    assert await async_act(hass, "list_deliveries") == {"deliveries": [delivery], "away": []}

    dialog = await Dialog.change_options(hass, recording.entry)
    await dialog.choose("remove_delivery_folder")
    await dialog.submit(folder=DESK)
    assert (dialog.step, dialog.errors) == ("remove_delivery_folder", {"base": "delivery_folder_in_use"})
    dialog.close()

    removed = await async_act(hass, "remove_delivery", hass_admin_user, delivery_id=delivery["delivery_id"])
    assert (removed["state"], removed["delivery_id"]) == ("removed", delivery["delivery_id"])
    assert removed["removed"] is not None
    assert copies_in(desk) == []
    assert await async_act(hass, "list_deliveries") == {"deliveries": [], "away": []}
    assert (await async_act(hass, "list_deliveries", active=False))["deliveries"] == [removed]
    await recording.async_told(FRONT_EVENTS, "delivery_removed", delivery_id=delivery["delivery_id"])

    until = (dt_util.utcnow() + timedelta(hours=1)).replace(microsecond=0)
    order = {"export_id": still["export_id"], "folder": DESK, "expires": until}
    again = await async_act(hass, "deliver_export", hass_admin_user, **order)
    assert datetime.fromisoformat(again["expires"]) == until
    assert copies_in(desk) == [Path(again["path"]).name]
    await async_act(hass, "remove_export", hass_admin_user, export_id=still["export_id"])
    await recording.async_told(FRONT_EVENTS, "delivery_removed", delivery_id=again["delivery_id"])
    assert copies_in(desk) == []


async def test_an_export_stays_whose_copy_cannot_be_made(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, desk: Path
) -> None:
    """The error names it. A folder that nobody has is refused before anything is made."""
    nowhere = {"entity_id": FRONT_CAMERA, "at": PAST, "deliver_to": "Nowhere"}
    assert await async_refusal(hass, "export_still", hass_admin_user, **nowhere) == "unknown_delivery_folder"
    async with recording.client() as client:
        assert await client.exports() == []
        move(desk, desk.with_name("away"))
        with pytest.raises(HomeAssistantError) as raised:
            await _async_still(hass, hass_admin_user, deliver_to=DESK)
        [export] = await client.exports()
    values = raised.value.translation_placeholders
    assert raised.value.translation_key == "not_delivered"
    assert values is not None
    assert values["export_id"] == export.export_id
    assert values["fault"].startswith("The delivery folder is away. ")

    order = {"export_id": export.export_id, "folder": DESK}
    refused = await async_refused(hass, "deliver_export", hass_admin_user, **order)
    assert refused.translation_key == "delivery_folder_missing"
    move(desk.with_name("away"), desk)
    for changes, key in (
        ({"folder": "Nowhere"}, "unknown_delivery_folder"),
        ({"expires": PAST}, "bad_request"),
        ({"export_id": NO_EXPORT}, "unknown_export"),
    ):
        assert await async_refusal(hass, "deliver_export", hass_admin_user, **(order | changes)) == key
    assert (await async_act(hass, "deliver_export", hass_admin_user, **order))["state"] == "delivered"


async def test_only_administrators(hass: HomeAssistant, hass_read_only_user: MockUser, library: Library) -> None:
    """Copies are handed out and taken back by nobody else; what lies where everybody may ask."""
    await library.async_set_up()
    for action, data in (
        ("deliver_export", {"export_id": NO_EXPORT, "folder": DESK}),
        ("remove_delivery", {"delivery_id": NO_EXPORT}),
    ):
        for user, key in ((None, "user_required"), (hass_read_only_user, "administrator_required")):
            assert await async_refusal(hass, action, user, **data) == key
    for user in (None, hass_read_only_user):
        assert await async_act(hass, "list_deliveries", user) == {"deliveries": [], "away": []}


async def test_what_is_no_id_and_no_name(hass: HomeAssistant, hass_admin_user: MockUser, library: Library) -> None:
    """Each is refused before anybody can read it."""
    await library.async_set_up()
    for action, data, key in (
        ("deliver_export", {"export_id": "Ada Lovelace", "folder": DESK}, "not_opaque"),
        ("deliver_export", {"export_id": NO_EXPORT, "folder": ""}, "no_folder_name"),
        ("deliver_export", {"export_id": NO_EXPORT, "folder": "x" * 65}, "no_folder_name"),
        ("deliver_export", {"export_id": NO_EXPORT, "folder": "two\nlines"}, "no_folder_name"),
        ("deliver_export", {"export_id": NO_EXPORT, "folder": " handout"}, "no_folder_name"),
        ("remove_delivery", {"delivery_id": "Ada Lovelace"}, "not_opaque"),
        ("remove_delivery", {"delivery_id": NO_EXPORT}, "unknown_delivery"),
    ):
        assert await async_refusal(hass, action, hass_admin_user, **data) == key


async def test_copies_that_stay_too_long_are_an_issue(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """It goes when they do."""
    standing.failing = [Duty.DELIVERIES]
    await visited.async_set_up()
    assert shown_issues(hass) == {"deliveries_not_removed": {"library": "Riverside Library"}}
    standing.failing = []
    await hass.config_entries.async_reload(visited.entry.entry_id)
    await hass.async_block_till_done()
    assert shown_issues(hass) == {}
