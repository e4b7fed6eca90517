"""Holds as people and automations use them, and as files that outlast the index."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import HoldKind, HoldRelease, HoldRequest, HoldState, SweepHalt, VolumeState
from recorder_core.service.startup import INDEX, UNREAD_HOLDS
from recorder_core.storage.hold_files import HOLDS_FOLDER, read_holds, write_hold
from recorder_core.storage.index_backup import back_up, backup_path
from recorder_core.storage.volumes import MARKER

from .clocks import SteppedClock
from .shelves import DAY_S, DAY_US, S, library

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.models import Hold
    from recorder_core.storage.records import Volume

    from .shelves import Library


async def _hold(one: Library, key: str | None = None, **more: int) -> Hold:
    request = HoldRequest(camera_ids=["lobby"], start_us=one.clock.now_us() - DAY_US, key=key, **more)  # type: ignore[arg-type]  # each caller names fields that are whole numbers
    return (await one.client.place_hold(request)).hold


def _lose_index(data: Path) -> None:
    for path in data.glob(f"{INDEX}*"):
        path.unlink()


async def test_an_automation_that_fires_twice_places_one_hold(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        laid = one.lay(ago_s=3600, times=2)
        request = HoldRequest(
            camera_ids=["lobby"],
            start_us=laid[0].start_us,
            end_us=laid[1].end_us + 10 * S,
            kind=HoldKind.INCIDENT,
            case_id="2027-4",
            key="incident-4",
        )
        first = await one.client.place_hold(request)
        again = await one.client.place_hold(request)
        assert (first.created, again.created) == (True, False)
        assert again.hold == first.hold == await one.client.hold(first.hold.hold_id)
        assert first.held_bytes == again.held_bytes == laid[0].size + laid[1].size
        assert first.missing_us == 10 * S
        assert await one.client.holds() == [first.hold]
        status = await one.client.status()
        assert (status.holds, status.holds_to_review) == (1, 0)
        [event] = await one.events("hold_placed")
        assert event.camera_id == "lobby"
        assert (event.data["hold_id"], event.data["case_id"], event.data["hold_kind"]) == (
            first.hold.hold_id,
            "2027-4",
            "incident",
        )
        released = await one.client.release_hold(first.hold.hold_id, HoldRelease(actor="u2"))
        assert (released.state, released.ended_by) == (HoldState.RELEASED, "u2")
        assert (await one.client.status()).holds == 0
        assert await one.client.holds() == []
        assert await one.client.holds(active=False) == [released]
        with pytest.raises(RecorderError) as caught:
            await one.client.release_hold(first.hold.hold_id, HoldRelease())
        assert caught.value.code is ErrorCode.HOLD_OVER
        future = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=one.clock.now_us() + DAY_US))
        assert (future.held_bytes, future.missing_us) == (0, 0)


async def test_one_that_fires_a_little_later_widens_its_hold_on_every_volume(data: Path) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        now_us = one.clock.now_us()
        requests = [
            HoldRequest(camera_ids=["lobby"], start_us=now_us + late, end_us=now_us + 60 * S + late, key="k")
            for late in (0, S, 2 * S, 3 * S)
        ]
        placed = await asyncio.gather(*[one.client.place_hold(request) for request in requests])
        assert [one.created for one in placed].count(True) == 1
        [hold] = await one.client.holds()
        assert (hold.start_us, hold.end_us) == (now_us, now_us + 63 * S)
        assert read_holds(one.volume()).holds == {hold.hold_id: hold}
        assert len(await one.events("hold_placed")) == 1
        [*_, last] = [*await one.events("hold_placed"), *await one.events("hold_widened")]
        assert (last.data["start_us"], last.data["end_us"]) == (hold.start_us, hold.end_us)


async def test_reviews_are_told_of_once_and_holds_expire_by_themselves(data: Path) -> None:
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=1)
        one.lay(ago_s=3600)
        hold = await _hold(one, review_us=clock.now_us() + DAY_US, expires_us=clock.now_us() + 3 * DAY_US)
        clock.pass_by(1.5 * DAY_S)
        await one.sweep()
        await one.sweep()
        assert len(await one.events("hold_review_due")) == 1
        assert (await one.client.status()).holds_to_review == 1
    clock.pass_by(60)
    async with library(data, clock) as one:
        await one.sweep()
        assert len(await one.events("hold_review_due")) == 1
        assert len(one.stored()) == 1
        clock.pass_by(1.5 * DAY_S)
        await one.sweep()
        assert (await one.client.hold(hold.hold_id)).state is HoldState.EXPIRED
        assert read_holds(one.volume()).holds[hold.hold_id].state is HoldState.EXPIRED
        status = await one.client.status()
        assert (status.holds, status.holds_to_review) == (0, 0)
        assert len(await one.events("hold_expired")) == 1
        await one.sweep()
        assert one.stored() == []


async def test_a_hold_that_is_prolonged_while_others_expire_goes_on(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ending one takes a while on slow volumes; meanwhile an automation is told that another holds for longer."""
    clock = SteppedClock()
    now_us = clock.now_us()
    async with library(data, clock) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=2)
        one.lay(ago_s=3600)
        first = await _hold(one, expires_us=now_us + 5 * DAY_US)
        second = await _hold(one, key="k", expires_us=now_us + 5 * DAY_US)
        longer = HoldRequest(camera_ids=["lobby"], start_us=second.start_us, key="k", expires_us=now_us + 30 * DAY_US)

        def meanwhile(volume: Volume, hold: Hold) -> None:
            if hold.hold_id == first.hold_id:
                one.index.place_hold(longer, hold_id="f" * 32, now_us=now_us)
            write_hold(volume, hold)

        monkeypatch.setattr("recorder_core.service.holds.write_hold", meanwhile)
        clock.pass_by(6 * DAY_S)
        await one.sweep()
        assert (await one.client.hold(first.hold_id)).state is HoldState.EXPIRED
        [hold] = await one.client.holds()
        assert (hold.hold_id, hold.expires_us) == (second.hold_id, longer.expires_us)
        assert len(one.stored()) == 1


async def test_no_hold_expires_while_a_volume_may_know_that_it_goes_on(data: Path) -> None:
    """The index was put back from before the hold was prolonged, and only the volume that is away was there then."""
    clock = SteppedClock()
    now_us = clock.now_us()
    async with library(data, clock) as one:
        await one.camera(retention_days=2)
        await one.use(data / "a", data / "b")
        one.lay(ago_s=3600)
        await _hold(one, key="k", expires_us=now_us + DAY_US)
    back_up(data / INDEX)
    os.utime(backup_path(data / INDEX, 1), ns=(now_us * 1000, now_us * 1000))
    (data / "a").rename(data / "away")
    async with library(data, clock) as one:
        await _hold(one, key="k", expires_us=now_us + 30 * DAY_US)
    (data / INDEX).unlink()
    (data / "away").rename(data / "a")
    (data / "b").rename(data / "away")
    clock.pass_by(5 * DAY_S)
    async with library(data, clock) as one:
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.HOLDS
        (data / "away").rename(data / "b")
        await one.recorder._volumes._look(one.recorder._volumes._slots[1])
        await one.sweep()
        assert (await one.client.status()).sweep_halt is None
        [hold] = await one.client.holds()
        assert hold.expires_us == now_us + 30 * DAY_US
        assert len(one.stored()) == 1


async def test_a_volume_that_comes_later_gets_every_hold(data: Path) -> None:
    async with library(data) as one:
        await one.camera()
        hold = await _hold(one)
        await one.use(data / "a", data / "b")
        await one.sweep()
        for number in range(2):
            assert read_holds(one.volume(number)).holds == {hold.hold_id: hold}
        (data / "a" / HOLDS_FOLDER / f"{hold.hold_id}.json").unlink()
        (data / "a" / HOLDS_FOLDER).rmdir()
        (data / "a" / HOLDS_FOLDER).touch()
        other = await _hold(one)
        (data / "a" / HOLDS_FOLDER).unlink()
        await one.sweep()
        assert read_holds(one.volume()).holds == {hold.hold_id: hold, other.hold_id: other}


async def test_a_volume_that_gets_holds_never_gets_one_as_it_was_before(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its files are written one by one, a hold is widened that is still to come."""
    async with library(data) as one:
        await one.camera()
        hold = await _hold(one, key="k", end_us=one.clock.now_us())
        later = await _hold(one)  # the newest is written first

        def meanwhile(volume: Volume, written: Hold) -> None:
            if written.hold_id == later.hold_id:
                request = HoldRequest(camera_ids=["lobby"], start_us=hold.start_us, key="k")
                one.index.place_hold(request, hold_id="f" * 32, now_us=one.clock.now_us())
            write_hold(volume, written)

        monkeypatch.setattr("recorder_core.service.holds.write_hold", meanwhile)
        await one.use(data / "a")
        await one.sweep()
        assert read_holds(one.volume()).holds[hold.hold_id] == await one.client.hold(hold.hold_id)
        assert (await one.client.hold(hold.hold_id)).end_us is None


async def test_when_the_index_is_lost_nothing_is_deleted_until_every_volume_gave_its_holds_back(data: Path) -> None:
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.camera(retention_days=2)
        await one.use(data / "a", data / "b")
        laid = one.lay(ago_s=3600)
        hold = await _hold(one, key="k")
        over = await _hold(one)
        (data / "b").rename(data / "away")
        clock.pass_by(20)
        await one.sweep()
        over = await one.client.release_hold(over.hold_id, HoldRelease(actor="u"))
    assert not (data / UNREAD_HOLDS).exists()
    _lose_index(data)
    shutil.rmtree(data / "a" / HOLDS_FOLDER)
    clock.pass_by(5 * DAY_S)
    async with library(data, clock) as one:
        await one.recorder._volumes._slots[0].reading._task  # type: ignore[union-attr]  # it is being read in
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.HOLDS
        assert [segment.segment_id for segment in one.stored()] == [laid[0].segment_id]
    async with library(data, clock) as one:  # a start does not forget that
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.HOLDS
        assert len(one.stored()) == 1
        (data / "away").rename(data / "b")
        clock.pass_by(20)
        await one.recorder._volumes._look(one.recorder._volumes._slots[1])
        await one.sweep()
        assert (await one.client.status()).sweep_halt is None
        restored = {each.hold_id: each for each in await one.client.holds()}
        assert restored[hold.hold_id] == hold
        assert over.hold_id in restored  # no file that is left tells of its end
        assert len(one.stored()) == 1
        assert [event.data for event in await one.events("sweep_halted")] == [{"reason": "holds"}] * 2
    assert not (data / UNREAD_HOLDS).exists()


async def test_that_a_hold_has_ended_is_read_back_from_whichever_volume_knows(data: Path) -> None:
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.camera()
        await one.use(data / "a", data / "b")
        hold = await _hold(one)
        stale = (data / "a" / HOLDS_FOLDER / f"{hold.hold_id}.json").read_bytes()
        over = await one.client.release_hold(hold.hold_id, HoldRelease(actor="u"))
    (data / "a" / HOLDS_FOLDER / f"{hold.hold_id}.json").write_bytes(stale)
    _lose_index(data)
    async with library(data, clock) as one:
        await one.sweep()
        assert await one.client.holds(active=False) == [over]
        assert read_holds(one.volume()).holds == read_holds(one.volume(1)).holds == {hold.hold_id: over}


async def test_a_hold_that_cannot_be_understood_keeps_all_footage(data: Path) -> None:
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.camera(retention_days=2)
        await one.use(data / "a")
        one.lay(ago_s=3600)
        hold = await _hold(one)
    path = data / "a" / HOLDS_FOLDER / f"{hold.hold_id}.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    clock.pass_by(9 * DAY_S)
    async with library(data, clock) as one:  # the index knows it: the file is made anew
        await one.sweep()
        assert path.read_bytes() == whole
        assert (await one.client.status()).sweep_halt is None
    path.write_bytes(whole.replace(b'"lobby"', b'"../up"'))
    _lose_index(data)
    async with library(data, clock) as one:
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.HOLDS
        assert await one.client.holds() == []
    path.unlink()
    async with library(data, clock) as one:
        await one.sweep()
        assert (await one.client.status()).sweep_halt is None


async def test_a_volume_whose_holds_cannot_be_read_is_used_only_with_an_index_that_knows_them(data: Path) -> None:
    """The disk does not say what the folder is: its links lead round in a circle."""
    async with library(data) as one:
        await one.camera(retention_days=0.01)
        await one.use(data / "a")
        one.lay(ago_s=3600)
        hold = await _hold(one)
    folder = data / "a" / HOLDS_FOLDER
    shutil.rmtree(folder)
    folder.symlink_to(folder)
    async with library(data) as one:
        await one.sweep()
        status = await one.client.status()
        assert (status.volumes[0].state, status.sweep_halt) == (VolumeState.OK, None)
        assert await one.client.holds() == [hold]
        assert len(one.stored()) == 1
    _lose_index(data)
    async with library(data) as one:
        await one.sweep()
        status = await one.client.status()
        assert (status.volumes[0].state, status.sweep_halt) == (VolumeState.MISSING, SweepHalt.HOLDS)


async def test_a_disk_from_elsewhere_brings_its_holds_along(data: Path) -> None:
    clock = SteppedClock()
    (data / "first").mkdir()
    (data / "second").mkdir()
    async with library(data / "first", clock) as one:
        await one.camera()
        await one.use(data / "a")
        one.lay(ago_s=3600)
        hold = await _hold(one)
    clock.pass_by(9 * DAY_S)
    async with library(data / "second", clock) as one:
        await one.camera(retention_days=2)
        await one.use(data / "a")
        await one.recorder._volumes._slots[0].reading._task  # type: ignore[union-attr]  # it is being read in
        await one.sweep()
        assert await one.client.holds() == [hold]
        assert len(one.stored()) == 1
        assert (data / "a" / MARKER).exists()
