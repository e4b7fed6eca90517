"""What is asked every few seconds, or of millions of rows, is looked up; nothing large is scanned or sorted for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from recorder_core.models import DeletionRule, HoldRequest, HoldReview, HoldState
from recorder_core.storage import segment_rows
from recorder_core.storage.records import GapReason

from .plans import steps
from .store import T0, S, Store, row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from recorder_core.storage.index import Index

_HOUR = 3600 * S

_SMALL = {"camera", "volume", "tally", "open_file", "finding", "reading", "garbage"}
"""Tables that have a row for each camera, or for what goes on just now."""

_CALLS: dict[str, Callable[[Index, str], object]] = {
    "window": lambda index, _: index.segments("entrance", T0, T0 + _HOUR),
    "timeline": lambda index, _: index.timeline("entrance", T0, T0 + _HOUR),
    "coverage": lambda index, _: index.footage_in("entrance", T0, T0 + _HOUR),
    "recorded": lambda index, _: index.recorded("entrance", T0, T0 + _HOUR),
    "footage": lambda index, _: index.footage("entrance"),
    "held bytes": lambda index, _: index.held_bytes("entrance"),
    "oldest": lambda index, _: index.oldest_unheld("entrance"),
    "oldest on": lambda index, volume: index.oldest_on(volume),
    "newest on": lambda index, volume: index.newest_on(volume),
    "all held": lambda index, volume: index.all_held(volume),
    "by age": lambda index, _: index.condemn_oldest(
        "entrance", before_us=T0 + 120 * S, max_bytes=None, rule=DeletionRule.AGE, policy_version="", now_us=T0
    ),
    "by space": lambda index, volume: index.condemn_oldest_on(volume, 1500, policy_version="", now_us=T0),
    "garbage": lambda index, volume: index.garbage_removed([one.segment_id for one in index.garbage(volume)]),
    "pending": lambda index, volume: index.pending_bytes(volume),
    "volume": lambda index, volume: index.bytes_on_volume(volume),
    "destroyed": lambda index, _: index.destroyed("entrance", T0, T0 + _HOUR),
    "certificates": lambda index, _: index.certificates(None, 0, 10),
    "hold": lambda index, _: index.place_hold(
        HoldRequest(camera_ids=["entrance"], start_us=T0, end_us=T0 + S, key="k"), hold_id="h", now_us=T0
    ),
    "held": lambda index, _: index.held("entrance", T0, T0 + S),
    "due": lambda index, _: (index.holds_to_expire(T0), index.holds_to_review(T0)),
    "active": lambda index, _: index.holds(),
    "review": lambda index, _: index.review_hold("h", HoldReview(review_us=None), now_us=T0),
    "release": lambda index, _: index.end_hold("h", state=HoldState.RELEASED, actor="", now_us=T0),
    "reading": lambda index, _: index.end_reading(index.begin_reading("entrance", T0, T0 + S)),
    "untold": lambda index, _: index.untold_cameras(),
    "roots": lambda index, _: index.append_roots("entrance", T0),
    "proofs": lambda index, volume: index.root_proofs([one.segment_id for one in index.all_segments(volume)]),
    "told": lambda index, _: list(index.told()),
    "ledger": lambda index, _: index.ledger(0, 10),
    "events": lambda index, _: index.events(index.append_event("x", T0, None, {}).seq - 1, 10),
    "gap": lambda index, _: index.close_gap(index.open_gap("entrance", T0, GapReason.STALLED), T0 + S),
    "gaps": lambda index, _: index.gaps("entrance", T0, T0 + S),
    "open gaps": lambda index, _: index.open_gaps(),
    "last gap": lambda index, _: index.gaps_end("entrance"),
    "open runs": lambda index, _: index.unfinished_runs(),
    "runs": lambda index, _: index.runs("entrance", T0, T0 + S),
    "known files": lambda index, _: index.known_files([1, 2]),
    "exports": lambda index, _: (index.unfinished_exports(), index.kept_exports()),
}
"""What is asked for again and again, and of what there is much."""

_ALLOWED = re.compile(
    # The newest entry of the ledger, and a walk over an index that has a row for what is still going on only.
    r"SCAN ledger$|SCAN (hold USING INDEX hold_active|run USING INDEX run_unfinished)$"
    # What one of SQLite's own steps has gathered.
    r"|SCAN (\(subquery-\d+\)|anon_\d+)$"
)


def _plans(store: Store, call: Callable[[], object]) -> dict[str, list[str]]:
    """Do something; return SQLite's plan for each statement that took."""
    plans: dict[str, list[str]] = {}

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:  # noqa: ANN401, FBT001  # SQLAlchemy's own
        if not statement.startswith(("BEGIN", "PRAGMA")):
            connection: sqlite3.Connection = cursor.connection
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters[0] if many else parameters)
            plans[statement] = [row[3] for row in rows]

    engine = store.index._engine
    event.listen(engine, "before_cursor_execute", explain)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    return plans


@pytest.fixture
def filled(store: Store) -> Store:
    """An index with an hour of a camera, half of which the ledger tells of."""
    run = store.run()
    for minute in range(60):
        row(store, run, T0 + minute * 60 * S, 60 * S)
        if minute == 30:
            store.index.append_roots("entrance", T0)
    return store


def test_nothing_large_is_scanned(filled: Store) -> None:
    """In no statement of all that is asked for often."""
    seen = 0
    for name, call in _CALLS.items():
        for statement, plan in _plans(filled, lambda call=call: call(filled.index, filled.volume_id)).items():  # type: ignore[misc]  # bound for this turn of the loop
            seen += 1
            scans = [line for line in plan if line.startswith("SCAN") and not _ALLOWED.match(line)]
            assert not [line for line in scans if line.split()[1] not in _SMALL], (name, statement, plan)
    assert seen > len(_CALLS)


def test_a_walk_over_a_volume_costs_what_it_yields(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not, for each page, what there is."""
    monkeypatch.setattr(segment_rows, "_PAGE", 10)

    def walk(pages: int) -> None:
        found = filled.index.all_segments(filled.volume_id)
        assert len([next(found) for _ in range(pages * 10)]) == pages * 10

    walk(1)  # reads the schema as well
    one, six = (steps(filled, lambda pages=pages: walk(pages)) for pages in (1, 6))  # type: ignore[misc]  # as above
    assert six < 6.5 * one
    run = filled.run("lobby", run_id="run-2")
    for second in range(200):
        row(filled, run, T0 + _HOUR + second * S, S)
    assert steps(filled, lambda: walk(1)) < 1.5 * one
