"""How transactions begin, what a crash of the machine means, and what SQLite's errors become (invariant 2)."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage import database
from recorder_core.storage.database import aside_path, set_aside, suspect
from recorder_core.storage.index import Index
from recorder_core.storage.index_loss import find_loss
from recorder_core.storage.schema import CAMERA

from .store import T0, ManualClock, Store, make_unlike_its_table, row

if TYPE_CHECKING:
    from pathlib import Path


def test_the_index_is_in_wal_mode_and_synced_fully(store: Store) -> None:
    """A commit outlasts a power cut, and rows cannot refer to nothing."""
    with store.index._reading() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]


def test_all_files_of_the_index_are_private(store: Store) -> None:
    """Nobody but the recorder's user reads who was recorded when."""
    store.index.heartbeat(T0)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.root.glob("index.sqlite3*")}
    assert modes == dict.fromkeys(["index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm"], 0o600)


def test_a_writer_holds_the_lock_before_it_reads(store: Store) -> None:
    """What another connection wants to write waits from the first SELECT on, not from the first INSERT on.

    This is the order in which a hold placed between check and deletion would be missed.
    """
    with store.index._writing() as connection:
        assert connection.execute(select(CAMERA.c.camera_id)).all() == []
        other = sqlite3.connect(store.index.path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM camera").fetchone() == (0,)
        other.close()


def test_a_check_is_still_true_when_it_is_acted_upon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what a writing transaction reads and what it writes, no other index can write; afterwards it can."""
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0)
    with Index.open(store.index.path, store.clock) as other:
        with store.index._writing() as connection:
            assert connection.execute(select(CAMERA.c.camera_id)).all() == []
            with pytest.raises(StorageError) as caught:
                other.put_camera("late", "Late")
            store.index._put_meta(connection, "acted", "yes")
        assert caught.value.code is ErrorCode.STORE_LOCKED
        other.put_camera("late", "Late")
    assert store.index.cameras() == {"late": "Late"}


def test_threads_share_an_index(store: Store) -> None:
    """Many threads write and read at once; nothing is lost and nobody is refused."""
    store.index.put_camera("entrance", "Entrance")
    errors: list[Exception] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 10):
                store.index.append_event("tick", T0, "entrance", {"number": number})
                store.index.events(0, 5)
        except StorageError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = store.index.events(0, 100)
    assert errors == []
    assert [event.seq for event in events] == list(range(1, 41))
    assert sorted(int(event.data["number"] or 0) for event in events) == list(range(40))


def test_an_error_in_a_transaction_leaves_nothing_behind(store: Store) -> None:
    """All or nothing."""

    def half() -> None:
        with store.index._writing() as connection:
            store.index._put_meta(connection, "half", "done")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with store.index._reading() as connection:
        assert store.index._meta(connection, "half") is None


def test_the_store_keeps_its_id(store: Store) -> None:
    """Across a clean and an unclean end."""
    store_id = store.index.store_id
    store.index._engine.dispose()
    store.open_index()
    assert store.index.store_id == store_id
    store.index.close()
    store.index.close()
    store.open_index()
    assert store.index.store_id == store_id


def _damage(path: Path) -> None:
    """Overwrite the pages behind the first, and fold the log into the file before."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x55" * (path.stat().st_size - 4096))


def test_a_crash_of_the_machine_has_the_whole_file_checked(store: Store) -> None:
    """The same damage goes unseen at the start after a mere kill, and is found after the machine went down."""
    path = store.root / "other.sqlite3"
    with Index(path, store.clock, boot_id="boot-1") as index:
        index.put_camera("entrance", "Entrance")
    # A freelist that lies about its length: harmless to every query, and quick_check's to find.
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), (3).to_bytes(4), 36)
    Index(path, store.clock, boot_id="boot-1")._engine.dispose()
    Index(path, store.clock, boot_id="boot-1")._engine.dispose()
    with pytest.raises(StorageError) as caught:
        Index(path, store.clock, boot_id="boot-2")
    assert caught.value.code is ErrorCode.INDEX_DAMAGED


def test_a_clean_end_needs_no_check(store: Store) -> None:
    """After `close` the next boot trusts the file, and the mark says who uses it now."""
    path = store.root / "other.sqlite3"
    Index(path, store.clock, boot_id="boot-1").close()
    with Index(path, store.clock, boot_id="boot-2") as index, index._reading() as connection:
        assert index._meta(connection, "in_use_since_boot") == "boot-2"


def test_where_the_mark_of_use_stays_the_log_does_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start would take it for lost; here somebody keeps the index locked when it is closed."""
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0)
    store.index.close()
    store.open_index()
    store.index.heartbeat(T0)
    with closing(sqlite3.connect(store.index.path, isolation_level=None)) as other:
        other.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError) as caught:
            store.index.close()
    assert caught.value.code is ErrorCode.STORE_LOCKED
    assert find_loss(store.index.path) is None
    store.open_index()
    assert store.index.last_heartbeat() == T0


def test_an_unclean_end_of_a_whole_index_passes_the_check(store: Store) -> None:
    """A crash of the machine alone costs nothing."""
    path = store.root / "other.sqlite3"
    index = Index(path, store.clock, boot_id="boot-1")
    index.put_camera("entrance", "Entrance")
    index._engine.dispose()
    with Index(path, store.clock, boot_id="boot-2") as index:
        assert index.cameras() == {"entrance": "Entrance"}


def test_damage_that_a_query_meets_is_remembered(store: Store) -> None:
    """The error has its code, and the next start checks the file although the same boot goes on."""
    run = store.run()
    for number in range(200):
        row(store, run, T0 + number * 60_000_000, 60_000_000)
    store.index.close()
    _damage(store.index.path)
    with pytest.raises(StorageError) as caught:
        store.open_index()
    assert caught.value.code is ErrorCode.INDEX_DAMAGED
    assert store.index.path.with_name("index.sqlite3.suspect").exists()


def test_a_suspicion_that_the_check_clears_is_forgotten(store: Store) -> None:
    """A transient error must not condemn every start to a check."""
    store.index.close()
    suspect = store.index.path.with_name("index.sqlite3.suspect")
    suspect.touch()
    store.open_index()
    assert not suspect.exists()


def test_what_is_no_database_is_damage_and_can_be_set_aside(store: Store) -> None:
    """It is moved with its log, kept, and a new index takes its place."""
    store.index.close()
    store.index.path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageError) as caught:
        store.open_index()
    assert caught.value.code is ErrorCode.INDEX_DAMAGED
    store.index.path.with_name("index.sqlite3-wal").write_bytes(b"log")
    aside = aside_path(store.index.path, T0)
    set_aside(store.index.path, aside)
    assert aside.read_bytes().startswith(b"no database")
    assert aside.with_name(aside.name + "-wal").exists()
    assert sorted(path.name for path in store.root.glob("index.sqlite3*")) == [aside.name, f"{aside.name}-wal"]
    store.open_index()
    assert store.index.cameras() == {}


def test_an_index_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(StorageError) as caught:
        Index.open(tmp_path / "nowhere" / "index.sqlite3", ManualClock())
    assert caught.value.code is ErrorCode.VOLUME_READ_ONLY


def test_an_index_that_is_a_folder_says_so(tmp_path: Path) -> None:
    """SQLite's own refusal gets a code too."""
    (tmp_path / "index.sqlite3").mkdir()
    with pytest.raises(StorageError) as caught:
        Index.open(tmp_path / "index.sqlite3", ManualClock())
    assert caught.value.code is ErrorCode.VOLUME_READ_ONLY


def test_a_full_disk_is_reported_as_such(store: Store) -> None:
    """A write past the database's largest size fails as one on a full disk does; what was there stays."""
    store.index.put_camera("entrance", "Entrance")

    def fill() -> None:
        with store.index._writing() as connection:
            connection.execute(text("PRAGMA max_page_count = 1"))
            for number in range(2000):
                store.index._put_meta(connection, f"key {number}", "x" * 100)

    with pytest.raises(StorageError) as caught:
        fill()
    assert caught.value.code is ErrorCode.VOLUME_FULL
    assert store.index.cameras() == {"entrance": "Entrance"}
    store.index._engine.dispose()


def test_a_refused_row_is_a_storage_failure(store: Store) -> None:
    """What SQLite says for reasons that have no word of their own still has a code."""
    run = store.run()
    with pytest.raises(StorageError) as caught:
        store.index.begin_run(run)
    assert caught.value.code is ErrorCode.STORAGE_FAILED
    assert caught.value.placeholders == {"sqlite": "SQLITE_CONSTRAINT_UNIQUE"}


def test_an_index_that_does_not_fit_its_table_is_found_where_damage_was_met(store: Store) -> None:
    """A quick check does not compare them: the same damage would be met again after every start."""
    store.index.close()
    make_unlike_its_table(store.index.path)
    store.open_index()
    store.index.close()
    suspect(store.index.path)
    with pytest.raises(StorageError, match="missing from index run_by_camera") as caught:
        store.open_index()
    assert caught.value.code is ErrorCode.INDEX_DAMAGED
    assert store.index.path.with_name("index.sqlite3.suspect").exists()


def test_damage_is_told_though_it_cannot_be_noted(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Something is in the way of the note, as on a disk that became read-only over its damage."""
    store.index.close()
    store.index.path.write_bytes(b"no database at all" * 1000)
    store.index.path.with_name("index.sqlite3.suspect").symlink_to(store.root / "nowhere" / "suspect")
    with pytest.raises(StorageError) as caught:
        store.open_index()
    assert caught.value.code is ErrorCode.INDEX_DAMAGED
    assert "cannot be noted: No such file" in caplog.text
