"""Copies in delivery folders that are stopped, stand still or lose their folder or export on the way."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.export.delivery_copies import make_copy
from recorder_core.models import (
    DeliveryFolder,
    DeliveryRemoval,
    DeliveryState,
)
from recorder_core.service import deliveries
from recorder_core.service.disk_calls import DiskCalls

from .delivering import (
    FILES,
    REQUEST,
    delivered,
    delivering,
    desk_of,
    exported,
    lay,
    left,
    looked,
    refusal,
    settings_of,
)
from .shelves import HOUR_S, S

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.models import Delivery, ExportJob


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
        lay(job.files[0].path, b"damaged")
        lay(job.files[1].path, b"damaged")
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
                lay(file.path, FILES[Path(file.path).name])
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
