"""A filled-in form of a camera, and what the dialogs' tests do with it."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from custom_components.library_surveillance.cameras import camera_subentries

from .dialog import Dialog

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigSubentry
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry

    from .standing_recorder import StandingRecorder

type Standing = tuple[StandingRecorder, MockConfigEntry]

PASSWORD = "correct horse"  # noqa: S105 - of a camera that does not exist
URL = "rtsp://192.168.1.20/stream1"
ADVANCED = {"source": "auto", "verify_ssl": True}
FORM = {"name": "Book drop north", "url": URL, "expose_video": False, "retention": {}, "advanced": ADVANCED}


def cameras(entry: MockConfigEntry) -> list[ConfigSubentry]:
    """Return the library's cameras as they are now; Home Assistant changes them in place."""
    return [copy(subentry) for subentry in camera_subentries(entry)]


async def add(hass: HomeAssistant, entry: MockConfigEntry, **form: object) -> ConfigSubentry:
    """Add a camera by the dialog and return it."""
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**(FORM | form))
    await dialog.choose("save")
    assert dialog.created
    await hass.async_block_till_done()
    return cameras(entry)[-1]
