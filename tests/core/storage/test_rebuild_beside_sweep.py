"""What is deleted while files are read, or was before, is neither missing nor a gap: its certificate tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder_core.models import DeletionRule, LedgerKind
from recorder_core.storage.garbage import collect_garbage
from recorder_core.storage.rebuild import Rebuilt, rebuild
from recorder_core.storage.rebuild_rows import Finding
from recorder_core.storage.records import GapReason

from .store import T0, S, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder_core.storage.records import Segment


@pytest.fixture
def segments(store: Store) -> Iterator[list[Segment]]:
    """Five segments of a run."""
    run = store.run()
    yield [store.record(run, T0 + n * 3 * S) for n in range(5)]
    kinds = [entry.kind for entry in store.index.ledger(0, 100).entries]
    assert LedgerKind.GIVEN_UP not in kinds
    assert store.index.findings() == {}


def _delete(store: Store, before_us: int) -> None:
    """Sweep what ends by then, files and all."""
    certificate = store.index.condemn_oldest(
        "entrance", before_us=before_us, max_bytes=None, rule=DeletionRule.AGE, policy_version="", now_us=T0
    )
    assert certificate is not None
    collect_garbage(store.index, store.handle.volume)


@pytest.mark.parametrize("give_up", [False, True])
def test_what_is_deleted_meanwhile_is_not_missing(store: Store, segments: list[Segment], give_up: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Between the moment at which its row is read and the one at which its file is looked for."""
    total = sum(segment.size for segment in segments)
    looks = 0

    def meanwhile(done: int, _total: int) -> None:
        nonlocal looks
        looks += done == total
        if looks == 2:  # the files were gone through once, and the first row is looked at
            _delete(store, segments[2].start_us)

    report = rebuild(store.index, [store.handle], meanwhile, give_up_missing=give_up)
    assert report == Rebuilt(known=5)
    assert store.index.gaps("entrance", 0, 2 * T0) == []
    assert [event.kind for event in store.index.events(0, 10)] == []


def test_a_row_that_is_gone_is_neither_found_wrong_nor_given_up(store: Store, segments: list[Segment]) -> None:
    """Whoever read it before it went may still come with it."""
    _delete(store, segments[1].start_us)
    assert not store.index.note_finding(segments[0], Finding.MISSING)
    assert not store.index.give_up(segments[0])
    assert store.index.gaps("entrance", 0, 2 * T0) == []
    assert store.index.events(0, 10) == []


def test_what_was_deleted_leaves_no_gap_between_what_was_kept(store: Store, segments: list[Segment]) -> None:
    """A reading keeps the first and the last; the others are certified, then two files come back without their rows."""
    for kept in (segments[0], segments[4]):
        store.index.begin_reading("entrance", kept.start_us, kept.end_us)
    _delete(store, T0 + 60 * S)
    with store.index._writing() as connection:
        connection.exec_driver_sql("DELETE FROM segment")
        connection.exec_driver_sql("DELETE FROM run")
    store.index.open_gap("entrance", T0 + 20 * S, GapReason.CONNECTING)
    assert rebuild(store.index, [store.handle]) == Rebuilt(adopted=2, gaps=1)
    inferred = [gap for gap in store.index.gaps("entrance", 0, 2 * T0) if gap.end_us is not None]
    assert [(gap.start_us, gap.end_us) for gap in inferred] == [(T0 + 15 * S, T0 + 20 * S)]
