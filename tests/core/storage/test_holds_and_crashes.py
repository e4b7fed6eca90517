"""A hold outlasts whatever becomes of the recorder, the index and the file that it touches (invariants 3 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder_core.models import DeletionRule, HoldRequest
from recorder_core.storage.garbage import collect_garbage
from recorder_core.storage.hold_files import read_holds, write_hold
from recorder_core.storage.rebuild import rebuild
from recorder_core.storage.reconcile import reconcile

from .store import T0, S, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.models import Hold

_HOLD_ID = "a" * 32


def _hold(store: Store, start_us: int, end_us: int, **rolls: float) -> Hold:
    request = HoldRequest(camera_ids=["entrance"], start_us=start_us, end_us=end_us, **rolls)  # type: ignore[arg-type]  # the tests name rolls only
    hold, _ = store.index.place_hold(request, hold_id=_HOLD_ID, now_us=T0)
    write_hold(store.handle.volume, hold)
    return hold


def _sweep(store: Store) -> None:
    """Delete all that may go, by age and for room, and unlink it."""
    while store.index.condemn_oldest(
        "entrance", before_us=T0 + 3600 * S, max_bytes=None, rule=DeletionRule.AGE, policy_version="", now_us=T0
    ):
        pass
    assert store.index.condemn_oldest_on(store.volume_id, 1 << 40, policy_version="", now_us=T0) == []
    collect_garbage(store.index, store.handle.volume)


def _crash(store: Store) -> None:
    """The process is gone; the next one opens the same index."""
    store.index._engine.dispose()
    store.open_index()
    store.index.forget_readings()
    reconcile(store.index, [store.handle])


def _lose_index(store: Store) -> None:
    """The next process has the files alone; holds come first, as every start has it."""
    store.lose_index()
    for hold in read_holds(store.handle.volume).holds.values():
        store.index.restore_hold(hold)
    reconcile(store.index, [store.handle])
    rebuild(store.index, [store.handle])


@pytest.mark.parametrize("then", [_crash, _lose_index])
@pytest.mark.parametrize(
    ("start", "end", "rolls"),
    [
        (1 * S, 1 * S + 1, {}),
        (3 * S - 1, 90 * S, {}),
        (30 * S, 60 * S, {"pre_roll_s": 27.000001}),
        (-60 * S, -30 * S, {"post_roll_s": 30.000001}),
    ],
)
def test_a_hold_on_the_open_file_alone(
    store: Store,
    then: Callable[[Store], None],
    start: int,
    end: int,
    rolls: dict[str, float],
) -> None:
    """By a microsecond of it, from within or from what comes and what was; the file is torn, and stays for all that."""
    run = store.run()
    gone = store.record(run, T0 - 90 * S)
    file = store.file(run, T0)
    written, _ = store.write(file, 3)
    _hold(store, T0 + start, T0 + end, **rolls)
    _sweep(store)
    assert (store.path(gone).exists(), store.path(file).exists()) == (False, True)
    written.release()
    with store.path(file).open("ab") as torn:
        torn.write(b"torn")
    then(store)
    _sweep(store)
    [kept] = store.index.all_segments(store.volume_id)
    assert (kept.segment_id, len(kept.fragments)) == (file.segment_id, 3)
    assert store.path(kept).stat().st_size == kept.size


@pytest.mark.parametrize("then", [_crash, _lose_index])
def test_a_hold_that_ends_where_the_file_begins_keeps_nothing_of_it(
    store: Store, then: Callable[[Store], None]
) -> None:
    """Nor does a reading of a process that is gone."""
    run = store.run()
    file = store.file(run, T0)
    store.write(file, 3)[0].release()
    _hold(store, T0 - 60 * S, T0)
    store.index.begin_reading("entrance", T0, T0 + 60 * S)
    then(store)
    _sweep(store)
    assert list(store.index.all_segments(store.volume_id)) == []
    assert not store.path(file).exists()
