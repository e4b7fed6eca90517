"""Holds as files on a volume: whole, private, read back, and never mistaken."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import Hold, HoldKind, HoldState
from recorder_core.storage.hold_files import HOLDS_FOLDER, HoldFiles, read_holds, write_hold
from recorder_core.storage.volumes import MARKER
from tests.core.storage_writer.disks import small_disk

from .store import T0

if TYPE_CHECKING:
    from pathlib import Path

    from .store import Store

HOLD = Hold(
    hold_id="0123456789abcdef0123456789abcdef",
    camera_ids=["lobby", "entrance"],
    start_us=T0,
    end_us=None,
    kind=HoldKind.REQUEST,
    case_id="2026-17",
    placed_us=T0,
    placed_by="user-1",
    review_us=T0 + 5,
    key="again",
)


def test_a_hold_is_read_back_as_it_was_written(store: Store) -> None:
    volume = store.handle.volume
    assert read_holds(volume) == HoldFiles()
    other = replace(HOLD, hold_id="f" * 32, end_us=T0 + 1)
    write_hold(volume, HOLD)
    write_hold(volume, other)
    assert read_holds(volume).holds == {HOLD.hold_id: HOLD, other.hold_id: other}
    ended = replace(HOLD, state=HoldState.RELEASED, ended_us=T0 + 9, ended_by="user-2")
    write_hold(volume, ended)
    assert read_holds(volume).holds == {HOLD.hold_id: ended, other.hold_id: other}
    folder = volume.path / HOLDS_FOLDER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"format": 1}', b'{"format": 1, "hold": {"hold_id": 7}}', b"\xff\xfe"]
)
def test_a_file_that_cannot_be_understood_is_named(store: Store, content: bytes) -> None:
    write_hold(store.handle.volume, HOLD)
    folder = store.handle.volume.path / HOLDS_FOLDER
    path = folder / f"{HOLD.hold_id}.json"
    whole = path.read_bytes()
    path.write_bytes(content)
    assert read_holds(store.handle.volume) == HoldFiles({}, frozenset({HOLD.hold_id}))
    path.write_bytes(whole.replace(b'"format":1', b'"format":2'))
    assert read_holds(store.handle.volume).unreadable == {HOLD.hold_id}
    path.rename(folder / f"{'a' * 32}.json").write_bytes(whole)
    assert read_holds(store.handle.volume).unreadable == {"a" * 32}


@pytest.mark.parametrize("time", ["start_us", "end_us", "review_us", "reviewed_us", "ended_us"])
@pytest.mark.parametrize("value", [b"1e300", b"9223372036854775808", b"-9223372036854775809"])
def test_a_time_that_no_index_can_keep_is_damage(store: Store, time: str, value: bytes) -> None:
    write_hold(store.handle.volume, replace(HOLD, end_us=T0, review_us=T0, reviewed_us=T0, ended_us=T0))
    path = store.handle.volume.path / HOLDS_FOLDER / f"{HOLD.hold_id}.json"
    path.write_bytes(path.read_bytes().replace(b'"%s":%d' % (time.encode(), T0), b'"%s":%s' % (time.encode(), value)))
    assert value in path.read_bytes()
    assert read_holds(store.handle.volume).unreadable == {HOLD.hold_id}


def test_a_file_from_before_holds_were_reviewed_is_whole(store: Store) -> None:
    write_hold(store.handle.volume, HOLD)
    path = store.handle.volume.path / HOLDS_FOLDER / f"{HOLD.hold_id}.json"
    path.write_bytes(path.read_bytes().replace(b'"reviewed_us":null,"reviewed_by":null,', b""))
    assert b"reviewed" not in path.read_bytes()
    assert read_holds(store.handle.volume).holds == {HOLD.hold_id: HOLD}


def test_a_draft_that_a_crash_left_is_no_hold(store: Store) -> None:
    write_hold(store.handle.volume, HOLD)
    folder = store.handle.volume.path / HOLDS_FOLDER
    (folder / f"{'b' * 32}.json.new").write_bytes(b"{")
    (folder / "notes.txt").write_bytes(b"")
    assert read_holds(store.handle.volume) == HoldFiles({HOLD.hold_id: HOLD})


def test_a_volume_that_is_not_there_is_told(store: Store) -> None:
    (store.handle.volume.path / MARKER).unlink()
    for call in (lambda: write_hold(store.handle.volume, HOLD), lambda: read_holds(store.handle.volume)):
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.code is ErrorCode.VOLUME_MISSING
    assert not (store.handle.volume.path / HOLDS_FOLDER).exists()


def test_a_folder_that_cannot_be_looked_at_is_none_without_holds(store: Store) -> None:
    folder = store.handle.volume.path / HOLDS_FOLDER
    folder.symlink_to(folder)  # the disk refuses to say what it is, as one with a damaged folder does
    with pytest.raises(StorageError, match="Reading the holds"):
        read_holds(store.handle.volume)


def test_a_disk_that_is_full_refuses_a_hold_and_keeps_the_one_before(store: Store, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk) as code:
        (disk / MARKER).write_bytes((store.handle.volume.path / MARKER).read_bytes())
        volume = replace(store.handle.volume, path=disk)
        write_hold(volume, HOLD)
        large = replace(HOLD, camera_ids=["c" * 64] * 20_000)
        with pytest.raises(StorageError) as caught:
            write_hold(volume, large)
        assert caught.value.code is code
        assert read_holds(volume).holds == {HOLD.hold_id: HOLD}
    write_hold(store.handle.volume, HOLD)
    (store.handle.volume.path / HOLDS_FOLDER / f"{HOLD.hold_id}.json").unlink()
    (store.handle.volume.path / HOLDS_FOLDER / f"{HOLD.hold_id}.json").mkdir()
    with pytest.raises(StorageError, match="Reading the holds"):
        read_holds(store.handle.volume)
