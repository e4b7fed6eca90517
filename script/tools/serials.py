"""Counts stored frames by their serial, with a reader that is not ours: ffprobe gives each stored sample's SHA-256.

The material tells from it which frame of the loop a sample is; a camera's serials go on from loop to loop.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Count:
    """Frames between a camera's first and last stored one: stored, missing, stored more than once, unknown."""

    stored: int = 0
    missing: int = 0
    duplicated: int = 0
    unknown: int = 0

    def __add__(self, other: Count) -> Count:
        """Sum two cameras or rounds."""
        return Count(
            self.stored + other.stored,
            self.missing + other.missing,
            self.duplicated + other.duplicated,
            self.unknown + other.unknown,
        )


def sample_hashes(path: Path) -> list[str]:
    """Return the SHA-256 of each sample of a file, in decoding order, as ffprobe sees them."""
    answer = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", "v", "-show_data_hash", "sha256"),
            *("-show_entries", "packet=data_hash", "-of", "csv=p=0", path),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.strip(",").removeprefix("SHA256:") for line in answer.stdout.split()]


def count(hashes: Iterable[str], loop: Sequence[str]) -> Count:
    """Follow one camera's samples through the loop.

    Each step from a sample to the next is taken forward, or as a repetition where the frame stays or goes back by
    less than half a loop.
    """
    serials = {digest: serial for serial, digest in enumerate(loop)}
    known = [serials.get(digest) for digest in hashes]
    places = [serial for serial in known if serial is not None]
    missing = duplicated = 0
    for previous, current in pairwise(places):
        step = (current - previous) % len(loop)
        if step == 0 or step > len(loop) // 2:
            duplicated += 1
        else:
            missing += step - 1
    return Count(len(known), missing, duplicated, len(known) - len(places))
