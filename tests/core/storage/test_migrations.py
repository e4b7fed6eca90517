"""The index grows step by step, in one transaction, and never from a newer form."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import HoldReview
from recorder_core.storage.index import Index
from recorder_core.storage.migrations import MIGRATIONS, migrate
from recorder_core.storage.schema import METADATA

from .store import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    from .store import Store


def _shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Every table and index as SQLite understands it."""
    shape: dict[str, object] = {}
    for name, kind in connection.execute(
        "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'index') AND name NOT LIKE 'sqlite_%'"
    ).fetchall():
        if kind == "index":
            partial = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]
            where = partial.partition(" WHERE ")[2]
            shape[name] = (connection.execute(f"PRAGMA index_xinfo({name})").fetchall(), where)
        else:
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            keys = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            listed = connection.execute(f"PRAGMA table_list({name})").fetchone()[4:]
            uniques = [row[2:] for row in connection.execute(f"PRAGMA index_list({name})")]
            shape[name] = (columns, sorted(row[2:] for row in keys), listed, sorted(uniques))
    return shape


def test_the_steps_lead_to_the_tables_that_the_code_names(store: Store, tmp_path: Path) -> None:
    """An index migrated from nothing equals one made from the schema."""
    engine = create_engine(f"sqlite:///{tmp_path / 'schema.sqlite3'}")
    METADATA.create_all(engine)
    engine.dispose()
    with sqlite3.connect(tmp_path / "schema.sqlite3") as wanted, sqlite3.connect(store.index.path) as migrated:
        assert _shape(migrated) == _shape(wanted)
        assert migrated.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_an_index_of_version_0_is_migrated_and_works(tmp_path: Path) -> None:
    """An empty database file, as an interrupted first start leaves it."""
    sqlite3.connect(tmp_path / "index.sqlite3").close()
    with Index.open(tmp_path / "index.sqlite3", ManualClock()) as index:
        index.put_camera("entrance", "Entrance")
        assert index.cameras() == {"entrance": "Entrance"}


def test_a_hold_of_before_is_one_that_nobody_has_reviewed(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection, MIGRATIONS[:3])
    engine.dispose()
    with sqlite3.connect(path) as connection_:
        connection_.execute(
            "INSERT INTO hold (hold_id, kind, start_us, placed_us, placed_by, review_us, state) "
            "VALUES ('hold-1', 'legal', 1, 2, 'u1', 3, 'active')"
        )
    with Index.open(path, ManualClock()) as index:
        [hold] = index.holds()
        assert (hold.review_us, hold.reviewed_us, hold.reviewed_by) == (3, None, None)
        reviewed, _ = index.review_hold("hold-1", HoldReview(review_us=9, actor="u2"), now_us=4)
        assert index.holds() == [reviewed] == [replace(hold, review_us=9, reviewed_us=4, reviewed_by="u2")]


def test_only_missing_steps_are_taken(store: Store) -> None:
    """A later version adds its step to what is there, and says what it found."""
    later = (*MIGRATIONS, ("CREATE TABLE later (x INTEGER)",))
    with store.index._writing() as connection:
        assert migrate(connection, later) == len(MIGRATIONS)
        assert migrate(connection, later) == len(later)
        assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar_one() == 0


def test_a_failing_step_leaves_the_index_as_it_was(store: Store) -> None:
    """All steps are one transaction, the version included."""
    broken = (*MIGRATIONS, ("CREATE TABLE later (x INTEGER)",), ("CREATE NONSENSE",))
    engine = store.index._engine.execution_options(sqlite_begin="IMMEDIATE")
    with pytest.raises(OperationalError), engine.begin() as connection:
        migrate(connection, broken)
    with sqlite3.connect(store.index.path) as connection_:
        assert connection_.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection_.execute("SELECT name FROM sqlite_schema WHERE name = 'later'").fetchall() == []


def test_an_index_of_a_newer_recorder_is_refused_and_untouched(store: Store) -> None:
    """The error says both versions."""
    store.index.close()
    with sqlite3.connect(store.index.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError) as caught:
        store.open_index()
    assert caught.value.code is ErrorCode.VERSION_MISMATCH
    assert caught.value.placeholders == {"found": 99, "known": len(MIGRATIONS)}
    with sqlite3.connect(store.index.path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    store.open_index()
