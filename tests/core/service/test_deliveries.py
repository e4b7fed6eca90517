"""Copies of exports in delivery folders: made whole or not at all, certified, and gone when their time is over."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export.delivery_copies import make_copy, remove_copy
from recorder_core.export.delivery_folders import MARKER
from recorder_core.models import (
    DeletionRule,
    DeliveryFolder,
    DeliveryRemoval,
    DeliveryRequest,
    DeliveryState,
    Duty,
    ExportState,
    HoldRequest,
    LedgerKind,
    RecordClass,
)
from recorder_core.service import deliveries, delivery_care
from recorder_core.service.deliveries import expiry
from recorder_core.service.keeping import Keeping

from .delivering import DESK, FILES, delivering, desk_of, exported, lies_at, looked, settings_of
from .rig import feed_until
from .shelves import DAY_S, DAY_US, HOUR_S, S

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.models import Delivery, ExportJob

    from .shelves import Library

REQUEST = DeliveryRequest(folder=DESK, actor="u7")


async def _deliver(one: Library, job: ExportJob, expires_us: int | None = None) -> Delivery:
    return await one.client.deliver_export(job.export_id, replace(REQUEST, expires_us=expires_us))


async def _refused(one: Library, export_id: str, request: DeliveryRequest = REQUEST) -> RecorderError:
    with pytest.raises(RecorderError) as caught:
        await one.client.deliver_export(export_id, request)
    return caught.value


async def _told(one: Library, *kinds: LedgerKind) -> list[dict[str, object]]:
    return [json.loads(entry.body) for entry in (await one.client.ledger()).entries if entry.kind in kinds]


def _lay(path: str, content: bytes) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(content)


def _change(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def _leave(copy: Path, step: str) -> None:
    """Leave of a copy what a crash at that step does."""
    if step == "renamed":
        return
    place = copy.rename(copy.with_name(f".{copy.name}"))
    (place / "lobby_2.mp4").unlink()
    if step in ("row", "unlinked"):
        (place / "lobby_1.mp4").unlink()
    if step == "unlinked":
        shutil.rmtree(place)


def _left(data: Path) -> list[str]:
    return sorted(one.name for one in desk_of(data).iterdir() if one.name != MARKER)


async def test_a_copy_is_made_told_of_and_goes_when_its_time_is_over(data: Path) -> None:
    async with delivering(data) as one:
        await one.camera("yard")
        job = exported(one, "lobby", "yard")
        made = await _deliver(one, job)
        assert (made.state, made.actor, made.folder) == (DeliveryState.DELIVERED, "u7", DESK)
        assert made.expires_us == made.created_us + 7 * DAY_US
        assert made.path == str(desk_of(data) / f"lobby_1-{made.delivery_id[:8]}")
        lies = lies_at(made.path)
        del lies["delivery.json"]
        assert lies == FILES
        assert await one.client.deliveries() == [made]
        [told] = await _told(one, LedgerKind.DELIVERED)
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
        assert (await one.client.deliveries(), _left(data)) == ([], [])
        [removed] = await one.client.deliveries(active=False)
        now_us = one.clock.now_us()
        assert removed == replace(made, state=DeliveryState.REMOVED, removed_us=now_us)
        assert [one.kind for one in await one.events("delivery_removed")] == ["delivery_removed"]
        for camera_id in ("lobby", "yard"):
            [certificate] = await one.certificates(camera_id)
            assert (certificate.record_class, certificate.rule) == (RecordClass.DELIVERY, DeletionRule.AGE)
            assert (certificate.records, certificate.size) == (2, sum(map(len, FILES.values())))
            assert (certificate.at_us, certificate.erased_us, certificate.actor) == (now_us, now_us, None)
        told_of = [(body["camera_id"], body["delivery_id"]) for body in await _told(one, LedgerKind.DELIVERY_REMOVED)]
        assert told_of == [("lobby", made.delivery_id), ("yard", made.delivery_id)]
        assert (await one.client.export_job(job.export_id)).state is ExportState.DONE


async def test_a_copy_goes_by_hand_and_no_hold_keeps_it(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        made = await _deliver(one, job)
        await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=job.start_us, end_us=job.end_us))
        removed = await one.client.remove_delivery(made.delivery_id, DeliveryRemoval(actor="u9"))
        assert (removed.state, removed.removed_by, _left(data)) == (DeliveryState.REMOVED, "u9", [])
        assert await one.client.remove_delivery(made.delivery_id, DeliveryRemoval()) == removed
        [certificate] = await one.certificates()
        assert (certificate.rule, certificate.actor) == (DeletionRule.PERSON, "u9")
        with pytest.raises(RecorderError) as caught:
            await one.client.remove_delivery("f" * 32, DeliveryRemoval())
        assert caught.value.code is ErrorCode.UNKNOWN_DELIVERY


async def test_copies_go_with_their_export_by_the_same_hand(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        copies = [await _deliver(one, job) for _ in range(2)]
        await one.client.remove_export(job.export_id, "u3")
        await looked(one)
        assert _left(data) == []
        gone = await one.client.deliveries(active=False)
        assert [(copy.state, copy.removed_by) for copy in gone] == [(DeliveryState.REMOVED, "u3")] * 2
        certificates = await one.certificates()
        assert [found.record_class for found in certificates] == [RecordClass.EXPORT, *[RecordClass.DELIVERY] * 2]
        assert {(found.rule, found.actor) for found in certificates} == {(DeletionRule.PERSON, "u3")}
        assert all(found.erased_us is not None for found in certificates)
        assert len({copy.path for copy in copies}) == 2
        refused = await _refused(one, job.export_id)
        assert (refused.code, refused.placeholders["state"]) == (ErrorCode.EXPORT_NOT_DONE, "removed")


async def test_copies_of_an_export_that_was_removed_go_without_being_waited_for(data: Path) -> None:
    """The recorder looks by itself as soon as the export goes; no time has to pass."""
    async with delivering(data) as one:
        job = exported(one)
        await _deliver(one, job)
        await one.client.remove_export(job.export_id)
        await feed_until(one.client, lambda item: item.event is not None and item.event.kind == "delivery_removed")
        assert _left(data) == []


async def test_what_is_asked_for_must_be_there(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        now_us = one.clock.now_us()
        assert (await _refused(one, "f" * 32)).code is ErrorCode.UNKNOWN_EXPORT
        unknown = await _refused(one, job.export_id, DeliveryRequest(folder="Cellar"))
        assert (unknown.code, unknown.placeholders) == (ErrorCode.UNKNOWN_DELIVERY_FOLDER, {"folder": "Cellar"})
        for expires_us in (now_us, now_us + 366 * DAY_US):
            late = await _refused(one, job.export_id, replace(REQUEST, expires_us=expires_us))
            assert (late.code, late.placeholders) == (ErrorCode.BAD_REQUEST, {"field": "expires_us"})
        assert await one.client.deliveries(active=False) == []
        assert _left(data) == []


def test_a_copy_goes_when_asked_but_never_after_its_export() -> None:
    assert expiry(None, 0, 0.5, None) == DAY_US // 2
    assert expiry(5, 0, 7, None) == 5
    assert expiry(None, 0, 7, 3) == 3
    assert expiry(5, 0, 7, 9) == 5
    assert expiry(5, 4, 7, 3) == 5  # a hold keeps the export beyond its time
    assert expiry(365 * DAY_US, 0, 7, None) == 365 * DAY_US
    for asked_us in (0, -1, 365 * DAY_US + 1):
        with pytest.raises(RecorderError):
            expiry(asked_us, 0, 7, None)


async def test_while_a_folder_is_away_nothing_is_written_there_nor_called_removed(data: Path) -> None:
    """After an hour the status says so, and when the folder is back all is done and said to be."""
    async with delivering(data) as one:
        job = exported(one)
        made = await _deliver(one, job, one.clock.now_us() + 1000 * S)
        kept = await _deliver(one, job)
        desk_of(data).rename(data / "away")
        desk_of(data).mkdir()
        assert (await _refused(one, job.export_id)).code is ErrorCode.DELIVERY_FOLDER_MISSING
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
        assert _left(data) == [Path(kept.path).name]
        [certificate] = await one.certificates()
        assert certificate.erased_us == one.clock.now_us() > certificate.at_us


async def test_a_folder_that_goes_away_in_the_midst_of_a_copy_keeps_what_is_there_till_it_is_back(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second copy of which the time is over does not ask the folder again in the same look."""
    slow = _Slow(monkeypatch)
    slow.go_on.set()
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        job = exported(one)
        over = await _deliver(one, job, one.clock.now_us() + S)
        slow.reached.clear()
        slow.go_on.clear()
        asking = group.create_task(_refused(one, job.export_id))
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
        assert (await one.client.deliveries(), _left(data)) == ([], [])
        failed = (await one.client.deliveries(active=False))[0]
        assert failed.problem is not None
        assert (failed.state, failed.problem.code) == (DeliveryState.FAILED, ErrorCode.EXPORT_DAMAGED)


async def test_a_folder_that_was_away_at_the_start_is_searched_when_it_is_back(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with delivering(data) as one:
        made = await _deliver(one, exported(one))
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


async def test_a_copy_that_cannot_be_removed_keeps_no_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody plays it, on a share that knows locks; such a share cannot be had here."""
    async with delivering(data) as one:
        job = exported(one)
        await _deliver(one, job)
        played = await _deliver(one, job)

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
        assert _left(data) == [Path(played.path).name]
        await looked(one)
        assert (await one.client.deliveries(), _left(data)) == ([], [])


@pytest.mark.parametrize("end", [b"9000000000000000000", b"1" * 30])
async def test_a_record_that_somebody_wrote_keeps_no_copy_for_ever(data: Path, end: bytes) -> None:
    """Who may write in the folder may write that a copy never goes, or what no row can hold."""
    async with delivering(data) as one:
        changed = await _deliver(one, exported(one))
        other = await _deliver(one, exported(one))
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


async def test_while_the_clock_is_in_doubt_no_copy_goes_by_its_time(data: Path) -> None:
    async with delivering(data) as one:
        made = await _deliver(one, exported(one))
        one.clock.step(30 * DAY_S)
        await one.sweep()
        await looked(one)
        assert await one.client.deliveries() == [made]
        await one.client.confirm_clock()
        await one.sweep()
        await looked(one)
        assert await one.client.deliveries() == []


async def test_of_a_damaged_export_nothing_is_left_in_the_folder(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        _lay(job.files[1].path, b"other")
        refused = await _refused(one, job.export_id)
        assert (refused.code, refused.placeholders) == (ErrorCode.EXPORT_DAMAGED, {"file": "lobby_2.mp4"})
        assert _left(data) == []
        [failed] = await one.client.deliveries(active=False)
        assert failed.problem is not None
        assert (failed.state, failed.problem.code) == (DeliveryState.FAILED, ErrorCode.EXPORT_DAMAGED)
        [certificate] = await one.certificates()
        assert (certificate.record_class, certificate.rule) == (RecordClass.TEMPORARY, DeletionRule.UNFINISHED)
        assert certificate.erased_us is not None
        [event] = await one.events("delivery_failed")
        assert event.data["problem"] == "export_damaged"
        assert await _told(one, LedgerKind.DELIVERED) == []


async def test_without_room_nothing_is_begun(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        huge = replace(job, files=[replace(job.files[0], size=1 << 61), job.files[1]])
        one.index.put_export(huge)
        refused = await _refused(one, job.export_id)
        assert (refused.code, refused.placeholders["folder"]) == (ErrorCode.DELIVERY_FOLDER_FULL, DESK)
        assert await one.client.deliveries(active=False) == []


class _Slow:
    """Copies as the recorder does, but waits on the way for what the test has to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        monkeypatch.setattr(deliveries, "make_copy", self._copy)

    def _copy(self, delivery: Delivery, job: ExportJob, stopped: Callable[[], bool]) -> None:
        def waits() -> bool:
            self.reached.set()
            assert self.go_on.wait(60)
            return stopped()

        make_copy(delivery, job, waits)

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 60)


async def test_a_copy_that_is_being_made_can_be_stopped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow(monkeypatch)
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        asking = group.create_task(_refused(one, exported(one).export_id))
        await slow.wait()
        [copying] = await one.client.deliveries()
        assert copying.state is DeliveryState.COPYING
        await looked(one)  # what is being made is left alone
        assert len(_left(data)) == 1
        removing = group.create_task(one.client.remove_delivery(copying.delivery_id, DeliveryRemoval()))
        live = one.recorder.exporting.deliveries._live[copying.delivery_id]
        assert await asyncio.to_thread(live.stop.wait, 60)
        slow.go_on.set()
        assert ((await removing).state, _left(data)) == (DeliveryState.FAILED, [])
        assert (await asking).code is ErrorCode.DELIVERY_FAILED


@pytest.mark.parametrize("is_read", [True, False])
async def test_a_copy_whose_export_goes_meanwhile_is_none(
    data: Path, monkeypatch: pytest.MonkeyPatch, *, is_read: bool
) -> None:
    """It was removed, and is not damaged."""
    slow = _Slow(monkeypatch)
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        job = exported(one)
        asking = group.create_task(_refused(one, job.export_id))
        await slow.wait()
        await one.client.remove_export(job.export_id)
        if is_read:
            _lay(job.files[1].path, FILES["lobby_2.mp4"])  # as if it was read before it went
        slow.go_on.set()
        assert (await asking).code is ErrorCode.EXPORT_NOT_DONE
        assert _left(data) == []


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
        assert _left(data) == []


async def test_a_copy_into_a_folder_that_hangs_keeps_no_other_and_its_removal_is_answered(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with delivering(data) as one, asyncio.TaskGroup() as group:
        (data / "office").mkdir()
        await one.client.apply_settings(settings_of(data, DeliveryFolder(name="Office", path=str(data / "office"))))
        job = exported(one)
        with monkeypatch.context() as patch:
            slow = _Slow(patch)
            asking = group.create_task(_refused(one, job.export_id))
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
        assert (await one.client.deliveries(), _left(data)) == ([made], [])


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
        assert (failed.state, _left(data)) == (DeliveryState.FAILED, [])
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


@pytest.mark.parametrize("step", ["row", "files", "renamed", "certified", "unlinked"])
async def test_what_a_crash_left_of_a_copy_goes_with_the_next_start(data: Path, step: str) -> None:
    async with delivering(data) as one:
        job = exported(one)
        made = await _deliver(one, job)
        half = replace(made, state=DeliveryState.COPYING)
        one.index.put_delivery(half)
        _leave(Path(made.path), step)
        if step in ("certified", "unlinked"):
            reason = one.recorder.exporting.deliveries._care._reason(DeletionRule.UNFINISHED, None)
            one.index.give_up_copy_draft(half, {"lobby_1.mp4": 8000}, reason)
    async with delivering(data, one.clock) as one:
        await looked(one)
        assert await one.client.deliveries() == []
        [failed] = await one.client.deliveries(active=False)
        assert (failed.state, _left(data)) == (DeliveryState.FAILED, [])
        certificates = await one.certificates()
        assert [found.record_class for found in certificates] == [RecordClass.TEMPORARY] * (step != "row")
        assert all(found.erased_us is not None for found in certificates)
        assert len(await one.events("delivery_failed")) == 1


async def test_a_copy_that_became_whole_while_it_was_looked_after_stays(data: Path) -> None:
    async with delivering(data) as one:
        made = await _deliver(one, exported(one))
        care = one.recorder.exporting.deliveries._care
        await care._see_to(replace(made, state=DeliveryState.COPYING))
        one.index.give_up_copy_draft(made, {"lobby_1.mp4": 8000}, care._reason(DeletionRule.UNFINISHED, None))
        assert one.index.fail_delivery(made, one.clock.now_us()) is None
        assert (await one.client.deliveries(), await one.certificates()) == ([made], [])
        assert lies_at(made.path).keys() == {*FILES, "delivery.json"}


async def test_a_removal_that_a_crash_cut_short_goes_on(data: Path) -> None:
    async with delivering(data) as one:
        made = await _deliver(one, exported(one))
        reason = one.recorder.exporting.deliveries._care._reason(DeletionRule.PERSON, "u1")
        one.index.give_up_delivery(made.delivery_id, reason)
        (Path(made.path) / "lobby_1.mp4").unlink()
    async with delivering(data, one.clock) as one:
        await looked(one)
        [removed] = await one.client.deliveries(active=False)
        assert (removed.state, removed.removed_by, _left(data)) == (DeliveryState.REMOVED, "u1", [])
        assert len(await one.certificates()) == 1
        assert one.index.delivery_erased(made.delivery_id, one.clock.now_us()) is None


def _lose_index(data: Path) -> None:
    for path in (data / "store").glob("index.sqlite*"):
        path.unlink()


async def test_copies_are_found_again_after_the_index_was_lost(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Else nobody would ever remove them. Of an export that is not known nothing is done, and half a copy goes."""
    async with delivering(data) as one:
        whole = await _deliver(one, exported(one))
        half = await _deliver(one, exported(one))
        strange = await _deliver(one, exported(one))
    _leave(Path(half.path), "files")
    _change(Path(strange.path) / "delivery.json", strange.export_id.encode(), b"0" * 32)
    _lose_index(data)
    async with delivering(data, one.clock) as one:
        for _ in range(2):
            await looked(one)
        assert await one.client.deliveries() == [replace(whole, actor="")]
        assert _left(data) == sorted([Path(whole.path).name, Path(strange.path).name])
        assert caplog.text.count("is a copy of an export that is not known") == 1
        [told] = await _told(one, LedgerKind.DELIVERED)
        assert (told["delivery_id"], told["found"]) == (whole.delivery_id, True)
        stored = one.index.delivery(half.delivery_id)
        assert stored is not None
        assert stored.state is DeliveryState.FAILED
        one.clock.pass_by(8 * DAY_S)
        await one.client.confirm_clock()
        await one.sweep()
        await looked(one)
        assert (await one.client.deliveries(), _left(data)) == ([], [Path(strange.path).name])


async def test_a_copy_that_is_found_of_an_export_that_went_goes_at_once(data: Path) -> None:
    """The index that was put back knows of neither the copy nor that its export's files went later."""
    async with delivering(data) as one:
        job = exported(one)
        made = await _deliver(one, job)
        one.execute("DELETE FROM delivery")
        one.index.put_export(replace(job, state=ExportState.REMOVED))
        one.recorder.exporting.deliveries._care._searched.clear()
        await looked(one)
        assert _left(data) == []
        [removed] = await one.client.deliveries(active=False)
        assert (removed.delivery_id, removed.state) == (made.delivery_id, DeliveryState.REMOVED)
        reason = one.recorder.exporting.deliveries._care._reason(DeletionRule.AGE, None)
        assert one.index.adopt_delivery(made, reason) == removed
