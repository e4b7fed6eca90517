"""Rows of the ledger: appended within the transaction that does what they tell of, never changed (invariant 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from recorder_core.ledger_chain import GENESIS, canonical, entry_hash
from recorder_core.models import LedgerEntry, LedgerKind, LedgerPage

from .database import Database
from .schema import LEDGER, META

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row


_KEY = "signing_key"
_KEY_MARK = "signing_key_mark"


class LedgerRows(Database):
    """The hash-chained account of what matters."""

    def append_to_ledger(self, kind: LedgerKind, at_us: int, body: Mapping[str, object]) -> int:
        """Append an entry that goes with no other change; returns its number."""
        with self._writing() as connection:
            return append_ledger(connection, kind, at_us, body)

    def note_signing_key(self, fingerprint: str, mark: str, at_us: int) -> bool:
        """Append an entry if packages are signed with another key from now on, and return whether they are.

        `mark` tells the key's file from others at no cost, see `signing_key_mark`.
        """
        with self._writing() as connection:
            known = self._meta(connection, _KEY)
            self._put_meta(connection, _KEY_MARK, mark)
            if known == fingerprint:
                return False
            self._put_meta(connection, _KEY, fingerprint)
            append_ledger(connection, LedgerKind.SIGNING_KEY, at_us, {"fingerprint": fingerprint, "previous": known})
            return True

    def signing_key_mark(self) -> str | None:
        """Return the mark of the file with the key that was noted last."""
        with self._reading() as connection:
            return self._meta(connection, _KEY_MARK)

    def begin_ledger(self, at_us: int) -> None:
        """Append the first entry, if there is none."""
        with self._writing() as connection:
            _begun(connection, at_us)

    def ledger(self, after: int, limit: int) -> LedgerPage:
        """Return up to `limit` entries whose number is greater than `after`, in order, and the newest one's hash."""
        with self._reading() as connection:
            head_seq, head_hash = _head(connection)
            rows = connection.execute(select(LEDGER).where(LEDGER.c.seq > after).order_by(LEDGER.c.seq).limit(limit))
            entries = [ledger_entry(row) for row in rows]
        return LedgerPage(entries=entries, head_seq=head_seq, head_hash=head_hash.hex())


def append_ledger(connection: Connection, kind: LedgerKind, at_us: int, body: Mapping[str, object]) -> int:
    """Append an entry within the caller's writing transaction; returns its number.

    The first entry of all is `begun`, with the store's id, and is put before any other kind.

    Raises ValueError or TypeError for a body that JSON cannot say.
    """
    return _append(connection, _begun(connection, at_us), kind, at_us, body)[0]


def ledger_entry(row: Row[tuple[object, ...]]) -> LedgerEntry:
    """Return an entry as it travels."""
    return LedgerEntry(
        seq=row.seq,
        at_us=row.at_us,
        kind=LedgerKind(row.kind),
        body=row.body,
        previous=row.previous.hex(),
        hash=row.hash.hex(),
    )


def _begun(connection: Connection, at_us: int) -> tuple[int, bytes]:
    """Return number and hash of the newest entry, which is the first one if there was none."""
    head = _head(connection)
    if head[0]:
        return head
    store_id = connection.execute(select(META.c.value).where(META.c.key == "store_id")).scalar_one()
    return _append(connection, head, LedgerKind.BEGUN, at_us, {"store_id": store_id})


def _append(
    connection: Connection, head: tuple[int, bytes], kind: LedgerKind, at_us: int, body: Mapping[str, object]
) -> tuple[int, bytes]:
    seq, previous, text = head[0] + 1, head[1], canonical(body)
    digest = entry_hash(previous, seq, at_us, kind, text)
    values = {"seq": seq, "at_us": at_us, "kind": kind.value, "body": text, "previous": previous, "hash": digest}
    connection.execute(insert(LEDGER).values(values))
    return seq, digest


def _head(connection: Connection) -> tuple[int, bytes]:
    newest = select(LEDGER.c.seq, LEDGER.c.hash).order_by(LEDGER.c.seq.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return (0, GENESIS) if row is None else (row.seq, row.hash)
