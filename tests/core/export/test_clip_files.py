"""Clips as files: the recorded bytes, private, complete, verified; and nothing is left where something failed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export import ClipCancelledError, ClipPlan, clip as clip_module, copying, plan_clip, write_clip
from recorder_core.mp4 import progressive_header
from recorder_core.mp4.boxes import box, find_box, iter_boxes
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import FRAME_US, H264_B, footage

if TYPE_CHECKING:
    from recorder_core.export import ClipSource


@pytest.fixture
def sources(tmp_path: Path) -> list[ClipSource]:
    """60 pictures in two files."""
    return record(tmp_path / "recordings", H264_B, 60, cut_at=(3,))


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


@pytest.mark.parametrize("buffer_bytes", [1, 97, 1 << 20])
def test_any_buffer_copies_and_verifies_alike(
    buffer_bytes: int, sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples longer than the buffer, and many samples in one."""
    (expected,) = write_clip(plan(sources), folder, "expected")
    monkeypatch.setattr(copying, "_BUFFER_BYTES", buffer_bytes)
    (clip,) = write_clip(plan(sources), folder, "clip")
    assert clip.sha256 == expected.sha256


@pytest.mark.parametrize("buffer_bytes", [50, 1 << 20])
def test_a_sample_that_changed_since_it_was_recorded_is_refused(
    buffer_bytes: int, sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit in the last sample that the clip needs of the first file."""
    monkeypatch.setattr(copying, "_BUFFER_BYTES", buffer_bytes)
    made = plan(sources)
    path = sources[0].path
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageError, match=f"{path.name} is damaged: A sample is not the one"):
        write_clip(made, folder, "clip")
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


def test_the_disk_begins_before_the_clip_is_whole(
    sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each whole block is handed to it once, in order."""
    told = []
    monkeypatch.setattr(copying, "_BUFFER_BYTES", 1000)
    monkeypatch.setattr(copying, "_EARLY_BYTES", 4096)
    monkeypatch.setattr(os, "posix_fadvise", lambda _fd, at, size, _advice: told.append((at, size)))
    (clip,) = write_clip(plan(sources), folder, "clip")
    assert told == [(at, 4096) for at in range(0, clip.size - 4095, 4096)]


def test_what_cannot_be_written_is_not_taken_for_written() -> None:
    """The thread that writes hands its error on."""
    with Path("/dev/full").open("wb") as file, copying.Target(file) as target, pytest.raises(OSError, match="No space"):
        target.put(bytes(1 << 20))()


def test_progress_runs_up_to_the_whole(
    sources: list[ClipSource], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes of media data."""
    monkeypatch.setattr(copying, "_BUFFER_BYTES", 300)
    heard: list[tuple[int, int]] = []
    made = plan(sources)
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
