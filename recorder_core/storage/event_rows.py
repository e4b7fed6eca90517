"""Rows of the event feed: numbered without holes, pulled by number, the oldest dropped once there are very many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from .database import Database
from .records import Event
from .schema import EVENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

EVENTS_KEPT = 250_000
"""About two days of 100 cameras that close a segment a minute; one who stays away longer sees the numbers jump."""


class EventRows(Database):
    """Events, in the order in which they were committed."""

    def append_event(
        self, kind: str, at_us: int, camera_id: str | None, data: Mapping[str, str | int | float | bool | None]
    ) -> Event:
        """Number an event and keep it."""
        with self._writing() as connection:
            return self._append_event(connection, kind, at_us, camera_id, data)

    def events(self, after: int, limit: int) -> list[Event]:
        """Return up to `limit` events whose number is greater than `after`, in order."""
        with self._reading() as connection:
            rows = connection.execute(select(EVENT).where(EVENT.c.seq > after).order_by(EVENT.c.seq).limit(limit))
            return [Event(row.seq, row.at_us, row.kind, row.camera_id, json.loads(row.data)) for row in rows]

    def last_event(self) -> int:
        """Return the number of the newest event, 0 without one."""
        with self._reading() as connection:
            seq: int = connection.execute(select(func.coalesce(func.max(EVENT.c.seq), 0))).scalar_one()
            return seq

    def _append_event(
        self,
        connection: Connection,
        kind: str,
        at_us: int,
        camera_id: str | None,
        data: Mapping[str, str | int | float | bool | None],
    ) -> Event:
        values = {"at_us": at_us, "kind": kind, "camera_id": camera_id, "data": json.dumps(data, allow_nan=False)}
        seq = connection.execute(insert(EVENT).values(values).returning(EVENT.c.seq)).scalar_one()
        connection.execute(delete(EVENT).where(EVENT.c.seq <= seq - EVENTS_KEPT))
        return Event(seq, at_us, kind, camera_id, dict(data))
