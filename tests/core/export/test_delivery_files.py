"""Copies of exports as files: whole or told apart, with the folder's permissions, and nobody else's files touched."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.export import delivery_copies
from recorder_core.export.delivery_copies import (
    files_of,
    found_copies,
    make_copy,
    name_of,
    remove_copy,
    sizes_of_copy,
)
from recorder_core.export.delivery_folders import MARKER, check_apart, check_room, hand_over, mark, opened
from recorder_core.export.delivery_records import RECORD, Record
from recorder_core.export.folders import make_folder
from recorder_core.models import (
    Delivery,
    DeliveryFolder,
    DeliveryState,
    ExportJob,
    VolumeConfig,
)
from recorder_core.storage.volumes import open_volume
from tests.core.storage_writer.disks import small_disk

from .exported import lay_export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTENT = {"hall.mp4": b"one" * 700_000, "hall_2.mp4": b"two"}
DELIVERY_ID = "0123456789abcdef" * 2
STORE_ID = "5" * 32


@pytest.fixture
def folder(tmp_path: Path) -> DeliveryFolder:
    """Give a delivery folder."""
    (tmp_path / "desk").mkdir(0o750)
    folder = DeliveryFolder(name="Desk", path=str(tmp_path / "desk"))
    mark(folder)
    return folder


@pytest.fixture
def job(tmp_path: Path) -> ExportJob:
    """Give an export that is done."""
    open_volume(VolumeConfig(path=str(tmp_path / "footage")), SystemClock(), create=True)
    place = make_folder(tmp_path / "footage", "e" * 32)
    return lay_export({place / name: content for name, content in CONTENT.items()})


def _delivery(folder: DeliveryFolder, job: ExportJob, delivery_id: str = DELIVERY_ID) -> Delivery:
    return Delivery(
        delivery_id=delivery_id,
        export_id=job.export_id,
        folder=folder.name,
        path=str(Path(folder.path) / name_of(job, delivery_id)),
        state=DeliveryState.COPYING,
        created_us=1,
        expires_us=2,
        camera_ids=job.camera_ids,
        start_us=job.start_us,
        end_us=job.end_us,
        files=files_of(job),
    )


def _lies(folder: DeliveryFolder) -> Mapping[str, bytes]:
    found = sorted(Path(folder.path).rglob("*"))
    return {
        str(one.relative_to(folder.path)): one.read_bytes() for one in found if one.is_file() and one.name != MARKER
    }


def _never() -> bool:
    return False


def test_a_copy_lies_there_whole_beside_its_record_and_goes_again(folder: DeliveryFolder, job: ExportJob) -> None:
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    record = Record.of(delivery, STORE_ID).to_jsonb()
    lies = {f"hall-01234567/{name}": content for name, content in CONTENT.items()}
    assert _lies(folder) == lies | {f"hall-01234567/{RECORD}": record}
    assert record == (
        b'{"store_id":"%b","delivery_id":"%b","export_id":"%b","camera_ids":["a"],"start_us":0,"end_us":1,'
        b'"created_us":1,"expires_us":2,"files":%b}'
    ) % (STORE_ID.encode(), DELIVERY_ID.encode(), b"e" * 32, orjson.dumps([one.to_dict() for one in delivery.files]))
    assert sizes_of_copy(delivery) == {name: len(content) for name, content in CONTENT.items()}
    remove_copy(delivery)
    remove_copy(delivery)
    assert [one.name for one in Path(folder.path).iterdir()] == [MARKER]
    assert sizes_of_copy(delivery) == {}


def test_a_copy_gets_the_folders_owner_group_and_permissions_but_none_for_the_world(
    folder: DeliveryFolder, job: ExportJob
) -> None:
    """Where the test may give files away, it does; else they stay the test's own."""
    place = Path(folder.path)
    if os.geteuid() == 0:
        os.chown(place, 12_345, 23_456)
    place.chmod(0o2775)
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    given, copy = place.stat(), Path(delivery.path).stat()
    assert (copy.st_uid, copy.st_gid, copy.st_mode & 0o7777) == (given.st_uid, given.st_gid, 0o2770)
    for file in Path(delivery.path).iterdir():
        stat = file.stat()
        assert (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777) == (given.st_uid, given.st_gid, 0o660)


def test_a_filesystem_without_owners_keeps_its_own(folder: DeliveryFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such one can be mounted everywhere: its refusal is played."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no owners here")

    monkeypatch.setattr(os, "fchown", refuse)
    monkeypatch.setattr(os, "fchmod", refuse)
    file = Path(folder.path) / "file"
    file.touch(0o600)
    with opened(folder) as fd, file.open("rb") as handle:
        hand_over(fd, handle.fileno())
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("harm", ["changed", "cut", "gone", "removed"])
def test_of_an_export_that_is_damaged_no_copy_is_called_whole(
    folder: DeliveryFolder, job: ExportJob, harm: str
) -> None:
    file = Path(job.files[0].path)
    match harm:
        case "changed":
            file.write_bytes(b"eno" + CONTENT["hall.mp4"][3:])
        case "cut":
            file.write_bytes(CONTENT["hall.mp4"][:-1])
        case "gone":
            file.unlink()
        case _:
            file.unlink()
            file.mkdir()
    delivery = _delivery(folder, job)
    with pytest.raises(RecorderError) as caught:
        make_copy(delivery, job, STORE_ID, _never)
    assert (caught.value.code, caught.value.placeholders) == (ErrorCode.EXPORT_DAMAGED, {"file": "hall.mp4"})
    [found] = found_copies(folder)
    assert (found.name, found.whole, found.record.delivery_id) == ("hall-01234567", False, DELIVERY_ID)
    assert sizes_of_copy(delivery).keys() == {"hall.mp4"}
    remove_copy(delivery)
    assert _lies(folder) == {}


def test_an_export_on_a_volume_that_is_away_is_not_called_damaged(
    folder: DeliveryFolder, job: ExportJob, tmp_path: Path
) -> None:
    (tmp_path / "footage").rename(tmp_path / "away")
    with pytest.raises(RecorderError) as caught:
        make_copy(_delivery(folder, job), job, STORE_ID, _never)
    assert caught.value.code is ErrorCode.VOLUME_MISSING
    assert caught.value.placeholders == {"path": str(tmp_path / "footage")}


def test_a_copy_that_is_stopped_stays_told_apart(folder: DeliveryFolder, job: ExportJob) -> None:
    answers = iter([False, False, True])
    with pytest.raises(RecorderError) as caught:
        make_copy(_delivery(folder, job), job, STORE_ID, lambda: next(answers))
    assert caught.value.code is ErrorCode.DELIVERY_FAILED
    assert [(one.name, one.whole) for one in found_copies(folder)] == [("hall-01234567", False)]
    assert len(_lies(folder)[".hall-01234567/hall.mp4"]) == 1 << 20


def test_a_disk_that_fills_up_in_the_midst_of_a_copy_is_told_of(tmp_path: Path, job: ExportJob) -> None:
    (tmp_path / "desk").mkdir()
    folder = DeliveryFolder(name="Desk", path=str(tmp_path / "desk"))
    with small_disk(tmp_path / "desk"):
        mark(folder)
        delivery = _delivery(folder, job)
        with pytest.raises(RecorderError) as caught:
            make_copy(delivery, job, STORE_ID, _never)
        assert caught.value.code is ErrorCode.DELIVERY_FOLDER_FULL
        assert 0 < sizes_of_copy(delivery)["hall.mp4"] <= 1 << 20
        remove_copy(delivery)
        assert _lies(folder) == {}


def test_room_is_asked_for_before(folder: DeliveryFolder) -> None:
    check_room(folder, 1)
    with pytest.raises(RecorderError) as caught:
        check_room(folder, 1 << 62)
    assert caught.value.code is ErrorCode.DELIVERY_FOLDER_FULL
    assert caught.value.placeholders["folder"] == "Desk"
    assert isinstance(caught.value.placeholders["missing_bytes"], int)
    assert 1 << 61 < caught.value.placeholders["missing_bytes"] < 1 << 62


def test_what_others_put_there_or_took_away_is_theirs(
    folder: DeliveryFolder, job: ExportJob, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    copy = Path(delivery.path)
    (copy / "notes.txt").write_text("mine")
    (copy / "hall_2.mp4").unlink()
    assert sizes_of_copy(delivery) == {"hall.mp4": len(CONTENT["hall.mp4"])}
    remove_copy(delivery)
    assert _lies(folder) == {"hall-01234567/notes.txt": b"mine"}
    assert "holds what others put there" in caplog.text


def test_a_folder_in_the_place_of_a_file_keeps_no_other(folder: DeliveryFolder, job: ExportJob) -> None:
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    (Path(delivery.path) / "hall.mp4").unlink()
    (Path(delivery.path) / "hall.mp4").mkdir()
    remove_copy(delivery)
    assert [one.name for one in Path(delivery.path).iterdir()] == ["hall.mp4"]


def test_a_file_that_is_refused_keeps_no_other_and_the_record_that_tells_of_it(
    folder: DeliveryFolder, job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    unlink = os.unlink

    def refuse_the_first(name: str, *, dir_fd: int) -> None:
        if name == "hall.mp4":
            raise OSError(errno.EBUSY, "in use")
        unlink(name, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse_the_first)
        with pytest.raises(RecorderError) as caught:
            remove_copy(delivery)
    assert caught.value.code is ErrorCode.DELIVERY_FAILED
    assert sorted(one.name for one in Path(delivery.path).iterdir()) == [RECORD, "hall.mp4"]


def test_of_a_copy_that_a_call_renames_while_it_is_removed_nothing_is_left(
    folder: DeliveryFolder, job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call hung in its last sync, for longer than anybody waits, and goes on when the share is back."""
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    whole = Path(delivery.path)
    draft = whole.rename(whole.with_name(f".{whole.name}"))
    remove = delivery_copies._remove

    def remove_and_rename(folder_fd: int, name: str, files: Sequence[str]) -> None:
        try:
            remove(folder_fd, name, files)
        finally:
            if draft.exists():
                draft.rename(whole)

    monkeypatch.setattr(delivery_copies, "_remove", remove_and_rename)
    remove_copy(delivery)
    assert [one.name for one in Path(folder.path).iterdir()] == [MARKER]


def test_a_copy_that_is_stopped_in_its_last_sync_does_not_become_whole(
    folder: DeliveryFolder, job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    make_copy(_delivery(folder, job), job, STORE_ID, _never)
    syncs_before_the_name = len(synced) - 1
    synced.clear()
    other = _delivery(folder, job, "f" * 32)
    with pytest.raises(RecorderError) as caught:
        make_copy(other, job, STORE_ID, lambda: len(synced) >= syncs_before_the_name)
    assert caught.value.code is ErrorCode.DELIVERY_FAILED
    assert len(synced) == syncs_before_the_name
    assert not Path(other.path).exists()


def test_no_link_is_followed_when_a_copy_is_removed(
    folder: DeliveryFolder, job: ExportJob, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who may write in the folder could else have files removed anywhere."""
    delivery = _delivery(folder, job)
    copy = Path(delivery.path)
    copy.symlink_to(Path(job.files[0].path).parent)
    remove_copy(delivery)
    assert all(Path(file.path).exists() for file in job.files)
    assert copy.is_symlink()
    assert "is left alone" in caplog.text


@pytest.mark.parametrize("call", ["unlink", "rmdir"])
def test_a_removal_that_is_refused_is_tried_again(
    folder: DeliveryFolder, job: ExportJob, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Somebody's player has a file open on a share that knows locks: no such share can be had here, it is played."""
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(RecorderError) as caught:
            remove_copy(delivery)
    assert caught.value.code is ErrorCode.DELIVERY_FAILED
    assert caught.value.placeholders["reason"] == os.strerror(errno.EBUSY)
    remove_copy(delivery)
    assert [one.name for one in Path(folder.path).iterdir()] == [MARKER]


def test_only_copies_with_a_record_are_found(folder: DeliveryFolder, job: ExportJob) -> None:
    make_copy(_delivery(folder, job), job, STORE_ID, _never)
    place = Path(folder.path)
    record = (place / "hall-01234567" / RECORD).read_bytes()
    contents = {
        "holiday-01234567": None,
        "other-89abcdef": record,
        "broken-01234567": b"{",
        "strange-01234567": record.replace(DELIVERY_ID.encode(), b"01234567"),
    }
    for name, content in contents.items():
        (place / name).mkdir()
        if content is not None:
            (place / name / RECORD).write_bytes(content)
    (place / "file-01234567").write_bytes(record)
    unspeakable = os.fsdecode(b"\xff-01234567")  # no text, so nothing that a row could hold
    (place / unspeakable).mkdir()
    (place / unspeakable / RECORD).write_bytes(record)
    (place / "link-01234567").symlink_to(place / "hall-01234567")
    assert [(one.name, one.whole) for one in found_copies(folder)] == [("hall-01234567", True)]


def test_a_folder_without_its_marker_is_not_touched(folder: DeliveryFolder, job: ExportJob, tmp_path: Path) -> None:
    """It may be the empty one that is left where a share was."""
    delivery = _delivery(folder, job)
    make_copy(delivery, job, STORE_ID, _never)
    Path(folder.path).rename(tmp_path / "away")

    def refused() -> list[ErrorCode]:
        codes = []
        for call in (
            lambda: make_copy(_delivery(folder, job, "f" * 32), job, STORE_ID, _never),
            lambda: remove_copy(delivery),
            lambda: sizes_of_copy(delivery),
            lambda: found_copies(folder),
            lambda: check_room(folder, 1),
        ):
            with pytest.raises(RecorderError) as caught:
                call()
            codes.append(caught.value.code)
        return codes

    assert refused() == [ErrorCode.DELIVERY_FOLDER_MISSING] * 5
    Path(folder.path).mkdir()
    assert refused() == [ErrorCode.DELIVERY_FOLDER_MISSING] * 5
    assert list(Path(folder.path).iterdir()) == []


def test_a_marker_is_put_once_into_a_folder_that_is_there(folder: DeliveryFolder, tmp_path: Path) -> None:
    marker = Path(folder.path) / MARKER
    before = marker.stat()
    mark(folder)
    assert (marker.stat().st_ino, marker.stat().st_mode & 0o777) == (before.st_ino, 0o600)
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(RecorderError) as caught:
            mark(DeliveryFolder(name="x", path=str(path)))
        assert caught.value.code is ErrorCode.DELIVERY_FOLDER_MISSING
        assert caught.value.placeholders == {"folder": "x", "path": str(path)}


def test_what_a_folder_refuses_is_told_in_words(folder: DeliveryFolder, job: ExportJob) -> None:
    """Somebody has put a file where the copy's folder is to be."""
    delivery = _delivery(folder, job)
    (Path(folder.path) / ".hall-01234567").touch()
    with pytest.raises(RecorderError) as caught:
        make_copy(delivery, job, STORE_ID, _never)
    assert caught.value.code is ErrorCode.DELIVERY_FAILED
    assert caught.value.placeholders == {"folder": "Desk", "path": folder.path, "reason": "File exists"}


@pytest.mark.parametrize("path", ["footage", "footage/in/it", "."])
def test_a_delivery_folder_and_the_store_do_not_contain_each_other(tmp_path: Path, path: str) -> None:
    (tmp_path / "footage" / "in" / "it").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / path)
    store = [str(tmp_path / "footage")]
    for place, real in ((path, False), (path, True), ("link", True)):
        with pytest.raises(RecorderError) as caught:
            check_apart(DeliveryFolder(name="x", path=str(tmp_path / place)), store, "here", real=real)
        assert (caught.value.code, caught.value.placeholders) == (ErrorCode.BAD_REQUEST, {"field": "here"})
    check_apart(DeliveryFolder(name="x", path=str(tmp_path / "link")), store, "here", real=False)
    check_apart(DeliveryFolder(name="x", path=str(tmp_path / "footage-2")), store, "here", real=True)
