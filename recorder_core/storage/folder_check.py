"""May this folder hold footage or the index? Says so before anything is written there for good."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RecorderError, RequestError, StorageError

from .files import storage_error
from .mounts import MOUNTINFO, NETWORK, OVERLAYS, UNKNOWN, filesystem_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_SENTENCES = {
    ErrorCode.VOLUME_OVERLAY: "The folder lies on a container's own layer; footage would be lost with the container.",
    ErrorCode.VOLUME_NETWORK: "The folder lies on a network filesystem.",
}


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """The room of a folder in bytes, and what speaks against it: an error that was not raised."""

    path: Path
    filesystem: str
    total_bytes: int
    free_bytes: int
    problem: RecorderError | None = None


def check_folder(
    path: str | Path,
    *,
    forbidden: Iterable[Path] = (),
    accepted: Collection[ErrorCode] = (),
    mountinfo: Path = MOUNTINFO,
) -> FolderCheck:
    """Look at a folder that exists, or whose parent does (it is made when it is taken into use). Never raises.

    The problem is the first of: `BAD_REQUEST` (a relative path, no folder), `VOLUME_MISSING`, `VOLUME_FORBIDDEN` (at or
    below a folder in `forbidden`), `VOLUME_OVERLAY`, `VOLUME_NETWORK`, `VOLUME_READ_ONLY`, `VOLUME_FULL` (not even an
    empty file fits). Codes in `accepted` do not count.
    """
    filesystem = UNKNOWN
    total = free = 0
    problem: RecorderError | None = None
    try:
        folder = _existing(path)
        filesystem = filesystem_of(folder, mountinfo)
        room = os.statvfs(folder)
        total, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
        _refuse(Path(path).resolve(), filesystem, forbidden, accepted)
        # Only a file shows that one may be written: permissions say little to root and to a network share.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = storage_error(error, "Trying the folder")
    except RecorderError as error:
        problem = error
    return FolderCheck(Path(path), filesystem, total, free, problem)


def _existing(path: str | Path) -> Path:
    """Return the folder, or the parent of one that is still to be made."""
    if not Path(path).is_absolute() or "\0" in str(path):
        raise RequestError(ErrorCode.BAD_REQUEST, "The path of a folder begins with a slash.", path=str(path))
    folder = Path(path).resolve()
    for place in (folder, folder.parent):
        if place.is_dir():
            return place
        if place.exists():
            raise RequestError(
                ErrorCode.BAD_REQUEST, "There is something else where the folder should be.", path=str(path)
            )
    raise StorageError(ErrorCode.VOLUME_MISSING, "There is no such folder, nor one to make it in.", path=str(path))


def _refuse(folder: Path, filesystem: str, forbidden: Iterable[Path], accepted: Collection[ErrorCode]) -> None:
    """Raise what speaks against the place, before anything is tried there."""
    for place in forbidden:
        if folder.is_relative_to(place.resolve()) and ErrorCode.VOLUME_FORBIDDEN not in accepted:
            raise StorageError(
                ErrorCode.VOLUME_FORBIDDEN,
                f"Footage does not belong below {place}.",
                path=str(folder),
                below=str(place),
            )
    for code, filesystems in ((ErrorCode.VOLUME_OVERLAY, OVERLAYS), (ErrorCode.VOLUME_NETWORK, NETWORK)):
        if filesystem in filesystems and code not in accepted:
            raise StorageError(code, _SENTENCES[code], path=str(folder), filesystem=filesystem)
