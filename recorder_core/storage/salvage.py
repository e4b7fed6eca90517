"""Makes a segment of a file that nobody closed: cuts what is torn, syncs, hashes, and says what the row would be.

Keeps the file half of invariant 7: all but the last, torn fragment of a file survives a crash, and of a file that the
disk has damaged everything does.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE

from .files import fsync_folder
from .records import FragmentSpan, Segment
from .traces import is_one_fragment, is_torn_end

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from recorder_core.mp4 import FragmentLayout, SegmentLayout
    from recorder_core.mp4.reader import SegmentOutline

    from .records import Volume


def salvage(path: Path, layout: SegmentLayout) -> tuple[FragmentLayout, ...]:
    """Cut a file that was being written when its writer died behind the last fragment that is whole, and sync it.

    After a power cut a fragment's boxes may have reached the disk and its media data not, so every sample is compared
    with the digest beside it. Where more follows than a power cut can have torn, nothing is cut. Returns the fragments
    that are left. Raises OSError.
    """
    with path.open("r+b") as file:
        kept = 0
        while kept < len(layout.fragments) and _is_whole(file, layout.fragments[kept]):
            kept += 1
        end = layout.fragments[kept].offset if kept < len(layout.fragments) else layout.whole_size
        fragments = layout.fragments[:kept]
        if not is_torn_end(path, end):
            fragments = layout.fragments
            os.fsync(file.fileno())
        elif fragments:
            _cut(file, end)
    fsync_folder(path.parent)
    return fragments


def cut_torn_end(path: Path, outline: SegmentOutline) -> bool:
    """Cut a torn fragment behind the whole ones of a file and sync it; whether that was done.

    Where others follow it is no torn end, and nothing is cut. Raises OSError.
    """
    if path.stat().st_size == outline.whole_size or not is_one_fragment(path, outline.whole_size):
        return False
    with path.open("r+b") as file:
        _cut(file, outline.whole_size)
    fsync_folder(path.parent)
    return True


def segment_of(volume: Volume, path: str, outline: SegmentOutline, *, salvaged: bool) -> Segment:
    """Return the row for a file that ends with the last of its whole fragments; there is at least one.

    It lasts from when its first sample is due for decoding. What only the writer knew (lost packets, the camera's
    clock) is not in the file and stays empty.
    """
    fragments = outline.fragments
    last = fragments[-1]
    start_us = fragments[0].decoding_us
    end_us = last.decoding_us + last.duration * 1_000_000 // TIMESCALE
    spans = tuple(FragmentSpan(head.offset, head.size, head.duration, head.sync) for head in fragments)
    return Segment(
        segment_id=outline.segment_id,
        camera_id=outline.camera_id,
        run_id=outline.run_id,
        volume_id=volume.volume_id,
        path=path,
        start_us=start_us,
        wall_duration_us=max(end_us - start_us, 0),
        media_duration=sum(span.duration for span in spans),
        size=outline.whole_size,
        root=outline.root,
        fragments=spans,
        samples=sum(head.samples for head in fragments),
        salvaged=salvaged,
    )


def _is_whole(file: BinaryIO, fragment: FragmentLayout) -> bool:
    for sample in fragment.samples:
        file.seek(sample.offset)
        if hashlib.sha256(file.read(sample.size)).digest() != sample.digest:
            return False
    return True


def _cut(file: BinaryIO, size: int) -> None:
    file.truncate(size)
    file.flush()
    os.fsync(file.fileno())
