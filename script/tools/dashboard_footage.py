"""The page about footage: how far it reaches, what holds keep, how long the disk lasts, what was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    type Card = dict[str, Any]
    """Any: a card's options are as deep as Home Assistant's frontend defines them."""

BUTTON: Final = "input_button.keep_footage"

_STORAGE: Final = (
    ("storage_state", "State"),
    ("days_until_full", "Days until full"),
    ("storage_used", "Used"),
    ("storage_free", "Free"),
)
_HOLDS: Final = (("holds", "Active holds"), ("holds_to_review", "To review"))
_COLUMNS: Final = (
    ("Reaches back to", "{{{{ as_timestamp(states('{oldest_footage}'), 0) | timestamp_custom('%b %-d, %H:%M') }}}}"),
    ("Days achieved", "{{{{ states('{achieved_days}') | replace('unknown', '') }}}}"),
    ("A day takes", "{{{{ states('{bytes_per_day}', rounded=True, with_unit=True) }}}}"),
    ("Held", "{{{{ (states('{held_footage}') | float(0) * 1000) | round }}}} MB"),
    ("Gaps today", "{{{{ states('{gap_today}', rounded=True, with_unit=True) }}}}"),
)


def footage_view(cameras: Sequence[Mapping[str, str]], library: Mapping[str, str], policy: str) -> Card:
    """Return the page. `cameras` and `library` map an entity's key to its id; `policy` is the rule in words."""
    return {
        "title": "Footage",
        "path": "footage",
        "icon": "mdi:archive-lock-outline",
        "type": "sections",
        "max_columns": 3,
        "sections": [
            _grid("Storage", [*_tiles(library, _STORAGE), _words(policy)]),
            _grid("Holds", [*_tiles(library, _HOLDS), _button(), _words(_BUTTON_WORDS)]),
            _grid("Exports", [_words(_EXPORT_WORDS), _progress(library["export_progress"])]),
            _grid("How far footage reaches", [_table(cameras)], span=2),
            _grid("What became of footage", [_events(cameras)]),
        ],
    }


_BUTTON_WORDS: Final = (
    "Press when something happens: an automation keeps the footage from 15 minutes before to 45 minutes after it, "
    "and asks for a review after 30 days."
)
_EXPORT_WORDS: Final = (
    "Administrators export by the actions `export_clip`, `export_still` and `export_package`. "
    "Each of them is told of below. A package is checked by its own `verify.html`, without network."
)


def _grid(heading: str, cards: Sequence[Card], *, span: int = 1) -> Card:
    title: Card = {"type": "heading", "heading": heading, "heading_style": "title"}
    return {"type": "grid", "column_span": span, "cards": [title, *cards]}


def _tiles(entities: Mapping[str, str], shown: Sequence[tuple[str, str]]) -> list[Card]:
    return [{"type": "tile", "entity": entities[key], "name": name} for key, name in shown if key in entities]


def _button() -> Card:
    press: Card = {"action": "perform-action", "perform_action": "input_button.press", "target": {"entity_id": BUTTON}}
    options: Card = {"icon_tap_action": press, "tap_action": press, "grid_options": {"columns": 12}}
    return {"type": "tile", "entity": BUTTON, "name": "Keep footage now", "color": "red", **options}


def _progress(entity: str) -> Card:
    """Return a tile that is there while something is exported."""
    busy: Card = {"condition": "state", "entity": entity, "state_not": ["unknown", "unavailable"]}
    return {"type": "tile", "entity": entity, "name": "Being exported", "visibility": [busy]}


def _words(text: str) -> Card:
    return {"type": "markdown", "content": text, "text_only": True}


def _table(cameras: Sequence[Mapping[str, str]]) -> Card:
    heads = ["Camera", *(name for name, _ in _COLUMNS)]
    lines = ["| " + " | ".join(heads) + " |", "|:--|" + "--:|" * len(_COLUMNS)]
    for camera in cameras:
        cells = [camera["title"], *(template.format(**camera) for _, template in _COLUMNS)]
        lines.append("| " + " | ".join(cells) + " |")
    return {"type": "markdown", "content": "\n".join(lines), "grid_options": {"columns": "full"}}


def _events(cameras: Sequence[Mapping[str, str]]) -> Card:
    target = {"entity_id": [camera["footage"] for camera in cameras]}
    return {"type": "logbook", "target": target, "hours_to_show": 24, "grid_options": {"rows": 9}}
