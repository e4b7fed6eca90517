"""Unlinks what the index has given up: unlink, sync the folder, and only then forget the row (invariant 2)."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .files import fsync_folder
from .volumes import VolumeHandle

if TYPE_CHECKING:
    from .index import Index
    from .records import Volume


def collect_garbage(index: Index, volume: Volume) -> int:
    """Unlink the garbage of a volume and return the bytes that were given up. Harmless to repeat after a crash.

    Raises OSError where the volume refuses, and StorageError `VOLUME_MISSING` or `VOLUME_FOREIGN` where it is not there
    at all; what was not unlinked stays garbage.
    """
    VolumeHandle(volume).check()
    freed = 0
    for folder, group in groupby(index.garbage(volume.volume_id), key=lambda file: PurePosixPath(file.path).parent):
        files = list(group)
        for file in files:
            (volume.path / file.path).unlink(missing_ok=True)
        if (volume.path / folder).is_dir():
            fsync_folder(volume.path / folder)
        index.garbage_removed([file.segment_id for file in files])
        freed += sum(file.size for file in files)
    return freed
