"""Whatever is done to the index or the ledger behind the recorder's back is found and named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from recorder_core.ledger_chain import entry_hash
from recorder_core.models import LedgerEntry, LedgerKind
from recorder_core.service.verify_ledger import LedgerFlaw, verify_ledger
from tests.core.storage.store import T0, S, Store, row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder_core.storage.records import Segment

HOUR = 3_600 * S


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a ledger that tells of three segments."""
    store = Store(tmp_path)
    run = store.run()
    for minute in range(3):
        row(store, run, T0 + minute * 60 * S, 60 * S)
    store.index.append_roots("entrance", T0 + HOUR)
    yield store
    store.index.close()


def _segments(store: Store) -> list[Segment]:
    return store.index.segments("entrance", T0 - HOUR, T0 + 2 * HOUR)


def _found(store: Store, copy: list[LedgerEntry] | None = None) -> list[tuple[int, LedgerFlaw]]:
    return [(finding.seq, finding.flaw) for finding in verify_ledger(store.index, copy or [])]


def _tamper(store: Store, *statements: str, **values: str | int | bytes) -> None:
    """Do what nobody may: the triggers that refuse it go first."""
    with store.index._writing() as connection:
        connection.execute(text("DROP TRIGGER IF EXISTS ledger_is_final_UPDATE"))
        connection.execute(text("DROP TRIGGER IF EXISTS ledger_is_final_DELETE"))
        for statement in statements:
            connection.execute(text(statement), values)


def test_a_ledger_that_is_whole_and_true(store: Store) -> None:
    """Also beside footage of which it does not tell yet, and a copy that ends earlier."""
    row(store, store.run("hall", run_id="run-2"), T0, 60 * S)
    entries = store.index.ledger(0, 10).entries
    seen: list[tuple[int, int]] = []
    assert list(verify_ledger(store.index, entries[:1], lambda done, total: seen.append((done, total)))) == []
    assert seen == [(2, 2)]


@pytest.mark.parametrize(
    ("statement", "findings"),
    [
        ("UPDATE ledger SET at_us = at_us + 1 WHERE seq = 2", [(2, LedgerFlaw.CHAIN)]),
        ("UPDATE ledger SET body = '{}' WHERE seq = 1", [(1, LedgerFlaw.CHAIN)]),
        ("DELETE FROM ledger WHERE seq = 1", [(2, LedgerFlaw.CHAIN), (2, LedgerFlaw.CHAIN)]),
        (
            "UPDATE segment SET root = zeroblob(32) WHERE start_us = (SELECT max(start_us) FROM segment)",
            [(2, "changed")],
        ),
        ("UPDATE leaves SET segments = substr(segments, 1, 80)", [(2, LedgerFlaw.ROOT)]),
        ("DELETE FROM segment WHERE start_us > :t0 + 60000000", [(2, LedgerFlaw.VANISHED)]),
        ("DELETE FROM leaves", [(0, LedgerFlaw.UNPROVED)] * 3),
    ],
)
def test_what_was_tampered_with_is_named(store: Store, statement: str, findings: list[tuple[int, LedgerFlaw]]) -> None:
    """One by one."""
    _tamper(store, statement, **({"t0": T0} if ":t0" in statement else {}))
    assert _found(store) == findings


def test_a_ledger_that_was_written_anew_differs_from_a_copy(store: Store) -> None:
    """Its chain is whole; only who has kept a copy can tell."""
    store.index.append_to_ledger(LedgerKind.SETTINGS, T0 + HOUR, {"n": 1})
    copy = store.index.ledger(0, 10).entries
    last = copy[-1]
    digest = entry_hash(bytes.fromhex(last.previous), last.seq, last.at_us, last.kind, '{"n":2}')
    _tamper(store, "UPDATE ledger SET body = :body, hash = :digest WHERE seq = 3", body='{"n":2}', digest=digest)
    assert _found(store) == []
    assert _found(store, copy) == [(3, LedgerFlaw.COPY)]
    _tamper(store, "DELETE FROM ledger WHERE seq = 3")
    assert _found(store) == []
    assert _found(store, copy) == [(3, LedgerFlaw.COPY)]
    [finding] = verify_ledger(store.index, copy)
    assert finding.detail == "the ledger ends before it; the copy goes on to entry 3"


def test_a_copy_that_was_changed_itself_is_told_from_a_ledger_that_was(store: Store) -> None:
    """An entry that is not what its hash covers, one that is left out, and one that nobody can have written."""
    first, second = store.index.ledger(0, 10).entries
    for copy in ([replace(first, at_us=1), second], [second], [replace(first, at_us=1 << 70)]):
        [finding] = verify_ledger(store.index, copy)
        assert (finding.seq, finding.flaw) == (copy[0].seq, LedgerFlaw.COPY)
        assert finding.detail == "the copy itself is not as it was written"


def test_a_copy_of_another_ledger_is_no_earlier_one(store: Store, tmp_path: Path) -> None:
    """Nothing of this one says that it began anew."""
    (tmp_path / "other").mkdir()
    other = Store(tmp_path / "other")
    other.index.append_to_ledger(LedgerKind.SETTINGS, T0, {})
    copy = other.index.ledger(0, 10).entries
    other.index.close()
    [finding] = verify_ledger(store.index, copy)
    assert (finding.seq, finding.flaw, finding.detail) == (
        1,
        LedgerFlaw.COPY,
        "the copy tells otherwise, up to entry 2",
    )


def test_footage_that_went_as_it_should_is_not_missed(store: Store) -> None:
    """A certificate tells of its deletion, or an entry of a file that was given up; of all other, nothing does."""
    first, second, third = _segments(store)
    store.index.give_up(second)
    body = json.loads(store.index.ledger(2, 1).entries[0].body)
    assert (body["segment_id"], body["root"]) == (second.segment_id, second.root.hex())
    assert _found(store) == []
    _tamper(
        store,
        "INSERT INTO certificate (camera_key, record_class, start_us, end_us, records, size, digest, rule, "
        "policy_version, at_us) VALUES (1, 'video', :start_us, :end_us, 1, 1, x'00', 'age', '', 1)",
        start_us=first.start_us,
        end_us=first.end_us,
    )
    _tamper(store, "DELETE FROM segment WHERE segment_id = :segment_id", segment_id=first.segment_id)
    assert _found(store) == []
    assert [segment.segment_id for segment in _segments(store)] == [third.segment_id]


def test_a_ledger_begins_with_its_first_entry(store: Store) -> None:
    """One that was begun by somebody else's entry is not the recorder's."""
    _tamper(store, "DELETE FROM leaves", "DELETE FROM segment", "DELETE FROM ledger")
    assert _found(store) == []
    store.index.append_to_ledger(LedgerKind.SETTINGS, T0, {})
    _tamper(store, "DELETE FROM ledger WHERE seq = 1")
    digest = entry_hash(bytes(32), 1, T0, LedgerKind.SETTINGS, "{}")
    _tamper(store, "UPDATE ledger SET seq = 1, previous = zeroblob(32), hash = :digest", digest=digest)
    assert _found(store) == [(1, LedgerFlaw.CHAIN)]
