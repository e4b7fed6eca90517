"""How far footage reaches back, how much comes in a day, how long there is room: beside figures made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder_core.models import CameraConfig, HoldRequest, Retention
from recorder_core.service.figures import Figures, read_figures
from recorder_core.storage.index import Index

from .shelves import DAY_S, DAY_US, HOUR_S, Library, S, library

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.models import CameraStatus


async def _status(one: Library, camera_id: str = "lobby") -> CameraStatus:
    """Return a camera's status after a sweep, with figures of now."""
    await one.sweep()
    await one.recorder._cameras._refresh(camera_id)
    return next(camera for camera in (await one.client.status()).cameras if camera.camera_id == camera_id)


async def _records(one: Library, camera_id: str, **rules: float) -> None:
    """Have a camera count as one that is recorded, without a stream: what it records is laid by the test."""
    retention = Retention(**rules)  # type: ignore[arg-type]  # each caller names fields of the right type
    config = CameraConfig(camera_id=camera_id, name=camera_id, url="rtsp://127.0.0.1:9/", retention=retention)
    await one.client.put_camera(config)


async def test_a_camera_without_footage_has_no_figures_and_fills_nothing(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await _records(one, "lobby", minimum_days=30, quota_bytes=1)
        status = await _status(one)
        assert (status.achieved_days, status.bytes_per_day, status.oldest_us, status.newest_us) == (None,) * 4
        assert (status.stored_bytes, status.held_bytes, status.below_minimum) == (0, 0, False)
        assert (await one.client.status()).days_until_full is None


async def test_a_new_camera_is_reckoned_by_its_first_minute_and_one_with_gaps_by_what_it_records(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await _records(one, "new")
        await _records(one, "gaps")
        [first] = one.lay("new", fragments=60)
        # An hour's worth of minutes: one each hour for ten hours, the rest of the day is missing.
        laid = [one.lay("gaps", ago_s=hour * HOUR_S, fragments=60)[0] for hour in range(10)]
        new, gaps = await _status(one, "new"), await _status(one, "gaps")
        assert new.bytes_per_day == first.size * 1440
        assert new.achieved_days == pytest.approx(60 / DAY_S)
        assert gaps.bytes_per_day == sum(segment.size for segment in laid) * 144
        assert gaps.achieved_days == pytest.approx((9 * HOUR_S + 60) / DAY_S)
        assert gaps.stored_bytes == sum(segment.size for segment in laid)


async def test_a_quota_that_is_smaller_than_a_file_keeps_nothing_and_fills_nothing(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await _records(one, "lobby", quota_bytes=1)
        one.lay(ago_s=60, fragments=60)
        [newest] = one.lay(fragments=60)
        await one.sweep()
        assert one.stored() == []
        assert (await one.client.status()).days_until_full is None
        one.clock.pass_by(60)
        held = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=newest.end_us))
        [kept] = one.lay(fragments=60)
        status = await _status(one)
        assert held.created
        assert [segment.segment_id for segment in one.stored()] == [kept.segment_id]
        assert (status.held_bytes, status.achieved_days) == (kept.size, None)


async def test_room_on_several_volumes_counts_together_and_a_removed_camera_records_no_more(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "a", data / "b")
        await _records(one, "lobby")
        await _records(one, "hall", retention_days=2)
        lobby = one.lay("lobby", fragments=60)[0]
        hall = one.lay("hall", fragments=60, volume=1)[0]
        limit = 200 * (lobby.size + hall.size)
        await one.use(data / "a", data / "b", max_bytes=limit)
        await _status(one, "lobby")
        await _status(one, "hall")
        await one.sweep()
        spare = 2 * limit - lobby.size - hall.size
        rate = 1440 * (lobby.size + hall.size)
        assert (await one.client.status()).days_until_full == pytest.approx(spare / rate)
        await one.client.remove_camera("hall")
        await one.sweep()
        assert (await one.client.status()).days_until_full == pytest.approx(spare / (1440 * lobby.size))
        one.clock.pass_by(3 * DAY_S)
        await one.sweep()
        assert one.stored("hall") == []  # by the rules that it left
        forecast = await one.client.forecast("hall", hall.start_us, hall.end_us)
        assert (forecast.stored_bytes, forecast.first_us) == (0, None)


async def test_while_no_volume_is_there_nobody_can_tell_when_all_is_full(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "a")
        await _records(one, "lobby")
        one.lay("lobby", fragments=60)
        await _status(one)
        await one.sweep()
        assert (await one.client.status()).days_until_full is not None
        (data / "a").rename(data / "away")
        await one.recorder._volumes._look(one.recorder._volumes._slots[0])
        await one.sweep()
        assert (await one.client.status()).days_until_full is None


async def test_a_rate_looks_back_a_day_and_no_further(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        one.lay(ago_s=DAY_S, fragments=60)
        now_us = one.clock.now_us()
        zone = one.recorder._cameras.zone
        figures = await one.recorder._index.ask(read_figures, "lobby", now_us, zone)
        assert figures.bytes_per_day is None
        [recent] = one.lay(ago_s=DAY_S - 61, fragments=60)
        figures = await one.recorder._index.ask(read_figures, "lobby", now_us, zone)
        assert isinstance(figures, Figures)
        assert figures.bytes_per_day == recent.size * DAY_US // (60 * S)
        assert (await one.recorder._index.ask(Index.footage, "lobby")).segments == 2
