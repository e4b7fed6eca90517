"""Holds recordings against what the index says of them (invariants 1 and 5), at the speed of the disk.

A file is read once. Several are looked at side by side, for hashing leaves the interpreter to others.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from recorder_core.mp4 import Mp4Error, check_only_video_track, init_segment, read_outline
from recorder_core.parameter_sets import ParameterSetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from recorder_core.mp4.reader import SegmentOutline
    from recorder_core.storage.index import Index
    from recorder_core.storage.records import Segment
    from recorder_core.storage.volumes import VolumeHandle

_AHEAD = 2
"""Files that wait for each thread, enough that none is idle."""

_MOST_THREADS = 4
"""No disk is quicker than so many cores, and each thread has a whole file in memory."""

_FAR_US = 2_000_000
"""No picture is shown so much earlier or later than the file's times say."""


class Flaw(StrEnum):
    """What may be wrong with a file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    SIZE = "size"
    ROOT = "root"
    STRUCTURE = "structure"
    SAMPLE = "sample"
    CHANGED = "changed"
    FOREIGN = "foreign"


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
    threads = min(os.process_cpu_count() or 1, _MOST_THREADS)
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
    """Make sure that every byte of a segment's file is one of its headers or of a picture; reads no footage.

    The headers must be, byte for byte, those that the recorder writes for one video track: there is no room for sound.
    """
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            outline = read_outline(file)
            beginning = init_segment(
                outline.video_format,
                camera_id=outline.camera_id,
                run_id=outline.run_id,
                segment_id=outline.segment_id,
            )
            file.seek(0)
            found = file.read(outline.fragments[0].offset if outline.fragments else outline.whole_size)
    except (Mp4Error, ParameterSetError) as error:
        return [_finding(segment, Flaw.STRUCTURE, str(error))]
    except OSError as error:
        return [_refused(segment, error)]
    if found != beginning:
        return [_finding(segment, Flaw.STRUCTURE, "it begins with more than one video track")]
    if outline.whole_size != size:
        sentence = f"the bytes {outline.whole_size} to {size - 1} belong to no picture"
        return [_finding(segment, Flaw.STRUCTURE, sentence)]
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
        outline = read_outline(io.BytesIO(data))
    except Mp4Error as error:
        return [*found, _finding(segment, Flaw.STRUCTURE, str(error))]
    if outline.root != segment.root:
        found.append(_finding(segment, Flaw.ROOT, _odd_header(outline, segment)))
    if outline.whole_size != len(data):
        found.append(_finding(segment, Flaw.STRUCTURE, f"whole up to byte {outline.whole_size} only"))
    if len(outline.fragments) != len(segment.fragments):
        sentence = f"{len(outline.fragments)} fragments instead of {len(segment.fragments)}"
        found.append(_finding(segment, Flaw.STRUCTURE, sentence))
    view = memoryview(data)
    samples = [(sample, head.start_us) for head in outline.fragments for sample in head.layout().samples]
    bad = [
        (number, sample, at_us)
        for number, (sample, at_us) in enumerate(samples, 1)
        if hashlib.sha256(view[sample.offset : sample.offset + sample.size]).digest() != sample.digest
    ]
    if bad:
        number, sample, at_us = bad[0]
        at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        sentence = (
            f"picture {number} of {len(samples)}, of about {at:%Y-%m-%dT%H:%M:%SZ}, "
            f"somewhere in the bytes {sample.offset} to {sample.offset + sample.size - 1}"
        )
        more = f"; and {len(bad) - 1} more" if len(bad) > 1 else ""
        found.append(_finding(segment, Flaw.SAMPLE, sentence + more))
    return found


def _odd_header(outline: SegmentOutline, segment: Segment) -> str:
    """Say which header is not as it was recorded, as far as they show that by themselves."""
    dts = 0
    for number, head in enumerate(outline.fragments, 1):
        spans = {(span.offset, span.size, span.duration, span.sync) for span in segment.fragments[number - 1 : number]}
        begins_us = segment.start_us + dts * segment.wall_duration_us // max(segment.media_duration, 1)
        if (
            (head.offset, head.size, head.duration, head.sync) not in spans
            or (head.sequence, head.base_dts) != (number, dts)
            or abs(head.start_us - begins_us) > _FAR_US
        ):
            return f"the header of fragment {number}, which begins at byte {head.offset}"
        dts += head.duration
    return f"the header of the file, or of one of its {len(outline.fragments)} fragments"


def _refused(segment: Segment, error: OSError) -> Finding:
    if isinstance(error, FileNotFoundError):
        return _finding(segment, Flaw.MISSING)
    return _finding(segment, Flaw.UNREADABLE, error.strerror or "")


def _finding(segment: Segment, flaw: Flaw, detail: str = "") -> Finding:
    return Finding(segment.segment_id, segment.camera_id, segment.path, flaw, detail)
