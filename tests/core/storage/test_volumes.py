"""Volumes, folders and the lock: nothing is written where it would be lost or would harm (invariant 6)."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import VolumeConfig
from recorder_core.storage.files import make_folders, storage_error
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.lock import LOCK_FILE, StoreLock
from recorder_core.storage.mounts import filesystem_of
from recorder_core.storage.volumes import MARKER, Room, Shortage, VolumeHandle, open_volume, shortage

from .store import T0, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

_TABLE = """\
21 1 0:20 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/l
22 21 0:21 / /mnt rw shared:2 master:1 - ext4 /dev/sda1 rw
23 22 0:22 / /mnt/with\\040space rw - nfs4 server:/export rw
24 22 0:23 / /mnt/stack rw - ext4 /dev/sdb1 rw
25 24 0:24 / /mnt/stack rw - cifs //server/share rw
26 21 0:25 / /config rw - btrfs /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("folder", "filesystem"),
    [
        ("/", "overlay"),
        ("/media/x", "overlay"),
        ("/mnt", "ext4"),
        ("/mnt/with space/deep/er", "nfs4"),
        ("/mnt/with", "ext4"),
        ("/mnt/stack/a", "cifs"),
        ("/mntx", "overlay"),
    ],
)
def test_a_folder_lies_on_its_nearest_mount(tmp_path: Path, folder: str, filesystem: str) -> None:
    """The deepest mount wins, and of two on one point the upper one; a like-named folder does not count."""
    (tmp_path / "mountinfo").write_text(_TABLE)
    assert filesystem_of(Path(folder), tmp_path / "mountinfo") == filesystem


def test_a_folder_of_this_machine_has_a_filesystem() -> None:
    """The real table is understood."""
    assert filesystem_of(Path("/proc/self")) == "proc"


def test_a_table_without_mounts_says_nothing(tmp_path: Path) -> None:
    """Then the type is unknown, and unknown is not refused."""
    (tmp_path / "mountinfo").write_text("")
    assert check_folder(tmp_path, mountinfo=tmp_path / "mountinfo").filesystem == "unknown"


@pytest.fixture
def on(tmp_path: Path) -> Callable[[str], Path]:
    """Pretend that everything lies on a filesystem of some type."""

    def pretend(filesystem: str) -> Path:
        table = tmp_path / f"mountinfo-{filesystem}"
        table.write_text(f"21 1 0:20 / / rw - {filesystem} source rw\n")
        return table

    return pretend


def test_a_good_folder_has_room_and_no_problem(tmp_path: Path, on: Callable[[str], Path]) -> None:
    """Nothing is left in it by looking."""
    (tmp_path / "footage").mkdir()
    check = check_folder(str(tmp_path / "footage"), mountinfo=on("ext4"))
    assert check.problem is None
    assert (check.path, check.filesystem) == (tmp_path / "footage", "ext4")
    assert 0 < check.free_bytes <= check.total_bytes
    assert list((tmp_path / "footage").iterdir()) == []


def test_a_folder_that_can_be_made_is_as_good(tmp_path: Path, on: Callable[[str], Path]) -> None:
    """Its parent speaks for it; it is not made by looking."""
    check = check_folder(tmp_path / "footage", mountinfo=on("ext4"))
    assert check.problem is None
    assert check.total_bytes > 0
    assert not (tmp_path / "footage").exists()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("relative/folder", ErrorCode.BAD_REQUEST),
        ("", ErrorCode.BAD_REQUEST),
        ("/nul\0byte", ErrorCode.BAD_REQUEST),
        ("{tmp}/file", ErrorCode.BAD_REQUEST),
        ("{tmp}/file/below", ErrorCode.BAD_REQUEST),
        ("{tmp}/no/parent", ErrorCode.VOLUME_MISSING),
        ("{tmp}/config", ErrorCode.VOLUME_FORBIDDEN),
        ("{tmp}/config/media/footage", ErrorCode.VOLUME_FORBIDDEN),
        ("{tmp}/link", ErrorCode.VOLUME_FORBIDDEN),
        ("/sys", ErrorCode.VOLUME_READ_ONLY),
    ],
)
def test_what_speaks_against_a_folder_has_a_code(tmp_path: Path, path: str, code: ErrorCode) -> None:
    """Bad paths, what is no folder, what belongs to somebody (links are followed), what cannot be written."""
    (tmp_path / "file").touch()
    (tmp_path / "config" / "media").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "config")
    problem = check_folder(path.format(tmp=tmp_path), forbidden=[tmp_path / "config"]).problem
    assert problem is not None
    assert problem.code is code


@pytest.mark.parametrize(
    ("filesystem", "code"),
    [
        ("overlay", ErrorCode.VOLUME_OVERLAY),
        ("nfs4", ErrorCode.VOLUME_NETWORK),
        ("cifs", ErrorCode.VOLUME_NETWORK),
        ("smb3", ErrorCode.VOLUME_NETWORK),
        ("fuse.sshfs", ErrorCode.VOLUME_NETWORK),
        ("9p", ErrorCode.VOLUME_NETWORK),
    ],
)
def test_filesystems_that_lose_or_do_not_lock_are_refused_unless_accepted(
    tmp_path: Path, on: Callable[[str], Path], filesystem: str, code: ErrorCode
) -> None:
    """The caller decides: refused for the index, accepted for footage."""
    problem = check_folder(tmp_path, mountinfo=on(filesystem)).problem
    assert problem is not None
    assert (problem.code, problem.placeholders["filesystem"]) == (code, filesystem)
    assert check_folder(tmp_path, accepted={code}, mountinfo=on(filesystem)).problem is None


def _config(path: Path, **limits: int) -> VolumeConfig:
    return VolumeConfig(path=str(path), **limits)


def test_a_new_volume_gets_a_private_marker(tmp_path: Path) -> None:
    """With its limits; the folder is made, and opening it again finds the same volume."""
    clock = ManualClock()
    handle = open_volume(_config(tmp_path / "v", min_free_bytes=5), clock, create=True)
    marker = tmp_path / "v" / MARKER
    assert stat.S_IMODE(marker.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "v").stat().st_mode) == 0o700
    assert json.loads(marker.read_text())["created_us"] == T0
    assert (handle.volume.min_free_bytes, handle.volume.max_bytes) == (5, None)
    assert [path.name for path in (tmp_path / "v").iterdir()] == [MARKER]
    again = open_volume(_config(tmp_path / "v"), clock, create=True)
    known = open_volume(_config(tmp_path / "v"), clock, expected_id=handle.volume.volume_id)
    assert again.volume.volume_id == known.volume.volume_id == handle.volume.volume_id
    handle.check()


def test_other_files_do_no_harm_but_cameras_belong_to_someone(tmp_path: Path) -> None:
    """A folder with footage and without a marker is not taken over."""
    (tmp_path / "notes.txt").touch()
    open_volume(_config(tmp_path), ManualClock(), create=True)
    (tmp_path / MARKER).unlink()
    (tmp_path / "cameras").mkdir()
    with pytest.raises(StorageError) as caught:
        open_volume(_config(tmp_path), ManualClock(), create=True)
    assert caught.value.code is ErrorCode.VOLUME_FOREIGN
    assert not (tmp_path / MARKER).exists()


def test_the_empty_folder_under_a_missing_disk_is_not_made_a_volume(tmp_path: Path) -> None:
    """A folder that was a volume before stays missing until its marker is back, whatever the caller allows."""
    for expected_id, create in (("a" * 32, True), ("a" * 32, False), (None, False)):
        with pytest.raises(StorageError) as caught:
            open_volume(_config(tmp_path), ManualClock(), expected_id=expected_id, create=create)
        assert caught.value.code is ErrorCode.VOLUME_MISSING
    assert list(tmp_path.iterdir()) == []


def test_another_disk_is_not_this_volume(tmp_path: Path) -> None:
    """At opening as later, before a file is created."""
    handle = open_volume(_config(tmp_path), ManualClock(), create=True)
    with pytest.raises(StorageError) as opened:
        open_volume(_config(tmp_path), ManualClock(), expected_id="a" * 32)
    (tmp_path / MARKER).unlink()
    with pytest.raises(StorageError) as missing:
        handle.check()
    open_volume(_config(tmp_path), ManualClock(), create=True)
    with pytest.raises(StorageError) as swapped:
        handle.check()
    assert [error.value.code for error in (opened, missing, swapped)] == [
        ErrorCode.VOLUME_FOREIGN,
        ErrorCode.VOLUME_MISSING,
        ErrorCode.VOLUME_FOREIGN,
    ]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "volume_id": "%s"}' % ("a" * 32),
        '{"format": 1}',
        '{"format": 1, "volume_id": "x"}',
    ],
)
def test_a_marker_that_cannot_be_understood_is_foreign(tmp_path: Path, content: str) -> None:
    """Never overwritten, never guessed."""
    (tmp_path / MARKER).write_text(content)
    with pytest.raises(StorageError) as caught:
        open_volume(_config(tmp_path), ManualClock(), create=True)
    assert caught.value.code is ErrorCode.VOLUME_FOREIGN
    assert (tmp_path / MARKER).read_text() == content


def test_a_volume_where_nothing_can_be_made_says_so() -> None:
    """The operating system's refusal has a code."""
    with pytest.raises(StorageError) as caught:
        open_volume(_config(Path("/sys/footage")), ManualClock(), create=True)
    assert caught.value.code in {ErrorCode.VOLUME_READ_ONLY, ErrorCode.VOLUME_MISSING}


def test_the_room_of_a_volume(tmp_path: Path) -> None:
    """What the filesystem says, beside what the caller knows."""
    handle = open_volume(_config(tmp_path, max_bytes=7), ManualClock(), create=True)
    room = handle.room(used_bytes=1, pending_bytes=2)
    assert 0 < room.free_bytes <= room.total_bytes
    assert (room.used_bytes, room.pending_bytes, room.min_free_bytes, room.max_bytes) == (1, 2, None, 7)
    (tmp_path / MARKER).unlink()
    tmp_path.rmdir()
    with pytest.raises(StorageError) as caught:
        handle.room(used_bytes=0, pending_bytes=0)
    assert caught.value.code is ErrorCode.VOLUME_MISSING
    with pytest.raises(StorageError) as caught:
        VolumeHandle(handle.volume).check()
    assert caught.value.code is ErrorCode.VOLUME_MISSING


def _room(free: int, used: int, pending: int, min_free: int | None, most: int | None) -> Room:
    return Room(1000, free, used, pending, min_free, most)


@pytest.mark.parametrize(
    ("room", "wanted", "answer"),
    [
        (_room(100, 0, 0, None, None), 100, None),
        (_room(100, 0, 0, None, None), 101, Shortage.DISK),
        (_room(0, 0, 100, None, None), 100, None),
        (_room(100, 0, 0, 40, None), 60, None),
        (_room(100, 0, 0, 40, None), 61, Shortage.MIN_FREE),
        (_room(100, 0, 1, 40, None), 61, None),
        (_room(100, 0, 0, 0, None), 100, None),
        (_room(900, 50, 0, None, 60), 10, None),
        (_room(900, 50, 0, None, 60), 11, Shortage.MAX_BYTES),
        (_room(900, 50, 500, None, 60), 10, None),
        (_room(900, 0, 0, None, 0), 1, Shortage.MAX_BYTES),
        (_room(30, 50, 0, 40, 60), 11, Shortage.MIN_FREE),
    ],
)
def test_room_policy(room: Room, wanted: int, answer: Shortage | None) -> None:
    """To the byte: an unset limit is no limit, a limit of zero is one, pending deletions count as free."""
    assert shortage(room, wanted) is answer


_BYTES = st.integers(0, 1000)


@given(_BYTES, _BYTES, _BYTES, st.none() | _BYTES, st.none() | _BYTES, _BYTES, _BYTES)
def test_more_room_never_stops_a_write(
    free: int, used: int, pending: int, min_free: int | None, most: int | None, wanted: int, more: int
) -> None:
    """What may be written still may be when there is more room, a smaller wish, or a limit less."""
    if shortage(_room(free, used, pending, min_free, most), wanted) is not None:
        return
    assert shortage(_room(free + more, used, pending, min_free, most), wanted) is None
    assert shortage(_room(free, used, pending + more, min_free, most), wanted) is None
    assert shortage(_room(free, used, pending, min_free, most), max(wanted - more, 0)) is None
    assert shortage(_room(free, used, pending, None, None), wanted) is None


def test_folders_are_made_private_and_synced(tmp_path: Path) -> None:
    """Each level; what is there already is left as it is."""
    tmp_path.chmod(0o755)
    make_folders(tmp_path, tmp_path / "a" / "b")
    make_folders(tmp_path, tmp_path / "a" / "b" / "c")
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("", "a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o700, 0o700, 0o700]


def test_errors_of_the_system_have_words() -> None:
    """A full disk and an error of which little is known."""
    full = storage_error(OSError(errno.ENOSPC, "x"), "Writing")
    assert (full.code, full.message) == (ErrorCode.VOLUME_FULL, "Writing failed: No space left on device.")
    assert storage_error(OSError(), "Writing").code is ErrorCode.STORAGE_FAILED


def test_one_recorder_per_folder(tmp_path: Path) -> None:
    """The second is told who holds the lock; after release it may have it."""
    with StoreLock(tmp_path) as lock:
        assert stat.S_IMODE((tmp_path / LOCK_FILE).stat().st_mode) == 0o600
        with pytest.raises(StorageError) as caught:
            StoreLock(tmp_path)
        assert (caught.value.code, caught.value.placeholders) == (ErrorCode.STORE_LOCKED, {"pid": os.getpid()})
        lock.release()
        lock.release()
        StoreLock(tmp_path).release()
    assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_a_killed_recorder_leaves_no_lock(tmp_path: Path) -> None:
    """And a program that it started does not keep it: the lock is not inherited."""
    program = (
        "import os, subprocess, sys; from pathlib import Path; from recorder_core.storage.lock import StoreLock\n"
        "lock = StoreLock(Path(sys.argv[1])); child = subprocess.Popen(['cat'], stdin=0, close_fds=False)\n"
        "print(os.getpid(), flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        with pytest.raises(StorageError) as caught:
            StoreLock(tmp_path)
        assert caught.value.placeholders == {"pid": pid}
        process.kill()
        process.wait()
        StoreLock(tmp_path).release()


def test_a_folder_that_cannot_be_locked_says_why(tmp_path: Path) -> None:
    """No folder, no lock file."""
    with pytest.raises(StorageError) as caught:
        StoreLock(tmp_path / "nowhere")
    assert caught.value.code is ErrorCode.VOLUME_MISSING


def test_a_lock_file_that_takes_no_process_id_says_so(tmp_path: Path) -> None:
    """Something that is no plain file in its place; a second try meets the same error, not a lock left behind."""
    (tmp_path / LOCK_FILE).symlink_to("/dev/full")
    for _ in range(2):
        with pytest.raises(StorageError) as caught:
            StoreLock(tmp_path)
        assert caught.value.code is ErrorCode.STORAGE_FAILED
