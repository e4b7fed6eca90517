"""A full index for the benchmark: every minute of many cameras for many days, filled in bulk by SQLite itself.

It is made once per machine, for each form of the tables, and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import tempfile
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder_core.clock import SystemClock
from recorder_core.media import TIMESCALE
from recorder_core.storage.fragments import encode_fragments
from recorder_core.storage.index import Index
from recorder_core.storage.migrations import MIGRATIONS
from recorder_core.storage.records import FragmentSpan, GapReason, Volume

from .bench_capture import say
from .bench_footage import SEGMENT_S, T0, S
from .material import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTES: Final = 1440
GAP_S: Final = 5
"""What is missing at the end of each day, where each camera begins another run."""

_PHASE_US: Final = 600_000
"""How far the cameras' segments are apart, so that no two begin together."""

_POOL: Final = 256
"""How many different tables of fragments there are."""

_FILL: Final = f"""
WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :cameras * :days * {MINUTES}),
place AS (
    SELECT n, n % :cameras AS camera, n / :cameras AS minute,
        {T0} + n / :cameras * {SEGMENT_S * S} + n % :cameras * {_PHASE_US} AS start_us
    FROM number
)
INSERT INTO segment (segment_id, camera_key, run_key, volume_key, start_us, wall_duration_us, media_duration, size,
    root, fragments, samples, packets_lost, clock_offset_us, host_synchronised, salvaged)
SELECT start_us / 1000 << 20 | camera, camera + 1, camera * :days + minute / {MINUTES} + 1, 1, start_us,
    CASE minute % {MINUTES} WHEN {MINUTES - 1} THEN {(SEGMENT_S - GAP_S) * S} ELSE {SEGMENT_S * S} END,
    {SEGMENT_S * TIMESCALE}, pool.size, randomblob(32), pool.fragments, 1500, 0, n % 1000 - 500, 1, 0
FROM place JOIN pool ON pool.number = n % {_POOL} ORDER BY n
"""  # noqa: S608 - numbers of this file
_SUMS: Final = """
INSERT INTO tally SELECT camera_key, volume_key, count(*), sum(size), sum(packets_lost) FROM segment
GROUP BY camera_key, volume_key
"""


def full_index(cameras: int, days: int) -> Path:
    """Return a filled index; whoever wants to open it makes a copy of the file."""
    form = hashlib.sha256("".join(chain.from_iterable(MIGRATIONS)).encode() + _FILL.encode()).hexdigest()[:12]
    path = cache_folder() / f"bench-index-{len(MIGRATIONS)}-{form}-{cameras}x{days}.sqlite3"
    if not path.exists():
        for old in path.parent.glob("bench-index-*"):  # a gigabyte and more each
            old.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as work:
            made = Path(work) / "index.sqlite3"
            say(f"filling an index with {cameras * days * MINUTES} segments, once for this machine …")
            fill(made, cameras, days)
            shutil.move(made, path)
    return path


def fill(path: Path, cameras: int, days: int) -> None:
    """Make an index at `path` with a segment for each minute of each camera, a run and a gap for each day."""
    with Index.open(path, SystemClock()) as index:
        index.put_volume(Volume("0" * 32, path.parent))
        for camera in range(cameras):
            index.put_camera(camera_name(camera), f"Camera {camera}")
    with closing(sqlite3.connect(path, autocommit=True)) as connection:
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN")
        # Triggers and indexes come when all rows are there: that is many times as fast.
        later = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'segment' AND type IN ('index', 'trigger')"
        ).fetchall()
        for kind, name, _ in later:
            connection.execute(f"DROP {kind} {name}")
        connection.execute("CREATE TEMP TABLE pool (number INTEGER PRIMARY KEY, size INTEGER, fragments BLOB)")
        connection.executemany("INSERT INTO pool VALUES (?, ?, ?)", _pool())
        connection.executemany(
            "INSERT INTO run VALUES (?, ?, ?, ?, 'rtsp', 'h264', 1920, 1080, 0, ?, 'test')", _runs(cameras, days)
        )
        connection.executemany("INSERT INTO gap VALUES (NULL, ?, ?, ?, ?, '')", _gaps(cameras, days))
        connection.execute(_FILL, {"cameras": cameras, "days": days})
        connection.execute(_SUMS)
        connection.execute("UPDATE camera SET longest_us = ?", (SEGMENT_S * S,))
        for _, _, sql in later:
            connection.execute(sql)
        connection.executescript("COMMIT; PRAGMA journal_mode=WAL")


def camera_name(camera: int) -> str:
    """Return the id of a camera, counted from 0."""
    return f"cam{camera}"


def day_us(camera: int, day: int) -> int:
    """Return when a day of a camera begins."""
    return T0 + day * MINUTES * SEGMENT_S * S + camera * _PHASE_US


def _pool() -> Iterator[tuple[int, int, bytes]]:
    """Tables of a minute's fragments: alternately with and without a sync sample, sizes as a camera's vary."""
    spread = random.Random(1)  # noqa: S311 - no secret
    for number in range(_POOL):
        offset = 800
        spans = []
        for second in range(SEGMENT_S):
            size = spread.randrange(300_000, 700_000)
            spans.append(FragmentSpan(offset, size, TIMESCALE, sync=second % 2 == 0))
            offset += size
        yield number, offset, encode_fragments(spans)


def _runs(cameras: int, days: int) -> Iterator[tuple[int, str, int, int, int]]:
    for camera in range(cameras):
        for day in range(days):
            key = camera * days + day + 1
            end_us = day_us(camera, day + 1) - GAP_S * S
            yield key, f"{key:032x}", camera + 1, day_us(camera, day), end_us


def _gaps(cameras: int, days: int) -> Iterator[tuple[int, int, int, str]]:
    for camera in range(cameras):
        for day in range(1, days + 1):
            end_us = day_us(camera, day)
            yield camera + 1, end_us - GAP_S * S, end_us, GapReason.CONNECTION_LOST.value
