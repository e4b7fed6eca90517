"""Pictures between the start and the first sync sample, encoded anew: the right ones, at their times, and no others."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from recorder_core.decoder import Decoder
from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export import derivative as module, plan_clip, write_clip
from recorder_core.export.derivative import make_derivative, shown_times, write_derivative
from recorder_core.export.headers import DamagedError
from recorder_core.models import StartMode
from recorder_core.mp4 import VIDEO_HANDLER, check_only_video_track, derived_handler, read_progressive
from tests.core.export.library import START_US, record
from tests.core.export.test_players import unedited
from tests.core.mp4.footage import ENCODINGS, FRAME_US, H264, H264_B, footage, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recorder_core.export import ClipPlan, ClipSource
    from recorder_core.models import ExportFile

NOT_TO_BE_SEEN_DB = 45.0
"""A peak signal-to-noise ratio from which on nobody tells two pictures apart; 40 dB is what is usually asked for."""


def planned(sources: list[ClipSource], first: float, end: float) -> ClipPlan:
    """Pictures `first` to `end` - 1."""
    start_us, end_us = (START_US + round(number * FRAME_US) for number in (first, end))
    return plan_clip(sources, start_us, end_us, StartMode.REENCODE_FIRST_GOP)


def encoded_anew(plan: ClipPlan, folder: Path) -> ExportFile:
    """What the only part of a plan that is to be encoded anew becomes."""
    (part,) = plan.to_encode
    heard: list[tuple[int, int]] = []
    made = asyncio.run(make_derivative("entrance", part, Decoder(), lambda *done: heard.append(done)))
    assert heard == [(number, part.frames) for number in range(1, part.frames + 1)]
    return write_derivative(made, folder, "clip_reencoded")


def luma_of(path: Path, wanted: Sequence[int] | None = None) -> list[NDArray[np.uint8]]:
    """The decoded pictures of a file, edit lists aside; of those wanted, by their number in order of presentation."""
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        planes = [frame.to_ndarray(format="gray").astype(np.uint8) for frame in container.decode(video=0)]
    return planes if wanted is None else [planes[number] for number in wanted]


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The peak signal-to-noise ratio of two pictures in dB."""
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return 100.0 if error == 0 else float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name not in ("mjpeg", "h264_open")])
def test_both_files_together_show_every_picture_once(name: str, tmp_path: Path) -> None:
    """The clip from the first sync sample on as it was recorded, and the pictures before it beside it."""
    sources = record(tmp_path / "recorded", ENCODINGS[name], 60, cut_at=(2,))
    plan = planned(sources, 13, 47)
    (clip,) = write_clip(plan, tmp_path, "clip")
    beside = encoded_anew(plan, tmp_path)
    path = Path(beside.path)
    played = shown(path)
    assert played.numbers == list(range(13, 20))
    assert played.times == pytest.approx([number / 25 for number in range(7)], abs=1e-6)
    assert shown(Path(clip.path)).numbers == list(range(20, 47))
    assert (beside.start_us, beside.end_us) == (START_US + 13 * FRAME_US, clip.start_us)
    assert (beside.frames, beside.duration_us, beside.lead_in_us) == (7, 7 * FRAME_US, 0)
    assert (beside.derived, clip.derived) == (True, False)
    assert (beside.size, beside.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["h264_b", "h264_pyramid", "h265", "h265_open"])
def test_nothing_from_before_the_start_is_in_it(name: str, tmp_path: Path) -> None:
    """For who ignores its edit list neither; and of no sample that was recorded are the bytes in it."""
    sources = record(tmp_path / "recorded", ENCODINGS[name], 60, cut_at=(2,))
    path = Path(encoded_anew(planned(sources, 13, 47), tmp_path).path)
    assert unedited(path) == list(range(13, 20))
    content = path.read_bytes()
    for sample in footage(ENCODINGS[name], 60).samples:
        # A picture of some bytes may be coded alike by chance; what lies in the middle of a larger one is its own.
        assert sample.data not in content
        assert len(sample.data) < 64 or sample.data[16:64] not in content
    check_only_video_track(path)


@pytest.mark.parametrize("name", ["h264_b", "h265_open"])
def test_nobody_sees_a_difference(name: str, tmp_path: Path) -> None:
    """Each picture against the decoded one that was recorded."""
    sources = record(tmp_path / "recorded", ENCODINGS[name], 60)
    originals = luma_of(sources[0].path, range(13, 20))
    anew = luma_of(Path(encoded_anew(planned(sources, 13, 47), tmp_path).path))
    assert min(map(psnr, anew, originals, strict=True)) > NOT_TO_BE_SEEN_DB


def test_it_bears_a_mark(tmp_path: Path) -> None:
    """In the track itself, so that it cannot be taken for an original without its name; a clip bears none."""
    plan = planned(record(tmp_path / "recorded", H264_B, 60), 13, 47)
    (clip,) = write_clip(plan, tmp_path, "clip")
    beside = encoded_anew(plan, tmp_path)
    for made, handler in ((clip, VIDEO_HANDLER), (beside, derived_handler("entrance"))):
        with Path(made.path).open("rb") as file:
            assert read_progressive(file, 0, made.size).handler == handler
    with av.open(beside.path) as container:
        assert container.streams.video[0].metadata["handler_name"] == "Re-encoded, not original: entrance"


def test_between_two_pictures_it_begins_with_the_later_one(tmp_path: Path) -> None:
    """The one that is on screen at the start appeared before it."""
    beside = encoded_anew(planned(record(tmp_path / "recorded", H264_B, 60), 12.5, 47), tmp_path)
    assert shown(Path(beside.path)).numbers[0] == 13
    assert beside.start_us == START_US + 13 * FRAME_US


@pytest.mark.parametrize("name", ["h264_b", "h264_open", "h265_open"])
def test_without_a_sync_sample_in_the_interval_there_is_no_clip(name: str, tmp_path: Path) -> None:
    """All of it is encoded anew."""
    plan = planned(record(tmp_path / "recorded", ENCODINGS[name], 60), 12, 18)
    assert plan.parts == ()
    beside = encoded_anew(plan, tmp_path)
    assert shown(Path(beside.path)).numbers == list(range(12, 18))
    assert beside.end_us == START_US + 18 * FRAME_US


@pytest.mark.parametrize(("name", "first"), [("mjpeg", 13), ("h264_b", 20), ("h265_open", 20), ("h264_b", 0)])
def test_where_the_start_needs_nothing_earlier_there_is_only_the_clip(name: str, first: int, tmp_path: Path) -> None:
    """Every picture of Motion JPEG is such a start."""
    plan = planned(record(tmp_path / "recorded", ENCODINGS[name], 60), first, 47)
    assert (len(plan.parts), plan.to_encode) == (1, ())


@pytest.mark.parametrize("rate", [1.0005, 0.98])
def test_its_times_are_those_of_the_camera_s_clock(rate: float, tmp_path: Path) -> None:
    """As in a clip: the file follows the camera, the wall time where it begins and ends the recorder."""
    sources = record(tmp_path / "recorded", H264_B, 60, wall_per_media=rate)
    plan = plan_clip(sources, START_US + 500_000, START_US + 1_500_000, StartMode.REENCODE_FIRST_GOP)
    beside = encoded_anew(plan, tmp_path)
    assert beside.start_us >= START_US + 500_000
    assert beside.end_us == plan.parts[0].start_us
    assert beside.duration_us == beside.frames * FRAME_US


def test_each_stretch_has_its_own(tmp_path: Path) -> None:
    """Two runs overlap, as the wall clock stepped back, and both were between two sync samples at the start."""
    one = record(tmp_path / "recorded", H264_B, 60)
    two = record(tmp_path / "recorded", H264_B, 60, start_us=START_US + 5 * FRAME_US, run_id="run-2")
    plan = planned([*one, *two], 13, 47)
    assert [shown_times(part)[-1] - shown_times(part)[0] for part in plan.to_encode] == [6 * 3600, 1 * 3600]


def test_what_is_damaged_is_not_encoded(tmp_path: Path) -> None:
    """A sample of before the start counts too: the picture would be made of it."""
    (source,) = sources = record(tmp_path / "recorded", H264, 60)
    sample = footage(H264, 60).samples[11].data
    content = source.path.read_bytes()
    at = content.index(sample) + len(sample) // 2
    source.path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(DamagedError):
        encoded_anew(planned(sources, 13, 47), tmp_path)


def test_what_went_away_after_the_plan_is_told(tmp_path: Path) -> None:
    """The end of the recording, and then all of it."""
    (source,) = sources = record(tmp_path / "recorded", H264, 60)
    plan = planned(sources, 13, 47)
    os.truncate(source.path, plan.to_encode[0].extents[-1].offset + 1)
    with pytest.raises(DamagedError, match="has become shorter"):
        encoded_anew(plan, tmp_path)
    source.path.unlink()
    with pytest.raises(StorageError, match="Reading the recording"):
        encoded_anew(plan, tmp_path)


def test_what_is_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is said."""
    monkeypatch.setattr(module, "MOST_INPUT_BYTES", 100)
    with pytest.raises(RecorderError, match="too much to be decoded") as caught:
        encoded_anew(planned(record(tmp_path / "recorded", H264, 60), 13, 47), tmp_path)
    assert caught.value.code is ErrorCode.DECODER_FAILED


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    """A file of this name was there already."""
    plan = planned(record(tmp_path / "recorded", H264, 60), 13, 47)
    made = Path(encoded_anew(plan, tmp_path).path).read_bytes()
    with pytest.raises(StorageError, match="Writing the re-encoded pictures failed"):
        encoded_anew(plan, tmp_path)
    assert (tmp_path / "clip_reencoded.mp4").read_bytes() == made


def test_file_and_folder_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 2, in this order, and the file when all of it is there."""
    synced: list[tuple[str, int]] = []

    def fsync(fd: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{fd}").readlink()), os.fstat(fd).st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    made = encoded_anew(planned(record(tmp_path / "recorded", H264, 60), 13, 47), tmp_path)
    assert [path for path, _ in synced[-2:]] == [made.path, str(tmp_path)]
    assert synced[-2][1] == made.size
