"""How the index came to its present form: numbered steps as data, `PRAGMA user_version` says how many were taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_FIRST = (
    "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT",
    """CREATE TABLE camera (
        camera_key INTEGER NOT NULL PRIMARY KEY,
        camera_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        first_seen_us INTEGER NOT NULL,
        longest_us INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    """CREATE TABLE volume (
        volume_key INTEGER NOT NULL PRIMARY KEY,
        volume_id TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        min_free_bytes INTEGER,
        max_bytes INTEGER
    ) STRICT""",
    """CREATE TABLE run (
        run_key INTEGER NOT NULL PRIMARY KEY,
        run_id TEXT NOT NULL UNIQUE,
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        start_us INTEGER NOT NULL,
        source TEXT NOT NULL,
        codec TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        audio_discarded INTEGER NOT NULL,
        end_us INTEGER,
        end_reason TEXT
    ) STRICT""",
    "CREATE INDEX run_by_camera ON run (camera_key, start_us)",
    "CREATE INDEX run_unfinished ON run (run_key) WHERE end_us IS NULL",
    """CREATE TABLE segment (
        segment_id INTEGER NOT NULL PRIMARY KEY,
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        run_key INTEGER NOT NULL REFERENCES run (run_key),
        volume_key INTEGER NOT NULL REFERENCES volume (volume_key),
        path TEXT,
        start_us INTEGER NOT NULL,
        wall_duration_us INTEGER NOT NULL,
        media_duration INTEGER NOT NULL,
        size INTEGER NOT NULL,
        root BLOB NOT NULL,
        fragments BLOB NOT NULL,
        samples INTEGER NOT NULL,
        packets_lost INTEGER NOT NULL,
        clock_offset_us INTEGER,
        host_synchronised INTEGER,
        salvaged INTEGER NOT NULL,
        ledger_seq INTEGER
    ) STRICT""",
    "CREATE INDEX segment_by_time ON segment (camera_key, start_us, wall_duration_us, size)",
    "CREATE INDEX segment_by_run ON segment (run_key)",
    "CREATE INDEX segment_untold ON segment (camera_key, segment_id) WHERE ledger_seq IS NULL",
    "CREATE INDEX segment_by_volume ON segment (volume_key, camera_key, start_us)",
    """CREATE TABLE tally (
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        volume_key INTEGER NOT NULL REFERENCES volume (volume_key),
        segments INTEGER NOT NULL,
        size INTEGER NOT NULL,
        packets_lost INTEGER NOT NULL,
        PRIMARY KEY (camera_key, volume_key)
    ) WITHOUT ROWID, STRICT""",
    """CREATE TRIGGER segment_added AFTER INSERT ON segment BEGIN
        INSERT INTO tally (camera_key, volume_key, segments, size, packets_lost)
        VALUES (NEW.camera_key, NEW.volume_key, 1, NEW.size, NEW.packets_lost)
        ON CONFLICT (camera_key, volume_key) DO UPDATE SET
            segments = segments + 1, size = size + excluded.size, packets_lost = packets_lost + excluded.packets_lost;
        UPDATE camera SET longest_us = NEW.wall_duration_us
        WHERE camera_key = NEW.camera_key AND longest_us < NEW.wall_duration_us;
    END""",
    """CREATE TRIGGER segment_removed AFTER DELETE ON segment BEGIN
        UPDATE tally SET
            segments = segments - 1, size = size - OLD.size, packets_lost = packets_lost - OLD.packets_lost
        WHERE camera_key = OLD.camera_key AND volume_key = OLD.volume_key;
    END""",
    """CREATE TABLE open_file (
        segment_id INTEGER NOT NULL PRIMARY KEY,
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        run_key INTEGER NOT NULL REFERENCES run (run_key),
        volume_key INTEGER NOT NULL REFERENCES volume (volume_key),
        path TEXT NOT NULL,
        start_us INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE gap (
        gap_id INTEGER NOT NULL PRIMARY KEY,
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        start_us INTEGER NOT NULL,
        end_us INTEGER,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX gap_by_end ON gap (camera_key, end_us, start_us)",
    "CREATE UNIQUE INDEX gap_open ON gap (camera_key) WHERE end_us IS NULL",
    """CREATE TABLE event (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at_us INTEGER NOT NULL,
        kind TEXT NOT NULL,
        camera_id TEXT,
        data TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE garbage (
        segment_id INTEGER NOT NULL PRIMARY KEY,
        volume_key INTEGER NOT NULL REFERENCES volume (volume_key),
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE finding (
        segment_id INTEGER NOT NULL PRIMARY KEY REFERENCES segment (segment_id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        at_us INTEGER NOT NULL
    ) STRICT""",
)

_SECOND = (
    """CREATE TABLE hold (
        hold_key INTEGER NOT NULL PRIMARY KEY,
        hold_id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT UNIQUE,
        kind TEXT NOT NULL,
        case_id TEXT,
        start_us INTEGER NOT NULL,
        end_us INTEGER,
        placed_us INTEGER NOT NULL,
        placed_by TEXT NOT NULL,
        review_us INTEGER,
        expires_us INTEGER,
        state TEXT NOT NULL,
        ended_us INTEGER,
        ended_by TEXT
    ) STRICT""",
    "CREATE INDEX hold_active ON hold (start_us, end_us) WHERE ended_us IS NULL",
    """CREATE TABLE hold_camera (
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        hold_key INTEGER NOT NULL REFERENCES hold (hold_key),
        PRIMARY KEY (camera_key, hold_key)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX hold_camera_by_hold ON hold_camera (hold_key)",
    """CREATE TABLE reading (
        reading_id INTEGER NOT NULL PRIMARY KEY,
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX reading_by_camera ON reading (camera_key, start_us, end_us)",
    """CREATE TABLE certificate (
        certificate_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        record_class TEXT NOT NULL,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        records INTEGER NOT NULL,
        size INTEGER NOT NULL,
        digest BLOB NOT NULL,
        rule TEXT NOT NULL,
        policy_version TEXT NOT NULL,
        at_us INTEGER NOT NULL,
        actor TEXT
    ) STRICT""",
    "CREATE INDEX certificate_by_camera ON certificate (camera_key, end_us, start_us)",
    """CREATE TABLE ledger (
        seq INTEGER NOT NULL PRIMARY KEY,
        at_us INTEGER NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        previous BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT""",
    *(
        f"CREATE TRIGGER {table}_is_final_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in ("certificate", "ledger")
        for verb in ("UPDATE", "DELETE")
    ),
    """CREATE TABLE leaves (
        seq INTEGER NOT NULL PRIMARY KEY REFERENCES ledger (seq),
        camera_key INTEGER NOT NULL REFERENCES camera (camera_key),
        first_us INTEGER NOT NULL,
        last_us INTEGER NOT NULL,
        segments BLOB NOT NULL
    ) STRICT""",
    """CREATE TRIGGER leaf_removed AFTER DELETE ON segment WHEN OLD.ledger_seq IS NOT NULL BEGIN
        DELETE FROM leaves WHERE seq = OLD.ledger_seq AND NOT EXISTS (
            SELECT 1 FROM segment
            WHERE camera_key = leaves.camera_key AND start_us BETWEEN leaves.first_us AND leaves.last_us
        );
    END""",
    """CREATE TABLE export (
        export_key INTEGER NOT NULL PRIMARY KEY,
        export_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        request TEXT NOT NULL,
        job TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        expires_us INTEGER,
        size INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX export_by_state ON export (state)",
)

_THIRD = (
    "ALTER TABLE garbage ADD COLUMN certificate_id INTEGER REFERENCES certificate (certificate_id)",
    "CREATE INDEX garbage_by_certificate ON garbage (certificate_id)",
    """CREATE TABLE erasure (
        certificate_id INTEGER NOT NULL PRIMARY KEY REFERENCES certificate (certificate_id),
        at_us INTEGER NOT NULL
    ) STRICT""",
    # Of what was certified before, it is not known which garbage belongs to what.
    """INSERT INTO erasure (certificate_id, at_us)
        SELECT certificate_id, at_us FROM certificate WHERE NOT EXISTS (SELECT 1 FROM garbage)""",
    *(
        f"CREATE TRIGGER erasure_is_final_{verb} BEFORE {verb} ON erasure "
        "BEGIN SELECT RAISE(ABORT, 'erasure is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    """CREATE TABLE export_certificate (
        certificate_id INTEGER NOT NULL PRIMARY KEY REFERENCES certificate (certificate_id),
        export_id TEXT NOT NULL,
        folder TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX export_certificate_by_export ON export_certificate (export_id, folder)",
)

_FOURTH = (
    "ALTER TABLE hold ADD COLUMN reviewed_us INTEGER",
    "ALTER TABLE hold ADD COLUMN reviewed_by TEXT",
)

_FIFTH = (
    """CREATE TABLE delivery (
        delivery_key INTEGER NOT NULL PRIMARY KEY,
        delivery_id TEXT NOT NULL UNIQUE,
        export_id TEXT NOT NULL,
        state TEXT NOT NULL,
        path TEXT NOT NULL,
        delivery TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX delivery_by_state ON delivery (state)",
    "CREATE INDEX delivery_by_export ON delivery (export_id)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)
"""Step n takes an index from version n to n + 1. A step that was released is never changed."""


def migrate(connection: Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> int:
    """Take the steps that are missing, within the caller's transaction. Returns the version that was found.

    Raises:
        StorageError: `VERSION_MISMATCH` if a newer recorder made the index, `INDEX_DAMAGED` if its version is none that
            ever was; nothing was changed.
    """
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if found < 0 or (found == 0 and connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()):
        raise StorageError(ErrorCode.INDEX_DAMAGED, "The index of the footage is damaged: its version is gone.")
    if found > len(migrations):
        raise StorageError(
            ErrorCode.VERSION_MISMATCH,
            f"The index has version {found}, made by a newer recorder; this one knows up to {len(migrations)}.",
            found=found,
            known=len(migrations),
        )
    for step in migrations[found:]:
        for statement in step:
            connection.exec_driver_sql(statement)
    if found < len(migrations):
        # Pragmas take no parameters; user_version is part of the transaction like any page.
        connection.exec_driver_sql(f"PRAGMA user_version = {len(migrations)}")
    return found
