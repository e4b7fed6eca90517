"""Rows of files that are given up and still to be unlinked: the index's half of deleting (invariant 2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select

from recorder_core.models import DeletionRule

from .camera_rows import volume_key
from .certificate_rows import note_erased
from .database import Database
from .erasure_rows import gone_unseen
from .schema import GARBAGE, OPEN_FILE, VOLUME

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

_RULES = tuple(DeletionRule)
"""Reasons for which there is a certificate, which garbage from before schema version 3 does not name."""

_IDS_AT_ONCE = 500
"""SQLite takes a limited number of values in one question."""


@dataclass(frozen=True, slots=True)
class GarbageFile:
    """A file that nothing refers to any more; `path` is relative to its volume, `size` in bytes."""

    segment_id: int
    volume_id: str
    path: str
    size: int
    reason: str


class GarbageRows(Database):
    """Files on their way out."""

    def condemn(self, file: GarbageFile) -> None:
        """Give a file up: in one transaction it is open no longer, if it was, and is garbage. Twice is as once."""
        with self._writing() as connection:
            values = {
                "segment_id": file.segment_id,
                "volume_key": volume_key(connection, file.volume_id),
                "path": file.path,
                "size": file.size,
                "at_us": self.clock.now_us(),
                "reason": file.reason,
            }
            connection.execute(delete(OPEN_FILE).where(OPEN_FILE.c.segment_id == file.segment_id))
            connection.execute(insert(GARBAGE).prefix_with("OR IGNORE").values(values))

    def garbage(self, volume_id: str, limit: int | None = None) -> list[GarbageFile]:
        """Return the files of a volume that are still to be unlinked, or up to `limit` of them, by their paths."""
        query = select(GARBAGE).join_from(GARBAGE, VOLUME, GARBAGE.c.volume_key == VOLUME.c.volume_key)
        some = query.where(VOLUME.c.volume_id == volume_id).order_by(GARBAGE.c.segment_id).limit(limit)
        with self._reading() as connection:
            found = [
                GarbageFile(row.segment_id, volume_id, row.path, row.size, row.reason)
                for row in connection.execute(some)
            ]
        return sorted(found, key=attrgetter("path"))

    def garbage_removed(self, segment_ids: Collection[int]) -> None:
        """Drop the rows of files, at least one, that were unlinked and whose folders were synced.

        Certificates of which no file is left say from now on that they are erased.
        """
        gone = [{"gone": segment_id} for segment_id in segment_ids]
        with self._writing() as connection:
            of_certificates: set[int] = set()
            nameless = False
            for some in batched(segment_ids, _IDS_AT_ONCE, strict=False):
                told = (GARBAGE.c.segment_id.in_(some), GARBAGE.c.certificate_id.is_not(None))
                old = (GARBAGE.c.segment_id.in_(some), GARBAGE.c.certificate_id.is_(None), GARBAGE.c.reason.in_(_RULES))
                of_certificates.update(connection.execute(select(GARBAGE.c.certificate_id).where(*told)).scalars())
                nameless |= connection.execute(select(func.count()).where(*old)).scalar_one() > 0
            connection.execute(delete(GARBAGE).where(GARBAGE.c.segment_id == bindparam("gone")), gone)
            erased = {one for one in of_certificates if not _is_left(connection, one)}
            if nameless:
                erased.update(gone_unseen(connection))
            note_erased(connection, erased, self.clock.now_us())

    def pending_bytes(self, volume_id: str) -> int:
        """Return the bytes on a volume that are given up and not unlinked yet; they count as free (invariant 6)."""
        query = select(func.coalesce(func.sum(GARBAGE.c.size), 0)).join_from(
            GARBAGE, VOLUME, GARBAGE.c.volume_key == VOLUME.c.volume_key
        )
        with self._reading() as connection:
            size: int = connection.execute(query.where(VOLUME.c.volume_id == volume_id)).scalar_one()
            return size


def _is_left(connection: Connection, certificate_id: int) -> bool:
    query = select(GARBAGE.c.segment_id).where(GARBAGE.c.certificate_id == certificate_id).limit(1)
    return connection.execute(query).scalar() is not None
