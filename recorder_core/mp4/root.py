"""The root that stands for a segment file: that of a Merkle tree over all its bytes but the samples' data.

The first leaf is the init segment; each following one is a fragment's header: all its bytes before its samples' data.
Each sample's own SHA-256 is among those bytes, so no byte of the file can change without one or the other, each byte
is hashed once while it is recorded, and a lost index is rebuilt from the headers without reading any footage. One
header and its audit path show when its samples were taken and what they are, and no other picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.merkle import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder_core.mp4.fragment_head import FragmentHead


def segment_leaves(init: bytes, heads: Iterable[FragmentHead]) -> list[bytes]:
    """Return the hashes of the leaves of a file that begins with the init segment `init` and has these fragments."""
    return [leaf_hash(init), *(leaf_hash(head.header) for head in heads)]
