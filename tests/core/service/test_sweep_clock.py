"""What the sweep does while the wall clock is wrong, and that local time is nothing to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import (
    DeletionRule,
    ExportRequest,
    ExportState,
    HoldRequest,
    HoldState,
    Retention,
    Settings,
    SweepHalt,
    VolumeConfig,
)
from recorder_core.service.holds import Holds

from .clocks import SteppedClock
from .shelves import DAY_S, DAY_US, HOUR_S, library

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from recorder_core.service.sweep_clock import SweepClock
    from recorder_core.service.volumes import Volumes


async def test_a_step_in_the_middle_of_a_sweep_makes_nothing_old_and_ends_no_hold(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of holds are looked after between the look at the clock and the deletion; that may take a while."""
    see_to, bring = Holds.see_to, Holds.bring_to_files
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        one.lay(ago_s=HOUR_S, times=3)
        expires_us = one.clock.now_us() + DAY_US
        placed = await one.client.place_hold(
            HoldRequest(camera_ids=["lobby"], start_us=1, end_us=2, expires_us=expires_us)
        )
        await one.sweep()

        async def slow_bring(holds: Holds, volumes: Volumes) -> None:
            await bring(holds, volumes)
            one.clock.step(200 * DAY_S)

        async def slow_see_to(holds: Holds, volumes: Volumes, clock: SweepClock) -> None:
            await see_to(holds, volumes, clock)
            one.clock.step(200 * DAY_S)

        monkeypatch.setattr(Holds, "bring_to_files", slow_bring)
        monkeypatch.setattr(Holds, "see_to", slow_see_to)
        one.recorder.keeping._sweeper._aged_us.clear()
        await one.sweep()
        monkeypatch.undo()
        assert len(one.stored()) == 3
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.CLOCK
        assert len(one.stored()) == 3
        assert (await one.client.hold(placed.hold.hold_id)).state is HoldState.ACTIVE


async def test_exports_go_by_the_time_at_which_the_clock_was_looked_at(data: Path) -> None:
    async with library(data) as one:
        await one.camera()
        volumes = [VolumeConfig(path=str(data / "footage"))]
        await one.client.apply_settings(Settings(volumes=volumes, exports=Retention(retention_days=2)))
        [laid] = one.lay(ago_s=HOUR_S, fragments=4)
        request = ExportRequest(camera_id="lobby", start_us=laid.start_us, end_us=laid.end_us)
        export_id = (await one.client.export(request)).export_id
        assert (await one.client.export_job(export_id, wait_s=60)).state is ExportState.DONE
        one.clock.step(400 * DAY_S)
        await one.recorder.exporting._removal.expire()  # before the sweep sees the step
        assert (await one.client.export_job(export_id)).state is ExportState.DONE
        await one.sweep()
        await one.recorder.exporting._removal.expire()
        assert (await one.client.export_job(export_id)).state is ExportState.DONE
        await one.client.confirm_clock()
        await one.recorder.exporting._removal.expire()
        assert (await one.client.export_job(export_id)).state is ExportState.REMOVED


async def test_a_clock_that_goes_back_keeps_footage_longer_and_room_is_made_all_the_same(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        laid = one.lay(times=10, fragments=4)
        one.clock.step(-30 * DAY_S)
        one.clock.pass_by(8 * DAY_S)
        await one.sweep()
        assert len(one.stored()) == 10
        later = one.lay(fragments=4)  # by the clock it was before the others
        assert later[0].start_us < laid[0].start_us
        await one.camera(retention_days=7, quota_bytes=sum(segment.size for segment in laid))
        await one.sweep()
        assert [segment.segment_id for segment in one.stored()] == [segment.segment_id for segment in laid]
        one.clock.pass_by(30 * DAY_S)
        await one.sweep()
        assert one.stored() == []


async def test_the_hour_that_local_time_skips_or_repeats_is_nothing_to_the_age_of_footage(data: Path) -> None:
    """Denver: 2027-03-14 and 2027-11-07."""
    clock = SteppedClock(1_804_996_800_000_000)  # 2027-03-14 04:00 UTC, five hours before clocks go forward
    async with library(data, clock) as one:
        volumes = [VolumeConfig(path=str(data / "footage"))]
        await one.client.apply_settings(Settings(volumes=volumes, time_zone="America/Denver"))
        await one.camera(retention_days=1)
        for until_us in (1_804_996_800_000_000, 1_825_560_000_000_000):  # and 2027-11-07 04:00 UTC, four hours before
            clock.step((until_us - clock.now_us()) / 1_000_000)
            await one.client.confirm_clock()
            laid = one.lay()[0]
            clock.pass_by(DAY_S - 1)
            await one.sweep()
            assert [segment.segment_id for segment in one.stored()] == [laid.segment_id]
            clock.pass_by(HOUR_S)
            await one.sweep()
            assert one.stored() == []
        assert {each.rule for each in await one.certificates()} == {DeletionRule.AGE}
