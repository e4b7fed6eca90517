"""What every start does first: makes index and files agree again after a crash (invariants 1, 2, 4 and 7).

Files that were open are salvaged or given up, runs and gaps that were open are ended, and what is left to say is where
each camera's record ends. Each step is whole by itself: a crash in the middle leaves the rest to the next start.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from recorder_core.errors import StorageError
from recorder_core.mp4 import Mp4Error
from recorder_core.mp4.reader import read_outline, read_segment

from .garbage import collect_garbage
from .garbage_rows import GarbageFile
from .salvage import salvage, segment_of
from .traces import is_torn_end

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from .index import Index
    from .records import Gap, OpenFile, Segment
    from .volumes import VolumeHandle

_LOGGER = logging.getLogger(__name__)

END_REASON = "recorder_down"
"""Why a run ended that nobody ended."""

type Progress = Callable[[int, int], None]
"""Called with the bytes that are done and all that there are."""


@dataclass(slots=True)
class Reconciled:
    """What a start found.

    `salvaged` are the segments that were made of open files, `discarded` counts open files in which nothing was whole,
    `foreign` those in whose place another file lies, or one whose beginning is damaged; it is left alone. `waiting` are
    open files on volumes that are not there or cannot be read; a later start sees to them. `ends` says where the record
    of each camera ends, in UTC microseconds: from there until it records again the recorder was down.
    """

    salvaged: list[Segment] = field(default_factory=list)
    discarded: int = 0
    foreign: int = 0
    waiting: list[OpenFile] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)


def no_progress(done: int, total: int) -> None:
    """Show nothing."""


def reconcile(index: Index, volumes: Iterable[VolumeHandle], progress: Progress = no_progress) -> Reconciled:
    """Bring index and files together; nothing else may use either. A second call right after it changes nothing.

    Raises StorageError where the index fails.
    """
    known = {handle.volume.volume_id: handle for handle in volumes if _is_there(handle)}
    found = Reconciled()
    _see_to_open_files(index, index.open_files(), known, found, progress)
    _empty_garbage(index, known.values())
    _end_runs(index, {file.run_id for file in found.waiting})
    _close_gaps(index)
    for file in found.waiting:
        index.file_missed(file, index.last_heartbeat())
    found.ends = coverage_ends(index)
    return found


type BeingWritten = Callable[[], Collection[int]]
"""Gives the ids of the segments that a volume's writer has open.

It is asked after the index was: a writer forgets a file later than the index does, so what it does not know then is
nobody's.
"""


def miss_left(index: Index, volume_id: str, being_written: BeingWritten) -> list[Gap]:
    """Account for what was left open on a volume that is away; recording may go on elsewhere. Returns the new gaps.

    Raises StorageError where the index fails.
    """
    return [gap for file in _left(index, volume_id, being_written) for gap in index.file_missed(file)]


def salvage_left(index: Index, handle: VolumeHandle, being_written: BeingWritten) -> list[Segment]:
    """Make segments of what was left open on a volume that went away and is back; recording may go on meanwhile.

    What of it cannot be had is in gaps. Raises StorageError where the index fails.
    """
    volume_id = handle.volume.volume_id
    found = Reconciled()
    left = _left(index, volume_id, being_written)
    for file in left:
        index.file_missed(file)
    _see_to_open_files(index, left, {volume_id: handle}, found, no_progress)
    return found.salvaged


def _left(index: Index, volume_id: str, being_written: BeingWritten) -> list[OpenFile]:
    files = [file for file in index.open_files() if file.volume_id == volume_id]
    written = being_written()
    return [file for file in files if file.segment_id not in written]


def coverage_ends(index: Index) -> dict[str, int]:
    """Return, for each camera with a record, where its last segment or closed gap ends."""
    ends = {}
    for camera_id in index.cameras():
        known = [end for end in (index.footage(camera_id).newest_us, index.gaps_end(camera_id)) if end is not None]
        if known:
            ends[camera_id] = max(known)
    return ends


def _see_to_open_files(
    index: Index,
    files: Iterable[OpenFile],
    volumes: Mapping[str, VolumeHandle],
    found: Reconciled,
    progress: Progress,
) -> None:
    sizes = {file: _size(volumes, file) for file in files}
    total = sum(sizes.values())
    done = 0
    for file, size in sizes.items():
        progress(done, total)
        try:
            _see_to(index, volumes, file, found)
        except OSError as error:
            _LOGGER.warning("The open segment %s cannot be read now: %s", file.path, error.strerror)
            found.waiting.append(file)
        done += size
    progress(done, total)


def _size(volumes: Mapping[str, VolumeHandle], file: OpenFile) -> int:
    handle = volumes.get(file.volume_id)
    path = handle and handle.volume.path / file.path
    return path.stat().st_size if path and path.is_file() else 0


def _see_to(index: Index, volumes: Mapping[str, VolumeHandle], file: OpenFile, found: Reconciled) -> None:
    """Turn one open file into a segment, garbage or nothing. Raises OSError if its disk refuses."""
    handle = volumes.get(file.volume_id)
    if handle is None:
        found.waiting.append(file)
        return
    path = handle.volume.path / file.path
    try:
        layout = read_segment(path)
        ours = (layout.camera_id, layout.run_id, layout.segment_id) == (file.camera_id, file.run_id, file.segment_id)
        fragments = salvage(path, layout) if ours else layout.fragments
        whole_size = layout.whole_size
    except FileNotFoundError:  # the row comes before the file
        if _is_there(handle):
            index.file_discarded(file.segment_id)
            found.discarded += 1
        else:
            found.waiting.append(file)
        return
    except Mp4Error:
        ours, fragments, whole_size = True, (), 0
    if not fragments and is_torn_end(path, whole_size):  # whatever it says of itself, for that may be torn, too
        size = path.stat().st_size
        index.condemn(GarbageFile(file.segment_id, file.volume_id, file.path, size, "nothing_whole"))
        found.discarded += 1
    elif not fragments or not ours:
        _LOGGER.error("Where the segment %s was being written lies another file, or a damaged one", file.path)
        index.file_discarded(file.segment_id)
        found.foreign += 1
    else:
        segment = segment_of(handle.volume, file.path, read_outline(path), salvaged=True)
        # The start that the writer had settled on, where the segment before it ends.
        shift_us = segment.start_us - file.start_us
        segment = replace(segment, start_us=file.start_us, wall_duration_us=max(segment.wall_duration_us + shift_us, 0))
        index.file_salvaged(segment)
        found.salvaged.append(segment)


def _is_there(handle: VolumeHandle) -> bool:
    try:
        handle.check()
    except StorageError as error:
        _LOGGER.warning("The volume %s is left out: %s", handle.volume.path, error.message)
        return False
    return True


def _empty_garbage(index: Index, volumes: Iterable[VolumeHandle]) -> None:
    for handle in filter(_is_there, volumes):
        try:
            collect_garbage(index, handle.volume)
        except OSError as error:
            _LOGGER.warning("The volume %s does not let go of files: %s", handle.volume.path, error.strerror)


def _end_runs(index: Index, waiting: set[str]) -> None:
    for run, footage_end_us in index.unfinished_runs():
        if run.run_id not in waiting:
            index.end_run(run.run_id, footage_end_us, END_REASON)


def _close_gaps(index: Index) -> None:
    """End open gaps when the recorder was last known to be alive; one that began after that leaves no row."""
    heartbeat = index.last_heartbeat()
    for gap in index.open_gaps():
        index.close_gap(gap.gap_id, gap.start_us if heartbeat is None else heartbeat)
