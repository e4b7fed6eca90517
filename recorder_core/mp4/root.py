"""The root that stands for a segment file: that of a Merkle tree over all its bytes but the samples' data.

The first leaf is the init segment; each following one is a fragment's header: all its bytes before its samples' data.
Each sample's own SHA-256 is among those bytes, so no byte of the file can change without one or the other, each byte
is hashed once while it is recorded, and a lost index is rebuilt from the headers without reading any footage. One
header and its audit path show when its samples were taken and what they are, and no other picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.merkle import leaf_hash, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from recorder_core.mp4.reader import SegmentLayout


def segment_leaves(file: BinaryIO, layout: SegmentLayout) -> Iterator[bytes]:
    """Give the hashes of the init segment and of the header of each of `layout`'s fragments, in their order.

    Raises:
        OSError: the file cannot be read.
    """
    fragments = layout.fragments
    spans = [(0, fragments[0].offset if fragments else layout.whole_size)]
    spans.extend((fragment.offset, fragment.samples[0].offset) for fragment in fragments)
    for begin, end in spans:
        file.seek(begin)
        yield leaf_hash(file.read(end - begin))


def segment_root(file: BinaryIO, layout: SegmentLayout) -> bytes:
    """Return the root of the file up to the end of the last of `layout`'s fragments.

    Raises:
        OSError: the file cannot be read.
    """
    return root_of(segment_leaves(file, layout))
