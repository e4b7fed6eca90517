"""The ledger's rows: numbered, chained, written with what they tell of, and never changed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, update

from recorder_core.errors import StorageError
from recorder_core.ledger_chain import GENESIS, broken_links
from recorder_core.models import LedgerKind
from recorder_core.storage.ledger_rows import append_ledger
from recorder_core.storage.schema import CAMERA, LEDGER

from .store import T0, S, Store

if TYPE_CHECKING:
    from sqlalchemy import Executable


def test_an_entry_covers_all_before_it(store: Store) -> None:
    """Each has the hash of the one before; what is hashed is written out here in full."""
    assert store.index.append_to_ledger(LedgerKind.SETTINGS, T0, {"b": "ü", "a": 1}) == 2
    assert store.index.append_to_ledger(LedgerKind.DELETED, -1, {}) == 3
    page = store.index.ledger(0, 10)
    begun, settings, deleted = page.entries
    assert (begun.kind, json.loads(begun.body)) == (LedgerKind.BEGUN, {"store_id": store.index.store_id})
    assert (begun.previous, settings.body, deleted.body) == ("00" * 32, '{"a":1,"b":"ü"}', "{}")
    previous = bytes(32)
    for entry, at_us in ((begun, T0), (settings, T0), (deleted, -1)):
        covered = previous + entry.seq.to_bytes(8) + at_us.to_bytes(8, signed=True)
        previous = hashlib.sha256(covered + f"{entry.kind}\0{entry.body}".encode()).digest()
        assert (entry.at_us, entry.hash) == (at_us, previous.hex())
    assert (page.head_seq, page.head_hash) == (3, deleted.hash)


def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    """An empty ledger has no head; every page names the newest entry of all."""
    assert store.index.ledger(0, 10).head_hash == GENESIS.hex()
    for number in range(4):
        store.index.append_to_ledger(LedgerKind.ROOTS, T0 + number * S, {"n": number})
    first = store.index.ledger(0, 3)
    rest = store.index.ledger(first.entries[-1].seq, 3)
    assert [entry.seq for entry in (*first.entries, *rest.entries)] == [1, 2, 3, 4, 5]
    assert (first.head_seq, first.head_hash) == (5, rest.entries[-1].hash)
    assert list(broken_links([*first.entries, *rest.entries])) == []
    assert list(broken_links(rest.entries, 3, first.entries[-1].hash)) == []
    assert list(broken_links([first.entries[0], *rest.entries])) == [4]


def test_an_entry_goes_the_way_of_its_transaction(store: Store) -> None:
    """What is rolled back was never told."""

    def place() -> None:
        with store.index._writing() as connection:
            append_ledger(connection, LedgerKind.HOLD_PLACED, T0, {"n": 1})
            append_ledger(connection, LedgerKind.HOLD_PLACED, T0, {"n": float("nan")})

    with pytest.raises(ValueError, match="not JSON compliant"):
        place()
    assert store.index.ledger(0, 10).entries == []


@pytest.mark.parametrize("statement", [delete(LEDGER), update(LEDGER).values(body="{}")])
def test_no_entry_is_changed_or_dropped(store: Store, statement: Executable) -> None:
    """The database itself refuses, and the rest of such a transaction does not happen either."""
    store.index.append_to_ledger(LedgerKind.SETTINGS, T0, {})

    def tamper() -> None:
        with store.index._writing() as connection:
            connection.execute(CAMERA.insert().values(camera_id="a", name="A", first_seen_us=T0))
            connection.execute(statement)

    with pytest.raises(StorageError):
        tamper()
    with store.index._reading() as connection:
        assert len(connection.execute(select(LEDGER)).all()) == 2
        assert connection.execute(select(CAMERA)).all() == []
