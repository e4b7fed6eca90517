"""A damaged index comes back on a full disk, too: nothing is lost for want of room, and what must wait is said."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.service.read_in import BEHIND, unread_note
from recorder_core.service.startup import INDEX, UNREAD_HOLDS, open_index
from recorder_core.storage.index_backup import back_up, backup_path, newest_copy
from tests.core.storage.store import Store
from tests.core.storage_writer.disks import file_size_limit, mounted_disk

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_CAMERAS = 40
_LEFT = 512 << 10
"""Less than the index has, and more than it needs to be opened."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose index has more than a MiB."""
    store = Store(tmp_path)
    for number in range(_CAMERAS):
        store.index.put_camera(f"camera-{number}", "x" * 40_000)
    store.index.close()
    return store


@pytest.fixture
def full(tmp_path: Path, store: Store) -> Generator[ExitStack]:
    """A data folder on a small disk of its own with that index and a copy of it; the stack makes the disk full."""
    folder = tmp_path / "data"
    folder.mkdir()
    with mounted_disk(folder, 8 << 20) as is_mounted, ExitStack() as stack:
        shutil.copy(store.index.path, folder / INDEX)
        back_up(folder / INDEX)
        if is_mounted:
            room = os.statvfs(folder)
            (folder / "other").write_bytes(bytes(room.f_bavail * room.f_frsize - _LEFT))
        else:
            stack.enter_context(file_size_limit(_LEFT))
        yield stack


def _damage(index: Path) -> None:
    with index.open("r+b") as file:
        file.write(b"\x5a" * 100)


@pytest.mark.usefixtures("full")
def test_without_room_for_another_copy_the_copy_itself_becomes_the_index(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    _damage(folder / INDEX)
    for _ in range(2):  # a start changes nothing about it
        with open_index(folder, store.clock) as index:
            assert len(index.cameras()) == _CAMERAS
    assert caplog.text.count("There is no room to copy index.sqlite.backup-1: it becomes the index itself") == 1
    assert unread_note(folder, store.volume_id).read_bytes() == BEHIND
    assert (folder / UNREAD_HOLDS).exists()
    assert [path.stat().st_size for path in folder.glob(f"{INDEX}.damaged-*")] == [store.index.path.stat().st_size]
    assert not (folder / f"{INDEX}.restored").exists()


def test_without_any_room_the_start_says_so_and_a_later_one_goes_on(
    tmp_path: Path, store: Store, full: ExitStack
) -> None:
    folder = tmp_path / "data"
    _damage(folder / INDEX)
    if (folder / "other").exists():
        with (folder / "other").open("ab") as file:
            file.write(bytes(_LEFT))
    else:
        full.enter_context(file_size_limit(0))
    for _ in range(2):
        with pytest.raises(StorageError) as caught:
            open_index(folder, store.clock)
        assert caught.value.code in (ErrorCode.VOLUME_FULL, ErrorCode.STORAGE_FAILED)
    full.close()
    (folder / "other").unlink(missing_ok=True)
    with open_index(folder, store.clock) as index:
        assert len(index.cameras()) == _CAMERAS
    assert newest_copy(folder / INDEX) == backup_path(folder / INDEX, 1)


@pytest.mark.usefixtures("full")
def test_a_copy_for_which_there_is_no_room_leaves_none_of_it_and_those_before(tmp_path: Path) -> None:
    """Half a copy would keep the disk full."""
    index = tmp_path / "data" / INDEX
    with pytest.raises(StorageError) as caught:
        back_up(index)
    assert caught.value.code in (ErrorCode.VOLUME_FULL, ErrorCode.STORAGE_FAILED)
    assert newest_copy(index) == backup_path(index, 1)
    assert [path.name for path in sorted(index.parent.glob(f"{INDEX}.backup-*"))] == [f"{INDEX}.backup-1"]
