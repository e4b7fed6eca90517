"""What the actions leave behind in Home Assistant: its database, its storage and its traces hold no secret and no word.

Everything is real: the recorder of history on a SQLite file, the stored traces of automations and scripts, the files
below `.storage`, a recorder that records. Marks that stand for secrets and people are searched for in every byte.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from homeassistant.components.camera.const import CameraState
from homeassistant.const import (
    CONF_PASSWORD,
    CONF_TOKEN,
    CONF_URL,
    CONF_USERNAME,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import Context
from homeassistant.helpers.recorder import async_initialize_recorder
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from custom_components.library_surveillance.const import CONF_PROFILE, CONF_RECORDER, DOMAIN, RecorderKind
from recorder_core.simulator import SimulatedCamera, Simulator, VideoSettings

from .library import BACK, FRONT, FRONT_CAMERA, Library, camera

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from homeassistant.core import HomeAssistant

USER = "zebra-account"
SECRETS = {
    "user name": USER,
    "password": "zebra/pass word",
    "password in an address": quote("zebra/pass word", safe=""),
    "path": "zebra-path",
    "query": "zebra-query",
    "token": "zebra-token-" + "t" * 40,
}
PERSON = "Zebra Lovelace"
DESK = "Records desk"
DATABASE = "home-assistant_v2.db"
TRACES = ".storage/trace.saved_traces"

# What an automation may do, and what only a person may.
ANYBODY = [
    {
        "action": f"{DOMAIN}.place_hold",
        "target": {"entity_id": "all"},
        "data": {"pre_roll": 60, "duration": 60, "case_id": "2026-0117", "review": "{{ now() + timedelta(days=9) }}"},
        "response_variable": "placed",
    },
    {"action": f"{DOMAIN}.list_holds", "response_variable": "listed"},
    {"action": f"{DOMAIN}.list_deliveries", "response_variable": "delivered"},
    {
        "action": f"{DOMAIN}.get_forecast",
        "target": {"entity_id": FRONT_CAMERA},
        "data": {"start": "{{ now() - timedelta(hours=1) }}", "end": "{{ now() }}"},
        "response_variable": "forecast",
    },
]
ADMINISTRATORS = [
    {
        "repeat": {
            "for_each": "{{ listed.holds | map(attribute='hold_id') | list }}",
            "sequence": [{"action": f"{DOMAIN}.release_hold", "data": {"hold_id": "{{ repeat.item }}"}}],
        }
    },
    {
        "action": f"{DOMAIN}.export_clip",
        "data": {"entity_id": FRONT_CAMERA, "start": "{{ start }}", "end": "{{ end }}"},
        "response_variable": "clip",
    },
    {
        "action": f"{DOMAIN}.export_still",
        "data": {"entity_id": FRONT_CAMERA, "at": "{{ start }}", "deliver_to": DESK},
        "response_variable": "still",
    },
    {
        "action": f"{DOMAIN}.remove_delivery",
        "data": {"delivery_id": "{{ still.delivery.delivery_id }}"},
        "response_variable": "taken",
    },
    {
        "action": f"{DOMAIN}.deliver_export",
        "data": {"export_id": "{{ still.export_id }}", "folder": DESK, "expires": "{{ now() + timedelta(hours=1) }}"},
        "response_variable": "copy",
    },
    {
        "action": f"{DOMAIN}.export_package",
        "target": {"entity_id": FRONT_CAMERA},
        "data": {"start": "{{ start }}", "end": "{{ end }}", "request_id": "R-2026-31", "basis": "2-6-1001"},
        "response_variable": "package",
    },
    {"action": f"{DOMAIN}.remove_export", "data": {"export_id": "{{ clip.export_id }}"}, "response_variable": "gone"},
]


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """A configuration folder of this test's own."""
    (tmp_path / ".storage").mkdir()
    return str(tmp_path)


@pytest.fixture
def hass_storage() -> dict[str, Any]:  # Any: the fixture's that is replaced
    """Let Home Assistant write its storage to real files, where the plugin's fixture keeps it in memory."""
    return {}


@pytest.fixture
async def guarded(hass: HomeAssistant, place: Path) -> AsyncIterator[Library]:
    """A library with secrets: one camera that is recorded, exposed too, and one that nobody can reach.

    Its history is recorded in a file, and there is a second library whose recorder, on the network, is away.
    """
    async_initialize_recorder(hass)
    history = {"db_url": f"sqlite:///{hass.config.path(DATABASE)}", "commit_interval": 0}
    assert await async_setup_component(hass, "recorder", {"recorder": history})
    assert await async_setup_component(hass, "logbook", {})
    data = {CONF_RECORDER: RecorderKind.URL.value, CONF_PROFILE: "missoula", CONF_TOKEN: SECRETS["token"]}
    away = MockConfigEntry(
        domain=DOMAIN, title="Branch", unique_id="branch", data={**data, CONF_URL: "https://127.0.0.1:1"}
    )
    away.add_to_hass(hass)
    secret = {CONF_USERNAME: USER, CONF_PASSWORD: SECRETS["password"]}
    video = VideoSettings(width=320, height=240, fps=10, gop=10)
    simulated = SimulatedCamera(
        FRONT, number=1, video=video, username=secret[CONF_USERNAME], password=secret[CONF_PASSWORD]
    )
    async with Simulator((simulated,)) as simulator:
        front = camera(FRONT, "Front entrance", simulator.url(FRONT), **secret, expose_video=True)
        back = camera(BACK, "Book drop", "rtsp://127.0.0.1:1/zebra-path?key=zebra-query", **secret)
        async with Library(hass, place, front, back) as library:
            desk = place / "desk"
            desk.mkdir()
            options = {"delivery_folders": [{"name": DESK, "path": str(desk)}]}
            hass.config_entries.async_update_entry(library.entry, options=options)
            await library.async_set_up()
            await library.async_wait_for(FRONT_CAMERA, lambda state: state.state == CameraState.RECORDING)
            await simulator.wait_frames(FRONT, 40)
            yield library


async def _async_written(hass: HomeAssistant) -> None:
    """Have Home Assistant write its history, its traces and all that it keeps back."""
    await hass.async_block_till_done()
    await async_wait_recording_done(hass)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    hass.config_entries._async_schedule_save()
    await flush_store(hass.config_entries._store)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()


def _places(hass: HomeAssistant, marks: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the files below the configuration folder that hold a mark, and which."""
    folder = Path(hass.config.config_dir)
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            if held := {name for name, mark in marks.items() if mark.lower().encode() in content}:
                found[str(path.relative_to(folder))] = held
    return found


def _holding(hass: HomeAssistant, text: str) -> set[str]:
    """Return the files that hold a text."""
    return set(_places(hass, {"it": text}))


@pytest.mark.usefixtures("guarded")
async def test_all_actions_leave_no_secret_and_no_person(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    """Secrets lie where Home Assistant keeps entries, people where it keeps users, and nowhere else."""
    person = await hass.auth.async_create_user(PERSON, group_ids=["system-admin"])
    every = {"id": "every", "alias": "Every action", "triggers": [{"trigger": "event", "event_type": "alarm"}]}
    assert await async_setup_component(hass, "automation", {"automation": [{**every, "actions": ANYBODY}]})
    script = {"keep": {"alias": "Keep", "sequence": [*ANYBODY, *ADMINISTRATORS]}}
    assert await async_setup_component(hass, "script", {"script": script})
    end = dt_util.utcnow() - timedelta(seconds=1)
    times = {"start": (end - timedelta(seconds=1)).isoformat(), "end": end.isoformat()}

    hass.bus.async_fire("alarm")
    await hass.async_block_till_done()
    context = Context(user_id=person.id)
    await hass.services.async_call("script", "keep", times, blocking=True, context=context)
    listed = await hass.services.async_call(
        DOMAIN, "list_holds", {"active": False}, blocking=True, return_response=True, context=context
    )
    assert listed is not None
    held: list[dict[str, Any]] = listed["holds"]  # type: ignore[assignment]  # Any: the action's response
    assert [hold["state"] for hold in held] == ["released", "released"]
    await _async_written(hass)

    for hold in held:
        assert {DATABASE, TRACES} <= _holding(hass, hold["hold_id"]), "what is looked at is where it would be"
    for made in ("remove_export", "r-2026-31", "export_package", "remove_delivery", "deliver_export", DESK):
        assert {DATABASE, TRACES} <= _holding(hass, made)
    assert _places(hass, SECRETS | {"person": PERSON}) == {
        ".storage/core.config_entries": set(SECRETS) - {"password in an address"},
        ".storage/auth": {"person"},
    }
    told = caplog.text.lower()
    assert [name for name, mark in SECRETS.items() if mark.lower() in told] == []


@pytest.mark.usefixtures("guarded")
async def test_words_that_were_refused_are_in_the_trace_of_who_wrote_them_only(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant notes what an automation is about to ask for; nothing else ever sees it."""
    words = {"case_id": "{{ 'Zebra' ~ ' Lovelace' }}"}
    target = {"entity_id": FRONT_CAMERA}
    actions = [{"action": f"{DOMAIN}.place_hold", "target": target, "data": words}]
    triggers = [{"trigger": "event", "event_type": "alarm"}]
    automation = {"id": "careless", "alias": "Careless", "triggers": triggers, "actions": actions}
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    hass.bus.async_fire("alarm")
    await _async_written(hass)

    assert "case_id takes one word" in caplog.text
    assert PERSON.lower() not in caplog.text.lower()
    assert _holding(hass, PERSON) == {TRACES}
