"""What happens in the recorder, as numbered events: kept in the index first, then handed to everyone who follows."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING

from recorder_core.models import FeedItem

from .feed import event_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.clock import Clock
    from recorder_core.storage.index import Index

    from .feed import Feed
    from .index_thread import IndexThread


class EventKind(StrEnum):
    """All kinds of events."""

    RECORDER_STARTED = "recorder_started"
    CAMERA_ADDED = "camera_added"
    CAMERA_CHANGED = "camera_changed"
    CAMERA_REMOVED = "camera_removed"
    RUN_STARTED = "run_started"
    RUN_ENDED = "run_ended"
    GAP_OPENED = "gap_opened"
    GAP_CLOSED = "gap_closed"
    GAP = "gap"
    SEGMENT_CLOSED = "segment_closed"
    VOLUME_STATE = "volume_state"
    VOLUMES_CHANGED = "volumes_changed"
    FOOTAGE_READ_IN = "footage_read_in"
    HOLD_PLACED = "hold_placed"
    HOLD_WIDENED = "hold_widened"
    HOLD_REVIEWED = "hold_reviewed"
    HOLD_RELEASED = "hold_released"
    HOLD_EXPIRED = "hold_expired"
    HOLD_REVIEW_DUE = "hold_review_due"
    FOOTAGE_DELETED = "footage_deleted"
    MINIMUM_NOT_KEPT = "minimum_not_kept"
    SWEEP_HALTED = "sweep_halted"
    SWEEP_RESUMED = "sweep_resumed"
    STORAGE_NEARLY_FULL = "storage_nearly_full"
    STORAGE_HELD = "storage_held"
    STORAGE_BEING_READ = "storage_being_read"
    DUTY_FAILED = "duty_failed"
    DUTY_RESUMED = "duty_resumed"
    EXPORT_QUEUED = "export_queued"
    EXPORT_DONE = "export_done"
    EXPORT_FAILED = "export_failed"
    EXPORT_CANCELLED = "export_cancelled"
    EXPORT_REMOVED = "export_removed"
    EXPORT_DELIVERED = "export_delivered"
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_REMOVED = "delivery_removed"


type EventData = Mapping[str, str | int | float | bool | None]


class EventLog:
    """Numbers events and publishes them, in the order in which they were noted."""

    def __init__(self, index: IndexThread, feed: Feed, clock: Clock) -> None:
        """Keep events in `index` and publish them to `feed`, on the running event loop."""
        self._index = index
        self._feed = feed
        self._clock = clock
        self._loop = asyncio.get_running_loop()

    def publish(self, item: FeedItem) -> None:
        """Hand an item that is no event to everyone who follows now."""
        self._feed.publish(item)

    def note(self, kind: EventKind, camera_id: str | None = None, **data: str | float | bool | None) -> None:
        """Note that something happened just now."""
        self._index.post(self._keep, kind, self._clock.now_us(), camera_id, data)

    def _keep(self, index: Index, kind: EventKind, at_us: int, camera_id: str | None, data: EventData) -> None:
        event = index.append_event(kind, at_us, camera_id, data)
        self._loop.call_soon_threadsafe(self._feed.publish, FeedItem(event=event_view(event)))
