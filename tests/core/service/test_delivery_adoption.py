"""Copies that lie in delivery folders and that an index made anew does not know: taken in again, to go in time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from recorder_core.models import (
    Certificate,
    DeletionRule,
    DeliveryRemoval,
    DeliveryState,
    Duty,
    ExportState,
    LedgerKind,
    RecordClass,
    VolumeConfig,
)

from .delivering import (
    FILES,
    delivered,
    delivering,
    desk_of,
    exported,
    leave_of,
    ledger_of,
    left,
    looked,
    settings_of,
)
from .shelves import DAY_S, DAY_US, library


def _change(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def _lose_index(data: Path) -> None:
    for path in (data / "store").glob("index.sqlite*"):
        path.unlink()


def _lose_exports(data: Path) -> None:
    shutil.rmtree(data / "footage" / "exports")


def _store_id(data: Path) -> bytes:
    return str(json.loads((data / "store" / "store.json").read_bytes())["store_id"]).encode()


async def test_a_folder_that_was_away_at_the_start_is_searched_when_it_is_back(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with delivering(data) as one:
        made = await delivered(one, exported(one))
    _lose_index(data)
    desk_of(data).rename(data / "away")
    async with delivering(data, one.clock) as one:
        for _ in range(2):
            await looked(one)
        assert await one.client.deliveries() == []
        assert caplog.text.count("No copy can be looked for") == 1
        desk_of(data).rmdir()
        (data / "away").rename(desk_of(data))
        await looked(one)
        assert await one.client.deliveries() == [replace(made, actor="")]


@pytest.mark.parametrize("end", [b"9000000000000000000", b"1" * 30])
async def test_a_record_that_somebody_wrote_keeps_no_copy_for_ever(data: Path, end: bytes) -> None:
    """Who may write in the folder may write that a copy never goes, or what no row can hold."""
    async with delivering(data) as one:
        changed = await delivered(one, exported(one))
        other = await delivered(one, exported(one))
    record = Path(changed.path) / "delivery.json"
    _change(record, str(changed.expires_us).encode(), end)
    _change(record, str(changed.created_us).encode(), b"-%b" % end)
    _lose_index(data)
    async with delivering(data, one.clock) as one:
        await looked(one)
        assert (await one.client.status()).failing == []
        now_us = one.clock.now_us()
        found = {copy.delivery_id: (copy.created_us, copy.expires_us) for copy in await one.client.deliveries()}
        assert found == {
            changed.delivery_id: (0, now_us + 365 * DAY_US),
            other.delivery_id: (other.created_us, other.expires_us),
        }


async def test_copies_are_found_again_after_the_index_was_lost(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Else nobody would ever remove them. Another recorder's is left alone, and half a copy goes."""
    async with delivering(data) as one:
        whole = await delivered(one, exported(one))
        half = await delivered(one, exported(one))
        strange = await delivered(one, exported(one))
    leave_of(Path(half.path), "files")
    _change(Path(strange.path) / "delivery.json", strange.export_id.encode(), b"0" * 32)
    _change(Path(strange.path) / "delivery.json", _store_id(data), b"1" * 32)
    _lose_index(data)
    async with delivering(data, one.clock) as one:
        for _ in range(2):
            await looked(one)
        assert await one.client.deliveries() == [replace(whole, actor="")]
        assert left(data) == sorted([Path(whole.path).name, Path(strange.path).name])
        assert caplog.text.count("is a copy of an export that is not known") == 1
        [told] = await ledger_of(one, LedgerKind.DELIVERED)
        assert (told["delivery_id"], told["found"]) == (whole.delivery_id, True)
        stored = one.index.delivery(half.delivery_id)
        assert stored is not None
        assert stored.state is DeliveryState.FAILED
        one.clock.pass_by(8 * DAY_S)
        await one.client.confirm_clock()
        await one.sweep()
        await looked(one)
        assert (await one.client.deliveries(), left(data)) == ([], [Path(strange.path).name])


async def test_a_copy_that_is_found_of_an_export_that_went_goes_at_once(data: Path) -> None:
    """The index that was put back knows of neither the copy nor that its export's files went later."""
    async with delivering(data) as one:
        job = exported(one)
        made = await delivered(one, job)
        one.execute("DELETE FROM delivery")
        one.index.put_export(replace(job, state=ExportState.REMOVED))
        one.recorder.exporting.deliveries._care._searched.clear()
        await looked(one)
        assert left(data) == []
        [removed] = await one.client.deliveries(active=False)
        assert (removed.delivery_id, removed.state) == (made.delivery_id, DeliveryState.REMOVED)
        reason = one.recorder.exporting.deliveries._care._reason(DeletionRule.AGE, None)
        assert one.index.adopt_delivery(made, reason) == removed


async def test_copies_are_found_again_although_their_exports_were_lost_as_well(data: Path) -> None:
    """They may be all that is left: they stay for their time, and go with certificates. A camera may be gone, too."""
    async with delivering(data) as one:
        job = exported(one, "lobby", "yard")
        whole = await delivered(one, job)
        half = await delivered(one, job)
    leave_of(Path(half.path), "files")
    _lose_index(data)
    _lose_exports(data)
    async with delivering(data, one.clock) as one:
        await looked(one)
        assert await one.client.exports() == []
        assert await one.client.deliveries() == [replace(whole, actor="")]
        assert _told_kinds(await one.certificates("yard")) == [RecordClass.TEMPORARY]
        one.clock.pass_by(8 * DAY_S)
        await one.client.confirm_clock()
        await one.sweep()
        await looked(one)
        assert (await one.client.deliveries(), left(data)) == ([], [])
        for camera_id in ("lobby", "yard"):
            certificates = await one.certificates(camera_id)
            assert _told_kinds(certificates) == [RecordClass.TEMPORARY, RecordClass.DELIVERY]
            assert {(found.start_us, found.end_us) for found in certificates} == {(job.start_us, job.end_us)}
            assert (certificates[1].records, certificates[1].size) == (2, sum(map(len, FILES.values())))
            assert all(found.erased_us is not None for found in certificates)


async def test_recorders_that_share_a_folder_leave_each_others_copies_alone(data: Path) -> None:
    """Not even one that knows nothing any more takes another's; when its time is over, people are told."""
    theirs = data / "branch"
    theirs.mkdir()
    async with delivering(data) as one, library(theirs, one.clock) as two:
        volumes = [VolumeConfig(path=str(theirs / "footage"))]
        await two.client.apply_settings(replace(settings_of(data), volumes=volumes))
        await two.camera()
        mine, other = await delivered(one, exported(one)), await delivered(two, exported(two))
    _lose_index(data)
    _lose_exports(data)
    async with delivering(data, one.clock) as one:
        await looked(one)
        assert await one.client.deliveries() == [replace(mine, actor="")]
        assert (await one.client.status()).failing == []
        one.clock.pass_by(8 * DAY_S)
        await one.client.confirm_clock()
        await one.sweep()
        await looked(one)
        assert (await one.client.deliveries(), left(data)) == ([], [Path(other.path).name])
        assert (await one.client.status()).failing == [Duty.DELIVERIES]
        async with library(theirs, one.clock) as two:
            await two.client.confirm_clock()
            await two.sweep()
            await looked(two)
            assert (await two.client.deliveries(), left(data)) == ([], [])
        await looked(one)
        assert (await one.client.status()).failing == []


async def test_of_a_record_that_somebody_wrote_no_time_is_taken_on_trust(data: Path) -> None:
    """The index could not hold it, and the copy would never go."""
    async with delivering(data) as one:
        job = exported(one)
        made = await delivered(one, job)
    record = Path(made.path) / "delivery.json"
    _change(record, b'"start_us":%d' % job.start_us, b'"start_us":-%b' % (b"1" * 30))
    _change(record, b'"end_us":%d' % job.end_us, b'"end_us":%b' % (b"1" * 30))
    _lose_index(data)
    _lose_exports(data)
    async with delivering(data, one.clock) as one:
        await looked(one)
        now_us = one.clock.now_us()
        [found] = await one.client.deliveries()
        assert (found.delivery_id, found.start_us, found.end_us) == (made.delivery_id, 0, now_us)
        await one.client.remove_delivery(made.delivery_id, DeliveryRemoval())
        assert left(data) == []


async def test_a_copy_that_is_found_of_an_export_that_is_to_be_made_again_stays(data: Path) -> None:
    """The index that was put back is from when the export was asked for."""
    async with delivering(data) as one:
        job = exported(one)
        made = await delivered(one, job)
        one.execute("DELETE FROM delivery")
        one.index.put_export(replace(job, state=ExportState.QUEUED, files=[]))
        one.recorder.exporting.deliveries._care._searched.clear()
        await looked(one)
        assert await one.client.deliveries() == [replace(made, actor="")]


def _told_kinds(certificates: list[Certificate]) -> list[RecordClass]:
    return [found.record_class for found in certificates]
