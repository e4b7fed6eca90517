"""A disk that hangs while files are unlinked holds up nothing else, and nobody is told sooner that they are gone."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import ExportState, HoldRequest, LedgerKind, VolumeConfig, VolumeState
from recorder_core.service import deletion, volume_look
from recorder_core.service.archive import ServiceArchive
from recorder_core.service.disk_calls import LIMIT_S, DiskCalls
from recorder_core.storage.garbage import unlink_files
from recorder_core.storage.hold_files import HOLDS_FOLDER
from recorder_core.storage.volumes import open_volume
from tests.core.storage_writer.disks import hanging_disk

from .clocks import SteppedClock
from .delivering import exported
from .shelves import DAY_S, files, library

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.storage.garbage_rows import GarbageFile

    from .shelves import Library

_SOON_S = 0.05


def _asking(disk: Path) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"asking {disk}"]


def _waits(one: Library, disk: Path, limit_s: float) -> None:
    one.recorder._volumes._looks._disks[str(disk)]._limit_s = limit_s


async def _in_state(one: Library, state: VolumeState) -> None:
    async with asyncio.timeout(60):
        while one.recorder.status().volumes[0].state is not state:
            one.recorder._volumes.look_soon()
            await one.recorder._index.ask(lambda _: None)


async def _two_disks(one: Library, data: Path, hang: Callable[[bool], None]) -> None:
    """Lay old footage on `a`, which hangs then, and on `b`."""
    await one.use(data / "a", data / "b")
    for camera_id in ("lobby", "hall"):
        await one.camera(camera_id, retention_days=1)
    one.lay("lobby", ago_s=3 * DAY_S, times=3)
    one.lay("hall", ago_s=3 * DAY_S, times=2, volume=1)
    _waits(one, data / "a", _SOON_S)
    hang(True)


async def _answers(one: Library, data: Path, hang: Callable[[bool], None]) -> None:
    """Have `a` answer what it was asked."""
    waiting = _asking(data / "a")
    _waits(one, data / "a", LIMIT_S)
    hang(False)
    for thread in waiting:
        await asyncio.to_thread(thread.join)


async def test_what_was_given_up_on_other_disks_is_unlinked_while_one_hangs(data: Path) -> None:
    (data / "a").mkdir()
    with hanging_disk(data / "a") as hang:
        async with library(data) as one:
            await _two_disks(one, data, hang)
            await one.sweep()
            assert files(data / "b") == 0
            assert [each.erased_us for each in await one.certificates("hall")] == [one.clock.now_us()]
            assert [each.erased_us for each in await one.certificates()] == [None]
            await _in_state(one, VolumeState.MISSING)
            [asking] = _asking(data / "a")
            status = await one.client.status()
            assert status.volumes[0].problem is not None
            assert (status.volumes[0].problem.code, status.failing) == (ErrorCode.STORAGE_STALLED, [])
            told = [event.data for event in await one.events("volume_state")]
            assert {"path": str(data / "a"), "state": "missing", "problem": "storage_stalled"} in told
            one.lay("hall", ago_s=2 * DAY_S, volume=1)
            one.clock.pass_by(DAY_S)
            await one.sweep()
            assert files(data / "b") == 0
            assert _asking(data / "a") == [asking]  # nothing more was asked of it
            await _answers(one, data, hang)
            assert [each.erased_us for each in await one.certificates()] == [None]  # one may be gone, not all
            await _in_state(one, VolumeState.OK)
            await one.sweep()
            assert files(data / "a") == 0
            assert [each.erased_us for each in await one.certificates()] == [one.clock.now_us()]
            assert one.index.pending_bytes(one.volume().volume_id) == 0
            ledger = (await one.client.ledger()).entries
            assert len([entry for entry in ledger if entry.kind is LedgerKind.ERASED]) == 3
            assert len(await one.events("footage_deleted")) == 3


async def test_a_recorder_stops_and_starts_while_a_disk_hangs_that_is_to_let_go_of_files(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock()
    (data / "a").mkdir()
    with hanging_disk(data / "a") as hang:
        async with library(data, clock) as one:
            await _two_disks(one, data, hang)
            await one.sweep()
        assert len(_asking(data / "a")) == 1
        with monkeypatch.context() as patch:
            patch.setattr(
                volume_look, "DiskCalls", lambda path: DiskCalls(path, _SOON_S if path == str(data / "a") else LIMIT_S)
            )
            async with library(data, clock) as one:
                assert one.recorder.status().volumes[0].state is VolumeState.MISSING
                assert one.recorder.status().volumes[1].state is VolumeState.OK
                await one.sweep()
                assert [each.erased_us for each in await one.certificates()] == [None]
                await _answers(one, data, hang)
                await _in_state(one, VolumeState.OK)
                await one.sweep()
                assert files(data / "a") == 0
                assert [each.erased_us for each in await one.certificates()] == [clock.now_us()]


async def test_a_hold_is_placed_while_a_disk_hangs_and_kept_there_when_it_answers(data: Path) -> None:
    (data / "a").mkdir()
    with hanging_disk(data / "a") as hang:
        async with library(data) as one:
            await _two_disks(one, data, hang)
            start_us = one.clock.now_us() - 4 * DAY_S * 1_000_000
            placed = await one.client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=start_us))
            name = f"{placed.hold.hold_id}.json"
            assert [path.name for path in (data / "b" / HOLDS_FOLDER).iterdir()] == [name]
            await one.sweep()
            assert len(one.stored()) == 3
            await _answers(one, data, hang)
            await _in_state(one, VolumeState.OK)
            await one.sweep()
            assert [path.name for path in (data / "a" / HOLDS_FOLDER).iterdir()] == [name]


async def test_exports_on_other_disks_go_while_one_hangs(data: Path) -> None:
    (data / "a").mkdir()
    with hanging_disk(data / "a") as hang:
        async with library(data) as one:
            await one.camera()
            made = []
            for paths in ([data / "b"], [data / "a", data / "b"]):
                await one.use(*paths)
                made.append(exported(one))
            removal = one.recorder.exporting._removal
            await removal.look()
            archive = removal._archive
            assert isinstance(archive, ServiceArchive)
            archive._disks[data / "a"]._limit_s = _SOON_S
            hang(True)
            for job in reversed(made):
                assert (await one.recorder.exporting.remove(job.export_id, "u1")).state is ExportState.REMOVED
            await removal.look()
            on_b, on_a = (Path(job.files[0].path).parent for job in made)
            assert not on_b.exists()
            assert [each.erased_us for each in await one.certificates()] == [None, one.clock.now_us()]
            [asking] = _asking(data / "a")
            archive._disks[data / "a"]._limit_s = LIMIT_S
            hang(False)
            await asyncio.to_thread(asking.join)
            await removal.look()
            assert not on_a.exists()
            assert [each.erased_us for each in await one.certificates()] == [one.clock.now_us()] * 2
            with pytest.raises(StorageError) as caught:  # what a call says itself comes through
                await archive.on_disk(data / "c", open_volume, VolumeConfig(path=str(data / "c")), one.clock)
            assert caught.value.code is ErrorCode.VOLUME_MISSING


async def test_a_disk_is_asked_for_little_at_a_time(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the looks at it need not wait, and much to unlink is not taken for a disk that hangs."""
    monkeypatch.setattr(deletion, "_AT_ONCE_US", 0)
    async with library(data) as one:
        await one.camera(retention_days=1)
        await one.use(data / "a")
        one.lay(ago_s=3 * DAY_S, times=4)
        at_once = []

        def counted(*args: Any) -> list[GarbageFile]:  # noqa: ANN401  passed on as they came
            gone = unlink_files(*args)
            at_once.append(len(gone))
            return gone

        monkeypatch.setattr(deletion, "unlink_files", counted)
        await one.sweep()
        assert at_once == [1, 1, 1, 1]
        assert files(data / "a") == 0
        assert [each.erased_us for each in await one.certificates()] == [one.clock.now_us()]
