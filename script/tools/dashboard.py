"""The dashboard of the demonstration: the pictures of all cameras, and a page about footage, holds and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .dashboard_footage import footage_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .dashboard_footage import Card


def dashboard(
    title: str, areas: Mapping[str, Sequence[Mapping[str, str]]], library: Mapping[str, str], policy: str
) -> dict[str, Any]:  # Any: as deep as Home Assistant's frontend defines it
    """Return a dashboard with a page of cameras, a section for each area, and a page about their footage.

    `areas` maps an area to its cameras, each a map from an entity's key (`camera`, `recording_problem`, …) to its
    entity id, and `title` to its name; `library` is the same for the library's own entities.
    """
    cameras: Card = {
        "title": "Cameras",
        "path": "cameras",
        "icon": "mdi:cctv",
        "type": "sections",
        "max_columns": 4,
        "dense_section_placement": True,
        "badges": [_badge(library[key], name) for key, name in _BADGES if key in library],
        "sections": [_section(area, cameras) for area, cameras in areas.items()],
    }
    everyone = [camera for cameras in areas.values() for camera in cameras]
    return {"title": title, "views": [cameras, footage_view(everyone, library, policy)]}


_BADGES: Final = (
    ("cameras_recording", "Cameras recording"),
    ("recorder", "Recorder"),
    ("days_until_full", "Days until full"),
    ("holds", "Holds"),
)
_TILES: Final = (("state", "State"), ("gap_today", "Gaps today"))
_NARROW: Final = 3
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
