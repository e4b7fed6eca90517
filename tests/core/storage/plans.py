"""What SQLite does for a statement of the index, in its own words and in steps of its machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from sqlalchemy import Select

    from .store import Store


def plan(store: Store, statement: Select[Any], values: Mapping[str, int] | None = None) -> str:
    """Return SQLite's plan for a statement, of whatever columns, a line for each step."""
    with store.index._reading() as connection:
        bound = statement.params(values or {})
        compiled = bound.compile(connection, compile_kwargs={"literal_binds": True})
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    return "\n".join(one[3] for one in rows)


def steps(store: Store, call: Callable[[], object]) -> int:
    """Return how many instructions of its machine SQLite takes for what `call` asks of the index."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    def watch(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(count, 1)

    def leave(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(None, 1)

    engine = store.index._engine
    event.listen(engine, "checkout", watch)
    event.listen(engine, "checkin", leave)
    try:
        call()
    finally:
        event.remove(engine, "checkout", watch)
        event.remove(engine, "checkin", leave)
    return counted
