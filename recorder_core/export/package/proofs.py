"""The file that proves a clip: JSON lines, one for each leaf of a recorded segment's tree that the clip needs.

    {"segment": "<id>", "leaf": k, "path": ["<hex>", …], "data": "<base64>", "first": n, "count": n}

Leaf 0 of each segment comes before its others and holds the init segment, which names the camera. The samples `first`
to `first + count - 1` (from 0) of each other leaf follow each other in the clip's data in the order of the lines. The
segments' roots stand in the manifest.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from .layout import json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .taken import ProvedLeaf, SegmentTree, Source, Taken


def proof_lines(taken: Iterable[Taken], sources: dict[int, Source]) -> Iterator[bytes]:
    """Give the lines for what a clip takes, in the order of its data; put its segments into `sources`, by their ids."""
    known: set[int] = set()
    for one in taken:
        if one.tree.segment.segment_id not in known:
            known.add(one.tree.segment.segment_id)
            sources[one.tree.segment.segment_id] = one.tree.source
            yield _line(one.tree, one.tree.leaf(0), 0, 0)
        yield _line(one.tree, one.tree.leaf(one.fragment + 1), one.first, one.count)


def _line(tree: SegmentTree, leaf: ProvedLeaf, first: int, count: int) -> bytes:
    return json_line(
        {
            "segment": f"{tree.segment.segment_id:016x}",
            "leaf": leaf.index,
            "path": [node.hex() for node in leaf.path],
            "data": b64encode(leaf.data).decode(),
            "first": first,
            "count": count,
        }
    )
