"""The few steps on folders and files that everything in `storage` shares: private, synced, refused in one vocabulary.

Keeps the part of invariant 2 about folders: an entry counts as made or removed only after its folder was synced.
"""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_CODES = {
    errno.ENOSPC: ErrorCode.VOLUME_FULL,
    errno.EDQUOT: ErrorCode.VOLUME_FULL,
    errno.EROFS: ErrorCode.VOLUME_READ_ONLY,
    errno.EACCES: ErrorCode.VOLUME_READ_ONLY,
    errno.EPERM: ErrorCode.VOLUME_READ_ONLY,
    errno.ENOENT: ErrorCode.VOLUME_MISSING,
    errno.ENODEV: ErrorCode.VOLUME_MISSING,
    errno.ENXIO: ErrorCode.VOLUME_MISSING,
}


def storage_error(error: OSError, doing: str) -> StorageError:
    """Say in the recorder's words what the operating system refused."""
    code = _CODES.get(error.errno or 0, ErrorCode.STORAGE_FAILED)
    return StorageError(code, f"{doing} failed: {os.strerror(error.errno or errno.EIO)}.", doing=doing)


def fsync_folder(path: Path) -> None:
    """Make the entries of a folder last through a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_LIBC = ctypes.CDLL(None, use_errno=True)


def sync_filesystem(path: os.PathLike[str]) -> None:
    """Call syncfs(2): one journal commit for all files of a disk, where an fdatasync per file would take one each."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _LIBC.syncfs(fd) != 0:
            code = ctypes.get_errno() or errno.EIO
            raise OSError(code, os.strerror(code))
    finally:
        os.close(fd)


def write_private(path: Path, content: bytes) -> None:
    """Make or replace a file of mode 0600 with this content, whole or not at all, and on the disk when it returns."""
    draft = path.with_name(f"{path.name}.new")
    with suppress(FileNotFoundError):
        draft.unlink()
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    fsync_folder(path.parent)


def make_folders(root: Path, folder: Path) -> None:
    """Create what is missing of `folder` below `root`, each level private and made to last."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        with suppress(FileExistsError):  # another camera's first segment of the day was quicker
            one.mkdir(FOLDER_MODE)
        fsync_folder(one.parent)
