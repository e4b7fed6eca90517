"""Where a clip is cut from: segment files in time order, joined to unbroken stretches with one time line each.

Media time in a stretch counts from the beginning of its first file in 1/90 000 s. Between the beginnings of two files
it maps linearly to wall time, because the run's clock follows its estimate at one rate for each segment.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from recorder_core.media import VideoFormat
    from recorder_core.storage.records import FragmentSpan, Segment

_CONTIGUOUS_US = 100_000
"""Two files of a run belong together if the second starts this close to the first one's end.

Their times are equal to the microsecond as they are written. In an index that was rebuilt from the files they may
differ by what a clock at 500 ppm loses in a minute, 30 ms; a file that is missing leaves at least a fragment's second.
"""


@dataclass(frozen=True, slots=True)
class ClipSource:
    """A closed or open segment file as far as it is whole: `fragments` are all that may be read of it."""

    path: Path
    run_id: str
    start_us: int
    wall_duration_us: int
    fragments: tuple[FragmentSpan, ...]

    @classmethod
    def of(cls, segment: Segment, volume: Path) -> ClipSource:
        """The source that a row of the index and its volume's folder make."""
        return cls(volume / segment.path, segment.run_id, segment.start_us, segment.wall_duration_us, segment.fragments)

    @property
    def media_duration(self) -> int:
        """How long its fragments last, in media time."""
        return sum(span.duration for span in self.fragments)


@dataclass(frozen=True, slots=True)
class PlacedFragment:
    """A fragment on the time line of its stretch: its first sample is decoded at `dts`, its file begins at `base`."""

    source: int
    span: FragmentSpan
    base: int
    dts: int


class Stretch:
    """Files that follow each other without a gap, of one run and one format."""

    def __init__(self, sources: Sequence[ClipSource], video_format: VideoFormat) -> None:
        """Lay the files on one time line. Each of them has a fragment, and lasts."""
        self.sources = tuple(sources)
        self.video_format = video_format
        self._starts = [source.start_us for source in sources]
        self._media = [source.media_duration for source in sources]
        self._bases = [0, *accumulate(self._media)]
        self._wall = [later - earlier for earlier, later in pairwise(self._starts)]
        self._wall.append(sources[-1].wall_duration_us)

    @property
    def duration(self) -> int:
        """Its length in media time."""
        return self._bases[-1]

    def fragments(self) -> list[PlacedFragment]:
        """All its fragments in decoding order."""
        placed = []
        for index, source in enumerate(self.sources):
            dts = base = self._bases[index]
            for span in source.fragments:
                placed.append(PlacedFragment(index, span, base, dts))
                dts += span.duration
        return placed

    def wall_us(self, media_time: int) -> int:
        """The wall time of a media time. Grows with it; outside of the stretch its end pieces go on."""
        index = min(max(bisect_right(self._bases, media_time) - 1, 0), len(self.sources) - 1)
        return self._starts[index] + (media_time - self._bases[index]) * self._wall[index] // self._media[index]

    def media_from(self, wall_us: int) -> int:
        """The first media time whose wall time is not before `wall_us`."""
        index = max(bisect_right(self._starts, wall_us) - 1, 0)
        return self._bases[index] - (self._starts[index] - wall_us) * self._media[index] // self._wall[index]


def join_stretches(sources: Iterable[tuple[ClipSource, VideoFormat]]) -> list[Stretch]:
    """Join files in time order to stretches, in the order of their beginnings.

    Files of two runs may overlap, where the wall clock stepped back: they make stretches of their own.
    """
    runs: dict[tuple[str, VideoFormat], list[list[ClipSource]]] = {}
    for source, video_format in sources:
        if source.media_duration <= 0 or source.wall_duration_us <= 0:
            continue  # an open file without a fragment yet
        stretches = runs.setdefault((source.run_id, video_format), [])
        if stretches and _continues(stretches[-1][-1], source):
            stretches[-1].append(source)
        else:
            stretches.append([source])
    joined = [Stretch(files, video_format) for (_, video_format), stretches in runs.items() for files in stretches]
    return sorted(joined, key=lambda stretch: stretch.sources[0].start_us)


def _continues(earlier: ClipSource, later: ClipSource) -> bool:
    apart = later.start_us - (earlier.start_us + earlier.wall_duration_us)
    return abs(apart) <= _CONTIGUOUS_US and later.start_us > earlier.start_us
