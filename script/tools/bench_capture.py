"""The capture benchmark: what recording costs, this recorder against others on the same cameras.

The sides alternate within one run. Each starts anew in each round, is left alone until every camera has been stored
for a while, and then its CPU time and the bytes of its files are read at two moments: their differences are the
steady state. Memory is read at the second moment.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from . import sides
from .processes import cpu_seconds, pss_bytes
from .serials import Count, count, sample_hashes

if TYPE_CHECKING:
    from pathlib import Path

    from .sources import Source

WARM_UP_S: Final = 6.0
START_LIMIT_S: Final = 90.0
REAL_TIME: Final = 0.95
"""The share of the cameras' bytes below which a side, or the server, did not keep real time."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One side in one round, between the two moments."""

    cpu_s: float
    stored_bytes: int
    elapsed_s: float
    pss_bytes: int
    server_cpu_s: float

    @property
    def cpu_s_per_gb(self) -> float:
        """CPU seconds for each 10⁹ bytes of video stored."""
        return self.cpu_s / (self.stored_bytes / 1e9)


@dataclass(slots=True)
class Result:
    """All rounds of one side."""

    readings: list[Reading] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Return the medians, and the spread of the CPU figure."""
        cpu = [reading.cpu_s_per_gb for reading in self.readings]
        return {
            "cpu_s_per_gb": round(statistics.median(cpu), 2),
            "spread": [round(min(cpu), 2), round(max(cpu), 2)],
            "pss_mb": round(statistics.median(reading.pss_bytes for reading in self.readings) / 1e6, 1),
        }


SIDES: Final[dict[str, sides.Side]] = {"ours": sides.ours, "ffmpeg": sides.ffmpeg, "pyav": sides.pyav}


def run(source: Source, folder: Path, rounds: int, seconds: float) -> dict[str, object]:
    """Alternate the sides, tell of the progress, and return the figures."""
    results = {name: Result() for name in SIDES}
    frames = Count()
    sent_per_second = source.material.bytes_per_second * len(source.urls)
    for number in range(rounds):
        for name, side in _in_turn(number):
            reading = measure(side, source, folder, seconds)
            results[name].readings.append(reading)
            say(
                f"round {number + 1}/{rounds}  {name:<6}  {reading.cpu_s_per_gb:6.2f} CPU s/GB  "
                f"{reading.pss_bytes / 1e6:6.0f} MB PSS  {reading.stored_bytes / 1e6:5.0f} MB stored"
            )
            if (words := complaint(name, reading, sent_per_second)) is not None:
                say(words)
            if name == "ours":
                frames += _count_frames(folder, source)
    if frames.unknown:
        say(f"{frames.unknown} stored samples are none that the cameras sent.")
    return {**{name: result.summary() for name, result in results.items()}, **compare(results, frames)}


def _in_turn(number: int) -> list[tuple[str, sides.Side]]:
    """Return the sides, another one first in each round: the first finds the machine's memory cold."""
    all_of_them = list(SIDES.items())
    first = number % len(all_of_them)
    return all_of_them[first:] + all_of_them[:first]


def _count_frames(folder: Path, source: Source) -> Count:
    """Count camera by camera; a camera's files are those in its own folder, by name in the order of time."""
    by_camera: dict[str, list[str]] = {}
    for path in video_files(folder):
        camera = next(part for part in path.parts if part in source.names)
        by_camera.setdefault(camera, []).extend(sample_hashes(path))
    return sum((count(hashes, source.material.sha256) for hashes in by_camera.values()), Count())


def compare(results: dict[str, Result], frames: Count) -> dict[str, object]:
    """Return our medians against ffmpeg's, and what is missing or doubled in our files."""
    ours, ffmpeg = (results[name].readings for name in ("ours", "ffmpeg"))
    cpu = [statistics.median(reading.cpu_s_per_gb for reading in side) for side in (ours, ffmpeg)]
    pss = [statistics.median(reading.pss_bytes for reading in side) for side in (ours, ffmpeg)]
    return {
        "ratio_cpu_vs_ffmpeg": round(cpu[0] / cpu[1], 3),
        "ratio_pss_vs_ffmpeg": round(pss[0] / pss[1], 3),
        "samples_missing": frames.missing,
        "samples_duplicated": frames.duplicated,
    }


def measure(side: sides.Side, source: Source, folder: Path, seconds: float) -> Reading:
    """Record with one side into an empty folder and read it in its steady state."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with side(source.urls, folder) as pids:
        _wait_for_all(folder, len(source.urls))
        time.sleep(WARM_UP_S)
        first = (time.monotonic(), cpu_seconds(pids), cpu_seconds([source.process.pid]), stored_bytes(folder))
        time.sleep(seconds)
        last = (time.monotonic(), cpu_seconds(pids), cpu_seconds([source.process.pid]), stored_bytes(folder))
        memory = pss_bytes(pids)
    return Reading(
        cpu_s=last[1] - first[1],
        stored_bytes=last[3] - first[3],
        elapsed_s=last[0] - first[0],
        pss_bytes=memory,
        server_cpu_s=last[2] - first[2],
    )


def video_files(folder: Path) -> list[Path]:
    """Return all stored files, oldest name first."""
    return sorted(folder.rglob("*.mp4"))


def stored_bytes(folder: Path) -> int:
    """Return what the stored files hold at this moment."""
    return sum(path.stat().st_size for path in video_files(folder))


def complaint(name: str, reading: Reading, sent_per_second: float) -> str | None:
    """Say in words where a side stored less than the cameras should have sent."""
    share = reading.stored_bytes / (sent_per_second * reading.elapsed_s)
    if share >= REAL_TIME:
        return None
    return (
        f"{name} stored {share:.0%} of what the cameras send in {reading.elapsed_s:.0f} s: this machine cannot keep "
        f"real time with it (the cameras' server alone used {reading.server_cpu_s:.0f} s of CPU)."
    )


def _wait_for_all(folder: Path, cameras: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while (started := sum(path.stat().st_size > 0 for path in video_files(folder))) < cameras:
        if time.monotonic() > deadline:
            message = f"only {started} of {cameras} cameras were being stored after {START_LIMIT_S:.0f} s"
            raise RuntimeError(message)
        time.sleep(0.2)


def say(text: str) -> None:
    """Show progress without touching standard output, which is for the result."""
    print(text, file=sys.stderr, flush=True)
