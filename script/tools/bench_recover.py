"""The recovery benchmark: a start after a crash, and a whole index made anew from the files.

A rebuild reads headers alone, so most files are headers with hardly any pictures; some are whole, a few seconds long,
to show that the pictures do not count.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from recorder_core.clock import SystemClock
from recorder_core.models import VolumeConfig
from recorder_core.storage.index import Index
from recorder_core.storage.rebuild import rebuild
from recorder_core.storage.reconcile import reconcile
from recorder_core.storage.records import Run
from recorder_core.storage.volumes import open_volume

from .bench_capture import say
from .bench_footage import SEGMENT_S, T0, S, close_segment, load_loop, name_file, write_fragments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder_core.storage.volumes import VolumeHandle

    from .bench_footage import Loop

_WHOLE_S: Final = 5
_WHOLE_SHARE: Final = 10
"""One whole file for so many that are but headers."""


def run(folder: Path, segments: int, cameras: int) -> dict[str, object]:
    """Crash with a file of each camera open, start; lose the index, rebuild; return the figures."""
    loop = load_loop()
    start_s = _start_after_crash(folder / "crashed", loop, cameras)
    headers_s = _rebuild(folder / "headers", loop, segments, SEGMENT_S, sample_bytes=1)
    whole_s = _rebuild(folder / "whole", loop, max(segments // _WHOLE_SHARE, 1), _WHOLE_S, sample_bytes=None)
    return {
        "segments": segments,
        "open_files": cameras,
        "start_after_crash_s": round(start_s, 2),
        "reconcile_s_per_100k_segments": round(headers_s * 100_000, 1),
        "reconcile_s_per_100k_whole_segments_of_5_s": round(whole_s * 100_000, 1),
    }


def _start_after_crash(root: Path, loop: Loop, cameras: int) -> float:
    """Seconds until nothing is left of a crash in the middle of a minute of each camera."""
    with _store(root) as (index, volume):
        volume_id = volume.volume.volume_id
        for camera in range(cameras):
            run_id = f"{camera:032x}"
            index.put_camera(f"cam{camera}", f"Camera {camera}")
            index.begin_run(Run(run_id, f"cam{camera}", T0, "rtsp", "h264", 1920, 1080))
            file = name_file(f"cam{camera}", run_id, volume_id, T0)
            index.file_opened(file)
            write_fragments(volume.volume.path, file, loop, SEGMENT_S // 2)[0].release()
        begin = time.monotonic()
        found = reconcile(index, [volume])
        seconds = time.monotonic() - begin
    if len(found.salvaged) != cameras:
        raise RuntimeError(f"{len(found.salvaged)} of {cameras} open files were salvaged")
    say(f"start after a crash with {cameras} open files: {seconds:.2f} s")
    return seconds


def _rebuild(root: Path, loop: Loop, segments: int, seconds: int, *, sample_bytes: int | None) -> float:
    """Write files that no index knows, rebuild, and return the seconds for each."""
    with _store(root) as (index, volume):
        for number in range(segments):
            camera, minute = number % 10, number // 10
            start_us = T0 + minute * seconds * S
            file = name_file(f"cam{camera}", f"{camera:032x}", volume.volume.volume_id, start_us)
            written, spans = write_fragments(volume.volume.path, file, loop, seconds, sample_bytes=sample_bytes)
            close_segment(file, written, spans)
        begin = time.monotonic()
        report = rebuild(index, [volume])
        elapsed = time.monotonic() - begin
    if report.adopted != segments:
        raise RuntimeError(f"{report.adopted} of {segments} files were taken into the index")
    say(f"rebuild of {segments} files of {seconds} s: {elapsed:.2f} s")
    return elapsed / segments


@contextmanager
def _store(root: Path) -> Iterator[tuple[Index, VolumeHandle]]:
    root.mkdir()
    (root / "volume").mkdir()
    clock = SystemClock()
    volume = open_volume(VolumeConfig(path=str((root / "volume").absolute())), clock, create=True)
    with Index.open(root / "index.sqlite3", clock) as index:
        index.put_volume(volume.volume)
        yield index, volume
