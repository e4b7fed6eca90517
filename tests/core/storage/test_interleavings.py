"""Nothing that a hold covers is deleted, in whatever order two connections take their steps (invariants 2 and 3)."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from script.tools.interleavings import Locking, run_interleavings
from script.tools.turns import Turns

if TYPE_CHECKING:
    from pathlib import Path

_SEED = 20261122
_COUNT = 150


def test_no_order_of_steps_deletes_what_is_held(tmp_path: Path) -> None:
    """Everything happens, nobody is overtaken, and what holds and readings cover stays; `script/faults` tries more."""
    result = run_interleavings(_SEED, _COUNT, tmp_path)
    assert (result.interleavings, result.held_bytes_deleted, result.refused) == (_COUNT, 0, 0)
    assert min(result.placed, result.released, result.read, result.recorded, result.deleted) > _COUNT // 10


def test_a_seed_gives_the_same_orders_again(tmp_path: Path) -> None:
    """So an order that deletes what is held can be had again."""
    results = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        results.append(run_interleavings(_SEED, 40, tmp_path / name, locking=Locking.DRIVER))
    assert results[0] == results[1]


def test_without_the_lock_what_is_held_is_deleted(tmp_path: Path) -> None:
    """The same run, where the driver begins a transaction only at the first change: holds are placed in between."""
    result = run_interleavings(_SEED, _COUNT, tmp_path, locking=Locking.DRIVER, until_lost=True)
    assert result.held_bytes_deleted > 0
    assert result.interleavings < _COUNT


def test_with_a_deferred_lock_holds_are_refused(tmp_path: Path) -> None:
    """The same run, where a transaction begins with the first SELECT: SQLite refuses whoever was overtaken."""
    result = run_interleavings(_SEED, _COUNT, tmp_path, locking=Locking.DEFERRED)
    assert result.refused > 0
    assert result.held_bytes_deleted == 0


def test_what_fails_in_a_turn_is_raised_when_all_had_theirs() -> None:
    """And outside of turns a pause is none."""
    turns, done = Turns(Random(1)), []

    def fail() -> None:
        turns.pause()
        raise ZeroDivisionError

    def work() -> None:
        for step in range(3):
            turns.pause()
            done.append(step)

    turns.pause()
    with pytest.raises(ZeroDivisionError):
        turns.run([fail, work])
    assert done == [0, 1, 2]
