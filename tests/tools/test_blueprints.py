"""The blueprints: Home Assistant takes each of them, and an automation made from it does what it promises."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

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


def test_every_blueprint_has_a_test() -> None:
    """A new blueprint comes with the story that it tells; `tests/integration` tells that of holds."""
    assert NAMES == ["hold_footage.yaml", "recording_problem.yaml"]
