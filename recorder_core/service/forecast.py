"""When footage will go if nothing changes: by its age, when its camera's quota has come to it, or a volume's room.

Only what is stored or still to come has a day on which it goes; of what is not stored it is said how much there is, and
how much of that was deleted. Sums come from the index, rates from the last day. Volumes count together: which of them
runs short first cannot be foretold where cameras change between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule, Forecast, RecordClass
from recorder_core.storage.intervals import EVER_US, Interval, clip, length, subtract, union

from .sweep_plan import DAY_US, age_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recorder_core.models import Hold, Retention
    from recorder_core.storage.index import Index
    from recorder_core.storage.records import Segment

_NEVER_US = 36_500 * DAY_US
"""What room would come to later than in a hundred years does not go: the rate of one day says nothing of then."""


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
            if passing_us <= _NEVER_US:
                ends.append((max(moment_us, now_us) + passing_us, rule))
    return min(ends, key=lambda end: end[0], default=None)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What decides over footage: its camera's rules, the room that is left, and all cameras' rates in bytes a day.

    `writing` are the camera's segments that were not closed yet when the index was asked or before, as far as they were
    written.
    """

    retention: Retention
    spare_bytes: int
    rates: Mapping[str, int]
    writing: Sequence[Segment] = ()


def forecast(index: Index, camera_id: str, interval: Interval, outlook: Outlook, now_us: int) -> Forecast:
    """Say when footage of an interval, stored or still to come, will go. Raises RequestError `UNKNOWN_CAMERA`."""
    holds = index.holds(active=True, limit=EVER_US)
    held = _held(holds)
    # One that was closed since is in the index.
    writing = [one for one in outlook.writing if index.segment(one.segment_id) is None]
    coming = [*((one.start_us, one.end_us) for one in writing), (now_us, EVER_US)]
    there = _there(index, camera_id, subtract([interval], held.get(camera_id, [])), coming)
    kept = _there(index, camera_id, union(clip(held.get(camera_id, []), *interval)), coming)
    first = _goes_at(index, camera_id, there[0][0], outlook, held, now_us) if there else None
    last = _goes_at(index, camera_id, there[-1][1], outlook, held, now_us) if there and not kept else None
    missing_us, destroyed_us = _gone(index, camera_id, clip([interval], -EVER_US, now_us), coming)
    holding = [one for one in reversed(holds) if clip(_held([one]).get(camera_id, []), *interval)]
    overlapping = [one for one in writing if one.start_us < interval[1] and one.end_us > interval[0]]
    return Forecast(
        camera_id=camera_id,
        start_us=interval[0],
        end_us=interval[1],
        first_us=None if first is None else first[0],
        last_us=None if last is None else last[0],
        rule=None if first is None else first[1],
        held=bool(holding),
        stored_bytes=index.footage_in(camera_id, *interval)[0] + sum(one.size for one in overlapping),
        hold_ids=[one.hold_id for one in holding],
        missing_us=missing_us,
        destroyed_us=destroyed_us,
    )


def _there(index: Index, camera_id: str, parts: Iterable[Interval], coming: Iterable[Interval]) -> list[Interval]:
    """Return stretches of `parts`, in order, that begin and end with what is stored, or with what is `coming`."""
    parts = list(parts)
    stored = [stretch for part in parts if (stretch := index.reach(camera_id, *part)) is not None]
    return sorted(stretch for part in parts for stretch in clip([*stored, *coming], *part))


def _gone(index: Index, camera_id: str, passed: list[Interval], written: list[Interval]) -> tuple[int, int]:
    """Return how much of what has passed is not stored, and how much of that was deleted."""
    if not passed:
        return 0, 0
    [(start_us, end_us)] = passed
    _, stored_us = index.footage_in(camera_id, start_us, end_us)
    missing_us = max(end_us - start_us - stored_us - length(clip(written, start_us, end_us)), 0)
    deleted = (one for one in index.destroyed(camera_id, start_us, end_us) if one.record_class is RecordClass.VIDEO)
    destroyed_us = length(clip(((one.start_us, one.end_us) for one in deleted), start_us, end_us))
    return missing_us, min(destroyed_us, missing_us)


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


def _held(holds: Iterable[Hold]) -> dict[str, list[Interval]]:
    """Return what holds cover, by the cameras' ids."""
    found: dict[str, list[Interval]] = {}
    for hold in holds:
        end_us = EVER_US if hold.end_us is None else hold.end_us
        for camera_id in hold.camera_ids:
            found.setdefault(camera_id, []).append((hold.start_us, end_us))
    return found


def _unheld(index: Index, camera_id: str, holds: Iterable[Interval], before_us: int) -> int:
    """Return the bytes of a camera from before a moment that no hold keeps."""
    held = sum(index.recorded(camera_id, *part).size for part in union(clip(holds, -EVER_US, before_us)))
    return index.recorded(camera_id, -EVER_US, before_us).size - held
