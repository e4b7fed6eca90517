"""A damaged index is put back from its copy, and what the copy does not know is read from the files (invariant 7)."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import Duty
from recorder_core.service.duties import Duties
from recorder_core.service.index_backups import EVERY_S, keep_backups
from recorder_core.service.read_in import BEHIND, unread_note
from recorder_core.service.startup import INDEX, UNREAD_HOLDS, open_index
from recorder_core.storage.index_backup import back_up, backup_path, newest_copy, put_back
from tests.core.storage.store import T0, S, Store

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.service.events import EventLog


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def _damage(path: Path) -> None:
    """Overwrite all but the first page, as a failing disk would."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * (size - 4096))


def _index(folder: Path, store: Store) -> Path:
    """Close the store's index and put it where a start looks for it."""
    store.index.close()
    return store.index.path.rename(folder / INDEX)


def test_a_copy_is_whole_private_and_the_one_before_is_kept(store: Store) -> None:
    index = store.index.path
    run = store.run()
    store.record(run, T0)
    back_up(index)
    store.record(run, T0 + 3 * S)
    back_up(index)
    store.index.close()
    counts = []
    for generation in (1, 2):
        copy = backup_path(index, generation)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        index.unlink()
        copy.rename(backup_path(index, 1))
        assert newest_copy(index) == backup_path(index, 1)
        put_back(backup_path(index, 1), index)
        store.open_index()
        counts.append(store.index.footage("entrance").segments)
        store.index.close()
    assert counts == [2, 1]


def test_a_damaged_index_takes_no_whole_copys_place(store: Store) -> None:
    index = store.index.path
    for number in range(200):
        store.index.put_camera(f"camera-{number}", "x" * 100)
    back_up(index)
    whole = backup_path(index, 1).read_bytes()
    store.index.close()
    _damage(index)
    with pytest.raises(StorageError) as raised:
        back_up(index)
    assert raised.value.code in (ErrorCode.INDEX_DAMAGED, ErrorCode.STORAGE_FAILED)
    assert backup_path(index, 1).read_bytes() == whole


def test_the_newest_copy_that_is_whole_is_put_back(store: Store, tmp_path: Path) -> None:
    for number in range(200):
        store.index.put_camera(f"camera-{number}", "x" * 100)
    index = _index(tmp_path, store)
    back_up(index)
    back_up(index)
    _damage(backup_path(index, 1))
    _damage(index)
    (tmp_path / f"{INDEX}.suspect").touch()
    with open_index(tmp_path, store.clock) as found:
        assert len(found.cameras()) == 200
        assert unread_note(tmp_path, store.volume_id).read_bytes() == BEHIND
    assert not (tmp_path / "index-behind").exists()
    assert list(tmp_path.glob(f"{INDEX}.damaged-*"))


def test_without_a_whole_copy_the_index_is_built_anew(store: Store, tmp_path: Path) -> None:
    index = _index(tmp_path, store)
    index.write_bytes(b"no database")
    backup_path(index, 1).write_bytes(b"nor this")
    with open_index(tmp_path, store.clock) as found:
        assert not found.cameras()
    assert [path.name for path in tmp_path.glob("unread-*")] == [UNREAD_HOLDS]


class _Hours:
    """A clock that stands on the files' own times, and on which somebody waits for each sleep."""

    def __init__(self, now_us: int) -> None:
        self.wall_us = now_us
        self.slept: asyncio.Queue[float] = asyncio.Queue()
        self.wake = asyncio.Event()

    def now_us(self) -> int:
        return self.wall_us

    def monotonic_us(self) -> int:
        return self.wall_us

    async def sleep(self, seconds: float) -> None:
        await self.slept.put(seconds)
        await self.wake.wait()
        self.wake.clear()


async def test_a_copy_is_made_when_the_last_one_is_an_hour_old(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    index = store.index.path
    back_up(index)
    made_us = 1_700_000_000 * S
    os.utime(backup_path(index, 1), ns=(made_us * 1000, made_us * 1000))
    clock = _Hours(made_us + 600 * S)
    kinds: list[str] = []
    events = cast("EventLog", SimpleNamespace(note=lambda kind, **_: kinds.append(kind)))
    duties = Duties(events, lambda: None)
    keeping = asyncio.create_task(keep_backups(index, clock, duties))
    assert await clock.slept.get() == pytest.approx(EVERY_S - 600)
    clock.wake.set()
    assert await clock.slept.get() == EVERY_S  # the new one's time is the system's, which is ahead of this clock
    assert backup_path(index, 2).exists()
    store.index.close()  # else all of it would still stand in the log
    index.write_bytes(b"no database")
    clock.wake.set()
    with caplog.at_level(logging.ERROR):
        assert await clock.slept.get() == EVERY_S
    assert "index_backup: The index" in caplog.text
    assert (duties.failing, kinds) == ([Duty.INDEX_BACKUP], ["duty_failed"])
    keeping.cancel()
    await asyncio.wait({keeping})


def test_a_copy_that_the_disk_refuses_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as raised:
        back_up(tmp_path / "gone" / "index")
    assert raised.value.code is ErrorCode.VOLUME_MISSING
