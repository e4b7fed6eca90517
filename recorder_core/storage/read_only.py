"""Looks into an index that a recorder may be writing, without a copy and without ever changing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from itertools import batched
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import ExportState, LedgerEntry, LedgerKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_ASKED = 500
"""Ids in one question."""


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the index at `path` for reading.

    Raises:
        StorageError: `INDEX_DAMAGED` if it cannot be opened, or whenever it cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise StorageError(ErrorCode.INDEX_DAMAGED, "The index cannot be read.", path=str(path)) from error


def ledger_entries(connection: sqlite3.Connection, after: int) -> Iterator[LedgerEntry]:
    """Give the ledger's entries with numbers above `after`, in order."""
    query = "SELECT seq, at_us, kind, body, previous, hash FROM ledger WHERE seq > ? ORDER BY seq"
    for seq, at_us, kind, body, previous, digest in connection.execute(query, (after,)):
        yield LedgerEntry(
            seq=seq, at_us=at_us, kind=LedgerKind(kind), body=body, previous=previous.hex(), hash=digest.hex()
        )


def kept_exports(connection: sqlite3.Connection) -> set[str]:
    """Return the ids of the exports whose files are there."""
    rows = connection.execute("SELECT export_id FROM export WHERE state = ?", (ExportState.DONE.value,))
    return {export_id for (export_id,) in rows}


def present(connection: sqlite3.Connection, segment_ids: Collection[int]) -> set[int]:
    """Return those of these segments that the index still has."""
    found: set[int] = set()
    for some in batched(segment_ids, _ASKED, strict=False):
        marks = ", ".join("?" * len(some))
        rows = connection.execute(f"SELECT segment_id FROM segment WHERE segment_id IN ({marks})", some)  # noqa: S608  marks
        found.update(segment_id for (segment_id,) in rows)
    return found
