"""Segment files on disk for tests of clips: one run of footage cut into files at sync samples."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from recorder_core.export import ClipSource
from recorder_core.media import TIMESCALE
from tests.core.mp4.footage import Encoding, footage, segment_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_US = 1_700_000_000_000_000


def record(
    folder: Path,
    encoding: Encoding,
    frames: int,
    *,
    cut_at: Sequence[int] = (),
    start_us: int = START_US,
    wall_per_media: float = 1.0,
    run_id: str = "run-1",
    longest: int = 7,
    first_segment_id: int = 1,
) -> list[ClipSource]:
    """Write footage as segment files; a new one begins at the sync samples whose numbers (from 0) are in `cut_at`.

    Picture 0 is presented at `start_us`. `wall_per_media` is how fast the wall clock runs against the camera's.
    """
    folder.mkdir(exist_ok=True)
    made = footage(encoding, frames)
    syncs = [index for index, sample in enumerate(made.samples) if sample.sync]
    edges = [0, *(syncs[number] for number in cut_at), len(made.samples)]
    sources = []
    for first, last in itertools.pairwise(edges):
        samples = made.samples[first:last]
        begin_us, end_us = (
            start_us + int(media * 1_000_000 * wall_per_media / TIMESCALE)
            for media in (samples[0].dts, samples[-1].dts + samples[-1].duration)
        )
        written = segment_bytes(
            made.video_format,
            samples,
            start_us=begin_us,
            run_id=run_id,
            segment_id=first_segment_id + first,
            longest=longest,
        )
        path = folder / f"{run_id}-{first}.mp4"
        path.write_bytes(written.data)
        sources.append(ClipSource(path, run_id, begin_us, end_us - begin_us, written.spans))
    return sources
