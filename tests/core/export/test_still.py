"""A still is the very picture that was on screen: of every kind of stream, at every moment, judged by its number."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from recorder_core.decoder.__main__ import encoded
from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.export.headers import DamagedError
from recorder_core.export.still import StillSource, expose, write_still
from recorder_core.models import StillFormat, StillRequest
from tests.core.mp4.footage import ENCODINGS, FRAME_US, H264, H264_PYRAMID, H265_OPEN, MJPEG

from .library import START_US, record

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 45
SOURCE = StillSource(segment_id=7, path="cameras/lobby/file.mp4", root=None, sample_sha256="00")


def _number(picture: bytes) -> int:
    """Read the number that `footage` draws: 16 blocks of 16 pixels, dark for 0 and light for 1."""
    with Image.open(io.BytesIO(picture)) as image:
        luma = np.asarray(image.convert("L"), np.uint8)
    means = luma[4:12, :256].reshape(8, 16, 16)[:, :, 4:-4].mean(axis=(0, 2))
    return sum(1 << bit for bit in range(16) if means[bit] > 120)


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_the_picture_is_the_one_that_was_on_screen(name: str, tmp_path: Path) -> None:
    sources = record(tmp_path / "recorded", ENCODINGS[name], FRAMES, cut_at=() if name == "h264_open" else (1, 2))
    for number in (0, 1, 8, 9, 10, 11, 19, 20, 21, 33, FRAMES - 1):
        for late_us in (0, FRAME_US - 1):
            exposure = expose(sources, START_US + number * FRAME_US + late_us)
            assert exposure.part.start_us == START_US + number * FRAME_US
            picture = encoded(exposure.mp4, "png", exposure.pts)
            assert picture is not None
            assert _number(picture) == number
            assert hashlib.sha256(exposure.data).digest() == exposure.sha256


def test_it_comes_from_the_file_that_it_lies_in(tmp_path: Path) -> None:
    """Where an open group of pictures reaches over the end of a file, the picture is not where its sync sample is."""
    sources = record(tmp_path / "recorded", H265_OPEN, FRAMES, cut_at=(1, 2))
    for number in range(FRAMES):
        exposure = expose(sources, START_US + number * FRAME_US)
        holder = next(source for source in sources if source.path == exposure.path)
        assert exposure.data in holder.path.read_bytes()


@pytest.mark.parametrize("at_us", [START_US - 1, START_US + FRAMES * FRAME_US])
def test_where_nothing_was_on_screen_there_is_none(at_us: int, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        expose(record(tmp_path / "recorded", H264, FRAMES), at_us)
    assert caught.value.code is ErrorCode.NO_FOOTAGE


def test_a_camera_s_own_jpeg_is_handed_on_as_it_is(tmp_path: Path) -> None:
    exposure = expose(record(tmp_path / "recorded", MJPEG, 5), START_US + 3 * FRAME_US)
    original = exposure.original(StillFormat.JPEG)
    assert original == exposure.data
    assert _number(original) == 3
    assert exposure.original(StillFormat.PNG) is None


def test_what_changed_since_it_was_recorded_is_not_shown(tmp_path: Path) -> None:
    (source,) = record(tmp_path / "recorded", H264_PYRAMID, 20)
    exposure = expose([source], START_US + 5 * FRAME_US)
    data = bytearray(source.path.read_bytes())
    data[data.index(exposure.data) + 9] ^= 1
    source.path.write_bytes(data)
    with pytest.raises(DamagedError, match="A sample is not the one that was recorded") as caught:
        expose([source], START_US + 5 * FRAME_US)
    assert (caught.value.path, caught.value.code) == (source.path, ErrorCode.FOOTAGE_DAMAGED)
    source.path.unlink()
    with pytest.raises(StorageError, match="failed"):
        expose([source], START_US + 5 * FRAME_US)


def test_the_record_says_where_it_is_from(tmp_path: Path) -> None:
    exposure = expose(record(tmp_path / "recorded", H264, 20), START_US + 5 * FRAME_US + 10)
    request = StillRequest(camera_id="lobby", at_us=START_US + 5 * FRAME_US + 10)
    picture, beside = write_still(tmp_path, "lobby", request, b"picture", exposure, SOURCE, "Lobby")
    assert [file.path for file in (picture, beside)] == [str(tmp_path / "lobby.png"), str(tmp_path / "lobby.json")]
    for file, content in ((picture, b"picture"), (beside, (tmp_path / "lobby.json").read_bytes())):
        assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in ("lobby.png", "lobby.json"))
    assert json.loads((tmp_path / "lobby.json").read_bytes()) == {
        "file": "lobby.png",
        "sha256": picture.sha256,
        "size": 7,
        "camera_id": "lobby",
        "camera_name": "Lobby",
        "at_us": request.at_us,
        "shown_us": START_US + 5 * FRAME_US,
        "replaced_us": START_US + 6 * FRAME_US,
        "codec": "h264",
        "width": 256,
        "height": 144,
        "original": False,
        "source": SOURCE.to_dict(),
    }
    with pytest.raises(StorageError, match="Writing the still failed"):
        write_still(tmp_path, "lobby", request, b"other", exposure, SOURCE, "Lobby")
    assert (tmp_path / "lobby.png").read_bytes() == b"picture"
