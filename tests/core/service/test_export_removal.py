"""What was exported goes by rule or by hand, certified, never while it is held; and nothing half made ever stays."""

from __future__ import annotations

import asyncio
import errno
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export.expiry import excess_bytes, expiry, too_old
from recorder_core.export.folders import FOLDER, RECORD, Fate, fate, is_gone
from recorder_core.models import (
    DeletionRule,
    ExportJob,
    ExportState,
    HoldRequest,
    HoldState,
    LedgerKind,
    PackageRequest,
    RecordClass,
    Retention,
    Settings,
    VolumeConfig,
)
from recorder_core.storage.certificate_rows import digest_of
from recorder_core.storage.export_rows import KeptExport
from recorder_core.storage.volumes import open_volume
from tests.core.export.shelf import REQUEST, Desk, Shelf
from tests.core.storage.store import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

DAY_US = 86_400_000_000


@pytest.fixture
def shelf(data: Path) -> Shelf:
    """Give an archive with footage."""
    return Shelf(data)


@pytest.fixture
async def desk(data: Path, shelf: Shelf) -> AsyncGenerator[Desk]:
    """Give export jobs on a clock that the test moves."""
    desk = Desk(data, shelf, ManualClock())
    yield desk
    await desk.close()


async def _done(desk: Desk, **changes: int | None) -> ExportJob:
    request = (
        PackageRequest(
            camera_ids=["lobby"], start_us=REQUEST.start_us, end_us=REQUEST.end_us, expires_us=changes["expires_us"]
        )
        if changes
        else REQUEST
    )
    job = await desk.jobs.job((await desk.jobs.submit(request)).export_id, wait_s=60)
    assert job.state is ExportState.DONE
    return job


def _left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / FOLDER).iterdir()) if (root / FOLDER).exists() else []


def _hold(desk: Desk) -> str:
    request = HoldRequest(camera_ids=["lobby"], start_us=REQUEST.end_us - 1, end_us=None)
    return desk.index.place_hold(request, hold_id="h1", now_us=desk.clock.now_us())[0].hold_id


async def test_who_removes_what_another_has_just_removed_is_told_that_it_is_gone(desk: Desk) -> None:
    job = await _done(desk)
    answers = await asyncio.gather(*[desk.removal.remove(job.export_id, "u1") for _ in range(3)])
    assert [answer.state for answer in answers] == [ExportState.REMOVED] * 3
    assert len(desk.index.certificates("lobby", 0, 10)) == 1


async def test_what_is_held_cannot_be_removed_and_what_is_removed_is_certified(
    desk: Desk, shelf: Shelf, data: Path
) -> None:
    shelf.rules = Settings(policy_version="2026-1")
    job = await _done(desk)
    hold_id = _hold(desk)
    second = HoldRequest(camera_ids=["lobby"], start_us=REQUEST.start_us)
    desk.index.place_hold(second, hold_id="h2", now_us=desk.clock.now_us())
    with pytest.raises(RecorderError) as caught:
        await desk.removal.remove(job.export_id, "u2")
    assert caught.value.code is ErrorCode.HELD
    assert caught.value.message.startswith("2 holds cover")
    assert caught.value.placeholders == {
        "export_id": job.export_id,
        "camera_id": "lobby",
        "hold_id": hold_id,
        "holds": 2,
    }
    desk.index.end_hold("h2", state=HoldState.RELEASED, actor="u1", now_us=desk.clock.now_us())
    assert (await desk.jobs.job(job.export_id), _left(data)) == (job, [job.export_id])
    assert desk.index.certificates(None, 0, 10) == []
    desk.index.end_hold(hold_id, state=HoldState.RELEASED, actor="u1", now_us=desk.clock.now_us())
    removed = await desk.removal.remove(job.export_id, "u2")
    assert removed == replace(job, state=ExportState.REMOVED)
    assert (desk.told[-1], _left(data)) == (removed, [])
    [certificate] = desk.index.certificates("lobby", 0, 10)
    assert (certificate.record_class, certificate.rule, certificate.actor, certificate.policy_version) == (
        RecordClass.EXPORT,
        DeletionRule.PERSON,
        "u2",
        "2026-1",
    )
    assert (certificate.start_us, certificate.end_us, certificate.records, certificate.size) == (
        job.start_us,
        job.end_us,
        1,
        job.files[0].size,
    )
    assert certificate.digest == digest_of([bytes.fromhex(job.files[0].sha256)]).hex()
    assert certificate.erased_us == desk.clock.now_us()
    [removal, erasure] = desk.index.ledger(0, 100).entries[-2:]
    told = json.loads(removal.body)
    assert (removal.kind, told["digest"]) == (LedgerKind.EXPORT_REMOVED, certificate.digest)
    assert told["export_id"] == job.export_id  # as in the entry that tells of its making
    assert erasure.kind is LedgerKind.ERASED
    assert await desk.removal.remove(job.export_id, "u3") == removed
    assert len(desk.index.certificates("lobby", 0, 10)) == 1


async def test_exports_go_by_age_but_not_while_the_clock_or_the_holds_are_in_doubt(
    desk: Desk, shelf: Shelf, data: Path
) -> None:
    shelf.rules = Settings(exports=Retention(retention_days=2))
    job = await _done(desk)
    assert job.expires_us == job.created_us + 2 * DAY_US
    asked = await _done(desk, expires_us=job.created_us + DAY_US)
    assert asked.expires_us == job.created_us + DAY_US
    await desk.removal.expire()
    assert len(_left(data)) == 2
    assert isinstance(desk.clock, ManualClock)
    desk.clock.wall_us += DAY_US
    shelf.trusted = False
    await desk.removal.expire()
    shelf.trusted, shelf.holds_known = True, False
    await desk.removal.expire()
    assert len(_left(data)) == 2
    shelf.holds_known = True
    await desk.removal.expire()
    assert _left(data) == [job.export_id]
    desk.clock.wall_us += DAY_US
    hold_id = _hold(desk)
    await desk.removal.expire()
    assert _left(data) == [job.export_id]
    desk.index.end_hold(hold_id, state=HoldState.RELEASED, actor="", now_us=desk.clock.now_us())
    await desk.removal.expire()
    assert _left(data) == []
    assert {one.rule for one in desk.index.certificates(None, 0, 10)} == {DeletionRule.AGE}


async def test_nobody_removes_an_export_while_holds_may_be_unread(desk: Desk, shelf: Shelf, data: Path) -> None:
    """The hold that would keep it may lie on a volume that is away, since the index was lost."""
    job = await _done(desk)
    shelf.holds_known = False
    with pytest.raises(RecorderError, match="Not all holds were read back") as caught:
        await desk.removal.remove(job.export_id, "user-1")
    assert caught.value.code is ErrorCode.HELD
    assert _left(data) == [job.export_id]
    shelf.holds_known = True
    assert (await desk.removal.remove(job.export_id, "user-1")).state is ExportState.REMOVED
    assert _left(data) == []


async def test_a_removed_export_is_erased_when_its_volume_is_there_again(desk: Desk, shelf: Shelf, data: Path) -> None:
    job = await _done(desk)
    shelf.root = None
    await desk.removal.remove(job.export_id, "u2")
    assert (_left(data), desk.index.certificates(None, 0, 10)[0].erased_us) == ([job.export_id], None)
    await desk.removal.tidy()
    assert desk.index.certificates(None, 0, 10)[0].erased_us is None
    shelf.root = data
    await desk.removal.tidy()
    [certificate] = desk.index.certificates(None, 0, 10)
    assert (_left(data), certificate.erased_us) == ([], desk.clock.now_us())
    entry = desk.index.ledger(0, 100).entries[-1]
    assert (entry.kind, json.loads(entry.body)) == (
        LedgerKind.ERASED,
        {"certificate_ids": [certificate.certificate_id]},
    )
    await desk.removal.tidy()
    assert desk.index.ledger(0, 100).entries[-1] == entry


async def test_what_is_on_a_disk_that_was_just_unplugged_is_neither_erased_nor_made_beside_it(
    desk: Desk, shelf: Shelf, data: Path
) -> None:
    """Nobody has looked since, so it counts as there; what is left is the empty folder where it was mounted."""
    shelf.root = disk = data / "disk"
    open_volume(VolumeConfig(path=str(disk)), desk.clock, create=True)
    job = await _done(desk)
    disk.rename(data / "away")
    disk.mkdir()
    await desk.removal.remove(job.export_id, "u2")
    await desk.removal.tidy()
    assert desk.index.certificates(None, 0, 10)[0].erased_us is None
    other = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert other.problem is not None
    assert (other.state, other.problem.code) == (ExportState.FAILED, ErrorCode.VOLUME_MISSING)
    assert list(disk.iterdir()) == []
    disk.rmdir()
    (data / "away").rename(disk)
    assert _left(disk) == [job.export_id]
    await desk.removal.tidy()
    assert (_left(disk), desk.index.certificates(None, 0, 10)[0].erased_us) == ([], desk.clock.now_us())


def test_a_folder_that_the_disk_does_not_show_is_not_gone(data: Path) -> None:
    """Its links lead round in a circle; a damaged disk says no more of it."""
    open_volume(VolumeConfig(path=str(data)), ManualClock(), create=True)
    folder = data / FOLDER / ("1" * 32)
    folder.parent.mkdir()
    assert is_gone(folder, [data])
    folder.symlink_to(folder)
    assert not is_gone(folder, [data])


async def test_what_a_failed_export_had_made_by_then_leaves_certificates_too(
    desk: Desk, shelf: Shelf, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.rules = Settings(policy_version="2026-1")

    def torn(folder: Path, *_: object) -> None:
        (folder / "half.mp4").write_bytes(bytes(1000))
        raise StorageError(ErrorCode.VOLUME_FULL, "Full.")

    monkeypatch.setattr("recorder_core.export.making.write_record", torn)
    job = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert (job.state, _left(data)) == (ExportState.FAILED, [])
    [certificate] = desk.index.certificates("lobby", 0, 10)
    assert (certificate.record_class, certificate.rule, certificate.policy_version) == (
        RecordClass.TEMPORARY,
        DeletionRule.UNFINISHED,
        "2026-1",
    )
    assert (certificate.records, certificate.size > 1000) == (2, True)
    assert certificate.erased_us == certificate.at_us


async def test_what_a_crash_left_of_an_export_leaves_one_certificate_however_often_it_is_begun_to_be_removed(
    desk: Desk, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await _done(desk)
    stored = desk.index.export(job.export_id)
    assert stored is not None
    left = replace(stored.job, export_id="4" * 32, state=ExportState.RUNNING, files=[])
    desk.index.add_export(replace(stored, job=left))
    (data / FOLDER / left.export_id).mkdir()
    (data / FOLDER / left.export_id / "half.mp4").write_bytes(bytes(1000))

    def refused(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("recorder_core.export.drafts.remove_folder", refused)
        await desk.removal.tidy()
    assert [one.erased_us for one in desk.index.certificates(None, 0, 10)] == [None]
    await desk.removal.tidy()
    [certificate] = desk.index.certificates(None, 0, 10)
    assert (certificate.record_class, certificate.size) == (RecordClass.TEMPORARY, 1000)
    assert certificate.erased_us == desk.clock.now_us()
    assert _left(data) == [job.export_id]


async def test_a_clock_that_has_stepped_since_it_was_looked_at_makes_no_export_old(desk: Desk, shelf: Shelf) -> None:
    shelf.rules = Settings(exports=Retention(retention_days=2))
    job = await _done(desk)
    assert isinstance(desk.clock, ManualClock)
    shelf.seen_us = desk.clock.wall_us
    desk.clock.wall_us += 400 * DAY_US
    await desk.removal.expire()
    assert (await desk.jobs.job(job.export_id)).state is ExportState.DONE


async def test_the_oldest_go_beyond_the_quota(desk: Desk, shelf: Shelf, data: Path) -> None:
    jobs = [await _done(desk) for _ in range(3)]
    shelf.rules = Settings(exports=Retention(quota_bytes=jobs[0].files[0].size * 2))
    shelf.trusted = False
    await desk.removal.expire()
    assert _left(data) == sorted(job.export_id for job in jobs[1:])
    assert desk.index.certificates(None, 0, 10)[0].rule is DeletionRule.QUOTA
    _hold(desk)
    shelf.rules = Settings(exports=Retention(quota_bytes=1))
    await desk.removal.expire()
    assert len(_left(data)) == 2


async def test_a_folder_that_could_not_go_goes_with_the_next_look(desk: Desk, shelf: Shelf, data: Path) -> None:
    job = await _done(desk)
    shelf.root = None
    assert (await desk.removal.remove(job.export_id, "")).state is ExportState.REMOVED
    assert _left(data) == [job.export_id]
    shelf.root = data
    await desk.removal.tidy()
    assert _left(data) == []


async def test_what_the_disk_has_damaged_of_an_export_is_no_draft(desk: Desk, data: Path) -> None:
    """A hold keeps it, and whoever verifies it is told of the damage."""
    job = await _done(desk)
    _hold(desk)
    (data / FOLDER / job.export_id / RECORD).unlink()
    clip = data / FOLDER / job.export_id / job.files[0].path.rpartition("/")[2]
    clip.write_bytes(clip.read_bytes()[:-1])
    await desk.removal.tidy()
    assert clip.stat().st_size == job.files[0].size - 1
    assert (await desk.jobs.job(job.export_id), desk.index.certificates(None, 0, 10)) == (job, [])


async def test_what_a_crash_left_is_settled(desk: Desk, data: Path) -> None:
    kept = await _done(desk)
    running = replace(kept, export_id="2" * 32, state=ExportState.RUNNING)
    for export_id, record in (("1" * 32, None), ("2" * 32, kept), ("3" * 32, b"{"), ("someone else's", None)):
        folder = data / FOLDER / export_id
        folder.mkdir()
        (folder / "clip.mp4").write_bytes(b"half")
        if isinstance(record, bytes):
            (folder / RECORD).write_bytes(record)
        elif record is not None:
            whole = (data / FOLDER / kept.export_id / RECORD).read_bytes()
            (folder / RECORD).write_bytes(whole.replace(kept.export_id.encode(), export_id.encode()))
    stored = desk.index.export(kept.export_id)
    assert stored is not None
    desk.index.add_export(replace(stored, job=running))
    (data / FOLDER / kept.export_id / RECORD).unlink()
    await desk.removal.tidy()
    assert _left(data) == sorted([kept.export_id, "2" * 32, "3" * 32, "someone else's"])
    assert (await desk.jobs.job("2" * 32)).state is ExportState.DONE
    assert desk.index.ledger(0, 100).entries[-1].kind is LedgerKind.EXPORTED
    assert desk.told[-1].state is ExportState.DONE


async def test_exports_outlast_the_index(desk: Desk, shelf: Shelf, data: Path) -> None:
    job = await _done(desk)
    fresh = data / "fresh"
    fresh.mkdir()
    other = Desk(fresh, shelf)
    await other.removal.tidy()
    assert await other.jobs.job(job.export_id) == job
    await other.removal.tidy()
    assert (await other.removal.remove(job.export_id, "")).state is ExportState.REMOVED
    await other.close()


@pytest.mark.parametrize(
    ("state", "whole", "wanted"),
    [
        (None, True, Fate.ADOPT),
        (None, False, Fate.REMOVE),
        (ExportState.QUEUED, False, Fate.REMOVE),
        (ExportState.RUNNING, False, Fate.REMOVE),
        (ExportState.RUNNING, True, Fate.FINISH),
        (ExportState.DONE, True, Fate.KEEP),
        (ExportState.DONE, False, Fate.REMOVE),
        (ExportState.FAILED, True, Fate.REMOVE),
        (ExportState.CANCELLED, False, Fate.REMOVE),
        (ExportState.REMOVED, True, Fate.REMOVE),
    ],
)
def test_the_fate_of_a_folder(state: ExportState | None, wanted: Fate, *, whole: bool) -> None:
    assert fate(state, whole=whole) is wanted


@pytest.mark.parametrize(
    ("asked_us", "rules", "wanted"),
    [
        (None, Retention(), None),
        (5, Retention(), (5, DeletionRule.AGE)),
        (None, Retention(retention_days=1), (DAY_US, DeletionRule.AGE)),
        (DAY_US * 3, Retention(retention_days=1), (DAY_US * 3, DeletionRule.AGE)),
        (DAY_US * 3, Retention(retention_days=1, destroy_after_days=2), (DAY_US * 2, DeletionRule.LAW)),
        (None, Retention(destroy_after_days=0.5), (DAY_US // 2, DeletionRule.LAW)),
    ],
)
def test_when_an_export_is_to_go(
    asked_us: int | None, rules: Retention, wanted: tuple[int, DeletionRule] | None
) -> None:
    assert expiry(0, asked_us, rules) == wanted


def test_what_is_too_old_and_too_much() -> None:
    kept = [KeptExport("a", 0, None, 10), KeptExport("b", DAY_US, None, 20), KeptExport("c", 0, 7 * DAY_US, 30)]
    rules = Retention(retention_days=1)
    assert too_old(kept, rules, DAY_US) == [("a", DeletionRule.AGE)]
    assert too_old(kept, rules, 9 * DAY_US) == [(one, DeletionRule.AGE) for one in ("a", "b", "c")]
    assert [excess_bytes(kept, Retention(quota_bytes=size)) for size in (60, 59, 1)] == [0, 1, 59]
    assert excess_bytes(kept, rules) == 0
