"""Where footage goes, and whence it goes, with several volumes; and what is told of them at once."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from recorder_core.models import HoldRelease, HoldRequest, SweepHalt, VolumeState
from recorder_core.storage.index import Index

from .shelves import DAY_S, HOUR_S, library
from .watching import watching

if TYPE_CHECKING:
    from pathlib import Path

    from .shelves import Library


def _used(one: Library, number: int) -> int:
    return one.index.bytes_on_volume(one.volume(number).volume_id)


async def _place(one: Library, camera_id: str = "lobby") -> Path:
    """Where a camera's next file goes, once the volumes were looked at."""
    for slot in one.recorder._volumes._slots:
        await one.recorder._volumes._look(slot)
    return one.recorder._volumes.writer(camera_id).volume.path


async def test_while_one_volume_has_room_nothing_is_deleted_on_another(data: Path) -> None:
    async with library(data) as one:
        await one.camera()
        await one.use(data / "a", data / "b")
        laid = one.lay(ago_s=HOUR_S, fragments=4, times=20)
        used = _used(one, 0)
        await one.use(data / "a", data / "b", max_bytes=used)
        for slot in one.recorder._volumes._slots:
            one.recorder._volumes._chosen["lobby"] = slot
            await one.sweep()
            assert await _place(one) == data / "b"
        assert len(one.stored()) == len(laid)
        assert [volume.only_held for volume in (await one.client.status()).volumes] == [False, False]


async def test_with_no_room_left_the_oldest_goes_on_whichever_volume_it_lies(data: Path) -> None:
    async with library(data) as one:
        await one.camera()
        await one.use(data / "a", data / "b")
        newer = one.lay(ago_s=HOUR_S, fragments=4, times=20)
        older = one.lay(ago_s=2 * DAY_S, fragments=4, times=20, volume=1)
        await one.use(data / "a", data / "b", max_bytes=_used(one, 0))
        await one.sweep()
        kept = {segment.segment_id for segment in one.stored()}
        assert {segment.segment_id for segment in newer} <= kept
        gone = [segment.segment_id not in kept for segment in older]
        assert gone == sorted(gone, reverse=True)
        assert 0 < sum(gone) < len(older)
        assert await _place(one) == data / "b"
        await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=1, end_us=older[-1].end_us))
        await one.use(data / "a", data / "b", max_bytes=_used(one, 1))  # what is left there is held
        await one.sweep()
        kept = {segment.segment_id for segment in one.stored()}
        assert sum(segment.segment_id in kept for segment in older) == len(older) - sum(gone)
        assert 0 < sum(segment.segment_id in kept for segment in newer) < len(newer)
        assert await _place(one) == data / "a"
        assert [event.data["path"] for event in await one.events("storage_held")] == [str(data / "b")]


async def test_a_limit_that_is_lowered_is_kept_though_another_volume_has_room(data: Path) -> None:
    async with library(data) as one:
        await one.camera()
        await one.use(data / "a", data / "b")
        one.lay(ago_s=HOUR_S, fragments=4, times=20)
        limit = _used(one, 0) // 2
        await one.use(data / "a", data / "b", max_bytes=limit)
        await one.sweep()
        assert limit * 0.8 < _used(one, 0) <= limit


async def test_what_an_export_reads_keeps_a_full_volume_as_long_as_that_lasts_and_is_not_held(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        laid = one.lay(ago_s=HOUR_S, fragments=4, times=20)
        span = laid[0].start_us, laid[9].end_us, laid[-1].end_us
        await one.sweep()
        [before] = (await one.client.status()).cameras
        await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=span[1], end_us=span[2]))
        reading = await one.recorder._index.ask(Index.begin_reading, "lobby", span[0], span[1])
        await one.use(data / "footage", max_bytes=sum(segment.size for segment in laid))
        await one.sweep()
        status = await one.client.status()
        [volume] = status.volumes
        assert (volume.state, volume.being_read, volume.only_held) == (VolumeState.FULL, True, False)
        assert status.cameras[0].achieved_days == before.achieved_days == pytest.approx((HOUR_S + 80) / DAY_S)
        await one.sweep()
        [told] = await one.events("storage_being_read")
        assert told.data == {"path": str(data / "footage"), "size": volume.used_bytes}
        assert await one.events("storage_held") == await one.events("storage_nearly_full") == []
        assert len(one.stored()) == len(laid)
        held = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=span[0], end_us=span[1]))
        await one.sweep()
        [volume] = (await one.client.status()).volumes
        assert (volume.being_read, volume.only_held) == (False, True)
        await one.client.release_hold(held.hold.hold_id, HoldRelease())
        await one.recorder._index.ask(Index.end_reading, reading)
        await one.sweep()
        [volume] = (await one.client.status()).volumes
        assert (volume.being_read, volume.only_held) == (False, False)
        assert 10 <= len(one.stored()) < len(laid)


async def test_what_changes_of_the_whole_is_told_at_once_to_all_who_watch(data: Path) -> None:
    """Holds, the sweep's halt, and whether only held footage is left; not the same thing twice."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(library(data))
        await one.use(data / "footage")
        await one.camera()
        laid = one.lay(ago_s=HOUR_S, fragments=4, times=20)
        await one.sweep()
        watcher = await stack.enter_async_context(watching(one.client))
        request = HoldRequest(camera_ids=["lobby"], start_us=laid[0].start_us, key="k")
        placed = await one.client.place_hold(request)
        await one.client.place_hold(request)
        await watcher.sees(lambda: [status.holds for status in watcher.statuses()] == [1])
        one.clock.step(2 * HOUR_S)
        await one.sweep()
        await one.client.confirm_clock()
        halts = [None, SweepHalt.CLOCK, None]
        await watcher.sees(lambda: [status.sweep_halt for status in watcher.statuses()] == halts)
        await one.use(data / "footage", max_bytes=sum(segment.size for segment in laid))
        await one.sweep()
        await watcher.sees(lambda: watcher.only_held() is True)
        assert (await one.client.status()).volumes[0].state is VolumeState.FULL
        await one.client.release_hold(placed.hold.hold_id, HoldRelease())
        await one.sweep()
        await watcher.sees(lambda: watcher.only_held() is False)
        assert watcher.statuses()[-1].holds == 0
