"""The SQLite file under the index: how it is opened, how a transaction begins, and what its errors mean.

Keeps the part of invariant 2 about transactions: whoever writes takes the write lock first (`BEGIN IMMEDIATE`), so
nothing can change between what it reads and what it writes. WAL with `synchronous=FULL`: a commit outlasts a power cut.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from sqlalchemy import URL, create_engine, delete, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from recorder_core.errors import ErrorCode, StorageError

from .files import FILE_MODE, fsync_folder
from .migrations import migrate
from .schema import META

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sqlalchemy import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

    from recorder_core.clock import Clock

_LOGGER = logging.getLogger(__name__)

_BUSY_TIMEOUT_S = 30.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STORE_ID = "store_id"
_SIDE_FILES = ("-wal", "-shm", "-journal")

IN_USE = "in_use_since_boot"
"""The key of the mark that whoever opens an index leaves in it until he closes it."""

# Primary result codes of SQLite (sqlite.org/rescode.html): what each means for the recorder.
_MEANINGS = {
    sqlite3.SQLITE_CORRUPT: (ErrorCode.INDEX_DAMAGED, "The index of the footage is damaged."),
    sqlite3.SQLITE_NOTADB: (ErrorCode.INDEX_DAMAGED, "The index of the footage is damaged: it is no database."),
    sqlite3.SQLITE_FULL: (ErrorCode.VOLUME_FULL, "The disk that holds the index is full."),
    sqlite3.SQLITE_READONLY: (ErrorCode.VOLUME_READ_ONLY, "The index cannot be written."),
    sqlite3.SQLITE_CANTOPEN: (ErrorCode.VOLUME_READ_ONLY, "The index cannot be opened or created."),
    sqlite3.SQLITE_PERM: (ErrorCode.VOLUME_READ_ONLY, "The index cannot be opened or created."),
    sqlite3.SQLITE_BUSY: (ErrorCode.STORE_LOCKED, "Another process keeps the index locked."),
    sqlite3.SQLITE_LOCKED: (ErrorCode.STORE_LOCKED, "Another process keeps the index locked."),
}


class Database:
    """One open index file. Its methods may be called from any thread; writers wait for each other."""

    def __init__(self, path: Path, clock: Clock, *, boot_id: str | None = None) -> None:
        """Open or create the file at `path`, bring it to the present version and mark it as in use.

        After a crash of the machine (an earlier user left its mark, under another `boot_id`) or after an error that
        spoke of damage, the whole file is checked first, in the latter case more thoroughly; a process that was merely
        killed cannot have damaged it.

        Raises:
            StorageError: `INDEX_DAMAGED`, `VERSION_MISMATCH`, `VOLUME_READ_ONLY`, `VOLUME_FULL` or `STORE_LOCKED`.
        """
        self.path = path
        self.clock = clock
        self._boot_id = _BOOT_ID.read_text().strip() if boot_id is None else boot_id
        self._suspect = path.with_name(f"{path.name}.suspect")
        self._write_lock = threading.Lock()
        self._closed = False
        self._engine = _engine(path)
        self._writer = self._engine.execution_options(sqlite_begin="IMMEDIATE")
        try:
            self.store_id = self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    @classmethod
    def open(cls, path: Path, clock: Clock) -> Self:
        """Open the index at `path`, see the constructor."""
        return cls(path, clock)

    def close(self) -> None:
        """Take the mark of use away and close; a second call does nothing.

        Raises StorageError where the index cannot be written any more; it is closed all the same, and stays marked.
        """
        if self._closed:
            return
        self._closed = True
        try:
            with self._writing() as connection:
                connection.execute(delete(META).where(META.c.key == IN_USE))
        finally:
            self._engine.dispose()
        self._fold()

    def __enter__(self) -> Self:
        """Hand out the open index."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give a connection that sees one unchanging state."""
        with self._meaning(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give a connection that holds SQLite's write lock from the start; commit unless an error leaves the block."""
        # Threads of this process queue here and not in SQLite's busy handler, which polls.
        with self._write_lock, self._meaning(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _meaning(self) -> Iterator[None]:
        """Turn what SQLite reports into the recorder's errors, and remember damage for the next start."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            known = _storage_error(error.orig if isinstance(error, DBAPIError) else error)
            if known.code is ErrorCode.INDEX_DAMAGED:
                self._note_damage()
            raise known from error

    def _meta(self, connection: Connection, key: str) -> str | None:
        return connection.execute(select(META.c.value).where(META.c.key == key)).scalar()

    def _put_meta(self, connection: Connection, key: str, value: str) -> None:
        statement = insert(META).values(key=key, value=value)
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def _prepare(self) -> str:
        _create_private(self.path)
        with self._writing() as connection:
            migrate(connection)
            mark = self._meta(connection, IN_USE)
            if self._suspect.exists():
                # A query met damage that the quick check may not see: an index that does not fit its table, say.
                self._check(connection, "PRAGMA integrity_check(1)")
            elif mark not in (None, self._boot_id):
                self._check(connection, "PRAGMA quick_check(1)")
            store_id = self._meta(connection, _STORE_ID)
            if store_id is None:
                store_id = uuid4().hex
                self._put_meta(connection, _STORE_ID, store_id)
            self._put_meta(connection, IN_USE, self._boot_id)
        self._checkpoint()
        self._suspect.unlink(missing_ok=True)
        return store_id

    def _checkpoint(self) -> None:
        """Bring the mark of use into the file itself, so that it shows also where the log is lost."""
        with self._meaning(), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _fold(self) -> None:
        """Have SQLite bring the log into the file and remove it, as it does when the last connection closes."""
        with self._meaning(), closing(sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA schema_version")

    def _check(self, connection: Connection, how: str) -> None:
        finding = connection.exec_driver_sql(how).scalar_one()
        if finding != "ok":
            self._note_damage()
            raise StorageError(ErrorCode.INDEX_DAMAGED, f"The index of the footage is damaged: {finding}")

    def _note_damage(self) -> None:
        try:
            suspect(self.path)
        except OSError as error:  # the damage itself is what is to be told
            _LOGGER.error("That the index is damaged cannot be noted: %s", error.strerror)  # noqa: TRY400  # it says all


def suspect(path: Path) -> None:
    """Have the next one who opens an index check all of it first. Raises OSError."""
    path.with_name(f"{path.name}.suspect").touch(FILE_MODE)


def aside_path(path: Path, now_us: int) -> Path:
    """Return where an index is to lie once it was set aside."""
    return path.with_name(f"{path.name}.damaged-{now_us}")


def set_aside(path: Path, aside: Path) -> None:
    """Move what there is of a damaged index out of the way, so that another one can take its place.

    Raises OSError if the folder does not allow it.
    """
    # The side files go first: a log that stayed behind would be played into the new index.
    for suffix in (*_SIDE_FILES, ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    fsync_folder(path.parent)
    path.with_name(f"{path.name}.suspect").unlink(missing_ok=True)


def _create_private(path: Path) -> None:
    """Create the file before SQLite does, so that it and its side files, which take its mode, are private."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        return
    except OSError as error:
        raise StorageError(
            ErrorCode.VOLUME_READ_ONLY, f"The index cannot be created: {os.strerror(error.errno or 0)}."
        ) from error
    fsync_folder(path.parent)


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # The driver would begin transactions by itself, deferred and not before SELECT; `_begin` below does it.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        # Where the mark of use stays, the log does too: without it, it would seem to be lost.
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")

    return engine


def _storage_error(error: BaseException | None) -> StorageError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    # The low byte is the primary code, the rest says which kind of it.
    known, sentence = _MEANINGS.get(code & 0xFF, (ErrorCode.STORAGE_FAILED, "The index failed."))
    return StorageError(known, sentence, sqlite=getattr(error, "sqlite_errorname", type(error).__name__))
