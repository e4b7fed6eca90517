"""Makes a freshly set up Home Assistant the library's: areas, a delivery folder, and the dashboard seen first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .dashboard import dashboard
from .dashboard_footage import RECORDS_DESK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .ha_api import HomeAssistantApi

DOMAIN: Final = "library_surveillance"
DASHBOARD: Final = "library-cameras"

_OPTIONS_FLOW: Final = "/api/config/config_entries/options/flow"


async def entity_ids(api: HomeAssistantApi) -> dict[str, str]:
    """Return the entity ids of the integration by unique id."""
    entries = await api.command("config/entity_registry/list")
    return {entry["unique_id"]: entry["entity_id"] for entry in entries if entry["platform"] == DOMAIN}


async def furnish(api: HomeAssistantApi, title: str, entry_id: str, areas: Mapping[str, str], policy: str) -> None:
    """Show all cameras and their footage on one dashboard.

    `areas` maps a camera's id to its area's name; `policy` says in words how long footage is kept.
    """
    entities = await entity_ids(api)

    names: dict[str, str] = {}
    for device in await api.command("config/device_registry/list"):
        names |= {camera_id: device["name"] for domain, camera_id in device["identifiers"] if domain == DOMAIN}

    def of(owner: str) -> dict[str, str]:
        """Return the entities of a camera or of the library by what they show."""
        return {name.removeprefix(f"{owner}_"): one for name, one in entities.items() if name.startswith(f"{owner}_")}

    cameras: dict[str, list[dict[str, str]]] = {}
    for camera_id, area in areas.items():
        cameras.setdefault(area, []).append({**of(camera_id), "title": names[camera_id]})
    await api.command(
        "lovelace/dashboards/create",
        url_path=DASHBOARD,
        title="Cameras",
        icon="mdi:cctv",
        mode="storage",
        show_in_sidebar=True,
        require_admin=False,
    )
    config = dashboard(title, cameras, of(entry_id), policy)
    await api.command("lovelace/config/save", url_path=DASHBOARD, config=config)
    await api.command("frontend/set_system_data", key="core", value={"default_panel": DASHBOARD})


async def put_into_areas(api: HomeAssistantApi, areas: Mapping[str, str]) -> None:
    """Replace the areas of a home, which Home Assistant begins with, by those of the library, and fill them.

    `areas` maps a camera's id to its area's name.
    """
    for area in await api.command("config/area_registry/list"):
        await api.command("config/area_registry/delete", area_id=area["area_id"])
    made = {
        name: (await api.command("config/area_registry/create", name=name))["area_id"]
        for name in dict.fromkeys(areas.values())
    }
    for device in await api.command("config/device_registry/list"):
        for domain, camera_id in device["identifiers"]:
            if domain == DOMAIN and camera_id in areas:
                await api.command(
                    "config/device_registry/update", device_id=device["id"], area_id=made[areas[camera_id]]
                )


async def add_delivery_folder(api: HomeAssistantApi, entry_id: str, folder: Path) -> None:
    """Name a folder in the library's options, so that it takes copies of exports."""
    steps = {
        "init": {"next_step_id": "add_delivery_folder"},
        "add_delivery_folder": {"name": RECORDS_DESK, "path": str(folder)},
    }
    await api.walk_flow(_OPTIONS_FLOW, entry_id, steps)
