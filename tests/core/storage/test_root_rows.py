"""What the ledger tells of footage: every segment once, and a proof for each that needs no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from recorder_core.merkle import leaf_hash, root_from_path, root_of
from recorder_core.models import LedgerKind
from recorder_core.storage import root_rows
from recorder_core.storage.schema import LEAVES, SEGMENT

from .store import T0, S, Store, row

if TYPE_CHECKING:
    import pytest

HOUR = 3_600 * S


def test_every_segment_is_told_of_once(store: Store) -> None:
    """By camera and in order of the ids; a later entry has what closed since."""
    door, hall = store.run("door"), store.run("hall", run_id="run-2")
    first = [row(store, run, T0 + n * 60 * S, 60 * S) for n in range(3) for run in (door, hall)]
    assert store.index.untold_cameras() == ["door", "hall"]
    assert [store.index.append_roots(camera_id, T0 + HOUR) for camera_id in ("door", "hall", "door")] == [3, 3, 0]
    assert store.index.untold_cameras() == []
    late = row(store, door, T0 - HOUR, 60 * S)
    assert store.index.untold_cameras() == ["door"]
    assert store.index.append_roots("door", T0 + 2 * HOUR) == 1
    entries = [entry for entry in store.index.ledger(0, 10).entries if entry.kind is LedgerKind.ROOTS]
    groups = (first[::2], first[1::2], [late])
    for entry, segments, at_us in zip(entries, groups, (T0 + HOUR, T0 + HOUR, T0 + 2 * HOUR), strict=True):
        assert entry.at_us == at_us
        assert json.loads(entry.body) == {
            "camera_id": segments[0].camera_id,
            "start_us": segments[0].start_us,
            "end_us": segments[-1].end_us,
            "segments": len(segments),
            "root": root_of([leaf_hash(segment.root) for segment in segments]).hex(),
        }


def test_a_proof_leads_from_a_segment_to_the_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there were more segments than fit one entry; an untold segment has none."""
    monkeypatch.setattr(root_rows, "MOST_LEAVES", 5)
    run = store.run()
    segments = {one.segment_id: one for one in (row(store, run, T0 + n * 60 * S, 60 * S) for n in range(12))}
    assert [store.index.append_roots("entrance", T0 + HOUR) for _ in range(4)] == [5, 5, 2, 0]
    untold = row(store, run, T0 + HOUR, 60 * S)
    proofs = store.index.root_proofs([*segments, untold.segment_id, 1])
    assert set(proofs) == set(segments)
    assert {proof.entry.seq: proof.count for proof in proofs.values()} == {2: 5, 3: 5, 4: 2}
    for segment_id, proof in proofs.items():
        told = bytes.fromhex(json.loads(proof.entry.body)["root"])
        leaf = leaf_hash(segments[segment_id].root)
        assert root_from_path(leaf, proof.index, proof.count, proof.path) == told


def test_proofs_outlast_the_deletion_of_neighbours(store: Store) -> None:
    """What an entry stands for is kept while a segment of it is there, and goes with the last one."""
    run = store.run()
    segments = [row(store, run, T0 + n * 60 * S, 60 * S) for n in range(3)]
    store.index.append_roots("entrance", T0 + HOUR)
    kept = segments[1].segment_id
    before = store.index.root_proofs([kept])
    for segment in (segments[0], segments[2]):
        _delete(store, segment.segment_id)
    assert store.index.root_proofs([kept]) == before
    [told] = store.index.told()
    assert told.then == {segment.segment_id: segment.root for segment in segments}
    assert told.now == {kept: segments[1].root}
    _delete(store, kept)
    assert list(store.index.told()) == []
    with store.index._reading() as connection:
        assert connection.execute(select(LEAVES)).all() == []


def test_a_row_that_names_an_entry_without_leaves_is_found(store: Store) -> None:
    """Somebody would have to have written into the index for that."""
    segment = row(store, store.run(), T0, 60 * S)
    store.index.append_roots("entrance", T0 + HOUR)
    assert store.index.unproved() == []
    with store.index._writing() as connection:
        connection.execute(update(SEGMENT).values(ledger_seq=1))
    assert store.index.unproved() == [segment.segment_id]


def _delete(store: Store, segment_id: int) -> None:
    with store.index._writing() as connection:
        connection.execute(delete(SEGMENT).where(SEGMENT.c.segment_id == segment_id))
