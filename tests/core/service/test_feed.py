"""Who follows misses nothing and repeats nothing; who does not read is let go."""

from __future__ import annotations

import pytest

from recorder_core.clock import SystemClock
from recorder_core.models import (
    CameraState,
    CameraStatus,
    EventView,
    FeedItem,
    RecorderStatus,
    VolumeState,
    VolumeStatus,
)
from recorder_core.service.feed import MOST_PENDING, Feed, FeedCut, Subscription
from recorder_core.storage.records import Event

STATUS = RecorderStatus(
    version="1",
    api_version=1,
    store_id="s",
    pid=1,
    supervisor_pid=None,
    started_us=0,
    host_synchronised=None,
    cameras=[],
    volumes=[],
)


class Stored:
    """Events as an index would keep them."""

    def __init__(self, count: int) -> None:
        """Begin with `count` events."""
        self.events = [Event(seq, 0, "gap", None, {}) for seq in range(1, count + 1)]

    async def after(self, seq: int, limit: int) -> list[Event]:
        """Return a page."""
        return [event for event in self.events if event.seq > seq][:limit]

    async def last(self) -> int:
        """Return the newest number."""
        return len(self.events)


def _feed(stored: Stored) -> Feed:
    return Feed(stored.after, stored.last, lambda: STATUS)


def _event(seq: int) -> FeedItem:
    return FeedItem(event=EventView(seq=seq, at_us=0, kind="gap", camera_id=None, data={}))


def _camera(name: str, camera_id: str = "a") -> FeedItem:
    status = CameraStatus(
        camera_id=camera_id, name=name, enabled=True, state=CameraState.RECORDING, since_us=SystemClock().now_us()
    )
    return FeedItem(camera=status)


def _never() -> None:
    pytest.fail("nobody fell behind")


async def test_events_that_happen_during_the_replay_come_once() -> None:
    stored = Stored(3)
    feed = _feed(stored)
    following = feed.follow(1, _never)
    assert (await anext(following)).status == STATUS
    assert await anext(following) == _event(2)
    stored.events.append(Event(4, 0, "gap", None, {}))
    feed.publish(_event(4))
    feed.publish(_event(5))
    assert [await anext(following) for _ in range(3)] == [_event(3), _event(4), _event(5)]
    await following.aclose()
    assert feed.subscribers == 0


async def test_long_replays_go_page_by_page() -> None:
    following = _feed(Stored(1200)).follow(0, _never)
    await anext(following)
    assert [await anext(following) for _ in range(1200)] == [_event(seq) for seq in range(1, 1201)]
    await following.aclose()


async def test_the_newest_state_replaces_what_was_not_read() -> None:
    subscription = Subscription(_never)
    for item in (_camera("old"), _event(1), _camera("new"), _camera("other", "b")):
        subscription.put(item)
    items = [await subscription.get() for _ in range(3)]
    assert [item.camera.name if item.camera else None for item in items] == ["new", None, "other"]


async def test_a_status_takes_the_place_of_all_that_it_holds_and_of_nothing_else() -> None:
    subscription = Subscription(_never)
    status, event = FeedItem(status=STATUS), _event(1)
    volume = FeedItem(volume=VolumeStatus(volume_id=None, path="/v", state=VolumeState.MISSING))
    later = _camera("later")
    for item in (_camera("older"), status, volume, event, FeedItem(removed_camera="b"), status, later):
        subscription.put(item)
    assert [await subscription.get() for _ in range(3)] == [event, status, later]


async def test_a_removed_camera_takes_its_unread_state_with_it() -> None:
    subscription = Subscription(_never)
    subscription.put(_camera("lobby"))
    subscription.put(FeedItem(removed_camera="a"))
    volume = FeedItem(volume=VolumeStatus(volume_id=None, path="/v", state=VolumeState.MISSING))
    subscription.put(volume)
    assert [await subscription.get(), await subscription.get()] == [FeedItem(removed_camera="a"), volume]


async def test_who_falls_behind_is_cut_once_and_keeps_no_memory() -> None:
    cuts: list[int] = []
    feed = _feed(Stored(0))
    following = feed.follow(None, lambda: cuts.append(1))
    await anext(following)
    for seq in range(MOST_PENDING + 100):
        feed.publish(_event(seq + 1))
    with pytest.raises(FeedCut):
        await anext(following)
    assert cuts == [1]
    assert feed.subscribers == 0


async def test_a_closed_feed_tells_the_status_and_lets_go() -> None:
    feed = _feed(Stored(0))
    before = feed.follow(None, _never)
    await anext(before)
    feed.close()
    with pytest.raises(FeedCut):
        await anext(before)
    late = feed.follow(None, _never)
    assert (await anext(late)).status == STATUS
    with pytest.raises(FeedCut):
        await anext(late)
