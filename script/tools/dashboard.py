"""The dashboard of the demonstration: the pictures of all cameras, and how their recording goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

type Card = dict[str, Any]
"""Any: a card's options are as deep as Home Assistant's frontend defines them."""


def dashboard(title: str, areas: Mapping[str, Sequence[Mapping[str, str]]], library: Mapping[str, str]) -> Card:
    """Return a dashboard with a section for each area.

    `areas` maps an area to its cameras, each a map from an entity's key (`camera`, `recording_problem`, …) to its
    entity id; `library` is the same for the library's own entities.
    """
    return {
        "title": title,
        "views": [
            {
                "title": title,
                "path": "cameras",
                "icon": "mdi:cctv",
                "type": "sections",
                "max_columns": 4,
                "badges": [_badge(library[key]) for key in _BADGES if key in library],
                "sections": [_section(area, cameras) for area, cameras in areas.items()],
            }
        ],
    }


_BADGES = ("cameras_recording", "recorder", "storage_used", "storage_free")


def _badge(entity: str) -> Card:
    return {"type": "entity", "entity": entity, "show_name": True, "show_state": True, "show_icon": True}


def _section(area: str, cameras: Sequence[Mapping[str, str]]) -> Card:
    heading: Card = {"type": "heading", "heading": area, "heading_style": "title"}
    return {"type": "grid", "column_span": 1, "cards": [heading, *(card for one in cameras for card in _cards(one))]}


def _cards(camera: Mapping[str, str]) -> list[Card]:
    picture: Card = {
        "type": "picture-entity",
        "entity": camera["camera"],
        "camera_view": "auto",
        "fit_mode": "cover",
        "show_name": True,
        "show_state": True,
        "grid_options": {"columns": 12, "rows": "auto"},
    }
    tiles = [
        {"type": "tile", "entity": camera[key], "name": name, "grid_options": {"columns": 6, "rows": 1}}
        for key, name in (("recording_problem", "Problem"), ("gap_today", "Gaps today"))
        if key in camera
    ]
    return [picture, *tiles]
