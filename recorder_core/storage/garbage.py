"""Unlinks what the index has given up: unlink, sync the folder, and only then forget the row (invariant 2)."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .files import fsync_folder
from .volumes import VolumeHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .garbage_rows import GarbageFile
    from .index import Index
    from .records import Volume


_AT_ONCE = 1000
"""Files of which the index is asked at once: weeks of footage may go when a volume is back."""


def collect_garbage(index: Index, volume: Volume, is_over: Callable[[], bool] = lambda: False) -> int:
    """Unlink the garbage of a volume and return the bytes that were given up. Harmless to repeat after a crash.

    `is_over` is asked again and again, on the calling thread, whether to break off.

    Raises OSError where the volume refuses, after all others were tried, and StorageError `VOLUME_MISSING` or
    `VOLUME_FOREIGN` where it is not there at all; what was not unlinked stays garbage.
    """
    handle = VolumeHandle(volume)
    handle.check()
    freed = 0
    refused: dict[int, OSError] = {}
    while files := _next(index, volume, refused.keys()):
        for folder, group in groupby(files, key=lambda file: PurePosixPath(file.path).parent):
            if is_over():
                return freed
            freed += _unlink(index, handle, folder, list(group), refused)
    if refused:
        raise next(iter(refused.values()))
    return freed


def _next(index: Index, volume: Volume, refused: Collection[int]) -> list[GarbageFile]:
    """Return the next files to unlink; none where a volume refuses one after the other."""
    if len(refused) >= _AT_ONCE:
        return []
    files = index.garbage(volume.volume_id, _AT_ONCE + len(refused))
    return [file for file in files if file.segment_id not in refused]


def _unlink(
    index: Index, handle: VolumeHandle, folder: PurePosixPath, group: list[GarbageFile], refused: dict[int, OSError]
) -> int:
    """Unlink the files of one folder and forget them; add to `refused` what cannot be."""
    path = handle.volume.path
    files = []
    for file in group:
        try:
            (path / file.path).unlink(missing_ok=True)
        except OSError as error:  # one that the disk has damaged must not keep the others
            refused[file.segment_id] = error
        else:
            files.append(file)
    if not files:
        return 0
    if (path / folder).is_dir():
        fsync_folder(path / folder)
    handle.check()  # that a file is not there means nothing if its volume is not
    index.garbage_removed([file.segment_id for file in files])
    return sum(file.size for file in files)
