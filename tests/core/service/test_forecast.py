"""When footage will go if nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import DeletionRule, HoldRequest, Retention
from recorder_core.service.forecast import Outlook, Queue, forecast, goes_at

from .shelves import DAY_S, DAY_US, S, library

if TYPE_CHECKING:
    from pathlib import Path

NOW_US = 1_800_000_000_000_000


@pytest.mark.parametrize(
    ("days_ago", "retention", "queues", "in_days", "rule"),
    [
        (1, Retention(), {}, None, None),
        (1, Retention(retention_days=7), {}, 6, DeletionRule.AGE),
        (9, Retention(retention_days=7), {}, 0, DeletionRule.AGE),
        (-2, Retention(destroy_after_days=7), {}, 9, DeletionRule.LAW),
        (1, Retention(), {DeletionRule.SPACE: Queue(30, 10)}, 3, DeletionRule.SPACE),
        (1, Retention(), {DeletionRule.SPACE: Queue(30, 0)}, None, None),
        (1, Retention(), {DeletionRule.SPACE: Queue(1 << 60, 1)}, None, None),
        (1, Retention(), {DeletionRule.QUOTA: Queue(-5, 10)}, 0, DeletionRule.QUOTA),
        (-2, Retention(), {DeletionRule.SPACE: Queue(30, 10)}, 5, DeletionRule.SPACE),
        (1, Retention(retention_days=7), {DeletionRule.SPACE: Queue(30, 10)}, 3, DeletionRule.SPACE),
        (5, Retention(retention_days=7), {DeletionRule.SPACE: Queue(30, 10)}, 2, DeletionRule.AGE),
    ],
)
def test_the_first_rule_that_comes_to_it_counts(
    days_ago: float,
    retention: Retention,
    queues: dict[DeletionRule, Queue],
    in_days: float | None,
    rule: DeletionRule | None,
) -> None:
    expected = None if in_days is None else (NOW_US + round(in_days * DAY_US), rule)
    assert goes_at(NOW_US - round(days_ago * DAY_US), retention, queues, NOW_US) == expected


async def test_what_is_stored_and_what_is_still_to_come_has_its_day(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        await one.camera("hall")
        laid = [one.lay(ago_s=(5 - day) * DAY_S)[0] for day in range(5)]
        now_us = one.clock.now_us()
        stored = await one.client.forecast("lobby", laid[1].start_us, laid[2].end_us)
        assert (stored.first_us, stored.last_us) == (laid[1].start_us + 7 * DAY_US, laid[2].end_us + 7 * DAY_US)
        assert (stored.rule, stored.held) == (DeletionRule.AGE, False)
        assert stored.stored_bytes == laid[1].size + laid[2].size
        gone = await one.client.forecast("lobby", laid[0].start_us - DAY_US, laid[0].start_us - S)
        assert (gone.first_us, gone.last_us, gone.stored_bytes) == (None, None, 0)
        coming = await one.client.forecast("lobby", now_us + S, now_us + DAY_US)
        assert (coming.first_us, coming.last_us) == (now_us + S + 7 * DAY_US, now_us + 8 * DAY_US)
        never = await one.client.forecast("hall", now_us, now_us + 1)
        assert (never.first_us, never.last_us, never.rule) == (None, None, None)
        await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=laid[2].start_us))
        held = await one.client.forecast("lobby", laid[1].start_us, laid[2].end_us)
        assert (held.first_us, held.last_us, held.held) == (laid[1].start_us + 7 * DAY_US, None, True)
        held = await one.client.forecast("lobby", laid[2].start_us, laid[2].end_us)
        assert (held.first_us, held.last_us, held.rule, held.held) == (None, None, None, True)
        for camera_id, interval, code in (
            ("nobody", (1, 2), ErrorCode.UNKNOWN_CAMERA),
            ("lobby", (2, 2), ErrorCode.INTERVAL_INVERTED),
        ):
            with pytest.raises(RecorderError) as caught:
                await one.client.forecast(camera_id, *interval)
            assert caught.value.code is code


async def test_what_has_gone_does_not_go_again(data: Path) -> None:
    """Between what a hold kept and what is not old enough lies what was deleted, and what never was recorded."""
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        kept, gone, new = [one.lay(ago_s=days * DAY_S)[0] for days in (20, 10, 2)]
        hold = await one.client.place_hold(
            HoldRequest(camera_ids=["lobby"], start_us=kept.start_us, end_us=kept.end_us)
        )
        await one.sweep()
        found = await one.client.forecast("lobby", gone.start_us - S, new.end_us)
        assert (found.first_us, found.last_us) == (new.start_us + 7 * DAY_US, new.end_us + 7 * DAY_US)
        assert (found.stored_bytes, found.held, found.hold_ids) == (new.size, False, [])
        assert (found.missing_us, found.destroyed_us) == (new.start_us - gone.start_us + S, gone.end_us - gone.start_us)
        found = await one.client.forecast("lobby", gone.start_us, gone.end_us)
        assert (found.first_us, found.last_us, found.rule, found.stored_bytes) == (None, None, None, 0)
        assert found.missing_us == found.destroyed_us == gone.end_us - gone.start_us
        found = await one.client.forecast("lobby", kept.start_us, new.end_us)
        assert (found.first_us, found.last_us) == (new.start_us + 7 * DAY_US, None)
        assert (found.held, found.hold_ids) == (True, [hold.hold.hold_id])
        late = await one.client.place_hold(
            HoldRequest(camera_ids=["lobby"], start_us=gone.start_us, end_us=gone.end_us)
        )
        found = await one.client.forecast("lobby", gone.start_us, new.end_us)
        assert (found.last_us, found.hold_ids) == (new.end_us + 7 * DAY_US, [late.hold.hold_id])


async def test_what_is_being_written_is_there(data: Path) -> None:
    """Also if it was closed since it was looked at: it counts once."""
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        [closed] = one.lay(ago_s=60)
        now_us = one.clock.now_us()
        written = replace(closed, segment_id=1 << 40, start_us=now_us - 30 * S, size=77)
        outlook = Outlook(Retention(retention_days=7), 0, {}, [closed, written])
        found = forecast(one.index, "lobby", (closed.start_us, written.end_us), outlook, now_us)
        assert (found.first_us, found.last_us) == (closed.start_us + 7 * DAY_US, written.end_us + 7 * DAY_US)
        assert (found.missing_us, found.stored_bytes) == (written.start_us - closed.end_us, closed.size + 77)
        found = forecast(one.index, "lobby", (written.start_us, now_us + S), outlook, now_us)
        assert (found.first_us, found.last_us) == (written.start_us + 7 * DAY_US, now_us + S + 7 * DAY_US)
        assert (found.missing_us, found.stored_bytes) == (now_us - written.end_us, 77)


async def test_room_comes_to_the_oldest_first_and_passes_over_what_is_held(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        await one.camera("hall")
        laid = [one.lay(ago_s=(5 - day) * DAY_S)[0] for day in range(5)]
        one.lay("hall", ago_s=4.5 * DAY_S)
        await one.client.place_hold(HoldRequest(camera_ids=["hall"], start_us=laid[0].start_us, end_us=laid[4].end_us))
        size = laid[0].size
        rates = {"lobby": size, "hall": 0}
        now_us = one.clock.now_us()
        by_space = Outlook(Retention(), 3 * size, rates)
        found = forecast(one.index, "lobby", (laid[2].start_us, laid[2].end_us), by_space, now_us)
        ahead = 3 * size + laid[0].size + laid[1].size
        assert (found.first_us, found.rule) == (now_us + ahead * DAY_US // size, DeletionRule.SPACE)
        by_quota = Outlook(Retention(quota_bytes=sum(segment.size for segment in laid)), 3 * size, rates)
        found = forecast(one.index, "lobby", (laid[2].start_us, laid[2].end_us), by_quota, now_us)
        ahead = laid[0].size + laid[1].size
        assert (found.first_us, found.rule) == (now_us + ahead * DAY_US // size, DeletionRule.QUOTA)
