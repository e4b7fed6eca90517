"""Volumes take footage while they have room, and say why when they do not."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.models import VolumeConfig, VolumeState
from recorder_core.service.volume_slot import Slot, find_shortage
from recorder_core.service.volumes import Volumes
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.index import Index
from recorder_core.storage.volumes import MARKER, Room, Shortage

from .watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "used", "pending", "min_free", "max_bytes", "before", "short"),
    [
        (10 * GIB, 0, 0, None, None, VolumeState.OK, None),
        (10 * GIB, 900 * GIB, 0, None, None, VolumeState.OK, None),
        (63 * MIB, 0, 0, None, None, VolumeState.OK, Shortage.DISK),
        (63 * MIB, 0, MIB, None, None, VolumeState.OK, None),
        (65 * MIB, 0, 0, None, None, VolumeState.FULL, Shortage.DISK),
        (321 * MIB, 0, 0, None, None, VolumeState.FULL, None),
        (GIB, 0, 0, GIB, None, VolumeState.OK, Shortage.MIN_FREE),
        (GIB + 65 * MIB, 0, 0, GIB, None, VolumeState.OK, None),
        (GIB + 65 * MIB, 0, 0, GIB, None, VolumeState.FULL, Shortage.MIN_FREE),
        (10 * GIB, 10 * GIB, 0, None, 10 * GIB, VolumeState.OK, Shortage.MAX_BYTES),
        (10 * GIB, 9 * GIB, 0, None, 10 * GIB, VolumeState.OK, None),
        (10 * GIB, 10 * GIB - 100 * MIB, 0, None, 10 * GIB, VolumeState.FULL, Shortage.MAX_BYTES),
        (10 * GIB, 0, 0, None, 10 * MIB, VolumeState.FULL, None),
    ],
)
def test_room_is_left_and_does_not_flicker(
    free: int,
    used: int,
    pending: int,
    min_free: int | None,
    max_bytes: int | None,
    before: VolumeState,
    short: Shortage | None,
) -> None:
    room = Room(100 * GIB, free, used, pending, min_free, max_bytes)
    assert find_shortage(room, before) is short


@pytest.mark.parametrize(
    ("free", "before", "short"),
    [
        (19 * MIB, VolumeState.OK, Shortage.DISK),
        (21 * MIB, VolumeState.OK, None),
        (39 * MIB, VolumeState.FULL, Shortage.DISK),
        (41 * MIB, VolumeState.FULL, None),
    ],
)
def test_a_small_disk_goes_on_when_it_has_room_again(free: int, before: VolumeState, short: Shortage | None) -> None:
    assert find_shortage(Room(200 * MIB, free, 0, 0, None, None), before) is short


async def test_the_roomiest_volume_is_chosen_and_kept(data: Path) -> None:
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a")), VolumeConfig(path=str(data / "b")))
    first, second = watched.volumes._slots
    assert first.room is not None
    assert second.room is not None
    first.room = Room(1, 10, 0, 0, None, None)
    second.room = Room(1, 20, 0, 0, None, None)
    assert watched.volumes.writer("lobby") is second.writer
    second.room = Room(1, 5, 0, 0, None, None)
    assert watched.volumes.writer("lobby") is second.writer
    assert watched.volumes.writer("hall") is first.writer
    second.state = VolumeState.FULL
    assert watched.volumes.writer("lobby") is first.writer
    await watched.close()


async def test_a_folder_in_a_containers_own_layer_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = data / "mountinfo"
    table.write_text(f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {data} rw - overlay overlay rw\n")
    monkeypatch.setattr("recorder_core.service.volumes.check_folder", partial(check_folder, mountinfo=table))
    watched = Watched(data)
    with pytest.raises(StorageError) as caught:
        await watched.use(VolumeConfig(path=str(data / "a")))
    assert caught.value.code is ErrorCode.VOLUME_OVERLAY
    assert not (data / "a").exists()
    table.write_text(table.read_text().replace("- overlay overlay", "- nfs4 server:/"))
    await watched.use(VolumeConfig(path=str(data / "a")))
    await watched.close()


async def test_one_volume_is_not_used_twice(data: Path) -> None:
    (data / "link").symlink_to(data / "a")
    watched = Watched(data)
    for other in ("a/", "link", "./a"):
        with pytest.raises(RequestError, match="one volume"):
            await watched.use(VolumeConfig(path=str(data / "a")), VolumeConfig(path=f"{data}/{other}"))
    assert watched.volumes.handles() == []
    await watched.close()


async def test_a_volume_that_goes_is_not_looked_at_any_more(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that began before the settings changed must not leave a writer behind."""
    looks: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a")), VolumeConfig(path=str(data / "b")))
    look = Volumes._look

    async def slow(self: Volumes, slot: Slot) -> None:
        looks.append(Path(slot.config.path).name)
        begun.set()
        await go_on.wait()
        await look(self, slot)

    monkeypatch.setattr(Volumes, "_look", slow)
    await watched.volumes.start_watching()
    watched.volumes._slots[0].look_soon.set()
    await begun.wait()
    opening = asyncio.create_task(watched.volumes.open([VolumeConfig(path=str(data / "a"))]))
    go_on.set()
    await opening
    old = looks.copy()
    await watched.volumes.start()
    assert (old, looks) == (["a"], ["a", "a"])
    await watched.close()


async def test_without_a_usable_volume_the_first_ones_trouble_is_told(data: Path) -> None:
    watched = Watched(data)
    with pytest.raises(StorageError, match="No volume has been set up"):
        watched.volumes.writer("lobby")
    with pytest.raises(StorageError, match="No volume has been set up"):
        watched.volumes.check_room(1)
    await watched.use(VolumeConfig(path=str(data / "a"), max_bytes=10))
    watched.volumes._slots[0].state = VolumeState.MISSING
    with pytest.raises(StorageError, match="not ready"):
        watched.volumes.writer("lobby")
    await watched.close()


async def test_a_volume_that_goes_away_is_noticed_and_not_written_to(data: Path) -> None:
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a")))
    [handle] = watched.volumes.handles()
    assert watched.volumes.path(handle.volume.volume_id) == data / "a"
    (data / "a" / MARKER).unlink()
    await watched.volumes._look(watched.volumes._slots[0])
    assert watched.changes == [(VolumeState.MISSING, VolumeState.OK), (VolumeState.OK, VolumeState.MISSING)]
    with pytest.raises(StorageError) as caught:
        watched.volumes.writer("lobby")
    assert caught.value.code is ErrorCode.VOLUME_MISSING
    assert watched.volumes.roots() == []
    await watched.close()


async def test_footage_of_an_unknown_volume_cannot_be_found(data: Path) -> None:
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a")))
    with pytest.raises(StorageError) as caught:
        watched.volumes.path("0" * 32)
    assert caught.value.code is ErrorCode.VOLUME_MISSING
    await watched.close()


async def test_exports_are_let_in_while_footage_is_not(data: Path) -> None:
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a"), min_free_bytes=1 << 60))
    assert watched.volumes.statuses()[0].state is VolumeState.FULL
    with pytest.raises(StorageError) as caught:
        watched.volumes.writer("lobby")
    assert caught.value.code is ErrorCode.VOLUME_FULL
    assert watched.volumes.roots() == [data / "a"]
    most = watched.volumes.statuses()[0].free_bytes - (64 << 20)  # the rest is for files that are being written
    watched.volumes.check_room(most)
    for size in (most + 1, 1 << 60):
        with pytest.raises(StorageError) as caught:
            watched.volumes.check_room(size)
        assert caught.value.code is ErrorCode.VOLUME_FULL
    await watched.close()


async def test_a_look_that_fails_is_logged_and_done_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a")))
    monkeypatch.setattr(Volumes, "_look", lambda *_: 1 // 0)
    await watched.volumes.start_watching()
    watched.volumes.look_soon()
    while "ZeroDivisionError" not in caplog.text:
        await watched.beat()
    monkeypatch.undo()
    (data / "a" / MARKER).unlink()
    watched.volumes.look_soon()
    await watched.sees(VolumeState.MISSING, 0)
    await watched.close()


async def test_what_the_index_refuses_is_logged(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(data)
    watched.index.post(Index.end_run, "no such run", 5, "x")
    watched.index.post(Index.close_gap, 5, 5)
    watched.index.post(lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await watched.index.ask(lambda _: 1 // 0)
    assert caplog.text.count("The index refused an entry") == 1
    await watched.close()


def _notes(folder: Path) -> list[Path]:
    return list(folder.glob("unread-*"))


async def test_footage_that_cannot_be_read_in_is_tried_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The volume takes footage all the same; what failed is done again, by the next start if not before."""
    watched = Watched(data)
    config = VolumeConfig(path=str(data / "a"))
    await watched.volumes.check_new([config])
    (data / "a" / "cameras").mkdir()
    refusals: list[Exception] = [
        StorageError(ErrorCode.VOLUME_FULL, "The disk that holds the index is full."),
        OSError(errno.EIO, "Input/output error"),
    ]

    def refuse(*_: object, **_options: object) -> None:
        raise refusals.pop(0)

    monkeypatch.setattr("recorder_core.service.read_in.rebuild", refuse)
    await watched.use(config)
    await watched.volumes.start_watching()
    assert watched.volumes.obstacle() is None
    reading = watched.volumes._slots[0].reading
    assert reading is not None
    for left in (1, 0):
        while len(refusals) > left:
            await watched.index.ask(Index.last_event)
        if left:
            reading._wake.set()  # once, or it would be done again after the last of them
    assert len(_notes(data)) == 1
    assert watched.volumes.statuses()[0].unread
    monkeypatch.undo()
    await watched.use(config)
    async with asyncio.timeout(60):
        await watched.read_in.wait()
    assert "The disk that holds the index is full." in caplog.text
    assert "0 segments" in caplog.text
    assert _notes(data) == []
    assert [told.unread for told in (watched.told[-1], *watched.volumes.statuses())] == [False, False]
    await watched.close()


async def test_reading_in_is_broken_off_when_the_recorder_stops(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start goes on; until then what is not read yet counts as used."""
    watched = Watched(data)
    config = VolumeConfig(path=str(data / "a"))
    await watched.volumes.check_new([config])
    (data / "a" / "cameras").mkdir()
    begun = threading.Event()

    def endless(_index: Index, _volumes: object, progress: Callable[[int, int], None], **_options: object) -> None:
        while True:
            progress(100, 5 * GIB)
            begun.set()

    monkeypatch.setattr("recorder_core.service.read_in.rebuild", endless)
    await watched.use(config)
    await watched.volumes.start_watching()
    await asyncio.to_thread(begun.wait)
    await watched.volumes._look(watched.volumes._slots[0])
    assert watched.volumes.statuses()[0].used_bytes == 5 * GIB - 100
    await watched.close()
    assert len(_notes(data)) == 1
    assert not watched.read_in.is_set()


def _mount(*words: str | Path) -> bool:
    return subprocess.run([shutil.which("mount") or "mount", *words], check=False, capture_output=True).returncode == 0


@pytest.fixture
def lock(data: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[[bool], object]]:
    """Give what makes `data/a` read-only and writable again: a mount, a mode, or an answer where root may not mount."""
    folder = data / "a"
    folder.mkdir()
    if os.geteuid() != 0:
        yield lambda on: folder.chmod(0o500 if on else 0o700)
    elif _mount("--bind", folder, folder):
        yield lambda on: _mount("-o", f"remount,bind,{'ro' if on else 'rw'}", folder)
        subprocess.run([shutil.which("umount") or "umount", "--lazy", folder], check=True)
    else:
        yield lambda on: monkeypatch.setattr(os, "access", lambda *_: not on)


async def test_a_volume_that_becomes_read_only_takes_nothing_until_it_is_writable(
    data: Path, lock: Callable[[bool], object]
) -> None:
    """As filesystems do by themselves after a fault of the disk; what lies there can still be read."""
    watched = Watched(data)
    await watched.use(VolumeConfig(path=str(data / "a")))
    assert watched.volumes.obstacle() is None
    lock(True)
    await watched.volumes._look(watched.volumes._slots[0])
    obstacle = watched.volumes.obstacle()
    assert obstacle is not None
    assert obstacle.code is ErrorCode.VOLUME_READ_ONLY
    assert watched.volumes.statuses()[0].state is VolumeState.READ_ONLY
    [handle] = watched.volumes.handles()
    assert watched.volumes.path(handle.volume.volume_id) == data / "a"
    lock(False)
    await watched.volumes._look(watched.volumes._slots[0])
    assert watched.volumes.obstacle() is None
    await watched.close()
