"""The index benchmark: how quickly a full index answers, gives up footage, and is open again after a crash."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from recorder_core.clock import SystemClock
from recorder_core.models import Coverage, DeletionRule
from recorder_core.service.footage import gap_view
from recorder_core.storage.index import Index
from recorder_core.storage.reconcile import reconcile

from .bench_capture import say
from .bench_fill import MINUTES, camera_name, day_us, full_index
from .bench_footage import SEGMENT_S, S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_WINDOW_US: Final = 10 * 60 * S
_DAY_US: Final = MINUTES * SEGMENT_S * S
_SWEPT_MINUTES: Final = (600, 6000, 30_000)
"""How much of one camera is given up at a time: the cost of each thousand must not change with it."""


def run(folder: Path, cameras: int, days: int, rounds: int) -> dict[str, object]:
    """Ask, each question `rounds` times about cameras and times by chance, then sweep; return the figures."""
    path = folder / "index.sqlite3"
    shutil.copyfile(full_index(cameras, days), path)
    start_s = _start_s(path)
    with Index.open(path, SystemClock()) as index:
        chance = random.Random(1)  # noqa: S311 - no secret

        def place(length_us: int) -> tuple[str, int, int]:
            camera = chance.randrange(cameras)
            begin_us = chance.randrange(day_us(camera, 0), day_us(camera, days) - length_us + 1)
            return camera_name(camera), begin_us, begin_us + length_us

        window_ms = _times_ms(rounds, lambda: index.segments(*place(_WINDOW_US)))
        timeline_ms = _times_ms(rounds, lambda: _day_timeline(index, *place(_DAY_US)))
        swept = {minutes: _sweep(index, camera_name(number), minutes) for number, minutes in enumerate(_SWEPT_MINUTES)}
    for minutes, ms in swept.items():
        say(f"sweep of {minutes} segments: {ms:.1f} ms per 1000")
    return {
        "segments": cameras * days * MINUTES,
        "index_mb": round(path.stat().st_size / 1e6),
        "window_p99_ms": p99(window_ms),
        "window_median_ms": round(statistics.median(window_ms), 2),
        "day_timeline_p99_ms": p99(timeline_ms),
        "day_timeline_median_ms": round(statistics.median(timeline_ms), 2),
        "sweep_ms_per_1000_deleted": round(swept[_SWEPT_MINUTES[-1]], 1),
        "sweep_ms_per_1000_by_deleted": {str(minutes): round(ms, 1) for minutes, ms in swept.items()},
        "start_after_power_cut_s": start_s,
    }


def _start_s(path: Path) -> float:
    """Return the seconds until an index is open and agrees with the files, after its user's machine went down."""
    with closing(sqlite3.connect(path, autocommit=True)) as connection:
        connection.execute("INSERT INTO meta VALUES ('in_use_since_boot', 'another boot')")
    begin = time.monotonic()
    with Index.open(path, SystemClock()) as index:
        reconcile(index, [])
        return round(time.monotonic() - begin, 2)


def _day_timeline(index: Index, camera_id: str, start_us: int, end_us: int) -> bytes:
    """What a request for a day's coverage costs, but for HTTP."""
    gaps = [gap_view(gap) for gap in index.gaps(camera_id, start_us, end_us)]
    segments = index.timeline(camera_id, start_us, end_us)
    return Coverage(camera_id=camera_id, start_us=start_us, end_us=end_us, segments=segments, gaps=gaps).to_jsonb()


def _times_ms(rounds: int, question: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(rounds):
        begin = time.monotonic()
        question()
        times.append((time.monotonic() - begin) * 1000)
    return times


def p99(times: Sequence[float]) -> float:
    """Return the time that 99 of 100 do not exceed."""
    return round(sorted(times)[math.ceil(len(times) * 0.99) - 1], 2)


def _sweep(index: Index, camera_id: str, minutes: int) -> float:
    """Give up the oldest minutes of a camera, as the sweeper does; return the milliseconds for a thousand segments."""
    oldest = index.oldest_unheld(camera_id)
    if oldest is None:
        raise RuntimeError(f"nothing of {camera_id} can be given up")
    before_us = oldest.start_us + minutes * SEGMENT_S * S
    gone = 0
    begin = time.monotonic()
    while certificate := index.condemn_oldest(
        camera_id, before_us=before_us, max_bytes=None, rule=DeletionRule.AGE, policy_version="bench", now_us=before_us
    ):
        gone += certificate.records
    return (time.monotonic() - begin) * 1e6 / gone
