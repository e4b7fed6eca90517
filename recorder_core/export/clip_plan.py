"""Deciding which samples a clip takes and which pictures it shows; nothing is written here, and no media data read.

A picture belongs to the wall time from its presentation to the next one's. A clip of `[start_us, end_us)` shows the
picture that is on screen at its start, or the first one after it, up to the last one that appears before its end. It
also carries what these need to be decoded: pictures from the sync sample on, and surplus ones that are decoded before a
shown one but appear later. The edit list hides both.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.export.headers import Headers
from recorder_core.export.source import join_stretches
from recorder_core.models import StartMode
from recorder_core.mp4 import DIGEST_BYTES, SampleTable
from recorder_core.parameter_sets import MAX_REORDER_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recorder_core.export.source import ClipSource, PlacedFragment, Stretch
    from recorder_core.media import VideoFormat


@dataclass(frozen=True, slots=True)
class Extent:
    """Samples that lie one behind the other in a file: `samples` of them, `size` bytes from `offset` on."""

    path: Path
    offset: int
    size: int
    samples: int


@dataclass(frozen=True, slots=True)
class ClipPart:
    """One unbroken stretch of a clip: what its file will hold, and what it shows.

    `extents` in order give the data of the samples in `table`, `digests` their SHA-256 one behind the other.
    `show_start` and `show_duration` are media times for the edit list. The wall times are those of the pictures shown:
    from the first one's presentation to where the last one is replaced; `lead_in_us` is hidden before them.
    """

    video_format: VideoFormat
    table: SampleTable
    extents: tuple[Extent, ...]
    digests: bytes
    show_start: int
    show_duration: int
    start_us: int
    end_us: int
    lead_in_us: int
    frames: int

    @property
    def data_bytes(self) -> int:
        """The size of all samples together."""
        return sum(extent.size for extent in self.extents)


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip: one part for each unbroken stretch, in time order."""

    parts: tuple[ClipPart, ...]

    @property
    def data_bytes(self) -> int:
        """The size of all samples of all parts."""
        return sum(part.data_bytes for part in self.parts)


@dataclass(slots=True)
class _Samples:
    """Candidates for one part in decoding order, by column; a day of them must fit into memory."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    sources: array[int] = field(default_factory=lambda: array("I"))
    sync: bytearray = field(default_factory=bytearray)
    digests: bytearray = field(default_factory=bytearray)


def plan_clip(
    sources: Sequence[ClipSource], start_us: int, end_us: int, start_mode: StartMode = StartMode.LEAD_IN
) -> ClipPlan:
    """Decide what the clip `[start_us, end_us)` takes from these files, which are those that overlap it, in time order.

    One file more in front does no harm. It helps where the first file begins with pictures that refer to the one before
    (an open GOP) and the clip with just these: else it begins with the file's sync sample, a few pictures later.

    Raises:
        RequestError: the interval is empty, or nothing is stored in it that can be shown.
        StorageError: a file is missing, or is not what the index says.
    """
    if start_us >= end_us:
        raise RequestError(ErrorCode.INTERVAL_INVERTED, "The clip would end before it begins.")
    with Headers() as headers:
        stretches = join_stretches([(source, headers.video_format(source)) for source in sources])
        planned = (_plan_part(stretch, headers, start_us, end_us, start_mode) for stretch in stretches)
        parts = tuple(part for part in planned if part is not None)
    if not parts:
        raise RequestError(ErrorCode.NO_FOOTAGE, "Nothing is stored in this interval.")
    return ClipPlan(parts)


def _plan_part(
    stretch: Stretch, headers: Headers, start_us: int, end_us: int, start_mode: StartMode
) -> ClipPart | None:
    """The part that one stretch gives, None if it gives nothing to show."""
    begin, end = stretch.media_from(start_us), stretch.media_from(end_us)
    after_begin = stretch.media_from(start_us + 1)
    fragments = stretch.fragments()
    lead_in = start_mode is StartMode.LEAD_IN
    chosen = _beginning(stretch, headers, fragments, after_begin if lead_in else begin, start_mode)
    if chosen is None:
        return None
    fragment, within = chosen
    samples = _collect(stretch, headers, fragments[fragment:], within, end)
    shown_order = sorted(range(len(samples.pts)), key=samples.pts.__getitem__)
    times = array("q", (samples.pts[index] for index in shown_order))
    # Where a picture is replaced by the next one; the last one of a stretch lasts as long as the stretch.
    replaced = times[1:]
    replaced.append(max(stretch.duration, times[-1]))
    first = max(bisect_left(times, after_begin) - 1, 0) if lead_in else 0
    last = bisect_left(times, end) - 1
    if last < first or replaced[last] < after_begin:
        return None
    kept = max(shown_order[first : last + 1]) + 1
    newest = max(samples.pts[:kept])
    table, shift = _sample_table(samples, kept, replaced[bisect_left(times, newest)])
    return ClipPart(
        video_format=stretch.video_format,
        table=table,
        extents=tuple(_extents(stretch, samples, kept)),
        digests=bytes(samples.digests[: kept * DIGEST_BYTES]),
        show_start=times[first] - times[0] + shift,
        show_duration=replaced[last] - times[first],
        start_us=stretch.wall_us(times[first]),
        end_us=stretch.wall_us(replaced[last]),
        lead_in_us=stretch.wall_us(times[first]) - stretch.wall_us(times[0]),
        frames=last + 1 - first,
    )


def _beginning(
    stretch: Stretch, headers: Headers, fragments: Sequence[PlacedFragment], threshold: int, start_mode: StartMode
) -> tuple[int, int] | None:
    """The sync sample that the part begins with, as its fragment's index and its own in there; None if there is none.

    With a lead-in it is the last one that appears before the threshold, or else the stretch's first; without, it is the
    first one that appears at the threshold or after. Sync samples stand at the beginning of fragments only, several
    where all pictures are such, and none appears before it is decoded.
    """
    syncs = [index for index, placed in enumerate(fragments) if placed.span.sync]
    if not syncs:
        return None

    def appearances(index: int) -> list[int]:
        placed = fragments[index]
        layout = headers.fragment(stretch, placed)
        times = []
        dts = placed.base + layout.base_dts
        for sample in layout.samples:
            if not sample.sync:
                break
            times.append(dts + sample.composition_offset)
            dts += sample.duration
        return times

    position = max(bisect_left(syncs, threshold, key=lambda index: fragments[index].dts) - 1, 0)
    while position > 0 and appearances(syncs[position])[0] >= threshold:
        position -= 1
    if start_mode is StartMode.LEAD_IN:
        return syncs[position], max(bisect_left(appearances(syncs[position]), threshold) - 1, 0)
    for index in syncs[position:]:
        times = appearances(index)
        if (within := bisect_left(times, threshold)) < len(times):
            return index, within
    return None


def _collect(stretch: Stretch, headers: Headers, fragments: Sequence[PlacedFragment], first: int, end: int) -> _Samples:
    """All samples from a sync sample on that may be needed for what appears before `end`, and the one after that.

    The sync sample is the one at `first` in the first fragment.

    Pictures that follow the sync sample in decoding and appear before it refer to pictures that the clip does not have:
    they are left out. No later picture refers to them (H.265 section 3: leading and trailing pictures; H.264 section
    D.2.8: after a recovery point the pictures in output order are right).
    """
    samples = _Samples()
    earliest: int | None = None
    late = 0
    for placed in fragments:
        layout = headers.fragment(stretch, placed)
        dts = placed.base + layout.base_dts + sum(sample.duration for sample in layout.samples[:first])
        for sample in layout.samples[first:]:
            pts = dts + sample.composition_offset
            if earliest is None:
                earliest = pts
            if pts >= earliest:
                samples.pts.append(pts)
                samples.sizes.append(sample.size)
                samples.offsets.append(sample.offset)
                samples.sources.append(placed.source)
                samples.sync.append(sample.sync)
                samples.digests += sample.digest
            late += dts >= end
            dts += sample.duration
        first = 0
        # A picture waits for at most that many others in the decoded picture buffer.
        if late > MAX_REORDER_DEPTH:
            break
    return samples


def _sample_table(samples: _Samples, kept: int, end: int) -> tuple[SampleTable, int]:
    """The table of the first `kept` samples, the newest of which is replaced at `end`; and the shift of its times.

    Decoding times are the presentation times in ascending order, as in the run, so nothing overlaps where samples were
    left out. The shift makes all composition offsets positive, for players that know no others.
    """
    decoded = sorted(samples.pts[:kept])
    shift = max(dts - pts for dts, pts in zip(decoded, samples.pts, strict=False))
    table = SampleTable(
        sizes=samples.sizes[:kept],
        durations=array("I", (later - earlier for earlier, later in pairwise((*decoded, end)))),
        composition_offsets=array("I", (pts - dts + shift for dts, pts in zip(decoded, samples.pts, strict=False))),
        sync=array("I", (index for index in range(kept) if samples.sync[index])),
    )
    return table, shift


def _extents(stretch: Stretch, samples: _Samples, kept: int) -> Iterator[Extent]:
    """The samples' data, joined where they lie one behind the other."""
    first = 0
    for index in range(1, kept + 1):
        end = samples.offsets[index - 1] + samples.sizes[index - 1]
        if index < kept and samples.sources[index] == samples.sources[first] and samples.offsets[index] == end:
            continue
        offset = samples.offsets[first]
        yield Extent(stretch.sources[samples.sources[first]].path, offset, end - offset, index - first)
        first = index
