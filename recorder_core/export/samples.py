"""Samples that one part of a clip may take, by column and in decoding order, and what of the plan follows from them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate, chain, compress, pairwise
from operator import add, sub
from typing import TYPE_CHECKING

from recorder_core.mp4 import DIGEST_BYTES, SampleTable
from recorder_core.parameter_sets import MAX_REORDER_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recorder_core.mp4 import FragmentHead

    from .headers import Headers
    from .source import PlacedFragment, Stretch


@dataclass(frozen=True, slots=True)
class Extent:
    """Samples that lie one behind the other in a file: `samples` of them, `size` bytes from `offset` on."""

    path: Path
    offset: int
    size: int
    samples: int


@dataclass(slots=True)
class Samples:
    """Candidates for one part; a day of them must fit into memory. `sources` are numbers of the stretch's files."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    sources: array[int] = field(default_factory=lambda: array("I"))
    sync: bytearray = field(default_factory=bytearray)
    digests: bytearray = field(default_factory=bytearray)

    def table(self, kept: int, end: int) -> tuple[SampleTable, int]:
        """The table of the first `kept` samples, the newest of which is replaced at `end`; and the shift of its times.

        Decoding times are the presentation times in ascending order, as in the run, so nothing overlaps where samples
        were left out. The shift makes all composition offsets positive, for players that know no others.
        """
        presented = self.pts[:kept]
        decoded = sorted(presented)
        shift = max(map(sub, decoded, presented, strict=True))
        ends = chain(decoded[1:], [end])
        table = SampleTable(
            sizes=self.sizes[:kept],
            durations=array("I", map(sub, ends, decoded, strict=True)),
            composition_offsets=array("I", (pts - dts + shift for pts, dts in zip(presented, decoded, strict=True))),
            sync=array("I", compress(range(kept), self.sync)),
        )
        return table, shift

    def extents(self, stretch: Stretch, kept: int) -> Iterator[Extent]:
        """Where the data of the first `kept` samples lie, joined where they lie one behind the other."""
        ends = array("Q", map(add, self.offsets[:kept], self.sizes[:kept], strict=True))
        breaks = (
            index
            for index, (end, (_, begin)) in enumerate(zip(ends, pairwise(self.offsets[:kept]), strict=False), 1)
            if begin != end or self.sources[index] != self.sources[index - 1]
        )
        for first, after in pairwise(chain([0], breaks, [kept])):
            offset = self.offsets[first]
            path = stretch.sources[self.sources[first]].path
            yield Extent(path, offset, ends[after - 1] - offset, after - first)


def collect(stretch: Stretch, headers: Headers, fragments: Sequence[PlacedFragment], first: int, end: int) -> Samples:
    """All samples from a sync sample on that may be needed for what appears before `end`, and the one after that.

    The sync sample is the one at `first` in the first fragment.

    Pictures that follow the sync sample in decoding and appear before it refer to pictures that the clip does not have:
    they are left out. No later picture refers to them (H.265 section 3: leading and trailing pictures; H.264 section
    D.2.8: after a recovery point the pictures in output order are right).
    """
    samples = Samples()
    earliest: int | None = None
    late = 0
    for placed in fragments:
        head = headers.fragment(stretch, placed)
        decoded = list(accumulate(head.rows[:-4:4], initial=placed.base + head.base_dts))
        presented = list(map(add, decoded, head.rows[3::4], strict=True))
        if earliest is None:
            earliest = presented[first]
        taken = [number >= first and pts >= earliest for number, pts in enumerate(presented)]
        _append(samples, head, placed.source, presented, taken)
        late += len(decoded) - max(bisect_left(decoded, end), first)
        first = 0
        # A picture waits for at most that many others in the decoded picture buffer.
        if late > MAX_REORDER_DEPTH:
            break
    return samples


def _append(samples: Samples, head: FragmentHead, source: int, presented: list[int], taken: list[bool]) -> None:
    """Append those samples of a fragment that are to be taken. A day has two millions: each column at one go."""
    sizes = head.rows[1::4]
    offsets = accumulate(sizes[:-1], initial=head.offset + len(head.header))
    digests = head.digests
    samples.pts.extend(compress(presented, taken))
    samples.sizes.extend(compress(sizes, taken))
    samples.offsets.extend(compress(offsets, taken))
    samples.sync.extend(compress(head.syncs, taken))
    samples.sources.extend([source] * sum(taken))
    if all(taken):
        samples.digests += digests
    else:
        for number in compress(range(len(taken)), taken):
            samples.digests += digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]
