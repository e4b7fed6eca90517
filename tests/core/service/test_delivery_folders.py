"""Delivery folders in the settings: taken into use only where copies may lie, kept while some do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.export.delivery_folders import MARKER
from recorder_core.models import DeliveryFolder, DeliveryRemoval, DeliveryRequest, VolumeConfig
from recorder_core.service import delivery_folders
from recorder_core.service.disk_calls import DiskCalls, stalled

from .delivering import DESK, delivering, desk_of, exported, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.models import Settings

    from .shelves import Library


async def _refused(one: Library, settings: Settings) -> RecorderError:
    before = one.recorder.configuration.settings
    with pytest.raises(RecorderError) as caught:
        await one.client.apply_settings(settings)
    assert one.recorder.configuration.settings == before
    return caught.value


async def test_a_folder_that_is_added_gets_its_marker_once(data: Path) -> None:
    """Who takes the marker away, or unmounts the share below it, gets no new one by a later change."""
    async with delivering(data) as one:
        assert (desk_of(data) / MARKER).is_file()
        (desk_of(data) / MARKER).unlink()
        (data / "office").mkdir()
        more = DeliveryFolder(name="Office", path=f"{data}/office/")
        await one.client.apply_settings(settings_of(data, more))
        assert [one.name for one in (data / "office").iterdir()] == [MARKER]
        await one.client.apply_settings(replace(settings_of(data, more), delivery_days=1.5))
        assert list(desk_of(data).iterdir()) == []


async def test_a_folder_must_be_there_and_apart_from_the_store(data: Path) -> None:
    async with delivering(data) as one:
        (data / "link").symlink_to(data / "footage")
        missing = await _refused(one, settings_of(data, DeliveryFolder(name="x", path=str(data / "nowhere"))))
        assert missing.code is ErrorCode.DELIVERY_FOLDER_MISSING
        assert missing.placeholders["field"] == "delivery_folders[1].path"
        for place in ("footage", "footage/exports", "store", ".", "link", "desk", "desk/in"):
            refused = await _refused(one, settings_of(data, DeliveryFolder(name="x", path=str(data / place))))
            assert (refused.code, refused.placeholders) == (
                ErrorCode.BAD_REQUEST,
                {"field": "delivery_folders[1].path"},
            )
        (data / "other").symlink_to(desk_of(data))
        first = [DeliveryFolder(name="x", path=str(data / "other")), *settings_of(data).delivery_folders]
        refused = await _refused(one, replace(settings_of(data), delivery_folders=first))
        assert refused.placeholders == {"field": "delivery_folders[0].path"}
        within = replace(settings_of(data), volumes=[VolumeConfig(path=str(desk_of(data) / "footage"))])
        assert (await _refused(one, within)).placeholders == {"field": "delivery_folders[0].path"}


async def test_a_folder_in_which_copies_lie_cannot_be_taken_out(data: Path) -> None:
    async with delivering(data) as one:
        made = await one.client.deliver_export(exported(one).export_id, DeliveryRequest(folder=DESK))
        refused = await _refused(one, replace(settings_of(data), delivery_folders=[]))
        assert (refused.code, refused.placeholders) == (
            ErrorCode.DELIVERY_FOLDER_IN_USE,
            {"folder": DESK, "path": str(desk_of(data)), "copies": 1},
        )
        renamed = [DeliveryFolder(name="Reception", path=f"{desk_of(data)}/")]
        await one.client.apply_settings(replace(settings_of(data), delivery_folders=renamed))
        await one.client.remove_delivery(made.delivery_id, DeliveryRemoval())
        await one.client.apply_settings(replace(settings_of(data), delivery_folders=[]))
        assert one.recorder.configuration.settings.delivery_folders == []


async def test_a_folder_that_hangs_is_not_taken_into_use(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(DiskCalls):
        async def do(self, *_: object, **__: object) -> None:  # type: ignore[override]  # it answers nothing
            raise stalled()

    async with delivering(data) as one:
        monkeypatch.setattr(delivery_folders, "DiskCalls", Hanging)
        (data / "office").mkdir()
        refused = await _refused(one, settings_of(data, DeliveryFolder(name="x", path=str(data / "office"))))
        assert refused.code is ErrorCode.STORAGE_STALLED
        assert refused.placeholders["field"] == "delivery_folders[1].path"
