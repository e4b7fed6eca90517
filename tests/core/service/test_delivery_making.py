"""Copies of exports in delivery folders: made whole or not at all, told of, and certified when they go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import (
    DeletionRule,
    DeliveryRequest,
    DeliveryState,
    ExportState,
    LedgerKind,
    RecordClass,
)
from recorder_core.service.keeping import Keeping

from .delivering import (
    DESK,
    FILES,
    REQUEST,
    delivered,
    delivering,
    desk_of,
    exported,
    lay,
    ledger_of,
    left,
    lies_at,
    looked,
    refusal,
)
from .shelves import DAY_S, DAY_US, HOUR_S

if TYPE_CHECKING:
    from pathlib import Path


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


async def test_of_a_damaged_export_nothing_is_left_in_the_folder(data: Path) -> None:
    async with delivering(data) as one:
        job = exported(one)
        lay(job.files[1].path, b"other")
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


async def test_a_start_that_fails_leaves_nothing_to_wait_for(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks after copies had not begun by then."""

    async def fails(*_: object) -> None:
        raise StorageError(ErrorCode.STORAGE_FAILED, "No.")

    monkeypatch.setattr(Keeping, "start", fails)
    with pytest.raises(StorageError):
        async with delivering(data):
            pass
