"""The structure of clips before a judge that is not ours: mp4box.js, GPAC's own parser of MP4 files, run by Node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.export import plan_clip, write_clip
from recorder_core.models import StartMode
from tests.core.export.library import START_US, record
from tests.core.export.test_players import re_encoded
from tests.core.export.tools import system_packages
from tests.core.mp4.footage import ENCODINGS, FRAME_US, H264_B

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.export import ClipSource

_ROOT = Path(__file__).parents[3]
_JUDGE = Path(__file__).with_name("mp4box") / "judge.mjs"


@pytest.fixture(scope="module")
def library() -> str:
    """Where mp4box.js lies."""
    system_packages("npm")
    return subprocess.run([_ROOT / "script/mp4box"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def complaints(library: str) -> Callable[..., dict[Path, list[str]]]:
    """Asks the judge what is wrong with files."""

    def ask(*paths: Path) -> dict[Path, list[str]]:
        command = [shutil.which("node") or "node", str(_JUDGE), library, *map(str, paths)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return {Path(path): lines for path, lines in told.items()}

    return ask


def cut(sources: list[ClipSource], folder: Path, stem: str, mode: StartMode = StartMode.LEAD_IN) -> Path:
    """Pictures 13 to 46, which begin between two sync samples and cross from one file into the next."""
    plan = plan_clip(sources, START_US + 13 * FRAME_US, START_US + 47 * FRAME_US, mode)
    (clip,) = write_clip(plan, folder, stem)
    return Path(clip.path)


def test_clips_of_every_encoding_are_sound(tmp_path: Path, complaints: Callable[..., dict[Path, list[str]]]) -> None:
    """From either start; every box is one that the judge writes in just the same way."""
    clips = []
    for name, encoding in ENCODINGS.items():
        one_sync_sample = name == "h264_open"
        sources = record(tmp_path / name, encoding, 60, cut_at=() if one_sync_sample else (2,))
        modes = [StartMode.LEAD_IN] if one_sync_sample else [StartMode.LEAD_IN, StartMode.NEXT_SYNC]
        clips += [cut(sources, tmp_path, f"{name}-{mode}", mode) for mode in modes]
    clips += [asyncio.run(re_encoded(name, tmp_path)) for name in ("h264_b", "h265_open")]
    assert complaints(*clips) == {path: [] for path in clips}


# What is done to the byte so far behind the first place where these letters stand, and what the judge says of it.
_BREAKS = {
    "an unknown box": (b"vmhd", 0, "Unknown box type: 'Vmhd'"),
    "a box that is too long": (b"avcC", -1, "did not read the entire indicated box data size"),
    "a sample's size": (b"stsz", 19, "lies at"),
    "a chunk's place": (b"stco", 15, "sample 1 lies at"),
    "a duration": (b"stts", 19, "the samples last"),
    "the track's length": (b"mdhd", 23, "the samples last"),
    "how long it is shown": (b"elst", 15, "edit list, track and movie differ"),
    "from when it is shown": (b"elst", 16, "more is shown than there is"),
    "the first sync sample": (b"stss", 15, "the first sample is no sync sample"),
    "a reserved field": (b"tkhd", 20, "written anew, the file is another one"),
}


@pytest.mark.parametrize("what", _BREAKS)
def test_the_judge_notices(what: str, tmp_path: Path, complaints: Callable[..., dict[Path, list[str]]]) -> None:
    """One byte is another one."""
    path = cut(record(tmp_path / "footage", H264_B, 60, cut_at=(2,)), tmp_path, "clip")
    kind, behind, words = _BREAKS[what]
    content = bytearray(path.read_bytes())
    content[content.index(kind) + behind] ^= 0x20
    path.write_bytes(content)
    assert words in " ".join(complaints(path)[path])


@pytest.mark.parametrize(("tail", "words"), [(-3, "mdat ends at"), (3, "mdat ends at")])
def test_the_judge_notices_a_file_of_another_length(
    tail: int, words: str, tmp_path: Path, complaints: Callable[..., dict[Path, list[str]]]
) -> None:
    """Cut short, or with something behind its end."""
    path = cut(record(tmp_path / "footage", H264_B, 60, cut_at=(2,)), tmp_path, "clip")
    content = path.read_bytes()
    path.write_bytes(content[:tail] if tail < 0 else content + bytes(tail))
    assert words in " ".join(complaints(path)[path])
