"""What is too old, too much or in the way goes, and nothing else: a real recorder through weeks that take seconds."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    CameraState,
    DeletionRule,
    Duty,
    HoldRelease,
    HoldRequest,
    LedgerKind,
    RecordClass,
    Settings,
    SweepHalt,
    VolumeConfig,
    VolumeState,
)
from recorder_core.service.clock_trust import PATIENCE_US
from recorder_core.service.startup import INDEX
from recorder_core.service.sweep_state import SWEEP
from recorder_core.simulator import Simulator
from recorder_core.storage.index_backup import backup_path
from recorder_core.storage.retention_rows import RetentionRows
from tests.core.storage_writer.disks import ROOM, mounted_disk

from .clocks import SteppedClock
from .rig import camera, config_of, served, state_reached, stored
from .shelves import DAY_S, DAY_US, HOUR_S, S, files, library

if TYPE_CHECKING:
    from pathlib import Path


async def test_weeks_of_footage_go_by_their_age_each_with_its_certificate(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        await one.camera("hall")
        laid = []
        for _ in range(84):
            one.clock.pass_by(6 * HOUR_S)
            laid += one.lay()
            one.lay("hall")
            await one.sweep()
        kept = one.stored()
        oldest_us = one.clock.now_us() - 7 * DAY_US
        assert [segment.segment_id for segment in kept] == [
            segment.segment_id for segment in laid if segment.end_us > oldest_us
        ]
        assert len(one.stored("hall")) == 84
        certificates = await one.certificates()
        assert await one.certificates("hall") == []
        status = next(each for each in (await one.client.status()).cameras if each.camera_id == "lobby")
        events = await one.events("footage_deleted")
        ledger = [entry for entry in (await one.client.ledger()).entries if entry.kind is LedgerKind.DELETED]
    gone = laid[: len(laid) - len(kept)]
    assert [(one.start_us, one.end_us, one.records, one.size) for one in certificates] == [
        (segment.start_us, segment.end_us, 1, segment.size) for segment in gone
    ]
    assert {(each.rule, each.policy_version, each.record_class, each.actor) for each in certificates} == {
        (DeletionRule.AGE, "2026-1", RecordClass.VIDEO, None)
    }
    assert len(events) == len(ledger) == len(gone) == 56
    assert files(data / "footage") == len(kept) + 84
    assert status.achieved_days == pytest.approx(7, abs=0.26)
    assert not status.below_minimum


async def test_a_law_is_named_where_it_asks_for_the_deletion(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=2000, destroy_after_days=1096)
        one.lay(ago_s=1097 * DAY_S, times=2)
        one.lay(ago_s=1095 * DAY_S)
        await one.sweep()
        [certificate] = await one.certificates()
        assert (certificate.rule, certificate.records) == (DeletionRule.LAW, 2)
        assert len(one.stored()) == 1


async def test_footage_of_a_camera_that_was_removed_goes_in_time(data: Path) -> None:
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=3)
        one.lay()
        await one.client.remove_camera("lobby")
        await one.sweep()
        assert len(one.stored()) == 1
    clock.pass_by(4 * DAY_S)
    async with library(data, clock) as one:
        await one.sweep()
        assert one.stored() == []
        assert [each.rule for each in await one.certificates()] == [DeletionRule.AGE]
        await one.camera()
        one.lay(ago_s=10 * DAY_S)
        await one.sweep()
        assert len(one.stored()) == 1


async def test_a_hold_placed_at_the_last_moment_beats_age_and_its_release_frees_what_no_other_covers(
    data: Path,
) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        first, second, third = one.lay(ago_s=7 * DAY_S - 60, times=3)
        whole = {segment.path: (data / "footage" / segment.path).read_bytes() for segment in (first, second, third)}
        x = await one.client.place_hold(
            HoldRequest(camera_ids=["lobby"], start_us=first.start_us, end_us=second.start_us + 1)
        )
        y = await one.client.place_hold(
            HoldRequest(camera_ids=["lobby"], start_us=second.end_us - 1, end_us=second.end_us)
        )
        one.clock.pass_by(DAY_S)
        await one.sweep()
        assert [segment.segment_id for segment in one.stored()] == [first.segment_id, second.segment_id]
        await one.client.release_hold(x.hold.hold_id, HoldRelease(actor="u1"))
        await one.sweep()
        [kept] = one.stored()
        assert kept.segment_id == second.segment_id
        assert (data / "footage" / kept.path).read_bytes() == whole[kept.path]
        status = (await one.client.status()).cameras[0]
        assert (status.held_bytes, status.achieved_days) == (second.size, None)
        await one.client.release_hold(y.hold.hold_id, HoldRelease())
        await one.sweep()
        assert one.stored() == []
        assert files(data / "footage") == 0


async def test_a_quota_takes_the_oldest_that_no_hold_keeps_and_tells_when_that_was_too_early(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        laid = [one.lay(ago_s=(9 - day) * DAY_S)[0] for day in range(10)]
        quota = sum(segment.size for segment in laid[5:])
        await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=laid[0].start_us, end_us=laid[1].end_us))
        await one.camera(quota_bytes=quota, minimum_days=6)
        await one.sweep()
        assert [one.segment_id for one in one.stored()] == [laid[n].segment_id for n in (0, 1, 5, 6, 7, 8, 9)]
        assert {each.rule for each in await one.certificates()} == {DeletionRule.QUOTA}
        status = (await one.client.status()).cameras[0]
        assert status.below_minimum
        assert status.achieved_days == pytest.approx(4, abs=0.1)
        await one.sweep()
        assert len(await one.events("minimum_not_kept")) == 1
        one.clock.pass_by(DAY_S)
        await one.sweep()
        assert not (await one.client.status()).cameras[0].below_minimum
        one.lay(times=3)
        await one.sweep()
        assert (await one.client.status()).cameras[0].below_minimum
        assert len(await one.events("minimum_not_kept")) == 2


async def test_the_oldest_of_all_cameras_makes_room_before_a_volume_is_full(data: Path) -> None:
    async with library(data) as one:
        await one.camera("lobby")
        await one.camera("hall")
        await one.use(data / "footage")
        for hour in range(40, 0, -1):
            one.lay("lobby" if hour % 2 else "hall", ago_s=hour * HOUR_S, fragments=4)
        used = one.index.bytes_on_volume(one.volume().volume_id)
        await one.use(data / "footage", max_bytes=used)
        await one.sweep()
        left = one.index.bytes_on_volume(one.volume().volume_id)
        assert used * 0.7 < left <= used * 0.8
        kept = sorted(one.stored("lobby") + one.stored("hall"), key=lambda segment: segment.start_us)
        assert [round((one.clock.now_us() - segment.end_us) / S / HOUR_S) for segment in kept] == list(
            range(len(kept), 0, -1)
        )
        assert {each.rule for each in await one.client.certificates()} == {DeletionRule.SPACE}
        one.clock.pass_by(20)
        [volume] = (await one.client.status()).volumes
        assert volume.state is VolumeState.OK
        assert await one.events("storage_held") == []


async def test_with_only_held_footage_left_recording_stops_loudly_and_goes_on_by_itself(data: Path) -> None:
    async with Simulator([camera()]) as simulator, library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        laid = one.lay(ago_s=HOUR_S, fragments=4, times=20)
        used = sum(segment.size for segment in laid)
        placed = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=laid[0].start_us))
        assert placed.held_bytes == used
        assert not (await one.client.status()).holds_leave_little
        await one.use(data / "footage", max_bytes=used)
        await one.sweep()
        assert len(await one.events("storage_held")) == 1
        assert len(await one.events("storage_nearly_full")) == 1
        assert (await one.client.status()).holds_leave_little
        [volume] = (await one.client.status()).volumes
        assert volume.state is VolumeState.FULL
        await one.client.put_camera(config_of(simulator))
        await state_reached(one.client, CameraState.STORAGE_FULL)
        await one.sweep()
        assert [segment.segment_id for segment in one.stored()] == [segment.segment_id for segment in laid]
        assert await one.events("footage_deleted") == []
        assert len(await one.events("storage_held")) == 1
        await one.client.release_hold(placed.hold.hold_id, HoldRelease())
        await one.sweep()
        assert len(one.stored()) < len(laid)
        looking = asyncio.create_task(one.clock.pass_until(lambda: False, 1))
        await state_reached(one.client, CameraState.RECORDING)
        looking.cancel()
        await asyncio.wait({looking})


async def test_a_small_disk_that_fills_while_it_is_held(data: Path) -> None:
    disk = data / "disk"
    disk.mkdir()
    with mounted_disk(disk) as is_mounted:
        # A disk is full sooner than its files' bytes say, for they take up whole blocks.
        limit = None if is_mounted else ROOM * 4 // 5
        async with library(data) as one:

            def free() -> int:
                left = os.statvfs(disk)
                stored = sum(segment.size for segment in one.stored())
                return left.f_bavail * left.f_frsize if limit is None else limit - stored

            await one.use(disk, **({} if limit is None else {"max_bytes": limit}))
            await one.camera()
            laid = one.lay(ago_s=HOUR_S, fragments=52, times=24)
            placed = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=laid[4].start_us))
            await one.sweep()
            kept = one.stored()
            assert {segment.segment_id for segment in laid[4:]} <= {segment.segment_id for segment in kept}
            assert len(kept) < len(laid)
            rest = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=kept[0].start_us))
            ago_s = 30 * 60.0
            while free() > ROOM // 20:  # less than what recording wants to find
                one.lay(ago_s=ago_s, fragments=20)
                ago_s -= 20
            held = {segment.segment_id for segment in one.stored()}
            one.clock.pass_by(20)
            await one.sweep()
            assert {segment.segment_id for segment in one.stored()} == held
            assert len(await one.events("storage_held")) == 1
            await one.recorder._volumes._look(one.recorder._volumes._slots[0])
            assert (await one.client.status()).volumes[0].state is VolumeState.FULL
            for hold in (placed, rest):
                await one.client.release_hold(hold.hold.hold_id, HoldRelease())
            await one.sweep()
            assert 0 < len(one.stored()) < len(held)


@pytest.mark.parametrize("synchronised", [False, None])
async def test_while_nothing_disciplines_the_clock_nothing_goes_by_age_for_a_day(
    data: Path, *, synchronised: bool | None
) -> None:
    """As far as anybody knows: a sandbox may keep the kernel from telling."""
    clock = SteppedClock()
    async with library(data, clock, synchronised=synchronised) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        laid = one.lay(ago_s=30 * DAY_S, times=4)
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.CLOCK
        assert len(one.stored()) == 4
        await one.camera(retention_days=7, quota_bytes=3 * laid[0].size)
        await one.sweep()
        assert len(one.stored()) == 3
        clock.pass_by(23 * HOUR_S)
    async with library(data, clock, synchronised=synchronised) as one:
        await one.sweep()
        assert len(one.stored()) == 3
        clock.pass_by(HOUR_S + 1)
        await one.sweep()
        assert (await one.client.status()).sweep_halt is None
        assert one.stored() == []
        assert len(await one.events("sweep_resumed")) == 1
    (data / SWEEP).write_bytes(b"{")
    async with library(data, clock, synchronised=synchronised) as one:
        assert (await one.client.status()).sweep_halt is SweepHalt.CLOCK
        assert (await one.client.confirm_clock()).sweep_halt is None
    async with library(data, clock, synchronised=synchronised) as one:
        assert (await one.client.status()).sweep_halt is None


async def test_after_a_step_forward_nothing_goes_by_age_until_somebody_confirms_it(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        one.lay()
        placed = await one.client.place_hold(
            HoldRequest(
                camera_ids=["lobby"],
                start_us=one.clock.now_us(),
                end_us=one.clock.now_us() + 1,
                expires_us=one.clock.now_us() + DAY_US,
            )
        )
        await one.sweep()
        one.clock.step(400 * DAY_S)
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.CLOCK
        assert len(one.stored()) == 1
        assert (await one.client.hold(placed.hold.hold_id)).ended_us is None
        one.clock.step(-400 * DAY_S)
        one.clock.pass_by(PATIENCE_US / S - 3600)
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.CLOCK
        await one.client.confirm_clock()
        one.clock.pass_by(8 * DAY_S)
        await one.sweep()
        assert one.stored() == []
        assert [event.data for event in await one.events("sweep_halted")] == [{"reason": "clock"}]
        assert len(await one.events("sweep_resumed")) == 1


async def test_a_file_that_cannot_be_unlinked_stays_garbage_and_is_told_of_until_it_can(data: Path) -> None:
    """It keeps no other file, neither of its folder nor of a later one, nor on another volume."""
    async with library(data) as one:
        await one.use(data / "footage", data / "other")
        await one.camera(retention_days=1)
        segment, *_ = one.lay(ago_s=4 * DAY_S, times=2) + one.lay(ago_s=2 * DAY_S, volume=1)
        one.lay(ago_s=2 * DAY_S)
        path = data / "footage" / segment.path
        path.unlink()
        path.mkdir()
        with pytest.raises(RecorderError, match=f"Deleting from volume {data / 'footage'} failed: Is a directory"):
            await one.sweep()
        await one.clock.pass_until(lambda: one.recorder.status().failing == [Duty.SWEEP], 10)
        assert one.stored() == []
        assert [one.index.pending_bytes(one.volume(number).volume_id) for number in (0, 1)] == [segment.size, 0]
        assert files(data / "footage") == 1
        assert files(data / "other") == 0
        path.rmdir()
        await one.clock.pass_until(lambda: one.recorder.status().failing == [], 10)
        assert one.index.pending_bytes(one.volume().volume_id) == 0


@pytest.mark.parametrize(
    ("rule", "limits"), [(DeletionRule.QUOTA, {"quota_bytes": 1}), (DeletionRule.AGE, {"retention_days": 0.01})]
)
async def test_what_a_new_rule_takes_goes_in_turns_that_follow_at_once(
    data: Path, monkeypatch: pytest.MonkeyPatch, rule: DeletionRule, limits: dict[str, float]
) -> None:
    """Each is short, so that holds, figures and other rules need not wait for it."""
    monkeypatch.setattr("recorder_core.service.sweeper.STEPS", 1)
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        laid = one.lay(ago_s=HOUR_S, times=5)
        for held in (laid[1], laid[3]):
            request = HoldRequest(camera_ids=["lobby"], start_us=held.start_us, end_us=held.end_us)
            await one.client.place_hold(request)
        await one.camera("lobby", **limits)
        await one.clock.pass_until(lambda: len(one.stored()) == 2, 0)  # no time goes by
        assert [each.rule for each in await one.certificates()] == [rule] * 3


async def test_what_an_export_reads_waits_to_go_by_quota(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        first, second = one.lay(ago_s=HOUR_S, times=2)
        reading = one.index.begin_reading("lobby", first.start_us, first.end_us)
        await one.camera(quota_bytes=1)
        await one.sweep()
        assert [segment.segment_id for segment in one.stored()] == [first.segment_id]
        one.index.end_reading(reading)
        await one.sweep()
        assert one.stored() == []
        assert [each.start_us for each in await one.certificates()] == [second.start_us, first.start_us]


async def test_room_that_takes_many_transactions_is_made_in_turns_that_follow_at_once(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder_core.service.sweep_room.STEPS", 1)
    monkeypatch.setitem(RetentionRows.condemn_oldest_on.__kwdefaults__ or {}, "limit", 5)
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        laid = one.lay(ago_s=HOUR_S, times=40)
        await one.use(data / "footage", max_bytes=laid[0].size * 20)
        await one.clock.pass_until(lambda: len(one.stored()) <= 20, 0)
        certificates = await one.certificates()
        assert {(each.rule, each.records) for each in certificates[:4]} == {(DeletionRule.SPACE, 5)}


async def test_rules_of_a_removed_camera_that_the_index_does_not_know_any_more_do_no_harm(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(quota_bytes=1, retention_days=1)
        await one.client.remove_camera("lobby")
    (data / INDEX).unlink()
    backup_path(data / INDEX, 1).unlink(missing_ok=True)
    async with library(data) as one:
        assert list(one.recorder.keeping.retentions()) == ["lobby"]
        await one.camera("hall", retention_days=1)
        one.lay("hall", ago_s=2 * DAY_S)
        await one.sweep()
        assert one.stored("hall") == []
        assert one.recorder.status().failing == []


async def test_what_is_being_recorded_counts_as_held(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await client.apply_settings(Settings(volumes=[VolumeConfig(path=str(data / "footage"))]))
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        run = await stored(client)
        begin_us = run.segments[-1].start_us
        placed = await client.place_hold(
            HoldRequest(camera_ids=["lobby"], start_us=begin_us, pre_roll_s=1, post_roll_s=2, end_us=begin_us + S)
        )
        with pytest.raises(RecorderError) as caught:
            await client.place_hold(HoldRequest(camera_ids=["nobody"], start_us=1))
    assert caught.value.code is ErrorCode.UNKNOWN_CAMERA
    assert placed.held_bytes > 0
    assert (placed.hold.start_us, placed.hold.end_us) == (begin_us - S, begin_us + 3 * S)
    assert placed.missing_us >= S
