"""What is to go, and how long room lasts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from recorder_core.models import DeletionRule, Retention, VolumeState
from recorder_core.service.sweep_plan import (
    DAY_US,
    Growth,
    age_batch_us,
    below_minimum,
    days_until_full,
    growth,
    is_scarce,
    is_tight,
    over_limits,
    over_quota,
    too_old_us,
    wanted_bytes,
)
from recorder_core.service.volume_slot import find_shortage, spare_bytes
from recorder_core.storage.volumes import Room

NOW_US = 1_800_000_000_000_000
MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("retention", "rule", "days"),
    [
        (Retention(), None, 0),
        (Retention(quota_bytes=1, minimum_days=30), None, 0),
        (Retention(retention_days=30), DeletionRule.AGE, 30),
        (Retention(retention_days=0.5), DeletionRule.AGE, 0.5),
        (Retention(destroy_after_days=1096), DeletionRule.LAW, 1096),
        (Retention(retention_days=30, destroy_after_days=1096), DeletionRule.AGE, 30),
        (Retention(retention_days=3000, destroy_after_days=1096), DeletionRule.LAW, 1096),
        (Retention(retention_days=30, destroy_after_days=30), DeletionRule.LAW, 30),
    ],
)
def test_the_shorter_of_two_limits_counts(retention: Retention, rule: DeletionRule | None, days: float) -> None:
    assert too_old_us(retention, NOW_US) == (None if rule is None else (rule, NOW_US - round(days * DAY_US)))


def test_a_quota_counts_what_no_hold_keeps() -> None:
    assert over_quota(Retention(), GIB, MIB) == 0
    assert over_quota(Retention(quota_bytes=GIB), GIB, MIB) == 0
    assert over_quota(Retention(quota_bytes=GIB), GIB + 7, 0) == 7
    assert over_quota(Retention(quota_bytes=GIB), GIB + 7, 144 * MIB) == 7 + MIB
    assert over_quota(Retention(quota_bytes=GIB), GIB + 7, 144 * GIB) == 7 + GIB // 50


def test_what_is_too_old_goes_by_the_hour_or_sooner() -> None:
    assert age_batch_us(Retention(retention_days=30)) == DAY_US // 24
    assert age_batch_us(Retention(retention_days=1)) == DAY_US // 100
    assert age_batch_us(Retention()) == DAY_US // 24


@given(
    total=st.integers(MIB, 1 << 44),
    used=st.integers(0, 100),
    other=st.integers(0, 100),
    pending=st.integers(0, 100),
    min_free=st.none() | st.integers(1, 100),
    max_bytes=st.none() | st.integers(1, 100),
    growing=st.integers(0, 1 << 40),
    per_day=st.integers(0, 1 << 42),
)
def test_what_is_asked_for_is_what_a_full_volume_needs(
    total: int,
    used: int,
    other: int,
    pending: int,
    min_free: int | None,
    max_bytes: int | None,
    growing: int,
    per_day: int,
) -> None:
    share = total // 300
    room = Room(
        total_bytes=total,
        free_bytes=total - share * (used + other + pending),
        used_bytes=share * used,
        pending_bytes=share * pending,
        min_free_bytes=min_free and share * min_free,
        max_bytes=max_bytes and share * max_bytes + MIB,
        growing_bytes=growing,
    )
    wanted = wanted_bytes(room, per_day)
    after = replace(room, used_bytes=room.used_bytes - wanted, pending_bytes=room.pending_bytes + wanted)
    assert find_shortage(after, VolumeState.FULL) is None
    assert wanted_bytes(after, per_day) == 0
    assert is_tight(after, per_day) is (wanted == 0 and is_tight(room, per_day))
    assert (over_limits(room, per_day) > 0) is (-room.used_bytes <= spare_bytes(room) < 0)
    if wanted == 0:
        assert find_shortage(room, VolumeState.OK) is None


def test_room_is_made_for_what_is_recorded_meanwhile() -> None:
    room = Room(1000 * GIB, GIB, 999 * GIB, 0, None, None)
    assert wanted_bytes(room, 0) == 0
    assert wanted_bytes(room, 86_400 * 100 * MIB) == 320 * MIB + 12_000 * MIB - GIB + 20 * GIB
    assert spare_bytes(Room(GIB, 5, 90, 7, 10, 100)) == 2
    assert spare_bytes(Room(GIB, 50, 120, 0, None, 100)) == -20


def test_nothing_is_deleted_for_room_that_deletion_cannot_make() -> None:
    assert wanted_bytes(Room(100 * GIB, 40 * GIB, 50 * GIB, 0, 100 * GIB, None), MIB) == 0
    assert wanted_bytes(Room(100 * GIB, 0, 300 * MIB, 0, None, None), 0) == 0
    assert wanted_bytes(Room(100 * GIB, 0, 330 * MIB, 0, None, None), 0) == 320 * MIB


def test_a_volume_that_is_beyond_its_limits_is_brought_within_them_and_no_further() -> None:
    assert over_limits(Room(100 * GIB, 50 * GIB, 40 * GIB, 0, None, 40 * GIB), 0) == 0
    assert over_limits(Room(100 * GIB, 50 * GIB, 40 * GIB + 7, 0, None, 40 * GIB), 0) == 7
    assert over_limits(Room(100 * GIB, 50 * GIB, 40 * GIB, 0, 51 * GIB, None), 144 * MIB) == GIB + MIB
    assert over_limits(Room(100 * GIB, 2 * GIB, 40 * GIB, 0, 50 * GIB, None), 0) == 0


@pytest.mark.parametrize(
    ("spare", "used", "held", "scarce"),
    [(0, 100, 0, False), (0, 100, 80, False), (0, 100, 81, True), (50, 0, 0, False)],
)
def test_holds_that_leave_little_are_told_of(spare: int, used: int, held: int, *, scarce: bool) -> None:
    assert is_scarce([Room(GIB, spare, used, 0, None, None)], held) is scarce


@pytest.mark.parametrize(
    ("minimum_days", "forced_days_ago", "below"),
    [(None, 1, False), (7, None, False), (7, 6.9, True), (7, 7, False), (0.5, 0.4, True)],
)
def test_what_went_too_early_is_told_until_it_would_have_been_old_enough(
    minimum_days: float | None, forced_days_ago: float | None, *, below: bool
) -> None:
    forced_us = None if forced_days_ago is None else NOW_US - round(forced_days_ago * DAY_US)
    assert below_minimum(Retention(minimum_days=minimum_days), forced_us, NOW_US) is below


@pytest.mark.parametrize(
    ("retention", "stored", "remaining"),
    [
        (Retention(), 5, None),
        (Retention(minimum_days=9), 5, None),
        (Retention(retention_days=30), 100, 200),
        (Retention(retention_days=30, quota_bytes=150), 100, 50),
        (Retention(retention_days=30), 400, 0),
    ],
)
def test_a_camera_grows_until_its_rules_end_it(retention: Retention, stored: int, remaining: int | None) -> None:
    assert growth(retention, 10, stored) == Growth(10, remaining)


@pytest.mark.parametrize(
    ("spare", "growths", "days"),
    [
        (100, [], None),
        (100, [Growth(10, None)], 10),
        (100, [Growth(10, None), Growth(10, None)], 5),
        (100, [Growth(10, 90)], None),
        (100, [Growth(10, 100)], None),
        (100, [Growth(10, 101)], 10),
        (100, [Growth(10, 20), Growth(10, None)], 8),
        (100, [Growth(0, None)], None),
        (0, [Growth(10, None)], 0),
        (-5, [Growth(10, 10)], 0),
        (0, [Growth(10, 0)], None),
    ],
)
def test_days_until_full(spare: int, growths: list[Growth], days: float | None) -> None:
    assert days_until_full(spare, growths) == days
