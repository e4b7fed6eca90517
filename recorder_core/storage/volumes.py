"""A volume is a folder with a marker file; without its own marker nothing is written there (invariant 6).

The marker tells a disk from the empty folder that is left where it was mounted, and one disk from another.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from recorder_core.errors import ErrorCode, StorageError

from .files import FILE_MODE, FOLDER_MODE, fsync_folder, storage_error
from .ids import CAMERAS_FOLDER
from .records import Volume

if TYPE_CHECKING:
    from recorder_core.clock import Clock
    from recorder_core.models import VolumeConfig

MARKER = ".library_surveillance_volume.json"
_FORMAT = 1
_MAX_MARKER_BYTES = 4096


class Shortage(StrEnum):
    """Why a write may not go on."""

    DISK = "disk"
    MIN_FREE = "min_free"
    MAX_BYTES = "max_bytes"


@dataclass(frozen=True, slots=True)
class Room:
    """A volume's room in bytes. A limit of None is no limit, never zero (invariant 6).

    `free_bytes` is what the filesystem has left, `used_bytes` the recorder's own closed and open segments, and
    `pending_bytes` the garbage that is not unlinked yet; it is not part of `used_bytes` and counts as free.
    `growing_bytes` is what the open segments may still take until they close.
    """

    total_bytes: int
    free_bytes: int
    used_bytes: int
    pending_bytes: int
    min_free_bytes: int | None
    max_bytes: int | None
    growing_bytes: int = 0


def shortage(room: Room, wanted_bytes: int) -> Shortage | None:
    """Say what keeps `wanted_bytes` from being written; None if nothing does."""
    left = room.free_bytes + room.pending_bytes - wanted_bytes
    if left < 0:
        return Shortage.DISK
    if room.min_free_bytes is not None and left < room.min_free_bytes:
        return Shortage.MIN_FREE
    if room.max_bytes is not None and room.used_bytes + wanted_bytes > room.max_bytes:
        return Shortage.MAX_BYTES
    return None


@dataclass(frozen=True, slots=True)
class VolumeHandle:
    """A volume that was there, with its marker, when it was opened."""

    volume: Volume

    def check(self) -> None:
        """Make sure that it is still there; call it before a file is created.

        Raises:
            StorageError: `VOLUME_MISSING` or `VOLUME_FOREIGN`.
        """
        _require(self.volume.path, self.volume.volume_id)

    def check_writable(self) -> None:
        """Make sure that files can be made on it; whether there is room for them is another question.

        Raises:
            StorageError: `VOLUME_READ_ONLY`: mounted so, after a fault of the disk for instance, or not ours to write.
        """
        if not os.access(self.volume.path, os.W_OK | os.X_OK) or _refuses_files(self.volume.path):
            raise StorageError(
                ErrorCode.VOLUME_READ_ONLY, "The volume cannot be written to.", path=str(self.volume.path)
            )

    def room(self, *, used_bytes: int, pending_bytes: int, growing_bytes: int = 0) -> Room:
        """Return its room now.

        Raises:
            StorageError: `VOLUME_MISSING` or whatever else its filesystem answers.
        """
        try:
            stat = os.statvfs(self.volume.path)
        except OSError as error:
            raise storage_error(error, "Asking the volume for its room") from error
        return Room(
            total_bytes=stat.f_blocks * stat.f_frsize,
            free_bytes=stat.f_bavail * stat.f_frsize,
            used_bytes=used_bytes,
            pending_bytes=pending_bytes,
            min_free_bytes=self.volume.min_free_bytes,
            max_bytes=self.volume.max_bytes,
            growing_bytes=growing_bytes,
        )


def _refuses_files(path: Path) -> bool:
    """Whether no file can be made there although the permissions allow it: a filesystem that met an error, for one.

    Tried with a file that has no name (O_TMPFILE); a filesystem that knows none is not asked.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:
        return error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
    return False


def open_volume(
    config: VolumeConfig, clock: Clock, *, expected_id: str | None = None, create: bool = False
) -> VolumeHandle:
    """Open the volume in a folder.

    `expected_id` is the id that the folder had before, if it was a volume before: a folder without that marker is then
    not this volume, whatever else it is. With `create`, a folder that never was one becomes one, and is made if only
    its parent exists; other files in it do no harm, but a `cameras` folder belongs to someone.

    Raises:
        StorageError: `VOLUME_MISSING` (no folder, no marker), `VOLUME_FOREIGN` (another id, a marker that cannot be
            read, somebody's `cameras` folder), `VOLUME_READ_ONLY`, `VOLUME_FULL`.
    """
    path = Path(config.path)
    try:
        if create and expected_id is None:
            _create(path, clock.now_us())
        volume_id = _require(path, expected_id)
    except OSError as error:
        raise storage_error(error, "Opening the volume") from error
    return VolumeHandle(Volume(volume_id, path, config.min_free_bytes, config.max_bytes))


def _create(path: Path, now_us: int) -> None:
    """Make folder and marker where they are not; the marker appears whole or not at all."""
    if not path.is_dir():
        path.mkdir(FOLDER_MODE)
        fsync_folder(path.parent)
    marker = path / MARKER
    if marker.exists():
        return
    if (path / CAMERAS_FOLDER).exists():
        raise StorageError(
            ErrorCode.VOLUME_FOREIGN,
            f"The folder holds a folder {CAMERAS_FOLDER!r} but is no volume; choose another one.",
            path=str(path),
        )
    content = {"format": _FORMAT, "volume_id": uuid4().hex, "created_us": now_us}
    # Made with mode 0600 under a name that nobody has, then renamed: a crash leaves no half of a marker.
    with tempfile.NamedTemporaryFile("w", dir=path, prefix=MARKER, delete=False, encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(marker)
    fsync_folder(path)


def is_volume(path: Path) -> bool:
    """Whether a volume, whichever, lies in a folder just now, and its marker can be read."""
    try:
        _marker_id(path)
    except OSError, StorageError:
        return False
    return True


def _require(path: Path, expected_id: str | None) -> str:
    """Return the id in the marker if it is the one that is expected."""
    volume_id = _marker_id(path)
    if expected_id is not None and volume_id != expected_id:
        raise StorageError(ErrorCode.VOLUME_FOREIGN, "The folder holds another volume.", path=str(path))
    return volume_id


def _marker_id(path: Path) -> str:
    try:
        fd = os.open(path / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StorageError(
            ErrorCode.VOLUME_MISSING, "The folder has no marker file; is the disk mounted?", path=str(path)
        ) from error
    with os.fdopen(fd, "rb") as file:
        data = file.read(_MAX_MARKER_BYTES)
    try:
        content = json.loads(data)
        if content["format"] == _FORMAT:
            return UUID(hex=content["volume_id"]).hex
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _foreign_marker(path) from error
    raise _foreign_marker(path)


def _foreign_marker(path: Path) -> StorageError:
    return StorageError(ErrorCode.VOLUME_FOREIGN, "The folder's marker file cannot be understood.", path=str(path))
