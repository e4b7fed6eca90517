"""What a start does before anything is recorded: lock, index, files and index brought together.

The order matters. The lock comes first, so that nobody else touches what follows; the index next, or a new one where it
is damaged, for the files alone suffice to fill it (invariant 7); then both are made to agree (invariants 1, 2 and 4).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import LedgerKind
from recorder_core.storage.database import set_aside
from recorder_core.storage.files import FILE_MODE, fsync_folder, write_private
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.index import Index
from recorder_core.storage.index_backup import restore

from .read_in import BEHIND, unread_note

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.clock import Clock

_LOGGER = logging.getLogger(__name__)

INDEX = "index.sqlite"

_BEHIND = "index-behind"
"""A file of this name stands for "the index may be a copy, and the volumes are still to be noted as unread"."""

UNREAD_HOLDS = "unread-holds"
"""A file of this name stands for "not all holds were read back yet into a new index"."""


def open_index(folder: Path, clock: Clock) -> Index:
    """Open the index in the data folder; a damaged one is set aside for its last copy, or for a new one. Blocks.

    Raises:
        StorageError: `VOLUME_NETWORK` where SQLite's locks could not be relied on, else what `Index.open` raises.
    """
    checked = check_folder(folder, accepted={ErrorCode.VOLUME_OVERLAY})
    if checked.problem is not None:
        raise checked.problem
    path = folder / INDEX
    if not path.exists():
        note_unread_holds(folder)
    try:
        index = Index.open(path, clock)
    except StorageError as error:
        if error.code is not ErrorCode.INDEX_DAMAGED:
            raise
        note_unread_holds(folder)
        index = _put_back(path, error, clock)
    if (folder / _BEHIND).exists():
        _have_all_read(folder, index)
    return index


def _put_back(path: Path, error: StorageError, clock: Clock) -> Index:
    """Set a damaged index aside, and open its last whole copy, or a new one; its ledger tells so."""
    (path.parent / _BEHIND).touch(FILE_MODE)
    aside = set_aside(path, clock.now_us())
    copy = restore(path)
    instead = "is built anew" if copy is None else f"{copy.name} was put in its place"
    _LOGGER.error("%s It was set aside as %s; %s.", error.message, aside.name, instead)
    index = Index.open(path, clock)
    told = {"set_aside": aside.name, "copy": None if copy is None else copy.name}
    index.append_to_ledger(LedgerKind.REBUILT, clock.now_us(), told)
    return index


def _have_all_read(folder: Path, index: Index) -> None:
    """Note that every volume is to be read into an index that is older than the files."""
    for volume in index.volumes():
        write_private(unread_note(folder, volume.volume_id), BEHIND)
    (folder / _BEHIND).unlink()
    fsync_folder(folder)


def note_unread_holds(folder: Path) -> None:
    """Note, before an index is made or put back, that it does not know all holds (invariant 7). Blocks."""
    (folder / UNREAD_HOLDS).touch(FILE_MODE)
    fsync_folder(folder)
