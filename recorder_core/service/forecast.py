"""When footage will go if nothing changes: by its age, when its camera's quota has come to it, or a volume's room.

Sums come from the index, rates from the last day. Volumes count together: which of them runs short first cannot be
foretold where cameras change between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule, Forecast
from recorder_core.storage.intervals import EVER_US, Interval, clip, subtract, union

from .sweep_plan import DAY_US, age_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recorder_core.models import Retention
    from recorder_core.storage.index import Index


@dataclass(frozen=True, slots=True)
class Queue:
    """Footage that goes oldest first: how much is recorded or goes before a moment's turn comes, and at what rate."""

    ahead_bytes: int
    bytes_per_day: int


def goes_at(
    moment_us: int, retention: Retention, queues: Mapping[DeletionRule, Queue], now_us: int
) -> tuple[int, DeletionRule] | None:
    """Return when what is recorded at a moment goes, and by which rule; None if it never does."""
    ends: list[tuple[int, DeletionRule]] = []
    if (limit := age_limit(retention)) is not None:
        ends.append((max(moment_us + round(limit[1] * DAY_US), now_us), limit[0]))
    for rule, queue in queues.items():
        if queue.bytes_per_day > 0:
            passing_us = max(queue.ahead_bytes, 0) * DAY_US // queue.bytes_per_day
            ends.append((max(moment_us, now_us) + passing_us, rule))
    return min(ends, key=lambda end: end[0], default=None)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What decides over footage: its camera's rules, the room that is left, and all cameras' rates in bytes a day."""

    retention: Retention
    spare_bytes: int
    rates: Mapping[str, int]


def forecast(index: Index, camera_id: str, interval: Interval, outlook: Outlook, now_us: int) -> Forecast:
    """Say when footage of an interval, stored or still to come, will go. Raises RequestError `UNKNOWN_CAMERA`."""
    stored_bytes, _ = index.footage_in(camera_id, *interval)
    holds = _held(index)
    held = bool(clip(holds.get(camera_id, []), *interval))
    oldest_us = index.footage(camera_id).oldest_us
    since_us = now_us if oldest_us is None else min(oldest_us, now_us)
    there = clip([interval], since_us, EVER_US) if stored_bytes or interval[1] > now_us else []
    free = subtract(there, holds.get(camera_id, []))
    first = last = None
    if free:
        first = _goes_at(index, camera_id, free[0][0], outlook, holds, now_us)
        if not held:
            last = _goes_at(index, camera_id, free[-1][1], outlook, holds, now_us)
    return Forecast(
        camera_id=camera_id,
        start_us=interval[0],
        end_us=interval[1],
        first_us=None if first is None else first[0],
        last_us=None if last is None else last[0],
        rule=None if first is None else first[1],
        held=held,
        stored_bytes=stored_bytes,
    )


def _goes_at(
    index: Index, camera_id: str, moment_us: int, outlook: Outlook, holds: Mapping[str, list[Interval]], now_us: int
) -> tuple[int, DeletionRule] | None:
    older = {one: _unheld(index, one, holds.get(one, []), moment_us) for one in index.cameras()}
    queues = {
        DeletionRule.SPACE: Queue(outlook.spare_bytes + sum(older.values()), sum(outlook.rates.values())),
    }
    if outlook.retention.quota_bytes is not None:
        all_of_it = _unheld(index, camera_id, holds.get(camera_id, []), EVER_US)
        ahead = outlook.retention.quota_bytes - all_of_it + older[camera_id]
        queues[DeletionRule.QUOTA] = Queue(ahead, outlook.rates.get(camera_id, 0))
    return goes_at(moment_us, outlook.retention, queues, now_us)


def _held(index: Index) -> dict[str, list[Interval]]:
    """Return what active holds cover, by the cameras' ids."""
    found: dict[str, list[Interval]] = {}
    for hold in index.holds(active=True, limit=EVER_US):
        for camera_id in hold.camera_ids:
            end_us = EVER_US if hold.end_us is None else hold.end_us
            found.setdefault(camera_id, []).append((hold.start_us, end_us))
    return found


def _unheld(index: Index, camera_id: str, holds: Iterable[Interval], before_us: int) -> int:
    """Return the bytes of a camera from before a moment that no hold keeps."""
    held = sum(index.recorded(camera_id, *part).size for part in union(clip(holds, -EVER_US, before_us)))
    return index.recorded(camera_id, -EVER_US, before_us).size - held
