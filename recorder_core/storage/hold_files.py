"""Each hold as a small file on every volume, so that the files alone tell what must not be deleted (invariants 3, 7).

A file is replaced whole and synced with its folder. Holds that have ended keep theirs: else a volume that was away
when a hold ended would bring it back after the index was lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorder_core.json_data import JsonData
from recorder_core.models import Hold

from .files import make_folders, storage_error, write_private
from .intervals import EVER_US
from .volumes import VolumeHandle

if TYPE_CHECKING:
    from pathlib import Path

    from .records import Volume

HOLDS_FOLDER = "holds"
_FORMAT = 1
_NAME = re.compile(r"([0-9a-f]{32})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _HoldFile(JsonData):
    """The content of a hold's file."""

    format: int
    hold: Hold


@dataclass(frozen=True, slots=True)
class HoldFiles:
    """The holds that a volume's files tell of, by their ids, and the ids of those whose file cannot be understood."""

    holds: dict[str, Hold] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()


def write_hold(volume: Volume, hold: Hold) -> None:
    """Make or replace the file of a hold. Blocks until it is on the disk.

    Raises:
        StorageError: `VOLUME_MISSING`, `VOLUME_FOREIGN`, or what the disk refused.
    """
    VolumeHandle(volume).check()
    folder = volume.path / HOLDS_FOLDER
    try:
        make_folders(volume.path, folder)
        write_private(folder / f"{hold.hold_id}.json", _HoldFile(format=_FORMAT, hold=hold).to_jsonb())
    except OSError as error:
        raise storage_error(error, "Writing a hold") from error


def read_holds(volume: Volume) -> HoldFiles:
    """Read all holds of a volume. Blocks.

    Raises:
        StorageError: `VOLUME_MISSING`, `VOLUME_FOREIGN`, or what the disk refused.
    """
    VolumeHandle(volume).check()
    folder = volume.path / HOLDS_FOLDER
    holds: dict[str, Hold] = {}
    unreadable: set[str] = set()
    try:
        for name in _names(folder):
            if (named := _NAME.fullmatch(name)) is None:
                continue
            hold = _parse((folder / name).read_bytes())
            if hold is None or hold.hold_id != named[1]:
                unreadable.add(named[1])
            else:
                holds[hold.hold_id] = hold
    except OSError as error:
        raise storage_error(error, "Reading the holds") from error
    VolumeHandle(volume).check()  # that there are none means nothing if the volume is not there
    return HoldFiles(holds, frozenset(unreadable))


def _names(folder: Path) -> list[str]:
    """Return what lies in a folder, nothing if there is none; where the disk does not say, neither does this."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []


def _parse(content: bytes) -> Hold | None:
    try:
        file = _HoldFile.from_json(content)
    except ValueError, TypeError, LookupError:  # mashumaro's and orjson's words for what does not fit
        return None
    hold = file.hold
    times = (hold.start_us, hold.end_us, hold.placed_us, hold.expires_us, hold.ended_us)
    reviews = (hold.review_us, hold.reviewed_us)
    fits = all(-EVER_US <= time <= EVER_US for time in times + reviews if time is not None)
    return hold if file.format == _FORMAT and fits else None
