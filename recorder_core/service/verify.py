"""Holds stored files against what the index says of them (invariants 1 and 5).

A file must have the size and the root of its row, exactly one track and that a video, and every sample in it the
SHA-256 that was written beside it. It is read once, and each byte is hashed once.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from recorder_core.mp4 import Mp4Error, check_only_video_track, read_segment, segment_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder_core.storage.index import Index
    from recorder_core.storage.records import Segment
    from recorder_core.storage.volumes import VolumeHandle


class Flaw(StrEnum):
    """What may be wrong with a file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    SIZE = "size"
    ROOT = "root"
    STRUCTURE = "structure"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw of one file; `detail` says where or how."""

    segment_id: int
    camera_id: str
    path: str
    flaw: Flaw
    detail: str = ""


@dataclass(slots=True)
class Verified:
    """How much was looked at so far."""

    segments: int = 0
    size: int = 0


def verify(
    index: Index,
    handles: list[VolumeHandle],
    *,
    camera_id: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    verified: Verified | None = None,
) -> Iterator[Finding]:
    """Look at every segment of these volumes, or of one camera on them; yield what is wrong.

    `progress` hears the bytes that were looked at and those of all files; `verified` is counted up.

    Raises:
        StorageError: the index fails or a volume went away.
    """
    count = Verified() if verified is None else verified
    total = sum(index.bytes_on_volume(handle.volume.volume_id) for handle in handles)
    seen = 0
    for handle in handles:
        handle.check()
        for segment in index.all_segments(handle.volume.volume_id):
            if camera_id in (None, segment.camera_id):
                yield from verify_segment(handle.volume.path / segment.path, segment)
                count.segments += 1
                count.size += segment.size
            seen += segment.size
            progress(seen, total)


def verify_segment(path: Path, segment: Segment) -> list[Finding]:
    """Return what is wrong with one file."""

    def finding(flaw: Flaw, detail: str = "") -> Finding:
        return Finding(segment.segment_id, segment.camera_id, segment.path, flaw, detail)

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [finding(Flaw.MISSING)]
    except OSError as error:
        return [finding(Flaw.UNREADABLE, error.strerror or "")]
    found = []
    if len(data) != segment.size:
        found.append(finding(Flaw.SIZE, f"{len(data)} bytes instead of {segment.size}"))
    try:
        check_only_video_track(io.BytesIO(data))
        layout = read_segment(io.BytesIO(data))
    except Mp4Error as error:
        return [*found, finding(Flaw.STRUCTURE, str(error))]
    if segment_root(io.BytesIO(data), layout) != segment.root:
        found.append(finding(Flaw.ROOT))
    if layout.whole_size != len(data):
        found.append(finding(Flaw.STRUCTURE, f"whole up to byte {layout.whole_size} only"))
    if len(layout.fragments) != len(segment.fragments):
        sentence = f"{len(layout.fragments)} fragments instead of {len(segment.fragments)}"
        found.append(finding(Flaw.STRUCTURE, sentence))
    view = memoryview(data)
    samples = [sample for fragment in layout.fragments for sample in fragment.samples]
    bad = [
        sample
        for sample in samples
        if hashlib.sha256(view[sample.offset : sample.offset + sample.size]).digest() != sample.digest
    ]
    if bad:
        sentence = f"{len(bad)} of {len(samples)} samples, the first at byte {bad[0].offset}"
        found.append(finding(Flaw.SAMPLE, sentence))
    return found
