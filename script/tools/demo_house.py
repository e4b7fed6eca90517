"""A whole library on this machine: simulated cameras, a real Home Assistant, its users, the integration set up in it.

Everything is done as people do it: over Home Assistant's onboarding, its config flows and its API.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from custom_components.library_surveillance.socket_path import socket_path
from recorder_core.api.client import RecorderClient
from recorder_core.models import CameraState, RecorderStatus
from recorder_core.simulator.presets import LIBRARIES

from .demo_cameras import DemoCamera, simulated
from .demo_furnish import DOMAIN, add_delivery_folder, entity_ids, furnish, put_into_areas
from .demo_people import HOUSES, PASSWORD
from .demo_policy import POLICIES
from .demo_story import install_automation
from .ha_api import HomeAssistantApi
from .ha_process import HomeAssistantError, HomeAssistantProcess
from .looking import until
from .places import remove_folder
from .processes import end_with_argument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from recorder_core.models import LedgerKind

    from .ha_api import Json

RECORDING_LIMIT_S: Final = 60.0
ADDING_LIMIT_S: Final = 30.0
_ENTRY_FLOW: Final = "/api/config/config_entries/flow"
_SUBENTRY_FLOW: Final = "/api/config/config_entries/subentries/flow"


@dataclass(slots=True)
class RunningHouse:
    """What runs."""

    folder: Path
    home_assistant: HomeAssistantProcess
    api: HomeAssistantApi
    cameras: list[DemoCamera]
    camera_ids: dict[str, str] = field(default_factory=dict)
    """A simulated camera's name → its id in the recorder, which is that of its subentry."""

    @property
    def footage(self) -> Path:
        """The volume."""
        return self.folder / "footage"

    @property
    def recorder_folder(self) -> Path:
        """Where the recorder has its index, its key and its log."""
        return self.footage / "recorder"

    @property
    def records_desk(self) -> Path:
        """The delivery folder."""
        return self.folder / "records-desk"

    def files_of(self, camera: DemoCamera) -> list[Path]:
        """Return a camera's stored files, the oldest first; its folder has its id, and their names sort by time."""
        return sorted((self.footage / "cameras" / self.camera_ids[camera.name]).rglob("*.mp4"))

    def recorder(self) -> RecorderClient:
        """Return a client of the recorder that Home Assistant started."""
        return RecorderClient(socket=socket_path(self.recorder_folder))

    async def told(self, kind: LedgerKind) -> list[Json]:
        """Return what the ledger's entries of a kind say, the oldest first."""
        async with self.recorder() as recorder:
            page = await recorder.ledger()
        return [json.loads(entry.body) for entry in page.entries if entry.kind is kind]

    async def close(self) -> None:
        """End Home Assistant, then the recorder, which outlives it, and wait until its files are closed.

        A recorder that does not answer yet is found by its command line.
        """
        await self.home_assistant.stop()
        await asyncio.to_thread(end_with_argument, str(self.recorder_folder))


@contextlib.asynccontextmanager
async def open_house(library: str, folder: Path, port: int, say: Callable[[str], None]) -> AsyncIterator[RunningHouse]:
    """Bring everything up, and down again in the end: Home Assistant, then the recorder, then the cameras.

    The folder goes with it, but after a failure it stays, for it holds the logs.
    """
    house, title = HOUSES[library], LIBRARIES[library].title
    home_assistant = HomeAssistantProcess(folder / "config", port)
    async with contextlib.AsyncExitStack() as stack:
        stack.push(lambda kind, *_: _clear(folder, say, failed=kind is not None))
        say(f"Starting the cameras of {title} …")
        cameras = stack.enter_context(simulated(library))
        say("Starting Home Assistant …")
        home_assistant.prepare(title, house.time_zone)
        api = await stack.enter_async_context(HomeAssistantApi(home_assistant.url))
        running = RunningHouse(folder, home_assistant, api, cameras)
        stack.push_async_callback(running.close)
        await home_assistant.start()
        await api.onboard(house.owner.name, house.owner.username, PASSWORD)
        for person in house.people:
            await api.add_user(person.name, person.username, PASSWORD)
        await _set_up(running, library, title, say)
        yield running


def _clear(folder: Path, say: Callable[[str], None], *, failed: bool) -> None:
    """Remove the folder; after a failure say where the logs are. What fails because somebody ends it all is none."""
    task = asyncio.current_task()
    if failed and not (task is not None and task.cancelling()):
        say(f"The logs are {folder}/config/console.log and {folder}/footage/recorder/logs/recorder.log.")
    else:
        remove_folder(folder)


async def wait_until_recording(house: RunningHouse, say: Callable[[str], None]) -> RecorderStatus:
    """Wait until every camera is recorded, telling of the progress.

    Raises `HomeAssistantError` with those that are not in the end.
    """
    deadline = asyncio.get_running_loop().time() + RECORDING_LIMIT_S
    told = -1
    async with house.recorder() as recorder:
        while True:
            status = await recorder.status()
            idle = [camera for camera in status.cameras if camera.state is not CameraState.RECORDING]
            if (count := len(status.cameras) - len(idle)) != told:
                told = count
                say(f"Recording {count} of {len(house.cameras)} cameras")
            if not idle and count == len(house.cameras):
                return status
            if asyncio.get_running_loop().time() > deadline:
                words = ", ".join(f"{camera.name} ({camera.problem or camera.state})" for camera in idle)
                raise HomeAssistantError(f"not recorded after {RECORDING_LIMIT_S:.0f} s: {words}")
            await asyncio.sleep(0.5)


async def _set_up(house: RunningHouse, library: str, name: str, say: Callable[[str], None]) -> None:
    """Go through the config flow for the library, and through the subentry flow for each camera."""
    entry = await house.api.walk_flow(
        _ENTRY_FLOW,
        DOMAIN,
        {
            "user": {"next_step_id": "local"},
            "local": {"footage_path": str(house.footage), "min_free_gb": 1, "advanced": {}},
            "profile": {"profile": library},
            "library": {"name": name, "cameras": len(house.cameras), "mbit_s": 1},
            "confirm_local": {"next_step_id": "create"},
        },
    )
    entry_id = entry["result"]["entry_id"]
    for number, camera in enumerate(house.cameras):
        say(f"Adding {camera.title} ({number + 1} of {len(house.cameras)})")
        await house.api.walk_flow(
            _SUBENTRY_FLOW,
            [entry_id, "camera"],
            {
                "user": {
                    "name": camera.title,
                    "url": camera.url,
                    **({"username": camera.username, "password": camera.password} if camera.username else {}),
                    "expose_video": camera.area in HOUSES[library].exposed,
                    "retention": dict(POLICIES[library].rules),
                    "advanced": {"source": "auto", "verify_ssl": True},
                },
                "trial": {"next_step_id": "save"},
            },
        )
        house.camera_ids[camera.name] = await _wait_until_added(house, entry_id, camera.title)
    areas = {
        camera_id: camera.area or name
        for camera, camera_id in zip(house.cameras, house.camera_ids.values(), strict=True)
    }
    await put_into_areas(house.api, areas)
    house.records_desk.mkdir()
    await add_delivery_folder(house.api, entry_id, house.records_desk)
    await install_automation(house, library)
    await furnish(house.api, name, entry_id, areas, POLICIES[library].words)


async def _wait_until_added(house: RunningHouse, entry_id: str, title: str) -> str:
    """Wait until Home Assistant has made a new camera's entities; return the camera's id."""

    async def look() -> str | None:
        subentries = await house.api.command("config_entries/subentries/list", entry_id=entry_id)
        camera_id = next(str(one["subentry_id"]) for one in subentries if one["title"] == title)
        entry = await house.api.command("config_entries/get_single", entry_id=entry_id)
        loaded = entry["config_entry"]["state"] == "loaded"
        return camera_id if loaded and f"{camera_id}_camera" in await entity_ids(house.api) else None

    return await until(look, ADDING_LIMIT_S, f"the entities of {title}")
