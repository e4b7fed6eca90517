"""Copies of the index that a damaged one is put back from: two generations beside it, the newer made every hour.

What a copy does not know of is in the files (invariant 7), so a start that puts one back has them read. A copy counts
only after it was checked and synced; one of a damaged index never takes a whole one's place.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError

from .database import IN_USE
from .files import FILE_MODE, fsync_folder, storage_error

if TYPE_CHECKING:
    from pathlib import Path

_LOGGER = logging.getLogger(__name__)

GENERATIONS = 2

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def backup_path(index: Path, generation: int) -> Path:
    """Return where a copy of an index lies; generation 1 is the newest."""
    return index.with_name(f"{index.name}.backup-{generation}")


def back_up(index: Path) -> None:
    """Make a new copy of an index that may be in use, and let go of the oldest one. Blocks.

    Whoever writes meanwhile is not held up: a reader of a WAL sees one unchanging state (sqlite.org/wal.html).

    Raises:
        StorageError: `INDEX_DAMAGED`, in which case the copies stay as they are, or what the disk refused.
    """
    draft = index.with_name(f"{index.name}.backup-new")
    try:
        _create(draft)
        with closing(_connect(index)) as source, closing(_connect(draft)) as target:
            source.backup(target)
            # A copy that is put back must not need a log beside it, nor seem to have lost one.
            target.execute("PRAGMA journal_mode=DELETE")
            target.execute("DELETE FROM meta WHERE key = ?", (IN_USE,))
        if not _is_whole(draft, "PRAGMA quick_check(1)"):
            raise StorageError(ErrorCode.INDEX_DAMAGED, "The index of the footage is damaged: its copy is not whole.")
        _sync(draft)
        for generation in range(GENERATIONS, 1, -1):
            with suppress(FileNotFoundError):  # there are not so many yet
                backup_path(index, generation - 1).replace(backup_path(index, generation))
        draft.replace(backup_path(index, 1))
        fsync_folder(index.parent)
    except OSError as error:
        raise storage_error(error, "Copying the index") from error
    except sqlite3.Error as error:
        raise _refusal(error) from error
    finally:
        with suppress(OSError):  # what refused it is told; else it is a copy by now
            draft.unlink()  # half a copy would keep a full disk full


def _refusal(error: sqlite3.Error) -> StorageError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return StorageError(ErrorCode.VOLUME_FULL, "The disk that holds the index is too full for a copy of it.")
    return StorageError(ErrorCode.STORAGE_FAILED, "The index could not be copied.")


def newest_copy(index: Path) -> Path | None:
    """Return the newest copy that is whole; None if there is none. Blocks.

    It is checked more thoroughly than when it was made, for it may have the flaw for which the index was set aside.
    """
    copies = (backup_path(index, generation) for generation in range(1, GENERATIONS + 1))
    return next((copy for copy in copies if copy.exists() and _is_whole(copy, "PRAGMA integrity_check(1)")), None)


def put_back(copy: Path, index: Path) -> None:
    """Put a copy, which stays, in the place of an index that was set aside. Blocks. Raises OSError.

    Where there is no room for another one, it does not stay: the index is needed more, for nothing is recorded, nor
    deleted to make room, without one; the next copy is made within the hour.
    """
    draft = index.with_name(f"{index.name}.restored")
    try:
        _create(draft)
        shutil.copyfile(copy, draft)
        _sync(draft)
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno not in _NO_ROOM:
            raise
        _LOGGER.error("There is no room to copy %s: it becomes the index itself", copy.name)  # noqa: TRY400  # it says all
        draft = copy
    draft.replace(index)
    fsync_folder(index.parent)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _is_whole(path: Path, check: str) -> bool:
    try:
        with closing(_connect(path)) as connection:
            # An empty file is a whole database, but no index.
            known = connection.execute("SELECT 1 FROM meta WHERE key = 'store_id'").fetchone()
            return known is not None and bool(connection.execute(check).fetchone() == ("ok",))
    except sqlite3.DatabaseError:  # no database at all, or one that breaks while it is read
        return False


def _create(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
