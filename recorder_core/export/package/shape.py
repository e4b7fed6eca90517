"""The one shape that a manifest and a proof have: the fields of each object, no more and no fewer, and of what kind.

So the command and the page, which has the same table, read the same in it: nothing is missing in one of them, nothing
passes for a number in the other. A moment is told in three fields, which must be the same one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from .layout import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

type Kind = str | list[str]
"""A name in `SHAPES` or `_PLAIN`, or `moment`; with a question mark it may be null. In a list: a list of these."""

_FILE: Final[Mapping[str, Kind]] = {"name": "text", "size": "count", "sha256": "hex", "pieces": ["hex"], "kind": "text"}
_PICTURES: Final[Mapping[str, Kind]] = {
    **_FILE,
    "derived": "flag",
    "camera_id": "text",
    "start": "moment",
    "end": "moment",
    "duration_us": "count",
    "frames": "count",
    "lead_in_us": "count",
    "codec": "text",
    "width": "count",
    "height": "count",
    "media_bytes": "count",
    "frames_file": "text",
}

SHAPES: Final[Mapping[str, Mapping[str, Kind]]] = {
    "manifest": {
        "format": "text",
        "format_version": "count",
        "package_id": "text",
        "product_version": "text",
        "store_id": "text",
        "policy_version": "text",
        "time_zone": "text",
        "started": "moment",
        "made": "moment",
        "request": "request",
        "signing_key": "key",
        "piece_bytes": "count",
        "cameras": ["camera"],
        "ledger": ["entry"],
        "files": ["file"],
    },
    "request": {
        "actor": "text",
        "request_id": "text?",
        "basis": "text?",
        "camera_ids": ["text"],
        "start": "moment",
        "end": "moment",
        "start_mode": "text",
        "requested": "moment",
    },
    "key": {"algorithm": "text", "fingerprint": "hex", "file": "text"},
    "camera": {"camera_id": "text", "name": "text", "not_shown": ["absence"], "gaps": ["gap"], "segments": ["segment"]},
    "absence": {"start": "moment", "end": "moment", "reason": "text", "detail": "text"},
    "gap": {"start": "moment", "end": "moment?", "reason": "text", "detail": "text"},
    "segment": {
        "segment_id": "hex",
        "run_id": "text",
        "start": "moment",
        "end": "moment",
        "root": "hex",
        "leaves": "count",
        "closed": "flag",
        "clock_offset_us": "number?",
        "host_synchronised": "flag?",
        "packets_lost": "count",
        "salvaged": "flag",
        "ledger": "place?",
    },
    "place": {"seq": "count", "index": "count", "count": "count", "path": ["hex"]},
    "entry": {"seq": "count", "at_us": "number", "kind": "text", "body": "text", "previous": "hex", "hash": "hex"},
    "file": _FILE,
    "video": {**_PICTURES, "proofs": "text"},
    "derivative": _PICTURES,
    "proof": {"segment": "hex", "leaf": "count", "path": ["hex"], "data": "text", "first": "count", "count": "count"},
}
"""Those of a manifest from its root on, and that of a line of proofs."""

OF_PICTURES: Final = ("video", "derivative")
"""The kinds of files of which more is told than of any other."""

_HEX = re.compile("(?:[0-9a-f]{2})*")
_PLAIN: Final[Mapping[str, Callable[[object], bool]]] = {
    "text": lambda told: isinstance(told, str),
    "hex": lambda told: isinstance(told, str) and _HEX.fullmatch(told) is not None,
    "flag": lambda told: isinstance(told, bool),
    "number": lambda told: type(told) is int,
    "count": lambda told: type(told) is int and told >= 0,
}
_MOMENTS: Final = ("moment", "moment?")


class ShapeError(ValueError):
    """Something is not as it is in every package; the sentence says what."""


def check_shape(content: object, kind: Kind, name: str = "") -> None:
    """Make sure that what was read as JSON is of a kind. `name` is that of its field.

    Raises:
        ShapeError: it is not.
    """
    if isinstance(kind, list):
        if not isinstance(content, list):
            raise _other(name)
        for one in content:
            check_shape(one, kind[0], name)
        return
    kind, optional, _ = kind.partition("?")
    if content is None and optional:
        return
    if kind not in _PLAIN:
        _check_object(content, kind, name)
    elif not _PLAIN[kind](content):
        raise _other(name)


def _check_object(content: object, kind: str, name: str) -> None:
    if not isinstance(content, dict):
        raise _other(name)
    fields = SHAPES[content["kind"] if kind == "file" and content.get("kind") in OF_PICTURES else kind]
    if content.keys() != set(_keys(fields)):
        raise _other(name)
    for field, inner in fields.items():
        if inner in _MOMENTS:
            _check_moment(content, field, optional=inner != _MOMENTS[0])
        else:
            check_shape(content[field], inner, field)


def _other(name: str) -> ShapeError:
    where = f": see {name}" if name else ""
    return ShapeError(f"It does not have the fields that it has in every package{where}")


def _keys(fields: Mapping[str, Kind]) -> Iterator[str]:
    for field, kind in fields.items():
        if kind in _MOMENTS:
            yield from (f"{field}_us", f"{field}_utc", f"{field}_local")
        else:
            yield field


def _check_moment(fields: Mapping[str, object], name: str, *, optional: bool) -> None:
    """Local time may have any offset, for zones change; whose it is the manifest says."""
    at_us, utc, local = (fields[f"{name}_{form}"] for form in ("us", "utc", "local"))
    if optional and at_us is utc is local is None:
        return
    try:
        if type(at_us) is int and isinstance(local, str) and utc == utc_text(at_us) == _utc_of(local):
            return
    except ValueError, OverflowError:  # no time, or none that a calendar has
        pass
    raise ShapeError(f'It tells a time, "{name}", in two ways that are not the same moment')


def _utc_of(local: str) -> str:
    at = datetime.fromisoformat(local)
    if at.isoformat(timespec="microseconds") != local:
        raise ValueError(local)
    return utc_text((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
