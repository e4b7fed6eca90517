"""What a recording could not keep, on the way or on the disk, is a gap; with a scripted camera."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.capture import run as run_module
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.records import GapReason
from tests.core.storage.store import T0, S
from tests.core.storage_writer.disks import ROOM, small_disk

from .sink import Place, place

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


from .studio import CAMERA, FPS, STEP, Studio


async def test_losses_are_gaps(where: Place) -> None:
    """From the last picture before to the first one after; what is close together is one."""
    studio = Studio(where)
    studio.take(5)
    studio.unit()
    studio.unit()
    studio.recording.on_units([studio.unit(packets_lost=3)])
    studio.take(1)
    studio.recording.on_units([studio.unit(packets_lost=2)])
    studio.take(25)
    studio.recording.on_units([studio.unit(packets_lost=1)])
    await studio.end()
    assert studio.recording.packets_lost == 6
    lost = where.sink.account(CAMERA).lost
    assert [(begin - T0, end - T0, reason, detail) for begin, end, reason, detail in lost] == [
        (1 * S, 2 * S, GapReason.PACKET_LOSS, "5 packets"),
        (7 * S, 7 * S + S // FPS, GapReason.PACKET_LOSS, "1 packets"),
    ]
    assert await studio.covered()
    (segment,) = await where.segments(CAMERA)
    assert segment.packets_lost == 6


async def test_a_loss_before_the_first_picture_is_in_the_gap_that_lasts(where: Place) -> None:
    studio = Studio(where)
    studio.recording.on_units([studio.unit(packets_lost=3)])
    studio.take(7)
    await studio.end()
    assert [reason for reason, _, _ in await studio.gaps()] == [GapReason.CONNECTING, GapReason.DISABLED]


async def test_a_loss_among_reordered_pictures(where: Place) -> None:
    """The unit behind the loss is shown before the one in front of it; the gap has a length all the same."""
    studio = Studio(where)
    first = studio.media
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11]
    for at, place_ in enumerate(order):
        unit = studio.unit(pts=first + place_ * STEP, packets_lost=4 if at == 5 else 0)
        studio.recording.on_units([replace(unit, sync=at == 0)])
    await studio.end()
    ((begin, end, _, _),) = where.sink.account(CAMERA).lost
    assert end - begin == 2 * S // FPS
    assert await studio.numbers() == [list(range(13))]


async def test_a_camera_that_always_loses_some_is_told_each_minute(where: Place) -> None:
    """Else nothing of it would survive a crash, and hours of footage would be called a gap."""
    studio = Studio(where)
    for _ in range(FPS * 200):
        studio.recording.on_units([studio.unit(packets_lost=1)])
    lost = where.sink.account(CAMERA).lost
    assert len(lost) >= 2
    assert all(end - begin <= 91 * S for begin, end, _, _ in lost)
    await studio.end()
    assert sum(int(detail.split()[0]) for *_, detail in lost) == FPS * 200


async def test_no_room_when_a_run_begins(where: Place) -> None:
    full = StorageError(ErrorCode.VOLUME_FULL, "full")
    where.sink.refusal = full
    studio = Studio(where)
    studio.take(8)
    assert studio.recording.ended.is_set()
    assert studio.recording.error is full
    assert not studio.recording.recorded
    await studio.end(GapReason.STORAGE_FULL)
    assert where.sink.account(CAMERA).runs == []
    assert await studio.covered()


async def test_no_room_when_a_short_run_ends(where: Place) -> None:
    where.sink.refusal = StorageError(ErrorCode.VOLUME_FULL, "full")
    studio = Studio(where)
    studio.take(3)
    await studio.end()
    assert studio.recording.error is where.sink.refusal
    assert await studio.numbers() == []
    assert await studio.covered()


async def test_no_room_for_the_next_file(where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "SEGMENT_US", 2 * S)
    studio = Studio(where)
    studio.take(12)
    where.sink.refusal = StorageError(ErrorCode.VOLUME_FULL, "full")
    studio.take(30)
    assert studio.recording.ended.is_set()
    end_us = await studio.end(GapReason.STORAGE_FULL)
    ((*_, last),) = (await studio.numbers())[-1:]
    assert end_us == T0 + (last + 2) * S // FPS
    assert await studio.covered()


async def test_a_disk_that_cannot_follow(tmp_path: Path) -> None:
    """The run ends where the last fragment was taken, and all that was taken is written."""
    gate = threading.Event()
    async with place(tmp_path, max_backlog_bytes=50_000) as where:
        studio = Studio(where, size=4000)
        where.index.post(lambda _: gate.wait(60))
        studio.take(30)
        assert studio.recording.ended.is_set()
        assert isinstance(studio.recording.error, StorageError)
        assert studio.recording.error.code is ErrorCode.STORAGE_STALLED
        gate.set()
        end_us = await studio.end(GapReason.STORAGE_STALLED)
        assert await studio.numbers() == [list(range(10))]
        assert end_us == T0 + 11 * S // FPS
        assert await studio.covered()


async def test_what_a_full_disk_did_not_take_is_a_gap(tmp_path: Path) -> None:
    """Fragments that were queued when the disk refused are in no file, so they are in a gap (invariant 4)."""
    gate = threading.Event()
    (tmp_path / "volume").mkdir()
    with small_disk(tmp_path / "volume") as code:
        async with place(tmp_path) as where:
            studio = Studio(where, size=ROOM // 16)
            where.index.post(lambda _: gate.wait(60))
            studio.take(40)
            gate.set()
            await where.settle()
            assert len(where.failed) == 1
            studio.take(5)
            assert studio.recording.ended.is_set()
            assert isinstance(studio.recording.error, StorageError)
            assert studio.recording.error.code is code
            end_us = await studio.end(GapReason.STORAGE_FULL)
            (segment,) = await where.segments(CAMERA)
            ((begin, end, reason, _),) = where.sink.account(CAMERA).lost
            assert (begin, end) == (segment.end_us, end_us)
            assert reason in (GapReason.STORAGE_FULL, GapReason.STORAGE_FAILED)
            assert end - begin >= 3 * S
            assert await studio.covered()


async def test_an_unexpected_fault_ends_the_session_and_nothing_else(
    where: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    studio = Studio(where)
    studio.take(7)
    fault = ValueError("broken")

    def fail(_: object) -> None:
        raise fault

    assert studio.recording._run is not None
    monkeypatch.setattr(studio.recording._run, "push", fail)
    studio.take(1)
    assert studio.recording.error is fault
    assert "Recording camera entrance failed" in caplog.text
    await studio.end(GapReason.CONNECTION_LOST)
    assert await studio.covered()
