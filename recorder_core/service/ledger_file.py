"""A copy of the ledger in a file: one entry a line, as JSON, only ever added to.

Whoever keeps it out of reach of those who run the recorder can show later what the ledger told when (invariant 8).
The documentation has a program of a few lines that checks such a file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import LedgerEntry, LedgerKind
from recorder_core.storage.files import FILE_MODE, fsync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

_MALFORMED = (ValueError, TypeError, LookupError)
"""What mashumaro raises for a line that is no entry."""


def read_copy(path: Path) -> Iterator[LedgerEntry]:
    """Give the entries of a copy, in its order; a last line that was never finished is left out.

    Raises:
        StorageError: `STORAGE_FAILED` for a line that is no entry.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _entry(line, path)


def append_copy(path: Path, entries_after: Callable[[int], Iterator[LedgerEntry]]) -> tuple[int, int]:
    """Add to a copy what it does not have yet; `entries_after(seq)` gives the ledger's entries above a number.

    Returns how many entries were added, and how many the copy has. It is synced, and new ones are private.

    Raises:
        StorageError: `STORAGE_FAILED` where the copy's last entry is not in the ledger; nothing is added then.
        OSError: it cannot be read or written.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE), "r+b") as file:
        last, size = _last(file, path)
        entries = entries_after(0 if last is None else last.seq - 1)
        if last is not None and next(entries, None) != last:
            sentence = f"{path} is not a copy of this ledger, or the ledger was changed: entry {last.seq} differs."
            rebuilt = [
                one.seq for one in entries_after(0) if one.kind is LedgerKind.REBUILT and one.seq <= last.seq + 1
            ]
            if rebuilt:
                sentence += (
                    f" The index was put back since (entry {rebuilt[-1]}), and with it an earlier ledger. Keep the file"
                    " if it is from before, and export to a new one; verify --ledger --copy says what only it has."
                )
            raise StorageError(ErrorCode.STORAGE_FAILED, sentence, path=str(path), seq=last.seq)
        file.seek(size)
        file.truncate()
        added = 0
        for entry in entries:
            file.write(entry.to_jsonb() + b"\n")
            added += 1
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(path.absolute().parent)
    return added, added + (0 if last is None else last.seq)


def _last(file: BinaryIO, path: Path) -> tuple[LedgerEntry | None, int]:
    """The last whole line's entry, and where that line ends."""
    last, size = b"", 0
    for line in file:
        if line.endswith(b"\n"):
            last, size = line, size + len(line)
    return (_entry(last, path) if last else None), size


def _entry(line: bytes, path: Path) -> LedgerEntry:
    try:
        return LedgerEntry.from_json(line)
    except _MALFORMED as error:
        raise StorageError(ErrorCode.STORAGE_FAILED, f"{path} is no copy of a ledger.", path=str(path)) from error
