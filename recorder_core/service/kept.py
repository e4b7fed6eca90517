"""What a camera has kept beside its holds: read now and then, for a hold may cover millions of segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule, RecordClass

from .sweep_plan import DAY_US, below_minimum

if TYPE_CHECKING:
    from recorder_core.models import Retention
    from recorder_core.storage.index import Index

_FORCED = frozenset({DeletionRule.QUOTA, DeletionRule.SPACE})


@dataclass(frozen=True, slots=True)
class Kept:
    """How far back footage reaches that no hold keeps, what holds keep, what else there is, and what went early.

    `oldest_us` is None where there is none; `forced_us` is up to when room took footage within the camera's minimum.
    """

    oldest_us: int | None = None
    held_bytes: int = 0
    unheld_bytes: int = 0
    forced_us: int | None = None

    def achieved_days(self, now_us: int) -> float | None:
        """Return how many days footage reaches back that no hold keeps."""
        return None if self.oldest_us is None else max(now_us - self.oldest_us, 0) / DAY_US

    def below_minimum(self, retention: Retention, now_us: int) -> bool:
        """Whether lack of room took footage before its time."""
        return below_minimum(retention, self.forced_us, now_us)


NOTHING_KEPT = Kept()


def read_kept(index: Index, camera_id: str, retention: Retention, now_us: int) -> Kept:
    """Ask the index. Raises RequestError `UNKNOWN_CAMERA`."""
    oldest = index.oldest_unheld(camera_id)
    forced_us = None
    if retention.minimum_days is not None:
        since_us = now_us - round(retention.minimum_days * DAY_US)
        gone = index.destroyed(camera_id, since_us, now_us)
        footage = [one for one in gone if one.record_class is RecordClass.VIDEO and one.rule in _FORCED]
        forced_us = max((one.end_us for one in footage), default=None)
    held = index.held_bytes(camera_id)
    unheld = max(index.footage(camera_id).size - held, 0)
    return Kept(None if oldest is None else oldest.start_us, held, unheld, forced_us)
