"""Clips in the programs that people open them with."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest

from recorder_core.decoder import Decoder
from recorder_core.export import plan_clip, write_clip
from recorder_core.export.derivative import make_derivative, write_derivative
from recorder_core.models import StartMode
from script.tools.browser import opened_browser
from tests.core.export.library import START_US, record
from tests.core.export.packages import contents_of, made_package, package_order
from tests.core.export.tools import tool
from tests.core.mp4.footage import ENCODINGS, FRAME_US, H264_B, number_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page

FIRST, END = 13, 47
ORIGINALS = (StartMode.LEAD_IN, StartMode.NEXT_SYNC)


@pytest.fixture
def cut(tmp_path: Path) -> Callable[[str, StartMode], Path]:
    """Cuts pictures 13 to 46, which begins between two sync samples and crosses from one file into the next."""

    def make(name: str, mode: StartMode) -> Path:
        sources = record(tmp_path / name, ENCODINGS[name], 60, cut_at=(2,))
        plan = plan_clip(sources, START_US + FIRST * FRAME_US, START_US + END * FRAME_US, mode)
        (clip,) = write_clip(plan, tmp_path, f"{name}-{mode}")
        return Path(clip.path)

    return make


async def re_encoded(name: str, folder: Path) -> Path:
    """The pictures from the start to the first sync sample, encoded anew."""
    sources = record(folder / f"{name}-anew", ENCODINGS[name], 60, cut_at=(2,))
    start_us, end_us = START_US + FIRST * FRAME_US, START_US + END * FRAME_US
    (part,) = plan_clip(sources, start_us, end_us, StartMode.REENCODE_FIRST_GOP).to_encode
    made = await make_derivative("entrance", part, Decoder(), lambda _done, _total: None)
    return Path(write_derivative(made, folder, f"{name}_reencoded").path)


def unedited(path: Path) -> list[int]:
    """The numbers of all pictures in a file, also of those that its edit list hides."""
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        return sorted(number_of(frame) for frame in container.decode(video=0))


@pytest.mark.parametrize("mode", ORIGINALS)
@pytest.mark.parametrize("name", ["h264", "h264_baseline", "h264_b", "h264_pyramid", "h265", "h265_open", "mjpeg"])
def test_pyav_and_ffmpeg(name: str, mode: StartMode, cut: Callable[[str, StartMode], Path]) -> None:
    """Both play it to the end, and neither has a word to say."""
    path = cut(name, mode)
    first = 20 if mode is StartMode.NEXT_SYNC and name != "mjpeg" else FIRST
    assert shown(path).numbers == list(range(first, END))
    # Of each JPEG picture, as it comes from the encoder, ffmpeg says in a warning that its end is missing.
    level = "error" if name == "mjpeg" else "warning"
    command = [tool("ffmpeg", "ffmpeg"), "-v", level, "-xerror", "-i", str(path), "-f", "null", "-"]
    played = subprocess.run(command, check=True, capture_output=True, text=True)
    assert played.stderr == ""


@pytest.mark.parametrize(
    ("name", "begins", "lead_in"),
    [("h264_b", 20, 10), ("h264_pyramid", 20, 0), ("h265", 20, 10), ("h265_open", 20, 10), ("mjpeg", FIRST, FIRST)],
)
def test_next_sync_holds_nothing_from_before_the_start(
    name: str, begins: int, lead_in: int, cut: Callable[[str, StartMode], Path]
) -> None:
    """Also for who ignores the edit list; with a lead-in it is there, except where every picture is a sync sample."""
    assert unedited(cut(name, StartMode.NEXT_SYNC))[: END - begins] == list(range(begins, END))
    assert unedited(cut(name, StartMode.LEAD_IN))[0] == lead_in


def test_the_clip_of_a_package_holds_nothing_from_before_the_start(tmp_path: Path) -> None:
    """Nor does any of its tables name such a picture."""
    package = made_package(tmp_path, package_order(tmp_path, FIRST, END, encoding=H264_B))
    contents = contents_of(package)
    (video,) = (name for name in contents if name.endswith(".mp4"))
    (tmp_path / video).write_bytes(contents[video])
    assert unedited(tmp_path / video) == list(range(20, END))
    assert b",no," not in b"".join(
        line.rpartition(b",yes,")[0] for line in contents[f"{video[:-4]}.frames.csv"].split()
    )


async def played(page: Page, path: Path) -> dict[str, float]:
    """Play a file in the browser from beginning to end; its picture's size, its length and where it stopped."""
    await page.goto("about:blank")
    beside = path.with_suffix(".html")
    beside.write_text(f'<video muted src="{path.name}"></video>')
    await page.goto(beside.as_uri())
    result: dict[str, float] = await page.evaluate(
        """() => new Promise((done, failed) => {
            const video = document.querySelector("video");
            video.onerror = () => failed(new Error(video.error.message));
            video.onended = () => done({width: video.videoWidth, duration: video.duration, at: video.currentTime,
                frames: video.getVideoPlaybackQuality().totalVideoFrames,
                damaged: video.getVideoPlaybackQuality().corruptedVideoFrames});
            video.playbackRate = 4;
            video.play().catch(failed);
        })"""
    )
    return result


@pytest.mark.parametrize("name", ["h264_b", "h265_open"])
async def test_re_encoded_pictures_in_ffmpeg(name: str, tmp_path: Path) -> None:
    """It plays them to the end, and has not a word to say."""
    path = await re_encoded(name, tmp_path)
    command = [tool("ffmpeg", "ffmpeg"), "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
    played = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
    assert played.stderr == ""
    assert unedited(path) == list(range(FIRST, 20))


async def test_chromium(cut: Callable[[str, StartMode], Path], tmp_path: Path) -> None:
    """It plays H.264 of every kind, and re-encoded pictures, whatever they were; Debian's knows no H.265."""
    beside = {name: [await re_encoded(name, tmp_path)] for name in ("h264_b", "h264_pyramid")}
    beside |= {"h264": [await re_encoded("h265", tmp_path)], "h264_baseline": []}
    async with opened_browser() as page:
        for name in ("h264", "h264_baseline", "h264_b", "h264_pyramid"):
            for path in [*(cut(name, mode) for mode in ORIGINALS), *beside[name]]:
                result = await played(page, path)
                frames = len(shown(path).numbers)
                assert (result["width"], result["damaged"]) == (256, 0), name
                assert result["duration"] == pytest.approx(frames / 25, abs=0.001), name
                assert result["at"] == pytest.approx(result["duration"], abs=0.001), name
