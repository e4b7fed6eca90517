"""Unlinks what the index has given up: unlink, sync the folder, and only then forget the row (invariant 2)."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .files import fsync_folder
from .volumes import VolumeHandle

if TYPE_CHECKING:
    from collections.abc import Callable

    from .garbage_rows import GarbageFile
    from .index import Index
    from .records import Volume


_AT_ONCE = 1000
"""Files of which the index is asked at once: weeks of footage may go when a volume is back."""


def collect_garbage(index: Index, volume: Volume, is_over: Callable[[], bool] = lambda: False) -> int:
    """Unlink the garbage of a volume and return the bytes that were given up. Harmless to repeat after a crash.

    `is_over` is asked again and again, on the calling thread, whether to break off.

    Raises OSError where the volume refuses, and StorageError `VOLUME_MISSING` or `VOLUME_FOREIGN` where it is not there
    at all; what was not unlinked stays garbage.
    """
    handle = VolumeHandle(volume)
    handle.check()
    freed = 0
    while files := index.garbage(volume.volume_id, _AT_ONCE):
        for folder, group in groupby(files, key=lambda file: PurePosixPath(file.path).parent):
            if is_over():
                return freed
            freed += _unlink(index, handle, folder, list(group))
    return freed


def _unlink(index: Index, handle: VolumeHandle, folder: PurePosixPath, files: list[GarbageFile]) -> int:
    """Unlink the files of one folder and forget them."""
    path = handle.volume.path
    for file in files:
        (path / file.path).unlink(missing_ok=True)
    if (path / folder).is_dir():
        fsync_folder(path / folder)
    handle.check()  # that a file is not there means nothing if its volume is not
    index.garbage_removed([file.segment_id for file in files])
    return sum(file.size for file in files)
