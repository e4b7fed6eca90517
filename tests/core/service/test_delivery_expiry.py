"""The end of copies in delivery folders: by their time, with their export, by hand, and what a crash left of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export.delivery_copies import remove_copy
from recorder_core.models import (
    DeletionRule,
    DeliveryRemoval,
    DeliveryState,
    Duty,
    HoldRequest,
    RecordClass,
)
from recorder_core.service import delivery_care
from recorder_core.service.deliveries import expiry

from .delivering import (
    FILES,
    delivered,
    delivering,
    desk_of,
    exported,
    leave_of,
    left,
    lies_at,
    looked,
    refusal,
)
from .rig import feed_until
from .shelves import DAY_S, DAY_US, HOUR_S, S

if TYPE_CHECKING:
    from recorder_core.models import Delivery


async def test_a_copy_goes_by_hand_and_no_hold_keeps_it(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        made = await delivered(one, job)
        await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=job.start_us, end_us=job.end_us))
        removed = await one.client.remove_delivery(made.delivery_id, DeliveryRemoval(actor="u9"))
        assert (removed.state, removed.removed_by, left(data)) == (DeliveryState.REMOVED, "u9", [])
        assert await one.client.remove_delivery(made.delivery_id, DeliveryRemoval()) == removed
        [certificate] = await one.certificates()
        assert (certificate.rule, certificate.actor) == (DeletionRule.PERSON, "u9")
        with pytest.raises(RecorderError) as caught:
            await one.client.remove_delivery("f" * 32, DeliveryRemoval())
        assert caught.value.code is ErrorCode.UNKNOWN_DELIVERY


async def test_copies_go_with_their_export_by_the_same_hand(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        copies = [await delivered(one, job) for _ in range(2)]
        await one.client.remove_export(job.export_id, "u3")
        await looked(one)
        assert left(data) == []
        gone = await one.client.deliveries(active=False)
        assert [(copy.state, copy.removed_by) for copy in gone] == [(DeliveryState.REMOVED, "u3")] * 2
        certificates = await one.certificates()
        assert [found.record_class for found in certificates] == [RecordClass.EXPORT, *[RecordClass.DELIVERY] * 2]
        assert {(found.rule, found.actor) for found in certificates} == {(DeletionRule.PERSON, "u3")}
        assert all(found.erased_us is not None for found in certificates)
        assert len({copy.path for copy in copies}) == 2
        refused = await refusal(one, job.export_id)
        assert (refused.code, refused.placeholders["state"]) == (ErrorCode.EXPORT_NOT_DONE, "removed")


async def test_copies_of_an_export_that_was_removed_go_without_being_waited_for(data: Path) -> None:
    """The recorder looks by itself as soon as the export goes; no time has to pass."""
    async with delivering(data) as one:
        job = exported(one)
        await delivered(one, job)
        await one.client.remove_export(job.export_id)
        await feed_until(one.client, lambda item: item.event is not None and item.event.kind == "delivery_removed")
        assert left(data) == []


def test_a_copy_goes_when_asked_but_never_after_its_export() -> None:
    assert expiry(None, 0, 0.5, None) == DAY_US // 2
    assert expiry(5, 0, 7, None) == 5
    assert expiry(None, 0, 7, 3) == 3
    assert expiry(5, 0, 7, 9) == 5
    for export_us in (3, 4):
        assert expiry(5, 4, 7, export_us) == 5  # a hold keeps the export beyond its time
    assert expiry(365 * DAY_US, 0, 7, None) == 365 * DAY_US
    for asked_us in (0, -1, 365 * DAY_US + 1):
        with pytest.raises(RecorderError):
            expiry(asked_us, 0, 7, None)


async def test_while_a_folder_is_away_nothing_is_written_there_nor_called_removed(data: Path) -> None:
    """After an hour the status says so, and when the folder is back all is done and said to be."""
    async with delivering(data) as one:
        job = exported(one)
        made = await delivered(one, job, one.clock.now_us() + 1000 * S)
        kept = await delivered(one, job)
        desk_of(data).rename(data / "away")
        desk_of(data).mkdir()
        assert (await refusal(one, job.export_id)).code is ErrorCode.DELIVERY_FOLDER_MISSING
        one.clock.pass_by(HOUR_S // 2)
        await one.sweep()
        await looked(one)
        removing = await one.client.remove_delivery(made.delivery_id, DeliveryRemoval())
        assert removing.state is DeliveryState.REMOVING
        assert [found.erased_us for found in await one.certificates()] == [None]
        assert one.index.unerased_folders() == []  # the look at exports asks no share that may hang
        assert (await one.client.status()).failing == []
        one.clock.pass_by(HOUR_S + 1)
        await looked(one)
        assert (await one.client.status()).failing == [Duty.DELIVERIES]
        assert [copy.state for copy in await one.client.deliveries()] == [
            DeliveryState.DELIVERED,
            DeliveryState.REMOVING,
        ]
        assert await one.events("delivery_removed") == []
        assert list(desk_of(data).iterdir()) == []

        desk_of(data).rmdir()
        (data / "away").rename(desk_of(data))
        await looked(one)
        assert (await one.client.status()).failing == []
        assert await one.client.deliveries() == [kept]
        assert left(data) == [Path(kept.path).name]
        [certificate] = await one.certificates()
        assert certificate.erased_us == one.clock.now_us() > certificate.at_us


async def test_a_copy_that_cannot_be_removed_keeps_no_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody plays it, on a share that knows locks; such a share cannot be had here."""
    async with delivering(data) as one:
        job = exported(one)
        await delivered(one, job)
        played = await delivered(one, job)

        def refuse(delivery: Delivery) -> None:
            if delivery.delivery_id == played.delivery_id:
                raise StorageError(ErrorCode.DELIVERY_FAILED, "in use")
            remove_copy(delivery)

        with monkeypatch.context() as patch:
            patch.setattr(delivery_care, "remove_copy", refuse)
            one.clock.pass_by(8 * DAY_S)
            await one.client.confirm_clock()
            await one.sweep()
            await looked(one)
        assert [(copy.delivery_id, copy.state) for copy in await one.client.deliveries()] == [
            (played.delivery_id, DeliveryState.REMOVING)
        ]
        assert left(data) == [Path(played.path).name]
        await looked(one)
        assert (await one.client.deliveries(), left(data)) == ([], [])


async def test_while_the_clock_is_in_doubt_no_copy_goes_by_its_time(data: Path) -> None:
    async with delivering(data) as one:
        made = await delivered(one, exported(one))
        one.clock.step(30 * DAY_S)
        await one.sweep()
        await looked(one)
        assert await one.client.deliveries() == [made]
        await one.client.confirm_clock()
        await one.sweep()
        await looked(one)
        assert await one.client.deliveries() == []


@pytest.mark.parametrize("step", ["row", "files", "renamed", "certified", "unlinked"])
async def test_what_a_crash_left_of_a_copy_goes_with_the_next_start(data: Path, step: str) -> None:
    async with delivering(data) as one:
        job = exported(one)
        made = await delivered(one, job)
        half = replace(made, state=DeliveryState.COPYING)
        one.index.put_delivery(half)
        leave_of(Path(made.path), step)
        if step in ("certified", "unlinked"):
            reason = one.recorder.exporting.deliveries._care._reason(DeletionRule.UNFINISHED, None)
            one.index.give_up_copy_draft(half, {"lobby_1.mp4": 8000}, reason)
    async with delivering(data, one.clock) as one:
        await looked(one)
        assert await one.client.deliveries() == []
        [failed] = await one.client.deliveries(active=False)
        assert (failed.state, left(data)) == (DeliveryState.FAILED, [])
        certificates = await one.certificates()
        assert [found.record_class for found in certificates] == [RecordClass.TEMPORARY] * (step != "row")
        assert all(found.erased_us is not None for found in certificates)
        assert len(await one.events("delivery_failed")) == 1


async def test_a_copy_that_became_whole_while_it_was_looked_after_stays(data: Path) -> None:
    async with delivering(data) as one:
        made = await delivered(one, exported(one))
        care = one.recorder.exporting.deliveries._care
        await care._see_to(replace(made, state=DeliveryState.COPYING))
        one.index.give_up_copy_draft(made, {"lobby_1.mp4": 8000}, care._reason(DeletionRule.UNFINISHED, None))
        assert one.index.fail_delivery(made, one.clock.now_us()) is None
        assert (await one.client.deliveries(), await one.certificates()) == ([made], [])
        assert lies_at(made.path).keys() == {*FILES, "delivery.json"}


async def test_a_removal_that_a_crash_cut_short_goes_on(data: Path) -> None:
    async with delivering(data) as one:
        made = await delivered(one, exported(one))
        reason = one.recorder.exporting.deliveries._care._reason(DeletionRule.PERSON, "u1")
        one.index.give_up_delivery(made.delivery_id, reason)
        (Path(made.path) / "lobby_1.mp4").unlink()
    async with delivering(data, one.clock) as one:
        await looked(one)
        [removed] = await one.client.deliveries(active=False)
        assert (removed.state, removed.removed_by, left(data)) == (DeliveryState.REMOVED, "u1", [])
        assert len(await one.certificates()) == 1
        assert one.index.delivery_erased(made.delivery_id, one.clock.now_us()) is None
