"""Adding a library with a recorder of its own: from the first question to the entry, and back on the way."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from custom_components.library_surveillance.const import DOMAIN

from .conftest_flow import disk, set_up_entries  # noqa: F401 - fixtures
from .dialog import Dialog

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry

pytestmark = pytest.mark.usefixtures("disk", "set_up_entries")
ADVANCED: dict[str, dict[str, str]] = {"advanced": {}}


async def test_a_library_with_a_recorder_of_its_own(
    hass: HomeAssistant,
    tmp_path: Path,
    set_up_entries: list[MockConfigEntry],  # noqa: F811 - the fixture
) -> None:
    """From the first question to the entry; the folders are made at the end, for this user alone."""
    dialog = await Dialog.add_library(hass)
    assert dialog.options == ["local", "socket", "url"]
    await dialog.choose("local")
    assert (dialog.step, dialog.errors, dialog.shown()) == ("local", {}, {})

    footage = tmp_path / "footage"
    await dialog.submit(footage_path=f" {footage} ", min_free_gb=50, max_gb=200, **ADVANCED)
    assert dialog.step == "profile"
    await dialog.submit(profile="missoula")
    assert dialog.step == "library"
    await dialog.submit(name=" Missoula Public Library ", cameras=11, mbit_s=4)

    assert dialog.step == "confirm_local"
    assert dialog.options == ["create", "library", "local"]
    assert dialog.values == {
        "library": "Missoula Public Library",
        "footage": str(footage),
        "index": str(footage / "recorder"),
        "filesystem": "ext4",
        "total_gb": "1000.0",
        "free_gb": "400.0",
        "usable_gb": "200.0",
        "cameras": "11",
        "mbit_s": "4",
        "gb_per_day": "475.2",
        "days": "0.4",
    }
    assert not footage.exists()
    await dialog.choose("create")

    assert dialog.created
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == "Missoula Public Library"
    assert entry.unique_id == f"local:{footage / 'recorder'}"
    assert entry.data == {
        "recorder": "local",
        "footage_path": str(footage),
        "index_path": str(footage / "recorder"),
        "min_free_gb": 50,
        "max_gb": 200,
        "profile": "missoula",
    }
    assert set_up_entries == [entry]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (footage, footage / "recorder")] == [0o700, 0o700]


async def test_the_summary_leads_back_to_every_form(hass: HomeAssistant, tmp_path: Path) -> None:
    """What was typed stands there again, and the estimate follows the change. No limit is None, never zero."""
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=str(tmp_path / "a"), min_free_gb=50, max_gb=100, **ADVANCED)
    await dialog.submit(profile="hanson")
    await dialog.submit(name="Hanson", cameras=5, mbit_s=2.5)
    assert dialog.values["days"] == "0.7"

    await dialog.choose("library")
    assert dialog.shown() == {"name": "Hanson", "cameras": 5, "mbit_s": 2.5}
    await dialog.submit(name="Hanson Public Library", cameras=1, mbit_s=1)
    assert (await dialog.look_again()).values["days"] == "9.3"

    await dialog.choose("local")
    assert dialog.shown() == {"footage_path": str(tmp_path / "a"), "min_free_gb": 50, "max_gb": 100}
    index = tmp_path / "index"
    await dialog.submit(footage_path=str(tmp_path / "b"), min_free_gb=50, advanced={"index_path": str(index)})
    assert dialog.shown() == {"profile": "hanson"}
    await dialog.submit(profile="arapahoe")
    await dialog.submit(**dialog.shown())
    assert dialog.values["usable_gb"] == "350.0"
    assert dialog.values["days"] == "32"
    await dialog.choose("create")

    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == "Hanson Public Library"
    assert entry.data == {
        "recorder": "local",
        "footage_path": str(tmp_path / "b"),
        "index_path": str(index),
        "min_free_gb": 50,
        "max_gb": None,
        "profile": "arapahoe",
    }
    assert not (tmp_path / "a").exists()
    assert index.is_dir()


@pytest.mark.parametrize(
    ("form", "errors", "values"),
    [
        ({"name": "  "}, {"name": "name_required"}, {}),
        ({"name": "x" * 257}, {"name": "name_unusable"}, {"most": "256"}),
        ({"cameras": 0}, {"cameras": "cameras_out_of_range"}, {"most": "1000"}),
        ({"cameras": 1.5}, {"cameras": "cameras_out_of_range"}, {"most": "1000"}),
        ({"cameras": 1001}, {"cameras": "cameras_out_of_range"}, {"most": "1000"}),
        ({"mbit_s": 0}, {"mbit_s": "mbit_s_out_of_range"}, {"most": "1000"}),
        ({"mbit_s": float("inf")}, {"mbit_s": "mbit_s_out_of_range"}, {"most": "1000"}),
    ],
)
async def test_names_and_figures_that_no_library_has(
    hass: HomeAssistant, tmp_path: Path, form: dict[str, object], errors: dict[str, str], values: dict[str, str]
) -> None:
    """They are refused at their field, and the dialog goes on from there."""
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=str(tmp_path / "x"), min_free_gb=10, **ADVANCED)
    await dialog.submit(profile="arapahoe")
    good = {"name": "Arapahoe", "cameras": 3, "mbit_s": 4}
    await dialog.submit(**(good | form))
    assert (dialog.step, dialog.errors, dialog.values) == ("library", errors, values)
    await dialog.submit(**good)
    assert dialog.step == "confirm_local"
    assert hass.config_entries.async_entries(DOMAIN) == []


async def test_two_dialogs_for_one_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """The second one ends while the first is open."""
    form = {"footage_path": str(tmp_path / "footage"), "min_free_gb": 10, **ADVANCED}
    await (await Dialog.add_library(hass, "local")).submit(**form)
    second = await (await Dialog.add_library(hass, "local")).submit(**form)
    assert second.abort_reason == "already_in_progress"
