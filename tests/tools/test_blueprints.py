"""The blueprints: Home Assistant takes each of them, and an automation made from it does what it promises."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.library_surveillance.services.action import opaque_id

if TYPE_CHECKING:
    from freezegun.api import FrozenDateTimeFactory
    from homeassistant.core import HomeAssistant

FOLDER = Path(__file__).parents[2] / "blueprints" / "automation" / "library_surveillance"
NAMES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture
def installed(hass: HomeAssistant, tmp_path: Path) -> None:
    """Put the blueprints where Home Assistant looks for them."""
    hass.config.config_dir = str(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "blueprints" / "automation" / "library_surveillance")


@pytest.mark.usefixtures("installed")
async def test_a_problem_is_told_after_patience_and_its_end_too(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """A short hiccup is nobody's business; a lasting one is told once, with camera and reason, and so is its end.

    One that begins while the recorder is away is told once it is seen.
    """
    entry = MockConfigEntry(domain="library_surveillance")
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("library_surveillance", "deck")}, name="Café deck"
    )
    sensor = er.async_get(hass).async_get_or_create(
        "binary_sensor", "library_surveillance", "deck_recording_problem", config_entry=entry, device_id=device.id
    )
    told = async_mock_service(hass, "notify", "staff")
    tell = {
        "action": "notify.staff",
        "data": {"title": "{{ title }}", "message": "{{ message }}", "data": {"solved": "{{ solved }}"}},
    }
    hass.states.async_set(sensor.entity_id, "off")
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "use_blueprint": {
                    "path": "library_surveillance/recording_problem.yaml",
                    "input": {"cameras": [sensor.entity_id], "patience": {"minutes": 2}, "tell": [tell]},
                }
            }
        },
    )
    await hass.async_block_till_done()

    async def told_after(seconds: int) -> list[dict[str, object]]:
        freezer.tick(seconds)
        async_fire_time_changed(hass)
        await hass.async_block_till_done()
        return [dict(call.data) for call in told]

    hass.states.async_set(sensor.entity_id, "on", {"reason": "stalled"})
    assert await told_after(60) == []
    hass.states.async_set(sensor.entity_id, "off", {"reason": "none"})
    assert await told_after(300) == []

    hass.states.async_set(sensor.entity_id, "on", {"reason": "connection_lost"})
    problem = {
        "title": "Camera not recorded",
        "message": "Café deck is not recorded (connection lost).",
        "data": {"solved": False},
    }
    assert await told_after(121) == [problem]
    hass.states.async_set(sensor.entity_id, "off", {"reason": "none"})
    solved = {"title": "Camera recorded again", "message": "Café deck is recorded again.", "data": {"solved": True}}
    assert await told_after(1) == [problem, solved]

    hass.states.async_set(sensor.entity_id, "unavailable")
    assert await told_after(600) == [problem, solved]
    hass.states.async_set(sensor.entity_id, "on", {"reason": "connection_lost"})
    assert await told_after(121) == [problem, solved, problem]


@pytest.mark.usefixtures("installed")
async def test_footage_is_held_once_for_one_happening(hass: HomeAssistant) -> None:
    """Two triggers of one change lead to calls with one key; the next change has another. No name is in a key."""
    placed = {"hold_id": "8d1f0b7c", "created": True}
    held = async_mock_service(hass, "library_surveillance", "place_hold", response={"holds": [placed]})
    told = async_mock_service(hass, "notify", "staff")
    hass.states.async_set("siren.lobby", "off")
    siren = {"trigger": "state", "entity_id": "siren.lobby", "to": "on"}
    inputs = {
        "happening": [siren, {**siren, "id": "the same once more"}],
        "cameras": {"area_id": "lobby"},
        "before": {"minutes": 10},
        "then": [{"action": "notify.staff", "data": {"message": "{{ hold_ids }} {{ created }}"}}],
    }
    blueprint = {"path": "library_surveillance/hold_footage.yaml", "input": inputs}
    assert await async_setup_component(
        hass, "automation", {"automation": {"alias": "Ada Lovelace fell", "use_blueprint": blueprint}}
    )
    await hass.async_block_till_done()

    for state in ("on", "off", "on"):
        hass.states.async_set("siren.lobby", state)
        await hass.async_block_till_done()

    assert [call.data["message"] for call in told] == ["['8d1f0b7c'] True"] * 4
    first, same, second, _ = [dict(call.data) for call in held]
    assert first["key"] == same["key"]
    assert first["key"] != second["key"]
    assert "lovelace" not in first["key"]
    assert opaque_id(first["key"]) == first["key"]
    assert (first["area_id"], first["kind"]) == (["lobby"], "incident")
    assert (first["pre_roll"], first["duration"]) == ({"minutes": 10}, {"minutes": 45})
    review = datetime.fromisoformat(first["review"]) - dt_util.utcnow()
    assert timedelta(days=29) < review < timedelta(days=31)


def test_every_blueprint_has_a_test() -> None:
    """A new blueprint comes with the story that it tells."""
    assert NAMES == ["hold_footage.yaml", "recording_problem.yaml"]
