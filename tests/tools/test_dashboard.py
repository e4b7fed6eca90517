"""The dashboard of the demonstration shows entities that the integration makes, and no other ones."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from homeassistant.helpers.template import Template

from custom_components.library_surveillance import binary_sensor, event, sensor
from script.tools.dashboard import dashboard
from script.tools.dashboard_footage import footage_view

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

CAMERA = [
    "camera",
    event.FOOTAGE.key,
    *(one.key for one in (*sensor.CAMERA_SENSORS, *binary_sensor.CAMERA_SENSORS)),
]
LIBRARY = [binary_sensor.RECORDER.key, event.ROOM.key, *(one.key for one in sensor.RECORDER_SENSORS)]


def test_shows_every_camera_and_only_what_there_is() -> None:
    """Each entity's id is filled into tiles and templates; nothing is left to be filled in."""
    cameras = [{key: f"sensor.{name}_{key}" for key in CAMERA} | {"title": name} for name in ("north", "south")]
    library = {key: f"sensor.library_{key}" for key in LIBRARY}
    shown = dashboard("Library", {"Lot": cameras[:1], "Garage": cameras[1:]}, library, "Kept for 30 days.")
    text = json.dumps(shown)
    ids = set(re.findall(r"sensor\.\w+", text))
    assert ids <= {*library.values(), *(one for camera in cameras for one in camera.values())}
    for camera in cameras:
        for key in ("camera", "footage", "achieved_days", "held_footage", "oldest_footage", "gap_today", "state"):
            assert camera[key] in ids
    for key in (
        "holds",
        "holds_to_review",
        "days_until_full",
        "storage_used",
        "storage_free",
        "export_progress",
        "room",
    ):
        assert library[key] in ids
    assert "Kept for 30 days." in text
    assert [view["path"] for view in shown["views"]] == ["cameras", "footage"]


async def test_what_is_not_known_yet_is_a_dash(hass: HomeAssistant) -> None:
    """Neither an empty cell nor a date of 1970; what is known is shown with its unit. A phone sees fewer columns."""
    await hass.config.async_set_time_zone("America/Denver")
    camera = {key: f"sensor.north_{key}" for key in CAMERA} | {"title": "North"}
    view = footage_view([camera], {key: f"sensor.library_{key}" for key in LIBRARY}, "Kept.")
    whole, on_a_phone = (
        Template(card["content"], hass)
        for section in view["sections"]
        for card in section["cards"]
        if "<table" in card.get("content", "")
    )

    def cells(table: Template) -> list[str]:
        return re.findall(r"<td[^>]*>(?!<b>)(.*?)</td>", str(table.async_render()))

    assert cells(whole) == ["North", *["—"] * 5]
    hass.states.async_set(camera["oldest_footage"], "2026-11-21T21:05:00+00:00")
    hass.states.async_set(camera["achieved_days"], "unknown")
    hass.states.async_set(camera["held_footage"], "0.0216", {"unit_of_measurement": "GB"})
    hass.states.async_set(camera["gap_today"], "3", {"unit_of_measurement": "s"})
    assert cells(whole) == ["North", "Nov&nbsp;21,&nbsp;14:05", "—", "—", "22&nbsp;MB", "3 s"]
    assert cells(on_a_phone) == ["North", "Nov&nbsp;21,&nbsp;14:05", "—", "3 s"]
