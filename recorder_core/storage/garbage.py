"""Unlinks what the index has given up: unlink, sync the folder, and only then forget the row (invariant 2)."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .files import fsync_folder
from .volumes import VolumeHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from .garbage_rows import GarbageFile
    from .index import Index
    from .records import Volume


_AT_ONCE = 1000
"""Files of which the index is asked at once: weeks of footage may go when a volume is back."""


def collect_garbage(index: Index, volume: Volume) -> int:
    """Unlink the garbage of a volume and return the bytes that were given up. Harmless to repeat after a crash.

    Raises OSError where the volume refuses, after all others were tried, and StorageError `VOLUME_MISSING` or
    `VOLUME_FOREIGN` where it is not there at all; what was not unlinked stays garbage.
    """
    VolumeHandle(volume).check()
    freed = 0
    refused: dict[int, OSError] = {}
    while folders := next_garbage(index, volume, refused.keys()):
        for files in folders:
            gone = unlink_files(volume, files, refused)
            if gone:
                index.garbage_removed([file.segment_id for file in gone])
            freed += sum(file.size for file in gone)
    if refused:
        raise next(iter(refused.values()))
    return freed


def next_garbage(index: Index, volume: Volume, refused: Collection[int]) -> list[list[GarbageFile]]:
    """Return the next files to unlink, folder by folder; none where a volume refuses one after the other."""
    if len(refused) >= _AT_ONCE:
        return []
    files = index.garbage(volume.volume_id, _AT_ONCE + len(refused))
    wanted = (file for file in files if file.segment_id not in refused)
    return [list(group) for _, group in groupby(wanted, key=_folder)]


def unlink_files(
    volume: Volume,
    files: Sequence[GarbageFile],
    refused: dict[int, OSError],
    is_over: Callable[[], bool] = lambda: False,
) -> list[GarbageFile]:
    """Unlink files of one folder and return those that are gone for good; add to `refused` what cannot be.

    Behind each file `is_over` is asked whether to break off. The index is not touched, so this may come back late.

    Raises:
        StorageError: `VOLUME_MISSING` or `VOLUME_FOREIGN`; then nobody knows what is gone.
        OSError: The folder cannot be synced.
    """
    handle = VolumeHandle(volume)
    handle.check()
    gone = []
    for file in files:
        try:
            (volume.path / file.path).unlink(missing_ok=True)
        except OSError as error:  # one that the disk has damaged must not keep the others
            refused[file.segment_id] = error
        else:
            gone.append(file)
        if is_over():
            break
    folder = volume.path / _folder(files[0])
    if gone and folder.is_dir():
        fsync_folder(folder)
    handle.check()  # that a file is not there means nothing if its volume is not
    return gone


def _folder(file: GarbageFile) -> PurePosixPath:
    return PurePosixPath(file.path).parent
