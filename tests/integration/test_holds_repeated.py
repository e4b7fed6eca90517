"""What happens once is held once, however often an automation is set off by it; what happens again is held again."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.library_surveillance.const import DOMAIN
from recorder_core.models import HoldKind

from .library import BACK, BACK_CAMERA, BACK_EVENTS, FRONT, FRONT_CAMERA, FRONT_EVENTS, Library

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

SIREN = "siren.lobby"
BLUEPRINTS = Path(__file__).parents[2] / "blueprints" / "automation" / "library_surveillance"


async def _async_hold(
    hass: HomeAssistant, context: Context | None, data: dict[str, object]
) -> dict[str, Any]:  # Any: the action's response
    order = {"entity_id": FRONT_CAMERA, **data}
    response = await hass.services.async_call(
        DOMAIN, "place_hold", order, blocking=True, return_response=True, context=context
    )
    assert response is not None
    [hold] = response["holds"]  # type: ignore[misc, str-unpack]  # the response's shape is the action's own
    assert isinstance(hold, dict)
    return hold


async def _async_kept(library: Library) -> list[set[str]]:
    """Return the cameras of all active holds, the oldest hold first."""
    async with library.client() as client:
        return [set(hold.camera_ids) for hold in reversed(await client.holds())]


async def test_an_automation_that_fires_twice_places_one_hold(hass: HomeAssistant, library: Library) -> None:
    """Two triggers of one change, and a script between, lead to one hold for each order; the next change to others."""
    await library.async_set_up()
    hass.states.async_set(SIREN, "off")
    order = {"action": f"{DOMAIN}.place_hold", "target": {"entity_id": FRONT_CAMERA}, "data": {"pre_roll": 60}}
    later = {**order, "data": {"start": "{{ now() - timedelta(hours=2) }}", "duration": 60, "kind": "other"}}
    assert await async_setup_component(hass, "script", {"script": {"keep": {"sequence": [order, later]}}})
    siren = {"trigger": "state", "entity_id": SIREN, "to": "on"}
    automation = {"triggers": [siren, siren], "mode": "parallel", "actions": [{"action": "script.keep"}]}
    assert await async_setup_component(hass, "automation", {"automation": [automation, automation]})
    await hass.async_block_till_done()

    hass.states.async_set(SIREN, "on")
    await hass.async_block_till_done()
    assert len(await _async_kept(library)) == 2

    hass.states.async_set(SIREN, "off")
    hass.states.async_set(SIREN, "on")
    await hass.async_block_till_done()
    assert len(await _async_kept(library)) == 4


async def test_the_blueprint_holds_footage_once_for_one_happening(
    hass: HomeAssistant, library: Library, tmp_path: Path
) -> None:
    """Two triggers of one change lead to one hold, the next change to another; every run does what is to come next."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints" / "automation" / "library_surveillance")
    hass.config.config_dir = str(tmp_path)
    await library.async_set_up()
    told = async_mock_service(hass, "notify", "staff")
    tell = {"action": "notify.staff", "data": {"message": "{{ hold_ids | count }} {{ created }}"}}
    hass.states.async_set(SIREN, "off")
    siren = {"trigger": "state", "entity_id": SIREN, "to": "on"}
    inputs = {
        "happening": [siren, {**siren, "id": "the same once more"}],
        "cameras": {"entity_id": "all"},
        "before": {"minutes": 10},
        "then": [tell],
    }
    blueprint = {"path": "library_surveillance/hold_footage.yaml", "input": inputs}
    assert await async_setup_component(
        hass, "automation", {"automation": [{"alias": "Ada Lovelace fell", "use_blueprint": blueprint}]}
    )
    await hass.async_block_till_done()

    for state in ("on", "off", "on"):
        hass.states.async_set(SIREN, state)
        await hass.async_block_till_done()

    assert sorted(call.data["message"] for call in told) == ["1 False", "1 False", "1 True", "1 True"]
    async with library.client() as client:
        holds = await client.holds()
    assert [set(hold.camera_ids) for hold in holds] == [{FRONT, BACK}] * 2
    for hold in holds:
        assert (hold.kind, "lovelace" in str(hold).lower()) == (HoldKind.INCIDENT, False)
        assert hold.end_us is not None
        assert hold.review_us is not None
        assert abs(hold.end_us - hold.start_us - 55 * 60_000_000) < 600_000_000
        assert abs(hold.review_us - hold.placed_us - 30 * 86_400_000_000) < 600_000_000


async def test_one_cause_that_asks_for_other_footage_gets_it(hass: HomeAssistant, library: Library) -> None:
    """A key that nobody gave never stands in for footage that is not held."""
    await library.async_set_up()
    now = dt_util.utcnow()

    async def hold(start: timedelta, **data: object) -> tuple[str, bool]:
        cause = Context(parent_id="01K9Z3J0ZC3V6X4N5Q8R7T2M1B")
        asked = {"start": now + start, "duration": {"hours": 1}, **data}
        held = await _async_hold(hass, cause, asked)
        assert datetime.fromisoformat(held["start"]) <= now + start
        assert datetime.fromisoformat(held["end"]) >= now + start + timedelta(hours=1)
        return held["hold_id"], held["created"]

    first, created = await hold(timedelta())
    assert created
    assert await hold(timedelta(seconds=5)) == (first, False)
    later, created = await hold(timedelta(days=1))
    assert created
    other, created = await hold(timedelta(), kind="legal")
    assert created
    assert len({first, later, other}) == 3


async def test_a_person_who_asks_twice_gets_two_holds(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """Each call of a person is meant."""
    await library.async_set_up()
    for _ in range(2):
        assert (await _async_hold(hass, Context(user_id=hass_admin_user.id), {}))["created"]


async def test_a_key_that_was_used_for_something_else_is_refused(hass: HomeAssistant, library: Library) -> None:
    """Else an automation with a fixed key would hold nothing from the second time on, and nobody would know."""
    await library.async_set_up()
    now = dt_util.utcnow()
    order: dict[str, object] = {"key": "alarm-1", "start": now, "duration": {"hours": 1}}
    hold = await _async_hold(hass, None, order)

    for other in ({"start": now + timedelta(days=1)}, {"kind": "legal"}):
        with pytest.raises(ServiceValidationError) as raised:
            await _async_hold(hass, None, {**order, **other})
        assert raised.value.translation_key == "key_taken"
    assert await _async_kept(library) == [{FRONT}]

    wider = await _async_hold(hass, None, {**order, "entity_id": [FRONT_CAMERA, BACK_CAMERA]})
    assert (wider["hold_id"], wider["created"]) == (hold["hold_id"], False)
    assert await _async_kept(library) == [{FRONT, BACK}]
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        await library.async_told(entity_id, "hold_widened")
