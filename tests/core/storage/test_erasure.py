"""A certificate says that footage is erased when the last of its files is gone, and not before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from recorder_core.errors import StorageError
from recorder_core.models import DeletionRule, ExportFile, ExportJob, ExportState, LedgerKind
from recorder_core.storage.certificate_rows import Reason
from recorder_core.storage.export_rows import StoredExport
from recorder_core.storage.garbage import collect_garbage, next_garbage, unlink_files
from recorder_core.storage.garbage_rows import GarbageFile
from recorder_core.storage.migrations import MIGRATIONS, migrate

from .store import T0, S, row

if TYPE_CHECKING:
    from .store import Store

_NOW_US = T0 + 1000 * S


def _condemn(store: Store, before_us: int, now_us: int = _NOW_US) -> None:
    store.index.condemn_oldest(
        "entrance", before_us=before_us, max_bytes=None, rule=DeletionRule.AGE, policy_version="", now_us=now_us
    )


def _erased(store: Store) -> list[int | None]:
    return [one.erased_us for one in store.index.certificates(None, 0, 100)]


def test_a_certificate_is_erased_with_its_last_file(store: Store) -> None:
    run = store.run()
    segments = [row(store, run, T0 + number * 3 * S, 3 * S) for number in range(4)]
    _condemn(store, T0 + 6 * S)
    _condemn(store, T0 + 12 * S)
    store.clock.wall_us = _NOW_US + 5
    store.index.condemn(GarbageFile(99, store.volume_id, "cameras/entrance/torn.mp4", 7, "nothing_whole"))
    store.index.garbage_removed([segments[0].segment_id, 99])
    assert _erased(store) == [None, None]
    store.index.garbage_removed([one.segment_id for one in segments[1:]])
    assert _erased(store) == [_NOW_US + 5] * 2
    erased = [one for one in store.index.ledger(0, 100).entries if one.kind is LedgerKind.ERASED]
    assert [json.loads(one.body) for one in erased] == [{"certificate_ids": [1, 2]}]
    with pytest.raises(StorageError), store.index._writing() as connection:
        connection.execute(text("UPDATE erasure SET at_us = 0"))


def test_a_file_that_is_gone_by_itself_counts_as_erased(store: Store) -> None:
    run = store.run()
    store.path(store.record(run, T0)).unlink()
    _condemn(store, T0 + 9 * S)
    assert _erased(store) == [None]
    collect_garbage(store.index, store.handle.volume)
    assert _erased(store) == [T0]


def test_a_volume_that_goes_while_its_garbage_is_unlinked_takes_nothing_for_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.run()
    store.record(run, T0)
    _condemn(store, T0 + 9 * S)
    root = store.handle.volume.path
    garbage = store.index.garbage

    def unmounted(volume_id: str, limit: int | None = None) -> list[GarbageFile]:
        found = garbage(volume_id, limit)
        root.rename(root.with_name("away"))
        root.mkdir()
        return found

    monkeypatch.setattr(store.index, "garbage", unmounted)
    with pytest.raises(StorageError):
        collect_garbage(store.index, store.handle.volume)
    monkeypatch.undo()
    assert _erased(store) == [None]
    root.rmdir()
    root.with_name("away").rename(root)
    assert collect_garbage(store.index, store.handle.volume) > 0
    assert _erased(store) == [T0]
    assert list((root / "cameras").rglob("*.mp4")) == []


def test_much_garbage_goes_in_parts_and_may_be_broken_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder_core.storage.garbage._AT_ONCE", 2)
    run = store.run()
    segments = [row(store, run, T0 + number * 3 * S, 3 * S) for number in range(5)]
    _condemn(store, T0 + 15 * S)
    volume = store.handle.volume
    [files] = next_garbage(store.index, volume, ())
    assert unlink_files(volume, files, {}, lambda: True) == files[:1]
    store.index.garbage_removed([files[0].segment_id])
    assert _erased(store) == [None]
    assert collect_garbage(store.index, volume) == 4 * segments[0].size
    assert _erased(store) == [T0]


@pytest.mark.parametrize(("left", "erased"), [(False, _NOW_US), (True, None)])
def test_certificates_of_an_older_index_are_erased_if_it_had_nothing_left_to_unlink(
    store: Store, *, left: bool, erased: int | None
) -> None:
    run = store.run()
    segment = row(store, run, T0, 3 * S)
    _condemn(store, T0 + 9 * S)
    if not left:
        store.index.garbage_removed([segment.segment_id])
    _make_older(store)
    assert _erased(store) == [erased]


def _make_older(store: Store) -> None:
    """Give the index the form that version 2 had for this, and bring it to the next one."""
    with store.index._writing() as connection:
        for statement in (
            "DROP TABLE erasure",
            "DROP TABLE export_certificate",
            "DROP INDEX garbage_by_certificate",
            "ALTER TABLE garbage DROP COLUMN certificate_id",
            "PRAGMA user_version = 2",
        ):
            connection.exec_driver_sql(statement)
        migrate(connection, MIGRATIONS[:3])  # what came later stayed


def test_of_an_older_index_what_is_gone_is_told_with_the_next_start_and_the_rest_when_it_goes(store: Store) -> None:
    run = store.run()
    gone, left, right = (row(store, run, T0 + number * 3 * S, 3 * S) for number in range(3))
    _condemn(store, T0 + 3 * S)
    store.index.garbage_removed([gone.segment_id])
    _condemn(store, T0 + 6 * S, _NOW_US + 1)
    _condemn(store, T0 + 9 * S, _NOW_US + 1)
    store.index.condemn(GarbageFile(99, store.volume_id, "cameras/entrance/torn.mp4", 7, "nothing_whole"))
    _make_older(store)
    assert _erased(store) == [None] * 3
    store.clock.wall_us = _NOW_US + 5
    for _ in range(2):
        store.index.settle_erasures()
        assert _erased(store) == [_NOW_US + 5, None, None]
    store.index.garbage_removed([left.segment_id, 99])
    assert _erased(store) == [_NOW_US + 5, None, None]  # which of them it was is not known
    store.index.garbage_removed([right.segment_id])
    assert _erased(store) == [_NOW_US + 5] * 3
    told = [json.loads(one.body) for one in store.index.ledger(0, 100).entries if one.kind is LedgerKind.ERASED]
    assert told == [{"certificate_ids": [1]}, {"certificate_ids": [1]}, {"certificate_ids": [2, 3]}]


def test_of_an_older_index_removed_exports_are_known_by_their_files(store: Store) -> None:
    store.run()
    jobs = [
        ExportJob(
            export_id=name * 32,
            camera_id="entrance",
            camera_ids=["entrance"],
            state=ExportState.DONE,
            start_us=T0,
            end_us=T0 + S,
            files=[
                ExportFile(
                    path=f"/v/exports/{name}/clip.mp4",
                    size=1,
                    sha256=name * 64,
                    start_us=T0,
                    end_us=T0 + S,
                    duration_us=S,
                    frames=1,
                    lead_in_us=0,
                )
            ],
        )
        for name in ("a", "b")
    ]
    for job in jobs:
        store.index.add_export(StoredExport(job, "{}"))
        store.index.remove_export(job.export_id, Reason(DeletionRule.PERSON, "", _NOW_US, "u1"))
    row(store, store.run(run_id="run-2"), T0, 3 * S)
    _condemn(store, T0 + 9 * S)  # so that something is left to unlink
    _make_older(store)
    assert store.index.unerased_folders() == []
    for _ in range(2):
        store.index.settle_erasures()
        assert sorted(store.index.unerased_folders()) == [("a" * 32, "/v/exports/a"), ("b" * 32, "/v/exports/b")]
    store.index.export_erased("a" * 32, "/v/exports/a", _NOW_US + 7)
    assert _erased(store) == [_NOW_US + 7, None, None]
