"""Copies of exports in delivery folders: made whole or not at all, told of, and never waited for by each other."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export.delivery_copies import make_copy
from recorder_core.models import (
    DeletionRule,
    DeliveryFolder,
    DeliveryRemoval,
    DeliveryRequest,
    DeliveryState,
    ExportState,
    LedgerKind,
    RecordClass,
)
from recorder_core.service import deliveries
from recorder_core.service.disk_calls import DiskCalls
from recorder_core.service.keeping import Keeping

from .delivering import (
    DESK,
    FILES,
    REQUEST,
    delivered,
    delivering,
    desk_of,
    exported,
    ledger_of,
    left,
    lies_at,
    looked,
    refusal,
    settings_of,
)
from .shelves import DAY_S, DAY_US, HOUR_S, S

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.models import Delivery, ExportJob


def _lay(path: str, content: bytes) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(content)


async def test_a_copy_is_made_told_of_and_goes_when_its_time_is_over(data: Path) -> None:
    async with delivering(data) as one:
        await one.camera("yard")
        job = exported(one, "lobby", "yard")
        made = await delivered(one, job)
        assert (made.state, made.actor, made.folder) == (DeliveryState.DELIVERED, "u7", DESK)
        assert made.expires_us == made.created_us + 7 * DAY_US
        assert made.path == str(desk_of(data) / f"lobby_1-{made.delivery_id[:8]}")
        lies = lies_at(made.path)
        del lies["delivery.json"]
        assert lies == FILES
        assert await one.client.deliveries() == [made]
        [told] = await ledger_of(one, LedgerKind.DELIVERED)
        files = [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in made.files]
        assert told == {
            "delivery_id": made.delivery_id,
            "export_id": job.export_id,
            "folder": DESK,
            "created_us": made.created_us,
            "expires_us": made.expires_us,
            "actor": "u7",
            "files": files,
        }
        [event] = await one.events("export_delivered")
        assert (event.data["delivery_id"], event.data["folder"]) == (made.delivery_id, DESK)

        one.clock.pass_by(7 * DAY_S - HOUR_S)
        await one.sweep()
        await looked(one)
        assert await one.client.deliveries() == [made]
        one.clock.pass_by(2 * HOUR_S)
        await one.sweep()
        await looked(one)
        assert (await one.client.deliveries(), left(data)) == ([], [])
        [removed] = await one.client.deliveries(active=False)
        now_us = one.clock.now_us()
        assert removed == replace(made, state=DeliveryState.REMOVED, removed_us=now_us)
        assert [one.kind for one in await one.events("delivery_removed")] == ["delivery_removed"]
        for camera_id in ("lobby", "yard"):
            [certificate] = await one.certificates(camera_id)
            assert (certificate.record_class, certificate.rule) == (RecordClass.DELIVERY, DeletionRule.AGE)
            assert (certificate.records, certificate.size) == (2, sum(map(len, FILES.values())))
            assert (certificate.at_us, certificate.erased_us, certificate.actor) == (now_us, now_us, None)
        told_of = [
            (body["camera_id"], body["delivery_id"]) for body in await ledger_of(one, LedgerKind.DELIVERY_REMOVED)
        ]
        assert told_of == [("lobby", made.delivery_id), ("yard", made.delivery_id)]
        assert (await one.client.export_job(job.export_id)).state is ExportState.DONE


async def test_what_is_asked_for_must_be_there(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        now_us = one.clock.now_us()
        assert (await refusal(one, "f" * 32)).code is ErrorCode.UNKNOWN_EXPORT
        unknown = await refusal(one, job.export_id, DeliveryRequest(folder="Cellar"))
        assert (unknown.code, unknown.placeholders) == (ErrorCode.UNKNOWN_DELIVERY_FOLDER, {"folder": "Cellar"})
        for expires_us in (now_us, now_us + 366 * DAY_US):
            late = await refusal(one, job.export_id, replace(REQUEST, expires_us=expires_us))
            assert (late.code, late.placeholders) == (ErrorCode.BAD_REQUEST, {"field": "expires_us"})
        assert await one.client.deliveries(active=False) == []
        assert left(data) == []


async def test_a_folder_that_goes_away_in_the_midst_of_a_copy_keeps_what_is_there_till_it_is_back(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second copy of which the time is over does not ask the folder again in the same look."""
    slow = _Slow(monkeypatch)
    slow.go_on.set()
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        job = exported(one)
        over = await delivered(one, job, one.clock.now_us() + S)
        slow.reached.clear()
        slow.go_on.clear()
        asking = group.create_task(refusal(one, job.export_id))
        await slow.wait()
        desk_of(data).rename(data / "away")
        _lay(job.files[0].path, b"damaged")
        _lay(job.files[1].path, b"damaged")
        slow.go_on.set()
        assert (await asking).code is ErrorCode.EXPORT_DAMAGED
        one.clock.pass_by(HOUR_S)
        await one.sweep()
        await looked(one)
        half, whole = await one.client.deliveries()
        assert (half.state, whole) == (DeliveryState.COPYING, over)
        (data / "away").rename(desk_of(data))
        await looked(one)
        assert (await one.client.deliveries(), left(data)) == ([], [])
        failed = (await one.client.deliveries(active=False))[0]
        assert failed.problem is not None
        assert (failed.state, failed.problem.code) == (DeliveryState.FAILED, ErrorCode.EXPORT_DAMAGED)


async def test_of_a_damaged_export_nothing_is_left_in_the_folder(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        _lay(job.files[1].path, b"other")
        refused = await refusal(one, job.export_id)
        assert (refused.code, refused.placeholders) == (ErrorCode.EXPORT_DAMAGED, {"file": "lobby_2.mp4"})
        assert left(data) == []
        [failed] = await one.client.deliveries(active=False)
        assert failed.problem is not None
        assert (failed.state, failed.problem.code) == (DeliveryState.FAILED, ErrorCode.EXPORT_DAMAGED)
        [certificate] = await one.certificates()
        assert (certificate.record_class, certificate.rule) == (RecordClass.TEMPORARY, DeletionRule.UNFINISHED)
        [told] = await ledger_of(one, LedgerKind.DELIVERY_REMOVED, LedgerKind.EXPORT_REMOVED)
        assert (told["delivery_id"], told["record_class"]) == (failed.delivery_id, RecordClass.TEMPORARY)
        assert await ledger_of(one, LedgerKind.EXPORT_REMOVED) == []  # the export is still there
        assert certificate.erased_us is not None
        [event] = await one.events("delivery_failed")
        assert event.data["problem"] == "export_damaged"
        assert await ledger_of(one, LedgerKind.DELIVERED) == []


async def test_without_room_nothing_is_begun(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        huge = replace(job, files=[replace(job.files[0], size=1 << 61), job.files[1]])
        one.index.put_export(huge)
        refused = await refusal(one, job.export_id)
        assert (refused.code, refused.placeholders["folder"]) == (ErrorCode.DELIVERY_FOLDER_FULL, DESK)
        assert await one.client.deliveries(active=False) == []


class _Slow:
    """Copies as the recorder does, but waits on the way for what the test has to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        monkeypatch.setattr(deliveries, "make_copy", self._copy)

    def _copy(self, delivery: Delivery, job: ExportJob, store_id: str, stopped: Callable[[], bool]) -> None:
        def waits() -> bool:
            self.reached.set()
            assert self.go_on.wait(60)
            return stopped()

        make_copy(delivery, job, store_id, waits)

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 60)


async def test_a_copy_that_is_being_made_can_be_stopped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow(monkeypatch)
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        asking = group.create_task(refusal(one, exported(one).export_id))
        await slow.wait()
        [copying] = await one.client.deliveries()
        assert copying.state is DeliveryState.COPYING
        await looked(one)  # what is being made is left alone
        assert len(left(data)) == 1
        removing = group.create_task(one.client.remove_delivery(copying.delivery_id, DeliveryRemoval()))
        live = one.recorder.exporting.deliveries._live[copying.delivery_id]
        assert await asyncio.to_thread(live.stop.wait, 60)
        slow.go_on.set()
        assert ((await removing).state, left(data)) == (DeliveryState.FAILED, [])
        assert (await asking).code is ErrorCode.DELIVERY_FAILED


@pytest.mark.parametrize("is_read", [True, False])
async def test_a_copy_whose_export_goes_meanwhile_is_none(
    data: Path, monkeypatch: pytest.MonkeyPatch, *, is_read: bool
) -> None:
    """It was removed, and is not damaged."""
    slow = _Slow(monkeypatch)
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        job = exported(one)
        asking = group.create_task(refusal(one, job.export_id))
        await slow.wait()
        await one.client.remove_export(job.export_id)
        if is_read:
            for file in job.files:  # as if they were read before they went
                _lay(file.path, FILES[Path(file.path).name])
        slow.go_on.set()
        assert (await asking).code is ErrorCode.EXPORT_NOT_DONE
        assert left(data) == []


async def test_a_copy_that_is_stopped_is_told_as_that_although_its_export_went(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _Slow(monkeypatch)
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        job = exported(one)
        asking = group.create_task(refusal(one, job.export_id))
        await slow.wait()
        [copying] = await one.client.deliveries()
        await one.client.remove_export(job.export_id)
        one.recorder.exporting.deliveries._live[copying.delivery_id].stop.set()
        slow.go_on.set()
        assert (await asking).code is ErrorCode.DELIVERY_FAILED


async def test_a_copy_that_stands_still_is_given_up(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be called one that is being made for as long as its folder hangs."""
    slow, steps = _Slow(monkeypatch), count()

    class Impatient(DiskCalls):
        def __init__(self, path: str, _: float, progress: Callable[[], int]) -> None:
            super().__init__(path, 0.0, lambda: progress() if slow.reached.is_set() else next(steps))

    monkeypatch.setattr(deliveries, "DiskCalls", Impatient)
    async with delivering(data) as one:
        assert (await refusal(one, exported(one).export_id)).code is ErrorCode.STORAGE_STALLED
        [failed] = await one.client.deliveries(active=False)
        assert failed.problem is not None
        assert (failed.state, failed.problem.code) == (DeliveryState.FAILED, ErrorCode.STORAGE_STALLED)
        slow.go_on.set()
        assert left(data) == []


async def test_copies_are_made_one_after_the_other_and_a_stop_breaks_them_off(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of them is left behind the recorder, neither of the one that was begun nor of the one that waited."""
    slow = _Slow(monkeypatch)
    async with delivering(data) as one:
        job = exported(one)
        making = one.recorder.exporting.deliveries
        first = asyncio.create_task(making.deliver(job.export_id, REQUEST))
        await slow.wait()
        second = asyncio.create_task(making.deliver(job.export_id, REQUEST))
        assert len(await one.client.deliveries()) == 1
        assert len(making._making) == 2
        [live] = making._live.values()
        closing = asyncio.create_task(making.close())
        assert await asyncio.to_thread(live.stop.wait, 60)
        slow.go_on.set()
        await closing
        for task in (first, second):
            with pytest.raises(RecorderError) as caught:
                await task
            assert caught.value.code is ErrorCode.DELIVERY_FAILED
        assert left(data) == []


async def test_a_copy_into_a_folder_that_hangs_keeps_no_other_and_its_removal_is_answered(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        (data / "office").mkdir()
        await one.client.apply_settings(settings_of(data, DeliveryFolder(name="Office", path=str(data / "office"))))
        job = exported(one)
        with monkeypatch.context() as patch:
            slow = _Slow(patch)
            asking = group.create_task(refusal(one, job.export_id))
            await slow.wait()
        [copying] = await one.client.deliveries()
        made = await one.client.deliver_export(job.export_id, replace(REQUEST, folder="Office"))
        assert made.state is DeliveryState.DELIVERED
        with monkeypatch.context() as patch:
            patch.setattr(deliveries, "LIMIT_S", 0.0)
            with pytest.raises(RecorderError) as caught:
                await one.client.remove_delivery(copying.delivery_id, DeliveryRemoval())
        assert caught.value.code is ErrorCode.STORAGE_STALLED
        slow.go_on.set()
        assert (await asking).code is ErrorCode.DELIVERY_FAILED
        assert (await one.client.deliveries(), left(data)) == ([made], [])


async def test_a_copy_into_a_folder_that_hangs_is_not_waited_for_by_a_stop(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start clears it away."""
    monkeypatch.setattr(deliveries, "LIMIT_S", 0.0)
    slow = _Slow(monkeypatch)
    async with delivering(data) as one:
        job = exported(one)
        asking = asyncio.create_task(one.recorder.exporting.deliveries.deliver(job.export_id, REQUEST))
        await slow.wait()
    with pytest.raises(asyncio.CancelledError):
        await asking
    monkeypatch.undo()
    slow.go_on.set()
    async with delivering(data, one.clock) as one:
        await looked(one)
        [failed] = await one.client.deliveries(active=False)
        assert (failed.state, left(data)) == (DeliveryState.FAILED, [])
        assert failed.problem is not None
        assert failed.problem.message == "The recorder ended before the copy was whole."


async def test_a_start_that_fails_leaves_nothing_to_wait_for(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks after copies had not begun by then."""

    async def fails(*_: object) -> None:
        raise StorageError(ErrorCode.STORAGE_FAILED, "No.")

    monkeypatch.setattr(Keeping, "start", fails)
    with pytest.raises(StorageError):
        async with delivering(data):
            pass
