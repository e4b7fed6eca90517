"""Clips as files: the recorded bytes, private, complete, verified; and nothing is left where something failed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export import ClipCancelledError, ClipPlan, clip as clip_module, copying, plan_clip, write_clip
from recorder_core.export.samples import Extent
from recorder_core.media import Codec
from recorder_core.mp4 import progressive_header
from recorder_core.mp4.boxes import box, find_box, iter_boxes
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import FRAME_US, H264_B, Encoding, footage
from tests.core.storage_writer.disks import ROOM, small_disk

if TYPE_CHECKING:
    from recorder_core.export import ClipSource


@pytest.fixture
def sources(tmp_path: Path) -> list[ClipSource]:
    """60 pictures in two files."""
    return record(tmp_path / "recordings", H264_B, 60, cut_at=(3,))


@pytest.fixture
def many(tmp_path: Path) -> list[ClipSource]:
    """300 pictures in two files, of several pages each."""
    return record(tmp_path / "recordings", H264_B, 300, cut_at=(15,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where clips go."""
    made = tmp_path / "exports"
    made.mkdir()
    return made


def plan(sources: list[ClipSource], first: int = 5, end: int = 50) -> ClipPlan:
    """A plan across both files."""
    return plan_clip(sources, START_US + first * FRAME_US, START_US + end * FRAME_US)


def test_sample_bytes_are_those_that_were_recorded(sources: list[ClipSource], folder: Path) -> None:
    """In decoding order, from the sync sample on."""
    (clip,) = write_clip(plan(sources), folder, "clip")
    data = Path(clip.path).read_bytes()
    media = list(iter_boxes(data, 0, len(data)))[-1]
    recorded = b"".join(sample.data for sample in footage(H264_B, 60).samples)
    assert media.kind == b"mdat"
    assert recorded.startswith(data[media.payload : media.end])


def test_hash_size_and_mode_are_those_of_the_file(sources: list[ClipSource], folder: Path) -> None:
    """What is handed on can be checked against the file."""
    (clip,) = write_clip(plan(sources), folder, "clip")
    assert clip.path == str(folder / "clip.mp4")
    assert clip.sha256 == hashlib.sha256(Path(clip.path).read_bytes()).hexdigest()
    assert clip.size == Path(clip.path).stat().st_size
    assert stat.S_IMODE(Path(clip.path).stat().st_mode) == 0o600


def test_the_same_clip_is_the_same_file(sources: list[ClipSource], folder: Path) -> None:
    """Nothing in it depends on when it is cut."""
    (one,), (two,) = (write_clip(plan(sources), folder, stem) for stem in ("one", "two"))
    assert one.sha256 == two.sha256


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("pages", [1, 3, 256])
def test_any_block_copies_and_verifies_alike(
    pages: int, *, direct: bool, many: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part of the clip or many in a block, and more blocks than memory; past the page cache, and through it."""
    (expected,) = write_clip(plan(many, end=290), folder, "expected")
    monkeypatch.setattr(copying, "_BLOCK_BYTES", pages * mmap.PAGESIZE)
    if not direct:
        monkeypatch.setattr(copying, "fcntl", _knows_no_direct_writing)
    (clip,) = write_clip(plan(many, end=290), folder, "clip")
    assert clip.sha256 == expected.sha256
    assert Path(clip.path).read_bytes() == Path(expected.path).read_bytes()


def _knows_no_direct_writing(fd: int, command: int, flags: int = 0) -> int:
    if flags & os.O_DIRECT:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return fcntl.fcntl(fd, command, flags)


def test_a_file_that_refuses_for_another_reason_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a filesystem does not know is done in another way."""

    def denies(fd: int, command: int, flags: int = 0) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return fcntl.fcntl(fd, command, flags)

    monkeypatch.setattr(copying, "fcntl", denies)
    with (tmp_path / "clip").open("wb") as file, pytest.raises(PermissionError):
        copying.Target(file.fileno())


def test_blocks_go_past_the_page_cache_and_the_end_does_not(
    many: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which only whole pages can."""
    written: list[tuple[int, bool]] = []
    real = os.write

    def write(fd: int, data: memoryview) -> int:
        written.append((len(data), bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT)))
        return real(fd, data)

    monkeypatch.setattr(copying, "_BLOCK_BYTES", mmap.PAGESIZE)
    monkeypatch.setattr(os, "write", write)
    (clip,) = write_clip(plan(many, end=290), folder, "clip")
    whole, rest = divmod(clip.size, mmap.PAGESIZE)
    assert whole > 4
    assert written == [(mmap.PAGESIZE, True)] * whole + [(rest, False)]


def test_a_disk_that_takes_no_direct_writes_after_all_is_written_to_through_the_cache(
    many: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some say so only when something is written; the clip is the same, and nothing is tried twice."""
    refused: list[int] = []
    real = os.write

    def write(fd: int, data: memoryview) -> int:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(len(data))
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return real(fd, data)

    (expected,) = write_clip(plan(many, end=290), folder, "expected")
    monkeypatch.setattr(copying, "_BLOCK_BYTES", mmap.PAGESIZE)
    monkeypatch.setattr(os, "write", write)
    (clip,) = write_clip(plan(many, end=290), folder, "clip")
    assert (clip.sha256, refused) == (expected.sha256, [mmap.PAGESIZE])
    assert Path(clip.path).read_bytes() == Path(expected.path).read_bytes()


@pytest.mark.parametrize("pages", [1, 256])
def test_a_sample_that_changed_since_it_was_recorded_is_refused(
    pages: int, sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit in the last sample that the clip needs of the first file; it is said when that was taken."""
    monkeypatch.setattr(copying, "_BLOCK_BYTES", pages * mmap.PAGESIZE)
    made = plan(sources)
    path = sources[0].path
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageError, match=f"{path.name} is damaged at 2023-11-14 22:13:21 UTC: A sample is") as caught:
        write_clip(made, folder, "clip")
    # The file ends with pictures 27 and 28 in the order of presentation, the last one decoded before the next file's.
    assert caught.value.placeholders == {"file": path.name, "at_us": START_US + 28 * FRAME_US}
    assert list(folder.iterdir()) == []


def test_a_recording_that_is_shorter_than_planned_is_refused(sources: list[ClipSource], folder: Path) -> None:
    """Cut off after the plan was made."""
    made = plan(sources)
    os.truncate(sources[1].path, sources[1].fragments[0].offset + 1000)
    with pytest.raises(StorageError, match="has become shorter"):
        write_clip(made, folder, "clip")
    assert list(folder.iterdir()) == []


def test_a_recording_that_is_gone_is_named(sources: list[ClipSource], folder: Path) -> None:
    """Deleted after the plan was made."""
    made = plan(sources)
    sources[1].path.unlink()
    with pytest.raises(StorageError, match=f"Reading the recording {sources[1].path.name} failed"):
        write_clip(made, folder, "clip")
    assert list(folder.iterdir()) == []


def test_a_recording_that_the_disk_does_not_give_back_is_named(sources: list[ClipSource], folder: Path) -> None:
    """It opens, and its bytes cannot be read."""
    (part,) = plan(sources).parts
    unmapped = Path("/proc/self/mem")  # nothing lies at its beginning
    lost = replace(part, extents=(Extent(unmapped, 0, part.data_bytes, len(part.table.sizes)),))
    with pytest.raises(StorageError, match="Reading the recording mem failed: Input/output error"):
        write_clip(ClipPlan((lost,)), folder, "clip")
    assert list(folder.iterdir()) == []


def test_an_existing_file_is_never_touched(sources: list[ClipSource], folder: Path) -> None:
    """Not overwritten, and not removed when the clip fails for its sake."""
    (folder / "clip.mp4").write_text("mine")
    with pytest.raises(StorageError, match="Writing the clip failed: File exists"):
        write_clip(plan(sources), folder, "clip")
    assert (folder / "clip.mp4").read_text() == "mine"


def test_a_later_part_that_fails_takes_the_earlier_ones_along(
    sources: list[ClipSource], folder: Path, tmp_path: Path
) -> None:
    """A clip is whole or it is not there."""
    second = record(tmp_path, H264_B, 30, start_us=START_US + 90 * FRAME_US, run_id="run-2")
    (folder / "clip-2.mp4").write_text("mine")
    with pytest.raises(StorageError, match="File exists"):
        write_clip(plan([*sources, *second], 5, 100), folder, "clip")
    assert [path.name for path in folder.iterdir()] == ["clip-2.mp4"]


def test_a_missing_folder_is_a_storage_error(sources: list[ClipSource], tmp_path: Path) -> None:
    """With its own code."""
    with pytest.raises(StorageError) as caught:
        write_clip(plan(sources), tmp_path / "nowhere", "clip")
    assert caught.value.code is ErrorCode.VOLUME_MISSING


def test_a_full_disk_leaves_no_file(sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the fsync at the latest."""

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = plan(sources)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        write_clip(made, folder, "clip")
    assert caught.value.code is ErrorCode.VOLUME_FULL
    assert list(folder.iterdir()) == []


def test_a_disk_that_fills_up_in_the_middle_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    """A real disk of 1 MiB, and a clip of more."""
    large = Encoding(Codec.MJPEG, (("qmin", "2"), ("qmax", "2")), width=1920, height=1080)
    made = plan(record(tmp_path / "recordings", large, 150), end=150)
    assert made.data_bytes > ROOM * 3 // 2
    with small_disk(folder) as code:
        with pytest.raises(StorageError) as caught:
            write_clip(made, folder, "clip")
        assert caught.value.code is code
        assert list(folder.iterdir()) == []


def test_what_failed_first_is_told_though_the_file_cannot_be_removed(
    sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volume went away under it; whoever made the folder looks after it later."""

    def gone(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    made = plan(sources)
    sources[1].path.unlink()
    monkeypatch.setattr(Path, "unlink", gone)
    with pytest.raises(StorageError, match=f"Reading the recording {sources[1].path.name} failed"):
        write_clip(made, folder, "clip")


def test_file_and_folder_are_synced(sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 2, in this order."""
    synced = []
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    (clip,) = write_clip(plan(sources), folder, "clip")
    assert synced == [clip.path, str(folder)]


def test_what_cannot_be_written_is_not_taken_for_written() -> None:
    """The thread that writes hands its error on."""
    with Path("/dev/full").open("wb") as file, copying.Target(file.fileno()) as target:
        _, written = target.put(memoryview(mmap.mmap(-1, 1 << 20)))
        with pytest.raises(OSError, match="No space"):
            written.result()


def test_progress_runs_up_to_the_whole(many: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes of media data."""
    monkeypatch.setattr(copying, "_BLOCK_BYTES", mmap.PAGESIZE)
    heard: list[tuple[int, int]] = []
    made = plan(many, end=290)
    write_clip(made, folder, "clip", progress=lambda done, total: heard.append((done, total)))
    assert heard == sorted(heard)
    assert heard[-1] == (made.data_bytes, made.data_bytes)
    assert len(heard) > 5


def test_a_cancel_leaves_no_file(sources: list[ClipSource], folder: Path) -> None:
    """Asked for in the middle."""
    answers = iter([False, False, True])
    with pytest.raises(ClipCancelledError):
        write_clip(plan(sources), folder, "clip", cancelled=lambda: next(answers))
    assert list(folder.iterdir()) == []


def test_a_file_with_another_track_is_never_delivered(
    sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 5 is checked in the finished file."""

    def with_a_second_track(*args: object, **kwargs: object) -> bytes:
        header = progressive_header(*args, **kwargs)  # type: ignore[arg-type] # handed on as they came
        movie = find_box(header, 0, len(header), b"moov")
        track = find_box(header, movie.payload, movie.end, b"trak")
        doubled = header[movie.payload : movie.end] + header[track.offset : track.end]
        return header[: movie.offset] + box(b"moov", doubled) + header[movie.end :]

    monkeypatch.setattr(clip_module, "progressive_header", with_a_second_track)
    with pytest.raises(StorageError, match="2 tracks") as caught:
        write_clip(plan(sources), folder, "clip")
    assert caught.value.code is ErrorCode.EXPORT_FAILED
    assert list(folder.iterdir()) == []
