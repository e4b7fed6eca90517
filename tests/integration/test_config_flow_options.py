"""How long footage is kept: the library's rules, a camera's own ones, and what the dialogs say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from custom_components.library_surveillance.settings import settings_of
from recorder_core.models import CameraState, CameraStatus, Retention

from .camera_form import FORM, Standing, add, cameras
from .conftest_flow import standing  # noqa: F401 - a fixture
from .dialog import Dialog
from .standing_recorder import GB

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .library import Library

TRIAL = "It goes after 30 days; that takes about 1296.0 GB."
QUOTA = "At most 432 GB of it are kept; that is about 10.0 days."


async def test_a_camera_without_rules_follows_the_library(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """Its own rules win one by one; an empty field is no rule."""
    recorder, entry = standing
    lax = await add(hass, entry)
    strict = await add(hass, entry, url="rtsp://192.168.1.21/", retention={"retention_days": 7, "quota_gb": 500})
    assert recorder.configs[lax.subentry_id].retention == Retention()

    dialog = await Dialog.change_options(hass, entry)
    await dialog.submit(retention_days=30, minimum_days=5, destroy_after_days=365)
    assert dialog.created
    await hass.async_block_till_done()

    assert recorder.configs[lax.subentry_id].retention == Retention(
        retention_days=30, minimum_days=5, destroy_after_days=365
    )
    own = Retention(retention_days=7, quota_bytes=500 * GB, minimum_days=5, destroy_after_days=365)
    assert recorder.configs[strict.subentry_id].retention == own
    dialog = await Dialog.change_options(hass, entry)
    assert dialog.shown() == {"retention_days": 30, "minimum_days": 5, "destroy_after_days": 365}
    await dialog.submit()
    await hass.async_block_till_done()
    assert recorder.configs[lax.subentry_id].retention == Retention()
    dialog = await Dialog.change_camera(hass, entry, strict.subentry_id)
    assert (dialog.shown()["retention_days"], dialog.shown()["quota_gb"]) == (7, 500)
    await dialog.submit(**(FORM | {"url": "rtsp://192.168.1.21/"}))
    await dialog.choose("save")
    await hass.async_block_till_done()
    assert recorder.configs[strict.subentry_id].retention == Retention()


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        ({"retention_days": 0}, "days_out_of_range"),
        ({"retention_days": float("nan")}, "days_out_of_range"),
        ({"minimum_days": 36_501}, "days_out_of_range"),
        ({"quota_gb": 0.5}, "quota_out_of_range"),
        ({"retention_days": 7, "minimum_days": 8}, "minimum_above_retention"),
        ({"minimum_days": 31}, "minimum_above_retention"),  # the library keeps 30 days
        ({"destroy_after_days": 29}, "above_law"),
        ({"quota_gb": float("nan")}, "quota_out_of_range"),
        ({"quota_gb": 1e11}, "quota_out_of_range"),  # more bytes than a message to the recorder can carry
    ],
)
async def test_rules_of_a_camera_that_make_no_sense(
    hass: HomeAssistant,
    standing: Standing,  # noqa: F811
    rules: dict[str, float],
    key: str,
) -> None:
    """They are refused before the camera is tried."""
    recorder, entry = standing
    hass.config_entries.async_update_entry(entry, options={"retention_days": 30})
    await hass.async_block_till_done()
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**(FORM | {"retention": rules}))
    assert dialog.errors == {"retention": key}
    assert recorder.probes == []
    assert cameras(entry) == []


@pytest.mark.parametrize(
    ("rules", "field", "key"),
    [
        ({"retention_days": 0.5}, "retention_days", "days_out_of_range"),
        ({"minimum_days": -1}, "minimum_days", "days_out_of_range"),
        ({"retention_days": 7, "minimum_days": 8}, "minimum_days", "minimum_above_retention"),
        ({"minimum_days": 15}, "base", "contradicts_camera"),  # the camera keeps 14 days
        ({"destroy_after_days": 13}, "base", "contradicts_camera"),
        ({"destroy_after_days": 0}, "destroy_after_days", "days_out_of_range"),
        ({"retention_days": 31, "destroy_after_days": 30}, "retention_days", "above_law"),
        ({"minimum_days": 11, "destroy_after_days": 10}, "minimum_days", "above_law"),
    ],
)
async def test_rules_of_a_library_that_make_no_sense(
    hass: HomeAssistant,
    standing: Standing,  # noqa: F811
    rules: dict[str, float],
    field: str,
    key: str,
) -> None:
    """They are refused at their field; so are those that a camera's own rules contradict."""
    recorder, entry = standing
    await add(hass, entry, retention={"retention_days": 14})
    recorder.cameras = {
        camera_id: replace(status, bytes_per_day=50 * GB) for camera_id, status in recorder.cameras.items()
    }
    await hass.config_entries.async_reload(entry.entry_id)
    dialog = await Dialog.change_options(hass, entry)
    assert dialog.values == {"usable_gb": "1000.0", "gb_per_day": "50.0", "days": "20"}
    await dialog.submit(**rules)
    assert dialog.errors == {field: key}
    assert dialog.shown() == rules
    assert entry.options == {}


async def test_exports_have_a_rule_where_home_assistant_runs_the_recorder(
    hass: HomeAssistant, library: Library
) -> None:
    """The form can be filled in while the recorder is away; what it does not know it says."""
    dialog = await Dialog.change_options(hass, library.entry)
    await dialog.choose("rules")
    assert set(dialog.values.values()) == {"unknown"}
    await dialog.submit(export_days=0)
    assert dialog.errors == {"export_days": "days_out_of_range"}
    for gb in (0.5, 1e11):
        await dialog.submit(export_quota_gb=gb)
        assert dialog.errors == {"export_quota_gb": "quota_out_of_range"}
    for days in (0, 366, float("nan")):
        await dialog.submit(delivery_days=days)
        assert dialog.errors == {"delivery_days": "delivery_days_out_of_range"}
    await dialog.submit(export_days=90, export_quota_gb=200, delivery_days=3)
    assert dialog.created
    assert library.entry.options == {"export_days": 90, "export_quota_gb": 200, "delivery_days": 3}
    settings = settings_of(library.entry.data, library.entry.options, "UTC")
    assert settings.exports == Retention(retention_days=90, quota_bytes=200 * GB)
    assert settings.delivery_days == 3
    assert settings_of(library.entry.data, {}, "UTC").delivery_days == 7


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({}, "It stays until room is needed for newer footage."),
        ({"retention_days": 30}, TRIAL),
        ({"retention_days": 30, "minimum_days": 10}, TRIAL),
        ({"retention_days": 30, "destroy_after_days": 365}, f"{TRIAL} By law it goes after 365 days."),
        ({"quota_gb": 432}, QUOTA),
        (
            {"quota_gb": 432, "minimum_days": 12},
            f"{QUOTA} **The minimum of 12 days will not be reached: about 10.0 days fit.**",
        ),
        (
            {"retention_days": 30, "minimum_days": 24},
            f"{TRIAL} **The minimum of 24 days will not be reached: about 23.1 days fit.**",
        ),
    ],
)
async def test_the_trial_says_what_the_rules_come_to(
    hass: HomeAssistant,
    standing: Standing,  # noqa: F811
    rules: dict[str, float],
    kept: str,
) -> None:
    """At the bitrate that the camera has just had: 43.2 GB a day, and 1000 GB for all."""
    recorder, entry = standing
    recorder.cameras["gone"] = CameraStatus(
        camera_id="gone", name="Gone", enabled=True, state=CameraState.RETRYING, since_us=0, bytes_per_day=0
    )
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**(FORM | {"retention": rules}))
    assert dialog.values["kept"] == kept
