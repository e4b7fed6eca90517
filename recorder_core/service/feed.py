"""Hands what happens to everyone who follows: stored events first, then live items, in bounded memory.

The status of a camera or volume replaces what a subscriber had not read yet of it, and that of the recorder replaces
all of them, so only events pile up; a subscriber that lets too many of them do so is cut, and follows again from the
last number that it saw.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from recorder_core.models import EventView, FeedItem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from recorder_core.models import RecorderStatus
    from recorder_core.storage.records import Event

MOST_PENDING = 1000
"""Items that a subscriber may leave unread."""

_IN_STATUS = frozenset({"status", "camera", "volume"})
"""What a later status makes needless; read after it, it would bring back what was."""

_PAGE = 500
"""Stored events that are read at once."""


class FeedCut(Exception):  # noqa: N818  # it ends a subscription; nothing went wrong in the recorder
    """The subscriber did not read fast enough, or the recorder stops."""


def event_view(event: Event) -> EventView:
    """Return a stored event as it travels."""
    return EventView(
        seq=event.seq, at_us=event.at_us, kind=event.kind, camera_id=event.camera_id, data=dict(event.data)
    )


class Subscription:
    """What one subscriber has not read yet."""

    def __init__(self, on_cut: Callable[[], None]) -> None:
        """Call `on_cut` once when the subscriber falls too far behind."""
        self._pending: OrderedDict[tuple[str, object], FeedItem] = OrderedDict()
        self._ready = asyncio.Event()
        self._on_cut = on_cut
        self.cut = False

    def put(self, item: FeedItem) -> None:
        """Add an item, or replace the unread one on the same camera, volume or export.

        A status replaces those on all cameras and volumes.
        """
        if self.cut:
            return
        if item.status is not None:
            for key in [key for key in self._pending if key[0] in _IN_STATUS]:
                del self._pending[key]
        self._pending[_key(item)] = item
        self._ready.set()
        if len(self._pending) > MOST_PENDING:
            self.end()
            self._on_cut()

    def end(self) -> None:
        """Let its reader go."""
        self.cut = True
        self._pending.clear()
        self._ready.set()

    async def get(self) -> FeedItem:
        """Return the next item, waiting for it.

        Raises:
            FeedCut: The subscriber fell too far behind, or the recorder stops.
        """
        while not self._pending:
            if self.cut:
                raise FeedCut
            self._ready.clear()
            await self._ready.wait()
        return self._pending.popitem(last=False)[1]


def _key(item: FeedItem) -> tuple[str, object]:
    if item.status is not None:
        return "status", None
    if item.event is not None:
        return "event", item.event.seq
    if item.camera is not None:
        return "camera", item.camera.camera_id
    if item.volume is not None:
        return "volume", item.volume.path
    if item.export is not None:
        return "export", item.export.export_id
    return "camera", item.removed_camera


class Feed:
    """All subscribers of the recorder."""

    def __init__(
        self,
        events_after: Callable[[int, int], Awaitable[list[Event]]],
        last_event: Callable[[], Awaitable[int]],
        status: Callable[[], RecorderStatus],
    ) -> None:
        """Read stored events by `events_after(seq, limit)`, ascending; `status` is the first item that all get."""
        self._events_after = events_after
        self._last_event = last_event
        self._status = status
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    @property
    def subscribers(self) -> int:
        """How many follow."""
        return len(self._subscriptions)

    def publish(self, item: FeedItem) -> None:
        """Hand an item to everyone who follows."""
        for subscription in tuple(self._subscriptions):
            subscription.put(item)

    def close(self) -> None:
        """Let all subscribers go; who comes later gets the status and is let go, too."""
        self._closed = True
        for subscription in tuple(self._subscriptions):
            subscription.end()

    async def follow(self, after: int | None, on_cut: Callable[[], None]) -> AsyncGenerator[FeedItem]:
        """Yield the status, every stored event numbered above `after`, and then what happens; it does not end.

        Without `after` no stored event is yielded, only what happens from now on.

        Raises:
            FeedCut: The subscriber fell too far behind (`on_cut` was called at that moment), or the recorder stops.
        """
        subscription = Subscription(on_cut)
        if self._closed:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield FeedItem(status=self._status())
            # Who saw a higher number than there is has followed an index that was lost since: all is new to him.
            seen = 0 if after is None or after > await self._last_event() else after
            while after is not None and (events := await self._events_after(seen, _PAGE)):
                for event in events:
                    yield FeedItem(event=event_view(event))
                seen = events[-1].seq
            while True:
                item = await subscription.get()
                if item.event is None or item.event.seq > seen:  # else it was among the stored ones
                    yield item
        finally:
            self._subscriptions.discard(subscription)
