"""What commands that work on a data folder without its recorder share."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.service.settings import SettingsFiles
from recorder_core.service.startup import INDEX
from recorder_core.storage.index import Index
from recorder_core.storage.read_only import read_only
from recorder_core.storage.volumes import VolumeHandle, open_volume

if TYPE_CHECKING:
    from collections.abc import Iterator


def index_path(data: Path) -> Path:
    """Return where the index of a data folder lies. Raises StorageError `VOLUME_MISSING` where there is none."""
    path = data / INDEX
    if not path.is_file():
        raise StorageError(ErrorCode.VOLUME_MISSING, "The data folder has no index.", path=str(data))
    return path


@contextmanager
def index_copy(data: Path) -> Iterator[Path]:
    """Make a private copy of the index as it is now; the recorder may go on writing its own.

    It lies in the data folder, which has room for it, or where that is on a medium that cannot be written to, in the
    system's folder for such files.

    Raises:
        StorageError: `VOLUME_MISSING` where there is no index, `INDEX_DAMAGED` for one that cannot be read.
    """
    path = index_path(data)
    writable = os.access(data, os.W_OK)
    with tempfile.TemporaryDirectory(prefix=".snapshot-", dir=data if writable else None) as folder:
        copy = Path(folder) / INDEX
        if writable:
            with read_only(path) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        else:
            # SQLite writes beside an index even to read it. There its log goes along, for no recorder emptied it.
            for suffix in ("", "-wal"):
                if path.with_name(INDEX + suffix).is_file():
                    shutil.copyfile(path.with_name(INDEX + suffix), copy.with_name(INDEX + suffix))
        yield copy


@contextmanager
def index_snapshot(data: Path) -> Iterator[Index]:
    """Open a private copy of the index as it is now.

    Raises:
        StorageError: `VOLUME_MISSING` where there is no index, `INDEX_DAMAGED` for one that cannot be read.
    """
    with index_copy(data) as path, Index.open(path, SystemClock()) as index:
        yield index


def open_volumes(data: Path, index: Index) -> tuple[list[VolumeHandle], list[StorageError]]:
    """Open the volumes that the settings name; also return what keeps others from being opened."""
    known = {volume.path: volume.volume_id for volume in index.volumes()}
    handles: list[VolumeHandle] = []
    errors: list[StorageError] = []
    for config in SettingsFiles(data).settings().volumes:
        try:
            handles.append(open_volume(config, SystemClock(), expected_id=known.get(Path(config.path))))
        except StorageError as error:
            errors.append(error)
    return handles, errors
