"""Holds stored files against what the index says of them (invariants 1 and 5), at the speed of the disk.

A file is read once. Several are looked at side by side, for hashing leaves the interpreter to others.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from recorder_core.mp4 import Mp4Error, check_only_video_track, read_segment, segment_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from recorder_core.storage.index import Index
    from recorder_core.storage.records import Segment
    from recorder_core.storage.volumes import VolumeHandle

_AHEAD = 2
"""Files that wait for each thread: enough that none is idle, few enough for memory, which holds them whole."""


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


type Examine = Callable[[Path, Segment], list[Finding]]
"""Looks at the file of a segment, on some thread, and returns what is wrong with it."""


def verify(
    index: Index,
    handles: list[VolumeHandle],
    examine: Examine,
    *,
    camera_id: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    verified: Verified | None = None,
) -> Iterator[Finding]:
    """Look at every segment of these volumes, or of one camera on them; yield what is wrong, in order.

    `progress` hears the bytes that were looked at and those of all files; `verified` is counted up.

    Raises:
        RequestError: `UNKNOWN_CAMERA`.
        StorageError: the index fails or a volume went away.
    """
    count = Verified() if verified is None else verified
    volumes = sum(index.bytes_on_volume(handle.volume.volume_id) for handle in handles)
    total = volumes if camera_id is None else index.footage(camera_id).size
    threads = os.process_cpu_count() or 1
    waiting: deque[tuple[Segment, Future[list[Finding]]]] = deque()

    def done() -> list[Finding]:
        segment, future = waiting.popleft()
        findings = future.result()
        count.segments += 1
        count.size += segment.size
        progress(count.size, total)
        return findings

    with ThreadPoolExecutor(threads, "verify") as pool:
        for path, segment in _files(index, handles, camera_id):
            waiting.append((segment, pool.submit(examine, path, segment)))
            if len(waiting) > threads * _AHEAD:
                yield from done()
        while waiting:
            yield from done()


def _files(index: Index, handles: list[VolumeHandle], camera_id: str | None) -> Iterator[tuple[Path, Segment]]:
    for handle in handles:
        handle.check()
        for segment in index.all_segments(handle.volume.volume_id):
            if camera_id in (None, segment.camera_id):
                yield handle.volume.path / segment.path, segment


def check_no_audio(path: Path, segment: Segment) -> list[Finding]:
    """Make sure that a segment's file has one track, that it is video, and no audio sample entry; reads no footage."""
    try:
        check_only_video_track(path)
    except Mp4Error as error:
        return [_finding(segment, Flaw.STRUCTURE, str(error))]
    except OSError as error:
        return [_refused(segment, error)]
    return []


def check_whole(path: Path, segment: Segment) -> list[Finding]:
    """Hold all of a segment's file against its row.

    It must have the size and the root of its row, one track and that a video, and every sample in it the SHA-256 that
    was written beside it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        return [_refused(segment, error)]
    found = []
    if len(data) != segment.size:
        found.append(_finding(segment, Flaw.SIZE, f"{len(data)} bytes instead of {segment.size}"))
    try:
        check_only_video_track(io.BytesIO(data))
        layout = read_segment(io.BytesIO(data))
    except Mp4Error as error:
        return [*found, _finding(segment, Flaw.STRUCTURE, str(error))]
    if segment_root(io.BytesIO(data), layout) != segment.root:
        found.append(_finding(segment, Flaw.ROOT))
    if layout.whole_size != len(data):
        found.append(_finding(segment, Flaw.STRUCTURE, f"whole up to byte {layout.whole_size} only"))
    if len(layout.fragments) != len(segment.fragments):
        sentence = f"{len(layout.fragments)} fragments instead of {len(segment.fragments)}"
        found.append(_finding(segment, Flaw.STRUCTURE, sentence))
    view = memoryview(data)
    samples = [sample for fragment in layout.fragments for sample in fragment.samples]
    bad = [
        sample
        for sample in samples
        if hashlib.sha256(view[sample.offset : sample.offset + sample.size]).digest() != sample.digest
    ]
    if bad:
        sentence = f"{len(bad)} of {len(samples)} samples, the first at byte {bad[0].offset}"
        found.append(_finding(segment, Flaw.SAMPLE, sentence))
    return found


def _refused(segment: Segment, error: OSError) -> Finding:
    if isinstance(error, FileNotFoundError):
        return _finding(segment, Flaw.MISSING)
    return _finding(segment, Flaw.UNREADABLE, error.strerror or "")


def _finding(segment: Segment, flaw: Flaw, detail: str = "") -> Finding:
    return Finding(segment.segment_id, segment.camera_id, segment.path, flaw, detail)
