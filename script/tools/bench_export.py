"""The export benchmark: what a checked clip of ten minutes costs against a plain copy and against ffmpeg.

All sides read the same files of a minute from a warm cache and end with their output synced to the disk. Ours plans
from the headers, compares every sample with its SHA-256 and hashes the file it makes.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, Final

from recorder_core.export import ClipSource, plan_clip, write_clip

from .bench_capture import say
from .bench_footage import SEGMENT_S, T0, S, close_segment, load_loop, name_file, write_fragments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    type Side = Callable[[list[ClipSource], Path], None]
    """Takes the recorded files and an empty folder for its output."""


def ours(sources: list[ClipSource], folder: Path) -> None:
    """One progressive MP4, planned, checked, hashed and synced."""
    plan = plan_clip(sources, T0, T0 + len(sources) * SEGMENT_S * S)
    write_clip(plan, folder, "clip")


def cp(sources: list[ClipSource], folder: Path) -> None:
    """A copy of each file, byte by byte, and synced."""
    subprocess.run(["/bin/cp", "--reflink=never", *(source.path for source in sources), folder], check=True)
    subprocess.run(["/bin/sync", "-d", *folder.iterdir()], check=True)


def ffmpeg_concat(sources: list[ClipSource], folder: Path) -> None:
    """One MP4, remuxed by ffmpeg, and synced."""
    names = folder / "files.txt"
    names.write_text("".join(f"file '{source.path}'\n" for source in sources))
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(names), "-c", "copy"]
    subprocess.run([*command, folder / "clip.mp4"], check=True)
    subprocess.run(["/bin/sync", "-d", folder / "clip.mp4"], check=True)


SIDES: Final[dict[str, Side]] = {"ours": ours, "cp": cp, "ffmpeg_concat": ffmpeg_concat}


def run(folder: Path, minutes: int, rounds: int) -> dict[str, object]:
    """Alternate the sides, another one first in each round, and return the medians and what they are to each other."""
    sources = _record(folder.absolute() / "footage", minutes)
    output = folder.absolute() / "output"
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    for number in range(rounds):
        names = list(SIDES)
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            seconds[name].append(_timed(SIDES[name], sources, output))
            say(f"round {number + 1}/{rounds}  {name:<13}  {seconds[name][-1]:6.3f} s")
    return {"footage_mb": round(sum(source.path.stat().st_size for source in sources) / 1e6), **compare(seconds)}


def compare(seconds: dict[str, list[float]]) -> dict[str, object]:
    """Return each side's median and spread, and how many times as fast as each other side ours is."""
    medians = {name: statistics.median(of_side) for name, of_side in seconds.items()}
    figures: dict[str, object] = {
        name: {"median_s": round(medians[name], 3), "spread_s": [round(min(of_side), 3), round(max(of_side), 3)]}
        for name, of_side in seconds.items()
    }
    ratios = {f"ratio_vs_{name}": round(medians[name] / medians["ours"], 3) for name in medians if name != "ours"}
    return figures | ratios


def _record(root: Path, minutes: int) -> list[ClipSource]:
    root.mkdir()
    loop = load_loop()
    sources = []
    for minute in range(minutes):
        file = name_file("cam0", "run", "volume", T0 + minute * SEGMENT_S * S)
        sources.append(ClipSource.of(close_segment(file, *write_fragments(root, file, loop)), root))
    return sources


def _timed(side: Side, sources: list[ClipSource], output: Path) -> float:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    for source in sources:  # into the cache, should anything have pushed it out
        source.path.read_bytes()
    begin = time.monotonic()
    side(sources, output)
    return time.monotonic() - begin
