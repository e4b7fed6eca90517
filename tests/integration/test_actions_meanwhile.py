"""Actions that meet something else: a library that is loaded anew because somebody changed it, a recorder that goes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from recorder_core.models import (
    Delivery,
    DeliveryFolder,
    DeliveryRequest,
    ExportFile,
    ExportJob,
    ExportRequest,
    ExportState,
)
from recorder_core.service.delivery_care import planned

from .library import FRONT, FRONT_CAMERA, Library, async_act, async_refused
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

EXPORT_ID = "export-1"
CLIP = ExportFile(path="/srv/clip.mp4", sha256="", size=1, start_us=0, end_us=1, duration_us=1, frames=1, lead_in_us=0)
INTERVAL = {"start": "2026-01-02 03:04:05", "end": "2026-01-02 03:04:06"}
DELIVERY = {"export_id": EXPORT_ID, "folder": "Records desk"}


class Slow(StandingRecorder):
    """Its exports and copies are made when the test says so."""

    def __post_init__(self) -> None:
        """Begin with nobody waiting."""
        super().__post_init__()
        self.awaited = asyncio.Event()
        self.made = asyncio.Event()

    @property
    def exporting(self) -> Slow:
        """Let it answer for exports itself."""
        return self

    @property
    def deliveries(self) -> Slow:
        """Let it answer for copies itself."""
        return self

    async def submit(self, request: ExportRequest) -> ExportJob:
        """Take an order."""
        return self._job(request.camera_id, ExportState.QUEUED)

    async def job(self, export_id: str, wait_s: float) -> ExportJob:
        """Return an export, made if somebody waits for that."""
        assert export_id == EXPORT_ID
        if wait_s:
            await self._make()
        return self._job(FRONT, ExportState.DONE)

    async def deliver(self, export_id: str, request: DeliveryRequest) -> Delivery:
        """Copy it."""
        await self._make()
        desk = DeliveryFolder(name=request.folder, path="/srv/desk")
        return planned("delivery-1", await self.job(export_id, 0), desk, 0, 1)

    async def _make(self) -> None:
        self.awaited.set()
        await self.made.wait()

    def _job(self, camera_id: str, state: ExportState) -> ExportJob:
        return ExportJob(export_id=EXPORT_ID, camera_id=camera_id, start_us=0, end_us=1, state=state, files=[CLIP])


@pytest.mark.parametrize(
    ("action", "data"), [("export_clip", {"entity_id": FRONT_CAMERA, **INTERVAL}), ("deliver_export", DELIVERY)]
)
async def test_what_takes_long_goes_on(
    hass: HomeAssistant, hass_admin_user: MockUser, place: Path, action: str, data: dict[str, str]
) -> None:
    """Who asked gets an answer, although somebody changed the library and its entry is another one by now."""
    recorder, socket = Slow(), place / "standing.sock"
    async with serving(recorder, socket=socket), Library(hass, place, socket=socket) as library:
        await library.async_set_up()
        asked = hass.async_create_task(async_act(hass, action, hass_admin_user, **data))
        await recorder.awaited.wait()
        await hass.config_entries.async_reload(library.entry.entry_id)
        assert library.loaded
        recorder.made.set()
        assert (await asked)["export_id"] == EXPORT_ID


async def test_what_comes_while_a_library_is_loaded_anew_waits(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """An alarm may come while somebody saves a camera: its hold begins when it came, and lists lack nobody."""
    await library.async_set_up()
    for action, data in (
        ("place_hold", {"entity_id": FRONT_CAMERA}),
        ("list_holds", {}),
        ("get_forecast", {"entity_id": FRONT_CAMERA, **INTERVAL}),
    ):
        hass.config_entries.async_schedule_reload(library.entry.entry_id)
        state: ConfigEntryState = library.entry.state
        assert state is ConfigEntryState.UNLOAD_IN_PROGRESS
        asked = hass.async_create_task(async_act(hass, action, hass_admin_user, **data))
        waits_since = dt_util.utcnow()
        response = await asked
        assert library.loaded
        for hold in response.get("holds", ()):
            assert datetime.fromisoformat(hold["start"]) <= waits_since
        assert not response.get("away")


async def test_an_export_whose_recorder_goes_is_named(
    hass: HomeAssistant, hass_admin_user: MockUser, place: Path
) -> None:
    """It goes on without whoever asked for it; what cannot be ordered has no name."""
    recorder, socket = Slow(), place / "standing.sock"
    order = {"entity_id": FRONT_CAMERA, **INTERVAL}
    async with Library(hass, place, socket=socket) as library:
        async with serving(recorder, socket=socket):
            await library.async_set_up()
            asked = hass.async_create_task(async_act(hass, "export_clip", hass_admin_user, **order))
            await recorder.awaited.wait()
        with pytest.raises(HomeAssistantError, match=f"while the export {EXPORT_ID} was made") as raised:
            await asked
        assert raised.value.translation_key == "export_out_of_sight"
        refused = await async_refused(hass, "export_clip", hass_admin_user, **order)
        assert refused.translation_key == "recorder_unreachable"
