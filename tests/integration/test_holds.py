"""Holds from Home Assistant, on a real recorder: what automations may do, what people may, who sees which words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.diagnostics import async_get_config_entry_diagnostics
from recorder_core.models import HoldKind, HoldState

from .library import (
    BACK,
    BACK_CAMERA,
    BACK_EVENTS,
    FRONT,
    FRONT_CAMERA,
    FRONT_EVENTS,
    Library,
    async_act,
    async_refusal,
    shown_issues,
)

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

    from recorder_core.simulator import Simulator

CASE = "CASE-2026-0117"


async def test_an_automation_holds_what_was_and_what_comes(
    hass: HomeAssistant, hass_admin_user: MockUser, recording: Library, cameras: Simulator
) -> None:
    """It does so once, for all cameras of an area; entities and figures follow; only an administrator lets go."""
    await cameras.wait_frames(FRONT, 40)
    area = ar.async_get(hass).async_create("Ground floor")
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), recording.entry.entry_id):
        dr.async_get(hass).async_update_device(device.id, area_id=area.id)
    er.async_get(hass).async_update_entity(BACK_CAMERA, hidden_by=er.RegistryEntryHider.USER)
    order = {
        "area_id": area.id,
        "pre_roll": {"seconds": 30},
        "duration": {"minutes": 5},
        "kind": "request",
        "case_id": CASE,
        "review": dt_util.utcnow() + timedelta(days=1),
        "key": "alarm-1",
    }

    [first] = (await async_act(hass, "place_hold", None, **order))["holds"]
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        shown = await recording.async_told(entity_id, "hold_placed")
        assert shown.attributes["hold_id"] == first["hold_id"]
        assert shown.attributes["start"] == first["start"]
    [again] = (await async_act(hass, "place_hold", None, **order))["holds"]

    assert (first["created"], again["created"]) == (True, False)
    assert first["hold_id"] == again["hold_id"]
    assert set(first["camera_ids"]) == {FRONT, BACK}
    assert set(first["entity_ids"]) == {FRONT_CAMERA, BACK_CAMERA}
    assert (first["state"], first["kind"], first["case_id"]) == ("active", "request", CASE)
    assert datetime.fromisoformat(first["end"]) - datetime.fromisoformat(first["start"]) == timedelta(seconds=330)
    assert first["held_bytes"] > 0
    async with recording.client() as client:
        [kept] = await client.holds()
    assert (kept.kind, kept.state, kept.placed_by) == (HoldKind.REQUEST, HoldState.ACTIVE, "")

    await recording.async_wait_for("sensor.riverside_library_active_holds", lambda state: state.state == "1")
    assert CASE not in str([state.as_dict() for state in hass.states.async_all()])
    assert CASE not in str(await async_get_config_entry_diagnostics(hass, recording.entry))

    assert [one["hold_id"] for one in (await async_act(hass, "list_holds"))["holds"]] == [first["hold_id"]]
    assert await async_refusal(hass, "release_hold", hold_id=first["hold_id"]) == "user_required"
    released = await async_act(hass, "release_hold", hass_admin_user, hold_id=first["hold_id"])
    assert (released["state"], released["hold_id"]) == ("released", first["hold_id"])
    assert await async_refusal(hass, "release_hold", hass_admin_user, hold_id=first["hold_id"]) == "hold_over"
    await recording.async_told(FRONT_EVENTS, "hold_released")
    await recording.async_wait_for("sensor.riverside_library_active_holds", lambda state: state.state == "0")
    assert await async_act(hass, "list_holds") == {"holds": [], "away": []}
    assert len((await async_act(hass, "list_holds", active=False))["holds"]) == 1


async def test_a_hold_says_who_placed_it_and_how_long_it_lasts(
    hass: HomeAssistant, hass_read_only_user: MockUser, library: Library
) -> None:
    """Everybody may place one; without an end it is open; times without a zone are Home Assistant's."""
    await hass.config.async_set_time_zone("America/Denver")
    await library.async_set_up()
    expires = dt_util.utcnow() + timedelta(days=2)

    [hold] = (
        await async_act(
            hass,
            "place_hold",
            hass_read_only_user,
            entity_id=FRONT_CAMERA,
            start="2026-01-02 03:04:05",
            expires=expires,
        )
    )["holds"]

    assert (hold["start"], hold["end"]) == ("2026-01-02T10:04:05+00:00", None)
    assert datetime.fromisoformat(hold["expires"]) == expires
    assert hold["held_bytes"] == 0
    assert hold["missing"] > 0
    async with library.client() as client:
        assert (await client.hold(hold["hold_id"])).placed_by == hass_read_only_user.id
    assert (
        await async_refusal(hass, "release_hold", hass_read_only_user, hold_id=hold["hold_id"])
        == "administrator_required"
    )
    await hass.auth.async_update_user(hass_read_only_user, is_active=False)
    assert await async_refusal(hass, "place_hold", hass_read_only_user, entity_id=FRONT_CAMERA) == "user_unknown"


async def test_targets(hass: HomeAssistant, hass_admin_user: MockUser, library: Library) -> None:
    """A label, the library's device, all, and an area of the entity's own, which wins over its device's.

    A camera whose entity somebody disabled is a camera still.
    """
    await library.async_set_up()
    devices, entities, areas = dr.async_get(hass), er.async_get(hass), ar.async_get(hass)
    recorder = devices.async_get_device_by_identifier((DOMAIN, library.entry.entry_id), library.entry.entry_id)
    front = devices.async_get_device_by_identifier((DOMAIN, FRONT), library.entry.entry_id)
    assert recorder is not None
    assert front is not None
    floor = fr.async_get(hass).async_create("First").floor_id
    doors, drops, quiet = (lr.async_get(hass).async_create(name).label_id for name in ("Doors", "Drops", "Quiet"))
    lobby, room = areas.async_create("Lobby"), areas.async_create("Reading room", floor_id=floor, labels={quiet})
    devices.async_update_device(front.id, area_id=lobby.id, labels={doors})
    entities.async_update_entity(
        BACK_CAMERA, name="Drop", area_id=room.id, labels={drops}, disabled_by=er.RegistryEntryDisabler.USER
    )

    for target, found in (
        ({"device_id": recorder.id}, {FRONT, BACK}),
        ({"device_id": front.id}, {FRONT}),
        ({"area_id": [lobby.id]}, {FRONT}),
        ({"label_id": doors}, {FRONT}),
        ({"label_id": drops}, {BACK}),
        ({"label_id": quiet}, {BACK}),
        ({"floor_id": floor}, {BACK}),
        ({"entity_id": "all"}, {FRONT, BACK}),
        ({"area_id": lobby.id, "entity_id": BACK_CAMERA}, {FRONT, BACK}),
    ):
        [hold] = (await async_act(hass, "place_hold", None, **target))["holds"]
        assert set(hold["camera_ids"]) == found, target

    for kind in ("area_id", "device_id", "floor_id", "label_id"):
        assert await async_refusal(hass, "place_hold", None, **{kind: "nowhere"}) == "target_unknown"
    attic = areas.async_create("Attic")
    assert await async_refusal(hass, "place_hold", area_id=attic.id) == "no_camera_targeted"
    assert await async_refusal(hass, "place_hold") == "no_camera_targeted"
    assert await async_refusal(hass, "place_hold", entity_id="switch.book_drop_recording") == "not_our_camera"
    assert await async_refusal(hass, "release_hold", hass_admin_user, hold_id="hold-0") == "unknown_hold"
    await hass.config_entries.async_unload(library.entry.entry_id)
    assert await async_refusal(hass, "place_hold", entity_id=FRONT_CAMERA) == "entry_not_loaded"
    assert await async_refusal(hass, "list_holds") == "no_library_loaded"


async def test_a_mistake_in_a_target_costs_the_rest_no_footage(hass: HomeAssistant, library: Library) -> None:
    """What can be held is held, and the call fails, also for a camera that its recorder never took."""
    hass.config_entries.async_update_subentry(library.entry, library.entry.subentries[BACK], title="x" * 257)
    await library.async_set_up()
    interval = {"start": "2026-01-02 03:04:05", "end": "2026-01-02 03:04:06"}

    for target, fault in (
        ({"entity_id": [FRONT_CAMERA, "camera.gone"]}, "camera.gone is not a camera"),
        ({"entity_id": FRONT_CAMERA, "area_id": "torn_down"}, "the id torn_down"),
        ({"entity_id": "all"}, f"There is no camera '{BACK}'"),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await async_act(hass, "place_hold", None, **target, **interval)
        assert raised.value.translation_key == "held_in_part"
        assert fault in str(raised.value)
        [hold, *_] = (await async_act(hass, "list_holds"))["holds"]
        assert hold["camera_ids"] == [FRONT]
        assert hold["hold_id"] in str(raised.value)
        with pytest.raises(ServiceValidationError):
            await async_act(hass, "get_forecast", None, **target, **interval)
    assert len((await async_act(hass, "list_holds"))["holds"]) == 3


async def test_words_about_people_reach_nobody(hass: HomeAssistant, library: Library) -> None:
    """What is no opaque id is refused before the call is told on the event bus, and not quoted."""
    await library.async_set_up()
    calls = async_capture_events(hass, EVENT_CALL_SERVICE)
    for field in ("case_id", "key"):
        for words in ("Ada Lovelace", "lovelace", "Ada 2", "x" * 64 + "1"):
            with pytest.raises(ServiceValidationError) as raised:
                await async_act(hass, "place_hold", None, entity_id=FRONT_CAMERA, **{field: words})
            assert raised.value.translation_key == "not_opaque"
            assert str(raised.value).startswith(f"{field} takes one word")
            assert words not in str(raised.value)
    assert calls == []


async def test_a_review_that_is_due_is_an_issue_until_the_hold_is_released(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """The recorder says so by itself, and each camera's event tells of it."""
    await library.async_set_up()
    order = {"entity_id": FRONT_CAMERA, "review": dt_util.utcnow() - timedelta(hours=1)}
    [hold] = (await async_act(hass, "place_hold", None, **order))["holds"]
    to_review = "sensor.riverside_library_holds_to_review"
    await library.async_wait_for(to_review, lambda state: state.state == "1")
    assert shown_issues(hass)["holds_to_review"] == {"library": "Riverside Library", "holds": "1"}
    await library.async_told(FRONT_EVENTS, "hold_review_due")

    await async_act(hass, "release_hold", hass_admin_user, hold_id=hold["hold_id"])
    await library.async_wait_for(to_review, lambda state: state.state == "0")
    assert "holds_to_review" not in shown_issues(hass)


async def test_a_recorder_that_fails_is_no_mistake_of_the_caller(hass: HomeAssistant, visited: Library) -> None:
    """Its error is told, and no other library's answer in its place."""
    await visited.async_set_up()
    with pytest.raises(HomeAssistantError) as raised:
        await async_act(hass, "list_holds")
    assert not isinstance(raised.value, ServiceValidationError)
    assert raised.value.translation_key == "internal_error"


async def test_intervals_that_make_no_sense(hass: HomeAssistant, library: Library) -> None:
    """Each refusal says what is wrong."""
    await library.async_set_up()
    now = dt_util.utcnow()
    intervals: dict[str, dict[str, object]] = {
        "end_or_duration": {"end": now, "duration": {"hours": 1}},
        "duration_too_long": {"duration": {"days": 999_999_999}},
        "roll_too_long": {"pre_roll": {"hours": 25}},
        "interval_inverted": {"start": now, "end": now - timedelta(hours=1)},
        "expired_already": {"expires": now - timedelta(seconds=1)},
        "bad_request": {"start": "1969-12-31 00:00:00+00:00"},
    }
    for key, interval in intervals.items():
        assert await async_refusal(hass, "place_hold", None, entity_id=FRONT_CAMERA, **interval) == key
    assert await async_act(hass, "list_holds", active=False) == {"holds": [], "away": []}


async def test_a_recorder_that_is_away_places_no_hold(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """Every action says so; none of it is the caller's mistake."""
    await library.async_set_up()
    async with library.client() as client:
        await client.shutdown()
    await library.async_wait_for("binary_sensor.riverside_library_recorder", lambda state: state.state == "off")
    now = dt_util.utcnow()
    for action, data in (
        ("place_hold", {"entity_id": FRONT_CAMERA}),
        ("list_holds", {}),
        ("review_hold", {"hold_id": "hold-1", "no_further_review": True}),
        ("release_hold", {"hold_id": "hold-1"}),
        ("remove_export", {"export_id": "export-1"}),
        ("get_forecast", {"entity_id": FRONT_CAMERA, "start": now, "end": now}),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await async_act(hass, action, hass_admin_user, **data)
        assert not isinstance(raised.value, ServiceValidationError)
        assert raised.value.translation_key == "recorder_unreachable"


async def test_when_footage_goes(hass: HomeAssistant, recording: Library, cameras: Simulator) -> None:
    """Under a rule of days it goes that many days after it was recorded; a hold keeps it for ever."""
    hass.config_entries.async_update_entry(recording.entry, options={"retention_days": 30})
    await hass.async_block_till_done()
    await cameras.wait_frames(FRONT, 40)
    switch = {"entity_id": "switch.front_entrance_recording"}
    await hass.services.async_call("switch", "turn_off", switch, blocking=True)
    now = dt_util.utcnow()
    asked = {"entity_id": FRONT_CAMERA, "start": now - timedelta(minutes=1), "end": now}

    [forecast] = (await async_act(hass, "get_forecast", None, **asked))["forecasts"]
    assert (forecast["camera_id"], forecast["entity_id"]) == (FRONT, FRONT_CAMERA)
    assert (forecast["rule"], forecast["held"]) == ("age", False)
    goes = datetime.fromisoformat(forecast["first"])
    assert timedelta(days=29, hours=23) < goes - now <= timedelta(days=30, minutes=30)

    await async_act(hass, "place_hold", entity_id=FRONT_CAMERA, start=asked["start"])
    [forecast] = (await async_act(hass, "get_forecast", None, **asked))["forecasts"]
    assert (forecast["first"], forecast["held"]) == (None, True)
