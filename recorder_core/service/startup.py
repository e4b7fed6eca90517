"""What a start does before anything is recorded: lock, index, files and index brought together.

The order matters. The lock comes first, so that nobody else touches what follows; the index next, or a new one where it
is damaged, for the files alone suffice to fill it (invariant 7); then both are made to agree (invariants 1, 2 and 4).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.database import set_aside
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.index import Index

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.clock import Clock

_LOGGER = logging.getLogger(__name__)

INDEX = "index.sqlite"


def open_index(folder: Path, clock: Clock) -> Index:
    """Open the index in the data folder; a damaged one is set aside for a new one. Blocks.

    Raises:
        StorageError: `VOLUME_NETWORK` where SQLite's locks could not be relied on, else what `Index.open` raises.
    """
    checked = check_folder(folder, accepted={ErrorCode.VOLUME_OVERLAY})
    if checked.problem is not None:
        raise checked.problem
    path = folder / INDEX
    try:
        return Index.open(path, clock)
    except StorageError as error:
        if error.code is not ErrorCode.INDEX_DAMAGED:
            raise
        aside = set_aside(path, clock.now_us())
        _LOGGER.error("%s It was set aside as %s and is built anew.", error.message, aside.name)  # noqa: TRY400  # all said
        return Index.open(path, clock)
