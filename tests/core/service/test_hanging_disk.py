"""A disk that does not answer is told of, costs one thread, and holds up nothing that another disk does."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import VolumeConfig, VolumeState
from recorder_core.service import volumes
from recorder_core.service.disk_calls import LIMIT_S, DiskCalls
from recorder_core.service.volume_look import VolumeLooks
from recorder_core.storage.ids import segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.records import OpenFile, Run
from recorder_core.storage.volumes import MARKER
from tests.core.storage.store import FORMAT, T0
from tests.core.storage_writer.disks import hanging_disk

from .watched import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from recorder_core.service.volume_slot import Slot


@asynccontextmanager
async def _two_disks(data: Path) -> AsyncGenerator[tuple[Watched, Callable[[bool], None]]]:
    """Give volumes on `data/a`, which can be made to hang, and on `data/b`, that are looked at."""
    (data / "a").mkdir()
    with hanging_disk(data / "a") as hang:
        watched = Watched(data)
        await watched.use(VolumeConfig(path=str(data / "a")), VolumeConfig(path=str(data / "b")))
        await watched.volumes.start_watching()
        yield watched, hang
        await watched.close()


def _asking(disk: Path) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"asking {disk}"]


async def test_other_disks_are_looked_at_while_one_hangs(data: Path) -> None:
    async with _two_disks(data) as (watched, hang):
        hang(True)
        watched.volumes.look_soon()
        marker = (data / "b" / MARKER).rename(data / "marker")
        for state in (VolumeState.MISSING, VolumeState.OK):
            watched.volumes.look_soon()
            await watched.sees(state, 1)
            if state is VolumeState.MISSING:
                marker.rename(data / "b" / MARKER)
        async with asyncio.timeout(60):
            while not _asking(data / "a"):
                await watched.beat()
        assert watched.volumes.statuses()[0].state is VolumeState.OK  # nobody knows better yet
        hang(False)


async def test_a_disk_that_hangs_is_told_of_and_taken_up_when_it_answers(data: Path) -> None:
    """However often it is looked at meanwhile, there is one call that waits for it."""
    async with _two_disks(data) as (watched, hang):
        disk = watched.volumes._looks._disks[str(data / "a")]
        disk._limit_s = 0.05
        hang(True)
        watched.volumes.look_soon()
        await watched.sees(VolumeState.MISSING, 0)
        [first, second] = watched.volumes.statuses()
        assert first.problem is not None
        assert (first.problem.code, second.problem) == (ErrorCode.STORAGE_STALLED, None)
        for _ in range(3):
            await watched.look()
        assert [volume.path for volume, _, _ in await watched.volumes.rooms()] == [data / "b"]
        assert watched.volumes.writer("lobby").volume.path == data / "b"
        [asking] = _asking(data / "a")
        disk._limit_s = LIMIT_S
        hang(False)
        await asyncio.to_thread(asking.join)
        watched.volumes.look_soon()
        await watched.sees(VolumeState.OK, 0)
        turns = [change for change in watched.changes if change[0] is not change[1]]
        assert turns[2:] == [(VolumeState.OK, VolumeState.MISSING), (VolumeState.MISSING, VolumeState.OK)]


async def test_a_disk_that_hangs_can_be_given_up(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording goes on elsewhere; two writers never work on one volume, so it is taken up when the first has ended."""
    (data / "a").mkdir()
    with hanging_disk(data / "a") as hang:
        watched = Watched(data)
        await watched.use(VolumeConfig(path=str(data / "a")))
        writer = watched.volumes.writer("lobby")
        hang(True)
        await watched.index.ask(Index.put_camera, "lobby", "Lobby")
        await watched.index.ask(Index.begin_run, Run("run-1", "lobby", T0, "rtsp", "h264", 256, 144))
        path = segment_path("lobby", T0, 1)
        writer.open(OpenFile(1, "lobby", "run-1", writer.volume.volume_id, path, T0), FORMAT)
        with monkeypatch.context() as patch:
            patch.setattr(volumes, "LIMIT_S", 0.05)
            await watched.use(VolumeConfig(path=str(data / "b")))
        assert watched.volumes.writer("lobby").volume.path == data / "b"
        watched.volumes._looks._disks[str(data / "a")]._limit_s = 0.05
        await watched.volumes.open([VolumeConfig(path=str(data / "a"))])
        await watched.volumes.start()
        obstacle = watched.volumes.obstacle()
        assert obstacle is not None
        assert obstacle.code is ErrorCode.STORAGE_STALLED
        watched.volumes._looks._disks[str(data / "a")]._limit_s = LIMIT_S
        hang(False)
        await asyncio.wait(watched.volumes._looks._closing.values())
        await watched.look()
        assert watched.volumes.obstacle() is None
        assert await watched.index.ask(Index.open_files) == []  # the file that it left open is seen to
        await watched.close()


async def test_room_is_asked_for_no_longer_than_a_disk_may_take(data: Path) -> None:
    """A sweep begins with it: on the other disks the oldest has to go in time."""
    async with _two_disks(data) as (watched, _):
        gone = threading.Event()
        disk = watched.volumes._looks._disks[str(data / "a")]
        disk._limit_s = 0.05
        with pytest.raises(StorageError):
            await disk.do(gone.wait)
        assert [volume.path for volume, _, _ in await watched.volumes.rooms()] == [data / "b"]
        gone.set()


async def test_what_a_call_returns_or_raises_comes_back() -> None:
    disk = DiskCalls("/disk")
    assert await disk.do(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await disk.do(divmod, 7, 0)


async def test_a_call_that_goes_on_is_waited_for_and_one_that_stands_still_is_not() -> None:
    steps, enough = count(), threading.Event()

    def progress() -> int:
        if (step := next(steps)) == 5:
            enough.set()
        return step

    assert await DiskCalls("/disk", 0.0, progress).do(enough.wait)
    gone = threading.Event()
    with pytest.raises(StorageError) as caught:
        await DiskCalls("/disk", 0.0, lambda: min(next(steps), 10)).do(gone.wait)
    assert caught.value.code is ErrorCode.STORAGE_STALLED
    gone.set()


async def test_a_disk_that_is_busy_is_waited_for() -> None:
    disk = DiskCalls("/disk")
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        begun.set()
        assert go_on.wait(60)
        done.append("first")

    async with asyncio.TaskGroup() as group:
        group.create_task(disk.do(work))
        await asyncio.to_thread(begun.wait)
        group.create_task(disk.do(done.append, "second"))
        await asyncio.sleep(0)  # it asks, and has its turn later
        go_on.set()
    assert done == ["first", "second"]


async def test_whoever_gives_up_waiting_leaves_the_disk_as_busy_as_it_is() -> None:
    disk = DiskCalls("/disk")
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go_on.wait()

    asking = asyncio.create_task(disk.do(hang))
    await asyncio.to_thread(begun.wait)
    asking.cancel()
    await asyncio.wait({asking})
    with pytest.raises(StorageError) as caught:
        await disk.do(go_on.is_set)
    assert caught.value.code is ErrorCode.STORAGE_STALLED
    [thread] = _asking(Path("/disk"))
    go_on.set()
    await asyncio.to_thread(thread.join)
    assert await disk.do(go_on.is_set)


async def test_a_start_that_fails_at_one_volume_has_looked_at_all(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes on behind the back of whoever is told of the failure."""
    watched = Watched(data)
    configs = [VolumeConfig(path=str(data / name)) for name in ("a", "b")]
    await watched.volumes.check_new(configs)
    await watched.volumes.open(configs)
    look = VolumeLooks.look

    async def fail_at_first(self: VolumeLooks, slot: Slot) -> None:
        if slot.config is configs[0]:
            raise ZeroDivisionError
        await look(self, slot)

    monkeypatch.setattr(VolumeLooks, "look", fail_at_first)
    with pytest.raises(ZeroDivisionError):
        await watched.volumes.start()
    assert [volume.state for volume in watched.volumes.statuses()] == [VolumeState.MISSING, VolumeState.OK]
    await watched.close()
