"""The dashboard of the demonstration shows entities that the integration makes, and no other ones."""

from __future__ import annotations

import json
import re

from custom_components.library_surveillance import binary_sensor, event, sensor
from script.tools.dashboard import dashboard

CAMERA = [
    "camera",
    event.FOOTAGE.key,
    *(one.key for one in (*sensor.CAMERA_SENSORS, *binary_sensor.CAMERA_SENSORS)),
]
LIBRARY = [binary_sensor.RECORDER.key, *(one.key for one in sensor.RECORDER_SENSORS)]


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
    for key in ("holds", "holds_to_review", "days_until_full", "storage_used", "storage_free", "export_progress"):
        assert library[key] in ids
    assert "Kept for 30 days." in text
    assert [view["path"] for view in shown["views"]] == ["cameras", "footage"]
