"""Delivery folders in the dialog of the options, with a real recorder: each refusal says why and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder_core.models import DeliveryFolder

from .dialog import Dialog

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from .library import Library

DESK = "Records desk"


async def _async_add(hass: HomeAssistant, library: Library, name: str, path: Path | str) -> Dialog:
    dialog = await Dialog.change_options(hass, library.entry)
    await dialog.choose("add_delivery_folder")
    await dialog.submit(name=name, path=str(path))
    if dialog.created:
        await hass.async_block_till_done()
        assert library.loaded
    return dialog


async def test_folders_come_and_go(hass: HomeAssistant, place: Path, library: Library) -> None:
    """The recorder has what the options say; rules and folders do not take each other away."""
    await library.async_set_up()
    desk, share = place / "desk", place / "share"
    for folder in (desk, share):
        folder.mkdir()
    (place / "link").symlink_to(desk)
    dialog = await Dialog.change_options(hass, library.entry)
    assert dialog.options == ["rules", "add_delivery_folder"]
    assert dialog.values == {"folders": "There is no delivery folder yet."}
    dialog.close()

    assert (await _async_add(hass, library, f" {DESK} ", f" {place / 'link'}")).created
    dialog = await Dialog.change_options(hass, library.entry)
    await dialog.choose("rules")
    await dialog.submit(export_days=90, delivery_days=3)
    await hass.async_block_till_done()
    assert (await _async_add(hass, library, "Share", share)).created

    settings = library.settings()
    assert settings.delivery_folders == [
        DeliveryFolder(name=DESK, path=str(desk)),
        DeliveryFolder(name="Share", path=str(share)),
    ]
    assert (settings.delivery_days, settings.exports.retention_days) == (3, 90)

    dialog = await Dialog.change_options(hass, library.entry)
    assert dialog.options == ["rules", "add_delivery_folder", "remove_delivery_folder"]
    assert dialog.values == {"folders": f"- **{DESK}**: {desk}\n- **Share**: {share}"}
    await dialog.choose("remove_delivery_folder")
    await dialog.submit(folder=DESK)
    assert dialog.created
    await hass.async_block_till_done()
    assert library.settings().delivery_folders == [DeliveryFolder(name="Share", path=str(share))]
    assert (library.entry.options["export_days"], library.entry.options["delivery_days"]) == (90, 3)


async def test_folders_that_will_not_do(hass: HomeAssistant, place: Path, library: Library) -> None:
    """Where Home Assistant serves files, where libraries keep theirs, where nothing is; and names that are none."""
    await library.async_set_up()
    desk, media, allowed = place / "desk", place / "media", place / "allowed"
    for folder in (desk, media, allowed):
        folder.mkdir()
    hass.config.media_dirs = {"local": str(media)}
    hass.config.allowlist_external_dirs = {str(allowed)}
    assert (await _async_add(hass, library, DESK, desk)).created
    before = library.settings()

    good = place / "good"
    for name, path, errors in (
        ("", good, {"name": "delivery_name_unusable"}),
        ("x" * 65, good, {"name": "delivery_name_unusable"}),
        ("two\nlines", good, {"name": "delivery_name_unusable"}),
        (DESK, good, {"name": "delivery_name_taken"}),
        ("Good", "good", {"path": "folder_not_absolute"}),
        ("Good", place / ("x" * 256), {"path": "folder_name_unusable"}),
        ("Good", hass.config.path("www", "copies"), {"path": "folder_in_config"}),
        ("Good", media / "copies", {"path": "folder_in_media"}),
        ("Good", allowed, {"path": "folder_in_allowlist"}),
        ("Good", library.footage_path / "copies", {"path": "folder_taken"}),
        ("Good", desk / "inner", {"path": "folder_taken"}),
        ("Good", good, {"path": "delivery_folder_missing"}),
        ("Good", "/sys/kernel", {"base": "recorder_refused"}),  # nobody can make a file there
    ):
        dialog = await _async_add(hass, library, name, path)
        assert (dialog.step, dialog.errors) == ("add_delivery_folder", errors)
        assert dialog.shown() == {"name": name, "path": str(path)}
        assert library.settings() == before
        dialog.close()
    assert [folder["name"] for folder in library.entry.options["delivery_folders"]] == [DESK]

    good.mkdir()
    assert (await _async_add(hass, library, "Good", good)).created


async def test_footage_does_not_go_where_copies_go(hass: HomeAssistant, place: Path, library: Library) -> None:
    """The dialog of a new library knows the delivery folders of the others."""
    desk = place / "desk"
    desk.mkdir()
    hass.config_entries.async_update_entry(
        library.entry, options={"delivery_folders": [{"name": DESK, "path": str(desk)}]}
    )
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=str(desk / "footage"), min_free_gb=10, advanced={})
    assert dialog.errors == {"footage_path": "folder_taken"}
    assert dialog.values == {"folder": str(desk / "footage"), "other": "Riverside Library"}


async def test_another_folder_that_is_away_is_named(hass: HomeAssistant, place: Path, library: Library) -> None:
    """The recorder never had it, so it refuses it each time; who adds one that is there would look for the mistake."""
    away, good = place / "away", place / "good"
    good.mkdir()
    hass.config_entries.async_update_entry(
        library.entry, options={"delivery_folders": [{"name": DESK, "path": str(away)}]}
    )
    await library.async_set_up()
    dialog = await _async_add(hass, library, "Good", good)
    assert dialog.errors == {"path": "delivery_folder_missing"}
    assert dialog.values == {"detail": f"Delivery folder {DESK} at {away} is away. There is no such folder"}
    dialog.close()
    away.mkdir()
    assert (await _async_add(hass, library, "Good", good)).created


async def test_a_recorder_that_goes_meanwhile(hass: HomeAssistant, place: Path, library: Library) -> None:
    """Not that it refuses something is said, but that it is away."""
    await library.async_set_up()
    (place / "desk").mkdir()
    dialog = await Dialog.change_options(hass, library.entry)
    await dialog.choose("add_delivery_folder")
    async with library.client() as client:
        await client.shutdown()
    await library.async_wait_for("binary_sensor.riverside_library_recorder", lambda state: state.state == "off")
    await dialog.submit(name=DESK, path=str(place / "desk"))
    assert dialog.errors == {"base": "recorder_unreachable"}
    assert library.entry.options == {}


@pytest.mark.parametrize("step", ["add_delivery_folder", "remove_delivery_folder"])
async def test_a_recorder_that_cannot_be_asked(hass: HomeAssistant, place: Path, library: Library, step: str) -> None:
    """Folders are only changed with its consent."""
    hass.config_entries.async_update_entry(
        library.entry, options={"delivery_folders": [{"name": DESK, "path": str(place / "desk")}]}
    )
    dialog = await Dialog.change_options(hass, library.entry)
    await dialog.choose(step)
    assert dialog.abort_reason == "entry_not_loaded"
