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
                "dense_section_placement": True,
                "badges": [_badge(library[key], name) for key, name in _BADGES if key in library],
                "sections": [_section(area, cameras) for area, cameras in areas.items()],
            }
        ],
    }


_BADGES = (
    ("cameras_recording", "Cameras recording"),
    ("recorder", "Recorder"),
    ("storage_used", "Storage used"),
    ("storage_free", "Storage free"),
)
_TILES = (("state", "State"), ("gap_today", "Gaps today"))
_NARROW = 3
"""Cameras that a section shows one below the other; with more it takes two columns."""


def _badge(entity: str, name: str) -> Card:
    return {"type": "entity", "entity": entity, "name": name, "show_name": True}


def _section(area: str, cameras: Sequence[Mapping[str, str]]) -> Card:
    heading: Card = {"type": "heading", "heading": area, "heading_style": "title"}
    span = 1 if len(cameras) <= _NARROW else 2
    return {"type": "grid", "column_span": span, "cards": [heading, *(_camera(one) for one in cameras)]}


def _camera(camera: Mapping[str, str]) -> Card:
    """Return a camera's picture, which names it, over its figures."""
    picture: Card = {
        "type": "picture-entity",
        "entity": camera["camera"],
        "camera_view": "auto",
        "aspect_ratio": "16x9",
        "fit_mode": "cover",
        "show_name": False,
        "show_state": False,
    }
    tiles = [{"type": "tile", "entity": camera[key], "name": name} for key, name in _TILES if key in camera]
    figures: Card = {"type": "grid", "columns": 2, "square": False, "cards": tiles}
    return {"type": "vertical-stack", "cards": [picture, figures], "grid_options": {"columns": 12}}
