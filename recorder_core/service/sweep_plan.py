"""What a sweep is to delete, and how long room will last: decisions on figures, without a clock and without a store.

Keeps invariant 6: a limit that is not set is none. What a hold keeps is in no figure here that decides over deletion,
so a hold never costs a camera the footage beside it (invariant 3 is kept by the index, whatever is asked of it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule

from .volume_slot import resume_bytes, spare_bytes, usable_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder_core.models import Retention
    from recorder_core.storage.volumes import Room

DAY_US = 86_400_000_000

_AHEAD_S = 120
"""How much recording must fit while nobody looks (every 10 s), and until cameras that go elsewhere end their files."""

_BATCH_S = 600
"""Deleting for room takes as much as is recorded in that time: a certificate for each file would drown the others."""

_BATCH_US = 3_600_000_000
"""By age it is at most as much later than due, or one hundredth of the age, if that is less."""

_PARTS = 50
"""No batch is a larger part of a volume or a quota."""

_SCARCE = 5
"""Holds that leave less than this fraction of a volume to the rest are told of before recording stops for them."""


def age_limit(retention: Retention) -> tuple[DeletionRule, float] | None:
    """Return how many days footage may be kept and which rule says so; None where age deletes nothing."""
    limits = [
        (days, rule)
        for days, rule in (
            (retention.destroy_after_days, DeletionRule.LAW),
            (retention.retention_days, DeletionRule.AGE),
        )
        if days is not None
    ]
    if not limits:
        return None
    days, rule = min(limits, key=lambda limit: limit[0])
    return rule, days


def too_old_us(retention: Retention, now_us: int) -> tuple[DeletionRule, int] | None:
    """Return the moment before which footage is too old, and the rule; None where age deletes nothing."""
    limit = age_limit(retention)
    return None if limit is None else (limit[0], now_us - round(limit[1] * DAY_US))


def age_batch_us(retention: Retention) -> int:
    """Return how long footage that is too old may wait for the next that is."""
    limit = age_limit(retention)
    return _BATCH_US if limit is None else min(_BATCH_US, round(limit[1] * DAY_US) // 100)


def over_quota(retention: Retention, unheld_bytes: int, bytes_per_day: int) -> int:
    """Return how many bytes of a camera's footage that no hold keeps are to go; 0 while they are not too many."""
    if retention.quota_bytes is None or unheld_bytes <= retention.quota_bytes:
        return 0
    return unheld_bytes - retention.quota_bytes + _batch(bytes_per_day, retention.quota_bytes)


def over_limits(room: Room, bytes_per_day: int) -> int:
    """Return how many bytes are to go, whatever room there is elsewhere, for a volume to keep its limits.

    0 where that cannot be had without any footage: other programs fill the disk, or a limit is larger than it.
    """
    if not -room.used_bytes <= spare_bytes(room) < 0:
        return 0
    return _batch(bytes_per_day, usable_bytes(room)) - spare_bytes(room)


def is_tight(room: Room, bytes_per_day: int) -> bool:
    """Whether recording at that rate would soon meet the end of a volume."""
    return _missing_bytes(room, bytes_per_day) > 0


def wanted_bytes(room: Room, bytes_per_day: int) -> int:
    """Return how many bytes are to go so that recording at that rate does not meet the end of a volume.

    What is asked for also lets a volume that is full take footage again. 0 while there is room enough, and where there
    would be none without any footage, see `over_limits`.
    """
    if not is_tight(room, bytes_per_day) or spare_bytes(room) + room.used_bytes < resume_bytes(room):
        return 0
    return _missing_bytes(room, bytes_per_day) + _batch(bytes_per_day, usable_bytes(room))


def _missing_bytes(room: Room, bytes_per_day: int) -> int:
    ahead = min(bytes_per_day * _AHEAD_S // 86_400, usable_bytes(room) // 10)
    return resume_bytes(room) + ahead - spare_bytes(room)


def _batch(bytes_per_day: int, whole: int) -> int:
    return min(bytes_per_day * _BATCH_S // 86_400, whole // _PARTS)


def is_scarce(rooms: Iterable[Room], held_bytes: int) -> bool:
    """Whether holds leave little of all volumes together to other footage."""
    rest = sum(spare_bytes(room) + room.used_bytes for room in rooms) - held_bytes
    return held_bytes > 0 and rest * _SCARCE < rest + held_bytes


def below_minimum(retention: Retention, newest_forced_us: int | None, now_us: int) -> bool:
    """Whether lack of room took footage that is younger than the rules want it to be kept at least.

    `newest_forced_us` is up to when footage went for want of room; None if none ever did.
    """
    if retention.minimum_days is None or newest_forced_us is None:
        return False
    return newest_forced_us > now_us - round(retention.minimum_days * DAY_US)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a camera fills the volumes: bytes a day, until `remaining` more are there; None where nothing ends it."""

    bytes_per_day: int
    remaining: int | None


def growth(retention: Retention, bytes_per_day: int, unheld_bytes: int) -> Growth:
    """Return how a camera's footage that no hold keeps goes on growing under its rules."""
    ends = []
    if (limit := age_limit(retention)) is not None:
        ends.append(round(limit[1] * bytes_per_day))
    if retention.quota_bytes is not None:
        ends.append(retention.quota_bytes)
    return Growth(bytes_per_day, max(min(ends) - unheld_bytes, 0) if ends else None)


def days_until_full(spare: int, growths: Iterable[Growth]) -> float | None:
    """Return in how many days so many spare bytes are used up; None if they never are.

    Until then each camera grows at its rate, and stands still when its rules delete as much as it records.
    """
    going = [one for one in growths if one.bytes_per_day > 0]
    rate = sum(one.bytes_per_day for one in going)
    left = float(max(spare, 0))
    day = 0.0
    for end, bytes_per_day in sorted((_end_day(one), one.bytes_per_day) for one in going):
        if left < rate * (end - day):
            return day + left / rate
        left -= rate * (end - day)
        day = end
        rate -= bytes_per_day
    return None


def _end_day(one: Growth) -> float:
    return math.inf if one.remaining is None else one.remaining / one.bytes_per_day
