"""One recorder per data folder: an exclusive flock(2) that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from recorder_core.errors import ErrorCode, StorageError

from .files import FILE_MODE, storage_error

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

LOCK_FILE = "recorder.lock"


class StoreLock:
    """The lock on a data folder, held from construction to `release`."""

    def __init__(self, folder: Path) -> None:
        """Take the lock and write the process id into its file.

        Raises:
            StorageError: `STORE_LOCKED` with the holder's `pid` (0 if it is not known), or `VOLUME_READ_ONLY`,
                `VOLUME_MISSING`, `VOLUME_FULL` where the file cannot be made.
        """
        try:
            # Not inherited: a program that the recorder starts must not keep the lock alive.
            fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise storage_error(error, "Making the lock file") from error
        try:
            _take(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Give the lock up; a second call does nothing. The file stays, for removing it would race."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        """Hand out the held lock."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give it up."""
        self.release()


def _take(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    except BlockingIOError as error:
        written = os.pread(fd, 20, 0).strip()
        pid = int(written) if written.isdigit() else 0
        raise StorageError(ErrorCode.STORE_LOCKED, "Another recorder is using this data folder.", pid=pid) from error
    except OSError as error:
        raise storage_error(error, "Locking the data folder") from error
