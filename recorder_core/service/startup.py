"""What a start does before anything is recorded: lock, index, files and index brought together.

The order matters. The lock comes first, so that nobody else touches what follows; the index next, or its last copy
where it is damaged or gone, or a new one, for the files alone suffice to fill it (invariant 7); then both are made to
agree (invariants 1, 2 and 4). A crash anywhere in between leaves a note by which the next start goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.json_data import JsonData
from recorder_core.models import LedgerKind
from recorder_core.storage.database import aside_path, set_aside, suspect
from recorder_core.storage.files import FILE_MODE, fsync_folder, storage_error, write_private
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.index import Index
from recorder_core.storage.index_backup import GENERATIONS, backup_path, newest_copy, put_back
from recorder_core.storage.index_loss import Loss, find_loss
from recorder_core.storage.reconcile import reconcile
from recorder_core.storage.records import GapReason

from .read_in import BEHIND, unread_note
from .settings import SettingsFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.models import CameraConfig
    from recorder_core.storage.volumes import VolumeHandle

    from .index_thread import IndexThread

_LOGGER = logging.getLogger(__name__)

INDEX = "index.sqlite"

_BEHIND = "index-behind"
"""A file of this name says what was lost of the index, until its ledger tells so and the volumes are noted as unread.

It holds a `_Recovery`.
"""

UNREAD_HOLDS = "unread-holds"
"""A file of this name stands for "not all holds were read back yet into a new index"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recovery(JsonData):
    """What was lost of an index, under which name it was set aside, and which copy takes its place; None for none."""

    loss: Loss
    set_aside: str | None = None
    copy: str | None = None


def open_index(folder: Path, clock: Clock) -> Index:
    """Open the index in the data folder; one that is damaged or gone gives way to its last copy, or a new one. Blocks.

    Raises:
        StorageError: `VOLUME_NETWORK` where SQLite's locks could not be relied on, what `Index.open` raises, or what
            keeps a copy from being put back.
    """
    checked = check_folder(folder, accepted={ErrorCode.VOLUME_OVERLAY})
    if checked.problem is not None:
        raise checked.problem
    path = folder / INDEX
    try:
        _see_to_losses(path, clock)
        try:
            index = Index.open(path, clock)
        except StorageError as error:
            if error.code is not ErrorCode.INDEX_DAMAGED:
                raise
            _LOGGER.error(error.message)  # noqa: TRY400  # it says all there is to say
            _put_back(path, Loss.DAMAGE, clock)
            index = Index.open(path, clock)
    except OSError as error:
        raise storage_error(error, "Putting the index back") from error
    try:
        _account(folder, index, clock)
    except BaseException:
        index.close()
        raise
    return index


def _see_to_losses(path: Path, clock: Clock) -> None:
    """Do what is to be done about an index that SQLite would open without a word."""
    folder = path.parent
    loss = find_loss(path)
    if loss is Loss.LOG:
        _LOGGER.error("The log of the index is gone: what was written last is to be read from the files")
        note_unread_holds(folder)
        write_private(folder / _BEHIND, _Recovery(loss=loss).to_jsonb())
        suspect(path)
    elif loss is not None and _was_there(path):
        _LOGGER.error("The index is gone or empty")
        _put_back(path, loss, clock)
    elif loss is not None:
        note_unread_holds(folder)


def _was_there(path: Path) -> bool:
    """Whether an index that is gone or empty was one before: then it has a copy, or gave the folder its id."""
    copies = (backup_path(path, generation) for generation in range(1, GENERATIONS + 1))
    return any(copy.exists() for copy in copies) or (path.parent / SettingsFiles.STORE).exists()


def _put_back(path: Path, loss: Loss, clock: Clock) -> None:
    """Set an index aside, and put its last whole copy in its place; if there is none, a new one is made on opening."""
    folder = path.parent
    note_unread_holds(folder)
    copy = newest_copy(path)
    aside = aside_path(path, clock.now_us()) if path.exists() else None
    recovery = _Recovery(
        loss=loss, set_aside=None if aside is None else aside.name, copy=None if copy is None else copy.name
    )
    if loss is Loss.FILE and (begun := _noted(folder)) is not None:  # a crash came behind setting it aside
        recovery = replace(begun, copy=recovery.copy)
    write_private(folder / _BEHIND, recovery.to_jsonb())
    set_aside(path, aside or aside_path(path, clock.now_us()))
    if copy is not None:
        put_back(copy, path)
    instead = "The index is built anew" if copy is None else f"{copy.name} was put in its place"
    _LOGGER.error("%s; what was there is kept as %s", instead, recovery.set_aside)


def _account(folder: Path, index: Index, clock: Clock) -> None:
    """Have the ledger of an index that is older than the files tell so, and note that every volume is to be read."""
    recovery = _noted(folder)
    if recovery is None:
        return
    told = recovery.to_dict() | {"known_us": index.last_heartbeat()}
    index.append_to_ledger(LedgerKind.REBUILT, clock.now_us(), told)
    for volume in index.volumes():
        write_private(unread_note(folder, volume.volume_id), BEHIND)
    (folder / _BEHIND).unlink()
    fsync_folder(folder)


def _noted(folder: Path) -> _Recovery | None:
    """Return what was noted, by this start or by one that a crash ended. Raises OSError."""
    try:
        return _Recovery.from_json((folder / _BEHIND).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError, TypeError, LookupError:  # what mashumaro and orjson raise: nobody knows what it said
        return _Recovery(loss=Loss.DAMAGE)


async def bring_together(
    index: IndexThread, volumes: Sequence[VolumeHandle], configs: Mapping[str, CameraConfig]
) -> None:
    """Make files and index agree; a camera's record goes on with a gap. Raises StorageError."""
    # A gap that began after the last heartbeat leaves no row; that it began is known all the same.
    ends = {gap.camera_id: gap.start_us for gap in await index.ask(Index.open_gaps)}
    found = await index.ask(reconcile, volumes)
    if found.salvaged or found.discarded or found.waiting:
        _LOGGER.warning(
            "After a crash: %d open segments salvaged, %d held nothing, %d wait for their volume",
            len(found.salvaged),
            found.discarded,
            len(found.waiting),
        )
    for camera_id, end_us in (ends | found.ends).items():
        config = configs.get(camera_id)
        if config is not None and config.enabled:
            await index.ask(Index.open_gap, camera_id, end_us, GapReason.RECORDER_DOWN)


def note_unread_holds(folder: Path) -> None:
    """Note, before an index is made or put back, that it does not know all holds (invariant 7). Blocks."""
    (folder / UNREAD_HOLDS).touch(FILE_MODE)
    fsync_folder(folder)
