"""Tells, before an index is opened, what of it is gone: SQLite reports neither an empty file nor a log that is lost.

It takes an empty file for a new database and removes the log beside it, and opens one without its log as it was at its
last checkpoint; either would forget rows of files, and holds (invariants 1 and 3).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING

from .database import IN_USE
from .migrations import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path


class Loss(StrEnum):
    """What an index has lost: all of its file, what was only in its log, or, by damage, nobody knows what."""

    FILE = "file"
    LOG = "log"
    DAMAGE = "damage"


def find_loss(index: Path) -> Loss | None:
    """Say what of an index is gone, without touching it; None where nothing is, or where opening it will tell.

    Raises OSError.
    """
    if _size(index) == 0:
        return Loss.FILE
    # Whoever closes an index takes the mark out of it and then removes the log; a recorder that dies leaves both.
    if _size(index.with_name(f"{index.name}-wal")) == 0 and _is_marked(index):
        return Loss.LOG
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_marked(index: Path) -> bool:
    """Whether the file itself, whatever a log would add, says that it is in use, and that in words known here."""
    try:
        # Nobody else writes: the data folder is locked. Said so, SQLite makes no files beside it.
        with closing(sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            [version] = connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                return False
            return connection.execute("SELECT 1 FROM meta WHERE key = ?", (IN_USE,)).fetchone() is not None
    except sqlite3.Error:  # opening it tells what is wrong
        return False
