"""Which samples of which recorded fragments a clip's file holds, with what proves each of these fragments.

A fragment's header, all its bytes before the samples' data, holds its samples' times, sizes and SHA-256. It is a leaf
of the segment's Merkle tree; its audit path leads to the segment's root. Both show nothing of any other fragment.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from recorder_core.export.headers import unreadable
from recorder_core.merkle import audit_path, root_of
from recorder_core.mp4 import Mp4Error, read_fragment_head, read_init, segment_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recorder_core.export.clip_plan import ClipPart
    from recorder_core.export.samples import Extent
    from recorder_core.mp4 import SampleLayout
    from recorder_core.storage.records import Segment


@dataclass(frozen=True, slots=True)
class ProvedLeaf:
    """A leaf of a segment's tree: its bytes and its audit path. Leaf 0 is the init segment, leaf k fragment k."""

    index: int
    data: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """Samples `first` to `first + count - 1` of a fragment, which follow each other in the clip as they do there."""

    tree: SegmentTree
    fragment: int
    first: int
    count: int

    @property
    def samples(self) -> tuple[SampleLayout, ...]:
        """The samples taken."""
        return self.tree.layouts[self.fragment].samples[self.first : self.first + self.count]


@dataclass(frozen=True, slots=True)
class Source:
    """A segment that samples were taken of; `root` and `leaves` are those of its tree."""

    segment: Segment
    root: bytes
    leaves: int


class SegmentTree:
    """The headers of a recorded file, and the tree over them."""

    def __init__(self, path: Path, segment: Segment) -> None:
        """Read the headers of a segment as far as the index knows it, and compare them with its root.

        Raises:
            StorageError: the file cannot be read, or is not what was recorded.
        """
        self.segment = segment
        try:
            with path.open("rb", buffering=0) as file:
                read_init(file)
                file.seek(0)
                init = file.read(segment.fragments[0].offset)
                heads = [read_fragment_head(file, span.offset, span.size) for span in segment.fragments]
        except (OSError, Mp4Error) as error:
            raise unreadable(path, error) from error
        self.layouts = tuple(head.layout() for head in heads)
        self._data = [init, *(head.header for head in heads)]
        self._leaves = segment_leaves(init, heads)
        self.root = root_of(self._leaves)
        if segment.root and self.root != segment.root:
            raise unreadable(path, Mp4Error("Its headers are not those that were recorded"))

    @property
    def source(self) -> Source:
        """What a package tells of it."""
        return Source(self.segment, self.root, len(self._leaves))

    def leaf(self, index: int) -> ProvedLeaf:
        """Return a leaf with its audit path."""
        return ProvedLeaf(index, self._data[index], tuple(audit_path(self._leaves, index)))

    def wall_us(self, media_time: int) -> int:
        """Return the UTC of a media time since the beginning of the file."""
        media = sum(span.duration for span in self.segment.fragments)
        return self.segment.start_us + media_time * self.segment.wall_duration_us // media


def taken_samples(part: ClipPart, segments: Mapping[str, Segment]) -> Iterator[Taken]:
    """Follow a part's extents through the fragments of their files, in the order of the clip's data.

    `segments` are by the names of their files. Only one file's headers are in memory: a day has many.

    Raises:
        StorageError: a file cannot be read, or the plan and it do not fit together.
    """
    for path, extents in groupby(part.extents, attrgetter("path")):
        tree = SegmentTree(path, segments[path.name])
        for extent in extents:
            yield _in_fragment(extent, tree)


def _in_fragment(extent: Extent, tree: SegmentTree) -> Taken:
    """Find an extent, which lies in one fragment: between the data of two there is a header."""
    for index, layout in enumerate(tree.layouts):
        if layout.offset <= extent.offset < layout.offset + layout.size:
            for first, sample in enumerate(layout.samples):
                taken = layout.samples[first : first + extent.samples]
                if sample.offset == extent.offset and sum(one.size for one in taken) == extent.size:
                    return Taken(tree, index, first, extent.samples)
    raise unreadable(extent.path, Mp4Error("It has other samples than were planned"))
