"""What happens in the demonstration's library: a press on the button at the desk, two requests, and what they lead to.

Everything goes through Home Assistant: the blueprint as its page would import it, holds and exports by the actions.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from .dashboard_footage import BUTTON, RECORDS_DESK
from .demo_furnish import DOMAIN, entity_ids
from .demo_policy import POLICIES
from .ha_process import ROOT, HomeAssistantError
from .looking import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .demo_cameras import DemoCamera
    from .demo_house import RunningHouse
    from .ha_api import Json

AUTOMATION: Final = "keep_footage"
TRIGGERS: Final = 2
"""How many triggers of the automation see one press on the button."""
FOOTAGE_S: Final = 15.0
"""So long all cameras record before the story's requests ask for that footage."""

_BLUEPRINT: Final = "library_surveillance/hold_footage.yaml"
_HOLD_LIMIT_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the actions answered."""

    holds: list[Json]
    clip: Json
    still: Json
    package: Json
    packed: Json
    """What was asked of the action for the package."""
    forecasts: list[Json]


async def install_automation(house: RunningHouse, library: str) -> None:
    """Make a button, and the automation that holds the incident area's footage when somebody presses it.

    Two triggers see the same press, as happens to people who watch a button and an alarm that it sets off.
    """
    text = (ROOT / "blueprints" / "automation" / _BLUEPRINT).read_text()
    await house.api.command("blueprint/save", domain="automation", path=_BLUEPRINT, yaml=text)
    await house.api.command("input_button/create", name="Keep footage", icon="mdi:alarm-light")
    areas = await house.api.command("config/area_registry/list")
    area = next(one["area_id"] for one in areas if one["name"] == POLICIES[library].incident_area)
    happening = [
        {"trigger": "state", "entity_id": BUTTON},
        {"trigger": "event", "event_type": "state_changed", "event_data": {"entity_id": BUTTON}},
    ]
    inputs = {"happening": happening, "cameras": {"area_id": [area]}, "review_days": 30}
    await house.api.request(
        "POST",
        f"/api/config/automation/config/{AUTOMATION}",
        {
            "alias": "Keep the footage of an incident",
            "use_blueprint": {"path": _BLUEPRINT, "input": inputs},
        },
    )


async def press(house: RunningHouse) -> Json:
    """Press the button; return the one hold that there is when the automation has run for all that saw it."""
    before = {run["run_id"] for run in await _runs(house)}
    await house.api.request("POST", "/api/services/input_button/press", {"entity_id": BUTTON})

    async def look() -> list[Json] | None:
        runs = [run for run in await _runs(house) if run["run_id"] not in before]
        return runs if len(runs) == TRIGGERS and all(run["state"] == "stopped" for run in runs) else None

    runs = await until(look, _HOLD_LIMIT_S, "the automation's end")
    failed = [run for run in runs if run["script_execution"] != "finished"]
    if failed:
        raise HomeAssistantError(f"the automation did not do what it should: {failed}")
    found = await holds(house)
    if len(found) != 1:
        raise HomeAssistantError(f"one press led to {len(found)} holds")
    return found[0]


async def _runs(house: RunningHouse) -> list[Json]:
    """Return the latest runs of the automation."""
    traces: list[Json] = await house.api.command("trace/list", domain="automation", item_id=AUTOMATION)
    return traces


async def holds(house: RunningHouse) -> list[Json]:
    """Return the active holds, the newest first."""
    found: list[Json] = (await house.api.call_action(f"{DOMAIN}.list_holds", {}))["holds"]
    return found


async def review(house: RunningHouse, hold_id: str, at: str) -> Json:
    """Say, as an administrator, that a hold stays and when it is looked at again; return it as it is then."""
    return await house.api.call_action(f"{DOMAIN}.review_hold", {"hold_id": hold_id, "review": at})


async def camera_entities(house: RunningHouse, cameras: Iterable[DemoCamera]) -> list[str]:
    """Return the camera entities of these cameras."""
    entities = await entity_ids(house.api)
    return [entities[f"{house.camera_ids[camera.name]}_camera"] for camera in cameras]


async def forecasts(house: RunningHouse, cameras: Iterable[DemoCamera], start: str, end: str) -> list[Json]:
    """Ask when the footage of these cameras in an interval will go."""
    target = {"entity_id": await camera_entities(house, cameras), "start": start, "end": end}
    found: list[Json] = (await house.api.call_action(f"{DOMAIN}.get_forecast", target))["forecasts"]
    return found


async def export_package(house: RunningHouse, asked: Json) -> Json:
    """Pack footage; return what the action answers."""
    return await house.api.call_action(f"{DOMAIN}.export_package", asked)


async def tell(house: RunningHouse, library: str, say: Callable[[str], None]) -> Story:
    """Let the story happen, in a house that records."""
    say("Something happens: a press on the button holds footage …")
    incident_hold = await press(house)
    await asyncio.sleep(FOOTAGE_S)
    now = time.time()
    start, end = iso(now - FOOTAGE_S), iso(now - 3)  # what was sent a moment ago is not all written yet
    area = POLICIES[library].incident_area
    incident = [camera for camera in house.cameras if camera.area == area]
    [first] = await camera_entities(house, incident[:1])
    [other] = await camera_entities(house, [camera for camera in house.cameras if camera.area != area][:1])
    say("Two requests come in: their footage is held, and packed as evidence …")
    for target, more in (
        (first, {"kind": "request", "case_id": "R-2026-31", "end": end, "review": iso(now + 10)}),
        (other, {"kind": "legal", "case_id": "CV-2026-0117", "expires": iso(now + 365 * 86_400)}),
    ):
        data = {"entity_id": target, "start": start, "pre_roll": "00:10:00", "key": f"demo-{more['case_id']}", **more}
        await house.api.call_action(f"{DOMAIN}.place_hold", data)
    await review(house, incident_hold["hold_id"], iso(now + 60 * 86_400))
    interval = {"start": start, "end": end}
    package: Json = {
        "entity_id": await camera_entities(house, incident),
        "request_id": "R-2026-31",
        "basis": "police-report-26-4711",
        "deliver_to": RECORDS_DESK,
        **interval,
    }
    anew = {"start_mode": "reencode_first_gop"}
    return Story(
        package=await export_package(house, package),
        packed=package,
        clip=await house.api.call_action(f"{DOMAIN}.export_clip", {"entity_id": first, **anew, **interval}),
        still=await house.api.call_action(f"{DOMAIN}.export_still", {"entity_id": first, "at": iso(now - 5)}),
        holds=await holds(house),
        forecasts=await forecasts(house, house.cameras, **interval),
    )


def iso(seconds: float) -> str:
    """Return a Unix time as actions take it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
