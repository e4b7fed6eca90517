"""Delivery folders: places outside the store from which people take copies of exports. Every call blocks.

A marker file tells such a folder from the empty one that is left where a share was mounted; without it nothing is
written there, and nothing is taken for removed (invariant 6). Who may take from it was decided by whoever made the
folder: what is put there gets its owner, group and permissions, but none for the rest of the world.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.storage.files import FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from recorder_core.models import DeliveryFolder

MARKER = ".library_surveillance_deliveries"

_SENTENCE = b"Copies of exports are put here and go again when their time is over, as long as this file is here.\n"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FOLDER_BITS = 0o2770
_FILE_BITS = 0o660


def check_apart(folder: DeliveryFolder, others: Iterable[str], field: str, *, real: bool) -> None:
    """Make sure that a delivery folder and these other folders do not contain each other.

    With `real`, links are followed as well, for which the disks are asked.

    Raises:
        RequestError: `BAD_REQUEST` with `field`.
    """
    for way in (os.path.normpath, os.path.realpath) if real else (os.path.normpath,):
        place = Path(way(folder.path))
        for other in others:
            there = Path(way(other))
            if place.is_relative_to(there) or there.is_relative_to(place):
                sentence = f"Delivery folder {folder.name} and {other} must not contain each other."
                raise RequestError(ErrorCode.BAD_REQUEST, sentence, field=field)


def mark(folder: DeliveryFolder) -> None:
    """Make an existing folder a delivery folder; one that is stays as it is.

    Raises:
        StorageError: `DELIVERY_FOLDER_MISSING` if there is none, else `DELIVERY_FAILED` or `DELIVERY_FOLDER_FULL`.
    """
    with _folder(folder, "There is no such folder") as fd, _refusals(folder), suppress(FileExistsError):
        marker = os.open(MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE, dir_fd=fd)
        with os.fdopen(marker, "wb") as file:
            file.write(_SENTENCE)
            file.flush()
            os.fsync(file.fileno())
        os.fsync(fd)


@contextmanager
def opened(folder: DeliveryFolder) -> Iterator[int]:
    """Open a delivery folder that is there, with its marker; what is done in it starts from this descriptor.

    Raises:
        StorageError: `DELIVERY_FOLDER_MISSING`; for what the operating system refuses within, `DELIVERY_FAILED` or
            `DELIVERY_FOLDER_FULL`.
    """
    with _folder(folder, "Its marker file is not there; is the share or disk mounted?") as fd:
        try:
            os.stat(MARKER, dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            raise _missing(folder, "Its marker file is not there; is the share or disk mounted?") from error
        with _refusals(folder):
            yield fd


def check_room(folder: DeliveryFolder, size: int) -> None:
    """Make sure that so many bytes fit, before any is written.

    Raises:
        StorageError: `DELIVERY_FOLDER_MISSING`, `DELIVERY_FOLDER_FULL` with what is lacking, `DELIVERY_FAILED`.
    """
    with opened(folder) as fd:
        room = os.fstatvfs(fd)
        free = room.f_bavail * room.f_frsize
    if free < size:
        raise StorageError(
            ErrorCode.DELIVERY_FOLDER_FULL,
            f"Delivery folder {folder.name} has {free} bytes free; the copy needs {size}.",
            folder=folder.name,
            path=folder.path,
            missing_bytes=size - free,
        )


def hand_over(folder_fd: int, fd: int, *, is_folder: bool = False) -> None:
    """Give a file or folder the owner, group and permissions of the delivery folder, none for the rest of the world."""
    given = os.fstat(folder_fd)
    bits = given.st_mode & _FOLDER_BITS | 0o700 if is_folder else given.st_mode & _FILE_BITS | FILE_MODE
    # Only root may give to somebody else, and a filesystem without owners, such as a stick's, refuses in words of its
    # own. A disk that fails is told of by the sync that follows.
    with suppress(OSError):
        os.fchown(fd, given.st_uid, given.st_gid)
    with suppress(OSError):
        os.fchmod(fd, bits)


@contextmanager
def _folder(folder: DeliveryFolder, sentence: str) -> Iterator[int]:
    try:
        fd = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _missing(folder, sentence) from error
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _refusals(folder: DeliveryFolder) -> Iterator[None]:
    """Say in the recorder's words what the operating system refuses."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        code = ErrorCode.DELIVERY_FOLDER_FULL if error.errno in _NO_ROOM else ErrorCode.DELIVERY_FAILED
        sentence = f"Delivery folder {folder.name} refuses: {reason}."
        raise StorageError(code, sentence, folder=folder.name, path=folder.path, reason=reason) from error


def _missing(folder: DeliveryFolder, sentence: str) -> StorageError:
    return StorageError(
        ErrorCode.DELIVERY_FOLDER_MISSING,
        f"Delivery folder {folder.name} at {folder.path} is away. {sentence}",
        folder=folder.name,
        path=folder.path,
    )
