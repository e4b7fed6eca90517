"""The tables of the index as SQLAlchemy sees them. What creates them is in `migrations`; a test holds the two equal.

Cameras, runs and volumes are referred to by small integer keys, which keeps millions of segment rows short.
Times are UTC microseconds, media times 1/90 000 s, sizes bytes.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, text

METADATA = MetaData()

META = Table(
    "meta",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Single values: `store_id`, `heartbeat_us`, `in_use_since_boot`, `signing_key` and `signing_key_mark`."""

CAMERA = Table(
    "camera",
    METADATA,
    Column("camera_key", Integer, primary_key=True),
    Column("camera_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("first_seen_us", Integer, nullable=False),
    # The longest segment that it ever had: how far before a window a segment that reaches into it can start.
    Column("longest_us", Integer, nullable=False, server_default=text("0")),
    sqlite_strict=True,
)

VOLUME = Table(
    "volume",
    METADATA,
    Column("volume_key", Integer, primary_key=True),
    Column("volume_id", Text, nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("min_free_bytes", Integer),
    Column("max_bytes", Integer),
    sqlite_strict=True,
)

RUN = Table(
    "run",
    METADATA,
    Column("run_key", Integer, primary_key=True),
    Column("run_id", Text, nullable=False, unique=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("start_us", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("codec", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("audio_discarded", Integer, nullable=False),
    Column("end_us", Integer),
    Column("end_reason", Text),
    Index("run_by_camera", "camera_key", "start_us"),
    Index("run_unfinished", "run_key", sqlite_where=text("end_us IS NULL")),
    sqlite_strict=True,
)

SEGMENT = Table(
    "segment",
    METADATA,
    Column("segment_id", Integer, primary_key=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("run_key", Integer, ForeignKey("run.run_key"), nullable=False),
    Column("volume_key", Integer, ForeignKey("volume.volume_key"), nullable=False),
    # NULL where it is the path that camera, start and id give, which is nearly always.
    Column("path", Text),
    Column("start_us", Integer, nullable=False),
    Column("wall_duration_us", Integer, nullable=False),
    Column("media_duration", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("fragments", LargeBinary, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("packets_lost", Integer, nullable=False),
    Column("clock_offset_us", Integer),
    Column("host_synchronised", Integer),
    Column("salvaged", Integer, nullable=False),
    # The entry of the ledger that tells of it; NULL until the hour's is written.
    Column("ledger_seq", Integer),
    # Its last two columns let sums over a window stay within the index.
    Index("segment_by_time", "camera_key", "start_us", "wall_duration_us", "size"),
    Index("segment_by_run", "run_key"),
    Index("segment_untold", "camera_key", "segment_id", sqlite_where=text("ledger_seq IS NULL")),
    # What is oldest on a volume, camera by camera, whatever a camera has elsewhere.
    Index("segment_by_volume", "volume_key", "camera_key", "start_us"),
    sqlite_strict=True,
)

TALLY = Table(
    "tally",
    METADATA,
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), primary_key=True),
    Column("volume_key", Integer, ForeignKey("volume.volume_key"), primary_key=True),
    Column("segments", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("packets_lost", Integer, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""What the segments of a camera on a volume add up to. Triggers on `segment` keep it, so no caller can forget to."""

OPEN_FILE = Table(
    "open_file",
    METADATA,
    Column("segment_id", Integer, primary_key=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("run_key", Integer, ForeignKey("run.run_key"), nullable=False),
    Column("volume_key", Integer, ForeignKey("volume.volume_key"), nullable=False),
    Column("path", Text, nullable=False),
    Column("start_us", Integer, nullable=False),
    sqlite_strict=True,
)

GAP = Table(
    "gap",
    METADATA,
    Column("gap_id", Integer, primary_key=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("start_us", Integer, nullable=False),
    Column("end_us", Integer),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("gap_by_end", "camera_key", "end_us", "start_us"),
    Index("gap_open", "camera_key", unique=True, sqlite_where=text("end_us IS NULL")),
    sqlite_strict=True,
)

EVENT = Table(
    "event",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("at_us", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("camera_id", Text),
    Column("data", Text, nullable=False),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

GARBAGE = Table(
    "garbage",
    METADATA,
    Column("segment_id", Integer, primary_key=True),
    Column("volume_key", Integer, ForeignKey("volume.volume_key"), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("at_us", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    # What was told of its end; NULL for what was never a segment.
    Column("certificate_id", Integer, ForeignKey("certificate.certificate_id")),
    Index("garbage_by_certificate", "certificate_id"),
    sqlite_strict=True,
)
"""Files that nothing points to any more and that are still to be unlinked (invariant 2)."""

FINDING = Table(
    "finding",
    METADATA,
    Column("segment_id", Integer, ForeignKey("segment.segment_id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at_us", Integer, nullable=False),
    sqlite_strict=True,
)
"""Segments whose file a full reconcile did not find as the row describes it, until it does or the row is given up."""

HOLD = Table(
    "hold",
    METADATA,
    Column("hold_key", Integer, primary_key=True),
    Column("hold_id", Text, nullable=False, unique=True),
    Column("idempotency_key", Text, unique=True),
    Column("kind", Text, nullable=False),
    Column("case_id", Text),
    Column("start_us", Integer, nullable=False),
    Column("end_us", Integer),
    Column("placed_us", Integer, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("review_us", Integer),
    Column("expires_us", Integer),
    Column("state", Text, nullable=False),
    Column("ended_us", Integer),
    Column("ended_by", Text),
    Column("reviewed_us", Integer),
    Column("reviewed_by", Text),
    Index("hold_active", "start_us", "end_us", sqlite_where=text("ended_us IS NULL")),
    sqlite_strict=True,
)
"""Holds, with pre-roll and post-roll in their interval; an `end_us` of NULL is open."""

HOLD_CAMERA = Table(
    "hold_camera",
    METADATA,
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), primary_key=True),
    Column("hold_key", Integer, ForeignKey("hold.hold_key"), primary_key=True),
    Index("hold_camera_by_hold", "hold_key"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

READING = Table(
    "reading",
    METADATA,
    Column("reading_id", Integer, primary_key=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("start_us", Integer, nullable=False),
    Column("end_us", Integer, nullable=False),
    Index("reading_by_camera", "camera_key", "start_us", "end_us"),
    sqlite_strict=True,
)
"""The recorder's own short holds: on what an export reads just now. None outlasts the process that made it."""

CERTIFICATE = Table(
    "certificate",
    METADATA,
    Column("certificate_id", Integer, primary_key=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("record_class", Text, nullable=False),
    Column("start_us", Integer, nullable=False),
    Column("end_us", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("rule", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("at_us", Integer, nullable=False),
    Column("actor", Text),
    Index("certificate_by_camera", "camera_key", "end_us", "start_us"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
"""What was destroyed. A trigger refuses to change or drop a row."""

ERASURE = Table(
    "erasure",
    METADATA,
    Column("certificate_id", Integer, ForeignKey("certificate.certificate_id"), primary_key=True),
    Column("at_us", Integer, nullable=False),
    sqlite_strict=True,
)
"""When the last file of a certificate was gone from its volume. A trigger refuses to change or drop a row."""

EXPORT_CERTIFICATE = Table(
    "export_certificate",
    METADATA,
    Column("certificate_id", Integer, ForeignKey("certificate.certificate_id"), primary_key=True),
    Column("export_id", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Index("export_certificate_by_export", "export_id", "folder"),
    sqlite_strict=True,
)
"""Which export's folder a certificate tells the end of; its absolute path."""

LEDGER = Table(
    "ledger",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("at_us", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""The hash-chained account of what matters (invariant 8). A trigger refuses to change or drop a row."""

LEAVES = Table(
    "leaves",
    METADATA,
    Column("seq", Integer, ForeignKey("ledger.seq"), primary_key=True),
    Column("camera_key", Integer, ForeignKey("camera.camera_key"), nullable=False),
    Column("first_us", Integer, nullable=False),
    Column("last_us", Integer, nullable=False),
    Column("segments", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""What an entry `roots` of the ledger stands for: of each segment the id, 8 bytes, and the root, 32 bytes, by id.

They begin from `first_us` to `last_us`. A trigger drops the row with the last segment that begins then.
"""

EXPORT = Table(
    "export",
    METADATA,
    Column("export_key", Integer, primary_key=True),
    Column("export_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("created_us", Integer, nullable=False),
    Column("expires_us", Integer),
    Column("size", Integer, nullable=False),
    Index("export_by_state", "state"),
    sqlite_strict=True,
)
"""Every clip, still and package, from when it was asked for; `request` and `job` are JSON."""

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("delivery_key", Integer, primary_key=True),
    Column("delivery_id", Text, nullable=False, unique=True),
    Column("export_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("delivery", Text, nullable=False),
    Index("delivery_by_state", "state"),
    Index("delivery_by_export", "export_id"),
    sqlite_strict=True,
)
"""Every copy of an export in a delivery folder; `path` is its own folder there, `delivery` JSON."""
