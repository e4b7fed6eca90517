"""Rebuilds the index from the files alone, or compares a whole index with all files (invariants 1, 4 and 7).

Every file names its camera, run and segment, and each fragment its UTC, so rows can be made again. A row is never
removed for want of a file unless that is asked for, a file never for want of a row unless it holds nothing. Of a file
that the disk has damaged nothing is cut: what can be read gets its row, and the finding `changed`.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from recorder_core.mp4 import Mp4Error
from recorder_core.mp4.reader import read_outline

from .garbage import collect_garbage
from .garbage_rows import GarbageFile
from .ids import CAMERAS_FOLDER, parse_segment_path
from .intervals import subtract
from .rebuild_rows import REBUILT, Finding
from .reconcile import no_progress
from .records import Run
from .salvage import cut_torn_end, segment_of
from .traces import is_one_fragment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from recorder_core.media import VideoFormat

    from .index import Index
    from .intervals import Interval
    from .reconcile import Progress
    from .records import Segment, Volume
    from .volumes import VolumeHandle

_LOGGER = logging.getLogger(__name__)

_BATCH = 250
"""Files, or gaps, per transaction: few enough that a crash costs little, enough that syncing does not matter."""

_NEVER_US = 1 << 62

SNAP_US = 50_000
"""Segments of one run that meet this closely follow each other: a run's clock drifts at most 30 ms in a minute."""


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild met, in files: already `known`, `adopted`, `discarded` for they held nothing, `unreadable`.

    `unreadable` files are damaged at their beginning, or not readable now; they are left alone, as are `foreign` ones:
    whatever is no segment, or a second copy of one. `missing` and `changed` count rows whose file is not as they say,
    `given_up` those of them that were removed. `gaps` counts the gaps that were added.
    """

    known: int = 0
    adopted: int = 0
    discarded: int = 0
    unreadable: int = 0
    foreign: int = 0
    missing: int = 0
    changed: int = 0
    given_up: int = 0
    gaps: int = 0


type _Found = tuple[Segment, VideoFormat]


def rebuild(
    index: Index,
    volumes: Sequence[VolumeHandle],
    progress: Progress = no_progress,
    *,
    give_up_missing: bool = False,
) -> Rebuilt:
    """Make the index agree with every file of the volumes; call `reconcile` first.

    Recording may go on meanwhile, for the row of a file that is being written comes before the file; so may all else
    that uses the index, but for a second call of this. Works on an index that is new as on one that is full, and may be
    broken off, by an error that `progress` raises too, and called again. With `give_up_missing` the rows whose file is
    not there are removed, each leaving an event and a gap.

    Raises StorageError where the index fails, and `VOLUME_MISSING` or `VOLUME_FOREIGN` for a volume that went away;
    OSError for a folder that cannot be looked at.
    """
    report = Rebuilt()
    total = sum(size for handle in volumes for _, size in _files(handle.volume.path))
    walk = _Walk(index, report, progress, total)
    for handle in volumes:
        handle.check()
        index.put_volume(handle.volume)
        for batch in batched(_chained(walk.unknown_files(handle.volume)), _BATCH, strict=False):
            index.adopt([(segment, _run(segment, video_format)) for segment, video_format in batch])
            report.adopted += len(batch)
        collect_garbage(index, handle.volume)
        _check_rows(index, handle, report, partial(progress, walk.done, total), give_up=give_up_missing)
    for camera_id in index.cameras():
        report.gaps += _fill_holes(index, camera_id)
    return report


@dataclass(slots=True)
class _Walk:
    """Goes over the files of volumes and sorts them."""

    index: Index
    report: Rebuilt
    progress: Progress
    total: int
    done: int = 0

    def unknown_files(self, volume: Volume) -> Iterator[_Found]:
        """Give what the index does not know yet, camera by camera in order of time."""
        for some in batched(self._named_files(volume), _BATCH, strict=False):
            # Asked for after the files were seen: a row comes before its file, so what has none is nobody's.
            known = self.index.known_files([segment_id for _, segment_id in some])
            unknown = []
            for path, segment_id in some:
                if segment_id not in known:
                    unknown.append(path)
                elif (place := known[segment_id]) is not None:
                    if place == (volume.volume_id, path):
                        self.report.known += 1
                    else:
                        self.report.foreign += 1
            for path in unknown:
                if (found := self._examine(volume, path)) is not None:
                    yield found
        self.progress(self.done, self.total)

    def _named_files(self, volume: Volume) -> Iterator[tuple[str, int]]:
        """Give path and id of what is named like a segment."""
        for path, size in _files(volume.path):
            self.progress(self.done, self.total)
            self.done += size
            try:
                yield path, parse_segment_path(path).segment_id
            except ValueError:
                self.report.foreign += 1

    def _examine(self, volume: Volume, path: str) -> _Found | None:
        try:
            return self._read(volume, path)
        except (Mp4Error, OSError) as error:
            _LOGGER.warning("The file %s cannot be taken into the index: %s", volume.path / path, error)
            self.report.unreadable += 1
            return None

    def _read(self, volume: Volume, path: str) -> _Found | None:
        outline = read_outline(volume.path / path)
        if outline.segment_id != parse_segment_path(path).segment_id:
            self.report.foreign += 1
            return None
        if not outline.fragments:
            if not is_one_fragment(volume.path / path, outline.whole_size):
                raise Mp4Error("Its first fragment is damaged, and others follow")
            size = (volume.path / path).stat().st_size
            self.index.condemn(GarbageFile(outline.segment_id, volume.volume_id, path, size, "nothing_whole"))
            self.report.discarded += 1
            return None
        torn = cut_torn_end(volume.path / path, outline)
        return segment_of(volume, path, outline, salvaged=torn), outline.video_format


def _files(root: Path) -> Iterator[tuple[str, int]]:
    """Give path below `root` and size of every file where segments lie, ordered by camera and then by time.

    Raises OSError where the disk does not say what is there: what was not seen must not count as read.
    """
    pending = [root / CAMERAS_FOLDER]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        for entry in ordered:
            if entry.is_file(follow_symlinks=False):
                yield str((folder / entry.name).relative_to(root)), entry.stat().st_size
        pending.extend(folder / entry.name for entry in reversed(ordered) if entry.is_dir(follow_symlinks=False))


def _chained(found: Iterable[_Found]) -> Iterator[_Found]:
    """Let each segment end where its successor in the run begins, as the writer does."""
    held: _Found | None = None
    for one in found:
        if held is not None:
            segment, video_format = held
            distance = one[0].start_us - segment.end_us
            if one[0].run_id == segment.run_id and abs(distance) <= SNAP_US:
                segment = replace(segment, wall_duration_us=max(segment.wall_duration_us + distance, 0))
            yield segment, video_format
        held = one
    if held is not None:
        yield held


def _run(segment: Segment, video_format: VideoFormat) -> Run:
    return Run(
        run_id=segment.run_id,
        camera_id=segment.camera_id,
        start_us=segment.start_us,
        source="unknown",
        codec=video_format.codec.value,
        width=video_format.width,
        height=video_format.height,
        end_us=segment.end_us,
        end_reason=REBUILT,
    )


def _check_rows(
    index: Index, handle: VolumeHandle, report: Rebuilt, going_on: Callable[[], None], *, give_up: bool
) -> None:
    """Look for the file of every row; the size tells a file that changed, its hash is for `verify` to compare."""
    noted = index.findings()
    for segment in index.all_segments(handle.volume.volume_id):
        going_on()
        try:
            size = (handle.volume.path / segment.path).stat().st_size
        except FileNotFoundError:
            handle.check()  # that one file is not there means nothing if none are
            if index.segment(segment.segment_id) is None:  # deleted since its row was read, as others may be any time
                continue
            report.missing += 1
            index.note_finding(segment, Finding.MISSING)
            if give_up:
                report.given_up += index.give_up(segment)
            continue
        if size != segment.size:
            report.changed += 1
            index.note_finding(segment, Finding.CHANGED)
        elif noted.get(segment.segment_id, Finding.DAMAGED) is not Finding.DAMAGED:  # which the size does not tell
            index.clear_finding(segment.segment_id)


def _fill_holes(index: Index, camera_id: str) -> int:
    """Label what lies between segments, if one beside it belongs to a run that was inferred from files."""
    found: list[Interval] = []
    covered_us: int | None = None
    covered_inferred = False
    for start_us, end_us, inferred in index.inferred_coverage(camera_id):
        if covered_us is not None and start_us > covered_us and (inferred or covered_inferred):
            found.extend(subtract([(covered_us, start_us)], _explained(index, camera_id, covered_us, start_us)))
        if covered_us is None or end_us > covered_us:
            covered_us, covered_inferred = end_us, inferred
    if covered_us is not None and covered_inferred:  # where recording went on, it did so with a gap
        later = [gap.start_us for gap in index.gaps(camera_id, covered_us, _NEVER_US)]
        if later and min(later) > covered_us:
            found.extend(subtract([(covered_us, min(later))], _explained(index, camera_id, covered_us, min(later))))
    for some in batched(found, _BATCH, strict=False):
        index.add_inferred_gaps(camera_id, some)
    return len(found)


def _explained(index: Index, camera_id: str, start_us: int, end_us: int) -> list[Interval]:
    """Return what of a hole is in a gap, or was recorded and deleted since."""
    gaps = index.gaps(camera_id, start_us, end_us)
    deleted = [(one.start_us, one.end_us) for one in index.destroyed(camera_id, start_us, end_us)]
    return [(gap.start_us, end_us if gap.end_us is None else gap.end_us) for gap in gaps] + deleted
