"""Deciding which samples a clip takes and which pictures it shows; nothing is written here, and no media data read.

A picture belongs to the wall time from its presentation to the next one's. A clip of `[start_us, end_us)` shows the
picture that is on screen at its start, or the first one after it, up to the last one that appears before its end. It
also carries what these need to be decoded: pictures from the sync sample on, and surplus ones that are decoded before a
shown one but appear later. The edit list hides both.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, takewhile
from operator import add, itemgetter
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.export.headers import Headers
from recorder_core.export.samples import collect
from recorder_core.export.source import join_stretches
from recorder_core.models import StartMode
from recorder_core.mp4 import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder_core.export.samples import Extent
    from recorder_core.export.source import ClipSource, PlacedFragment, Stretch
    from recorder_core.media import VideoFormat
    from recorder_core.mp4 import SampleTable


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

    def wall_us(self, index: int) -> int:
        """The wall time at which the sample of that number, from 0 in decoding order, is presented, about."""
        shown = sum(self.table.durations[:index]) + self.table.composition_offsets[index] - self.show_start
        return self.start_us + shown * (self.end_us - self.start_us) // max(self.show_duration, 1)


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip: one part for each unbroken stretch, in time order.

    `to_encode` are stretches whose pictures come anew into files of their own, as `REENCODE_FIRST_GOP` asks for: what
    they show, and as a lead-in all that this needs to be decoded.
    """

    parts: tuple[ClipPart, ...]
    to_encode: tuple[ClipPart, ...] = ()

    @property
    def data_bytes(self) -> int:
        """The size of all samples of all parts, without those to be encoded anew."""
        return sum(part.data_bytes for part in self.parts)


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
        planned = [_plan_stretch(stretch, headers, start_us, end_us, start_mode) for stretch in stretches]
    plan = ClipPlan(
        parts=tuple(part for part, _ in planned if part is not None),
        to_encode=tuple(part for _, part in planned if part is not None),
    )
    if not plan.parts and not plan.to_encode:
        raise RequestError(ErrorCode.NO_FOOTAGE, "Nothing is stored in this interval.")
    return plan


def _plan_stretch(
    stretch: Stretch, headers: Headers, start_us: int, end_us: int, start_mode: StartMode
) -> tuple[ClipPart | None, ClipPart | None]:
    """The part that one stretch gives, and the pictures that are to be encoded anew before it; None of either."""
    if start_mode is not StartMode.REENCODE_FIRST_GOP:
        return _plan_part(stretch, headers, start_us, end_us, start_mode), None
    original = _plan_part(stretch, headers, start_us, end_us, StartMode.NEXT_SYNC)
    until_us = end_us if original is None else original.start_us
    return original, _plan_part(stretch, headers, start_us, until_us, start_mode)


def _plan_part(
    stretch: Stretch, headers: Headers, start_us: int, end_us: int, start_mode: StartMode
) -> ClipPart | None:
    """The part that one stretch gives, None if it gives nothing to show; or what is to be encoded anew before `end_us`.

    With a lead-in it shows the picture that is on screen at the start, else none that appeared before it.
    """
    begin, end = stretch.media_from(start_us), stretch.media_from(end_us)
    after_begin = stretch.media_from(start_us + 1)
    fragments = stretch.fragments()
    lead_in = start_mode is StartMode.LEAD_IN
    next_sync = start_mode is StartMode.NEXT_SYNC
    chosen = _beginning(stretch, headers, fragments, begin if next_sync else after_begin, start_mode)
    if chosen is None:
        return None
    fragment, within = chosen
    samples = collect(stretch, headers, fragments[fragment:], within, end)
    shown_order = sorted(range(len(samples.pts)), key=samples.pts.__getitem__)
    times = array("q", map(samples.pts.__getitem__, shown_order))
    # Where a picture is replaced by the next one; the last one of a stretch lasts as long as the stretch.
    replaced = times[1:]
    replaced.append(max(stretch.duration, times[-1]))
    first = max(bisect_left(times, after_begin) - 1, 0) if lead_in else bisect_left(times, begin)
    last = bisect_left(times, end) - 1
    if last < first or replaced[last] < after_begin:
        return None
    kept = max(shown_order[first : last + 1]) + 1
    newest = max(samples.pts[:kept])
    table, shift = samples.table(kept, replaced[bisect_left(times, newest)])
    return ClipPart(
        video_format=stretch.video_format,
        table=table,
        extents=tuple(samples.extents(stretch, kept)),
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

    For `NEXT_SYNC` it is the first one that appears at the threshold or after it, else the last one that appears before
    it, or the stretch's first. Sync samples stand at the beginning of fragments only, several where all pictures are
    such, and none appears before it is decoded.
    """
    syncs = [index for index, placed in enumerate(fragments) if placed.span.sync]
    if not syncs:
        return None

    def appearances(index: int) -> list[int]:
        placed = fragments[index]
        head = headers.fragment(stretch, placed)
        decoded = accumulate(head.rows[:-4:4], initial=placed.base + head.base_dts)
        presented = map(add, decoded, head.rows[3::4], strict=True)
        return [pts for pts, _ in takewhile(itemgetter(1), zip(presented, head.syncs, strict=True))]

    position = max(bisect_left(syncs, threshold, key=lambda index: fragments[index].dts) - 1, 0)
    while position > 0 and appearances(syncs[position])[0] >= threshold:
        position -= 1
    if start_mode is not StartMode.NEXT_SYNC:
        return syncs[position], max(bisect_left(appearances(syncs[position]), threshold) - 1, 0)
    for index in syncs[position:]:
        times = appearances(index)
        if (within := bisect_left(times, threshold)) < len(times):
            return index, within
    return None
