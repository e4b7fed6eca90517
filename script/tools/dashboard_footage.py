"""The page about footage: how far it reaches, what holds keep, how long the disk lasts, what was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    type Card = dict[str, Any]
    """Any: a card's options are as deep as Home Assistant's frontend defines them."""

BUTTON: Final = "input_button.keep_footage"
RECORDS_DESK: Final = "Records desk"
"""The delivery folder."""

_STORAGE: Final = (
    ("storage_state", "State"),
    ("days_until_full", "Days until full"),
    ("storage_used", "Used"),
    ("storage_free", "Free"),
)
_HOLDS: Final = (("holds", "Active holds"), ("holds_to_review", "To review"))
_COLUMNS: Final = (
    ("oldest_footage", "Reaches back to", "as_timestamp(states(it)) | timestamp_custom('%b&nbsp;%-d,&nbsp;%H:%M')"),
    ("achieved_days", "Days achieved", "states(it)"),
    ("bytes_per_day", "A day takes", "states(it, rounded=True, with_unit=True)"),
    ("held_footage", "Held", "(states(it) | float * 1000) | round ~ '&nbsp;MB'"),
    ("gap_today", "Gaps today", "states(it, rounded=True, with_unit=True)"),
)
"""An entity's key, the column's head, and how the state of the entity `it` is shown once there is one."""

_ON_A_PHONE: Final = ("oldest_footage", "achieved_days", "gap_today")
_PHONE: Final = "(max-width: 700px)"


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
            _grid("How far footage reaches", _tables(cameras), span=2),
            _grid("What became of footage", [_events([*(camera["footage"] for camera in cameras), library["room"]])]),
        ],
    }


_BUTTON_WORDS: Final = (
    "Press when something happens: an automation keeps the footage from 15 minutes before to 45 minutes after it, "
    "and asks for a review after 30 days."
)
_EXPORT_WORDS: Final = (
    "Administrators export by the actions *Export clip*, *Export still* and *Export package* "
    "(Settings → Tools → Actions). Each export is told of below. A package is checked by the page `verify.html` in it, "
    "in any browser, without network. "
    f"*Deliver export* puts a copy into the folder *{RECORDS_DESK}*, which it leaves by itself."
)
_TABLE_WORDS: Final = "*Days achieved* counts footage that no hold keeps. A dash (—) stands where there is none yet."


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


def _tables(cameras: Sequence[Mapping[str, str]]) -> list[Card]:
    """Return the same table twice: whole, and for phones with fewer columns. Only one of them is ever visible."""
    words = {**_words(_TABLE_WORDS), "grid_options": {"columns": "full"}}
    few = [column for column in _COLUMNS if column[0] in _ON_A_PHONE]
    return [_table(cameras, _COLUMNS, f"not all and {_PHONE}"), _table(cameras, few, _PHONE), words]


def _table(cameras: Sequence[Mapping[str, str]], columns: Sequence[tuple[str, str, str]], screen: str) -> Card:
    """Return a table as wide as its card; Markdown's own is as wide as its words."""
    heads = "".join(f'<td align="right"><b>{head}</b></td>' for _, head, _ in columns)
    rows = [f"<tr><td><b>Camera</b></td>{heads}</tr>"]
    for camera in cameras:
        cells = "".join(_cell(camera[key], shown) for key, _, shown in columns)
        rows.append(f"<tr><td>{camera['title']}</td>{cells}</tr>")
    content = "\n".join(('<table width="100%">', *rows, "</table>"))
    seen: Card = {"condition": "screen", "media_query": screen}
    return {"type": "markdown", "content": content, "visibility": [seen], "grid_options": {"columns": "full"}}


def _cell(entity: str, shown: str) -> str:
    known = f"{{% set it = '{entity}' %}}{{{{ {shown} if has_value(it) else '—' }}}}"
    return f'<td align="right">{known}</td>'


def _events(entities: Sequence[str]) -> Card:
    target = {"entity_id": [*entities]}
    return {"type": "logbook", "target": target, "hours_to_show": 24, "grid_options": {"rows": 9}}
