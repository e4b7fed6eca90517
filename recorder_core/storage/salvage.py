"""Makes a segment of a file that nobody closed: cuts what is torn, syncs, hashes, and says what the row would be.

Keeps the file half of invariant 7: all but the last, torn fragment of a file survives a crash.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE
from recorder_core.mp4 import segment_root

from .files import fsync_folder
from .records import FragmentSpan, Segment

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from recorder_core.mp4.reader import FragmentLayout, SegmentLayout

    from .records import Volume


def salvage(path: Path, layout: SegmentLayout) -> tuple[FragmentLayout, ...]:
    """Cut a file that was being written when its writer died behind the last fragment that is whole, and sync it.

    After a power cut a fragment's boxes may have reached the disk and its media data not, so every sample is compared
    with the digest beside it. Returns the fragments that are left. Raises OSError.
    """
    with path.open("r+b") as file:
        kept = 0
        while kept < len(layout.fragments) and _is_whole(file, layout.fragments[kept]):
            kept += 1
        fragments = layout.fragments[:kept]
        if fragments:
            _cut(file, fragments[-1].offset + fragments[-1].size)
    fsync_folder(path.parent)
    return fragments


def cut_torn_end(path: Path, layout: SegmentLayout) -> bool:
    """Cut what follows the last fragment in a file and sync it; whether there was something. Raises OSError."""
    if path.stat().st_size == layout.whole_size:
        return False
    with path.open("r+b") as file:
        _cut(file, layout.whole_size)
    fsync_folder(path.parent)
    return True


def segment_of(
    volume: Volume, path: str, layout: SegmentLayout, fragments: tuple[FragmentLayout, ...], *, salvaged: bool
) -> Segment:
    """Return the row for a file whose last byte belongs to the last of `fragments`; there is at least one.

    What only the writer knew (lost packets, the camera's clock) is not in the file and stays empty. Raises OSError.
    """
    last = fragments[-1]
    with (volume.path / path).open("rb", buffering=0) as file:
        root = segment_root(file, replace(layout, fragments=fragments))
    start_us = decoding_us(fragments[0])
    end_us = decoding_us(last) + last.duration * 1_000_000 // TIMESCALE
    return Segment(
        segment_id=layout.segment_id,
        camera_id=layout.camera_id,
        run_id=layout.run_id,
        volume_id=volume.volume_id,
        path=path,
        start_us=start_us,
        wall_duration_us=max(end_us - start_us, 0),
        media_duration=sum(fragment.duration for fragment in fragments),
        size=last.offset + last.size,
        root=root,
        fragments=tuple(
            FragmentSpan(fragment.offset, fragment.size, fragment.duration, fragment.samples[0].sync)
            for fragment in fragments
        ),
        samples=sum(len(fragment.samples) for fragment in fragments),
        salvaged=salvaged,
    )


def _is_whole(file: BinaryIO, fragment: FragmentLayout) -> bool:
    for sample in fragment.samples:
        file.seek(sample.offset)
        if hashlib.sha256(file.read(sample.size)).digest() != sample.digest:
            return False
    return True


def decoding_us(fragment: FragmentLayout) -> int:
    """Return the UTC at which its first sample is due for decoding; a segment lasts from the first such to the last."""
    return fragment.start_us - fragment.samples[0].composition_offset * 1_000_000 // TIMESCALE


def _cut(file: BinaryIO, size: int) -> None:
    file.truncate(size)
    file.flush()
    os.fsync(file.fileno())
